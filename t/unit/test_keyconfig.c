/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key configurations: the bytes of RFC 9458 appendix A and of EHBP, round
 * trips, every truncation, every limit.
 */


#include "unit.h"
#include "core/prompt/attest_keyconfig.h"


/* RFC 9458 appendix A: key 1, X25519, (HKDF-SHA256, AES-128-GCM),
 * (HKDF-SHA256, ChaCha20-Poly1305). */

static const char  rfc9458[] =
    "01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e798155"
    "00080001000100010003";

/* EHBP: 41 bytes, one suite. */

static const char  ehbp[] =
    "00002007a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c"
    "000400010002";


static void sample(attest_keyconfig_t *kc, uint16_t kem, size_t nsuites);
static int same(const attest_keyconfig_t *a, const attest_keyconfig_t *b);
static void test_published(void);
static void test_round_trips(void);
static void test_encode_arguments(void);
static void test_parse_refused(void);
static void test_parse_suites(void);
static void test_truncations(void);
static void test_list(void);
static void test_list_unknown(void);
static void test_list_refused(void);
static void test_list_truncations(void);
static void test_list_limits(void);


static void
sample(attest_keyconfig_t *kc, uint16_t kem, size_t nsuites)
{
    size_t          i;
    static uint8_t  pk[65];

    for (i = 0; i < sizeof(pk); i++) {
        pk[i] = (uint8_t) (i + 1);
    }

    memset(kc, 0, sizeof(*kc));
    kc->id = 0xfe;
    kc->kem = kem;
    kc->pk.p = pk;
    kc->pk.n = attest_kem_enc_len(kem);
    kc->nsuites = nsuites;

    for (i = 0; i < nsuites && i < ATTEST_KEYCONFIG_MAX_SUITES; i++) {
        kc->suites[i].kdf = (uint16_t) (0x0100 + i);
        kc->suites[i].aead = (uint16_t) (0xff00 + i);
    }
}


static int
same(const attest_keyconfig_t *a, const attest_keyconfig_t *b)
{
    size_t  i;

    if (a->id != b->id || a->kem != b->kem || a->pk.n != b->pk.n
        || memcmp(a->pk.p, b->pk.p, a->pk.n) != 0
        || a->nsuites != b->nsuites)
    {
        return 0;
    }

    for (i = 0; i < a->nsuites; i++) {
        if (a->suites[i].kdf != b->suites[i].kdf
            || a->suites[i].aead != b->suites[i].aead)
        {
            return 0;
        }
    }

    return 1;
}


static void
test_published(void)
{
    size_t              i, n, len;
    uint8_t             in[64], out[64];
    attest_keyconfig_t  kc;

    static const struct {
        const char  *hex;
        size_t       len;
        uint8_t      id;
        size_t       nsuites;
        uint16_t     first, last;
    } t[] = {
        { rfc9458, 45, 1, 2, ATTEST_AEAD_AES_128_GCM, ATTEST_AEAD_CHACHA20 },
        { ehbp, 41, 0, 1, ATTEST_AEAD_AES_256_GCM, ATTEST_AEAD_AES_256_GCM },
    };

    for (i = 0; i < 2; i++) {
        n = unit_hex(t[i].hex, in, sizeof(in));
        IS_INT(n, t[i].len, "published configuration %zu", i);
        IS_INT(attest_keyconfig_parse(in, n, &kc), ATTEST_OK, "parse");
        IS_INT(kc.id, t[i].id, "key id");
        IS_INT(kc.kem, ATTEST_KEM_X25519, "KEM");
        OK(kc.pk.n == 32 && kc.pk.p == in + 3, "public key borrowed");
        IS_INT(kc.nsuites, t[i].nsuites, "suites");
        IS_INT(kc.suites[0].kdf, ATTEST_KDF_HKDF_SHA256, "KDF");
        IS_INT(kc.suites[0].aead, t[i].first, "first AEAD");
        IS_INT(kc.suites[kc.nsuites - 1].aead, t[i].last, "last AEAD");

        len = sizeof(out);
        IS_INT(attest_keyconfig_encode(&kc, out, &len), ATTEST_OK, "encode");
        OK(len == n && memcmp(in, out, n) == 0, "the same bytes");
    }
}


