/* write.c - a file written under another name beside its own, and given its own when all of it is on the disk. */
#include "write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rg_writer {
    const rg_reader *r;
    const char *path;
    int fd;
    off_t position;
    rg_path target, temporary; /* where path leads; what is written until then */
};

/* A name of its own for each process and attempt: two that save to one path do not write into one file. */
static int create(rg_writer *w) {
    enum { ATTEMPTS = 100, PART = PATH_MAX - 32 };
    for (int k = 0; k < ATTEMPTS; k++) {
        const int n = snprintf(w->temporary.text, sizeof w->temporary.text, "%.*s.%ld-%d.tmp", (int)PART, w->target.text, (long)getpid(), k);
        if (n < 0 || strlen(w->target.text) > PART) return rg_file_fail(w->r, w->path, "the path is too long");
        w->fd = open(w->temporary.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd >= 0) return 0;
        if (errno != EEXIST) break;
    }
    return rg_file_fail(w->r, w->path, "cannot be written: %s", strerror(errno));
}

static int find_target(rg_writer *w) {
    struct stat s;
    if (stat(w->path, &s) == 0) {
        if (!S_ISREG(s.st_mode)) return rg_file_fail(w->r, w->path, "is %s, not a file", S_ISDIR(s.st_mode) ? "a directory" : "a device or a pipe");
        if (realpath(w->path, w->target.text)) return 0;
    }
    const int n = snprintf(w->target.text, sizeof w->target.text, "%s", w->path);
    return n >= 0 && (size_t)n < sizeof w->target.text ? 0 : rg_file_fail(w->r, w->path, "the path is too long");
}

rg_writer *rg_writer_open(const rg_reader *r, const char *path) {
    if (!path) return rg_fail(r->tape, RG_EVALUE, r->at, "%s: the path is NULL", r->name), NULL;
    rg_writer *w = rg_tape_alloc(r->at, r->tape, sizeof *w);
    if (!w) return NULL;
    w->r = r;
    w->path = path;
    w->position = 0;
    if (find_target(w) == 0 && create(w) == 0) return w;
    rg_tape_dealloc(r->tape, w, sizeof *w);
    return NULL;
}

void rg_writer_put(rg_writer *w, const void *from, uint64_t n) {
    if (!w || rg_error_code(w->r->tape)) return;
    for (ssize_t put; n > 0; from = (const char *)from + put, n -= (uint64_t)put) {
        enum { PART = 1 << 30 };
        do put = pwrite(w->fd, from, n < PART ? (size_t)n : PART, w->position); /* which a terminal or a pipe would refuse */
        while (put < 0 && errno == EINTR);
        if (put < 0) {
            rg_file_fail(w->r, w->path, "cannot be written: %s", strerror(errno));
            return;
        }
        w->position += put;
    }
}

/* Or the new name might not survive a loss of power. Some file systems cannot do this; the file is in its place all the same. */
static void sync_folder(const rg_writer *w) {
    rg_path folder = w->target;
    char *slash = strrchr(folder.text, '/');
    if (slash) slash[slash == folder.text] = 0;
    const int fd = open(slash ? folder.text : ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0) return;
    if (fsync(fd) && errno == EIO) rg_file_fail(w->r, w->path, "its folder cannot be written: %s", strerror(errno));
    close(fd);
}

int rg_writer_close(rg_writer *w) {
    if (!w) return -1;
    rg_tape *t = w->r->tape;
    if (!rg_error_code(t) && fsync(w->fd)) rg_file_fail(w->r, w->path, "cannot be written: %s", strerror(errno));
    if (close(w->fd) && !rg_error_code(t)) rg_file_fail(w->r, w->path, "cannot be written: %s", strerror(errno));
    if (!rg_error_code(t) && rename(w->temporary.text, w->target.text)) rg_file_fail(w->r, w->path, "cannot be put in place: %s", strerror(errno));
    if (rg_error_code(t)) unlink(w->temporary.text);
    else sync_folder(w);
    rg_tape_dealloc(t, w, sizeof *w);
    return rg_error_code(t) ? -1 : 0;
}
