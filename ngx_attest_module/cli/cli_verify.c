
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest_minisign.h"
#include "cli.h"


static void cli_print_report(const cli_options_t *opt,
    const attest_result_t *res);
static int cli_policy_signed(const cli_options_t *opt,
    const cli_bytes_t *policy);


static const char *const  cli_states[] = { "PASS", "FAIL", "????", "NOTE" };


int
cli_verify(const cli_options_t *opt)
{
    int               rc;
    attest_result_t   res;
    attest_policy_t  *policy;
    cli_evidence_t    ev;

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return cli_error("out of memory");
    }

    rc = cli_policy_load(opt, policy, NULL);
    if (rc != CLI_OK) {
        free(policy);
        return rc;
    }

    rc = cli_run(&ev, opt, policy, 1, &res);

    if (rc == CLI_OK && opt->save != NULL) {
        rc = cli_archive_save(&ev, opt);
    }

    if (rc != CLI_OK) {
        memset(&res, 0, sizeof(res));
        res.verdict = ATTEST_UNDECIDED;
        (void) snprintf(res.why, sizeof(res.why), "no evidence was obtained: "
                        "%.300s", ev.conn.err[0] != '\0' ? ev.conn.err
                        : "the request could not be made");
    }

    if (opt->json) {
        cli_print_report(opt, &res);

    } else {
        cli_print_result(stdout, &res, 1);
    }

    cli_evidence_clear(&ev);
    attest_policy_clear(policy);
    free(policy);
    return (int) res.verdict;
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

    return CLI_OK;
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


static void
cli_print_report(const cli_options_t *opt, const attest_result_t *res)
{
    char  *text;

    text = attest_verify_json(res, opt->target, cli_now(opt));
    cli_print_json(stdout, text != NULL ? text : "{}");
    free(text);
}
