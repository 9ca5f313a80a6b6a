/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From checks to the trustworthiness vector of AR4SI.
 */


#include <string.h>

#include "core/appraisal/attest_ear.h"
#include "core/evidence/attest_label.h"


/* AR4SI section 2.3.2: what claims say, where we say it. */
#define ATTEST_EAR_GENUINE        2    /* approved, recognized, encrypted */
#define ATTEST_EAR_BOOT           3    /* executables: what has booted */
#define ATTEST_EAR_UNSAFE         32   /* hardware: known vulnerabilities */
#define ATTEST_EAR_UNKNOWN        33   /* executables: not recognized */
#define ATTEST_EAR_BAD            96
#define ATTEST_EAR_STRANGER       97   /* instance: not recognized */
#define ATTEST_EAR_FORGED         99   /* cryptographic validation failed */


/* What a check that passes or fails says of a claim; 0: nothing. */

typedef struct {
    const char           *id;      /* without the part of the evidence */
    attest_ear_claim_e    claim;
    int8_t                pass;
    int8_t                fail;
} attest_ear_rule_t;


static int8_t attest_ear_rule(const attest_result_t *res,
    const attest_ear_rule_t *rule, bool *open);
static bool attest_ear_is(const char *id, const char *rule);
static int8_t attest_ear_worse(int8_t a, int8_t b);
static bool attest_ear_is_affirming(int8_t value);


static const attest_ear_rule_t  attest_ear_rules[] = {
    { "quote", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "ak", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "binding", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "pcrs", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "snp-signature", ATTEST_EAR_HARDWARE, ATTEST_EAR_GENUINE,
      ATTEST_EAR_FORGED },
    { "snp-certificate", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "snp-chain", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "snp-binding", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "snp-chip", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "snp-tcb", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "snp-revocation", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_BAD },
    { "snp-tcb-minimum", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_UNSAFE },
    { "tdx-signature", ATTEST_EAR_HARDWARE, ATTEST_EAR_GENUINE,
      ATTEST_EAR_FORGED },
    { "tdx-qe", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "tdx-chain", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "tdx-binding", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "tdx-module", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_BAD },
    { "tdx-revocation", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_BAD },
    { "tdx-tcb", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_UNSAFE },
    { "nitro-signature", ATTEST_EAR_HARDWARE, ATTEST_EAR_GENUINE,
      ATTEST_EAR_FORGED },
    { "nitro-chain", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "nitro-binding", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "hcl-report", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "gpu-signature", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },
    { "gpu-chain", ATTEST_EAR_HARDWARE, 0, ATTEST_EAR_FORGED },

    { "snp-measurement", ATTEST_EAR_EXECUTABLES, ATTEST_EAR_BOOT,
      ATTEST_EAR_UNKNOWN },
    { "tdx-mrtd", ATTEST_EAR_EXECUTABLES, ATTEST_EAR_BOOT,
      ATTEST_EAR_UNKNOWN },
    { "tdx-rtmr1", ATTEST_EAR_EXECUTABLES, 0, ATTEST_EAR_UNKNOWN },
    { "tdx-rtmr2", ATTEST_EAR_EXECUTABLES, 0, ATTEST_EAR_UNKNOWN },
    { "sgx-enclave", ATTEST_EAR_EXECUTABLES, ATTEST_EAR_GENUINE,
      ATTEST_EAR_UNKNOWN },
    { "nitro-pcrs", ATTEST_EAR_EXECUTABLES, ATTEST_EAR_BOOT,
      ATTEST_EAR_UNKNOWN },
    { "pcr-reference", ATTEST_EAR_EXECUTABLES, ATTEST_EAR_BOOT,
      ATTEST_EAR_UNKNOWN },
    { "event-reference", ATTEST_EAR_EXECUTABLES, ATTEST_EAR_BOOT,
      ATTEST_EAR_UNKNOWN },
    { "paravisor-reference", ATTEST_EAR_EXECUTABLES, 0, ATTEST_EAR_UNKNOWN },
    { "svsm-measurement", ATTEST_EAR_EXECUTABLES, 0, ATTEST_EAR_UNKNOWN },

    { "config-reference", ATTEST_EAR_CONFIGURATION, ATTEST_EAR_GENUINE,
      ATTEST_EAR_BAD },
    { "snp-guest-policy", ATTEST_EAR_CONFIGURATION, 0, ATTEST_EAR_BAD },
    { "tdx-attributes", ATTEST_EAR_CONFIGURATION, 0, ATTEST_EAR_BAD },
    { "azure-console", ATTEST_EAR_CONFIGURATION, 0, ATTEST_EAR_BAD },
    { "azure-secure-boot", ATTEST_EAR_CONFIGURATION, 0, ATTEST_EAR_BAD },
    { "nitro-mode", ATTEST_EAR_CONFIGURATION, 0, ATTEST_EAR_BAD },
    { "gpu-mode", ATTEST_EAR_CONFIGURATION, 0, ATTEST_EAR_BAD },

    { "snp-guest-policy", ATTEST_EAR_RUNTIME, ATTEST_EAR_GENUINE,
      ATTEST_EAR_BAD },
    { "tdx-debug", ATTEST_EAR_RUNTIME, ATTEST_EAR_GENUINE, ATTEST_EAR_BAD },
    { "sgx-debug", ATTEST_EAR_RUNTIME, ATTEST_EAR_GENUINE, ATTEST_EAR_BAD },

    { "snp-chip-id", ATTEST_EAR_INSTANCE, ATTEST_EAR_GENUINE,
      ATTEST_EAR_STRANGER },
    { "tdx-ppid", ATTEST_EAR_INSTANCE, ATTEST_EAR_GENUINE,
      ATTEST_EAR_STRANGER },
    { "ak-reference", ATTEST_EAR_INSTANCE, ATTEST_EAR_GENUINE,
      ATTEST_EAR_STRANGER },
    { "azure-vm-id", ATTEST_EAR_INSTANCE, ATTEST_EAR_GENUINE,
      ATTEST_EAR_STRANGER },
    { "gcp-instance-reference", ATTEST_EAR_INSTANCE, ATTEST_EAR_GENUINE,
      ATTEST_EAR_STRANGER },
    { "nitro-module", ATTEST_EAR_INSTANCE, ATTEST_EAR_GENUINE,
      ATTEST_EAR_STRANGER },
    { "gpu-devices", ATTEST_EAR_INSTANCE, 0, ATTEST_EAR_STRANGER },
    { NULL, ATTEST_EAR_CLAIMS, 0, 0 }
};


