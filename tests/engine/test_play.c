/* test_play.c - a record played again: the bits of recording it again, for every sample of every operator and for networks that
   train; running statistics, dropout, hooks and ignored labels; gradients that are kept, added to or retained; what cannot be
   played; no call of the allocator. */
#include "tests/support/cases.h"

#include <string.h>

#include "engine/op.h"
#include "nn/nn.h"
#include "ops/sample.h"

static rg_tape *new_tape(void) {
    rg_tape *t = rg_tape_new(7);
    assert_non_null(t);
    rg_on_error(t, NULL, NULL);
    return t;
}

static bool same_bits(rg_tensor *a, rg_tensor *b) {
    if (!a || !b) return a == b;
    return rg_numel(a) == rg_numel(b) && rg_dtype_of(a) == rg_dtype_of(b) &&
        !memcmp(a->data, b->data, (size_t)a->numel * rg_dtype_size(a->dtype));
}

/* -------- the registry: y = op(x), loss = sum y w */

typedef struct trial { rg_tape *t; rg_tensor *in[RG_SAMPLE_OPERANDS], *y; int n; } trial;

/* `last`: of the operands only the last float requires a gradient, so that rules leave out the others. */
static void record(trial *r, const rg_op *op, const rg_sample *s, uint64_t seed, rg_dtype dtype, bool last) {
    rg_rng rng;
    r->t = new_tape();
    rg_set_default_dtype(r->t, dtype);
    rg_rng_seed(&rng, seed);
    r->n = rg_sample_operands(RG_HERE, s, op, r->t, &rng, r->in);
    assert_int_equal(r->n, s->n);
    for (int i = r->n - 1, some = 0; i >= 0; i--)
        if (rg_sample_float(s, i) && !(last && some++)) rg_requires_grad(r->in[i], true);
    r->y = rg_sample_apply(RG_HERE, s, op, r->in);
    assert_null(rg_error(r->t));
    if (!rg_needs_grad(r->y)) return;
    rg_tensor *w = rg_cast(rg_full(r->t, .37, 1), rg_dtype_of(r->y));
    assert_int_equal(rg_backward(rg_sum(rg_mul(rg_square(r->y), w))), 0);
}

static void op_plays(const rg_op *op, const rg_sample *s, rg_dtype dtype, bool last) {
    trial again, played;
    record(&again, op, s, 5, dtype, last);
    record(&played, op, s, 11, dtype, last);
    for (int round = 0; round < 3; round++) { /* the first plans, the others follow the plan */
        for (int i = 0; i < played.n; i++) {
            if (!played.in[i]->base) rg_write_of(played.in[i], rg_dtype_of(played.in[i]), again.in[i]->data);
            rg_clear_grad(played.in[i]);
        }
        *rg_tape_rng(played.t) = *rg_tape_rng(again.t);
        rg_rng_seed(rg_tape_rng(played.t), 7);
        bool same = !rg_play(played.t) && same_bits(again.y, played.y);
        for (int i = 0; i < played.n; i++) same &= same_bits(rg_grad_of(again.in[i]), rg_grad_of(played.in[i]));
        if (!same) print_error("%s: sample \"%.*s\" (%s), round %d: %s\n", op->name, s->length, s->text, rg_dtype_name(dtype), round,
            rg_error(played.t) ? rg_error(played.t) : "other bits");
        assert_true(same);
    }
    rg_tape_free(again.t);
    rg_tape_free(played.t);
}

static void registry(void **state) {
    (void)state;
    int n = 0;
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) {
        const char *text = e->op->samples;
        for (rg_sample s; rg_sample_next(&text, &s) > 0; n++)
            for (int k = 0; k < 4; k++) op_plays(e->op, &s, k & 1 ? RG_F64 : RG_F32, k & 2);
    }
    assert_true(n > 300);
}

/* -------- a network that trains */

enum { ROWS = 12, IN = 7, HIDDEN = 19, CLASSES = 3 };
typedef struct net { rg_tape *t; rg_tensor *x, *labels, *w1, *b1, *w2, *loss; rg_optim *optim; } net;

static net net_new(void) {
    net m = {.t = new_tape()};
    m.w1 = rg_param(m.t, "w1", RG_HE_NORMAL, IN, HIDDEN);
    m.b1 = rg_param(m.t, "b1", RG_ZEROS, HIDDEN);
    m.w2 = rg_param(m.t, "w2", RG_HE_NORMAL, HIDDEN, CLASSES);
    m.optim = rg_optim_adam(m.t, rg_params(m.t), .lr = .01);
    return m;
}

/* Batch k, in place where there is one. */
static void batch(net *m, int k) {
    float x[ROWS * IN];
    int32_t labels[ROWS];
    rg_rng rng;
    rg_rng_seed(&rng, (uint64_t)k);
    for (int i = 0; i < ROWS * IN; i++) x[i] = (float)rg_rng_random(&rng);
    for (int i = 0; i < ROWS; i++) labels[i] = (int32_t)rg_rng_integers(&rng, 0, CLASSES);
    if (m->x) {
        rg_write(m->x, x);
        rg_write(m->labels, labels);
    } else {
        m->x = rg_input(m->t, x, ROWS, IN);
        m->labels = rg_input(m->t, labels, ROWS);
    }
}

/* w1 is used twice, its gradient is a sum; one path is composed, one fused. */
static void net_record(net *m) {
    rg_tensor *h = rg_relu(rg_add(rg_matmul(m->x, m->w1), m->b1));
    rg_tensor *penalty = rg_mul_scalar(rg_sum(rg_square(m->w1)), 1e-3);
    m->loss = rg_add(rg_cross_entropy(rg_matmul(h, m->w2), m->labels), penalty);
    rg_backward(m->loss);
}

static void net_step_again(net *m, int k) {
    m->x = NULL;
    batch(m, k);
    net_record(m);
}

static void net_same(const net *a, const net *b) {
    assert_null(rg_error(a->t));
    assert_null(rg_error(b->t));
    const rg_list p = rg_params(a->t), q = rg_params(b->t);
    for (int i = 0; i < p.count; i++) {
        assert_true(same_bits(p.items[i], q.items[i]));
        assert_true(same_bits(rg_grad_of(p.items[i]), rg_grad_of(q.items[i])));
    }
}

