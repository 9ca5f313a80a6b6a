/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Binary HTTP: the examples of RFC 9292 in both directions, any split, each
 * truncation, what is invalid, every limit, the encoder, the rules.
 */


#include <cjson/cJSON.h>

#include "unit.h"
#include "bhttp_record.h"


#define MAX_WIRE  4096
#define NEVER     SIZE_MAX

#define LIT(s)    { (const uint8_t *) (s), sizeof(s) - 1 }
#define SPAN(s)   ((attest_span_t) LIT(s))


static record_t  got, want;
static unsigned  seed;


static size_t one(size_t left);
static size_t some(size_t left);
static const char *text(const cJSON *o, const char *name);
static attest_span_t span(const char *s);
static void limits_of(attest_bhttp_limits_t *l);
static int decode(attest_bhttp_kind_e kind, const uint8_t *p, size_t n);
static void expect_fields(const cJSON *list, int trailer);
static void expect(const cJSON *v);
static size_t fields_of(const cJSON *list, attest_bhttp_field_t *f);
static size_t encode(const cJSON *v, uint8_t *out, size_t room);
static void test_vectors(const cJSON *doc);
static void test_vector(const cJSON *v, size_t zeros, int cuts);
static void test_short_request(void);
static void test_messages(void);
static void test_bytes(void);
static int value_rc(const char *bytes, size_t n);
static int name_rc(const char *bytes, size_t n);
static void test_lengths(void);
static int limit_rc(const attest_bhttp_limits_t *l, attest_bhttp_kind_e kind,
    const uint8_t *p, size_t n);
static void test_limits(void);
static void test_interim_limit(void);
static void test_arguments(void);
static void test_refusal(void);
static void test_content_place(void);
static int count_piece(void *data, attest_span_t piece);
static void test_encoder_order(void);
static void test_encoder_room(void);
static void test_encoder_content(void);
static void test_encoder_shaped(void);
static void test_encoder_fields(void);
static void test_authority(void);
static void test_paths(void);
static void test_check_request(void);
static void test_inner_fields(void);
static void test_varint(void);


static size_t
one(size_t left)
{
    (void) left;
    return 1;
}


static size_t
some(size_t left)
{
    seed = seed * 1103515245 + 12345;
    return 1 + (seed >> 16) % (left < 40 ? left : 40);
}


static const char *
text(const cJSON *o, const char *name)
{
    const char  *s;

    s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
    if (s == NULL) {
        printf("Bail out! no member %s\n", name);
        exit(1);
    }

    return s;
}


static attest_span_t
span(const char *s)
{
    attest_span_t  r = { (const uint8_t *) s, strlen(s) };

    return r;
}


static void
limits_of(attest_bhttp_limits_t *l)
{
    attest_bhttp_limits_default(l, 60000, 60000);
}


/* Whole, byte by byte and in random pieces: one result, left in got. */

static int
decode(attest_bhttp_kind_e kind, const uint8_t *p, size_t n)
{
    int                    i, rc;
    static record_t        split;
    attest_bhttp_limits_t  l;

    limits_of(&l);
    got.stop = 0;
    split.stop = 0;
    rc = record_decode(&got, kind, &l, p, n, NULL);

    for (i = 0; i < 4; i++) {
        if (record_decode(&split, kind, &l, p, n, i == 0 ? one : some) != rc
            || !record_same(&got, &split))
        {
            OK(0, "the same result for any split");
            return -99;
        }
    }

    return rc;
}


static void
expect_fields(const cJSON *list, int trailer)
{
    const cJSON  *f;

    cJSON_ArrayForEach(f, list) {
        record_field(&want,
            span(cJSON_GetStringValue(cJSON_GetArrayItem(f, 0))),
            span(cJSON_GetStringValue(cJSON_GetArrayItem(f, 1))), trailer);
    }
}


/* The events of a vector's "decoded". */

static void
expect(const cJSON *v)
{
    const cJSON             *e;
    attest_bhttp_request_t   q;

    memset(&want, 0, sizeof(want));

    if (cJSON_HasObjectItem(v, "method")) {
        q.method = span(text(v, "method"));
        q.scheme = span(text(v, "scheme"));
        q.authority = span(text(v, "authority"));
        q.path = span(text(v, "path"));
        record_request(&want, &q);

    } else {
        cJSON_ArrayForEach(e, cJSON_GetObjectItem(v, "informational")) {
            record_response(&want,
                (unsigned) cJSON_GetObjectItem(e, "status")->valueint);
            expect_fields(cJSON_GetObjectItem(e, "headers"), 0);
            record_head(&want);
        }

        record_response(&want,
            (unsigned) cJSON_GetObjectItem(v, "status")->valueint);
    }

    expect_fields(cJSON_GetObjectItem(v, "headers"), 0);
    record_head(&want);

    if (text(v, "content")[0] != '\0') {
        record_content(&want, span(text(v, "content")));
    }

    expect_fields(cJSON_GetObjectItem(v, "trailers"), 1);
}


static size_t
fields_of(const cJSON *list, attest_bhttp_field_t *f)
{
    size_t        n = 0;
    const cJSON  *e;

    cJSON_ArrayForEach(e, list) {
        f[n].name = span(cJSON_GetStringValue(cJSON_GetArrayItem(e, 0)));
        f[n++].value = span(cJSON_GetStringValue(cJSON_GetArrayItem(e, 1)));
    }

    return n;
}


/* The vector out of its "decoded"; 0 when a step fails. */

static size_t
encode(const cJSON *v, uint8_t *out, size_t room)
{
    int                      rc, framing;
    size_t                   took;
    const cJSON             *e;
    attest_span_t            content = span(text(v, "content"));
    attest_bhttp_field_t     f[16];
    attest_bhttp_encoder_t   enc;
    attest_bhttp_request_t   q;

    framing = cJSON_GetObjectItem(v, "framing")->valueint;
    rc = attest_bhttp_encoder_init(&enc, framing, out, room);

    if (framing & 1) {
        cJSON_ArrayForEach(e, cJSON_GetObjectItem(v, "informational")) {
            rc |= attest_bhttp_put_status(&enc,
                (unsigned) cJSON_GetObjectItem(e, "status")->valueint);
            rc |= attest_bhttp_put_fields(&enc, f,
                fields_of(cJSON_GetObjectItem(e, "headers"), f));
        }

        rc |= attest_bhttp_put_status(&enc,
            (unsigned) cJSON_GetObjectItem(v, "status")->valueint);

    } else {
        q.method = span(text(v, "method"));
        q.scheme = span(text(v, "scheme"));
        q.authority = span(text(v, "authority"));
        q.path = span(text(v, "path"));
        rc |= attest_bhttp_put_request(&enc, &q);
    }

    rc |= attest_bhttp_put_fields(&enc, f,
                        fields_of(cJSON_GetObjectItem(v, "headers"), f));

    if (framing & 2) {
        rc |= attest_bhttp_put_content(&enc, content.p, content.n, &took);
        rc |= took == content.n ? 0 : -1;
        rc |= attest_bhttp_put_content_end(&enc);

    } else {
        rc |= attest_bhttp_put_content_whole(&enc, content.p, content.n);
    }

    rc |= attest_bhttp_put_fields(&enc, f,
                        fields_of(cJSON_GetObjectItem(v, "trailers"), f));
    rc |= attest_bhttp_put_padding(&enc,
        (size_t) cJSON_GetObjectItem(v, "padding_len")->valueint);

    return rc == ATTEST_OK ? enc.len : 0;
}


