/* npy.c - NumPy's .npy: a header written as a Python dictionary, then the values. Source: numpy.lib.format, versions 1.0 to 3.0. */
#include "npy.h"

#include <string.h>

#include "nn/data/dataset.h"
#include "nn/save.h"
#include "write.h"

typedef struct npy_type {
    const char *descr;
    size_t size;    /* in the file */
    rg_dtype dtype; /* here */
} npy_type;

static const npy_type types[] = {{"<f4", 4, RG_F32}, {"<f8", 8, RG_F64}, {"<i4", 4, RG_I32}, {"|u1", 1, RG_U8}, {"<i8", 8, RG_I32}};
enum { TYPES = sizeof types / sizeof *types };
static const char magic[6] = "\x93NUMPY";

/* -------- writing */

/* "(2, 3)", "(2,)", "()" */
static size_t shape_text(const rg_tensor *x, char *to, size_t size) {
    size_t n = 0;
    to[n++] = '(';
    for (int d = 0; d < x->ndim; d++) n += (size_t)snprintf(to + n, size - n, d ? ", %lld" : "%lld", (long long)x->shape[d]);
    return n + (size_t)snprintf(to + n, size - n, x->ndim == 1 ? ",)" : ")");
}

size_t rg_npy_header(const rg_tensor *x, char to[RG_NPY_HEADER]) {
    enum { FRONT = 10, LINE = 64 }; /* magic, version, length; the values begin at a whole line */
    char shape[160];
    int k = 0;
    while (types[k].dtype != x->dtype) k++;
    shape_text(x, shape, sizeof shape);
    memset(to, ' ', RG_NPY_HEADER);
    const int n = snprintf(to + FRONT, RG_NPY_HEADER - FRONT, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", types[k].descr,
        shape);
    const size_t size = (FRONT + (size_t)n + 1 + LINE - 1) / LINE * LINE;
    to[FRONT + n] = ' ';
    to[size - 1] = '\n';
    memcpy(to, magic, sizeof magic);
    memcpy(to + sizeof magic, (const unsigned char[]){1, 0, (unsigned char)(size - FRONT), (unsigned char)((size - FRONT) >> 8)}, 4);
    return size;
}

int rg_npy_save_at(const char *at, rg_tensor *x, const char *path) {
    rg_tape *t = rg_tape_of(x);
    const rg_reader r = {.at = at, .tape = t, .name = "rg_npy_save"};
    char header[RG_NPY_HEADER];
    if (rg_failed(x)) return rg_fail(t, RG_ESTATE, at, "rg_npy_save: the tensor is what a failed operation returned");
    rg_writer *w = rg_writer_open(&r, path);
    if (!w) return -1;
    rg_writer_put(w, header, rg_npy_header(x, header));
    rg_writer_put(w, x->data, (uint64_t)x->numel * rg_dtype_size(x->dtype));
    return rg_writer_close(w);
}

typedef struct source { /* the file that is read */
    const rg_reader *r;
    const char *path;
    rg_file *f;
} source;

/* -------- the header: a dictionary of three known keys, in any order */

typedef struct text { const char *at, *end; } text;

static void blanks(text *c) {
    while (c->at < c->end && strchr(" \n\t\r", *c->at) && *c->at) c->at++;
}

static bool take(text *c, const char *word) {
    const size_t n = strlen(word);
    blanks(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n)) return false;
    c->at += n;
    return true;
}

/* 'text' or "text", printable and without escapes */
static bool take_quoted(text *c, char *to, size_t size) {
    const bool single = take(c, "'");
    if (!single && !take(c, "\"")) return false;
    for (size_t n = 0; c->at < c->end && n < size; c->at++) {
        if (*c->at == (single ? '\'' : '"')) return to[n] = 0, c->at++, true;
        if (*c->at < ' ' || *c->at > '~' || *c->at == '\\') return false;
        to[n++] = *c->at;
    }
    return false;
}

static bool take_size(text *c, int64_t *n) {
    blanks(c);
    const char *start = c->at;
    for (*n = 0; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(*n, 10, n) || __builtin_add_overflow(*n, *c->at - '0', n)) return false;
    return c->at > start;
}

typedef struct npy { /* what a header says */
    char descr[16];
    bool fortran;
    int ndim;
    int64_t shape[RG_MAX_DIMS + 1]; /* one more: the size of an element, for counting bytes */
} npy;

