/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The private folder of "ngx-attest proxy": 0700, in TMPDIR, with the
 * configuration, copies of the policy and, where it is given, the key of the
 * API.  A process of its own, which has nothing else to do, waits for the end
 * of ours by a pipe, ends what is left of nginx and removes the folder: also
 * when we were killed.
 *
 * All is done below descriptors that are held, never by a path: root's workers
 * are another user, who may put into their temporary folders what he likes,
 * and change it while it is removed.
 */


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "cli/cli_proxy_folder.h"


#define CLI_PROXY_GRACE    50               /* tenths of a second */
#define CLI_PROXY_DEPTH    32               /* of folders that are removed */
#define CLI_PROXY_TEMP     "temp"


static int cli_proxy_folder_create(cli_proxy_folder_t *folder,
    const cli_proxy_t *px);
static int cli_proxy_folder_parent(cli_proxy_folder_t *folder,
    const char *tmp);
static int cli_proxy_folder_named(cli_proxy_folder_t *folder,
    const char *tmp);
static const char *cli_proxy_folder_name(const cli_proxy_folder_t *folder);
static int cli_proxy_folder_fill(const cli_proxy_folder_t *folder,
    const cli_proxy_t *px, const char *conf);
static int cli_proxy_folder_put(const cli_proxy_folder_t *folder,
    const char *name, const attest_bytes_t *b);
static int cli_proxy_folder_keep(cli_proxy_folder_t *folder);
static void cli_proxy_folder_keeper(const cli_proxy_folder_t *folder, int fd)
    __attribute__((noreturn));
static void cli_proxy_folder_end(pid_t group);
static bool cli_proxy_folder_erase(const cli_proxy_folder_t *folder);
static void cli_proxy_folder_empty(const cli_proxy_folder_t *folder, int fd,
    unsigned depth);
static void cli_proxy_folder_below(const cli_proxy_folder_t *folder,
    int parent, const char *name, unsigned depth);


int
cli_proxy_folder_make(cli_proxy_folder_t *folder, const cli_proxy_t *px,
    const char *conf)
{
    int  rc;

    rc = cli_proxy_folder_create(folder, px);
    if (rc != CLI_OK) {
        return rc;
    }

    rc = cli_proxy_folder_keep(folder);
    if (rc != CLI_OK) {
        (void) cli_proxy_folder_erase(folder);
        return rc;
    }

    rc = cli_proxy_folder_fill(folder, px, conf);
    if (rc != CLI_OK) {
        (void) cli_proxy_folder_remove(folder);
    }

    return rc;
}


static int
cli_proxy_folder_create(cli_proxy_folder_t *folder, const cli_proxy_t *px)
{
    int          rc;
    char        *real;
    const char  *tmp;

    tmp = getenv("TMPDIR");

    if (tmp == NULL || tmp[0] == '\0') {
        tmp = "/tmp";
    }

    /* where a link leads to now, and not where it does later */

    real = realpath(tmp, NULL);
    if (real == NULL) {
        return cli_error("cannot make a folder in %s: %s", tmp,
                         strerror(errno));
    }

    folder->worker = px->worker;
    rc = cli_proxy_folder_parent(folder, real);

    if (rc == CLI_OK) {
        rc = cli_proxy_folder_named(folder, real);
    }

    free(real);
    return rc;
}


/*
 * Whoever can rename what is in it can have nginx read a configuration of his
 * own.
 */

static int
cli_proxy_folder_parent(cli_proxy_folder_t *folder, const char *tmp)
{
    struct stat  st;

    folder->parent = open(tmp, O_PATH|O_DIRECTORY|O_CLOEXEC);

    if (folder->parent == -1 || fstat(folder->parent, &st) == -1) {
        return cli_error("cannot make a folder in %s: %s", tmp,
                         strerror(errno));
    }

    if ((st.st_uid == 0 || st.st_uid == geteuid())
        && ((st.st_mode & S_ISVTX)
            || (!(st.st_mode & S_IWOTH)
                && (!(st.st_mode & S_IWGRP) || st.st_gid == getegid()))))
    {
        return CLI_OK;
    }

    (void) close(folder->parent);
    return cli_error("cannot make a folder in %s: others can rename what is "
                     "in there; set TMPDIR to a folder of yours", tmp);
}


