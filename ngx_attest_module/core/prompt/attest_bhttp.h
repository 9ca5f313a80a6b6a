/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Binary HTTP, RFC 9292: an HTTP message as bytes, the plaintext of Oblivious
 * HTTP.  A decoder that takes any split of the input, an encoder into the
 * caller's buffer, and the rules an inner request is held against.
 *
 *   0, 1   known-length request, response:  every part has its length before
 *   2, 3   indeterminate-length:            every part ends with a 0
 *
 * A gateway, request:
 *     attest_bhttp_limits_default()            then what the operator says
 *     attest_bhttp_decoder_init(REQUEST)
 *     attest_bhttp_feed()...                   calls the handlers below
 *     attest_bhttp_finish()
 *     attest_bhttp_decoder_clear()             the spans end here
 * In the field handler: attest_bhttp_inner_field() says what to do with it.
 * In the head handler: attest_bhttp_check_request(), the method against the
 * operator's list, request->host against the allow-list of authorities.
 * Act on nothing before attest_bhttp_finish() returned ATTEST_OK.
 *
 * A gateway, response, always indeterminate-length:
 *     attest_bhttp_encoder_init(RESPONSE_INDETERMINATE)
 *     { put_status(1xx), put_field()..., put_fields_end() }*
 *     put_status(), put_field()..., put_fields_end()
 *     put_content()..., put_content_end()
 *     put_field()..., put_fields_end()         trailers, mostly none
 * The bytes may be cut into sealed chunks anywhere.  When the backend fails
 * after the head went out, write neither the ends nor a final chunk.
 */


#ifndef ATTEST_BHTTP_H_INCLUDED
#define ATTEST_BHTTP_H_INCLUDED


#include "core/base/attest_core.h"
#include "core/base/attest_varint.h"


/* Framing indicator, RFC 9292 section 3.3. */
#define ATTEST_BHTTP_REQUEST_KNOWN             0
#define ATTEST_BHTTP_RESPONSE_KNOWN            1
#define ATTEST_BHTTP_REQUEST_INDETERMINATE     2
#define ATTEST_BHTTP_RESPONSE_INDETERMINATE    3


typedef enum {
    ATTEST_BHTTP_REQUEST = 0,
    ATTEST_BHTTP_RESPONSE
} attest_bhttp_kind_e;


/*
 * Exactly at a limit is accepted.  Lengths are refused when they are read,
 * before their bytes.  max_fields and max_field_bytes (names and values) hold
 * for each section apart: the headers of each head, and the trailers.
 */

typedef struct {
    size_t   max_method;
    size_t   max_scheme;
    size_t   max_authority;                 /* host too */
    size_t   max_path;
    size_t   max_name;
    size_t   max_value;
    size_t   max_fields;
    size_t   max_field_bytes;
    size_t   max_trailers;                  /* instead of max_fields there */
    size_t   max_informational;             /* 1xx heads */
    size_t   max_content;
    size_t   max_total;                     /* the message with padding */
} attest_bhttp_limits_t;


/*
 * Spans of the scratch memory, good until attest_bhttp_decoder_clear().
 * host is whom the request is for (RFC 9292 section 3.4): the authority or,
 * where that is empty, the value of the one host field; set at the head.
 */

typedef struct {
    attest_span_t   method;
    attest_span_t   scheme;
    attest_span_t   authority;
    attest_span_t   path;
    attest_span_t   host;
} attest_bhttp_request_t;


/*
 * What the decoder saw, in this order.  NULL: not wanted.  Anything but
 * ATTEST_OK ends the decoding with that code.
 *
 * request   control data; its host is not known yet
 * response  a status; 100 .. 199 any number of times, then the final one
 * field     name in lower case, value with no blank around it; both only
 *           good during the call; trailer: 1 for a trailer
 * head      the fields of a head are complete (of each head, in a response)
 * content   a piece, of the input's own memory; how content is cut into
 *           pieces, and only this, depends on the split of the input.  Fed at
 *           once, a known-length message has it in one piece
 */

typedef struct {
    int  (*request)(void *data, const attest_bhttp_request_t *request);
    int  (*response)(void *data, unsigned status);
    int  (*field)(void *data, attest_span_t name, attest_span_t value,
        int trailer);
    int  (*head)(void *data);
    int  (*content)(void *data, attest_span_t piece);
} attest_bhttp_handler_t;


/* Members are the decoder's own but for request, content and why. */

