/* dataset.h - for the makers and readers of data sets. */
#ifndef RG_DATASET_H
#define RG_DATASET_H

#include "nn/data.h"
#include "engine/op.h"

#pragma GCC visibility push(hidden)

/* An input without values; poisoned after an error. */
rg_tensor *rg_dataset_tensor(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape, const char *name);
/* The last call of a maker or reader: keeps x, or d.x and d.y, as long as the tape. If one of them is poisoned or NULL, releases everything
   that was made since the mark, and returns poison. */
rg_tensor *rg_tensor_keep(rg_tape *t, int64_t mark, rg_tensor *x);
rg_dataset rg_dataset_keep(rg_tape *t, int64_t mark, rg_dataset d); /* y may be NULL where x is not */
/* Copies of n names that live as long as the tape; NULL after an error. */
const char *const *rg_names_own(const char *at, rg_tape *t, int64_t n, char *const *names);

extern const char *const rg_digit_names[10], *const rg_fashion_names[10], *const rg_cifar10_names[10];
extern const char *const rg_cifar100_names[100], *const rg_cifar20_names[20];

#pragma GCC visibility pop
#endif
