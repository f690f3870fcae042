/* test_idx.c - IDX files: good ones, hostile ones, and every damage to a small one. */
#include "tests/support/scratch.h"

#include <math.h>

/* -------- IDX */

static void idx_plain(void **state) {
    (void)state;
    small_idx();
    write_bytes("array", &plain);
    rg_tensor *x = rg_read_idx(t, path);
    assert_small(x);
    assert_string_equal(rg_name_of(x), "array");
}

static void idx_gzip(void **state) {
    (void)state;
    small_idx();
    write_bytes("array.gz", &packed);
    assert_small(rg_read_idx(t, path));
}

static void idx_gzip_by_content(void **state) {
    (void)state;
    small_idx();
    write_bytes("array", &packed);
    assert_small(rg_read_idx(t, path));
    write_bytes("array.gz", &plain);
    assert_small(rg_read_idx(t, path));
}

static void idx_gzip_of_members(void **state) {
    (void)state;
    small_idx();
    packed.n = 0;
    pack(&packed, plain.at, 5);
    pack(&packed, plain.at, 0);
    pack(&packed, plain.at + 5, plain.n - 5);
    pack(&packed, plain.at, 0);
    write_bytes("array.gz", &packed);
    assert_small(rg_read_idx(t, path));
}

/* More than fits into any buffer, both what packs well and what does not. */
static void idx_large(void **state) {
    (void)state;
    static unsigned char values[1 << 17];
    uint32_t n = sizeof values - 1000, noise = 1;
    for (uint32_t i = 0; i < n; i++) values[i] = (unsigned char)(i < n / 2 ? i / 1000 : (noise = noise * 1664525 + 1013904223) >> 24);
    put_header(&plain, 8, 1, &n);
    put(&plain, values, n);
    pack(&packed, plain.at, plain.n);
    write_bytes("plain", &plain);
    assert_memory_equal(rg_u8(rg_read_idx(t, path)), values, n);
    write_bytes("packed", &packed);
    assert_memory_equal(rg_u8(rg_read_idx(t, path)), values, n);
}

typedef struct type_case { int type; rg_dtype dtype; const char *name; unsigned size; unsigned char raw[24]; double values[3]; } type_case;
static const type_case type_cases[] = {
    {0x08, RG_U8, "u8", 1, {0, 127, 255}, {0, 127, 255}},
    {0x09, RG_I32, "i8", 1, {0, 127, 0x80}, {0, 127, -128}},
    {0x0b, RG_I32, "i16", 2, {0x12, 0x34, 0x80, 0, 0xff, 0xff}, {0x1234, -32768, -1}},
    {0x0c, RG_I32, "i32", 4, {0x12, 0x34, 0x56, 0x78, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe}, {0x12345678, -2147483648., -2}},
    {0x0d, RG_F32, "f32", 4, {0x3f, 0xc0, 0, 0, 0xc2, 0x48, 0, 0, 0x7f, 0x80, 0, 0}, {1.5, -50, (double)INFINITY}},
    {0x0e, RG_F64, "f64", 8, {0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xbf, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a, 0x80, 0, 0, 0, 0, 0, 0, 1},
        {1.5, -0.1, -4.9406564584124654e-324}},
};

static void idx_types(void **state) {
    const type_case *c = *state;
    double values[3];
    put_header(&plain, c->type, 1, (uint32_t[]){3});
    put(&plain, c->raw, 3 * c->size);
    pack(&packed, plain.at, plain.n);
    for (int k = 0; k < 2; k++) {
        write_bytes("array", k ? &packed : &plain);
        rg_tensor *x = rg_read_idx(t, path);
        assert_null(rg_error(t));
        assert_int_equal(rg_dtype_of(x), c->dtype);
        assert_int_equal(rg_copy_out(x, values, 3), 0);
        assert_memory_equal(values, c->values, sizeof values);
    }
}

static void idx_six_dimensions(void **state) {
    (void)state;
    put_header(&plain, 8, 6, (uint32_t[]){2, 1, 3, 1, 2, 1});
    put_count(&plain, 12, 256);
    write_bytes("array", &plain);
    rg_tensor *x = rg_read_idx(t, path);
    assert_int_equal(rg_ndim(x), 6);
    assert_int_equal(rg_u8(x)[11], 11);
}

