/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shared by the files of the Nitro provider: one request to the security
 * module (prov_nitro_nsm.c) and the provider itself
 * (prov_nitro_provider.c).
 */


#ifndef PROV_NITRO_INTERNAL_H_INCLUDED
#define PROV_NITRO_INTERNAL_H_INCLUDED


#include "providers/prov_bounded.h"
#include "core/evidence/attest_nitro.h"
#include "providers/attest_provider.h"


/* Limits of the driver, linux/drivers/misc/nsm.c. */
#define ATTEST_NSM_REQUEST     0x1000
#define ATTEST_NSM_RESPONSE    0x3000

#define ATTEST_NSM_ERROR_LEN   256


/* One request, in a thread of its own. */

typedef struct {
    prov_bounded_t     bounded;
    int                fd;           /* closed with it */
    int64_t            deadline;
    uint8_t            request[ATTEST_NSM_REQUEST];
    size_t             request_len;

    /* results */
    int                err;          /* errno; 0: there is a response */
    uint8_t            response[ATTEST_NSM_RESPONSE];
    size_t             response_len;
} prov_nsm_call_t;


/*
 * {"Attestation": {"user_data": .., "nonce": .., "public_key": null}}; an
 * empty nonce is null.  NULL: out of memory, or it is too long.  fd is taken
 * over, also on failure.
 */
prov_nsm_call_t *prov_nsm_call_create(int fd, attest_span_t user_data,
    attest_span_t nonce, int64_t deadline);

/*
 * The document in a response, borrowed.  ATTEST_E* and error, which has what
 * the module said.
 */
int prov_nsm_document(const prov_nsm_call_t *call, attest_span_t *doc,
    char *error);

/* What an errno of the driver means. */
const char *prov_nsm_reason(int err);

/* Is this descriptor the kernel's /dev/nsm? */
bool prov_nsm_is_device(int fd);

/*
 * NULL when AWS vouched for the document when it was made, or a static text
 * that says why not.
 */
const char *prov_nitro_genuine(const attest_nitro_t *doc);


#endif /* PROV_NITRO_INTERNAL_H_INCLUDED */
