/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One exchange with configfs-tsm (Documentation/ABI/testing/configfs-tsm).
 *
 * The kernel takes what was written to inblob when the file is closed, and
 * tells nobody when it does not.  Anyone who is allowed to may write at any
 * time.  So the counter "generation" must have advanced by exactly our own
 * writes when the report is read, and must not move until all is read.
 */


#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/attest_monotonic.h"
#include "providers/prov_tsm_internal.h"


#define ATTEST_TSM_STRAYS    5       /* exchanges that others may disturb */
#define ATTEST_TSM_NAP       10      /* ms; doubled each time, up to .. */
#define ATTEST_TSM_NAP_MAX   640

/* Our own errno, for a generation that is not what it must be. */
#define ATTEST_TSM_ESTRAY    ESTALE


static void prov_tsm_call_run(prov_bounded_t *b);
static void prov_tsm_call_free(prov_bounded_t *b);
static void prov_tsm_call_clear(prov_tsm_call_t *call);
static bool prov_tsm_again(const prov_tsm_call_t *call, unsigned *strays);
static int prov_tsm_pause(const prov_tsm_call_t *call, long *nap);
static int prov_tsm_exchange(prov_tsm_call_t *call);
static int prov_tsm_ask(prov_tsm_call_t *call, uint64_t *generation);
static int prov_tsm_read_all(prov_tsm_call_t *call);
static int prov_tsm_generation(prov_tsm_call_t *call, uint64_t *value);
static int prov_tsm_write(prov_tsm_call_t *call, const char *name,
    const void *p, size_t n);
static int prov_tsm_text(prov_tsm_call_t *call, const char *name,
    char *text, size_t room);
static int prov_tsm_blob(prov_tsm_call_t *call, const char *name,
    prov_tsm_blob_t *blob);
static int prov_tsm_blob_fd(int fd, prov_tsm_blob_t *blob);
static int prov_tsm_failed(prov_tsm_call_t *call, int err,
    const char *what, const char *name);
static const char *prov_tsm_reason(prov_tsm_call_t *call, int err);
static int prov_tsm_code(int err);


prov_tsm_call_t *
prov_tsm_call_create(prov_tsm_dir_t *dir,
    const uint8_t inblob[ATTEST_TSM_INBLOB], int64_t deadline)
{
    prov_tsm_call_t    *call;

    call = calloc(1, sizeof(prov_tsm_call_t));
    if (call == NULL) {
        return NULL;
    }

    atomic_fetch_add(&dir->refs, 1);

    call->bounded.run = prov_tsm_call_run;
    call->bounded.free = prov_tsm_call_free;
    call->dir = dir;
    call->deadline = deadline;
    memcpy(call->inblob, inblob, ATTEST_TSM_INBLOB);

    return call;
}


static void
prov_tsm_call_free(prov_bounded_t *b)
{
    prov_tsm_call_t    *call = (prov_tsm_call_t *) b;

    prov_tsm_call_clear(call);
    prov_tsm_dir_release(call->dir);
    free(call);
}


static void
prov_tsm_call_clear(prov_tsm_call_t *call)
{
    free(call->outblob.p);
    free(call->auxblob.p);
    free(call->manifest.p);

    memset(&call->outblob, 0, sizeof(prov_tsm_blob_t));
    memset(&call->auxblob, 0, sizeof(prov_tsm_blob_t));
    memset(&call->manifest, 0, sizeof(prov_tsm_blob_t));
}


static void
prov_tsm_call_run(prov_bounded_t *b)
{
    long                nap = ATTEST_TSM_NAP;
    unsigned            strays = 0;
    prov_tsm_call_t    *call = (prov_tsm_call_t *) b;

    for ( ;; ) {
        call->err = prov_tsm_dir_open(call->dir, call->error);

        if (call->err == 0) {
            call->err = prov_tsm_exchange(call);
        }

        if (call->err == 0) {
            call->rc = ATTEST_OK;
            return;
        }

        prov_tsm_call_clear(call);

        if (!prov_tsm_again(call, &strays)
            || prov_tsm_pause(call, &nap) != 0)
        {
            call->rc = prov_tsm_code(call->err);
            return;
        }
    }
}


/* A driver that is busy is asked again, one that is broken is not. */

