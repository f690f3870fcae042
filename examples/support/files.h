/* files.h - folders for the files that the example programs leave behind. */
#ifndef RETROGRAD_SUPPORT_FILES_H
#define RETROGRAD_SUPPORT_FILES_H

/* Makes the folder `path` and those above it, as mkdir -p does; one that is there already is no error.
 * Returns 0, or -1 after one line on stderr that names the folder and the reason. */
int files_make_directory(const char *path);

/* The same for the folder that the file `path` will lie in. */
int files_make_parent(const char *path);

#endif
