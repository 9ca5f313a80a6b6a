/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The arena of prompts: runs that do not overlap, memory that is whole again
 * when all is free, growth in place, and nothing left behind.
 */


#include "unit.h"
#include "core/base/attest_arena.h"


#define UNIT   ATTEST_ARENA_UNIT
#define UNITS  1000
#define RUNS   200


typedef struct {
    uint8_t  *p;
    size_t    len;
    uint8_t   fill;
} run_t;


static void make(attest_arena_t *a, size_t units);
static void drop(attest_arena_t *a);
static int filled(const run_t *r);
static void fill(run_t *r, uint32_t random);
static uint32_t draw(uint32_t *seed);

static void test_sizes(void);
static void test_exact(void);
static void test_whole_again(void);
static void test_resize(void);
static void test_wrong_calls(void);
static void test_wipes(void);
static void step(attest_arena_t *a, run_t *r, uint32_t *seed, int *bad);
static void test_random(void);
static void test_clear(void);


static uint8_t  *memory;
static void     *tables;


static void
make(attest_arena_t *a, size_t units)
{
    memory = aligned_alloc(UNIT, units * UNIT);
    tables = calloc(1, attest_arena_tables(units * UNIT));

    if (memory == NULL || tables == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    memset(memory, 0, units * UNIT);

    if (attest_arena_init(a, memory, units * UNIT, tables) != ATTEST_OK) {
        printf("Bail out! no arena\n");
        exit(1);
    }
}


static void
drop(attest_arena_t *a)
{
    uint8_t  *p;

    /* what a sanitizer has been told of it is taken back */

    attest_arena_clear(a);
    p = attest_arena_alloc(a, attest_arena_size(a));
    OK(p == memory, "all of it is one run in the end");

    free(memory);
    free(tables);
}


static uint32_t
draw(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;

    return *seed;
}


static void
test_sizes(void)
{
    attest_arena_t  a;

    IS_INT(attest_arena_tables(0), 0, "no units: no arena");
    IS_INT(attest_arena_tables(UNIT - 1), 0, "a part of a unit");
    IS_INT(attest_arena_tables(UNIT + 1), 0, "a unit and a part");
    IS_INT(attest_arena_tables(UNIT), 9, "one unit");
    OK(attest_arena_tables(((size_t) 1 << 30) * UNIT) != 0, "the most");
    IS_INT(attest_arena_tables((((size_t) 1 << 30) + 1) * UNIT), 0,
           "more than that");
    IS_INT(attest_arena_init(&a, NULL, 0, NULL), ATTEST_EARG,
           "such a size is refused");
}


/* A run takes units, not a power of two of them. */

static void
test_exact(void)
{
    size_t           i;
    uint8_t         *p;
    attest_arena_t   a;

    static const struct {
        size_t  len, units;
    } t[] = {
        { 0, 1 }, { 1, 1 }, { 84, 1 }, { UNIT, 1 }, { UNIT + 1, 2 },
        { 5 * UNIT, 5 }, { 33 * UNIT - 1, 33 }, { UNITS * UNIT, UNITS }
    };

    make(&a, UNITS);

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        p = attest_arena_alloc(&a, t[i].len);
        OK(p != NULL, "%zu bytes", t[i].len);
        IS_INT(attest_arena_used(&a), t[i].units * UNIT, "what is used");
        IS_INT(attest_arena_room(&a, p), t[i].units * UNIT, "its room");
        IS_INT(attest_arena_free(&a, p), ATTEST_OK, "freed");
        IS_INT(attest_arena_used(&a), 0, "nothing is used");
    }

    OK(attest_arena_alloc(&a, UNITS * UNIT + 1) == NULL, "more than all");
    OK(attest_arena_alloc(&a, SIZE_MAX) == NULL, "SIZE_MAX");

    drop(&a);
}


static void
test_whole_again(void)
{
    size_t           i, n;
    uint8_t         *p[UNITS];
    attest_arena_t   a;

    make(&a, UNITS);

    for (n = 0; n < UNITS; n++) {
        p[n] = attest_arena_alloc(&a, 1);
        if (p[n] == NULL) {
            break;
        }
    }

    IS_INT(n, UNITS, "as many runs as units");
    OK(attest_arena_alloc(&a, 1) == NULL, "then there is no room");

    for (i = 0; i < UNITS; i += 2) {
        attest_arena_free(&a, p[i]);
    }

    OK(attest_arena_alloc(&a, UNIT + 1) == NULL,
       "every other unit: no two together");

    for (i = 1; i < UNITS; i += 2) {
        attest_arena_free(&a, p[i]);
    }

    drop(&a);
}


static void
test_resize(void)
{
    int              bad;
    size_t           i;
    uint8_t         *p, *q;
    attest_arena_t   a;

    make(&a, UNITS);

    /* from where all of it follows */

    p = attest_arena_alloc(&a, UNITS * UNIT);
    attest_arena_resize(&a, p, 1);

    for (i = 2, bad = 0; i <= UNITS; i++) {
        bad += attest_arena_resize(&a, p, i * UNIT) != ATTEST_OK;
        bad += attest_arena_room(&a, p) != i * UNIT;
    }

    IS_INT(bad, 0, "grows by a unit up to all of the arena");
    IS_INT(attest_arena_resize(&a, p, UNITS * UNIT + 1), ATTEST_ENOSPACE,
           "not further");

    memset(p, 0x5a, UNITS * UNIT);

    for (i = UNITS - 1, bad = 0; i != 0; i--) {
        bad += attest_arena_resize(&a, p, i * UNIT) != ATTEST_OK;
        bad += attest_arena_used(&a) != i * UNIT;
    }

    IS_INT(bad, 0, "and shrinks");

    q = attest_arena_alloc(&a, 1);
    OK(q == p + UNIT, "the next run follows");
    IS_INT(attest_arena_resize(&a, p, 2 * UNIT), ATTEST_ENOSPACE,
           "growth into it is refused");
    IS_INT(attest_arena_used(&a), 2 * UNIT, "and changes nothing");

    attest_arena_free(&a, q);
    IS_INT(attest_arena_resize(&a, p, 2 * UNIT), ATTEST_OK,
           "when it is gone there is room");
    OK(p[0] == 0x5a && p[UNIT] == 0, "of which nothing is left");

    drop(&a);
}


