/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shared by the files of the configfs-tsm provider: the directory that
 * reports come out of (prov_tsm_dir.c), one exchange with the kernel
 * (prov_tsm_report.c), certificates that the host does not give
 * (prov_tsm_certs.c), what is checked of a report before it is handed out
 * (prov_tsm_check.c), who vouches for it (prov_tsm_genuine.c), and the
 * provider itself (prov_tsm_provider.c).
 */


#ifndef PROV_TSM_INTERNAL_H_INCLUDED
#define PROV_TSM_INTERNAL_H_INCLUDED


#include "providers/prov_bounded.h"
#include "providers/attest_provider.h"
#include "core/evidence/attest_tsm.h"


#define ATTEST_TSM_ERROR_LEN    256
#define ATTEST_TSM_INBLOB       64
#define ATTEST_TSM_MAX_BLOB     (256 * 1024)

#define ATTEST_TSM_MAGIC        0x62656570    /* CONFIGFS_MAGIC */


/*
 * A directory of our own below "report".  The lock on its descriptor is its
 * owner's sign of life: the descriptor is inherited by the workers, and the
 * kernel drops the lock with the last process that has it, however that one
 * ends.  Used by one thread at a time.
 */

typedef struct {
    atomic_int      refs;
    int             fd;              /* locked; -1: none yet */
    char           *path;            /* of the reports' directory */
    char            name[64];
    int             privlevel;       /* -1: not set */
    int             svsm;
    unsigned        uid;
    unsigned        gid;
} attest_tsm_dir_t;

/* NULL: out of memory.  Touches no file. */
attest_tsm_dir_t *attest_tsm_dir_create(const attest_tsm_conf_t *conf);

/*
 * Makes the directory unless it is there, owned by conf->uid as far as it
 * must be.  Needs root.  0, or an errno and error.
 */
int attest_tsm_dir_open(attest_tsm_dir_t *dir, char *error);

/* One user less; the last one removes the directory unless others use it. */
void attest_tsm_dir_release(attest_tsm_dir_t *dir);


typedef struct {
    uint8_t                *p;       /* malloc()ed */
    size_t                  n;
} attest_tsm_blob_t;

/* One exchange, in a thread of its own. */

typedef struct {
    attest_bounded_t        bounded;
    attest_tsm_dir_t       *dir;     /* a reference */
    int64_t                 deadline;
    uint8_t                 inblob[ATTEST_TSM_INBLOB];

    /* results */
    int                     err;     /* errno; 0: all is there */
    int                     rc;
    char                    provider[32];
    attest_tsm_blob_t       outblob;
    attest_tsm_blob_t       auxblob;
    attest_tsm_blob_t       manifest;
    char                    error[ATTEST_TSM_ERROR_LEN];
} attest_tsm_call_t;

/* NULL: out of memory. */
attest_tsm_call_t *attest_tsm_call_create(attest_tsm_dir_t *dir,
    const uint8_t inblob[ATTEST_TSM_INBLOB], int64_t deadline);

/* Does this errno mean that asking again can only do harm? */
bool attest_tsm_permanent(int err);


/*
 * A driver that fails for good is not asked again and again: on SEV-SNP each
 * failed exchange may be the one that makes the kernel wipe its key.
 */

#define ATTEST_TSM_BURST         3
#define ATTEST_TSM_STOP_MIN      60000       /* ms */
#define ATTEST_TSM_STOP_MAX      3600000

typedef struct {
    attest_tsm_dir_t   *dir;
    char               *ccel;
    char               *certs;
    int                 ccel_fd;     /* opened by the master; -1 */
    attest_bounded_t   *late;        /* its thread may still be running */
    unsigned            broken;      /* permanent errors in a row */
    int64_t             stop;        /* ms, length of the pause */
    int64_t             stopped;     /* monotonic ms, until; 0: not */
    char                why[128];
} attest_tsm_provider_t;


/*
 * The certificates of a PEM file as the table that a host would have given
 * (GHCB specification, extended guest request): malloc()ed.  ATTEST_E*,
 * error says why.
 */
int attest_tsm_certs(const char *path, uint8_t **table, size_t *len,
    char *error);


/*
 * Is the report over what we asked for, at the privilege level that we asked
 * for?  ATTEST_OK, or ATTEST_E* and error.
 */
int attest_tsm_call_check(const attest_tsm_call_t *call, char *error);

/* "tee" or "simulated"; the reason for the latter goes to note. */
const char *attest_tsm_label(const attest_tsm_dir_t *dir,
    const attest_tsm_t *tsm, char *note);

/*
 * NULL when signatures and certificates of a report lead to the maker's
 * shipped root at this time; else a static text that says why not.  Anything
 * beyond that is a verifier's business.
 */
const char *attest_tsm_genuine(const attest_tsm_t *tsm, int64_t now);


#endif /* PROV_TSM_INTERNAL_H_INCLUDED */
