/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: a text in nginx's configuration language.  Tokens lie in it, and
 * the reader comes to an end.
 */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_conf.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t                    i;
    uint8_t                  *text, *before;
    attest_conf_reader_t      r;
    attest_conf_statement_t   s;

    text = malloc(n + 1);
    if (text == NULL) {
        return 0;
    }

    memcpy(text, p, n);
    attest_conf_init(&r, text, n);

    do {
        before = r.p;

        if (attest_conf_next(&r, &s) != ATTEST_OK) {
            break;
        }

        for (i = 0; i < s.count && i < ATTEST_CONF_TOKENS; i++) {
            if (s.token[i].p < before || s.token[i].p + s.token[i].n > r.p) {
                abort();
            }
        }

        if (s.end == '{' && s.count == 1 && s.token[0].n == 3
            && memcmp(s.token[0].p, "lua", 3) == 0
            && attest_conf_skip_lua(&r) != ATTEST_OK)
        {
            break;
        }

        if (r.p > r.last || (s.end != 0 && r.p == before)) {
            abort();
        }

    } while (s.end != 0);

    free(text);
    return 0;
}
