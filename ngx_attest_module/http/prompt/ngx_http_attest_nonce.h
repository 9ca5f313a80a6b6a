/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_NONCE_H_INCLUDED
#define NGX_HTTP_ATTEST_NONCE_H_INCLUDED


#include "http/ngx_http_attest.h"


/* len random bytes, 1024 at most, that no other call gets */
ngx_int_t ngx_http_attest_nonce(u_char *nonce, size_t len);


#endif /* NGX_HTTP_ATTEST_NONCE_H_INCLUDED */
