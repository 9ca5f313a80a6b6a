/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A TPM's item, in words.
 */


#include <stdio.h>
#include <string.h>

#include <openssl/x509.h>

#include "core/evidence/attest_tpm.h"
#include "core/crypto/attest_x509.h"
#include "cli/cli.h"
#include "cli/cli_kinds.h"
#include "cli/cli_print.h"
#include "cli/cli_x509.h"


static void cli_tpm_show(attest_span_t s);
static void cli_tpm_quote(attest_span_t s);
static void cli_tpm_key(const char *what, attest_span_t s);
static void cli_tpm_ek_cert(attest_span_t der);
static void cli_tpm_pcrs(const attest_tpm_pcrs_t *pcrs);


const cli_kind_t  cli_kind_tpm = {
    .show = cli_tpm_show
};


static void
cli_tpm_show(attest_span_t s)
{
    int                rc;
    attest_tpm_item_t  tpm;

    rc = attest_tpm_item_parse(s.p, s.n, &tpm);
    if (rc != ATTEST_OK) {
        cli_printf("%s\n", attest_strerror(rc));
        return;
    }

    cli_print_line("root of trust", tpm.root);
    cli_print_line("maker", tpm.maker);
    cli_tpm_key("attestation key", tpm.ak);
    cli_tpm_quote(tpm.quote);
    cli_printf("%-24s%zu bytes\n", "signature", tpm.signature.n);

    if (tpm.ek.n != 0) {
        cli_tpm_key("endorsement key", tpm.ek);

    } else {
        cli_printf("%-24s%s\n", "endorsement key", "none");
    }

    if (tpm.ek_cert.n != 0) {
        cli_tpm_ek_cert(tpm.ek_cert);

    } else {
        cli_printf("%-24s%s\n", "EK certificate", "none");
    }

    cli_tpm_pcrs(&tpm.pcrs);
}


static void
cli_tpm_quote(attest_span_t s)
{
    int                 rc;
    attest_tpm_quote_t  q;

    rc = attest_tpm_quote_parse(s.p, s.n, &q);
    if (rc != ATTEST_OK) {
        cli_printf("%-24s%s\n", "quote", attest_strerror(rc));
        return;
    }

    cli_print_hex("quote signs", q.extra.p, q.extra.n);
    cli_print_hex("PCR digest", q.pcr_digest.p, q.pcr_digest.n);
    cli_print_hex("qualified signer", q.qualified_signer.p,
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
cli_tpm_key(const char *what, attest_span_t s)
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
        cli_print_hex("  its name", pub.name, ATTEST_TPM_NAME_LEN);
    }

    attest_tpm_public_free(&pub);
}


static void
cli_tpm_ek_cert(attest_span_t der)
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
cli_tpm_pcrs(const attest_tpm_pcrs_t *pcrs)
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
                cli_print_hex(name, bank->value[k], bank->len);
            }
        }
    }
}
