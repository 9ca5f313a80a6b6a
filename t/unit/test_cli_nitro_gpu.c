/* SPDX-License-Identifier: Apache-2.0 */

/* ngx-attest policy: what it makes of Nitro documents and GPU evidence. */

#include "fixture.h"
#include "hardware.h"
#include "cli/cli_kind_gpu.c"
#include "cli/cli_kind_nitro.c"
#include "cli/cli_print.c"
#include "cli/cli_util.c"
#include "cli/cli_x509.c"


static char *made(int rc, cJSON *policy);
static void test_nitro(void);
static void test_nitro_double(void);
static void test_gpu(void);
static void test_gpu_double(void);
static void test_round(void);


/* The object as text; freed. */

static char *
made(int rc, cJSON *policy)
{
    char  *text;

    IS_INT(rc, 1, "a policy is made");
    text = cJSON_PrintUnformatted(policy);
    cJSON_Delete(policy);
    return text;
}


static void
nitro_refused(attest_span_t s)
{
    cJSON  *policy = cJSON_CreateObject();

    IS_INT(cli_nitro_policy(s, policy), 0, "no policy trusts debug mode");
    s.n--;
    IS_INT(cli_nitro_policy(s, policy), 0, "nor what does not parse");
    OK(policy->child == NULL, "nothing was added");
    cJSON_Delete(policy);
}


static void
test_nitro(void)
{
    char           *text;
    size_t          n;
    uint8_t        *raw;
    attest_span_t   s;
    cJSON          *policy;

    if (!UNIT_HAVE("AWS' documents", "nitro/attestation-envelope.bin",
                   "nitro/attestation-debug-envelope.bin"))
    {
        return;
    }

    raw = unit_fixture("nitro/attestation-envelope.bin", &n);
    s.p = raw + 4;
    s.n = 4526;
    policy = cJSON_CreateObject();
    text = made(cli_nitro_policy(s, policy), policy);
    OK(strstr(text, "{\"nitro\":{\"pcrs\":{\"0\":\"eb7d0dab08ff41546d7e5659")
       == text, "PCR 0");
    OK(strstr(text, "\"1\":\"0343b056") != NULL
       && strstr(text, "\"2\":\"d7b0a767") != NULL, "PCR 1 and 2");
    OK(strstr(text, "\"3\"") == NULL && strstr(text, "\"4\"") == NULL
       && strstr(text, "\"8\"") == NULL, "and no other: PCR 8 is zero");
    cJSON_free(text);
    free(raw);

    raw = unit_fixture("nitro/attestation-debug-envelope.bin", &n);
    s.p = raw + 4;
    s.n = 4529;
    nitro_refused(s);
    free(raw);
}


/* The same by the double. */

static void
test_nitro_double(void)
{
    char             want[160], *text, hex[97];
    cJSON           *policy = cJSON_CreateObject();
    uint8_t          pcr[64];
    attest_span_t    s;
    nitro_double_t   d = NITRO_DOUBLE;
    static uint8_t   doc[NITRO_DOUBLE_MAX];

    d.timestamp = EV_NOW * 1000ULL;
    s.p = doc;
    s.n = nitro_double_make(&d, doc, sizeof(doc));
    nitro_double_pcr(&d, 0, pcr);
    attest_hex_encode(hex, pcr, 48);
    (void) snprintf(want, sizeof(want), "{\"nitro\":{\"pcrs\":{\"0\":\"%s\"",
                    hex);
    text = made(cli_nitro_policy(s, policy), policy);
    OK(strstr(text, want) == text, "the double's PCR 0");
    OK(strstr(text, "\"1\":") != NULL && strstr(text, "\"2\":") != NULL,
       "the double's PCR 1 and 2");
    OK(strstr(text, "\"3\":") == NULL && strstr(text, "\"4\":") == NULL
       && strstr(text, "\"8\":") == NULL, "and no other of the double's");
    cJSON_free(text);

    d.debug = 1;
    s.n = nitro_double_make(&d, doc, sizeof(doc));
    nitro_refused(s);
}


