
/*
 * Locked memory for prompts: out of swap and of core dumps, guarded, wiped.
 *
 * libsodium's allocation takes several system calls, which a small prompt
 * would feel, so that a worker keeps some blocks for the next one.
 */


#include "ngx_http_attest_prompt.h"

#include <sodium.h>
#include <sys/mman.h>


/* by which a prompt's memory grows */
#define NGX_HTTP_ATTEST_STEP  (256 * 1024)

#define ngx_http_attest_pages(len)  ngx_align(len, ngx_pagesize)


typedef struct ngx_http_attest_block_s  ngx_http_attest_block_t;

struct ngx_http_attest_block_s {
    ngx_http_attest_block_t  *next;
};


typedef struct {
    size_t                    size;
    ngx_uint_t                max;          /* blocks kept */
    ngx_uint_t                kept;
    ngx_http_attest_block_t  *free;
} ngx_http_attest_class_t;


static ngx_http_attest_class_t *ngx_http_attest_locked_class(size_t len);
static u_char *ngx_http_attest_locked_new(size_t len);
static void ngx_http_attest_locked_warn(size_t len);


/* libsodium's canary stands before the memory and would take another page */
#define NGX_HTTP_ATTEST_CANARY  16

#define ngx_http_attest_kib(n)  ((n) * 1024 - NGX_HTTP_ATTEST_CANARY)


/*
 * Of this process; 6.2 MiB at most, below the usual limit of locked memory,
 * which is 8 MiB.
 */

static ngx_http_attest_class_t  ngx_http_attest_classes[] = {
    { ngx_http_attest_kib(4), 64, 0, NULL },
    { ngx_http_attest_kib(16), 32, 0, NULL },
    { ngx_http_attest_kib(64), 24, 0, NULL },
    { ngx_http_attest_kib(160), 12, 0, NULL },
    { ngx_http_attest_kib(512), 4, 0, NULL }
};

#define NGX_HTTP_ATTEST_CLASSES                                              \
    (sizeof(ngx_http_attest_classes) / sizeof(ngx_http_attest_classes[0]))


/* The smallest class that takes len bytes; NULL: too large to be kept. */

static ngx_http_attest_class_t *
ngx_http_attest_locked_class(size_t len)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ATTEST_CLASSES; i++) {
        if (len <= ngx_http_attest_classes[i].size) {
            return &ngx_http_attest_classes[i];
        }
    }

    return NULL;
}


/* sodium_malloc() does not tell when it could not lock: ask again. */

static u_char *
ngx_http_attest_locked_new(size_t len)
{
    u_char  *p;

    p = sodium_malloc(len);

    if (p != NULL && sodium_mlock(p, len) == -1) {
        ngx_http_attest_locked_warn(len);
    }

    return p;
}


/* Once in the life of a process. */

static void
ngx_http_attest_locked_warn(size_t len)
{
    static ngx_uint_t  told;

    if (!told) {
        told = 1;
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, ngx_errno,
                      "attest: cannot lock %uz bytes of a prompt in memory, "
                      "it could be swapped out; raise LimitMEMLOCK", len);
    }
}


u_char *
ngx_http_attest_locked_alloc(size_t len)
{
    ngx_http_attest_block_t  *block;
    ngx_http_attest_class_t  *class;

    class = ngx_http_attest_locked_class(len);

    if (class == NULL) {
        return ngx_http_attest_locked_new(len);
    }

    block = class->free;

    if (block == NULL) {
        return ngx_http_attest_locked_new(class->size);
    }

    class->free = block->next;
    class->kept--;

    return (u_char *) block;
}


void
ngx_http_attest_locked_free(u_char *p, size_t len)
{
    sodium_memzero(p, len);

    ngx_http_attest_locked_wiped(p, len);
}


void
ngx_http_attest_locked_wiped(u_char *p, size_t len)
{
    ngx_http_attest_block_t  *block;
    ngx_http_attest_class_t  *class;

    class = ngx_http_attest_locked_class(len);

    if (class == NULL || class->kept == class->max) {
        /* checks its canary */
        sodium_free(p);
        return;
    }

    block = (ngx_http_attest_block_t *) p;
    block->next = class->free;
    class->free = block;
    class->kept++;
}


/* A page that nobody may touch stands before and behind. */

u_char *
ngx_http_attest_locked_reserve(size_t len)
{
    u_char  *p;

    p = mmap(NULL, ngx_http_attest_pages(len) + 2 * ngx_pagesize, PROT_NONE,
             MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        return NULL;
    }

    (void) madvise(p, ngx_http_attest_pages(len) + 2 * ngx_pagesize,
                   MADV_DONTDUMP);

    return p + ngx_pagesize;
}


ngx_int_t
ngx_http_attest_locked_extend(u_char *p, size_t len, size_t *usable,
    size_t size)
{
    size_t  from, to;

    if (size > len) {
        return NGX_ERROR;
    }

    from = *usable;
    to = ngx_min(ngx_align(size, NGX_HTTP_ATTEST_STEP),
                 ngx_http_attest_pages(len));

    if (mprotect(p + from, to - from, PROT_READ|PROT_WRITE) == -1) {
        return NGX_ERROR;
    }

    if (mlock(p + from, to - from) == -1) {
        ngx_http_attest_locked_warn(to);
    }

    *usable = to;

    return NGX_OK;
}


void
ngx_http_attest_locked_release(u_char *p, size_t len, size_t usable)
{
    sodium_memzero(p, usable);

    (void) munmap(p - ngx_pagesize,
                  ngx_http_attest_pages(len) + 2 * ngx_pagesize);
}
