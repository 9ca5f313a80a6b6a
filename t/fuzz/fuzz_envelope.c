/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Heads of requests as a proxy may write them, and envelopes made of them.
 * The first byte chooses form and length of a body.  What is taken for a head
 * is sealed within the room that was asked for, or refused, and what comes of
 * it is a head again.
 */


#include <stdlib.h>
#include <string.h>

#include "core/prompt/attest_envelope.h"


#define CHECK(cond)                                                          \
    if (!(cond)) {                                                           \
        abort();                                                             \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void setup(void);


static attest_kem_key_t     key;
static attest_keyconfig_t   kc;
static uint8_t              body[256];


static void
setup(void)
{
    if (key.pkey != NULL) {
        return;
    }

    CHECK(attest_kem_key_generate(&key, ATTEST_KEM_X25519) == ATTEST_OK);

    kc.kem = ATTEST_KEM_X25519;
    kc.pk = attest_span(key.pk, key.pk_len);
    kc.nsuites = 1;
    kc.suites[0].kdf = ATTEST_KDF_HKDF_SHA256;
    kc.suites[0].aead = ATTEST_AEAD_AES_256_GCM;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                      rc;
    size_t                   room, len;
    uint8_t                 *text, *out;
    attest_http1_t           h, again;
    attest_span_t            b;
    attest_envelope_t        e;
    attest_envelope_key_t    k;
    attest_envelope_how_t    how;
    attest_envelope_form_e   form;

    if (size < 1) {
        return 0;
    }

    setup();

    form = ATTEST_ENVELOPE_EHBP + data[0] % 3;
    b = attest_span(body, data[0] & 0x80 ? data[0] & 0x7f : 0);

    memset(&how, 0, sizeof(how));
    how.path = attest_span_literal("/gw");

    text = malloc(size);
    CHECK(text != NULL);
    memcpy(text, data + 1, size - 1);

    if (attest_http1_parse(attest_span(text, size - 1), &h) == ATTEST_OK) {
        CHECK(attest_envelope_choose(&kc, 1, form, 0, &k) == ATTEST_OK);

        room = attest_envelope_room(&h, b, &k, &how);
        out = malloc(room);
        CHECK(out != NULL);

        rc = attest_envelope_seal(&e, &k, &how, &h, b, out, room, &len);
        CHECK(rc == ATTEST_OK || rc == ATTEST_EFORMAT || rc == ATTEST_ELIMIT);
        CHECK(rc != ATTEST_OK
              || (len <= room
                  && attest_http1_parse(attest_span(out, len), &again)
                     == ATTEST_OK));

        attest_envelope_clear(&e);
        free(out);
    }

    free(text);

    return 0;
}
