/* write.h - a file written under another name beside its own, and given its own when all of it is on the disk. */
#ifndef RG_WRITE_H
#define RG_WRITE_H

#include "file.h"

#pragma GCC visibility push(hidden)

typedef struct rg_writer rg_writer;

/* path must outlive it; NULL after an error. What is there and is no regular file is refused; a link to one is followed. */
rg_writer *rg_writer_open(const rg_reader *r, const char *path);
void rg_writer_put(rg_writer *w, const void *from, uint64_t n); /* a failure stands on the tape, and nothing more is written */
/* fsync, rename, fsync of the folder: path is the new file. After an error, of any kind, on the tape: -1, and path is what it was. */
int rg_writer_close(rg_writer *w);

#pragma GCC visibility pop
#endif
