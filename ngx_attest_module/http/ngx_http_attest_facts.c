/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a gateway says of its own evidence, for its report: gathered once for
 * the page and for JSON, with the words for it.
 */


#include "http/evidence/ngx_http_attest_clock.h"
#include "http/evidence/ngx_http_attest_state.h"
#include "http/evidence/ngx_http_attest_view.h"
#include "http/ngx_http_attest_facts.h"


#define NGX_HTTP_ATTEST_FACT_ALWAYS   0x00
#define NGX_HTTP_ATTEST_FACT_PROMPTS  0x01
#define NGX_HTTP_ATTEST_FACT_GPU      0x02
#define NGX_HTTP_ATTEST_FACT_MEASURE  0x04


static ngx_int_t ngx_http_attest_facts_view(ngx_http_request_t *r,
    ngx_http_attest_facts_t *facts);
static ngx_int_t ngx_http_attest_facts_items(ngx_http_attest_facts_t *facts);
static void ngx_http_attest_facts_formats(ngx_http_attest_facts_t *facts);
static void ngx_http_attest_facts_server(ngx_http_attest_facts_t *facts,
    ngx_http_attest_srv_conf_t *ascf);
static void ngx_http_attest_facts_location(ngx_http_attest_facts_t *facts,
    ngx_http_attest_loc_conf_t *alcf);


static const struct {
    ngx_uint_t    when;
    const char   *text;
} ngx_http_attest_facts_failures[] = {
    { NGX_HTTP_ATTEST_FACT_ALWAYS,
      "The evidence is not renewed in time, because the device that signs it "
      "does not answer: then every request is refused." },
    { NGX_HTTP_ATTEST_FACT_ALWAYS,
      "The clock is set to a time outside of the validity: then every request "
      "is refused until it is right again." },
    { NGX_HTTP_ATTEST_FACT_GPU,
      "A GPU stops to attest: then every request is refused if GPUs are "
      "required." },
    { NGX_HTTP_ATTEST_FACT_ALWAYS,
      "nginx is started with another configuration: then the record has "
      "another hash, and clients whose policy names this one refuse to "
      "connect." },
    { NGX_HTTP_ATTEST_FACT_MEASURE,
      "A file that is measured beside it (attest_measure) is changed: the "
      "same holds from the next reload on." },
    { NGX_HTTP_ATTEST_FACT_ALWAYS,
      "Other firmware, another boot loader or another kernel is started: then "
      "the measurements differ, and clients whose policy names these refuse "
      "to connect." },
    { NGX_HTTP_ATTEST_FACT_ALWAYS,
      "Somebody in between ends TLS with a key of his own: a client finds "
      "another key than the one in the evidence." },
    { NGX_HTTP_ATTEST_FACT_PROMPTS,
      "A prompt is sealed to a key that is not in the evidence, is changed on "
      "its way or is sent twice: then it is refused." },
    { 0, NULL }
};


ngx_http_attest_facts_t *
ngx_http_attest_facts(ngx_http_request_t *r)
{
    ngx_http_attest_time_t        t;
    ngx_http_attest_facts_t      *facts;
    ngx_http_attest_main_conf_t  *amcf;

    facts = ngx_pcalloc(r->pool, sizeof(ngx_http_attest_facts_t));
    if (facts == NULL) {
        return NULL;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_attest_module);
    ngx_http_attest_clock(amcf, &t);

    facts->amcf = amcf;
    facts->now = t.wall;
    facts->provider = amcf->run.provider->name;
    facts->gpu = (amcf->run.gpu != NULL);
    facts->gpu_required = amcf->run.gpu_required;
    facts->gpu_failed = ngx_http_attest_state_gpu_failed(amcf)
                        || ngx_http_attest_state_gpu_overdue(amcf) != 0;
    facts->measured = (amcf->measure->nelts != 0);

    ngx_http_attest_facts_formats(facts);

    return ngx_http_attest_facts_view(r, facts) == NGX_OK ? facts : NULL;
}


static ngx_int_t
ngx_http_attest_facts_view(ngx_http_request_t *r,
    ngx_http_attest_facts_t *facts)
{
    size_t                   n;
    attest_span_t            label;
    ngx_http_attest_view_t  *view;

    view = ngx_http_attest_view(facts->amcf, r->connection->log);

    if (view == NULL) {
        facts->why = ngx_http_attest_view_why_not(facts->amcf,
                                              r->connection->log);
        return NGX_OK;
    }

    if (ngx_http_attest_view_ref(r, view) != NGX_OK) {
        return NGX_ERROR;
    }

    facts->view = view;

    label.p = view->root.data;
    label.n = view->root.len;
    facts->label = attest_label(attest_label_root(label));

    n = ATTEST_KEYCONFIG_MAX_KEYS;

    if (view->key_list.len != 0
        && attest_keyconfig_parse_list(view->key_list.data,
                                       view->key_list.len, facts->keys, NULL,
                                       &n)
           == ATTEST_OK)
    {
        facts->nkeys = n;
    }

    return ngx_http_attest_facts_items(facts);
}


