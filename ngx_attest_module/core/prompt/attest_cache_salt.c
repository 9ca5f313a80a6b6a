/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds the place of a member in the text of a JSON object.  The text is read
 * token by token, and by the rules of attest_json.h: what two readers could
 * read differently gets no salt.
 */


#include <string.h>

#include "core/base/attest_hex.h"
#include "core/base/attest_json.h"
#include "core/prompt/attest_cache_salt.h"


#define ATTEST_CACHE_SALT_NAME   "cache_salt"
#define ATTEST_CACHE_SALT_DEPTH  256     /* schemas of tools go deep */


/* What may come next. */

typedef enum {
    ATTEST_CACHE_SALT_VALUE = 0,
    ATTEST_CACHE_SALT_FIRST,             /* a name or the end, behind "{" */
    ATTEST_CACHE_SALT_ELEMENT,           /* a value or the end, behind "[" */
    ATTEST_CACHE_SALT_KEY,
    ATTEST_CACHE_SALT_COLON,
    ATTEST_CACHE_SALT_BEHIND             /* a comma or the end */
} attest_cache_salt_state_e;

typedef struct {
    attest_span_t               text;
    size_t                      i;
    attest_cache_salt_state_e   state;
    size_t                      depth;
    uint8_t                     open[ATTEST_CACHE_SALT_DEPTH];
    attest_cache_salt_t        *place;
    unsigned                    found;
    unsigned                    inside:1;        /* in the value of ours */
} attest_cache_salt_scan_t;


static int attest_cache_salt_token(attest_cache_salt_scan_t *s);
static int attest_cache_salt_value(attest_cache_salt_scan_t *s);
static int attest_cache_salt_word(attest_cache_salt_scan_t *s);
static int attest_cache_salt_open(attest_cache_salt_scan_t *s);
static int attest_cache_salt_close(attest_cache_salt_scan_t *s, uint8_t c);
static int attest_cache_salt_key(attest_cache_salt_scan_t *s);
static bool attest_cache_salt_is(attest_span_t name);
static void attest_cache_salt_done(attest_cache_salt_scan_t *s);
static bool attest_cache_salt_blank(uint8_t c);


