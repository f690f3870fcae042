/* file.h - a file read from its start to its end, unpacked on the way when it is gzip; for the readers in nn/. */
#ifndef RG_FILE_H
#define RG_FILE_H

#include <limits.h>

#include "engine/op.h"

#pragma GCC visibility push(hidden)

typedef struct rg_file rg_file;
typedef struct rg_path { char text[PATH_MAX]; } rg_path;

typedef struct rg_reader { /* on whose behalf a file is read */
    const char *at;
    rg_tape *tape;
    const char *name; /* "read_mnist" */
    const char *hint; /* how to get a good file; NULL where that is not known */
} rg_reader;

/* RG_EIO on the tape: "read_mnist: PATH: what was found; HINT (main.c:41)". Returns -1. */
int rg_file_fail(const rg_reader *r, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Writes into path the first of n names that is there, in dir or else in dir/subdir; or fails. */
int rg_file_find(const rg_reader *r, const char *dir, const char *subdir, int n, const char *const *names, rg_path *path);
/* of a regular file that is not empty, to be read; -1 after an error */
int rg_file_descriptor(const rg_reader *r, const char *path, uint64_t *size);
int rg_file_read(const rg_reader *r, const char *path, int fd, uint64_t place, void *to, uint64_t n); /* n bytes of it from `place` on */
rg_file *rg_file_open(const rg_reader *r, const char *path); /* r and path must outlive it; NULL after an error */
/* A part of an open file, which is not closed with it; it is not looked at for gzip. */
rg_file *rg_file_open_part(const rg_reader *r, const char *path, int fd, uint64_t place, uint64_t size, bool deflated);
void rg_file_close(rg_file *f);                              /* NULL is none */
int rg_file_get(rg_file *f, void *to, uint64_t n);            /* the next n bytes; a file that has fewer is an error */
uint64_t rg_file_position(const rg_file *f);                  /* how many bytes were got */
uint32_t rg_file_crc32(const rg_file *f);                     /* of these, in a part */
void *rg_file_room(const rg_reader *r, const char *path, uint64_t n); /* memory of the tape's for n bytes of a file; NULL after an error */
/* How many bytes follow, unpacked, counted without keeping them; it stops at `most` + 1. The position stays where it is. */
int rg_file_left(rg_file *f, uint64_t most, uint64_t *left);

uint64_t rg_crc64(uint64_t crc, const void *from, uint64_t n); /* crc: 0, or of what comes before */
uint32_t rg_crc32(uint32_t crc, const void *from, uint64_t n);

#pragma GCC visibility pop
#endif
