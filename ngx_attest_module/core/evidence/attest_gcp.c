/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What Google says of an instance in the certificate of its AK.
 */


#include <string.h>

#include "core/base/attest_der.h"
#include "core/evidence/attest_gcp.h"


#define ATTEST_GCP_TEXT       255


static attest_span_t attest_gcp_text(attest_wire_t *w);
static int attest_gcp_security(attest_wire_t *w, attest_gcp_instance_t *info,
    int *large);


/*
 * SEQUENCE { zone UTF8String, projectNumber INTEGER, projectId UTF8String,
 *            instanceId INTEGER, instanceName UTF8String,
 *            securityProperties [0] SEQUENCE { [0] version INTEGER,
 *                                              [1] production BOOLEAN, .. } }
 */

int
attest_gcp_instance_parse(const uint8_t *p, size_t n,
    attest_gcp_instance_t *info)
{
    int            rc, large = 0;
    attest_wire_t  outer, w;

    memset(info, 0, sizeof(*info));

    attest_wire_init(&outer, p, n);
    attest_der_enter(&outer, ATTEST_DER_SEQUENCE, &w);

    info->zone = attest_gcp_text(&w);
    info->project_number = attest_der_number(&w, &large);
    info->project_id = attest_gcp_text(&w);
    info->instance_id = attest_der_number(&w, &large);
    info->instance_name = attest_gcp_text(&w);

    rc = attest_wire_done(&outer);

    if (rc == ATTEST_OK && w.bad) {
        rc = ATTEST_EFORMAT;
    }

    if (rc == ATTEST_OK && w.n != 0) {
        rc = attest_gcp_security(&w, info, &large);
    }

    if (rc == ATTEST_OK && large) {
        rc = ATTEST_ELIMIT;
    }

    if (rc != ATTEST_OK) {
        memset(info, 0, sizeof(*info));
    }

    return rc;
}


/* Newer members, [2] and above, mean nothing to us and are skipped. */

static int
attest_gcp_security(attest_wire_t *w, attest_gcp_instance_t *info, int *large)
{
    uint8_t        tag, last = 0;
    attest_wire_t  outer, seq, one;

    attest_der_enter(w, ATTEST_DER_CONTEXT, &outer);
    attest_der_enter(&outer, ATTEST_DER_SEQUENCE, &seq);

    if (attest_wire_done(w) != ATTEST_OK
        || attest_wire_done(&outer) != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    info->has_security = 1;

    while (seq.n != 0) {
        tag = *seq.p;

        /* ascending, so none can be there twice */

        if ((tag & 0xe0) != ATTEST_DER_CONTEXT || tag <= last) {
            return ATTEST_EFORMAT;
        }

        last = tag;
        attest_der_enter(&seq, tag, &one);

        if (tag == ATTEST_DER_CONTEXT) {
            info->security_version = attest_der_number(&one, large);

        } else if (tag == ATTEST_DER_CONTEXT + 1) {
            info->production = attest_der_bool(&one);

        } else {
            (void) attest_wire_take(&one, one.n);
        }

        if (attest_wire_done(&one) != ATTEST_OK) {
            return ATTEST_EFORMAT;
        }
    }

    return attest_wire_done(&seq);
}


static attest_span_t
attest_gcp_text(attest_wire_t *w)
{
    size_t         i;
    attest_span_t  s = attest_der_take(w, ATTEST_DER_UTF8);

    if (s.n == 0 || s.n > ATTEST_GCP_TEXT) {
        w->bad = 1;
    }

    for (i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) {
            w->bad = 1;
        }
    }

    return s;
}


int
attest_gcp_instance_find(const X509 *cert, attest_gcp_instance_t *info)
{
    int                       at;
    ASN1_OBJECT              *oid;
    const ASN1_OCTET_STRING  *value;

    memset(info, 0, sizeof(*info));

    oid = OBJ_txt2obj(ATTEST_GCP_OID_INSTANCE, 1);
    if (oid == NULL) {
        return ATTEST_EINTERNAL;
    }

    at = X509_get_ext_by_OBJ(cert, oid, -1);

    if (at >= 0 && X509_get_ext_by_OBJ(cert, oid, at) >= 0) {
        ASN1_OBJECT_free(oid);
        return ATTEST_EFORMAT;
    }

    ASN1_OBJECT_free(oid);

    if (at < 0) {
        return ATTEST_EUNSUPPORTED;
    }

    value = X509_EXTENSION_get_data(X509_get_ext(cert, at));

    return attest_gcp_instance_parse(ASN1_STRING_get0_data(value),
                                     (size_t) ASN1_STRING_length(value),
                                     info);
}
