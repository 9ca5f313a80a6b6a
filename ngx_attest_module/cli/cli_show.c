
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/x509.h>

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_eventlog.h"
#include "core/prompt/attest_keyconfig.h"
#include "core/evidence/attest_ratls.h"
#include "core/evidence/attest_tpm.h"
#include "core/crypto/attest_x509.h"
#include "cli/cli_archive.h"
#include "cli/cli_print.h"


typedef struct {
    size_t   shown;
} cli_log_t;

typedef int (*cli_show_claims_pt)(const uint8_t *p, size_t n,
    attest_claims_t *c);


static int cli_show_bytes(const cli_bytes_t *b);
static int cli_show_seen(const cli_evidence_t *ev, int rc);
static int cli_show_certificate(attest_span_t der);
static int cli_show_ccc(attest_span_t ext, int alone);
static int cli_show_collection(attest_span_t raw);
static void cli_show_item(const attest_cmw_item_t *item,
    const attest_tpm_item_t *tpm);
static int cli_show_hardware(const attest_cmw_item_t *item);
static void cli_show_claims(attest_span_t s, cli_show_claims_pt parse);
static void cli_show_tpm(attest_span_t s);
static void cli_show_quote(attest_span_t s);
static void cli_show_key(const char *what, attest_span_t s);
static void cli_show_ek_cert(attest_span_t der);
static void cli_show_pcrs(const attest_tpm_pcrs_t *pcrs);
static void cli_show_hpke(attest_span_t s);
static void cli_show_log(attest_span_t s, uint16_t alg);
static int cli_show_event(void *ctx, const attest_event_t *e);
static void cli_show_ima(attest_span_t s, uint16_t alg);


int
cli_show(const cli_options_t *opt)
{
    int             rc;
    struct stat     st;
    cli_bytes_t     file;
    cli_evidence_t  ev;

    if (cli_is_url(opt->target)) {
        rc = cli_collect(&ev, opt, 0);
        rc = cli_show_seen(&ev, rc);
        cli_evidence_clear(&ev);
        return rc;
    }

    if (stat(opt->target, &st) == 0 && S_ISDIR(st.st_mode)) {
        rc = cli_archive_load(&ev, opt);
        rc = cli_show_seen(&ev, rc);
        cli_evidence_clear(&ev);
        return rc;
    }

    rc = cli_file(opt->target, CLI_MAX_ANSWER, &file);
    if (rc != CLI_OK) {
        return rc;
    }

    rc = cli_show_bytes(&file);
    cli_bytes_free(&file);
    return rc;
}


static int
cli_show_bytes(const cli_bytes_t *b)
{
    int          rc;
    cli_bytes_t  own = { malloc(b->n + 1), b->n };

    if (own.p == NULL) {
        return cli_error("out of memory");
    }

    memcpy(own.p, b->p, b->n);
    own.p[b->n] = '\0';

    rc = cli_input("this", &own);

    if (rc == CLI_OK) {
        rc = own.p[0] == 0x30 ? cli_show_certificate(cli_span(&own))
                              : cli_show_collection(cli_span(&own));
        cli_bytes_free(&own);
    }

    return rc;
}


/* By a connection, or what an archive kept of one. */

static int
cli_show_seen(const cli_evidence_t *ev, int rc)
{
    size_t  i;

    if (rc == CLI_OK && ev->cert.n != 0) {
        cli_printf("== certificate of the connection\n");
        rc = cli_show_certificate(cli_span(&ev->cert));
    }

    if (rc == CLI_OK && ev->cached.n != 0) {
        cli_printf("\n== cached evidence of the endpoint\n");
        rc = cli_show_collection(cli_span(&ev->cached));
    }

    if (rc == CLI_OK && ev->fresh.n != 0) {
        cli_printf("\n== fresh evidence of the endpoint\n");
        rc = cli_show_collection(cli_span(&ev->fresh));
    }

    for (i = 0; i < ev->nnotes; i++) {
        cli_printf("\nnot shown: %s\n", ev->notes[i]);
    }

    return rc == CLI_OK && ev->cached.n == 0 && ev->cert.n == 0
           ? CLI_UNDECIDED : rc;
}


