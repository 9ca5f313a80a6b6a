/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Evidence of real machines, which lies outside of the repository: below
 * ATTEST_FIXTURES, or beside the project; t/data/README.md lists it.  Each
 * kind is tested with what the doubles make, too, so that nothing stays
 * untested where the files are not there.
 */


#ifndef FIXTURE_H_INCLUDED
#define FIXTURE_H_INCLUDED


#include <unistd.h>

#include "unit.h"


#define UNIT_FIXTURES  "../shared/fixtures/evidence"

/* These files are there; or `what` is skipped, and the reason printed. */
#define UNIT_HAVE(what, ...)                                                 \
    unit_have(what, (const char *const []) { __VA_ARGS__, NULL })


static inline void
unit_fixture_path(const char *name, char *path, size_t room)
{
    const char  *dir = getenv("ATTEST_FIXTURES");

    (void) snprintf(path, room, "%s/%s", dir != NULL ? dir : UNIT_FIXTURES,
                    name);
}


static inline int
unit_have(const char *what, const char *const *names)
{
    char  path[4096];

    for ( ; *names != NULL; names++) {
        unit_fixture_path(*names, path, sizeof(path));

        if (access(path, R_OK) != 0) {
            printf("ok %d - %s # SKIP real evidence %s is not there\n",
                   ++unit_count, what, path);
            return 0;
        }
    }

    return 1;
}


/* The whole file, as unit_read(), of those that UNIT_HAVE() has found. */

static inline uint8_t *
unit_fixture(const char *name, size_t *len)
{
    char  path[4096];

    unit_fixture_path(name, path, sizeof(path));
    return unit_read(path, len);
}


#endif /* FIXTURE_H_INCLUDED */
