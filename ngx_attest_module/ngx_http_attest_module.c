
/*
 * Directives, configuration and phase hooks: the front door of the module.
 */


#include "ngx_http_attest_backend.h"
#include "ngx_http_attest_pass.h"
#include "ngx_http_attest_prompt.h"
#include "ngx_http_attest_refresh.h"
#include "ngx_http_attest_zone.h"

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>


#define NGX_HTTP_ATTEST_EVIDENCE   0
#define NGX_HTTP_ATTEST_KEYS_LIST  1
#define NGX_HTTP_ATTEST_STATUS     2


/* attest_prompt_memory, of each worker */
#define NGX_HTTP_ATTEST_MEMORY      ((size_t) 64 * 1024 * 1024)
#define NGX_HTTP_ATTEST_MIN_MEMORY  (256 * 1024)
#define NGX_HTTP_ATTEST_MAX_MEMORY  ((off_t) 64 * 1024 * 1024 * 1024)


#define ngx_http_attest_is(s, text)                                          \
    ((s)->len == sizeof(text) - 1                                            \
     && ngx_strncmp((s)->data, text, sizeof(text) - 1) == 0)


static ngx_int_t ngx_http_attest_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_attest_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_attest_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_attest_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_attest_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_attest_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_attest_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_attest_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_attest_init_process(ngx_cycle_t *cycle);
static void ngx_http_attest_exit_process(ngx_cycle_t *cycle);