static bool take_shape(text *c, npy *a) {
    if (!take(c, "(")) return false;
    for (a->ndim = 0; !take(c, ")"); a->ndim++) {
        int64_t size;
        if (!take_size(c, &size)) return false;
        if (a->ndim < RG_MAX_DIMS) a->shape[a->ndim] = size;
        if (!take(c, ",")) return a->ndim++, take(c, ")") && a->ndim > 1; /* (3) is a number */
    }
    return true;
}

static bool take_header(text *c, npy *a) {
    int seen = 0;
    char key[16];
    if (!take(c, "{")) return false;
    while (!take(c, "}")) {
        if (!take_quoted(c, key, sizeof key) || !take(c, ":")) return false;
        const int which = !strcmp(key, "descr") ? 1 : !strcmp(key, "fortran_order") ? 2 : !strcmp(key, "shape") ? 4 : 0;
        if (!which || seen & which) return false;
        seen |= which;
        if (which == 1 && !take_quoted(c, a->descr, sizeof a->descr)) return false;
        if (which == 2) a->fortran = take(c, "True");
        if (which == 2 && !a->fortran && !take(c, "False")) return false;
        if (which == 4 && !take_shape(c, a)) return false;
        if (!take(c, ",")) return take(c, "}") && (blanks(c), seen == 7 && c->at == c->end);
    }
    blanks(c);
    return seen == 7 && c->at == c->end;
}

static int read_header(const source *s, npy *a) {
    enum { MOST = 1 << 16 };
    unsigned char head[12];
    uint64_t left;
    if (rg_file_get(s->f, head, 10)) return -1;
    if (memcmp(head, magic, sizeof magic))
        return rg_file_fail(s->r, s->path, "starts with %02x %02x %02x %02x, which is no .npy%s", head[0], head[1], head[2], head[3],
            memcmp(head, "PK", 2) ? "" : ", but perhaps an .npz, for rg_npz_load");
    if (head[6] < 1 || head[6] > 3 || head[7])
        return rg_file_fail(s->r, s->path, "is version %d.%d of .npy, not 1.0 to 3.0", head[6], head[7]);
    uint64_t size = head[8] | (uint64_t)head[9] << 8;
    if (head[6] > 1) {
        if (rg_file_get(s->f, head + 10, 2)) return -1;
        size |= (uint64_t)head[10] << 16 | (uint64_t)head[11] << 24;
    }
    if (size > MOST) return rg_file_fail(s->r, s->path, "a header of %llu bytes, at most %d are allowed", (unsigned long long)size, MOST);
    if (rg_file_left(s->f, size, &left)) return -1;
    if (left < size)
        return rg_file_fail(s->r, s->path, "a header of %llu bytes, but only %llu follow", (unsigned long long)size,
            (unsigned long long)left);
    char *header = rg_tape_alloc(s->r->at, s->r->tape, (size_t)size);
    if (!header) return -1;
    int status = rg_file_get(s->f, header, size);
    if (!status && !take_header(&(text){header, header + size}, a))
        status = rg_file_fail(s->r, s->path, "the header is not {'descr': TYPE, 'fortran_order': BOOL, 'shape': (N, ..)} of a plain array");
    rg_tape_dealloc(s->r->tape, header, (size_t)size);
    return status;
}

/* -------- the values */

static const npy_type *find_type(const source *s, const npy *a) {
    if (a->descr[0] == '>')
        return rg_file_fail(s->r, s->path, "holds '%s', which is big-endian; save it with .astype('<%s')", a->descr, a->descr + 1), NULL;
    for (int k = 0; k < TYPES; k++) /* single bytes have no order */
        if (!strcmp(types[k].descr, a->descr) || (types[k].size == 1 && !strcmp(types[k].descr + 1, a->descr + (a->descr[0] == '<'))))
            return &types[k];
    return rg_file_fail(s->r, s->path, "holds '%s', not f4, f8, i4, i8 or u1", a->descr), NULL;
}

