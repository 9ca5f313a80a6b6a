/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Is the evidence about this connection, these keys, this time?  The TLS key,
 * the exporter, the nonce, the validity, and what the claims hash.
 */


#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "core/prompt/attest_keyconfig.h"
#include "core/appraisal/attest_verify_binding.h"
#include "core/appraisal/attest_verify_report.h"


static void attest_verify_certificate_form(attest_verify_t *v);
static int attest_verify_self_signature(attest_span_t der);
static void attest_verify_certificate_time(attest_verify_t *v);
static const char *attest_verify_window(const attest_verify_t *v,
    const attest_part_t *part, uint64_t now);
static void attest_verify_generation(attest_verify_t *v);
static const attest_cmw_item_t *attest_verify_hashed(attest_verify_t *v,
    attest_part_t *part, attest_on_e what, int claimed,
    const uint8_t hash[ATTEST_SHA256_LEN]);


void
attest_verify_certificate(attest_verify_t *v)
{
    int   rc;
    char  hex[ATTEST_ABBREV];

    if (v->in->cert.n == 0) {
        attest_verify_add(v, "certificate", v->policy->require_exporter
                          ? ATTEST_CHECK_UNKNOWN : ATTEST_CHECK_NOTE,
                          "there is no TLS certificate: the evidence is tied "
                          "to no connection, only to the keys in its claims");
        return;
    }

    rc = attest_ratls_parse(v->in->cert.p, v->in->cert.n, &v->cert);
    if (rc != ATTEST_OK) {
        memset(&v->cert, 0, sizeof(v->cert));
        attest_verify_add(v, "certificate", attest_verify_state(rc),
                          "the certificate, %zu bytes, is %s", v->in->cert.n,
                          attest_strerror(rc));
        return;
    }

    v->has_cert = 1;

    attest_verify_add(v, "certificate", ATTEST_CHECK_PASS,
                      "the server showed a certificate for a key with "
                      "SHA-256 %s", attest_verify_hex(hex,
                                                      v->cert.spki_sha256,
                                                      ATTEST_SHA256_LEN));

    attest_verify_certificate_form(v);
    attest_verify_certificate_time(v);
}


static void
attest_verify_certificate_form(attest_verify_t *v)
{
    int  rc;

    rc = attest_verify_self_signature(v->in->cert);
    attest_verify_add(v, "certificate-signature",
                      rc == ATTEST_OK ? ATTEST_CHECK_PASS
                      : rc == ATTEST_EUNSUPPORTED ? ATTEST_CHECK_NOTE
                      : ATTEST_CHECK_FAIL, "%s",
                      rc == ATTEST_OK ? "the certificate is self-signed and "
                                        "its signature is good"
                      : rc == ATTEST_EUNSUPPORTED
                      ? "the certificate was issued by a CA, which this "
                        "verifier neither checks nor needs"
                      : "the certificate says it is self-signed, but its "
                        "signature is not by its own key");

    attest_verify_add(v, "certificate-evidence", v->cert.cmw.n != 0
                      || v->cert.ccc.n != 0
                      ? ATTEST_CHECK_PASS : ATTEST_CHECK_NOTE, "%s",
                      v->cert.cmw.n != 0
                      ? "the certificate carries evidence (id-pe-cmw)"
                      : v->cert.ccc.n != 0
                      ? "the certificate carries evidence (the extension of "
                        "the Confidential Computing Consortium)"
                      : "the certificate carries no evidence; the endpoint's "
                        "must name the certificate's key");
}


/* ATTEST_EUNSUPPORTED: issued by somebody else. */

static int
attest_verify_self_signature(attest_span_t der)
{
    int             rc = ATTEST_ECRYPTO;
    X509           *x;
    EVP_PKEY       *key;
    const uint8_t  *p = der.p;

    x = d2i_X509(NULL, &p, (long) der.n);
    if (x == NULL) {
        return ATTEST_EFORMAT;
    }

    if (X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(x))
        != 0)
    {
        X509_free(x);
        return ATTEST_EUNSUPPORTED;
    }

    key = X509_get0_pubkey(x);
    if (key != NULL && X509_verify(x, key) == 1) {
        rc = ATTEST_OK;
    }

    X509_free(x);
    return rc;
}


