/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests to the Nitro security module: CBOR in both directions by one
 * ioctl (linux/include/uapi/linux/nsm.h; AWS Nitro Enclaves NSM API).
 */


#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "core/base/attest_cbor.h"
#include "core/base/attest_monotonic.h"
#include "providers/prov_nitro_internal.h"


#define ATTEST_NSM_SYSFS      "/sys/class/misc/nsm/dev"

#define ATTEST_NSM_NAP        10     /* ms; doubled each time, up to .. */
#define ATTEST_NSM_NAP_MAX    640


/* struct nsm_raw, and its ioctl */

typedef struct {
    uint64_t   addr;
    uint64_t   len;
} prov_nsm_iovec_t;

typedef struct {
    prov_nsm_iovec_t     request;
    prov_nsm_iovec_t     response;
} prov_nsm_raw_t;

#define ATTEST_NSM_IOCTL_RAW  _IOWR(0x0a, 0, prov_nsm_raw_t)


static int prov_nsm_request(prov_nsm_call_t *call,
    attest_span_t user_data, attest_span_t nonce);
static void prov_nsm_call_run(prov_bounded_t *b);
static void prov_nsm_call_free(prov_bounded_t *b);
static int prov_nsm_ioctl(prov_nsm_call_t *call);
static int prov_nsm_map(attest_cbor_reader_t *r);
static int prov_nsm_attestation(attest_cbor_reader_t *r,
    attest_span_t *doc);
static void prov_nsm_refusal(attest_cbor_reader_t *r, char *error);


prov_nsm_call_t *
prov_nsm_call_create(int fd, attest_span_t user_data, attest_span_t nonce,
    int64_t deadline)
{
    prov_nsm_call_t    *call;

    call = calloc(1, sizeof(prov_nsm_call_t));
    if (call == NULL) {
        (void) close(fd);
        return NULL;
    }

    call->bounded.run = prov_nsm_call_run;
    call->bounded.free = prov_nsm_call_free;
    call->fd = fd;
    call->deadline = deadline;

    if (prov_nsm_request(call, user_data, nonce) != ATTEST_OK) {
        prov_nsm_call_free(&call->bounded);
        return NULL;
    }

    return call;
}


static int
prov_nsm_request(prov_nsm_call_t *call, attest_span_t user_data,
    attest_span_t nonce)
{
    attest_cbor_writer_t  w;

    attest_cbor_writer_init(&w, call->request, sizeof(call->request));

    attest_cbor_put_map(&w, 1);
    attest_cbor_put_text(&w, "Attestation");
    attest_cbor_put_map(&w, 3);

    attest_cbor_put_text(&w, "user_data");
    attest_cbor_put_bytes(&w, user_data.p, user_data.n);

    attest_cbor_put_text(&w, "nonce");

    if (nonce.n != 0) {
        attest_cbor_put_bytes(&w, nonce.p, nonce.n);

    } else {
        attest_cbor_put_null(&w);
    }

    attest_cbor_put_text(&w, "public_key");
    attest_cbor_put_null(&w);

    return attest_cbor_writer_done(&w, &call->request_len);
}


static void
prov_nsm_call_free(prov_bounded_t *b)
{
    prov_nsm_call_t    *call = (prov_nsm_call_t *) b;

    (void) close(call->fd);
    free(call);
}


static void
prov_nsm_call_run(prov_bounded_t *b)
{
    int64_t             nap = ATTEST_NSM_NAP;
    struct timespec     ts;
    prov_nsm_call_t    *call = (prov_nsm_call_t *) b;

    for ( ;; ) {
        call->err = prov_nsm_ioctl(call);

        if (call->err != EINTR && call->err != EBUSY && call->err != EAGAIN) {
            return;
        }

        if (attest_monotonic_now() + nap >= call->deadline) {
            return;
        }

        ts.tv_sec = 0;
        ts.tv_nsec = (long) nap * 1000000;
        (void) nanosleep(&ts, NULL);

        if (nap < ATTEST_NSM_NAP_MAX) {
            nap *= 2;
        }
    }
}


static int
prov_nsm_ioctl(prov_nsm_call_t *call)
{
    prov_nsm_raw_t    raw;

    raw.request.addr = (uint64_t) (uintptr_t) call->request;
    raw.request.len = call->request_len;
    raw.response.addr = (uint64_t) (uintptr_t) call->response;
    raw.response.len = sizeof(call->response);

    if (ioctl(call->fd, ATTEST_NSM_IOCTL_RAW, &raw) == -1) {
        return errno;
    }

    if (raw.response.len > sizeof(call->response)) {
        return EMSGSIZE;
    }

    call->response_len = (size_t) raw.response.len;
    return 0;
}