static void
gpu_refused(attest_span_t s)
{
    cJSON  *policy = cJSON_CreateObject();

    s.n = 10;
    IS_INT(cli_gpu_policy(s, policy), 0, "no policy of what does not parse");
    OK(policy->child == NULL, "nothing was added");
    cJSON_Delete(policy);
}


static void
gpu_policy(attest_span_t s, const char *want)
{
    char   *text;
    cJSON  *policy = cJSON_CreateObject();

    text = made(cli_gpu_policy(s, policy), policy);
    OK(strcmp(text, want) == 0, "%s", text);
    cJSON_free(text);
}


#define SWITCH_POLICY                                                        \
    "{\"gpu\":{\"switch_bios\":[\"96.10.55.00.01\"],\"switches\":1}}"


static void
test_gpu(void)
{
    uint8_t        *raw;
    attest_span_t   s;

    if (!UNIT_HAVE("NVIDIA's evidence", "nvidia/hopper-evidence.json",
                   "nvidia/switch-ls10-evidence.json"))
    {
        return;
    }

    s.p = raw = unit_fixture("nvidia/hopper-evidence.json", &s.n);
    gpu_policy(s, "{\"gpu\":{\"vbios\":[\"96.00.A5.00.01\"],\"driver\":"
               "[\"590.12\"],\"modes\":[\"ppcie\"],\"arch\":"
               "[\"HOPPER\"],\"count\":1,\"switches\":0}}");
    gpu_refused(s);
    free(raw);

    s.p = raw = unit_fixture("nvidia/switch-ls10-evidence.json", &s.n);
    gpu_policy(s, SWITCH_POLICY);
    free(raw);
}


static void
test_gpu_double(void)
{
    attest_span_t   s;
    gpu_double_t    hopper = GPU_DOUBLE_HOPPER, nvswitch = GPU_DOUBLE_SWITCH;

    hopper.mode = 2;
    hw_reset();
    hw_gpus(&hopper, 1);
    hw_build_all();
    s.p = (const uint8_t *) hw.part[2].gpu;
    s.n = hw.part[2].gpu_len;
    gpu_policy(s, "{\"gpu\":{\"vbios\":[\"96.00.A5.00.01\"],\"driver\":"
               "[\"590.12\"],\"modes\":[\"ppcie\"],\"arch\":"
               "[\"HOPPER\"],\"count\":1,\"switches\":0}}");
    gpu_refused(s);

    hw_reset();
    hw_gpus(&nvswitch, 1);
    hw_build_all();
    s.n = hw.part[2].gpu_len;
    gpu_policy(s, SWITCH_POLICY);
}


/* What was made of evidence accepts this evidence. */

static void
test_round(void)
{
    char                        *text;
    cJSON                       *policy = cJSON_CreateObject();
    attest_cmw_t                 cmw;
    gpu_double_t                 hopper = GPU_DOUBLE_HOPPER;
    const attest_cmw_item_t     *nitro, *gpu;

    hw_reset();
    hw_gpus(&hopper, 3);
    hw_build_all();
    (void) attest_cmw_parse(hw.part[2].out, hw.part[2].n, &cmw);
    nitro = attest_cmw_find(&cmw, ATTEST_ITEM_NITRO);
    gpu = attest_cmw_find(&cmw, ATTEST_ITEM_GPU);

    OK(nitro != NULL && gpu != NULL
       && cli_nitro_policy(nitro->value, policy) == 1, "PCRs");
    text = made(cli_gpu_policy(gpu->value, policy), policy);
    attest_cmw_free(&cmw);

    text[strlen(text) - 1] = '\0';
    hw.policy = text + 1;
    hw_appraise();
    hw_expect("the policy that was made", "fresh-gpu-count",
              ATTEST_CHECK_PASS, ATTEST_TRUSTED);
    hw_expect("the policy that was made", "fresh-nitro-pcrs",
              ATTEST_CHECK_PASS, ATTEST_TRUSTED);
    hw_expect("the policy that was made", "fresh-gpu-driver",
              ATTEST_CHECK_PASS, ATTEST_TRUSTED);
    cJSON_free(text);
}


int
main(void)
{
    hw_setup();

    test_nitro();
    test_nitro_double();
    test_gpu();
    test_gpu_double();
    test_round();

    hw_teardown();
    DONE();
}
