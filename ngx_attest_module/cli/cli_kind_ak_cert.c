/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A cloud's certificate of an attestation key: in words, and for a policy.
 */


#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "core/evidence/attest_gcp.h"
#include "core/crypto/attest_x509.h"
#include "cli/cli.h"
#include "cli/cli_kinds.h"
#include "cli/cli_print.h"
#include "cli/cli_x509.h"


static void cli_ak_cert_show(attest_span_t value);
static bool cli_ak_cert_policy(attest_span_t value, cJSON *policy);
static void cli_ak_cert_usage(X509 *x);
static void cli_ak_cert_instance(X509 *x);
static void cli_ak_cert_add(cJSON *to, const char *name, attest_span_t s);


const cli_kind_t  cli_kind_ak_cert = {
    .show = cli_ak_cert_show,
    .policy = cli_ak_cert_policy,
    .genuine = { "ak-cert-chain" }
};


static void
cli_ak_cert_show(attest_span_t value)
{
    int              i;
    X509            *leaf;
    STACK_OF(X509)  *certs;

    certs = attest_x509_read(value);
    if (certs == NULL) {
        cli_printf("no certificate\n");
        return;
    }

    leaf = sk_X509_value(certs, 0);
    cli_x509_show("attestation key of", leaf);
    cli_ak_cert_usage(leaf);
    cli_ak_cert_instance(leaf);

    for (i = 1; i < sk_X509_num(certs); i++) {
        cli_x509_show("with it", sk_X509_value(certs, i));
    }

    sk_X509_pop_free(certs, X509_free);
}


static void
cli_ak_cert_usage(X509 *x)
{
    int                  i;
    char                 oid[80];
    uint32_t             usage = X509_get_key_usage(x);
    EXTENDED_KEY_USAGE  *eku;

    cli_printf("%-24s%s%s\n", "  may be used for",
               usage == UINT32_MAX ? "anything: no key usage"
               : usage & KU_DIGITAL_SIGNATURE ? "signatures" : "no signatures",
               usage != UINT32_MAX && (usage & KU_KEY_ENCIPHERMENT)
               ? ", and to encrypt keys to it, as an EK" : "");

    eku = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);

    for (i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
        (void) OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(eku, i), 1);
        cli_printf("%-24s%s%s\n", "  extended usage", oid,
                   strcmp(oid, "2.23.133.8.1") == 0 ? " (TCG: endorsement key)"
                   : strcmp(oid, "2.23.133.8.3") == 0
                   ? " (TCG: attestation key)" : "");
    }

    EXTENDED_KEY_USAGE_free(eku);
}


static void
cli_ak_cert_instance(X509 *x)
{
    int                    rc;
    attest_gcp_instance_t  info;

    rc = attest_gcp_instance_find(x, &info);

    if (rc == ATTEST_EUNSUPPORTED) {
        return;
    }

    if (rc != ATTEST_OK) {
        cli_printf("%-24s%s\n", "Google Cloud instance", attest_strerror(rc));
        return;
    }

    cli_print_line("Google Cloud instance", info.instance_name);
    cli_printf("%-24s%llu\n", "  its id",
               (unsigned long long) info.instance_id);
    cli_print_line("  project", info.project_id);
    cli_printf("%-24s%llu\n", "  project number",
               (unsigned long long) info.project_number);
    cli_print_line("  zone", info.zone);

    if (!info.has_security) {
        cli_printf("%-24s%s\n", "  security properties", "none");
        return;
    }

    cli_printf("%-24sversion %llu, %s\n", "  security properties",
               (unsigned long long) info.security_version,
               info.production ? "in production" : "NOT in production");
}


/* The instance; other clouds' certificates name nothing to hold on to. */

static bool
cli_ak_cert_policy(attest_span_t value, cJSON *policy)
{
    int                     found;
    cJSON                  *gcp;
    STACK_OF(X509)         *certs;
    attest_gcp_instance_t   info;

    certs = attest_x509_read(value);
    if (certs == NULL) {
        return 0;
    }

    found = attest_gcp_instance_find(sk_X509_value(certs, 0), &info)
            == ATTEST_OK;

    if (found) {
        gcp = cJSON_AddObjectToObject(policy, "gcp");
        cli_ak_cert_add(gcp, "project", info.project_id);
        cli_ak_cert_add(gcp, "zone", info.zone);
        cli_ak_cert_add(gcp, "instance", info.instance_name);
    }

    sk_X509_pop_free(certs, X509_free);
    return found;
}


static void
cli_ak_cert_add(cJSON *to, const char *name, attest_span_t s)
{
    char    text[256];
    cJSON  *list;

    (void) snprintf(text, sizeof(text), "%.*s", (int) s.n,
                    (const char *) s.p);

    list = cJSON_AddArrayToObject(to, name);
    cJSON_AddItemToArray(list, cJSON_CreateString(text));
}
