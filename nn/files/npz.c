/* npz.c - NumPy's .npz: a zip archive of .npy files, stored or deflated. Source: PKWARE's APPNOTE.TXT, 4.3 and 4.5.3.

   Layout: each member is a local header, its name, its bytes; after the members the directory, an entry for each; then the end record,
   which says where the directory is. Sizes and offsets are always written in 64 bits ("zip64"), and read in 32 or 64. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/data/dataset.h"
#include "header.h"
#include "npy.h"
#include "nn/save.h"
#include "write.h"

enum {
    NAME = 512,                           /* of a member, ".npy" and a NUL included */
    LOCAL = 30, ENTRY = 46, END = 22,     /* bytes of these records, without their parts of variable length */
    LOCATOR = 20, END64 = 56,
    STORED = 0, DEFLATED = 8,
    ENCRYPTED = 1, UTF8 = 1 << 11,        /* flags */
    ZIP64 = 1,                            /* number of the extra field */
    VERSION = 45, IN_1980 = 1 << 5 | 1    /* the first possible day, as numpy.savez: the same bytes for the same values */
};
static const uint32_t local_sign = 0x04034b50, entry_sign = 0x02014b50, end_sign = 0x06054b50, locator_sign = 0x07064b50,
    end64_sign = 0x06064b50;
static const uint32_t see_64 = UINT32_MAX;

rg_tensor *rg_list_find(rg_list list, const char *name) {
    for (int i = 0; name && list.items && i < list.count; i++)
        if (rg_name_of(list.items[i]) && !strcmp(rg_name_of(list.items[i]), name)) return list.items[i];
    return NULL;
}

static int by_name(const void *a, const void *b) { return strcmp((*(rg_tensor *const *)a)->name, (*(rg_tensor *const *)b)->name); }

/* Refuses a name that two tensors have. */
static int check_names(const rg_reader *r, const char *path, rg_list list) {
    const size_t size = (size_t)list.count * sizeof(rg_tensor *);
    rg_tensor **sorted = rg_tape_alloc(r->at, r->tape, size);
    int status = 0;
    if (!sorted) return -1;
    memcpy(sorted, list.items, size);
    qsort(sorted, (size_t)list.count, sizeof *sorted, by_name);
    for (int i = 1; i < list.count && !status; i++)
        if (!by_name(&sorted[i - 1], &sorted[i])) status = rg_file_fail(r, path, "two arrays have the name %.100s", sorted[i]->name);
    rg_tape_dealloc(r->tape, sorted, size);
    return status;
}

/* -------- saving */

typedef struct record { unsigned char at[ENTRY + NAME + 32]; size_t n; } record; /* little-endian */

static void put(record *b, uint64_t value, int bytes) {
    for (int k = 0; k < bytes; k++, value >>= 8) b->at[b->n++] = (unsigned char)value;
}

typedef struct member { uint64_t place, size; uint32_t crc; } member;

/* The local header of a member, or its entry in the directory, which is nearly the same. */
static void put_member(record *b, const member *m, const char *name, bool entry) {
    const size_t n = strlen(name);
    b->n = 0;
    put(b, entry ? entry_sign : local_sign, 4);
    if (entry) put(b, VERSION, 2);
    put(b, VERSION, 2);
    put(b, UTF8, 2);
    put(b, STORED, 2);
    put(b, 0, 2); /* the time, then the date */
    put(b, IN_1980, 2);
    put(b, m->crc, 4);
    put(b, see_64, 4);
    put(b, see_64, 4);
    put(b, n + 4, 2);
    put(b, entry ? 28 : 20, 2);
    if (entry) put(b, 0, 10); /* no comment, disk 0, no attributes */
    if (entry) put(b, see_64, 4);
    memcpy(b->at + b->n, name, n);
    memcpy(b->at + b->n + n, ".npy", 4);
    b->n += n + 4;
    put(b, ZIP64, 2);
    put(b, entry ? 24 : 16, 2);
    put(b, m->size, 8);
    put(b, m->size, 8);
    if (entry) put(b, m->place, 8);
}

