/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A TPM's quote: signature, binding to the claims, PCR values, and what the
 * policy says of them.
 */


#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/appraisal/attest_verify_ak_cert.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_label.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_tpm.h"


static void attest_verify_cloud(attest_verify_t *v, attest_part_t *part);
static bool attest_verify_tpm_load(attest_verify_t *v, attest_part_t *part);
static bool attest_verify_ak(attest_verify_t *v, attest_part_t *part);
static bool attest_verify_signature(attest_verify_t *v, attest_part_t *part);
static bool attest_verify_tpm_binding(attest_verify_t *v, attest_part_t *part);
static bool attest_verify_pcr_digest(attest_verify_t *v, attest_part_t *part);
static const char *attest_verify_tpm_differs(const attest_part_t *a,
    const attest_part_t *b);
static bool attest_verify_optional_differs(attest_span_t a, attest_span_t b);
static void attest_verify_pcrs_stable(attest_verify_t *v,
    const attest_part_t *a, const attest_part_t *b);
static void attest_verify_pcr_reference(attest_verify_t *v);
static void attest_verify_pcrs_unnamed(attest_verify_t *v);
static bool attest_verify_pcr_part(attest_verify_t *v,
    const attest_part_t *part);


/* Its item is judged by attest_verify_quote(), whatever stands beside it. */

const attest_verify_kind_t  attest_verify_kind_tpm = {
    .label = attest_verify_label_quoted,
    .most = ATTEST_ROOT_CLOUD_VTPM
};


/* The quote of one part: AK, signature, claims, PCR values. */

void
attest_verify_quote(attest_verify_t *v, attest_part_t *part)
{
    if (!attest_verify_tpm_load(v, part)) {
        return;
    }

    part->has_tpm = 1;

    if (!attest_verify_ak(v, part)
        || !attest_verify_signature(v, part)
        || !attest_verify_tpm_binding(v, part))
    {
        return;
    }

    part->proven = attest_verify_pcr_digest(v, part);

    if (part->proven) {
        attest_verify_cloud(v, part);
    }
}


/* A cloud's word for the attestation key, in a certificate. */

static void
attest_verify_cloud(attest_verify_t *v, attest_part_t *part)
{
    int                       wrong;
    const attest_cmw_item_t  *item;

    item = attest_verify_item(part, ATTEST_ITEM_AK_CERT, ATTEST_TYPE_AK_CERT,
                              &wrong);

    if (wrong) {
        attest_verify_kind(v, part, "ak-cert", ATTEST_CHECK_FAIL,
                           "the certificate of the attestation key of %s "
                           "evidence is of a foreign media type",
                           attest_verify_part_name(part->which));

    } else if (item != NULL) {
        attest_verify_ak_cert(v, part, item);
    }
}


static bool
attest_verify_tpm_load(attest_verify_t *v, attest_part_t *part)
{
    int                       rc, wrong;
    const char               *name, *what;
    const attest_cmw_item_t  *item;

    name = attest_verify_part_name(part->which);
    item = attest_verify_item(part, ATTEST_ITEM_TPM, ATTEST_TYPE_TPM, &wrong);

    if (item == NULL && !wrong && !attest_kind_is_quoted(part->cpu.kind)) {
        return 0;
    }

    if (item == NULL) {
        attest_verify_on(v, part, ATTEST_ON_SIGNATURE, wrong
                         ? ATTEST_CHECK_FAIL : ATTEST_CHECK_UNKNOWN,
                         "%s evidence %s", name, wrong
                         ? "has a TPM item of a foreign media type"
                         : "has no TPM quote: nothing this version can "
                           "check signs its claims");
        return 0;
    }

    what = "item";
    rc = attest_tpm_item_parse(item->value.p, item->value.n, &part->tpm);

    if (rc == ATTEST_OK) {
        what = "quote";
        rc = attest_tpm_quote_parse(part->tpm.quote.p, part->tpm.quote.n,
                                    &part->quote);
    }

    if (rc == ATTEST_OK) {
        what = "attestation key";
        rc = attest_tpm_public_parse(part->tpm.ak.p, part->tpm.ak.n,
                                     &part->ak);
    }

    if (rc != ATTEST_OK) {
        attest_verify_on(v, part, ATTEST_ON_SIGNATURE,
                         rc == ATTEST_EUNSUPPORTED || rc == ATTEST_EINTERNAL
                         ? ATTEST_CHECK_UNKNOWN : ATTEST_CHECK_FAIL,
                         "the TPM %s of %s evidence is %s", what, name,
                         attest_strerror(rc));
        return 0;
    }

    return 1;
}


