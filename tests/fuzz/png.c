/* png.c - rg_read_png. The first byte: how many channels are wanted; and whether the checksums of the chunks are mended, so that a fuzzer
   needs not invent them. */
#include "files.h"

static uint32_t big_endian(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static void mend(uint8_t *p, size_t n) {
    for (size_t at = 8; n >= 12 && at <= n - 12;) {
        const size_t length = big_endian(p + at);
        if (length > n - 12 - at) return;
        const uint32_t crc = (uint32_t)crc32(0, p + at + 4, (uInt)length + 4);
        for (int k = 0; k < 4; k++) p[at + 8 + length + (size_t)k] = (uint8_t)(crc >> (24 - 8 * k));
        at += 12 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[FILE_MOST];
    if (size < 1 || size > FILE_MOST) return 0;
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 4) mend(bytes, size - 1);
    fuzz_begin();
    const rg_png_options o = {.channels = data[0] & 1 ? 3 : data[0] & 2 ? 4 : 0};
    rg_tensor *x = (rg_read_png)(t, fuzz_file("file", bytes, size - 1), o);
    if (rg_error_code(t) == RG_ESTATE) rg_error_clear(t); /* built without libpng */
    else if (!fuzz_refused(0)) {
        if (o.channels && rg_dim(x, 0) != o.channels) fuzz_fail("%lld channels", (long long)rg_dim(x, 0));
        fuzz_use(x);
        rg_release(x);
    }
    fuzz_end();
    return 0;
}
