/* write.c - a file written under a temporary name in the same folder, and renamed when all of it is on the disk.

   The temporary is PATH.PID-K.tmp and is locked (flock) as long as its writer lives. One that can be locked belongs to a process that
   was killed, and the next save to PATH removes it. */
#include "write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct rg_writer {
    const rg_reader *r;
    const char *path;
    int fd;
    bool failed, replaces;     /* replaces: there is an old file */
    struct stat old;           /* of it */
    uint64_t position;
    rg_path target, temporary; /* the file that path leads to; the file that is written */
};

static int fail(rg_writer *w, const char *what) {
    w->failed = true;
    return rg_file_fail(w->r, w->path, "%s: %s", what, strerror(errno));
}

/* -------- temporaries */

/* Is the open file still the one with that name? */
static bool still_named(int fd, const char *name) {
    struct stat a, b;
    return fstat(fd, &a) == 0 && lstat(name, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* NAME.DIGITS-DIGITS.tmp */
static bool is_temporary(const char *entry, const char *name) {
    static const char digits[] = "0123456789";
    const size_t n = strlen(name);
    if (strncmp(entry, name, n) || entry[n] != '.') return false;
    entry += n + 1;
    const size_t pid = strspn(entry, digits);
    if (!pid || entry[pid] != '-') return false;
    entry += pid + 1;
    const size_t k = strspn(entry, digits);
    return k && !strcmp(entry + k, ".tmp");
}

/* Writes the folder of a path, with its slash, or "./"; returns the name, the rest of the path. */
static const char *split(const rg_path *path, rg_path *folder) {
    const char *slash = strrchr(path->text, '/'), *name = slash ? slash + 1 : path->text;
    const size_t n = (size_t)(name - path->text);
    memcpy(folder->text, n ? path->text : "./", n ? n : 2);
    folder->text[n ? n : 2] = 0;
    return name;
}

/* Removes the temporaries of killed processes. A file that cannot be opened or locked stays. */
static void sweep(const rg_path *target) {
    rg_path folder, path;
    const char *name = split(target, &folder);
    DIR *d = opendir(folder.text);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!is_temporary(e->d_name, name) ||
            (size_t)snprintf(path.text, sizeof path.text, "%s%s", folder.text, e->d_name) >= sizeof path.text) continue;
        const int fd = open(path.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0) continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && still_named(fd, path.text)) unlink(path.text);
        close(fd);
    }
    if (d) closedir(d);
}

/* Each process and nanosecond has another name. Between open and flock another save may take the file for a stale one, and lock or remove
   it: then this tries again. On a file system without locks no file is taken for stale. */
static int create(rg_writer *w) {
    enum { ATTEMPTS = 100, PART = PATH_MAX - 64 };
    struct timespec now = {0};
    if (strlen(w->target.text) > PART) return errno = ENAMETOOLONG, fail(w, "cannot be written");
    int k = 0;
    for (; k < ATTEMPTS; k++) {
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(w->temporary.text, sizeof w->temporary.text, "%.*s.%ld-%ld.tmp", (int)PART, w->target.text, (long)getpid(),
            (long)now.tv_nsec);
        w->fd = open(w->temporary.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, w->replaces ? 0600 : 0666);
        if (w->fd < 0 && errno == EEXIST) continue;
        if (w->fd < 0) break;
        if (flock(w->fd, LOCK_EX | LOCK_NB) ? errno != EWOULDBLOCK : still_named(w->fd, w->temporary.text)) return 0;
        close(w->fd);
    }
    if (k < ATTEMPTS) return fail(w, "cannot be written");
    return rg_file_fail(w->r, w->path, "cannot be written: other processes took or removed each of %d temporary files", ATTEMPTS);
}

/* -------- opening */

