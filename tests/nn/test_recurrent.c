/* test_recurrent.c - embeddings, recurrent nets, attention, transformer blocks: PyTorch's numbers, finite differences, states, modes,
   checkpoints, memory, errors. */
#include "tests/nn/golden_sequence.h"
#include "tests/support/numbers.h"

#include <stdlib.h>
#include <unistd.h>

#include "nn/nn.h"
#include "tests/support/meter.h"

static void names_are(rg_list list, int n, const char *const *names) {
    assert_int_equal(list.count, n);
    for (int i = 0; i < n; i++) assert_string_equal(rg_name_of(list.items[i]), names[i]);
}
#define NAMES(net, ...) \
    names_are(rg_nn_params(net), (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *const[]){__VA_ARGS__})

static void expect(rg_tape *t, const char *message) {
    assert_non_null(rg_error(t));
    assert_string_equal(rg_error(t), message);
    rg_error_clear(t);
}

/* -------- against PyTorch: golden_sequence.py fills the same tensors in the same order */

typedef struct sines { rg_tape *t; int start; } sines;

static void fill(sines *s, rg_tensor *x, double scale) {
    for (int64_t i = 0; i < x->numel; i++) ((double *)x->data)[i] = scale * sin((double)(s->start + i));
    s->start += (int)x->numel;
}

static rg_tensor *made(sines *s, int ndim, const int64_t *shape, bool grad) {
    rg_tensor *x = rg_full_n(s->t, 0, ndim, shape);
    fill(s, x, 1);
    return rg_requires_grad(x, grad);
}

static void fill_params(sines *s, rg_nn *net) {
    for (int i = 0; i < net->nparams; i++) fill(s, net->params[i], .5);
}

static rg_tensor *weighted(sines *s, rg_tensor *y) { return rg_sum(rg_mul(y, made(s, y->ndim, y->shape, false))); }

typedef struct golden { const double *values; int count, at; const char *name; } golden;
#define GOLDEN(name) {name, sizeof name / sizeof *name, 0, #name}

static void matches(golden *g, double is) {
    if (g->at >= g->count) fail_msg("%s: more numbers than %d", g->name, g->count);
    const double should = g->values[g->at++];
    if (!(fabs(is - should) <= 1e-12 * fmax(1, fabs(should))))
        fail_msg("%s: number %d is %.17g, should be %.17g", g->name, g->at - 1, is, should);
}

static void result_matches(golden *g, const rg_tensor *y) {
    assert_false(rg_failed(y));
    for (int64_t i = 0; i < y->numel; i++) matches(g, element(y, i));
}

static void gradient_matches(golden *g, rg_tensor *x) {
    double sum = 0;
    const rg_tensor *d = rg_grad_of(x);
    assert_non_null(d);
    for (int64_t i = 0; i < d->numel; i++) sum += element(d, i) * cos((double)i);
    matches(g, sum);
}

static void gradients_match(golden *g, rg_nn *net) {
    for (int i = 0; i < net->nparams; i++) gradient_matches(g, net->params[i]);
    assert_int_equal(g->at, g->count);
}

enum { BATCH = 2, TIME = 4, IN = 3, HIDDEN = 5, LAYERS = 2 };
static const rg_rnn_options two = {.layers = LAYERS}, two_relu = {.layers = LAYERS, .relu = true};

static void recurrent_nets_are_pytorchs(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    rg_nn *nets[] = {(rg_nn_rnn)(t, IN, HIDDEN, two), (rg_nn_rnn)(t, IN, HIDDEN, two_relu), (rg_nn_lstm)(t, IN, HIDDEN, two),
        (rg_nn_gru)(t, IN, HIDDEN, two)};
    golden all[] = {GOLDEN(RNN_TANH), GOLDEN(RNN_RELU), GOLDEN(LSTM), GOLDEN(GRU)};
    NAMES(nets[2], "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l1", "weight_hh_l1", "bias_ih_l1", "bias_hh_l1");
    assert_shape(nets[2]->params[0], 2, (const int64_t[]){IN, 4 * HIDDEN});
    assert_shape(nets[3]->params[5], 2, (const int64_t[]){HIDDEN, 3 * HIDDEN});
    for (int k = 0; k < 4; k++) {
        const bool lstm = k == 2;
        sines s = {t, 1};
        fill_params(&s, nets[k]);
        rg_tensor *x = made(&s, RG_DIMS(BATCH, TIME, IN), true), *h = made(&s, RG_DIMS(LAYERS, BATCH, HIDDEN), true),
            *c = made(&s, RG_DIMS(LAYERS, BATCH, HIDDEN), true);
        rg_rnn_state at = {h, lstm ? c : NULL};
        rg_tensor *y = rg_nn_unroll(nets[k], x, &at), *loss = weighted(&s, y);
        loss = rg_add(loss, weighted(&s, at.h));
        if (lstm) loss = rg_add(loss, weighted(&s, at.c));
        result_matches(&all[k], y);
        result_matches(&all[k], at.h);
        if (lstm) result_matches(&all[k], at.c);
        assert_int_equal(rg_backward(loss), 0);
        gradient_matches(&all[k], x);
        gradient_matches(&all[k], h);
        if (lstm) gradient_matches(&all[k], c);
        gradients_match(&all[k], nets[k]);
    }
}

