/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nginx as a child of "ngx-attest proxy": with nothing of our environment but
 * PATH and what the locale is made of, in a group of processes of its own,
 * and never longer than we live.
 */


#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli_proxy_folder.h"
#include "cli/cli_proxy_listen.h"
#include "cli/cli_proxy_log.h"
#include "cli/cli_proxy_run.h"


#define CLI_PROXY_ENV     16
#define CLI_PROXY_LINE    4096
#define CLI_PROXY_START   15000              /* ms until it has to listen */
#define CLI_PROXY_END     8000               /* ms from a signal to its end */


typedef struct {
    const cli_proxy_t    *px;
    cli_proxy_folder_t    folder;
    pid_t                 pid;
    int                   fd;                /* what it says */
    char                  line[CLI_PROXY_LINE];
    size_t                len;
    bool                  skip;              /* the rest of a long line */
    int                   asked;             /* a connection to it, or -1 */
    char                  answer[16];        /* how its answer begins */
    size_t                answered;
    bool                  ready;             /* it has verified the gateway,
                                                or could not */
    sigset_t              signals;           /* as they were before */
} cli_proxy_run_t;


static int64_t cli_proxy_now(void);
static void cli_proxy_signal(int signo);
static void cli_proxy_signals(cli_proxy_run_t *run);
static int cli_proxy_start(cli_proxy_run_t *run);
static pid_t cli_proxy_spawn(const char *const argv[], int out, bool group,
    const sigset_t *signals);
static void cli_proxy_child(const char *const argv[], int out, bool group,
    pid_t parent) __attribute__((noreturn));
static void cli_proxy_environment(char *env[CLI_PROXY_ENV]);
static int cli_proxy_loop(cli_proxy_run_t *run);
static int cli_proxy_wait(cli_proxy_run_t *run);
static void cli_proxy_ask(cli_proxy_run_t *run);
static void cli_proxy_answer(cli_proxy_run_t *run);
static void cli_proxy_read(cli_proxy_run_t *run);
static void cli_proxy_lines(cli_proxy_run_t *run);
static void cli_proxy_line(cli_proxy_run_t *run, const char *p, size_t n);
static void cli_proxy_stop(cli_proxy_run_t *run);
static bool cli_proxy_gone(pid_t pid, int64_t limit);
static int cli_proxy_reap(pid_t pid);
static int cli_proxy_ended(const cli_proxy_run_t *run, int status);


/* The one thing that a handler may do; read with signals blocked. */

static volatile sig_atomic_t  cli_proxy_caught;


int
cli_proxy_run(const cli_proxy_t *px, const char *conf)
{
    int              rc, left;
    cli_proxy_run_t  run;

    memset(&run, 0, sizeof(run));
    run.px = px;
    run.asked = -1;

    cli_proxy_signals(&run);

    rc = cli_proxy_folder_make(&run.folder, px, conf);
    if (rc != CLI_OK) {
        return rc;
    }

    rc = cli_proxy_start(&run);

    if (rc == CLI_OK) {
        rc = cli_proxy_loop(&run);
    }

    left = cli_proxy_folder_remove(&run.folder);

    return rc == CLI_OK ? left : rc;
}


/* ms, of a clock that nobody sets */

static int64_t
cli_proxy_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
cli_proxy_signal(int signo)
{
    if (signo != SIGCHLD) {
        cli_proxy_caught = signo;
    }
}


/*
 * They come only while we wait: no file is left half written.  nohup is told
 * by a SIGHUP that is ignored.
 */

static void
cli_proxy_signals(cli_proxy_run_t *run)
{
    size_t            i;
    sigset_t          set;
    struct sigaction  sa, old;

    static const int  ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD };

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = cli_proxy_signal;
    (void) sigemptyset(&sa.sa_mask);
    (void) sigemptyset(&set);

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {

        if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN
            && ends[i] == SIGHUP)
        {
            continue;
        }

        (void) sigaction(ends[i], &sa, NULL);
        (void) sigaddset(&set, ends[i]);
    }

    (void) sigprocmask(SIG_BLOCK, &set, &run->signals);
}


