/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GPUs and switches: each device's chain and signature, and what the policy
 * says of the devices together.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "core/evidence/attest_gpu.h"
#include "core/appraisal/attest_verify_anchor.h"
#include "core/appraisal/attest_verify_gpu.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/crypto/attest_x509.h"


/* One device while its evidence is looked at. */

typedef struct {
    const attest_gpu_device_t  *in;
    attest_gpu_class_e          kind;
    const char                 *chip;
    STACK_OF(X509)             *chain;
    attest_spdm_t               spdm;
    uint8_t                     leaf[ATTEST_SHA256_LEN];       /* SPKI's */
    uint8_t                     identity[ATTEST_SHA256_LEN];
    int                         simulated;
} attest_verify_gpu_t;

typedef struct {
    attest_verify_t       *v;
    attest_part_t         *part;
    attest_gpu_t           gpu;
    attest_verify_gpu_t    devices[ATTEST_GPU_MAX_DEVICES];
    size_t                 count;
    size_t                 gpus;
    size_t                 switches;
} attest_verify_gpus_t;

/* What is wrong with one device; ATTEST_CHECK_PASS: nothing. */
typedef attest_check_e (*attest_gpu_check_pt)(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);


static void attest_verify_gpus(attest_verify_gpus_t *g);
static bool attest_verify_gpu_each(attest_verify_gpus_t *g, const char *id,
    attest_gpu_check_pt check, const char *fine);
