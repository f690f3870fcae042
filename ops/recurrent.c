/* recurrent.c - a step of an LSTM and of a GRU after its products: the gates and the new state, in one pass over the numbers. Sources:
   Hochreiter, Schmidhuber 1997; Cho et al. 2014; with the gates in PyTorch's order. saved: the gates after their functions. */
#include "ops/rule.h"

/* x and g are [.., gates n], the state s is [.., n]. */
static int check(rg_tensor *y, int gates) {
    const rg_tensor *x = y->in[0], *g = y->in[1], *s = y->in[2];
    int64_t wide[RG_MAX_DIMS];
    const int last = s->ndim - 1;
    for (int d = 0; d <= last; d++) wide[d] = s->shape[d];
    if (last < 0) return rg_reject(y, RG_ESHAPE, "the state has no axis of units");
    if (__builtin_mul_overflow(wide[last], gates, &wide[last])) return rg_reject(y, RG_ESHAPE, "the state is too large");
    const rg_tensor *const both[] = {x, g};
    for (int i = 0; i < 2; i++) {
        bool fits = both[i]->ndim == s->ndim;
        for (int d = 0; fits && d <= last; d++) fits = both[i]->shape[d] == wide[d];
        if (!fits) return rg_reject(y, RG_ESHAPE, "the gates must be [.., %d n] for a state [.., n]", gates);
    }
    return 0;
}

/* -------- LSTM: i, f, o = sigmoid, g = tanh of the parts of x + g; c' = f c + i g, h' = o tanh c' */

static int lstm_shape(rg_tensor *y) {
    const rg_tensor *c = y->in[2];
    int64_t shape[RG_MAX_DIMS + 1] = {2};
    if (check(y, 4)) return -1;
    for (int d = 0; d < c->ndim; d++) shape[d + 1] = c->shape[d];
    return rg_shape_set(y, c->ndim + 1, shape);
}

/* dc = dc' + dh' o (1 - tanh^2 c'), then each gate: its partner's value, times the slope of its function */
static void lstm_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *c = y->in[2], *sum = rg_add(y->in[0], y->in[1]), *a[4], *d[2], *new[2];
    if (rg_chunk(sum, a, -1, 4) || rg_chunk(dy, d, 0, 2) || rg_chunk(y, new, 0, 2)) return;
    rg_tensor *i = rg_sigmoid(a[0]), *f = rg_sigmoid(a[1]), *g = rg_tanh(a[2]), *o = rg_sigmoid(a[3]), *tc = rg_tanh(rg_squeeze(new[0], 0)),
        *dh = rg_squeeze(d[1], 0);
#define OF_SIGMOID(dy, y) rg_mul(dy, rg_mul(y, rg_sub(1, y)))
#define OF_TANH(dy, y) rg_mul(dy, rg_sub(1, rg_square(y)))
    rg_tensor *dc = rg_add(rg_squeeze(d[0], 0), OF_TANH(rg_mul(dh, o), tc));
    dx[2] = rg_mul(dc, f);
    dx[0] = dx[1] = rg_concat(-1, OF_SIGMOID(rg_mul(dc, g), i), OF_SIGMOID(rg_mul(dc, c), f), OF_TANH(rg_mul(dc, i), g),
        OF_SIGMOID(rg_mul(dh, tc), o));
}

#define SAMPLES(k, m)                                                                                                    \
    "2," k " same 2," m "; 3," k " 3," k " 3," m "; " k " same " m "; 2,3," k " 2,3," k " 2,3," m "; 0," k " same 0," m
#define REFUSES(k, wrong, m) \
    "2," k " 2," k " 2," wrong "; 2," k " 2," wrong " 2," m "; 2," wrong " 2," k " 2," m "; 2," k " 3," k " 2," m "; - - -; " k " " k \
    " 2," m

RG_KERNELS(lstm_gates);
RG_FUSED_KERNELS(lstm_gates_vjp);
RG_OP(lstm_gates) = {.name = "lstm_gates", .formula = "c' = f c + i g and h' = o tanh c', where i, f, o = sigmoid and g = tanh of a + b",
    .arity = 3, .shape = lstm_shape, .forward = RG_WIDE_KERNEL(lstm_gates), .backward = lstm_backward,
    .fused = RG_WIDE_KERNEL(lstm_gates_vjp), .samples = SAMPLES("68", "17") "; 2,4 2,4 2,1; 2,12 same 2,3; 3,0 3,0 3,0",
    .refuses = REFUSES("8", "6", "2") "; 2,8:i32 2,8:i32 2,2:i32; 2,8:f64 2,8:f32 2,2:f64; 2,6 2,6 2,2"};

rg_tensor *rg_lstm_gates_at(const char *at, rg_tensor *xg, rg_tensor *hg, rg_tensor *c) {
    return rg_apply(&rg_op_lstm_gates, at, RG_NO_ATTR, RG_IN(xg, hg, c));
}

/* -------- GRU: r, z = sigmoid of the parts of x + g, n = tanh(x_n + r g_n); h' = n + z (h - n) */

static int gru_shape(rg_tensor *y) { return check(y, 3) ? -1 : rg_shape_like(y, y->in[2]); }

static void gru_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *h = y->in[2], *a[3], *b[3];
    if (rg_chunk(y->in[0], a, -1, 3) || rg_chunk(y->in[1], b, -1, 3)) return;
    rg_tensor *r = rg_sigmoid(rg_add(a[0], b[0])), *z = rg_sigmoid(rg_add(a[1], b[1])), *n = rg_tanh(rg_add(a[2], rg_mul(r, b[2])));
    dx[2] = rg_mul(dy, z);
    rg_tensor *dn = OF_TANH(rg_sub(dy, dx[2]), n), *dr = OF_SIGMOID(rg_mul(dn, b[2]), r), *dz = OF_SIGMOID(rg_mul(dy, rg_sub(h, n)), z);
    dx[0] = rg_concat(-1, dr, dz, dn);
    dx[1] = rg_concat(-1, dr, dz, rg_mul(dn, r));
}

RG_KERNELS(gru_gates);
RG_FUSED_KERNELS(gru_gates_vjp);
RG_OP(gru_gates) = {.name = "gru_gates", .formula = "n + z (h - n), where r, z = sigmoid of a + b, n = tanh(a_n + r b_n)", .arity = 3,
    .shape = gru_shape, .forward = RG_WIDE_KERNEL(gru_gates), .backward = gru_backward, .fused = RG_WIDE_KERNEL(gru_gates_vjp),
    .samples = SAMPLES("51", "17") "; 2,3 2,3 2,1; 2,9 same 2,3; 3,0 3,0 3,0",
    .refuses = REFUSES("6", "8", "2") "; 2,6:i32 2,6:i32 2,2:i32; 2,6:f64 2,6:f32 2,2:f64; 2,8 2,8 2,2"};

rg_tensor *rg_gru_gates_at(const char *at, rg_tensor *xg, rg_tensor *hg, rg_tensor *h) {
    return rg_apply(&rg_op_gru_gates, at, RG_NO_ATTR, RG_IN(xg, hg, h));
}
