/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A Nitro security module for tests: preloaded into a process, it makes
 * open("/dev/nsm") and the driver's ioctl work there, and nowhere else.
 *
 *   LD_PRELOAD=fake_nsm.so FAKE_NSM_CONTROL=FILE FAKE_NSM_LOG=FILE program
 *
 * Documents are signed below the root of t/unit/nitro_double.h.  The control
 * file is read at each request; its lines are:
 *
 *   open ERRNO         /dev/nsm cannot be opened
 *   fail ERRNO N       the ioctl fails N times (-1: always)
 *   error NAME         the module refuses: {"Error": NAME}
 *   delay MS           before the answer
 *   document KIND      "data", "nonce": over something else; "debug", "flip",
 *                      "foreign", "garbage", "truncated"
 *   response KIND      "empty", "text", "key" (another one), "long",
 *                      "trailing", "indefinite"
 *
 * Counters start again when the text of the file changes.
 */


#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nitro_double.h"


#define NSM_PATH        "/dev/nsm"
#define NSM_REQUEST     0x1000
#define NSM_RESPONSE    0x3000

/* struct nsm_raw of linux/nsm.h */

typedef struct {
    uint64_t   request;
    uint64_t   request_len;
    uint64_t   response;
    uint64_t   response_len;
} nsm_raw_t;

#define NSM_IOCTL_RAW   _IOWR(0x0a, 0, nsm_raw_t)


static struct {
    int    open_err;
    int    err;
    int    count;
    int    delay;
    char   error[64];
    char   document[16];
    char   response[16];
} ctl;

static pthread_mutex_t  lock = PTHREAD_MUTEX_INITIALIZER;
static char             control_file[256];
static char             log_file[256];
static char             control_text[1024] = "\377";
static int              device = -1;      /* what descriptors are copies of */

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int ioctl(int fd, unsigned long request, ...);


/* Later, a process may have lost its environment. */

__attribute__((constructor))
static void
setup(void)
{
    const char  *control = getenv("FAKE_NSM_CONTROL");
    const char  *log = getenv("FAKE_NSM_LOG");

    snprintf(control_file, sizeof(control_file), "%s", control ? control : "");
    snprintf(log_file, sizeof(log_file), "%s", log ? log : "");
    device = memfd_create("fake_nsm", MFD_CLOEXEC);
}


static void
say(const char *what)
{
    FILE  *f = log_file[0] != '\0' ? fopen(log_file, "ae") : NULL;

    if (f != NULL) {
        fprintf(f, "%s\n", what);
        fclose(f);
    }
}


static int
error_number(const char *name)
{
    size_t  i;

    static const struct {
        const char  *name;
        int          err;
    } errors[] = {
        { "EBUSY", EBUSY }, { "EINTR", EINTR }, { "EIO", EIO },
        { "EAGAIN", EAGAIN }, { "ENXIO", ENXIO }, { "ENODEV", ENODEV },
        { "ENOTTY", ENOTTY }, { "EMSGSIZE", EMSGSIZE }, { "EPERM", EPERM },
        { "EACCES", EACCES }, { "ENOENT", ENOENT }, { "ETIMEDOUT", ETIMEDOUT }
    };

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (strcmp(errors[i].name, name) == 0) {
            return errors[i].err;
        }
    }

    say("bad error name");
    return EPROTO;
}


static void
control(void)
{
    char    text[sizeof(control_text)], *line, *next, name[32];
    FILE   *f;
    size_t  n;

    f = control_file[0] != '\0' ? fopen(control_file, "re") : NULL;
    n = (f != NULL) ? fread(text, 1, sizeof(text) - 1, f) : 0;
    text[n] = '\0';

    if (f != NULL) {
        fclose(f);
    }

    if (strcmp(text, control_text) == 0) {
        return;
    }

    memset(&ctl, 0, sizeof(ctl));
    strcpy(control_text, text);

    for (line = text; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }

        if (sscanf(line, "open %31s", name) == 1) {
            ctl.open_err = error_number(name);

        } else if (sscanf(line, "fail %31s %d", name, &ctl.count) == 2) {
            ctl.err = error_number(name);

        } else if (sscanf(line, "error %63s", ctl.error) != 1
                   && sscanf(line, "delay %d", &ctl.delay) != 1
                   && sscanf(line, "document %15s", ctl.document) != 1
                   && sscanf(line, "response %15s", ctl.response) != 1
                   && line[0] != '\0' && line[0] != '#')
        {
            say("bad control line");
        }
    }
}


