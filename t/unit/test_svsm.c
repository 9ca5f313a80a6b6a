/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A service module's virtual TPM beside a guest of SEV-SNP: the CPU's report
 * names its endorsement key, the proof of possession leads to the attestation
 * key; then each link broken in turn.
 */

#include "core/evidence/attest_tsm.h"
#include "core/appraisal/attest_verify.h"
#include "evidence.h"
#include "snp_double.h"


typedef struct {
    int   other_manifest;     /* names another EK, in all reports */
    int   flip_manifest;      /* the report is over another one */
    int   other_in_fresh;     /* the fresh report names another EK */
    int   no_manifest;
    int   no_proof;
    int   bad_proof;
    int   no_pcrs;            /* the policy has none */
    int   no_ek;
    int   vmpl;
} world_t;


static snp_double_t      chip;
static EVP_PKEY         *ak_key, *ek_key, *other_ek;
static ev_part_t         parts[2];
static uint8_t           nonce[32], secret[32];
static attest_policy_t   policy;
static attest_result_t   res;


static void
tsm_item(const world_t *w, int which, const uint8_t *claims, size_t len,
    ev_buf_t *out)
{
    static ev_buf_t   ek;
    static uint8_t    report[1184], table[16384];
    size_t            n = sizeof(table);
    uint8_t           rd[64];
    attest_tsm_t      tsm;
    EVP_MD_CTX       *ctx;

    ev_ek_public(&ek, w->other_manifest || (w->other_in_fresh && which == 1)
                 ? other_ek : ek_key);
    (void) attest_claims_report_data(claims, len, rd);

    if (!w->no_manifest) {
        ctx = EVP_MD_CTX_new();
        EVP_DigestInit_ex(ctx, EVP_sha512(), NULL);
        EVP_DigestUpdate(ctx, rd, 64);
        EVP_DigestUpdate(ctx, ek.p, ek.n);
        EVP_DigestFinal_ex(ctx, rd, NULL);
        EVP_MD_CTX_free(ctx);
    }

    chip.vmpl = (uint32_t) w->vmpl;

    if (!snp_double_report(&chip, rd, report)
        || !snp_double_table(&chip, table, &n))
    {
        printf("Bail out! no report\n");
        exit(1);
    }

    ek.p[ek.n - 1] ^= (uint8_t) w->flip_manifest;

    memset(&tsm, 0, sizeof(tsm));
    tsm.provider.p = (const uint8_t *) "sev_guest";
    tsm.provider.n = 9;
    tsm.outblob.p = report;
    tsm.outblob.n = sizeof(report);
    tsm.auxblob.p = table;
    tsm.auxblob.n = n;

    if (!w->no_manifest) {
        tsm.manifestblob = ev_span(&ek);
        tsm.service_provider.p = (const uint8_t *) "svsm";
        tsm.service_provider.n = 4;
    }

    out->n = sizeof(out->p);
    if (attest_tsm_encode(&tsm, out->p, &out->n) != ATTEST_OK) {
        printf("Bail out! no item\n");
        exit(1);
    }
}


static void
build(const world_t *w, int which)
{
    size_t              n = ATTEST_CLAIMS_MAX;
    uint8_t             claims[ATTEST_CLAIMS_MAX];
    ev_part_t          *part = &parts[which];
    static ev_buf_t     tsm[2];
    attest_tpm_bank_t  *bank;

    memset(part, 0, sizeof(*part));
    part->ctype = which == 1 ? ATTEST_CMWC_FRESH : ATTEST_CMWC_CACHED;
    part->claims_type = ATTEST_TYPE_CLAIMS;
    part->tpm_type = ATTEST_TYPE_TPM;
    part->root = "tee-vtpm";
    part->firmware = EV_FIRMWARE;
    part->ak_attributes = 0x00050072;
    part->ak = part->signer = ak_key;
    part->ek = ek_key;
    part->no_ek = w->no_ek;
    part->no_ek_cert = part->no_hpke = part->no_config = 1;
    part->no_eventlog = part->no_imalog = 1;
    part->claims.pubkey_hash_alg = 1;
    part->claims.pubkey_hash_len = 32;
    part->claims.not_before = EV_FROM;
    part->claims.not_after = EV_UNTIL;
    part->claims.has_validity = 1;

    if (which == 1) {
        memcpy(part->claims.nonce, nonce, 32);
        part->claims.nonce_len = 32;
        memcpy(part->claims.exporter, nonce, 32);
        part->claims.has_exporter = 1;
    }

    part->quoted.count = 1;
    bank = &part->quoted.banks[0];
    bank->alg = ATTEST_TPM_ALG_SHA256;
    bank->len = 32;
    bank->select = 0xff;
    memset(bank->value[0], 0x33, 32);
    memset(bank->value[4], 0x34, 32);
    part->shown = part->quoted;

    (void) attest_claims_encode(&part->claims, claims, &n);
    tsm_item(w, which, claims, n, &tsm[which]);
    part->cpu_raw = ev_span(&tsm[which]);
    ev_item(part->extra, &part->extras, ATTEST_ITEM_TSM, ATTEST_TYPE_TSM,
            part->cpu_raw);
    ev_build(part);
}