static void trains(void **state) {
    (void)state;
    net a = net_new(), b = net_new();
    int64_t calls = 0;
    batch(&b, 0);
    net_record(&b);
    for (int k = 0; k < 20; k++) {
        net_step_again(&a, k);
        if (k) {
            batch(&b, k);
            assert_int_equal(rg_play(b.t), 0);
        }
        assert_true(same_bits(a.loss, b.loss));
        net_same(&a, &b);
        rg_optim_step(a.optim);
        rg_optim_step(b.optim);
        net_same(&a, &b);
        rg_tape_reset(a.t);
        if (k == 2) calls = rg_memory(b.t).allocations;
    }
    assert_int_equal(rg_memory(b.t).allocations, calls);
    rg_tape_free(a.t);
    rg_tape_free(b.t);
}

/* Gradients that nobody clears add up, with whatever was there before. */
static void gradients_add_up(void **state) {
    (void)state;
    net a = net_new(), b = net_new();
    batch(&b, 0);
    net_record(&b);
    net_step_again(&a, 0);
    for (int k = 1; k < 5; k++) {
        net_step_again(&a, k);
        batch(&b, k);
        assert_int_equal(rg_play(b.t), 0);
        net_same(&a, &b);
        if (k == 2) {
            rg_zero_grad(a.t);
            rg_zero_grad(b.t);
        }
    }
    rg_tape_free(a.t);
    rg_tape_free(b.t);
}

static void retained_gradients_keep_their_values(void **state) {
    (void)state;
    net m = net_new();
    batch(&m, 0);
    net_record(&m);
    rg_zero_grad(m.t);
    assert_int_equal(rg_play(m.t), 0);
    rg_tensor *g = rg_retain(rg_grad_of(m.w1));
    const float was = rg_f32(g)[3];
    rg_tensor *other;
    for (int k = 1; k < 4; k++) {
        rg_zero_grad(m.t);
        batch(&m, k);
        assert_int_equal(rg_play(m.t), 0);
        other = rg_grad_of(m.w1);
        assert_true(rg_f32(g)[3] == was && !same_bits(g, other));
    }
    rg_tape_reset(m.t);
    assert_true(rg_f32(g)[3] == was);
    rg_release(g);
    rg_tape_free(m.t);
}

/* Labels that the loss refuses leave the gradients as they were; what goes on after the error was cleared is right. */
static void an_error_changes_no_gradient(void **state) {
    (void)state;
    net a = net_new(), b = net_new();
    batch(&b, 0);
    net_record(&b);
    net_step_again(&a, 0);
    for (int k = 1; k < 4; k++) {
        int32_t labels[ROWS] = {0};
        labels[2] = CLASSES;
        rg_write(b.labels, labels);
        assert_int_equal(rg_play(b.t), -1);
        assert_int_equal(rg_error_code(b.t), RG_EVALUE);
        assert_int_equal(rg_play(b.t), -1);
        rg_error_clear(b.t);
        net_same(&a, &b);
        batch(&b, k);
        assert_int_equal(rg_play(b.t), 0);
        net_step_again(&a, k);
        net_same(&a, &b);
    }
    rg_tape_free(a.t);
    rg_tape_free(b.t);
}

/* The gradients that results keep are those of the last pass, as if it had been recorded again; leaves' add up. One is held by the user. */
static void kept_gradients_are_the_last(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *w = rg_param(t, "w", RG_CONSTANT(2), 3), *h = rg_square(w), *e = rg_mul_scalar(h, 2), *loss = rg_sum(rg_square(e));
    rg_keep_grads(t, true);
    assert_int_equal(rg_backward(loss), 0);
    const rg_tensor *held = rg_retain(rg_grad_of(e));
    for (int k = 2; k < 5; k++) {
        rg_write(w, (float[]){1, (float)k, -1});
        assert_int_equal(rg_play(t), 0); /* loss 4 w^4: de 4 w^2, dh 8 w^2, dw 16 w^3 */
        assert_true(rg_f32(rg_grad_of(h))[1] == (float)(8 * k * k) && rg_f32(rg_grad_of(e))[1] == (float)(4 * k * k));
        assert_true(((const float *)held->data)[1] == 16);
    }
    rg_tape_free(t);
}

/* Frozen parameters get no gradient; kept gradients of results are kept; an evaluation in between, rewound, changes nothing. */
static void settings_may_change(void **state) {
    (void)state;
    net a = net_new(), b = net_new();
    batch(&b, 0);
    net_record(&b);
    for (int k = 1; k < 8; k++) {
        rg_zero_grad(a.t);
        rg_zero_grad(b.t);
        rg_requires_grad(a.b1, k % 2);
        rg_requires_grad(b.b1, k % 2);
        rg_keep_grads(a.t, k > 4);
        rg_keep_grads(b.t, k > 4);
        const int64_t mark = rg_mark(b.t);
        rg_sum(rg_matmul(b.x, b.w1));
        rg_rewind(b.t, mark);
        net_step_again(&a, k);
        batch(&b, k);
        assert_int_equal(rg_play(b.t), 0);
        net_same(&a, &b);
        assert_int_equal(rg_grad_of(b.b1) != NULL, k % 2);
        assert_int_equal(rg_grad_of(b.loss) != NULL, k > 4);
    }
    rg_tape_free(a.t);
    rg_tape_free(b.t);
}

/* More on the record is played too; a tape without a backward pass plays forward. */
static void forward_only(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *x = rg_full(t, 2), *y = rg_square(x), *z = NULL;
    for (int k = 1; k < 4; k++) {
        rg_write(x, &(double){k});
        assert_int_equal(rg_play(t), 0);
        assert_true(rg_item(y) == k * k);
        if (z) assert_true(rg_item(z) == k * k + 1);
        else z = rg_add_scalar(y, 1);
    }
    assert_null(rg_error(t));
    rg_tape_free(t);
}

static void backward_after_play(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *x = rg_param(t, "x", RG_CONSTANT(3)), *y = rg_square(x), *g;
    rg_write(x, &(double){5});
    assert_int_equal(rg_backward(y), -1); /* x was written after its use */
    rg_error_clear(t);
    assert_int_equal(rg_play(t), 0);
    assert_int_equal(rg_grad(y, rg_list_of(x), &g), 0);
    assert_true(rg_item(g) == 10);
    assert_int_equal(rg_play(t), -1); /* g has no history */
    assert_non_null(strstr(rg_error(t), "rg_play: an rg_grad without .create_graph is on the record"));
    rg_error_clear(t);
    rg_tape_reset(t);
    y = rg_square(x);
    assert_int_equal(rg_backward(y), 0);
    assert_int_equal(rg_backward(y), 0);
    assert_int_equal(rg_play(t), -1);
    assert_non_null(strstr(rg_error(t), "rg_play: more than one backward pass is on the record"));
    rg_tape_free(t);
}

