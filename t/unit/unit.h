/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TAP for unit tests, read by prove.  Run from the top of the tree: data
 * files are opened as t/data/NAME.
 */


#ifndef UNIT_H_INCLUDED
#define UNIT_H_INCLUDED


#include <dirent.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/*
 * From one mutation to the next.  The release changes every byte; sanitizers,
 * which look at what the code does and not at what it says, see the same ways
 * through it from every n-th.
 */

#ifdef __SANITIZE_ADDRESS__
#define UNIT_STEP(n)  (n)
#else
#define UNIT_STEP(n)  1
#endif


static int  unit_count;
static int  unit_failed;

#define OK(cond, ...)  unit_ok((cond) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

#define IS_INT(got, want, ...)                                               \
    do {                                                                     \
        long long  unit_g = (long long) (got), unit_w = (long long) (want);  \
                                                                             \
        if (!OK(unit_g == unit_w, __VA_ARGS__)) {                            \
            printf("#   got %lld, want %lld\n", unit_g, unit_w);             \
        }                                                                    \
    } while (0)

#define IS_MEM(got, want, n, ...)                                            \
    OK(memcmp((got), (want), (n)) == 0, __VA_ARGS__)

#define DONE()                                                               \
    do {                                                                     \
        printf("1..%d\n", unit_count);                                       \
        return unit_failed ? 1 : 0;                                          \
    } while (0)


__attribute__((format(printf, 4, 5)))
static inline int
unit_ok(int ok, const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    printf("%sok %d - ", ok ? "" : "not ", ++unit_count);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");

    if (!ok) {
        unit_failed++;
        printf("#   failed at %s:%d\n", file, line);
    }

    fflush(stdout);
    return ok;
}


/* The whole file, malloc()ed, with a 0 behind; exits when it is not there. */
static inline uint8_t *
unit_read(const char *path, size_t *len)
{
    FILE     *f = fopen(path, "rb");
    long      n;
    uint8_t  *p;

    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0) {
        printf("Bail out! cannot read %s\n", path);
        exit(1);
    }

    rewind(f);
    p = malloc((size_t) n + 1);
    if (p == NULL || fread(p, 1, (size_t) n, f) != (size_t) n) {
        printf("Bail out! cannot read %s\n", path);
        exit(1);
    }

    fclose(f);
    p[n] = 0;
    if (len != NULL) {
        *len = (size_t) n;
    }
    return p;
}


/* A copy without a byte to spare, for AddressSanitizer. */

static inline uint8_t *
unit_exact(const uint8_t *p, size_t n)
{
    uint8_t  *copy = malloc(n ? n : 1);

    if (copy == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    memcpy(copy, p, n);
    return copy;
}


/* How many files this process has open. */

static inline int
unit_fds(void)
{
    int   n = 0;
    DIR  *d = opendir("/proc/self/fd");

    while (d != NULL && readdir(d) != NULL) {
        n++;
    }

    if (d != NULL) {
        closedir(d);
    }

    return n;
}


/* Hex to bytes; returns the number of bytes, or exits on bad hex. */
static inline size_t
unit_hex(const char *hex, uint8_t *out, size_t room)
{
    size_t    i, n = strlen(hex);
    unsigned  v;

    if (n % 2 || n / 2 > room) {
        printf("Bail out! bad hex in a test\n");
        exit(1);
    }

    for (i = 0; i < n / 2; i++) {
        if (sscanf(hex + 2 * i, "%2x", &v) != 1) {
            printf("Bail out! bad hex in a test\n");
            exit(1);
        }
        out[i] = (uint8_t) v;
    }

    return n / 2;
}


#endif /* UNIT_H_INCLUDED */
