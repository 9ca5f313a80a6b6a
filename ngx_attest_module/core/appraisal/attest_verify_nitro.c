/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An AWS Nitro document: its chain to AWS' root, its signature, its binding
 * to the claims, and what the policy says of its PCRs.
 */


#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "core/base/attest_wire.h"
#include "core/base/attest_cbor.h"
#include "core/evidence/attest_nitro.h"
#include "core/appraisal/attest_verify_anchor.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_label.h"
#include "core/appraisal/attest_verify_types.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/crypto/attest_x509.h"


/* The PCRs that the start sets and nothing changes later, for "machine". */
#define ATTEST_NITRO_FIXED   16


static void attest_verify_nitro(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item);
static bool attest_verify_nitro_genuine(attest_verify_t *v,
    attest_part_t *part, const attest_nitro_t *doc);
static const char *attest_verify_nitro_chain(attest_verify_t *v,
    attest_part_t *part, const attest_nitro_t *doc, X509 *leaf);
static STACK_OF(X509) *attest_verify_nitro_bundle(const attest_nitro_t *doc);
static bool attest_verify_nitro_time(attest_verify_t *v, attest_part_t *part,
    const attest_nitro_t *doc);
static const char *attest_verify_nitro_age(const attest_verify_t *v,
    const attest_part_t *part, int64_t at, uint64_t *allowed);
static bool attest_verify_nitro_binding(attest_verify_t *v,
    attest_part_t *part, const attest_nitro_t *doc);
static bool attest_verify_nitro_nonce(attest_verify_t *v,
    attest_part_t *part, const attest_nitro_t *doc);
static bool attest_verify_nitro_mode(attest_verify_t *v, attest_part_t *part,
    const attest_nitro_t *doc);
static int attest_verify_nitro_machine(attest_part_t *part,
    const attest_nitro_t *doc);
static void attest_verify_nitro_module(attest_verify_t *v,
    const attest_part_t *part, const attest_nitro_t *doc);
static bool attest_verify_nitro_is_module(const char *want,
    attest_span_t module);
static void attest_verify_nitro_pcrs(attest_verify_t *v,
    attest_part_t *part, const attest_nitro_t *doc);
static bool attest_verify_nitro_pcr(attest_verify_t *v,
    const attest_part_t *part, const attest_nitro_t *doc, size_t i);
static bool attest_verify_nitro_measured(attest_span_t pcr);


const attest_verify_kind_t  attest_verify_kind_nitro = {
    .item = attest_verify_nitro,
    .label = attest_verify_label_signed,
    .most = ATTEST_ROOT_TEE,
    .makers = ATTEST_MADE_BY(ATTEST_MAKER_AWS)
};


/* Nothing is judged before it is genuine. */

static void
attest_verify_nitro(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item)
{
    int              rc, good;
    attest_nitro_t   doc;

    part->cpu.chip = ATTEST_KIND_NITRO;

    rc = attest_nitro_parse(item->value.p, item->value.n, &doc);

    attest_verify_kind(v, part, "nitro-document", rc == ATTEST_OK
                       ? ATTEST_CHECK_PASS : attest_verify_state(rc),
                       "the attestation document of %s evidence, %zu bytes, "
                       "is %s", attest_verify_part_name(part->which),
                       item->value.n, rc == ATTEST_OK ? "well formed"
                       : attest_strerror(rc));
    if (rc != ATTEST_OK) {
        return;
    }

    if (!attest_verify_nitro_genuine(v, part, &doc)) {
        return;
    }

    good = attest_verify_nitro_time(v, part, &doc);
    good &= attest_verify_nitro_binding(v, part, &doc);
    good &= attest_verify_nitro_nonce(v, part, &doc);
    good &= attest_verify_nitro_mode(v, part, &doc);

    if (!good) {
        return;
    }

    part->cpu.proven = attest_verify_nitro_machine(part, &doc) == ATTEST_OK;

    attest_verify_nitro_module(v, part, &doc);
    attest_verify_nitro_pcrs(v, part, &doc);
}


/* AWS vouches for the key, and the key signed this document. */

