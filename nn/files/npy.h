/* npy.h - the .npy format, for plain files and for members of an archive. */
#ifndef RG_NPY_H
#define RG_NPY_H

#include "file.h"

#pragma GCC visibility push(hidden)

enum { RG_NPY_HEADER = 256 };
size_t rg_npy_header(const rg_tensor *x, char to[RG_NPY_HEADER]);  /* writes everything before the values; returns its size */
/* Reads an input of the tape; poison after an error. path: for messages */
rg_tensor *rg_npy_read(const rg_reader *r, const char *path, rg_file *f, const char *name);
/* Converts n i64 to i32 in place; -1 with an error if one does not fit. name: for messages, or NULL */
int rg_narrow(const rg_reader *r, const char *path, const char *name, void *values, int64_t n);

/* Files are in the machine's order of bytes. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "a big-endian machine would have to turn the bytes of .npy and safetensors files");

#pragma GCC visibility pop
#endif
