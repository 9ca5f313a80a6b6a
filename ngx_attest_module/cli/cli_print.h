/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_PRINT_H_INCLUDED
#define CLI_PRINT_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "core/base/attest_span.h"


/* One line each: what, in a column of 24, and its value. */
void cli_print_hex(const char *what, const uint8_t *p, size_t n);
void cli_print_time(const char *what, int64_t t);
void cli_print_line(const char *what, attest_span_t s);


#endif /* CLI_PRINT_H_INCLUDED */
