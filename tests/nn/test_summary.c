/* test_summary.c - rg_nn_print, rg_nn_count, and evaluation and back. */
#include "tests/support/numbers.h"

#include <stdlib.h>

#include "retrograd.h"

static rg_tape *t;

static int begin(void **state) { return (void)state, t = rg_tape_new(1), rg_on_error(t, NULL, NULL), 0; }
static int end(void **state) { return (void)state, rg_tape_free(t), 0; }

static void prints(rg_nn *net, rg_tensor *x, const char *expected) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    const int failed = rg_nn_print(net, x, to);
    fclose(to);
    if (rg_error(t)) fail_msg("%s", rg_error(t));
    assert_int_equal(failed, 0);
    assert_string_equal(text, expected);
    free(text);
}

static void a_tree(void **state) {
    (void)state;
    rg_nn *inner = rg_nn_sequential(t, rg_nn_linear(t, 8, 8, RG_ONES), rg_nn_relu(t)), *body = rg_nn_named(rg_nn_residual(inner), "body");
    rg_nn *net =
        rg_nn_sequential(t, rg_nn_linear(t, 4, 8, RG_ONES, .bias = RG_NO_BIAS), body, rg_nn_batch_norm1d(t, 8), rg_nn_dropout(t, .5));
    prints(net, NULL,
        "sequential\n"
        "  0: linear  weight[4,8]                                                      32\n"
        "  body: residual\n"
        "    0: sequential\n"
        "      0: linear  weight[8,8] bias[8]                                          72\n"
        "      1: relu\n"
        "  2: batch_norm1d  weight[8] bias[8]                                          16\n"
        "  3: dropout\n"
        "120 parameters in 5 tensors, 480 bytes\n"
        "2 buffers, 64 bytes\n");
    const rg_memory_stats before = rg_memory(t);
    rg_tensor *x = rg_full(t, 1, 2, 4);
    prints(net, x,
        "sequential                                         [2,8]\n"
        "  0: linear  weight[4,8]                           [2,8]                      32\n"
        "  body: residual                                   [2,8]\n"
        "    0: sequential                                  [2,8]\n"
        "      0: linear  weight[8,8] bias[8]               [2,8]                      72\n"
        "      1: relu                                      [2,8]\n"
        "  2: batch_norm1d  weight[8] bias[8]               [2,8]                      16\n"
        "  3: dropout                                       [2,8]\n"
        "120 parameters in 5 tensors, 480 bytes\n"
        "2 buffers, 64 bytes\n");
    assert_int_equal(rg_memory(t).tensors, before.tensors + 1); /* x */
    assert_true(net->training && net->children[2]->training);
    assert_true(rg_f32(rg_nn_buffers(net).items[0])[0] == 0); /* the running mean has not moved */
    assert_true(rg_needs_grad(rg_nn_forward(net, x)));
    assert_int_equal(rg_nn_count(net), 120);
    assert_int_equal(rg_nn_count(NULL), 0);
}

/* A row that needs more room moves the columns of all rows. */
static void columns_are_as_wide_as_the_widest_row(void **state) {
    (void)state;
    rg_nn *net = rg_nn_sequential(t, rg_nn_lstm(t, 4, 8), rg_nn_linear(t, 8, 2, RG_ONES));
    prints(net, NULL,
        "sequential\n"
        "  0: lstm  weight_ih_l0[4,32] weight_hh_l0[8,32] bias_ih_l0[32] bias_hh_l0[32]                           448\n"
        "  1: linear  weight[8,2] bias[2]                                                                          18\n"
        "466 parameters in 6 tensors, 1864 bytes\n");
}

static void a_shared_layer_counts_once(void **state) {
    (void)state;
    rg_nn *shared = rg_nn_linear(t, 3, 3, RG_ONES), *net = rg_nn_sequential(t, shared, rg_nn_tanh(t), shared);
    assert_int_equal(rg_nn_count(net), 12);
    prints(net, NULL,
        "sequential\n"
        "  0: linear  weight[3,3] bias[3]                                              12\n"
        "  1: tanh\n"
        "  2: linear  weight[3,3] bias[3]                                              12\n"
        "12 parameters in 2 tensors, 48 bytes\n");
}

