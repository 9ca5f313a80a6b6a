/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The private report directory: made in the master, which is root, used by
 * workers, which are not, and removed when nobody uses it any more.
 */


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "providers/prov_tsm_internal.h"


#define ATTEST_TSM_PREFIX    "ngx-attest-"
#define ATTEST_TSM_NAMES     64      /* names to try */


static void prov_tsm_dir_close(prov_tsm_dir_t *dir);
static bool prov_tsm_dir_alive(const prov_tsm_dir_t *dir);
static int prov_tsm_dir_make(prov_tsm_dir_t *dir, char *error);
static int prov_tsm_dir_try(prov_tsm_dir_t *dir, char *error);
static int prov_tsm_dir_lock(prov_tsm_dir_t *dir);
static int prov_tsm_dir_refused(const prov_tsm_dir_t *dir, int err,
    char *error);
static int prov_tsm_dir_hand_over(prov_tsm_dir_t *dir, char *error);
static void prov_tsm_dir_sweep(const prov_tsm_dir_t *dir);
static void prov_tsm_dir_sweep_one(int reports, const char *name);


static atomic_uint  prov_tsm_dir_count;


prov_tsm_dir_t *
prov_tsm_dir_create(const prov_tsm_conf_t *conf)
{
    prov_tsm_dir_t    *dir;

    dir = calloc(1, sizeof(prov_tsm_dir_t));
    if (dir == NULL) {
        return NULL;
    }

    dir->path = strdup(conf->path != NULL ? conf->path : ATTEST_TSM_PATH);
    if (dir->path == NULL) {
        free(dir);
        return NULL;
    }

    atomic_init(&dir->refs, 1);

    dir->fd = -1;
    dir->privlevel = conf->privlevel;
    dir->svsm = conf->svsm;
    dir->uid = conf->uid;
    dir->gid = conf->gid;

    return dir;
}


void
prov_tsm_dir_release(prov_tsm_dir_t *dir)
{
    if (atomic_fetch_sub(&dir->refs, 1) == 1) {
        prov_tsm_dir_close(dir);
        free(dir->path);
        free(dir);
    }
}


/*
 * Other processes may still have the descriptor, and with it the lock: then
 * the directory stays, and whoever sweeps behind the last of them removes it.
 */

static void
prov_tsm_dir_close(prov_tsm_dir_t *dir)
{
    if (dir->fd != -1) {
        (void) close(dir->fd);
        dir->fd = -1;
        prov_tsm_dir_sweep(dir);
    }
}


int
prov_tsm_dir_open(prov_tsm_dir_t *dir, char *error)
{
    int  err;

    if (dir->fd != -1 && prov_tsm_dir_alive(dir)) {
        return 0;
    }

    prov_tsm_dir_close(dir);
    prov_tsm_dir_sweep(dir);

    err = prov_tsm_dir_make(dir, error);
    if (err != 0) {
        return err;
    }

    err = prov_tsm_dir_hand_over(dir, error);
    if (err != 0) {
        prov_tsm_dir_close(dir);
    }

    return err;
}


/* A directory that was removed keeps its descriptor, but has no files. */

static bool
prov_tsm_dir_alive(const prov_tsm_dir_t *dir)
{
    return faccessat(dir->fd, "inblob", F_OK, 0) == 0;
}


/* The pid is for people: a name that is taken is simply not ours. */

static int
prov_tsm_dir_make(prov_tsm_dir_t *dir, char *error)
{
    int  i, err;

    for (i = 0; i < ATTEST_TSM_NAMES; i++) {
        snprintf(dir->name, sizeof(dir->name), ATTEST_TSM_PREFIX "%ld-%u",
                 (long) getpid(),
                 atomic_fetch_add(&prov_tsm_dir_count, 1));

        err = prov_tsm_dir_try(dir, error);
        if (err != EEXIST) {
            return err;
        }
    }

    snprintf(error, ATTEST_TSM_ERROR_LEN, "cannot make a report directory in"
             " \"%.128s\": no name is free", dir->path);
    return EEXIST;
}


/* EEXIST: the name, or the directory, is somebody else's. */

