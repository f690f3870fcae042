/* recurrent.c - RNN, LSTM and GRU: cells, and layers of cells unrolled over time. The formulas are in nn/sequence.h. */
#include <math.h>
#include <string.h>

#include "engine/op.h"
#include "nn/nn.h"

#undef RG_AT
#define RG_AT at

/* -------- cells; xg = x w_ih + b_ih [batch, k hidden] is the part of x in the gates */

static rg_tensor *rnn_step(const char *at, rg_tensor *xg, rg_tensor *h, rg_tensor **c, rg_tensor *w, rg_tensor *b, bool relu) {
    (void)c;
    rg_tensor *sum = rg_add(xg, rg_linear(h, w, b));
    return relu ? rg_relu(sum) : rg_tanh(sum);
}

static rg_tensor *lstm_step(const char *at, rg_tensor *xg, rg_tensor *h, rg_tensor **c, rg_tensor *w, rg_tensor *b, bool relu) {
    (void)relu;
    rg_tensor *new[2]; /* c h */
    if (rg_chunk(rg_lstm_gates(xg, rg_linear(h, w, b), *c), new, 0, 2)) return rg_poison(rg_tape_of(w));
    *c = rg_squeeze(new[0], 0);
    return rg_squeeze(new[1], 0);
}

static rg_tensor *gru_step(const char *at, rg_tensor *xg, rg_tensor *h, rg_tensor **c, rg_tensor *w, rg_tensor *b, bool relu) {
    (void)c, (void)relu;
    return rg_gru_gates(xg, rg_linear(h, w, b), h);
}

typedef rg_tensor *(*step_fn)(const char *at, rg_tensor *xg, rg_tensor *h, rg_tensor **c, rg_tensor *w, rg_tensor *b, bool relu);

rg_tensor *rg_rnn_cell_at(const char *at, rg_tensor *x, rg_tensor *h, rg_tensor *w_ih, rg_tensor *w_hh, rg_tensor *b_ih, rg_tensor *b_hh,
    bool relu) {
    return rnn_step(at, rg_linear(x, w_ih, b_ih), h, NULL, w_hh, b_hh, relu);
}

rg_tensor *rg_lstm_cell_at(const char *at, rg_tensor *x, rg_tensor *h, rg_tensor **c, rg_tensor *w_ih, rg_tensor *w_hh, rg_tensor *b_ih,
    rg_tensor *b_hh) {
    if (!c) return rg_refuse(rg_tape_of(x), RG_EVALUE, at, "rg_lstm_cell: c is NULL");
    return lstm_step(at, rg_linear(x, w_ih, b_ih), h, c, w_hh, b_hh, false);
}

rg_tensor *rg_gru_cell_at(const char *at, rg_tensor *x, rg_tensor *h, rg_tensor *w_ih, rg_tensor *w_hh, rg_tensor *b_ih, rg_tensor *b_hh) {
    return gru_step(at, rg_linear(x, w_ih, b_ih), h, NULL, w_hh, b_hh, false);
}

/* -------- layers */

typedef struct recurrent {
    rg_nn nn;
    step_fn step;
    int64_t in, hidden;
    int layers;
    double dropout;
    bool relu, has_c;
    rg_tensor **steps;       /* [capacity] the inputs, then the states, of the steps of the layer that is unrolled */
    int64_t capacity;
    rg_rnn_state state;      /* at the end of the last forward */
} recurrent;

enum { PARAMS = 4, GROUP = 128, MOST_STEPS = GROUP * GROUP }; /* an op takes 255 operands */

/* Writes the steps of x to out[from] .. out[to - 1]. By parts, recursively: in a recorded pass the gradient of a slice has the size of what
   it was cut from, so that `time` slices of the whole would cost time^2. The recursion is as deep as the logarithm of MOST_STEPS. */
static void split_steps(const char *at, rg_tensor *x, int64_t from, int64_t to, rg_tensor **out) {
    const int64_t n = to - from, parts = n < 8 ? n : 8;
    if (n == 1) out[from] = rg_squeeze(x, 0);
    for (int64_t k = 0; n > 1 && k < parts; k++) {
        const int64_t begin = n * k / parts, end = n * (k + 1) / parts;
        split_steps(at, rg_slice(x, 0, begin, end), from + begin, from + end, out);
    }
}

/* [n, ..] of x[0] .. x[n-1] */
static rg_tensor *joined(const char *at, int64_t n, rg_tensor *const *x) {
    rg_tensor *groups[GROUP];
    int count = 0;
    for (int64_t k = 0; k < n; k += GROUP) groups[count++] = rg_stack_at(at, 0, (int)(n - k < GROUP ? n - k : GROUP), x + k);
    return count == 1 ? groups[0] : rg_concat_at(at, 0, count, groups);
}

