/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_BACKEND_H_INCLUDED
#define NGX_HTTP_ATTEST_BACKEND_H_INCLUDED


#include "http/ngx_http_attest.h"


typedef enum {
    NGX_HTTP_ATTEST_BACKEND_OTHER = 0,
    NGX_HTTP_ATTEST_BACKEND_PROXY,
    NGX_HTTP_ATTEST_BACKEND_FASTCGI,
    NGX_HTTP_ATTEST_BACKEND_SCGI,
    NGX_HTTP_ATTEST_BACKEND_UWSGI
} ngx_http_attest_backend_e;


/* A module whose directive can say another body than the prompt. */

typedef struct {
    ngx_http_attest_backend_e  kind;
    ngx_str_t                  name;        /* as its upstreams have it */
    const char                *module;
    const char                *pass;        /* directive */
    const char                *target;      /* of it, with a variable */
    const char                *body;        /* directive; PROXY's is the
                                               only one that makes all of it */
    ngx_http_handler_pt        handler;     /* of a location with "pass" */
} ngx_http_attest_backend_t;


/* At preconfiguration: how locations of other modules are known. */
ngx_int_t ngx_http_attest_backend_learn(ngx_conf_t *cf);
/* Whose a location is, whatever it passes to; NULL: of none in the list. */
ngx_http_attest_backend_t *ngx_http_attest_backend_of(
    ngx_http_core_loc_conf_t *clcf);
ngx_http_attest_backend_e ngx_http_attest_backend_kind(
    ngx_http_upstream_t *u);

/* A module by its name, and its directive, or NULL. */
ngx_module_t *ngx_http_attest_backend_module(ngx_conf_t *cf,
    const char *name);
ngx_command_t *ngx_http_attest_backend_command(ngx_module_t *module,
    const char *name);
/*
 * A setting of the proxy module that has no public structure, read through
 * its directive; 0 when there is no such directive.
 */
ngx_uint_t ngx_http_attest_backend_version(void *plcf);


#endif /* NGX_HTTP_ATTEST_BACKEND_H_INCLUDED */
