/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Conducts an appraisal: reads the parts of the evidence, asks each file its
 * question in order, and makes one verdict of the answers.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attest_cbor.h"
#include "core/appraisal/attest_verify_binding.h"
#include "core/appraisal/attest_verify_ccc.h"
#include "core/appraisal/attest_verify_ek.h"
#include "core/appraisal/attest_verify_gpu.h"
#include "core/appraisal/attest_verify_hardware.h"
#include "core/appraisal/attest_verify_least.h"
#include "core/appraisal/attest_verify_logs.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_root.h"
#include "core/appraisal/attest_verify_tpm.h"


/* What one appraisal works with: too much for a stack that is not ours. */

typedef struct {
    attest_verify_t       v;
    attest_roots_t        roots;       /* where the caller has none */
    attest_x509_cache_t   cache;
} attest_verify_work_t;

/* The same of a credential that is made. */

typedef struct {
    attest_cmw_t          cmw;
    attest_tpm_item_t     tpm;
    attest_tpm_public_t   ak;
    attest_tpm_public_t   ek;
} attest_verify_tpm_t;


static void attest_verify_no_memory(attest_result_t *res);
static void attest_verify_conduct(attest_verify_t *v);
static void attest_verify_part(attest_verify_t *v, attest_part_t *part);
static void attest_verify_judge(attest_verify_t *v);
static void attest_verify_load(attest_verify_t *v, attest_part_e which,
    attest_span_t raw);
static void attest_verify_claims(attest_verify_t *v, attest_part_t *part);
static void attest_verify_unknown_items(attest_verify_t *v,
    const attest_part_t *part);
static void attest_verify_decide(attest_verify_t *v);
static bool attest_verify_adds_up(const attest_verify_t *v);
static int attest_verify_tpm_of(attest_verify_tpm_t *t);


static const char *const  attest_part_types[ATTEST_PARTS] = {
    ATTEST_CMWC_CACHED,
    ATTEST_CMWC_CACHED,
    ATTEST_CMWC_FRESH
};


void
attest_verify(const attest_verify_input_t *in, attest_result_t *result)
{
    attest_verify_t       *v;
    attest_verify_work_t  *work;

    memset(result, 0, sizeof(*result));

    work = calloc(1, sizeof(attest_verify_work_t));
    if (work == NULL) {
        attest_verify_no_memory(result);
        return;
    }

    v = &work->v;
    v->in = in;
    v->policy = in->policy;
    v->res = result;
    v->roots = in->roots != NULL ? in->roots : &work->roots;
    v->cache = in->cache != NULL ? in->cache : &work->cache;

    if (in->roots == NULL && attest_roots_load(&work->roots) != ATTEST_OK) {
        attest_verify_add(v, "roots", ATTEST_CHECK_UNKNOWN,
                          "the makers' certificates cannot be read");
    }

    attest_verify_conduct(v);

    attest_x509_cache_clear(&work->cache);
    attest_roots_clear(&work->roots);
    free(work);
}


static void
attest_verify_no_memory(attest_result_t *res)
{
    attest_check_t  *check = &res->checks[res->count++];

    (void) snprintf(check->id, sizeof(check->id), "evidence");
    check->state = ATTEST_CHECK_UNKNOWN;
    (void) snprintf(check->text, sizeof(check->text), "out of memory");

    res->verdict = ATTEST_UNDECIDED;
    memcpy(res->why, check->text, sizeof(res->why));
}


/*
 * Everything that binds comes before everything that judges: a policy is
 * asked only about values whose signature is already settled.
 */

static void
attest_verify_conduct(attest_verify_t *v)
{
    size_t  i;

    attest_verify_certificate(v);
    attest_verify_load(v, ATTEST_PART_CERT, v->cert.cmw);
    attest_verify_ccc(v, &v->part[ATTEST_PART_CERT]);
    attest_verify_load(v, ATTEST_PART_CACHED, v->in->cached);
    attest_verify_load(v, ATTEST_PART_FRESH, v->in->fresh);

    for (i = 0; i < ATTEST_PARTS; i++) {
        attest_verify_part(v, &v->part[i]);
    }

    attest_verify_agree(v);
    attest_verify_nonce(v);
    attest_verify_cached_nonce(v);
    attest_verify_exporter(v);
    attest_verify_max_age(v);
    attest_verify_judge(v);
    attest_verify_decide(v);

    for (i = 0; i < ATTEST_PARTS; i++) {
        attest_tpm_public_free(&v->part[i].ak);
        if (v->part[i].has_cmw) {
            attest_cmw_free(&v->part[i].cmw);
        }
    }
}


