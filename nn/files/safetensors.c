/* safetensors.c - the file format of checkpoints: eight bytes of length, a header in JSON (header.c), the values. The whole file is read
   and checked before a value is loaded. Source: https://github.com/huggingface/safetensors, "Format". */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/data/dataset.h"
#include "header.h"
#include "npy.h"
#include "nn/save.h"
#include "write.h"

/* -------- values: transposed, and half floats widened */

/* to [columns, rows] = from [rows, columns], transposed */
static void transpose(void *to, const void *from, int64_t rows, int64_t columns, size_t element) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < columns; k++)
            memcpy((char *)to + (size_t)(k * rows + i) * element, (const char *)from + (size_t)(i * columns + k) * element, element);
}

/* F16 of IEEE 754 has a sign, 5 bits of exponent and 10 of fraction; BF16 has 8 and 7, and is the upper half of an f32. */
static float widened(uint16_t half, bool brain) {
    const uint32_t exponent = half >> 10 & 31, fraction = half & 1023;
    uint32_t bits = (uint32_t)half << 16;
    float x;
    if (!brain) bits = (half & 0x8000u) << 16 | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
    memcpy(&x, &bits, sizeof x);
    return brain || exponent ? x : copysignf((float)fraction * 0x1p-24f, x);
}

static bool is_half(const rg_part *p) { return p->here == RG_F32 && p->shape[p->ndim] == 2; }

/* Sets x from the values of p, transposed or not. Half floats go to the beginning of x's memory, and are widened from the last one on. */
static void put_values(rg_tensor *x, const rg_part *p, const unsigned char *from, bool transposed) {
    const bool half = is_half(p), brain = half && *p->dtype == 'B';
    if (transposed) transpose(x->data, from, p->shape[0], p->shape[1], (size_t)p->shape[p->ndim]);
    else memcpy(x->data, from, (size_t)(p->end - p->begin));
    for (int64_t i = half ? x->numel - 1 : -1; i >= 0; i--) {
        uint16_t bits;
        memcpy(&bits, (char *)x->data + 2 * i, sizeof bits);
        if (x->dtype == RG_F64) ((double *)x->data)[i] = (double)widened(bits, brain);
        else ((float *)x->data)[i] = widened(bits, brain);
    }
}

/* -------- writing */

static int transpose_copies(rg_state_list *l) {
    for (rg_entry *e = l->items; e < RG_END(l->items, l->count); e++) {
        if (!e->transposed) continue;
        void *copy = rg_tape_alloc(l->r->at, l->r->tape, (size_t)rg_entry_bytes(e));
        if (!copy) return -1;
        transpose(copy, rg_entry_values(e), e->shape[1], e->shape[0], (size_t)rg_entry_element(e));
        e->copy = copy;
    }
    return 0;
}

static int write_file(rg_state_list *l) {
    size_t size;
    char *header = transpose_copies(l) ? NULL : rg_header_make(l, &size);
    rg_writer *w = header ? rg_writer_open(l->r, l->path) : NULL;
    if (w) rg_writer_put(w, header, size);
    for (int element = 8; w && element > 0; element /= 2)
        for (const rg_entry *e = l->items; e < RG_END(l->items, l->count); e++)
            if (rg_entry_has_values(e) && rg_entry_element(e) == element) rg_writer_put(w, rg_entry_values(e), rg_entry_bytes(e));
    if (header) rg_tape_dealloc(l->r->tape, header, size);
    return rg_writer_close(w);
}

/* -------- reading: is the file as it was written? */

typedef struct stored { /* a file that is read */
    rg_header h;
    int fd;
    unsigned char *values;
    uint64_t size; /* of the values */
    const rg_part **placed; /* the tensors in the order of their values */
} stored;

