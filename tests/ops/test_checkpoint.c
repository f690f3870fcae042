/* test_checkpoint.c - rg_checkpoint gives the bits of the plain call, with draws, captured parameters and in a nest; second derivatives;
   memory saved. */
#include "tests/support/values.h"

enum { N = 6, WIDTH = 8, LAYERS = 6, ROWS = 16 };

typedef struct net { rg_tensor *w[LAYERS], *b[LAYERS]; int from, to, calls; bool nested; } net;

/* x masked at random, as dropout does it */
static rg_tensor *dropped(rg_tensor *x) {
    rg_tensor *mask = rg_full_like(x, 0);
    for (int64_t i = 0; i < x->numel; i++) {
        const double keep = rg_rng_uniform(rg_tape_rng(x->tape), 0, 1) < .8 ? 1.25 : 0;
        if (x->dtype == RG_F64) ((double *)mask->data)[i] = keep;
        else ((float *)mask->data)[i] = (float)keep;
    }
    return rg_mul(x, mask);
}

/* Layers from .. to, their parameters captured; in[0] is x. */
static rg_tensor *layers(void *ctx, rg_tensor *const *in) {
    net *n = ctx;
    rg_tensor *x = in[0];
    n->calls++;
    for (int k = n->from; k < n->to; k++) x = dropped(rg_tanh(rg_linear(x, n->w[k], n->b[k])));
    return x;
}

/* The second half of a span in a span of its own. */
static rg_tensor *nested(void *ctx, rg_tensor *const *in) {
    net *n = ctx;
    rg_tensor *x = in[0];
    for (int k = 0; k < 2; k++) x = rg_checkpoint(layers, n + 1 + k, rg_list_of(x));
    return rg_mul_scalar(x, 1.5);
}

static net make(rg_tape *t, int width) {
    net n = {.to = LAYERS};
    const int64_t shape[] = {width, width};
    for (int k = 0; k < LAYERS; k++) {
        n.w[k] = rg_parameter_n(t, NULL, 2, shape);
        n.b[k] = rg_parameter_n(t, NULL, 1, shape);
        for (int64_t i = 0; i < (int64_t)width * width; i++) {
            const double v = rg_rng_uniform(rg_tape_rng(t), -.5, .5);
            if (rg_dtype_of(n.w[k]) == RG_F64) ((double *)n.w[k]->data)[i] = v;
            else ((float *)n.w[k]->data)[i] = (float)v;
        }
    }
    return n;
}

static void same_bits(const rg_tensor *a, const rg_tensor *b) {
    assert_false(rg_failed(a) || rg_failed(b));
    assert_int_equal(a->numel, b->numel);
    assert_memory_equal(a->data, b->data, (size_t)a->numel * rg_dtype_size(a->dtype));
}

/* -------- the same as straight */

enum { STRAIGHT, CHECKPOINTED, NESTED, WAYS };

static rg_tensor *forward(net *n, rg_tensor *x, int way) {
    if (way == NESTED) {
        n[1] = n[2] = n[0];
        n[1].to = n[2].from = 2, n[2].to = 4;
        x = rg_checkpoint(nested, n, rg_list_of(x));
    } else {
        n->from = 0, n->to = 4;
        x = way ? rg_checkpoint(layers, n, rg_list_of(x)) : layers(n, &x);
        x = rg_mul_scalar(x, 1.5);
    }
    n->from = 4, n->to = LAYERS;
    n[3] = *n;
    x = way ? rg_checkpoint(layers, n + 3, rg_list_of(x)) : layers(n + 3, &x);
    n->from = 0, n->to = 4;
    return rg_mean(rg_square(x));
}

/* Draws, loss, gradients by rg_backward and by rg_grad: the same bits each way. Of a gradient penalty: the same but for the order of
   sums. */
