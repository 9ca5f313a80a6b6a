/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The member "cache_salt" of a request to a model: servers keep what they have
 * computed of a prompt's beginning for all prompts that begin so, unless their
 * salts differ.  Whoever can measure that learns what others have asked.
 *
 * The member is put into the text of the request; nothing else of it is
 * spelled or ordered in another way, and no copy of it is made in between.
 */


#ifndef ATTEST_CACHE_SALT_H_INCLUDED
#define ATTEST_CACHE_SALT_H_INCLUDED


#include "core/base/attest_core.h"


/* Where the member goes. */

typedef struct {
    size_t     at;
    size_t     cut;                      /* bytes there that it replaces */
    unsigned   name:1;                   /* it lacks its name, too */
    unsigned   comma:1;                  /* others follow it */
} attest_cache_salt_t;


/*
 * A member of the object itself that is there already gets another value.
 * ATTEST_EMISMATCH: JSON, but no object.  ATTEST_EFORMAT: no JSON, or the
 * member is given twice.  ATTEST_ELIMIT: nested too deep to be read.
 */
int attest_cache_salt_find(attest_span_t json, attest_cache_salt_t *place);

/* Bytes of json with the salt, which holds what a JSON string may. */
size_t attest_cache_salt_len(const attest_cache_salt_t *place,
    attest_span_t json, attest_span_t salt);
/* The same in its place: buf holds json, and has room for all of it. */
void attest_cache_salt_put(const attest_cache_salt_t *place, uint8_t *buf,
    size_t n, attest_span_t salt);


#endif /* ATTEST_CACHE_SALT_H_INCLUDED */
