/* test_arrays.c - .npy and .npz: there and back, as NumPy writes them, hostile ones, every damage, every failure of memory. */
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "engine/op.h"
#include "nn/nn.h"
#include "tests/support/zips.h"

/* -------- files as NumPy writes them */

/* The header in front of what follows: version 1, 2 or 3. */
static void put_npy(int version, const char *dict) {
    char text[512];
    const size_t front = version == 1 ? 10 : 12, n = (front + strlen(dict) + 1 + 63) / 64 * 64 - front;
    memset(text, ' ', n);
    memcpy(text, dict, strlen(dict));
    text[n - 1] = '\n';
    put(&plain, "\x93NUMPY", 6);
    put(&plain, (unsigned char[]){(unsigned char)version, 0, (unsigned char)n, (unsigned char)(n >> 8), 0, 0}, front - 6);
    put(&plain, text, n);
}

static void put_small(void) { /* np.array([[1, 2, 3], [4, 5, 6]], 'f4') */
    put_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
    put(&plain, (float[]){1, 2, 3, 4, 5, 6}, 24);
}

typedef struct good { const char *name, *dict; int version; const void *values; size_t size; const char *dtype,
    *shape; double first[6]; } good;
static const good goods[] = {
    {"f4", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 1, (float[]){1, 2, 3, 4, 5, 6}, 24, "f32", "2,3",
        {1, 2, 3, 4, 5, 6}},
    {"f8, version 2", "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", 2, (double[]){.1, -0., 3e300}, 24, "f64", "3",
    {.1, -0., 3e300}},
    {"i4, version 3", "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", 3, (int32_t[]){INT32_MIN, 7}, 8, "i32", "2",
    {INT32_MIN, 7}},
    {"u1", "{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }", 1, "\0\1\377a", 4, "u8", "4", {0, 1, 255, 97}},
    {"u1 with an order", "{'descr': '<u1', 'fortran_order': False, 'shape': (1,), }", 1, "b", 1, "u8", "1", {98}},
    {"i8", "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", 1, (int64_t[]){-5, INT32_MAX, INT32_MIN}, 24, "i32", "3",
    {-5, INT32_MAX, INT32_MIN}},
    {"a number", "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 1, (float[]){5}, 4, "f32", "", {5}},
    {"no values", "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", 1, NULL, 0, "f32", "0,3", {0}},
    {"six dimensions", "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1, 2, 1, 1, 1), }", 1, (int32_t[]){1, 2}, 8, "i32",
    "1,1,2,1,1,1", {1, 2}},
    {"Fortran", "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 1, (float[]){1, 4, 2, 5, 3, 6}, 24, "f32", "2,3",
    {1, 2, 3, 4, 5, 6}},
    {"Fortran, i8", "{'descr': '<i8', 'fortran_order': True, 'shape': (3, 1, 2), }", 1, (int64_t[]){1, 3, 5, 2, 4, 6}, 48, "i32", "3,1,2",
    {1, 2, 3, 4, 5, 6}},
    {"Fortran, u1", "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }", 1, "\1\3\2\4", 4, "u8", "2,2", {1, 2, 3, 4}},
    {"Fortran, no values", "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 0), }", 1, NULL, 0, "f64", "2,0", {0}},
    {"other blanks, quotes and order", "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}", 1, (float[]){1, 2, 3, 4, 5, 6}, 24,
    "f32", "2,3", {1, 2, 3, 4, 5, 6}},
};

static void assert_array(rg_tensor *x, const good *g) {
    char shape[64] = "";
    double values[6] = {0};
    if (rg_error(t)) fail_msg("%s", rg_error(t));
    for (int d = 0; d < rg_ndim(x); d++) snprintf(shape + strlen(shape), 16, d ? ",%d" : "%d", (int)rg_dim(x, d));
    assert_string_equal(shape, g->shape);
    assert_string_equal(rg_dtype_name(rg_dtype_of(x)), g->dtype);
    assert_int_equal(rg_copy_out(x, values, 6), 0);
    assert_memory_equal(values, g->first, sizeof values);
}

static void npy_load(void **state) {
    const good *g = *state;
    put_npy(g->version, g->dict);
    put(&plain, g->values, g->size);
    pack(&packed, plain.at, plain.n);
    for (int k = 0; k < 2; k++) {
        write_bytes("array.npy", k ? &packed : &plain);
        rg_tensor *x = rg_npy_load(t, path);
        assert_array(x, g);
        assert_string_equal(rg_name_of(x), "array.npy");
        rg_tape_reset(t);
        assert_array(x, g);
        rg_release(x);
    }
}

static void npy_there_and_back(void **state) {
    const good *g = *state;
    put_npy(g->version, g->dict);
    put(&plain, g->values, g->size);
    write_bytes("array.npy", &plain);
    rg_tensor *x = rg_npy_load(t, path);
    snprintf(path, sizeof path, "%s/again.npy", folder);
    assert_int_equal(rg_npy_save(x, path), 0);
    assert_array(rg_npy_load(t, path), g);
}

/* Byte for byte what numpy.save writes. */
static void npy_as_numpy_writes_it(void **state) {
    (void)state;
    unsigned char found[256];
    put_small();
    snprintf(path, sizeof path, "%s/array.npy", folder);
    assert_int_equal(rg_npy_save(rg_input(t, ((float[]){1, 2, 3, 4, 5, 6}), 2, 3), path), 0);
    FILE *f = fopen(path, "rb");
    assert_int_equal(fread(found, 1, sizeof found, f), plain.n);
    fclose(f);
    assert_memory_equal(found, plain.at, plain.n);
    rg_tape_reset(t);
}

static void views_and_gradients(void **state) {
    (void)state;
    rg_tensor *x = rg_input(t, ((float[]){1, 2, 3, 4, 5, 6}), 3, 2);
    snprintf(path, sizeof path, "%s/array.npy", folder);
    assert_int_equal(rg_npy_save(rg_slice(x, 0, 1, 3), path), 0);
    double values[4];
    rg_copy_out(rg_npy_load(t, path), values, 4);
    assert_memory_equal(values, ((double[]){3, 4, 5, 6}), sizeof values);
}

/* -------- hostile .npy */

typedef struct hostile { const char *name, *dict; size_t values; const char *says; } hostile;
#define DICT(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }"
static const hostile hostiles[] = {
    {"big-endian", DICT("'>f4'", "False", "(6,)"), 24, "holds '>f4', which is big-endian; save it with .astype('<f4')"},
    {"complex", DICT("'<c8'", "False", "(3,)"), 24, "holds '<c8', not f4, f8, i4, i8 or u1"},
    {"half floats", DICT("'<f2'", "False", "(12,)"), 24, "holds '<f2'"},
    {"text", DICT("'<U6'", "False", "(1,)"), 24, "holds '<U6'"},
    {"pickled objects", DICT("'|O'", "False", "(3,)"), 24, "holds '|O'"},
    {"records", DICT("[('a', '<f4')]", "False", "(6,)"), 24, "the header is not {'descr'"},
    {"a long type", DICT("'<f4xxxxxxxxxxxxxxxxxxxxxxxxxx'", "False", "(6,)"), 24, "the header is not"},
    {"no type", "{'fortran_order': False, 'shape': (6,), }", 24, "the header is not"},
    {"no shape", "{'descr': '<f4', 'fortran_order': False, }", 24, "the header is not"},
    {"a key twice", "{'descr': '<f4', 'descr': '<f4', 'shape': (6,), }", 24, "the header is not"},
    {"another key", "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}", 24, "the header is not"},
    {"no order", DICT("'<f4'", "0", "(6,)"), 24, "the header is not"},
    {"a list for a shape", DICT("'<f4'", "False", "[6]"), 24, "the header is not"},
    {"a number for a shape", DICT("'<f4'", "False", "(6)"), 24, "the header is not"},
    {"a negative dimension", DICT("'<f4'", "False", "(-6,)"), 24, "the header is not"},
    {"a dimension over 64 bits", DICT("'<f4'", "False", "(99999999999999999999,)"), 24, "the header is not"},
    {"no dictionary", "import os", 24, "the header is not"},
    {"not closed", "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), ", 24, "the header is not"},
    {"something behind", DICT("'<f4'", "False", "(6,)") " x", 24, "the header is not"},
    {"seven dimensions", DICT("'<f4'", "False", "(1, 1, 1, 1, 1, 2, 3)"), 24, "7 dimensions, at most 6"},
    {"a byte missing", DICT("'<f4'", "False", "(6,)"), 23, "promises 24 bytes of values, but only 23 follow"},
    {"a byte too many", DICT("'<f4'", "False", "(6,)"), 25, "promises 24 bytes of values, but at least 25 follow"},
    {"no values", DICT("'<f8'", "False", "(60000, 784)"), 0, "promises 376320000 bytes of values, but only 0 follow"},
    {"a huge shape", DICT("'<f4'", "False", "(9000000000000000000, 3)"), 24, "a shape that is too large"},
    {"a shape that wraps to 24 bytes", DICT("'<f4'", "False", "(2, 9223372036854775807, 3)"), 24, "a shape that is too large"},
    {"huge beside a 0", DICT("'<f4'", "True", "(0, 9000000000000000000, 9)"), 0, "a shape that is too large"},
    {"a label that does not fit", DICT("'<i8'", "False", "(3,)"), 24, "value 0 is 506097522914230528, too large for i32"},
};

static void refused(rg_tensor *x, const char *says) {
    assert_true(rg_failed(x));
    assert_error(RG_EIO, says);
    assert_non_null(strstr(rg_error(t), "(test_arrays.c:"));
    assert_true(rg_memory(t).reserved < 2 << 20); /* whatever was promised */
    rg_error_clear(t);
}

static void hostile_npy(void **state) {
    const hostile *h = *state;
    put_npy(1, h->dict);
    put_count(&plain, h->values, 256);
    write_bytes("array.npy", &plain);
    refused(rg_npy_load(t, path), h->says);
    assert_int_equal(rg_npy_save(NULL, path), -1);
}

static void hostile_fronts(void **state) {
    (void)state;
    static const struct { const char *front; size_t n; const char *says; } fronts[] = {{"PK\3\4 0123456789", 15,
        "starts with 50 4b 03 04, which is no .npy, but perhaps an .npz, for rg_npz_load"},
        {"\x93NUMPY", 6, "ends after 6 bytes"}, {"\x93NUMPY\4\0\100\0", 10, "is version 4.0 of .npy"},
        {"\x93NUMPY\1\1\100\0", 10, "is version 1.1"},
        {"\x93NUMPY\1\0\100\0{", 11, "a header of 64 bytes, but only 1 follow"},
        {"\x93NUMPY\2\0\377\377\377\377{", 13, "a header of 4294967295 bytes, at most 65536 are allowed"},
        {"\x93NUMPY\1\0\0\0", 10, "the header is not"}};
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
        scratch_write(path, folder, "array.npy", fronts[i].front, fronts[i].n);
        refused(rg_npy_load(t, path), fronts[i].says);
    }
    snprintf(path, sizeof path, "%s/absent", folder);
    refused(rg_npy_load(t, path), "cannot be opened: No such file");
    refused(rg_npy_load(t, folder), "is a directory, not a file");
    rg_npz_load(t, folder);
    refused(rg_poison(t), "is a directory, not a file");
    assert_true(rg_failed(rg_npy_load(t, NULL)));
    assert_error(RG_EVALUE, "rg_npy_load: the path is NULL");
    rg_error_clear(t);
    assert_int_equal(rg_npz_load(t, NULL).count, 0);
    assert_error(RG_EVALUE, "rg_npz_load: the path is NULL");
    rg_error_clear(t);
    assert_true(rg_failed(rg_npy_load(NULL, path)));
    assert_int_equal(rg_npz_load(NULL, path).count, 0);
    assert_int_equal(rg_npz_save(NULL, path, (rg_list){NULL, 0}), -1);
    assert_null(rg_list_find((rg_list){NULL, 0}, "x"));
}