static void idx_zero_dimension(void **state) {
    (void)state;
    put_header(&plain, 0x0d, 2, (uint32_t[]){0, 7});
    write_bytes("array", &plain);
    rg_tensor *x = rg_read_idx(t, path);
    assert_null(rg_error(t));
    assert_int_equal(rg_numel(x), 0);
    assert_int_equal(rg_dim(x, 1), 7);
}

static void kept_until_released(void **state) {
    (void)state;
    small_idx();
    write_bytes("array", &plain);
    rg_tensor *x = rg_read_idx(t, path);
    rg_tape_reset(t);
    assert_small(x);
    assert_int_equal(rg_memory(t).tensors, 1);
    rg_release(x);
    assert_int_equal(rg_memory(t).tensors, 0);
    assert_null(rg_error(t));
}

/* -------- hostile files: bytes, and what the message must say */

typedef struct hostile { const char *name; void (*build)(void); const char *says; } hostile;

static void header(int type, int ndim, const uint32_t *shape, size_t values) {
    put_header(&plain, type, ndim, shape);
    put_count(&plain, values, 256);
}
static void gz(void) { small_idx(), plain = packed; }
static void b_empty(void) {}
static void b_one(void) { put(&plain, "", 1); }
static void b_short_magic(void) { put(&plain, "\0\0\10", 3); }
static void b_short_dims(void) { put(&plain, "\0\0\10\2\0\0\0\1\0\0\0", 11); }
static void b_text(void) { put(&plain, "<html>404</html>", 16); }
static void b_first_byte(void) { put(&plain, "\1\0\10\1\0\0\0\1x", 9); }
static void b_second_byte(void) { put(&plain, "\0\1\10\1\0\0\0\1x", 9); }
static void b_type(void) { header(0x0a, 1, (uint32_t[]){1}, 1); }
static void b_no_dims(void) { header(8, 0, NULL, 1); }
static void b_seven_dims(void) { header(8, 7, (uint32_t[]){1, 1, 1, 1, 1, 1, 1}, 1); }
static void b_missing(void) { header(8, 3, (uint32_t[]){3, 2, 2}, 11); }
static void b_extra(void) { header(8, 3, (uint32_t[]){3, 2, 2}, 13); }
static void b_no_values(void) { header(8, 3, (uint32_t[]){60000, 28, 28}, 0); }
static void b_overflow(void) { header(8, 6, (uint32_t[]){~0u, ~0u, ~0u, ~0u, ~0u, ~0u}, 12); }
static void b_overflow_bytes(void) { header(0x0e, 2, (uint32_t[]){~0u, ~0u}, 12); }
static void b_wraps_to_12(void) { header(8, 3, (uint32_t[]){0x80000000u, 0x80000000u, 12}, 12); }
static void b_zero_overflow(void) { header(8, 4, (uint32_t[]){0, ~0u, ~0u, ~0u}, 0); }
static void b_zero_extra(void) { header(8, 2, (uint32_t[]){0, 5}, 1); }
static void b_huge(void) { header(8, 2, (uint32_t[]){~0u, 1000}, 12); }
static void b_gz_magic(void) { put(&plain, "\x1f\x8b", 2); }
static void b_gz_method(void) { gz(), plain.at[2] = 7; }
static void b_gz_cut(void) { gz(), plain.n /= 2; }
static void b_gz_no_trailer(void) { gz(), plain.n -= 8; }
static void b_gz_cut_trailer(void) { gz(), plain.n -= 1; }
static void b_gz_crc(void) { gz(), plain.at[plain.n - 8] ^= 1; }
static void b_gz_length(void) { gz(), plain.at[plain.n - 1] ^= 1; }
static void b_gz_block(void) { gz(), plain.at[10] |= 6; }
static void b_gz_garbage(void) { gz(), put(&plain, "garbage", 7); }
static void b_gz_zeros(void) { gz(), put(&plain, "\0\0\0", 3); }
static void b_gz_second_magic(void) { gz(), put(&plain, "\x1f", 1); }
static void b_gz_second_bad(void) { gz(), put(&plain, "\x1f\x8b\x08junkjunkjunk", 15); }
static void b_gz_more(void) { small_idx(), pack(&packed, plain.at, 3), plain = packed; }
static void b_gz_less(void) { small_idx(), packed.n = 0, pack(&packed, plain.at, plain.n - 1), plain = packed; }
static void b_gz_bomb(void) { /* 128 MiB of zeros in 128 KiB, of which the header knows nothing */
    static unsigned char zeros[1 << 20];
    put_header(&plain, 8, 1, (uint32_t[]){7});
    pack(&packed, plain.at, plain.n);
    for (int i = 0; i < 128; i++) pack(&packed, zeros, sizeof zeros);
    plain = packed;
}

