/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads a policy file: what holds for all evidence, and which file reads the
 * member of one kind (attest_policy_<kind>.c).
 */


#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/policy/attest_policy_kinds.h"


#define ATTEST_POLICY_MAX_AGE    315360000.0      /* ten years */


static int attest_policy_read(attest_policy_ctx_t *ctx, const char *json,
    size_t len);
static int attest_policy_members(attest_policy_ctx_t *ctx, const cJSON *root);
static int attest_policy_finish(attest_policy_ctx_t *ctx);
static int attest_policy_bank(attest_policy_ctx_t *ctx,
    const attest_refset_t *sets, const char *name);
static int attest_policy_pcr_sets(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, size_t want, attest_refset_t *sets);

static int attest_policy_version(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_roots(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_pcrs(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_events(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_waive(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_max_age(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_require_ek(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);


static const attest_policy_member_t  attest_policy_table[] = {
    ATTEST_POLICY_OWN("version", attest_policy_version),
    ATTEST_POLICY_OWN("roots_of_trust", attest_policy_roots),
    ATTEST_POLICY_OWN("pcrs", attest_policy_pcrs),
    ATTEST_POLICY_OWN("events", attest_policy_events),
    ATTEST_POLICY_HEX_LIST("config", config, ATTEST_SHA256_LEN),
    ATTEST_POLICY_HEX_LIST("ak", ak, ATTEST_TPM_NAME_LEN),
    ATTEST_POLICY_CERTS("ek_roots", ek_roots),
    ATTEST_POLICY_CERTS("ek_intermediates", ek_intermediates),
    ATTEST_POLICY_CERTS("simulated_roots", simulated_roots),
    ATTEST_POLICY_OWN("waive", attest_policy_waive),
    ATTEST_POLICY_OWN("max_age", attest_policy_max_age),
    ATTEST_POLICY_FLAG("require_nonce", require_nonce),
    ATTEST_POLICY_FLAG("require_exporter", require_exporter),
    ATTEST_POLICY_FLAG("require_eventlog", require_eventlog),
    ATTEST_POLICY_OWN("require_ek", attest_policy_require_ek),
    ATTEST_POLICY_FLAG("require_hpke_keys", require_hpke_keys),
    ATTEST_POLICY_END
};

#define ATTEST_POLICY_MEMBERS                                                \
    (sizeof(attest_policy_table) / sizeof(attest_policy_table[0]))


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
    size_t         i;
    attest_kind_e  k;

    for (i = 0; i < ATTEST_MAKERS; i++) {
        sk_X509_pop_free(policy->intermediates[i], X509_free);
    }

    for (k = 0; k < ATTEST_KINDS; k++) {
        if (attest_policy_kinds[k]->clear != NULL) {
            attest_policy_kinds[k]->clear(policy);
        }
    }

    sk_X509_pop_free(policy->ek_roots, X509_free);
    sk_X509_pop_free(policy->ek_intermediates, X509_free);
    sk_X509_pop_free(policy->simulated_roots, X509_free);
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
    int     rc;
    cJSON  *root;

    if (len > ATTEST_POLICY_MAX_JSON) {
        (void) attest_policy_fail(ctx, "", "the policy is too long");
        return ATTEST_ELIMIT;
    }

    rc = attest_policy_text(ctx, json, len, &root);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_policy_members(ctx, root);

    cJSON_Delete(root);
    return rc;
}


/* Those of attest_policy_table, and the one of each kind. */

static int
attest_policy_members(attest_policy_ctx_t *ctx, const cJSON *root)
{
    int                      rc;
    size_t                   n;
    attest_kind_e            k;
    attest_policy_member_t   all[ATTEST_POLICY_MEMBERS + ATTEST_KINDS];

    if (!cJSON_IsObject(root)) {
        return attest_policy_fail(ctx, "", "the policy must be an object");
    }

    memset(all, 0, sizeof(all));
    n = ATTEST_POLICY_MEMBERS - 1;
    memcpy(all, attest_policy_table, n * sizeof(all[0]));

    for (k = 0; k < ATTEST_KINDS; k++) {
        if (attest_policy_kinds[k]->member != NULL) {
            all[n].name = attest_policy_kinds[k]->member;
            all[n++].handler = attest_policy_kinds[k]->read;
        }
    }

    rc = attest_policy_table_read(ctx, "", root, all);

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
            alg = sets[i].len[k] == ATTEST_SHA384_LEN ? ATTEST_TPM_ALG_SHA384
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

        label = attest_span_text(item->valuestring);

        bit = attest_label_root(label);
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
                                  alg == ATTEST_TPM_ALG_SHA384
                                  ? ATTEST_SHA384_LEN : ATTEST_SHA256_LEN,
                                  ctx->policy->pcrs);
}


static int
attest_policy_events(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_pcr_sets(ctx, path, v, 0, ctx->policy->events);
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


static int
attest_policy_require_ek(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int      rc;
    uint8_t  flag = 0;

    rc = attest_policy_bool(ctx, path, v, &flag);
    ctx->policy->require_ek = flag;
    ctx->ek_given = 1;
    return rc;
}