/* -------- .npz */

static rg_list three(void) {
    static rg_tensor *items[3];
    items[0] = rg_set_name(rg_input(t, ((float[]){1, 2, 3, 4, 5, 6}), 2, 3), "x");
    items[1] = rg_set_name(rg_input(t, ((int[]){-1, 8}), 2), "layers/0.weight");
    items[2] = rg_set_name(rg_full(t, 7), "\xc3\xa4");
    return (rg_list){items, 3};
}

static void npz_there_and_back(void **state) {
    (void)state;
    snprintf(path, sizeof path, "%s/arrays.npz", folder);
    assert_int_equal(rg_npz_save(t, path, three()), 0);
    rg_tape_reset(t);
    const rg_list l = rg_npz_load(t, path);
    assert_int_equal(l.count, 3);
    rg_tape_reset(t);
    assert_string_equal(rg_name_of(l.items[1]), "layers/0.weight");
    assert_int_equal(rg_i32(l.items[1])[1], 8);
    assert_int_equal(rg_ndim(l.items[2]), 0);
    assert_array(rg_list_find(l, "x"), &goods[0]);
    assert_null(rg_list_find(l, "X"));
    assert_null(rg_list_find(l, NULL));
    assert_null(rg_list_find(rg_list_of(rg_full(t, 1)), "x"));
    assert_ptr_equal(rg_list_find(l, "\xc3\xa4"), l.items[2]);
    for (int i = 0; i < l.count; i++) rg_release(l.items[i]);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 0);
}

