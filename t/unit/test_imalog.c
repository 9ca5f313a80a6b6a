/* SPDX-License-Identifier: Apache-2.0 */

/*
 * IMA logs made here from their definition (ima_fs.c, ima_template_lib.c),
 * with the expected PCR computed beside them.
 */

#include <openssl/evp.h>

#include "core/evidence/attest_eventlog.h"
#include "unit.h"


#define SHA256      ATTEST_TPM_ALG_SHA256
#define ENTRIES     6


typedef struct {
    uint8_t   p[4096];
    size_t    n;
    uint8_t   hash[4096];            /* what the last entry's digest covers */
    size_t    hash_len;
} build_t;


static void put32(build_t *b, uint32_t v);
static void put(build_t *b, const void *p, size_t n);
static void hashed(build_t *b, const void *p, size_t n);
static void head(build_t *b, uint32_t pcr, int violation, const char *name);
static void entry(build_t *b, uint32_t pcr, int violation, const char *name,
    const char *file, int sig);
static void legacy(build_t *b, const char *file);
static void extend(uint8_t *pcr, const EVP_MD *md, size_t len,
    const build_t *b, int violation);
static int replay(const build_t *b, size_t n, const uint8_t *target,
    uint8_t *value, size_t *entries, size_t *boundary);
static void test_templates(uint16_t alg, const EVP_MD *md);
static void test_cuts(const build_t *b, const size_t *ends);
static void test_prefix(void);
static void test_fields(void);
static int replay_with(const build_t *b, size_t off, uint32_t v);
static void test_limits(void);


int
main(void)
{
    test_templates(SHA256, EVP_sha256());
    test_templates(ATTEST_TPM_ALG_SHA384, EVP_sha384());
    test_templates(ATTEST_TPM_ALG_SHA512, EVP_sha512());
    test_prefix();
    test_fields();
    test_limits();

    DONE();
}


static void
put(build_t *b, const void *p, size_t n)
{
    if (n > sizeof(b->p) - b->n) {
        printf("Bail out! a log too long for the test\n");
        exit(1);
    }

    memcpy(b->p + b->n, p, n);
    b->n += n;
}


static void
put32(build_t *b, uint32_t v)
{
    uint8_t  le[4];

    le[0] = (uint8_t) v;
    le[1] = (uint8_t) (v >> 8);
    le[2] = (uint8_t) (v >> 16);
    le[3] = (uint8_t) (v >> 24);
    put(b, le, 4);
}


static void
hashed(build_t *b, const void *p, size_t n)
{
    memcpy(b->hash + b->hash_len, p, n);
    b->hash_len += n;
}


static void
head(build_t *b, uint32_t pcr, int violation, const char *name)
{
    uint8_t  digest[20];

    /* nobody checks the SHA-1 of the template data: any non-zero value */

    memset(digest, violation ? 0 : 0x5a, sizeof(digest));
    put32(b, pcr);
    put(b, digest, sizeof(digest));
    put32(b, (uint32_t) strlen(name));
    put(b, name, strlen(name));
}


/* ima-ng: d-ng, n-ng; ima-sig: also sig.  Fields as u32le length, bytes. */

static void
entry(build_t *b, uint32_t pcr, int violation, const char *name,
    const char *file, int sig)
{
    build_t  data;
    uint8_t  digest[8 + 32] = "sha256:";

    data.n = 0;
    memset(digest + 8, violation ? 0 : 0x33, 32);
    put32(&data, sizeof(digest));
    put(&data, digest, sizeof(digest));
    put32(&data, (uint32_t) strlen(file) + 1);
    put(&data, file, strlen(file) + 1);
    if (sig) {
        put32(&data, 70);
        memset(data.p + data.n, 0x03, 70);
        data.n += 70;
    }

    head(b, pcr, violation, name);
    put32(b, (uint32_t) data.n);
    put(b, data.p, data.n);
    b->hash_len = 0;
    hashed(b, data.p, data.n);
}


/*
 * ima: no data length, a bare SHA-1, the name without its 0; but the digest
 * covers the name in 256 bytes.
 */

static void
legacy(build_t *b, const char *file)
{
    uint8_t  digest[20], name[256] = { 0 };

    memset(digest, 0x77, sizeof(digest));
    memcpy(name, file, strlen(file));

    head(b, 10, 0, "ima");
    put(b, digest, sizeof(digest));
    put32(b, (uint32_t) strlen(file));
    put(b, file, strlen(file));

    b->hash_len = 0;
    hashed(b, digest, sizeof(digest));
    hashed(b, name, sizeof(name));
}


static void
extend(uint8_t *pcr, const EVP_MD *md, size_t len, const build_t *b,
    int violation)
{
    uint8_t  msg[128];

    memcpy(msg, pcr, len);
    EVP_Digest(b->hash, b->hash_len, msg + len, NULL, md, NULL);
    if (violation) {
        memset(msg + len, 0xff, len);
    }
    EVP_Digest(msg, 2 * len, pcr, NULL, md, NULL);
}


