/* test_lifetimes.c - who holds a tensor, and who lets it go last: a case for each pair. A tensor lives while anything can read it: the
   record, a view, a replay's plan, a gradient, a hook's caller. A released one is refused by name. */
#include "tests/support/numbers.h"


#include "nn/nn.h"
#include "tests/support/checked.h"

enum { N = 64 };

static rg_tensor *ones(rg_tape *t, const char *name) { return rg_param(t, name, RG_ONES, N); }
static rg_tensor *carried(rg_tape *t, double value) { /* a leaf from before the reset */
    rg_tensor *x = rg_retain(rg_full(t, value, N));
    rg_tape_reset(t);
    return x;
}
static void all_are(rg_tensor *x, double value) {
    assert_non_null(x);
    for (int64_t i = 0; i < rg_numel(x); i++) assert_true((double)rg_f32(x)[i] == value);
}
/* What a freed block would be used for. */
static void reuse_memory(rg_tape *t) {
    for (int k = 0; k < 4; k++) rg_full(t, 7, N);
}

/* -------- the record reads it, and its last holder goes */

static void release_view_rewind(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *x = carried(t, 2), *z = rg_sum(rg_mul(x, w));
    const int64_t mark = rg_mark(t);
    rg_detach(x);
    rg_release(x);
    rg_rewind(t, mark);
    reuse_memory(t);
    assert_int_equal(rg_backward(z), 0);
    all_are(rg_grad_of(w), 2);
}

static void release_view_play(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *x = carried(t, 2);
    assert_int_equal(rg_backward(rg_sum(rg_mul(x, w))), 0);
    const int64_t mark = rg_mark(t);
    rg_slice(x, 0, 0, 3);
    rg_release(x);
    rg_rewind(t, mark);
    for (int k = 0; k < 3; k++) {
        rg_zero_grad(t);
        reuse_memory(t);
        assert_int_equal(rg_play(t), 0);
        all_are(rg_grad_of(w), 2);
    }
}

static void gradient_view_rewind(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *v = ones(t, "v");
    rg_backward(rg_sum(rg_square(w)));
    rg_tensor *g = rg_grad_of(w), *z = rg_sum(rg_mul(g, v));
    const int64_t mark = rg_mark(t);
    rg_reshape(g, 8, 8);
    rg_zero_grad(t);
    rg_rewind(t, mark);
    reuse_memory(t);
    assert_int_equal(rg_backward(z), 0);
    all_are(rg_grad_of(v), 2);
}

static void a_kept_gradient_that_is_read_is_cleared(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *v = ones(t, "v"), *h = rg_square(w);
    rg_keep_grads(t, true);
    rg_backward(rg_sum(rg_mul_scalar(h, 3)));
    rg_tensor *z = rg_sum(rg_mul(rg_grad_of(h), v));
    rg_clear_grad(h);
    reuse_memory(t);
    assert_int_equal(rg_backward(z), 0);
    all_are(rg_grad_of(v), 3);
}

static void cotangent_returned(void **state) {
    rg_tape *t = *state;
    for (int graph = 0; graph < 2; graph++) {
        rg_tensor *w = ones(t, graph ? "u" : "w"), *dy = carried(t, 3), *z = rg_sum(rg_mul(dy, w)), *out;
        const int64_t mark = rg_mark(t);
        assert_int_equal(rg_grad(rg_add_scalar(w, 1), rg_list_of(w), &out, .dy = dy, .create_graph = graph), 0);
        rg_release(dy);
        all_are(out, 3);
        rg_rewind(t, mark);
        reuse_memory(t);
        assert_int_equal(rg_backward(z), 0);
        all_are(rg_grad_of(w), 3);
    }
}

static void a_cotangent_that_needs_a_gradient_keeps_its_history(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *dy = rg_retain(rg_requires_grad(rg_full(t, 3, N), true)), *out, *g;
    rg_tape_reset(t);
    assert_int_equal(rg_grad(rg_add_scalar(w, 1), rg_list_of(w), &out, .dy = dy, .create_graph = true), 0);
    assert_int_equal(rg_grad(rg_sum(rg_square(out)), rg_list_of(dy), &g), 0); /* 2 dy */
    all_are(g, 6);
    rg_release(dy);
}