static const hostile hostiles[] = {
    {"empty", b_empty, "is empty"},
    {"one byte", b_one, "ends after 1 byte, where 3 more are needed"},
    {"cut in the magic number", b_short_magic, "ends after 3 bytes, where 1 more are needed"},
    {"cut in the dimensions", b_short_dims, "ends after 11 bytes, where 1 more are needed"},
    {"a web page", b_text, "starts with 3c 68 74 6d"},
    {"first byte not 0", b_first_byte, "starts with 01 00 08 01"},
    {"second byte not 0", b_second_byte, "starts with 00 01 08 01"},
    {"unknown type", b_type, "starts with 00 00 0a 01"},
    {"no dimensions", b_no_dims, "0 dimensions, not 1 to 6"},
    {"seven dimensions", b_seven_dims, "7 dimensions, not 1 to 6"},
    {"a byte missing", b_missing, "the header says [3,2,2], 12 bytes, but only 11 follow"},
    {"a byte too many", b_extra, "the header says [3,2,2], 12 bytes, but at least 13 follow"},
    {"no values", b_no_values, "[60000,28,28], 47040000 bytes, but only 0 follow"},
    {"overflow of the count", b_overflow, "too large"},
    {"overflow of the bytes", b_overflow_bytes, "too large"},
    {"a product that wraps around", b_wraps_to_12, "too large"},
    {"overflow beside a 0", b_zero_overflow, "too large"},
    {"a byte after no values", b_zero_extra, "[0,5], 0 bytes, but at least 1 follow"},
    {"four terabytes promised", b_huge, "4294967295000 bytes, but only 12 follow"},
    {"gzip: magic only", b_gz_magic, "cut short"},
    {"gzip: unknown method", b_gz_method, "unknown compression method"},
    {"gzip: cut in the middle", b_gz_cut, "cut short"},
    {"gzip: no trailer", b_gz_no_trailer, "cut short"},
    {"gzip: trailer cut", b_gz_cut_trailer, "cut short"},
    {"gzip: wrong checksum", b_gz_crc, "incorrect data check"},
    {"gzip: wrong length", b_gz_length, "incorrect length check"},
    {"gzip: invalid block", b_gz_block, "invalid block type"},
    {"gzip: garbage behind", b_gz_garbage, "something that is not gzip follows"},
    {"gzip: zeros behind", b_gz_zeros, "something that is not gzip follows"},
    {"gzip: half a magic behind", b_gz_second_magic, "cut short"},
    {"gzip: second member damaged", b_gz_second_bad, "damaged"},
    {"gzip: more than promised", b_gz_more, "12 bytes, but at least 15 follow"},
    {"gzip: less than promised", b_gz_less, "12 bytes, but only 11 follow"},
    {"gzip: a bomb", b_gz_bomb, "7 bytes, but at least 4096 follow"},
};

static void hostile_file(void **state) {
    const hostile *h = *state;
    h->build();
    write_bytes("array", &plain);
    const size_t reserved = rg_memory(t).reserved;
    assert_true(rg_failed(rg_read_idx(t, path)));
    assert_error(RG_EIO, h->says);
    assert_non_null(strstr(rg_error(t), path));
    assert_non_null(strstr(rg_error(t), "HINT: "));
    assert_non_null(strstr(rg_error(t), "(test_idx.c:"));
    assert_true(rg_memory(t).reserved - reserved < 1 << 20); /* whatever was promised */
    rg_error_clear(t);
    plain.n = packed.n = 0;
    small_idx();
    write_bytes("good", &plain);
    assert_small(rg_read_idx(t, path));
}

/* -------- what is no file */

static void no_file(const char *name, const char *says) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_true(rg_failed(rg_read_idx(t, path)));
    assert_error(RG_EIO, says);
    rg_error_clear(t);
}

static void odd_paths(void **state) {
    (void)state;
    no_file("absent", "cannot be opened: No such file");
    no_file("", "is a directory, not a file");
    scratch_write(path, folder, "file", "x", 1);
    no_file("file/below", "cannot be opened: Not a directory");
    snprintf(path, sizeof path, "%s/loop", folder);
    assert_int_equal(symlink("loop", path), 0);
    no_file("loop", "cannot be opened");
    char long_name[400];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = 0;
    no_file(long_name, "cannot be opened: File name too long");
    assert_true(rg_failed(rg_read_idx(t, NULL)));
    assert_error(RG_EVALUE, "rg_read_idx: the path is NULL");
}

