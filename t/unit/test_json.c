/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The strict reader of JSON: each fault by its name, what rules change, and
 * that nothing is read behind the end of a text.
 */

#include <stdlib.h>
#include <string.h>

#include "core/base/attest_json.h"
#include "unit.h"


#define LIT(s)  (attest_span_literal(s))

/* 8 levels, which is ATTEST_MAX_DEPTH, and 9. */
#define DEEP    "[[[[[[[[1]]]]]]]]"
#define DEEPER  "[[[[[[[[[1]]]]]]]]]"


typedef struct {
    attest_span_t         text;
    attest_json_fault_e   fault;
} case_t;


static attest_json_fault_e read_text(attest_span_t text, unsigned flags);
static void check(const case_t *c, size_t n, unsigned flags);
static void test_valid(void);
static void test_faults(void);
static void test_utf8(void);
static void test_numbers(void);
static void test_whole(void);
static void test_trailing(void);
static void test_twice(void);
static void test_many(void);
static void test_cut(void);
static void test_text(void);


int
main(void)
{
    test_valid();
    test_faults();
    test_utf8();
    test_numbers();
    test_whole();
    test_trailing();
    test_twice();
    test_many();
    test_cut();
    test_text();
    DONE();
}


/* In a block of its own length, so that a sanitizer sees what lies behind. */

static attest_json_fault_e
read_text(attest_span_t text, unsigned flags)
{
    int                   rc;
    cJSON                *root;
    uint8_t              *copy = malloc(text.n + (text.n == 0));
    attest_json_fault_e   fault;
    attest_json_rules_t   rules = { .flags = flags };

    if (text.n != 0) {
        memcpy(copy, text.p, text.n);
    }

    rc = attest_json_parse(attest_span(copy, text.n), &rules, &root, &fault);

    if ((rc == ATTEST_OK) != (root != NULL)
        || (rc == ATTEST_OK) != (fault == ATTEST_JSON_VALID)
        || (rc == ATTEST_ELIMIT) != (fault == ATTEST_JSON_DEPTH
                                     || fault == ATTEST_JSON_MANY))
    {
        OK(0, "code, tree and fault agree");
    }

    cJSON_Delete(root);
    free(copy);
    return fault;
}


static void
check(const case_t *c, size_t n, unsigned flags)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        IS_INT(read_text(c[i].text, flags), c[i].fault, "case %zu: %.*s", i,
               (int) (c[i].text.n < 40 ? c[i].text.n : 40),
               (const char *) c[i].text.p);
    }
}

#define CHECK(c, flags)  check(c, sizeof(c) / sizeof(c[0]), flags)


static void
test_valid(void)
{
    const case_t  c[] = {
        { LIT("{}"), ATTEST_JSON_VALID },
        { LIT("[]"), ATTEST_JSON_VALID },
        { LIT("1"), ATTEST_JSON_VALID },
        { LIT("\"\""), ATTEST_JSON_VALID },
        { LIT("true"), ATTEST_JSON_VALID },
        { LIT("null"), ATTEST_JSON_VALID },
        { LIT(" \t\r\n{ \"a\" : [ 1 , 2 ] } \t\r\n"), ATTEST_JSON_VALID },
        { LIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\""), ATTEST_JSON_VALID },
        { LIT("\"\\\\u0000\""), ATTEST_JSON_VALID },
        { LIT("\"{[,]}\""), ATTEST_JSON_VALID },
        { LIT("\"\\ud83d\\ude00\""), ATTEST_JSON_VALID },
        { LIT(DEEP), ATTEST_JSON_VALID },
        { LIT("\"" DEEPER "\""), ATTEST_JSON_VALID },
        { LIT("{\"a\":{\"a\":1},\"A\":1}"), ATTEST_JSON_VALID }
    };

    CHECK(c, 0);
}


