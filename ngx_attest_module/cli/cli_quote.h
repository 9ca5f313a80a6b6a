/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_QUOTE_H_INCLUDED
#define CLI_QUOTE_H_INCLUDED


#include "core/base/attest_core.h"


/* An Intel quote, of a TD or of an enclave. */
void cli_quote_show(attest_span_t quote);


#endif /* CLI_QUOTE_H_INCLUDED */
