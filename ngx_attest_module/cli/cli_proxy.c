/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "ngx-attest proxy": a local nginx that any client of OpenAI's protocol can
 * use as if it were the model: it verifies the gateway before it sends
 * anything, and seals what it sends.  Here all that the user says is checked,
 * the files that he names are read, and the gateway is judged once.
 */


#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "core/crypto/attest_minisign.h"
#include "cli/cli_peer.h"
#include "cli/cli_policy_load.h"
#include "cli/cli_proxy_conf.h"
#include "cli/cli_proxy_listen.h"
#include "cli/cli_proxy_nginx.h"
#include "cli/cli_proxy_run.h"
#include "cli/cli_report.h"


#define CLI_PROXY_MAX_KEY     8192
#define CLI_PROXY_MIN_SALT    16
#define CLI_PROXY_MAX_SALT    1024


static int cli_proxy_prepare(cli_proxy_t *px, attest_policy_t *policy);
static int cli_proxy_urls(cli_proxy_t *px);
static int cli_proxy_url(const char *option, const char *text,
    attest_url_t *url);
static int cli_proxy_server(cli_proxy_t *px);
static int cli_proxy_seal(cli_proxy_t *px);
static int cli_proxy_salt(cli_proxy_t *px);
static int cli_proxy_policy(cli_proxy_t *px, attest_policy_t *policy);
static void cli_proxy_policy_name(cli_proxy_t *px);
static int cli_proxy_api_key(cli_proxy_t *px);
static int cli_proxy_api_line(cli_proxy_t *px, attest_bytes_t *key);
static int cli_proxy_secret(const char *option, const char *name, size_t max,
    attest_bytes_t *out);
static size_t cli_proxy_trim(attest_bytes_t *b);
static int cli_proxy_user(cli_proxy_t *px);
static int cli_proxy_serve(cli_proxy_t *px, const attest_policy_t *policy);
static int cli_proxy_print(const cli_proxy_t *px);
static int cli_proxy_verify(cli_proxy_t *px, const attest_policy_t *policy);
static int cli_proxy_elsewhere(cli_proxy_t *px);
static void cli_proxy_clear(cli_proxy_t *px);
static void cli_proxy_wipe(attest_bytes_t *b);


int
cli_proxy(const cli_options_t *opt)
{
    int               rc;
    cli_proxy_t       px;
    attest_policy_t  *policy;

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return cli_error("out of memory");
    }

    memset(&px, 0, sizeof(px));
    px.opt = opt;

    rc = cli_proxy_prepare(&px, policy);

    if (rc == CLI_OK) {
        rc = cli_proxy_serve(&px, policy);
    }

    cli_proxy_clear(&px);
    attest_policy_clear(policy);
    free(policy);
    return rc;
}


static int
cli_proxy_prepare(cli_proxy_t *px, attest_policy_t *policy)
{
    int     rc;
    size_t  i;

    static int (*const  steps[])(cli_proxy_t *) = {
        cli_proxy_urls, cli_proxy_server, cli_proxy_seal, cli_proxy_salt,
        cli_proxy_api_key, cli_proxy_user, cli_proxy_nginx
    };

    rc = cli_proxy_listen_parse(px, px->opt->listen);

    for (i = 0; rc == CLI_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        rc = steps[i](px);
    }

    if (rc == CLI_OK) {
        rc = cli_proxy_policy(px, policy);
    }

    return rc == CLI_OK ? cli_proxy_conf_files(px) : rc;
}


static int
cli_proxy_urls(cli_proxy_t *px)
{
    int  rc;

    rc = cli_proxy_url("the gateway's", px->opt->target, &px->gateway);
    if (rc != CLI_OK) {
        return rc;
    }

    if (strpbrk(px->gateway.path, "?#;{}") != NULL) {
        return cli_error("the gateway's URL may have the path of its evidence "
                         "and nothing behind it");
    }

    if (strcmp(px->gateway.path, "/v1") == 0
        || strncmp(px->gateway.path, "/v1/", 4) == 0)
    {
        return cli_error("the gateway's URL ends behind its host and port; "
                         "%s is asked for by applications",
                         px->gateway.path);
    }

    if (px->opt->relay == NULL) {
        return px->opt->relay_ca == NULL ? CLI_OK
               : cli_error("--relay-ca is of no use without --relay");
    }

    rc = cli_proxy_url("the relay's", px->opt->relay, &px->relay);
    if (rc != CLI_OK) {
        return rc;
    }

    if (strcmp(px->relay.path, ATTEST_URL_EVIDENCE) == 0) {

        /* what the parser makes of no path at all */

        (void) strcpy(px->relay.path, "/");
    }

    return strpbrk(px->relay.path, "?#") == NULL ? CLI_OK
           : cli_error("the relay's URL has no arguments");
}


