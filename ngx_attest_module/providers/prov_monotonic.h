/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The clock of deadlines: nobody sets it.
 */


#ifndef PROV_MONOTONIC_H_INCLUDED
#define PROV_MONOTONIC_H_INCLUDED


#include <limits.h>
#include <stdint.h>
#include <time.h>


/* Milliseconds. */

static inline int64_t
prov_monotonic_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* What is left until then, never negative, as poll() wants it. */

static inline int
prov_monotonic_left(int64_t deadline)
{
    int64_t  left = deadline - prov_monotonic_now();

    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left;
}


#endif /* PROV_MONOTONIC_H_INCLUDED */