/* The request is what the interface asks for, byte for byte, or refused. */

static int
expect(const uint8_t **p, const uint8_t *end, const char *bytes, size_t n)
{
    if ((size_t) (end - *p) < n || memcmp(*p, bytes, n) != 0) {
        return 0;
    }

    *p += n;
    return 1;
}


static int
bytes(const uint8_t **p, const uint8_t *end, const uint8_t **value,
    size_t *len)
{
    *value = NULL;
    *len = 0;

    if (expect(p, end, "\xf6", 1)) {
        return 1;
    }

    if (end - *p < 2 || (*p)[0] != 0x58 || (*p)[1] < 24
        || end - *p - 2 < (*p)[1])
    {
        return 0;
    }

    *len = (*p)[1];
    *value = *p + 2;
    *p += 2 + *len;
    return 1;
}


static int
parse(const uint8_t *p, size_t n, nitro_double_t *d)
{
    const uint8_t  *end = p + n;

    return expect(&p, end, "\xa1\x6b" "Attestation\xa3\x69user_data", 24)
           && bytes(&p, end, &d->user_data, &d->user_data_len)
           && expect(&p, end, "\x65nonce", 6)
           && bytes(&p, end, &d->nonce, &d->nonce_len)
           && expect(&p, end, "\x6apublic_key", 11)
           && bytes(&p, end, &d->public_key, &d->public_key_len)
           && p == end;
}


