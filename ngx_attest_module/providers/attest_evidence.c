
/*
 * The container that providers fill.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest_cmw.h"
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


int
attest_evidence_move(attest_evidence_t *ev, attest_evidence_t *from)
{
    if (ev->count + from->count > ATTEST_EVIDENCE_MAX) {
        attest_evidence_clear(from);
        attest_evidence_clear(ev);
        snprintf(ev->error, sizeof(ev->error), "too many items of evidence");
        return ATTEST_ELIMIT;
    }

    memcpy(&ev->items[ev->count], from->items,
           from->count * sizeof(attest_evidence_item_t));

    ev->count += from->count;
    ev->error[0] = '\0';
    from->count = 0;

    return ATTEST_OK;
}


attest_span_t
attest_evidence_cpu(const attest_evidence_t *ev)
{
    size_t         i;
    const char    *item;
    attest_span_t  cpu = { NULL, 0 };

    for (i = 0; i < ev->count; i++) {
        item = ev->items[i].item;

        if (strcmp(item, ATTEST_ITEM_TSM) == 0
            || strcmp(item, ATTEST_ITEM_AZURE) == 0
            || strcmp(item, ATTEST_ITEM_NITRO) == 0)
        {
            cpu.p = ev->items[i].data;
            cpu.n = ev->items[i].len;
        }
    }

    return cpu;
}
