/* SPDX-License-Identifier: Apache-2.0 */

/* The container of evidence: notes, and logs that are left out. */

#include "core/evidence/attest_cmw.h"
#include "providers/attest_provider.h"
#include "unit.h"


static void add(prov_evidence_t *ev, const char *item, size_t len);
static int has(const prov_evidence_t *ev, const char *item);
static const char *left_out(const prov_evidence_t *ev);
static void test_note(void);
static void test_left_out(void);
static void test_move(void);
static void test_fit(void);


static uint8_t  bytes[4096];


int
main(void)
{
    test_note();
    test_left_out();
    test_move();
    test_fit();
    DONE();
}


static void
add(prov_evidence_t *ev, const char *item, size_t len)
{
    if (prov_evidence_add(ev, item, "a/b", bytes, len) != ATTEST_OK) {
        abort();
    }
}


static int
has(const prov_evidence_t *ev, const char *item)
{
    size_t  i;

    for (i = 0; i < ev->count; i++) {
        if (strcmp(ev->items[i].item, item) == 0) {
            return 1;
        }
    }

    return 0;
}


static const char *
left_out(const prov_evidence_t *ev)
{
    size_t       i, n = 0;
    static char  text[512];

    for (i = 0; i < ev->count; i++) {
        if (strcmp(ev->items[i].item, ATTEST_ITEM_LEFT_OUT) == 0) {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "%.*s|",
                                   (int) ev->items[i].len,
                                   (const char *) ev->items[i].data);
        }
    }

    text[n] = '\0';
    return text;
}


static void
test_note(void)
{
    int                i;
    char               note[32];
    prov_evidence_t    ev = { 0 };

    prov_evidence_note(&ev, "");
    prov_evidence_note(&ev, "one");
    prov_evidence_note(&ev, "two");
    prov_evidence_note(&ev, "one");
    OK(strcmp(ev.note, "one; two") == 0, "notes: %s", ev.note);

    for (i = 0; i < 100; i++) {
        snprintf(note, sizeof(note), "number %d", i);
        prov_evidence_note(&ev, note);
    }

    IS_INT(strlen(ev.note), sizeof(ev.note) - 1, "as many as there is room");
}


static void
test_left_out(void)
{
    prov_evidence_t    ev = { 0 };

    IS_INT(prov_evidence_left_out(&ev, "imalog", "is long"), ATTEST_OK,
           "left out");
    IS_INT(prov_evidence_left_out(&ev, "ccel", "too"), ATTEST_OK,
           "another one");
    OK(strcmp(left_out(&ev), "imalog is long\nccel too\n|") == 0,
       "in one item: %s", left_out(&ev));
    OK(strstr(ev.note, "the ccel is left out of the evidence, it too") != NULL,
       "and in the note");
    prov_evidence_clear(&ev);
}


static void
test_move(void)
{
    prov_evidence_t    ev = { 0 }, from = { 0 };

    (void) prov_evidence_left_out(&from, "ccel", "a");
    add(&from, "tsm-report", 10);
    IS_INT(prov_evidence_move(&ev, &from), ATTEST_OK, "moved");
    OK(strcmp(left_out(&ev), "ccel a\n|") == 0 && has(&ev, "tsm-report"),
       "with what was left out");

    memset(&from, 0, sizeof(from));
    add(&from, "tpm", 10);
    (void) prov_evidence_left_out(&from, "imalog", "b");
    add(&from, "eventlog", 10);
    IS_INT(prov_evidence_move(&ev, &from), ATTEST_OK, "moved behind it");
    OK(strcmp(left_out(&ev), "ccel a\nimalog b\n|") == 0, "one item: %s",
       left_out(&ev));
    OK(ev.count == 4 && has(&ev, "tpm") && has(&ev, "eventlog"),
       "and the others");
    OK(strstr(ev.note, "ccel") != NULL && strstr(ev.note, "imalog") != NULL,
       "and both notes");
    prov_evidence_clear(&ev);
}


static void
test_fit(void)
{
    size_t             room;
    prov_evidence_t    ev;

    static const struct {
        size_t       room;
        int          imalog, ccel, eventlog;
    }  cases[] = {
        { 4000, 1, 1, 1 }, { 3500, 1, 1, 1 }, { 3499, 0, 1, 1 },
        { 2500, 0, 1, 1 }, { 2499, 0, 0, 1 }, { 1499, 0, 0, 0 },
        { 0, 0, 0, 0 }
    };

    for (room = 0; room < sizeof(cases) / sizeof(cases[0]); room++) {
        memset(&ev, 0, sizeof(ev));
        add(&ev, "eventlog", 1000);
        add(&ev, "tpm", 500);
        add(&ev, "imalog", 1000);
        add(&ev, "ccel", 1000);

        IS_INT(prov_evidence_fit(&ev, cases[room].room), ATTEST_OK,
               "room for %zu bytes", cases[room].room);
        OK(has(&ev, "tpm"), "a quote stays");
        OK(has(&ev, "imalog") == cases[room].imalog
           && has(&ev, "ccel") == cases[room].ccel
           && has(&ev, "eventlog") == cases[room].eventlog,
           "logs go, those that grow first");
        OK((left_out(&ev)[0] != '\0') == !cases[room].imalog,
           "which is said when it is so");
        prov_evidence_clear(&ev);
    }
}
