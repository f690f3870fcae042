/* zips.h - for tests of .npz files: archives built by hand. */
#ifndef RG_TESTS_ZIPS_H
#define RG_TESTS_ZIPS_H

#include "tests/support/scratch.h"

/* An archive of members with these names and bytes, built by hand: method 0 or 8; any other is stored and said to be that one. */
enum { STORED = 0, DEFLATED = 8, LOCAL = 30, ENTRY = 46, END = 22 };
static bytes archive;

static inline void le(uint64_t v, int n) {
    for (int k = 0; k < n; k++, v >>= 8) put(&archive, &(unsigned char){(unsigned char)v}, 1);
}

static inline size_t deflated(unsigned char *to, size_t room, const bytes *from) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)from->at, z.avail_in = (uInt)from->n;
    z.next_out = to, z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static inline void write_archive(void) { write_bytes("arrays.npz", &archive); }

static inline void zip_new(int n, const char *const *names, const bytes *contents, int method) {
    static unsigned char shorter[1 << 16];
    const bool pack = method == DEFLATED;
    const size_t size = pack ? deflated(shorter, sizeof shorter, contents) : contents->n;
    const uint32_t crc = (uint32_t)crc32(0, contents->at, (uInt)contents->n);
    size_t place[8], directory;
    archive.n = 0;
    for (int i = 0; i <= n; i++) place[i] = 0;
    for (int entry = 0; entry < 2; entry++) {
        directory = archive.n;
        for (int i = 0; i < n; i++) {
            if (!entry) place[i] = archive.n;
            le(entry ? 0x02014b50 : 0x04034b50, 4);
            if (entry) le(20, 2);
            le(20, 2), le(0, 2), le((uint64_t)method, 2), le(0, 4), le(crc, 4), le(size, 4), le(contents->n, 4), le(strlen(names[i]), 2),
                le(0, 2);
            if (entry) le(0, 10), le(place[i], 4);
            put(&archive, names[i], strlen(names[i]));
            if (!entry) put(&archive, pack ? shorter : contents->at, size);
        }
    }
    const size_t length = archive.n - directory;
    le(0x06054b50, 4), le(0, 4), le((uint64_t)n, 2), le((uint64_t)n, 2), le(length, 4), le(directory, 4), le(0, 2);
    write_archive();
}

#endif
