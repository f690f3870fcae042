/* captured.h - for tests of what the example programs share: a folder for their files, and what they print. */
#ifndef RG_TESTS_CAPTURED_H
#define RG_TESTS_CAPTURED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/retrograd-XXXXXX";
static char said[8192]; /* what capture_end found */
static int kept_fd, captured_fd;

static inline int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* A path in the folder; four at a time. */
static inline const char *in_folder(const char *name) {
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void capture(int fd) {
    fflush(NULL);
    captured_fd = fd;
    kept_fd = dup(fd);
    int file = open(in_folder("captured"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, fd);
    close(file);
}

static inline const char *capture_end(void) {
    fflush(NULL);
    dup2(kept_fd, captured_fd);
    close(kept_fd);
    FILE *file = fopen(in_folder("captured"), "rb");
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return said;
}

static inline bool is_there(const char *path) {
    struct stat found;
    return stat(path, &found) == 0;
}

static inline void write_small_file(const char *path) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("a file", file);
    fclose(file);
}
#endif
