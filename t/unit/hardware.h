/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A whole appraisal of an enclave with GPUs, made by the doubles: certificate,
 * cached and fresh evidence, a connection and a policy, each of which a test
 * can bend.
 */


#ifndef HARDWARE_H_INCLUDED
#define HARDWARE_H_INCLUDED


#include "core/evidence/attest_gpu.h"
#include "core/policy/attest_policy.h"
#include "core/appraisal/attest_verify.h"
#include "core/crypto/attest_x509.h"
#include "evidence.h"
#include "gpu_double.h"
#include "nitro_double.h"


#define HW_ROOM       (2 * 1024 * 1024)
#define HW_NITRO      "\"nitro\":{\"pcrs\":{\"0\":\"%PCR0%\"}}"


typedef struct {
    attest_claims_t   claims;
    nitro_double_t    nitro;           /* binds itself to the claims */
    attest_span_t     doc;             /* instead of what the double makes */
    int               foreign_claims;  /* nitro: user data of other claims */
    int               no_user_data;
    int               long_user_data;  /* 64 bytes */
    int               no_nonce;
    int               foreign_nonce;
    const char       *nitro_type;      /* NULL: the right media type */
    const char       *root;            /* item "root-of-trust", NULL: none */
    gpu_double_t      gpus[ATTEST_GPU_MAX_DEVICES];
    size_t            ngpus;
    attest_span_t     gpu_item;        /* instead of what the double makes */
    const char       *gpu_arch;        /* NULL: the double's */
    int               gpu_reuse;       /* evidence of the cached part */
    int               gpu_nonce_flip;  /* beside the report */
    int               gpu_flip;        /* in the last report's signature */
    int               gpu_unclaimed;
    int               gpu_missing;
    char             *gpu;             /* the item, HW_ROOM */
    size_t            gpu_len;
    uint8_t          *out;             /* the collection, HW_ROOM */
    size_t            n;
} hw_part_t;

typedef struct {
    hw_part_t         part[3];         /* certificate, cached, fresh */
    int64_t           now;
    int               no_cert;
    int               no_cached;
    int               no_fresh;
    int               maker_roots;     /* the doubles' roots are the makers' */
    const char       *policy;          /* members of it */
    const char       *labels;
} hw_t;


static hw_t               hw;
static attest_result_t    hw_res;
static EVP_PKEY          *hw_tls;
static ev_buf_t           hw_cert;
static attest_roots_t     hw_roots, hw_double_roots;
static char               hw_pem[2][4096];
static uint8_t            hw_nonce[32], hw_exporter[32];
static char               hw_json[65536];


static inline void
hw_bail(const char *what)
{
    printf("Bail out! %s\n", what);
    exit(1);
}


static inline void
hw_anchor(attest_maker_e maker, const char *pem)
{
    attest_span_t    s = { (const uint8_t *) pem, strlen(pem) };
    STACK_OF(X509)  *one = attest_x509_read(s);

    if (one == NULL) {
        hw_bail("no root of a double");
    }

    sk_X509_pop_free(hw_double_roots.anchors[maker], X509_free);
    hw_double_roots.anchors[maker] = one;
}


static inline void
hw_setup(void)
{
    int             i;
    gpu_double_t    gpu = GPU_DOUBLE_HOPPER;
    nitro_double_t  nitro = NITRO_DOUBLE;

    nitro.timestamp = EV_NOW * 1000ULL;
    hw_tls = ev_key("EC");

    if (attest_roots_load(&hw_roots) != ATTEST_OK
        || attest_roots_load(&hw_double_roots) != ATTEST_OK
        || !nitro_double_root(&nitro, hw_pem[0], sizeof(hw_pem[0]))
        || !gpu_double_root(&gpu, hw_pem[1], sizeof(hw_pem[1])))
    {
        hw_bail("no roots");
    }

    hw_anchor(ATTEST_MAKER_AWS, hw_pem[0]);
    hw_anchor(ATTEST_MAKER_NVIDIA, hw_pem[1]);

    memset(hw_nonce, 0xaa, sizeof(hw_nonce));
    memset(hw_exporter, 0xbb, sizeof(hw_exporter));

    for (i = 0; i < 3; i++) {
        hw.part[i].out = malloc(HW_ROOM);
        hw.part[i].gpu = malloc(HW_ROOM);
    }
}


static inline void
hw_teardown(void)
{
    int  i;

    for (i = 0; i < 3; i++) {
        free(hw.part[i].out);
        free(hw.part[i].gpu);
    }

    attest_roots_clear(&hw_roots);
    attest_roots_clear(&hw_double_roots);
    EVP_PKEY_free(hw_tls);
}


