/* SPDX-License-Identifier: Apache-2.0 */

/* Appraisal: everything in order first, then each thing wrong in turn. */

#include <openssl/crypto.h>

#include "core/policy/attest_policy.h"
#include "core/appraisal/attest_verify.h"
#include "evidence.h"


/* Three parts (certificate, cached, fresh), the connection and a policy. */

typedef struct {
    ev_part_t         part[3];
    EVP_PKEY         *cert_key;           /* key of the connection */
    int64_t           cert_from;
    int64_t           cert_until;
    int               bare_cert;          /* no evidence in it */
    int               flip_cert;
    uint8_t           nonce[32];
    uint8_t           exporter[32];
    uint8_t           secret[32];
    uint8_t           proof[32];
    size_t            served_from;        /* in the list of prompt keys */
    size_t            served_len;
    int               no_cert;
    int               no_cached;
    int               no_fresh;
    int               no_proof;
    int               no_exporter;
    int               no_served;
    int64_t           now;
    attest_policy_t   policy;
} world_t;


static world_t          w;
static attest_result_t  res;
static EVP_PKEY        *tls_key, *ak_key, *ek_key, *ca_key, *other_key,
                       *other_rsa, *weak_key;
static X509            *ca_cert, *other_ca, *weak_ca, *rsa_ca;
static ev_buf_t         hpke_list, config, eventlog, imalog, ek_cert, cert;
static attest_tpm_pcrs_t  pcrs;
static uint8_t          event4[32], event7[32];


static ev_part_t *cached(void);
static ev_part_t *fresh(void);
static void name_ak(void);
static void setup(void);
static void setup_logs(void);
static void setup_hpke(void);
static void encode_ek_cert(X509 *x);
static void show_ek_cert(X509 *x);
static void weak_ek_cert(X509 *issuer, EVP_PKEY *key, const EVP_MD *md);
static void ek_roots(X509 *anchor);
static void unsigned_ak(void);
static void unproven_root(const char *what);
static void reset(void);
static void reset_part(ev_part_t *part, int which);
static void build(void);
static void run(void);
static void expect(const char *what, const char *id, attest_check_e state,
    attest_verdict_e verdict);
static const attest_check_t *find(const char *id, attest_check_e state);
static void both(void (*bend)(ev_part_t *part));
static void policy_value(attest_refset_t *set, const uint8_t *p, size_t n);
static void seed(const char *name);


/* The sanitizer has a calloc() of its own. */

#ifndef __SANITIZE_ADDRESS__

extern void *__libc_calloc(size_t n, size_t size);

static size_t  scarce;                /* from this size on there is no room */


void *
calloc(size_t n, size_t size)
{
    return scarce != 0 && n * size >= scarce ? NULL : __libc_calloc(n, size);
}

#endif


