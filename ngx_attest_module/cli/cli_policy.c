
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "attest_cbor.h"
#include "attest_claims.h"
#include "attest_tpm.h"
#include "cli.h"


/* PCRs that change while a machine runs, or that anybody may reset. */
#define CLI_PCRS_UNSTABLE    (1u << 10 | 1u << 16 | 1u << 23)


static int cli_policy_base(const cli_options_t *opt, attest_policy_t *policy,
    cJSON **root);
static int cli_policy_sound(const attest_result_t *res);
static int cli_policy_open(const char *id);
static int cli_policy_write(const cli_evidence_t *ev,
    const attest_result_t *res, cJSON *root);
static void cli_policy_fill(const attest_cmw_t *cmw, const char *label,
    const attest_tpm_item_t *tpm, cJSON *root);
static const char *cli_policy_label(const attest_result_t *res,
    const attest_tpm_item_t *tpm, char label[32]);
static void cli_policy_hardware(const attest_cmw_t *cmw, cJSON *root);
static void cli_policy_kind(cJSON *root, cJSON *found);
static void cli_policy_tsm(attest_span_t value, cJSON *root);
static void cli_policy_tpm(const attest_tpm_item_t *tpm, int named,
    cJSON *root);
static void cli_policy_set(cJSON *root, const char *name, cJSON *value);
static void cli_policy_warn(const char *label);
static cJSON *cli_policy_pcrs(const attest_tpm_item_t *tpm);
static void cli_policy_hex(cJSON *root, const char *name, const uint8_t *p,
    size_t n);


/*
 * A first policy from a gateway that one trusts now.  All that binds must
 * hold; only what the policy is about to say may still be open.
 */

int
cli_policy(const cli_options_t *opt)
{
    int               rc;
    cJSON            *root = NULL;
    attest_result_t   res;
    attest_policy_t  *policy;
    cli_evidence_t    ev;

    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return cli_error("out of memory");
    }

    rc = cli_policy_base(opt, policy, &root);
    if (rc != CLI_OK) {
        attest_policy_clear(policy);
        free(policy);
        return rc;
    }

    rc = cli_run(&ev, opt, policy, 1, &res);

    if (rc == CLI_OK && !cli_policy_sound(&res)) {
        cli_print_result(stderr, &res, 0);
        rc = res.verdict == ATTEST_NOT_TRUSTED ? CLI_FAILED : CLI_UNDECIDED;

    } else if (rc == CLI_OK) {
        rc = cli_policy_write(&ev, &res, root);
    }

    cli_evidence_clear(&ev);
    attest_policy_clear(policy);
    free(policy);
    cJSON_Delete(root);
    return rc;
}


/* Everything that may be accepted is; a policy to build on is taken over. */

static int
cli_policy_base(const cli_options_t *opt, attest_policy_t *policy,
    cJSON **root)
{
    int          rc;
    cli_bytes_t  file = { NULL, 0 };

    rc = cli_policy_load(opt, policy, &file);
    if (rc != CLI_OK) {
        return rc;
    }

    policy->roots = ATTEST_ROOT_TEE | ATTEST_ROOT_TEE_VTPM
                    | ATTEST_ROOT_CLOUD_VTPM | ATTEST_ROOT_HOST_VTPM
                    | ATTEST_ROOT_SOFTWARE | ATTEST_ROOT_SIMULATED;
    policy->require_ek = 0;
    policy->require_exporter = (strncmp(opt->target, "https:", 6) == 0);

    if (opt->policy == NULL) {
        *root = cJSON_CreateObject();
        return CLI_OK;
    }

    /* the bytes that were checked: the file may be another one by now */

    *root = cJSON_ParseWithLength((const char *) file.p, file.n);
    cli_bytes_free(&file);

    return *root != NULL ? CLI_OK : cli_error("out of memory");
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
            && !cli_policy_open(check->id))
        {
            return 0;
        }
    }

    return res->count != 0;
}


