/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Calls that may block for longer than their caller wants to wait.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE                      /* pipe2() */
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "providers/prov_bounded.h"
#include "core/base/attest_monotonic.h"


#define ATTEST_BOUNDED_STACK    (512 * 1024)

enum {
    ATTEST_BOUNDED_RUNNING = 0,
    ATTEST_BOUNDED_DONE,
    ATTEST_BOUNDED_ABANDONED         /* by the caller: the thread frees */
};


static int prov_bounded_start(prov_bounded_t *b);
static int prov_bounded_wait(prov_bounded_t *b, int64_t deadline);
static int prov_bounded_thread(prov_bounded_t *b);
static void *prov_bounded_main(void *data);
static bool prov_bounded_move(prov_bounded_t *b, int to);


int
prov_bounded_call(prov_bounded_t **late, prov_bounded_t *b,
    int64_t deadline)
{
    int  err;

    err = prov_bounded_settle(late, deadline);
    if (err != 0) {
        b->free(b);
        return err;
    }

    err = prov_bounded_start(b);
    if (err != 0) {
        return err;
    }

    err = prov_bounded_wait(b, deadline);
    if (err != 0) {
        *late = b;
    }

    return err;
}


int
prov_bounded_settle(prov_bounded_t **late, int64_t deadline)
{
    if (*late != NULL && prov_bounded_wait(*late, deadline) == ETIMEDOUT) {
        return EBUSY;
    }

    prov_bounded_abandon(late);
    return 0;
}


const char *
prov_bounded_error(int err)
{
    switch (err) {

    case ETIMEDOUT:
        return "no answer in time";

    case EBUSY:
        return "an earlier request is not yet answered";

    default:
        return strerror(err);
    }
}


/* b is gone when it fails. */

static int
prov_bounded_start(prov_bounded_t *b)
{
    int  err;

    b->pid = getpid();
    b->joined = 0;
    atomic_init(&b->state, ATTEST_BOUNDED_RUNNING);

    if (pipe2(b->fd, O_CLOEXEC) == -1) {
        err = errno;
        b->free(b);
        return err;
    }

    err = prov_bounded_thread(b);
    if (err != 0) {
        prov_bounded_free(b);
    }

    return err;
}


/* Signals are for the threads that expect them. */

static int
prov_bounded_thread(prov_bounded_t *b)
{
    int             err;
    sigset_t        all, old;
    pthread_attr_t  attr;

    err = pthread_attr_init(&attr);
    if (err != 0) {
        return err;
    }

    (void) pthread_attr_setstacksize(&attr, ATTEST_BOUNDED_STACK);

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    err = pthread_create(&b->thread, &attr, prov_bounded_main, b);

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void) pthread_attr_destroy(&attr);

    return err;
}


static void *
prov_bounded_main(void *data)
{
    int                fd;
    prov_bounded_t    *b = data;

    b->run(b);

    fd = b->fd[1];

    if (!prov_bounded_move(b, ATTEST_BOUNDED_DONE)) {
        prov_bounded_free(b);
        return NULL;
    }

    /* with this byte b belongs to the caller, who may free it at once */

    while (write(fd, "", 1) == -1 && errno == EINTR) {
        /* void */
    }

    return NULL;
}


/* Either the caller or the thread changes the state, never both. */

static bool
prov_bounded_move(prov_bounded_t *b, int to)
{
    int  from = ATTEST_BOUNDED_RUNNING;

    return atomic_compare_exchange_strong(&b->state, &from, to);
}


/*
 * 0: the thread has ended.  ESRCH: it was started in another process, by the
 * parent of this one.
 */

static int
prov_bounded_wait(prov_bounded_t *b, int64_t deadline)
{
    int            n, left;
    struct pollfd  pfd;

    if (b->pid != getpid()) {
        return ESRCH;
    }

    do {
        left = attest_monotonic_left(deadline);

        pfd.fd = b->fd[0];
        pfd.events = POLLIN;
        pfd.revents = 0;

        n = poll(&pfd, 1, left);

    } while (n == -1 && errno == EINTR);

    if (n <= 0) {
        return ETIMEDOUT;
    }

    /* it has nothing left to do but to end */

    if (!b->joined) {
        (void) pthread_join(b->thread, NULL);
        b->joined = 1;
    }

    return 0;
}


void
prov_bounded_abandon(prov_bounded_t **late)
{
    pthread_t          thread;
    prov_bounded_t    *b = *late;

    if (b == NULL) {
        return;
    }

    *late = NULL;

    if (b->pid != getpid()) {

        /* the rest belongs to the parent's thread, which is not here */

        (void) close(b->fd[0]);
        (void) close(b->fd[1]);
        return;
    }

    /* the thread frees b as soon as it is abandoned */

    thread = b->thread;

    if (prov_bounded_move(b, ATTEST_BOUNDED_ABANDONED)) {
        (void) pthread_detach(thread);
        return;
    }

    (void) prov_bounded_wait(b, INT64_MAX);
    prov_bounded_free(b);
}


void
prov_bounded_free(prov_bounded_t *b)
{
    (void) close(b->fd[0]);
    (void) close(b->fd[1]);
    b->free(b);
}
