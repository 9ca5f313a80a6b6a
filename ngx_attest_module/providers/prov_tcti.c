/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The TCTI that tpm2-tss sees, whatever the transport.
 */


#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "core/base/attest_wire.h"
#include "core/base/attest_core.h"
#include "providers/prov_tcti.h"
#include "providers/prov_tcti_conf.h"
#include "providers/prov_tcti_swtpm.h"


#define ATTEST_TCTI_MAGIC      0x6e67786174746573ULL
#define ATTEST_TCTI_PAUSE_MIN  2        /* ms, before a busy TPM is asked */
#define ATTEST_TCTI_PAUSE_MAX  100


static TSS2_RC prov_tcti_transmit(TSS2_TCTI_CONTEXT *tcti, size_t size,
    const uint8_t *command);
static TSS2_RC prov_tcti_receive(TSS2_TCTI_CONTEXT *tcti, size_t *size,
    uint8_t *response, int32_t timeout);
static void prov_tcti_finalize(TSS2_TCTI_CONTEXT *tcti);
static TSS2_RC prov_tcti_cancel(TSS2_TCTI_CONTEXT *tcti);
static TSS2_RC prov_tcti_poll_handles(TSS2_TCTI_CONTEXT *tcti,
    TSS2_TCTI_POLL_HANDLE *handles, size_t *count);
static TSS2_RC prov_tcti_locality(TSS2_TCTI_CONTEXT *tcti,
    uint8_t locality);
static TSS2_RC prov_tcti_send(prov_tcti_t *t);
static TSS2_RC prov_tcti_recv(prov_tcti_t *t, uint8_t *p, size_t *len);
static TSS2_RC prov_tcti_check(prov_tcti_t *t, const uint8_t *p,
    size_t len);
static bool prov_tcti_busy(const uint8_t *p);