static int
replay(const build_t *b, size_t n, const uint8_t *target, uint8_t *value,
    size_t *entries, size_t *boundary)
{
    int       rc;
    uint8_t  *p = malloc(n ? n : 1);

    memcpy(p, b->p, n);
    rc = attest_imalog_replay(p, n, SHA256, target, 32, value, entries,
                              boundary);
    free(p);
    return rc;
}


static void
test_templates(uint16_t alg, const EVP_MD *md)
{
    size_t    len = attest_tpm_alg_len(alg), n, boundary, ends[ENTRIES];
    uint8_t   pcr[64] = { 0 }, value[64];
    build_t  *b = calloc(1, sizeof(build_t));

    entry(b, 10, 0, "ima-ng", "boot_aggregate", 0);
    ends[0] = b->n;
    extend(pcr, md, len, b, 0);
    entry(b, 10, 0, "ima-sig", "/usr/sbin/nginx", 1);
    ends[1] = b->n;
    extend(pcr, md, len, b, 0);
    legacy(b, "/bin/old");
    ends[2] = b->n;
    extend(pcr, md, len, b, 0);
    entry(b, 10, 1, "ima-ng", "/var/log/open-writers", 0);
    ends[3] = b->n;
    extend(pcr, md, len, b, 1);
    entry(b, 11, 0, "ima-ng", "/other/pcr", 0);
    ends[4] = b->n;
    entry(b, 10, 0, "ima-buf", "kexec-cmdline", 1);
    ends[5] = b->n;
    extend(pcr, md, len, b, 0);

    IS_INT(attest_imalog_replay(b->p, b->n, alg, pcr, len, value, &n,
                                &boundary),
           ATTEST_OK, "%s: replays", attest_tpm_alg_name(alg));
    IS_MEM(value, pcr, len, "%s: to PCR 10", attest_tpm_alg_name(alg));
    IS_INT(n, ENTRIES, "all entries counted");
    IS_INT(boundary, ENTRIES, "the whole log is what was quoted");

    IS_INT(attest_imalog_replay(b->p, b->n, alg, NULL, 0, value, &n,
                                &boundary),
           ATTEST_OK, "without a target");
    IS_INT(boundary, 0, "no boundary");
    IS_INT(attest_imalog_replay(b->p, b->n, alg, pcr, len - 1, value, &n,
                                &boundary),
           ATTEST_EARG, "a target of the wrong length");
    IS_INT(attest_imalog_replay(b->p, b->n, ATTEST_TPM_ALG_SHA1, NULL, 0,
                                value, &n, &boundary),
           ATTEST_EUNSUPPORTED, "SHA-1");

    if (alg == SHA256) {
        test_cuts(b, ends);
    }

    free(b);
}


/* Truncations, and every bit: one that is hashed changes the value. */

static void
test_cuts(const build_t *b, const size_t *ends)
{
    size_t   i, k, n, boundary, bad = 0, good = 0, same = 0, dirty = 0;
    uint8_t  want[64], value[64], zero[64] = { 0 };
    build_t  copy = *b;

    for (i = 0; i <= b->n; i++) {
        for (k = 0; k < ENTRIES && ends[k] != i; k++) { /* void */ }

        if (replay(b, i, NULL, value, &n, &boundary) == ATTEST_OK) {
            good++;
            bad += i != 0 && (k == ENTRIES || n != k + 1);

        } else {
            bad += k != ENTRIES || n != 0;
            dirty += memcmp(value, zero, 64) != 0;
        }
    }
    IS_INT(bad, 0, "cut anywhere but between entries it fails");
    IS_INT(good, ENTRIES + 1, "cut between entries it does not");
    IS_INT(dirty, 0, "a failure leaves no value");

    replay(b, b->n, NULL, want, &n, &boundary);
    for (i = 0; i < 8 * b->n; i++) {
        copy.p[i / 8] ^= 1 << i % 8;
        if (replay(&copy, b->n, want, value, &n, &boundary) == ATTEST_OK) {
            same += memcmp(value, want, 32) == 0;
        }
        copy.p[i / 8] ^= 1 << i % 8;
    }

    /*
     * Not covered by PCR 10: 5 SHA-1 digests of 20 bytes (not the
     * violation's), the data of the violation (4 + 40 + 4 + 22) and of the
     * other PCR (4 + 40 + 4 + 11), names except "ima" (6 + 7 + 6 + 6 + 7),
     * and the bits of the other PCR's number but the one that makes it 10.
     */
    IS_INT(same, 8 * (5 * 20 + 70 + 59 + 32) + 31,
           "a bit that is covered changes the value");
}


/* The log goes on after the quote: a prefix is what the PCR covers. */

