/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Takes nginx' configuration apart as nginx does: tokens, quotes, blocks; for
 * the record of what was loaded.
 */


#include "core/evidence/attest_conf.h"


static void attest_conf_blank(attest_conf_reader_t *r);
static int attest_conf_token(attest_conf_reader_t *r, attest_span_t *token);
static bool attest_conf_ends(const attest_conf_reader_t *r, uint8_t quote);
static void attest_conf_escape(attest_conf_reader_t *r, uint8_t **dst);
static int attest_conf_lua_string(attest_conf_reader_t *r);
static int attest_conf_lua_comment(attest_conf_reader_t *r);
static int attest_conf_lua_long(attest_conf_reader_t *r);
static void attest_conf_step(attest_conf_reader_t *r);


void
attest_conf_init(attest_conf_reader_t *r, uint8_t *p, size_t n)
{
    r->p = p;
    r->last = p + n;
    r->line = 1;
}


int
attest_conf_next(attest_conf_reader_t *r, attest_conf_statement_t *s)
{
    int            rc;
    attest_span_t  token;

    s->count = 0;

    for ( ;; ) {
        attest_conf_blank(r);

        s->line = r->line;
        s->end = 0;

        if (r->p == r->last) {
            return s->count == 0 ? ATTEST_OK : ATTEST_EFORMAT;
        }

        if (*r->p == ';' || *r->p == '{' || *r->p == '}') {
            s->end = *r->p++;
            return ATTEST_OK;
        }

        rc = attest_conf_token(r, &token);
        if (rc != ATTEST_OK) {
            return rc;
        }

        if (s->count < ATTEST_CONF_TOKENS) {
            s->token[s->count] = token;
        }

        s->count++;
    }
}


/* White space, and comments, which begin where a token could. */

static void
attest_conf_blank(attest_conf_reader_t *r)
{
    int  comment = 0;

    for ( /* void */ ; r->p < r->last; attest_conf_step(r)) {

        if (*r->p == '\n') {
            comment = 0;
            continue;
        }

        if (*r->p == '#') {
            comment = 1;
        }

        if (!comment && *r->p != ' ' && *r->p != '\t' && *r->p != '\r') {
            return;
        }
    }
}


static int
attest_conf_token(attest_conf_reader_t *r, attest_span_t *token)
{
    uint8_t  *dst, quote = 0;

    if (*r->p == '"' || *r->p == '\'') {
        quote = *r->p++;
    }

    token->p = r->p;

    for (dst = r->p; r->p < r->last; attest_conf_step(r)) {

        if (attest_conf_ends(r, quote)) {
            token->n = (size_t) (dst - token->p);
            r->p += (quote != 0);
            return ATTEST_OK;
        }

        if (*r->p == '$') {

            /* the brace of a variable opens no block, nor do more of them */

            while (r->last - r->p > 1 && r->p[1] == '{') {
                *dst++ = *r->p++;
            }

        } else if (*r->p == '\\' && r->last - r->p > 1) {
            attest_conf_escape(r, &dst);
            continue;
        }

        *dst++ = *r->p;
    }

    token->n = (size_t) (dst - token->p);

    return quote ? ATTEST_EFORMAT : ATTEST_OK;
}


static bool
attest_conf_ends(const attest_conf_reader_t *r, uint8_t quote)
{
    uint8_t  ch = *r->p;

    if (quote) {
        return ch == quote;
    }

    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n' || ch == ';'
           || ch == '{';
}


/* A backslash and what follows it; the reader stays on the last of both. */

static void
attest_conf_escape(attest_conf_reader_t *r, uint8_t **dst)
{
    attest_conf_step(r);

    switch (*r->p) {

    case 't':
        *(*dst)++ = '\t';
        return;

    case 'r':
        *(*dst)++ = '\r';
        return;

    case 'n':
        *(*dst)++ = '\n';
        return;

    case '"':
    case '\'':
    case '\\':
        break;

    default:
        *(*dst)++ = '\\';
    }

    *(*dst)++ = *r->p;
}


int
attest_conf_skip_lua(attest_conf_reader_t *r)
{
    int     rc;
    size_t  depth = 1;

    for ( /* void */ ; r->p < r->last; attest_conf_step(r)) {
        rc = ATTEST_OK;

        switch (*r->p) {

        case '{':
            depth++;
            break;

        case '}':
            if (--depth == 0) {
                r->p++;
                return ATTEST_OK;
            }
            break;

        case '"':
        case '\'':
            rc = attest_conf_lua_string(r);
            break;

        case '-':
            rc = attest_conf_lua_comment(r);
            break;

        case '[':
            rc = attest_conf_lua_long(r);
        }

        if (rc != ATTEST_OK || r->p == r->last) {
            break;
        }
    }

    return ATTEST_EFORMAT;
}


/* These stay on the last byte of what they pass. */

static int
attest_conf_lua_string(attest_conf_reader_t *r)
{
    uint8_t  quote = *r->p;

    for (attest_conf_step(r); r->p < r->last; attest_conf_step(r)) {

        if (*r->p == quote) {
            return ATTEST_OK;
        }

        if (*r->p == '\\' && r->last - r->p > 1) {
            attest_conf_step(r);
        }
    }

    return ATTEST_EFORMAT;
}


static int
attest_conf_lua_comment(attest_conf_reader_t *r)
{
    if (r->last - r->p < 2 || r->p[1] != '-') {
        return ATTEST_OK;
    }

    r->p++;

    if (r->last - r->p > 1 && r->p[1] == '[') {
        uint8_t  *p = r->p++;

        if (attest_conf_lua_long(r) != ATTEST_OK) {
            return ATTEST_EFORMAT;
        }

        /* no long one: the bracket is a part of an ordinary one */

        if (r->p != p + 1) {
            return ATTEST_OK;
        }
    }

    while (r->last - r->p > 1 && r->p[1] != '\n') {
        r->p++;
    }

    return ATTEST_OK;
}


/* [[...]], [=[...]=]; a bracket that opens none of them is passed alone. */

static int
attest_conf_lua_long(attest_conf_reader_t *r)
{
    size_t    i, level = 0;
    uint8_t  *p;

    for (p = r->p + 1; p < r->last && *p == '='; p++) {
        level++;
    }

    if (p == r->last || *p != '[') {
        return ATTEST_OK;
    }

    for (r->p = p + 1; r->p < r->last; attest_conf_step(r)) {

        if (*r->p != ']' || (size_t) (r->last - r->p) < level + 2) {
            continue;
        }

        for (i = 0; i < level && r->p[i + 1] == '='; i++) { /* void */ }

        if (i == level && r->p[level + 1] == ']') {
            r->p += level + 1;
            return ATTEST_OK;
        }
    }

    return ATTEST_EFORMAT;
}


static void
attest_conf_step(attest_conf_reader_t *r)
{
    if (*r->p++ == '\n') {
        r->line++;
    }
}