static void
attest_verify_certificate_time(attest_verify_t *v)
{
    int64_t  now = v->in->now;

    if (now < 0) {
        attest_verify_add(v, "certificate-time", ATTEST_CHECK_UNKNOWN,
                          "the time is not known");
        return;
    }

    if (v->cert.not_before > now + ATTEST_CLOCK_SKEW) {
        attest_verify_add(v, "certificate-time", ATTEST_CHECK_FAIL,
                          "the certificate is not valid before %lld, it is "
                          "%lld now", (long long) v->cert.not_before,
                          (long long) now);
        return;
    }

    if (v->cert.not_after < now) {
        attest_verify_add(v, "certificate-time", ATTEST_CHECK_FAIL,
                          "the certificate expired at %lld, it is %lld now",
                          (long long) v->cert.not_after, (long long) now);
        return;
    }

    attest_verify_add(v, "certificate-time", ATTEST_CHECK_PASS,
                      "the certificate is valid for another %lld seconds",
                      (long long) (v->cert.not_after - now));
}


/* The live connection's key is the key in the signed claims. */

void
attest_verify_key(attest_verify_t *v, attest_part_t *part)
{
    char                    got[ATTEST_ABBREV], want[ATTEST_ABBREV];
    size_t                  len;
    const uint8_t          *hash;
    const attest_claims_t  *c = &part->claims;

    if (!v->has_cert) {
        return;
    }

    /* IANA Named Information; the parser lets only 1, 7 and 8 through */

    if (c->pubkey_hash_alg == ATTEST_CLAIMS_SHA256) {
        hash = v->cert.spki_sha256;
        len = sizeof(v->cert.spki_sha256);

    } else if (c->pubkey_hash_alg == ATTEST_CLAIMS_SHA384) {
        hash = v->cert.spki_sha384;
        len = sizeof(v->cert.spki_sha384);

    } else {
        hash = v->cert.spki_sha512;
        len = sizeof(v->cert.spki_sha512);
    }

    if (c->pubkey_hash_len != len
        || CRYPTO_memcmp(c->pubkey_hash, hash, len) != 0)
    {
        attest_verify_on(v, part, ATTEST_ON_KEY, ATTEST_CHECK_FAIL,
                         "the certificate's key hashes to %s, %s evidence "
                         "names %s", attest_verify_hex(got, hash, len),
                         attest_verify_part_name(part->which),
                         attest_verify_hex(want, c->pubkey_hash,
                                           c->pubkey_hash_len));
        return;
    }

    v->bound = 1;

    attest_verify_on(v, part, ATTEST_ON_KEY, ATTEST_CHECK_PASS,
                     "the certificate's key hashes to %s, as %s evidence "
                     "names it", attest_verify_hex(got, hash, len),
                     attest_verify_part_name(part->which));
}


void
attest_verify_validity(attest_verify_t *v, attest_part_t *part)
{
    uint64_t                now;
    const char             *what;
    const attest_claims_t  *c = &part->claims;

    if (v->in->now < 0) {
        attest_verify_on(v, part, ATTEST_ON_VALIDITY, ATTEST_CHECK_UNKNOWN,
                         "the time is not known");
        return;
    }

    now = (uint64_t) v->in->now;
    what = attest_verify_window(v, part, now);

    if (part->ccc_quote.n != 0 && !c->has_validity) {

        /* optional there; what was signed may be of any age */

        attest_verify_on(v, part, ATTEST_ON_VALIDITY,
                         v->policy->require_nonce ? ATTEST_CHECK_UNKNOWN
                         : ATTEST_CHECK_NOTE, "%s claims have no validity: "
                         "nothing says when the quote was made",
                         attest_verify_part_name(part->which));
        return;
    }

    if (what != NULL) {
        attest_verify_on(v, part, ATTEST_ON_VALIDITY, ATTEST_CHECK_FAIL,
                         "%s evidence %s (claims: %llu to %llu, now: %llu)",
                         attest_verify_part_name(part->which), what,
                         (unsigned long long) c->not_before,
                         (unsigned long long) c->not_after,
                         (unsigned long long) now);
        return;
    }

    attest_verify_on(v, part, ATTEST_ON_VALIDITY, ATTEST_CHECK_PASS,
                     "the claims of %s evidence are valid for another %llu "
                     "seconds", attest_verify_part_name(part->which),
                     (unsigned long long) (c->not_after - now));
}


