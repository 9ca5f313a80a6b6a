
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "attest_claims.h"
#include "attest_tpm.h"
#include "cli.h"


/* PCRs that change while a machine runs, or that anybody may reset. */
#define CLI_PCRS_UNSTABLE    (1u << 10 | 1u << 16 | 1u << 23)


static void cli_print_json(const cli_options_t *opt,
    const attest_result_t *res);
static const char *cli_verdict_word(attest_verdict_e verdict);
static int cli_policy_sound(const attest_result_t *res);
static int cli_policy_write(const cli_evidence_t *ev);
static void cli_policy_print(const cli_evidence_t *ev,
    const attest_claims_t *claims, const attest_tpm_item_t *tpm,
    const attest_tpm_public_t *ak);
static void cli_policy_warn(const char *label);
static cJSON *cli_policy_pcrs(const attest_tpm_item_t *tpm);
static void cli_add_hex_list(cJSON *root, const char *name,
    const uint8_t *p, size_t n);


static const char *const  cli_states[] = { "PASS", "FAIL", "????", "NOTE" };
static const char *const  cli_json_states[] = {
    "pass", "fail", "unknown", "note"
};


int
cli_verify(const cli_options_t *opt)
{
    int               rc;
    attest_result_t   res;
    attest_policy_t  *policy;
    cli_evidence_t    ev;

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return cli_error("out of memory");
    }

    rc = cli_policy_load(opt, policy);
    if (rc != CLI_OK) {
        free(policy);
        return rc;
    }

    rc = cli_run(&ev, opt, policy, 1, &res);

    if (rc != CLI_OK) {
        memset(&res, 0, sizeof(res));
        res.verdict = ATTEST_UNDECIDED;
        (void) snprintf(res.why, sizeof(res.why), "no evidence was obtained: "
                        "%.300s", ev.conn.err[0] != '\0' ? ev.conn.err
                        : "the request could not be made");
    }

    if (opt->json) {
        cli_print_json(opt, &res);

    } else {
        cli_print_result(stdout, &res, 1);
    }

    cli_evidence_clear(&ev);
    attest_policy_clear(policy);
    free(policy);
    return (int) res.verdict;
}


int
cli_run(cli_evidence_t *ev, const cli_options_t *opt,
    const attest_policy_t *policy, int activate, attest_result_t *res)
{
    int       rc;
    unsigned  tries = 0;

    /* keys rotate, and a gateway that reloads closes its connections */

    for ( ;; ) {
        rc = cli_collect(ev, opt, activate);

        if (rc != CLI_OK || ++tries == CLI_MAX_TRIES
            || !(ev->rotated || (ev->conn.lost && ev->cert.n != 0)))
        {
            break;
        }

        cli_evidence_clear(ev);
    }

    if (rc == CLI_OK) {
        cli_appraise(ev, opt, policy, res);
    }

    return rc;
}


int
cli_policy_load(const cli_options_t *opt, attest_policy_t *policy)
{
    int          rc;
    char         err[256];
    cli_bytes_t  file;

    if (opt->policy == NULL) {
        attest_policy_default(policy);
        return CLI_OK;
    }

    rc = cli_file(opt->policy, ATTEST_POLICY_MAX_JSON, &file);
    if (rc != CLI_OK) {
        return rc;
    }

    (void) snprintf(err, sizeof(err), "out of memory");

    rc = attest_policy_parse((const char *) file.p, file.n, policy, err,
                             sizeof(err));
    cli_bytes_free(&file);

    if (rc == ATTEST_OK) {
        return CLI_OK;
    }

    /* a member's name comes from the file: no control characters of it */

    fprintf(stderr, "ngx-attest: policy %s: ", opt->policy);
    cli_print_text(stderr, (const uint8_t *) err, strlen(err), 0);
    fputc('\n', stderr);
    return CLI_UNDECIDED;
}


static const char *
cli_verdict_word(attest_verdict_e verdict)
{
    switch (verdict) {
    case ATTEST_TRUSTED:
        return "trusted";
    case ATTEST_NOT_TRUSTED:
        return "not trusted";
    default:
        return "undecided";
    }
}


