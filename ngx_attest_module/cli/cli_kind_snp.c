/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An SEV-SNP report: in words, and for a policy.
 */


#include <stdio.h>
#include <string.h>

#include <openssl/x509.h>

#include "core/base/attest_hex.h"
#include "core/evidence/attest_snp.h"
#include "core/crypto/attest_x509.h"
#include "cli/cli.h"
#include "cli/cli_kind_snp.h"
#include "cli/cli_kinds.h"
#include "cli/cli_print.h"
#include "cli/cli_x509.h"


typedef struct {
    uint64_t      bit;
    const char   *set;
    const char   *clear;
} cli_snp_bit_t;


static void cli_snp_report(const attest_snp_report_t *r,
    attest_snp_product_e product);
static void cli_snp_guest(const attest_snp_report_t *r);
static void cli_snp_machine(const attest_snp_report_t *r,
    attest_snp_product_e product);
static void cli_snp_bits(const char *what, uint64_t value,
    const cli_snp_bit_t *table);
static void cli_snp_tcb(const char *what, attest_span_t raw,
    attest_snp_product_e product);
static void cli_snp_firmware(const char *what, attest_snp_firmware_t f);
static const char *cli_snp_signer(unsigned signer);
static attest_snp_product_e cli_snp_product(const attest_snp_report_t *r,
    const attest_snp_table_t *t);
static void cli_snp_table(const attest_tsm_t *tsm,
    const attest_snp_table_t *t, int rc);
static void cli_snp_cert(const char *what, attest_span_t der);
static void cli_snp_leaf(const attest_snp_cert_t *c);
static bool cli_snp_policy_own(const attest_tsm_t *tsm, cJSON *policy);
static void cli_snp_add_hex(cJSON *to, const char *name, attest_span_t s);
static void cli_snp_add_tcb(cJSON *to, attest_snp_product_e product,
    attest_span_t raw);
static cJSON *cli_snp_add_bits(uint64_t value);


static const cli_snp_bit_t  cli_snp_guest_bits[] = {
    { ATTEST_SNP_SMT, "SMT may be on", "SMT must be off" },
    { ATTEST_SNP_ALWAYS_ONE, NULL, "bit 17 is clear, which must be set" },
    { ATTEST_SNP_MIGRATE_MA, "a migration agent may move the guest",
      "no migration" },
    { ATTEST_SNP_DEBUG, "the host may DEBUG the guest: nothing is secret",
      "no debugging" },
    { ATTEST_SNP_SINGLE_SOCKET, "one socket only", "any number of sockets" },
    { ATTEST_SNP_CXL, "CXL devices allowed", "no CXL devices" },
    { ATTEST_SNP_AES_256_XTS, "memory must be AES-256-XTS", NULL },
    { ATTEST_SNP_NO_RAPL, "power measurement (RAPL) must be off", NULL },
    { ATTEST_SNP_CIPHERTEXT, "ciphertext hiding must be on", NULL },
    { ATTEST_SNP_NO_PAGE_SWAP, "the host may not swap or move pages", NULL },
    { 0, NULL, NULL }
};

static const cli_snp_bit_t  cli_snp_platform_bits[] = {
    { ATTEST_SNP_PLAT_SMT, "SMT is on", "SMT is off" },
    { ATTEST_SNP_PLAT_TSME, "all memory is encrypted (TSME)", NULL },
    { ATTEST_SNP_PLAT_ECC, "ECC memory", "no ECC memory reported" },
    { ATTEST_SNP_PLAT_NO_RAPL, "power measurement (RAPL) is off", NULL },
    { ATTEST_SNP_PLAT_CIPHERTEXT, "ciphertext hiding is on", NULL },
    { ATTEST_SNP_PLAT_ALIAS_CHECK, "memory was checked for aliases",
      "no check for memory aliases reported (BadRAM)" },
    { ATTEST_SNP_PLAT_TIO, "trusted I/O is on", NULL },
    { 0, NULL, NULL }
};

/* Names in a policy. */
static const cli_snp_bit_t  cli_snp_platform_names[] = {
    { ATTEST_SNP_PLAT_SMT, "smt", NULL },
    { ATTEST_SNP_PLAT_TSME, "tsme", NULL },
    { ATTEST_SNP_PLAT_ECC, "ecc", NULL },
    { ATTEST_SNP_PLAT_NO_RAPL, "rapl_disabled", NULL },
    { ATTEST_SNP_PLAT_CIPHERTEXT, "ciphertext_hiding", NULL },
    { ATTEST_SNP_PLAT_ALIAS_CHECK, "alias_check", NULL },
    { ATTEST_SNP_PLAT_TIO, "tio", NULL },
    { 0, NULL, NULL }
};


