
/*
 * EHBP, the Encrypted HTTP Body Protocol (github.com/tinfoilsh/
 * encrypted-http-body-protocol, SPEC.md v0.3.1).  Suite fixed: X25519,
 * HKDF-SHA256, AES-256-GCM; info "ehbp request".
 */


#ifndef ATTEST_EHBP_H_INCLUDED
#define ATTEST_EHBP_H_INCLUDED


#include "attest_core.h"
#include "attest_hpke.h"


#define ATTEST_EHBP_ENC_LEN      32
#define ATTEST_EHBP_NONCE_LEN    32
#define ATTEST_EHBP_OVERHEAD     20       /* u32be length and the tag */


/* 64 hex digits, either case, nothing else. */
int attest_ehbp_parse_enc(const uint8_t *hex, size_t len,
    uint8_t enc[ATTEST_EHBP_ENC_LEN]);

/*
 * Frames and their lengths only, before anything is allocated or opened:
 * ATTEST_EFORMAT for a cut prefix or a length beyond the end, ATTEST_ELIMIT
 * for a frame whose length field exceeds max_frame or more than max_frames
 * frames (LEN = 0 frames count too), ATTEST_ECRYPTO for a length of 1..15.
 * *frames: those that carry a tag; *plain: the sum of their plaintexts.
 */
int attest_ehbp_scan(const uint8_t *body, size_t len, size_t max_frame,
    size_t max_frames, size_t *frames, size_t *plain);

/*
 * Opens a whole request body that attest_ehbp_scan() accepted with at least
 * one frame.  out holds *plain bytes of the scan and must not overlap body.
 * On success ctx is an established context for the response key.  On failure
 * out is wiped and ctx cleared.  ATTEST_ECRYPTO covers both a refused enc and
 * a failed tag in the first frame, ATTEST_EMISMATCH a failed tag in a later
 * frame (the first proved the key, so trying another key is pointless), and
 * *bad_enc is set to 1 when enc itself is refused.
 */
int attest_ehbp_open_request(attest_hpke_ctx_t *ctx,
    const attest_hpke_key_t *key, const uint8_t enc[ATTEST_EHBP_ENC_LEN],
    const uint8_t *body, size_t len, uint8_t *out, int *bad_enc);

/* Response key schedule for the sealing (seal = 1) or the opening side. */
int attest_ehbp_response(attest_aead_t *aead, const attest_hpke_ctx_t *ctx,
    const uint8_t enc[ATTEST_EHBP_ENC_LEN],
    const uint8_t nonce[ATTEST_EHBP_NONCE_LEN], int seal);

/* One frame: out holds len + ATTEST_EHBP_OVERHEAD bytes; no overlap. */
int attest_ehbp_seal_frame(attest_aead_t *aead, const uint8_t *pt, size_t len,
    uint8_t *out);

/* Client side: suite, info and encapsulation for one request. */
int attest_ehbp_client(attest_hpke_ctx_t *ctx, const uint8_t *pk,
    size_t pk_len, uint8_t enc[ATTEST_EHBP_ENC_LEN]);
/* One request frame: out holds len + ATTEST_EHBP_OVERHEAD bytes. */
int attest_ehbp_client_seal(attest_hpke_ctx_t *ctx, const uint8_t *pt,
    size_t len, uint8_t *out);

/*
 * Client side, incremental: looks at the start of in for one whole frame.
 * ATTEST_OK with *used = 0: more input is needed.  ATTEST_OK with *used > 0:
 * a frame of *used bytes was opened into out (room max_frame), *out_len bytes;
 * *marker is 1 for an authenticated empty frame (the end marker).
 */
int attest_ehbp_client_open(attest_aead_t *aead, const uint8_t *in, size_t n,
    size_t max_frame, uint8_t *out, size_t *out_len, size_t *used,
    int *marker);


#endif /* ATTEST_EHBP_H_INCLUDED */