static int bad_part(const stored *f, const rg_part *p) {
    const rg_header *h = &f->h;
    int64_t numel;
    size_t bytes;
    if (rg_size(RG_U8, p->ndim + 1, p->shape, &numel, &bytes))
        return rg_file_fail(h->r, h->path, "%.60s has a shape that is too large", p->name);
    if (p->begin > p->end || (uint64_t)p->end > f->size)
        return rg_file_fail(h->r, h->path, "%.60s has offsets outside of the %llu bytes of values", p->name, (unsigned long long)f->size);
    if ((uint64_t)(p->end - p->begin) != bytes)
        return rg_file_fail(h->r, h->path, "%.60s has %lld bytes of values, where its shape wants %zu", p->name,
            (long long)(p->end - p->begin), bytes);
    return 0;
}

/* By offset; tensors without values at one offset by name. */
static int by_offset(const void *a, const void *b) {
    const rg_part *p = *(const rg_part *const *)a, *q = *(const rg_part *const *)b;
    if (p->begin != q->begin) return (p->begin > q->begin) - (p->begin < q->begin);
    return p->end != q->end ? (p->end > q->end) - (p->end < q->end) : (p > q) - (p < q);
}

/* The tensors' values must be all bytes after the header: no gap, no overlap, no bytes left at the end. */
static int check_layout(stored *f) {
    const rg_header *h = &f->h;
    const int64_t n = h->nparts;
    int64_t end = 0;
    for (int64_t i = 0; i < n; i++)
        if (bad_part(f, &h->parts[i])) return -1;
    f->placed = rg_tape_alloc(h->r->at, h->r->tape, (size_t)n * sizeof *f->placed);
    if (!f->placed) return -1;
    for (int64_t i = 0; i < n; i++) f->placed[i] = &h->parts[i];
    if (n) qsort(f->placed, (size_t)n, sizeof *f->placed, by_offset);
    for (int64_t i = 0; i < n; end = f->placed[i++]->end) {
        const rg_part *p = f->placed[i];
        if (p->begin != end)
            return rg_file_fail(h->r, h->path, "offsets %s: values end at byte %lld, those of %.60s begin at %lld",
                p->begin < end ? "overlap" : "leave a gap", (long long)end, p->name, (long long)p->begin);
    }
    const unsigned long long over = f->size - (uint64_t)end;
    return over ? rg_file_fail(h->r, h->path, "%llu bytes of values belong to no tensor", over) : 0;
}

/* All values are read before any is loaded: a disk that fails in between changes nothing. */
static int read_values(stored *f) {
    const rg_header *h = &f->h;
    char sum[24];
    f->values = rg_file_alloc(h->r, h->path, f->size);
    if (!f->values || rg_file_read(h->r, h->path, f->fd, h->size, f->values, f->size)) return -1;
    for (int64_t i = 0; h->checked && i < h->nparts; i++) {
        const rg_part *p = &h->parts[i];
        const char *saved = rg_header_checksum(h, i);
        snprintf(sum, sizeof sum, "%016llx", (unsigned long long)rg_crc64(0, f->values + p->begin, (uint64_t)(p->end - p->begin)));
        if (!saved) return rg_file_fail(h->r, h->path, "%.60s has no checksum in the header", p->name);
        if (strcmp(sum, saved) != 0)
            return rg_file_fail(h->r, h->path, "%.60s is damaged: its checksum is %s, not %.16s", p->name, sum, saved);
    }
    return 0;
}

/* -1 after an error. close_file must follow in any case. */
static int open_file(const rg_reader *r, const char *path, stored *f) {
    uint64_t size;
    *f = (stored){.h = {.r = r, .path = path}, .fd = rg_file_descriptor(r, path, &size)};
    if (f->fd < 0 || rg_header_read(&f->h, f->fd, size)) return -1;
    f->size = size - f->h.size;
    return check_layout(f) || read_values(f) ? -1 : 0;
}

static void close_file(stored *f) {
    rg_tape *t = f->h.r->tape;
    if (f->values) rg_tape_dealloc(t, f->values, (size_t)f->size);
    if (f->placed) rg_tape_dealloc(t, f->placed, (size_t)f->h.nparts * sizeof *f->placed);
    rg_header_free(&f->h);
    if (f->fd >= 0) close(f->fd);
}

