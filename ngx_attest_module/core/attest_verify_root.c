
#include <string.h>

#include <openssl/crypto.h>

#include "attest_cbor.h"
#include "attest_verify_internal.h"
#include "attest_x509.h"


static unsigned attest_verify_root_found(attest_verify_t *v);
static unsigned attest_verify_root_cpu(attest_verify_t *v);
static unsigned attest_verify_root_azure(attest_verify_t *v);
static unsigned attest_verify_root_cloud(attest_verify_t *v);
static unsigned attest_verify_root_tpm(attest_verify_t *v);
static unsigned attest_verify_root_simulated(const attest_verify_t *v,
    unsigned found);
static unsigned attest_verify_root_stated(attest_verify_t *v,
    unsigned found);
static void attest_verify_root_accepted(attest_verify_t *v, unsigned root);
static void attest_verify_tpm_beside(attest_verify_t *v);
static int attest_verify_wants_tpm(const attest_verify_t *v);


/* In the order of what they are worth, for comparing two of them. */

static const unsigned  attest_root_order[] = {
    ATTEST_ROOT_SIMULATED, ATTEST_ROOT_SOFTWARE, ATTEST_ROOT_HOST_VTPM,
    ATTEST_ROOT_CLOUD_VTPM, ATTEST_ROOT_TEE_VTPM, ATTEST_ROOT_TEE
};

#define ATTEST_ROOT_ORDER                                                    \
    (sizeof(attest_root_order) / sizeof(attest_root_order[0]))


/*
 * What the evidence is rooted in is decided here by what was proven.  What
 * the gateway says of itself can lower that, for nobody gains by a low label,
 * and never raise it.
 */

void
attest_verify_root(attest_verify_t *v)
{
    unsigned  root;

    root = attest_verify_root_found(v);
    if (root != 0) {
        root = attest_verify_root_stated(v, root);
    }

    if (root != 0) {
        attest_verify_root_accepted(v,
                                    attest_verify_root_simulated(v, root));
    }

    attest_verify_tpm_beside(v);
    attest_verify_kind_named(v);
    attest_verify_clouds(v);
}


/* 0: a check was added that says why there is none. */

static unsigned
attest_verify_root_found(attest_verify_t *v)
{
    switch (v->main->cpu.kind) {

    case ATTEST_KIND_NONE:
        return v->main->ak_cloud ? attest_verify_root_cloud(v)
                                 : attest_verify_root_tpm(v);

    case ATTEST_KIND_AZURE:
        return attest_verify_root_azure(v);

    default:
        return attest_verify_root_cpu(v);
    }
}


static unsigned
attest_verify_root_cpu(attest_verify_t *v)
{
    if (!v->main->cpu.proven) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_UNKNOWN,
                          "not evaluated: the CPU's report is not proven");
        return 0;
    }

    return v->main->cpu.simulated ? ATTEST_ROOT_SIMULATED : ATTEST_ROOT_TEE;
}


/* CPU -> paravisor's report -> attestation key -> quote of these claims. */

static unsigned
attest_verify_root_azure(attest_verify_t *v)
{
    int                   same;
    uint8_t               spki[32];
    const attest_part_t  *part = v->main;

    if (!part->cpu.proven || !part->cpu.has_ak || !part->proven) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_UNKNOWN,
                          "not evaluated: %s is not proven",
                          part->proven ? "the paravisor's report"
                                       : "the TPM quote");
        return 0;
    }

    same = attest_x509_spki_hash(part->ak.key, spki) == ATTEST_OK
           && CRYPTO_memcmp(spki, part->cpu.ak_spki, sizeof(spki)) == 0;

    attest_verify_add(v, "hcl-ak", same ? ATTEST_CHECK_PASS
                      : ATTEST_CHECK_FAIL, "the key that signed the quote is "
                      "%s that the paravisor's report vouches for",
                      same ? "the one" : "not the one");
    if (!same) {
        return 0;
    }

    v->ak_tied = 1;

    if (part->cpu.simulated) {
        return ATTEST_ROOT_SIMULATED;
    }

    return attest_verify_firmware(v, ATTEST_ROOT_TEE_VTPM)
           ? ATTEST_ROOT_TEE_VTPM : 0;
}


static unsigned
attest_verify_root_cloud(attest_verify_t *v)
{
    v->ak_tied = 1;

    if (v->main->ak_simulated) {
        return ATTEST_ROOT_SIMULATED;
    }

    return attest_verify_firmware(v, ATTEST_ROOT_CLOUD_VTPM)
           ? ATTEST_ROOT_CLOUD_VTPM : 0;
}


