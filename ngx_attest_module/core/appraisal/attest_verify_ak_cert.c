/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A cloud's certificate for the attestation key of its virtual TPM: Google's
 * (it has two CAs) and Microsoft's.  It proves the cloud's word, not
 * the CPU's.
 */


#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "core/evidence/attest_gcp.h"
#include "core/appraisal/attest_verify_ak_cert.h"
#include "core/appraisal/attest_verify_anchor.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/crypto/attest_x509.h"


/* TCG: tcg-kp-EKCertificate, which Google's older CA writes for AKs too;
   tcg-kp-AIKCertificate. */
#define ATTEST_OID_EK     "2.23.133.8.1"
#define ATTEST_OID_AIK    "2.23.133.8.3"


typedef struct {
    attest_maker_e   maker;
    int              simulated;
} attest_ak_issuer_t;


static bool attest_verify_ak_cert_key(attest_verify_t *v, attest_part_t *part,
    X509 *leaf);
static bool attest_verify_ak_cert_chain(attest_verify_t *v,
    attest_part_t *part, X509 *leaf, STACK_OF(X509) *certs,
    attest_ak_issuer_t *issuer);
static const char *attest_verify_ak_issuer(const attest_verify_t *v,
    X509 *leaf, STACK_OF(X509) *certs, attest_ak_issuer_t *issuer);
static const char *attest_verify_ak_usage(X509 *leaf,
    const attest_ak_issuer_t *issuer);
static int attest_verify_ak_eku(X509 *leaf, const char *want);
static bool attest_verify_gcp(attest_verify_t *v, attest_part_t *part,
    X509 *leaf);
static void attest_verify_gcp_policy(attest_verify_t *v,
    const attest_part_t *part, const attest_gcp_instance_t *info);
static void attest_verify_gcp_member(attest_verify_t *v,
    const attest_part_t *part, const char *what, const attest_textset_t *set,
    attest_span_t text, uint64_t number, int numbered);


const attest_verify_kind_t  attest_verify_kind_ak_cert = {
    .item = attest_verify_ak_cert,
    .makers = ATTEST_MADE_BY(ATTEST_MAKER_GOOGLE)
              | ATTEST_MADE_BY(ATTEST_MAKER_MICROSOFT)
};


void
attest_verify_ak_cert(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item)
{
    X509                *leaf;
    STACK_OF(X509)      *certs;
    attest_ak_issuer_t   issuer = { ATTEST_MAKER_GOOGLE, 0 };

    certs = attest_x509_read(item->value);
    if (certs == NULL) {
        attest_verify_kind(v, part, "ak-cert", ATTEST_CHECK_FAIL,
                           "the certificate of the attestation key of %s "
                           "evidence, %zu bytes, is malformed",
                           attest_verify_part_name(part->which),
                           item->value.n);
        return;
    }

    leaf = sk_X509_value(certs, 0);

    if (attest_verify_ak_cert_key(v, part, leaf)
        && attest_verify_ak_cert_chain(v, part, leaf, certs, &issuer)
        && (issuer.maker != ATTEST_MAKER_GOOGLE
            || attest_verify_gcp(v, part, leaf)))
    {
        part->ak_cloud = 1;
        part->ak_simulated = (unsigned) issuer.simulated;
    }

    sk_X509_pop_free(certs, X509_free);
}


/* The certificate of another machine's key proves nothing about this one. */

static bool
attest_verify_ak_cert_key(attest_verify_t *v, attest_part_t *part, X509 *leaf)
{
    int        same;
    EVP_PKEY  *key;

    key = X509_get0_pubkey(leaf);
    same = key != NULL && EVP_PKEY_eq(key, part->ak.key) == 1;

    attest_verify_kind(v, part, "ak-cert", same ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the cloud's certificate in %s "
                       "evidence is %s that signed the quote",
                       attest_verify_part_name(part->which),
                       same ? "for the key" : "not for the key");
    return same;
}


/*
 * Where the CPU vouches for the machine a certificate that leads nowhere
 * takes nothing away; it only must not count.
 */

