/* npz.c - NumPy's .npz: a zip archive of .npy files, through libzip. It is put together in memory and written by write.c, so
   that it is in its place whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "dataset.h"
#include "npy.h"
#include "save.h"
#include "write.h"

enum { NAME = 512 }; /* of a member, ".npy" included */

rg_tensor *rg_list_find(rg_list list, const char *name) {
    for (int i = 0; name && i < list.count; i++)
        if (rg_name_of(list.items[i]) && !strcmp(rg_name_of(list.items[i]), name)) return list.items[i];
    return NULL;
}

static int zip_fail(const rg_reader *r, const char *path, const char *what, zip_error_t *e) {
    return rg_file_fail(r, path, "%s: %s", what, zip_error_strerror(e));
}

/* -------- saving */

static int check_list(const rg_reader *r, rg_list list) {
    if (list.count < 1 || !list.items) return rg_fail(r->tape, RG_EVALUE, r->at, "%s: no tensors to save", r->name);
    for (int i = 0; i < list.count; i++) {
        rg_tensor *x = list.items[i];
        if (rg_failed(x) || x->tape != r->tape) return rg_fail(r->tape, RG_ESTATE, r->at, "%s: tensor %d is poisoned, or of another tape", r->name, i);
        if (!x->name || !*x->name || strlen(x->name) > NAME - 5) return rg_fail(r->tape, RG_EVALUE, r->at, "%s: tensor %d has no name, or a very long one", r->name, i);
    }
    return 0;
}

/* x's header and values, which stay where they are until the archive is written. */
static int add(const rg_reader *r, const char *path, zip_t *z, rg_tensor *x, char header[RG_NPY_HEADER]) {
    char name[NAME];
    zip_error_t e;
    const zip_buffer_fragment_t parts[2] = {{(zip_uint8_t *)header, rg_npy_header(x, header)},
        {x->data, (zip_uint64_t)x->numel * rg_dtype_size((rg_dtype)x->dtype)}};
    zip_error_init(&e);
    zip_source_t *from = zip_source_buffer_fragment_create(parts, 2, 0, &e);
    if (!from) return zip_fail(r, path, x->name, &e);
    snprintf(name, sizeof name, "%s.npy", x->name);
    const zip_int64_t k = zip_file_add(z, name, from, ZIP_FL_ENC_UTF_8);
    if (k < 0) {
        zip_source_free(from);
        return zip_fail(r, path, x->name, zip_get_error(z));
    }
    /* The same bytes for the same values: no time of day, as numpy.savez has none. */
    if (zip_set_file_compression(z, (zip_uint64_t)k, ZIP_CM_STORE, 0) || zip_file_set_dostime(z, (zip_uint64_t)k, 0, 1 << 5 | 1, 0))
        return zip_fail(r, path, x->name, zip_get_error(z));
    return 0;
}

static int copy_out(const rg_reader *r, const char *path, zip_source_t *archive) {
    char buffer[1 << 14];
    zip_int64_t n = 0;
    rg_writer *w = rg_writer_open(r, path);
    if (!w) return -1;
    if (zip_source_open(archive) == 0) {
        while ((n = zip_source_read(archive, buffer, sizeof buffer)) > 0) rg_writer_put(w, buffer, (uint64_t)n);
        zip_source_close(archive);
    } else {
        n = -1;
    }
    if (n < 0) zip_fail(r, path, "libzip", zip_source_error(archive)), rg_writer_give_up(w);
    return rg_writer_close(w);
}

/* The archive in memory; its source stays with the caller. */
static int put_together(const rg_reader *r, const char *path, zip_source_t *archive, rg_list list) {
    zip_error_t e;
    const size_t size = (size_t)list.count * RG_NPY_HEADER;
    zip_error_init(&e);
    char *headers = rg_tape_alloc(r->at, r->tape, size);
    if (!headers) return -1;
    zip_source_keep(archive);
    zip_t *z = zip_open_from_source(archive, ZIP_TRUNCATE, &e);
    int status = z ? 0 : zip_fail(r, path, "libzip", &e);
    if (!z) zip_source_free(archive);
    for (int i = 0; z && i < list.count && !status; i++) status = add(r, path, z, list.items[i], headers + (size_t)i * RG_NPY_HEADER);
    if (z && !status && zip_close(z)) status = zip_fail(r, path, "libzip", zip_get_error(z)), zip_discard(z);
    else if (z && status) zip_discard(z);
    rg_tape_dealloc(r->tape, headers, size);
    return status;
}

int rg_npz_save_at(const char *at, rg_tape *t, const char *path, rg_list list) {
    const rg_reader r = {.at = at, .tape = t, .name = "rg_npz_save"};
    zip_error_t e;
    zip_error_init(&e);
    if (rg_error_code(t)) return -1;
    if (!path) return rg_fail(t, RG_EVALUE, at, "rg_npz_save: the path is NULL");
    if (check_list(&r, list)) return -1;
    zip_source_t *archive = zip_source_buffer_create(NULL, 0, 0, &e);
    if (!archive) return rg_fail(t, RG_ENOMEM, at, "rg_npz_save: libzip: %s", zip_error_strerror(&e));
    const int status = put_together(&r, path, archive, list) || copy_out(&r, path, archive) ? -1 : 0;
    zip_source_free(archive);
    return status;
}

