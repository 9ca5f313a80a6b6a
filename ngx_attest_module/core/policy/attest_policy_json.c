/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the members of a policy are made of: objects, hex values, numbers,
 * texts and certificates, each read strictly and refused with its path.
 */


#include <stdio.h>
#include <string.h>

#include "core/base/attest_hex.h"
#include "core/base/attest_json.h"
#include "core/policy/attest_policy_json.h"
#include "core/crypto/attest_x509.h"


static int attest_policy_hex_list(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, size_t want, attest_refset_t *set);
static int attest_policy_hex_values(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, size_t want, attest_refset_t *set);
static int attest_policy_certs(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, STACK_OF(X509) **certs);
static const char *attest_policy_fault(attest_json_fault_e fault);
static int attest_policy_value(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, const attest_policy_member_t *member);
static int attest_policy_index(const char *text, int count);
static int attest_policy_cert(attest_policy_ctx_t *ctx, const char *path,
    const char *text, STACK_OF(X509) *certs);


int
attest_policy_fail(attest_policy_ctx_t *ctx, const char *path,
    const char *what)
{
    if (ctx->err != NULL && ctx->err_len != 0) {
        (void) snprintf(ctx->err, ctx->err_len, "%s%s%s", path,
                        *path == '\0' ? "" : ": ", what);
    }

    return ATTEST_EFORMAT;
}


int
attest_policy_text(attest_policy_ctx_t *ctx, const char *json, size_t len,
    cJSON **root)
{
    attest_json_fault_e                fault;
    static const attest_json_rules_t   rules = {
        .flags = ATTEST_JSON_WHOLE|ATTEST_JSON_MEMBERS
    };

    if (attest_json_parse(attest_span(json, len), &rules, root, &fault)
        != ATTEST_OK)
    {
        return attest_policy_fail(ctx, "", attest_policy_fault(fault));
    }

    return ATTEST_OK;
}


static const char *
attest_policy_fault(attest_json_fault_e fault)
{
    switch (fault) {
    case ATTEST_JSON_DEPTH:
        return "nested too deep";
    case ATTEST_JSON_STRING:
        return "a string with a control character or without an end";
    case ATTEST_JSON_NUMBER:
        return "numbers must be whole and not negative";
    case ATTEST_JSON_TRAILING:
        return "something follows the policy";
    default:
        return "not valid JSON";
    }
}



/* An object without duplicates and with a sane number of members. */

int
attest_policy_object(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int          rc;
    char         sub[ATTEST_POLICY_PATH];
    const char  *twice;

    if (!cJSON_IsObject(v)) {
        return attest_policy_fail(ctx, path, "must be an object");
    }

    rc = attest_json_members(v, &twice);

    if (rc == ATTEST_ELIMIT) {
        return attest_policy_fail(ctx, path, "too many members");
    }

    if (rc != ATTEST_OK) {
        (void) snprintf(sub, sizeof(sub), "%s%s%.32s", path,
                        *path == '\0' ? "" : ".", twice);
        return attest_policy_fail(ctx, sub, "given twice");
    }

    return ATTEST_OK;
}


/* Every member of an object by its handler; unknown ones are errors. */

