/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A file system that behaves as Linux' configfs-tsm does, for tests: FUSE, so
 * that a provider uses the same system calls as in production.
 *
 *   fake_tsm --control=FILE [--log=FILE] [--roots=FILE] MOUNTPOINT
 *
 * Reports are signed below test roots that are new each time, and written to
 * the file of --roots, for a policy's simulated_roots.
 *
 * The mount point is what /sys/kernel/config/tsm/report is elsewhere.  Modelled
 * on drivers/virt/coco/tsm.c and fs/configfs/file.c: a report is made by the
 * first read; a write to a binary attribute is committed by close(), which
 * drops its error; "generation" counts commits; all are root's (here: its own
 * user's), and an attribute keeps the owner that it is given.
 *
 * The control file is read at each request; its lines are:
 *
 *   provider NAME     sev_guest (default), tdx_guest, another; "none": gone
 *   fail WHAT ERRNO N WHAT (a file, or "mkdir") fails N times (-1: always)
 *   lost N            N commits of inblob are dropped
 *   foreign write N   somebody commits right behind us, N times
 *   foreign read N    somebody commits after outblob was read, N times
 *   delay MS          making a report takes this long
 *   report KIND       "wrong": over something else, "flip": not what was
 *                     signed, "debug": a guest in debug mode, "v5": a quote
 *                     of version 5, "dice": an unknown one, "garbage",
 *                     "short", "empty"
 *   vmpl N            level in the report, instead of the one asked for
 *   floor N           privlevel_floor
 *   pad N             outblob gets this long
 *   aux N             auxblob has N bytes, 0: none; default: as it is made
 *   manifest N        manifestblob has N bytes, default 32
 *
 * Counters start again when the text of the file changes.
 */


#define FUSE_USE_VERSION  31

#include <fuse.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fake_reports.h"


#define MAX_DIRS    256
#define MAX_FAILS   8


typedef enum {
    A_GENERATION = 0, A_PROVIDER, A_INBLOB, A_OUTBLOB, A_AUXBLOB,
    A_MANIFESTBLOB, A_PRIVLEVEL, A_PRIVLEVEL_FLOOR, A_SERVICE_PROVIDER,
    A_SERVICE_GUID, A_SERVICE_MANIFEST_VERSION, ATTRS
} attr_e;

static const struct {
    const char  *name;
    mode_t       mode;
} attrs[ATTRS] = {
    { "generation", 0444 }, { "provider", 0444 }, { "inblob", 0200 },
    { "outblob", 0444 }, { "auxblob", 0444 }, { "manifestblob", 0444 },
    { "privlevel", 0200 }, { "privlevel_floor", 0444 },
    { "service_provider", 0200 }, { "service_guid", 0200 },
    { "service_manifest_version", 0200 }
};


typedef struct dir_s  dir_t;

struct dir_s {
    char           name[64];
    dir_t         *next;             /* of all there ever were */
    uid_t          uid[ATTRS];
    gid_t          gid[ATTRS];
    unsigned long  written;          /* write_generation */
    unsigned long  read;             /* read_generation */
    uint8_t        inblob[64];
    size_t         inblob_len;
    int            privlevel;
    int            svsm;
    uint8_t       *out, *aux, *man;
    size_t         out_len, aux_len, man_len;
};

typedef struct {
    dir_t         *dir;
    attr_e         attr;
    int            writing;
    int            filled;
    uint8_t       *buf;
    size_t         len;
} handle_t;


static struct {
    char           provider[32];
    struct {
        char       what[32];
        int        err;
        int        count;
    }              fail[MAX_FAILS];
    int            fails;
    int            lost;
    int            foreign_write;
    int            foreign_read;
    int            delay;
    int            vmpl;
    int            floor;
    char           report[16];
    long           pad;
    long           aux;
    long           manifest;
} ctl;

static struct {
    char  *control;
    char  *log;
    char  *roots;
} options;

