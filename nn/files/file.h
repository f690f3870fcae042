/* file.h - for the readers in nn/: a file that is read from its start to its end, and unpacked if it is gzip. */
#ifndef RG_FILE_H
#define RG_FILE_H

#include <limits.h>

#include "engine/op.h"

#pragma GCC visibility push(hidden)

typedef struct rg_file rg_file;
typedef struct rg_path { char text[PATH_MAX]; } rg_path;

typedef struct rg_reader { /* who reads a file: for errors and memory */
    const char *at;
    rg_tape *tape;
    const char *name; /* "rg_read_mnist" */
    const char *hint; /* how to get a good file; NULL where that is not known */
} rg_reader;

/* RG_EIO on the tape: "rg_read_mnist: PATH: what was found; HINT (main.c:41)". Returns -1. */
int rg_file_fail(const rg_reader *r, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Writes to path the first of n names that exists in dir, or else in dir/subdir. -1 with an error if none does. */
int rg_file_find(const rg_reader *r, const char *dir, const char *subdir, int n, const char *const *names, rg_path *path);
/* opens a regular file that is not empty, for reading; -1 after an error */
int rg_file_descriptor(const rg_reader *r, const char *path, uint64_t *size);
int rg_file_read(const rg_reader *r, const char *path, int fd, uint64_t offset, void *to, uint64_t n); /* n bytes of it, from offset on */
rg_file *rg_file_open(const rg_reader *r, const char *path); /* r and path must outlive it; NULL after an error */
/* A part of an open file, which stays open when the part is closed. It is plain or deflated, not gzip. */
rg_file *rg_file_open_part(const rg_reader *r, const char *path, int fd, uint64_t offset, uint64_t size, bool deflated);
void rg_file_close(rg_file *f);                              /* f may be NULL */
int rg_file_get(rg_file *f, void *to, uint64_t n);            /* the next n bytes; -1 with an error if there are fewer */
uint64_t rg_file_position(const rg_file *f);                  /* how many bytes rg_file_get has read */
uint32_t rg_file_crc32(const rg_file *f);                     /* of these, for a part */
void *rg_file_alloc(const rg_reader *r, const char *path, uint64_t n); /* memory for n bytes of a file; NULL after an error */
/* The number of bytes that follow, unpacked. A packed file is unpacked to count them, up to a few more than `most`. The position stays. */
int rg_file_left(rg_file *f, uint64_t most, uint64_t *left);

uint64_t rg_crc64(uint64_t crc, const void *from, uint64_t n); /* crc: 0, or that of the bytes before */
uint32_t rg_crc32(uint32_t crc, const void *from, uint64_t n);

#pragma GCC visibility pop
#endif