static bool
attest_verify_ak(attest_verify_t *v, attest_part_t *part)
{
    int   rc;
    char  hex[ATTEST_ABBREV];

    rc = attest_tpm_ak_check(&part->ak);
    if (rc != ATTEST_OK) {
        attest_verify_on(v, part, ATTEST_ON_AK, ATTEST_CHECK_FAIL,
                         "the key that signed %s evidence is no attestation "
                         "key (attributes %08x): it must be restricted, "
                         "signing, fixed to its TPM and SHA-256 or better",
                         attest_verify_part_name(part->which),
                         part->ak.attributes);
        return 0;
    }

    attest_verify_on(v, part, ATTEST_ON_AK, ATTEST_CHECK_PASS,
                     "the key that signed %s evidence, name %s, is an "
                     "attestation key: restricted, signing, fixed to its TPM",
                     attest_verify_part_name(part->which),
                     attest_verify_hex(hex, part->ak.name,
                                       ATTEST_TPM_NAME_LEN));
    return 1;
}


static bool
attest_verify_signature(attest_verify_t *v, attest_part_t *part)
{
    int  rc;

    rc = attest_tpm_signature_verify(&part->ak, part->tpm.signature.p,
                                     part->tpm.signature.n,
                                     part->tpm.quote.p, part->tpm.quote.n);

    attest_verify_on(v, part, ATTEST_ON_SIGNATURE, rc == ATTEST_OK
                     ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                     "the signature over the quote of %s evidence is %s",
                     attest_verify_part_name(part->which), rc == ATTEST_OK
                     ? "good and by that key" : attest_strerror(rc));

    return rc == ATTEST_OK;
}


/* extraData is made of the claims and of nothing that a caller chooses. */

static bool
attest_verify_tpm_binding(attest_verify_t *v, attest_part_t *part)
{
    int            rc, same;
    char           got[ATTEST_ABBREV], want[ATTEST_ABBREV];
    uint8_t        extra[ATTEST_SHA256_LEN];
    attest_span_t  quoted = part->quote.extra;

    rc = attest_claims_tpm_extra(part->claims_raw.p, part->claims_raw.n,
                                 part->cpu.raw.p, part->cpu.raw.n, extra);
    if (rc != ATTEST_OK) {
        attest_verify_on(v, part, ATTEST_ON_BINDING, ATTEST_CHECK_UNKNOWN,
                         "cannot hash the claims: %s", attest_strerror(rc));
        return 0;
    }

    same = (quoted.n == sizeof(extra)
            && CRYPTO_memcmp(quoted.p, extra, sizeof(extra)) == 0);

    attest_verify_on(v, part, ATTEST_ON_BINDING, same ? ATTEST_CHECK_PASS
                     : ATTEST_CHECK_FAIL, "the claims of %s evidence hash to "
                     "%s, the quote signs %s",
                     attest_verify_part_name(part->which),
                     attest_verify_hex(want, extra, sizeof(extra)),
                     quoted.n == 0 ? "nothing"
                     : attest_verify_hex(got, quoted.p, quoted.n));
    return same;
}


static bool
attest_verify_pcr_digest(attest_verify_t *v, attest_part_t *part)
{
    int                       rc;
    char                      mask[96];
    uint16_t                  hash;
    const attest_tpm_bank_t  *bank;

    rc = attest_tpm_signature_hash(part->tpm.signature.p,
                                   part->tpm.signature.n, &hash);
    if (rc == ATTEST_OK) {
        rc = attest_tpm_pcr_digest_check(&part->quote, &part->tpm.pcrs, hash);
    }

    bank = attest_verify_bank(v, part);

    if (rc == ATTEST_OK && bank == NULL) {
        rc = ATTEST_EUNSUPPORTED;
    }

    if (rc != ATTEST_OK) {
        attest_verify_on(v, part, ATTEST_ON_PCRS, ATTEST_CHECK_FAIL,
                         "the PCR values of %s evidence are not those that "
                         "the quote signs: %s",
                         attest_verify_part_name(part->which),
                         attest_strerror(rc));
        return 0;
    }

    attest_verify_on(v, part, ATTEST_ON_PCRS, ATTEST_CHECK_PASS,
                     "the PCR values of %s evidence are those that the quote "
                     "signs (bank %s, PCR %s)",
                     attest_verify_part_name(part->which),
                     attest_tpm_alg_name(bank->alg),
                     attest_verify_mask(mask, sizeof(mask), bank->select));
    return 1;
}