static char             control_text[4096];
static dir_t           *dirs[MAX_DIRS];
static dir_t           *all_dirs;

/* tree: which directories there are; tsm: the kernel's tsm_rwsem. */
static pthread_mutex_t  tree = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t  tsm = PTHREAD_MUTEX_INITIALIZER;


__attribute__((format(printf, 1, 2)))
static void
say(const char *fmt, ...)
{
    FILE     *f;
    va_list   args;

    f = (options.log != NULL) ? fopen(options.log, "ae") : NULL;
    if (f == NULL) {
        return;
    }

    va_start(args, fmt);
    vfprintf(f, fmt, args);
    va_end(args);
    fputc('\n', f);
    fclose(f);
}


static int
error_number(const char *name)
{
    size_t  i;

    static const struct {
        const char  *name;
        int          err;
    } errors[] = {
        { "EBUSY", EBUSY }, { "EINTR", EINTR }, { "EIO", EIO },
        { "EWOULDBLOCK", EWOULDBLOCK }, { "ENXIO", ENXIO },
        { "ENOTTY", ENOTTY }, { "EFBIG", EFBIG }, { "EINVAL", EINVAL },
        { "EACCES", EACCES }, { "ETXTBSY", ETXTBSY }, { "ENOENT", ENOENT },
        { "ENOMEM", ENOMEM }
    };

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (strcmp(errors[i].name, name) == 0) {
            return errors[i].err;
        }
    }

    say("bad error name %s", name);
    return EPROTO;
}


static void
control_line(const char *line)
{
    int   n;
    char  what[32], name[32];

    if (sscanf(line, "fail %31s %31s %d", what, name, &n) == 3) {
        if (ctl.fails < MAX_FAILS) {
            snprintf(ctl.fail[ctl.fails].what, 32, "%s", what);
            ctl.fail[ctl.fails].err = error_number(name);
            ctl.fail[ctl.fails++].count = n;
        }

    } else if (sscanf(line, "provider %31s", ctl.provider) != 1
               && sscanf(line, "lost %d", &ctl.lost) != 1
               && sscanf(line, "foreign write %d", &ctl.foreign_write) != 1
               && sscanf(line, "foreign read %d", &ctl.foreign_read) != 1
               && sscanf(line, "delay %d", &ctl.delay) != 1
               && sscanf(line, "report %15s", ctl.report) != 1
               && sscanf(line, "vmpl %d", &ctl.vmpl) != 1
               && sscanf(line, "floor %d", &ctl.floor) != 1
               && sscanf(line, "pad %ld", &ctl.pad) != 1
               && sscanf(line, "aux %ld", &ctl.aux) != 1
               && sscanf(line, "manifest %ld", &ctl.manifest) != 1
               && line[0] != '\0')
    {
        say("bad control line: %s", line);
    }
}


static void
control(void)
{
    char    text[sizeof(control_text)], *line, *next;
    FILE   *f;
    size_t  n;

    f = fopen(options.control, "re");
    n = (f != NULL) ? fread(text, 1, sizeof(text) - 1, f) : 0;
    text[n] = '\0';

    if (f != NULL) {
        fclose(f);
    }

    if (ctl.provider[0] != '\0' && strcmp(text, control_text) == 0) {
        return;
    }

    memset(&ctl, 0, sizeof(ctl));
    strcpy(ctl.provider, "sev_guest");
    ctl.vmpl = -1;
    ctl.aux = -1;
    ctl.manifest = 32;
    strcpy(control_text, text);

    for (line = text; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        control_line(line);
    }
}


/* The injected error of this file or action; 0: none. */

static int
injected(const char *what)
{
    int  i;

    for (i = 0; i < ctl.fails; i++) {
        if (strcmp(ctl.fail[i].what, what) == 0 && ctl.fail[i].count != 0) {
            ctl.fail[i].count -= (ctl.fail[i].count > 0);
            say("fail %s", what);
            return ctl.fail[i].err;
        }
    }

    return 0;
}