#define CASE(what, id, state, verdict, ...)                                  \
    do {                                                                     \
        reset();                                                             \
        __VA_ARGS__;                                                         \
        run();                                                               \
        expect(what, id, ATTEST_CHECK_##state, verdict);                     \
    } while (0)

#define REFUSED(what, id, ...)                                               \
    CASE(what, id, FAIL, ATTEST_NOT_TRUSTED, __VA_ARGS__)
#define OPEN(what, id, ...)                                                  \
    CASE(what, id, UNKNOWN, ATTEST_UNDECIDED, __VA_ARGS__)
#define NOTED(what, id, ...)                                                 \
    CASE(what, id, NOTE, ATTEST_TRUSTED, __VA_ARGS__)
#define TRUSTED(what, id, ...)                                               \
    CASE(what, id, PASS, ATTEST_TRUSTED, __VA_ARGS__)


static ev_part_t *
cached(void)
{
    return &w.part[1];
}


static ev_part_t *
fresh(void)
{
    return &w.part[2];
}


static void
policy_value(attest_refset_t *set, const uint8_t *p, size_t n)
{
    memcpy(set->value[set->count], p, n);
    set->len[set->count++] = n;
}


static void
encode_ek_cert(X509 *x)
{
    int       n;
    uint8_t  *p = ek_cert.p;

    n = i2d_X509(x, &p);
    ek_cert.n = n > 0 ? (size_t) n : 0;
    X509_free(x);
}


/* The same certificate in all evidence. */

static void
show_ek_cert(X509 *x)
{
    encode_ek_cert(x);
    w.part[0].ek_cert = w.part[1].ek_cert = w.part[2].ek_cert
        = ev_span(&ek_cert);
}


/* A proper certificate for the EK but for its signature. */

static void
weak_ek_cert(X509 *issuer, EVP_PKEY *key, const EVP_MD *md)
{
    X509  *x;

    x = ev_cert(ek_key, issuer, key, "critical,keyEncipherment",
                "2.23.133.8.1");
    if (X509_sign(x, key, md) <= 0) {
        printf("Bail out! cannot sign\n");
        exit(1);
    }

    show_ek_cert(x);
}


/* The policy's only anchor. */

static void
ek_roots(X509 *anchor)
{
    X509_free(sk_X509_pop(w.policy.ek_roots));
    X509_up_ref(anchor);
    sk_X509_push(w.policy.ek_roots, anchor);
}


/* The AK's name into the policy. */

static void
name_ak(void)
{
    uint8_t          name[34] = { 0, 0x0b };
    attest_span_t    s;
    static ev_buf_t  b;

    ev_ak_public(&b, ak_key, 0x00050072);
    s = ev_span(&b);
    (void) attest_sha256(&s, 1, name + 2);
    policy_value(&w.policy.ak, name, 34);
}


static void
setup_logs(void)
{
    int                  i;
    uint8_t              d[32];
    attest_tpm_bank_t   *bank = &pcrs.banks[0];

    pcrs.count = 1;
    bank->alg = ATTEST_TPM_ALG_SHA256;
    bank->len = 32;
    bank->select = EV_SELECT;

    ev_log_start(&eventlog);

    for (i = 0; i < 8; i++) {
        memset(d, 0x10 + i, 32);
        ev_log_event(&eventlog, (uint32_t) i, 0x80000003, d);
        ev_extend(bank->value[i], d);
    }

    memset(event4, 0x14, 32);
    memset(event7, 0x77, 32);

    /* an event that no PCR knows: EV_NO_ACTION */
    ev_log_event(&eventlog, 7, 3, event7);

    ev_ima_entry(&imalog, "first", d);
    ev_extend(bank->value[10], d);
    ev_ima_entry(&imalog, "second", d);
    ev_extend(bank->value[10], d);
    ev_ima_entry(&imalog, "after the quote", d);
}


static void
setup_hpke(void)
{
    size_t               i;
    attest_keyconfig_t   kc[2];
    attest_kem_key_t     key[2];

    memset(kc, 0, sizeof(kc));

    for (i = 0; i < 2; i++) {
        (void) attest_kem_key_generate(&key[i], ATTEST_KEM_X25519);
        kc[i].id = (uint8_t) (i + 1);
        kc[i].kem = ATTEST_KEM_X25519;
        kc[i].pk.p = key[i].pk;
        kc[i].pk.n = key[i].pk_len;
        kc[i].suites[0].kdf = ATTEST_KDF_HKDF_SHA256;
        kc[i].suites[0].aead = ATTEST_AEAD_AES_256_GCM;
        kc[i].nsuites = 1;
    }

    hpke_list.n = sizeof(hpke_list.p);
    IS_INT(attest_keyconfig_encode_list(kc, 2, hpke_list.p, &hpke_list.n),
           ATTEST_OK, "prompt keys for the tests");

    attest_kem_key_clear(&key[0]);
    attest_kem_key_clear(&key[1]);
}


static void
setup(void)
{
    tls_key = ev_key("EC");
    ak_key = ev_key("EC");
    other_key = ev_key("EC");
    ca_key = ev_key("EC");
    ek_key = ev_key("RSA");
    other_rsa = ev_key("RSA");

    ca_cert = ev_cert(ca_key, NULL, NULL, NULL, NULL);
    other_ca = ev_cert(other_key, NULL, NULL, NULL, NULL);

    weak_key = EVP_RSA_gen(512);
    if (weak_key == NULL) {
        printf("Bail out! no weak key\n");
        exit(1);
    }

    weak_ca = ev_cert(weak_key, NULL, NULL, NULL, NULL);
    rsa_ca = ev_cert(other_rsa, NULL, NULL, NULL, NULL);

    ev_put(&config, "nginx.conf 00112233\n", 20);
    setup_logs();
    setup_hpke();
}


static void
reset_part(ev_part_t *part, int which)
{
    attest_span_t  s;

    memset(part, 0, sizeof(*part));

    part->ctype = which == 2 ? ATTEST_CMWC_FRESH : ATTEST_CMWC_CACHED;
    part->claims_type = ATTEST_TYPE_CLAIMS;
    part->tpm_type = ATTEST_TYPE_TPM;
    part->root = "host-vtpm";
    part->firmware = EV_FIRMWARE;
    part->reset = 7;
    part->restart = 1;
    part->ak_attributes = 0x00050072;
    part->ak = ak_key;
    part->signer = ak_key;
    part->ek = ek_key;
    part->quoted = pcrs;
    part->shown = pcrs;
    part->hpke = ev_span(&hpke_list);
    part->config = ev_span(&config);
    part->eventlog = ev_span(&eventlog);
    part->imalog = ev_span(&imalog);
    part->ek_cert = ev_span(&ek_cert);
    part->no_eventlog = part->no_imalog = (which == 0);

    part->claims.pubkey_hash_alg = 1;
    part->claims.pubkey_hash_len = 32;
    (void) attest_x509_spki_hash(tls_key, part->claims.pubkey_hash);
    part->claims.not_before = EV_FROM;
    part->claims.not_after = EV_UNTIL;
    part->claims.has_validity = 1;

    s = ev_span(&hpke_list);
    (void) attest_sha256(&s, 1, part->claims.hpke_keys);
    s = ev_span(&config);
    (void) attest_sha256(&s, 1, part->claims.config);
    part->claims.has_hpke_keys = 1;
    part->claims.has_config = 1;

    if (which == 2) {
        memcpy(part->claims.nonce, w.nonce, 32);
        part->claims.nonce_len = 32;
        memcpy(part->claims.exporter, w.exporter, 32);
        part->claims.has_exporter = 1;
    }
}


/* A host TPM with EK certificate, proof, logs and a policy that fits. */

static void
reset(void)
{
    int  i;

    sk_X509_pop_free(w.policy.ek_roots, X509_free);
    sk_X509_pop_free(w.policy.ek_intermediates, X509_free);
    memset(&w, 0, sizeof(w));

    memset(w.nonce, 0xaa, 32);
    memset(w.exporter, 0xbb, 32);
    memset(w.secret, 0xcc, 32);
    w.cert_key = tls_key;
    w.cert_from = EV_FROM;
    w.cert_until = EV_UNTIL;
    w.now = EV_NOW;
    w.served_from = 2;
    w.served_len = 41;

    encode_ek_cert(ev_cert(ek_key, ca_cert, ca_key,
                           "critical,keyEncipherment", "2.23.133.8.1"));

    for (i = 0; i < 3; i++) {
        reset_part(&w.part[i], i);
    }

    attest_policy_default(&w.policy);
    w.policy.roots = ATTEST_ROOT_HOST_VTPM;
    w.policy.pcr_alg = ATTEST_TPM_ALG_SHA256;
    policy_value(&w.policy.pcrs[0], pcrs.banks[0].value[0], 32);
    policy_value(&w.policy.pcrs[4], event4, 32);
    policy_value(&w.policy.pcrs[4], pcrs.banks[0].value[4], 32);
    policy_value(&w.policy.events[4], event4, 32);
    policy_value(&w.policy.config, w.part[0].claims.config, 32);
    w.policy.ek_roots = sk_X509_new_null();
    X509_up_ref(ca_cert);
    sk_X509_push(w.policy.ek_roots, ca_cert);
}


static void
build(void)
{
    int                  i;
    size_t               n = ATTEST_CLAIMS_MAX;
    uint8_t              claims[ATTEST_CLAIMS_MAX], digest[32];
    unsigned             len;
    attest_span_t        s;
    static const char   *names[] = { "gateway.test" };

    for (i = 0; i < 3; i++) {
        ev_build(&w.part[i]);
    }

    (void) attest_claims_encode(&cached()->claims, claims, &n);
    s.p = claims;
    s.n = n;
    (void) attest_sha256(&s, 1, digest);
    HMAC(EVP_sha256(), w.secret, 32, digest, 32, digest, &len);

    for (i = 0; i < 32; i++) {
        w.proof[i] ^= digest[i];              /* tests preset what to flip */
    }

    cert.n = sizeof(cert.p);
    i = attest_ratls_make(w.cert_key, names, 1, (uint64_t) w.cert_from,
                          (uint64_t) w.cert_until,
                          w.part[0].out.p, w.part[0].out.n, NULL, cert.p,
                          &cert.n);
    if (i != ATTEST_OK) {
        printf("Bail out! cannot make a certificate: %d\n", i);
        exit(1);
    }

    if (w.bare_cert) {
        uint8_t  *p = cert.p;
        X509     *x = ev_cert(w.cert_key, NULL, NULL, NULL, NULL);

        cert.n = (size_t) i2d_X509(x, &p);
        X509_free(x);
    }

    cert.p[cert.n - 1] ^= (uint8_t) w.flip_cert;
}


static void
run(void)
{
    attest_verify_input_t   in;
    static attest_roots_t   roots;

    /* once: to decode them takes longer than all the rest */

    if (roots.anchors[0] == NULL && attest_roots_load(&roots) != ATTEST_OK) {
        printf("Bail out! no roots\n");
        exit(1);
    }

    build();
    memset(&in, 0, sizeof(in));
    in.roots = &roots;
    in.now = w.now;
    in.policy = &w.policy;
    in.nonce.p = w.nonce;
    in.nonce.n = 32;

    if (!w.no_cert) {
        in.cert = ev_span(&cert);
    }

    if (!w.no_cached) {
        in.cached = ev_span(&cached()->out);
    }

    if (!w.no_fresh) {
        in.fresh = ev_span(&fresh()->out);
    }

    if (!w.no_exporter) {
        in.exporter.p = w.exporter;
        in.exporter.n = 32;
    }

    if (!w.no_proof) {
        in.secret.p = w.secret;
        in.secret.n = 32;
        in.proof.p = w.proof;
        in.proof.n = 32;
    }

    if (!w.no_served) {
        in.hpke_keys.p = hpke_list.p + w.served_from;
        in.hpke_keys.n = w.served_len;
    }

    attest_verify(&in, &res);
}


static const attest_check_t *
find(const char *id, attest_check_e state)
{
    size_t  i;

    for (i = 0; i < res.count; i++) {
        if (strcmp(res.checks[i].id, id) == 0
            && res.checks[i].state == state)
        {
            return &res.checks[i];
        }
    }

    return NULL;
}


static void
expect(const char *what, const char *id, attest_check_e state,
    attest_verdict_e verdict)
{
    size_t  i;

    if (!OK(find(id, state) != NULL && res.verdict == verdict
            && res.why[0] != '\0', "%s: %s, verdict %d", what, id, verdict))
    {
        printf("#   verdict %d: %s\n", res.verdict, res.why);
        for (i = 0; i < res.count; i++) {
            printf("#   %d %s: %s\n", res.checks[i].state, res.checks[i].id,
                   res.checks[i].text);
        }
    }
}


/* The same change where certificate and endpoint must agree. */

static void
both(void (*bend)(ev_part_t *part))
{
    bend(&w.part[0]);
    bend(&w.part[1]);
    bend(&w.part[2]);
}


static void
as_software(ev_part_t *part)
{
    part->root = "software";
    part->firmware = 0x2019102300163636ULL;
}


static void
as_simulated(ev_part_t *part)
{
    part->root = "simulated";
}


static void
as_libtpms(ev_part_t *part)
{
    part->firmware = 0x2019102300163636ULL;
}


static void
as_tee(ev_part_t *part)
{
    part->root = "tee-vtpm";
}


static void
as_cloud(ev_part_t *part)
{
    part->root = "cloud-vtpm";
}


static void
as_nonsense(ev_part_t *part)
{
    part->root = "tee2";
}


static void
without_ek(ev_part_t *part)
{
    part->no_ek = part->no_ek_cert = 1;
}


static void
without_ek_cert(ev_part_t *part)
{
    part->no_ek_cert = 1;
}


static void
with_other_ek(ev_part_t *part)
{
    part->ek = other_rsa;
}


static void
with_other_ak(ev_part_t *part)
{
    part->ak = part->signer = other_key;
}


static void
without_logs(ev_part_t *part)
{
    part->no_eventlog = part->no_imalog = 1;
}


static void
without_hpke(ev_part_t *part)
{
    part->no_hpke = 1;
    part->claims.has_hpke_keys = 0;
}


static void
without_config(ev_part_t *part)
{
    part->no_config = 1;
    part->claims.has_config = 0;
}


static void
without_validity(ev_part_t *part)
{
    part->claims.has_validity = 0;
}


static void
backwards(ev_part_t *part)
{
    part->swap_validity = 1;
}


static void
with_sha512(ev_part_t *part)
{
    attest_ratls_cert_t  c;

    (void) attest_ratls_parse(cert.p, cert.n, &c);
    memcpy(part->claims.pubkey_hash, c.spki_sha512, 64);
    part->claims.pubkey_hash_len = 64;
    part->claims.pubkey_hash_alg = 8;
}


static void
with_gpu(ev_part_t *part)
{
    part->claims.has_gpu = 1;
}


static void
test_good(void)
{
    CASE("all in order", "root-of-trust", PASS, ATTEST_TRUSTED, (void) 0);
    IS_INT(res.root, ATTEST_ROOT_HOST_VTPM, "the root is established");
    OK(find("ek-chain", ATTEST_CHECK_PASS) != NULL
       && find("ek-activation", ATTEST_CHECK_PASS) != NULL
       && find("ima-log", ATTEST_CHECK_PASS) != NULL
       && find("event-reference", ATTEST_CHECK_PASS) != NULL
       && find("pcr-reference", ATTEST_CHECK_PASS) != NULL
       && find("hpke-keys-served", ATTEST_CHECK_PASS) != NULL
       && find("certificate-signature", ATTEST_CHECK_PASS) != NULL
       && find("fresh-quote", ATTEST_CHECK_PASS) != NULL
       && find("cached-quote", ATTEST_CHECK_PASS) != NULL,
       "every part of it was checked");

    TRUSTED("the second served key", "hpke-keys-served",
            w.served_from = 2 + 41 + 2);
    TRUSTED("a SHA-512 pubkey-hash", "fresh-key", both(with_sha512));
    NOTED("the operator's own certificate", "certificate-evidence",
          w.bare_cert = 1);
    REFUSED("GPU claims without GPU evidence", "cached-gpu", both(with_gpu));
    NOTED("an unknown item", "unknown-items",
          fresh()->foreign = "weather");
    TRUSTED("one named AK in place of an EK", "root-of-trust",
            both(without_ek); w.no_proof = 1; w.policy.require_ek = 0;
            name_ak());
    TRUSTED("software by name", "root-of-trust",
            both(as_software);
            w.policy.roots = ATTEST_ROOT_SOFTWARE;
            w.policy.require_ek = 0);
    IS_INT(res.root, ATTEST_ROOT_SOFTWARE, "and it is said so");
    NOTED("no event log, none wanted", "event-log",
          both(without_logs); w.policy.events[4].count = 0);
    TRUSTED("an age below the limit", "max-age",
            w.policy.max_age = EV_NOW - EV_FROM);
    TRUSTED("clocks that differ by four minutes", "fresh-validity",
            w.now = EV_FROM - 240);
}


static void
test_certificate(void)
{
    OPEN("no certificate", "certificate", w.no_cert = 1);
    REFUSED("no certificate, foreign key hash unseen but exporter wrong",
            "exporter", w.no_cert = 1; fresh()->claims.exporter[0] ^= 1);
    NOTED("no certificate and no exporter wanted", "certificate",
          w.no_cert = 1; w.policy.require_exporter = 0);
    REFUSED("a certificate signed by another key", "certificate-signature",
            w.flip_cert = 1);
    REFUSED("the connection has another key", "certificate-key",
            w.cert_key = other_key);
    REFUSED("the cached claims name another key", "cached-key",
            cached()->claims.pubkey_hash[31] ^= 1);
    REFUSED("the fresh claims name another key", "fresh-key",
            fresh()->claims.pubkey_hash[0] ^= 1);
    REFUSED("another key behind a CA certificate", "fresh-key",
            w.bare_cert = 1; w.cert_key = other_key);
    REFUSED("the certificate has expired", "certificate-time",
            w.now = EV_UNTIL + 1);
    REFUSED("the certificate is of tomorrow", "certificate-time",
            w.now = EV_FROM - 301);
    REFUSED("the certificate outlives its claims", "certificate-validity",
            w.cert_until = EV_UNTIL + 60);
    REFUSED("the certificate is older than its claims",
            "certificate-validity", w.cert_from = EV_FROM - 301);
    REFUSED("certificate and endpoint disagree", "certificate-cached",
            cached()->claims.not_before--);
    REFUSED("no collection type of ours in the certificate",
            "certificate-collection", w.part[0].ctype = ATTEST_CMWC_FRESH);
    REFUSED("a quote over other claims in the certificate",
            "certificate-binding", w.part[0].flip_extra = 1);
    REFUSED("a bad signature in the certificate", "certificate-quote",
            w.part[0].flip_signature = 1);
    REFUSED("PCRs in the certificate that were not quoted",
            "certificate-pcrs", w.part[0].shown.banks[0].value[3][0] ^= 1);
    REFUSED("no attestation key in the certificate", "certificate-ak",
            w.part[0].ak_attributes = 0x00040072);
    REFUSED("malformed claims in the certificate", "certificate-claims",
            w.part[0].junk = 1);
    REFUSED("a foreign key list in the certificate", "certificate-hpke-keys",
            w.part[0].claims.hpke_keys[0] ^= 1);
    REFUSED("a foreign configuration in the certificate",
            "certificate-config", w.part[0].config = ev_span(&eventlog));
}


static void
test_claims(void)
{
    REFUSED("fresh passed off as cached", "cached-collection",
            cached()->ctype = ATTEST_CMWC_FRESH);
    REFUSED("cached passed off as fresh", "fresh-collection",
            fresh()->ctype = ATTEST_CMWC_CACHED);
    REFUSED("a type of somebody else", "fresh-collection",
            fresh()->ctype = "urn:example:other");
    REFUSED("no claims", "fresh-claims", fresh()->no_claims = 1);
    REFUSED("claims of another media type", "cached-claims",
            cached()->claims_type = "application/cbor");
    REFUSED("a byte behind the claims", "fresh-claims", fresh()->junk = 1);
    REFUSED("a byte behind the cached claims", "cached-claims",
            cached()->junk = 1);
    REFUSED("another nonce", "nonce", fresh()->claims.nonce[5] ^= 1);
    REFUSED("a longer nonce", "nonce", fresh()->claims.nonce_len = 33);
    REFUSED("no nonce", "nonce", fresh()->claims.nonce_len = 0);
    REFUSED("a nonce in cached evidence", "cached-nonce",
            cached()->claims.nonce_len = 32);
    REFUSED("an exporter in cached evidence", "cached-nonce",
            cached()->claims.has_exporter = 1);
    OPEN("no fresh evidence", "nonce", w.no_fresh = 1);
    NOTED("no fresh evidence, none wanted", "nonce", w.no_fresh = 1;
          w.policy.require_nonce = 0; w.policy.require_exporter = 0);
    REFUSED("another connection's exporter", "exporter",
            fresh()->claims.exporter[31] ^= 1);
    REFUSED("another exporter though none is wanted", "exporter",
            fresh()->claims.exporter[31] ^= 1;
            w.policy.require_exporter = 0);
    REFUSED("the exporter claim is missing", "exporter",
            fresh()->claims.has_exporter = 0);
    NOTED("the exporter claim is missing, none wanted", "exporter",
          fresh()->claims.has_exporter = 0; w.policy.require_exporter = 0);
    OPEN("a connection without exporter", "exporter", w.no_exporter = 1);
    REFUSED("evidence without validity", "fresh-validity",
            both(without_validity));
    REFUSED("a validity that runs backwards", "fresh-claims",
            both(backwards));
    REFUSED("expired fresh evidence", "fresh-validity",
            fresh()->claims.not_after = EV_NOW - 1);
    REFUSED("expired cached evidence", "cached-validity",
            cached()->claims.not_after = EV_NOW - 1);
    REFUSED("evidence of tomorrow", "fresh-validity",
            fresh()->claims.not_before = EV_NOW + 301);
    OPEN("no clock", "fresh-validity", w.now = -1; w.no_cert = 1;
         w.policy.require_exporter = 0);
    REFUSED("too old", "max-age", w.policy.max_age = EV_NOW - EV_FROM - 1);
    OPEN("no evidence at all", "evidence", w.no_fresh = w.no_cached = 1;
         w.no_cert = 1);
    REFUSED("other prompt keys in fresh evidence", "same-generation",
            fresh()->claims.hpke_keys[0] ^= 1);
    REFUSED("another configuration in fresh evidence", "same-generation",
            fresh()->claims.config[0] ^= 1);
    REFUSED("another TLS key, and no certificate to compare",
            "same-generation", fresh()->claims.pubkey_hash[0] ^= 1;
            w.no_cert = 1; w.policy.require_exporter = 0);
}


static void
test_items(void)
{
    REFUSED("a list that the claims do not hash", "fresh-hpke-keys",
            fresh()->hpke.n--);
    REFUSED("a list that no claim names", "fresh-hpke-keys",
            fresh()->claims.has_hpke_keys = 0);
    REFUSED("a claim without its list", "cached-hpke-keys",
            cached()->no_hpke = 1);
    REFUSED("a list that does not parse", "fresh-hpke-keys",
            attest_span_t  s = ev_span(&config);
            fresh()->hpke = s;
            (void) attest_sha256(&s, 1, fresh()->claims.hpke_keys));
    REFUSED("prompt keys are wanted", "fresh-hpke-keys", both(without_hpke);
            w.no_served = 1; w.policy.require_hpke_keys = 1);
    NOTED("no prompt keys", "config-reference", both(without_hpke);
          w.no_served = 1; w.policy.config.count = 0);
    REFUSED("a served key that is not in the list", "hpke-keys-served",
            w.served_from = 3);
    REFUSED("the whole list served for one key", "hpke-keys-served",
            w.served_from = 0; w.served_len = hpke_list.n);
    REFUSED("a served key that no evidence names", "hpke-keys-served",
            both(without_hpke));
    NOTED("no key served", "hpke-keys-served", w.no_served = 1);
    REFUSED("another configuration record", "fresh-config",
            fresh()->config = ev_span(&eventlog));
    REFUSED("a record that no claim names", "cached-config",
            cached()->claims.has_config = 0);
    REFUSED("a claim without its record", "fresh-config",
            fresh()->no_config = 1);
    REFUSED("a configuration that the policy does not know",
            "config-reference", w.policy.config.value[0][9] ^= 1);
    REFUSED("no configuration, the policy wants one", "config-reference",
            both(without_config));
}


static void
test_quote(void)
{
    OPEN("no quote", "fresh-quote", fresh()->no_tpm = 1;
         w.policy.pcrs[0].count = w.policy.pcrs[4].count = 0;
         w.policy.events[4].count = 0; fresh()->no_imalog = 1;
         cached()->no_imalog = 1; w.policy.config.count = 0;
         fresh()->no_eventlog = cached()->no_eventlog = 1);
    REFUSED("a quote of another media type", "cached-quote",
            cached()->tpm_type = "application/octet-stream");
    REFUSED("not made by a TPM: wrong magic", "fresh-quote",
            fresh()->flip_magic = 1);
    REFUSED("a flipped signature", "fresh-quote",
            fresh()->flip_signature = 1);
    REFUSED("a flipped signature in cached evidence", "cached-quote",
            cached()->flip_signature = 1);
    REFUSED("signed by another key", "fresh-quote",
            fresh()->signer = other_key);
    REFUSED("a quote over other claims", "fresh-binding",
            fresh()->flip_extra = 1);
    REFUSED("a cached quote over other claims", "cached-binding",
            cached()->flip_extra = 1);
    REFUSED("an unrestricted key", "fresh-ak",
            fresh()->ak_attributes = 0x00040072);
    REFUSED("a key from outside", "fresh-ak",
            fresh()->ak_attributes = 0x00050052);
    REFUSED("a movable key", "cached-ak",
            cached()->ak_attributes = 0x00050070);
    REFUSED("PCRs that were not quoted", "fresh-pcrs",
            fresh()->shown.banks[0].value[0][0] ^= 1);
    REFUSED("PCRs that were not quoted, cached", "cached-pcrs",
            cached()->shown.banks[0].value[0][0] ^= 1);
    REFUSED("a PCR more than quoted", "fresh-pcrs",
            fresh()->shown.banks[0].select |= 1 << 11);
    REFUSED("another AK for the nonce", "same-tpm",
            with_other_ak(fresh()));
    REFUSED("another EK for the nonce", "same-tpm", with_other_ek(fresh()));
    REFUSED("another label for the nonce", "same-tpm", as_tee(fresh()));
    REFUSED("the TPM was reset", "same-tpm", fresh()->reset++);
    REFUSED("the TPM was restarted", "same-tpm", fresh()->restart++);
}


static void
test_measurements(void)
{
    uint8_t  other[32] = { 1 };

    REFUSED("an unknown PCR value", "pcr-reference",
            w.policy.pcrs[0].value[0][0] ^= 1);
    REFUSED("a PCR that is not quoted", "pcr-reference",
            policy_value(&w.policy.pcrs[14], other, 32));
    REFUSED("another bank", "pcr-reference",
            w.policy.pcr_alg = ATTEST_TPM_ALG_SHA384);
    REFUSED("cached evidence of another machine state", "pcr-reference",
            cached()->quoted.banks[0].value[0][0] ^= 1;
            cached()->shown.banks[0].value[0][0] ^= 1);
    NOTED("PCR 10 moved on", "pcrs-stable",
          cached()->no_imalog = 1;
          memset(cached()->quoted.banks[0].value[10], 3, 32);
          memset(cached()->shown.banks[0].value[10], 3, 32));
    OPEN("no reference values", "reference-values",
         memset(w.policy.pcrs, 0, sizeof(w.policy.pcrs));
         memset(w.policy.events, 0, sizeof(w.policy.events)));
    OPEN("only events as references", "reference-values",
         memset(w.policy.pcrs, 0, sizeof(w.policy.pcrs)));
    OK(find("event-reference", ATTEST_CHECK_PASS) != NULL
       && find("pcr-reference", ATTEST_CHECK_NOTE) != NULL,
       "the events are there, and do not do");
    TRUSTED("PCRs without events", "pcr-reference",
            memset(w.policy.events, 0, sizeof(w.policy.events)));
    REFUSED("the log misses an event", "event-log",
            fresh()->eventlog.n -= 2 * 54);
    REFUSED("a cut log", "event-log", fresh()->eventlog.n -= 3);
    REFUSED("a log of another machine", "event-log",
            fresh()->quoted.banks[0].value[2][0] ^= 1;
            fresh()->shown.banks[0].value[2][0] ^= 1);
    REFUSED("an old log for a quote that moved on", "event-log",
            without_logs(fresh());
            fresh()->quoted.banks[0].value[4][0] ^= 1;
            fresh()->shown.banks[0].value[4][0] ^= 1);
    TRUSTED("a log with cached evidence only", "event-log",
            without_logs(fresh()));
    REFUSED("an event log is wanted", "event-log", both(without_logs);
            w.policy.events[4].count = 0; w.policy.require_eventlog = 1);
    REFUSED("events are wanted", "event-log", both(without_logs));
    REFUSED("an event that the log lacks", "event-reference",
            policy_value(&w.policy.events[4], other, 32));
    REFUSED("an event of another PCR", "event-reference",
            policy_value(&w.policy.events[5], event4, 32));
    REFUSED("an event that was never extended", "event-reference",
            policy_value(&w.policy.events[7], event7, 32));
    REFUSED("events of a PCR that is not quoted", "event-reference",
            policy_value(&w.policy.events[9], event4, 32));
    REFUSED("an IMA log that does not explain PCR 10", "ima-log",
            fresh()->imalog.n = 43);          /* its first entry */
    REFUSED("an IMA log cut inside an entry", "ima-log",
            fresh()->imalog.n -= 1);
}


/* In an area that is longer, and in the form before TPM 2.0. */

static void
test_log_forms(void)
{
    static ev_buf_t  zeros, old;

    zeros = eventlog;
    ev_put(&zeros, (uint8_t [4096]) { 0 }, 4096);

    old.n = 0;
    ev_le(&old, 0, 4);
    ev_le(&old, 8, 4);
    ev_put(&old, (uint8_t [20]) { 1, 2, 3 }, 20);
    ev_le(&old, 2, 4);
    ev_put(&old, "1", 2);

    TRUSTED("zeros behind the last event", "event-log",
            fresh()->eventlog = ev_span(&zeros));
    NOTED("a log of SHA-1", "event-log",
          fresh()->eventlog = ev_span(&old); w.policy.events[4].count = 0);
    REFUSED("a log of SHA-1 where one is wanted", "event-log",
            fresh()->eventlog = ev_span(&old); w.policy.events[4].count = 0;
            w.policy.require_eventlog = 1);
    REFUSED("a log of SHA-1 where events are wanted", "event-log",
            fresh()->eventlog = ev_span(&old));
    REFUSED("half a log of SHA-1", "event-log",
            fresh()->eventlog = ev_span(&old); fresh()->eventlog.n--;
            w.policy.events[4].count = 0);
}


static void
test_ek(void)
{
    REFUSED("no EK", "ek-key", both(without_ek));
    REFUSED("no EK certificate", "ek-key", both(without_ek_cert));
    OPEN("no EK certificate, none wanted: AK untied", "root-of-trust",
         both(without_ek_cert); w.policy.require_ek = 0);
    REFUSED("the EK is not the certificate's", "ek-key",
            both(with_other_ek));
    REFUSED("another maker", "ek-chain",
            ek_roots(other_ca));
    OPEN("no roots in the policy", "ek-chain",
         X509_free(sk_X509_pop(w.policy.ek_roots)));
    REFUSED("an EK certificate of the past", "ek-chain",
            w.now = EV_UNTIL + 86401);
    REFUSED("a certificate that cannot encrypt", "ek-chain",
            show_ek_cert(ev_cert(ek_key, ca_cert, ca_key,
                                 "critical,digitalSignature", NULL)));
    REFUSED("a certificate for TLS servers", "ek-chain",
            show_ek_cert(ev_cert(ek_key, ca_cert, ca_key,
                                 "critical,keyEncipherment",
                                 "serverAuth")));
    TRUSTED("a certificate without any usage", "ek-chain",
            show_ek_cert(ev_cert(ek_key, ca_cert, ca_key, NULL,
                                 NULL)));
    REFUSED("a certificate signed with SHA-1", "ek-chain",
            weak_ek_cert(ca_cert, ca_key, EVP_sha1()));
    REFUSED("a certificate signed with MD5", "ek-chain",
            weak_ek_cert(rsa_ca, other_rsa, EVP_md5());
            ek_roots(rsa_ca));
    REFUSED("a maker with RSA of 512 bits", "ek-chain",
            weak_ek_cert(weak_ca, weak_key, EVP_sha256());
            ek_roots(weak_ca));
    TRUSTED("a maker with RSA of 2048 bits", "ek-chain",
            weak_ek_cert(rsa_ca, other_rsa, EVP_sha256());
            ek_roots(rsa_ca));
    REFUSED("a wrong proof", "ek-activation", w.proof[7] = 1);
    OPEN("no proof", "ek-activation", w.no_proof = 1);
    OPEN("no proof and none wanted: AK untied", "root-of-trust",
         w.no_proof = 1; w.policy.require_ek = 0);
    REFUSED("an AK that the policy does not name", "ak-reference",
            uint8_t  name[34] = { 0, 0x0b };
            policy_value(&w.policy.ak, name, 34));
    REFUSED("a named AK's public part, signed by another key",
            "fresh-quote", unsigned_ak());
    OK(find("ak-reference", ATTEST_CHECK_UNKNOWN) != NULL
       && find("ak-reference", ATTEST_CHECK_PASS) == NULL,
       "is not said to be the one that the policy names");
    unproven_root("which names a host's AK");
    REFUSED("the same, called software", "fresh-quote", unsigned_ak();
            both(as_software); w.policy.roots = ATTEST_ROOT_SOFTWARE);
    unproven_root("which calls itself software");
}


/* A maker's CA of a second level: named beside the root, not instead of it. */

static X509 *
ek_intermediate(void)
{
    X509       *x = ev_cert(other_rsa, NULL, NULL, NULL, NULL);
    X509_NAME  *name = X509_NAME_new();

    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *) "TPM maker, CA 2", -1,
                               -1, 0);
    X509_set_subject_name(x, name);
    X509_set_issuer_name(x, X509_get_subject_name(ca_cert));
    ASN1_INTEGER_set(X509_get_serialNumber(x), 3);
    X509_sign(x, ca_key, EVP_sha256());

    X509_NAME_free(name);
    return x;
}


