/* loader_new.c - rg_loader_new and rg_loader_windows: columns and options are checked and copied. */
#include "loader.h"
#include "ops/ops.h"

#include <math.h>

typedef struct maker { /* the call that makes a loader */
    const char *at, *name;
    rg_tape *tape;
    rg_tensor *x;
    const rg_loader_options *o;
    int64_t rows;
    bool sliced; /* x is a stream */
} maker;

#define FAIL(m, code, format, ...) rg_fail((m)->tape, code, (m)->at, "%s: " format, (m)->name, __VA_ARGS__)

/* -------- checks */

/* rows: how many the column must have; 0: any number. */
static int check_column(const maker *m, const char *name, const rg_tensor *c, int64_t rows) {
    char text[80];
    if (rg_failed(c)) return FAIL(m, RG_ESTATE, "%s is poisoned or NULL", name);
    if (c->tape != m->tape) return FAIL(m, RG_ESTATE, "%s belongs to another tape", name);
    rg_shape_text(c, text, sizeof text);
    if (c->ndim < 1 || c->shape[0] < 1) return FAIL(m, RG_ESHAPE, "%s %s has no rows", name, text);
    return rows && c->shape[0] != rows ? FAIL(m, RG_ESHAPE, "%s %s does not have %lld rows", name, text, (long long)rows) : 0;
}

static int check_order(const maker *m) {
    const rg_loader_options *o = m->o;
    if (o->batch < 1) return FAIL(m, RG_EVALUE, ".batch is %lld rows, must be at least 1", (long long)o->batch);
    if (o->drop_last && o->batch > m->rows)
        return FAIL(m, RG_EVALUE, "drop_last leaves no batch of %lld from %lld rows", (long long)o->batch, (long long)m->rows);
    if (!o->weights) return 0;
    if (o->shuffle) return FAIL(m, RG_EVALUE, "%s", "give shuffle or weights, not both");
    if (check_column(m, "weights", o->weights, m->rows)) return -1;
    if (o->weights->ndim != 1) return FAIL(m, RG_ESHAPE, "weights have %d dimensions, not 1", o->weights->ndim);
    double sum = 0;
    for (int64_t i = 0; i < m->rows; i++) {
        const double w = rg_element(o->weights, i);
        if (!(w >= 0)) return FAIL(m, RG_EVALUE, "weights[%lld] is %g, must be at least 0", (long long)i, w);
        sum += w;
    }
    return sum > 0 && !isinf(sum) ? 0 : FAIL(m, RG_EVALUE, "weights add up to %g, must be above 0 and finite", sum);
}

/* Are divisor, mean and std applied to x? */
static bool is_scaled(const maker *m) { return !m->sliced && (rg_is_float(m->x) || (m->x->dtype == RG_U8 && !m->o->keep_u8)); }

static int check_scale(const maker *m) {
    const rg_loader_options *o = m->o;
    const bool by_channel = o->channels || o->channel_mean || o->channel_std, by_one = o->mean != 0 || o->std != 0;
    char text[80];
    rg_shape_text(m->x, text, sizeof text);
    if (!is_scaled(m) && (by_channel || by_one || o->divisor != 0))
        return FAIL(m, RG_EVALUE, "x %s does not become floats: divisor, mean, std and channels are not for it", text);
    if (by_channel && by_one) return FAIL(m, RG_EVALUE, "%s", "give mean and std for all channels or by channel, not both");
    if (by_channel && !o->channels) return FAIL(m, RG_EVALUE, "%s", "channel_mean and channel_std need .channels, how many there are");
    if (by_channel && !rg_has_channels(m->x, o->channels))
        return FAIL(m, RG_ESHAPE, "x %s does not have %lld channels", text, (long long)o->channels);
    for (int64_t c = 0; c < (by_channel ? o->channels : 1); c++) {
        const double mean = o->channel_mean ? o->channel_mean[c] : o->mean, std = o->channel_std ? o->channel_std[c] : o->std;
        if ((o->divisor + mean + std) * 0 != 0 || std < 0 || o->divisor < 0)
            return FAIL(m, RG_EVALUE, "divisor %g, mean %g and std %g: all must be finite, divisor and std at least 0", o->divisor, mean,
            std); }
    return 0;
}

static int check_images(const maker *m) {
    const rg_loader_options *o = m->o;
    const rg_tensor *x = m->x;
    char text[80];
    if (o->random_crop == 0 && o->random_flip == 0) return 0;
    rg_shape_text(x, text, sizeof text);
    if (m->sliced || x->ndim < 3 + (o->channels > 1))
        return FAIL(m, RG_ESHAPE, "random_crop and random_flip want images [n, h, w] or [n, c, h, w], not %s", text);
    const int64_t h = x->shape[x->ndim - 2], w = x->shape[x->ndim - 1];
    if (o->random_crop < 0 || o->random_crop > h || o->random_crop > w)
        return FAIL(m, RG_EVALUE, "random_crop is %lld, must be from 0 to %lld for images of %lld x %lld", (long long)o->random_crop,
            (long long)(h < w ? h : w), (long long)h, (long long)w);
    return o->random_flip >= 0 && o->random_flip <= 1 ? 0 : FAIL(m, RG_EVALUE, "random_flip %g is no probability", o->random_flip);
}

