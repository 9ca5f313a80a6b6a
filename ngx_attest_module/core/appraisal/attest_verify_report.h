/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How checks are added, and the words that they are made of.
 */


#ifndef ATTEST_VERIFY_REPORT_H_INCLUDED
#define ATTEST_VERIFY_REPORT_H_INCLUDED


#include "core/appraisal/attest_verify_types.h"


/* Adds one check. */
void attest_verify_add(attest_verify_t *v, const char *id,
    attest_check_e state, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for a check that is made for each part. */
void attest_verify_on(attest_verify_t *v, const attest_part_t *part,
    attest_on_e what, attest_check_e state, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/*
 * The same for a check of one kind, which is made for each part: the id is
 * "fresh-" and what, or "cached-", "certificate-".
 */
void attest_verify_kind(attest_verify_t *v, const attest_part_t *part,
    const char *what, attest_check_e state, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Name of a part for people: "certificate", "cached", "fresh". */
const char *attest_verify_part_name(attest_part_e which);

/* PCRs by their numbers, "0-7, 10". */
char *attest_verify_mask(char *out, size_t room, uint32_t mask);

/* Up to 8 bytes as hex and "..", for messages. */
#define ATTEST_ABBREV    20
const char *attest_verify_hex(char out[ATTEST_ABBREV], const uint8_t *p,
    size_t n);
/* At most room - 1 printable characters of foreign text; others are '?'. */
const char *attest_verify_text(char *out, size_t room, attest_span_t text);

/* The item of this label and media type; NULL: none, *wrong: other type. */
const attest_cmw_item_t *attest_verify_item(const attest_part_t *part,
    const char *label, const char *type, int *wrong);
/* 1 when a value is one of the set. */
bool attest_verify_in_set(const attest_refset_t *set, const uint8_t *p,
    size_t n);
size_t attest_verify_set_count(const attest_refset_t *sets);

/* Malformed: fail; what we lack the means for: unknown. */
attest_check_e attest_verify_state(int rc);


#endif /* ATTEST_VERIFY_REPORT_H_INCLUDED */
