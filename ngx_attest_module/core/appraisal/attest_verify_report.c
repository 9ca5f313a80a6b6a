/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How checks are written down: their ids, their states, and the words for
 * what was compared.
 */


#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/base/attest_hex.h"
#include "core/base/attest_cbor.h"
#include "core/appraisal/attest_verify_report.h"


static void attest_verify_vadd(attest_verify_t *v, const char *id,
    attest_check_e state, const char *fmt, va_list args);


#define ATTEST_PART_IDS(p)                                                   \
    { p "-collection", p "-claims", p "-key", p "-validity", p "-ak",        \
      p "-quote", p "-binding", p "-pcrs", p "-hpke-keys", p "-config" }

static const char *const  attest_part_ids[ATTEST_PARTS][ATTEST_ON_COUNT] = {
    ATTEST_PART_IDS("certificate"),
    ATTEST_PART_IDS("cached"),
    ATTEST_PART_IDS("fresh")
};


void
attest_verify_add(attest_verify_t *v, const char *id, attest_check_e state,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    attest_verify_vadd(v, id, state, fmt, args);
    va_end(args);
}


void
attest_verify_on(attest_verify_t *v, const attest_part_t *part,
    attest_on_e what, attest_check_e state, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    attest_verify_vadd(v, attest_part_ids[part->which][what], state, fmt,
                       args);
    va_end(args);
}


void
attest_verify_kind(attest_verify_t *v, const attest_part_t *part,
    const char *what, attest_check_e state, const char *fmt, ...)
{
    char         id[48], text[384];
    va_list      args;
    const char  *prefix;

    prefix = part->which == ATTEST_PART_CERT ? "certificate"
             : part->which == ATTEST_PART_CACHED ? "cached" : "fresh";

    (void) snprintf(id, sizeof(id), "%s-%s", prefix, what);

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    attest_verify_add(v, id, state, "%s", text);
}


static void
attest_verify_vadd(attest_verify_t *v, const char *id, attest_check_e state,
    const char *fmt, va_list args)
{
    attest_check_t  *check;

    if (v->res->count == ATTEST_MAX_CHECKS) {
        v->overflow = 1;

        if (state != ATTEST_CHECK_FAIL) {
            return;
        }

        /* a refusal is never lost for want of room */

        v->res->count--;
    }

    check = &v->res->checks[v->res->count++];
    (void) snprintf(check->id, sizeof(check->id), "%s", id);
    check->state = state;
    (void) vsnprintf(check->text, sizeof(check->text), fmt, args);
}


const char *
attest_verify_part_name(attest_part_e which)
{
    switch (which) {
    case ATTEST_PART_CERT:
        return "the certificate's";
    case ATTEST_PART_CACHED:
        return "cached";
    default:
        return "fresh";
    }
}


/* "0-7, 10" */

char *
attest_verify_mask(char *out, size_t room, uint32_t mask)
{
    int       n;
    size_t    used = 0;
    unsigned  i, last;

    out[0] = '\0';

    for (i = 0; i < 32; i++) {
        if ((mask >> i & 1) == 0) {
            continue;
        }

        for (last = i;
             last + 1 < 32 && (mask >> (last + 1) & 1);
             last++)
        {
            /* void */
        }

        n = last == i
            ? snprintf(out + used, room - used, "%s%u", used ? ", " : "", i)
            : snprintf(out + used, room - used, "%s%u-%u", used ? ", " : "",
                       i, last);

        if (n < 0 || (size_t) n >= room - used) {
            break;
        }

        used += (size_t) n;
        i = last;
    }

    return out;
}


const char *
attest_verify_hex(char out[ATTEST_ABBREV], const uint8_t *p, size_t n)
{
    size_t  shown = n > 8 ? 8 : n;

    attest_hex_encode(out, p, shown);
    memcpy(out + 2 * shown, n > shown ? ".." : "", n > shown ? 3 : 1);
    return out;
}


const char *
attest_verify_text(char *out, size_t room, attest_span_t text)
{
    size_t  i, n;

    n = text.n < room - 1 ? text.n : room - 1;

    for (i = 0; i < n; i++) {
        out[i] = text.p[i] < 0x7f && isprint(text.p[i]) ? (char) text.p[i]
                                                        : '?';
    }

    out[n] = '\0';
    return out;
}


const attest_cmw_item_t *
attest_verify_item(const attest_part_t *part, const char *label,
    const char *type, int *wrong)
{
    const attest_cmw_item_t  *item;

    *wrong = 0;

    item = attest_cmw_find(&part->cmw, label);
    if (item != NULL && !attest_span_is(item->type_in, type)) {
        *wrong = 1;
        return NULL;
    }

    return item;
}


bool
attest_verify_in_set(const attest_refset_t *set, const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < set->count; i++) {
        if (set->len[i] == n && CRYPTO_memcmp(set->value[i], p, n) == 0) {
            return 1;
        }
    }

    return 0;
}


size_t
attest_verify_set_count(const attest_refset_t *sets)
{
    size_t  i, count = 0;

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        count += sets[i].count;
    }

    return count;
}


/* Malformed evidence is refused; what we lack the means for is not judged. */

attest_check_e
attest_verify_state(int rc)
{
    return rc == ATTEST_EUNSUPPORTED || rc == ATTEST_EINTERNAL
           ? ATTEST_CHECK_UNKNOWN : ATTEST_CHECK_FAIL;
}
