
/*
 * Shared by the files of the appraisal: one state for one verification.
 * Each file answers one question: is it bound (attest_verify.c), is the quote
 * genuine and what was measured (attest_verify_tpm.c), whose key signed it
 * (attest_verify_ek.c).
 */


#ifndef ATTEST_VERIFY_INTERNAL_H_INCLUDED
#define ATTEST_VERIFY_INTERNAL_H_INCLUDED


#include "attest_claims.h"
#include "attest_cmw.h"
#include "attest_ratls.h"
#include "attest_tpm.h"
#include "attest_verify.h"


#define ATTEST_CLOCK_SKEW    300        /* seconds that clocks may differ */


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


typedef struct {
    attest_part_e         which;
    attest_cmw_t          cmw;
    attest_span_t         claims_raw;
    attest_claims_t       claims;
    attest_tpm_item_t     tpm;
    attest_tpm_quote_t    quote;
    attest_tpm_public_t   ak;
    attest_span_t         hpke_keys;     /* hashed by the claims */
    unsigned              has_cmw:1;
    unsigned              has_claims:1;  /* parsed */
    unsigned              has_tpm:1;     /* item, quote and AK parsed */
    unsigned              proven:1;      /* quote signs these claims, PCRs */
} attest_part_t;

typedef struct {
    const attest_verify_input_t   *in;
    const attest_policy_t         *policy;
    attest_result_t               *res;
    attest_ratls_cert_t            cert;
    attest_part_t                  part[ATTEST_PARTS];
    attest_part_t                 *main;  /* the freshest there is, or NULL */
    unsigned                       has_cert:1;
    unsigned                       ak_named:1;      /* AK is in the policy */
    unsigned                       ek_chained:1;
    unsigned                       ek_activated:1;
    unsigned                       overflow:1;      /* a check found no room */
} attest_verify_t;


/* Adds one check. */
void attest_verify_add(attest_verify_t *v, const char *id,
    attest_check_e state, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for a check that is made for each part. */
void attest_verify_on(attest_verify_t *v, const attest_part_t *part,
    attest_on_e what, attest_check_e state, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Name of a part for people: "certificate", "cached", "fresh". */
const char *attest_verify_part_name(attest_part_e which);

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

/* attest_verify_tpm.c */
void attest_verify_quote(attest_verify_t *v, attest_part_t *part);
void attest_verify_quotes_agree(attest_verify_t *v);
void attest_verify_measurements(attest_verify_t *v);
void attest_verify_logs(attest_verify_t *v);
const attest_tpm_bank_t *attest_verify_bank(const attest_verify_t *v,
    const attest_part_t *part);

/* attest_verify_ek.c */
void attest_verify_ek(attest_verify_t *v);
void attest_verify_root(attest_verify_t *v);


#endif /* ATTEST_VERIFY_INTERNAL_H_INCLUDED */
