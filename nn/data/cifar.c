/* cifar.c - the binary files of CIFAR-10 and CIFAR-100: records of one or two labels and 32 x 32 red, then green, then blue bytes. */
#include "dataset.h"
#include "nn/files/file.h"

enum { IMAGE = 3 * 32 * 32, MOST_FILES = 5 };

typedef struct cifar { /* one of the two sets, and what is read of it */
    const char *folder;
    int labels, label;     /* in a record; the one that becomes y */
    int classes;
    int64_t most;          /* records in a file of the published set */
    int files;
    const char *const *names;
} cifar;

typedef struct batch {
    rg_path path;
    rg_file *file;
    int64_t records;
} batch;

static int batch_open(const rg_reader *r, const cifar *set, const char *dir, const char *name, batch *b) {
    const uint64_t record = (uint64_t)set->labels + IMAGE, most = (uint64_t)set->most * record;
    uint64_t bytes;
    b->file = NULL;
    if (rg_file_find(r, dir, set->folder, 1, &name, &b->path)) return -1;
    b->file = rg_file_open(r, b->path.text);
    if (!b->file || rg_file_left(b->file, most, &bytes)) return -1;
    if (bytes > most) return rg_file_fail(r, b->path.text, "holds more than %lld records", (long long)set->most);
    if (bytes == 0 || bytes % record)
        return rg_file_fail(r, b->path.text, "%llu bytes are not whole records of %d", (unsigned long long)bytes, (int)record);
    b->records = (int64_t)(bytes / record);
    return 0;
}

/* x [records, 3, 32, 32], y [records] */
static int batch_read(const rg_reader *r, const cifar *set, batch *b, unsigned char *x, int32_t *y) {
    for (int64_t i = 0; i < b->records; i++, x += IMAGE) {
        unsigned char labels[2];
        if (rg_file_get(b->file, labels, (uint64_t)set->labels) || rg_file_get(b->file, x, IMAGE)) return -1;
        y[i] = labels[set->label];
        if (y[i] >= set->classes)
            return rg_file_fail(r, b->path.text, "label %lld is %d, not 0 to %d", (long long)i, y[i], set->classes - 1);
    }
    return 0;
}

static rg_dataset read_batches(const rg_reader *r, const cifar *set, batch *b) {
    int64_t records = 0;
    for (int i = 0; i < set->files; i++) records += b[i].records; /* cannot overflow: all are on a disk */
    rg_dataset d = {0};
    d.x = rg_dataset_tensor(r->at, r->tape, RG_U8, 4, (int64_t[]){records, 3, 32, 32}, "images");
    d.y = rg_dataset_tensor(r->at, r->tape, RG_I32, 1, &records, "labels");
    if (rg_failed(d.x) || rg_failed(d.y)) return d;
    unsigned char *x = d.x->data;
    int32_t *y = d.y->data;
    for (int i = 0; i < set->files; i++) {
        if (batch_read(r, set, &b[i], x, y)) return (rg_dataset){0};
        x += b[i].records * IMAGE;
        y += b[i].records;
    }
    return d;
}

static rg_dataset read_set(const rg_reader *r, const cifar *set, const char *dir, const char *const *names) {
    rg_tape *t = r->tape;
    const int64_t mark = rg_mark(t);
    int open = 0;
    rg_dataset d = {0};
    batch *b = rg_tape_alloc(r->at, t, MOST_FILES * sizeof *b);
    while (b && open < set->files && batch_open(r, set, dir, names[open], &b[open]) == 0) open++;
    if (open == set->files) d = read_batches(r, set, b);
    for (int i = 0; b && i < set->files && i <= open; i++) rg_file_close(b[i].file); /* the one that failed may be open */
    if (b) rg_tape_dealloc(t, b, MOST_FILES * sizeof *b);
    d.classes = set->classes;
    d.class_names = set->names;
    return rg_dataset_keep(t, mark, d);
}

rg_dataset rg_read_cifar10_at(const char *at, rg_tape *t, const char *dir, bool train) {
    static const char *const names[] = {
        "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
    const rg_reader r = {at, t, "rg_read_cifar10", "HINT: sh tools/get-data cifar10"};
    const cifar set = {.folder = "cifar-10-batches-bin", .labels = 1, .classes = 10, .most = 10000, .files = train ? MOST_FILES : 1,
        .names = rg_cifar10_names};
    return read_set(&r, &set, dir, train ? names : names + MOST_FILES);
}

rg_dataset rg_read_cifar100_at(const char *at, rg_tape *t, const char *dir, bool train, rg_cifar100_options options) {
    const char *const name = train ? "train.bin" : "test.bin";
    const rg_reader r = {at, t, "rg_read_cifar100", "HINT: cifar-100-binary.tar.gz of https://www.cs.toronto.edu/~kriz"};
    const cifar set = {.folder = "cifar-100-binary", .labels = 2, .label = !options.coarse, .classes = options.coarse ? 20 : 100,
        .most = train ? 50000 : 10000, .files = 1, .names = options.coarse ? rg_cifar20_names : rg_cifar100_names};
    return read_set(&r, &set, dir, &name);
}