static void
attest_verify_part(attest_verify_t *v, attest_part_t *part)
{
    if (!part->has_claims) {
        return;
    }

    attest_verify_hardware(v, part);
    attest_verify_quote(v, part);
    attest_verify_key(v, part);
    attest_verify_validity(v, part);
    attest_verify_hpke_list(v, part);
    attest_verify_config(v, part);
    v->main = part;
}


/* Logs, the attestation key's origin and the policy's reference values. */

static void
attest_verify_judge(attest_verify_t *v)
{
    if (v->main == NULL) {
        attest_verify_add(v, "evidence", ATTEST_CHECK_UNKNOWN,
                          "there is no evidence with claims to appraise");
        return;
    }

    attest_verify_hpke_served(v);
    attest_verify_hardware_agrees(v);
    attest_verify_gpu_required(v);
    attest_verify_quotes_agree(v);
    attest_verify_logs(v);
    attest_verify_ek(v);
    attest_verify_root(v);
    attest_verify_measurements(v);
    attest_verify_config_reference(v);
    attest_verify_least(v);
}


/* Outer parse of one collection: its type, its claims. */

static void
attest_verify_load(attest_verify_t *v, attest_part_e which, attest_span_t raw)
{
    int             rc;
    char            text[64];
    attest_part_t  *part = &v->part[which];

    part->which = which;

    if (raw.n == 0) {
        return;
    }

    rc = attest_cmw_parse(raw.p, raw.n, &part->cmw);
    if (rc != ATTEST_OK) {
        attest_verify_on(v, part, ATTEST_ON_COLLECTION,
                         attest_verify_state(rc),
                         "%s evidence, %zu bytes, is not a collection: %s",
                         attest_verify_part_name(which), raw.n,
                         attest_strerror(rc));
        return;
    }

    part->has_cmw = 1;

    if (!attest_span_is(part->cmw.ctype, attest_part_types[which])) {
        attest_verify_on(v, part, ATTEST_ON_COLLECTION, ATTEST_CHECK_FAIL,
                         "%s evidence says it is of type \"%s\", not %s",
                         attest_verify_part_name(which),
                         attest_verify_text(text, sizeof(text),
                                            part->cmw.ctype),
                         attest_part_types[which]);

    } else {
        attest_verify_on(v, part, ATTEST_ON_COLLECTION, ATTEST_CHECK_PASS,
                         "%s evidence is a collection of %zu items of type %s",
                         attest_verify_part_name(which), part->cmw.count,
                         attest_part_types[which]);
    }

    attest_verify_claims(v, part);
    attest_verify_unknown_items(v, part);
}


static void
attest_verify_claims(attest_verify_t *v, attest_part_t *part)
{
    int                       rc, wrong;
    char                      hex[ATTEST_ABBREV];
    uint8_t                   digest[ATTEST_SHA256_LEN];
    const char               *name;
    const attest_cmw_item_t  *item;

    name = attest_verify_part_name(part->which);

    item = attest_verify_item(part, ATTEST_ITEM_CLAIMS, ATTEST_TYPE_CLAIMS,
                              &wrong);
    if (item == NULL) {
        attest_verify_on(v, part, ATTEST_ON_CLAIMS, ATTEST_CHECK_FAIL,
                         "%s evidence %s", name, wrong
                         ? "has claims of a foreign media type"
                         : "has no claims");
        return;
    }

    rc = attest_claims_parse(item->value.p, item->value.n, &part->claims);
    if (rc != ATTEST_OK
        || attest_sha256(&item->value, 1, digest) != ATTEST_OK)
    {
        attest_verify_on(v, part, ATTEST_ON_CLAIMS, attest_verify_state(rc),
                         "the claims of %s evidence are %s", name,
                         attest_strerror(rc));
        return;
    }

    part->claims_raw = item->value;
    part->has_claims = 1;

    attest_verify_on(v, part, ATTEST_ON_CLAIMS, ATTEST_CHECK_PASS,
                     "the claims of %s evidence are well formed, SHA-256 %s",
                     name, attest_verify_hex(hex, digest, sizeof(digest)));
}


/* Nothing binds such an item, so nothing may be concluded from it. */