static void a_gradient_is_not_the_parameter_that_was_its_cotangent(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *p = ones(t, "p"), *g;
    assert_int_equal(rg_grad(rg_mul_scalar(rg_add_scalar(w, 1), 1), rg_list_of(w), &g, .dy = p), 0);
    assert_int_equal(rg_grad(rg_add_scalar(w, 1), rg_list_of(w), &g, .dy = p), 0);
    rg_write(p, (float[N]){9});
    all_are(g, 1);
}

/* -------- the tape remembers the loss; a plan holds gradients */

static void loss_released(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_retain(rg_requires_grad(rg_full(t, 1, 1), true));
    rg_tape_reset(t);
    assert_int_equal(rg_backward(x), 0);
    rg_release(x);
    assert_int_equal(rg_play(t), 0);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 0);
}

static rg_tensor *releases(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)g, rg_release(x), ++*(int *)ctx, NULL; }
static void the_loss_releases_itself_in_its_hook(void **state) {
    rg_tape *t = *state;
    int calls = 0;
    rg_tensor *x = rg_retain(rg_requires_grad(rg_full(t, 1, 1), true)), *g;
    rg_tape_reset(t);
    rg_retain(x);
    rg_on_grad(x, releases, &calls);
    assert_int_equal(rg_backward(x), 0);
    assert_int_equal(rg_grad(x, rg_list_of(x), &g), 0);
    assert_int_equal(calls, 2);
    assert_true(rg_item(g) == 1);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 0);
}

static void play_gradient_norm(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *x = rg_full(t, 2, N);
    rg_optim *o = rg_optim_sgd(t, rg_params(t), .lr = .01);
    rg_backward(rg_sum(rg_square(rg_mul(x, w)))); /* gradient 8 w */
    double value = 1;
    for (int k = 0; k < 4; k++) {
        rg_optim_step(o);
        value -= .01 * 8 * value;
        assert_int_equal(rg_play(t), 0);
        const int64_t mark = rg_mark(t);
        reuse_memory(t);
        const double norm = rg_item(rg_norm(rg_grad_of(w)));
        assert_true(fabs(norm - 8 * value * sqrt(N)) < 1e-4 * norm);
        rg_rewind(t, mark);
    }
}

/* A replay leaves its gradient in another tensor, so that what reads the first would keep its value. */
static void what_reads_a_gradient_is_not_replayed(void **state) {
    rg_tape *t = *state;
    for (int k = 0; k < 5; k++) {
        rg_tensor *w = rg_param(t, NULL, RG_ONES, 2), *x = rg_full(t, 2, 2), *loss = rg_sum(rg_mul(rg_square(w), x));
        if (k == 1) rg_play(t); /* before there is a pass */
        if (k == 2) rg_keep_grads(t, true);
        rg_backward(loss);
        if (k == 3) { /* the gradient that reading holds is in the plan's memory */
            rg_zero_grad(t);
            assert_int_equal(rg_play(t), 0);
        }
        rg_tensor *g = rg_grad_of(k == 2 ? loss : w), *y = rg_square(k == 4 ? rg_detach(g) : g);
        const double value = rg_element(y, 0);
        assert_int_equal(rg_play(t), -1);
        assert_non_null(strstr(rg_error(t), "rg_play: square cannot be replayed: it reads a gradient"));
        assert_true(rg_element(y, 0) == value);
        rg_error_clear(t);
        rg_keep_grads(t, false);
        rg_tape_reset(t);
    }
}

static void a_view_of_a_replayed_gradient_keeps_its_values(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *x = rg_full(t, 2, N);
    rg_backward(rg_sum(rg_mul(x, w)));
    rg_zero_grad(t);
    rg_play(t);
    const int64_t mark = rg_mark(t);
    rg_tensor *view = rg_retain(rg_reshape(rg_grad_of(w), 8, 8));
    rg_rewind(t, mark);
    for (int k = 3; k < 6; k++) {
        rg_zero_grad(t);
        for (int i = 0; i < N; i++) ((float *)x->data)[i] = (float)k;
        rg_touch(x);
        assert_int_equal(rg_play(t), 0);
        all_are(rg_grad_of(w), k);
        all_are(view, 2);
    }
    rg_tape_reset(t);
    all_are(view, 2);
    rg_release(view);
}