static void bits(rg_dtype dtype) {
    enum { FIRST = 2 + 2 * LAYERS + 1 + 3, ALL = FIRST + 2 * LAYERS - 1 };
    rg_tensor *seen[WAYS][ALL];
    rg_tape *tapes[WAYS];
    for (int way = 0; way < WAYS; way++) {
        rg_tape *t = tapes[way] = rg_tape_new(5);
        rg_set_isa(t, isa);
        rg_set_default_dtype(t, dtype);
        net n[4] = {make(t, WIDTH)};
        rg_tensor *x = rg_requires_grad(rg_full(t, .25, ROWS, WIDTH), true), *g[3];
        rg_tensor *loss = forward(n, x, way), **s = seen[way];
        int count = 0;
        s[count++] = loss;
        assert_int_equal(rg_backward(loss), 0);
        for (int k = 0; k < LAYERS; k++) {
            s[count++] = rg_retain(rg_grad_of(n->w[k]));
            s[count++] = rg_retain(rg_grad_of(n->b[k]));
        }
        rg_zero_grad(t);
        s[count++] = rg_retain(rg_grad_of(x));
        assert_int_equal(rg_grad(loss, rg_list_of(x, n->w[0], n->b[5]), g, .create_graph = true), 0);
        for (int k = 0; k < 3; k++) s[count++] = g[k];
        s[count++] = rg_full(t, rg_rng_uniform(rg_tape_rng(t), 0, 1), 1);
        assert_int_equal(rg_backward(rg_add(rg_sum(rg_square(g[0])), rg_sum(rg_square(g[1])))), 0);
        for (int k = 0; k < LAYERS; k++) s[count++] = rg_grad_of(n->w[k]);
        for (int k = 0; k < LAYERS - 1; k++) s[count++] = rg_grad_of(n->b[k]);
        assert_int_equal(count, ALL);
        assert_null(rg_error(t));
    }
    for (int way = 1; way < WAYS; way++)
        for (int k = 0; k < ALL; k++) {
            if (k < FIRST) same_bits(seen[way][k], seen[STRAIGHT][k]);
            else assert_close("second order", seen[way][k], seen[STRAIGHT][k], dtype == RG_F64 ? 1e-12 : 1e-3);
        }
    for (int way = 0; way < WAYS; way++) rg_tape_free(tapes[way]);
}
static void bits_in_f32(void **state) { (void)state, bits(RG_F32); }
static void bits_in_f64(void **state) { (void)state, bits(RG_F64); }

static rg_tensor *formula(void *ctx, rg_tensor *const *in) { return rg_tanh(rg_mul(rg_matmul(rg_square(in[0]), in[1]), ctx)); }
static rg_tensor *with_draws(void *ctx, rg_tensor *const *in) { return dropped(formula(ctx, in)); }
static rg_tensor *checked(void *ctx, rg_tensor *const *in) {
    return rg_mul(rg_checkpoint(with_draws, ctx, rg_list_of_n(2, in)), rg_checkpoint(formula, ctx, rg_list_of_n(2, in)));
}

static void gradcheck_to_order_2(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *in[2], *scale = rg_requires_grad(numbers(t, RG_F64, 1, (const int64_t[]){2}), true);
    for (int k = 0; k < 2; k++)
        in[k] = rg_requires_grad(numbers(t, RG_F64, 2, k ? (const int64_t[]){3, 2} : (const int64_t[]){2, 3}), true);
    rg_check c = rg_gradcheck(checked, scale, rg_list_of_n(2, in), .order = 3);
    if (c.failed) rg_check_print(&c, "checkpoint", stderr);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
}

/* -------- what it reads */

static rg_tensor *identity(void *ctx, rg_tensor *const *in) { return ctx ? ctx : in[0]; }
static rg_tensor *product(void *ctx, rg_tensor *const *in) { return rg_mul(in[0], ctx); }
static rg_tensor *with_a_leaf(void *ctx, rg_tensor *const *in) {
    rg_tensor *own = rg_requires_grad(rg_full(in[0]->tape, 3, 2), true);
    return (void)ctx, rg_mul(in[0], own);
}

static void operands_and_captures(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2), *w = param(t, "w", 2), *a = rg_square(w), *b = rg_mul_scalar(w, 10), *g[3];
    /* captured: a result of its own, an operand that requires nothing, nothing at all */
    rg_tensor *y = rg_checkpoint(product, a, rg_list_of(b)), *c = rg_full(t, 2, 2);
    VALUES(y, 10, 80); /* 10 w^3 */
    for (int graph = 0; graph < 2; graph++) {
        assert_int_equal(rg_grad(rg_sum(y), rg_list_of(w, a, v), g, .create_graph = graph), 0);
        VALUES(g[0], 30, 120);
        VALUES(g[1], 10, 20);
        VALUES(g[2], 0, 0);
    }
    rg_backward(rg_sum(rg_checkpoint(product, v, rg_list_of(c))));
    VALUES(rg_grad_of(v), 2, 2);
    rg_backward(rg_sum(rg_mul(rg_checkpoint(identity, NULL, rg_list_of(a)), rg_checkpoint(identity, v, rg_list_of(c))))); /* w^2 v */
    VALUES(rg_grad_of(v), 3, 6);
    VALUES(rg_grad_of(w), 2, 8);
    rg_backward(rg_sum(rg_checkpoint(with_a_leaf, NULL, rg_list_of(w))));
    VALUES(rg_grad_of(w), 5, 11);
    assert_false(rg_needs_grad(rg_checkpoint(product, c, rg_list_of(c))));
    VALUES(rg_checkpoint(product, c, rg_list_of(c)), 4, 4);
    rg_record(t, false);
    rg_tensor *silent = rg_checkpoint(product, w, rg_list_of(a));
    rg_record(t, true);
    VALUES(silent, 1, 8);
    assert_false(rg_needs_grad(silent));
    VALUES(rg_jacobian(rg_checkpoint(product, w, rg_list_of(w)), w), 2, 0, 0, 4);
    rg_keep_grads(t, true);
    rg_backward(rg_sum(rg_checkpoint(product, a, rg_list_of(a))));
    VALUES(rg_grad_of(a), 2, 8);
    rg_keep_grads(t, false);
    rg_zero_grad(t);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
}

