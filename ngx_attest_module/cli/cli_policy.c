/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "ngx-attest policy": a first policy, made of what a gateway runs now.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/attest_hex.h"
#include "core/base/attest_cbor.h"
#include "core/evidence/attest_claims.h"
#include "core/policy/attest_policy_kinds.h"
#include "core/evidence/attest_tpm.h"
#include "cli/cli_peer.h"
#include "cli/cli_kinds.h"
#include "cli/cli_policy_load.h"
#include "cli/cli_report.h"


/* PCRs that change while a machine runs, or that anybody may reset. */
#define CLI_PCRS_UNSTABLE    (1u << 10 | 1u << 16 | 1u << 23)


/* What a policy is made of: what was seen, judged, and given to build on. */

typedef struct {
    const attest_fetch_t     *ev;
    const cli_options_t      *opt;
    const attest_result_t    *res;
    const char               *part;   /* "fresh" or "cached": which is read */
    attest_cmw_t              cmw;
    attest_claims_t           claims;
    attest_tpm_item_t         tpm;
    int                       has_tpm;
    char                      label[32];
    cJSON                    *root;   /* --policy, and what is added to it */
} cli_policy_t;


static int cli_policy_base(const cli_options_t *opt, attest_policy_t *policy,
    cJSON **root);
static bool cli_policy_sound(const attest_result_t *res);
static bool cli_policy_open(const char *id);
static bool cli_policy_is_check(const char *id, const char *name);
static int cli_policy_write(const attest_fetch_t *ev,
    const cli_options_t *opt, const attest_result_t *res, cJSON *root);
static int cli_policy_read(cli_policy_t *p);
static int cli_policy_add(cli_policy_t *p);
static cJSON *cli_policy_fill(const cli_policy_t *p);
static bool cli_policy_passed(const cli_policy_t *p, const char *id);
static const char *cli_policy_label(const attest_result_t *res,
    const attest_tpm_item_t *tpm, char label[32]);
static void cli_policy_hardware(const cli_policy_t *p, cJSON *add);
static bool cli_policy_item(const cli_policy_t *p,
    const attest_cmw_item_t *item, attest_item_e which, cJSON *add);
static bool cli_policy_genuine(const cli_policy_t *p, const cli_kind_t *kind);
static void cli_policy_tpm(const cli_policy_t *p, cJSON *add);
static bool cli_policy_vouched(const cli_policy_t *p);
static void cli_policy_merge(cJSON *to, cJSON *add, const char *path);
static void cli_policy_member(cJSON *to, cJSON *m, const char *path);
static bool cli_policy_has_members(const char *name);
static void cli_policy_say(const char *what, const char *path,
    const cJSON *value);
static bool cli_policy_check(const cli_policy_t *p, const char *text);
static void cli_policy_warn(const char *label);
static cJSON *cli_policy_pcrs(const cli_policy_t *p);
static const attest_tpm_bank_t *cli_policy_bank(const cli_policy_t *p);
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
    attest_peer_t     peer;

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

    rc = cli_peer_run(&peer, opt, policy, 1, &res);

    if (rc == CLI_OK && !cli_policy_sound(&res)) {
        cli_report_result(stderr, &res, 0);
        rc = res.verdict == ATTEST_NOT_TRUSTED ? CLI_FAILED : CLI_UNDECIDED;

        if (opt->policy != NULL) {
            (void) cli_error("no member of %s is replaced by what the "
                             "evidence has", opt->policy);
        }

    } else if (rc == CLI_OK) {
        rc = cli_policy_write(&peer.seen, opt, &res, root);
    }

    attest_peer_clear(&peer);
    attest_policy_clear(policy);
    free(policy);
    cJSON_Delete(root);
    return rc;
}


/*
 * What --policy FILE says is demanded here already, so that a contradiction
 * is a failure of this command; what it leaves open is accepted for now.
 */

