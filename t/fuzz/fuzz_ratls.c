/* SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_ratls.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void fuzz_parse(const uint8_t *data, size_t size);
static void fuzz_ccc(const uint8_t *data, size_t size);
static void fuzz_make(const uint8_t *data, size_t size);


/*
 * An odd first byte: the rest is a certificate.  An even one: a name up to a
 * zero byte, behind it the evidence; what is made must be read back.
 */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }

    if (data[0] & 1) {
        fuzz_parse(data + 1, size - 1);
    } else {
        fuzz_make(data + 1, size - 1);
    }

    return 0;
}


static void
fuzz_parse(const uint8_t *data, size_t size)
{
    attest_ratls_ccc_t   ccc;
    attest_ratls_cert_t  c;

    /* the extension alone, too: a certificate is hard to hit */

    fuzz_ccc(data, size);

    if (attest_ratls_parse(data, size, &c) != ATTEST_OK) {
        return;
    }

    if (c.ccc.n != 0) {
        (void) attest_ratls_ccc_parse(c.ccc, &ccc);
    }

    if (c.cmw.n != 0
        && (c.cmw.p <= data || c.cmw.n > size
            || c.cmw.p + c.cmw.n > data + size))
    {
        abort();
    }

    if (memchr(c.subject, 0, sizeof(c.subject)) == NULL) {
        abort();
    }
}


static void
fuzz_ccc(const uint8_t *data, size_t size)
{
    attest_span_t       ext = { data, size };
    attest_ratls_ccc_t  ccc;

    if (attest_ratls_ccc_parse(ext, &ccc) != ATTEST_OK) {
        return;
    }

    if (ccc.quote.n == 0 || ccc.claims.n == 0
        || ccc.quote.p + ccc.quote.n > ccc.claims.p
        || ccc.claims.p + ccc.claims.n != data + size)
    {
        abort();
    }

    (void) attest_ratls_ccc_quote(ccc.quote);
}


static void
fuzz_make(const uint8_t *data, size_t size)
{
    char                   name[512];
    size_t                 n, len;
    uint8_t                der[ATTEST_MAX_CERT_MSG];
    const uint8_t         *end;
    const char            *names[1] = { name };
    attest_ratls_cert_t    c;
    static EVP_PKEY       *key;

    end = memchr(data, 0, size);
    if (end == NULL || (size_t) (end - data) >= sizeof(name)) {
        return;
    }

    memcpy(name, data, (size_t) (end - data) + 1);
    end++;
    n = size - (size_t) (end - data);

    if (!attest_ratls_is_name(name) || n == 0 || n > 16384) {
        return;
    }

    if (key == NULL) {
        key = attest_ratls_key_generate();
    }

    len = sizeof(der);
    if (attest_ratls_make(key, names, 1, 0, 1, end, n, NULL, der, &len)
           != ATTEST_OK
        || attest_ratls_parse(der, len, &c) != ATTEST_OK
        || !c.self_signed || c.cmw.n != n || memcmp(c.cmw.p, end, n) != 0)
    {
        abort();
    }
}