static void
test_vectors(const cJSON *doc)
{
    size_t        i = 0;
    const cJSON  *v;

    /* how many bytes at the end may be missing, RFC 9292 section 3.8 */
    const size_t  zeros[] = { 2, 12, 1, 0 };

    /*
     * Behind a final status, its fields, or content of known length a cut
     * leaves a valid message with less in it: nothing but the seal protects
     * against that.  The requests have their host among the fields.
     */
    const int     cuts[] = { 0, 0, 2, 3 };

    cJSON_ArrayForEach(v, cJSON_GetObjectItem(doc, "bhttp")) {
        if (i < 4) {
            test_vector(v, zeros[i], cuts[i]);
        }
        i++;
    }

    IS_INT(i, 4, "four examples");
}


static void
test_vector(const cJSON *v, size_t zeros, int cuts)
{
    int                  rc, bad = 0, parts = 0;
    size_t               n, n_same, len;
    uint8_t              wire[MAX_WIRE], out[MAX_WIRE];
    const char          *name = text(v, "name");
    const cJSON         *decoded = cJSON_GetObjectItem(v, "decoded");
    attest_bhttp_kind_e  kind, other;

    len = unit_hex(text(v, "hex"), wire, sizeof(wire));
    kind = wire[0] & 1 ? ATTEST_BHTTP_RESPONSE : ATTEST_BHTTP_REQUEST;
    other = wire[0] & 1 ? ATTEST_BHTTP_REQUEST : ATTEST_BHTTP_RESPONSE;

    expect(decoded);
    IS_INT(decode(kind, wire, len), ATTEST_OK, "%s: decode", name);
    OK(record_same(&got, &want), "%s: events", name);

    n = encode(decoded, out, sizeof(out));
    IS_INT(n, len, "%s: encode", name);
    IS_MEM(out, wire, len, "%s: bytes", name);

    IS_INT(decode(other, wire, len), ATTEST_EFORMAT, "%s: wrong kind", name);

    for (n = 0; n < len; n++) {
        rc = decode(kind, wire, n);

        if (len - n <= zeros) {
            bad += rc != ATTEST_OK || !record_same(&got, &want);

        } else if (rc == ATTEST_OK) {
            /* but for the end of the head, which came earlier */
            n_same = got.len - (got.text[got.len - 1] == '\n' ? 5 : 0);
            parts++;
            bad += got.len >= want.len
                   || memcmp(got.text, want.text, n_same) != 0;

        } else {
            bad += rc != ATTEST_EFORMAT;
        }
    }
    IS_INT(bad, 0, "%s: cut at each of %zu bytes", name, len);
    IS_INT(parts, cuts, "%s: cuts between parts", name);

    /* more zeros are padding, anything else is not */
    memset(wire + len, 0, 3);
    IS_INT(decode(kind, wire, len + 3), ATTEST_OK, "%s: padded", name);
    OK(record_same(&got, &want), "%s: the same events", name);
    wire[len + 2] = 1;
    IS_INT(decode(kind, wire, len + 3), ATTEST_EFORMAT,
           "%s: padding that is not zero", name);
}


/* No field, no content: all three parts may be missing, in both framings. */

static void
test_short_request(void)
{
    int      i, n;
    uint8_t  wire[] = "\0\003GET\005https\013example.com\001/\0\0\0\0";
    uint8_t  reply[] = "\001\100\310\0\0\0";

    for (i = 0; i < 3; i += 2) {
        wire[0] = (uint8_t) i;
        IS_INT(decode(ATTEST_BHTTP_REQUEST, wire, sizeof(wire) - 1),
               ATTEST_OK, "framing %d", i);
        memcpy(&want, &got, sizeof(want));

        for (n = 1; n <= 4; n++) {
            IS_INT(decode(ATTEST_BHTTP_REQUEST, wire,
                          sizeof(wire) - 1 - (size_t) n),
                   ATTEST_OK, "framing %d, %d zeros fewer", i, n);
            OK(record_same(&got, &want), "the same events");
        }

        IS_INT(decode(ATTEST_BHTTP_REQUEST, wire, sizeof(wire) - 1 - 5),
               ATTEST_EFORMAT, "framing %d, in the path", i);

        reply[0] = (uint8_t) (i + 1);
        for (n = 3; n <= 6; n++) {
            IS_INT(decode(ATTEST_BHTTP_RESPONSE, reply, (size_t) n),
                   ATTEST_OK, "response framing %d, %d bytes", i + 1, n);
        }
        IS_INT(decode(ATTEST_BHTTP_RESPONSE, reply, 2), ATTEST_EFORMAT,
               "response framing %d, in the status", i + 1);
    }
}


/* Control data of the requests below. */

#define C_       "\003GET\005https\007a.b:443\001/"
#define NOHOST_  "\003GET\005https\0\001/"


typedef struct {
    attest_span_t   msg;
    int             rc;
    const char     *name;
} message_t;


