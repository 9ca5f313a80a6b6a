/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_cmw.h"


#define ROOM  (8 * 1024 * 1024)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static char *fuzz_text(attest_span_t s);
static size_t fuzz_encode(int json, const attest_cmw_t *cmw, uint8_t *out);
static void fuzz_again(int json, const uint8_t *out, size_t len,
    const attest_cmw_t *cmw);
static int fuzz_same(attest_span_t a, attest_span_t b);


/*
 * What parses can be written in both forms, what was written parses to the
 * same members, and to write them again gives the same bytes.
 */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              json;
    size_t           len;
    attest_cmw_t     cmw;
    static uint8_t   out[ROOM];

    /* base64 takes a document near the limit beyond it */

    if (size > ATTEST_MAX_DOCUMENT / 2) {
        return 0;
    }

    if (attest_cmw_parse(data, size, &cmw) != ATTEST_OK) {
        if (cmw.heap != NULL || cmw.count != 0) {
            abort();
        }
        return 0;
    }

    if (cmw.count == 0 || cmw.count >= ATTEST_MAX_ITEMS) {
        abort();
    }

    for (json = 0; json < 2; json++) {
        len = fuzz_encode(json, &cmw, out);
        fuzz_again(json, out, len, &cmw);
    }

    attest_cmw_free(&cmw);
    return 0;
}


static char *
fuzz_text(attest_span_t s)
{
    char  *text = malloc(s.n + 1);

    if (text == NULL) {
        abort();
    }

    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return text;
}


static size_t
fuzz_encode(int json, const attest_cmw_t *cmw, uint8_t *out)
{
    int                  rc;
    char                *ctype = NULL;
    size_t               i, len = ROOM;
    attest_cmw_item_t    items[ATTEST_MAX_ITEMS];

    if (cmw->ctype.n != 0) {
        ctype = fuzz_text(cmw->ctype);
    }

    for (i = 0; i < cmw->count; i++) {
        items[i] = cmw->items[i];
        items[i].label = fuzz_text(cmw->items[i].label_in);
        items[i].type = fuzz_text(cmw->items[i].type_in);
    }

    rc = json ? attest_cmw_encode_json(ctype, items, cmw->count,
                                       (char *) out, &len)
              : attest_cmw_encode_cbor(ctype, items, cmw->count, out, &len);
    if (rc != ATTEST_OK) {
        abort();
    }

    for (i = 0; i < cmw->count; i++) {
        free((char *) items[i].label);
        free((char *) items[i].type);
    }

    free(ctype);
    return len;
}


static void
fuzz_again(int json, const uint8_t *out, size_t len, const attest_cmw_t *cmw)
{
    char                       *label;
    size_t                      i;
    attest_cmw_t                again;
    static uint8_t              out2[ROOM];
    const attest_cmw_item_t    *item;

    if (attest_cmw_parse(out, len, &again) != ATTEST_OK
        || again.count != cmw->count || !fuzz_same(again.ctype, cmw->ctype))
    {
        abort();
    }

    for (i = 0; i < cmw->count; i++) {
        label = fuzz_text(cmw->items[i].label_in);
        item = attest_cmw_find(&again, label);
        free(label);

        if (item == NULL || item->ind != cmw->items[i].ind
            || !fuzz_same(item->type_in, cmw->items[i].type_in)
            || !fuzz_same(item->value, cmw->items[i].value))
        {
            abort();
        }
    }

    if (fuzz_encode(json, &again, out2) != len
        || memcmp(out, out2, len) != 0)
    {
        abort();
    }

    attest_cmw_free(&again);
}


static int
fuzz_same(attest_span_t a, attest_span_t b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