static rg_tensor *hidden_above(rg_tape *t, int n) {
    rg_tensor *mask = rg_full(t, 0, n, n);
    for (int i = 0; i < n * n; i++) ((double *)mask->data)[i] = i % n > i / n ? -INFINITY : 0;
    return mask;
}

static void attention_is_pytorchs(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    rg_nn *net = rg_nn_multi_head_attention(t, 6, 2, RG_XAVIER_UNIFORM, .causal = true);
    NAMES(net, "in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias");
    sines s = {t, 1};
    fill_params(&s, net);
    golden self = GOLDEN(SELF_ATTENTION), cross = GOLDEN(CROSS_ATTENTION), whole = GOLDEN(BLOCK);
    rg_tensor *x = made(&s, RG_DIMS(2, 3, 6), true), *y = rg_nn_forward(net, x);
    result_matches(&self, y);
    assert_int_equal(rg_backward(weighted(&s, y)), 0);
    gradient_matches(&self, x);
    gradients_match(&self, net);
    rg_zero_grad(t);

    rg_nn *open = rg_nn_multi_head_attention(t, 6, 2, RG_ZEROS, .dropout = 0);
    for (int i = 0; i < 4; i++) rg_write(open->params[i], rg_f64(net->params[i]));
    assert_close("a mask in place of .causal", rg_nn_attend(open, x, x, x, hidden_above(t, 3)), y, 1e-15);
    rg_tensor *q = made(&s, RG_DIMS(2, 3, 6), true), *k = made(&s, RG_DIMS(2, 4, 6), true), *v = made(&s, RG_DIMS(2, 4, 6), true),
        *mask = made(&s, RG_DIMS(3, 4), false);
    y = rg_nn_attend(open, q, k, v, mask);
    result_matches(&cross, y);
    assert_int_equal(rg_backward(weighted(&s, y)), 0);
    gradient_matches(&cross, q);
    gradient_matches(&cross, k);
    gradient_matches(&cross, v);
    gradients_match(&cross, open);

    rg_nn *block = rg_nn_transformer_block(t, 6, 2, 7, RG_XAVIER_UNIFORM, .causal = true);
    NAMES(block, "self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight", "self_attn.out_proj.bias",
        "linear1.weight", "linear1.bias",
        "linear2.weight", "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias");
    s = (sines){t, 1};
    fill_params(&s, block);
    x = made(&s, RG_DIMS(2, 3, 6), true);
    y = rg_nn_forward(block, x);
    result_matches(&whole, y);
    assert_int_equal(rg_backward(weighted(&s, y)), 0);
    gradient_matches(&whole, x);
    gradients_match(&whole, block);
}

/* A stack: the blocks, each with the mask, then the norm. */
static void an_encoder_is_its_blocks(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    rg_nn *net = rg_nn_transformer_encoder(t, 2, 6, 2, 7, RG_XAVIER_UNIFORM), *blocks = rg_nn_child(net, "layers");
    assert_string_equal(rg_nn_params(net).items[0]->name, "layers.0.self_attn.in_proj_weight");
    assert_string_equal(rg_nn_params(net).items[12]->name, "layers.1.self_attn.in_proj_weight");
    assert_string_equal(rg_nn_params(net).items[25]->name, "norm.bias");
    sines s = {t, 1};
    fill_params(&s, net);
    rg_tensor *x = made(&s, RG_DIMS(2, 3, 6), true), *seen = rg_input(t, ((uint8_t[]){1, 1, 0, 1, 0, 1}), 2, 1, 1, 3);
    rg_tensor *masks[] = {NULL, seen, hidden_above(t, 3)};
    for (int k = 0; k < 3; k++) {
        rg_tensor *y = x;
        for (int i = 0; i < 2; i++) y = rg_nn_forward(blocks->children[i], y, masks[k]);
        assert_close("by hand", rg_nn_forward(net, x, masks[k]), rg_nn_forward(rg_nn_child(net, "norm"), y), 0);
    }
    rg_tensor *none = rg_nn_forward(rg_nn_transformer_encoder(t, 0, 6, 2, 7, RG_ONES), x);
    assert_close("no blocks", none, rg_nn_forward(rg_nn_layer_norm(t, 6), x), 0);
}

/* -------- cells, states, long sequences */

