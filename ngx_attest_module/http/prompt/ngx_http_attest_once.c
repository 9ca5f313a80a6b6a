/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A sealed message is taken once.  It is remembered after the access phase,
 * so that clients who are denied cannot fill the replay cache, and before any
 * backend hears of it, so that of two copies at the same time one is refused.
 */


#include "http/prompt/ngx_http_attest_once.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/prompt/ngx_http_attest_body.h"
#include "http/prompt/ngx_http_attest_format.h"
#include "http/prompt/ngx_http_attest_outer.h"
#include "http/prompt/ngx_http_attest_prompt_ctx.h"
#include "http/prompt/ngx_http_attest_replay.h"


static ngx_int_t ngx_http_attest_once_handler(ngx_http_request_t *r);


static ngx_int_t
ngx_http_attest_once_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_uint_t                    why;
    ngx_http_attest_ctx_t        *ctx;
    ngx_http_attest_main_conf_t  *amcf;

    ctx = (r == r->main) ? ngx_http_attest_prompt_ctx(r) : NULL;

    if (ctx == NULL || !ctx->sealed || ctx->passed) {
        return NGX_DECLINED;
    }

    /*
     * It comes here by an error page, although it was not let pass: only
     * what hands it on to somebody makes it worth to be remembered.  Nobody
     * else gets it, neither a mirror nor a subrequest of the page.
     */

    if ((ctx->turned || r->err_status != 0 || r->error_page)
        && r->content_handler == NULL)
    {
        if (ctx->turned || ctx->format->inner) {
            ngx_http_attest_body_take(r);
        }

        return NGX_DECLINED;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    rc = ngx_http_attest_replay_add(amcf, &ctx->once);

    if (rc == NGX_OK) {
        ctx->passed = 1;
        ngx_http_attest_prompt_ctx_count(ctx);

        return NGX_DECLINED;
    }

    /*
     * Not under the client's key, which somebody else may have used.  What is
     * not sealed is no secret to variables, so that there must be none left.
     */

    ngx_http_attest_body_take(r);

    ctx->sealed = 0;

    if (ctx->outer != NULL) {
        ngx_http_attest_outer_restore(r, ctx->outer);
        r->loc_conf = ctx->outer->loc_conf;
    }

    why = (rc == NGX_DECLINED) ? NGX_HTTP_ATTEST_REPLAYED
          : (rc == NGX_BUSY) ? NGX_HTTP_ATTEST_FULL : NGX_HTTP_ATTEST_NO_KEY;

    ngx_http_finalize_request(r, ngx_http_attest_refusal(r, ctx->format, why));

    return NGX_DONE;
}


ngx_int_t
ngx_http_attest_once_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* phases run from the last to the first: before "mirror" */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_attest_once_handler;

    return NGX_OK;
}
