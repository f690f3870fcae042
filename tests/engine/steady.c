/* steady.c - steady THREADS [leak]: trains a small network and asks count_malloc.so, preloaded, what a steady loop takes from the
   heap: after the second step, and after the first epoch with a partial batch and an evaluation. Exits 1 when it is anything.
   "leak" allocates in each step, to show that the count counts. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/op.h"
#include "nn/nn.h"

typedef long count_fn(void);
typedef struct net { rg_tensor *w1, *b1, *w2, *b2; } net;

/* relu(x w1 + b1) w2 + b2, composed. x [n, 784] */
static rg_tensor *logits(const net *m, rg_tensor *x) {
    rg_tensor *h = rg_relu(rg_add(rg_matmul(x, m->w1), m->b1));
    return rg_add(rg_matmul(h, m->w2), m->b2);
}

int main(int argc, char **argv) {
    count_fn *count = NULL;
    *(void **)&count = dlsym(RTLD_DEFAULT, "malloc_count");
    if (!count) return fprintf(stderr, "steady: count_malloc.so is not preloaded\n"), 77;
    rg_tape *t = rg_tape_new(1);
    rg_set_threads(t, argc > 1 ? atoi(argv[1]) : 1);
    const bool leak = argc > 2 && !strcmp(argv[2], "leak");
    const rg_dataset data = rg_make_digits(t, 1000);
    const net m = {rg_param(t, "w1", RG_HE_NORMAL, 784, 128), rg_param(t, "b1", RG_ZEROS, 128), rg_param(t, "w2", RG_HE_NORMAL, 128, 10),
        rg_param(t, "b2", RG_ZEROS, 10)};
    rg_optim *optim = rg_optim_adam(t, rg_params(t), .lr = 1e-3);
    rg_loader *batches = rg_loader_new(t, data.x, data.y, .batch = 128, .shuffle = true); /* 7 full ones, and 104 rows */
    long second = 0, epoch = 0;
    int step = 0;
    double loss = 0;
    for (int k = 0; k < 8; k++) {
        if (k == 1) epoch = count();
        for (rg_tensor *x, *y; rg_loader_next(batches, &x, &y); step++) {
            rg_tensor *l = rg_cross_entropy(logits(&m, x), y);
            rg_backward(l);
            rg_optim_step(optim);
            loss = rg_item(l);
            rg_tape_reset(t);
            if (leak) {
                void *volatile p = malloc(100); /* or clang leaves both calls out */
                free(p);
            }
            if (step == 1) second = count();
            if (step == 6) second = count() - second; /* up to the partial batch: the same shapes */
        }
        rg_record(t, false);
        while (rg_loader_next(batches, &(rg_tensor *){NULL}, &(rg_tensor *){NULL})) rg_tape_reset(t);
        rg_tensor *all = rg_cast(rg_reshape(rg_slice(data.x, 0, 0, 200), 200, 784), RG_F32);
        rg_accuracy(logits(&m, all), rg_slice(data.y, 0, 0, 200));
        rg_record(t, true);
        rg_tape_reset(t);
    }
    epoch = count() - epoch;
    printf("%d steps, loss %.3f: %ld heap allocations after the second step, %ld after the first epoch\n", step, loss, second, epoch);
    if (rg_error(t)) return fprintf(stderr, "%s\n", rg_error(t)), 1;
    rg_tape_free(t);
    return second != 0 || epoch != 0;
}
