/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The head of an HTTP/1.1 request, as a proxy writes it to its connection:
 * request line, fields, an empty line.  Read in place, into spans.
 */


#ifndef ATTEST_HTTP1_H_INCLUDED
#define ATTEST_HTTP1_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/prompt/attest_bhttp.h"


typedef struct {
    attest_span_t   method;
    attest_span_t   target;
    attest_span_t   fields;                    /* lines with their ends */
    attest_span_t   rest;                      /* behind the empty line */
} attest_http1_t;


/*
 * Strict: lines end with CR LF, names are tokens, values hold no control
 * character but the tabulator, nothing is folded, the version is HTTP/1.0 or
 * HTTP/1.1.  ATTEST_EFORMAT: it is another one, or not whole.
 */
int attest_http1_parse(attest_span_t text, attest_http1_t *h);

/*
 * Takes the first line of fields, which attest_http1_parse() has found, off.
 * 1: there was one.  Its value has no blanks around it.
 */
bool attest_http1_next(attest_span_t *fields, attest_bhttp_field_t *field);
/* 1 when the name is this one, of small letters, in either case. */
bool attest_http1_named(attest_span_t name, const char *lower);
/* The value of the first field of this name; n = 0: there is none. */
attest_span_t attest_http1_find(const attest_http1_t *h, const char *lower);


#endif /* ATTEST_HTTP1_H_INCLUDED */
