/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory for prompts: of each worker one mapping, out of swap and of core
 * dumps, with a page before and behind it that nobody may touch.  What is in
 * it lies in runs of an arena, attest_arena.h, which wipes what it gets back.
 */


#include "http/evidence/ngx_http_attest_state.h"
#include "http/prompt/ngx_http_attest_locked.h"

#include "core/base/attest_arena.h"

#include <sys/mman.h>


/* of a prompt this large pages go back to the system */
#define NGX_HTTP_ATTEST_RETURN  (512 * 1024)

/* Linux 5.18; no header has it that old */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED  24
#endif


static u_char *ngx_http_attest_locked_map(size_t size, ngx_log_t *log);
static void ngx_http_attest_locked_pin(u_char *p, size_t size,
    ngx_log_t *log);
static int ngx_http_attest_locked_pin_pages(u_char *p, size_t size);
static void ngx_http_attest_locked_count(void);
static void ngx_http_attest_locked_give_back(u_char *p, size_t size);


/* of this process */
static attest_arena_t   ngx_http_attest_locked_arena;
static ngx_atomic_t    *ngx_http_attest_locked_used;
static ngx_atomic_t     ngx_http_attest_locked_own;     /* without a zone */


ngx_int_t
ngx_http_attest_locked_init(ngx_http_attest_main_conf_t *amcf, ngx_log_t *log)
{
    void    *tables;
    u_char  *p;

    if ((!amcf->prompts && !amcf->seals)
        || ngx_http_attest_locked_used != NULL)
    {
        return NGX_OK;
    }

    tables = ngx_calloc(attest_arena_tables(amcf->memory), log);
    if (tables == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_attest_locked_map(amcf->memory, log);
    if (p == NULL) {
        ngx_free(tables);
        return NGX_ERROR;
    }

    if (attest_arena_init(&ngx_http_attest_locked_arena, p, amcf->memory,
                          tables)
        != ATTEST_OK)
    {
        return NGX_ERROR;
    }

    /* a place of this process: whoever dies leaves it to its successor */

    ngx_http_attest_locked_used = &ngx_http_attest_locked_own;

    if (amcf->run.state != NULL) {
        ngx_http_attest_locked_used =
                  &ngx_http_attest_state_stats(amcf)->memory[ngx_process_slot];
    }

    ngx_http_attest_locked_count();

    return NGX_OK;
}


/* Nothing is touched yet: a worker takes what its prompts have needed. */

static u_char *
ngx_http_attest_locked_map(size_t size, ngx_log_t *log)
{
    u_char  *p;

    p = mmap(NULL, size + 2 * ngx_pagesize, PROT_NONE,
             MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "attest: cannot map %uz bytes of "
                      "\"attest_prompt_memory\"", size);
        return NULL;
    }

    p += ngx_pagesize;

    if (mprotect(p, size, PROT_READ|PROT_WRITE) == -1
        || madvise(p, size, MADV_DONTDUMP) == -1
        || madvise(p, size, MADV_DONTFORK) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "attest: cannot protect %uz bytes of "
                      "\"attest_prompt_memory\"", size);
        (void) munmap(p - ngx_pagesize, size + 2 * ngx_pagesize);
        return NULL;
    }

    ngx_http_attest_locked_pin(p, size, log);

    return p;
}


/*
 * Pages are locked when they are first used.  Where the limit is lower, as
 * much of the beginning as it allows, which is used before the rest.
 */

static void
ngx_http_attest_locked_pin(u_char *p, size_t size, ngx_log_t *log)
{
    size_t     n;
    ngx_err_t  err;

    err = 0;

    for (n = size; n >= ngx_pagesize; n = (n / 2) & ~(ngx_pagesize - 1)) {

        if (ngx_http_attest_locked_pin_pages(p, n) == 0) {
            break;
        }

        err = ngx_errno;
    }

    if (n != size) {
        ngx_log_error(NGX_LOG_WARN, log, err,
                      "attest: only %uz of %uz bytes of "
                      "\"attest_prompt_memory\" can be locked, prompts "
                      "beyond could be swapped out; raise LimitMEMLOCK",
                      n, size);
    }
}


