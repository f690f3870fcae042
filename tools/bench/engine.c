/* engine.c - the workloads with retrograd: fused (rg_linear, rg_cross_entropy), composed of plain ops, and played. */
#include <inttypes.h>
#include <retrograd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "engine/op.h"
#include "tools/common/run.h"

typedef struct work {
    rg_tape *t;
    net_shape s;
    rg_tensor *w[NET_LAYERS_MAX], *b[NET_LAYERS_MAX], *x, *y, *loss;
    rg_loader *batches;
    rg_optim *optim;
    bool composed, played;
} work;

static rg_tensor *layer(const work *m, int l, rg_tensor *x) {
    return m->composed ? rg_add(rg_matmul(x, m->w[l]), m->b[l]) : rg_linear(x, m->w[l], m->b[l]);
}

/* The mean of log sum exp z - z[label], from its parts. */
static rg_tensor *composed_loss(rg_tensor *z, rg_tensor *labels) { return rg_mean(rg_sub(rg_logsumexp(z, 1), rg_pick(z, labels))); }

static void net_step(void *ctx) {
    work *m = ctx;
    if (m->played && m->x && rg_loader_refill(m->batches, m->x, m->y)) {
        rg_play(m->t);
    } else {
        rg_tape_reset(m->t);
        while (!rg_loader_next(m->batches, &m->x, &m->y) && !rg_error(m->t)) {}
        rg_tensor *h = m->x;
        for (int l = 0; l < m->s.layers; l++) h = l < m->s.layers - 1 ? rg_relu(layer(m, l, h)) : layer(m, l, h);
        m->loss = m->composed ? composed_loss(h, m->y) : rg_cross_entropy(h, m->y);
        rg_backward(m->loss);
    }
    rg_optim_step(m->optim);
}

/* For W3: the four points; for W4: a chain of CHAIN multiplications and additions. */
static void xor_step(void *ctx) {
    static const float points[] = {0, 0, 0, 1, 1, 0, 1, 1}, targets[] = {0, 1, 1, 0};
    work *m = ctx;
    if (m->played && m->loss) {
        rg_play(m->t);
    } else {
        rg_tape_reset(m->t);
        rg_tensor *x = rg_input(m->t, points, 4, 2), *y = rg_input(m->t, targets, 4, 1);
        m->loss = rg_mse(rg_sigmoid(layer(m, 1, rg_sigmoid(layer(m, 0, x)))), y);
        rg_backward(m->loss);
    }
    rg_optim_step(m->optim);
}

static void chain_step(void *ctx) {
    work *m = ctx;
    rg_zero_grad(m->t);
    if (m->played && m->loss) {
        rg_play(m->t);
        return;
    }
    rg_tape_reset(m->t);
    rg_tensor *x = m->w[0];
    for (int i = 0; i < CHAIN; i++) x = i % 2 ? rg_add(x, m->b[0]) : rg_mul(x, m->w[0]);
    rg_backward(m->loss = x);
}

static void make_layers(work *m) {
    for (int l = 0; l < m->s.layers; l++) {
        const char w[] = {'w', (char)('0' + l), 0}, b[] = {'b', (char)('0' + l), 0}; /* each its own name, for the optimiser */
        m->w[l] = rg_param(m->t, w, RG_HE_UNIFORM, m->s.sizes[l], m->s.sizes[l + 1]);
        m->b[l] = rg_param(m->t, b, RG_ZEROS, m->s.sizes[l + 1]);
    }
    m->optim = rg_optim_sgd(m->t, rg_params(m->t), .lr = (double)m->s.lr);
}

static void make_data(work *m) {
    rg_tensor *images = rg_buffer_of(m->t, "images", RG_U8, NULL, m->s.rows, m->s.sizes[0]),
              *labels = rg_buffer_of(m->t, "labels", RG_U8, NULL, m->s.rows);
    if (rg_error(m->t)) return;
    uint8_t *bytes = labels->data;
    fill_random(1, images->data, rg_numel(images));
    fill_random(2, bytes, m->s.rows);
    for (int i = 0; i < m->s.rows; i++) bytes[i] %= (uint8_t)m->s.sizes[m->s.layers];
    m->batches = rg_loader_new(m->t, images, labels, .batch = m->s.batch, .shuffle = true, .drop_last = true);
}

int run_steps(const job *j, rg_tape *t, rg_optim *optim, const char *key, int per_call, void (*step)(void *), void *ctx) {
    if (j->steps > 0) {
        long heap = -1;
        for (int i = 0; i < j->steps && !rg_error(t); i++) {
            if (i == 2) heap = heap_calls(); /* played: the first records, the second plans */
            step(ctx);
        }
        if (heap >= 0) printf("heap %ld\n", heap_calls() - heap);
        if (optim) printf("hash %016" PRIx64 "\n", run_hash(rg_params(t)));
    } else {
        measure(j, key, per_call, step, ctx);
    }
    const bool failed = rg_error(t) != NULL;
    rg_tape_free(t);
    return failed;
}

int engine_run(const job *j) {
    enum { ROWS_FEW = 4096 }; /* epochs of a few dozen steps, when steps are counted */
    static const char *const ways[] = {"fused", "composed", "played", "composed-played"};
    int way = 0;
    while (way < 4 && strcmp(j->by, ways[way])) way++;
    if (way == 4)
        return fprintf(stderr, "bench: there is no '%s' (floor floor-f32 fused composed played composed-played)\n", j->by), 2;
    const bool is_chain = !strcmp(j->workload, "W4"), is_xor = !strcmp(j->workload, "W3");
    if (!strcmp(j->workload, "W5")) return way ? NOT_RUN : elementwise_engine(j);
    if (is_chain && way % 2) return NOT_RUN; /* composed is the same as fused */
    work m = {.t = rg_tape_new(1), .composed = way % 2, .played = way / 2};
    rg_set_threads(m.t, j->threads);
    if (j->baseline) rg_set_isa(m.t, 0);
    if (is_chain) {
        m.w[0] = rg_param(m.t, "a", RG_CONSTANT(.999), 1);
        m.b[0] = rg_param(m.t, "b", RG_CONSTANT(.001), 1);
        return run_steps(j, m.t, NULL, "op", CHAIN, chain_step, &m);
    }
    m.s = is_xor ? (net_shape){.batch = 4, .layers = 2, .sizes = {2, 2, 1}, .lr = .1f} : !strcmp(j->workload, "W1") ? shape_w1 : shape_w2;
    if (j->steps > 0 && m.s.rows > ROWS_FEW) m.s.rows = ROWS_FEW;
    make_layers(&m);
    if (!is_xor) make_data(&m);
    return run_steps(j, m.t, m.optim, "step", 1, is_xor ? xor_step : net_step, &m);
}
