/* SPDX-License-Identifier: Apache-2.0 */

/* Input: a TCG event log.  Each event's bytes must lie inside the input. */

#include <stdlib.h>

#include "core/evidence/attest_eventlog.h"


typedef struct {
    const uint8_t  *p;
    size_t          n;
    size_t          events;
} fuzz_log_t;


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int fuzz_visit(void *ctx, const attest_event_t *e);
static void fuzz_inside(const fuzz_log_t *log, attest_span_t s);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t                 i;
    fuzz_log_t             log;
    attest_tpm_bank_t      bank;
    static const uint16_t  algs[] = { ATTEST_TPM_ALG_SHA256,
                                      ATTEST_TPM_ALG_SHA384 };

    for (i = 0; i < 2; i++) {
        log.p = p;
        log.n = n;
        log.events = 0;

        (void) attest_eventlog_replay(p, n, algs[i], &bank, fuzz_visit, &log);

        if (log.events > ATTEST_EVENTLOG_MAX_EVENTS
            || bank.select >> ATTEST_TPM_PCRS != 0)
        {
            abort();
        }
    }

    return 0;
}


static int
fuzz_visit(void *ctx, const attest_event_t *e)
{
    fuzz_log_t  *log = ctx;

    log->events++;
    fuzz_inside(log, e->digest);
    fuzz_inside(log, e->data);

    return attest_eventlog_type_name(e->type) == NULL;
}


static void
fuzz_inside(const fuzz_log_t *log, attest_span_t s)
{
    if (s.n != 0
        && (s.p < log->p || s.n > log->n
            || (size_t) (s.p - log->p) > log->n - s.n))
    {
        abort();
    }
}
