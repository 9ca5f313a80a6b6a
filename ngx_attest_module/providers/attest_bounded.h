
/*
 * A call that blocks in the kernel, such as a read of configfs-tsm or an
 * ioctl of the Nitro security module, cannot be given a deadline.  It runs in
 * a thread of its own, and the caller waits no longer than it wants to: a
 * thread that is late is left alone and ends when the kernel answers.
 *
 * No lock is used, so a fork at any moment leaves a child with nothing that
 * is held; the thread itself does not exist in the child.
 */


#ifndef ATTEST_BOUNDED_H_INCLUDED
#define ATTEST_BOUNDED_H_INCLUDED


#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>


/* First member of a call's own structure, which is allocated. */

typedef struct attest_bounded_s  attest_bounded_t;

struct attest_bounded_s {
    void          (*run)(attest_bounded_t *b);    /* in the thread */
    void          (*free)(attest_bounded_t *b);   /* the caller, or the
                                                     thread when it is late */
    atomic_int      state;
    int             fd[2];                        /* a byte: it ended */
    pid_t           pid;                          /* where the thread is */
};


/* Monotonic clock, milliseconds. */
int64_t attest_bounded_now(void);

/*
 * Takes over b, of which run and free are set; calls b->free() at once when
 * it fails.  An errno, or 0: attest_bounded_wait() and then
 * attest_bounded_release() are due.
 */
int attest_bounded_start(attest_bounded_t *b);

/*
 * 0: the thread has ended, and b is the caller's alone.  ETIMEDOUT: it has
 * not; nothing of b but its attest_bounded_t may be looked at.  ESRCH: it was
 * started in another process.
 */
int attest_bounded_wait(attest_bounded_t *b, int64_t deadline);

/* The caller is done with b; a thread that still runs frees it later. */
void attest_bounded_release(attest_bounded_t *b);


#endif /* ATTEST_BOUNDED_H_INCLUDED */
