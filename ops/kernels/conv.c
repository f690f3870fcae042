/* kernels/conv.c - convolution as products with unfolded images, some images at a time: their columns stay in the cache and are made
   again for the gradient. The shapes alone say how many images: the bits are the same for any number of threads. */
#include "ops/kernels/loops.h"
#include "gemm.h"
#include "window.h"

enum { COLUMNS = 1 << 18 }; /* elements of columns, or of gradients of single images, at a time: unless one image has more */

typedef struct conv {
    frame f;
    int64_t n, c, out, groups;         /* images, channels in and out */
    int64_t rows, columns, size;       /* of the columns of one group: [rows, columns]; of a plane of x */
    int64_t together;                  /* images at a time */
    real *work;                        /* [together, groups, rows, columns] */
    size_t bytes;
} conv;

static int conv_begin(conv *k, rg_tensor *y) {
    const rg_tensor *x = y->in[0], *w = y->in[1];
    *k = (conv){.f = frame_of(x, &y->attr), .n = x->shape[0], .c = x->shape[1], .out = w->shape[0], .groups = y->attr.window.groups,
        .rows = w->shape[1] * w->shape[2] * w->shape[3], .size = x->shape[2] * x->shape[3]};
    k->columns = k->f.down * k->f.across;
    int64_t one, all, shape[] = {k->groups, k->rows, k->columns, 1};
    if (rg_size(y->dtype, 3, shape, &one, &k->bytes)) return rg_reject(y, RG_ESHAPE, "the size of an unfolded image overflows");
    if (one < w->numel) one = w->numel;
    k->together = one ? COLUMNS / one : k->n;
    if (k->together > k->n) k->together = k->n;
    if (k->together < 1) k->together = 1;
    shape[3] = k->together;
    if (rg_size(y->dtype, 4, shape, &all, &k->bytes)) return rg_reject(y, RG_ESHAPE, "the size of unfolded images overflows");
    k->work = rg_tape_alloc(y->at, y->tape, k->bytes);
    return k->work ? 0 : -1;
}

static void conv_end(conv *k, rg_tensor *y) { rg_tape_dealloc(y->tape, k->work, k->bytes); }

/* The columns of m images from image s on. */
static void unfold_some(const conv *k, rg_tensor *y, int64_t s, int64_t m) {
    RG_K(planes_unfold)(y->tape, &k->f, m * k->c, (const real *)y->in[0]->data + s * k->c * k->size, k->work);
}

/* One product per image and group. shared: a is the same for all images. */
static int product(const conv *k, rg_tensor *y, int64_t m, bool shared, rg_gemm p) {
    rg_walk walk;
    rg_walk_init(&walk, 2, (const int64_t[]){m, k->groups}, 2, (unsigned[]){shared ? 2 : 3, 3});
    p.batch = &walk;
    return RG_K(gemm)(y, &p);
}

typedef struct addition { int64_t m, n; const real *from; real *to; } addition;

/* Adds to each plane of n elements the number of its channel, one of m. */
static void add_numbers(const void *with, int64_t begin, int64_t end) {
    const addition *a = with;
    for (int64_t i = begin; i < end; i++) {
        const real v = a->from[i % a->m];
        real *to = a->to + i * a->n;
        for (int64_t j = 0; j < a->n; j++) to[j] += v;
    }
}

static void add_bias(const conv *k, rg_tensor *y, int64_t s, int64_t m) {
    const addition a = {k->out, k->columns, y->in[2]->data, (real *)y->data + s * k->out * k->columns};
    rg_parallel(y->tape, m * k->out * k->columns / RG_CHUNK, m * k->out, add_numbers, &a);
}

int RG_K(conv2d)(rg_tensor *y) {
    if (!y->numel) return 0;
    conv k;
    if (conv_begin(&k, y)) return -1;
    int failed = 0;
    for (int64_t s = 0; s < k.n && !failed; s += k.together) {
        const int64_t m = rg_min64(k.together, k.n - s);
        unfold_some(&k, y, s, m);
        failed = product(&k, y, m, true, (rg_gemm){.n = k.out / k.groups, .k = k.rows, .m = k.columns, .a = y->in[1]->data, .b = k.work,
            .c = (real *)y->data + s * k.out * k.columns});
        if (y->nin > 2 && !failed) add_bias(&k, y, s, m);
    }
    conv_end(&k, y);
    return failed;
}

/* -------- the gradient */

static int input_gradient(conv *k, rg_tensor *y, const real *dy, real *dx) {
    for (int64_t s = 0; s < k->n; s += k->together) {
        const int64_t m = rg_min64(k->together, k->n - s);
        if (product(k, y, m, true, (rg_gemm){.n = k->rows, .k = k->out / k->groups, .m = k->columns, .ta = true, .a = y->in[1]->data,
            .b = dy + s * k->out * k->columns, .c = k->work})) return -1;
        RG_K(planes_fold)(y->tape, &k->f, m * k->c, k->work, dx + s * k->c * k->size);
    }
    return 0;
}

/* Adds to elements of dw [out, rows] the gradients of m images, in the order of the images. */
static void add_images(const void *with, int64_t begin, int64_t end) {
    const addition *a = with;
    for (int64_t s = 0; s < a->m; s++) {
        const real *restrict from = a->from + s * a->n;
        for (int64_t i = begin; i < end; i++) a->to[i] += from[i];
    }
}

static int weight_gradient(conv *k, rg_tensor *y, const real *dy, rg_tensor *dw) {
    const int64_t n = dw->numel;
    const size_t bytes = (size_t)(k->together * n) * sizeof(real); /* together n is at most n, or COLUMNS */
    real *each = rg_tape_alloc(y->at, y->tape, bytes);
    int failed = each ? 0 : -1;
    for (int64_t i = 0; i < n; i++) ((real *)dw->data)[i] = 0;
    for (int64_t s = 0; s < k->n && !failed; s += k->together) {
        const int64_t m = rg_min64(k->together, k->n - s);
        unfold_some(k, y, s, m);
        failed = product(k, y, m, false, (rg_gemm){.n = k->out / k->groups, .k = k->columns, .m = k->rows, .tb = true,
            .a = dy + s * k->out * k->columns, .b = k->work, .c = each});
        if (!failed) rg_parallel(y->tape, n / RG_CHUNK, n, add_images, &(addition){m, n, each, dw->data});
    }
    if (each) rg_tape_dealloc(y->tape, each, bytes);
    return failed;
}

static void bias_gradient(const conv *k, const real *dy, real *db) {
    for (int64_t o = 0; o < k->out; o++) {
        real sum = 0;
        for (int64_t s = 0; s < k->n; s++) sum += sum_run(k->columns, dy + (s * k->out + o) * k->columns);
        db[o] = sum;
    }
}

int RG_K(conv2d_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    for (int i = 0; i < y->nin; i++)
        if (rg_needs(y, i) && !rg_make_dx(y, dx, i)) return -1;
    conv k;
    if (conv_begin(&k, y)) return -1;
    int failed = 0;
    if (dx[0]) failed = input_gradient(&k, y, dy->data, dx[0]->data);
    if (dx[1] && !failed) failed = weight_gradient(&k, y, dy->data, dx[1]);
    if (y->nin > 2 && dx[2]) bias_gradient(&k, dy->data, dx[2]->data);
    conv_end(&k, y);
    return failed;
}
