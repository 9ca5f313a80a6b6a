/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collections of conceptual message wrappers, in CBOR and JSON: both ways,
 * each truncation, every limit.
 */

#include "unit.h"

#include "core/evidence/attest_cmw.h"


typedef struct {
    int           rc;
    const char   *text;
} case_t;


static int parse_copy(const uint8_t *p, size_t n, attest_cmw_t *cmw);
static int encode(int json, const char *ctype, const attest_cmw_item_t *items,
    size_t count, uint8_t *out, size_t *len);
static int parse_text(const char *text);
static int parse_hex(const char *hex);
static void test_worked(void);
static void test_order(void);
static void test_room(void);
static void test_arguments(void);
static void test_roundtrip(void);
static void test_cbor_refused(void);
static void test_json_refused(void);
static void test_json_taken(void);
static void test_limits(void);
static void test_truncation(void);


/* the worked bytes of a record: a media type, h'2347da55', evidence */

#define TYPE     "application/vnd.example.t"
#define TYPE_HEX "78196170706c69636174696f6e2f766e642e6578616d706c652e74"
#define RECORD   "83" TYPE_HEX "442347da5504"

static const uint8_t  value[4] = { 0x23, 0x47, 0xda, 0x55 };

static const attest_cmw_item_t  one[1] = {
    { .label = "a", .type = TYPE, .value = { value, 4 },
      .ind = ATTEST_CMW_IND_EVIDENCE }
};

static const attest_cmw_item_t  many[4] = {
    { .label = "imalog", .type = "b/c", .value = { value, 3 }, .ind = 31 },
    { .label = "tpm", .type = "d/e", .value = { value, 2 } },
    { .label = "claims", .type = "f/g; v=1", .value = { value, 1 },
      .ind = ATTEST_CMW_IND_REFERENCE },
    { .label = "zzz", .type = "h/i", .value = { NULL, 0 }, .ind = 10 }
};


int
main(void)
{
    test_worked();
    test_order();
    test_room();
    test_arguments();
    test_roundtrip();
    test_cbor_refused();
    test_json_refused();
    test_json_taken();
    test_limits();
    test_truncation();
    DONE();
}


/* The input lies in memory of its exact size, so that ASan sees overreads. */

static int
parse_copy(const uint8_t *p, size_t n, attest_cmw_t *cmw)
{
    int       rc;
    uint8_t  *copy = malloc(n ? n : 1);

    memcpy(copy, p, n);
    rc = attest_cmw_parse(copy, n, cmw);
    if (rc != ATTEST_OK && (cmw->count != 0 || cmw->heap != NULL)) {
        rc = -100;
    }
    free(copy);
    return rc;
}


static int
encode(int json, const char *ctype, const attest_cmw_item_t *items,
    size_t count, uint8_t *out, size_t *len)
{
    if (json) {
        return attest_cmw_encode_json(ctype, items, count, (char *) out, len);
    }

    return attest_cmw_encode_cbor(ctype, items, count, out, len);
}


static int
parse_text(const char *text)
{
    int           rc;
    attest_cmw_t  cmw;

    rc = parse_copy((const uint8_t *) text, strlen(text), &cmw);
    attest_cmw_free(&cmw);
    return rc;
}


static int
parse_hex(const char *hex)
{
    int            rc;
    uint8_t        buf[1024];
    attest_cmw_t   cmw;

    rc = parse_copy(buf, unit_hex(hex, buf, sizeof(buf)), &cmw);
    attest_cmw_free(&cmw);
    return rc;
}


