/* loops.h - for kernel sources: loops over two broadcast operands, in chunks that threads may share; sums, products and extremes of runs. */
#ifndef RG_LOOPS_H
#define RG_LOOPS_H

#include "kernel.h"

/* A loop over n elements; the operands' strides are 0 or 1. */
typedef void loop2(int64_t n, const real *a, int64_t sa, const real *b, int64_t sb, real *to);

/* The four stride combinations of two operands, a loop each for the vectoriser. The statement sees a, b and i. */
#define STRIDED(...)                                                                                          \
    if (sa && sb) {                                                                                           \
        for (int64_t i = 0; i < n_; i++) { const real a = as[i], b = bs[i]; __VA_ARGS__ }                     \
    } else if (sa) {                                                                                          \
        const real b = bs[0];                                                                                 \
        for (int64_t i = 0; i < n_; i++) { const real a = as[i]; __VA_ARGS__ }                                \
    } else if (sb) {                                                                                          \
        const real a = as[0];                                                                                 \
        for (int64_t i = 0; i < n_; i++) { const real b = bs[i]; __VA_ARGS__ }                                \
    } else {                                                                                                  \
        const real a = as[0], b = bs[0];                                                                      \
        for (int64_t i = 0; i < n_; i++) { __VA_ARGS__ }                                                      \
    }

/* Both operands walked in runs: a run that is the whole array is cut into chunks, short runs are gathered into blocks. */
typedef struct pair { rg_walk w; int64_t len, per_row, blocks; } pair;

static inline void pair_init(pair *p, const rg_tensor *y, int64_t chunk) {
    rg_walk_init(&p->w, y->ndim, y->shape, 2, y->in);
    const int64_t inner = p->w.inner, rows = p->w.rows;
    p->len = rg_min64(chunk, inner);
    p->per_row = p->len > 0 ? (inner + p->len - 1) / p->len : 0;
    p->blocks = rows * p->per_row;
}

/* Block i: where it starts in a, b and y, and its length. */
static inline int64_t pair_block(const pair *p, int64_t i, int64_t at[3]) {
    const int64_t row = i / p->per_row, from = i % p->per_row * p->len;
    rg_walk_at(&p->w, 2, row, at);
    at[0] += from * p->w.run[0];
    at[1] += from * p->w.run[1];
    at[2] = row * p->w.inner + from;
    return rg_min64(p->len, p->w.inner - from);
}

static inline bool same_shape2(const rg_tensor *y) { return y->in[0]->numel == y->numel && y->in[1]->numel == y->numel; }

static inline int each2(rg_tensor *y, loop2 *loop) {
    const real *a = y->in[0]->data, *b = y->in[1]->data;
    real *to = y->data;
    if (same_shape2(y) && y->numel <= RG_CHUNK) return loop(y->numel, a, 1, b, 1, to), 0;
    pair p;
    pair_init(&p, y, RG_CHUNK);
    RG_PARALLEL_FOR(y->tape, y->numel / RG_CHUNK,
        for (int64_t i = 0; i < p.blocks; i++) {
            int64_t at[3];
            const int64_t n = pair_block(&p, i, at);
            loop(n, a + at[0], p.w.run[0], b + at[1], p.w.run[1], to + at[2]);
        })
    return 0;
}

/* -------- runs: neighbouring elements to one number, in 16 strands, so that the loop vectorises and the order stays fixed */

enum { STRANDS = 16 };

/* The sum of a term of k; what follows is where it reads. A strand never adds up more than 64 terms before they go to a double: a long
   sum of floats loses no digits. */
enum { SUM_BLOCK = 64 * STRANDS };
#define RUN_SUM(name, term, ...)                                                                              \
    static inline real name(int64_t n, __VA_ARGS__) {                                                         \
        double all = 0;                                                                                       \
        for (int64_t begin = 0;; begin += SUM_BLOCK) {                                                        \
            const int64_t end = rg_min64(n, begin + SUM_BLOCK);                                               \
            real s[STRANDS] = {0}, rest = 0;                                                                  \
            int64_t i = begin;                                                                                \
            for (; i + STRANDS <= end; i += STRANDS)                                                          \
                for (int j = 0; j < STRANDS; j++) { const int64_t k = i + j; s[j] += (term); }                \
            for (; i < end; i++) { const int64_t k = i; rest += (term); }                                     \
            for (int half = end - begin < STRANDS ? 0 : STRANDS / 2; half; half /= 2)                         \
                for (int j = 0; j < half; j++) s[j] += s[j + half];                                           \
            rest += s[0];                                                                                     \
            if (n <= SUM_BLOCK) return rest;                                                                  \
            all += (double)rest;                                                                              \
            if (end == n) return (real)all;                                                                   \
        }                                                                                                     \
    }

RUN_SUM(sum_run, x[k], const real *x)

/* The larger, or the smaller; NaN if either is. In two choices, each an instruction: no jump that could be foretold wrong. */
static inline real larger(real a, real b) {
    const real m = b > a ? b : a;
    return b != b ? b : m;
}
static inline real smaller(real a, real b) {
    const real m = b < a ? b : a;
    return b != b ? b : m;
}
static inline real times(real a, real b) { return a * b; }

/* Joins a run's elements by two and two; `none` is what a run of none gives. Strands lie in memory, so many of them that none waits for what
   it has just written; and they are a loop and not unrolled: gcc vectorises a choice in a loop, but not in a row of statements. */
enum { JOIN_MANY = 128, JOIN_FEW = 32 };
#define JOIN_RUN(name, join, none)                                                                                         \
    __attribute__((always_inline)) static inline real name##_strands(const int strands, int64_t n, const real *x) {        \
        real s[JOIN_MANY];                                                                                                 \
        for (int j = 0; j < strands; j++) s[j] = x[j];                                                                     \
        for (int64_t i = strands; i < n; i += strands)                                                                     \
            for (int j = 0; j < strands; j++) s[j] = join(s[j], x[i + j]);                                                 \
        for (int half = strands / 2; half; half /= 2)                                                                      \
            for (int j = 0; j < half; j++) s[j] = join(s[j], s[j + half]);                                                 \
        return s[0];                                                                                                       \
    }                                                                                                                      \
    static inline real name(int64_t n, const real *x) {                                                                    \
        const int64_t many = n / JOIN_MANY * JOIN_MANY, few = n / JOIN_FEW * JOIN_FEW;                                     \
        real m = none;                                                                                                     \
        if (many) m = join(m, name##_strands(JOIN_MANY, many, x));                                                         \
        if (few > many) m = join(m, name##_strands(JOIN_FEW, few - many, x + many));                                       \
        for (int64_t i = few; i < n; i++) m = join(m, x[i]);                                                               \
        return m;                                                                                                          \
    }
/* The largest of a run whose NaN, if it has one, shows elsewhere. */
static inline real above(real a, real b) { return b > a ? b : a; }
JOIN_RUN(peak_run, above, -C(INFINITY))
JOIN_RUN(max_run, larger, -C(INFINITY))
JOIN_RUN(min_run, smaller, C(INFINITY))
JOIN_RUN(prod_run, times, C(1))

/* to, of y's shape, = scale times what stands in the same place of `from`, of x's shape, which broadcasts to it. In core_kernels.c. */
void RG_K(spread)(const rg_tensor *y, rg_tensor *x, real scale, const real *from, real *to);

#endif