static const message_t  messages[] = {
    { LIT(""), ATTEST_EFORMAT, "nothing" },
    { LIT("\004" C_), ATTEST_EFORMAT, "framing 4" },
    { LIT("\001" C_), ATTEST_EFORMAT, "framing 1" },
    { LIT("\003" C_), ATTEST_EFORMAT, "framing 3" },
    { LIT("\300\0\0\0\0\0\0\004" C_), ATTEST_EFORMAT, "framing 4, long" },
    { LIT("\100\0" C_), ATTEST_OK, "framing 0, 2 bytes" },
    { LIT("\300\0\0\0\0\0\0\002" C_), ATTEST_OK, "framing 2, 8 bytes" },
    { LIT("\0\200\0\0\003GET\005https\001a\300\0\0\0\0\0\0\001/"),
      ATTEST_OK, "long lengths of control data" },

    { LIT("\0\0\005https\001a\001/"), ATTEST_EFORMAT, "no method" },
    { LIT("\0\003G T\005https\001a\001/"), ATTEST_EFORMAT,
      "blank in the method" },
    { LIT("\0\004GET\n\005https\001a\001/"), ATTEST_EFORMAT,
      "LF in the method" },
    { LIT("\0\003GET\0\001a\001/"), ATTEST_EFORMAT, "no scheme" },
    { LIT("\0\003GET\005http:\001a\001/"), ATTEST_EFORMAT,
      "colon in the scheme" },
    { LIT("\0\003GET\005https\003a@b\001/"), ATTEST_EFORMAT,
      "userinfo" },
    { LIT("\0\003GET\005https\003a\r\n\001/"), ATTEST_EFORMAT,
      "CR LF in the authority" },
    { LIT("\0\003GET\005https\001a\003/ a"), ATTEST_EFORMAT,
      "blank in the path" },
    { LIT("\0\003GET\005https\001a\003/#a"), ATTEST_EFORMAT,
      "fragment in the path" },
    { LIT("\0\003GET\005https\001a\003/\0a"), ATTEST_EFORMAT,
      "NUL in the path" },
    { LIT("\0\003GET\005https\001a\003/\377a"), ATTEST_EFORMAT,
      "path not ASCII" },
    { LIT("\0\007OPTIONS\005https\001a\001*"), ATTEST_OK, "path *" },
    { LIT("\0\007CONNECT\005https\001a\0"), ATTEST_OK, "no path" },

    { LIT("\0" NOHOST_), ATTEST_EFORMAT, "no authority, no host" },
    { LIT("\002" NOHOST_ "\004host\0\0\0\0"), ATTEST_EFORMAT,
      "empty host" },
    { LIT("\002" NOHOST_ "\004host\001a\0\0\0"), ATTEST_OK,
      "host for the authority" },
    { LIT("\002" NOHOST_ "\004HoSt\001a\0\0\0"), ATTEST_OK,
      "Host for the authority" },
    { LIT("\002" NOHOST_ "\004host\001a\004host\001a\0\0\0"),
      ATTEST_EFORMAT, "two hosts" },
    { LIT("\002" NOHOST_ "\0\0\004host\001a\0"), ATTEST_EFORMAT,
      "host in the trailers" },
    { LIT("\002" C_ "\004host\007A.B:443\0\0\0"), ATTEST_OK,
      "host and authority" },
    { LIT("\002" C_ "\004host\003a.b\0\0\0"), ATTEST_EMISMATCH,
      "another host" },
    { LIT("\002" C_ "\004host\007a.b:444\0\0\0"), ATTEST_EMISMATCH,
      "another port" },
    { LIT("\002" C_ "\004host\003a/b\0\0\0"), ATTEST_EFORMAT,
      "slash in the host" },

    { LIT("\002" NOHOST_ "\005hostx\001a\0\0\0"), ATTEST_EFORMAT,
      "hostx is no host" },
    { LIT("\002" C_ "\0\0\004host\001x\004host\001y\0"), ATTEST_OK,
      "hosts in the trailers say nothing" },

    { LIT("\002" C_ "\005:path\001/\0\0\0"), ATTEST_EFORMAT, ":path" },
    { LIT("\002" C_ "\007:method\001/\0\0\0"), ATTEST_EFORMAT,
      ":method" },
    { LIT("\002" C_ "\007:scheme\001/\0\0\0"), ATTEST_EFORMAT,
      ":scheme" },
    { LIT("\002" C_ "\007:status\003200\0\0\0"), ATTEST_EFORMAT,
      ":status" },
    { LIT("\002" C_ "\012:authority\001a\0\0\0"), ATTEST_EFORMAT,
      ":authority" },
    { LIT("\002" C_ "\011:protocol\001a\0\0\0"), ATTEST_EUNSUPPORTED,
      ":protocol" },
    { LIT("\002" C_ "\001a\001b\011:protocol\001a\0\0\0"),
      ATTEST_EFORMAT, ":protocol, not first" },
    { LIT("\002" C_ "\0\0\011:protocol\001a\0"), ATTEST_EFORMAT,
      ":protocol as a trailer" },

    { LIT("\0" C_ "\004\001a\001b\0\0"), ATTEST_OK, "one field" },
    { LIT("\0" C_ "\003\001a\001b\0\0"), ATTEST_EFORMAT,
      "section one short" },
    { LIT("\0" C_ "\005\001a\001b\0\0"), ATTEST_EFORMAT,
      "section one long" },
    { LIT("\0" C_ "\002\001a\001b\0\0"), ATTEST_EFORMAT,
      "section ends before the value's length" },
    { LIT("\0" C_ "\001\001a\001b\0\0"), ATTEST_EFORMAT,
      "section ends in the name" },
    { LIT("\0" C_ "\001\100\001a\001b\0\0"), ATTEST_EFORMAT,
      "section ends in a length" },
    { LIT("\0" C_ "\003\001a\0\0\0"), ATTEST_OK, "empty value" },
    { LIT("\0" C_ "\004\0\001ab\0\0"), ATTEST_EFORMAT,
      "empty name, known length" },
    { LIT("\0" C_ "\011\100\001a\200\0\0\001b\0\0"), ATTEST_EFORMAT,
      "section one long, long lengths" },
    { LIT("\0" C_ "\010\100\001a\200\0\0\001b\0\0"), ATTEST_OK,
      "long lengths of a field" },
    { LIT("\0" C_ "\0\003abc\004\001a\001b"), ATTEST_OK,
      "content and a trailer" },
    { LIT("\0" C_ "\0\003abc"), ATTEST_OK, "content, no trailers" },
    { LIT("\0" C_ "\0\003ab"), ATTEST_EFORMAT, "content cut" },
    { LIT("\002" C_ "\001a\001b"), ATTEST_EFORMAT,
      "field without the end of its section" },
    { LIT("\002" C_ "\001a\001b\0"), ATTEST_OK, "with it" },
    { LIT("\002" C_ "\0\001a"), ATTEST_EFORMAT,
      "content without its end" },
    { LIT("\002" C_ "\0\001a\0"), ATTEST_OK, "with it" },
    { LIT("\002" C_ "\0\001a\002bc\0"), ATTEST_OK, "two chunks" },
    { LIT("\002" C_ "\0\001a\002b"), ATTEST_EFORMAT, "chunk cut" },
    { LIT("\002" C_ "\0\001a\0\001a\001b"), ATTEST_EFORMAT,
      "trailer without an end" },
    { LIT("\002" C_ "\0\001a\0\001a\001b\0"), ATTEST_OK, "with it" },
    { LIT("\002" C_ "\0\001a\0\001a\001b\0\0\0\0"), ATTEST_OK,
      "padding" },
    { LIT("\002" C_ "\0\001a\0\001a\001b\0\0\001"), ATTEST_EFORMAT,
      "padding not zero" },
    { LIT("\0" C_ "\0\0\0a"), ATTEST_EFORMAT, "bytes behind" },
    { LIT("\0" C_ "\100"), ATTEST_EFORMAT, "section length cut" },
    { LIT("\0" C_ "\0\100"), ATTEST_EFORMAT, "content length cut" },
    { LIT("\0" C_ "\0\0\200\0"), ATTEST_EFORMAT, "trailer length cut" },
    { LIT("\002" C_ "\100"), ATTEST_EFORMAT, "name length cut" },
    { LIT("\002" C_ "\0\100"), ATTEST_EFORMAT, "chunk length cut" },
    { LIT("\002" C_ "\0\0\300\0\0"), ATTEST_EFORMAT,
      "trailer's name length cut" },
};


static void
test_messages(void)
{
    size_t            i;
    const message_t  *t = messages;

    for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        IS_INT(decode(ATTEST_BHTTP_REQUEST, t[i].msg.p, t[i].msg.n), t[i].rc,
               "request: %s", t[i].name);
    }
}


static int
value_rc(const char *bytes, size_t n)
{
    uint8_t  msg[64] = "\002" C_ "\001a";
    size_t   len = sizeof("\002" C_ "\001a") - 1;

    msg[len++] = (uint8_t) n;
    memcpy(msg + len, bytes, n);
    memset(msg + len + n, 0, 3);

    return decode(ATTEST_BHTTP_REQUEST, msg, len + n + 3);
}


static int
name_rc(const char *bytes, size_t n)
{
    uint8_t  msg[64] = "\002" C_;
    size_t   len = sizeof("\002" C_) - 1;

    msg[len++] = (uint8_t) n;
    memcpy(msg + len, bytes, n);
    memcpy(msg + len + n, "\001b\0\0\0", 5);

    return decode(ATTEST_BHTTP_REQUEST, msg, len + n + 5);
}


/* Every byte at every place of a name and of a value. */

