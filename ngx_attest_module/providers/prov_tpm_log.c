/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Event logs of the kernel.
 */


#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/evidence/attest_cmw.h"
#include "core/evidence/attest_eventlog.h"
#include "providers/prov_tpm_esys.h"


static int prov_tpm_log_add(const char *path, const char *item,
    const char *type, const uint8_t *data, size_t len,
    prov_evidence_t *ev);
static int prov_tpm_log_events(const char *item, const uint8_t *data,
    size_t len);
static int prov_tpm_log_fd(const char *path, int fd, uint8_t **data,
    size_t *len, char *error);


/*
 * securityfs lets root only open its logs, while evidence is collected by an
 * unprivileged worker: the master opens them first, and the right to read
 * comes with the descriptor.  No FIFO may hang us, hence O_NONBLOCK.
 */

int
prov_tpm_log_open(const char *path)
{
    if (path == NULL) {
        return -1;
    }

    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}


int
prov_tpm_log_read(const char *path, int fd, const char *item,
    const char *type, prov_evidence_t *ev)
{
    int       rc, own;
    size_t    len = 0;
    uint8_t  *data = NULL;

    if (path == NULL) {
        return ATTEST_OK;
    }

    /* by name first: the file may have been replaced */

    own = prov_tpm_log_open(path);

    if (own == -1 && ((errno != EACCES && errno != EPERM) || fd == -1)) {
        snprintf(ev->error, sizeof(ev->error), "cannot open log \"%.128s\":"
                 " %s", path, strerror(errno));
        return ATTEST_EARG;
    }

    rc = prov_tpm_log_fd(path, own == -1 ? fd : own, &data, &len,
                         ev->error);
    if (own != -1) {
        (void) close(own);
    }

    if (rc != ATTEST_OK) {
        return rc;
    }

    rc = prov_tpm_log_add(path, item, type, data, len, ev);
    free(data);

    return rc;
}


/*
 * A log grows while we run, and must not be what stops us: one that nobody
 * would read is left out, which the evidence says.
 */

static int
prov_tpm_log_add(const char *path, const char *item, const char *type,
    const uint8_t *data, size_t len, prov_evidence_t *ev)
{
    int   rc;
    char  why[48];

    if (len > ATTEST_MAX_LOG) {
        snprintf(why, sizeof(why), "has more than %d bytes", ATTEST_MAX_LOG);
        rc = prov_evidence_left_out(ev, item, why);

    } else if (prov_tpm_log_events(item, data, len) == ATTEST_ELIMIT) {
        snprintf(why, sizeof(why), "has more than %d events",
                 ATTEST_EVENTLOG_MAX_EVENTS);
        rc = prov_evidence_left_out(ev, item, why);

    } else {
        rc = prov_evidence_add(ev, item, type, data, len);
    }

    if (rc != ATTEST_OK) {
        snprintf(ev->error, sizeof(ev->error), "log \"%.128s\": %s", path,
                 attest_strerror(rc));
    }

    return rc;
}


/* Can a verifier read it?  What the log says is not compared here. */

static int
prov_tpm_log_events(const char *item, const uint8_t *data, size_t len)
{
    size_t             entries, boundary;
    uint8_t            value[64];
    attest_tpm_bank_t  bank;

    if (strcmp(item, ATTEST_ITEM_IMALOG) == 0) {
        return attest_imalog_replay(data, len, ATTEST_TPM_ALG_SHA256, NULL, 0,
                                    value, &entries, &boundary);
    }

    return attest_eventlog_replay(data, len, ATTEST_TPM_ALG_SHA256, &bank,
                                  NULL, NULL);
}


/* Files of securityfs have no size: read until the end, or one too much. */

static int
prov_tpm_log_fd(const char *path, int fd, uint8_t **data, size_t *len,
    char *error)
{
    size_t        n;
    ssize_t       got;
    uint8_t      *buf;
    struct stat   st;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        snprintf(error, ATTEST_TPM_ERROR_LEN, "log \"%.128s\" is not a"
                 " regular file", path);
        return ATTEST_EARG;
    }

    buf = malloc(ATTEST_MAX_LOG + 1);
    if (buf == NULL) {
        snprintf(error, ATTEST_TPM_ERROR_LEN, "log \"%.128s\": no memory",
                 path);
        return ATTEST_EINTERNAL;
    }

    for (n = 0; n <= ATTEST_MAX_LOG; n += (size_t) got) {
        got = pread(fd, buf + n, ATTEST_MAX_LOG + 1 - n, (off_t) n);

        if (got == 0) {
            break;
        }

        if (got == -1 && errno != EINTR) {
            snprintf(error, ATTEST_TPM_ERROR_LEN, "cannot read log"
                     " \"%.128s\": %s", path, strerror(errno));
            free(buf);
            return ATTEST_EINTERNAL;
        }

        if (got == -1) {
            got = 0;
        }
    }

    *data = buf;
    *len = n;

    return ATTEST_OK;
}