static void
attest_verify_unknown_items(attest_verify_t *v, const attest_part_t *part)
{
    char           label[48];
    size_t         i, unknown = 0;
    attest_span_t  name, first = { NULL, 0 };

    for (i = 0; i < part->cmw.count; i++) {
        name = part->cmw.items[i].label_in;

        if (attest_kind_item_by_label(name) == ATTEST_ITEMS && unknown++ == 0) {
            first = name;
        }
    }

    if (unknown != 0) {
        attest_verify_add(v, "unknown-items", ATTEST_CHECK_NOTE,
                          "%s evidence carries %zu items that this version "
                          "does not know and ignores, the first is \"%s\"",
                          attest_verify_part_name(part->which), unknown,
                          attest_verify_text(label, sizeof(label), first));
    }
}


static void
attest_verify_decide(attest_verify_t *v)
{
    size_t                 i;
    attest_result_t       *res = v->res;
    const attest_check_t  *fail = NULL, *unknown = NULL;

    for (i = res->count; i > 0; i--) {
        if (res->checks[i - 1].state == ATTEST_CHECK_FAIL) {
            fail = &res->checks[i - 1];
        }

        if (res->checks[i - 1].state == ATTEST_CHECK_UNKNOWN) {
            unknown = &res->checks[i - 1];
        }
    }

    if (fail != NULL) {
        res->verdict = ATTEST_NOT_TRUSTED;
        memcpy(res->why, fail->text, sizeof(res->why));
        return;
    }

    res->verdict = ATTEST_UNDECIDED;

    if (unknown != NULL) {
        memcpy(res->why, unknown->text, sizeof(res->why));
        return;
    }

    /* what the checks above imply, once more: trust is never a default */

    if (!attest_verify_adds_up(v)) {
        (void) snprintf(res->why, sizeof(res->why),
                        "the checks do not add up to a proof");
        return;
    }

    res->verdict = ATTEST_TRUSTED;
    (void) snprintf(res->why, sizeof(res->why),
                    "every check passed; root of trust \"%s\", which the "
                    "policy accepts", attest_label_name(res->root));
}


/* Each part is signed by what it is rooted in, not by something beside it. */

static bool
attest_verify_adds_up(const attest_verify_t *v)
{
    size_t                i;
    const attest_part_t  *part;

    for (i = 0; i < ATTEST_PARTS; i++) {
        part = &v->part[i];

        if (!part->has_claims) {
            continue;
        }

        if (part->cpu.kind != ATTEST_KIND_NONE
            && !(part->cpu.proven && part->cpu.referenced))
        {
            return 0;
        }

        if (attest_kind_is_quoted(part->cpu.kind) && !part->proven) {
            return 0;
        }
    }

    return !v->overflow && v->main != NULL && v->bound && v->open == 0
           && (v->res->root & v->policy->roots) != 0;
}


int
attest_verify_credential(attest_span_t collection,
    const uint8_t secret[ATTEST_TPM_SECRET_LEN], uint8_t *cred,
    size_t *cred_len, uint8_t *enc, size_t *enc_len)
{
    int                   rc;
    attest_verify_tpm_t  *t;

    t = calloc(1, sizeof(attest_verify_tpm_t));
    if (t == NULL) {
        return ATTEST_EINTERNAL;
    }

    rc = attest_cmw_parse(collection.p, collection.n, &t->cmw);

    if (rc == ATTEST_OK) {
        rc = attest_verify_tpm_of(t);

        if (rc == ATTEST_OK) {
            rc = attest_tpm_make_credential(&t->ek, t->ak.name, secret, cred,
                                            cred_len, enc, enc_len);
        }

        attest_tpm_public_free(&t->ak);
        attest_tpm_public_free(&t->ek);
        attest_cmw_free(&t->cmw);
    }

    free(t);
    return rc;
}


static int
attest_verify_tpm_of(attest_verify_tpm_t *t)
{
    int                       rc;
    const attest_cmw_item_t  *item;

    item = attest_cmw_find(&t->cmw, ATTEST_ITEM_TPM);

    if (item == NULL || !attest_span_is(item->type_in, ATTEST_TYPE_TPM)) {
        return ATTEST_EUNSUPPORTED;
    }

    rc = attest_tpm_item_parse(item->value.p, item->value.n, &t->tpm);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (t->tpm.ek.n == 0) {
        return ATTEST_EUNSUPPORTED;
    }

    rc = attest_tpm_public_parse(t->tpm.ak.p, t->tpm.ak.n, &t->ak);

    return rc != ATTEST_OK
           ? rc
           : attest_tpm_public_parse(t->tpm.ek.p, t->tpm.ek.n, &t->ek);
}