static void npz_is_the_same_every_time(void **state) {
    (void)state;
    unsigned char found[2][2048];
    size_t n[2];
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/arrays.npz", folder);
        assert_int_equal(rg_npz_save(t, path, three()), 0);
        FILE *f = fopen(path, "rb");
        n[k] = fread(found[k], 1, sizeof found[k], f);
        fclose(f);
        if (k == 0) sleep(2); /* a zip's clock has two seconds */
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(found[0], found[1], n[0]);
    rg_tape_reset(t);
}

static void npz_deflated(void **state) {
    (void)state;
    put_small();
    zip_new(2, (const char *const[]){"x.npy", "y.npy"}, &plain, DEFLATED);
    const rg_list l = rg_npz_load(t, path);
    assert_int_equal(l.count, 2);
    assert_array(rg_list_find(l, "y"), &goods[0]);
}

static void refused_npz(const char *says) {
    const rg_list l = rg_npz_load(t, path);
    assert_int_equal(l.count, 0);
    refused(rg_poison(t), says);
}

static void hostile_npz(void **state) {
    (void)state;
    put_small();
    zip_new(1, (const char *const[]){"readme.txt"}, &plain, STORED);
    refused_npz("a member is no .npy file: 'readme.txt'");
    zip_new(2, (const char *const[]){"x.npy", "folder/"}, &(bytes){.n = 0}, STORED);
    refused_npz("arrays.npz: x.npy: ends after 0 bytes");
    plain.n--;
    zip_new(1, (const char *const[]){"x.npy"}, &plain, DEFLATED);
    refused_npz("arrays.npz: x.npy: the header promises 24 bytes of values, but only 23 follow");
    plain.n += 2;
    zip_new(1, (const char *const[]){"x.npy"}, &plain, DEFLATED);
    refused_npz("but at least 25 follow");
    plain.n = 0;
    put_npy(1, DICT("'<f4'", "False", "(1000000, 1000000)"));
    zip_new(1, (const char *const[]){"x.npy"}, &plain, DEFLATED);
    refused_npz("promises 4000000000000 bytes of values, but only 0 follow");
    scratch_write(path, folder, "arrays.npz", "PK\5\6", 4);
    refused_npz("it is too short");
    scratch_write(path, folder, "arrays.npz", "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    refused_npz("holds no arrays");
    plain.n = 0;
    put_small();
    zip_new(2, (const char *const[]){"x.npy", "x.npy"}, &plain, STORED);
    refused_npz("two arrays have the name x");
    zip_new(1, (const char *const[]){"x.npy"}, &plain, 12);
    refused_npz("x.npy is packed by method 12, not 0 or 8");
    zip_new(1, (const char *const[]){"x\xff.npy"}, &plain, STORED);
    refused_npz("the name of a member is not UTF-8");
    zip_new(1, (const char *const[]){".npy"}, &plain, STORED);
    refused_npz("a member is no .npy file: '.npy'");
    char long_name[600];
    memset(long_name, 'x', sizeof long_name);
    memcpy(long_name + 508, ".npy", 5);
    zip_new(1, (const char *const[]){long_name}, &plain, STORED);
    refused_npz("a member is no .npy file: 'xxx");
    zip_new(1, (const char *const[]){long_name + 1}, &plain, STORED);
    rg_release(rg_npz_load(t, path).items[0]);
    rg_tape_reset(t);
}

/* One number changed in an archive of one member, x.npy: where, from the start of which record, how many bytes, and what is said. */
typedef struct wrong { const char *name; int method; char record; size_t at; int n; uint64_t value; const char *says; } wrong;
static const wrong wrongs[] = {
    {"no end", STORED, 'e', 0, 4, 0, "it has no end of a zip archive"},
    {"a comment", STORED, 'e', 20, 2, 1, "it has no end of a zip archive"},
    {"more members than entries", STORED, 'e', 10, 2, 2, "the directory is too short for its members"},
    {"fewer members than entries", STORED, 'e', 10, 2, 0, "holds no arrays"},
    {"a directory that is longer", STORED, 'e', 12, 4, 60, "the directory does not reach to the end record"},
    {"a directory that begins elsewhere", STORED, 'e', 16, 4, 3, "the directory does not reach to the end record"},
    {"a directory behind the end", STORED, 'e', 16, 4, 100000, "the directory does not reach to the end record"},
    {"a count of 64 bits that is not there", STORED, 'e', 10, 2, 0xffff, "it has no zip64 end record"},
    {"no entry", STORED, 'd', 0, 4, 0, "an entry of the directory is damaged"},
    {"a name longer than the directory", STORED, 'd', 28, 2, 6, "an entry of the directory is damaged"},
    {"an extra field longer than the directory", STORED, 'd', 30, 2, 1, "an entry of the directory is damaged"},
    {"a comment longer than the directory", STORED, 'd', 32, 2, 9, "an entry of the directory is damaged"},
    {"a name shorter than the directory", STORED, 'd', 28, 2, 4, "a member is no .npy file: 'x.np'"},
    {"a NUL in the name", STORED, 'd', ENTRY, 1, 0, "a member is no .npy file: ''"},
    {"another name than the member's", STORED, 'd', ENTRY, 1, 'y', "a member and its entry differ"},
    {"encrypted", STORED, 'd', 8, 2, 1, "x.npy is encrypted"},
    {"bzip2", STORED, 'd', 10, 2, 12, "x.npy is packed by method 12, not 0 or 8"},
    {"another method than the member's", STORED, 'd', 10, 2, 8, "a member and its entry differ"},
    {"a wrong checksum", STORED, 'd', 16, 4, 1, "arrays.npz: x.npy: is damaged: its size or checksum is not what the directory says"},
    {"a wrong checksum, deflated", DEFLATED, 'd', 16, 4, 1, "arrays.npz: x.npy: is damaged: its size or checksum"},
    {"a wrong size", STORED, 'd', 24, 4, 1, "arrays.npz: x.npy: is damaged: its size or checksum"},
    {"a larger packed size", STORED, 'd', 20, 4, 1000, "a member reaches into the directory"},
    {"a smaller packed size", STORED, 'd', 20, 4, 151, "x.npy: the header promises 24 bytes of values, but only 23 follow"},
    {"a smaller packed size, deflated", DEFLATED, 'd', 20, 4, 20, "x.npy: the packed data is cut short"},
    {"no packed bytes, deflated", DEFLATED, 'd', 20, 4, 0, "x.npy: the packed data is cut short"},
    {"a place behind the end", STORED, 'd', 42, 4, 100000, "something would be behind the end of the file"},
    {"a place that is no member", STORED, 'd', 42, 4, 1, "a member and its entry differ"},
    {"a length of 64 bits that is not there", STORED, 'e', 12, 4, 0xffffffff, "it has no zip64 end record"},
    {"a place of the directory of 64 bits that is not there", STORED, 'e', 16, 4, 0xffffffff, "it has no zip64 end record"},
    {"a packed size of 64 bits that is not there", STORED, 'd', 20, 4, 0xffffffff, "a size of 64 bits is missing"},
    {"a size of 64 bits that is not there", STORED, 'd', 24, 4, 0xffffffff, "a size of 64 bits is missing"},
    {"a place of 64 bits that is not there", STORED, 'd', 42, 4, 0xffffffff, "a size of 64 bits is missing"},
    {"no member", STORED, 'l', 0, 4, 0, "a member and its entry differ"},
    {"another name in the member", STORED, 'l', LOCAL, 1, 'y', "a member and its entry differ"},
    {"another length of the name in the member", STORED, 'l', 26, 2, 6, "a member and its entry differ"},
    {"an extra field behind the member's bytes", STORED, 'l', 28, 2, 60000, "a member reaches into the directory"},
    {"an extra field where bytes are", STORED, 'l', 28, 2, 1, "a member reaches into the directory"},
    {"deflated bytes that are damaged", DEFLATED, 'l', LOCAL + 5, 1, 7, "x.npy: the packed data is damaged"},
    {"stored bytes that are damaged", STORED, 'l', LOCAL + 5 + 130, 1, 7, "x.npy: is damaged: its size or checksum"},
};

static void a_directory_that_is_too_long(void **state) {
    (void)state;
    put_small();
    zip_new(2, (const char *const[]){"x.npy", "y.npy"}, &plain, STORED);
    archive.at[archive.n - END + 10] = 1;
    write_archive();
    refused_npz("the directory is too long");
}

static void wrong_number(void **state) {
    const wrong *w = *state;
    put_small();
    zip_new(1, (const char *const[]){"x.npy"}, &plain, w->method);
    const size_t end = archive.n - END, directory = end - ENTRY - 5;
    unsigned char *at = archive.at + (w->record == 'e' ? end : w->record == 'd' ? directory : 0) + w->at;
    for (int k = 0; k < w->n; k++) at[k] = (unsigned char)(w->value >> 8 * k);
    write_archive();
    refused_npz(w->says);
}

/* What is packed ends before the member does. */
static void more_than_is_packed(void **state) {
    (void)state;
    put_small();
    unsigned char shorter[1 << 10];
    const size_t n = deflated(shorter, sizeof shorter, &plain);
    zip_new(1, (const char *const[]){"x.npy"}, &plain, DEFLATED);
    const size_t end = archive.n - END, directory = end - ENTRY - 5;
    memmove(archive.at + directory + 3, archive.at + directory, archive.n - directory);
    archive.n += 3;
    archive.at[directory + 3 + 20] = (unsigned char)(n + 3);
    const size_t place = directory + 3;
    memcpy(archive.at + archive.n - END + 16, &(uint32_t){(uint32_t)place}, 4);
    write_archive();
    refused_npz("x.npy: something that is not packed follows the packed data");
}

/* Entries that share a member's bytes would unpack more than there is. */
static void members_that_overlap(void **state) {
    (void)state;
    put_small();
    zip_new(2, (const char *const[]){"x.npy", "y.npy"}, &plain, STORED);
    const size_t end = archive.n - END, entry = end - ENTRY - 5; /* y's, whose place becomes x's */
    const size_t local = LOCAL + 5 + plain.n;
    memmove(archive.at + local, archive.at + 2 * local, archive.n - 2 * local); /* without y's bytes */
    archive.n -= local;
    memset(archive.at + entry - local + 42, 0, 4);
    memcpy(archive.at + entry - local + ENTRY, "x.npy", 5);
    memcpy(archive.at + end - local + 16, &(uint32_t){(uint32_t)local}, 4);
    write_archive();
    refused_npz("members overlap");
}

/* What we write ourselves has 64 bits throughout; a number changed there. */
static void wrong_number_of_64_bits(void **state) {
    (void)state;
    static const struct { size_t from_end, n; uint64_t value; const char *says; } tries[] = {{END + 20, 4, 0, "it has no zip64 end record"},
        {END + 12, 8, 7, "it has no zip64 end record"}, {END + 20 + 56, 4, 0, "it has no zip64 end record"},
        {END + 20 + 56 - 32, 8, 9, "too short for its members"},
        {END + 20 + 56 - 32, 8, 0, "holds no arrays"}, {END + 20 + 56 - 32, 8, UINT64_MAX, "too short for its members"},
        {END + 20 + 56 - 40, 8, 9, "the directory does not reach to the end record"},
        {END + 20 + 56 - 48, 8, UINT64_MAX, "the directory does not reach to the end record"},
        {END + 76 + 28, 2, 2, "a size of 64 bits is missing"},
        {END + 76 + 26, 2, 16, "a size of 64 bits is missing"}, {END + 76 + 26, 2, 25, "a size of 64 bits is missing"},
        {END + 76 + 24, 8, 5, "x.npy: is damaged: its size"},
        {END + 76 + 16, 8, UINT64_MAX, "a member reaches into the directory"}, {END + 76 + 8, 8, UINT64_MAX, "behind the end of the file"},
        {END + 76 + 8, 8, UINT64_MAX - 29, "behind the end of the file"}};
    rg_tensor *x = rg_set_name(rg_full(t, 7), "x");
    snprintf(path, sizeof path, "%s/arrays.npz", folder);
    assert_int_equal(rg_npz_save(t, path, (rg_list){&x, 1}), 0);
    rg_tape_reset(t);
    FILE *f = fopen(path, "rb");
    archive.n = fread(archive.at, 1, sizeof archive.at, f);
    fclose(f);
    const bytes whole = archive;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        archive = whole;
        for (size_t k = 0; k < tries[i].n; k++) archive.at[archive.n - tries[i].from_end + k] = (unsigned char)(tries[i].value >> 8 * k);
        write_archive();
        refused_npz(tries[i].says);
    }
    archive = whole;
    memmove(archive.at, archive.at + archive.n - END - 70, END + 70); /* cut in the end of 64 bits */
    archive.n = END + 70;
    write_archive();
    refused_npz("it is too short");
}