/* -------- loading */

typedef struct member { /* being read */
    const rg_reader *r;
    const char *path;
    zip_t *z;
    zip_file_t *file;
    zip_uint64_t index, position;
} member;

static int member_open(member *m) {
    m->position = 0;
    m->file = zip_fopen_index(m->z, m->index, 0);
    return m->file ? 0 : zip_fail(m->r, m->path, "libzip", zip_get_error(m->z));
}

static int member_read(member *m, void *to, uint64_t n, uint64_t *got) {
    const zip_int64_t k = zip_fread(m->file, to, n);
    *got = k < 0 ? 0 : (uint64_t)k;
    m->position += *got;
    return k < 0 ? zip_fail(m->r, m->path, "damaged", zip_file_get_error(m->file)) : 0;
}

static int member_get(void *from, void *to, uint64_t n) {
    member *m = from;
    for (uint64_t got; n > 0; to = (char *)to + got, n -= got) {
        enum { PART = 1 << 30 };
        if (member_read(m, to, n < PART ? n : PART, &got)) return -1;
        if (got == 0) return rg_file_fail(m->r, m->path, "ends after %llu bytes", (unsigned long long)m->position);
    }
    return 0;
}

/* By unpacking what is left, the checksum at its end included, and opening the member again: what the archive says of it is not believed. */
static int member_left(void *from, uint64_t most, uint64_t *left) {
    member *m = from;
    char skipped[1 << 12];
    const uint64_t start = m->position;
    for (uint64_t got = 1; got > 0 && m->position - start <= most;)
        if (member_read(m, skipped, sizeof skipped, &got)) return -1;
    *left = m->position - start;
    zip_fclose(m->file);
    if (member_open(m)) return -1;
    while (m->position < start)
        if (member_get(m, skipped, start - m->position < sizeof skipped ? start - m->position : sizeof skipped)) return -1;
    return 0;
}

/* Member k as a tensor of that name without ".npy". */
static rg_tensor *read_member(const rg_reader *r, const char *path, zip_t *z, zip_uint64_t k) {
    char name[NAME];
    rg_path shown;
    const char *in_file = zip_get_name(z, k, 0);
    const size_t n = in_file ? strlen(in_file) : 0;
    if (n < 5 || n >= NAME || strcmp(in_file + n - 4, ".npy"))
        return (void)rg_file_fail(r, path, "member %llu is no .npy file: '%.100s'", (unsigned long long)k, n ? in_file : ""), rg_poison(r->tape);
    memcpy(name, in_file, n + 1);
    name[n - 4] = 0;
    const size_t length = strlen(path), skip = length > 60 ? length - 60 : 0;
    snprintf(shown.text, sizeof shown.text, "%s%s: %.80s", skip ? "..." : "", path + skip, in_file);
    member m = {.r = r, .path = shown.text, .z = z, .index = k};
    if (member_open(&m)) return rg_poison(r->tape);
    rg_tensor *x = rg_npy_read(&(rg_source){r, shown.text, &m, member_get, member_left}, name);
    if (m.file) zip_fclose(m.file);
    return x;
}

/* All members; the list keeps them when they are sound. */
static rg_list read_members(const rg_reader *r, const char *path, zip_t *z) {
    const zip_int64_t n = zip_get_num_entries(z, 0); /* each has its entry in the file's directory, of 46 bytes at least */
    const rg_list none = {NULL, 0};
    if (n < 1 || n > INT32_MAX) return rg_file_fail(r, path, "holds no arrays"), none;
    const int64_t mark = rg_mark(r->tape);
    rg_tensor **items = rg_tape_own(r->at, r->tape, (size_t)n * sizeof *items);
    rg_list list = {items, 0};
    while (items && list.count < n) {
        rg_tensor *x = read_member(r, path, z, (zip_uint64_t)list.count);
        if (rg_failed(x)) break;
        if (rg_list_find(list, x->name)) {
            rg_file_fail(r, path, "holds two arrays of the name %.100s", x->name);
            break;
        }
        items[list.count++] = x;
    }
    if (rg_error_code(r->tape)) return rg_rewind(r->tape, mark), none;
    for (int i = 0; i < list.count; i++) rg_retain(items[i]);
    return list;
}

rg_list rg_npz_load_at(const char *at, rg_tape *t, const char *path) {
    const rg_reader r = {.at = at, .tape = t, .name = "rg_npz_load"};
    rg_list list = {NULL, 0};
    if (rg_error_code(t)) return list;
    if (!path) return rg_fail(t, RG_EVALUE, at, "rg_npz_load: the path is NULL"), list;
    zip_error_t e;
    int code = 0;
    const int fd = rg_file_descriptor(&r, path);
    if (fd < 0) return list;
    zip_t *z = zip_fdopen(fd, ZIP_RDONLY | ZIP_CHECKCONS, &code);
    zip_error_init_with_code(&e, code);
    if (!z) {
        zip_fail(&r, path, "is no .npz", &e);
        close(fd);
        return list;
    }
    list = read_members(&r, path, z);
    zip_discard(z);
    return list;
}
