/* test_failures.c - a call that fails reports it by its return value, even if the error handler clears the error. Each allocation fails in
   turn; and every call is also made on a tape that already has an error. */
#include "tests/support/cases.h"

#include <math.h>
#include <unistd.h>

#include "retrograd.h"
#include "tests/support/ledger.h"

/* What the calls below are made with. */
typedef struct things {
    rg_tape *t;
    rg_tensor *x, *w, *labels, *image, *sequence; /* [4,4] that requires its gradient; parameter [4]; i32 [4]; [2,3,6,6]; [3,2,4] */
    rg_list params;                               /* w */
    bool failed;                                  /* in an evaluation of L-BFGS, which goes on from a shorter step */
} things;

#define IN(...) (int)(sizeof((rg_tensor *[]){__VA_ARGS__}) / sizeof(rg_tensor *)), (rg_tensor *[]){__VA_ARGS__}
static rg_tensor *tanh_of(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_tanh(in[0]); }
static rg_tensor *loss_of(const things *g) { return rg_sum(rg_square(rg_mul(g->x, g->w))); }

/* -------- one subject each: true after a failure */

static bool splits(things *g) {
    rg_tensor *parts[2];
    return rg_chunk(g->x, parts, 0, 2) || rg_failed(rg_concat(0, parts[1], parts[0]));
}

static bool derivatives(things *g) {
    rg_tensor *y = rg_mul(rg_index_select(g->x, rg_cast(rg_full(g->t, 1, 1), RG_I32), 0), g->w), *loss = rg_sum(rg_square(y)),
              *in[] = {g->x, g->w}, *out[2];
    if (rg_failed(loss)) return true;
    for (int graph = 0; graph < 2; graph++)
        if (rg_failed(rg_jacobian(y, g->w, .create_graph = graph)) || rg_failed(rg_hessian(loss, g->w, .create_graph = graph)) ||
            rg_failed(rg_jvp(y, rg_list_of_n(2, in), rg_list_of_n(2, in), .create_graph = graph)) ||
            rg_hvp(loss, rg_list_of_n(2, in), rg_list_of_n(2, in), out, .create_graph = graph)) return true;
    return false;
}

static bool checkpoints(things *g) {
    return rg_failed(rg_checkpoint(tanh_of, NULL, rg_list_of(g->x))) || rg_backward(rg_sum(rg_checkpoint(tanh_of, NULL, rg_list_of(g->w))));
}

static bool gradient_check(things *g) {
    rg_set_default_dtype(g->t, RG_F64);
    rg_tensor *x = rg_requires_grad(rg_full(g->t, .5, 2), true);
    if (rg_failed(x)) return true;
    for (int order = 1; order < 3; order++)
        if (rg_gradcheck(tanh_of, NULL, rg_list_of(x), .order = order).failed) return true;
    return false;
}

static bool finiteness(things *g) { return rg_failed(loss_of(g)) || rg_check_finite(g->t); }

static bool replays(things *g) {
    rg_tensor *x = rg_uniform(g->t, -1, 1, 4), *loss = rg_sum(rg_mul(rg_softmax(rg_add(x, g->w), 0), rg_cumsum(g->w, 0)));
    if (rg_failed(loss) || rg_backward(loss) || rg_play(g->t) || rg_play(g->t)) return true;
    rg_tensor *kept = rg_retain(rg_grad_of(g->w));
    const bool failed = rg_play(g->t);
    rg_release(kept);
    return failed || rg_failed(rg_add(x, x)) || rg_play(g->t);
}

static rg_tensor *halved(void *ctx, rg_tensor *x, rg_tensor *dx) { return (void)ctx, (void)x, rg_mul(dx, rg_full(rg_tape_of(dx), .5)); }
static bool hooks(things *g) {
    rg_tensor *loss = loss_of(g), *dx;
    if (rg_failed(loss) || rg_on_grad(g->w, halved, NULL) || rg_backward(loss) || rg_play(g->t) || rg_play(g->t)) return true;
    return rg_grad(loss, rg_list_of(g->x), &dx, .create_graph = true) != 0;
}

static bool forward(rg_nn *net, rg_tensor *x) { return !net || rg_failed(rg_nn_forward(net, x)); }