/* The state of one layer, [batch, hidden]; zeros if `all` is NULL. */
static rg_tensor *layer_state(const char *at, const recurrent *r, rg_tensor *all, int layer, int64_t batch) {
    if (all) return rg_select(all, 0, layer);
    rg_tensor *zero = rg_empty_at(at, r->nn.tape, rg_dtype_of(r->nn.params[0]), 2, (const int64_t[]){batch, r->hidden});
    if (!rg_failed(zero) && zero->numel) memset(zero->data, 0, (size_t)zero->numel * rg_dtype_size(zero->dtype));
    return zero;
}

static int check_state(const char *at, const recurrent *r, const char *name, rg_tensor *x, int64_t batch) {
    char text[80];
    if (!x || (x->ndim == 3 && x->shape[0] == r->layers && x->shape[1] == batch && x->shape[2] == r->hidden)) return 0;
    return rg_fail(r->nn.tape, RG_ESHAPE, at, "%s: the state %s is %s, not [layers, batch, hidden] = [%d,%lld,%lld]", r->nn.kind, name,
        rg_shape_text(x, text, sizeof text), r->layers, (long long)batch, (long long)r->hidden);
}

static int check(const char *at, const recurrent *r, rg_tensor *x, rg_rnn_state state) {
    char text[80];
    if (x->ndim != 3 || x->shape[2] != r->in)
        return rg_fail(r->nn.tape, RG_ESHAPE, at, "%s: the input is %s, not [batch, time, %lld]", r->nn.kind,
            rg_shape_text(x, text, sizeof text), (long long)r->in);
    if (x->shape[1] < 1 || x->shape[1] > MOST_STEPS)
        return rg_fail(r->nn.tape, RG_ESHAPE, at, "%s: %lld steps in %s, not 1 to %d", r->nn.kind, (long long)x->shape[1],
            rg_shape_text(x, text, sizeof text), MOST_STEPS);
    return check_state(at, r, "h", state.h, x->shape[0]) || check_state(at, r, "c", state.c, x->shape[0]) ? -1 : 0;
}

/* x [time, batch, in] -> [time, batch, hidden]; *h and *c are the state before it, then the state after it. */
static rg_tensor *unroll_layer(const char *at, recurrent *r, int layer, rg_tensor *x, rg_tensor **h, rg_tensor **c) {
    rg_tensor **p = r->nn.params + PARAMS * layer, **steps = r->steps;
    const int64_t time = rg_dim(x, 0);
    rg_tensor *xg = rg_linear(x, p[0], p[2]);
    if (rg_failed(xg)) return xg;
    split_steps(at, xg, 0, time, steps);
    for (int64_t k = 0; k < time; k++) *h = steps[k] = r->step(at, steps[k], *h, c, p[1], p[3], r->relu);
    return joined(at, time, steps);
}

static rg_tensor *unroll(const char *at, recurrent *r, rg_tensor *x, rg_rnn_state *state) {
    rg_tape *t = r->nn.tape;
    rg_tensor *h[UINT8_MAX], *c[UINT8_MAX];
    if (check(at, r, x, *state)) return rg_poison(t);
    rg_tensor **steps = rg_grown_own(at, t, r->steps, x->shape[1] - 1, &r->capacity, sizeof x);
    if (!steps) return rg_poison(t);
    r->steps = steps;
    const int64_t batch = x->shape[0];
    x = rg_permute(x, 1, 0, 2);
    for (int k = 0; k < r->layers; k++) {
        h[k] = layer_state(at, r, state->h, k, batch);
        c[k] = r->has_c ? layer_state(at, r, state->c, k, batch) : NULL;
        x = unroll_layer(at, r, k, x, &h[k], &c[k]);
        if (rg_failed(x)) return x;
        if (r->nn.training && r->dropout > 0 && k + 1 < r->layers) x = rg_dropout(x, r->dropout);
    }
    rg_tensor *all_h = rg_stack_at(at, 0, r->layers, h), *all_c = r->has_c ? rg_stack_at(at, 0, r->layers, c) : NULL,
        *y = rg_permute(x, 1, 0, 2);
    if (rg_failed(all_h) || (r->has_c && rg_failed(all_c)) || rg_failed(y)) return rg_poison(t);
    *state = (rg_rnn_state){all_h, all_c};
    return y;
}

static rg_tensor *forward(const char *at, rg_nn *net, rg_tensor *const *in) {
    recurrent *r = (recurrent *)net;
    r->state = (rg_rnn_state){in[1], in[2]};
    return unroll(at, r, in[0], &r->state);
}

/* Is net a net of this file, and can x and the state be read? */
static bool readable(const char *at, const char *who, const rg_nn *net, const rg_tensor *x, const rg_rnn_state *state) {
    rg_tape *t = net ? net->tape : rg_tape_of(x);
    if (!net || net->forward != forward || !state)
        return rg_fail(t, RG_EVALUE, at, "%s: %s", who,
            !net ? "the net is NULL" : !state ? "the state is NULL" : "not an rnn, lstm or gru"), false;
    if (state->c && !((const recurrent *)net)->has_c)
        return rg_fail(t, RG_EVALUE, at, "%s: a state c, which only an lstm has, for a %s", who, net->kind), false;
    return !(rg_given(at, t, x, "%s: x", who) || (state->h && rg_given(at, t, state->h, "%s: the state h", who)) ||
             (state->c && rg_given(at, t, state->c, "%s: the state c", who)));
}

