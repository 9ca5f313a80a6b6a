
#include <string.h>

#include "attest_verify_internal.h"


void
attest_verify_ak_cert(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item)
{
    (void) item;

    attest_verify_kind(v, part, "ak-cert", ATTEST_CHECK_NOTE,
                       "not evaluated: the certificate of the attestation "
                       "key");
}
