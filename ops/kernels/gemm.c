/* kernels/gemm.c - matrix products: cut into tiles, which threads share; product.c computes a tile. */
#include "gemm.h"

/* A product of at least RG_PRODUCT_LARGE multiply-adds is halved again and again, until there are as many pieces as rg_parts wants, so
   that threads wait briefly for a late one. A side that becomes shorter than BROAD is cut only into FEW pieces: a narrow piece packs too
   much for what it computes. Pieces are multiples of UNIT columns, of EVEN rows. */
enum { FEW = 4, BROAD = 128, UNIT = 16, EVEN = 4 };

/* The largest piece: the longer side is halved, time and again. */
static rg_tile cut(const rg_gemm *p, int64_t wanted) {
    rg_tile t = {0, 0, p->n, p->m};
    for (int64_t pieces = 1; pieces < wanted && (double)t.n * (double)t.m * (double)p->k >= RG_PRODUCT_LARGE; pieces *= 2) {
        int64_t *side = t.n > t.m ? &t.n : &t.m;
        const int64_t unit = side == &t.m ? UNIT : EVEN, half = ((*side + 1) / 2 + unit - 1) / unit * unit;
        if (pieces >= FEW && half < BROAD) break;
        *side = half;
    }
    return t;
}

static void add_bias(const rg_gemm *p, rg_tile t, real *c) {
    for (int64_t i = t.i; i < t.i + t.n; i++) {
        real *restrict row = c + i * p->m;
        for (int64_t j = t.j; j < t.j + t.m; j++) row[j] += p->bias[j];
    }
}

typedef struct sharing { const void *with; rg_piece_fn *run; int64_t pieces, parts, elements; real *scratch; } sharing;

static void run_parts(const void *with, int64_t begin, int64_t end) {
    const sharing *s = with;
    for (int64_t part = begin; part < end; part++)
        for (int64_t i = s->pieces * part / s->parts; i < s->pieces * (part + 1) / s->parts; i++)
            s->run(s->with, i, s->scratch ? s->scratch + part * s->elements : NULL);
}

int RG_K(share)(rg_tensor *y, int64_t parts, int64_t pieces, int64_t elements, rg_piece_fn *run, const void *with) {
    if (!pieces) return 0;
    sharing s = {with, run, pieces, rg_min64(parts, pieces), (elements + 15) / 16 * 16, NULL}; /* scratches begin where cache lines do */
    const size_t bytes = (size_t)(s.parts * s.elements) * sizeof(real);
    if (bytes && !(s.scratch = rg_tape_alloc(y->at, y->tape, bytes))) return -1;
    rg_parallel(y->tape, s.parts, s.parts, run_parts, &s);
    if (bytes) rg_tape_dealloc(y->tape, s.scratch, bytes);
    return 0;
}

/* A product being shared out: every matrix of the batch is rows x cols pieces of the size of t. */
typedef struct plan { const rg_gemm *p; rg_tile t; int64_t rows, cols; } plan;

static void run_piece(const void *with, int64_t i, real *scratch) {
    const plan *q = with;
    const rg_gemm *p = q->p;
    const int64_t matrix = i / (q->rows * q->cols);
    rg_tile t = {i / q->cols % q->rows * q->t.n, i % q->cols * q->t.m, 0, 0};
    t.n = rg_min64(q->t.n, p->n - t.i);
    t.m = rg_min64(q->t.m, p->m - t.j);
    int64_t from[2] = {0, 0};
    if (p->batch) {
        rg_walk_at(p->batch, 2, matrix / p->batch->inner, from);
        for (int j = 0; j < 2; j++) from[j] += matrix % p->batch->inner * p->batch->run[j];
    }
    const real *a = p->a + from[0] * p->n * p->k, *b = p->b + from[1] * p->k * p->m;
    real *c = p->c + matrix * p->n * p->m;
    RG_K(product)(p, t, a, b, c, scratch);
    if (p->bias) add_bias(p, t, c);
}

int RG_K(gemm)(rg_tensor *y, const rg_gemm *p) {
    const int64_t batch = p->batch ? p->batch->rows * p->batch->inner : 1;
    if (batch == 0 || p->n == 0 || p->m == 0) return 0;
    const double all = (double)p->n * (double)p->k * (double)p->m;
    if (all < RG_PRODUCT_LARGE && !p->batch) {
        RG_K(product)(p, (rg_tile){0, 0, p->n, p->m}, p->a, p->b, p->c, NULL);
        if (p->bias) add_bias(p, (rg_tile){0, 0, p->n, p->m}, p->c);
        return 0;
    }
    const int64_t wanted = rg_parts(y, all * (double)batch);
    plan q = {.p = p, .t = cut(p, (wanted + batch - 1) / batch)};
    q.rows = (p->n + q.t.n - 1) / q.t.n;
    q.cols = (p->m + q.t.m - 1) / q.t.m;
    return RG_K(share)(y, wanted, batch * q.rows * q.cols, rg_product_packs(p, q.t), run_piece, &q);
}