/* Second derivatives that stand on the record are played like any result. */
static void second_derivatives(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *x = rg_param(t, "x", RG_CONSTANT(2)), *g;
    rg_tensor *y = rg_mul(rg_square(x), x);
    assert_int_equal(rg_grad(y, rg_list_of(x), &g, .create_graph = true), 0);
    assert_int_equal(rg_backward(g), 0); /* 6 x */
    for (int k = 3; k < 6; k++) {
        rg_zero_grad(t);
        rg_write(x, &(double){k});
        assert_int_equal(rg_play(t), 0);
        assert_true(rg_item(g) == 3 * k * k);
        if (rg_item(rg_grad_of(x)) != 6 * k) print_error("%d: %g\n", k, rg_item(rg_grad_of(x)));
        assert_true(rg_item(rg_grad_of(x)) == 6 * k);
    }
    assert_null(rg_error(t));
    rg_tape_free(t);
}

/* -------- ops with effects, draws, hooks and labels that count for nothing: two tapes, one recorded at every step, one played */

typedef struct scene { rg_tape *t; rg_tensor *x, *labels, *w, *gain, *mean, *var, *loss; int calls; } scene;
typedef rg_tensor *(*scene_fn)(scene *s); /* the loss of a step */

static rg_tensor *with_statistics(scene *s) {
    return rg_mean(rg_square(
        rg_batch_norm(rg_tanh(rg_matmul(s->x, s->w)), s->mean, s->var, s->gain, s->gain, .training = true, .momentum = .1, .eps = 1e-5)));
}
static rg_tensor *with_draws(scene *s) {
    rg_tensor *h = rg_dropout(rg_matmul(s->x, s->w), .4);
    return rg_mean(rg_square(rg_dropout(rg_mul(h, s->gain), .2)));
}
static rg_tensor *halved(void *ctx, rg_tensor *x, rg_tensor *g) {
    (void)x;
    ++*(int *)ctx;
    return rg_mul_scalar(g, .5);
}
static rg_tensor *with_a_hook(scene *s) {
    rg_tensor *h = rg_mul(rg_matmul(s->x, s->w), s->gain);
    rg_on_grad(h, halved, &s->calls);
    return rg_mean(rg_square(h));
}
static rg_tensor *with_ignored(scene *s) {
    return rg_cross_entropy(rg_mul(rg_matmul(s->x, s->w), s->gain), s->labels, .mask = rg_ne(s->labels, 1), .weight = s->gain,
        .label_smoothing = .1);
}
static rg_tensor *with_all_kept_at_first(scene *s) { /* the first batch has no such label */
    return rg_nll(rg_log_softmax(rg_matmul(s->x, s->w), -1), s->labels, .mask = rg_ne(s->labels, -3), .reduction = RG_SUM);
}
#define SCENES(S) S(with_statistics) S(with_draws) S(with_a_hook) S(with_ignored) S(with_all_kept_at_first)

static scene scene_new(void) {
    scene s = {.t = new_tape()};
    s.w = rg_param(s.t, "w", RG_HE_NORMAL, IN, CLASSES);
    s.gain = rg_param(s.t, "gain", RG_CONSTANT(1.25), CLASSES);
    s.mean = rg_buffer(s.t, "mean", ((float[CLASSES]){0}), CLASSES);
    s.var = rg_buffer(s.t, "var", ((float[]){1, 1, 1}), CLASSES);
    return s;
}

static void scene_step(scene *s, scene_fn fn, int k, bool plays) {
    float x[ROWS * IN];
    int32_t labels[ROWS];
    rg_rng rng;
    rg_rng_seed(&rng, (uint64_t)k);
    for (int i = 0; i < ROWS * IN; i++) x[i] = (float)rg_rng_normal(&rng, 0, 1);
    for (int i = 0; i < ROWS; i++) labels[i] = fn == with_all_kept_at_first && i < k ? -3 : (int32_t)rg_rng_integers(&rng, 0, CLASSES);
    if (plays) {
        rg_write(s->x, x);
        rg_write(s->labels, labels);
        assert_int_equal(rg_play(s->t), 0);
        return;
    }
    s->x = rg_input(s->t, x, ROWS, IN);
    s->labels = rg_input(s->t, labels, ROWS);
    s->loss = fn(s);
    rg_backward(s->loss);
}

static void scene_plays(scene_fn fn) {
    scene a = scene_new(), b = scene_new();
    rg_optim *of_a = rg_optim_sgd(a.t, rg_params(a.t), .lr = .1), *of_b = rg_optim_sgd(b.t, rg_params(b.t), .lr = .1);
    for (int k = 0; k < 8; k++) {
        scene_step(&a, fn, k, false);
        scene_step(&b, fn, k, k > 0);
        assert_null(rg_error(a.t));
        assert_null(rg_error(b.t));
        assert_true(same_bits(a.loss, b.loss) && same_bits(a.mean, b.mean) && same_bits(a.var, b.var));
        assert_true(rg_grad_of(a.w) && same_bits(rg_grad_of(a.w), rg_grad_of(b.w)) && same_bits(rg_grad_of(a.gain), rg_grad_of(b.gain)));
        assert_int_equal(a.calls, b.calls);
        rg_optim_step(of_a);
        rg_optim_step(of_b);
        rg_tape_reset(a.t);
    }
    assert_int_equal(b.calls, fn == with_a_hook ? 8 : 0);
    assert_true((rg_f32(b.mean)[0] != 0) == (fn == with_statistics));
    rg_tape_free(a.t);
    rg_tape_free(b.t);
}
#define S(fn) static void fn##_too(void **state) { (void)state, scene_plays(fn); }
SCENES(S)
#undef S

static rg_tensor *span(void *ctx, rg_tensor *const *in) { return rg_tanh(rg_matmul(in[0], ctx)); }

