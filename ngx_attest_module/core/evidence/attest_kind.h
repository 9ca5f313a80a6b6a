/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one list of what evidence there is: the items that a collection may
 * carry, and the kinds of evidence that come in them.  A new kind begins
 * here; docs/architecture.md has the recipe.  What is known of a kind further
 * up stands in one table of each room, by attest_kind_e or attest_item_e:
 * attest_policy_kinds.c, attest_verify_kinds.c, cli_kinds.c, cli_items.c.
 */


#ifndef ATTEST_KIND_H_INCLUDED
#define ATTEST_KIND_H_INCLUDED


#include "core/base/attest_core.h"


/* Labels and media types of the items. */
#define ATTEST_ITEM_CLAIMS      "claims"
#define ATTEST_TYPE_CLAIMS      "application/vnd.ngx-attest.claims+cbor"
#define ATTEST_ITEM_TPM         "tpm"
#define ATTEST_TYPE_TPM         "application/vnd.ngx-attest.tpm+cbor"
#define ATTEST_ITEM_HPKE_KEYS   "hpke-keys"
#define ATTEST_TYPE_HPKE_KEYS   "application/ohttp-keys"
#define ATTEST_ITEM_CONFIG      "config"
#define ATTEST_TYPE_CONFIG      "application/vnd.ngx-attest.config-record"
#define ATTEST_ITEM_EVENTLOG    "eventlog"
#define ATTEST_TYPE_EVENTLOG    "application/vnd.ngx-attest.tcg-eventlog"
#define ATTEST_ITEM_IMALOG      "imalog"
#define ATTEST_TYPE_IMALOG      "application/vnd.ngx-attest.ima-log"
/* configfs-tsm: a CBOR map of outblob and what came with it */
#define ATTEST_ITEM_TSM         "tsm-report"
#define ATTEST_TYPE_TSM         "application/vnd.veraison.tsm-report+cbor"
/* Azure: a CBOR map of the paravisor's report and who vouches for it */
#define ATTEST_ITEM_AZURE       "azure-hcl"
#define ATTEST_TYPE_AZURE       "application/vnd.ngx-attest.azure-hcl+cbor"
/* AWS Nitro Enclaves: the COSE_Sign1 document */
#define ATTEST_ITEM_NITRO       "nitro"
#define ATTEST_TYPE_NITRO       "application/aws-nitro-document"
/* [{arch, certificate, evidence, nonce}, ...], at the endpoint only */
#define ATTEST_ITEM_GPU         "gpu"
#define ATTEST_TYPE_GPU                                                       \
    "application/vnd.veraison.nvidia-gpu-evidence+json"
/* the cloud's certificate for the TPM's attestation key, DER */
#define ATTEST_ITEM_AK_CERT     "ak-cert"
#define ATTEST_TYPE_AK_CERT     "application/pkix-cert"
/* the ACPI CCEL table's log, which explains RTMRs */
#define ATTEST_ITEM_CCEL        "ccel"
#define ATTEST_TYPE_CCEL        "application/vnd.ngx-attest.ccel"
/* the label of the root of trust, as the gateway sees it */
#define ATTEST_ITEM_ROOT        "root-of-trust"
#define ATTEST_TYPE_ROOT        "text/plain"
/* one line for each log that did not fit: "LABEL has more than ..." */
#define ATTEST_ITEM_LEFT_OUT    "left-out"
#define ATTEST_TYPE_LEFT_OUT    "application/vnd.ngx-attest.left-out"


/* What an item is. */
#define ATTEST_IS_CPU           0x01   /* of the CPU, or of what stands for
                                          it: a TPM quote hashes it, and a
                                          collection has at most one */
#define ATTEST_IS_LARGE         0x02   /* too large for a certificate: only
                                          the endpoint has it */
#define ATTEST_IS_LOG           0x04   /* grows, and is left out when there
                                          is no room: in this order */

/* Name of the constants, what it is, and in words for people. */
#define ATTEST_ITEM_LIST(item)                                                \
    item(CLAIMS, 0,                                                           \
         "the statement that the hardware signs: the hashes below, and "      \
         "how long they hold")                                                \
    item(TPM, 0,                                                              \
         "a quote: a TPM signs what was started on this machine")             \
    item(TSM, ATTEST_IS_CPU,                                                  \
         "a report of the processor (AMD SEV-SNP or Intel TDX) about "        \
         "the memory image of this confidential machine")                     \
    item(AZURE, ATTEST_IS_CPU,                                                \
         "a report of Azure's confidential machine, which vouches for "       \
         "its virtual TPM")                                                   \
    item(NITRO, ATTEST_IS_CPU,                                                \
         "a document of the AWS Nitro hypervisor about this enclave")         \
    item(GPU, ATTEST_IS_LARGE,                                                \
         "reports of the NVIDIA GPUs and switches")                           \
    item(AK_CERT, 0,                                                          \
         "the cloud's certificate for the key of the TPM")                    \
    item(HPKE_KEYS, 0,                                                        \
         "the keys that prompts are sealed to")                               \
    item(CONFIG, ATTEST_IS_LARGE,                                             \
         "the configuration record: the hash of every file that nginx "       \
         "was started with")                                                  \
    item(IMALOG, ATTEST_IS_LARGE | ATTEST_IS_LOG,                             \
         "the log of files that were run, kept by the kernel")                \
    item(CCEL, ATTEST_IS_LARGE | ATTEST_IS_LOG,                               \
         "the log of what was started, kept by the firmware (TDX)")           \
    item(EVENTLOG, ATTEST_IS_LARGE | ATTEST_IS_LOG,                           \
         "the log of what was started, kept by the firmware")                 \
    item(ROOT, 0,                                                             \
         "what the gateway says that its evidence is worth")                  \
    item(LEFT_OUT, 0,                                                         \
         "which logs were too long to be sent")