static void evaluation_nests(void **state) {
    (void)state;
    rg_nn *shared = rg_nn_dropout(t, .5), *off = rg_nn_dropout(t, .5),
        *net = rg_nn_sequential(t, rg_nn_linear(t, 2, 2, RG_ONES), shared, off, shared);
    rg_nn_train(off, false); /* stays so */
    for (int depth = 1; depth < 3; depth++) {
        for (int i = 0; i < depth; i++) rg_nn_eval(net);
        rg_tensor *x = rg_full(t, 1, 1, 2), *y = rg_nn_forward(net, x);
        assert_false(rg_needs_grad(y));
        assert_true(rg_f32(y)[0] == 2 && rg_f32(y)[1] == 2);
        for (int i = 0; i < depth; i++) {
            assert_false(net->training || shared->training);
            rg_nn_eval_end(net);
        }
        assert_true(net->training && shared->training && !off->training);
        assert_true(rg_needs_grad(rg_nn_forward(net, x)));
    }
    assert_null(rg_error(t));
    rg_nn_eval_end(net);
    assert_non_null(strstr(rg_error(t), "rg_nn_eval_end: there was no rg_nn_eval of the sequential (test_summary.c:"));
}

static void evaluations_of_several_nets(void **state) {
    (void)state;
    rg_nn *d = rg_nn_dropout(t, .5), *a = rg_nn_sequential(t, rg_nn_linear(t, 2, 2, RG_ONES), d), *b = rg_nn_linear(t, 2, 2, RG_ONES);
    rg_tensor *x = rg_full(t, 1, 1, 2);
    rg_nn_eval(a), rg_nn_eval(b), rg_nn_eval_end(a);
    assert_true(rg_needs_grad(rg_nn_forward(a, x)) && !rg_needs_grad(rg_nn_forward(b, x)));
    rg_nn_eval_end(b);
    assert_true(rg_needs_grad(rg_nn_forward(b, x)) && rg_record(t, true));
    rg_nn_eval(a);
    rg_nn_eval_end(d); /* it is in evaluation, but by a */
    assert_int_equal(rg_error_code(t), RG_ESTATE);
    rg_error_clear(t);
    rg_nn_eval(d), rg_nn_eval_end(d); /* within that of a */
    assert_false(d->training);
    assert_int_equal(rg_nn_add(a, NULL, rg_nn_relu(t)), -1);
    assert_non_null(strstr(rg_error(t), "rg_nn_add: the sequential is in evaluation"));
    rg_error_clear(t);
    rg_nn_eval_end(a);
    assert_true(a->training && d->training && a->evals == 0 && d->evals == 0);
}

static void evaluation_of_other_entrances(void **state) {
    (void)state;
    rg_nn *lstm = rg_nn_lstm(t, 4, 3), *heads = rg_nn_multi_head_attention(t, 4, 2, RG_ONES);
    rg_tensor *x = rg_full(t, 1, 2, 3, 4);
    rg_rnn_state s = {0};
    for (int evaluated = 0; evaluated < 2; evaluated++) {
        if (evaluated) rg_nn_eval(lstm), rg_nn_eval(heads);
        s = (rg_rnn_state){0};
        assert_int_equal(rg_needs_grad(rg_nn_unroll(lstm, x, &s)), !evaluated);
        assert_int_equal(rg_needs_grad(s.c), !evaluated);
        assert_int_equal(rg_needs_grad(rg_nn_attend(heads, x, x, x, NULL)), !evaluated);
    }
}

static void errors(void **state) {
    (void)state;
    rg_nn *net = rg_nn_linear(t, 2, 2, RG_ONES);
    assert_int_equal(rg_nn_print(NULL, NULL, stdout), -1);
    assert_int_equal(rg_nn_print(net, NULL, NULL), -1);
    assert_int_equal(rg_error_code(t), RG_EVALUE);
    rg_error_clear(t);
    FILE *nowhere = fopen("/dev/null", "w");
    assert_int_equal(rg_nn_print(net, rg_full(t, 1, 3, 3), nowhere), -1);
    assert_int_equal(rg_error_code(t), RG_ESHAPE);
    rg_error_clear(t);
    fclose(nowhere);
    assert_true(net->training && rg_record(t, true)); /* as before */
    rg_nn_eval(NULL), rg_nn_eval_end(NULL);
    assert_true(rg_nn_record(NULL));
}

int main(void) {
#define ONE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    static const struct CMUnitTest cases[] = {ONE(a_tree), ONE(columns_are_as_wide_as_the_widest_row),
        ONE(a_shared_layer_counts_once), ONE(evaluation_nests),
        ONE(evaluations_of_several_nets), ONE(evaluation_of_other_entrances), ONE(errors)};
    return cmocka_run_group_tests_name("summary", cases, NULL, NULL);
}
