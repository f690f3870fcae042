/* transform.c - data augmentation and preparation: random crops and flips of images, statistics of channels, padding of sequences. */
#include "loader.h"
#include "ops/axes.h"
#include "ops/ops.h"

#include <math.h>
#include <string.h>

/* -------- random_crop and random_flip: in place, so that a replay needs no memory */

typedef struct plane { /* of one image and channel */
    char *at;
    size_t width; /* of an element, in bytes */
    int64_t h, w;
} plane;

static void put(const plane *p, char *to, const void *value, int64_t n) {
    for (int64_t i = 0; i < n; i++) memcpy(to + (size_t)i * p->width, value, p->width);
}

/* Sets row y, element x, to the element at (y + down, x + right), or to `outside` beyond the plane. */
static void shift_row(const plane *p, int64_t y, int64_t down, int64_t right, const void *outside) {
    const bool none = y + down < 0 || y + down >= p->h;
    const int64_t left = none ? p->w : right < 0 ? -right : 0, n = none ? 0 : p->w - (right < 0 ? -right : right);
    char *row = p->at + (size_t)(y * p->w) * p->width;
    const int64_t from = (down * p->w + (right > 0 ? right : 0)) * (int64_t)p->width;
    if (n > 0) memmove(row + (size_t)left * p->width, row + from, (size_t)n * p->width);
    put(p, row, outside, left);
    put(p, row + (size_t)(left + n) * p->width, outside, p->w - left - n);
}

/* In an order of rows in which none is read after it was written. */
static void shift(const plane *p, int64_t down, int64_t right, const void *outside) {
    for (int64_t y = 0; y < p->h; y++) shift_row(p, down >= 0 ? y : p->h - 1 - y, down, right, outside);
}

static void flip(const plane *p) {
    char was[8];
    for (int64_t y = 0; y < p->h; y++) {
        char *left = p->at + (size_t)(y * p->w) * p->width, *right = left + (size_t)(p->w - 1) * p->width;
        for (; left < right; left += p->width, right -= p->width) {
            memcpy(was, left, p->width);
            memcpy(left, right, p->width);
            memcpy(right, was, p->width);
        }
    }
}

/* The value of a zero of the images in the batch, by the kernel's formula. */
static void zero_of(const rg_loader *l, int64_t channel, rg_dtype dtype, void *to) {
    const double mean = l->mean[channel], std = l->std[channel], wide = (0 - mean) / std;
    const float narrow = (0 - (float)mean) / (float)std;
    const bool scaled = l->columns->scaled;
    if (dtype == RG_F32 && scaled) memcpy(to, &narrow, sizeof narrow);
    else if (dtype == RG_F64 && scaled) memcpy(to, &wide, sizeof wide);
    else memset(to, 0, 8);
}

void rg_augment(const rg_loader *l, rg_tensor *x) {
    const rg_loader_options *o = &l->options;
    const rg_tensor *from = l->columns->from;
    rg_rng *rng = rg_tape_rng(l->tape);
    if (o->random_crop == 0 && o->random_flip == 0) return;
    plane p = {.width = rg_dtype_size(x->dtype), .h = from->shape[from->ndim - 2], .w = from->shape[from->ndim - 1]};
    const int64_t size = l->columns->size, planes = p.h * p.w > 0 ? size / (p.h * p.w) : 0;
    for (int64_t i = 0; i < x->shape[0]; i++) {
        const int64_t down = o->random_crop ? rg_rng_integers(rng, 0, 2 * o->random_crop + 1) - o->random_crop : 0;
        const int64_t right = o->random_crop ? rg_rng_integers(rng, 0, 2 * o->random_crop + 1) - o->random_crop : 0;
        const bool flipped = o->random_flip > 0 && rg_rng_random(rng) < o->random_flip;
        for (int64_t k = 0; k < planes; k++) {
            char outside[8];
            zero_of(l, k * l->channels / planes, x->dtype, outside);
            p.at = (char *)x->data + (size_t)(i * size + k * p.h * p.w) * p.width;
            if (down || right) shift(&p, down, right, outside);
            if (flipped) flip(&p);
        }
    }
}

/* -------- statistics */

