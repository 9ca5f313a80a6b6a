/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TCTI strings: what is accepted in the configuration.
 */


#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "providers/attest_provider.h"
#include "providers/prov_tcti_conf.h"


#define ATTEST_TCTI_CONF_MAX  256

typedef struct {
    char  host[64];
    char  port[8];
    char  path[sizeof(((struct sockaddr_un *) NULL)->sun_path)];
} prov_tcti_params_t;

typedef struct {
    const char  *name;
    size_t       offset;
    size_t       room;
} prov_tcti_param_t;


static uint16_t prov_tcti_port(const char *text);
static int prov_tcti_param(const char *p, size_t n,
    prov_tcti_params_t *params, char *err, size_t err_len);
static int prov_tcti_host(const char *host, uint16_t port,
    prov_tcti_addr_t *addr);


static const prov_tcti_param_t    prov_tcti_params[] = {
    { "host=", offsetof(prov_tcti_params_t, host),
      sizeof(((prov_tcti_params_t *) NULL)->host) },
    { "port=", offsetof(prov_tcti_params_t, port),
      sizeof(((prov_tcti_params_t *) NULL)->port) },
    { "path=", offsetof(prov_tcti_params_t, path),
      sizeof(((prov_tcti_params_t *) NULL)->path) },
    { NULL, 0, 0 }
};


bool
prov_tcti_is_swtpm(const char *tcti)
{
    return strncmp(tcti, "swtpm:", 6) == 0;
}


int
prov_tcti_conf_check(const char *tcti, char *err, size_t err_len)
{
    prov_tcti_addr_t    addr;

    if (strlen(tcti) > ATTEST_TCTI_CONF_MAX) {
        snprintf(err, err_len, "the TCTI string is longer than %d bytes",
                 ATTEST_TCTI_CONF_MAX);
        return ATTEST_EARG;
    }

    if (strncmp(tcti, "device:", 7) == 0) {
        if (tcti[7] != '/') {
            snprintf(err, err_len, "\"device:\" needs an absolute path, as in"
                     " \"device:/dev/tpmrm0\"");
            return ATTEST_EARG;
        }
        return ATTEST_OK;
    }

    if (prov_tcti_is_swtpm(tcti)) {
        return prov_tcti_swtpm_parse(tcti + 6, &addr, err, err_len);
    }

    if (strncmp(tcti, "mssim:", 6) == 0 || strncmp(tcti, "tabrmd:", 7) == 0) {
        return ATTEST_OK;
    }

    snprintf(err, err_len, "unknown TCTI \"%.64s\": expected"
             " \"device:/dev/tpmrm0\", \"swtpm:host=ADDRESS,port=PORT\","
             " \"swtpm:path=SOCKET\", \"mssim:...\" or \"tabrmd:...\"", tcti);
    return ATTEST_EARG;
}


/* 2321 when it is not given; 0: bad. */

static uint16_t
prov_tcti_port(const char *text)
{
    unsigned long  port;

    if (text[0] == '\0') {
        return 2321;
    }

    if (strspn(text, "0123456789") != strlen(text)) {
        return 0;
    }

    port = strtoul(text, NULL, 10);

    return (port > 65535) ? 0 : (uint16_t) port;
}


/* key=value[,key=value]: as the stock TCTI, with its defaults. */

int
prov_tcti_swtpm_parse(const char *conf, prov_tcti_addr_t *addr,
    char *err, size_t err_len)
{
    size_t                 n;
    uint16_t               port;
    prov_tcti_params_t     params;

    memset(&params, 0, sizeof(params));
    memset(addr, 0, sizeof(*addr));

    for (; *conf != '\0'; conf += n + (conf[n] == ',')) {
        n = strcspn(conf, ",");
        if (prov_tcti_param(conf, n, &params, err, err_len) != ATTEST_OK) {
            return ATTEST_EARG;
        }
    }

    if (params.path[0] != '\0') {
        if (params.host[0] != '\0' || params.port[0] != '\0') {
            snprintf(err, err_len, "\"path\" excludes \"host\" and \"port\"");
            return ATTEST_EARG;
        }

        addr->addr.un.sun_family = AF_UNIX;
        memcpy(addr->addr.un.sun_path, params.path, sizeof(params.path));
        addr->len = sizeof(addr->addr.un);
        return ATTEST_OK;
    }

    port = prov_tcti_port(params.port);
    if (port == 0) {
        snprintf(err, err_len, "bad port \"%s\" of swtpm", params.port);
        return ATTEST_EARG;
    }

    if (params.host[0] == '\0') {
        memcpy(params.host, "127.0.0.1", sizeof("127.0.0.1"));
    }

    if (prov_tcti_host(params.host, port, addr) != ATTEST_OK) {
        snprintf(err, err_len, "bad host \"%s\" of swtpm: expected an address"
                 " or \"localhost\"", params.host);
        return ATTEST_EARG;
    }

    return ATTEST_OK;
}


static int
prov_tcti_param(const char *p, size_t n, prov_tcti_params_t *params,
    char *err, size_t err_len)
{
    char                       *value;
    size_t                      len;
    const prov_tcti_param_t    *param;

    for (param = prov_tcti_params; param->name != NULL; param++) {
        len = strlen(param->name);
        if (n < len || strncmp(p, param->name, len) != 0) {
            continue;
        }

        value = (char *) params + param->offset;

        if (value[0] != '\0') {
            snprintf(err, err_len, "duplicate \"%.4s\" of swtpm", param->name);
            return ATTEST_EARG;
        }

        if (n - len == 0 || n - len >= param->room) {
            snprintf(err, err_len, "empty or too long \"%.4s\" of swtpm",
                     param->name);
            return ATTEST_EARG;
        }

        memcpy(value, p + len, n - len);
        return ATTEST_OK;
    }

    snprintf(err, err_len, "bad parameter \"%.*s\" of swtpm: expected"
             " host=, port= or path=", (int) (n > 64 ? 64 : n), p);
    return ATTEST_EARG;
}


/* No names but "localhost": a resolver knows no deadline. */

static int
prov_tcti_host(const char *host, uint16_t port, prov_tcti_addr_t *addr)
{
    if (strcmp(host, "localhost") == 0) {
        host = "127.0.0.1";
    }

    if (inet_pton(AF_INET, host, &addr->addr.in.sin_addr) == 1) {
        addr->addr.in.sin_family = AF_INET;
        addr->addr.in.sin_port = htons(port);
        addr->len = sizeof(addr->addr.in);
        return ATTEST_OK;
    }

    if (inet_pton(AF_INET6, host, &addr->addr.in6.sin6_addr) == 1) {
        addr->addr.in6.sin6_family = AF_INET6;
        addr->addr.in6.sin6_port = htons(port);
        addr->len = sizeof(addr->addr.in6);
        return ATTEST_OK;
    }

    return ATTEST_EARG;
}
