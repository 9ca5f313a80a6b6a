/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_FACTS_H_INCLUDED
#define NGX_HTTP_ATTEST_FACTS_H_INCLUDED


#include <ngx_config.h>
#include <ngx_core.h>

#include "core/evidence/attest_label.h"
#include "http/prompt/ngx_http_attest_format.h"


#define NGX_HTTP_ATTEST_FACTS_FORMATS  4


/* What this nginx says of itself to whoever asks; nothing of it is secret. */

typedef struct {
    ngx_http_attest_main_conf_t  *amcf;
    ngx_http_attest_view_t       *view;     /* NULL: no valid evidence, */
    const char                   *why;      /* because of this */
    const char                   *provider;
    time_t                        now;      /* as clients see it */

    const attest_label_t         *label;    /* what the gateway says that it
                                               is worth, or NULL */
    struct {
        attest_item_e             item;
        size_t                    bytes;
    }                             items[ATTEST_ITEMS];
    ngx_uint_t                    nitems;   /* of its evidence */

    attest_keyconfig_t            keys[ATTEST_KEYCONFIG_MAX_KEYS];
    ngx_uint_t                    nkeys;

    struct {
        const ngx_http_attest_format_t  *format;
        unsigned                  plain:1;  /* requests in clear, too */
    }                             formats[NGX_HTTP_ATTEST_FACTS_FORMATS];
    ngx_uint_t                    nformats;

    unsigned                      gpu:1;    /* GPUs are checked, */
    unsigned                      gpu_required:1;
    unsigned                      gpu_failed:1;
    unsigned                      measured:1;  /* files, attest_measure */
} ngx_http_attest_facts_t;


/* Of a gateway: some server is attested.  In memory of the pool, or NULL. */
ngx_http_attest_facts_t *ngx_http_attest_facts(ngx_http_request_t *r);

/* Its label is one that hardware stands behind. */
ngx_uint_t ngx_http_attest_facts_proves(ngx_http_attest_facts_t *facts);

/* In plain words; they are constants, which need no escapes. */

const char *ngx_http_attest_facts_kem(uint16_t kem);
/* What a format seals. */
const char *ngx_http_attest_facts_format(
    const ngx_http_attest_format_t *format);
/* The n-th thing that would make the evidence fail, or NULL. */
const char *ngx_http_attest_facts_fails(ngx_http_attest_facts_t *facts,
    ngx_uint_t n);


#endif /* NGX_HTTP_ATTEST_FACTS_H_INCLUDED */