static void steps_are_the_unrolled_net(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    rg_nn *nets[] = {(rg_nn_rnn)(t, IN, HIDDEN, two_relu), (rg_nn_lstm)(t, IN, HIDDEN, two), (rg_nn_gru)(t, IN, HIDDEN, two)};
    for (int k = 0; k < 3; k++) {
        rg_tensor *x = numbers(t, RG_F64, RG_DIMS(BATCH, TIME, IN)), *p, *h = rg_full(t, 0, BATCH, HIDDEN), *c = h, **w = nets[k]->params;
        rg_rnn_state end = {NULL, NULL}, at = {NULL, NULL};
        rg_tensor *y = rg_nn_unroll(nets[k], x, &end);
        assert_close("from zeros", rg_nn_forward(nets[k], x), y, 0);
        assert_shape(end.h, 3, (const int64_t[]){LAYERS, BATCH, HIDDEN});
        if (k != 1) assert_null(end.c);
        rg_nn *one = k == 0 ? rg_nn_rnn(t, IN, HIDDEN, .relu = true) : k == 1 ? rg_nn_lstm(t, IN, HIDDEN) : rg_nn_gru(t, IN, HIDDEN);
        for (int i = 0; i < 4; i++) rg_write(one->params[i], rg_f64(w[i]));
        rg_tensor *first = rg_nn_forward(one, x);
        for (int i = 0; i < TIME; i++) {
            rg_tensor *xi = rg_squeeze(rg_slice(x, 1, i, i + 1), 1);
            p = rg_nn_time_step(nets[k], xi, &at);
            assert_close("a step", p, rg_squeeze(rg_slice(y, 1, i, i + 1), 1), 1e-12);
            h = k == 0 ? rg_rnn_cell(xi, h, w[0], w[1], w[2], w[3], true) : k == 1 ? rg_lstm_cell(xi, h, &c, w[0], w[1], w[2], w[3])
                : rg_gru_cell(xi, h, w[0], w[1], w[2], w[3]);
            assert_close("a cell", h, rg_squeeze(rg_slice(first, 1, i, i + 1), 1), 1e-12);
        }
        assert_close("the last state", at.h, end.h, 1e-12);
        if (k == 1) assert_close("the last c", at.c, end.c, 1e-12);
    }
}

/* More steps than an op takes operands; each step's input reaches the loss. */
static void long_sequences(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_rnn(t, 1, 1, .relu = true);
    for (int i = 0; i < 4; i++) rg_init_fill(net->params[i], i < 2 ? RG_ONES : RG_ZEROS); /* running sums */
    rg_tensor *x = rg_requires_grad(rg_full(t, 1, 2, 600, 1), true), *y = rg_nn_forward(net, x);
    assert_shape(y, 3, (const int64_t[]){2, 600, 1});
    for (int i = 0; i < 1200; i++) assert_element(y, i, i % 600 + 1);
    assert_int_equal(rg_backward(rg_sum(y)), 0);
    for (int i = 0; i < 1200; i++) assert_element(rg_grad_of(x), i, 600 - i % 600);
    assert_true(rg_failed(rg_nn_forward_at("a.c:1", net, RG_IN(rg_full(t, 1, 1, 20000, 1)))));
    expect(t, "rnn: 20000 steps in [1,20000,1], not 1 to 16384 (a.c:1)");
}

/* -------- finite differences, of every operand and parameter */

static rg_tensor *apply(void *ctx, rg_tensor *const *in) { return rg_nn_forward((rg_nn *)ctx, in[0]); }
static rg_tensor *apply_step(void *ctx, rg_tensor *const *in) {
    rg_rnn_state s = {in[1], in[2]};
    rg_tensor *y = rg_nn_unroll((rg_nn *)ctx, in[0], &s);
    return s.c ? rg_concat(0, rg_reshape(y, -1), rg_reshape(s.h, -1), rg_reshape(s.c, -1)) : y;
}
static rg_tensor *apply_cross(void *ctx, rg_tensor *const *in) { return rg_nn_attend((rg_nn *)ctx, in[0], in[1], in[2], NULL); }
static rg_tensor *apply_ids(void *ctx, rg_tensor *const *in) { return rg_nn_forward((rg_nn *)ctx, in[0]); }

enum { MOST = 24 };
static void checked(rg_nn *net, rg_fn fn, int n, rg_tensor *const *in, int order) {
    rg_tensor *all[MOST];
    int count = 0;
    for (; count < n; count++) all[count] = in[count];
    for (int i = 0; i < net->nparams; i++) all[count++] = net->params[i];
    assert_true(count <= MOST);
    const rg_check c = rg_gradcheck(fn, net, rg_list_of_n(count, all), .order = order, .tolerance = order == 1 ? 1e-8 : 1e-6);
    if (c.failed) rg_check_print(&c, net->kind, stderr);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    assert_true(c.checked > 0);
}

