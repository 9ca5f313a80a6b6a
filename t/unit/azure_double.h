/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Plays Azure's paravisor: makes the JSON text and the report around it, for
 * a hardware report that the caller signs.  Pure C and OpenSSL, no I/O.
 *
 *   azure_double_json() -> azure_double_report_data() -> sign a hardware
 *   report over that -> azure_double_hcl()
 */


#ifndef AZURE_DOUBLE_H_INCLUDED
#define AZURE_DOUBLE_H_INCLUDED


#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>


#define AZURE_DOUBLE_SNP       2
#define AZURE_DOUBLE_TDX       4
#define AZURE_DOUBLE_ROOM      2600          /* as the NV index has it */
#define AZURE_DOUBLE_JSON      0x4d4
#define AZURE_DOUBLE_VM        "0C0FFEE0-0000-4000-8000-00000000D0B1"


/* What the text says of the machine; all zero is a sane machine. */

typedef struct {
    const char   *vm_unique_id;              /* NULL: AZURE_DOUBLE_VM */
    int           no_secure_boot;
    int           console;
    int           newer;                     /* members that newer ones have */
    const char   *user_data;                 /* hex; NULL: zeros */
} azure_double_vm_t;


/* Base64url without padding of an RSA key's modulus. */

static inline int
azure_double_modulus(EVP_PKEY *key, char *out, size_t room)
{
    int       i, n;
    BIGNUM   *bn = NULL;
    uint8_t   raw[512];
    char      text[700];

    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &bn) != 1) {
        return 0;
    }

    n = BN_num_bytes(bn);
    if (n > (int) sizeof(raw) || BN_bn2binpad(bn, raw, n) != n) {
        BN_free(bn);
        return 0;
    }

    BN_free(bn);
    n = EVP_EncodeBlock((uint8_t *) text, raw, n);

    for (i = 0; i < n; i++) {
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }

    while (n > 0 && text[n - 1] == '=') {
        n--;
    }

    return snprintf(out, room, "%.*s", n, text) < (int) room;
}


/* ek may be NULL.  Length of the text, 0: no room. */

static inline size_t
azure_double_json(EVP_PKEY *ak, EVP_PKEY *ek, const azure_double_vm_t *vm,
    char *out, size_t room)
{
    int                        n;
    char                       ak_n[700], ek_n[700] = "";
    static const char          zeros[] =
        "0000000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000000";
    static azure_double_vm_t   sane;

    vm = vm != NULL ? vm : &sane;

    if (!azure_double_modulus(ak, ak_n, sizeof(ak_n))
        || (ek != NULL && !azure_double_modulus(ek, ek_n, sizeof(ek_n))))
    {
        return 0;
    }

    n = snprintf(out, room,
                 "{\"keys\":[{\"kid\":\"HCLAkPub\",\"key_ops\":[\"sign\"],"
                 "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"}"
                 "%s%s%s],\"vm-configuration\":{%s\"console-enabled\":%s,"
                 "\"secure-boot\":%s,\"tpm-enabled\":true,%s"
                 "\"vmUniqueId\":\"%s\"},\"user-data\":\"%s\"}", ak_n,
                 ek == NULL ? "" : ",{\"kid\":\"HCLEkPub\",\"key_ops\":"
                 "[\"encrypt\"],\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"",
                 ek_n, ek == NULL ? "" : "\"}",
                 vm->newer ? "\"root-cert-thumbprint\":\"6nZZnYaJ\"," : "",
                 vm->console ? "true" : "false",
                 vm->no_secure_boot ? "false" : "true",
                 vm->newer ? "\"tpm-persisted\":false," : "",
                 vm->vm_unique_id != NULL ? vm->vm_unique_id
                 : AZURE_DOUBLE_VM,
                 vm->user_data != NULL ? vm->user_data : zeros);

    return n > 0 && (size_t) n < room ? (size_t) n : 0;
}


/* What the hardware report must have as report_data. */

static inline int
azure_double_report_data(const char *json, size_t len, uint8_t out[64])
{
    memset(out, 0, 64);

    return EVP_Digest(json, len, out, NULL, EVP_sha256(), NULL) == 1;
}


static inline void
azure_double_le32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t) v;
    p[1] = (uint8_t) (v >> 8);
    p[2] = (uint8_t) (v >> 16);
    p[3] = (uint8_t) (v >> 24);
}


/*
 * A TDREPORT whose TDINFO and report_data are those of a quote: `signed_info`
 * is the 400 bytes from TDATTRIBUTES to RTMR3 of the quote's body.
 */

static inline int
azure_double_tdreport(const uint8_t signed_info[400],
    const uint8_t report_data[64], uint8_t out[1024])
{
    memset(out, 0, 1024);

    out[0] = 0x81;
    memcpy(out + 128, report_data, 64);
    memcpy(out + 512, signed_info, 400);

    return EVP_Digest(out + 256, 239, out + 32, NULL, EVP_sha384(), NULL) == 1
           && EVP_Digest(out + 512, 512, out + 80, NULL, EVP_sha384(), NULL)
              == 1;
}


/* The report as the NV index has it; 0: no room or a foreign report. */

static inline size_t
azure_double_hcl(uint32_t type, const uint8_t *report, size_t report_len,
    const char *json, size_t json_len, uint8_t *out, size_t room)
{
    size_t  n;

    n = AZURE_DOUBLE_JSON + json_len;
    n = n < AZURE_DOUBLE_ROOM ? AZURE_DOUBLE_ROOM : n;

    if (n > room || report_len != (type == AZURE_DOUBLE_SNP ? 1184 : 1024)) {
        return 0;
    }

    memset(out, 0, n);
    memcpy(out, "HCLA", 4);
    azure_double_le32(out + 4, type == AZURE_DOUBLE_SNP ? 1 : 2);
    azure_double_le32(out + 8, (uint32_t) (AZURE_DOUBLE_JSON + json_len));
    azure_double_le32(out + 12, 2);
    memcpy(out + 32, report, report_len);
    azure_double_le32(out + 0x4c0, (uint32_t) (20 + json_len));
    azure_double_le32(out + 0x4c4, 1);
    azure_double_le32(out + 0x4c8, type);
    azure_double_le32(out + 0x4cc, 1);
    azure_double_le32(out + 0x4d0, (uint32_t) json_len);
    memcpy(out + AZURE_DOUBLE_JSON, json, json_len);

    return n;
}


#endif /* AZURE_DOUBLE_H_INCLUDED */
