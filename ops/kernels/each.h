/* kernels/each.h - what runs the loops of rows: over whole tensors, in chunks that threads may share, and over broadcast operands; and
   the hash of the branches that a result took. */
#ifndef RG_EACH_H
#define RG_EACH_H

#include "engine/kernel.h"
#include "ops/kernels/loops.h"

/* Loops over n elements. Strides of the operands are 0 or 1. */
typedef void loop1(int64_t n, double p, double q, const real *x, real *to);
typedef void vjp1(int64_t n, double p, double q, const real *x, const real *y, const real *dy, real *to);
typedef void vjp2(int64_t n, const real *a, int64_t sa, const real *b, int64_t sb, const real *y, const real *dy, real *to);
typedef void vjp_both(int64_t n, const real *a, int64_t sa, const real *b, int64_t sb, const real *y, const real *dy, real *to_a,
    real *to_b);

/* A call per chunk, in threads or not: a chunk with a far angle is computed twice (engine/math), the others are not. */
typedef struct chunks { const rg_tensor *y; loop1 *loop; vjp1 *vjp; const real *df; real *to; } chunks;
static void run_chunks(const void *with, int64_t begin, int64_t end) {
    const chunks *k = with;
    const rg_tensor *y = k->y;
    const real *x = y->in[0]->data, *f = y->data;
    for (int64_t c = begin; c < end; c++) {
        const int64_t i = c * RG_CHUNK, n = rg_min64(RG_CHUNK, y->numel - i);
        if (k->loop) k->loop(n, y->attr.p, y->attr.q, x + i, k->to + i);
        else k->vjp(n, y->attr.p, y->attr.q, x + i, f + i, k->df + i, k->to + i);
    }
}

static int each1(rg_tensor *y, loop1 *loop) {
    const int64_t n = (y->numel + RG_CHUNK - 1) / RG_CHUNK;
    if (n == 1) loop(y->numel, y->attr.p, y->attr.q, y->in[0]->data, y->data);
    else rg_parallel(y->tape, n, n, run_chunks, &(chunks){.y = y, .loop = loop, .to = y->data});
    return 0;
}

static int each_vjp1(rg_tensor *y, rg_tensor *dy, rg_tensor **dx, vjp1 *loop) {
    if (!rg_make_dx(y, dx, 0)) return -1;
    const int64_t n = (y->numel + RG_CHUNK - 1) / RG_CHUNK;
    if (n == 1) loop(y->numel, y->attr.p, y->attr.q, y->in[0]->data, y->data, dy->data, dx[0]->data);
    else rg_parallel(y->tape, n, n, run_chunks, &(chunks){.y = y, .vjp = loop, .df = dy->data, .to = dx[0]->data});
    return 0;
}

/* The gradients of both operands, block by block, so that what they read is fetched once. That of a broadcast operand is added up at
   once, in its own shape: by parts of the work that the shapes alone define, each in a row of its own of `sums`, then their sum. */
enum { BLOCK = 1024, PARTS = 8 };
typedef struct vjp_job {
    rg_walk w;
    const real *in[2], *f, *df;
    real *to[2];
    vjp2 *loop[2];     /* NULL: not wanted, or dy itself */
    vjp_both *both;    /* the two in one loop; NULL: not both are wanted, or they are cheap */
    int64_t numel[2];  /* of a broadcast operand; 0: of y's size, written in place */
    int64_t per;       /* blocks in a part */
} vjp_job;

static void vjp_part(const vjp_job *j, int64_t part) {
    real piece[2][BLOCK];
    const int64_t *run = j->w.run, last = rg_min64((part + 1) * j->per, j->w.blocks);
    for (int64_t i = part * j->per; i < last; i++) {
        int64_t at[3];
        const int64_t n = rg_walk_block(&j->w, 2, i, at);
        real *to[2];
        for (int k = 0; k < 2; k++) to[k] = j->loop[k] && !j->numel[k] ? j->to[k] + at[2] : piece[k];
        if (j->both) j->both(n, j->in[0] + at[0], run[0], j->in[1] + at[1], run[1], j->f + at[2], j->df + at[2], to[0], to[1]);
        else
            for (int k = 0; k < 2; k++)
                if (j->loop[k]) j->loop[k](n, j->in[0] + at[0], run[0], j->in[1] + at[1], run[1], j->f + at[2], j->df + at[2], to[k]);
        for (int k = 0; k < 2; k++) {
            if (!j->loop[k] || !j->numel[k]) continue;
            real *restrict sum = j->to[k] + part * j->numel[k] + at[k];
            if (!run[k]) *sum += sum_run(n, piece[k]);
            else
                for (int64_t l = 0; l < n; l++) sum[l] += piece[k][l];
        }
    }
}