static void
test_bytes(void)
{
    int     c, bad = 0, token, blank, ctl;
    char    v[4], line[32];
    size_t  n;

    for (c = 0; c < 256; c++) {
        token = c != 0 && strchr("0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "!#$%&'*+-.^_`|~", c) != NULL;
        blank = c == ' ' || c == '\t';
        ctl = (c < 0x20 && c != '\t') || c == 0x7f;

        snprintf(v, sizeof(v), "xyz");
        v[1] = (char) c;
        bad += value_rc(v, 3) != (ctl ? ATTEST_EFORMAT : ATTEST_OK);
        bad += name_rc(v, 3) != (token ? ATTEST_OK : ATTEST_EFORMAT);

        v[1] = 'y';
        v[0] = (char) c;
        bad += value_rc(v, 3) != (ctl || blank ? ATTEST_EFORMAT : ATTEST_OK);
        bad += value_rc(v, 1) != (ctl || blank ? ATTEST_EFORMAT : ATTEST_OK);

        if (c != ':') {
            bad += name_rc(v, 1) != (token ? ATTEST_OK : ATTEST_EFORMAT);
        }

        v[0] = 'x';
        v[2] = (char) c;
        bad += value_rc(v, 3) != (ctl || blank ? ATTEST_EFORMAT : ATTEST_OK);

        if (c >= 'A' && c <= 'Z') {
            snprintf(line, sizeof(line), "header 3:xy%c 1:b\nhead\n",
                     c | 0x20);
            n = strlen(line);
            bad += name_rc(v, 3) != ATTEST_OK || got.len < n
                   || memcmp(got.text + got.len - n, line, n) != 0;
        }

        bad += attest_bhttp_is_token((uint8_t *) v + 2, 1) != token;
        bad += attest_bhttp_is_name((uint8_t *) v + 2, 1)
               != (token && !(c >= 'A' && c <= 'Z'));
    }

    IS_INT(bad, 0, "every byte value in names and values");
    OK(!attest_bhttp_is_token(NULL, 0) && !attest_bhttp_is_name(NULL, 0)
       && attest_bhttp_is_value(NULL, 0), "empty ones");
}


/* 2^62 - 1 wherever a length stands: refused before its bytes. */

static void
test_lengths(void)
{
    size_t  i;

#define HUGE_  "\377\377\377\377\377\377\377\377"

    static const struct {
        attest_span_t  msg;
        int            rc;
        const char    *name;
    } t[] = {
        { LIT(HUGE_), ATTEST_EFORMAT, "framing" },
        { LIT("\0" HUGE_), ATTEST_ELIMIT, "method" },
        { LIT("\0\003GET" HUGE_), ATTEST_ELIMIT, "scheme" },
        { LIT("\0\003GET\005https" HUGE_), ATTEST_ELIMIT, "authority" },
        { LIT("\0\003GET\005https\001a" HUGE_), ATTEST_ELIMIT, "path" },
        { LIT("\0" C_ HUGE_ HUGE_), ATTEST_ELIMIT, "section, name" },
        { LIT("\0" C_ HUGE_ "\001a" HUGE_), ATTEST_ELIMIT,
          "section, value" },
        { LIT("\0" C_ HUGE_), ATTEST_EFORMAT, "section" },
        { LIT("\0" C_ "\0" HUGE_), ATTEST_ELIMIT, "content" },
        { LIT("\002" C_ HUGE_), ATTEST_ELIMIT, "name" },
        { LIT("\002" C_ "\001a" HUGE_), ATTEST_ELIMIT, "value" },
        { LIT("\002" C_ "\0" HUGE_), ATTEST_ELIMIT, "chunk" },
        { LIT("\002" C_ "\0\001a" HUGE_), ATTEST_ELIMIT, "second chunk" },
        { LIT("\002" C_ "\0\0" HUGE_), ATTEST_ELIMIT, "trailer" },
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        IS_INT(decode(ATTEST_BHTTP_REQUEST, t[i].msg.p, t[i].msg.n), t[i].rc,
               "2^62 - 1: %s", t[i].name);
    }

    IS_INT(decode(ATTEST_BHTTP_RESPONSE, SPAN("\001" HUGE_).p, 9),
           ATTEST_EFORMAT, "2^62 - 1: status");
}


static int
limit_rc(const attest_bhttp_limits_t *l, attest_bhttp_kind_e kind,
    const uint8_t *p, size_t n)
{
    int              rc;
    static record_t  split;

    got.stop = 0;
    split.stop = 0;
    rc = record_decode(&got, kind, l, p, n, NULL);

    if (record_decode(&split, kind, l, p, n, one) != rc
        || !record_same(&got, &split))
    {
        return -99;
    }

    return rc;
}


/* One below, at and above what the message holds. */

static void
test_limits(void)
{
    int                    framing;
    size_t                 i, j, want_n;
    attest_bhttp_limits_t  l;

    /* 3 2 5 4 control data; fields 3 + 4, 2 + 2; trailer 1 + 1; content 5 */
    static const attest_span_t  msg[] = {
        LIT("\0\003GET\002ab\005a.b.c\004/abc"
            "\017\003abc\004abcd\002ab\002cd"
            "\005abcde\004\001a\001b"),
        LIT("\002\003GET\002ab\005a.b.c\004/abc"
            "\003abc\004abcd\002ab\002cd\0"
            "\002ab\003cde\0\001a\001b\0")
    };

    static const struct {
        size_t       offset, is;
        const char  *name;
    } t[] = {
#define L_(m, is)  { offsetof(attest_bhttp_limits_t, m), is, #m }
        L_(max_method, 3), L_(max_scheme, 2), L_(max_authority, 5),
        L_(max_path, 4), L_(max_name, 3), L_(max_value, 4), L_(max_fields, 2),
        L_(max_field_bytes, 11), L_(max_trailers, 1), L_(max_content, 5),
        L_(max_total, 0)
    };

    for (framing = 0; framing < 2; framing++) {
        for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
            want_n = t[i].is != 0 ? t[i].is : msg[framing].n;

            for (j = want_n - 1; j <= want_n + 1; j++) {
                limits_of(&l);
                memcpy((char *) &l + t[i].offset, &j, sizeof(j));

                IS_INT(limit_rc(&l, ATTEST_BHTTP_REQUEST, msg[framing].p,
                                msg[framing].n),
                       j < want_n ? ATTEST_ELIMIT : ATTEST_OK,
                       "framing %d: %s %zu", framing * 2, t[i].name, j);
            }
        }
    }

    /* the limit of a section is the section's own */
    limits_of(&l);
    l.max_fields = 1;
    l.max_trailers = 1;
    l.max_field_bytes = 2;
    IS_INT(limit_rc(&l, ATTEST_BHTTP_REQUEST,
                    SPAN("\002" C_ "\001a\001b\0\0\001c\001d\0").p,
                    sizeof("\002" C_ "\001a\001b\0\0\001c\001d\0") - 1),
           ATTEST_OK, "each section counts for itself");

    /* a host no longer than the limit of authorities */
    limits_of(&l);
    l.max_authority = 2;
    IS_INT(limit_rc(&l, ATTEST_BHTTP_REQUEST,
                    SPAN("\002" NOHOST_ "\004host\002ab\0\0\0").p,
                    sizeof("\002" NOHOST_ "\004host\002ab\0\0\0") - 1),
           ATTEST_OK, "host at the limit");
    IS_INT(limit_rc(&l, ATTEST_BHTTP_REQUEST,
                    SPAN("\002" NOHOST_ "\004host\003abc\0\0\0").p,
                    sizeof("\002" NOHOST_ "\004host\003abc\0\0\0") - 1),
           ATTEST_ELIMIT, "host above the limit");
}