static void
test_faults(void)
{
    const case_t  c[] = {
        { LIT(""), ATTEST_JSON_SYNTAX },
        { LIT(" "), ATTEST_JSON_SYNTAX },
        { LIT("{\"a\":}"), ATTEST_JSON_SYNTAX },
        { LIT("{\"a\" 1}"), ATTEST_JSON_SYNTAX },
        { LIT("[1,]"), ATTEST_JSON_SYNTAX },
        { LIT("{,}"), ATTEST_JSON_SYNTAX },
        { LIT("nul"), ATTEST_JSON_SYNTAX },
        { LIT("'a'"), ATTEST_JSON_SYNTAX },
        { LIT("{a:1}"), ATTEST_JSON_SYNTAX },
        { LIT("}"), ATTEST_JSON_SYNTAX },
        { LIT("\"\\x\""), ATTEST_JSON_SYNTAX },
        { LIT("\"\\u12g4\""), ATTEST_JSON_SYNTAX },
        { LIT("\"\\ud83d\""), ATTEST_JSON_SYNTAX },
        { LIT("\"\\ude00\""), ATTEST_JSON_SYNTAX },
        { LIT("{\"1\":1,"), ATTEST_JSON_BRACKETS },
        { LIT("{"), ATTEST_JSON_BRACKETS },
        { LIT("[1"), ATTEST_JSON_BRACKETS },
        { LIT("[1}"), ATTEST_JSON_BRACKETS },
        { LIT("{\"a\":1]"), ATTEST_JSON_BRACKETS },
        { LIT("[\x01]"), ATTEST_JSON_CHARACTER },
        { LIT("[1]\0"), ATTEST_JSON_CHARACTER },
        { LIT("\f[]"), ATTEST_JSON_CHARACTER },
        { LIT("[\x7f]"), ATTEST_JSON_CHARACTER },
        { LIT("[\\n]"), ATTEST_JSON_CHARACTER },
        { LIT("\xef\xbb\xbf{}"), ATTEST_JSON_CHARACTER },
        { LIT("\xc2\xa0{}"), ATTEST_JSON_CHARACTER },
        { LIT("\"a"), ATTEST_JSON_STRING },
        { LIT("\"a\\"), ATTEST_JSON_STRING },
        { LIT("\"a\\\""), ATTEST_JSON_STRING },
        { LIT("\"a\nb\""), ATTEST_JSON_STRING },
        { LIT("\"a\0b\""), ATTEST_JSON_STRING },
        { LIT("\"a\\u0000b\""), ATTEST_JSON_STRING },
        { LIT("{\"a\\u0000\":1}"), ATTEST_JSON_STRING },
        { LIT(DEEPER), ATTEST_JSON_DEPTH }
    };

    CHECK(c, 0);
}


/* RFC 3629: shortest forms only, no surrogates, nothing above U+10FFFF. */

static void
test_utf8(void)
{
    const case_t  c[] = {
        { LIT("\"\x7f\""), ATTEST_JSON_VALID },
        { LIT("\"\xc3\xa9\""), ATTEST_JSON_VALID },
        { LIT("\"\xe2\x82\xac\""), ATTEST_JSON_VALID },
        { LIT("\"\xf0\x9f\x98\x80\""), ATTEST_JSON_VALID },
        { LIT("\"\xf4\x8f\xbf\xbf\""), ATTEST_JSON_VALID },
        { LIT("\"\x80\""), ATTEST_JSON_UTF8 },
        { LIT("\"\xc3\""), ATTEST_JSON_UTF8 },
        { LIT("\"\xc0\x80\""), ATTEST_JSON_UTF8 },
        { LIT("\"\xe0\x80\x80\""), ATTEST_JSON_UTF8 },
        { LIT("\"\xed\xa0\x80\""), ATTEST_JSON_UTF8 },
        { LIT("\"\xf0\x80\x80\x80\""), ATTEST_JSON_UTF8 },
        { LIT("\"\xf4\x90\x80\x80\""), ATTEST_JSON_UTF8 },
        { LIT("\"\xf5\x80\x80\x80\""), ATTEST_JSON_UTF8 },
        { LIT("\"\xff\""), ATTEST_JSON_UTF8 },
        { LIT("{\"\xff\":1}"), ATTEST_JSON_UTF8 },
        { LIT("\"\xe2\x82"), ATTEST_JSON_UTF8 }
    };

    CHECK(c, 0);
}


static void
test_numbers(void)
{
    const case_t  c[] = {
        { LIT("0"), ATTEST_JSON_VALID },
        { LIT("-0"), ATTEST_JSON_VALID },
        { LIT("-1.5e+10"), ATTEST_JSON_VALID },
        { LIT("1E-2"), ATTEST_JSON_VALID },
        { LIT("12345678901234567890"), ATTEST_JSON_VALID },
        { LIT("01"), ATTEST_JSON_NUMBER },
        { LIT("-01"), ATTEST_JSON_NUMBER },
        { LIT("-"), ATTEST_JSON_NUMBER },
        { LIT("1."), ATTEST_JSON_NUMBER },
        { LIT("1.e1"), ATTEST_JSON_NUMBER },
        { LIT("1e"), ATTEST_JSON_NUMBER },
        { LIT("1e+"), ATTEST_JSON_NUMBER },
        { LIT("1.2.3"), ATTEST_JSON_NUMBER },
        { LIT("1-2"), ATTEST_JSON_NUMBER },
        { LIT("--1"), ATTEST_JSON_NUMBER },
        { LIT("+1"), ATTEST_JSON_SYNTAX },
        { LIT(".5"), ATTEST_JSON_SYNTAX },
        { LIT("0x10"), ATTEST_JSON_TRAILING },
        { LIT("\"01\""), ATTEST_JSON_VALID }
    };

    CHECK(c, 0);
}


static void
test_whole(void)
{
    const case_t  c[] = {
        { LIT("0"), ATTEST_JSON_VALID },
        { LIT("1234567890123456"), ATTEST_JSON_VALID },
        { LIT("12345678901234567"), ATTEST_JSON_NUMBER },
        { LIT("-1"), ATTEST_JSON_NUMBER },
        { LIT("1.0"), ATTEST_JSON_NUMBER },
        { LIT("1e3"), ATTEST_JSON_NUMBER },
        { LIT("1E3"), ATTEST_JSON_NUMBER },
        { LIT("00"), ATTEST_JSON_NUMBER }
    };

    CHECK(c, ATTEST_JSON_WHOLE);
}


