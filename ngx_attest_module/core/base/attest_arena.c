/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The allocator of memory that holds secrets: blocks of powers of two within
 * one region that the caller locked, wiped when they are given back.
 */


#include <sodium.h>

#include "core/base/attest_arena.h"

#if defined(__SANITIZE_ADDRESS__)
#define ATTEST_ARENA_ASAN  1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ATTEST_ARENA_ASAN  1
#endif
#endif

#ifdef ATTEST_ARENA_ASAN
#include <sanitizer/asan_interface.h>
#endif


#define ATTEST_ARENA_FREE   0x80             /* a mark: a block, its order */
#define ATTEST_ARENA_RUN    0x40             /* a mark: a run begins */
#define ATTEST_ARENA_ORDER  0x1f

/* Blocks looked at when none is large enough. */
#define ATTEST_ARENA_TRIES  32

/* Units are numbered from 0, links from 1. */
#define ATTEST_ARENA_MAX    ((uint32_t) 1 << (ATTEST_ARENA_ORDERS - 1))


static void attest_arena_guard(const attest_arena_t *a, uint32_t unit,
    uint32_t n, int on);
static void attest_arena_push(attest_arena_t *a, uint32_t unit,
    unsigned order);
static void attest_arena_pull(attest_arena_t *a, uint32_t unit);
static void attest_arena_merge(attest_arena_t *a, uint32_t unit,
    unsigned order);
static void attest_arena_release(attest_arena_t *a, uint32_t unit,
    uint32_t n);
static unsigned attest_arena_order(uint32_t n);
static uint32_t attest_arena_count(size_t len);
static bool attest_arena_ahead(const attest_arena_t *a, uint32_t unit,
    uint32_t n);
static void attest_arena_take(attest_arena_t *a, uint32_t unit, uint32_t n);
static uint32_t attest_arena_find(const attest_arena_t *a, uint32_t n);
static bool attest_arena_run(const attest_arena_t *a, const uint8_t *p,
    uint32_t *unit);


/* In a sanitized build the use of what is free is an error. */

static void
attest_arena_guard(const attest_arena_t *a, uint32_t unit, uint32_t n,
    int on)
{
#ifdef ATTEST_ARENA_ASAN
    uint8_t  *p = a->base + unit * ATTEST_ARENA_UNIT;

    if (on) {
        ASAN_POISON_MEMORY_REGION(p, n * ATTEST_ARENA_UNIT);

    } else {
        ASAN_UNPOISON_MEMORY_REGION(p, n * ATTEST_ARENA_UNIT);
    }
#else
    (void) a;
    (void) unit;
    (void) n;
    (void) on;
#endif
}


static void
attest_arena_push(attest_arena_t *a, uint32_t unit, unsigned order)
{
    a->mark[unit] = (uint8_t) (ATTEST_ARENA_FREE | order);
    a->prev[unit] = 0;
    a->next[unit] = a->head[order];

    if (a->head[order] != 0) {
        a->prev[a->head[order] - 1] = unit + 1;
    }

    a->head[order] = unit + 1;
}


static void
attest_arena_pull(attest_arena_t *a, uint32_t unit)
{
    unsigned  order = a->mark[unit] & ATTEST_ARENA_ORDER;

    if (a->prev[unit] != 0) {
        a->next[a->prev[unit] - 1] = a->next[unit];

    } else {
        a->head[order] = a->next[unit];
    }

    if (a->next[unit] != 0) {
        a->prev[a->next[unit] - 1] = a->prev[unit];
    }

    a->mark[unit] = 0;
    a->next[unit] = 0;
    a->prev[unit] = 0;
}


/* A block is free: it and its buddy are one, and so on. */

static void
attest_arena_merge(attest_arena_t *a, uint32_t unit, unsigned order)
{
    uint32_t  buddy;

    for ( ;; ) {
        buddy = unit ^ ((uint32_t) 1 << order);

        if (buddy >= a->units
            || a->mark[buddy] != (ATTEST_ARENA_FREE | order))
        {
            break;
        }

        attest_arena_pull(a, buddy);
        unit &= ~((uint32_t) 1 << order);
        order++;
    }

    attest_arena_push(a, unit, order);
}


