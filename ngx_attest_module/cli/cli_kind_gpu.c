/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GPU evidence: in words, and for a policy.
 */


#include <stdio.h>
#include <string.h>

#include "core/evidence/attest_gpu.h"
#include "core/crypto/attest_x509.h"
#include "cli/cli.h"
#include "cli/cli_kinds.h"
#include "cli/cli_print.h"
#include "cli/cli_x509.h"


static bool cli_gpu_policy(attest_span_t value, cJSON *policy);
static void cli_gpu_show(attest_span_t value);
static void cli_gpu_device(const attest_gpu_device_t *d);
static void cli_gpu_report(const attest_spdm_t *s);
static void cli_gpu_versions(const attest_spdm_t *s);
static void cli_gpu_field(const attest_spdm_field_t *f);
static const char *cli_gpu_field_name(unsigned type);
static bool cli_gpu_is_text(attest_span_t s);
static void cli_gpu_measurements(const attest_spdm_t *s);
static void cli_gpu_chain(STACK_OF(X509) *chain, const attest_spdm_t *s);
static void cli_gpu_add(cJSON *gpu, const char *name, const char *text);
static void cli_gpu_policy_device(cJSON *gpu, const attest_gpu_device_t *d,
    size_t counts[2]);


const cli_kind_t  cli_kind_gpu = {
    .show = cli_gpu_show,
    .policy = cli_gpu_policy,
    .genuine = { "gpu-signature" }
};


static void
cli_gpu_show(attest_span_t value)
{
    int            rc;
    size_t         i;
    attest_gpu_t   gpu;

    rc = attest_gpu_parse(value.p, value.n, &gpu);
    if (rc != ATTEST_OK) {
        cli_printf("the GPU evidence is %s\n", attest_strerror(rc));
        return;
    }

    cli_printf("%-24s%zu\n", "devices", gpu.count);

    for (i = 0; i < gpu.count; i++) {
        cli_printf("\n   device %zu\n", i + 1);
        cli_gpu_device(&gpu.devices[i]);
    }

    attest_gpu_free(&gpu);
}


static void
cli_gpu_device(const attest_gpu_device_t *d)
{
    int                  rc;
    const char          *chip;
    attest_spdm_t        s;
    STACK_OF(X509)      *chain;
    attest_gpu_class_e   kind = attest_gpu_class(d->arch, &chip);

    cli_print_line("architecture", d->arch);
    cli_printf("%-24s%s\n", "kind", kind == ATTEST_GPU_GPU ? "GPU"
               : kind == ATTEST_GPU_SWITCH ? "switch"
               : "unknown to this version");
    cli_print_hex("nonce", d->nonce, sizeof(d->nonce));

    rc = attest_spdm_parse(d->report.p, d->report.n, &s);

    if (rc != ATTEST_OK) {
        cli_printf("%-24s%zu bytes, %s\n", "report", d->report.n,
                   attest_strerror(rc));

    } else {
        cli_printf("%-24s%zu bytes, SPDM 1.1\n", "report", d->report.n);
        cli_gpu_report(&s);
    }

    chain = attest_x509_read(d->chain);

    if (chain == NULL) {
        cli_printf("%-24s%s\n", "certificates", "malformed");
        return;
    }

    cli_gpu_chain(chain, rc == ATTEST_OK ? &s : NULL);
    sk_X509_pop_free(chain, X509_free);
}


static void
cli_gpu_report(const attest_spdm_t *s)
{
    size_t                i;
    attest_spdm_field_t   f;

    cli_print_hex("  asked with the nonce", s->nonce.p, s->nonce.n);
    cli_printf("%-24s%u\n", "  slot", s->slot);
    cli_print_hex("  its own nonce", s->responder_nonce.p,
                  s->responder_nonce.n);
    cli_gpu_versions(s);

    for (i = 0; attest_spdm_field(s, i, &f); i++) {
        cli_gpu_field(&f);
    }

    cli_gpu_measurements(s);
    cli_print_hex("  signature", s->signature.p, s->signature.n);
}


