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
} prov_tsm_dir_t;

/* NULL: out of memory.  Touches no file. */
prov_tsm_dir_t *prov_tsm_dir_create(const prov_tsm_conf_t *conf);

/*
 * Makes the directory unless it is there, owned by conf->uid as far as it
 * must be.  Needs root.  0, or an errno and error.
 */
int prov_tsm_dir_open(prov_tsm_dir_t *dir, char *error);

/* One user less; the last one removes the directory unless others use it. */
void prov_tsm_dir_release(prov_tsm_dir_t *dir);


typedef struct {
    uint8_t                *p;       /* malloc()ed */
    size_t                  n;
} prov_tsm_blob_t;

/* One exchange, in a thread of its own. */

typedef struct {
    prov_bounded_t          bounded;
    prov_tsm_dir_t         *dir;     /* a reference */
    int64_t                 deadline;
    uint8_t                 inblob[ATTEST_TSM_INBLOB];

    /* results */
    int                     err;     /* errno; 0: all is there */
    int                     rc;
    char                    provider[32];
    prov_tsm_blob_t         outblob;
    prov_tsm_blob_t         auxblob;
    prov_tsm_blob_t         manifest;
    char                    error[ATTEST_TSM_ERROR_LEN];
} prov_tsm_call_t;

/* NULL: out of memory. */
prov_tsm_call_t *prov_tsm_call_create(prov_tsm_dir_t *dir,
    const uint8_t inblob[ATTEST_TSM_INBLOB], int64_t deadline);

/* Does this errno mean that asking again can only do harm? */
bool prov_tsm_permanent(int err);


/*
 * A driver that fails for good is not asked again and again: on SEV-SNP each
 * failed exchange may be the one that makes the kernel wipe its key.
 */

#define ATTEST_TSM_BURST         3
#define ATTEST_TSM_STOP_MIN      60000       /* ms */
#define ATTEST_TSM_STOP_MAX      3600000

typedef struct {
    prov_tsm_dir_t     *dir;
    char               *ccel;
    char               *certs;
    int                 ccel_fd;     /* opened by the master; -1 */
    prov_bounded_t     *late;        /* its thread may still be running */
    unsigned            broken;      /* permanent errors in a row */
    int64_t             stop;        /* ms, length of the pause */
    int64_t             stopped;     /* monotonic ms, until; 0: not */
    char                why[128];
} prov_tsm_provider_t;


/*
 * The certificates of a PEM file as the table that a host would have given
 * (GHCB specification, extended guest request): malloc()ed.  ATTEST_E*,
 * error says why.
 */
int prov_tsm_certs(const char *path, uint8_t **table, size_t *len,
    char *error);


/*
 * Is the report over what we asked for, at the privilege level that we asked
 * for?  ATTEST_OK, or ATTEST_E* and error.
 */
int prov_tsm_call_check(const prov_tsm_call_t *call, char *error);

/* "tee" or "simulated"; the reason for the latter goes to note. */
const char *prov_tsm_label(const prov_tsm_dir_t *dir,
    const attest_tsm_t *tsm, char *note);

/*
 * NULL when signatures and certificates of a report lead to the maker's
 * shipped root at this time; else a static text that says why not.  Anything
 * beyond that is a verifier's business.
 */
const char *prov_tsm_genuine(const attest_tsm_t *tsm, int64_t now);


#endif /* PROV_TSM_INTERNAL_H_INCLUDED */
