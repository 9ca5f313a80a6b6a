/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "ngx-attest verify": a policy is read, evidence is collected and appraised,
 * and the verdict is printed; also the state that --policy-state keeps.
 */


#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <openssl/evp.h>

#include "core/base/attest_hex.h"
#include "client/attest_policy_file.h"
#include "cli/cli_archive.h"
#include "cli/cli_peer.h"


/* 64 digits of the key, a blank, 20 of the time, a newline: always as long */
#define CLI_STATE_KEY     64
#define CLI_STATE_LEN     (CLI_STATE_KEY + 1 + 20 + 1)

/* A signer's clock may be ahead of ours, but not so much. */
#define CLI_STATE_AHEAD   86400


static void cli_print_report(const cli_options_t *opt,
    const attest_peer_t *peer, const attest_result_t *res);
static void cli_report(cJSON *root, const attest_peer_t *peer);
static void cli_report_base64(cJSON *root, const char *name,
    attest_span_t s);
static void cli_report_pem(cJSON *root, attest_span_t der);
static int cli_policy_state(const cli_options_t *opt,
    const attest_minisign_key_t *pk, int64_t when);
static int cli_state_check(int fd, const cli_options_t *opt,
    const char key[CLI_STATE_KEY + 1], int64_t when);
static int cli_state_parse(const char text[CLI_STATE_LEN + 1],
    char key[CLI_STATE_KEY + 1], int64_t *when);
static int cli_state_write(int fd, const cli_options_t *opt,
    const char key[CLI_STATE_KEY + 1], int64_t when);
static int cli_verify_run(const cli_options_t *opt,
    const attest_policy_t *policy);


static const char *const  cli_states[] = {
    [ATTEST_CHECK_UNKNOWN] = "????",
    [ATTEST_CHECK_FAIL] = "FAIL",
    [ATTEST_CHECK_PASS] = "PASS",
    [ATTEST_CHECK_NOTE] = "NOTE"
};


int
cli_verify(const cli_options_t *opt)
{
    int               rc;
    attest_policy_t  *policy;

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return cli_error("out of memory");
    }

    rc = cli_policy_load(opt, policy, NULL);

    if (rc == CLI_OK && opt->save != NULL) {
        rc = cli_archive_create(opt);
    }

    if (rc == CLI_OK) {
        rc = cli_verify_run(opt, policy);
    }

    attest_policy_clear(policy);
    free(policy);
    return rc;
}


static int
cli_verify_run(const cli_options_t *opt, const attest_policy_t *policy)
{
    int              rc, saved = CLI_OK;
    attest_result_t  res;
    attest_peer_t    peer;

    rc = cli_run(&peer, opt, policy, 1, &res);

    if (rc == CLI_OK && opt->save != NULL) {
        saved = cli_archive_save(&peer.seen, opt);

    } else if (opt->save != NULL) {
        cli_archive_drop(opt);
    }

    if (rc != CLI_OK) {
        memset(&res, 0, sizeof(res));
        res.verdict = ATTEST_UNDECIDED;
        (void) snprintf(res.why, sizeof(res.why), "no evidence was obtained: "
                        "%.300s", peer.err[0] != '\0' ? peer.err
                        : cli_is_url(opt->target)
                        ? "the request could not be made"
                        : "none could be read");
    }

    if (opt->json) {
        cli_print_report(opt, &peer, &res);

    } else {
        cli_print_result(stdout, &res, 1);
    }

    attest_peer_clear(&peer);

    /* what was to be kept and is not is no success */

    return res.verdict == ATTEST_TRUSTED ? saved : cli_status(&res);
}


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
        rc = cli_state_check(fd, opt, key, when);
    }

    (void) close(fd);
    return rc;
}