static bool
attest_verify_ak_cert_chain(attest_verify_t *v, attest_part_t *part,
    X509 *leaf, STACK_OF(X509) *certs, attest_ak_issuer_t *issuer)
{
    char             name[80], shown[80];
    const char      *what;
    attest_span_t    text;
    attest_check_e   state;

    what = attest_verify_ak_issuer(v, leaf, certs, issuer);
    if (what == NULL) {
        what = attest_verify_ak_usage(leaf, issuer);
    }

    if (what == NULL) {
        attest_verify_kind(v, part, "ak-cert-chain", ATTEST_CHECK_PASS,
                           "%s certifies the attestation key of %s evidence",
                           issuer->simulated ? "a root that the policy calls "
                           "simulated" : issuer->maker == ATTEST_MAKER_GOOGLE
                           ? "Google" : "Microsoft",
                           attest_verify_part_name(part->which));
        return 1;
    }

    if (X509_NAME_get_text_by_NID(X509_get_issuer_name(leaf), NID_commonName,
                                  name, sizeof(name)) < 0)
    {
        name[0] = '\0';
    }

    text = attest_span_text(name);
    state = part->cpu.kind == ATTEST_KIND_NONE || v->policy->gcp.given
            ? ATTEST_CHECK_FAIL : ATTEST_CHECK_NOTE;

    attest_verify_kind(v, part, "ak-cert-chain", state,
                       "the certificate of the attestation key of %s "
                       "evidence, issued by \"%s\", counts for nothing: %s",
                       attest_verify_part_name(part->which),
                       attest_verify_text(shown, sizeof(shown), text), what);
    return 0;
}


/* Google's or Microsoft's root; the policy's simulated ones come last. */

static const char *
attest_verify_ak_issuer(const attest_verify_t *v, X509 *leaf,
    STACK_OF(X509) *certs, attest_ak_issuer_t *issuer)
{
    int                    simulated;
    size_t                 i;
    const char            *what, *first = NULL;
    attest_gcp_instance_t  info;

    static const attest_maker_e  makers[] = {
        ATTEST_MAKER_GOOGLE, ATTEST_MAKER_MICROSOFT
    };

    for (i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
        what = attest_verify_anchor(v, makers[i], leaf, certs, NULL,
                                    &simulated);
        if (what != NULL) {
            first = first != NULL ? first : what;
            continue;
        }

        issuer->maker = makers[i];
        issuer->simulated = simulated;

        if (!simulated) {
            return NULL;
        }
    }

    if (!issuer->simulated) {
        return first;
    }

    /* a test root plays the cloud whose certificates its leaf looks like */

    issuer->maker = attest_gcp_instance_find(leaf, &info)
                    == ATTEST_EUNSUPPORTED ? ATTEST_MAKER_MICROSOFT
                                           : ATTEST_MAKER_GOOGLE;
    return NULL;
}


/*
 * One CA issues for EKs and AKs.  A key that may sign is an AK; Google's
 * older CA gives it the EK's extended key usage, the newer one gives none.
 */

static const char *
attest_verify_ak_usage(X509 *leaf, const attest_ak_issuer_t *issuer)
{
    uint32_t  usage = X509_get_key_usage(leaf);

    if (X509_check_ca(leaf) != 0) {
        return "it is a CA's";
    }

    if (usage == UINT32_MAX || (usage & KU_DIGITAL_SIGNATURE) == 0) {
        return "its key usage is not that of a key which signs";
    }

    if (issuer->maker == ATTEST_MAKER_MICROSOFT) {
        return attest_verify_ak_eku(leaf, ATTEST_OID_AIK) == 1
               ? NULL : "its extended key usage is not that of an "
                        "attestation key";
    }

    if (usage & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT
                 | KU_DATA_ENCIPHERMENT))
    {
        return "its key usage is that of an endorsement key";
    }

    return attest_verify_ak_eku(leaf, ATTEST_OID_EK) != 0
           ? NULL : "its extended key usage is foreign to a TPM's key";
}


/* 1: named, 0: others are, -1: there is no such extension. */

