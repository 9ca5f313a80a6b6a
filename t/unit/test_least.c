/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The least that a policy must say, kind by kind and label by label: what is
 * enough, what each thing less leaves open, and that a policy gives it up by
 * name only.
 */

#include "core/policy/attest_policy_kinds.h"
#include "unit.h"


#define H32   "1111111111111111111111111111111111111111111111111111111111111111"
#define H48   H32 "11111111111111111111111111111111"
#define Z32   "0000000000000000000000000000000000000000000000000000000000000000"
#define Z48   Z32 "00000000000000000000000000000000"
#define NAME  "000b" H32
#define TCB   "\"min_tcb\":{\"snp\":8}"
#define PCRS  "\"pcrs\":{\"sha256\":{\"0\":\"" H32 "\",\"4\":\"" H32 "\"}}"
#define RTMR(a)  "\"" a "\":\"" H48 "\""

#define FIRMWARE  ATTEST_LEAST_FIRMWARE
#define KERNEL    ATTEST_LEAST_KERNEL
#define MACHINE   ATTEST_LEAST_MACHINE
#define TCB_      ATTEST_LEAST_TCB


static attest_policy_t  policy;
static attest_gap_t     gaps[ATTEST_LEAST_MAX];
static size_t           count;


/* Parts that are open, of those that are not waived. */

static unsigned
open_parts(attest_kind_e kind, attest_kind_e chip, unsigned root)
{
    size_t    i;
    unsigned  parts = 0;

    count = attest_policy_least(&policy, kind, chip, root, gaps);

    for (i = 0; i < count; i++) {
        parts |= gaps[i].waived ? 0 : gaps[i].part;
    }

    return parts;
}


static void
parse(const char *members)
{
    char           err[256] = "";
    static char    json[16384];

    attest_policy_clear(&policy);
    (void) snprintf(json, sizeof(json), "{\"version\":1%s%s}",
                    *members == '\0' ? "" : ",", members);

    if (attest_policy_parse(json, strlen(json), &policy, err, sizeof(err))
        != ATTEST_OK)
    {
        printf("Bail out! %s: %s\n", err, json);
        exit(1);
    }
}


static void
wants(const char *what, attest_kind_e kind, unsigned root, unsigned want,
    const char *members)
{
    unsigned  got;

    parse(members);
    got = open_parts(kind, kind, root);

    IS_INT(got, want, "%s: open is %x", what, want);
}


static void
test_snp(void)
{
    attest_kind_e  k = ATTEST_KIND_SNP;
    unsigned       tee = ATTEST_ROOT_TEE;

    wants("SNP: kernel hashes and a minimum", k, tee, 0, "\"snp\":{"
          "\"measurement\":\"" H48 "\",\"measurement_covers\":\"kernel\","
          TCB "}");
    wants("SNP: nothing", k, tee, FIRMWARE | KERNEL | TCB_, "");
    wants("SNP: a measurement alone", k, tee, KERNEL | TCB_,
          "\"snp\":{\"measurement\":\"" H48 "\"}");
    wants("SNP: it may be the cloud's firmware", k, tee, KERNEL,
          "\"snp\":{\"measurement\":\"" H48 "\"," TCB "}");
    wants("SNP: it is", k, tee, KERNEL, "\"snp\":{\"measurement\":\"" H48
          "\",\"measurement_covers\":\"firmware\"," TCB "}");
    wants("SNP: a TPM says what it boots", k, tee, 0, "\"snp\":{"
          "\"measurement\":\"" H48 "\",\"measurement_covers\":\"firmware\","
          TCB "},\"pcrs\":{\"sha256\":{\"4\":\"" H32 "\"}}");
    wants("SNP: a PCR that anybody may set does not", k, tee, KERNEL,
          "\"snp\":{\"measurement\":\"" H48 "\",\"measurement_covers\":"
          "\"firmware\"," TCB "},\"pcrs\":{\"sha256\":{\"14\":\"" H32
          "\",\"11\":\"" H32 "\"}}");
    wants("SNP: no measurement", k, tee, FIRMWARE, "\"snp\":{"
          "\"measurement_covers\":\"kernel\"," TCB "}");
    wants("SNP: a measurement of nothing", k, tee, FIRMWARE, "\"snp\":{"
          "\"measurement\":\"" Z48 "\",\"measurement_covers\":\"kernel\","
          TCB "}");
    wants("SNP: no minimum", k, tee, TCB_, "\"snp\":{\"measurement\":\"" H48
          "\",\"measurement_covers\":\"kernel\"}");
    wants("SNP: the same when it is simulated", k, ATTEST_ROOT_SIMULATED,
          FIRMWARE | KERNEL | TCB_, "\"snp\":{\"vmpl\":0}");
}


