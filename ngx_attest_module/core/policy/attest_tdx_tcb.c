/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads Intel's TCB info and QE identity, and finds the level of a platform
 * and of a quoting enclave in them.
 */


#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/attest_hex.h"
#include "core/base/attest_json.h"
#include "core/policy/attest_tdx_tcb.h"


typedef int (*attest_tcb_pt)(const cJSON *v, void *to);


static cJSON *attest_tcb_read(attest_span_t json);
static bool attest_tcb_hex(const cJSON *o, const char *name, uint8_t *out,
    size_t n);
static bool attest_tcb_uint(const cJSON *o, const char *name, double max,
    uint64_t *out);
static int attest_tcb_dates(const cJSON *o, const char *id, double version,
    int64_t *issued, int64_t *next);
static int attest_tcb_list(const cJSON *o, const char *name, size_t max,
    size_t size, size_t *count, attest_tcb_pt read, void *to);
static int attest_tcb_info_read(const cJSON *root, attest_tcb_info_t *info);
static int attest_tcb_module_same(const cJSON *v, attest_tcb_module_t *m);
static int attest_tcb_module_read(const cJSON *v, void *to);
static int attest_tcb_level_read(const cJSON *v, void *to);
static int attest_tcb_components(const cJSON *tcb, const char *name,
    uint8_t svn[ATTEST_TDX_SVNS]);
static int attest_tcb_svn_read(const cJSON *v, void *to);
static int attest_tcb_status_read(const cJSON *v, unsigned *status,
    int64_t *date);
static int attest_tcb_qe_read(const cJSON *root, attest_tcb_qe_t *qe);
static const char *attest_tcb_platform(const attest_tcb_info_t *info,
    const attest_tdx_quote_t *q, const attest_tdx_pck_t *pck,
    const uint8_t *svn, attest_tcb_result_t *res);
static const attest_tcb_level_t *attest_tcb_match(
    const attest_tcb_info_t *info, const attest_tdx_pck_t *pck,
    const uint8_t *svn);
static bool attest_tcb_level_higher(const attest_tcb_level_t *a,
    const attest_tcb_level_t *b);
static const attest_tcb_svn_t *attest_tcb_svn_match(
    const attest_tcb_svns_t *levels, unsigned isvsvn);
static const char *attest_tcb_qe_status(const attest_tcb_qe_t *qe,
    const attest_tdx_quote_t *q, attest_tcb_result_t *res);
static bool attest_tcb_masked(const uint8_t *got, const uint8_t *mask,
    const uint8_t *want, size_t n);
static void attest_tcb_worse(attest_tcb_result_t *res, unsigned status,
    int64_t date);
static unsigned attest_tcb_worst(unsigned a, unsigned b);


static const struct {
    unsigned     status;
    const char  *name;
} attest_tcb_names[] = {
    { ATTEST_TCB_UP_TO_DATE, "UpToDate" },
    { ATTEST_TCB_UP_TO_DATE | ATTEST_TCB_CONFIGURATION,
      "ConfigurationNeeded" },
    { ATTEST_TCB_HARDENING, "SWHardeningNeeded" },
    { ATTEST_TCB_HARDENING | ATTEST_TCB_CONFIGURATION,
      "ConfigurationAndSWHardeningNeeded" },
    { ATTEST_TCB_RELAUNCH, "TDRelaunchAdvised" },
    { ATTEST_TCB_RELAUNCH | ATTEST_TCB_CONFIGURATION,
      "TDRelaunchAdvisedConfigurationNeeded" },
    { ATTEST_TCB_OUT_OF_DATE, "OutOfDate" },
    { ATTEST_TCB_OUT_OF_DATE | ATTEST_TCB_CONFIGURATION,
      "OutOfDateConfigurationNeeded" },
    { ATTEST_TCB_REVOKED, "Revoked" },
    { 0, NULL }
};


const char *
attest_tcb_status_name(unsigned status)
{
    size_t  i;

    if ((status & ATTEST_TCB_SEVERITY) == ATTEST_TCB_REVOKED) {
        return "Revoked";
    }

    for (i = 0; attest_tcb_names[i].name != NULL; i++) {
        if (attest_tcb_names[i].status == status) {
            return attest_tcb_names[i].name;
        }
    }

    return "NotSupported";
}


