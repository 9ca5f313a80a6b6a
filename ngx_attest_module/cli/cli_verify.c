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
#include "core/evidence/attest_claims.h"
#include "core/crypto/attest_minisign.h"
#include "core/evidence/attest_ratls.h"
#include "cli/cli_archive.h"


/* 64 digits of the key, a blank, 20 of the time, a newline: always as long */
#define CLI_STATE_KEY     64
#define CLI_STATE_LEN     (CLI_STATE_KEY + 1 + 20 + 1)

/* A signer's clock may be ahead of ours, but not so much. */
#define CLI_STATE_AHEAD   86400


static void cli_print_report(const cli_options_t *opt,
    const cli_evidence_t *ev, const attest_result_t *res);
static void cli_report(cJSON *root, const cli_evidence_t *ev);
static void cli_report_claims(cJSON *root, const cli_evidence_t *ev,
    const attest_ratls_cert_t *cert, const attest_cmw_t *cmw);
static void cli_report_validity(cJSON *root, const attest_ratls_cert_t *cert,
    const attest_claims_t *claims);
static void cli_report_base64(cJSON *root, const char *name,
    attest_span_t s);
static void cli_report_pem(cJSON *root, attest_span_t der);
static void cli_as_told(attest_result_t *res);
static int cli_policy_date(const cli_options_t *opt,
    const attest_minisign_key_t *pk, int64_t when);
static int cli_policy_state(const cli_options_t *opt,
    const attest_minisign_key_t *pk, int64_t when);
static int cli_state_check(int fd, const cli_options_t *opt,
    const char key[CLI_STATE_KEY + 1], int64_t when);
static int cli_state_parse(const char text[CLI_STATE_LEN + 1],
    char key[CLI_STATE_KEY + 1], int64_t *when);
static int cli_state_write(int fd, const cli_options_t *opt,
    const char key[CLI_STATE_KEY + 1], int64_t when);
static int cli_policy_signed(const cli_options_t *opt,
    const cli_bytes_t *policy);
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
    cli_evidence_t   ev;

    rc = cli_run(&ev, opt, policy, 1, &res);

    if (rc == CLI_OK && opt->save != NULL) {
        saved = cli_archive_save(&ev, opt);

    } else if (opt->save != NULL) {
        cli_archive_drop(opt);
    }

    if (rc != CLI_OK) {
        memset(&res, 0, sizeof(res));
        res.verdict = ATTEST_UNDECIDED;
        (void) snprintf(res.why, sizeof(res.why), "no evidence was obtained: "
                        "%.300s", ev.conn.err[0] != '\0' ? ev.conn.err
                        : cli_is_url(opt->target)
                        ? "the request could not be made"
                        : "none could be read");
    }

    if (opt->json) {
        cli_print_report(opt, &ev, &res);

    } else {
        cli_print_result(stdout, &res, 1);
    }

    cli_evidence_clear(&ev);

    /* what was to be kept and is not is no success */

    return res.verdict == ATTEST_TRUSTED ? saved : cli_status(&res);
}


int
cli_run(cli_evidence_t *ev, const cli_options_t *opt,
    const attest_policy_t *policy, int activate, attest_result_t *res)
{
    int       rc;
    unsigned  tries = 0;

    if (!cli_is_url(opt->target)) {
        rc = cli_archive_load(ev, opt);

        if (rc == CLI_OK) {
            cli_appraise(ev, opt, policy, res);

            if (ev->told) {
                cli_as_told(res);
            }
        }

        return rc;
    }

    /* keys rotate, and a gateway that reloads closes its connections */

    for ( ;; ) {
        rc = cli_collect(ev, opt, activate);

        if (rc != CLI_OK || ++tries == CLI_MAX_TRIES
            || !(ev->rotated || (ev->conn.lost && ev->cert.n != 0)))
        {
            break;
        }

        cli_evidence_clear(ev);
    }

    if (rc == CLI_OK) {
        cli_appraise(ev, opt, policy, res);
    }

    return rc;
}


/*
 * Nobody has signed session.json: whoever can write to a folder can keep a
 * nonce and an exporter that fit evidence of his choice.
 */

static void
cli_as_told(attest_result_t *res)
{
    char             why[sizeof(res->why)];
    attest_check_t  *check;

    static const char  what[] =
        "as the folder says: its nonce, exporter, activation and key list "
        "were written down and not seen, and nobody has signed them";

    if (res->count < ATTEST_MAX_CHECKS) {
        check = &res->checks[res->count++];
        memset(check, 0, sizeof(*check));
        check->state = ATTEST_CHECK_NOTE;
        (void) snprintf(check->id, sizeof(check->id), "archive");
        (void) snprintf(check->text, sizeof(check->text), "%s", what);
    }

    (void) snprintf(why, sizeof(why), "as the folder says: %.360s",
                    res->why);
    memcpy(res->why, why, sizeof(why));
}


int
cli_policy_load(const cli_options_t *opt, attest_policy_t *policy,
    cli_bytes_t *kept)
{
    int          rc;
    char         err[256];
    cli_bytes_t  file;

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

    rc = cli_file(opt->policy, ATTEST_POLICY_MAX_JSON, &file);
    if (rc != CLI_OK) {
        return rc;
    }

    if (opt->policy_key != NULL && cli_policy_signed(opt, &file) != CLI_OK) {
        cli_bytes_free(&file);
        return CLI_UNDECIDED;
    }

    (void) snprintf(err, sizeof(err), "out of memory");

    rc = attest_policy_parse((const char *) file.p, file.n, policy, err,
                             sizeof(err));

    if (rc == ATTEST_OK && kept != NULL) {
        *kept = file;
        return CLI_OK;
    }

    cli_bytes_free(&file);

    if (rc == ATTEST_OK) {
        return CLI_OK;
    }

    return cli_error("policy %s: %s", opt->policy, err);
}


