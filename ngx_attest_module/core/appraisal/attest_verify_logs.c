/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A TPM's boot and IMA logs: do they explain the quoted PCR values, and do
 * they have the events that the policy names?
 */


#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/evidence/attest_eventlog.h"
#include "core/appraisal/attest_verify_logs.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_tpm.h"


/* PCRs that the firmware's boot log explains, complete or not at all. */
#define ATTEST_PCRS_FIRMWARE     0x000000ffu
/*
 * PCRs that go on changing after boot, outside of the boot log: 10 (IMA), 11
 * and 15 (systemd: boot phases, machine identity).
 */
#define ATTEST_PCRS_LATE         0x00008c00u
#define ATTEST_PCRS_BOOT         0x0000ffffu
#define ATTEST_PCR_IMA           10


/* What the visitor of a boot log looks for. */

typedef struct {
    const attest_refset_t   *want;
    uint32_t                 found[ATTEST_TPM_PCRS];  /* bit: value seen */
    size_t                   events;
} attest_event_search_t;


static const attest_part_t *attest_verify_log_part(const attest_verify_t *v,
    const char *label);
static void attest_verify_eventlog(attest_verify_t *v);
static void attest_verify_bad_eventlog(attest_verify_t *v, const char *what);
static void attest_verify_no_eventlog(attest_verify_t *v, const char *why);
static int attest_verify_event_visit(void *ctx, const attest_event_t *e);
static uint32_t attest_verify_replayed(attest_verify_t *v,
    const attest_tpm_bank_t *log, const attest_tpm_bank_t *quoted,
    size_t events);
static void attest_verify_events(attest_verify_t *v,
    const attest_event_search_t *search, uint32_t replayed);
static void attest_verify_imalog(attest_verify_t *v);
static void attest_verify_ima_replay(attest_verify_t *v,
    const attest_cmw_item_t *item, const attest_tpm_bank_t *bank);


void
attest_verify_logs(attest_verify_t *v)
{
    attest_verify_eventlog(v);
    attest_verify_imalog(v);
}


/* Logs travel at the endpoint only; the freshest one is taken. */

static const attest_part_t *
attest_verify_log_part(const attest_verify_t *v, const char *label)
{
    size_t                i;
    const attest_part_t  *part;

    for (i = ATTEST_PARTS; i > 0; i--) {
        part = &v->part[i - 1];

        if (part->has_claims && attest_cmw_find(&part->cmw, label) != NULL) {
            return part;
        }
    }

    return NULL;
}


static void
attest_verify_eventlog(attest_verify_t *v)
{
    int                       rc, wrong;
    attest_tpm_bank_t         log;
    const attest_part_t      *part;
    const attest_cmw_item_t  *item = NULL;
    attest_event_search_t     search;
    const attest_tpm_bank_t  *bank = NULL;

    memset(&search, 0, sizeof(search));
    search.want = v->policy->events;

    part = attest_verify_log_part(v, ATTEST_ITEM_EVENTLOG);
    if (part == NULL) {
        attest_verify_no_eventlog(v, "evidence carries no boot event log");
        return;
    }

    /* whoever carries it: what counts is what it says of the last quote */

    item = attest_verify_item(part, ATTEST_ITEM_EVENTLOG,
                              ATTEST_TYPE_EVENTLOG, &wrong);
    bank = attest_verify_bank(v, v->main);

    if (item == NULL || !v->main->proven || bank == NULL) {
        attest_verify_bad_eventlog(v, item == NULL
                                   ? "of a foreign media type"
                                   : "about no proven quote");
        return;
    }

    rc = attest_eventlog_replay(item->value.p, item->value.n, bank->alg, &log,
                                attest_verify_event_visit, &search);

    if (rc == ATTEST_EUNSUPPORTED) {
        attest_verify_no_eventlog(v, "boot event log carries no digests of "
                                  "the quoted bank, as those of the old form "
                                  "(SHA-1)");

    } else if (rc != ATTEST_OK) {
        attest_verify_bad_eventlog(v, attest_strerror(rc));

    } else {
        attest_verify_events(v, &search,
                             attest_verify_replayed(v, &log, bank,
                                                    search.events));
    }
}


static void
attest_verify_bad_eventlog(attest_verify_t *v, const char *what)
{
    attest_verify_add(v, "event-log", ATTEST_CHECK_FAIL,
                      "the boot event log is %s", what);
}


/* Nothing that could be compared: a failure when the policy wants it. */

static void
attest_verify_no_eventlog(attest_verify_t *v, const char *why)
{
    int  needed;

    needed = (v->policy->require_eventlog && !v->main->cpu.has_log)
             || attest_verify_set_count(v->policy->events) != 0;

    attest_verify_add(v, "event-log", needed ? ATTEST_CHECK_FAIL
                      : ATTEST_CHECK_NOTE, "%sthe %s", needed
                      ? "the policy wants a boot event log, but "
                      : "not evaluated: ", why);
}


static int
attest_verify_event_visit(void *ctx, const attest_event_t *e)
{
    size_t                  i;
    const attest_refset_t  *set;
    attest_event_search_t  *search = ctx;

    search->events++;

    /* what was not extended is in no PCR: anybody may write it */

    if (!e->extended || e->pcr >= ATTEST_TPM_PCRS) {
        return 0;
    }

    set = &search->want[e->pcr];

    for (i = 0; i < set->count; i++) {
        if (set->len[i] == e->digest.n
            && memcmp(set->value[i], e->digest.p, e->digest.n) == 0)
        {
            search->found[e->pcr] |= 1u << i;
        }
    }

    return 0;
}