static int
attest_verify_ak_eku(X509 *leaf, const char *want)
{
    int                  i, critical, found = 0;
    char                 oid[64];
    EXTENDED_KEY_USAGE  *eku;

    eku = X509_get_ext_d2i(leaf, NID_ext_key_usage, &critical, NULL);
    if (eku == NULL) {
        return critical == -1 ? -1 : 0;
    }

    for (i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
        (void) OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(eku, i), 1);
        found |= (strcmp(oid, want) == 0);
    }

    EXTENDED_KEY_USAGE_free(eku);
    return found;
}


static bool
attest_verify_gcp(attest_verify_t *v, attest_part_t *part, X509 *leaf)
{
    int                    rc;
    char                   zone[64], project[64], name[64];
    attest_gcp_instance_t  info;

    rc = attest_gcp_instance_find(leaf, &info);

    if (rc != ATTEST_OK || !info.has_security || !info.production) {
        attest_verify_kind(v, part, "gcp-instance", ATTEST_CHECK_FAIL,
                           "what the certificate of %s evidence says of the "
                           "instance is %s",
                           attest_verify_part_name(part->which),
                           rc == ATTEST_EUNSUPPORTED ? "missing"
                           : rc != ATTEST_OK ? attest_strerror(rc)
                           : "not that it is in production");
        return 0;
    }

    attest_verify_kind(v, part, "gcp-instance", ATTEST_CHECK_NOTE,
                       "%s evidence is of instance \"%s\" (%llu) in project "
                       "\"%s\" (%llu), zone \"%s\"",
                       attest_verify_part_name(part->which),
                       attest_verify_text(name, sizeof(name),
                                          info.instance_name),
                       (unsigned long long) info.instance_id,
                       attest_verify_text(project, sizeof(project),
                                          info.project_id),
                       (unsigned long long) info.project_number,
                       attest_verify_text(zone, sizeof(zone), info.zone));

    part->ak_google = 1;
    attest_verify_gcp_policy(v, part, &info);
    return 1;
}


static void
attest_verify_gcp_policy(attest_verify_t *v, const attest_part_t *part,
    const attest_gcp_instance_t *info)
{
    const attest_policy_gcp_t  *want = &v->policy->gcp;

    attest_verify_gcp_member(v, part, "gcp-project", &want->project,
                             info->project_id, info->project_number, 1);
    attest_verify_gcp_member(v, part, "gcp-zone", &want->zone, info->zone, 0,
                             0);
    attest_verify_gcp_member(v, part, "gcp-instance-reference",
                             &want->instance, info->instance_name,
                             info->instance_id, 1);
}


/*
 * By name or by number: names of projects and instances begin with a letter,
 * so neither can pass for the other.
 */

static void
attest_verify_gcp_member(attest_verify_t *v, const attest_part_t *part,
    const char *what, const attest_textset_t *set, attest_span_t text,
    uint64_t number, int numbered)
{
    int     found = 0;
    char    shown[64], digits[24] = "";
    size_t  i;

    if (set->count == 0) {
        return;
    }

    if (numbered) {
        (void) snprintf(digits, sizeof(digits), "%llu",
                        (unsigned long long) number);
    }

    for (i = 0; i < set->count; i++) {
        found |= (strlen(set->value[i]) == text.n
                  && memcmp(set->value[i], text.p, text.n) == 0)
                 || strcmp(set->value[i], digits) == 0;
    }

    attest_verify_kind(v, part, what, found ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "\"%s\" of %s evidence is %s "
                       "that the policy names",
                       attest_verify_text(shown, sizeof(shown), text),
                       attest_verify_part_name(part->which),
                       found ? "one" : "none of those");
}


/* A policy about a cloud is not met by evidence of no cloud. */

void
attest_verify_clouds(attest_verify_t *v)
{
    const attest_part_t  *part = v->main;

    if (v->policy->gcp.given && !part->ak_google) {
        attest_verify_add(v, "gcp", ATTEST_CHECK_UNKNOWN,
                          "the policy wants an instance of Google's cloud, "
                          "but the evidence proves none");
    }

    if (v->policy->azure.given && part->cpu.kind != ATTEST_KIND_AZURE) {
        attest_verify_add(v, "azure", ATTEST_CHECK_UNKNOWN,
                          "the policy wants a virtual machine of Azure's, "
                          "but the evidence is of another kind");
    }
}
