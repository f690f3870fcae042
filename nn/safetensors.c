/* safetensors.c - the file format of checkpoints: eight bytes of length, a header in JSON (header.c), the values. A file is read whole
   and checked, and only then put where it belongs. Source: https://github.com/huggingface/safetensors, "Format". */
#include <stdlib.h>
#include <string.h>

#include "header.h"
#include "npy.h"
#include "write.h"

/* -------- names */

static int by_name(const void *a, const void *b) { return strcmp((*(rg_entry *const *)a)->name, (*(rg_entry *const *)b)->name); }

/* Each name once, also where the checksum and the format put theirs. */
static int check_names(const rg_state_list *l) {
    const size_t size = (size_t)l->count * sizeof(rg_entry *);
    rg_entry **sorted = rg_tape_alloc(l->r->at, l->r->tape, size);
    int status = sorted ? 0 : -1;
    for (int i = 0; sorted && i < l->count; i++) sorted[i] = &l->items[i];
    if (sorted && l->count) qsort(sorted, (size_t)l->count, sizeof *sorted, by_name);
    for (int i = 0; !status && i < l->count; i++) {
        if (!rg_is_utf8(sorted[i]->name)) status = rg_file_fail(l->r, l->path, "a name is not UTF-8");
        else if (!strcmp(sorted[i]->name, "__metadata__")) status = rg_file_fail(l->r, l->path, "a tensor cannot have the name __metadata__");
        else if (i > 0 && !by_name(&sorted[i - 1], &sorted[i])) status = rg_file_fail(l->r, l->path, "two tensors have the name %.100s", sorted[i]->name);
    }
    if (sorted) rg_tape_dealloc(l->r->tape, sorted, size);
    return status;
}

/* -------- writing */

int rg_state_write(const rg_state_list *l) {
    size_t size;
    if (l->failed || check_names(l)) return -1;
    char *header = rg_header_make(l, &size);
    rg_writer *w = header ? rg_writer_open(l->r, l->path) : NULL;
    if (w) rg_writer_put(w, header, size);
    for (int element = 8; w && element > 0; element /= 2)
        for (const rg_entry *e = l->items; e < l->items + l->count; e++)
            if (rg_entry_has_values(e) && rg_entry_element(e) == element) rg_writer_put(w, rg_entry_values(e), rg_entry_bytes(e));
    if (header) rg_tape_dealloc(l->r->tape, header, size);
    return rg_writer_close(w);
}

/* -------- reading: is the file as it was written? */

typedef struct stored { /* a file, as far as it was read */
    rg_header h;
    rg_file *file;
    unsigned char *values;
    uint64_t size; /* of the values */
} stored;

static int read_header(const rg_state_list *l, stored *f) {
    uint64_t left;
    f->h = (rg_header){.r = l->r, .path = l->path};
    f->file = rg_file_open(l->r, l->path);
    if (!f->file || rg_file_left(f->file, INT64_MAX, &left) || rg_header_read(&f->h, f->file, left)) return -1;
    f->size = left - f->h.size;
    return 0;
}

static int check_part(const rg_state_list *l, const stored *f, const rg_part *p) {
    int64_t numel;
    size_t bytes;
    if (rg_size(RG_U8, p->ndim + 1, p->shape, &numel, &bytes)) return rg_file_fail(l->r, l->path, "%.60s has a shape that is too large", p->name);
    if (p->begin > p->end || (uint64_t)p->end > f->size)
        return rg_file_fail(l->r, l->path, "%.60s has offsets outside of the %llu bytes of values", p->name, (unsigned long long)f->size);
    if ((uint64_t)(p->end - p->begin) != bytes)
        return rg_file_fail(l->r, l->path, "%.60s has %lld bytes of values, where its shape wants %zu", p->name, (long long)(p->end - p->begin), bytes);
    return 0;
}

static int by_place(const void *a, const void *b) {
    const rg_part *p = *(const rg_part *const *)a, *q = *(const rg_part *const *)b;
    return p->begin != q->begin ? (p->begin > q->begin) - (p->begin < q->begin) : (p->end > q->end) - (p->end < q->end);
}

