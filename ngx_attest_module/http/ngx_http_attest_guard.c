/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two rules for all that attested servers answer: only on a connection made
 * to that very server, and only with valid evidence.
 *
 * error_page, "return" and rewrites can answer or redirect in early phases
 * and skip the first, so the rules are asked in each phase that may be the
 * first to answer.  Modules can come before us in any phase, and a location
 * that needs no evidence is known only when it is found: so they are asked
 * again of the answer itself, whoever has made it.
 */


#include "http/evidence/ngx_http_attest_state.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/ngx_http_attest_guard.h"
#include "http/ngx_http_attest_answer.h"
#include "http/ngx_http_attest_problem.h"
#include "http/ngx_http_attest_tls.h"


static ngx_uint_t ngx_http_attest_guard_misdirected(ngx_http_request_t *r,
    ngx_http_attest_srv_conf_t *ascf);
static ngx_int_t ngx_http_attest_guard_request(ngx_http_request_t *r,
    ngx_uint_t ungated);
static ngx_int_t ngx_http_attest_guard_refuse(ngx_http_request_t *r,
    ngx_uint_t misdirected);


/*
 * nginx chooses the server by the Host field, whatever certificate the
 * client was shown: attested content must not leave under another one, nor
 * over a connection without TLS to a server that has it.
 */

static ngx_uint_t
ngx_http_attest_guard_misdirected(ngx_http_request_t *r,
    ngx_http_attest_srv_conf_t *ascf)
{
    if (!ascf->tls && r->connection->ssl == NULL) {
        return 0;
    }

    return !ngx_http_attest_tls_is_of_server(r, ascf);
}


static ngx_int_t
ngx_http_attest_guard_request(ngx_http_request_t *r, ngx_uint_t ungated)
{
    ngx_int_t                     rc;
    ngx_http_attest_srv_conf_t   *ascf;
    ngx_http_attest_main_conf_t  *amcf;

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_attest_module);

    if (!ascf->attested || r != r->main) {
        return NGX_DECLINED;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    if (ngx_http_attest_guard_misdirected(r, ascf)) {
        rc = ngx_http_attest_guard_refuse(r, 1);

    } else if (!ungated
               && ngx_http_attest_view(amcf, r->connection->log) == NULL)
    {
        rc = ngx_http_attest_guard_refuse(r, 0);

    } else {
        return NGX_DECLINED;
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_attest_guard_refuse(ngx_http_request_t *r, ngx_uint_t misdirected)
{
    ngx_http_attest_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    if (misdirected) {
        ngx_http_attest_count(amcf, misdirected);

        return ngx_http_attest_problem(r, NGX_HTTP_MISDIRECTED_REQUEST, NULL,
                                       "Misdirected Request",
                                       "this connection was not made to the "
                                       "attested server that the request "
                                       "names", 0);
    }

    return ngx_http_attest_problem_no_evidence(r, NGX_HTTP_ATTEST_CLOSED);
}


ngx_int_t
ngx_http_attest_guard_server(ngx_http_request_t *r)
{
    ngx_http_attest_srv_conf_t  *ascf;

    /* the location is not known yet */

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_attest_module);

    return ngx_http_attest_guard_request(r, ascf->ungated);
}


ngx_int_t
ngx_http_attest_guard_location(ngx_http_request_t *r)
{
    ngx_http_attest_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_attest_module);

    return ngx_http_attest_guard_request(r, alcf->ungated);
}


/*
 * What we send ourselves has been asked for evidence, or needs none.  Whether
 * an error is a page of nginx's or the content of a module that comes before
 * us cannot be told.  Errors on a connection to the wrong server are let
 * through: nginx may have sent them before it knew the name of the server.
 */

ngx_int_t
ngx_http_attest_guard_answer(ngx_http_request_t *r)
{
    ngx_uint_t                    misdirected;
    ngx_http_attest_srv_conf_t   *ascf;
    ngx_http_attest_main_conf_t  *amcf;

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_attest_module);

    if (!ascf->attested || ngx_http_attest_answer_is_being_sent(r)) {
        return NGX_DECLINED;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);

    misdirected = r->headers_out.status < NGX_HTTP_BAD_REQUEST
                  && ngx_http_attest_guard_misdirected(r, ascf);

    if (!misdirected
        && ngx_http_attest_view(amcf, r->connection->log) != NULL)
    {
        return NGX_DECLINED;
    }

    /* as ngx_http_filter_finalize_request(), without a page of nginx's */

    ngx_http_clean_header(r);
    ngx_memzero(r->ctx, sizeof(void *) * ngx_http_max_module);
    r->filter_finalize = 1;

    (void) ngx_http_attest_guard_refuse(r, misdirected);

    return NGX_ERROR;
}