static bool
attest_verify_nitro_genuine(attest_verify_t *v, attest_part_t *part,
    const attest_nitro_t *doc)
{
    int          rc = ATTEST_EFORMAT;
    X509        *leaf;
    const char  *why = "the certificate is malformed";

    leaf = attest_x509_read_der(doc->certificate);

    if (leaf != NULL) {
        why = attest_verify_nitro_chain(v, part, doc, leaf);
        rc = attest_nitro_signature(doc, X509_get0_pubkey(leaf));
        X509_free(leaf);
    }

    attest_verify_kind(v, part, "nitro-chain", why == NULL
                       ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                       "%s%s", why == NULL ? part->cpu.simulated
                       ? "one of the policy's simulated roots vouches for "
                         "the enclave's key" : "AWS vouches for the enclave's "
                         "key" : "nothing vouches for the enclave's key: ",
                       why == NULL ? "" : why);

    attest_verify_kind(v, part, "nitro-signature", rc == ATTEST_OK
                       ? ATTEST_CHECK_PASS : rc == ATTEST_EINTERNAL
                       ? ATTEST_CHECK_UNKNOWN : ATTEST_CHECK_FAIL,
                       "the signature of the document is %s",
                       rc == ATTEST_OK ? "good" : attest_strerror(rc));

    return why == NULL && rc == ATTEST_OK;
}


/* The leaf lives for three hours: the chain is that of the document's time. */

static const char *
attest_verify_nitro_chain(attest_verify_t *v, attest_part_t *part,
    const attest_nitro_t *doc, X509 *leaf)
{
    int              simulated;
    const char      *why;
    STACK_OF(X509)  *bundle;

    bundle = attest_verify_nitro_bundle(doc);
    if (bundle == NULL) {
        return "the bundle of certificates is malformed";
    }

    why = attest_verify_anchor_at(v, ATTEST_MAKER_AWS, leaf, bundle, NULL,
                                  (int64_t) (doc->timestamp / 1000),
                                  &simulated);
    part->cpu.simulated = simulated;

    sk_X509_pop_free(bundle, X509_free);
    return why;
}


/* The first one is the root, which only we can name: it is left out. */

static STACK_OF(X509) *
attest_verify_nitro_bundle(const attest_nitro_t *doc)
{
    X509            *cert;
    size_t           i;
    STACK_OF(X509)  *bundle;

    bundle = sk_X509_new_null();

    for (i = 1; bundle != NULL && i < doc->cabundle_count; i++) {
        cert = attest_x509_read_der(doc->cabundle[i]);

        if (cert == NULL || sk_X509_push(bundle, cert) <= 0) {
            X509_free(cert);
            sk_X509_pop_free(bundle, X509_free);
            return NULL;
        }
    }

    return bundle;
}


/*
 * A fresh document was made for our nonce, so it is as young as the exchange.
 * A cached one may be as old as its claims are valid, and no older than they.
 */

static bool
attest_verify_nitro_time(attest_verify_t *v, attest_part_t *part,
    const attest_nitro_t *doc)
{
    int64_t       at = (int64_t) (doc->timestamp / 1000);
    uint64_t      allowed = 0;
    const char   *why;

    if (v->in->now < 0) {
        attest_verify_kind(v, part, "nitro-time", ATTEST_CHECK_UNKNOWN,
                           "the time is not known");
        return 0;
    }

    why = attest_verify_nitro_age(v, part, at, &allowed);

    if (why != NULL) {
        attest_verify_kind(v, part, "nitro-time", ATTEST_CHECK_FAIL,
                           "the document of %s evidence, made at %lld, %s "
                           "(now: %lld)",
                           attest_verify_part_name(part->which),
                           (long long) at, why, (long long) v->in->now);
        return 0;
    }

    if (allowed != 0) {
        attest_verify_kind(v, part, "nitro-time", ATTEST_CHECK_PASS,
                           "the document was made %lld seconds ago, %llu are "
                           "allowed", (long long) (v->in->now - at),
                           (unsigned long long) allowed);
        return 1;
    }

    attest_verify_kind(v, part, "nitro-time", ATTEST_CHECK_PASS,
                       "the document was made %lld seconds ago, while its "
                       "claims are valid", (long long) (v->in->now - at));
    return 1;
}


/* NULL, or what is wrong; *allowed: 0 where the claims say how old. */

