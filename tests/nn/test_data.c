/* test_data.c - MNIST, CIFAR-10 and CIFAR-100, good and bad; readers without memory, without a tape, after an error. */
#include "tests/support/scratch.h"

#include <math.h>

/* -------- MNIST */

/* n images [n,2,3] and labels 0 1 2 .. */
static void write_mnist(const char *images, const char *labels, uint32_t n, bool pack_them) {
    for (int k = 0; k < 2; k++) {
        plain.n = packed.n = 0;
        put_header(&plain, 8, k ? 1 : 3, (uint32_t[]){n, 2, 3});
        put_count(&plain, k ? n : 6 * n, k ? 10 : 256);
        pack(&packed, plain.at, plain.n);
        write_bytes(k ? labels : images, pack_them ? &packed : &plain);
    }
}

static void assert_mnist(rg_dataset d, int64_t n) {
    assert_null(rg_error(t));
    assert_int_equal(rg_ndim(d.x), 3);
    assert_memory_equal(rg_shape(d.x), ((int64_t[]){n, 2, 3}), 3 * sizeof(int64_t));
    assert_int_equal(rg_numel(d.y), n);
    for (int64_t i = 0; i < n; i++) assert_int_equal(rg_i32(d.y)[i], i % 10);
    for (int64_t i = 0; i < 6 * n; i++) assert_int_equal(rg_u8(d.x)[i], i % 256);
    assert_int_equal(d.classes, 10);
    assert_string_equal(d.class_names[7], "7");
}

static void mnist_names(void **state) {
    (void)state;
    write_mnist("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz", 25, false);
    write_mnist("mnist/t10k-images.idx3-ubyte", "mnist/t10k-labels.idx1-ubyte", 11, false);
    assert_mnist(rg_read_mnist(t, folder, true), 25);
    assert_mnist(rg_read_mnist(t, folder, false), 11);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 4);
}

static void mnist_packed(void **state) {
    (void)state;
    write_mnist("t10k-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte.gz", 12, true);
    rg_dataset d = rg_read_mnist(t, folder, false);
    assert_mnist(d, 12);
    assert_string_equal(rg_name_of(d.x), "images");
    assert_string_equal(rg_name_of(d.y), "labels");
}

static void fashion_is_recognised(void **state) {
    (void)state;
    write_mnist("t10k-images-idx3-ubyte", "unused", 10, false);
    plain.n = 0;
    put_header(&plain, 8, 1, (uint32_t[]){10});
    put(&plain, (unsigned char[]){9, 2, 1, 1, 6, 1, 4, 6, 5, 7}, 10);
    write_bytes("t10k-labels-idx1-ubyte", &plain);
    rg_dataset d = rg_read_mnist(t, folder, false);
    assert_null(rg_error(t));
    assert_string_equal(d.class_names[9], "Ankle boot");
}

static void mnist_fails(rg_code code, const char *says) {
    rg_dataset d = rg_read_mnist(t, folder, true);
    assert_true(rg_failed(d.x) && rg_failed(d.y));
    assert_error(code, says);
    assert_non_null(strstr(rg_error(t), "HINT: sh tools/get-data mnist"));
    rg_error_clear(t);
}

static void mnist_refusals(void **state) {
    (void)state;
    const char *images = "train-images-idx3-ubyte", *labels = "train-labels-idx1-ubyte";
    mnist_fails(RG_EIO, "there is no train-images-idx3-ubyte, nor in its folder mnist");
    write_mnist(images, "elsewhere", 4, false);
    mnist_fails(RG_EIO, "there is no train-labels-idx1-ubyte");
    write_mnist("elsewhere", labels, 5, false);
    mnist_fails(RG_EIO, "labels-idx1-ubyte: 5 labels for 4 images");
    write_mnist(images, labels, 0, false);
    mnist_fails(RG_EIO, "images-idx3-ubyte: holds no images");

    write_mnist(images, labels, 20, false);
    plain.at[plain.n - 3] = 10;
    write_bytes(labels, &plain);
    mnist_fails(RG_EIO, "labels-idx1-ubyte: label 17 is 10, not 0 to 9");

    write_mnist(labels, images, 20, false); /* exchanged */
    mnist_fails(RG_EIO, "images-idx3-ubyte: holds type 08 in 1 dimensions, not images");
    write_mnist(images, "elsewhere", 20, false);
    write_mnist(labels, "elsewhere", 20, false);
    mnist_fails(RG_EIO, "labels-idx1-ubyte: holds type 08 in 3 dimensions, not labels");
}

