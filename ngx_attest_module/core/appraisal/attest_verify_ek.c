/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whose key signed the quote?  The endorsement key's certificate, the proof
 * that the attestation key is in the same TPM, and the TPM's firmware.
 */


#include <string.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/appraisal/attest_verify_ek.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/crypto/attest_x509.h"


/* TCG EK Credential Profile 2.5, section 3: tcg-kp-EKCertificate. */
#define ATTEST_OID_EK    "2.23.133.8.1"

static const attest_part_t *attest_verify_ek_part(const attest_verify_t *v);
static bool attest_verify_wants_ek(const attest_verify_t *v);
static void attest_verify_ak_reference(attest_verify_t *v);
static void attest_verify_ek_missing(attest_verify_t *v, const char *what);
static void attest_verify_svsm(attest_verify_t *v,
    const attest_part_t *part);
static bool attest_verify_ek_key(attest_verify_t *v,
    const attest_part_t *part);
static void attest_verify_ek_chain(attest_verify_t *v,
    const attest_part_t *part);
static const char *attest_verify_ek_usage(X509 *cert);
static const char *attest_verify_chain(const attest_verify_t *v, X509 *cert);
static void attest_verify_activation(attest_verify_t *v,
    const attest_part_t *part);
static bool attest_verify_proof(const attest_verify_t *v,
    const attest_part_t *part);


/*
 * Whose attestation key is it?  Either the policy knows its name, or the TPM
 * maker vouches for the EK and the TPM proved that it holds both keys.
 */

void
attest_verify_ek(attest_verify_t *v)
{
    const attest_part_t  *part;

    attest_verify_ak_reference(v);

    if (!v->main->has_tpm) {
        return;
    }

    part = attest_verify_ek_part(v);

    if (part->tpm.ek.n == 0) {
        attest_verify_ek_missing(v, "endorsement key");
        return;
    }

    attest_verify_activation(v, part);
    attest_verify_svsm(v, part);

    if (part->tpm.ek_cert.n == 0) {
        attest_verify_ek_missing(v, "endorsement key certificate");
        return;
    }

    if (attest_verify_ek_key(v, part)) {
        attest_verify_ek_chain(v, part);
    }
}


/*
 * Where a CPU or a cloud vouches for the machine, no EK has to.  What a TPM
 * beside a CPU owes is told when it is known what it was needed for.
 */

static bool
attest_verify_wants_ek(const attest_verify_t *v)
{
    unsigned  root;

    root = v->main->cpu.kind != ATTEST_KIND_NONE ? ATTEST_ROOT_TEE
           : v->main->ak_cloud ? ATTEST_ROOT_CLOUD_VTPM
           : ATTEST_ROOT_HOST_VTPM;

    return v->policy->require_ek
           && (attest_label(root)->owes & ATTEST_OWES_EK) != 0;
}


/* The credential is made for the EK and AK of the cached collection. */

static const attest_part_t *
attest_verify_ek_part(const attest_verify_t *v)
{
    const attest_part_t  *cached = &v->part[ATTEST_PART_CACHED];

    return cached->has_tpm && cached->tpm.ek.n != 0 ? cached : v->main;
}


static void
attest_verify_ak_reference(attest_verify_t *v)
{
    char            hex[ATTEST_ABBREV];
    attest_part_t  *part = v->main;

    if (v->policy->ak.count == 0) {
        return;
    }

    /* the public part of a named key is no secret: anybody may show it */

    if (!part->proven) {
        attest_verify_add(v, "ak-reference", ATTEST_CHECK_UNKNOWN,
                          "not evaluated: no quote proves that the "
                          "attestation key signed anything");
        return;
    }

    v->ak_named = attest_verify_in_set(&v->policy->ak, part->ak.name,
                                       ATTEST_TPM_NAME_LEN);

    attest_verify_add(v, "ak-reference", v->ak_named ? ATTEST_CHECK_PASS
                      : ATTEST_CHECK_FAIL, "the attestation key's name %s is "
                      "%s that the policy names",
                      attest_verify_hex(hex, part->ak.name,
                                        ATTEST_TPM_NAME_LEN),
                      v->ak_named ? "one" : "none of those");
}


static void
attest_verify_ek_missing(attest_verify_t *v, const char *what)
{
    attest_verify_add(v, "ek-key", attest_verify_wants_ek(v) ? ATTEST_CHECK_FAIL
                      : ATTEST_CHECK_NOTE, "%sthe evidence carries no %s",
                      attest_verify_wants_ek(v) ? "the policy wants one, but "
                      : "not evaluated: ", what);
}