static rg_tensor *go_on(const char *at, rg_nn *net, rg_tensor *x, rg_rnn_state *state) {
    rg_tensor *y = rg_nn_forward_at(at, net, net->inputs, (rg_tensor *[]){x, state->h, state->c});
    if (!rg_failed(y)) *state = ((recurrent *)net)->state;
    return y;
}

rg_tensor *rg_nn_unroll_at(const char *at, rg_nn *net, rg_tensor *x, rg_rnn_state *state) {
    return readable(at, "rg_nn_unroll", net, x, state) ? go_on(at, net, x, state) : rg_poison(net ? net->tape : rg_tape_of(x));
}

rg_tensor *rg_nn_time_step_at(const char *at, rg_nn *net, rg_tensor *x, rg_rnn_state *state) {
    char text[80];
    rg_tape *t = net ? net->tape : rg_tape_of(x);
    RG_SPEAK_AS("rg_nn_time_step", x, state ? state->h : NULL, state ? state->c : NULL);
    if (!readable(at, "rg_nn_time_step", net, x, state)) return rg_poison(t);
    const int64_t in = ((const recurrent *)net)->in;
    if (x->ndim != 2 || x->shape[1] != in)
        return rg_refuse(t, RG_ESHAPE, at, "rg_nn_time_step: the input of the %s is %s, not [batch, %lld]", net->kind,
            rg_shape_text(x, text, sizeof text), (long long)in);
    return rg_squeeze(go_on(at, net, rg_unsqueeze(x, 1), state), 1);
}

static rg_nn *recurrent_new(const char *at, rg_tape *t, const char *kind, int gates, step_fn step, int64_t in, int64_t hidden,
    rg_rnn_options o) {
    static const char *const names[PARAMS] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const int layers = o.layers ? o.layers : 1;
    if (layers < 0 || layers > UINT8_MAX)
        return rg_fail(t, RG_EVALUE, at, "rg_nn_%s: %d layers, not 1 to %d", kind, layers, UINT8_MAX), NULL;
    if (!(o.dropout >= 0 && o.dropout <= 1))
        return rg_fail(t, RG_EVALUE, at, "rg_nn_%s: dropout = %g is no probability", kind, o.dropout), NULL;
    if (in < 0 || hidden < 1 || hidden > INT64_MAX / gates)
        return rg_fail(t, RG_ESHAPE, at, "rg_nn_%s: %lld features and %lld units, must be at least 0 and 1", kind, (long long)in,
            (long long)hidden), NULL;
    if (o.relu && gates != 1) return rg_fail(t, RG_EVALUE, at, "rg_nn_%s: only an rnn has .relu", kind), NULL;
    const rg_nn_options inputs = {.inputs = gates == 4 ? 3 : 2, .optional = gates == 4 ? 2 : 1}; /* x, and h and c to begin with */
    recurrent *r = (recurrent *)rg_nn_new_at(at, t, kind, forward, sizeof *r, inputs);
    if (!r) return NULL;
    r->step = step, r->in = in, r->hidden = hidden, r->layers = layers, r->dropout = o.dropout, r->relu = o.relu, r->has_c = gates == 4;
    const double limit = 1 / sqrt((double)hidden);
    for (int k = 0; k < layers * PARAMS; k++) {
        const int which = k % PARAMS;
        char name[32];
        snprintf(name, sizeof name, "%s_l%d", names[which], k / PARAMS);
        const int64_t rows = which == 1 || k >= PARAMS ? hidden : in, shape[] = {rows, gates * hidden};
        rg_nn_param_at(at, &r->nn, name, RG_UNIFORM(-limit, limit), which < 2 ? 2 : 1, which < 2 ? shape : shape + 1);
    }
    return r->nn.failed ? NULL : &r->nn;
}

rg_nn *rg_nn_rnn_at(const char *at, rg_tape *t, int64_t in, int64_t hidden, rg_rnn_options o) {
    return recurrent_new(at, t, "rnn", 1, rnn_step, in, hidden, o);
}
rg_nn *rg_nn_lstm_at(const char *at, rg_tape *t, int64_t in, int64_t hidden, rg_rnn_options o) {
    return recurrent_new(at, t, "lstm", 4, lstm_step, in, hidden, o);
}
rg_nn *rg_nn_gru_at(const char *at, rg_tape *t, int64_t in, int64_t hidden, rg_rnn_options o) {
    return recurrent_new(at, t, "gru", 3, gru_step, in, hidden, o);
}
