/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Evidence sources behind one interface.  Providers block: they run in the
 * master before the fork or in the one thread that collects evidence, never
 * in the event loop.  One provider object is used by one thread at a time;
 * across processes the caller holds a lock (a raw TPM has one user).
 */


#ifndef ATTEST_PROVIDER_H_INCLUDED
#define ATTEST_PROVIDER_H_INCLUDED


#include "core/evidence/attest_claims.h"
#include "core/base/attest_core.h"


typedef struct {
    const char     *item;                 /* ATTEST_ITEM_TPM */
    const char     *type;                 /* ATTEST_TYPE_TPM */
    uint8_t        *data;                 /* malloc()ed by the provider */
    size_t          len;
} prov_evidence_item_t;

#define ATTEST_EVIDENCE_MAX    12

typedef struct {
    prov_evidence_item_t     items[ATTEST_EVIDENCE_MAX];
    size_t                   count;       /* items, large ones last */
    char                     root[16];    /* root of trust label */
    char                     error[256];  /* what went wrong, for the log */
    char                     note[256];   /* what an operator should know,
                                             for the log; usually empty */

    int                      lost;        /* a device of last time is gone */

    /* the claims that were signed, when a provider completed them (GPU) */
    uint8_t                  claims[ATTEST_CLAIMS_MAX];
    size_t                   claims_len;  /* 0: those that were given */
} prov_evidence_t;

typedef struct attest_provider_s  attest_provider_t;

struct attest_provider_s {
    const char  *name;
    void        *data;

    /*
     * Evidence over these claims (exact bytes).  want_logs: event logs too.
     * timeout_ms bounds the whole call.  0 or ATTEST_E*; error says why.
     * Items are added to what *ev has: a TPM hashes the CPU evidence that is
     * there already (prov_evidence_cpu()).
     */
    int        (*collect)(attest_provider_t *p, const uint8_t *claims,
                   size_t len, int want_logs, unsigned timeout_ms,
                   prov_evidence_t *ev);

    /*
     * Credential activation: recovers the secret of a credential made for
     * this provider's EK and AK and returns HMAC-SHA-256(secret, msg): the
     * secret itself never leaves the provider.  ATTEST_ECRYPTO: the TPM
     * refused the credential.  NULL: not supported.
     */
    int        (*activate)(attest_provider_t *p, const uint8_t *cred,
                   size_t cred_len, const uint8_t *enc, size_t enc_len,
                   const uint8_t *msg, size_t msg_len, unsigned timeout_ms,
                   uint8_t proof[ATTEST_SHA256_LEN], char error[256]);

    void       (*destroy)(attest_provider_t *p);
};

/* Frees the items; root and error stay. */
void prov_evidence_clear(prov_evidence_t *ev);

/* Adds a copy.  ATTEST_ELIMIT: ATTEST_EVIDENCE_MAX items are there. */
int prov_evidence_add(prov_evidence_t *ev, const char *item,
    const char *type, const uint8_t *data, size_t len);

/*
 * Moves the items of `from` behind those of ev, and its note; on failure both
 * are empty.
 */
int prov_evidence_move(prov_evidence_t *ev, prov_evidence_t *from);

/* Adds a sentence to the note, unless it is there. */
void prov_evidence_note(prov_evidence_t *ev, const char *note);

/*
 * Instead of a log that has grown too long: an item that says so, and a note
 * for the operator.  why: "has more than 5 bytes".
 */
int prov_evidence_left_out(prov_evidence_t *ev, const char *item,
    const char *why);

/* Leaves out logs, those that grow first, until all takes `room` bytes. */
int prov_evidence_fit(prov_evidence_t *ev, size_t room);

/* Whether there is such an item. */
bool prov_evidence_has(const prov_evidence_t *ev, const char *item);

/*
 * The item that counts as CPU evidence in a TPM's extraData (ATTEST_IS_CPU);
 * an empty span when there is none.
 */
attest_span_t prov_evidence_cpu(const prov_evidence_t *ev);


/*
 * A SEV-SNP or TDX guest through Linux' configfs-tsm.  A directory that is
 * not on configfs, or a report whose certificates do not lead to the maker's
 * root, is labelled "simulated".  The strings are copied.
 */

