/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A pass over the bytes before cJSON gets them, and one over what it made of
 * them.  The grammar between the tokens stays cJSON's.
 */


#include <string.h>

#include "core/base/attest_hex.h"
#include "core/base/attest_json.h"
#include "core/base/attest_utf8.h"


typedef struct {
    attest_span_t               text;
    const attest_json_rules_t  *rules;
    size_t                      commas;
    unsigned                    depth;
    char                        open[ATTEST_MAX_DEPTH];
} attest_json_scan_t;


static attest_json_fault_e attest_json_read(attest_span_t text,
    const attest_json_rules_t *rules, cJSON **root);
static attest_json_fault_e attest_json_scan(attest_json_scan_t *s);
static attest_json_fault_e attest_json_token(attest_json_scan_t *s,
    size_t at, size_t *used);
static attest_json_fault_e attest_json_bracket(attest_json_scan_t *s,
    char c);
static attest_json_fault_e attest_json_escape(const uint8_t *p, size_t n,
    size_t *used);
static size_t attest_json_digits(const uint8_t *p, size_t n, size_t i);
static bool attest_json_is_blank(uint8_t c);
static attest_json_fault_e attest_json_walk(const cJSON *root,
    const attest_json_rules_t *rules);
static attest_json_fault_e attest_json_node(const cJSON *v,
    const attest_json_rules_t *rules);


int
attest_json_parse(attest_span_t text, const attest_json_rules_t *rules,
    cJSON **root, attest_json_fault_e *fault)
{
    attest_json_fault_e  found;

    *root = NULL;
    found = attest_json_read(text, rules, root);

    if (fault != NULL) {
        *fault = found;
    }

    if (found == ATTEST_JSON_VALID) {
        return ATTEST_OK;
    }

    cJSON_Delete(*root);
    *root = NULL;

    return found == ATTEST_JSON_DEPTH || found == ATTEST_JSON_MANY
           ? ATTEST_ELIMIT : ATTEST_EFORMAT;
}


static attest_json_fault_e
attest_json_read(attest_span_t text, const attest_json_rules_t *rules,
    cJSON **root)
{
    const char           *end, *last = (const char *) text.p + text.n;
    attest_json_scan_t    s;
    attest_json_fault_e   fault;

    memset(&s, 0, sizeof(s));
    s.text = text;
    s.rules = rules;

    fault = attest_json_scan(&s);
    if (fault != ATTEST_JSON_VALID) {
        return fault;
    }

    if (text.n == 0) {
        return ATTEST_JSON_SYNTAX;
    }

    *root = cJSON_ParseWithLengthOpts((const char *) text.p, text.n, &end, 0);
    if (*root == NULL) {
        return ATTEST_JSON_SYNTAX;
    }

    /* cJSON stops behind the first value */

    while (!(rules->flags & ATTEST_JSON_EXACT) && end < last
           && attest_json_is_blank((uint8_t) *end))
    {
        end++;
    }

    return end != last ? ATTEST_JSON_TRAILING
                       : attest_json_walk(*root, rules);
}


static attest_json_fault_e
attest_json_scan(attest_json_scan_t *s)
{
    size_t                i, n;
    attest_json_fault_e   fault;

    for (i = 0; i < s->text.n; i += n) {
        fault = attest_json_token(s, i, &n);
        if (fault != ATTEST_JSON_VALID) {
            return fault;
        }
    }

    return s->depth == 0 ? ATTEST_JSON_VALID : ATTEST_JSON_BRACKETS;
}


static attest_json_fault_e
attest_json_token(attest_json_scan_t *s, size_t at, size_t *used)
{
    uint8_t  c = s->text.p[at];

    *used = 1;

    switch (c) {

    case '{':
    case '[':
    case '}':
    case ']':
        return attest_json_bracket(s, (char) c);

    case '"':
        return attest_json_string(s->text, at, used);

    case ',':
        return ++s->commas > s->rules->max_commas
               && s->rules->max_commas != 0
               ? ATTEST_JSON_MANY : ATTEST_JSON_VALID;

    default:
        break;
    }

    if ((c >= '0' && c <= '9') || c == '-') {
        *used = attest_json_number(s->text.p + at, s->text.n - at,
                                   s->rules->flags);
        return *used != 0 ? ATTEST_JSON_VALID : ATTEST_JSON_NUMBER;
    }

    return (c > 0x20 && c < 0x7f && c != '\\') || attest_json_is_blank(c)
           ? ATTEST_JSON_VALID : ATTEST_JSON_CHARACTER;
}


/* One that closes nothing stands behind the value, and is found there. */

static attest_json_fault_e
attest_json_bracket(attest_json_scan_t *s, char c)
{
    if (c == '{' || c == '[') {

        if (s->depth == ATTEST_MAX_DEPTH) {
            return ATTEST_JSON_DEPTH;
        }

        s->open[s->depth++] = c;
        return ATTEST_JSON_VALID;
    }

    if (s->depth == 0) {
        return ATTEST_JSON_VALID;
    }

    return s->open[--s->depth] == (c == '}' ? '{' : '[')
           ? ATTEST_JSON_VALID : ATTEST_JSON_BRACKETS;
}