typedef struct {
    attest_bhttp_kind_e      kind;
    attest_bhttp_limits_t    limits;
    attest_bhttp_handler_t   handler;
    void                    *data;

    attest_bhttp_request_t   request;
    uint64_t                 content;      /* bytes of content so far */
    const char              *why;          /* after an error: for the log, */
                                           /* with nothing of the message; */
                                           /* NULL: a handler's own code */
    uint8_t                 *scratch;
    size_t                   room;
    size_t                   used;         /* of it, ever: the rest is */
                                           /* as it was given */
    size_t                   kept;         /* scratch in use for request */
    attest_span_t            name;         /* of the field that arrives */
    attest_varint_t          varint;
    uint8_t                 *item;         /* what is being gathered, */
    size_t                   item_len;
    size_t                   need;         /* and what it lacks */
    uint64_t                 left;         /* of content or a chunk of it */
    uint64_t                 section;      /* known length: left of it */
    size_t                   total;
    size_t                   fields;
    size_t                   field_bytes;
    size_t                   informational;
    size_t                   chunks;
    unsigned                 hosts;
    int                      framing;
    int                      state;
    int                      part;         /* which control data */
    unsigned                 interim:1;    /* in the head of a 1xx */
    unsigned                 trailer:1;
    int                      rc;           /* the first error, kept */
} attest_bhttp_decoder_t;


/*
 * Generous for prompts: method 32, scheme 8, authority 256, path 8192, name
 * 256, value 16384, 128 fields of 65536 bytes, 32 trailers, 16 heads of 1xx;
 * content and total as given.
 */
void attest_bhttp_limits_default(attest_bhttp_limits_t *limits,
    size_t max_content, size_t max_total);

/* Scratch memory that a decoder with these limits needs; 0: too large. */
size_t attest_bhttp_scratch(const attest_bhttp_limits_t *limits);

/* limits and handler are copied.  ATTEST_ENOSPACE: too little scratch. */
int attest_bhttp_decoder_init(attest_bhttp_decoder_t *d,
    attest_bhttp_kind_e kind, const attest_bhttp_limits_t *limits,
    const attest_bhttp_handler_t *handler, void *data, uint8_t *scratch,
    size_t room);

/*
 * Any split of the input gives the same events and the same result.
 * ATTEST_EFORMAT: invalid by RFC 9292, which must not be processed further
 * (sections 3.6 to 3.8; RFC 9110 section 5.5; a host that is missing or
 * doubled).  ATTEST_EMISMATCH: authority and host differ.  ATTEST_ELIMIT: a
 * limit.  ATTEST_EUNSUPPORTED: a pseudo-field that RFC 9292 does not forbid
 * (":protocol").  Or what a handler returned.  Errors stay, scratch is wiped.
 */
int attest_bhttp_feed(attest_bhttp_decoder_t *d, const uint8_t *p, size_t n);

/*
 * The end of the message.  What RFC 9292 section 3.8 allows to be missing is
 * read as empty (a missing head still calls the head handler); a message cut
 * anywhere else is ATTEST_EFORMAT.
 */
int attest_bhttp_finish(attest_bhttp_decoder_t *d);

/* Wipes the decoder and what it wrote to scratch, which stays the caller's. */
void attest_bhttp_decoder_clear(attest_bhttp_decoder_t *d);


/*
 * Rules.  Each returns 1 or 0.  The decoder applies the first four itself.
 */

/* token of RFC 9110 section 5.6.2: a method, or a name in either case. */
bool attest_bhttp_is_token(const uint8_t *p, size_t n);
/* The same without upper case letters. */
bool attest_bhttp_is_name(const uint8_t *p, size_t n);
/*
 * No control character but the tabulator, so no NUL, CR, LF; no blank at
 * either end (RFC 9113 section 8.2.1, RFC 9110 section 5.5). Empty is fine.
 */
bool attest_bhttp_is_value(const uint8_t *p, size_t n);
/* host [ ":" port ]: not empty, visible, no userinfo, path, quote, list. */
bool attest_bhttp_is_authority(const uint8_t *p, size_t n);
/* Begins with "/"; visible ASCII only, no "#". The query is part of it. */
bool attest_bhttp_is_path(const uint8_t *p, size_t n);
/*
 * A path that means the same to everyone who normalizes it: is_path and, up
 * to the "?", no empty segment but the last, no "." or ".." segment (plain,
 * encoded, or with parameters behind a ";"), no backslash, no "%" without two
 * digits, no %00, %2f, %5c, no encoded control character.  An allow-list of
 * prefixes is safe on these.
 */
bool attest_bhttp_is_plain_path(const uint8_t *p, size_t n);
/* Fields of one connection, RFC 9110 section 7.6.1. Names in lower case. */
bool attest_bhttp_is_connection(const uint8_t *name, size_t n);

/*
 * What every inner request must be: scheme http or https, a path by
 * attest_bhttp_is_path(), not CONNECT or TRACE.  ATTEST_OK, or ATTEST_EFORMAT
 * and *why, a text with nothing of the request.
 */
