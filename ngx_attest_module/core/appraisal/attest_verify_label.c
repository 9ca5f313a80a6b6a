/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which label the claims' signer proves: a CPU, a TPM that a cloud vouches
 * for, or a TPM alone.  Azure's TPM is in attest_verify_azure.c.
 */


#include "core/appraisal/attest_verify_ek.h"
#include "core/appraisal/attest_verify_label.h"
#include "core/appraisal/attest_verify_report.h"


static unsigned attest_verify_label_cloud(attest_verify_t *v);
static unsigned attest_verify_label_alone(attest_verify_t *v);
static unsigned attest_verify_label_more(attest_verify_t *v,
    unsigned stated);


unsigned
attest_verify_label_signed(attest_verify_t *v)
{
    if (!v->main->cpu.proven) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_UNKNOWN,
                          "not evaluated: the CPU's report is not proven");
        return 0;
    }

    return v->main->cpu.simulated ? ATTEST_ROOT_SIMULATED : ATTEST_ROOT_TEE;
}


/* Of a TPM that no CPU stands beside. */

unsigned
attest_verify_label_quoted(attest_verify_t *v)
{
    return v->main->ak_cloud ? attest_verify_label_cloud(v)
                             : attest_verify_label_alone(v);
}


/* What a TPM is in the machine's own eyes may be less, but not more. */

static unsigned
attest_verify_label_cloud(attest_verify_t *v)
{
    char      text[32];
    unsigned  stated;

    v->ak_tied = 1;

    if (v->main->ak_simulated) {
        return ATTEST_ROOT_SIMULATED;
    }

    stated = attest_label_root(v->main->tpm.root);

    if (attest_label_least(stated, ATTEST_ROOT_CLOUD_VTPM) != stated) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                          "the TPM says it is rooted in \"%s\", what is "
                          "proven is %s",
                          attest_verify_text(text, sizeof(text),
                                             v->main->tpm.root),
                          attest_label_name(ATTEST_ROOT_CLOUD_VTPM));
        return 0;
    }

    return attest_verify_firmware(v, ATTEST_ROOT_CLOUD_VTPM)
           ? ATTEST_ROOT_CLOUD_VTPM : 0;
}


static unsigned
attest_verify_label_alone(attest_verify_t *v)
{
    char      text[32];
    unsigned  found, stated;

    if (!v->main->has_tpm) {
        return 0;
    }

    if (!v->main->proven) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_UNKNOWN,
                          "not evaluated: no proven quote is rooted in "
                          "anything");
        return 0;
    }

    stated = attest_label_root(v->main->tpm.root);

    if (stated == 0) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                          "the evidence names an unknown root of trust \"%s\"",
                          attest_verify_text(text, sizeof(text),
                                             v->main->tpm.root));
        return 0;
    }

    if (!attest_verify_firmware(v, stated)) {
        return 0;
    }

    found = attest_verify_ek_label(v);

    if (stated != found && attest_label_least(stated, found) == found) {
        return attest_verify_label_more(v, stated);
    }

    return attest_verify_label_stated(v, found, stated) ? found : 0;
}


/* A TPM's item that says more than is proven: not yet, or not at all? */

static unsigned
attest_verify_label_more(attest_verify_t *v, unsigned stated)
{
    if ((stated & v->policy->roots) == 0) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                          "the evidence is rooted in a %s TPM, which the "
                          "policy does not accept",
                          attest_label_name(stated));

    } else if (stated == ATTEST_ROOT_HOST_VTPM) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_UNKNOWN,
                          "nothing ties the attestation key to a real TPM: "
                          "the policy names neither the key nor a maker "
                          "whose certificate the TPM could prove");

    } else {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_UNKNOWN,
                          "the evidence says %s, but it carries nothing that "
                          "proves it beside a TPM quote",
                          attest_label_name(stated));
    }

    return 0;
}


/* Neither more than is proven, nor what the policy does not accept. */

bool
attest_verify_label_stated(attest_verify_t *v, unsigned found,
    unsigned stated)
{
    if (stated == found) {
        return 1;
    }

    if (attest_label_least(stated, found) == found) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                          "the evidence says it is rooted in %s, what it "
                          "proves is %s; what would prove the former: %s",
                          attest_label_name(stated), attest_label_name(found),
                          attest_label(stated)->proof);
        return 0;
    }

    if ((stated & v->policy->roots) == 0) {
        attest_verify_add(v, "root-of-trust", ATTEST_CHECK_FAIL,
                          "the evidence says of itself that it is rooted in "
                          "%s, which the policy does not accept",
                          attest_label_name(stated));
        return 0;
    }

    attest_verify_add(v, "root-stated", ATTEST_CHECK_NOTE,
                      "the evidence says of itself that it is rooted in %s, "
                      "what it proves is %s", attest_label_name(stated),
                      attest_label_name(found));
    return 1;
}
