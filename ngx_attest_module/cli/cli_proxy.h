/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "ngx-attest proxy": what it was told, checked, and what it writes for nginx.
 */


#ifndef CLI_PROXY_H_INCLUDED
#define CLI_PROXY_H_INCLUDED


#include <sys/types.h>

#include "cli/cli.h"
#include "client/attest_url.h"


/* Names in the private folder, which nginx is given as its prefix. */
#define CLI_PROXY_CONF      "nginx.conf"
#define CLI_PROXY_API_KEY   "api-key.conf"
#define CLI_PROXY_SALT      "cache-salt"
#define CLI_PROXY_MINISIGN  "policy.pub"

#define CLI_PROXY_NAME      64

/* What we ask it for ourselves when it begins to listen. */
#define CLI_PROXY_ASK       "/.well-known/attestation"


/* As the configuration calls them. */
typedef struct {
    char   policy[CLI_MAX_PATH];
    char   policy_key[CLI_MAX_PATH];
    char   api_key[CLI_MAX_PATH];
    char   salt[CLI_MAX_PATH];
} cli_proxy_files_t;

typedef struct {
    const cli_options_t   *opt;
    attest_url_t           gateway;
    attest_url_t           relay;           /* where opt->relay is */
    char                   server[300];     /* of the group: HOST:PORT */

    char                   listen[160];     /* as nginx has it */
    char                   host[64];        /* of it, in URLs; "": a socket */
    char                   port[8];
    bool                   loopback;        /* only this machine reaches it */
    int                    family;          /* AF_INET, AF_INET6, AF_UNIX */

    const char            *seal;
    char                   nginx[CLI_MAX_PATH];
    char                   module[CLI_MAX_PATH];
    char                   user[CLI_PROXY_NAME];    /* of root's workers, or */
    char                   group[CLI_PROXY_NAME];   /* "" */
    uid_t                  worker;          /* who these work as */
    char                   ca[CLI_MAX_PATH];        /* who knows the relay */
    char                   gateway_ca[CLI_MAX_PATH];    /* who knows the end
                                               of the gateway's TLS; "": its
                                               evidence alone does */
    bool                   elsewhere;       /* that end is not the gateway */

    cli_proxy_files_t      file;

    /* files that are copied into the folder */
    char                   policy_name[CLI_PROXY_NAME];
    attest_bytes_t         policy;
    attest_bytes_t         signature;
    attest_bytes_t         policy_key;
    attest_bytes_t         api_key;         /* a secret: the key, or with
                                               "off" a line of nginx's */
    attest_bytes_t         salt;            /* a secret */
} cli_proxy_t;


int cli_proxy(const cli_options_t *opt);


#endif /* CLI_PROXY_H_INCLUDED */
