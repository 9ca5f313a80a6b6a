/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key configurations, bare and as a list: what parses encodes to the same
 * bytes, and nothing borrowed lies outside of the input.
 */


#include <stdlib.h>
#include <string.h>

#include "core/prompt/attest_keyconfig.h"


#define CHECK(cond)                                                          \
    if (!(cond)) {                                                           \
        abort();                                                             \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void one(const uint8_t *data, size_t size);
static void list(const uint8_t *data, size_t size);


static void
one(const uint8_t *data, size_t size)
{
    size_t              len;
    uint8_t             out[256];
    attest_keyconfig_t  kc;

    if (attest_keyconfig_parse(data, size, &kc) != ATTEST_OK) {
        return;
    }

    CHECK(kc.pk.p >= data && kc.pk.p + kc.pk.n <= data + size);
    CHECK(kc.nsuites >= 1 && kc.nsuites <= ATTEST_KEYCONFIG_MAX_SUITES);

    len = sizeof(out);
    CHECK(attest_keyconfig_encode(&kc, out, &len) == ATTEST_OK);
    CHECK(len == size && memcmp(out, data, len) == 0);

    len = size - 1;
    CHECK(attest_keyconfig_encode(&kc, out, &len) == ATTEST_ENOSPACE);
}


static void
list(const uint8_t *data, size_t size)
{
    size_t              i, len, sum = 0, count = ATTEST_KEYCONFIG_MAX_KEYS;
    uint8_t             out[ATTEST_KEYCONFIG_MAX_LIST];
    attest_span_t       members[ATTEST_KEYCONFIG_MAX_KEYS];
    attest_keyconfig_t  kc[ATTEST_KEYCONFIG_MAX_KEYS], again;

    if (attest_keyconfig_parse_list(data, size, kc, members, &count)
        != ATTEST_OK)
    {
        return;
    }

    CHECK(count <= ATTEST_KEYCONFIG_MAX_KEYS);

    for (i = 0; i < count; i++) {
        CHECK(members[i].p >= data + 2
              && members[i].p + members[i].n <= data + size);
        CHECK(attest_keyconfig_parse(members[i].p, members[i].n, &again)
              == ATTEST_OK);
        CHECK(again.id == kc[i].id && again.pk.p == kc[i].pk.p);
        sum += 2 + members[i].n;
    }

    /* the same bytes, unless a member was skipped */
    if (sum == size) {
        len = sizeof(out);
        CHECK(attest_keyconfig_encode_list(kc, count, out, &len)
              == ATTEST_OK);
        CHECK(len == size && memcmp(out, data, len) == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    one(data, size);
    list(data, size);

    return 0;
}