/* NULL, or what is wrong with the validity in the claims. */

static const char *
attest_verify_window(const attest_verify_t *v, const attest_part_t *part,
    uint64_t now)
{
    uint64_t                from, until;
    const attest_claims_t  *c = &part->claims;

    if (!c->has_validity) {
        return "has no validity in its claims";
    }

    if (c->not_before > now + ATTEST_CLOCK_SKEW) {
        return "is not valid yet";
    }

    if (c->not_after < now) {
        return "has expired";
    }

    if (part->which != ATTEST_PART_CERT) {
        return NULL;
    }

    /* or an expired claim could live on in a younger certificate */

    from = v->cert.not_before < 0 ? 0 : (uint64_t) v->cert.not_before;
    until = v->cert.not_after < 0 ? 0 : (uint64_t) v->cert.not_after;

    if (c->not_before > from + ATTEST_CLOCK_SKEW || c->not_after < until) {
        return "is valid for less time than the certificate";
    }

    return NULL;
}


/* Certificate, cached and fresh evidence speak of one generation. */

void
attest_verify_agree(attest_verify_t *v)
{
    int             same;
    attest_part_t  *cert = &v->part[ATTEST_PART_CERT];
    attest_part_t  *cached = &v->part[ATTEST_PART_CACHED];

    if (v->in->cached.n != 0 && cert->has_claims && cached->has_claims) {
        same = attest_span_eq(cert->claims_raw, cached->claims_raw);
        attest_verify_add(v, "certificate-cached", same ? ATTEST_CHECK_PASS
                          : ATTEST_CHECK_FAIL, "the claims in the "
                          "certificate and those of the endpoint's cached "
                          "evidence are %s", same
                          ? "the same, byte for byte" : "different");
    }

    if (v->in->cached.n == 0) {
        attest_verify_add(v, "cached", ATTEST_CHECK_NOTE,
                          "the endpoint's cached evidence is not at hand");
    }

    attest_verify_generation(v);
}


static void
attest_verify_generation(attest_verify_t *v)
{
    const char             *differs = NULL;
    const attest_claims_t  *a, *b;

    if (!v->part[ATTEST_PART_FRESH].has_claims) {
        return;
    }

    b = &v->part[ATTEST_PART_FRESH].claims;

    if (v->part[ATTEST_PART_CACHED].has_claims) {
        a = &v->part[ATTEST_PART_CACHED].claims;

    } else if (v->part[ATTEST_PART_CERT].has_claims) {
        a = &v->part[ATTEST_PART_CERT].claims;

    } else {
        return;
    }

    if (a->pubkey_hash_alg != b->pubkey_hash_alg
        || a->pubkey_hash_len != b->pubkey_hash_len
        || CRYPTO_memcmp(a->pubkey_hash, b->pubkey_hash,
                         a->pubkey_hash_len) != 0)
    {
        differs = "the TLS key";

    } else if (a->has_hpke_keys != b->has_hpke_keys
               || CRYPTO_memcmp(a->hpke_keys, b->hpke_keys,
                                ATTEST_SHA256_LEN) != 0)
    {
        differs = "the prompt keys";

    } else if (a->has_config != b->has_config
               || CRYPTO_memcmp(a->config, b->config, ATTEST_SHA256_LEN) != 0)
    {
        differs = "the configuration record";
    }

    attest_verify_add(v, "same-generation", differs == NULL
                      ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                      "cached and fresh evidence %s%s", differs == NULL
                      ? "name the same TLS key, prompt keys and "
                        "configuration" : "differ in ",
                      differs == NULL ? "" : differs);
}


