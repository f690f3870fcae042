/* safetensors.c - the file format of checkpoints: eight bytes of length, a header in JSON, the values. Read in whole, checked, and
   only then put where it belongs. Source: https://github.com/huggingface/safetensors, "Format". */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "npy.h"
#include "state.h"
#include "write.h"

enum { LENGTH = 8, HEADER_MOST = 16 << 20, DEPTH_MOST = 3 };
static const char metadata_name[] = "__metadata__", maker[] = "retrograd " RG_VERSION;

/* -------- what an item looks like in a file */

typedef struct layout {
    char dtype[16];
    int64_t shape[RG_MAX_DIMS + 1]; /* one more: the size of an element, for counting bytes */
    int ndim;
    uint64_t begin, end;            /* within the values */
} layout;

static const struct { const char *name; int size; } dtypes[] = {{"F32", 4}, {"F64", 8}, {"I32", 4}, {"U8", 1}, {"I64", 8}, {"BOOL", 1}, {"I8", 1}, {"I16", 2},
    {"U16", 2}, {"U32", 4}, {"U64", 8}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1}, {"F8_E5M2", 1}}; /* the first four as in rg_dtype */
enum { I64 = 4, DTYPES = sizeof dtypes / sizeof *dtypes };

static bool has_values(const rg_entry *e) { return e->kind == RG_KEPT_TENSOR || e->kind == RG_KEPT_INDICES; }
static int dtype_of(const rg_entry *e) { return e->kind == RG_KEPT_TENSOR ? (int)((rg_tensor *)e->at)->dtype : I64; }
static int ndim_of(const rg_entry *e) { return e->kind == RG_KEPT_TENSOR ? ((rg_tensor *)e->at)->ndim : 1; }
static const int64_t *shape_of(const rg_entry *e) { return e->kind == RG_KEPT_TENSOR ? ((rg_tensor *)e->at)->shape : &e->n; }
static void *values_of(const rg_entry *e) { return e->kind == RG_KEPT_TENSOR ? ((rg_tensor *)e->at)->data : e->at; }
static uint64_t bytes_of(const rg_entry *e) {
    return e->kind == RG_KEPT_TENSOR ? (uint64_t)((rg_tensor *)e->at)->numel * rg_dtype_size((rg_dtype)dtype_of(e)) : (uint64_t)e->n * sizeof(int64_t);
}

/* -------- writing */

/* object[name] = value, which is taken over; NULL: there was no memory for it. */
static int set(const rg_state_list *l, json_t *object, const char *name, json_t *value) {
    if (value && json_object_get(object, name)) {
        json_decref(value);
        return rg_file_fail(l->r, l->path, "two things to save have the name %.100s", name);
    }
    if (value && json_object_set_new(object, name, value) == 0) return 0;
    json_t *utf8 = json_string(name), *any = json_string_nocheck(name);
    const bool bad = any && !utf8;
    json_decref(utf8);
    json_decref(any);
    return bad ? rg_file_fail(l->r, l->path, "a name to save is not UTF-8") : rg_fail(l->r->tape, RG_ENOMEM, l->r->at, "%s: out of memory for JSON", l->r->name);
}

static json_t *describe(const rg_entry *e, uint64_t begin) {
    json_t *shape = json_array();
    for (int d = 0; d < ndim_of(e); d++)
        if (json_array_append_new(shape, json_integer(shape_of(e)[d]))) return json_decref(shape), NULL;
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtypes[dtype_of(e)].name, "shape", shape, "data_offsets", (json_int_t)begin, (json_int_t)(begin + bytes_of(e)));
}

/* The largest elements first: every value is aligned, as the format asks. */
static json_t *make_header(const rg_state_list *l) {
    char text[RG_STATE_TEXT];
    uint64_t begin = 0;
    json_t *root = json_object(), *metadata = json_object();
    int failed = set(l, root, metadata_name, metadata) || set(l, metadata, "made by", json_string(maker));
    for (int i = 0; i < l->count && !failed; i++)
        if (!has_values(&l->items[i])) failed = set(l, metadata, l->items[i].name, json_string(rg_entry_text(&l->items[i], text)));
    for (int size = 8; size > 0 && !failed; size /= 2)
        for (int i = 0; i < l->count && !failed; i++) {
            const rg_entry *e = &l->items[i];
            if (!has_values(e) || dtypes[dtype_of(e)].size != size) continue;
            failed = set(l, root, e->name, describe(e, begin));
            begin += bytes_of(e);
        }
    if (!failed) return root;
    json_decref(root);
    return NULL;
}

