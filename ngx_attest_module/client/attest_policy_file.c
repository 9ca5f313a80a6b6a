/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A policy as a file, and the signature beside it.
 */


#include <stdio.h>
#include <string.h>

#include "client/attest_policy_file.h"


static int attest_policy_file_parse(const char *name,
    attest_policy_file_t *file, attest_policy_t *policy,
    char err[ATTEST_CLIENT_ERR]);
static int attest_policy_file_key(const char *name,
    attest_policy_file_t *file, char err[ATTEST_CLIENT_ERR]);
static int attest_policy_file_signed(const char *name, const char *key,
    attest_policy_file_t *file, char err[ATTEST_CLIENT_ERR]);


int
attest_policy_file(const char *name, const char *key,
    attest_policy_file_t *file, attest_policy_t *policy,
    char err[ATTEST_CLIENT_ERR])
{
    int  rc;

    memset(file, 0, sizeof(*file));
    file->signed_at = -1;

    rc = attest_bytes_file(name, ATTEST_POLICY_MAX_JSON, &file->bytes, err);

    if (rc == ATTEST_OK && key != NULL) {
        rc = attest_policy_file_key(key, file, err);
    }

    if (rc == ATTEST_OK && key != NULL) {
        rc = attest_policy_file_signed(name, key, file, err);
    }

    if (rc == ATTEST_OK) {
        rc = attest_policy_file_parse(name, file, policy, err);
    }

    if (rc != ATTEST_OK) {
        attest_policy_file_clear(file);
    }

    return rc;
}


static int
attest_policy_file_parse(const char *name, attest_policy_file_t *file,
    attest_policy_t *policy, char err[ATTEST_CLIENT_ERR])
{
    char           what[256] = "out of memory";
    attest_span_t  bytes = attest_bytes_span(&file->bytes);

    if (attest_sha256(&bytes, 1, file->digest) != ATTEST_OK
        || attest_policy_parse((const char *) bytes.p, bytes.n, policy, what,
                               sizeof(what)) != ATTEST_OK)
    {
        return attest_bytes_error(err, "policy %.200s: %s", name, what);
    }

    return ATTEST_OK;
}


static int
attest_policy_file_key(const char *name, attest_policy_file_t *file,
    char err[ATTEST_CLIENT_ERR])
{
    int             rc;
    attest_bytes_t  text;

    rc = attest_bytes_file(name, ATTEST_MINISIGN_MAX, &text, err);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_minisign_key((const char *) text.p, text.n, &file->key);
    attest_bytes_free(&text);

    return rc == ATTEST_OK ? ATTEST_OK
           : attest_bytes_error(err, "%.300s is not a minisign public key",
                                name);
}


/*
 * The signature is beside the policy.  Without a date nobody could tell an
 * older policy from a newer one.
 */

static int
attest_policy_file_signed(const char *name, const char *key,
    attest_policy_file_t *file, char err[ATTEST_CLIENT_ERR])
{
    int             rc;
    char            path[4096], comment[ATTEST_MINISIGN_COMMENT];
    attest_bytes_t  text;

    rc = snprintf(path, sizeof(path), "%s.minisig", name);
    if (rc < 0 || (size_t) rc >= sizeof(path)) {
        return attest_bytes_error(err, "%.64s... is too long a name", name);
    }

    rc = attest_bytes_file(path, ATTEST_MINISIGN_MAX, &text, err);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_minisign_verify(&file->key, (const char *) text.p, text.n,
                                file->bytes.p, file->bytes.n, comment);
    attest_bytes_free(&text);

    if (rc != ATTEST_OK) {
        return attest_bytes_error(err, "policy %.180s is not signed by the "
                                  "key of %.180s: %s", name, key,
                                  rc == ATTEST_EMISMATCH
                                  ? "it is by another key"
                                  : rc == ATTEST_EUNSUPPORTED
                                  ? "the signature is of the old form"
                                  : attest_strerror(rc));
    }

    file->signed_at = attest_minisign_time(comment);

    return file->signed_at >= 0 ? ATTEST_OK
           : attest_bytes_error(err, "the signature of policy %.200s does not "
                                "say when it was made: its trusted comment "
                                "must begin with \"timestamp:SECONDS\", as "
                                "minisign writes it", name);
}


void
attest_policy_file_clear(attest_policy_file_t *file)
{
    attest_bytes_free(&file->bytes);
}
