/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Evidence, policies and files that say "Proc-Type: 4,ENCRYPTED": nobody is
 * asked for a pass phrase, neither at the terminal nor on standard input,
 * which is the caller's list of other things to do.
 */

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "core/crypto/attest_pem.h"
#include "core/policy/attest_policy.h"
#include "providers/attest_provider.h"
#include "providers/prov_tsm_internal.h"
#include "core/crypto/attest_x509.h"
#include "evidence.h"
#include "lib/ngx_attest.c"


#define PEM(name)                                                            \
    "-----BEGIN " name "-----\n"                                             \
    "Proc-Type: 4,ENCRYPTED\n"                                               \
    "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n"               \
    "\n"                                                                     \
    "AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCwwNDg8=\n"                         \
    "-----END " name "-----\n"

/* The same for JSON. */
#define PEM_JSON(name)                                                       \
    "-----BEGIN " name "-----\\n"                                            \
    "Proc-Type: 4,ENCRYPTED\\n"                                              \
    "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\\n"              \
    "\\n"                                                                    \
    "AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCwwNDg8=\\n"                        \
    "-----END " name "-----\\n"

#define CERT   PEM("CERTIFICATE")
#define CRL    PEM_JSON("X509 CRL")

static const char  list[] = "one\ntwo\nthree\n";


static void unasked(const char *what, int (*run)(const void *arg),
    const void *arg);
static int read_certs(const void *arg);
static int read_crl(const void *arg);
static int read_key(const void *arg);
static int read_policy(const void *arg);
static int read_amd(const void *arg);
static int use_library(const void *arg);
static int use_command(const void *arg);
static int use_show(const void *arg);
static void collection(ev_part_t *part, const char *pem);
static const char *folder_file(const char *name, const void *p, size_t n);
static void test_readers(void);
static void test_policies(void);
static void test_evidence(void);


static char  folder[] = "/tmp/ngx-attest-passphrase-XXXXXX";


/*
 * In a process without a terminal, whose standard input is a pipe with a list
 * in it.  run() answers 0 when it refused what it read.
 */

static void
unasked(const char *what, int (*run)(const void *arg), const void *arg)
{
    int      fd[2], status;
    char     left[sizeof(list)];
    pid_t    pid;
    ssize_t  n;

    if (pipe(fd) != 0
        || write(fd[1], list, sizeof(list) - 1) != sizeof(list) - 1
        || close(fd[1]) != 0 || (pid = fork()) < 0)
    {
        printf("Bail out! no process\n");
        exit(1);
    }

    if (pid == 0) {
        (void) setsid();
        (void) dup2(fd[0], STDIN_FILENO);
        _exit(run(arg));
    }

    if (waitpid(pid, &status, 0) != pid) {
        status = -1;
    }

    n = read(fd[0], left, sizeof(left));
    close(fd[0]);

    IS_INT(status, 0, "%s: refused", what);
    OK(n == sizeof(list) - 1 && memcmp(left, list, sizeof(list) - 1) == 0,
       "%s: standard input is still there", what);
}


static int
read_certs(const void *arg)
{
    attest_span_t  s = { arg, strlen(arg) };

    return attest_x509_read(s) != NULL;
}


static int
read_crl(const void *arg)
{
    attest_span_t  s = { arg, strlen(arg) };

    return attest_pem_crl(s, NULL) != NULL;
}


static int
read_key(const void *arg)
{
    int            encrypted;
    attest_span_t  s = { arg, strlen(arg) };

    return attest_pem_key(s, &encrypted) != NULL || !encrypted;
}


static int
read_policy(const void *arg)
{
    char                    err[256];
    static attest_policy_t  policy;

    return attest_policy_parse(arg, strlen(arg), &policy, err, sizeof(err))
           == ATTEST_OK;
}


/* The file of AMD's certificates that an nginx.conf names. */

static int
read_amd(const void *arg)
{
    char      error[ATTEST_TSM_ERROR_LEN];
    size_t    len = 0;
    uint8_t  *table = NULL;

    return prov_tsm_certs(arg, &table, &len, error) == ATTEST_OK;
}


static int
use_library(const void *arg)
{
    char                     err[256];
    const ev_part_t         *part = arg;
    ngx_attest_seen_t        seen;
    ngx_attest_bytes_t       none = { NULL, 0 };
    ngx_attest_verifier_t   *v;

    v = ngx_attest_verifier_create(none, NULL, none, err, sizeof(err));
    if (v == NULL) {
        return 3;
    }

    memset(&seen, 0, sizeof(seen));
    seen.size = sizeof(seen);
    seen.time = EV_NOW;
    seen.fresh.p = part->out.p;
    seen.fresh.n = part->out.n;

    return ngx_attest_appraise(v, &seen, NULL) == NGX_ATTEST_TRUSTED;
}


/* ngx-attest is built beside the folder of this program. */

static int
use_command(const void *arg)
{
    int            status = -1, null;
    char           self[1024];
    pid_t          pid;
    ssize_t        n;
    char *const   *args = (char *const *) arg;

    n = readlink("/proc/self/exe", self, sizeof(self) - 32);
    self[n > 0 ? n : 0] = '\0';
    *strrchr(self, '/') = '\0';
    (void) strcpy(strrchr(self, '/'), "/ngx-attest");

    pid = fork();

    if (pid == 0) {
        null = open("/dev/null", O_WRONLY);
        (void) dup2(null, STDOUT_FILENO);
        (void) dup2(null, STDERR_FILENO);
        (void) execv(self, args);
        _exit(127);
    }

    (void) waitpid(pid, &status, 0);

    return !WIFEXITED(status) || WEXITSTATUS(status) == 0
           || WEXITSTATUS(status) > 2;
}


