/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Claims: their one encoding, what is refused, and the digests by which
 * evidence binds them.
 */

#include "unit.h"

#include "core/evidence/attest_claims.h"


typedef struct {
    int           rc;
    const char   *hex;
    const char   *what;
} case_t;


static void fill(attest_claims_t *c, int fresh);
static int parse_hex(const char *hex, attest_claims_t *c);
static void test_vector(int fresh, const char *hex, const char *sha256,
    const char *extra, const char *gpu);
static void test_vectors(void);
static void test_minimal(void);
static void test_algorithms(void);
static void test_subsets(void);
static void test_arguments(void);
static void test_refused(void);
static void test_taken(void);
static void test_truncation(void);


#define H11  "11111111111111111111111111111111" \
             "11111111111111111111111111111111"
#define H33  "33333333333333333333333333333333" \
             "33333333333333333333333333333333"
#define H44  "44444444444444444444444444444444" \
             "44444444444444444444444444444444"
#define N32  "000102030405060708090a0b0c0d0e0f" \
             "101112131415161718191a1b1c1d1e1f"

/* the keys, encoded */

#define NONCE      "656e6f6e6365"
#define PUBKEY     "6b7075626b65792d68617368"
#define CONFIG     "746e67782d6174746573742e76312f636f6e666967"
#define VALIDITY   "766e67782d6174746573742e76312f76616c6964697479"
#define EXPORTER   "781a6e67782d6174746573742e76312f746c732d6578706f72746572"

/* pubkey-hash with its value */

#define PK         PUBKEY "582482015820" H11
#define TIMES      "000000006a445880" "000000006a45aa00"

static const char  cached[] =
    "a46b7075626b65792d6861736858248201582011111111111111111111111111111111"
    "11111111111111111111111111111111746e67782d6174746573742e76312f636f6e66"
    "6967582033333333333333333333333333333333333333333333333333333333333333"
    "33766e67782d6174746573742e76312f76616c696469747950000000006a4458800000"
    "00006a45aa00776e67782d6174746573742e76312f68706b652d6b6579735820222222"
    "2222222222222222222222222222222222222222222222222222222222";

static const char  fresh[] =
    "a7656e6f6e63655820000102030405060708090a0b0c0d0e0f10111213141516171819"
    "1a1b1c1d1e1f6b7075626b65792d686173685824820158201111111111111111111111"
    "111111111111111111111111111111111111111111716e67782d6174746573742e7631"
    "2f67707558205555555555555555555555555555555555555555555555555555555555"
    "555555746e67782d6174746573742e76312f636f6e6669675820333333333333333333"
    "3333333333333333333333333333333333333333333333766e67782d6174746573742e"
    "76312f76616c696469747950000000006a445880000000006a45aa00776e67782d6174"
    "746573742e76312f68706b652d6b657973582022222222222222222222222222222222"
    "22222222222222222222222222222222781a6e67782d6174746573742e76312f746c73"
    "2d6578706f727465725820444444444444444444444444444444444444444444444444"
    "4444444444444444";


int
main(void)
{
    test_vectors();
    test_minimal();
    test_algorithms();
    test_subsets();
    test_arguments();
    test_refused();
    test_taken();
    test_truncation();
    DONE();
}


static void
fill(attest_claims_t *c, int is_fresh)
{
    size_t  i;

    memset(c, 0, sizeof(attest_claims_t));

    c->pubkey_hash_alg = 1;
    c->pubkey_hash_len = 32;
    memset(c->pubkey_hash, 0x11, 32);
    c->has_hpke_keys = 1;
    memset(c->hpke_keys, 0x22, 32);
    c->has_config = 1;
    memset(c->config, 0x33, 32);
    c->has_validity = 1;
    c->not_before = 1782864000;
    c->not_after = 1782950400;

    if (!is_fresh) {
        return;
    }

    c->nonce_len = 32;
    for (i = 0; i < 32; i++) {
        c->nonce[i] = (uint8_t) i;
    }
    c->has_exporter = 1;
    memset(c->exporter, 0x44, 32);
    c->has_gpu = 1;
    memset(c->gpu, 0x55, 32);
}


