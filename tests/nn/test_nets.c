/* test_nets.c - layers put together: names and paths, several inputs, hooks, copies, nets that follow others, two nets on one tape. */
#include "tests/support/numbers.h"

#include <stdlib.h>

#include "nn/nn.h"
#include "tests/support/checked.h"
#include "tests/support/meter.h"

static void names_are(rg_list list, int n, const char *const *names) {
    assert_int_equal(list.count, n);
    for (int i = 0; i < n; i++) assert_string_equal(rg_name_of(list.items[i]), names[i]);
}
#define NAMES(list, ...) names_are(list, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *const[]){__VA_ARGS__})

static void expect(rg_tape *t, const char *message) {
    if (!rg_error(t)) fail_msg("no error in place of \"%s\"", message);
    assert_string_equal(rg_error(t), message);
    rg_error_clear(t);
}

/* With the line of the call, in this file. */
#define FAILS(call, message) \
    do { assert_true(call); assert_error_here(t, __FILE__, __LINE__, message); rg_error_clear(t); } while (0)

static bool same(const rg_tensor *a, const rg_tensor *b) {
    for (int64_t i = 0; i < a->numel; i++)
        if (element(a, i) != element(b, i)) return false;
    return a->numel == b->numel && a->ndim == b->ndim;
}

/* As nn/nn.h writes it. */
static rg_tensor *film(const char *at, rg_nn *net, rg_tensor *const *in) {
    (void)at;
    rg_tensor *x = in[0], *condition = in[1];
    rg_tensor *scale = rg_nn_forward(net->children[0], condition);
    return rg_mul(rg_mul(x, scale), net->params[0]);
}

static rg_nn *film_new(rg_tape *t, int64_t c, int64_t d) {
    rg_nn *net = rg_nn_new(t, "film", film, sizeof(rg_nn), .inputs = 2);
    rg_nn_param(net, "gain", RG_ONES, c);
    rg_nn_add(net, "scale", rg_nn_linear(t, d, c, RG_XAVIER_NORMAL));
    return net;
}

/* -------- names */

/* conv2(relu(conv1(x))) + x */
static rg_tensor *basic(const char *at, rg_nn *net, rg_tensor *const *in) {
    (void)at;
    return rg_add(in[0], rg_nn_forward(net->children[1], rg_relu(rg_nn_forward(net->children[0], in[0]))));
}

static rg_nn *basic_new(rg_tape *t, int64_t c) {
    rg_nn *net = rg_nn_new(t, "basic", basic, sizeof(rg_nn));
    rg_nn_add(net, "conv1", rg_nn_conv2d(t, c, c, RG_HE_NORMAL, .kernel = {3}, .padding = {1}, .bias = RG_NO_BIAS));
    rg_nn_add(net, "conv2", rg_nn_conv2d(t, c, c, RG_HE_NORMAL, .kernel = {3}, .padding = {1}, .bias = RG_NO_BIAS));
    return net;
}

static rg_nn *resnet_new(rg_tape *t) {
    rg_nn *net = rg_nn_sequential_n(t, 0, NULL);
    rg_nn_add(net, "conv1", rg_nn_conv2d(t, 3, 4, RG_HE_NORMAL, .kernel = {3}, .padding = {1}, .bias = RG_NO_BIAS));
    rg_nn_add(net, "bn1", rg_nn_batch_norm2d(t, 4));
    rg_nn_add(net, "layer1", rg_nn_sequential(t, basic_new(t, 4), basic_new(t, 4)));
    rg_nn_add(net, NULL, rg_nn_flatten(t));
    rg_nn_add(net, "fc", rg_nn_linear(t, 4 * 5 * 5, 2, RG_HE_NORMAL));
    return net;
}

static void names_of_a_residual_net(void **state) {
    rg_tape *t = *state;
    rg_nn *net = resnet_new(t);
    NAMES(rg_nn_params(net), "conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.0.conv2.weight",
        "layer1.1.conv1.weight",
        "layer1.1.conv2.weight", "fc.weight", "fc.bias");
    NAMES(rg_nn_buffers(net), "bn1.running_mean", "bn1.running_var");
    rg_nn *block = net->children[2]->children[0];
    assert_ptr_equal(rg_nn_child(net, "layer1.0"), block);
    assert_ptr_equal(rg_nn_child(net, "layer1.0.conv2"), block->children[1]);
    assert_ptr_equal(rg_nn_child(block, "conv1"), block->children[0]);
    assert_string_equal(rg_nn_child(net, "3")->kind, "flatten");
    static const char *const nowhere[] = {"", "conv", "conv11", "layer1.2", "layer1.0.", ".layer1", "layer1..0", "layer1.0.conv1.weight",
        "2"};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) assert_null(rg_nn_child(net, nowhere[i]));
    assert_true(!rg_nn_child(NULL, "fc") && !rg_nn_child(net, NULL));
    assert_false(rg_failed(rg_nn_forward(net, rg_full(t, 1, 2, 3, 5, 5))));

    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_int_equal(rg_nn_print(net, NULL, to), 0);
    fclose(to);
    assert_non_null(strstr(text, "\n  layer1: sequential "));
    assert_non_null(strstr(text, "\n    1: basic "));
    assert_non_null(strstr(text, "\n      conv2: conv2d  weight[4,4,3,3] "));
    assert_non_null(strstr(text, "\n  3: flatten "));
    free(text);
}

