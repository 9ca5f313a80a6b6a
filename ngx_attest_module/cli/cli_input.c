/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What somebody has given us: a certificate, a collection of evidence, or
 * something else, which is then called by its name.
 */


#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>
#include <openssl/x509.h>

#include "core/base/attest_json.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_nitro.h"
#include "core/crypto/attest_pem.h"
#include "core/evidence/attest_ratls.h"
#include "core/evidence/attest_snp.h"
#include "core/evidence/attest_tdx.h"
#include "cli/cli.h"


/* Bytes; shorter digits and letters are rather a word. */
#define CLI_MIN_CODED          16


static bool cli_input_is_text(attest_span_t s);
static bool cli_input_other(attest_span_t s, char *what, size_t room);
static const char *cli_input_binary(attest_span_t s);
static void cli_input_text(attest_span_t s, char *what, size_t room);
static void cli_input_json(const char *text, char *what, size_t room);
static bool cli_input_coded(const char *text, char *what, size_t room);
static const char *cli_input_decoded(attest_span_t s);
static size_t cli_input_hex(const char *text, uint8_t *out);
static size_t cli_input_base64(const char *text, uint8_t *out);
static bool cli_input_yaml(const char *text);
static bool cli_input_pem(attest_bytes_t *b);


/*
 * What looks like neither is refused here, by its name: to appraise it would
 * only say that it is malformed.
 */

int
cli_input(const char *name, attest_bytes_t *b)
{
    char  what[128];

    /* CBOR may hold PEM, but is no text */

    if (cli_input_is_text(attest_bytes_span(b))
        && memmem(b->p, b->n, "-----BEGIN CERTIFICATE-----", 27) != NULL)
    {
        if (cli_input_pem(b)) {
            return CLI_OK;
        }

        attest_bytes_free(b);
        return cli_error("%s: the certificate cannot be read", name);
    }

    if (!cli_input_other(attest_bytes_span(b), what, sizeof(what))) {
        return CLI_OK;
    }

    attest_bytes_free(b);
    return cli_error("%s is %s: neither a certificate nor evidence; wanted "
                     "is a certificate in PEM or DER, or a collection of "
                     "evidence in CBOR or JSON", name, what);
}


static bool
cli_input_is_text(attest_span_t s)
{
    size_t  i;

    for (i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 && strchr("\t\r\n\f", s.p[i]) == NULL) {
            return false;
        }

        if (s.p[i] == '\0') {
            return false;
        }
    }

    return s.n < 3 || s.p[0] < 0x80 || memcmp(s.p, "\xef\xbb\xbf", 3) == 0;
}


/* 0: a certificate, a collection, or what at least begins like one. */

static bool
cli_input_other(attest_span_t s, char *what, size_t room)
{
    const char     *kind;
    attest_cmw_t    cmw;

    if (s.n == 0) {
        (void) snprintf(what, room, "empty");
        return true;
    }

    if (attest_cmw_parse(s.p, s.n, &cmw) == ATTEST_OK) {
        attest_cmw_free(&cmw);
        return false;
    }

    if (cli_input_is_text(s)) {
        cli_input_text(s, what, room);
        return true;
    }

    kind = cli_input_binary(s);

    if (kind != NULL) {
        (void) snprintf(what, room, "%s", kind);
        return true;
    }

    /* ASN.1's SEQUENCE; CBOR's arrays, maps and tags */

    if (s.p[0] == 0x30 || (s.p[0] >= 0x80 && s.p[0] < 0xe0)) {
        return false;
    }

    (void) snprintf(what, room, "binary data of an unknown kind");
    return true;
}


/* Formats that gateways put into a collection, and others that one meets. */

static const char *
cli_input_binary(attest_span_t s)
{
    attest_tsm_t          tsm;
    attest_nitro_t        nitro;
    attest_claims_t       claims;
    attest_tdx_quote_t    quote;
    attest_snp_report_t   report;

    if (attest_snp_report_parse(s.p, s.n, &report) == ATTEST_OK) {
        return "a bare report of AMD SEV-SNP";
    }

    if (attest_tdx_parse(s.p, s.n, &quote) == ATTEST_OK) {
        return quote.body == ATTEST_TDX_BODY_SGX
               ? "a bare quote of an Intel SGX enclave"
               : "a bare quote of Intel TDX";
    }

    if (attest_nitro_parse(s.p, s.n, &nitro) == ATTEST_OK) {
        return "a bare document of AWS Nitro";
    }

    if (attest_tsm_parse(s.p, s.n, &tsm) == ATTEST_OK) {
        return "a report of a CPU without the collection around it";
    }

    if (attest_claims_parse(s.p, s.n, &claims) == ATTEST_OK) {
        return "claims without the collection around them";
    }

    if (s.n > 4 && memcmp(s.p, "\xff" "TCG", 4) == 0) {
        return "a bare quote of a TPM";
    }

    if (s.n > 48 && memcmp(s.p + 32, "Spec ID Event", 13) == 0) {
        return "an event log of a TPM";
    }

    return s.n > 2 && memcmp(s.p, "\x1f\x8b", 2) == 0 ? "compressed (gzip)"
           : NULL;
}


