/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Opens a request of EHBP as its bytes come, frame by frame, in any pieces.
 */


#include <string.h>

#include <openssl/crypto.h>

#include "core/prompt/attest_ehbp.h"
#include "core/base/attest_wire.h"


#define ATTEST_EHBP_PREFIX  4             /* u32be LEN, the tag included */


static int attest_ehbp_opener_fail(attest_ehbp_opener_t *op, int rc);
static int attest_ehbp_opener_prefix(attest_ehbp_opener_t *op,
    const uint8_t *in, size_t n, size_t *used);
static int attest_ehbp_opener_length(attest_ehbp_opener_t *op, size_t len);
static int attest_ehbp_opener_limit(attest_ehbp_opener_t *op,
    attest_ehbp_why_e why);
static int attest_ehbp_opener_framing(attest_ehbp_opener_t *op, size_t n);
static int attest_ehbp_opener_frame(attest_ehbp_opener_t *op,
    const uint8_t *in, size_t n, size_t *used);
static int attest_ehbp_opener_open(attest_ehbp_opener_t *op,
    const uint8_t *ct);
static int attest_ehbp_opener_keys(attest_ehbp_opener_t *op,
    const uint8_t *ct, uint8_t *out);
static int attest_ehbp_opener_key(attest_ehbp_opener_t *op, size_t i,
    const uint8_t *ct, uint8_t *out);


void
attest_ehbp_opener_init(attest_ehbp_opener_t *op,
    const uint8_t enc[ATTEST_EHBP_ENC_LEN],
    const attest_ehbp_limits_t *limits)
{
    memset(op, 0, sizeof(*op));

    memcpy(op->enc, enc, ATTEST_EHBP_ENC_LEN);
    op->limits = *limits;
}


int
attest_ehbp_opener_feed(attest_ehbp_opener_t *op, const uint8_t *in, size_t n,
    size_t *used)
{
    int     rc = ATTEST_OK;
    size_t  k;

    *used = 0;

    if (op->rc != ATTEST_OK) {
        return op->rc;
    }

    while (rc == ATTEST_OK && *used < n) {
        if (op->prefix_len < ATTEST_EHBP_PREFIX) {
            rc = attest_ehbp_opener_prefix(op, in + *used, n - *used, &k);

        } else {
            rc = attest_ehbp_opener_frame(op, in + *used, n - *used, &k);
        }

        *used += k;
    }

    if (rc == ATTEST_OK || rc == ATTEST_ENOSPACE) {
        return rc;
    }

    return attest_ehbp_opener_fail(op, rc);
}


/* What is left behind the plaintext may be ciphertext under our key. */

static int
attest_ehbp_opener_fail(attest_ehbp_opener_t *op, int rc)
{
    if (op->have != 0) {
        OPENSSL_cleanse(op->buf + op->plain, op->have);
    }

    op->have = 0;
    op->rc = rc;

    return rc;
}


static int
attest_ehbp_opener_prefix(attest_ehbp_opener_t *op, const uint8_t *in,
    size_t n, size_t *used)
{
    size_t  k = ATTEST_EHBP_PREFIX - op->prefix_len;

    k = n < k ? n : k;
    memcpy(op->prefix + op->prefix_len, in, k);
    op->prefix_len += (unsigned) k;
    *used = k;

    if (op->prefix_len < ATTEST_EHBP_PREFIX) {
        return ATTEST_OK;
    }

    return attest_ehbp_opener_length(op, attest_wire_get_be32(op->prefix));
}


/*
 * Nobody has signed the length: it is held against the limits before a byte
 * of the frame is looked at.  How many frames there are is not limited but by
 * what lies around them, each byte of which has to be sent.
 */

static int
attest_ehbp_opener_length(attest_ehbp_opener_t *op, size_t len)
{
    int  rc;

    rc = attest_ehbp_opener_framing(op, ATTEST_EHBP_PREFIX);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (len == 0) {
        op->prefix_len = 0;
        return ATTEST_OK;
    }

    if (len < ATTEST_HPKE_NT) {
        return op->hpke.cipher != NULL ? ATTEST_EMISMATCH : ATTEST_ECRYPTO;
    }

    if (len - ATTEST_HPKE_NT > op->limits.max_plain - op->plain) {
        return attest_ehbp_opener_limit(op, ATTEST_EHBP_PLAIN);
    }

    op->need = len;

    return attest_ehbp_opener_framing(op, ATTEST_HPKE_NT);
}