static bool
prov_tsm_again(const prov_tsm_call_t *call, unsigned *strays)
{
    switch (call->err) {

    case EBUSY:
    case EINTR:
    case EAGAIN:
    case ETXTBSY:
        return 1;

    case ATTEST_TSM_ESTRAY:
        return ++*strays < ATTEST_TSM_STRAYS;

    default:
        return 0;
    }
}


static int
prov_tsm_pause(const prov_tsm_call_t *call, long *nap)
{
    struct timespec  ts;

    if (attest_monotonic_now() + *nap >= call->deadline) {
        return ETIMEDOUT;
    }

    ts.tv_sec = 0;
    ts.tv_nsec = *nap * 1000000;
    (void) nanosleep(&ts, NULL);

    if (*nap < ATTEST_TSM_NAP_MAX) {
        *nap *= 2;
    }

    return 0;
}


static int
prov_tsm_exchange(prov_tsm_call_t *call)
{
    int       err;
    uint64_t  asked, read;

    err = prov_tsm_ask(call, &asked);
    if (err != 0) {
        return err;
    }

    err = prov_tsm_read_all(call);
    if (err != 0) {
        return err;
    }

    err = prov_tsm_generation(call, &read);
    if (err != 0) {
        return err;
    }

    if (read != asked) {
        snprintf(call->error, sizeof(call->error), "somebody else wrote to"
                 " our report directory \"%s\" while we read it",
                 call->dir->name);
        return ATTEST_TSM_ESTRAY;
    }

    return 0;
}


/* All of our parameters each time: nobody else's are ever used. */

static int
prov_tsm_ask(prov_tsm_call_t *call, uint64_t *generation)
{
    int       err;
    char      level[16];
    uint64_t  before, writes = 1;

    err = prov_tsm_generation(call, &before);

    if (err == 0 && call->dir->privlevel >= 0) {
        snprintf(level, sizeof(level), "%d", call->dir->privlevel);
        err = prov_tsm_write(call, "privlevel", level, strlen(level));
        writes++;
    }

    if (err == 0 && call->dir->svsm) {
        err = prov_tsm_write(call, "service_provider", "svsm", 4);
        writes++;
    }

    if (err == 0) {
        err = prov_tsm_write(call, "inblob", call->inblob,
                             ATTEST_TSM_INBLOB);
    }

    if (err == 0) {
        err = prov_tsm_generation(call, generation);
    }

    if (err == 0 && *generation - before != writes) {
        snprintf(call->error, sizeof(call->error), "the generation of our"
                 " report directory \"%s\" went from %" PRIu64 " to %" PRIu64
                 " by %" PRIu64 " writes of ours", call->dir->name, before,
                 *generation, writes);
        err = ATTEST_TSM_ESTRAY;
    }

    return err;
}


/* The report is made by the first read. */

static int
prov_tsm_read_all(prov_tsm_call_t *call)
{
    int  err;

    err = prov_tsm_blob(call, "outblob", &call->outblob);
    if (err != 0) {
        return err;
    }

    if (call->outblob.n == 0) {
        return prov_tsm_failed(call, ENODATA, "read", "outblob");
    }

    /* TDX has none, and some kernels not even the file */

    err = prov_tsm_blob(call, "auxblob", &call->auxblob);
    if (err != 0 && err != ENOENT) {
        return err;
    }

    if (call->dir->svsm) {
        err = prov_tsm_blob(call, "manifestblob", &call->manifest);
        if (err != 0) {
            return err;
        }

        if (call->manifest.n == 0) {
            return prov_tsm_failed(call, ENODATA, "read", "manifestblob");
        }
    }

    return prov_tsm_text(call, "provider", call->provider,
                         sizeof(call->provider));
}


static int
prov_tsm_generation(prov_tsm_call_t *call, uint64_t *value)
{
    int         err;
    char        text[32];
    size_t      i;

    err = prov_tsm_text(call, "generation", text, sizeof(text));
    if (err != 0) {
        return err;
    }

    *value = 0;

    for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 20; i++) {
        *value = *value * 10 + (uint64_t) (text[i] - '0');
    }

    return (i == 0 || text[i] != '\0')
           ? prov_tsm_failed(call, EBADMSG, "read", "generation") : 0;
}


/* The result of close() says nothing: "generation" does. */

