/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_KIND_CCEL_H_INCLUDED
#define CLI_KIND_CCEL_H_INCLUDED


#include "core/base/attest_span.h"


/* alg: of the bank of registers that the log explains. */
void cli_ccel_show(attest_span_t value, uint16_t alg);


#endif /* CLI_KIND_CCEL_H_INCLUDED */