/* All tensors, one after another, are all of the values: no gap, no overlap, nothing behind. */
static int check_places(const rg_state_list *l, const stored *f, const rg_part **placed) {
    int64_t end = 0;
    for (int64_t i = 0; i < f->h.nparts; i++) placed[i] = &f->h.parts[i];
    if (f->h.nparts) qsort(placed, (size_t)f->h.nparts, sizeof *placed, by_place);
    for (int64_t i = 0; i < f->h.nparts; end = placed[i++]->end)
        if (placed[i]->begin != end)
            return rg_file_fail(l->r, l->path, "offsets %s: values end at byte %lld, those of %.60s begin at %lld", placed[i]->begin < end ? "overlap" : "leave a gap",
                (long long)end, placed[i]->name, (long long)placed[i]->begin);
    return (uint64_t)end == f->size ? 0 : rg_file_fail(l->r, l->path, "%llu bytes of values belong to no tensor", (unsigned long long)f->size - (unsigned long long)end);
}

static int check_layout(const rg_state_list *l, const stored *f) {
    const size_t size = (size_t)f->h.nparts * sizeof(rg_part *);
    for (int64_t i = 0; i < f->h.nparts; i++)
        if (check_part(l, f, &f->h.parts[i])) return -1;
    const rg_part **placed = rg_tape_alloc(l->r->at, l->r->tape, size);
    if (!placed) return -1;
    const int status = check_places(l, f, placed);
    rg_tape_dealloc(l->r->tape, placed, size);
    return status;
}

/* The values are there before anything is compared: a disk that fails half-way through changes nothing. */
static int read_values(const rg_state_list *l, stored *f) {
    char sum[24];
    f->values = rg_file_room(l->r, l->path, f->size);
    if (!f->values || rg_file_get(f->file, f->values, f->size)) return -1;
    for (int64_t i = 0; f->h.checked && i < f->h.nparts; i++) {
        const rg_part *p = &f->h.parts[i];
        const char *saved = rg_header_checksum(&f->h, i);
        snprintf(sum, sizeof sum, "%016llx", (unsigned long long)rg_crc64(0, f->values + p->begin, (uint64_t)(p->end - p->begin)));
        if (!saved || strcmp(sum, saved)) return rg_file_fail(l->r, l->path, "%.60s is damaged: its checksum is %s, not %.16s", p->name, sum, saved ? saved : "in the header");
    }
    return 0;
}

/* -------- reading: does it hold what is wanted? */

static const char *layout_text(const char *dtype, int ndim, const int64_t *shape, char *to, size_t size) {
    size_t n = (size_t)snprintf(to, size, "%s [", dtype);
    for (int d = 0; d < ndim && n < size; d++) n += (size_t)snprintf(to + n, size - n, d ? ",%lld" : "%lld", (long long)shape[d]);
    if (n < size) snprintf(to + n, size - n, "]");
    return to;
}

static bool wanted(const rg_state_list *l, const char *name) {
    for (int i = 0; i < l->count; i++)
        if (!strcmp(l->items[i].name, name)) return true;
    return false;
}

typedef struct names { char text[112]; size_t length; int more; } names; /* "0.weight, 0.bias, 3 more" */

static void add_name(names *n, const char *name) {
    enum { SHOWN = 48, MORE = 16 };
    char one[SHOWN + 4];
    const int length = snprintf(one, sizeof one, "%s%.*s", n->length ? ", " : "", SHOWN, name);
    if (n->more || n->length + (size_t)length + MORE > sizeof n->text) {
        n->more++;
        return;
    }
    memcpy(n->text + n->length, one, (size_t)length + 1);
    n->length += (size_t)length;
}

static const char *names_text(names *n) {
    if (n->more) snprintf(n->text + n->length, sizeof n->text - n->length, ", %d more", n->more);
    return n->length ? n->text : "nothing";
}

/* What the file says of a net of another kind. */
__attribute__((format(printf, 4, 0))) static int other_names(const rg_state_list *l, const stored *f, const char *name, const char *format) {
    names missing = {.length = 0}, unexpected = {.length = 0};
    char what[128];
    for (int i = 0; i < l->count; i++)
        if (rg_entry_has_values(&l->items[i]) && !rg_header_part(&f->h, l->items[i].name)) add_name(&missing, l->items[i].name);
    for (int64_t i = 0; i < f->h.nparts; i++)
        if (*f->h.parts[i].name != '@' && !wanted(l, f->h.parts[i].name)) add_name(&unexpected, f->h.parts[i].name);
    snprintf(what, sizeof what, format, name);
    return rg_file_fail(l->r, l->path, "%s; missing: %s; unexpected: %s", what, names_text(&missing), names_text(&unexpected));
}

