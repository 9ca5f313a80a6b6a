/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The items of a collection and the kinds of evidence, by label, media type
 * and driver.  attest_kind.h has the list.
 */


#include "core/evidence/attest_kind.h"


#define ATTEST_ITEM_ROW(name, is, about)                                      \
    { ATTEST_ITEM_##name, ATTEST_TYPE_##name, is, about },

#define ATTEST_KIND_ROW(name, item, driver, text, ties)                       \
    { ATTEST_ID_##item, driver, text, ties },


const attest_item_t  attest_items[ATTEST_ITEMS] = {
    ATTEST_ITEM_LIST(ATTEST_ITEM_ROW)
};

const attest_kind_t  attest_kinds[ATTEST_KINDS] = {
    ATTEST_KIND_LIST(ATTEST_KIND_ROW)
};


attest_item_e
attest_kind_item_by_label(attest_span_t label)
{
    attest_item_e  i;

    for (i = 0; i < ATTEST_ITEMS; i++) {
        if (attest_span_is(label, attest_items[i].label)) {
            break;
        }
    }

    return i;
}


attest_item_e
attest_kind_item_by_type(attest_span_t type)
{
    attest_item_e  i;

    for (i = 0; i < ATTEST_ITEMS; i++) {
        if (attest_span_is(type, attest_items[i].type)) {
            break;
        }
    }

    return i;
}


unsigned
attest_kind_item_is(attest_span_t label)
{
    attest_item_e  i = attest_kind_item_by_label(label);

    return i < ATTEST_ITEMS ? attest_items[i].is : 0;
}


attest_kind_e
attest_kind_by_item(attest_item_e item)
{
    attest_kind_e  k;

    for (k = 0; k < ATTEST_KINDS; k++) {
        if (attest_kinds[k].item == item && attest_kinds[k].driver == NULL) {
            return k;
        }
    }

    return ATTEST_KIND_UNKNOWN;
}


attest_kind_e
attest_kind_by_driver(attest_span_t driver)
{
    attest_kind_e  k;

    for (k = 0; k < ATTEST_KINDS; k++) {
        if (attest_kinds[k].driver != NULL
            && attest_span_is(driver, attest_kinds[k].driver))
        {
            return k;
        }
    }

    return ATTEST_KIND_UNKNOWN;
}


bool
attest_kind_is_quoted(attest_kind_e kind)
{
    return kind < ATTEST_KINDS
           && !(attest_kinds[kind].ties & ATTEST_KIND_SIGNS);
}