static void names_that_are_refused(void **state) {
    rg_tape *t = *state;
    static const struct { const char *name, *message; } bad[] = {
        {"", "rg_nn_add: \"\" is no name: a name is not empty, has no dot and does not begin with @"},
        {"a.b", "rg_nn_add: \"a.b\" is no name: a name is not empty, has no dot and does not begin with @"},
        {"@a", "rg_nn_add: \"@a\" is no name: a name is not empty, has no dot and does not begin with @"},
        {"gain", "rg_nn_add: the film has a part named gain already"},
        {"scale", "rg_nn_add: the film has a part named scale already"},
        {"mean", "rg_nn_add: the film has a part named mean already"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int named = 0; named < 2; named++) {
            rg_nn *net = film_new(t, 2, 2), *child = rg_nn_linear(t, 2, 2, RG_ONES);
            rg_nn_buffer(net, "mean", 0, 2);
            if (named) rg_nn_named(net, "outer");
            FAILS(rg_nn_add(net, bad[i].name, child) == -1, bad[i].message);
            assert_true(net->nchildren == 1 && net->nparams == 3 && !child->placed);
            assert_true(rg_failed(rg_nn_forward_at("a.c:1", net, RG_IN(NULL, NULL))));
            expect(t, "rg_nn_forward: the film could not be made (a.c:1)");
        }
    rg_nn *line = rg_nn_sequential_n(t, 0, NULL);
    rg_nn_add(line, "1", rg_nn_relu(t));
    FAILS(rg_nn_add(line, NULL, rg_nn_relu(t)) == -1, "rg_nn_add: the sequential has a part named 1 already");
#define PART(call, message) do { rg_nn *net = film_new(t, 2, 2); FAILS(rg_failed(call), message); } while (0)
    PART(rg_nn_param(net, "gain", RG_ONES, 2), "rg_nn_param: the film has a part named gain already");
    PART(rg_nn_param(net, "scale", RG_ONES, 2), "rg_nn_param: the film has a part named scale already");
    PART(rg_nn_param(net, "a.b", RG_ONES, 2), "rg_nn_param: \"a.b\" is no name: a name is not empty, has no dot and does not begin with @");
    PART(rg_nn_param(net, NULL, RG_ONES, 2), "rg_nn_param: \"\" is no name: a name is not empty, has no dot and does not begin with @");
    PART(rg_nn_buffer(net, "gain", 0, 2), "rg_nn_buffer: the film has a part named gain already");
    PART(rg_nn_buffer(net, "@a", 0, 2), "rg_nn_buffer: \"@a\" is no name: a name is not empty, has no dot and does not begin with @");
    rg_nn *named = rg_nn_named(rg_nn_relu(t), "act");
    FAILS(rg_nn_named(named, "a.b") == named, "rg_nn_named: \"a.b\" is no name: a name is not empty, has no dot and does not begin with @");
    FAILS(rg_nn_add(film_new(t, 1, 1), "other", named) == -1, "rg_nn_add: layer other, a relu, is named act by rg_nn_named");
    FAILS(rg_nn_add(film_new(t, 1, 1), "act", NULL) == -1, "rg_nn_add: layer act of a film is NULL");
}

/* Within one net by the first place, whichever of its parts was made first. */
static void names_of_shared_layers(void **state) {
    rg_tape *t = *state;
    rg_nn *shared = rg_nn_linear(t, 2, 2, RG_ONES), *twice = rg_nn_sequential_n(t, 0, NULL);
    rg_nn_add(twice, "encode", shared);
    rg_nn_add(twice, "decode", shared);
    NAMES(rg_nn_params(twice), "encode.weight", "encode.bias");
    assert_true(rg_nn_child(twice, "encode") == shared && rg_nn_child(twice, "decode") == shared);
    rg_nn *own = rg_nn_linear(t, 2, 2, RG_ONES), *later = rg_nn_sequential(t, own, shared), *net = rg_nn_sequential(t, later, twice);
    NAMES(rg_nn_params(net), "0.0.weight", "0.0.bias", "0.1.weight", "0.1.bias");
    assert_ptr_equal(rg_nn_child(net, "0.1"), shared);
    rg_nn_named(net, "a");
    NAMES(rg_nn_params(net), "a.0.0.weight", "a.0.0.bias", "a.0.1.weight", "a.0.1.bias");
    rg_nn_named(net, "b");
    assert_string_equal(net->name, "b");
    NAMES(rg_nn_params(net), "b.0.0.weight", "b.0.0.bias", "b.0.1.weight", "b.0.1.bias");
    rg_nn *outer = rg_nn_sequential(t, net);
    NAMES(rg_nn_params(outer), "b.0.0.weight", "b.0.0.bias", "b.0.1.weight", "b.0.1.bias");
    assert_ptr_equal(rg_nn_child(outer, "b.0.1"), shared);
}

static void long_names_are_not_cut(void **state) {
    rg_tape *t = *state;
    char name[301] = {0}, path[1300] = "";
    memset(name, 'n', 300);
    rg_nn *net = rg_nn_linear(t, 1, 1, RG_ONES);
    for (int i = 0; i < 4; i++) {
        rg_nn *outer = rg_nn_sequential_n(t, 0, NULL);
        assert_int_equal(rg_nn_add(outer, name, net), 0);
        net = outer;
        strcat(strcat(path, i ? "." : ""), name);
    }
    assert_string_equal(rg_nn_child(net, path)->kind, "linear");
    strcat(path, ".weight");
    assert_string_equal(rg_name_of(net->params[0]), path);
    rg_ema *a = rg_ema_new(t, rg_nn_params(net), .9);
    strcat(path, ".average");
    assert_string_equal(rg_name_of(rg_ema_of(a, 0)), path);
}

/* -------- several inputs */

static void two_inputs(void **state) {
    rg_tape *t = *state;
    rg_nn *net = film_new(t, 3, 2);
    NAMES(rg_nn_params(net), "gain", "scale.weight", "scale.bias");
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(4, 3)), *condition = numbers(t, RG_F32, RG_DIMS(4, 2));
    rg_tensor *y = rg_nn_forward(net, x, condition);
    assert_true(same(y, rg_mul(rg_mul(x, rg_linear(condition, net->params[1], net->params[2])), net->params[0])));
    assert_true(same(rg_nn_forward_n(net, 2, ((rg_tensor *[]){x, condition})), y));
    assert_true(same((rg_nn_forward_n)(net, 2, (rg_tensor *[]){x, condition}), y));
    assert_int_equal(rg_backward(rg_sum(y)), 0);
    for (int i = 0; i < 3; i++) assert_non_null(rg_grad_of(net->params[i]));
    assert_true(net->ran && net->out_ndim == 2 && net->out_shape[1] == 3);

    rg_nn *line = rg_nn_sequential(t, film_new(t, 3, 2), rg_nn_relu(t)), *both = rg_nn_residual(line);
    assert_true(same(rg_nn_forward(line, x, condition), rg_relu(rg_nn_forward(line->children[0], x, condition))));
    assert_true(same(rg_nn_forward(both, x, condition), rg_add(x, rg_nn_forward(line, x, condition))));
    /* Calls in calls: the text of each is there once. */
    rg_nn *f = film_new(t, 3, 3);
#define F(a) rg_nn_forward(f, a, a)
    assert_false(rg_failed(rg_nn_forward(f,
        rg_nn_forward(f, rg_nn_forward(f, rg_nn_forward(f, rg_nn_forward(f, rg_nn_forward(f, rg_nn_forward(f,
        rg_nn_forward(f, rg_nn_forward(f, rg_nn_forward(f, rg_nn_forward(f, rg_nn_forward(f, x, x), x), x), x), x), x), x), x), x), x), x),
        F(x))));
}

