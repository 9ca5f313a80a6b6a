/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names that no resolver knows, in every program that has this loaded:
 * "both.test" is ::1 first and 127.0.0.1 then, "slow.test" is not found for
 * ten minutes.  All others are as they are.
 */


#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>


typedef int (*getaddrinfo_pt)(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res);


int
getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
    int                rc;
    struct addrinfo   *v4, *last;
    getaddrinfo_pt     next;

    next = (getaddrinfo_pt) dlsym(RTLD_NEXT, "getaddrinfo");

    if (node != NULL && strcmp(node, "slow.test") == 0) {
        (void) sleep(600);
        return EAI_AGAIN;
    }

    if (node == NULL || strcmp(node, "both.test") != 0) {
        return next(node, service, hints, res);
    }

    rc = next("127.0.0.1", service, NULL, &v4);

    if (rc == 0) {
        rc = next("::1", service, NULL, res);
    }

    if (rc == 0) {
        for (last = *res; last->ai_next != NULL; last = last->ai_next) {
            /* void */
        }

        last->ai_next = v4;
    }

    return rc;
}
