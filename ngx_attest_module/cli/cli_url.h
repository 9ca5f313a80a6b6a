/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_URL_H_INCLUDED
#define CLI_URL_H_INCLUDED


#include <stddef.h>


typedef struct {
    int    tls;
    char   host[256];
    char   port[8];
    char   authority[280];          /* for the Host field */
    char   path[1024];
} cli_url_t;


/* CLI_OK, or CLI_UNDECIDED with err set. */
int cli_url_parse(const char *text, cli_url_t *url, char err[256]);
/* host, host:port, [v6], [v6]:port; 0: it is none.  No port: "". */
int cli_url_host_port(const char *text, size_t n, char *host, char *port);


#endif /* CLI_URL_H_INCLUDED */
