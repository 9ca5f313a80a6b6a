/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Strict JSON (RFC 8259) before cJSON, which recurses, takes any control
 * character for a blank, ends texts at an escaped NUL, keeps members that are
 * given twice and reads on behind the end of some texts (CVE-2023-53154).
 * What two readers could read differently is refused here, once for all.
 */


#ifndef ATTEST_JSON_H_INCLUDED
#define ATTEST_JSON_H_INCLUDED


#include <cjson/cJSON.h>

#include "core/base/attest_core.h"


/* What is wrong, for callers whose messages say it. */

typedef enum {
    ATTEST_JSON_VALID = 0,
    ATTEST_JSON_CHARACTER,       /* of no token */
    ATTEST_JSON_STRING,          /* a control character, NUL, no end */
    ATTEST_JSON_UTF8,
    ATTEST_JSON_NUMBER,          /* its form */
    ATTEST_JSON_BRACKETS,        /* not closed, or by the other kind */
    ATTEST_JSON_SYNTAX,
    ATTEST_JSON_TRAILING,        /* something follows the value */
    ATTEST_JSON_TWICE,           /* a member */
    ATTEST_JSON_DEPTH,           /* nested deeper than ATTEST_MAX_DEPTH */
    ATTEST_JSON_MANY             /* members, elements or values */
} attest_json_fault_e;


#define ATTEST_JSON_WHOLE     1  /* numbers: up to 16 digits, nothing else */
#define ATTEST_JSON_EXACT     2  /* no blanks behind the value */
#define ATTEST_JSON_MEMBERS   4  /* the caller asks attest_json_members() */


typedef struct {
    unsigned  flags;             /* ATTEST_JSON_* */
    size_t    max_list;          /* elements of an array; 0: any number */
    size_t    max_commas;        /* in all of the text; 0: any number */
} attest_json_rules_t;


/*
 * The caller frees *root with cJSON_Delete() after ATTEST_OK.  ATTEST_ELIMIT:
 * ATTEST_JSON_DEPTH and ATTEST_JSON_MANY; ATTEST_EFORMAT: any other fault.
 * fault may be NULL.  Objects have at most ATTEST_MAX_ITEMS members.
 */
int attest_json_parse(attest_span_t text, const attest_json_rules_t *rules,
    cJSON **root, attest_json_fault_e *fault);

/*
 * ATTEST_ELIMIT when an object has more than ATTEST_MAX_ITEMS members,
 * ATTEST_EFORMAT when one is given twice: then *twice, unless twice is NULL,
 * is its name.
 */
int attest_json_members(const cJSON *object, const char **twice);

/*
 * For readers that keep no tree.  A string from its quote at t.p[at]; *used
 * with both quotes.  A number, RFC 8259 section 6, of which cJSON takes more:
 * its length, or 0.
 */
attest_json_fault_e attest_json_string(attest_span_t t, size_t at,
    size_t *used);
size_t attest_json_number(const uint8_t *p, size_t n, unsigned flags);

/* The text of a member; NULL when it is none or not there. */
const char *attest_json_text(const cJSON *object, const char *name);


#endif /* ATTEST_JSON_H_INCLUDED */
