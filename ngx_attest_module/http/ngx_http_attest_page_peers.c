/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The part of the report's page that is about others: which gateways were
 * verified, by which policy, each check in words, and when.
 */


#include "http/ngx_http_attest_html.h"
#include "http/ngx_http_attest_page_peers.h"
#include "core/evidence/attest_label.h"


static void ngx_http_attest_page_peers_one(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer);
static void ngx_http_attest_page_peers_verdict(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer);
static void ngx_http_attest_page_peers_facts(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer);
static void ngx_http_attest_page_peers_policy(ngx_http_attest_text_t *text,
    ngx_http_attest_verify_t *v);
static void ngx_http_attest_page_peers_known(ngx_http_attest_text_t *text,
    ngx_http_attest_peer_state_t *state);
static const char *ngx_http_attest_page_peers_bound(
    const ngx_http_attest_peer_state_t *state);
static void ngx_http_attest_page_peers_checks(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer);
static void ngx_http_attest_page_peers_failures(
    ngx_http_attest_text_t *text);
static ngx_uint_t ngx_http_attest_page_peers_proves(
    ngx_http_attest_peer_state_t *state);


const char *
ngx_http_attest_page_peers_title(ngx_array_t *peers)
{
    ngx_uint_t                   i, valid;
    ngx_http_attest_verdict_t  **peer;

    valid = 0;
    peer = peers->elts;

    for (i = 0; i < peers->nelts; i++) {
        valid += ngx_http_attest_verdicts_is_good(&peer[i]->state);
    }

    return (valid == 0) ? "Not verified"
           : (valid == peers->nelts) ? "Verified" : "Partly verified";
}


void
ngx_http_attest_page_peers(ngx_http_attest_text_t *text, ngx_array_t *peers)
{
    ngx_uint_t                   i;
    ngx_http_attest_verdict_t  **peer;

    ngx_http_attest_text_add(text, "<section aria-labelledby=\"verified\">\n"
                             "<h2 id=\"verified\">What was verified from "
                             "here</h2>\n");

    if (peers->nelts == 0) {
        ngx_http_attest_html_verdict(text, NGX_HTTP_ATTEST_HTML_OPEN,
                                     "Nobody was asked so far");
        ngx_http_attest_text_add(text, "The first request waits until the "
                                 "gateway that it is for has been "
                                 "verified.</p>\n");
    }

    peer = peers->elts;

    for (i = 0; i < peers->nelts; i++) {
        ngx_http_attest_page_peers_one(text, peer[i]);
    }

    ngx_http_attest_page_peers_failures(text);

    ngx_http_attest_text_add(text, "</section>\n");
}


static void
ngx_http_attest_page_peers_one(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer)
{
    ngx_http_attest_peer_state_t  *state = &peer->state;

    ngx_http_attest_text_add(text, "<h3>");
    ngx_http_attest_html(text, state->host[0] ? state->host : state->name);
    ngx_http_attest_text_add(text, "</h3>\n");

    ngx_http_attest_page_peers_verdict(text, peer);
    ngx_http_attest_page_peers_facts(text, peer);
    ngx_http_attest_page_peers_checks(text, peer);
}


/* A policy may accept what proves nothing, to try things out. */

static ngx_uint_t
ngx_http_attest_page_peers_proves(ngx_http_attest_peer_state_t *state)
{
    return !(state->root & (ATTEST_ROOT_SOFTWARE | ATTEST_ROOT_SIMULATED));
}


static void
ngx_http_attest_page_peers_verdict(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer)
{
    ngx_http_attest_peer_state_t  *state = &peer->state;

    if (state->verdict == 0) {
        ngx_http_attest_html_verdict(text, NGX_HTTP_ATTEST_HTML_OPEN,
                                     "Not verified so far");
        ngx_http_attest_text_add(text, "It has not been judged yet. Nothing "
                                 "is sent to it before.</p>\n");
        return;
    }

    if (!ngx_http_attest_verdicts_is_good(state)) {
        ngx_http_attest_html_verdict(text, NGX_HTTP_ATTEST_HTML_BAD,
                                     "Not verified: nothing is sent to it");

    } else if (state->verdict != ATTEST_TRUSTED) {
        ngx_http_attest_html_verdict(text, NGX_HTTP_ATTEST_HTML_OPEN,
                                     "Verified before, and not decided the "
                                     "last time");

    } else if (!ngx_http_attest_page_peers_proves(state)) {
        ngx_http_attest_html_verdict(text, NGX_HTTP_ATTEST_HTML_OPEN,
                                     "Verified, by a policy for trying "
                                     "things out");
        ngx_http_attest_text_add(text, "The policy accepts evidence that no "
                                 "hardware stands behind. ");

    } else {
        ngx_http_attest_html_verdict(text, NGX_HTTP_ATTEST_HTML_GOOD,
                                     "Verified");
    }

    ngx_http_attest_text_add(text, "The verdict: ");
    ngx_http_attest_html(text, state->why);
    ngx_http_attest_text_add(text, ".</p>\n");
}


