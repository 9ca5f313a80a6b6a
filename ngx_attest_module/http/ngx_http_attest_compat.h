/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every difference between the nginx and OpenSSL versions that we build
 * against: nginx 1.22.1 and OpenSSL 3.0 first, newer ones unchanged.
 */


#ifndef NGX_HTTP_ATTEST_COMPAT_H_INCLUDED
#define NGX_HTTP_ATTEST_COMPAT_H_INCLUDED


#include <openssl/opensslv.h>


#if !(NGX_THREADS)
#error "ngx_http_attest_module needs nginx built --with-threads"
#endif

#if (nginx_version < 1022000)
#error "ngx_http_attest_module needs nginx 1.22.0 or newer"
#endif

#if (OPENSSL_VERSION_NUMBER < 0x30000000L)
#error "ngx_http_attest_module needs OpenSSL 3.0 or newer"
#endif


/* 1.23.0: ngx_table_elt_t grew a "next" member. */

#if (nginx_version >= 1023000)
#define ngx_http_attest_elt_init(h)  (h)->next = NULL
#else
#define ngx_http_attest_elt_init(h)
#endif


/* 1.25.1: the directive "ssl", which was deprecated in 1.15.0, is gone. */

#if (nginx_version >= 1025001)
#define ngx_http_attest_ssl_on(sscf)  ((void) (sscf), 0)
#else
#define ngx_http_attest_ssl_on(sscf)  ((sscf)->enable == 1)
#endif


/* 1.25.0: addresses of HTTP/3, which are TLS, too. */

#if (NGX_HTTP_V3)
#define ngx_http_attest_quic(addr)  (addr)->opt.quic
#else
#define ngx_http_attest_quic(addr)  0
#endif


/* 1.25.4: requests can be terminated while asynchronous work goes on. */

#if (nginx_version >= 1025004)
#define ngx_http_attest_terminated(r)  ((r)->main->terminated)
#else
#define ngx_http_attest_terminated(r)  0
#endif


/* 1.27.3: names that are resolved while nginx runs. */

#if (NGX_HTTP_UPSTREAM_ZONE && nginx_version >= 1027003)
#define ngx_http_attest_resolves(server)  ((server)->host.len != 0)
#else
#define ngx_http_attest_resolves(server)  0
#endif


/* 1.29.0: a backend's 103 is read, and passed on past the header filters. */

#if (nginx_version >= 1029000)
#define NGX_HTTP_ATTEST_EARLY_HINTS  1
#else
#define NGX_HTTP_ATTEST_EARLY_HINTS  0
#endif


/* What ssl_protocols is when nobody has set it: it grew over the releases. */

#if (nginx_version >= 1027003)
#define NGX_HTTP_ATTEST_DEFAULT_PROTOCOLS                                    \
    (NGX_CONF_BITMASK_SET|NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3)
#elif (nginx_version >= 1023004)
#define NGX_HTTP_ATTEST_DEFAULT_PROTOCOLS                                    \
    (NGX_CONF_BITMASK_SET|NGX_SSL_TLSv1|NGX_SSL_TLSv1_1                      \
     |NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3)
#else
#define NGX_HTTP_ATTEST_DEFAULT_PROTOCOLS                                    \
    (NGX_CONF_BITMASK_SET|NGX_SSL_TLSv1|NGX_SSL_TLSv1_1|NGX_SSL_TLSv1_2)
#endif


/* 1.29.4: the proxy module has a header; before, its symbol is enough. */

extern ngx_module_t  ngx_http_proxy_module;


/* glibc 2.30: a lock with a time limit that no step of the clock moves. */

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 30)
#define NGX_HTTP_ATTEST_CLOCK  CLOCK_MONOTONIC
#define ngx_http_attest_mutex_timedlock(m, ts)                               \
    pthread_mutex_clocklock(m, CLOCK_MONOTONIC, ts)
#endif
#endif

#ifndef NGX_HTTP_ATTEST_CLOCK
#define NGX_HTTP_ATTEST_CLOCK  CLOCK_REALTIME
#define ngx_http_attest_mutex_timedlock(m, ts)                               \
    pthread_mutex_timedlock(m, ts)
#endif


/* No release declares it, all export it. */

extern ngx_module_t  ngx_thread_pool_module;


#endif /* NGX_HTTP_ATTEST_COMPAT_H_INCLUDED */
