/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "attest_seal" and its relatives: what is written, what of it is refused
 * when the configuration is read, and variables.  A module of its own, merged
 * when the proxy module is, and started before the gateway's filters.
 */


#include "http/ngx_http_attest_declare.h"
#include "http/ngx_http_attest_conf.h"
#include "http/prompt/ngx_http_attest_backend.h"
#include "http/prompt/ngx_http_attest_early.h"
#include "http/prompt/ngx_http_attest_locked.h"
#include "http/prompt/ngx_http_attest_routes.h"
#include "http/upstream/ngx_http_attest_envelop.h"
#include "http/upstream/ngx_http_attest_gather.h"
#include "http/upstream/ngx_http_attest_opening.h"
#include "http/upstream/ngx_http_attest_ready.h"
#include "http/upstream/ngx_http_attest_sealing_ctx.h"
#include "http/upstream/ngx_http_attest_traces.h"
#include "core/crypto/attest_xwing.h"

#include <sodium.h>


#define NGX_HTTP_ATTEST_SEALING_FILE  (64 * 1024)   /* that is read */
#define NGX_HTTP_ATTEST_SEALING_PATH  "/.well-known/ohttp-gateway"

#define NGX_HTTP_ATTEST_SEALING_VAR_PROTOCOL  0
#define NGX_HTTP_ATTEST_SEALING_VAR_ANSWER    1


static void *ngx_http_attest_sealing_create_main(ngx_conf_t *cf);
static void *ngx_http_attest_sealing_create_loc(ngx_conf_t *cf);
static char *ngx_http_attest_sealing_merge_loc(ngx_conf_t *cf, void *parent,
    void *child);
static const char *ngx_http_attest_sealing_bad(ngx_conf_t *cf,
    ngx_http_attest_sealing_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf);
static const char *ngx_http_attest_sealing_bad_proxy(ngx_conf_t *cf,
    ngx_http_attest_sealing_loc_conf_t *conf);
static const char *ngx_http_attest_sealing_bad_gateway(ngx_conf_t *cf,
    ngx_http_attest_sealing_t *seal);
static ngx_int_t ngx_http_attest_sealing_use(ngx_conf_t *cf,
    ngx_http_attest_sealing_loc_conf_t *conf);

static ngx_int_t ngx_http_attest_sealing_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_attest_sealing_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_attest_sealing_init_process(ngx_cycle_t *cycle);
static void ngx_http_attest_sealing_exit_process(ngx_cycle_t *cycle);