/* As others write it: an extra field before the one of 64 bits, and only what does not fit in there. */
static void extra_fields(void **state) {
    (void)state;
    static const unsigned char extra[] = {0x55, 0x54, 1, 0, 9, 1, 0, 8, 0, 152, 0, 0, 0, 0, 0, 0, 0};
    put_small();
    assert_int_equal(plain.n, 152);
    zip_new(1, (const char *const[]){"x.npy"}, &plain, STORED);
    const size_t end = archive.n - END;
    memmove(archive.at + end + sizeof extra, archive.at + end, END);
    memcpy(archive.at + end, extra, sizeof extra);
    archive.n += sizeof extra;
    unsigned char *entry = archive.at + end - 5 - ENTRY;
    memset(entry + 24, 0xff, 4);
    entry[30] = sizeof extra;
    archive.at[archive.n - END + 12] = (unsigned char)(archive.at[archive.n - END + 12] + sizeof extra);
    write_archive();
    const rg_list l = rg_npz_load(t, path);
    if (l.count != 1) fail_msg("%s", rg_error(t));
    assert_array(l.items[0], &goods[0]);
    rg_release(l.items[0]);
    rg_tape_reset(t);
    archive.at[end + 2] = 200; /* an extra field that is longer than all of them */
    write_archive();
    refused_npz("a size of 64 bits is missing");
}