static int
cli_show_certificate(attest_span_t der)
{
    int                   rc;
    attest_span_t         s;
    attest_ratls_cert_t   c;

    rc = attest_ratls_parse(der.p, der.n, &c);
    if (rc != ATTEST_OK) {
        return cli_error("the certificate is %s", attest_strerror(rc));
    }

    s.p = (const uint8_t *) c.subject;
    s.n = strnlen(c.subject, sizeof(c.subject));
    cli_show_line("subject", s);
    cli_show_time("valid from", c.not_before);
    cli_show_time("valid until", c.not_after);
    cli_show_hex("SHA-256 of its key", c.spki_sha256, 32);
    cli_printf("%-24s%s\n", "signature", c.self_signed ? "its own, good"
               : "by another key (a CA's), or bad");

    if (c.ccc.n != 0) {
        rc = cli_show_ccc(c.ccc, c.cmw.n == 0);
        if (rc != CLI_OK) {
            return rc;
        }
    }

    if (c.cmw.n == 0) {
        if (c.ccc.n == 0) {
            cli_printf("%-24s%s\n", "evidence", "none in this certificate");
        }

        return CLI_OK;
    }

    cli_printf("%-24s%zu bytes (id-pe-cmw), as follows\n\n", "evidence",
               c.cmw.n);
    return cli_show_collection(c.cmw);
}


/* 2.23.133.5.4.9; beside a CMW it only says the same once more. */

static int
cli_show_ccc(attest_span_t ext, int alone)
{
    int                 rc;
    attest_ratls_ccc_t  ccc;

    rc = attest_ratls_ccc_parse(ext, &ccc);
    if (rc != ATTEST_OK) {
        return cli_error("the certificate's extension of the Confidential "
                         "Computing Consortium is %s", attest_strerror(rc));
    }

    cli_printf("%-24s%zu bytes: a quote of %zu bytes, claims of %zu\n",
               "CCC RA-TLS extension", ext.n, ccc.quote.n, ccc.claims.n);

    if (alone) {
        cli_printf("\n-- claims\n");
        cli_show_claims(ccc.claims, attest_claims_parse_foreign);
        cli_printf("\n-- quote\n");
        cli_quote_show(ccc.quote);
    }

    return CLI_OK;
}


static int
cli_show_collection(attest_span_t raw)
{
    int                       rc;
    size_t                    i;
    attest_cmw_t              cmw;
    attest_tpm_item_t         tpm;
    const attest_cmw_item_t  *item;

    rc = attest_cmw_parse(raw.p, raw.n, &cmw);
    if (rc != ATTEST_OK) {
        return cli_error("neither a certificate nor evidence: %s",
                         attest_strerror(rc));
    }

    cli_printf("%-24s%zu items\n", "collection", cmw.count);
    cli_show_line("type", cmw.ctype);

    memset(&tpm, 0, sizeof(tpm));
    item = attest_cmw_find(&cmw, ATTEST_ITEM_TPM);
    if (item != NULL) {
        (void) attest_tpm_item_parse(item->value.p, item->value.n, &tpm);
    }

    for (i = 0; i < cmw.count; i++) {
        cli_show_item(&cmw.items[i], &tpm);
    }

    attest_cmw_free(&cmw);
    return CLI_OK;
}


static void
cli_show_item(const attest_cmw_item_t *item, const attest_tpm_item_t *tpm)
{
    uint16_t  alg;

    alg = tpm->pcrs.count != 0 ? tpm->pcrs.banks[0].alg
                               : ATTEST_TPM_ALG_SHA256;

    cli_printf("\n-- ");
    cli_print_text(stdout, item->label_in.p, item->label_in.n, 0);
    cli_printf(" (");
    cli_print_text(stdout, item->type_in.p, item->type_in.n, 0);
    cli_printf("), %zu bytes\n", item->value.n);

    if (attest_span_is(item->type_in, ATTEST_TYPE_CLAIMS)) {
        cli_show_claims(item->value, attest_claims_parse);

    } else if (attest_span_is(item->type_in, ATTEST_TYPE_TPM)) {
        cli_show_tpm(item->value);

    } else if (attest_span_is(item->type_in, ATTEST_TYPE_HPKE_KEYS)) {
        cli_show_hpke(item->value);

    } else if (attest_span_is(item->type_in, ATTEST_TYPE_CONFIG)
               || attest_span_is(item->type_in, ATTEST_TYPE_LEFT_OUT))
    {
        cli_print_text(stdout, item->value.p, item->value.n, 1);
        if (item->value.n != 0 && item->value.p[item->value.n - 1] != '\n') {
            cli_printf("\n");
        }

    } else if (attest_span_is(item->type_in, ATTEST_TYPE_EVENTLOG)) {
        cli_show_log(item->value, alg);

    } else if (attest_span_is(item->type_in, ATTEST_TYPE_IMALOG)) {
        cli_show_ima(item->value, alg);

    } else if (attest_span_is(item->type_in, ATTEST_TYPE_ROOT)) {
        cli_show_line("root of trust", item->value);

    } else if (!cli_show_hardware(item)) {
        cli_printf("unknown to this version\n");
    }
}