static void
cli_gpu_versions(const attest_spdm_t *s)
{
    char         text[ATTEST_GPU_MAX_VERSION];
    unsigned     svn;
    const char  *mode = attest_gpu_mode(s);

    if (s->versioned) {
        cli_printf("%-24sversion %u.%u.%u (NVDAOD)\n", "  opaque data",
                   s->version.major, s->version.minor, s->version.patch);
    } else {
        cli_printf("%-24s%s\n", "  opaque data", "without a version");
    }

    cli_printf("%-24s%s\n", "  mode", mode == NULL ? "unknown to this version"
               : strcmp(mode, "spt") == 0 ? "spt: one GPU alone"
               : strcmp(mode, "mpt") == 0 ? "mpt: several GPUs, encrypted links"
               : strcmp(mode, "ppcie") == 0
               ? "ppcie: several GPUs, links in the clear through switches"
               : "not named");

    attest_gpu_driver(s, text);
    cli_printf("%-24s%s\n", "  driver", text[0] != '\0' ? text : "not named");

    attest_gpu_vbios(s, text);
    cli_printf("%-24s%s\n", "  VBIOS", text[0] != '\0' ? text : "not named");

    if (attest_gpu_fsp_svn(s, &svn)) {
        cli_printf("%-24s%u, the higher the better\n", "  FSP microcode SVN",
                   svn);
    }
}


/*
 * Text where it is text, hex elsewhere.  Of a field without a name, the type
 * of its value is all that says what it may be.
 */

static void
cli_gpu_field(const attest_spdm_field_t *f)
{
    char           what[48];
    const char    *name = cli_gpu_field_name(f->type);
    attest_span_t  s = f->value;

    if (name == NULL && f->value_type != 0) {
        (void) snprintf(what, sizeof(what), "  field (%u), %02x", f->type,
                        f->value_type);
    } else {
        (void) snprintf(what, sizeof(what), "  %s (%u)",
                        name != NULL ? name : "field", f->type);
    }

    if (!cli_gpu_is_text(s)) {
        cli_print_hex(what, s.p, s.n);
        return;
    }

    while (s.n != 0 && s.p[s.n - 1] == '\0') {
        s.n--;
    }

    cli_print_line(what, s);
}


static const char *
cli_gpu_field_name(unsigned type)
{
    size_t  i;

    static const struct {
        unsigned      type;
        const char   *name;
    } names[] = {
        { ATTEST_SPDM_DRIVER, "driver" },
        { ATTEST_SPDM_VBIOS, "VBIOS, raw" },
        { ATTEST_SPDM_BOARD, "board" },
        { ATTEST_SPDM_CHIP_SKU, "chip SKU" },
        { ATTEST_SPDM_CHIP_SKU_MOD, "chip SKU mod" },
        { ATTEST_SPDM_PROJECT, "project" },
        { ATTEST_SPDM_PROJECT_SKU, "project SKU" },
        { ATTEST_SPDM_PROJECT_SKU_MOD, "SKU mod" },
        { ATTEST_SPDM_FWID, "firmware" },
        { ATTEST_SPDM_PROTECTED_PCIE, "PCIe mode" },
        { ATTEST_SPDM_PDI_LIST, "neighbours" },
        { ATTEST_SPDM_DISABLED_PORTS, "ports off" },
        { ATTEST_SPDM_POSITION, "position" },
        { ATTEST_SPDM_LOCK, "lock" },
        { ATTEST_SPDM_PEER_PDIS, "peers" },
        { ATTEST_SPDM_OPAQUE_VERSION, "version" },
        { ATTEST_SPDM_CHIP_INFO, "chip info" },
        { ATTEST_SPDM_FEATURE, "features" },
        { ATTEST_SPDM_FSP_SVN, "FSP SVN" },
        { 0, NULL }
    };

    for (i = 0; names[i].name != NULL; i++) {
        if (names[i].type == type) {
            return names[i].name;
        }
    }

    return NULL;
}


static bool
cli_gpu_is_text(attest_span_t s)
{
    size_t  i, n = s.n;

    while (n != 0 && s.p[n - 1] == '\0') {
        n--;
    }

    for (i = 0; i < n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) {
            return 0;
        }
    }

    return n > 1;
}


