/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The pieces of the report's page.  It works without JavaScript and loads
 * nothing: its style is in it, and the Content-Security-Policy names that by
 * its hash.  What is said by colour is said by words, too.
 */


#include "http/ngx_http_attest_html.h"


static void ngx_http_attest_html_distance(ngx_http_attest_text_t *text,
    int64_t sec);


/* Colours have a contrast of at least 4.5 to what is behind them. */

static const char  ngx_http_attest_html_css[] =
    ":root{color-scheme:light dark;"
    "--page:#f7f6f2;--card:#fff;--text:#1c1f24;--soft:#565c66;"
    "--line:#dcd9d0;--code:#efede6;--link:#0b4f9e;"
    "--good:#0a5c33;--goodbg:#e4f3ea;--bad:#96121c;--badbg:#fbe9e8;"
    "--open:#6b4a00;--openbg:#fbf1d9}"
    "@media(prefers-color-scheme:dark){:root{"
    "--page:#121417;--card:#1a1d22;--text:#e8e6e1;--soft:#a9aeb8;"
    "--line:#343942;--code:#252a31;--link:#8ab8f5;"
    "--good:#7ddba6;--goodbg:#13291d;--bad:#ff9c97;--badbg:#331718;"
    "--open:#f0c667;--openbg:#2e2611}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--page);color:var(--text);"
    "font:1rem/1.55 system-ui,-apple-system,'Segoe UI',sans-serif}"
    "header,main,footer{max-width:60rem;margin:0 auto;padding:0 1.25rem}"
    "header{padding-top:2.5rem}"
    "h1{font-size:1.75rem;line-height:1.25;margin:0 0 .25rem}"
    "h2{font-size:1.3rem;margin:2.5rem 0 .75rem}"
    "h3{font-size:1.05rem;margin:1.75rem 0 .5rem}"
    "p{margin:.6rem 0;max-width:46rem}"
    ".soft{color:var(--soft)}"
    "a{color:var(--link)}"
    "code{font:.9em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"
    "monospace;background:var(--code);padding:.1em .35em;"
    "border-radius:.25rem;overflow-wrap:anywhere}"
    ".verdict{max-width:none;margin:1rem 0;padding:.9rem 1.1rem;"
    "border-left:.35rem solid;border-radius:.4rem;font-size:1.05rem}"
    ".verdict strong{display:block;font-size:1.2rem}"
    ".good{color:var(--good);background:var(--goodbg)}"
    ".bad{color:var(--bad);background:var(--badbg)}"
    ".open{color:var(--open);background:var(--openbg)}"
    ".state{display:inline-block;font-size:.85rem;font-weight:600;"
    "padding:.1rem .5rem;border-radius:.25rem;white-space:nowrap}"
    ".note{color:var(--soft);background:var(--code)}"
    ".wide{overflow-x:auto;margin:1.25rem 0;background:var(--card);"
    "border:1px solid var(--line);border-radius:.5rem}"
    "table{border-collapse:collapse;width:100%}"
    "caption{text-align:left;font-weight:600;padding:.7rem 1rem;"
    "border-bottom:1px solid var(--line)}"
    "th,td{text-align:left;vertical-align:top;padding:.5rem 1rem;"
    "border-top:1px solid var(--line);overflow-wrap:break-word}"
    "thead th{font-size:.85rem;color:var(--soft);border-top:0}"
    "tbody th{font-weight:600;width:13rem}"
    "td:last-child:not(:nth-child(2)){width:10rem}"
    "tbody:first-of-type tr:first-child>*{border-top:0}"
    "thead+tbody tr:first-child>*{border-top:1px solid var(--line)!important}"
    "li{margin:.35rem 0;max-width:46rem}"
    "footer{padding-top:1.5rem;padding-bottom:3rem;color:var(--soft);"
    "font-size:.9rem}"
    "@media(max-width:40rem){tbody th,td:last-child:not(:nth-child(2))"
    "{width:auto}th,td{padding:.45rem .7rem}}"
    "@media print{body{background:#fff}.wide{border:0}}";


static const char *const  ngx_http_attest_html_states[] = {
    [NGX_HTTP_ATTEST_HTML_GOOD] = "good",
    [NGX_HTTP_ATTEST_HTML_BAD] = "bad",
    [NGX_HTTP_ATTEST_HTML_OPEN] = "open"
};


const char *
ngx_http_attest_html_style(size_t *len)
{
    *len = sizeof(ngx_http_attest_html_css) - 1;

    return ngx_http_attest_html_css;
}


void
ngx_http_attest_html(ngx_http_attest_text_t *text, const char *s)
{
    ngx_http_attest_text_html(text, (const u_char *) s, ngx_strlen(s));
}