/* Its parts stand in the configuration. */

static int
cli_proxy_url(const char *option, const char *text, attest_url_t *url)
{
    char         err[ATTEST_CLIENT_ERR];
    const char  *p;

    if (attest_url_parse(text, url, err) != ATTEST_OK) {
        return cli_error("%s URL: %s: %s", option, text, err);
    }

    if (!url->tls) {
        return cli_error("%s URL must begin with https://: %s", option, text);
    }

    for (p = url->host; *p != '\0'; p++) {
        if (!isalnum((unsigned char) *p) && strchr(".-_:", *p) == NULL) {
            return cli_error("%s URL has a host that is no name and no "
                             "address: %s", option, text);
        }
    }

    return atoi(url->port) >= 1 && atoi(url->port) <= 65535
           && cli_proxy_conf_quotable(url->path) ? CLI_OK
           : cli_error("%s URL has a port or a path that cannot be: %s",
                       option, text);
}


/* What nginx connects to. */

static int
cli_proxy_server(cli_proxy_t *px)
{
    int          v6;
    char         host[256], port[8];
    const char  *p, *at = px->opt->connect;

    if (at == NULL) {
        v6 = (strchr(px->gateway.host, ':') != NULL);
        (void) snprintf(px->server, sizeof(px->server), "%s%s%s:%s",
                        v6 ? "[" : "", px->gateway.host, v6 ? "]" : "",
                        px->gateway.port);
        return CLI_OK;
    }

    if (!attest_url_host_port(at, strlen(at), host, port) || port[0] == '\0'
        || atoi(port) < 1 || atoi(port) > 65535)
    {
        return cli_error("--connect wants HOST:PORT, not %s", at);
    }

    for (p = host; *p != '\0'; p++) {
        if (!isalnum((unsigned char) *p) && strchr(".-_:", *p) == NULL) {
            return cli_error("--connect wants HOST:PORT, not %s", at);
        }
    }

    (void) snprintf(px->server, sizeof(px->server), "%s", at);
    return CLI_OK;
}


static int
cli_proxy_seal(cli_proxy_t *px)
{
    size_t  i;

    static const char *const  seals[] = { "auto", "ehbp", "ohttp", "off" };

    px->seal = px->opt->seal != NULL ? px->opt->seal
               : px->opt->relay != NULL ? "ohttp" : "auto";

    for (i = 0; i < sizeof(seals) / sizeof(seals[0]); i++) {
        if (strcmp(px->seal, seals[i]) == 0) {
            break;
        }
    }

    if (i == sizeof(seals) / sizeof(seals[0])) {
        return cli_error("--seal wants auto, ehbp, ohttp or off, not %s",
                         px->seal);
    }

    if (px->opt->relay != NULL && strcmp(px->seal, "ohttp") != 0) {
        return cli_error("--relay carries Oblivious HTTP only: --seal ohttp");
    }

    return CLI_OK;
}


static int
cli_proxy_salt(cli_proxy_t *px)
{
    size_t       i;
    const char  *salt = px->opt->cache_salt;

    static const char *const  words[] = { "request", "caller", "off" };

    if (salt == NULL) {
        return CLI_OK;
    }

    if (strcmp(px->seal, "off") == 0) {
        return cli_error("--cache-salt needs prompts that are sealed: not "
                         "--seal off");
    }

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(salt, words[i]) == 0) {
            return CLI_OK;
        }
    }

    if (cli_proxy_secret("--cache-salt", salt, CLI_PROXY_MAX_SALT, &px->salt)
        != CLI_OK)
    {
        return CLI_UNDECIDED;
    }

    return cli_proxy_trim(&px->salt) >= CLI_PROXY_MIN_SALT ? CLI_OK
           : cli_error("--cache-salt %s: %d characters at least; or one of "
                       "the words request, caller, off", salt,
                       CLI_PROXY_MIN_SALT);
}


