/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "core/crypto/attest_minisign.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* Keys and signatures are read whole or refused; nobody can forge one. */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                    comment[ATTEST_MINISIGN_COMMENT];
    attest_minisign_key_t   key;

    static const char  pub[] =
        "RWQOl5A+qPE3o6VwpqnbkcPZbANT2IttWlzGeRp9Ev+XYUyMnX0SfjTy";

    (void) attest_minisign_key((const char *) data, size, &key);

    if (attest_minisign_key(pub, sizeof(pub) - 1, &key) != ATTEST_OK) {
        abort();
    }

    /* the message is not the one that the corpus' signature is over */

    if (attest_minisign_verify(&key, (const char *) data, size,
                               (const uint8_t *) "other", 5, comment)
        == ATTEST_OK)
    {
        abort();
    }

    return 0;
}
