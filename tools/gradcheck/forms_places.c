/* forms_places.c - derivatives of what only moves elements: each goes back to where its element came from. */
#include "forms.h"

FORM(sum_to) {
    for (int64_t k = 0; k < in[0]->numel; k++) dx[0][k] += w[under(y, in[0], k)];
}
FORM(expand) {
    for (int64_t k = 0; k < y->numel; k++) dx[0][under(in[0], y, k)] += w[k];
}
FORM(same) { /* the elements in their order */
    for (int64_t k = 0; k < y->numel; k++) dx[0][k] += w[k];
}
FORM(pick) {
    const int64_t n = in[0]->shape[in[0]->ndim - 1];
    for (int64_t k = 0; k < y->numel; k++) dx[0][k * n + ((const int32_t *)in[1]->data)[k]] += w[k];
}
FORM(scatter) {
    for (int64_t k = 0; k < in[0]->numel; k++) dx[0][k] += w[k * s->attr.classes + ((const int32_t *)in[1]->data)[k]];
}
FORM(where) {
    for (int64_t k = 0; k < y->numel; k++) {
        const int side = at(in[0], under(in[0], y, k)) != 0 ? 1 : 2;
        dx[side][under(in[side], y, k)] += w[k];
    }
}


/* -------- shape */

FORM(permute) {
    for (int64_t k = 0; k < y->numel; k++) {
        int64_t i[RG_MAX_DIMS], j[RG_MAX_DIMS];
        indices(y, k, i);
        for (int d = 0; d < y->ndim; d++) j[axis_of(s->attr.perm[d], y->ndim)] = i[d];
        dx[0][place(in[0], j)] += w[k];
    }
}
FORM(slice) {
    const int along = axis_of(s->attr.axis, y->ndim);
    for (int64_t k = 0; k < y->numel; k++) {
        int64_t i[RG_MAX_DIMS];
        indices(y, k, i);
        i[along] += s->attr.start < 0 ? s->attr.start + in[0]->shape[along] : s->attr.start;
        dx[0][place(in[0], i)] += w[k];
    }
}
FORM(pad) {
    for (int64_t k = 0; k < in[0]->numel; k++) {
        int64_t i[RG_MAX_DIMS];
        indices(in[0], k, i);
        i[axis_of(s->attr.axis, y->ndim)] += s->attr.start;
        dx[0][k] += w[place(y, i)];
    }
}
FORM(concat) {
    const int axis = axis_of(s->attr.axis, y->ndim);
    int64_t before = 0;
    for (int o = 0; o < s->n; before += in[o++]->shape[axis])
        for (int64_t k = 0; k < in[o]->numel; k++) {
            int64_t i[RG_MAX_DIMS];
            indices(in[o], k, i);
            i[axis] += before;
            dx[o][k] += w[place(y, i)];
        }
}
FORM(stack) {
    const line l = line_of(y, s->attr.axis);
    for (int64_t k = 0; k < y->numel; k++) dx[k / l.inner % l.n][k / (l.n * l.inner) * l.inner + k % l.inner] += w[k];
}
FORM(repeat) {
    for (int64_t k = 0; k < y->numel; k++) {
        int64_t i[RG_MAX_DIMS], j[RG_MAX_DIMS];
        indices(y, k, i);
        for (int d = 0; d < in[0]->ndim; d++) j[d] = i[d + y->ndim - in[0]->ndim] % in[0]->shape[d];
        dx[0][place(in[0], j)] += w[k];
    }
}
FORM(repeat_interleave) {
    for (int64_t k = 0; k < y->numel; k++) {
        int64_t i[RG_MAX_DIMS];
        indices(y, k, i);
        i[axis_of(s->attr.axis, y->ndim)] /= s->attr.start;
        dx[0][place(in[0], i)] += w[k];
    }
}
static void triangle(const rg_tensor *y, const double *w, double *dx, int64_t low, int64_t high) { /* low <= column - row <= high */
    for (int64_t k = 0; k < y->numel; k++) {
        const int64_t columns = y->shape[y->ndim - 1], rows = y->shape[y->ndim - 2], above = k % columns - k / columns % rows;
        if (above >= low && above <= high) dx[k] += w[k];
    }
}
FORM(tril) { triangle(y, w, dx[0], INT32_MIN, s->attr.diagonal); }
FORM(triu) { triangle(y, w, dx[0], s->attr.diagonal, INT32_MAX); }

/* -------- index */

static int64_t label(const rg_tensor *index, int64_t k) { return ((const int32_t *)index->data)[k]; }