static void
test_ek_intermediates(void)
{
    X509  *inter = ek_intermediate();

#define INTER(x)                                                             \
    w.policy.ek_intermediates = sk_X509_new_null();                          \
    X509_up_ref(x);                                                          \
    sk_X509_push(w.policy.ek_intermediates, x)

    REFUSED("an issuer that is not there", "ek-chain",
            weak_ek_cert(inter, other_rsa, EVP_sha256()));
    TRUSTED("an issuer that the policy brings", "ek-chain",
            weak_ek_cert(inter, other_rsa, EVP_sha256()); INTER(inter));
    REFUSED("which is no root", "ek-chain",
            weak_ek_cert(inter, other_rsa, EVP_sha256()); INTER(inter);
            ek_roots(other_ca));
    OPEN("and no root alone", "ek-chain",
         weak_ek_cert(inter, other_rsa, EVP_sha256()); INTER(inter);
         X509_free(sk_X509_pop(w.policy.ek_roots)));
    REFUSED("neither is a self-signed one", "ek-chain",
            weak_ek_cert(rsa_ca, other_rsa, EVP_sha256()); INTER(rsa_ca));

    X509_free(inter);
}


/* Evidence with the named key, but not by it; nothing else is wanted. */

static void
unsigned_ak(void)
{
    int  i;

    both(without_ek);
    w.no_proof = 1;
    w.policy.require_ek = 0;
    name_ak();

    for (i = 0; i < 3; i++) {
        w.part[i].signer = other_key;
    }
}


