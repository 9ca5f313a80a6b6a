/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An Intel quote in words: of a TD, or of an enclave.
 */


#include <stdio.h>
#include <time.h>

#include <openssl/x509.h>

#include "core/crypto/attest_x509.h"
#include "core/evidence/attest_pck.h"
#include "core/evidence/attest_tdx.h"
#include "cli/cli.h"
#include "cli/cli_print.h"
#include "cli/cli_quote.h"


typedef struct {
    unsigned      bit;
    const char   *name;
} cli_bit_t;


static void cli_quote_td(const attest_tdx_quote_t *q);
static void cli_quote_enclave(const char *what,
    const attest_sgx_report_t *r);
static void cli_quote_bits(const char *what, const uint8_t p[8],
    const cli_bit_t *names);
static void cli_quote_register(const char *what, const uint8_t *p);
static void cli_quote_keys(const attest_tdx_quote_t *q);
static void cli_quote_certs(attest_span_t pem);
static void cli_quote_cert(X509 *cert);
static void cli_quote_pck(const attest_tdx_pck_t *pck);


static const cli_bit_t  cli_td_attributes[] = {
    { 0, "DEBUG: the host reads and writes the TD's memory" },
    { 28, "SEPT_VE_DISABLE: no #VE for pages that the host took away" },
    { 29, "MIGRATABLE: the TD may move to another machine" },
    { 30, "PKS: protection keys for supervisor pages" },
    { 31, "KL: key locker" },
    { 63, "PERFMON: the TD may use performance monitoring" },
    { 0, NULL }
};

static const cli_bit_t  cli_xfam[] = {
    { 0, "x87" },
    { 1, "SSE" },
    { 2, "AVX" },
    { 5, "AVX-512 (masks)" },
    { 6, "AVX-512 (upper halves)" },
    { 7, "AVX-512 (registers 16 to 31)" },
    { 8, "processor trace" },
    { 9, "PKRU: protection keys for user pages" },
    { 11, "CET, user" },
    { 12, "CET, supervisor" },
    { 14, "user interrupts" },
    { 15, "last branch records" },
    { 17, "AMX (configuration)" },
    { 18, "AMX (tiles)" },
    { 0, NULL }
};

static const cli_bit_t  cli_enclave_attributes[] = {
    { 0, "INIT" },
    { 1, "DEBUG: the host reads and writes the enclave's memory" },
    { 2, "MODE64BIT" },
    { 4, "PROVISIONKEY" },
    { 5, "EINITTOKEN_KEY" },
    { 6, "CET" },
    { 7, "KSS" },
    { 0, NULL }
};


void
cli_quote_show(attest_span_t quote)
{
    int                  rc;
    attest_tdx_quote_t   q;

    rc = attest_tdx_parse(quote.p, quote.n, &q);
    if (rc != ATTEST_OK) {
        cli_printf("a quote of %zu bytes: %s\n", quote.n, attest_strerror(rc));
        return;
    }

    cli_printf("%-24s%s, version %u, %zu bytes%s\n", "quote",
               q.body == ATTEST_TDX_BODY_SGX ? "SGX enclave"
               : q.body == ATTEST_TDX_BODY_15 ? "TDX 1.5" : "TDX 1.0",
               (unsigned) q.version, q.length,
               q.length == quote.n ? "" : " and padding");
    cli_print_hex("user data of the header", q.user_data,
                  ATTEST_TDX_USER_DATA);

    if (q.body == ATTEST_TDX_BODY_SGX) {
        cli_quote_enclave("enclave", &q.enclave);

    } else {
        cli_quote_td(&q);
    }

    cli_quote_keys(&q);
    cli_quote_certs(q.certs);
}


static void
cli_quote_td(const attest_tdx_quote_t *q)
{
    char    what[16];
    size_t  i;

    cli_print_hex("report data", q->report_data, ATTEST_TDX_REPORT_DATA);
    cli_print_hex("MRTD (initial memory)", q->mrtd, ATTEST_TDX_MR_LEN);

    for (i = 0; i < ATTEST_TDX_RTMRS; i++) {
        (void) snprintf(what, sizeof(what), "RTMR %zu", i);
        cli_quote_register(what, q->rtmr[i]);
    }

    cli_quote_register("MRCONFIGID", q->mrconfigid);
    cli_quote_register("MROWNER", q->mrowner);
    cli_quote_register("MROWNERCONFIG", q->mrownerconfig);

    if (q->mrservicetd != NULL) {
        cli_quote_register("MRSERVICETD", q->mrservicetd);
    }

    cli_quote_bits("TD attributes", q->td_attributes, cli_td_attributes);
    cli_quote_bits("XFAM (state in use)", q->xfam, cli_xfam);

    cli_print_hex("MRSEAM (TDX module)", q->mrseam, ATTEST_TDX_MR_LEN);
    cli_quote_register("MRSIGNERSEAM", q->mrsignerseam);
    cli_print_hex("TDX module attributes", q->seam_attributes, 8);
    cli_printf("%-24s%u.%u, microcode %u\n", "TDX module's SVN",
               (unsigned) q->tee_tcb_svn[1], (unsigned) q->tee_tcb_svn[0],
               (unsigned) q->tee_tcb_svn[2]);
    cli_print_hex("TCB SVNs at launch", q->tee_tcb_svn, ATTEST_TDX_SVNS);

    if (q->tee_tcb_svn2 != NULL) {
        cli_print_hex("TCB SVNs now", q->tee_tcb_svn2, ATTEST_TDX_SVNS);
    }
}