void
attest_ear_vector(const attest_result_t *res, attest_ear_t *ear)
{
    bool                      open[ATTEST_EAR_CLAIMS] = { false };
    size_t                    i;
    int8_t                   *claim;
    const attest_ear_rule_t  *rule;

    memset(ear, 0, sizeof(*ear));

    ear->status = res->verdict == ATTEST_TRUSTED ? ATTEST_EAR_AFFIRMING
                  : res->verdict == ATTEST_NOT_TRUSTED
                  ? ATTEST_EAR_CONTRAINDICATED : ATTEST_EAR_NONE;

    if (ear->status == ATTEST_EAR_AFFIRMING
        && (res->root & (ATTEST_ROOT_SOFTWARE | ATTEST_ROOT_SIMULATED)))
    {
        ear->status = ATTEST_EAR_WARNING;
    }

    for (rule = attest_ear_rules; rule->id != NULL; rule++) {
        claim = &ear->claims[rule->claim];
        *claim = attest_ear_worse(*claim, attest_ear_rule(res, rule,
                                                          &open[rule->claim]));
    }

    for (i = 0; i < ATTEST_EAR_CLAIMS; i++) {

        if (attest_ear_is_affirming(ear->claims[i])
            && (open[i] || ear->status != ATTEST_EAR_AFFIRMING))
        {
            ear->claims[i] = 0;
        }
    }
}


/* All parts of the evidence, and all that is like it in one, have a say. */

static int8_t
attest_ear_rule(const attest_result_t *res, const attest_ear_rule_t *rule,
    bool *open)
{
    size_t                 i;
    int8_t                 value = 0;
    const attest_check_t  *check;

    for (i = 0; i < res->count; i++) {
        check = &res->checks[i];

        if (!attest_ear_is(check->id, rule->id)) {
            continue;
        }

        switch (check->state) {
        case ATTEST_CHECK_FAIL:
            return rule->fail;
        case ATTEST_CHECK_PASS:
            value = rule->pass;
            break;
        case ATTEST_CHECK_UNKNOWN:
            *open = true;
            break;
        default:
            break;
        }
    }

    return value;
}


static bool
attest_ear_is(const char *id, const char *rule)
{
    size_t  i, n;

    static const char *const  parts[] = { "certificate-", "cached-",
                                          "fresh-" };

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        n = strlen(parts[i]);

        if (strncmp(id, parts[i], n) == 0 && strcmp(id + n, rule) == 0) {
            return true;
        }
    }

    return strcmp(id, rule) == 0;
}


/* The greater is the worse in each of AR4SI's claims; 0 says nothing. */

static int8_t
attest_ear_worse(int8_t a, int8_t b)
{
    return a > b ? a : b;
}


static bool
attest_ear_is_affirming(int8_t value)
{
    return value > 1 && value < ATTEST_EAR_WARNING;
}
