/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What "ngx-attest proxy" says while it runs: a line for each appraisal and
 * for each failure, out of nginx's error log, without what matters only to
 * those who run nginx.  Nothing of a request is shown.
 */


#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "cli/cli_proxy_log.h"


typedef struct {
    const char   *level;
    size_t        level_len;
    const char   *text;
    size_t        len;
} cli_proxy_line_t;


static bool cli_proxy_log_parse(const char *p, size_t n,
    cli_proxy_line_t *line);
static void cli_proxy_log_cut(cli_proxy_line_t *line);
static bool cli_proxy_log_matters(const cli_proxy_t *px,
    const cli_proxy_line_t *line, bool ready);
static bool cli_proxy_log_is(const cli_proxy_line_t *line, const char *level);
static void cli_proxy_log_say(const cli_proxy_line_t *line, const char *who);
static size_t cli_proxy_log_plain(const cli_proxy_line_t *line);


/*
 * What nginx says of the way to the gateway, in plain words, which begin with
 * who it is when that can be a relay.
 */

static const struct {
    const char   *said;
    bool          who;
    const char   *plain;
} cli_proxy_log_words[] = {
    { "Connection refused) while connecting to upstream", true,
      " takes no connections" },
    { "upstream timed out", true, " does not answer in time" },
    { "No route to host) while connecting to upstream", true,
      " cannot be reached" },
    { "Network is unreachable) while connecting to upstream", true,
      " cannot be reached: there is no network" },
    { "upstream prematurely closed connection", true,
      " has closed the connection before its answer was whole" },
    { "upstream SSL certificate verify error", true,
      " has a certificate that no authority has signed, or an old one" },
    { "upstream SSL certificate does not match", true,
      " has a certificate for another name" },
    { "SSL_do_handshake() failed", true, " and we do not agree on TLS" },
    { "host not found in upstream", true, " has a name that is not known" },
    { "still could not bind()", false, "somebody else listens there by now" },
    { "on signal", false, "a process of nginx has crashed, and is started "
      "anew" },
    { "client intended to send too large body", false,
      "a request is larger than 64 MB and was refused" },
    { NULL, false, NULL }
};


void
cli_proxy_log_ready(const cli_proxy_t *px, bool verified)
{
    cli_printf("\n");

    if (!verified) {
        cli_printf("nginx could not verify the gateway, and refuses requests "
                   "until it can.\n");
    }

    if (px->family == AF_UNIX) {
        cli_printf("Serving on %s until Ctrl-C.\n", px->listen);

    } else {
        cli_printf("Serving http://%s:%s/v1 until Ctrl-C.\n", px->host,
                   px->port);
        cli_printf("What is verified now: http://%s:%s/\n", px->host,
                   px->port);
    }

    if (!px->loopback) {
        cli_printf("Other machines can reach this address, and what they "
                   "send to it is not encrypted.\n");
    }
}


void
cli_proxy_log(const cli_proxy_t *px, const char *p, size_t n, bool ready)
{
    const char        *who;
    cli_proxy_line_t   line;

    if (!cli_proxy_log_parse(p, n, &line)) {

        /* of the linker, for example */

        if (!ready) {
            cli_fprintf(stderr, "nginx: %.*s\n", (int) n, p);
        }

        return;
    }

    if (cli_proxy_log_matters(px, &line, ready)) {

        /* prompts go to the relay, and all else to the gateway */

        who = px->opt->relay != NULL && memmem(p, n, " /v1/", 5) != NULL
              ? "the relay" : "the gateway";

        cli_proxy_log_cut(&line);
        cli_proxy_log_say(&line, who);
    }
}


/* "2026/11/30 12:00:00 [level] 1#2: *3 text", or "nginx: [level] text" */

static bool
cli_proxy_log_parse(const char *p, size_t n, cli_proxy_line_t *line)
{
    const char  *open, *end, *last = p + n;

    open = memchr(p, '[', n);
    end = open != NULL ? memchr(open, ']', (size_t) (last - open)) : NULL;

    if (end == NULL || open - p > 24 || end - open > 8) {
        return false;
    }

    line->level = open + 1;
    line->level_len = (size_t) (end - open) - 1;
    p = end + 1;

    while (p < last && *p == ' ') {
        p++;
    }

    /* who says it, and of which connection */

    while (p < last && (*p == '*' || (*p >= '0' && *p <= '9'))) {
        end = memchr(p, ' ', (size_t) (last - p));
        p = end != NULL ? end + 1 : last;
    }

    line->text = p;
    line->len = (size_t) (last - p);
    return true;
}


/* What nginx adds about the request. */

static void
cli_proxy_log_cut(cli_proxy_line_t *line)
{
    const char  *p;

    static const char  client[] = ", client: ", attest[] = "attest: ";

    p = memmem(line->text, line->len, client, strlen(client));

    if (p != NULL) {
        line->len = (size_t) (p - line->text);
    }

    if (line->len > strlen(attest)
        && memcmp(line->text, attest, strlen(attest)) == 0)
    {
        line->text += strlen(attest);
        line->len -= strlen(attest);
    }
}


static bool
cli_proxy_log_matters(const cli_proxy_t *px, const cli_proxy_line_t *line,
    bool ready)
{
    static const char  attest[] = "attest: ", again[] = "was appraised again";
    static const char  ask[] = "a request without \"attest_seal\"";

    /* our own question: what is asked by others is sealed */

    if (px->elsewhere && memmem(line->text, line->len, ask, strlen(ask))) {
        return false;
    }

    if (cli_proxy_log_is(line, "info")) {
        return memmem(line->text, line->len, again, strlen(again)) != NULL;
    }

    if (cli_proxy_log_is(line, "notice")
        || (cli_proxy_log_is(line, "warn") && ready))
    {
        return line->len > strlen(attest)
               && memcmp(line->text, attest, strlen(attest)) == 0;
    }

    return !cli_proxy_log_is(line, "debug");
}


static bool
cli_proxy_log_is(const cli_proxy_line_t *line, const char *level)
{
    return line->level_len == strlen(level)
           && memcmp(line->level, level, line->level_len) == 0;
}


static void
cli_proxy_log_say(const cli_proxy_line_t *line, const char *who)
{
    char        now[16] = "";
    size_t      i;
    time_t      t = time(NULL);
    struct tm   tm;

    if (localtime_r(&t, &tm) != NULL) {
        (void) strftime(now, sizeof(now), "%H:%M:%S", &tm);
    }

    i = cli_proxy_log_plain(line);

    if (cli_proxy_log_words[i].said != NULL) {
        cli_printf("%s  %s%s\n", now, cli_proxy_log_words[i].who ? who : "",
                   cli_proxy_log_words[i].plain);

    } else {
        cli_printf("%s  %.*s\n", now, (int) line->len, line->text);
    }
}


/* Of the table; its last one: no other words. */

static size_t
cli_proxy_log_plain(const cli_proxy_line_t *line)
{
    size_t  i;

    for (i = 0; cli_proxy_log_words[i].said != NULL; i++) {
        if (memmem(line->text, line->len, cli_proxy_log_words[i].said,
                   strlen(cli_proxy_log_words[i].said))
            != NULL)
        {
            break;
        }
    }

    return i;
}
