/* test_unpacked.c - a library without zlib: plain files are read and written, packed ones are refused by name. */
#include "nn/save.h"
#include "tests/support/scratch.h"

static void plain_idx_is_read(void **state) {
    (void)state;
    small_idx();
    write_bytes("array", &plain);
    rg_tensor *x = rg_read_idx(t, path);
    assert_false(rg_failed(x));
    assert_int_equal(rg_u8(x)[11], 11);
}

static void gzip_is_refused(void **state) {
    (void)state;
    put(&packed, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
    write_bytes("array.gz", &packed);
    assert_true(rg_failed(rg_read_idx(t, path)));
    assert_int_equal(rg_error_code(t), RG_ESTATE);
    assert_non_null(strstr(rg_error(t), "array.gz is packed by gzip, and this library was built without zlib"));
}

static void npz_is_written_and_read(void **state) {
    (void)state;
    const float v[] = {1, 2, 3};
    snprintf(path, sizeof path, "%s/arrays.npz", folder);
    assert_int_equal(rg_npz_save(t, path, rg_list_of(rg_set_name(rg_input(t, v, 3), "x"))), 0);
    const rg_list read = rg_npz_load(t, path);
    assert_int_equal(read.count, 1);
    assert_memory_equal(rg_f32(read.items[0]), v, sizeof v);
}

int main(void) {
    cases c = {0};
    CASE(&c, plain_idx_is_read, NULL, "a plain idx file is read");
    CASE(&c, gzip_is_refused, NULL, "gzip is refused");
    CASE(&c, npz_is_written_and_read, NULL, "npz is written and read");
    return cases_run(&c, "unpacked");
}
