/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the tests of providers share: steps that the Perl script takes, files
 * that steer doubles, what a process leaves open.
 */


#ifndef PROVIDER_DOUBLE_H_INCLUDED
#define PROVIDER_DOUBLE_H_INCLUDED


#include <dirent.h>

#include "providers/attest_provider.h"
#include "providers/prov_tcti.h"
#include "unit.h"


#define TIMEOUT  60000
#define SHORT    400
#define SLACK    20000        /* ms: a busy machine, not a hanging program */


/* Asks the script to do something, and waits until it is done. */

static inline void
pd_step(const char *what)
{
    char  line[64];

    printf("STEP %s\n", what);
    fflush(stdout);

    if (fgets(line, sizeof(line), stdin) == NULL) {
        printf("Bail out! nobody did %s\n", what);
        exit(1);
    }
}


/* At once or not at all: a double may be reading it. */

static inline void
pd_write(const char *dir, const char *name, const void *p, size_t n)
{
    char   path[512], fresh[520];
    FILE  *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    snprintf(fresh, sizeof(fresh), "%s.new", path);

    f = fopen(fresh, "w");
    if (f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0
        || rename(fresh, path) != 0)
    {
        printf("Bail out! cannot write %s\n", path);
        exit(1);
    }
}


static inline void
pd_text(const char *dir, const char *name, const char *text)
{
    pd_write(dir, name, text, strlen(text));
}


/* Lines of a file that contain a text. */

static inline int
pd_count(const char *dir, const char *name, const char *text)
{
    int     n = 0;
    char    path[512], line[4096];
    FILE   *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        n += strstr(line, text) != NULL;
    }

    if (f != NULL) {
        fclose(f);
    }
    return n;
}


/* Entries of /proc/self/fd or /proc/self/task. */

static inline int
pd_entries(const char *path)
{
    int             n = 0;
    DIR            *d = opendir(path);
    struct dirent  *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        n += e->d_name[0] != '.';
    }

    closedir(d);
    return n;
}


static inline attest_provider_t *
pd_made(attest_provider_t *p)
{
    if (p == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }
    return p;
}


/* Canonical claims with a nonce. */

static inline size_t
pd_claims(uint8_t seed, uint8_t out[ATTEST_CLAIMS_MAX])
{
    size_t           n = ATTEST_CLAIMS_MAX;
    attest_claims_t  c;

    memset(&c, 0, sizeof(c));
    memset(c.pubkey_hash, 0x11, 32);
    c.pubkey_hash_len = 32;
    c.pubkey_hash_alg = 1;
    memset(c.nonce, seed, 32);
    c.nonce_len = 32;

    if (attest_claims_encode(&c, out, &n) != ATTEST_OK) {
        printf("Bail out! claims\n");
        exit(1);
    }
    return n;
}


#endif /* PROVIDER_DOUBLE_H_INCLUDED */
