/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the member "snp" of a policy.
 */


#include <stdio.h>
#include <string.h>

#include "core/crypto/attest_pem.h"
#include "core/policy/attest_policy_kinds.h"


static int attest_policy_snp_read(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static void attest_policy_snp_clear(attest_policy_t *policy);
static void attest_policy_snp_least(attest_least_t *l);
static void attest_policy_snp_unsaid(const attest_policy_t *policy,
    unsigned about, attest_unsaid_pt say, void *data);
static void attest_policy_bits_unsaid(const char *member,
    const attest_policy_bit_t *table, uint64_t mask, attest_unsaid_pt say,
    void *data);
static int attest_policy_bits(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, const attest_policy_bit_t *table, uint64_t *mask,
    uint64_t *value);
static int attest_policy_snp_tcb(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, attest_snp_tcb_t *tcb);
static uint8_t *attest_policy_snp_component(attest_snp_tcb_t *tcb,
    const char *name);
static int attest_policy_snp_abi(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v);
static int attest_policy_snp_covers(attest_policy_ctx_t *ctx,
    const char *path, const cJSON *v);
static int attest_policy_snp_crl(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, STACK_OF(X509_CRL) *crls);


#define ATTEST_POLICY_SNP_TCB(name)                                           \
                                                                              \
    static int                                                                \
    attest_policy_snp_##name(attest_policy_ctx_t *ctx, const char *path,      \
        const cJSON *v)                                                       \
    {                                                                         \
        ctx->policy->snp.has_##name = 1;                                      \
        return attest_policy_snp_tcb(ctx, path, v, &ctx->policy->snp.name);   \
    }


ATTEST_POLICY_SNP_TCB(min_tcb)
ATTEST_POLICY_SNP_TCB(min_committed_tcb)
ATTEST_POLICY_SNP_TCB(min_launch_tcb)


const attest_policy_bit_t  attest_policy_snp_platform_bits[] = {
    { "smt", ATTEST_SNP_PLAT_SMT },
    { "tsme", ATTEST_SNP_PLAT_TSME },
    { "ecc", ATTEST_SNP_PLAT_ECC },
    { "rapl_disabled", ATTEST_SNP_PLAT_NO_RAPL },
    { "ciphertext_hiding", ATTEST_SNP_PLAT_CIPHERTEXT },
    { "alias_check", ATTEST_SNP_PLAT_ALIAS_CHECK },
    { "tio", ATTEST_SNP_PLAT_TIO },
    { NULL, 0 }
};

const attest_policy_bit_t  attest_policy_snp_guest_bits[] = {
    { "smt", ATTEST_SNP_SMT },
    { "single_socket", ATTEST_SNP_SINGLE_SOCKET },
    { "cxl", ATTEST_SNP_CXL },
    { "aes_256_xts", ATTEST_SNP_AES_256_XTS },
    { "rapl_disabled", ATTEST_SNP_NO_RAPL },
    { "ciphertext_hiding", ATTEST_SNP_CIPHERTEXT },
    { "page_swap_disabled", ATTEST_SNP_NO_PAGE_SWAP },
    { NULL, 0 }
};


static int
attest_policy_snp_vmpl(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    ctx->policy->snp.has_vmpl = 1;

    return attest_policy_number(ctx, path, v, ATTEST_SNP_VMPL_MAX,
                                &ctx->policy->snp.vmpl);
}


static int
attest_policy_snp_platform(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_bits(ctx, path, v, attest_policy_snp_platform_bits,
                              &ctx->policy->snp.platform_mask,
                              &ctx->policy->snp.platform);
}


/* What the guest's owner must have demanded at launch. */

static int
attest_policy_snp_guest_policy(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    return attest_policy_bits(ctx, path, v, attest_policy_snp_guest_bits,
                              &ctx->policy->snp.guest_mask,
                              &ctx->policy->snp.guest);
}


