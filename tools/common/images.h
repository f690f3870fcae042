/* images.h - the images that an example trains on: where they lie, and what they are called. */
#ifndef RETROGRAD_SUPPORT_IMAGES_H
#define RETROGRAD_SUPPORT_IMAGES_H

#include <retrograd.h>

#define IMAGES_HELP \
    "folder of MNIST or Fashion-MNIST, or the word digits, or digits:N for N of them; default: the first that exists of " \
    "$RETROGRAD_DATA/mnist, ~/.cache/retrograd/mnist and Debian's package, then digits"

/* `asked` if it is not NULL; else the first folder with the training images among $RETROGRAD_DATA/mnist, ~/.cache/retrograd/mnist and
   Debian's Fashion-MNIST, written to `to`; else the word "digits". */
const char *images_find(const char *asked, char *to, size_t size);

/* Reads MNIST or Fashion-MNIST from a folder, or draws digits for the word "digits", so many, or N for "digits:N". Returns what they are
   called, "MNIST"; an error is on the tape. */
const char *images_read(rg_tape *t, const char *from, int64_t drawn_train, int64_t drawn_test, rg_dataset *train, rg_dataset *test);

/* Both, and one line that says what was read and from where. NULL after an error. */
const char *images_open(rg_tape *t, const char *asked, int64_t drawn_train, int64_t drawn_test, rg_dataset *train, rg_dataset *test);

#endif