static void pipes_and_devices(void **state) {
    (void)state;
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    no_file("pipe", "is a device or a pipe, not a file"); /* and is not waited for */
    snprintf(path, sizeof path, "%s/null", folder);
    assert_int_equal(symlink("/dev/zero", path), 0);
    no_file("null", "is a device or a pipe, not a file");
}

static void unreadable_file(void **state) {
    (void)state;
    const uid_t me = geteuid();
    scratch_write(path, folder, "secret", "x", 1);
    chmod(path, 0);
    if (me == 0 && seteuid(65534)) skip(); /* root may read everything */
    snprintf(path, sizeof path, "%s/secret", folder);
    const bool failed = rg_failed(rg_read_idx(t, path));
    if (me == 0 && seteuid(me)) abort();
    assert_true(failed);
    assert_error(RG_EIO, "cannot be opened: Permission denied");
}

/* -------- every damage to a small file: an error or a sound tensor */

static void read_damaged(const bytes *b) {
    write_bytes("array", b);
    rg_tensor *x = rg_read_idx(t, path);
    if (rg_error(t)) {
        assert_error(RG_EIO, "rg_read_idx: ");
        rg_error_clear(t);
        return;
    }
    assert_true(rg_numel(x) * (int64_t)rg_dtype_size(rg_dtype_of(x)) <= 4 * 12);
    rg_release(x);
    rg_tape_reset(t);
}

static void every_length(void **state) {
    const bytes *whole = *state;
    small_idx();
    bytes b = *whole;
    for (size_t n = 0; n < whole->n; n++) {
        b.n = n;
        write_bytes("array", &b);
        assert_true(rg_failed(rg_read_idx(t, path)));
        assert_error(RG_EIO, "rg_read_idx: ");
        rg_error_clear(t);
    }
}

static void every_byte(void **state) {
    const bytes *whole = *state;
    small_idx();
    for (size_t i = 0; i < whole->n; i++)
        for (unsigned flip = 1; flip < 256; flip = flip < 128 ? flip * 2 : flip + 127) {
            bytes b = *whole;
            b.at[i] = (unsigned char)(b.at[i] ^ flip);
            read_damaged(&b);
        }
}

static void random_damage(void **state) {
    const bytes *whole = *state;
    rg_rng r;
    rg_rng_seed(&r, 5);
    small_idx();
    for (int k = 0; k < 2000; k++) {
        bytes b = *whole;
        for (int64_t i = rg_rng_integers(&r, 1, 6); i > 0; i--)
            b.at[rg_rng_integers(&r, 0, (int64_t)b.n)] = (unsigned char)rg_rng_next32(&r);
        read_damaged(&b);
    }
}

int main(void) {
    cases c = {0};
    CASE(&c, idx_plain, NULL, "idx: plain");
    CASE(&c, idx_gzip, NULL, "idx: gzip");
    CASE(&c, idx_gzip_by_content, NULL, "idx: gzip whatever the name");
    CASE(&c, idx_gzip_of_members, NULL, "idx: gzip of several members");
    CASE(&c, idx_large, NULL, "idx: larger than a buffer");
    for (size_t i = 0; i < sizeof type_cases / sizeof *type_cases; i++)
        CASE(&c, idx_types, &type_cases[i], "idx: type %s", type_cases[i].name);
    CASE(&c, idx_six_dimensions, NULL, "idx: six dimensions");
    CASE(&c, idx_zero_dimension, NULL, "idx: a dimension of 0");
    CASE(&c, kept_until_released, NULL, "kept until released");
    for (size_t i = 0; i < sizeof hostiles / sizeof *hostiles; i++) CASE(&c, hostile_file, &hostiles[i], "hostile: %s", hostiles[i].name);
    CASE(&c, odd_paths, NULL, "odd paths");
    CASE(&c, pipes_and_devices, NULL, "pipes and devices");
    CASE(&c, unreadable_file, NULL, "unreadable file");
    for (int k = 0; k < 2; k++) {
        CASE(&c, every_length, k ? &packed : &plain, "damaged %s: every length", k ? "gzip" : "idx");
        CASE(&c, every_byte, k ? &packed : &plain, "damaged %s: every byte", k ? "gzip" : "idx");
        CASE(&c, random_damage, k ? &packed : &plain, "damaged %s: at random", k ? "gzip" : "idx");
    }
    return cases_run(&c, "idx");
}