static int
cli_policy_base(const cli_options_t *opt, attest_policy_t *policy,
    cJSON **root)
{
    int          rc;
    attest_bytes_t  file = { NULL, 0 };

    rc = cli_policy_load(opt, policy, &file);
    if (rc != CLI_OK) {
        return rc;
    }

    /* the bytes that were checked: the file may be another one by now */

    *root = opt->policy == NULL ? cJSON_CreateObject()
            : cJSON_ParseWithLength((const char *) file.p, file.n);
    attest_bytes_free(&file);

    if (*root == NULL) {
        return cli_error("out of memory");
    }

    if (!cJSON_HasObjectItem(*root, "roots_of_trust")) {
        policy->roots = ATTEST_ROOT_TEE | ATTEST_ROOT_TEE_VTPM
                        | ATTEST_ROOT_CLOUD_VTPM | ATTEST_ROOT_HOST_VTPM
                        | ATTEST_ROOT_SOFTWARE | ATTEST_ROOT_SIMULATED;
    }

    if (!cJSON_HasObjectItem(*root, "require_ek")
        && !cJSON_HasObjectItem(*root, "ek_roots"))
    {
        policy->require_ek = 0;
    }

    if (!cJSON_HasObjectItem(*root, "require_exporter")) {
        policy->require_exporter = (strncmp(opt->target, "https:", 6) == 0);
    }

    return CLI_OK;
}


static bool
cli_policy_sound(const attest_result_t *res)
{
    size_t                 i;
    const attest_check_t  *check;

    for (i = 0; i < res->count; i++) {
        check = &res->checks[i];

        if (check->state == ATTEST_CHECK_FAIL) {
            return false;
        }

        if (check->state == ATTEST_CHECK_UNKNOWN
            && !cli_policy_open(check->id))
        {
            return false;
        }
    }

    return res->count != 0;
}


/* What is for a policy to say, or for a file that a policy brings. */

static bool
cli_policy_open(const char *id)
{
    size_t         i;
    attest_kind_e  k;

    static const char *const  ids[] = {
        "reference-values", "root-of-trust", "exporter", "nonce",
        "certificate", "binding", "tpm-beside", "tcb-reference",
        "machine-reference", NULL
    };

    for (i = 0; ids[i] != NULL; i++) {
        if (cli_policy_is_check(id, ids[i])) {
            return true;
        }
    }

    for (k = 0; k < ATTEST_KINDS; k++) {
        for (i = 0; i < CLI_KIND_NAMES; i++) {
            if (cli_kinds[k]->open[i] != NULL
                && cli_policy_is_check(id, cli_kinds[k]->open[i]))
            {
                return true;
            }
        }
    }

    return false;
}


/* Names that begin with '-' stand for each part. */

static bool
cli_policy_is_check(const char *id, const char *name)
{
    const char  *found = name[0] == '-' ? strstr(id, name) : id;

    return found != NULL && strcmp(found, name) == 0;
}


static int
cli_policy_write(const attest_fetch_t *ev, const cli_options_t *opt,
    const attest_result_t *res, cJSON *root)
{
    int           rc;
    cli_policy_t  p;

    memset(&p, 0, sizeof(p));
    p.ev = ev;
    p.opt = opt;
    p.res = res;
    p.part = ev->fresh.n != 0 ? "fresh" : "cached";
    p.root = root;

    rc = cli_policy_read(&p);

    if (rc == CLI_OK) {
        rc = cli_policy_add(&p);
        attest_cmw_free(&p.cmw);

    } else {
        cli_report_result(stderr, res, 0);
    }

    return rc;
}


/* All of this passed attest_verify() a moment ago. */

static int
cli_policy_read(cli_policy_t *p)
{
    const attest_bytes_t        *from;
    const attest_cmw_item_t  *c, *t;

    from = p->ev->fresh.n != 0 ? &p->ev->fresh : &p->ev->cached;

    if (attest_cmw_parse(from->p, from->n, &p->cmw) != ATTEST_OK) {
        return cli_error("there is no collection of evidence to read");
    }

    c = attest_cmw_find(&p->cmw, ATTEST_ITEM_CLAIMS);
    t = attest_cmw_find(&p->cmw, ATTEST_ITEM_TPM);

    if (c == NULL
        || attest_claims_parse(c->value.p, c->value.n, &p->claims)
           != ATTEST_OK
        || (t != NULL && attest_tpm_item_parse(t->value.p, t->value.n,
                                               &p->tpm) != ATTEST_OK))
    {
        attest_cmw_free(&p->cmw);
        return cli_error("cannot read the evidence");
    }

    p->has_tpm = (t != NULL);
    (void) cli_policy_label(p->res, &p->tpm, p->label);

    /* a key that the policy is about to name proves this label only */

    if (p->res->root == 0 && strcmp(p->label, "host-vtpm") != 0) {
        attest_cmw_free(&p->cmw);
        return cli_error("what the evidence is rooted in is not established");
    }

    return CLI_OK;
}