static dir_t *
find_dir(const char *name, size_t n, int *slot)
{
    int     i;
    dir_t  *dir = NULL;

    pthread_mutex_lock(&tree);
    for (i = 0; i < MAX_DIRS; i++) {
        if (dirs[i] != NULL && strlen(dirs[i]->name) == n
            && memcmp(dirs[i]->name, name, n) == 0)
        {
            dir = dirs[i];
            *slot = i;
            break;
        }
    }
    pthread_mutex_unlock(&tree);

    return dir;
}


/* "/", "/DIR" or "/DIR/ATTR"; -ENOENT or 0. */

static int
resolve(const char *path, dir_t **dir, int *attr)
{
    int          slot;
    const char  *slash;

    *dir = NULL;
    *attr = -1;

    if (strcmp(path, "/") == 0) {
        return 0;
    }

    slash = strchr(path + 1, '/');
    *dir = find_dir(path + 1, slash ? (size_t) (slash - path - 1)
                                    : strlen(path + 1), &slot);
    if (*dir == NULL) {
        return -ENOENT;
    }

    for (*attr = 0; slash != NULL && *attr < ATTRS; (*attr)++) {
        if (strcmp(attrs[*attr].name, slash + 1) == 0) {
            return 0;
        }
    }

    if (slash != NULL) {
        return -ENOENT;
    }

    *attr = -1;
    return 0;
}


static int
fs_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
    int     rc, attr;
    dir_t  *dir;

    (void) fi;

    rc = resolve(path, &dir, &attr);
    if (rc != 0) {
        return rc;
    }

    memset(st, 0, sizeof(*st));

    if (attr == -1) {
        st->st_mode = S_IFDIR | 0755;
        st->st_nlink = 2;
        st->st_uid = geteuid();
        st->st_gid = getegid();
        return 0;
    }

    st->st_mode = S_IFREG | attrs[attr].mode;
    st->st_nlink = 1;
    st->st_uid = dir->uid[attr];
    st->st_gid = dir->gid[attr];
    return 0;
}


static int
fs_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
    int     rc, attr;
    dir_t  *dir;

    (void) fi;

    rc = resolve(path, &dir, &attr);
    if (rc != 0) {
        return rc;
    }

    if (attr == -1) {
        return -EPERM;
    }

    dir->uid[attr] = uid;
    dir->gid[attr] = gid;
    say("chown %s %u", attrs[attr].name, (unsigned) uid);
    return 0;
}


static int
fs_readdir(const char *path, void *buf, fuse_fill_dir_t filler, off_t off,
    struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
    int     i, rc, attr;
    dir_t  *dir;

    (void) off;
    (void) fi;
    (void) flags;

    rc = resolve(path, &dir, &attr);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; dir != NULL && i < ATTRS; i++) {
        filler(buf, attrs[i].name, NULL, 0, 0);
    }

    pthread_mutex_lock(&tree);
    for (i = 0; dir == NULL && i < MAX_DIRS; i++) {
        if (dirs[i] != NULL) {
            filler(buf, dirs[i]->name, NULL, 0, 0);
        }
    }
    pthread_mutex_unlock(&tree);

    return 0;
}