/* The input lies in memory of its exact size, so that ASan sees overreads. */

static int
parse_hex(const char *hex, attest_claims_t *c)
{
    int                     rc;
    size_t                  n = strlen(hex) / 2;
    uint8_t                *buf = malloc(n ? n : 1);
    static attest_claims_t  zero;

    unit_hex(hex, buf, n);
    rc = attest_claims_parse(buf, n, c);
    if (rc != ATTEST_OK && memcmp(c, &zero, sizeof(zero)) != 0) {
        rc = -100;
    }
    free(buf);
    return rc;
}


static void
test_vector(int is_fresh, const char *hex, const char *sha256,
    const char *extra, const char *gpu)
{
    size_t            n, len;
    uint8_t           out[ATTEST_CLAIMS_MAX], want[ATTEST_CLAIMS_MAX];
    uint8_t           hash[64], expect[64];
    attest_claims_t   c, back;

    fill(&c, is_fresh);
    n = unit_hex(hex, want, sizeof(want));
    len = sizeof(out);
    IS_INT(attest_claims_encode(&c, out, &len), ATTEST_OK, "encode");
    IS_INT(len, is_fresh ? 358 : 204, "length");
    OK(len == n && memcmp(out, want, n) == 0, "the bytes");

    memset(expect, 0, sizeof(expect));
    unit_hex(sha256, expect, 32);
    memset(hash, 0xaa, sizeof(hash));
    IS_INT(attest_claims_report_data(out, len, hash), ATTEST_OK,
           "report_data");
    IS_MEM(hash, expect, 64, "is the hash and 32 zero bytes");

    unit_hex(extra, expect, 32);
    IS_INT(attest_claims_tpm_extra(out, len,
                                   (const uint8_t *) "\xde\xad\xbe\xef",
                                   is_fresh ? 4 : 0, hash), ATTEST_OK,
           "extraData");
    IS_MEM(hash, expect, 32, "of the TPM");

    unit_hex(gpu, expect, 32);
    IS_INT(attest_claims_gpu_nonce(&c, hash), ATTEST_OK, "nonce");
    IS_MEM(hash, expect, 32, "of the GPU");

    IS_INT(parse_hex(hex, &back), ATTEST_OK, "parse");
    IS_MEM(&back, &c, sizeof(c), "all claims come back");
}


static void
test_vectors(void)
{
    uint8_t  a[32], b[32];

    test_vector(0, cached,
        "c6be919b7fee28f3a78f8ddf3363c0019435ca1a4de3955f188f9c47383cdce2",
        "fc40a455a150d56b9c90ca2b9c2b6146fff8077e41bcee06c0ccbe57f93b6b1a",
        "534c54b25bbf9e118870d046e2e0120ec5f9c6f071f5c11ce39e0d1a8f40c81f");
    test_vector(1, fresh,
        "51c688e864ee60d9e73f392ffc597a65d87401c5e6eaea9de061b4e543c21192",
        "4a2091267bd641d08cc8c25fba9cc4ad915a6491942a3143125036a8554dfb15",
        "5480d97c6ae63bae24050d5c45e1574594c9f5761e61f6726b80f8b813590dda");

    attest_claims_tpm_extra((const uint8_t *) "x", 1, NULL, 0, a);
    attest_claims_tpm_extra((const uint8_t *) "x", 1, (uint8_t *) "", 0, b);
    IS_MEM(a, b, 32, "no CPU evidence is the empty string");
}