static rg_tensor *first_or_sum(const char *at, rg_nn *net, rg_tensor *const *in) {
    (void)net;
    rg_tensor *y = in[0];
    for (int i = 1; i < 3; i++)
        if (in[i]) y = rg_add_at(at, y, in[i]);
    return y;
}

static void optional_inputs(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_new(t, "adder", first_or_sum, sizeof(rg_nn), .inputs = 3, .optional = 2);
    rg_tensor *a = rg_full(t, 1), *b = rg_full(t, 20), *c = rg_full(t, 300);
    assert_true(rg_item(rg_nn_forward(net, a)) == 1 && rg_item(rg_nn_forward(net, a, b)) == 21);
    assert_true(rg_item(rg_nn_forward(net, a, b, c)) == 321 && rg_item(rg_nn_forward(net, a, NULL, c)) == 301);
    assert_true(rg_item(rg_nn_forward(net, a, NULL, NULL)) == 1);
    rg_nn *line = rg_nn_sequential(t, net, rg_nn_relu(t));
    assert_true(rg_item(rg_nn_forward(line, a, NULL, c)) == 301 && rg_item(rg_nn_forward(rg_nn_residual(line), a, b)) == 22);
}

static void wrong_inputs(void **state) {
    rg_tape *t = *state;
    rg_nn *net = film_new(t, 3, 2), *line = rg_nn_sequential(t, film_new(t, 3, 2), rg_nn_relu(t)), *relu = rg_nn_relu(t);
    rg_nn *adder = rg_nn_new(t, "adder", first_or_sum, sizeof(rg_nn), .inputs = 3, .optional = 2), *empty = rg_nn_sequential_n(t, 0, NULL);
    rg_tensor *x = rg_full(t, 1, 4, 3), *c = rg_full(t, 1, 4, 2), *nine[9];
    for (int i = 0; i < 9; i++) nine[i] = x;
    FAILS(rg_failed(rg_nn_forward(net, x)), "rg_nn_forward: the film takes 2 inputs, it got 1");
    FAILS(rg_failed(rg_nn_forward(net, x, c, c)), "rg_nn_forward: the film takes 2 inputs, it got 3");
    FAILS(rg_failed(rg_nn_forward(relu, x, c)), "rg_nn_forward: the relu takes 1 input, it got 2");
    FAILS(rg_failed(rg_nn_forward(adder, x, c, c, c)), "rg_nn_forward: the adder takes 1 to 3 inputs, it got 4");
    FAILS(rg_failed(rg_nn_forward(line, x)), "rg_nn_forward: the film takes 2 inputs, it got 1");
    FAILS(rg_failed(rg_nn_forward(rg_nn_residual(relu), x, c)), "rg_nn_forward: the relu takes 1 input, it got 2");
    FAILS(rg_failed(rg_nn_forward(empty, x, c)), "rg_nn_forward: the sequential has no layers and takes 1 input, it got 2");
    FAILS(rg_failed(rg_nn_forward_n(line, 9, nine)), "rg_nn_forward: the sequential takes 1 to 8 inputs, it got 9");
    FAILS(rg_failed(rg_nn_forward_n(relu, 0, nine)), "rg_nn_forward: the relu takes 1 input, it got 0");
    FAILS(rg_failed(rg_nn_forward_n(relu, 1, NULL)), "rg_nn_forward: the relu takes 1 input, it got 0");
    FAILS(rg_failed(rg_nn_forward(net, x, NULL)), "rg_nn_forward: input 2 of the film is NULL");
    FAILS(rg_failed(rg_nn_forward(net, NULL, c)), "rg_nn_forward: input 1 of the film is NULL");
    FAILS(rg_failed(rg_nn_forward(net, x, rg_poison(t))), "rg_nn_forward: input 2 of the film is what a failed operation returned");
    FAILS(rg_failed(rg_nn_forward(adder, x, NULL, rg_poison(t))),
        "rg_nn_forward: input 3 of the adder is what a failed operation returned");
}

/* -------- layers of the library that take several */

static void attention_to_a_memory(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_multi_head_attention(t, 4, 2, RG_XAVIER_NORMAL);
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(2, 3, 4)), *memory = numbers(t, RG_F32, RG_DIMS(2, 5, 4)), *mask = rg_full(t, 0, 3, 5);
    ((float *)mask->data)[4] = -INFINITY;
    assert_true(same(rg_nn_forward(net, x), rg_nn_attend(net, x, x, x, NULL)));
    assert_true(same(rg_nn_forward(net, x, memory), rg_nn_attend(net, x, memory, memory, NULL)));
    assert_true(same(rg_nn_forward(net, x, memory, NULL, mask), rg_nn_attend(net, x, memory, memory, mask)));
    assert_false(same(rg_nn_forward(net, x, memory, NULL, mask), rg_nn_forward(net, x, memory)));
    assert_true(same(rg_nn_forward(net, x, memory, NULL, rg_cast(rg_ge(mask, 0), RG_U8)), rg_nn_forward(net, x, memory, NULL, mask)));
    FAILS(rg_failed(rg_nn_forward(net, x, memory, memory, mask, mask)),
        "rg_nn_forward: the multi_head_attention takes 1 to 4 inputs, it got 5");

    rg_nn *open = rg_nn_transformer_block(t, 4, 2, 6, RG_XAVIER_NORMAL),
        *causal = rg_nn_transformer_block(t, 4, 2, 6, RG_XAVIER_NORMAL, .causal = true);
    assert_int_equal(rg_nn_soft_update(causal, open, 1), 0);
    rg_tensor *above = rg_triu(rg_full(t, -1e30, 3, 3), 1);
    assert_close("a mask in place of .causal", rg_nn_forward(open, x, above), rg_nn_forward(causal, x), 1e-6);
}