static bool names(things *g) {
    rg_nn *first = rg_nn_linear(g->t, 4, 3, RG_ONES);
    if (!first) return true;
    rg_nn *net = rg_nn_sequential(g->t, rg_nn_named(first, "first"), rg_nn_residual(rg_nn_batch_norm1d(g->t, 3)), rg_nn_flatten(g->t));
    return !net || forward(rg_nn_named(net, "net"), g->x);
}

static rg_tensor *negated(const char *at, rg_nn *net, rg_tensor *const *in, rg_tensor *y, void *data) {
    return (void)at, (void)net, (void)in, (void)data, rg_neg(y);
}
static bool copies(things *g) {
    rg_nn *net = rg_nn_sequential_n(g->t, 0, NULL), *copy;
    if (rg_nn_add(net, "first", rg_nn_linear(g->t, 4, 3, RG_ONES)) || rg_nn_add(net, NULL, rg_nn_batch_norm1d(g->t, 3))) return true;
    if (rg_nn_on_forward(net->children[0], negated, NULL) || !(copy = rg_nn_copy(net))) return true;
    return forward(copy, g->x) || rg_nn_soft_update(copy, net, .5) || rg_nn_remove_hook(net->children[0], negated, NULL);
}

static bool perceptron(things *g) { return forward(rg_nn_mlp(g->t, "tanh", RG_HE_NORMAL, 4, 3, 2), g->x); }

static bool norms(things *g) {
    return forward(rg_nn_layer_norm(g->t, 4), g->x) || forward(rg_nn_rms_norm(g->t, 4), g->x) || forward(rg_nn_dropout(g->t, .5), g->x) ||
        forward(rg_nn_batch_norm2d(g->t, 3), g->image);
}

static bool convolution(things *g) {
    rg_nn *net = rg_nn_sequential(g->t, rg_nn_conv2d(g->t, 3, 2, RG_HE_UNIFORM, .kernel = {3}, .padding = {1}), rg_nn_relu(g->t),
        rg_nn_max_pool2d(g->t, .kernel = {2}), rg_nn_avg_pool2d(g->t, .kernel = {3}));
    return forward(net, g->image) || rg_backward(rg_sum(rg_nn_forward(net, g->image))) ||
           forward(rg_nn_conv1d(g->t, 2, 2, RG_ONES, .kernel = {2}), g->sequence);
}

static bool recurrent(things *g) {
    const rg_rnn_options with = {.layers = 2};
    rg_nn *const nets[] = {(rg_nn_rnn)(g->t, 4, 3, with), (rg_nn_lstm)(g->t, 4, 3, with), (rg_nn_gru)(g->t, 4, 3, with)};
    for (int k = 0; k < 3; k++) {
        rg_rnn_state state = {0};
        if (!nets[k] || rg_failed(rg_nn_unroll(nets[k], g->sequence, &state)) ||
            rg_failed(rg_nn_time_step(nets[k], rg_reshape(rg_slice(g->sequence, 1, 0, 1), 3, 4), &state))) return true;
    }
    return false;
}

static bool attention(things *g) {
    rg_nn *heads = rg_nn_multi_head_attention(g->t, 4, 2, RG_ONES, .causal = true);
    return forward(heads, g->sequence) || forward(rg_nn_transformer_block(g->t, 4, 2, 8, RG_ONES), g->sequence) ||
        rg_failed(rg_nn_attend(heads, g->sequence, g->sequence, g->sequence, NULL));
}

static bool embeddings(things *g) {
    return forward(rg_nn_embedding(g->t, 5, 4, RG_ONES), g->labels) || forward(rg_nn_positional_embedding(g->t, 5, 4, RG_ONES), g->x);
}

static bool losses(things *g) {
    rg_tensor *p = rg_sigmoid(g->x);
    return rg_failed(rg_cross_entropy(g->x, g->labels)) || rg_failed(rg_bce(p, p)) || rg_failed(rg_mse(p, g->x)) ||
        rg_failed(rg_l1(p, g->x)) || rg_failed(rg_huber(p, g->x)) ||
        rg_failed(rg_einsum("ij,j->i", g->x, g->w)) || rg_failed(rg_logsumexp(g->x, 1));
}

static double evaluate(void *ctx) {
    things *g = ctx;
    rg_tensor *loss = rg_sum(rg_square(g->w));
    if (!rg_backward(loss)) return rg_item(loss);
    g->failed = true;
    return NAN;
}