attest_json_fault_e
attest_json_string(attest_span_t t, size_t at, size_t *used)
{
    size_t                i, n;
    attest_json_fault_e   fault;

    for (i = at + 1; i < t.n; i += n) {
        n = 1;

        if (t.p[i] == '"') {
            *used = i + 1 - at;
            return ATTEST_JSON_VALID;
        }

        if (t.p[i] < 0x20) {
            return ATTEST_JSON_STRING;
        }

        if (t.p[i] == '\\') {
            fault = attest_json_escape(t.p + i, t.n - i, &n);
            if (fault != ATTEST_JSON_VALID) {
                return fault;
            }

        } else if (t.p[i] > 0x7f) {
            n = attest_utf8_char(t.p + i, t.n - i, NULL);
            if (n == 0) {
                return ATTEST_JSON_UTF8;
            }
        }
    }

    return ATTEST_JSON_STRING;
}


/*
 * The backslash and what it protects.  cJSON knows which escapes there are,
 * but takes digits that are none for NUL, which would end a C string early
 * and hide what follows.
 */

static attest_json_fault_e
attest_json_escape(const uint8_t *p, size_t n, size_t *used)
{
    size_t  i;

    *used = 2;

    if (n < 2) {
        return ATTEST_JSON_STRING;
    }

    if (p[1] != 'u') {
        return ATTEST_JSON_VALID;
    }

    *used = 6;

    for (i = 2; i < 6; i++) {
        if (i >= n || attest_hex_digit((char) p[i]) < 0) {
            return ATTEST_JSON_SYNTAX;
        }
    }

    return memcmp(p + 2, "0000", 4) == 0 ? ATTEST_JSON_STRING
                                         : ATTEST_JSON_VALID;
}


size_t
attest_json_number(const uint8_t *p, size_t n, unsigned flags)
{
    size_t  i, start = (p[0] == '-');

    i = attest_json_digits(p, n, start);

    if (i == start || (i - start > 1 && p[start] == '0')
        || ((flags & ATTEST_JSON_WHOLE) && (start != 0 || i > 16)))
    {
        return 0;
    }

    if (flags & ATTEST_JSON_WHOLE) {
        return i < n && memchr(".eE+-", p[i], 5) != NULL ? 0 : i;
    }

    if (i < n && p[i] == '.') {
        start = i + 1;
        i = attest_json_digits(p, n, start);

        if (i == start) {
            return 0;
        }
    }

    if (i < n && (p[i] == 'e' || p[i] == 'E')) {
        start = i + 1;
        start += start < n && (p[start] == '+' || p[start] == '-');
        i = attest_json_digits(p, n, start);

        if (i == start) {
            return 0;
        }
    }

    return i < n && memchr(".eE+-", p[i], 5) != NULL ? 0 : i;
}


static size_t
attest_json_digits(const uint8_t *p, size_t n, size_t i)
{
    while (i < n && p[i] >= '0' && p[i] <= '9') {
        i++;
    }

    return i;
}


/* RFC 8259 section 2. */

static bool
attest_json_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}


/* The depth was bounded before there was a tree. */

static attest_json_fault_e
attest_json_walk(const cJSON *root, const attest_json_rules_t *rules)
{
    size_t                depth = 0;
    const cJSON          *v = root, *up[ATTEST_MAX_DEPTH];
    attest_json_fault_e   fault;

    for ( ;; ) {
        fault = attest_json_node(v, rules);
        if (fault != ATTEST_JSON_VALID) {
            return fault;
        }

        if (v->child != NULL) {
            if (depth == ATTEST_MAX_DEPTH) {
                return ATTEST_JSON_DEPTH;
            }

            up[depth++] = v;
            v = v->child;
            continue;
        }

        while (v->next == NULL) {
            if (depth == 0) {
                return ATTEST_JSON_VALID;
            }

            v = up[--depth];
        }

        v = v->next;
    }
}


static attest_json_fault_e
attest_json_node(const cJSON *v, const attest_json_rules_t *rules)
{
    int           rc;
    size_t        count = 0;
    const cJSON  *e;

    if (cJSON_IsObject(v) && !(rules->flags & ATTEST_JSON_MEMBERS)) {
        rc = attest_json_members(v, NULL);

        return rc == ATTEST_OK ? ATTEST_JSON_VALID
               : rc == ATTEST_ELIMIT ? ATTEST_JSON_MANY : ATTEST_JSON_TWICE;
    }

    if (!cJSON_IsArray(v) || rules->max_list == 0) {
        return ATTEST_JSON_VALID;
    }

    for (e = v->child; e != NULL; e = e->next) {
        if (++count > rules->max_list) {
            return ATTEST_JSON_MANY;
        }
    }

    return ATTEST_JSON_VALID;
}


int
attest_json_members(const cJSON *object, const char **twice)
{
    size_t        count = 0;
    const cJSON  *a, *b;

    for (a = object->child; a != NULL; a = a->next) {

        if (++count > ATTEST_MAX_ITEMS) {
            return ATTEST_ELIMIT;
        }

        for (b = object->child; b != a; b = b->next) {
            if (strcmp(a->string, b->string) == 0) {
                if (twice != NULL) {
                    *twice = a->string;
                }

                return ATTEST_EFORMAT;
            }
        }
    }

    return ATTEST_OK;
}


const char *
attest_json_text(const cJSON *object, const char *name)
{
    const cJSON  *v = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsString(v) ? v->valuestring : NULL;
}
