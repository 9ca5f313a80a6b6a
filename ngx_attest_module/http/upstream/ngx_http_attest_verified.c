/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What attest_status says of verified peers, for people and for Prometheus.
 * Words that a peer has put into a check's text are escaped.
 */


#include "http/upstream/ngx_http_attest_identity.h"
#include "http/upstream/ngx_http_attest_verified.h"


/* escaped text is at most twice as long: no control character is in it */
#define NGX_HTTP_ATTEST_VERIFIED_PEER                                        \
    (2 * sizeof(ngx_http_attest_peer_state_t) + 1024)


typedef struct {
    const char    *name;           /* in JSON */
    const char    *metric;         /* for Prometheus */
    const char    *help;
    size_t         offset;
} ngx_http_attest_verified_counter_t;


static u_char *ngx_http_attest_verified_peer(u_char *p, u_char *last,
    ngx_http_attest_verify_t *v, ngx_http_attest_peer_state_t *state);
static u_char *ngx_http_attest_verified_known(u_char *p, u_char *last,
    ngx_http_attest_peer_state_t *state);
static u_char *ngx_http_attest_verified_text(u_char *p, u_char *last,
    const char *name, const char *text);
static u_char *ngx_http_attest_verified_each(
    ngx_http_attest_main_conf_t *amcf, u_char *p, u_char *last,
    const ngx_http_attest_verified_counter_t *c);


static const ngx_http_attest_verified_counter_t
    ngx_http_attest_verified_counters[] = {

    { "appraisals", "upstream_appraisals_total",
      "Appraisals of verified peers.",
      offsetof(ngx_http_attest_peer_state_t, appraisals) },

    { "failed", "upstream_appraisals_failed_total",
      "Appraisals that did not end in trust.",
      offsetof(ngx_http_attest_peer_state_t, failed) },

    { "waited", "upstream_waited_total",
      "Connections that waited for an appraisal.",
      offsetof(ngx_http_attest_peer_state_t, waited) },

    { "refused", "upstream_refused_total",
      "Connections that were refused.",
      offsetof(ngx_http_attest_peer_state_t, refused) }
};

#define NGX_HTTP_ATTEST_VERIFIED_NCOUNTERS                                   \
    (sizeof(ngx_http_attest_verified_counters)                               \
     / sizeof(ngx_http_attest_verified_counters[0]))

static const ngx_http_attest_verified_counter_t
    ngx_http_attest_verified_valid = {
    NULL, "upstream_valid", "Whether a key of the peer is valid now.",
    offsetof(ngx_http_attest_peer_state_t, valid)
};


#define ngx_http_attest_verified_value(state, c)                             \
    (*(ngx_uint_t *) ((u_char *) (state) + (c)->offset))


size_t
ngx_http_attest_verified_size(ngx_http_attest_main_conf_t *amcf)
{
    size_t                         size;
    ngx_uint_t                     i, slot;
    ngx_http_attest_verify_t     **v;
    ngx_http_attest_peer_state_t   state;

    size = 1024;
    v = amcf->verified->elts;

    for (i = 0; i < amcf->verified->nelts; i++) {

        for (slot = 0; ngx_http_attest_identity_state(v[i], slot, &state)
                       == NGX_OK; slot++)
        {
            size += NGX_HTTP_ATTEST_VERIFIED_PEER
                    + (2 + NGX_HTTP_ATTEST_VERIFIED_NCOUNTERS)
                      * 2 * v[i]->name.len;
        }
    }

    return size;
}


u_char *
ngx_http_attest_verified_json(ngx_http_attest_main_conf_t *amcf, u_char *p,
    u_char *last)
{
    ngx_uint_t                     i, slot, n;
    ngx_http_attest_verify_t     **v;
    ngx_http_attest_peer_state_t   state;

    v = amcf->verified->elts;
    n = 0;

    p = ngx_slprintf(p, last, "[");

    for (i = 0; i < amcf->verified->nelts; i++) {

        for (slot = 0; ngx_http_attest_identity_state(v[i], slot, &state)
                       == NGX_OK; slot++)
        {
            if (state.name[0] != '\0') {
                p = ngx_slprintf(p, last, "%s", n++ ? "," : "");
                p = ngx_http_attest_verified_peer(p, last, v[i], &state);
            }
        }
    }

    return ngx_slprintf(p, last, "]");
}


