/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Azure's instance metadata service (THIM: trusted hardware identity
 * management), which knows the VCEK of the machine below and makes TD quotes.
 */


#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/base/attest_base64.h"
#include "core/base/attest_json.h"
#include "providers/prov_azure.h"
#include "providers/prov_http.h"


#define ATTEST_AZURE_QUOTE_MAX   16384


static int prov_azure_ask(const prov_http_t *req, int64_t deadline,
    cJSON **json, char *error);
static const char *prov_azure_string(const cJSON *json, const char *name,
    char *error);
static char *prov_azure_quote_body(attest_span_t report);
static int prov_azure_base64url(const char *text, uint8_t **out,
    size_t *len);
static ssize_t prov_azure_read(int fd, uint8_t *buf, size_t room);


int
prov_azure_vcek(const char *address, int64_t deadline, uint8_t **out,
    size_t *len, char error[ATTEST_AZURE_ERROR])
{
    int            rc, n;
    char          *buf = NULL;
    cJSON         *json;
    size_t         room;
    const char    *vcek, *chain;
    prov_http_t    req = { .address = address, .headers = "Metadata: true\r\n",
                           .path = "/metadata/THIM/amd/certification" };

    rc = prov_azure_ask(&req, deadline, &json, error);
    if (rc != ATTEST_OK) {
        return rc;
    }

    vcek = prov_azure_string(json, "vcekCert", error);
    chain = vcek != NULL ? prov_azure_string(json, "certificateChain",
                                             error) : NULL;
    if (chain == NULL) {
        cJSON_Delete(json);
        return ATTEST_EFORMAT;
    }

    room = strlen(vcek) + strlen(chain) + 2;
    buf = malloc(room);

    if (buf != NULL) {
        n = snprintf(buf, room, "%s\n%s", vcek, chain);
        *out = (uint8_t *) buf;
        *len = (size_t) n;
    }

    cJSON_Delete(json);
    return buf != NULL ? ATTEST_OK : ATTEST_EINTERNAL;
}


int
prov_azure_tdquote(const char *address, attest_span_t report,
    int64_t deadline, uint8_t **out, size_t *len,
    char error[ATTEST_AZURE_ERROR])
{
    int            rc;
    char          *body;
    cJSON         *json;
    const char    *quote;
    prov_http_t    req = { .address = address, .headers = "",
                           .path = "/acc/tdquote" };

    body = prov_azure_quote_body(report);
    if (body == NULL) {
        snprintf(error, ATTEST_AZURE_ERROR, "no memory");
        return ATTEST_EINTERNAL;
    }

    req.body = body;
    rc = prov_azure_ask(&req, deadline, &json, error);
    free(body);

    if (rc != ATTEST_OK) {
        return rc;
    }

    quote = prov_azure_string(json, "quote", error);
    rc = ATTEST_EFORMAT;

    if (quote != NULL) {
        rc = prov_azure_base64url(quote, out, len);

        if (rc != ATTEST_OK) {
            snprintf(error, ATTEST_AZURE_ERROR, "metadata service: the quote"
                     " is not base64url");
        }
    }

    cJSON_Delete(json);
    return rc;
}


