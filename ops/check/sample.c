/* sample.c - reads the notation of sample.h and makes operands of it. */
#include "ops/sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef RG_AT
#define RG_AT at

/* A word of the sample, as far as it is not read yet: `text` moves on. */
typedef struct word { const char *text, *end; } word;

static int refuse(rg_sample *s, word w, const char *why) {
    snprintf(s->error, sizeof s->error, "%s at \"%.*s\"", why, (int)(w.end - w.text), w.text);
    return -1;
}

static bool take(word *w, const char *prefix) {
    const size_t n = strlen(prefix);
    if ((size_t)(w->end - w->text) < n || memcmp(w->text, prefix, n) != 0) return false;
    w->text += n;
    return true;
}

static bool take_int(word *w, int64_t low, int64_t high, int64_t *to) {
    char *stop;
    if (w->text == w->end || (*w->text != '-' && (*w->text < '0' || *w->text > '9'))) return false;
    errno = 0;
    *to = strtoll(w->text, &stop, 10);
    if (stop == w->text || stop > w->end || errno == ERANGE || *to < low || *to > high) return false;
    w->text = stop;
    return true;
}

/* Numbers between separators, at most six. Returns how many, or -1. */
static int take_list(word *w, const char *separator, int64_t low, int64_t high, int64_t *to) {
    int n = 0;
    do {
        if (n == RG_MAX_DIMS || !take_int(w, low, high, &to[n])) return -1;
        n++;
    } while (take(w, separator));
    return n;
}

static int take_dtype(word *w) {
    for (int d = RG_F32; d <= RG_U8; d++)
        if (take(w, rg_dtype_name((rg_dtype)d))) return d;
    return -1;
}

static int read_operand(rg_sample *s, word w) {
    if (s->n == RG_SAMPLE_OPERANDS) return refuse(s, w, "too many operands");
    rg_sample_operand *o = &s->operand[s->n];
    *o = (rg_sample_operand){.dtype = -1};
    if (take(&w, "same")) {
        if (s->n == 0) return refuse(s, w, "same without an operand before it");
        *o = s->operand[0];
        o->same = true;
    } else if (!take(&w, "-")) {
        o->ndim = take_list(&w, ",", 0, INT64_MAX, o->shape);
        if (o->ndim < 0) return refuse(s, w, "no dimensions");
    }
    if (!o->same && take(&w, ":")) {
        o->dtype = take_dtype(&w);
        if (o->dtype < 0 && !take(&w, "f")) return refuse(s, w, "no type");
        o->whole = o->dtype == RG_I32 || o->dtype == RG_U8;
        o->high = o->dtype == RG_U8 ? 255 : 1;
        int64_t v;
        if (take(&w, "<")) {
            if (!take_int(&w, 1, INT32_MAX, &v)) return refuse(s, w, "no bound");
            o->whole = true, o->high = (int32_t)(v - 1);
        } else if (take(&w, "=")) {
            if (!take_int(&w, INT32_MIN, INT32_MAX, &v)) return refuse(s, w, "no value");
            o->whole = true, o->low = o->high = (int32_t)v;
        }
    }
    s->n++;
    return w.text == w.end ? 0 : refuse(s, w, "what follows an operand");
}

static int read_number(rg_sample *s, word w, double *to) {
    char *stop;
    *to = strtod(w.text, &stop);
    return stop == w.end && stop != w.text ? 0 : refuse(s, w, "no number");
}

static int read_int(rg_sample *s, word w, int *to) {
    int64_t v;
    if (!take_int(&w, INT32_MIN, INT32_MAX, &v) || w.text != w.end) return refuse(s, w, "no whole number");
    *to = (int)v;
    return 0;
}

static int read_int64(rg_sample *s, word w, int64_t *to) {
    return take_int(&w, INT64_MIN, INT64_MAX, to) && w.text == w.end ? 0 : refuse(s, w, "no whole number");
}

static int read_axes(rg_sample *s, word w) {
    int64_t axes[RG_MAX_DIMS];
    const int n = take_list(&w, ".", 0, 31, axes);
    if (n < 0 || w.text != w.end) return refuse(s, w, "no axes");
    for (int i = 0; i < n; i++) s->attr.reduce.axes |= 1u << axes[i];
    return 0;
}

static int read_perm(rg_sample *s, word w) {
    int64_t axes[RG_MAX_DIMS];
    const int n = take_list(&w, ".", INT32_MIN, INT32_MAX, axes);
    if (n < 0 || w.text != w.end) return refuse(s, w, "no permutation");
    for (int i = 0; i < RG_MAX_DIMS; i++) s->attr.perm[i] = i < n ? (int)axes[i] : -1;
    return 0;
}

static int read_shape(rg_sample *s, word w) {
    s->has_shape = true;
    if (w.end - w.text == 1 && *w.text == '-') return 0;
    s->attr.shape.ndim = take_list(&w, "x", INT64_MIN, INT64_MAX, s->dims);
    return s->attr.shape.ndim < 0 || w.text != w.end ? refuse(s, w, "no shape") : 0;
}

static int read_pair(rg_sample *s, word w, int16_t to[2]) {
    int64_t v[RG_MAX_DIMS];
    if (take_list(&w, "x", INT16_MIN, INT16_MAX, v) != 2 || w.text != w.end) return refuse(s, w, "no pair");
    to[0] = (int16_t)v[0], to[1] = (int16_t)v[1];
    return 0;
}