static u_char *
ngx_http_attest_verified_peer(u_char *p, u_char *last,
    ngx_http_attest_verify_t *v, ngx_http_attest_peer_state_t *state)
{
    ngx_uint_t                                 i;
    const ngx_http_attest_verified_counter_t  *c;

    p = ngx_slprintf(p, last, "{");
    p = ngx_http_attest_verified_text(p, last, "upstream",
                                      (char *) v->name.data);
    p = ngx_http_attest_verified_text(p, last, ",\"peer", state->name);
    p = ngx_http_attest_verified_text(p, last, ",\"host", state->host);

    p = ngx_slprintf(p, last, ",\"verdict\":%s%s%s,\"valid\":%s",
                     state->verdict ? "\"" : "",
                     state->verdict ? attest_verify_verdict(state->verdict)
                                    : "null",
                     state->verdict ? "\"" : "",
                     state->valid ? "true" : "false");

    p = ngx_http_attest_verified_text(p, last, ",\"why", state->why);
    p = ngx_http_attest_verified_text(p, last, ",\"failed_checks",
                                      state->checks);
    p = ngx_http_attest_verified_known(p, last, state);
    p = ngx_slprintf(p, last, ",\"checked_at\":%T,\"renew_in\":%T,"
                     "\"counters\":{", state->checked, state->renew_in);

    for (i = 0; i < NGX_HTTP_ATTEST_VERIFIED_NCOUNTERS; i++) {
        c = &ngx_http_attest_verified_counters[i];
        p = ngx_slprintf(p, last, "%s\"%s\":%ui", i ? "," : "", c->name,
                         ngx_http_attest_verified_value(state, c));
    }

    return ngx_slprintf(p, last, "}}");
}


/* Of the last appraisal that ended in trust. */

static u_char *
ngx_http_attest_verified_known(u_char *p, u_char *last,
    ngx_http_attest_peer_state_t *state)
{
    if (state->root == 0) {
        return ngx_slprintf(p, last, ",\"root_of_trust\":null,"
                            "\"generation\":null,\"exporter\":null,"
                            "\"keys_only\":null,\"not_after\":null");
    }

    return ngx_slprintf(p, last, ",\"root_of_trust\":\"%s\","
                        "\"generation\":%uL,\"exporter\":%s,"
                        "\"keys_only\":%s,\"not_after\":%T",
                        attest_label_name(state->root), state->generation,
                        state->exporter ? "true" : "false",
                        state->keys_only ? "true" : "false",
                        state->not_after);
}


static u_char *
ngx_http_attest_verified_text(u_char *p, u_char *last, const char *name,
    const char *text)
{
    size_t  n, more;

    p = ngx_slprintf(p, last, "%s%s\":\"", name[0] == ',' ? "" : "\"", name);

    n = ngx_strlen(text);
    more = (size_t) ngx_escape_json(NULL, (u_char *) text, n);

    if (n + more > (size_t) (last - p)) {
        return last;
    }

    p = (u_char *) ngx_escape_json(p, (u_char *) text, n);

    return ngx_slprintf(p, last, "\"");
}


u_char *
ngx_http_attest_verified_metrics(ngx_http_attest_main_conf_t *amcf,
    u_char *p, u_char *last)
{
    ngx_uint_t                                 i;
    const ngx_http_attest_verified_counter_t  *c;

    c = &ngx_http_attest_verified_valid;

    p = ngx_slprintf(p, last, "# HELP ngx_attest_%s %s\n"
                     "# TYPE ngx_attest_%s gauge\n", c->metric, c->help,
                     c->metric);
    p = ngx_http_attest_verified_each(amcf, p, last, c);

    for (i = 0; i < NGX_HTTP_ATTEST_VERIFIED_NCOUNTERS; i++) {
        c = &ngx_http_attest_verified_counters[i];

        p = ngx_slprintf(p, last, "# HELP ngx_attest_%s %s\n"
                         "# TYPE ngx_attest_%s counter\n", c->metric,
                         c->help, c->metric);
        p = ngx_http_attest_verified_each(amcf, p, last, c);
    }

    return p;
}


static u_char *
ngx_http_attest_verified_each(ngx_http_attest_main_conf_t *amcf, u_char *p,
    u_char *last, const ngx_http_attest_verified_counter_t *c)
{
    ngx_uint_t                     i, slot;
    ngx_http_attest_verify_t     **v;
    ngx_http_attest_peer_state_t   state;

    v = amcf->verified->elts;

    for (i = 0; i < amcf->verified->nelts; i++) {

        for (slot = 0; ngx_http_attest_identity_state(v[i], slot, &state)
                       == NGX_OK; slot++)
        {
            if (state.name[0] == '\0') {
                continue;
            }

            p = ngx_slprintf(p, last, "ngx_attest_%s{upstream=\"%V\","
                             "peer=\"%s\",host=\"%s\"} %ui\n", c->metric,
                             &v[i]->name, state.name, state.host,
                             ngx_http_attest_verified_value(&state, c));
        }
    }

    return p;
}
