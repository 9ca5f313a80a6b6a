/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every item and every kind of evidence has its entry in each table: none can
 * be added to one and forgotten in another.
 */

#include "core/appraisal/attest_roots.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/policy/attest_policy_kinds.h"
#include "cli/cli_items.h"
#include "cli/cli_kinds.h"
#include "unit.h"


_Static_assert(ATTEST_KINDS < 32, "kinds are bits of a mask");
_Static_assert(ATTEST_KIND_NONE == 0, "no CPU is what zeroed memory says");


static int
is_cpu(attest_kind_e k)
{
    return (attest_items[attest_kinds[k].item].is & ATTEST_IS_CPU) != 0;
}


static void
test_items(void)
{
    attest_item_e         i, k;
    const attest_item_t  *item;

    for (i = 0; i < ATTEST_ITEMS; i++) {
        item = &attest_items[i];

        OK(item->label != NULL && item->type != NULL, "item %d is there", i);
        OK(strlen(item->label) <= 64 && strlen(item->type) <= 128,
           "%s: a collection can carry it", item->label);

        for (k = 0; k < i; k++) {
            if (strcmp(attest_items[k].label, item->label) == 0
                || strcmp(attest_items[k].type, item->type) == 0)
            {
                break;
            }
        }

        OK(k == i, "%s: no other has its label or media type", item->label);
        IS_INT(attest_kind_item_by_label(attest_span_text(item->label)), i,
               "%s: found by its label", item->label);
        IS_INT(attest_kind_item_by_type(attest_span_text(item->type)), i,
               "%s: found by its media type", item->label);
        IS_INT(attest_kind_item_is(attest_span_text(item->label)), item->is,
               "%s: is what it is", item->label);
        OK(!(item->is & ATTEST_IS_LOG) || (item->is & ATTEST_IS_LARGE),
           "%s: a log is large", item->label);
        OK(!(item->is & ATTEST_IS_CPU) || i == ATTEST_ID_TSM
           || attest_kind_by_item(i) != ATTEST_KIND_UNKNOWN,
           "%s: what is a CPU's is of some kind", item->label);
    }

    IS_INT(attest_kind_item_by_label(attest_span_literal("x")), ATTEST_ITEMS,
           "no item of another label");
    IS_INT(attest_kind_item_by_type(ATTEST_NO_SPAN), ATTEST_ITEMS,
           "nor of no type");
    IS_INT(attest_kind_item_is(ATTEST_NO_SPAN), 0, "which is nothing");
}


static void
test_kind(attest_kind_e k)
{
    const char           *name = attest_kinds[k].text;
    const attest_kind_t  *kind = &attest_kinds[k];

    OK(name != NULL && kind->item < ATTEST_ITEMS, "kind %d is there", k);
    OK((kind->driver != NULL) == (kind->item == ATTEST_ID_TSM),
       "%s: a tsm-report is told by its driver", name);

    if (kind->driver != NULL) {
        IS_INT(attest_kind_by_driver(attest_span_text(kind->driver)), k,
               "%s: found by its driver", name);

    } else {
        IS_INT(attest_kind_by_item(kind->item), k, "%s: found by its item",
               name);
    }

    OK((kind->ties != 0) == is_cpu(k), "%s: a CPU signs or vouches", name);
    IS_INT(attest_kind_is_quoted(k), !(kind->ties & ATTEST_KIND_SIGNS),
           "%s: or else a TPM's quote signs", name);
}


static void
test_policy(attest_kind_e k)
{
    char                          text[96], err[256] = "";
    const char                   *name = attest_kinds[k].text;
    attest_kind_e                 other;
    const attest_policy_kind_t   *kind = attest_policy_kinds[k];
    static attest_policy_t        policy;

    if (!OK(kind != NULL && kind->sets != NULL, "%s: policies", name)) {
        return;
    }

    OK(kind->least != NULL || attest_kinds[k].ties == 0,
       "%s: what a CPU's policy has to say at least", name);

    if (kind->member == NULL) {
        IS_INT(k, ATTEST_KIND_NONE, "%s: its members stand at the top", name);
        return;
    }

    /* the parser knows it, and it must demand something */

    (void) snprintf(text, sizeof(text), "{\"version\":1,\"%s\":{}}",
                    kind->member);
    IS_INT(attest_policy_parse(text, strlen(text), &policy, err,
                               sizeof(err)), ATTEST_EFORMAT,
           "%s: an empty member is none", name);
    OK(strncmp(err, kind->member, strlen(kind->member)) == 0
       && strstr(err, "unknown") == NULL, "%s: its member is known: %s",
       name, err);

    attest_policy_default(&policy);
    OK(!attest_policy_is_given(&policy, k), "%s: not given", name);
    *((uint8_t *) &policy + kind->given) = 1;

    for (other = 0; other < ATTEST_KINDS; other++) {
        if (attest_policy_is_given(&policy, other) != (other == k)) {
            break;
        }
    }

    IS_INT(other, ATTEST_KINDS, "%s: given, and nothing else is", name);
}