static void derivatives(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    sines s = {t, 1};
    rg_nn *recurrent[] = {(rg_nn_rnn)(t, 2, 3, two), (rg_nn_lstm)(t, 2, 3, two), (rg_nn_gru)(t, 2, 3, two), (rg_nn_rnn)(t, 2, 3, two_relu)};
    for (int k = 0; k < 4; k++) {
        rg_tensor *in[] = {made(&s, RG_DIMS(2, 3, 2), true), made(&s, RG_DIMS(2, 2, 3), true), made(&s, RG_DIMS(2, 2, 3), true)};
        checked(recurrent[k], k == 1 ? apply_step : apply, k == 1 ? 3 : 1, in, 1);
    }
    rg_tensor *in[] = {made(&s, RG_DIMS(2, 2, 4), true), made(&s, RG_DIMS(2, 3, 4), true), made(&s, RG_DIMS(2, 3, 4), true)},
        *x = made(&s, RG_DIMS(1, 2, 2), true);
    const rg_attention_options dropping = {.dropout = .3, .causal = true};
    checked((rg_nn_multi_head_attention)(t, 4, 2, RG_XAVIER_NORMAL, dropping), apply, 1, in, 1);
    checked(rg_nn_multi_head_attention(t, 4, 2, RG_XAVIER_NORMAL), apply_cross, 3, in, 1);
    checked((rg_nn_transformer_block)(t, 4, 2, 3, RG_XAVIER_NORMAL, dropping), apply, 1, in, 1);
    checked(rg_nn_transformer_encoder(t, 1, 4, 2, 3, RG_XAVIER_NORMAL), apply, 1, in, 1);
    checked(rg_nn_positional_embedding(t, 3, 4, RG_XAVIER_NORMAL), apply, 1, in, 1);
    rg_tensor *ids = rg_input(t, ((int[]){0, 2, 2, 1}), 2, 2);
    checked(rg_nn_embedding(t, 4, 3, RG_XAVIER_NORMAL), apply_ids, 1, &ids, 1);
    checked(rg_nn_lstm(t, 2, 2), apply, 1, &x, 2);
    checked(rg_nn_transformer_block(t, 2, 1, 2, RG_XAVIER_NORMAL, .causal = true), apply, 1, &x, 2);
}

/* -------- dropout, and what a causal net may see */

static bool same(const rg_tensor *a, const rg_tensor *b) {
    for (int64_t i = 0; i < a->numel; i++)
        if (element(a, i) != element(b, i)) return false;
    return a->numel == b->numel;
}

static void dropout_only_while_training(void **state) {
    rg_tape *t = *state;
    const rg_attention_options dropping = {.dropout = .5};
    rg_nn *nets[] = {rg_nn_lstm(t, 4, 4, .layers = 2, .dropout = .5), (rg_nn_multi_head_attention)(t, 4, 2, RG_XAVIER_NORMAL, dropping),
        rg_nn_sequential(t, (rg_nn_transformer_block)(t, 4, 2, 8, RG_XAVIER_NORMAL, dropping))};
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(2, 8, 4));
    for (int k = 0; k < 3; k++) {
        assert_false(same(rg_nn_forward(nets[k], x), rg_nn_forward(nets[k], x)));
        rg_nn_train(nets[k], false);
        const rg_rng before = *rg_tape_rng(t);
        assert_true(same(rg_nn_forward(nets[k], x), rg_nn_forward(nets[k], x)));
        assert_memory_equal(&before, rg_tape_rng(t), sizeof before);
    }
}

static rg_nn *small_gpt(rg_tape *t, double dropout) {
    rg_nn *net = rg_nn_sequential(t, rg_nn_embedding(t, 7, 8, RG_NORMAL(0, 1)), rg_nn_positional_embedding(t, 6, 8, RG_NORMAL(0, 1)));
    for (int k = 0; k < 2; k++)
        rg_nn_add(net, NULL, rg_nn_transformer_block(t, 8, 2, 16, RG_XAVIER_UNIFORM, .causal = true, .dropout = dropout));
    rg_nn_add(net, NULL, rg_nn_linear(t, 8, 7, RG_XAVIER_UNIFORM));
    return net;
}

static void causal_nets_do_not_look_ahead(void **state) {
    rg_tape *t = *state;
    rg_nn *net = small_gpt(t, 0);
    assert_string_equal(rg_name_of(net->params[2]), "2.self_attn.in_proj_weight");
    assert_string_equal(rg_name_of(net->params[25]), "3.norm2.bias");
    int ids[2][6] = {{0, 1, 2, 3, 4, 5}, {0, 1, 2, 6, 6, 6}};
    rg_tensor *y = rg_nn_forward(net, rg_input(t, ids, 2, 6)), *part = rg_nn_forward(net, rg_input(t, ids, 1, 3));
    for (int i = 0; i < 3 * 7; i++)
        assert_true(fabs(element(y, i) - element(y, 42 + i)) < 1e-6 && fabs(element(y, i) - element(part, i)) < 1e-5);
    assert_true(fabs(element(y, 3 * 7) - element(y, 42 + 3 * 7)) > 1e-6);
}

/* -------- a transformer saved, loaded; trained without touching the heap; played */

