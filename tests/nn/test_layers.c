/* test_layers.c - convolutions, pools, normalisations, dropout and residuals as layers: names, initialisers, modes, buffers, errors; and
   a convolutional net that learns. */
#include "tests/ops/golden_norm.h"
#include "tests/support/numbers.h"

#include "nn/nn.h"
#include "tests/support/meter.h"

static void names_are(rg_list list, int n, const char *const *names) {
    assert_int_equal(list.count, n);
    for (int i = 0; i < n; i++) assert_string_equal(rg_name_of(list.items[i]), names[i]);
}
#define NAMES(list, ...) names_are(list, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *const[]){__VA_ARGS__})

static void expect(rg_tape *t, const char *message) {
    assert_non_null(rg_error(t));
    assert_string_equal(rg_error(t), message);
    rg_error_clear(t);
}

static bool same(const rg_tensor *a, const rg_tensor *b) {
    for (int64_t i = 0; i < a->numel; i++)
        if (element(a, i) != element(b, i)) return false;
    return a->numel == b->numel && a->ndim == b->ndim;
}

/* -------- convolutions and pools */

static void convolutions_are_their_ops(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_conv2d(t, 4, 6, RG_HE_NORMAL, .kernel = {3, 2}, .stride = {2}, .padding = {1}, .groups = 2),
          *bare = rg_nn_conv2d(t, 4, 6, RG_HE_NORMAL, .kernel = {3}, .bias = RG_NO_BIAS);
    rg_nn *line = rg_nn_conv1d(t, 4, 6, RG_HE_NORMAL, .kernel = {5}, .padding = {2}, .bias = RG_UNIFORM(-1, 1));
    NAMES(rg_nn_params(net), "weight", "bias");
    assert_shape(net->params[0], 4, (const int64_t[]){6, 2, 3, 2});
    assert_shape(bare->params[0], 4, (const int64_t[]){6, 4, 3, 3});
    assert_shape(line->params[0], 3, (const int64_t[]){6, 4, 5});
    assert_int_equal(rg_nn_params(bare).count, 1);
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(3, 4, 9, 8)), *z = numbers(t, RG_F32, RG_DIMS(3, 4, 9));
    assert_true(same(rg_nn_forward(net, x), rg_conv2d(x, net->params[0], net->params[1], .stride = {2}, .padding = {1}, .groups = 2)));
    assert_true(same(rg_nn_forward(bare, x), rg_conv2d(x, bare->params[0], NULL)));
    assert_true(same(rg_nn_forward(line, z), rg_conv1d(z, line->params[0], line->params[1], .padding = {2})));
    assert_true(same(rg_nn_forward(rg_nn_max_pool2d(t, .kernel = {2}), x), rg_max_pool2d(x, .kernel = {2})));
    assert_true(same(rg_nn_forward(rg_nn_avg_pool2d(t, .kernel = {2}, .stride = {1}), x), rg_avg_pool2d(x, .kernel = {2}, .stride = {1})));
    assert_true(same(rg_nn_forward(rg_nn_global_avg_pool2d(t), x), rg_mean(x, 2, 3)));
}

/* Fans as PyTorch counts them: in / groups kh kw and out kh kw. */
static void fans_of_windows(void **state) {
    rg_tape *t = *state;
    const struct { rg_init init; double variance; } cases[] = {{RG_HE_NORMAL, 2. / (32 * 15)}, {RG_LECUN_UNIFORM, 1. / (32 * 15)},
        {RG_XAVIER_UNIFORM, 2. / (32 * 15 + 64 * 15)}, {RG_NORMAL(0, .5), .25}};
    for (int k = 0; k < 4; k++) {
        const rg_tensor *w = rg_nn_conv2d(t, 64, 64, cases[k].init, .kernel = {3, 5}, .groups = 2)->params[0];
        double square = 0;
        for (int64_t i = 0; i < w->numel; i++) square += element(w, i) * element(w, i) / (double)w->numel;
        if (!(fabs(square / cases[k].variance - 1) < .04)) fail_msg("case %d: variance %g, should be %g", k, square, cases[k].variance);
    }
}

/* -------- normalisation */

static void sines(rg_tensor *x, int start, double scale, double shift) {
    for (int64_t i = 0; i < x->numel; i++) ((double *)x->data)[i] = shift + scale * sin((double)(start + i));
}

