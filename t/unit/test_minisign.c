/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signatures by minisign 0.11: the good one, every byte of it and of what it
 * signs changed, every length.
 */

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "core/crypto/attest_minisign.h"
#include "unit.h"


typedef struct {
    char     p[4096];
    size_t   n;
} file_t;


static void read_file(const char *name, file_t *f);
static int verify(const file_t *sig, const file_t *msg);
static void test_key(void);
static void test_good(void);
static void test_changed(file_t *f);
static void test_cut(void);
static void test_forms(void);
static void test_time(void);


static file_t                  pub, sig, msg;
static attest_minisign_key_t   key;


int
main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }

    read_file("policy/signed.pub", &pub);
    read_file("policy/signed.json.minisig", &sig);
    read_file("policy/signed.json", &msg);

    test_key();
    test_good();
    test_changed(&sig);
    test_changed(&msg);
    test_cut();
    test_forms();
    test_time();
    DONE();
}


static void
test_key(void)
{
    size_t                  i, skip;
    attest_minisign_key_t   other;

    IS_INT(attest_minisign_key(pub.p, pub.n, &key), ATTEST_OK, "a .pub file");

    skip = (size_t) (strchr(pub.p, '\n') + 1 - pub.p);
    IS_INT(attest_minisign_key(pub.p + skip, pub.n - skip, &other), ATTEST_OK,
           "its second line alone");
    OK(memcmp(&key, &other, sizeof(key)) == 0, "is the same key");

    for (i = 0; i < pub.n - 1; i++) {
        if (attest_minisign_key(pub.p, i, &other) == ATTEST_OK) {
            break;
        }
    }

    IS_INT(i, pub.n - 1, "no shorter file is a key");
    IS_INT(attest_minisign_key("", 0, &other), ATTEST_EFORMAT, "empty");
    IS_INT(attest_minisign_key(sig.p, sig.n, &other), ATTEST_EFORMAT,
           "a signature is no key");
    IS_INT(attest_minisign_key(pub.p, sizeof(pub.p), &other), ATTEST_EFORMAT,
           "too long");
}


static void
test_good(void)
{
    char  comment[ATTEST_MINISIGN_COMMENT];

    IS_INT(attest_minisign_verify(&key, sig.p, sig.n,
                                  (const uint8_t *) msg.p, msg.n, comment),
           ATTEST_OK, "a good signature");
    OK(strcmp(comment, "policy of the tests") == 0, "its comment: %s",
       comment);
}


static void
test_changed(file_t *f)
{
    size_t  i, tried = 0, good = 0, first;

    /* the untrusted comment is what it says */

    first = f == &sig ? (size_t) (strchr(f->p, '\n') + 1 - f->p) : 0;

    for (i = first; i < f->n; i++) {
        f->p[i] ^= 0x04;
        tried++;

        if (verify(&sig, &msg) == ATTEST_OK) {
            good++;
            printf("# byte %zu\n", i);
        }

        f->p[i] ^= 0x04;
    }

    printf("# %zu mutations, none accepted\n", tried);
    OK(tried > 40, "bytes were changed");
    IS_INT(good, 0, "and none was accepted");
    IS_INT(verify(&sig, &msg), ATTEST_OK, "as it was");
}


static void
test_cut(void)
{
    size_t  i, n = sig.n;

    for (i = 0; i < n - 1; i++) {
        sig.n = i;
        if (verify(&sig, &msg) == ATTEST_OK) {
            break;
        }
    }

    IS_INT(i, n - 1, "no shorter signature is good");
    sig.n = n;
}


static void
test_forms(void)
{
    char    *p;
    file_t   f = sig;

    f.n = sizeof(f.p);
    IS_INT(verify(&f, &msg), ATTEST_ELIMIT, "too long");

    f = sig;
    memcpy(f.p + f.n, "more\n", 5);
    f.n += 5;
    IS_INT(verify(&f, &msg), ATTEST_EFORMAT, "a line more");

    /* "ED" || id is RUQ.. and "Ed" || id is RWQ.. in base64 */

    f = sig;
    p = strchr(f.p, '\n') + 1;
    p[1] = 'W';
    IS_INT(verify(&f, &msg), ATTEST_EUNSUPPORTED, "the old form");

    f = sig;
    p[1] = 'U';
    strchr(f.p, '\n')[6] ^= 1;
    IS_INT(verify(&f, &msg), ATTEST_EMISMATCH, "another key's");
}


static int
verify(const file_t *s, const file_t *m)
{
    return attest_minisign_verify(&key, s->p, s->n, (const uint8_t *) m->p,
                                  m->n, NULL);
}


static void
read_file(const char *name, file_t *f)
{
    char   path[512];
    FILE  *in;

    (void) snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);

    in = fopen(path, "r");
    if (in == NULL) {
        printf("Bail out! %s\n", path);
        exit(1);
    }

    f->n = fread(f->p, 1, sizeof(f->p) - 1, in);
    fclose(in);
}


/* What minisign writes by itself, and what others may put into its place. */

static void
test_time(void)
{
    size_t  i;

    static const struct {
        const char  *comment;
        long long    time;
    } cases[] = {
        { "timestamp:1782864000", 1782864000 },
        { "timestamp:1782864000?file:policy.json?hashed", 1782864000 },
        { "timestamp:1782864000 of mine", 1782864000 },
        { "timestamp:0", 0 },
        { "timestamp:999999999999", 999999999999 },
        { "timestamp:1000000000000", -1 },
        { "timestamp:", -1 }, { "timestamp: 1", -1 }, { "timestamp:-1", -1 },
        { "timestamp:1x", -1 }, { "timestamp:1.5", -1 }, { "", -1 },
        { " timestamp:1", -1 }, { "timestamp", -1 },
        { "a timestamp:1", -1 }, { "policy of the tests", -1 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        IS_INT(attest_minisign_time(cases[i].comment), cases[i].time,
               "time of \"%s\"", cases[i].comment);
    }
}