static char *ngx_http_attest_lifetime(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_zone_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_queue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_measure(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_cert_names(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_prompt(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_prompt_mode(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_prompt_coalesce(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_attest_prompt_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_attest_prompt_memory(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_attest_memory_size(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
static char *ngx_http_attest_cors(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_attest_cors_origin(ngx_str_t *value);
static char *ngx_http_attest_endpoint_slot(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

static ngx_int_t ngx_http_attest_private_pool(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
static ngx_int_t ngx_http_attest_collect_names(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
static ngx_int_t ngx_http_attest_server_names(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_http_core_srv_conf_t *cscf);
static ngx_int_t ngx_http_attest_push_name(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, const char *prefix, ngx_str_t *name);
static ngx_int_t ngx_http_attest_add_handlers(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_attest_modes[] = {
    { ngx_string("off"), NGX_HTTP_ATTEST_MODE_OFF },
    { ngx_string("optional"), NGX_HTTP_ATTEST_MODE_OPTIONAL },
    { ngx_string("required"), NGX_HTTP_ATTEST_MODE_REQUIRED },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_attest_commands[] = {

    { ngx_string("attest_tpm"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_attest_tpm,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_tsm"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_attest_tsm,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_azure"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_attest_azure,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_gcp"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_attest_gcp,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_nitro"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_attest_nitro,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_gpu"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_attest_gpu,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_provider"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_attest_auto,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_lifetime"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_lifetime,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_attest_main_conf_t, lifetime),
      NULL },

    { ngx_string("attest_measure"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_attest_measure,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_environment"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_attest_environment,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_zone_size,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_attest_main_conf_t, zone_size),
      NULL },

    { ngx_string("attest_replay"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_replay,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_prompt_memory"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_prompt_memory,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_ohttp_xwing"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_ohttp_xwing,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_queue"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_queue,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_start_without_evidence"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_attest_main_conf_t, start_without_evidence),
      NULL },

    { ngx_string("attest_certificate"),
      NGX_HTTP_SRV_CONF|NGX_CONF_FLAG,
      ngx_http_attest_certificate,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_attest_srv_conf_t, certificate),
      NULL },

    { ngx_string("attest_certificate_names"),
      NGX_HTTP_SRV_CONF|NGX_CONF_1MORE,
      ngx_http_attest_cert_names,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_evidence"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_attest_endpoint_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_ATTEST_EVIDENCE,
      NULL },

    { ngx_string("attest_keys"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_attest_endpoint_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_ATTEST_KEYS_LIST,
      NULL },

    { ngx_string("attest_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_attest_endpoint_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_ATTEST_STATUS,
      NULL },

    { ngx_string("attest_prompt"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_prompt,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_prompt_mode"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_prompt_mode,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_prompt_max_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_prompt_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_prompt_coalesce"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_prompt_coalesce,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_ohttp_allow"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_attest_ohttp_allow,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_ohttp_replay"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_attest_ohttp_replay,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_ohttp_inner"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_attest_loc_conf_t, inner),
      NULL },

    { ngx_string("attest_prompt_mirror"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_attest_loc_conf_t, mirror),
      NULL },

    { ngx_string("attest_ohttp_pad"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_ohttp_pad,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_prompt_cors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_attest_cors,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_attest_module_ctx = {
    ngx_http_attest_preconfiguration,      /* preconfiguration */
    ngx_http_attest_postconfiguration,     /* postconfiguration */

    ngx_http_attest_create_main_conf,      /* create main configuration */
    ngx_http_attest_init_main_conf,        /* init main configuration */

    ngx_http_attest_create_srv_conf,       /* create server configuration */
    ngx_http_attest_merge_srv_conf,        /* merge server configuration */

    ngx_http_attest_create_loc_conf,       /* create location configuration */
    ngx_http_attest_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_attest_module = {
    NGX_MODULE_V1,
    &ngx_http_attest_module_ctx,           /* module context */
    ngx_http_attest_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_attest_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_attest_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_attest_preconfiguration(ngx_conf_t *cf)
{
    if (sodium_init() < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "attest: sodium_init() failed");
        return NGX_ERROR;
    }

    attest_tpm_quiet();

    if (ngx_http_attest_add_variables(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_attest_backend_learn(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_attest_tls_preconfiguration(cf);
}


static ngx_int_t
ngx_http_attest_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    if (amcf->servers->nelts == 0) {
        return NGX_OK;
    }

    amcf->used = 1;

    if (ngx_http_attest_source_check(cf, amcf) != NGX_OK
        || ngx_http_attest_add_handlers(cf) != NGX_OK
        || ngx_http_attest_tls_postconfiguration(cf, amcf) != NGX_OK
        || ngx_http_attest_collect_names(cf, amcf) != NGX_OK
        || ngx_http_attest_private_pool(cf, amcf) != NGX_OK
        || ngx_http_attest_ohttp_kems(cf, amcf) != NGX_OK
        || ngx_http_attest_routes_check(cf) != NGX_OK
        || ngx_http_attest_memory_size(cf, amcf) != NGX_OK
        || ngx_http_attest_replay_zone(cf, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_state_zone(cf, amcf);
}


/* Handlers of a phase run last in, first out: ours come before the others. */

static ngx_int_t
ngx_http_attest_add_handlers(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    static struct {
        ngx_uint_t              phase;
        ngx_http_handler_pt     handler;
    }  handlers[] = {
        { NGX_HTTP_POST_READ_PHASE, ngx_http_attest_server_handler },
        { NGX_HTTP_SERVER_REWRITE_PHASE, ngx_http_attest_subrequest },
        { NGX_HTTP_SERVER_REWRITE_PHASE, ngx_http_attest_server_handler },
        { NGX_HTTP_REWRITE_PHASE, ngx_http_attest_location_handler },
        { NGX_HTTP_PREACCESS_PHASE, ngx_http_attest_location_handler }
    };

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (ngx_http_attest_prompt_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        h = ngx_array_push(&cmcf->phases[handlers[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = handlers[i].handler;
    }

    return NGX_OK;
}


static void *
ngx_http_attest_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    amcf->servers = ngx_array_create(cf->pool, 4,
                                     sizeof(ngx_http_attest_srv_conf_t *));
    amcf->run.names = ngx_array_create(cf->pool, 4, sizeof(char *));
    amcf->measure = ngx_array_create(cf->pool, 4,
                                     sizeof(ngx_http_attest_measured_t));

    amcf->environment = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));

    amcf->source = ngx_http_attest_source_create_conf(cf);

    if (amcf->environment == NULL) {
        return NULL;
    }

    if (amcf->servers == NULL || amcf->run.names == NULL
        || amcf->measure == NULL || amcf->source == NULL)
    {
        return NULL;
    }

    amcf->timeout = NGX_CONF_UNSET_MSEC;
    amcf->lifetime = NGX_CONF_UNSET;
    amcf->zone_size = NGX_CONF_UNSET_SIZE;
    amcf->memory = NGX_CONF_UNSET_SIZE;
    amcf->queue = NGX_CONF_UNSET_UINT;
    amcf->xwing_conf = NGX_CONF_UNSET_UINT;
    amcf->start_without_evidence = NGX_CONF_UNSET;

    return amcf;
}


static char *
ngx_http_attest_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_attest_main_conf_t  *amcf = conf;

    ngx_http_ssl_srv_conf_t  *sscf;

    ngx_conf_init_msec_value(amcf->timeout,
                             ngx_http_attest_source_timeout(amcf));
    ngx_conf_init_value(amcf->lifetime, 3600);
    ngx_conf_init_size_value(amcf->zone_size, 4 * 1024 * 1024);
    ngx_conf_init_uint_value(amcf->queue, 16);
    ngx_conf_init_value(amcf->start_without_evidence, 0);

    /* before it is merged into the servers: zero when not set */

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);
    amcf->http_protocols = sscf->protocols;
    amcf->http_ticket_keys = sscf->session_ticket_keys;

    return NGX_CONF_OK;
}


static void *
ngx_http_attest_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_attest_srv_conf_t  *ascf;

    ascf = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_srv_conf_t));
    if (ascf == NULL) {
        return NULL;
    }

    ascf->certificate = NGX_CONF_UNSET;

    return ascf;
}


static char *
ngx_http_attest_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_attest_srv_conf_t  *conf = child;

    ngx_http_attest_srv_conf_t   **ascf;
    ngx_http_attest_main_conf_t   *amcf;

    if (conf->certificate == NGX_CONF_UNSET) {
        conf->certificate = 0;
    }

    if (!conf->attested) {
        return NGX_CONF_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    ascf = ngx_array_push(amcf->servers);
    if (ascf == NULL) {
        return NGX_CONF_ERROR;
    }

    *ascf = conf;

    return NGX_CONF_OK;
}


static void *
ngx_http_attest_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_attest_loc_conf_t));
    if (alcf == NULL) {
        return NULL;
    }

    alcf->prompt_conf = NGX_CONF_UNSET_UINT;
    alcf->mode = NGX_CONF_UNSET_UINT;
    alcf->max_size = NGX_CONF_UNSET_SIZE;
    alcf->cors = NGX_CONF_UNSET_PTR;
    alcf->replay = NGX_CONF_UNSET_UINT;
    alcf->coalesce = NGX_CONF_UNSET_MSEC;
    alcf->pad = NGX_CONF_UNSET_SIZE;
    alcf->mirror = NGX_CONF_UNSET;
    alcf->inner = NGX_CONF_UNSET;

    return alcf;
}


static char *
ngx_http_attest_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_attest_loc_conf_t  *prev = parent;
    ngx_http_attest_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_attest_main_conf_t  *amcf;

    /* a gateway is one location, not what is nested in it */

    if (prev->prompt_conf == NGX_HTTP_ATTEST_PROMPT_OHTTP) {
        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

        if (clcf->noname) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"if\" and \"limit_except\" cannot be used in "
                               "the gateway location of \"attest_prompt "
                               "ohttp\"");
            return NGX_CONF_ERROR;
        }

    } else {
        ngx_conf_merge_uint_value(conf->prompt_conf, prev->prompt_conf,
                                  NGX_HTTP_ATTEST_PROMPT_OFF);
    }

    ngx_conf_init_uint_value(conf->prompt_conf, NGX_HTTP_ATTEST_PROMPT_OFF);

    if (conf->replay == NGX_CONF_UNSET_UINT) {
        conf->window = prev->window;
    }

    ngx_conf_merge_uint_value(conf->replay, prev->replay,
                              NGX_HTTP_ATTEST_REPLAY_KEY);
    ngx_conf_merge_uint_value(conf->mode, prev->mode,
                              NGX_HTTP_ATTEST_MODE_REQUIRED);
    ngx_conf_merge_size_value(conf->max_size, prev->max_size,
                              8 * 1024 * 1024);
    ngx_conf_merge_ptr_value(conf->cors, prev->cors, NULL);
    ngx_conf_merge_msec_value(conf->coalesce, prev->coalesce, 0);
    ngx_conf_merge_size_value(conf->pad, prev->pad, 0);
    ngx_conf_merge_value(conf->mirror, prev->mirror, 0);

    if (ngx_http_attest_routes_add(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    conf->hides = ngx_http_attest_pass_bad(cf,
                                ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf);

    if (conf->prompt_conf == NGX_HTTP_ATTEST_PROMPT_OHTTP
        || conf->allow != NULL)
    {
        conf->prompt = conf->prompt_conf;
        return ngx_http_attest_ohttp_check(cf, conf);
    }

    /* the endpoints of a sealed server are read in clear by design */

    conf->prompt = conf->endpoint ? NGX_HTTP_ATTEST_PROMPT_OFF
                                  : conf->prompt_conf;

    if (conf->prompt == NGX_HTTP_ATTEST_PROMPT_OFF
        || conf->mode == NGX_HTTP_ATTEST_MODE_OFF)
    {
        return NGX_CONF_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);
    amcf->prompts = 1;

    return ngx_http_attest_pass_check(cf, conf);
}


/*
 * Prompts and keys live in this process: no core dump, no ptrace by the
 * worker's user.  nginx has made the process dumpable again just before.
 */

static ngx_int_t
ngx_http_attest_init_process(ngx_cycle_t *cycle)
{
    struct rlimit                 rl;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_attest_module);

    if (amcf == NULL || !amcf->used) {
        return NGX_OK;
    }

    rl.rlim_cur = 0;
    rl.rlim_max = 0;

    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1
        || setrlimit(RLIMIT_CORE, &rl) == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "attest: cannot forbid core dumps");
        return NGX_ERROR;
    }

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    ngx_http_attest_lock_zone(amcf, cycle->log);

    /* nginx gives its workers another environment */

    attest_tpm_quiet();

    if (ngx_http_attest_memory_init(amcf, cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_attest_init_worker(cycle, amcf);
}


static void
ngx_http_attest_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_attest_module);

    if (amcf != NULL && amcf->used) {
        ngx_http_attest_exit_worker(amcf);
        ngx_http_attest_memory_exit();
    }
}


void
ngx_http_attest_mark_server(ngx_conf_t *cf)
{
    ngx_http_attest_srv_conf_t  *ascf;

    ascf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_attest_module);

    ascf->attested = 1;

    if (ascf->file_name == NULL) {
        ascf->file_name = cf->conf_file->file.name.data;
        ascf->line = cf->conf_file->line;
    }
}


static char *
ngx_http_attest_lifetime(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    ngx_str_t  *value;

    if (amcf->lifetime != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    amcf->lifetime = ngx_parse_time(&value[1], 1);

    if (amcf->lifetime == (time_t) NGX_ERROR
        || amcf->lifetime < 3 || amcf->lifetime > 24 * 3600)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"attest_lifetime\", "
                           "3s to 24h are possible", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_attest_zone_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    size_t     *size;
    ssize_t     n;
    ngx_str_t  *value;

    size = (size_t *) (p + cmd->offset);

    if (*size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_parse_size(&value[1]);

    if (n < 64 * 1024 || n > 1024 * 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in \"%V\", "
                           "64k to 1024m are possible", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    *size = n;
    return NGX_CONF_OK;
}


static char *
ngx_http_attest_queue(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (amcf->queue != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_atoi(value[1].data, value[1].len);

    if (n < 1 || n > 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number \"%V\" in \"attest_queue\", "
                           "1 to 1024 are possible", &value[1]);
        return NGX_CONF_ERROR;
    }

    amcf->queue = n;
    return NGX_CONF_OK;
}


static char *
ngx_http_attest_measure(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_attest_measured_t  *file;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        file = ngx_array_push(amcf->measure);
        if (file == NULL) {
            return NGX_CONF_ERROR;
        }

        file->path = value[i];
        file->said = 0;

        if (ngx_conf_full_name(cf->cycle, &file->path, 0) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (ngx_file_info(file->path.data, &file->info) == NGX_FILE_ERROR
            || !ngx_is_file(&file->info))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               "\"%V\" in \"attest_measure\" is not "
                               "a readable file", &file->path);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_attest_certificate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_srv_conf_t *ascf = conf;

    char  *rv;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_attest_mark_server(cf);

    if (!ascf->certificate) {
        return NGX_CONF_OK;
    }

    if (ngx_http_attest_tls_placeholder(cf) != NGX_OK) {
        return "conflicts with \"ssl_certificate\": the module makes the key "
               "and the certificate itself";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_attest_cert_names(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_srv_conf_t *ascf = conf;

    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    if (ascf->cert_names != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ascf->cert_names = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                        sizeof(ngx_str_t));
    if (ascf->cert_names == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (attest_ratls_name_ok((char *) value[i].data) != 1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%V\" in "
                               "\"attest_certificate_names\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(ascf->cert_names);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_attest_prompt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    ngx_str_t  *value;

    if (alcf->prompt_conf != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_attest_is(&value[1], "off")) {
        alcf->prompt_conf = NGX_HTTP_ATTEST_PROMPT_OFF;
        return NGX_CONF_OK;
    }

    if (ngx_http_attest_is(&value[1], "ohttp")) {
        ngx_http_attest_mark_server(cf);
        return ngx_http_attest_ohttp_location(cf, alcf);
    }

    if (!ngx_http_attest_is(&value[1], "ehbp")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"attest_prompt\", it "
                           "must be \"ehbp\", \"ohttp\" or \"off\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    alcf->prompt_conf = NGX_HTTP_ATTEST_PROMPT_EHBP;
    ngx_http_attest_mark_server(cf);

    return NGX_CONF_OK;
}


static char *
ngx_http_attest_prompt_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    ngx_str_t        *value;
    ngx_conf_enum_t  *e;

    if (alcf->mode != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (e = ngx_http_attest_modes; e->name.len != 0; e++) {
        if (e->name.len == value[1].len
            && ngx_strncmp(e->name.data, value[1].data, e->name.len) == 0)
        {
            alcf->mode = e->value;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"attest_prompt_mode\", it "
                       "must be \"required\", \"optional\" or \"off\"",
                       &value[1]);
    return NGX_CONF_ERROR;
}


static char *
ngx_http_attest_prompt_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    off_t       n;
    ngx_str_t  *value;

    if (alcf->max_size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_parse_offset(&value[1]);

    if (n < 1 || n > 1024 * 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in "
                           "\"attest_prompt_max_size\", 1 to 1024m "
                           "are possible", &value[1]);
        return NGX_CONF_ERROR;
    }

    alcf->max_size = n;
    return NGX_CONF_OK;
}


static char *
ngx_http_attest_prompt_memory(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_main_conf_t *amcf = conf;

    off_t       n;
    ngx_str_t  *value;

    if (amcf->memory != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_parse_offset(&value[1]);

    if (n < NGX_HTTP_ATTEST_MIN_MEMORY || n > NGX_HTTP_ATTEST_MAX_MEMORY) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in \"attest_prompt_memory\", "
                           "256k to 64g are possible", &value[1]);
        return NGX_CONF_ERROR;
    }

    amcf->memory = ngx_align(n, ngx_pagesize);
    return NGX_CONF_OK;
}


/* The default has room for two of the largest prompts that are allowed. */

static ngx_int_t
ngx_http_attest_memory_size(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf)
{
    if (amcf->memory == NGX_CONF_UNSET_SIZE) {
        amcf->memory = ngx_align(ngx_max(2 * amcf->largest,
                                         NGX_HTTP_ATTEST_MEMORY),
                                 ngx_pagesize);

    } else if (amcf->memory < amcf->largest) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"attest_prompt_memory\" of %uz bytes has no room for "
                      "prompts that \"attest_prompt_max_size\" allows, "
                      "%uz bytes with what is around them: such are refused",
                      amcf->memory, amcf->largest);
    }

    return NGX_OK;
}


static char *
ngx_http_attest_prompt_coalesce(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (alcf->coalesce != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        alcf->coalesce = 0;
        return NGX_CONF_OK;
    }

    n = ngx_parse_time(&value[1], 0);

    if (n < 1 || n > 5000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in "
                           "\"attest_prompt_coalesce\", it must be \"off\" or "
                           "from 1ms to 5s", &value[1]);
        return NGX_CONF_ERROR;
    }

    alcf->coalesce = n;
    return NGX_CONF_OK;
}


static char *
ngx_http_attest_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (alcf->cors != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_http_attest_is(&value[1], "off")) {
        alcf->cors = NULL;
        return NGX_CONF_OK;
    }

    alcf->cors = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                  sizeof(ngx_str_t));
    if (alcf->cors == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_attest_cors_origin(&value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\" in "
                               "\"attest_prompt_cors\", it must be \"*\" or "
                               "like \"https://example.com\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(alcf->cors);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


/* scheme://host[:port] as RFC 6454 section 6.2 writes it, or "*" */

static ngx_int_t
ngx_http_attest_cors_origin(ngx_str_t *value)
{
    u_char  *p, *last;

    if (ngx_http_attest_is(value, "*")) {
        return NGX_OK;
    }

    p = value->data;
    last = p + value->len;

    if (value->len > 8 && ngx_strncmp(p, "https://", 8) == 0) {
        p += 8;

    } else if (value->len > 7 && ngx_strncmp(p, "http://", 7) == 0) {
        p += 7;

    } else {
        return NGX_ERROR;
    }

    for ( /* void */ ; p < last; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
              || *p == '.' || *p == '-' || *p == ':' || *p == '['
              || *p == ']'))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The endpoints of a server are read in clear, whatever it seals. */

static char *
ngx_http_attest_endpoint_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    ngx_http_attest_srv_conf_t   *ascf;
    ngx_http_attest_main_conf_t  *amcf;

    if (alcf->endpoint) {
        return "conflicts with another endpoint in this location";
    }

    alcf->endpoint = 1;

    switch (cmd->offset) {

    case NGX_HTTP_ATTEST_EVIDENCE:
        return ngx_http_attest_evidence(cf, cmd, conf);

    case NGX_HTTP_ATTEST_KEYS_LIST:
        amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);
        amcf->keys = 1;

        return ngx_http_attest_keys(cf, cmd, conf);

    default: /* NGX_HTTP_ATTEST_STATUS */

        /* an operator needs it most when there is no evidence */

        ascf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_attest_module);
        ascf->ungated = 1;
        alcf->ungated = 1;

        return ngx_http_attest_status(cf, cmd, conf);
    }
}


/*
 * One private thread: evidence is collected by exactly one thread of a
 * process, and a slow TPM must not take the threads that serve files.  The
 * pool's size can only be set through the directive, so we call that.
 */

static ngx_int_t
ngx_http_attest_private_pool(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    char           *rv;
    void           *conf;
    ngx_str_t      *value;
    ngx_array_t    *args;
    ngx_command_t  *cmd;

    static ngx_str_t  name = ngx_string("ngx_attest");

    amcf->run.pool = ngx_thread_pool_get(cf->cycle, &name);
    if (amcf->run.pool != NULL) {
        return NGX_OK;
    }

    args = cf->args;

    cf->args = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
    if (cf->args == NULL) {
        return NGX_ERROR;
    }

    value = ngx_array_push_n(cf->args, 4);
    if (value == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&value[0], "thread_pool");
    value[1] = name;
    ngx_str_set(&value[2], "threads=1");
    ngx_str_set(&value[3], "max_queue=16");

    rv = NGX_CONF_ERROR;
    conf = ngx_get_conf(cf->cycle->conf_ctx, ngx_thread_pool_module);

    for (cmd = ngx_thread_pool_module.commands; cmd->name.len; cmd++) {
        if (ngx_strcmp(cmd->name.data, "thread_pool") == 0) {
            rv = cmd->set(cf, cmd, conf);
            break;
        }
    }

    cf->args = args;

    if (rv != NGX_CONF_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "attest: cannot make the thread pool \"%V\"",
                           &name);
        return NGX_ERROR;
    }

    amcf->run.pool = ngx_thread_pool_get(cf->cycle, &name);

    return (amcf->run.pool != NULL) ? NGX_OK : NGX_ERROR;
}


/* The names of the one certificate: those of all servers that use it. */

static ngx_int_t
ngx_http_attest_collect_names(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_str_t                    *names;
    ngx_uint_t                    i, s;
    ngx_http_core_srv_conf_t    **cscfp;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_attest_srv_conf_t   *ascf;

    if (!amcf->certificate) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (s = 0; s < cmcf->servers.nelts; s++) {

        ascf = cscfp[s]->ctx->srv_conf[ngx_http_attest_module.ctx_index];

        if (!ascf->certificate) {
            continue;
        }

        if (ascf->cert_names == NULL) {
            if (ngx_http_attest_server_names(cf, amcf, cscfp[s]) != NGX_OK) {
                return NGX_ERROR;
            }
            continue;
        }

        names = ascf->cert_names->elts;

        for (i = 0; i < ascf->cert_names->nelts; i++) {
            if (ngx_http_attest_push_name(cf, amcf, "", &names[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    if (amcf->run.names->nelts == 0
        && ngx_http_attest_push_name(cf, amcf, "", &cf->cycle->hostname)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (amcf->run.names->nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "attest: no server name can stand in a "
                           "certificate, set \"attest_certificate_names\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_attest_server_names(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf, ngx_http_core_srv_conf_t *cscf)
{
    ngx_str_t                name;
    ngx_uint_t               i;
    ngx_http_server_name_t  *sn;

    sn = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

#if (NGX_PCRE)
        if (sn[i].regex != NULL) {
            continue;
        }
#endif

        name = sn[i].name;

        /* the usual name of a server that has none */

        if (ngx_http_attest_is(&name, "_")) {
            continue;
        }

        /* ".example.com" stands for the name and everything below it */

        if (name.len > 1 && name.data[0] == '.') {
            name.data++;
            name.len--;

            if (ngx_http_attest_push_name(cf, amcf, "*.", &name) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        if (ngx_http_attest_push_name(cf, amcf, "", &name) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Skips what cannot stand in a certificate ("_", "www.*") and duplicates. */

static ngx_int_t
ngx_http_attest_push_name(ngx_conf_t *cf, ngx_http_attest_main_conf_t *amcf,
    const char *prefix, ngx_str_t *name)
{
    char        **p, *s;
    ngx_uint_t    i;

    s = ngx_pnalloc(cf->pool, ngx_strlen(prefix) + name->len + 1);
    if (s == NULL) {
        return NGX_ERROR;
    }

    *ngx_sprintf((u_char *) s, "%s%V", prefix, name) = '\0';

    if (attest_ratls_name_ok(s) != 1) {
        return NGX_OK;
    }

    p = amcf->run.names->elts;

    for (i = 0; i < amcf->run.names->nelts; i++) {
        if (ngx_strcmp(p[i], s) == 0) {
            return NGX_OK;
        }
    }

    if (amcf->run.names->nelts == ATTEST_RATLS_MAX_NAMES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "attest: more than %d names for one certificate",
                           ATTEST_RATLS_MAX_NAMES);
        return NGX_ERROR;
    }

    p = ngx_array_push(amcf->run.names);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = s;
    return NGX_OK;
}