static void
unproven_root(const char *what)
{
    OK(find("root-of-trust", ATTEST_CHECK_UNKNOWN) != NULL
       && find("root-of-trust", ATTEST_CHECK_PASS) == NULL && res.root == 0,
       "and has no root: unproven evidence %s", what);
}


static void
test_root(void)
{
    REFUSED("software is not named", "root-of-trust", both(as_software));
    REFUSED("the default policy and software", "root-of-trust",
            both(as_software); w.policy.roots = ATTEST_ROOT_DEFAULT;
            w.policy.require_ek = 0);
    REFUSED("simulated is not software", "root-of-trust",
            both(as_simulated); w.policy.roots = ATTEST_ROOT_SOFTWARE;
            w.policy.require_ek = 0);
    REFUSED("libtpms that calls itself a host's", "tpm-firmware",
            both(as_libtpms));
    REFUSED("libtpms that calls itself a TEE's", "tpm-firmware",
            both(as_libtpms); both(as_tee);
            w.policy.roots = ATTEST_ROOT_TEE_VTPM);
    OPEN("a TEE that nothing proves", "root-of-trust", both(as_tee);
         w.policy.roots = ATTEST_ROOT_DEFAULT);
    OPEN("a cloud that nothing proves", "root-of-trust", both(as_cloud);
         w.policy.roots = ATTEST_ROOT_CLOUD_VTPM);
    IS_INT(res.root, 0, "no root is established then");
    REFUSED("a cloud that is not accepted", "root-of-trust",
            both(as_cloud));
    REFUSED("an unknown label", "root-of-trust", both(as_nonsense));
}


