/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The provider for AWS Nitro Enclaves.
 */


#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/evidence/attest_cmw.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_nitro_internal.h"
#include "core/appraisal/attest_roots.h"
#include "core/crypto/attest_x509.h"


typedef struct {
    char               *path;
    int                 fd;          /* opened by the master; -1 */
    prov_bounded_t     *late;        /* its thread may still be running */
} prov_nitro_provider_t;


static int prov_nitro_open(const char *path);
static int prov_nitro_collect(attest_provider_t *p, const uint8_t *claims,
    size_t len, int want_logs, unsigned timeout_ms, prov_evidence_t *ev);
static int prov_nitro_ask(prov_nitro_provider_t *nitro,
    attest_span_t digest, attest_span_t nonce, int64_t deadline,
    prov_evidence_t *ev);
static int prov_nitro_device(prov_nitro_provider_t *nitro, char *error);
static int prov_nitro_evidence(const prov_nsm_call_t *call,
    attest_span_t digest, attest_span_t nonce, prov_evidence_t *ev);
static bool prov_nitro_is(attest_span_t value, attest_span_t want);
static void prov_nitro_label(int fd, const attest_nitro_t *doc,
    prov_evidence_t *ev);
static const char *prov_nitro_chain(const attest_nitro_t *doc, X509 *leaf,
    STACK_OF(X509) *bundle);
static void prov_nitro_destroy(attest_provider_t *p);


attest_provider_t *
prov_nitro_provider(const prov_nitro_conf_t *conf)
{
    attest_provider_t        *p;
    prov_nitro_provider_t    *nitro;

    p = calloc(1, sizeof(attest_provider_t));
    if (p == NULL) {
        return NULL;
    }

    nitro = calloc(1, sizeof(prov_nitro_provider_t));
    if (nitro == NULL) {
        free(p);
        return NULL;
    }

    p->name = "nitro";
    p->data = nitro;
    p->collect = prov_nitro_collect;
    p->destroy = prov_nitro_destroy;

    nitro->fd = -1;

    nitro->path = strdup(conf->path != NULL ? conf->path : ATTEST_NSM_PATH);
    if (nitro->path == NULL) {
        prov_nitro_destroy(p);
        return NULL;
    }

    nitro->fd = prov_nitro_open(nitro->path);

    return p;
}


static int
prov_nitro_open(const char *path)
{
    return open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}


/* The caller's nonce is in the claims, and in a field of its own. */

static int
prov_nitro_collect(attest_provider_t *p, const uint8_t *claims, size_t len,
    int want_logs, unsigned timeout_ms, prov_evidence_t *ev)
{
    int              rc;
    int64_t          deadline;
    uint8_t          sha256[ATTEST_SHA256_LEN];
    attest_span_t    all = { claims, len };
    attest_span_t    digest = { sha256, sizeof(sha256) }, nonce;
    attest_claims_t  parsed;

    (void) want_logs;

    deadline = attest_monotonic_now() + timeout_ms;

    rc = attest_claims_parse(claims, len, &parsed);

    if (rc == ATTEST_OK) {
        rc = attest_sha256(&all, 1, sha256);
    }

    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "claims: %s",
                 attest_strerror(rc));

    } else {
        nonce = attest_span(parsed.nonce, parsed.nonce_len);
        rc = prov_nitro_ask(p->data, digest, nonce, deadline, ev);
    }

    if (rc != ATTEST_OK) {
        prov_evidence_clear(ev);
        return rc;
    }

    ev->error[0] = '\0';
    return ATTEST_OK;
}


static int
prov_nitro_ask(prov_nitro_provider_t *nitro, attest_span_t digest,
    attest_span_t nonce, int64_t deadline, prov_evidence_t *ev)
{
    int                 fd, rc, err = ENOMEM;
    prov_nsm_call_t    *call;

    fd = prov_nitro_device(nitro, ev->error);
    if (fd == -1) {
        return ATTEST_EARG;
    }

    call = prov_nsm_call_create(fd, digest, nonce, deadline);

    if (call != NULL) {
        err = prov_bounded_call(&nitro->late, &call->bounded, deadline);
    }

    if (err != 0) {
        snprintf(ev->error, sizeof(ev->error), "request to \"%.128s\": %s",
                 nitro->path, prov_bounded_error(err));
        return ATTEST_EINTERNAL;
    }

    if (call->err != 0) {
        snprintf(ev->error, sizeof(ev->error), "request to \"%.80s\": %s; %s",
                 nitro->path, strerror(call->err),
                 prov_nsm_reason(call->err));
        rc = (call->err == EPERM || call->err == EACCES
              || call->err == ENOTTY) ? ATTEST_EARG : ATTEST_EINTERNAL;

    } else {
        rc = prov_nitro_evidence(call, digest, nonce, ev);
    }

    prov_bounded_free(&call->bounded);
    return rc;
}


