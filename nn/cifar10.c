/* cifar10.c - the binary batches of CIFAR-10: records of a label and 32 x 32 reds, greens and blues. */
#include "dataset.h"
#include "file.h"

enum { BATCHES = 5, IMAGE = 3 * 32 * 32, RECORD = 1 + IMAGE, RECORDS = 10000 }; /* RECORDS: in a file of the published set */

typedef struct batch {
    rg_path path;
    rg_file *file;
    int64_t records;
} batch;

static int batch_open(const rg_reader *r, const char *dir, const char *name, batch *b) {
    uint64_t bytes;
    b->file = NULL;
    if (rg_file_find(r, dir, "cifar-10-batches-bin", 1, &name, &b->path)) return -1;
    b->file = rg_file_open(r, b->path.text);
    if (!b->file || rg_file_left(b->file, (uint64_t)RECORDS * RECORD, &bytes)) return -1;
    if (bytes > (uint64_t)RECORDS * RECORD) return rg_file_fail(r, b->path.text, "holds more than %d records", RECORDS);
    if (bytes == 0 || bytes % RECORD) return rg_file_fail(r, b->path.text, "%llu bytes are not whole records of %d", (unsigned long long)bytes, RECORD);
    b->records = (int64_t)(bytes / RECORD);
    return 0;
}

/* x [records, 3, 32, 32], y [records] */
static int batch_read(const rg_reader *r, batch *b, unsigned char *x, int32_t *y) {
    for (int64_t i = 0; i < b->records; i++, x += IMAGE) {
        unsigned char label;
        if (rg_file_get(b->file, &label, 1) || rg_file_get(b->file, x, IMAGE)) return -1;
        if (label > 9) return rg_file_fail(r, b->path.text, "label %lld is %d, not 0 to 9", (long long)i, label);
        y[i] = label;
    }
    return 0;
}

static rg_dataset read_batches(const rg_reader *r, batch *b, int n) {
    int64_t records = 0;
    for (int i = 0; i < n; i++) records += b[i].records; /* no more than the bytes on a disk */
    rg_dataset d = {0};
    d.x = rg_dataset_tensor(r->at, r->tape, RG_U8, 4, (int64_t[]){records, 3, 32, 32}, "images");
    d.y = rg_dataset_tensor(r->at, r->tape, RG_I32, 1, &records, "labels");
    if (rg_failed(d.x) || rg_failed(d.y)) return d;
    unsigned char *x = d.x->data;
    int32_t *y = d.y->data;
    for (int i = 0; i < n; i++) {
        if (batch_read(r, &b[i], x, y)) return (rg_dataset){0};
        x += b[i].records * IMAGE;
        y += b[i].records;
    }
    return d;
}

rg_dataset rg_read_cifar10_at(const char *at, rg_tape *t, const char *dir, bool train) {
    static const char *const names[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
    const rg_reader r = {at, t, "rg_read_cifar10", "HINT: sh tools/get-data cifar10"};
    const int64_t mark = rg_mark(t);
    const int n = train ? BATCHES : 1;
    int open = 0;
    rg_dataset d = {0};
    batch *b = rg_tape_alloc(at, t, BATCHES * sizeof *b);
    while (b && open < n && batch_open(&r, dir, names[train ? open : BATCHES], &b[open]) == 0) open++;
    if (open == n) d = read_batches(&r, b, n);
    for (int i = 0; b && i < n && i <= open; i++) rg_file_close(b[i].file); /* the one that failed may be open, too */
    if (b) rg_tape_dealloc(t, b, BATCHES * sizeof *b);
    d.classes = 10;
    d.class_names = rg_cifar10_names;
    return rg_dataset_keep(t, mark, d);
}
