/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The TPM provider.  Without arguments: what needs no TPM.  With a scenario
 * and its arguments: run by provider_swtpm.t against swtpm.
 */


#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/evidence/attest_cmw.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_tpm_esys.h"
#include "unit.h"


#define TIMEOUT  60000
#define SLACK    20000        /* ms: a busy machine, not a hanging program */

static const uint8_t  claims[] = "claims of a test";


static attest_provider_t *
provider(const char *tcti, int rsa)
{
    prov_tpm_conf_t     conf;
    attest_provider_t  *p;

    memset(&conf, 0, sizeof(conf));
    conf.tcti = tcti;
    conf.bank = ATTEST_TPM_ALG_SHA256;
    conf.select = 0xffff;
    conf.rsa = rsa;

    p = prov_tpm_provider(&conf);
    if (p == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }
    return p;
}


static int
collect(attest_provider_t *p, prov_evidence_t *ev)
{
    int  rc;

    rc = p->collect(p, claims, sizeof(claims), 0, TIMEOUT, ev);
    if (rc != ATTEST_OK) {
        printf("# %s\n", ev->error);
    }
    return rc;
}


static void
collect_ok(attest_provider_t *p, const char *what)
{
    prov_evidence_t    ev = { 0 };

    IS_INT(collect(p, &ev), ATTEST_OK, "%s", what);
    prov_evidence_clear(&ev);
}


/* Asks provider_swtpm.t to do something, and waits until it is done. */

static void
step(const char *what)
{
    char  line[64];

    printf("STEP %s\n", what);
    fflush(stdout);

    if (fgets(line, sizeof(line), stdin) == NULL) {
        printf("Bail out! nobody did %s\n", what);
        exit(1);
    }
}


/* Everything that a verifier checks of the item itself. */

static void
check_item(const prov_evidence_t *ev, const prov_tpm_conf_t *conf,
    const uint8_t *over, size_t over_len)
{
    uint8_t              extra[32];
    uint16_t             hash;
    attest_tpm_item_t    item;
    attest_tpm_quote_t   quote;
    attest_tpm_public_t  ak, ek;

    OK(ev->count >= 1 && strcmp(ev->items[0].item, ATTEST_ITEM_TPM) == 0
       && strcmp(ev->items[0].type, ATTEST_TYPE_TPM) == 0, "item tpm");

    memset(&item, 0, sizeof(item));
    IS_INT(attest_tpm_item_parse(ev->items[0].data, ev->items[0].len, &item),
           ATTEST_OK, "item parses");
    IS_INT(attest_tpm_quote_parse(item.quote.p, item.quote.n, &quote),
           ATTEST_OK, "quote parses");
    IS_INT(attest_tpm_public_parse(item.ak.p, item.ak.n, &ak), ATTEST_OK,
           "AK parses");
    IS_INT(attest_tpm_ak_check(&ak), ATTEST_OK, "AK is restricted");
    IS_INT(ak.type, conf->rsa ? 0x0001 : 0x0023, "AK type");
    IS_INT(attest_tpm_signature_verify(&ak, item.signature.p,
           item.signature.n, item.quote.p, item.quote.n), ATTEST_OK,
           "signature");

    attest_claims_tpm_extra(over, over_len, NULL, 0, extra);
    OK(quote.extra.n == 32 && memcmp(quote.extra.p, extra, 32) == 0,
       "extraData is over the claims");

    IS_INT(quote.nbanks, 1, "one bank");
    IS_INT(quote.banks[0].alg, conf->bank, "the bank");
    IS_INT(quote.banks[0].select, conf->select, "the selection");
    IS_INT(attest_tpm_signature_hash(item.signature.p, item.signature.n,
           &hash), ATTEST_OK, "hash of the signature");
    IS_INT(attest_tpm_pcr_digest_check(&quote, &item.pcrs, hash), ATTEST_OK,
           "PCR values go with the quote");
    OK(quote.qualified_signer.n == 34, "signer's name");

    IS_INT(attest_tpm_public_parse(item.ek.p, item.ek.n, &ek), ATTEST_OK,
           "EK parses");
    OK((ek.attributes & 0x00030000) == 0x00030000, "EK decrypts");

    OK(item.root.n == 8 && memcmp(item.root.p, "software", 8) == 0
       && strcmp(ev->root, "software") == 0, "root is software");
    OK(item.maker.n == 12 && memcmp(item.maker.p, "IBM SW   TPM", 12) == 0,
       "maker");

    attest_tpm_public_free(&ak);
    attest_tpm_public_free(&ek);
}


