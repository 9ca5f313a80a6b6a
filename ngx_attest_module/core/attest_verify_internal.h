
/*
 * Shared by the files of the appraisal: one state for one verification.
 * Each file answers one question: is it bound (attest_verify.c), is the quote
 * genuine and what was measured (attest_verify_tpm.c), whose key signed it
 * (attest_verify_ek.c), which kind of hardware evidence is there
 * (attest_verify_kinds.c), is that kind genuine and what does the policy say
 * of it (attest_verify_<kind>.c), what is all of it rooted in
 * (attest_verify_root.c), was enough compared (attest_verify_least.c).
 */


#ifndef ATTEST_VERIFY_INTERNAL_H_INCLUDED
#define ATTEST_VERIFY_INTERNAL_H_INCLUDED


#include "attest_claims.h"
#include "attest_cmw.h"
#include "attest_least.h"
#include "attest_ratls.h"
#include "attest_snp.h"
#include "attest_tpm.h"
#include "attest_tsm.h"
#include "attest_verify.h"


#define ATTEST_CLOCK_SKEW    300        /* seconds that clocks may differ */

/* Nothing has to be proven to be that. */
#define ATTEST_ROOTS_UNPROVEN    (ATTEST_ROOT_SOFTWARE                        \
                                  | ATTEST_ROOT_SIMULATED)


/* The three places where the same machine shows evidence. */

typedef enum {
    ATTEST_PART_CERT = 0,
    ATTEST_PART_CACHED,
    ATTEST_PART_FRESH,
    ATTEST_PARTS
} attest_part_e;

/* Checks made for each part, in order; ids are in attest_verify.c. */
typedef enum {
    ATTEST_ON_COLLECTION = 0,
    ATTEST_ON_CLAIMS,
    ATTEST_ON_KEY,
    ATTEST_ON_VALIDITY,
    ATTEST_ON_AK,
    ATTEST_ON_SIGNATURE,
    ATTEST_ON_BINDING,
    ATTEST_ON_PCRS,
    ATTEST_ON_HPKE,
    ATTEST_ON_CONFIG,
    ATTEST_ON_COUNT
} attest_on_e;


/* What the CPU says, or what stands for it. */

typedef struct {
    attest_kind_e         kind;
    attest_kind_e         chip;      /* whose member of the policy is asked:
                                        Azure's is SNP or TDX */
    attest_span_t         raw;       /* value of the item: what a TPM quote
                                        on the same machine hashes */
    uint8_t               ak_spki[32];  /* Azure: SHA-256 of the SPKI of the
                                           key that the report vouches for */
    uint8_t               machine[32];  /* digest of what stays the same in
                                           all reports of one machine that
                                           was not reset: for comparison */
    attest_span_t         svsm_ek;   /* SVSM: TPMT_PUBLIC of its vTPM's EK */
    unsigned              proven:1;  /* genuine: chain, signature, binding to
                                        the claims (Azure: to ak_spki) and
                                        nothing that is never accepted */
    unsigned              simulated:1;  /* its chain ends in one of the
                                           policy's simulated_roots */
    unsigned              referenced:1; /* all reference values match that
                                           the policy has for this kind */
    unsigned              has_ak:1;     /* ak_spki is set */
    unsigned              has_log:1;    /* a boot log that explains what the
                                           report measured */
} attest_cpu_t;


typedef struct {
    attest_part_e         which;
    attest_cmw_t          cmw;
    attest_cpu_t          cpu;
    attest_span_t         claims_raw;
    attest_claims_t       claims;
    attest_tpm_item_t     tpm;
    attest_tpm_quote_t    quote;
    attest_tpm_public_t   ak;
    attest_span_t         hpke_keys;     /* hashed by the claims */
    attest_span_t         ccc_quote;     /* the certificate has no CMW, but
                                            the CCC's extension */
    unsigned              has_cmw:1;
    unsigned              has_claims:1;  /* parsed */
    unsigned              has_tpm:1;     /* item, quote and AK parsed */
    unsigned              proven:1;      /* quote signs these claims, PCRs */
    unsigned              ak_cloud:1;    /* a cloud's CA certifies the AK */
    unsigned              ak_google:1;   /* .. which is Google's */
    unsigned              ak_simulated:1;   /* one of simulated_roots does */
    unsigned              svsm_ak:1;     /* AK proven to be in the TPM whose
                                            EK the CPU's report names */
    uint8_t               gpus[32];      /* digest of all devices' identities,
                                            for comparison */
    unsigned              gpu_proven:1;  /* GPU evidence genuine and bound */
    unsigned              gpu_simulated:1;  /* of one or more devices */
} attest_part_t;

typedef struct {
    const attest_verify_input_t   *in;
    const attest_policy_t         *policy;
    const attest_roots_t          *roots;
    attest_x509_cache_t           *cache;
    attest_result_t               *res;
    attest_ratls_cert_t            cert;
    attest_part_t                  part[ATTEST_PARTS];
    attest_part_t                 *main;  /* the freshest there is, or NULL */
    unsigned                       has_cert:1;
    unsigned                       ak_named:1;      /* AK is in the policy */
    unsigned                       ak_tied:1;       /* AK is in a TPM that
                                           something vouches for */
    unsigned                       ek_chained:1;
    unsigned                       ek_activated:1;
    unsigned                       bound:1;   /* a key or connection that the
                                           caller saw is the evidence's */
    unsigned                       overflow:1;      /* a check found no room */
    unsigned                       open;      /* ATTEST_LEAST_.. that the
                                           policy neither says nor waives */
} attest_verify_t;


