/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The items that are not of a kind of their own, in words: claims, keys,
 * logs, texts.
 */


#ifndef CLI_ITEMS_H_INCLUDED
#define CLI_ITEMS_H_INCLUDED


#include "core/evidence/attest_claims.h"
#include "core/evidence/attest_kind.h"


typedef int (*cli_claims_pt)(const uint8_t *p, size_t n,
    attest_claims_t *c);

/* alg: of the bank of PCRs that a log explains. */
typedef void (*cli_item_pt)(attest_span_t value, uint16_t alg);

/* NULL: the item's kind shows it (cli_kinds.h). */
extern const cli_item_pt  cli_items[ATTEST_ITEMS];


/* Ours, or those of a foreign certificate. */
void cli_items_claims_show(attest_span_t s, cli_claims_pt parse);


#endif /* CLI_ITEMS_H_INCLUDED */