static void
quote_with(const char *tcti, int rsa, uint16_t bank, uint32_t select)
{
    uint8_t             other[] = "other claims";
    prov_evidence_t     ev = { 0 };
    prov_tpm_conf_t     conf;
    attest_provider_t  *p;

    memset(&conf, 0, sizeof(conf));
    conf.tcti = tcti;
    conf.bank = bank;
    conf.select = select;
    conf.rsa = rsa;

    printf("# rsa %d bank %04x select %06x\n", rsa, bank, select);

    p = prov_tpm_provider(&conf);
    if (OK(collect(p, &ev) == ATTEST_OK, "first collect")) {
        check_item(&ev, &conf, claims, sizeof(claims));
        IS_INT(ev.count, 1, "no logs");
        prov_evidence_clear(&ev);
        IS_INT(ev.count, 0, "cleared");
    }

    if (OK(p->collect(p, other, sizeof(other), 0, TIMEOUT, &ev) == ATTEST_OK,
           "second collect"))
    {
        check_item(&ev, &conf, other, sizeof(other));
        prov_evidence_clear(&ev);
    }

    p->destroy(p);
}


static void
scenario_quote(const char *tcti)
{
    quote_with(tcti, 0, ATTEST_TPM_ALG_SHA256, 0xffffff);
    quote_with(tcti, 1, ATTEST_TPM_ALG_SHA256, 0x0000ff);
    quote_with(tcti, 0, ATTEST_TPM_ALG_SHA384, 0x00aa81);
}


/* The bank is not allocated: no evidence instead of evidence of nothing. */

static void
scenario_nobank(const char *tcti)
{
    prov_evidence_t     ev = { 0 };
    prov_tpm_conf_t     conf;
    attest_provider_t  *p;

    memset(&conf, 0, sizeof(conf));
    conf.tcti = tcti;
    conf.bank = ATTEST_TPM_ALG_SHA512;
    conf.select = 1;

    p = prov_tpm_provider(&conf);
    IS_INT(collect(p, &ev), ATTEST_EUNSUPPORTED, "no such bank");
    OK(strstr(ev.error, "bank") != NULL, "error names the bank");
    IS_INT(ev.count, 0, "nothing is left in the evidence");
    p->destroy(p);
}


static void
scenario_logs(const char *tcti, const char *dir)
{
    char                boot[256], ima[256];
    FILE               *f;
    uint8_t            *big;
    prov_evidence_t     ev = { 0 };
    prov_tpm_conf_t     conf;
    attest_provider_t  *p;

    snprintf(boot, sizeof(boot), "%s/boot.log", dir);
    snprintf(ima, sizeof(ima), "%s/ima.log", dir);
    f = fopen(boot, "w");
    fputs("boot log", f);
    fclose(f);
    f = fopen(ima, "w");
    fclose(f);

    memset(&conf, 0, sizeof(conf));
    conf.tcti = tcti;
    conf.bank = ATTEST_TPM_ALG_SHA256;
    conf.select = 0xff;
    conf.eventlog = boot;
    conf.imalog = ima;

    p = prov_tpm_provider(&conf);
    IS_INT(collect(p, &ev), ATTEST_OK, "logs configured, not wanted");
    IS_INT(ev.count, 1, "no logs then");
    prov_evidence_clear(&ev);

    IS_INT(p->collect(p, claims, sizeof(claims), 1, TIMEOUT, &ev), ATTEST_OK,
           "logs wanted");
    if (OK(ev.count == 3, "quote and two logs")) {
        check_item(&ev, &conf, claims, sizeof(claims));
        OK(strcmp(ev.items[1].item, ATTEST_ITEM_EVENTLOG) == 0
           && strcmp(ev.items[1].type, ATTEST_TYPE_EVENTLOG) == 0
           && ev.items[1].len == 8
           && memcmp(ev.items[1].data, "boot log", 8) == 0, "boot log");
        OK(strcmp(ev.items[2].item, ATTEST_ITEM_IMALOG) == 0
           && strcmp(ev.items[2].type, ATTEST_TYPE_IMALOG) == 0
           && ev.items[2].len == 0, "empty IMA log");
    }
    prov_evidence_clear(&ev);

    big = calloc(1, ATTEST_MAX_LOG + 1);
    f = fopen(ima, "w");
    fwrite(big, 1, ATTEST_MAX_LOG, f);
    fclose(f);
    IS_INT(p->collect(p, claims, sizeof(claims), 1, TIMEOUT, &ev), ATTEST_OK,
           "longest log");
    OK(ev.count == 3 && ev.items[2].len == ATTEST_MAX_LOG, "is whole");
    prov_evidence_clear(&ev);

    f = fopen(ima, "w");
    fwrite(big, 1, ATTEST_MAX_LOG + 1, f);
    fclose(f);
    free(big);
    IS_INT(p->collect(p, claims, sizeof(claims), 1, TIMEOUT, &ev),
           ATTEST_OK, "log beyond the limit");
    OK(ev.count == 3 && strcmp(ev.items[2].item, ATTEST_ITEM_LEFT_OUT) == 0
       && memcmp(ev.items[2].data, "imalog has more than ", 21) == 0,
       "is left out, which the evidence says");
    OK(strstr(ev.note, "imalog is left out") != NULL, "and a note");
    prov_evidence_clear(&ev);
    ev.note[0] = '\0';

    unlink(boot);
    IS_INT(p->collect(p, claims, sizeof(claims), 1, TIMEOUT, &ev),
           ATTEST_EARG, "log that is gone");
    OK(strstr(ev.error, boot) != NULL, "error names it");

    mkfifo(boot, 0600);
    IS_INT(p->collect(p, claims, sizeof(claims), 1, TIMEOUT, &ev),
           ATTEST_EARG, "a FIFO is no log, and does not hang us");
    unlink(boot);
    unlink(ima);
    p->destroy(p);
}