static inline void
hw_reset(void)
{
    int             i;
    char           *gpu;
    uint8_t        *out;
    hw_part_t      *part;
    nitro_double_t  nitro = NITRO_DOUBLE;

    for (i = 0; i < 3; i++) {
        part = &hw.part[i];
        out = part->out;
        gpu = part->gpu;
        memset(part, 0, sizeof(*part));
        part->out = out;
        part->gpu = gpu;

        part->nitro = nitro;
        part->nitro.timestamp = (i == 2 ? EV_NOW - 5 : EV_FROM + 10)
                                * 1000ULL;
        part->claims.pubkey_hash_alg = 1;
        part->claims.pubkey_hash_len = 32;
        (void) attest_x509_spki_hash(hw_tls, part->claims.pubkey_hash);
        part->claims.not_before = EV_FROM;
        part->claims.not_after = EV_UNTIL;
        part->claims.has_validity = 1;

        if (i == 2) {
            memcpy(part->claims.nonce, hw_nonce, 32);
            part->claims.nonce_len = 32;
            memcpy(part->claims.exporter, hw_exporter, 32);
            part->claims.has_exporter = 1;
        }
    }

    hw.now = EV_NOW;
    hw.no_cert = hw.no_cached = hw.no_fresh = hw.maker_roots = 0;
    hw.policy = HW_NITRO;
    hw.labels = "\"simulated\"";
}


/* The same GPUs in all parts. */

static inline void
hw_gpus(const gpu_double_t *d, size_t count)
{
    int     i;
    size_t  k;

    for (i = 0; i < 3; i++) {
        hw.part[i].ngpus = count;

        for (k = 0; k < count; k++) {
            hw.part[i].gpus[k] = *d;
            hw.part[i].gpus[k].number = (unsigned) k;
        }
    }
}


static inline void
hw_build_gpus(hw_part_t *part)
{
    size_t                 i, n;
    uint8_t                nonce[32];
    attest_gpu_device_t    in[ATTEST_GPU_MAX_DEVICES];
    static char            pem[ATTEST_GPU_MAX_DEVICES][GPU_DOUBLE_MAX_PEM];
    static uint8_t         report[ATTEST_GPU_MAX_DEVICES]
                                 [GPU_DOUBLE_MAX_REPORT];

    if (attest_claims_gpu_nonce(&part->claims, nonce) != ATTEST_OK) {
        hw_bail("no nonce for GPUs");
    }

    for (i = 0; i < part->ngpus; i++) {
        in[i].arch.p = (const uint8_t *) (part->gpu_arch != NULL
                                          ? part->gpu_arch
                                          : part->gpus[i].arch);
        in[i].arch.n = strlen((const char *) in[i].arch.p);
        in[i].chain.p = (const uint8_t *) pem[i];
        in[i].chain.n = gpu_double_chain(&part->gpus[i], pem[i],
                                         sizeof(pem[i]));
        n = gpu_double_report(&part->gpus[i], nonce, report[i],
                              sizeof(report[i]));
        if (n == 0 || in[i].chain.n == 0) {
            hw_bail("the double of GPUs failed");
        }

        if (i + 1 == part->ngpus) {
            report[i][n - 1] ^= (uint8_t) part->gpu_flip;
        }

        in[i].report.p = report[i];
        in[i].report.n = n;
        memcpy(in[i].nonce, nonce, 32);
        in[i].nonce[31] ^= (uint8_t) part->gpu_nonce_flip;
    }

    part->gpu_len = HW_ROOM;
    if (attest_gpu_encode(in, part->ngpus, part->gpu, &part->gpu_len)
        != ATTEST_OK)
    {
        hw_bail("cannot encode the GPUs");
    }
}


static inline void
hw_build_gpu_item(hw_part_t *part)
{
    attest_span_t  s;

    if (part->gpu_item.n != 0) {
        memcpy(part->gpu, part->gpu_item.p, part->gpu_item.n);
        part->gpu_len = part->gpu_item.n;

    } else if (part->gpu_reuse) {
        memcpy(part->gpu, hw.part[1].gpu, hw.part[1].gpu_len);
        part->gpu_len = hw.part[1].gpu_len;

    } else if (part->ngpus != 0) {
        hw_build_gpus(part);

    } else {
        part->gpu_len = 0;
        return;
    }

    s.p = (const uint8_t *) part->gpu;
    s.n = part->gpu_len;
    part->claims.has_gpu = !part->gpu_unclaimed;
    (void) attest_sha256(&s, 1, part->claims.gpu);
}


/* The document for these claims, unless the test brings one. */

