/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the evidence is rooted in: the label of all parts that the verdict
 * needs, and whether the policy accepts it.
 */


#include <string.h>

#include <openssl/crypto.h>

#include "core/base/attest_cbor.h"
#include "core/appraisal/attest_verify_ak_cert.h"
#include "core/appraisal/attest_verify_ek.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_label.h"
#include "core/appraisal/attest_verify_report.h"
#include "core/appraisal/attest_verify_root.h"
#include "core/crypto/attest_x509.h"


static bool attest_verify_root_items(attest_verify_t *v, unsigned found);
static unsigned attest_verify_root_least(attest_verify_t *v, unsigned found);
static bool attest_verify_root_accepted(attest_verify_t *v, unsigned root);
static bool attest_verify_root_simulated(const attest_verify_t *v);
static bool attest_verify_tpm_beside(attest_verify_t *v, unsigned *root);
static const char *attest_verify_tpm_tie(const attest_verify_t *v);
static unsigned attest_verify_tpm_worth(const attest_verify_t *v);
static bool attest_verify_wants_tpm(const attest_verify_t *v);


/*
 * What the evidence is rooted in is decided here by what was proven: the
 * least of all parts that the verdict needs, each of which the policy has to
 * accept by its own label, for a policy is a set of labels and not the lowest
 * of them.  What the gateway says of itself is a condition that has to hold,
 * and never the result: whatever it says, nothing gets better by it.
 */

void
attest_verify_root(attest_verify_t *v)
{
    unsigned  root;

    v->res->kind = v->main->cpu.kind;
    v->res->chip = v->main->cpu.chip;

    root = attest_verify_kind_label(v);
    v->res->found = root;

    if (root != 0 && attest_verify_root_items(v, root)) {
        v->res->root = attest_verify_root_least(v, root);
    }

    attest_verify_kind_named(v);
    attest_verify_clouds(v);
}


/* The item "root-of-trust" of every part: what the gateway says of itself. */

static bool
attest_verify_root_items(attest_verify_t *v, unsigned found)
{
    int                       wrong;
    char                      text[32];
    size_t                    i;
    unsigned                  stated;
    const attest_cmw_item_t  *item;

    for (i = 0; i < ATTEST_PARTS; i++) {
        item = attest_verify_item(&v->part[i], ATTEST_ITEM_ROOT,
                                  ATTEST_TYPE_ROOT, &wrong);
        if (item == NULL && !wrong) {
            continue;
        }

        stated = wrong ? 0 : attest_label_root(item->value);

        if (stated == 0) {
            attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                              "the evidence names an unknown root of trust "
                              "\"%s\"", wrong ? ""
                              : attest_verify_text(text, sizeof(text),
                                                   item->value));
            return 0;
        }

        if (!attest_verify_label_stated(v, found, stated)) {
            return 0;
        }
    }

    return 1;
}


/* 0: one of the parts is not accepted, or not decided. */

static unsigned
attest_verify_root_least(attest_verify_t *v, unsigned found)
{
    int                     ok;
    unsigned                root = found;
    const attest_label_t   *label;

    ok = attest_verify_root_accepted(v, found);
    ok &= attest_verify_tpm_beside(v, &root);

    if (found != ATTEST_ROOT_SIMULATED && attest_verify_root_simulated(v)) {
        root = ATTEST_ROOT_SIMULATED;
        ok &= attest_verify_root_accepted(v, root);
    }

    if (!ok) {
        return 0;
    }

    label = attest_label(root);

    attest_verify_add(v, "root-of-trust", ATTEST_CHECK_PASS, "%s%s",
                      label->text, root & ATTEST_ROOTS_UNPROVEN
                      ? " proves nothing to a remote party, but the policy "
                        "accepts it by name" : ", which the policy accepts");
    return root;
}