/* The header with its length before it, and blanks behind, up to a multiple of 8. */
static int put_header(rg_writer *w, const rg_state_list *l, const json_t *root) {
    const size_t flags = JSON_COMPACT, n = json_dumpb(root, NULL, 0, flags), padded = (n + 7) & ~(size_t)7;
    if (n == 0 || padded > HEADER_MOST) return rg_file_fail(l->r, l->path, "too much to save: a header of %zu bytes, at most %d", padded, HEADER_MOST);
    char *text = rg_tape_alloc(l->r->at, l->r->tape, LENGTH + padded);
    if (!text) return -1;
    const uint64_t length = padded;
    memcpy(text, &length, LENGTH);
    memset(text + LENGTH, ' ', padded);
    const int status = json_dumpb(root, text + LENGTH, n, flags) == n ? 0 : rg_fail(l->r->tape, RG_ENOMEM, l->r->at, "%s: out of memory for JSON", l->r->name);
    if (!status) rg_writer_put(w, text, LENGTH + padded);
    rg_tape_dealloc(l->r->tape, text, LENGTH + padded);
    return status;
}

int rg_state_write(const rg_state_list *l) {
    if (rg_error_code(l->r->tape)) return -1;
    json_t *root = make_header(l);
    rg_writer *w = root ? rg_writer_open(l->r, l->path) : NULL;
    if (w && put_header(w, l, root)) rg_writer_give_up(w);
    for (int size = 8; w && size > 0; size /= 2)
        for (int i = 0; i < l->count; i++)
            if (has_values(&l->items[i]) && dtypes[dtype_of(&l->items[i])].size == size) rg_writer_put(w, values_of(&l->items[i]), bytes_of(&l->items[i]));
    json_decref(root);
    return rg_writer_close(w);
}

/* -------- reading: the header */

typedef struct stored { /* a file, as far as it was read */
    rg_file *file;
    char *header;
    unsigned char *values;
    uint64_t header_size, size; /* of the header; of the values */
    json_t *root, *metadata;
    layout *parts;              /* one per tensor */
    size_t count;
} stored;

/* jansson goes down by recursion: what it is given has no more brackets within brackets than a header needs. */
static bool is_flat(const char *text, uint64_t n) {
    int depth = 0;
    bool quoted = false;
    for (uint64_t i = 0; i < n && depth <= DEPTH_MOST; i++) {
        const char c = text[i];
        if (quoted && c == '\\') i++;
        else if (c == '"') quoted = !quoted;
        else if (!quoted && (c == '{' || c == '[')) depth++;
        else if (!quoted && (c == '}' || c == ']')) depth--;
    }
    return depth <= DEPTH_MOST;
}

static int read_header(const rg_state_list *l, stored *f) {
    uint64_t left;
    json_error_t e;
    if (!(f->file = rg_file_open(l->r, l->path)) || rg_file_get(f->file, &f->header_size, LENGTH) || rg_file_left(f->file, INT64_MAX, &left)) return -1;
    if (f->header_size > left || f->header_size > HEADER_MOST)
        return rg_file_fail(l->r, l->path, "%s: a header of %llu bytes, of which %llu are there; at most %d", f->header_size > HEADER_MOST ? "no safetensors file, or a damaged one" : "cut short",
            (unsigned long long)f->header_size, (unsigned long long)left, HEADER_MOST);
    f->size = left - f->header_size;
    if (!(f->header = rg_tape_alloc(l->r->at, l->r->tape, f->header_size)) || rg_file_get(f->file, f->header, f->header_size)) return -1;
    if (!f->header_size || *f->header != '{') return rg_file_fail(l->r, l->path, "the header does not begin with {: no safetensors file");
    if (!is_flat(f->header, f->header_size)) return rg_file_fail(l->r, l->path, "the header is nested more than %d deep", DEPTH_MOST);
    f->root = json_loadb(f->header, f->header_size, JSON_REJECT_DUPLICATES, &e);
    if (f->root) return 0;
    if (json_error_code(&e) == json_error_out_of_memory) return rg_fail(l->r->tape, RG_ENOMEM, l->r->at, "%s: out of memory for JSON", l->r->name);
    return rg_file_fail(l->r, l->path, "the header is no JSON: line %d, column %d: %.100s", e.line, e.column, e.text);
}

