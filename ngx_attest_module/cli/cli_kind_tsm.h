/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every field of a driver's report, whichever kind it is.
 */


#ifndef CLI_KIND_TSM_H_INCLUDED
#define CLI_KIND_TSM_H_INCLUDED


#include "core/base/attest_span.h"


void cli_tsm_show(attest_span_t value);


#endif /* CLI_KIND_TSM_H_INCLUDED */