static void checkpoint_round_trip(void **state) {
    rg_tape *t = *state, *other = rg_tape_new(99);
    char path[] = "/tmp/retrograd-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    rg_nn *net = small_gpt(t, .1), *back = small_gpt(other, .1);
    const int ids[] = {3, 1, 4, 1, 5};
    rg_set_isa(other, isa);
    assert_int_equal(rg_nn_save(net, path), 0);
    assert_int_equal(rg_nn_load(back, path), 0);
    rg_nn_train(net, false);
    rg_nn_train(back, false);
    assert_true(same(rg_nn_forward(net, rg_input(t, ids, 1, 5)), rg_nn_forward(back, rg_input(other, ids, 1, 5))));
    unlink(path);
    rg_tape_free(other);
}

static void steady_steps(void **state) {
    rg_tape *t = *state;
    rg_nn *gpt = small_gpt(t, .1), *lstm = rg_nn_sequential(t, rg_nn_embedding(t, 7, 4, RG_NORMAL(0, 1)),
                                       rg_nn_lstm(t, 4, 8, .layers = 2, .dropout = .1), rg_nn_linear(t, 8, 7, RG_XAVIER_NORMAL));
    rg_nn_named(lstm, "lstm");
    rg_optim *adam = rg_optim_adamw(t, rg_params(t), .lr = .01);
    int64_t allocations = 0;
    for (int step = 0; step < 20; step++) {
        int ids[3 * 7];
        for (int i = 0; i < 3 * 7; i++) ids[i] = (i * 5 + step) % 7;
        rg_tensor *all = rg_input(t, ids, 3, 7), *x = rg_slice(all, 1, 0, 6), *y = rg_slice(all, 1, 1, 7);
        rg_tensor *loss = rg_add(rg_cross_entropy(rg_nn_forward(gpt, x), y), rg_cross_entropy(rg_nn_forward(lstm, x), y));
        assert_int_equal(rg_backward(loss), 0);
        rg_clip_grad_norm(t, rg_params(t), 1);
        assert_int_equal(rg_optim_step(adam), 0);
        rg_tape_reset(t);
        if (step < 3) allocations = rg_memory(t).allocations;
    }
    if (rg_info().pool) assert_int_equal(rg_memory(t).allocations, allocations);
}

static void a_record_of_them_plays(void **state) {
    rg_tape *t = *state;
    rg_nn *nets[] = {small_gpt(t, 0), rg_nn_sequential(t, rg_nn_embedding(t, 7, 4, RG_NORMAL(0, 1)), rg_nn_gru(t, 4, 7, .layers = 2))};
    int a[] = {0, 1, 2, 3, 4, 5}, b[] = {6, 4, 2, 0, 1, 3}, y[] = {1, 1, 2, 6, 5, 0};
    for (int k = 0; k < 2; k++) {
        rg_tensor *w = nets[k]->params[2], *ids = rg_input(t, a, 2, 3), *labels = rg_input(t, y, 2, 3);
        double grad[2];
        rg_tensor *loss = rg_cross_entropy(rg_nn_forward(nets[k], ids), labels);
        assert_int_equal(rg_backward(loss), 0);
        rg_zero_grad(t);
        rg_write(ids, b);
        assert_int_equal(rg_play(t), 0);
        const double played = rg_item(loss);
        grad[0] = element(rg_grad_of(w), 5);
        rg_zero_grad(t);
        rg_tape_reset(t);
        loss = rg_cross_entropy(rg_nn_forward(nets[k], rg_input(t, b, 2, 3)), rg_input(t, y, 2, 3));
        assert_int_equal(rg_backward(loss), 0);
        grad[1] = element(rg_grad_of(w), 5);
        assert_true(rg_item(loss) == played && grad[0] == grad[1]);
        rg_zero_grad(t);
        rg_tape_reset(t);
    }
}

/* Each learns to repeat what it saw two steps ago. */
static void they_learn(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 3; k++) {
        rg_nn *core = k == 0 ? rg_nn_rnn(t, 8, 24) : k == 1 ? rg_nn_lstm(t, 8, 24) : rg_nn_gru(t, 8, 24);
        rg_nn *net = rg_nn_sequential(t, rg_nn_embedding(t, 4, 8, RG_NORMAL(0, 1)), core, rg_nn_linear(t, 24, 4, RG_XAVIER_NORMAL));
        rg_optim *adam = rg_optim_adam(t, rg_nn_params(net), .lr = .02);
        double loss = 0;
        for (int step = 0; step < 150; step++) {
            int ids[8 * 10];
            for (int i = 0; i < 80; i++) ids[i] = (int)rg_rng_integers(rg_tape_rng(t), 0, 4);
            rg_tensor *x = rg_input(t, ids, 8, 10), *y = rg_nn_forward(net, x);
            rg_tensor *l = rg_cross_entropy(rg_slice(y, 1, 2, 10), rg_slice(x, 1, 0, 8));
            rg_backward(l);
            loss = rg_item(l);
            rg_optim_step(adam);
            rg_tape_reset(t);
        }
        if (!(loss < .2)) fail_msg("%s: the loss is still %g; guessing is %g", core->kind, loss, log(4));
    }
}

