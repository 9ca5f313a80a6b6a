/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where verifying and sealing meet: keys of a peer are those that the verdict
 * on it has come with, and no others.
 */


#include "http/upstream/ngx_http_attest_envelop.h"
#include "http/upstream/ngx_http_attest_ready.h"
#include "http/upstream/ngx_http_attest_way.h"


ngx_int_t
ngx_http_attest_ready(ngx_http_request_t *r,
    const ngx_http_attest_identity_t *id)
{
    ngx_http_attest_sealing_ctx_t       *ctx;
    ngx_http_attest_sealing_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_sealing_module);

    if (slcf->seal == NULL) {
        return NGX_OK;
    }

    ctx = ngx_http_attest_sealing_ctx(r);

    if (ctx == NULL || !ctx->gathered) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: a request that was not gathered is not sent");
        return NGX_ERROR;
    }

    if (slcf->seal->gateway.len != 0 || slcf->seal->keys_file.len != 0) {
        /* sealed before, for keys of another: this one carries it */
        return (ctx->upstream == r->upstream) ? NGX_OK : NGX_ERROR;
    }

    if (id->list_len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: the gateway has proven no prompt keys, "
                      "\"attest_seal\" sends nothing to it");
        return NGX_DECLINED;
    }

    return ngx_http_attest_envelop(r, ctx, attest_span(id->list,
                                                       id->list_len));
}


void
ngx_http_attest_ready_doubt(ngx_http_request_t *r)
{
    ngx_http_attest_way_t  *way;

    way = ngx_http_attest_way(r);

    if (way != NULL && way->id != NULL) {
        ngx_http_attest_identity_doubt(way->verify, way->id->spki);
    }
}
