/* loader.c - batches of a data set: rows in order, shuffled or by weight; bytes become floats. */
#include "loader.h"
#include "rows.h"

#include <string.h>

/* -------- the dtype and shape of a batch */

static bool becomes_float(const rg_column *c) { return c->scaled || rg_is_float(c->from); }

static rg_dtype batch_dtype(const rg_loader *l, const rg_column *c) {
    if (becomes_float(c)) return rg_default_dtype(l->tape);
    return c->from->dtype == RG_U8 && !l->options.keep_u8 ? RG_I32 : c->from->dtype;
}

static int64_t row_at(const rg_loader *l, int64_t i) { return l->order ? l->order[l->row + i] : l->row + i; }

/* The length of a window, or of the longest of the next b rows. */
static int64_t batch_length(const rg_loader *l, int64_t b) {
    int64_t length = l->length;
    for (int64_t i = 0; l->offsets && i < b; i++) {
        const int64_t row = row_at(l, i), n = l->offsets[row + 1] - l->offsets[row];
        if (n > length) length = n;
    }
    return length;
}

/* Returns the number of dimensions. */
static int batch_shape(const rg_column *c, int64_t b, int64_t length, int64_t shape[RG_MAX_DIMS]) {
    const int rest = c->from->ndim - 1;
    shape[0] = b;
    shape[1] = c->sliced ? length : c->size;
    if (c->flat) return 2;
    memcpy(shape + 1 + c->sliced, c->from->shape + 1, (size_t)rest * sizeof *shape);
    return 1 + c->sliced + rest;
}

static int64_t batches(const rg_loader *l, int64_t rows) {
    const int64_t batch = l->options.batch;
    return rows / batch + (rows % batch && !l->options.drop_last);
}

/* Rows of the next batch; 0 at the end of the epoch. */
static int64_t batch_rows(const rg_loader *l) {
    const int64_t left = l->x->shape[0] - l->row, batch = l->options.batch;
    return left >= batch ? batch : l->options.drop_last ? 0 : left;
}

int64_t rg_loader_steps(const rg_loader *l) { return l ? batches(l, l->x->shape[0]) : 0; }
int64_t rg_loader_left(const rg_loader *l) { return l ? batches(l, l->x->shape[0] - l->row) : 0; }
int64_t rg_loader_epoch(const rg_loader *l) { return l ? l->epoch : 0; }
int64_t rg_loader_row(const rg_loader *l) { return l ? l->row : 0; }

void rg_loader_restart(rg_loader *l) {
    if (!l || l->row == 0) return;
    l->row = 0;
    l->epoch++;
}

/* -------- filling it */

/* The first row whose cumulated weight is above u. */
static int64_t row_of_weight(const rg_loader *l, double u) {
    int64_t low = 0, high = l->x->shape[0] - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (l->cumulated[middle] > u) high = middle;
        else low = middle + 1;
    }
    return low;
}

/* Draws the order of an epoch, if the loader is at its beginning. */
static void draw_order(rg_loader *l) {
    rg_rng *rng = rg_tape_rng(l->tape);
    const int64_t n = l->x->shape[0];
    if (l->row > 0 || !l->order) return;
    if (!l->cumulated) rg_rng_permutation(rng, n, l->order);
    for (int64_t i = 0; l->cumulated && i < n; i++) l->order[i] = row_of_weight(l, rg_rng_random(rng));
}

/* Converts rows to floats, and prefetches the `next` rows that follow. */
static void gather(const rg_loader *l, const rg_column *c, rg_tensor *to, int64_t next) {
    static rg_rows_fn *const kernel[2][RG_ISAS] = RG_KERNEL(rows);
    static const double none = 0, one = 1;
    kernel[to->dtype == RG_F64][rg_isa(l->tape)](&(rg_rows){.tape = l->tape, .from = c->from->data, .dtype = c->from->dtype, .to = to->data,
        .size = c->size, .count = to->shape[0], .order = l->order ? l->order + l->row : NULL, .first = l->row, .next = next,
        .divisor = c->scaled ? l->options.divisor : 1, .channels = c->scaled ? l->channels : 1, .mean = c->scaled ? l->mean : &none,
        .std = c->scaled ? l->std : &one});
}

/* Copies rows of integers, or pieces of a stream, which are padded to the length of the batch. */
static void copy(const rg_loader *l, const rg_column *c, rg_tensor *to) {
    const size_t width = rg_dtype_size(c->from->dtype), to_width = rg_dtype_size(to->dtype);
    const int64_t size = to->numel / to->shape[0];
    for (int64_t i = 0; i < to->shape[0]; i++) {
        const int64_t row = row_at(l, i);
        const bool ragged = c->sliced && l->offsets;
        const int64_t first = ragged ? l->offsets[row] * c->step : c->first + row * c->step;
        const int64_t n = ragged ? l->offsets[row + 1] * c->step - first : size;
        char *place = (char *)to->data + (size_t)(i * size) * to_width;
        rg_convert(place, to->dtype, (const char *)c->from->data + (size_t)first * width, c->from->dtype, n);
        for (int64_t k = n; k < size; k++) rg_convert(place + (size_t)k * to_width, to->dtype, &l->options.padding_value, RG_F64, 1);
    }
}