/* The policy's bank; without one SHA-256 before stronger ones. */

const attest_tpm_bank_t *
attest_verify_bank(const attest_verify_t *v, const attest_part_t *part)
{
    size_t                    i;
    const attest_tpm_bank_t  *bank, *best = NULL;

    for (i = 0; i < part->tpm.pcrs.count; i++) {
        bank = &part->tpm.pcrs.banks[i];

        if (v->policy->pcr_alg != 0 && bank->alg == v->policy->pcr_alg) {
            return bank;
        }

        if (bank->len >= ATTEST_SHA256_LEN && bank->select != 0
            && (best == NULL || bank->alg == ATTEST_TPM_ALG_SHA256))
        {
            best = bank;
        }
    }

    return best;
}


/* All quotes are by one TPM that was not reset in between. */

void
attest_verify_quotes_agree(attest_verify_t *v)
{
    size_t                i;
    const char           *differs = NULL;
    const attest_part_t  *part, *other = NULL;

    if (!v->main->has_tpm) {
        return;
    }

    for (i = 0; i < ATTEST_PARTS; i++) {
        part = &v->part[i];

        if (!part->has_tpm || part == v->main) {
            continue;
        }

        other = part;
        differs = attest_verify_tpm_differs(part, v->main);
        if (differs != NULL) {
            break;
        }
    }

    if (other == NULL) {
        return;
    }

    if (differs != NULL) {
        attest_verify_add(v, "same-tpm", ATTEST_CHECK_FAIL,
                          "%s and %s evidence differ in %s",
                          attest_verify_part_name(other->which),
                          attest_verify_part_name(v->main->which), differs);
        return;
    }

    attest_verify_add(v, "same-tpm", ATTEST_CHECK_PASS,
                      "all quotes are by one key of one TPM, which was not "
                      "reset (%u resets, %u restarts in each)",
                      v->main->quote.reset_count,
                      v->main->quote.restart_count);

    attest_verify_pcrs_stable(v, other, v->main);
}


static const char *
attest_verify_tpm_differs(const attest_part_t *a, const attest_part_t *b)
{
    if (a->tpm.ak.n != b->tpm.ak.n
        || memcmp(a->tpm.ak.p, b->tpm.ak.p, a->tpm.ak.n) != 0)
    {
        return "the attestation key";
    }

    if (attest_verify_optional_differs(a->tpm.ek, b->tpm.ek)
        || attest_verify_optional_differs(a->tpm.ek_cert, b->tpm.ek_cert))
    {
        return "the endorsement key";
    }

    if (a->tpm.root.n != b->tpm.root.n
        || memcmp(a->tpm.root.p, b->tpm.root.p, a->tpm.root.n) != 0)
    {
        return "the root of trust they name";
    }

    /* keys in memory do not survive a reset: one of the two is not ours */

    if (a->quote.reset_count != b->quote.reset_count) {
        return "the TPM's reset count: it was reset in between";
    }

    if (a->quote.restart_count != b->quote.restart_count) {
        return "the TPM's restart count: it was suspended in between";
    }

    return NULL;
}


static bool
attest_verify_optional_differs(attest_span_t a, attest_span_t b)
{
    if (a.n == 0 || b.n == 0) {
        return 0;
    }

    return a.n != b.n || memcmp(a.p, b.p, a.n) != 0;
}


static void
attest_verify_pcrs_stable(attest_verify_t *v, const attest_part_t *a,
    const attest_part_t *b)
{
    char                      mask[96];
    size_t                    i;
    uint32_t                  changed = 0;
    const attest_tpm_bank_t  *x, *y;

    x = attest_verify_bank(v, a);
    y = attest_verify_bank(v, b);

    if (x == NULL || y == NULL || x->alg != y->alg
        || x->select != y->select)
    {
        attest_verify_add(v, "pcrs-stable", ATTEST_CHECK_NOTE,
                          "the quotes do not cover the same PCRs");
        return;
    }

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        if ((x->select >> i & 1)
            && memcmp(x->value[i], y->value[i], x->len) != 0)
        {
            changed |= 1u << i;
        }
    }

    if (changed == 0) {
        attest_verify_add(v, "pcrs-stable", ATTEST_CHECK_PASS,
                          "the PCR values are the same in all quotes");
        return;
    }

    attest_verify_add(v, "pcrs-stable", ATTEST_CHECK_NOTE,
                      "PCR %s changed since the cached quote",
                      attest_verify_mask(mask, sizeof(mask), changed));
}