/* -------- reading: missing and unexpected names */

static bool is_unexpected(const rg_state_list *l, const rg_part *p) {
    static const char counter[] = "num_batches_tracked"; /* of PyTorch's batch norm; ours needs none */
    const char *prefix = l->with.prefix ? l->with.prefix : "", *dot = strrchr(p->name, '.');
    if (p->taken || *p->name == '@' || strncmp(p->name, prefix, strlen(prefix)) != 0) return false;
    return l->with.layout != RG_TORCH || strcmp(dot ? dot + 1 : p->name, counter) != 0;
}

/* Calls `add` with each missing name, or with each unexpected name. */
typedef void add_fn(void *to, const char *name);
static void each_name(const rg_state_list *l, const stored *f, bool missing, add_fn *add, void *to) {
    for (int i = 0; missing && i < l->count; i++)
        if (rg_entry_has_values(&l->items[i]) && !l->items[i].part) add(to, l->items[i].name);
    for (int64_t i = 0; !missing && i < f->h.nparts; i++)
        if (is_unexpected(l, &f->h.parts[i])) add(to, f->h.parts[i].name);
}

typedef struct names { char text[112]; size_t length; int more; } names; /* "0.weight, 0.bias, 3 more" */

static void add_text(void *to, const char *name) {
    enum { SHOWN = 48, MORE = 16 };
    names *n = to;
    char one[SHOWN + 4];
    const int length = snprintf(one, sizeof one, "%s%.*s", n->length ? ", " : "", SHOWN, name);
    if (n->more || n->length + (size_t)length + MORE > sizeof n->text) {
        n->more++;
        return;
    }
    memcpy(n->text + n->length, one, (size_t)length + 1);
    n->length += (size_t)length;
}

static const char *names_text(const rg_state_list *l, const stored *f, bool missing, names *n) {
    *n = (names){.length = 0};
    each_name(l, f, missing, add_text, n);
    if (n->more) snprintf(n->text + n->length, sizeof n->text - n->length, ", %d more", n->more);
    return n->length ? n->text : "nothing";
}

static int other_names(const rg_state_list *l, const stored *f, const char *what) {
    names missing, unexpected;
    return rg_file_fail(l->r, l->path, "%smissing: %s; unexpected: %s", what, names_text(l, f, true, &missing),
        names_text(l, f, false, &unexpected));
}

typedef struct listing { int count; size_t bytes; const char **names; char *next; } listing; /* names NULL: only counted */

static void add_name(void *to, const char *name) {
    listing *k = to;
    const size_t n = strlen(name) + 1;
    if (k->names) {
        k->names[k->count] = memcpy(k->next, name, n);
        k->next += n;
    }
    k->count++;
    k->bytes += n;
}

/* The names for the report, which live as long as the tape; NULL ends the list. */
static const char *const *list_names(const rg_state_list *l, const stored *f, bool missing) {
    listing k = {.count = 0};
    each_name(l, f, missing, add_name, &k);
    const size_t front = ((size_t)k.count + 1) * sizeof *k.names;
    k.names = rg_tape_own(l->r->at, l->r->tape, front + k.bytes);
    if (!k.names) return NULL;
    k.next = (char *)k.names + front;
    k.count = 0;
    each_name(l, f, missing, add_name, &k);
    return k.names;
}

/* -------- reading: comparing the entries with the file */

static const char *layout_text(const char *dtype, int ndim, const int64_t *shape, char *to, size_t size) {
    size_t n = (size_t)snprintf(to, size, "%s [", dtype);
    for (int d = 0; d < ndim && n < size; d++) n += (size_t)snprintf(to + n, size - n, d ? ",%lld" : "%lld", (long long)shape[d]);
    if (n < size) snprintf(to + n, size - n, "]");
    return to;
}

static bool is_torch_matrix(const rg_entry *e) {
    const int64_t *a = e->part->shape, *b = rg_entry_shape(e);
    return e->matrix && !e->transposed && e->part->ndim == 2 && a[0] == b[1] && a[1] == b[0];
}