/* nginx reads the very bytes that we have judged by. */

static int
cli_proxy_policy(cli_proxy_t *px, attest_policy_t *policy)
{
    int   rc;
    char  name[CLI_MAX_PATH];

    cli_proxy_policy_name(px);

    if (px->opt->policy == NULL) {
        return CLI_OK;
    }

    rc = cli_policy_load(px->opt, policy, &px->policy);

    if (rc != CLI_OK || px->opt->policy_key == NULL) {
        return rc;
    }

    rc = cli_path(name, "%s.minisig", px->opt->policy);

    if (rc == CLI_OK) {
        rc = cli_file(name, ATTEST_MINISIGN_MAX, &px->signature);
    }

    return rc == CLI_OK ? cli_file(px->opt->policy_key, ATTEST_MINISIGN_MAX,
                                   &px->policy_key)
                        : rc;
}


/* Under its own name, which reports show, where that means itself. */

static void
cli_proxy_policy_name(cli_proxy_t *px)
{
    size_t       n;
    const char  *name = px->opt->policy, *slash;

    slash = name != NULL ? strrchr(name, '/') : NULL;
    name = slash != NULL ? slash + 1 : name;
    n = name != NULL ? strlen(name) : 0;

    if (n == 0 || n >= sizeof(px->policy_name) || name[0] == '.'
        || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                  "0123456789._-") != n
        || strncmp(name, "nginx.", 6) == 0 || strcmp(name, "temp") == 0
        || strcmp(name, CLI_PROXY_API_KEY) == 0
        || strcmp(name, CLI_PROXY_SALT) == 0
        || strcmp(name, CLI_PROXY_MINISIGN) == 0)
    {
        name = "policy.json";
    }

    (void) snprintf(px->policy_name, sizeof(px->policy_name), "%s", name);
}


/*
 * What a Bearer token is made of (RFC 6750 section 2.1), and ":" and "|",
 * which some have: nothing of it means anything in a configuration.
 */