/* -------- errors */

#define FAILS(call, message) assert_true(rg_failed(call)); expect(t, message)
#define NOT_MADE(call, message) assert_null(call); expect(t, message)

/* A step speaks of itself, and of the shapes that it was given. lstm: 3 -> 5, 2 layers. */
static void step_errors(rg_tape *t, rg_nn *lstm, rg_nn *other) {
    rg_tensor *x = rg_full(t, 1, 2, 3), *h = rg_full(t, 1, 2, 2, 5);
    rg_rnn_state none = {NULL, NULL};
    FAILS(rg_nn_time_step_at("a.c:1", lstm, rg_full(t, 1, 2, 5, 3), &none),
        "rg_nn_time_step: the input of the lstm is [2,5,3], not [batch, 3] (a.c:1)");
    FAILS(rg_nn_time_step_at("a.c:1", lstm, rg_full(t, 1, 2, 4), &none),
        "rg_nn_time_step: the input of the lstm is [2,4], not [batch, 3] (a.c:1)");
    FAILS(rg_nn_time_step_at("a.c:1", lstm, rg_full(t, 1), &none), "rg_nn_time_step: the input of the lstm is [], not [batch, 3] (a.c:1)");
    FAILS(rg_nn_time_step_at("a.c:1", lstm, NULL, &none), "rg_nn_time_step: x is NULL (a.c:1)");
    FAILS(rg_nn_time_step_at("a.c:1", lstm, x, &(rg_rnn_state){h, rg_poison(t)}),
        "rg_nn_time_step: the state c is what a failed operation returned (a.c:1)");
    FAILS(rg_nn_time_step_at("a.c:1", lstm, x, &(rg_rnn_state){rg_full(t, 1, 2, 4), NULL}),
        "rg_nn_time_step: [2,3], [2,4]: lstm: the state h is [2,4], not [layers, batch, hidden] = [2,2,5] (a.c:1)");
    FAILS(rg_nn_time_step_at("a.c:1", other, x, &none), "rg_nn_time_step: not an rnn, lstm or gru (a.c:1)");
    FAILS(rg_nn_time_step_at("a.c:1", lstm, x, NULL), "rg_nn_time_step: the state is NULL (a.c:1)");
    FAILS(rg_nn_time_step_at("a.c:1", NULL, x, &none), "rg_nn_time_step: the net is NULL (a.c:1)");
    const int64_t mark = rg_mark(t);
    rg_tensor *old = rg_full(t, 1, 2, 2, 5);
    rg_rewind_at("b.c:2", t, mark);
    if (rg_info().pool) { /* without it the memory is gone */
        FAILS(rg_nn_time_step_at("a.c:1", lstm, x, &(rg_rnn_state){old, NULL}),
            "rg_nn_time_step: the state h was released by the rewind at b.c:2 (a.c:1)");
    }
    rg_tensor *wide = rg_cast(x, RG_F64);
    FAILS(rg_nn_time_step_at("a.c:1", lstm, wide, &none),
        "rg_nn_time_step: [2,3] f64: linear: [1,2,3] f64, weight_ih_l0[3,20], bias_ih_l0[20]: "
        "dtypes f64 and f32 differ; rg_cast converts (a.c:1)");
}

/* What PyTorch's padding_idx does, as nn/sequence.h says it. */
static void padding_of_an_embedding(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_embedding(t, 3, 2, RG_ONES);
    rg_tensor *x = rg_input(t, ((int32_t[]){2, 0, 0, 1, 0, 0}), 2, 3);
    rg_tensor *rows = rg_where(rg_unsqueeze(rg_ne(x, 0), -1), rg_nn_forward(net, x), 0);
    for (int i = 0; i < 12; i++) assert_true(element(rows, i) == (i / 2 % 3 == 0));
    assert_int_equal(rg_backward(rg_sum(rows)), 0);
    for (int i = 0; i < 6; i++) assert_true(element(rg_grad_of(net->params[0]), i) == (i >= 2));
}