static int read_size(rg_sample *s, word w) {
    int64_t v[RG_MAX_DIMS];
    if (take_list(&w, "x", INT32_MIN, INT32_MAX, v) != 2 || w.text != w.end) return refuse(s, w, "no pair");
    s->attr.window.size[0] = (int32_t)v[0], s->attr.window.size[1] = (int32_t)v[1];
    return 0;
}

static int read_attribute(rg_sample *s, word w) {
    rg_attr *a = &s->attr;
    if (take(&w, "axis=")) return read_int(s, w, &a->axis);
    if (take(&w, "keepdims=")) return read_int(s, w, &a->reduce.keepdims);
    if (take(&w, "axes=")) return read_axes(s, w);
    if (take(&w, "reverse=")) return read_int(s, w, &a->reverse);
    if (take(&w, "ta=")) return read_int(s, w, &a->matmul.ta);
    if (take(&w, "tb=")) return read_int(s, w, &a->matmul.tb);
    if (take(&w, "start=")) return read_int64(s, w, &a->start);
    if (take(&w, "stop=")) return read_int64(s, w, &a->stop);
    if (take(&w, "kernel=")) return read_pair(s, w, a->window.kernel);
    if (take(&w, "stride=")) return read_pair(s, w, a->window.stride);
    if (take(&w, "padding=")) return read_pair(s, w, a->window.padding);
    if (take(&w, "dilation=")) return read_pair(s, w, a->window.dilation);
    if (take(&w, "groups=")) return read_int(s, w, &a->window.groups);
    if (take(&w, "size=")) return read_size(s, w);
    if (take(&w, "p=")) return read_number(s, w, &a->p);
    if (take(&w, "q=")) return read_number(s, w, &a->q);
    if (take(&w, "shape=")) return read_shape(s, w);
    if (take(&w, "perm=")) return read_perm(s, w);
    if (take(&w, "classes=")) return read_int(s, w, &a->classes);
    if (take(&w, "diagonal=")) return read_int(s, w, &a->diagonal);
    if (take(&w, "reduction=")) return read_int(s, w, &a->reduction);
    if (!take(&w, "dtype=")) return refuse(s, w, "unknown attribute");
    const int dtype = take_dtype(&w);
    a->dtype = (rg_dtype)dtype;
    return dtype < 0 || w.text != w.end ? refuse(s, w, "no type") : 0;
}

int rg_sample_next(const char **text, rg_sample *s) {
    const char *at = *text + strspn(*text, " ");
    memset(s, 0, sizeof *s);
    s->text = at;
    if (*at == 0) return 0;
    s->length = (int)strcspn(at, ";");
    *text = at + s->length + (at[s->length] == ';');
    const char *const end = at + s->length;
    while (at < end) {
        const word w = {at, at + strcspn(at, " ;")};
        const bool is_operand = (*at >= '0' && *at <= '9') || *at == '-' || (w.end - at == 4 && memcmp(at, "same", 4) == 0);
        if (is_operand ? read_operand(s, w) : read_attribute(s, w)) return -1;
        at = w.end + strspn(w.end, " ");
    }
    return s->n > 0 ? 1 : refuse(s, (word){s->text, end}, "no operands");
}

static double draw(const rg_sample_operand *o, const rg_op *op, rg_rng *rng) {
    if (o->whole) return (double)rg_rng_integers(rng, o->low, (int64_t)o->high + 1);
    const bool plain = op->range[0] == 0 && op->range[1] == 0;
    return rg_rng_uniform(rng, plain ? -2 : op->range[0], plain ? 2 : op->range[1]);
}

static void set(rg_tensor *x, int64_t i, double v) {
    switch (rg_dtype_of(x)) {
    case RG_F32: ((float *)x->data)[i] = (float)v; break;
    case RG_F64: ((double *)x->data)[i] = v; break;
    case RG_I32: ((int32_t *)x->data)[i] = (int32_t)v; break;
    default: ((uint8_t *)x->data)[i] = (uint8_t)v; break;
    }
}

static rg_tensor *operand(const char *at, const rg_sample_operand *o, const rg_op *op, rg_tape *t, rg_rng *rng) {
    rg_tensor *x = rg_empty_at(at, t, o->dtype < 0 ? rg_default_dtype(t) : (rg_dtype)o->dtype, o->ndim, o->shape);
    for (int64_t i = 0; !rg_failed(x) && i < x->numel; i++) set(x, i, draw(o, op, rng));
    return x;
}

int rg_sample_operands(const char *at, const rg_sample *s, const rg_op *op, rg_tape *t, rg_rng *rng, rg_tensor *in[RG_SAMPLE_OPERANDS]) {
    for (int i = 0; i < s->n; i++) {
        in[i] = s->operand[i].same ? in[0] : operand(at, &s->operand[i], op, t, rng);
        if (rg_failed(in[i])) return -1;
    }
    return s->n;
}

rg_tensor *rg_sample_apply(const char *at, const rg_sample *s, const rg_op *op, rg_tensor *const *in) {
    rg_attr attr = s->attr;
    if (s->has_shape) attr.shape.dims = s->dims;
    return rg_apply(op, at, attr, s->n, in);
}

bool rg_sample_float(const rg_sample *s, int i) { return s->operand[i].dtype < 0 && !s->operand[i].whole; }
