/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The head of an answer, line by line: what libcurl would tolerate and we do
 * not, limits, and the fields that we look at.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/attest_head.h"


#define ATTEST_HEAD_FIELDS    128
#define ATTEST_HEAD_BYTES     (128 * 1024)
#define ATTEST_HEAD_INTERIM   8

#define ATTEST_SEEN_LENGTH    1
#define ATTEST_SEEN_CODING    2
#define ATTEST_SEEN_NONCE     4


static const char *attest_head_status(attest_head_t *h, char *line);
static void attest_head_end(attest_head_t *h);
static bool attest_head_field(attest_head_t *h, char *line);
static bool attest_head_once(attest_head_t *h, unsigned mine, unsigned others);
static bool attest_head_number(const char *text, uint64_t *v);


void
attest_head_reset(attest_head_t *h)
{
    h->heads = 0;
    h->lines = 0;
    h->bytes = 0;
    h->done = false;
    h->status = 0;
}


const char *
attest_head_line(attest_head_t *h, const char *p, size_t n)
{
    if (n >= ATTEST_HEAD_LINE || memchr(p, '\0', n) != NULL) {
        return "the answer is not HTTP";
    }

    while (n != 0 && (p[n - 1] == '\n' || p[n - 1] == '\r')) {
        n--;
    }

    memcpy(h->line, p, n);
    h->line[n] = '\0';

    /* RFC 9112, section 7.1.2: fields behind the last chunk; none is used */

    if (h->done) {
        return h->lines++ < ATTEST_HEAD_FIELDS
               ? NULL : "the answer has too long a trailer";
    }

    if (h->lines++ == 0) {
        return attest_head_status(h, h->line);
    }

    if (n == 0) {
        attest_head_end(h);
        return NULL;
    }

    h->bytes += n;

    return h->lines <= ATTEST_HEAD_FIELDS + 1 && h->bytes <= ATTEST_HEAD_BYTES
           && attest_head_field(h, h->line)
           ? NULL : "the answer has a malformed header";
}


static const char *
attest_head_status(attest_head_t *h, char *line)
{
    uint64_t  status;

    static const char  wrong[] = "the answer is not HTTP/1.1";

    if (h->heads++ > ATTEST_HEAD_INTERIM) {
        return "too many interim answers";
    }

    if ((strncmp(line, "HTTP/1.1 ", 9) != 0
         && strncmp(line, "HTTP/1.0 ", 9) != 0)
        || strlen(line) < 12
        || (line[12] != '\0' && line[12] != ' '))
    {
        return wrong;
    }

    h->close = (line[7] == '0');
    line[12] = '\0';

    if (!attest_head_number(line + 9, &status) || status < 100) {
        return wrong;
    }

    h->status = (int) status;
    h->framing = ATTEST_BODY_CLOSE;
    h->seen = 0;
    h->type[0] = '\0';
    h->ehbp_nonce[0] = '\0';
    h->etag[0] = '\0';
    return NULL;
}


static void
attest_head_end(attest_head_t *h)
{
    h->lines = 0;

    if (h->status < 200) {
        return;
    }

    h->done = true;

    if (h->status == 204 || h->status == 304) {
        h->framing = ATTEST_BODY_NONE;
    }

    if (h->framing == ATTEST_BODY_CLOSE) {
        h->close = true;
    }
}


/* RFC 9112, section 6.3: two lengths are an attack or a bug. */

static bool
attest_head_field(attest_head_t *h, char *line)
{
    char      *value, *end;
    uint64_t   length;

    value = strchr(line, ':');
    if (value == NULL || value == line || line[0] == ' ' || line[0] == '\t') {
        return false;
    }

    *value++ = '\0';
    value += strspn(value, " \t");
    end = value + strlen(value);

    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        *--end = '\0';
    }

    if (strcasecmp(line, "Content-Length") == 0) {
        h->framing = ATTEST_BODY_LENGTH;
        return attest_head_once(h, ATTEST_SEEN_LENGTH, ATTEST_SEEN_CODING)
               && attest_head_number(value, &length);
    }

    if (strcasecmp(line, "Transfer-Encoding") == 0) {
        h->framing = ATTEST_BODY_CHUNKED;
        return attest_head_once(h, ATTEST_SEEN_CODING, ATTEST_SEEN_LENGTH)
               && strcasecmp(value, "chunked") == 0;
    }

    if (strcasecmp(line, "Connection") == 0) {
        h->close |= (strcasecmp(value, "close") == 0);

    } else if (strcasecmp(line, "Content-Type") == 0) {
        (void) snprintf(h->type, sizeof(h->type), "%.*s",
                        (int) strcspn(value, "; \t"), value);

    } else if (strcasecmp(line, "ETag") == 0) {
        (void) snprintf(h->etag, sizeof(h->etag), "%s", value);

    } else if (strcasecmp(line, "Ehbp-Response-Nonce") == 0) {
        if (!attest_head_once(h, ATTEST_SEEN_NONCE, 0) || strlen(value) != 64) {
            return false;
        }

        memcpy(h->ehbp_nonce, value, 65);
    }

    return true;
}


static bool
attest_head_once(attest_head_t *h, unsigned mine, unsigned others)
{
    if (h->seen & (mine | others)) {
        return false;
    }

    h->seen |= mine;
    return true;
}


/* Digits only, no sign, no blank, no overflow. */

static bool
attest_head_number(const char *text, uint64_t *v)
{
    size_t  n = strlen(text);

    if (n == 0 || n > 15 || strspn(text, "0123456789") != n) {
        return false;
    }

    *v = strtoull(text, NULL, 10);
    return true;
}