/* A decoder of a layer writer's own: x attends to itself, then to the memory; PyTorch's TransformerDecoderLayer(norm_first=True). */
enum { SELF, CROSS, UP, DOWN, NORM1, NORM2, NORM3 };
static rg_tensor *decode(const char *at, rg_nn *net, rg_tensor *const *in) {
    (void)at;
    rg_nn *const *part = net->children;
    rg_tensor *x = rg_add(in[0], rg_nn_forward(part[SELF], rg_nn_forward(part[NORM1], in[0]), NULL, NULL, in[2]));
    x = rg_add(x, rg_nn_forward(part[CROSS], rg_nn_forward(part[NORM2], x), in[1], NULL, in[3]));
    return rg_add(x, rg_nn_forward(part[DOWN], rg_relu(rg_nn_forward(part[UP], rg_nn_forward(part[NORM3], x)))));
}

static rg_nn *decoder_new(rg_tape *t, int64_t dim, int64_t heads, int64_t hidden) {
    rg_nn *net = rg_nn_new(t, "decoder", decode, sizeof(rg_nn), .inputs = 4, .optional = 2);
    rg_nn_add(net, "self_attn", rg_nn_multi_head_attention(t, dim, heads, RG_XAVIER_NORMAL, .causal = true));
    rg_nn_add(net, "multihead_attn", rg_nn_multi_head_attention(t, dim, heads, RG_XAVIER_NORMAL));
    rg_nn_add(net, "linear1", rg_nn_linear(t, dim, hidden, RG_HE_NORMAL));
    rg_nn_add(net, "linear2", rg_nn_linear(t, hidden, dim, RG_HE_NORMAL));
    static const char *const norms[] = {"norm1", "norm2", "norm3"};
    for (int i = 0; i < 3; i++) rg_nn_add(net, norms[i], rg_nn_layer_norm(t, dim));
    return net;
}

static rg_tensor *apply_decoder(void *net, rg_tensor *const *in) { return rg_nn_forward((rg_nn *)net, in[0], in[1]); }

static void a_decoder(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    rg_nn *net = decoder_new(t, 4, 2, 3);
    assert_string_equal(rg_name_of(net->params[4]), "multihead_attn.in_proj_weight");
    rg_tensor *in[2 + 18] = {rg_requires_grad(rg_normal(t, 0, 1, 2, 3, 4), true), rg_requires_grad(rg_normal(t, 0, 1, 2, 5, 4), true)};
    assert_int_equal(net->nparams, 18);
    memcpy(in + 2, net->params, 18 * sizeof *in);
    const rg_check c = rg_gradcheck(apply_decoder, net, rg_list_of_n(20, in), .order = 1, .tolerance = 1e-7);
    if (c.failed) rg_check_print(&c, net->kind, stderr);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    FAILS(rg_failed(rg_nn_forward(net, in[0])), "rg_nn_forward: the decoder takes 2 to 4 inputs, it got 1");
}

static void recurrent_nets_from_a_state(void **state) {
    rg_tape *t = *state;
    rg_nn *lstm = rg_nn_lstm(t, 3, 2), *gru = rg_nn_gru(t, 3, 2);
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(4, 5, 3)), *h = numbers(t, RG_F32, RG_DIMS(1, 4, 2)),
        *c = numbers(t, RG_F32, RG_DIMS(1, 4, 2));
    rg_rnn_state s = {h, c};
    assert_true(same(rg_nn_forward(lstm, x, h, c), rg_nn_unroll(lstm, x, &s)));
    assert_false(s.h == h || s.c == c);
    s = (rg_rnn_state){h, NULL};
    assert_true(same(rg_nn_forward(gru, x, h), rg_nn_unroll(gru, x, &s)));
    assert_false(same(rg_nn_forward(gru, x, h), rg_nn_forward(gru, x)));
    FAILS(rg_failed(rg_nn_forward(gru, x, h, c)), "rg_nn_forward: the gru takes 1 to 2 inputs, it got 3");
    s = (rg_rnn_state){c, h};
    FAILS(rg_failed(rg_nn_unroll(lstm, NULL, &s)), "rg_nn_unroll: x is NULL");
    assert_true(s.h == c && s.c == h);
    FAILS(rg_failed(rg_nn_unroll(lstm, rg_full(t, 1, 2, 2), &s)), "lstm: the input is [2,2], not [batch, time, 3]");
    assert_true(s.h == c && s.c == h);
}

/* -------- hooks */

typedef struct heard { char log[64]; const char *line; rg_tensor *in, *y; int calls; } heard;

static rg_tensor *listen(const char *at, rg_nn *net, rg_tensor *const *in, rg_tensor *y, void *data) {
    heard *h = data;
    strncat(h->log, net->kind, 1);
    h->line = at, h->in = in[0], h->y = y, h->calls++;
    return NULL;
}
static rg_tensor *doubled(const char *at, rg_nn *net, rg_tensor *const *in, rg_tensor *y, void *data) {
    (void)net, (void)in;
    if (data) ++*(int *)data;
    return rg_mul_scalar_at(at, y, 2);
}
static rg_tensor *plus_bias(const char *at, rg_nn *net, rg_tensor *const *in, rg_tensor *y, void *linear) {
    (void)net, (void)in;
    return rg_add_at(at, y, ((rg_nn *)linear)->params[1]);
}
static rg_tensor *once(const char *at, rg_nn *net, rg_tensor *const *in, rg_tensor *y, void *data) {
    (void)at, (void)in, (void)y;
    ++*(int *)data;
    assert_int_equal(rg_nn_remove_hook(net, once, data), 0);
    return y;
}
static rg_tensor *failing(const char *at, rg_nn *net, rg_tensor *const *in, rg_tensor *y, void *data) {
    (void)net, (void)in, (void)data;
    return rg_add_at(at, y, rg_full(net->tape, 1, 7, 7, 7));
}