static void
test_minimal(void)
{
    size_t            len, n;
    uint8_t           out[64], want[64], hash[64], expect[32];
    attest_claims_t   c, back;

    memset(&c, 0, sizeof(c));
    c.pubkey_hash_alg = 1;
    c.pubkey_hash_len = 32;
    memset(c.pubkey_hash, 0x11, 32);

    len = sizeof(out);
    n = unit_hex("a1" PK, want, sizeof(want));
    IS_INT(attest_claims_encode(&c, out, &len), ATTEST_OK,
           "pubkey-hash alone");
    OK(n == 51 && len == 51 && memcmp(out, want, 51) == 0, "is 51 bytes");

    attest_claims_report_data(out, len, hash);
    unit_hex("69187b81e3fce9c7596c5da9d78ae13fce7ceab7aeb591e30de8557d6aff"
             "6205", expect, sizeof(expect));
    IS_MEM(hash, expect, 32, "with the hash that others compute");
    IS_INT(parse_hex("a1" PK, &back), ATTEST_OK, "parse");
    IS_MEM(&back, &c, sizeof(c), "the same");
    IS_INT(attest_claims_gpu_nonce(&c, hash), ATTEST_EARG,
           "no GPU nonce without nonce or validity");
}


static void
test_algorithms(void)
{
    size_t            i, len;
    uint8_t           out[128];
    attest_claims_t   c, back;

    static const unsigned  algs[3][2] = { { 1, 32 }, { 7, 48 }, { 8, 64 } };

    for (i = 0; i < 3; i++) {
        memset(&c, 0, sizeof(c));
        c.pubkey_hash_alg = algs[i][0];
        c.pubkey_hash_len = algs[i][1];
        memset(c.pubkey_hash, 0x66, c.pubkey_hash_len);
        len = sizeof(out);
        IS_INT(attest_claims_encode(&c, out, &len), ATTEST_OK,
               "algorithm %u", algs[i][0]);
        OK(attest_claims_parse(out, len, &back) == ATTEST_OK
           && memcmp(&back, &c, sizeof(c)) == 0, "comes back");
    }
}


/* Every set of optional claims, every nonce length. */

static void
test_subsets(void)
{
    int               good = 1;
    size_t            i, len, need;
    uint8_t          *out;
    attest_claims_t   c, back;

    for (i = 0; i < 32 * 34; i++) {
        fill(&c, 1);
        c.nonce_len = (i / 32 == 33) ? 0 : 32 + i / 32;
        memset(c.nonce, 0, sizeof(c.nonce));
        memset(c.nonce, 0x77, c.nonce_len);

        if (!(i & 1)) {
            c.has_gpu = 0;
            memset(c.gpu, 0, 32);
        }
        if (!(i & 2)) {
            c.has_config = 0;
            memset(c.config, 0, 32);
        }
        if (!(i & 4)) {
            c.has_validity = 0;
            c.not_before = c.not_after = 0;
        }
        if (!(i & 8)) {
            c.has_hpke_keys = 0;
            memset(c.hpke_keys, 0, 32);
        }
        if (!(i & 16)) {
            c.has_exporter = 0;
            memset(c.exporter, 0, 32);
        }

        need = 0;
        if (attest_claims_encode(&c, NULL, &need) != ATTEST_ENOSPACE) {
            good = 0;
        }

        out = malloc(need);
        len = need - 1;
        if (attest_claims_encode(&c, out, &len) != ATTEST_ENOSPACE
            || len != need
            || attest_claims_encode(&c, out, &len) != ATTEST_OK
            || len != need || len > ATTEST_CLAIMS_MAX
            || attest_claims_parse(out, len, &back) != ATTEST_OK
            || memcmp(&back, &c, sizeof(c)) != 0)
        {
            good = 0;
        }
        free(out);
    }

    OK(good, "every subset is measured, written and read");
}