static void
test_judge(attest_kind_e k, const attest_roots_t *roots)
{
    int                           signs, vouches;
    const char                   *name = attest_kinds[k].text;
    attest_maker_e                m;
    const attest_verify_kind_t   *kind = attest_verify_kinds[k];

    if (!OK(kind != NULL, "%s: appraisal", name)) {
        return;
    }

    signs = (attest_kinds[k].ties & ATTEST_KIND_SIGNS) != 0;
    vouches = (attest_kinds[k].ties & ATTEST_KIND_VOUCHES) != 0;

    if (k != ATTEST_KIND_NONE) {
        OK((kind->item != NULL) == (attest_kinds[k].driver == NULL)
           && (kind->report != NULL) == (attest_kinds[k].driver != NULL),
           "%s: who judges it", name);
    }

    OK((kind->label != NULL) == (kind->most != 0),
       "%s: a label, and which at most", name);
    OK(kind->label != NULL || !(signs || vouches),
       "%s: a CPU proves a label", name);
    OK(kind->most == 0 || attest_label(kind->most) != NULL,
       "%s: there is such a label", name);
    IS_INT(kind->most == ATTEST_ROOT_TEE, signs,
           "%s: tee is what signs the claims", name);
    IS_INT(kind->most == ATTEST_ROOT_TEE_VTPM, vouches,
           "%s: tee-vtpm what vouches for a TPM", name);

    OK(kind->makers != 0 || k == ATTEST_KIND_NONE, "%s: has makers", name);

    for (m = 0; m < ATTEST_MAKERS; m++) {
        if (kind->makers & ATTEST_MADE_BY(m)) {
            OK(sk_X509_num(roots->anchors[m]) > 0,
               "%s: there are roots of its maker %d", name, m);
        }
    }
}


static void
test_command(attest_kind_e k)
{
    const char         *name = attest_kinds[k].text;
    const cli_kind_t   *kind = cli_kinds[k];
    const char         *driver = attest_kinds[k].driver;

    if (!OK(kind != NULL, "%s: the command", name)) {
        return;
    }

    OK((kind->show != NULL) == (driver == NULL)
       && (kind->show_report != NULL) == (driver != NULL),
       "%s: who shows it", name);

    if (attest_policy_kinds[k]->member != NULL) {
        OK((kind->policy != NULL) == (driver == NULL)
           && (kind->policy_report != NULL) == (driver != NULL),
           "%s: what a first policy has of it", name);
        OK(kind->genuine[0] != NULL, "%s: which check says it is genuine",
           name);
    }
}


/* Each item is shown by its kind, or by itself. */

static void
test_shown(void)
{
    attest_item_e  i;

    for (i = 0; i < ATTEST_ITEMS; i++) {
        if (i != ATTEST_ID_TSM) {
            OK((attest_kind_by_item(i) != ATTEST_KIND_UNKNOWN)
               != (cli_items[i] != NULL), "%s: one shows it",
               attest_items[i].label);
        }
    }
}


static void
test_makers(void)
{
    unsigned        all = 0;
    attest_kind_e   k;
    attest_maker_e  m;

    for (k = 0; k < ATTEST_KINDS; k++) {
        all |= attest_verify_kinds[k]->makers;
    }

    for (m = 0; m < ATTEST_MAKERS; m++) {
        OK(all & ATTEST_MADE_BY(m), "maker %d makes some kind", m);
    }
}


/* What a verdict calls a member is what a policy calls it. */

static void
test_name(void *data, const char *name)
{
    int                      rc;
    char                     text[192], err[256] = "";
    size_t                   n, open = 1;
    const char              *p;
    static attest_policy_t   policy;

    n = (size_t) snprintf(text, sizeof(text), "{\"version\":1,\"");

    for (p = name; *p != '\0' && n < 128; p++) {
        if (*p == '.') {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "\":{\"");
            open++;

        } else {
            text[n++] = *p;
        }
    }

    n += (size_t) snprintf(text + n, sizeof(text) - n, "\":null");

    while (open-- > 0) {
        text[n++] = '}';
    }

    rc = attest_policy_parse(text, n, &policy, err, sizeof(err));
    *(size_t *) data += 1;

    OK(rc == ATTEST_EFORMAT && strncmp(err, name, strlen(name)) == 0
       && err[strlen(name)] == ':' && strstr(err, "unknown") == NULL,
       "%s is a member: %s", name, err);
}


static void
test_least_names(const attest_policy_t *policy, attest_kind_e k,
    attest_kind_e chip, size_t *count)
{
    size_t        i, n;
    unsigned      root;
    attest_gap_t  gaps[ATTEST_LEAST_MAX];

    for (root = 1; attest_label(root) != NULL; root <<= 1) {
        n = attest_policy_least(policy, k, chip, root, gaps);

        for (i = 0; i < n; i++) {
            test_name(count, gaps[i].member);
        }
    }
}


/* Nothing said; then of members with members something, but none of them. */

static void
test_names(void)
{
    size_t                   unsaid = 0, least = 0;
    attest_kind_e            k;
    static attest_policy_t   policy;

    attest_policy_default(&policy);
    attest_policy_unsaid(&policy, ~0u, test_name, &unsaid);

    for (k = 0; k < ATTEST_KINDS; k++) {
        test_least_names(&policy, k, k, &least);
    }

    test_least_names(&policy, ATTEST_KIND_AZURE, ATTEST_KIND_SNP, &least);
    test_least_names(&policy, ATTEST_KIND_AZURE, ATTEST_KIND_TDX, &least);

    policy.snp.has_min_tcb = 1;
    policy.snp.covers = ATTEST_SNP_COVERS_FIRMWARE;
    policy.snp.platform_mask = policy.snp.guest_mask = (uint64_t) 1 << 63;
    attest_policy_unsaid(&policy, ~0u, test_name, &unsaid);
    test_least_names(&policy, ATTEST_KIND_SNP, ATTEST_KIND_SNP, &least);

    OK(unsaid > 70 && least > 20, "%zu and %zu names", unsaid, least);
}


int
main(void)
{
    attest_kind_e   k;
    attest_roots_t  roots;

    IS_INT(attest_roots_load(&roots), ATTEST_OK, "the makers' roots");
    test_items();

    for (k = 0; k < ATTEST_KINDS; k++) {
        test_kind(k);
        test_policy(k);
        test_judge(k, &roots);
        test_command(k);
    }

    test_shown();
    test_makers();
    test_names();
    attest_roots_clear(&roots);
    DONE();
}
