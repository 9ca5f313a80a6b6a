/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where verifying and sealing meet: keys of a peer are those that the verdict
 * on it has come with, and no others.
 */


#include "http/upstream/ngx_http_attest_envelop.h"
#include "http/upstream/ngx_http_attest_ready.h"
#include "http/upstream/ngx_http_attest_traces.h"
#include "http/upstream/ngx_http_attest_way.h"


static ngx_int_t ngx_http_attest_ready_sealed(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx);
static ngx_int_t ngx_http_attest_ready_elsewhere(ngx_http_request_t *r,
    const char *what);


ngx_int_t
ngx_http_attest_ready(ngx_http_request_t *r,
    const ngx_http_attest_identity_t *id)
{
    ngx_int_t                            rc;
    ngx_http_attest_sealing_ctx_t       *ctx;
    ngx_http_attest_sealing_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_sealing_module);

    if (slcf->seal == NULL) {
        return id->keys_only
               ? ngx_http_attest_ready_elsewhere(r, "without \"attest_seal\"")
               : NGX_OK;
    }

    ctx = ngx_http_attest_sealing_ctx(r);

    if (ctx == NULL || !ctx->gathered) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: a request that was not gathered is not sent");
        return NGX_ERROR;
    }

    if (slcf->seal->gateway.len != 0 || slcf->seal->keys_file.len != 0) {
        /* sealed before, for keys of another: this one carries it */

        if (id->keys_only) {
            return ngx_http_attest_ready_elsewhere(r, "to a relay");
        }

        return (ctx->upstream == r->upstream) ? NGX_OK : NGX_ERROR;
    }

    if (id->list_len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "attest: the gateway has proven no prompt keys, "
                      "\"attest_seal\" sends nothing to it");
        return NGX_DECLINED;
    }

    ngx_http_attest_traces_copy_nothing(r->upstream->peer.connection);

    rc = ngx_http_attest_envelop(r, ctx, attest_span(id->list, id->list_len));

    return (rc == NGX_OK && id->keys_only)
           ? ngx_http_attest_ready_sealed(r, ctx) : rc;
}


/* TLS ends elsewhere: what is left outside of the envelope is read there. */

static ngx_int_t
ngx_http_attest_ready_sealed(ngx_http_request_t *r,
    ngx_http_attest_sealing_ctx_t *ctx)
{
    switch (ctx->envelope.form) {

    case ATTEST_ENVELOPE_OHTTP:
    case ATTEST_ENVELOPE_OHTTP_WHOLE:
        return NGX_OK;

    case ATTEST_ENVELOPE_EHBP:
        return r->upstream->conf->ssl_verify
               ? NGX_OK
               : ngx_http_attest_ready_elsewhere(r, "whose fields EHBP leaves "
                                                 "in clear, without "
                                                 "\"proxy_ssl_verify on\"");

    default: /* ATTEST_ENVELOPE_NONE: as it was */
        return ngx_http_attest_ready_elsewhere(r, "without a body, which EHBP "
                                               "leaves in clear");
    }
}


static ngx_int_t
ngx_http_attest_ready_elsewhere(ngx_http_request_t *r, const char *what)
{
    ngx_http_attest_way_t  *way;

    way = ngx_http_attest_way(r);
    way->elsewhere = 1;

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "attest: TLS of upstream \"%V\" ends elsewhere, a request "
                  "%s is not sent", &way->verify->name, what);

    return NGX_DECLINED;
}


void
ngx_http_attest_ready_doubt(ngx_http_request_t *r)
{
    ngx_http_attest_way_t  *way;

    way = ngx_http_attest_way(r);

    if (way != NULL && way->id != NULL) {
        ngx_http_attest_identity_doubt(way->verify, way->id);
    }
}