static void hooks_see_and_replace(void **state) {
    rg_tape *t = *state;
    rg_nn *linear = rg_nn_linear(t, 2, 2, RG_ONES), *net = rg_nn_sequential(t, linear, rg_nn_relu(t));
    rg_tensor *x = rg_full(t, 1, 1, 2);
    heard h = {.calls = 0};
    assert_int_equal(rg_nn_on_forward(net, listen, &h) + rg_nn_on_forward(linear, listen, &h) + rg_nn_on_forward(net->children[1], listen,
        &h), 0);
    rg_tensor *y = rg_nn_forward_at("a.c:1", net, RG_IN(x));
    assert_string_equal(h.log, "lrs"); /* linear, relu, sequential */
    assert_string_equal(h.line, "a.c:1");
    assert_true(h.in == x && h.y == y && element(y, 0) == 2);
    rg_nn_forward(linear, x); /* alone, too */
    assert_int_equal(h.calls, 4);

    int count = 0;
    heard after = {.calls = 0};
    assert_int_equal(rg_nn_on_forward(linear, doubled, &count) + rg_nn_on_forward(linear, doubled, NULL) + rg_nn_on_forward(linear, listen,
        &after), 0);
    y = rg_nn_forward(net, x);
    assert_true(element(y, 0) == 8 && count == 1 && element(after.y, 0) == 8); /* in the order they were added */
    assert_int_equal(rg_backward(rg_sum(y)), 0);
    assert_true(element(rg_grad_of(linear->params[1]), 0) == 4);
    assert_int_equal(rg_nn_remove_hook(linear, doubled, NULL), 0);
    assert_true(element(rg_nn_forward(net, x), 0) == 4 && count == 2);
    assert_int_equal(rg_nn_remove_hook(linear, doubled, &count), 0);
    assert_true(element(rg_nn_forward(net, x), 0) == 2 && count == 2);

    rg_nn_eval(net);
    assert_int_equal(rg_nn_on_forward(linear, doubled, &count) + rg_nn_on_forward(net, plus_bias, linear), 0);
    assert_false(rg_needs_grad(rg_nn_forward(net, x))); /* what a hook computes in evaluation has no history either */
    rg_nn_eval_end(net);
}

static void hooks_that_go(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_relu(t);
    rg_tensor *x = rg_full(t, 1, 2);
    int first = 0, second = 0;
    heard last = {.calls = 0};
    rg_nn_on_forward(net, once, &first), rg_nn_on_forward(net, once, &second), rg_nn_on_forward(net, listen, &last);
    for (int k = 1; k < 4; k++) {
        rg_nn_forward(net, x);
        assert_true(first == 1 && second == 1 && last.calls == k);
    }
    assert_int_equal(net->nhooks, 1);
    const rg_memory_stats before = rg_memory(t);
    for (int k = 0; k < 100; k++) assert_int_equal(rg_nn_on_forward(net, doubled, NULL) + rg_nn_remove_hook(net, doubled, NULL), 0);
    assert_int_equal(rg_memory(t).bytes, before.bytes);
    FAILS(rg_nn_remove_hook(net, listen, NULL) == -1, "rg_nn_remove_hook: the relu has no such hook");
    FAILS(rg_nn_on_forward(net, NULL, NULL) == -1, "rg_nn_on_forward: the hook of the relu is NULL");
    assert_true(rg_nn_on_forward(NULL, listen, NULL) == -1 && rg_nn_remove_hook(NULL, listen, NULL) == -1);
    rg_nn_on_forward(net, failing, NULL), rg_nn_on_forward(net, listen, &first); /* which is not reached */
    assert_true(rg_failed(rg_nn_forward(net, x)));
    rg_error_clear(t);
}

static void hooks_of_other_ways_in(void **state) {
    rg_tape *t = *state;
    rg_nn *lstm = rg_nn_lstm(t, 2, 2), *heads = rg_nn_multi_head_attention(t, 2, 1, RG_ONES);
    rg_tensor *x = rg_full(t, 1, 1, 3, 2);
    heard h = {.calls = 0};
    rg_nn_on_forward(lstm, listen, &h), rg_nn_on_forward(heads, listen, &h);
    rg_rnn_state s = {0};
    const rg_tensor *y = rg_nn_unroll(lstm, x, &s);
    assert_ptr_equal(y, h.y);
    rg_nn_time_step(lstm, rg_full(t, 1, 1, 2), &s);
    y = rg_nn_attend(heads, x, x, x, NULL);
    assert_ptr_equal(y, h.y);
    assert_string_equal(h.log, "llm");
}

/* -------- copies */

typedef struct scaled { rg_nn nn; double by; } scaled; /* with an attribute, a parameter, a buffer, and two layers that are one */
static rg_tensor *scale(const char *at, rg_nn *net, rg_tensor *const *in) {
    rg_tensor *y = rg_nn_forward_at(at, net->children[1], RG_IN(rg_nn_forward_at(at, net->children[0], 1, in)));
    return rg_mul_scalar_at(at, rg_add_at(at, rg_mul_at(at, y, net->params[0]), net->buffers[0]), ((scaled *)net)->by);
}
static rg_nn *scaled_new(rg_tape *t, double by) {
    scaled *net = (scaled *)rg_nn_new(t, "scaled", scale, sizeof *net);
    rg_nn *inner = rg_nn_linear(t, 2, 2, RG_HE_NORMAL, .bias = RG_NORMAL(0, 1));
    rg_nn_param(&net->nn, "gain", RG_NORMAL(0, 1), 2);
    rg_nn_buffer(&net->nn, "mean", .25, 2);
    rg_nn_add(&net->nn, "in", inner);
    rg_nn_add(&net->nn, "out", inner);
    if (net) net->by = by;
    return &net->nn;
}

static void lists_equal(rg_list a, rg_list b) {
    assert_int_equal(a.count, b.count);
    for (int i = 0; i < a.count; i++) {
        assert_ptr_not_equal(a.items[i], b.items[i]);
        assert_string_equal(rg_name_of(a.items[i]), rg_name_of(b.items[i]));
        assert_true(same(a.items[i], b.items[i]) && rg_needs_grad(a.items[i]) == rg_needs_grad(b.items[i]));
        assert_int_equal(rg_dtype_of(a.items[i]), rg_dtype_of(b.items[i]));
    }
}

