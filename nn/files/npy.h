/* npy.h - the .npy format, for plain files and for members of an archive. */
#ifndef RG_NPY_H
#define RG_NPY_H

#include "file.h"

#pragma GCC visibility push(hidden)

enum { RG_NPY_HEADER = 256 };
size_t rg_npy_header(const rg_tensor *x, char to[RG_NPY_HEADER]);  /* everything before the values; returns its size */
/* path: for messages. An input of the tape; poisoned after an error. */
rg_tensor *rg_npy_read(const rg_reader *r, const char *path, rg_file *f, const char *name);
/* n i64 become i32, in their place. name: for messages, or NULL. -1 with an error where one does not fit */
int rg_narrow(const rg_reader *r, const char *path, const char *name, void *values, int64_t n);

/* Files are in the machine's order of bytes. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "a big-endian machine would have to turn the bytes of .npy and safetensors files");

#pragma GCC visibility pop
#endif
