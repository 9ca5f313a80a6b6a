/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HKDF of SHA-256 over input in parts.
 */


#include <string.h>

#include <openssl/crypto.h>

#include "core/crypto/attest_hkdf.h"
#include "core/base/attest_wire.h"


/* HKDF-Expand over the concatenation of the parts, RFC 5869 section 2.3. */

int
attest_hkdf_expand_parts(attest_hmac_t *h, const uint8_t prk[ATTEST_SHA256_LEN],
    const attest_span_t *parts, size_t count, uint8_t *out, size_t len)
{
    int            rc = ATTEST_OK;
    size_t         i, n, done;
    uint8_t        t[ATTEST_SHA256_LEN], counter = 0;
    attest_span_t  in[ATTEST_HKDF_MAX_PARTS + 2];

    if (len > ATTEST_HKDF_MAX || count > ATTEST_HKDF_MAX_PARTS) {
        return ATTEST_EARG;
    }

    in[0] = ATTEST_NO_SPAN;
    for (i = 0; i < count; i++) {
        in[i + 1] = parts[i];
    }
    in[count + 1] = attest_span(&counter, 1);

    for (done = 0; done < len; done += n) {
        counter++;
        rc = attest_hmac(h, attest_span(prk, ATTEST_SHA256_LEN), in, count + 2,
                         t);
        if (rc != ATTEST_OK) {
            OPENSSL_cleanse(out, len);
            break;
        }

        n = len - done < sizeof(t) ? len - done : sizeof(t);
        memcpy(out + done, t, n);
        in[0] = attest_span(t, sizeof(t));
    }

    OPENSSL_cleanse(t, sizeof(t));

    return rc;
}


int
attest_hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *ikm,
    size_t ikm_len, uint8_t prk[ATTEST_SHA256_LEN])
{
    int            rc;
    attest_span_t  in;
    attest_hmac_t  h;

    rc = attest_hmac_init(&h, NULL, NULL);
    if (rc != ATTEST_OK) {
        return rc;
    }

    /*
     * A missing salt is HashLen zeros (RFC 5869 section 2.2); HMAC pads a
     * short key with zeros, so an empty key is the same.
     */
    in = attest_span(ikm, ikm_len);
    rc = attest_hmac(&h, attest_span(salt, salt_len), &in, 1, prk);

    attest_hmac_free(&h);

    return rc;
}


int
attest_hkdf_expand(const uint8_t prk[ATTEST_SHA256_LEN], const uint8_t *info,
    size_t info_len, uint8_t *out, size_t len)
{
    int            rc;
    attest_span_t  in;
    attest_hmac_t  h;

    rc = attest_hmac_init(&h, NULL, NULL);
    if (rc != ATTEST_OK) {
        return rc;
    }

    in = attest_span(info, info_len);
    rc = attest_hkdf_expand_parts(&h, prk, &in, 1, out, len);

    attest_hmac_free(&h);

    return rc;
}


int
attest_hkdf_labeled_extract(const attest_labeled_t *l, attest_span_t salt,
    const char *label, attest_span_t ikm, uint8_t prk[ATTEST_SHA256_LEN])
{
    attest_span_t  in[4];

    in[0] = attest_span("HPKE-v1", 7);
    in[1] = attest_span(l->id, l->id_len);
    in[2] = attest_span(label, strlen(label));
    in[3] = ikm;

    return attest_hmac(l->hmac, salt, in, 4, prk);
}


int
attest_hkdf_labeled_expand(const attest_labeled_t *l,
    const uint8_t prk[ATTEST_SHA256_LEN], const char *label, attest_span_t info,
    uint8_t *out, size_t len)
{
    uint8_t        size[2];
    attest_span_t  in[ATTEST_HKDF_MAX_PARTS];

    if (len > ATTEST_HKDF_MAX) {
        return ATTEST_EARG;
    }

    (void) attest_wire_put_be16(size, len);

    in[0] = attest_span(size, sizeof(size));
    in[1] = attest_span("HPKE-v1", 7);
    in[2] = attest_span(l->id, l->id_len);
    in[3] = attest_span(label, strlen(label));
    in[4] = info;

    return attest_hkdf_expand_parts(l->hmac, prk, in, 5, out, len);
}