void
ngx_http_attest_html_begin(ngx_http_attest_text_t *text, const char *title)
{
    ngx_http_attest_text_add(text,
        "<!DOCTYPE html>\n"
        "<html lang=\"en\">\n"
        "<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"robots\" content=\"noindex\">\n"
        "<title>");
    ngx_http_attest_html(text, title);
    ngx_http_attest_text_add(text, "</title>\n<style>");
    ngx_http_attest_text_add(text, ngx_http_attest_html_css);
    ngx_http_attest_text_add(text, "</style>\n</head>\n<body>\n");
}


void
ngx_http_attest_html_end(ngx_http_attest_text_t *text)
{
    ngx_http_attest_text_add(text, "</body>\n</html>\n");
}


void
ngx_http_attest_html_verdict(ngx_http_attest_text_t *text,
    ngx_http_attest_html_e state, const char *said)
{
    ngx_http_attest_text_print(text, "<p class=\"verdict %s\"><strong>",
                               ngx_http_attest_html_states[state]);
    ngx_http_attest_html(text, said);
    ngx_http_attest_text_add(text, "</strong> ");
}


void
ngx_http_attest_html_table(ngx_http_attest_text_t *text, const char *caption,
    const char *const *heads)
{
    ngx_http_attest_text_add(text,
                             "<div class=\"wide\"><table>\n<caption>");
    ngx_http_attest_html(text, caption);
    ngx_http_attest_text_add(text, "</caption>\n");

    if (heads != NULL && *heads != NULL) {
        ngx_http_attest_text_add(text, "<thead><tr>");

        for ( /* void */ ; *heads != NULL; heads++) {
            ngx_http_attest_text_add(text, "<th scope=\"col\">");
            ngx_http_attest_html(text, *heads);
            ngx_http_attest_text_add(text, "</th>");
        }

        ngx_http_attest_text_add(text, "</tr></thead>\n");
    }

    ngx_http_attest_text_add(text, "<tbody>\n");
}


void
ngx_http_attest_html_table_end(ngx_http_attest_text_t *text)
{
    ngx_http_attest_text_add(text, "</tbody>\n</table></div>\n");
}


void
ngx_http_attest_html_row(ngx_http_attest_text_t *text, const char *head)
{
    ngx_http_attest_text_add(text, "<tr><th scope=\"row\">");
    ngx_http_attest_html(text, head);
    ngx_http_attest_text_add(text, "</th><td>");
}


void
ngx_http_attest_html_cell(ngx_http_attest_text_t *text)
{
    ngx_http_attest_text_add(text, "</td><td>");
}


void
ngx_http_attest_html_row_end(ngx_http_attest_text_t *text)
{
    ngx_http_attest_text_add(text, "</td></tr>\n");
}


void
ngx_http_attest_html_hash(ngx_http_attest_text_t *text, const u_char *hash,
    size_t len)
{
    if (hash == NULL) {
        ngx_http_attest_text_add(text, "none");
        return;
    }

    ngx_http_attest_text_add(text, "<code>");
    ngx_http_attest_text_hex(text, hash, len);
    ngx_http_attest_text_add(text, "</code>");
}


void
ngx_http_attest_html_date(ngx_http_attest_text_t *text, time_t when)
{
    ngx_tm_t  tm;

    ngx_gmtime(when, &tm);

    ngx_http_attest_text_print(text,
        "<time datetime=\"%4d-%02d-%02dT%02d:%02d:%02dZ\">"
        "%4d-%02d-%02d %02d:%02d:%02d UTC</time>",
        tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday, tm.ngx_tm_hour,
        tm.ngx_tm_min, tm.ngx_tm_sec,
        tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday, tm.ngx_tm_hour,
        tm.ngx_tm_min, tm.ngx_tm_sec);
}


void
ngx_http_attest_html_time(ngx_http_attest_text_t *text, time_t when,
    time_t now)
{
    ngx_http_attest_html_date(text, when);
    ngx_http_attest_text_add(text, " <span class=\"soft\">(");
    ngx_http_attest_html_distance(text, (int64_t) when - now);
    ngx_http_attest_text_add(text, ")</span>");
}


static void
ngx_http_attest_html_distance(ngx_http_attest_text_t *text, int64_t sec)
{
    int64_t      n;
    const char  *unit;

    n = (sec < 0) ? -sec : sec;

    if (n < 2) {
        ngx_http_attest_text_add(text, "now");
        return;
    }

    if (n < 120) {
        unit = "seconds";

    } else if (n < 7200) {
        unit = "minutes";
        n /= 60;

    } else if (n < 2 * 86400) {
        unit = "hours";
        n /= 3600;

    } else {
        unit = "days";
        n /= 86400;
    }

    ngx_http_attest_text_print(text, (sec < 0) ? "%L %s ago" : "in %L %s", n,
                               unit);
}