static inline attest_span_t
hw_build_nitro(hw_part_t *part, attest_span_t claims, uint8_t *doc,
    size_t room)
{
    uint8_t          digest[64] = { 0 };
    attest_span_t    s;
    nitro_double_t   d = part->nitro;

    if (part->doc.n != 0) {
        return part->doc;
    }

    (void) attest_sha256(&claims, 1, digest);
    digest[0] ^= (uint8_t) part->foreign_claims;

    if (!part->no_user_data) {
        d.user_data = digest;
        d.user_data_len = part->long_user_data ? 64 : 32;
    }

    if (part->claims.nonce_len != 0 && !part->no_nonce) {
        d.nonce = part->claims.nonce;
        d.nonce_len = part->claims.nonce_len;
    }

    if (part->foreign_nonce) {
        d.nonce = hw_exporter;
        d.nonce_len = 32;
    }

    s.p = doc;
    s.n = nitro_double_make(&d, doc, room);

    if (s.n == 0) {
        hw_bail("the double of Nitro failed");
    }

    return s;
}


static inline void
hw_build(hw_part_t *part, int which)
{
    size_t               n = 0, len = ATTEST_CLAIMS_MAX;
    uint8_t              claims[ATTEST_CLAIMS_MAX];
    attest_span_t        s, root;
    attest_cmw_item_t    items[8];
    static uint8_t       doc[NITRO_DOUBLE_MAX];

    if (which != 0) {
        hw_build_gpu_item(part);

    } else if (hw.part[1].claims.has_gpu) {
        part->claims.has_gpu = 1;
        memcpy(part->claims.gpu, hw.part[1].claims.gpu, 32);
    }

    if (attest_claims_encode(&part->claims, claims, &len) != ATTEST_OK) {
        hw_bail("cannot encode claims");
    }

    s.p = claims;
    s.n = len;
    ev_item(items, &n, ATTEST_ITEM_CLAIMS, ATTEST_TYPE_CLAIMS, s);
    ev_item(items, &n, ATTEST_ITEM_NITRO, part->nitro_type != NULL
            ? part->nitro_type : ATTEST_TYPE_NITRO,
            hw_build_nitro(part, s, doc, sizeof(doc)));

    if (which != 0 && part->gpu_len != 0 && !part->gpu_missing) {
        s.p = (const uint8_t *) part->gpu;
        s.n = part->gpu_len;
        ev_item(items, &n, ATTEST_ITEM_GPU, ATTEST_TYPE_GPU, s);
    }

    if (part->root != NULL) {
        root.p = (const uint8_t *) part->root;
        root.n = strlen(part->root);
        ev_item(items, &n, ATTEST_ITEM_ROOT, ATTEST_TYPE_ROOT, root);
    }

    part->n = HW_ROOM;
    if (attest_cmw_encode_cbor(which == 2 ? ATTEST_CMWC_FRESH
                               : ATTEST_CMWC_CACHED, items, n, part->out,
                               &part->n) != ATTEST_OK)
    {
        hw_bail("cannot encode the collection");
    }
}


static inline void
hw_build_all(void)
{
    static const char  *names[] = { "gateway.test" };

    hw_build(&hw.part[1], 1);
    hw_build(&hw.part[0], 0);
    hw_build(&hw.part[2], 2);

    hw_cert.n = sizeof(hw_cert.p);
    if (attest_ratls_make(hw_tls, names, 1, EV_FROM, EV_UNTIL,
                          hw.part[0].out, hw.part[0].n, NULL, hw_cert.p,
                          &hw_cert.n) != ATTEST_OK)
    {
        hw_bail("cannot make a certificate");
    }
}


/* Text with %PCR0%, %PCR1%, .. by the values of the double. */

static inline size_t
hw_expand(char *out, const char *text)
{
    size_t         n = 0;
    unsigned       i, pcr;
    uint8_t        value[64];
    nitro_double_t  d = NITRO_DOUBLE;

    while (*text != '\0') {

        if (strncmp(text, "%PCR", 4) == 0) {
            pcr = (unsigned) (text[4] - '0');
            nitro_double_pcr(&d, pcr, value);
            for (i = 0; i < 48; i++) {
                n += (size_t) sprintf(out + n, "%02x", value[i]);
            }
            text += 6;
            continue;
        }

        out[n++] = *text++;
    }

    return n;
}


static inline size_t
hw_put_pem(char *out, const char *pem)
{
    size_t  n = 0;

    out[n++] = '"';

    while (*pem != '\0') {
        if (*pem == '\n') {
            out[n++] = '\\';
            out[n++] = 'n';
        } else {
            out[n++] = *pem;
        }
        pem++;
    }

    out[n++] = '"';
    return n;
}