static int
cli_policy_add(cli_policy_t *p)
{
    int     rc = CLI_UNDECIDED;
    char   *text;
    cJSON  *add = cli_policy_fill(p);

    cli_policy_merge(p->root, add, "");
    cJSON_Delete(add);

    text = cJSON_Print(p->root);

    if (text == NULL) {
        return cli_error("out of memory");
    }

    if (cli_policy_check(p, text)) {
        cli_print_json(stdout, text);
        cli_policy_warn(p->label);
        rc = CLI_OK;
    }

    cJSON_free(text);
    return rc;
}


static cJSON *
cli_policy_fill(const cli_policy_t *p)
{
    cJSON  *list, *add = cJSON_CreateObject();

    cJSON_AddNumberToObject(add, "version", 1);

    list = cJSON_AddArrayToObject(add, "roots_of_trust");
    cJSON_AddItemToArray(list, cJSON_CreateString(p->label));

    if (p->has_tpm) {
        cli_policy_tpm(p, add);
    }

    cli_policy_hardware(p, add);

    if (p->claims.has_config) {
        cli_policy_hex(add, "config", p->claims.config, 32);
    }

    if (!p->ev->has_exporter) {
        cJSON_AddFalseToObject(add, "require_exporter");
    }

    /* beside a key that is named it would no longer be the default */

    if (cJSON_HasObjectItem(p->root, "ek_roots")
        && !cJSON_HasObjectItem(p->root, "ak"))
    {
        cJSON_AddTrueToObject(add, "require_ek");
    }

    return add;
}


/* A check of the part that is read. */

static bool
cli_policy_passed(const cli_policy_t *p, const char *id)
{
    char    name[64];
    size_t  i;

    (void) snprintf(name, sizeof(name), "%s-%s", p->part, id);

    for (i = 0; i < p->res->count; i++) {
        if (p->res->checks[i].state == ATTEST_CHECK_PASS
            && (strcmp(p->res->checks[i].id, name) == 0
                || strcmp(p->res->checks[i].id, id) == 0))
        {
            return true;
        }
    }

    return false;
}


/* What was established; else what the TPM's item says of itself. */

static const char *
cli_policy_label(const attest_result_t *res, const attest_tpm_item_t *tpm,
    char label[32])
{
    if (res->root != 0) {
        (void) snprintf(label, 32, "%s", attest_label_name(res->root));

    } else {
        (void) snprintf(label, 32, "%.*s", (int) tpm->root.n,
                        (const char *) tpm->root.p);
    }

    return label;
}


static void
cli_policy_hardware(const cli_policy_t *p, cJSON *add)
{
    size_t                    i;
    attest_item_e             which;
    attest_kind_e             kind;
    const attest_cmw_item_t  *item;

    for (i = 0; i < p->cmw.count; i++) {
        item = &p->cmw.items[i];
        which = attest_kind_item_by_type(item->type_in);
        kind = attest_kind_by_item(which);

        if (which != ATTEST_ID_TSM
            && (kind == ATTEST_KIND_UNKNOWN || cli_kinds[kind]->policy == NULL))
        {
            continue;
        }

        if (!cli_policy_item(p, item, which, add)) {
            (void) cli_error("nothing is taken from the item \"%.*s\": the "
                             "verifier did not find it genuine",
                             (int) item->label_in.n,
                             (const char *) item->label_in.p);
        }
    }
}


/* 0: the verifier did not find it genuine. */

