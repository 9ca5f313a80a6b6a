/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The trust labels, what proves each and what it owes; and what a policy has
 * to say at least of each kind of evidence.
 */


#include <string.h>

#include "attest_cbor.h"
#include "attest_least.h"


/* What one policy is asked, and the answers so far. */

typedef struct {
    const attest_policy_t   *policy;
    const attest_label_t    *label;
    attest_gap_t            *gaps;
    size_t                   count;
} attest_least_t;


static void attest_least_snp(attest_least_t *l);
static void attest_least_tdx(attest_least_t *l);
static void attest_least_azure(attest_least_t *l, attest_kind_e chip);
static void attest_least_nitro(attest_least_t *l);
static void attest_least_tpm(attest_least_t *l);
static void attest_least_machine(attest_least_t *l);
static int attest_least_min_tcb(const attest_policy_snp_t *p);
static int attest_least_says(const attest_least_t *l,
    const attest_refset_t *set);
static int attest_least_boots(const attest_least_t *l);
static void attest_least_gap(attest_least_t *l, unsigned part,
    const char *member, const char *text);


const attest_label_t  attest_labels[] = {
    { ATTEST_ROOT_SIMULATED, "simulated",
      "a chain to one of the policy's simulated_roots, or a guest that is "
      "open to debuggers", "simulated hardware", 0 },
    { ATTEST_ROOT_SOFTWARE, "software",
      "nothing: anybody can run such a TPM", "a software TPM",
      ATTEST_OWES_EK },
    { ATTEST_ROOT_HOST_VTPM, "host-vtpm",
      "the policy names the attestation key (ak), or its maker's certificate "
      "and a proof of possession tie it to a TPM", "a TPM of the host's",
      ATTEST_OWES_EK | ATTEST_OWES_MACHINE | ATTEST_OWES_MEASURED },
    { ATTEST_ROOT_CLOUD_VTPM, "cloud-vtpm",
      "a cloud certifies the attestation key",
      "a virtual TPM that the cloud vouches for",
      ATTEST_OWES_MACHINE | ATTEST_OWES_MEASURED },
    { ATTEST_ROOT_TEE_VTPM, "tee-vtpm",
      "the CPU's report names the attestation key",
      "a virtual TPM that the CPU's report vouches for",
      ATTEST_OWES_MEASURED },
    { ATTEST_ROOT_TEE, "tee", "the CPU signed the claims",
      "the CPU itself signed what runs", ATTEST_OWES_MEASURED },
    { 0, NULL, NULL, NULL, 0 }
};

static const struct {
    unsigned     part;
    const char  *name;
} attest_least_parts[] = {
    { ATTEST_LEAST_FIRMWARE, "firmware" },
    { ATTEST_LEAST_KERNEL, "kernel" },
    { ATTEST_LEAST_MACHINE, "machine" },
    { ATTEST_LEAST_TCB, "tcb" },
    { 0, NULL }
};


const attest_label_t *
attest_label(unsigned root)
{
    size_t  i;

    for (i = 0; attest_labels[i].root != 0; i++) {
        if (attest_labels[i].root == root) {
            return &attest_labels[i];
        }
    }

    return NULL;
}


unsigned
attest_root_from_label(attest_span_t label)
{
    size_t  i;

    for (i = 0; attest_labels[i].root != 0; i++) {
        if (attest_span_is(label, attest_labels[i].label)) {
            return attest_labels[i].root;
        }
    }

    return 0;
}


const char *
attest_root_label(unsigned root)
{
    const attest_label_t  *label = attest_label(root);

    return label != NULL ? label->label : "none";
}


unsigned
attest_label_least(unsigned a, unsigned b)
{
    size_t  i;

    for (i = 0; attest_labels[i].root != 0; i++) {
        if (attest_labels[i].root == a || attest_labels[i].root == b) {
            return attest_labels[i].root;
        }
    }

    return 0;
}


unsigned
attest_least_part(const char *name)
{
    size_t  i;

    for (i = 0; attest_least_parts[i].part != 0; i++) {
        if (strcmp(attest_least_parts[i].name, name) == 0) {
            return attest_least_parts[i].part;
        }
    }

    return 0;
}