void
cli_print_result(FILE *out, const attest_result_t *res, int all)
{
    size_t                 i;
    const attest_check_t  *check;

    for (i = 0; i < res->count; i++) {
        check = &res->checks[i];

        if (all || check->state == ATTEST_CHECK_FAIL
            || check->state == ATTEST_CHECK_UNKNOWN)
        {
            fprintf(out, "%s  %s: %s\n", cli_states[check->state], check->id,
                    check->text);
        }
    }

    fprintf(out, "%s%s: %s\n", all ? "\n" : "",
            res->verdict == ATTEST_TRUSTED ? "TRUSTED"
            : res->verdict == ATTEST_NOT_TRUSTED ? "NOT TRUSTED"
            : "COULD NOT BE DECIDED", res->why);
}


/* The object that README.md documents. */

static void
cli_print_json(const cli_options_t *opt, const attest_result_t *res)
{
    char    *text;
    cJSON   *root, *list, *item;
    size_t   i;

    root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "version", 1);
    cJSON_AddStringToObject(root, "url", opt->target);
    cJSON_AddNumberToObject(root, "time", (double) cli_now(opt));
    cJSON_AddStringToObject(root, "verdict", cli_verdict_word(res->verdict));
    cJSON_AddStringToObject(root, "why", res->why);
    cJSON_AddStringToObject(root, "root_of_trust",
                            attest_root_label(res->root));
    list = cJSON_AddArrayToObject(root, "checks");

    for (i = 0; i < res->count; i++) {
        item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "id", res->checks[i].id);
        cJSON_AddStringToObject(item, "state",
                                cli_json_states[res->checks[i].state]);
        cJSON_AddStringToObject(item, "text", res->checks[i].text);
        cJSON_AddItemToArray(list, item);
    }

    text = cJSON_Print(root);
    printf("%s\n", text != NULL ? text : "{}");

    cJSON_free(text);
    cJSON_Delete(root);
}


/*
 * A first policy from a gateway that one trusts now.  All that binds must
 * hold; only what the policy is about to say may still be open.
 */

int
cli_policy(const cli_options_t *opt)
{
    int               rc;
    attest_result_t   res;
    attest_policy_t  *policy;
    cli_evidence_t    ev;

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return cli_error("out of memory");
    }

    attest_policy_default(policy);
    policy->roots = ATTEST_ROOT_TEE | ATTEST_ROOT_TEE_VTPM
                    | ATTEST_ROOT_CLOUD_VTPM | ATTEST_ROOT_HOST_VTPM
                    | ATTEST_ROOT_SOFTWARE | ATTEST_ROOT_SIMULATED;
    policy->require_ek = 0;
    policy->require_exporter = (strncmp(opt->target, "https:", 6) == 0);

    rc = cli_run(&ev, opt, policy, 1, &res);

    if (rc == CLI_OK && !cli_policy_sound(&res)) {
        cli_print_result(stderr, &res, 0);
        rc = res.verdict == ATTEST_NOT_TRUSTED ? CLI_FAILED : CLI_UNDECIDED;

    } else if (rc == CLI_OK) {
        rc = cli_policy_write(&ev);
    }

    cli_evidence_clear(&ev);
    free(policy);
    return rc;
}


static int
cli_policy_sound(const attest_result_t *res)
{
    size_t                 i;
    const attest_check_t  *check;

    for (i = 0; i < res->count; i++) {
        check = &res->checks[i];

        if (check->state == ATTEST_CHECK_FAIL) {
            return 0;
        }

        if (check->state == ATTEST_CHECK_UNKNOWN
            && strcmp(check->id, "reference-values") != 0
            && strcmp(check->id, "root-of-trust") != 0)
        {
            return 0;
        }
    }

    return res->count != 0;
}