static void put_end(record *b, uint64_t count, uint64_t place, uint64_t size) {
    b->n = 0;
    put(b, end64_sign, 4);
    put(b, END64 - 12, 8);
    put(b, VERSION, 2);
    put(b, VERSION, 2);
    put(b, 0, 8); /* disks */
    put(b, count, 8);
    put(b, count, 8);
    put(b, size, 8);
    put(b, place, 8);
    put(b, locator_sign, 4);
    put(b, 0, 4);
    put(b, place + size, 8);
    put(b, 1, 4);
    put(b, end_sign, 4);
    put(b, 0, 4);
    put(b, see_64, 4); /* the count, twice in 16 bits */
    put(b, see_64, 4);
    put(b, see_64, 4);
    put(b, 0, 2);
}

static int check_list(const rg_reader *r, const char *path, rg_list list) {
    if (list.count < 1 || !list.items) return rg_fail(r->tape, RG_EVALUE, r->at, "%s: no tensors to save", r->name);
    for (int i = 0; i < list.count; i++) {
        rg_tensor *x = list.items[i];
        if (rg_failed(x) || x->tape != r->tape)
            return rg_fail(r->tape, RG_ESTATE, r->at, "%s: tensor %d is poisoned, or of another tape", r->name, i);
        if (!x->name || !*x->name)
            return rg_fail(r->tape, RG_EVALUE, r->at, "%s: tensor %d has no name; rg_set_name gives it one", r->name, i);
        if (strlen(x->name) > NAME - 5)
            return rg_fail(r->tape, RG_EVALUE, r->at, "%s: the name of tensor %d has more than %d bytes", r->name, i, NAME - 5);
        if (!rg_is_utf8(x->name)) return rg_file_fail(r, path, "the name of tensor %d is not UTF-8", i);
    }
    return check_names(r, path, list);
}

static void save_member(rg_writer *w, rg_tensor *x, member *m) {
    char header[RG_NPY_HEADER];
    record b;
    const size_t front = rg_npy_header(x, header), bytes = (size_t)x->numel * rg_dtype_size(x->dtype);
    m->size = front + bytes;
    m->crc = rg_crc32(rg_crc32(0, header, front), x->data, bytes);
    put_member(&b, m, x->name, false);
    rg_writer_put(w, b.at, b.n);
    rg_writer_put(w, header, front);
    rg_writer_put(w, x->data, bytes);
}

static void save_all(rg_writer *w, rg_list list, member *members) {
    record b;
    for (int i = 0; i < list.count; i++) {
        members[i].place = rg_writer_position(w);
        save_member(w, list.items[i], &members[i]);
    }
    const uint64_t directory = rg_writer_position(w);
    for (int i = 0; i < list.count; i++) {
        put_member(&b, &members[i], list.items[i]->name, true);
        rg_writer_put(w, b.at, b.n);
    }
    put_end(&b, (uint64_t)list.count, directory, rg_writer_position(w) - directory);
    rg_writer_put(w, b.at, b.n);
}

int rg_npz_save_at(const char *at, rg_tape *t, const char *path, rg_list list) {
    const rg_reader r = {.at = at, .tape = t, .name = "rg_npz_save"};
    if (rg_error_code(t)) return -1;
    if (!path) return rg_fail(t, RG_EVALUE, at, "rg_npz_save: the path is NULL");
    if (check_list(&r, path, list)) return -1;
    const size_t size = (size_t)list.count * sizeof(member);
    member *members = rg_tape_alloc(at, t, size);
    rg_writer *w = members ? rg_writer_open(&r, path) : NULL;
    if (w) save_all(w, list, members);
    if (members) rg_tape_dealloc(t, members, size);
    return rg_writer_close(w);
}

/* -------- loading */

typedef struct archive {
    const rg_reader *r;
    const char *path;
    int fd;
    uint64_t size;
    unsigned char *directory;
    uint64_t place, length, count; /* of the directory */
    uint64_t used;                 /* bytes that belong to members so far */
} archive;

static uint64_t number(const unsigned char *from, int bytes) {
    uint64_t value = 0;
    for (int k = bytes - 1; k >= 0; k--) value = value << 8 | from[k];
    return value;
}

static int bad(const archive *a, const char *what) { return rg_file_fail(a->r, a->path, "is no .npz, or a damaged one: %s", what); }

