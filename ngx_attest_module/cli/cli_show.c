/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "ngx-attest show": what a certificate or a collection has in it, in words.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/evidence/attest_ratls.h"
#include "core/evidence/attest_tpm.h"
#include "cli/cli_archive.h"
#include "cli/cli_items.h"
#include "cli/cli_quote.h"
#include "cli/cli_kind_tsm.h"
#include "cli/cli_kinds.h"
#include "cli/cli_peer.h"
#include "cli/cli_print.h"
#include "cli/cli_show.h"


static int cli_show_bytes(const attest_bytes_t *b);
static int cli_show_seen(const attest_fetch_t *ev, int rc);
static int cli_show_certificate(attest_span_t der);
static int cli_show_ccc(attest_span_t ext, int alone);
static int cli_show_collection(attest_span_t raw);
static void cli_show_item(const attest_cmw_item_t *item,
    const attest_tpm_item_t *tpm);


int
cli_show(const cli_options_t *opt)
{
    int             rc;
    struct stat     st;
    attest_bytes_t     file;
    attest_fetch_t  ev;

    if (cli_archive_is_url(opt->target)) {
        rc = cli_peer_collect(&ev, opt);
        rc = cli_show_seen(&ev, rc);
        attest_fetch_clear(&ev);
        return rc;
    }

    if (stat(opt->target, &st) == 0 && S_ISDIR(st.st_mode)) {
        rc = cli_archive_load(&ev, opt);
        rc = cli_show_seen(&ev, rc);
        attest_fetch_clear(&ev);
        return rc;
    }

    rc = cli_file(opt->target, ATTEST_FETCH_MAX_ANSWER, &file);
    if (rc != CLI_OK) {
        return rc;
    }

    rc = cli_show_bytes(&file);
    attest_bytes_free(&file);
    return rc;
}


static int
cli_show_bytes(const attest_bytes_t *b)
{
    int          rc;
    attest_bytes_t  own = { malloc(b->n + 1), b->n };

    if (own.p == NULL) {
        return cli_error("out of memory");
    }

    memcpy(own.p, b->p, b->n);
    own.p[b->n] = '\0';

    rc = cli_input("this", &own);

    if (rc == CLI_OK) {
        rc = own.p[0] == 0x30 ? cli_show_certificate(attest_bytes_span(&own))
                              : cli_show_collection(attest_bytes_span(&own));
        attest_bytes_free(&own);
    }

    return rc;
}


/* By a connection, or what an archive kept of one. */

static int
cli_show_seen(const attest_fetch_t *ev, int rc)
{
    size_t  i;

    if (rc == CLI_OK && ev->cert.n != 0) {
        cli_printf("== certificate of the connection\n");
        rc = cli_show_certificate(attest_bytes_span(&ev->cert));
    }

    if (rc == CLI_OK && ev->cached.n != 0) {
        cli_printf("\n== cached evidence of the endpoint\n");
        rc = cli_show_collection(attest_bytes_span(&ev->cached));
    }

    if (rc == CLI_OK && ev->fresh.n != 0) {
        cli_printf("\n== fresh evidence of the endpoint\n");
        rc = cli_show_collection(attest_bytes_span(&ev->fresh));
    }

    for (i = 0; i < ev->nnotes; i++) {
        cli_printf("\nnot shown: %s\n", ev->notes[i]);
    }

    return rc == CLI_OK && ev->cached.n == 0 && ev->cert.n == 0
           ? CLI_UNDECIDED : rc;
}


