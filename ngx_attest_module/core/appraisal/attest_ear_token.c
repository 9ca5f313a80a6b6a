/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The claims of an attestation result, as JSON and as CBOR, and signed.
 */


#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/appraisal/attest_ear.h"
#include "core/base/attest_base64.h"
#include "core/base/attest_cbor.h"
#include "core/crypto/attest_sign.h"


/* Labels of the claims: RFC 8392, RFC 9711, draft-ietf-rats-ear section 5. */
#define ATTEST_EAR_LABEL_IAT        6
#define ATTEST_EAR_LABEL_PROFILE    265
#define ATTEST_EAR_LABEL_SUBMODS    266
#define ATTEST_EAR_LABEL_STATUS     1000
#define ATTEST_EAR_LABEL_VECTOR     1001
#define ATTEST_EAR_LABEL_POLICY     1003
#define ATTEST_EAR_LABEL_VERIFIER   1004
#define ATTEST_EAR_LABEL_KEY        (-70002)

#define ATTEST_EAR_COSE_ALG         1
#define ATTEST_EAR_COSE_SIGN1       18

#define ATTEST_EAR_POLICY_MAX       64
#define ATTEST_EAR_POLICY_DEFAULT   "tag:ngx-attest:default-policy"


static cJSON *attest_ear_object(const attest_ear_t *ear,
    const attest_ear_about_t *about);
static cJSON *attest_ear_appraisal(const attest_ear_t *ear,
    const attest_ear_about_t *about);
static bool attest_ear_key(cJSON *to, attest_span_t key);
static int attest_ear_policy(attest_span_t policy,
    char out[ATTEST_EAR_POLICY_MAX]);
static int attest_ear_part(attest_span_t s, char *out, size_t *at);
static int attest_ear_cbor(const attest_ear_t *ear,
    const attest_ear_about_t *about, uint8_t *out, size_t *len);
static void attest_ear_cbor_appraisal(attest_cbor_writer_t *w,
    const attest_ear_t *ear, const attest_ear_about_t *about,
    const char *policy);
static int attest_ear_cose_sign(EVP_PKEY *key, attest_span_t head,
    attest_span_t claims, uint8_t sig[ATTEST_SIGN_MAX], size_t *len);


static const char *const  attest_ear_names[ATTEST_EAR_CLAIMS] = {
    "instance-identity", "configuration", "executables", "file-system",
    "hardware", "runtime-opaque", "storage-opaque", "sourced-data"
};


char *
attest_ear_json(const attest_ear_t *ear, const attest_ear_about_t *about)
{
    char   *text;
    cJSON  *root;

    root = attest_ear_object(ear, about);
    text = root != NULL ? cJSON_Print(root) : NULL;

    cJSON_Delete(root);
    return text;
}


static cJSON *
attest_ear_object(const attest_ear_t *ear, const attest_ear_about_t *about)
{
    cJSON  *root, *verifier, *submods, *one;

    root = cJSON_CreateObject();

    if (cJSON_AddStringToObject(root, "eat_profile", ATTEST_EAR_PROFILE)
        == NULL
        || cJSON_AddNumberToObject(root, "iat", (double) about->now) == NULL)
    {
        goto failed;
    }

    verifier = cJSON_AddObjectToObject(root, "ear.verifier-id");

    if (cJSON_AddStringToObject(verifier, "developer", ATTEST_EAR_DEVELOPER)
        == NULL
        || cJSON_AddStringToObject(verifier, "build", ATTEST_EAR_BUILD)
           == NULL)
    {
        goto failed;
    }

    submods = cJSON_AddObjectToObject(root, "submods");
    one = attest_ear_appraisal(ear, about);

    if (one == NULL || submods == NULL
        || !cJSON_AddItemToObject(submods, ATTEST_EAR_SUBMOD, one))
    {
        cJSON_Delete(one);
        goto failed;
    }

    return root;

failed:

    cJSON_Delete(root);
    return NULL;
}


static cJSON *
attest_ear_appraisal(const attest_ear_t *ear, const attest_ear_about_t *about)
{
    char    policy[ATTEST_EAR_POLICY_MAX];
    cJSON  *one, *vector;
    size_t  i;

    one = cJSON_CreateObject();

    if (attest_ear_policy(about->policy, policy) != ATTEST_OK
        || cJSON_AddStringToObject(one, "ear.status",
               ear->status == ATTEST_EAR_AFFIRMING ? "affirming"
               : ear->status == ATTEST_EAR_WARNING ? "warning"
               : ear->status == ATTEST_EAR_CONTRAINDICATED
               ? "contraindicated" : "none") == NULL
        || cJSON_AddStringToObject(one, "ear.appraisal-policy-id", policy)
           == NULL)
    {
        goto failed;
    }

    vector = cJSON_AddObjectToObject(one, "ear.trustworthiness-vector");

    for (i = 0; i < ATTEST_EAR_CLAIMS; i++) {
        if (ear->claims[i] != 0
            && cJSON_AddNumberToObject(vector, attest_ear_names[i],
                                       ear->claims[i]) == NULL)
        {
            goto failed;
        }
    }

    if (vector != NULL && attest_ear_key(one, about->key)) {
        return one;
    }

failed:

    cJSON_Delete(one);
    return NULL;
}