static ngx_int_t
ngx_http_attest_facts_items(ngx_http_attest_facts_t *facts)
{
    int             rc;
    size_t          i;
    ngx_str_t      *cbor;
    attest_cmw_t   *cmw;
    attest_item_e   item;

    cmw = ngx_alloc(sizeof(attest_cmw_t), ngx_cycle->log);
    if (cmw == NULL) {
        return NGX_ERROR;
    }

    cbor = &facts->view->cached_cbor;
    rc = attest_cmw_parse(cbor->data, cbor->len, cmw);

    for (i = 0; rc == ATTEST_OK && i < cmw->count; i++) {
        item = attest_kind_item_by_label(cmw->items[i].label_in);

        if (item < ATTEST_ITEMS && facts->nitems < ATTEST_ITEMS) {
            facts->items[facts->nitems].item = item;
            facts->items[facts->nitems++].bytes = cmw->items[i].value.n;
        }
    }

    if (rc == ATTEST_OK) {
        attest_cmw_free(cmw);
    }

    ngx_free(cmw);

    return rc == ATTEST_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_attest_facts_formats(ngx_http_attest_facts_t *facts)
{
    ngx_uint_t                    i;
    ngx_http_attest_srv_conf_t  **ascf;

    ascf = facts->amcf->servers->elts;

    for (i = 0; i < facts->amcf->servers->nelts; i++) {
        ngx_http_attest_facts_server(facts, ascf[i]);
    }
}


static void
ngx_http_attest_facts_server(ngx_http_attest_facts_t *facts,
    ngx_http_attest_srv_conf_t *ascf)
{
    void       ***locs;
    ngx_uint_t    i;

    locs = ascf->locations->elts;

    for (i = 0; i < ascf->locations->nelts; i++) {
        ngx_http_attest_facts_location(facts,
                              locs[i][ngx_http_attest_module.ctx_index]);
    }
}


static void
ngx_http_attest_facts_location(ngx_http_attest_facts_t *facts,
    ngx_http_attest_loc_conf_t *alcf)
{
    ngx_uint_t  i;

    if (alcf->format == NULL
        || (alcf->mode == NGX_HTTP_ATTEST_MODE_OFF && !alcf->format->inner))
    {
        return;
    }

    for (i = 0; i < facts->nformats; i++) {
        if (facts->formats[i].format == alcf->format) {
            break;
        }
    }

    if (i == NGX_HTTP_ATTEST_FACTS_FORMATS) {
        return;
    }

    if (i == facts->nformats) {
        facts->formats[facts->nformats++].format = alcf->format;
    }

    if (alcf->mode == NGX_HTTP_ATTEST_MODE_OPTIONAL && !alcf->format->inner) {
        facts->formats[i].plain = 1;
    }
}


ngx_uint_t
ngx_http_attest_facts_proves(ngx_http_attest_facts_t *facts)
{
    return facts->label != NULL
           && !(facts->label->root
                & (ATTEST_ROOT_SOFTWARE | ATTEST_ROOT_SIMULATED));
}


const char *
ngx_http_attest_facts_kem(uint16_t kem)
{
    switch (kem) {

    case ATTEST_KEM_X25519:
        return "X25519";

    case ATTEST_KEM_XWING:
        return "X-Wing (X25519 with ML-KEM-768, against quantum computers)";

    case ATTEST_KEM_P256:
        return "P-256";

    default:
        return "another kind";
    }
}


const char *
ngx_http_attest_facts_format(const ngx_http_attest_format_t *format)
{
    return format->inner
           ? "the whole request is sealed: method, path, fields and body; a "
             "relay can hide who sends it"
           : "the body of a request is sealed, and that of its answer";
}


const char *
ngx_http_attest_facts_fails(ngx_http_attest_facts_t *facts, ngx_uint_t n)
{
    ngx_uint_t  i, when;

    when = (facts->nformats != 0 ? NGX_HTTP_ATTEST_FACT_PROMPTS : 0)
           | (facts->gpu ? NGX_HTTP_ATTEST_FACT_GPU : 0)
           | (facts->measured ? NGX_HTTP_ATTEST_FACT_MEASURE : 0);

    for (i = 0; ngx_http_attest_facts_failures[i].text != NULL; i++) {

        if (ngx_http_attest_facts_failures[i].when & ~when) {
            continue;
        }

        if (n-- == 0) {
            break;
        }
    }

    return ngx_http_attest_facts_failures[i].text;
}
