/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_EHBP_H_INCLUDED
#define NGX_HTTP_ATTEST_EHBP_H_INCLUDED


#include "http/prompt/ngx_http_attest_format.h"


extern const ngx_http_attest_format_t  ngx_http_attest_ehbp_format;


#endif /* NGX_HTTP_ATTEST_EHBP_H_INCLUDED */
