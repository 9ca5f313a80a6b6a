/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory for secrets, given out of one piece that the caller has mapped and
 * locked: a buddy system of units, whose runs are cut to what was asked for.
 * Its tables lie apart, so that no overrun of a run reaches them.
 *
 * Every call takes a time that depends on the logarithm of the size, but for
 * the wiping.  What is free holds nothing: runs are wiped when they go.
 */


#ifndef ATTEST_ARENA_H_INCLUDED
#define ATTEST_ARENA_H_INCLUDED


#include "core/base/attest_core.h"


#define ATTEST_ARENA_UNIT     ((size_t) 1024)
#define ATTEST_ARENA_ORDERS   31


/* Members are the arena's own. */

typedef struct {
    uint8_t    *base;
    uint32_t    units;
    uint32_t    used;                        /* units that are given out */
    uint32_t   *next;                        /* of a free block, 1 + unit; */
    uint32_t   *prev;                        /* or a run's length in next */
    uint8_t    *mark;                        /* what begins at a unit */
    uint32_t    head[ATTEST_ARENA_ORDERS];   /* free blocks of 2^i units */
} attest_arena_t;


/* Bytes that the tables need; 0: the size is none (units, at most 2^30). */
size_t attest_arena_tables(size_t size);

/*
 * mem: size bytes, aligned to a unit, all zero; tables: zeroed too, aligned
 * for uint32_t.  Both stay the caller's.  ATTEST_EARG: a size that is none.
 */
int attest_arena_init(attest_arena_t *a, uint8_t *mem, size_t size,
    void *tables);

/* A run of len bytes or some more, zeroed; NULL: there is no room. */
uint8_t *attest_arena_alloc(attest_arena_t *a, size_t len);

/* Bytes of the run that begins at p; 0: none does. */
size_t attest_arena_room(const attest_arena_t *a, const uint8_t *p);

/*
 * In its place.  Less: the end is wiped and free.  More: only when what
 * follows is free, or else ATTEST_ENOSPACE and nothing has changed.
 * ATTEST_EARG: no run begins at p.
 */
int attest_arena_resize(attest_arena_t *a, uint8_t *p, size_t len);

/* ATTEST_EARG: no run begins at p, as after a first free. */
int attest_arena_free(attest_arena_t *a, uint8_t *p);
/* Of a run that the caller has wiped. */
int attest_arena_wiped(attest_arena_t *a, uint8_t *p);

/* Wipes and frees all runs. */
void attest_arena_clear(attest_arena_t *a);

/* In bytes. */
size_t attest_arena_used(const attest_arena_t *a);
size_t attest_arena_size(const attest_arena_t *a);


#endif /* ATTEST_ARENA_H_INCLUDED */