void
attest_verify_nonce(attest_verify_t *v)
{
    int                     same;
    char                    got[ATTEST_ABBREV], want[ATTEST_ABBREV];
    attest_span_t           nonce = v->in->nonce;
    const attest_claims_t  *c = &v->part[ATTEST_PART_FRESH].claims;

    if (!v->part[ATTEST_PART_FRESH].has_claims || nonce.n == 0) {
        attest_verify_add(v, "nonce", v->policy->require_nonce
                          ? ATTEST_CHECK_UNKNOWN : ATTEST_CHECK_NOTE,
                          "there is no fresh evidence for a nonce of ours: "
                          "what was seen may be old");
        return;
    }

    same = (c->nonce_len == nonce.n
            && CRYPTO_memcmp(c->nonce, nonce.p, nonce.n) == 0);

    attest_verify_add(v, "nonce", same ? ATTEST_CHECK_PASS
                      : ATTEST_CHECK_FAIL, "we sent the nonce %s, fresh "
                      "evidence carries %s",
                      attest_verify_hex(want, nonce.p, nonce.n),
                      c->nonce_len == 0 ? "none"
                      : attest_verify_hex(got, c->nonce, c->nonce_len));
}


/* Cached evidence must never pass for fresh (docs/claims.md). */

void
attest_verify_cached_nonce(attest_verify_t *v)
{
    int                   clean = 1;
    size_t                i, seen = 0;
    const attest_part_t  *part;

    for (i = ATTEST_PART_CERT; i <= ATTEST_PART_CACHED; i++) {
        part = &v->part[i];
        seen += part->has_claims;

        if (part->has_claims
            && (part->claims.nonce_len != 0 || part->claims.has_exporter))
        {
            clean = 0;
        }
    }

    if (seen != 0) {
        attest_verify_add(v, "cached-nonce", clean ? ATTEST_CHECK_PASS
                          : ATTEST_CHECK_FAIL, "cached evidence carries %s",
                          clean ? "neither a nonce nor a connection's "
                                  "exporter, as it must"
                                : "somebody's nonce or exporter");
    }
}


/* RFC 9266; without this a relay could show another machine's evidence. */

void
attest_verify_exporter(attest_verify_t *v)
{
    int                     same;
    char                    got[ATTEST_ABBREV], want[ATTEST_ABBREV];
    attest_check_e          missing;
    const attest_part_t    *fresh = &v->part[ATTEST_PART_FRESH];
    const attest_claims_t  *c = &fresh->claims;

    missing = v->policy->require_exporter ? ATTEST_CHECK_UNKNOWN
                                          : ATTEST_CHECK_NOTE;

    if (!fresh->has_claims || v->in->exporter.n != ATTEST_EXPORTER_LEN) {
        attest_verify_add(v, "exporter", missing, "nothing binds the "
                          "evidence to our TLS connection: %s",
                          fresh->has_claims
                          ? "the connection gave no exporter value"
                          : "there is no fresh evidence");
        return;
    }

    if (!c->has_exporter) {
        attest_verify_add(v, "exporter", v->policy->require_exporter
                          ? ATTEST_CHECK_FAIL : ATTEST_CHECK_NOTE,
                          "fresh evidence does not name our TLS connection "
                          "(no exporter in its claims)");
        return;
    }

    same = (CRYPTO_memcmp(c->exporter, v->in->exporter.p,
                          ATTEST_SHA256_LEN) == 0);
    v->bound |= same;

    attest_verify_add(v, "exporter", same ? ATTEST_CHECK_PASS
                      : ATTEST_CHECK_FAIL, "our TLS connection exports %s, "
                      "fresh evidence names %s",
                      attest_verify_hex(want, v->in->exporter.p,
                                        ATTEST_SHA256_LEN),
                      attest_verify_hex(got, c->exporter, ATTEST_SHA256_LEN));
}