static void odd_folders(void **state) {
    (void)state;
    static char endless[8192];
    memset(endless, 'x', sizeof endless - 1);
    assert_true(rg_failed(rg_read_mnist(t, NULL, true).x));
    assert_error(RG_EVALUE, "rg_read_mnist: the directory is NULL");
    rg_error_clear(t);
    assert_true(rg_failed(rg_read_mnist(t, endless, true).x));
    assert_error(RG_EIO, "xxx: the path is too long");
    assert_non_null(strstr(rg_error(t), "(test_data.c:")); /* the end of the message is not what gets lost */
    rg_error_clear(t);
    assert_true(rg_failed(rg_read_cifar10(t, NULL, true).x));
    assert_error(RG_EVALUE, "rg_read_cifar10: the directory is NULL");
}

/* -------- CIFAR-10 */

enum { RECORD = 3073 };

static void write_batch(const char *name, int records, int first_label) {
    plain.n = 0;
    for (int i = 0; i < records; i++) {
        put(&plain, &(unsigned char){(unsigned char)((first_label + i) % 10)}, 1);
        for (int k = 0; k < RECORD - 1; k++) put(&plain, &(unsigned char){(unsigned char)(k / 1024 * 50 + k % 7 + first_label + i)}, 1);
    }
    write_bytes(name, &plain);
}

static void write_batches(const char *prefix) {
    char name[64];
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "%sdata_batch_%d.bin", prefix, i + 1);
        write_batch(name, i + 1, i * (i + 1) / 2);
    }
}

static void cifar_batches(void **state) {
    write_batches(*state);
    rg_dataset d = rg_read_cifar10(t, folder, true);
    assert_null(rg_error(t));
    assert_int_equal(rg_ndim(d.x), 4);
    assert_memory_equal(rg_shape(d.x), ((int64_t[]){15, 3, 32, 32}), 4 * sizeof(int64_t));
    for (int i = 0; i < 15; i++) {
        assert_int_equal(rg_i32(d.y)[i], i % 10);
        for (int k = 0; k < RECORD - 1; k += 511) assert_int_equal(rg_u8(d.x)[i * (RECORD - 1) + k], k / 1024 * 50 + k % 7 + i);
    }
    assert_string_equal(d.class_names[3], "cat");
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
}

static void cifar_test_batch(void **state) {
    (void)state;
    write_batch("test_batch.bin", 3, 4);
    rg_dataset d = rg_read_cifar10(t, folder, false);
    assert_null(rg_error(t));
    assert_int_equal(rg_dim(d.x, 0), 3);
    assert_int_equal(rg_i32(d.y)[2], 6);
}

static void cifar_fails(const char *says) {
    rg_dataset d = rg_read_cifar10(t, folder, true);
    assert_true(rg_failed(d.x) && rg_failed(d.y));
    assert_error(RG_EIO, says);
    assert_non_null(strstr(rg_error(t), "HINT: sh tools/get-data cifar10"));
    rg_error_clear(t);
}

