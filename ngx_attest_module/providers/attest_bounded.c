
/*
 * Calls that may block for longer than their caller wants to wait.
 */


#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "attest_bounded.h"


static int attest_bounded_thread(attest_bounded_t *b);
static void *attest_bounded_main(void *data);
static void attest_bounded_unref(attest_bounded_t *b);


int64_t
attest_bounded_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


int
attest_bounded_start(attest_bounded_t *b)
{
    int  err;

    b->pid = getpid();
    atomic_init(&b->refs, 2);

    if (pipe2(b->fd, O_CLOEXEC) == -1) {
        err = errno;
        b->free(b);
        return err;
    }

    err = attest_bounded_thread(b);
    if (err != 0) {
        (void) close(b->fd[0]);
        (void) close(b->fd[1]);
        b->free(b);
    }

    return err;
}


/* Signals are for the threads that expect them. */

static int
attest_bounded_thread(attest_bounded_t *b)
{
    int             err;
    sigset_t        all, old;
    pthread_t       tid;
    pthread_attr_t  attr;

    err = pthread_attr_init(&attr);
    if (err != 0) {
        return err;
    }

    (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    err = pthread_create(&tid, &attr, attest_bounded_main, b);

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void) pthread_attr_destroy(&attr);

    return err;
}


static void *
attest_bounded_main(void *data)
{
    attest_bounded_t  *b = data;

    b->run(b);

    while (write(b->fd[1], "", 1) == -1 && errno == EINTR) {
        /* void */
    }

    attest_bounded_unref(b);

    return NULL;
}


int
attest_bounded_wait(attest_bounded_t *b, int64_t deadline)
{
    int            n;
    int64_t        left;
    struct pollfd  pfd;

    if (b->pid != getpid()) {
        return ESRCH;
    }

    do {
        left = deadline - attest_bounded_now();
        left = left < 0 ? 0 : left;

        pfd.fd = b->fd[0];
        pfd.events = POLLIN;
        pfd.revents = 0;

        n = poll(&pfd, 1, left > 3600000 ? 3600000 : (int) left);

    } while (n == -1 && errno == EINTR);

    return n > 0 ? 0 : ETIMEDOUT;
}


void
attest_bounded_release(attest_bounded_t *b)
{
    if (b->pid != getpid()) {

        /* the rest belongs to the parent's thread, which is not here */

        (void) close(b->fd[0]);
        (void) close(b->fd[1]);
        return;
    }

    attest_bounded_unref(b);
}


static void
attest_bounded_unref(attest_bounded_t *b)
{
    if (atomic_fetch_sub(&b->refs, 1) == 1) {
        (void) close(b->fd[0]);
        (void) close(b->fd[1]);
        b->free(b);
    }
}
