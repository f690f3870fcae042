/* loops.h - for kernel sources: loops over two broadcast operands, in chunks that threads may share; sums of runs, reductions by runs. */
#ifndef RG_LOOPS_H
#define RG_LOOPS_H

#include "engine/kernel.h"

/* A loop over n elements; the operands' strides are 0 or 1. */
typedef void loop2(int64_t n, const real *a, int64_t sa, const real *b, int64_t sb, real *to);

/* Is no operand broadcast? */
static inline bool same_shape2(const rg_tensor *y) { return y->in[0]->numel == y->numel && y->in[1]->numel == y->numel; }

typedef struct pair { rg_walk w; const real *a, *b; real *to; loop2 *loop; } pair;
static inline void pair_blocks(const void *with, int64_t begin, int64_t end) {
    const pair *p = with;
    for (int64_t i = begin; i < end; i++) {
        int64_t at[3];
        const int64_t n = rg_walk_block(&p->w, 2, i, at);
        p->loop(n, p->a + at[0], p->w.run[0], p->b + at[1], p->w.run[1], p->to + at[2]);
    }
}

static inline int each2(rg_tensor *y, loop2 *loop) {
    pair p; /* not cleared: that takes longer than a small op */
    p.a = y->in[0]->data, p.b = y->in[1]->data, p.to = y->data, p.loop = loop;
    if (same_shape2(y) && y->numel <= RG_CHUNK) return loop(y->numel, p.a, 1, p.b, 1, p.to), 0;
    rg_walk_operands(&p.w, y, 2);
    rg_walk_cut(&p.w, RG_CHUNK);
    rg_parallel(y->tape, y->numel / RG_CHUNK, p.w.blocks, pair_blocks, &p);
    return 0;
}

/* -------- runs: neighbouring elements become one number, in 16 strands, so that the loop vectorises and the order is fixed */

enum { STRANDS = 16 };

/* Defines name(n, ...): the sum over k of a term that reads the parameters `...`. A strand adds up at most 64 terms before they go to a
   double, so that a long sum of floats keeps its digits. */
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

/* Joins every run of x, which w walks together with the result y, to y: to one element, or element by element. If y has the outermost
   dimension of w too, it is taken out of w: threads then share parts of x that have no element of y in common. */
typedef struct joining { const rg_walk *w; int64_t step; const real *x; real *y; } joining;
#define JOIN_RUNS(name, join, join_run)                                                                       \
    static void name##_parts(const void *with, int64_t begin, int64_t end) {                                  \
        const joining *k = with;                                                                              \
        const rg_walk *w = k->w;                                                                              \
        for (int64_t p = begin; p < end; p++)                                                                 \
            for (int64_t r = 0; r < w->rows; r++) {                                                           \
                int64_t at;                                                                                   \
                rg_walk_at(w, 1, r, &at);                                                                     \
                const real *restrict from = k->x + (p * w->rows + r) * w->inner;                              \
                real *restrict to = k->y + p * k->step + at;                                                  \
                if (w->run[0] == 0) *to = join(*to, join_run(w->inner, from));                                \
                else                                                                                          \
                    for (int64_t i = 0; i < w->inner; i++) to[i] = join(to[i], from[i]);                      \
            }                                                                                                 \
    }                                                                                                         \
    static inline void name(rg_tape *t, rg_walk *w, const real *x, real *y) {                                 \
        const int top = w->ndim - 1;                                                                          \
        const int64_t work = w->rows * w->inner / RG_CHUNK, step = w->step[0][top];                           \
        int64_t parts = 1;                                                                                    \
        if (top > 0 && step > 0 && w->rows > 0) parts = w->n[top], w->rows /= parts, w->ndim = top;           \
        rg_parallel(t, work, parts, name##_parts, &(joining){w, step, x, y});                                 \
    }

/* to, of y's shape, = scale times the element of `from` that broadcasts to it; from has the dimensions of y whose bits are set: core.c */
void RG_K(spread)(const rg_tensor *y, unsigned has, real scale, const real *from, real *to);

#endif