/* As in a worker: opened by root, read after the privileges are gone. */

static void
scenario_unprivileged_log(const char *tcti, const char *dir)
{
    int                 status;
    char                boot[256];
    FILE               *f;
    pid_t               pid;
    prov_evidence_t     ev = { 0 };
    prov_tpm_conf_t     conf;
    attest_provider_t  *p;

    if (geteuid() != 0) {
        OK(1, "# skip: not root");
        return;
    }

    snprintf(boot, sizeof(boot), "%s/root.log", dir);
    f = fopen(boot, "w");
    fputs("root's log", f);
    fclose(f);
    chmod(boot, 0400);

    memset(&conf, 0, sizeof(conf));
    conf.tcti = tcti;
    conf.bank = ATTEST_TPM_ALG_SHA256;
    conf.select = 0xff;
    conf.eventlog = boot;

    p = prov_tpm_provider(&conf);

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0
            || open(boot, O_RDONLY) != -1)
        {
            _exit(2);
        }
        if (p->collect(p, claims, sizeof(claims), 1, TIMEOUT, &ev)
            != ATTEST_OK)
        {
            printf("# %s\n", ev.error);
            fflush(stdout);
            _exit(3);
        }
        _exit(ev.count == 2 && ev.items[1].len == 10
              && memcmp(ev.items[1].data, "root's log", 10) == 0 ? 0 : 4);
    }

    waitpid(pid, &status, 0);
    IS_INT(status, 0, "unprivileged worker reads root's log");
    p->destroy(p);
    unlink(boot);
}


static void
scenario_many(const char *tcti, const char *count)
{
    int                 i, n, good;
    prov_evidence_t     ev = { 0 };
    attest_provider_t  *p;

    n = atoi(count);
    p = provider(tcti, 0);

    for (i = good = 0; i < n; i++) {
        good += collect(p, &ev) == ATTEST_OK;
        prov_evidence_clear(&ev);
    }

    IS_INT(good, n, "all collects succeed");
    p->destroy(p);
}


static void
scenario_fail(const char *tcti)
{
    prov_evidence_t     ev = { 0 };
    attest_provider_t  *p;

    p = provider(tcti, 0);
    OK(p->collect(p, claims, sizeof(claims), 0, 500, &ev) != ATTEST_OK,
       "collect fails");
    printf("# %s\n", ev.error);
    p->destroy(p);
}


static void
scenario_kill(const char *tcti)
{
    int                 i, status;
    pid_t               pid;
    prov_evidence_t     ev = { 0 };
    attest_provider_t  *p;
    struct timespec     ts = { 0, 0 };

    for (i = 0; i < 25; i++) {
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
            p = provider(tcti, 0);
            for ( ;; ) {
                (void) collect(p, &ev);
                prov_evidence_clear(&ev);
                prov_tpm_key_forget(&((prov_tpm_t *) p->data)->ak);
            }
        }

        /* at another place each time */
        ts.tv_nsec = 3000000 + i * 1700000;
        nanosleep(&ts, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }

    p = provider(tcti, 0);
    collect_ok(p, "collect after 25 kills");
    p->destroy(p);
}


