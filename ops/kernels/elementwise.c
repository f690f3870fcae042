/* kernels/elementwise.c - the loops of elementwise.def: values, fused vector-Jacobian products, branch hashes. */
#include "engine/kernel.h"
#include "engine/loops.h"
#include "ops/algebra.h"

/* A loop over n elements: strides of the operands are 0 or 1, each combination a loop of its own for the vectoriser. */
typedef void loop1(int64_t n, double p, double q, const real *x, real *to);
typedef void vjp1(int64_t n, double p, double q, const real *x, const real *y, const real *dy, real *to);
typedef void vjp2(int64_t n, const real *a, int64_t sa, const real *b, int64_t sb, const real *y, const real *dy, real *to);

static int each1(rg_tensor *y, loop1 *loop) {
    const real *x = y->in[0]->data;
    real *to = y->data;
    const int64_t n = y->numel, chunks = (n + RG_CHUNK - 1) / RG_CHUNK;
    RG_PARALLEL_FOR(y->tape, chunks,
        for (int64_t c = 0; c < chunks; c++) loop(rg_min64(RG_CHUNK, n - c * RG_CHUNK), y->attr.p, y->attr.q, x + c * RG_CHUNK, to + c * RG_CHUNK);)
    return 0;
}

static rg_tensor *each_vjp1(rg_tensor *y, rg_tensor *dy, vjp1 *loop) {
    rg_tensor *dx = rg_temp_like(y, y);
    if (rg_failed(dx)) return dx;
    const real *x = y->in[0]->data, *f = y->data, *df = dy->data;
    real *to = dx->data;
    const int64_t n = y->numel, chunks = (n + RG_CHUNK - 1) / RG_CHUNK;
    RG_PARALLEL_FOR(y->tape, chunks,
        for (int64_t c = 0; c < chunks; c++) {
            const int64_t i = c * RG_CHUNK;
            loop(rg_min64(RG_CHUNK, n - i), y->attr.p, y->attr.q, x + i, f + i, df + i, to + i);
        })
    return dx;
}

static rg_tensor *each_vjp2(rg_tensor *y, rg_tensor *dy, vjp2 *loop) {
    rg_tensor *dx = rg_temp_like(y, y);
    if (rg_failed(dx)) return dx;
    const real *a = y->in[0]->data, *b = y->in[1]->data, *f = y->data, *df = dy->data;
    real *to = dx->data;
    if (same_shape2(y) && y->numel <= RG_CHUNK) return loop(y->numel, a, 1, b, 1, f, df, to), dx;
    pair p;
    pair_init(&p, y);
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t i = 0; i < p.blocks; i++) {
            int64_t at[3];
            const int64_t n = pair_block(&p, i, at);
            loop(n, a + at[0], p.w.run[0], b + at[1], p.w.run[1], f + at[2], df + at[2], to + at[2]);
        })
    return dx;
}

#define KINK(e) (e)
#define SMOOTH 0
#ifndef RG_KERNEL_AVX2
/* FNV-1a over the numbers that tell branches apart: the bits of a double, since floor's may be of any size. */
static inline uint64_t mix(uint64_t h, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return (h ^ bits ^ bits >> 32) * 1099511628211u;
}

#define HASH1(n, e)                                                                   \
    uint64_t RG_K(n##_branch)(const rg_tensor *y) {                                   \
        uint64_t h = 14695981039346656037u;                                           \
        const real p = (real)y->attr.p, q = (real)y->attr.q;                          \
        (void)p, (void)q;                                                             \
        for (int64_t i = 0; i < y->numel; i++) {                                      \
            const real x = ((const real *)y->in[0]->data)[i];                         \
            (void)x;                                                                  \
            h = mix(h, (double)(e));                                                  \
        }                                                                             \
        return h;                                                                     \
    }