static void
cli_input_text(attest_span_t s, char *what, size_t room)
{
    int           len;
    const char   *p, *text = (const char *) s.p;      /* a 0 is behind it */

    text += strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    text += strspn(text, " \t\r\n\f");

    if (*text == '\0') {
        (void) snprintf(what, room, "blank");

    } else if ((p = strstr(text, "-----BEGIN ")) != NULL) {
        p += sizeof("-----BEGIN ") - 1;
        len = (int) strcspn(p, "-\r\n");
        (void) snprintf(what, room, "PEM, \"%.*s\"", len < 40 ? len : 40, p);

    } else if (*text == '{' || *text == '[') {
        cli_input_json(text, what, room);

    } else if (strncmp(text, "untrusted comment:", 18) == 0) {
        (void) snprintf(what, room, "a key or signature of minisign");

    } else if (!cli_input_coded(text, what, room)) {
        (void) snprintf(what, room, "%s",
                        strncmp(text, "0000000", 7) == 0 ? "a hex dump"
                        : cli_input_yaml(text) ? "YAML" : "text");
    }
}


static void
cli_input_json(const char *text, char *what, size_t room)
{
    cJSON  *root = NULL;

    static const attest_json_rules_t  rules = { 0 };

    (void) attest_json_parse(attest_span_text(text), &rules, &root, NULL);

    (void) snprintf(what, room, "%s", root == NULL ? "text that is no JSON, "
                    "though it begins so"
                    : cJSON_HasObjectItem(root, "roots_of_trust")
                    ? "a policy (for --policy)"
                    : cJSON_HasObjectItem(root, "verdict")
                    ? "a verdict of ngx-attest, JSON"
                    : "JSON, but no collection of evidence");
    cJSON_Delete(root);
}


/* Bytes written as hexadecimal digits or as base64, and of what. */

static bool
cli_input_coded(const char *text, char *what, size_t room)
{
    size_t          n;
    uint8_t        *bytes;
    const char     *how = "hexadecimal digits", *kind;
    attest_span_t   s;

    bytes = malloc(strlen(text) + 1);
    if (bytes == NULL) {
        return false;
    }

    n = cli_input_hex(text, bytes);

    if (n == 0) {
        how = "base64";
        n = cli_input_base64(text, bytes);
    }

    if (n >= CLI_MIN_CODED) {
        s = attest_span(bytes, n);
        kind = cli_input_decoded(s);
        (void) snprintf(what, room, "text: %zu bytes in %s%s%s", n, how,
                        kind != NULL ? ", " : "", kind != NULL ? kind : "");
    }

    free(bytes);
    return n >= CLI_MIN_CODED;
}


static const char *
cli_input_decoded(attest_span_t s)
{
    attest_cmw_t          cmw;
    attest_ratls_cert_t   cert;

    if (attest_cmw_parse(s.p, s.n, &cmw) == ATTEST_OK) {
        attest_cmw_free(&cmw);
        return "a collection of evidence";
    }

    return attest_ratls_parse(s.p, s.n, &cert) == ATTEST_OK
           ? "a certificate" : cli_input_binary(s);
}


/* Bytes; 0: it is not all hexadecimal. */

static size_t
cli_input_hex(const char *text, uint8_t *out)
{
    size_t             n = 0;
    const char        *p;
    static const char  digits[] = "0123456789abcdef";

    text += strncasecmp(text, "0x", 2) == 0 ? 2 : 0;

    for ( /* void */ ; *text != '\0'; text++) {
        if (strchr(" \t\r\n\f:", *text) != NULL) {
            continue;
        }

        p = strchr(digits, tolower((unsigned char) *text));
        if (p == NULL) {
            return 0;
        }

        out[n / 2] = (uint8_t) (n % 2 != 0 ? out[n / 2] << 4 : 0)
                     | (uint8_t) (p - digits);
        n++;
    }

    return n % 2 == 0 ? n / 2 : 0;
}


/* RFC 4648, sections 4 and 5, padded or not. */

static size_t
cli_input_base64(const char *text, uint8_t *out)
{
    size_t             n = 0;
    uint32_t           bits = 0, held = 0;
    const char        *p;
    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for ( /* void */ ; *text != '\0'; text++) {
        if (strchr("\r\n=", *text) != NULL) {
            continue;
        }

        p = strchr(digits, *text == '-' ? '+' : *text == '_' ? '/' : *text);
        if (p == NULL) {
            return 0;
        }

        bits = bits << 6 | (uint32_t) (p - digits);
        held += 6;

        if (held >= 8) {
            held -= 8;
            out[n++] = (uint8_t) (bits >> held);
        }
    }

    return n;
}


/* The first line that says something is a document's mark, or "key: ...". */

static bool
cli_input_yaml(const char *text)
{
    size_t  n;

    while (*text == '#') {
        text += strcspn(text, "\n");
        text += strspn(text, " \t\r\n");
    }

    if (strncmp(text, "---", 3) == 0 || strncmp(text, "%YAML", 5) == 0
        || strncmp(text, "- ", 2) == 0)
    {
        return true;
    }

    n = strcspn(text, ": \t\r\n");

    return n != 0 && text[n] == ':'
           && strchr(" \t\r\n", text[n + 1]) != NULL;
}


/* The first one of a file, which is the leaf. */

static bool
cli_input_pem(attest_bytes_t *b)
{
    int          n;
    X509        *x;
    attest_bytes_t  der = { NULL, 0 };

    x = attest_pem_cert(attest_bytes_span(b), NULL);
    n = x != NULL ? i2d_X509(x, &der.p) : -1;
    X509_free(x);

    if (n <= 0) {
        return false;
    }

    der.n = (size_t) n;
    attest_bytes_free(b);
    *b = der;
    return true;
}