static int
cli_state_check(int fd, const cli_options_t *opt,
    const char key[CLI_STATE_KEY + 1], int64_t when)
{
    char     text[CLI_STATE_LEN + 1], had[CLI_STATE_KEY + 1];
    ssize_t  n;
    int64_t  seen;

    n = pread(fd, text, sizeof(text), 0);

    if (n == 0) {
        return cli_state_write(fd, opt, key, when);
    }

    if (n != CLI_STATE_LEN || !cli_state_parse(text, had, &seen)) {
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

    return when == seen ? CLI_OK : cli_state_write(fd, opt, key, when);
}


static int
cli_state_parse(const char text[CLI_STATE_LEN + 1],
    char key[CLI_STATE_KEY + 1], int64_t *when)
{
    size_t       i;
    const char  *p = text + CLI_STATE_KEY;

    memcpy(key, text, CLI_STATE_KEY);
    key[CLI_STATE_KEY] = '\0';

    if (strspn(key, "0123456789abcdef") != CLI_STATE_KEY || *p++ != ' ') {
        return 0;
    }

    for (i = 0, *when = 0; i < 20; i++, p++) {

        if (*p < '0' || *p > '9' || *when > (INT64_MAX - 9) / 10) {
            return 0;
        }

        *when = *when * 10 + (*p - '0');
    }

    return *p == '\n';
}


/* In one piece and of one length: whoever is stopped here leaves a whole. */

static int
cli_state_write(int fd, const cli_options_t *opt,
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


int
cli_status(const attest_result_t *res)
{
    switch (res->verdict) {
    case ATTEST_TRUSTED:
        return CLI_OK;
    case ATTEST_NOT_TRUSTED:
        return CLI_FAILED;
    default:
        return CLI_UNDECIDED;
    }
}


void
cli_print_result(FILE *out, const attest_result_t *res, int all)
{
    size_t                 i;
    const attest_check_t  *check;

    for (i = 0; i < res->count; i++) {
        check = &res->checks[i];

        /* what could not be fetched explains what could not be decided */

        if (all || check->state == ATTEST_CHECK_FAIL
            || check->state == ATTEST_CHECK_UNKNOWN
            || strcmp(check->id, "fetch") == 0)
        {
            cli_fprintf(out, "%s  %s: %s\n", cli_states[check->state],
                        check->id, check->text);
        }
    }

    cli_fprintf(out, all ? "\n%s: %s\n" : "%s: %s\n",
                res->verdict == ATTEST_TRUSTED ? "TRUSTED"
                : res->verdict == ATTEST_NOT_TRUSTED ? "NOT TRUSTED"
                : "COULD NOT BE DECIDED", res->why);
}


/* The verdict, and what a program needs to use what was judged. */

static void
cli_print_report(const cli_options_t *opt, const attest_peer_t *peer,
    const attest_result_t *res)
{
    char   *text, *more;
    cJSON  *root;

    text = attest_verify_json(res, opt->target, cli_now(opt));
    root = text != NULL ? cJSON_Parse(text) : NULL;
    free(text);

    if (root != NULL && res->verdict == ATTEST_TRUSTED) {
        cli_report(root, peer);
    }

    more = root != NULL ? cJSON_Print(root) : NULL;
    cli_print_json(stdout, more != NULL ? more : "{}");

    cJSON_free(more);
    cJSON_Delete(root);
}


/*
 * Only what evidence that is trusted vouches for: whoever looks at these
 * members alone gets nothing from a gateway that was refused.
 */

static void
cli_report(cJSON *root, const attest_peer_t *peer)
{
    char    hex[65];
    cJSON  *validity;

    if (!peer->has_claims) {
        return;
    }

    if (peer->has_spki) {
        attest_hex_encode(hex, peer->spki, sizeof(peer->spki));
        cJSON_AddStringToObject(root, "tls_key_sha256", hex);
    }

    if (peer->seen.cert.n != 0) {
        cli_report_pem(root, attest_bytes_span(&peer->seen.cert));
    }

    if (peer->keys.n != 0) {
        cli_report_base64(root, "key_config", attest_bytes_span(&peer->keys));
    }

    if (peer->has_validity) {
        validity = cJSON_AddObjectToObject(root, "validity");
        cJSON_AddNumberToObject(validity, "not_before",
                                (double) peer->not_before);
        cJSON_AddNumberToObject(validity, "not_after",
                                (double) peer->not_after);
    }

    if (peer->generation != 0) {
        cJSON_AddNumberToObject(root, "generation",
                                (double) peer->generation);
    }
}


static void
cli_report_base64(cJSON *root, const char *name, attest_span_t s)
{
    char  *text = malloc(4 * ((s.n + 2) / 3) + 1);

    if (text != NULL) {
        (void) EVP_EncodeBlock((uint8_t *) text, s.p, (int) s.n);
        cJSON_AddStringToObject(root, name, text);
    }

    free(text);
}


/* RFC 7468: 64 letters a line. */

static void
cli_report_pem(cJSON *root, attest_span_t der)
{
    int             n, left = (int) der.n, part;
    char           *text, *p;
    const uint8_t  *at = der.p;

    text = malloc(4 * ((der.n + 2) / 3) + der.n / 48 + 128);
    if (text == NULL) {
        return;
    }

    p = text + sprintf(text, "-----BEGIN CERTIFICATE-----\n");

    for ( /* void */ ; left > 0; left -= part, at += part) {
        part = left < 48 ? left : 48;
        n = EVP_EncodeBlock((uint8_t *) p, at, part);
        p += n;
        *p++ = '\n';
    }

    (void) strcpy(p, "-----END CERTIFICATE-----\n");
    cJSON_AddStringToObject(root, "certificate", text);
    free(text);
}