static int
ngx_http_attest_locked_pin_pages(u_char *p, size_t size)
{
#ifdef MLOCK_ONFAULT

    if (mlock2(p, size, MLOCK_ONFAULT) == 0) {
        return 0;
    }

#endif

    return mlock(p, size);
}


void
ngx_http_attest_locked_exit(void)
{
    if (ngx_http_attest_locked_used != NULL) {
        attest_arena_clear(&ngx_http_attest_locked_arena);
        ngx_http_attest_locked_count();
    }
}


static void
ngx_http_attest_locked_count(void)
{
    *ngx_http_attest_locked_used =
                             attest_arena_used(&ngx_http_attest_locked_arena);
}


u_char *
ngx_http_attest_locked_alloc(size_t len)
{
    u_char  *p;

    if (ngx_http_attest_locked_used == NULL) {
        return NULL;
    }

    p = attest_arena_alloc(&ngx_http_attest_locked_arena, len);

    ngx_http_attest_locked_count();

    return p;
}


void
ngx_http_attest_locked_free(u_char *p)
{
    size_t  room;

    /* after the end of the process has cleared it, there is no run */

    room = attest_arena_room(&ngx_http_attest_locked_arena, p);

    (void) attest_arena_free(&ngx_http_attest_locked_arena, p);

    ngx_http_attest_locked_give_back(p, room);
    ngx_http_attest_locked_count();
}


/*
 * What is free holds nothing, so that the system may have its pages; those
 * of small prompts are kept for the next ones.
 */

static void
ngx_http_attest_locked_give_back(u_char *p, size_t size)
{
    u_char  *from, *to;

    if (size < NGX_HTTP_ATTEST_RETURN) {
        return;
    }

    from = ngx_align_ptr(p, ngx_pagesize);
    to = (u_char *) ((uintptr_t) (p + size) & ~((uintptr_t) ngx_pagesize - 1));

    if (madvise(from, to - from, MADV_DONTNEED_LOCKED) == 0
        || madvise(from, to - from, MADV_DONTNEED) == 0)
    {
        return;
    }

    /* an older system, which keeps what is locked */

    if (munlock(from, to - from) == 0) {
        (void) madvise(from, to - from, MADV_DONTNEED);
        (void) ngx_http_attest_locked_pin_pages(from, to - from);
    }
}


void
ngx_http_attest_locked_wiped(u_char *p)
{
    (void) attest_arena_wiped(&ngx_http_attest_locked_arena, p);

    ngx_http_attest_locked_count();
}


void
ngx_http_attest_locked_trim(u_char *p, size_t len)
{
    size_t  room, rest;

    room = attest_arena_room(&ngx_http_attest_locked_arena, p);

    (void) attest_arena_resize(&ngx_http_attest_locked_arena, p, len);

    rest = attest_arena_room(&ngx_http_attest_locked_arena, p);

    ngx_http_attest_locked_give_back(p + rest, room - rest);
    ngx_http_attest_locked_count();
}


/*
 * By half at least, in place as long as what follows is free: so that memory
 * is in proportion to what has arrived, and that all moves of a prompt
 * together copy a few times its length.
 */

ngx_int_t
ngx_http_attest_locked_grow(u_char **data, size_t *usable, size_t size,
    size_t max)
{
    u_char          *p;
    size_t           room;
    attest_arena_t  *arena;

    if (size <= *usable) {
        return NGX_OK;
    }

    arena = &ngx_http_attest_locked_arena;

    if (size > max || size > attest_arena_size(arena)) {
        return NGX_DECLINED;
    }

    room = ngx_max(size, ngx_min(*usable + *usable / 2, max));

    if (*data != NULL
        && (attest_arena_resize(arena, *data, room) == ATTEST_OK
            || attest_arena_resize(arena, *data, size) == ATTEST_OK))
    {
        *usable = attest_arena_room(arena, *data);
        ngx_http_attest_locked_count();
        return NGX_OK;
    }

    p = ngx_http_attest_locked_alloc(room);

    if (p == NULL && room > size) {
        p = ngx_http_attest_locked_alloc(size);
    }

    if (p == NULL) {
        return NGX_BUSY;
    }

    if (*data != NULL) {
        ngx_memcpy(p, *data, *usable);
        ngx_http_attest_locked_free(*data);
    }

    *data = p;
    *usable = attest_arena_room(arena, p);

    return NGX_OK;
}
