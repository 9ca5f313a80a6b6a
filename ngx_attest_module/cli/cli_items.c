/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The items that are not of a kind of their own, in words.
 */


#include <stdio.h>

#include "core/base/attest_hex.h"
#include "core/evidence/attest_eventlog.h"
#include "core/prompt/attest_keyconfig.h"
#include "core/evidence/attest_tpm.h"
#include "cli/cli.h"
#include "cli/cli_items.h"
#include "cli/cli_kind_ccel.h"
#include "cli/cli_print.h"


typedef struct {
    size_t   shown;
} cli_log_t;


static void cli_items_claims(attest_span_t s, uint16_t alg);
static void cli_items_hpke(attest_span_t s, uint16_t alg);
static void cli_items_text(attest_span_t s, uint16_t alg);
static void cli_items_log(attest_span_t s, uint16_t alg);
static int cli_items_event(void *ctx, const attest_event_t *e);
static void cli_items_ima(attest_span_t s, uint16_t alg);
static void cli_items_root(attest_span_t s, uint16_t alg);


const cli_item_pt  cli_items[ATTEST_ITEMS] = {
    [ATTEST_ID_CLAIMS] = cli_items_claims,
    [ATTEST_ID_HPKE_KEYS] = cli_items_hpke,
    [ATTEST_ID_CONFIG] = cli_items_text,
    [ATTEST_ID_IMALOG] = cli_items_ima,
    [ATTEST_ID_CCEL] = cli_ccel_show,
    [ATTEST_ID_EVENTLOG] = cli_items_log,
    [ATTEST_ID_ROOT] = cli_items_root,
    [ATTEST_ID_LEFT_OUT] = cli_items_text
};


static void
cli_items_claims(attest_span_t s, uint16_t alg)
{
    (void) alg;

    cli_items_claims_show(s, attest_claims_parse);
}


void
cli_items_claims_show(attest_span_t s, cli_claims_pt parse)
{
    int              rc;
    uint8_t          digest[ATTEST_SHA256_LEN];
    attest_claims_t  c;

    rc = parse(s.p, s.n, &c);
    if (rc != ATTEST_OK) {
        cli_printf("%s\n", attest_strerror(rc));
        return;
    }

    if (attest_sha256(&s, 1, digest) == ATTEST_OK) {
        cli_print_hex("SHA-256 of the claims", digest, ATTEST_SHA256_LEN);
    }

    cli_print_hex("TLS key (pubkey-hash)", c.pubkey_hash, c.pubkey_hash_len);

    if (c.has_validity) {
        cli_print_time("valid from", (int64_t) c.not_before);
        cli_print_time("valid until", (int64_t) c.not_after);
    }

    if (c.nonce_len != 0) {
        cli_print_hex("nonce", c.nonce, c.nonce_len);

    } else if (c.foreign_nonce) {
        cli_printf("%-24s%s\n", "nonce", "one that we did not ask for");

    } else {
        cli_printf("%-24s%s\n", "nonce", "none: no proof of freshness");
    }

    if (c.has_exporter) {
        cli_print_hex("TLS exporter", c.exporter, ATTEST_EXPORTER_LEN);
    }

    if (c.has_hpke_keys) {
        cli_print_hex("prompt keys, SHA-256", c.hpke_keys, ATTEST_SHA256_LEN);
    }

    if (c.has_config) {
        cli_print_hex("configuration, SHA-256", c.config, ATTEST_SHA256_LEN);
    }

    if (c.has_gpu) {
        cli_print_hex("GPU evidence, SHA-256", c.gpu, ATTEST_SHA256_LEN);
    }
}


static void
cli_items_hpke(attest_span_t s, uint16_t alg)
{
    int                 rc;
    size_t              i, k, count = ATTEST_KEYCONFIG_MAX_KEYS;
    attest_keyconfig_t  kc[ATTEST_KEYCONFIG_MAX_KEYS];

    (void) alg;

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
        cli_print_hex("  public key", kc[i].pk.p, kc[i].pk.n);
    }
}


static void
cli_items_text(attest_span_t s, uint16_t alg)
{
    (void) alg;

    cli_print_text(stdout, s.p, s.n, 1);

    if (s.n != 0 && s.p[s.n - 1] != '\n') {
        cli_printf("\n");
    }
}


static void
cli_items_root(attest_span_t s, uint16_t alg)
{
    (void) alg;

    cli_print_line("root of trust", s);
}


static void
cli_items_log(attest_span_t s, uint16_t alg)
{
    int                rc;
    cli_log_t          log = { 0 };
    attest_tpm_bank_t  bank;

    rc = attest_eventlog_replay(s.p, s.n, alg, &bank, cli_items_event, &log);
    if (rc != ATTEST_OK) {
        cli_printf("the log is %s\n", attest_strerror(rc));
    }
}


static int
cli_items_event(void *ctx, const attest_event_t *e)
{
    char        hex[129] = "not extended";
    cli_log_t  *log = ctx;

    if (e->extended && e->digest.n <= ATTEST_MAX_DIGEST) {
        attest_hex_encode(hex, e->digest.p, e->digest.n);
    }

    cli_printf("%4zu  PCR %2u  %-34s %s\n", ++log->shown, e->pcr,
               attest_eventlog_type_name(e->type), hex);
    return 0;
}


static void
cli_items_ima(attest_span_t s, uint16_t alg)
{
    int      rc;
    size_t   entries, boundary;
    uint8_t  value[ATTEST_MAX_DIGEST];

    rc = attest_imalog_replay(s.p, s.n, alg, NULL, 0, value, &entries,
                              &boundary);
    if (rc != ATTEST_OK) {
        cli_printf("the log is %s\n", attest_strerror(rc));
        return;
    }

    cli_printf("%zu entries, which give PCR 10 the value\n", entries);
    cli_print_hex("", value, attest_tpm_alg_len(alg));
}
