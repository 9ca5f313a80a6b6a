/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The private folder of "ngx-attest proxy": 0700, in TMPDIR, with the
 * configuration, copies of the policy and, where it is given, the key of the
 * API.  A process of its own, which has nothing else to do, waits for the end
 * of ours by a pipe, ends what is left of nginx and removes the folder: also
 * when we were killed.
 */


#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli_proxy_folder.h"


#define CLI_PROXY_GRACE    50               /* tenths of a second */


static int cli_proxy_folder_create(cli_proxy_folder_t *folder,
    const cli_proxy_t *px);
static int cli_proxy_folder_fill(const cli_proxy_folder_t *folder,
    const cli_proxy_t *px, const char *conf);
static int cli_proxy_folder_put(const cli_proxy_folder_t *folder,
    const char *name, const char *tail, const attest_bytes_t *b);
static int cli_proxy_folder_keep(cli_proxy_folder_t *folder);
static void cli_proxy_folder_keeper(const char *path, int fd)
    __attribute__((noreturn));
static void cli_proxy_folder_end(pid_t group);
static void cli_proxy_folder_erase(const char *path);
static int cli_proxy_folder_entry(const char *path, const struct stat *st,
    int flag, struct FTW *ftw);


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
        cli_proxy_folder_erase(folder->path);
        return rc;
    }

    rc = cli_proxy_folder_fill(folder, px, conf);
    if (rc != CLI_OK) {
        cli_proxy_folder_remove(folder);
    }

    return rc;
}


/*
 * A worker of root's is another user, who has to get through to temporary
 * files: it may enter and not look around.  What is secret is the master's.
 */

static int
cli_proxy_folder_create(cli_proxy_folder_t *folder, const cli_proxy_t *px)
{
    int          rc;
    const char  *tmp;

    tmp = getenv("TMPDIR");

    if (tmp == NULL || tmp[0] != '/' || strlen(tmp) > CLI_MAX_PATH / 2) {
        tmp = "/tmp";
    }

    rc = cli_path(folder->path, "%s/ngx-attest-proxy.XXXXXX", tmp);
    if (rc != CLI_OK) {
        return rc;
    }

    if (mkdtemp(folder->path) == NULL) {
        return cli_error("cannot make a folder in %s: %s", tmp,
                         strerror(errno));
    }

    return px->user[0] == '\0' || chmod(folder->path, 0711) == 0 ? CLI_OK
           : cli_error("%s: %s", folder->path, strerror(errno));
}


static int
cli_proxy_folder_fill(const cli_proxy_folder_t *folder,
    const cli_proxy_t *px, const char *conf)
{
    int                  rc;
    char                 temp[CLI_MAX_PATH];
    const attest_bytes_t    text = { (uint8_t *) (uintptr_t) conf,
                                  strlen(conf) };

    rc = cli_path(temp, "%s/temp", folder->path);
    if (rc != CLI_OK) {
        return rc;
    }

    if (mkdir(temp, px->user[0] != '\0' ? 0711 : 0700) == -1) {
        return cli_error("%s: %s", temp, strerror(errno));
    }

    if (cli_proxy_folder_put(folder, CLI_PROXY_CONF, "", &text) != CLI_OK
        || cli_proxy_folder_put(folder, px->policy_name, "", &px->policy)
           != CLI_OK
        || cli_proxy_folder_put(folder, px->policy_name, ".minisig",
                                &px->signature)
           != CLI_OK
        || cli_proxy_folder_put(folder, CLI_PROXY_MINISIGN, "",
                                &px->policy_key)
           != CLI_OK
        || cli_proxy_folder_put(folder, CLI_PROXY_API_KEY, "", &px->api_key)
           != CLI_OK)
    {
        return CLI_UNDECIDED;
    }

    return cli_proxy_folder_put(folder, CLI_PROXY_SALT, "", &px->salt);
}


static int
cli_proxy_folder_put(const cli_proxy_folder_t *folder, const char *name,
    const char *tail, const attest_bytes_t *b)
{
    int   rc;
    char  path[CLI_MAX_PATH];

    if (b->n == 0) {
        return CLI_OK;
    }

    rc = cli_path(path, "%s/%s%s", folder->path, name, tail);

    return rc == CLI_OK ? cli_write(path, b->p, b->n) : rc;
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
        cli_proxy_folder_keeper(folder->path, fd[0]);
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
cli_proxy_folder_keeper(const char *path, int fd)
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

    cli_proxy_folder_erase(path);
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


void
cli_proxy_folder_remove(cli_proxy_folder_t *folder)
{
    (void) close(folder->pipe);

    while (waitpid(folder->keeper, NULL, 0) == -1 && errno == EINTR) {
        /* void */
    }

    /* it may have been killed, too */

    cli_proxy_folder_erase(folder->path);
}


static void
cli_proxy_folder_erase(const char *path)
{
    (void) nftw(path, cli_proxy_folder_entry, 16, FTW_DEPTH|FTW_PHYS);
}


static int
cli_proxy_folder_entry(const char *path, const struct stat *st, int flag,
    struct FTW *ftw)
{
    (void) st;
    (void) flag;
    (void) ftw;
    (void) remove(path);

    return 0;
}