static void
test_prefix(void)
{
    char      file[32];
    size_t    i, n, boundary;
    uint8_t   pcr[64] = { 0 }, target[64], value[64];
    build_t  *b = calloc(1, sizeof(build_t));

    for (i = 1; i <= 20; i++) {
        snprintf(file, sizeof(file), "/file/%zu", i);
        entry(b, 10, 0, "ima-ng", file, 0);
        extend(pcr, EVP_sha256(), 32, b, 0);
        if (i == 13) {
            memcpy(target, pcr, sizeof(target));
        }
    }

    IS_INT(replay(b, b->n, target, value, &n, &boundary), ATTEST_OK,
           "a log longer than its quote");
    IS_INT(n, 20, "20 entries");
    IS_INT(boundary, 13, "13 of them quoted");
    IS_MEM(value, pcr, 32, "the value is of all of it");

    target[0] ^= 1;
    IS_INT(replay(b, b->n, target, value, &n, &boundary), ATTEST_OK,
           "a target that no prefix has");
    IS_INT(boundary, 0, "is never reached");

    memset(target, 0, sizeof(target));
    IS_INT(replay(b, b->n, target, value, &n, &boundary), ATTEST_OK,
           "the PCR before the first entry");
    IS_INT(boundary, 0, "is no prefix");
    IS_INT(replay(b, 0, target, value, &n, &boundary), ATTEST_OK,
           "an empty log");
    IS_INT(n, 0, "no entry");
    IS_INT(attest_imalog_replay(NULL, 0, SHA256, NULL, 0, value, &n,
                                &boundary),
           ATTEST_OK, "no log");
    free(b);
}


static int
replay_with(const build_t *b, size_t off, uint32_t v)
{
    size_t   n, boundary;
    uint8_t  value[64];
    build_t  copy = *b;

    copy.n = off;
    put32(&copy, v);
    return replay(&copy, b->n, NULL, value, &n, &boundary);
}


static void
test_fields(void)
{
    char      name[300];
    size_t    n, boundary;
    uint8_t   value[64];
    build_t  *b = calloc(1, sizeof(build_t));

    entry(b, 10, 0, "ima-ng", "/f", 0);
    IS_INT(replay_with(b, 24, 6), ATTEST_OK, "name length as it was");
    IS_INT(replay_with(b, 24, 0), ATTEST_EFORMAT, "no template name");
    IS_INT(replay_with(b, 24, 256), ATTEST_EFORMAT, "a name of 256");
    IS_INT(replay_with(b, 24, 0xffffffff), ATTEST_EFORMAT, "of 2^32-1");
    IS_INT(replay_with(b, 34, 52), ATTEST_EFORMAT, "data too long");
    IS_INT(replay_with(b, 34, 50), ATTEST_EFORMAT, "data too short");
    IS_INT(replay_with(b, 34, 0xffffffff), ATTEST_EFORMAT, "2^32-1 of it");

    memset(name, 'x', sizeof(name));
    name[255] = 0;
    b->n = 0;
    entry(b, 10, 0, name, "/f", 0);
    IS_INT(replay(b, b->n, NULL, value, &n, &boundary), ATTEST_OK,
           "a template name of 255");

    b->n = 0;
    legacy(b, name);
    IS_INT(replay(b, b->n, NULL, value, &n, &boundary), ATTEST_OK,
           "an old file name of 255");
    b->n = 0;
    legacy(b, "");
    IS_INT(replay(b, b->n, NULL, value, &n, &boundary), ATTEST_OK,
           "an old file name of 0");
    b->n = 0;
    name[255] = 'x';
    name[256] = 0;
    legacy(b, name);
    IS_INT(replay(b, b->n, NULL, value, &n, &boundary), ATTEST_EFORMAT,
           "an old file name of 256");
    IS_INT(replay_with(b, 47, 0xffffffff), ATTEST_EFORMAT, "of 2^32-1");
    free(b);
}


static void
test_limits(void)
{
    size_t    i, n, boundary, len = ATTEST_MAX_LOG + 1, step;
    uint8_t  *p, value[64];
    build_t   b;

    p = calloc(1, len);
    b.n = 0;
    head(&b, 10, 0, "x");
    put32(&b, 0);
    step = b.n;

    for (i = 0; i <= ATTEST_EVENTLOG_MAX_EVENTS; i++) {
        memcpy(p + i * step, b.p, step);
    }
    IS_INT(attest_imalog_replay(p, ATTEST_EVENTLOG_MAX_EVENTS * step, SHA256,
                                NULL, 0, value, &n, &boundary),
           ATTEST_OK, "as many entries as allowed");
    IS_INT(n, ATTEST_EVENTLOG_MAX_EVENTS, "all counted");
    IS_INT(attest_imalog_replay(p, (ATTEST_EVENTLOG_MAX_EVENTS + 1) * step,
                                SHA256, NULL, 0, value, &n, &boundary),
           ATTEST_ELIMIT, "one more");
    IS_INT(attest_imalog_replay(p, len, SHA256, NULL, 0, value, &n,
                                &boundary),
           ATTEST_ELIMIT, "a log too long");
    free(p);
}
