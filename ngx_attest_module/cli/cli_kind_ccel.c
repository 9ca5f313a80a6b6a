
#include <stdio.h>

#include "cli.h"


void
cli_ccel_show(attest_span_t value)
{
    (void) value;
    printf("unknown to this version\n");
}
