/* idx.c - MNIST's IDX format, and the four files of MNIST and of sets with the same file names, such as Fashion-MNIST. */
#include "dataset.h"
#include "nn/files/file.h"

#include <string.h>

typedef struct idx_type {
    unsigned char code, size; /* in the file */
    rg_dtype dtype;           /* on the tape; never smaller */
} idx_type;

static const idx_type types[] = {{0x08, 1, RG_U8}, {0x09, 1, RG_I32}, {0x0b, 2, RG_I32}, {0x0c, 4, RG_I32}, {0x0d, 4, RG_F32},
    {0x0e, 8, RG_F64}};

typedef struct idx { /* an open file, whose header was read and agrees with its size */
    rg_file *file;
    idx_type type;
    int ndim;
    int64_t shape[RG_MAX_DIMS], numel;
} idx;

static uint32_t big_endian(const unsigned char *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static int read_header(const rg_reader *r, const char *path, idx *x) {
    unsigned char head[4], dims[4 * RG_MAX_DIMS];
    if (rg_file_get(x->file, head, sizeof head)) return -1;
    size_t k = 0;
    while (k < sizeof types / sizeof *types && types[k].code != head[2]) k++;
    if (head[0] || head[1] || k == sizeof types / sizeof *types)
        return rg_file_fail(r, path, "starts with %02x %02x %02x %02x, which is no IDX file: 00 00, type 08 09 0b 0c 0d or 0e, dimensions",
            head[0],
            head[1], head[2], head[3]);
    if (head[3] < 1 || head[3] > RG_MAX_DIMS)
        return rg_file_fail(r, path, "the header says %d dimensions, not 1 to %d", head[3], RG_MAX_DIMS);
    x->type = types[k];
    x->ndim = head[3];
    if (rg_file_get(x->file, dims, 4 * (size_t)x->ndim)) return -1;
    for (int d = 0; d < x->ndim; d++) x->shape[d] = big_endian(dims + 4 * d);
    return 0;
}

/* Exactly the number of bytes that the header says must follow it. */
static int check_size(const rg_reader *r, const char *path, idx *x) {
    size_t bytes;
    char shape[96] = "";
    for (int d = 0, n = 0; d < x->ndim; d++)
        n += snprintf(shape + n, sizeof shape - (size_t)n, d ? ",%lld" : "%lld", (long long)x->shape[d]);
    if (rg_size(x->type.dtype, x->ndim, x->shape, &x->numel, &bytes))
        return rg_file_fail(r, path, "the header says [%s], which is too large", shape);
    const uint64_t expected = (uint64_t)x->numel * x->type.size;
    uint64_t left;
    if (rg_file_left(x->file, expected, &left)) return -1;
    if (left == expected) return 0;
    return rg_file_fail(r, path, "the header says [%s], %llu bytes, but %s%llu follow", shape, (unsigned long long)expected,
        left > expected ? "at least " : "only ", (unsigned long long)left);
}

static int idx_open(const rg_reader *r, const char *path, idx *x) {
    *x = (idx){.file = rg_file_open(r, path)};
    return x->file ? read_header(r, path, x) || check_size(r, path, x) ? -1 : 0 : -1;
}

/* Converts big-endian values at the end of the array to values from its start on. Values in the file are not larger, so none is overwritten
   before it was read. */
static void decode(void *to, const unsigned char *from, idx_type type, int64_t n) {
    if (type.dtype == RG_U8) return;
    for (int64_t i = 0; i < n; i++, from += type.size) {
        uint64_t bits = 0;
        for (int k = 0; k < type.size; k++) bits = bits << 8 | from[k];
        if (type.code == 0x09) bits = (uint64_t)(int64_t)(int8_t)bits;
        if (type.code == 0x0b) bits = (uint64_t)(int64_t)(int16_t)bits;
        const uint32_t low = (uint32_t)bits;
        if (type.dtype == RG_F64) memcpy((char *)to + 8 * i, &bits, 8);
        else memcpy((char *)to + 4 * i, &low, 4);
    }
}

/* Reads the values as an input of the tape, in the dtype of the type. */
static rg_tensor *idx_read(const rg_reader *r, idx *x, const char *name) {
    rg_tensor *to = rg_dataset_tensor(r->at, r->tape, x->type.dtype, x->ndim, x->shape, name);
    if (rg_failed(to)) return to;
    unsigned char *values = (unsigned char *)to->data + (uint64_t)x->numel * (rg_dtype_size(x->type.dtype) - x->type.size);
    if (rg_file_get(x->file, values, (uint64_t)x->numel * x->type.size)) return rg_poison(r->tape);
    decode(to->data, values, x->type, x->numel);
    return to;
}

rg_tensor *rg_read_idx_at(const char *at, rg_tape *t, const char *path) {
    const rg_reader r = {at, t, "rg_read_idx", "HINT: check the path, or fetch the file again"};
    if (!path) return rg_refuse(t, RG_EVALUE, at, "rg_read_idx: the path is NULL");
    const char *slash = strrchr(path, '/');
    const int64_t mark = rg_mark(t);
    idx x;
    rg_tensor *to = idx_open(&r, path, &x) ? rg_poison(t) : idx_read(&r, &x, slash ? slash + 1 : path);
    rg_file_close(x.file);
    return rg_tensor_keep(t, mark, to);
}

/* -------- MNIST */

typedef struct mnist_files { rg_path images, labels; } mnist_files;

static int find(const rg_reader *r, const char *dir, bool train, mnist_files *f) {
    static const char *const images[2][4] = {{"t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz", "t10k-images.idx3-ubyte",
        "t10k-images.idx3-ubyte.gz"},
        {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-images.idx3-ubyte", "train-images.idx3-ubyte.gz"}};
    static const char *const labels[2][4] = {{"t10k-labels-idx1-ubyte", "t10k-labels-idx1-ubyte.gz", "t10k-labels.idx1-ubyte",
        "t10k-labels.idx1-ubyte.gz"},
        {"train-labels-idx1-ubyte", "train-labels-idx1-ubyte.gz", "train-labels.idx1-ubyte", "train-labels.idx1-ubyte.gz"}};
    if (rg_file_find(r, dir, "mnist", 4, images[train], &f->images)) return -1;
    return rg_file_find(r, dir, "mnist", 4, labels[train], &f->labels);
}

static int check_pair(const rg_reader *r, const mnist_files *f, const idx *images, const idx *labels) {
    if (images->type.code != 0x08 || images->ndim != 3)
        return rg_file_fail(r, f->images.text, "holds type %02x in %d dimensions, not images: 08 in 3", images->type.code, images->ndim);
    if (labels->type.code != 0x08 || labels->ndim != 1)
        return rg_file_fail(r, f->labels.text, "holds type %02x in %d dimensions, not labels: 08 in 1", labels->type.code, labels->ndim);
    if (images->shape[0] != labels->shape[0])
        return rg_file_fail(r, f->labels.text, "%lld labels for %lld images", (long long)labels->shape[0], (long long)images->shape[0]);
    return images->numel > 0 ? 0 : rg_file_fail(r, f->images.text, "holds no images");
}

static int check_labels(const rg_reader *r, const mnist_files *f, rg_tensor *y) {
    if (rg_failed(y)) return -1;
    const int32_t *label = y->data;
    for (int64_t i = 0; i < y->numel; i++)
        if (label[i] > 9) return rg_file_fail(r, f->labels.text, "label %lld is %d, not 0 to 9", (long long)i, label[i]);
    return 0;
}

/* Fashion-MNIST has MNIST's file names; its first labels tell them apart. */
static const char *const *names_for(const rg_tensor *y) {
    static const int32_t fashion[2][10] = {{9, 2, 1, 1, 6, 1, 4, 6, 5, 7}, {9, 0, 0, 3, 0, 2, 7, 2, 5, 5}};
    for (int i = 0; i < 2; i++)
        if (y->numel >= 10 && !memcmp(y->data, fashion[i], sizeof fashion[i])) return rg_fashion_names;
    return rg_digit_names;
}

/* Both headers are checked, and the labels read, before the memory for the images is allocated. */
static rg_dataset read_pair(const rg_reader *r, const mnist_files *f, idx *images, idx *labels) {
    rg_dataset d = {.classes = 10};
    if (idx_open(r, f->images.text, images) || idx_open(r, f->labels.text, labels) || check_pair(r, f, images, labels)) return d;
    labels->type.dtype = RG_I32;
    d.y = idx_read(r, labels, "labels");
    if (check_labels(r, f, d.y)) return d;
    d.class_names = names_for(d.y);
    d.x = idx_read(r, images, "images");
    return d;
}

rg_dataset rg_read_mnist_at(const char *at, rg_tape *t, const char *dir, bool train) {
    const rg_reader r = {at, t, "rg_read_mnist", "HINT: sh tools/get-data mnist (or fashion-mnist)"};
    const int64_t mark = rg_mark(t);
    idx images = {0}, labels = {0};
    mnist_files f;
    rg_dataset d = {.classes = 10};
    if (find(&r, dir, train, &f) == 0) d = read_pair(&r, &f, &images, &labels);
    rg_file_close(images.file);
    rg_file_close(labels.file);
    return rg_dataset_keep(t, mark, d);
}