/* A file without values may promise any shape; to print it takes no time. */
static void print_hostile_npy(void **state) {
    (void)state;
    char text[8] = "";
    FILE *to = fmemopen(text, sizeof text, "w");
    put_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 0), }");
    write_bytes("array.npy", &plain);
    alarm(20);
    rg_print(rg_npy_load(t, path), to);
    alarm(0);
    fclose(to);
    assert_null(rg_error(t));
    assert_string_equal(text, "[]\n");
}

/* So many that they are counted in 64 bits; the time grows with their number, not with its square. */
static void npzload(void **state) {
    (void)state;
    enum { MANY = 70000, FEW = MANY / 10 };
    static rg_tensor *items[MANY];
    double seconds[2];
    snprintf(path, sizeof path, "%s/arrays.npz", folder);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", (int)(i * 7919LL % MANY));
        items[i] = rg_set_name(rg_full(t, i, 1), name);
    }
    for (int k = 0; k < 2; k++) {
        const int n = k ? MANY : FEW;
        assert_int_equal(rg_npz_save(t, path, (rg_list){items, n}), 0);
        const clock_t start = clock();
        const rg_list l = rg_npz_load(t, path);
        seconds[k] = (double)(clock() - start) / CLOCKS_PER_SEC;
        assert_int_equal(l.count, n);
        assert_true(*rg_f32(l.items[n - 1]) == (float)(n - 1));
        assert_string_equal(rg_name_of(l.items[n - 1]), rg_name_of(items[n - 1]));
        for (int i = 0; i < n; i++) rg_release(l.items[i]);
    }
    rg_tape_reset(t);
    print_message("# %d members: %.3f s, %d: %.3f s\n", FEW, seconds[0], MANY, seconds[1]);
    assert_true(seconds[1] < 40 * seconds[0] + .1); /* by the square it would be 100 times */
}