static void batch_norm_in_a_net(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    rg_nn *net = rg_nn_sequential(t, rg_nn_conv2d(t, 3, 3, RG_ZEROS, .kernel = {1}), rg_nn_batch_norm2d(t, 3));
    NAMES(rg_nn_params(net), "0.weight", "0.bias", "1.weight", "1.bias");
    NAMES(rg_nn_buffers(net), "1.running_mean", "1.running_var");
    for (int i = 0; i < 3; i++) ((double *)net->params[0]->data)[4 * i] = 1; /* the identity */
    sines(net->params[2], 30, .5, 1);
    sines(net->params[3], 50, 1, 0);
    for (int step = 0; step < 4; step++) {
        rg_tensor *x = rg_full(t, 0, 4, 3, 2, 2);
        sines(x, 1 + 5 * step, 1, .1 * step);
        rg_tensor *y = rg_nn_forward(net, x);
        for (int64_t i = 0; step == 3 && i < y->numel; i++)
            if (!(fabs(element(y, i) - BATCH_NORM[i]) < 1e-13)) fail_msg("training: element %lld is %g", (long long)i, element(y, i));
        rg_tape_reset(t);
    }
    for (int k = 0; k < 6; k++)
        if (!(fabs(element(rg_nn_buffers(net).items[k / 3], k % 3) - RUNNING[k]) < 1e-14)) fail_msg("running statistics: element %d", k);
    rg_nn_train(net, false);
    rg_tensor *x = rg_full(t, 0, 1, 3, 1, 2);
    sines(x, 90, 1, 0);
    rg_tensor *y = rg_nn_forward(net, x);
    for (int64_t i = 0; i < y->numel; i++)
        if (!(fabs(element(y, i) - EVALUATED[i]) < 1e-13)) fail_msg("evaluation: element %lld is %g", (long long)i, element(y, i));
    assert_true(fabs(element(rg_nn_buffers(net).items[0], 0) - RUNNING[0]) < 1e-14);
    assert_int_equal(rg_nn_params(net).count, 4); /* no optimiser sees a buffer */
    assert_int_equal(rg_params(t).count, 4);
}

static void norms_are_their_ops(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(5, 3, 4)), *two = numbers(t, RG_F32, RG_DIMS(6, 3));
    rg_nn *layer = rg_nn_layer_norm(t, 3, 4), *rms = rg_nn_rms_norm(t, 4), *batch = rg_nn_batch_norm1d(t, 3);
    NAMES(rg_nn_params(layer), "weight", "bias");
    NAMES(rg_nn_params(rms), "weight");
    assert_true(same(rg_nn_forward(layer, x), rg_layer_norm(x, layer->params[0], layer->params[1], 2, .eps = 1e-5)));
    assert_true(same(rg_nn_forward(rms, x), rg_rms_norm(x, rms->params[0], 1, .eps = 0x1p-23)));
    assert_true(same(rg_nn_forward(batch, x),
        rg_batch_norm(x, NULL, NULL, batch->params[0], batch->params[1], .training = true, .momentum = RG_ZERO, .eps = 1e-5)));
    assert_true(same(rg_nn_forward(batch, two),
        rg_batch_norm(two, NULL, NULL, batch->params[0], batch->params[1], .training = true, .momentum = RG_ZERO, .eps = 1e-5)));
    assert_true(element(batch->buffers[1], 0) != 1);
}

static void buffers_count_once_and_have_names(void **state) {
    rg_tape *t = *state;
    rg_nn *shared = rg_nn_batch_norm1d(t, 2), *own = rg_nn_named(rg_nn_batch_norm1d(t, 2), "own");
    rg_nn *net = rg_nn_named(rg_nn_sequential(t, shared, rg_nn_residual(rg_nn_sequential(t, shared, own))), "net");
    NAMES(rg_nn_buffers(net), "net.0.0.running_mean", "net.0.0.running_var", "net.1.0.own.running_mean", "net.1.0.own.running_var");
    assert_int_equal(rg_nn_buffers(NULL).count, 0);
    assert_true(rg_failed(rg_nn_buffer_at("a.c:4", shared, "more", 0, RG_DIMS(2))));
    expect(t, "rg_nn_buffer: the batch_norm1d is part of another layer already (a.c:4)");
}

/* -------- dropout, residual */