static int
fs_mkdir(const char *path, mode_t mode)
{
    int     i, err;
    dir_t  *dir;

    (void) mode;

    if (strchr(path + 1, '/') != NULL) {
        return -EPERM;
    }

    pthread_mutex_lock(&tsm);
    control();
    err = injected("mkdir");
    if (err == 0 && strcmp(ctl.provider, "none") == 0) {
        err = ENXIO;
    }
    pthread_mutex_unlock(&tsm);

    dir = calloc(1, sizeof(dir_t));
    if (err != 0 || dir == NULL || strlen(path + 1) >= sizeof(dir->name)) {
        free(dir);
        return err != 0 ? -err : -ENOMEM;
    }

    strcpy(dir->name, path + 1);
    dir->privlevel = -1;

    for (i = 0; i < ATTRS; i++) {
        dir->uid[i] = geteuid();
        dir->gid[i] = getegid();
    }

    pthread_mutex_lock(&tree);
    for (i = 0; i < MAX_DIRS && dirs[i] != NULL; i++) { /* void */ }
    if (i < MAX_DIRS) {
        dirs[i] = dir;
    }
    dir->next = all_dirs;
    all_dirs = dir;
    pthread_mutex_unlock(&tree);

    say("mkdir %s", dir->name);
    return i < MAX_DIRS ? 0 : -ENOSPC;
}


/* Open files keep a removed item, as in the kernel: it is never freed. */

static int
fs_rmdir(const char *path)
{
    int     slot;
    dir_t  *dir;

    dir = find_dir(path + 1, strlen(path + 1), &slot);
    if (dir == NULL) {
        return -ENOENT;
    }

    pthread_mutex_lock(&tree);
    dirs[slot] = NULL;
    pthread_mutex_unlock(&tree);

    say("rmdir %s", path + 1);
    return 0;
}


static int
fs_open(const char *path, struct fuse_file_info *fi)
{
    int        rc, attr;
    dir_t     *dir;
    handle_t  *h;

    rc = resolve(path, &dir, &attr);
    if (rc != 0) {
        return rc;
    }

    h = calloc(1, sizeof(handle_t));
    if (attr == -1 || h == NULL) {
        free(h);
        return -EISDIR;
    }

    h->dir = dir;
    h->attr = (attr_e) attr;
    h->writing = (fi->flags & O_ACCMODE) != O_RDONLY;

    /* the kernel asks the attribute, not the caller's privileges */
    if (!(attrs[attr].mode & (h->writing ? 0200 : 0444))) {
        free(h);
        return -EACCES;
    }

    fi->fh = (uint64_t) (uintptr_t) h;
    fi->direct_io = 1;
    fi->nonseekable = 1;
    return 0;
}


/* try_advance_write_generation() */

static int
advance(dir_t *dir)
{
    if (dir->written == dir->read - 1) {
        return -EBUSY;
    }

    dir->written++;
    return 0;
}


static int
make_report(dir_t *dir)
{
    fake_request_t   req;
    struct timespec  ts;

    free(dir->out);
    free(dir->aux);
    free(dir->man);
    dir->out = dir->aux = dir->man = NULL;

    if (dir->privlevel >= 0
        && (dir->privlevel < ctl.floor || dir->privlevel > 3))
    {
        return -EINVAL;
    }

    if (strcmp(ctl.provider, "sev_guest") == 0 && dir->inblob_len != 64) {
        return -EINVAL;
    }

    if (ctl.delay != 0) {
        ts.tv_sec = ctl.delay / 1000;
        ts.tv_nsec = ctl.delay % 1000 * 1000000L;
        nanosleep(&ts, NULL);
    }

    memset(&req, 0, sizeof(req));
    req.provider = ctl.provider;
    req.kind = ctl.report;
    memcpy(req.inblob, dir->inblob, sizeof(req.inblob));
    req.svsm = dir->svsm;
    req.vmpl = ctl.vmpl >= 0 ? ctl.vmpl
                             : dir->privlevel >= 0 ? dir->privlevel : 0;
    req.pad = ctl.pad;
    req.aux = ctl.aux;
    req.manifest = ctl.manifest;

    fake_report(&req);

    dir->out = req.out;
    dir->out_len = req.out_len;
    dir->aux = req.aux_blob;
    dir->aux_len = req.aux_len;
    dir->man = req.man_blob;
    dir->man_len = req.man_len;
    dir->read = dir->written;

    say("report %s", ctl.provider);
    return 0;
}


/* tsm_report_read() */