static void odd_lists(void **state) {
    (void)state;
    rg_list l = three();
    snprintf(path, sizeof path, "%s/arrays.npz", folder);
    static const struct { int count; const char *name; rg_code code; const char *says; } tries[] = {{0, "x", RG_EVALUE,
        "no tensors to save"},
        {3, "", RG_EVALUE, "tensor 2 has no name"}, {3, "x", RG_EIO, "two arrays have the name x"},
        {3, "\xff\xfe", RG_EIO, "the name of tensor 2 is not UTF-8"}};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        rg_set_name(l.items[2], tries[i].name);
        assert_int_equal(rg_npz_save(t, path, (rg_list){l.items, tries[i].count}), -1);
        if (rg_error_code(t) != tries[i].code) fail_msg("%s", rg_error(t));
        if (!strstr(rg_error(t), tries[i].says)) fail_msg("%s", rg_error(t));
        rg_error_clear(t);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    assert_int_equal(rg_npz_save(t, NULL, l), -1);
    rg_error_clear(t);
    assert_int_equal(rg_npz_save(t, path, (rg_list){NULL, 1}), -1);
    rg_error_clear(t);
    rg_tensor *unnamed = rg_full(t, 1);
    assert_int_equal(rg_npz_save(t, path, (rg_list){&unnamed, 1}), -1);
    rg_error_clear(t);
    assert_int_equal(rg_npz_save(t, path, rg_list_of(NULL)), -1);
    rg_error_clear(t);
    rg_tape *other = metered_tape(&memory, false, 1);
    rg_tensor *foreign = rg_set_name(rg_full(other, 1), "x");
    assert_int_equal(rg_npz_save(t, path, (rg_list){&foreign, 1}), -1);
    rg_error_clear(t);
    rg_tape_free(other);
    rg_tape_reset(t);
}

