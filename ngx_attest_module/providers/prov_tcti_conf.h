/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PROV_TCTI_CONF_H_INCLUDED
#define PROV_TCTI_CONF_H_INCLUDED


#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>


/* A "swtpm:" string, taken apart. */
typedef struct {
    union {
        struct sockaddr           sa;
        struct sockaddr_in        in;
        struct sockaddr_in6       in6;
        struct sockaddr_un        un;
    }                             addr;
    socklen_t                     len;
} prov_tcti_addr_t;


/* Is it a "swtpm:" string?  Syntax of what is behind the colon. */
bool prov_tcti_is_swtpm(const char *tcti);
int prov_tcti_swtpm_parse(const char *conf, prov_tcti_addr_t *addr,
    char *err, size_t err_len);


#endif /* PROV_TCTI_CONF_H_INCLUDED */
