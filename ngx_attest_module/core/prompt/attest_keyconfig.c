/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key configurations of OHTTP and EHBP: one, or a list of them.
 */


#include <string.h>

#include "core/prompt/attest_keyconfig.h"
#include "core/base/attest_wire.h"


/* key_id, kem_id and the length of the suites: all but key and suites. */
#define ATTEST_KEYCONFIG_FIXED   (1 + 2 + 2)


static int attest_keyconfig_len(const attest_keyconfig_t *kc, size_t *len);
static int attest_keyconfig_suites(const uint8_t *p, size_t n,
    attest_keyconfig_t *kc);


/* Bytes of a bare configuration. */

static int
attest_keyconfig_len(const attest_keyconfig_t *kc, size_t *len)
{
    size_t  npk = attest_kem_pk_len(kc->kem);

    if (npk == 0) {
        return ATTEST_EUNSUPPORTED;
    }

    if (kc->pk.p == NULL || kc->pk.n != npk
        || kc->nsuites == 0 || kc->nsuites > ATTEST_KEYCONFIG_MAX_SUITES)
    {
        return ATTEST_EARG;
    }

    *len = ATTEST_KEYCONFIG_FIXED + npk + 4 * kc->nsuites;

    return ATTEST_OK;
}


int
attest_keyconfig_encode(const attest_keyconfig_t *kc, uint8_t *out,
    size_t *len)
{
    int      rc;
    size_t    i, need;
    uint8_t  *p = out;

    rc = attest_keyconfig_len(kc, &need);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (need > *len) {
        return ATTEST_ENOSPACE;
    }

    *p++ = kc->id;
    p = attest_wire_put_be16(p, kc->kem);
    memcpy(p, kc->pk.p, kc->pk.n);
    p += kc->pk.n;
    p = attest_wire_put_be16(p, 4 * kc->nsuites);

    for (i = 0; i < kc->nsuites; i++) {
        p = attest_wire_put_be16(p, kc->suites[i].kdf);
        p = attest_wire_put_be16(p, kc->suites[i].aead);
    }

    *len = need;

    return ATTEST_OK;
}


int
attest_keyconfig_encode_list(const attest_keyconfig_t *kc, size_t count,
    uint8_t *out, size_t *len)
{
    int     rc;
    size_t  i, room, n, done = 0;

    if (count == 0 || count > ATTEST_KEYCONFIG_MAX_KEYS) {
        return ATTEST_EARG;
    }

    room = *len < ATTEST_KEYCONFIG_MAX_LIST ? *len
                                            : ATTEST_KEYCONFIG_MAX_LIST;

    for (i = 0; i < count; i++) {
        if (room - done < 2) {
            return ATTEST_ENOSPACE;
        }

        n = room - done - 2;
        rc = attest_keyconfig_encode(&kc[i], out + done + 2, &n);
        if (rc != ATTEST_OK) {
            return rc;
        }

        attest_wire_put_be16(out + done, n);
        done += 2 + n;
    }

    *len = done;

    return ATTEST_OK;
}


int
attest_keyconfig_parse(const uint8_t *p, size_t n, attest_keyconfig_t *kc)
{
    size_t  npk;

    memset(kc, 0, sizeof(*kc));

    if (n < 3) {
        return ATTEST_EFORMAT;
    }

    kc->id = p[0];
    kc->kem = attest_wire_get_be16(p + 1);

    /* without the KEM the length of the key, so all the rest, is unknown */
    npk = attest_kem_pk_len(kc->kem);
    if (npk == 0) {
        return ATTEST_EUNSUPPORTED;
    }

    if (n < ATTEST_KEYCONFIG_FIXED + npk) {
        return ATTEST_EFORMAT;
    }

    kc->pk = attest_span(p + 3, npk);

    return attest_keyconfig_suites(p + 3 + npk, n - 3 - npk, kc);
}


/* HPKE Symmetric Algorithms, to the end; n is at least 2. */

static int
attest_keyconfig_suites(const uint8_t *p, size_t n, attest_keyconfig_t *kc)
{
    size_t  i, len;

    len = attest_wire_get_be16(p);
    p += 2;
    n -= 2;

    /* RFC 9458 section 3.1: 4..2^16-4 bytes, whole pairs */
    if (len != n || len == 0 || len % 4 != 0) {
        return ATTEST_EFORMAT;
    }

    if (len / 4 > ATTEST_KEYCONFIG_MAX_SUITES) {
        return ATTEST_ELIMIT;
    }

    kc->nsuites = len / 4;

    for (i = 0; i < kc->nsuites; i++) {
        kc->suites[i].kdf = attest_wire_get_be16(p + 4 * i);
        kc->suites[i].aead = attest_wire_get_be16(p + 4 * i + 2);
    }

    return ATTEST_OK;
}


int
attest_keyconfig_parse_list(const uint8_t *p, size_t n,
    attest_keyconfig_t *kc, attest_span_t *members, size_t *count)
{
    int                 rc;
    size_t              len, seen, known = 0;
    attest_span_t       member;
    attest_keyconfig_t  one;

    if (n > ATTEST_KEYCONFIG_MAX_LIST) {
        return ATTEST_ELIMIT;
    }

    for (seen = 0; n != 0; seen++) {
        if (seen == ATTEST_KEYCONFIG_MAX_KEYS) {
            return ATTEST_ELIMIT;
        }

        if (n < 2 || (len = attest_wire_get_be16(p)) > n - 2) {
            return ATTEST_EFORMAT;
        }

        member = attest_span(p + 2, len);
        p += 2 + len;
        n -= 2 + len;

        rc = attest_keyconfig_parse(member.p, member.n, &one);
        if (rc == ATTEST_EUNSUPPORTED) {
            continue;
        }

        rc = rc == ATTEST_OK && known == *count ? ATTEST_ENOSPACE : rc;
        if (rc != ATTEST_OK) {
            return rc;
        }

        kc[known] = one;
        if (members != NULL) {
            members[known] = member;
        }
        known++;
    }

    if (seen == 0) {
        return ATTEST_EFORMAT;
    }

    *count = known;

    return ATTEST_OK;
}
