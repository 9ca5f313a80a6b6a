/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests for evidence, by arguments and by body: accepted, refused, limits.
 */

#include "unit.h"

#include "core/evidence/attest_accept.h"
#include "core/evidence/attest_request.h"


#define D64   "000102030405060708090a0b0c0d0e0f" \
              "101112131415161718191A1B1C1D1E1F"
#define CRED  "000401020304"
#define ENC   "0003aabbcc"


typedef struct {
    const char  *text;
    int          rc;
    size_t       nonce_len;
    int          exporter;
    size_t       cred_len;
} test_case_t;


/* From exactly sized heap memory, so that a read beyond the end shows. */
static int
test_parse(int post, const char *text, size_t n, attest_request_t *req)
{
    int       rc;
    uint8_t  *p;

    p = malloc(n == 0 ? 1 : n);
    if (p == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    memcpy(p, text, n);
    rc = post ? attest_request_json(p, n, req) : attest_request_args(p, n, req);
    free(p);
    return rc;
}


static void
test_table(int post, const test_case_t *t, size_t count)
{
    size_t            i;
    attest_request_t  req;

    for (i = 0; i < count; i++) {
        IS_INT(test_parse(post, t[i].text, strlen(t[i].text), &req), t[i].rc,
               "%s: %.60s", post ? "body" : "args", t[i].text);

        if (t[i].rc != ATTEST_OK) {
            OK(req.why != NULL && *req.why != '\0', "  says why");
            continue;
        }

        IS_INT(req.nonce_len, t[i].nonce_len, "  nonce length");
        IS_INT(req.exporter, t[i].exporter, "  exporter");
        IS_INT(req.cred_len, t[i].cred_len, "  credential length");
    }
}


static void
test_args(void)
{
    attest_request_t          req;
    static const test_case_t  t[] = {
        { "nonce=" D64, ATTEST_OK, 32, 0, 0 },
        { "nonce=" D64 "aB", ATTEST_OK, 33, 0, 0 },
        { "nonce=" D64 D64, ATTEST_OK, 64, 0, 0 },
        { "nonce=" D64 "&binding=tls-exporter", ATTEST_OK, 32, 1, 0 },
        { "binding=tls-exporter&nonce=" D64, ATTEST_OK, 32, 1, 0 },
        { "", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 "&", ATTEST_EFORMAT, 0, 0, 0 },
        { "&nonce=" D64, ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 "0", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=0001", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 D64 "00", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 "zz", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 "%61%61", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 "=", ATTEST_EFORMAT, 0, 0, 0 },
        { "Nonce=" D64, ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 "&nonce=" D64, ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 "&binding=none", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 "&binding=", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 "&binding=tls-exporter&binding=tls-exporter",
          ATTEST_EFORMAT, 0, 0, 0 },
        { "binding=tls-exporter", ATTEST_EFORMAT, 0, 0, 0 },
        { "nonce=" D64 "&x=1", ATTEST_EFORMAT, 0, 0, 0 },
        { "credential=" CRED "&secret=" ENC, ATTEST_EFORMAT, 0, 0, 0 }
    };

    test_table(0, t, sizeof(t) / sizeof(t[0]));

    test_parse(0, "nonce=" D64, 6 + 64, &req);
    OK(req.nonce[0] == 0 && req.nonce[1] == 1 && req.nonce[31] == 0x1f,
       "nonce bytes, either case of digits");
}


static void
test_json(void)
{
    static const test_case_t  t[] = {
        { "{\"nonce\":\"" D64 "\"}", ATTEST_OK, 32, 0, 0 },
        { " {\t\"nonce\" : \"" D64 D64 "\" }\r\n", ATTEST_OK, 64, 0, 0 },
        { "{\"nonce\":\"" D64 "\",\"binding\":\"tls-exporter\"}",
          ATTEST_OK, 32, 1, 0 },
        { "{\"binding\":\"tls-exporter\",\"nonce\":\"" D64 "\"}",
          ATTEST_OK, 32, 1, 0 },
        { "{\"credential\":\"" CRED "\",\"secret\":\"" ENC "\"}",
          ATTEST_OK, 0, 0, 6 },
        { "", ATTEST_EFORMAT, 0, 0, 0 },
        { "{}", ATTEST_EFORMAT, 0, 0, 0 },
        { "[]", ATTEST_EFORMAT, 0, 0, 0 },
        { "null", ATTEST_EFORMAT, 0, 0, 0 },
        { "\"" D64 "\"", ATTEST_EFORMAT, 0, 0, 0 },
        { "[\"" D64 "\"]", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"" D64 "\"", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"" D64 "\"}x", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"" D64 "\"}{}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"" D64 "\",}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"" D64 "\",\"nonce\":\"" D64 "\"}",
          ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"" D64 "\",\"extra\":\"1\"}",
          ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"NONCE\":\"" D64 "\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"\":\"" D64 "\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"" D64 "0\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"" D64 D64 "00\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":1}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":null}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":[\"" D64 "\"]}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":{\"nonce\":\"" D64 "\"}}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\\u0000\":\"" D64 "\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"n\\u006fnce\":\"" D64 "\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "\xef\xbb\xbf{\"nonce\":\"" D64 "\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"" D64 "\",\"binding\":\"TLS-exporter\"}",
          ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"nonce\":\"" D64 "\",\"binding\":true}",
          ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"binding\":\"tls-exporter\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"credential\":\"" CRED "\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"secret\":\"" ENC "\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"credential\":\"" CRED "\",\"secret\":\"" ENC
          "\",\"nonce\":\"" D64 "\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"credential\":\"" CRED "\",\"secret\":\"" ENC
          "\",\"binding\":\"tls-exporter\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"credential\":\"" CRED "\",\"credential\":\"" CRED
          "\",\"secret\":\"" ENC "\"}", ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"credential\":\"000501020304\",\"secret\":\"" ENC "\"}",
          ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"credential\":\"0000\",\"secret\":\"" ENC "\"}",
          ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"credential\":\"\",\"secret\":\"" ENC "\"}",
          ATTEST_EFORMAT, 0, 0, 0 },
        { "{\"credential\":\"" CRED "0\",\"secret\":\"" ENC "\"}",
          ATTEST_EFORMAT, 0, 0, 0 }
    };

    test_table(1, t, sizeof(t) / sizeof(t[0]));
}


static void
test_json_limits(void)
{
    char              big[ATTEST_REQUEST_MAX_BODY + 2];
    size_t            i, n, good;
    attest_request_t  req;
    static const char  nonce[] = "{\"nonce\":\"" D64
                                 "\",\"binding\":\"tls-exporter\"}";

    n = sizeof(nonce) - 1;

    for (i = 0, good = 0; i < n; i++) {
        good += test_parse(1, nonce, i, &req) == ATTEST_OK;
    }

    IS_INT(good, 0, "no truncation of a good body is taken");

    memset(big, ' ', sizeof(big));
    memcpy(big, nonce, n);
    IS_INT(test_parse(1, big, ATTEST_REQUEST_MAX_BODY, &req), ATTEST_OK,
           "4096 bytes");
    IS_INT(test_parse(1, big, ATTEST_REQUEST_MAX_BODY + 1, &req),
           ATTEST_ELIMIT, "4097 bytes");

    memset(big, '[', sizeof(big));
    IS_INT(test_parse(1, big, ATTEST_REQUEST_MAX_BODY, &req), ATTEST_EFORMAT,
           "deep nesting");

    memcpy(big, nonce, n);
    big[7] = '\0';
    IS_INT(test_parse(1, big, n, &req), ATTEST_EFORMAT, "zero in a name");
    memcpy(big, nonce, n);
    big[n - 1] = '\0';
    IS_INT(test_parse(1, big, n, &req), ATTEST_EFORMAT, "zero at the end");
}


static void
test_cred_limits(void)
{
    int               rc;
    char              text[2 * (ATTEST_TPM_MAX_CRED + ATTEST_TPM_MAX_ENC) + 64];
    size_t            n, size, extra;
    attest_request_t  req;

    for (extra = 0; extra < 2; extra++) {
        size = ATTEST_TPM_MAX_CRED - 2 + extra;
        n = (size_t) snprintf(text, sizeof(text), "{\"credential\":\"%04x",
                              (unsigned) size);
        memset(text + n, 'a', 2 * size);
        n += 2 * size;

        size = ATTEST_TPM_MAX_ENC - 2;
        n += (size_t) snprintf(text + n, sizeof(text) - n,
                               "\",\"secret\":\"%04x", (unsigned) size);
        memset(text + n, 'b', 2 * size);
        n += 2 * size;
        memcpy(text + n, "\"}", 2);

        rc = test_parse(1, text, n + 2, &req);
        IS_INT(rc, extra ? ATTEST_EFORMAT : ATTEST_OK,
               "credential of %zu bytes",
               (size_t) ATTEST_TPM_MAX_CRED + extra);
    }

    IS_INT(req.cred_len, 0, "refused credential leaves no length");
}


static void
test_accept(void)
{
    size_t           i;
    attest_accept_t  a;

    static const struct {
        const char       *text;
        attest_accept_e   want;
    } t[] = {
        { "*/*", ATTEST_ACCEPT_JSON },
        { "application/*", ATTEST_ACCEPT_JSON },
        { "application/cmw+json", ATTEST_ACCEPT_JSON },
        { "application/cmw+cbor", ATTEST_ACCEPT_CBOR },
        { "Application/CMW+CBOR", ATTEST_ACCEPT_CBOR },
        { "application/cmw+json, application/cmw+cbor", ATTEST_ACCEPT_JSON },
        { "application/cmw+json;q=0.5,application/cmw+cbor;q=0.6",
          ATTEST_ACCEPT_CBOR },
        { "application/cmw+json;q=0.601, application/cmw+cbor ; Q=0.6",
          ATTEST_ACCEPT_JSON },
        { "application/cmw+cbor, */*;q=0.1", ATTEST_ACCEPT_CBOR },
        { "application/cmw+cbor;q=0.1, */*", ATTEST_ACCEPT_JSON },
        { "application/cmw+json;q=0, */*", ATTEST_ACCEPT_CBOR },
        { "*/*, application/cmw+json;q=0", ATTEST_ACCEPT_CBOR },
        { "application/cmw+json;q=0", ATTEST_ACCEPT_NONE },
        { "application/*;q=0, */*", ATTEST_ACCEPT_NONE },
        { "*/*;q=0", ATTEST_ACCEPT_NONE },
        { "text/html", ATTEST_ACCEPT_NONE },
        { "text/*", ATTEST_ACCEPT_NONE },
        { "application/json", ATTEST_ACCEPT_NONE },
        { "application/cmw+jso", ATTEST_ACCEPT_NONE },
        { "application/cmw+jsonx", ATTEST_ACCEPT_NONE },
        { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
          ATTEST_ACCEPT_JSON },
        { "application/cmw+cbor;cmwc_t=\"a,b;q=0\"", ATTEST_ACCEPT_CBOR },
        { "application/cmw+cbor;cmwc_t=\"a\\\",\";q=0", ATTEST_ACCEPT_NONE },
        { "application/cmw+cbor;q=2", ATTEST_ACCEPT_NONE },
        { "application/cmw+cbor;q=1.001", ATTEST_ACCEPT_NONE },
        { "application/cmw+cbor;q=0.0001", ATTEST_ACCEPT_NONE },
        { "application/cmw+cbor;q=", ATTEST_ACCEPT_NONE },
        { "application/cmw+cbor;q=0x1", ATTEST_ACCEPT_NONE },
        { "application/cmw+cbor;q=1.", ATTEST_ACCEPT_CBOR },
        { "application/cmw+cbor;q=0.001", ATTEST_ACCEPT_CBOR },
        { ",,\tapplication/cmw+cbor ,", ATTEST_ACCEPT_CBOR },
        { "application/cmw+cbor;x=\"", ATTEST_ACCEPT_CBOR },
        { "\"\\", ATTEST_ACCEPT_NONE },
        { ";;;,;", ATTEST_ACCEPT_NONE },
        { "", ATTEST_ACCEPT_JSON },
        { " ", ATTEST_ACCEPT_JSON }
    };

    memset(&a, 0, sizeof(a));
    IS_INT(attest_accept_choose(&a), ATTEST_ACCEPT_JSON, "no Accept");

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        memset(&a, 0, sizeof(a));
        attest_accept_add(&a, (const uint8_t *) t[i].text, strlen(t[i].text));
        IS_INT(attest_accept_choose(&a), t[i].want, "Accept: %s", t[i].text);
    }

    memset(&a, 0, sizeof(a));
    attest_accept_add(&a, (const uint8_t *) "text/html", 9);
    attest_accept_add(&a, (const uint8_t *) "application/cmw+cbor", 20);
    IS_INT(attest_accept_choose(&a), ATTEST_ACCEPT_CBOR, "two fields");
}


static void
test_accept_range(void)
{
    size_t    i;
    unsigned  rank, q;

    static const struct {
        const char  *text;
        unsigned     rank;
        unsigned     q;
    } t[] = {
        { "text/html", 3, 1000 },
        { "TEXT/Html;q=0.3", 3, 300 },
        { "text/*;q=0.2", 2, 200 },
        { "*/*;q=0.1", 1, 100 },
        { "*/*, text/*;q=0.2, text/html;q=0", 3, 0 },
        { "text/html;q=0.4, text/html;q=0.5", 3, 500 },
        { "text/htm", 0, 0 },
        { "text/htmlx", 0, 0 },
        { "text/**", 0, 0 },
        { "text/", 0, 0 },
        { "text*", 0, 0 },
        { "tex/*", 0, 0 },
        { "application/*", 0, 0 },
        { "", 0, 0 }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        rank = 0;
        q = 0;
        attest_accept_range((const uint8_t *) t[i].text, strlen(t[i].text),
                            "text/html", &rank, &q);
        IS_INT(rank, t[i].rank, "text/html, rank: %s", t[i].text);
        IS_INT(q, t[i].q, "text/html, quality: %s", t[i].text);
    }
}


static void
test_type(void)
{
    size_t  i;

    static const struct {
        const char  *text;
        int          want;
    } t[] = {
        { "application/json", 1 },
        { "Application/JSON", 1 },
        { "application/json;charset=utf-8", 1 },
        { "application/json ; charset=\"utf-8\"", 1 },
        { "", 0 },
        { "application/jso", 0 },
        { "application/jsonx", 0 },
        { "application/json, text/html", 0 },
        { "text/json", 0 },
        { "application/x-www-form-urlencoded", 0 }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        IS_INT(attest_request_is_json((const uint8_t *) t[i].text,
                                      strlen(t[i].text)),
               t[i].want, "Content-Type: %s", t[i].text);
    }
}


int
main(void)
{
    test_args();
    test_json();
    test_json_limits();
    test_cred_limits();
    test_accept();
    test_accept_range();
    test_type();

    DONE();
}