/* Adds one check. */
void attest_verify_add(attest_verify_t *v, const char *id,
    attest_check_e state, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for a check that is made for each part. */
void attest_verify_on(attest_verify_t *v, const attest_part_t *part,
    attest_on_e what, attest_check_e state, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/*
 * The same for a check of one kind, which is made for each part: the id is
 * "fresh-" and what, or "cached-", "certificate-".
 */
void attest_verify_kind(attest_verify_t *v, const attest_part_t *part,
    const char *what, attest_check_e state, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Name of a part for people: "certificate", "cached", "fresh". */
const char *attest_verify_part_name(attest_part_e which);

/* PCRs by their numbers, "0-7, 10". */
char *attest_verify_mask(char *out, size_t room, uint32_t mask);

/* Up to 8 bytes as hex and "..", for messages. */
#define ATTEST_ABBREV    20
const char *attest_verify_hex(char out[ATTEST_ABBREV], const uint8_t *p,
    size_t n);
/* At most room - 1 printable characters of foreign text; others are '?'. */
const char *attest_verify_text(char *out, size_t room, attest_span_t text);

/* The item of this label and media type; NULL: none, *wrong: other type. */
const attest_cmw_item_t *attest_verify_item(const attest_part_t *part,
    const char *label, const char *type, int *wrong);
/* 1 when a value is one of the set. */
int attest_verify_in_set(const attest_refset_t *set, const uint8_t *p,
    size_t n);
size_t attest_verify_set_count(const attest_refset_t *sets);

/* Malformed: fail; what we lack the means for: unknown. */
attest_check_e attest_verify_state(int rc);

/*
 * Does a chain lead from the leaf to one of this maker's roots, or else to
 * one of the policy's simulated_roots?  The makers' intermediates that we
 * ship are tried too.  `untrusted` and `crls` may be NULL.  NULL, and
 * *simulated says which; or a static text that says why not.
 */
const char *attest_verify_anchor(const attest_verify_t *v,
    attest_maker_e maker, X509 *leaf, STACK_OF(X509) *untrusted,
    STACK_OF(X509_CRL) *crls, int *simulated);
/* The same at another time than now: Unix seconds. */
const char *attest_verify_anchor_at(const attest_verify_t *v,
    attest_maker_e maker, X509 *leaf, STACK_OF(X509) *untrusted,
    STACK_OF(X509_CRL) *crls, int64_t at, int *simulated);

/* attest_verify_kinds.c: finds and checks part->cpu and GPU evidence. */
void attest_verify_hardware(attest_verify_t *v, attest_part_t *part);
/* All parts are by one machine, as far as that can be told. */
void attest_verify_hardware_agrees(attest_verify_t *v);

/*
 * attest_verify_<kind>.c: each adds checks, sets part->cpu, and compares with
 * the policy.  tsm: the parsed item.  item: the item itself.
 */
void attest_verify_snp(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm);
/*
 * An SNP report and certificates that came with it in any order (may be
 * NULL), wherever they were found.  1: genuine, and nothing about it is never
 * accepted; *r borrows from the report.  Compares with the policy; sets
 * cpu.simulated, referenced and machine.  The binding of report_data to
 * anything is the caller's, as is cpu.proven.
 */
int attest_verify_snp_report(attest_verify_t *v, attest_part_t *part,
    attest_span_t report, STACK_OF(X509) *certs, attest_snp_report_t *r);
void attest_verify_tdx(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm);
/*
 * An Intel quote whose report data must be these; adds the checks, compares
 * with the policy's member "tdx", sets cpu.simulated, .referenced (by what
 * cpu.kind is), .machine and .has_log.  1: proven.
 */
int attest_verify_td_quote(attest_verify_t *v, attest_part_t *part,
    attest_span_t raw, const uint8_t want[64]);
void attest_verify_azure(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item);
void attest_verify_nitro(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item);
/* Sets gpu_proven; the claims' hash is compared already. */
void attest_verify_gpu(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item);
/* Are there GPUs where the policy wants some? */
void attest_verify_gpu_required(attest_verify_t *v);
/* Sets ak_cloud; called when the quote and its AK are there. */
void attest_verify_ak_cert(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item);
/* Is the evidence of a kind of CPU that the policy is about? */
void attest_verify_kind_named(attest_verify_t *v);
/* Is the evidence of the cloud that the policy is about? */
void attest_verify_clouds(attest_verify_t *v);

/*
 * attest_verify_ccc.c: the extension of the Confidential Computing Consortium
 * in the certificate.  Beside a CMW it must say the same; alone it stands for
 * one: its claims are loaded, its quote is left for ..._quote().
 */
void attest_verify_ccc(attest_verify_t *v, attest_part_t *part);
void attest_verify_ccc_quote(attest_verify_t *v, attest_part_t *part);

/* attest_verify_tpm.c */
void attest_verify_quote(attest_verify_t *v, attest_part_t *part);
void attest_verify_quotes_agree(attest_verify_t *v);
void attest_verify_measurements(attest_verify_t *v);
void attest_verify_logs(attest_verify_t *v);
const attest_tpm_bank_t *attest_verify_bank(const attest_verify_t *v,
    const attest_part_t *part);

/* attest_verify_ek.c */
void attest_verify_ek(attest_verify_t *v);
/* Does the quote's firmware contradict this root?  Adds a check. */
int attest_verify_firmware(attest_verify_t *v, unsigned root);
/* What a TPM that nothing else vouches for proves: host-vtpm or software. */
unsigned attest_verify_tpm_label(const attest_verify_t *v);

/* attest_verify_root.c */
void attest_verify_root(attest_verify_t *v);

/* attest_verify_least.c: was enough compared, and did the label's owe? */
void attest_verify_least(attest_verify_t *v);


#endif /* ATTEST_VERIFY_INTERNAL_H_INCLUDED */