/* A checkpoint calls the user's function: C code, which is not played. The record itself is as good as before. */
static void a_checkpoint_is_refused(void **state) {
    (void)state;
    scene s = scene_new();
    s.x = rg_full(s.t, .5, ROWS, IN);
    assert_int_equal(rg_backward(rg_sum(rg_checkpoint(span, s.w, rg_list_of(s.x)))), 0);
    rg_tensor *g = rg_retain(rg_grad_of(s.w));
    assert_int_equal(rg_play(s.t), -1);
    assert_int_equal(rg_error_code(s.t), RG_ESTATE);
    assert_non_null(strstr(rg_error(s.t),
        "rg_play: checkpoint cannot be replayed: its value does not come from its operands alone (test_play.c:"));
    rg_error_clear(s.t);
    assert_true(rg_grad_of(s.w) == g);
    rg_clear_grad(s.w);
    rg_tape_reset(s.t);
    s.x = rg_full(s.t, .5, ROWS, IN);
    assert_int_equal(rg_backward(rg_sum(span(s.w, &s.x))), 0);
    assert_int_equal(rg_play(s.t), 0);
    for (int64_t i = 0; i < g->numel; i++) assert_true(rg_f32(rg_grad_of(s.w))[i] == 2 * rg_f32(g)[i]);
    rg_release(g);
    rg_tape_free(s.t);
}

/* -------- operators of a user's own: what a plan can hold, and what it refuses */

static int copy_forward(rg_tensor *y) { return rg_convert(y->data, y->dtype, y->in[0]->data, y->in[0]->dtype, y->numel), 0; }

/* Scratch memory whose size depends on the values. */
static int scratch_forward(rg_tensor *y) {
    const int64_t n = rg_numel(y->in[0]) && ((const float *)y->in[0]->data)[0] > 0 ? 4 : 400000;
    rg_tensor *scratch = rg_temp(y, RG_F32, 1, &n);
    if (rg_failed(scratch)) return -1;
    for (int64_t i = 0; i < n; i++) ((float *)scratch->data)[i] = 1;
    return copy_forward(y);
}
static int unsaved_forward(rg_tensor *y) { return rg_failed(y->saved[0] = rg_temp_like(y, y)) ? -1 : copy_forward(y); }

static void identity_vjp(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { (void)y, dx[0] = dy; }
static void branching_vjp(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_item(rg_sum(y->in[0])) > 0 ? rg_neg_at(y->at, dy) : dy;
}
static void looping_vjp(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    dx[0] = rg_temp_like(y, dy);
    for (int64_t i = 0; i < dy->numel; i++) ((float *)dx[0]->data)[i] = ((const float *)dy->data)[i];
}
static int other_fused(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    return dx[0] = ((const float *)y->data)[0] > 0 ? dy : rg_temp_like(y, dy), 0;
}

static const rg_op scratchy = {.name = "scratchy", .formula = "x", .arity = 1, .forward = RG_ANY(scratch_forward),
    .backward = identity_vjp};
static const rg_op unsaved = {.name = "unsaved", .formula = "x", .arity = 1, .forward = RG_ANY(unsaved_forward), .backward = identity_vjp};
static const rg_op branching = {.name = "branching", .formula = "x", .arity = 1, .forward = RG_ANY(copy_forward),
    .backward = branching_vjp};
static const rg_op looping = {.name = "looping", .formula = "x", .arity = 1, .forward = RG_ANY(copy_forward), .backward = looping_vjp};
static const rg_op other = {.name = "other", .formula = "x", .arity = 1, .forward = RG_ANY(copy_forward), .backward = identity_vjp,
    .fused = RG_ANY(other_fused)};

static rg_tensor *recorded_with(rg_tape *t, const rg_op *op, rg_tensor *w) {
    rg_tensor *x = rg_full(t, 1, 3), *y = rg_mul(x, w);
    y = rg_apply(op, RG_HERE, RG_NO_ATTR, 1, &y);
    assert_int_equal(rg_backward(rg_sum(y)), 0);
    return x;
}

static void replay_temp_size(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *w = rg_param(t, "w", RG_ONES, 3), *x = recorded_with(t, &scratchy, w);
    for (int k = 0; k < 4; k++) {
        rg_zero_grad(t);
        rg_write(x, (k % 2 ? (float[]){2, 3, 4} : (float[]){-1, -2, -3}));
        const int64_t tensors = rg_memory(t).tensors;
        assert_int_equal(rg_play(t), 0);
        assert_true(rg_f32(rg_grad_of(w))[2] == (k % 2 ? 4 : -3));
        if (k) assert_true(rg_memory(t).tensors <= tensors + 1);
    }
    rg_tape_free(t);
}

static void what_a_plan_refuses(void **state) {
    (void)state;
    static const struct { const rg_op *op; const char *message; } all[] = {
        {&unsaved, "rg_play: unsaved cannot be replayed: its forward does not make its saved tensors by rg_save (test_play.c:"},
        {&branching, "rg_play: branching cannot be replayed: its vjp reads values (test_play.c:"},
        {&looping, "rg_play: looping cannot be replayed: its vjp computes values that are no result of an operation (test_play.c:"},
        {&other, "rg_play: other cannot be replayed: its fused backward gave another tensor than before (test_play.c:"}};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        rg_tape *t = new_tape();
        rg_tensor *w = rg_param(t, "w", RG_ONES, 3), *x = recorded_with(t, all[k].op, w);
        const rg_tensor *g = rg_grad_of(w);
        int failed = rg_play(t);
        if (!failed) { /* the plan was made; other values */
            rg_zero_grad(t);
            rg_write(x, (float[]){-1, -2, -3});
            g = NULL;
            failed = rg_play(t);
        }
        assert_int_equal(failed, -1);
        assert_non_null(strstr(rg_error(t), all[k].message));
        rg_error_clear(t);
        assert_true(rg_grad_of(w) == g);
        rg_tape_reset(t);
        recorded_with(t, all[k].op, w); /* and without a replay all is well */
        rg_tape_free(t);
    }
}

/* A constant that a vjp returns is the gradient of nothing: what is added to it must not stay for the next replay. */
static void constant_vjp(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    (void)dy, dx[0] = rg_full_at(y->at, y->tape, 0, y->ndim, y->shape);
}
static void written_vjp(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_tensor *c = rg_full_at(y->at, y->tape, 0, y->ndim, y->shape);
    rg_write_at(y->at, c, RG_F32, y->in[0]->data);
    dx[0] = rg_mul_at(y->at, dy, c);
}
static const rg_op stop = {.name = "stop", .formula = "x", .arity = 1, .forward = RG_ANY(copy_forward), .backward = constant_vjp};
static const rg_op written = {.name = "written", .formula = "x", .arity = 1, .forward = RG_ANY(copy_forward), .backward = written_vjp};