static void
test_interim_limit(void)
{
    size_t                 i, n, status;
    uint8_t                msg[64];
    attest_bhttp_limits_t  l;

    limits_of(&l);
    l.max_informational = 3;

    for (i = 2; i <= 4; i++) {
        msg[0] = 3;
        for (n = 0; n < i; n++) {
            memcpy(msg + 1 + 3 * n, "\100\147\0", 3);
        }
        memcpy(msg + 1 + 3 * n, "\100\310\0\0\0", 5);

        IS_INT(limit_rc(&l, ATTEST_BHTTP_RESPONSE, msg, 6 + 3 * i),
               i > 3 ? ATTEST_ELIMIT : ATTEST_OK, "%zu of 3 1xx", i);
        IS_INT(limit_rc(&l, ATTEST_BHTTP_RESPONSE, msg, 1 + 3 * i),
               i > 3 ? ATTEST_ELIMIT : ATTEST_EFORMAT,
               "%zu, and no final status", i);
    }

    IS_INT(decode(ATTEST_BHTTP_RESPONSE, SPAN("\003\100\147").p, 3),
           ATTEST_EFORMAT, "a 1xx, and nothing");
    OK(got.len == 13 && memcmp(got.text, "response 103\n", 13) == 0,
       "whose head has no end");

    for (status = 98; status < 602; status++) {
        msg[0] = 3;
        n = 1 + attest_varint_put(msg + 1, status);

        if (limit_rc(&l, ATTEST_BHTTP_RESPONSE, msg, n)
            != (status >= 200 && status <= 599 ? ATTEST_OK : ATTEST_EFORMAT))
        {
            break;
        }
    }
    IS_INT(status, 602, "final status 200 .. 599");
}


static void
test_arguments(void)
{
    uint8_t                 scratch[64] = { 0 };
    attest_bhttp_limits_t   l;
    attest_bhttp_decoder_t  d;

    memset(&l, 0, sizeof(l));
    l.max_method = l.max_scheme = l.max_authority = l.max_path = 8;
    l.max_name = l.max_value = 8;
    l.max_total = 100;

    IS_INT(attest_bhttp_scratch(&l), 56, "scratch");
    IS_INT(attest_bhttp_decoder_init(&d, ATTEST_BHTTP_REQUEST, &l,
                                     &record_handler, &got, scratch, 55),
           ATTEST_ENOSPACE, "one byte of scratch too few");
    IS_INT(attest_bhttp_feed(&d, scratch, 1), ATTEST_EARG,
           "nothing goes into it");
    IS_INT(attest_bhttp_decoder_init(&d, ATTEST_BHTTP_REQUEST, &l,
                                     &record_handler, &got, scratch, 56),
           ATTEST_OK, "enough");
    attest_bhttp_decoder_clear(&d);

    l.max_value = SIZE_MAX - 40;
    IS_INT(attest_bhttp_scratch(&l), 0, "scratch that overflows");
    IS_INT(attest_bhttp_decoder_init(&d, ATTEST_BHTTP_REQUEST, &l,
                                     &record_handler, &got, scratch, 56),
           ATTEST_EARG, "refused");
}


/* A handler's code ends it, stays, and is given back. */

static void
test_refusal(void)
{
    int                    i, bad = 0;
    attest_bhttp_limits_t  l;
    const attest_span_t    m = LIT("\002" C_ "\001a\001b\0\001c\0"
                                   "\001d\001e\0");

    limits_of(&l);

    for (i = 1; i <= 6; i++) {
        memset(&got, 0, sizeof(got));
        got.stop = i;
        bad += record_decode(&got, ATTEST_BHTTP_REQUEST, &l, m.p, m.n, one)
               != (i <= 5 ? -77 : ATTEST_OK);
        bad += got.events != (i <= 5 ? i : 5);
    }

    got.stop = 0;
    IS_INT(bad, 0, "each of five events refused");
}


static int
count_piece(void *data, attest_span_t piece)
{
    attest_span_t  *last = data;

    if (last->p != NULL) {
        return ATTEST_EINTERNAL;
    }

    *last = piece;

    return ATTEST_OK;
}


/* Known length: one piece, in its place; no handler wanted but this one. */

static void
test_content_place(void)
{
    uint8_t                 scratch[512];
    attest_span_t           piece = { NULL, 0 };
    attest_bhttp_limits_t   l;
    attest_bhttp_handler_t  h = { 0 };
    attest_bhttp_decoder_t  d;
    const attest_span_t     m = LIT("\0" C_ "\004\001a\001b\005hello");

    limits_of(&l);
    l.max_path = l.max_value = 16;
    l.max_authority = 64;
    h.content = count_piece;

    IS_INT(attest_bhttp_decoder_init(&d, ATTEST_BHTTP_REQUEST, &l, &h, &piece,
                                     scratch, sizeof(scratch)),
           ATTEST_OK, "init");
    IS_INT(attest_bhttp_feed(&d, m.p, m.n), ATTEST_OK, "feed");
    OK(piece.p == m.p + m.n - 5 && piece.n == 5, "content in its place");
    IS_INT(attest_bhttp_finish(&d), ATTEST_OK, "finish");
    IS_INT(d.content, 5, "bytes of content");
    OK(d.request.method.n == 3 && memcmp(d.request.method.p, "GET", 3) == 0
       && d.request.path.n == 1 && d.request.host.n == 7
       && memcmp(d.request.host.p, "a.b:443", 7) == 0,
       "the request is there until the end");
    attest_bhttp_decoder_clear(&d);
    OK(scratch[0] == 0 && d.request.method.n == 0, "and then not");
}


static void
test_encoder_order(void)
{
    int                           framing, bad = 0;
    size_t                        took;
    uint8_t                       buf[256];
    attest_bhttp_encoder_t        e;
    const attest_bhttp_request_t  q = { LIT("GET"), LIT("https"), LIT("a"),
                                        LIT("/"), LIT("") };

    IS_INT(attest_bhttp_encoder_init(&e, 4, buf, 9), ATTEST_EARG,
           "framing 4");
    IS_INT(attest_bhttp_encoder_init(&e, -1, buf, 9), ATTEST_EARG,
           "framing -1");
    IS_INT(attest_bhttp_encoder_init(&e, 0, buf, 0), ATTEST_ENOSPACE,
           "no room");

    for (framing = 0; framing < 4; framing++) {
        attest_bhttp_encoder_init(&e, framing, buf, sizeof(buf));

        /* nothing but control data may come first, and of its own kind */
        bad += attest_bhttp_put_fields(&e, NULL, 0) != ATTEST_EARG;
        bad += attest_bhttp_put_fields_end(&e) != ATTEST_EARG;
        bad += attest_bhttp_put_field(&e, SPAN("a"), SPAN("b"))
               != ATTEST_EARG;
        bad += attest_bhttp_put_content(&e, buf, 1, &took) != ATTEST_EARG;
        bad += attest_bhttp_put_content_whole(&e, buf, 1) != ATTEST_EARG;
        bad += attest_bhttp_put_content_length(&e, 1) != ATTEST_EARG;
        bad += attest_bhttp_put_content_end(&e) != ATTEST_EARG;
        bad += attest_bhttp_put_padding(&e, 1) != ATTEST_EARG;
        bad += attest_bhttp_put_request(&e, &q)
               != (framing & 1 ? ATTEST_EARG : ATTEST_OK);
        bad += attest_bhttp_put_status(&e, 200)
               != (framing & 1 ? ATTEST_OK : ATTEST_EARG);
        bad += attest_bhttp_put_status(&e, 200) != ATTEST_EARG;

        /* fields one by one, content by chunks: indeterminate length */
        bad += attest_bhttp_put_field(&e, SPAN("a"), SPAN("b"))
               != (framing & 2 ? ATTEST_OK : ATTEST_EARG);
        bad += attest_bhttp_put_content(&e, buf, 1, &took) != ATTEST_EARG;
        bad += attest_bhttp_put_fields(&e, NULL, 0) != ATTEST_OK;
        bad += attest_bhttp_put_fields(&e, NULL, 0) != ATTEST_EARG;
        bad += attest_bhttp_put_content(&e, buf, 1, &took)
               != (framing & 2 ? ATTEST_OK : ATTEST_EARG);
        bad += attest_bhttp_put_content_end(&e)
               != (framing & 2 ? ATTEST_OK : ATTEST_EARG);
        bad += attest_bhttp_put_content_whole(&e, buf, 1)
               != (framing & 2 ? ATTEST_EARG : ATTEST_OK);
        bad += attest_bhttp_put_padding(&e, 1) != ATTEST_EARG;
        bad += attest_bhttp_put_fields(&e, NULL, 0) != ATTEST_OK;
        bad += attest_bhttp_put_fields(&e, NULL, 0) != ATTEST_EARG;
        bad += attest_bhttp_put_padding(&e, 1) != ATTEST_OK;
        bad += attest_bhttp_put_status(&e, 200) != ATTEST_EARG;
    }
    IS_INT(bad, 0, "each put at its place only");

    attest_bhttp_encoder_init(&e, 3, buf, sizeof(buf));
    OK(attest_bhttp_put_status(&e, 99) == ATTEST_EARG
       && attest_bhttp_put_status(&e, 101) == ATTEST_EARG
       && attest_bhttp_put_status(&e, 600) == ATTEST_EARG && e.len == 1,
       "status 99, 101, 600 refused");
    OK(attest_bhttp_put_status(&e, 103) == ATTEST_OK
       && attest_bhttp_put_fields_end(&e) == ATTEST_OK
       && attest_bhttp_put_status(&e, 102) == ATTEST_OK
       && attest_bhttp_put_fields_end(&e) == ATTEST_OK
       && attest_bhttp_put_content_end(&e) == ATTEST_EARG
       && attest_bhttp_put_status(&e, 599) == ATTEST_OK,
       "1xx heads, then the final one");
}


