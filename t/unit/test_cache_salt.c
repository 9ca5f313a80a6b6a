/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The member "cache_salt": where it goes, what it replaces, that nothing else
 * of the text changes, and which texts get none.
 */


#include "unit.h"
#include "core/prompt/attest_cache_salt.h"


static void test_put(const char *json, const char *want);
static void test_not(const char *json, int rc);
static void test_depth(size_t depth, int want);
static void test_cuts(const char *json);


static void
test_put(const char *json, const char *want)
{
    int                   rc;
    size_t                n, len = strlen(json);
    uint8_t              *exact = unit_exact((const uint8_t *) json, len);
    uint8_t              *buf;
    attest_span_t         salt = attest_span_literal("SALT");
    attest_cache_salt_t   place;

    rc = attest_cache_salt_find(attest_span(exact, len), &place);
    IS_INT(rc, ATTEST_OK, "%s", json);

    if (rc == ATTEST_OK) {
        n = attest_cache_salt_len(&place, attest_span(exact, len), salt);
        IS_INT(n, strlen(want), "its length");

        buf = malloc(n > len ? n : len);
        memcpy(buf, exact, len);
        attest_cache_salt_put(&place, buf, len, salt);
        OK(n == strlen(want) && memcmp(buf, want, n) == 0, "%s", want);
        free(buf);
    }

    free(exact);
}


static void
test_not(const char *json, int rc)
{
    size_t                n = strlen(json);
    uint8_t              *exact = unit_exact((const uint8_t *) json, n);
    attest_cache_salt_t   place;

    IS_INT(attest_cache_salt_find(attest_span(exact, n), &place), rc,
           "not: %s", json);
    free(exact);
}


static void
test_depth(size_t depth, int want)
{
    size_t                i, n = 0;
    static char           text[4096];
    attest_cache_salt_t   place;

    n += (size_t) sprintf(text, "{\"a\":");
    for (i = 1; i < depth; i++) {
        text[n++] = '[';
    }
    for (i = 1; i < depth; i++) {
        text[n++] = ']';
    }
    text[n++] = '}';

    IS_INT(attest_cache_salt_find(attest_span(text, n), &place), want,
           "%zu deep", depth);
}


static void
test_cuts(const char *json)
{
    int                   bad = 0;
    size_t                n;
    uint8_t              *exact;
    attest_cache_salt_t   place;

    for (n = 0; n < strlen(json); n++) {
        exact = unit_exact((const uint8_t *) json, n);
        bad += attest_cache_salt_find(attest_span(exact, n), &place)
               != ATTEST_EFORMAT;
        free(exact);
    }

    IS_INT(bad, 0, "a text that is cut is none");
}


int
main(void)
{
    test_put("{}", "{\"cache_salt\":\"SALT\"}");
    test_put("  { }\n", "  {\"cache_salt\":\"SALT\" }\n");
    test_put("{\"b\":1, \"a\" : [1.50e1,{\"x\":null}]}",
             "{\"cache_salt\":\"SALT\",\"b\":1, \"a\" : [1.50e1,"
             "{\"x\":null}]}");
    test_put("{\"a\":\"\\u00e9 \xc3\xa9 }\\\"{\"}",
             "{\"cache_salt\":\"SALT\",\"a\":\"\\u00e9 \xc3\xa9 }\\\"{\"}");
    test_put("{\"a\":{\"cache_salt\":\"x\"},\"b\":[\"cache_salt\"]}",
             "{\"cache_salt\":\"SALT\",\"a\":{\"cache_salt\":\"x\"},"
             "\"b\":[\"cache_salt\"]}");

    test_put("{\"a\":1,\"cache_salt\" : \"other and longer\" ,\"b\":2}",
             "{\"a\":1,\"cache_salt\" : \"SALT\" ,\"b\":2}");
    test_put("{\"cache_salt\":null}", "{\"cache_salt\":\"SALT\"}");
    test_put("{\"cache_salt\":{\"a\":[1,{}]},\"b\":1}",
             "{\"cache_salt\":\"SALT\",\"b\":1}");
    test_put("{\"cache\\u005fsalt\":\"x\"}",
             "{\"cache\\u005fsalt\":\"SALT\"}");
    test_put("{\"cache_salts\":1,\"cache_sal\":2}",
             "{\"cache_salt\":\"SALT\",\"cache_salts\":1,\"cache_sal\":2}");

    test_not("[]", ATTEST_EMISMATCH);
    test_not("[{\"a\":1}]", ATTEST_EMISMATCH);
    test_not("\"text\"", ATTEST_EMISMATCH);
    test_not("17", ATTEST_EMISMATCH);
    test_not("", ATTEST_EFORMAT);
    test_not("{\"cache_salt\":1,\"cache_salt\":2}", ATTEST_EFORMAT);
    test_not("{\"cache_salt\":1,\"cache\\u005Fsalt\":2}", ATTEST_EFORMAT);
    test_not("{\"a\":1,}", ATTEST_EFORMAT);
    test_not("{\"a\":1 \"b\":2}", ATTEST_EFORMAT);
    test_not("{\"a\" 1}", ATTEST_EFORMAT);
    test_not("{a:1}", ATTEST_EFORMAT);
    test_not("{'a':1}", ATTEST_EFORMAT);
    test_not("{\"a\":[1,]}", ATTEST_EFORMAT);
    test_not("{\"a\":[1}]", ATTEST_EFORMAT);
    test_not("{\"a\":01}", ATTEST_EFORMAT);
    test_not("{\"a\":nul}", ATTEST_EFORMAT);
    test_not("{\"a\":1}x", ATTEST_EFORMAT);
    test_not("{\"a\":1}{}", ATTEST_EFORMAT);
    test_not("{\"a\":1},", ATTEST_EFORMAT);
    test_not("{\"a\":\"\xff\"}", ATTEST_EFORMAT);
    test_not("// c\n{}", ATTEST_EFORMAT);

    test_depth(256, ATTEST_OK);
    test_depth(257, ATTEST_ELIMIT);
    test_cuts("{\"a\":[1,2,{\"b\":\"c\\n\"}],\"cache_salt\":\"x\","
              "\"d\":true}");

    DONE();
}