static void
scenario_ak(const char *tcti, const char *handle, const char *template,
    const char *want)
{
    uint8_t              name[ATTEST_TPM_NAME_LEN];
    prov_evidence_t      ev = { 0 };
    prov_tpm_conf_t      conf;
    attest_tpm_item_t    item;
    attest_provider_t   *p;
    attest_tpm_public_t  ak;

    memset(&conf, 0, sizeof(conf));
    conf.tcti = tcti;
    conf.bank = ATTEST_TPM_ALG_SHA256;
    conf.select = 0xff;
    conf.rsa = 1;
    conf.ak_handle = (uint32_t) strtoul(handle, NULL, 16);
    conf.ak_template = (uint32_t) strtoul(template, NULL, 16);

    p = prov_tpm_provider(&conf);

    if (strcmp(want, "error") == 0) {
        OK(collect(p, &ev) != ATTEST_OK, "refused");
        p->destroy(p);
        return;
    }

    unit_hex(want, name, sizeof(name));

    if (OK(collect(p, &ev) == ATTEST_OK, "collect")) {
        check_item(&ev, &conf, claims, sizeof(claims));
        attest_tpm_item_parse(ev.items[0].data, ev.items[0].len, &item);
        attest_tpm_public_parse(item.ak.p, item.ak.n, &ak);
        IS_MEM(ak.name, name, sizeof(name), "the AK's name");
        attest_tpm_public_free(&ak);
    }
    prov_evidence_clear(&ev);
    collect_ok(p, "and again");
    p->destroy(p);
}


/* argv: bytes in the EK certificate, "rsa" or "ecc", its file or "-". */

static void
scenario_ek(const char *tcti, const char *type, const char *file)
{
    size_t               len;
    uint8_t             *der;
    prov_evidence_t      ev = { 0 };
    attest_tpm_item_t    item;
    attest_provider_t   *p;
    attest_tpm_public_t  ek;

    p = provider(tcti, 0);

    if (!OK(collect(p, &ev) == ATTEST_OK, "collect")) {
        p->destroy(p);
        return;
    }

    attest_tpm_item_parse(ev.items[0].data, ev.items[0].len, &item);
    IS_INT(attest_tpm_public_parse(item.ek.p, item.ek.n, &ek), ATTEST_OK,
           "EK parses");
    IS_INT(ek.type, strcmp(type, "ecc") == 0 ? 0x0023 : 0x0001, "EK type");

    if (strcmp(file, "-") == 0) {
        IS_INT(item.ek_cert.n, 0, "no certificate");

    } else {
        der = unit_read(file, &len);
        OK(item.ek_cert.n == len && memcmp(item.ek_cert.p, der, len) == 0,
           "certificate from NV, trimmed");
        IS_INT(attest_tpm_ek_matches_cert(&ek, der, len), ATTEST_OK,
               "EK is the certificate's key");
        free(der);
    }

    attest_tpm_public_free(&ek);
    prov_evidence_clear(&ev);
    p->destroy(p);
}


typedef struct {
    uint8_t  cred[ATTEST_TPM_MAX_CRED];
    uint8_t  enc[ATTEST_TPM_MAX_ENC];
    size_t   cred_len;
    size_t   enc_len;
} credential_t;


static void
credential(const attest_tpm_public_t *ek, const uint8_t *name,
    const uint8_t *secret, credential_t *c)
{
    c->cred_len = sizeof(c->cred);
    c->enc_len = sizeof(c->enc);

    IS_INT(attest_tpm_make_credential(ek, name, secret, c->cred,
           &c->cred_len, c->enc, &c->enc_len), ATTEST_OK, "credential made");
}


static int
prove(attest_provider_t *p, const credential_t *c, uint8_t proof[32])
{
    int   rc;
    char  error[256];

    rc = p->activate(p, c->cred, c->cred_len, c->enc, c->enc_len, claims,
                     sizeof(claims), TIMEOUT, proof, error);
    if (rc != ATTEST_OK) {
        printf("# %s\n", error);
    }
    return rc;
}