int
attest_tcb_status(const char *name)
{
    size_t  i;

    for (i = 0; attest_tcb_names[i].name != NULL; i++) {
        if (strcmp(attest_tcb_names[i].name, name) == 0) {
            return (int) attest_tcb_names[i].status;
        }
    }

    return -1;
}


int
attest_tcb_unwrap(attest_span_t answer, const char *member,
    attest_span_t *inner, uint8_t sig[ATTEST_TDX_SIGNATURE])
{
    char                   head[32];
    size_t                 n;
    const uint8_t         *p;
    static const char      middle[] = ",\"signature\":\"";
    static const size_t    tail = sizeof(middle) - 1 + 128 + 2;

    while (answer.n != 0 && (answer.p[answer.n - 1] == '\n'
                             || answer.p[answer.n - 1] == '\r'))
    {
        answer.n--;
    }

    n = (size_t) snprintf(head, sizeof(head), "{\"%s\":", member);

    if (answer.n < n + tail || memcmp(answer.p, head, n) != 0) {
        return ATTEST_EFORMAT;
    }

    p = answer.p + answer.n - tail;

    if (memcmp(p, middle, sizeof(middle) - 1) != 0
        || memcmp(p + tail - 2, "\"}", 2) != 0)
    {
        return ATTEST_EFORMAT;
    }

    *inner = attest_span(answer.p + n, answer.n - tail - n);

    return attest_hex_exact(attest_span(p + sizeof(middle) - 1,
                                        2 * ATTEST_TDX_SIGNATURE),
                            sig, ATTEST_TDX_SIGNATURE);
}


int
attest_tcb_signature(attest_span_t json,
    const uint8_t sig[ATTEST_TDX_SIGNATURE], X509 *signer)
{
    EVP_PKEY  *key = X509_get0_pubkey(signer);

    return key == NULL ? ATTEST_ECRYPTO : attest_tdx_ecdsa(key, sig, json);
}


static cJSON *
attest_tcb_read(attest_span_t json)
{
    cJSON                             *root;
    static const attest_json_rules_t   rules = {
        .flags = ATTEST_JSON_EXACT
    };

    (void) attest_json_parse(json, &rules, &root, NULL);

    return root;
}


static bool
attest_tcb_hex(const cJSON *o, const char *name, uint8_t *out, size_t n)
{
    const char  *s = attest_json_text(o, name);

    return s != NULL
           && attest_hex_exact(attest_span_text(s), out, n) == ATTEST_OK;
}


static bool
attest_tcb_uint(const cJSON *o, const char *name, double max, uint64_t *out)
{
    const cJSON  *v = cJSON_GetObjectItemCaseSensitive(o, name);

    if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0)
        || v->valuedouble > max
        || (double) (uint64_t) v->valuedouble != v->valuedouble)
    {
        return 0;
    }

    *out = (uint64_t) v->valuedouble;
    return 1;
}


/* Days since 1970-01-01 by the civil calendar. */

int
attest_tcb_time(const char *text, int64_t *t)
{
    int                n = 0, y, mon, d, h = 0, m = 0, s = 0;
    int64_t            days, leap;
    static const int   before[] = {
        0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365
    };

    if (strlen(text) == 20) {
        if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &y, &mon, &d, &h, &m,
                   &s, &n) != 6 || n != 20)
        {
            return ATTEST_EFORMAT;
        }

    } else if (strlen(text) != 10
               || sscanf(text, "%4d-%2d-%2d%n", &y, &mon, &d, &n) != 3
               || n != 10)
    {
        return ATTEST_EFORMAT;
    }

    if (strspn(text, "0123456789-T:Z") != (size_t) n || y < 1970
        || mon < 1 || mon > 12 || h < 0 || h > 23 || m < 0 || m > 59
        || s < 0 || s > 60)
    {
        return ATTEST_EFORMAT;
    }

    leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    if (d < 1
        || d > before[mon] - before[mon - 1] + (mon == 2 ? leap : 0))
    {
        return ATTEST_EFORMAT;
    }

    days = 365 * (int64_t) (y - 1970) + (y - 1969) / 4 - (y - 1901) / 100
           + (y - 1601) / 400 + before[mon - 1] + (mon > 2 ? leap : 0)
           + d - 1;

    *t = days * 86400 + h * 3600 + m * 60 + s;
    return ATTEST_OK;
}


