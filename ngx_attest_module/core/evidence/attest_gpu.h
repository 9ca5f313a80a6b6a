/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The evidence of GPUs as NVIDIA's SDK writes it: JSON, a list of
 * { "arch", "certificate", "evidence", "nonce" }, one object a device.
 */


#ifndef ATTEST_GPU_H_INCLUDED
#define ATTEST_GPU_H_INCLUDED


#include <openssl/x509.h>

#include "core/base/attest_core.h"
#include "core/evidence/attest_spdm.h"


#define ATTEST_GPU_MAX_DEVICES   64
#define ATTEST_GPU_MAX_ARCH      32             /* characters */
#define ATTEST_GPU_MAX_CHAIN     (16 * 1024)    /* PEM bytes of one device */
#define ATTEST_GPU_MAX_VERSION   64             /* with the terminating 0 */


typedef struct {
    attest_span_t   arch;             /* "HOPPER", "BLACKWELL", "LS10"; 1..32
                                         of A-Z a-z 0-9 - _ */
    attest_span_t   chain;            /* PEM, the leaf first: "certificate" */
    attest_span_t   report;           /* SPDM request and response, at most
                                         ATTEST_SPDM_MAX: "evidence" */
    uint8_t         nonce[ATTEST_SPDM_NONCE];   /* of the request */
} attest_gpu_device_t;

typedef struct {
    attest_gpu_device_t   devices[ATTEST_GPU_MAX_DEVICES];
    size_t                count;
    uint8_t              *heap;       /* decoded base64 */
} attest_gpu_t;


/*
 * The item's value.  *len: room in, bytes out; ATTEST_ENOSPACE sets *len to
 * the need.  Not terminated, no blanks, members in the order above.
 * ATTEST_EARG: no device or more than ATTEST_GPU_MAX_DEVICES, an empty or
 * foreign arch, an empty chain or report; ATTEST_ELIMIT: one that is too
 * long, or more than ATTEST_MAX_LOG in all.
 */
int attest_gpu_encode(const attest_gpu_device_t *devices, size_t count,
    char *out, size_t *len);

/*
 * JSON (RFC 8259) of this form only: exactly the four members, each once, in
 * any order; strings without escapes; standard base64 with its padding, 64
 * hex digits.  arch is borrowed from the input, the rest from gpu->heap.
 * ATTEST_EFORMAT, ATTEST_ELIMIT (as above), ATTEST_EINTERNAL.
 */
int attest_gpu_parse(const uint8_t *p, size_t n, attest_gpu_t *gpu);
void attest_gpu_free(attest_gpu_t *gpu);


/* What an architecture's name stands for. */

typedef enum {
    ATTEST_GPU_UNKNOWN = 0,
    ATTEST_GPU_GPU,
    ATTEST_GPU_SWITCH
} attest_gpu_class_e;

/*
 * By the name of the architecture: the class, and in *chip what the subject
 * of a device's certificate begins with ("GH100" begins with "GH").
 */
attest_gpu_class_e attest_gpu_class(attest_span_t arch, const char **chip);

/*
 * SHA-384 digest of the firmware that a device's certificate names in the
 * DICE extension 2.23.133.5.4.1 or 2.23.133.5.4.1.1 (TCG DICE Attestation
 * Architecture).  ATTEST_EUNSUPPORTED: it has neither; ATTEST_EFORMAT.
 */
int attest_gpu_fwid(X509 *leaf, uint8_t fwid[ATTEST_SHA384_LEN]);

/*
 * Who a device is: SHA-256 of the SubjectPublicKeyInfo in the certificate
 * behind the leaf, which is the device's own identity and stays when its
 * firmware changes.  That certificate must have signed the leaf:
 * ATTEST_ECRYPTO; ATTEST_EFORMAT: there is none.
 */
int attest_gpu_identity(STACK_OF(X509) *chain, uint8_t id[ATTEST_SHA256_LEN]);

/*
 * The driver's and the VBIOS' version as people write them, "590.12" and
 * "96.00.A5.00.01"; "" when the report has none, or one that is no text.
 */
void attest_gpu_driver(const attest_spdm_t *spdm,
    char out[ATTEST_GPU_MAX_VERSION]);
void attest_gpu_vbios(const attest_spdm_t *spdm,
    char out[ATTEST_GPU_MAX_VERSION]);

/*
 * How a GPU is protected: "spt" (alone), "mpt" (several, their links are
 * encrypted) or "ppcie" (several, links in the clear through switches, which
 * have to be trusted); "none" when the report does not say, as old drivers'
 * do not; NULL: a mode that this version does not know.
 */
const char *attest_gpu_mode(const attest_spdm_t *spdm);

/*
 * The security version of the microcode of a GPU's FSP: the higher, the more
 * faults are mended.  0: the report does not say, as old drivers' do not, or
 * not in the form that it has.
 */
bool attest_gpu_fsp_svn(const attest_spdm_t *spdm, unsigned *svn);


#endif /* ATTEST_GPU_H_INCLUDED */
