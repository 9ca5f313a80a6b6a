/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers of a cloud's metadata service.  The parser lives among the
 * providers, so it is compiled here.
 */

#include <stdlib.h>

#include "providers/prov_http_answer.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* The body lies within the answer, whatever its framing says. */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             rc;
    char            error[256] = "";
    uint8_t        *p;
    attest_span_t   body;

    p = malloc(size != 0 ? size : 1);
    if (p == NULL) {
        return 0;
    }

    if (size != 0) {
        memcpy(p, data, size);
    }

    rc = prov_http_answer(p, size, &body, error);

    if (rc == ATTEST_OK
        ? body.n > size || (body.n != 0 && (body.p < p
                                            || body.p + body.n > p + size))
        : error[0] == '\0')
    {
        abort();
    }

    free(p);
    return 0;
}
