/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A TD quote: in words, and for a policy.
 */


#include <string.h>

#include "core/base/attest_hex.h"
#include "core/evidence/attest_tdx.h"
#include "cli/cli.h"
#include "cli/cli_kind_tdx.h"
#include "cli/cli_kinds.h"
#include "cli/cli_quote.h"


static cJSON *cli_tdx_hex(const uint8_t *p, size_t n);


const cli_kind_t  cli_kind_tdx = {
    .show_report = cli_tdx_show,
    .policy_report = cli_tdx_policy,
    .genuine = { "tdx-signature" },
    .open = { "-tdx-tcb", "-tdx-mrservicetd" }
};


void
cli_tdx_show(const attest_tsm_t *tsm)
{
    cli_quote_show(tsm->outblob);

    if (tsm->auxblob.n != 0) {
        cli_printf("%-24s%zu bytes by the host, not used\n", "auxiliary data",
                   tsm->auxblob.n);
    }
}


static cJSON *
cli_tdx_hex(const uint8_t *p, size_t n)
{
    char  hex[129];

    attest_hex_encode(hex, p, n);
    return cJSON_CreateString(hex);
}


/*
 * RTMR 3 is left out: software extends it as it runs.  XFAM and the
 * attributes are what the host chose for this TD.
 */

bool
cli_tdx_policy(const attest_tsm_t *tsm, cJSON *policy)
{
    char                   name[2] = "0";
    cJSON                 *tdx, *rtmr, *masks;
    size_t                 i;
    attest_tdx_quote_t     q;
    static const uint8_t   zero[ATTEST_TDX_MR_LEN];

    if (attest_tdx_parse(tsm->outblob.p, tsm->outblob.n, &q) != ATTEST_OK
        || q.body == ATTEST_TDX_BODY_SGX)
    {
        return 0;
    }

    tdx = cJSON_AddObjectToObject(policy, "tdx");
    cJSON_AddItemToObject(tdx, "mrtd",
                          cli_tdx_hex(q.mrtd, ATTEST_TDX_MR_LEN));
    rtmr = cJSON_AddObjectToObject(tdx, "rtmr");

    for (i = 0; i < ATTEST_TDX_RTMRS - 1; i++) {
        name[0] = (char) ('0' + i);
        cJSON_AddItemToObject(rtmr, name,
                              cli_tdx_hex(q.rtmr[i], ATTEST_TDX_MR_LEN));
    }

    if (memcmp(q.mrconfigid, zero, sizeof(zero)) != 0) {
        cJSON_AddItemToObject(tdx, "mrconfigid",
                              cli_tdx_hex(q.mrconfigid, ATTEST_TDX_MR_LEN));
    }

    if (q.mrservicetd != NULL
        && memcmp(q.mrservicetd, zero, sizeof(zero)) != 0)
    {
        cJSON_AddItemToObject(tdx, "mrservicetd",
                              cli_tdx_hex(q.mrservicetd, ATTEST_TDX_MR_LEN));
    }

    masks = cJSON_AddObjectToObject(tdx, "attributes");
    cJSON_AddItemToObject(masks, "required", cli_tdx_hex(q.td_attributes, 8));
    cJSON_AddItemToObject(masks, "allowed", cli_tdx_hex(q.td_attributes, 8));
    cJSON_AddItemToObject(tdx, "xfam", cli_tdx_hex(q.xfam, 8));

    return 1;
}