/* Any units, as the largest blocks that they are made of. */

static void
attest_arena_release(attest_arena_t *a, uint32_t unit, uint32_t n)
{
    unsigned  order;

    attest_arena_guard(a, unit, n, 1);

    while (n != 0) {
        order = 0;

        while ((unit & ((uint32_t) 1 << order)) == 0
               && (uint32_t) 2 << order <= n)
        {
            order++;
        }

        attest_arena_merge(a, unit, order);

        unit += (uint32_t) 1 << order;
        n -= (uint32_t) 1 << order;
    }
}


/* The smallest block that takes n units. */

static unsigned
attest_arena_order(uint32_t n)
{
    unsigned  order = 0;

    while ((uint32_t) 1 << order < n) {
        order++;
    }

    return order;
}


/* Units for len bytes; 0: more than there can be. */

static uint32_t
attest_arena_count(size_t len)
{
    size_t  n = len / ATTEST_ARENA_UNIT + (len % ATTEST_ARENA_UNIT != 0);

    if (n > ATTEST_ARENA_MAX) {
        return 0;
    }

    return n != 0 ? (uint32_t) n : 1;
}


size_t
attest_arena_tables(size_t size)
{
    size_t  units = size / ATTEST_ARENA_UNIT;

    if (units == 0 || units > ATTEST_ARENA_MAX
        || size % ATTEST_ARENA_UNIT != 0)
    {
        return 0;
    }

    return units * (2 * sizeof(uint32_t) + 1);
}


int
attest_arena_init(attest_arena_t *a, uint8_t *mem, size_t size, void *tables)
{
    unsigned  i;

    if (attest_arena_tables(size) == 0) {
        return ATTEST_EARG;
    }

    a->base = mem;
    a->units = (uint32_t) (size / ATTEST_ARENA_UNIT);
    a->used = 0;
    a->next = tables;
    a->prev = a->next + a->units;
    a->mark = (uint8_t *) (a->prev + a->units);

    for (i = 0; i < ATTEST_ARENA_ORDERS; i++) {
        a->head[i] = 0;
    }

    attest_arena_release(a, 0, a->units);

    return ATTEST_OK;
}


/*
 * Whether n units from here on are free.  Free units are whole blocks, and
 * the first of them begins one.
 */

static bool
attest_arena_ahead(const attest_arena_t *a, uint32_t unit, uint32_t n)
{
    uint32_t  end;

    if (n > a->units - unit) {
        return 0;
    }

    for (end = unit + n; unit < end; /* void */ ) {

        if (!(a->mark[unit] & ATTEST_ARENA_FREE)) {
            return 0;
        }

        unit += (uint32_t) 1 << (a->mark[unit] & ATTEST_ARENA_ORDER);
    }

    return 1;
}


/* Takes them; what is too much of the last block stays free. */

static void
attest_arena_take(attest_arena_t *a, uint32_t unit, uint32_t n)
{
    uint32_t  end, next;

    for (end = unit; end < unit + n; end = next) {
        next = end
               + ((uint32_t) 1 << (a->mark[end] & ATTEST_ARENA_ORDER));
        attest_arena_pull(a, end);
    }

    attest_arena_release(a, unit + n, end - unit - n);
    attest_arena_guard(a, unit, n, 0);

    a->used += n;
}


/*
 * Where n units are free, in numbers from 1; 0: nowhere.  One block that is
 * large enough; else, and not for ever, one that is not and what follows it.
 */