void
attest_verify_max_age(attest_verify_t *v)
{
    size_t                 i;
    uint64_t               age, oldest = 0;
    const attest_claims_t  *c;

    if (v->policy->max_age == 0 || v->main == NULL || v->in->now < 0) {
        return;
    }

    for (i = 0; i < ATTEST_PARTS; i++) {
        c = &v->part[i].claims;

        if (!v->part[i].has_claims
            || c->not_before > (uint64_t) v->in->now)
        {
            continue;
        }

        age = (uint64_t) v->in->now - c->not_before;
        oldest = age > oldest ? age : oldest;
    }

    attest_verify_add(v, "max-age", oldest <= v->policy->max_age
                      ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                      "the oldest evidence is %llu seconds old, the policy "
                      "allows %llu", (unsigned long long) oldest,
                      (unsigned long long) v->policy->max_age);
}


/*
 * An item that the claims hash: returns it when its hash is right.  What is
 * carried but not hashed is bound by nothing and is refused.
 */

static const attest_cmw_item_t *
attest_verify_hashed(attest_verify_t *v, attest_part_t *part,
    attest_on_e what, int claimed, const uint8_t hash[ATTEST_SHA256_LEN])
{
    int                       wrong, hpke = (what == ATTEST_ON_HPKE);
    char                      got[ATTEST_ABBREV], want[ATTEST_ABBREV];
    uint8_t                   digest[ATTEST_SHA256_LEN];
    const char               *name, *noun;
    const attest_cmw_item_t  *item;

    name = attest_verify_part_name(part->which);
    noun = hpke ? "list of prompt keys" : "configuration record";
    item = attest_verify_item(part, hpke ? ATTEST_ITEM_HPKE_KEYS
                              : ATTEST_ITEM_CONFIG, hpke
                              ? ATTEST_TYPE_HPKE_KEYS : ATTEST_TYPE_CONFIG,
                              &wrong);

    if (item == NULL && !wrong && !claimed) {
        return NULL;
    }

    if (item == NULL) {

        /* a certificate may leave out what would make it too big */

        attest_verify_on(v, part, what, part->which == ATTEST_PART_CERT
                         && !wrong ? ATTEST_CHECK_NOTE : ATTEST_CHECK_FAIL,
                         "%s evidence %s %s", name, wrong
                         ? "has a wrong media type on its"
                         : "hashes but does not carry a", noun);
        return NULL;
    }

    if (!claimed) {
        attest_verify_on(v, part, what, ATTEST_CHECK_FAIL,
                         "%s evidence carries a %s that its claims do not "
                         "hash", name, noun);
        return NULL;
    }

    if (attest_sha256(&item->value, 1, digest) != ATTEST_OK
        || CRYPTO_memcmp(digest, hash, ATTEST_SHA256_LEN) != 0)
    {
        attest_verify_on(v, part, what, ATTEST_CHECK_FAIL,
                         "the %s of %s evidence hashes to %s, the claims say "
                         "%s", noun, name,
                         attest_verify_hex(got, digest, ATTEST_SHA256_LEN),
                         attest_verify_hex(want, hash, ATTEST_SHA256_LEN));
        return NULL;
    }

    return item;
}


void
attest_verify_hpke_list(attest_verify_t *v, attest_part_t *part)
{
    int                       rc;
    char                      hex[ATTEST_ABBREV];
    size_t                    count = ATTEST_KEYCONFIG_MAX_KEYS;
    attest_keyconfig_t        kc[ATTEST_KEYCONFIG_MAX_KEYS];
    const attest_claims_t    *c = &part->claims;
    const attest_cmw_item_t  *item;

    if (!c->has_hpke_keys && v->policy->require_hpke_keys) {
        attest_verify_on(v, part, ATTEST_ON_HPKE, ATTEST_CHECK_FAIL,
                         "the policy wants prompt keys, %s evidence names "
                         "none", attest_verify_part_name(part->which));
        return;
    }

    item = attest_verify_hashed(v, part, ATTEST_ON_HPKE, c->has_hpke_keys,
                                c->hpke_keys);
    if (item == NULL) {
        return;
    }

    rc = attest_keyconfig_parse_list(item->value.p, item->value.n, kc, NULL,
                                     &count);
    if (rc != ATTEST_OK) {
        attest_verify_on(v, part, ATTEST_ON_HPKE, ATTEST_CHECK_FAIL,
                         "the list of prompt keys in %s evidence is %s",
                         attest_verify_part_name(part->which),
                         attest_strerror(rc));
        return;
    }

    part->hpke_keys = item->value;

    attest_verify_on(v, part, ATTEST_ON_HPKE, ATTEST_CHECK_PASS,
                     "the list of %zu prompt keys hashes to %s, as the "
                     "claims of %s evidence say", count,
                     attest_verify_hex(hex, c->hpke_keys, ATTEST_SHA256_LEN),
                     attest_verify_part_name(part->which));
}