static bool
attest_ear_key(cJSON *to, attest_span_t key)
{
    char    text[ATTEST_EAR_MAX / 2];
    cJSON  *member;

    if (key.n == 0) {
        return true;
    }

    if (attest_base64_len(key.n, ATTEST_BASE64_URL) >= sizeof(text)) {
        return false;
    }

    attest_base64_encode(text, key, ATTEST_BASE64_URL);
    member = cJSON_AddObjectToObject(to, "ear.veraison.key-attestation");

    return cJSON_AddStringToObject(member, "akpub", text) != NULL;
}


/* RFC 6920 section 3: the name is the digest of the file. */

static int
attest_ear_policy(attest_span_t policy, char out[ATTEST_EAR_POLICY_MAX])
{
    uint8_t  digest[ATTEST_SHA256_LEN];

    static const char  prefix[] = "ni:///sha-256;";

    if (policy.n == 0) {
        memcpy(out, ATTEST_EAR_POLICY_DEFAULT,
               sizeof(ATTEST_EAR_POLICY_DEFAULT));
        return ATTEST_OK;
    }

    if (attest_sha256(&policy, 1, digest) != ATTEST_OK) {
        return ATTEST_EINTERNAL;
    }

    memcpy(out, prefix, sizeof(prefix));
    attest_base64_encode(out + sizeof(prefix) - 1,
                         attest_span(digest, sizeof(digest)),
                         ATTEST_BASE64_URL);
    return ATTEST_OK;
}


/* RFC 7515 section 7.1: header, claims and signature, with dots between. */

int
attest_ear_jwt(const attest_ear_t *ear, const attest_ear_about_t *about,
    EVP_PKEY *key, char out[ATTEST_EAR_MAX], size_t *len)
{
    int                       rc;
    char                      head[64], *claims;
    cJSON                    *root;
    size_t                    at = 0, n;
    uint8_t                   sig[ATTEST_SIGN_MAX];
    const attest_sign_alg_t  *alg = attest_sign_alg(key);

    if (alg == NULL) {
        return ATTEST_EUNSUPPORTED;
    }

    root = attest_ear_object(ear, about);
    claims = root != NULL ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);

    if (claims == NULL) {
        return ATTEST_EINTERNAL;
    }

    (void) strcpy(head, "{\"alg\":\"");
    (void) strcat(head, alg->jose);
    (void) strcat(head, "\",\"typ\":\"JWT\"}");

    rc = attest_ear_part(attest_span(head, strlen(head)), out, &at);

    if (rc == ATTEST_OK) {
        rc = attest_ear_part(attest_span(claims, strlen(claims)), out, &at);
    }

    cJSON_free(claims);

    if (rc == ATTEST_OK) {
        rc = attest_sign(key, attest_span(out, at), sig, &n);
    }

    if (rc == ATTEST_OK) {
        rc = attest_ear_part(attest_span(sig, n), out, &at);
    }

    *len = at;
    return rc;
}


/* Behind a dot, where something stands before it. */

static int
attest_ear_part(attest_span_t s, char *out, size_t *at)
{
    size_t  n = attest_base64_len(s.n, ATTEST_BASE64_URL);

    if (n + 2 > ATTEST_EAR_MAX - *at) {
        return ATTEST_ELIMIT;
    }

    if (*at != 0) {
        out[(*at)++] = '.';
    }

    attest_base64_encode(out + *at, s, ATTEST_BASE64_URL);
    *at += n;
    return ATTEST_OK;
}


/* COSE_Sign1, RFC 9052 section 4.2. */