static void
scenario_activate(const char *tcti, const char *rsa)
{
    size_t               i;
    uint8_t              proof[32], want[32], secret[32], name[34];
    credential_t         c, bad;
    prov_evidence_t      ev = { 0 };
    attest_tpm_item_t    item;
    attest_provider_t   *p;
    attest_tpm_public_t  ak, ek;

    p = provider(tcti, atoi(rsa));
    IS_INT(collect(p, &ev), ATTEST_OK, "collect");
    attest_tpm_item_parse(ev.items[0].data, ev.items[0].len, &item);
    attest_tpm_public_parse(item.ak.p, item.ak.n, &ak);
    attest_tpm_public_parse(item.ek.p, item.ek.n, &ek);

    memset(secret, 0x5a, sizeof(secret));
    credential(&ek, ak.name, secret, &c);
    HMAC(EVP_sha256(), secret, 32, claims, sizeof(claims), want, NULL);

    IS_INT(prove(p, &c, proof), ATTEST_OK, "activated");
    IS_MEM(proof, want, 32, "the proof is the HMAC");

    /* a provider that never collected, as after a restart */
    p->destroy(p);
    p = provider(tcti, atoi(rsa));
    IS_INT(prove(p, &c, proof), ATTEST_OK, "activated at once");
    IS_INT(prove(p, &c, proof), ATTEST_OK, "and again");
    IS_MEM(proof, want, 32, "the proof is the HMAC");

    memcpy(name, ak.name, sizeof(name));
    name[33] ^= 1;
    credential(&ek, name, secret, &bad);
    IS_INT(prove(p, &bad, proof), ATTEST_ECRYPTO, "for another key");

    bad = c;
    bad.cred[bad.cred_len - 1] ^= 1;
    IS_INT(prove(p, &bad, proof), ATTEST_ECRYPTO, "changed credential");

    bad = c;
    bad.enc[bad.enc_len - 1] ^= 1;
    IS_INT(prove(p, &bad, proof), ATTEST_ECRYPTO, "changed secret");

    for (i = 0; i < c.enc_len; i++) {
        bad = c;
        bad.enc_len = i;
        if (prove(p, &bad, proof) != ATTEST_EFORMAT) {
            break;
        }
    }
    IS_INT(i, c.enc_len, "truncated secret");

    IS_INT(prove(p, &c, proof), ATTEST_OK, "a good one after all that");

    attest_tpm_public_free(&ak);
    attest_tpm_public_free(&ek);
    prov_evidence_clear(&ev);
    p->destroy(p);
}


/* The TPM is started again, with or without its old seeds. */

static void
scenario_reset(const char *tcti)
{
    int                 i;
    prov_evidence_t     ev, old;
    attest_provider_t  *p;
    attest_tpm_item_t   a, b;

    p = provider(tcti, 0);
    collect_ok(p, "before");

    IS_INT(collect(p, &old), ATTEST_OK, "before, again");
    step("reset");
    IS_INT(collect(p, &ev), ATTEST_OK, "after a reset");

    attest_tpm_item_parse(old.items[0].data, old.items[0].len, &a);
    attest_tpm_item_parse(ev.items[0].data, ev.items[0].len, &b);
    OK(a.ak.n == b.ak.n && memcmp(a.ak.p, b.ak.p, a.ak.n) == 0, "same AK");
    OK(a.ek.n == b.ek.n && memcmp(a.ek.p, b.ek.p, a.ek.n) == 0, "same EK");
    prov_evidence_clear(&ev);

    /*
     * Each kill counts as a failed authorization, three of which lock keys
     * with dictionary-attack protection out (libtpms).
     */

    for (i = 0; i < 5; i++) {
        step("reset");
        collect_ok(p, "after a power failure");
    }

    step("stop");
    OK(collect(p, &ev) != ATTEST_OK, "TPM absent");
    OK(strstr(ev.error, "connect") != NULL, "error says so");
    IS_INT(ev.count, 0, "no evidence");

    step("start");
    collect_ok(p, "TPM is back");

    step("replace");
    IS_INT(collect(p, &ev), ATTEST_OK, "another TPM");
    attest_tpm_item_parse(ev.items[0].data, ev.items[0].len, &b);
    OK(a.ak.n != b.ak.n || memcmp(a.ak.p, b.ak.p, a.ak.n) != 0, "another AK");
    OK(a.ek.n != b.ek.n || memcmp(a.ek.p, b.ek.p, a.ek.n) != 0, "another EK");
    prov_evidence_clear(&ev);
    prov_evidence_clear(&old);
    p->destroy(p);
}


static void
set_mode(const char *file, const char *mode)
{
    FILE  *f = fopen(file, "w");

    fputs(mode, f);
    fclose(f);
}


/* Milliseconds that a collect with this limit took; *rc: what it said. */

static int64_t
timed(attest_provider_t *p, unsigned limit, int *rc)
{
    int64_t            start;
    prov_evidence_t    ev = { 0 };

    start = attest_monotonic_now();
    *rc = p->collect(p, claims, sizeof(claims), 0, limit, &ev);
    if (*rc != ATTEST_OK) {
        printf("# %s\n", ev.error);
        OK(ev.count == 0 && ev.error[0] != '\0', "an error, no evidence");
    }
    prov_evidence_clear(&ev);
    return attest_monotonic_now() - start;
}