FORM(gather) {
    for (int64_t k = 0; k < y->numel; k++) {
        int64_t i[RG_MAX_DIMS];
        indices(y, k, i);
        i[axis_of(s->attr.axis, y->ndim)] = label(in[1], k);
        dx[0][place(in[0], i)] += w[k];
    }
}
FORM(take_along_axis) {
    for (int64_t k = 0; k < y->numel; k++) {
        int64_t i[RG_MAX_DIMS];
        indices(y, k, i);
        i[axis_of(s->attr.axis, y->ndim)] = label(in[1], under(in[1], y, k));
        for (int d = 0; d < in[0]->ndim; d++) i[d] = in[0]->shape[d] == 1 ? 0 : i[d];
        dx[0][place(in[0], i)] += w[k];
    }
}
FORM(scatter_add) {
    for (int64_t k = 0; k < y->numel; k++) dx[0][k] += w[k];
    for (int64_t k = 0; k < in[2]->numel; k++) {
        int64_t i[RG_MAX_DIMS];
        indices(in[2], k, i);
        i[axis_of(s->attr.axis, y->ndim)] = label(in[1], k);
        dx[2][k] += w[place(y, i)];
    }
}
/* Element k of the slices that an index takes from x: where it is in x. */
static int64_t taken(const rg_tensor *x, const rg_tensor *index, int axis, int64_t k) {
    const line l = line_of(x, axis);
    return (k / (index->numel * l.inner) * l.n + label(index, k / l.inner % index->numel)) * l.inner + k % l.inner;
}
FORM(index_select) {
    for (int64_t k = 0; k < y->numel; k++) dx[0][taken(in[0], in[1], s->attr.axis, k)] += w[k];
}
FORM(embedding) {
    for (int64_t k = 0; k < y->numel; k++) dx[1][taken(in[1], in[0], 0, k)] += w[k];
}
FORM(index_add) {
    for (int64_t k = 0; k < y->numel; k++) dx[0][k] += w[k];
    for (int64_t k = 0; k < in[2]->numel; k++) dx[2][k] += w[taken(y, in[1], s->attr.axis, k)];
}
FORM(masked_fill) {
    for (int64_t k = 0; k < y->numel; k++)
        if (at(in[1], under(in[1], y, k)) == 0) dx[0][under(in[0], y, k)] += w[k];
}
/* kept where y is not 0 */
FORM(dropout) {
    for (int64_t k = 0; k < y->numel; k++)
        if (at(y, k) != 0) dx[0][k] += w[k] / (1 - s->attr.p);
}
/* x_k is where so many come before it. */
FORM(sort) {
    const line l = line_of(in[0], s->attr.axis);
    const int64_t kept = y->ndim ? y->shape[axis_of(s->attr.axis, y->ndim)] : 1;
    for (int64_t k = 0; k < in[0]->numel; k++) {
        const int64_t first = beginning(l, k), own = (k - first) / l.inner;
        int64_t before = 0;
        for (int64_t j = 0; j < l.n; j++) {
            const double a = at(in[0], first + j * l.inner), b = at(in[0], k);
            before += (s->attr.reverse ? a > b : a < b) || (a == b && j < own);
        }
        if (before < kept) dx[0][k] += w[(k / (l.n * l.inner) * kept + before) * l.inner + k % l.inner];
    }
}
FORM(topk) { /* the largest, or with reverse the smallest */
    rg_sample other = *s;
    other.attr.reverse = !s->attr.reverse;
    form_sort(&other, in, y, w, dx);
}

/* -------- windows: the pixel of plane [h, w] that place (i, j) of window (p, q) falls on, or -1 */