static int match_values(const rg_state_list *l, const stored *f, const rg_entry *e) {
    const rg_part *p = e->part;
    const int ndim = rg_entry_ndim(e);
    const char *dtype = rg_entry_dtype(e);
    const bool widens = is_half(p) && (!strcmp(dtype, "F32") || !strcmp(dtype, "F64"));
    const bool same_shape = p->ndim == ndim && !memcmp(p->shape, rg_entry_shape(e), (size_t)ndim * sizeof *p->shape);
    char there[80], here[80];
    if (!same_shape || !(widens || !strcmp(p->dtype, dtype)))
        return rg_file_fail(l->r, l->path, "%.60s is %s in the file, %s here%s", e->name,
            layout_text(p->dtype, p->ndim, p->shape, there, sizeof there), layout_text(dtype, ndim, rg_entry_shape(e), here, sizeof here),
            is_torch_matrix(e) ? "; a file of PyTorch's wants .layout = RG_TORCH" : "");
    for (int64_t i = 0, v; e->kind == RG_KEPT_INDICES && i < e->n; i++) {
        memcpy(&v, f->values + p->begin + 8 * i, sizeof v);
        if (v < 0 || v >= e->n)
            return rg_file_fail(l->r, l->path, "%.60s: value %lld is %lld, not below %lld", e->name, (long long)i, (long long)v,
                (long long)e->n);
    }
    return 0;
}

static int match_text(const rg_state_list *l, const stored *f, rg_entry *e) {
    const char *text = rg_header_text(&f->h, e->name);
    return text ? rg_entry_parse(l, e, text) : rg_file_fail(l->r, l->path, "holds no %.100s", e->name);
}

static void count_name(void *to, const char *name) { (void)name, ++*(int *)to; }

/* Checks that the file has all entries, and no other tensors of the net, unless .partial. The first entry that does not fit gives the
   error. */
static int match(rg_state_list *l, const stored *f) {
    rg_file_report found = {.loaded = 0}, *report = l->with.report;
    for (rg_entry *e = l->items; e < RG_END(l->items, l->count); e++) {
        e->part = rg_entry_has_values(e) ? rg_header_part(&f->h, e->name) : NULL;
        if (e->part) e->part->taken = true, found.loaded++;
    }
    each_name(l, f, true, count_name, &found.missing);
    each_name(l, f, false, count_name, &found.unexpected);
    for (rg_entry *e = l->items; e < RG_END(l->items, l->count); e++) {
        if (e->part ? match_values(l, f, e) : !rg_entry_has_values(e) && match_text(l, f, e)) return -1;
        if (!e->part && rg_entry_has_values(e) && !l->with.partial) return other_names(l, f, "");
    }
    if (found.unexpected && !l->with.partial) return other_names(l, f, "");
    if (found.missing && !found.loaded) return other_names(l, f, "holds nothing of this net; ");
    if (!report) return 0;
    found.missing_names = list_names(l, f, true), found.unexpected_names = list_names(l, f, false);
    if (!found.missing_names || !found.unexpected_names) return -1;
    *report = found;
    return 0;
}

static void put_in_place(const stored *f, const rg_entry *e) {
    const rg_part *p = e->part;
    switch (e->kind) {
    case RG_KEPT_TENSOR:
        if (!p) break; /* .partial */
        rg_touch(e->at);
        put_values(e->at, p, f->values + p->begin, e->transposed);
        break;
    case RG_KEPT_INDICES: memcpy(e->at, f->values + p->begin, (size_t)(p->end - p->begin)); break;
    case RG_KEPT_COUNT: memcpy(e->at, &e->found.count, (size_t)e->n); break;
    case RG_KEPT_NUMBER: *(double *)e->at = e->found.number; break;
    case RG_KEPT_WIDE: memcpy(e->at, e->found.wide, sizeof e->found.wide); break;
    case RG_KEPT_TEXT: break;
    }
}

