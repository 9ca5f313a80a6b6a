/* SPDX-License-Identifier: Apache-2.0 */

/* The policy file: what is said, what is refused and how the path is named. */

#include <sys/mman.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "core/policy/attest_policy.h"
#include "evidence.h"


#define H32  "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define H48  H32 "00112233445566778899aabbccddeeff"
#define AK   "000b" H32


static attest_policy_t  policy;
static char             err[256];


static int parse(const char *json);
static void bad(const char *json, const char *want);
static char *pem(void);
static void test_ends(void);


static int
parse(const char *json)
{
    attest_policy_clear(&policy);
    err[0] = '\0';
    return attest_policy_parse(json, strlen(json), &policy, err, sizeof(err));
}


/* Refused, and the message begins with what is given. */

static void
bad(const char *json, const char *want)
{
    int  rc = parse(json);

    if (!OK(rc != ATTEST_OK && strncmp(err, want, strlen(want)) == 0,
            "refused: %.60s", json))
    {
        printf("#   rc %d: %s\n", rc, err);
    }
}


/* Cut anywhere, with nothing readable behind it. */

static void
test_ends(void)
{
    int                  refused = 1;
    char                *page, *at;
    size_t               n, size = (size_t) sysconf(_SC_PAGESIZE);
    static const char    json[] = "{\"version\":1, \"roots_of_trust\":[\"tee\","
                                  "\"simulated\"], \"max_age\":3600}";

    page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || mprotect(page + size, size, PROT_NONE) == -1) {
        printf("Bail out! no pages\n");
        exit(1);
    }

    for (n = 0; n < sizeof(json); n++) {
        at = page + size - n;
        memcpy(at, json, n);
        attest_policy_clear(&policy);
        refused &= (attest_policy_parse(at, n, &policy, err, sizeof(err))
                    != ATTEST_OK) == (n != sizeof(json) - 1);
    }

    OK(refused, "cut anywhere, it is refused and not read behind its end");
    (void) munmap(page, 2 * size);
}


/* A certificate as a JSON string's content. */

static char *
pem(void)
{
    long      n;
    BIO      *bio = BIO_new(BIO_s_mem());
    X509     *x;
    char     *p, *out = malloc(8192);
    size_t    i, k = 0;
    EVP_PKEY *key = ev_key("EC");

    x = ev_cert(key, NULL, NULL, NULL, NULL);
    PEM_write_bio_X509(bio, x);
    n = BIO_get_mem_data(bio, &p);

    for (i = 0; i < (size_t) n; i++) {
        if (p[i] == '\n') {
            out[k++] = '\\';
            out[k++] = 'n';

        } else {
            out[k++] = p[i];
        }
    }

    out[k] = '\0';
    BIO_free(bio);
    X509_free(x);
    EVP_PKEY_free(key);
    return out;
}


static void
test_defaults(void)
{
    attest_policy_default(&policy);
    IS_INT(policy.roots, ATTEST_ROOT_TEE | ATTEST_ROOT_TEE_VTPM,
           "only TEEs by default");
    OK(policy.require_nonce && policy.require_exporter && policy.require_ek
       && !policy.require_eventlog && !policy.require_hpke_keys,
       "what is required by default");

    IS_INT(parse("{\"version\":1}"), ATTEST_OK, "the smallest policy");
    IS_INT(policy.roots, ATTEST_ROOT_DEFAULT, "has the default roots");
    IS_INT(policy.require_ek, 1, "and wants an EK");

    parse("{\"version\":1,\"roots_of_trust\":[\"software\"]}");
    IS_INT(policy.require_ek, 0, "software alone needs no EK");
    parse("{\"version\":1,\"roots_of_trust\":[\"software\",\"simulated\"]}");
    IS_INT(policy.require_ek, 0, "nor simulated");
    parse("{\"version\":1,\"roots_of_trust\":[\"software\",\"host-vtpm\"]}");
    IS_INT(policy.require_ek, 1, "but a host's TPM does");
    parse("{\"version\":1,\"roots_of_trust\":[\"host-vtpm\"],\"ak\":[\""
          AK "\"]}");
    IS_INT(policy.require_ek, 0, "unless its AK is named");
    parse("{\"require_ek\":true,\"version\":1,"
          "\"roots_of_trust\":[\"software\"]}");
    IS_INT(policy.require_ek, 1, "what is said goes before defaults");
}