/* -------- damage, and no memory */

static void load_any(bool npz) {
    const rg_list l = npz ? rg_npz_load(t, path) : rg_list_of(rg_npy_load(t, path));
    for (int i = 0; i < l.count && !rg_error(t); i++) rg_release(l.items[i]);
    rg_tape_reset(t);
    rg_error_clear(t);
    assert_int_equal(rg_memory(t).tensors, 0);
}

static void every_damage(void **state) {
    const bool npz = *state != NULL;
    put_small();
    if (npz) {
        zip_new(2, (const char *const[]){"x.npy", "y.npy"}, &plain, DEFLATED);
        plain = archive;
    }
    const bytes whole = plain;
    for (size_t n = 0; n < whole.n; n++) {
        plain.n = n;
        write_bytes("damaged", &plain);
        if (npz) rg_npz_load(t, path);
        else rg_npy_load(t, path);
        assert_error(RG_EIO, "/damaged");
        rg_error_clear(t);
    }
    plain = whole;
    for (size_t i = 0; i < whole.n; i++)
        for (unsigned flip = 1; flip < 256; flip = flip < 128 ? flip * 2 : flip + 127) {
            plain.at[i] = (unsigned char)(whole.at[i] ^ flip);
            write_bytes("damaged", &plain);
            load_any(npz);
            plain.at[i] = whole.at[i];
        }
}