static void vjp_parts(const void *with, int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) vjp_part(with, part);
}

static int large_vjp2(rg_tensor *y, rg_tensor *dy, rg_tensor **dx, vjp2 *a_loop, vjp2 *b_loop, vjp_both *both) {
    vjp_job j = {.in = {y->in[0]->data, y->in[1]->data}, .f = y->data, .df = dy->data, .loop = {a_loop, b_loop}, .both = a_loop &&
        b_loop ? both : NULL};
    rg_tensor *sums[2] = {NULL, NULL};
    int64_t parts = y->numel / RG_CHUNK + 1;
    for (int k = 0; k < 2; k++) {
        if (!j.loop[k] || y->in[k]->numel == y->numel) continue;
        j.numel[k] = y->in[k]->numel;
        parts = rg_min64(rg_min64(parts, PARTS), y->numel / PARTS / (j.numel[k] + 1) + 1);
    }
    for (int k = 0; k < 2; k++) {
        if (!j.loop[k]) continue;
        if (!rg_make_dx(y, dx, k)) return -1;
        sums[k] = dx[k];
        if (j.numel[k] && parts > 1) sums[k] = rg_temp(y, y->dtype, 2, (int64_t[]){parts, j.numel[k]});
        if (rg_failed(sums[k])) return -1;
        j.to[k] = sums[k]->data;
        if (j.numel[k]) memset(j.to[k], 0, (size_t)sums[k]->numel * sizeof(real));
    }
    rg_walk_operands(&j.w, y, 2);
    rg_walk_cut(&j.w, BLOCK);
    j.per = (j.w.blocks + parts - 1) / parts;
    rg_parallel(y->tape, parts, parts, vjp_parts, &j);
    for (int k = 0; k < 2; k++) {
        if (!j.loop[k] || sums[k] == dx[k]) continue;
        const int64_t n = j.numel[k];
        real *restrict to = dx[k]->data;
        memcpy(to, j.to[k], (size_t)n * sizeof *to);
        for (int64_t part = 1; part < parts; part++)
            for (int64_t i = 0; i < n; i++) to[i] += j.to[k][part * n + i];
    }
    return 0;
}

static int each_vjp2(rg_tensor *y, rg_tensor *dy, rg_tensor **dx, vjp2 *a_loop, vjp2 *b_loop, vjp_both *both) {
    if (!same_shape2(y) || y->numel > BLOCK) return large_vjp2(y, dy, dx, a_loop, b_loop, both);
    vjp2 *const loop[] = {a_loop, b_loop};
    for (int k = 0; k < 2; k++) {
        if (!loop[k]) continue;
        if (!rg_make_dx(y, dx, k)) return -1;
        loop[k](y->numel, y->in[0]->data, 1, y->in[1]->data, 1, y->data, dy->data, dx[k]->data);
    }
    return 0;
}

#ifndef RG_KERNEL_AVX2
/* The code of a branch is a double, since floor's is its result, of any size; its bits are hashed. */
typedef void code1(int64_t n, double p, double q, const real *x, double *to);
typedef void code2(int64_t n, const real *a, int64_t sa, const real *b, int64_t sb, double *to);

static uint64_t mix(uint64_t h, int64_t n, const double *codes) {
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &codes[i], sizeof bits);
        h = rg_hash(h, bits ^ bits >> 32);
    }
    return h;
}

static uint64_t branch1(const rg_tensor *y, code1 *code) {
    uint64_t h = RG_HASH;
    double codes[BLOCK];
    for (int64_t i = 0; i < y->numel; i += BLOCK) {
        const int64_t n = rg_min64(BLOCK, y->numel - i);
        code(n, y->attr.p, y->attr.q, (const real *)y->in[0]->data + i, codes);
        h = mix(h, n, codes);
    }
    return h;
}

static uint64_t branch2(const rg_tensor *y, code2 *code) {
    const real *a = y->in[0]->data, *b = y->in[1]->data;
    uint64_t h = RG_HASH;
    double codes[BLOCK];
    rg_walk w;
    rg_walk_operands(&w, y, 2);
    rg_walk_cut(&w, BLOCK);
    for (int64_t i = 0; i < w.blocks; i++) {
        int64_t at[3];
        const int64_t n = rg_walk_block(&w, 2, i, at);
        code(n, a + at[0], w.run[0], b + at[1], w.run[1], codes);
        h = mix(h, n, codes);
    }
    return h;
}
#endif
#endif
