/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The head of an answer, line by line: what libcurl would tolerate and we do
 * not, limits, and the fields that we look at.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cli_head.h"


#define CLI_MAX_LINE      8192
#define CLI_MAX_FIELDS    128
#define CLI_MAX_HEAD      (128 * 1024)
#define CLI_MAX_INTERIM   8

#define CLI_SEEN_LENGTH   1
#define CLI_SEEN_CODING   2
#define CLI_SEEN_NONCE    4


static const char *cli_head_status(cli_conn_t *c, char *line);
static void cli_head_end(cli_conn_t *c);
static int cli_head_field(cli_conn_t *c, char *line);
static int cli_head_once(cli_conn_t *c, unsigned mine, unsigned others);
static int cli_head_number(const char *text, uint64_t *v);


void
cli_head_reset(cli_conn_t *c)
{
    c->heads = 0;
    c->lines = 0;
    c->bytes = 0;
    c->head_done = 0;
    c->status = 0;
}


const char *
cli_head_line(cli_conn_t *c, const char *p, size_t n)
{
    char  line[CLI_MAX_LINE];

    if (n >= CLI_MAX_LINE || memchr(p, '\0', n) != NULL) {
        return "the answer is not HTTP";
    }

    while (n != 0 && (p[n - 1] == '\n' || p[n - 1] == '\r')) {
        n--;
    }

    memcpy(line, p, n);
    line[n] = '\0';

    /* RFC 9112, section 7.1.2: fields behind the last chunk; none is used */

    if (c->head_done) {
        return c->lines++ < CLI_MAX_FIELDS
               ? NULL : "the answer has too long a trailer";
    }

    if (c->lines++ == 0) {
        return cli_head_status(c, line);
    }

    if (n == 0) {
        cli_head_end(c);
        return NULL;
    }

    c->bytes += n;

    return c->lines <= CLI_MAX_FIELDS + 1 && c->bytes <= CLI_MAX_HEAD
           && cli_head_field(c, line)
           ? NULL : "the answer has a malformed header";
}


static const char *
cli_head_status(cli_conn_t *c, char *line)
{
    uint64_t  status;

    static const char  wrong[] = "the answer is not HTTP/1.1";

    if (c->heads++ > CLI_MAX_INTERIM) {
        return "too many interim answers";
    }

    if ((strncmp(line, "HTTP/1.1 ", 9) != 0
         && strncmp(line, "HTTP/1.0 ", 9) != 0)
        || strlen(line) < 12
        || (line[12] != '\0' && line[12] != ' '))
    {
        return wrong;
    }

    c->close = (line[7] == '0');
    line[12] = '\0';

    if (!cli_head_number(line + 9, &status) || status < 100) {
        return wrong;
    }

    c->status = (int) status;
    c->framing = CLI_BODY_CLOSE;
    c->seen = 0;
    c->type[0] = '\0';
    c->ehbp_nonce[0] = '\0';
    c->etag[0] = '\0';
    return NULL;
}


static void
cli_head_end(cli_conn_t *c)
{
    c->lines = 0;

    if (c->status < 200) {
        return;
    }

    c->head_done = 1;

    if (c->status == 204 || c->status == 304) {
        c->framing = CLI_BODY_NONE;
    }

    if (c->framing == CLI_BODY_CLOSE) {
        c->close = 1;
    }
}


/* RFC 9112, section 6.3: two lengths are an attack or a bug. */

static int
cli_head_field(cli_conn_t *c, char *line)
{
    char      *value, *end;
    uint64_t   length;

    value = strchr(line, ':');
    if (value == NULL || value == line || line[0] == ' ' || line[0] == '\t') {
        return 0;
    }

    *value++ = '\0';
    value += strspn(value, " \t");
    end = value + strlen(value);

    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        *--end = '\0';
    }

    if (strcasecmp(line, "Content-Length") == 0) {
        c->framing = CLI_BODY_LENGTH;
        return cli_head_once(c, CLI_SEEN_LENGTH, CLI_SEEN_CODING)
               && cli_head_number(value, &length);
    }

    if (strcasecmp(line, "Transfer-Encoding") == 0) {
        c->framing = CLI_BODY_CHUNKED;
        return cli_head_once(c, CLI_SEEN_CODING, CLI_SEEN_LENGTH)
               && strcasecmp(value, "chunked") == 0;
    }

    if (strcasecmp(line, "Connection") == 0) {
        c->close |= (strcasecmp(value, "close") == 0);

    } else if (strcasecmp(line, "Content-Type") == 0) {
        (void) snprintf(c->type, sizeof(c->type), "%.*s",
                        (int) strcspn(value, "; \t"), value);

    } else if (strcasecmp(line, "ETag") == 0) {
        (void) snprintf(c->etag, sizeof(c->etag), "%s", value);

    } else if (strcasecmp(line, "Ehbp-Response-Nonce") == 0) {
        if (!cli_head_once(c, CLI_SEEN_NONCE, 0) || strlen(value) != 64) {
            return 0;
        }

        memcpy(c->ehbp_nonce, value, 65);
    }

    return 1;
}


static int
cli_head_once(cli_conn_t *c, unsigned mine, unsigned others)
{
    if (c->seen & (mine | others)) {
        return 0;
    }

    c->seen |= mine;
    return 1;
}


/* Digits only, no sign, no blank, no overflow. */

static int
cli_head_number(const char *text, uint64_t *v)
{
    size_t  n = strlen(text);

    if (n == 0 || n > 15 || strspn(text, "0123456789") != n) {
        return 0;
    }

    *v = strtoull(text, NULL, 10);
    return 1;
}
