/* npy.h - the .npy format, for plain files and for members of an archive. */
#ifndef RG_NPY_H
#define RG_NPY_H

#include "file.h"

#pragma GCC visibility push(hidden)

typedef struct rg_source { /* where bytes come from; both functions as rg_file_get and rg_file_left */
    const rg_reader *r;
    const char *path; /* for messages */
    void *from;
    int (*get)(void *from, void *to, uint64_t n);
    int (*left)(void *from, uint64_t most, uint64_t *left);
} rg_source;

enum { RG_NPY_HEADER = 256 };
size_t rg_npy_header(const rg_tensor *x, char to[RG_NPY_HEADER]);  /* everything before the values; returns its size */
rg_tensor *rg_npy_read(const rg_source *s, const char *name);      /* an input of the tape; poisoned after an error */

/* Files are in the machine's order of bytes. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a big-endian machine would have to turn the bytes of .npy and safetensors files");

#pragma GCC visibility pop
#endif