static int
prov_azure_ask(const prov_http_t *req, int64_t deadline, cJSON **json,
    char *error)
{
    int                                rc;
    char                               why[ATTEST_AZURE_ERROR];
    size_t                             len;
    uint8_t                           *body;
    static const attest_json_rules_t   rules = {
        .flags = ATTEST_JSON_MEMBERS           /* prov_azure_string() */
    };

    rc = prov_http(req, deadline, &body, &len, why);
    if (rc != ATTEST_OK) {
        snprintf(error, ATTEST_AZURE_ERROR, "metadata service %s%s: %.128s",
                 req->address, req->path, why);
        return rc;
    }

    rc = attest_json_parse(attest_span(body, len), &rules, json, NULL);
    free(body);

    if (rc != ATTEST_OK || !cJSON_IsObject(*json)) {
        cJSON_Delete(*json);
        *json = NULL;
        snprintf(error, ATTEST_AZURE_ERROR, "metadata service %s%s: the"
                 " answer is no JSON object", req->address, req->path);
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


/* The member must be there once, and not be empty. */

static const char *
prov_azure_string(const cJSON *json, const char *name, char *error)
{
    int           count = 0;
    const char   *text = NULL;
    const cJSON  *item;

    for (item = json->child; item != NULL; item = item->next) {

        if (item->string != NULL && strcmp(item->string, name) == 0) {
            text = cJSON_IsString(item) ? item->valuestring : NULL;
            count++;
        }
    }

    if (count != 1 || text == NULL || text[0] == '\0') {
        snprintf(error, ATTEST_AZURE_ERROR, "metadata service: the answer has"
                 " %s \"%s\"", count > 1 ? "more than one" : "no text", name);
        return NULL;
    }

    return text;
}


/* {"report":"base64url without padding"} */

static char *
prov_azure_quote_body(attest_span_t report)
{
    char    *body, *p;
    size_t   head = strlen("{\"report\":\"");

    body = malloc(head + attest_base64_len(report.n, ATTEST_BASE64_URL) + 3);
    if (body == NULL) {
        return NULL;
    }

    memcpy(body, "{\"report\":\"", head);
    p = body + head;
    attest_base64_encode(p, report, ATTEST_BASE64_URL);

    memcpy(p + strlen(p), "\"}", 3);
    return body;
}


/* RFC 4648 section 5; with its padding or without. */

static int
prov_azure_base64url(const char *text, uint8_t **out, size_t *len)
{
    size_t    n, pad;
    uint8_t  *buf;

    n = strcspn(text, "=");
    pad = (4 - n % 4) % 4;

    if (n == 0 || n > ATTEST_AZURE_QUOTE_MAX
        || (text[n] != '\0' && (strspn(text + n, "=") != pad
                                || text[n + pad] != '\0')))
    {
        return ATTEST_EFORMAT;
    }

    buf = malloc(n);
    if (buf == NULL) {
        return ATTEST_EINTERNAL;
    }

    if (attest_base64_decode(attest_span(text, n), ATTEST_BASE64_URL, buf, n,
                             len)
        != ATTEST_OK)
    {
        free(buf);
        return ATTEST_EFORMAT;
    }

    *out = buf;
    return ATTEST_OK;
}


int
prov_azure_file(const char *path, uint8_t **out, size_t *len,
    char error[ATTEST_AZURE_ERROR])
{
    int          fd;
    ssize_t      n = -1;
    uint8_t     *buf;
    struct stat  st;

    buf = malloc(ATTEST_MAX_ITEM + 1);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (buf != NULL && fd != -1) {
        errno = EINVAL;

        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
            n = prov_azure_read(fd, buf, ATTEST_MAX_ITEM + 1);
        }
    }

    if (n > 0 && n <= ATTEST_MAX_ITEM) {
        (void) close(fd);
        *out = buf;
        *len = (size_t) n;
        return ATTEST_OK;
    }

    snprintf(error, ATTEST_AZURE_ERROR, "cannot read certificates \"%.128s\":"
             " %s", path, n == -1 ? strerror(errno)
             : n == 0 ? "empty" : "too long");

    if (fd != -1) {
        (void) close(fd);
    }

    free(buf);
    return ATTEST_EARG;
}


static ssize_t
prov_azure_read(int fd, uint8_t *buf, size_t room)
{
    size_t   n;
    ssize_t  got;

    for (n = 0; n < room; n += (size_t) got) {
        got = read(fd, buf + n, room - n);

        if (got == 0) {
            break;
        }

        if (got == -1 && errno != EINTR) {
            return -1;
        }

        got = got == -1 ? 0 : got;
    }

    return (ssize_t) n;
}