/*
 * SVSM: the CPU's report names the EK of the TPM that runs beside the guest
 * at VMPL 0, and the proof of possession leads from the EK to the AK.
 */

static void
attest_verify_svsm(attest_verify_t *v, const attest_part_t *part)
{
    int                  same;
    attest_part_t       *now = v->main;
    const attest_cpu_t  *cpu = &part->cpu;

    if (now->cpu.svsm_ek.n == 0 || !now->cpu.proven) {
        return;
    }

    /* the EK of the report that came with the AK that was activated */

    same = cpu->proven && attest_span_eq(cpu->svsm_ek, part->tpm.ek)
           && attest_span_eq(cpu->svsm_ek, now->cpu.svsm_ek);

    now->svsm_ak = same && v->ek_activated;

    attest_verify_add(v, "svsm-ek", !same ? ATTEST_CHECK_FAIL
                      : now->svsm_ak ? ATTEST_CHECK_PASS : ATTEST_CHECK_NOTE,
                      "the endorsement key is %sthe one that the CPU's report "
                      "names for the TPM of the service module%s",
                      same ? "" : "not ", same && !now->svsm_ak
                      ? ", but no proof of possession ties the attestation "
                        "key to it" : "");

    /* a guest that is at VMPL 0 itself could have made the manifest */

    if (now->svsm_ak) {
        attest_verify_add(v, "svsm-measurement", ATTEST_CHECK_NOTE,
                          "that a service module runs at VMPL 0, and not the "
                          "guest itself, only the launch measurement says: "
                          "the one that the policy names must be of an image "
                          "with a service module");
    }
}


static bool
attest_verify_ek_key(attest_verify_t *v, const attest_part_t *part)
{
    int                  rc;
    attest_tpm_public_t  ek;

    memset(&ek, 0, sizeof(ek));

    rc = attest_tpm_public_parse(part->tpm.ek.p, part->tpm.ek.n, &ek);
    if (rc == ATTEST_OK) {
        rc = attest_tpm_ek_matches_cert(&ek, part->tpm.ek_cert.p,
                                        part->tpm.ek_cert.n);
    }

    attest_tpm_public_free(&ek);

    attest_verify_add(v, "ek-key", rc == ATTEST_OK ? ATTEST_CHECK_PASS
                      : rc == ATTEST_EUNSUPPORTED || rc == ATTEST_EINTERNAL
                      ? ATTEST_CHECK_UNKNOWN : ATTEST_CHECK_FAIL, "%s%s",
                      rc == ATTEST_OK
                      ? "the endorsement key is the key of its certificate"
                      : "endorsement key and its certificate: ",
                      rc == ATTEST_OK ? "" : attest_strerror(rc));

    return rc == ATTEST_OK;
}


static void
attest_verify_ek_chain(attest_verify_t *v, const attest_part_t *part)
{
    X509           *cert;
    const char     *what;
    const uint8_t  *p = part->tpm.ek_cert.p;

    if (sk_X509_num(v->policy->ek_roots) <= 0) {
        attest_verify_add(v, "ek-chain", attest_verify_wants_ek(v)
                          ? ATTEST_CHECK_UNKNOWN : ATTEST_CHECK_NOTE,
                          "not evaluated: the policy names no TPM maker's "
                          "certificate (ek_roots)");
        return;
    }

    if (v->in->now < 0) {
        attest_verify_add(v, "ek-chain", ATTEST_CHECK_UNKNOWN,
                          "the time is not known");
        return;
    }

    cert = d2i_X509(NULL, &p, (long) part->tpm.ek_cert.n);
    what = cert == NULL ? "it cannot be read" : attest_verify_ek_usage(cert);

    if (what == NULL) {
        what = attest_verify_chain(v, cert);
    }

    X509_free(cert);
    v->ek_chained = (what == NULL);

    attest_verify_add(v, "ek-chain", what == NULL ? ATTEST_CHECK_PASS
                      : ATTEST_CHECK_FAIL, "the endorsement key certificate "
                      "%s%s", what == NULL
                      ? "was issued under a root that the policy names"
                      : "is refused: ", what == NULL ? "" : what);
}


/*
 * One maker's CA may also certify attestation or TLS keys: such a key could
 * decrypt a credential without being an EK.
 */