static void
test_full(char *cert)
{
    char  json[16384];

    (void) snprintf(json, sizeof(json),
        " {\"version\": 1, \"roots_of_trust\": [\"tee\", \"tee-vtpm\", "
        "\"cloud-vtpm\", \"host-vtpm\", \"software\", \"simulated\"], "
        "\"pcrs\": {\"sha256\": {\"0\": \"" H32 "\", \"22\": [\"" H32
        "\", \"" H32 "\"]}}, \"events\": {\"4\": [\"" H32 "\"]}, "
        "\"config\": [\"" H32 "\"], \"ak\": [\"" AK "\"], "
        "\"ek_roots\": [\"%s\", \"%s\"], \"max_age\": 3600, "
        "\"require_nonce\": false, \"require_exporter\": false, "
        "\"require_eventlog\": true, \"require_ek\": true, "
        "\"require_hpke_keys\": true}\n\t ", cert, cert);

    OK(parse(json) == ATTEST_OK, "every member: %s", err);
    IS_INT(policy.roots, 0x3f, "all roots");
    IS_INT(policy.pcr_alg, ATTEST_TPM_ALG_SHA256, "the bank");
    IS_INT(policy.pcrs[0].count, 1, "one value for PCR 0");
    IS_INT(policy.pcrs[22].count, 2, "two for PCR 22");
    IS_INT(policy.pcrs[1].count, 0, "none for PCR 1");
    IS_MEM(policy.pcrs[0].value[0] + 8, "\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 8,
           "hex is read");
    IS_INT(policy.events[4].count, 1, "one event");
    IS_INT(policy.config.len[0], 32, "a configuration");
    IS_INT(policy.ak.len[0], 34, "a name");
    IS_INT(sk_X509_num(policy.ek_roots), 2, "two roots");
    IS_INT(policy.max_age, 3600, "the age");
    OK(!policy.require_nonce && !policy.require_exporter && policy.require_ek
       && policy.require_eventlog && policy.require_hpke_keys, "flags");

    IS_INT(parse("{\"version\":1,\"events\":{\"7\":\"" H48 "\"}}"), ATTEST_OK,
           "SHA-384 events alone");
    IS_INT(policy.pcr_alg, ATTEST_TPM_ALG_SHA384, "choose the bank");
    IS_INT(parse("{\"version\":1,\"pcrs\":{\"sha384\":{\"7\":\"" H48
                 "\"}},\"events\":{\"7\":[\"" H48 "\"]}}"), ATTEST_OK,
           "SHA-384 throughout");
}


static void
test_members(void)
{
    test_ends();

    bad("{}", "version: missing");
    bad("{\"version\":2}", "version: must be 1");
    bad("{\"version\":\"1\"}", "version: must be 1");
    bad("{\"version\":true}", "version: must be 1");
    bad("{\"version\":1,\"Version\":1}", "Version: unknown member");
    bad("{\"version\":1,\"pcr\":{}}", "pcr: unknown member");
    bad("{\"version\":1,\"\":1}", "unknown member");
    bad("{\"version\":1,\"version\":1}", "version: given twice");
    bad("{\"max_age\":1,\"version\":1,\"max_age\":1}",
        "max_age: given twice");
    bad("{\"version\":1,\"roots_of_trust\":[]}", "roots_of_trust: must");
    bad("{\"version\":1,\"roots_of_trust\":\"tee\"}", "roots_of_trust: must");
    bad("{\"version\":1,\"roots_of_trust\":[\"tee\",\"TEE\"]}",
        "roots_of_trust[1]: unknown label");
    bad("{\"version\":1,\"roots_of_trust\":[\"tee\",\"tee\"]}",
        "roots_of_trust[1]: given twice");
    bad("{\"version\":1,\"roots_of_trust\":[1]}", "roots_of_trust[0]: must");
    bad("{\"version\":1,\"max_age\":0}", "max_age: must");
    bad("{\"version\":1,\"max_age\":315360001}", "max_age: must");
    bad("{\"version\":1,\"max_age\":\"60\"}", "max_age: must");
    bad("{\"version\":1,\"require_nonce\":1}", "require_nonce: must be true");
    bad("{\"version\":1,\"require_exporter\":\"no\"}", "require_exporter: m");
    bad("{\"version\":1,\"require_ek\":null}", "require_ek: must be true");
    bad("{\"version\":1,\"require_eventlog\":[]}", "require_eventlog: must");
    bad("{\"version\":1,\"require_hpke_keys\":{}}", "require_hpke_keys: mu");
}


/* What looks like a demand and is none. */

