/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A call that blocks in the kernel, such as a read of configfs-tsm or an
 * ioctl of the Nitro security module, cannot be given a deadline.  It runs in
 * a thread of its own, and the caller waits no longer than it wants to: a
 * thread that is late is left alone and ends when the kernel answers.
 *
 * No lock is used, so a fork at any moment leaves a child with nothing of ours
 * that is held; the thread itself does not exist in the child.  A thread that
 * was in time is joined: its libraries clean up as it ends, under locks of
 * their own, and nginx forks its workers right after the first evidence.
 */


#ifndef PROV_BOUNDED_H_INCLUDED
#define PROV_BOUNDED_H_INCLUDED


#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>


/* First member of a call's own structure, which is allocated. */

typedef struct prov_bounded_s    prov_bounded_t;

struct prov_bounded_s {
    void          (*run)(prov_bounded_t *b);      /* in the thread */
    void          (*free)(prov_bounded_t *b);     /* the caller, or the
                                                     thread when it is late */
    atomic_int      state;
    pthread_t       thread;
    int             joined;                       /* it is gone, wholly */
    int             fd[2];                        /* a byte: it ended */
    pid_t           pid;                          /* where the thread is */
};


/*
 * Takes over b, of which run and free are set; deadline is one of
 * attest_monotonic_now().    0: it has run, and b is the
 * caller's alone, to be freed by prov_bounded_free().
 *
 * ETIMEDOUT: it has not yet; *late remembers b, of which nothing may be looked
 * at.  EBUSY: the one that *late remembered still runs, and b was not started:
 * two at a time would only disturb each other.  Other errno: no thread.
 */
int prov_bounded_call(prov_bounded_t **late, prov_bounded_t *b,
    int64_t deadline);

/*
 * Waits for the thread that *late remembers, if any.  EBUSY: it still runs at
 * the deadline.
 */
int prov_bounded_settle(prov_bounded_t **late, int64_t deadline);

void prov_bounded_free(prov_bounded_t *b);

/* *late is NULL then; a thread that still runs frees it later. */
void prov_bounded_abandon(prov_bounded_t **late);

/* Such an errno, for an error message. */
const char *prov_bounded_error(int err);


#endif /* PROV_BOUNDED_H_INCLUDED */