#define ATTEST_TSM_PATH    "/sys/kernel/config/tsm/report"

typedef struct {
    const char  *path;               /* NULL: ATTEST_TSM_PATH */
    int          privlevel;          /* SNP VMPL 0..3; -1: not set */
    int          svsm;               /* service_provider=svsm */
    const char  *ccel;               /* TDX event log, path or NULL */
    const char  *certs;              /* PEM file of VCEK or VLEK, ASK, ARK
                                        for hosts that give no auxblob */
    unsigned     uid;                /* who collects later on: the workers' */
    unsigned     gid;
} prov_tsm_conf_t;

attest_provider_t *prov_tsm_provider(const prov_tsm_conf_t *conf);


/* An AWS Nitro enclave's security module. */

#define ATTEST_NSM_PATH    "/dev/nsm"

typedef struct {
    const char  *path;               /* NULL: ATTEST_NSM_PATH */
} prov_nitro_conf_t;

attest_provider_t *prov_nitro_provider(const prov_nitro_conf_t *conf);


/*
 * Azure: the paravisor's report out of the virtual TPM's NV, and what vouches
 * for it out of the instance metadata service.  The quote itself comes from
 * the TPM provider, with the AK of handle 0x81000003.
 */

typedef struct {
    const char  *tcti;
    const char  *imds;               /* NULL: "169.254.169.254:80" */
    const char  *certs;              /* PEM file instead of the service */
} prov_azure_conf_t;

attest_provider_t *prov_azure_provider(const prov_azure_conf_t *conf);


/* NVIDIA GPUs and switches in confidential mode, through NVML. */

typedef struct {
    const char  *library;            /* NULL: "libnvidia-ml.so.1" */
    int          required;           /* no GPU: a failure, not a note */
} prov_nvidia_conf_t;

attest_provider_t *prov_nvidia_provider(const prov_nvidia_conf_t *conf);


/*
 * Several in one: GPUs, then the CPU, then the TPM, each of which may be
 * NULL; takes them over and destroys them (not when it returns NULL).
 * Completes the claims by the hash of the GPU evidence.
 */
attest_provider_t *prov_combined_provider(attest_provider_t *gpu,
    attest_provider_t *cpu, attest_provider_t *tpm);


/* TPM 2.0, by ESAPI. */

typedef struct {
    const char  *tcti;             /* "device:/dev/tpmrm0", "swtpm:..." */
    uint16_t     bank;             /* ATTEST_TPM_ALG_SHA256, ... */
    uint32_t     select;           /* bit i: PCR i */
    int          rsa;              /* key type: 0 ECC P-256, 1 RSA-2048 */
    uint32_t     ak_handle;        /* persistent AK, 0: make one */
    uint32_t     ak_template;      /* NV index of a template, 0: ours */
    uint32_t     ak_cert;          /* NV index of the AK's certificate, 0 */
    const char  *eventlog;         /* path or NULL */
    const char  *imalog;           /* path or NULL */
} prov_tpm_conf_t;

/*
 * No TPM is touched here; the strings are copied.  NULL: out of memory.
 * May be called in the master, inherited by fork and used in a worker: the
 * provider opens and closes the TPM within each call.
 */
attest_provider_t *prov_tpm_provider(const prov_tpm_conf_t *conf);

/*
 * Whether the quote in ev is one over these claims and the CPU evidence beside
 * it, by the key that is there: ATTEST_OK or ATTEST_E*.  Without a quote there
 * must be CPU evidence.
 */
int prov_tpm_check(const prov_evidence_t *ev, const uint8_t *claims,
    size_t len);

/* Syntax of a TCTI string; err gets a message. For configuration checks. */
int prov_tcti_conf_check(const char *tcti, char *err, size_t err_len);

/*
 * tpm2-tss writes its errors to stderr unless TSS2_LOG says otherwise, and
 * our callers get them in error[] already.  Sets TSS2_LOG when it is unset:
 * to be called while the process has one thread, at configuration time, and
 * again in each process whose environment was replaced (nginx workers).
 */
void prov_tpm_quiet(void);


#endif /* ATTEST_PROVIDER_H_INCLUDED */
