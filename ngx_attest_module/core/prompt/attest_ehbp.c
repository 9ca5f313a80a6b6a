/* SPDX-License-Identifier: Apache-2.0 */

/*
 * EHBP: the keys of a request and of its response, and frames that are whole.
 */


#include <string.h>

#include <openssl/crypto.h>

#include "core/prompt/attest_ehbp.h"
#include "core/base/attest_hex.h"
#include "core/base/attest_wire.h"


#define ATTEST_EHBP_PREFIX       4        /* u32be LEN, the tag included */
#define ATTEST_EHBP_INFO         "ehbp request"
#define ATTEST_EHBP_EXPORT       "ehbp response"


static const attest_hpke_suite_t  attest_ehbp_suite = {
    ATTEST_KEM_X25519, ATTEST_KDF_HKDF_SHA256, ATTEST_AEAD_AES_256_GCM
};


static int attest_ehbp_next(const uint8_t *p, size_t n, size_t max_frame,
    size_t *frame);


int
attest_ehbp_parse_enc(const uint8_t *hex, size_t len,
    uint8_t enc[ATTEST_EHBP_ENC_LEN])
{
    return attest_hex_exact(attest_span(hex, len), enc, ATTEST_EHBP_ENC_LEN);
}


/*
 * The length field at p, and that the frame lies within n bytes.  The limit
 * comes before the end of the body: an announced length above the limit is
 * too large whether or not its bytes were sent.
 */

static int
attest_ehbp_next(const uint8_t *p, size_t n, size_t max_frame, size_t *frame)
{
    size_t  len;

    if (n < ATTEST_EHBP_PREFIX) {
        return ATTEST_EFORMAT;
    }

    len = attest_wire_get_be32(p);

    if (len > max_frame) {
        return ATTEST_ELIMIT;
    }

    if (len > n - ATTEST_EHBP_PREFIX) {
        return ATTEST_EFORMAT;
    }

    if (len != 0 && len < ATTEST_HPKE_NT) {
        return ATTEST_ECRYPTO;
    }

    *frame = len;

    return ATTEST_OK;
}


int
attest_ehbp_recipient(attest_hpke_ctx_t *ctx, const attest_kem_key_t *key,
    const uint8_t enc[ATTEST_EHBP_ENC_LEN])
{
    return attest_hpke_setup_recipient(ctx, &attest_ehbp_suite, key, enc,
                                       ATTEST_EHBP_ENC_LEN,
                                       (const uint8_t *) ATTEST_EHBP_INFO,
                                       sizeof(ATTEST_EHBP_INFO) - 1);
}


int
attest_ehbp_response(attest_aead_t *aead, const attest_hpke_ctx_t *ctx,
    const uint8_t enc[ATTEST_EHBP_ENC_LEN],
    const uint8_t nonce[ATTEST_EHBP_NONCE_LEN], int seal)
{
    uint8_t        salt[ATTEST_EHBP_ENC_LEN + ATTEST_EHBP_NONCE_LEN];
    attest_span_t  label, s;

    memcpy(salt, enc, ATTEST_EHBP_ENC_LEN);
    memcpy(salt + ATTEST_EHBP_ENC_LEN, nonce, ATTEST_EHBP_NONCE_LEN);
    s = attest_span(salt, sizeof(salt));

    label = attest_span_literal(ATTEST_EHBP_EXPORT);

    return attest_hpke_response(aead, ctx, label, ATTEST_HPKE_MAX_SECRET, s,
                                seal);
}


int
attest_ehbp_seal_frame(attest_aead_t *aead, const uint8_t *pt, size_t len,
    uint8_t *out)
{
    if (len > UINT32_MAX - ATTEST_HPKE_NT) {
        return ATTEST_ELIMIT;
    }

    attest_wire_put_be32(out, len + ATTEST_HPKE_NT);

    return attest_aead_seal(aead, NULL, 0, pt, len,
                            out + ATTEST_EHBP_PREFIX);
}


int
attest_ehbp_client(attest_hpke_ctx_t *ctx, const uint8_t *pk, size_t pk_len,
    uint8_t enc[ATTEST_EHBP_ENC_LEN])
{
    return attest_ehbp_client_with(ctx, NULL, attest_span(pk, pk_len), enc);
}


int
attest_ehbp_client_with(attest_hpke_ctx_t *ctx, attest_kem_tools_t *tools,
    attest_span_t pk, uint8_t enc[ATTEST_EHBP_ENC_LEN])
{
    return attest_hpke_setup_sender_with(ctx, tools, &attest_ehbp_suite, pk,
                                         attest_span_literal(ATTEST_EHBP_INFO),
                                         enc);
}


int
attest_ehbp_client_seal(attest_hpke_ctx_t *ctx, const uint8_t *pt, size_t len,
    uint8_t *out)
{
    if (len > UINT32_MAX - ATTEST_HPKE_NT) {
        return ATTEST_ELIMIT;
    }

    attest_wire_put_be32(out, len + ATTEST_HPKE_NT);

    return attest_hpke_seal(ctx, NULL, 0, pt, len, out + ATTEST_EHBP_PREFIX);
}


int
attest_ehbp_client_open(attest_aead_t *aead, const uint8_t *in, size_t n,
    size_t max_frame, uint8_t *out, size_t *out_len, size_t *used,
    int *marker)
{
    int     rc;
    size_t  len;

    *out_len = 0;
    *used = 0;
    *marker = 0;

    if (n < ATTEST_EHBP_PREFIX) {
        return ATTEST_OK;
    }

    rc = attest_ehbp_next(in, n, max_frame, &len);

    /* the prefix is whole, so the rest of the frame is on its way */
    if (rc == ATTEST_EFORMAT) {
        return ATTEST_OK;
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    if (len != 0) {
        rc = attest_aead_open(aead, NULL, 0, in + ATTEST_EHBP_PREFIX, len,
                              out);
        if (rc != ATTEST_OK) {
            return rc;
        }

        *out_len = len - ATTEST_HPKE_NT;
        *marker = *out_len == 0;
    }

    *used = ATTEST_EHBP_PREFIX + len;

    return ATTEST_OK;
}