static bool steps(things *g, rg_optim *o) { return !o || isnan(rg_optim_step_closure(o, evaluate, g)) || g->failed; }
static bool sgd(things *g) { return steps(g, rg_optim_sgd(g->t, g->params, .lr = .1, .momentum = .9, .error_if_nonfinite = true)); }
static bool adam(things *g) { return steps(g, rg_optim_adam(g->t, g->params)); }
static bool adamw(things *g) { return steps(g, rg_optim_adamw(g->t, g->params)); }
static bool rmsprop(things *g) { return steps(g, rg_optim_rmsprop(g->t, g->params, .centered = true, .momentum = .5)); }
static bool adagrad(things *g) { return steps(g, rg_optim_adagrad(g->t, g->params, .initial_accumulator = 1)); }
static bool lion(things *g) { return steps(g, rg_optim_lion(g->t, g->params)); }
static bool lbfgs(things *g) { return steps(g, rg_optim_lbfgs(g->t, g->params, .lr = 1)); }
static bool groups(things *g) {
    rg_tensor *v = rg_param(g->t, "v", RG_ONES, 2);
    rg_optim *o = rg_failed(v) ? NULL : rg_optim_sgd(g->t, g->params, .lr = .1);
    return !o || rg_optim_add_group(o, ((rg_list){&v, 1}), .lr = .2);
}

static bool averages(things *g) {
    rg_ema *a = rg_ema_new(g->t, g->params, .5);
    return !a || rg_ema_update(a) || rg_ema_swap(a) || rg_ema_swap(a);
}

static bool stopping(things *g) {
    rg_early_stopping *s = rg_early_stopping_new(g->t, g->params, .patience = 1);
    return !s || rg_early_stopping_step(s, 1) || rg_early_stopping_restore(s);
}

static bool clipping(things *g) {
    return rg_backward(rg_sum(rg_square(g->w))) || isnan(rg_clip_grad_norm(g->t, g->params, 1)) || rg_clip_grad_value(g->t, g->params, .1);
}

static bool loading(things *g) {
    rg_dataset d = rg_make_moons(g->t, 8, .1), circles = rg_make_circles(g->t, 8, .5, 0), spirals = rg_make_spirals(g->t, 8, 2, 0),
        xors = rg_make_xor(g->t, 4, 0);
    if (rg_failed(d.y) || rg_failed(circles.y) || rg_failed(spirals.y) || rg_failed(xors.y) || rg_failed(rg_make_digits(g->t, 2).x))
        return true;
    rg_loader *l = rg_loader_new(g->t, d.x, d.y, .batch = 4, .shuffle = true);
    rg_tensor *x, *y;
    return !l || !rg_loader_next(l, &x, &y) || !rg_loader_refill(l, x, y);
}

static char path[] = "/tmp/retrograd-failures-XXXXXX";
static bool files(things *g) {
    rg_nn *net = rg_nn_linear(g->t, 2, 2, RG_ONES);
    rg_optim *o = net ? rg_optim_adam(g->t, rg_nn_params(net)) : NULL;
    rg_state *run = o ? rg_state_new(g->t) : NULL;
    if (!run || rg_state_net(run, NULL, net) || rg_state_optim(run, "optim", o)) return true;
    if (rg_state_tensor(run, "x", rg_zeros(g->t, 3))) return true;
    if (rg_npy_save(g->x, path) || rg_failed(rg_npy_load(g->t, path))) return true;
    if (rg_npz_save(g->t, path, g->params) || !rg_npz_load(g->t, path).count) return true;
    if (rg_safetensors_save(g->t, path, g->params) || !rg_safetensors_load(g->t, path).count) return true;
    rg_file_report report;
    if (rg_nn_save(net, path, .layout = RG_TORCH) || rg_nn_load(net, path, .layout = RG_TORCH, .report = &report)) return true;
    return rg_state_save(run, path) || rg_state_load(run, path);
}

