/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the policy says of an SEV-SNP report: reference values, the platform's
 * flags, the guest's policy.
 */


#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_snp_policy.h"
#include "core/appraisal/attest_verify_snp_tcb.h"


static bool attest_verify_snp_references(attest_verify_snp_t *j);
static bool attest_verify_snp_set(attest_verify_snp_t *j, const char *id,
    const char *what, const attest_refset_t *set, attest_span_t value);
static void attest_verify_snp_platform(attest_verify_snp_t *j);
static void attest_verify_snp_demands(attest_verify_snp_t *j);


void
attest_verify_snp_policy(attest_verify_snp_t *j)
{
    j->part->cpu.referenced = attest_verify_snp_references(j) ? 1 : 0;

    attest_verify_snp_minimums(j);
    attest_verify_snp_platform(j);
    attest_verify_snp_demands(j);
}


/*
 * Only the measurement says which software was launched: an id key signs one,
 * host data come from the host.
 */

static bool
attest_verify_snp_references(attest_verify_snp_t *j)
{
    int                         ok = 1;
    const attest_snp_report_t  *r = j->r;
    const attest_policy_snp_t  *p = j->policy;

    ok &= attest_verify_snp_set(j, "snp-measurement", "launch measurement",
                                &p->measurement, r->measurement);
    ok &= attest_verify_snp_set(j, "snp-host-data", "host data",
                                &p->host_data, r->host_data);
    ok &= attest_verify_snp_set(j, "snp-id-key", "id key digest",
                                &p->id_key_digest, r->id_key_digest);
    ok &= attest_verify_snp_set(j, "snp-author-key", "author key digest",
                                &p->author_key_digest, r->author_key_digest);
    ok &= attest_verify_snp_set(j, "snp-family-id", "family id",
                                &p->family_id, r->family_id);
    ok &= attest_verify_snp_set(j, "snp-image-id", "image id", &p->image_id,
                                r->image_id);
    ok &= attest_verify_snp_set(j, "snp-chip-id", "chip id", &p->chip_id,
                                r->chip_id);

    return ok;
}


static bool
attest_verify_snp_set(attest_verify_snp_t *j, const char *id, const char *what,
    const attest_refset_t *set, attest_span_t value)
{
    int   ok;
    char  hex[ATTEST_ABBREV];

    if (set->count == 0) {

        if (set == &j->policy->measurement) {
            attest_verify_kind(j->v, j->part, id, ATTEST_CHECK_NOTE,
                               "not evaluated: the policy names no %s (%s)",
                               what, attest_verify_hex(hex, value.p,
                                                       value.n));
        }

        return 1;
    }

    ok = attest_verify_in_set(set, value.p, value.n);

    attest_verify_kind(j->v, j->part, id, ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the %s of %s evidence, %s, is "
                       "%s that the policy names", what, j->name,
                       attest_verify_hex(hex, value.p, value.n),
                       ok ? "one" : "none");
    return ok;
}


static void
attest_verify_snp_platform(attest_verify_snp_t *j)
{
    int       ok;
    uint64_t  got = j->r->platform & j->policy->platform_mask;

    if (j->policy->platform_mask == 0) {
        attest_verify_kind(j->v, j->part, "snp-platform", ATTEST_CHECK_NOTE,
                           "not evaluated: the policy demands nothing of the "
                           "platform (snp.platform), whose flags are %llx",
                           (unsigned long long) j->r->platform);
        return;
    }

    ok = got == j->policy->platform;

    attest_verify_kind(j->v, j->part, "snp-platform", ok ? ATTEST_CHECK_PASS
                       : ATTEST_CHECK_FAIL, "the platform flags of %s "
                       "evidence are %llx; of the bits %llx the policy "
                       "demands %llx", j->name,
                       (unsigned long long) j->r->platform,
                       (unsigned long long) j->policy->platform_mask,
                       (unsigned long long) j->policy->platform);
}


/* What the guest's owner must have demanded when it was launched. */

static void
attest_verify_snp_demands(attest_verify_snp_t *j)
{
    int        ok;
    unsigned   major = j->r->policy >> 8 & 0xff, minor = j->r->policy & 0xff;
    const attest_policy_snp_t  *p = j->policy;

    if (p->guest_mask != 0) {
        ok = (j->r->policy & p->guest_mask) == p->guest;

        attest_verify_kind(j->v, j->part, "snp-guest-demands", ok
                           ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                           "the guest policy of %s evidence is %llx; of the "
                           "bits %llx the policy demands %llx", j->name,
                           (unsigned long long) j->r->policy,
                           (unsigned long long) p->guest_mask,
                           (unsigned long long) p->guest);
    }

    if (p->has_abi) {
        ok = major > p->abi_major
             || (major == p->abi_major && minor >= p->abi_minor);

        attest_verify_kind(j->v, j->part, "snp-guest-abi", ok
                           ? ATTEST_CHECK_PASS : ATTEST_CHECK_FAIL,
                           "the guest policy of %s evidence demands a "
                           "firmware ABI of %u.%u at least, the policy wants "
                           "%llu.%llu", j->name, major, minor,
                           (unsigned long long) p->abi_major,
                           (unsigned long long) p->abi_minor);
    }
}