static void each_allocation_fails(void **state) {
    (void)state;
    char npy[1024];
    snprintf(npy, sizeof npy, "%s/a.npy", folder);
    snprintf(path, sizeof path, "%s/a.npz", folder);
    put_npy(1, goods[10].dict);
    put(&plain, goods[10].values, goods[10].size);
    scratch_write(npy, folder, "a.npy", plain.at, plain.n);
    rg_tape_free(t);
    for (int what = 0; what < 3; what++)
        for (int64_t k = 0;; k++) {
            t = metered_tape(&memory, true, 1);
            const rg_list l = three();
            memory.calls = 0, memory.fail_at = k;
            rg_list loaded = {NULL, 1};
            rg_tensor *x = NULL;
            if (what == 0) rg_npz_save(t, path, l);
            if (what == 1) loaded = rg_npz_load(t, path);
            if (what == 2) x = rg_npy_load(t, npy);
            memory.fail_at = -1;
            const bool failed = rg_error(t) != NULL;
            if (failed && rg_error_code(t) != RG_ENOMEM) fail_msg("%s", rg_error(t));
            assert_true(what || failed == (access(path, F_OK) != 0));
            assert_int_equal(loaded.count, what != 1 ? 1 : failed ? 0 : 3);
            if (what == 2) assert_int_equal(rg_failed(x), failed);
            rg_error_clear(t);
            rg_tape_free(t);
            if (!failed) break;
        }
    t = metered_tape(&memory, false, 1);
}

int main(void) {
    cases c = {0};
    for (size_t i = 0; i < sizeof goods / sizeof *goods; i++) {
        CASE(&c, npy_load, &goods[i], "npy: %s", goods[i].name);
        CASE(&c, npy_there_and_back, &goods[i], "npy there and back: %s", goods[i].name);
    }
    CASE(&c, npy_as_numpy_writes_it, NULL, "npy as NumPy writes it");
    CASE(&c, views_and_gradients, NULL, "views");
    for (size_t i = 0; i < sizeof hostiles / sizeof *hostiles; i++)
        CASE(&c, hostile_npy, &hostiles[i], "hostile npy: %s", hostiles[i].name);
    CASE(&c, hostile_fronts, NULL, "hostile fronts");
    CASE(&c, npz_there_and_back, NULL, "npz there and back");
    CASE(&c, npz_is_the_same_every_time, NULL, "npz is the same every time");
    CASE(&c, npz_deflated, NULL, "npz deflated");
    CASE(&c, hostile_npz, NULL, "hostile npz");
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) CASE(&c, wrong_number, &wrongs[i], "hostile npz: %s", wrongs[i].name);
    CASE(&c, a_directory_that_is_too_long, NULL, "hostile npz: a directory that is too long");
    CASE(&c, more_than_is_packed, NULL, "hostile npz: more than is packed");
    CASE(&c, members_that_overlap, NULL, "hostile npz: members that overlap");
    CASE(&c, wrong_number_of_64_bits, NULL, "hostile npz: wrong numbers of 64 bits");
    CASE(&c, extra_fields, NULL, "npz: extra fields");
    CASE(&c, print_hostile_npy, NULL, "print_hostile_npy: npy without values, of a huge shape");
    CASE(&c, npzload, NULL, "npzload: npz, many members");
    CASE(&c, odd_lists, NULL, "odd lists");
    CASE(&c, every_damage, NULL, "every damage: npy");
    CASE(&c, every_damage, "npz", "every damage: npz");
    CASE(&c, each_allocation_fails, NULL, "each allocation fails");
    return cases_run(&c, "arrays");
}
