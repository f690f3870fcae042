/* files.c - folders for the files that the example programs leave behind. */
#define _DEFAULT_SOURCE 1 /* strndup */

#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int make_one(const char *path) {
    struct stat found;
    if (mkdir(path, 0777) == 0) return 0;
    int reason = errno;
    /* Looked at only now: another program may have made it in between, and a read-only parent may hold it already. */
    if (stat(path, &found) == 0) {
        if (S_ISDIR(found.st_mode)) return 0;
        reason = ENOTDIR;
    }
    fprintf(stderr, "cannot make folder %s: %s\n", path, strerror(reason));
    return -1;
}

static int make_upto(const char *path, size_t length) {
    char *name = strndup(path, length);
    if (!name) {
        fprintf(stderr, "cannot make folder %s: %s\n", path, strerror(ENOMEM));
        return -1;
    }
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
