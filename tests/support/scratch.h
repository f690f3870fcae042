/* scratch.h - for tests of file readers: a folder that is removed again, files built byte by byte, a tape, and the check that
   a case leaves neither memory nor open files behind. */
#ifndef RG_TESTS_SCRATCH_H
#define RG_TESTS_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef RG_ZLIB
#include <zlib.h>
#endif

#include "nn/data.h"
#include "tests/support/cases.h"
#include "tests/support/meter.h"

/* -------- folders */
static inline int open_files(void) {
    int n = 0;
    for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) != -1;
    return n;
}

static inline void scratch_remove(const char *path) {
    DIR *folder = opendir(path);
    if (!folder) {
        unlink(path);
        return;
    }
    for (struct dirent *e; (e = readdir(folder));) {
        char inner[1024];
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if ((size_t)snprintf(inner, sizeof inner, "%s/%s", path, e->d_name) < sizeof inner) scratch_remove(inner);
    }
    closedir(folder);
    rmdir(path);
}

/* A new folder; its path into `path`. */
static inline void scratch_new(char path[512]) {
    const char *tmp = getenv("TMPDIR");
    snprintf(path, 512, "%s/retrograd-XXXXXX", tmp && *tmp && strlen(tmp) < 400 ? tmp : "/tmp");
    if (!mkdtemp(path)) abort();
}

/* path = folder/name, the folders in between made; bytes written there. */
static inline void scratch_write(char path[1024], const char *folder, const char *name, const void *bytes, size_t n) {
    snprintf(path, 1024, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
    unlink(path); /* a file system may write out at once what is written over */
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) abort();
}

/* -------- what every case has */

typedef struct bytes { /* a file under construction */
    unsigned char at[1 << 18];
    size_t n;
} bytes;

static bytes plain, packed; /* built anew by each case */
static char folder[512], path[1024];
static meter memory;
static rg_tape *t;
static int files_before;

static inline int setup(void **state) {
    (void)state;
    memory = (meter){.fail_at = -1};
    plain.n = packed.n = 0;
    scratch_new(folder);
    files_before = open_files();
    t = metered_tape(&memory, false, 1);
    return t ? 0 : -1;
}

/* Whatever a case did: no file stays open, no byte stays out. */
static inline int teardown(void **state) {
    (void)state;
    rg_tape_free(t);
    scratch_remove(folder);
    if (memory.out) print_error("%lld bytes leaked\n", (long long)memory.out);
    if (open_files() != files_before) print_error("%d files left open\n", open_files() - files_before);
    return memory.out == 0 && open_files() == files_before ? 0 : -1;
}

/* -------- building files */

static inline void put(bytes *b, const void *from, size_t n) {
    assert_true(b->n + n <= sizeof b->at);
    if (n) memcpy(b->at + b->n, from, n);
    b->n += n;
}

static inline void put_u32(bytes *b, uint32_t v) {
    for (int k = 24; k >= 0; k -= 8) put(b, &(unsigned char){(unsigned char)(v >> k)}, 1);
}

static inline void put_header(bytes *b, int type, int ndim, const uint32_t *shape) {
    put(b, (unsigned char[]){0, 0, (unsigned char)type, (unsigned char)ndim}, 4);
    for (int d = 0; d < ndim; d++) put_u32(b, shape[d]);
}

static inline void put_count(bytes *b, size_t n, unsigned modulo) {
    for (size_t i = 0; i < n; i++) put(b, &(unsigned char){(unsigned char)(i % modulo)}, 1);
}

#ifdef RG_ZLIB
/* One gzip member more, of n bytes. */
static inline void pack(bytes *b, const unsigned char *from, size_t n) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)from;
    z.avail_in = (uInt)n;
    z.next_out = b->at + b->n;
    z.avail_out = (uInt)(sizeof b->at - b->n);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    b->n += z.total_out;
    deflateEnd(&z);
}
#endif

/* A checkpoint as one without checksums, of the same length: their names are spoilt. For damage that has to come past them. */
static inline void without_checksums(bytes *b) {
    for (size_t i = 0; i + 7 < b->n; i++)
        if (!memcmp(b->at + i, "@crc64\"", 7) || !memcmp(b->at + i, ", crc64", 7)) b->at[i + 4] = 'X';
}

static inline void write_bytes(const char *name, const bytes *b) { scratch_write(path, folder, name, b->at, b->n); }

/* [3,2,2] u8 0 .. 11 */
static inline void small_idx(void) {
    put_header(&plain, 8, 3, (uint32_t[]){3, 2, 2});
    put_count(&plain, 12, 256);
#ifdef RG_ZLIB
    pack(&packed, plain.at, plain.n);
#endif
}

static inline void assert_small(rg_tensor *x) {
    assert_null(rg_error(t));
    assert_int_equal(rg_dtype_of(x), RG_U8);
    assert_int_equal(rg_ndim(x), 3);
    assert_memory_equal(rg_shape(x), ((int64_t[]){3, 2, 2}), 3 * sizeof(int64_t));
    for (int i = 0; i < 12; i++) assert_int_equal(rg_u8(x)[i], i);
}

/* The tape holds an error whose text has all of these, and nothing else was left on it. */
static inline void assert_error(rg_code code, const char *what) {
    if (rg_error_code(t) != code || !strstr(rg_error(t), what))
        fail_msg("expected '%s' (%d), got '%s' (%d)", what, code, rg_error(t) ? rg_error(t) : "no error", rg_error_code(t));
    assert_int_equal(rg_memory(t).tensors, 0);
}

/* Adds a case that runs between setup and teardown. */
#define CASE(list, f, state, ...) \
    (cases_add(list, f, state, __VA_ARGS__), (list)->items[(list)->count - 1].setup_func = setup, \
        (list)->items[(list)->count - 1].teardown_func = teardown)
#endif