/* A column whose rows are padded. */
static int check_padding(const maker *m, const char *name, const rg_tensor *c) {
    const bool bytes = c->dtype == RG_U8 && m->o->keep_u8;
    const double padding = m->o->padding_value, low = bytes ? 0 : INT32_MIN, high = bytes ? UINT8_MAX : INT32_MAX;
    if (c->ndim == RG_MAX_DIMS) return FAIL(m, RG_ESHAPE, "rows of different lengths from %d dimensions of %s", c->ndim, name);
    if (rg_is_float(c) || (padding >= low && padding <= high && padding == floor(padding))) return 0;
    return FAIL(m, RG_EVALUE, "padding_value %g does not fit %s of %s", padding, rg_dtype_name(bytes ? RG_U8 : RG_I32), name);
}

/* With lengths: has c a row for each step of x? */
static bool is_ragged(const maker *m, const rg_tensor *c) {
    return m->o->lengths && c->ndim >= 1 && c->shape[0] == m->x->shape[0] && c->shape[0] != m->rows;
}

/* A column besides x. */
static int check_other(const maker *m, const char *name, const rg_tensor *c) {
    char text[80];
    if (check_column(m, name, c, 0)) return -1;
    rg_shape_text(c, text, sizeof text);
    if (is_ragged(m, c)) return check_padding(m, name, c);
    if (c->shape[0] == m->rows) return 0;
    if (!m->o->lengths) return FAIL(m, RG_ESHAPE, "%s %s does not have %lld rows", name, text, (long long)m->rows);
    return FAIL(m, RG_ESHAPE, "%s %s has neither %lld rows, as there are lengths, nor %lld, as x has", name, text, (long long)m->rows,
        (long long)m->x->shape[0]);
}

static int check_columns(const maker *m, const rg_tensor *y) {
    char name[32];
    if (y && check_other(m, "y", y)) return -1;
    if (m->o->more.count > 0 && !m->o->more.items) return FAIL(m, RG_EVALUE, "more has %d tensors, but is NULL", m->o->more.count);
    for (int i = 0; i < m->o->more.count; i++) {
        snprintf(name, sizeof name, "more[%d]", i);
        if (check_other(m, name, m->o->more.items[i])) return -1;
    }
    return check_order(m) || check_scale(m) || check_images(m) ? -1 : 0;
}

/* Checks .lengths: each is a row, and together they are all of x. */
static int check_lengths(maker *m) {
    const rg_tensor *lengths = m->o->lengths;
    char text[80];
    int64_t sum = 0;
    if (check_column(m, "lengths", lengths, 0)) return -1;
    rg_shape_text(lengths, text, sizeof text);
    if (lengths->dtype != RG_I32 || lengths->ndim != 1) return FAIL(m, RG_EDTYPE, "lengths %s are not i32 [n]", text);
    for (int64_t i = 0; i < lengths->numel; i++) {
        const int32_t n = ((const int32_t *)lengths->data)[i];
        if (n < 0) return FAIL(m, RG_EVALUE, "lengths[%lld] is %d", (long long)i, n);
        sum += n;
    }
    if (check_padding(m, "x", m->x)) return -1;
    m->rows = lengths->numel;
    if (sum == m->x->shape[0]) return 0;
    return FAIL(m, RG_ESHAPE, "lengths add up to %lld, x has %lld rows", (long long)sum, (long long)m->x->shape[0]);
}

/* -------- copies */

static int copy_channels(const maker *m, rg_loader *l) {
    rg_loader_options *o = &l->options;
    if (o->divisor == 0) o->divisor = m->x->dtype == RG_U8 ? 255 : 1;
    if (o->std == 0) o->std = 1;
    l->channels = o->channels ? o->channels : 1, l->mean = &o->mean, l->std = &o->std;
    if (!o->channels) return 0;
    double *mean = rg_tape_own(m->at, m->tape, 2 * (size_t)o->channels * sizeof *mean);
    if (!mean) return -1;
    double *std = mean + o->channels;
    for (int64_t c = 0; c < o->channels; c++) {
        mean[c] = o->channel_mean ? o->channel_mean[c] : 0;
        std[c] = o->channel_std && o->channel_std[c] != 0 ? o->channel_std[c] : 1;
    }
    l->mean = mean, l->std = std;
    return 0;
}

static int copy_order(const maker *m, rg_loader *l) {
    const rg_loader_options *o = m->o;
    const size_t size = (size_t)m->rows * sizeof(int64_t);
    if ((o->shuffle || o->weights) && !(l->order = rg_tape_own(m->at, m->tape, size))) return -1;
    if (o->weights && !(l->cumulated = rg_tape_own(m->at, m->tape, size))) return -1;
    if (o->lengths && !(l->offsets = rg_tape_own(m->at, m->tape, size + sizeof(int64_t)))) return -1;
    double sum = 0;
    for (int64_t i = 0; o->weights && i < m->rows; i++) l->cumulated[i] = sum += rg_element(o->weights, i);
    for (int64_t i = 0; o->weights && i < m->rows; i++) l->cumulated[i] /= sum;
    for (int64_t i = 0; o->lengths && i < m->rows; i++) l->offsets[i + 1] = l->offsets[i] + ((const int32_t *)o->lengths->data)[i];
    return 0;
}