static void
test_round_trips(void)
{
    size_t              s, k, len, want;
    uint8_t             out[128];
    attest_keyconfig_t  kc, back;
    const uint16_t      kems[] = { ATTEST_KEM_X25519, ATTEST_KEM_P256 };

    for (k = 0; k < 2; k++) {
        for (s = 1; s <= ATTEST_KEYCONFIG_MAX_SUITES; s++) {
            sample(&kc, kems[k], s);
            want = 5 + kc.pk.n + 4 * s;

            len = want;
            IS_INT(attest_keyconfig_encode(&kc, out, &len), ATTEST_OK,
                   "KEM %04x, %zu suites, exact room", kems[k], s);
            IS_INT(len, want, "length");
            OK(attest_keyconfig_parse(out, len, &back) == ATTEST_OK
               && same(&kc, &back), "comes back");

            memset(out, 0xee, sizeof(out));
            len = want - 1;
            IS_INT(attest_keyconfig_encode(&kc, out, &len), ATTEST_ENOSPACE,
                   "one byte less room");
            OK(out[0] == 0xee && len == want - 1, "nothing written");
        }
    }
}


static void
test_encode_arguments(void)
{
    size_t              len;
    uint8_t             out[128];
    attest_keyconfig_t  kc;

    sample(&kc, ATTEST_KEM_X25519, 0);
    len = sizeof(out);
    IS_INT(attest_keyconfig_encode(&kc, out, &len), ATTEST_EARG,
           "no suite");

    sample(&kc, ATTEST_KEM_X25519, ATTEST_KEYCONFIG_MAX_SUITES + 1);
    IS_INT(attest_keyconfig_encode(&kc, out, &len), ATTEST_EARG,
           "too many suites");

    sample(&kc, ATTEST_KEM_X25519, 1);
    kc.pk.n = 31;
    IS_INT(attest_keyconfig_encode(&kc, out, &len), ATTEST_EARG,
           "short public key");
    kc.pk.n = 65;
    IS_INT(attest_keyconfig_encode(&kc, out, &len), ATTEST_EARG,
           "long public key");

    sample(&kc, ATTEST_KEM_X25519, 1);
    kc.kem = 0x0030;
    IS_INT(attest_keyconfig_encode(&kc, out, &len), ATTEST_EUNSUPPORTED,
           "unknown KEM");
}


static void
test_parse_refused(void)
{
    size_t              n;
    uint8_t             in[64];
    attest_keyconfig_t  kc;

    n = unit_hex(ehbp, in, sizeof(in));
    in[n] = 0;
    IS_INT(attest_keyconfig_parse(in, n + 1, &kc), ATTEST_EFORMAT,
           "one byte behind");

    in[2] = 0x21;
    IS_INT(attest_keyconfig_parse(in, n, &kc), ATTEST_EUNSUPPORTED,
           "unknown KEM");
    IS_INT(attest_keyconfig_parse(in, 3, &kc), ATTEST_EUNSUPPORTED,
           "unknown KEM and nothing else");

    in[2] = 0x10;
    IS_INT(attest_keyconfig_parse(in, n, &kc), ATTEST_EFORMAT,
           "P-256 with a key of 32 bytes");

    n = unit_hex(ehbp, in + 2, sizeof(in) - 2);
    in[0] = 0;
    in[1] = (uint8_t) n;
    IS_INT(attest_keyconfig_parse(in, n + 2, &kc), ATTEST_EUNSUPPORTED,
           "a list is no bare configuration");
}


/* Every value of the length of suites over every amount that is there. */

static void
test_parse_suites(void)
{
    int                 rc, want, bad = 0;
    size_t              len, there;
    uint8_t             in[128];
    attest_keyconfig_t  kc;

    memset(in, 0, sizeof(in));
    unit_hex(ehbp, in, sizeof(in));

    for (len = 0; len < 0x10000; len++) {
        for (there = 0; there <= 40; there++) {
            in[35] = (uint8_t) (len >> 8);
            in[36] = (uint8_t) len;

            want = ATTEST_OK;
            if (len != there || len == 0 || len % 4 != 0) {
                want = ATTEST_EFORMAT;
            } else if (len > 4 * ATTEST_KEYCONFIG_MAX_SUITES) {
                want = ATTEST_ELIMIT;
            }

            rc = attest_keyconfig_parse(in, 37 + there, &kc);
            bad += rc != want || (rc == ATTEST_OK && kc.nsuites != len / 4);
        }
    }

    IS_INT(bad, 0, "length of the suites: all 65536 values, 0..40 bytes");
}