static void
scenario_deadline(const char *fake, const char *file)
{
    int                 rc;
    char                mode[32];
    unsigned            at;
    int64_t             took;
    attest_provider_t  *p;

    p = provider(fake, 0);
    set_mode(file, "pass");
    collect_ok(p, "a good start");

    for (at = 1; at <= 7; at += 2) {
        snprintf(mode, sizeof(mode), "hang@%u", at);
        set_mode(file, mode);
        took = timed(p, 300, &rc);
        OK(rc != ATTEST_OK, "%s", mode);
        OK(took >= 290 && took < 300 + SLACK, "in time (%d ms)", (int) took);
    }

    set_mode(file, "drip");
    took = timed(p, 300, &rc);
    OK(rc != ATTEST_OK && took < 300 + SLACK, "dripping: %d ms", (int) took);

    set_mode(file, "slow:90");
    took = timed(p, 300, &rc);
    OK(rc != ATTEST_OK && took < 300 + SLACK, "slow: %d ms", (int) took);

    set_mode(file, "busy");
    took = timed(p, 300, &rc);
    OK(rc != ATTEST_OK && took < 300 + SLACK, "busy: %d ms", (int) took);

    set_mode(file, "slow:20");
    took = timed(p, TIMEOUT, &rc);
    OK(rc == ATTEST_OK && took >= 100, "slow, but in time: %d ms",
       (int) took);

    set_mode(file, "busy:3");
    took = timed(p, TIMEOUT, &rc);
    OK(rc == ATTEST_OK, "busy, then fine: %d ms", (int) took);

    set_mode(file, "pass");
    took = timed(p, 0, &rc);
    OK(rc != ATTEST_OK && took < SLACK, "no time at all");
    collect_ok(p, "fine after all that");
    p->destroy(p);
}


/* Every kind of wrong answer at every command, for old and new providers. */

static void
scenario_wrong(const char *fake, const char *file)
{
    int                 rc, bad, slow, k, at, fresh;
    char                mode[32];
    prov_evidence_t     ev = { 0 };
    attest_provider_t  *p, *old;
    static const char  *kinds[] = {
        "close", "garbage", "size", "short", "body", "error:101",
        "error:90d", "error:18b"
    };

    set_mode(file, "pass");
    old = provider(fake, 0);
    collect_ok(old, "a good start");

    for (k = 0; k < (int) (sizeof(kinds) / sizeof(kinds[0])); k++) {
        bad = slow = 0;

        for (at = 1; at <= 24; at++) {
            for (fresh = 0; fresh <= 1; fresh++) {
                int64_t  start = attest_monotonic_now();

                snprintf(mode, sizeof(mode), "%s@%d-%d", kinds[k], at, at);
                set_mode(file, mode);
                p = fresh ? provider(fake, 0) : old;
                rc = p->collect(p, claims, sizeof(claims), 0, 1500, &ev);

                /* either an error that says what, or good evidence */
                bad += rc == ATTEST_OK ? ev.count != 1
                                       : ev.count != 0 || ev.error[0] == '\0';
                slow += attest_monotonic_now() - start > 1500 + SLACK;
                prov_evidence_clear(&ev);
                if (fresh) {
                    p->destroy(p);
                }
            }
        }

        OK(bad == 0 && slow == 0, "%s at each command: %d bad, %d late",
           kinds[k], bad, slow);

        set_mode(file, "pass");
        collect_ok(old, "recovers by itself");
    }

    old->destroy(old);
}


/* Random bits: no evidence that does not verify. */

static void
scenario_flip(const char *fake, const char *file)
{
    int                  i, good, bad;
    prov_evidence_t      ev = { 0 };
    attest_provider_t   *p;
    attest_tpm_item_t    item;
    attest_tpm_public_t  ak;

    set_mode(file, "flip@5");
    p = provider(fake, 0);

    for (i = good = bad = 0; i < 80; i++) {
        if (p->collect(p, claims, sizeof(claims), 0, 250, &ev) != ATTEST_OK) {
            continue;
        }
        good++;
        attest_tpm_item_parse(ev.items[0].data, ev.items[0].len, &item);
        bad += attest_tpm_public_parse(item.ak.p, item.ak.n, &ak)
               != ATTEST_OK
               || attest_tpm_signature_verify(&ak, item.signature.p,
                      item.signature.n, item.quote.p, item.quote.n)
                  != ATTEST_OK;
        attest_tpm_public_free(&ak);
        prov_evidence_clear(&ev);
    }

    OK(bad == 0, "flipped bits: %d of %d went unnoticed, %d were harmless",
       bad, i, good);

    set_mode(file, "pass");
    collect_ok(p, "recovers by itself");
    p->destroy(p);
}