static rg_tensor *bell(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_exp(rg_square(in[0])); }
static void count_steps(void *ctx, rg_tensor *y, int i, rg_tensor *g) { (void)y, (void)i, (void)g, ++*(int *)ctx; }

/* What a recorded pass recomputed bears no marks of it: a pass for something else leaves it out. */
static void a_later_pass(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2), *w = param(t, "w", 2), *y = rg_sum(rg_checkpoint(bell, NULL, rg_list_of(w))), *g[2];
    int steps = 0;
    rg_grad(y, rg_list_of(w), g, .create_graph = true);
    rg_listener counting = {.fn = count_steps, .ctx = &steps};
    rg_listen(t, RG_GRADIENTS, &counting, true);
    rg_grad(rg_sum(g[0]), rg_list_of(v), g + 1);
    assert_int_equal(steps, 0);
    VALUES(g[1], 0, 0);
    rg_grad(rg_sum(g[0]), rg_list_of(w), g + 1);
    assert_true(steps > 0);
    VALUES(g[1], 6 * exp(1), 18 * exp(4)); /* (2 + 4 w^2) e^(w^2) */
}

/* -------- memory */

static size_t most;
static rg_tensor *watch(void *ctx, rg_tensor *x, rg_tensor *g) {
    const size_t now = rg_memory(ctx).bytes;
    if (now > most) most = now;
    return (void)x, (void)g, NULL;
}

/* 60 layers in spans of one to 20: after forward, and at the worst moment of backward. */
static size_t memory(rg_tape *t, net *n, bool checkpointed, int64_t *recorded) {
    most = 0;
    rg_tensor *x = rg_requires_grad(rg_full(t, .5, 64, 32), true);
    rg_on_grad(x, watch, t);
    for (int k = 0; k < 10; k++) {
        x = checkpointed ? rg_checkpoint(layers, n, rg_list_of(x)) : layers(n, &x);
        rg_on_grad(x, watch, t);
    }
    *recorded = rg_memory(t).recorded;
    watch(t, x, x);
    const size_t after_forward = most;
    rg_backward(rg_sum(x));
    print_message("# %s: %zu bytes after forward, at most %zu, %lld recorded\n", checkpointed ? "checkpointed" : "straight", after_forward,
        most, (long long)*recorded);
    rg_tape_reset(t);
    rg_zero_grad(t);
    return most;
}

static void memory_falls(void **state) {
    rg_tape *t = *state;
    net n = make(t, 32);
    int64_t straight_nodes, nodes;
    const int64_t tensors = rg_memory(t).tensors;
    const size_t straight = memory(t, &n, false, &straight_nodes), bytes = memory(t, &n, true, &nodes);
    assert_int_equal(straight_nodes, 10 * LAYERS * 3);
    assert_int_equal(nodes, 10);
    assert_true(bytes * 3 < straight);
    assert_int_equal(n.calls, 10 + 20);
    assert_int_equal(rg_memory(t).tensors, tensors);
    const int64_t allocations = rg_memory(t).allocations;
    memory(t, &n, true, &nodes);
    if (rg_info().pool) assert_int_equal(rg_memory(t).allocations, allocations); /* a steady loop stays off the heap */
}

/* -------- refusals */

static rg_tensor *other(void *ctx, rg_tensor *const *in) { return rg_mul_scalar(in[0], ++*(int *)ctx); }
static rg_tensor *nothing(void *ctx, rg_tensor *const *in) { return (void)ctx, (void)in, NULL; }
static rg_tensor *failing(void *ctx, rg_tensor *const *in) { return (*(int *)ctx)++ ? rg_softmax(in[0], 1) : in[0]; }
static rg_tensor *resetting(void *ctx, rg_tensor *const *in) {
    rg_tensor *y = rg_square(in[0]);
    if (ctx) rg_rewind(y->tape, *(int64_t *)ctx);
    else rg_tape_reset(y->tape);
    return y;
}
static rg_tensor *passing(void *ctx, rg_tensor *const *in) {
    rg_tensor *y = rg_square(in[0]);
    return (void)ctx, rg_backward(rg_sum(y)), y;
}
static rg_tensor *many(void *ctx, rg_tensor *const *in) {
    rg_tensor *sum = in[0];
    for (int k = 1; k < *(int *)ctx; k++) sum = rg_add(sum, in[k]);
    return sum;
}

