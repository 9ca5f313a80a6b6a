
/* Evidence of real machines, which lies outside of the repository. */


#ifndef FIXTURE_H_INCLUDED
#define FIXTURE_H_INCLUDED


#include "unit.h"


/*
 * A file of real evidence that is not in this repository: below
 * ATTEST_FIXTURES.  NULL: it is not here, and its test is to be skipped.
 */
static inline uint8_t *
unit_fixture(const char *name, size_t *len)
{
    char         path[4096];
    FILE        *f;
    const char  *dir = getenv("ATTEST_FIXTURES");

    (void) snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir
                    : "../shared/fixtures/evidence", name);

    f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }

    (void) fclose(f);
    return unit_read(path, len);
}


#endif /* FIXTURE_H_INCLUDED */
