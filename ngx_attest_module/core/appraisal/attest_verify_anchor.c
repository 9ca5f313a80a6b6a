/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Does a chain lead to a maker's root, or to one of the policy's simulated
 * ones?  The makers' intermediates that we ship, and the policy's, help.
 */


#include <string.h>

#include "core/appraisal/attest_verify_anchor.h"


static const char *attest_verify_one_anchor(STACK_OF(X509) *anchors,
    X509 *leaf, STACK_OF(X509) *untrusted, STACK_OF(X509_CRL) *crls,
    int64_t at);
static bool attest_verify_append(STACK_OF(X509) *list,
    STACK_OF(X509) *more);
static STACK_OF(X509) *attest_verify_intermediates(const attest_verify_t *v,
    attest_maker_e maker, STACK_OF(X509) *untrusted);


const char *
attest_verify_anchor(const attest_verify_t *v, attest_maker_e maker,
    X509 *leaf, STACK_OF(X509) *untrusted, STACK_OF(X509_CRL) *crls,
    int *simulated)
{
    return attest_verify_anchor_at(v, maker, leaf, untrusted, crls,
                                   v->in->now, simulated);
}


const char *
attest_verify_anchor_at(const attest_verify_t *v, attest_maker_e maker,
    X509 *leaf, STACK_OF(X509) *untrusted, STACK_OF(X509_CRL) *crls,
    int64_t at, int *simulated)
{
    const char      *what = "out of memory", *also;
    STACK_OF(X509)  *others;

    *simulated = 0;

    others = attest_verify_intermediates(v, maker, untrusted);
    if (others == NULL) {
        return what;
    }

    what = attest_verify_one_anchor(v->roots->anchors[maker], leaf, others,
                                    crls, at);

    if (what != NULL && sk_X509_num(v->policy->simulated_roots) > 0) {
        also = attest_verify_one_anchor(v->policy->simulated_roots, leaf,
                                        others, crls, at);
        if (also == NULL) {
            *simulated = 1;
            what = NULL;
        }
    }

    sk_X509_free(others);
    return what;
}


static const char *
attest_verify_one_anchor(STACK_OF(X509) *anchors, X509 *leaf,
    STACK_OF(X509) *untrusted, STACK_OF(X509_CRL) *crls, int64_t at)
{
    attest_x509_chain_t  c;

    memset(&c, 0, sizeof(c));
    c.anchors = anchors;
    c.untrusted = untrusted;
    c.crls = crls;
    c.now = at;

    return attest_x509_chain(leaf, &c);
}


/*
 * A list of its own, whose certificates belong to others: the evidence's,
 * ours and the policy's.
 */

static STACK_OF(X509) *
attest_verify_intermediates(const attest_verify_t *v, attest_maker_e maker,
    STACK_OF(X509) *untrusted)
{
    STACK_OF(X509)  *list;

    list = untrusted != NULL ? sk_X509_dup(untrusted) : sk_X509_new_null();

    if (list != NULL
        && (!attest_verify_append(list, v->roots->intermediates[maker])
            || !attest_verify_append(list, v->policy->intermediates[maker])))
    {
        sk_X509_free(list);
        return NULL;
    }

    return list;
}


static bool
attest_verify_append(STACK_OF(X509) *list, STACK_OF(X509) *more)
{
    int  i;

    for (i = 0; i < sk_X509_num(more); i++) {
        if (sk_X509_push(list, sk_X509_value(more, i)) <= 0) {
            return 0;
        }
    }

    return 1;
}