int
attest_policy_table_read(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, const attest_policy_member_t *table)
{
    int           rc;
    char          sub[ATTEST_POLICY_PATH];
    size_t        i;
    const cJSON  *m;

    rc = attest_policy_object(ctx, path, v);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (v->child == NULL && *path != '\0') {
        return attest_policy_fail(ctx, path, ATTEST_POLICY_EMPTY);
    }

    for (m = v->child; m != NULL; m = m->next) {
        (void) snprintf(sub, sizeof(sub), "%.56s%s%.32s", path,
                        *path == '\0' ? "" : ".", m->string);

        for (i = 0; table[i].name != NULL; i++) {
            if (strcmp(table[i].name, m->string) == 0) {
                break;
            }
        }

        if (table[i].name == NULL) {
            return attest_policy_fail(ctx, sub, "unknown member");
        }

        rc = attest_policy_value(ctx, sub, m, &table[i]);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


static int
attest_policy_value(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, const attest_policy_member_t *member)
{
    void  *to = (uint8_t *) ctx->policy + member->to;

    switch (member->form) {

    case ATTEST_FORM_FLAG:
        return attest_policy_bool(ctx, path, v, to);

    case ATTEST_FORM_HEX:
        return attest_policy_hex_values(ctx, path, v, member->bytes, to);

    case ATTEST_FORM_HEX_LIST:
        return attest_policy_hex_list(ctx, path, v, member->bytes, to);

    case ATTEST_FORM_TEXTS:
        return attest_policy_texts(ctx, path, v, to);

    case ATTEST_FORM_CERTS:
        return attest_policy_certs(ctx, path, v, to);

    default:
        return member->handler(ctx, path, v);
    }
}


/* Adds one value of `want` bytes; want 0: 32 or 48 bytes. */

int
attest_policy_hex(attest_policy_ctx_t *ctx, const char *path, const cJSON *v,
    size_t want, attest_refset_t *set)
{
    size_t       n;
    const char  *s;

    if (!cJSON_IsString(v)) {
        return attest_policy_fail(ctx, path, "must be a hex string");
    }

    if (set->count == ATTEST_POLICY_MAX_VALUES) {
        return attest_policy_fail(ctx, path, "too many values");
    }

    s = v->valuestring;
    n = strlen(s);

    if (want != 0 ? n != 2 * want : n != 64 && n != 96) {
        return attest_policy_fail(ctx, path, "wrong number of hex digits");
    }

    if (attest_hex_exact(attest_span(s, n), set->value[set->count], n / 2)
        != ATTEST_OK)
    {
        return attest_policy_fail(ctx, path, "not hex");
    }

    set->len[set->count++] = n / 2;
    return ATTEST_OK;
}


static int
attest_policy_hex_list(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, size_t want, attest_refset_t *set)
{
    int           rc;
    char          sub[ATTEST_POLICY_PATH];
    size_t        i = 0;
    const cJSON  *item;

    if (!cJSON_IsArray(v)) {
        return attest_policy_fail(ctx, path, "must be a list");
    }

    if (v->child == NULL) {
        return attest_policy_fail(ctx, path, "an empty list");
    }

    for (item = v->child; item != NULL; item = item->next) {
        (void) snprintf(sub, sizeof(sub), "%.64s[%zu]", path, i++);

        rc = attest_policy_hex(ctx, sub, item, want, set);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


/* "hex" or ["hex", ...] */

static int
attest_policy_hex_values(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, size_t want, attest_refset_t *set)
{
    if (cJSON_IsString(v)) {
        return attest_policy_hex(ctx, path, v, want, set);
    }

    return attest_policy_hex_list(ctx, path, v, want, set);
}


/* "0", "1", .. below `count` in its only spelling; -1 for anything else. */

static int
attest_policy_index(const char *text, int count)
{
    int   i;
    char  buf[16];

    for (i = 0; i < count; i++) {
        (void) snprintf(buf, sizeof(buf), "%d", i);
        if (strcmp(buf, text) == 0) {
            return i;
        }
    }

    return -1;
}


int
attest_policy_numbered(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, const char *noun, int count, size_t want,
    attest_refset_t *sets)
{
    int           rc, i;
    char          sub[ATTEST_POLICY_PATH], what[96];
    const cJSON  *m;

    rc = attest_policy_object(ctx, path, v);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (v->child == NULL) {
        return attest_policy_fail(ctx, path, ATTEST_POLICY_EMPTY);
    }

    for (m = v->child; m != NULL; m = m->next) {
        (void) snprintf(sub, sizeof(sub), "%.48s.%.16s", path, m->string);

        i = attest_policy_index(m->string, count);
        if (i < 0) {
            (void) snprintf(what, sizeof(what), "unknown member: %s is named "
                            "by its number, 0 to %d", noun, count - 1);
            return attest_policy_fail(ctx, sub, what);
        }

        rc = attest_policy_hex_values(ctx, sub, m, want, &sets[i]);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


int
attest_policy_bool(attest_policy_ctx_t *ctx, const char *path, const cJSON *v,
    uint8_t *flag)
{
    if (!cJSON_IsBool(v)) {
        return attest_policy_fail(ctx, path, "must be true or false");
    }

    *flag = cJSON_IsTrue(v) ? 1 : 0;
    return ATTEST_OK;
}


int
attest_policy_number(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, uint64_t max, uint64_t *out)
{
    char  what[64];

    if (!cJSON_IsNumber(v) || v->valuedouble < 0
        || v->valuedouble > (double) max)
    {
        (void) snprintf(what, sizeof(what), "must be a number, 0 to %llu",
                        (unsigned long long) max);
        return attest_policy_fail(ctx, path, what);
    }

    *out = (uint64_t) v->valuedouble;
    return ATTEST_OK;
}


int
attest_policy_texts(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, attest_textset_t *set)
{
    char          sub[ATTEST_POLICY_PATH];
    size_t        i = 0;
    const cJSON  *item;

    if (!cJSON_IsArray(v) || v->child == NULL) {
        return attest_policy_fail(ctx, path, "must be a list of texts");
    }

    for (item = v->child; item != NULL; item = item->next) {
        (void) snprintf(sub, sizeof(sub), "%.64s[%zu]", path, i++);

        if (!cJSON_IsString(item) || *item->valuestring == '\0'
            || strlen(item->valuestring) >= ATTEST_POLICY_MAX_TEXT)
        {
            return attest_policy_fail(ctx, sub, "must be a text of 1 to 63 "
                                      "bytes");
        }

        if (set->count == ATTEST_POLICY_MAX_VALUES) {
            return attest_policy_fail(ctx, path, "too many values");
        }

        (void) snprintf(set->value[set->count++], ATTEST_POLICY_MAX_TEXT,
                        "%s", item->valuestring);
    }

    return ATTEST_OK;
}


static int
attest_policy_certs(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, STACK_OF(X509) **certs)
{
    int              rc;
    char             sub[ATTEST_POLICY_PATH];
    size_t           i = 0;
    const cJSON     *item;

    if (!cJSON_IsArray(v) || v->child == NULL) {
        return attest_policy_fail(ctx, path, "must be a list of PEM texts");
    }

    *certs = sk_X509_new_null();
    if (*certs == NULL) {
        return ATTEST_EINTERNAL;
    }

    for (item = v->child; item != NULL; item = item->next) {
        (void) snprintf(sub, sizeof(sub), "%.64s[%zu]", path, i++);

        if (!cJSON_IsString(item)) {
            return attest_policy_fail(ctx, sub, "must be a PEM text");
        }

        if (i > ATTEST_POLICY_MAX_VALUES) {
            return attest_policy_fail(ctx, path, "too many values");
        }

        rc = attest_policy_cert(ctx, sub, item->valuestring, *certs);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


static int
attest_policy_cert(attest_policy_ctx_t *ctx, const char *path,
    const char *text, STACK_OF(X509) *certs)
{
    X509            *cert;
    attest_span_t    pem;
    STACK_OF(X509)  *one;

    pem = attest_span(text, *text == '-' ? strlen(text) : 0);

    one = attest_x509_read(pem);

    if (one == NULL || sk_X509_num(one) != 1) {
        sk_X509_pop_free(one, X509_free);
        return attest_policy_fail(ctx, path, "must be one certificate in PEM "
                                  "and nothing else");
    }

    cert = sk_X509_shift(one);
    sk_X509_free(one);

    if (sk_X509_push(certs, cert) <= 0) {
        X509_free(cert);
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}