static int
prov_tsm_dir_try(prov_tsm_dir_t *dir, char *error)
{
    int  reports, err;

    reports = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (reports == -1) {
        return prov_tsm_dir_refused(dir, errno, error);
    }

    if (mkdirat(reports, dir->name, 0755) == -1) {
        err = errno;
        (void) close(reports);
        return err == EEXIST ? err
                             : prov_tsm_dir_refused(dir, err, error);
    }

    dir->fd = openat(reports, dir->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC
                                         | O_NOFOLLOW);
    err = prov_tsm_dir_lock(dir);

    if (err == ENOTSUP
        && unlinkat(reports, dir->name, AT_REMOVEDIR) == -1)
    {
        /* somebody else removed it, it may have had files */

        err = EEXIST;
    }

    (void) close(reports);

    return (err == 0 || err == EEXIST)
           ? err : prov_tsm_dir_refused(dir, err, error);
}


/* Another process's sweep may come between mkdir() and the lock. */

static int
prov_tsm_dir_lock(prov_tsm_dir_t *dir)
{
    int  err;

    if (dir->fd == -1) {
        return errno == ENOENT ? EEXIST : errno;
    }

    err = 0;

    if (flock(dir->fd, LOCK_EX | LOCK_NB) == -1) {
        err = (errno == EWOULDBLOCK) ? EEXIST : errno;

    } else if (!prov_tsm_dir_alive(dir)) {
        err = ENOTSUP;
    }

    if (err != 0) {
        (void) close(dir->fd);
        dir->fd = -1;
    }

    return err;
}


static int
prov_tsm_dir_refused(const prov_tsm_dir_t *dir, int err, char *error)
{
    const char  *why;

    switch (err) {

    case ENOENT:
    case ENOTDIR:
        why = "is there no TSM driver (tsm, sev-guest, tdx-guest), or is"
              " configfs not mounted?";
        break;

    case EACCES:
    case EPERM:
    case EROFS:
        why = "only root can, at start or reload, and where configfs is"
              " writable";
        break;

    case ENXIO:
        why = "the kernel has no TSM provider";
        break;

    case ENOTSUP:
        why = "it does not behave as configfs-tsm";
        break;

    default:
        why = "unexpected";
        break;
    }

    snprintf(error, ATTEST_TSM_ERROR_LEN, "cannot make a report directory in"
             " \"%.80s\": %s; %s", dir->path, strerror(err), why);
    return err;
}


/* configfs keeps the owner that an attribute is given. */

static int
prov_tsm_dir_hand_over(prov_tsm_dir_t *dir, char *error)
{
    int          err;
    size_t       i;
    const char  *names[] = { "inblob", "privlevel", "service_provider" };
    const int    used[] = { 1, dir->privlevel >= 0, dir->svsm };

    if (geteuid() != 0 || dir->uid == 0) {
        return 0;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!used[i]) {
            continue;
        }

        if (fchownat(dir->fd, names[i], dir->uid, dir->gid,
                     AT_SYMLINK_NOFOLLOW) == -1)
        {
            err = errno;
            snprintf(error, ATTEST_TSM_ERROR_LEN, "cannot give \"%s\" of the"
                     " report directory to the workers' user: %s%s",
                     names[i], strerror(err), err == ENOENT
                     ? "; this kernel or CPU does not have it" : "");
            return err;
        }
    }

    return 0;
}


/* What processes left behind that were killed. */

static void
prov_tsm_dir_sweep(const prov_tsm_dir_t *dir)
{
    int             reports;
    DIR            *d;
    struct dirent  *e;

    if (faccessat(AT_FDCWD, dir->path, W_OK, AT_EACCESS) == -1) {
        return;
    }

    d = opendir(dir->path);
    if (d == NULL) {
        return;
    }

    reports = dirfd(d);

    while ((e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, ATTEST_TSM_PREFIX,
                    sizeof(ATTEST_TSM_PREFIX) - 1) == 0)
        {
            prov_tsm_dir_sweep_one(reports, e->d_name);
        }
    }

    (void) closedir(d);
}


static void
prov_tsm_dir_sweep_one(int reports, const char *name)
{
    int  fd;

    fd = openat(reports, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC
                               | O_NOFOLLOW);
    if (fd == -1) {
        return;
    }

    /* its owner is dead when the lock is free */

    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        (void) unlinkat(reports, name, AT_REMOVEDIR);
    }

    (void) close(fd);
}