const char *
prov_nsm_reason(int err)
{
    switch (err) {

    case EINTR:
    case EBUSY:
    case EAGAIN:
        return "the device is busy, asked again until the time was up";

    case EPERM:
    case EACCES:
        return "the kernel's driver serves only processes with CAP_SYS_ADMIN:"
               " run the workers as root";

    case ENOENT:
    case ENXIO:
    case ENODEV:
        return "is this a Nitro enclave, with the nsm driver?";

    case ENOTTY:
        return "this is no security module";

    case EMSGSIZE:
        return "the answer is too long";

    default:
        return "the security module failed";
    }
}


int
prov_nsm_document(const prov_nsm_call_t *call, attest_span_t *doc,
    char *error)
{
    int                    rc;
    attest_span_t          key;
    attest_cbor_reader_t   r;

    attest_cbor_reader_init(&r, call->response, call->response_len, 1);

    rc = prov_nsm_map(&r);

    if (rc == ATTEST_OK) {
        rc = attest_cbor_read_text(&r, &key);
    }

    if (rc == ATTEST_OK && attest_span_is(key, "Error")) {
        prov_nsm_refusal(&r, error);
        return ATTEST_EINTERNAL;
    }

    if (rc == ATTEST_OK) {
        rc = attest_span_is(key, "Attestation")
             ? prov_nsm_attestation(&r, doc) : ATTEST_EFORMAT;
    }

    if (rc != ATTEST_OK) {
        snprintf(error, ATTEST_NSM_ERROR_LEN, "the response of the security"
                 " module (%zu bytes) is %s", call->response_len,
                 attest_strerror(rc));
    }

    return rc;
}


/* A map of one entry; what follows an indefinite one is its end. */

static int
prov_nsm_map(attest_cbor_reader_t *r)
{
    int       rc;
    uint64_t  count;

    rc = attest_cbor_read_map(r, &count);
    if (rc != ATTEST_OK) {
        return rc;
    }

    return (count == 1 || count == ATTEST_CBOR_INDEFINITE)
           ? ATTEST_OK : ATTEST_EFORMAT;
}


static int
prov_nsm_attestation(attest_cbor_reader_t *r, attest_span_t *doc)
{
    int                  rc;
    attest_span_t        key;
    attest_cbor_item_t   item;

    rc = prov_nsm_map(r);

    if (rc == ATTEST_OK) {
        rc = attest_cbor_read_text(r, &key);
    }

    if (rc == ATTEST_OK && !attest_span_is(key, "document")) {
        rc = ATTEST_EFORMAT;
    }

    if (rc == ATTEST_OK) {
        rc = attest_cbor_read_bytes(r, doc);
    }

    while (rc == ATTEST_OK && r->p != r->end) {
        rc = attest_cbor_next(r, &item);

        if (rc == ATTEST_OK && item.type != ATTEST_CBOR_BREAK) {
            rc = ATTEST_EFORMAT;
        }
    }

    return rc;
}


/* "InvalidOperation", "InputTooLarge", .. */

static void
prov_nsm_refusal(attest_cbor_reader_t *r, char *error)
{
    char           text[32] = "no reason";
    size_t         i;
    attest_span_t  name;

    if (attest_cbor_read_text(r, &name) == ATTEST_OK) {

        for (i = 0; i < name.n && i < sizeof(text) - 1; i++) {
            text[i] = (name.p[i] > 0x20 && name.p[i] < 0x7f)
                      ? (char) name.p[i] : '?';
        }

        text[i] = '\0';
    }

    snprintf(error, ATTEST_NSM_ERROR_LEN, "the security module refused: %s",
             text);
}


/* Only the kernel's own driver registers under this name. */

bool
prov_nsm_is_device(int fd)
{
    int          found;
    char         line[32], want[32];
    FILE        *f;
    struct stat  st;

    if (fstat(fd, &st) == -1 || !S_ISCHR(st.st_mode)) {
        return 0;
    }

    f = fopen(ATTEST_NSM_SYSFS, "re");
    if (f == NULL) {
        return 0;
    }

    snprintf(want, sizeof(want), "%u:%u\n", major(st.st_rdev),
             minor(st.st_rdev));

    found = fgets(line, sizeof(line), f) != NULL && strcmp(line, want) == 0;
    (void) fclose(f);

    return found;
}
