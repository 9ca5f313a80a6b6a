/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where nginx and its module are: as the user says, or in PATH and where
 * distributions have it; beside this command, or in nginx's folder of
 * modules.  And the certificates of authorities, for those in between.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli_proxy_conf.h"
#include "cli/cli_proxy_nginx.h"
#include "cli/cli_proxy_run.h"


#define CLI_PROXY_MODULE   "ngx_http_attest_module.so"
#define CLI_PROXY_FOLDERS  "/usr/sbin:/usr/local/sbin:/sbin:"                 \
                           "/usr/local/nginx/sbin"
#define CLI_PROXY_SAID     8192


static int cli_proxy_program(cli_proxy_t *px);
static bool cli_proxy_in_folders(char out[CLI_MAX_PATH], const char *folders,
    const char *name);
static int cli_proxy_module(cli_proxy_t *px);
static bool cli_proxy_module_beside(cli_proxy_t *px);
static bool cli_proxy_module_folder(cli_proxy_t *px);
static bool cli_proxy_is_file(const char *path, int mode);


int
cli_proxy_nginx(cli_proxy_t *px)
{
    int  rc;

    rc = cli_proxy_program(px);

    if (rc == CLI_OK) {
        rc = cli_proxy_module(px);
    }

    if (rc == CLI_OK && px->opt->relay != NULL) {
        rc = cli_proxy_authorities(px->ca, "--relay-ca", px->opt->relay_ca,
                                   "the relay");
    }

    if (rc == CLI_OK && px->opt->ca != NULL) {
        rc = cli_proxy_conf_absolute(px->gateway_ca, "--ca", px->opt->ca);
    }

    return rc;
}


static int
cli_proxy_program(cli_proxy_t *px)
{
    const char  *path;

    if (px->opt->nginx != NULL) {
        return cli_proxy_conf_absolute(px->nginx, "--nginx", px->opt->nginx);
    }

    path = getenv("PATH");

    if ((path != NULL && cli_proxy_in_folders(px->nginx, path, "nginx"))
        || cli_proxy_in_folders(px->nginx, CLI_PROXY_FOLDERS, "nginx"))
    {
        return CLI_OK;
    }

    return cli_error("nginx is not installed, or not found: --nginx FILE");
}


static bool
cli_proxy_in_folders(char out[CLI_MAX_PATH], const char *folders,
    const char *name)
{
    int          n;
    size_t       len;
    const char  *p;

    for (p = folders; *p != '\0'; p += len + (p[len] == ':')) {
        len = strcspn(p, ":");

        if (len == 0 || *p != '/' || len > CLI_MAX_PATH / 2) {
            continue;
        }

        n = snprintf(out, CLI_MAX_PATH, "%.*s/%s", (int) len, p, name);

        if (n > 0 && n < CLI_MAX_PATH && cli_proxy_is_file(out, X_OK)) {
            return true;
        }
    }

    return false;
}


static int
cli_proxy_module(cli_proxy_t *px)
{
    if (px->opt->module != NULL) {
        return cli_proxy_conf_absolute(px->module, "--module",
                                       px->opt->module);
    }

    if (cli_proxy_module_beside(px) || cli_proxy_module_folder(px)) {
        return cli_proxy_conf_quotable(px->module) ? CLI_OK
               : cli_error("%s has a character in its path that cannot stand "
                           "in a configuration", px->module);
    }

    return cli_error(CLI_PROXY_MODULE " is neither beside this command nor in "
                     "nginx's folder of modules: --module FILE");
}


static bool
cli_proxy_module_beside(cli_proxy_t *px)
{
    char     self[CLI_MAX_PATH];
    char    *slash;
    ssize_t  n;

    n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0) {
        return false;
    }

    self[n] = '\0';
    slash = strrchr(self, '/');

    if (slash == NULL
        || (size_t) (slash - self) + sizeof("/" CLI_PROXY_MODULE)
           > sizeof(px->module))
    {
        return false;
    }

    *slash = '\0';
    n = snprintf(px->module, sizeof(px->module), "%s/" CLI_PROXY_MODULE,
                 self);

    return n > 0 && (size_t) n < sizeof(px->module)
           && cli_proxy_is_file(px->module, R_OK);
}


/* "nginx -V" says where it was built to look. */

static bool
cli_proxy_module_folder(cli_proxy_t *px)
{
    int                n;
    char               said[CLI_PROXY_SAID];
    const char        *p;
    const char *const  argv[] = { px->nginx, "-V", NULL };

    static const char  name[] = "--modules-path=";

    if (cli_proxy_run_said(argv, said, sizeof(said)) != 0) {
        return false;
    }

    p = strstr(said, name);
    if (p == NULL) {
        return false;
    }

    p += strlen(name);
    n = snprintf(px->module, sizeof(px->module), "%.*s/" CLI_PROXY_MODULE,
                 (int) strcspn(p, " \n"), p);

    return n > 0 && (size_t) n < sizeof(px->module)
           && cli_proxy_is_file(px->module, R_OK);
}


static bool
cli_proxy_is_file(const char *path, int mode)
{
    struct stat  st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode)
           && access(path, mode) == 0;
}


int
cli_proxy_authorities(char out[CLI_MAX_PATH], const char *option,
    const char *given, const char *whom)
{
    size_t  i;

    static const char *const  files[] = {
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem"
    };

    if (given != NULL) {
        return cli_proxy_conf_absolute(out, option, given);
    }

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (cli_proxy_is_file(files[i], R_OK)) {
            return cli_path(out, "%s", files[i]);
        }
    }

    return cli_error("no certificates of public authorities are installed "
                     "(package ca-certificates), by which %s is known: "
                     "%s FILE", whom, option);
}