size_t
attest_least(const attest_policy_t *policy, attest_kind_e kind,
    attest_kind_e chip, unsigned root, attest_gap_t gaps[ATTEST_LEAST_MAX])
{
    attest_least_t  l = { policy, attest_label(root), gaps, 0 };

    if (l.label == NULL) {
        return 0;
    }

    switch (kind) {

    case ATTEST_KIND_SNP:
        attest_least_snp(&l);
        break;

    case ATTEST_KIND_TDX:
        attest_least_tdx(&l);
        break;

    case ATTEST_KIND_AZURE:
        attest_least_azure(&l, chip);
        break;

    case ATTEST_KIND_NITRO:
        attest_least_nitro(&l);
        break;

    default:
        attest_least_tpm(&l);
    }

    attest_least_machine(&l);

    return l.count;
}


/*
 * The measurement is what was there at launch.  In most clouds that is the
 * cloud's firmware, the same for every customer; where it hashes a kernel,
 * too, only who built the image knows.
 */

static void
attest_least_snp(attest_least_t *l)
{
    const attest_policy_snp_t  *p = &l->policy->snp;

    if (!attest_least_says(l, &p->measurement)) {
        attest_least_gap(l, ATTEST_LEAST_FIRMWARE, "snp.measurement",
                         "nothing says what is launched");
    }

    if (p->covers == ATTEST_SNP_COVERS_UNSAID && !attest_least_boots(l)) {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "snp.measurement_covers",
                         "the launch measurement may be that of a firmware "
                         "which boots any kernel: the policy has to say "
                         "whether it covers the \"firmware\" or the "
                         "\"kernel\", too");

    } else if (p->covers != ATTEST_SNP_COVERS_KERNEL
               && !attest_least_boots(l))
    {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "pcrs",
                         "the launch measurement covers the firmware only: "
                         "nothing says what it boots (PCR 4 of a TPM that is "
                         "tied to the machine)");
    }

    if (!attest_least_min_tcb(p)) {
        attest_least_gap(l, ATTEST_LEAST_TCB, "snp.min_tcb",
                         "a platform with every known hole would do");
    }
}


/*
 * MRTD is the firmware as it was loaded, RTMR 0 its settings; it measures
 * boot loader and kernel into RTMR 1, command line and initrd into RTMR 2.
 */

static void
attest_least_tdx(attest_least_t *l)
{
    const attest_policy_tdx_t  *p = &l->policy->tdx;

    if (!attest_least_says(l, &p->mrtd)) {
        attest_least_gap(l, ATTEST_LEAST_FIRMWARE, "tdx.mrtd",
                         "nothing says which firmware runs");
    }

    if (!attest_least_says(l, &p->rtmr[0])) {
        attest_least_gap(l, ATTEST_LEAST_FIRMWARE, "tdx.rtmr.0",
                         "nothing says how the firmware is set up");
    }

    if (attest_least_boots(l)) {
        return;
    }

    if (!attest_least_says(l, &p->rtmr[1])) {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "tdx.rtmr.1",
                         "nothing says which boot loader and kernel run");
    }

    if (!attest_least_says(l, &p->rtmr[2])) {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "tdx.rtmr.2",
                         "nothing says with which command line and initrd "
                         "the kernel runs");
    }
}


/* The paravisor answers for what the CPU measured, its TPM for the rest. */

static void
attest_least_azure(attest_least_t *l, attest_kind_e chip)
{
    int                     tdx = chip == ATTEST_KIND_TDX;
    const attest_policy_t  *p = l->policy;

    if (!attest_least_says(l, tdx ? &p->tdx.mrtd : &p->snp.measurement)) {
        attest_least_gap(l, ATTEST_LEAST_FIRMWARE, tdx ? "tdx.mrtd"
                         : "snp.measurement", "the paravisor could be "
                         "anybody's, and its virtual TPM could say "
                         "anything");
    }

    if (!attest_least_boots(l)) {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "pcrs",
                         "nothing says what the firmware boots (PCR 4)");
    }

    if (!tdx && !attest_least_min_tcb(&p->snp)) {
        attest_least_gap(l, ATTEST_LEAST_TCB, "snp.min_tcb",
                         "a platform with every known hole would do");
    }
}