static const char *
attest_verify_nitro_age(const attest_verify_t *v, const attest_part_t *part,
    int64_t at, uint64_t *allowed)
{
    int64_t                 now = v->in->now;
    const attest_claims_t  *c = &part->claims;

    if (at > now && at - now > ATTEST_CLOCK_SKEW) {
        return "is of the future";
    }

    if (part->which == ATTEST_PART_FRESH) {
        *allowed = v->policy->nitro.max_age != 0 ? v->policy->nitro.max_age
                                                 : ATTEST_POLICY_NITRO_AGE;

        return now > at && (uint64_t) (now - at) > *allowed
               ? "is too old for fresh evidence" : NULL;
    }

    if (!c->has_validity) {
        return "has claims that do not say how old it may be";
    }

    if ((uint64_t) at + ATTEST_CLOCK_SKEW < c->not_before
        || (uint64_t) at > c->not_after)
    {
        return "is not of the time for which its claims are valid";
    }

    return NULL;
}


static bool
attest_verify_nitro_binding(attest_verify_t *v, attest_part_t *part,
    const attest_nitro_t *doc)
{
    int      same;
    char     got[ATTEST_ABBREV], want[ATTEST_ABBREV];
    uint8_t  digest[ATTEST_SHA256_LEN];

    if (attest_sha256(&part->claims_raw, 1, digest) != ATTEST_OK) {
        attest_verify_kind(v, part, "nitro-binding", ATTEST_CHECK_UNKNOWN,
                           "the claims cannot be hashed");
        return 0;
    }

    same = doc->user_data.n == sizeof(digest)
           && CRYPTO_memcmp(doc->user_data.p, digest, sizeof(digest)) == 0;

    attest_verify_kind(v, part, "nitro-binding", same ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the claims of %s evidence hash "
                       "to %s, the document signs %s (%zu bytes)",
                       attest_verify_part_name(part->which),
                       attest_verify_hex(want, digest, sizeof(digest)),
                       doc->user_data.n == 0 ? "no user data"
                       : attest_verify_hex(got, doc->user_data.p,
                                           doc->user_data.n),
                       doc->user_data.n);
    return same;
}


/* What is in the claims is in the document, too: both or none. */

static bool
attest_verify_nitro_nonce(attest_verify_t *v, attest_part_t *part,
    const attest_nitro_t *doc)
{
    int                     same;
    char                    got[ATTEST_ABBREV], want[ATTEST_ABBREV];
    const attest_claims_t  *c = &part->claims;

    same = doc->nonce.n == c->nonce_len
           && (c->nonce_len == 0
               || CRYPTO_memcmp(doc->nonce.p, c->nonce, c->nonce_len) == 0);

    attest_verify_kind(v, part, "nitro-nonce", same ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the claims of %s evidence carry "
                       "the nonce %s, the document %s",
                       attest_verify_part_name(part->which),
                       c->nonce_len == 0 ? "(none)"
                       : attest_verify_hex(want, c->nonce, c->nonce_len),
                       doc->nonce.n == 0 ? "(none)"
                       : attest_verify_hex(got, doc->nonce.p, doc->nonce.n));
    return same;
}


/*
 * Who started an enclave in debug mode reads its console, and no PCR says
 * what runs in it.  Whatever signed that, it is worth a simulation.
 */

static bool
attest_verify_nitro_mode(attest_verify_t *v, attest_part_t *part,
    const attest_nitro_t *doc)
{
    if (!attest_nitro_is_debug(doc)) {
        attest_verify_kind(v, part, "nitro-mode", ATTEST_CHECK_PASS,
                           "the enclave was not started in debug mode");
        return 1;
    }

    if (!v->policy->nitro.allow_debug) {
        attest_verify_kind(v, part, "nitro-mode", ATTEST_CHECK_FAIL,
                           "the enclave was started in debug mode: its PCRs "
                           "0 to 2 are zero");
        return 0;
    }

    attest_verify_kind(v, part, "nitro-mode", ATTEST_CHECK_NOTE,
                       "the enclave was started in debug mode, which the "
                       "policy allows (nitro.allow_debug): it counts as "
                       "simulated");
    part->cpu.simulated = 1;
    return 1;
}


