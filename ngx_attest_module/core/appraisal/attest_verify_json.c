/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A result as the JSON object that "verify --json" and the library give.
 */


#include <cjson/cJSON.h>

#include "core/appraisal/attest_verify.h"


static const char *const  attest_verify_states[] = {
    [ATTEST_CHECK_UNKNOWN] = "unknown",
    [ATTEST_CHECK_FAIL] = "fail",
    [ATTEST_CHECK_PASS] = "pass",
    [ATTEST_CHECK_NOTE] = "note"
};


const char *
attest_verify_verdict(attest_verdict_e verdict)
{
    switch (verdict) {
    case ATTEST_TRUSTED:
        return "trusted";
    case ATTEST_NOT_TRUSTED:
        return "not trusted";
    default:
        return "undecided";
    }
}


/* The object that docs/verifier.md documents: its members stay as they are. */

char *
attest_verify_json(const attest_result_t *res, const char *target,
    int64_t now)
{
    char    *text;
    cJSON   *root, *list, *item;
    size_t   i;

    root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "version", 1);
    cJSON_AddStringToObject(root, "url", target);
    cJSON_AddNumberToObject(root, "time", (double) now);
    cJSON_AddStringToObject(root, "verdict",
                            attest_verify_verdict(res->verdict));
    cJSON_AddStringToObject(root, "why", res->why);
    cJSON_AddStringToObject(root, "root_of_trust",
                            attest_label_name(res->root));
    list = cJSON_AddArrayToObject(root, "checks");

    for (i = 0; list != NULL && i < res->count; i++) {
        item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "id", res->checks[i].id);
        cJSON_AddStringToObject(item, "state",
                                attest_verify_states[res->checks[i].state]);
        cJSON_AddStringToObject(item, "text", res->checks[i].text);

        if (!cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
        }
    }

    text = list == NULL ? NULL : cJSON_Print(root);
    cJSON_Delete(root);
    return text;
}