static void
ngx_http_attest_page_peers_facts(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer)
{
    ngx_http_attest_peer_state_t  *state = &peer->state;

    ngx_http_attest_html_table(text, "When, and by what", NULL);

    ngx_http_attest_html_row(text, "Address");
    ngx_http_attest_html(text, state->name);
    ngx_http_attest_html_row_end(text);

    ngx_http_attest_html_row(text, "Group");
    ngx_http_attest_text_html(text, peer->verify->name.data,
                              peer->verify->name.len);
    ngx_http_attest_html_row_end(text);

    ngx_http_attest_page_peers_policy(text, peer->verify);

    ngx_http_attest_html_row(text, "Last asked");

    if (state->checked != 0) {
        ngx_http_attest_html_time(text, state->checked, ngx_time());

    } else {
        ngx_http_attest_text_add(text, "never");
    }

    ngx_http_attest_html_row_end(text);

    if (state->valid) {
        ngx_http_attest_html_row(text, "To be asked again");
        ngx_http_attest_html_time(text, ngx_time() + state->renew_in,
                                  ngx_time());
        ngx_http_attest_html_row_end(text);
    }

    ngx_http_attest_page_peers_known(text, state);

    ngx_http_attest_html_row(text, "Counted");
    ngx_http_attest_text_print(text, "appraisals: %ui, without trust: %ui; "
                               "connections that waited: %ui, refused: %ui",
                               state->appraisals, state->failed,
                               state->waited, state->refused);
    ngx_http_attest_html_row_end(text);

    ngx_http_attest_html_table_end(text);
}


static void
ngx_http_attest_page_peers_policy(ngx_http_attest_text_t *text,
    ngx_http_attest_verify_t *v)
{
    ngx_str_t  name;

    ngx_http_attest_verdicts_policy(v, &name);

    ngx_http_attest_html_row(text, "Policy");
    ngx_http_attest_text_html(text, name.data, name.len);
    ngx_http_attest_html(text, v->file->key.len != 0
                               ? ", which somebody had to sign; SHA-256"
                               : "; SHA-256");
    ngx_http_attest_text_add(text, "<br>");
    ngx_http_attest_html_hash(text, v->file->digest,
                              sizeof(v->file->digest));
    ngx_http_attest_html_row_end(text);
}


/* Of the last time that ended in trust. */

static void
ngx_http_attest_page_peers_known(ngx_http_attest_text_t *text,
    ngx_http_attest_peer_state_t *state)
{
    const attest_label_t  *label;

    label = attest_label(state->root);

    if (label == NULL) {
        return;
    }

    ngx_http_attest_html_row(text, "Root of trust");
    ngx_http_attest_text_add(text, "<code>");
    ngx_http_attest_html(text, label->label);
    ngx_http_attest_text_add(text, "</code>: ");
    ngx_http_attest_html(text, label->text);
    ngx_http_attest_html_row_end(text);

    ngx_http_attest_html_row(text, "Connection");
    ngx_http_attest_html(text, ngx_http_attest_page_peers_bound(state));
    ngx_http_attest_html_row_end(text);

    ngx_http_attest_html_row(text, "Holds until");
    ngx_http_attest_html_time(text, state->not_after, ngx_time());
    ngx_http_attest_html_row_end(text);
}


static const char *
ngx_http_attest_page_peers_bound(const ngx_http_attest_peer_state_t *state)
{
    if (state->keys_only) {
        return "somebody else ends TLS, and nothing is known of him: the "
               "verdict is about the keys that prompts are sealed for, and "
               "nothing else is sent";
    }

    return state->exporter
           ? "the evidence names the very connection that was asked on"
           : "the evidence names the key of the connection, but not the very "
             "connection that was asked on";
}


static void
ngx_http_attest_page_peers_checks(ngx_http_attest_text_t *text,
    ngx_http_attest_verdict_t *peer)
{
    size_t                            p;
    const char                       *class, *said;
    ngx_http_attest_verdict_check_t   check;

    static const char *const  heads[] = { "Check", "What was found", "Result",
                                          NULL };

    if (peer->told_len == 0) {
        return;
    }

    ngx_http_attest_html_table(text, "Every check, the last time", heads);

    for (p = 0;
         ngx_http_attest_verdicts_check(peer, &p, &check) == NGX_OK;
         /* void */ )
    {
        switch (check.state) {

        case ATTEST_CHECK_PASS:
            class = "good";
            said = "passed";
            break;

        case ATTEST_CHECK_FAIL:
            class = "bad";
            said = "failed";
            break;

        case ATTEST_CHECK_NOTE:
            class = "note";
            said = "noted";
            break;

        default: /* ATTEST_CHECK_UNKNOWN */
            class = "open";
            said = "not decided";
            break;
        }

        ngx_http_attest_html_row(text, check.id);
        ngx_http_attest_html(text, check.text);
        ngx_http_attest_html_cell(text);
        ngx_http_attest_text_print(text, "<span class=\"state %s\">%s</span>",
                                   class, said);
        ngx_http_attest_html_row_end(text);
    }

    ngx_http_attest_html_table_end(text);
}


static void
ngx_http_attest_page_peers_failures(ngx_http_attest_text_t *text)
{
    ngx_uint_t   n;
    const char  *said;

    ngx_http_attest_text_add(text, "<h3>What would make it fail</h3>\n"
                             "<ul>\n");

    for (n = 0; /* void */ ; n++) {
        said = ngx_http_attest_verdicts_fails(n);
        if (said == NULL) {
            break;
        }

        ngx_http_attest_text_add(text, "<li>");
        ngx_http_attest_html(text, said);
        ngx_http_attest_text_add(text, "</li>\n");
    }

    ngx_http_attest_text_add(text, "</ul>\n");
}