static int
attest_tcb_dates(const cJSON *o, const char *id, double version,
    int64_t *issued, int64_t *next)
{
    const char   *text;
    const cJSON  *v;

    if (!cJSON_IsObject(o)) {
        return ATTEST_EFORMAT;
    }

    text = attest_json_text(o, "id");
    v = cJSON_GetObjectItemCaseSensitive(o, "version");

    if (text == NULL || !cJSON_IsNumber(v)) {
        return ATTEST_EFORMAT;
    }

    if (strcmp(text, id) != 0 || v->valuedouble != version) {
        return ATTEST_EUNSUPPORTED;
    }

    text = attest_json_text(o, "issueDate");
    if (text == NULL || attest_tcb_time(text, issued) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    text = attest_json_text(o, "nextUpdate");
    if (text == NULL || attest_tcb_time(text, next) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


/* Elements of `size` bytes behind each other at `to`. */

static int
attest_tcb_list(const cJSON *o, const char *name, size_t max, size_t size,
    size_t *count, attest_tcb_pt read, void *to)
{
    int           rc;
    const cJSON  *v, *item;

    v = cJSON_GetObjectItemCaseSensitive(o, name);
    if (!cJSON_IsArray(v)) {
        return ATTEST_EFORMAT;
    }

    for (item = v->child; item != NULL; item = item->next) {

        if (*count == max) {
            return ATTEST_ELIMIT;
        }

        rc = read(item, (uint8_t *) to + *count * size);
        if (rc != ATTEST_OK) {
            return rc;
        }

        (*count)++;
    }

    return *count != 0 ? ATTEST_OK : ATTEST_EFORMAT;
}


int
attest_tcb_info_parse(attest_span_t json, attest_tcb_info_t *info)
{
    int     rc;
    cJSON  *root;

    memset(info, 0, sizeof(*info));

    if (json.n > ATTEST_TCB_MAX_JSON) {
        return ATTEST_ELIMIT;
    }

    root = attest_tcb_read(json);
    if (root == NULL) {
        return ATTEST_EFORMAT;
    }

    rc = attest_tcb_info_read(root, info);
    cJSON_Delete(root);

    return rc;
}


static int
attest_tcb_info_read(const cJSON *root, attest_tcb_info_t *info)
{
    int           rc;
    uint64_t      type;
    const cJSON  *module;

    rc = attest_tcb_dates(root, "TDX", 3, &info->issued, &info->next);
    if (rc != ATTEST_OK) {
        return rc;
    }

    module = cJSON_GetObjectItemCaseSensitive(root, "tdxModule");

    if (!attest_tcb_hex(root, "fmspc", info->fmspc, 6)
        || !attest_tcb_hex(root, "pceId", info->pceid, 2)
        || !attest_tcb_uint(root, "tcbType", 255, &type)
        || !attest_tcb_uint(root, "tcbEvaluationDataNumber", 4294967295.0,
                            &info->number)
        || attest_tcb_module_same(module, &info->module) != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    /* 0 says how components are compared: the only way that is known */

    if (type != 0) {
        return ATTEST_EUNSUPPORTED;
    }

    if (cJSON_GetObjectItemCaseSensitive(root, "tdxModuleIdentities")
        != NULL)
    {
        rc = attest_tcb_list(root, "tdxModuleIdentities",
                             ATTEST_TCB_MAX_MODULES,
                             sizeof(attest_tcb_module_t), &info->nmodules,
                             attest_tcb_module_read, info->modules);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return attest_tcb_list(root, "tcbLevels", ATTEST_TCB_MAX_LEVELS,
                           sizeof(attest_tcb_level_t), &info->nlevels,
                           attest_tcb_level_read, info->level);
}


static int
attest_tcb_module_same(const cJSON *v, attest_tcb_module_t *m)
{
    return cJSON_IsObject(v)
           && attest_tcb_hex(v, "mrsigner", m->mrsigner, sizeof(m->mrsigner))
           && attest_tcb_hex(v, "attributes", m->attributes, 8)
           && attest_tcb_hex(v, "attributesMask", m->mask, 8)
           ? ATTEST_OK : ATTEST_EFORMAT;
}


/* "TDX_03": the number in hex. */

static int
attest_tcb_module_read(const cJSON *v, void *to)
{
    uint8_t               version;
    const char           *id;
    attest_tcb_module_t  *m = to;

    if (attest_tcb_module_same(v, m) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    id = attest_json_text(v, "id");
    if (id == NULL || strlen(id) != 6 || strncmp(id, "TDX_", 4) != 0
        || attest_hex_exact(attest_span(id + 4, 2), &version, 1) != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    m->version = version;

    return attest_tcb_list(v, "tcbLevels", ATTEST_TCB_MAX_SVNS,
                           sizeof(attest_tcb_svn_t), &m->levels.count,
                           attest_tcb_svn_read, m->levels.level);
}


static int
attest_tcb_level_read(const cJSON *v, void *to)
{
    uint64_t             pcesvn;
    const cJSON         *tcb;
    attest_tcb_level_t  *l = to;

    if (!cJSON_IsObject(v)) {
        return ATTEST_EFORMAT;
    }

    tcb = cJSON_GetObjectItemCaseSensitive(v, "tcb");

    if (!cJSON_IsObject(tcb)
        || attest_tcb_components(tcb, "sgxtcbcomponents", l->sgx)
           != ATTEST_OK
        || attest_tcb_components(tcb, "tdxtcbcomponents", l->tdx)
           != ATTEST_OK
        || !attest_tcb_uint(tcb, "pcesvn", 65535, &pcesvn))
    {
        return ATTEST_EFORMAT;
    }

    l->pcesvn = (unsigned) pcesvn;
    return attest_tcb_status_read(v, &l->status, &l->date);
}


/* Exactly 16, or a shorter list would compare with fewer. */

static int
attest_tcb_components(const cJSON *tcb, const char *name,
    uint8_t svn[ATTEST_TDX_SVNS])
{
    size_t        n = 0;
    uint64_t      value;
    const cJSON  *v, *item;

    v = cJSON_GetObjectItemCaseSensitive(tcb, name);
    if (!cJSON_IsArray(v)) {
        return ATTEST_EFORMAT;
    }

    for (item = v->child; item != NULL; item = item->next) {

        if (n == ATTEST_TDX_SVNS || !cJSON_IsObject(item)
            || !attest_tcb_uint(item, "svn", 255, &value))
        {
            return ATTEST_EFORMAT;
        }

        svn[n++] = (uint8_t) value;
    }

    return n == ATTEST_TDX_SVNS ? ATTEST_OK : ATTEST_EFORMAT;
}


static int
attest_tcb_svn_read(const cJSON *v, void *to)
{
    uint64_t           isvsvn;
    const cJSON       *tcb;
    attest_tcb_svn_t  *l = to;

    if (!cJSON_IsObject(v)) {
        return ATTEST_EFORMAT;
    }

    tcb = cJSON_GetObjectItemCaseSensitive(v, "tcb");

    if (!cJSON_IsObject(tcb)
        || !attest_tcb_uint(tcb, "isvsvn", 65535, &isvsvn))
    {
        return ATTEST_EFORMAT;
    }

    l->isvsvn = (unsigned) isvsvn;
    return attest_tcb_status_read(v, &l->status, &l->date);
}


static int
attest_tcb_status_read(const cJSON *v, unsigned *status, int64_t *date)
{
    int          s;
    const char  *text;

    text = attest_json_text(v, "tcbStatus");
    s = text == NULL ? -1 : attest_tcb_status(text);

    text = attest_json_text(v, "tcbDate");

    if (s < 0 || text == NULL || attest_tcb_time(text, date) != ATTEST_OK) {
        return ATTEST_EFORMAT;
    }

    *status = (unsigned) s;
    return ATTEST_OK;
}


int
attest_tcb_qe_parse(attest_span_t json, attest_tcb_qe_t *qe)
{
    int     rc;
    cJSON  *root;

    memset(qe, 0, sizeof(*qe));

    if (json.n > ATTEST_TCB_MAX_JSON) {
        return ATTEST_ELIMIT;
    }

    root = attest_tcb_read(json);
    if (root == NULL) {
        return ATTEST_EFORMAT;
    }

    rc = attest_tcb_qe_read(root, qe);
    cJSON_Delete(root);

    return rc;
}


static int
attest_tcb_qe_read(const cJSON *root, attest_tcb_qe_t *qe)
{
    int       rc;
    uint64_t  isvprodid;

    rc = attest_tcb_dates(root, "TD_QE", 2, &qe->issued, &qe->next);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (!attest_tcb_hex(root, "miscselect", qe->miscselect, 4)
        || !attest_tcb_hex(root, "miscselectMask", qe->miscselect_mask, 4)
        || !attest_tcb_hex(root, "attributes", qe->attributes, 16)
        || !attest_tcb_hex(root, "attributesMask", qe->mask, 16)
        || !attest_tcb_hex(root, "mrsigner", qe->mrsigner,
                           sizeof(qe->mrsigner))
        || !attest_tcb_uint(root, "isvprodid", 65535, &isvprodid))
    {
        return ATTEST_EFORMAT;
    }

    qe->isvprodid = (unsigned) isvprodid;

    return attest_tcb_list(root, "tcbLevels", ATTEST_TCB_MAX_SVNS,
                           sizeof(attest_tcb_svn_t), &qe->levels.count,
                           attest_tcb_svn_read, qe->levels.level);
}


const char *
attest_tcb_evaluate(const attest_tcb_info_t *info, const attest_tcb_qe_t *qe,
    const attest_tdx_quote_t *q, const attest_tdx_pck_t *pck,
    attest_tcb_result_t *res)
{
    const char           *what;
    attest_tcb_result_t   now;

    memset(res, 0, sizeof(*res));
    res->date = INT64_MAX;

    if (q->body == ATTEST_TDX_BODY_SGX) {
        return "is not about an SGX enclave";
    }

    if (memcmp(info->fmspc, pck->fmspc, sizeof(info->fmspc)) != 0
        || memcmp(info->pceid, pck->pceid, sizeof(info->pceid)) != 0)
    {
        return "is about another platform (FMSPC or PCEID)";
    }

    what = attest_tcb_platform(info, q, pck, q->tee_tcb_svn, res);
    if (what == NULL) {
        what = attest_tcb_qe_status(qe, q, res);
    }

    /*
     * A TD that was made before the module was updated keeps the old SVNs,
     * although the platform runs what is current: launching it again helps.
     * Only a module with an identity of its own can be updated like that.
     */

    if (what == NULL && q->tee_tcb_svn2 != NULL
        && (res->status & ATTEST_TCB_SEVERITY) == ATTEST_TCB_OUT_OF_DATE
        && (res->module & ATTEST_TCB_SEVERITY) == ATTEST_TCB_OUT_OF_DATE
        && res->qe == ATTEST_TCB_UP_TO_DATE)
    {
        memset(&now, 0, sizeof(now));
        now.date = INT64_MAX;

        if (attest_tcb_platform(info, q, pck, q->tee_tcb_svn2, &now) == NULL
            && (now.status & ATTEST_TCB_SEVERITY) <= ATTEST_TCB_HARDENING)
        {
            res->status = ATTEST_TCB_RELAUNCH
                          | ((res->status | now.status)
                             & ATTEST_TCB_CONFIGURATION);
        }
    }

    return what;
}


/*
 * The module's own level, and the platform's.  svn[1] is the major version of
 * the TDX module: above 0 it has an identity of its own, which says what
 * svn[0] must be, and the platform's levels are compared from svn[2] on.
 */

static const char *
attest_tcb_platform(const attest_tcb_info_t *info,
    const attest_tdx_quote_t *q, const attest_tdx_pck_t *pck,
    const uint8_t *svn, attest_tcb_result_t *res)
{
    size_t                      i;
    const attest_tcb_svn_t     *s;
    const attest_tcb_level_t   *l;
    const attest_tcb_module_t  *m = &info->module;

    if (svn[1] > 0) {
        for (i = 0; i < info->nmodules; i++) {
            if (info->modules[i].version == svn[1]) {
                break;
            }
        }

        if (i == info->nmodules) {
            return "does not know the TDX module's version";
        }

        m = &info->modules[i];
        s = attest_tcb_svn_match(&m->levels, svn[0]);
        res->module = s == NULL ? ATTEST_TCB_UNSUPPORTED : s->status;
        attest_tcb_worse(res, res->module, s == NULL ? 0 : s->date);
    }

    if (memcmp(m->mrsigner, q->mrsignerseam, sizeof(m->mrsigner)) != 0
        || !attest_tcb_masked(q->seam_attributes, m->mask, m->attributes, 8))
    {
        return "is about another TDX module (signer or attributes)";
    }

    l = attest_tcb_match(info, pck, svn);
    res->platform = l == NULL ? ATTEST_TCB_UNSUPPORTED : l->status;
    attest_tcb_worse(res, res->platform, l == NULL ? 0 : l->date);

    return NULL;
}


/* The highest that matches, whatever order the JSON has them in. */

static const attest_tcb_level_t *
attest_tcb_match(const attest_tcb_info_t *info, const attest_tdx_pck_t *pck,
    const uint8_t *svn)
{
    size_t                     i, k;
    const attest_tcb_level_t  *l, *best = NULL;

    for (i = 0; i < info->nlevels; i++) {
        l = &info->level[i];

        for (k = 0; k < ATTEST_TDX_SVNS; k++) {
            if (pck->svn[k] < l->sgx[k]
                || ((k > 1 || svn[1] == 0) && svn[k] < l->tdx[k]))
            {
                break;
            }
        }

        if (k == ATTEST_TDX_SVNS && pck->pcesvn >= l->pcesvn
            && (best == NULL || attest_tcb_level_higher(l, best)))
        {
            best = l;
        }
    }

    return best;
}


static bool
attest_tcb_level_higher(const attest_tcb_level_t *a,
    const attest_tcb_level_t *b)
{
    int  d;

    d = memcmp(a->sgx, b->sgx, sizeof(a->sgx));
    d = d != 0 ? d : memcmp(a->tdx, b->tdx, sizeof(a->tdx));

    if (d != 0) {
        return d > 0;
    }

    /* of two that are the same the worse one holds */

    return a->pcesvn != b->pcesvn ? a->pcesvn > b->pcesvn
                                  : a->status > b->status;
}


static const attest_tcb_svn_t *
attest_tcb_svn_match(const attest_tcb_svns_t *levels, unsigned isvsvn)
{
    size_t                   i;
    const attest_tcb_svn_t  *l, *best = NULL;

    for (i = 0; i < levels->count; i++) {
        l = &levels->level[i];

        if (l->isvsvn <= isvsvn
            && (best == NULL || l->isvsvn > best->isvsvn
                || (l->isvsvn == best->isvsvn && l->status > best->status)))
        {
            best = l;
        }
    }

    return best;
}


static const char *
attest_tcb_qe_status(const attest_tcb_qe_t *qe, const attest_tdx_quote_t *q,
    attest_tcb_result_t *res)
{
    const attest_tcb_svn_t  *s;

    if (memcmp(qe->mrsigner, q->qe.mrsigner, sizeof(qe->mrsigner)) != 0
        || qe->isvprodid != q->qe.isvprodid
        || !attest_tcb_masked(q->qe.miscselect, qe->miscselect_mask,
                              qe->miscselect, 4)
        || !attest_tcb_masked(q->qe.attributes, qe->mask, qe->attributes,
                              16))
    {
        return "is about another quoting enclave";
    }

    s = attest_tcb_svn_match(&qe->levels, q->qe.isvsvn);
    res->qe = s == NULL ? ATTEST_TCB_UNSUPPORTED : s->status;
    attest_tcb_worse(res, res->qe, s == NULL ? 0 : s->date);

    return NULL;
}


static bool
attest_tcb_masked(const uint8_t *got, const uint8_t *mask,
    const uint8_t *want, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if ((got[i] & mask[i]) != want[i]) {
            return 0;
        }
    }

    return 1;
}


static void
attest_tcb_worse(attest_tcb_result_t *res, unsigned status, int64_t date)
{
    res->status = attest_tcb_worst(res->status, status);
    res->date = date < res->date ? date : res->date;
}


/* OutOfDate and ConfigurationNeeded: OutOfDateConfigurationNeeded. */

static unsigned
attest_tcb_worst(unsigned a, unsigned b)
{
    unsigned  x = a & ATTEST_TCB_SEVERITY, y = b & ATTEST_TCB_SEVERITY;

    return (x > y ? x : y) | ((a | b) & ATTEST_TCB_CONFIGURATION);
}
