/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AMD certificates out of a PEM file, for hosts that give none.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "core/base/attest_wire.h"
#include "providers/prov_tsm_internal.h"
#include "core/crypto/attest_x509.h"


#define ATTEST_TSM_CERTS_FILE    (64 * 1024)
#define ATTEST_TSM_ENTRY         24          /* GUID, offset, length */

typedef enum {
    ATTEST_TSM_VCEK = 0,
    ATTEST_TSM_VLEK,
    ATTEST_TSM_ASK,
    ATTEST_TSM_ARK,
    ATTEST_TSM_ROLES
} prov_tsm_role_e;


/* The bytes of the GUIDs are in the order of their text. */

static const struct {
    const char  *name;
    uint8_t      guid[16];
} prov_tsm_roles[ATTEST_TSM_ROLES] = {
    { "VCEK", { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
                0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd } },
    { "VLEK", { 0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e,
                0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1 } },
    { "ASK", { 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4,
               0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82 } },
    { "ARK", { 0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52,
               0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae } }
};


static int prov_tsm_certs_read(const char *path, uint8_t *buf, size_t *len,
    char *error);
static int prov_tsm_certs_sort(STACK_OF(X509) *certs,
    X509 *roles[ATTEST_TSM_ROLES], const char *path, char *error);
static prov_tsm_role_e prov_tsm_certs_role(X509 *cert);
static bool prov_tsm_certs_has(X509 *cert, const char *oid);
static int prov_tsm_certs_table(X509 *roles[ATTEST_TSM_ROLES],
    uint8_t **table, size_t *len);


int
prov_tsm_certs(const char *path, uint8_t **table, size_t *len, char *error)
{
    int              rc;
    size_t           n;
    X509            *roles[ATTEST_TSM_ROLES] = { NULL };
    uint8_t         *buf;
    attest_span_t    bytes;
    STACK_OF(X509)  *certs;

    buf = malloc(ATTEST_TSM_CERTS_FILE + 1);
    if (buf == NULL) {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "no memory");
        return ATTEST_EINTERNAL;
    }

    rc = prov_tsm_certs_read(path, buf, &n, error);
    if (rc != ATTEST_OK) {
        free(buf);
        return rc;
    }

    bytes = attest_span(buf, n);
    certs = attest_x509_read(bytes);
    free(buf);

    if (certs == NULL) {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "\"%.128s\" does not hold 1 to"
                 " %d certificates in PEM", path, ATTEST_MAX_CERTS);
        return ATTEST_EFORMAT;
    }

    rc = prov_tsm_certs_sort(certs, roles, path, error);

    if (rc == ATTEST_OK) {
        rc = prov_tsm_certs_table(roles, table, len);
        if (rc != ATTEST_OK) {
            snprintf(error, ATTEST_TSM_ERROR_LEN, "no memory");
        }
    }

    sk_X509_pop_free(certs, X509_free);
    return rc;
}


static int
prov_tsm_certs_read(const char *path, uint8_t *buf, size_t *len,
    char *error)
{
    FILE  *f;

    f = fopen(path, "re");
    if (f == NULL) {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "cannot open certificates"
                 " \"%.128s\": %m", path);
        return ATTEST_EARG;
    }

    *len = fread(buf, 1, ATTEST_TSM_CERTS_FILE + 1, f);

    if (ferror(f) || *len > ATTEST_TSM_CERTS_FILE) {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "certificates \"%.128s\" cannot"
                 " be read, or are longer than %d bytes", path,
                 ATTEST_TSM_CERTS_FILE);
        (void) fclose(f);
        return ATTEST_EARG;
    }

    (void) fclose(f);
    return ATTEST_OK;
}


static int
prov_tsm_certs_sort(STACK_OF(X509) *certs, X509 *roles[ATTEST_TSM_ROLES],
    const char *path, char *error)
{
    int                 i;
    X509               *cert;
    prov_tsm_role_e     role;

    for (i = 0; i < sk_X509_num(certs); i++) {
        cert = sk_X509_value(certs, i);
        role = prov_tsm_certs_role(cert);

        if (roles[role] != NULL) {
            snprintf(error, ATTEST_TSM_ERROR_LEN, "\"%.128s\" holds two"
                     " certificates of the kind %s", path,
                     prov_tsm_roles[role].name);
            return ATTEST_EFORMAT;
        }

        roles[role] = cert;
    }

    if ((roles[ATTEST_TSM_VCEK] == NULL) == (roles[ATTEST_TSM_VLEK] == NULL))
    {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "\"%.128s\" must hold one VCEK"
                 " or one VLEK", path);
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


/* VCEK and VLEK specifications: the chip's HWID, or the provider's name. */

static prov_tsm_role_e
prov_tsm_certs_role(X509 *cert)
{
    if (prov_tsm_certs_has(cert, "1.3.6.1.4.1.3704.1.4")) {
        return ATTEST_TSM_VCEK;
    }

    if (prov_tsm_certs_has(cert, "1.3.6.1.4.1.3704.1.5")) {
        return ATTEST_TSM_VLEK;
    }

    return X509_NAME_cmp(X509_get_subject_name(cert),
                         X509_get_issuer_name(cert)) == 0
           ? ATTEST_TSM_ARK : ATTEST_TSM_ASK;
}


static bool
prov_tsm_certs_has(X509 *cert, const char *oid)
{
    int           found;
    ASN1_OBJECT  *obj;

    obj = OBJ_txt2obj(oid, 1);
    if (obj == NULL) {
        return 0;
    }

    found = X509_get_ext_by_OBJ(cert, obj, -1);
    ASN1_OBJECT_free(obj);

    return found >= 0;
}


static int
prov_tsm_certs_table(X509 *roles[ATTEST_TSM_ROLES], uint8_t **table,
    size_t *len)
{
    int       der[ATTEST_TSM_ROLES];
    size_t    i, offset, size;
    uint8_t  *p, *body;

    offset = ATTEST_TSM_ENTRY;               /* the one of zeros at the end */
    size = 0;

    for (i = 0; i < ATTEST_TSM_ROLES; i++) {
        der[i] = roles[i] != NULL ? i2d_X509(roles[i], NULL) : 0;

        if (der[i] < 0) {
            return ATTEST_EINTERNAL;
        }

        offset += (der[i] != 0) ? ATTEST_TSM_ENTRY : 0;
        size += (size_t) der[i];
    }

    p = calloc(1, offset + size);
    if (p == NULL) {
        return ATTEST_EINTERNAL;
    }

    *table = p;
    *len = offset + size;
    body = p + offset;

    for (i = 0; i < ATTEST_TSM_ROLES; i++) {
        if (der[i] == 0) {
            continue;
        }

        memcpy(p, prov_tsm_roles[i].guid, 16);
        p = attest_wire_put_le(p + 16, (size_t) (body - *table), 4);
        p = attest_wire_put_le(p, (size_t) der[i], 4);

        (void) i2d_X509(roles[i], &body);
    }

    return ATTEST_OK;
}
