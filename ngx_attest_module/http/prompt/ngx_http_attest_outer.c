/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The client's own request, kept while the one that was inside is in its
 * place: for logs, for CORS, and for an answer in clear.
 */


#include "http/prompt/ngx_http_attest_outer.h"


void
ngx_http_attest_outer_save(ngx_http_request_t *r,
    ngx_http_attest_outer_t *outer)
{
    outer->headers_in = r->headers_in;
    outer->method = r->method;
    outer->method_name = r->method_name;
    outer->uri = r->uri;
    outer->args = r->args;
    outer->unparsed_uri = r->unparsed_uri;
    outer->exten = r->exten;
    outer->loc_conf = r->loc_conf;
}


void
ngx_http_attest_outer_restore(ngx_http_request_t *r,
    ngx_http_attest_outer_t *outer)
{
    r->headers_in = outer->headers_in;
    r->method = outer->method;
    r->method_name = outer->method_name;
    r->uri = outer->uri;
    r->args = outer->args;
    r->unparsed_uri = outer->unparsed_uri;
    r->exten = outer->exten;

    ngx_http_attest_outer_no_variables(r);
}


void
ngx_http_attest_outer_no_variables(ngx_http_request_t *r)
{
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    ngx_memzero(r->variables,
                cmcf->variables.nelts * sizeof(ngx_http_variable_value_t));

#if (NGX_PCRE)
    r->ncaptures = 0;
#endif
}