static void
test_tdx(void)
{
    attest_kind_e  k = ATTEST_KIND_TDX;
    unsigned       tee = ATTEST_ROOT_TEE;

    wants("TDX: all of it", k, tee, 0, "\"tdx\":{\"mrtd\":\"" H48 "\","
          "\"rtmr\":{" RTMR("0") "," RTMR("1") "," RTMR("2") "}}");
    wants("TDX: nothing", k, tee, FIRMWARE | KERNEL, "");
    wants("TDX: no RTMR 0", k, tee, FIRMWARE, "\"tdx\":{\"mrtd\":\"" H48
          "\",\"rtmr\":{" RTMR("1") "," RTMR("2") "}}");
    wants("TDX: no MRTD", k, tee, FIRMWARE, "\"tdx\":{"
          "\"rtmr\":{" RTMR("0") "," RTMR("1") "," RTMR("2") "}}");
    wants("TDX: no RTMR 1", k, tee, KERNEL, "\"tdx\":{\"mrtd\":\"" H48
          "\",\"rtmr\":{" RTMR("0") "," RTMR("2") "}}");
    wants("TDX: no RTMR 2", k, tee, KERNEL, "\"tdx\":{\"mrtd\":\"" H48
          "\",\"rtmr\":{" RTMR("0") "," RTMR("1") "}}");
    wants("TDX: an RTMR 2 of zeros", k, tee, KERNEL, "\"tdx\":{\"mrtd\":\""
          H48 "\",\"rtmr\":{" RTMR("0") "," RTMR("1") ",\"2\":\"" Z48
          "\"}}");
    wants("TDX: zeros among others", k, tee, KERNEL, "\"tdx\":{\"mrtd\":\""
          H48 "\",\"rtmr\":{" RTMR("0") "," RTMR("1") ",\"2\":[\"" H48
          "\",\"" Z48 "\"]}}");
}


static void
test_azure(void)
{
    parse("\"snp\":{\"measurement\":\"" H48 "\"," TCB "}," PCRS);
    IS_INT(open_parts(ATTEST_KIND_AZURE, ATTEST_KIND_SNP,
                      ATTEST_ROOT_TEE_VTPM), 0, "Azure, SNP: all of it");
    IS_INT(open_parts(ATTEST_KIND_AZURE, ATTEST_KIND_TDX,
                      ATTEST_ROOT_TEE_VTPM), FIRMWARE,
           "Azure, TDX: another processor's measurement says nothing");

    parse("\"snp\":{\"measurement\":\"" H48 "\",\"measurement_covers\":"
          "\"kernel\"}");
    IS_INT(open_parts(ATTEST_KIND_AZURE, ATTEST_KIND_SNP,
                      ATTEST_ROOT_TEE_VTPM), KERNEL | TCB_,
           "Azure: no paravisor covers a kernel");

    parse("\"tdx\":{\"mrtd\":\"" H48 "\"}," PCRS);
    IS_INT(open_parts(ATTEST_KIND_AZURE, ATTEST_KIND_TDX,
                      ATTEST_ROOT_TEE_VTPM), 0, "Azure, TDX: all of it");

    parse(PCRS);
    IS_INT(open_parts(ATTEST_KIND_AZURE, ATTEST_KIND_SNP,
                      ATTEST_ROOT_TEE_VTPM), FIRMWARE | TCB_,
           "Azure: anybody's paravisor");
}


static void
test_nitro(void)
{
    attest_kind_e  k = ATTEST_KIND_NITRO;
    unsigned       tee = ATTEST_ROOT_TEE;

#define NITRO(text)  "\"nitro\":{\"pcrs\":{" text "}}"

    wants("Nitro: the image", k, tee, 0, NITRO("\"0\":\"" H48 "\""));
    wants("Nitro: its two halves", k, tee, 0,
          NITRO("\"1\":\"" H48 "\",\"2\":\"" H48 "\""));
    wants("Nitro: one half", k, tee, KERNEL, NITRO("\"1\":\"" H48 "\""));
    wants("Nitro: a signer", k, tee, KERNEL, NITRO("\"8\":\"" H48 "\""));
    wants("Nitro: zeros", k, tee, KERNEL, NITRO("\"0\":\"" Z48 "\""));
    wants("Nitro: zeros of a debug enclave", k, ATTEST_ROOT_SIMULATED, 0,
          NITRO("\"0\":\"" Z48 "\""));
    wants("Nitro: PCRs of a TPM do not do", k, tee, KERNEL, PCRS);
}