/*
 * What is for a policy to say, or for a file that a policy brings; names that
 * begin with '-' stand for each part.
 */

static int
cli_policy_open(const char *id)
{
    size_t       i;
    const char  *found;

    static const char *const  ids[] = {
        "reference-values", "root-of-trust", "exporter", "nonce",
        "certificate", "tpm-beside", "paravisor-reference", "-tdx-tcb",
        "-tdx-mrservicetd", NULL
    };

    for (i = 0; ids[i] != NULL; i++) {
        found = ids[i][0] == '-' ? strstr(id, ids[i]) : id;

        if (found != NULL && strcmp(found, ids[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
cli_policy_write(const cli_evidence_t *ev, const attest_result_t *res,
    cJSON *root)
{
    char                      label[32], *text;
    attest_cmw_t              cmw;
    attest_claims_t           claims;
    attest_tpm_item_t         tpm;
    const cli_bytes_t        *from = ev->fresh.n ? &ev->fresh : &ev->cached;
    const attest_cmw_item_t  *c, *t;

    memset(&tpm, 0, sizeof(tpm));

    /* all of this passed attest_verify() a moment ago */

    if (attest_cmw_parse(from->p, from->n, &cmw) != ATTEST_OK) {
        cli_print_result(stderr, res, 0);
        return cli_error("there is no collection of evidence to read");
    }

    c = attest_cmw_find(&cmw, ATTEST_ITEM_CLAIMS);
    t = attest_cmw_find(&cmw, ATTEST_ITEM_TPM);

    if (c == NULL
        || attest_claims_parse(c->value.p, c->value.n, &claims) != ATTEST_OK
        || (t != NULL && attest_tpm_item_parse(t->value.p, t->value.n, &tpm)
                         != ATTEST_OK))
    {
        attest_cmw_free(&cmw);
        return cli_error("cannot read the evidence");
    }

    (void) cli_policy_label(res, &tpm, label);
    cli_policy_fill(&cmw, label, t != NULL ? &tpm : NULL, root);

    if (claims.has_config) {
        cli_policy_hex(root, "config", claims.config, 32);
    }

    if (!ev->has_exporter) {
        cli_policy_set(root, "require_exporter", cJSON_CreateFalse());
    }

    text = cJSON_Print(root);
    cli_print_json(stdout, text != NULL ? text : "{}");

    cJSON_free(text);
    attest_cmw_free(&cmw);
    cli_policy_warn(label);
    return CLI_OK;
}


static void
cli_policy_fill(const attest_cmw_t *cmw, const char *label,
    const attest_tpm_item_t *tpm, cJSON *root)
{
    cJSON  *list;

    cli_policy_set(root, "version", cJSON_CreateNumber(1));

    list = cJSON_CreateArray();
    cJSON_AddItemToArray(list, cJSON_CreateString(label));
    cli_policy_set(root, "roots_of_trust", list);

    if (tpm != NULL) {
        cli_policy_tpm(tpm, strcmp(label, "software") == 0
                            || strcmp(label, "host-vtpm") == 0, root);
    }

    cli_policy_hardware(cmw, root);
}


/* What was established; else what the TPM's item says of itself. */

static const char *
cli_policy_label(const attest_result_t *res, const attest_tpm_item_t *tpm,
    char label[32])
{
    if (res->root != 0) {
        (void) snprintf(label, 32, "%s", attest_root_label(res->root));

    } else {
        (void) snprintf(label, 32, "%.*s", (int) tpm->root.n,
                        (const char *) tpm->root.p);
    }

    return label;
}


static void
cli_policy_hardware(const attest_cmw_t *cmw, cJSON *root)
{
    size_t                    i;
    cJSON                    *found;
    const attest_cmw_item_t  *item;

    for (i = 0; i < cmw->count; i++) {
        item = &cmw->items[i];
        found = cJSON_CreateObject();

        if (attest_span_is(item->type_in, ATTEST_TYPE_TSM)) {
            cli_policy_tsm(item->value, found);

        } else if (attest_span_is(item->type_in, ATTEST_TYPE_AZURE)) {
            (void) cli_azure_policy(item->value, found);

        } else if (attest_span_is(item->type_in, ATTEST_TYPE_NITRO)) {
            (void) cli_nitro_policy(item->value, found);

        } else if (attest_span_is(item->type_in, ATTEST_TYPE_GPU)) {
            (void) cli_gpu_policy(item->value, found);

        } else if (attest_span_is(item->type_in, ATTEST_TYPE_AK_CERT)) {
            (void) cli_ak_cert_policy(item->value, found);
        }

        while (found->child != NULL) {
            cli_policy_kind(root, cJSON_DetachItemViaPointer(found,
                                                             found->child));
        }

        cJSON_Delete(found);
    }
}


/* The member of one kind: what the base policy says beside it stays. */

static void
cli_policy_kind(cJSON *root, cJSON *found)
{
    cJSON  *base, *m;

    base = cJSON_DetachItemFromObjectCaseSensitive(root, found->string);

    while (cJSON_IsObject(base) && base->child != NULL) {
        m = cJSON_DetachItemViaPointer(base, base->child);

        if (cJSON_GetObjectItemCaseSensitive(found, m->string) != NULL
            || !cJSON_AddItemToObject(found, m->string, m))
        {
            cJSON_Delete(m);
        }
    }

    cJSON_Delete(base);
    (void) cJSON_AddItemToObject(root, found->string, found);
}


static void
cli_policy_tsm(attest_span_t value, cJSON *root)
{
    attest_tsm_t  tsm;

    if (attest_tsm_parse(value.p, value.n, &tsm) != ATTEST_OK) {
        return;
    }

    if (attest_span_is(tsm.provider, "sev_guest")) {
        (void) cli_snp_policy(&tsm, root);

    } else if (attest_span_is(tsm.provider, "tdx_guest")) {
        (void) cli_tdx_policy(&tsm, root);
    }
}


/* The key is named where nothing else ties it to a machine. */

static void
cli_policy_tpm(const attest_tpm_item_t *tpm, int named, cJSON *root)
{
    attest_tpm_public_t  ak;

    cli_policy_set(root, "pcrs", cli_policy_pcrs(tpm));

    memset(&ak, 0, sizeof(ak));

    if (named && attest_tpm_public_parse(tpm->ak.p, tpm->ak.n, &ak)
                 == ATTEST_OK)
    {
        cli_policy_hex(root, "ak", ak.name, ATTEST_TPM_NAME_LEN);
    }

    attest_tpm_public_free(&ak);
}


/* In the place of what the base policy says of it, if anything. */

static void
cli_policy_set(cJSON *root, const char *name, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(root, name);
    (void) cJSON_AddItemToObject(root, name, value);
}


/* What nobody checked yet: the reader has to. */

static void
cli_policy_warn(const char *label)
{
    (void) cli_error("this policy trusts what the gateway runs now; compare "
                     "its values with ones you know to be good");
    (void) cli_error("nothing authenticated this connection; compare the "
                     "key's name and the values with the machine's console, "
                     "or fetch them over a path that you trust");

    if (strcmp(label, attest_root_label(ATTEST_ROOT_HOST_VTPM)) == 0) {
        (void) cli_error("that this key is in a TPM is the gateway's own "
                         "word; set ek_roots and require_ek to have it "
                         "proven");
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
cli_policy_hex(cJSON *root, const char *name, const uint8_t *p, size_t n)
{
    char    hex[2 * ATTEST_TPM_NAME_LEN + 1];
    cJSON  *list;

    cli_hex(hex, p, n);
    list = cJSON_CreateArray();
    cJSON_AddItemToArray(list, cJSON_CreateString(hex));
    cli_policy_set(root, name, list);
}