/* Returns the PCRs whose quoted values the log explains. */

static uint32_t
attest_verify_replayed(attest_verify_t *v, const attest_tpm_bank_t *log,
    const attest_tpm_bank_t *quoted, size_t events)
{
    char      good[96], bad[96];
    size_t    i;
    uint32_t  candidates, same = 0, differ = 0;

    candidates = quoted->select & ATTEST_PCRS_BOOT
                 & (log->select | ATTEST_PCRS_FIRMWARE);

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        if ((candidates >> i & 1) == 0) {
            continue;
        }

        if (memcmp(log->value[i], quoted->value[i], quoted->len) == 0) {
            same |= 1u << i;

        } else {
            differ |= 1u << i;
        }
    }

    (void) attest_verify_mask(good, sizeof(good), same);
    (void) attest_verify_mask(bad, sizeof(bad), differ & ~ATTEST_PCRS_LATE);

    if (differ & ~ATTEST_PCRS_LATE) {
        attest_verify_add(v, "event-log", ATTEST_CHECK_FAIL,
                          "replaying the boot log's %zu events does not give "
                          "the quoted values of PCR %s", events, bad);

    } else if (same == 0) {
        attest_verify_add(v, "event-log", v->policy->require_eventlog
                          ? ATTEST_CHECK_FAIL : ATTEST_CHECK_NOTE,
                          "the boot log explains none of the quoted PCRs");

    } else {
        attest_verify_add(v, "event-log", ATTEST_CHECK_PASS,
                          "replaying the boot log's %zu events gives the "
                          "quoted values of PCR %s%s", events, good,
                          differ ? "; PCRs that change after boot left aside"
                                 : "");
    }

    return same;
}


static void
attest_verify_events(attest_verify_t *v, const attest_event_search_t *search,
    uint32_t replayed)
{
    char    hex[ATTEST_ABBREV];
    size_t  i, k, count;

    count = attest_verify_set_count(v->policy->events);
    if (count == 0) {
        return;
    }

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        const attest_refset_t  *set = &v->policy->events[i];

        if (set->count != 0 && (replayed >> i & 1) == 0) {
            attest_verify_add(v, "event-reference", ATTEST_CHECK_FAIL,
                              "the policy names events of PCR %zu, whose "
                              "quoted value the log does not explain", i);
            return;
        }

        for (k = 0; k < set->count; k++) {
            if ((search->found[i] >> k & 1) == 0) {
                attest_verify_add(v, "event-reference", ATTEST_CHECK_FAIL,
                                  "the boot log has no event %s for PCR %zu, "
                                  "which the policy wants",
                                  attest_verify_hex(hex, set->value[k],
                                                    set->len[k]), i);
                return;
            }
        }
    }

    attest_verify_add(v, "event-reference", ATTEST_CHECK_PASS,
                      "the boot log contains every event that the policy "
                      "wants (%zu)", count);
}


static void
attest_verify_imalog(attest_verify_t *v)
{
    int                       wrong;
    const attest_part_t      *part;
    const attest_cmw_item_t  *item;
    const attest_tpm_bank_t  *bank;

    part = attest_verify_log_part(v, ATTEST_ITEM_IMALOG);
    if (part == NULL) {
        return;
    }

    bank = attest_verify_bank(v, part);
    item = attest_verify_item(part, ATTEST_ITEM_IMALOG, ATTEST_TYPE_IMALOG,
                              &wrong);

    if (item == NULL || !part->proven || bank == NULL) {
        attest_verify_add(v, "ima-log", ATTEST_CHECK_FAIL,
                          "the IMA log is %s", item == NULL
                          ? "of a foreign media type"
                          : "about no proven quote");
        return;
    }

    if ((bank->select >> ATTEST_PCR_IMA & 1) == 0) {
        attest_verify_add(v, "ima-log", ATTEST_CHECK_NOTE,
                          "not evaluated: the quote does not cover PCR 10");
        return;
    }

    attest_verify_ima_replay(v, item, bank);
}


/* IMA's log grows while it is read: the quote may cover a prefix of it. */

static void
attest_verify_ima_replay(attest_verify_t *v, const attest_cmw_item_t *item,
    const attest_tpm_bank_t *bank)
{
    int             rc;
    size_t          entries = 0, boundary = 0;
    uint8_t         value[64], zero[64] = { 0 };
    const uint8_t  *quoted = bank->value[ATTEST_PCR_IMA];

    rc = attest_imalog_replay(item->value.p, item->value.n, bank->alg, quoted,
                              bank->len, value, &entries, &boundary);

    if (rc == ATTEST_OK && boundary == 0
        && memcmp(quoted, zero, bank->len) != 0)
    {
        rc = ATTEST_EMISMATCH;
    }

    if (rc != ATTEST_OK) {
        attest_verify_add(v, "ima-log", ATTEST_CHECK_FAIL,
                          "the IMA log of %zu entries does not give the "
                          "quoted value of PCR 10: %s", entries,
                          attest_strerror(rc));
        return;
    }

    attest_verify_add(v, "ima-log", ATTEST_CHECK_PASS,
                      "the first %zu of %zu entries of the IMA log give the "
                      "quoted value of PCR 10", boundary, entries);
}
