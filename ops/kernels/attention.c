/* kernels/attention.c - attention in tiles: no matrix of all scores is made, so that memory grows with n + m, not with n m.

   A strip of TILE queries meets the keys tile by tile. Of the scores so far, each query keeps the maximum and the sum of exp(score -
   maximum); where a tile raises the maximum, the sum and the output so far shrink (Milakov and Gimelshein, Online normalizer calculation
   for softmax, 2018). The gradient makes the weights of a tile again from the maximum and the sum: with D = sum dy y over a row,
       dP = dy v^T,  dS = P (dP - D),  dq = dS k / sqrt(d),  dk = dS^T q / sqrt(d),  dv = P^T dy
   (Dao et al., FlashAttention, 2022). The maximum and the sum are kept, not max + log sum: that loses digits where scores are large.
   A tile is kept as [keys, queries]: products then read all operands where they are, and loops run over neighbouring queries.
   Tiles depend on the shapes alone and are added up in their order: the same bits for any number of threads. */
#include "engine/math/functions.h"

#include "ops/kernels/loops.h"
#include "gemm.h"

enum { TILE = 64, SHARES = 16 };

typedef struct job {
    rg_tensor *y;
    const rg_tensor *mask;                  /* or NULL */
    int64_t n, m, d, e, matrices, strips;   /* q [n, d], k [m, d], v [m, e]; strips in a matrix */
    int64_t down, across;                   /* steps of the mask along queries and keys */
    real scale, *max, *inverse;             /* [matrices, n]; 1 / the sum of exponentials */
    const real *dy;
    int64_t shares;                         /* the strips of a matrix are shared out among so many pieces, each with a dk and dv */
    real *dq, *dk, *dv, *dmask, *sums;      /* NULL: not needed. sums: the dk and dv of all shares but the first */
} job;

/* The queries i .. i + n - 1 of one matrix, and the keys and values they meet. mask: from query i on. */
typedef struct strip { int64_t i, n, last; const real *q, *k, *v; const void *mask; } strip;

/* Which matrix of x belongs to matrix i of y? */
static int64_t matrix_of(const rg_tensor *y, const rg_tensor *x, int64_t i) {
    int64_t step = 1, k = 0;
    for (int d = 3; d <= x->ndim; d++) {
        const int64_t size = x->shape[x->ndim - d], all = y->shape[y->ndim - d];
        if (size > 1) k += i % all * step;
        step *= size, i /= all;
    }
    return k;
}

static const void *element(const rg_tensor *x, int64_t i) { return (const char *)x->data + (size_t)i * rg_dtype_size(x->dtype); }

static strip strip_of(const job *a, int64_t matrix, int64_t i) {
    const rg_tensor *q = a->y->in[0], *k = a->y->in[1], *v = a->y->in[2];
    strip s = {.i = i, .n = rg_min64(TILE, a->n - i), .q = element(q, (matrix_of(a->y, q, matrix) * a->n + i) * a->d),
        .k = element(k, matrix_of(a->y, k, matrix) * a->m * a->d), .v = element(v, matrix_of(a->y, v, matrix) * a->m * a->e)};
    s.last = a->y->attr.p != 0 ? rg_min64(a->m, i + s.n) : a->m; /* causal: no query sees a key from there on */
    if (!a->mask) return s;
    const int64_t size = (a->down ? a->n : 1) * (a->across ? a->m : 1);
    s.mask = element(a->mask, matrix_of(a->y, a->mask, matrix) * size + i * a->down);
    return s;
}

/* c [n, m] = op(a) [n, k] b [k, m] */
static void product(int64_t n, int64_t k, int64_t m, bool ta, const real *a, const real *b, real *c) {
    RG_K(product)(&(rg_gemm){.n = n, .k = k, .m = m, .ta = ta}, (rg_tile){0, 0, n, m}, a, b, c, NULL);
}

