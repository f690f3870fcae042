/* test_readers.c - each allocation and each read of every reader and maker of data fails, once, with a handler that clears the error: the
   caller gets a failure all the same, and never a part. */
#define _GNU_SOURCE 1
#include <errno.h>

#include "nn/data/loader.h"
#include "nn/nn.h"
#include "tests/support/pngs.h"
#include "tests/support/zips.h"

#include <sys/syscall.h>

static int64_t reads, read_fails = -1, parts; /* parts: no more bytes at once; 0: any number */
static enum { FAILS, INTERRUPTED, ENDS } how;

ssize_t pread(int fd, void *to, size_t n, off_t at) { /* in the place of the C library's */
    const bool now = reads++ == read_fails;
    if (now && how != ENDS) return errno = how == FAILS ? EIO : EINTR, -1;
    if (read_fails >= 0 && how == ENDS && reads > read_fails) return 0; /* the file was cut after it was opened */
    return (ssize_t)syscall(SYS_pread64, fd, to, parts && n > (size_t)parts ? (size_t)parts : n, at);
}

static void clears(void *ctx, rg_code code, const char *message) {
    (void)code, (void)message;
    rg_error_clear(ctx);
}

/* -------- what is read: true when it is there, and then its values are right */

static bool right(rg_tensor *x, int64_t numel, double first, double last) {
    static double values[5000];
    if (rg_failed(x)) return false;
    assert_int_equal(rg_numel(x), numel);
    assert_int_equal(rg_copy_out(x, values, numel), 0);
    assert_true(values[0] == first && values[numel - 1] == last);
    rg_release(x);
    return true;
}
static bool both(rg_dataset d, int64_t rows) {
    assert_int_equal(rg_failed(d.x), rg_failed(d.y));
    if (rg_failed(d.x)) return false;
    assert_int_equal(rg_dim(d.x, 0), rows);
    assert_int_equal(rg_dim(d.y, 0), rows);
    rg_release(d.x), rg_release(d.y);
    return true;
}

static void in_folder(const char *name) { snprintf(path, sizeof path, "%s/%s", folder, name); }
static rg_tensor *as_it_is(const char *at, rg_nn *net, rg_tensor *const *in) { return (void)at, (void)net, in[0]; }
static rg_nn *net, *linear;
static rg_loader *loader;
static rg_state *run;
static int64_t step;

static bool idx(void) { return in_folder("idx"), right(rg_read_idx(t, path), 12, 0, 11); }
static bool idx_gzip(void) { return in_folder("idx.gz"), right(rg_read_idx(t, path), 12, 0, 11); }
static bool mnist(void) { return both(rg_read_mnist(t, folder, true), 3); }
static bool cifar(void) { return both(rg_read_cifar10(t, folder, false), 2); }
static bool cifar100(void) { return both(rg_read_cifar100(t, folder, false), 2); }
static bool csv(void) { return in_folder("table.csv"), both(rg_read_csv(t, path, .header = true, .classes = "kind"), 3); }
static bool csv_gzip(void) { return in_folder("table.csv.gz"), both(rg_read_csv(t, path, .header = true, .classes = "kind"), 3); }
#ifdef RG_PNG
static bool png(void) { return in_folder("set/b/2.png"), right(rg_read_png(t, path), 6, 1, 6); }
static bool png_folder(void) { return in_folder("set"), both(rg_read_png_folder(t, path), 3); }
#endif
static bool npy(void) { return in_folder("x.npy"), right(rg_npy_load(t, path), 5000, 3, 3); }
static bool fortran(void) { return in_folder("f.npy"), right(rg_npy_load(t, path), 6, 1, 6); }
static bool npz(void) {
    in_folder("x.npz");
    const rg_list l = rg_npz_load(t, path);
    assert_true(l.count == 0 || l.count == 2);
    if (!l.count) return false;
    const bool first = right(l.items[0], 5000, 3, 3), second = right(l.items[1], 7, 4, 4);
    return first && second;
}
static bool npz_deflated(void) {
    in_folder("arrays.npz");
    const rg_list l = rg_npz_load(t, path);
    return l.count && right(l.items[0], 6, 1, 6);
}
static bool load_net(void) { return in_folder("net"), rg_nn_load(net, path) == 0; }
static bool load_run(void) { return in_folder("run"), rg_state_load(run, path) == 0; }
static bool load_torch(void) {
    rg_file_report report;
    return in_folder("torch"), rg_nn_load(linear, path, .layout = RG_TORCH, .partial = true, .report = &report) == 0;
}
static bool list(void) {
    in_folder("list");
    const rg_list l = rg_safetensors_load(t, path);
    assert_true(l.count == 0 || l.count == 2);
    if (!l.count) return false;
    const bool first = right(l.items[0], 5000, 3, 3), second = right(l.items[1], 7, 4, 4);
    return first && second;
}
static bool moons(void) { return both(rg_make_moons(t, 5, .1), 5); }
static bool xor_points(void) { return both(rg_make_xor(t, 5, .1), 5); }
static bool digits(void) { return both(rg_make_digits(t, 3), 3); }
static bool next_batch(void) {
    rg_tensor *x, *y;
    const int64_t row = loader->row = 0, epoch = loader->epoch;
    const bool got = rg_loader_next(loader, &x, &y);
    assert_int_equal(loader->row, got ? 2 : row);
    assert_int_equal(loader->epoch, epoch);
    return got;
}