static void
test_arguments(void)
{
    size_t            i, len;
    uint8_t           out[ATTEST_CLAIMS_MAX];
    attest_claims_t   c;

    for (i = 0; i < 7; i++) {
        fill(&c, 1);

        switch (i) {
        case 0:
            c.pubkey_hash_len = 0;
            break;
        case 1:
            c.pubkey_hash_len = 48;
            break;
        case 2:
            c.pubkey_hash_alg = 2;
            break;
        case 3:
            c.nonce_len = 31;
            break;
        case 4:
            c.nonce_len = 65;
            break;
        case 5:
            c.not_before = c.not_after + 1;
            break;
        case 6:
            c.pubkey_hash_alg = 0;
            c.pubkey_hash_len = 0;
            break;
        }

        len = sizeof(out);
        IS_INT(attest_claims_encode(&c, out, &len), ATTEST_EARG,
               "wrong claims, %zu", i);
        IS_INT(attest_claims_gpu_nonce(&c, out), ATTEST_EARG,
               "no GPU nonce for them");
    }
}


static void
test_refused(void)
{
    size_t            i;
    attest_claims_t   c;

    static const case_t  cases[] = {
        { ATTEST_EFORMAT, "", "nothing" },
        { ATTEST_EFORMAT, "a0", "no claim" },
        { ATTEST_EFORMAT, "80", "no map" },
        { ATTEST_EFORMAT, "a1" CONFIG "5820" H33, "no pubkey-hash" },
        { ATTEST_EFORMAT, "a1" PK "00", "bytes behind" },
        { ATTEST_EFORMAT, "a2" PK PK, "the same key twice" },
        { ATTEST_EFORMAT, "a2" PK NONCE "5820" N32, "unsorted" },
        { ATTEST_EFORMAT, "a3" PK "616140" VALIDITY "50" TIMES,
          "an unknown key out of order" },
        { ATTEST_EFORMAT, "a3" "616140" "616140" PK,
          "an unknown key twice" },
        { ATTEST_EFORMAT, "bf" PK "ff", "indefinite map" },
        { ATTEST_EFORMAT, "a17f" PK "ff", "indefinite key" },
        { ATTEST_EFORMAT, "a1" PUBKEY "5f5824" "82015820" H11 "ff",
          "indefinite value" },
        { ATTEST_EFORMAT, "a1" PUBKEY "58259f015820" H11 "ff",
          "indefinite inner array" },
        { ATTEST_EFORMAT, "b801" PK, "longer head of the map" },
        { ATTEST_EFORMAT, "a1780b7075626b65792d68617368" "582482015820" H11,
          "longer head of a key" },
        { ATTEST_EFORMAT, "a1" PUBKEY "59002482015820" H11,
          "longer head of a value" },
        { ATTEST_EFORMAT, "a1" PUBKEY "58258218015820" H11,
          "longer head of the algorithm" },
        { ATTEST_EFORMAT, "a1" PUBKEY "582582015820" H11 "00",
          "bytes behind the inner array" },
        { ATTEST_EFORMAT, "a1" PUBKEY "582583015820" H11 "00",
          "three inner entries" },
        { ATTEST_EFORMAT, "a1" PUBKEY "428101", "one inner entry" },
        { ATTEST_EFORMAT, "a1" PUBKEY "582482205820" H11,
          "negative algorithm" },
        { ATTEST_EFORMAT, "a1" PUBKEY "582482017820" H11, "hash is text" },
        { ATTEST_EFORMAT, "a1" PUBKEY "582482075820" H11,
          "length of another algorithm" },
        { ATTEST_EFORMAT, "a1" PUBKEY "82015820" H11, "array as value" },
        { ATTEST_EFORMAT, "a1" PUBKEY "40", "empty pubkey-hash" },
        { ATTEST_EFORMAT, "a2" NONCE "7820" N32 PK, "nonce is text" },
        { ATTEST_EFORMAT, "a2" NONCE "40" PK, "empty nonce" },
        { ATTEST_EFORMAT, "a2" NONCE "581f" "00010203040506070809"
          "0a0b0c0d0e0f101112131415161718191a1b1c1d1e" PK,
          "nonce of 31 bytes" },
        { ATTEST_EFORMAT, "a2" NONCE "5841" N32 N32 "20" PK,
          "nonce of 65 bytes" },
        { ATTEST_EFORMAT, "a2" PK "61" "01" "01", "a value is a number" },
        { ATTEST_EFORMAT, "a2" "0140" PK, "a key is a number" },
        { ATTEST_EFORMAT, "a2" "4161" "40" PK, "a key is bytes" },
        { ATTEST_EFORMAT, "a2" "61ff" "40" PK, "a key is not UTF-8" },
        { ATTEST_EFORMAT, "a2" PK CONFIG "40", "empty hash" },
        { ATTEST_EFORMAT, "a2" PK CONFIG "5821" H33 "33", "33-byte hash" },
        { ATTEST_EFORMAT, "a2" PK EXPORTER "581f" "00010203040506070809"
          "0a0b0c0d0e0f101112131415161718191a1b1c1d1e", "31-byte exporter" },
        { ATTEST_EFORMAT, "a2" PK VALIDITY "48" "000000006a445880",
          "validity without an end" },
        { ATTEST_EFORMAT, "a2" PK VALIDITY "51" TIMES "00",
          "validity of 17 bytes" },
        { ATTEST_EFORMAT, "a2" PK VALIDITY "50" "000000006a445880"
          "000000006a44587f", "validity backwards" },
        { ATTEST_EUNSUPPORTED, "a1" PUBKEY "582482025820" H11,
          "an algorithm that we lack" },
        { ATTEST_EUNSUPPORTED, "a1" PUBKEY "582c821b00000001000000015820" H11,
          "algorithm 2^32 + 1" },
        { ATTEST_ELIMIT, "b841", "65 claims" },
        { ATTEST_EFORMAT, "a16a7075626b65792d686173" "582482015820" H11,
          "a beginning of pubkey-hash is not it" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        IS_INT(parse_hex(cases[i].hex, &c), cases[i].rc, "refused: %s",
               cases[i].what);
    }
}


static void
test_taken(void)
{
    char              hex[2 * (ATTEST_CLAIMS_MAX + 1) + 1];
    size_t            n;
    attest_claims_t   c;

    IS_INT(parse_hex("a3" "616140" PK "626162" "4100", &c), ATTEST_EFORMAT,
           "unknown keys must be sorted too");
    IS_INT(parse_hex("a3" "616140" "626162" "4100" PK, &c), ATTEST_OK,
           "unknown keys are skipped");
    OK(c.pubkey_hash_len == 32 && c.nonce_len == 0 && !c.has_gpu
       && !c.has_config && !c.has_validity && !c.has_exporter
       && !c.has_hpke_keys, "and leave no mark");
    IS_INT(parse_hex("a2" PK EXPORTER "5820" H44, &c), ATTEST_OK, "exporter");
    OK(c.has_exporter && c.exporter[31] == 0x44, "is read");

    /* 0 characters and more behind the key: a2 PK 78 1b .. 59 len .. */

    n = (size_t) sprintf(hex, "a2" PK "7818");
    memset(hex + n, '6', 48);
    n += 48;
    n += (size_t) sprintf(hex + n, "59%04x",
                          (unsigned) (ATTEST_CLAIMS_MAX - n / 2 - 3));
    memset(hex + n, '0', sizeof(hex) - n);
    hex[2 * ATTEST_CLAIMS_MAX] = '\0';
    IS_INT(parse_hex(hex, &c), ATTEST_OK, "1024 bytes are read");
    hex[2 * ATTEST_CLAIMS_MAX] = '0';
    hex[2 * ATTEST_CLAIMS_MAX + 2] = '\0';
    IS_INT(parse_hex(hex, &c), ATTEST_ELIMIT, "1025 are not");
}


static void
test_truncation(void)
{
    int               good = 1;
    char              hex[sizeof(fresh)];
    size_t            i;
    attest_claims_t   c;

    for (i = 0; i + 1 < sizeof(fresh); i += 2) {
        memcpy(hex, fresh, i);
        hex[i] = '\0';
        if (parse_hex(hex, &c) != ATTEST_EFORMAT) {
            good = 0;
        }
    }
    OK(good, "every truncation of the fresh claims is refused");
}
