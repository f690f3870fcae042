/* files.h - the files that the programs leave behind: their folders, their place, and what is said where they cannot be written. */
#ifndef RETROGRAD_SUPPORT_FILES_H
#define RETROGRAD_SUPPORT_FILES_H

#include <stdio.h>

/* Makes the folder `path` and those above it, as mkdir -p does; one that is there already is no error.
 * Returns 0, or -1 after one line on stderr that names the folder and the reason. */
int files_make_directory(const char *path);

/* The same for the folder that the file `path` will lie in. */
int files_make_parent(const char *path);

/* Replaces the file `path` by what write(of, out) writes; write returns 0, or -1 and sets errno. Until all of it is written, a reader sees
 * the old file or none. Makes the folders above it and follows a link; a device or a pipe is refused, as --save refuses it.
 * Returns 0, or -1 after one line on stderr. */
int files_replace(const char *path, int (*write)(void *of, FILE *out), void *of);

/* One line on stderr: "xor: cannot write h.csv: Is a directory", the reason being errno's. Returns -1. */
int files_fail(const char *what, const char *path);

/* fflush(stdout): 0, or 1 after one line on stderr where not all of what was printed could be written: an exit status. */
int files_end_output(void);

#endif
