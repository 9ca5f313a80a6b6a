/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The TPM provider's own header: one call on the TPM, and what the provider
 * remembers between calls.
 */


#ifndef PROV_TPM_ESYS_H_INCLUDED
#define PROV_TPM_ESYS_H_INCLUDED


#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>

#include "core/evidence/attest_claims.h"
#include "providers/attest_provider.h"
#include "providers/prov_tcti.h"
#include "core/evidence/attest_tpm.h"


#define ATTEST_TPM_ERROR_LEN  256
#define ATTEST_TPM_NV_MAX     16384     /* an EK certificate is below 4 KiB */


/*
 * A primary key.  Making one costs up to seconds on a discrete TPM, so its
 * context is saved in our memory and loaded the next time; a TPM reset
 * makes the context worthless, and then the key is made again.
 */
typedef struct {
    TPM2B_PUBLIC         pub;           /* size 0: not known yet */
    TPMS_CONTEXT        *saved;
    TPM2_HANDLE          persistent;    /* the TPM keeps it, 0: transient */
} prov_tpm_key_t;


typedef struct {
    prov_tpm_conf_t      conf;          /* strings are our copies */
    int                  eventlog_fd;   /* opened while we were root, or -1 */
    int                  imalog_fd;

    prov_tpm_key_t       ak;
    prov_tpm_key_t       ek;
    int                  ek_known;      /* looked for, maybe in vain */
    int                  ek_ecc;
    uint8_t             *ek_cert;       /* DER, NULL: the TPM has none */
    size_t               ek_cert_len;
    char                 ek_note[224];  /* why there is none, or empty */
} prov_tpm_t;


/* One call: opened and closed within collect() or activate(). */
typedef struct {
    prov_tpm_t          *tpm;
    prov_tcti_t          tcti;
    ESYS_CONTEXT        *esys;
    ESYS_TR              ak;            /* flushed by close when transient */
    ESYS_TR              ek;
    ESYS_TR              session;
    char                *error;         /* ATTEST_TPM_ERROR_LEN */
} prov_tpm_call_t;


/* What the quote consists of, marshalled. */
typedef struct {
    TPM2B_ATTEST         quoted;
    uint8_t              signature[sizeof(TPMT_SIGNATURE)];
    size_t               signature_len;
    attest_tpm_pcrs_t    pcrs;
    attest_tpm_item_t    item;          /* made of it */
} prov_tpm_quoted_t;


typedef struct {
    TPM2B_ID_OBJECT          blob;
    TPM2B_ENCRYPTED_SECRET   seed;
} prov_tpm_credential_t;


/* Formats "COMMAND failed: why" and returns ATTEST_EINTERNAL. */
int prov_tpm_fail(prov_tpm_call_t *c, const char *command, TSS2_RC rc);
/* The same for a command that a hierarchy has to allow: names it. */
int prov_tpm_fail_auth(prov_tpm_call_t *c, const char *command,
    const char *hierarchy, TSS2_RC rc);
int prov_tpm_error(prov_tpm_call_t *c, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Did the TPM itself say no?  Otherwise the transport is in trouble. */
bool prov_tpm_refused(prov_tpm_call_t *c, TSS2_RC rc);

/* Forgets a transient object or session, and sets *tr to ESYS_TR_NONE. */
void prov_tpm_flush(prov_tpm_call_t *c, ESYS_TR *tr);

/* A fixed property; 0 if the TPM does not know it. */
int prov_tpm_property(prov_tpm_call_t *c, TPM2_PT property,
    uint32_t *value);
/* "software" or "host-vtpm"; maker and vendor text. */
int prov_tpm_root(prov_tpm_call_t *c, const prov_tpm_quoted_t *q,
    char root[16], char maker[32]);

/* Loads the AK (c->ak), the EK (c->ek); the EK's public area and its
 * certificate, once. */
int prov_tpm_ak(prov_tpm_call_t *c);
/* Is this the AK that we know, or a key of the templates that we use? */
bool prov_tpm_key_ours(const prov_tpm_t *tpm, const TPM2B_PUBLIC *pub);
int prov_tpm_ek(prov_tpm_call_t *c);
int prov_tpm_ek_info(prov_tpm_call_t *c);
void prov_tpm_key_forget(prov_tpm_key_t *key);
void prov_tpm_ek_forget(prov_tpm_t *tpm);

/* Templates, TCG EK Credential Profile L-1 and L-2 for EKs. */
void prov_tpm_ak_template(TPMT_PUBLIC *pub, int rsa);
void prov_tpm_ek_template(TPMT_PUBLIC *pub, int ecc);

/* malloc()ed contents; *len 0: there is no such index. */
int prov_tpm_nv_read(prov_tpm_call_t *c, TPM2_HANDLE index, size_t max,
    uint8_t **data, size_t *len);
/* Length of the outer SEQUENCE, 0 when it is none. */
size_t prov_tpm_der_len(const uint8_t *p, size_t n);
/*
 * The first certificate in an NV index: bare, or behind the header of TPM 1.2
 * times; more of them or padding may follow.  An empty span: there is none.
 */
attest_span_t prov_tpm_nv_cert(const uint8_t *p, size_t n);

/* A quote over `extra` whose PCR values match it. */
int prov_tpm_quote(prov_tpm_call_t *c,
    const uint8_t extra[ATTEST_SHA256_LEN], prov_tpm_quoted_t *q);

/* The credential's two TPM2B, checked before the TPM hears of them. */
int prov_tpm_credential_parse(const uint8_t *cred, size_t cred_len,
    const uint8_t *enc, size_t enc_len, prov_tpm_credential_t *out);
int prov_tpm_activate(prov_tpm_call_t *c,
    const prov_tpm_credential_t *cred, const uint8_t *msg, size_t msg_len,
    uint8_t proof[ATTEST_SHA256_LEN]);

/* Logs: an open descriptor or -1; added to ev as an item. */
int prov_tpm_log_open(const char *path);
int prov_tpm_log_read(const char *path, int fd, const char *item,
    const char *type, prov_evidence_t *ev);


#endif /* PROV_TPM_ESYS_H_INCLUDED */