static void
test_outer(void)
{
    size_t                  i;
    attest_verify_input_t   in;
    static uint8_t          copy[65536];

    /* truncation anywhere and a flip of any byte: never trusted */

    reset();
    build();
    memset(&in, 0, sizeof(in));
    in.now = w.now;
    in.policy = &w.policy;
    in.nonce.p = w.nonce;
    in.nonce.n = 32;
    in.exporter.p = w.exporter;
    in.exporter.n = 32;
    in.cert = ev_span(&cert);
    in.cached = ev_span(&cached()->out);
    in.secret.p = w.secret;
    in.secret.n = 32;
    in.proof.p = w.proof;
    in.proof.n = 32;
    in.fresh.p = copy;
    in.fresh.n = fresh()->out.n;
    memcpy(copy, fresh()->out.p, fresh()->out.n);

    attest_verify(&in, &res);
    IS_INT(res.verdict, ATTEST_TRUSTED, "the base of what follows");

    for (i = 0; i < fresh()->out.n; i += 7) {
        in.fresh.n = i;
        attest_verify(&in, &res);
        if (res.verdict == ATTEST_TRUSTED) {
            break;
        }
    }

    OK(i >= fresh()->out.n, "cut fresh evidence is never trusted");
    in.fresh.n = fresh()->out.n;

    for (i = 0; i < in.cert.n; i += 11) {
        in.cert.n = i;
        attest_verify(&in, &res);
        in.cert.n = cert.n;
        if (res.verdict == ATTEST_TRUSTED) {
            break;
        }
    }

    OK(i >= in.cert.n, "a cut certificate is never trusted");
}


