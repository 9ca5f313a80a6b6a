/* SPDX-License-Identifier: Apache-2.0 */

/* nginx's configuration language, cut into statements. */

#include "core/evidence/attest_conf.h"
#include "unit.h"


static void cut(const char *text, const char *want);
static void test_tokens(void);
static void test_bad(void);
static void test_many(void);
static void test_lua(void);


int
main(void)
{
    test_tokens();
    test_bad();
    test_many();
    test_lua();
    DONE();
}


/* Statements as "token|token;" and so on, "!" where it is malformed. */

static void
cut(const char *text, const char *want)
{
    int                       rc;
    char                      got[512] = "";
    size_t                    i, n = 0;
    uint8_t                   copy[512];
    attest_conf_reader_t      r;
    attest_conf_statement_t   s;

    memcpy(copy, text, strlen(text));
    attest_conf_init(&r, copy, strlen(text));

    do {
        rc = attest_conf_next(&r, &s);

        for (i = 0; rc == ATTEST_OK && i < s.count; i++) {
            n += (size_t) snprintf(got + n, sizeof(got) - n, "%s%.*s",
                                   i ? "|" : "", (int) s.token[i].n,
                                   (const char *) s.token[i].p);
        }

        if (rc == ATTEST_OK && s.end == '{' && s.count == 1
            && s.token[0].n == 3 && memcmp(s.token[0].p, "lua", 3) == 0)
        {
            rc = attest_conf_skip_lua(&r);
        }

        if (rc != ATTEST_OK || s.end != 0) {
            got[n++] = rc == ATTEST_OK ? (char) s.end : '!';
            got[n] = '\0';
        }

    } while (rc == ATTEST_OK && s.end != 0);

    if (!OK(strcmp(got, want) == 0, "%.40s", text)) {
        printf("#   got %s\n#   want %s\n", got, want);
    }
}


static void
test_tokens(void)
{
    cut("", "");
    cut("include a;", "include|a;");
    cut("  a\t'b c'\r\n\"d;{}\" ;b;", "a|b c|d;{};b;");
    cut("# include a;\ninclude b; # include c;", "include|b;");
    cut("a b#c;", "a|b#c;");
    cut("http { server { listen 80; } }", "http{server{listen|80;}}");
    cut("a \"x\\ty\\\"\\\\\" 'b\\n' c\\ d;", "a|x\ty\"\\|b\n|c\\ d;");
    cut("a ${b}c \"${{d\";", "a|${b}c|${{d;");
    cut("a ${{b;} c;", "a|${{b;}c;");
    cut("if ($a = \"b\") { return 1; }", "if|($a|=|b|){return|1;}");
    cut("a ''; b \"\";", "a|;b|;");
    cut("a{b}c;}", "a{b}c;}");
    cut("a\\;b;", "a\\;b;");
}


static void
test_bad(void)
{
    cut("a \"b;", "!");
    cut("a 'b\\';", "!");
    cut("a b", "!");
    cut("a; b c \\", "a;!");
}


static void
test_many(void)
{
    uint8_t                   text[] = "a 1 2 3 4 5 6 7 8 9 10;\nb\n c;";
    attest_conf_reader_t      r;
    attest_conf_statement_t   s;

    attest_conf_init(&r, text, sizeof(text) - 1);

    IS_INT(attest_conf_next(&r, &s), ATTEST_OK, "more tokens than are kept");
    IS_INT(s.count, 11, "are counted");
    IS_INT(s.token[ATTEST_CONF_TOKENS - 1].p[0], '7', "the first are kept");
    IS_INT(s.line, 1, "line 1");

    IS_INT(attest_conf_next(&r, &s), ATTEST_OK, "the next");
    IS_INT(s.line, 3, "ends in line 3");
    IS_INT(s.end, ';', "by a semicolon");
}


static void
test_lua(void)
{
    cut("lua { a = { 1 } } b;", "lua{b;");
    cut("lua { s = \"}\" t = '}\\'}' } b;", "lua{b;");
    cut("lua { -- don't }\n } b;", "lua{b;");
    cut("lua { --[[ } ' ]] } b;", "lua{b;");
    cut("lua { --[==[ ]] } ]==] } b;", "lua{b;");
    cut("lua { --[ }\n } b;", "lua{b;");
    cut("lua { x = [[ } ]] y = t[1] - 2 } b;", "lua{b;");
    cut("lua { x = [=[ ]] } ]=] } b;", "lua{b;");
    cut("lua { { } b;", "lua!");
    cut("lua { '} b;", "lua!");
    cut("lua { [[ } b;", "lua!");
    cut("lua { --", "lua!");
}