static void
test_worked(void)
{
    char            json[256];
    size_t          len, n;
    uint8_t         cbor[256], want[256];
    const char     *text = "{\"a\":[\"" TYPE "\",\"I0faVQ\",4]}";
    attest_cmw_t    cmw;

    len = sizeof(cbor);
    IS_INT(attest_cmw_encode_cbor(NULL, one, 1, cbor, &len), ATTEST_OK,
           "encode CBOR");
    n = unit_hex("a16161" RECORD, want, sizeof(want));
    IS_INT(n, 3 + 34, "record of 34 bytes");
    OK(len == n && memcmp(cbor, want, n) == 0, "the worked bytes");

    IS_INT(attest_cmw_parse(cbor, len, &cmw), ATTEST_OK, "parse CBOR");
    OK(cmw.count == 1 && cmw.ctype.n == 0 && cmw.items[0].ind == 4
       && cmw.items[0].type_in.n == strlen(TYPE)
       && memcmp(cmw.items[0].type_in.p, TYPE, strlen(TYPE)) == 0
       && cmw.items[0].value.n == 4
       && memcmp(cmw.items[0].value.p, value, 4) == 0, "the member");
    OK(cmw.items[0].value.p > cbor && cmw.items[0].value.p < cbor + len,
       "CBOR values are borrowed");
    attest_cmw_free(&cmw);

    len = sizeof(json);
    IS_INT(attest_cmw_encode_json(NULL, one, 1, json, &len), ATTEST_OK,
           "encode JSON");
    OK(len == strlen(text) && memcmp(json, text, len) == 0,
       "the worked text");

    IS_INT(attest_cmw_parse((uint8_t *) json, len, &cmw), ATTEST_OK,
           "parse JSON");
    memset(json, 0, sizeof(json));
    OK(cmw.count == 1 && cmw.items[0].ind == 4 && cmw.items[0].value.n == 4
       && memcmp(cmw.items[0].value.p, value, 4) == 0
       && cmw.items[0].type_in.n == strlen(TYPE)
       && memcmp(cmw.items[0].type_in.p, TYPE, strlen(TYPE)) == 0,
       "the member is kept apart from the input");
    attest_cmw_free(&cmw);
    OK(cmw.heap == NULL && cmw.count == 0, "free leaves nothing");
}


static void
test_order(void)
{
    int                  good = 1;
    char                 json[1024];
    size_t               i, j, len;
    uint8_t              cbor[1024], want[1024];
    attest_cmw_item_t    perm[4];

    static const char  expect[] =
        "{\"tpm\":[\"d/e\",\"I0c\"],\"zzz\":[\"h/i\",\"\",10],"
        "\"claims\":[\"f/g; v=1\",\"Iw\",1],\"imalog\":[\"b/c\",\"I0fa\",31],"
        "\"__cmwc_t\":\"" ATTEST_CMWC_FRESH "\"}";
    static const char  hex[] =
        "a5" "6374706d" "8263642f65422347" "637a7a7a" "8363682f69400a"
        "66636c61696d73" "8368662f673b20763d31412301"
        "66696d616c6f67" "8363622f63432347da181f"
        "685f5f636d77635f74" "7820"
        "75726e3a6e67782d6174746573743a65766964656e63653a66726573683a7631";

    for (i = 0; i < 24; i++) {

        /* all orders of the four members */

        memcpy(perm, many, sizeof(perm));
        for (j = 0; j < 4; j++) {
            static const size_t  div[4] = { 6, 2, 1, 1 };
            size_t               k = j + (i / div[j]) % (4 - j);
            attest_cmw_item_t    t = perm[j];

            perm[j] = perm[k];
            perm[k] = t;
        }

        len = sizeof(json);
        if (attest_cmw_encode_json(ATTEST_CMWC_FRESH, perm, 4, json, &len)
            != ATTEST_OK || len != strlen(expect)
            || memcmp(json, expect, len) != 0)
        {
            good = 0;
        }

        len = sizeof(cbor);
        if (attest_cmw_encode_cbor(ATTEST_CMWC_FRESH, perm, 4, cbor, &len)
            != ATTEST_OK || len != unit_hex(hex, want, sizeof(want))
            || memcmp(cbor, want, len) != 0)
        {
            good = 0;
        }
    }

    OK(good, "the bytes do not depend on the order of the members");
}


