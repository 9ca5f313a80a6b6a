/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Azure's paravisor (HCL, OpenHCL) vouches for the keys of its virtual TPM:
 * a hardware report whose report_data is the hash of a JSON text that names
 * them.  The layout is that of the guest's NV index 0x01400001, as Microsoft
 * documents it (Azure confidential VM guest attestation) and as reports of
 * real machines have it.
 */


#ifndef ATTEST_HCL_H_INCLUDED
#define ATTEST_HCL_H_INCLUDED


#include <openssl/evp.h>

#include "core/base/attest_core.h"


#define ATTEST_HCL_SNP            2        /* report types */
#define ATTEST_HCL_TDX            4

#define ATTEST_HCL_REPORT_SNP     1184     /* AMD's ATTESTATION_REPORT */
#define ATTEST_HCL_REPORT_TDX     1024     /* Intel's TDREPORT */
#define ATTEST_HCL_REPORT_DATA    64
#define ATTEST_HCL_USER_DATA      64
#define ATTEST_HCL_TEXT           96

/* Offsets in a TDREPORT (Intel TDX module specification, TDREPORT_STRUCT). */
#define ATTEST_TDREPORT_DATA      128      /* 64 bytes */
#define ATTEST_TDREPORT_TDINFO    512      /* 512 bytes */
/* .. and in its TDINFO: in this order, without gaps */
#define ATTEST_TDINFO_SIGNED      400      /* attributes 8, xfam 8, mrtd,
                                              mrconfigid, mrowner,
                                              mrownerconfig, rtmr0 to 3:
                                              48 each */


typedef enum {
    ATTEST_HCL_UNSAID = 0,                 /* the member is not there */
    ATTEST_HCL_FALSE,
    ATTEST_HCL_TRUE
} attest_hcl_bool_e;


/* The JSON text: keys, virtual machine, what the guest asked to be named. */

typedef struct {
    EVP_PKEY            *ak;               /* HCLAkPub, owned */
    EVP_PKEY            *ek;               /* HCLEkPub, owned; may be NULL */
    attest_hcl_bool_e    secure_boot;
    attest_hcl_bool_e    tpm_enabled;
    attest_hcl_bool_e    tpm_persisted;
    attest_hcl_bool_e    console_enabled;
    char                 vm_unique_id[ATTEST_HCL_TEXT];   /* "": not there */
    char                 root_cert_thumbprint[ATTEST_HCL_TEXT];
    uint8_t              user_data[ATTEST_HCL_USER_DATA];
    size_t               user_data_len;    /* 0: not there */
} attest_hcl_runtime_t;

typedef struct {
    uint32_t              version;         /* of the header, 1 or 2 */
    uint32_t              type;            /* ATTEST_HCL_SNP, _TDX */
    uint32_t              hash;            /* 1 SHA-256, 2 -384, 3 -512 */
    attest_span_t         report;          /* 1184 or 1024 bytes */
    attest_span_t         report_data;     /* 64 bytes of it */
    attest_span_t         json;            /* exactly as stored */
    attest_hcl_runtime_t  runtime;
} attest_hcl_t;


/*
 * One report, with the zeros that fill its NV index.  Borrows from p, except
 * for the keys: attest_hcl_free().  ATTEST_EFORMAT: sizes that do not agree,
 * anything but zeros where the layout has nothing, JSON that is malformed, a
 * member given twice or of the wrong type, no or more than one HCLAkPub;
 * ATTEST_EUNSUPPORTED: another version, report type, hash, or kind of key;
 * ATTEST_ECRYPTO: an RSA key below 2048 bits; ATTEST_ELIMIT.
 */
int attest_hcl_parse(const uint8_t *p, size_t n, attest_hcl_t *hcl);
void attest_hcl_free(attest_hcl_t *hcl);

/*
 * ATTEST_OK when the hardware report's report_data is the hash of the JSON
 * text and zeros; ATTEST_EMISMATCH, ATTEST_EINTERNAL.
 */
int attest_hcl_check(const attest_hcl_t *hcl);

/* "SHA-256" and so on. */
const char *attest_hcl_hash_name(uint32_t hash);

/* attest_hcl_json.c: the JSON text alone, with the errors above. */
int attest_hcl_runtime_parse(attest_span_t json, attest_hcl_runtime_t *rt);
void attest_hcl_runtime_free(attest_hcl_runtime_t *rt);




#endif /* ATTEST_HCL_H_INCLUDED */
