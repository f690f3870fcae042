/* loader.c - batches of a data set: rows gathered in order or shuffled, bytes turned into floats on the way. */
#include "data.h"
#include "engine/op.h"
#include "nn/rows.h"

#include <string.h>

static bool is_float(const rg_tensor *x) { return x->dtype == RG_F32 || x->dtype == RG_F64; }
static int64_t row_size(const rg_tensor *x) { return x->shape[0] ? x->numel / x->shape[0] : 0; } /* in elements */

/* -------- a batch */

/* `to` [b, ..], floats = rows of `from` [n, ..], converted; `next` rows after them are on their way while these are computed with. */
static void gather(const rg_loader *l, rg_tensor *to, const rg_tensor *from, int64_t b, int64_t next, const rg_loader_options *o) {
    static rg_rows_fn *const kernel[2][RG_ISAS] = RG_KERNEL(rows);
    kernel[to->dtype == RG_F64][rg_isa(l->tape)](&(rg_rows){.tape = l->tape, .from = from->data, .dtype = from->dtype, .to = to->data,
        .size = row_size(from), .count = b, .order = l->order ? l->order + l->row : NULL, .first = l->row, .next = next,
        .divisor = o->divisor, .mean = o->mean, .std = o->std});
}

/* Labels [b, ..] of the same rows as i32, from i32 or u8. */
static void gather_labels(const rg_loader *l, rg_tensor *to, const rg_tensor *from, int64_t b) {
    const int64_t n = row_size(from);
    int32_t *label = to->data;
    for (int64_t i = 0; i < b; i++) {
        const int64_t row = (l->order ? l->order[l->row + i] : l->row + i) * n;
        for (int64_t k = 0; k < n; k++) *label++ = from->dtype == RG_U8 ? ((const uint8_t *)from->data)[row + k] : ((const int32_t *)from->data)[row + k];
    }
}

static rg_tensor *batch_of(const char *at, const rg_loader *l, const rg_tensor *from, int64_t b, bool flat) {
    rg_tape *t = l->tape;
    int64_t shape[RG_MAX_DIMS];
    memcpy(shape, from->shape, sizeof shape);
    shape[0] = b;
    if (flat) shape[1] = row_size(from);
    const bool floats = is_float(from) || from == l->x;
    return rg_empty_at(at, t, floats ? rg_default_dtype(t) : RG_I32, flat ? 2 : from->ndim, shape);
}

int64_t rg_loader_steps(const rg_loader *l) {
    if (!l) return 0;
    const int64_t n = l->x->shape[0], batch = l->options.batch;
    return n / batch + (n % batch && !l->options.drop_last);
}

/* Rows of the next batch; 0 at the end of the epoch, -1 after an error. */
static int64_t batch_rows(const char *at, const char *what, rg_loader *l) {
    if (!l || rg_error_code(l->tape)) return -1;
    const int64_t n = l->x->shape[0], left = n - l->row, b = left < l->options.batch ? left : l->options.batch;
    if (l->row < 0 || l->row > n) return rg_fail(l->tape, RG_EVALUE, at, "%s: row %lld is outside 0..%lld", what, (long long)l->row, (long long)n);
    return b < l->options.batch && l->options.drop_last ? 0 : b;
}

/* Draws the epoch's order if it begins here, and fills x and y with the next b rows. */
static bool fill(const char *at, const char *what, rg_loader *l, rg_tensor *x, rg_tensor *y, int64_t b) {
    static const rg_loader_options as_is = {.divisor = 1, .std = 1};
    const int64_t n = l->x->shape[0];
    if (l->row == 0 && l->order) rg_rng_permutation(rg_tape_rng(l->tape), n, l->order);
    for (int64_t i = 0; l->order && i < b; i++) {
        const int64_t row = l->order[l->row + i];
        if (row >= 0 && row < n) continue;
        rg_fail(l->tape, RG_EVALUE, at, "%s: order[%lld] = %lld is outside 0..%lld", what, (long long)(l->row + i), (long long)row, (long long)n - 1);
        return false;
    }
    const int64_t left = n - l->row - b;
    gather(l, x, l->x, b, !l->order ? 0 : left < b ? left : b, &l->options);
    if (is_float(y)) gather(l, y, l->y, b, 0, &as_is);
    else gather_labels(l, y, l->y, b);
    l->row += b;
    return true;
}