static void
test_demands(void)
{
    size_t  i;
    char    json[256], want[96];

    static const struct {
        const char  *path;
        const char  *json;
    } none[] = {
        { "snp", "\"snp\":{}" },
        { "tdx", "\"tdx\":{}" },
        { "azure", "\"azure\":{}" },
        { "gcp", "\"gcp\":{}" },
        { "nitro", "\"nitro\":{}" },
        { "gpu", "\"gpu\":{}" },
        { "gpu", "\"gpu\":{\"required\":false}" },
        { "pcrs", "\"pcrs\":{}" },
        { "pcrs.sha256", "\"pcrs\":{\"sha256\":{}}" },
        { "pcrs.sha256.0", "\"pcrs\":{\"sha256\":{\"0\":[]}}" },
        { "events", "\"events\":{}" },
        { "config", "\"config\":[]" },
        { "ak", "\"ak\":[]" },
        { "ek_roots", "\"ek_roots\":[]" },
        { "simulated_roots", "\"simulated_roots\":[]" },
        { "waive", "\"waive\":[]" },
        { "snp.measurement", "\"snp\":{\"measurement\":[]}" },
        { "snp.min_tcb", "\"snp\":{\"min_tcb\":{}}" },
        { "snp.min_tcb", "\"snp\":{\"min_tcb\":{\"snp\":0,\"tee\":0}}" },
        { "snp.min_committed_tcb",
          "\"snp\":{\"min_committed_tcb\":{\"snp\":0}}" },
        { "snp.min_launch_tcb",
          "\"snp\":{\"min_launch_tcb\":{\"tee\":0}}" },
        { "snp.min_abi", "\"snp\":{\"min_abi\":\"0.0\"}" },
        { "snp.platform", "\"snp\":{\"platform\":{}}" },
        { "snp.guest_policy", "\"snp\":{\"guest_policy\":{}}" },
        { "snp.certs", "\"snp\":{\"certs\":[]}" },
        { "snp.crls", "\"snp\":{\"crls\":[]}" },
        { "tdx.rtmr", "\"tdx\":{\"rtmr\":{}}" },
        { "tdx.mrtd", "\"tdx\":{\"mrtd\":[]}" },
        { "tdx.tcb", "\"tdx\":{\"tcb\":[]}" },
        { "tdx.min_tcb_date",
          "\"tdx\":{\"min_tcb_date\":\"1970-01-01\"}" },
        { "tdx.min_tcb_date",
          "\"tdx\":{\"min_tcb_date\":\"2017-12-31\"}" },
        { "tdx.collateral", "\"tdx\":{\"collateral\":{}}" },
        { "tdx.collateral", "\"tdx\":{\"collateral\":[]}" },
        { "tdx.attributes", "\"tdx\":{\"attributes\":{}}" },
        { "tdx.attributes", "\"tdx\":{\"attributes\":{"
          "\"required\":\"0000000000000000\"}}" },
        { "azure.vm_unique_id", "\"azure\":{\"vm_unique_id\":[]}" },
        { "gcp.project", "\"gcp\":{\"project\":[]}" },
        { "nitro.pcrs", "\"nitro\":{\"pcrs\":{}}" },
        { "nitro.module_ids", "\"nitro\":{\"module_ids\":[]}" },
        { "gpu.devices", "\"gpu\":{\"devices\":[]}" },
        { "gpu.arch", "\"gpu\":{\"arch\":[]}" }
    };

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        (void) snprintf(json, sizeof(json), "{\"version\":1,%s}",
                        none[i].json);
        (void) snprintf(want, sizeof(want), "%s: ", none[i].path);
        bad(json, want);
    }
}


static void
test_waive(void)
{
    bad("{\"version\":1,\"waive\":\"kernel\"}", "waive: must be a list");
    bad("{\"version\":1,\"waive\":[\"Kernel\"]}", "waive[0]: must be ");
    bad("{\"version\":1,\"waive\":[\"kernel\",\"all\"]}", "waive[1]: mu");
    bad("{\"version\":1,\"waive\":[\"kernel\",\"kernel\"]}",
        "waive[1]: given twice");
    bad("{\"version\":1,\"waive\":[1]}", "waive[0]: must be");
    bad("{\"version\":1,\"snp\":{\"measurement_covers\":\"all\"}}",
        "snp.measurement_covers: must be \"firmware\"");
    bad("{\"version\":1,\"snp\":{\"measurement_covers\":true}}",
        "snp.measurement_covers: must be");
    bad("{\"version\":1,\"measurement_covers\":\"kernel\"}",
        "measurement_covers: unknown member");
    IS_INT(parse("{\"version\":1,\"snp\":{\"measurement_covers\":"
                 "\"kernel\"}}"), ATTEST_OK, "what a measurement covers");
    IS_INT(policy.snp.covers, ATTEST_SNP_COVERS_KERNEL, "the kernel, too");
}