static rg_column *add(const maker *m, rg_loader *l, rg_tensor *from) {
    rg_column *c = &l->columns[l->ncolumns++];
    const int64_t size = from->numel / from->shape[0];
    *c = (rg_column){.from = rg_hold(from), .step = size, .size = size, .sliced = is_ragged(m, from)};
    return c;
}

/* A loader without columns. A failure leaves nothing behind but memory of the tape. */
static rg_loader *loader(const maker *m, rg_tensor *rows) {
    const size_t most = 3 + (size_t)(m->o->more.count > 0 ? m->o->more.count : 0);
    rg_loader *l = rg_tape_own(m->at, m->tape, sizeof *l);
    if (!l) return NULL;
    *l = (rg_loader){.tape = m->tape, .x = rows, .options = *m->o};
    l->columns = rg_tape_own(m->at, m->tape, most * sizeof *l->columns);
    l->batch = l->columns ? rg_tape_own(m->at, m->tape, most * sizeof *l->batch) : NULL;
    return l->batch && copy_channels(m, l) == 0 && copy_order(m, l) == 0 ? l : NULL;
}

static void add_more(const maker *m, rg_loader *l) {
    for (int i = 0; i < m->o->more.count; i++) add(m, l, m->o->more.items[i]);
    if (m->o->lengths) add(m, l, m->o->lengths);
}

/* -------- the two kinds */

rg_loader *rg_loader_new_at(const char *at, rg_tape *t, rg_tensor *x, rg_tensor *y, rg_loader_options options) {
    maker m = {.at = at, .name = "rg_loader_new", .tape = t, .x = x, .o = &options, .sliced = options.lengths != NULL};
    if (!t || rg_error_code(t) || check_column(&m, "x", x, 0)) return NULL;
    m.rows = x->shape[0];
    if (options.stride) return FAIL(&m, RG_EVALUE, "stride %lld is for windows: rg_loader_windows", (long long)options.stride), NULL;
    if (options.padding_value != 0 && !m.sliced)
        return FAIL(&m, RG_EVALUE, "padding_value %g without lengths", options.padding_value), NULL;
    if ((m.sliced && check_lengths(&m)) || check_columns(&m, y)) return NULL;
    rg_loader *l = loader(&m, m.sliced ? options.lengths : x);
    if (!l) return NULL;
    rg_column *first = add(&m, l, x);
    first->scaled = is_scaled(&m), first->sliced = m.sliced, first->flat = !m.sliced && !options.keep_shape;
    if (y) add(&m, l, y);
    add_more(&m, l);
    return l;
}

rg_loader *rg_loader_windows_at(const char *at, rg_tape *t, rg_tensor *stream, int64_t length, rg_loader_options options) {
    maker m = {.at = at, .name = "rg_loader_windows", .tape = t, .x = stream, .o = &options, .sliced = true};
    if (!t || rg_error_code(t) || check_column(&m, "the stream", stream, 0)) return NULL;
    const int64_t n = stream->shape[0], stride = options.stride ? options.stride : 1, mark = rg_mark(t);
    if (options.lengths || options.padding_value != 0) return FAIL(&m, RG_EVALUE, "%s", "lengths and padding are for rg_loader_new"), NULL;
    if (stream->ndim == RG_MAX_DIMS) return FAIL(&m, RG_ESHAPE, "windows over a stream of %d dimensions", stream->ndim), NULL;
    if (length < 1 || length >= n) /* a window and the step after it */
        return FAIL(&m, RG_EVALUE, "the length is %lld, must be from 1 to %lld for a stream of %lld steps", (long long)length,
            (long long)n - 1, (long long)n), NULL;
    if (stride < 1 || stride > n)
        return FAIL(&m, RG_EVALUE, "the stride is %lld, must be from 1 to %lld", (long long)stride, (long long)n), NULL;
    m.rows = (n - 1 - length) / stride + 1;
    if (check_columns(&m, NULL)) return NULL;
    rg_tensor *rows = rg_slice_at(at, stream, 0, 0, m.rows, (rg_slice_options){.step = 1}); /* a view, of which only the size is used */
    rg_loader *l = rg_failed(rows) ? NULL : loader(&m, rows);
    if (!l) return rg_rewind_at(at, t, mark), NULL;
    rg_hold(rows);
    l->length = length;
    for (int shift = 0; shift < 2; shift++) {
        rg_column *c = add(&m, l, stream);
        c->sliced = true, c->first = shift * c->size, c->size *= length, c->step *= stride;
    }
    add_more(&m, l);
    return l;
}