/*
 * A worker of root's is another user, who has to get through to temporary
 * files: it may enter and not look around.  What is secret is the master's.
 */

static int
cli_proxy_folder_named(cli_proxy_folder_t *folder, const char *tmp)
{
    int          rc;
    char         hex[17];
    uint8_t      random[8];
    const char  *name;

    randombytes_buf(random, sizeof(random));
    rc = cli_path(folder->path, "%s/ngx-attest-proxy.%s",
                  strcmp(tmp, "/") == 0 ? "" : tmp,
                  sodium_bin2hex(hex, sizeof(hex), random, sizeof(random)));

    if (rc != CLI_OK) {
        (void) close(folder->parent);
        return rc;
    }

    name = cli_proxy_folder_name(folder);

    if (mkdirat(folder->parent, name, 0700) == -1) {
        rc = cli_error("cannot make a folder in %s: %s", tmp,
                       strerror(errno));
        (void) close(folder->parent);
        return rc;
    }

    folder->fd = openat(folder->parent, name,
                        O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (folder->fd != -1
        && fchmod(folder->fd, folder->worker != geteuid() ? 0711 : 0700) == 0)
    {
        return CLI_OK;
    }

    rc = cli_error("cannot make a folder in %s: %s", tmp, strerror(errno));
    (void) unlinkat(folder->parent, name, AT_REMOVEDIR);
    (void) close(folder->parent);
    return rc;
}


static const char *
cli_proxy_folder_name(const cli_proxy_folder_t *folder)
{
    return strrchr(folder->path, '/') + 1;
}


static int
cli_proxy_folder_fill(const cli_proxy_folder_t *folder,
    const cli_proxy_t *px, const char *conf)
{
    char                    signature[CLI_PROXY_NAME + 16];
    const attest_bytes_t    text = { (uint8_t *) (uintptr_t) conf,
                                     strlen(conf) };

    if (mkdirat(folder->fd, CLI_PROXY_TEMP,
                folder->worker != geteuid() ? 0711 : 0700)
        == -1)
    {
        return cli_error("%s/" CLI_PROXY_TEMP ": %s", folder->path,
                         strerror(errno));
    }

    (void) snprintf(signature, sizeof(signature), "%s.minisig",
                    px->policy_name);

    if (cli_proxy_folder_put(folder, CLI_PROXY_CONF, &text) != CLI_OK
        || cli_proxy_folder_put(folder, px->policy_name, &px->policy)
           != CLI_OK
        || cli_proxy_folder_put(folder, signature, &px->signature) != CLI_OK
        || cli_proxy_folder_put(folder, CLI_PROXY_MINISIGN, &px->policy_key)
           != CLI_OK
        || cli_proxy_folder_put(folder, CLI_PROXY_API_KEY, &px->api_key)
           != CLI_OK)
    {
        return CLI_UNDECIDED;
    }

    return cli_proxy_folder_put(folder, CLI_PROXY_SALT, &px->salt);
}


static int
cli_proxy_folder_put(const cli_proxy_folder_t *folder, const char *name,
    const attest_bytes_t *b)
{
    int  fd, rc;

    if (b->n == 0) {
        return CLI_OK;
    }

    fd = openat(folder->fd, name, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC,
                0600);
    if (fd == -1) {
        return cli_error("cannot make %s/%s: %s", folder->path, name,
                         strerror(errno));
    }

    rc = cli_write(fd, b->p, b->n);

    if (close(fd) == -1 || rc == -1) {
        return cli_error("cannot write %s/%s: %s", folder->path, name,
                         strerror(errno));
    }

    return CLI_OK;
}


static int
cli_proxy_folder_keep(cli_proxy_folder_t *folder)
{
    int  fd[2];

    if (pipe2(fd, O_CLOEXEC) == -1) {
        return cli_error("pipe: %s", strerror(errno));
    }

    folder->keeper = fork();

    if (folder->keeper == 0) {
        (void) close(fd[1]);
        cli_proxy_folder_keeper(folder, fd[0]);
    }

    (void) close(fd[0]);
    folder->pipe = fd[1];

    if (folder->keeper == -1) {
        (void) close(fd[1]);
        return cli_error("fork: %s", strerror(errno));
    }

    return CLI_OK;
}


/* No terminal, no signal meant for the others, and no file of theirs. */

static void
cli_proxy_folder_keeper(const cli_proxy_folder_t *folder, int fd)
{
    int      i;
    pid_t    group = 0, told;
    ssize_t  n;

    (void) setsid();

    if (chdir("/") == -1) {

        /* then it stays where it is, and nothing else depends on it */
    }

    (void) signal(SIGINT, SIG_IGN);
    (void) signal(SIGTERM, SIG_IGN);
    (void) signal(SIGHUP, SIG_IGN);
    (void) signal(SIGQUIT, SIG_IGN);

    for (i = 0; i < 3; i++) {
        (void) close(i);
    }

    for ( ;; ) {
        n = read(fd, &told, sizeof(told));

        if (n == (ssize_t) sizeof(told)) {
            group = told;

        } else if (n == 0 || errno != EINTR) {
            break;
        }
    }

    if (group > 1) {
        cli_proxy_folder_end(group);
    }

    (void) cli_proxy_folder_erase(folder);
    _exit(0);
}


/* Ends at once when there is nobody of that group. */

static void
cli_proxy_folder_end(pid_t group)
{
    int              i;
    struct timespec  tenth = { 0, 100000000 };

    if (kill(-group, SIGTERM) == -1) {
        return;
    }

    for (i = 0; i < CLI_PROXY_GRACE && kill(-group, 0) == 0; i++) {
        (void) nanosleep(&tenth, NULL);
    }

    (void) kill(-group, SIGKILL);
}


void
cli_proxy_folder_group(const cli_proxy_folder_t *folder, pid_t group)
{
    cli_pass(folder->pipe, &group, sizeof(group));
}


int
cli_proxy_folder_remove(cli_proxy_folder_t *folder)
{
    int  rc;

    (void) close(folder->pipe);

    while (waitpid(folder->keeper, NULL, 0) == -1 && errno == EINTR) {
        /* void */
    }

    /* it may have been killed, too */

    rc = cli_proxy_folder_erase(folder) ? CLI_OK
         : cli_error("%s could not be removed whole: %s", folder->path,
                     strerror(errno));

    (void) close(folder->fd);
    (void) close(folder->parent);
    return rc;
}


/* Nothing of it is left under its name. */

static bool
cli_proxy_folder_erase(const cli_proxy_folder_t *folder)
{
    int          fd;
    struct stat  ours, there;
    const char  *name = cli_proxy_folder_name(folder);

    fd = openat(folder->fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd != -1) {
        cli_proxy_folder_empty(folder, fd, 0);
    }

    if (fstat(folder->fd, &ours) == -1
        || fstatat(folder->parent, name, &there, AT_SYMLINK_NOFOLLOW) == -1)
    {
        return errno == ENOENT;
    }

    /* somebody else's, of the same name: it was renamed after it was erased */

    return ours.st_dev != there.st_dev || ours.st_ino != there.st_ino
           || unlinkat(folder->parent, name, AT_REMOVEDIR) == 0
           || errno == ENOENT;
}


/* Links go, and not what they lead to.  Closes it. */

static void
cli_proxy_folder_empty(const cli_proxy_folder_t *folder, int fd,
    unsigned depth)
{
    DIR            *dir;
    struct dirent  *e;

    dir = fdopendir(fd);
    if (dir == NULL) {
        (void) close(fd);
        return;
    }

    while ((e = readdir(dir)) != NULL) {

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }

        if (unlinkat(fd, e->d_name, 0) == -1 && depth < CLI_PROXY_DEPTH) {
            cli_proxy_folder_below(folder, fd, e->d_name, depth + 1);
        }
    }

    (void) closedir(dir);
}


/*
 * A folder of a third user was moved here by a worker, and a mount by an
 * administrator: what is in them is not ours to remove.
 */

static void
cli_proxy_folder_below(const cli_proxy_folder_t *folder, int parent,
    const char *name, unsigned depth)
{
    int          fd;
    struct stat  ours, st;

    fd = openat(parent, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    if (fstat(folder->fd, &ours) == -1 || fstat(fd, &st) == -1
        || st.st_dev != ours.st_dev
        || (st.st_uid != ours.st_uid && st.st_uid != folder->worker))
    {
        (void) close(fd);
        return;
    }

    cli_proxy_folder_empty(folder, fd, depth);
    (void) unlinkat(parent, name, AT_REMOVEDIR);
}