typedef struct window { int64_t h, w, kh, kw, p, q, stride[2], padding[2], dilation[2]; } window;
static int64_t or_else(int64_t given, int64_t otherwise) { return given ? given : otherwise; }
static window window_of(const rg_attr *a, int64_t h, int64_t w, int64_t kh, int64_t kw, bool pool) {
    window v = {h, w, kh, kw, 0, 0, {or_else(a->window.stride[0], pool ? kh : 1), or_else(a->window.stride[1], pool ? kw : 1)},
        {a->window.padding[0], a->window.padding[1]},
        {or_else(a->window.dilation[0], 1), or_else(a->window.dilation[1], 1)}};
    v.p = (h + 2 * v.padding[0] - v.dilation[0] * (kh - 1) - 1) / v.stride[0] + 1;
    v.q = (w + 2 * v.padding[1] - v.dilation[1] * (kw - 1) - 1) / v.stride[1] + 1;
    return v;
}
static int64_t pixel(const window *v, int64_t i, int64_t j, int64_t p, int64_t q) {
    const int64_t row = p * v->stride[0] + i * v->dilation[0] - v->padding[0],
        column = q * v->stride[1] + j * v->dilation[1] - v->padding[1];
    return row < 0 || row >= v->h || column < 0 || column >= v->w ? -1 : row * v->w + column;
}
/* y[n, o, p, q] = b[o] + sum w[o, c, i, j] x[n, c, pixel]. Element k of the weights meets window (p, q) of image n. */
static void convolution(const window *v, int groups, int n, rg_tensor *const *in, const double *w, double *const *dx) {
    const int64_t images = in[0]->shape[0], channels = in[0]->shape[1], out = in[1]->shape[0], own = in[1]->shape[1], seen = v->kh * v->kw,
        windows = v->p * v->q;
    for (int64_t k = 0; k < images * out * windows; k++)
        if (n > 2) dx[2][k / windows % out] += w[k];
    for (int64_t k = 0; k < in[1]->numel; k++)
        for (int64_t z = 0; z < images * windows; z++) {
            const int64_t o = k / (own * seen), c = o / (out / groups) * own + k / seen % own, image = z / windows,
                to = (image * out + o) * windows + z % windows;
            const int64_t at_x = pixel(v, k % seen / v->kw, k % v->kw, z % windows / v->q, z % v->q);
            if (at_x < 0) continue;
            const int64_t from = (image * channels + c) * v->h * v->w + at_x;
            dx[0][from] += w[to] * at(in[1], k);
            dx[1][k] += w[to] * at(in[0], from);
        }
}
FORM(conv2d) {
    const window v = window_of(&s->attr, in[0]->shape[2], in[0]->shape[3], in[1]->shape[2], in[1]->shape[3], false);
    convolution(&v, s->attr.window.groups ? s->attr.window.groups : 1, s->n, in, w, dx);
}
FORM(conv1d) { /* an image of one row; the heights of the sample's pairs are its widths */
    const rg_attr *a = &s->attr;
    const rg_attr flat = {.window = {.stride = {1, a->window.stride[0]}, .padding = {0, a->window.padding[0]},
        .dilation = {1, a->window.dilation[0]}}};
    const window v = window_of(&flat, 1, in[0]->shape[2], 1, in[1]->shape[2], false);
    convolution(&v, a->window.groups ? a->window.groups : 1, s->n, in, w, dx);
}
/* Element k of columns [n c kh kw, p q]: its pixel among planes [n c, h w], or -1. */
static int64_t unfolded(const window *v, int64_t k) {
    const int64_t windows = v->p * v->q, row = k / windows;
    const int64_t to = pixel(v, row % (v->kh * v->kw) / v->kw, row % v->kw, k % windows / v->q, k % v->q);
    return to < 0 ? -1 : row / (v->kh * v->kw) * v->h * v->w + to;
}
FORM(unfold) {
    const window v = window_of(&s->attr, in[0]->shape[2], in[0]->shape[3], s->attr.window.kernel[0], s->attr.window.kernel[1], false);
    for (int64_t k = 0; k < y->numel; k++)
        if (unfolded(&v, k) >= 0) dx[0][unfolded(&v, k)] += w[k];
}
FORM(fold) {
    const window v = window_of(&s->attr, s->attr.window.size[0], s->attr.window.size[1], s->attr.window.kernel[0], s->attr.window.kernel[1],
        false);
    for (int64_t k = 0; k < in[0]->numel; k++)
        if (unfolded(&v, k) >= 0) dx[0][k] += w[unfolded(&v, k)];
}
FORM(avg_pool2d) {
    const window v = window_of(&s->attr, in[0]->shape[2], in[0]->shape[3], s->attr.window.kernel[0], s->attr.window.kernel[1], true);
    for (int64_t k = 0; k < y->numel; k++)
        for (int64_t m = 0; m < v.kh * v.kw; m++) {
            const int64_t from = pixel(&v, m / v.kw, m % v.kw, k % (v.p * v.q) / v.q, k % v.q);
            if (from >= 0) dx[0][k / (v.p * v.q) * v.h * v.w + from] += w[k] / (double)(v.kh * v.kw);
        }
}
FORM(max_pool2d) {
    const window v = window_of(&s->attr, in[0]->shape[2], in[0]->shape[3], s->attr.window.kernel[0], s->attr.window.kernel[1], true);
    for (int64_t k = 0; k < y->numel; k++) {
        int64_t largest = -1;
        for (int64_t m = 0; m < v.kh * v.kw; m++) {
            const int64_t own = pixel(&v, m / v.kw, m % v.kw, k % (v.p * v.q) / v.q, k % v.q), from = k / (v.p * v.q) * v.h * v.w + own;
            if (own >= 0 && (largest < 0 || at(in[0], from) > at(in[0], largest))) largest = from;
        }
        dx[0][largest] += w[k];
    }
}

const form_row forms_of_places[] = {{"sum_to", form_sum_to}, {"expand", form_expand}, {"reshape", form_same}, {"squeeze", form_same},
    {"unsqueeze", form_same}, {"cast", form_same}, {"pick", form_pick}, {"scatter", form_scatter}, {"where", form_where},
    {"permute", form_permute},
    {"slice", form_slice}, {"pad", form_pad}, {"concat", form_concat}, {"stack", form_stack}, {"repeat", form_repeat},
    {"repeat_interleave", form_repeat_interleave}, {"tril", form_tril}, {"triu", form_triu}, {"gather", form_gather},
    {"take_along_axis", form_take_along_axis}, {"scatter_add", form_scatter_add}, {"index_select", form_index_select},
    {"embedding", form_embedding},
    {"index_add", form_index_add}, {"masked_fill", form_masked_fill}, {"dropout", form_dropout}, {"sort", form_sort}, {"topk", form_topk},
    {"conv2d", form_conv2d}, {"conv1d", form_conv1d}, {"unfold", form_unfold}, {"fold", form_fold}, {"avg_pool2d", form_avg_pool2d},
    {"max_pool2d", form_max_pool2d}, {NULL, NULL}};