static int
cli_show_certificate(attest_span_t der)
{
    int                   rc;
    attest_span_t         s;
    attest_ratls_cert_t   c;

    rc = attest_ratls_parse(der.p, der.n, &c);
    if (rc != ATTEST_OK) {
        return cli_error("the certificate is %s", attest_strerror(rc));
    }

    s = attest_span(c.subject, strnlen(c.subject, sizeof(c.subject)));
    cli_print_line("subject", s);
    cli_print_time("valid from", c.not_before);
    cli_print_time("valid until", c.not_after);
    cli_print_hex("SHA-256 of its key", c.spki_sha256, 32);
    cli_printf("%-24s%s\n", "signature", c.self_signed ? "its own, good"
               : "by another key (a CA's), or bad");

    if (c.ccc.n != 0) {
        rc = cli_show_ccc(c.ccc, c.cmw.n == 0);
        if (rc != CLI_OK) {
            return rc;
        }
    }

    if (c.cmw.n == 0) {
        if (c.ccc.n == 0) {
            cli_printf("%-24s%s\n", "evidence", "none in this certificate");
        }

        return CLI_OK;
    }

    cli_printf("%-24s%zu bytes (id-pe-cmw), as follows\n\n", "evidence",
               c.cmw.n);
    return cli_show_collection(c.cmw);
}


/* 2.23.133.5.4.9; beside a CMW it only says the same once more. */

static int
cli_show_ccc(attest_span_t ext, int alone)
{
    int                 rc;
    attest_ratls_ccc_t  ccc;

    rc = attest_ratls_ccc_parse(ext, &ccc);
    if (rc != ATTEST_OK) {
        return cli_error("the certificate's extension of the Confidential "
                         "Computing Consortium is %s", attest_strerror(rc));
    }

    cli_printf("%-24s%zu bytes: a quote of %zu bytes, claims of %zu\n",
               "CCC RA-TLS extension", ext.n, ccc.quote.n, ccc.claims.n);

    if (alone) {
        cli_printf("\n-- claims\n");
        cli_items_claims_show(ccc.claims, attest_claims_parse_foreign);
        cli_printf("\n-- quote\n");
        cli_quote_show(ccc.quote);
    }

    return CLI_OK;
}


static int
cli_show_collection(attest_span_t raw)
{
    int                       rc;
    size_t                    i;
    attest_cmw_t              cmw;
    attest_tpm_item_t         tpm;
    const attest_cmw_item_t  *item;

    rc = attest_cmw_parse(raw.p, raw.n, &cmw);
    if (rc != ATTEST_OK) {
        return cli_error("neither a certificate nor evidence: %s",
                         attest_strerror(rc));
    }

    cli_printf("%-24s%zu items\n", "collection", cmw.count);
    cli_print_line("type", cmw.ctype);

    memset(&tpm, 0, sizeof(tpm));
    item = attest_cmw_find(&cmw, ATTEST_ITEM_TPM);
    if (item != NULL) {
        (void) attest_tpm_item_parse(item->value.p, item->value.n, &tpm);
    }

    for (i = 0; i < cmw.count; i++) {
        cli_show_item(&cmw.items[i], &tpm);
    }

    attest_cmw_free(&cmw);
    return CLI_OK;
}


static void
cli_show_item(const attest_cmw_item_t *item, const attest_tpm_item_t *tpm)
{
    uint16_t       alg;
    attest_item_e  which;
    attest_kind_e  kind;

    alg = tpm->pcrs.count != 0 ? tpm->pcrs.banks[0].alg
                               : ATTEST_TPM_ALG_SHA256;

    cli_printf("\n-- ");
    cli_print_text(stdout, item->label_in.p, item->label_in.n, 0);
    cli_printf(" (");
    cli_print_text(stdout, item->type_in.p, item->type_in.n, 0);
    cli_printf("), %zu bytes\n", item->value.n);

    which = attest_kind_item_by_type(item->type_in);
    kind = attest_kind_by_item(which);

    if (which == ATTEST_ID_TSM) {
        cli_tsm_show(item->value);

    } else if (kind != ATTEST_KIND_UNKNOWN) {
        cli_kinds[kind]->show(item->value);

    } else if (which != ATTEST_ITEMS) {
        cli_items[which](item->value, alg);

    } else {
        cli_printf("unknown to this version\n");
    }
}
