/* pngs.h - PNG pictures built chunk by chunk, of any form, good and bad. */
#ifndef RG_TESTS_PNGS_H
#define RG_TESTS_PNGS_H

#include "tests/support/scratch.h"

static inline void put_chunk(bytes *b, const char *type, const void *data, size_t n) {
    put_u32(b, (uint32_t)n);
    const size_t at = b->n;
    put(b, type, 4);
    put(b, data, n);
    put_u32(b, (uint32_t)crc32(0, b->at + at, (uInt)(n + 4)));
}

static inline void png_begin(bytes *b, uint32_t w, uint32_t h, int depth, int type) {
    bytes header = {.n = 0};
    b->n = 0;
    put(b, "\x89PNG\r\n\x1a\n", 8);
    put_u32(&header, w);
    put_u32(&header, h);
    put(&header, (unsigned char[]){(unsigned char)depth, (unsigned char)type, 0, 0, 0}, 5);
    put_chunk(b, "IHDR", header.at, header.n);
}

/* h rows of so many bytes, each with filter 0; and the end. */
static inline void png_end(bytes *b, const unsigned char *rows, size_t row, uint32_t h) {
    unsigned char raw[4096], zipped[8192];
    uLongf n = sizeof zipped;
    assert_true(h * (row + 1) <= sizeof raw);
    for (uint32_t y = 0; y < h; y++) {
        raw[y * (row + 1)] = 0;
        memcpy(raw + y * (row + 1) + 1, rows + y * row, row);
    }
    assert_int_equal(compress(zipped, &n, raw, h * (row + 1)), Z_OK);
    put_chunk(b, "IDAT", zipped, n);
    put_chunk(b, "IEND", "", 0);
}

static inline void png_picture(bytes *b, uint32_t w, uint32_t h, int depth, int type, const unsigned char *rows, size_t row) {
    png_begin(b, w, h, depth, type);
    png_end(b, rows, row, h);
}
#endif