const cli_kind_t  cli_kind_snp = {
    .show_report = cli_snp_show,
    .policy_report = cli_snp_policy_own,
    .genuine = { "snp-signature" }
};


void
cli_snp_show(const attest_tsm_t *tsm)
{
    int                   rc;
    attest_snp_table_t    t;
    attest_snp_report_t   r;

    rc = attest_snp_table_parse(tsm->auxblob.p, tsm->auxblob.n, &t);

    if (attest_snp_report_parse(tsm->outblob.p, tsm->outblob.n, &r)
        == ATTEST_OK)
    {
        cli_snp_report(&r, cli_snp_product(&r, &t));

    } else {
        cli_printf("%-24s%zu bytes, version %u: %s\n", "SNP report",
                   tsm->outblob.n, r.version,
                   "not one that this version reads");
    }

    cli_snp_table(tsm, &t, rc);

    if (tsm->manifestblob.n != 0) {
        cli_print_line("service module", tsm->service_provider);
        cli_print_hex("its manifest", tsm->manifestblob.p,
                      tsm->manifestblob.n);
    }
}


static void
cli_snp_report(const attest_snp_report_t *r, attest_snp_product_e product)
{
    cli_printf("%-24sSEV-SNP, version %u\n", "report", r->version);
    cli_printf("%-24s%s%s\n", "signed by", cli_snp_signer(r->signer),
               r->masked_chip_key ? " (the host masks the chip's key)" : "");
    cli_printf("%-24s%u (%s)\n", "signature algorithm", r->sig_algo,
               r->sig_algo == ATTEST_SNP_SIG_P384_SHA384
               ? "ECDSA P-384 with SHA-384" : "unknown");

    cli_print_hex("report data", r->report_data.p, r->report_data.n);
    cli_print_hex("launch measurement", r->measurement.p, r->measurement.n);
    cli_print_hex("host data", r->host_data.p, r->host_data.n);

    cli_snp_guest(r);
    cli_snp_machine(r, product);
}


static void
cli_snp_guest(const attest_snp_report_t *r)
{
    char  text[48];

    if (r->vmpl <= ATTEST_SNP_VMPL_MAX) {
        cli_printf("%-24s%u\n", "VMPL", r->vmpl);

    } else {
        cli_printf("%-24s%u: the host asked for this report\n", "VMPL",
                   r->vmpl);
    }

    (void) snprintf(text, sizeof(text), "%016llx, ABI %u.%u or newer",
                    (unsigned long long) r->policy,
                    (unsigned) (r->policy >> 8 & 0xff),
                    (unsigned) (r->policy & 0xff));
    cli_printf("%-24s%s\n", "guest policy", text);
    cli_snp_bits("", r->policy, cli_snp_guest_bits);

    cli_printf("%-24s%u\n", "guest's version (SVN)", r->guest_svn);
    cli_print_hex("family id", r->family_id.p, r->family_id.n);
    cli_print_hex("image id", r->image_id.p, r->image_id.n);
    cli_print_hex("id key digest", r->id_key_digest.p, r->id_key_digest.n);

    if (r->author_key) {
        cli_print_hex("author key digest", r->author_key_digest.p,
                      r->author_key_digest.n);

    } else {
        cli_printf("%-24s%s\n", "author key digest", "none");
    }

    cli_print_hex("report id", r->report_id.p, r->report_id.n);
    cli_print_hex("migration agent's id", r->report_id_ma.p,
                  r->report_id_ma.n);
}


static void
cli_snp_machine(const attest_snp_report_t *r, attest_snp_product_e product)
{
    if (r->version >= 3) {
        cli_printf("%-24s%s, CPUID family %02x model %02x stepping %02x\n",
                   "processor", attest_snp_product_name(product), r->family,
                   r->model, r->stepping);

    } else {
        cli_printf("%-24s%s, by its certificate\n", "processor",
                   attest_snp_product_name(product));
    }

    cli_print_hex("chip id", r->chip_id.p, r->chip_id.n);
    cli_printf("%-24s%016llx\n", "platform",
               (unsigned long long) r->platform);
    cli_snp_bits("", r->platform, cli_snp_platform_bits);

    cli_snp_tcb("reported TCB", r->reported_tcb, product);
    cli_snp_tcb("current TCB", r->current_tcb, product);
    cli_snp_tcb("committed TCB", r->committed_tcb, product);
    cli_snp_tcb("TCB at launch", r->launch_tcb, product);
    cli_snp_firmware("firmware", r->current);
    cli_snp_firmware("committed firmware", r->committed);

    if (r->version >= 5) {
        cli_printf("%-24s%016llx\n", "mitigations at launch",
                   (unsigned long long) r->launch_mitigations);
        cli_printf("%-24s%016llx\n", "current mitigations",
                   (unsigned long long) r->current_mitigations);
    }
}


