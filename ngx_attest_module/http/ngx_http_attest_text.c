/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers that are put together from many pieces, some of which others wrote:
 * every such piece is escaped here, for HTML or for JSON.
 */


#include "http/ngx_http_attest_text.h"
#include "core/base/attest_utf8.h"


#define NGX_HTTP_ATTEST_TEXT_FIRST  8192
#define NGX_HTTP_ATTEST_TEXT_MAX    (4 * 1024 * 1024)
#define NGX_HTTP_ATTEST_TEXT_PRINT  512


static void ngx_http_attest_text_copy(ngx_http_attest_text_t *text,
    const void *p, size_t n);
static ngx_int_t ngx_http_attest_text_grow(ngx_http_attest_text_t *text,
    size_t n);
static const char *ngx_http_attest_text_entity(u_char ch);
static ngx_uint_t ngx_http_attest_text_hidden(const u_char *p, size_t n,
    size_t *len);


void
ngx_http_attest_text_init(ngx_http_attest_text_t *text, ngx_pool_t *pool)
{
    ngx_memzero(text, sizeof(ngx_http_attest_text_t));

    text->pool = pool;
}


void
ngx_http_attest_text_add(ngx_http_attest_text_t *text, const char *s)
{
    ngx_http_attest_text_copy(text, s, ngx_strlen(s));
}


static void
ngx_http_attest_text_copy(ngx_http_attest_text_t *text, const void *p,
    size_t n)
{
    if (text->failed) {
        return;
    }

    if (n > text->room - text->len
        && ngx_http_attest_text_grow(text, n) != NGX_OK)
    {
        text->failed = 1;
        return;
    }

    ngx_memcpy(text->data + text->len, p, n);
    text->len += n;
}


static ngx_int_t
ngx_http_attest_text_grow(ngx_http_attest_text_t *text, size_t n)
{
    u_char  *p;
    size_t   room;

    room = ngx_max(2 * text->room, NGX_HTTP_ATTEST_TEXT_FIRST);

    while (room - text->len < n) {

        if (room > NGX_HTTP_ATTEST_TEXT_MAX) {
            return NGX_ERROR;
        }

        room *= 2;
    }

    p = ngx_palloc(text->pool, room);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (text->data != NULL) {
        ngx_memcpy(p, text->data, text->len);
        (void) ngx_pfree(text->pool, text->data);
    }

    text->data = p;
    text->room = room;

    return NGX_OK;
}


void
ngx_http_attest_text_print(ngx_http_attest_text_t *text, const char *fmt, ...)
{
    u_char   *last;
    u_char    buf[NGX_HTTP_ATTEST_TEXT_PRINT];
    va_list   args;

    va_start(args, fmt);
    last = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    if (last == buf + sizeof(buf)) {

        /* half of a piece of markup is worse than none of the page */

        text->failed = 1;
        return;
    }

    ngx_http_attest_text_copy(text, buf, last - buf);
}


/* Whether the first character may not be shown, and its length. */

static ngx_uint_t
ngx_http_attest_text_hidden(const u_char *p, size_t n, size_t *len)
{
    uint32_t  code;

    *len = attest_utf8_char(p, n, &code);

    if (*len == 0) {
        *len = 1;
        return 1;
    }

    return attest_utf8_is_hidden(code);
}


static const char *
ngx_http_attest_text_entity(u_char ch)
{
    switch (ch) {

    case '&':
        return "&amp;";

    case '<':
        return "&lt;";

    case '>':
        return "&gt;";

    case '"':
        return "&quot;";

    case '\'':
        return "&#39;";

    default:
        return NULL;
    }
}


void
ngx_http_attest_text_html(ngx_http_attest_text_t *text, const u_char *p,
    size_t n)
{
    size_t       i, len;
    const char  *entity;

    for (i = 0; i < n; i += len) {
        entity = ngx_http_attest_text_entity(p[i]);

        if (ngx_http_attest_text_hidden(p + i, n - i, &len)) {
            ngx_http_attest_text_add(text, "\xef\xbf\xbd");

        } else if (entity != NULL) {
            ngx_http_attest_text_add(text, entity);

        } else {
            ngx_http_attest_text_copy(text, p + i, len);
        }
    }
}


void
ngx_http_attest_text_json(ngx_http_attest_text_t *text, const u_char *p,
    size_t n)
{
    size_t  i, len;

    for (i = 0; i < n; i += len) {
        if (ngx_http_attest_text_hidden(p + i, n - i, &len)) {
            ngx_http_attest_text_add(text, "\xef\xbf\xbd");
            continue;
        }

        if (p[i] == '"' || p[i] == '\\') {
            ngx_http_attest_text_add(text, "\\");
        }

        ngx_http_attest_text_copy(text, p + i, len);
    }
}


void
ngx_http_attest_text_hex(ngx_http_attest_text_t *text, const u_char *p,
    size_t n)
{
    u_char  hex[2];
    size_t  i;

    for (i = 0; i < n; i++) {
        (void) ngx_hex_dump(hex, (u_char *) p + i, 1);
        ngx_http_attest_text_copy(text, hex, 2);
    }
}
