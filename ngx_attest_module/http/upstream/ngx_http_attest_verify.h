/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_VERIFY_H_INCLUDED
#define NGX_HTTP_ATTEST_VERIFY_H_INCLUDED


#include "http/ngx_http_attest.h"
#include "http/upstream/ngx_http_attest_policies.h"


typedef struct ngx_http_attest_group_s  ngx_http_attest_group_t;   /* zone */


/* "attest_verify" of one upstream{}. */

struct ngx_http_attest_verify_s {
    const ngx_http_attest_policy_file_t  *file;
    ngx_str_t                  evidence;        /* path, with its zero */
    time_t                     interval;        /* s, 0: by the evidence */
    ngx_msec_t                 timeout;
    ngx_uint_t                 certificate;     /* source=certificate */
    ngx_uint_t                 present;         /* attest_present, too */
    u_char                    *file_name;       /* for messages */
    ngx_uint_t                 line;

    /* when all of the configuration has been read */
    ngx_str_t                  name;            /* of the group */
    u_char                     id[32];          /* of all that decides */
    ngx_uint_t                 peers;           /* how many at once */
    ngx_http_upstream_init_peer_pt  init;       /* of the balancer */
    ngx_http_attest_main_conf_t  *amcf;

    ngx_uint_t                 threads;         /* of a worker, at most */

    /* before workers are forked */
    ngx_http_attest_group_t   *group;

    /* of a worker */
    ngx_uint_t                 flying;          /* appraisals under way */
    ngx_uint_t                 doubtful;        /* of peers that failed */
    ngx_uint_t                 waiting;         /* requests */
    unsigned                   full:1;          /* said in the log */
};


char *ngx_http_attest_verify_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* What can be refused when all has been read, and which groups there are. */
ngx_int_t ngx_http_attest_verify_groups(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf);
/* The group's, or NULL where it is not verified. */
ngx_http_attest_verify_t *ngx_http_attest_verify_of(
    ngx_http_upstream_srv_conf_t *uscf);
/* Why connections that are made so cannot be verified, or NULL. */
const char *ngx_http_attest_verify_unfit(ngx_http_upstream_conf_t *conf);


#endif /* NGX_HTTP_ATTEST_VERIFY_H_INCLUDED */
