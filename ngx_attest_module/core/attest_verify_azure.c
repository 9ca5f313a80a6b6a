
#include <string.h>

#include "attest_verify_internal.h"


void
attest_verify_azure(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item)
{
    (void) item;

    attest_verify_kind(v, part, "azure", ATTEST_CHECK_UNKNOWN,
                       "%s evidence is of a kind that this version does not "
                       "check", attest_verify_part_name(part->which));
}