static void dropout_only_while_training(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_sequential(t, rg_nn_dropout(t, .5), rg_nn_relu(t));
    rg_tensor *x = rg_full(t, 1, 1000), *y = rg_nn_forward(net, x), *again = rg_nn_forward(net, x);
    int64_t dropped = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(element(y, i) == 0 || element(y, i) == 2);
        dropped += element(y, i) == 0;
    }
    assert_true(dropped > 430 && dropped < 570);
    assert_false(same(y, again));
    rg_nn_train(net, false);
    const rg_rng before = *rg_tape_rng(t);
    assert_true(same(rg_nn_forward(net, x), x));
    assert_memory_equal(&before, rg_tape_rng(t), sizeof before);
}

static void residual_adds_its_input(void **state) {
    rg_tape *t = *state;
    rg_nn *inner = rg_nn_linear(t, 3, 3, RG_HE_NORMAL), *net = rg_nn_residual(inner);
    NAMES(rg_nn_params(net), "0.weight", "0.bias");
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(4, 3));
    assert_true(same(rg_nn_forward(net, x), rg_add(x, rg_nn_forward(inner, x))));
    assert_null(rg_nn_residual(NULL));
    assert_true(rg_failed(rg_nn_forward_at("a.c:5", rg_nn_residual(rg_nn_linear(t, 3, 2, RG_ONES)), RG_IN(x))));
    assert_non_null(strstr(rg_error(t), "dimensions 3 and 2 do not broadcast (a.c:5)"));
    rg_error_clear(t);
}

/* -------- errors */

static void errors(void **state) {
    rg_tape *t = *state;
    assert_null(rg_nn_conv2d_at("a.c:1", t, 4, 6, RG_ONES, (rg_conv_options){.stride = {1}}));
    expect(t, "conv2d: the kernel is 0x0, must be at least 1x1 (a.c:1)");
    assert_null(rg_nn_conv1d_at("a.c:1", t, 4, 6, RG_ONES, (rg_conv_options){.kernel = {2}, .groups = 3}));
    expect(t, "conv1d: 3 groups do not divide 4 channels in and 6 out (a.c:1)");
    assert_null(rg_nn_conv2d_at("a.c:1", t, 4, 6, RG_INIT_OF(RG_INIT_FAN_IN_NORMAL, -2, 0), (rg_conv_options){.kernel = {2}}));
    expect(t, "conv2d: weight: scale -2 is negative (a.c:1)");
    assert_null(rg_nn_conv2d(t, 4, -6, RG_ONES, .kernel = {2}));
    rg_error_clear(t);
    assert_null(rg_nn_dropout_at("a.c:1", t, -.5));
    expect(t, "rg_nn_dropout: p = -0.5 is no probability (a.c:1)");
    assert_null(rg_nn_batch_norm2d_at("a.c:1", t, 4, (rg_nn_batch_norm_options){.momentum = (double)NAN}));
    expect(t, "rg_nn_batch_norm: momentum is nan, must be from 0 to 1 (a.c:1)");
    assert_null(rg_nn_batch_norm2d_at("a.c:1", t, 4, (rg_nn_batch_norm_options){.eps = -1}));
    expect(t, "rg_nn_batch_norm: eps is -1, must be at least 0 and finite (a.c:1)");
    assert_null(rg_nn_max_pool2d_at("a.c:1", t, (rg_window_options){.stride = {2}}));
    expect(t, "max_pool2d: the kernel is 0x0, must be at least 1x1 (a.c:1)");
    assert_null(rg_nn_avg_pool2d_at("a.c:1", t, (rg_window_options){.kernel = {2, -1}}));
    expect(t, "avg_pool2d: the kernel is 2x-1, must be at least 1x1 (a.c:1)");
    rg_tensor *x = rg_full(t, 1, 2, 4);
    assert_true(rg_failed(rg_nn_forward_at("a.c:1", rg_nn_global_avg_pool2d(t), RG_IN(x))));
    expect(t, "global_avg_pool2d: [2,4] is not [n, channels, h, w] (a.c:1)");
    assert_true(rg_failed(rg_nn_forward_at("a.c:1", rg_nn_batch_norm2d(t, 4), RG_IN(x))));
    expect(t, "batch_norm2d: an input of 2 dimensions, not [n, channels, h, w] (a.c:1)");
    assert_true(rg_failed(rg_nn_forward_at("a.c:1", rg_nn_batch_norm1d(t, 3), RG_IN(x))));
    rg_error_clear(t);
    assert_null(rg_nn_conv2d(NULL, 1, 1, RG_ONES, .kernel = {1}));
    assert_null(rg_nn_batch_norm1d(NULL, 1));
    assert_null(rg_nn_layer_norm(NULL, 1));
    assert_null(rg_nn_dropout(NULL, .5));
    assert_null(rg_nn_max_pool2d(NULL, .kernel = {1}));
}