static size_t
document(nitro_double_t *d, uint8_t *out)
{
    size_t           n;
    struct timespec  ts;
    static uint8_t   other[32];
    const char      *kind = ctl.document;

    clock_gettime(CLOCK_REALTIME, &ts);
    d->timestamp = (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec
                                                 / 1000000;

    d->debug = strcmp(kind, "debug") == 0;
    d->flip = strcmp(kind, "flip") == 0;
    d->foreign = strcmp(kind, "foreign") == 0;

    if (strcmp(kind, "data") == 0) {
        d->user_data = other;
        d->user_data_len = sizeof(other);
    }

    if (strcmp(kind, "nonce") == 0) {
        d->nonce = other;
        d->nonce_len = sizeof(other);
    }

    n = nitro_double_make(d, out, NITRO_DOUBLE_MAX);

    if (strcmp(kind, "garbage") == 0) {
        memset(out, 0xa5, n);
    }

    return strcmp(kind, "truncated") == 0 ? n / 2 : n;
}


/* {"Attestation": {"document": bstr}}, or what the control file wants. */

static void
respond(const uint8_t *request, size_t len, nitro_double_buf_t *out)
{
    size_t           n;
    uint8_t          doc[NITRO_DOUBLE_MAX];
    nitro_double_t   d = NITRO_DOUBLE;
    int              indefinite = strcmp(ctl.response, "indefinite") == 0;

    out->n = 0;

    if (ctl.error[0] != '\0' || !parse(request, len, &d)) {
        say(ctl.error[0] != '\0' ? "refused" : "bad request");
        nitro_double_head(out, 5, 1);
        nitro_double_text(out, "Error");
        nitro_double_text(out, ctl.error[0] != '\0' ? ctl.error
                                                    : "InvalidArgument");
        return;
    }

    say(d.nonce != NULL ? "attestation with nonce" : "attestation");
    n = document(&d, doc);

    if (strcmp(ctl.response, "empty") == 0) {
        return;
    }

    if (strcmp(ctl.response, "text") == 0) {
        nitro_double_text(out, "Attestation");
        return;
    }

    nitro_double_head(out, 5, 1);
    out->p[0] = indefinite ? 0xbf : out->p[0];
    nitro_double_text(out, strcmp(ctl.response, "key") == 0 ? "DescribePCR"
                                                            : "Attestation");
    nitro_double_head(out, 5, 1);
    nitro_double_text(out, "document");
    nitro_double_string(out, 2, doc, n);

    if (indefinite) {
        out->p[out->n++] = 0xff;
    }

    if (strcmp(ctl.response, "trailing") == 0) {
        out->p[out->n++] = 0x00;
    }
}


/* nsm_dev_ioctl() */

static int
nsm(nsm_raw_t *raw)
{
    nitro_double_buf_t  *out;
    struct timespec      ts;

    control();

    if (ctl.err != 0 && ctl.count != 0) {
        ctl.count -= (ctl.count > 0);
        say("failed");
        return ctl.err;
    }

    if (raw->request_len > NSM_REQUEST || raw->response_len != NSM_RESPONSE) {
        return EMSGSIZE;
    }

    if (ctl.delay != 0) {
        ts.tv_sec = ctl.delay / 1000;
        ts.tv_nsec = ctl.delay % 1000 * 1000000L;

        /* the device can be opened meanwhile */
        pthread_mutex_unlock(&lock);
        nanosleep(&ts, NULL);
        pthread_mutex_lock(&lock);
    }

    out = calloc(1, sizeof(*out));
    respond((const uint8_t *) (uintptr_t) raw->request,
            (size_t) raw->request_len, out);

    memcpy((void *) (uintptr_t) raw->response, out->p, out->n);
    raw->response_len = strcmp(ctl.response, "long") == 0 ? NSM_RESPONSE + 1
                                                          : out->n;
    free(out);
    return 0;
}


/* 1: the path is ours, *fd is a descriptor or -1 with errno. */

static int
is_nsm(const char *path, int flags, int *fd)
{
    int  err;

    if (strcmp(path, NSM_PATH) != 0) {
        return 0;
    }

    pthread_mutex_lock(&lock);
    control();
    err = ctl.open_err;
    pthread_mutex_unlock(&lock);

    errno = err;
    *fd = err != 0 ? -1 : fcntl(device, (flags & O_CLOEXEC)
                                        ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
    return 1;
}


/* The C library's function behind ours. */

static int
forward(const char *name, const char *path, int flags, mode_t mode)
{
    int  (*next)(const char *, int, ...);

    *(void **) &next = dlsym(RTLD_NEXT, name);
    return next(path, flags, mode);
}


static mode_t
mode_arg(int flags, va_list args)
{
    return (flags & (O_CREAT | __O_TMPFILE)) ? va_arg(args, mode_t) : 0;
}


int
open(const char *path, int flags, ...)
{
    int      fd;
    mode_t   mode;
    va_list  args;

    va_start(args, flags);
    mode = mode_arg(flags, args);
    va_end(args);

    return is_nsm(path, flags, &fd) ? fd : forward("open", path, flags, mode);
}


int
open64(const char *path, int flags, ...)
{
    int      fd;
    mode_t   mode;
    va_list  args;

    va_start(args, flags);
    mode = mode_arg(flags, args);
    va_end(args);

    return is_nsm(path, flags, &fd) ? fd
                                    : forward("open64", path, flags, mode);
}


int
__open_2(const char *path, int flags)
{
    int  fd;

    return is_nsm(path, flags, &fd) ? fd : forward("open", path, flags, 0);
}


int
__open64_2(const char *path, int flags)
{
    int  fd;

    return is_nsm(path, flags, &fd) ? fd : forward("open64", path, flags, 0);
}


int
ioctl(int fd, unsigned long request, ...)
{
    int          err;
    int        (*next)(int, unsigned long, ...);
    void        *arg;
    va_list      args;
    struct stat  ours, theirs;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);

    if (request == NSM_IOCTL_RAW && fstat(device, &ours) == 0
        && fstat(fd, &theirs) == 0 && ours.st_ino == theirs.st_ino
        && ours.st_dev == theirs.st_dev)
    {
        pthread_mutex_lock(&lock);
        err = nsm(arg);
        pthread_mutex_unlock(&lock);

        errno = err;
        return err == 0 ? 0 : -1;
    }

    *(void **) &next = dlsym(RTLD_NEXT, "ioctl");
    return next(fd, request, arg);
}