static const char *
attest_verify_ek_usage(X509 *cert)
{
    int                  i, found = 0;
    char                 oid[64];
    uint32_t             usage;
    EXTENDED_KEY_USAGE  *eku;

    usage = X509_get_key_usage(cert);
    if (usage != UINT32_MAX
        && (usage & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT)) == 0)
    {
        return "its key usage does not allow to encrypt to it";
    }

    eku = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    if (eku == NULL) {
        return NULL;
    }

    for (i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
        (void) OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(eku, i), 1);
        found |= (strcmp(oid, ATTEST_OID_EK) == 0);
    }

    EXTENDED_KEY_USAGE_free(eku);

    return found ? NULL : "its extended key usage is not that of an EK";
}


/*
 * Any certificate of ek_roots is an anchor: evidence carries no chain, so an
 * intermediate may be named directly, or beside a root (ek_intermediates).
 * NULL, or why not.
 */

static const char *
attest_verify_chain(const attest_verify_t *v, X509 *cert)
{
    attest_x509_chain_t  c;

    memset(&c, 0, sizeof(c));
    c.anchors = v->policy->ek_roots;
    c.untrusted = v->policy->ek_intermediates;
    c.now = v->in->now;
    c.partial = 1;

    return attest_x509_chain(cert, &c);
}


static void
attest_verify_activation(attest_verify_t *v, const attest_part_t *part)
{
    const attest_verify_input_t  *in = v->in;

    if (in->proof.n == 0 || in->secret.n == 0) {
        attest_verify_add(v, "ek-activation", attest_verify_wants_ek(v)
                          ? ATTEST_CHECK_UNKNOWN : ATTEST_CHECK_NOTE,
                          "not evaluated: there is no proof that the TPM "
                          "holds both endorsement and attestation key");
        return;
    }

    v->ek_activated = attest_verify_proof(v, part);

    attest_verify_add(v, "ek-activation", v->ek_activated
                      ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                      "the TPM %s a secret that only the holder of both "
                      "endorsement and attestation key can recover",
                      v->ek_activated ? "proved that it recovered"
                      : "did not prove that it recovered");
}


/* proof == HMAC-SHA-256(secret, SHA-256(cached claims)) */

static bool
attest_verify_proof(const attest_verify_t *v, const attest_part_t *part)
{
    int            ok;
    uint8_t        digest[ATTEST_SHA256_LEN], mac[ATTEST_SHA256_LEN];
    unsigned       len = sizeof(mac);
    attest_span_t  secret = v->in->secret;

    if (part->which != ATTEST_PART_CACHED || v->in->proof.n != sizeof(mac)
        || secret.n != ATTEST_TPM_SECRET_LEN)
    {
        return 0;
    }

    if (attest_sha256(&part->claims_raw, 1, digest) != ATTEST_OK
        || HMAC(EVP_sha256(), secret.p, (int) secret.n, digest,
                sizeof(digest), mac, &len) == NULL)
    {
        return 0;
    }

    ok = (CRYPTO_memcmp(mac, v->in->proof.p, sizeof(mac)) == 0);
    OPENSSL_cleanse(mac, sizeof(mac));
    return ok;
}


/* Does the firmware, which the quote signs, contradict the label? */

bool
attest_verify_firmware(attest_verify_t *v, unsigned root)
{
    int       software;
    uint64_t  firmware = v->main->quote.firmware;

    software = attest_tpm_firmware_is_software(firmware);

    if (software && (root & ATTEST_ROOTS_UNPROVEN) == 0) {
        attest_verify_add(v, "tpm-firmware", ATTEST_CHECK_FAIL,
                          "firmware %016llx is a software TPM's, but the "
                          "evidence calls it %s",
                          (unsigned long long) firmware,
                          attest_label_name(root));
        return 0;
    }

    attest_verify_add(v, "tpm-firmware", ATTEST_CHECK_NOTE,
                      "the TPM's firmware version is %016llx%s",
                      (unsigned long long) firmware,
                      software ? ", libtpms: a software TPM" : "");
    return 1;
}


/*
 * A key that the policy names, or one that its maker's certificate and its
 * proof lead to.  A name stands for a TPM of the host's only where the policy
 * accepts such: its author knows what the key is in, and firmware of a
 * software TPM contradicts him.
 */

unsigned
attest_verify_ek_label(const attest_verify_t *v)
{
    if (attest_tpm_firmware_is_software(v->main->quote.firmware)) {
        return ATTEST_ROOT_SOFTWARE;
    }

    if ((v->ek_chained && v->ek_activated)
        || (v->ak_named && (v->policy->roots & ATTEST_ROOT_HOST_VTPM) != 0))
    {
        return ATTEST_ROOT_HOST_VTPM;
    }

    return ATTEST_ROOT_SOFTWARE;
}