static void a_constant_gradient_stays_constant(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *w = rg_param(t, "w", RG_CONSTANT(2), 3);
    rg_backward(rg_sum(rg_add(rg_square(w), rg_apply(&stop, RG_HERE, RG_NO_ATTR, 1, &w))));
    for (int k = 0; k < 4; k++) {
        rg_zero_grad(t);
        assert_int_equal(rg_play(t), 0);
        assert_true(rg_f32(rg_grad_of(w))[1] == 4);
    }
    rg_tape_reset(t);
    rg_backward(rg_sum(rg_apply(&written, RG_HERE, RG_NO_ATTR, 1, &w)));
    assert_int_equal(rg_play(t), -1);
    assert_non_null(strstr(rg_error(t), "rg_play: written cannot be replayed: its vjp computes values that are no result of an operation"));
    rg_tape_free(t);
}

/* Reads a value, and goes back through what it computed once more. */
static void through_vjp(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    (void)dx, rg_backward_through(rg_mul_scalar(rg_square_at(y->at, y->in[0]), rg_item(y->in[0])), dy);
}
static const rg_op through = {.name = "through", .formula = "x", .arity = 1, .forward = RG_ANY(copy_forward), .backward = through_vjp};

/* Vjps and hooks in a pass that rg_grad records: what they read, or compute in C, would not change in a replay. */
static int plays_with(rg_tape *t, const rg_op *op, rg_grad_fn hook, bool on_leaf) {
    rg_tensor *x = rg_requires_grad(rg_set_name(rg_full(t, 3), "x"), true), *w = rg_param(t, NULL, RG_ONES), *g;
    rg_tensor *y = op ? rg_apply(op, RG_HERE, RG_NO_ATTR, 1, &x) : rg_square(x);
    if (hook) rg_on_grad(on_leaf ? x : y, hook, NULL);
    assert_int_equal(rg_grad(y, rg_list_of(x), &g, .create_graph = true), 0);
    assert_int_equal(rg_backward(rg_sum(rg_mul(w, g))), 0);
    if (hook) rg_on_grad(on_leaf ? x : y, NULL, NULL);
    return rg_play(t);
}
static rg_tensor *clipped(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)x, rg_mul_scalar(g, 1 / rg_item(g)); }
static rg_tensor *given_by_c(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)g, rg_input(x->tape, (float[]){5}); }
static rg_tensor *composed(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)x, rg_square(g); }

static void what_a_recorded_pass_reads_is_refused(void **state) {
    (void)state;
    static const struct { const rg_op *op; rg_grad_fn hook; bool on_leaf; const char *message; } all[] = {
        {&branching, NULL, false, "rg_play: branching cannot be replayed: its vjp reads values"},
        {&through, NULL, false, "rg_play: through cannot be replayed: its vjp reads values"},
        {NULL, clipped, false, "rg_play: square cannot be replayed: its hook reads values"},
        {NULL, clipped, true, "rg_play: x[] cannot be replayed: its hook reads values"},
        {NULL, given_by_c, false, "rg_play: square cannot be replayed: its hook computes values that are no result of an operation"},
        {NULL, composed, false, NULL}, {NULL, composed, true, NULL}};
    rg_tape *t = new_tape();
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        const int failed = plays_with(t, all[k].op, all[k].hook, all[k].on_leaf);
        if (failed != (all[k].message ? -1 : 0) || (failed && !strstr(rg_error(t), all[k].message)))
            fail_msg("case %zu: %s", k, rg_error(t) ? rg_error(t) : "played");
        rg_error_clear(t);
        rg_tape_reset(t);
    }
    rg_tape_free(t);
}

/* It was released with what the recorded pass left; an rg_grad that failed left nothing. */
static void a_pass_that_is_gone_forbids_nothing(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *x = rg_requires_grad(rg_full(t, 3), true), *y = rg_apply(&branching, RG_HERE, RG_NO_ATTR, 1, &x), *g;
    const int64_t mark = rg_mark(t);
    assert_int_equal(rg_grad(y, rg_list_of(x), &g, .create_graph = true), 0);
    assert_int_equal(rg_play(t), -1);
    rg_error_clear(t);
    rg_rewind(t, mark);
    assert_int_equal(rg_play(t), 0);
    assert_int_equal(rg_grad(y, rg_list_of_n(0, NULL), NULL), 0);
    assert_int_equal(rg_play(t), 0);
    rg_write(x, (float[]){4});
    assert_int_equal(rg_grad(y, rg_list_of(x), &g), -1);
    rg_error_clear(t);
    assert_int_equal(rg_play(t), 0);
    rg_tape_free(t);
}

/* Only the vjp itself reads: what listens to its operations may. */
static void looks(void *ctx, rg_tensor *y, int i, rg_tensor *g) {
    (void)g;
    if (i == RG_RUN_ENDS && y->numel == 1) *(double *)ctx = rg_item(y);
}
static void a_listener_may_read(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    double seen = 0;
    rg_listener l = {.fn = looks, .ctx = &seen};
    rg_tensor *w = rg_param(t, "w", RG_CONSTANT(3)), *y = rg_square(w), *g;
    rg_listen(t, RG_RUNS, &l, true);
    assert_int_equal(rg_grad(rg_exp(y), rg_list_of(w), &g, .create_graph = true), 0);
    assert_int_equal(rg_play(t), 0);
    rg_tape_reset(t);
    assert_int_equal(rg_backward(rg_exp(rg_square(w))), 0);
    assert_int_equal(rg_play(t), 0);
    assert_true(seen != 0);
    rg_tape_free(t);
}

/* Some values are of the new leaves, some of the old: no pass may go through them. */
static void after_a_refused_replay_values_are_stale(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    const int32_t labels[] = {0, 1}, bad[] = {0, 1000000};
    rg_tensor *x = rg_requires_grad(rg_full(t, 1, 2, 3), true), *y = rg_input(t, labels, 2), *loss = rg_cross_entropy(x, y);
    assert_int_equal(rg_backward(loss), 0);
    rg_write(y, bad);
    assert_int_equal(rg_play(t), -1);
    rg_error_clear(t);
    assert_int_equal(rg_backward(loss), -1);
    assert_non_null(strstr(rg_error(t), "backward through cross_entropy: an rg_play failed"));
    rg_tape_free(t);
}

