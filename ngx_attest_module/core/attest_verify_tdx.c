
#include <string.h>

#include "attest_verify_internal.h"


void
attest_verify_tdx(attest_verify_t *v, attest_part_t *part,
    const attest_tsm_t *tsm)
{
    (void) tsm;

    attest_verify_kind(v, part, "tdx", ATTEST_CHECK_UNKNOWN,
                       "%s evidence is of a kind that this version does not "
                       "check", attest_verify_part_name(part->which));
}
