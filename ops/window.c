/* window.c - windows that slide over images: their options; unfold, which copies each window into a column, and its adjoint fold. */
#include "ops/window.h"

#include "ops/rule.h"

/* -------- options */

/* {3} is {3, 3}. */
static int pair(const char *at, const rg_op *op, const rg_tensor *x, const char *what, const int from[2], int16_t to[2]) {
    const int v[2] = {from[0], from[1] ? from[1] : from[0]};
    for (int d = 0; d < 2; d++) {
        if (v[d] < 0 || v[d] > INT16_MAX)
            return rg_fail(rg_tape_of(x), RG_EVALUE, at, "%s: %s %d is not in 0..%d", op->name, what, v[d], INT16_MAX);
        to[d] = (int16_t)v[d];
    }
    return 0;
}

int rg_window_attr(const char *at, const rg_op *op, const rg_tensor *x, rg_window_options w, rg_attr *to) {
    const bool square = w.padding[1] == 0;
    for (int d = 0; d < 2; d++)
        if (w.padding[d] == RG_NO_PADDING) w.padding[d] = 0;
    *to = (rg_attr){.window = {.groups = w.groups}};
    if (pair(at, op, x, "kernel", w.kernel, to->window.kernel) || pair(at, op, x, "stride", w.stride, to->window.stride) ||
        pair(at, op, x, "padding", w.padding, to->window.padding) ||
        pair(at, op, x, "dilation", w.dilation, to->window.dilation)) return -1;
    if (!square) to->window.padding[1] = (int16_t)w.padding[1]; /* {p, RG_NO_PADDING} is {p, 0}, but pair() made it {p, p} */
    return 0;
}

/* -------- counting */

static int count_along(rg_tensor *y, int d, int64_t size, bool pool, int64_t *n) {
    rg_attr *a = &y->attr;
    if (!a->window.stride[d]) a->window.stride[d] = pool ? a->window.kernel[d] : 1;
    if (!a->window.dilation[d]) a->window.dilation[d] = 1;
    const int kernel = a->window.kernel[d], stride = a->window.stride[d], padding = a->window.padding[d], dilation = a->window.dilation[d];
    if (pool && (dilation != 1 || a->window.groups > 1))
        return rg_reject(y, RG_EVALUE, "dilation %d, groups %d: a pool has neither", dilation, a->window.groups);
    if (pool && size == 0) return rg_reject(y, RG_ESHAPE, "an image side of 0 has nothing to pool");
    if (kernel < 1) return rg_reject(y, RG_EVALUE, "the kernel is %dx%d, must be at least 1x1", a->window.kernel[0], a->window.kernel[1]);
    if (stride < 1 || padding < 0 || dilation < 1)
        return rg_reject(y, RG_EVALUE, "stride %d and dilation %d must be at least 1, padding %d at least 0", stride, dilation, padding);
    if (pool && padding > kernel / 2) return rg_reject(y, RG_EVALUE, "padding %d is more than half the kernel, %d", padding, kernel);
    if (size > INT32_MAX) return rg_reject(y, RG_ESHAPE, "an image side of %lld, at most %d", (long long)size, INT32_MAX);
    const int64_t reach = (int64_t)dilation * (kernel - 1) + 1, room = size + 2 * padding;
    if (reach > room)
        return rg_reject(y, RG_ESHAPE, "a window reaches over %lld, the image with its padding over %lld", (long long)reach,
            (long long)room);
    *n = (room - reach) / stride + 1;
    return 0;
}

int rg_window_count(rg_tensor *y, int64_t h, int64_t w, bool pool, int64_t n[2]) {
    return count_along(y, 0, h, pool, &n[0]) || count_along(y, 1, w, pool, &n[1]) ? -1 : 0;
}

/* -------- unfold: y[n, (c, i, j), (p, q)] = x[n, c, s p + d i - pad, s q + d j - pad], 0 outside the image.    dx = fold(dy)
            fold: the sum over all (i, j), (p, q) that fall on a pixel.                                        dx = unfold(dy) */

static int unfold_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    if (x->ndim != 4) return rg_reject(y, RG_ESHAPE, "%d dimensions, not 4: [n, c, h, w]", x->ndim);
    if (y->attr.window.groups > 1) return rg_reject(y, RG_EVALUE, "%d groups: only convolutions have them", y->attr.window.groups);
    int64_t n[2], rows;
    size_t bytes;
    if (rg_window_count(y, x->shape[2], x->shape[3], false, n)) return -1;
    if (rg_size(RG_U8, 3, (const int64_t[]){x->shape[1], y->attr.window.kernel[0], y->attr.window.kernel[1]}, &rows, &bytes))
        return rg_reject(y, RG_ESHAPE, "the number of rows overflows");
    return rg_shape_set(y, 3, (const int64_t[]){x->shape[0], rows, n[0] * n[1]});
}

static void unfold_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_fold_at(y->at, dy, y->in[0]->shape[2], y->in[0]->shape[3], rg_window_of(&y->attr));
}