static void what_is_refused(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *in[256], *y, *missing[] = {NULL, w};
    int calls = 0, line, count = 255;
    REFUSED(RG_ESTATE, rg_checkpoint(product, w, rg_list_of_n(2, missing)), "rg_checkpoint: in[0] is NULL");
    missing[0] = w, missing[1] = NULL;
    REFUSED(RG_ESTATE, rg_checkpoint(product, w, rg_list_of_n(2, missing)), "rg_checkpoint: in[1] is NULL");
    assert_true(rg_failed(rg_checkpoint(product, w, rg_list_of_n(0, in))));
    assert_null(rg_error(t)); /* no operand, no tape that could hold it */
    REFUSED(RG_EVALUE, rg_checkpoint(NULL, NULL, rg_list_of(w)), "rg_checkpoint: fn is NULL");
    REFUSED(RG_ESTATE, rg_checkpoint(nothing, NULL, rg_list_of(w)), "rg_checkpoint: fn returned no tensor of its operands' tape");
    int64_t begin = rg_mark(t);
    rg_tensor *x = rg_requires_grad(rg_full(t, 3, 2), true);
    assert_true(rg_failed(rg_checkpoint(resetting, NULL, rg_list_of(x))));
    assert_non_null(strstr(rg_error(t),
        "rg_tape_reset: inside a function that was given tensors to work on, which would go (test_checkpoint.c:"));
    rg_error_clear(t);
    assert_true(rg_failed(rg_checkpoint(resetting, &begin, rg_list_of(x))));
    assert_non_null(strstr(rg_error(t),
        "rg_rewind: inside a function that was given tensors to work on, which would go (test_checkpoint.c:"));
    rg_error_clear(t);
    VALUES(x, 3, 3);
    y = rg_checkpoint(passing, NULL, rg_list_of(x));
    assert_null(rg_error(t)); /* the pass calls it again: that is too late for this one, but found */
    assert_int_equal(rg_backward(rg_sum(y)), -1);
    assert_non_null(strstr(rg_error(t), "rg_backward: inside a backward pass (test_checkpoint.c:"));
    rg_error_clear(t);
    y = rg_checkpoint(other, &calls, rg_list_of(w)), line = __LINE__;
    assert_int_equal(rg_backward(rg_sum(y)), -1);
    refused(t, rg_poison(t), RG_ESTATE, __FILE__, line,
        "checkpoint: w[2]: the second run gave another result than the first; what fn reads has changed");
    assert_null(rg_grad_of(w));
    calls = 0;
    y = rg_checkpoint(failing, &calls, rg_list_of(w));
    assert_int_equal(rg_backward(rg_sum(y)), -1);
    assert_int_equal(rg_error_code(t), RG_ESHAPE);
    rg_error_clear(t);
    rg_tensor *c = rg_full(t, 3, 2);
    y = rg_checkpoint(product, c, rg_list_of(w));
    rg_write(c, six); /* seen in the values, as the record does not hold it */
    assert_int_equal(rg_backward(rg_sum(y)), -1);
    assert_int_equal(rg_error_code(t), RG_ESTATE);
    rg_error_clear(t);
    y = rg_checkpoint(product, rg_full(t, 3, 2), rg_list_of(w)), line = __LINE__;
    rg_write(w, six);
    assert_int_equal(rg_backward(rg_sum(y)), -1);
    refused(t, rg_poison(t), RG_ESTATE, __FILE__, line, "backward through checkpoint: w was written after it was used here");
    for (int k = 0; k < 256; k++) in[k] = rg_requires_grad(rg_full(t, 1, 2), true);
    assert_int_equal(rg_backward(rg_sum(rg_checkpoint(many, &count, rg_list_of_n(255, in)))), 0);
    VALUES(rg_grad_of(in[254]), 1, 1);
    count = 256;
    REFUSED(RG_ESHAPE, rg_checkpoint(many, &count, rg_list_of_n(256, in)),
        "rg_checkpoint: fn reads more than 255 tensors that require a gradient");
    y = rg_mul(w, w);
    assert_int_equal(rg_backward_through(y, y), -1);
    assert_non_null(strstr(rg_error(t), "outside of a backward rule"));
    rg_error_clear(t);
}

int main(void) {
    static const struct CMUnitTest cases[] = {cmocka_unit_test(bits_in_f32), cmocka_unit_test(bits_in_f64), CASE(gradcheck_to_order_2),
        CASE(operands_and_captures), CASE(a_later_pass),
        CASE(memory_falls), CASE(what_is_refused)};
    return RUN("checkpoint", cases);
}
