/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The state of a transport to the TPM, and what all transports need: how much
 * time is left, and how one is given up.
 */


#ifndef PROV_TCTI_COMMON_H_INCLUDED
#define PROV_TCTI_COMMON_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include <tss2/tss2_tcti.h>


#define ATTEST_TCTI_MAX       4096     /* TPM2_MAX_COMMAND_SIZE */
#define ATTEST_TCTI_HEADER    10       /* tag, size, code */


typedef struct prov_tcti_s    prov_tcti_t;

struct prov_tcti_s {
    TSS2_TCTI_CONTEXT_COMMON_V1   v1;        /* first: tpm2-tss casts to it */
    int64_t                       deadline;  /* attest_monotonic_now() */
    int                           fd;        /* swtpm, -1: not open */
    TSS2_TCTI_CONTEXT            *inner;     /* all others */
    int                           broken;    /* out of step with the TPM */
    uint8_t                       command[ATTEST_TCTI_MAX];
    size_t                        command_len;
    uint8_t                      *answer;    /* where the last one was put */
    size_t                        answer_len;
    char                          reason[128];
};


/* Milliseconds until t->deadline, never negative. */
int prov_tcti_left(prov_tcti_t *t);

/* Remembers why the transport can be used no more. */
TSS2_RC prov_tcti_break(prov_tcti_t *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


#endif /* PROV_TCTI_COMMON_H_INCLUDED */
