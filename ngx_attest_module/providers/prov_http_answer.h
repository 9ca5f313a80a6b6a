/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PROV_HTTP_ANSWER_H_INCLUDED
#define PROV_HTTP_ANSWER_H_INCLUDED


#include "core/base/attest_core.h"


#define ATTEST_HTTP_HEAD_MAX   8192
#define ATTEST_HTTP_BODY_MAX   ATTEST_MAX_ITEM


/*
 * The body within a whole answer; moved to the front of its place when it is
 * chunked.  ATTEST_EFORMAT: not HTTP, or cut short; ATTEST_ELIMIT: too long;
 * ATTEST_EUNSUPPORTED: another status than 200.  error says which.
 */
int prov_http_answer(uint8_t *p, size_t n, attest_span_t *body,
    char error[256]);

/* 1: no more has to be read, for good or ill. */
bool prov_http_whole(const uint8_t *p, size_t n);

/* Up to eight digits and nothing else. */
int prov_http_number(attest_span_t text, int base, size_t *value);


#endif /* PROV_HTTP_ANSWER_H_INCLUDED */