static void
cli_snp_bits(const char *what, uint64_t value, const cli_snp_bit_t *table)
{
    size_t       i;
    uint64_t     known = 0xffff * (table == cli_snp_guest_bits);
    const char  *text;

    for (i = 0; table[i].bit != 0; i++) {
        known |= table[i].bit;
        text = value & table[i].bit ? table[i].set : table[i].clear;

        if (text != NULL) {
            cli_printf("%-24s  %s\n", what, text);
        }
    }

    if (value & ~known) {
        cli_printf("%-24s  bits unknown to this version: %llx\n", what,
                   (unsigned long long) (value & ~known));
    }
}


static void
cli_snp_tcb(const char *what, attest_span_t raw, attest_snp_product_e product)
{
    attest_snp_tcb_t  t = attest_snp_tcb(product, raw);

    if (product == ATTEST_SNP_UNKNOWN) {
        cli_print_hex(what, raw.p, raw.n);
        return;
    }

    cli_printf("%-24s", what);

    if (product == ATTEST_SNP_TURIN) {
        cli_printf("fmc %u, ", t.fmc);
    }

    cli_printf("bootloader %u, tee %u, snp %u, microcode %u\n", t.bootloader,
               t.tee, t.snp, t.microcode);
}


static void
cli_snp_firmware(const char *what, attest_snp_firmware_t f)
{
    cli_printf("%-24s%u.%u.%u\n", what, f.major, f.minor, f.build);
}


static const char *
cli_snp_signer(unsigned signer)
{
    switch (signer) {
    case ATTEST_SNP_SIGNER_VCEK:
        return "VCEK, a key of this chip";
    case ATTEST_SNP_SIGNER_VLEK:
        return "VLEK, a key that AMD lends to a cloud";
    case ATTEST_SNP_SIGNER_NONE:
        return "nobody";
    default:
        return "a reserved kind of key";
    }
}


/* The report says it from version 3 on, else its certificate. */

static attest_snp_product_e
cli_snp_product(const attest_snp_report_t *r, const attest_snp_table_t *t)
{
    X509                  *x;
    attest_snp_cert_t      c;
    attest_snp_product_e   product;

    product = attest_snp_report_product(r);

    if (product != ATTEST_SNP_UNKNOWN || r->version >= 3) {
        return product;
    }

    x = attest_x509_read_der(r->signer == ATTEST_SNP_SIGNER_VLEK ? t->vlek
                                                                 : t->vcek);
    if (x != NULL) {
        if (attest_snp_cert_parse(x, &c) == ATTEST_OK) {
            product = c.product;
        }

        X509_free(x);
    }

    return product;
}


static void
cli_snp_table(const attest_tsm_t *tsm, const attest_snp_table_t *t, int rc)
{
    if (rc != ATTEST_OK) {
        cli_printf("%-24s%zu bytes: %s\n", "certificates", tsm->auxblob.n,
                   attest_strerror(rc));
        return;
    }

    if (t->vcek.n == 0 && t->vlek.n == 0 && t->ask.n == 0 && t->ark.n == 0) {
        cli_printf("%-24s%s\n", "certificates", "none: the host gave none");
        return;
    }

    cli_snp_cert("VCEK", t->vcek);
    cli_snp_cert("VLEK", t->vlek);
    cli_snp_cert("ASK", t->ask);
    cli_snp_cert("ARK, never trusted", t->ark);
}


static void
cli_snp_cert(const char *what, attest_span_t der)
{
    X509               *x;
    attest_snp_cert_t   c;

    if (der.n == 0) {
        return;
    }

    x = attest_x509_read_der(der);
    if (x == NULL) {
        cli_printf("%-24s%zu bytes: no certificate\n", what, der.n);
        return;
    }

    cli_x509_show(what, x);

    if (attest_snp_cert_parse(x, &c) == ATTEST_OK) {
        cli_snp_leaf(&c);
    }

    X509_free(x);
}


