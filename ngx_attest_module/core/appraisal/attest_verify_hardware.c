/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds the evidence of hardware in a part: at most one item of a CPU, beside
 * it GPUs.  And do all parts come from one machine?
 */


#include <string.h>

#include <openssl/crypto.h>

#include "core/evidence/attest_tsm.h"
#include "core/appraisal/attest_verify_ccc.h"
#include "core/appraisal/attest_verify_hardware.h"
#include "core/appraisal/attest_verify_kinds.h"
#include "core/appraisal/attest_verify_report.h"


static const attest_cmw_item_t *attest_verify_cpu_item(attest_verify_t *v,
    attest_part_t *part, attest_item_e *which);
static void attest_verify_cpu(attest_verify_t *v, attest_part_t *part,
    attest_item_e which, const attest_cmw_item_t *item);
static void attest_verify_tsm(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item);
static void attest_verify_gpu_item(attest_verify_t *v, attest_part_t *part);


void
attest_verify_hardware(attest_verify_t *v, attest_part_t *part)
{
    attest_item_e             which = ATTEST_ITEMS;
    const attest_cmw_item_t  *item;

    item = attest_verify_cpu_item(v, part, &which);

    if (item != NULL) {
        attest_verify_cpu(v, part, which, item);

    } else if (part->ccc_quote.n != 0) {
        attest_verify_ccc_quote(v, part);
    }

    attest_verify_gpu_item(v, part);
}


/* At most one: two reports would leave open which of them counts. */

static const attest_cmw_item_t *
attest_verify_cpu_item(attest_verify_t *v, attest_part_t *part,
    attest_item_e *which)
{
    int                       wrong;
    size_t                    count = 0;
    attest_item_e             i;
    const attest_cmw_item_t  *item, *found = NULL;

    for (i = 0; i < ATTEST_ITEMS; i++) {

        if (!(attest_items[i].is & ATTEST_IS_CPU)) {
            continue;
        }

        item = attest_verify_item(part, attest_items[i].label,
                                  attest_items[i].type, &wrong);

        if (wrong) {
            part->cpu.kind = ATTEST_KIND_UNKNOWN;
            attest_verify_kind(v, part, "cpu", ATTEST_CHECK_FAIL,
                               "the item \"%s\" of %s evidence is of a "
                               "foreign media type", attest_items[i].label,
                               attest_verify_part_name(part->which));
            return NULL;
        }

        if (item != NULL) {
            found = item;
            *which = i;
            count++;
        }
    }

    if (count > 1) {
        part->cpu.kind = ATTEST_KIND_UNKNOWN;
        attest_verify_kind(v, part, "cpu", ATTEST_CHECK_FAIL,
                           "%s evidence carries %zu kinds of CPU evidence, "
                           "which leaves open which one counts",
                           attest_verify_part_name(part->which), count);
        return NULL;
    }

    return found;
}


static void
attest_verify_cpu(attest_verify_t *v, attest_part_t *part,
    attest_item_e which, const attest_cmw_item_t *item)
{
    attest_kind_e  kind;

    part->cpu.raw = item->value;
    part->cpu.kind = ATTEST_KIND_UNKNOWN;

    if (which == ATTEST_ID_TSM) {
        attest_verify_tsm(v, part, item);
        return;
    }

    kind = attest_kind_by_item(which);

    if (kind != ATTEST_KIND_UNKNOWN) {
        part->cpu.kind = kind;
        attest_verify_kinds[kind]->item(v, part, item);
    }
}


static void
attest_verify_tsm(attest_verify_t *v, attest_part_t *part,
    const attest_cmw_item_t *item)
{
    int             rc;
    char            text[32];
    attest_tsm_t    tsm;
    attest_kind_e   kind;

    rc = attest_tsm_parse(item->value.p, item->value.n, &tsm);
    if (rc != ATTEST_OK) {
        attest_verify_kind(v, part, "cpu", attest_verify_state(rc),
                           "the report of %s evidence is %s",
                           attest_verify_part_name(part->which),
                           attest_strerror(rc));
        return;
    }

    kind = attest_kind_by_driver(tsm.provider);

    if (kind != ATTEST_KIND_UNKNOWN) {
        part->cpu.kind = kind;
        attest_verify_kinds[kind]->report(v, part, &tsm);

    } else {
        attest_verify_kind(v, part, "cpu", ATTEST_CHECK_UNKNOWN,
                           "%s evidence has a report by \"%s\", which this "
                           "version does not check",
                           attest_verify_part_name(part->which),
                           attest_verify_text(text, sizeof(text),
                                              tsm.provider));
    }
}


/* The claims hash the GPU evidence, which is too large for a certificate. */

static void
attest_verify_gpu_item(attest_verify_t *v, attest_part_t *part)
{
    int                       wrong;
    uint8_t                   digest[ATTEST_SHA256_LEN];
    const char               *what = NULL;
    const attest_cmw_item_t  *item;

    item = attest_verify_item(part, ATTEST_ITEM_GPU, ATTEST_TYPE_GPU, &wrong);

    if (item == NULL && !wrong) {

        if (!part->claims.has_gpu || part->which == ATTEST_PART_CERT) {
            return;
        }

        what = "is named by the claims, but missing";

    } else if (item == NULL) {
        what = "is of a foreign media type";

    } else if (!part->claims.has_gpu) {
        what = "is carried, but the claims do not name it";

    } else if (attest_sha256(&item->value, 1, digest) != ATTEST_OK
               || CRYPTO_memcmp(digest, part->claims.gpu,
                                ATTEST_SHA256_LEN) != 0)
    {
        what = "is not what the claims name";
    }

    if (what != NULL) {
        attest_verify_kind(v, part, "gpu", ATTEST_CHECK_FAIL,
                           "the GPU evidence of %s evidence %s",
                           attest_verify_part_name(part->which), what);
        return;
    }

    attest_verify_kinds[ATTEST_KIND_GPU]->item(v, part, item);
}


void
attest_verify_hardware_agrees(attest_verify_t *v)
{
    size_t                i;
    const char           *differs = NULL;
    const attest_part_t  *part, *other = NULL;

    for (i = 0; i < ATTEST_PARTS && differs == NULL; i++) {
        part = &v->part[i];

        if (!part->has_claims || part == v->main) {
            continue;
        }

        if (part->cpu.kind != v->main->cpu.kind) {
            other = part;
            differs = "the kind of CPU evidence";

        } else if (part->cpu.proven && v->main->cpu.proven
                   && CRYPTO_memcmp(part->cpu.machine, v->main->cpu.machine,
                                    sizeof(part->cpu.machine)) != 0)
        {
            other = part;
            differs = "machine or software";

        } else if (part->cpu.proven && v->main->cpu.proven
                   && part->cpu.simulated != v->main->cpu.simulated)
        {
            other = part;
            differs = "whether the CPU is simulated";

        } else if (part->claims.has_gpu != v->main->claims.has_gpu) {
            other = part;
            differs = "whether there are GPUs";

        } else if (part->gpu_proven && v->main->gpu_proven
                   && CRYPTO_memcmp(part->gpus, v->main->gpus,
                                    sizeof(part->gpus)) != 0)
        {
            other = part;
            differs = "which GPUs there are";
        }
    }

    if (differs != NULL) {
        attest_verify_add(v, "same-machine", ATTEST_CHECK_FAIL,
                          "%s and %s evidence differ in %s",
                          attest_verify_part_name(other->which),
                          attest_verify_part_name(v->main->which), differs);
    }
}