static void
test_truncations(void)
{
    int                 bad = 0;
    size_t              n, len;
    uint8_t            *exact, out[128];
    attest_keyconfig_t  kc;

    sample(&kc, ATTEST_KEM_P256, 3);
    len = sizeof(out);
    attest_keyconfig_encode(&kc, out, &len);

    for (n = 0; n < len; n++) {
        /* exactly n bytes, so that a sanitizer sees one read too many */
        exact = malloc(n + 1);
        memcpy(exact + 1, out, n);
        bad += attest_keyconfig_parse(exact + 1, n, &kc) != ATTEST_EFORMAT;
        free(exact);
    }

    IS_INT(bad, 0, "all %zu truncations refused", len);
}


static void
test_list(void)
{
    size_t              i, len, want, room, count;
    uint8_t             out[ATTEST_KEYCONFIG_MAX_LIST];
    attest_span_t       members[ATTEST_KEYCONFIG_MAX_KEYS];
    attest_keyconfig_t  kc[ATTEST_KEYCONFIG_MAX_KEYS];
    attest_keyconfig_t  back[ATTEST_KEYCONFIG_MAX_KEYS];

    for (i = 0; i < ATTEST_KEYCONFIG_MAX_KEYS; i++) {
        sample(&kc[i], i % 2 ? ATTEST_KEM_P256 : ATTEST_KEM_X25519,
               1 + i % ATTEST_KEYCONFIG_MAX_SUITES);
        kc[i].id = (uint8_t) i;
    }

    for (count = 1; count <= ATTEST_KEYCONFIG_MAX_KEYS; count++) {
        want = 0;
        for (i = 0; i < count; i++) {
            want += 2 + 5 + kc[i].pk.n + 4 * kc[i].nsuites;
        }

        for (room = 0; room < want; room++) {
            len = room;
            if (attest_keyconfig_encode_list(kc, count, out, &len)
                != ATTEST_ENOSPACE || len != room)
            {
                break;
            }
        }
        IS_INT(room, want, "list of %zu: every smaller room", count);

        len = want;
        IS_INT(attest_keyconfig_encode_list(kc, count, out, &len), ATTEST_OK,
               "exact room");
        IS_INT(len, want, "length");

        i = count;
        IS_INT(attest_keyconfig_parse_list(out, len, back, members, &i),
               ATTEST_OK, "parse");
        IS_INT(i, count, "count");

        for (i = 0; i < count; i++) {
            if (!same(&kc[i], &back[i]) || members[i].p != back[i].pk.p - 3
                || members[i].n != 5 + kc[i].pk.n + 4 * kc[i].nsuites)
            {
                break;
            }
        }
        IS_INT(i, count, "members and their bytes");
    }

    i = 1;
    IS_INT(attest_keyconfig_parse_list(out, len, back, NULL, &i),
           ATTEST_ENOSPACE, "room for one of sixteen");

    len = sizeof(out);
    IS_INT(attest_keyconfig_encode_list(kc, 0, out, &len), ATTEST_EARG,
           "an empty list is none");
    IS_INT(attest_keyconfig_encode_list(kc, ATTEST_KEYCONFIG_MAX_KEYS + 1,
                                        out, &len),
           ATTEST_EARG, "seventeen are too many");
    kc[1].nsuites = 0;
    IS_INT(attest_keyconfig_encode_list(kc, 2, out, &len), ATTEST_EARG,
           "a broken member");
}


/* RFC 9458 section 3.2: a client skips what it does not know. */

static void
test_list_unknown(void)
{
    size_t              n, count;
    uint8_t             in[256];
    attest_span_t       members[2];
    attest_keyconfig_t  kc[2];

    n = unit_hex("00050300410102" "0029", in, sizeof(in));
    n += unit_hex(ehbp, in + n, sizeof(in) - n);
    n += unit_hex("0003050030", in + n, sizeof(in) - n);

    count = 2;
    IS_INT(attest_keyconfig_parse_list(in, n, kc, members, &count),
           ATTEST_OK, "unknown, known, unknown");
    IS_INT(count, 1, "one is left");
    OK(members[0].p == in + 9 && members[0].n == 41 && kc[0].id == 0,
       "the right one");

    count = 2;
    IS_INT(attest_keyconfig_parse_list(in, 7, kc, members, &count),
           ATTEST_OK, "only an unknown one");
    IS_INT(count, 0, "none is left");

    count = 0;
    IS_INT(attest_keyconfig_parse_list(in, 7, kc, members, &count),
           ATTEST_OK, "no room needed for it");
}


