/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bodies of requests that may be JSON, and get a member.  What is taken for an
 * object is one to cJSON too, before and after, and has the salt then; all
 * other bytes are the same.
 */


#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/prompt/attest_cache_salt.h"


#define CHECK(cond)                                                          \
    if (!(cond)) {                                                           \
        abort();                                                             \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void put(const uint8_t *p, size_t n, const attest_cache_salt_t *place);


static void
put(const uint8_t *p, size_t n, const attest_cache_salt_t *place)
{
    size_t          len, left;
    uint8_t        *buf;
    cJSON          *root;
    const char     *end;
    attest_span_t   salt = attest_span_literal("SALT");

    len = attest_cache_salt_len(place, attest_span(p, n), salt);
    buf = malloc((len > n ? len : n) + 1);
    CHECK(buf != NULL);
    memcpy(buf, p, n);
    attest_cache_salt_put(place, buf, n, salt);
    buf[len] = '\0';

    left = n - place->at - place->cut;
    CHECK(memcmp(buf, p, place->at) == 0
          && memcmp(buf + len - left, p + n - left, left) == 0);

    root = cJSON_ParseWithLengthOpts((char *) buf, len + 1, &end, 0);

    /* cJSON knows no more than 1000 levels and takes some names for others */

    if (root != NULL) {
        CHECK(cJSON_IsObject(root));
        CHECK(strcmp(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
                                              root, "cache_salt")), "SALT")
              == 0);
    }

    cJSON_Delete(root);
    free(buf);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                   rc;
    uint8_t              *exact;
    attest_cache_salt_t   place;

    exact = malloc(size + 1);
    CHECK(exact != NULL);
    memcpy(exact + 1, data, size);

    rc = attest_cache_salt_find(attest_span(exact + 1, size), &place);

    if (rc == ATTEST_OK) {
        CHECK(place.at <= size && place.cut <= size - place.at);
        put(exact + 1, size, &place);
    }

    free(exact);

    return 0;
}