static int fold_shape(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    if (x->ndim != 3) return rg_reject(y, RG_ESHAPE, "%d dimensions, not 3: [n, c kh kw, windows]", x->ndim);
    const int64_t h = y->attr.window.size[0], w = y->attr.window.size[1], rows = x->shape[1];
    int64_t n[2];
    if (h < 0 || w < 0) return rg_reject(y, RG_EVALUE, "the image is %lldx%lld, must be at least 0x0", (long long)h, (long long)w);
    if (rg_window_count(y, h, w, false, n)) return -1;
    const int64_t kernel = (int64_t)y->attr.window.kernel[0] * y->attr.window.kernel[1];
    if (rows % kernel)
        return rg_reject(y, RG_ESHAPE, "%lld rows are no multiple of the kernel's %lld elements", (long long)rows, (long long)kernel);
    if (n[0] * n[1] != x->shape[2])
        return rg_reject(y, RG_ESHAPE, "%lld columns for %lldx%lld windows in an image of %lldx%lld", (long long)x->shape[2],
            (long long)n[0],
            (long long)n[1], (long long)h, (long long)w);
    return rg_shape_set(y, 4, (const int64_t[]){x->shape[0], rows / kernel, h, w});
}

static void fold_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_unfold_at(y->at, dy, rg_window_of(&y->attr)); }

RG_KERNELS(unfold);
RG_OP(unfold) = {.name = "unfold", .formula = "what each window of an image sees, as a column; 0 outside", .arity = 1,
    .shape = unfold_shape, .forward = RG_KERNEL(unfold), .backward = unfold_backward,
    .samples = "2,2,5,4 kernel=3x2; 1,3,17,3 kernel=3x3 padding=1x1; 2,1,7,6 kernel=2x3 stride=2x1 padding=1x0; "
               "1,2,7,8 kernel=2x2 dilation=3x2;"
               "1,1,5,5 kernel=3x3 stride=3x2 padding=2x3 dilation=2x1; 1,1,1,1 kernel=1x1; 2,1,2,2 kernel=4x3 padding=1x1; "
               "0,2,3,3 kernel=2x2; 2,0,3,3 kernel=2x2;"
               "1,1,0,3 kernel=2x2 padding=1x0",
    .refuses = "2,2,5,4; 2,2,5,4 kernel=6x1; 2,2,5,4 kernel=3x3 dilation=1x2; 2,2,5,4 kernel=2x2 stride=-1x1; "
               "2,2,5,4 kernel=2x2 padding=0x-1;"
               "2,2,5,4 kernel=2x2 dilation=1x-1; 2,2,5,4 kernel=-1x2; 2,5,4 kernel=2x2; - kernel=1x1; 2,2,5,4 kernel=2x2 groups=2; "
               "2,2,5,4:i32 kernel=2x2;"
               "0,1,3000000000,1 kernel=1x1; 0,100000000000000000,1,1 kernel=30x30 padding=15x15"};
RG_KERNELS(fold);
RG_OP(fold) = {.name = "fold", .formula = "columns added up where their windows were", .arity = 1,
    .shape = fold_shape, .forward = RG_KERNEL(fold), .backward = fold_backward,
    .samples = "2,12,9 kernel=3x2 size=5x4; 1,27,51 kernel=3x3 padding=1x1 size=17x3; 2,6,16 kernel=2x3 stride=2x1 padding=1x0 size=7x6;"
               "1,8,24 kernel=2x2 dilation=3x2 size=7x8; 1,9,10 kernel=3x3 stride=3x2 padding=2x3 dilation=2x1 size=5x5; "
               "1,1,1 kernel=1x1 size=1x1;"
               "0,8,4 kernel=2x2 size=3x3; 2,0,4 kernel=2x2 size=3x3; 1,1,17 kernel=1x1 size=1x17; 1,4,2 kernel=2x2 padding=1x0 size=0x3",
    .refuses = "2,12,9 size=5x4; 2,13,9 kernel=3x2 size=5x4; 2,12,8 kernel=3x2 size=5x4; 2,12,9 kernel=3x2 size=5x-4; "
               "2,12,9 kernel=3x2 size=2x4;"
               "2,12,3,3 kernel=3x2 size=5x4; - kernel=1x1 size=1x1; 2,12,9:i32 kernel=3x2 size=5x4"};

rg_tensor *rg_unfold_at(const char *at, rg_tensor *x, rg_window_options window) {
    rg_attr attr;
    return rg_window_attr(at, &rg_op_unfold, x, window, &attr) ? rg_poison(rg_tape_of(x)) : rg_apply(&rg_op_unfold, at, attr, 1, &x);
}

rg_tensor *rg_fold_at(const char *at, rg_tensor *x, int64_t h, int64_t w, rg_window_options window) {
    rg_attr attr;
    rg_tape *t = rg_tape_of(x);
    if (rg_window_attr(at, &rg_op_fold, x, window, &attr)) return rg_poison(t);
    if (h > INT32_MAX || w > INT32_MAX || h < INT32_MIN || w < INT32_MIN)
        return rg_refuse(t, RG_ESHAPE, at, "fold: an image of %lldx%lld, at most %d a side", (long long)h, (long long)w, INT32_MAX);
    attr.window.size[0] = (int32_t)h, attr.window.size[1] = (int32_t)w;
    return rg_apply(&rg_op_fold, at, attr, 1, &x);
}
