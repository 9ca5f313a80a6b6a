/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The page of attest_report, for people: what this nginx proves, in plain
 * words, and what would make it fail.
 */


#include "http/ngx_http_attest_html.h"
#include "http/ngx_http_attest_page.h"
#include "http/ngx_http_attest_page_peers.h"
#include "http/evidence/ngx_http_attest_view.h"


static void ngx_http_attest_page_head(ngx_http_attest_text_t *text,
    ngx_http_attest_page_parts_t *parts);
static void ngx_http_attest_page_gateway(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts, ngx_str_t *url);
static void ngx_http_attest_page_evidence(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_page_own_word(ngx_http_attest_text_t *text,
    ngx_str_t *url);
static void ngx_http_attest_page_worth(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_page_gpus(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_page_items(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_page_binds(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_page_bind(ngx_http_attest_text_t *text,
    const char *what, ngx_uint_t has, const u_char *hash, size_t len,
    const char *meaning);
static void ngx_http_attest_page_prompts(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_page_keys(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);
static void ngx_http_attest_page_failures(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts);


void
ngx_http_attest_page(ngx_http_attest_text_t *text,
    ngx_http_attest_page_parts_t *parts, ngx_str_t *url)
{
    ngx_http_attest_page_head(text, parts);

    ngx_http_attest_text_add(text, "<main>\n");

    if (parts->peers != NULL) {
        ngx_http_attest_page_peers(text, parts->peers);
    }

    if (parts->gateway != NULL) {
        ngx_http_attest_page_gateway(text, parts->gateway, url);
    }

    ngx_http_attest_text_add(text, "</main>\n<footer>\n<p>"
                             "ngx_attest_module " ATTEST_VERSION ". The same "
                             "for machines: <a href=\"?format=json\">JSON</a>."
                             "</p>\n</footer>\n");
    ngx_http_attest_html_end(text);
}


static void
ngx_http_attest_page_head(ngx_http_attest_text_t *text,
    ngx_http_attest_page_parts_t *parts)
{
    const char  *title;

    title = (parts->peers != NULL)
            ? ngx_http_attest_page_peers_title(parts->peers)
            : (parts->gateway->view != NULL) ? "Valid evidence"
                                             : "No valid evidence";

    ngx_http_attest_html_begin(text, title);

    ngx_http_attest_text_add(text, "<header>\n<h1>Attestation report</h1>\n"
                             "<p class=\"soft\">As of ");
    ngx_http_attest_html_date(text, ngx_time());
    ngx_http_attest_text_add(text, "</p>\n</header>\n");
}


static void
ngx_http_attest_page_gateway(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts, ngx_str_t *url)
{
    ngx_http_attest_text_add(text, "<section aria-labelledby=\"gateway\">\n"
                             "<h2 id=\"gateway\">What this gateway proves"
                             "</h2>\n");

    ngx_http_attest_page_evidence(text, facts);
    ngx_http_attest_page_own_word(text, url);

    if (facts->view != NULL) {
        ngx_http_attest_page_worth(text, facts);
        ngx_http_attest_page_items(text, facts);
        ngx_http_attest_page_binds(text, facts);
    }

    ngx_http_attest_page_prompts(text, facts);
    ngx_http_attest_page_failures(text, facts);

    ngx_http_attest_text_add(text, "</section>\n");
}


static void
ngx_http_attest_page_evidence(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    if (facts->view == NULL) {
        ngx_http_attest_html_verdict(text, NGX_HTTP_ATTEST_HTML_BAD,
                                     "No valid evidence");
        ngx_http_attest_text_add(text, "The reason: ");
        ngx_http_attest_html(text, facts->why ? facts->why : "not known");
        ngx_http_attest_text_add(text, ". Until there is some, this gateway "
                                 "refuses every request.</p>\n");
        return;
    }

    if (ngx_http_attest_facts_proves(facts)) {
        ngx_http_attest_html_verdict(text, NGX_HTTP_ATTEST_HTML_GOOD,
                                     "Valid evidence");

    } else {
        ngx_http_attest_html_verdict(text, NGX_HTTP_ATTEST_HTML_OPEN,
                                     "Valid evidence, of nothing");
        ngx_http_attest_text_add(text, "It is for trying things out: what "
                                 "signs it is no hardware, and anybody could "
                                 "have made it. ");
    }

    ngx_http_attest_text_add(text, "It holds until ");
    ngx_http_attest_html_time(text, facts->view->not_after, facts->now);
    ngx_http_attest_text_add(text, ".</p>\n");
}


static void
ngx_http_attest_page_own_word(ngx_http_attest_text_t *text, ngx_str_t *url)
{
    ngx_http_attest_text_add(text,
        "<p>This page is the gateway's own word, and a web page proves "
        "nothing. The proof is in the evidence, which a program on your side "
        "checks before it sends anything: <code>ngx-attest verify ");

    if (url->len != 0) {
        ngx_http_attest_text_html(text, url->data, url->len);

    } else {
        ngx_http_attest_text_add(text, "https://HOST");
    }

    ngx_http_attest_text_add(text, "</code></p>\n");
}


static void
ngx_http_attest_page_worth(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    ngx_http_attest_view_t  *view = facts->view;

    ngx_http_attest_html_table(text, "The evidence, and what it is worth",
                               NULL);

    ngx_http_attest_html_row(text, "Root of trust");
    ngx_http_attest_text_add(text, "<code>");
    ngx_http_attest_text_html(text, view->root.data, view->root.len);
    ngx_http_attest_text_add(text, "</code>");

    if (facts->label != NULL) {
        ngx_http_attest_text_add(text, ": ");
        ngx_http_attest_html(text, facts->label->text);
        ngx_http_attest_html_row_end(text);

        ngx_http_attest_html_row(text, "What proves that");
        ngx_http_attest_html(text, facts->label->proof);
    }

    ngx_http_attest_html_row_end(text);

    ngx_http_attest_html_row(text, "Made by");
    ngx_http_attest_html(text, facts->provider);
    ngx_http_attest_html_row_end(text);

    ngx_http_attest_page_gpus(text, facts);

    ngx_http_attest_html_row(text, "Made");
    ngx_http_attest_html_time(text, view->made_at, facts->now);
    ngx_http_attest_html_row_end(text);

    ngx_http_attest_html_row(text, "Holds until");
    ngx_http_attest_html_time(text, view->not_after, facts->now);
    ngx_http_attest_html_row_end(text);

    ngx_http_attest_html_row(text, "To be made anew");
    ngx_http_attest_html_time(text, view->renew_at, facts->now);
    ngx_http_attest_html_row_end(text);

    ngx_http_attest_html_row(text, "Generation");
    ngx_http_attest_text_print(text, "%uL, counted since nginx was started",
                               view->number);
    ngx_http_attest_html_row_end(text);

    ngx_http_attest_html_table_end(text);
}


static void
ngx_http_attest_page_gpus(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    if (!facts->gpu) {
        return;
    }

    ngx_http_attest_html_row(text, "GPUs");
    ngx_http_attest_html(text, facts->gpu_failed ? "do not attest now"
                                                 : "attest");
    ngx_http_attest_html(text, facts->gpu_required
                               ? "; without them every request is refused"
                               : "; they are not required");
    ngx_http_attest_html_row_end(text);
}


static void
ngx_http_attest_page_items(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    ngx_uint_t  i;

    static const char *const  heads[] = { "Item", "What it is", "Bytes",
                                          NULL };

    ngx_http_attest_html_table(text, "What the evidence consists of", heads);

    for (i = 0; i < facts->nitems; i++) {
        ngx_http_attest_html_row(text,
                                 attest_items[facts->items[i].item].label);
        ngx_http_attest_html(text,
                       attest_items[facts->items[i].item].about);
        ngx_http_attest_html_cell(text);
        ngx_http_attest_text_print(text, "%uz", facts->items[i].bytes);
        ngx_http_attest_html_row_end(text);
    }

    ngx_http_attest_html_table_end(text);
}


static void
ngx_http_attest_page_binds(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    attest_claims_t  *claims = &facts->view->claims;

    static const char *const  heads[] = { "Bound", "So that (SHA-256)",
                                          NULL };

    ngx_http_attest_html_table(text, "What the evidence is bound to", heads);

    ngx_http_attest_page_bind(text, "TLS key", 1, claims->pubkey_hash,
                              claims->pubkey_hash_len,
                              "nobody in between can end the connection");
    ngx_http_attest_page_bind(text, "Configuration record",
                              claims->has_config, claims->config,
                              sizeof(claims->config),
                              "another configuration of nginx is another "
                              "hash");
    ngx_http_attest_page_bind(text, "Keys for prompts",
                              claims->has_hpke_keys, claims->hpke_keys,
                              sizeof(claims->hpke_keys),
                              "a prompt is sealed to this gateway and to "
                              "nobody else");
    ngx_http_attest_page_bind(text, "GPU evidence", claims->has_gpu,
                              claims->gpu, sizeof(claims->gpu),
                              "the GPUs are those of this machine");

    ngx_http_attest_html_table_end(text);
}


static void
ngx_http_attest_page_bind(ngx_http_attest_text_t *text, const char *what,
    ngx_uint_t has, const u_char *hash, size_t len, const char *meaning)
{
    if (!has) {
        return;
    }

    ngx_http_attest_html_row(text, what);
    ngx_http_attest_html(text, meaning);
    ngx_http_attest_text_add(text, "<br>");
    ngx_http_attest_html_hash(text, hash, len);
    ngx_http_attest_html_row_end(text);
}


static void
ngx_http_attest_page_prompts(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    ngx_uint_t  i;

    static const char *const  heads[] = { "Format", "What is sealed",
                                          "Requests in clear", NULL };

    ngx_http_attest_text_add(text, "<h3>Sealed prompts</h3>\n");

    if (facts->nformats == 0) {
        ngx_http_attest_text_add(text, "<p>This gateway opens no sealed "
                                 "prompts: what protects a prompt on its way "
                                 "is the TLS connection.</p>\n");
        return;
    }

    ngx_http_attest_html_table(text, "Formats that are opened here", heads);

    for (i = 0; i < facts->nformats; i++) {
        ngx_http_attest_text_add(text, "<tr><th scope=\"row\">");
        ngx_http_attest_text_html(text, facts->formats[i].format->name.data,
                                  facts->formats[i].format->name.len);
        ngx_http_attest_text_add(text, "</th><td>");
        ngx_http_attest_html(text,
                 ngx_http_attest_facts_format(facts->formats[i].format));
        ngx_http_attest_html_cell(text);
        ngx_http_attest_html(text, facts->formats[i].plain
                                   ? "let through" : "refused");
        ngx_http_attest_html_row_end(text);
    }

    ngx_http_attest_html_table_end(text);

    ngx_http_attest_page_keys(text, facts);
}


static void
ngx_http_attest_page_keys(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    ngx_uint_t  i;

    u_char      hash[ATTEST_SHA256_LEN];

    static const char *const  heads[] = { "Identifier",
                                          "Kind, and SHA-256 of the key",
                                          "Suites", NULL };

    if (facts->nkeys == 0) {
        return;
    }

    ngx_http_attest_html_table(text, "Keys that prompts are sealed to, new "
                               "ones with each generation", heads);

    for (i = 0; i < facts->nkeys; i++) {
        if (!EVP_Digest(facts->keys[i].pk.p, facts->keys[i].pk.n, hash, NULL,
                        EVP_sha256(), NULL))
        {
            text->failed = 1;
            return;
        }

        ngx_http_attest_text_print(text, "<tr><th scope=\"row\">%ud</th><td>",
                                   (unsigned) facts->keys[i].id);
        ngx_http_attest_html(text,
                             ngx_http_attest_facts_kem(facts->keys[i].kem));
        ngx_http_attest_text_add(text, "<br>");
        ngx_http_attest_html_hash(text, hash, sizeof(hash));
        ngx_http_attest_html_cell(text);
        ngx_http_attest_text_print(text, "%uz", facts->keys[i].nsuites);
        ngx_http_attest_html_row_end(text);
    }

    ngx_http_attest_html_table_end(text);
}


static void
ngx_http_attest_page_failures(ngx_http_attest_text_t *text,
    ngx_http_attest_facts_t *facts)
{
    ngx_uint_t   n;
    const char  *said;

    ngx_http_attest_text_add(text, "<h3>What would make it fail</h3>\n"
                             "<ul>\n");

    for (n = 0; /* void */ ; n++) {
        said = ngx_http_attest_facts_fails(facts, n);
        if (said == NULL) {
            break;
        }

        ngx_http_attest_text_add(text, "<li>");
        ngx_http_attest_html(text, said);
        ngx_http_attest_text_add(text, "</li>\n");
    }

    ngx_http_attest_text_add(text, "</ul>\n");
}


ngx_int_t
ngx_http_attest_page_style_hash(u_char hash[NGX_HTTP_ATTEST_PAGE_HASH])
{
    u_char       digest[ATTEST_SHA256_LEN];
    size_t       len;
    ngx_str_t    src, dst;
    const char  *style;

    style = ngx_http_attest_html_style(&len);

    if (!EVP_Digest(style, len, digest, NULL, EVP_sha256(), NULL)) {
        return NGX_ERROR;
    }

    src.data = digest;
    src.len = sizeof(digest);
    dst.data = hash;

    ngx_encode_base64(&dst, &src);
    hash[dst.len] = '\0';

    return NGX_OK;
}
