/* growth.c - how the time of a training step grows with batch, width and depth, as time per FLOP; and how the time per op grows with the
   number of ops on the tape. */
#include <retrograd.h>
#include <stdio.h>

#include "bench.h"

enum { CLASSES = 10, DEPTH_MAX = 64 };

/* Seconds of a step of `depth` layers of width x width and a last one, on `batch` rows. */
static double step_seconds(int batch, int width, int depth, int threads, double seconds) {
    rg_tape *t = rg_tape_new(1);
    rg_set_threads(t, threads);
    rg_tensor *w[DEPTH_MAX + 1], *b[DEPTH_MAX + 1];
    for (int l = 0; l <= depth; l++) {
        w[l] = rg_param(t, NULL, RG_HE_NORMAL, width, l < depth ? width : CLASSES);
        b[l] = rg_param(t, NULL, RG_ZEROS, l < depth ? width : CLASSES);
    }
    rg_tensor *x = rg_buffer_of(t, "x", RG_F32, NULL, batch, width), *labels = rg_buffer_of(t, "labels", RG_I32, NULL, batch);
    rg_init_fill(x, RG_UNIFORM(0, 1));
    rg_optim *optim = rg_optim_sgd(t, rg_params(t), .lr = 1e-3);
    double best = 1e30;
    const double begin = clock_seconds();
    for (int k = 0; (k < 4 || clock_seconds() - begin < seconds) && !rg_error(t); k++) {
        const double start = clock_seconds();
        rg_tensor *h = x;
        for (int l = 0; l < depth; l++) h = rg_relu(rg_linear(h, w[l], b[l]));
        rg_backward(rg_cross_entropy(rg_linear(h, w[depth], b[depth]), labels));
        rg_optim_step(optim);
        rg_tape_reset(t);
        const double s = clock_seconds() - start;
        if (s < best) best = s;
    }
    rg_tape_free(t);
    return best;
}

static void row(const char *what, int value, int batch, int width, int depth, int threads, double seconds) {
    const double s = step_seconds(batch, width, depth, threads, seconds);
    /* Three products per layer, two in the first: its input has no gradient. */
    const double flop = 2. * batch * width * (width * (3. * depth - 1) + 3. * CLASSES);
    printf("%-8s %6d %14.1f %12.2f %12.4f\n", what, value, 1 / s, flop / s / 1e9, s / flop * 1e9);
    fflush(stdout);
}

/* Seconds of one op of a chain of n, forward and backward, on one element each: what the tape costs. */
static double op_seconds(int n, double seconds) {
    rg_tape *t = rg_tape_new(1);
    rg_tensor *a = rg_param(t, "a", RG_CONSTANT(.999), 1);
    double best = 1e30;
    const double begin = clock_seconds();
    for (int k = 0; (k < 4 || clock_seconds() - begin < seconds) && !rg_error(t); k++) {
        const double start = clock_seconds();
        rg_tensor *x = a;
        for (int i = 0; i < n; i++) x = rg_mul(x, a);
        rg_backward(x);
        rg_zero_grad(t);
        rg_tape_reset(t);
        const double s = clock_seconds() - start;
        if (s < best) best = s;
    }
    rg_tape_free(t);
    return best / n;
}

int bench_growth(double seconds, int threads) {
    printf("\ngrowth: layers of width x width with ReLU, and one of %d classes; batch 64, width 128, depth 2 but for what is varied\n",
        CLASSES);
    printf("%-8s %6s %14s %12s %12s\n", "", "", "steps/s", "GFLOP/s", "ns/FLOP");
    for (int n = 1; n <= 4096; n *= 4) row("batch", n, n, 128, 2, threads, seconds);
    for (int n = 16; n <= 4096; n *= 4) row("width", n, 64, n, 2, threads, seconds);
    for (int n = 1; n <= DEPTH_MAX; n *= 4) row("depth", n, 64, 128, n, threads, seconds);
    printf("\nthe tape: a chain of multiplications of one element, forward and backward\n%-8s %6s %14s\n", "", "", "ns/op");
    for (int n = 10; n <= 1000000; n *= 10) printf("%-8s %6d %14.1f\n", "ops", n, op_seconds(n, seconds) * 1e9);
    return 0;
}
