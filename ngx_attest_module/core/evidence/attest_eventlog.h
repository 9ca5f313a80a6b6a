/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Event logs: TCG PC Client boot log (crypto agile) and IMA's binary log,
 * replayed into the PCR values they claim to explain.
 */


#ifndef ATTEST_EVENTLOG_H_INCLUDED
#define ATTEST_EVENTLOG_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/evidence/attest_tpm.h"


#define ATTEST_EVENTLOG_MAX_EVENTS   16384


typedef struct {
    uint32_t        pcr;
    uint32_t        type;
    attest_span_t   digest;        /* of the bank asked for, or empty */
    attest_span_t   data;
    int             extended;      /* 0 for EV_NO_ACTION */
} attest_event_t;

/* Called for each event in order; a non-zero return stops with that code. */
typedef int (*attest_event_pt)(void *ctx, const attest_event_t *e);


/*
 * TCG boot log: walks it, calls `visit` (may be NULL) and replays the bank
 * `alg` into bank->value (bank->select: the PCRs that were extended).  The
 * first event visited is the log's own header, Spec ID Event03.  Padding of
 * ff ends a log (CCEL).  ATTEST_EUNSUPPORTED: SHA-1, or a bank that the log
 * does not carry; on any failure the bank is zero.
 */
int attest_eventlog_replay(const uint8_t *p, size_t n, uint16_t alg,
    attest_tpm_bank_t *bank, attest_event_pt visit, void *ctx);

/* "EV_SEPARATOR" and so on, or "unknown". */
const char *attest_eventlog_type_name(uint32_t type);

/*
 * IMA binary_runtime_measurements (template ima-ng and others: little-endian
 * header pcr u32, template digest SHA-1 20, name, data).  The bank's value
 * is the SHA-256 of the template data for SHA-256 banks (Linux >= 5.x).
 * Violations (all-zero digest) extend all-ff.  *boundary: the number of
 * entries at which `target` (as long as the bank's hash, or NULL) was
 * reached, 0 if never: a log grows while it is read, so a prefix may be what
 * the quote covers.  value: PCR 10 after all of the log; entries of another
 * PCR are counted but not extended.  ATTEST_EUNSUPPORTED: SHA-1.
 */
int attest_imalog_replay(const uint8_t *p, size_t n, uint16_t alg,
    const uint8_t *target, size_t target_len, uint8_t value[ATTEST_MAX_DIGEST],
    size_t *entries, size_t *boundary);


#endif /* ATTEST_EVENTLOG_H_INCLUDED */
