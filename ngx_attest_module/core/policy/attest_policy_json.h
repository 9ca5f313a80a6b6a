/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shared by the files that read a policy: what its members are made of.
 */


#ifndef ATTEST_POLICY_JSON_H_INCLUDED
#define ATTEST_POLICY_JSON_H_INCLUDED


#include <cjson/cJSON.h>

#include "core/policy/attest_policy.h"


#define ATTEST_POLICY_PATH       96

/* What looks as if it demanded something is a mistake, not a policy. */
#define ATTEST_POLICY_EMPTY      "empty: it demands nothing"


typedef struct {
    attest_policy_t   *policy;
    char              *err;
    size_t             err_len;
    unsigned           ek_given:1;            /* "require_ek" was there */
    unsigned           version_given:1;
} attest_policy_ctx_t;

typedef int (*attest_policy_pt)(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);

/* What a member's value is, and what of a policy it sets. */

typedef enum {
    ATTEST_FORM_OWN = 0,           /* its handler knows */
    ATTEST_FORM_FLAG,              /* true or false: uint8_t */
    ATTEST_FORM_HEX,               /* "hex" or ["hex", ...]: a refset */
    ATTEST_FORM_HEX_LIST,          /* ["hex", ...]: a refset */
    ATTEST_FORM_TEXTS,             /* ["text", ...]: a textset */
    ATTEST_FORM_CERTS              /* ["PEM", ...]: certificates */
} attest_form_e;

typedef struct {
    const char        *name;
    attest_policy_pt   handler;
    attest_form_e      form;
    size_t             to;         /* offset in attest_policy_t */
    size_t             bytes;      /* of one hex value */
} attest_policy_member_t;

#define ATTEST_POLICY_OWN(name, handler)                                      \
    { name, handler, ATTEST_FORM_OWN, 0, 0 }
#define ATTEST_POLICY_FORM(name, form, to, bytes)                             \
    { name, NULL, ATTEST_FORM_##form, offsetof(attest_policy_t, to), bytes }
#define ATTEST_POLICY_FLAG(name, to)                                          \
    ATTEST_POLICY_FORM(name, FLAG, to, 0)
#define ATTEST_POLICY_HEX(name, to, bytes)                                    \
    ATTEST_POLICY_FORM(name, HEX, to, bytes)
#define ATTEST_POLICY_HEX_LIST(name, to, bytes)                               \
    ATTEST_POLICY_FORM(name, HEX_LIST, to, bytes)
#define ATTEST_POLICY_TEXTS(name, to)                                         \
    ATTEST_POLICY_FORM(name, TEXTS, to, 0)
#define ATTEST_POLICY_CERTS(name, to)                                         \
    ATTEST_POLICY_FORM(name, CERTS, to, 0)
#define ATTEST_POLICY_END                                                     \
    { NULL, NULL, ATTEST_FORM_OWN, 0, 0 }


/* Writes "path: what" for people; returns ATTEST_EFORMAT. */
int attest_policy_fail(attest_policy_ctx_t *ctx, const char *path,
    const char *what);
/* The text of a whole policy; the caller frees *root after ATTEST_OK. */
int attest_policy_text(attest_policy_ctx_t *ctx, const char *json, size_t len,
    cJSON **root);
/* An object without duplicates and with a sane number of members. */
int attest_policy_object(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
/* Not empty.  The table ends with a NULL name. */
int attest_policy_table_read(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, const attest_policy_member_t *table);
/* Adds one value of `want` bytes (at most 64); want 0: 32 or 48 bytes. */
int attest_policy_hex(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, size_t want, attest_refset_t *set);
/*
 * { "0": "hex" or ["hex", ...], ... }: sets of `count` registers, each of
 * which is called `noun` in messages ("a PCR").
 */
int attest_policy_numbered(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, const char *noun, int count, size_t want,
    attest_refset_t *sets);
int attest_policy_bool(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, uint8_t *flag);
/* A whole number up to max, which is at most 2^53. */
int attest_policy_number(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, uint64_t max, uint64_t *out);
/* ["text", ...] */
int attest_policy_texts(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, attest_textset_t *set);


#endif /* ATTEST_POLICY_JSON_H_INCLUDED */