static void
cli_snp_leaf(const attest_snp_cert_t *c)
{
    cli_print_line("  for product", c->product_name);

    cli_printf("%-24s", "  for TCB");

    if (c->product == ATTEST_SNP_TURIN) {
        cli_printf("fmc %u, ", c->spl[9]);
    }

    cli_printf("bootloader %u, tee %u, snp %u, microcode %u\n", c->spl[1],
               c->spl[2], c->spl[3], c->spl[8]);

    if (c->hwid.n != 0) {
        cli_print_hex("  for chip", c->hwid.p, c->hwid.n);

    } else {
        cli_print_line("  lent to", c->csp);
    }
}


/*
 * In most clouds what is measured at launch is their firmware, the same for
 * every customer.  Only who built the image knows whether the kernel is
 * measured, too: the report does not say, and it is not claimed here.
 */

static bool
cli_snp_policy_own(const attest_tsm_t *tsm, cJSON *policy)
{
    cJSON  *snp;

    if (!cli_snp_policy(tsm, policy)) {
        return 0;
    }

    snp = cJSON_GetObjectItemCaseSensitive(policy, "snp");
    cJSON_AddStringToObject(snp, "measurement_covers", "firmware");
    return 1;
}


/*
 * What it runs now.  A chip's TCB can only rise, so what is reported makes a
 * minimum; flags of the platform are for the owner to strike out.
 */

bool
cli_snp_policy(const attest_tsm_t *tsm, cJSON *policy)
{
    cJSON                 *snp;
    attest_snp_table_t     t;
    attest_snp_report_t    r;
    attest_snp_product_e   product;

    if (attest_snp_report_parse(tsm->outblob.p, tsm->outblob.n, &r)
        != ATTEST_OK
        || attest_snp_table_parse(tsm->auxblob.p, tsm->auxblob.n, &t)
           != ATTEST_OK)
    {
        return 0;
    }

    product = cli_snp_product(&r, &t);
    snp = cJSON_AddObjectToObject(policy, "snp");

    cli_snp_add_hex(snp, "measurement", r.measurement);

    if (!attest_span_is_zero(r.host_data)) {
        cli_snp_add_hex(snp, "host_data", r.host_data);
    }

    if (!attest_span_is_zero(r.id_key_digest)) {
        cli_snp_add_hex(snp, "id_key_digest", r.id_key_digest);
    }

    if (!attest_span_is_zero(r.chip_id)) {
        cli_snp_add_hex(snp, "chip_id", r.chip_id);
    }

    if (r.vmpl <= ATTEST_SNP_VMPL_MAX) {
        cJSON_AddNumberToObject(snp, "vmpl", r.vmpl);
    }

    if (product != ATTEST_SNP_UNKNOWN) {
        cli_snp_add_tcb(snp, product, r.reported_tcb);
    }

    cJSON_AddItemToObject(snp, "platform", cli_snp_add_bits(r.platform));
    return 1;
}


static void
cli_snp_add_hex(cJSON *to, const char *name, attest_span_t s)
{
    char    hex[2 * ATTEST_MAX_DIGEST + 1];
    cJSON  *list;

    attest_hex_encode(hex, s.p, s.n);
    list = cJSON_AddArrayToObject(to, name);
    cJSON_AddItemToArray(list, cJSON_CreateString(hex));
}


static void
cli_snp_add_tcb(cJSON *to, attest_snp_product_e product, attest_span_t raw)
{
    cJSON             *tcb;
    attest_snp_tcb_t   t = attest_snp_tcb(product, raw);

    /* a minimum of zeros is none */

    if ((t.fmc | t.bootloader | t.tee | t.snp | t.microcode) == 0) {
        return;
    }

    tcb = cJSON_AddObjectToObject(to, "min_tcb");

    if (product == ATTEST_SNP_TURIN) {
        cJSON_AddNumberToObject(tcb, "fmc", t.fmc);
    }

    cJSON_AddNumberToObject(tcb, "bootloader", t.bootloader);
    cJSON_AddNumberToObject(tcb, "tee", t.tee);
    cJSON_AddNumberToObject(tcb, "snp", t.snp);
    cJSON_AddNumberToObject(tcb, "microcode", t.microcode);
}


static cJSON *
cli_snp_add_bits(uint64_t value)
{
    cJSON   *bits = cJSON_CreateObject();
    size_t   i;

    for (i = 0; cli_snp_platform_names[i].bit != 0; i++) {
        cJSON_AddBoolToObject(bits, cli_snp_platform_names[i].set,
                              (value & cli_snp_platform_names[i].bit) != 0);
    }

    return bits;
}