static void
cli_gpu_measurements(const attest_spdm_t *s)
{
    char                  what[32];
    size_t                i;
    attest_spdm_block_t   b;

    cli_printf("%-24s%zu, which are not compared with NVIDIA's reference "
               "values\n", "  measurements", s->blocks);

    for (i = 0; attest_spdm_block(s, i, &b); i++) {
        (void) snprintf(what, sizeof(what), "  %3u, type %u", b.index,
                        b.type);
        cli_print_hex(what, b.value.p, b.value.n);
    }
}


static void
cli_gpu_chain(STACK_OF(X509) *chain, const attest_spdm_t *s)
{
    int       i, count = sk_X509_num(chain);
    X509     *leaf = sk_X509_value(chain, 0);
    uint8_t   fwid[ATTEST_SHA384_LEN], id[ATTEST_SHA256_LEN];

    if (s != NULL) {
        cli_printf("%-24s%s\n", "report signed by", attest_spdm_signature(s,
                   X509_get0_pubkey(leaf)) == ATTEST_OK
                   ? "the key of its first certificate"
                   : "another key than that of its first certificate");
    }

    if (attest_gpu_identity(chain, id) == ATTEST_OK) {
        cli_print_hex("identity (devices)", id, sizeof(id));
    }

    if (attest_gpu_fwid(leaf, fwid) == ATTEST_OK) {
        cli_print_hex("firmware certified", fwid, sizeof(fwid));
    }

    cli_printf("%-24s%d\n", "certificates", count);

    for (i = 0; i < count; i++) {
        cli_x509_show(i == 0 ? "certificate of" : "  by the key of",
                      sk_X509_value(chain, i));
    }
}


/* How many there are, of which kind, and with which versions. */

static bool
cli_gpu_policy(attest_span_t value, cJSON *policy)
{
    cJSON         *gpu;
    size_t         i, counts[2] = { 0, 0 };
    attest_gpu_t   item;

    if (attest_gpu_parse(value.p, value.n, &item) != ATTEST_OK) {
        return 0;
    }

    gpu = cJSON_AddObjectToObject(policy, "gpu");

    for (i = 0; i < item.count; i++) {
        cli_gpu_policy_device(gpu, &item.devices[i], counts);
    }

    if (counts[0] != 0) {
        cJSON_AddNumberToObject(gpu, "count", (double) counts[0]);
    }

    cJSON_AddNumberToObject(gpu, "switches", (double) counts[1]);

    attest_gpu_free(&item);
    return 1;
}


static void
cli_gpu_policy_device(cJSON *gpu, const attest_gpu_device_t *d,
    size_t counts[2])
{
    char                 text[ATTEST_GPU_MAX_VERSION];
    const char          *chip, *mode;
    attest_spdm_t        s;
    attest_gpu_class_e   kind = attest_gpu_class(d->arch, &chip);

    if (kind == ATTEST_GPU_UNKNOWN
        || attest_spdm_parse(d->report.p, d->report.n, &s) != ATTEST_OK)
    {
        return;
    }

    counts[kind == ATTEST_GPU_SWITCH]++;

    attest_gpu_vbios(&s, text);
    cli_gpu_add(gpu, kind == ATTEST_GPU_SWITCH ? "switch_bios" : "vbios",
                text);

    if (kind == ATTEST_GPU_SWITCH) {
        return;
    }

    attest_gpu_driver(&s, text);
    cli_gpu_add(gpu, "driver", text);

    mode = attest_gpu_mode(&s);
    if (mode != NULL && strcmp(mode, "none") != 0) {
        cli_gpu_add(gpu, "modes", mode);
    }

    (void) snprintf(text, sizeof(text), "%.*s", (int) d->arch.n,
                    (const char *) d->arch.p);
    cli_gpu_add(gpu, "arch", text);
}


/* Into the list of this name, unless it is there or empty. */

static void
cli_gpu_add(cJSON *gpu, const char *name, const char *text)
{
    cJSON  *list, *item;

    if (text[0] == '\0') {
        return;
    }

    list = cJSON_GetObjectItemCaseSensitive(gpu, name);
    if (list == NULL) {
        list = cJSON_AddArrayToObject(gpu, name);
    }

    cJSON_ArrayForEach(item, list) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, text) == 0) {
            return;
        }
    }

    (void) cJSON_AddItemToArray(list, cJSON_CreateString(text));
}