/* A plan without a pass is not enough once there is one. */
static void a_pass_after_the_first_replay_is_replayed(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *x = rg_full(t, 2, N), *z = rg_sum(rg_mul(x, w));
    assert_int_equal(rg_play(t), 0);
    assert_int_equal(rg_backward(z), 0);
    assert_int_equal(rg_play(t), 0);
    all_are(rg_grad_of(w), 4);
    rg_tape_reset(t);
    rg_tensor *u = rg_param(t, "u", RG_ONES); /* a loss without a record */
    assert_int_equal(rg_backward(u), 0);
    assert_int_equal(rg_play(t), 0);
    assert_true(rg_item(rg_grad_of(u)) == 2);
}

static rg_tensor *square_of(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_square(in[0]); }
static void a_checkpoint_without_a_gradient_is_not_replayed(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 3, N), *y = rg_checkpoint(square_of, NULL, rg_list_of(x));
    all_are(y, 9);
    assert_int_equal(rg_play(t), -1);
    assert_non_null(strstr(rg_error(t), "rg_play: checkpoint cannot be replayed"));
    rg_error_clear(t);
}

/* -------- hooks: what they make lives until the reset */

static rg_tensor *norm_of(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, *(rg_tensor **)ctx = rg_norm(g), NULL; }
static rg_tensor *doubled(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, *(rg_tensor **)ctx = rg_mul_scalar(g, 2); }

static void hook_result(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *norm = NULL, *twice = NULL, *h = rg_square(w);
    rg_on_grad(w, norm_of, &norm);
    rg_on_grad(h, doubled, &twice);
    rg_backward(rg_sum(h));
    reuse_memory(t);
    all_are(twice, 2);
    all_are(rg_grad_of(w), 4);
    assert_true(rg_item(norm) == 4 * sqrt(N));
    for (int k = 0; k < 5; k++) { /* in a replay: until the next one */
        rg_zero_grad(t);
        const int64_t before = rg_memory(t).tensors;
        assert_int_equal(rg_play(t), 0);
        all_are(twice, 2);
        assert_true(rg_item(norm) == 4 * sqrt(N));
        if (k > 1) assert_true(rg_memory(t).tensors <= before + 1); /* the gradient */
    }
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2); /* w and its gradient */
}

static rg_tensor *kept(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, *(rg_tensor **)ctx = rg_retain(g), NULL; }
static rg_tensor *viewed(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, *(rg_tensor **)ctx = rg_detach(g), NULL; }

static void what_reads_a_hooks_tensor_is_not_replayed(void **state) {
    rg_tape *t = *state;
    const rg_grad_fn hooks[] = {norm_of, doubled, kept, viewed};
    for (int k = 0; k < 8; k++) {
        rg_tensor *w = rg_param(t, NULL, RG_ONES, 2), *made = NULL, *x = rg_full(t, 2, 2), *h = rg_mul(rg_square(w), x);
        rg_on_grad(k < 4 ? w : h, hooks[k % 4], &made);
        rg_backward(rg_sum(rg_square(h)));
        const double value = rg_item(rg_sum(made));
        assert_int_equal(rg_play(t), -1);
        assert_non_null(strstr(rg_error(t), "rg_play: sum cannot be replayed: it reads a gradient, or what a hook made"));
        assert_true(rg_item(rg_newest(t)) == value);
        rg_error_clear(t);
        if (k % 4 == 2) rg_release(made);
        rg_on_grad(w, NULL, NULL);
        rg_tape_reset(t);
    }
}

/* -------- a steady loop that rewinds has a steady count */

