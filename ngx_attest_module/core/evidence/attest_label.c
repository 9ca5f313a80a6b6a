/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The trust labels, in the order of what they are worth.
 */


#include "core/evidence/attest_label.h"


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
attest_label_root(attest_span_t label)
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
attest_label_name(unsigned root)
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
