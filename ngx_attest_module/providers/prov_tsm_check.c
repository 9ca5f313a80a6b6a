/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What we check of a report before we hand it out: a broken driver, or
 * somebody else's report, must not pass for evidence of ours.
 */


#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

#include <openssl/evp.h>

#include "core/base/attest_cbor.h"
#include "providers/prov_tsm_internal.h"
#include "core/base/attest_wire.h"


#define ATTEST_TSM_SNP_LEN    1184


static int prov_tsm_wanted(const prov_tsm_call_t *call,
    uint8_t wanted[ATTEST_CLAIMS_REPORT_DATA]);
static int prov_tsm_check_snp(const prov_tsm_call_t *call,
    const uint8_t wanted[ATTEST_CLAIMS_REPORT_DATA], char *error);
static int prov_tsm_check_tdx(const prov_tsm_call_t *call,
    const uint8_t wanted[ATTEST_CLAIMS_REPORT_DATA], char *error);
static int prov_tsm_check_data(attest_span_t data,
    const uint8_t wanted[ATTEST_CLAIMS_REPORT_DATA], char *error);


int
prov_tsm_call_check(const prov_tsm_call_t *call, char *error)
{
    int      rc;
    uint8_t  wanted[ATTEST_CLAIMS_REPORT_DATA];

    rc = prov_tsm_wanted(call, wanted);
    if (rc != ATTEST_OK) {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "SHA-512 failed");
        return rc;
    }

    if (strcmp(call->provider, "sev_guest") == 0) {
        return prov_tsm_check_snp(call, wanted, error);
    }

    if (strcmp(call->provider, "tdx_guest") == 0) {
        return prov_tsm_check_tdx(call, wanted, error);
    }

    snprintf(error, ATTEST_TSM_ERROR_LEN, "configfs-tsm gives reports by"
             " \"%s\", which this version does not know", call->provider);
    return ATTEST_EUNSUPPORTED;
}


/*
 * An SVSM signs SHA-512(inblob || manifest) (SVSM specification, attestation
 * protocol), so that the manifest is bound too.
 */

static int
prov_tsm_wanted(const prov_tsm_call_t *call,
    uint8_t wanted[ATTEST_CLAIMS_REPORT_DATA])
{
    int          ok;
    EVP_MD_CTX  *ctx;

    if (!call->dir->svsm) {
        memcpy(wanted, call->inblob, ATTEST_TSM_INBLOB);
        return ATTEST_OK;
    }

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return ATTEST_EINTERNAL;
    }

    ok = EVP_DigestInit_ex(ctx, EVP_sha512(), NULL) == 1
         && EVP_DigestUpdate(ctx, call->inblob, ATTEST_TSM_INBLOB) == 1
         && EVP_DigestUpdate(ctx, call->manifest.p, call->manifest.n) == 1
         && EVP_DigestFinal_ex(ctx, wanted, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return ok ? ATTEST_OK : ATTEST_EINTERNAL;
}


/* SEV-SNP ABI, ATTESTATION_REPORT: vmpl at 0x30, report_data at 0x50. */

static int
prov_tsm_check_snp(const prov_tsm_call_t *call,
    const uint8_t wanted[ATTEST_CLAIMS_REPORT_DATA], char *error)
{
    int             level;
    uint32_t        vmpl;
    attest_span_t   data;
    attest_wire_t   w;

    if (call->outblob.n != ATTEST_TSM_SNP_LEN) {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "the SEV-SNP report has %zu"
                 " bytes instead of %d", call->outblob.n, ATTEST_TSM_SNP_LEN);
        return ATTEST_EFORMAT;
    }

    attest_wire_init(&w, call->outblob.p, call->outblob.n);
    (void) attest_wire_take(&w, 0x30);
    vmpl = attest_wire_le32(&w);
    (void) attest_wire_take(&w, 0x50 - 0x34);
    data = attest_wire_take(&w, ATTEST_CLAIMS_REPORT_DATA);

    level = call->dir->svsm ? 0 : call->dir->privlevel;

    if (level >= 0 && vmpl != (uint32_t) level) {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "the SEV-SNP report is of VMPL"
                 " %u instead of %d", vmpl, level);
        return ATTEST_EMISMATCH;
    }

    return prov_tsm_check_data(data, wanted, error);
}


/* Intel TDX DCAP quote library, quote versions 4 and 5. */

static int
prov_tsm_check_tdx(const prov_tsm_call_t *call,
    const uint8_t wanted[ATTEST_CLAIMS_REPORT_DATA], char *error)
{
    uint16_t        version, type = 2;
    uint32_t        tee;
    attest_span_t   data;
    attest_wire_t   w;

    attest_wire_init(&w, call->outblob.p, call->outblob.n);
    version = attest_wire_le16(&w);
    (void) attest_wire_take(&w, 2);
    tee = attest_wire_le32(&w);
    (void) attest_wire_take(&w, 40);

    if (version == 5) {
        type = attest_wire_le16(&w);
        (void) attest_wire_take(&w, 4);
    }

    (void) attest_wire_take(&w, 520);
    data = attest_wire_take(&w, ATTEST_CLAIMS_REPORT_DATA);

    if (tee != 0x81 || (version != 4 && version != 5)
        || (type != 2 && type != 3))
    {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "the TDX quote (%zu bytes) is"
                 " of a format that this version does not know",
                 call->outblob.n);
        return ATTEST_EUNSUPPORTED;
    }

    if (w.bad) {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "the TDX quote is truncated");
        return ATTEST_EFORMAT;
    }

    return prov_tsm_check_data(data, wanted, error);
}


static int
prov_tsm_check_data(attest_span_t data,
    const uint8_t wanted[ATTEST_CLAIMS_REPORT_DATA], char *error)
{
    if (data.n != ATTEST_CLAIMS_REPORT_DATA
        || memcmp(data.p, wanted, data.n) != 0) {
        snprintf(error, ATTEST_TSM_ERROR_LEN, "the report is not over what"
                 " was asked for");
        return ATTEST_EMISMATCH;
    }

    return ATTEST_OK;
}


/*
 * The label is what we can know; a verifier decides for itself.  A host that
 * gives no certificates does not make a report less genuine, one that gives
 * wrong ones may.
 */

const char *
prov_tsm_label(const prov_tsm_dir_t *dir, const attest_tsm_t *tsm,
    char *note)
{
    const char     *why;
    struct statfs   fs;

    if (statfs(dir->path, &fs) == -1
        || (unsigned long) fs.f_type != ATTEST_TSM_MAGIC)
    {
        snprintf(note, ATTEST_TSM_ERROR_LEN, "reports are labelled"
                 " \"simulated\": \"%.128s\" is not on configfs", dir->path);
        return "simulated";
    }

    if (tsm->auxblob.n == 0 && attest_span_is(tsm->provider, "sev_guest")) {
        snprintf(note, ATTEST_TSM_ERROR_LEN, "the host gives no certificates"
                 " for the reports' key: verifiers need them from elsewhere");
        return "tee";
    }

    why = prov_tsm_genuine(tsm, (int64_t) time(NULL));
    if (why != NULL) {
        snprintf(note, ATTEST_TSM_ERROR_LEN, "reports are labelled"
                 " \"simulated\": %s", why);
        return "simulated";
    }

    return "tee";
}