static int
attest_policy_snp_crls(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int           rc;
    char          sub[ATTEST_POLICY_PATH];
    size_t        i = 0;
    const cJSON  *item;

    if (!cJSON_IsArray(v) || v->child == NULL) {
        return attest_policy_fail(ctx, path, "must be a list of PEM texts");
    }

    ctx->policy->snp.crls = sk_X509_CRL_new_null();
    if (ctx->policy->snp.crls == NULL) {
        return ATTEST_EINTERNAL;
    }

    for (item = v->child; item != NULL; item = item->next) {
        (void) snprintf(sub, sizeof(sub), "%.64s[%zu]", path, i++);

        if (i > ATTEST_POLICY_MAX_VALUES) {
            return attest_policy_fail(ctx, path, "too many values");
        }

        rc = attest_policy_snp_crl(ctx, sub, item, ctx->policy->snp.crls);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return ATTEST_OK;
}


static int
attest_policy_snp_crl(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, STACK_OF(X509_CRL) *crls)
{
    size_t          used;
    X509_CRL       *crl = NULL;
    attest_span_t   pem = { NULL, 0 };

    static const char  head[] = "-----BEGIN X509 CRL-----";

    if (cJSON_IsString(v)) {
        pem = attest_span_text(v->valuestring);
    }

    if (pem.n >= sizeof(head)
        && memcmp(pem.p, head, sizeof(head) - 1) == 0)
    {
        crl = attest_pem_crl(pem, &used);

        if (crl != NULL && used != pem.n) {
            X509_CRL_free(crl);
            crl = NULL;
        }
    }

    if (crl == NULL) {
        return attest_policy_fail(ctx, path, "must be one revocation list in "
                                  "PEM and nothing else");
    }

    if (sk_X509_CRL_push(crls, crl) <= 0) {
        X509_CRL_free(crl);
        return ATTEST_EINTERNAL;
    }

    return ATTEST_OK;
}


static const attest_policy_member_t  attest_policy_snp_table[] = {
    ATTEST_POLICY_HEX("measurement", snp.measurement, ATTEST_SHA384_LEN),
    ATTEST_POLICY_OWN("measurement_covers", attest_policy_snp_covers),
    ATTEST_POLICY_HEX("host_data", snp.host_data, ATTEST_SNP_HOST_DATA),
    ATTEST_POLICY_HEX("id_key_digest", snp.id_key_digest, ATTEST_SHA384_LEN),
    ATTEST_POLICY_HEX("author_key_digest", snp.author_key_digest,
                      ATTEST_SHA384_LEN),
    ATTEST_POLICY_HEX("family_id", snp.family_id, ATTEST_SNP_FAMILY_ID),
    ATTEST_POLICY_HEX("image_id", snp.image_id, ATTEST_SNP_FAMILY_ID),
    ATTEST_POLICY_HEX("chip_id", snp.chip_id, ATTEST_SNP_CHIP_ID),
    ATTEST_POLICY_OWN("vmpl", attest_policy_snp_vmpl),
    ATTEST_POLICY_OWN("min_tcb", attest_policy_snp_min_tcb),
    ATTEST_POLICY_OWN("min_committed_tcb", attest_policy_snp_min_committed_tcb),
    ATTEST_POLICY_OWN("min_launch_tcb", attest_policy_snp_min_launch_tcb),
    ATTEST_POLICY_OWN("platform", attest_policy_snp_platform),
    ATTEST_POLICY_OWN("guest_policy", attest_policy_snp_guest_policy),
    ATTEST_POLICY_OWN("min_abi", attest_policy_snp_abi),
    ATTEST_POLICY_CERTS("certs", snp.certs),
    ATTEST_POLICY_OWN("crls", attest_policy_snp_crls),
    ATTEST_POLICY_FLAG("allow_debug", snp.allow_debug),
    ATTEST_POLICY_FLAG("allow_migration", snp.allow_migration),
    ATTEST_POLICY_CERTS("intermediates", intermediates[ATTEST_MAKER_AMD]),
    ATTEST_POLICY_END
};

static const attest_policy_set_t  attest_policy_snp_sets[] = {
    ATTEST_POLICY_SET("snp.host_data", snp.host_data),
    ATTEST_POLICY_SET("snp.id_key_digest", snp.id_key_digest),
    ATTEST_POLICY_SET("snp.author_key_digest", snp.author_key_digest),
    ATTEST_POLICY_SET("snp.family_id", snp.family_id),
    ATTEST_POLICY_SET("snp.image_id", snp.image_id),
    ATTEST_POLICY_SET("snp.chip_id", snp.chip_id),
    { NULL, 0 }
};

const attest_policy_kind_t  attest_policy_snp = {
    .member = "snp",
    .read = attest_policy_snp_read,
    .clear = attest_policy_snp_clear,
    .given = offsetof(attest_policy_t, snp.given),
    .least = attest_policy_snp_least,
    .sets = attest_policy_snp_sets,
    .unsaid = attest_policy_snp_unsaid
};


static int
attest_policy_snp_read(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    ctx->policy->snp.given = 1;

    return attest_policy_table_read(ctx, path, v, attest_policy_snp_table);
}


static void
attest_policy_snp_clear(attest_policy_t *policy)
{
    sk_X509_pop_free(policy->snp.certs, X509_free);
    sk_X509_CRL_pop_free(policy->snp.crls, X509_CRL_free);
}


/* { "name": true or false, ... }: bits that must be as said. */

static int
attest_policy_bits(attest_policy_ctx_t *ctx, const char *path, const cJSON *v,
    const attest_policy_bit_t *table, uint64_t *mask, uint64_t *value)
{
    int           rc;
    char          sub[ATTEST_POLICY_PATH];
    size_t        i;
    uint8_t       flag;
    const cJSON  *m;

    rc = attest_policy_object(ctx, path, v);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (v->child == NULL) {
        return attest_policy_fail(ctx, path, ATTEST_POLICY_EMPTY);
    }

    for (m = v->child; m != NULL; m = m->next) {
        (void) snprintf(sub, sizeof(sub), "%.48s.%.32s", path, m->string);

        for (i = 0; table[i].name != NULL; i++) {
            if (strcmp(table[i].name, m->string) == 0) {
                break;
            }
        }

        if (table[i].name == NULL) {
            return attest_policy_fail(ctx, sub, "unknown member");
        }

        rc = attest_policy_bool(ctx, sub, m, &flag);
        if (rc != ATTEST_OK) {
            return rc;
        }

        *mask |= table[i].bit;
        *value |= flag ? table[i].bit : 0;
    }

    return ATTEST_OK;
}


/* { "bootloader": n, ... }; what is not named may be anything. */

static int
attest_policy_snp_tcb(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v, attest_snp_tcb_t *tcb)
{
    int           rc;
    char          sub[ATTEST_POLICY_PATH];
    uint8_t      *component;
    uint64_t      n, all = 0;
    const cJSON  *m;

    rc = attest_policy_object(ctx, path, v);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (v->child == NULL) {
        return attest_policy_fail(ctx, path, "names no component");
    }

    for (m = v->child; m != NULL; m = m->next) {
        (void) snprintf(sub, sizeof(sub), "%.48s.%.32s", path, m->string);

        component = attest_policy_snp_component(tcb, m->string);
        if (component == NULL) {
            return attest_policy_fail(ctx, sub, "unknown member");
        }

        rc = attest_policy_number(ctx, sub, m, 255, &n);
        if (rc != ATTEST_OK) {
            return rc;
        }

        *component = (uint8_t) n;
        all |= n;
    }

    /* every platform reaches such a minimum */

    return all != 0 ? ATTEST_OK
           : attest_policy_fail(ctx, path, "all zero: it demands nothing");
}


/* NULL: there is none of that name. */

static uint8_t *
attest_policy_snp_component(attest_snp_tcb_t *tcb, const char *name)
{
    size_t  i;

    static const struct {
        const char  *name;
        size_t       offset;
    } table[] = {
        { "fmc", offsetof(attest_snp_tcb_t, fmc) },
        { "bootloader", offsetof(attest_snp_tcb_t, bootloader) },
        { "tee", offsetof(attest_snp_tcb_t, tee) },
        { "snp", offsetof(attest_snp_tcb_t, snp) },
        { "microcode", offsetof(attest_snp_tcb_t, microcode) },
        { NULL, 0 }
    };

    for (i = 0; table[i].name != NULL; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return (uint8_t *) tcb + table[i].offset;
        }
    }

    return NULL;
}


