/* SPDX-License-Identifier: Apache-2.0 */

/* Sets of reference values, as policies name them. */


#ifndef ATTEST_REFSET_H_INCLUDED
#define ATTEST_REFSET_H_INCLUDED


#include "core/base/attest_core.h"


#define ATTEST_POLICY_MAX_VALUES 32     /* alternatives for one reference */
#define ATTEST_POLICY_MAX_TEXT   64


typedef struct {
    uint8_t   value[ATTEST_POLICY_MAX_VALUES][64];
    size_t    len[ATTEST_POLICY_MAX_VALUES];
    size_t    count;                    /* 0: no reference value given */
} attest_refset_t;

typedef struct {
    char      value[ATTEST_POLICY_MAX_VALUES][ATTEST_POLICY_MAX_TEXT];
    size_t    count;                    /* 0: none given */
} attest_textset_t;


#endif /* ATTEST_REFSET_H_INCLUDED */