static void gradients_cleared_between_rewinds_are_freed(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *x = rg_full(t, 2, N);
    rg_optim *o = rg_optim_sgd(t, rg_params(t), .lr = .01);
    int64_t after = 0;
    for (int k = 0; k < 6; k++) {
        const int64_t mark = rg_mark(t);
        rg_tensor *y = rg_mul(x, w);
        rg_backward(rg_sum(y));
        rg_sum(y); /* something younger than the gradient */
        rg_optim_step(o);
        rg_rewind(t, mark);
        if (k) assert_int_equal(rg_memory(t).tensors, after);
        after = rg_memory(t).tensors;
    }
}

/* -------- released tensors are refused by name: while their memory is unused, and for certain under RG_CHECK=1. Without the pool
   their memory is gone at once, and a sanitizer would report the use: then only under RG_CHECK=1 */

#define BOTH(name)                                                                            \
    static void name(void **state) {                                                          \
        (void)state;                                                                          \
        for (int check = !rg_info().pool; check < 2; check++) name##_on(tape_checked(check)); \
    }

static void a_released_tensor_is_refused_on(rg_tape *t) {
    char text[128];
    rg_tensor *w = ones(t, "w"), *x = rg_full(t, 2, N), *y = rg_full(t, 3, N), *out;
    const int line = __LINE__ + 1;
    rg_tape_reset(t);
    snprintf(text, sizeof text, "mul: operand 1 was released by the reset at test_lifetimes.c:%d", line);
    REFUSED(RG_ESTATE, rg_mul(x, w), text);
    snprintf(text, sizeof text, "add: operand 2 was released by the reset at test_lifetimes.c:%d", line);
    REFUSED(RG_ESTATE, rg_add(w, y), text);
    snprintf(text, sizeof text, "rg_item: the tensor was released by the reset at test_lifetimes.c:%d", line);
    assert_true(isnan(rg_item(x)));
    assert_string_equal(rg_error(t), text);
    rg_error_clear(t);
    snprintf(text, sizeof text, "rg_f32: the tensor was released by the reset at test_lifetimes.c:%d", line);
    assert_null(rg_f32(x));
    assert_string_equal(rg_error(t), text);
    rg_error_clear(t);
    snprintf(text, sizeof text, "rg_retain: the tensor was released by the reset at test_lifetimes.c:%d", line);
    assert_true(rg_failed(rg_retain(x)));
    assert_string_equal(rg_error(t), text);
    rg_error_clear(t);
    assert_int_equal(rg_backward(x), -1);
    assert_non_null(strstr(rg_error(t), "rg_backward: the loss was released by the reset"));
    rg_error_clear(t);
    assert_int_equal(rg_grad(rg_sum(w), rg_list_of(y), &out), -1);
    assert_non_null(strstr(rg_error(t), "was released by the reset at test_lifetimes.c:"));
    rg_tape_free(t);
}
BOTH(a_released_tensor_is_refused)

static void each_way_of_releasing_has_a_name_on(rg_tape *t) {
    rg_tensor *w = ones(t, "w"), *x = carried(t, 2), *y, *g;
    rg_release(x);
    assert_true(rg_failed(rg_neg(x)));
    assert_non_null(strstr(rg_error(t), "neg: operand 1 was released by rg_release at test_lifetimes.c:"));
    rg_error_clear(t);
    const int64_t mark = rg_mark(t);
    y = rg_square(w);
    rg_rewind(t, mark);
    assert_true(rg_failed(rg_neg(y)));
    assert_non_null(strstr(rg_error(t), "neg: operand 1 was released by the rewind at test_lifetimes.c:"));
    rg_error_clear(t);
    rg_backward(rg_sum(w));
    g = rg_grad_of(w);
    rg_zero_grad(t);
    assert_true(rg_failed(rg_neg(g)));
    assert_non_null(strstr(rg_error(t), "neg: operand 1 was released by rg_zero_grad at test_lifetimes.c:"));
    rg_tape_free(t);
}
BOTH(each_way_of_releasing_has_a_name)

