/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A policy from a file, signed or not; also the state that --policy-state
 * keeps: when the newest that was seen here was signed.
 */


#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/attest_hex.h"
#include "client/attest_policy_file.h"
#include "cli/cli.h"
#include "cli/cli_policy_load.h"


/* 64 digits of the key, a blank, 20 of the time, a newline: always as long */
#define CLI_STATE_KEY     64
#define CLI_STATE_LEN     (CLI_STATE_KEY + 1 + 20 + 1)

/* A signer's clock may be ahead of ours, but not so much. */
#define CLI_STATE_AHEAD   86400


static int cli_policy_state(const cli_options_t *opt,
    const attest_minisign_key_t *pk, int64_t when);
static int cli_policy_state_check(int fd, const cli_options_t *opt,
    const char key[CLI_STATE_KEY + 1], int64_t when);
static bool cli_policy_state_parse(const char text[CLI_STATE_LEN + 1],
    char key[CLI_STATE_KEY + 1], int64_t *when);
static int cli_policy_state_write(int fd, const cli_options_t *opt,
    const char key[CLI_STATE_KEY + 1], int64_t when);


int
cli_policy_load(const cli_options_t *opt, attest_policy_t *policy,
    attest_bytes_t *kept)
{
    int                    rc;
    char                   err[ATTEST_CLIENT_ERR];
    attest_policy_file_t   file;

    if (opt->policy == NULL && opt->policy_key != NULL) {
        return cli_error("--policy-key needs --policy FILE");
    }

    if (opt->policy_key == NULL && opt->policy_state != NULL) {
        return cli_error("--policy-state needs --policy-key FILE: what is "
                         "not signed has no date");
    }

    if (opt->policy == NULL) {
        attest_policy_default(policy);
        return CLI_OK;
    }

    if (attest_policy_file(opt->policy, opt->policy_key, &file, policy, err)
        != ATTEST_OK)
    {
        return cli_error("%s", err);
    }

    rc = opt->policy_state != NULL
         ? cli_policy_state(opt, &file.key, file.signed_at) : CLI_OK;

    if (rc == CLI_OK && kept != NULL) {
        *kept = file.bytes;

    } else {
        attest_policy_file_clear(&file);
    }

    return rc;
}


/*
 * When the newest policy of this key that was seen here was signed: an older
 * one has a good signature, too.
 */

static int
cli_policy_state(const cli_options_t *opt, const attest_minisign_key_t *pk,
    int64_t when)
{
    int          fd, rc;
    char         key[CLI_STATE_KEY + 1];
    struct stat  st;

    if (when > (int64_t) time(NULL) + CLI_STATE_AHEAD) {
        return cli_error("policy %s was signed in the future, at %" PRId64
                         ": every later one would be refused", opt->policy,
                         when);
    }

    fd = open(opt->policy_state, O_RDWR|O_CREAT|O_CLOEXEC|O_NOCTTY|O_NONBLOCK,
              0600);
    if (fd == -1) {
        return cli_error("%s: %s", opt->policy_state, strerror(errno));
    }

    attest_hex_encode(key, pk->pk, sizeof(pk->pk));

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)
        || flock(fd, LOCK_EX) == -1)
    {
        rc = cli_error("%s cannot be used as a state of policies",
                       opt->policy_state);
    } else {
        rc = cli_policy_state_check(fd, opt, key, when);
    }

    (void) close(fd);
    return rc;
}


static int
cli_policy_state_check(int fd, const cli_options_t *opt,
    const char key[CLI_STATE_KEY + 1], int64_t when)
{
    char     text[CLI_STATE_LEN + 1], had[CLI_STATE_KEY + 1];
    ssize_t  n;
    int64_t  seen;

    n = pread(fd, text, sizeof(text), 0);

    if (n == 0) {
        return cli_policy_state_write(fd, opt, key, when);
    }

    if (n != CLI_STATE_LEN || !cli_policy_state_parse(text, had, &seen)) {
        return cli_error("%s is no state of policies", opt->policy_state);
    }

    if (strcmp(had, key) != 0) {
        return cli_error("%s is about the policies of another key; remove it "
                         "if you have changed the key", opt->policy_state);
    }

    if (when < seen) {
        return cli_error("policy %s was signed at %" PRId64 ", and one that "
                         "was signed at %" PRId64 " has been seen: it is an "
                         "older one", opt->policy, when, seen);
    }

    return when == seen ? CLI_OK : cli_policy_state_write(fd, opt, key, when);
}


static bool
cli_policy_state_parse(const char text[CLI_STATE_LEN + 1],
    char key[CLI_STATE_KEY + 1], int64_t *when)
{
    size_t       i;
    const char  *p = text + CLI_STATE_KEY;

    memcpy(key, text, CLI_STATE_KEY);
    key[CLI_STATE_KEY] = '\0';

    if (strspn(key, "0123456789abcdef") != CLI_STATE_KEY || *p++ != ' ') {
        return false;
    }

    for (i = 0, *when = 0; i < 20; i++, p++) {

        if (*p < '0' || *p > '9' || *when > (INT64_MAX - 9) / 10) {
            return false;
        }

        *when = *when * 10 + (*p - '0');
    }

    return *p == '\n';
}


/* In one piece and of one length: whoever is stopped here leaves a whole. */

static int
cli_policy_state_write(int fd, const cli_options_t *opt,
    const char key[CLI_STATE_KEY + 1], int64_t when)
{
    char  text[CLI_STATE_LEN + 1];

    (void) snprintf(text, sizeof(text), "%s %020" PRId64 "\n", key, when);

    if (pwrite(fd, text, CLI_STATE_LEN, 0) != CLI_STATE_LEN
        || fsync(fd) == -1)
    {
        return cli_error("%s: %s", opt->policy_state, strerror(errno));
    }

    return CLI_OK;
}
