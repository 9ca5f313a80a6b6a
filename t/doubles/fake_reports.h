
/*
 * What the double of configfs-tsm answers.
 */


#ifndef FAKE_REPORTS_H_INCLUDED
#define FAKE_REPORTS_H_INCLUDED


#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>


typedef struct {
    const char  *provider;
    const char  *kind;               /* what is wrong with it; "": nothing */
    uint8_t      inblob[64];
    int          svsm;
    int          vmpl;
    long         pad;
    long         aux;                /* -1: as it is made */
    long         manifest;

    uint8_t     *out;                /* malloc()ed */
    size_t       out_len;
    uint8_t     *aux_blob;
    size_t       aux_len;
    uint8_t     *man_blob;
    size_t       man_len;
} fake_request_t;


static inline void
fake_snp(fake_request_t *req, const uint8_t data[64])
{
    req->out_len = 1184;
    req->out = calloc(1, req->out_len);
    req->out[0] = 3;
    req->out[0x30] = (uint8_t) req->vmpl;
    req->out[0x34] = 1;
    memcpy(req->out + 0x50, data, 64);
}


static inline void
fake_tdx(fake_request_t *req, const uint8_t data[64])
{
    int  v5 = strcmp(req->kind, "v5") == 0;

    req->out_len = 5006;
    req->out = calloc(1, req->out_len);
    req->out[0] = v5 ? 5 : 4;
    req->out[2] = 2;
    req->out[4] = 0x81;
    if (v5) {
        req->out[48] = 3;
    }
    memcpy(req->out + (v5 ? 574 : 568), data, 64);
}


static inline void
fake_report_data(fake_request_t *req, uint8_t data[64])
{
    EVP_MD_CTX  *ctx;

    memcpy(data, req->inblob, 64);

    if (req->svsm) {
        req->man_len = (size_t) req->manifest;
        req->man_blob = malloc(req->man_len + 1);
        memset(req->man_blob, 0x5a, req->man_len);

        ctx = EVP_MD_CTX_new();
        EVP_DigestInit_ex(ctx, EVP_sha512(), NULL);
        EVP_DigestUpdate(ctx, req->inblob, 64);
        EVP_DigestUpdate(ctx, req->man_blob, req->man_len);
        EVP_DigestFinal_ex(ctx, data, NULL);
        EVP_MD_CTX_free(ctx);
    }

    if (strcmp(req->kind, "wrong") == 0) {
        data[0] ^= 1;
    }
}


static inline void
fake_report(fake_request_t *req)
{
    uint8_t  data[64];

    fake_report_data(req, data);

    if (strcmp(req->provider, "tdx_guest") == 0) {
        fake_tdx(req, data);

    } else {
        fake_snp(req, data);
    }

    if (strcmp(req->kind, "garbage") == 0) {
        memset(req->out, 0xa5, req->out_len);

    } else if (strcmp(req->kind, "dice") == 0) {
        req->out[0] = 0xd2;

    } else if (strcmp(req->kind, "short") == 0) {
        req->out_len = 300;

    } else if (strcmp(req->kind, "empty") == 0) {
        req->out_len = 0;
    }

    if (req->pad > (long) req->out_len) {
        req->out = realloc(req->out, (size_t) req->pad);
        memset(req->out + req->out_len, 0, (size_t) req->pad - req->out_len);
        req->out_len = (size_t) req->pad;
    }

    if (req->aux >= 0) {
        free(req->aux_blob);
        req->aux_len = (size_t) req->aux;
        req->aux_blob = calloc(1, req->aux_len + 1);
    }
}


#endif /* FAKE_REPORTS_H_INCLUDED */
