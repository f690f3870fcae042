/* dataset.c - data sets: kept on the tape, names of classes, splits. */
#include "dataset.h"

#include <math.h>
#include <string.h>

const char *const rg_digit_names[10] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
const char *const rg_fashion_names[10] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot"};
const char *const rg_cifar10_names[10] = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
const char *const rg_cifar100_names[100] = {
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy", "bridge", "bus",
    "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch",
    "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house",
    "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle",
    "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark",
    "shrew", "skunk", "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
    "woman", "worm"};
const char *const rg_cifar20_names[20] = {
    "aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables", "household_electrical_devices",
    "household_furniture", "insects", "large_carnivores", "large_man-made_outdoor_things", "large_natural_outdoor_scenes",
    "large_omnivores_and_herbivores", "medium_mammals", "non-insect_invertebrates", "people", "reptiles", "small_mammals", "trees",
    "vehicles_1", "vehicles_2"};

rg_tensor *rg_dataset_tensor(const char *at, rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape, const char *name) {
    rg_tensor *x = rg_set_name(rg_empty_at(at, t, dtype, ndim, shape), name);
    return rg_failed(x) || x->name || !name ? x : rg_poison(t); /* there was no memory for the name */
}

rg_tensor *rg_tensor_keep(rg_tape *t, int64_t mark, rg_tensor *x) {
    if (!rg_failed(x)) return rg_retain(x);
    rg_rewind(t, mark);
    return rg_poison(t);
}

rg_dataset rg_dataset_keep(rg_tape *t, int64_t mark, rg_dataset d) {
    const bool failed = rg_failed(d.x) || (d.y && rg_failed(d.y));
    d.x = rg_tensor_keep(t, mark, failed ? NULL : d.x);
    if (d.y || failed) d.y = rg_tensor_keep(t, mark, failed ? NULL : d.y);
    return d;
}

const char *const *rg_names_own(const char *at, rg_tape *t, int64_t n, char *const *names) {
    size_t size = (size_t)n * sizeof *names;
    for (int64_t i = 0; i < n; i++) size += strlen(names[i]) + 1;
    char **copy = rg_tape_own(at, t, size), *to = copy ? (char *)(copy + n) : NULL;
    for (int64_t i = 0; copy && i < n; i++) {
        copy[i] = strcpy(to, names[i]);
        to += strlen(to) + 1;
    }
    return (const char *const *)copy;
}

/* -------- splits */

/* The rows order[0] .. order[n - 1] of x; NULL for NULL. */
static rg_tensor *take(const char *at, const rg_tensor *x, int64_t n, const int64_t *order) {
    int64_t shape[RG_MAX_DIMS];
    if (!x) return NULL;
    memcpy(shape, x->shape, sizeof shape);
    shape[0] = n;
    rg_tensor *to = rg_dataset_tensor(at, x->tape, x->dtype, x->ndim, shape, x->name);
    if (rg_failed(to)) return to;
    const size_t row = (size_t)(x->numel / x->shape[0]) * rg_dtype_size(x->dtype);
    for (int64_t i = 0; i < n && row; i++) memcpy((char *)to->data + (size_t)i * row, (const char *)x->data + (size_t)order[i] * row, row);
    return to;
}

/* The number of a's rows: `part`, or if it is below 1 that share of all, where a gets the row that rounding leaves over, as in PyTorch. 0
   after an error. */
static int64_t part_of(const char *at, rg_tape *t, const rg_dataset *d, double part) {
    if (rg_error_code(t)) return 0;
    if (rg_failed(d->x) || (d->y && rg_failed(d->y)) || d->x->tape != t || (d->y && d->y->tape != t))
        return rg_fail(t, RG_ESTATE, at, "rg_dataset_split: x or y is poisoned, NULL, or of another tape"), 0;
    const int64_t n = d->x->ndim ? d->x->shape[0] : 0;
    if (d->y && (d->y->ndim < 1 || d->y->shape[0] != n))
        return rg_fail(t, RG_ESHAPE, at, "rg_dataset_split: x has %lld rows, y has %lld", (long long)n,
            (long long)(d->y->ndim ? d->y->shape[0] : 0)), 0;
    const double all = (double)n, share = floor(part * all), rest = floor((1 - part) * all);
    const double rows = part < 1 ? share + (share + rest < all) : part;
    if (!(rows >= 1 && rows < all) || rows != floor(rows))
        return rg_fail(t, RG_EVALUE, at, "rg_dataset_split: part %g of %lld rows: each part must have a whole number of rows, at least 1",
        part, (long long)n), 0;
    return (int64_t)rows;
}

int rg_dataset_split_at(const char *at, rg_tape *t, rg_dataset d, double part, rg_dataset *a, rg_dataset *b, rg_split_options options) {
    rg_dataset parts[2] = {d, d};
    const int64_t mark = rg_mark(t), k = part_of(at, t, &d, part), n = k ? d.x->shape[0] : 0;
    int64_t *order = k ? rg_tape_alloc(at, t, (size_t)n * sizeof *order) : NULL;
    const rg_rng before = order ? *rg_tape_rng(t) : (rg_rng){0};
    for (int64_t i = 0; order && i < n; i++) order[i] = i;
    if (order && !options.in_order) rg_rng_permutation(rg_tape_rng(t), n, order);
    bool failed = !order;
    for (int i = 0; i < 2; i++) {
        parts[i].x = failed ? NULL : take(at, d.x, i ? n - k : k, order + i * k);
        parts[i].y = failed ? NULL : take(at, d.y, i ? n - k : k, order + i * k);
        failed = failed || rg_failed(parts[i].x) || (d.y && rg_failed(parts[i].y));
    }
    if (failed && order) *rg_tape_rng(t) = before;
    if (order) rg_tape_dealloc(t, order, (size_t)n * sizeof *order);
    for (int i = 0; i < 2; i++) {
        if (failed) parts[i].x = NULL;
        parts[i] = rg_dataset_keep(t, mark, parts[i]);
        if (i ? b : a) *(i ? b : a) = parts[i];
    }
    return failed ? -1 : 0;
}