static void
test_trailing(void)
{
    const case_t  any[] = {
        { LIT("{} {}"), ATTEST_JSON_TRAILING },
        { LIT("{}x"), ATTEST_JSON_TRAILING },
        { LIT("{}}"), ATTEST_JSON_TRAILING },
        { LIT("1 2"), ATTEST_JSON_TRAILING },
        { LIT("{}\n"), ATTEST_JSON_VALID }
    };
    const case_t  exact[] = {
        { LIT(" {}"), ATTEST_JSON_VALID },
        { LIT("{}\n"), ATTEST_JSON_TRAILING },
        { LIT("{} "), ATTEST_JSON_TRAILING }
    };

    CHECK(any, 0);
    CHECK(exact, ATTEST_JSON_EXACT);
}


static void
test_twice(void)
{
    cJSON         *root;
    const char    *twice = NULL;
    const case_t   c[] = {
        { LIT("{\"a\":1,\"b\":2,\"a\":1}"), ATTEST_JSON_TWICE },
        { LIT("{\"a\":1,\"\\u0061\":1}"), ATTEST_JSON_TWICE },
        { LIT("[0,{\"x\":[{\"b\":1,\"b\":1}]}]"), ATTEST_JSON_TWICE },
        { LIT("{\"x\":[1,2],\"y\":{\"b\":1,\"b\":1}}"), ATTEST_JSON_TWICE },
        { LIT("{\"\":1,\"\":1}"), ATTEST_JSON_TWICE }
    };

    const attest_json_rules_t  rules = { .flags = ATTEST_JSON_MEMBERS };

    CHECK(c, 0);

    IS_INT(attest_json_parse(c[0].text, &rules, &root, NULL), ATTEST_OK,
           "left to the caller");
    IS_INT(attest_json_members(root, &twice), ATTEST_EFORMAT, "who finds it");
    OK(twice != NULL && strcmp(twice, "a") == 0, "and its name");
    cJSON_Delete(root);
}


static void
test_many(void)
{
    char                  text[1024];
    cJSON                *root;
    size_t                i, n;
    attest_json_fault_e   fault;
    attest_json_rules_t   list = { .max_list = 3 };
    attest_json_rules_t   commas = { .max_commas = 3 };

    for (n = ATTEST_MAX_ITEMS; n <= ATTEST_MAX_ITEMS + 1; n++) {
        size_t  at = 0;

        for (i = 0; i < n; i++) {
            at += (size_t) snprintf(text + at, sizeof(text) - at,
                                    "%s\"m%zu\":0", i == 0 ? "{" : ",", i);
        }

        (void) snprintf(text + at, sizeof(text) - at, "}");

        IS_INT(read_text(attest_span_text(text), 0),
               n == ATTEST_MAX_ITEMS ? ATTEST_JSON_VALID : ATTEST_JSON_MANY,
               "%zu members", n);
    }

    IS_INT(attest_json_parse(LIT("[[1,2,3],[1,2,3]]"), &list, &root, &fault),
           ATTEST_OK, "elements");
    cJSON_Delete(root);
    IS_INT(attest_json_parse(LIT("[[1,2,3],[1,2,3,4]]"), &list, &root,
                             &fault), ATTEST_ELIMIT, "too many elements");
    IS_INT(fault, ATTEST_JSON_MANY, "said so");

    IS_INT(attest_json_parse(LIT("[[1,2],\",,,,\",3]"), &commas, &root,
                             &fault), ATTEST_OK, "values");
    cJSON_Delete(root);
    IS_INT(attest_json_parse(LIT("[[1,2],[3,4],5]"), &commas, &root, &fault),
           ATTEST_ELIMIT, "too many values");
    OK(root == NULL, "no tree");
}


/* Every beginning of a text is refused, and read within its length. */

static void
test_cut(void)
{
    size_t               n, bad = 0;
    const attest_span_t  s = LIT("{\"a\\u00e9\":[true,false,null,-1.5e3,"
                                 "{\"b\":\"\xe2\x82\xac\"}],\"1\":1}");

    for (n = 0; n < s.n; n++) {
        bad += read_text(attest_span(s.p, n), 0) == ATTEST_JSON_VALID;
    }

    IS_INT(bad, 0, "nothing that is cut passes");
    IS_INT(read_text(s, 0), ATTEST_JSON_VALID, "all of it does");
}


static void
test_text(void)
{
    cJSON       *root;
    const char  *text;

    const attest_json_rules_t  rules = { 0 };

    IS_INT(attest_json_parse(LIT("{\"a\":\"b\",\"n\":1}"), &rules, &root,
                             NULL), ATTEST_OK, "an object");

    text = attest_json_text(root, "a");
    OK(text != NULL && strcmp(text, "b") == 0, "a text");
    OK(attest_json_text(root, "A") == NULL, "names have their case");
    OK(attest_json_text(root, "n") == NULL, "a number is no text");
    cJSON_Delete(root);
}