/* The number of bytes of values, by the header. It must be the number of bytes that follow. */
static int check_size(const source *s, npy *a, const npy_type *type, size_t *bytes) {
    int64_t numel;
    uint64_t left;
    if (a->ndim > RG_MAX_DIMS) return rg_file_fail(s->r, s->path, "%d dimensions, at most %d", a->ndim, RG_MAX_DIMS);
    a->shape[a->ndim] = (int64_t)type->size;
    if (rg_size(RG_U8, a->ndim + 1, a->shape, &numel, bytes))
        return rg_file_fail(s->r, s->path, "the header gives a shape that is too large");
    if (rg_file_left(s->f, *bytes, &left)) return -1;
    return left == *bytes ? 0 : rg_file_fail(s->r, s->path, "the header promises %llu bytes of values, but %s%llu follow",
        (unsigned long long)*bytes,
        left > *bytes ? "at least " : "only ", (unsigned long long)left);
}

int rg_narrow(const rg_reader *r, const char *path, const char *name, void *values, int64_t n) {
    for (int64_t i = 0, v; i < n; i++) {
        memcpy(&v, (char *)values + 8 * i, sizeof v);
        if (v < INT32_MIN || v > INT32_MAX)
            return rg_file_fail(r, path, "%.60s%svalue %lld is %lld, too large for i32", name ? name : "", name ? ": " : "", (long long)i,
                (long long)v);
        memcpy((char *)values + 4 * i, &(int32_t){(int32_t)v}, 4);
    }
    return 0;
}

/* Copies `raw` to x; Fortran order, with the first axis running fastest, becomes row-major. */
static void put_values(rg_tensor *x, const char *raw, bool fortran) {
    const size_t size = rg_dtype_size(x->dtype);
    if (!fortran) {
        memcpy(x->data, raw, (size_t)x->numel * size);
        return;
    }
    int64_t index[RG_MAX_DIMS] = {0}, stride[RG_MAX_DIMS] = {1}, from = 0;
    for (int d = 1; d < x->ndim; d++) stride[d] = stride[d - 1] * x->shape[d - 1];
    for (int64_t i = 0; i < x->numel; i++) {
        memcpy((char *)x->data + (size_t)i * size, raw + (size_t)from * size, size);
        for (int d = x->ndim - 1; d >= 0; d--) { /* the next index, as an odometer turns */
            from += stride[d];
            if (++index[d] < x->shape[d]) break;
            from -= stride[d] * index[d];
            index[d] = 0;
        }
    }
}

static int read_values(const source *s, rg_tensor *x, const npy *a, const npy_type *type, size_t bytes) {
    if (!a->fortran && type->size == rg_dtype_size(type->dtype)) return rg_file_get(s->f, x->data, bytes);
    char *raw = rg_tape_alloc(s->r->at, s->r->tape, bytes);
    if (!raw) return -1;
    int status = rg_file_get(s->f, raw, bytes);
    if (!status && type->size > rg_dtype_size(type->dtype)) status = rg_narrow(s->r, s->path, NULL, raw, x->numel);
    if (!status) put_values(x, raw, a->fortran);
    rg_tape_dealloc(s->r->tape, raw, bytes);
    return status;
}

rg_tensor *rg_npy_read(const rg_reader *r, const char *path, rg_file *f, const char *name) {
    const source s = {r, path, f};
    npy a = {.ndim = 0};
    size_t bytes;
    const npy_type *type = read_header(&s, &a) ? NULL : find_type(&s, &a);
    if (!type || check_size(&s, &a, type, &bytes)) return rg_poison(r->tape);
    rg_tensor *x = rg_dataset_tensor(r->at, r->tape, type->dtype, a.ndim, a.shape, name);
    return rg_failed(x) || read_values(&s, x, &a, type, bytes) ? rg_poison(r->tape) : x;
}

rg_tensor *rg_npy_load_at(const char *at, rg_tape *t, const char *path) {
    const rg_reader r = {.at = at, .tape = t, .name = "rg_npy_load"};
    if (!path) return rg_refuse(t, RG_EVALUE, at, "rg_npy_load: the path is NULL");
    const char *slash = strrchr(path, '/');
    const int64_t mark = rg_mark(t);
    rg_file *f = rg_file_open(&r, path);
    rg_tensor *x = f ? rg_npy_read(&r, path, f, slash ? slash + 1 : path) : rg_poison(t);
    rg_file_close(f);
    return rg_tensor_keep(t, mark, x);
}
