/* SPDX-License-Identifier: Apache-2.0 */


#ifndef NGX_HTTP_ATTEST_CLOCK_H_INCLUDED
#define NGX_HTTP_ATTEST_CLOCK_H_INCLUDED


#include "http/ngx_http_attest.h"


/* The zone's clock, in ms; changed under the zone's lock. */

typedef struct {
    int64_t      last;                       /* the latest time told */
    int64_t      ahead;                      /* wall clock - boot-time clock:
                                                the most that was seen, */
    int64_t      peak;                       /* since the prompt keys began, */
    int64_t      seen;                       /* at the last step */
    int64_t      step;
    ngx_uint_t   steps;
    ngx_uint_t   told;                       /* of them, in the log */
} ngx_http_attest_clock_t;


/*
 * now: s, only grows, says what has expired; means nothing outside of the
 * zone.  wall: s, what others see.  dated: s, what a Date is held against:
 * wall, but never goes back for the same prompt key.
 */

typedef struct {
    time_t                     now;
    time_t                     wall;
    time_t                     dated;
    int64_t                    drift;           /* ms, as in the zone */
    int64_t                    peak;
} ngx_http_attest_time_t;

typedef struct {
    ngx_uint_t                 count;           /* since the start */
    int64_t                    last;            /* s, negative: back */
    time_t                     behind;          /* wall time, of our own */
} ngx_http_attest_steps_t;


void ngx_http_attest_clock(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_time_t *t);
time_t ngx_http_attest_clock_now(ngx_http_attest_main_conf_t *amcf);
void ngx_http_attest_clock_steps(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_steps_t *steps);


/* These three are called under the zone's lock. */

void ngx_http_attest_clock_init(ngx_http_attest_clock_t *clock);
void ngx_http_attest_clock_read(ngx_http_attest_clock_t *clock,
    ngx_http_attest_time_t *t);
/* No prompt key is older: another time for Date may begin. */
void ngx_http_attest_clock_epoch(ngx_http_attest_clock_t *clock);


/* The wall clock was set since evidence was made at this drift. */
ngx_uint_t ngx_http_attest_clock_stepped(const ngx_http_attest_time_t *t,
    int64_t drift);
/* Says in the log that it was set, once. */
void ngx_http_attest_clock_log(ngx_http_attest_main_conf_t *amcf,
    ngx_log_t *log);


#endif /* NGX_HTTP_ATTEST_CLOCK_H_INCLUDED */