static int check_leaves(const rg_state_list *l) {
    for (int i = 0; i < l->count; i++)
        if (l->items[i].kind == RG_KEPT_TENSOR && rg_may_write(l->r->at, l->items[i].at, l->r->name)) return -1;
    return 0;
}

static int read_file(rg_state_list *l) {
    stored f;
    if (rg_outside_pass(l->r->at, l->r->tape, l->r->name) || check_leaves(l)) return -1;
    const int status = open_file(l->r, l->path, &f) || match(l, &f) ? -1 : 0;
    for (int i = 0; !status && i < l->count; i++) put_in_place(&f, &l->items[i]);
    close_file(&f);
    return status;
}

int rg_state_file(rg_state_list *l, bool load) {
    if (!l->path) l->failed = rg_fail(l->r->tape, RG_EVALUE, l->r->at, "%s: the path is NULL", l->r->name);
    const int status = rg_state_check(l) ? -1 : load ? read_file(l) : write_file(l);
    rg_state_free(l);
    return status;
}

/* -------- rg_safetensors_load and _save */

static int read_tensor(const stored *f, const rg_part *p, rg_tensor **x) {
    const rg_header *h = &f->h;
    unsigned char *from = f->values + p->begin;
    int64_t numel;
    size_t bytes;
    if (p->here < 0) return rg_file_fail(h->r, h->path, "%.60s is %s, not F32, F64, F16, BF16, I32, I64, U8 or BOOL", p->name, p->dtype);
    if (rg_size((rg_dtype)p->here, p->ndim, p->shape, &numel, &bytes))
        return rg_file_fail(h->r, h->path, "%.60s has a shape that is too large", p->name);
    *x = rg_dataset_tensor(h->r->at, h->r->tape, (rg_dtype)p->here, p->ndim, p->shape, p->name);
    if (rg_failed(*x)) return -1;
    if (p->here != RG_I32 || p->shape[p->ndim] == 4) return put_values(*x, p, from, false), 0;
    if (rg_narrow(h->r, h->path, p->name, from, numel)) return -1;
    memcpy((*x)->data, from, bytes);
    return 0;
}

/* Reads all tensors; none after an error. */
static rg_list read_tensors(const stored *f) {
    const rg_reader *r = f->h.r;
    const int64_t mark = rg_mark(r->tape);
    rg_tensor **items = rg_tape_own(r->at, r->tape, (size_t)f->h.nparts * sizeof *items);
    rg_list list = {items, 0};
    while (items && list.count < f->h.nparts && read_tensor(f, f->placed[list.count], &items[list.count]) == 0) list.count++;
    if (!items || list.count < f->h.nparts) return rg_rewind(r->tape, mark), (rg_list){NULL, 0};
    for (int i = 0; i < list.count; i++) rg_retain(items[i]);
    return list;
}

rg_list rg_safetensors_load_at(const char *at, rg_tape *t, const char *path) {
    const rg_reader r = {.at = at, .tape = t, .name = "rg_safetensors_load"};
    rg_list list = {NULL, 0};
    stored f;
    if (rg_error_code(t)) return list;
    if (!path) return rg_fail(t, RG_EVALUE, at, "%s: the path is NULL", r.name), list;
    if (open_file(&r, path, &f) == 0) list = read_tensors(&f);
    close_file(&f);
    return list;
}

int rg_safetensors_save_at(const char *at, rg_tape *t, const char *path, rg_list list) {
    const rg_reader r = {.at = at, .tape = t, .name = "rg_safetensors_save"};
    rg_state_list l = {.r = &r, .path = path};
    if (rg_error_code(t)) return -1;
    if (list.count < 1 || !list.items) return rg_fail(t, RG_EVALUE, at, "%s: no tensors to save", r.name);
    for (int i = 0; i < list.count && !rg_keep_check(&l, list.items[i], i, true); i++)
        rg_keep(&l, (rg_entry){.kind = RG_KEPT_TENSOR, .at = list.items[i]}, "%s", list.items[i]->name);
    return rg_state_file(&l, false);
}