static void
make_policy(const world_t *w)
{
    attest_policy_clear(&policy);
    attest_policy_default(&policy);
    policy.roots = ATTEST_ROOT_SIMULATED;
    policy.require_exporter = 0;
    policy.simulated_roots = sk_X509_new_null();
    X509_up_ref(chip.ark);
    sk_X509_push(policy.simulated_roots, chip.ark);
    memcpy(policy.snp.measurement.value[0], chip.measurement, 48);
    policy.snp.measurement.len[0] = 48;
    policy.snp.measurement.count = 1;
    policy.snp.has_min_tcb = 1;
    policy.snp.min_tcb.snp = 1;
    policy.snp.covers = w->no_pcrs ? ATTEST_SNP_COVERS_KERNEL
                                   : ATTEST_SNP_COVERS_FIRMWARE;

    if (!w->no_pcrs) {
        policy.pcr_alg = ATTEST_TPM_ALG_SHA256;
        memset(policy.pcrs[0].value[0], 0x33, 32);
        policy.pcrs[0].len[0] = 32;
        policy.pcrs[0].count = 1;
        memset(policy.pcrs[4].value[0], 0x34, 32);
        policy.pcrs[4].len[0] = 32;
        policy.pcrs[4].count = 1;
    }
}


static void
run(const world_t *w)
{
    size_t                  n = ATTEST_CLAIMS_MAX;
    uint8_t                 claims[ATTEST_CLAIMS_MAX], digest[32], proof[32];
    unsigned                len;
    attest_span_t           s;
    attest_verify_input_t   in;

    build(w, 0);
    build(w, 1);
    make_policy(w);

    (void) attest_claims_encode(&parts[0].claims, claims, &n);
    s.p = claims;
    s.n = n;
    (void) attest_sha256(&s, 1, digest);
    HMAC(EVP_sha256(), secret, 32, digest, 32, proof, &len);
    proof[0] ^= (uint8_t) w->bad_proof;

    memset(&in, 0, sizeof(in));
    in.cached = ev_span(&parts[0].out);
    in.fresh = ev_span(&parts[1].out);
    in.nonce.p = nonce;
    in.nonce.n = 32;
    in.exporter = in.nonce;
    in.now = EV_NOW;
    in.policy = &policy;

    if (!w->no_proof) {
        in.secret.p = secret;
        in.secret.n = 32;
        in.proof.p = proof;
        in.proof.n = 32;
    }

    attest_verify(&in, &res);
}


static void
expect(const world_t *w, const char *what, attest_verdict_e verdict,
    const char *id, attest_check_e state)
{
    int     found = 0;
    size_t  i;

    run(w);

    for (i = 0; i < res.count; i++) {
        found |= strcmp(res.checks[i].id, id) == 0
                 && res.checks[i].state == state;
    }

    if (!OK(found && res.verdict == verdict
            && (verdict != ATTEST_TRUSTED
                || res.root == ATTEST_ROOT_SIMULATED), "%s: %s", what, id))
    {
        printf("#   verdict %d: %s\n", res.verdict, res.why);
        for (i = 0; i < res.count; i++) {
            printf("#   %d %s: %s\n", res.checks[i].state, res.checks[i].id,
                   res.checks[i].text);
        }
    }
}


#define CASE(what, verdict, id, state, ...)                                  \
    do {                                                                     \
        memset(&w, 0, sizeof(w));                                            \
        __VA_ARGS__;                                                         \
        expect(&w, what, ATTEST_##verdict, id, ATTEST_CHECK_##state);        \
    } while (0)


int
main(void)
{
    world_t  w;

    memset(nonce, 0xaa, sizeof(nonce));
    memset(secret, 0xcc, sizeof(secret));
    ak_key = ev_key("EC");
    ek_key = ev_key("RSA");
    other_ek = ev_key("RSA");
    chip.bits = 2048;
    memset(chip.measurement, 0x44, 48);
    chip.tcb[2] = 8;
    memset(chip.chip, 0x55, 64);
    OK(snp_double_init(&chip) && snp_double_leaf(&chip), "a double");

    CASE("the EK that the report names", TRUSTED, "svsm-ek", PASS, (void) 0);
    CASE("a guest at VMPL 0 could name one", TRUSTED, "svsm-measurement",
         NOTE, (void) 0);
    CASE("so its PCR values count", TRUSTED, "tpm-beside", PASS, (void) 0);
    CASE("no proof", UNDECIDED, "tpm-beside", UNKNOWN, w.no_proof = 1);
    CASE("no proof, told", UNDECIDED, "svsm-ek", NOTE, w.no_proof = 1);
    CASE("no proof, but no PCR values", TRUSTED, "tpm-beside", NOTE,
         w.no_proof = 1; w.no_pcrs = 1);
    CASE("a bad proof", NOT_TRUSTED, "ek-activation", FAIL, w.bad_proof = 1);
    CASE("reports that name another EK", NOT_TRUSTED, "svsm-ek", FAIL,
         w.other_manifest = 1);
    CASE("the fresh one does", NOT_TRUSTED, "svsm-ek", FAIL,
         w.other_in_fresh = 1);
    CASE("a manifest that nobody signed", NOT_TRUSTED, "fresh-snp-binding",
         FAIL, w.flip_manifest = 1);
    CASE("asked for by the guest", NOT_TRUSTED, "fresh-snp-service", FAIL,
         w.vmpl = 1);
    CASE("no manifest: a TPM of anybody's", UNDECIDED, "tpm-beside", UNKNOWN,
         w.no_manifest = 1);
    CASE("no EK to compare", UNDECIDED, "tpm-beside", UNKNOWN, w.no_ek = 1);

    attest_policy_clear(&policy);
    snp_double_free(&chip);
    EVP_PKEY_free(ak_key);
    EVP_PKEY_free(ek_key);
    EVP_PKEY_free(other_ek);
    DONE();
}