static int
attest_verify_nitro_machine(attest_part_t *part, const attest_nitro_t *doc)
{
    size_t          i, n = 0;
    uint8_t         head[2 + ATTEST_NITRO_FIXED];
    attest_span_t   parts[2 + ATTEST_NITRO_FIXED];

    (void) attest_wire_put_be16(head, doc->pcr_mask);

    for (i = 0; i < ATTEST_NITRO_FIXED; i++) {
        head[2 + i] = (uint8_t) doc->pcrs[i].n;
    }

    parts[n++] = attest_span(head, sizeof(head));

    for (i = 0; i < ATTEST_NITRO_FIXED; i++) {
        if (doc->pcr_mask >> i & 1) {
            parts[n++] = doc->pcrs[i];
        }
    }

    parts[n++] = doc->module_id;

    return attest_sha256(parts, n, part->cpu.machine);
}


static void
attest_verify_nitro_module(attest_verify_t *v, const attest_part_t *part,
    const attest_nitro_t *doc)
{
    int                       ok = 0;
    char                      text[ATTEST_NITRO_MAX_ID + 1];
    size_t                    i;
    const attest_textset_t   *set = &v->policy->nitro.module_ids;

    for (i = 0; i < set->count && !ok; i++) {
        ok = attest_verify_nitro_is_module(set->value[i], doc->module_id);
    }

    attest_verify_kind(v, part, "nitro-module", set->count == 0
                       ? ATTEST_CHECK_NOTE : ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the enclave is \"%s\"%s",
                       attest_verify_text(text, sizeof(text), doc->module_id),
                       set->count == 0 ? "; the policy names none"
                       : ok ? ", which the policy allows"
                       : ", which the policy does not allow");
}


/* The enclave itself, or its instance: what stands before "-enc". */

static bool
attest_verify_nitro_is_module(const char *want, attest_span_t module)
{
    size_t  n = strlen(want);

    if (n > module.n || memcmp(want, module.p, n) != 0) {
        return 0;
    }

    return n == module.n
           || (module.n - n > 4 && memcmp(module.p + n, "-enc", 4) == 0);
}


static void
attest_verify_nitro_pcrs(attest_verify_t *v, attest_part_t *part,
    const attest_nitro_t *doc)
{
    int       ok = 1;
    char      mask[96];
    size_t    i;
    uint32_t  named = 0, left = 0;

    for (i = 0; i < ATTEST_NITRO_PCRS; i++) {

        if (v->policy->nitro.pcrs[i].count != 0) {
            named |= 1u << i;
            ok = attest_verify_nitro_pcr(v, part, doc, i) && ok;

        } else if (attest_verify_nitro_measured(doc->pcrs[i])) {
            left |= 1u << i;
        }
    }

    part->cpu.referenced = ok ? 1 : 0;

    if (ok) {
        attest_verify_kind(v, part, "nitro-pcrs", named != 0
                           ? ATTEST_CHECK_PASS : ATTEST_CHECK_NOTE, "%s%s",
                           named != 0
                           ? "the policy allows the values of PCR "
                           : "not evaluated: the policy names no PCR of the "
                             "enclave (nitro.pcrs)",
                           attest_verify_mask(mask, sizeof(mask), named));
    }

    if (left != 0) {
        attest_verify_kind(v, part, "nitro-unnamed", ATTEST_CHECK_NOTE,
                           "compared with nothing, for the policy does not "
                           "name it (nitro.pcrs): PCR %s",
                           attest_verify_mask(mask, sizeof(mask), left));
    }
}


/* Zero is what a register is before anything was measured. */

static bool
attest_verify_nitro_measured(attest_span_t pcr)
{
    size_t   i;
    uint8_t  all = 0;

    for (i = 0; i < pcr.n; i++) {
        all |= pcr.p[i];
    }

    return all != 0;
}


static bool
attest_verify_nitro_pcr(attest_verify_t *v, const attest_part_t *part,
    const attest_nitro_t *doc, size_t i)
{
    char            hex[ATTEST_ABBREV];
    attest_span_t   s = doc->pcrs[i];

    if (s.n != 0
        && attest_verify_in_set(&v->policy->nitro.pcrs[i], s.p, s.n))
    {
        return 1;
    }

    attest_verify_kind(v, part, "nitro-pcrs", ATTEST_CHECK_FAIL,
                       "PCR %zu of %s evidence is %s, which is no value that "
                       "the policy allows", i,
                       attest_verify_part_name(part->which), s.n == 0
                       ? "not there" : attest_verify_hex(hex, s.p, s.n));
    return 0;
}