typedef struct reader { const char *name; bool (*read)(void); } reader;
static const reader readers[] = {{"idx", idx}, {"idx in gzip", idx_gzip}, {"MNIST", mnist}, {"CIFAR", cifar}, {"CIFAR-100", cifar100},
    {"csv", csv}, {"csv in gzip", csv_gzip},
#ifdef RG_PNG
    {"png", png}, {"a folder of png", png_folder},
#endif
    {"npy", npy}, {"npy, i8 in Fortran's order", fortran},
    {"npz", npz}, {"npz, deflated", npz_deflated}, {"a net", load_net}, {"a run", load_run}, {"a net of PyTorch's", load_torch},
    {"a list", list}, {"moons", moons}, {"xor", xor_points}, {"digits", digits}, {"a batch", next_batch}};

static void make_files(void) {
    static const char front[] = "\x93NUMPY\1\0v\0{'descr': '<i8', 'fortran_order': True, 'shape': (2, 3), }";
    char inner[1024], header[128];
    small_idx();
    write_bytes("idx", &plain);
    write_bytes("train-images-idx3-ubyte", &plain);
    write_bytes("idx.gz", &packed);
    plain.n = packed.n = 0;
    put_header(&plain, 8, 1, (uint32_t[]){3});
    put(&plain, "\1\2\3", 3);
    pack(&packed, plain.at, plain.n);
    write_bytes("train-labels-idx1-ubyte.gz", &packed);
    plain.n = 0;
    for (int i = 0; i < 2; i++) put(&plain, "\7", 1), put_count(&plain, 3072, 256);
    write_bytes("test_batch.bin", &plain);
    plain.n = packed.n = 0;
    for (int i = 0; i < 2; i++) put(&plain, "\x13\x63", 2), put_count(&plain, 3072, 256);
    write_bytes("test.bin", &plain);
    plain.n = packed.n = 0;
    put(&plain, "a,kind\n1,rose\n2,lily\n3,rose\n", 28);
    write_bytes("table.csv", &plain);
    pack(&packed, plain.at, plain.n);
    write_bytes("table.csv.gz", &packed);
    png_picture(&plain, 3, 2, 8, 0, (const unsigned char *)"\1\2\3\4\5\6", 3);
    write_bytes("set/a/1.png", &plain), write_bytes("set/b/1.png", &plain), write_bytes("set/b/2.png", &plain);
    memset(header, ' ', sizeof header);
    memcpy(header, front, sizeof front - 1);
    header[127] = '\n';
    plain.n = 0;
    put(&plain, header, sizeof header);
    put(&plain, (int64_t[]){1, 4, 2, 5, 3, 6}, 48);
    write_bytes("f.npy", &plain);
    zip_new(1, (const char *const[]){"f.npy"}, &plain, DEFLATED);
    snprintf(inner, sizeof inner, "%s/x.npy", folder);
    rg_tensor *items[] = {rg_set_name(rg_full(t, 3, 5000), "x"), rg_set_name(rg_full(t, 4, 7), "y")};
    rg_npy_save(items[0], inner);
    in_folder("x.npz"), rg_npz_save(t, path, (rg_list){items, 2});
    in_folder("net"), rg_nn_save(net, path);
    in_folder("list"), rg_safetensors_save(t, path, (rg_list){items, 2});
    in_folder("torch"), rg_nn_save(linear, path, .layout = RG_TORCH);
    in_folder("run"), rg_state_save(run, path);
    rg_tape_reset(t);
    assert_null(rg_error(t));
}