static char *ngx_http_attest_sealing_seal(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_sealing_option(ngx_conf_t *cf,
    ngx_http_attest_sealing_t *seal, ngx_str_t *value);
static char *ngx_http_attest_sealing_keys(ngx_conf_t *cf,
    ngx_http_attest_sealing_t *seal);
static char *ngx_http_attest_sealing_salt(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_sealing_api_key(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_attest_sealing_read(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_str_t *path, ngx_str_t *text);
static ngx_uint_t ngx_http_attest_sealing_line(ngx_str_t *text);
static ngx_int_t ngx_http_attest_sealing_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_command_t  ngx_http_attest_sealing_commands[] = {

    { ngx_string("attest_seal"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_attest_sealing_seal,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_seal_cache_salt"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_sealing_salt,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_seal_api_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_attest_sealing_api_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_attest_sealing_module_ctx = {
    ngx_http_attest_sealing_preconfiguration,   /* preconfiguration */
    ngx_http_attest_sealing_postconfiguration,  /* postconfiguration */

    ngx_http_attest_sealing_create_main,   /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_attest_sealing_create_loc,    /* create location configuration */
    ngx_http_attest_sealing_merge_loc      /* merge location configuration */
};


ngx_module_t  ngx_http_attest_sealing_module = {
    NGX_MODULE_V1,
    &ngx_http_attest_sealing_module_ctx,   /* module context */
    ngx_http_attest_sealing_commands,      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_attest_sealing_init_process,  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_attest_sealing_exit_process,  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_http_attest_sealing_variables[] = {

    { ngx_string("attest_seal_protocol"), NULL,
      ngx_http_attest_sealing_variable, NGX_HTTP_ATTEST_SEALING_VAR_PROTOCOL,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("attest_seal_answer"), NULL,
      ngx_http_attest_sealing_variable, NGX_HTTP_ATTEST_SEALING_VAR_ANSWER,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static void *
ngx_http_attest_sealing_create_main(ngx_conf_t *cf)
{
    ngx_http_attest_sealing_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_sealing_main_conf_t));
    if (smcf == NULL) {
        return NULL;
    }

    smcf->locations = ngx_array_create(cf->pool, 2, sizeof(void **));

    if (smcf->locations == NULL || sodium_init() < 0) {
        return NULL;
    }

    randombytes_buf(smcf->salt_key, sizeof(smcf->salt_key));
    smcf->xwing = attest_xwing_available();

    return smcf;
}


static void *
ngx_http_attest_sealing_create_loc(ngx_conf_t *cf)
{
    ngx_http_attest_sealing_loc_conf_t  *slcf;

    slcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_sealing_loc_conf_t));
    if (slcf == NULL) {
        return NULL;
    }

    slcf->seal = NGX_CONF_UNSET_PTR;
    slcf->salt = NGX_CONF_UNSET_UINT;

    return slcf;
}


static char *
ngx_http_attest_sealing_merge_loc(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_attest_sealing_loc_conf_t  *prev = parent;
    ngx_http_attest_sealing_loc_conf_t  *conf = child;

    const char                *bad;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_upstream_conf_t  *u;

    ngx_conf_merge_ptr_value(conf->seal, prev->seal, NULL);

    if (conf->salt == NGX_CONF_UNSET_UINT) {
        conf->salt_text = prev->salt_text;
    }

    ngx_conf_merge_uint_value(conf->salt, prev->salt,
                              NGX_HTTP_ATTEST_SALT_OFF);

    if (conf->key_name.data == NULL) {
        conf->key_name = prev->key_name;
        conf->key_value = prev->key_value;
    }

    if (conf->seal == NULL) {
        return NGX_CONF_OK;
    }

    /* who is on the way gives no orders, such as to answer something else */

    u = ngx_http_conf_get_module_loc_conf(cf, ngx_http_proxy_module);
    u->ignore_headers |= NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT
                         | NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE
                         | NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING
                         | NGX_HTTP_UPSTREAM_IGN_XA_CHARSET;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == NULL && !conf->here) {
        /* what is in it answers by itself */
        return NGX_CONF_OK;
    }

    bad = ngx_http_attest_sealing_bad(cf, conf, clcf);

    if (bad != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s with \"attest_seal\" in location \"%V\"", bad,
                           &clcf->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_attest_sealing_use(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* What would send prompts in clear, or keep them; NULL: nothing. */

static const char *
ngx_http_attest_sealing_bad(ngx_conf_t *cf,
    ngx_http_attest_sealing_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf)
{
    ngx_http_conf_ctx_t        *ctx;
    ngx_http_attest_backend_t  *b;

    b = (clcf->handler != NULL) ? ngx_http_attest_backend_of(clcf) : NULL;

    if (b == NULL || b->kind != NGX_HTTP_ATTEST_BACKEND_PROXY) {
        return "\"proxy_pass\" is needed";
    }

    if (clcf->client_body_in_file_only) {
        return "\"client_body_in_file_only\" cannot be used";
    }

    ctx = cf->ctx;

    if (ngx_http_attest_routes_mirrors(cf, ctx->loc_conf)) {
        return "\"mirror\" would hand prompts on in clear, it cannot be used";
    }

    if (clcf->post_action.len != 0) {
        return "\"post_action\" would hand prompts on in clear, it cannot be "
               "used";
    }

    return ngx_http_attest_sealing_bad_proxy(cf, conf);
}


static const char *
ngx_http_attest_sealing_bad_proxy(ngx_conf_t *cf,
    ngx_http_attest_sealing_loc_conf_t *conf)
{
    void                      *plcf;
    ngx_http_upstream_conf_t  *u;

    /* its first member is ngx_http_upstream_conf_t in all versions */

    plcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_proxy_module);
    u = plcf;

    if (u->upstream == NULL) {
        return "variables in \"proxy_pass\" cannot be used";
    }

#if (NGX_HTTP_CACHE)
    if (u->cache) {
        return "\"proxy_cache\" cannot be used";
    }
#endif

    if (u->store) {
        return "\"proxy_store\" cannot be used";
    }

    if (!u->pass_request_body) {
        return "\"proxy_pass_request_body off\" cannot be used";
    }

    if (ngx_http_attest_backend_version(plcf) > NGX_HTTP_VERSION_11) {
        return "\"proxy_http_version 1.1\" is needed";
    }

    if (conf->seal->gateway.len != 0) {
        return ngx_http_attest_sealing_bad_gateway(cf, conf->seal);
    }

    if (conf->seal->keys_file.len == 0) {
        return (ngx_http_attest_verify_of(u->upstream) == NULL)
               ? "a group with \"attest_verify\" is needed in \"proxy_pass\""
               : NULL;
    }

    return (ngx_http_attest_verify_of(u->upstream) != NULL)
           ? "\"keys\" for a group with \"attest_verify\" cannot be used"
           : NULL;
}


/* The group whose name it is; what the request inside is for is its name. */

static const char *
ngx_http_attest_sealing_bad_gateway(ngx_conf_t *cf,
    ngx_http_attest_sealing_t *seal)
{
    ngx_uint_t                       i;
    ngx_http_upstream_srv_conf_t   **uscfp;
    ngx_http_upstream_main_conf_t   *umcf;

    if (seal->form == ATTEST_ENVELOPE_EHBP || seal->keys_file.len != 0
        || seal->form == ATTEST_ENVELOPE_AUTO)
    {
        return "\"gateway\" is for \"ohttp\" without \"keys\" and cannot "
               "be used";
    }

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    uscfp = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if (uscfp[i]->host.len == seal->gateway.len
            && ngx_strncasecmp(uscfp[i]->host.data, seal->gateway.data,
                               seal->gateway.len) == 0
            && ngx_http_attest_verify_of(uscfp[i]) != NULL)
        {
            seal->group = uscfp[i];

            if (seal->authority.len == 0) {
                seal->authority = seal->gateway;
            }

            return NULL;
        }
    }

    return "a group with \"attest_verify\" is needed in \"gateway\"";
}


static ngx_int_t
ngx_http_attest_sealing_use(ngx_conf_t *cf,
    ngx_http_attest_sealing_loc_conf_t *conf)
{
    void                               ***loc_conf;
    ngx_http_upstream_conf_t             *u;
    ngx_http_attest_sealing_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_attest_sealing_module);

    loc_conf = ngx_array_push(smcf->locations);
    if (loc_conf == NULL) {
        return NGX_ERROR;
    }

    *loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;

    ngx_http_attest_traces_tls(cf, ((ngx_http_conf_ctx_t *) cf->ctx)->srv_conf);

    u = ngx_http_conf_get_module_loc_conf(cf, ngx_http_proxy_module);

#if (NGX_HTTP_SSL)
    if (u->ssl != NULL) {
        ngx_http_attest_traces_cleanse(u->ssl->ctx);
    }
#endif

    if (conf->seal->keys_file.len == 0 && conf->seal->group == NULL) {
        return NGX_OK;
    }

    return ngx_http_attest_envelop_wrap(cf, smcf, u->upstream);
}


static ngx_int_t
ngx_http_attest_sealing_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_attest_declare_variables(cf,
                                             ngx_http_attest_sealing_variables);
}


static ngx_int_t
ngx_http_attest_sealing_postconfiguration(ngx_conf_t *cf)
{
    void                               ***loc_conf;
    ngx_uint_t                            i;
    ngx_http_attest_loc_conf_t           *alcf;
    ngx_http_attest_main_conf_t          *amcf;
    ngx_http_attest_sealing_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_attest_sealing_module);

    if (smcf->locations->nelts == 0) {
        return NGX_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);
    amcf->seals = 1;
    amcf->run.ready = ngx_http_attest_ready;

    loc_conf = smcf->locations->elts;

    for (i = 0; i < smcf->locations->nelts; i++) {
        alcf = loc_conf[i][ngx_http_attest_module.ctx_index];
        amcf->largest = ngx_max(amcf->largest, alcf->max_size + 4096);

        /* nginx' default must not be what limits a prompt */
        ngx_http_attest_early_raise_size(loc_conf[i], alcf->max_size);
    }

    /* a gateway's own prompts are counted when all of it is known */

    if (amcf->servers->nelts == 0
        && ngx_http_attest_conf_memory_size(cf, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_attest_traces_init(cf) != NGX_OK
        || ngx_http_attest_gather_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_opening_init(cf);
}


static ngx_int_t
ngx_http_attest_sealing_init_process(ngx_cycle_t *cycle)
{
    ngx_http_attest_main_conf_t          *amcf;
    ngx_http_attest_sealing_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_attest_sealing_module);

    if (smcf == NULL || smcf->locations->nelts == 0
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_attest_module);

    return ngx_http_attest_locked_init(amcf, cycle->log);
}


static void
ngx_http_attest_sealing_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_attest_envelop_exit();
    ngx_http_attest_locked_exit();
}


/* attest_seal off | FORM [path=] [form=] [end=] [gateway= | keys=] ... */

static char *
ngx_http_attest_sealing_seal(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_sealing_loc_conf_t *slcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_http_attest_sealing_t  *seal;

    if (slcf->seal != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_http_attest_is(&value[1], "off")) {
        slcf->seal = NULL;
        return NGX_CONF_OK;
    }

    seal = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_sealing_t));
    if (seal == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_attest_is(&value[1], "ehbp")) {
        seal->form = ATTEST_ENVELOPE_EHBP;

    } else if (ngx_http_attest_is(&value[1], "ohttp")) {
        seal->form = ATTEST_ENVELOPE_OHTTP;

    } else if (ngx_http_attest_is(&value[1], "auto")) {
        seal->form = ATTEST_ENVELOPE_AUTO;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"attest_seal\", it must "
                           "be \"ehbp\", \"ohttp\", \"auto\" or \"off\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&seal->path, NGX_HTTP_ATTEST_SEALING_PATH);
    seal->required = 1;

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_http_attest_sealing_option(cf, seal, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    slcf->seal = seal;
    slcf->here = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_attest_sealing_option(ngx_conf_t *cf,
    ngx_http_attest_sealing_t *seal, ngx_str_t *value)
{
    ngx_str_t  v;

#define ngx_http_attest_sealing_named(s)                                     \
    (value->len > sizeof(s) - 1                                              \
     && ngx_strncmp(value->data, s, sizeof(s) - 1) == 0                      \
     && (v.data = value->data + sizeof(s) - 1,                               \
         v.len = value->len - (sizeof(s) - 1), 1))

    if (ngx_http_attest_sealing_named("path=")) {
        if (attest_bhttp_is_path(v.data, v.len)) {
            seal->path = v;
            return NGX_CONF_OK;
        }

    } else if (ngx_http_attest_sealing_named("authority=")) {
        if (attest_bhttp_is_authority(v.data, v.len)) {
            seal->authority = v;
            return NGX_CONF_OK;
        }

    } else if (ngx_http_attest_sealing_named("end=")) {
        seal->required = ngx_http_attest_is(&v, "required");

        if (seal->required || ngx_http_attest_is(&v, "optional")) {
            return NGX_CONF_OK;
        }

    } else if (ngx_http_attest_sealing_named("form=")) {
        if (seal->form == ATTEST_ENVELOPE_OHTTP
            && ngx_http_attest_is(&v, "whole"))
        {
            seal->form = ATTEST_ENVELOPE_OHTTP_WHOLE;
            return NGX_CONF_OK;
        }

        if (seal->form == ATTEST_ENVELOPE_OHTTP
            && ngx_http_attest_is(&v, "chunked"))
        {
            return NGX_CONF_OK;
        }

    } else if (ngx_http_attest_sealing_named("gateway=")) {
        if (attest_bhttp_is_authority(v.data, v.len)) {
            seal->gateway = v;
            return NGX_CONF_OK;
        }

    } else if (ngx_http_attest_sealing_named("keys=")) {
        seal->keys_file = v;
        return ngx_http_attest_sealing_keys(cf, seal);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"attest_seal\"", value);
    return NGX_CONF_ERROR;
}


/* A list as application/ohttp-keys has it; or one, as EHBP serves it. */

static char *
ngx_http_attest_sealing_keys(ngx_conf_t *cf, ngx_http_attest_sealing_t *seal)
{
    u_char              *p;
    size_t               count;
    ngx_str_t            text;
    ngx_command_t        cmd;
    attest_keyconfig_t   kc[ATTEST_KEYCONFIG_MAX_KEYS];

    ngx_str_set(&cmd.name, "attest_seal");

    if (ngx_http_attest_sealing_read(cf, &cmd, &seal->keys_file, &text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (attest_keyconfig_parse(text.data, text.len, kc) == ATTEST_OK) {
        p = ngx_palloc(cf->pool, text.len + 2);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        p[0] = (u_char) (text.len >> 8);
        p[1] = (u_char) text.len;
        ngx_memcpy(p + 2, text.data, text.len);

        text.data = p;
        text.len += 2;
    }

    count = ATTEST_KEYCONFIG_MAX_KEYS;

    if (attest_keyconfig_parse_list(text.data, text.len, kc, NULL, &count)
        != ATTEST_OK || count == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"attest_seal\" holds no key "
                           "configurations", &seal->keys_file);
        return NGX_CONF_ERROR;
    }

    seal->keys = text;

    return NGX_CONF_OK;
}


static char *
ngx_http_attest_sealing_salt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_sealing_loc_conf_t *slcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (slcf->salt != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_attest_is(&value[1], "off")) {
        slcf->salt = NGX_HTTP_ATTEST_SALT_OFF;
        return NGX_CONF_OK;
    }

    if (ngx_http_attest_is(&value[1], "request")) {
        slcf->salt = NGX_HTTP_ATTEST_SALT_REQUEST;
        return NGX_CONF_OK;
    }

    if (ngx_http_attest_is(&value[1], "caller")) {
        slcf->salt = NGX_HTTP_ATTEST_SALT_CALLER;
        return NGX_CONF_OK;
    }

    slcf->salt = NGX_HTTP_ATTEST_SALT_FIXED;

    if (ngx_http_attest_sealing_read(cf, cmd, &value[1], &slcf->salt_text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_attest_sealing_line(&slcf->salt_text)
        || slcf->salt_text.len > 256)
    {
        goto bad;
    }

    for (i = 0; i < slcf->salt_text.len; i++) {
        if (slcf->salt_text.data[i] == '"' || slcf->salt_text.data[i] == '\\')
        {
            goto bad;
        }
    }

    return NGX_CONF_OK;

bad:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" in \"attest_seal_cache_salt\" must hold one "
                       "line of up to 256 characters, without quotes and "
                       "backslashes", &value[1]);
    return NGX_CONF_ERROR;
}


/* Of a file: what a directive says is in "nginx -T". */

static char *
ngx_http_attest_sealing_api_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_attest_sealing_loc_conf_t *slcf = conf;

    u_char     *p;
    ngx_str_t  *value, text;

    if (slcf->key_name.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_http_attest_is(&value[1], "off")) {
        ngx_str_set(&slcf->key_name, "");
        return NGX_CONF_OK;
    }

    ngx_str_set(&slcf->key_name, "Authorization");

    if (cf->args->nelts == 3) {
        if (value[2].len <= 7
            || ngx_strncmp(value[2].data, "header=", 7) != 0
            || !attest_bhttp_is_token(value[2].data + 7, value[2].len - 7))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"attest_seal_api_key\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        slcf->key_name.data = value[2].data + 7;
        slcf->key_name.len = value[2].len - 7;
    }

    if (ngx_http_attest_sealing_read(cf, cmd, &value[1], &text) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_attest_sealing_line(&text)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"attest_seal_api_key\" must hold one "
                           "line with the key", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 3) {
        slcf->key_value = text;
        return NGX_CONF_OK;
    }

    p = ngx_pnalloc(cf->pool, sizeof("Bearer ") - 1 + text.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    slcf->key_value.data = p;
    slcf->key_value.len = sizeof("Bearer ") - 1 + text.len;

    p = ngx_cpymem(p, "Bearer ", sizeof("Bearer ") - 1);
    ngx_memcpy(p, text.data, text.len);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_attest_sealing_read(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *path, ngx_str_t *text)
{
    ssize_t     n;
    ngx_str_t   full;
    ngx_file_t  file;

    full = *path;

    if (ngx_conf_full_name(cf->cycle, &full, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.name = full;
    file.log = cf->log;
    file.fd = ngx_open_file(full.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" in \"%V\" cannot be read", path,
                           &cmd->name);
        return NGX_ERROR;
    }

    text->data = ngx_pnalloc(cf->pool, NGX_HTTP_ATTEST_SEALING_FILE);
    n = (text->data != NULL)
        ? ngx_read_file(&file, text->data, NGX_HTTP_ATTEST_SEALING_FILE, 0)
        : NGX_ERROR;

    (void) ngx_close_file(file.fd);

    if (n <= 0 || n == NGX_HTTP_ATTEST_SEALING_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"%V\" is empty or too long", path,
                           &cmd->name);
        return NGX_ERROR;
    }

    text->len = n;

    return NGX_OK;
}


/* One line of visible characters, whose end is taken off. */

static ngx_uint_t
ngx_http_attest_sealing_line(ngx_str_t *text)
{
    size_t  i;

    while (text->len != 0
           && (text->data[text->len - 1] == LF
               || text->data[text->len - 1] == CR))
    {
        text->len--;
    }

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] > 0x7e) {
            return 0;
        }
    }

    return text->len != 0 && text->data[0] != ' '
           && text->data[text->len - 1] != ' ';
}


static ngx_int_t
ngx_http_attest_sealing_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const char                     *text;
    ngx_http_attest_sealing_ctx_t  *ctx;

    static const char * const  forms[] = {
        "none", "none", "ehbp", "ohttp-chunked", "ohttp"
    };
    static const char * const  said[] = {
        NULL, "opened", "clear", "unauthenticated", "refused", "cut"
    };

    ctx = ngx_http_attest_sealing_ctx(r);
    text = NULL;

    if (ctx != NULL && data == NGX_HTTP_ATTEST_SEALING_VAR_ANSWER) {
        text = said[ctx->said];

    } else if (ctx != NULL && ctx->sent != NULL) {
        text = forms[ctx->envelope.form];
    }

    if (text == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) text;
    v->len = ngx_strlen(text);
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}
