/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Takes out of a response what the backend, or a filter before us, must not
 * say to the client.
 */


#include "http/prompt/ngx_http_attest_scrub.h"


static ngx_uint_t ngx_http_attest_scrub_begins(ngx_str_t *key,
    const char *name);
static ngx_uint_t ngx_http_attest_scrub_drops(ngx_str_t *key, ngx_uint_t cors,
    ngx_uint_t sealed);


void
ngx_http_attest_scrub(ngx_http_request_t *r, ngx_uint_t cors,
    ngx_uint_t sealed)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash != 0
                && ngx_http_attest_scrub_drops(&h[i].key, cors, sealed))
            {
                h[i].hash = 0;
            }
        }
    }
}


static ngx_uint_t
ngx_http_attest_scrub_begins(ngx_str_t *key, const char *name)
{
    size_t  len;

    len = ngx_strlen(name);

    return key->len >= len
           && ngx_strncasecmp(key->data, (u_char *) name, len) == 0;
}


static ngx_uint_t
ngx_http_attest_scrub_drops(ngx_str_t *key, ngx_uint_t cors, ngx_uint_t sealed)
{
    ngx_uint_t  i;

    /* digests would tell a guess of the plaintext from a wrong one */

    static const char  *names[] = {
        "Cache-Control", "Content-Length", "ETag", "Last-Modified",
        "Accept-Ranges", "Content-MD5", "Digest", "Content-Digest",
        "Repr-Digest", "Incremental", NULL
    };

    if (ngx_http_attest_scrub_begins(key, "X-Attest-")
        || ngx_http_attest_scrub_begins(key, "Ehbp-Response-Nonce")
        || ngx_http_attest_scrub_begins(key, "Ehbp-Encapsulated-Key"))
    {
        return 1;
    }

    if (cors && ngx_http_attest_scrub_begins(key, "Access-Control-")) {
        return 1;
    }

    for (i = 0; sealed && names[i] != NULL; i++) {
        if (key->len == ngx_strlen(names[i])
            && ngx_http_attest_scrub_begins(key, names[i]))
        {
            return 1;
        }
    }

    return 0;
}