/* "major.minor" */

static int
attest_policy_snp_abi(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    int       end = 0;
    char      again[16];
    unsigned  major, minor;

    if (!cJSON_IsString(v)
        || sscanf(v->valuestring, "%3u.%3u%n", &major, &minor, &end) != 2
        || v->valuestring[end] != '\0' || major > 255 || minor > 255)
    {
        return attest_policy_fail(ctx, path, "must be \"major.minor\"");
    }

    /* its only spelling: no sign, no blank, no leading zero */

    (void) snprintf(again, sizeof(again), "%u.%u", major, minor);

    if (strcmp(again, v->valuestring) != 0) {
        return attest_policy_fail(ctx, path, "must be \"major.minor\"");
    }

    if (major == 0 && minor == 0) {
        return attest_policy_fail(ctx, path, "0.0: it demands nothing");
    }

    ctx->policy->snp.abi_major = major;
    ctx->policy->snp.abi_minor = minor;
    ctx->policy->snp.has_abi = 1;
    return ATTEST_OK;
}


/* Which of the two it is the report does not say. */

static int
attest_policy_snp_covers(attest_policy_ctx_t *ctx, const char *path,
    const cJSON *v)
{
    if (cJSON_IsString(v) && strcmp(v->valuestring, "firmware") == 0) {
        ctx->policy->snp.covers = ATTEST_SNP_COVERS_FIRMWARE;
        return ATTEST_OK;
    }

    if (cJSON_IsString(v) && strcmp(v->valuestring, "kernel") == 0) {
        ctx->policy->snp.covers = ATTEST_SNP_COVERS_KERNEL;
        return ATTEST_OK;
    }

    return attest_policy_fail(ctx, path, "must be \"firmware\", or "
                              "\"kernel\" if it covers both");
}