static void
test_values(void)
{
    bad("{\"version\":1,\"pcrs\":[]}", "pcrs: must be an object");
    bad("{\"version\":1,\"pcrs\":{}}", "pcrs: must name exactly one bank");
    bad("{\"version\":1,\"pcrs\":{\"sha1\":{}}}", "pcrs.sha1: unknown");
    bad("{\"version\":1,\"pcrs\":{\"sha256\":{}}}", "pcrs.sha256: empty");
    bad("{\"version\":1,\"pcrs\":{\"sha256\":{\"0\":\"" H32 "\"},"
        "\"sha384\":{\"0\":\"" H48 "\"}}}", "pcrs: must name exactly one");
    bad("{\"version\":1,\"pcrs\":{\"sha256\":{\"24\":\"" H32 "\"}}}",
        "pcrs.sha256.24: unknown member");
    bad("{\"version\":1,\"pcrs\":{\"sha256\":{\"00\":\"" H32 "\"}}}",
        "pcrs.sha256.00: unknown member");
    bad("{\"version\":1,\"pcrs\":{\"sha256\":{\"16\":\"" H32 "\"}}}",
        "pcrs.sha256.16: this PCR can be reset");
    bad("{\"version\":1,\"events\":{\"23\":[\"" H32 "\"]}}",
        "events.23: this PCR can be reset");
    bad("{\"version\":1,\"pcrs\":{\"sha256\":{\"4\":\"" H32 "\",\"4\":\"" H32
        "\"}}}", "pcrs.sha256.4: given twice");
    bad("{\"version\":1,\"pcrs\":{\"sha256\":{\"4\":[]}}}",
        "pcrs.sha256.4: an empty list");
    bad("{\"version\":1,\"pcrs\":{\"sha256\":{\"4\":0}}}",
        "pcrs.sha256.4: must be a list");
    bad("{\"version\":1,\"pcrs\":{\"sha256\":{\"4\":[\"" H32 "\",\"" H48
        "\"]}}}", "pcrs.sha256.4[1]: wrong number");
    bad("{\"version\":1,\"pcrs\":{\"sha256\":{\"4\":\"0x112233445566778899aa"
        "bbccddeeff00112233445566778899aabbccddeeff\"}}}",
        "pcrs.sha256.4: not hex");
    bad("{\"version\":1,\"pcrs\":{\"sha384\":{\"4\":\"" H32 "\"}}}",
        "pcrs.sha384.4: wrong number");
    bad("{\"version\":1,\"events\":{\"4\":[\"" H32 "\"],\"5\":[\"" H48
        "\"]}}", "events: digests of different banks");
    bad("{\"version\":1,\"pcrs\":{\"sha384\":{\"4\":\"" H48
        "\"}},\"events\":{\"4\":[\"" H32 "\"]}}", "events: digests of diff");
    bad("{\"version\":1,\"events\":{\"4\":[\"0011\"]}}",
        "events.4[0]: wrong number");
    bad("{\"version\":1,\"config\":\"" H32 "\"}", "config: must be a list");
    bad("{\"version\":1,\"config\":[\"" H48 "\"]}", "config[0]: wrong");
    bad("{\"version\":1,\"ak\":[\"" H32 "\"]}", "ak[0]: wrong number");
    bad("{\"version\":1,\"ak\":[null]}", "ak[0]: must be a hex string");
}


static void
test_roots(char *cert)
{
    char  json[16384];

    (void) snprintf(json, sizeof(json), "{\"version\":1,\"ek_roots\":\"%s\"}",
                    cert);
    bad(json, "ek_roots: must be a list");
    (void) snprintf(json, sizeof(json),
                    "{\"version\":1,\"ek_roots\":[\"x%s\"]}", cert);
    bad(json, "ek_roots[0]: must be one certificate");
    (void) snprintf(json, sizeof(json),
                    "{\"version\":1,\"ek_roots\":[\"%s%s\"]}", cert, cert);
    bad(json, "ek_roots[0]: must be one certificate");
    (void) snprintf(json, sizeof(json),
                    "{\"version\":1,\"ek_roots\":[\"%s\",\"%.300s\"]}", cert,
                    cert);
    bad(json, "ek_roots[1]: must be one certificate");
    bad("{\"version\":1,\"ek_roots\":[]}", "ek_roots: must be a list");
    bad("{\"version\":1,\"ek_roots\":[1]}", "ek_roots[0]: must be a PEM");
    bad("{\"version\":1,\"ek_roots\":[\"-----BEGIN CERTIFICATE-----"
        "-----END CERTIFICATE-----\"]}", "ek_roots[0]: must be one");
}