/* to [m, s->n] = the scores of the m keys from j on, for all queries of the strip. q: they transposed, / sqrt(d) */
static void scores(const job *a, const strip *s, int64_t j, int64_t m, const real *q, real *restrict to) {
    product(m, a->d, s->n, false, s->k + j * a->d, q, to);
    for (int64_t r = 0; r < m; r++, to += s->n) {
        const int64_t first = (j + r) * a->across, hidden = a->y->attr.p != 0 ? rg_min64(s->n, j + r - s->i) : 0;
        if (a->mask && a->mask->dtype == RG_U8)
            for (int64_t c = 0; c < s->n; c++) to[c] = ((const uint8_t *)s->mask)[first + c * a->down] ? to[c] : -C(INFINITY);
        else if (a->mask)
            for (int64_t c = 0; c < s->n; c++) to[c] += ((const real *)s->mask)[first + c * a->down];
        for (int64_t c = 0; c < hidden; c++) to[c] = -C(INFINITY);
    }
}

/* x [m, n] = exp(x - shift), where shift [n]. What is too small to change a sum of weights is 0: processors take many times longer where a
   product underflows, and all that is hidden would. */
static void exponentials(int64_t m, int64_t n, const real *shift, real *restrict x) {
    const real least = sizeof(real) == 4 ? -80 : -700;
    for (int64_t r = 0; r < m; r++)
        for (int64_t c = 0; c < n; c++) x[r * n + c] -= shift[c];
    for (int64_t i = 0; i < m * n; i++) {
        const real e = RG_M(exp)(x[i] < least ? least : x[i]);
        x[i] = x[i] < least ? 0 : e;
    }
}

/* Of each query, max and sum go on over a tile of scores, x [m, n], which become exp(x - max). shrink: the factor of what was before.
   The maximum of a query that has seen nothing is -infinity; 0 is subtracted then. */
static void go_on(int64_t m, int64_t n, real *restrict x, real *restrict max, real *restrict sum, real *restrict shrink) {
    for (int64_t c = 0; c < n; c++) shrink[c] = max[c];
    for (int64_t r = 0; r < m; r++)
        for (int64_t c = 0; c < n; c++) max[c] = x[r * n + c] > max[c] ? x[r * n + c] : max[c];
    real shift[TILE], part[TILE] = {0};
    for (int64_t c = 0; c < n; c++) shift[c] = max[c] - max[c] == 0 ? max[c] : C(0);
    for (int64_t c = 0; c < n; c++) shrink[c] = RG_M(exp)(shrink[c] - shift[c]);
    exponentials(m, n, shift, x);
    for (int64_t r = 0; r < m; r++)
        for (int64_t c = 0; c < n; c++) part[c] += x[r * n + c];
    for (int64_t c = 0; c < n; c++) sum[c] = sum[c] * shrink[c] + part[c];
}

/* to [w, n] = x [n, w]^T times scale */
static void across(int64_t n, int64_t w, real scale, const real *x, real *to) {
    RG_K(transposed)(n, w, x, to);
    for (int64_t i = 0; scale != 1 && i < n * w; i++) to[i] *= scale;
}

static void forward_strip(const void *with, int64_t piece, real *scratch) {
    const job *a = with;
    const int64_t matrix = piece / a->strips, row = matrix * a->n + piece % a->strips * TILE;
    const strip s = strip_of(a, matrix, piece % a->strips * TILE);
    real *q = scratch, *x = q + TILE * a->d, *t = x + TILE * TILE, *to = (real *)a->y->data + row * a->e;
    real max[TILE], sum[TILE] = {0}, shrink[TILE];
    for (int64_t c = 0; c < s.n; c++) max[c] = -C(INFINITY);
    across(s.n, a->d, a->scale, s.q, q);
    for (int64_t j = 0; j < s.last; j += TILE) {
        const int64_t m = rg_min64(TILE, s.last - j);
        scores(a, &s, j, m, q, x);
        go_on(m, s.n, x, max, sum, shrink);
        product(s.n, m, a->e, true, x, s.v + j * a->e, j ? t : to);
        for (int64_t c = 0; j && c < s.n; c++)
            for (int64_t l = 0; l < a->e; l++) to[c * a->e + l] = to[c * a->e + l] * shrink[c] + t[c * a->e + l];
    }
    for (int64_t c = 0; c < s.n; c++) {
        a->max[row + c] = max[c] - max[c] == 0 ? max[c] : C(0);
        const real inverse = a->inverse[row + c] = 1 / sum[c]; /* of a query that has seen nothing infinite: 0 times that is NaN */
        for (int64_t l = 0; l < a->e; l++) to[c * a->e + l] *= inverse;
    }
}