static double ignores(void *ctx) { /* what fails in the end */
    things *g = ctx;
    const double loss = evaluate(g);
    rg_backward(rg_sum(rg_concat(0, g->w, g->w)));
    return g->failed = false, loss;
}
static bool closures(things *g) {
    rg_optim *sgd = rg_optim_sgd(g->t, g->params, .lr = .1), *lbfgs = sgd ? rg_optim_lbfgs(g->t, g->params, .lr = 1) : NULL;
    return !lbfgs || isnan(rg_optim_step_closure(sgd, ignores, g)) || isnan(rg_optim_step_closure(lbfgs, ignores, g));
}

static const struct subject { const char *name; bool (*fails)(things *g); } subjects[] = {{"split and concat", splits},
    {"derivatives", derivatives}, {"checkpoints", checkpoints},
    {"the gradient check", gradient_check}, {"rg_check_finite", finiteness}, {"replays", replays}, {"hooks", hooks},
    {"named layers", names}, {"copies and hooks of nets", copies}, {"rg_nn_mlp", perceptron}, {"norms", norms},
    {"convolutions", convolution}, {"recurrent layers", recurrent}, {"attention", attention}, {"embeddings", embeddings},
    {"losses", losses}, {"SGD", sgd}, {"Adam", adam}, {"AdamW", adamw},
    {"RMSprop", rmsprop}, {"Adagrad", adagrad}, {"Lion", lion}, {"L-BFGS", lbfgs}, {"closures", closures}, {"groups", groups},
    {"averages", averages}, {"early stopping", stopping}, {"clipping", clipping},
    {"loaders", loading}, {"files", files}};

/* -------- the two ways to fail */

typedef struct handled { rg_tape *t; int errors; bool clears; char message[512]; } handled;
static void handle(void *ctx, rg_code code, const char *message) {
    (void)code;
    handled *h = ctx;
    h->errors++;
    snprintf(h->message, sizeof h->message, "%s", message);
    if (h->clears) rg_error_clear(h->t);
}

static things new_things(rg_tape *t) {
    static const int32_t labels[] = {1, 0, 2, 3};
    things g = {.t = t,
        .x = rg_requires_grad(rg_full(t, .5, 4, 4), true),
        .w = rg_param(t, "w", RG_ONES, 4),
        .labels = rg_input(t, labels, 4),
        .image = rg_full(t, 1, 2, 3, 6, 6),
        .sequence = rg_full(t, .1, 3, 2, 4)};
    g.params = rg_params(t);
    return g;
}

static void reports_what_fails(void **state) {
    const struct subject *s = *state;
    int k = 0;
    for (bool failed = true; failed; k++) {
        ledger l = {.m = {.fail_at = -1}};
        handled h = {.t = tape_on(&l, true), .clears = true};
        rg_on_error(h.t, handle, &h);
        things g = new_things(h.t);
        l.m.fail_at = k, l.m.calls = 0;
        failed = s->fails(&g);
        if (failed != (h.errors > 0))
            fail_msg("call %d: %d errors (%s), and %s reported", k, h.errors, h.message, failed ? "a failure was" : "none");
        if (failed && l.m.calls <= k) fail_msg("fails with all the memory it wants: %s", h.message);
        rg_tape_free(h.t);
        assert_int_equal(l.m.out, 0);
    }
    assert_true(k > 1);
    print_message("# %d points of failure\n", k - 1);
}

static void does_nothing_after_an_error(void **state) {
    const struct subject *s = *state;
    ledger l = {.m = {.fail_at = -1}};
    handled h = {.t = tape_on(&l, true)};
    things g = new_things(h.t);
    rg_on_error(h.t, handle, &h);
    rg_backward(g.x); /* has 16 elements */
    assert_int_equal(h.errors, 1);
    assert_true(s->fails(&g));
    assert_int_equal(h.errors, 1);
    assert_string_equal(rg_error(h.t), h.message);
    rg_tape_free(h.t);
    assert_int_equal(l.m.out, 0);
}

int main(void) {
    cases c = {0};
    const int file = mkstemp(path);
    for (size_t k = 0; k < sizeof subjects / sizeof *subjects; k++) {
        cases_add(&c, reports_what_fails, &subjects[k], "%s: each failure is reported", subjects[k].name);
        cases_add(&c, does_nothing_after_an_error, &subjects[k], "%s: nothing after an error", subjects[k].name);
    }
    const int failed = file < 0 ? 1 : cases_run(&c, "failures");
    close(file);
    unlink(path);
    return failed;
}