int
attest_ear_cwt(const attest_ear_t *ear, const attest_ear_about_t *about,
    EVP_PKEY *key, uint8_t out[ATTEST_EAR_MAX], size_t *len)
{
    int                       rc;
    size_t                    n = ATTEST_EAR_MAX, head_len, sig_len;
    uint8_t                   head[16], sig[ATTEST_SIGN_MAX];
    uint8_t                   claims[ATTEST_EAR_MAX];
    attest_cbor_writer_t      w;
    const attest_sign_alg_t  *alg = attest_sign_alg(key);

    if (alg == NULL) {
        return ATTEST_EUNSUPPORTED;
    }

    attest_cbor_writer_init(&w, head, sizeof(head));
    attest_cbor_put_map(&w, 1);
    attest_cbor_put_uint(&w, ATTEST_EAR_COSE_ALG);
    attest_cbor_put_int(&w, alg->cose);
    (void) attest_cbor_writer_done(&w, &head_len);

    rc = attest_ear_cbor(ear, about, claims, &n);

    if (rc == ATTEST_OK) {
        rc = attest_ear_cose_sign(key, attest_span(head, head_len),
                                  attest_span(claims, n), sig, &sig_len);
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    attest_cbor_writer_init(&w, out, ATTEST_EAR_MAX);
    attest_cbor_put_tag(&w, ATTEST_EAR_COSE_SIGN1);
    attest_cbor_put_array(&w, 4);
    attest_cbor_put_bytes(&w, head, head_len);
    attest_cbor_put_map(&w, 0);
    attest_cbor_put_bytes(&w, claims, n);
    attest_cbor_put_bytes(&w, sig, sig_len);

    return attest_cbor_writer_done(&w, len) == ATTEST_OK ? ATTEST_OK
                                                         : ATTEST_ELIMIT;
}


/* Sig_structure, RFC 9052 section 4.4. */

static int
attest_ear_cose_sign(EVP_PKEY *key, attest_span_t head, attest_span_t claims,
    uint8_t sig[ATTEST_SIGN_MAX], size_t *len)
{
    int                   rc = ATTEST_ELIMIT;
    size_t                n, room = ATTEST_EAR_MAX + 64;
    uint8_t              *text;
    attest_cbor_writer_t  w;

    text = malloc(room);
    if (text == NULL) {
        return ATTEST_EINTERNAL;
    }

    attest_cbor_writer_init(&w, text, room);
    attest_cbor_put_array(&w, 4);
    attest_cbor_put_text(&w, "Signature1");
    attest_cbor_put_bytes(&w, head.p, head.n);
    attest_cbor_put_bytes(&w, NULL, 0);
    attest_cbor_put_bytes(&w, claims.p, claims.n);

    if (attest_cbor_writer_done(&w, &n) == ATTEST_OK) {
        rc = attest_sign(key, attest_span(text, n), sig, len);
    }

    free(text);
    return rc;
}


static int
attest_ear_cbor(const attest_ear_t *ear, const attest_ear_about_t *about,
    uint8_t *out, size_t *len)
{
    int                   rc;
    char                  policy[ATTEST_EAR_POLICY_MAX];
    attest_cbor_writer_t  w;

    rc = attest_ear_policy(about->policy, policy);
    if (rc != ATTEST_OK) {
        return rc;
    }

    attest_cbor_writer_init(&w, out, *len);

    attest_cbor_put_map(&w, 4);
    attest_cbor_put_uint(&w, ATTEST_EAR_LABEL_IAT);
    attest_cbor_put_int(&w, about->now);
    attest_cbor_put_uint(&w, ATTEST_EAR_LABEL_PROFILE);
    attest_cbor_put_text(&w, ATTEST_EAR_PROFILE);
    attest_cbor_put_uint(&w, ATTEST_EAR_LABEL_SUBMODS);
    attest_cbor_put_map(&w, 1);
    attest_cbor_put_text(&w, ATTEST_EAR_SUBMOD);
    attest_ear_cbor_appraisal(&w, ear, about, policy);
    attest_cbor_put_uint(&w, ATTEST_EAR_LABEL_VERIFIER);
    attest_cbor_put_map(&w, 2);
    attest_cbor_put_uint(&w, 0);
    attest_cbor_put_text(&w, ATTEST_EAR_DEVELOPER);
    attest_cbor_put_uint(&w, 1);
    attest_cbor_put_text(&w, ATTEST_EAR_BUILD);

    return attest_cbor_writer_done(&w, len) == ATTEST_OK ? ATTEST_OK
                                                         : ATTEST_ELIMIT;
}


static void
attest_ear_cbor_appraisal(attest_cbor_writer_t *w, const attest_ear_t *ear,
    const attest_ear_about_t *about, const char *policy)
{
    size_t  i, count = 0;

    for (i = 0; i < ATTEST_EAR_CLAIMS; i++) {
        count += (ear->claims[i] != 0);
    }

    attest_cbor_put_map(w, about->key.n != 0 ? 4 : 3);
    attest_cbor_put_uint(w, ATTEST_EAR_LABEL_STATUS);
    attest_cbor_put_uint(w, ear->status);
    attest_cbor_put_uint(w, ATTEST_EAR_LABEL_VECTOR);
    attest_cbor_put_map(w, count);

    for (i = 0; i < ATTEST_EAR_CLAIMS; i++) {
        if (ear->claims[i] != 0) {
            attest_cbor_put_uint(w, i);
            attest_cbor_put_int(w, ear->claims[i]);
        }
    }

    attest_cbor_put_uint(w, ATTEST_EAR_LABEL_POLICY);
    attest_cbor_put_text(w, policy);

    if (about->key.n != 0) {
        attest_cbor_put_int(w, ATTEST_EAR_LABEL_KEY);
        attest_cbor_put_map(w, 1);
        attest_cbor_put_text(w, "akpub");
        attest_cbor_put_bytes(w, about->key.p, about->key.n);
    }
}
