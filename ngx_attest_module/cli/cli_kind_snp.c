
#include <stdio.h>

#include "cli.h"


void
cli_snp_show(const attest_tsm_t *tsm)
{
    (void) tsm;
    printf("unknown to this version\n");
}


int
cli_snp_policy(const attest_tsm_t *tsm, cJSON *policy)
{
    (void) tsm;
    (void) policy;
    return 0;
}