static unsigned
attest_verify_root_tpm(attest_verify_t *v)
{
    char      text[32];
    unsigned  root;

    if (!v->main->has_tpm) {
        return 0;
    }

    if (!v->main->proven) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_UNKNOWN,
                          "not evaluated: no proven quote is rooted in "
                          "anything");
        return 0;
    }

    root = attest_root_from_label(v->main->tpm.root);

    if (root == 0) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                          "the evidence names an unknown root of trust \"%s\"",
                          attest_verify_text(text, sizeof(text),
                                             v->main->tpm.root));
        return 0;
    }

    if (!attest_verify_firmware(v, root)) {
        return 0;
    }

    if ((root & v->policy->roots) == 0) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                          "the evidence is rooted in a %s TPM, which the "
                          "policy does not accept", attest_root_label(root));
        return 0;
    }

    if (root == ATTEST_ROOT_HOST_VTPM) {
        attest_verify_host_root(v);
        return 0;
    }

    if (root & ATTEST_ROOTS_UNPROVEN) {
        return root;
    }

    attest_verify_add(v, "root-of-trust", ATTEST_CHECK_UNKNOWN,
                      "the evidence says %s, but it carries nothing that "
                      "proves it beside a TPM quote", attest_root_label(root));
    return 0;
}


/*
 * Evidence is worth what the least of it is worth: what a simulated GPU sees
 * is seen by whoever simulates it, and a simulated cloud vouches for any TPM.
 */

static unsigned
attest_verify_root_simulated(const attest_verify_t *v, unsigned found)
{
    size_t                i;
    const attest_part_t  *part;

    for (i = 0; i < ATTEST_PARTS; i++) {
        part = &v->part[i];

        if (part->cpu.simulated || part->ak_simulated || part->gpu_simulated)
        {
            return ATTEST_ROOT_SIMULATED;
        }
    }

    return found;
}


/* The item "root-of-trust": what the gateway says of itself. */

static unsigned
attest_verify_root_stated(attest_verify_t *v, unsigned found)
{
    int                       wrong;
    char                      text[32];
    size_t                    i;
    unsigned                  stated;
    const attest_cmw_item_t  *item;

    item = attest_verify_item(v->main, ATTEST_ITEM_ROOT, ATTEST_TYPE_ROOT,
                              &wrong);
    if (item == NULL && !wrong) {
        return found;
    }

    stated = wrong ? 0 : attest_root_from_label(item->value);

    if (stated == 0) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                          "the evidence names an unknown root of trust \"%s\"",
                          wrong ? "" : attest_verify_text(text, sizeof(text),
                                                          item->value));
        return 0;
    }

    if (stated == found) {
        return found;
    }

    for (i = 0; i < ATTEST_ROOT_ORDER; i++) {

        if (attest_root_order[i] == stated) {
            return stated;
        }

        if (attest_root_order[i] == found) {
            break;
        }
    }

    attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                      "the evidence says it is rooted in %s, what it proves "
                      "is %s", attest_root_label(stated),
                      attest_root_label(found));
    return 0;
}


static void
attest_verify_root_accepted(attest_verify_t *v, unsigned root)
{
    if ((root & v->policy->roots) == 0) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                          "the evidence is rooted in %s, which the policy "
                          "does not accept", attest_root_label(root));
        return;
    }

    v->res->root = root;

    attest_verify_add(v, "root-of-trust", ATTEST_CHECK_PASS, "%s%s",
                      root == ATTEST_ROOT_TEE
                      ? "the CPU itself signed what runs"
                      : root == ATTEST_ROOT_TEE_VTPM
                      ? "a virtual TPM that the CPU's report vouches for"
                      : root == ATTEST_ROOT_CLOUD_VTPM
                      ? "a virtual TPM that the cloud vouches for"
                      : root == ATTEST_ROOT_SOFTWARE
                      ? "a software TPM" : "simulated hardware",
                      root & ATTEST_ROOTS_UNPROVEN
                      ? " proves nothing to a remote party, but the policy "
                        "accepts it by name" : ", which the policy accepts");
}


/*
 * PCR values beside a CPU's report are worth as much as their TPM: anybody
 * can put a TPM of his own into the evidence (evidence.md, cuckoo).
 */

static void
attest_verify_tpm_beside(attest_verify_t *v)
{
    const attest_part_t  *part = v->main;

    if (part->cpu.kind == ATTEST_KIND_NONE
        || part->cpu.kind == ATTEST_KIND_AZURE || !part->has_tpm)
    {
        return;
    }

    v->ak_tied = v->ak_named || (v->ek_chained && v->ek_activated)
                 || part->ak_cloud || part->svsm_ak;

    attest_verify_add(v, "tpm-beside", v->ak_tied ? ATTEST_CHECK_PASS
                      : attest_verify_wants_tpm(v)
                      ? ATTEST_CHECK_UNKNOWN : ATTEST_CHECK_NOTE,
                      "%s ties the TPM beside the CPU's report to this "
                      "machine%s", v->ak_tied ? "something that the policy "
                      "or a cloud vouches for" : "nothing",
                      v->ak_tied ? "" : ": its PCR values prove nothing");
}


/* Does the policy ask for anything that only a TPM answers? */

static int
attest_verify_wants_tpm(const attest_verify_t *v)
{
    const attest_policy_t  *p = v->policy;

    return attest_verify_set_count(p->pcrs) != 0
           || attest_verify_set_count(p->events) != 0
           || (p->require_eventlog && !v->main->cpu.has_log);
}
