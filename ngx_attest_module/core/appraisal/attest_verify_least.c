/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Was enough compared?  What the policy leaves open that it must not, what
 * the label owes, and a note of every member that was compared with nothing.
 */


#include <stdio.h>
#include <string.h>

#include "core/policy/attest_policy_kinds.h"
#include "core/appraisal/attest_verify_least.h"
#include "core/appraisal/attest_verify_report.h"


/* Room for a list of a policy's members, in one check. */
#define ATTEST_UNSAID    320

typedef struct {
    attest_verify_t   *v;
    char               list[ATTEST_UNSAID];
} attest_verify_unsaid_t;


static void attest_verify_gaps(attest_verify_t *v);
static const char *attest_verify_gap_id(const attest_verify_t *v,
    unsigned part);
static void attest_verify_bound(attest_verify_t *v);
static void attest_verify_owed(attest_verify_t *v);
static void attest_verify_unsaid(attest_verify_t *v);
static unsigned attest_verify_about(const attest_verify_t *v);
static void attest_verify_unsaid_all(attest_verify_t *v,
    attest_verify_unsaid_t *unsaid);
static void attest_verify_unsaid_add(void *data, const char *name);
static void attest_verify_unsaid_note(attest_verify_unsaid_t *unsaid);


/*
 * That nothing which was compared is wrong is not enough: enough must have
 * been compared.
 */

void
attest_verify_least(attest_verify_t *v)
{
    attest_verify_owed(v);
    attest_verify_gaps(v);
    attest_verify_bound(v);
    attest_verify_unsaid(v);
}


static void
attest_verify_gaps(attest_verify_t *v)
{
    size_t               i, n;
    unsigned             root;
    attest_gap_t         gaps[ATTEST_LEAST_MAX];
    const attest_cpu_t  *cpu = &v->main->cpu;

    root = v->res->root != 0 ? v->res->root : v->res->found;
    n = attest_policy_least(v->policy, cpu->kind, cpu->chip, root, gaps);

    for (i = 0; i < n; i++) {
        attest_verify_add(v, attest_verify_gap_id(v, gaps[i].part),
                          gaps[i].waived ? ATTEST_CHECK_NOTE
                          : ATTEST_CHECK_UNKNOWN, "%s: the policy names no "
                          "%s: %s%s", gaps[i].name, gaps[i].member,
                          gaps[i].text, gaps[i].waived
                          ? ", and the policy gives that up (waive)" : "");

        v->open |= gaps[i].waived ? 0 : gaps[i].part;
    }
}


static const char *
attest_verify_gap_id(const attest_verify_t *v, unsigned part)
{
    switch (part) {

    case ATTEST_LEAST_MACHINE:
        return "machine-reference";

    case ATTEST_LEAST_TCB:
        return "tcb-reference";

    case ATTEST_LEAST_FIRMWARE:
        return v->main->cpu.kind == ATTEST_KIND_AZURE
               ? "paravisor-reference" : "reference-values";

    default:
        return "reference-values";
    }
}


/*
 * Evidence is about keys.  Unless one of them is the key that the caller will
 * talk to, somebody else's evidence would do.
 */

static void
attest_verify_bound(attest_verify_t *v)
{
    attest_verify_add(v, "binding", v->bound ? ATTEST_CHECK_PASS
                      : ATTEST_CHECK_UNKNOWN, "%s", v->bound
                      ? "the evidence is about a key or a connection that "
                        "was seen"
                      : "neither a certificate's key, nor a connection's "
                        "exporter, nor a served key configuration was "
                        "compared with the evidence: it could be about "
                        "anybody's");
}


/* What the label owes that came out, whichever the evidence asked for. */

static void
attest_verify_owed(attest_verify_t *v)
{
    const attest_label_t  *label = attest_label(v->res->root);

    if (label == NULL || !(label->owes & ATTEST_OWES_EK)
        || !v->policy->require_ek || (v->ek_chained && v->ek_activated))
    {
        return;
    }

    attest_verify_add(v, "ek-owed", ATTEST_CHECK_UNKNOWN, "the policy wants "
                      "the key of %s to be tied to an endorsement key that "
                      "its maker certifies (require_ek), which is not "
                      "proven", label->text);
}


/* So that a member which is left out, or taken out, is missed by a reader. */

static void
attest_verify_unsaid(attest_verify_t *v)
{
    attest_verify_unsaid_t  unsaid = { v, "" };

    attest_verify_unsaid_all(v, &unsaid);
    attest_policy_unsaid(v->policy, attest_verify_about(v),
                         attest_verify_unsaid_add, &unsaid);
    attest_verify_unsaid_note(&unsaid);
}


/* Of which kinds is the evidence? */

static unsigned
attest_verify_about(const attest_verify_t *v)
{
    unsigned              about = 0;
    const attest_part_t  *part = v->main;

    about |= part->has_tpm ? ATTEST_ABOUT(ATTEST_KIND_NONE) : 0;
    about |= part->ak_google ? ATTEST_ABOUT(ATTEST_KIND_AK_CERT) : 0;
    about |= part->claims.has_gpu ? ATTEST_ABOUT(ATTEST_KIND_GPU) : 0;

    if (part->cpu.chip != ATTEST_KIND_NONE) {
        about |= ATTEST_ABOUT(part->cpu.chip);
    }

    if (part->cpu.kind != ATTEST_KIND_NONE
        && attest_kind_is_quoted(part->cpu.kind))
    {
        about |= ATTEST_ABOUT(part->cpu.kind);
    }

    return about;
}


/* What is asked of evidence of every kind. */

static void
attest_verify_unsaid_all(attest_verify_t *v, attest_verify_unsaid_t *unsaid)
{
    size_t                  i;
    const attest_policy_t  *p = v->policy;

    const struct {
        int          unsaid;
        const char  *name;
    } members[] = {
        { p->config.count == 0, "config" },
        { !p->roots_given, "roots_of_trust" },
        { p->max_age == 0, "max_age" },
        { !p->require_hpke_keys && !v->main->claims.has_hpke_keys,
          "require_hpke_keys" },
        { 0, NULL }
    };

    for (i = 0; members[i].name != NULL; i++) {
        if (members[i].unsaid) {
            attest_verify_unsaid_add(unsaid, members[i].name);
        }
    }
}


/* What finds no room begins another line. */

static void
attest_verify_unsaid_add(void *data, const char *name)
{
    size_t                   n;
    attest_verify_unsaid_t  *unsaid = data;

    n = strlen(unsaid->list);

    if (n + strlen(name) + 3 > ATTEST_UNSAID) {
        attest_verify_unsaid_note(unsaid);
        n = 0;
    }

    (void) snprintf(unsaid->list + n, ATTEST_UNSAID - n, "%s%s",
                    n == 0 ? "" : ", ", name);
}


static void
attest_verify_unsaid_note(attest_verify_unsaid_t *unsaid)
{
    if (unsaid->list[0] == '\0') {
        return;
    }

    attest_verify_add(unsaid->v, "unnamed", ATTEST_CHECK_NOTE, "compared "
                      "with nothing, for the policy does not name it: %s",
                      unsaid->list);
    unsaid->list[0] = '\0';
}