static int find_target(rg_writer *w) {
    struct stat s;
    w->replaces = stat(w->path, &w->old) == 0;
    if (!w->replaces && errno != ENOENT) return fail(w, "cannot be written");
    if (!w->replaces && lstat(w->path, &s) == 0) return rg_file_fail(w->r, w->path, "is a link to a file that does not exist");
    if (w->replaces && !S_ISREG(w->old.st_mode))
        return rg_file_fail(w->r, w->path, "is %s, not a file", S_ISDIR(w->old.st_mode) ? "a directory" : "a device or a pipe");
    if (w->replaces) return realpath(w->path, w->target.text) ? 0 : fail(w, "cannot be written");
    snprintf(w->target.text, sizeof w->target.text, "%s", w->path); /* create() refuses a path that was cut */
    return 0;
}

rg_writer *rg_writer_open(const rg_reader *r, const char *path) {
    if (!path) return rg_fail(r->tape, RG_EVALUE, r->at, "%s: the path is NULL", r->name), NULL;
    rg_writer *w = rg_tape_alloc(r->at, r->tape, sizeof *w);
    if (!w) return NULL;
    w->r = r;
    w->path = path;
    w->failed = false;
    w->position = 0;
    if (find_target(w) == 0) {
        sweep(&w->target);
        if (create(w) == 0) return w;
    }
    rg_tape_dealloc(r->tape, w, sizeof *w);
    return NULL;
}

/* -------- writing */

/* Would a write up to `end` exceed RLIMIT_FSIZE? It would end the process with SIGXFSZ. */
static bool over_limit(uint64_t end) {
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && end > limit.rlim_cur;
}

void rg_writer_put(rg_writer *w, const void *from, uint64_t n) {
    enum { PART = 1 << 30 };
    for (const char *at = from; n > 0 && !w->failed;) {
        const size_t part = n < PART ? (size_t)n : PART;
        ssize_t put = -1;
        errno = EFBIG;
        if (!over_limit(w->position + part)) put = pwrite(w->fd, at, part, (off_t)w->position);
        if (put == 0) errno = ENOSPC;
        if (put > 0) at += put, n -= (uint64_t)put, w->position += (uint64_t)put;
        else if (put == 0 || errno != EINTR) fail(w, "cannot be written");
    }
}

uint64_t rg_writer_position(const rg_writer *w) { return w->position; }

/* -------- closing */

/* Gives the new file the owner, group and mode of the old one. If the group cannot be set, the group gets no rights. */
static int copy_owner_and_mode(const rg_writer *w) {
    const struct stat *old = &w->old;
    struct stat now;
    if (!w->replaces) return 0;
    if (fstat(w->fd, &now)) return -1;
    const bool same = now.st_uid == old->st_uid && now.st_gid == old->st_gid;
    const bool group = same || fchown(w->fd, old->st_uid, old->st_gid) == 0 || fchown(w->fd, (uid_t)-1, old->st_gid) == 0;
    return fchmod(w->fd, old->st_mode & (group ? 07777 : 07707));
}

/* Flushes the folder, so that the new name survives a loss of power. A file system that cannot do this is no error. */
static void sync_folder(rg_writer *w) {
    rg_path folder;
    split(&w->target, &folder);
    const int fd = open(folder.text, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0) return;
    if (fsync(fd) && errno == EIO) fail(w, "the new file is in its place, but a loss of power may undo this: its folder cannot be flushed");
    close(fd);
}

int rg_writer_close(rg_writer *w) {
    if (!w) return -1;
    rg_tape *t = w->r->tape;
    if (!w->failed && copy_owner_and_mode(w)) fail(w, "cannot be given the mode of the old file");
    if (!w->failed && fsync(w->fd)) fail(w, "cannot be written");
    const bool renamed = !w->failed && rename(w->temporary.text, w->target.text) == 0;
    if (!w->failed && !renamed) fail(w, "cannot be put in place");
    if (renamed) sync_folder(w);
    else unlink(w->temporary.text);
    close(w->fd); /* last, for the lock; after fsync it has nothing to report */
    const int status = w->failed ? -1 : 0;
    rg_tape_dealloc(t, w, sizeof *w);
    return status;
}