static void
test_room(void)
{
    int      good = 1;
    char    *json;
    size_t   i, len, cbor_len = 0, json_len = 0;
    uint8_t *cbor;

    IS_INT(attest_cmw_encode_cbor("t:x", many, 4, NULL, &cbor_len),
           ATTEST_ENOSPACE, "CBOR is measured");
    IS_INT(attest_cmw_encode_json("t:x", many, 4, NULL, &json_len),
           ATTEST_ENOSPACE, "JSON is measured");

    for (i = 1; i <= cbor_len; i++) {
        cbor = malloc(i);
        len = i;
        if (attest_cmw_encode_cbor("t:x", many, 4, cbor, &len)
            != (i < cbor_len ? ATTEST_ENOSPACE : ATTEST_OK)
            || len != cbor_len)
        {
            good = 0;
        }
        free(cbor);
    }

    for (i = 1; i <= json_len; i++) {
        json = malloc(i);
        len = i;
        if (attest_cmw_encode_json("t:x", many, 4, json, &len)
            != (i < json_len ? ATTEST_ENOSPACE : ATTEST_OK)
            || len != json_len)
        {
            good = 0;
        }
        free(json);
    }

    OK(good, "every smaller room is refused, the exact one is enough");
}


static void
test_arguments(void)
{
    char                long_label[66], long_type[130], long_ctype[258];
    size_t              i, len;
    uint8_t             out[1024];
    attest_cmw_item_t   item[2];

    memset(long_label, 'l', 65);
    long_label[65] = '\0';
    memset(long_type, 't', 129);
    long_type[129] = '\0';
    memset(long_ctype, 'c', 257);
    long_ctype[257] = '\0';

    const char *const bad[][3] = {
        { NULL, "t/t", "no label" }, { "l", NULL, "no type" },
        { "", "t/t", "empty label" }, { "l", "", "empty type" },
        { "l\"", "t/t", "quote in the label" },
        { "l", "t\\t", "backslash in the type" },
        { "l\n", "t/t", "newline" }, { "l", "t\x7f", "DEL" },
        { "l\xc3\xbc", "t/t", "beyond ASCII" },
        { "__cmwc_t", "t/t", "the reserved label" },
        { long_label, "t/t", "label of 65 bytes" },
        { "l", long_type, "type of 129 bytes" }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memcpy(item, one, sizeof(one));
        item[0].label = bad[i][0];
        item[0].type = bad[i][1];
        len = sizeof(out);
        IS_INT(attest_cmw_encode_cbor(NULL, item, 1, out, &len), ATTEST_EARG,
               "CBOR: %s", bad[i][2]);
        len = sizeof(out);
        IS_INT(attest_cmw_encode_json(NULL, item, 1, (char *) out, &len),
               ATTEST_EARG, "JSON: %s", bad[i][2]);
    }

    memcpy(item, one, sizeof(one));
    memcpy(item + 1, one, sizeof(one));
    len = sizeof(out);
    IS_INT(attest_cmw_encode_cbor(NULL, item, 2, out, &len), ATTEST_EARG,
           "the same label twice");
    IS_INT(attest_cmw_encode_cbor(NULL, item, 0, out, &len), ATTEST_EARG,
           "no member");
    IS_INT(attest_cmw_encode_cbor(long_ctype, one, 1, out, &len),
           ATTEST_EARG, "ctype of 257 bytes");
    IS_INT(attest_cmw_encode_json("", one, 1, (char *) out, &len),
           ATTEST_EARG, "empty ctype");
    item[0].ind = 32;
    IS_INT(attest_cmw_encode_json(NULL, item, 1, (char *) out, &len),
           ATTEST_EARG, "unknown indicator");
    item[0].ind = 4;
    item[0].value.p = NULL;
    IS_INT(attest_cmw_encode_cbor(NULL, item, 1, out, &len), ATTEST_EARG,
           "a length without bytes");

    long_label[64] = '\0';
    long_type[128] = '\0';
    long_ctype[256] = '\0';
    memcpy(item, one, sizeof(one));
    item[0].label = long_label;
    item[0].type = long_type;
    len = sizeof(out);
    IS_INT(attest_cmw_encode_cbor(long_ctype, item, 1, out, &len), ATTEST_OK,
           "the longest texts");
}


