/* npz.c - rg_npz_load. The first byte: 1 makes an archive of the rest, with right checksums, where each member is a byte of name length,
   two of length, a name and values; otherwise the rest is the archive. */
#include "files.h"

static uint8_t archive[FILE_MOST], directory[FILE_MOST];

static size_t put(uint8_t *to, size_t at, uint64_t value, int bytes) {
    for (int k = 0; k < bytes && at < FILE_MOST; k++) to[at++] = (uint8_t)(k < 8 ? value >> 8 * k : 0);
    return at;
}

static size_t put_bytes(uint8_t *to, size_t at, const uint8_t *from, size_t n) {
    if (n > FILE_MOST - at) n = FILE_MOST - at;
    memcpy(to + at, from, n);
    return at + n;
}

/* What a local header and one of the directory have in common. */
static size_t put_common(uint8_t *to, size_t at, uint32_t crc, size_t n, size_t name) {
    at = put(to, at, 20, 2), at = put(to, at, 0, 8);
    at = put(to, at, crc, 4), at = put(to, at, n, 4), at = put(to, at, n, 4);
    return put(to, at, name, 2);
}

static size_t make_archive(const uint8_t *data, size_t size) {
    size_t at = 0, d = 0, members = 0;
    while (size >= 3) {
        const size_t name = data[0] % 32u < size - 3 ? data[0] % 32u : size - 3, left = size - 3 - name, wanted = data[1] + 256u * data[2],
            n = wanted < left ? wanted : left;
        const uint8_t *values = data + 3 + name;
        const uint32_t crc = (uint32_t)crc32(0, values, (uInt)n);
        const size_t offset = at;
        at = put(archive, at, 0x04034b50, 4);
        at = put(archive, put_common(archive, at, crc, n, name), 0, 2);
        at = put_bytes(archive, put_bytes(archive, at, data + 3, name), values, n);
        d = put(directory, d, 0x02014b50, 4);
        d = put(directory, put_common(directory, put(directory, d, 20, 2), crc, n, name), 0, 12);
        d = put_bytes(directory, put(directory, d, offset, 4), data + 3, name);
        members++;
        data = values + n;
        size = left - n;
    }
    const size_t begin = at;
    at = put_bytes(archive, at, directory, d);
    at = put(archive, at, 0x06054b50, 8);
    at = put(archive, put(archive, at, members, 2), members, 2);
    return put(archive, put(archive, at, d, 4), begin, 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > FILE_MOST / 2) return 0;
    fuzz_begin();
    const rg_list l = rg_npz_load(t,
        data[0] & 1 ? fuzz_file("file", archive, make_archive(data + 1, size - 1)) : fuzz_file("file", data + 1, size - 1));
    if (fuzz_refused(0) && l.count) fuzz_fail("%d arrays after an error", l.count);
    for (int i = 0; i < l.count; i++) {
        if (rg_list_find(l, rg_name_of(l.items[i])) != l.items[i]) fuzz_fail("two arrays have one name");
        if (i < 3) fuzz_use(l.items[i]);
    }
    if (l.count && rg_npz_save(t, fuzz_path("again"), l)) fuzz_fail("what was loaded cannot be saved: %s", rg_error(t));
    fuzz_end();
    return 0;
}