/* Every put with every room: all of it or nothing. */

static void
test_encoder_room(void)
{
    int                           rc, bad = 0;
    size_t                        room, i, before, full[6];
    uint8_t                       buf[128];
    attest_bhttp_encoder_t        e;
    const attest_bhttp_request_t  q = { LIT("GET"), LIT("https"), LIT("ab"),
                                        LIT("/x"), LIT("") };
    const attest_bhttp_field_t    f[] = { { LIT("a"), LIT("bcd") },
                                          { LIT("ef"), LIT("") } };

    for (room = 1; room < 60; room++) {
        memset(buf, 0xaa, sizeof(buf));
        attest_bhttp_encoder_init(&e, (int) (room & 1) * 2, buf, room);

        for (i = 0; i < 4; i++) {
            before = e.len;

            if (i == 0) {
                rc = attest_bhttp_put_request(&e, &q);
            } else if (i == 1 || i == 3) {
                rc = attest_bhttp_put_fields(&e, f, 2);
            } else if (e.framing & 2) {
                rc = attest_bhttp_put_content_end(&e);
            } else {
                rc = attest_bhttp_put_content_whole(&e, buf, 3);
            }

            full[i] = e.len - before;
            bad += rc != ATTEST_OK && rc != ATTEST_ENOSPACE;
            bad += rc == ATTEST_ENOSPACE && full[i] != 0;

            /* sizes of the four puts, counted by hand */
            bad += rc == ATTEST_OK
                   && full[i] != (i == 0 ? 16u : i == 2
                                  ? (e.framing & 2 ? 1u : 4u) : 11u);
            bad += rc == ATTEST_ENOSPACE
                   && room - before >= (i == 0 ? 16u : i == 2
                                        ? (e.framing & 2 ? 1u : 4u) : 11u);
            if (rc != ATTEST_OK) {
                break;
            }
        }

        bad += e.len > room || buf[room] != 0xaa;
    }

    IS_INT(bad, 0, "all or nothing, and never beyond the room");

    attest_bhttp_encoder_init(&e, 3, buf, 2);
    IS_INT(attest_bhttp_put_status(&e, 200), ATTEST_ENOSPACE, "status");
    e.room = 3;
    IS_INT(attest_bhttp_put_status(&e, 200), ATTEST_OK, "with room");
    IS_INT(attest_bhttp_put_fields_end(&e), ATTEST_ENOSPACE, "end of fields");
    e.len = 0;
    IS_INT(attest_bhttp_put_field(&e, SPAN("a"), SPAN("b")), ATTEST_ENOSPACE,
           "field");
    IS_INT(attest_bhttp_put_fields_end(&e), ATTEST_OK,
           "a buffer that was passed on");
    e.room = 0;
    e.len = 0;
    IS_INT(attest_bhttp_put_content_end(&e), ATTEST_ENOSPACE,
           "end of content");
    e.room = 2;
    attest_bhttp_put_content_end(&e);
    attest_bhttp_put_fields_end(&e);
    IS_INT(attest_bhttp_put_padding(&e, 1), ATTEST_ENOSPACE, "padding");
    OK(buf[0] == 0 && buf[1] == 0, "the ends");
}


/* As much as fits, whatever the room, and it comes back. */

static void
test_encoder_content(void)
{
    int                     bad = 0;
    size_t                  room, took, n, i;
    uint8_t                *buf = malloc(20000), *data = malloc(20000);
    attest_bhttp_encoder_t  e;

    const size_t  rooms[] = { 0, 1, 2, 3, 62, 63, 64, 65, 66, 67, 68, 16382,
                              16383, 16384, 16385, 16386, 16387, 16388,
                              16389, 16390, 19000 };

    for (i = 0; i < 20000; i++) {
        data[i] = (uint8_t) (i * 7);
    }

    for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        room = rooms[i];
        attest_bhttp_encoder_init(&e, 3, buf, 20000);
        attest_bhttp_put_status(&e, 200);
        attest_bhttp_put_fields_end(&e);
        e.room = e.len + room;

        n = e.len;
        bad += attest_bhttp_put_content(&e, data, 20000, &took) != ATTEST_OK;
        bad += took != 0 && e.len - n != took + attest_varint_len(took);
        bad += took == 0 && e.len != n;
        bad += e.len > n + room;

        /* one byte more would not have fitted */
        bad += attest_varint_len(took + 1) + took + 1 <= room;

        e.room = 20000;
        bad += attest_bhttp_put_content_end(&e) != ATTEST_OK;
        bad += attest_bhttp_put_fields_end(&e) != ATTEST_OK;
        bad += decode(ATTEST_BHTTP_RESPONSE, buf, e.len) != ATTEST_OK;
        bad += took != 0 && (got.len < took
                             || memcmp(got.text + got.len - took, data, took)
                                != 0);
    }
    IS_INT(bad, 0, "content fills the room");

    attest_bhttp_encoder_init(&e, 3, buf, 20000);
    attest_bhttp_put_status(&e, 200);
    attest_bhttp_put_fields_end(&e);
    n = e.len;
    IS_INT(attest_bhttp_put_content(&e, data, 0, &took), ATTEST_OK,
           "no content");
    OK(e.len == n && took == 0, "is no chunk, which would be the end");

    free(buf);
    free(data);
}


/* Content in a given number of bytes, which every decoder reads. */