static void
test_wrong_calls(void)
{
    uint8_t          other;
    uint8_t         *p;
    attest_arena_t   a;

    make(&a, UNITS);
    p = attest_arena_alloc(&a, 3 * UNIT);

    IS_INT(attest_arena_free(&a, p + UNIT), ATTEST_EARG,
           "free: inside of a run");
    IS_INT(attest_arena_free(&a, p + 1), ATTEST_EARG, "free: no unit");
    IS_INT(attest_arena_free(&a, &other), ATTEST_EARG, "free: elsewhere");
    IS_INT(attest_arena_free(&a, memory + UNITS * UNIT), ATTEST_EARG,
           "free: behind");
    IS_INT(attest_arena_resize(&a, p + UNIT, 1), ATTEST_EARG,
           "resize: inside of a run");
    IS_INT(attest_arena_free(&a, p), ATTEST_OK, "free");
    IS_INT(attest_arena_free(&a, p), ATTEST_EARG, "free: once more");
    IS_INT(attest_arena_room(&a, p), 0, "no room there any more");
    IS_INT(attest_arena_used(&a), 0, "nothing is used");

    drop(&a);
}


static void
test_wipes(void)
{
    size_t           i;
    uint8_t         *p;
    attest_arena_t   a;

    make(&a, UNITS);

    p = attest_arena_alloc(&a, 10 * UNIT);
    memset(p, 0xcc, 10 * UNIT);

    attest_arena_resize(&a, p, 4 * UNIT);
    attest_arena_resize(&a, p, 10 * UNIT);

    for (i = 4 * UNIT; i < 10 * UNIT && p[i] == 0; i++) { /* void */ }
    IS_INT(i, 10 * UNIT, "what a run gave back is zero");
    OK(p[4 * UNIT - 1] == 0xcc, "what it kept is not");

    attest_arena_free(&a, p);
    p = attest_arena_alloc(&a, UNITS * UNIT);

    for (i = 0; i < UNITS * UNIT && p[i] == 0; i++) { /* void */ }
    IS_INT(i, UNITS * UNIT, "all that was freed is zero");

    drop(&a);
}


static int
filled(const run_t *r)
{
    size_t  i;

    for (i = 0; i < r->len; i++) {
        if (r->p[i] != r->fill) {
            return 0;
        }
    }

    return 1;
}


static void
fill(run_t *r, uint32_t random)
{
    r->fill = (uint8_t) (random | 1);
    memset(r->p, r->fill, r->len);
}


/* One random call; what was written before must still be there. */

static void
step(attest_arena_t *a, run_t *r, uint32_t *seed, int *bad)
{
    int       rc;
    size_t    len = 1 + draw(seed) % (20 * UNIT);

    if (r->p == NULL) {
        r->p = attest_arena_alloc(a, len);
        r->len = r->p != NULL ? attest_arena_room(a, r->p) : 0;

        if (r->p != NULL) {
            *bad += r->p[0] != 0 || r->p[r->len - 1] != 0;
            fill(r, draw(seed));
        }

        return;
    }

    *bad += !filled(r);

    if (draw(seed) % 3 == 0) {
        *bad += attest_arena_free(a, r->p) != ATTEST_OK;
        r->p = NULL;
        r->len = 0;
        return;
    }

    rc = attest_arena_resize(a, r->p, len);
    *bad += rc != ATTEST_OK && rc != ATTEST_ENOSPACE;
    *bad += rc == ATTEST_ENOSPACE && len <= r->len;

    r->len = attest_arena_room(a, r->p);
    fill(r, draw(seed));
}


static void
test_random(void)
{
    int              bad = 0, sums = 0;
    size_t           i, k, sum;
    uint32_t         seed = 20261130;
    run_t            runs[RUNS];
    attest_arena_t   a;

    make(&a, UNITS);
    memset(runs, 0, sizeof(runs));

    for (i = 0; i < 20000; i++) {
        step(&a, &runs[draw(&seed) % RUNS], &seed, &bad);

        for (k = 0, sum = 0; k < RUNS; k++) {
            sum += runs[k].len;
        }

        sums += sum != attest_arena_used(&a);
    }

    IS_INT(bad, 0, "20000 random calls: no run overlaps another");
    IS_INT(sums, 0, "and what is used is their sum");

    drop(&a);
}


static void
test_clear(void)
{
    size_t           i;
    uint8_t         *p;
    attest_arena_t   a;

    make(&a, UNITS);

    for (i = 0; i < 30; i++) {
        p = attest_arena_alloc(&a, i * UNIT);
        memset(p, 0xee, attest_arena_room(&a, p));
    }

    attest_arena_clear(&a);
    IS_INT(attest_arena_used(&a), 0, "cleared: nothing is used");

    p = attest_arena_alloc(&a, UNITS * UNIT);
    for (i = 0; i < UNITS * UNIT && p[i] == 0; i++) { /* void */ }
    IS_INT(i, UNITS * UNIT, "and nothing is left");

    drop(&a);
}


int
main(void)
{
    test_sizes();
    test_exact();
    test_whole_again();
    test_resize();
    test_wrong_calls();
    test_wipes();
    test_random();
    test_clear();

    DONE();
}
