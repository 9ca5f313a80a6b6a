/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which sources of evidence does this machine have?  Looks at devices and at
 * what the firmware says of the machine's maker; "attest_provider auto".
 */


#ifndef PROV_DETECT_H_INCLUDED
#define PROV_DETECT_H_INCLUDED


#include <stdbool.h>


typedef struct {
    unsigned     nitro:1;
    unsigned     tsm:1;
    unsigned     azure:1;          /* with its TPM */
    unsigned     gcp:1;            /* with its TPM */
    unsigned     tpm:1;
    unsigned     gpu:1;
    const char  *eventlog;         /* static paths, NULL: there is none */
    const char  *ccel;
    char         picked[64];       /* "tsm+tpm" */
    char         why[512];         /* what was looked at, for the log */
} prov_detected_t;


/*
 * root: "" for this machine, or a folder that stands for "/".  has_hcl is
 * asked on Azure only: prov_detect_hcl(), which asks the TPM.
 */
void prov_detect(const char *root, bool (*has_hcl)(void),
    prov_detected_t *d);
bool prov_detect_hcl(void);


#endif /* PROV_DETECT_H_INCLUDED */