static bool
attest_verify_root_accepted(attest_verify_t *v, unsigned root)
{
    if ((root & v->policy->roots) != 0) {
        return 1;
    }

    attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                      "the evidence is rooted in %s%s, which the policy does "
                      "not accept", attest_label_name(root),
                      root == ATTEST_ROOT_SOFTWARE
                      ? " (a software TPM, or nothing ties it to another)"
                      : "");
    return 0;
}


/*
 * What a simulated GPU sees is seen by whoever simulates it, and a simulated
 * cloud vouches for any TPM.
 */

static bool
attest_verify_root_simulated(const attest_verify_t *v)
{
    size_t                i;
    const attest_part_t  *part;

    for (i = 0; i < ATTEST_PARTS; i++) {
        part = &v->part[i];

        if (part->cpu.simulated || part->ak_simulated || part->gpu_simulated)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * PCR values beside a CPU's report are worth as much as their TPM.  Anybody
 * can put a TPM of his own into the evidence (docs/threat-model.md), and what
 * vouches for *a* TPM, its maker or a cloud, does not say in which machine it
 * is: such a proof can be relayed.  Then the policy has to accept what the
 * TPM is by itself, and the lower of both labels comes out.  0: it does not.
 */

static bool
attest_verify_tpm_beside(attest_verify_t *v, unsigned *root)
{
    unsigned              worth;
    const char           *tie;
    const attest_part_t  *part = v->main;

    if (attest_kind_is_quoted(part->cpu.kind) || !part->has_tpm) {
        return 1;
    }

    tie = attest_verify_tpm_tie(v);

    if (tie != NULL) {
        v->ak_tied = 1;
        attest_verify_add(v, "tpm-beside", ATTEST_CHECK_PASS, "%s ties the "
                          "TPM beside the CPU's report to this machine", tie);
        return 1;
    }

    if (!attest_verify_wants_tpm(v)) {
        attest_verify_add(v, "tpm-beside", ATTEST_CHECK_NOTE,
                          "nothing ties the TPM beside the CPU's report to "
                          "this machine: its PCR values prove nothing");
        return 1;
    }

    worth = attest_verify_tpm_worth(v);
    *root = attest_label_least(*root, worth);

    if ((worth & v->policy->roots) == 0) {
        attest_verify_add(v, "tpm-beside", ATTEST_CHECK_UNKNOWN,
                          "nothing ties the TPM beside the CPU's report to "
                          "this machine: what it says may be another "
                          "machine's.  By itself its label is %s, which "
                          "the policy does not accept",
                          attest_label_name(worth));
        return 0;
    }

    attest_verify_add(v, "tpm-beside", ATTEST_CHECK_NOTE,
                      "nothing ties the TPM beside the CPU's report to this "
                      "machine: what it says may be another machine's.  "
                      "The label of the evidence as a whole is %s, which "
                      "the policy accepts", attest_label_name(*root));
    return 1;
}


/* NULL: there is nothing. */

static const char *
attest_verify_tpm_tie(const attest_verify_t *v)
{
    if (v->main->svsm_ak) {
        return "the CPU's report of a service module";
    }

    return v->ak_named ? "the policy, which names its key (ak)," : NULL;
}


/* What it would be without the CPU. */

static unsigned
attest_verify_tpm_worth(const attest_verify_t *v)
{
    const attest_part_t  *part = v->main;

    if (part->ak_simulated) {
        return ATTEST_ROOT_SIMULATED;
    }

    if (part->ak_cloud
        && !attest_tpm_firmware_is_software(part->quote.firmware))
    {
        return ATTEST_ROOT_CLOUD_VTPM;
    }

    return attest_verify_ek_label(v);
}


/*
 * Does the policy ask for anything that only a TPM answers?  A project or an
 * instance of Google's is what the certificate of the TPM's key says.
 */

static bool
attest_verify_wants_tpm(const attest_verify_t *v)
{
    const attest_policy_t  *p = v->policy;

    return attest_verify_set_count(p->pcrs) != 0
           || attest_verify_set_count(p->events) != 0
           || (p->gcp.given && v->main->ak_google)
           || (p->require_eventlog && !v->main->cpu.has_log);
}
