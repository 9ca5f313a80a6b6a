/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Was enough compared?  What the policy leaves open that it must not, what
 * the label owes, and a note of every member that was compared with nothing.
 */


#include <stdio.h>
#include <string.h>

#include "attest_verify_least.h"
#include "attest_verify_report.h"


/* Room for a list of a policy's members, in one check. */
#define ATTEST_UNSAID    320

/* Of which evidence a member speaks. */
#define ATTEST_OF_ALL    0x01
#define ATTEST_OF_TPM    0x02
#define ATTEST_OF_SNP    0x04
#define ATTEST_OF_TDX    0x08
#define ATTEST_OF_AZURE  0x10
#define ATTEST_OF_NITRO  0x20
#define ATTEST_OF_CLOUD  0x40
#define ATTEST_OF_GPU    0x80


static void attest_verify_gaps(attest_verify_t *v);
static const char *attest_verify_gap_id(const attest_verify_t *v,
    unsigned part);
static void attest_verify_bound(attest_verify_t *v);
static void attest_verify_owed(attest_verify_t *v);
static void attest_verify_unsaid(attest_verify_t *v);
static unsigned attest_verify_about(const attest_verify_t *v);
static void attest_verify_unsaid_flags(attest_verify_t *v, unsigned about,
    char list[ATTEST_UNSAID]);
static void attest_verify_unsaid_snp(attest_verify_t *v,
    char list[ATTEST_UNSAID]);
static void attest_verify_unsaid_bits(attest_verify_t *v,
    const char *member, const attest_policy_bit_t *table, uint64_t mask,
    char list[ATTEST_UNSAID]);
static void attest_verify_unsaid_add(attest_verify_t *v,
    char list[ATTEST_UNSAID], const char *name);
static void attest_verify_unsaid_note(attest_verify_t *v,
    char list[ATTEST_UNSAID]);


/* Sets that a policy may name, and what is compared with nothing if not. */