static void
test_tpm(void)
{
    attest_kind_e  k = ATTEST_KIND_NONE;
    unsigned       cloud = ATTEST_ROOT_CLOUD_VTPM;
    unsigned       host = ATTEST_ROOT_HOST_VTPM;
    unsigned       software = ATTEST_ROOT_SOFTWARE;

#define AK        "\"ak\":[\"" NAME "\"]"
#define GCP(text) "\"gcp\":{" text "}"
#define PCR(n)    "\"pcrs\":{\"sha256\":{\"" n "\":\"" H32 "\"}}"
#define ZERO(n)   "\"" n "\":\"" Z32 "\""

    wants("cloud: values and key", k, cloud, 0, PCRS "," AK);
    wants("cloud: values and project", k, cloud, 0,
          PCRS "," GCP("\"project\":[\"p\"]"));
    wants("cloud: anybody's machine", k, cloud, MACHINE, PCRS);
    wants("cloud: anybody's in a zone", k, cloud, MACHINE,
          PCRS "," GCP("\"zone\":[\"z\"],\"instance\":[\"i\"]"));
    wants("cloud: nothing", k, cloud, FIRMWARE | KERNEL | MACHINE, "");
    wants("cloud: one PCR", k, cloud, FIRMWARE | KERNEL, PCR("14") "," AK);
    wants("cloud: firmware alone", k, cloud, KERNEL, PCR("0") "," AK);
    wants("cloud: boot loader alone", k, cloud, FIRMWARE, PCR("4") "," AK);
    wants("cloud: an image behind any boot loader", k, cloud, KERNEL,
          "\"pcrs\":{\"sha256\":{\"0\":\"" H32 "\",\"7\":\"" H32
          "\",\"11\":\"" H32 "\"}}," AK);
    wants("cloud: zeros", k, cloud, FIRMWARE | KERNEL,
          "\"pcrs\":{\"sha256\":{" ZERO("0") "," ZERO("4") "}}," AK);
    wants("host: values and key", k, host, 0, PCRS "," AK);
    wants("host: no key, no maker", k, host, MACHINE, PCRS);
    wants("host: a project is no host's", k, host, MACHINE,
          PCRS "," GCP("\"project\":[\"p\"]"));
    wants("software: nothing is measured into it", k, software, 0,
          "\"pcrs\":{\"sha256\":{" ZERO("0") "," ZERO("4") "}}");
    wants("software: one PCR", k, software, FIRMWARE | KERNEL, PCR("14"));
    wants("software: zeros of another", k, software, FIRMWARE | KERNEL,
          "\"pcrs\":{\"sha256\":{" ZERO("12") "}}");
    wants("events are no values", k, software, FIRMWARE | KERNEL,
          "\"events\":{\"0\":\"" H32 "\",\"4\":\"" H32 "\"}");
    wants("a CPU beside a cloud's TPM: whose?", ATTEST_KIND_SNP, cloud,
          MACHINE, PCRS ",\"snp\":{\"measurement\":\"" H48 "\","
          "\"measurement_covers\":\"firmware\"," TCB "}");
}


/* Given up one by one; each is told, and none of the others with it. */

static void
test_waive(void)
{
    size_t    i, k;
    unsigned  part, open;
    char      json[64];

    static const char *const  names[] = {
        "firmware", "kernel", "machine", "tcb"
    };

    for (i = 0; i < 4; i++) {
        (void) snprintf(json, sizeof(json), "\"waive\":[\"%s\"]", names[i]);
        parse(json);
        part = attest_least_part(names[i]);
        IS_INT(policy.waive, part, "waive: %s", names[i]);

        open = open_parts(ATTEST_KIND_SNP, ATTEST_KIND_SNP,
                          ATTEST_ROOT_CLOUD_VTPM);
        IS_INT(open, 0xf & ~part, "waive %s: nothing else", names[i]);

        for (k = 0; k < count; k++) {
            OK(gaps[k].waived == (gaps[k].part == part)
               && (gaps[k].waived == 0) == (strcmp(gaps[k].name, names[i])
                                            != 0)
               && gaps[k].member[0] != '\0' && gaps[k].text[0] != '\0',
               "waive %s: %s is told", names[i], gaps[k].name);
        }
    }

    parse("\"waive\":[\"kernel\",\"firmware\",\"tcb\"]");
    IS_INT(open_parts(ATTEST_KIND_SNP, ATTEST_KIND_SNP, ATTEST_ROOT_TEE), 0,
           "all waived");
    IS_INT(count, 3, "and all are told");
}


/* Its order is used: the least first, no label twice. */

static void
test_labels(void)
{
    size_t                 i;
    attest_span_t          s;
    const attest_label_t  *a;

    for (i = 0; attest_labels[i].root != 0; i++) {
        a = &attest_labels[i];
        s.p = (const uint8_t *) a->label;
        s.n = strlen(a->label);
        OK(attest_label_root(s) == a->root && attest_label(a->root) == a
           && strcmp(attest_label_name(a->root), a->label) == 0,
           "label %s", a->label);

        if (i > 0) {
            IS_INT(attest_label_least(a->root, a[-1].root), a[-1].root,
                   "%s is worth more than %s", a->label, a[-1].label);
            IS_INT(attest_label_least(a[-1].root, a->root), a[-1].root,
                   "whichever comes first");
        }
    }

    IS_INT(i, 6, "six labels");
    OK(strcmp(attest_label_name(0), "none") == 0, "and none");
}


int
main(void)
{
    test_labels();
    test_snp();
    test_tdx();
    test_azure();
    test_nitro();
    test_tpm();
    test_waive();

    attest_policy_clear(&policy);
    DONE();
}
