/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The paravisor's JSON text: its keys, and what it says of the machine.
 */


#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "core/base/attest_base64.h"
#include "core/evidence/attest_hcl.h"
#include "core/base/attest_hex.h"
#include "core/base/attest_json.h"


#define ATTEST_HCL_RSA_MIN       256       /* bytes of a modulus */
#define ATTEST_HCL_RSA_MAX       512
#define ATTEST_HCL_RSA_EXPONENT  65537


static int attest_hcl_read(const cJSON *root, attest_hcl_runtime_t *rt);
static int attest_hcl_keys(const cJSON *keys, attest_hcl_runtime_t *rt);
static int attest_hcl_key(const cJSON *jwk, EVP_PKEY **key);
static int attest_hcl_number(const cJSON *jwk, const char *name,
    uint8_t *out, size_t room, size_t *len);
static int attest_hcl_rsa(const uint8_t *n, size_t len, EVP_PKEY **key);
static int attest_hcl_machine(const cJSON *vm, attest_hcl_runtime_t *rt);
static bool attest_hcl_text(const cJSON *vm, const char *name, char *out);
static bool attest_hcl_bool(const cJSON *vm, const char *name,
    attest_hcl_bool_e *out);
static int attest_hcl_user_data(const cJSON *v, attest_hcl_runtime_t *rt);