int attest_bhttp_check_request(const attest_bhttp_request_t *request,
    const char **why);

typedef enum {
    ATTEST_BHTTP_KEEP = 0,
    ATTEST_BHTTP_DROP                      /* do not pass on */
} attest_bhttp_action_e;

/*
 * What becomes of a header field (not a trailer) of an inner request; *seen
 * starts as 0 and is carried along.  Connection-level fields, host and
 * content-length (the gateway sets both), proxy-auth*, forwarded,
 * x-forwarded-* and x-real-ip are dropped.  ATTEST_EFORMAT: a second one of a
 * field that has a single value, any of whose readers may take either.
 * ATTEST_EUNSUPPORTED: expect (RFC 9458 section 5.1).  Names of the gateway's
 * own trusted headers are the caller's to drop.
 */
int attest_bhttp_inner_field(attest_span_t name, uint32_t *seen,
    attest_bhttp_action_e *action);


/*
 * Encoder.  Every put writes its whole item or, with ATTEST_ENOSPACE, nothing;
 * only put_content writes what fits.  len bytes of buf are written; between
 * calls the caller may set buf, room and len (0 when all was passed on).  A
 * field longer than any buffer of his: attest_bhttp_field_len() says how much
 * a head needs, so he can allocate it and cut it afterwards.  ATTEST_EARG:
 * not at this point of the message.  ATTEST_EFORMAT: a name or value that the
 * message cannot carry; nothing is written, the caller may go on without it.
 */

typedef struct {
    uint8_t   *buf;
    size_t     room;
    size_t     len;

    int        framing;
    int        state;
    unsigned   interim:1;
} attest_bhttp_encoder_t;


typedef struct {
    attest_span_t   name;
    attest_span_t   value;
} attest_bhttp_field_t;


/* Begins with the framing indicator. ATTEST_EARG, ATTEST_ENOSPACE. */
int attest_bhttp_encoder_init(attest_bhttp_encoder_t *e, int framing,
    uint8_t *buf, size_t room);

int attest_bhttp_put_request(attest_bhttp_encoder_t *e,
    const attest_bhttp_request_t *request);       /* host is not looked at */
/* 1xx but 101, any number, each followed by its fields; then 200 .. 599. */
int attest_bhttp_put_status(attest_bhttp_encoder_t *e, unsigned status);

/*
 * Indeterminate length only.  Upper case is written as lower case, blanks
 * around a value are left out.  Connection-level fields are not refused: see
 * attest_bhttp_is_connection().
 */
int attest_bhttp_put_field(attest_bhttp_encoder_t *e, attest_span_t name,
    attest_span_t value);
int attest_bhttp_put_fields_end(attest_bhttp_encoder_t *e);
/* A whole section with its end, both framings; ATTEST_EFORMAT as above. */
int attest_bhttp_put_fields(attest_bhttp_encoder_t *e,
    const attest_bhttp_field_t *fields, size_t count);
/* Bytes of a field line, at most; the end of a section adds 1. */
size_t attest_bhttp_field_len(size_t name, size_t value);

/*
 * Indeterminate length: one chunk of as much of p as fits; *took may be less
 * than n, 0 included, without an error.  n == 0 writes nothing.
 */
int attest_bhttp_put_content(attest_bhttp_encoder_t *e, const uint8_t *p,
    size_t n, size_t *took);
/*
 * The same in just size bytes, whatever n is, against traffic analysis: more
 * chunks than are needed, of lengths that are longer than they need be, which
 * every decoder takes (section 2, RFC 9000 section 16).  A byte of content
 * fills at most ATTEST_BHTTP_STRETCH: with less than size / 8 of them, or less
 * than 32, fewer than size bytes may be written.  ATTEST_ENOSPACE: size is
 * more than there is room.
 */
#define ATTEST_BHTTP_STRETCH   9
int attest_bhttp_put_content_shaped(attest_bhttp_encoder_t *e,
    const uint8_t *p, size_t n, size_t size, size_t *took);
int attest_bhttp_put_content_end(attest_bhttp_encoder_t *e);
/* Known length: the whole content at once, and its end. */
int attest_bhttp_put_content_whole(attest_bhttp_encoder_t *e,
    const uint8_t *p, size_t n);
/* The same, but for its n bytes, which whoever sends it puts in behind. */
int attest_bhttp_put_content_length(attest_bhttp_encoder_t *e, size_t n);

/* n zero bytes behind the trailers (section 3.8), against traffic analysis. */
int attest_bhttp_put_padding(attest_bhttp_encoder_t *e, size_t n);


#endif /* ATTEST_BHTTP_H_INCLUDED */