static void a_copy_is_the_net_again(void **state) {
    rg_tape *t = *state;
    rg_nn *part = scaled_new(t, 3), *net = rg_nn_named(rg_nn_sequential(t, part, rg_nn_batch_norm1d(t, 2), rg_nn_dropout(t, .5)), "online");
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(5, 2));
    int count = 0;
    rg_nn_on_forward(part, doubled, &count);
    rg_requires_grad(net->params[1], false);
    rg_nn_train(net->children[2], false);
    rg_nn_forward(net, x); /* moves the running statistics */
    rg_set_default_dtype(t, RG_F64);
    const rg_rng drawn = *rg_tape_rng(t);
    const int params = rg_params(t).count;
    rg_nn *copy = rg_nn_copy(net);
    assert_non_null(copy);
    assert_int_equal(rg_default_dtype(t), RG_F64);
    rg_set_default_dtype(t, RG_F32);
    assert_memory_equal(&drawn, rg_tape_rng(t), sizeof drawn);
    assert_int_equal(rg_params(t).count, params + net->nparams);
    lists_equal(rg_nn_params(copy), rg_nn_params(net));
    lists_equal(rg_nn_buffers(copy), rg_nn_buffers(net));
    rg_nn *twin = rg_nn_child(copy, "0");
    assert_true(twin != part && ((scaled *)twin)->by == 3 && twin->placed && !copy->placed && !net->copy && !part->copy && !copy->copy);
    assert_true(twin->children[0] == twin->children[1] && twin->children[0] != part->children[0]); /* shared in the copy as in the net */
    assert_ptr_equal(twin->params[0], copy->params[0]);
    assert_true(copy->training && !copy->children[2]->training);
    rg_nn_forward(copy, x);
    assert_int_equal(count, 2); /* hooks as well */

    rg_tensor *before = rg_retain(rg_clone(copy->params[0]));
    rg_optim *sgd = rg_optim_sgd(t, rg_nn_params(net), .lr = .1);
    rg_backward(rg_sum(rg_square(rg_nn_forward(net, x))));
    assert_int_equal(rg_optim_step(sgd), 0);
    assert_true(same(copy->params[0], before) && !same(net->params[0], before) && !rg_grad_of(copy->params[0]));
    rg_release(before);
    rg_nn *both = rg_nn_sequential(t, rg_nn_named(copy, "target"), net); /* it is part of no other, and takes a name */
    assert_string_equal(rg_name_of(both->params[0]), "target.0.gain");
    assert_string_equal(rg_name_of(net->params[0]), "online.0.gain");
}

/* Lists of the copy are its own, also when they grow. */
static void copies_grow_apart(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_sequential(t, rg_nn_linear(t, 1, 1, RG_ONES)), *copy = rg_nn_copy(net);
    heard h = {.calls = 0};
    for (int i = 0; i < 20; i++) {
        rg_nn_add(copy, NULL, rg_nn_linear(t, 1, 1, RG_ONES));
        if (i < 7) rg_nn_add(net, NULL, rg_nn_tanh(t));
        rg_nn_on_forward(copy, listen, &h);
    }
    assert_true(net->nchildren == 8 && net->nparams == 2 && net->nhooks == 0 && copy->nchildren == 21 && copy->nparams == 42 &&
        copy->nhooks == 20);
    assert_string_equal(net->children[7]->kind, "tanh");
    assert_true(!strcmp(net->names[7], "7") && !strcmp(copy->names[20], "20"));
    assert_string_equal(rg_name_of(copy->params[41]), "20.bias");
    while (copy->nhooks > 5) assert_int_equal(rg_nn_remove_hook(copy, listen, &h), 0);
    rg_nn *heard_too = rg_nn_copy(copy);
    rg_nn_on_forward(copy, doubled, NULL);
    assert_int_equal(rg_nn_remove_hook(copy, listen, &h), 0);
    assert_true(heard_too->nhooks == 5 && heard_too->hooks[4].fn == listen && copy->hooks[4].fn == doubled);
    rg_nn *part = rg_nn_copy(net->children[0]); /* of a layer that is in a net: it is in none */
    assert_true(!part->placed && rg_nn_add(rg_nn_sequential_n(t, 0, NULL), "part", part) == 0);
    rg_nn *bare = rg_nn_copy(rg_nn_relu(t)), *again = rg_nn_copy(copy);
    assert_true(bare && bare->nparams == 0 && again->nparams == 42);
    assert_true(element(rg_nn_forward(bare, rg_full(t, -1, 1)), 0) == 0);
}

/* Every layer of the library, from its copy: with their own parameters changed, both still give what they gave. */
static void copies_of_the_librarys_layers(void **state) {
    rg_tape *t = *state;
    rg_tensor *image = numbers(t, RG_F32, RG_DIMS(2, 4, 6, 6)), *row = numbers(t, RG_F32, RG_DIMS(3, 4)),
        *line = numbers(t, RG_F32, RG_DIMS(2, 4, 6));
    rg_tensor *sequence = numbers(t, RG_F32, RG_DIMS(2, 3, 4)), *ids = indices(t, 4, RG_DIMS(2, 3));
    const struct { rg_nn *net; rg_tensor *x; } all[] = {{rg_nn_linear(t, 4, 2, RG_HE_NORMAL), row},
        {rg_nn_mlp(t, "tanh", RG_HE_NORMAL, 4, 3, 2), row},
        {rg_nn_activation(t, "leaky_relu", .p = .1), row}, {rg_nn_flatten(t), image},
        {rg_nn_residual(rg_nn_linear(t, 4, 4, RG_HE_NORMAL)), row},
        {rg_nn_conv2d(t, 4, 2, RG_HE_NORMAL, .kernel = {3}, .stride = {2}), image},
        {rg_nn_conv1d(t, 4, 2, RG_HE_NORMAL, .kernel = {3}), line},
        {rg_nn_max_pool2d(t, .kernel = {2}), image}, {rg_nn_avg_pool2d(t, .kernel = {2}), image}, {rg_nn_layer_norm(t, 4), row},
        {rg_nn_rms_norm_eps(t, .1, 4), row}, {rg_nn_batch_norm1d(t, 4), row}, {rg_nn_batch_norm2d(t, 4), image}, {rg_nn_dropout(t, 0), row},
        {rg_nn_embedding(t, 4, 3, RG_HE_NORMAL), ids}, {rg_nn_positional_embedding(t, 5, 4, RG_HE_NORMAL), sequence},
        {rg_nn_rnn(t, 4, 3, .layers = 2), sequence}, {rg_nn_lstm(t, 4, 3), sequence}, {rg_nn_gru(t, 4, 3), sequence},
        {rg_nn_multi_head_attention(t, 4, 2, RG_HE_NORMAL, .causal = true), sequence},
        {rg_nn_transformer_block(t, 4, 2, 6, RG_HE_NORMAL), sequence}};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        rg_nn *net = all[k].net, *copy = rg_nn_copy(net);
        rg_tensor *y = rg_nn_forward(net, all[k].x);
        if (!same(rg_nn_forward(copy, all[k].x), y)) fail_msg("%s: the copy gives something else", net->kind);
        for (int i = 0; i < net->nparams; i++) rg_init_fill(net->params[i], RG_CONSTANT(7));
        for (int i = 0; i < net->nbuffers; i++) rg_init_fill(net->buffers[i], RG_CONSTANT(7));
        rg_nn_train(net, false), rg_nn_train(copy, false);
        rg_tensor *other = rg_nn_forward(net, all[k].x), *still = rg_nn_forward(copy, all[k].x);
        if (net->nparams && same(other, still)) fail_msg("%s: the copy has the net's parameters", net->kind);
        for (int i = 0; i < copy->nparams; i++)
            for (int j = 0; j < net->nparams; j++) assert_ptr_not_equal(copy->params[i], net->params[j]);
    }
    assert_null(rg_error(t));
}

