/* test_hooks.c - rg_on_grad: when hooks run, in which order, what they may put in place of a gradient, when they go. */
#include "tests/support/values.h"

#include "nn/optim.h"

typedef struct journal { char text[200]; double sum; } journal;

static rg_tensor *note(void *ctx, rg_tensor *x, rg_tensor *g) {
    journal *l = ctx;
    const size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s ", rg_name_of(x) ? rg_name_of(x) : "?");
    for (int64_t i = 0; i < rg_numel(g); i++) l->sum += element(g, i);
    return NULL;
}
static rg_tensor *twice(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)x, rg_mul_scalar(g, 2); }
static rg_tensor *plus_one(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)x, rg_add_scalar(g, 1); }
static rg_tensor *same(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)x, g; }
static rg_tensor *given(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, (void)g, ctx; }
static rg_tensor *squared(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)x, rg_square(g); }
static rg_tensor *failing(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)x, rg_matmul(g, g); }
static rg_tensor *writing(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, (void)g, rg_write((rg_tensor *)ctx, six), NULL; }
static rg_tensor *filling(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, (void)g, rg_init_fill((rg_tensor *)ctx, RG_ONES), NULL; }
static rg_tensor *touching(void *ctx, rg_tensor *x, rg_tensor *g) {
    return (void)x, (void)g, ((float *)((rg_tensor *)ctx)->data)[0] = 7, rg_touch(ctx), NULL;
}
static rg_tensor *stepping(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, (void)g, rg_optim_step(ctx), NULL; }
static rg_tensor *swapping(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)x, (void)g, rg_ema_swap(ctx), NULL; }
static rg_tensor *scratch(void *ctx, rg_tensor *x, rg_tensor *g) {
    rg_tensor *mine = rg_full(x->tape, 0, 2);
    return (void)ctx, (void)g, rg_write(mine, six), mine;
}
static rg_tensor *removing(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)g, rg_on_grad(x, NULL, NULL), NULL; }

/* Once each, with the whole gradient of several uses: results from the last to the first, then leaves. */
static void order_and_whole_gradients(void **state) {
    rg_tape *t = *state;
    journal l = {.sum = 0};
    rg_tensor *w = param(t, "w", 2), *a = rg_set_name(rg_square(w), "a"), *b = rg_set_name(rg_mul(a, a), "b");
    rg_tensor *loss = rg_set_name(rg_sum(rg_add(b, rg_add(a, w))), "loss");
    rg_tensor *all[] = {w, b, a, loss};
    for (int k = 0; k < 4; k++) assert_int_equal(rg_on_grad(all[k], note, &l), 0);
    rg_backward(loss);
    assert_string_equal(l.text, "loss b a w ");
    /* 1; 1 1; 2a + 1 = 3, 9; 2w (2a + 1) + 1 = 7, 37 */
    assert_true(l.sum == 1 + 2 + 12 + 44);
    VALUES(rg_grad_of(w), 7, 37);
    rg_tensor *g[2];
    l.text[0] = 0;
    rg_grad(loss, rg_list_of(a, w), g);
    assert_string_equal(l.text, "loss b a w ");
    l.text[0] = 0;
    rg_grad(loss, rg_list_of(a), g, .create_graph = true);
    assert_string_equal(l.text, "loss b a ");
}

static void replacements(void **state) {
    rg_tape *t = *state;
    rg_tensor *v = param(t, "v", 2), *w = param(t, "w", 2), *a = rg_mul(v, w), *loss = rg_sum(a), *g[3];
    rg_on_grad(a, twice, NULL);
    rg_on_grad(w, twice, NULL);
    rg_on_grad(w, plus_one, NULL); /* after it */
    rg_on_grad(w, same, NULL);
    for (int times = 1; times < 3; times++) {
        rg_backward(loss);
        VALUES(rg_grad_of(v), 2 * times, 4 * times);
        VALUES(rg_grad_of(w), 5 * times, 9 * times);
    }
    const int64_t before = rg_memory(t).tensors;
    for (int graph = 0; graph < 2; graph++) {
        rg_grad(loss, rg_list_of(w, a, v), g, .create_graph = graph);
        VALUES(g[0], 5, 9);
        VALUES(g[1], 2, 2);
        VALUES(g[2], 2, 4);
        if (!graph) assert_int_equal(rg_memory(t).tensors, before + 3 + 3); /* and what three hooks made */
    }
}

/* A hook's ops are part of the graph: g = 2 x, squared to 4 x^2, has the slope 8 x. */
static void a_hook_is_differentiated(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = param(t, "x", 3), *loss = rg_sum(rg_square(x)), *g, *h;
    rg_on_grad(x, squared, NULL);
    rg_grad(loss, rg_list_of(x), &g, .create_graph = true);
    VALUES(g, 4, 16, 36);
    rg_on_grad(x, NULL, NULL);
    rg_grad(rg_sum(g), rg_list_of(x), &h);
    VALUES(h, 8, 16, 24);
}

static void a_tensor_of_the_users(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *mine = rg_retain(rg_full(t, 3, 2));
    rg_on_grad(w, given, mine);
    for (int k = 1; k < 4; k++) {
        rg_backward(rg_sum(w));
        VALUES(rg_grad_of(w), 3 * k, 3 * k);
        VALUES(mine, 3, 3);
        if (k == 2) rg_tape_reset(t);
    }
    rg_on_grad(w, NULL, NULL);
    rg_on_grad(w, given, w); /* even the leaf itself */
    rg_zero_grad(t);
    rg_backward(rg_sum(w));
    rg_backward(rg_sum(w));
    VALUES(rg_grad_of(w), 2, 4);
    VALUES(w, 1, 2);
    rg_release(mine);
}

