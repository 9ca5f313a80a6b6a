/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the double of configfs-tsm answers: reports and quotes that a test
 * root vouches for, and what is wrong with them on demand.
 */


#ifndef FAKE_REPORTS_H_INCLUDED
#define FAKE_REPORTS_H_INCLUDED


#include <stdio.h>

#include "snp_double.h"
#include "tdx_double.h"


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


static snp_double_t  fake_amd;
static tdx_double_t  fake_intel;


/* Keys and roots; these go to a file, for policies. 1, or 0. */

static inline int
fake_init(const char *roots)
{
    int    ok;
    FILE  *f;

    /* smaller keys than AMD's, for the sake of time */

    fake_amd.bits = 2048;
    memset(fake_amd.chip, 0xc1, sizeof(fake_amd.chip));
    memset(fake_amd.measurement, 0x3e, sizeof(fake_amd.measurement));
    memset(fake_amd.report_id, 0x1d, sizeof(fake_amd.report_id));
    memcpy(fake_amd.tcb, "\x03\x00\x08\x73\x00", 5);

    if (!snp_double_init(&fake_amd) || !snp_double_leaf(&fake_amd)
        || !tdx_double_init(&fake_intel, SNP_DOUBLE_FROM, SNP_DOUBLE_UNTIL))
    {
        return 0;
    }

    if (roots == NULL) {
        return 1;
    }

    f = fopen(roots, "we");
    ok = f != NULL && PEM_write_X509(f, fake_amd.ark) == 1
         && PEM_write_X509(f, fake_intel.root) == 1;

    return f != NULL && fclose(f) == 0 && ok;
}


static inline void
fake_free(void)
{
    snp_double_free(&fake_amd);
    tdx_double_free(&fake_intel);
}


static inline int
fake_is(const fake_request_t *req, const char *kind)
{
    return strcmp(req->kind, kind) == 0;
}


static inline void
fake_snp(fake_request_t *req, const uint8_t data[64])
{
    fake_amd.vmpl = (uint32_t) req->vmpl;
    fake_amd.policy = fake_is(req, "debug") ? 0xb001f : 0;

    req->out_len = SNP_DOUBLE_REPORT;
    req->out = calloc(1, req->out_len);
    (void) snp_double_report(&fake_amd, data, req->out);

    req->aux_len = 16384;
    req->aux_blob = calloc(1, req->aux_len);
    if (!snp_double_table(&fake_amd, req->aux_blob, &req->aux_len)) {
        req->aux_len = 0;
    }

    /* the last significant byte of r */
    req->out[0x2a0] ^= fake_is(req, "flip");
}


static inline void
fake_tdx(fake_request_t *req, const uint8_t data[64])
{
    fake_intel.version = fake_is(req, "v5") ? 5 : 4;
    fake_intel.body_type = fake_is(req, "v5") ? 3 : 2;
    fake_intel.body[TDX_DOUBLE_TDATTR] = fake_is(req, "debug");

    req->out_len = TDX_DOUBLE_MAX_QUOTE;
    req->out = calloc(1, req->out_len);
    if (!tdx_double_make(&fake_intel, data, req->out, &req->out_len)) {
        req->out_len = 0;
    }

    /* a byte of MRTD */
    req->out[48 + TDX_DOUBLE_MRTD] ^= fake_is(req, "flip");
}


/* SVSM: the manifest is bound too. */

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

    data[0] ^= fake_is(req, "wrong");
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

    if (fake_is(req, "garbage")) {
        memset(req->out, 0xa5, req->out_len);

    } else if (fake_is(req, "dice")) {
        req->out[0] = 0xd2;

    } else if (fake_is(req, "short")) {
        req->out_len = 300;

    } else if (fake_is(req, "empty")) {
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