/* -------- the gradient */

RUN_SUM(dot_run, a[k] * b[k], const real *a, const real *b)

static void add(int64_t n, real scale, const real *from, real *restrict to) {
    for (int64_t i = 0; i < n; i++) to[i] += scale * from[i];
}

/* From a tile of weights, p [m, n], and g [m, n], which becomes dS^T. D [n] */
static void score_gradient(int64_t m, int64_t n, const real *p, const real *D, real *restrict g) {
    for (int64_t r = 0; r < m; r++)
        for (int64_t c = 0; c < n; c++) g[r * n + c] = p[r * n + c] * (g[r * n + c] - D[c]);
}

/* Adds to the gradients of all that a strip reads. dk, dv: of its share. */
static void backward_strip(const job *a, int64_t matrix, int64_t i, real *dk, real *dv, real *scratch) {
    const strip s = strip_of(a, matrix, i);
    const int64_t n = s.n, row = matrix * a->n + i, d = a->d, e = a->e;
    const real *y = (const real *)a->y->data + row * e, *dy = a->dy + row * e;
    real *q = scratch, *df = q + TILE * d, *p = df + TILE * e, *g = p + TILE * TILE, *t = g + TILE * TILE, D[TILE];
    across(n, d, a->scale, s.q, q);
    across(n, e, 1, dy, df);
    if (a->dq) memset(a->dq + row * d, 0, (size_t)(n * d) * sizeof *a->dq);
    for (int64_t c = 0; c < n; c++) D[c] = dot_run(e, y + c * e, dy + c * e);
    for (int64_t j = 0; j < s.last; j += TILE) {
        const int64_t m = rg_min64(TILE, s.last - j);
        scores(a, &s, j, m, q, p);
        exponentials(m, n, a->max + row, p);
        for (int64_t r = 0; r < m; r++)
            for (int64_t c = 0; c < n; c++) p[r * n + c] *= a->inverse[row + c];
        if (dv) product(m, n, e, false, p, dy, t), add(m * e, 1, t, dv + j * e);
        if (!a->dq && !dk && !a->dmask) continue;
        product(m, e, n, false, s.v + j * e, df, g);
        score_gradient(m, n, p, D, g);
        if (a->dq) product(n, m, d, true, g, s.k + j * d, t), add(n * d, a->scale, t, a->dq + row * d);
        if (dk) product(m, n, d, false, g, s.q, t), add(m * d, a->scale, t, dk + j * d);
        for (int64_t c = 0; a->dmask && c < n; c++)
            for (int64_t r = 0; r < m; r++) a->dmask[(row + c) * a->m + j + r] = g[r * n + c];
    }
}

/* A share of the strips of a matrix. */
static void backward_share(const void *with, int64_t piece, real *scratch) {
    const job *a = with;
    const int64_t matrix = piece / a->shares, share = piece % a->shares, size = a->m * (a->d + a->e);
    real *sums = a->sums ? a->sums + (matrix * (a->shares - 1) + share - 1) * size : NULL;
    real *dk = !a->dk ? NULL : share ? sums : a->dk + matrix * a->m * a->d;
    real *dv = !a->dv ? NULL : share ? sums + a->m * a->d : a->dv + matrix * a->m * a->e;
    if (dk) memset(dk, 0, (size_t)(a->m * a->d) * sizeof *dk);
    if (dv) memset(dv, 0, (size_t)(a->m * a->e) * sizeof *dv);
    for (int64_t i = a->strips * share / a->shares; i < a->strips * (share + 1) / a->shares; i++)
        backward_strip(a, matrix, i * TILE, dk, dv, scratch);
}

static void add_shares(const void *with, int64_t begin, int64_t end) {
    const job *a = with;
    const int64_t nk = a->m * a->d, nv = a->m * a->e;
    for (int64_t i = begin; i < end; i++)
        for (int64_t k = 0; k < a->shares - 1; k++) {
            const real *sums = a->sums + (i * (a->shares - 1) + k) * (nk + nv);
            if (a->dk) add(nk, 1, sums, a->dk + i * nk);
            if (a->dv) add(nv, 1, sums + nk, a->dv + i * nv);
        }
}