static int
read_blob(dir_t *dir, handle_t *h)
{
    int       rc;
    size_t    len;
    uint8_t  *p;

    if (strcmp(ctl.provider, "none") == 0) {
        return -ENXIO;
    }

    if (dir->inblob_len == 0) {
        return -EINVAL;
    }

    if (dir->out == NULL || dir->read != dir->written) {
        rc = make_report(dir);
        if (rc != 0) {
            return rc;
        }
    }

    p = h->attr == A_OUTBLOB ? dir->out
        : h->attr == A_AUXBLOB ? dir->aux : dir->man;
    len = h->attr == A_OUTBLOB ? dir->out_len
          : h->attr == A_AUXBLOB ? dir->aux_len : dir->man_len;

    h->buf = malloc(len + 1);
    h->len = len;
    if (len != 0) {
        memcpy(h->buf, p, len);
    }

    if (h->attr == A_OUTBLOB && ctl.foreign_read != 0) {
        ctl.foreign_read -= (ctl.foreign_read > 0);
        advance(dir);
    }

    return 0;
}


static int
read_text(dir_t *dir, handle_t *h)
{
    h->buf = malloc(64);

    switch (h->attr) {

    case A_GENERATION:
        h->len = (size_t) sprintf((char *) h->buf, "%lu\n", dir->written);
        return 0;

    case A_PRIVLEVEL_FLOOR:
        h->len = (size_t) sprintf((char *) h->buf, "%d\n", ctl.floor);
        return 0;

    default:
        h->len = (size_t) sprintf((char *) h->buf, "%s\n", ctl.provider);
        return strcmp(ctl.provider, "none") == 0 ? -ENXIO : 0;
    }
}


static int
fs_read(const char *path, char *buf, size_t size, off_t off,
    struct fuse_file_info *fi)
{
    int        rc = 0;
    size_t     n;
    handle_t  *h = (handle_t *) (uintptr_t) fi->fh;

    (void) path;

    if (!h->filled) {
        pthread_mutex_lock(&tsm);
        control();
        rc = -injected(attrs[h->attr].name);

        if (rc == 0) {
            rc = (h->attr == A_OUTBLOB || h->attr == A_AUXBLOB
                  || h->attr == A_MANIFESTBLOB)
                 ? read_blob(h->dir, h) : read_text(h->dir, h);
            h->filled = (rc == 0);
        }
        pthread_mutex_unlock(&tsm);
    }

    if (rc != 0 || (size_t) off >= h->len) {
        return rc;
    }

    n = h->len - (size_t) off;
    n = n < size ? n : size;
    memcpy(buf, h->buf + off, n);
    return (int) n;
}


/* Text attributes act at once, and say what is wrong. */

static int
write_text(handle_t *h, const char *buf, size_t size)
{
    int     rc;
    char    text[64];
    dir_t  *dir = h->dir;

    if (size >= sizeof(text)) {
        return -EINVAL;
    }

    memcpy(text, buf, size);
    text[size] = '\0';

    if (h->attr == A_PRIVLEVEL
        && (atoi(text) < ctl.floor || atoi(text) > 3))
    {
        return -EINVAL;
    }

    if (h->attr == A_SERVICE_PROVIDER && strncmp(text, "svsm", 4) != 0) {
        return -EINVAL;
    }

    rc = advance(dir);
    if (rc != 0) {
        return rc;
    }

    if (h->attr == A_PRIVLEVEL) {
        dir->privlevel = atoi(text);

    } else if (h->attr == A_SERVICE_PROVIDER) {
        dir->svsm = 1;
    }

    say("%s %s", attrs[h->attr].name, text);
    return (int) size;
}


static int
fs_write(const char *path, const char *buf, size_t size, off_t off,
    struct fuse_file_info *fi)
{
    int        rc;
    handle_t  *h = (handle_t *) (uintptr_t) fi->fh;

    (void) path;