static int
cli_proxy_api_key(cli_proxy_t *px)
{
    int             rc;
    attest_bytes_t  key = { NULL, 0 };
    const char     *name = px->opt->api_key_file;

    if (name == NULL) {
        return CLI_OK;
    }

    rc = cli_proxy_secret("--api-key-file", name, CLI_PROXY_MAX_KEY, &key);

    if (rc == CLI_OK && cli_proxy_trim(&key) == 0) {
        rc = cli_error("--api-key-file %s is empty", name);
    }

    if (rc == CLI_OK
        && strspn((const char *) key.p, "abcdefghijklmnopqrstuvwxyz"
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=:|") != key.n)
    {
        rc = cli_error("--api-key-file %s: a key is letters, digits and "
                       "-._~+/=:| only", name);
    }

    if (rc == CLI_OK) {
        rc = cli_proxy_api_line(px, &key);
    }

    cli_proxy_wipe(&key);
    return rc;
}


static int
cli_proxy_api_line(cli_proxy_t *px, attest_bytes_t *key)
{
    int     n;
    size_t  size = key->n + 64;

    px->api_key.p = malloc(size);
    if (px->api_key.p == NULL) {
        return cli_error("out of memory");
    }

    n = strcmp(px->seal, "off") == 0
        ? snprintf((char *) px->api_key.p, size,
                   "proxy_set_header Authorization \"Bearer %s\";\n",
                   (const char *) key->p)
        : snprintf((char *) px->api_key.p, size, "%s\n",
                   (const char *) key->p);
    px->api_key.n = (size_t) n;
    return CLI_OK;
}


/* As ssh has it: a secret that others can read is none. */

static int
cli_proxy_secret(const char *option, const char *name, size_t max,
    attest_bytes_t *out)
{
    struct stat  st;

    if (stat(name, &st) == -1) {
        return cli_error("%s %s: %s", option, name, strerror(errno));
    }

    if (S_ISREG(st.st_mode) && st.st_uid != geteuid() && st.st_uid != 0) {
        return cli_error("%s %s belongs to another user: it must be a file "
                         "of yours", option, name);
    }

    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
        return cli_error("%s %s: it must be a file of yours that nobody else "
                         "can read (chmod 600)", option, name);
    }

    return cli_file(name, max, out);
}


/* Without white space at the end; the length. */

static size_t
cli_proxy_trim(attest_bytes_t *b)
{
    while (b->n != 0 && isspace(b->p[b->n - 1])) {
        b->p[--b->n] = '\0';
    }

    return b->n;
}


/* Root's nginx works as nobody. */

static int
cli_proxy_user(cli_proxy_t *px)
{
    struct group   *gr;
    struct passwd  *pw;

    px->worker = geteuid();

    if (px->worker != 0) {
        return CLI_OK;
    }

    pw = getpwnam("nobody");
    gr = pw != NULL ? getgrgid(pw->pw_gid) : NULL;

    if (gr == NULL || strlen(gr->gr_name) >= sizeof(px->group)
        || !cli_proxy_conf_quotable(gr->gr_name))
    {
        return cli_error("there is no user \"nobody\" for nginx to work as: "
                         "run this as an ordinary user");
    }

    px->worker = pw->pw_uid;
    (void) snprintf(px->user, sizeof(px->user), "nobody");
    (void) snprintf(px->group, sizeof(px->group), "%s", gr->gr_name);
    return CLI_OK;
}


static int
cli_proxy_serve(cli_proxy_t *px, const attest_policy_t *policy)
{
    int    rc;
    char  *conf;

    if (px->opt->print_config) {
        return cli_proxy_print(px);
    }

    rc = cli_proxy_listen_free(px);

    if (rc == CLI_OK) {
        rc = cli_proxy_verify(px, policy);
    }

    if (rc == CLI_OK && px->elsewhere) {
        rc = cli_proxy_elsewhere(px);
    }

    if (rc != CLI_OK) {
        return rc;
    }

    conf = cli_proxy_conf(px);
    if (conf == NULL) {
        return cli_error("out of memory");
    }

    /* a verdict that nobody has seen is none to rely on */

    if (fflush(stdout) == 0) {
        rc = cli_proxy_run(px, conf);
    }

    free(conf);
    return rc;
}


static int
cli_proxy_print(const cli_proxy_t *px)
{
    char  *conf;

    conf = cli_proxy_conf(px);
    if (conf == NULL) {
        return cli_error("out of memory");
    }

    cli_print_text(stdout, (const uint8_t *) conf, strlen(conf), 1);
    free(conf);
    return CLI_OK;
}


/* As "verify" does: a gateway that fails is not served at all. */

static int
cli_proxy_verify(cli_proxy_t *px, const attest_policy_t *policy)
{
    int               rc;
    attest_peer_t    *peer;
    attest_result_t  *res;

    peer = calloc(1, sizeof(*peer));
    res = calloc(1, sizeof(*res));

    if (peer == NULL || res == NULL) {
        free(peer);
        free(res);
        return cli_error("out of memory");
    }

    rc = cli_peer_run(peer, px->opt, policy, 1, res);

    if (rc == CLI_OK) {
        cli_report_result(stdout, res, 1);
        rc = cli_report_status(res);
        px->elsewhere = peer->keys_only;
    }

    attest_peer_clear(peer);
    free(peer);
    free(res);

    if (rc != CLI_OK) {
        (void) cli_error("nothing is served: the gateway %s",
                         rc == CLI_FAILED ? "is not what the policy wants"
                         : "could not be asked, or not be judged");
    }

    return rc;
}


/* Of who ends TLS evidence says nothing: some authority has to know him. */

static int
cli_proxy_elsewhere(cli_proxy_t *px)
{
    if (strcmp(px->seal, "off") == 0) {
        return cli_error("nothing is served: TLS ends elsewhere, and whoever "
                         "ends it would read all that is not sealed: not "
                         "--seal off");
    }

    return cli_proxy_authorities(px->gateway_ca, "--ca", px->opt->ca,
                                 "who ends TLS");
}


static void
cli_proxy_clear(cli_proxy_t *px)
{
    attest_bytes_free(&px->policy);
    attest_bytes_free(&px->signature);
    attest_bytes_free(&px->policy_key);
    cli_proxy_wipe(&px->api_key);
    cli_proxy_wipe(&px->salt);
}


static void
cli_proxy_wipe(attest_bytes_t *b)
{
    if (b->p != NULL) {
        sodium_memzero(b->p, b->n);
    }

    attest_bytes_free(b);
}