int
attest_cache_salt_find(attest_span_t json, attest_cache_salt_t *place)
{
    int                        rc = ATTEST_OK;
    attest_cache_salt_scan_t   s;

    memset(&s, 0, sizeof(s));
    memset(place, 0, sizeof(*place));

    s.text = json;
    s.place = place;

    while (rc == ATTEST_OK && s.i < json.n) {
        if (attest_cache_salt_blank(json.p[s.i])) {
            s.i++;
            continue;
        }

        rc = attest_cache_salt_token(&s);
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    if (s.state != ATTEST_CACHE_SALT_BEHIND || s.depth != 0 || s.found > 1) {
        return ATTEST_EFORMAT;
    }

    return place->at != 0 ? ATTEST_OK : ATTEST_EMISMATCH;
}


static int
attest_cache_salt_token(attest_cache_salt_scan_t *s)
{
    uint8_t  c = s->text.p[s->i];

    switch (s->state) {

    case ATTEST_CACHE_SALT_FIRST:
        if (c == '}') {
            return attest_cache_salt_close(s, '{');
        }

        /* fall through */

    case ATTEST_CACHE_SALT_KEY:
        return attest_cache_salt_key(s);

    case ATTEST_CACHE_SALT_ELEMENT:
        return c == ']' ? attest_cache_salt_close(s, '[')
                        : attest_cache_salt_value(s);

    case ATTEST_CACHE_SALT_VALUE:
        return attest_cache_salt_value(s);

    case ATTEST_CACHE_SALT_COLON:
        s->i++;
        s->state = ATTEST_CACHE_SALT_VALUE;
        return c == ':' ? ATTEST_OK : ATTEST_EFORMAT;

    default: /* ATTEST_CACHE_SALT_BEHIND */
        break;
    }

    if (c != ',') {
        return c == '}' || c == ']'
               ? attest_cache_salt_close(s, c == '}' ? '{' : '[')
               : ATTEST_EFORMAT;
    }

    if (s->depth == 0) {
        return ATTEST_EFORMAT;
    }

    s->i++;
    s->state = s->open[s->depth - 1] == '{' ? ATTEST_CACHE_SALT_KEY
                                            : ATTEST_CACHE_SALT_VALUE;

    return ATTEST_OK;
}


static int
attest_cache_salt_value(attest_cache_salt_scan_t *s)
{
    size_t   n;
    uint8_t  c = s->text.p[s->i];

    if (s->inside && s->depth == 1) {
        s->place->at = s->i;
    }

    if (c == '{' || c == '[') {
        return attest_cache_salt_open(s);
    }

    if (c == '"') {
        if (attest_json_string(s->text, s->i, &n) != ATTEST_JSON_VALID) {
            return ATTEST_EFORMAT;
        }

    } else if (c == '-' || (c >= '0' && c <= '9')) {
        n = attest_json_number(s->text.p + s->i, s->text.n - s->i, 0);

        if (n == 0) {
            return ATTEST_EFORMAT;
        }

    } else {
        return attest_cache_salt_word(s);
    }

    s->i += n;
    attest_cache_salt_done(s);

    return ATTEST_OK;
}


static int
attest_cache_salt_word(attest_cache_salt_scan_t *s)
{
    size_t  i, n;

    static const char * const  words[] = { "true", "false", "null" };

    for (i = 0; i < 3; i++) {
        n = strlen(words[i]);

        if (s->text.n - s->i >= n
            && memcmp(s->text.p + s->i, words[i], n) == 0)
        {
            s->i += n;
            attest_cache_salt_done(s);
            return ATTEST_OK;
        }
    }

    return ATTEST_EFORMAT;
}


static int
attest_cache_salt_open(attest_cache_salt_scan_t *s)
{
    uint8_t  c = s->text.p[s->i++];

    if (s->depth == ATTEST_CACHE_SALT_DEPTH) {
        return ATTEST_ELIMIT;
    }

    if (s->depth == 0 && c == '{') {

        /* the first of its members, unless it is one already */

        s->place->at = s->i;
        s->place->name = 1;
        s->place->comma = 1;
    }

    s->open[s->depth++] = c;
    s->state = c == '{' ? ATTEST_CACHE_SALT_FIRST : ATTEST_CACHE_SALT_ELEMENT;

    return ATTEST_OK;
}


static int
attest_cache_salt_close(attest_cache_salt_scan_t *s, uint8_t c)
{
    if (s->depth == 0 || s->open[s->depth - 1] != c) {
        return ATTEST_EFORMAT;
    }

    if (s->depth == 1 && s->state == ATTEST_CACHE_SALT_FIRST) {
        s->place->comma = 0;
    }

    s->i++;
    s->depth--;
    attest_cache_salt_done(s);

    return ATTEST_OK;
}


static int
attest_cache_salt_key(attest_cache_salt_scan_t *s)
{
    size_t  n;

    if (s->text.p[s->i] != '"'
        || attest_json_string(s->text, s->i, &n) != ATTEST_JSON_VALID)
    {
        return ATTEST_EFORMAT;
    }

    if (s->depth == 1
        && attest_cache_salt_is(attest_span(s->text.p + s->i + 1, n - 2)))
    {
        s->found++;
        s->inside = 1;
    }

    s->i += n;
    s->state = ATTEST_CACHE_SALT_COLON;

    return ATTEST_OK;
}


/* The same name can be spelled with escapes; all of its characters are one. */

static bool
attest_cache_salt_is(attest_span_t name)
{
    size_t       i = 0, k;
    uint8_t      c[2];
    const char  *want = ATTEST_CACHE_SALT_NAME;

    for (k = 0; want[k] != '\0'; k++) {

        if (name.n - i >= 6 && name.p[i] == '\\' && name.p[i + 1] == 'u') {

            if (attest_hex_exact(attest_span(name.p + i + 2, 4), c, 2)
                != ATTEST_OK || c[0] != 0 || c[1] != (uint8_t) want[k])
            {
                return false;
            }

            i += 6;

        } else if (i == name.n || name.p[i++] != (uint8_t) want[k]) {
            return false;
        }
    }

    return i == name.n;
}


/* Behind a value: of ours, what is to be replaced ends here. */

static void
attest_cache_salt_done(attest_cache_salt_scan_t *s)
{
    s->state = ATTEST_CACHE_SALT_BEHIND;

    if (s->inside && s->depth == 1) {
        s->inside = 0;
        s->place->cut = s->i - s->place->at;
        s->place->name = 0;
        s->place->comma = 0;
    }
}


/* RFC 8259 section 2. */

static bool
attest_cache_salt_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}


size_t
attest_cache_salt_len(const attest_cache_salt_t *place, attest_span_t json,
    attest_span_t salt)
{
    return json.n - place->cut + salt.n + 2
           + (place->name ? sizeof("\"" ATTEST_CACHE_SALT_NAME "\":") - 1 : 0)
           + (place->comma ? 1 : 0);
}


void
attest_cache_salt_put(const attest_cache_salt_t *place, uint8_t *buf,
    size_t n, attest_span_t salt)
{
    size_t    behind = place->at + place->cut;
    uint8_t  *p = buf + place->at;

    memmove(buf + attest_cache_salt_len(place, attest_span(buf, n), salt)
            - (n - behind), buf + behind, n - behind);

    if (place->name) {
        memcpy(p, "\"" ATTEST_CACHE_SALT_NAME "\":",
               sizeof("\"" ATTEST_CACHE_SALT_NAME "\":") - 1);
        p += sizeof("\"" ATTEST_CACHE_SALT_NAME "\":") - 1;
    }

    *p++ = '"';
    memcpy(p, salt.p, salt.n);
    p += salt.n;
    *p++ = '"';

    if (place->comma) {
        *p = ',';
    }
}
