/* SPDX-License-Identifier: Apache-2.0 */

/*
 * sodium_memzero() ends in __explicit_bzero_chk(), OPENSSL_cleanse() in
 * assembly: AddressSanitizer sees neither, and whoever wipes memory that is
 * not his does it unseen.  With this behind libasan in LD_PRELOAD, or linked
 * into a program, it is a memset() that the sanitizer looks at.
 */

#include <stddef.h>
#include <string.h>


void explicit_bzero(void *p, size_t n);
void __explicit_bzero_chk(void *p, size_t n, size_t room);
void OPENSSL_cleanse(void *p, size_t n);


/* volatile: the compiler must not know what is called */
static void *(*volatile wipe)(void *, int, size_t) = memset;


void
explicit_bzero(void *p, size_t n)
{
    wipe(p, 0, n);
}


void
__explicit_bzero_chk(void *p, size_t n, size_t room)
{
    (void) room;

    wipe(p, 0, n);
}


void
OPENSSL_cleanse(void *p, size_t n)
{
    wipe(p, 0, n);
}