static void cifar_refusals(void **state) {
    (void)state;
    cifar_fails("there is no data_batch_1.bin, nor in its folder cifar-10-batches-bin");
    write_batches("");
    snprintf(path, sizeof path, "%s/data_batch_3.bin", folder);
    unlink(path);
    cifar_fails("there is no data_batch_3.bin");
    scratch_write(path, folder, "data_batch_3.bin", "", 0);
    cifar_fails("data_batch_3.bin: is empty");
    unlink(path);
    mkdir(path, 0777);
    cifar_fails("data_batch_3.bin: is a directory");
    rmdir(path);

    write_batch("data_batch_3.bin", 2, 0);
    plain.n--;
    write_bytes("data_batch_3.bin", &plain);
    cifar_fails("data_batch_3.bin: 6145 bytes are not whole records of 3073");
    plain.n += 2;
    write_bytes("data_batch_3.bin", &plain);
    cifar_fails("6147 bytes are not whole records");

    write_batch("data_batch_3.bin", 3, 0);
    plain.at[2 * RECORD] = 10;
    write_bytes("data_batch_3.bin", &plain);
    cifar_fails("data_batch_3.bin: label 2 is 10, not 0 to 9");
    write_batch("data_batch_3.bin", 3, 0);
    assert_false(rg_failed(rg_read_cifar10(t, folder, true).x));
}

/* -------- CIFAR-100 */

static void write_cifar100(const char *name, int records, int first) {
    plain.n = 0;
    for (int i = 0; i < records; i++) {
        put(&plain, (unsigned char[]){(unsigned char)((first + i) % 20), (unsigned char)((first + i) % 100)}, 2);
        for (int k = 0; k < RECORD - 1; k++) put(&plain, &(unsigned char){(unsigned char)(k / 1024 * 50 + k % 7 + first + i)}, 1);
    }
    write_bytes(name, &plain);
}

static void cifar100(void **state) {
    (void)state;
    write_cifar100("cifar-100-binary/train.bin", 5, 17);
    write_cifar100("test.bin", 3, 97);
    rg_dataset fine = rg_read_cifar100(t, folder, true), coarse = rg_read_cifar100(t, folder, true, .coarse = true),
        test = rg_read_cifar100(t, folder, false);
    assert_null(rg_error(t));
    assert_memory_equal(rg_shape(fine.x), ((int64_t[]){5, 3, 32, 32}), 4 * sizeof(int64_t));
    assert_int_equal(rg_dim(test.x, 0), 3);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(rg_i32(fine.y)[i], 17 + i);
        assert_int_equal(rg_i32(coarse.y)[i], (17 + i) % 20);
        for (int k = 0; k < RECORD - 1; k += 511) assert_int_equal(rg_u8(fine.x)[i * (RECORD - 1) + k], k / 1024 * 50 + k % 7 + 17 + i);
    }
    assert_int_equal(fine.classes, 100);
    assert_int_equal(coarse.classes, 20);
    assert_string_equal(fine.class_names[0], "apple");
    assert_string_equal(fine.class_names[99], "worm");
    assert_string_equal(coarse.class_names[19], "vehicles_2");
    for (int k = 1; k < 100; k++) assert_true(strcmp(fine.class_names[k - 1], fine.class_names[k]) < 0);
}

static void cifar100_fails(const char *says) {
    const rg_dataset d = rg_read_cifar100(t, folder, false);
    assert_true(rg_failed(d.x) && rg_failed(d.y));
    assert_error(RG_EIO, says);
    assert_non_null(strstr(rg_error(t), "HINT: cifar-100-binary.tar.gz"));
    rg_error_clear(t);
}

static void cifar100_refusals(void **state) {
    (void)state;
    cifar100_fails("there is no test.bin, nor in its folder cifar-100-binary");
    write_cifar100("test.bin", 2, 0);
    plain.at[RECORD + 2] = 100;
    write_bytes("test.bin", &plain);
    cifar100_fails("test.bin: label 1 is 100, not 0 to 99");
    rg_dataset d = rg_read_cifar100(t, folder, false, .coarse = true); /* which looks at the other label */
    assert_int_equal(rg_i32(d.y)[1], 1);
    rg_release(d.x), rg_release(d.y);
    rg_tape_reset(t);
    plain.n--;
    write_bytes("test.bin", &plain);
    cifar100_fails("test.bin: 6147 bytes are not whole records of 3074");
}

