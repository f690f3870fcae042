/* dataset.c - how data sets stay with the tape, and the names of their classes. */
#include "dataset.h"

const char *const rg_digit_names[10] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
const char *const rg_fashion_names[10] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
const char *const rg_cifar10_names[10] = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

rg_tensor *rg_dataset_tensor(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape, const char *name) {
    rg_tensor *x = rg_set_name(rg_empty_at(at, t, dtype, ndim, shape), name);
    return rg_failed(x) || x->name ? x : rg_poison(t); /* there was no memory for the name */
}

rg_tensor *rg_tensor_keep(rg_tape *t, int64_t mark, rg_tensor *x) {
    if (!rg_failed(x)) return rg_retain(x);
    rg_rewind(t, mark);
    return rg_poison(t);
}

rg_dataset rg_dataset_keep(rg_tape *t, int64_t mark, rg_dataset d) {
    const bool failed = rg_failed(d.x) || rg_failed(d.y);
    d.x = rg_tensor_keep(t, mark, failed ? NULL : d.x);
    d.y = rg_tensor_keep(t, mark, failed ? NULL : d.y);
    return d;
}