static void errors(void **state) {
    rg_tape *t = *state;
    rg_nn *lstm = (rg_nn_lstm)(t, 3, 5, two), *gru = (rg_nn_gru)(t, 3, 5, two), *mha = rg_nn_multi_head_attention(t, 6, 2, RG_ONES);
    rg_tensor *x = rg_full(t, 1, 2, 4, 3), *six = rg_full(t, 1, 2, 4, 6);
    FAILS(rg_nn_forward_at("a.c:1", lstm, RG_IN(rg_full(t, 1, 2, 3))), "lstm: the input is [2,3], not [batch, time, 3] (a.c:1)");
    FAILS(rg_nn_forward_at("a.c:1", lstm, RG_IN(six)), "lstm: the input is [2,4,6], not [batch, time, 3] (a.c:1)");
    FAILS(rg_nn_forward_at("a.c:1", lstm, RG_IN(rg_full(t, 1, 2, 0, 3))), "lstm: 0 steps in [2,0,3], not 1 to 16384 (a.c:1)");
    FAILS(rg_nn_unroll_at("a.c:1", lstm, x, &(rg_rnn_state){rg_full(t, 1, 2, 3, 5), NULL}),
        "lstm: the state h is [2,3,5], not [layers, batch, hidden] = [2,2,5] (a.c:1)");
    FAILS(rg_nn_unroll_at("a.c:1", lstm, x, &(rg_rnn_state){NULL, rg_full(t, 1, 5)}),
        "lstm: the state c is [5], not [layers, batch, hidden] = [2,2,5] (a.c:1)");
    FAILS(rg_nn_unroll_at("a.c:1", gru, x, &(rg_rnn_state){NULL, rg_full(t, 1, 2, 2, 5)}),
        "rg_nn_unroll: a state c, which only an lstm has, for a gru (a.c:1)");
    FAILS(rg_nn_unroll_at("a.c:1", mha, x, &(rg_rnn_state){NULL, NULL}), "rg_nn_unroll: not an rnn, lstm or gru (a.c:1)");
    FAILS(rg_nn_unroll_at("a.c:1", lstm, x, NULL), "rg_nn_unroll: the state is NULL (a.c:1)");
    FAILS(rg_nn_unroll_at("a.c:1", NULL, x, NULL), "rg_nn_unroll: the net is NULL (a.c:1)");
    step_errors(t, lstm, mha);
    FAILS(rg_lstm_cell_at("a.c:1", x, x, NULL, x, x, x, x), "rg_lstm_cell: c is NULL (a.c:1)");
    FAILS(rg_nn_forward_at("a.c:1", mha, RG_IN(x)), "multi_head_attention: the input is [2,4,3], not [batch, n, 6] (a.c:1)");
    FAILS(rg_nn_attend_at("a.c:1", mha, six, x, six, NULL), "multi_head_attention: the key is [2,4,3], not [batch, n, 6] (a.c:1)");
    FAILS(rg_nn_attend_at("a.c:1", lstm, six, six, six, NULL), "rg_nn_attend: not a multi_head_attention (a.c:1)");
    FAILS(rg_nn_attend_at("a.c:1", mha, six, six, rg_full(t, 1, 2, 5, 6), NULL),
        "multi_head_attention: query [2,4,6], key [2,4,6] and value [2,5,6] do not fit: [batch, n, 6] and twice [batch, m, 6] (a.c:1)");
    FAILS(rg_nn_attend_at("a.c:1", mha, six, NULL, NULL, rg_full(t, 0, 2, 5)),
        "multi_head_attention: the mask [2,5] does not broadcast to [batch, heads, n, m], here [2,2,4,4]; "
        "a mask of keys, [batch, m], is given as rg_reshape(mask, batch, 1, 1, m) (a.c:1)");
    FAILS(rg_nn_forward_at("a.c:1", rg_nn_positional_embedding(t, 3, 6, RG_ONES), RG_IN(six)),
        "positional_embedding: the input is [2,4,6], not [.., time, dim] of at most weight[3,6] (a.c:1)");
    FAILS(rg_nn_forward_at("a.c:1", rg_nn_embedding(t, 3, 2, RG_ONES), RG_IN(rg_input(t, ((int[]){0, 3}), 2))),
        "embedding: weight[3,2], [2] i32: index[1] = 3 is outside 0..2 (a.c:1)");
    FAILS(rg_nn_forward_at("a.c:1", rg_nn_embedding(t, 3, 2, RG_ONES), RG_IN(x)),
        "embedding: weight[3,2], [2,4,3]: the index must be i32, not f32 (a.c:1)");
    NOT_MADE(rg_nn_lstm_at("a.c:1", t, 3, 0, two), "rg_nn_lstm: 3 features and 0 units, must be at least 0 and 1 (a.c:1)");
    NOT_MADE(rg_nn_gru_at("a.c:1", t, 3, 5, (rg_rnn_options){.layers = -1}), "rg_nn_gru: -1 layers, not 1 to 255 (a.c:1)");
    NOT_MADE(rg_nn_rnn_at("a.c:1", t, 3, 5, (rg_rnn_options){.dropout = 2}), "rg_nn_rnn: dropout = 2 is no probability (a.c:1)");
    NOT_MADE(rg_nn_gru_at("a.c:1", t, 3, 5, two_relu), "rg_nn_gru: only an rnn has .relu (a.c:1)");
    NOT_MADE(rg_nn_multi_head_attention_at("a.c:1", t, 6, 4, RG_ONES, (rg_attention_options){0}),
        "rg_nn_multi_head_attention: 4 heads do not divide 6 features (a.c:1)");
    NOT_MADE(rg_nn_transformer_block_at("a.c:1", t, 6, 0, 4, RG_ONES, (rg_attention_options){0}),
        "rg_nn_transformer_block: dim is 6 and heads is 0, must be at least 1 (a.c:1)");
    NOT_MADE(rg_nn_multi_head_attention_at("a.c:1", t, -6, 2, RG_ONES, (rg_attention_options){0}),
        "rg_nn_multi_head_attention: dim is -6 and heads is 2, must be at least 1 (a.c:1)");
    NOT_MADE(rg_nn_multi_head_attention_at("a.c:1", t, INT64_MAX / 3 + 1, 1, RG_ONES, (rg_attention_options){0}),
        "rg_nn_multi_head_attention: dim 3074457345618258603 is too large (a.c:1)");
    NOT_MADE(rg_nn_transformer_block_at("a.c:1", t, 6, 2, 4, RG_ONES, (rg_attention_options){.dropout = NAN}),
        "rg_nn_transformer_block: dropout = nan is no probability (a.c:1)");
    NOT_MADE(rg_nn_transformer_encoder_at("a.c:1", t, -1, 6, 2, 4, RG_ONES, (rg_attention_options){0}),
        "rg_nn_transformer_encoder: -1 layers (a.c:1)");
    NOT_MADE(rg_nn_transformer_encoder_at("a.c:1", t, 1, 6, 4, 4, RG_ONES, (rg_attention_options){0}),
        "rg_nn_transformer_block: 4 heads do not divide 6 features (a.c:1)");
    NOT_MADE(rg_nn_embedding_at("a.c:1", t, 3, 2, RG_NORMAL(0, -1)), "embedding: weight: std -1 is negative (a.c:1)");
    assert_null((rg_nn_lstm)(NULL, 1, 1, two));
    assert_null(rg_nn_transformer_block(NULL, 2, 1, 2, RG_ONES));
    assert_null(rg_nn_transformer_encoder(NULL, 1, 2, 1, 2, RG_ONES));
    assert_null(rg_nn_embedding(NULL, 2, 1, RG_ONES));
    assert_true(rg_failed(rg_nn_time_step(NULL, NULL, NULL)) && rg_failed(rg_nn_unroll(NULL, NULL, NULL)) &&
        rg_failed(rg_nn_attend(NULL, NULL, NULL, NULL, NULL)));
    assert_true(rg_failed(rg_rnn_cell(NULL, NULL, NULL, NULL, NULL, NULL, true)) &&
        rg_failed(rg_gru_cell(NULL, NULL, NULL, NULL, NULL, NULL)));
    assert_true(rg_failed(rg_lstm_cell(NULL, NULL, NULL, NULL, NULL, NULL, NULL)));
    FAILS(rg_lstm_cell_at("a.c:1", NULL, NULL, &x, NULL, NULL, NULL, NULL),
        "lstm_gates: operand 1 is what an operation on NULL returned (a.c:1)");
}

