
/* ngx-attest policy: what it makes of Nitro documents and GPU evidence. */

#include "hardware.h"
#include "cli/cli_kind_gpu.c"
#include "cli/cli_kind_nitro.c"
#include "cli/cli_print.c"
#include "cli/cli_util.c"
#include "cli/cli_x509.c"


static char *made(int rc, cJSON *policy);
static void test_nitro(void);
static void test_gpu(void);
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
test_nitro(void)
{
    char           *text;
    size_t          n;
    uint8_t        *raw = unit_read(TEST_DATA
                                    "/nitro/attestation-envelope.bin", &n);
    attest_span_t   s = { raw + 4, 4526 };
    cJSON          *policy = cJSON_CreateObject();

    text = made(cli_nitro_policy(s, policy), policy);
    OK(strstr(text, "{\"nitro\":{\"pcrs\":{\"0\":\"eb7d0dab08ff41546d7e5659")
       == text, "PCR 0");
    OK(strstr(text, "\"1\":\"0343b056") != NULL
       && strstr(text, "\"2\":\"d7b0a767") != NULL, "PCR 1 and 2");
    OK(strstr(text, "\"3\"") == NULL && strstr(text, "\"4\"") == NULL
       && strstr(text, "\"8\"") == NULL, "and no other: PCR 8 is zero");
    cJSON_free(text);
    free(raw);

    raw = unit_read(TEST_DATA "/nitro/attestation-debug-envelope.bin", &n);
    s.p = raw + 4;
    s.n = 4529;
    policy = cJSON_CreateObject();
    IS_INT(cli_nitro_policy(s, policy), 0, "no policy trusts debug mode");
    s.n--;
    IS_INT(cli_nitro_policy(s, policy), 0, "nor what does not parse");
    OK(policy->child == NULL, "nothing was added");
    cJSON_Delete(policy);
    free(raw);
}


static void
test_gpu(void)
{
    char           *text;
    size_t          n;
    uint8_t        *raw = unit_read(TEST_DATA "/nvidia/hopper-evidence.json",
                                    &n);
    attest_span_t   s = { raw, n };
    cJSON          *policy = cJSON_CreateObject();

    text = made(cli_gpu_policy(s, policy), policy);
    OK(strcmp(text, "{\"gpu\":{\"vbios\":[\"96.00.A5.00.01\"],\"driver\":"
              "[\"590.12\"],\"modes\":[\"ppcie\"],\"arch\":"
              "[\"HOPPER\"],\"count\":1,\"switches\":0}}") == 0, "%s", text);
    cJSON_free(text);

    s.n = 10;
    policy = cJSON_CreateObject();
    IS_INT(cli_gpu_policy(s, policy), 0, "no policy of what does not parse");
    OK(policy->child == NULL, "nothing was added");
    cJSON_Delete(policy);
    free(raw);

    raw = unit_read(TEST_DATA "/nvidia/switch-ls10-evidence.json", &n);
    s.p = raw;
    s.n = n;
    policy = cJSON_CreateObject();
    text = made(cli_gpu_policy(s, policy), policy);
    OK(strcmp(text, "{\"gpu\":{\"switch_bios\":[\"96.10.55.00.01\"],"
              "\"switches\":1}}") == 0, "%s", text);
    cJSON_free(text);
    free(raw);
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
    test_gpu();
    test_round();

    hw_teardown();
    DONE();
}
