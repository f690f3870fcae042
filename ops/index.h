/* index.h - for operators with an operand of indices. */
#ifndef RG_INDEX_H
#define RG_INDEX_H

#include "engine/op.h"

/* Are all elements of index (i32, in y->in) in 0 .. n-1? If not, rejects y: "labels[1,2] = 7 is outside 0..3", then the hint. what: how to
   call an index that has no name. Returns 0 or -1. */
int rg_index_check(rg_tensor *y, const rg_tensor *index, const char *what, int n, const char *hint);
/* Rejects y unless index has the shape of x without its last axis; *n gets the size of that axis. Returns 0 or -1. */
int rg_index_fits(rg_tensor *y, const rg_tensor *x, const rg_tensor *index, const char *what, int *n);
/* For losses: are labels i32, of x's shape without its last axis, the classes? 0, or -1 with an error that begins with `who`. */
int rg_labels_check(const char *at, const char *who, const rg_tensor *x, const rg_tensor *labels);
/* Is mask u8 or of x's dtype, and of the labels' shape? 0, or -1 with an error that begins with `who`. */
int rg_mask_check(const char *at, const char *who, const rg_tensor *x, const rg_tensor *labels, const rg_tensor *mask);
/* the hint for a label that is no class */
#define RG_NOT_MASKED "; rows that shall not count are 0 in .mask"
/* The branch hash of a result that is itself indices: of argmax, argsort ... */
uint64_t rg_index_branch(const rg_tensor *y);

#endif
