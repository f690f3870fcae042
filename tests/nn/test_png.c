/* test_png.c - pictures as PNG: those that stb_image_write makes, other forms built by hand, bad ones, and folders of them. */
#include "tests/support/pngs.h"

#if defined __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb/stb_image_write.h>
#if defined __GNUC__
#pragma GCC diagnostic pop
#endif

#ifndef RG_PNG
static void without_libpng(void **state) {
    (void)state;
    assert_true(rg_failed(rg_read_png(t, "x.png")));
    assert_error(RG_ESTATE, "rg_read_png: this library was built without libpng (");
    rg_error_clear(t);
    const rg_dataset d = rg_read_png_folder(t, folder);
    assert_true(rg_failed(d.x) && rg_failed(d.y));
    assert_error(RG_ESTATE, "rg_read_png_folder: this library was built without libpng");
}

int main(void) {
    cases c = {0};
    CASE(&c, without_libpng, NULL, "without libpng");
    return cases_run(&c, "png");
}
#else

static void assert_picture(rg_tensor *x, int ndim, const int64_t *shape, const unsigned char *values) {
    if (rg_error(t)) fail_msg("%s", rg_error(t));
    assert_int_equal(rg_dtype_of(x), RG_U8);
    assert_int_equal(rg_ndim(x), ndim);
    assert_memory_equal(rg_shape(x), shape, (size_t)ndim * sizeof *shape);
    assert_memory_equal(rg_u8(x), values, (size_t)rg_numel(x));
}

enum { HIGH = 23, WIDE = 31 };
static unsigned char pixels[HIGH * WIDE * 4], planes[HIGH * WIDE * 4];

/* channels of pixels, in the file and here: grey with transparency becomes four. */
static void by_stb(void **state) {
    const int channels = *(const int *)*state, here = channels == 2 ? 4 : channels;
    for (int i = 0; i < HIGH * WIDE * channels; i++) pixels[i] = (unsigned char)(i * i / 7 + i);
    for (int c = 0; c < here; c++)
        for (int k = 0; k < HIGH * WIDE; k++) planes[c * HIGH * WIDE + k] = pixels[k * channels + (channels == 2 ? c == 3 : c)];
    snprintf(path, sizeof path, "%s/made-by-stb.png", folder);
    assert_true(stbi_write_png(path, WIDE, HIGH, channels, pixels, WIDE * channels));
    rg_tensor *x = rg_read_png(t, path);
    const int64_t shape[] = {here, HIGH, WIDE};
    assert_picture(x, here == 1 ? 2 : 3, here == 1 ? shape + 1 : shape, planes);
    assert_string_equal(rg_name_of(x), "made-by-stb.png");
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 1);
}
static const int channel_counts[] = {1, 2, 3, 4};

static rg_tensor *read_bytes(void) {
    write_bytes("p.png", &plain);
    return rg_read_png(t, path);
}

/* One bit, two bits of a palette, with and without a transparent colour, sixteen bits. */
static void by_hand(void **state) {
    (void)state;
    png_picture(&plain, 9, 2, 1, 0, (unsigned char[]){0xa5, 0x80, 0x0f, 0x00}, 2);
    assert_picture(read_bytes(), 2, (int64_t[]){2, 9},
        (unsigned char[]){255, 0, 255, 0, 0, 255, 0, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255, 0});
    for (int transparent = 0; transparent < 2; transparent++) {
        png_begin(&plain, 3, 1, 2, 3);
        put_chunk(&plain, "PLTE", (unsigned char[]){1, 2, 3, 40, 50, 60, 7, 8, 9}, 9);
        if (transparent) put_chunk(&plain, "tRNS", (unsigned char[]){255, 77}, 2);
        png_end(&plain, (unsigned char[]){0x18}, 1, 1); /* 0 1 2 */
        assert_picture(read_bytes(), 3, (int64_t[]){transparent ? 4 : 3, 1, 3},
            (unsigned char[]){1, 40, 7, 2, 50, 8, 3, 60, 9, 255, 77, 255});
    }
    png_picture(&plain, 4, 1, 16, 0, (unsigned char[]){0, 0, 0x80, 0x80, 0xff, 0xff, 0x12, 0x34}, 8);
    assert_picture(read_bytes(), 2, (int64_t[]){1, 4}, (unsigned char[]){0, 128, 255, 18});
}