/* hw_json: the policy as a user would write it. */

static inline void
hw_policy(attest_policy_t *policy)
{
    char    err[256];
    size_t  n;

    n = (size_t) sprintf(hw_json, "{\"version\":1,\"roots_of_trust\":[%s],"
                         "\"simulated_roots\":[", hw.labels);
    n += hw_put_pem(hw_json + n, hw_pem[0]);
    hw_json[n++] = ',';
    n += hw_put_pem(hw_json + n, hw_pem[1]);
    hw_json[n++] = ']';

    if (hw.policy[0] != '\0') {
        hw_json[n++] = ',';
        n += hw_expand(hw_json + n, hw.policy);
    }

    hw_json[n++] = '}';

    if (attest_policy_parse(hw_json, n, policy, err, sizeof(err))
        != ATTEST_OK)
    {
        printf("# %s\n", err);
        hw_bail("the policy is not accepted");
    }
}


/* Appraises what is built. */

static inline void
hw_appraise(void)
{
    attest_verify_input_t    in;
    static attest_policy_t   policy;

    hw_policy(&policy);
    memset(&in, 0, sizeof(in));
    in.now = hw.now;
    in.policy = &policy;
    in.roots = hw.maker_roots ? &hw_double_roots : &hw_roots;
    in.nonce.p = hw_nonce;
    in.nonce.n = 32;
    in.exporter.p = hw_exporter;
    in.exporter.n = 32;

    if (!hw.no_cert) {
        in.cert = ev_span(&hw_cert);
    }

    if (!hw.no_cached) {
        in.cached.p = hw.part[1].out;
        in.cached.n = hw.part[1].n;
    }

    if (!hw.no_fresh) {
        in.fresh.p = hw.part[2].out;
        in.fresh.n = hw.part[2].n;
    }

    attest_verify(&in, &hw_res);
    attest_policy_clear(&policy);
}


static inline const attest_check_t *
hw_find(const char *id, int state)
{
    size_t  i;

    for (i = 0; i < hw_res.count; i++) {
        if (strcmp(hw_res.checks[i].id, id) == 0
            && (int) hw_res.checks[i].state == state)
        {
            return &hw_res.checks[i];
        }
    }

    return NULL;
}


static inline void
hw_expect(const char *what, const char *id, int state, int verdict)
{
    size_t              i;
    static const char  *names[] = { "unknown", "FAIL", "pass", "note" };

    if (OK(hw_find(id, state) != NULL && (int) hw_res.verdict == verdict,
           "%s: %s %s, verdict %d", what, id, names[state], verdict))
    {
        return;
    }

    printf("#   verdict %d: %s\n", (int) hw_res.verdict, hw_res.why);

    for (i = 0; i < hw_res.count; i++) {
        printf("#   %-8s %s: %s\n", names[hw_res.checks[i].state],
               hw_res.checks[i].id, hw_res.checks[i].text);
    }
}


#define HW_CASE(what, id, state, want, ...)                                  \
    do {                                                                     \
        hw_reset();                                                          \
        __VA_ARGS__;                                                         \
        hw_build_all();                                                      \
        hw_appraise();                                                       \
        hw_expect(what, id, ATTEST_CHECK_##state, want);                     \
    } while (0)

#define HW_TRUSTED(what, id, ...)                                            \
    HW_CASE(what, id, PASS, ATTEST_TRUSTED, __VA_ARGS__)
#define HW_NOTED(what, id, ...)                                              \
    HW_CASE(what, id, NOTE, ATTEST_TRUSTED, __VA_ARGS__)
#define HW_REFUSED(what, id, ...)                                            \
    HW_CASE(what, id, FAIL, ATTEST_NOT_TRUSTED, __VA_ARGS__)
#define HW_OPEN(what, id, ...)                                               \
    HW_CASE(what, id, UNKNOWN, ATTEST_UNDECIDED, __VA_ARGS__)


/* A policy whose member `name` is that: not accepted, and what is said. */

static inline void
hw_policy_error(const char *name, const char *value, const char *want)
{
    char                     json[1024], err[256] = "";
    size_t                   n;
    static attest_policy_t   policy;

    n = (size_t) snprintf(json, sizeof(json), "{\"version\":1,\"%s\":%s}",
                          name, value);
    OK(attest_policy_parse(json, n, &policy, err, sizeof(err)) != ATTEST_OK
       && strstr(err, want) != NULL, "policy: %s", err);
}


#endif /* HARDWARE_H_INCLUDED */
