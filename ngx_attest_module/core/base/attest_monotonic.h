/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The clock of deadlines: nobody sets it.
 */


#ifndef ATTEST_MONOTONIC_H_INCLUDED
#define ATTEST_MONOTONIC_H_INCLUDED


#include <limits.h>
#include <stdint.h>
#include <time.h>


/* Milliseconds. */

static inline int64_t
attest_monotonic_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* What is left until then, never negative, as poll() wants it. */

static inline int
attest_monotonic_left(int64_t deadline)
{
    int64_t  left = deadline - attest_monotonic_now();

    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left;
}


#endif /* ATTEST_MONOTONIC_H_INCLUDED */