/* As after a reset between two replays. An input that is retained is no operation; a view, or a draw, is one. */
static void an_empty_record_is_refused(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *w = rg_param(t, "w", RG_ONES, 3), *x = rg_retain(rg_full(t, 2, 3));
    for (int k = 0; k < 5; k++) {
        if (k) rg_tape_reset(t);
        if (k == 1) rg_full(t, 1, 3);
        if (k == 2 && rg_backward(rg_sum(rg_mul(w, x)))) fail();
        if (k == 3) rg_reshape(x, 1, 3);
        if (k == 4) rg_normal(t, 0, 1, 3);
        assert_int_equal(rg_play(t), k < 2 ? -1 : 0);
        if (k < 2)
            assert_non_null(strstr(rg_error(t),
                "rg_play: the record has nothing to compute; after rg_tape_reset record the step again (test_play.c:"));
        rg_error_clear(t);
    }
    assert_true(rg_f32(rg_grad_of(w))[0] == 4); /* of the pass, and of its replay */
    rg_tape_free(t);
    t = new_tape();
    assert_int_equal(rg_backward(w = rg_param(t, "w", RG_ONES, 1)), 0); /* a loss that is a leaf */
    assert_int_equal(rg_play(t), 0);
    assert_true(rg_f32(rg_grad_of(w))[0] == 2);
    rg_tape_free(t);
}

/* No leaf that the pass reads was written: x goes through a result that needs no gradient. */
static void after_a_failed_replay_no_pass_mixes_batches(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *w = rg_param(t, "w", RG_ONES, 3, 2), *g;
    rg_tensor *x = rg_full(t, 1, 2, 3), *labels = rg_cast(rg_slice(x, 1, 0, 1), RG_I32);
    rg_tensor *h = rg_matmul(rg_mul_scalar(x, 2), w), *loss = rg_cross_entropy(h, rg_reshape(labels, 2));
    assert_int_equal(rg_backward(loss), 0);
    const float was = rg_f32(rg_grad_of(w))[0];
    for (int k = 0; k < 2; k++) {
        rg_write(x, (float[]){7, 8, 9, 7, 8, 9});
        assert_int_equal(rg_play(t), -1);
        assert_int_equal(rg_error_code(t), RG_EVALUE);
        rg_error_clear(t);
        assert_int_equal(rg_backward(loss), -1);
        assert_non_null(strstr(rg_error(t), ": an rg_play failed and left values of two steps: play again, or record anew (test_play.c:"));
        rg_error_clear(t);
        assert_int_equal(rg_grad(rg_sum(h), rg_list_of(w), &g), -1);
        rg_error_clear(t);
        assert_true(rg_f32(rg_grad_of(w))[0] == was);
        assert_int_equal(rg_grad(rg_sum(rg_square(w)), rg_list_of(w), &g, .create_graph = true), 0); /* recorded since */
        if (k) break;
        rg_write(x, (float[]){1, 1, 1, 1, 1, 1});
        assert_int_equal(rg_play(t), 0);
        rg_zero_grad(t);
        assert_int_equal(rg_grad(loss, rg_list_of(w), &g, .create_graph = true), 0);
        assert_true(rg_f32(g)[0] == was);
        assert_int_equal(rg_play(t), 0);
    }
    rg_tape_reset(t);
    assert_int_equal(rg_backward(rg_sum(rg_square(w))), 0);
    rg_tape_free(t);
}

/* The oldest gradient without a history counts, and the passes that are still on the record. */
static void what_a_rewind_released_does_not_count(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *x = rg_requires_grad(rg_full(t, 2, 3), true), *w = rg_param(t, "w", RG_ONES, 3), *y = rg_sum(rg_square(x)), *g, *h;
    rg_grad(y, rg_list_of(x), &g);
    rg_tensor *loss = rg_sum(rg_mul(w, g));
    int64_t mark = rg_mark(t);
    rg_grad(y, rg_list_of(x), &h);
    rg_rewind(t, mark);
    rg_backward(loss);
    assert_int_equal(rg_play(t), -1);
    rg_error_clear(t);
    rg_tape_reset(t);
    mark = rg_mark(t);
    y = rg_sum(rg_square(w));
    rg_backward(y);
    rg_backward(y);
    rg_rewind(t, mark);
    rg_backward(rg_sum(w));
    assert_int_equal(rg_play(t), 0);
    rg_tape_free(t);
}

/* The older pass is played when the younger ones are gone, whichever was run first; and one for some inputs stays one. */
static void passes_go_one_at_a_time(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *w = rg_param(t, "w", RG_CONSTANT(3)), *v = rg_param(t, "v", RG_CONSTANT(5));
    for (int k = 0; k < 2; k++) {
        rg_tensor *a = rg_square(w);
        const int64_t mark = rg_mark(t);
        rg_tensor *b = rg_mul(a, v), *c = rg_exp(a);
        assert_int_equal(rg_backward(k ? b : a), 0);
        assert_int_equal(rg_backward(k ? a : b), 0);
        assert_int_equal(rg_backward(c), 0);
        assert_int_equal(rg_play(t), -1);
        assert_non_null(strstr(rg_error(t), "rg_play: more than one backward pass is on the record"));
        rg_error_clear(t);
        rg_rewind(t, mark);
        rg_zero_grad(t);
        assert_int_equal(rg_play(t), 0);
        assert_true(rg_item(rg_grad_of(w)) == 6 && !rg_grad_of(v));
        rg_tape_reset(t);
        rg_zero_grad(t);
    }
    rg_tensor *a = rg_mul(w, v);
    const int64_t mark = rg_mark(t);
    assert_int_equal(rg_backward(a, .inputs = rg_list_of(w)), 0);
    rg_rewind(t, mark);
    assert_int_equal(rg_play(t), -1);
    assert_non_null(strstr(rg_error(t), "rg_play: an rg_backward for some inputs is on the record"));
    rg_error_clear(t);
    rg_tape_reset(t);
    assert_int_equal(rg_backward(w), 0); /* the first tensor of the tape */
    assert_int_equal(rg_backward(w), 0);
    assert_int_equal(rg_play(t), -1);
    rg_tape_free(t);
}

