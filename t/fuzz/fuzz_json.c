/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Input: one byte of rules, and a text.  What passes has nothing that two
 * readers could read differently: it is written anew, read again and has the
 * same members; what cJSON does not take does not pass.
 */

#include <stdlib.h>
#include <string.h>

#include "core/base/attest_json.h"
#include "core/base/attest_utf8.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static void fuzz_tree(const cJSON *v, unsigned depth);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int                   rc;
    char                 *out;
    cJSON                *root, *again;
    attest_json_fault_e   fault;
    attest_json_rules_t   rules;

    if (n == 0) {
        return 0;
    }

    rules.flags = p[0] & 3;
    rules.max_list = p[0] & 0x10 ? 4 : 0;
    rules.max_commas = p[0] & 0x20 ? 8 : 0;

    rc = attest_json_parse(attest_span(p + 1, n - 1), &rules, &root, &fault);

    if ((rc == ATTEST_OK) != (fault == ATTEST_JSON_VALID)
        || (rc == ATTEST_OK) != (root != NULL))
    {
        abort();
    }

    if (rc != ATTEST_OK) {
        return 0;
    }

    if (!attest_utf8_is(attest_span(p + 1, n - 1))
        || memchr(p + 1, '\0', n - 1) != NULL)
    {
        abort();
    }

    fuzz_tree(root, 0);

    out = cJSON_PrintUnformatted(root);
    if (out != NULL) {
        again = cJSON_Parse(out);

        if (again == NULL) {
            abort();
        }

        fuzz_tree(again, 0);
        cJSON_Delete(again);
        cJSON_free(out);
    }

    cJSON_Delete(root);
    return 0;
}


static void
fuzz_tree(const cJSON *v, unsigned depth)
{
    const cJSON  *e;

    if (depth > ATTEST_MAX_DEPTH
        || (cJSON_IsObject(v) && attest_json_members(v, NULL) != ATTEST_OK)
        || (cJSON_IsString(v)
            && !attest_utf8_is(attest_span_text(v->valuestring))))
    {
        abort();
    }

    for (e = v->child; e != NULL; e = e->next) {
        fuzz_tree(e, depth + 1);
    }
}
