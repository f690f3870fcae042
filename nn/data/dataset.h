/* dataset.h - what the makers and readers of data sets share, and no other file needs. */
#ifndef RG_DATASET_H
#define RG_DATASET_H

#include "nn/data.h"
#include "engine/op.h"

#pragma GCC visibility push(hidden)

/* An input without values; poisoned after an error. */
rg_tensor *rg_dataset_tensor(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape, const char *name);
/* The last thing a maker does: what is sound stays with the tape. When x, or d.x or d.y, is poisoned or NULL, all that was made since
   the mark goes, and poison is what the caller gets. */
rg_tensor *rg_tensor_keep(rg_tape *t, int64_t mark, rg_tensor *x);
rg_dataset rg_dataset_keep(rg_tape *t, int64_t mark, rg_dataset d); /* y may be NULL where x is not */
/* Copies of n names that live as long as the tape; NULL after an error. */
const char *const *rg_names_own(const char *at, rg_tape *t, int64_t n, char *const *names);

extern const char *const rg_digit_names[10], *const rg_fashion_names[10], *const rg_cifar10_names[10];
extern const char *const rg_cifar100_names[100], *const rg_cifar20_names[20];

#pragma GCC visibility pop
#endif
