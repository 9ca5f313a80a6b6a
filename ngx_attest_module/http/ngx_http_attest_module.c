/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Directives and phase hooks: the front door of the module.
 */


#include "http/evidence/ngx_http_attest_endpoint.h"
#include "http/prompt/ngx_http_attest_backend.h"
#include "http/ngx_http_attest_conf.h"
#include "http/ngx_http_attest_guard.h"
#include "http/ngx_http_attest_names.h"
#include "http/prompt/ngx_http_attest_locked.h"
#include "http/prompt/ngx_http_attest_ohttp.h"
#include "http/prompt/ngx_http_attest_prompt.h"
#include "http/prompt/ngx_http_attest_replay.h"
#include "http/prompt/ngx_http_attest_routes.h"
#include "http/evidence/ngx_http_attest_refresh.h"
#include "http/evidence/ngx_http_attest_source.h"
#include "http/evidence/ngx_http_attest_source_conf.h"
#include "http/evidence/ngx_http_attest_zone.h"
#include "http/ngx_http_attest_report.h"
#include "http/ngx_http_attest_status.h"
#include "http/ngx_http_attest_environment.h"
#include "http/ngx_http_attest_pool.h"
#include "http/ngx_http_attest_tls.h"
#include "http/ngx_http_attest_variables.h"
#include "http/upstream/ngx_http_attest_appraise.h"
#include "http/upstream/ngx_http_attest_client.h"
#include "http/upstream/ngx_http_attest_peers.h"
#include "http/upstream/ngx_http_attest_present.h"

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>


/* What an endpoint of ours answers; the "offset" of its directive. */

typedef enum {
    NGX_HTTP_ATTEST_ENDPOINT_EVIDENCE = 0,
    NGX_HTTP_ATTEST_ENDPOINT_KEYS,
    NGX_HTTP_ATTEST_ENDPOINT_STATUS,
    NGX_HTTP_ATTEST_ENDPOINT_REPORT
} ngx_http_attest_module_endpoint_e;


static ngx_int_t ngx_http_attest_module_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_attest_module_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_attest_module_init_process(ngx_cycle_t *cycle);
static void ngx_http_attest_module_exit_process(ngx_cycle_t *cycle);