/* Other chunks change no value, and are not unpacked. */
static void gamma_is_not_applied(void **state) {
    (void)state;
    const unsigned char row[] = {10, 100, 200};
    png_begin(&plain, 3, 1, 8, 0);
    put_chunk(&plain, "gAMA", (unsigned char[]){0, 1, 0x86, 0xa0}, 4); /* 1 */
    put_chunk(&plain, "iCCP", "name\0\0nothing packed", 20);
    put_chunk(&plain, "zTXt", "name\0\0nothing packed", 20);
    png_end(&plain, row, 3, 1);
    assert_picture(read_bytes(), 2, (int64_t[]){1, 3}, row);
}

/* Chunks are moved over one another: a palette whose colours read like a chunk's name comes to where its own name was. */
static void a_palette_that_spells_a_chunk(void **state) {
    (void)state;
    png_begin(&plain, 4, 1, 2, 3);
    put_chunk(&plain, "none", "", 0);
    put_chunk(&plain, "PLTE", "01234567IDAT", 12);
    png_end(&plain, (unsigned char[]){0x1b}, 1, 1); /* 0 1 2 3 */
    assert_picture(read_bytes(), 3, (int64_t[]){3, 1, 4}, (const unsigned char *)"036D147A25IT");
}

static void wanted_channels(void **state) {
    (void)state;
    png_picture(&plain, 2, 1, 8, 0, (unsigned char[]){5, 6}, 2);
    write_bytes("p.png", &plain);
    assert_picture(rg_read_png(t, path, .channels = 3), 3, (int64_t[]){3, 1, 2}, (unsigned char[]){5, 6, 5, 6, 5, 6});
    assert_picture(rg_read_png(t, path, .channels = 4), 3, (int64_t[]){4, 1, 2}, (unsigned char[]){5, 6, 5, 6, 5, 6, 255, 255});
    png_picture(&plain, 1, 1, 8, 6, (unsigned char[]){9, 8, 7, 0}, 4);
    write_bytes("p.png", &plain);
    assert_picture(rg_read_png(t, path, .channels = 3), 3, (int64_t[]){3, 1, 1}, (unsigned char[]){9, 8, 7});
    assert_true(rg_failed(rg_read_png(t, path, .channels = 1)));
    assert_int_equal(rg_error_code(t), RG_EVALUE);
    assert_non_null(strstr(rg_error(t), "rg_read_png: channels 1, not 3 or 4 ("));
}

static void fails(const char *says) {
    const size_t reserved = rg_memory(t).reserved;
    assert_true(rg_failed(read_bytes()));
    assert_error(RG_EIO, says);
    assert_true(rg_memory(t).reserved - reserved < 1 << 20);
    rg_error_clear(t);
}

static void refusals(void **state) {
    (void)state;
    assert_true(rg_failed(rg_read_png(t, NULL)));
    assert_error(RG_EVALUE, "rg_read_png: the path is NULL");
    rg_error_clear(t);
    assert_true(rg_failed(rg_read_png(NULL, "x")));
    fails("p.png: is empty");
    put(&plain, "no picture, but long enough for a header, and more", 50);
    fails("p.png: is no PNG picture");
    const unsigned char row[] = {1, 2, 3};
    png_picture(&plain, 3, 1, 8, 0, row, 3);
    plain.n = 30;
    fails("p.png: is no PNG picture");
    png_picture(&plain, 3, 1, 8, 0, row, 3);
    plain.n -= 14; /* within the values' checksum */
    fails("p.png: is no PNG picture, or a damaged one: ");
    png_picture(&plain, 3, 1, 8, 0, row, 3);
    plain.at[plain.n - 13] ^= 1;
    fails("p.png: is no PNG picture, or a damaged one: ");
    static const uint32_t claims[][4] = {
        {900000, 900000, 16, 6}, {0x7fffffff, 1, 1, 0}, {40, 40, 8, 0}, {3, 1, 7, 0}, {3, 1, 8, 5}, {0, 1, 8, 0}};
    for (int i = 0; i < 6; i++) { /* of 6 TB, beyond libpng's limit, fewer rows than it says, no such form */
        png_begin(&plain, claims[i][0], claims[i][1], (int)claims[i][2], (int)claims[i][3]);
        png_end(&plain, row, 3, 1);
        fails(i == 0 ? "p.png: the header says 900000 x 900000, more than" : "p.png: is no PNG picture, or a damaged one: ");
    }
}

