/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Blocking calls in threads of their own: a thread that was in time is wholly
 * gone when the call returns, with what its libraries do as it ends; one that
 * is late is left alone, and can be settled or abandoned.
 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "providers/prov_bounded.h"
#include "core/base/attest_monotonic.h"
#include "unit.h"


#define NAP  100000               /* us */


typedef struct {
    prov_bounded_t     bounded;   /* first */
    unsigned           nap;       /* us */
} call_t;


static void run(prov_bounded_t *b);
static void release(prov_bounded_t *b);
static void ending(void *p);
static call_t *make(unsigned nap);
static void test_in_time(void);
static void test_late(void);
static void test_abandoned(void);


static pthread_key_t   key;
static atomic_int      ended, freed;


int
main(void)
{
    if (pthread_key_create(&key, ending) != 0) {
        return 1;
    }

    test_in_time();
    test_late();
    test_abandoned();
    DONE();
}


static void
test_in_time(void)
{
    int                i, rc, good = 0;
    call_t            *c;
    prov_bounded_t    *late = NULL;

    for (i = 0; i < 10; i++) {
        atomic_store(&ended, 0);
        c = make(0);

        rc = prov_bounded_call(&late, &c->bounded,
                               attest_monotonic_now() + 10000);
        good += (rc == 0 && late == NULL && atomic_load(&ended) == 1);
        prov_bounded_free(&c->bounded);
    }

    IS_INT(good, 10, "threads that were in time have ended wholly");
    IS_INT(atomic_load(&freed), 10, "and each call is the caller's to free");
}


static void
test_late(void)
{
    call_t            *c = make(NAP);
    prov_bounded_t    *late = NULL;

    atomic_store(&ended, 0);
    atomic_store(&freed, 0);

    IS_INT(prov_bounded_call(&late, &c->bounded, attest_monotonic_now()),
           ETIMEDOUT, "no answer in time");
    OK(late == &c->bounded, "it is remembered");

    c = make(0);
    IS_INT(prov_bounded_call(&late, &c->bounded, attest_monotonic_now()),
           EBUSY, "no second one beside it");
    IS_INT(atomic_load(&freed), 1, "the second is freed");

    IS_INT(prov_bounded_settle(&late, attest_monotonic_now() + 10000), 0,
           "it ends");
    OK(late == NULL && atomic_load(&freed) == 2, "and is freed");
    IS_INT(atomic_load(&ended), 1, "with all that belongs to its thread");
}


static void
test_abandoned(void)
{
    int                i;
    call_t            *c = make(NAP);
    prov_bounded_t    *late = NULL;

    atomic_store(&freed, 0);

    IS_INT(prov_bounded_call(&late, &c->bounded, attest_monotonic_now()),
           ETIMEDOUT, "late once more");

    prov_bounded_abandon(&late);
    OK(late == NULL && atomic_load(&freed) == 0, "abandoned, and running");

    for (i = 0; i < 1000 && atomic_load(&freed) == 0; i++) {
        (void) usleep(10000);
    }

    IS_INT(atomic_load(&freed), 1, "it frees itself when it ends");
}


static call_t *
make(unsigned nap)
{
    call_t  *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    c->bounded.run = run;
    c->bounded.free = release;
    c->nap = nap;
    return c;
}


static void
run(prov_bounded_t *b)
{
    call_t  *c = (call_t *) b;

    (void) pthread_setspecific(key, &ended);

    if (c->nap != 0) {
        (void) usleep(c->nap);
    }
}


/* What a library does when a thread ends, slowly. */

static void
ending(void *p)
{
    (void) usleep(20000);
    atomic_store((atomic_int *) p, 1);
}


static void
release(prov_bounded_t *b)
{
    free(b);
    atomic_fetch_add(&freed, 1);
}
