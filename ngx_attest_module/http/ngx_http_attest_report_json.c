/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The report of attest_report as one object of JSON.  Its members are
 * described in docs/endpoints.md and stay as they are.
 */


#include "http/evidence/ngx_http_attest_view.h"
#include "http/ngx_http_attest_report_json.h"
#include "http/ngx_http_attest_verdicts.h"


static void ngx_http_attest_report_json_gateway(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_report_json_evidence(
    ngx_http_attest_text_t *text, ngx_http_attest_facts_t *facts);
static void ngx_http_attest_report_json_binds(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_report_json_hash(ngx_http_attest_text_t *text,
    const char *name, ngx_uint_t has, const u_char *hash, size_t len);
static void ngx_http_attest_report_json_prompts(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_report_json_fails(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_report_json_peers(ngx_http_attest_text_t *text,
    ngx_array_t *peers);
static void ngx_http_attest_report_json_peer(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer);
static void ngx_http_attest_report_json_known(ngx_http_attest_text_t *text,
    ngx_http_attest_peer_state_t *state);
static void ngx_http_attest_report_json_checks(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer);
static void ngx_http_attest_report_json_text(ngx_http_attest_text_t *text,
    const char *before, const char *s);
static void ngx_http_attest_report_json_str(ngx_http_attest_text_t *text,
    const char *before, ngx_str_t *s);


void
ngx_http_attest_report_json(ngx_http_attest_text_t *text,
    ngx_http_attest_page_parts_t *parts)
{
    ngx_http_attest_text_print(text, "{\"version\":\"%s\",\"time\":%T,",
                               ATTEST_VERSION, ngx_time());

    ngx_http_attest_text_add(text, "\"gateway\":");

    if (parts->gateway != NULL) {
        ngx_http_attest_report_json_gateway(text, parts->gateway);

    } else {
        ngx_http_attest_text_add(text, "null");
    }

    ngx_http_attest_text_add(text, ",\"upstreams\":");

    if (parts->peers != NULL) {
        ngx_http_attest_report_json_peers(text, parts->peers);

    } else {
        ngx_http_attest_text_add(text, "null");
    }

    ngx_http_attest_text_add(text, "}\n");
}


static void
ngx_http_attest_report_json_gateway(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    ngx_http_attest_text_print(text, "{\"valid\":%s,\"reason\":",
                               facts->view ? "true" : "false");

    if (facts->view != NULL || facts->why == NULL) {
        ngx_http_attest_text_add(text, "null");

    } else {
        ngx_http_attest_report_json_text(text, "", facts->why);
    }

    ngx_http_attest_report_json_text(text, ",\"provider\":", facts->provider);

    ngx_http_attest_text_add(text, ",\"gpus\":");

    if (facts->gpu) {
        ngx_http_attest_text_print(text, "{\"required\":%s,\"attest\":%s}",
                                   facts->gpu_required ? "true" : "false",
                                   facts->gpu_failed ? "false" : "true");

    } else {
        ngx_http_attest_text_add(text, "null");
    }

    ngx_http_attest_text_add(text, ",\"evidence\":");

    if (facts->view != NULL) {
        ngx_http_attest_report_json_evidence(text, facts);

    } else {
        ngx_http_attest_text_add(text, "null");
    }

    ngx_http_attest_report_json_prompts(text, facts);
    ngx_http_attest_report_json_fails(text, facts);

    ngx_http_attest_text_add(text, "}");
}


static void
ngx_http_attest_report_json_evidence(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    ngx_uint_t               i;
    ngx_http_attest_view_t  *view = facts->view;

    ngx_http_attest_text_print(text, "{\"generation\":%uL,\"made_at\":%T,"
                               "\"not_before\":%T,\"not_after\":%T,"
                               "\"renew_at\":%T,", view->number,
                               view->made_at, view->not_before,
                               view->not_after, view->renew_at);

    ngx_http_attest_report_json_str(text, "\"root_of_trust\":", &view->root);
    ngx_http_attest_report_json_text(text, ",\"meaning\":",
                                     facts->label ? facts->label->text : "");
    ngx_http_attest_report_json_text(text, ",\"proof\":",
                                     facts->label ? facts->label->proof : "");

    ngx_http_attest_text_add(text, ",\"items\":[");

    for (i = 0; i < facts->nitems; i++) {
        ngx_http_attest_report_json_text(text, i ? ",{\"item\":"
                                                 : "{\"item\":",
                                 attest_items[facts->items[i].item].label);
        ngx_http_attest_text_print(text, ",\"bytes\":%uz",
                                   facts->items[i].bytes);
        ngx_http_attest_report_json_text(text, ",\"what\":",
                       attest_items[facts->items[i].item].about);
        ngx_http_attest_text_add(text, "}");
    }

    ngx_http_attest_text_add(text, "],\"bound\":");
    ngx_http_attest_report_json_binds(text, facts);
    ngx_http_attest_text_add(text, "}");
}


static void
ngx_http_attest_report_json_binds(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    attest_claims_t  *claims = &facts->view->claims;

    ngx_http_attest_report_json_hash(text, "{\"tls_key\":", 1,
                                     claims->pubkey_hash,
                                     claims->pubkey_hash_len);
    ngx_http_attest_report_json_hash(text, ",\"configuration\":",
                                     claims->has_config, claims->config,
                                     sizeof(claims->config));
    ngx_http_attest_report_json_hash(text, ",\"prompt_keys\":",
                                     claims->has_hpke_keys,
                                     claims->hpke_keys,
                                     sizeof(claims->hpke_keys));
    ngx_http_attest_report_json_hash(text, ",\"gpu_evidence\":",
                                     claims->has_gpu, claims->gpu,
                                     sizeof(claims->gpu));
    ngx_http_attest_text_add(text, "}");
}


static void
ngx_http_attest_report_json_hash(ngx_http_attest_text_t *text,
    const char *name, ngx_uint_t has, const u_char *hash, size_t len)
{
    ngx_http_attest_text_add(text, name);

    if (!has) {
        ngx_http_attest_text_add(text, "null");
        return;
    }

    ngx_http_attest_text_add(text, "\"");
    ngx_http_attest_text_hex(text, hash, len);
    ngx_http_attest_text_add(text, "\"");
}


static void
ngx_http_attest_report_json_prompts(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    ngx_uint_t                       i;
    const ngx_http_attest_format_t  *format;

    ngx_http_attest_text_add(text, ",\"prompts\":{\"formats\":[");

    for (i = 0; i < facts->nformats; i++) {
        format = facts->formats[i].format;

        ngx_http_attest_report_json_str(text, i ? ",{\"format\":"
                                                : "{\"format\":",
                                        (ngx_str_t *) &format->name);
        ngx_http_attest_text_print(text, ",\"required\":%s",
                                   facts->formats[i].plain ? "false"
                                                           : "true");
        ngx_http_attest_report_json_text(text, ",\"what\":",
                                         ngx_http_attest_facts_format(format));
        ngx_http_attest_text_add(text, "}");
    }

    ngx_http_attest_text_add(text, "],\"keys\":[");

    for (i = 0; i < facts->nkeys; i++) {
        ngx_http_attest_text_print(text, "%s{\"id\":%ud", i ? "," : "",
                                   (unsigned) facts->keys[i].id);
        ngx_http_attest_report_json_text(text, ",\"kem\":",
                             ngx_http_attest_facts_kem(facts->keys[i].kem));
        ngx_http_attest_text_print(text, ",\"suites\":%uz,\"public_key\":\"",
                                   facts->keys[i].nsuites);
        ngx_http_attest_text_hex(text, facts->keys[i].pk.p,
                                 facts->keys[i].pk.n);
        ngx_http_attest_text_add(text, "\"}");
    }

    ngx_http_attest_text_add(text, "]}");
}


static void
ngx_http_attest_report_json_fails(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    ngx_uint_t   n;
    const char  *said;

    ngx_http_attest_text_add(text, ",\"fails_when\":[");

    for (n = 0; /* void */ ; n++) {
        said = ngx_http_attest_facts_fails(facts, n);
        if (said == NULL) {
            break;
        }

        ngx_http_attest_report_json_text(text, n ? "," : "", said);
    }

    ngx_http_attest_text_add(text, "]");
}


static void
ngx_http_attest_report_json_peers(ngx_http_attest_text_t *text,
    ngx_array_t *peers)
{
    ngx_uint_t                   i;
    const char                  *said;
    ngx_http_attest_verdict_t  **peer;

    peer = peers->elts;

    ngx_http_attest_text_add(text, "{\"peers\":[");

    for (i = 0; i < peers->nelts; i++) {
        ngx_http_attest_text_add(text, i ? "," : "");
        ngx_http_attest_report_json_peer(text, peer[i]);
    }

    ngx_http_attest_text_add(text, "],\"fails_when\":[");

    for (i = 0; /* void */ ; i++) {
        said = ngx_http_attest_verdicts_fails(i);
        if (said == NULL) {
            break;
        }

        ngx_http_attest_report_json_text(text, i ? "," : "", said);
    }

    ngx_http_attest_text_add(text, "]}");
}


static void
ngx_http_attest_report_json_peer(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer)
{
    ngx_str_t                      name;
    ngx_http_attest_verify_t      *v = peer->verify;
    ngx_http_attest_peer_state_t  *state = &peer->state;

    ngx_http_attest_verdicts_policy(v, &name);

    ngx_http_attest_report_json_str(text, "{\"upstream\":", &v->name);
    ngx_http_attest_report_json_text(text, ",\"peer\":", state->name);
    ngx_http_attest_report_json_text(text, ",\"host\":", state->host);
    ngx_http_attest_report_json_str(text, ",\"policy\":{\"file\":", &name);
    ngx_http_attest_report_json_hash(text, ",\"sha256\":", 1,
                                     v->file->digest,
                                     sizeof(v->file->digest));
    ngx_http_attest_text_print(text, ",\"signed\":%s},\"verified\":%s,"
                               "\"verdict\":",
                               v->file->key.len ? "true" : "false",
                               ngx_http_attest_verdicts_is_good(state)
                               ? "true" : "false");

    if (state->verdict != 0) {
        ngx_http_attest_report_json_text(text, "",
                                     attest_verify_verdict(state->verdict));

    } else {
        ngx_http_attest_text_add(text, "null");
    }

    ngx_http_attest_report_json_text(text, ",\"why\":", state->why);
    ngx_http_attest_text_print(text, ",\"checked_at\":%T,\"renew_in\":%T,",
                               state->checked, state->renew_in);
    ngx_http_attest_report_json_known(text, state);
    ngx_http_attest_report_json_checks(text, peer);
    ngx_http_attest_text_add(text, "}");
}


static void
ngx_http_attest_report_json_known(ngx_http_attest_text_t *text,
    ngx_http_attest_peer_state_t *state)
{
    const attest_label_t  *label;

    label = attest_label(state->root);

    if (label == NULL) {
        ngx_http_attest_text_add(text, "\"root_of_trust\":null,"
                                 "\"meaning\":null,\"exporter\":null,"
                                 "\"keys_only\":null,\"not_after\":null");
        return;
    }

    ngx_http_attest_report_json_text(text, "\"root_of_trust\":",
                                     label->label);
    ngx_http_attest_report_json_text(text, ",\"meaning\":", label->text);
    ngx_http_attest_text_print(text, ",\"exporter\":%s,\"keys_only\":%s,"
                               "\"not_after\":%T",
                               state->exporter ? "true" : "false",
                               state->keys_only ? "true" : "false",
                               state->not_after);
}


static void
ngx_http_attest_report_json_checks(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer)
{
    size_t                            p, n;
    ngx_http_attest_verdict_check_t   check;

    ngx_http_attest_text_add(text, ",\"checks\":[");

    for (p = 0, n = 0;
         ngx_http_attest_verdicts_check(peer, &p, &check) == NGX_OK;
         n++)
    {
        ngx_http_attest_report_json_text(text, n ? ",{\"id\":" : "{\"id\":",
                                         check.id);
        ngx_http_attest_report_json_text(text, ",\"state\":",
                               ngx_http_attest_verdicts_state(check.state));
        ngx_http_attest_report_json_text(text, ",\"text\":", check.text);
        ngx_http_attest_text_add(text, "}");
    }

    ngx_http_attest_text_add(text, "]");
}


static void
ngx_http_attest_report_json_text(ngx_http_attest_text_t *text,
    const char *before, const char *s)
{
    ngx_http_attest_text_add(text, before);
    ngx_http_attest_text_add(text, "\"");
    ngx_http_attest_text_json(text, (const u_char *) s, ngx_strlen(s));
    ngx_http_attest_text_add(text, "\"");
}


static void
ngx_http_attest_report_json_str(ngx_http_attest_text_t *text,
    const char *before, ngx_str_t *s)
{
    ngx_http_attest_text_add(text, before);
    ngx_http_attest_text_add(text, "\"");
    ngx_http_attest_text_json(text, s->data, s->len);
    ngx_http_attest_text_add(text, "\"");
}