static void
cli_quote_enclave(const char *what, const attest_sgx_report_t *r)
{
    cli_printf("%-24sproduct %u, SVN %u\n", what, (unsigned) r->isvprodid,
               (unsigned) r->isvsvn);
    cli_print_hex("  MRENCLAVE", r->mrenclave, ATTEST_SHA256_LEN);
    cli_print_hex("  MRSIGNER", r->mrsigner, ATTEST_TDX_SIGNER);
    cli_quote_bits("  attributes", r->attributes, cli_enclave_attributes);
    cli_print_hex("  XFRM", r->attributes + 8, 8);
    cli_print_hex("  MISCSELECT", r->miscselect, 4);
    cli_print_hex("  CPU's SVN", r->cpusvn, 16);
    cli_print_hex("  report data", r->report_data, ATTEST_TDX_REPORT_DATA);
}


static void
cli_quote_bits(const char *what, const uint8_t p[8], const cli_bit_t *names)
{
    unsigned          bit;
    uint64_t          v = attest_tdx_u64(p);
    const cli_bit_t  *n;

    cli_print_hex(what, p, 8);

    for (bit = 0; bit < 64; bit++) {

        if ((v >> bit & 1) == 0) {
            continue;
        }

        for (n = names; n->name != NULL && n->bit != bit; n++) {
            /* void */
        }

        cli_printf("%-24s  bit %u, %s\n", "", bit,
                   n->name != NULL ? n->name : "unknown to this version");
    }
}


static void
cli_quote_register(const char *what, const uint8_t *p)
{
    static const uint8_t  zero[ATTEST_TDX_MR_LEN];

    if (memcmp(p, zero, sizeof(zero)) == 0) {
        cli_printf("%-24s%s\n", what, "all zero");
        return;
    }

    cli_print_hex(what, p, ATTEST_TDX_MR_LEN);
}


static void
cli_quote_keys(const attest_tdx_quote_t *q)
{
    cli_print_hex("signature", q->signature, ATTEST_TDX_SIGNATURE);
    cli_print_hex("key of the quote", q->attest_key, ATTEST_TDX_KEY);
    cli_quote_enclave("quoting enclave", &q->qe);
    cli_print_hex("  signature by the PCK", q->qe_signature,
                  ATTEST_TDX_SIGNATURE);
    cli_print_hex("  authentication data", q->qe_auth.p, q->qe_auth.n);
}


static void
cli_quote_certs(attest_span_t pem)
{
    int                i;
    STACK_OF(X509)    *certs;
    attest_tdx_pck_t   pck;

    certs = attest_x509_read(pem);
    if (certs == NULL) {
        cli_printf("%-24s%s\n", "certificates", "malformed");
        return;
    }

    if (attest_pck_read(sk_X509_value(certs, 0), &pck) == ATTEST_OK) {
        cli_quote_pck(&pck);
    }

    for (i = 0; i < sk_X509_num(certs); i++) {
        cli_quote_cert(sk_X509_value(certs, i));
    }

    sk_X509_pop_free(certs, X509_free);
}


static void
cli_quote_cert(X509 *cert)
{
    char           name[256];
    struct tm      tm;
    attest_span_t  s = { (const uint8_t *) name, 0 };

    (void) X509_NAME_oneline(X509_get_subject_name(cert), name,
                             sizeof(name));
    s.n = strlen(name);
    cli_print_line("certificate of", s);

    (void) X509_NAME_oneline(X509_get_issuer_name(cert), name, sizeof(name));
    s.n = strlen(name);
    cli_print_line("  issued by", s);

    if (ASN1_TIME_to_tm(X509_get0_notBefore(cert), &tm) == 1) {
        cli_print_time("  valid from", (int64_t) timegm(&tm));
    }

    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1) {
        cli_print_time("  valid until", (int64_t) timegm(&tm));
    }
}


static void
cli_quote_pck(const attest_tdx_pck_t *pck)
{
    cli_print_hex("platform: PPID", pck->ppid, sizeof(pck->ppid));
    cli_print_hex("  FMSPC", pck->fmspc, sizeof(pck->fmspc));
    cli_print_hex("  PCEID", pck->pceid, sizeof(pck->pceid));
    cli_print_hex("  TCB SVNs", pck->svn, sizeof(pck->svn));
    cli_print_hex("  CPU's SVN", pck->cpusvn, sizeof(pck->cpusvn));
    cli_printf("%-24s%u\n", "  PCE's SVN", (unsigned) pck->pcesvn);
    cli_printf("%-24s%s\n", "  SGX type", pck->sgx_type == 0 ? "standard"
               : pck->sgx_type == 1 ? "scalable"
               : pck->sgx_type == 2 ? "scalable with integrity"
               : "unknown to this version");
}
