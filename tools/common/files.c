/* files.c - folders for the files that the programs leave behind, and files put in their place whole. */
#define _GNU_SOURCE 1 /* program_invocation_short_name */

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int files_fail(const char *what, const char *path) {
    fprintf(stderr, "%s: cannot %s %s: %s\n", program_invocation_short_name, what, path, strerror(errno));
    return -1;
}

int files_end_output(void) { return fflush(stdout) || ferror(stdout) ? files_fail("write", "standard output"), 1 : 0; }

static int make_one(const char *path) {
    struct stat found;
    if (mkdir(path, 0777) == 0) return 0;
    /* Looked at only now: another program may have made it in between, and a read-only parent may hold it already. */
    const int reason = errno;
    const bool there = stat(path, &found) == 0;
    if (there && S_ISDIR(found.st_mode)) return 0;
    errno = there ? ENOTDIR : reason;
    return files_fail("make folder", path);
}

static int make_upto(const char *path, size_t length) {
    char *name = strndup(path, length);
    if (!name) return files_fail("make folder", path);
    int status = 0;
    for (size_t i = 1; i <= length && status == 0; i++) {
        if (name[i] != '/' && name[i] != '\0') continue;
        char kept = name[i];
        name[i] = '\0';
        if (name[i - 1] != '/') status = make_one(name);
        name[i] = kept;
    }
    free(name);
    return status;
}

int files_make_directory(const char *path) { return make_upto(path, strlen(path)); }

int files_make_parent(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash > path ? make_upto(path, (size_t)(slash - path)) : 0;
}

/* Where `path` leads. */
static int find_target(const char *path, char target[PATH_MAX]) {
    struct stat found;
    if (stat(path, &found) == 0) {
        errno = S_ISDIR(found.st_mode) ? EISDIR : 0;
        if (errno) return files_fail("write", path);
        if (!S_ISREG(found.st_mode))
            return fprintf(stderr, "%s: cannot write %s: it is a device or a pipe, not a file\n", program_invocation_short_name, path), -1;
        if (realpath(path, target)) return 0;
    }
    errno = ENAMETOOLONG;
    return snprintf(target, PATH_MAX, "%s", path) < PATH_MAX ? 0 : files_fail("write", path);
}

/* A name that no file has, in the folder of the target. */
static FILE *create(const char *target, char part[PATH_MAX + 32]) {
    int fd = -1;
    errno = EEXIST;
    for (int k = 0; k < 100 && fd < 0 && errno == EEXIST; k++) {
        snprintf(part, PATH_MAX + 32, "%s.%ld-%d.tmp", target, (long)getpid(), k);
        fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    FILE *out = fd < 0 ? NULL : fdopen(fd, "wb");
    if (fd >= 0 && !out) close(fd), unlink(part);
    return out;
}

int files_replace(const char *path, int (*write)(void *of, FILE *out), void *of) {
    char target[PATH_MAX], part[PATH_MAX + 32];
    if (files_make_parent(path) || find_target(path, target)) return -1;
    FILE *out = create(target, part);
    if (!out) return files_fail("write", path);
    const bool broken = write(of, out) || fflush(out) || ferror(out);
    const int reason = errno;
    const bool failed = fclose(out) || broken || rename(part, target);
    if (!failed) return 0;
    if (broken) errno = reason;
    files_fail("write", path);
    unlink(part);
    return -1;
}
