/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The configuration that "ngx-attest proxy" runs nginx with, where files are
 * those of the private folder, or prints, for a system's nginx: with the files
 * that the user has named, and without what such an nginx has of its own.
 * What the user has given stands in quotes, and was checked before: nothing of
 * it can end them or be taken for a variable.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/attest_utf8.h"
#include "cli/cli_proxy_conf.h"


static int cli_proxy_conf_file(char out[CLI_MAX_PATH], const cli_proxy_t *px,
    const char *option, const char *given, const char *ours);
static void cli_proxy_conf_main(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_own(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_http(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_foreign(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_group(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_server(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_names(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_ask(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_prompts(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_pass(FILE *f);
static void cli_proxy_conf_key(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_seal(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_direct(FILE *f, const cli_proxy_t *px,
    const char *path);
static void cli_proxy_conf_relay(FILE *f, const cli_proxy_t *px);
static void cli_proxy_conf_authority(FILE *f, const char *ca);
static void cli_proxy_conf_rest(FILE *f, const cli_proxy_t *px);


bool
cli_proxy_conf_quotable(const char *s)
{
    size_t          n, len;
    uint32_t        code;
    const uint8_t  *p = (const uint8_t *) s;

    for (n = strlen(s); n != 0; p += len, n -= len) {
        len = attest_utf8_char(p, n, &code);

        if (len == 0 || attest_utf8_is_hidden(code)
            || code == '"' || code == '\\' || code == '$')
        {
            return false;
        }
    }

    return true;
}


int
cli_proxy_conf_absolute(char out[CLI_MAX_PATH], const char *option,
    const char *name)
{
    int          rc;
    char        *real;
    struct stat  st;

    real = realpath(name, NULL);

    if (real == NULL || stat(real, &st) == -1 || !S_ISREG(st.st_mode)
        || access(real, R_OK) == -1)
    {
        free(real);
        return cli_error("%s: %s is no file that can be read", option, name);
    }

    if (!cli_proxy_conf_quotable(real)) {
        free(real);
        return cli_error("%s: %s has a character that cannot stand in a "
                         "configuration", option, name);
    }

    rc = cli_path(out, "%s", real);
    free(real);
    return rc;
}


int
cli_proxy_conf_files(cli_proxy_t *px)
{
    if (cli_proxy_conf_file(px->file.policy, px, "--policy", px->opt->policy,
                            px->policy_name)
        != CLI_OK
        || cli_proxy_conf_file(px->file.policy_key, px, "--policy-key",
                               px->opt->policy_key, CLI_PROXY_MINISIGN)
           != CLI_OK
        || cli_proxy_conf_file(px->file.salt, px, "--cache-salt",
                               px->salt.n != 0 ? px->opt->cache_salt : NULL,
                               CLI_PROXY_SALT)
           != CLI_OK)
    {
        return CLI_UNDECIDED;
    }

    return cli_proxy_conf_file(px->file.api_key, px, "--api-key-file",
                               px->opt->api_key_file, CLI_PROXY_API_KEY);
}


static int
cli_proxy_conf_file(char out[CLI_MAX_PATH], const cli_proxy_t *px,
    const char *option, const char *given, const char *ours)
{
    return px->opt->print_config && given != NULL
           ? cli_proxy_conf_absolute(out, option, given)
           : cli_path(out, "%s", ours);
}


char *
cli_proxy_conf(const cli_proxy_t *px)
{
    FILE    *f;
    char    *text = NULL;
    size_t   len;

    f = open_memstream(&text, &len);
    if (f == NULL) {
        return NULL;
    }

    cli_proxy_conf_main(f, px);
    cli_proxy_conf_http(f, px);

    if (px->family != AF_UNIX) {
        cli_proxy_conf_foreign(f, px);
    }

    cli_proxy_conf_group(f, px);
    cli_proxy_conf_server(f, px);
    cli_fprintf(f, "}\n");

    if (fclose(f) != 0) {
        free(text);
        return NULL;
    }

    return text;
}


static void
cli_proxy_conf_main(FILE *f, const cli_proxy_t *px)
{
    cli_fprintf(f, "# Made by \"ngx-attest proxy\".\n\n"
                "load_module \"%s\";\n\n", px->module);

    if (!px->opt->print_config) {
        cli_proxy_conf_own(f, px);
    }

    cli_fprintf(f, "worker_processes 1;\n"
                "worker_shutdown_timeout 5s;\n\n"
                "events {\n"
                "    worker_connections 1024;\n"
                "}\n\n");
}


/* Whose process it is, and where that lives. */

static void
cli_proxy_conf_own(FILE *f, const cli_proxy_t *px)
{
    if (px->user[0] != '\0') {
        cli_fprintf(f, "user \"%s\" \"%s\";\n", px->user, px->group);
    }

    cli_fprintf(f, "daemon off;\n"
                "pid nginx.pid;\n"
                "error_log stderr info;\n");
}


static void
cli_proxy_conf_http(FILE *f, const cli_proxy_t *px)
{
    cli_fprintf(f, "http {\n"
                "    access_log off;\n"
                "    server_tokens off;\n"
                "    client_max_body_size 64m;\n\n");

    if (!px->opt->print_config) {
        cli_fprintf(f, "    client_body_temp_path temp/client_body;\n"
                    "    proxy_temp_path temp/proxy;\n"
                    "    fastcgi_temp_path temp/fastcgi;\n"
                    "    uwsgi_temp_path temp/uwsgi;\n"
                    "    scgi_temp_path temp/scgi;\n\n");
    }
}


/*
 * A page of somebody else in the user's browser can send requests here, and
 * with them spend his key; what it cannot do is hide that it sent them.
 */

static void
cli_proxy_conf_foreign(FILE *f, const cli_proxy_t *px)
{
    cli_fprintf(f, "    # pages of others in a browser on this machine\n"
                "    map $http_sec_fetch_site $attest_proxy_foreign_site {\n"
                "        default 0;\n"
                "        cross-site 1;\n"
                "        same-site 1;\n"
                "    }\n\n"
                "    map $http_origin $attest_proxy_foreign {\n"
                "        default 1;\n"
                "        \"\" $attest_proxy_foreign_site;\n"
                "        \"http://localhost:%s\" 0;\n", px->port);

    if (strcmp(px->host, "localhost") != 0) {
        cli_fprintf(f, "        \"http://%s:%s\" 0;\n", px->host, px->port);
    }

    cli_fprintf(f, "    }\n\n");
}


static void
cli_proxy_conf_group(FILE *f, const cli_proxy_t *px)
{
    cli_fprintf(f, "    upstream gateway {\n"
                "        server \"%s\";\n"
                "        keepalive 16;\n"
                "        attest_verify \"%s\"", px->server,
                px->file.policy);

    if (px->policy_key.n != 0) {
        cli_fprintf(f, " \"key=%s\"", px->file.policy_key);
    }

    if (strcmp(px->gateway.path, ATTEST_URL_EVIDENCE) != 0) {
        cli_fprintf(f, " \"evidence=%s\"", px->gateway.path);
    }

    cli_fprintf(f, ";\n    }\n\n");
}


static void
cli_proxy_conf_server(FILE *f, const cli_proxy_t *px)
{
    cli_fprintf(f, "    server {\n"
                "        listen \"%s\";\n", px->listen);
    cli_proxy_conf_names(f, px);

    if (px->family != AF_UNIX) {
        cli_fprintf(f, "        if ($attest_proxy_foreign) {\n"
                    "            return 403 \"requests of pages of others are "
                    "refused\\n\";\n"
                    "        }\n\n");
    }

    cli_fprintf(f, "        # what is verified now, for people\n"
                "        location = / {\n"
                "            attest_report;\n"
                "        }\n\n"
                "        location = /healthz {\n"
                "            attest_report health;\n"
                "        }\n\n");

    cli_proxy_conf_ask(f, px);
    cli_proxy_conf_prompts(f, px);
    cli_proxy_conf_rest(f, px);
}


/*
 * A name of somebody else that leads to this address is how a page gets past
 * what browsers keep apart (DNS rebinding).  Where other machines reach the
 * proxy it may have any name.
 */

static void
cli_proxy_conf_names(FILE *f, const cli_proxy_t *px)
{
    cli_fprintf(f, "        server_name localhost");

    if (px->host[0] != '\0' && strcmp(px->host, "localhost") != 0) {
        cli_fprintf(f, " \"%s\"", px->host);
    }

    cli_fprintf(f, ";\n        default_type text/plain;\n\n");
}


/* Nothing of anybody is in it: the gateway can be verified by it at once. */

static void
cli_proxy_conf_ask(FILE *f, const cli_proxy_t *px)
{
    cli_fprintf(f, "        # the gateway's evidence, for whoever wants it\n"
                "        location = " CLI_PROXY_ASK " {\n");
    cli_proxy_conf_direct(f, px, strcmp(px->gateway.path, CLI_PROXY_ASK) != 0
                                 ? px->gateway.path : "");
    cli_proxy_conf_pass(f);
    cli_fprintf(f, "            proxy_pass_request_headers off;\n");

    if (px->gateway_ca[0] != '\0') {
        cli_fprintf(f, "            # where TLS ends elsewhere, nothing goes "
                    "there that is not sealed\n"
                    "            error_page 500 502 = /healthz;\n");
    }

    cli_fprintf(f, "        }\n\n");
}


static void
cli_proxy_conf_prompts(FILE *f, const cli_proxy_t *px)
{
    cli_fprintf(f, "        location /v1/ {\n");
    cli_proxy_conf_seal(f, px);

    if (px->opt->relay != NULL) {
        cli_proxy_conf_relay(f, px);

    } else {
        cli_proxy_conf_direct(f, px, "");
    }

    if (px->api_key.n != 0) {
        cli_proxy_conf_key(f, px);
    }

    cli_proxy_conf_pass(f);
    cli_fprintf(f, "            proxy_buffering off;\n"
                "            proxy_read_timeout 10m;\n"
                "        }\n\n");
}


/*
 * Without a seal it stands in the configuration itself, which is a secret
 * then.
 */

static void
cli_proxy_conf_key(FILE *f, const cli_proxy_t *px)
{
    if (strcmp(px->seal, "off") != 0) {
        cli_fprintf(f, "            attest_seal_api_key \"%s\";\n",
                    px->file.api_key);

    } else if (px->opt->print_config) {
        cli_fprintf(f, "            # write the key of \"%s\" here:\n"
                    "            # proxy_set_header Authorization "
                    "\"Bearer KEY\";\n", px->file.api_key);

    } else {
        cli_fprintf(f, "            include \"%s\";\n", px->file.api_key);
    }
}


static void
cli_proxy_conf_seal(FILE *f, const cli_proxy_t *px)
{
    if (strcmp(px->seal, "off") == 0) {
        return;
    }

    cli_fprintf(f, "            attest_seal %s", px->seal);

    if (px->opt->relay != NULL) {

        /* what the relay is asked for, and whom the request inside */

        cli_fprintf(f, " gateway=gateway \"authority=%s\" \"path=%s\"",
                    px->gateway.authority, px->relay.path);
    }

    cli_fprintf(f, ";\n");

    if (px->opt->cache_salt == NULL) {
        return;
    }

    if (px->salt.n != 0) {
        cli_fprintf(f, "            attest_seal_cache_salt \"%s\";\n",
                    px->file.salt);

    } else {
        cli_fprintf(f, "            attest_seal_cache_salt %s;\n",
                    px->opt->cache_salt);
    }
}


static void
cli_proxy_conf_direct(FILE *f, const cli_proxy_t *px, const char *path)
{
    cli_fprintf(f, "            proxy_pass \"https://gateway%s\";\n"
                "            proxy_set_header Host \"%s\";\n"
                "            proxy_ssl_name \"%s\";\n"
                "            proxy_ssl_protocols TLSv1.3;\n", path,
                px->gateway.authority, px->gateway.host);

    if (px->gateway_ca[0] != '\0') {
        cli_proxy_conf_authority(f, px->gateway_ca);
    }
}


static void
cli_proxy_conf_pass(FILE *f)
{
    cli_fprintf(f, "            proxy_http_version 1.1;\n"
                "            proxy_set_header Connection \"\";\n"
                "            proxy_set_header Origin \"\";\n"
                "            proxy_ssl_server_name on;\n"
                "            proxy_connect_timeout 10s;\n");
}


/* The relay is nobody who is trusted, but has to be the one that is meant. */

static void
cli_proxy_conf_relay(FILE *f, const cli_proxy_t *px)
{
    cli_fprintf(f, "            proxy_pass \"https://%s\";\n"
                "            proxy_set_header Host \"%s\";\n"
                "            proxy_ssl_name \"%s\";\n"
                "            proxy_ssl_protocols TLSv1.2 TLSv1.3;\n",
                px->relay.authority, px->relay.authority, px->relay.host);
    cli_proxy_conf_authority(f, px->ca);
}


static void
cli_proxy_conf_authority(FILE *f, const char *ca)
{
    cli_fprintf(f, "            proxy_ssl_verify on;\n"
                "            proxy_ssl_verify_depth 5;\n"
                "            proxy_ssl_trusted_certificate \"%s\";\n", ca);
}


static void
cli_proxy_conf_rest(FILE *f, const cli_proxy_t *px)
{
    cli_fprintf(f, "        location / {\n"
                "            default_type application/json;\n"
                "            return 404 '{\"error\":{\"message\":"
                "\"only /v1/ is served here\"}}\\n';\n"
                "        }\n"
                "    }\n");

    if (px->family == AF_UNIX || !px->loopback) {
        return;
    }

    cli_fprintf(f, "\n    # any other name\n"
                "    server {\n"
                "        listen \"%s\" default_server;\n"
                "        server_name \"\";\n"
                "        default_type text/plain;\n"
                "        return 421 \"this is not the server of that "
                "name\\n\";\n"
                "    }\n", px->listen);
}