/* -------- memory and errors */

static rg_tensor *read_idx(rg_tape *tape) { return rg_read_idx(tape, path); }
static rg_tensor *read_mnist(rg_tape *tape) { return rg_read_mnist(tape, folder, true).x; }
static rg_tensor *read_cifar10(rg_tape *tape) { return rg_read_cifar10(tape, folder, true).x; }
static rg_tensor *read_cifar100(rg_tape *tape) { return rg_read_cifar100(tape, folder, true).x; }
typedef struct reader { const char *name; rg_tensor *(*read)(rg_tape *tape); } reader;
static const reader readers[] = {{"idx", read_idx}, {"mnist", read_mnist}, {"cifar10", read_cifar10}, {"cifar100", read_cifar100}};

static void write_everything(void) {
    write_mnist("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", 20, true);
    write_batches("cifar-10-batches-bin/");
    write_cifar100("train.bin", 3, 0);
    plain.n = packed.n = 0;
    small_idx();
    write_bytes("array.gz", &packed);
}

/* Every allocation fails in turn, once or from then on: an error, nothing left, and the next try succeeds. */
static void out_of_memory(void **state) {
    const reader *r = *state;
    write_everything();
    int points = 0;
    for (int for_good = 0; for_good < 2; for_good++)
        for (int64_t k = 0;; k++, points++) {
            meter m = {.fail_at = -1, .for_good = for_good};
            rg_tape *tape = metered_tape(&m, true, 1);
            m.fail_at = m.calls + k;
            rg_tensor *x = r->read(tape);
            const bool failed = rg_failed(x);
            if (failed) {
                assert_int_equal(rg_error_code(tape), RG_ENOMEM);
                assert_int_equal(rg_memory(tape).tensors, 0);
                assert_int_equal(open_files(), files_before);
                m.fail_at = -1;
                rg_error_clear(tape);
                assert_false(rg_failed(r->read(tape)));
            }
            rg_tape_free(tape);
            assert_int_equal(m.out, 0);
            if (!failed) break;
        }
    assert_in_range(points, 10, 1000);
}

static void error_stands(void **state) {
    const reader *r = *state;
    write_everything();
    rg_read_idx(t, NULL);
    char first[512];
    snprintf(first, sizeof first, "%s", rg_error(t));
    assert_true(rg_failed(r->read(t)));
    assert_string_equal(rg_error(t), first);
    rg_error_clear(t);
    assert_false(rg_failed(r->read(t)));
}

static void no_tape(void **state) {
    const reader *r = *state;
    write_everything();
    assert_true(rg_failed(r->read(NULL)));
}

/* Of a data set, the unpacked bytes are held once: no second copy on the way. */
static void one_copy(void **state) {
    (void)state;
    uint32_t n = 200000;
    put_header(&plain, 8, 1, &n);
    put_count(&plain, n, 3);
    pack(&packed, plain.at, plain.n);
    write_bytes("array.gz", &packed);
    meter m = {.fail_at = -1};
    rg_tape *tape = metered_tape(&m, true, 1);
    const size_t before = rg_memory(tape).bytes;
    assert_false(rg_failed(rg_read_idx(tape, path)));
    assert_in_range(rg_memory(tape).bytes - before, n, n + 4096);
    rg_tape_free(tape);
}

/* -------- the real thing */

/* Of the values as the bytes that stand in the file. */
static unsigned long crc_of(rg_tensor *x) {
    unsigned long crc = 0;
    if (rg_dtype_of(x) == RG_U8) return crc32(0, rg_u8(x), (uInt)rg_numel(x));
    for (int64_t i = 0; i < rg_numel(x); i++) crc = crc32(crc, &(unsigned char){(unsigned char)rg_i32(x)[i]}, 1);
    return crc;
}