static bool whole(const json_t *j, int64_t *n) {
    *n = json_integer_value(j);
    return json_is_integer(j) && *n >= 0;
}

/* {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, and nothing else. */
static int read_layout(const rg_state_list *l, const stored *f, const char *name, const json_t *j, layout *p) {
    const json_t *dtype = json_object_get(j, "dtype"), *shape = json_object_get(j, "shape"), *offsets = json_object_get(j, "data_offsets");
    int64_t begin, end, numel;
    size_t bytes;
    int k = 0;
    if (!json_is_string(dtype) || !json_is_array(shape) || json_array_size(offsets) != 2 || json_object_size(j) != 3)
        return rg_file_fail(l->r, l->path, "%.100s has no dtype, shape and data_offsets, or more than these", name);
    while (k < DTYPES && strcmp(dtypes[k].name, json_string_value(dtype))) k++;
    if (k == DTYPES) return rg_file_fail(l->r, l->path, "%.60s has the unknown dtype %.60s", name, json_string_value(dtype));
    if (json_array_size(shape) > RG_MAX_DIMS) return rg_file_fail(l->r, l->path, "%.60s has %zu dimensions, at most %d", name, json_array_size(shape), RG_MAX_DIMS);
    *p = (layout){.ndim = (int)json_array_size(shape)};
    snprintf(p->dtype, sizeof p->dtype, "%s", dtypes[k].name);
    for (int d = 0; d < p->ndim; d++)
        if (!whole(json_array_get(shape, (size_t)d), &p->shape[d])) return rg_file_fail(l->r, l->path, "%.60s has a dimension that is no whole number from 0", name);
    p->shape[p->ndim] = dtypes[k].size;
    if (rg_size(RG_U8, p->ndim + 1, p->shape, &numel, &bytes)) return rg_file_fail(l->r, l->path, "%.60s has a shape that is too large", name);
    if (!whole(json_array_get(offsets, 0), &begin) || !whole(json_array_get(offsets, 1), &end) || begin > end || (uint64_t)end > f->size)
        return rg_file_fail(l->r, l->path, "%.60s has offsets outside of the %llu bytes of values", name, (unsigned long long)f->size);
    if ((uint64_t)(end - begin) != bytes)
        return rg_file_fail(l->r, l->path, "%.60s has %lld bytes of values, where its shape wants %zu", name, (long long)(end - begin), bytes);
    p->begin = (uint64_t)begin, p->end = (uint64_t)end;
    return 0;
}

static int by_place(const void *a, const void *b) {
    const layout *p = a, *q = b;
    return p->begin != q->begin ? (p->begin > q->begin) - (p->begin < q->begin) : (p->end > q->end) - (p->end < q->end);
}

/* All tensors, one after another, are all of the values: no gap, no overlap, nothing behind. */
static int check_layout(const rg_state_list *l, stored *f) {
    const char *name;
    json_t *j;
    uint64_t end = 0;
    size_t n = 0;
    f->metadata = json_object_get(f->root, metadata_name);
    if (f->metadata && !json_is_object(f->metadata)) return rg_file_fail(l->r, l->path, "%s is no object", metadata_name);
    f->count = json_object_size(f->root) - (f->metadata != NULL);
    f->parts = rg_tape_alloc(l->r->at, l->r->tape, f->count * sizeof *f->parts);
    if (!f->parts) return -1;
    json_object_foreach (f->root, name, j)
        if (j != f->metadata && read_layout(l, f, name, j, &f->parts[n++])) return -1;
    qsort(f->parts, f->count, sizeof *f->parts, by_place);
    for (size_t i = 0; i < f->count; end = f->parts[i++].end)
        if (f->parts[i].begin != end)
            return rg_file_fail(l->r, l->path, "offsets %s: values end at byte %llu, the next begin at %llu", f->parts[i].begin < end ? "overlap" : "leave a gap",
                (unsigned long long)end, (unsigned long long)f->parts[i].begin);
    return end == f->size ? 0 : rg_file_fail(l->r, l->path, "%llu bytes of values belong to no tensor", (unsigned long long)(f->size - end));
}

/* -------- reading: does it hold what is wanted? */

static const char *layout_text(const char *dtype, int ndim, const int64_t *shape, char *to, size_t size) {
    size_t n = (size_t)snprintf(to, size, "%s [", dtype);
    for (int d = 0; d < ndim && n < size; d++) n += (size_t)snprintf(to + n, size - n, d ? ",%lld" : "%lld", (long long)shape[d]);
    if (n < size) snprintf(to + n, size - n, "]");
    return to;
}