void
attest_verify_config(attest_verify_t *v, attest_part_t *part)
{
    char                      hex[ATTEST_ABBREV];
    const attest_claims_t    *c = &part->claims;
    const attest_cmw_item_t  *item;

    item = attest_verify_hashed(v, part, ATTEST_ON_CONFIG, c->has_config,
                                c->config);
    if (item == NULL) {
        return;
    }

    attest_verify_on(v, part, ATTEST_ON_CONFIG, ATTEST_CHECK_PASS,
                     "the configuration record of %zu bytes hashes to %s, "
                     "as the claims of %s evidence say", item->value.n,
                     attest_verify_hex(hex, c->config, ATTEST_SHA256_LEN),
                     attest_verify_part_name(part->which));
}


/* /.well-known/hpke-keys serves one member of the list, bare. */

void
attest_verify_hpke_served(attest_verify_t *v)
{
    size_t              i, count = ATTEST_KEYCONFIG_MAX_KEYS;
    attest_span_t       served = v->in->hpke_keys;
    attest_span_t       members[ATTEST_KEYCONFIG_MAX_KEYS];
    attest_span_t       list = v->main->hpke_keys;
    attest_keyconfig_t  kc[ATTEST_KEYCONFIG_MAX_KEYS];

    if (served.n == 0) {
        if (list.n != 0) {
            attest_verify_add(v, "hpke-keys-served", ATTEST_CHECK_NOTE,
                              "no served key configuration to compare with "
                              "the list in the evidence");
        }
        return;
    }

    if (list.n == 0
        || attest_keyconfig_parse_list(list.p, list.n, kc, members, &count)
           != ATTEST_OK)
    {
        attest_verify_add(v, "hpke-keys-served", ATTEST_CHECK_FAIL,
                          "a key configuration is served that no evidence "
                          "names");
        return;
    }

    for (i = 0; i < count; i++) {
        if (attest_span_eq(served, members[i])) {
            v->bound = 1;
            attest_verify_add(v, "hpke-keys-served", ATTEST_CHECK_PASS,
                              "the served key configuration, id %u, is "
                              "member %zu of the list in the evidence",
                              (unsigned) kc[i].id, i + 1);
            return;
        }
    }

    attest_verify_add(v, "hpke-keys-served", ATTEST_CHECK_FAIL,
                      "the served key configuration is none of the %zu in "
                      "the evidence", count);
}


void
attest_verify_config_reference(attest_verify_t *v)
{
    int                     ok;
    char                    hex[ATTEST_ABBREV];
    const attest_claims_t  *c = &v->main->claims;

    if (v->policy->config.count == 0) {
        attest_verify_add(v, "config-reference", ATTEST_CHECK_NOTE,
                          "not evaluated: the policy names no configuration");
        return;
    }

    ok = c->has_config
         && attest_verify_in_set(&v->policy->config, c->config,
                                 ATTEST_SHA256_LEN);

    attest_verify_add(v, "config-reference", ok ? ATTEST_CHECK_PASS
                      : ATTEST_CHECK_FAIL, "the configuration record %s is "
                      "%s that the policy allows",
                      c->has_config ? attest_verify_hex(hex, c->config,
                                                        ATTEST_SHA256_LEN)
                      : "(none)", ok ? "one" : "none of those");
}