/* Calls the transform of the options. What it makes on the tape is released. */
static int transform(const char *at, const char *what, const rg_loader *l) {
    rg_tape *t = l->tape;
    if (!l->options.transform) return 0;
    const int64_t mark = rg_mark(t), guard = rg_guard(t, mark), errors = rg_errors(t);
    const bool recording = rg_record(t, false);
    const int status = l->options.transform(l->options.transform_ctx, l->batch, rg_tape_rng(t));
    rg_record(t, recording);
    rg_guard(t, guard);
    if (status && rg_errors(t) == errors) rg_fail(t, RG_EVALUE, at, "%s: the transform returned %d", what, status);
    rg_rewind_at(at, t, mark);
    return rg_errors(t) == errors ? 0 : -1;
}

/* Writes the next b rows to the tensors that l->batch has. */
static int fill(const char *at, const char *what, rg_loader *l, int64_t b) {
    const int64_t left = l->x->shape[0] - l->row - b;
    for (int i = 0; i < l->ncolumns; i++) {
        const rg_column *c = &l->columns[i];
        if (!l->batch[i]) continue;
        if (!becomes_float(c) || c->sliced) copy(l, c, l->batch[i]);
        else gather(l, c, l->batch[i], i > 0 || !l->order ? 0 : left < b ? left : b);
    }
    if (l->batch[0]) rg_augment(l, l->batch[0]);
    if (transform(at, what, l)) return -1;
    l->row += b;
    return 0;
}

static bool may_go_on(const char *at, const char *what, const rg_loader *l, int n) {
    if (!l || rg_error_code(l->tape)) return false;
    if (n > l->ncolumns) rg_fail(l->tape, RG_EVALUE, at, "%s: %d tensors, but the loader was made with %d", what, n, l->ncolumns);
    return n <= l->ncolumns;
}

/* Tensors of b rows without values, for the columns that are asked for. */
static int make_batch(const char *at, rg_loader *l, int64_t b, int n, rg_tensor **const *places) {
    int64_t shape[RG_MAX_DIMS];
    for (int i = 0; i < l->ncolumns; i++) l->batch[i] = NULL;
    for (int i = 0; i < n; i++) {
        if (!places[i]) continue;
        const int ndim = batch_shape(&l->columns[i], b, batch_length(l, b), shape);
        l->batch[i] = rg_empty_at(at, l->tape, batch_dtype(l, &l->columns[i]), ndim, shape);
        if (rg_failed(l->batch[i])) return -1;
    }
    return 0;
}

bool rg_loader_next_at(const char *at, rg_loader *l, int n, rg_tensor **const *places) {
    for (int i = 0; i < n; i++)
        if (places[i]) *places[i] = NULL;
    if (!may_go_on(at, "rg_loader_next", l, n)) return false;
    const int64_t b = batch_rows(l), mark = rg_mark(l->tape);
    if (b == 0) return rg_loader_restart(l), false;
    const rg_rng before = *rg_tape_rng(l->tape);
    draw_order(l);
    if (make_batch(at, l, b, n, places) || fill(at, "rg_loader_next", l, b)) { /* the next call tries the same batch again */
        *rg_tape_rng(l->tape) = before;
        rg_rewind_at(at, l->tape, mark);
        return false;
    }
    for (int i = 0; i < n; i++)
        if (places[i]) *places[i] = l->batch[i];
    return true;
}

/* 1: c's next b rows fit x. 0: x is a batch of c with another number of rows, or another length. -1: x is no batch of c. */
static int fits(const rg_loader *l, const rg_column *c, const rg_tensor *x, int64_t b) {
    int64_t shape[RG_MAX_DIMS];
    int same = 1;
    if (rg_failed(x) || x->tape != l->tape || x->op || x->base || x->dtype != batch_dtype(l, c)) return -1;
    if (x->ndim != batch_shape(c, b, batch_length(l, b), shape)) return -1;
    for (int d = 0; d < x->ndim; d++)
        if (x->shape[d] != shape[d]) {
            if (d > (c->sliced && l->offsets)) return -1;
            same = 0;
        }
    return same;
}

bool rg_loader_refill_at(const char *at, rg_loader *l, int n, rg_tensor *const *batch) {
    if (!may_go_on(at, "rg_loader_refill", l, n)) return false;
    const int64_t b = batch_rows(l);
    if (b == 0 || rg_outside_pass(at, l->tape, "rg_loader_refill")) return false;
    const rg_rng before = *rg_tape_rng(l->tape);
    const rg_tensor *first = NULL;
    int same = 1;
    draw_order(l);
    for (int i = 0; i < l->ncolumns; i++) l->batch[i] = i < n ? batch[i] : NULL;
    for (int i = 0; i < n && same >= 0; i++) {
        if (!batch[i]) continue;
        if (!first) first = batch[i];
        const int fit = fits(l, &l->columns[i], batch[i], b), one = fit >= 0 && batch[i]->shape[0] == first->shape[0] ? fit : -1;
        if (one < 0) rg_fail(l->tape, RG_ESHAPE, at, "rg_loader_refill: tensor %d is no batch of this loader", i);
        if (one < same) same = one;
    }
    if (!first)
        same = rg_fail(l->tape, RG_EVALUE, at, "rg_loader_refill: all tensors are NULL; an rg_loader_next that returned false set them so");
    if (same <= 0 || fill(at, "rg_loader_refill", l, b)) {
        *rg_tape_rng(l->tape) = before;
        return false;
    }
    for (int i = 0; i < n; i++)
        if (batch[i]) rg_touch(batch[i]);
    return true;
}