static bool
cli_policy_item(const cli_policy_t *p, const attest_cmw_item_t *item,
    attest_item_e which, cJSON *add)
{
    attest_tsm_t   tsm;
    attest_kind_e  kind = attest_kind_by_item(which);

    if (which == ATTEST_ID_TSM
        && attest_tsm_parse(item->value.p, item->value.n, &tsm) == ATTEST_OK)
    {
        kind = attest_kind_by_driver(tsm.provider);
    }

    if (kind == ATTEST_KIND_UNKNOWN
        || !attest_span_is(item->label_in, attest_items[which].label)
        || !cli_policy_genuine(p, cli_kinds[kind]))
    {
        return false;
    }

    if (which == ATTEST_ID_TSM) {
        (void) cli_kinds[kind]->policy_report(&tsm, add);

    } else {
        (void) cli_kinds[kind]->policy(item->value, add);
    }

    return true;
}


/*
 * The verifier looks for a kind under one label, and fails when there is more
 * than one kind of CPU: an item elsewhere was judged by nobody, whatever is in
 * it.
 */

static bool
cli_policy_genuine(const cli_policy_t *p, const cli_kind_t *kind)
{
    size_t  i;

    for (i = 0; i < CLI_KIND_NAMES && kind->genuine[i] != NULL; i++) {
        if (cli_policy_passed(p, kind->genuine[i])) {
            return true;
        }
    }

    return false;
}


/* The key is named where no CPU vouches for it. */

static void
cli_policy_tpm(const cli_policy_t *p, cJSON *add)
{
    cJSON                *pcrs;
    attest_tpm_public_t   ak;

    pcrs = cli_policy_pcrs(p);

    if (pcrs != NULL) {
        (void) cJSON_AddItemToObject(add, "pcrs", pcrs);
    }

    if (cli_policy_vouched(p) || cli_policy_passed(p, "tpm-beside")) {
        return;
    }

    memset(&ak, 0, sizeof(ak));

    if (attest_tpm_public_parse(p->tpm.ak.p, p->tpm.ak.n, &ak) == ATTEST_OK) {
        cli_policy_hex(add, "ak", ak.name, ATTEST_TPM_NAME_LEN);
    }

    attest_tpm_public_free(&ak);
}


/* Is there a CPU that vouches for the key of the TPM? */

static bool
cli_policy_vouched(const cli_policy_t *p)
{
    size_t         i;
    attest_kind_e  kind;

    for (i = 0; i < p->cmw.count; i++) {
        kind = attest_kind_by_item(attest_kind_item_by_label(
                                       p->cmw.items[i].label_in));

        if (kind != ATTEST_KIND_UNKNOWN
            && (attest_kinds[kind].ties & ATTEST_KIND_VOUCHES))
        {
            return true;
        }
    }

    return false;
}


/* What the policy to build on says stays: members are only added. */

static void
cli_policy_merge(cJSON *to, cJSON *add, const char *path)
{
    char    sub[128];
    cJSON  *m;

    while (add->child != NULL) {
        m = cJSON_DetachItemViaPointer(add, add->child);
        (void) snprintf(sub, sizeof(sub), "%s%s%s", path,
                        *path != '\0' ? "." : "", m->string);
        cli_policy_member(to, m, sub);
    }
}


static void
cli_policy_member(cJSON *to, cJSON *m, const char *path)
{
    cJSON  *base;

    base = cJSON_GetObjectItemCaseSensitive(to, m->string);

    if (cJSON_IsObject(m) && cli_policy_has_members(m->string)
        && m->child != NULL && (base == NULL || cJSON_IsObject(base)))
    {
        base = base != NULL ? base : cJSON_AddObjectToObject(to, m->string);
        cli_policy_merge(base, m, path);

    } else if (base != NULL) {

        if (!cJSON_Compare(base, m, 1)) {
            cli_policy_say("kept as --policy has it", path, base);
            cli_policy_say("the evidence has", path, m);
        }

    } else if (!cJSON_IsObject(m) || m->child != NULL) {
        cli_policy_say("added", path, m);
        (void) cJSON_AddItemToObject(to, m->string, m);
        return;
    }

    cJSON_Delete(m);
}


/* Objects that are no value but hold some, each for itself. */