static int match_values(const rg_state_list *l, const stored *f, rg_entry *e) {
    const json_t *j = json_object_get(f->root, e->name);
    layout p;
    char there[80], here[80];
    if (!j || j == f->metadata) return rg_file_fail(l->r, l->path, "holds no %.100s", e->name);
    if (read_layout(l, f, e->name, j, &p)) return -1;
    const char *dtype = dtypes[dtype_of(e)].name;
    if (strcmp(p.dtype, dtype) || p.ndim != ndim_of(e) || memcmp(p.shape, shape_of(e), (size_t)p.ndim * sizeof *p.shape))
        return rg_file_fail(l->r, l->path, "%.60s is %s in the file, %s here", e->name, layout_text(p.dtype, p.ndim, p.shape, there, sizeof there),
            layout_text(dtype, ndim_of(e), shape_of(e), here, sizeof here));
    e->found.bytes = f->values + p.begin;
    for (int64_t i = 0, v; e->kind == RG_KEPT_INDICES && i < e->n; i++) {
        memcpy(&v, e->found.bytes + 8 * i, sizeof v);
        if (v < 0 || v >= e->n) return rg_file_fail(l->r, l->path, "%.60s: value %lld is %lld, not below %lld", e->name, (long long)i, (long long)v, (long long)e->n);
    }
    return 0;
}

static int match_text(const rg_state_list *l, const stored *f, rg_entry *e) {
    const json_t *j = json_object_get(f->metadata, e->name);
    if (!json_is_string(j)) return rg_file_fail(l->r, l->path, "holds no %.100s", e->name);
    return rg_entry_parse(l, e, json_string_value(j));
}

static bool wanted(const rg_state_list *l, const char *name) {
    for (int i = 0; i < l->count; i++)
        if (!strcmp(l->items[i].name, name)) return true;
    return false;
}

/* Everything that is wanted is there, and of the net's nothing else. */
static int match(const rg_state_list *l, const stored *f) {
    const char *name;
    json_t *j;
    int64_t here = 0, there = 0;
    for (int i = 0; i < l->count; i++) {
        rg_entry *e = &l->items[i];
        if (has_values(e) ? match_values(l, f, e) : match_text(l, f, e)) return -1;
        here += has_values(e) && *e->name != '@';
    }
    json_object_foreach (f->root, name, j) there += j != f->metadata && *name != '@';
    if (here == there) return 0;
    json_object_foreach (f->root, name, j)
        if (j != f->metadata && *name != '@' && !wanted(l, name)) return rg_file_fail(l->r, l->path, "holds %.100s, which there is no place for", name);
    return rg_file_fail(l->r, l->path, "something is to be loaded twice");
}

static void put_in_place(const rg_entry *e) {
    switch (e->kind) {
    case RG_KEPT_TENSOR: rg_touch(e->at); /* fall through */
    case RG_KEPT_INDICES: memcpy(values_of(e), e->found.bytes, bytes_of(e)); break;
    case RG_KEPT_COUNT: *(int64_t *)e->at = e->found.count; break;
    case RG_KEPT_NUMBER: *(double *)e->at = e->found.number; break;
    case RG_KEPT_WIDE: memcpy(e->at, e->found.wide, sizeof e->found.wide); break;
    case RG_KEPT_SAME: break;
    }
}

/* The values are there before anything is compared: a disk that fails half-way through changes nothing. */
static int read_values(const rg_state_list *l, stored *f) {
    f->values = rg_tape_alloc(l->r->at, l->r->tape, f->size);
    return f->values ? rg_file_get(f->file, f->values, f->size) : -1;
}

int rg_state_read(rg_state_list *l) {
    rg_tape *t = l->r->tape;
    stored f = {.file = NULL};
    int status = rg_error_code(t) || read_header(l, &f) || check_layout(l, &f) || read_values(l, &f) || match(l, &f) ? -1 : 0;
    for (int i = 0; !status && i < l->count; i++) put_in_place(&l->items[i]);
    if (f.values) rg_tape_dealloc(t, f.values, f.size);
    if (f.parts) rg_tape_dealloc(t, f.parts, f.count * sizeof *f.parts);
    if (f.header) rg_tape_dealloc(t, f.header, f.header_size);
    json_decref(f.root);
    rg_file_close(f.file);
    return status;
}