/*
 * PCR 0 is the whole image.  PCR 1 is kernel and boot ramdisk, PCR 2 the
 * application: both together are the image as well.  PCR 3, 4 and 8 name
 * a role, an instance, a signer: none of them says what runs.
 */

static void
attest_least_nitro(attest_least_t *l)
{
    const attest_refset_t  *pcrs = l->policy->nitro.pcrs;

    if (attest_least_says(l, &pcrs[0])
        || (attest_least_says(l, &pcrs[1]) && attest_least_says(l, &pcrs[2])))
    {
        return;
    }

    attest_least_gap(l, ATTEST_LEAST_KERNEL, "nitro.pcrs",
                     "neither PCR 0 nor both PCR 1 and 2 are named: nothing "
                     "says which image runs");
}


/*
 * TCG PC Client profile: PCR 0 is the firmware, which measures into PCR 4 all
 * that it starts.  Without PCR 4 anything may have been booted, and have
 * extended the PCRs behind it with whatever is wanted.
 */

static void
attest_least_tpm(attest_least_t *l)
{
    if (!attest_least_says(l, &l->policy->pcrs[0])) {
        attest_least_gap(l, ATTEST_LEAST_FIRMWARE, "pcrs",
                         "nothing says which firmware runs (PCR 0)");
    }

    if (!attest_least_boots(l)) {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "pcrs",
                         "nothing says what the firmware boots (PCR 4)");
    }
}


/* Every customer of a cloud has a machine that it vouches for. */

static void
attest_least_machine(attest_least_t *l)
{
    const attest_policy_t  *p = l->policy;

    if (!(l->label->owes & ATTEST_OWES_MACHINE) || p->ak.count != 0) {
        return;
    }

    if (l->label->root == ATTEST_ROOT_CLOUD_VTPM) {

        /* names of zones and instances are anybody's to have */

        if (p->gcp.project.count == 0) {
            attest_least_gap(l, ATTEST_LEAST_MACHINE, "ak",
                             "any customer's virtual machine would do: "
                             "neither its key (ak) nor its project "
                             "(gcp.project) is named");
        }

    } else if (sk_X509_num(p->ek_roots) <= 0) {
        attest_least_gap(l, ATTEST_LEAST_MACHINE, "ak",
                         "anybody's TPM would do: neither its key (ak) nor "
                         "its maker (ek_roots) is named");
    }
}


/* A minimum that everything reaches is none. */

static int
attest_least_min_tcb(const attest_policy_snp_t *p)
{
    static const attest_snp_tcb_t  zero;

    return p->has_min_tcb
           && memcmp(&p->min_tcb, &zero, sizeof(zero)) != 0;
}


/* Zero is what a register is before anything was measured. */

static int
attest_least_says(const attest_least_t *l, const attest_refset_t *set)
{
    size_t                i;
    static const uint8_t  zero[sizeof(set->value[0])];

    for (i = 0; i < set->count; i++) {
        if ((l->label->owes & ATTEST_OWES_MEASURED)
            && memcmp(set->value[i], zero, set->len[i]) == 0)
        {
            return 0;
        }
    }

    return set->count != 0;
}


static int
attest_least_boots(const attest_least_t *l)
{
    return attest_least_says(l, &l->policy->pcrs[4]);
}


static void
attest_least_gap(attest_least_t *l, unsigned part, const char *member,
    const char *text)
{
    size_t         i;
    attest_gap_t  *gap;

    if (l->count == ATTEST_LEAST_MAX) {
        return;
    }

    for (i = 0; attest_least_parts[i].part != part; i++) {
        /* void */
    }

    gap = &l->gaps[l->count++];
    gap->part = part;
    gap->name = attest_least_parts[i].name;
    gap->member = member;
    gap->text = text;
    gap->waived = (l->policy->waive & part) != 0;
}