/* Every allocation fails in turn; the error is named, the next try succeeds, nothing leaks. */
static void without_memory(void **state) {
    (void)state;
    int failures = 0;
    for (bool done = false; !done; failures += 3) {
        meter m = {.fail_at = -1};
        rg_tape *t = metered_tape(&m, true, 0);
        for (int try = 0; try < 2; try++) {
            const int ids[] = {3, 1, 4, 1, 5, 2};
            rg_tensor *x = rg_input(t, ids, 2, 3);
            m.fail_at = try ? -1 : m.calls + failures;
            rg_nn *net = small_gpt(t, .1);
            rg_nn_add(net, NULL, rg_nn_lstm(t, 7, 2, .dropout = .1));
            const int failed = rg_backward(rg_sum(rg_square(rg_nn_forward(net, x))));
            m.fail_at = -1;
            if (rg_error(t)) {
                assert_int_equal(try, 0);
                assert_int_equal(rg_error_code(t), RG_ENOMEM);
                assert_int_equal(failed, -1);
                rg_error_clear(t);
            } else {
                assert_int_equal(failed, 0);
                done |= try == 0;
            }
            rg_tape_reset(t);
        }
        rg_tape_free(t);
        assert_int_equal(m.out, 0);
    }
    assert_true(failures > 100);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(recurrent_nets_are_pytorchs), CASE(attention_is_pytorchs),
        CASE(an_encoder_is_its_blocks), CASE(steps_are_the_unrolled_net), CASE(long_sequences),
        CASE(derivatives), CASE(dropout_only_while_training), CASE(causal_nets_do_not_look_ahead), CASE(checkpoint_round_trip),
        CASE(steady_steps),
        CASE(a_record_of_them_plays), CASE(they_learn), CASE(padding_of_an_embedding), CASE(errors), CASE(without_memory)};
    return RUN("sequence", cases);
}
