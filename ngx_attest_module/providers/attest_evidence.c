
/*
 * The container that providers fill.
 */


#include <stdlib.h>
#include <string.h>

#include "attest_provider.h"


void
attest_evidence_clear(attest_evidence_t *ev)
{
    size_t  i;

    for (i = 0; i < ev->count; i++) {
        free(ev->items[i].data);
        memset(&ev->items[i], 0, sizeof(attest_evidence_item_t));
    }

    ev->count = 0;
}


int
attest_evidence_add(attest_evidence_t *ev, const char *item,
    const char *type, const uint8_t *data, size_t len)
{
    attest_evidence_item_t  *e;

    if (ev->count >= ATTEST_EVIDENCE_MAX) {
        return ATTEST_ELIMIT;
    }

    e = &ev->items[ev->count];

    /* an empty log is still a log: malloc(0) may return NULL */
    e->data = malloc(len != 0 ? len : 1);
    if (e->data == NULL) {
        return ATTEST_EINTERNAL;
    }

    if (len != 0) {
        memcpy(e->data, data, len);
    }

    e->item = item;
    e->type = type;
    e->len = len;
    ev->count++;

    return ATTEST_OK;
}