/* One file for each kind of hardware evidence. */

static int
cli_show_hardware(const attest_cmw_item_t *item)
{
    size_t  i;

    static const struct {
        const char   *type;
        void        (*show)(attest_span_t value);
    } kinds[] = {
        { ATTEST_TYPE_TSM, cli_tsm_show },
        { ATTEST_TYPE_AZURE, cli_azure_show },
        { ATTEST_TYPE_NITRO, cli_nitro_show },
        { ATTEST_TYPE_GPU, cli_gpu_show },
        { ATTEST_TYPE_AK_CERT, cli_ak_cert_show },
        { ATTEST_TYPE_CCEL, cli_ccel_show },
        { NULL, NULL }
    };

    for (i = 0; kinds[i].type != NULL; i++) {
        if (attest_span_is(item->type_in, kinds[i].type)) {
            kinds[i].show(item->value);
            return 1;
        }
    }

    return 0;
}


static void
cli_show_claims(attest_span_t s, cli_show_claims_pt parse)
{
    int              rc;
    uint8_t          digest[32];
    attest_claims_t  c;

    rc = parse(s.p, s.n, &c);
    if (rc != ATTEST_OK) {
        cli_printf("%s\n", attest_strerror(rc));
        return;
    }

    if (attest_sha256(&s, 1, digest) == ATTEST_OK) {
        cli_show_hex("SHA-256 of the claims", digest, 32);
    }

    cli_show_hex("TLS key (pubkey-hash)", c.pubkey_hash, c.pubkey_hash_len);

    if (c.has_validity) {
        cli_show_time("valid from", (int64_t) c.not_before);
        cli_show_time("valid until", (int64_t) c.not_after);
    }

    if (c.nonce_len != 0) {
        cli_show_hex("nonce", c.nonce, c.nonce_len);

    } else if (c.foreign_nonce) {
        cli_printf("%-24s%s\n", "nonce", "one that we did not ask for");

    } else {
        cli_printf("%-24s%s\n", "nonce", "none: no proof of freshness");
    }

    if (c.has_exporter) {
        cli_show_hex("TLS exporter", c.exporter, 32);
    }

    if (c.has_hpke_keys) {
        cli_show_hex("prompt keys, SHA-256", c.hpke_keys, 32);
    }

    if (c.has_config) {
        cli_show_hex("configuration, SHA-256", c.config, 32);
    }

    if (c.has_gpu) {
        cli_show_hex("GPU evidence, SHA-256", c.gpu, 32);
    }
}


static void
cli_show_tpm(attest_span_t s)
{
    int                rc;
    attest_tpm_item_t  tpm;

    rc = attest_tpm_item_parse(s.p, s.n, &tpm);
    if (rc != ATTEST_OK) {
        cli_printf("%s\n", attest_strerror(rc));
        return;
    }

    cli_show_line("root of trust", tpm.root);
    cli_show_line("maker", tpm.maker);
    cli_show_key("attestation key", tpm.ak);
    cli_show_quote(tpm.quote);
    cli_printf("%-24s%zu bytes\n", "signature", tpm.signature.n);

    if (tpm.ek.n != 0) {
        cli_show_key("endorsement key", tpm.ek);

    } else {
        cli_printf("%-24s%s\n", "endorsement key", "none");
    }

    if (tpm.ek_cert.n != 0) {
        cli_show_ek_cert(tpm.ek_cert);

    } else {
        cli_printf("%-24s%s\n", "EK certificate", "none");
    }

    cli_show_pcrs(&tpm.pcrs);
}


static void
cli_show_quote(attest_span_t s)
{
    int                 rc;
    attest_tpm_quote_t  q;

    rc = attest_tpm_quote_parse(s.p, s.n, &q);
    if (rc != ATTEST_OK) {
        cli_printf("%-24s%s\n", "quote", attest_strerror(rc));
        return;
    }

    cli_show_hex("quote signs", q.extra.p, q.extra.n);
    cli_show_hex("PCR digest", q.pcr_digest.p, q.pcr_digest.n);
    cli_show_hex("qualified signer", q.qualified_signer.p,
                 q.qualified_signer.n);
    cli_printf("%-24s%llu ms, %u resets, %u restarts, %s\n", "TPM clock",
               (unsigned long long) q.clock, q.reset_count, q.restart_count,
               q.safe ? "never went back" : "may have gone back");
    cli_printf("%-24s%016llx%s\n", "TPM firmware",
               (unsigned long long) q.firmware,
               attest_tpm_firmware_is_software(q.firmware)
               ? " (libtpms: a software TPM)" : "");
}


