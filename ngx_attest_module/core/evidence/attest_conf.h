/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nginx's configuration language, cut into statements by the rules of
 * ngx_conf_read_token().  Whoever asks has a text that nginx has accepted or
 * is about to refuse; what it means is nginx's business.
 */


#ifndef ATTEST_CONF_H_INCLUDED
#define ATTEST_CONF_H_INCLUDED


#include "core/base/attest_core.h"


#define ATTEST_CONF_TOKENS  8


typedef struct {
    uint8_t        *p;
    uint8_t        *last;
    unsigned        line;
} attest_conf_reader_t;


typedef struct {
    attest_span_t   token[ATTEST_CONF_TOKENS];   /* unescaped, the first */
    size_t          count;                       /* all of them */
    unsigned        line;                        /* where it ends */
    int             end;          /* ';' '{' '}', 0: the end of the text */
} attest_conf_statement_t;


/* The text is written to: escapes are taken out in place. */
void attest_conf_init(attest_conf_reader_t *r, uint8_t *p, size_t n);

/* ATTEST_EFORMAT: a quote without an end, or a statement without one. */
int attest_conf_next(attest_conf_reader_t *r, attest_conf_statement_t *s);

/*
 * Behind the '{' of a block in Lua, where nginx's rules do not hold: goes on
 * behind the '}' that ends it.
 */
int attest_conf_skip_lua(attest_conf_reader_t *r);


#endif /* ATTEST_CONF_H_INCLUDED */