/*
 * Reference values: what the software must be.  Events say what was measured
 * among other things, never that nothing else was: whoever is root may extend
 * a wanted digest after booting what he likes, and write a log that explains
 * it.  Only the final value of a PCR excludes the rest.
 */

void
attest_verify_measurements(attest_verify_t *v)
{
    attest_verify_pcr_reference(v);
    attest_verify_pcrs_unnamed(v);
}


static void
attest_verify_pcr_reference(attest_verify_t *v)
{
    char      mask[96];
    size_t    i;
    uint32_t  want = 0;

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        if (v->policy->pcrs[i].count != 0) {
            want |= 1u << i;
        }
    }

    if (want == 0) {
        attest_verify_add(v, "pcr-reference", ATTEST_CHECK_NOTE,
                          "not evaluated: the policy names no PCR values");
        return;
    }

    for (i = 0; i < ATTEST_PARTS; i++) {
        if (v->part[i].has_claims && !attest_verify_pcr_part(v, &v->part[i]))
        {
            return;
        }
    }

    attest_verify_add(v, "pcr-reference", ATTEST_CHECK_PASS,
                      "PCR %s (bank %s) have values that the policy allows",
                      attest_verify_mask(mask, sizeof(mask), want),
                      attest_tpm_alg_name(v->policy->pcr_alg));
}


/* Said, so that a value which is taken out of the policy is missed. */

static void
attest_verify_pcrs_unnamed(attest_verify_t *v)
{
    char                      mask[96];
    size_t                    i;
    uint32_t                  left;
    const attest_tpm_bank_t  *bank = attest_verify_bank(v, v->main);

    if (!v->main->proven || bank == NULL) {
        return;
    }

    left = bank->select;

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        if (v->policy->pcrs[i].count != 0) {
            left &= ~(1u << i);
        }
    }

    if (left != 0) {
        attest_verify_add(v, "pcrs-unnamed", ATTEST_CHECK_NOTE,
                          "compared with nothing, for the policy does not "
                          "name it (pcrs): PCR %s",
                          attest_verify_mask(mask, sizeof(mask), left));
    }
}


static bool
attest_verify_pcr_part(attest_verify_t *v, const attest_part_t *part)
{
    char                      hex[ATTEST_ABBREV], ref[ATTEST_ABBREV];
    size_t                    i;
    const attest_refset_t    *set;
    const attest_tpm_bank_t  *bank;

    bank = attest_verify_bank(v, part);

    if (!part->proven || bank == NULL || bank->alg != v->policy->pcr_alg) {
        attest_verify_add(v, "pcr-reference", ATTEST_CHECK_FAIL,
                          "%s evidence proves no PCR values of bank %s",
                          attest_verify_part_name(part->which),
                          attest_tpm_alg_name(v->policy->pcr_alg));
        return 0;
    }

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        set = &v->policy->pcrs[i];
        if (set->count == 0) {
            continue;
        }

        if ((bank->select >> i & 1) == 0) {
            attest_verify_add(v, "pcr-reference", ATTEST_CHECK_FAIL,
                              "the policy names PCR %zu, which the quote of "
                              "%s evidence does not cover", i,
                              attest_verify_part_name(part->which));
            return 0;
        }

        if (!attest_verify_in_set(set, bank->value[i], bank->len)) {
            attest_verify_add(v, "pcr-reference", ATTEST_CHECK_FAIL,
                              "PCR %zu of %s evidence is %s, the policy "
                              "allows %s%s", i,
                              attest_verify_part_name(part->which),
                              attest_verify_hex(hex, bank->value[i],
                                                bank->len),
                              attest_verify_hex(ref, set->value[0],
                                                set->len[0]),
                              set->count > 1 ? " or others" : "");
            return 0;
        }
    }

    return 1;
}
