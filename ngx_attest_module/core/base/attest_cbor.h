/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bounded pull reader and a bounded writer for the CBOR (RFC 8949) that
 * evidence is made of, over libcbor's streaming decoder and encoders.  No
 * tree, no allocation: items are read in the order of the schema.
 */


#ifndef ATTEST_CBOR_H_INCLUDED
#define ATTEST_CBOR_H_INCLUDED


#include "core/base/attest_core.h"


typedef enum {
    ATTEST_CBOR_UINT = 0,
    ATTEST_CBOR_NINT,
    ATTEST_CBOR_BYTES,
    ATTEST_CBOR_TEXT,
    ATTEST_CBOR_ARRAY,
    ATTEST_CBOR_MAP,
    ATTEST_CBOR_TAG,
    ATTEST_CBOR_SIMPLE,          /* false 20, true 21, null 22, undefined 23;
                                    lenient: a float, 25..27 by its width */
    ATTEST_CBOR_BREAK,
    ATTEST_CBOR_OTHER            /* never returned */
} attest_cbor_type_e;


typedef struct {
    attest_cbor_type_e   type;
    int                  indefinite;   /* array, map, bytes, text */
    uint64_t             value;        /* number, tag, count of entries */
    attest_span_t        bytes;        /* definite strings */
} attest_cbor_item_t;


typedef struct {
    const uint8_t   *p;
    const uint8_t   *end;
    int              lenient;          /* 0: definite, shortest forms only */
} attest_cbor_reader_t;


/* What read_array and read_map report for indefinite length (lenient). */
#define ATTEST_CBOR_INDEFINITE   UINT64_MAX


/*
 * Errors of all readers: ATTEST_EFORMAT for truncated or malformed input, the
 * wrong kind, text that is not UTF-8 and, unless lenient, indefinite length,
 * a head longer than needed and floats; ATTEST_ELIMIT for too many entries or
 * levels.  A reader that failed stays where it was.
 */
void attest_cbor_reader_init(attest_cbor_reader_t *r, const uint8_t *p,
    size_t n, int lenient);
/*
 * The head of the next item (for definite strings the content too).  A NINT
 * of -1 - n has the value n.  The entries of an array, a map or an indefinite
 * string and the item behind a tag follow; a BREAK ends the indefinite ones
 * and is the caller's to expect.
 */
int attest_cbor_next(attest_cbor_reader_t *r, attest_cbor_item_t *item);
/*
 * The next item must be of this kind.  Strings must be definite even when
 * lenient.  Counts are at most ATTEST_MAX_ITEMS, or ATTEST_CBOR_INDEFINITE:
 * then the caller reads (and bounds) entries until a BREAK.
 */
int attest_cbor_read_uint(attest_cbor_reader_t *r, uint64_t *v);
int attest_cbor_read_bytes(attest_cbor_reader_t *r, attest_span_t *s);
int attest_cbor_read_text(attest_cbor_reader_t *r, attest_span_t *s);
int attest_cbor_read_array(attest_cbor_reader_t *r, uint64_t *count);
int attest_cbor_read_map(attest_cbor_reader_t *r, uint64_t *count);
/* Skips one whole item of any kind, at most ATTEST_MAX_DEPTH deep. */
int attest_cbor_skip(attest_cbor_reader_t *r);
/* ATTEST_EFORMAT unless the input is used up. */
int attest_cbor_done(const attest_cbor_reader_t *r);


/*
 * Writer: never writes past cap; `need` counts all bytes wanted, so that a
 * first pass with cap 0 measures.  Check attest_cbor_writer_done() at the end.
 */

typedef struct {
    uint8_t   *p;
    size_t     cap;
    size_t     need;
} attest_cbor_writer_t;

void attest_cbor_writer_init(attest_cbor_writer_t *w, uint8_t *p, size_t cap);
void attest_cbor_put_uint(attest_cbor_writer_t *w, uint64_t v);
void attest_cbor_put_int(attest_cbor_writer_t *w, int64_t v);
void attest_cbor_put_bytes(attest_cbor_writer_t *w, const uint8_t *p,
    size_t n);
void attest_cbor_put_text(attest_cbor_writer_t *w, const char *text);
void attest_cbor_put_null(attest_cbor_writer_t *w);
void attest_cbor_put_array(attest_cbor_writer_t *w, size_t count);
void attest_cbor_put_map(attest_cbor_writer_t *w, size_t count);
void attest_cbor_put_tag(attest_cbor_writer_t *w, uint64_t tag);
/* ATTEST_OK and *len = need, or ATTEST_ENOSPACE with *len = need. */
int attest_cbor_writer_done(const attest_cbor_writer_t *w, size_t *len);


#endif /* ATTEST_CBOR_H_INCLUDED */