static void
test_list_refused(void)
{
    size_t              n, count = 4;
    uint8_t             in[256];
    attest_keyconfig_t  kc[4];

    IS_INT(attest_keyconfig_parse_list(NULL, 0, kc, NULL, &count),
           ATTEST_EFORMAT, "empty list");

    n = unit_hex("0000", in, sizeof(in));
    IS_INT(attest_keyconfig_parse_list(in, n, kc, NULL, &count),
           ATTEST_EFORMAT, "empty member");

    n = unit_hex("0029", in, sizeof(in));
    n += unit_hex(ehbp, in + n, sizeof(in) - n);
    in[1]--;
    IS_INT(attest_keyconfig_parse_list(in, n, kc, NULL, &count),
           ATTEST_EFORMAT, "member length one less");
    in[1] += 2;
    IS_INT(attest_keyconfig_parse_list(in, n, kc, NULL, &count),
           ATTEST_EFORMAT, "member length one more");
    in[1]--;
    IS_INT(attest_keyconfig_parse_list(in, n, kc, NULL, &count), ATTEST_OK,
           "member length right");
    in[0] = 0xff;
    IS_INT(attest_keyconfig_parse_list(in, n, kc, NULL, &count),
           ATTEST_EFORMAT, "member length far beyond the end");

    n = unit_hex(ehbp, in, sizeof(in));
    IS_INT(attest_keyconfig_parse_list(in, n, kc, NULL, &count),
           ATTEST_EFORMAT, "a bare configuration is no list");
}


static void
test_list_truncations(void)
{
    int                 bad = 0;
    size_t              n, len, count;
    uint8_t            *exact, out[256];
    attest_keyconfig_t  kc[4];

    sample(&kc[0], ATTEST_KEM_X25519, 3);
    sample(&kc[1], ATTEST_KEM_P256, 1);
    len = sizeof(out);
    attest_keyconfig_encode_list(kc, 2, out, &len);

    for (n = 0; n < len; n++) {
        exact = malloc(n + 1);
        memcpy(exact + 1, out, n);
        count = 4;

        /* cut between the members the list is whole */
        if (n == 2 + 5 + 32 + 12) {
            bad += attest_keyconfig_parse_list(exact + 1, n, kc, NULL, &count)
                   != ATTEST_OK || count != 1;
        } else {
            bad += attest_keyconfig_parse_list(exact + 1, n, kc, NULL, &count)
                   != ATTEST_EFORMAT || count != 4;
        }

        free(exact);
    }

    IS_INT(bad, 0, "all %zu truncations", len);
}


static void
test_list_limits(void)
{
    size_t              i, n, count;
    uint8_t            *in;
    attest_keyconfig_t  kc[ATTEST_KEYCONFIG_MAX_KEYS + 4];

    in = calloc(1, ATTEST_KEYCONFIG_MAX_LIST + 1);

    n = ATTEST_KEYCONFIG_MAX_LIST;
    in[0] = (uint8_t) ((n - 2) >> 8);
    in[1] = (uint8_t) (n - 2);
    in[4] = 0x99;
    count = 1;
    IS_INT(attest_keyconfig_parse_list(in, n, kc, NULL, &count), ATTEST_OK,
           "the longest list");
    in[1]++;
    IS_INT(attest_keyconfig_parse_list(in, n + 1, kc, NULL, &count),
           ATTEST_ELIMIT, "one byte more");

    for (i = 0; i <= ATTEST_KEYCONFIG_MAX_KEYS; i++) {
        unit_hex("0003010099", in + 5 * i, 5);
    }

    count = sizeof(kc) / sizeof(kc[0]);
    IS_INT(attest_keyconfig_parse_list(in, 5 * ATTEST_KEYCONFIG_MAX_KEYS, kc,
                                       NULL, &count),
           ATTEST_OK, "sixteen members, skipped ones");
    count = sizeof(kc) / sizeof(kc[0]);
    IS_INT(attest_keyconfig_parse_list(in,
                                       5 * (ATTEST_KEYCONFIG_MAX_KEYS + 1),
                                       kc, NULL, &count),
           ATTEST_ELIMIT, "seventeen");

    free(in);
}


int
main(void)
{
    test_published();
    test_round_trips();
    test_encode_arguments();
    test_parse_refused();
    test_parse_suites();
    test_truncations();
    test_list();
    test_list_unknown();
    test_list_refused();
    test_list_truncations();
    test_list_limits();

    DONE();
}