static void
offline_tcti(void)
{
    char    err[128];
    size_t  i;

    static const char  *good[] = {
        "device:/dev/tpmrm0", "swtpm:", "swtpm:port=2321",
        "swtpm:host=127.0.0.1,port=65535", "swtpm:host=::1,port=1",
        "swtpm:host=localhost", "swtpm:path=/run/swtpm.sock",
        "mssim:host=localhost,port=2321", "tabrmd:bus_name=com.intel.tss2"
    };
    static const char  *wrong[] = {
        "", "device", "device:", "device:tpmrm0", "swtpm", "/dev/tpmrm0",
        "swtpm:port=0", "swtpm:port=65536", "swtpm:port=1x", "swtpm:port=",
        "swtpm:port=-1", "swtpm:host=example.com", "swtpm:host=",
        "swtpm:port=1,port=2", "swtpm:path=/a,port=2", "swtpm:nonsense",
        "swtpm:host=127.0.0.1 ,port=1", "swtpm:,", "fapi:x",
        ("swtpm:path=/012345678901234567890123456789012345678901234567890123"
         "4567890123456789012345678901234567890123456789012345678")
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        err[0] = '\0';
        IS_INT(prov_tcti_conf_check(good[i], err, sizeof(err)), ATTEST_OK,
               "accepted: %s %s", good[i], err);
    }

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        err[0] = '\0';
        OK(prov_tcti_conf_check(wrong[i], err, sizeof(err)) == ATTEST_EARG
           && err[0] != '\0', "refused: \"%.40s\": %s", wrong[i], err);
    }
}


static void
offline_der(void)
{
    size_t   n;
    uint8_t  der[300] = { 0x30, 0x82, 0x01, 0x00 };

    IS_INT(prov_tpm_der_len(der, sizeof(der)), 260, "DER is trimmed");
    IS_INT(prov_tpm_der_len(der, 260), 260, "exact");
    for (n = 0; n < 260 && prov_tpm_der_len(der, n) == 0; n++) {
        /* void */
    }
    IS_INT(n, 260, "truncated DER is none");

    der[1] = 0x80;
    IS_INT(prov_tpm_der_len(der, sizeof(der)), 0, "indefinite length");
    der[1] = 0x84;
    IS_INT(prov_tpm_der_len(der, sizeof(der)), 0, "absurd length");
    der[1] = 0x05;
    IS_INT(prov_tpm_der_len(der, sizeof(der)), 7, "short form");
    der[0] = 0xff;
    IS_INT(prov_tpm_der_len(der, sizeof(der)), 0, "erased NV");
}


/* Every length of what may be in an NV index, in memory of that length. */

static void
offline_nv_cert(void)
{
    size_t          i, n, bad = 0;
    uint8_t        *p;
    attest_span_t   cert;

    static const struct {
        const char  *bytes;
        size_t       n, at, len;
    }  forms[] = {
        { "\x30\x02\x05\x00", 4, 0, 4 },
        { "\x30\x02\x05\x00\xff\xff", 4, 0, 4 },
        { "\x10\x01\x00\x00\x04\x30\x02\x05\x00", 9, 5, 4 },
        { "\x10\x01\x00\x00\x06\x10\x02\x30\x02\x05\x00", 11, 7, 4 },
        { "\x10\x01\x00\x00\x03\x30\x02\x05\x00", 9, 0, 0 },
        { "\x10\x01\x01\x00\x04\x30\x02\x05\x00", 9, 0, 0 },
        { "\x10\x02\x30\x02\x05\x00", 6, 0, 0 }
    };

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        for (n = 0; n <= forms[i].n; n++) {
            p = malloc(n ? n : 1);
            memcpy(p, forms[i].bytes, n);
            cert = prov_tpm_nv_cert(p, n);

            bad += n < forms[i].n ? cert.n != 0
                   : cert.n != forms[i].len
                     || (cert.n != 0 && cert.p != p + forms[i].at);
            free(p);
        }

        IS_INT(bad, 0, "certificate in NV, form %zu", i);
    }
}