/* What a pass releases after a hook, or a rule, has released something names the pass. */
static rg_tensor *rewinding(void *ctx, rg_tensor *x, rg_tensor *g) {
    const int64_t mark = rg_mark(x->tape);
    *(rg_tensor **)ctx = g;
    rg_neg(g);
    rg_rewind(x->tape, mark);
    return NULL;
}
static int same_forward(rg_tensor *y) { return rg_convert(y->data, y->dtype, y->in[0]->data, y->dtype, y->numel), 0; }
static void rewinding_vjp(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    const int64_t mark = rg_mark(y->tape);
    rg_neg_at(y->at, dy);
    rg_rewind(y->tape, mark);
    dx[0] = rg_neg_at(y->at, dy);
}
static const rg_op rewinds = {.name = "rewinds", .formula = "x", .arity = 1, .forward = RG_ANY(same_forward), .backward = rewinding_vjp};

static void the_pass_has_a_name_on(rg_tape *t) {
    for (int k = 0; k < 2; k++) {
        rg_tensor *w = rg_param(t, NULL, RG_ONES, N), *g = NULL, *y = k ? rg_apply(&rewinds, RG_HERE, RG_NO_ATTR, 1, &w) : rg_square(w);
        rg_on_grad(y, rewinding, &g);
        rg_backward(rg_sum(rg_mul(y, rg_full(t, 2, N))));
        assert_true(rg_failed(rg_neg(g)));
        assert_non_null(strstr(rg_error(t), "neg: operand 1 was released by the end of a backward pass at test_lifetimes.c:"));
        rg_error_clear(t);
        rg_tape_reset(t);
    }
    rg_tape_free(t);
}
BOTH(the_pass_has_a_name)

static void releasing_twice_on(rg_tape *t) {
    rg_tensor *x = carried(t, 2);
    rg_release(x);
    rg_release(x);
    assert_non_null(strstr(rg_error(t), "rg_release: the tensor was released by rg_release at test_lifetimes.c:"));
    rg_tape_free(t);
}
BOTH(releasing_twice)

/* However often the memory was asked for since; also after the tape was freed. */
static void checked(void **state) {
    (void)state;
    rg_tape *t = tape_checked(true);
    rg_tensor *w = ones(t, "w"), *x = rg_full(t, 2, N), *y = NULL;
    const float *stale = rg_f32(x), *small = rg_f32(rg_sum(x));
    rg_tape_reset(t);
    assert_true(isnan(small[0])); /* inside its tensor, which stays */
    if (rg_info().pool) assert_true(isnan(stale[N - 1]));
    for (int k = 0; k < 1000; k++) {
        y = rg_mul(w, rg_full(t, 1, N));
        rg_backward(rg_sum(y));
        rg_zero_grad(t);
        rg_tape_reset(t);
    }
    assert_true(rg_failed(rg_mul(w, x)));
    assert_non_null(strstr(rg_error(t), "mul: operand 2 was released by the reset at test_lifetimes.c:"));
    rg_error_clear(t);
    assert_true(rg_failed(rg_neg(y)));
    rg_error_clear(t);
    assert_int_equal(rg_memory(t).tensors, 1);
    rg_tape_free(t);
    assert_true(rg_failed(rg_neg(w)));
    assert_non_null(strstr(rg_error(rg_tape_of(w)), "neg: operand 1 was released by rg_tape_free at test_lifetimes.c:"));
}

/* A node of so many operands is larger than the small blocks; data must not take its place either. */
static void a_result_of_many_operands_is_refused_on(rg_tape *t) {
    rg_tensor *in[150];
    float values[512] = {0};
    for (int i = 0; i < 150; i++) in[i] = rg_full(t, i, 4);
    rg_tensor *y = rg_concat_n(0, 150, in);
    rg_tape_reset(t);
    for (int n = 8; n < 512; n += 8) rg_input(t, values, n);
    assert_true(rg_failed(rg_neg(y)));
    assert_non_null(strstr(rg_error(t), "neg: operand 1 was released by the reset"));
    rg_tape_free(t);
}
BOTH(a_result_of_many_operands_is_refused)