static void
test_credential(void)
{
    size_t         cred_len, enc_len;
    uint8_t        cred[ATTEST_TPM_MAX_CRED], enc[ATTEST_TPM_MAX_ENC];
    attest_span_t  s;

    reset();
    build();

    cred_len = sizeof(cred);
    enc_len = sizeof(enc);
    IS_INT(attest_verify_credential(ev_span(&cached()->out), w.secret, cred,
                                    &cred_len, enc, &enc_len),
           ATTEST_OK, "a credential for the EK in a collection");
    IS_INT(enc_len, 2 + 256, "its secret is RSA encrypted");

    both(without_ek);
    ev_build(cached());
    IS_INT(attest_verify_credential(ev_span(&cached()->out), w.secret, cred,
                                    &cred_len, enc, &enc_len),
           ATTEST_EUNSUPPORTED, "no EK, no credential");

    s = ev_span(&cached()->out);
    s.n--;
    OK(attest_verify_credential(s, w.secret, cred, &cred_len, enc, &enc_len)
       != ATTEST_OK, "a cut collection, no credential");
}


/* What an appraisal works with is not on the stack, and may not be there. */

static void
test_no_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
    size_t   cred_len = ATTEST_TPM_MAX_CRED, enc_len = ATTEST_TPM_MAX_ENC;
    uint8_t  cred[ATTEST_TPM_MAX_CRED], enc[ATTEST_TPM_MAX_ENC];

    CASE("no memory for an appraisal", "evidence", UNKNOWN, ATTEST_UNDECIDED,
         scarce = 16 * 1024);
    IS_INT(res.count, 1, "nothing else is said");
    OK(strcmp(res.why, "out of memory") == 0, "but why");

    reset();
    build();
    scarce = 8 * 1024;
    IS_INT(attest_verify_credential(ev_span(&cached()->out), w.secret, cred,
                                    &cred_len, enc, &enc_len),
           ATTEST_EINTERNAL, "no memory for a credential");
    scarce = 0;