/* n bytes of the file from `place` on. */
static int get(const archive *a, uint64_t place, void *to, size_t n) {
    if (n > a->size || place > a->size - n) return bad(a, "something would be behind the end of the file");
    return rg_file_read(a->r, a->path, a->fd, place, to, n);
}

/* Finds the directory: after all members, and before the end record, which must have no comment. */
static int find_directory(archive *a) {
    unsigned char end[END], locator[LOCATOR], end64[END64];
    uint64_t behind = a->size - END;
    if (a->size < END) return bad(a, "it is too short");
    if (get(a, behind, end, END)) return -1;
    if (number(end, 4) != end_sign || number(end + 20, 2)) return bad(a, "it has no end of a zip archive");
    a->count = number(end + 10, 2), a->length = number(end + 12, 4), a->place = number(end + 16, 4);
    if (a->count == UINT16_MAX || a->length == see_64 || a->place == see_64) {
        if (behind < LOCATOR + END64) return bad(a, "it is too short");
        if (get(a, behind - LOCATOR, locator, LOCATOR) || get(a, behind - LOCATOR - END64, end64, END64)) return -1;
        behind -= LOCATOR + END64;
        if (number(locator, 4) != locator_sign || number(locator + 8, 8) != behind || number(end64, 4) != end64_sign)
            return bad(a, "it has no zip64 end record");
        a->count = number(end64 + 32, 8), a->length = number(end64 + 40, 8), a->place = number(end64 + 48, 8);
    }
    if (a->place > behind || a->length != behind - a->place) return bad(a, "the directory does not reach to the end record");
    if (a->count > a->length / ENTRY || a->count > INT32_MAX) return bad(a, "the directory is too short for its members");
    return a->count ? 0 : rg_file_fail(a->r, a->path, "holds no arrays");
}

typedef struct item { /* an entry of the directory */
    char name[NAME];
    char shown[160];
    unsigned method;
    uint32_t crc;
    uint64_t packed, size, place;
} item;

/* Numbers that do not fit into 32 bits are in the extra field of zip64, in this order: size, packed size, offset. */
static int take_64(const archive *a, const unsigned char *extra, size_t n, item *m) {
    uint64_t *const wanted[] = {&m->size, &m->packed, &m->place};
    for (size_t k = 0; k + 4 <= n;) {
        const size_t length = (size_t)number(extra + k + 2, 2), end = k + 4 + length;
        if (end > n) break;
        const bool here = number(extra + k, 2) == ZIP64;
        k += 4;
        for (int i = 0; here && i < 3; i++)
            if (*wanted[i] == see_64) {
                if (k + 8 > end) return bad(a, "a size of 64 bits is missing");
                *wanted[i] = number(extra + k, 8);
                k += 8;
            }
        if (here) return 0;
        k = end;
    }
    return m->size == see_64 || m->packed == see_64 || m->place == see_64 ? bad(a, "a size of 64 bits is missing") : 0;
}

/* Reads the entry at *from, and moves *from to the next. */
static int next_entry(const archive *a, uint64_t *from, item *m) {
    const unsigned char *e = a->directory + *from;
    if (a->length - *from < ENTRY || number(e, 4) != entry_sign) return bad(a, "an entry of the directory is damaged");
    const size_t n = (size_t)number(e + 28, 2), extra = (size_t)number(e + 30, 2), comment = (size_t)number(e + 32, 2);
    if (a->length - *from - ENTRY < n + extra + comment) return bad(a, "an entry of the directory is damaged");
    *from += ENTRY + n + extra + comment;
    m->method = (unsigned)number(e + 10, 2);
    m->crc = (uint32_t)number(e + 16, 4);
    m->packed = number(e + 20, 4), m->size = number(e + 24, 4), m->place = number(e + 42, 4);
    if (n < 5 || n >= NAME || memcmp(e + ENTRY + n - 4, ".npy", 4) || memchr(e + ENTRY, 0, n))
        return rg_file_fail(a->r, a->path, "a member is no .npy file: '%.*s'", (int)(n < 100 ? n : 100), (const char *)e + ENTRY);
    memcpy(m->name, e + ENTRY, n);
    m->name[n] = 0;
    if (!rg_is_utf8(m->name)) return bad(a, "the name of a member is not UTF-8");
    if (number(e + 8, 2) & ENCRYPTED) return rg_file_fail(a->r, a->path, "%.100s is encrypted", m->name);
    if (m->method != STORED && m->method != DEFLATED)
        return rg_file_fail(a->r, a->path, "%.100s is packed by method %u, not 0 or 8", m->name, m->method);
    return take_64(a, e + ENTRY + n, extra, m);
}