/* the last two: CRC-32, by Python */
typedef struct real { const char *name, *folder, *class_0; bool train; int64_t n; unsigned long images, labels; } real;
static const real reals[] = {
    {"MNIST, training", NULL, "0", true, 60000, 0xf3639b56, 0xba07e8ef},
    {"MNIST, test", NULL, "0", false, 10000, 0xe4ca5f57, 0xee8604d9},
    {"Fashion-MNIST, training", "/usr/share/datasets/fashion-mnist", "T-shirt/top", true, 60000, 0xae65dccd, 0x2ed6e46a},
    {"Fashion-MNIST, test", "/usr/share/datasets/fashion-mnist", "T-shirt/top", false, 10000, 0x12728439, 0x242bc73f},
};

static void real_mnist(void **state) {
    const real *r = *state;
    const char *dir = r->folder ? r->folder : getenv("RETROGRAD_DATA");
    if (!dir || access(dir, R_OK)) skip();
    rg_dataset d = rg_read_mnist(t, dir, r->train);
    if (rg_error(t)) fail_msg("%s", rg_error(t));
    assert_memory_equal(rg_shape(d.x), ((int64_t[]){r->n, 28, 28}), 3 * sizeof(int64_t));
    assert_int_equal(crc_of(d.x), r->images);
    assert_int_equal(crc_of(d.y), r->labels);
    assert_string_equal(d.class_names[0], r->class_0);
}

static void real_cifar10(void **state) {
    (void)state;
    const char *dir = getenv("RETROGRAD_DATA");
    if (!dir) skip();
    for (int train = 0; train < 2; train++) {
        int64_t count[10] = {0}, n = train ? 50000 : 10000;
        rg_dataset d = rg_read_cifar10(t, dir, train);
        if (rg_error(t)) fail_msg("%s", rg_error(t));
        assert_memory_equal(rg_shape(d.x), ((int64_t[]){n, 3, 32, 32}), 4 * sizeof(int64_t));
        for (int64_t i = 0; i < n; i++) count[rg_i32(d.y)[i]]++;
        for (int k = 0; k < 10; k++) assert_int_equal(count[k], n / 10);
        double sum = 0; /* the mean of red is known to be 0.4914 of 255 */
        for (int64_t i = 0; i < n; i++)
            for (int k = 0; k < 1024; k++) sum += rg_u8(d.x)[i * 3072 + k];
        assert_true(fabs(sum / (double)n / 1024 / 255 - 0.4914) < 0.005);
    }
}

int main(void) {
    cases c = {0};
    CASE(&c, mnist_names, NULL, "mnist: names and folders");
    CASE(&c, mnist_packed, NULL, "mnist: gzip");
    CASE(&c, fashion_is_recognised, NULL, "mnist: Fashion-MNIST is recognised");
    CASE(&c, mnist_refusals, NULL, "mnist: refusals");
    CASE(&c, odd_folders, NULL, "odd folders");
    CASE(&c, cifar_batches, "", "cifar10: batches");
    CASE(&c, cifar_batches, "cifar-10-batches-bin/", "cifar10: batches in their folder");
    CASE(&c, cifar_test_batch, NULL, "cifar10: test batch");
    CASE(&c, cifar_refusals, NULL, "cifar10: refusals");
    CASE(&c, cifar100, NULL, "cifar100: both labels");
    CASE(&c, cifar100_refusals, NULL, "cifar100: refusals");
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        CASE(&c, out_of_memory, &readers[i], "%s: out of memory", readers[i].name);
        CASE(&c, error_stands, &readers[i], "%s: an error stands", readers[i].name);
        CASE(&c, no_tape, &readers[i], "%s: no tape", readers[i].name);
    }
    CASE(&c, one_copy, NULL, "one copy");
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) CASE(&c, real_mnist, &reals[i], "real: %s", reals[i].name);
    CASE(&c, real_cifar10, NULL, "real: CIFAR-10");
    return cases_run(&c, "data");
}
