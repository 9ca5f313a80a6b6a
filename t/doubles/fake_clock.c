/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clocks that can be set, in every program that has this loaded, without
 * touching the machine's: what the wall clock and the boot-time clock say
 * moves by the two numbers (seconds, 64 bits each) in the file that
 * FAKE_CLOCK names.  The file is mapped, so that a change is seen at once.
 */


#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static const volatile int64_t  *offsets;


__attribute__((constructor))
static void
fake_clock_open(void)
{
    int          fd;
    void        *p;
    const char  *name;

    name = getenv("FAKE_CLOCK");
    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    p = mmap(NULL, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    (void) close(fd);

    if (p != MAP_FAILED) {
        offsets = p;
    }
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    if (syscall(SYS_clock_gettime, id, ts) != 0) {
        return -1;
    }

    if (offsets == NULL) {
        return 0;
    }

    switch (id) {

    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        ts->tv_sec += offsets[0];
        break;

    case CLOCK_BOOTTIME:
        ts->tv_sec += offsets[1];
        break;

    default:
        break;
    }

    return 0;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    (void) tz;
    (void) clock_gettime(CLOCK_REALTIME, &ts);

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    if (t != NULL) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
