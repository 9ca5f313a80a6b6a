
/*
 * Evidence sources behind one interface.  Providers block: they run in the
 * master before the fork or in the one thread that collects evidence, never
 * in the event loop.  One provider object is used by one thread at a time;
 * across processes the caller holds a lock (a raw TPM has one user).
 */


#ifndef ATTEST_PROVIDER_H_INCLUDED
#define ATTEST_PROVIDER_H_INCLUDED


#include "attest_core.h"


typedef struct {
    const char     *item;                 /* ATTEST_ITEM_TPM */
    const char     *type;                 /* ATTEST_TYPE_TPM */
    uint8_t        *data;                 /* malloc()ed by the provider */
    size_t          len;
} attest_evidence_item_t;

#define ATTEST_EVIDENCE_MAX    8

typedef struct {
    attest_evidence_item_t   items[ATTEST_EVIDENCE_MAX];
    size_t                   count;       /* items, logs last */
    char                     root[16];    /* root of trust label */
    char                     error[256];  /* what went wrong, for the log */
} attest_evidence_t;

typedef struct attest_provider_s  attest_provider_t;

struct attest_provider_s {
    const char  *name;
    void        *data;

    /*
     * Evidence over these claims (exact bytes).  want_logs: event logs too.
     * timeout_ms bounds the whole call.  0 or ATTEST_E*; error says why.
     */
    int        (*collect)(attest_provider_t *p, const uint8_t *claims,
                   size_t len, int want_logs, unsigned timeout_ms,
                   attest_evidence_t *ev);

    /*
     * Credential activation: recovers the secret of a credential made for
     * this provider's EK and AK and returns HMAC-SHA-256(secret, msg): the
     * secret itself never leaves the provider.  ATTEST_ECRYPTO: the TPM
     * refused the credential.  NULL: not supported.
     */
    int        (*activate)(attest_provider_t *p, const uint8_t *cred,
                   size_t cred_len, const uint8_t *enc, size_t enc_len,
                   const uint8_t *msg, size_t msg_len, unsigned timeout_ms,
                   uint8_t proof[32], char error[256]);

    void       (*destroy)(attest_provider_t *p);
};

/* Frees the items; root and error stay. */
void attest_evidence_clear(attest_evidence_t *ev);

/* Adds a copy.  ATTEST_ELIMIT: ATTEST_EVIDENCE_MAX items are there. */
int attest_evidence_add(attest_evidence_t *ev, const char *item,
    const char *type, const uint8_t *data, size_t len);


/* TPM 2.0, by ESAPI. */

typedef struct {
    const char  *tcti;             /* "device:/dev/tpmrm0", "swtpm:..." */
    uint16_t     bank;             /* ATTEST_TPM_ALG_SHA256, ... */
    uint32_t     select;           /* bit i: PCR i */
    int          rsa;              /* key type: 0 ECC P-256, 1 RSA-2048 */
    uint32_t     ak_handle;        /* persistent AK, 0: make one */
    uint32_t     ak_template;      /* NV index of a template, 0: ours */
    const char  *eventlog;         /* path or NULL */
    const char  *imalog;           /* path or NULL */
} attest_tpm_conf_t;

/*
 * No TPM is touched here; the strings are copied.  NULL: out of memory.
 * May be called in the master, inherited by fork and used in a worker: the
 * provider opens and closes the TPM within each call.
 */
attest_provider_t *attest_tpm_provider(const attest_tpm_conf_t *conf);

/* Syntax of a TCTI string; err gets a message. For configuration checks. */
int attest_tpm_tcti_check(const char *tcti, char *err, size_t err_len);

/*
 * tpm2-tss writes its errors to stderr unless TSS2_LOG says otherwise, and
 * our callers get them in error[] already.  Sets TSS2_LOG when it is unset:
 * to be called while the process has one thread, at configuration time, and
 * again in each process whose environment was replaced (nginx workers).
 */
void attest_tpm_quiet(void);


#endif /* ATTEST_PROVIDER_H_INCLUDED */