static void
test_encoder_shaped(void)
{
    int                     bad = 0, inexact = 0, foreign = 0, small = 0;
    size_t                  took, n, k, size, at;
    uint8_t                *buf = malloc(20000), *data = malloc(20000);
    attest_bhttp_encoder_t  e;

    const size_t  sizes[] = { 0, 1, 2, 3, 9, 16, 63, 64, 65, 66, 67, 128, 256,
                              511, 1024, 4096, 16383, 16384 };

    for (n = 0; n < 20000; n++) {
        data[n] = (uint8_t) (n * 7);
    }

    for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        size = sizes[k];

        for (n = 0; n < 20000; n += n < 300 ? 1 : 487) {
            attest_bhttp_encoder_init(&e, 3, buf, 20000);
            attest_bhttp_put_status(&e, 200);
            attest_bhttp_put_fields_end(&e);
            at = e.len;
            e.room = at + size;

            bad += attest_bhttp_put_content_shaped(&e, data, n, size, &took)
                   != ATTEST_OK;
            bad += e.len - at > size || took > n;
            /* nothing is left behind that would have fitted */
            bad += took < n && attest_varint_len(took + 1) + took + 1 <= size;
            inexact += took >= 32 && 8 * took >= size && e.len - at != size;
            small += took != 0 && e.len - at + 7 < size
                     && e.len - at < ATTEST_BHTTP_STRETCH * took - 7;

            e.room = 20000;
            attest_bhttp_put_content_end(&e);
            attest_bhttp_put_fields_end(&e);
            foreign += decode(ATTEST_BHTTP_RESPONSE, buf, e.len)
                       != ATTEST_OK;
            foreign += took != 0
                       && (got.len < took
                           || memcmp(got.text + got.len - took, data, took)
                              != 0);
        }
    }

    IS_INT(bad, 0, "shaped content is never larger than asked for");
    IS_INT(inexact, 0, "exactly as large when there is enough of it");
    IS_INT(small, 0, "as large as it gets when there is not");
    IS_INT(foreign, 0, "and decoded as any other");

    e.room = e.len + 9;
    IS_INT(attest_bhttp_put_content_shaped(&e, data, 9, 9, &took),
           ATTEST_EARG, "not behind the end");
    attest_bhttp_encoder_init(&e, 3, buf, 20000);
    attest_bhttp_put_status(&e, 200);
    attest_bhttp_put_fields_end(&e);
    e.room = e.len + 9;
    IS_INT(attest_bhttp_put_content_shaped(&e, data, 9, 10, &took),
           ATTEST_ENOSPACE, "not more than there is room");

    free(buf);
    free(data);
}


static void
test_encoder_fields(void)
{
    size_t                  n;
    uint8_t                 buf[512], big[300];
    attest_bhttp_encoder_t  e;

    const attest_span_t     bad[][2] = {
        { LIT(""), LIT("b") }, { LIT(":a"), LIT("b") },
        { LIT("a b"), LIT("b") }, { LIT("a"), LIT("b\r\nc") },
        { LIT("a"), LIT("b\0c") }, { LIT("a\n"), LIT("b") },
    };

    attest_bhttp_encoder_init(&e, 3, buf, sizeof(buf));
    attest_bhttp_put_status(&e, 200);

    n = e.len;
    IS_INT(attest_bhttp_put_field(&e, SPAN("X-Aa"), SPAN(" \tb c\t ")),
           ATTEST_OK, "field");
    OK(e.len == n + 9 && memcmp(buf + n, "\004x-aa\003b c", 9) == 0,
       "in lower case, without the blanks around it");
    IS_INT(attest_bhttp_field_len(4, 3), 9, "its length");

    n = e.len;
    IS_INT(attest_bhttp_put_field(&e, SPAN("a"), SPAN(" \t ")), ATTEST_OK,
           "a value of blanks");
    OK(e.len == n + 3 && memcmp(buf + n, "\001a\0", 3) == 0, "is empty");

    for (n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        const size_t                len = e.len;
        const attest_bhttp_field_t  f = { bad[n][0], bad[n][1] };

        IS_INT(attest_bhttp_put_field(&e, f.name, f.value), ATTEST_EFORMAT,
               "field that is none");
        IS_INT(attest_bhttp_put_fields(&e, &f, 1), ATTEST_EFORMAT,
               "neither in a section");
        IS_INT(e.len, len, "nothing written");
    }

    memset(big, 'x', sizeof(big));
    n = e.len;
    IS_INT(attest_bhttp_put_field(&e, SPAN("a"),
                                  (attest_span_t) { big, sizeof(big) }),
           ATTEST_OK, "a long value");
    IS_INT(e.len - n, attest_bhttp_field_len(1, sizeof(big)),
           "two bytes of length");
    IS_INT(e.len - n, 304, "counted by hand");
}


static void
test_authority(void)
{
    size_t  i;

    static const struct { attest_span_t s; int ok; } t[] = {
        { LIT("example.com"), 1 }, { LIT("EXAMPLE.com:443"), 1 },
        { LIT("[::1]:80"), 1 }, { LIT("127.0.0.1"), 1 }, { LIT("a_b"), 1 },
        { LIT("a%20b"), 0 }, { LIT(""), 0 }, { LIT("a b"), 0 },
        { LIT("a@b"), 0 }, { LIT("a/b"), 0 }, { LIT("a?b"), 0 },
        { LIT("a#b"), 0 }, { LIT("a\\b"), 0 }, { LIT("a,b"), 0 },
        { LIT("a\0b"), 0 }, { LIT("a\r\nb"), 0 }, { LIT("a\tb"), 0 },
        { LIT("a\"b"), 0 }, { LIT("a;b"), 0 }, { LIT("\303\244"), 0 },
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        IS_INT(attest_bhttp_is_authority(t[i].s.p, t[i].s.n), t[i].ok,
               "authority %zu: %.*s", i, (int) t[i].s.n > 3 ? 3 : 1, "abc");
    }
}


static void
test_paths(void)
{
    size_t  i;

    /* is_path, is_plain_path */
    static const struct { const char *s; int ok, plain; } t[] = {
        { "/", 1, 1 }, { "/a", 1, 1 }, { "/a/", 1, 1 }, { "/a/b.c", 1, 1 },
        { "/.well-known/x", 1, 1 }, { "/...", 1, 1 }, { "/..a", 1, 1 },
        { "/a?b=/../c//d", 1, 1 }, { "/?", 1, 1 }, { "/a%20b", 1, 1 },
        { "/a;b=c", 1, 1 }, { "/%61", 1, 1 },
        { "//", 1, 0 }, { "//a", 1, 0 }, { "/a//b", 1, 0 }, { "/a//", 1, 0 },
        { "/.", 1, 0 }, { "/..", 1, 0 }, { "/./a", 1, 0 }, { "/../a", 1, 0 },
        { "/a/..", 1, 0 }, { "/a/../b", 1, 0 }, { "/a/./b", 1, 0 },
        { "/%2e", 1, 0 }, { "/%2E%2e/a", 1, 0 }, { "/.%2e", 1, 0 },
        { "/..;/a", 1, 0 }, { "/.;x", 1, 0 }, { "/%2e%2e%3b/a", 1, 0 },
        { "/;/a", 1, 0 }, { "/a\\b", 1, 0 }, { "/a%5cb", 1, 0 },
        { "/a%2fb", 1, 0 }, { "/a%2Fb", 1, 0 }, { "/a%00", 1, 0 },
        { "/a%0a", 1, 0 }, { "/a%7f", 1, 0 }, { "/a%", 1, 0 },
        { "/a%2", 1, 0 }, { "/a%zz", 1, 0 }, { "/a%2?6", 1, 0 },
        { "", 0, 0 }, { "a", 0, 0 }, { "*", 0, 0 }, { "?a", 0, 0 },
        { "http://a/", 0, 0 }, { "/a b", 0, 0 }, { "/a#b", 0, 0 },
        { "/a\tb", 0, 0 }, { "/a\r\nb", 0, 0 }, { "/\177", 0, 0 },
        { "/\303\244", 0, 0 },
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        const attest_span_t  s = span(t[i].s);

        OK(attest_bhttp_is_path(s.p, s.n) == t[i].ok
           && attest_bhttp_is_plain_path(s.p, s.n) == t[i].plain,
           "path %zu", i);
    }

    OK(!attest_bhttp_is_path(SPAN("/\0").p, 2)
       && !attest_bhttp_is_plain_path(SPAN("/\0").p, 2), "NUL in a path");
}