static void make_tape(void) {
    rg_tape_free(t);
    t = metered_tape(&memory, true, 1);
    net = rg_nn_new(t, "one", as_it_is, sizeof(rg_nn));
    rg_nn_param(net, "w", RG_NORMAL(0, 1), 2, 3);
    rg_tensor *x = rg_buffer_of(t, "x", RG_F32, NULL, 5, 3), *y = rg_buffer_of(t, "y", RG_I32, NULL, 5);
    loader = rg_loader_new(t, x, y, .batch = 2, .shuffle = true);
    linear = rg_nn_linear(t, 3, 2, RG_ONES);
    run = rg_state_new(t);
    rg_state_net(run, NULL, net), rg_state_loader(run, "loader", loader), rg_state_count(run, "step", &step);
    assert_null(rg_error(t));
}

/* what: the allocation, or the read, that fails in round k; the reads are in parts of so many bytes. */
static void each_of(const reader *r, bool allocations, int64_t in_parts) {
    for (int64_t k = 0;; k++) {
        make_tape();
        rg_on_error(t, clears, t);
        memory.calls = reads = 0;
        parts = in_parts;
        if (allocations) memory.fail_at = k;
        else read_fails = k;
        const bool got = r->read(), failed = (allocations ? memory.calls : reads) > k;
        memory.fail_at = read_fails = -1, parts = 0;
        if (got && failed && how != INTERRUPTED)
            fail_msg("%s %lld failed, and the caller was not told", allocations ? "allocation" : "read", (long long)k);
        if (!got && (!failed || how == INTERRUPTED)) fail_msg("nothing failed, but the caller was told so");
        if (!failed) break;
        rg_tape_reset(t);
        assert_true(how == INTERRUPTED || r->read()); /* the next try */
    }
}

static void each_failure(void **state) {
    const reader *r = *state;
    make_tape();
    make_files();
    how = FAILS;
    each_of(r, true, 0);
    each_of(r, false, 0);
    each_of(r, false, 61);
    how = INTERRUPTED;
    each_of(r, false, 61);
    how = ENDS;
    each_of(r, false, 61);
    how = FAILS;
}

/* What is refused before anything is read. */
static void refusals(void **state) {
    (void)state;
    make_tape();
    rg_on_error(t, clears, t);
    assert_false(both(rg_make_circles(t, 5, 2, 0), 5));
    assert_false(both(rg_make_circles(t, 5, .5, -1), 5));
    assert_false(both(rg_make_moons(t, 1, 0), 1));
    assert_false(both(rg_make_digits(t, 0), 0));
    rg_nn *other = rg_nn_new(t, "other", as_it_is, sizeof(rg_nn));
    rg_set_name(rg_nn_param(other, "w", RG_ZEROS, 2), "@w");
    in_folder("other");
    assert_int_equal(rg_nn_save(other, path), -1);
    assert_int_equal(rg_state_tensor(run, NULL, NULL), -1);
    assert_int_equal(rg_state_save(run, path), -1); /* what was to be in it is not, whoever cleared the error */
    rg_tape *another = metered_tape(&memory, false, 1);
    rg_nn *foreign = rg_nn_linear(another, 2, 2, RG_ZEROS);
    assert_int_equal(rg_state_net(rg_state_new(t), NULL, foreign), -1);
    assert_int_equal(rg_state_optim(rg_state_new(t), "sgd", rg_optim_sgd(another, rg_nn_params(foreign), .lr = 1)), -1);
    assert_int_equal(access(path, F_OK), -1);
    rg_tape_free(another);
}

/* 104 MB of records in 100 KB: it is unpacked as far as a batch goes. */
static void a_batch_in_gzip_that_never_ends(void **state) {
    (void)state;
    static unsigned char records[1000 * 3073];
    for (int i = 0; i < 34; i++) pack(&packed, records, sizeof records);
    write_bytes("test_batch.bin", &packed);
    const size_t reserved = rg_memory(t).reserved;
    assert_true(rg_failed(rg_read_cifar10(t, folder, false).x));
    assert_error(RG_EIO, "test_batch.bin: holds more than 10000 records");
    assert_true(rg_memory(t).reserved - reserved < 200000);
    rg_error_clear(t);
}

int main(void) {
    cases c = {0};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) CASE(&c, each_failure, &readers[i], "each failure: %s", readers[i].name);
    CASE(&c, refusals, NULL, "refusals");
    CASE(&c, a_batch_in_gzip_that_never_ends, NULL, "a batch in gzip that never ends");
    return cases_run(&c, "readers");
}
