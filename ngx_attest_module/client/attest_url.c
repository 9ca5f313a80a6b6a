/* SPDX-License-Identifier: Apache-2.0 */

/*
 * URLs, as far as gateways have them: a scheme, a host, a port and a path.
 */


#include <stdio.h>
#include <string.h>

#include "client/attest_url.h"


/* https://host[:port][/path]; also http://, and [v6] as a host. */

int
attest_url_parse(const char *text, attest_url_t *url,
    char err[ATTEST_CLIENT_ERR])
{
    size_t       i, n;
    const char  *rest, *slash;

    memset(url, 0, sizeof(*url));

    if (strncmp(text, "https://", 8) == 0) {
        url->tls = 1;
        rest = text + 8;

    } else if (strncmp(text, "http://", 7) == 0) {
        rest = text + 7;

    } else {
        return attest_bytes_error(err, "not an https:// or http:// URL");
    }

    slash = strchr(rest, '/');
    n = slash != NULL ? (size_t) (slash - rest) : strlen(rest);

    if (!attest_url_host_port(rest, n, url->host, url->port)) {
        return attest_bytes_error(err, "the URL's host or port is wrong");
    }

    if (url->port[0] == '\0') {
        (void) strcpy(url->port, url->tls ? "443" : "80");
    }

    if (slash != NULL && strlen(slash) >= sizeof(url->path)) {
        return attest_bytes_error(err, "the URL's path is too long");
    }

    (void) snprintf(url->authority, sizeof(url->authority), "%.*s", (int) n,
                    rest);
    (void) strcpy(url->path, slash != NULL && slash[1] != '\0'
                  ? slash : ATTEST_URL_EVIDENCE);

    /* nothing that could end the request line or the Host field */

    for (i = 0; text[i] != '\0'; i++) {
        if ((unsigned char) text[i] <= 0x20 || text[i] == 0x7f
            || text[i] == '#' || text[i] == '@')
        {
            return attest_bytes_error(err, "the URL has a character that "
                                      "does not belong there");
        }
    }

    return ATTEST_OK;
}


/* host, host:port, [v6], [v6]:port */

bool
attest_url_host_port(const char *text, size_t n, char host[256], char port[8])
{
    size_t       len, plen;
    const char  *end, *colon;

    if (n == 0) {
        return false;
    }

    if (text[0] == '[') {
        end = memchr(text, ']', n);
        if (end == NULL) {
            return false;
        }

        len = (size_t) (end - text) - 1;
        text++;
        n--;
        colon = len + 1 < n ? text + len + 1 : NULL;

    } else {
        colon = memchr(text, ':', n);
        len = colon != NULL ? (size_t) (colon - text) : n;
    }

    if (len == 0 || len >= 256 || (colon != NULL && *colon != ':')) {
        return false;
    }

    memcpy(host, text, len);
    host[len] = '\0';
    port[0] = '\0';

    if (colon == NULL) {
        return true;
    }

    plen = n - (size_t) (colon + 1 - text);
    if (plen == 0 || plen > 5
        || strspn(colon + 1, "0123456789") < plen)
    {
        return false;
    }

    memcpy(port, colon + 1, plen);
    port[plen] = '\0';
    return true;
}


bool
attest_url_is_path(const char *path)
{
    size_t  i;

    for (i = 0; path[i] != '\0'; i++) {
        if ((unsigned char) path[i] <= 0x20 || path[i] == 0x7f
            || path[i] == '#')
        {
            return false;
        }
    }

    return path[0] == '/' && i < sizeof(((attest_url_t *) 0)->path);
}