/* The member's bytes as a file; NULL after an error. Members may not share bytes, or a small file could unpack to a huge one. */
static rg_file *open_member(archive *a, const item *m) {
    unsigned char head[LOCAL + NAME];
    const size_t n = strlen(m->name);
    if (get(a, m->place, head, LOCAL + n)) return NULL;
    const uint64_t begin = m->place + LOCAL + number(head + 26, 2) + number(head + 28, 2);
    if (number(head, 4) != local_sign || number(head + 26, 2) != n || number(head + 8, 2) != m->method || memcmp(head + LOCAL, m->name, n))
        return bad(a, "a member and its entry differ"), NULL;
    if (begin > a->place || m->packed > a->place - begin) return bad(a, "a member reaches into the directory"), NULL;
    a->used += begin - m->place + m->packed;
    if (a->used > a->place) return bad(a, "members overlap"), NULL;
    return rg_file_open_part(a->r, m->shown, a->fd, begin, m->packed, m->method == DEFLATED);
}

/* Reads a member as a tensor, with its name without ".npy". */
static rg_tensor *read_member(archive *a, item *m) {
    const size_t length = strlen(a->path), skip = length > 60 ? length - 60 : 0;
    snprintf(m->shown, sizeof m->shown, "%s%s: %.80s", skip ? "..." : "", a->path + skip, m->name);
    rg_file *f = open_member(a, m);
    if (!f) return rg_poison(a->r->tape);
    m->name[strlen(m->name) - 4] = 0;
    rg_tensor *x = rg_npy_read(a->r, m->shown, f, m->name);
    if (!rg_failed(x) && (rg_file_position(f) != m->size || rg_file_crc32(f) != m->crc)) {
        rg_file_fail(a->r, m->shown, "is damaged: its size or checksum is not what the directory says");
        x = rg_poison(a->r->tape);
    }
    rg_file_close(f);
    return x;
}

/* Reads all members; none after an error. */
static rg_list read_members(archive *a) {
    const rg_reader *r = a->r;
    const int64_t mark = rg_mark(r->tape);
    rg_tensor **items = rg_tape_own(r->at, r->tape, (size_t)a->count * sizeof *items);
    rg_list list = {items, 0};
    uint64_t from = 0;
    item *m = items ? rg_tape_alloc(r->at, r->tape, sizeof *m) : NULL;
    while (m && (uint64_t)list.count < a->count && next_entry(a, &from, m) == 0) {
        items[list.count] = read_member(a, m);
        if (rg_failed(items[list.count])) break;
        list.count++;
    }
    if (m) rg_tape_dealloc(r->tape, m, sizeof *m);
    if (!m || (uint64_t)list.count < a->count || (from != a->length && bad(a, "the directory is too long")) ||
        check_names(r, a->path, list))
        return rg_rewind(r->tape, mark), (rg_list){NULL, 0};
    for (int i = 0; i < list.count; i++) rg_retain(items[i]);
    return list;
}

rg_list rg_npz_load_at(const char *at, rg_tape *t, const char *path) {
    const rg_reader r = {.at = at, .tape = t, .name = "rg_npz_load"};
    rg_list list = {NULL, 0};
    if (rg_error_code(t)) return list;
    if (!path) return rg_fail(t, RG_EVALUE, at, "rg_npz_load: the path is NULL"), list;
    archive a = {.r = &r, .path = path, .fd = -1};
    a.fd = rg_file_descriptor(&r, path, &a.size);
    if (a.fd < 0) return list;
    if (find_directory(&a) == 0) a.directory = rg_file_alloc(&r, path, a.length);
    if (a.directory && get(&a, a.place, a.directory, (size_t)a.length) == 0) list = read_members(&a);
    if (a.directory) rg_tape_dealloc(t, a.directory, (size_t)a.length);
    close(a.fd);
    return list;
}
