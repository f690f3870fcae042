/* dataset.c - how data sets stay with the tape, and the names of their classes. */
#include "dataset.h"

const char *const rg_digit_names[10] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
const char *const rg_fashion_names[10] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
const char *const rg_cifar10_names[10] = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

rg_tensor *rg_tensor_keep(rg_tape *t, int64_t mark, rg_tensor *x) {
    if (!rg_error_code(t)) return rg_retain(x);
    rg_rewind(t, mark);
    return rg_poison(t);
}

rg_dataset rg_dataset_keep(rg_tape *t, int64_t mark, rg_dataset d) {
    d.x = rg_tensor_keep(t, mark, d.x);
    d.y = rg_tensor_keep(t, mark, d.y);
    return d;
}
