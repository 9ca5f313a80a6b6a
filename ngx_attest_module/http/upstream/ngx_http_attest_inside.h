/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_INSIDE_H_INCLUDED
#define NGX_HTTP_ATTEST_INSIDE_H_INCLUDED


#include "http/upstream/ngx_http_attest_sealing_ctx.h"


/*
 * Takes what a response inside says of itself into r->headers_out, in the
 * place of what the outer one said.  data: the sealing context.
 */
extern const attest_answer_handler_t  ngx_http_attest_inside;


#endif /* NGX_HTTP_ATTEST_INSIDE_H_INCLUDED */