static rg_tensor *dropped(void *ctx, rg_tensor *x, rg_tensor *g) { return (void)ctx, (void)x, rg_dropout(g, .5); }
static void a_hook_that_draws_has_the_bits_of_recording_again(void **state) {
    (void)state;
    rg_tape *a = new_tape(), *b = new_tape();
    rg_tensor *v = rg_param(a, "w", RG_ONES, 64), *w = rg_param(b, "w", RG_ONES, 64);
    rg_on_grad(v, dropped, NULL);
    rg_on_grad(w, dropped, NULL);
    rg_backward(rg_sum(rg_square(w)));
    for (int k = 0; k < 4; k++) {
        rg_tape_reset(a);
        rg_zero_grad(a);
        rg_backward(rg_sum(rg_square(v)));
        if (k) {
            rg_zero_grad(b);
            assert_int_equal(rg_play(b), 0);
        }
        assert_true(same_bits(rg_grad_of(v), rg_grad_of(w)));
    }
    rg_tape_free(a);
    rg_tape_free(b);
}

static void a_gradient_can_be_written_after_a_replay(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    rg_tensor *w = rg_param(t, "w", RG_ONES, 3);
    rg_backward(rg_sum(rg_square(w)));
    for (int k = 0; k < 3; k++) {
        assert_int_equal(rg_write(rg_grad_of(w), (float[]){5, 6, 7}), 0);
        assert_true(rg_f32(rg_grad_of(w))[2] == 7);
        rg_zero_grad(t);
        assert_int_equal(rg_play(t), 0);
        assert_true(rg_f32(rg_grad_of(w))[2] == 2);
    }
    rg_tape_free(t);
}

/* The gradient of a leaf is a leaf, in the plan's memory or not: what read it, or a view of it, is stale when it is written. */
static void a_gradient_that_was_written_after_its_use(void **state) {
    (void)state;
    for (int played = 0; played < 2; played++)
        for (int small = 0; small < 2; small++)
            for (int k = 0; k < 3; k++) {
                rg_tape *t = new_tape();
                rg_tensor *w = rg_param(t, "w", RG_ONES, small ? 3 : 30);
                rg_backward(rg_sum(rg_add(rg_exp(w), rg_square(w))));
                if (played) rg_zero_grad(t);
                if (played) assert_int_equal(rg_play(t), 0);
                rg_tensor *g = rg_grad_of(w), *y = rg_sum(rg_mul(k == 0 ? g : k == 1 ? rg_reshape(g, -1) : rg_detach(g), w));
                assert_int_equal(rg_write(g, (float[30]){5, 6, 7}), 0);
                if (played) rg_requires_grad(w, true); /* the plan goes */
                assert_int_equal(rg_backward(y), -1);
                assert_non_null(strstr(rg_error(t), "was written after it was used here"));
                assert_true(rg_f32(g)[2] == 7);
                rg_tape_free(t);
            }
}

/* -------- inputs that are drawn: the bits of an eager step */

static rg_tensor *drawn_step(rg_tape *t, rg_tensor *w, rg_tensor **noise) {
    *noise = rg_normal(t, 0, 1, 5, 3);
    rg_tensor *u = rg_uniform(t, -1, 2, 5, 3), *h = rg_dropout(rg_mul(rg_add(*noise, u), w), .5);
    rg_tensor *loss = rg_mean(rg_square(h));
    assert_int_equal(rg_backward(loss), 0);
    return loss;
}

static void noise_is_drawn_anew(void **state) {
    (void)state;
    for (int d = RG_F32; d <= RG_F64; d++) {
        rg_tape *a = new_tape(), *b = new_tape();
        rg_set_default_dtype(a, (rg_dtype)d);
        rg_set_default_dtype(b, (rg_dtype)d);
        rg_tensor *v = rg_param(a, "w", RG_ONES, 3), *w = rg_param(b, "w", RG_ONES, 3), *of_a, *of_b, *loss = drawn_step(b, w, &of_b);
        for (int k = 0; k < 5; k++) {
            rg_tape_reset(a);
            rg_zero_grad(a);
            rg_tensor *eager = drawn_step(a, v, &of_a);
            if (k) {
                rg_zero_grad(b);
                assert_int_equal(rg_play(b), 0);
            }
            assert_true(same_bits(of_a, of_b) && same_bits(eager, loss) && same_bits(rg_grad_of(v), rg_grad_of(w)));
        }
        /* Values that are given stay: a written input is not drawn again. */
        const double given[15] = {1, 2, 3};
        rg_write(of_b, given);
        assert_int_equal(rg_play(b), 0);
        double is[15];
        rg_copy_out(of_b, is, 15);
        assert_memory_equal(is, given, sizeof is);
        rg_tape_free(a);
        rg_tape_free(b);
    }
}

/* A vjp may return a tensor that lives on: one of the user's, or the gradient of a leaf. It is neither written nor taken. */
static rg_tensor *lasting;
static void lasting_vjp(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { (void)y, (void)dy, dx[0] = lasting; }
static const rg_op lasts = {.name = "lasts", .formula = "x", .arity = 1, .forward = RG_ANY(copy_forward), .backward = lasting_vjp};

static void a_gradient_that_lives_on_is_not_written(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        rg_tape *t = new_tape();
        rg_tensor *w = rg_param(t, "w", RG_ONES, 4), *v = rg_param(t, "v", RG_ONES, 4);
        if (k & 1) lasting = rg_retain(rg_full(t, 3, 4));
        else rg_backward(rg_mul_scalar(rg_sum(v), 3)), lasting = rg_grad_of(v);
        rg_write(lasting, (float[]){3, 3, 3, 3}); /* no longer a constant */
        rg_tape_reset(t);
        rg_tensor *square = rg_square(w), *y = rg_apply(&lasts, RG_HERE, RG_NO_ATTR, 1, &w);
        if (k & 2) y = rg_add(square, y); /* something is added to it; else it is the whole gradient */
        assert_int_equal(rg_backward(rg_sum(y)), 0);
        for (int plays = 0; plays < 3; plays++) {
            rg_clear_grad(w);
            assert_int_equal(rg_play(t), 0);
            assert_true(rg_f32(rg_grad_of(w))[1] == (k & 2 ? 5 : 3) && rg_f32(lasting)[1] == 3);
        }
        rg_tape_reset(t);
        assert_true(rg_f32(lasting) && rg_f32(lasting)[1] == 3);
        assert_null(rg_error(t));
        rg_tape_free(t);
    }
}