static int
prov_tsm_write(prov_tsm_call_t *call, const char *name, const void *p,
    size_t n)
{
    int      fd, err = 0;
    ssize_t  done;

    fd = openat(call->dir->fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1) {
        return prov_tsm_failed(call, errno, "write", name);
    }

    done = write(fd, p, n);
    if (done != (ssize_t) n) {
        err = (done == -1) ? errno : EBADMSG;
    }

    (void) close(fd);

    return err == 0 ? 0 : prov_tsm_failed(call, err, "write", name);
}


/* A line of text, without its end. */

static int
prov_tsm_text(prov_tsm_call_t *call, const char *name, char *text,
    size_t room)
{
    int                err;
    size_t             n;
    prov_tsm_blob_t    blob = { NULL, 0 };

    err = prov_tsm_blob(call, name, &blob);
    if (err != 0) {
        return err;
    }

    n = blob.n;

    if (n != 0 && blob.p[n - 1] == '\n') {
        n--;
    }

    if (n == 0 || n >= room || memchr(blob.p, '\0', n) != NULL) {
        err = prov_tsm_failed(call, EBADMSG, "read", name);

    } else {
        memcpy(text, blob.p, n);
        text[n] = '\0';
    }

    free(blob.p);
    return err;
}


static int
prov_tsm_blob(prov_tsm_call_t *call, const char *name,
    prov_tsm_blob_t *blob)
{
    int  fd, err;

    fd = openat(call->dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1) {
        return prov_tsm_failed(call, errno, "read", name);
    }

    err = prov_tsm_blob_fd(fd, blob);
    (void) close(fd);

    if (err != 0) {
        free(blob->p);
        memset(blob, 0, sizeof(prov_tsm_blob_t));
        return prov_tsm_failed(call, err, "read", name);
    }

    return 0;
}


/* Files of configfs have no size: read until the end. */

static int
prov_tsm_blob_fd(int fd, prov_tsm_blob_t *blob)
{
    size_t    room = 0;
    ssize_t   got;
    uint8_t  *p;

    for ( ;; ) {
        if (blob->n == room) {
            room = (room == 0) ? 8192 : room * 2;

            if (room > 2 * ATTEST_TSM_MAX_BLOB) {
                return EOVERFLOW;
            }

            p = realloc(blob->p, room);
            if (p == NULL) {
                return ENOMEM;
            }

            blob->p = p;
        }

        got = read(fd, blob->p + blob->n, room - blob->n);
        if (got <= 0) {
            break;
        }

        blob->n += (size_t) got;
    }

    if (got == -1) {
        return errno;
    }

    return blob->n > ATTEST_TSM_MAX_BLOB ? EOVERFLOW : 0;
}


static int
prov_tsm_failed(prov_tsm_call_t *call, int err, const char *what,
    const char *name)
{
    snprintf(call->error, sizeof(call->error), "cannot %s \"%s\" of"
             " configfs-tsm: %s; %s", what, name, strerror(err),
             prov_tsm_reason(call, err));

    return err;
}


static const char *
prov_tsm_reason(prov_tsm_call_t *call, int err)
{
    switch (err) {

    case EBUSY:
    case EINTR:
    case EAGAIN:
    case ETXTBSY:
        return "the driver is busy, asked again until the time was up";

    case ENXIO:
        return "the kernel's TSM driver is gone";

    case ENOTTY:
    case EIO:
        return "the channel to the firmware is broken, which only a reboot"
               " of the guest repairs";

    case EFBIG:
        return "a report beyond the kernel's own limit";

    case EOVERFLOW:
        return "longer than 262144 bytes";

    case EINVAL:
        return call->dir->privlevel >= 0
               ? "is privlevel below privlevel_floor, or above 3?"
               : "the firmware refused the request";

    case EACCES:
    case EPERM:
        return "the user that collects does not own the file";

    case ENOENT:
        return "this kernel or CPU does not have it";

    default:
        return "unexpected";
    }
}


static int
prov_tsm_code(int err)
{
    switch (err) {

    case EINVAL:
    case EACCES:
    case EPERM:
    case ENOENT:
        return ATTEST_EARG;

    case EFBIG:
    case EOVERFLOW:
        return ATTEST_ELIMIT;

    case EBADMSG:
    case ENODATA:
        return ATTEST_EFORMAT;

    case ATTEST_TSM_ESTRAY:
        return ATTEST_EMISMATCH;

    default:
        return ATTEST_EINTERNAL;
    }
}


bool
prov_tsm_permanent(int err)
{
    return err == ENXIO || err == EIO || err == ENOTTY;
}
