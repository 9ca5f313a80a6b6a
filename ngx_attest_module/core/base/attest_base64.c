/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one reader and the one writer of base64, on libsodium, which refuses
 * other characters, wrong padding and stray low bits.
 */


#include <sodium.h>

#include "core/base/attest_base64.h"


static int attest_base64_variant(attest_base64_e form);


static int
attest_base64_variant(attest_base64_e form)
{
    return form == ATTEST_BASE64 ? sodium_base64_VARIANT_ORIGINAL
                                 : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
}


size_t
attest_base64_len(size_t n, attest_base64_e form)
{
    return sodium_base64_encoded_len(n, attest_base64_variant(form)) - 1;
}


int
attest_base64_decode(attest_span_t text, attest_base64_e form, uint8_t *out,
    size_t room, size_t *len)
{
    return sodium_base642bin(out, room, (const char *) text.p, text.n, NULL,
                             len, NULL, attest_base64_variant(form))
           == 0 ? ATTEST_OK : ATTEST_EFORMAT;
}


void
attest_base64_encode(char *out, attest_span_t s, attest_base64_e form)
{
    (void) sodium_bin2base64(out, attest_base64_len(s.n, form) + 1, s.p, s.n,
                             attest_base64_variant(form));
}