/* -------- folders */

static void grey(const char *name, uint32_t w, uint32_t h, unsigned char value) {
    unsigned char rows[64];
    memset(rows, value, sizeof rows);
    png_picture(&plain, w, h, 8, 0, rows, w);
    write_bytes(name, &plain);
}

static void a_folder(void **state) {
    (void)state;
    grey("set/dog/2.png", 3, 2, 22), grey("set/dog/10.png", 3, 2, 11), grey("set/cat/a.PNG", 3, 2, 33), grey("set/.hidden/x.png", 1, 1, 0);
    scratch_write(path, folder, "set/cat/notes.txt", "no picture", 10);
    scratch_write(path, folder, "set/README", "no folder", 9);
    snprintf(path, sizeof path, "%s/set", folder);
    rg_dataset d = rg_read_png_folder(t, path);
    assert_picture(d.x, 3, (int64_t[]){3, 2, 3}, (unsigned char[]){33, 33, 33, 33, 33, 33, 11, 11, 11, 11, 11, 11, 22, 22, 22, 22, 22, 22});
    assert_memory_equal(rg_i32(d.y), ((int32_t[]){0, 1, 1}), 3 * sizeof(int32_t));
    assert_int_equal(d.classes, 2);
    assert_string_equal(d.class_names[0], "cat");
    assert_string_equal(d.class_names[1], "dog");
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
    d = rg_read_png_folder(t, path, .channels = 3);
    assert_memory_equal(rg_shape(d.x), ((int64_t[]){3, 3, 2, 3}), 4 * sizeof(int64_t));
}

static void folder_fails(const char *dir, const char *says) {
    snprintf(path, sizeof path, "%s/%s", folder, dir);
    const rg_dataset d = rg_read_png_folder(t, path);
    assert_true(rg_failed(d.x) && rg_failed(d.y));
    assert_error(RG_EIO, says);
    rg_error_clear(t);
}

static void folder_refusals(void **state) {
    (void)state;
    assert_true(rg_failed(rg_read_png_folder(t, NULL).x));
    assert_error(RG_EVALUE, "rg_read_png_folder: the path is NULL");
    rg_error_clear(t);
    folder_fails("nothing", "nothing: cannot be opened: No such file");
    grey("set/a/1.png", 3, 2, 1);
    folder_fails("set/a", "set/a: has no folders, one for each class");
    scratch_write(path, folder, "set/b/1.txt", "x", 1);
    folder_fails("set", "set/b: has no pictures, NAME.png");
    grey("set/b/1.png", 2, 3, 1);
    folder_fails("set", "set/b/1.png: is 3 x 2 with 1 channels, the first picture 2 x 3 with 1");
    png_picture(&plain, 3, 2, 8, 2, (unsigned char[18]){1}, 9);
    write_bytes("set/b/1.png", &plain);
    folder_fails("set", "set/b/1.png: is 2 x 3 with 3 channels, the first picture 2 x 3 with 1");
    plain.n -= 20;
    write_bytes("set/b/1.png", &plain);
    folder_fails("set", "set/b/1.png: is");
}

int main(void) {
    cases c = {0};
    for (size_t i = 0; i < 4; i++) CASE(&c, by_stb, &channel_counts[i], "by stb, %d channels", channel_counts[i]);
    CASE(&c, by_hand, NULL, "other forms");
    CASE(&c, gamma_is_not_applied, NULL, "gamma is not applied");
    CASE(&c, a_palette_that_spells_a_chunk, NULL, "a palette that spells a chunk");
    CASE(&c, wanted_channels, NULL, "channels that are wanted");
    CASE(&c, refusals, NULL, "refusals");
    CASE(&c, a_folder, NULL, "a folder");
    CASE(&c, folder_refusals, NULL, "folders refused");
    return cases_run(&c, "png");
}
#endif
