/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The zone's own time.  The machine's clock is its host's, or whoever can
 * set it: one that goes back would let keys and evidence live longer, and
 * one that goes forward and back would let the replay cache forget.  So what
 * expires does so by a time that only grows: the boot-time clock, which
 * nobody sets, and ahead of it by the most that the wall clock ever was.
 *
 * What others compare with their own clocks (validity, Date) is wall time.
 * When that was set, new evidence and new prompt keys are due: a key is
 * never used on both sides of a step.
 */


#include "http/evidence/ngx_http_attest_state_internal.h"


#define NGX_HTTP_ATTEST_CLOCK_STEP  2000    /* ms: less is no step */
#define NGX_HTTP_ATTEST_CLOCK_APART 100     /* ms: read at the same time */
#define NGX_HTTP_ATTEST_CLOCK_TRIES 10


static int64_t ngx_http_attest_clock_get(clockid_t id);
static int64_t ngx_http_attest_clock_get_both(int64_t *boot);


static int64_t
ngx_http_attest_clock_get(clockid_t id)
{
    struct timespec  ts;

    /* neither can fail: Linux has had both for long */

    (void) clock_gettime(id, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/*
 * The wall clock, and the other at the same time.  A pause in between looks
 * like a step back, which is why it is looked for; it never sets our own time
 * forward, since the other clock is read last.
 */

static int64_t
ngx_http_attest_clock_get_both(int64_t *boot)
{
    int64_t     before, wall;
    ngx_uint_t  i;

    for (i = 0; /* void */ ; i++) {
        before = ngx_http_attest_clock_get(CLOCK_BOOTTIME);
        wall = ngx_http_attest_clock_get(CLOCK_REALTIME);
        *boot = ngx_http_attest_clock_get(CLOCK_BOOTTIME);

        if (*boot - before < NGX_HTTP_ATTEST_CLOCK_APART
            || i == NGX_HTTP_ATTEST_CLOCK_TRIES)
        {
            return wall;
        }
    }
}


void
ngx_http_attest_clock_init(ngx_http_attest_clock_t *clock)
{
    int64_t  boot, wall;

    wall = ngx_http_attest_clock_get_both(&boot);

    ngx_memzero(clock, sizeof(ngx_http_attest_clock_t));

    clock->last = wall;
    clock->seen = wall - boot;
    clock->ahead = wall - boot;
    clock->peak = wall - boot;
}


void
ngx_http_attest_clock_read(ngx_http_attest_clock_t *clock,
    ngx_http_attest_time_t *t)
{
    int64_t  boot, wall;

    wall = ngx_http_attest_clock_get_both(&boot);

    t->drift = wall - boot;

    clock->ahead = ngx_max(clock->ahead, t->drift);
    clock->peak = ngx_max(clock->peak, t->drift);
    clock->last = ngx_max(clock->last, boot + clock->ahead);

    if (t->drift > clock->seen + NGX_HTTP_ATTEST_CLOCK_STEP
        || t->drift < clock->seen - NGX_HTTP_ATTEST_CLOCK_STEP)
    {
        clock->step = t->drift - clock->seen;
        clock->seen = t->drift;
        clock->steps++;
    }

    t->peak = clock->peak;
    t->now = (time_t) (clock->last / 1000);
    t->wall = (time_t) (wall / 1000);
    t->dated = (time_t) ((boot + clock->peak) / 1000);
}


/* All prompt keys that are in use from now on are new. */

void
ngx_http_attest_clock_epoch(ngx_http_attest_clock_t *clock)
{
    ngx_http_attest_time_t  t;

    ngx_http_attest_clock_read(clock, &t);

    clock->peak = t.drift;
}


void
ngx_http_attest_clock(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_time_t *t)
{
    ngx_http_attest_state_t  *state = amcf->run.state;

    ngx_shmtx_lock(&state->shpool->mutex);
    ngx_http_attest_clock_read(&state->clock, t);
    ngx_shmtx_unlock(&state->shpool->mutex);
}


time_t
ngx_http_attest_clock_now(ngx_http_attest_main_conf_t *amcf)
{
    ngx_http_attest_time_t  t;

    ngx_http_attest_clock(amcf, &t);

    return t.now;
}


void
ngx_http_attest_clock_steps(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_steps_t *steps)
{
    ngx_http_attest_time_t    t;
    ngx_http_attest_state_t  *state = amcf->run.state;

    ngx_shmtx_lock(&state->shpool->mutex);

    ngx_http_attest_clock_read(&state->clock, &t);

    steps->count = state->clock.steps;
    steps->last = state->clock.step / 1000;
    steps->behind = t.now - t.wall;

    ngx_shmtx_unlock(&state->shpool->mutex);
}


/*
 * Back: behind the latest time that the prompt keys have seen.  Forward:
 * before the time that the evidence was made at.
 */

ngx_uint_t
ngx_http_attest_clock_stepped(const ngx_http_attest_time_t *t, int64_t drift)
{
    return t->drift < t->peak - NGX_HTTP_ATTEST_CLOCK_STEP
           || t->drift > drift + NGX_HTTP_ATTEST_CLOCK_STEP;
}


/* Each step once, by the process that comes first. */

void
ngx_http_attest_clock_log(ngx_http_attest_main_conf_t *amcf, ngx_log_t *log)
{
    int64_t                   step;
    ngx_uint_t                news;
    ngx_http_attest_time_t    t;
    ngx_http_attest_state_t  *state = amcf->run.state;

    ngx_shmtx_lock(&state->shpool->mutex);

    ngx_http_attest_clock_read(&state->clock, &t);

    news = (state->clock.told != state->clock.steps);
    step = state->clock.step / 1000;
    state->clock.told = state->clock.steps;

    ngx_shmtx_unlock(&state->shpool->mutex);

    if (news) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "attest: clock stepped %s by %L s, new evidence and "
                      "new prompt keys are due",
                      step < 0 ? "back" : "forward",
                      step < 0 ? -step : step);
    }
}