int
attest_hcl_runtime_parse(attest_span_t json, attest_hcl_runtime_t *rt)
{
    int                                rc;
    cJSON                             *root;
    static const attest_json_rules_t   rules = {
        .max_list = ATTEST_MAX_ITEMS
    };

    memset(rt, 0, sizeof(*rt));

    if (json.n > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    rc = attest_json_parse(json, &rules, &root, NULL);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_hcl_read(root, rt);
    if (rc != ATTEST_OK) {
        attest_hcl_runtime_free(rt);
    }

    cJSON_Delete(root);
    return rc;
}


void
attest_hcl_runtime_free(attest_hcl_runtime_t *rt)
{
    EVP_PKEY_free(rt->ak);
    EVP_PKEY_free(rt->ek);
    memset(rt, 0, sizeof(*rt));
}


static int
attest_hcl_read(const cJSON *root, attest_hcl_runtime_t *rt)
{
    int           rc;
    const cJSON  *v;

    if (!cJSON_IsObject(root)) {
        return ATTEST_EFORMAT;
    }

    rc = attest_hcl_keys(cJSON_GetObjectItemCaseSensitive(root, "keys"), rt);

    v = cJSON_GetObjectItemCaseSensitive(root, "vm-configuration");
    if (rc == ATTEST_OK && v != NULL) {
        rc = attest_hcl_machine(v, rt);
    }

    v = cJSON_GetObjectItemCaseSensitive(root, "user-data");
    if (rc == ATTEST_OK && v != NULL) {
        rc = attest_hcl_user_data(v, rt);
    }

    return rc;
}


/* Two keys of one name would leave open which of them counts. */

static int
attest_hcl_keys(const cJSON *keys, attest_hcl_runtime_t *rt)
{
    int           rc;
    EVP_PKEY    **key;
    const cJSON  *jwk, *kid;

    if (!cJSON_IsArray(keys)) {
        return ATTEST_EFORMAT;
    }

    for (jwk = keys->child; jwk != NULL; jwk = jwk->next) {
        kid = cJSON_GetObjectItemCaseSensitive(jwk, "kid");

        if (!cJSON_IsObject(jwk) || !cJSON_IsString(kid)) {
            return ATTEST_EFORMAT;
        }

        if (strcmp(kid->valuestring, "HCLAkPub") == 0) {
            key = &rt->ak;

        } else if (strcmp(kid->valuestring, "HCLEkPub") == 0) {
            key = &rt->ek;

        } else {
            continue;
        }

        if (*key != NULL) {
            return ATTEST_EFORMAT;
        }

        rc = attest_hcl_key(jwk, key);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return rt->ak != NULL ? ATTEST_OK : ATTEST_EFORMAT;
}


/* RFC 7517, 7518: an RSA key; key_ops is not reliable in the field. */

static int
attest_hcl_key(const cJSON *jwk, EVP_PKEY **key)
{
    int           rc;
    size_t        n_len, e_len;
    uint8_t       n[ATTEST_HCL_RSA_MAX], e[8];
    const cJSON  *kty;

    kty = cJSON_GetObjectItemCaseSensitive(jwk, "kty");
    if (!cJSON_IsString(kty)) {
        return ATTEST_EFORMAT;
    }

    if (strcmp(kty->valuestring, "RSA") != 0) {
        return ATTEST_EUNSUPPORTED;
    }

    rc = attest_hcl_number(jwk, "n", n, sizeof(n), &n_len);

    if (rc == ATTEST_OK) {
        rc = attest_hcl_number(jwk, "e", e, sizeof(e), &e_len);
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    if (n_len < ATTEST_HCL_RSA_MIN || (n[0] & 0x80) == 0) {
        return ATTEST_ECRYPTO;
    }

    /* an even number is no modulus; TPMs make no other exponent */

    if ((n[n_len - 1] & 1) == 0) {
        return ATTEST_EFORMAT;
    }

    if (e_len != 3 || e[0] != 1 || e[1] != 0 || e[2] != 1) {
        return ATTEST_EUNSUPPORTED;
    }

    return attest_hcl_rsa(n, n_len, key);
}


/* Base64url without padding. */

static int
attest_hcl_number(const cJSON *jwk, const char *name, uint8_t *out,
    size_t room, size_t *len)
{
    const char  *text = attest_json_text(jwk, name);

    if (text == NULL
        || attest_base64_decode(attest_span_text(text), ATTEST_BASE64_URL,
                                out, room, len)
           != ATTEST_OK
        || *len == 0)
    {
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


static int
attest_hcl_rsa(const uint8_t *n, size_t len, EVP_PKEY **key)
{
    int              rc = ATTEST_EINTERNAL;
    BIGNUM          *bn;
    OSSL_PARAM      *params = NULL;
    EVP_PKEY_CTX    *ctx;
    OSSL_PARAM_BLD  *bld;

    bn = BN_bin2bn(n, (int) len, NULL);
    bld = OSSL_PARAM_BLD_new();
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

    if (bn != NULL && bld != NULL && ctx != NULL
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) == 1
        && OSSL_PARAM_BLD_push_uint(bld, OSSL_PKEY_PARAM_RSA_E,
                                    ATTEST_HCL_RSA_EXPONENT) == 1
        && (params = OSSL_PARAM_BLD_to_param(bld)) != NULL
        && EVP_PKEY_fromdata_init(ctx) == 1)
    {
        rc = EVP_PKEY_fromdata(ctx, key, EVP_PKEY_PUBLIC_KEY, params) == 1
             ? ATTEST_OK : ATTEST_ECRYPTO;
    }

    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_BLD_free(bld);
    BN_free(bn);
    return rc;
}


static int
attest_hcl_machine(const cJSON *vm, attest_hcl_runtime_t *rt)
{
    if (!cJSON_IsObject(vm)) {
        return ATTEST_EFORMAT;
    }

    if (!attest_hcl_bool(vm, "secure-boot", &rt->secure_boot)
        || !attest_hcl_bool(vm, "tpm-enabled", &rt->tpm_enabled)
        || !attest_hcl_bool(vm, "tpm-persisted", &rt->tpm_persisted)
        || !attest_hcl_bool(vm, "console-enabled", &rt->console_enabled)
        || !attest_hcl_text(vm, "vmUniqueId", rt->vm_unique_id)
        || !attest_hcl_text(vm, "root-cert-thumbprint",
                            rt->root_cert_thumbprint))
    {
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


/* 0: there, but not a text that fits. */

static bool
attest_hcl_text(const cJSON *vm, const char *name, char *out)
{
    size_t        n;
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(vm, name);
    if (v == NULL) {
        return 1;
    }

    if (!cJSON_IsString(v)) {
        return 0;
    }

    n = strlen(v->valuestring);
    if (n >= ATTEST_HCL_TEXT) {
        return 0;
    }

    memcpy(out, v->valuestring, n + 1);
    return 1;
}


static bool
attest_hcl_bool(const cJSON *vm, const char *name, attest_hcl_bool_e *out)
{
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(vm, name);
    if (v == NULL) {
        return 1;
    }

    *out = cJSON_IsTrue(v) ? ATTEST_HCL_TRUE : ATTEST_HCL_FALSE;
    return cJSON_IsBool(v);
}


/* Hex of either case. */

static int
attest_hcl_user_data(const cJSON *v, attest_hcl_runtime_t *rt)
{
    if (!cJSON_IsString(v)) {
        return ATTEST_EFORMAT;
    }

    return attest_hex_decode(attest_span_text(v->valuestring), rt->user_data,
                             sizeof(rt->user_data), &rt->user_data_len);
}