/*
 * The measurement is what was there at launch.  In most clouds that is the
 * cloud's firmware, the same for every customer; where it hashes a kernel,
 * too, only who built the image knows.
 */

static void
attest_policy_snp_least(attest_least_t *l)
{
    const attest_policy_snp_t  *p = &l->policy->snp;

    if (!attest_least_says(l, &p->measurement)) {
        attest_least_gap(l, ATTEST_LEAST_FIRMWARE, "snp.measurement",
                         "nothing says what is launched");
    }

    if (p->covers == ATTEST_SNP_COVERS_UNSAID && !attest_least_boots(l)) {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "snp.measurement_covers",
                         "the launch measurement may be that of a firmware "
                         "which boots any kernel: the policy has to say "
                         "whether it covers the \"firmware\" or the "
                         "\"kernel\", too");

    } else if (p->covers != ATTEST_SNP_COVERS_KERNEL
               && !attest_least_boots(l))
    {
        attest_least_gap(l, ATTEST_LEAST_KERNEL, "pcrs",
                         "the launch measurement covers the firmware only: "
                         "nothing says what it boots (PCR 4 of a TPM that is "
                         "tied to the machine)");
    }

    if (!attest_policy_snp_min_tcb_said(p)) {
        attest_least_gap(l, ATTEST_LEAST_TCB, "snp.min_tcb",
                         "a platform with every known hole would do");
    }
}


/* A minimum that everything reaches is none. */

bool
attest_policy_snp_min_tcb_said(const attest_policy_snp_t *p)
{
    static const attest_snp_tcb_t  zero;

    return p->has_min_tcb
           && memcmp(&p->min_tcb, &zero, sizeof(zero)) != 0;
}


/* Left out as a whole, or a part of it, or a minimum that all reach. */

static void
attest_policy_snp_unsaid(const attest_policy_t *policy, unsigned about,
    attest_unsaid_pt say, void *data)
{
    size_t                      i;
    const attest_policy_snp_t  *p = &policy->snp;

    const struct {
        int          unsaid;
        const char  *name;
    } members[] = {
        { p->covers == ATTEST_SNP_COVERS_UNSAID, "snp.measurement_covers" },
        { !p->has_min_committed_tcb, "snp.min_committed_tcb" },
        { !p->has_min_launch_tcb, "snp.min_launch_tcb" },
        { !p->has_abi, "snp.min_abi" },
        { p->has_min_tcb && p->min_tcb.bootloader == 0,
          "snp.min_tcb.bootloader" },
        { p->has_min_tcb && p->min_tcb.tee == 0, "snp.min_tcb.tee" },
        { p->has_min_tcb && p->min_tcb.snp == 0, "snp.min_tcb.snp" },
        { p->has_min_tcb && p->min_tcb.microcode == 0,
          "snp.min_tcb.microcode" },
        { p->has_min_tcb && p->min_tcb.fmc == 0, "snp.min_tcb.fmc" },
        { 0, NULL }
    };

    if (!(about & ATTEST_ABOUT(ATTEST_KIND_SNP))) {
        return;
    }

    for (i = 0; members[i].name != NULL; i++) {
        if (members[i].unsaid) {
            say(data, members[i].name);
        }
    }

    attest_policy_bits_unsaid("snp.platform", attest_policy_snp_platform_bits,
                              p->platform_mask, say, data);
    attest_policy_bits_unsaid("snp.guest_policy",
                              attest_policy_snp_guest_bits, p->guest_mask,
                              say, data);
}


/* The member as a whole, or the flags that are not in it. */

static void
attest_policy_bits_unsaid(const char *member,
    const attest_policy_bit_t *table, uint64_t mask, attest_unsaid_pt say,
    void *data)
{
    char    name[64];
    size_t  i;

    if (mask == 0) {
        say(data, member);
        return;
    }

    for (i = 0; table[i].name != NULL; i++) {
        if ((mask & table[i].bit) == 0) {
            (void) snprintf(name, sizeof(name), "%s.%s", member,
                            table[i].name);
            say(data, name);
        }
    }
}
