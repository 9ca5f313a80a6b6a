/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A gateway, or what was kept of one, as the options of the command say.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/attest_identity.h"
#include "cli/cli_archive.h"
#include "cli/cli_peer.h"


static int cli_peer_init(const cli_options_t *opt, attest_peer_options_t *po);
static int cli_peer_identity(SSL_CTX *ctx, void *data,
    char err[ATTEST_CLIENT_ERR]);
static void cli_peer_elsewhere(const attest_peer_t *peer,
    attest_result_t *res);
static void cli_peer_told(attest_result_t *res);
static void cli_peer_note(attest_result_t *res, const char *id,
    const char *text);


int
cli_peer_collect(attest_fetch_t *ev, const cli_options_t *opt)
{
    char                   err[ATTEST_CLIENT_ERR];
    attest_peer_options_t  po;

    memset(ev, 0, sizeof(*ev));

    if (cli_peer_init(opt, &po) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    return attest_fetch(ev, &po, 0, err) == ATTEST_OK ? CLI_OK
           : cli_error("%s: %s", opt->target, err);
}


int
cli_peer_run(attest_peer_t *peer, const cli_options_t *opt,
    const attest_policy_t *policy, int activate, attest_result_t *res)
{
    attest_peer_options_t  po;

    memset(peer, 0, sizeof(*peer));

    if (cli_peer_init(opt, &po) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    if (cli_archive_is_url(opt->target)) {
        po.activate = activate != 0;
        po.elsewhere = opt->keys_only != 0;

        if (attest_peer_appraise(peer, &po, policy, res) != ATTEST_OK) {
            return cli_error("%s: %s", opt->target, peer->err);
        }

        cli_peer_elsewhere(peer, res);
        return CLI_OK;
    }

    if (cli_archive_load(&peer->seen, opt) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    attest_peer_judge(peer, &po, policy, res);

    if (peer->seen.told) {
        cli_peer_told(res);
    }

    return CLI_OK;
}


/* No file that the environment names gets the secrets of TLS. */

static int
cli_peer_init(const cli_options_t *opt, attest_peer_options_t *po)
{
    char  err[ATTEST_CLIENT_ERR], host[256], port[8] = "";

    memset(po, 0, sizeof(*po));
    po->url = opt->target;
    po->connect = opt->connect;
    po->now = opt->now;
    po->data = (void *) opt;

    if (opt->cert != NULL) {
        po->identity = cli_peer_identity;
    }

    if (opt->connect != NULL
        && (!attest_url_host_port(opt->connect, strlen(opt->connect), host,
                                  port)
            || port[0] == '\0'))
    {
        return cli_error("%s: --connect wants host:port", opt->target);
    }

    if (!cli_archive_is_url(opt->target)) {
        return CLI_OK;
    }

    (void) unsetenv("SSLKEYLOGFILE");

    return attest_peer_init(err) == ATTEST_OK ? CLI_OK
           : cli_error("%s: %s", opt->target, err);
}


static int
cli_peer_identity(SSL_CTX *ctx, void *data, char err[ATTEST_CLIENT_ERR])
{
    const cli_options_t     *opt = data;
    attest_identity_file_t   cert = { "--cert", opt->cert };
    attest_identity_file_t   key = { "--key", opt->key };

    return attest_identity(ctx, &cert, &key, err);
}


/* Whoever reads no more than the last line has to see it, too. */

static void
cli_peer_elsewhere(const attest_peer_t *peer, attest_result_t *res)
{
    size_t  n;

    static const char  what[] =
        "TLS ends elsewhere: the certificate is not the gateway's, and was "
        "not judged; the verdict rests on the list of prompt keys alone, and "
        "is about what is sealed for them";

    if (!peer->keys_only) {
        return;
    }

    cli_peer_note(res, "tls-elsewhere", what);

    n = strlen(res->why);
    (void) snprintf(res->why + n, sizeof(res->why) - n,
                    "; TLS ends elsewhere, and the verdict rests on the list "
                    "of prompt keys alone");
}


/*
 * Nobody has signed session.json: whoever can write to a folder can keep a
 * nonce and an exporter that fit evidence of his choice.
 */

static void
cli_peer_told(attest_result_t *res)
{
    char  why[sizeof(res->why)];

    static const char  what[] =
        "as the folder says: its nonce, exporter, activation and key list "
        "were written down and not seen, and nobody has signed them";

    cli_peer_note(res, "archive", what);

    (void) snprintf(why, sizeof(why), "as the folder says: %.360s",
                    res->why);
    memcpy(res->why, why, sizeof(why));
}


static void
cli_peer_note(attest_result_t *res, const char *id, const char *text)
{
    attest_check_t  *check;

    if (res->count == ATTEST_MAX_CHECKS) {
        return;
    }

    check = &res->checks[res->count++];
    memset(check, 0, sizeof(*check));
    check->state = ATTEST_CHECK_NOTE;
    (void) snprintf(check->id, sizeof(check->id), "%s", id);
    (void) snprintf(check->text, sizeof(check->text), "%s", text);
}