/* Every allocation fails in turn; the error is named, the next try succeeds, nothing leaks, no statistic moves in a failed step. */
static void without_memory(void **state) {
    (void)state;
    int failures = 0;
    for (bool done = false; !done; failures++) {
        meter m = {.fail_at = -1};
        rg_tape *t = metered_tape(&m, true, 0);
        rg_tensor *x = rg_full(t, 1, 3, 2, 6, 6);
        for (int try = 0; try < 2; try++) {
            m.fail_at = try ? -1 : m.calls + failures;
            rg_nn *net = rg_nn_sequential(t, rg_nn_conv2d(t, 2, 4, RG_HE_NORMAL, .kernel = {3}), rg_nn_batch_norm2d(t, 4),
                rg_nn_dropout(t, .5), rg_nn_max_pool2d(t, .kernel = {2}), rg_nn_avg_pool2d(t, .kernel = {2}), rg_nn_flatten(t),
                rg_nn_layer_norm(t, 4), rg_nn_rms_norm(t, 4));
            rg_tensor *y = rg_nn_forward(net, x);
            const int failed = rg_backward(rg_sum(rg_square(y)));
            m.fail_at = -1;
            if (rg_error(t)) {
                assert_int_equal(try, 0);
                assert_int_equal(rg_error_code(t), RG_ENOMEM);
                assert_int_equal(failed, -1);
                rg_error_clear(t);
            } else {
                assert_int_equal(rg_nn_buffers(net).count, 2);
                assert_int_equal(failed, 0);
                done |= try == 0;
            }
            rg_tape_reset(t);
            x = rg_full(t, 1, 3, 2, 6, 6);
        }
        rg_tape_free(t);
        assert_int_equal(m.out, 0);
    }
    assert_true(failures > 60);
}

/* -------- learning */

static rg_tensor *images(rg_tensor *x) { return rg_reshape(x, rg_dim(x, 0), 1, 28, 28); }

static void learns_digits(void **state) {
    rg_tape *t = *state;
    const rg_dataset train = rg_make_digits(t, 1280), test = rg_make_digits(t, 400);
    rg_nn *net = rg_nn_sequential(t, rg_nn_conv2d(t, 1, 6, RG_HE_NORMAL, .kernel = {5}, .stride = {2}, .padding = {2}),
        rg_nn_batch_norm2d(t, 6), rg_nn_relu(t), rg_nn_max_pool2d(t, .kernel = {2}),
        rg_nn_residual(rg_nn_conv2d(t, 6, 6, RG_HE_NORMAL, .kernel = {3}, .padding = {1})), rg_nn_relu(t), rg_nn_flatten(t),
        rg_nn_dropout(t, .1), rg_nn_linear(t, 294, 10, RG_XAVIER_NORMAL));
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(net), .lr = .01);
    rg_loader *batches = rg_loader_new(t, train.x, train.y, .batch = 64, .shuffle = true);
    int64_t allocations = 0;
    for (int epoch = 0; epoch < 3; epoch++) {
        for (rg_tensor *x, *y; rg_loader_next(batches, &x, &y);) {
            rg_backward(rg_cross_entropy(rg_nn_forward(net, images(x)), y));
            rg_optim_step(adam);
            rg_tape_reset(t);
        }
        if (epoch && rg_info().pool) assert_int_equal(rg_memory(t).allocations, allocations);
        allocations = rg_memory(t).allocations;
    }
    rg_nn_train(net, false);
    rg_record(t, false);
    const double right = rg_accuracy(rg_nn_forward(net, images(rg_mul_scalar(rg_cast(test.x, RG_F32), 1. / 255))), test.y);
    rg_record(t, true);
    if (!(right > .9)) fail_msg("%.1f%% of the digits are read rightly", 100 * right);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(convolutions_are_their_ops), CASE(fans_of_windows), CASE(batch_norm_in_a_net),
        CASE(norms_are_their_ops),
        CASE(buffers_count_once_and_have_names), CASE(dropout_only_while_training), CASE(residual_adds_its_input), CASE(errors),
        CASE(without_memory), CASE(learns_digits)};
    return RUN("layers", cases);
}
