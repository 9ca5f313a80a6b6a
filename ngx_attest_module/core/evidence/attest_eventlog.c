/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Replays the event log of the firmware, and finds what it measured.
 */


#include <string.h>

#include <openssl/evp.h>

#include "core/evidence/attest_eventlog.h"
#include "core/evidence/attest_tpm_alg.h"
#include "core/base/attest_wire.h"


/*
 * TCG PC Client Platform Firmware Profile, section 10 (little-endian).  The
 * same format carries Intel TDX's log (CCEL), where "PCR" is an MR index.
 */

#define ATTEST_LOG_MAX_ALGS       8
#define ATTEST_LOG_NO_ACTION      3
#define ATTEST_LOG_SPEC_ID        "Spec ID Event03"
#define ATTEST_LOG_LOCALITY       "StartupLocality"


typedef struct {
    attest_wire_t        w;
    struct {
        uint16_t         alg;
        uint16_t         len;
    }                    algs[ATTEST_LOG_MAX_ALGS];
    size_t               nalgs;
    const EVP_MD        *md;
    EVP_MD_CTX          *mdctx;
    attest_tpm_bank_t   *bank;
    attest_event_pt      visit;
    void                *ctx;
    int                  started;            /* StartupLocality was seen */
} attest_log_t;

typedef struct {
    uint32_t             type;
    const char          *name;
} attest_log_type_t;


static int attest_eventlog_walk(attest_log_t *log);
static void attest_eventlog_old_event(attest_wire_t *w, attest_event_t *e);
static int attest_eventlog_spec_id(attest_log_t *log);
static bool attest_eventlog_is_old(const attest_log_t *log);
static int attest_eventlog_algs(attest_log_t *log, attest_span_t data);
static int attest_eventlog_alg(attest_log_t *log, attest_wire_t *w);
static int attest_eventlog_alg_index(const attest_log_t *log, uint16_t alg);
static bool attest_eventlog_is_padding(const attest_log_t *log);
static int attest_eventlog_event(attest_log_t *log, attest_event_t *e);
static int attest_eventlog_digests(attest_log_t *log, attest_span_t *digest);
static int attest_eventlog_apply(attest_log_t *log, const attest_event_t *e);
static int attest_eventlog_locality(attest_log_t *log, const attest_event_t *e);
static int attest_eventlog_extend(attest_log_t *log, const attest_event_t *e);