static void
test_roundtrip(void)
{
    int                        json, good;
    size_t                     i, len;
    uint8_t                    out[1024];
    attest_cmw_t               cmw;
    const attest_cmw_item_t   *item;

    for (json = 0; json < 2; json++) {
        len = sizeof(out);
        if (json) {
            attest_cmw_encode_json(ATTEST_CMWC_CACHED, many, 4, (char *) out,
                                   &len);
        } else {
            attest_cmw_encode_cbor(ATTEST_CMWC_CACHED, many, 4, out, &len);
        }

        IS_INT(attest_cmw_parse(out, len, &cmw), ATTEST_OK, "%s: parse",
               json ? "JSON" : "CBOR");
        good = cmw.count == 4 && cmw.ctype.n == strlen(ATTEST_CMWC_CACHED)
               && memcmp(cmw.ctype.p, ATTEST_CMWC_CACHED, cmw.ctype.n) == 0;

        for (i = 0; good && i < 4; i++) {
            item = attest_cmw_find(&cmw, many[i].label);
            good = item != NULL && item->ind == many[i].ind
                   && item->value.n == many[i].value.n
                   && (item->value.n == 0
                       || memcmp(item->value.p, many[i].value.p,
                                 item->value.n) == 0)
                   && item->type_in.n == strlen(many[i].type)
                   && memcmp(item->type_in.p, many[i].type,
                             item->type_in.n) == 0;
        }

        OK(good, "all members come back");
        OK(attest_cmw_find(&cmw, "claim") == NULL
           && attest_cmw_find(&cmw, "claims2") == NULL
           && attest_cmw_find(&cmw, "__cmwc_t") == NULL,
           "and nothing else is found");
        attest_cmw_free(&cmw);
    }
}


