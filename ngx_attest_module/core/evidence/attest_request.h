/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a client may say to the evidence endpoint, and nothing else: a nonce,
 * the wish for an exporter binding, or a credential to activate; and which
 * form of answer it accepts.  Strict: a request that is not exactly one of
 * these is refused before any evidence is made.
 */


#ifndef ATTEST_REQUEST_H_INCLUDED
#define ATTEST_REQUEST_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_tpm.h"


#define ATTEST_REQUEST_MAX_BODY   4096


typedef struct {
    uint8_t       nonce[ATTEST_NONCE_MAX];
    size_t        nonce_len;                  /* 0: a credential */

    uint8_t       cred[ATTEST_TPM_MAX_CRED];  /* TPM2B_ID_OBJECT */
    size_t        cred_len;
    uint8_t       enc[ATTEST_TPM_MAX_ENC];    /* TPM2B_ENCRYPTED_SECRET */
    size_t        enc_len;

    unsigned      exporter:1;                 /* binding=tls-exporter */

    const char   *why;                        /* on failure: for the client */
} attest_request_t;


/*
 * "nonce=HEX" or "nonce=HEX&binding=tls-exporter", in any order, the query
 * of a GET.  ATTEST_EFORMAT and req->why otherwise.
 */
int attest_request_args(const uint8_t *p, size_t n, attest_request_t *req);

/*
 * {"nonce": HEX} with or without "binding": "tls-exporter", or
 * {"credential": HEX, "secret": HEX}, the body of a POST.  No other member,
 * no duplicate, no escape, nothing but white space behind.  ATTEST_EFORMAT
 * or ATTEST_ELIMIT (longer than ATTEST_REQUEST_MAX_BODY) and req->why.
 */
int attest_request_json(const uint8_t *p, size_t n, attest_request_t *req);

/* 1 when the Content-Type is application/json, with any parameters. */
bool attest_request_is_json(const uint8_t *p, size_t n);


#endif /* ATTEST_REQUEST_H_INCLUDED */