/* show explains what it cannot read, and ends with 0. */

static int
use_show(const void *arg)
{
    (void) use_command(arg);
    return 0;
}


/* Fresh evidence of a TPM whose key has a cloud's certificate: this PEM. */

static void
collection(ev_part_t *part, const char *pem)
{
    attest_span_t  s = { (const uint8_t *) pem, strlen(pem) };

    memset(part, 0, sizeof(*part));
    part->ctype = ATTEST_CMWC_FRESH;
    part->claims_type = ATTEST_TYPE_CLAIMS;
    part->tpm_type = ATTEST_TYPE_TPM;
    part->root = "cloud-vtpm";
    part->firmware = EV_FIRMWARE;
    part->ak_attributes = 0x00050072;
    part->ak = part->signer = ev_key("EC");
    part->ek = ev_key("RSA");
    part->quoted.count = 1;
    part->quoted.banks[0].alg = ATTEST_TPM_ALG_SHA256;
    part->quoted.banks[0].len = 32;
    part->quoted.banks[0].select = 0xff;
    part->shown = part->quoted;
    part->no_hpke = part->no_config = part->no_eventlog = 1;
    part->no_imalog = part->no_ek = part->no_ek_cert = 1;
    part->claims.pubkey_hash_alg = 1;
    part->claims.pubkey_hash_len = 32;
    part->claims.not_before = EV_FROM;
    part->claims.not_after = EV_UNTIL;
    part->claims.has_validity = 1;
    part->claims.nonce_len = 32;
    ev_item(part->extra, &part->extras, ATTEST_ITEM_AK_CERT,
            ATTEST_TYPE_AK_CERT, s);
    ev_build(part);

    EVP_PKEY_free(part->ak);
    EVP_PKEY_free(part->ek);
}


static const char *
folder_file(const char *name, const void *p, size_t n)
{
    FILE         *f;
    static char   path[4][256];
    static int    next;
    char         *at = path[next++ % 4];

    (void) snprintf(at, sizeof(path[0]), "%s/%s", folder, name);

    f = fopen(at, "w");
    if (f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0) {
        printf("Bail out! cannot write %s\n", at);
        exit(1);
    }

    return at;
}


static void
test_readers(void)
{
    char       *text;
    BIO        *bio = BIO_new(BIO_s_mem());
    EVP_PKEY   *key = ev_key("EC");

    unasked("certificates", read_certs, CERT);
    unasked("a second one", read_certs, CERT CERT);
    unasked("a revocation list", read_crl, PEM("X509 CRL"));
    unasked("a key of the old form", read_key, PEM("RSA PRIVATE KEY"));

    (void) PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), "secret",
                                         6, NULL, NULL);
    (void) BIO_write(bio, "", 1);
    (void) BIO_get_mem_data(bio, &text);
    unasked("a key of PKCS #8", read_key, text);

    BIO_free(bio);
    EVP_PKEY_free(key);
}


static void
test_policies(void)
{
    unasked("ek_roots", read_policy, "{\"version\":1,\"ek_roots\":[\""
            PEM_JSON("CERTIFICATE") "\"]}");
    unasked("simulated_roots", read_policy,
            "{\"version\":1,\"simulated_roots\":[\""
            PEM_JSON("CERTIFICATE") "\"]}");
    unasked("snp.certs", read_policy, "{\"version\":1,\"snp\":{\"certs\":[\""
            PEM_JSON("CERTIFICATE") "\"]}}");
    unasked("snp.crls", read_policy, "{\"version\":1,\"snp\":{\"crls\":[\""
            CRL "\"]}}");
    unasked("tdx.collateral", read_policy,
            "{\"version\":1,\"tdx\":{\"collateral\":[{"
            "\"root_ca_crl\":\"" CRL "\"}]}}");
}


static void
test_evidence(void)
{
    static ev_part_t    part;
    const char         *args[] = { "ngx-attest", "verify", NULL, NULL };

    collection(&part, CERT);

    unasked("the library", use_library, &part);
    unasked("nginx: a file of certificates", read_amd,
            folder_file("amd.pem", CERT, strlen(CERT)));

    args[2] = folder_file("fresh.cmw", part.out.p, part.out.n);
    unasked("ngx-attest verify", use_command, args);
    args[1] = "policy";
    unasked("ngx-attest policy", use_command, args);
    args[1] = "show";
    unasked("ngx-attest show", use_show, args);

    args[2] = folder_file("cert.pem", CERT, strlen(CERT));
    unasked("ngx-attest show, a file in PEM", use_command, args);
    args[1] = "verify";
    unasked("ngx-attest verify, a file in PEM", use_command, args);
}


int
main(void)
{
    if (mkdtemp(folder) == NULL) {
        printf("Bail out! no folder\n");
        return 1;
    }

    test_readers();
    test_policies();
    test_evidence();

    (void) unlink(folder_file("amd.pem", "", 0));
    (void) unlink(folder_file("fresh.cmw", "", 0));
    (void) unlink(folder_file("cert.pem", "", 0));
    (void) rmdir(folder);
    DONE();
}
