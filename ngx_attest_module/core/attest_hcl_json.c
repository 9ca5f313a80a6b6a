
/*
 * The paravisor's JSON text.  cJSON recurses and is lax, so a first pass over
 * the bytes bounds the depth and refuses what could make two readers differ.
 */


#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include "attest_hcl.h"


#define ATTEST_HCL_RSA_MIN       256       /* bytes of a modulus */
#define ATTEST_HCL_RSA_MAX       512
#define ATTEST_HCL_RSA_EXPONENT  65537


static int attest_hcl_read(const cJSON *root, attest_hcl_runtime_t *rt);
static int attest_hcl_lex(attest_span_t json);
static size_t attest_hcl_lex_string(attest_span_t json, size_t i);
static int attest_hcl_unique(const cJSON *root);
static int attest_hcl_members(const cJSON *v);
static int attest_hcl_keys(const cJSON *keys, attest_hcl_runtime_t *rt);
static int attest_hcl_key(const cJSON *jwk, EVP_PKEY **key);
static int attest_hcl_number(const cJSON *jwk, const char *name,
    uint8_t *out, size_t room, size_t *len);
static int attest_hcl_rsa(const uint8_t *n, size_t len, EVP_PKEY **key);
static int attest_hcl_machine(const cJSON *vm, attest_hcl_runtime_t *rt);
static int attest_hcl_text(const cJSON *vm, const char *name, char *out);
static int attest_hcl_bool(const cJSON *vm, const char *name,
    attest_hcl_bool_e *out);
static int attest_hcl_user_data(const cJSON *v, attest_hcl_runtime_t *rt);


int
attest_hcl_runtime_parse(attest_span_t json, attest_hcl_runtime_t *rt)
{
    int          rc;
    char        *text;
    cJSON       *root = NULL;
    const char  *end;

    memset(rt, 0, sizeof(*rt));

    if (json.n > ATTEST_MAX_ITEM) {
        return ATTEST_ELIMIT;
    }

    rc = attest_hcl_lex(json);
    if (rc != ATTEST_OK) {
        return rc;
    }

    /* terminated, for cJSON 1.7.15 reads behind the end otherwise */

    text = malloc(json.n + 1);
    if (text == NULL) {
        return ATTEST_EINTERNAL;
    }

    memcpy(text, json.p, json.n);
    text[json.n] = '\0';

    rc = ATTEST_EFORMAT;
    root = cJSON_ParseWithOpts(text, &end, 1);

    if (root != NULL) {
        rc = attest_hcl_unique(root);
    }

    if (rc == ATTEST_OK) {
        rc = attest_hcl_read(root, rt);
    }

    if (rc != ATTEST_OK) {
        attest_hcl_runtime_free(rt);
    }

    cJSON_Delete(root);
    free(text);
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


/* Depth, characters outside of strings, strings; cJSON does the grammar. */

static int
attest_hcl_lex(attest_span_t json)
{
    size_t    i, n;
    uint8_t   c;
    unsigned  depth = 0;

    for (i = 0; i < json.n; i += n) {
        n = 1;
        c = json.p[i];

        if (c == '{' || c == '[') {
            if (++depth > ATTEST_MAX_DEPTH) {
                return ATTEST_ELIMIT;
            }

        } else if (c == '}' || c == ']') {
            depth -= (depth != 0);

        } else if (c == '"') {
            n = attest_hcl_lex_string(json, i);
            if (n == 0) {
                return ATTEST_EFORMAT;
            }

        } else if (c != '\t' && c != '\n' && c != '\r'
                   && (c < 0x20 || c > 0x7e))
        {
            return ATTEST_EFORMAT;
        }
    }

    return ATTEST_OK;
}


/* Length with both quotes; 0: no end, a control character, or \u0000. */

static size_t
attest_hcl_lex_string(attest_span_t json, size_t i)
{
    size_t  start = i;

    for (i++; i < json.n; i++) {

        if (json.p[i] == '"') {
            return i + 1 - start;
        }

        if (json.p[i] < 0x20) {
            return 0;
        }

        if (json.p[i] == '\\') {

            /* it would end a C string early and hide what follows */

            if (json.n - i > 5 && memcmp(json.p + i, "\\u0000", 6) == 0) {
                return 0;
            }

            i++;
        }
    }

    return 0;
}


/* No object of the tree has a member twice; the lexer bounded the depth. */

static int
attest_hcl_unique(const cJSON *root)
{
    int           rc;
    size_t        depth = 0;
    const cJSON  *v = root, *up[ATTEST_MAX_DEPTH + 1];

    while (v != NULL) {
        rc = attest_hcl_members(v);
        if (rc != ATTEST_OK) {
            return rc;
        }

        if (v->child != NULL) {
            if (depth == ATTEST_MAX_DEPTH) {
                return ATTEST_ELIMIT;
            }

            up[depth++] = v;
            v = v->child;
            continue;
        }

        while (v->next == NULL) {
            if (depth == 0) {
                return ATTEST_OK;
            }

            v = up[--depth];
        }

        v = v->next;
    }

    return ATTEST_OK;
}


static int
attest_hcl_members(const cJSON *v)
{
    size_t        count = 0;
    const cJSON  *a, *b;

    for (a = v->child; a != NULL; a = a->next) {

        if (++count > ATTEST_MAX_ITEMS) {
            return ATTEST_ELIMIT;
        }

        for (b = v->child; cJSON_IsObject(v) && b != a; b = b->next) {
            if (strcmp(a->string, b->string) == 0) {
                return ATTEST_EFORMAT;
            }
        }
    }

    return ATTEST_OK;
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
    const char   *end;
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(jwk, name);
    if (!cJSON_IsString(v)) {
        return ATTEST_EFORMAT;
    }

    if (sodium_base642bin(out, room, v->valuestring, strlen(v->valuestring),
                          NULL, len, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0
        || *end != '\0' || *len == 0)
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

static int
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


static int
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
    size_t       n;
    const char  *end;

    if (!cJSON_IsString(v)) {
        return ATTEST_EFORMAT;
    }

    n = strlen(v->valuestring);

    if (n > 2 * ATTEST_HCL_USER_DATA
        || sodium_hex2bin(rt->user_data, sizeof(rt->user_data),
                          v->valuestring, n, NULL, &rt->user_data_len,
                          &end) != 0
        || *end != '\0')
    {
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}
