/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: a certificate, or the extension of Google's in one.  Texts lie
 * inside of the input and can be printed.
 */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_gcp.h"
#include "core/crypto/attest_x509.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static void fuzz_text(const uint8_t *p, size_t n, attest_span_t s);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    X509                   *x;
    attest_span_t           s = { p, n };
    attest_gcp_instance_t   info;

    x = attest_x509_read_der(s);
    if (x != NULL) {
        (void) attest_gcp_instance_find(x, &info);
        X509_free(x);
    }

    if (attest_gcp_instance_parse(p, n, &info) != ATTEST_OK) {
        if (info.zone.n != 0 || info.production) {
            abort();
        }

        return 0;
    }

    fuzz_text(p, n, info.zone);
    fuzz_text(p, n, info.project_id);
    fuzz_text(p, n, info.instance_name);

    if (info.production && !info.has_security) {
        abort();
    }

    return 0;
}


static void
fuzz_text(const uint8_t *p, size_t n, attest_span_t s)
{
    size_t  i;

    if (s.n == 0 || s.p < p || s.n > n || (size_t) (s.p - p) > n - s.n) {
        abort();
    }

    for (i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) {
            abort();
        }
    }
}