/* -------- */

static job job_of(rg_tensor *y) {
    const rg_tensor *k = y->in[1], *v = y->in[2];
    job a = {.y = y, .mask = y->nin > 3 ? y->in[3] : NULL, .n = y->shape[y->ndim - 2], .m = k->shape[k->ndim - 2],
        .d = k->shape[k->ndim - 1], .e = v->shape[v->ndim - 1], .matrices = 1};
    a.scale = a.d ? C(1 / sqrt((double)a.d)) : 1;
    a.strips = (a.n + TILE - 1) / TILE;
    for (int i = 0; i < y->ndim - 2; i++) a.matrices *= y->shape[i];
    if (!a.mask) return a;
    const int rank = a.mask->ndim;
    a.across = rank > 0 && a.mask->shape[rank - 1] > 1;
    a.down = rank > 1 && a.mask->shape[rank - 2] > 1 ? a.mask->shape[rank - 1] : 0;
    return a;
}

/* Two products for each pair of a query and a key. */
static int run(job *a, int64_t pieces, rg_piece_fn *piece) {
    const int64_t parts = rg_parts(a->y, (double)a->matrices * (double)a->n * (double)a->m * (double)(a->d + a->e) / 2);
    return RG_K(share)(a->y, parts, pieces, 2 * TILE * (a->d + a->e + TILE), piece, a);
}

int RG_K(attention)(rg_tensor *y) {
    job a = job_of(y);
    const int64_t rows = a.matrices * a.n;
    for (int i = 0; i < 2; i++)
        if (rg_failed(rg_save(y, i, y->dtype, 1, &rows))) return -1;
    a.max = y->saved[0]->data, a.inverse = y->saved[1]->data;
    for (int64_t i = 0; !a.m && i < y->numel; i++) ((real *)y->data)[i] = 0;
    return a.m ? run(&a, a.matrices * a.strips, forward_strip) : 0;
}

/* The gradient of operand i, for every matrix of y: the engine adds up those of a matrix that was broadcast. */
static real *gradient(rg_tensor *y, rg_tensor **dx, int i, int64_t n, int64_t m) {
    int64_t shape[RG_MAX_DIMS];
    if (i >= y->nin || !rg_needs(y, i)) return NULL;
    memcpy(shape, y->shape, sizeof shape);
    shape[y->ndim - 2] = n, shape[y->ndim - 1] = m;
    if (!dx[i]) dx[i] = rg_temp(y, y->dtype, y->ndim, shape);
    return rg_failed(dx[i]) ? NULL : dx[i]->data;
}

int RG_K(attention_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    job a = job_of(y);
    a.dy = dy->data, a.max = y->saved[0]->data, a.inverse = y->saved[1]->data;
    a.dq = gradient(y, dx, 0, a.n, a.d), a.dk = gradient(y, dx, 1, a.m, a.d), a.dv = gradient(y, dx, 2, a.m, a.e);
    a.dmask = gradient(y, dx, 3, a.n, a.m);
    for (int i = 0; i < y->nin; i++)
        if (dx[i] && rg_failed(dx[i])) return -1;
    if (!a.matrices) return 0;
    if (a.dmask) memset(a.dmask, 0, (size_t)dx[3]->numel * sizeof(real)); /* tiles that causality hides are left out */
    a.shares = rg_min64(a.strips, SHARES / a.matrices);
    if (a.shares < 1) a.shares = 1;
    const size_t bytes = (size_t)((a.shares - 1) * a.matrices * a.m * (a.d + a.e)) * sizeof(real);
    if (bytes && !(a.sums = rg_tape_alloc(y->at, y->tape, bytes))) return -1;
    const int failed = run(&a, a.matrices * a.shares, backward_share);
    if (bytes && !failed) rg_parallel(y->tape, a.matrices, a.matrices, add_shares, &a);
    if (bytes) rg_tape_dealloc(y->tape, a.sums, bytes);
    return failed;
}