static int
cli_proxy_start(cli_proxy_run_t *run)
{
    int    fd[2];
    char   prefix[CLI_MAX_PATH + 1], conf[CLI_MAX_PATH];

    const char *const  argv[] = { run->px->nginx, "-p", prefix, "-c", conf,
                                  "-e", "stderr", NULL };

    (void) snprintf(prefix, sizeof(prefix), "%s/", run->folder.path);

    if (cli_path(conf, "%s/" CLI_PROXY_CONF, run->folder.path) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    if (pipe2(fd, O_CLOEXEC) == -1) {
        return cli_error("pipe: %s", strerror(errno));
    }

    run->pid = cli_proxy_spawn(argv, fd[1], true, &run->signals);
    (void) close(fd[1]);
    run->fd = fd[0];

    if (run->pid == -1) {
        (void) close(fd[0]);
        return cli_error("fork: %s", strerror(errno));
    }

    (void) fcntl(run->fd, F_SETFL, O_NONBLOCK);
    cli_proxy_folder_group(&run->folder, run->pid);

    return CLI_OK;
}


static pid_t
cli_proxy_spawn(const char *const argv[], int out, bool group,
    const sigset_t *signals)
{
    pid_t  pid, parent = getpid();

    pid = fork();

    if (pid == 0) {
        (void) sigprocmask(SIG_SETMASK, signals, NULL);
        cli_proxy_child(argv, out, group, parent);
    }

    if (pid > 0 && group) {

        /* whoever of both comes first */

        (void) setpgid(pid, pid);
    }

    return pid;
}


/*
 * A group of its own, so that Ctrl-C reaches us alone and everything that it
 * has started can be ended with it.
 */

static void
cli_proxy_child(const char *const argv[], int out, bool group, pid_t parent)
{
    int    null;
    char  *env[CLI_PROXY_ENV];

    (void) prctl(PR_SET_PDEATHSIG, SIGTERM);

    if (getppid() != parent) {
        _exit(127);
    }

    if (group) {
        (void) setpgid(0, 0);
    }

    (void) signal(SIGPIPE, SIG_DFL);
    (void) signal(SIGINT, SIG_DFL);
    (void) signal(SIGTERM, SIG_DFL);
    (void) signal(SIGHUP, SIG_DFL);
    (void) signal(SIGQUIT, SIG_DFL);
    (void) umask(077);

    null = open("/dev/null", O_RDONLY);

    if (null == -1 || dup2(null, 0) == -1 || dup2(out, 1) == -1
        || dup2(out, 2) == -1)
    {
        _exit(127);
    }

    cli_proxy_environment(env);
    (void) execve(argv[0], (char *const *) (uintptr_t) argv, env);
    cli_fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
    (void) fflush(stderr);
    _exit(127);
}


static void
cli_proxy_environment(char *env[CLI_PROXY_ENV])
{
    size_t  i, n = 0;

    extern char  **environ;

    static const char *const  kept[] = {
        "PATH=", "LANG=", "LANGUAGE=", "LC_ALL=", "LC_CTYPE=", "LC_MESSAGES=",
        "LC_TIME=", "LC_NUMERIC=", "LC_COLLATE=", NULL
    };

    for ( /* void */ ; *environ != NULL; environ++) {

        for (i = 0; kept[i] != NULL; i++) {
            if (strncmp(*environ, kept[i], strlen(kept[i])) == 0
                && n < CLI_PROXY_ENV - 1)
            {
                env[n++] = *environ;
                break;
            }
        }
    }

    env[n] = NULL;
}


static int
cli_proxy_loop(cli_proxy_run_t *run)
{
    int      rc, status;
    int64_t  limit = cli_proxy_now() + CLI_PROXY_START;

    for ( ;; ) {
        rc = cli_proxy_wait(run);

        if (rc != CLI_OK || cli_proxy_caught != 0) {
            break;
        }

        if (!run->ready && run->asked == -1 && cli_proxy_now() > limit) {
            rc = cli_error("nginx does not listen on %s", run->px->listen);
            break;
        }
    }

    if (run->asked != -1) {
        (void) close(run->asked);
    }

    cli_proxy_stop(run);
    cli_proxy_read(run);
    (void) close(run->fd);

    status = cli_proxy_reap(run->pid);
    cli_proxy_folder_group(&run->folder, 0);

    if (run->ready) {
        cli_proxy_listen_clean(run->px);
    }

    if (cli_proxy_caught != 0) {
        cli_printf("Stopped.\n");
        return CLI_OK;
    }

    return rc == CLI_UNDECIDED ? rc : cli_proxy_ended(run, status);
}


/* CLI_OK: go on; CLI_FAILED: it has ended. */

static int
cli_proxy_wait(cli_proxy_run_t *run)
{
    struct pollfd    p[2] = { { run->fd, POLLIN, 0 },
                              { run->asked, POLLIN, 0 } };
    struct timespec  often = { 0, 50000000 };

    if (ppoll(p, 2, run->ready ? NULL : &often, &run->signals) > 0) {
        cli_proxy_read(run);
    }

    if (cli_proxy_gone(run->pid, 0)) {
        return CLI_FAILED;
    }

    if (!run->ready) {
        cli_proxy_ask(run);
    }

    return CLI_OK;
}


/*
 * It says nothing when it begins to listen; and it verifies a gateway when
 * there is something to be sent.
 */

static void
cli_proxy_ask(cli_proxy_run_t *run)
{
    if (run->asked == -1) {
        run->asked = cli_proxy_listen_ask(run->px);

    } else {
        cli_proxy_answer(run);
    }
}


static void
cli_proxy_answer(cli_proxy_run_t *run)
{
    char     rest[1024];
    ssize_t  n;

    n = run->answered < sizeof(run->answer)
        ? read(run->asked, run->answer + run->answered,
               sizeof(run->answer) - run->answered)
        : read(run->asked, rest, sizeof(rest));

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n > 0) {
        run->answered += run->answered < sizeof(run->answer) ? (size_t) n : 0;
        return;
    }

    (void) close(run->asked);
    run->asked = -1;
    run->ready = true;

    cli_proxy_read(run);
    cli_proxy_log_ready(run->px, run->answered == sizeof(run->answer)
                                 && memcmp(run->answer, "HTTP/1.1 200", 12)
                                    == 0);
    (void) fflush(stdout);
}