#define HASH2(n, e)                                                                   \
    uint64_t RG_K(n##_branch)(const rg_tensor *y) {                                   \
        uint64_t h = 14695981039346656037u;                                           \
        rg_walk w;                                                                    \
        rg_walk_init(&w, y->ndim, y->shape, 2, y->in);                                \
        for (int64_t r = 0; r < w.rows; r++) {                                        \
            int64_t at[2];                                                            \
            rg_walk_at(&w, 2, r, at);                                                 \
            for (int64_t i = 0; i < w.inner; i++) {                                   \
                const real a = ((const real *)y->in[0]->data)[at[0] + i * w.run[0]];  \
                const real b = ((const real *)y->in[1]->data)[at[1] + i * w.run[1]];  \
                (void)a, (void)b;                                                     \
                h = mix(h, (double)(e));                                              \
            }                                                                         \
        }                                                                             \
        return h;                                                                     \
    }
#else
#define HASH1(n, e)
#define HASH2(n, e)
#endif

#define FORWARD1(n, expr)                                                             \
    static void n##_loop(int64_t n_, double p_, double q_, const real *xs, real *to) { \
        const real p = (real)p_, q = (real)q_;                                        \
        (void)p, (void)q;                                                             \
        for (int64_t i = 0; i < n_; i++) {                                            \
            const real x = xs[i];                                                     \
            to[i] = expr;                                                             \
        }                                                                             \
    }                                                                                 \
    int RG_K(n)(rg_tensor *y) { return each1(y, n##_loop); }
#define UNARY(n, text, expr, dx0, kinks, lo, hi)                                                                     \
    FORWARD1(n, expr)                                                                                                \
    static void n##_vjp_loop(int64_t n_, double p_, double q_, const real *xs, const real *ys, const real *dys, real *to) { \
        const real p = (real)p_, q = (real)q_;                                                                       \
        (void)p, (void)q;                                                                                            \
        for (int64_t i = 0; i < n_; i++) {                                                                           \
            const real x = xs[i], f = ys[i], df = dys[i];                                                            \
            (void)x, (void)f;                                                                                        \
            to[i] = dx0;                                                                                             \
        }                                                                                                            \
    }                                                                                                                \
    int RG_K(n##_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {                                                 \
        dx[0] = sizeof #dx0 == sizeof "DY" ? dy : each_vjp1(y, dy, n##_vjp_loop);                                    \
        return 0;                                                                                                    \
    }                                                                                                                \
    HASH1(n, kinks)
#define UNARYP(n, text, expr, dx0, kinks, lo, hi, sample) UNARY(n, text, expr, dx0, kinks, lo, hi)
#define UNARYPQ(n, text, expr, dx0, kinks, lo, hi, sample_p, sample_q) UNARY(n, text, expr, dx0, kinks, lo, hi)
#define UNARY_STEP(n, text, expr, lo, hi) FORWARD1(n, expr) HASH1(n, expr)

#define FORWARD2(n, expr)                                                                                       \
    static void n##_loop(int64_t n_, const real *as, int64_t sa, const real *bs, int64_t sb, real *to) {        \
        STRIDED(to[i] = expr;)                                                                                  \
    }                                                                                                           \
    int RG_K(n)(rg_tensor *y) { return each2(y, n##_loop); }
#define VJP2(n, k, expr)                                                                                        \
    static void n##_vjp_##k(int64_t n_, const real *as, int64_t sa, const real *bs, int64_t sb, const real *ys, const real *dys, real *to) { \
        STRIDED(const real f = ys[i]; const real df = dys[i]; (void)a, (void)b, (void)f; to[i] = expr;)         \
    }
#define BINARY(n, text, expr, da, db, kinks, lo, hi)                                                                     \
    FORWARD2(n, expr) VJP2(n, a, da) VJP2(n, b, db)                                                                      \
    int RG_K(n##_vjp)(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {                                                     \
        if (rg_needs(y, 0)) dx[0] = sizeof #da == sizeof "DY" ? dy : each_vjp2(y, dy, n##_vjp_a);                        \
        if (rg_needs(y, 1)) dx[1] = sizeof #db == sizeof "DY" ? dy : each_vjp2(y, dy, n##_vjp_b);                        \
        return 0;                                                                                                        \
    }                                                                                                                    \
    HASH2(n, kinks)
#define BINARY_STEP(n, text, expr, lo, hi) FORWARD2(n, expr) HASH2(n, expr)
#include "ops/elementwise.def"