static void
test_cbor_refused(void)
{
    size_t  i;

    static const case_t  cases[] = {
        { ATTEST_EFORMAT, "" },
        { ATTEST_EFORMAT, "00" },
        { ATTEST_EFORMAT, "a0" },
        { ATTEST_EFORMAT, "bf6161" RECORD "ff" },
        { ATTEST_EFORMAT, "b8016161" RECORD },
        { ATTEST_EFORMAT, "a1780161" RECORD },
        { ATTEST_EFORMAT, "a16161" RECORD "00" },
        { ATTEST_EFORMAT, "a26161" RECORD },
        { ATTEST_EFORMAT, "a26161" RECORD "6161" RECORD },
        { ATTEST_EFORMAT, "a168" "5f5f636d77635f74" "6175" },
        { ATTEST_EFORMAT, "a368" "5f5f636d77635f74" "6175"
                          "68" "5f5f636d77635f74" "6175" "6161" RECORD },
        { ATTEST_EFORMAT, "a268" "5f5f636d77635f74" "4175" "6161" RECORD },
        { ATTEST_EFORMAT, "a14161" RECORD },
        { ATTEST_EFORMAT, "a161ff" RECORD },
        { ATTEST_EFORMAT, "a161618163742f74" },
        { ATTEST_EFORMAT, "a1616180" },
        { ATTEST_EFORMAT, "a161618463742f7441000404" },
        { ATTEST_EFORMAT, "a161618263742f746100" },
        { ATTEST_EFORMAT, "a161618243742f744100" },
        { ATTEST_EFORMAT, "a161618363742f74410000" },
        { ATTEST_EFORMAT, "a161618363742f74410020" },
        { ATTEST_EFORMAT, "a161618363742f74410061" "34" },
        { ATTEST_EFORMAT, "a161618363742f7441001804" },
        { ATTEST_EFORMAT, "a161619f63742f744100ff" },
        { ATTEST_EFORMAT, "a161614100" },
        { ATTEST_EFORMAT, "a16161f6" },
        { ATTEST_EUNSUPPORTED, RECORD },
        { ATTEST_EUNSUPPORTED, "da63740101" "4100" },
        { ATTEST_EUNSUPPORTED, "a16161da63740101" "4100" },
        { ATTEST_EUNSUPPORTED, "a16161a16162" RECORD },
        { ATTEST_EUNSUPPORTED, "a101" RECORD },
        { ATTEST_EUNSUPPORTED, "a120" RECORD },
        { ATTEST_EUNSUPPORTED, "a1616182181e4100" },
        { ATTEST_EUNSUPPORTED, "a160" RECORD },
        { ATTEST_EUNSUPPORTED, "a162610a" RECORD },
        { ATTEST_EUNSUPPORTED, "a161618263742f224100" },
        { ATTEST_EUNSUPPORTED, "a161618363742f7441001820" },
        { ATTEST_EUNSUPPORTED, "a161618363742f7441001bffffffffffffffff" },
        { ATTEST_EUNSUPPORTED, "a268" "5f5f636d77635f74" "d86f432a0304"
                               "6161" RECORD },
        { ATTEST_ELIMIT, "b841" },
        { ATTEST_ELIMIT, "bbffffffffffffffff" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        IS_INT(parse_hex(cases[i].text), cases[i].rc, "CBOR refused: %.60s",
               cases[i].text);
    }

    IS_INT(parse_hex("a26162" RECORD "6161" RECORD), ATTEST_OK,
           "the order of the members is free");
}


static void
test_json_refused(void)
{
    size_t  i;

    static const case_t  cases[] = {
        { ATTEST_EFORMAT, "{}" },
        { ATTEST_EFORMAT, "{" },
        { ATTEST_EFORMAT, " {\"a\":[\"t/t\",\"AA\"]}" },
        { ATTEST_EFORMAT, "{\"__cmwc_t\":\"x\"}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\"]}x" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\"]}{}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\"]}\x01" },
        { ATTEST_EFORMAT, "{\"a\":\x01[\"t/t\",\"AA\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"A\nA\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\"],}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\"]]" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\"]}}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\",]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\"],\"a\":[\"t/t\",\"AA\"]}" },
        { ATTEST_EFORMAT,
          "{\"a\":[\"t/t\",\"AA\"],\"\\u0061\":[\"t/t\",\"AA\"]}" },
        { ATTEST_EFORMAT,
          "{\"__cmwc_t\":\"x\",\"__cmwc_t\":\"x\",\"a\":[\"t\",\"AA\"]}" },
        { ATTEST_EFORMAT, "{\"__cmwc_t\":1,\"a\":[\"t/t\",\"AA\"]}" },
        { ATTEST_EFORMAT, "{\"a\\u0000b\":[\"t/t\",\"AA\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\\u0000\",\"AA\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\\u0000\"]}" },
        { ATTEST_EFORMAT, "{\"a\\x\":[\"t/t\",\"AA\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA==\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AB\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AAB\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"A\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AAAAA\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"A A\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA \"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"++//\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",1]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",null]}" },
        { ATTEST_EFORMAT, "{\"a\":[null,\"AA\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\",4,4]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\",\"4\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\",0]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\",-1]}" },
        { ATTEST_EFORMAT, "{\"a\":[\"t/t\",\"AA\",1.5]}" },
        { ATTEST_EFORMAT, "{\"a\":\"AA\"}" },
        { ATTEST_EFORMAT, "{\"a\":null}" },
        { ATTEST_EUNSUPPORTED, "{\"a\":{\"b\":[\"t/t\",\"AA\"]}}" },
        { ATTEST_EUNSUPPORTED, "{\"a\":[30,\"AA\"]}" },
        { ATTEST_EUNSUPPORTED, "[\"t/t\",\"AA\"]" },
        { ATTEST_EUNSUPPORTED, "{\"a\":[\"t/t\",\"AA\",32]}" },
        { ATTEST_EUNSUPPORTED, "{\"a\":[\"t/t\",\"AA\",1e400]}" },
        { ATTEST_EUNSUPPORTED, "{\"\":[\"t/t\",\"AA\"]}" },
        { ATTEST_EUNSUPPORTED, "{\"a\":[\"t\\nt\",\"AA\"]}" },
        { ATTEST_EUNSUPPORTED, "{\"a\\\"\":[\"t/t\",\"AA\"]}" },
        { ATTEST_EUNSUPPORTED, "{\"__cmwc_t\":\"\",\"a\":[\"t/t\",\"AA\"]}" },
        { ATTEST_EFORMAT, "{\"a\":[[[[[[[1]]]]]]]}" },
        { ATTEST_ELIMIT, "{\"a\":[[[[[[[[1]]]]]]]]}" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        IS_INT(parse_text(cases[i].text), cases[i].rc, "JSON refused, %zu",
               i);
    }

    IS_INT(parse_copy((const uint8_t *) "{\"a\":[\"t/t\",\"AA\"]}\0", 20,
                      &(attest_cmw_t) { .count = 0 }), ATTEST_EFORMAT,
           "JSON refused, NUL behind");
}


static void
test_json_taken(void)
{
    attest_cmw_t                cmw;
    const attest_cmw_item_t    *item;

    static const char  text[] =
        "{ \"t\\u0070m\" :\t[ \"t\\/t\" , \"_-8\" , 4 ] ,\r\n"
        " \"__cmwc_t\" : \"urn:x\" }\r\n\t ";

    IS_INT(attest_cmw_parse((const uint8_t *) text, strlen(text), &cmw),
           ATTEST_OK, "white space and escapes as others write them");
    item = attest_cmw_find(&cmw, "tpm");
    OK(item != NULL && item->ind == 4 && item->value.n == 2
       && memcmp(item->value.p, "\xff\xef", 2) == 0
       && item->type_in.n == 3 && memcmp(item->type_in.p, "t/t", 3) == 0
       && cmw.ctype.n == 5, "decoded");
    attest_cmw_free(&cmw);

    IS_INT(parse_text("{\"a\":[\"t/t\",\"\"]}"), ATTEST_OK, "empty value");
    IS_INT(parse_text("{\"a\":[\"t\\\\u0000\",\"AA\"]}"),
           ATTEST_EUNSUPPORTED, "an escaped backslash is no NUL");
}


static void
test_limits(void)
{
    int                  rc, json;
    char                 labels[ATTEST_MAX_ITEMS][8];
    size_t               i, len, room = 2 * ATTEST_MAX_DOCUMENT;
    uint8_t             *big = calloc(1, ATTEST_MAX_DOCUMENT + 1);
    uint8_t             *out = malloc(room);
    attest_cmw_t         cmw;
    attest_cmw_item_t    items[ATTEST_MAX_ITEMS];

    memset(items, 0, sizeof(items));
    for (i = 0; i < ATTEST_MAX_ITEMS; i++) {
        snprintf(labels[i], sizeof(labels[i]), "l%zu", i);
        items[i].label = labels[i];
        items[i].type = "t/t";
        items[i].ind = 4;
    }

    for (json = 0; json < 2; json++) {
        len = room;
        IS_INT(encode(json, "urn:x", items, 64, out, &len), ATTEST_EARG,
               "64 members and a type are too many");
        len = room;
        IS_INT(encode(json, "urn:x", items, 63, out, &len), ATTEST_OK,
               "63 are not");
        rc = attest_cmw_parse(out, len, &cmw);
        OK(rc == ATTEST_OK && cmw.count == 63, "and are read");
        attest_cmw_free(&cmw);

        items[0].value.p = big;
        items[0].value.n = ATTEST_MAX_ITEM;
        len = room;
        IS_INT(encode(json, NULL, items, 1, out, &len), ATTEST_OK, "64 KiB");
        rc = attest_cmw_parse(out, len, &cmw);
        OK(rc == ATTEST_OK && cmw.items[0].value.n == ATTEST_MAX_ITEM,
           "are read");
        attest_cmw_free(&cmw);
        items[0].value.n++;
        IS_INT(encode(json, NULL, items, 1, out, &len), ATTEST_ELIMIT,
               "one byte more is refused");

        items[0].label = ATTEST_ITEM_EVENTLOG;
        len = room;
        IS_INT(encode(json, NULL, items, 1, out, &len), ATTEST_OK,
               "unless it is a log");
        memcpy(memmem(out, 16, "eventlog", 8), "eventlox", 8);
        IS_INT(attest_cmw_parse(out, len, &cmw), ATTEST_ELIMIT,
               "the same limit when reading");

        items[0].value.n = ATTEST_MAX_LOG;
        len = room;
        IS_INT(encode(json, NULL, items, 1, out, &len), ATTEST_OK,
               "log of 1 MiB");
        rc = attest_cmw_parse(out, len, &cmw);
        OK(rc == ATTEST_OK && cmw.items[0].value.n == ATTEST_MAX_LOG,
           "is read");
        attest_cmw_free(&cmw);
        items[0].value.n++;
        IS_INT(encode(json, NULL, items, 1, out, &len), ATTEST_ELIMIT,
               "one byte more is refused");

        for (i = 0; i < 63; i++) {
            items[i].value.p = big;
            items[i].value.n = ATTEST_MAX_ITEM;
        }
        items[0].value.n = ATTEST_MAX_LOG;
        len = room;
        IS_INT(encode(json, NULL, items, 63, out, &len), ATTEST_ELIMIT,
               "more than 4 MiB in all");

        for (i = 0; i < 63; i++) {
            items[i].value.n = 0;
        }
        items[0].label = labels[0];
    }

    memset(big, '{', ATTEST_MAX_DOCUMENT + 1);
    IS_INT(attest_cmw_parse(big, ATTEST_MAX_DOCUMENT + 1, &cmw),
           ATTEST_ELIMIT, "a document above 4 MiB");
    IS_INT(attest_cmw_parse(big, ATTEST_MAX_DOCUMENT, &cmw),
           ATTEST_ELIMIT, "4 MiB of opening braces");
    for (i = 1; i + 1 < ATTEST_MAX_DOCUMENT; i++) {
        big[i] = ',';
    }
    IS_INT(attest_cmw_parse(big, ATTEST_MAX_DOCUMENT, &cmw),
           ATTEST_ELIMIT, "4 MiB of commas");

    free(big);
    free(out);
}


static void
test_truncation(void)
{
    int             json, good;
    size_t          i, len;
    uint8_t         out[1024];
    attest_cmw_t    cmw;

    for (json = 0; json < 2; json++) {
        len = sizeof(out);
        if (json) {
            attest_cmw_encode_json("t:x", many, 4, (char *) out, &len);
        } else {
            attest_cmw_encode_cbor("t:x", many, 4, out, &len);
        }

        good = parse_copy(out, len, &cmw) == ATTEST_OK;
        attest_cmw_free(&cmw);
        OK(good, "%s whole", json ? "JSON" : "CBOR");

        for (i = 0; i < len; i++) {
            if (parse_copy(out, i, &cmw) != ATTEST_EFORMAT) {
                good = 0;
            }
        }
        OK(good, "every truncation is refused");
    }
}
