/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pools of threads that are ours alone: what waits for a device or a peer
 * must not take the threads that serve files.  A pool's size can only be set
 * through nginx's directive, so we call that.
 */


#include "http/ngx_http_attest_pool.h"


#define NGX_HTTP_ATTEST_POOL_QUEUE  "max_queue=256"


ngx_thread_pool_t *
ngx_http_attest_pool(ngx_conf_t *cf, ngx_str_t *name, ngx_uint_t threads)
{
    u_char              text[sizeof("threads=") + NGX_INT_T_LEN];
    char               *rv;
    void               *conf;
    ngx_str_t          *value, size;
    ngx_array_t        *args;
    ngx_command_t      *cmd;
    ngx_thread_pool_t  *pool;

    pool = ngx_thread_pool_get(cf->cycle, name);
    if (pool != NULL) {
        return pool;
    }

    args = cf->args;

    cf->args = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
    if (cf->args == NULL) {
        return NULL;
    }

    value = ngx_array_push_n(cf->args, 4);
    if (value == NULL) {
        return NULL;
    }

    size.data = text;
    size.len = ngx_sprintf(text, "threads=%ui", threads) - text;

    ngx_str_set(&value[0], "thread_pool");
    value[1] = *name;
    value[2].len = size.len;
    value[2].data = ngx_pstrdup(cf->pool, &size);
    ngx_str_set(&value[3], NGX_HTTP_ATTEST_POOL_QUEUE);

    if (value[2].data == NULL) {
        return NULL;
    }

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
                           name);
        return NULL;
    }

    return ngx_thread_pool_get(cf->cycle, name);
}
