/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which evidence of hardware is there, and is it one machine's?
 */


#ifndef ATTEST_VERIFY_HARDWARE_H_INCLUDED
#define ATTEST_VERIFY_HARDWARE_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


/* Finds and checks part->cpu and GPU evidence. */
void attest_verify_hardware(attest_verify_t *v, attest_part_t *part);
/* All parts are by one machine, as far as that can be told. */
void attest_verify_hardware_agrees(attest_verify_t *v);


#endif /* ATTEST_VERIFY_HARDWARE_H_INCLUDED */