static void copies_in_evaluation_and_errors(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_sequential(t, rg_nn_linear(t, 2, 2, RG_ONES), rg_nn_dropout(t, .5));
    rg_nn_eval(net);
    rg_nn *copy = rg_nn_copy(net);
    assert_true(copy->training && copy->children[1]->training && copy->evals == 0 && copy->eval_calls == 0 &&
        copy->children[1]->evals == 0);
    assert_true(!net->training && rg_needs_grad(rg_nn_forward(copy, rg_full(t, 1, 1, 2))));
    rg_nn_eval_end(net);
    assert_null(rg_nn_copy(NULL));
    rg_nn *bad = rg_nn_sequential_n(t, 0, NULL);
    FAILS(rg_nn_add(bad, NULL, NULL) == -1, "rg_nn_add: layer 0 of a sequential is NULL");
    FAILS(!rg_nn_copy(bad), "rg_nn_copy: the sequential could not be made");
    FAILS(rg_nn_soft_update(bad, net, 1) == -1, "rg_nn_soft_update: the sequential could not be made");
}

/* Every allocation fails in turn: the error is named, the net is as it was, the next try succeeds, nothing leaks. */
static void copies_without_memory(void **state) {
    (void)state;
    int failures = 0;
    for (bool done = false; !done; failures++) {
        meter m = {.fail_at = -1};
        rg_tape *t = metered_tape(&m, true, 0);
        rg_nn *net = rg_nn_sequential(t, scaled_new(t, 2), rg_nn_batch_norm1d(t, 2));
        for (int try = 0; try < 2; try++) {
            m.fail_at = try ? -1 : m.calls + failures;
            rg_nn *copy = rg_nn_copy(net);
            m.fail_at = -1;
            assert_true(!copy == (rg_error(t) != NULL) && !net->copy && !net->children[0]->copy && net->nparams == 5);
            if (rg_error(t)) {
                assert_int_equal(rg_error_code(t), RG_ENOMEM);
                assert_int_equal(try, 0);
                rg_error_clear(t);
            } else {
                lists_equal(rg_nn_params(copy), rg_nn_params(net));
                done |= try == 0;
            }
        }
        rg_tape_free(t);
        assert_int_equal(m.out, 0);
    }
    assert_true(failures > 15);
}

/* -------- following */

static void mixing(void **state) {
    rg_tape *t = *state;
    for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++) {
        rg_set_default_dtype(t, dtype);
        rg_nn *from = rg_nn_sequential(t, rg_nn_linear(t, 90, 50, RG_HE_NORMAL), rg_nn_batch_norm1d(t, 50)), *to = rg_nn_copy(from);
        for (int i = 0; i < from->nparams; i++) rg_init_fill(from->params[i], RG_NORMAL(0, 1));
        rg_init_fill(from->buffers[1], RG_CONSTANT(9));
        rg_nn *was = rg_nn_copy(to);
        rg_tensor *stale = rg_sum(rg_square(to->params[0]));
        assert_int_equal(rg_nn_soft_update(to, from, .005), 0);
        for (int k = 0; k < from->nparams; k++)
            for (int64_t i = 0; i < from->params[k]->numel; i++) {
                const double a = element(was->params[k], i), b = element(from->params[k], i), should = .995 * a + .005 * b;
                if (!(fabs(element(to->params[k], i) - should) <= (dtype == RG_F64 ? 1e-15 : 1e-6)))
                    fail_msg("%d: element %lld", k, (long long)i);
            }
        assert_true(same(to->buffers[1], from->buffers[1]) && same(to->buffers[0], from->buffers[0]));
        assert_int_equal(rg_backward(stale), -1); /* it was recorded with the values before */
        rg_error_clear(t);
        rg_init_fill(to->params[1], RG_CONSTANT(INFINITY)); /* of which 0 times is NaN */
        assert_int_equal(rg_nn_soft_update(to, from, 1), 0);
        for (int k = 0; k < from->nparams; k++) assert_true(same(to->params[k], from->params[k]));
        assert_int_equal(rg_nn_soft_update(to, to, .3), 0);
        for (int k = 0; k < from->nparams; k++) assert_true(same(to->params[k], from->params[k]));
    }
}

static rg_tensor *mix_meanwhile(void *nets, rg_tensor *x, rg_tensor *dx) {
    (void)x;
    assert_int_equal(rg_nn_soft_update(((rg_nn **)nets)[0], ((rg_nn **)nets)[1], .5), -1);
    return dx;
}

