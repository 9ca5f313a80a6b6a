
#include <stdio.h>

#include "cli.h"


void
cli_ak_cert_show(attest_span_t value)
{
    (void) value;
    printf("unknown to this version\n");
}


int
cli_ak_cert_policy(attest_span_t value, cJSON *policy)
{
    (void) value;
    (void) policy;
    return 0;
}