static bool
cli_policy_has_members(const char *name)
{
    size_t         i;
    attest_kind_e  k;

    static const char *const  registers[] = {
        "pcrs", "rtmr", "sha256", "sha384", NULL
    };

    for (k = 0; k < ATTEST_KINDS; k++) {
        if (attest_policy_kinds[k]->member != NULL
            && strcmp(attest_policy_kinds[k]->member, name) == 0)
        {
            return true;
        }
    }

    for (i = 0; registers[i] != NULL; i++) {
        if (strcmp(registers[i], name) == 0) {
            return true;
        }
    }

    return false;
}


static void
cli_policy_say(const char *what, const char *path, const cJSON *value)
{
    char  *text = cJSON_PrintUnformatted(value);

    (void) cli_error("%s: %s: %s", what, path, text != NULL ? text : "?");
    cJSON_free(text);
}


/* What "verify" would say by this policy of the same evidence. */

static bool
cli_policy_check(const cli_policy_t *p, const char *text)
{
    int                     ok;
    char                    err[256] = "out of memory";
    size_t                  i;
    attest_policy_t        *policy = calloc(1, sizeof(*policy));
    attest_result_t         res;
    const attest_check_t   *check;
    attest_peer_options_t   po = { .now = p->opt->now };

    ok = policy != NULL
         && attest_policy_parse(text, strlen(text), policy, err, sizeof(err))
            == ATTEST_OK;

    if (!ok) {
        (void) cli_error("what would be written is no policy: %s", err);
        free(policy);
        return false;
    }

    attest_peer_verdict(p->ev, &po, policy, &res);
    attest_policy_clear(policy);
    free(policy);

    for (i = 0; i < res.count && res.verdict != ATTEST_TRUSTED; i++) {
        check = &res.checks[i];

        if (check->state == ATTEST_CHECK_FAIL
            || check->state == ATTEST_CHECK_UNKNOWN)
        {
            (void) cli_error("not yet enough to trust it: %s: %s", check->id,
                             check->text);
        }
    }

    return true;
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

    if (strcmp(label, attest_label_name(ATTEST_ROOT_HOST_VTPM)) == 0) {
        (void) cli_error("that this key is in a TPM is the gateway's own "
                         "word; set ek_roots and require_ek to have it "
                         "proven");
    }
}


/* One bank that a policy can name, without the PCRs that do not hold still. */

static cJSON *
cli_policy_pcrs(const cli_policy_t *p)
{
    char                      name[8], hex[129];
    cJSON                    *pcrs, *values;
    size_t                    i;
    const attest_tpm_bank_t  *bank = cli_policy_bank(p);

    if (bank == NULL) {
        return NULL;
    }

    pcrs = cJSON_CreateObject();
    values = cJSON_AddObjectToObject(pcrs, attest_tpm_alg_name(bank->alg));

    for (i = 0; i < ATTEST_TPM_PCRS; i++) {
        if ((bank->select & ~CLI_PCRS_UNSTABLE) >> i & 1) {
            (void) snprintf(name, sizeof(name), "%zu", i);
            attest_hex_encode(hex, bank->value[i], bank->len);
            cJSON_AddStringToObject(values, name, hex);
        }
    }

    return pcrs;
}


/* A policy names one bank: the one that it has already, if any. */

static const attest_tpm_bank_t *
cli_policy_bank(const cli_policy_t *p)
{
    size_t                    i;
    const cJSON              *given;
    const attest_tpm_bank_t  *bank, *found = NULL;

    given = cJSON_GetObjectItemCaseSensitive(p->root, "pcrs");

    for (i = 0; i < p->tpm.pcrs.count; i++) {
        bank = &p->tpm.pcrs.banks[i];

        if (given != NULL
            && cJSON_HasObjectItem(given, attest_tpm_alg_name(bank->alg)))
        {
            return bank;
        }

        if (bank->alg == ATTEST_TPM_ALG_SHA256
            || (bank->alg == ATTEST_TPM_ALG_SHA384 && found == NULL))
        {
            found = bank;
        }
    }

    return given == NULL ? found : NULL;
}


static void
cli_policy_hex(cJSON *root, const char *name, const uint8_t *p, size_t n)
{
    char    hex[2 * ATTEST_TPM_NAME_LEN + 1];
    cJSON  *list;

    attest_hex_encode(hex, p, n);
    list = cJSON_AddArrayToObject(root, name);
    cJSON_AddItemToArray(list, cJSON_CreateString(hex));
}