static void
test_check_request(void)
{
    size_t       i;
    const char  *why;

    static const struct {
        const char  *method, *scheme, *path;
        int          rc;
    } t[] = {
        { "GET", "https", "/", ATTEST_OK },
        { "POST", "http", "/a?b", ATTEST_OK },
        { "get", "https", "/", ATTEST_OK },
        { "GET", "HTTPS", "/", ATTEST_EFORMAT },
        { "GET", "ftp", "/", ATTEST_EFORMAT },
        { "GET", "", "/", ATTEST_EFORMAT },
        { "GET", "https", "", ATTEST_EFORMAT },
        { "OPTIONS", "https", "*", ATTEST_EFORMAT },
        { "CONNECT", "https", "/", ATTEST_EFORMAT },
        { "TRACE", "https", "/", ATTEST_EFORMAT },
        { "G T", "https", "/", ATTEST_EFORMAT },
        { "", "https", "/", ATTEST_EFORMAT },
        { "GET", "https", "http://a/", ATTEST_EFORMAT },
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        const attest_bhttp_request_t  q = {
            span(t[i].method), span(t[i].scheme), LIT("a"), span(t[i].path),
            LIT("a")
        };

        IS_INT(attest_bhttp_check_request(&q, &why), t[i].rc,
               "request %s %s %s", t[i].method, t[i].scheme, t[i].path);
        OK((why == NULL) == (t[i].rc == ATTEST_OK), "with a reason");
    }
}


static void
test_inner_fields(void)
{
    size_t                 i;
    uint32_t               seen = 0;
    attest_bhttp_action_e  action;

    static const struct { const char *name; int rc, action; } t[] = {
        { "accept", 0, ATTEST_BHTTP_KEEP },
        { "accept", 0, ATTEST_BHTTP_KEEP },
        { "cookie", 0, ATTEST_BHTTP_KEEP },
        { "cookie", 0, ATTEST_BHTTP_KEEP },
        { "authorization", 0, ATTEST_BHTTP_KEEP },
        { "authorization", ATTEST_EFORMAT, ATTEST_BHTTP_KEEP },
        { "content-type", 0, ATTEST_BHTTP_KEEP },
        { "content-type", ATTEST_EFORMAT, ATTEST_BHTTP_KEEP },
        { "date", 0, ATTEST_BHTTP_KEEP },
        { "date", ATTEST_EFORMAT, ATTEST_BHTTP_KEEP },
        { "content-length", 0, ATTEST_BHTTP_DROP },
        { "content-length", ATTEST_EFORMAT, ATTEST_BHTTP_KEEP },
        { "host", 0, ATTEST_BHTTP_DROP },
        { "expect", ATTEST_EUNSUPPORTED, ATTEST_BHTTP_KEEP },
        { "connection", 0, ATTEST_BHTTP_DROP },
        { "keep-alive", 0, ATTEST_BHTTP_DROP },
        { "proxy-connection", 0, ATTEST_BHTTP_DROP },
        { "te", 0, ATTEST_BHTTP_DROP },
        { "trailer", 0, ATTEST_BHTTP_DROP },
        { "transfer-encoding", 0, ATTEST_BHTTP_DROP },
        { "transfer-encoding", 0, ATTEST_BHTTP_DROP },
        { "upgrade", 0, ATTEST_BHTTP_DROP },
        { "proxy-authorization", 0, ATTEST_BHTTP_DROP },
        { "forwarded", 0, ATTEST_BHTTP_DROP },
        { "x-forwarded-for", 0, ATTEST_BHTTP_DROP },
        { "x-forwarded-", 0, ATTEST_BHTTP_DROP },
        { "x-forwarded", 0, ATTEST_BHTTP_KEEP },
        { "x-real-ip", 0, ATTEST_BHTTP_DROP },
        { "incremental", 0, ATTEST_BHTTP_KEEP },
        { "incremental", ATTEST_EFORMAT, ATTEST_BHTTP_KEEP },
        { "upgrade-insecure-requests", 0, ATTEST_BHTTP_KEEP },
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        IS_INT(attest_bhttp_inner_field(span(t[i].name), &seen, &action),
               t[i].rc, "%s", t[i].name);
        IS_INT(action, t[i].action, "what becomes of it");
    }

    seen = 0;
    IS_INT(attest_bhttp_inner_field(span("date"), &seen, &action), ATTEST_OK,
           "the next request starts anew");

    OK(attest_bhttp_is_connection(SPAN("te").p, 2)
       && !attest_bhttp_is_connection(SPAN("ta").p, 2)
       && !attest_bhttp_is_connection(SPAN("ted").p, 3),
       "connection-level fields");
}


static void
test_varint(void)
{
    size_t           i, n, k, bad = 0;
    uint8_t          b[9];
    attest_varint_t  r;

    static const struct { uint64_t v; size_t n; uint8_t first; } t[] = {
        { 0, 1, 0 }, { 63, 1, 0x3f }, { 64, 2, 0x40 }, { 16383, 2, 0x7f },
        { 16384, 4, 0x80 }, { 0x3fffffff, 4, 0xbf }, { 0x40000000, 8, 0xc0 },
        { ATTEST_VARINT_MAX, 8, 0xff },
        /* RFC 9000 appendix A.1 */
        { 151288809941952652, 8, 0xc2 }, { 494878333, 4, 0x9d },
        { 15293, 2, 0x7b }, { 37, 1, 0x25 },
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        memset(b, 0xaa, sizeof(b));
        n = attest_varint_put(b, t[i].v);
        bad += n != t[i].n || attest_varint_len(t[i].v) != n
               || b[0] != t[i].first || b[n] != 0xaa;

        memset(&r, 0, sizeof(r));
        bad += attest_varint_whole(&r)
               || attest_varint_feed(&r, b, sizeof(b)) != n
               || !attest_varint_whole(&r) || r.value != t[i].v;

        memset(&r, 0, sizeof(r));
        for (k = 0; k < n; k++) {
            bad += attest_varint_whole(&r)
                   || attest_varint_feed(&r, b + k, 1) != 1;
        }
        bad += r.value != t[i].v || attest_varint_feed(&r, b, 1) != 0;
    }

    IS_INT(bad, 0, "varints");
}


int
main(void)
{
    cJSON    *doc;
    uint8_t  *file;

    file = unit_read(TEST_DATA "/ohttp-bhttp.json", NULL);
    doc = cJSON_Parse((char *) file);
    if (doc == NULL) {
        printf("Bail out! ohttp-bhttp.json\n");
        return 1;
    }

    test_varint();
    test_vectors(doc);
    test_short_request();
    test_messages();
    test_bytes();
    test_lengths();
    test_limits();
    test_interim_limit();
    test_arguments();
    test_refusal();
    test_content_place();
    test_encoder_order();
    test_encoder_room();
    test_encoder_content();
    test_encoder_shaped();
    test_encoder_fields();
    test_authority();
    test_paths();
    test_check_request();
    test_inner_fields();

    cJSON_Delete(doc);
    free(file);
    DONE();
}