static void
test_json(void)
{
    int     rc;
    char   *big;
    size_t  i;

    bad("", "not valid JSON");
    bad("[]", "the policy must be an object");
    bad("1", "the policy must be an object");
    bad("{\"version\":1", "not valid JSON");
    bad("{\"version\":1,}", "not valid JSON");
    bad("{\"version\":1} x", "something follows");
    bad("{\"version\":1}{}", "something follows");
    bad("{\"version\":1.0}", "numbers must be whole");
    bad("{\"version\":1e0}", "numbers must be whole");
    bad("{\"version\":01}", "numbers must be whole");
    bad("{\"version\":-1}", "numbers must be whole");
    bad("{\"version\":1,\"max_age\":11111111111111111}", "numbers must");
    bad("{\"version\\u0000\":1}", "a string with a control character");
    bad("{\"ver\tsion\":1}", "a string with a control character");
    bad("{\"version", "a string with a control character");
    bad("{\"version\":[[[[[[[[1]]]]]]]]}", "nested too deep");
    bad("\xef\xbb\xbf{\"version\":1}", "not valid JSON");
    bad("{\v\"version\":1}", "not valid JSON");
    bad("{\001\"version\":1,\"require_exporter\":\002false}", "not valid");
    bad("{\"version\":1}\f", "not valid JSON");
    bad("{\"version\":1\177}", "not valid JSON");
    IS_INT(parse("\r\n\t {\r\n\t \"version\"\t:\r1\n}\r\n\t "), ATTEST_OK,
           "the four blanks of JSON are fine");

    rc = attest_policy_parse("{\"version\":1}\0", 14, &policy, err,
                             sizeof(err));
    OK(rc != ATTEST_OK, "refused: a NUL behind the policy");

    IS_INT(parse("{\"v\\u0065rsion\":1}"), ATTEST_OK, "an escape is fine");
    bad("{\"v\\u0065rsion\":1,\"version\":1}", "version: given twice");

    big = malloc(ATTEST_POLICY_MAX_JSON + 2);
    memset(big, ' ', ATTEST_POLICY_MAX_JSON + 1);
    memcpy(big, "{\"version\":1}", 13);
    IS_INT(attest_policy_parse(big, ATTEST_POLICY_MAX_JSON, &policy, err,
                               sizeof(err)), ATTEST_OK, "as long as allowed");
    IS_INT(attest_policy_parse(big, ATTEST_POLICY_MAX_JSON + 1, &policy, err,
                               sizeof(err)), ATTEST_ELIMIT, "one byte more");

    /* 33 alternatives: one too many */

    strcpy(big, "{\"version\":1,\"config\":[");
    for (i = 0; i < 33; i++) {
        strcat(big, i == 0 ? "\"" H32 "\"" : ",\"" H32 "\"");
    }
    strcat(big, "]}");
    bad(big, "config[32]: too many values");
    free(big);
}


static void
test_labels(void)
{
    size_t                     i;
    attest_span_t              s;
    static const char *const   labels[] = {
        "tee", "tee-vtpm", "cloud-vtpm", "host-vtpm", "software", "simulated"
    };

    for (i = 0; i < 6; i++) {
        s.p = (const uint8_t *) labels[i];
        s.n = strlen(labels[i]);
        OK(strcmp(attest_label_name(attest_label_root(s)), labels[i])
           == 0, "label %s there and back", labels[i]);
        s.n--;
        IS_INT(attest_label_root(s), 0, "no prefix of it");
    }

    OK(strcmp(attest_label_name(0), "none") == 0, "no label for no root");
    OK(strcmp(attest_label_name(3), "none") == 0, "nor for two");
}


static void
test_cut(void)
{
    size_t              i;
    static const char   json[] = "{\"version\":1,\"pcrs\":{\"sha256\":{\"0\":\""
                                 H32 "\"}},\"roots_of_trust\":[\"tee\"]}";

    for (i = 0; i < sizeof(json) - 1; i++) {
        if (attest_policy_parse(json, i, &policy, err, sizeof(err))
            == ATTEST_OK)
        {
            break;
        }
    }

    IS_INT(i, sizeof(json) - 1, "a policy cut anywhere is refused");
}


int
main(void)
{
    char  *cert = pem();

    test_defaults();
    test_full(cert);
    test_members();
    test_demands();
    test_waive();
    test_values();
    test_roots(cert);
    test_json();
    test_labels();
    test_cut();

    attest_policy_clear(&policy);
    free(cert);
    DONE();
}