static char *ngx_http_attest_module_set_endpoint(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

static ngx_int_t ngx_http_attest_module_verified(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
static ngx_int_t ngx_http_attest_module_attested(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
static ngx_int_t ngx_http_attest_module_private_pool(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
static ngx_int_t ngx_http_attest_module_add_handlers(ngx_conf_t *cf);


static ngx_command_t  ngx_http_attest_commands[] = {

    { ngx_string("attest_tpm"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_attest_source_conf_tpm,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_tsm"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_attest_source_conf_tsm,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_azure"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_attest_source_conf_azure,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_gcp"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_attest_source_conf_gcp,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_nitro"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_attest_source_conf_nitro,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_gpu"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_attest_source_conf_gpu,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_provider"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_attest_source_conf_auto,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_lifetime"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_conf_bounded,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_attest_main_conf_t, lifetime),
      &ngx_http_attest_conf_lifetime },

    { ngx_string("attest_measure"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_attest_conf_measure,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_environment"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_attest_environment_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_conf_bounded,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_attest_main_conf_t, zone_size),
      &ngx_http_attest_conf_zone },

    { ngx_string("attest_replay"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_replay,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_prompt_memory"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_conf_bounded,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_attest_main_conf_t, memory),
      &ngx_http_attest_conf_memory },

    { ngx_string("attest_ohttp_xwing"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_ohttp_xwing,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_queue"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_conf_bounded,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_attest_main_conf_t, queue),
      &ngx_http_attest_conf_queue },

    { ngx_string("attest_start_without_evidence"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_attest_main_conf_t, start_without_evidence),
      NULL },

    { ngx_string("attest_verify_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_conf_bounded,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_attest_main_conf_t, peers_size),
      &ngx_http_attest_conf_zone },

    { ngx_string("attest_verify"),
      NGX_HTTP_UPS_CONF|NGX_CONF_1MORE,
      ngx_http_attest_verify_set,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_verify_client"),
      NGX_HTTP_SRV_CONF|NGX_CONF_TAKE12,
      ngx_http_attest_client_set,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_present"),
      NGX_HTTP_UPS_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_attest_srv_conf_t, present),
      NULL },

    { ngx_string("attest_certificate"),
      NGX_HTTP_SRV_CONF|NGX_CONF_FLAG,
      ngx_http_attest_conf_certificate,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_attest_srv_conf_t, certificate),
      NULL },

    { ngx_string("attest_certificate_names"),
      NGX_HTTP_SRV_CONF|NGX_CONF_1MORE,
      ngx_http_attest_conf_cert_names,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_evidence"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_attest_module_set_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_ATTEST_ENDPOINT_EVIDENCE,
      NULL },

    { ngx_string("attest_keys"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_attest_module_set_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_ATTEST_ENDPOINT_KEYS,
      NULL },

    { ngx_string("attest_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_attest_module_set_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_ATTEST_ENDPOINT_STATUS,
      NULL },

    { ngx_string("attest_report"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_attest_module_set_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_ATTEST_ENDPOINT_REPORT,
      NULL },

    { ngx_string("attest_prompt"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_conf_prompt,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("attest_prompt_mode"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_conf_word,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_attest_loc_conf_t, mode),
      &ngx_http_attest_conf_modes },

    { ngx_string("attest_prompt_max_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_conf_bounded,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_attest_loc_conf_t, max_size),
      &ngx_http_attest_conf_max_size },

    { ngx_string("attest_prompt_coalesce"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_attest_conf_bounded,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_attest_loc_conf_t, coalesce),
      &ngx_http_attest_conf_coalesce },

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
      ngx_http_attest_conf_cors,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_attest_module_ctx = {
    ngx_http_attest_module_preconfiguration,      /* preconfiguration */
    ngx_http_attest_module_postconfiguration,     /* postconfiguration */

    ngx_http_attest_conf_create_main,      /* create main configuration */
    ngx_http_attest_conf_init_main,        /* init main configuration */

    ngx_http_attest_conf_create_srv,       /* create server configuration */
    ngx_http_attest_conf_merge_srv,        /* merge server configuration */

    ngx_http_attest_conf_create_loc,       /* create location configuration */
    ngx_http_attest_conf_merge_loc         /* merge location configuration */
};


ngx_module_t  ngx_http_attest_module = {
    NGX_MODULE_V1,
    &ngx_http_attest_module_ctx,           /* module context */
    ngx_http_attest_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_attest_module_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_attest_module_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_attest_module_preconfiguration(ngx_conf_t *cf)
{
    if (sodium_init() < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "attest: sodium_init() failed");
        return NGX_ERROR;
    }

    prov_tpm_quiet();

    if (ngx_http_attest_variables_add(cf) != NGX_OK
        || ngx_http_attest_client_add_variables(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_attest_backend_learn(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_attest_tls_preconfiguration(cf);
}


static ngx_int_t
ngx_http_attest_module_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);

    /* what verifies stands in front of what presents */

    if (ngx_http_attest_present_groups(cf, amcf) != NGX_OK
        || ngx_http_attest_module_verified(cf, amcf) != NGX_OK
        || ngx_http_attest_report_check(cf, amcf) != NGX_OK
        || ngx_http_attest_client_servers(cf, amcf) != NGX_OK
        || ngx_http_attest_module_attested(cf, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_present_check(cf, amcf);
}


static ngx_int_t
ngx_http_attest_module_attested(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    if (amcf->servers->nelts == 0) {
        return NGX_OK;
    }

    amcf->used = 1;

    ngx_http_attest_format_kems(amcf);

    if (ngx_http_attest_source_check(cf, amcf) != NGX_OK
        || ngx_http_attest_module_add_handlers(cf) != NGX_OK
        || ngx_http_attest_tls_postconfiguration(cf, amcf) != NGX_OK
        || ngx_http_attest_names_collect(cf, amcf) != NGX_OK
        || ngx_http_attest_module_private_pool(cf, amcf) != NGX_OK
        || ngx_http_attest_routes_check(cf) != NGX_OK
        || ngx_http_attest_conf_memory_size(cf, amcf) != NGX_OK
        || ngx_http_attest_replay_zone(cf, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_zone_add(cf, amcf);
}


/* A client needs no attested server of its own. */

static ngx_int_t
ngx_http_attest_module_verified(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    if (ngx_http_attest_verify_groups(cf, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (amcf->verified->nelts == 0) {
        return NGX_OK;
    }

    if (ngx_http_attest_peers_wrap(cf, amcf) != NGX_OK
        || ngx_http_attest_appraise_pool(cf, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_attest_identity_zone(cf, amcf);
}


/* Handlers of a phase run last in, first out: ours come before the others. */

static ngx_int_t
ngx_http_attest_module_add_handlers(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    static struct {
        ngx_uint_t              phase;
        ngx_http_handler_pt     handler;
    }  handlers[] = {
        { NGX_HTTP_POST_READ_PHASE, ngx_http_attest_guard_server },
        { NGX_HTTP_SERVER_REWRITE_PHASE, ngx_http_attest_routes_subrequest },
        { NGX_HTTP_SERVER_REWRITE_PHASE, ngx_http_attest_guard_server },
        { NGX_HTTP_REWRITE_PHASE, ngx_http_attest_guard_location },
        { NGX_HTTP_PREACCESS_PHASE, ngx_http_attest_guard_location }
    };

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (ngx_http_attest_prompt_init(cf) != NGX_OK
        || ngx_http_attest_format_init(cf) != NGX_OK)
    {
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


/*
 * Prompts and keys live in this process: no core dump, no ptrace by the
 * worker's user.  nginx has made the process dumpable again just before.
 */

static ngx_int_t
ngx_http_attest_module_init_process(ngx_cycle_t *cycle)
{
    struct rlimit                 rl;
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_attest_module);

    if (amcf == NULL
        || (!amcf->used && amcf->verified->nelts == 0 && !amcf->seals))
    {
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

    if (amcf->verified->nelts != 0
        && ngx_http_attest_appraise_init_worker(cycle, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!amcf->used) {
        return NGX_OK;
    }

    ngx_http_attest_zone_lock(amcf, cycle->log);

    /* nginx gives its workers another environment */

    prov_tpm_quiet();

    if (ngx_http_attest_locked_init(amcf, cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_attest_refresh_init_worker(cycle, amcf);
}


static void
ngx_http_attest_module_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_attest_module);

    if (amcf != NULL && amcf->used) {
        ngx_http_attest_refresh_exit_worker(amcf);
        ngx_http_attest_locked_exit();
    }
}


/* The endpoints of a server are read in clear, whatever it seals. */

static char *
ngx_http_attest_module_set_endpoint(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_attest_loc_conf_t *alcf = conf;

    char                         *rv;
    ngx_http_attest_srv_conf_t   *ascf;
    ngx_http_attest_main_conf_t  *amcf;

    if (alcf->endpoint) {
        return "conflicts with another endpoint in this location";
    }

    alcf->endpoint = 1;

    switch (cmd->offset) {

    case NGX_HTTP_ATTEST_ENDPOINT_EVIDENCE:
        rv = ngx_http_attest_endpoint_set_evidence(cf, cmd, conf);
        break;

    case NGX_HTTP_ATTEST_ENDPOINT_KEYS:
        amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_attest_module);
        amcf->keys = 1;

        rv = ngx_http_attest_endpoint_set_keys(cf, cmd, conf);
        break;

    default: /* NGX_HTTP_ATTEST_ENDPOINT_STATUS, .._REPORT */

        /* they are needed most when there is no evidence */

        ascf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_attest_module);
        ascf->ungated = 1;
        alcf->ungated = 1;

        return (cmd->offset == NGX_HTTP_ATTEST_ENDPOINT_STATUS)
               ? ngx_http_attest_status_set(cf, cmd, conf)
               : ngx_http_attest_report_set(cf, cmd, conf);
    }

    if (rv == NGX_CONF_OK) {
        ngx_http_attest_conf_mark_server(cf);
    }

    return rv;
}


/* Evidence is collected by exactly one thread of a process. */

static ngx_int_t
ngx_http_attest_module_private_pool(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    static ngx_str_t  name = ngx_string("ngx_attest");

    amcf->run.pool = ngx_http_attest_pool(cf, &name, 1);

    return (amcf->run.pool != NULL) ? NGX_OK : NGX_ERROR;
}