static int match_values(const rg_state_list *l, const stored *f, rg_entry *e) {
    const rg_part *p = rg_header_part(&f->h, e->name);
    const int ndim = rg_entry_ndim(e);
    char there[80], here[80];
    if (!p) return other_names(l, f, e->name, "holds no %.64s");
    if (strcmp(p->dtype, rg_entry_dtype(e)) || p->ndim != ndim || memcmp(p->shape, rg_entry_shape(e), (size_t)ndim * sizeof *p->shape))
        return rg_file_fail(l->r, l->path, "%.60s is %s in the file, %s here", e->name, layout_text(p->dtype, p->ndim, p->shape, there, sizeof there),
            layout_text(rg_entry_dtype(e), ndim, rg_entry_shape(e), here, sizeof here));
    e->found.bytes = f->values + p->begin;
    for (int64_t i = 0, v; e->kind == RG_KEPT_INDICES && i < e->n; i++) {
        memcpy(&v, e->found.bytes + 8 * i, sizeof v);
        if (v < 0 || v >= e->n) return rg_file_fail(l->r, l->path, "%.60s: value %lld is %lld, not below %lld", e->name, (long long)i, (long long)v, (long long)e->n);
    }
    return 0;
}

static int match_text(const rg_state_list *l, const stored *f, rg_entry *e) {
    const char *text = rg_header_text(&f->h, e->name);
    return text ? rg_entry_parse(l, e, text) : rg_file_fail(l->r, l->path, "holds no %.100s", e->name);
}

/* Everything that is wanted is there, and of the net's nothing else. */
static int match(const rg_state_list *l, const stored *f) {
    int64_t spare = 0; /* tensors of the net's that are not asked for */
    for (int64_t i = 0; i < f->h.nparts; i++) spare += *f->h.parts[i].name != '@';
    for (int i = 0; i < l->count; i++) {
        rg_entry *e = &l->items[i];
        if (rg_entry_has_values(e) ? match_values(l, f, e) : match_text(l, f, e)) return -1;
        spare -= rg_entry_has_values(e) && *e->name != '@';
    }
    for (int64_t i = 0; spare && i < f->h.nparts; i++) {
        const char *name = f->h.parts[i].name;
        if (*name != '@' && !wanted(l, name)) return other_names(l, f, name, "holds %.64s, which there is no place for");
    }
    return 0;
}

static void put_in_place(const rg_entry *e) {
    switch (e->kind) {
    case RG_KEPT_TENSOR: rg_touch(e->at); /* fall through */
    case RG_KEPT_INDICES: memcpy(rg_entry_values(e), e->found.bytes, (size_t)rg_entry_bytes(e)); break;
    case RG_KEPT_COUNT: *(int64_t *)e->at = e->found.count; break;
    case RG_KEPT_NUMBER: *(double *)e->at = e->found.number; break;
    case RG_KEPT_WIDE: memcpy(e->at, e->found.wide, sizeof e->found.wide); break;
    case RG_KEPT_SAME: break;
    }
}

static int check_leaves(const rg_state_list *l) {
    for (int i = 0; i < l->count; i++)
        if (l->items[i].kind == RG_KEPT_TENSOR && rg_may_write(l->r->at, l->items[i].at, l->r->name)) return -1;
    return 0;
}

int rg_state_read(rg_state_list *l) {
    stored f = {.file = NULL};
    const int status = l->failed || check_names(l) || check_leaves(l) || read_header(l, &f) || check_layout(l, &f) || read_values(l, &f) || match(l, &f) ? -1 : 0;
    for (int i = 0; !status && i < l->count; i++) put_in_place(&l->items[i]);
    if (f.values) rg_tape_dealloc(l->r->tape, f.values, (size_t)f.size);
    if (f.file) rg_header_free(&f.h);
    rg_file_close(f.file);
    return status;
}