/* By name first; a worker that may not open it uses the master's. */

static int
prov_nitro_device(prov_nitro_provider_t *nitro, char *error)
{
    int  fd, err;

    fd = prov_nitro_open(nitro->path);

    if (fd == -1 && (errno == EACCES || errno == EPERM) && nitro->fd != -1) {
        fd = fcntl(nitro->fd, F_DUPFD_CLOEXEC, 0);
    }

    if (fd == -1) {
        err = errno;
        snprintf(error, ATTEST_NSM_ERROR_LEN, "cannot open \"%.80s\": %s; %s",
                 nitro->path, strerror(err), prov_nsm_reason(err));
    }

    return fd;
}


static int
prov_nitro_evidence(const prov_nsm_call_t *call, attest_span_t digest,
    attest_span_t nonce, prov_evidence_t *ev)
{
    int              rc;
    attest_span_t    bytes;
    attest_nitro_t   doc;

    rc = prov_nsm_document(call, &bytes, ev->error);
    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = attest_nitro_parse(bytes.p, bytes.n, &doc);
    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "the attestation document (%zu"
                 " bytes) is %s", bytes.n, attest_strerror(rc));
        return rc;
    }

    if (!prov_nitro_is(doc.user_data, digest)
        || !prov_nitro_is(doc.nonce, nonce) || doc.public_key.n != 0)
    {
        snprintf(ev->error, sizeof(ev->error), "the attestation document is"
                 " not over what was asked for");
        return ATTEST_EMISMATCH;
    }

    rc = prov_evidence_add(ev, ATTEST_ITEM_NITRO, ATTEST_TYPE_NITRO,
                           bytes.p, bytes.n);
    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "attestation document: %s",
                 attest_strerror(rc));
        return rc;
    }

    prov_nitro_label(call->fd, &doc, ev);
    return ATTEST_OK;
}


static bool
prov_nitro_is(attest_span_t value, attest_span_t want)
{
    return value.n == want.n
           && (want.n == 0 || memcmp(value.p, want.p, want.n) == 0);
}


static void
prov_nitro_label(int fd, const attest_nitro_t *doc, prov_evidence_t *ev)
{
    const char  *why;

    why = prov_nsm_is_device(fd)
          ? prov_nitro_genuine(doc)
          : "the device is not the kernel's security module";

    snprintf(ev->root, sizeof(ev->root), "%s",
             why == NULL ? "tee" : "simulated");

    if (why != NULL) {
        snprintf(ev->note, sizeof(ev->note), "the attestation document is"
                 " labelled \"simulated\": %s", why);

    } else if (attest_nitro_is_debug(doc)) {
        snprintf(ev->note, sizeof(ev->note), "this enclave runs in debug"
                 " mode: no verifier will accept it");
    }
}


const char *
prov_nitro_genuine(const attest_nitro_t *doc)
{
    size_t           i;
    X509            *leaf, *cert;
    const char      *why = "malformed certificates";
    STACK_OF(X509)  *bundle;

    leaf = attest_x509_read_der(doc->certificate);
    bundle = sk_X509_new_null();

    if (leaf == NULL || bundle == NULL) {
        goto done;
    }

    /* the first one is the root, which only we can name */

    for (i = 1; i < doc->cabundle_count; i++) {
        cert = attest_x509_read_der(doc->cabundle[i]);

        if (cert == NULL || sk_X509_push(bundle, cert) <= 0) {
            X509_free(cert);
            goto done;
        }
    }

    why = prov_nitro_chain(doc, leaf, bundle);

    if (why == NULL
        && attest_nitro_signature(doc, X509_get0_pubkey(leaf)) != ATTEST_OK)
    {
        why = "bad signature";
    }

done:

    X509_free(leaf);
    sk_X509_pop_free(bundle, X509_free);
    return why;
}


static const char *
prov_nitro_chain(const attest_nitro_t *doc, X509 *leaf,
    STACK_OF(X509) *bundle)
{
    const char           *why;
    attest_roots_t        roots;
    attest_x509_chain_t   chain;

    if (attest_roots_load(&roots) != ATTEST_OK) {
        return "out of memory";
    }

    memset(&chain, 0, sizeof(chain));
    chain.anchors = roots.anchors[ATTEST_MAKER_AWS];
    chain.untrusted = bundle;
    chain.now = (int64_t) (doc->timestamp / 1000);

    why = attest_x509_chain(leaf, &chain);

    attest_roots_clear(&roots);
    return why;
}


static void
prov_nitro_destroy(attest_provider_t *p)
{
    prov_nitro_provider_t    *nitro = p->data;

    prov_bounded_abandon(&nitro->late);

    if (nitro->fd != -1) {
        (void) close(nitro->fd);
    }

    free(nitro->path);
    free(nitro);
    free(p);
}