static void mixing_errors(void **state) {
    rg_tape *t = *state;
    rg_nn *a = rg_nn_mlp(t, "tanh", RG_ONES, 2, 3, 1), *b = rg_nn_mlp(t, "tanh", RG_ZEROS, 2, 4, 1),
        *longer = rg_nn_mlp(t, "tanh", RG_ZEROS, 2, 3, 1, 1);
    rg_nn *normed = rg_nn_sequential(t, rg_nn_linear(t, 2, 2, RG_ZEROS)), *without = rg_nn_layer_norm(t, 2),
        *with = rg_nn_batch_norm1d(t, 2);
    FAILS(rg_nn_soft_update(a, b, .5) == -1, "rg_nn_soft_update: the nets differ: 0.weight[2,3] in the one, 0.weight[2,4] in the other");
    FAILS(rg_nn_soft_update(a, longer, .5) == -1, "rg_nn_soft_update: the nets differ: nothing in the one, 4.weight[1,1] in the other");
    FAILS(rg_nn_soft_update(longer, a, .5) == -1, "rg_nn_soft_update: the nets differ: 4.weight[1,1] in the one, nothing in the other");
    FAILS(rg_nn_soft_update(with, without, .5) == -1,
        "rg_nn_soft_update: the nets differ: running_mean[2] in the one, nothing in the other");
    FAILS(rg_nn_soft_update(a, a, 1.5) == -1, "rg_nn_soft_update: tau is 1.5, must be from 0 to 1");
    FAILS(rg_nn_soft_update(a, a, (double)NAN) == -1, "rg_nn_soft_update: tau is nan, must be from 0 to 1");
    FAILS(rg_nn_soft_update(a, NULL, 1) == -1, "rg_nn_soft_update: there is no net for the sequential to follow");
    assert_int_equal(rg_nn_soft_update(NULL, a, 1), -1);
    assert_true(element(a->params[0], 0) == 1 && element(longer->params[0], 0) == 0);
    rg_set_default_dtype(t, RG_F64);
    rg_nn *double_precision = rg_nn_sequential(t, rg_nn_linear(t, 2, 2, RG_ONES));
    FAILS(rg_nn_soft_update(normed, double_precision, 1) == -1,
        "rg_nn_soft_update: the nets differ: 0.weight[2,2] f32 in the one, 0.weight[2,2] in the other");
    rg_nn *pair[] = {a, rg_nn_copy(a)};
    rg_tensor *y = rg_nn_forward(a, rg_cast(rg_full(t, 1, 1, 2), RG_F32));
    rg_on_grad(y, mix_meanwhile, pair);
    assert_int_equal(rg_backward(rg_sum(y)), -1);
    assert_non_null(strstr(rg_error(t), "rg_nn_soft_update: inside a backward pass"));
    rg_error_clear(t);
}

/* -------- two nets, and parameters without one, on one tape */

static void raw_parameters_of_one_name(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = rg_param_at("dir/a.c:10", t, "w", RG_ONES, RG_DIMS(2));
    const rg_rng before = *rg_tape_rng(t);
    assert_true(rg_failed(rg_param_at("dir/b.c:20", t, "w", RG_NORMAL(0, 1), RG_DIMS(3))));
    expect(t, "parameter w: the tape has one of this name, made at a.c:10 (b.c:20)");
    assert_true(rg_failed(rg_parameter_at("b.c:21", t, "w", RG_DIMS(3))));
    expect(t, "parameter w: the tape has one of this name, made at a.c:10 (b.c:21)");
    assert_true(rg_params(t).count == 1 && !memcmp(&before, rg_tape_rng(t), sizeof before));
    rg_set_name(w, "v");
    assert_false(rg_failed(rg_param(t, "w", RG_ONES, 3)) || rg_failed(rg_param(t, NULL, RG_ONES, 1)) ||
        rg_failed(rg_param(t, NULL, RG_ONES, 1)));
    rg_nn *a = rg_nn_sequential(t, rg_nn_linear(t, 2, 2, RG_ONES)), *b = rg_nn_sequential(t, rg_nn_linear(t, 2, 2, RG_ONES));
    assert_string_equal(rg_name_of(a->params[0]), rg_name_of(b->params[0]));
    assert_false(rg_failed(rg_buffer_of(t, "w", RG_F32, NULL, 3)));
    rg_tape *other = rg_tape_new(1);
    assert_false(rg_failed(rg_param(other, "w", RG_ONES, 3)));
    rg_tape_free(other);
}

/* -------- what was released is refused with the line that uses it */

static void released_tensors(void **state) {
    (void)state;
    rg_tape *t = tape_checked(true); /* what was released is found whatever was made since */
    rg_nn *relu = rg_nn_relu(t), *net = film_new(t, 3, 3);
    rg_tensor *w = rg_param(t, "w", RG_ONES, 3), *x = rg_full(t, 1, 3), *labels = rg_input(t, ((int32_t[]){0}), 1), *out;
    const int line_of_reset = __LINE__ + 1;
    rg_tape_reset(t);
    char message[200];
#define RELEASED(call, who)                                                                                                    \
    snprintf(message, sizeof message, "%s was released by the reset at test_nets.c:%d", who, line_of_reset);                   \
    FAILS(call, message)
    RELEASED(rg_failed(rg_detach(x)), "rg_detach: the tensor");
    RELEASED(rg_failed(rg_requires_grad(x, true)), "rg_requires_grad: the tensor");
    RELEASED(rg_write(x, ((float[]){1, 2, 3})) == -1, "rg_write: the tensor");
    RELEASED(rg_init_fill(x, RG_ONES) == -1, "rg_init_fill: the tensor");
    RELEASED(rg_copy_out(x, ((float[3]){0}), 3) == -1, "rg_copy_out: the tensor");
    RELEASED((rg_release(x), true), "rg_release: the tensor");
    RELEASED(rg_backward(x) == -1, "rg_backward: the loss");
    RELEASED(rg_backward(rg_sum(w), .inputs = rg_list_of(x)) == -1, "rg_backward: inputs[0]");
    RELEASED(rg_grad(rg_sum(w), rg_list_of(x), &out) == -1, "rg_grad: x[0]");
    RELEASED(isnan(rg_accuracy(rg_full(t, 1, 1, 2), labels)), "rg_accuracy: labels");
    RELEASED(rg_failed(rg_nn_forward(relu, x)), "rg_nn_forward: the input of the relu");
    RELEASED(rg_failed(rg_nn_forward(net, w, x)), "rg_nn_forward: input 2 of the film");
    RELEASED(rg_failed(rg_jacobian(rg_square(w), x)), "rg_jacobian: x[0]");
    RELEASED(rg_failed(rg_mse(w, x)), "mse: operand 2");
    rg_tape_free(t);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(names_of_a_residual_net), CASE(names_that_are_refused), CASE(names_of_shared_layers),
        CASE(long_names_are_not_cut), CASE(two_inputs), CASE(optional_inputs), CASE(wrong_inputs), CASE(attention_to_a_memory),
        CASE(a_decoder),
        CASE(recurrent_nets_from_a_state), CASE(hooks_see_and_replace), CASE(hooks_that_go), CASE(hooks_of_other_ways_in),
        CASE(a_copy_is_the_net_again), CASE(copies_grow_apart), CASE(copies_of_the_librarys_layers), CASE(copies_in_evaluation_and_errors),
        CASE(copies_without_memory), CASE(mixing), CASE(mixing_errors), CASE(raw_parameters_of_one_name), CASE(released_tensors)};
    return RUN("nets", cases);
}