static void
cli_proxy_read(cli_proxy_run_t *run)
{
    ssize_t  n;

    for ( ;; ) {
        n = read(run->fd, run->line + run->len,
                 sizeof(run->line) - run->len);

        if (n <= 0) {
            break;
        }

        run->len += (size_t) n;
        cli_proxy_lines(run);
    }

    (void) fflush(stdout);
}


/* Whole lines; of one that is too long, its beginning. */

static void
cli_proxy_lines(cli_proxy_run_t *run)
{
    char    *end, *p = run->line;
    size_t   n, left = run->len;

    while ((end = memchr(p, '\n', left)) != NULL) {
        n = (size_t) (end - p);

        cli_proxy_line(run, p, n);
        run->skip = false;
        p += n + 1;
        left -= n + 1;
    }

    if (left == sizeof(run->line)) {
        cli_proxy_line(run, p, left);
        run->skip = true;
        left = 0;
    }

    memmove(run->line, p, left);
    run->len = left;
}


static void
cli_proxy_line(cli_proxy_run_t *run, const char *p, size_t n)
{
    if (!run->skip) {
        cli_proxy_log(run->px, p, n, run->ready);
    }
}


/* Its number stays its own, and its group's, until it is reaped. */

static void
cli_proxy_stop(cli_proxy_run_t *run)
{
    (void) kill(run->pid, SIGTERM);
    (void) cli_proxy_gone(run->pid, CLI_PROXY_END);

    /* also workers that have lost their master */

    (void) kill(-run->pid, SIGKILL);
    (void) cli_proxy_gone(run->pid, CLI_PROXY_END);
}


/* Waits for its end, ms at most, and leaves it there. */

static bool
cli_proxy_gone(pid_t pid, int64_t limit)
{
    int64_t          end = cli_proxy_now() + limit;
    siginfo_t        info;
    struct timespec  pause = { 0, 10000000 };

    for ( ;; ) {
        info.si_pid = 0;

        if (waitid(P_PID, (id_t) pid, &info, WEXITED|WNOHANG|WNOWAIT) == 0
            && info.si_pid == pid)
        {
            return true;
        }

        if (cli_proxy_now() >= end) {
            return false;
        }

        (void) nanosleep(&pause, NULL);
    }
}


static int
cli_proxy_reap(pid_t pid)
{
    int  status = 0;

    while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
        /* void */
    }

    return status;
}


static int
cli_proxy_ended(const cli_proxy_run_t *run, int status)
{
    if (WIFSIGNALED(status)) {
        return cli_error("nginx was ended by signal %d", WTERMSIG(status));
    }

    return run->ready ? cli_error("nginx has ended")
                      : cli_error("nginx could not be started");
}


int
cli_proxy_run_said(const char *const argv[], char *said, size_t size)
{
    int       fd[2];
    pid_t     pid;
    size_t    len = 0;
    ssize_t   n;
    sigset_t  none;

    (void) sigemptyset(&none);

    if (pipe2(fd, O_CLOEXEC) == -1) {
        return -1;
    }

    pid = cli_proxy_spawn(argv, fd[1], false, &none);
    (void) close(fd[1]);

    while (pid > 0 && len < size - 1) {
        n = read(fd[0], said + len, size - 1 - len);

        if (n == 0 || (n < 0 && errno != EINTR)) {
            break;
        }

        len += n > 0 ? (size_t) n : 0;
    }

    said[len] = '\0';
    (void) close(fd[0]);

    return pid > 0 ? cli_proxy_reap(pid) : -1;
}