/* The kernels are those of the instruction set that the tape has now. */
static int runs_of[RG_ISAS];
static int counted_base(rg_tensor *y) { return runs_of[0]++, copy_forward(y); }
static int counted_avx2(rg_tensor *y) { return runs_of[1]++, copy_forward(y); }
static int counted_avx512(rg_tensor *y) { return runs_of[2]++, copy_forward(y); }
static const rg_op counted = {.name = "counted", .formula = "x", .arity = 1,
    .forward = {{counted_base, counted_avx2, counted_avx512}, {counted_base, counted_avx2, counted_avx512}}, .backward = identity_vjp};

static void another_instruction_set(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    const int best = rg_isa(t);
    rg_tensor *w = rg_param(t, "w", RG_ONES, 3);
    memset(runs_of, 0, sizeof runs_of);
    assert_int_equal(rg_backward(rg_sum(rg_apply(&counted, RG_HERE, RG_NO_ATTR, 1, &w))), 0);
    for (int k = 0; k < 6; k++) {
        rg_set_isa(t, k % 4 < 2 ? best : 0);
        const int before = runs_of[rg_isa(t)];
        assert_int_equal(rg_play(t), 0);
        assert_int_equal(runs_of[rg_isa(t)], before + 1);
    }
    rg_tape_free(t);
}

/* A hook's tensors of a replay go at the next replay, unless a younger tensor may read them; those of rg_backward stay until the reset. */
static void what_hooks_made_goes(void **state) {
    (void)state;
    rg_tape *t = new_tape();
    int calls = 0;
    rg_tensor *w = rg_param(t, "w", RG_ONES, 3), *h = rg_square(w), *loss = rg_sum(h);
    rg_on_grad(h, halved, &calls);
    rg_on_grad(w, halved, &calls);
    const int64_t before = rg_memory(t).tensors;
    assert_int_equal(rg_backward(loss), 0);
    const int64_t with = rg_memory(t).tensors, made = with - before - 1; /* but for w's gradient the hooks made it */
    assert_true(made >= 2);
    for (int k = 0; k < 4; k++) {
        assert_int_equal(rg_play(t), 0);
        assert_int_equal(rg_memory(t).tensors, with + made);
    }
    rg_full(t, 1);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(rg_play(t), 0);
        assert_int_equal(rg_memory(t).tensors, with + 2 * made + 1);
    }
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 2);
    rg_tape_free(t);
}

/* Kernels, checks and sources that return -1 and say nothing. */
static bool fails;
static int mute(rg_tensor *y) { return fails ? -1 : copy_forward(y); }
static int mute_check(rg_tensor *y) { return (void)y, -fails; }
static int mute_source(rg_tensor *x) { return rg_convert(x->data, x->dtype, &(float){2}, RG_F32, 1), -fails; }
static const rg_op mute_kernel = {.name = "mute", .formula = "x", .arity = 1, .forward = RG_ANY(mute), .backward = identity_vjp};
static const rg_op mute_checked = {.name = "mute", .formula = "x", .arity = 1, .check = mute_check, .forward = RG_ANY(copy_forward)};

static void a_silent_failure_is_an_error(void **state) {
    (void)state;
    for (int k = 0; k < 3; k++) {
        rg_tape *t = new_tape();
        rg_tensor *x = rg_full(t, 1);
        rg_set_name(k < 2 ? rg_apply(k ? &mute_checked : &mute_kernel, RG_HERE, RG_NO_ATTR, 1, &x)
                          : rg_drawn_at(RG_HERE, t, mute_source, 0, 1, 0, NULL), "y");
        fails = true;
        assert_int_equal(rg_play(t), -1);
        const char *says = k < 2 ? "mute: []: failed (test_play.c:" : "tensor: failed (test_play.c:";
        if (!rg_error(t) || !strstr(rg_error(t), says)) fail_msg("case %d: %s", k, rg_error(t) ? rg_error(t) : "no error");
        rg_error_clear(t);
        fails = false;
        assert_int_equal(rg_play(t), 0);
        rg_tape_free(t);
    }
    rg_tape *t = new_tape();
    fails = true;
    assert_true(rg_failed(rg_drawn_at(RG_HERE, t, mute_source, 0, 1, 0, NULL)));
    assert_non_null(rg_error(t));
    assert_non_null(strstr(rg_error(t), "tensor: failed (test_play.c:"));
    rg_error_clear(t);
    rg_neg(rg_full(t, 1));
    assert_int_equal(rg_play(t), 0); /* it is not drawn again */
    fails = false;
    rg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry), cmocka_unit_test(trains), cmocka_unit_test(gradients_add_up),
            cmocka_unit_test(retained_gradients_keep_their_values),
        cmocka_unit_test(an_error_changes_no_gradient), cmocka_unit_test(kept_gradients_are_the_last),
        cmocka_unit_test(settings_may_change), cmocka_unit_test(forward_only),
        cmocka_unit_test(backward_after_play), cmocka_unit_test(second_derivatives),
#define S(fn) cmocka_unit_test(fn##_too),
        SCENES(S)
#undef S
        cmocka_unit_test(a_checkpoint_is_refused), cmocka_unit_test(replay_temp_size), cmocka_unit_test(what_a_plan_refuses),
        cmocka_unit_test(a_constant_gradient_stays_constant), cmocka_unit_test(what_a_recorded_pass_reads_is_refused),
        cmocka_unit_test(a_pass_that_is_gone_forbids_nothing), cmocka_unit_test(a_listener_may_read),
        cmocka_unit_test(an_empty_record_is_refused),
        cmocka_unit_test(after_a_failed_replay_no_pass_mixes_batches), cmocka_unit_test(passes_go_one_at_a_time),
        cmocka_unit_test(a_gradient_that_was_written_after_its_use),
        cmocka_unit_test(after_a_refused_replay_values_are_stale), cmocka_unit_test(what_a_rewind_released_does_not_count),
        cmocka_unit_test(a_hook_that_draws_has_the_bits_of_recording_again), cmocka_unit_test(a_gradient_can_be_written_after_a_replay),
        cmocka_unit_test(noise_is_drawn_anew), cmocka_unit_test(a_gradient_that_lives_on_is_not_written),
        cmocka_unit_test(another_instruction_set), cmocka_unit_test(what_hooks_made_goes), cmocka_unit_test(a_silent_failure_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