#define ATTEST_MEMBER(of, name, member)                                       \
    { ATTEST_OF_##of, name, offsetof(attest_policy_t, member.count) }

static const struct {
    unsigned     of;
    const char  *name;
    size_t       offset;
} attest_verify_members[] = {
    ATTEST_MEMBER(ALL, "config", config),
    ATTEST_MEMBER(TPM, "ak", ak),
    ATTEST_MEMBER(CLOUD, "gcp.project", gcp.project),
    ATTEST_MEMBER(CLOUD, "gcp.zone", gcp.zone),
    ATTEST_MEMBER(CLOUD, "gcp.instance", gcp.instance),
    ATTEST_MEMBER(SNP, "snp.host_data", snp.host_data),
    ATTEST_MEMBER(SNP, "snp.id_key_digest", snp.id_key_digest),
    ATTEST_MEMBER(SNP, "snp.author_key_digest", snp.author_key_digest),
    ATTEST_MEMBER(SNP, "snp.family_id", snp.family_id),
    ATTEST_MEMBER(SNP, "snp.image_id", snp.image_id),
    ATTEST_MEMBER(SNP, "snp.chip_id", snp.chip_id),
    ATTEST_MEMBER(TDX, "tdx.mrseam", tdx.mrseam),
    ATTEST_MEMBER(TDX, "tdx.mrconfigid", tdx.mrconfigid),
    ATTEST_MEMBER(TDX, "tdx.mrowner", tdx.mrowner),
    ATTEST_MEMBER(TDX, "tdx.mrownerconfig", tdx.mrownerconfig),
    ATTEST_MEMBER(TDX, "tdx.xfam", tdx.xfam),
    ATTEST_MEMBER(TDX, "tdx.ppid", tdx.ppid),
    ATTEST_MEMBER(TDX, "tdx.fmspc", tdx.fmspc),
    ATTEST_MEMBER(AZURE, "azure.vm_unique_id", azure.vm_unique_id),
    ATTEST_MEMBER(NITRO, "nitro.module_ids", nitro.module_ids),
    ATTEST_MEMBER(GPU, "gpu.arch", gpu.arch),
    ATTEST_MEMBER(GPU, "gpu.modes", gpu.modes),
    ATTEST_MEMBER(GPU, "gpu.driver", gpu.driver),
    ATTEST_MEMBER(GPU, "gpu.vbios", gpu.vbios),
    ATTEST_MEMBER(GPU, "gpu.switch_bios", gpu.switch_bios),
    ATTEST_MEMBER(GPU, "gpu.devices", gpu.devices),
    { 0, NULL, 0 }
};


/*
 * That nothing which was compared is wrong is not enough: enough must have
 * been compared.
 */

void
attest_verify_least(attest_verify_t *v)
{
    attest_verify_owed(v);
    attest_verify_gaps(v);
    attest_verify_bound(v);
    attest_verify_unsaid(v);
}


static void
attest_verify_gaps(attest_verify_t *v)
{
    size_t               i, n;
    unsigned             root;
    attest_gap_t         gaps[ATTEST_LEAST_MAX];
    const attest_cpu_t  *cpu = &v->main->cpu;

    root = v->res->root != 0 ? v->res->root : v->res->found;
    n = attest_least(v->policy, cpu->kind, cpu->chip, root, gaps);

    for (i = 0; i < n; i++) {
        attest_verify_add(v, attest_verify_gap_id(v, gaps[i].part),
                          gaps[i].waived ? ATTEST_CHECK_NOTE
                          : ATTEST_CHECK_UNKNOWN, "%s: the policy names no "
                          "%s: %s%s", gaps[i].name, gaps[i].member,
                          gaps[i].text, gaps[i].waived
                          ? ", and the policy gives that up (waive)" : "");

        v->open |= gaps[i].waived ? 0 : gaps[i].part;
    }
}


static const char *
attest_verify_gap_id(const attest_verify_t *v, unsigned part)
{
    switch (part) {

    case ATTEST_LEAST_MACHINE:
        return "machine-reference";

    case ATTEST_LEAST_TCB:
        return "tcb-reference";

    case ATTEST_LEAST_FIRMWARE:
        return v->main->cpu.kind == ATTEST_KIND_AZURE
               ? "paravisor-reference" : "reference-values";

    default:
        return "reference-values";
    }
}


/*
 * Evidence is about keys.  Unless one of them is the key that the caller will
 * talk to, somebody else's evidence would do.
 */

static void
attest_verify_bound(attest_verify_t *v)
{
    attest_verify_add(v, "binding", v->bound ? ATTEST_CHECK_PASS
                      : ATTEST_CHECK_UNKNOWN, "%s", v->bound
                      ? "the evidence is about a key or a connection that "
                        "was seen"
                      : "neither a certificate's key, nor a connection's "
                        "exporter, nor a served key configuration was "
                        "compared with the evidence: it could be about "
                        "anybody's");
}


/* What the label owes that came out, whichever the evidence asked for. */

static void
attest_verify_owed(attest_verify_t *v)
{
    const attest_label_t  *label = attest_label(v->res->root);

    if (label == NULL || !(label->owes & ATTEST_OWES_EK)
        || !v->policy->require_ek || (v->ek_chained && v->ek_activated))
    {
        return;
    }

    attest_verify_add(v, "ek-owed", ATTEST_CHECK_UNKNOWN, "the policy wants "
                      "the key of %s to be tied to an endorsement key that "
                      "its maker certifies (require_ek), which is not "
                      "proven", label->text);
}


/* So that a member which is left out, or taken out, is missed by a reader. */

static void
attest_verify_unsaid(attest_verify_t *v)
{
    char      list[ATTEST_UNSAID] = "";
    size_t    i, count;
    unsigned  about = attest_verify_about(v);

    for (i = 0; attest_verify_members[i].name != NULL; i++) {

        if ((attest_verify_members[i].of & about) == 0) {
            continue;
        }

        memcpy(&count, (const char *) v->policy
                       + attest_verify_members[i].offset, sizeof(count));

        if (count == 0) {
            attest_verify_unsaid_add(v, list, attest_verify_members[i].name);
        }
    }

    attest_verify_unsaid_flags(v, about, list);

    if (about & ATTEST_OF_SNP) {
        attest_verify_unsaid_snp(v, list);
    }

    attest_verify_unsaid_note(v, list);
}


static unsigned
attest_verify_about(const attest_verify_t *v)
{
    unsigned              about = ATTEST_OF_ALL;
    const attest_part_t  *part = v->main;

    about |= part->has_tpm ? ATTEST_OF_TPM : 0;
    about |= part->ak_google ? ATTEST_OF_CLOUD : 0;
    about |= part->cpu.kind == ATTEST_KIND_AZURE ? ATTEST_OF_AZURE : 0;
    about |= part->cpu.chip == ATTEST_KIND_SNP ? ATTEST_OF_SNP : 0;
    about |= part->cpu.chip == ATTEST_KIND_TDX ? ATTEST_OF_TDX : 0;
    about |= part->cpu.chip == ATTEST_KIND_NITRO ? ATTEST_OF_NITRO : 0;
    about |= part->claims.has_gpu ? ATTEST_OF_GPU : 0;

    return about;
}


static void
attest_verify_unsaid_flags(attest_verify_t *v, unsigned about,
    char list[ATTEST_UNSAID])
{
    int                     snp = (about & ATTEST_OF_SNP) != 0;
    int                     gpu = (about & ATTEST_OF_GPU) != 0;
    int                     tpm = (about & ATTEST_OF_TPM) != 0;
    int                     tdx = (about & ATTEST_OF_TDX) != 0;
    size_t                  i;
    const attest_policy_t  *p = v->policy;

    const struct {
        int          unsaid;
        const char  *name;
    } flags[] = {
        { !p->roots_given, "roots_of_trust" },
        { p->max_age == 0, "max_age" },
        { !p->gpu.given, "gpu" },
        { tpm && !p->gcp.given, "gcp" },
        { !p->require_hpke_keys && !v->main->claims.has_hpke_keys,
          "require_hpke_keys" },
        { tpm && attest_verify_set_count(p->events) == 0, "events" },
        { tpm && !p->require_ek, "require_ek" },
        { snp && p->snp.covers == ATTEST_SNP_COVERS_UNSAID,
          "snp.measurement_covers" },
        { snp && !p->snp.has_min_committed_tcb, "snp.min_committed_tcb" },
        { snp && !p->snp.has_min_launch_tcb, "snp.min_launch_tcb" },
        { snp && !p->snp.has_abi, "snp.min_abi" },
        { tdx && p->tdx.attributes_required == 0, "tdx.attributes.required" },
        { tdx && !p->tdx.attributes_given, "tdx.attributes.allowed" },
        { (about & ATTEST_OF_AZURE) != 0 && !p->azure.has_secure_boot,
          "azure.secure_boot" },
        { (about & ATTEST_OF_AZURE) != 0 && !p->azure.has_console,
          "azure.console" },
        { tdx && p->tdx.min_tcb_date == 0, "tdx.min_tcb_date" },
        { gpu && !p->gpu.has_count && p->gpu.min_count == 0, "gpu.count" },
        { gpu && !p->gpu.has_switches, "gpu.switches" },
        { 0, NULL }
    };

    for (i = 0; flags[i].name != NULL; i++) {
        if (flags[i].unsaid) {
            attest_verify_unsaid_add(v, list, flags[i].name);
        }
    }
}


/* Parts of a member that are left out, or a minimum that all reach. */

static void
attest_verify_unsaid_snp(attest_verify_t *v, char list[ATTEST_UNSAID])
{
    size_t                      i;
    const attest_policy_snp_t  *p = &v->policy->snp;

    const struct {
        unsigned     least;
        const char  *name;
    } tcb[] = {
        { p->min_tcb.bootloader, "snp.min_tcb.bootloader" },
        { p->min_tcb.tee, "snp.min_tcb.tee" },
        { p->min_tcb.snp, "snp.min_tcb.snp" },
        { p->min_tcb.microcode, "snp.min_tcb.microcode" },
        { p->min_tcb.fmc, "snp.min_tcb.fmc" },
        { 0, NULL }
    };

    for (i = 0; p->has_min_tcb && tcb[i].name != NULL; i++) {
        if (tcb[i].least == 0) {
            attest_verify_unsaid_add(v, list, tcb[i].name);
        }
    }

    attest_verify_unsaid_bits(v, "snp.platform",
                              attest_policy_snp_platform_bits,
                              p->platform_mask, list);
    attest_verify_unsaid_bits(v, "snp.guest_policy",
                              attest_policy_snp_guest_bits, p->guest_mask,
                              list);
}


/* The member as a whole, or the flags that are not in it. */

static void
attest_verify_unsaid_bits(attest_verify_t *v, const char *member,
    const attest_policy_bit_t *table, uint64_t mask,
    char list[ATTEST_UNSAID])
{
    char    name[64];
    size_t  i;

    if (mask == 0) {
        attest_verify_unsaid_add(v, list, member);
        return;
    }

    for (i = 0; table[i].name != NULL; i++) {
        if ((mask & table[i].bit) == 0) {
            (void) snprintf(name, sizeof(name), "%s.%s", member,
                            table[i].name);
            attest_verify_unsaid_add(v, list, name);
        }
    }
}


/* What finds no room begins another line. */

static void
attest_verify_unsaid_add(attest_verify_t *v, char list[ATTEST_UNSAID],
    const char *name)
{
    size_t  n = strlen(list);

    if (n + strlen(name) + 3 > ATTEST_UNSAID) {
        attest_verify_unsaid_note(v, list);
        n = 0;
    }

    (void) snprintf(list + n, ATTEST_UNSAID - n, "%s%s", n == 0 ? "" : ", ",
                    name);
}


static void
attest_verify_unsaid_note(attest_verify_t *v, char list[ATTEST_UNSAID])
{
    if (list[0] == '\0') {
        return;
    }

    attest_verify_add(v, "unnamed", ATTEST_CHECK_NOTE, "compared with "
                      "nothing, for the policy does not name it: %s", list);
    list[0] = '\0';
}
