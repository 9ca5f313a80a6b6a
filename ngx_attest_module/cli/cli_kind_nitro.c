/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A Nitro document: in words, and for a policy.
 */


#include <stdio.h>
#include <string.h>

#include "core/base/attest_hex.h"
#include "core/evidence/attest_nitro.h"
#include "core/crypto/attest_x509.h"
#include "cli/cli.h"
#include "cli/cli_kinds.h"
#include "cli/cli_print.h"
#include "cli/cli_x509.h"


static bool cli_nitro_policy(attest_span_t value, cJSON *policy);
static void cli_nitro_show(attest_span_t value);
static void cli_nitro_bytes(const char *what, attest_span_t s);
static void cli_nitro_pcrs(const attest_nitro_t *doc);
static void cli_nitro_signature(const attest_nitro_t *doc);
static void cli_nitro_certificate(const char *what, attest_span_t der);


/* What the start of an enclave measures (AWS Nitro Enclaves user guide). */

static const char *const  cli_nitro_meaning[] = {
    "the image", "kernel and boot ramdisk", "application", "role (IAM)",
    "instance", NULL, NULL, NULL, "signer of the image"
};

#define CLI_NITRO_MEANINGS                                                   \
    (sizeof(cli_nitro_meaning) / sizeof(cli_nitro_meaning[0]))


const cli_kind_t  cli_kind_nitro = {
    .show = cli_nitro_show,
    .policy = cli_nitro_policy,
    .genuine = { "nitro-signature" }
};


static void
cli_nitro_show(attest_span_t value)
{
    int              rc;
    char             what[48];
    size_t           i;
    attest_nitro_t   doc;

    rc = attest_nitro_parse(value.p, value.n, &doc);
    if (rc != ATTEST_OK) {
        cli_printf("the attestation document is %s\n", attest_strerror(rc));
        return;
    }

    cli_print_line("enclave (module_id)", doc.module_id);
    cli_print_time("made at", (int64_t) (doc.timestamp / 1000));
    cli_printf("%-24s%llu\n", "  in milliseconds",
               (unsigned long long) doc.timestamp);
    cli_printf("%-24s%s\n", "digest of PCRs", "SHA-384");
    cli_printf("%-24s%s\n", "mode", attest_nitro_is_debug(&doc)
               ? "debug: its console can be read, it proves nothing"
               : "production (PCR 0 to 2 are set)");

    cli_nitro_pcrs(&doc);
    cli_nitro_bytes("user data", doc.user_data);
    cli_nitro_bytes("nonce", doc.nonce);
    cli_nitro_bytes("public key", doc.public_key);

    cli_nitro_signature(&doc);
    cli_nitro_certificate("certificate of", doc.certificate);

    cli_printf("%-24s%zu certificates; the first is the root, which is not "
               "taken from here\n", "bundle", doc.cabundle_count);

    for (i = 0; i < doc.cabundle_count; i++) {
        (void) snprintf(what, sizeof(what), "  %zu, of", i + 1);
        cli_nitro_certificate(what, doc.cabundle[i]);
    }
}


static void
cli_nitro_bytes(const char *what, attest_span_t s)
{
    if (s.n == 0) {
        cli_printf("%-24s%s\n", what, "none");
        return;
    }

    cli_print_hex(what, s.p, s.n);
}


static void
cli_nitro_pcrs(const attest_nitro_t *doc)
{
    char    what[64];
    size_t  i;

    for (i = 0; i < ATTEST_NITRO_PCRS; i++) {

        if ((doc->pcr_mask >> i & 1) == 0) {
            continue;
        }

        if (i < CLI_NITRO_MEANINGS && cli_nitro_meaning[i] != NULL) {
            cli_printf("%-24s%s\n", "", cli_nitro_meaning[i]);
        }

        (void) snprintf(what, sizeof(what), "PCR %2zu", i);

        if (attest_span_is_zero(doc->pcrs[i])) {
            cli_printf("%-24szero, %zu bytes\n", what, doc->pcrs[i].n);
            continue;
        }

        cli_print_hex(what, doc->pcrs[i].p, doc->pcrs[i].n);
    }
}


static void
cli_nitro_signature(const attest_nitro_t *doc)
{
    int    rc = ATTEST_EFORMAT;
    X509  *leaf = attest_x509_read_der(doc->certificate);

    if (leaf != NULL) {
        rc = attest_nitro_signature(doc, X509_get0_pubkey(leaf));
        X509_free(leaf);
    }

    cli_printf("%-24s%s\n", "signature (ES384)", rc == ATTEST_OK
               ? "by the key of the certificate below"
               : "not by the key of the certificate below");
}


static void
cli_nitro_certificate(const char *what, attest_span_t der)
{
    X509  *x = attest_x509_read_der(der);

    if (x == NULL) {
        cli_printf("%-24s%zu bytes, malformed\n", what, der.n);
        return;
    }

    cli_x509_show(what, x);
    X509_free(x);
}


/* What says which software runs, and the image's signer if there is one. */

static bool
cli_nitro_policy(attest_span_t value, cJSON *policy)
{
    char             name[8], hex[2 * ATTEST_MAX_DIGEST + 1];
    cJSON           *nitro, *pcrs;
    size_t           i;
    attest_nitro_t   doc;

    if (attest_nitro_parse(value.p, value.n, &doc) != ATTEST_OK
        || attest_nitro_is_debug(&doc))
    {
        return 0;
    }

    nitro = cJSON_AddObjectToObject(policy, "nitro");
    pcrs = cJSON_AddObjectToObject(nitro, "pcrs");

    for (i = 0; i < CLI_NITRO_MEANINGS; i++) {

        if ((i > 2 && i != 8) || doc.pcrs[i].n != 48
            || attest_span_is_zero(doc.pcrs[i]))
        {
            continue;
        }

        (void) snprintf(name, sizeof(name), "%zu", i);
        attest_hex_encode(hex, doc.pcrs[i].p, doc.pcrs[i].n);
        cJSON_AddStringToObject(pcrs, name, hex);
    }

    return 1;
}
