/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A verdict: in words, as a JSON document, as an exit status.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/evp.h>

#include "core/base/attest_hex.h"
#include "cli/cli_report.h"


static void cli_report_members(cJSON *root, const attest_peer_t *peer);
static void cli_report_base64(cJSON *root, const char *name,
    attest_span_t s);
static void cli_report_pem(cJSON *root, attest_span_t der);


static const char *const  cli_states[] = {
    [ATTEST_CHECK_UNKNOWN] = "????",
    [ATTEST_CHECK_FAIL] = "FAIL",
    [ATTEST_CHECK_PASS] = "PASS",
    [ATTEST_CHECK_NOTE] = "NOTE"
};


int
cli_report_status(const attest_result_t *res)
{
    switch (res->verdict) {
    case ATTEST_TRUSTED:
        return CLI_OK;
    case ATTEST_NOT_TRUSTED:
        return CLI_FAILED;
    default:
        return CLI_UNDECIDED;
    }
}


void
cli_report_result(FILE *out, const attest_result_t *res, int all)
{
    size_t                 i;
    const attest_check_t  *check;

    for (i = 0; i < res->count; i++) {
        check = &res->checks[i];

        /* what could not be fetched explains what could not be decided */

        if (all || check->state == ATTEST_CHECK_FAIL
            || check->state == ATTEST_CHECK_UNKNOWN
            || strcmp(check->id, "fetch") == 0)
        {
            cli_fprintf(out, "%s  %s: %s\n", cli_states[check->state],
                        check->id, check->text);
        }
    }

    cli_fprintf(out, all ? "\n%s: %s\n" : "%s: %s\n",
                res->verdict == ATTEST_TRUSTED ? "TRUSTED"
                : res->verdict == ATTEST_NOT_TRUSTED ? "NOT TRUSTED"
                : "COULD NOT BE DECIDED", res->why);
}


/* The verdict, and what a program needs to use what was judged. */

void
cli_report_json(const cli_options_t *opt, const attest_peer_t *peer,
    const attest_result_t *res)
{
    char   *text, *more;
    cJSON  *root;

    text = attest_verify_json(res, opt->target, cli_now(opt));
    root = text != NULL ? cJSON_Parse(text) : NULL;
    free(text);

    if (root != NULL && res->verdict == ATTEST_TRUSTED) {
        cli_report_members(root, peer);
    }

    more = root != NULL ? cJSON_Print(root) : NULL;
    cli_print_json(stdout, more != NULL ? more : "{}");

    cJSON_free(more);
    cJSON_Delete(root);
}


/*
 * Only what evidence that is trusted vouches for: whoever looks at these
 * members alone gets nothing from a gateway that was refused.
 */

static void
cli_report_members(cJSON *root, const attest_peer_t *peer)
{
    char    hex[65];
    cJSON  *validity;

    if (!peer->has_claims) {
        return;
    }

    /* the key that ends TLS is another one: nobody is to pin this */

    if (peer->keys_only) {
        cJSON_AddTrueToObject(root, "keys_only");

    } else if (peer->has_spki) {
        attest_hex_encode(hex, peer->spki, sizeof(peer->spki));
        cJSON_AddStringToObject(root, "tls_key_sha256", hex);
    }

    if (peer->seen.cert.n != 0) {
        cli_report_pem(root, attest_bytes_span(&peer->seen.cert));
    }

    if (peer->keys.n != 0) {
        cli_report_base64(root, "key_config", attest_bytes_span(&peer->keys));
    }

    if (peer->has_validity) {
        validity = cJSON_AddObjectToObject(root, "validity");
        cJSON_AddNumberToObject(validity, "not_before",
                                (double) peer->not_before);
        cJSON_AddNumberToObject(validity, "not_after",
                                (double) peer->not_after);
    }

    if (peer->generation != 0) {
        cJSON_AddNumberToObject(root, "generation",
                                (double) peer->generation);
    }
}


static void
cli_report_base64(cJSON *root, const char *name, attest_span_t s)
{
    char  *text = malloc(4 * ((s.n + 2) / 3) + 1);

    if (text != NULL) {
        (void) EVP_EncodeBlock((uint8_t *) text, s.p, (int) s.n);
        cJSON_AddStringToObject(root, name, text);
    }

    free(text);
}


/* RFC 7468: 64 letters a line. */

static void
cli_report_pem(cJSON *root, attest_span_t der)
{
    int             n, left = (int) der.n, part;
    char           *text, *p;
    const uint8_t  *at = der.p;

    text = malloc(4 * ((der.n + 2) / 3) + der.n / 48 + 128);
    if (text == NULL) {
        return;
    }

    p = text + sprintf(text, "-----BEGIN CERTIFICATE-----\n");

    for ( /* void */ ; left > 0; left -= part, at += part) {
        part = left < 48 ? left : 48;
        n = EVP_EncodeBlock((uint8_t *) p, at, part);
        p += n;
        *p++ = '\n';
    }

    (void) strcpy(p, "-----END CERTIFICATE-----\n");
    cJSON_AddStringToObject(root, "certificate", text);
    free(text);
}