static void
cli_show_key(const char *what, attest_span_t s)
{
    int                  rc;
    attest_tpm_public_t  pub;

    memset(&pub, 0, sizeof(pub));

    rc = attest_tpm_public_parse(s.p, s.n, &pub);
    if (rc != ATTEST_OK) {
        cli_printf("%-24s%s\n", what, attest_strerror(rc));
        return;
    }

    cli_printf("%-24s%s, attributes %08x\n", what, pub.type == 0x0001 ? "RSA"
               : pub.curve == 0x0004 ? "ECC P-384" : "ECC P-256",
               pub.attributes);

    if (pub.name_alg == ATTEST_TPM_ALG_SHA256) {
        cli_show_hex("  its name", pub.name, ATTEST_TPM_NAME_LEN);
    }

    attest_tpm_public_free(&pub);
}


static void
cli_show_ek_cert(attest_span_t der)
{
    X509  *x;

    x = attest_x509_read_der(der);
    if (x == NULL) {
        cli_printf("%-24s%s\n", "EK certificate", "malformed");
        return;
    }

    cli_x509_show("EK certificate for", x);
    X509_free(x);
}


static void
cli_show_pcrs(const attest_tpm_pcrs_t *pcrs)
{
    char                      name[32];
    size_t                    i, k;
    const attest_tpm_bank_t  *bank;

    for (i = 0; i < pcrs->count; i++) {
        bank = &pcrs->banks[i];

        for (k = 0; k < ATTEST_TPM_PCRS; k++) {
            if (bank->select >> k & 1) {
                (void) snprintf(name, sizeof(name), "PCR %2zu (%s)", k,
                                attest_tpm_alg_name(bank->alg));
                cli_show_hex(name, bank->value[k], bank->len);
            }
        }
    }
}


static void
cli_show_hpke(attest_span_t s)
{
    int                 rc;
    size_t              i, k, count = ATTEST_KEYCONFIG_MAX_KEYS;
    attest_keyconfig_t  kc[ATTEST_KEYCONFIG_MAX_KEYS];

    rc = attest_keyconfig_parse_list(s.p, s.n, kc, NULL, &count);
    if (rc != ATTEST_OK) {
        cli_printf("%s\n", attest_strerror(rc));
        return;
    }

    for (i = 0; i < count; i++) {
        cli_printf("key %u: KEM %04x", kc[i].id, kc[i].kem);

        for (k = 0; k < kc[i].nsuites; k++) {
            cli_printf(", KDF %04x with AEAD %04x", kc[i].suites[k].kdf,
                       kc[i].suites[k].aead);
        }

        cli_printf("\n");
        cli_show_hex("  public key", kc[i].pk.p, kc[i].pk.n);
    }
}


static void
cli_show_log(attest_span_t s, uint16_t alg)
{
    int                rc;
    cli_log_t          log = { 0 };
    attest_tpm_bank_t  bank;

    rc = attest_eventlog_replay(s.p, s.n, alg, &bank, cli_show_event, &log);
    if (rc != ATTEST_OK) {
        cli_printf("the log is %s\n", attest_strerror(rc));
    }
}


static int
cli_show_event(void *ctx, const attest_event_t *e)
{
    char        hex[129] = "not extended";
    cli_log_t  *log = ctx;

    if (e->extended && e->digest.n <= 64) {
        cli_hex(hex, e->digest.p, e->digest.n);
    }

    cli_printf("%4zu  PCR %2u  %-34s %s\n", ++log->shown, e->pcr,
               attest_eventlog_type_name(e->type), hex);
    return 0;
}


static void
cli_show_ima(attest_span_t s, uint16_t alg)
{
    int      rc;
    size_t   entries, boundary;
    uint8_t  value[64];

    rc = attest_imalog_replay(s.p, s.n, alg, NULL, 0, value, &entries,
                              &boundary);
    if (rc != ATTEST_OK) {
        cli_printf("the log is %s\n", attest_strerror(rc));
        return;
    }

    cli_printf("%zu entries, which give PCR 10 the value\n", entries);
    cli_show_hex("", value, attest_tpm_alg_len(alg));
}
