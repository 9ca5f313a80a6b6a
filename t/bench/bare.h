/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The least work of a gateway and of a client, for bench.c.
 */


#ifndef BENCH_BARE_H_INCLUDED
#define BENCH_BARE_H_INCLUDED


#include "seal.h"


/*
 * Microseconds of CPU for content of size bytes and a short answer, in the
 * mean of count; or -1.
 */

/* Open, derive, seal the answer. */
double bare_gateway(seal_form_e form, uint16_t aead, size_t size, long count);
/* Encapsulate, seal, derive, open the answer. */
double bare_client(seal_form_e form, uint16_t aead, size_t size, long count);


#endif /* BENCH_BARE_H_INCLUDED */