static const attest_log_type_t  attest_log_types[] = {
    { 0x00000000, "EV_PREBOOT_CERT" },
    { 0x00000001, "EV_POST_CODE" },
    { 0x00000003, "EV_NO_ACTION" },
    { 0x00000004, "EV_SEPARATOR" },
    { 0x00000005, "EV_ACTION" },
    { 0x00000006, "EV_EVENT_TAG" },
    { 0x00000007, "EV_S_CRTM_CONTENTS" },
    { 0x00000008, "EV_S_CRTM_VERSION" },
    { 0x00000009, "EV_CPU_MICROCODE" },
    { 0x0000000a, "EV_PLATFORM_CONFIG_FLAGS" },
    { 0x0000000b, "EV_TABLE_OF_DEVICES" },
    { 0x0000000c, "EV_COMPACT_HASH" },
    { 0x0000000d, "EV_IPL" },
    { 0x0000000e, "EV_IPL_PARTITION_DATA" },
    { 0x0000000f, "EV_NONHOST_CODE" },
    { 0x00000010, "EV_NONHOST_CONFIG" },
    { 0x00000011, "EV_NONHOST_INFO" },
    { 0x00000012, "EV_OMIT_BOOT_DEVICE_EVENTS" },
    { 0x00000013, "EV_POST_CODE2" },
    { 0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG" },
    { 0x80000002, "EV_EFI_VARIABLE_BOOT" },
    { 0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION" },
    { 0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER" },
    { 0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER" },
    { 0x80000006, "EV_EFI_GPT_EVENT" },
    { 0x80000007, "EV_EFI_ACTION" },
    { 0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB" },
    { 0x80000009, "EV_EFI_HANDOFF_TABLES" },
    { 0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2" },
    { 0x8000000b, "EV_EFI_HANDOFF_TABLES2" },
    { 0x8000000c, "EV_EFI_VARIABLE_BOOT2" },
    { 0x8000000d, "EV_EFI_GPT_EVENT2" },
    { 0x80000010, "EV_EFI_HCRTM_EVENT" },
    { 0x800000e0, "EV_EFI_VARIABLE_AUTHORITY" },
    { 0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB" },
    { 0x800000e2, "EV_EFI_SPDM_FIRMWARE_CONFIG" },
    { 0x800000e3, "EV_EFI_SPDM_DEVICE_POLICY" },
    { 0x800000e4, "EV_EFI_SPDM_DEVICE_AUTHORITY" }
};


const char *
attest_eventlog_type_name(uint32_t type)
{
    size_t  i;

    for (i = 0;
         i < sizeof(attest_log_types) / sizeof(attest_log_types[0]);
         i++)
    {
        if (attest_log_types[i].type == type) {
            return attest_log_types[i].name;
        }
    }

    return "unknown";
}


int
attest_eventlog_replay(const uint8_t *p, size_t n, uint16_t alg,
    attest_tpm_bank_t *bank, attest_event_pt visit, void *ctx)
{
    int           rc;
    attest_log_t  log;

    memset(bank, 0, sizeof(attest_tpm_bank_t));

    if (n > ATTEST_MAX_LOG) {
        return ATTEST_ELIMIT;
    }

    memset(&log, 0, sizeof(attest_log_t));
    attest_wire_init(&log.w, p, n);
    log.bank = bank;
    log.visit = visit;
    log.ctx = ctx;

    /* a SHA-1 bank can be made to say anything, so it is no evidence */

    log.md = attest_tpm_md(alg);
    if (log.md == NULL) {
        return ATTEST_EUNSUPPORTED;
    }

    log.mdctx = EVP_MD_CTX_new();
    if (log.mdctx == NULL) {
        return ATTEST_EINTERNAL;
    }

    bank->alg = alg;
    bank->len = attest_tpm_alg_len(alg);

    rc = attest_eventlog_walk(&log);
    if (rc != ATTEST_OK) {
        memset(bank, 0, sizeof(attest_tpm_bank_t));
    }

    EVP_MD_CTX_free(log.mdctx);
    return rc;
}


static int
attest_eventlog_walk(attest_log_t *log)
{
    int             rc;
    size_t          count;
    attest_event_t  e;

    if (attest_eventlog_is_old(log)) {
        return ATTEST_EUNSUPPORTED;
    }

    rc = attest_eventlog_spec_id(log);
    if (rc != ATTEST_OK) {
        return rc;
    }

    for (count = 1; log->w.n != 0; count++) {

        if (attest_eventlog_is_padding(log)) {
            return ATTEST_OK;
        }

        if (count >= ATTEST_EVENTLOG_MAX_EVENTS) {
            return ATTEST_ELIMIT;
        }

        rc = attest_eventlog_event(log, &e);
        if (rc != ATTEST_OK) {
            return rc;
        }

        rc = attest_eventlog_apply(log, &e);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


/* TCG_PCClientPCREvent, which has one digest, of SHA-1 */

static void
attest_eventlog_old_event(attest_wire_t *w, attest_event_t *e)
{
    memset(e, 0, sizeof(attest_event_t));

    e->pcr = attest_wire_le32(w);
    e->type = attest_wire_le32(w);
    (void) attest_wire_take(w, ATTEST_SHA1_LEN);
    e->data = attest_wire_take(w, attest_wire_le32(w));
}


/*
 * A whole log of the old form: events as the first one of today's, up to the
 * end, and none that announces today's form.  It is well formed, but has no
 * digest that is worth a comparison.
 */

static bool
attest_eventlog_is_old(const attest_log_t *log)
{
    size_t          extended = 0;
    attest_log_t    at = *log;
    attest_event_t  e;

    while (at.w.n != 0 && !attest_eventlog_is_padding(&at)) {

        attest_eventlog_old_event(&at.w, &e);

        if (at.w.bad
            || (e.data.n >= sizeof(ATTEST_LOG_SPEC_ID)
                && memcmp(e.data.p, ATTEST_LOG_SPEC_ID,
                          sizeof(ATTEST_LOG_SPEC_ID)) == 0))
        {
            return 0;
        }

        if (e.type != ATTEST_LOG_NO_ACTION) {
            if (e.pcr >= ATTEST_TPM_PCRS) {
                return 0;
            }
            extended++;
        }
    }

    return extended != 0;
}


/*
 * The first event: TCG_PCClientPCREvent with TCG_EfiSpecIDEvent in it.  Its
 * PCR is 0 in a TPM's log and 1 in a CCEL, and means nothing.
 */

static int
attest_eventlog_spec_id(attest_log_t *log)
{
    int             rc;
    attest_event_t  e;

    attest_eventlog_old_event(&log->w, &e);

    if (log->w.bad || e.type != ATTEST_LOG_NO_ACTION) {
        return ATTEST_EFORMAT;
    }

    rc = attest_eventlog_algs(log, e.data);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return (log->visit == NULL) ? ATTEST_OK : log->visit(log->ctx, &e);
}


static int
attest_eventlog_algs(attest_log_t *log, attest_span_t data)
{
    uint32_t       count;
    attest_span_t  sig;
    attest_wire_t  w;

    attest_wire_init(&w, data.p, data.n);

    sig = attest_wire_take(&w, sizeof(ATTEST_LOG_SPEC_ID));
    (void) attest_wire_take(&w, 8);          /* class, version, uintnSize */
    count = attest_wire_le32(&w);

    if (w.bad || memcmp(sig.p, ATTEST_LOG_SPEC_ID, sig.n) != 0) {
        return ATTEST_EFORMAT;
    }

    if (count > ATTEST_LOG_MAX_ALGS) {
        return ATTEST_ELIMIT;
    }

    while (count-- > 0) {
        if (attest_eventlog_alg(log, &w) != ATTEST_OK) {
            return ATTEST_EFORMAT;
        }
    }

    (void) attest_wire_take(&w, attest_wire_u8(&w));   /* vendorInfo */

    if (attest_wire_done(&w) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    /* the bank asked for must be one that the log speaks of */

    return attest_eventlog_alg_index(log, log->bank->alg) < 0
           ? ATTEST_EUNSUPPORTED : ATTEST_OK;
}


static int
attest_eventlog_alg(attest_log_t *log, attest_wire_t *w)
{
    size_t    n;
    uint16_t  alg, len;

    alg = attest_wire_le16(w);
    len = attest_wire_le16(w);
    n = attest_tpm_alg_len(alg);

    if (len == 0 || len > ATTEST_TPM_MAX_DIGEST || (n != 0 && n != len)
        || attest_eventlog_alg_index(log, alg) >= 0)
    {
        return ATTEST_EFORMAT;
    }

    log->algs[log->nalgs].alg = alg;
    log->algs[log->nalgs].len = len;
    log->nalgs++;

    return ATTEST_OK;
}


static int
attest_eventlog_alg_index(const attest_log_t *log, uint16_t alg)
{
    size_t  i;

    for (i = 0; i < log->nalgs; i++) {
        if (log->algs[i].alg == alg) {
            return (int) i;
        }
    }

    return -1;
}


/*
 * A log lies in an area that is longer: ff up to the end in an ACPI table
 * (CCEL), zeros in what firmware cleared before it wrote.  No event is made
 * of either: zeros would be one that extends a PCR and has no digest.
 */

static bool
attest_eventlog_is_padding(const attest_log_t *log)
{
    size_t  i;

    for (i = 0; i < log->w.n; i++) {
        if (log->w.p[i] != log->w.p[0]) {
            return 0;
        }
    }

    return log->w.p[0] == 0xff || log->w.p[0] == 0;
}


/* TCG_PCR_EVENT2 */

static int
attest_eventlog_event(attest_log_t *log, attest_event_t *e)
{
    int  rc;

    memset(e, 0, sizeof(attest_event_t));

    e->pcr = attest_wire_le32(&log->w);
    e->type = attest_wire_le32(&log->w);

    rc = attest_eventlog_digests(log, &e->digest);
    if (rc != ATTEST_OK) {
        return rc;
    }

    e->data = attest_wire_take(&log->w, attest_wire_le32(&log->w));
    e->extended = (e->type != ATTEST_LOG_NO_ACTION);

    return log->w.bad ? ATTEST_EFORMAT : ATTEST_OK;
}


/* TPML_DIGEST_VALUES: of the listed banks, each at most once. */

static int
attest_eventlog_digests(attest_log_t *log, attest_span_t *digest)
{
    int            k;
    size_t         i;
    uint32_t       count, seen = 0;
    uint16_t       alg;
    attest_span_t  s;

    count = attest_wire_le32(&log->w);
    if (count > log->nalgs) {
        return ATTEST_EFORMAT;
    }

    for (i = 0; i < count; i++) {
        alg = attest_wire_le16(&log->w);

        k = attest_eventlog_alg_index(log, alg);
        if (k < 0 || (seen >> k & 1)) {
            return ATTEST_EFORMAT;
        }

        seen |= (uint32_t) 1 << k;
        s = attest_wire_take(&log->w, log->algs[k].len);

        if (alg == log->bank->alg) {
            *digest = s;
        }
    }

    return log->w.bad ? ATTEST_EFORMAT : ATTEST_OK;
}


static int
attest_eventlog_apply(attest_log_t *log, const attest_event_t *e)
{
    int  rc;

    if (log->visit != NULL) {
        rc = log->visit(log->ctx, e);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    if (!e->extended) {
        return attest_eventlog_locality(log, e);
    }

    if (e->pcr >= ATTEST_TPM_PCRS || e->digest.n != log->bank->len) {
        return ATTEST_EFORMAT;
    }

    return attest_eventlog_extend(log, e);
}


/*
 * TCG_EfiStartupLocalityEvent: PCR 0 starts with the locality of
 * TPM2_Startup (3), or of an H-CRTM (4), in its last octet.
 */

static int
attest_eventlog_locality(attest_log_t *log, const attest_event_t *e)
{
    uint8_t  locality;

    if (e->data.n != sizeof(ATTEST_LOG_LOCALITY) + 1
        || memcmp(e->data.p, ATTEST_LOG_LOCALITY,
                  sizeof(ATTEST_LOG_LOCALITY)) != 0)
    {
        return ATTEST_OK;
    }

    locality = e->data.p[e->data.n - 1];

    if (e->pcr != 0 || locality > 4 || log->started
        || (log->bank->select & 1))
    {
        return ATTEST_EFORMAT;
    }

    log->started = 1;
    log->bank->value[0][log->bank->len - 1] = locality;

    return ATTEST_OK;
}


static int
attest_eventlog_extend(attest_log_t *log, const attest_event_t *e)
{
    uint8_t  *value = log->bank->value[e->pcr];

    if (EVP_DigestInit_ex(log->mdctx, log->md, NULL) != 1
        || EVP_DigestUpdate(log->mdctx, value, log->bank->len) != 1
        || EVP_DigestUpdate(log->mdctx, e->digest.p, e->digest.n) != 1
        || EVP_DigestFinal_ex(log->mdctx, value, NULL) != 1)
    {
        return ATTEST_EINTERNAL;
    }

    log->bank->select |= (uint32_t) 1 << e->pcr;
    return ATTEST_OK;
}
