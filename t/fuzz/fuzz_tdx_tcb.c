/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A signed text of Intel's service or a whole answer.  What is read is
 * compared with a platform whose SVNs are as high as they can be.
 */

#include <stdlib.h>
#include <string.h>

#include "core/policy/attest_tdx_tcb.h"
#include "core/evidence/attest_pck.h"


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void fuzz_text(attest_span_t json);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    uint8_t        sig[64];
    attest_span_t  all = { p, n }, inner;

    fuzz_text(all);

    if (attest_tcb_unwrap(all, "tcbInfo", &inner, sig) == ATTEST_OK
        || attest_tcb_unwrap(all, "enclaveIdentity", &inner, sig)
           == ATTEST_OK)
    {
        if (inner.p < p || inner.n > n
            || (size_t) (inner.p - p) > n - inner.n)
        {
            abort();
        }

        fuzz_text(inner);
    }

    return 0;
}


static void
fuzz_text(attest_span_t json)
{
    uint8_t                      high[ATTEST_TDX_SVNS];
    static attest_tcb_qe_t       qe;
    static attest_tcb_info_t     info;
    attest_tdx_pck_t             pck;
    attest_tdx_quote_t           q;
    attest_tcb_result_t          res;
    const attest_tcb_module_t   *m;

    if (attest_tcb_qe_parse(json, &qe) == ATTEST_OK
        && (qe.levels.count == 0 || qe.levels.count > ATTEST_TCB_MAX_SVNS))
    {
        abort();
    }

    if (attest_tcb_info_parse(json, &info) != ATTEST_OK) {
        return;
    }

    if (info.nlevels == 0 || info.nlevels > ATTEST_TCB_MAX_LEVELS
        || info.nmodules > ATTEST_TCB_MAX_MODULES)
    {
        abort();
    }

    m = info.nmodules != 0 ? &info.modules[0] : &info.module;

    memset(high, 0xff, sizeof(high));
    high[1] = (uint8_t) m->version;
    memset(&pck, 0xff, sizeof(pck));
    memcpy(pck.fmspc, info.fmspc, sizeof(pck.fmspc));
    memcpy(pck.pceid, info.pceid, sizeof(pck.pceid));
    memset(&q, 0, sizeof(q));
    q.body = ATTEST_TDX_BODY_15;
    q.tee_tcb_svn = high;
    q.tee_tcb_svn2 = high;
    q.mrsignerseam = m->mrsigner;
    q.seam_attributes = m->attributes;
    q.qe.miscselect = qe.miscselect;
    q.qe.attributes = qe.attributes;
    q.qe.mrsigner = qe.mrsigner;
    q.qe.isvprodid = (uint16_t) qe.isvprodid;

    if (attest_tcb_evaluate(&info, &qe, &q, &pck, &res) == NULL) {
        (void) attest_tcb_status_name(res.status);
    }
}