static attest_check_e attest_verify_gpu_report(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static attest_check_e attest_verify_gpu_arch(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static bool attest_verify_gpu_is_chip(X509 *leaf, const char *chip);
static attest_check_e attest_verify_gpu_chain(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static attest_check_e attest_verify_gpu_nonce(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static attest_check_e attest_verify_gpu_signature(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static attest_check_e attest_verify_gpu_firmware(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static attest_check_e attest_verify_gpu_unique(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static int attest_verify_gpu_digest(attest_verify_gpus_t *g);
static int attest_verify_gpu_order(const void *a, const void *b);
static void attest_verify_gpu_judge(attest_verify_gpus_t *g);
static void attest_verify_gpu_counts(attest_verify_gpus_t *g);
static attest_check_e attest_verify_gpu_allowed(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static attest_check_e attest_verify_gpu_mode(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static attest_check_e attest_verify_gpu_driver(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static attest_check_e attest_verify_gpu_vbios(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static attest_check_e attest_verify_gpu_named(attest_verify_gpus_t *g,
    attest_verify_gpu_t *d, const char **why);
static bool attest_verify_gpu_in(const attest_textset_t *set,
    attest_span_t text);


/* In the order in which they are made; `fine` is said of all of them. */

static const struct {
    const char            *id;
    attest_gpu_check_pt    check;
    const char            *fine;
} attest_gpu_checks[] = {
    { "gpu-report", attest_verify_gpu_report,
      "have well formed reports and certificates" },
    { "gpu-arch", attest_verify_gpu_arch,
      "are what their certificates say" },
    { "gpu-chain", attest_verify_gpu_chain, NULL },
    { "gpu-nonce", attest_verify_gpu_nonce,
      "signed the nonce that these claims make" },
    { "gpu-signature", attest_verify_gpu_signature,
      "have good signatures on their reports" },
    { "gpu-firmware", attest_verify_gpu_firmware,
      "run the firmware that their certificates name, where reports say it" },
    { "gpu-unique", attest_verify_gpu_unique,
      "are different devices" },
    { NULL, NULL, NULL }
};


const attest_verify_kind_t  attest_verify_kind_gpu = {
    .item = attest_verify_gpu,
    .makers = ATTEST_MADE_BY(ATTEST_MAKER_NVIDIA)
};


void
attest_verify_gpu(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item)
{
    int                    rc;
    size_t                 i;
    attest_verify_gpus_t  *g;

    g = calloc(1, sizeof(attest_verify_gpus_t));
    if (g == NULL) {
        attest_verify_kind(v, part, "gpu", ATTEST_CHECK_UNKNOWN,
                           "out of memory");
        return;
    }

    g->v = v;
    g->part = part;

    rc = attest_gpu_parse(item->value.p, item->value.n, &g->gpu);

    if (rc != ATTEST_OK) {
        attest_verify_kind(v, part, "gpu", attest_verify_state(rc),
                           "the GPU evidence of %s evidence, %zu bytes, is "
                           "%s", attest_verify_part_name(part->which),
                           item->value.n, attest_strerror(rc));

    } else {
        attest_verify_gpus(g);
        attest_gpu_free(&g->gpu);
    }

    for (i = 0; i < g->count; i++) {
        sk_X509_pop_free(g->devices[i].chain, X509_free);
    }

    free(g);
}


static void
attest_verify_gpus(attest_verify_gpus_t *g)
{
    int                   proven = 1, ok;
    size_t                i;
    attest_verify_gpu_t  *d;

    for (i = 0; i < g->gpu.count; i++) {
        d = &g->devices[g->count++];
        d->in = &g->gpu.devices[i];
        d->kind = attest_gpu_class(d->in->arch, &d->chip);
        g->gpus += (d->kind == ATTEST_GPU_GPU);
        g->switches += (d->kind == ATTEST_GPU_SWITCH);
    }

    for (i = 0; attest_gpu_checks[i].id != NULL; i++) {
        ok = attest_verify_gpu_each(g, attest_gpu_checks[i].id,
                                    attest_gpu_checks[i].check,
                                    attest_gpu_checks[i].fine);
        proven = proven && ok;

        /* the others need what the first one parses */

        if (i == 0 && !ok) {
            return;
        }
    }

    if (!proven || attest_verify_gpu_digest(g) != ATTEST_OK) {
        return;
    }

    g->part->gpu_proven = (g->gpus != 0);

    attest_verify_gpu_judge(g);
}


/* One check for all devices: the first that is wrong is named. */

static bool
attest_verify_gpu_each(attest_verify_gpus_t *g, const char *id,
    attest_gpu_check_pt check, const char *fine)
{
    char             arch[ATTEST_GPU_MAX_ARCH + 1];
    size_t           i;
    const char      *why = NULL;
    attest_check_e   state;

    for (i = 0; i < g->count; i++) {

        state = check(g, &g->devices[i], &why);

        if (state != ATTEST_CHECK_PASS) {
            attest_verify_kind(g->v, g->part, id, state, "device %zu of %zu "
                               "(%s) of %s evidence: %s", i + 1, g->count,
                               attest_verify_text(arch, sizeof(arch),
                                                  g->devices[i].in->arch),
                               attest_verify_part_name(g->part->which), why);
            return 0;
        }
    }

    if (fine == NULL) {
        fine = g->part->gpu_simulated ? "have certificates by one of the "
                                        "policy's simulated roots, or by "
                                        "NVIDIA"
                                      : "have certificates by NVIDIA";
    }

    attest_verify_kind(g->v, g->part, id, ATTEST_CHECK_PASS,
                       "%zu GPUs and %zu switches %s", g->gpus, g->switches,
                       fine);
    return 1;
}


static attest_check_e
attest_verify_gpu_report(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    int        rc;
    EVP_PKEY  *key;

    (void) g;

    d->chain = attest_x509_read(d->in->chain);
    if (d->chain == NULL) {
        *why = "malformed certificates";
        return ATTEST_CHECK_FAIL;
    }

    key = X509_get0_pubkey(sk_X509_value(d->chain, 0));
    if (key == NULL || attest_x509_spki_hash(key, d->leaf) != ATTEST_OK) {
        *why = "a certificate without a usable key";
        return ATTEST_CHECK_FAIL;
    }

    rc = attest_spdm_parse(d->in->report.p, d->in->report.n, &d->spdm);
    *why = attest_strerror(rc);
    return rc == ATTEST_OK ? ATTEST_CHECK_PASS : attest_verify_state(rc);
}


/* A switch that is presented as a GPU would be counted as one. */

static attest_check_e
attest_verify_gpu_arch(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    (void) g;

    if (d->kind == ATTEST_GPU_UNKNOWN) {
        *why = "this version does not know this architecture";
        return ATTEST_CHECK_UNKNOWN;
    }

    if (!attest_verify_gpu_is_chip(sk_X509_value(d->chain, 0), d->chip)) {
        *why = "its certificate is for another kind of device";
        return ATTEST_CHECK_FAIL;
    }

    return ATTEST_CHECK_PASS;
}


/* The one common name of the subject begins with the chip: "GH100 ..". */

static bool
attest_verify_gpu_is_chip(X509 *leaf, const char *chip)
{
    int               at;
    size_t            n = strlen(chip);
    ASN1_STRING      *cn;
    const X509_NAME  *name = X509_get_subject_name(leaf);

    at = X509_NAME_get_index_by_NID((X509_NAME *) name, NID_commonName, -1);

    if (at < 0 || X509_NAME_get_index_by_NID((X509_NAME *) name,
                                             NID_commonName, at) >= 0)
    {
        return 0;
    }

    cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));

    return (size_t) ASN1_STRING_length(cn) > n
           && memcmp(ASN1_STRING_get0_data(cn), chip, n) == 0;
}


static attest_check_e
attest_verify_gpu_chain(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    int    rc, simulated;
    X509  *leaf = sk_X509_value(d->chain, 0);

    *why = attest_verify_anchor(g->v, ATTEST_MAKER_NVIDIA, leaf, d->chain,
                                NULL, &simulated);
    if (*why != NULL) {
        return ATTEST_CHECK_FAIL;
    }

    rc = attest_gpu_identity(d->chain, d->identity);
    if (rc != ATTEST_OK) {
        *why = "the second certificate did not sign the first";
        return ATTEST_CHECK_FAIL;
    }

    if (simulated) {
        d->simulated = 1;
        g->part->gpu_simulated = 1;
    }

    return ATTEST_CHECK_PASS;
}


/*
 * The nonce that counts is the one of the request, which the device signed.
 * What the file says beside it has to be the same.
 */

static attest_check_e
attest_verify_gpu_nonce(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    uint8_t  nonce[ATTEST_SPDM_NONCE];

    if (attest_claims_gpu_nonce(&g->part->claims, nonce) != ATTEST_OK) {
        *why = "the claims have neither a nonce nor a validity, so nothing "
               "can be bound to them";
        return ATTEST_CHECK_FAIL;
    }

    if (CRYPTO_memcmp(d->spdm.nonce.p, nonce, sizeof(nonce)) != 0) {
        *why = "its report was made for another nonce than these claims make";
        return ATTEST_CHECK_FAIL;
    }

    if (CRYPTO_memcmp(d->in->nonce, nonce, sizeof(nonce)) != 0) {
        *why = "the nonce beside its report is not the one in it";
        return ATTEST_CHECK_FAIL;
    }

    return ATTEST_CHECK_PASS;
}


static attest_check_e
attest_verify_gpu_signature(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    int  rc;

    (void) g;

    rc = attest_spdm_signature(&d->spdm, X509_get0_pubkey(
                                                sk_X509_value(d->chain, 0)));
    *why = rc == ATTEST_ECRYPTO ? "the signature of its report is wrong"
                                : attest_strerror(rc);

    return rc == ATTEST_OK ? ATTEST_CHECK_PASS : rc == ATTEST_EINTERNAL
           ? ATTEST_CHECK_UNKNOWN : ATTEST_CHECK_FAIL;
}


static attest_check_e
attest_verify_gpu_firmware(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    int             rc;
    uint8_t         fwid[ATTEST_SHA384_LEN];
    attest_span_t   shown;

    (void) g;

    if (!attest_spdm_opaque(&d->spdm, ATTEST_SPDM_FWID, &shown)) {
        *why = "its report does not name its firmware (FWID)";
        return d->kind == ATTEST_GPU_SWITCH ? ATTEST_CHECK_PASS
                                            : ATTEST_CHECK_UNKNOWN;
    }

    rc = attest_gpu_fwid(sk_X509_value(d->chain, 0), fwid);
    if (rc != ATTEST_OK) {
        *why = "its certificate does not name its firmware (FWID)";
        return attest_verify_state(rc);
    }

    if (shown.n != sizeof(fwid)
        || CRYPTO_memcmp(shown.p, fwid, sizeof(fwid)) != 0)
    {
        *why = "its report names another firmware (FWID) than its "
               "certificate";
        return ATTEST_CHECK_FAIL;
    }

    return ATTEST_CHECK_PASS;
}


/* One device shown twice would be counted twice. */

static attest_check_e
attest_verify_gpu_unique(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    const attest_verify_gpu_t  *other;

    for (other = g->devices; other != d; other++) {
        if (CRYPTO_memcmp(other->leaf, d->leaf, sizeof(d->leaf)) == 0
            || CRYPTO_memcmp(other->identity, d->identity,
                             sizeof(d->identity)) == 0)
        {
            *why = "it is there twice";
            return ATTEST_CHECK_FAIL;
        }
    }

    return ATTEST_CHECK_PASS;
}


/* In whichever order they are listed: the same devices, the same digest. */

static int
attest_verify_gpu_digest(attest_verify_gpus_t *g)
{
    size_t          i;
    attest_span_t   parts[ATTEST_GPU_MAX_DEVICES];

    for (i = 0; i < g->count; i++) {
        parts[i] = attest_span(g->devices[i].identity,
                               sizeof(g->devices[i].identity));
    }

    qsort(parts, g->count, sizeof(parts[0]), attest_verify_gpu_order);

    return attest_sha256(parts, g->count, g->part->gpus);
}


static int
attest_verify_gpu_order(const void *a, const void *b)
{
    const attest_span_t  *one = a, *two = b;

    return memcmp(one->p, two->p, one->n);
}


/* All of it is genuine: what does the policy say? */

static void
attest_verify_gpu_judge(attest_verify_gpus_t *g)
{
    const attest_policy_gpu_t  *p = &g->v->policy->gpu;

    attest_verify_kind(g->v, g->part, "gpu-measurements", ATTEST_CHECK_NOTE,
                       "not evaluated: the measurements in the reports are "
                       "not compared with NVIDIA's reference values (RIM), "
                       "nor is the revocation of certificates asked for "
                       "(OCSP)");

    if (!p->given) {
        attest_verify_kind(g->v, g->part, "gpu-policy", ATTEST_CHECK_NOTE,
                           "not evaluated: the policy says nothing of GPUs");
        return;
    }

    attest_verify_gpu_counts(g);

    if (p->arch.count != 0) {
        (void) attest_verify_gpu_each(g, "gpu-arch-allowed",
                                      attest_verify_gpu_allowed, "are of an "
                                      "architecture that the policy allows");
    }

    if (p->modes.count != 0) {
        (void) attest_verify_gpu_each(g, "gpu-mode", attest_verify_gpu_mode,
                                      "are in a mode that the policy allows, "
                                      "as far as they are GPUs");
    }

    if (p->driver.count != 0) {
        (void) attest_verify_gpu_each(g, "gpu-driver",
                                      attest_verify_gpu_driver, "run a "
                                      "driver that the policy allows, as far "
                                      "as they are GPUs");
    }

    if (p->vbios.count != 0 || p->switch_bios.count != 0) {
        (void) attest_verify_gpu_each(g, "gpu-vbios",
                                      attest_verify_gpu_vbios, "run a BIOS "
                                      "that the policy allows");
    }

    if (p->devices.count != 0) {
        (void) attest_verify_gpu_each(g, "gpu-devices",
                                      attest_verify_gpu_named, "are named by "
                                      "the policy");
    }
}


static void
attest_verify_gpu_counts(attest_verify_gpus_t *g)
{
    char                        want[64] = "any number";
    int                         ok = 1;
    const attest_policy_gpu_t  *p = &g->v->policy->gpu;

    if (p->has_count) {
        ok = g->gpus == p->count;
        (void) snprintf(want, sizeof(want), "%llu",
                        (unsigned long long) p->count);

    } else if (p->min_count != 0) {
        ok = g->gpus >= p->min_count;
        (void) snprintf(want, sizeof(want), "at least %llu",
                        (unsigned long long) p->min_count);
    }

    attest_verify_kind(g->v, g->part, "gpu-count", ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "%s evidence shows %zu GPUs, the "
                       "policy wants %s",
                       attest_verify_part_name(g->part->which), g->gpus,
                       want);

    if (p->has_switches) {
        ok = g->switches == p->switches;
        attest_verify_kind(g->v, g->part, "gpu-switches", ok
                           ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                           "%s evidence shows %zu switches, the policy wants "
                           "%llu", attest_verify_part_name(g->part->which),
                           g->switches, (unsigned long long) p->switches);
    }
}


static attest_check_e
attest_verify_gpu_allowed(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    *why = "the policy does not allow this architecture";

    return d->kind == ATTEST_GPU_SWITCH
           || attest_verify_gpu_in(&g->v->policy->gpu.arch, d->in->arch)
           ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL;
}


static attest_check_e
attest_verify_gpu_mode(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    attest_span_t  s;
    const char    *mode;

    if (d->kind == ATTEST_GPU_SWITCH) {
        return ATTEST_CHECK_PASS;
    }

    mode = attest_gpu_mode(&d->spdm);

    if (mode == NULL) {
        *why = "it is in a mode that this version does not know";
        return ATTEST_CHECK_UNKNOWN;
    }

    s = attest_span_text(mode);

    *why = "the policy does not allow its mode of protection";

    return attest_verify_gpu_in(&g->v->policy->gpu.modes, s)
           ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL;
}


static attest_check_e
attest_verify_gpu_driver(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    char            text[ATTEST_GPU_MAX_VERSION];
    attest_span_t   s;

    if (d->kind == ATTEST_GPU_SWITCH) {
        return ATTEST_CHECK_PASS;
    }

    attest_gpu_driver(&d->spdm, text);
    s = attest_span_text(text);

    *why = "the policy does not allow its driver version";

    return attest_verify_gpu_in(&g->v->policy->gpu.driver, s)
           ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL;
}


static attest_check_e
attest_verify_gpu_vbios(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    char                        text[ATTEST_GPU_MAX_VERSION];
    attest_span_t               s;
    const attest_textset_t     *set;
    const attest_policy_gpu_t  *p = &g->v->policy->gpu;

    set = d->kind == ATTEST_GPU_SWITCH ? &p->switch_bios : &p->vbios;

    if (set->count == 0) {
        return ATTEST_CHECK_PASS;
    }

    attest_gpu_vbios(&d->spdm, text);
    s = attest_span_text(text);

    *why = "the policy does not allow its BIOS version";

    return attest_verify_gpu_in(set, s) ? ATTEST_CHECK_PASS
                                        : ATTEST_CHECK_FAIL;
}


static attest_check_e
attest_verify_gpu_named(attest_verify_gpus_t *g, attest_verify_gpu_t *d,
    const char **why)
{
    *why = "the policy does not name this device";

    return attest_verify_in_set(&g->v->policy->gpu.devices, d->identity,
                                sizeof(d->identity))
           ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL;
}


static bool
attest_verify_gpu_in(const attest_textset_t *set, attest_span_t text)
{
    size_t  i;

    for (i = 0; i < set->count; i++) {
        if (attest_span_is(text, set->value[i])) {
            return 1;
        }
    }

    return 0;
}


/*
 * A certificate has no room for GPU evidence, only for its digest: GPUs are
 * proven by what the endpoint serves.
 */

void
attest_verify_gpu_required(attest_verify_t *v)
{
    const attest_policy_gpu_t  *p = &v->policy->gpu;
    const attest_part_t        *part = v->main;

    if (!p->given || (p->optional && !part->claims.has_gpu)) {
        return;
    }

    if (!part->claims.has_gpu) {
        attest_verify_add(v, "gpu-required", ATTEST_CHECK_FAIL,
                          "the policy wants GPUs, %s evidence shows none",
                          attest_verify_part_name(part->which));
        return;
    }

    if (!part->gpu_proven) {
        attest_verify_add(v, "gpu-required", ATTEST_CHECK_UNKNOWN,
                          "the policy wants GPUs, %s evidence proves none",
                          attest_verify_part_name(part->which));
        return;
    }

    attest_verify_add(v, "gpu-required", ATTEST_CHECK_PASS,
                      "GPUs are proven, as the policy wants");
}