#endif
}


/*
 * test_verify FILE writes a seed for t/fuzz/fuzz_verify.c: evidence that is
 * trusted under the policy there, by a key that is then thrown away.
 */

static void
seed(const char *name)
{
    int     i;
    FILE   *f = fopen(name, "wb");
    size_t  k;
    const ev_buf_t  *b[3];

    reset();
    both(without_ek);
    w.no_proof = 1;
    w.policy.require_ek = 0;
    name_ak();
    build();

    b[0] = &cert;
    b[1] = &cached()->out;
    b[2] = &fresh()->out;

    for (i = 0; i < 3; i++) {
        ev_buf_t  head = { { 0 }, 0 };

        ev_be(&head, b[i]->n, 2);
        (void) fwrite(head.p, 1, 2, f);
        (void) fwrite(b[i]->p, 1, b[i]->n, f);
    }

    (void) fwrite(hpke_list.p + 2, 1, 41, f);
    fclose(f);

    printf("AK name ");
    for (k = 0; k < 34; k++) {
        printf("%02x", w.policy.ak.value[0][k]);
    }

    printf("\nPCR 0   ");
    for (k = 0; k < 32; k++) {
        printf("%02x", pcrs.banks[0].value[0][k]);
    }

    printf("\n");
}


int
main(int argc, char **argv)
{
    setup();

    if (argc == 2) {
        seed(argv[1]);
        return 0;
    }

    test_good();
    test_certificate();
    test_claims();
    test_items();
    test_quote();
    test_measurements();
    test_log_forms();
    test_ek();
    test_ek_intermediates();
    test_root();
    test_outer();
    test_credential();
    test_no_memory();

    sk_X509_pop_free(w.policy.ek_roots, X509_free);
    X509_free(ca_cert);
    X509_free(other_ca);
    X509_free(weak_ca);
    X509_free(rsa_ca);
    EVP_PKEY_free(tls_key);
    EVP_PKEY_free(ak_key);
    EVP_PKEY_free(ek_key);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(other_key);
    EVP_PKEY_free(other_rsa);
    EVP_PKEY_free(weak_key);

    DONE();
}