int
prov_tcti_open(prov_tcti_t *t, const char *tcti, int64_t deadline)
{
    TSS2_RC  rc;

    memset(t, 0, sizeof(*t));

    t->v1.magic = ATTEST_TCTI_MAGIC;
    t->v1.version = 1;
    t->v1.transmit = prov_tcti_transmit;
    t->v1.receive = prov_tcti_receive;
    t->v1.finalize = prov_tcti_finalize;
    t->v1.cancel = prov_tcti_cancel;
    t->v1.getPollHandles = prov_tcti_poll_handles;
    t->v1.setLocality = prov_tcti_locality;

    t->deadline = deadline;
    t->fd = -1;

    if (prov_tcti_is_swtpm(tcti)) {
        return prov_tcti_swtpm_connect(t, tcti + 6);
    }

    rc = Tss2_TctiLdr_Initialize(tcti, &t->inner);
    if (rc != TSS2_RC_SUCCESS) {
        t->inner = NULL;
        (void) prov_tcti_break(t, "cannot open \"%.48s\": %s", tcti,
                               Tss2_RC_Decode(rc));
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


void
prov_tcti_wipe(prov_tcti_t *t)
{
    if (t->answer != NULL) {
        OPENSSL_cleanse(t->answer, t->answer_len);
        t->answer = NULL;
    }
}


static TSS2_RC
prov_tcti_transmit(TSS2_TCTI_CONTEXT *tcti, size_t size,
    const uint8_t *command)
{
    prov_tcti_t    *t = (prov_tcti_t *) tcti;

    if (t->broken) {
        return TSS2_TCTI_RC_IO_ERROR;
    }

    if (size > sizeof(t->command)) {
        return TSS2_TCTI_RC_BAD_VALUE;
    }

    if (prov_tcti_left(t) == 0) {
        return prov_tcti_break(t, "the time limit is over");
    }

    /* kept for a TPM that is busy and wants to hear it again */
    memcpy(t->command, command, size);
    t->command_len = size;

    return prov_tcti_send(t);
}


/*
 * Ignores `timeout`: callers are synchronous, and the deadline of the whole
 * call is what counts.
 */

static TSS2_RC
prov_tcti_receive(TSS2_TCTI_CONTEXT *tcti, size_t *size, uint8_t *response,
    int32_t timeout)
{
    int             pause;
    size_t          len;
    TSS2_RC         rc;
    prov_tcti_t    *t = (prov_tcti_t *) tcti;

    (void) timeout;

    if (response == NULL) {
        *size = ATTEST_TCTI_MAX;
        return TSS2_RC_SUCCESS;
    }

    for (pause = ATTEST_TCTI_PAUSE_MIN; ; pause *= 2) {

        if (t->broken) {
            return TSS2_TCTI_RC_IO_ERROR;
        }

        len = *size > ATTEST_TCTI_MAX ? ATTEST_TCTI_MAX : *size;

        rc = prov_tcti_recv(t, response, &len);
        if (rc == TSS2_RC_SUCCESS) {
            rc = prov_tcti_check(t, response, len);
        }

        if (rc != TSS2_RC_SUCCESS) {
            return rc;
        }

        if (!prov_tcti_busy(response)) {
            break;
        }

        pause = pause < ATTEST_TCTI_PAUSE_MAX ? pause : ATTEST_TCTI_PAUSE_MAX;

        if (prov_tcti_left(t) <= pause) {
            return prov_tcti_break(t, "the TPM is busy until the time limit"
                                   " is over");
        }

        (void) usleep((useconds_t) pause * 1000);

        rc = prov_tcti_send(t);
        if (rc != TSS2_RC_SUCCESS) {
            return rc;
        }
    }

    t->answer = response;
    t->answer_len = len;
    *size = len;

    return TSS2_RC_SUCCESS;
}


static void
prov_tcti_finalize(TSS2_TCTI_CONTEXT *tcti)
{
    prov_tcti_t    *t = (prov_tcti_t *) tcti;

    if (t->fd != -1) {
        (void) close(t->fd);
        t->fd = -1;
    }

    if (t->inner != NULL) {
        Tss2_TctiLdr_Finalize(&t->inner);
        t->inner = NULL;
    }

    t->broken = 1;
    t->answer = NULL;
    OPENSSL_cleanse(t->command, sizeof(t->command));
}


static TSS2_RC
prov_tcti_cancel(TSS2_TCTI_CONTEXT *tcti)
{
    prov_tcti_t    *t = (prov_tcti_t *) tcti;

    if (t->inner == NULL) {
        return TSS2_TCTI_RC_NOT_IMPLEMENTED;
    }

    return Tss2_Tcti_Cancel(t->inner);
}


static TSS2_RC
prov_tcti_poll_handles(TSS2_TCTI_CONTEXT *tcti,
    TSS2_TCTI_POLL_HANDLE *handles, size_t *count)
{
    (void) tcti;
    (void) handles;
    (void) count;

    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}


static TSS2_RC
prov_tcti_locality(TSS2_TCTI_CONTEXT *tcti, uint8_t locality)
{
    (void) tcti;
    (void) locality;

    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}


static TSS2_RC
prov_tcti_send(prov_tcti_t *t)
{
    TSS2_RC  rc;

    if (t->inner == NULL) {
        return prov_tcti_swtpm_send(t);
    }

    rc = Tss2_Tcti_Transmit(t->inner, t->command_len, t->command);
    if (rc != TSS2_RC_SUCCESS) {
        return prov_tcti_break(t, "sending to the TPM failed: %.80s",
                               Tss2_RC_Decode(rc));
    }

    return TSS2_RC_SUCCESS;
}


/*
 * The stock device TCTI honours a timeout, others block regardless or
 * refuse it: a hung driver is bounded by the kernel's own limits.
 */

static TSS2_RC
prov_tcti_recv(prov_tcti_t *t, uint8_t *p, size_t *len)
{
    int      left;
    size_t   room = *len;
    TSS2_RC  rc;

    if (t->inner == NULL) {
        return prov_tcti_swtpm_recv(t, p, len);
    }

    for ( ;; ) {
        left = prov_tcti_left(t);
        if (left == 0) {
            return prov_tcti_break(t, "no answer of the TPM within the"
                                   " time limit");
        }

        *len = room;
        rc = Tss2_Tcti_Receive(t->inner, len, p, left);

        if (rc == TSS2_TCTI_RC_BAD_VALUE || rc == TSS2_TCTI_RC_NOT_IMPLEMENTED)
        {
            *len = room;
            rc = Tss2_Tcti_Receive(t->inner, len, p, TSS2_TCTI_TIMEOUT_BLOCK);
        }

        if (rc == TSS2_RC_SUCCESS) {
            return rc;
        }

        if (rc != TSS2_TCTI_RC_TRY_AGAIN) {
            return prov_tcti_break(t, "receiving from the TPM failed: %.80s",
                                   Tss2_RC_Decode(rc));
        }
    }
}


/* Part 1, section 16.1: tag, responseSize, responseCode. */

static TSS2_RC
prov_tcti_check(prov_tcti_t *t, const uint8_t *p, size_t len)
{
    size_t    size;
    unsigned  tag;

    if (len < ATTEST_TCTI_HEADER) {
        return prov_tcti_break(t, "malformed answer of the TPM: %zu bytes",
                               len);
    }

    tag = attest_wire_get_be16(p);
    size = attest_wire_get_be32(p + 2);

    if (tag != TPM2_ST_RSP_COMMAND && tag != TPM2_ST_NO_SESSIONS
        && tag != TPM2_ST_SESSIONS)
    {
        return prov_tcti_break(t, "malformed answer of the TPM: tag %04x",
                               tag);
    }

    if (size != len) {
        return prov_tcti_break(t, "malformed answer of the TPM: %zu bytes"
                               " instead of %zu", len, size);
    }

    return TSS2_RC_SUCCESS;
}


/*
 * Does it ask for the same command again?  The TPM's state did not change then.
 */

static bool
prov_tcti_busy(const uint8_t *p)
{
    uint32_t  rc;

    rc = attest_wire_get_be32(p + 6);

    return rc == TPM2_RC_RETRY || rc == TPM2_RC_YIELDED
           || rc == TPM2_RC_TESTING;
}