/* The signature is beside the policy: FILE.minisig. */

static int
cli_policy_signed(const cli_options_t *opt, const cli_bytes_t *policy)
{
    int                     rc;
    char                    name[CLI_MAX_PATH];
    char                    comment[ATTEST_MINISIGN_COMMENT];
    cli_bytes_t             key, sig;
    attest_minisign_key_t   pk;

    if (cli_path(name, "%s.minisig", opt->policy) != CLI_OK
        || cli_file(opt->policy_key, ATTEST_MINISIGN_MAX, &key) != CLI_OK)
    {
        return CLI_UNDECIDED;
    }

    rc = attest_minisign_key((const char *) key.p, key.n, &pk);
    cli_bytes_free(&key);

    if (rc != ATTEST_OK) {
        return cli_error("%s is not a minisign public key", opt->policy_key);
    }

    if (cli_file(name, ATTEST_MINISIGN_MAX, &sig) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    rc = attest_minisign_verify(&pk, (const char *) sig.p, sig.n, policy->p,
                                policy->n, comment);
    cli_bytes_free(&sig);

    if (rc != ATTEST_OK) {
        return cli_error("policy %s is not signed by the key of %s: %s",
                         opt->policy, opt->policy_key,
                         rc == ATTEST_EMISMATCH ? "it is by another key"
                         : rc == ATTEST_EUNSUPPORTED
                         ? "the signature is of the old form"
                         : attest_strerror(rc));
    }

    return cli_policy_date(opt, &pk, attest_minisign_time(comment));
}


/* Without a date nobody could tell an older policy from a newer one. */

static int
cli_policy_date(const cli_options_t *opt, const attest_minisign_key_t *pk,
    int64_t when)
{
    if (when < 0) {
        return cli_error("the signature of policy %s does not say when it was "
                         "made: its trusted comment must begin with "
                         "\"timestamp:SECONDS\", as minisign writes it",
                         opt->policy);
    }

    return opt->policy_state != NULL ? cli_policy_state(opt, pk, when)
                                     : CLI_OK;
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
cli_print_report(const cli_options_t *opt, const cli_evidence_t *ev,
    const attest_result_t *res)
{
    char   *text, *more;
    cJSON  *root;

    text = attest_verify_json(res, opt->target, cli_now(opt));
    root = text != NULL ? cJSON_Parse(text) : NULL;
    free(text);

    if (root != NULL && res->verdict == ATTEST_TRUSTED) {
        cli_report(root, ev);
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
cli_report(cJSON *root, const cli_evidence_t *ev)
{
    attest_cmw_t          cmw;
    attest_span_t         from;
    attest_ratls_cert_t   cert;

    memset(&cert, 0, sizeof(cert));

    if (ev->cert.n != 0) {
        (void) attest_ratls_parse(ev->cert.p, ev->cert.n, &cert);
    }

    from = ev->fresh.n != 0 ? cli_span(&ev->fresh)
           : ev->cached.n != 0 ? cli_span(&ev->cached) : cert.cmw;

    if (attest_cmw_parse(from.p, from.n, &cmw) != ATTEST_OK) {
        return;
    }

    cli_report_claims(root, ev, ev->cert.n != 0 ? &cert : NULL, &cmw);
    attest_cmw_free(&cmw);

    if (ev->generation != 0) {
        cJSON_AddNumberToObject(root, "generation", (double) ev->generation);
    }
}


static void
cli_report_claims(cJSON *root, const cli_evidence_t *ev,
    const attest_ratls_cert_t *cert, const attest_cmw_t *cmw)
{
    char                      hex[65];
    uint8_t                   digest[32];
    attest_span_t             keys = cli_span(&ev->hpke);
    attest_claims_t           claims;
    const attest_cmw_item_t  *item;

    item = attest_cmw_find(cmw, ATTEST_ITEM_CLAIMS);

    if (item == NULL
        || attest_claims_parse(item->value.p, item->value.n, &claims)
           != ATTEST_OK)
    {
        return;
    }

    if (cert != NULL || claims.pubkey_hash_len == 32) {
        attest_hex_encode(hex, cert != NULL ? cert->spki_sha256
                                            : claims.pubkey_hash, 32);
        cJSON_AddStringToObject(root, "tls_key_sha256", hex);
    }

    if (cert != NULL) {
        cli_report_pem(root, cli_span(&ev->cert));
    }

    item = attest_cmw_find(cmw, ATTEST_ITEM_HPKE_KEYS);
    keys = item != NULL ? item->value : keys;

    if (claims.has_hpke_keys && attest_sha256(&keys, 1, digest) == ATTEST_OK
        && memcmp(digest, claims.hpke_keys, 32) == 0)
    {
        cli_report_base64(root, "key_config", keys);
    }

    cli_report_validity(root, cert, &claims);
}


/* While the certificate and the evidence are valid. */

static void
cli_report_validity(cJSON *root, const attest_ratls_cert_t *cert,
    const attest_claims_t *claims)
{
    cJSON    *validity;
    int64_t   from = INT64_MIN, until = INT64_MAX;

    if (claims->has_validity) {
        from = (int64_t) claims->not_before;
        until = (int64_t) claims->not_after;
    }

    if (cert != NULL) {
        from = from > cert->not_before ? from : cert->not_before;
        until = until < cert->not_after ? until : cert->not_after;
    }

    if (from == INT64_MIN) {
        return;
    }

    validity = cJSON_AddObjectToObject(root, "validity");
    cJSON_AddNumberToObject(validity, "not_before", (double) from);
    cJSON_AddNumberToObject(validity, "not_after", (double) until);
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