static void
offline_evidence(void)
{
    int                i, rc;
    prov_evidence_t    ev = { 0 };

    memset(&ev, 0, sizeof(ev));

    for (i = 0; i < ATTEST_EVIDENCE_MAX; i++) {
        rc = prov_evidence_add(&ev, "x", "y", (const uint8_t *) "abc", 3);
        if (rc != ATTEST_OK) {
            break;
        }
    }
    IS_INT(i, ATTEST_EVIDENCE_MAX, "room for all");
    IS_INT(prov_evidence_add(&ev, "x", "y", NULL, 0), ATTEST_ELIMIT,
           "one too many");
    IS_MEM(ev.items[7].data, "abc", 3, "copied");
    prov_evidence_clear(&ev);
    IS_INT(ev.count, 0, "cleared");
    prov_evidence_clear(&ev);
}


static void
offline_errors(void)
{
    int                 rc;
    char                error[256];
    uint8_t             proof[32];
    prov_tpm_conf_t     conf;
    prov_evidence_t     ev = { 0 };
    attest_provider_t  *p;

    /* port 1 of this host: nobody listens */
    p = provider("swtpm:host=127.0.0.1,port=1", 0);
    OK(timed(p, 1000, &rc) < 1000 && rc == ATTEST_EINTERNAL, "no TPM");

    rc = p->activate(p, (const uint8_t *) "\0\2a", 3,
                     (const uint8_t *) "\0\1a", 3, claims, 1, 1000, proof,
                     error);
    IS_INT(rc, ATTEST_EFORMAT, "bad credential, TPM not asked");
    p->destroy(p);

    p = provider("device:/dev/no-such-tpm", 0);
    OK(timed(p, 1000, &rc) < 1000 && rc == ATTEST_EINTERNAL, "no device");
    p->destroy(p);

    memset(&conf, 0, sizeof(conf));
    conf.tcti = "swtpm:port=1";
    conf.bank = ATTEST_TPM_ALG_SHA1;
    conf.select = 1;
    p = prov_tpm_provider(&conf);
    IS_INT(collect(p, &ev), ATTEST_EARG, "SHA-1 is no evidence");
    p->destroy(p);

    conf.bank = ATTEST_TPM_ALG_SHA256;
    conf.select = 0;
    p = prov_tpm_provider(&conf);
    IS_INT(collect(p, &ev), ATTEST_EARG, "no PCR");
    p->destroy(p);

    conf.select = 1 << 24;
    p = prov_tpm_provider(&conf);
    IS_INT(collect(p, &ev), ATTEST_EARG, "PCR 24");
    p->destroy(p);
}


int
main(int argc, char **argv)
{
    const char  *s = argc > 1 ? argv[1] : "offline";

    prov_tpm_quiet();

    if (strcmp(s, "offline") == 0) {
        offline_tcti();
        offline_der();
        offline_nv_cert();
        offline_evidence();
        offline_errors();

    } else if (strcmp(s, "quote") == 0 && argc == 3) {
        scenario_quote(argv[2]);

    } else if (strcmp(s, "nobank") == 0 && argc == 3) {
        scenario_nobank(argv[2]);

    } else if (strcmp(s, "logs") == 0 && argc == 4) {
        scenario_logs(argv[2], argv[3]);
        scenario_unprivileged_log(argv[2], argv[3]);

    } else if (strcmp(s, "many") == 0 && argc == 4) {
        scenario_many(argv[2], argv[3]);

    } else if (strcmp(s, "fail") == 0 && argc == 3) {
        scenario_fail(argv[2]);

    } else if (strcmp(s, "kill") == 0 && argc == 3) {
        scenario_kill(argv[2]);

    } else if (strcmp(s, "ak") == 0 && argc == 6) {
        scenario_ak(argv[2], argv[3], argv[4], argv[5]);

    } else if (strcmp(s, "ek") == 0 && argc == 5) {
        scenario_ek(argv[2], argv[3], argv[4]);

    } else if (strcmp(s, "activate") == 0 && argc == 4) {
        scenario_activate(argv[2], argv[3]);

    } else if (strcmp(s, "reset") == 0 && argc == 3) {
        scenario_reset(argv[2]);

    } else if (strcmp(s, "deadline") == 0 && argc == 4) {
        scenario_deadline(argv[2], argv[3]);

    } else if (strcmp(s, "wrong") == 0 && argc == 4) {
        scenario_wrong(argv[2], argv[3]);

    } else if (strcmp(s, "flip") == 0 && argc == 4) {
        scenario_flip(argv[2], argv[3]);

    } else {
        printf("Bail out! unknown scenario %s\n", s);
        return 1;
    }

    DONE();
}
