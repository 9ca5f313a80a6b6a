/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which locations take requests from inside Oblivious HTTP.
 */


#include "http/prompt/ngx_http_attest_ohttp.h"


static ngx_uint_t ngx_http_attest_ohttp_names(
    ngx_http_attest_loc_conf_t *gateway, ngx_http_core_loc_conf_t *clcf);
static void ngx_http_attest_ohttp_trim(ngx_str_t *path);


/*
 * "internal" alone says that a location is not for clients: files behind
 * X-Accel-Redirect, the backend of auth_request.  It has to say that it is
 * for requests from inside a seal, or attest_ohttp_allow has to name it.
 * What takes prompts itself is open to everybody who seals.
 */

ngx_uint_t
ngx_http_attest_ohttp_admits(ngx_http_attest_loc_conf_t *gateway,
    ngx_http_attest_loc_conf_t *alcf, ngx_http_core_loc_conf_t *clcf)
{
    if (alcf->inner != NGX_CONF_UNSET) {
        return alcf->inner;
    }

    if (clcf->internal) {
        return ngx_http_attest_ohttp_names(gateway, clcf);
    }

    return alcf->format != NULL && !alcf->format->inner
           && alcf->mode != NGX_HTTP_ATTEST_MODE_OFF;
}


/* The path of a target is this very location, not one below it. */

static ngx_uint_t
ngx_http_attest_ohttp_names(ngx_http_attest_loc_conf_t *gateway,
    ngx_http_core_loc_conf_t *clcf)
{
    ngx_str_t                 name, path;
    ngx_uint_t                i;
    ngx_http_attest_allow_t  *allow;

#if (NGX_PCRE)
    if (clcf->regex != NULL) {
        return 0;
    }
#endif

    if (clcf->noname || clcf->named) {
        return 0;
    }

    name = clcf->name;
    ngx_http_attest_ohttp_trim(&name);

    allow = gateway->allow->elts;

    for (i = 0; i < gateway->allow->nelts; i++) {
        path = allow[i].path;
        ngx_http_attest_ohttp_trim(&path);

        if (path.len == name.len
            && ngx_memcmp(path.data, name.data, name.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* "/v1" and "/v1/" are the same, and so are "/" and no path. */

static void
ngx_http_attest_ohttp_trim(ngx_str_t *path)
{
    if (path->len > 0 && path->data[path->len - 1] == '/') {
        path->len--;
    }
}


const char *
ngx_http_attest_ohttp_bad(ngx_http_attest_loc_conf_t *alcf,
    ngx_http_core_loc_conf_t *clcf)
{
    if (alcf->inner != 1) {
        return NULL;
    }

    if (alcf->endpoint
        || (alcf->format != NULL && alcf->format->inner))
    {
        return "\"attest_ohttp_inner on\" cannot be used in a location with "
               "\"attest_prompt ohttp\" or an endpoint";
    }

    if (!clcf->internal && (alcf->format == NULL || alcf->format->inner)) {
        return "\"attest_ohttp_inner on\" needs \"internal\" or "
               "\"attest_prompt ehbp\", for the location takes requests "
               "in clear";
    }

    return NULL;
}
