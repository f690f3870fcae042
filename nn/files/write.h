/* write.h - a file written under a temporary name in the same folder, and renamed when all of it is on the disk. */
#ifndef RG_WRITE_H
#define RG_WRITE_H

#include "file.h"

#pragma GCC visibility push(hidden)

typedef struct rg_writer rg_writer;

/* path must outlive it; NULL after an error. A path to something that is not a regular file is refused; a link to a file is followed. */
rg_writer *rg_writer_open(const rg_reader *r, const char *path);
void rg_writer_put(rg_writer *w, const void *from, uint64_t n); /* the writer remembers a failure and writes nothing more */
uint64_t rg_writer_position(const rg_writer *w);                /* bytes put so far */
/* fsync, rename, fsync of the folder: then path is the new file, 0. After a failure -1, and path is the old file; only if the last of these
   steps failed, path is the new file, which a loss of power may undo. */
int rg_writer_close(rg_writer *w);

#pragma GCC visibility pop
#endif