static int
attest_ehbp_opener_framing(attest_ehbp_opener_t *op, size_t n)
{
    if (n > op->limits.max_framing - op->framing) {
        return attest_ehbp_opener_limit(op, ATTEST_EHBP_FRAMING);
    }

    op->framing += n;

    return ATTEST_OK;
}


static int
attest_ehbp_opener_limit(attest_ehbp_opener_t *op, attest_ehbp_why_e why)
{
    op->why = why;

    return ATTEST_ELIMIT;
}


/* Gathers a frame, or opens it from where it lies when all of it is there. */

static int
attest_ehbp_opener_frame(attest_ehbp_opener_t *op, const uint8_t *in,
    size_t n, size_t *used)
{
    size_t  space, max = op->need - op->have;

    *used = 0;
    n = n < max ? n : max;

    if (n == op->need) {

        if (n - ATTEST_HPKE_NT > op->room - op->plain) {
            return ATTEST_ENOSPACE;
        }

        *used = n;
        return attest_ehbp_opener_open(op, in);
    }

    space = op->room - op->plain - op->have;

    if (space == 0) {
        return ATTEST_ENOSPACE;
    }

    n = n < space ? n : space;

    memcpy(op->buf + op->plain + op->have, in, n);
    op->have += n;
    *used = n;

    return op->have == op->need
           ? attest_ehbp_opener_open(op, op->buf + op->plain) : ATTEST_OK;
}


static int
attest_ehbp_opener_open(attest_ehbp_opener_t *op, const uint8_t *ct)
{
    int       rc;
    uint8_t  *out = op->buf + op->plain;

    if (op->hpke.cipher == NULL) {
        rc = attest_ehbp_opener_keys(op, ct, out);

    } else {
        rc = attest_hpke_open(&op->hpke, NULL, 0, ct, op->need, out);
        rc = rc == ATTEST_ECRYPTO ? ATTEST_EMISMATCH : rc;
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    op->plain += op->need - ATTEST_HPKE_NT;
    op->have = 0;
    op->prefix_len = 0;

    return ATTEST_OK;
}


static int
attest_ehbp_opener_keys(attest_ehbp_opener_t *op, const uint8_t *ct,
    uint8_t *out)
{
    int     rc = ATTEST_EARG;
    size_t  i;

    for (i = 0; i < op->nkeys; i++) {
        rc = attest_ehbp_opener_key(op, i, ct, out);

        if (rc == ATTEST_OK) {
            op->which = i;
            return ATTEST_OK;
        }

        attest_hpke_ctx_clear(&op->hpke);

        if (rc != ATTEST_ECRYPTO || op->why == ATTEST_EHBP_BAD_ENC) {
            break;
        }
    }

    return rc;
}


static int
attest_ehbp_opener_key(attest_ehbp_opener_t *op, size_t i, const uint8_t *ct,
    uint8_t *out)
{
    int  rc;

    rc = attest_ehbp_recipient(&op->hpke, op->keys[i], op->enc);

    if (rc != ATTEST_OK) {
        op->why = rc == ATTEST_ECRYPTO ? ATTEST_EHBP_BAD_ENC : op->why;
        return rc;
    }

    /* a failure would take the ciphertext away from the keys to come */

    if (ct == out && i + 1 < op->nkeys) {
        rc = attest_hpke_probe(&op->hpke, ct, op->need);
    }

    if (rc == ATTEST_OK) {
        rc = attest_hpke_open(&op->hpke, NULL, 0, ct, op->need, out);
    }

    return rc;
}


int
attest_ehbp_opener_finish(attest_ehbp_opener_t *op)
{
    if (op->rc != ATTEST_OK) {
        return op->rc;
    }

    if (op->prefix_len != 0 || op->hpke.cipher == NULL) {
        return attest_ehbp_opener_fail(op, ATTEST_EFORMAT);
    }

    return ATTEST_OK;
}


void
attest_ehbp_opener_clear(attest_ehbp_opener_t *op)
{
    attest_hpke_ctx_clear(&op->hpke);
    OPENSSL_cleanse(op, sizeof(*op));
}