#define ATTEST_ITEM_ENUM(name, is, about)  ATTEST_ID_##name,

typedef enum {
    ATTEST_ITEM_LIST(ATTEST_ITEM_ENUM)
    ATTEST_ITEMS
} attest_item_e;

typedef struct {
    const char     *label;
    const char     *type;          /* media type */
    unsigned        is;            /* ATTEST_IS_.. */
    const char     *about;         /* what it is, for people */
} attest_item_t;

extern const attest_item_t  attest_items[ATTEST_ITEMS];

/* ATTEST_ITEMS: this version knows none. */
attest_item_e attest_kind_item_by_label(attest_span_t label);
attest_item_e attest_kind_item_by_type(attest_span_t type);
/* ATTEST_IS_.. of the item of this label; 0 when it is not known. */
unsigned attest_kind_item_is(attest_span_t label);


/* How a kind of evidence is tied to the claims. */
#define ATTEST_KIND_SIGNS       0x01   /* a CPU that signs them */
#define ATTEST_KIND_VOUCHES     0x02   /* a CPU that vouches for the key of a
                                          TPM, whose quote signs them */

/*
 * Name of the constants, the item that it comes in, the driver of a
 * tsm-report, its name for people, how it is tied to the claims.
 */
#define ATTEST_KIND_LIST(kind)                                                \
    kind(NONE, TPM, NULL, "a TPM", 0)            /* alone, without a CPU */   \
    kind(AK_CERT, AK_CERT, NULL, "a cloud", 0)   /* which certifies an AK */  \
    kind(SNP, TSM, "sev_guest", "SEV-SNP", ATTEST_KIND_SIGNS)                 \
    kind(TDX, TSM, "tdx_guest", "TDX", ATTEST_KIND_SIGNS)                     \
    kind(AZURE, AZURE, NULL, "Azure", ATTEST_KIND_VOUCHES)                    \
    kind(NITRO, NITRO, NULL, "Nitro", ATTEST_KIND_SIGNS)                      \
    kind(GPU, GPU, NULL, "GPUs", 0)

#define ATTEST_KIND_ENUM(name, item, driver, text, ties)  ATTEST_KIND_##name,

typedef enum {
    ATTEST_KIND_LIST(ATTEST_KIND_ENUM)
    ATTEST_KINDS,
    ATTEST_KIND_UNKNOWN = ATTEST_KINDS   /* an item is there, its kind is not
                                            one that this version checks */
} attest_kind_e;

typedef struct {
    attest_item_e   item;
    const char     *driver;        /* NULL: it has an item of its own */
    const char     *text;
    unsigned        ties;          /* ATTEST_KIND_SIGNS, .. */
} attest_kind_t;

extern const attest_kind_t  attest_kinds[ATTEST_KINDS];

/* ATTEST_KIND_UNKNOWN: this version knows none. */
attest_kind_e attest_kind_by_item(attest_item_e item);
attest_kind_e attest_kind_by_driver(attest_span_t driver);

/* Is it a quote of a TPM's that signs the claims, or the item itself? */
bool attest_kind_is_quoted(attest_kind_e kind);


/* Whose roots the chains of evidence end in (attest_roots_<maker>.c). */

#define ATTEST_MAKER_LIST(maker)                                              \
    maker(AMD, amd)                /* SEV-SNP: ARKs; ASKs, ASVK */            \
    maker(INTEL, intel)            /* SGX and TDX */                          \
    maker(AWS, aws)                /* Nitro Enclaves */                       \
    maker(NVIDIA, nvidia)          /* GPU device identity */                  \
    maker(MICROSOFT, microsoft)    /* Azure virtual TPM */                    \
    maker(GOOGLE, google)          /* GCE virtual TPM */

#define ATTEST_MAKER_ENUM(name, list)  ATTEST_MAKER_##name,

typedef enum {
    ATTEST_MAKER_LIST(ATTEST_MAKER_ENUM)
    ATTEST_MAKERS
} attest_maker_e;


#endif /* ATTEST_KIND_H_INCLUDED */