static void when_they_go(void **state) {
    rg_tape *t = *state;
    journal l = {.sum = 0};
    rg_tensor *w = param(t, "w", 2);
    const size_t bytes = rg_memory(t).bytes;
    rg_tensor *a = rg_retain(rg_set_name(rg_square(w), "a"));
    rg_on_grad(a, note, &l);
    rg_on_grad(rg_square(w), note, &l);
    rg_tape_reset(t); /* a is kept, its history and its hooks are not */
    rg_requires_grad(a, true);
    rg_backward(rg_sum(rg_mul(a, w)));
    assert_string_equal(l.text, "");
    rg_release(a);
    rg_tape_reset(t);
    rg_zero_grad(t);
    assert_int_equal(rg_memory(t).bytes, bytes);
    rg_tensor *x = rg_retain(rg_requires_grad(rg_full(t, 1, 2), true));
    for (int k = 0; k < 3; k++) { /* of a leaf that lives on, before and after it left the record: each reset removes them */
        rg_on_grad(x, note, &l);
        rg_tape_reset(t);
        rg_backward(rg_sum(x));
        assert_string_equal(l.text, "");
    }
    rg_release(x);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).bytes, bytes);
    rg_on_grad(w, note, &l);
    rg_on_grad(w, note, &l);
    rg_backward(rg_sum(w)); /* a parameter's stay */
    assert_string_equal(l.text, "w w ");
    rg_on_grad(w, NULL, NULL);
    rg_zero_grad(t);
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).bytes, bytes);
}

static void what_is_refused(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2), *loss = rg_sum(w), *c = rg_full(t, 1, 3), *none = rg_poison(t);
#define HOOK_REFUSED(code, fn, ctx, message)             \
    do {                                                 \
        rg_on_grad(w, fn, ctx);                          \
        const int line = __LINE__;                       \
        assert_int_equal(rg_backward(loss), -1);         \
        refused(t, none, code, __FILE__, line, message); \
        rg_on_grad(w, NULL, NULL);                       \
    } while (0)
    REFUSED(RG_ESTATE, (rg_on_grad(c, note, NULL), none), "rg_on_grad: the tensor does not require a gradient");
    HOOK_REFUSED(RG_ESHAPE, given, c, "rg_on_grad: the hook returned [3] in place of [2]");
    HOOK_REFUSED(RG_ESHAPE, given, rg_cast(w, RG_F64), "rg_on_grad: the hook returned [2] f64 in place of [2]");
    HOOK_REFUSED(RG_ESTATE, given, none, "rg_on_grad: the hook returned no tensor of this tape");
    rg_on_grad(w, failing, NULL);
    assert_int_equal(rg_backward(loss), -1);
    rg_error_clear(t);
    rg_on_grad(w, NULL, NULL);
    rg_on_grad(w, removing, NULL);
    assert_int_equal(rg_backward(loss), -1);
    assert_non_null(strstr(rg_error(t), "hooks cannot go while a pass runs"));
    rg_error_clear(t);
    assert_null(rg_grad_of(w));
    rg_on_grad(w, NULL, NULL);
    rg_backward(loss);
    VALUES(rg_grad_of(w), 1, 1);
}

/* A leaf that changes during a pass: by name where a function of the library does it, else by the op that read it. */
static void leaves_stay_while_a_pass_runs(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 2);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = 1);
    rg_ema *average = rg_ema_new(t, rg_params(t), .5);
    const struct { rg_grad_fn fn; void *ctx; const char *says; } writers[] = {{writing, w,
        "rg_write: w[2] cannot be written while a backward pass runs (test_hooks.c:"},
        {filling, w, "rg_init_fill: w[2] cannot be written while a backward pass runs (test_hooks.c:"},
        {stepping, sgd, "rg_optim_step: inside a backward pass"}, {swapping, average, "rg_ema_swap: inside a backward pass"},
        {touching, w, "backward through square: w was written after it was used here (test_hooks.c:"}};
    for (size_t k = 0; k < sizeof writers / sizeof *writers; k++) {
        rg_tensor *h = rg_square(w);
        rg_on_grad(h, writers[k].fn, writers[k].ctx);
        assert_int_equal(rg_backward(rg_sum(h)), -1);
        if (!strstr(rg_error(t), writers[k].says)) fail_msg("'%s' is not in '%s'", writers[k].says, rg_error(t));
        rg_error_clear(t);
        assert_null(rg_grad_of(w));
        if (writers[k].fn != touching) VALUES(w, 1, 2);
        rg_tape_reset(t);
    }
    rg_write(w, six);
    rg_tensor *h = rg_square(w);
    rg_on_grad(h, scratch, NULL); /* what a hook made itself may be written */
    assert_int_equal(rg_backward(rg_sum(h)), 0);
    VALUES(rg_grad_of(w), 2, 8);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(order_and_whole_gradients), CASE(replacements), CASE(a_hook_is_differentiated),
        CASE(a_tensor_of_the_users),
        CASE(when_they_go), CASE(what_is_refused), CASE(leaves_stay_while_a_pass_runs)};
    return cmocka_run_group_tests_name("hooks", cases, NULL, NULL);
}