bool rg_loader_next_at(const char *at, rg_loader *l, rg_tensor **x, rg_tensor **y) {
    rg_tensor *unwanted;
    if (!x) x = &unwanted;
    if (!y) y = &unwanted;
    *x = *y = NULL;
    const int64_t b = batch_rows(at, "rg_loader_next", l);
    if (b < 0) return false;
    if (b == 0) {
        l->row = 0;
        l->epoch++;
        return false;
    }
    const int64_t mark = rg_mark(l->tape);
    rg_tensor *bx = batch_of(at, l, l->x, b, !l->options.keep_shape), *by = batch_of(at, l, l->y, b, false);
    if (rg_failed(bx) || rg_failed(by) || !fill(at, "rg_loader_next", l, bx, by, b)) { /* without memory nothing was drawn: the next call tries the same batch again */
        rg_rewind(l->tape, mark);
        return false;
    }
    *x = bx;
    *y = by;
    return true;
}

bool rg_loader_refill_at(const char *at, rg_loader *l, rg_tensor *x, rg_tensor *y) {
    const int64_t b = batch_rows(at, "rg_loader_refill", l);
    if (b <= 0 || rg_outside_pass(at, l->tape, "rg_loader_refill")) return false;
    const bool leaves = !rg_failed(x) && !rg_failed(y) && x->tape == l->tape && y->tape == l->tape && !x->op && !y->op && !x->base && !y->base;
    const bool fit = leaves && x->ndim > 0 && y->ndim > 0 && x->numel == x->shape[0] * row_size(l->x) && y->numel == y->shape[0] * row_size(l->y) &&
        is_float(x) && y->dtype == (is_float(l->y) ? rg_default_dtype(l->tape) : RG_I32) && x->shape[0] == y->shape[0];
    if (!fit) return rg_fail(l->tape, RG_ESHAPE, at, "rg_loader_refill: x and y are no batch of this loader"), false;
    if (x->shape[0] != b || !fill(at, "rg_loader_refill", l, x, y, b)) return false;
    rg_touch(x);
    rg_touch(y);
    return true;
}

/* -------- making one */

static int check(const char *at, rg_tape *t, const rg_tensor *x, const rg_tensor *y, const rg_loader_options *o) {
    char xs[80], ys[80];
    if (rg_error_code(t) || rg_failed(x) || rg_failed(y)) return rg_fail(t, RG_ESTATE, at, "rg_loader_new: x or y is poisoned or NULL");
    if (x->tape != t || y->tape != t) return rg_fail(t, RG_ESTATE, at, "rg_loader_new: x or y belongs to another tape");
    rg_shape_text(x, xs, sizeof xs);
    rg_shape_text(y, ys, sizeof ys);
    if (!is_float(x) && x->dtype != RG_U8) return rg_fail(t, RG_EDTYPE, at, "rg_loader_new: x is %s, not u8 or a float", xs);
    if (x->ndim < 1 || y->ndim < 1 || x->shape[0] != y->shape[0] || x->shape[0] < 1)
        return rg_fail(t, RG_ESHAPE, at, "rg_loader_new: x %s and y %s do not have the same number of rows, at least one", xs, ys);
    if (o->batch < 1) return rg_fail(t, RG_EVALUE, at, "rg_loader_new: batches of %lld rows", (long long)o->batch);
    if (o->drop_last && o->batch > x->shape[0])
        return rg_fail(t, RG_EVALUE, at, "rg_loader_new: drop_last leaves no batch of %lld from x %s", (long long)o->batch, xs);
    const double finite = (o->divisor + o->mean + o->std) * 0;
    if (finite != 0 || o->std < 0 || o->divisor < 0) return rg_fail(t, RG_EVALUE, at, "rg_loader_new: divisor %g, mean %g, std %g", o->divisor, o->mean, o->std);
    return 0;
}

rg_loader *rg_loader_new_at(const char *at, rg_tape *t, rg_tensor *x, rg_tensor *y, rg_loader_options options) {
    if (check(at, t, x, y, &options)) return NULL;
    if (options.divisor == 0) options.divisor = x->dtype == RG_U8 ? 255 : 1;
    if (options.std == 0) options.std = 1;
    const size_t n = options.shuffle ? (size_t)x->shape[0] : 0;
    rg_loader *l = rg_tape_own(at, t, sizeof *l + n * sizeof *l->order);
    if (!l) return NULL;
    *l = (rg_loader){.tape = t, .x = rg_retain(x), .y = rg_retain(y), .options = options};
    if (n) l->order = (int64_t *)(l + 1);
    return l;
}
