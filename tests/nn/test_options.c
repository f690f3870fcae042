/* test_options.c - options and counts outside of what is allowed: each is refused, by the function's name and that of what is wrong. */
#include "tests/support/numbers.h"

#include <math.h>

#include "retrograd.h"

static rg_tape *t;
static rg_tensor *w;
static rg_list one;

static int begin(void **state) {
    (void)state;
    t = rg_tape_new(1);
    rg_on_error(t, NULL, NULL);
    w = rg_param(t, "w", RG_ONES, 4);
    one = rg_params(t);
    return 0;
}

static int end(void **state) { return (void)state, rg_tape_free(t), 0; }

/* `failed` holds, and the message has all the words. */
#define BAD(word, failed)                                      \
    do {                                                       \
        if (!(failed)) fail_msg("%s is not refused", #failed); \
        if (!rg_error(t) || !strstr(rg_error(t), word)) \
            fail_msg("%s: the message is \"%s\"", #failed, rg_error(t) ? rg_error(t) : "none"); \
        rg_error_clear(t);                                     \
    } while (0)
#define EACH(...) for (const double *v = (const double[]){__VA_ARGS__, -99}; *v != -99; v++)

static void of_optimisers(void **state) {
    (void)state;
    const rg_list none = {&w, 0}, nowhere = {NULL, 1};
    BAD("no parameters", !rg_optim_sgd(t, none, .lr = 1));
    BAD("no parameters", !rg_optim_sgd(t, nowhere, .lr = 1));
    EACH(-1, INFINITY, NAN) {
        BAD("lr", !rg_optim_sgd(t, one, .lr = *v));
        BAD("momentum", !rg_optim_sgd(t, one, .momentum = *v));
        BAD("lr", !rg_optim_adam(t, one, .lr = *v));
        BAD("eps", !rg_optim_adam(t, one, .eps = *v));
        BAD("beta1", !rg_optim_adam(t, one, .beta1 = *v));
        BAD("beta2", !rg_optim_adam(t, one, .beta2 = *v));
        BAD("lr", !rg_optim_rmsprop(t, one, .lr = *v));
        BAD("eps", !rg_optim_rmsprop(t, one, .eps = *v));
        BAD("weight_decay", !rg_optim_rmsprop(t, one, .weight_decay = *v));
        BAD("momentum", !rg_optim_rmsprop(t, one, .momentum = *v));
        BAD("alpha", !rg_optim_rmsprop(t, one, .alpha = *v));
        BAD("lr", !rg_optim_adagrad(t, one, .lr = *v));
        BAD("eps", !rg_optim_adagrad(t, one, .eps = *v));
        BAD("weight_decay", !rg_optim_adagrad(t, one, .weight_decay = *v));
        BAD("lr_decay", !rg_optim_adagrad(t, one, .lr_decay = *v));
        BAD("initial_accumulator", !rg_optim_adagrad(t, one, .initial_accumulator = *v));
        BAD("lr", !rg_optim_lion(t, one, .lr = *v));
        BAD("weight_decay", !rg_optim_lion(t, one, .weight_decay = *v));
        BAD("beta1", !rg_optim_lion(t, one, .beta1 = *v));
        rg_optim *o = rg_optim_sgd(t, one, .lr = 1);
        rg_tensor *more = rg_param(t, NULL, RG_ONES, 1);
        BAD("lr", rg_optim_add_group(o, ((rg_list){&more, 1}), .lr = *v));
        BAD("weight_decay", rg_optim_add_group(o, ((rg_list){&more, 1}), .weight_decay = *v));
        BAD("factor", rg_optim_scale_lr(o, *v));
        BAD("lr", rg_optim_set_lr(o, *v));
        BAD("group 7", rg_optim_set_group_lr(o, 7, 1));
    }
}

static void of_averages(void **state) {
    (void)state;
    const rg_list none = {&w, 0};
    EACH(-.1, 1.1, NAN) BAD("decay", !rg_ema_new(t, one, *v));
    BAD("no parameters", !rg_ema_new(t, none, .5));
    EACH(-1, NAN) BAD("min_delta", !rg_early_stopping_new(t, one, .min_delta = *v));
    BAD("patience", !rg_early_stopping_new(t, one, .patience = -1));
    BAD("no parameters", !rg_early_stopping_new(t, none));
    rg_ema *a = rg_ema_new(t, (rg_list_of(w, w)), .5);
    assert_true(rg_ema_of(a, 0) && !rg_ema_of(a, 1) && !rg_ema_of(a, 2) && !rg_ema_of(a, -1)); /* listed twice: kept once */
    assert_true(rg_ema_update(NULL) && rg_ema_swap(NULL) && rg_early_stopping_restore(NULL) && rg_early_stopping_step(NULL, 1));
}

static rg_tensor *nothing(const char *at, rg_nn *net, rg_tensor *const *in) { return (void)at, (void)net, (void)in, NULL; }

static void of_layers(void **state) {
    (void)state;
    BAD("kind", !rg_nn_new(t, NULL, nothing, sizeof(rg_nn)));
    BAD("forward", !rg_nn_new(t, "none", NULL, sizeof(rg_nn)));
    BAD("smaller", !rg_nn_new(t, "none", nothing, 1));
    EACH(-1, 9) BAD("1 to 8", !rg_nn_new(t, "none", nothing, sizeof(rg_nn), .inputs = (int)*v));
    EACH(-1, 1, 2) BAD("optional", !rg_nn_new(t, "none", nothing, sizeof(rg_nn), .optional = (int)*v));
    BAD("returned NULL", rg_failed(rg_nn_forward(rg_nn_new(t, "none", nothing, sizeof(rg_nn)), w)));
    BAD("negative", !rg_nn_linear(t, -1, 2, RG_ONES));
    BAD("negative", !rg_nn_linear(t, 1, -2, RG_ONES));
    BAD("kernel", !rg_nn_conv2d(t, 2, 2, RG_ONES, .kernel = {0}));
    BAD("kernel", !rg_nn_conv2d(t, 2, 2, RG_ONES, .kernel = {2, -1}));
    BAD("groups", !rg_nn_conv2d(t, 2, 2, RG_ONES, .kernel = {1}, .groups = -1));
    BAD("groups", !rg_nn_conv2d(t, 3, 2, RG_ONES, .kernel = {1}, .groups = 2));
    BAD("groups", !rg_nn_conv2d(t, 2, 3, RG_ONES, .kernel = {1}, .groups = 2));
    EACH(-1, 2, NAN) {
        BAD("momentum", !rg_nn_batch_norm1d(t, 4, .momentum = *v));
        BAD("p =", !rg_nn_dropout(t, *v));
        BAD("dropout", !rg_nn_lstm(t, 2, 2, .dropout = *v));
        BAD("dropout", !rg_nn_multi_head_attention(t, 4, 2, RG_ONES, .dropout = *v));
    }
    EACH(-1, INFINITY, NAN) BAD("eps", !rg_nn_batch_norm1d(t, 4, .eps = *v));
    BAD("dimensions", rg_failed(rg_nn_forward(rg_nn_batch_norm2d(t, 4), rg_full(t, 1, 2, 4, 3))));
    BAD("dimensions", rg_failed(rg_nn_forward(rg_nn_batch_norm1d(t, 4), rg_full(t, 1, 2, 4, 3, 3))));
    EACH(-1, 256) BAD("layers", !rg_nn_rnn(t, 2, 2, .layers = (int)*v));
    BAD("units", !rg_nn_gru(t, -1, 2));
    BAD("units", !rg_nn_gru(t, 2, 0));
    BAD("relu", !rg_nn_lstm(t, 2, 2, .relu = true));
    BAD("heads", !rg_nn_multi_head_attention(t, 0, 2, RG_ONES));
    BAD("heads", !rg_nn_multi_head_attention(t, 4, 0, RG_ONES));
    BAD("heads", !rg_nn_multi_head_attention(t, 4, 3, RG_ONES));
    rg_nn *heads = rg_nn_multi_head_attention(t, 4, 2, RG_ONES), *places = rg_nn_positional_embedding(t, 3, 4, RG_ONES);
    rg_tensor *q = rg_full(t, 1, 2, 3, 4), *other_batch = rg_full(t, 1, 3, 3, 4), *longer = rg_full(t, 1, 2, 5, 4);
    BAD("[2,3,4]", rg_failed(rg_nn_attend(heads, q, other_batch, other_batch, NULL)));
    BAD("[2,3,4]", rg_failed(rg_nn_attend(heads, q, q, other_batch, NULL)));
    BAD("[2,5,4]", rg_failed(rg_nn_attend(heads, q, q, longer, NULL)));
    BAD("[2,5,4]", rg_failed(rg_nn_forward(places, longer)));
    BAD("[4]", rg_failed(rg_nn_forward(places, rg_full(t, 1, 4))));
    BAD("[3,5]", rg_failed(rg_nn_forward(places, rg_full(t, 1, 3, 5))));
    BAD("state", rg_failed(rg_nn_unroll(rg_nn_rnn(t, 4, 2), q, &(rg_rnn_state){.h = rg_full(t, 0, 1, 2, 3)})));
    BAD("state", rg_failed(rg_nn_unroll(rg_nn_rnn(t, 4, 2), q, &(rg_rnn_state){.h = rg_full(t, 0, 2, 2, 2)})));
    BAD("state", rg_failed(rg_nn_unroll(rg_nn_rnn(t, 4, 2), q, &(rg_rnn_state){.h = rg_full(t, 0, 1, 2)})));
}

static void of_operators(void **state) {
    (void)state;
    rg_tensor *x = rg_full(t, 1, 2, 3), *parts[2], *g;
    EACH(INFINITY, NAN) {
        BAD("rg_linspace", rg_failed(rg_linspace(t, *v, 1, 3)));
        BAD("rg_linspace", rg_failed(rg_linspace(t, 0, *v, 3)));
        BAD("rg_uniform", rg_failed(rg_uniform(t, *v, 1, 3)));
        BAD("rg_normal", rg_failed(rg_normal(t, *v, 1, 3)));
        BAD("rg_normal", rg_failed(rg_normal(t, 0, *v, 3)));
    }
    BAD("rg_normal", rg_failed(rg_normal(t, 0, -1, 3)));
    BAD("rg_uniform", rg_failed(rg_uniform(t, 1, 0, 3)));
    BAD("parts", rg_chunk(x, parts, 0, 0));
    BAD("the list is NULL", rg_split_n(x, parts, 0, 2, NULL));
    BAD("no place", rg_chunk(x, NULL, 0, 2));
    BAD("pairs", rg_failed(rg_constant_pad(x, 0, 1)));
    EACH(-3, 2) {
        BAD("axes", rg_failed(rg_transpose(x, (int)*v, 0)));
        BAD("axes", rg_failed(rg_transpose(x, 0, (int)*v)));
    }
    rg_tensor *y = rg_sum(rg_square(w));
    BAD("no x", rg_failed(rg_jvp(y, rg_list_of_n(0, &w), rg_list_of_n(0, &w))));
    BAD("no x", rg_failed(rg_jvp(y, rg_list_of_n(1, NULL), rg_list_of(w))));
    BAD("no v", rg_failed(rg_jvp(y, rg_list_of(w), rg_list_of_n(1, NULL))));
    BAD("does not fit", rg_failed(rg_jvp(y, rg_list_of(w), rg_list_of(x))));
    BAD("no v", rg_hvp(y, rg_list_of(w), rg_list_of_n(1, NULL), &g));
    BAD("no place", rg_hvp(y, rg_list_of(w), rg_list_of(w), NULL));
}

static void lists_that_are_null(void **state) {
    (void)state;
    rg_tensor *x = rg_full(t, 1, 2, 3);
    const rg_list nowhere = {NULL, 3};
    assert_true(rg_failed(rg_argmax_n(NULL, 1, NULL)) && rg_failed(rg_logsumexp_n(NULL, 1, NULL)));
    assert_non_null(rg_logsumexp(NULL, 0)); /* no function returns NULL in place of a tensor */
    BAD("NULL", rg_failed(rg_permute_n(x, 2, NULL)));
    BAD("NULL", rg_failed(rg_reshape_n(x, 2, NULL)));
    BAD("NULL", rg_failed(rg_repeat_n(x, 2, NULL)));
    BAD("NULL", rg_failed(rg_constant_pad_n(x, 0, 2, NULL)));
    BAD("pairs", rg_failed(rg_constant_pad_n(x, 0, -2, NULL)));
    for (int n = -2; n < 3; n++) {
        if (n == 0) continue; /* all axes */
        BAD("a negative count of axes, or no list", rg_failed(rg_sum_n(x, n, NULL)));
        BAD("a negative count of axes, or no list", rg_failed(rg_max_n(x, n, NULL)));
        BAD("a negative count of axes, or no list", rg_failed(rg_logsumexp_n(x, n, NULL)));
        BAD(" axes, not one or none", rg_failed(rg_argmax_n(x, n, NULL)));
    }
    BAD("NULL", rg_failed(rg_param_n(t, "o", RG_ORTHOGONAL(1), 2, NULL)));
    BAD("at most 6", rg_failed(rg_param_n(t, "o", RG_ORTHOGONAL(1), 9, NULL)));
    BAD("NULL", !rg_nn_sequential_n(t, 2, NULL));
    BAD("NULL", rg_state_tensors(rg_state_new(t), NULL, nowhere));
    BAD("no tensors", rg_safetensors_save(t, "/dev/null/no", nowhere));
    assert_null(rg_list_find(nowhere, "a"));
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        BAD("cannot be written", rg_nn_print(rg_nn_relu(t), NULL, full));
        fclose(full);
    }
}

static void of_loaders(void **state) {
    (void)state;
    rg_tape *other = rg_tape_new(1);
    rg_tensor *x = rg_buffer_of(t, NULL, RG_F32, NULL, 6, 3), *y = rg_buffer_of(t, NULL, RG_I32, NULL, 6);
    BAD("another tape", !rg_loader_new(t, x, rg_buffer_of(other, NULL, RG_I32, NULL, 6), .batch = 2));
    BAD("another tape", !rg_loader_new(t, rg_buffer_of(other, NULL, RG_F32, NULL, 6, 3), y, .batch = 2));
    rg_loader *l = rg_loader_new(t, x, y, .batch = 2);
    assert_true(rg_loader_next(l, NULL, NULL));
    static const int32_t labels[6];
    rg_tensor *bx = rg_full(t, 0, 2, 3), *by = rg_input(t, labels, 2);
    assert_true(rg_loader_refill(l, bx, by));
    rg_tensor *const bad_x[] = {rg_full(t, 0, 2, 4), rg_full(t, 0, 6), rg_full(t, 0), rg_mul(bx, bx), rg_detach(bx), rg_cast(bx, RG_I32)},
                     *const bad_y[] = {rg_input(t, labels, 3), rg_input(t, labels, 2, 1, 2), rg_full(t, 0, 2), rg_detach(by)};
    for (size_t k = 0; k < sizeof bad_x / sizeof *bad_x; k++) BAD("rg_loader_refill", !rg_loader_refill(l, bad_x[k], by));
    for (size_t k = 0; k < sizeof bad_y / sizeof *bad_y; k++) BAD("rg_loader_refill", !rg_loader_refill(l, bx, bad_y[k]));
    rg_tape_free(other);
}

int main(void) {
#define ONE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    static const struct CMUnitTest cases[] = {ONE(of_optimisers), ONE(of_averages), ONE(of_layers), ONE(of_operators),
        ONE(lists_that_are_null), ONE(of_loaders)};
    return cmocka_run_group_tests_name("options", cases, NULL, NULL);
}