static rg_tensor *frees(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)g, rg_tape_free(rg_tape_of(x)), ++*(int *)ctx, NULL; }
static rg_tensor *freeing(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_tape_free(rg_tape_of(in[0])), rg_square(in[0]); }
static void the_tape_is_not_freed_by_what_it_calls(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w");
    int calls = 0;
    rg_on_grad(w, frees, &calls);
    assert_int_equal(rg_backward(rg_sum(w)), -1);
    assert_int_equal(calls, 1);
    assert_non_null(strstr(rg_error(t), "rg_tape_free: inside a function that the tape called (test_lifetimes.c:"));
    rg_error_clear(t);
    assert_true(rg_failed(rg_checkpoint(freeing, NULL, rg_list_of(w))));
    assert_non_null(strstr(rg_error(t), "rg_tape_free: inside a function that the tape called"));
    rg_error_clear(t);
}

/* -------- error handlers: they may look and clear; nothing that releases tensors */

static void resets(void *ctx, rg_code code, const char *message) {
    (void)code, (void)message;
    rg_tape_reset(ctx);
    rg_error_clear(ctx);
}
static void clears(void *ctx, rg_code code, const char *message) { (void)code, (void)message, rg_error_clear(ctx); }

static void handler_resets(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_full(t, 1, 2, 3, 7);
    rg_on_error(t, resets, t);
    assert_true(rg_failed(rg_matmul(x, x)));
    assert_string_equal(rg_error(t), "rg_tape_reset: called in an error handler, where nothing can be released");
    rg_on_error(t, NULL, NULL);
    rg_error_clear(t);
    assert_true(rg_item(rg_sum(x)) == 42);
}

static rg_tensor *gives_nothing(void *ctx, rg_tensor *const *in) { return (void)ctx, (void)in, NULL; }
static rg_tensor *gives_f32(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_cast(in[0], RG_F32); }
static void handler_clears(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = ones(t, "w"), *x = rg_full(t, 1, 2, 3), *loss;
    rg_on_error(t, clears, t);
    assert_true(rg_failed(rg_matmul(x, x)));
    assert_null(rg_error(t));
    loss = rg_sum(rg_log(rg_mul(w, w)));
    rg_write(w, (float[N]){1});
    assert_int_equal(rg_backward(loss), -1);
    assert_null(rg_grad_of(w));
    assert_null(rg_error(t));
    rg_tensor *poison = rg_sum(rg_matmul(x, x)), *g;
    assert_int_equal(rg_grad(poison, rg_list_of(w), &g, .dy = rg_full(t, 1)), -1);
    assert_true(rg_failed(g));
    assert_int_equal(rg_backward(poison), -1);
    assert_true(rg_failed(rg_checkpoint(gives_nothing, NULL, rg_list_of(w))));
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *d = rg_requires_grad(rg_full(t, 1, 3), true);
    assert_true(rg_gradcheck(gives_f32, NULL, rg_list_of(d), .order = 1).failed);
    assert_null(rg_error(t));
    rg_on_error(t, NULL, NULL);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(release_view_rewind), CASE(release_view_play), CASE(gradient_view_rewind),
        CASE(a_kept_gradient_that_is_read_is_cleared), CASE(cotangent_returned), CASE(a_cotangent_that_needs_a_gradient_keeps_its_history),
        CASE(a_gradient_is_not_the_parameter_that_was_its_cotangent), CASE(loss_released), CASE(the_loss_releases_itself_in_its_hook),
        CASE(play_gradient_norm), CASE(what_reads_a_gradient_is_not_replayed),
        CASE(a_view_of_a_replayed_gradient_keeps_its_values), CASE(a_pass_after_the_first_replay_is_replayed),
        CASE(a_checkpoint_without_a_gradient_is_not_replayed),
        CASE(hook_result), CASE(what_reads_a_hooks_tensor_is_not_replayed),
        CASE(gradients_cleared_between_rewinds_are_freed),
        cmocka_unit_test(a_released_tensor_is_refused), cmocka_unit_test(each_way_of_releasing_has_a_name),
        cmocka_unit_test(the_pass_has_a_name),
        cmocka_unit_test(releasing_twice), cmocka_unit_test(checked), cmocka_unit_test(a_result_of_many_operands_is_refused),
        CASE(the_tape_is_not_freed_by_what_it_calls), CASE(handler_resets),
        CASE(handler_clears)};
    return RUN("lifetimes", cases);
}
