/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The container that providers fill: items, labels, notes, errors.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/evidence/attest_cmw.h"
#include "providers/attest_provider.h"


static prov_evidence_item_t *prov_evidence_find(prov_evidence_t *ev,
    const char *item);
static int prov_evidence_text(prov_evidence_t *ev, const uint8_t *text,
    size_t len);
static void prov_evidence_remove(prov_evidence_t *ev,
    prov_evidence_item_t *item);


void
prov_evidence_clear(prov_evidence_t *ev)
{
    size_t  i;

    for (i = 0; i < ev->count; i++) {
        free(ev->items[i].data);
        memset(&ev->items[i], 0, sizeof(prov_evidence_item_t));
    }

    ev->count = 0;
}


int
prov_evidence_add(prov_evidence_t *ev, const char *item,
    const char *type, const uint8_t *data, size_t len)
{
    prov_evidence_item_t    *e;

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
prov_evidence_move(prov_evidence_t *ev, prov_evidence_t *from)
{
    int                      rc = ATTEST_OK;
    prov_evidence_item_t    *text;

    /* a label comes once */

    text = prov_evidence_find(from, ATTEST_ITEM_LEFT_OUT);

    if (text != NULL && prov_evidence_find(ev, ATTEST_ITEM_LEFT_OUT)) {
        rc = prov_evidence_text(ev, text->data, text->len);
        prov_evidence_remove(from, text);
    }

    if (rc != ATTEST_OK || ev->count + from->count > ATTEST_EVIDENCE_MAX) {
        prov_evidence_clear(from);
        prov_evidence_clear(ev);
        snprintf(ev->error, sizeof(ev->error), "too many items of evidence");
        return ATTEST_ELIMIT;
    }

    memcpy(&ev->items[ev->count], from->items,
           from->count * sizeof(prov_evidence_item_t));

    ev->count += from->count;
    ev->error[0] = '\0';
    from->count = 0;
    prov_evidence_note(ev, from->note);

    return ATTEST_OK;
}


void
prov_evidence_note(prov_evidence_t *ev, const char *note)
{
    size_t  n = strlen(ev->note);

    if (note[0] == '\0' || strstr(ev->note, note) != NULL) {
        return;
    }

    snprintf(ev->note + n, sizeof(ev->note) - n, "%s%s", n ? "; " : "", note);
}


int
prov_evidence_left_out(prov_evidence_t *ev, const char *item,
    const char *why)
{
    int   n;
    char  text[160];

    snprintf(text, sizeof(text), "the %s is left out of the evidence, it %s",
             item, why);
    prov_evidence_note(ev, text);

    n = snprintf(text, sizeof(text), "%s %s\n", item, why);

    return prov_evidence_text(ev, (const uint8_t *) text, (size_t) n);
}


int
prov_evidence_fit(prov_evidence_t *ev, size_t room)
{
    int                      rc;
    char                     why[64];
    size_t                   i, used = 0;
    attest_item_e            k;
    prov_evidence_item_t    *log;

    for (i = 0; i < ev->count; i++) {
        used += ev->items[i].len;
    }

    for (k = 0; k < ATTEST_ITEMS && used > room; k++) {
        if (!(attest_items[k].is & ATTEST_IS_LOG)) {
            continue;
        }

        log = prov_evidence_find(ev, attest_items[k].label);
        if (log == NULL) {
            continue;
        }

        used -= log->len;
        snprintf(why, sizeof(why), "has %zu bytes, for which there is no"
                 " room", log->len);
        prov_evidence_remove(ev, log);

        rc = prov_evidence_left_out(ev, attest_items[k].label, why);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


static prov_evidence_item_t *
prov_evidence_find(prov_evidence_t *ev, const char *item)
{
    size_t  i;

    for (i = 0; i < ev->count; i++) {
        if (strcmp(ev->items[i].item, item) == 0) {
            return &ev->items[i];
        }
    }

    return NULL;
}


static int
prov_evidence_text(prov_evidence_t *ev, const uint8_t *text, size_t len)
{
    uint8_t                 *p;
    prov_evidence_item_t    *e;

    e = prov_evidence_find(ev, ATTEST_ITEM_LEFT_OUT);

    if (e == NULL) {
        return prov_evidence_add(ev, ATTEST_ITEM_LEFT_OUT,
                                 ATTEST_TYPE_LEFT_OUT, text, len);
    }

    p = realloc(e->data, e->len + len);
    if (p == NULL) {
        return ATTEST_EINTERNAL;
    }

    memcpy(p + e->len, text, len);
    e->data = p;
    e->len += len;

    return ATTEST_OK;
}


static void
prov_evidence_remove(prov_evidence_t *ev, prov_evidence_item_t *item)
{
    size_t  behind;

    free(item->data);
    behind = (size_t) (&ev->items[--ev->count] - item);
    memmove(item, item + 1, behind * sizeof(prov_evidence_item_t));
}


attest_span_t
prov_evidence_cpu(const prov_evidence_t *ev)
{
    size_t                         i;
    attest_span_t                  cpu = ATTEST_NO_SPAN;
    const prov_evidence_item_t    *e;

    for (i = 0; i < ev->count; i++) {
        e = &ev->items[i];

        if (attest_kind_item_is(attest_span_text(e->item)) & ATTEST_IS_CPU) {
            cpu = attest_span(e->data, e->len);
        }
    }

    return cpu;
}


bool
prov_evidence_has(const prov_evidence_t *ev, const char *item)
{
    size_t  i;

    for (i = 0; i < ev->count; i++) {
        if (strcmp(ev->items[i].item, item) == 0) {
            return 1;
        }
    }

    return 0;
}