static uint32_t
attest_arena_find(const attest_arena_t *a, uint32_t n)
{
    uint32_t  link, tries = 0;
    unsigned  order, i;

    order = attest_arena_order(n);

    for (i = order; i < ATTEST_ARENA_ORDERS; i++) {
        if (a->head[i] != 0) {
            return a->head[i];
        }
    }

    if (order == 0) {
        return 0;
    }

    link = a->head[order - 1];

    while (link != 0 && tries++ < ATTEST_ARENA_TRIES
           && !attest_arena_ahead(a, link - 1, n))
    {
        link = a->next[link - 1];
    }

    return tries <= ATTEST_ARENA_TRIES ? link : 0;
}


uint8_t *
attest_arena_alloc(attest_arena_t *a, size_t len)
{
    uint32_t  n = attest_arena_count(len), unit;

    if (n == 0 || n > a->units) {
        return NULL;
    }

    unit = attest_arena_find(a, n);
    if (unit == 0) {
        return NULL;
    }

    unit--;
    attest_arena_take(a, unit, n);

    a->mark[unit] = ATTEST_ARENA_RUN;
    a->next[unit] = n;

    return a->base + unit * ATTEST_ARENA_UNIT;
}


static bool
attest_arena_run(const attest_arena_t *a, const uint8_t *p, uint32_t *unit)
{
    size_t  offset;

    if ((uintptr_t) p < (uintptr_t) a->base) {
        return 0;
    }

    offset = (uintptr_t) p - (uintptr_t) a->base;

    if (offset % ATTEST_ARENA_UNIT != 0
        || offset / ATTEST_ARENA_UNIT >= a->units)
    {
        return 0;
    }

    *unit = (uint32_t) (offset / ATTEST_ARENA_UNIT);

    return a->mark[*unit] == ATTEST_ARENA_RUN;
}


size_t
attest_arena_room(const attest_arena_t *a, const uint8_t *p)
{
    uint32_t  unit;

    return attest_arena_run(a, p, &unit)
           ? a->next[unit] * ATTEST_ARENA_UNIT : 0;
}


int
attest_arena_resize(attest_arena_t *a, uint8_t *p, size_t len)
{
    uint32_t  n = attest_arena_count(len), unit, have;

    if (!attest_arena_run(a, p, &unit)) {
        return ATTEST_EARG;
    }

    if (n == 0) {
        return ATTEST_ENOSPACE;
    }

    have = a->next[unit];

    if (n > have) {

        if (!attest_arena_ahead(a, unit + have, n - have)) {
            return ATTEST_ENOSPACE;
        }

        attest_arena_take(a, unit + have, n - have);
        a->next[unit] = n;
    }

    if (n < have) {
        sodium_memzero(p + n * ATTEST_ARENA_UNIT,
                       (have - n) * ATTEST_ARENA_UNIT);
        a->next[unit] = n;
        a->used -= have - n;
        attest_arena_release(a, unit + n, have - n);
    }

    return ATTEST_OK;
}


int
attest_arena_free(attest_arena_t *a, uint8_t *p)
{
    size_t  room = attest_arena_room(a, p);

    if (room == 0) {
        return ATTEST_EARG;
    }

    sodium_memzero(p, room);

    return attest_arena_wiped(a, p);
}


int
attest_arena_wiped(attest_arena_t *a, uint8_t *p)
{
    uint32_t  unit, n;

    if (!attest_arena_run(a, p, &unit)) {
        return ATTEST_EARG;
    }

    n = a->next[unit];

    a->mark[unit] = 0;
    a->next[unit] = 0;
    a->used -= n;

    attest_arena_release(a, unit, n);

    return ATTEST_OK;
}


void
attest_arena_clear(attest_arena_t *a)
{
    uint32_t  unit;

    for (unit = 0; unit < a->units && a->used != 0; unit++) {
        if (a->mark[unit] == ATTEST_ARENA_RUN) {
            (void) attest_arena_free(a, a->base + unit * ATTEST_ARENA_UNIT);
        }
    }
}


size_t
attest_arena_used(const attest_arena_t *a)
{
    return a->used * ATTEST_ARENA_UNIT;
}


size_t
attest_arena_size(const attest_arena_t *a)
{
    return a->units * ATTEST_ARENA_UNIT;
}
