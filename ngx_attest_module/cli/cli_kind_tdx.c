
#include <stdio.h>

#include "cli.h"


void
cli_tdx_show(const attest_tsm_t *tsm)
{
    (void) tsm;
    printf("unknown to this version\n");
}


int
cli_tdx_policy(const attest_tsm_t *tsm, cJSON *policy)
{
    (void) tsm;
    (void) policy;
    return 0;
}