static int
cli_policy_write(const cli_evidence_t *ev)
{
    int                       rc = CLI_UNDECIDED;
    attest_cmw_t              cmw;
    attest_claims_t           claims;
    attest_tpm_item_t         tpm;
    attest_tpm_public_t       ak;
    const attest_cmw_item_t  *c, *t;

    memset(&ak, 0, sizeof(ak));

    /* all of this passed attest_verify() a moment ago */

    if (attest_cmw_parse(ev->fresh.p, ev->fresh.n, &cmw) != ATTEST_OK) {
        return cli_error("cannot read the fresh evidence");
    }

    c = attest_cmw_find(&cmw, ATTEST_ITEM_CLAIMS);
    t = attest_cmw_find(&cmw, ATTEST_ITEM_TPM);

    if (c == NULL || t == NULL
        || attest_claims_parse(c->value.p, c->value.n, &claims) != ATTEST_OK
        || attest_tpm_item_parse(t->value.p, t->value.n, &tpm) != ATTEST_OK
        || attest_tpm_public_parse(tpm.ak.p, tpm.ak.n, &ak) != ATTEST_OK)
    {
        (void) cli_error("cannot read the fresh evidence");

    } else {
        cli_policy_print(ev, &claims, &tpm, &ak);
        rc = CLI_OK;
    }

    attest_tpm_public_free(&ak);
    attest_cmw_free(&cmw);
    return rc;
}


static void
cli_policy_print(const cli_evidence_t *ev, const attest_claims_t *claims,
    const attest_tpm_item_t *tpm, const attest_tpm_public_t *ak)
{
    char    label[32], *text;
    cJSON  *root, *list;

    (void) snprintf(label, sizeof(label), "%.*s", (int) tpm->root.n,
                    (const char *) tpm->root.p);

    root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "version", 1);
    list = cJSON_AddArrayToObject(root, "roots_of_trust");
    cJSON_AddItemToArray(list, cJSON_CreateString(label));
    cJSON_AddItemToObject(root, "pcrs", cli_policy_pcrs(tpm));

    if (claims->has_config) {
        cli_add_hex_list(root, "config", claims->config, 32);
    }

    cli_add_hex_list(root, "ak", ak->name, ATTEST_TPM_NAME_LEN);

    if (!ev->url.tls) {
        cJSON_AddBoolToObject(root, "require_exporter", 0);
    }

    text = cJSON_Print(root);
    printf("%s\n", text != NULL ? text : "{}");

    cJSON_free(text);
    cJSON_Delete(root);

    cli_policy_warn(label);
}


/* What nobody checked yet: the reader has to. */

static void
cli_policy_warn(const char *label)
{
    fputs("ngx-attest: this policy trusts what the gateway runs now; compare "
          "its values with ones you know to be good\n"
          "ngx-attest: nothing authenticated this connection; compare the "
          "key's name and the values with the machine's console, or fetch "
          "them over a path that you trust\n", stderr);

    if (strcmp(label, attest_root_label(ATTEST_ROOT_SOFTWARE)) != 0) {
        fputs("ngx-attest: that this key is in a TPM is the gateway's own "
              "word; set ek_roots and require_ek to have it proven\n",
              stderr);
    }
}


/* One bank that a policy can name, without the PCRs that do not hold still. */

static cJSON *
cli_policy_pcrs(const attest_tpm_item_t *tpm)
{
    char                      name[8], hex[129];
    cJSON                    *pcrs, *values;
    size_t                    i;
    const attest_tpm_bank_t  *bank = NULL;

    for (i = 0; i < tpm->pcrs.count; i++) {
        if (tpm->pcrs.banks[i].alg == ATTEST_TPM_ALG_SHA256
            || (tpm->pcrs.banks[i].alg == ATTEST_TPM_ALG_SHA384
                && bank == NULL))
        {
            bank = &tpm->pcrs.banks[i];
        }
    }

    pcrs = cJSON_CreateObject();
    if (bank == NULL) {
        return pcrs;
    }

    values = cJSON_AddObjectToObject(pcrs, attest_tpm_alg_name(bank->alg));

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        if ((bank->select & ~CLI_PCRS_UNSTABLE) >> i & 1) {
            (void) snprintf(name, sizeof(name), "%zu", i);
            cli_hex(hex, bank->value[i], bank->len);
            cJSON_AddStringToObject(values, name, hex);
        }
    }

    return pcrs;
}


static void
cli_add_hex_list(cJSON *root, const char *name, const uint8_t *p, size_t n)
{
    char    hex[2 * ATTEST_TPM_NAME_LEN + 1];
    cJSON  *list;

    cli_hex(hex, p, n);
    list = cJSON_AddArrayToObject(root, name);
    cJSON_AddItemToArray(list, cJSON_CreateString(hex));
}
