
#include <stdio.h>

#include "cli.h"


void
cli_nitro_show(attest_span_t value)
{
    (void) value;
    printf("unknown to this version\n");
}


int
cli_nitro_policy(attest_span_t value, cJSON *policy)
{
    (void) value;
    (void) policy;
    return 0;
}