    pthread_mutex_lock(&tsm);
    control();
    rc = -injected(attrs[h->attr].name);

    if (rc != 0) {
        /* void */

    } else if (h->attr != A_INBLOB) {
        rc = write_text(h, buf, size);

    } else if ((size_t) off + size > sizeof(h->dir->inblob)) {
        rc = -EFBIG;

    } else {
        h->buf = realloc(h->buf, (size_t) off + size + 1);
        memcpy(h->buf + off, buf, size);
        h->len = (size_t) off + size;
        h->filled = 1;
        rc = (int) size;
    }

    pthread_mutex_unlock(&tsm);
    return rc;
}


/* close(): what the kernel makes of an error here is nothing. */

static int
fs_flush(const char *path, struct fuse_file_info *fi)
{
    handle_t  *h = (handle_t *) (uintptr_t) fi->fh;

    (void) path;

    if (h->attr != A_INBLOB || !h->filled) {
        return 0;
    }

    h->filled = 0;

    pthread_mutex_lock(&tsm);
    control();

    if (ctl.lost != 0) {
        ctl.lost -= (ctl.lost > 0);
        say("lost");

    } else if (advance(h->dir) == 0) {
        memcpy(h->dir->inblob, h->buf, h->len);
        h->dir->inblob_len = h->len;
        say("inblob %zu", h->len);
    }

    if (ctl.foreign_write != 0) {
        ctl.foreign_write -= (ctl.foreign_write > 0);
        advance(h->dir);
        memset(h->dir->inblob, 0xee, sizeof(h->dir->inblob));
    }

    pthread_mutex_unlock(&tsm);
    return 0;
}


static int
fs_release(const char *path, struct fuse_file_info *fi)
{
    handle_t  *h = (handle_t *) (uintptr_t) fi->fh;

    (void) path;

    free(h->buf);
    free(h);
    return 0;
}


static int
fs_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
    (void) path;
    (void) size;
    (void) fi;
    return 0;
}


static void *
fs_init(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
    (void) conn;

    cfg->entry_timeout = 0;
    cfg->attr_timeout = 0;
    cfg->negative_timeout = 0;
    cfg->direct_io = 1;
    return NULL;
}


static const struct fuse_operations  operations = {
    .init = fs_init,
    .getattr = fs_getattr,
    .chown = fs_chown,
    .readdir = fs_readdir,
    .mkdir = fs_mkdir,
    .rmdir = fs_rmdir,
    .open = fs_open,
    .read = fs_read,
    .write = fs_write,
    .flush = fs_flush,
    .release = fs_release,
    .truncate = fs_truncate
};

static const struct fuse_opt  option_list[] = {
    { "--control=%s", offsetof(__typeof__(options), control), 0 },
    { "--log=%s", offsetof(__typeof__(options), log), 0 },
    { "--roots=%s", offsetof(__typeof__(options), roots), 0 },
    FUSE_OPT_END
};


int
main(int argc, char **argv)
{
    int               rc;
    struct fuse_args  args = FUSE_ARGS_INIT(argc, argv);

    if (fuse_opt_parse(&args, &options, option_list, NULL) == -1
        || options.control == NULL)
    {
        fprintf(stderr, "usage: fake_tsm --control=FILE [--log=FILE] "
                "[--roots=FILE] MOUNTPOINT\n");
        return 1;
    }

    if (!fake_init(options.roots)) {
        fprintf(stderr, "fake_tsm: cannot make keys and roots\n");
        return 1;
    }

    fuse_opt_add_arg(&args, "-f");
    fuse_opt_add_arg(&args, geteuid() == 0
                     ? "-oallow_other,default_permissions"
                     : "-odefault_permissions");

    rc = fuse_main(args.argc, args.argv, &operations, NULL);
    fuse_opt_free_args(&args);
    fake_free();

    /* how libfuse says that a signal ended it */
    return rc == 8 ? 0 : rc;
}