/* Sums of (v - of[c])^power over each channel c. Each of n rows adds its own sum, so that roundings stay few. */
static void sums(const rg_tensor *x, int64_t channels, const double *of, int power, double *sum) {
    const int64_t n = x->ndim ? x->shape[0] : 1, each = x->numel / n / channels;
    for (int64_t c = 0; c < channels; c++) sum[c] = 0;
    for (int64_t k = 0; k < n * channels; k++) {
        double s = 0;
        for (int64_t i = k * each; i < (k + 1) * each; i++) {
            const double v = rg_element(x, i) - (power == 2 ? of[k % channels] : 0);
            s += power == 2 ? v * v : v;
        }
        sum[k % channels] += s;
    }
}

int rg_channel_stats_at(const char *at, rg_tensor *x, int64_t channels, double *mean, double *std) {
    char text[80];
    rg_tape *t = rg_tape_of(x);
    if (rg_failed(x) || rg_error_code(t)) return -1;
    rg_shape_text(x, text, sizeof text);
    if (!mean || !std) return rg_fail(t, RG_EVALUE, at, "rg_channel_stats: mean or std is NULL");
    if (x->numel == 0 || !rg_has_channels(x, channels))
        return rg_fail(t, RG_ESHAPE, at, "rg_channel_stats: %s does not have %lld channels with values", text, (long long)channels);
    const double count = (double)(x->numel / channels), divisor = x->dtype == RG_U8 ? 255 : 1;
    sums(x, channels, NULL, 1, mean);
    for (int64_t c = 0; c < channels; c++) mean[c] /= count;
    sums(x, channels, mean, 2, std);
    for (int64_t c = 0; c < channels; c++) mean[c] /= divisor, std[c] = sqrt(std[c] / count) / divisor;
    return 0;
}

/* -------- sequences of different lengths */

/* The length of the longest tensor, and that of each; -1 with an error. All have the dtype of the first, and its shape behind axis 0. */
static int64_t check_sequences(const char *at, rg_tape *t, rg_list list, int32_t *lengths) {
    const rg_tensor *first = list.items[0];
    int64_t longest = 0;
    for (int i = 0; i < list.count; i++) {
        const rg_tensor *x = list.items[i];
        char a[80], b[80];
        if (rg_given(at, t, x, "rg_pad_sequence: tensor %d", i)) return -1;
        rg_shape_text(x, a, sizeof a), rg_shape_text(first, b, sizeof b);
        if (x->ndim < 1 || x->shape[0] > INT32_MAX)
            return rg_fail(t, RG_ESHAPE, at, "rg_pad_sequence: tensor %d, %s, is of rank 0 or too long", i, a);
        if (x->dtype != first->dtype || x->ndim != first->ndim ||
            memcmp(x->shape + 1, first->shape + 1, (size_t)(x->ndim - 1) * sizeof *x->shape) != 0)
            return rg_fail(t, x->dtype != first->dtype ? RG_EDTYPE : RG_ESHAPE, at,
                "rg_pad_sequence: tensor %d, %s, and tensor 0, %s, may only differ in the size of axis 0", i, a, b);
        lengths[i] = (int32_t)x->shape[0];
        if (lengths[i] > longest) longest = lengths[i];
    }
    return longest;
}

rg_tensor *rg_pad_sequence_at(const char *at, rg_list list, rg_pad_sequence_options options) {
    rg_tape *t = list.count > 0 && list.items ? rg_tape_of(list.items[0]) : NULL;
    if (options.lengths) *options.lengths = rg_poison(t);
    if (!t) return rg_refuse(t, RG_EVALUE, at, "rg_pad_sequence: no tensors");
    const size_t n = (size_t)list.count, size = n * (sizeof(rg_tensor *) + sizeof(int32_t));
    rg_tensor **padded = rg_tape_alloc(at, t, size), *y = rg_poison(t);
    if (!padded) return y;
    int32_t *lengths = (int32_t *)(padded + n);
    const int64_t longest = check_sequences(at, t, list, lengths);
    RG_SPEAK_AS_LIST("pad_sequence", list.count, list.items);
    for (size_t i = 0; longest >= 0 && i < n; i++)
        padded[i] = rg_pad_at(at, list.items[i], 0, 0, longest - lengths[i], (rg_pad_options){.value = options.padding_value});
    if (longest >= 0) y = rg_joined(at, list.count, padded, rg_stack_at);
    if (!rg_failed(y) && options.lengths) *options.lengths = rg_input_at(at, t, RG_I32, lengths, 1, (const int64_t[]){list.count});
    rg_tape_dealloc(t, padded, size);
    return y;
}
