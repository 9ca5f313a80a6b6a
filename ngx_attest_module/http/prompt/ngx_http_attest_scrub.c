/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Takes out of a response what the backend, or a filter before us, must not
 * say to the client.
 */


#include "http/prompt/ngx_http_attest_scrub.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/ngx_http_attest_list.h"


static ngx_uint_t ngx_http_attest_scrub_begins(ngx_str_t *key,
    const char *name);
static ngx_uint_t ngx_http_attest_scrub_of_formats(
    ngx_http_attest_main_conf_t *amcf, ngx_str_t *key);
static ngx_uint_t ngx_http_attest_scrub_drops(ngx_str_t *key, ngx_uint_t cors,
    ngx_uint_t sealed);


void
ngx_http_attest_scrub(ngx_http_request_t *r, ngx_uint_t cors,
    ngx_uint_t sealed)
{
    ngx_table_elt_t              *h;
    ngx_http_attest_list_t        at;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    ngx_http_attest_list_begin(&at, &r->headers_out.headers.part);

    while ((h = ngx_http_attest_list_next(&at)) != NULL) {

        if (h->hash != 0
            && (ngx_http_attest_scrub_of_formats(amcf, &h->key)
                || ngx_http_attest_scrub_drops(&h->key, cors, sealed)))
        {
            h->hash = 0;
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


/* What only we say, in the name of a format. */

static ngx_uint_t
ngx_http_attest_scrub_of_formats(ngx_http_attest_main_conf_t *amcf,
    ngx_str_t *key)
{
    const char  *const                      *name;
    const ngx_http_attest_format_t  *const  *f;

    for (f = amcf->formats; *f != NULL; f++) {

        name = (*f)->response_fields;

        for ( /* void */ ; name != NULL && *name != NULL; name++) {
            if (ngx_http_attest_scrub_begins(key, *name)) {
                return 1;
            }
        }
    }

    return 0;
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

    if (ngx_http_attest_scrub_begins(key, "X-Attest-")) {
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
