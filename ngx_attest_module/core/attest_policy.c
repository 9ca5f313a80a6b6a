
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "attest_least.h"
#include "attest_policy_internal.h"
#include "attest_x509.h"


#define ATTEST_POLICY_MAX_AGE    315360000.0      /* ten years */


static int attest_policy_read(attest_policy_ctx_t *ctx, const char *json,
    size_t len);
static const char *attest_policy_lex(const char *json, size_t len);
static int attest_policy_lex_plain(unsigned char c);
static size_t attest_policy_lex_number(const char *p, size_t n);
static size_t attest_policy_lex_string(const char *p, size_t n);
static int attest_policy_members(attest_policy_ctx_t *ctx, const cJSON *root);
static int attest_policy_finish(attest_policy_ctx_t *ctx);
static int attest_policy_bank(attest_policy_ctx_t *ctx,
    const attest_refset_t *sets, const char *name);
static int attest_policy_nibble(char c);
static int attest_policy_index(const char *text, int count);
static int attest_policy_pcr_sets(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, size_t want, attest_refset_t *sets);
static int attest_policy_cert(attest_policy_ctx_t *ctx, const char *path,
    const char *text, STACK_OF(X509) *certs);

static int attest_policy_version(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_roots(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_pcrs(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_events(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_config(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_ak(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_ek_roots(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_ek_intermediates(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_simulated_roots(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_waive(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_max_age(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_require_nonce(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_require_exporter(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_require_eventlog(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_require_ek(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_require_hpke_keys(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);


static const attest_policy_member_t  attest_policy_table[] = {
    { "version", attest_policy_version },
    { "roots_of_trust", attest_policy_roots },
    { "pcrs", attest_policy_pcrs },
    { "events", attest_policy_events },
    { "config", attest_policy_config },
    { "ak", attest_policy_ak },
    { "ek_roots", attest_policy_ek_roots },
    { "ek_intermediates", attest_policy_ek_intermediates },
    { "simulated_roots", attest_policy_simulated_roots },
    { "snp", attest_policy_snp },
    { "tdx", attest_policy_tdx },
    { "azure", attest_policy_azure },
    { "gcp", attest_policy_gcp },
    { "nitro", attest_policy_nitro },
    { "gpu", attest_policy_gpu },
    { "waive", attest_policy_waive },
    { "max_age", attest_policy_max_age },
    { "require_nonce", attest_policy_require_nonce },
    { "require_exporter", attest_policy_require_exporter },
    { "require_eventlog", attest_policy_require_eventlog },
    { "require_ek", attest_policy_require_ek },
    { "require_hpke_keys", attest_policy_require_hpke_keys },
    { NULL, NULL }
};


void
attest_policy_default(attest_policy_t *policy)
{
    memset(policy, 0, sizeof(*policy));

    policy->roots = ATTEST_ROOT_DEFAULT;
    policy->require_nonce = 1;
    policy->require_exporter = 1;
    policy->require_ek = 1;
}


void
attest_policy_clear(attest_policy_t *policy)
{
    size_t  i;

    for (i = 0; i < ATTEST_MAKERS; i++) {
        sk_X509_pop_free(policy->intermediates[i], X509_free);
    }

    sk_X509_pop_free(policy->ek_roots, X509_free);
    sk_X509_pop_free(policy->ek_intermediates, X509_free);
    sk_X509_pop_free(policy->simulated_roots, X509_free);
    attest_policy_snp_clear(&policy->snp);
    attest_policy_tdx_clear(&policy->tdx);
    attest_policy_azure_clear(&policy->azure);
    attest_policy_gcp_clear(&policy->gcp);
    attest_policy_nitro_clear(&policy->nitro);
    attest_policy_gpu_clear(&policy->gpu);
    memset(policy, 0, sizeof(*policy));
}


int
attest_policy_parse(const char *json, size_t len, attest_policy_t *policy,
    char *err, size_t err_len)
{
    int                   rc;
    attest_policy_ctx_t   ctx;

    memset(&ctx, 0, sizeof(ctx));
    ctx.policy = policy;
    ctx.err = err;
    ctx.err_len = err_len;

    attest_policy_default(policy);

    rc = attest_policy_read(&ctx, json, len);
    if (rc != ATTEST_OK) {
        attest_policy_clear(policy);
    }

    return rc;
}


static int
attest_policy_read(attest_policy_ctx_t *ctx, const char *json, size_t len)
{
    int          rc;
    cJSON       *root;
    const char  *what, *end;

    if (len > ATTEST_POLICY_MAX_JSON) {
        (void) attest_policy_fail(ctx, "", "the policy is too long");
        return ATTEST_ELIMIT;
    }

    what = attest_policy_lex(json, len);
    if (what != NULL) {
        return attest_policy_fail(ctx, "", what);
    }

    root = cJSON_ParseWithLengthOpts(json, len, &end, 0);
    if (root == NULL) {
        return attest_policy_fail(ctx, "", "not valid JSON");
    }

    /* cJSON stops behind the first value: nothing but blanks may follow */

    while (end < json + len && strchr(" \t\r\n", *end) != NULL) {
        end++;
    }

    if (end != json + len) {
        rc = attest_policy_fail(ctx, "", "something follows the policy");

    } else {
        rc = attest_policy_members(ctx, root);
    }

    cJSON_Delete(root);
    return rc;
}


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


/*
 * What cJSON lets pass and a policy must not: deep nesting, control
 * characters and NUL in strings, control characters as blanks (RFC 8259,
 * section 2, knows four), fractions, exponents and signs in numbers.  And an
 * end within an object, behind which some cJSON reads on (CVE-2023-53154).
 * Returns NULL or what is wrong.
 */

static const char *
attest_policy_lex(const char *json, size_t len)
{
    size_t    i, n;
    unsigned  depth = 0;

    for (i = 0; i < len; i += n) {
        n = 1;

        if (json[i] == '{' || json[i] == '[') {
            if (++depth > ATTEST_MAX_DEPTH) {
                return "nested too deep";
            }

        } else if (json[i] == '}' || json[i] == ']') {
            depth -= (depth != 0);

        } else if (json[i] == '"') {
            n = attest_policy_lex_string(json + i, len - i);
            if (n == 0) {
                return "a string with a control character or without an end";
            }

        } else if ((json[i] >= '0' && json[i] <= '9') || json[i] == '-') {
            n = attest_policy_lex_number(json + i, len - i);
            if (n == 0) {
                return "numbers must be whole and not negative";
            }

        } else if (!attest_policy_lex_plain((unsigned char) json[i])) {
            return "not valid JSON";
        }
    }

    return depth == 0 ? NULL : "not valid JSON";
}


static int
attest_policy_lex_plain(unsigned char c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7f);
}


static size_t
attest_policy_lex_number(const char *p, size_t n)
{
    size_t  i = 0;

    while (i < n && p[i] >= '0' && p[i] <= '9') {
        i++;
    }

    if (i == 0 || i > 16 || (i > 1 && p[0] == '0')) {
        return 0;
    }

    if (i < n && strchr(".eE+-", p[i]) != NULL) {
        return 0;
    }

    return i;
}


static size_t
attest_policy_lex_string(const char *p, size_t n)
{
    size_t  i;

    for (i = 1; i < n; i++) {

        if (p[i] == '"') {
            return i + 1;
        }

        if ((unsigned char) p[i] < 0x20) {
            return 0;
        }

        if (p[i] == '\\') {

            /* \u0000 would end a C string early and hide what follows */

            if (n - i > 5 && memcmp(p + i, "\\u0000", 6) == 0) {
                return 0;
            }

            i++;
        }
    }

    return 0;
}


/* An object without duplicates and with a sane number of members. */

int
attest_policy_object(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    char          sub[ATTEST_POLICY_PATH];
    size_t        count = 0;
    const cJSON  *a, *b;

    if (!cJSON_IsObject(v)) {
        return attest_policy_fail(ctx, path, "must be an object");
    }

    for (a = v->child; a != NULL; a = a->next) {

        if (++count > ATTEST_MAX_ITEMS) {
            return attest_policy_fail(ctx, path, "too many members");
        }

        for (b = v->child; b != a; b = b->next) {
            if (strcmp(a->string, b->string) == 0) {
                (void) snprintf(sub, sizeof(sub), "%s%s%.32s", path,
                                *path == '\0' ? "" : ".", a->string);
                return attest_policy_fail(ctx, sub, "given twice");
            }
        }
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

        rc = table[i].handler(ctx, sub, m);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


static int
attest_policy_members(attest_policy_ctx_t *ctx, const cJSON *root)
{
    int  rc;

    if (!cJSON_IsObject(root)) {
        return attest_policy_fail(ctx, "", "the policy must be an object");
    }

    rc = attest_policy_table_read(ctx, "", root, attest_policy_table);

    return rc == ATTEST_OK ? attest_policy_finish(ctx) : rc;
}


/* What depends on more than one member. */

static int
attest_policy_finish(attest_policy_ctx_t *ctx)
{
    int               rc;
    attest_policy_t  *policy = ctx->policy;

    if (!ctx->version_given) {
        return attest_policy_fail(ctx, "version", "missing");
    }

    rc = attest_policy_bank(ctx, policy->events, "events");
    if (rc != ATTEST_OK) {
        return rc;
    }

    /*
     * A named AK ties evidence to one TPM as an EK certificate does, and a
     * software TPM has no maker who could vouch for its EK.
     */

    if (!ctx->ek_given) {
        policy->require_ek = (policy->ak.count == 0
                              && (policy->roots & ~(ATTEST_ROOT_SOFTWARE
                                                    | ATTEST_ROOT_SIMULATED))
                                 != 0);
    }

    return ATTEST_OK;
}


/* All digests of a policy are of one bank. */

static int
attest_policy_bank(attest_policy_ctx_t *ctx, const attest_refset_t *sets,
    const char *name)
{
    size_t    i, k;
    uint16_t  alg;

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        for (k = 0; k < sets[i].count; k++) {
            alg = sets[i].len[k] == 48 ? ATTEST_TPM_ALG_SHA384
                                       : ATTEST_TPM_ALG_SHA256;

            if (ctx->policy->pcr_alg == 0) {
                ctx->policy->pcr_alg = alg;
            }

            if (ctx->policy->pcr_alg != alg) {
                return attest_policy_fail(ctx, name, "digests of different "
                                          "banks: all must be SHA-256, or "
                                          "all SHA-384");
            }
        }
    }

    return ATTEST_OK;
}


static int
attest_policy_nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }

    return -1;
}


/* Adds one value of `want` bytes; want 0: 32 or 48 bytes. */

int
attest_policy_hex(attest_policy_ctx_t *ctx, const char *path, const cJSON *v,
    size_t want, attest_refset_t *set)
{
    int          hi, lo;
    size_t       i, n;
    uint8_t     *out;
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

    out = set->value[set->count];

    for (i = 0; i < n / 2; i++) {
        hi = attest_policy_nibble(s[2 * i]);
        lo = attest_policy_nibble(s[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            return attest_policy_fail(ctx, path, "not hex");
        }

        out[i] = (uint8_t) (hi << 4 | lo);
    }

    set->len[set->count++] = n / 2;
    return ATTEST_OK;
}


int
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


/* TCG PC Client profile: anybody may reset PCRs 16 and 23. */

static int
attest_policy_pcr_sets(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, size_t want, attest_refset_t *sets)
{
    int   rc, n;
    char  sub[ATTEST_POLICY_PATH];

    rc = attest_policy_numbered(ctx, path, v, "a PCR", ATTEST_TPM_PCRS, want,
                                sets);

    if (rc == ATTEST_OK && (sets[16].count != 0 || sets[23].count != 0)) {
        n = sets[16].count != 0 ? 16 : 23;
        (void) snprintf(sub, sizeof(sub), "%.48s.%d", path, n);
        return attest_policy_fail(ctx, sub, "this PCR can be reset at any "
                                  "time and proves nothing");
    }

    return rc;
}


static int
attest_policy_version(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    if (!cJSON_IsNumber(v) || v->valuedouble != 1.0) {
        return attest_policy_fail(ctx, path, "must be 1");
    }

    ctx->version_given = 1;
    return ATTEST_OK;
}


static int
attest_policy_roots(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    char            sub[ATTEST_POLICY_PATH];
    size_t          i = 0;
    unsigned        bit, roots = 0;
    const cJSON    *item;
    attest_span_t   label;

    if (!cJSON_IsArray(v) || v->child == NULL) {
        return attest_policy_fail(ctx, path, "must be a list of labels");
    }

    for (item = v->child; item != NULL; item = item->next) {
        (void) snprintf(sub, sizeof(sub), "%.64s[%zu]", path, i++);

        if (!cJSON_IsString(item)) {
            return attest_policy_fail(ctx, sub, "must be a label");
        }

        label.p = (const uint8_t *) item->valuestring;
        label.n = strlen(item->valuestring);

        bit = attest_root_from_label(label);
        if (bit == 0) {
            return attest_policy_fail(ctx, sub, "unknown label: tee, "
                                      "tee-vtpm, cloud-vtpm, host-vtpm, "
                                      "software or simulated");
        }

        if (roots & bit) {
            return attest_policy_fail(ctx, sub, "given twice");
        }

        roots |= bit;
    }

    ctx->policy->roots = roots;
    ctx->policy->roots_given = 1;
    return ATTEST_OK;
}


static int
attest_policy_pcrs(attest_policy_ctx_t *ctx, const char *path, const cJSON *v)
{
    int           rc;
    char          sub[ATTEST_POLICY_PATH];
    uint16_t      alg;
    const cJSON  *bank;

    rc = attest_policy_object(ctx, path, v);
    if (rc != ATTEST_OK) {
        return rc;
    }

    bank = v->child;
    if (bank == NULL || bank->next != NULL) {
        return attest_policy_fail(ctx, path, "must name exactly one bank, "
                                  "sha256 or sha384");
    }

    (void) snprintf(sub, sizeof(sub), "%.32s.%.16s", path, bank->string);

    if (strcmp(bank->string, "sha256") == 0) {
        alg = ATTEST_TPM_ALG_SHA256;

    } else if (strcmp(bank->string, "sha384") == 0) {
        alg = ATTEST_TPM_ALG_SHA384;

    } else {
        return attest_policy_fail(ctx, sub, "unknown member: the bank is "
                                  "sha256 or sha384");
    }

    ctx->policy->pcr_alg = alg;

    return attest_policy_pcr_sets(ctx, sub, bank,
                                  alg == ATTEST_TPM_ALG_SHA384 ? 48 : 32,
                                  ctx->policy->pcrs);
}


static int
attest_policy_events(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_pcr_sets(ctx, path, v, 0, ctx->policy->events);
}


static int
attest_policy_config(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_hex_list(ctx, path, v, ATTEST_SHA256_LEN,
                                  &ctx->policy->config);
}


static int
attest_policy_ak(attest_policy_ctx_t *ctx, const char *path, const cJSON *v)
{
    return attest_policy_hex_list(ctx, path, v, ATTEST_TPM_NAME_LEN,
                                  &ctx->policy->ak);
}


static int
attest_policy_ek_roots(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_certs(ctx, path, v, &ctx->policy->ek_roots);
}


static int
attest_policy_ek_intermediates(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_certs(ctx, path, v,
                               &ctx->policy->ek_intermediates);
}


int
attest_policy_intermediates(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, attest_maker_e maker)
{
    return attest_policy_certs(ctx, path, v,
                               &ctx->policy->intermediates[maker]);
}


static int
attest_policy_simulated_roots(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_certs(ctx, path, v, &ctx->policy->simulated_roots);
}


int
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

    pem.p = (const uint8_t *) text;
    pem.n = *text == '-' ? strlen(text) : 0;

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


/* "hex" or ["hex", ...] */

int
attest_policy_hex_values(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, size_t want, attest_refset_t *set)
{
    if (cJSON_IsString(v)) {
        return attest_policy_hex(ctx, path, v, want, set);
    }

    return attest_policy_hex_list(ctx, path, v, want, set);
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


/* What the policy leaves open, said by name. */

static int
attest_policy_waive(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    char          sub[ATTEST_POLICY_PATH];
    size_t        i = 0;
    unsigned      part;
    const cJSON  *item;

    if (!cJSON_IsArray(v) || v->child == NULL) {
        return attest_policy_fail(ctx, path, "must be a list of names");
    }

    for (item = v->child; item != NULL; item = item->next) {
        (void) snprintf(sub, sizeof(sub), "%.64s[%zu]", path, i++);

        part = cJSON_IsString(item) ? attest_least_part(item->valuestring)
                                    : 0;
        if (part == 0) {
            return attest_policy_fail(ctx, sub, "must be firmware, kernel, "
                                      "machine or tcb");
        }

        if (ctx->policy->waive & part) {
            return attest_policy_fail(ctx, sub, "given twice");
        }

        ctx->policy->waive |= part;
    }

    return ATTEST_OK;
}


static int
attest_policy_max_age(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    if (!cJSON_IsNumber(v) || v->valuedouble < 1.0
        || v->valuedouble > ATTEST_POLICY_MAX_AGE)
    {
        return attest_policy_fail(ctx, path, "must be a number of seconds, "
                                  "1 to 315360000");
    }

    ctx->policy->max_age = (uint64_t) v->valuedouble;
    return ATTEST_OK;
}


int
attest_policy_bool(attest_policy_ctx_t *ctx, const char *path, const cJSON *v,
    unsigned *flag)
{
    if (!cJSON_IsBool(v)) {
        return attest_policy_fail(ctx, path, "must be true or false");
    }

    *flag = cJSON_IsTrue(v) ? 1 : 0;
    return ATTEST_OK;
}


static int
attest_policy_require_nonce(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int       rc;
    unsigned  flag = 0;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->require_nonce = flag;
    return rc;
}


static int
attest_policy_require_exporter(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int       rc;
    unsigned  flag = 0;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->require_exporter = flag;
    return rc;
}


static int
attest_policy_require_eventlog(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int       rc;
    unsigned  flag = 0;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->require_eventlog = flag;
    return rc;
}


static int
attest_policy_require_ek(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int       rc;
    unsigned  flag = 0;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->require_ek = flag;
    ctx->ek_given = 1;
    return rc;
}


static int
attest_policy_require_hpke_keys(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int       rc;
    unsigned  flag = 0;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->require_hpke_keys = flag;
    return rc;
}
