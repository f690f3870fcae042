/* test_manual.c - the networks derived by hand (examples/course/manual/): against finite differences, against the tape, against the
   published numbers; and faults planted in them, each of which the comparison has to find. */
#define MANUAL_F64
#include "examples/course/manual/columns.h"
#include "examples/course/manual/faults/faults.h"
#include "examples/course/manual/mlp.h"
#include "examples/course/manual/perceptron.h"
#include "examples/course/manual/sigmoid.h"
#include "tools/common/twin.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

enum { NETWORKS = 240, LAYERS = 4, WIDEST = 9, SAMPLES = 8, STEPS = 4 };
static const char *const rules[] = {"sgd", "momentum", "adam"};

/* -------- a random network on a tape, and its twin */

typedef struct pair {
    rg_tape *t;
    rg_rng *rng;
    int layers;                       /* of the ReLU network; the sigmoid network has 2 and targets in place of labels */
    int64_t size[LAYERS + 1], n;
    bool sigmoid;
    double lambda;
    run_options options;
    rg_optim *optim;
    twin *twin;
    double x[SAMPLES * WIDEST], target[SAMPLES];
    int32_t label[SAMPLES];
    rg_tensor *X, *y;                 /* of this step */
} pair;

static int between(pair *p, int low, int high) { return (int)rg_rng_integers(p->rng, low, high + 1); }

static void new_batch(pair *p) {
    p->n = between(p, 1, SAMPLES);
    for (int64_t i = 0; i < p->n * p->size[0]; i++) p->x[i] = rg_rng_normal(p->rng, 0, 1);
    for (int64_t i = 0; i < p->n; i++) p->label[i] = between(p, 0, (int)p->size[p->layers] - 1), p->target[i] = between(p, 0, 1);
}

static void make_params(pair *p) {
    for (int l = 1; l <= p->layers; l++) {
        const char w[] = {'w', (char)('0' + l), 0}, b[] = {'b', (char)('0' + l), 0}; /* each its own name, for the optimiser */
        rg_param(p->t, w, RG_HE_NORMAL, p->size[l - 1], p->size[l]);
        rg_param(p->t, b, RG_NORMAL(0, 0.5), p->size[l]);
    }
}

/* Network number i: its sizes, values, rule and regulariser follow from the number. */
static pair open_pair(int i, const twin_net *net) {
    pair p = {.t = rg_tape_new((uint64_t)i), .sigmoid = net == &twin_sigmoid_f64};
    p.options = (run_options){.path = "both", .lr = 0.05, .optimizer = rules[i % 3], .dtype = "f64"};
    p.rng = rg_tape_rng(p.t);
    rg_set_default_dtype(p.t, net->dtype);
    p.layers = p.sigmoid ? 2 : 1 + i % LAYERS;
    for (int l = 0; l <= p.layers; l++) p.size[l] = between(&p, 1, WIDEST);
    if (p.sigmoid) p.size[2] = 1;
    if (!p.sigmoid && i / LAYERS % 2) p.lambda = rg_rng_uniform(p.rng, 0, 1);
    make_params(&p);
    p.optim = run_optimizer(p.t, rg_params(p.t), &p.options);
    p.options.l2 = net->dtype == RG_F64 ? p.lambda : 0;
    p.twin = twin_new(&p.options, net, rg_params(p.t), SAMPLES);
    assert_non_null(p.twin);
    rg_keep_grads(p.t, true);
    new_batch(&p);
    return p;
}

static void close_pair(pair *p) {
    assert_null(rg_error(p->t));
    twin_free(p->twin);
    rg_tape_free(p->t);
}

/* The same network, from the tape's operators. */
static rg_tensor *loss_on_tape(pair *p) {
    const rg_list w = rg_params(p->t);
    rg_tensor *x = p->X = rg_input(p->t, p->x, p->n, p->size[0]);
    for (int l = 0; l < p->layers; l++) {
        x = p->sigmoid ? rg_add(rg_matmul(x, w.items[2 * l]), w.items[2 * l + 1]) : rg_linear(x, w.items[2 * l], w.items[2 * l + 1]);
        if (p->sigmoid) x = rg_sigmoid(x);
        else if (l + 1 < p->layers) x = rg_relu(x);
    }
    p->y = p->sigmoid ? rg_input(p->t, p->target, p->n, 1) : rg_input(p->t, p->label, p->n);
    if (p->sigmoid) return rg_mul_scalar(rg_sum(rg_square(rg_sub(x, p->y))), 0.5);
    rg_tensor *loss = rg_cross_entropy(x, p->y);
    for (int l = 0; l < p->layers && p->lambda != 0; l++) loss = rg_add(loss, rg_mul_scalar(rg_sum(rg_square(w.items[2 * l])), p->lambda));
    return loss;
}

/* Compares one step and lets the tape learn from it. */
static void step(pair *p) {
    rg_tensor *loss = loss_on_tape(p);
    assert_int_equal(rg_backward(loss), 0);
    assert_int_equal(twin_compare(p->twin, p->X, p->y, loss), 0);
    assert_int_equal(rg_optim_step(p->optim), 0);
    rg_tape_reset(p->t);
}

static void assert_agree(const pair *p, int i) {
    const difference *d = differences_beyond(&p->twin->found);
    if (d) fail_msg("network %d, %s: %g relative, %g absolute, at step %lld", i, d->name, d->relative, d->absolute, (long long)d->worst);
}

/* -------- against the tape */

static void compare_with_tape(const twin_net *net) {
    for (int i = 0; i < NETWORKS; i++) {
        pair p = open_pair(i, net);
        for (int s = 0; s < STEPS; s++, new_batch(&p)) step(&p);
        assert_agree(&p, i);
        assert_int_equal(p.twin->found.count, p.sigmoid ? SIGMOID_QUANTITIES : 6 * p.layers); /* all of them were there */
        /* Adam divides by the root of the squares: a gradient that is rounding alone, 1e-17, still makes a step of 1e-9 lr. */
        if (!(twin_drift(p.twin) <= (i % 3 == 2 ? 1e-9 : 1e-13)))
            fail_msg("network %d, %s: drift %g", i, p.options.optimizer, twin_drift(p.twin));
        close_pair(&p);
    }
}

static void relu_networks_agree_with_the_tape(void **state) { (void)state, compare_with_tape(&twin_mlp_f64); }
static void sigmoid_networks_agree_with_the_tape(void **state) { (void)state, compare_with_tape(&twin_sigmoid_f64); }

/* In f32 too. Its tolerance is 170 roundings, and small random sums cancel more than that: so of the numbers beyond it there must be few,
   and of those that are wrong, such as a fault makes, none. */
static void relu_networks_agree_in_f32(void **state) {
    (void)state;
    int beyond = 0;
    for (int i = 0; i < NETWORKS; i++) {
        pair p = open_pair(i, &twin_mlp_f32);
        p.lambda = 0;
        p.twin->found.tolerance = 1e-5;
        step(&p);
        beyond += differences_beyond(&p.twin->found) != NULL;
        p.twin->found.tolerance = 1e-2;
        assert_agree(&p, i);
        close_pair(&p);
    }
    assert_in_range(beyond, 0, NETWORKS / 50);
}

/* The same gradients to both, so that the rules alone are compared. */
static void update_rules_are_the_optimisers(void **state) {
    (void)state;
    enum { N = 50 };
    for (int i = 0; i < 3; i++) {
        rg_tape *t = rg_tape_new(5);
        rg_set_default_dtype(t, RG_F64);
        const run_options o = {.lr = 0.03, .optimizer = rules[i]};
        const rule r = {.adam = i == 2, .lr = o.lr, .momentum = i == 1 ? 0.9 : 0, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
        rg_tensor *p = rg_param(t, "p", RG_NORMAL(0, 1), N);
        rg_optim *optim = run_optimizer(t, rg_params(t), &o);
        double hand[N], g[N], m[N] = {0}, v[N] = {0};
        rg_copy_out(p, hand, N);
        for (int s = 1; s <= 30; s++) {
            for (int j = 0; j < N; j++) g[j] = rg_rng_normal(rg_tape_rng(t), 0, 1);
            rg_backward(rg_sum(rg_mul(p, rg_input(t, g, N)))); /* d sum p g / dp = g, to the bit */
            assert_int_equal(rg_optim_step(optim), 0);
            update(&r, s, N, hand, g, m, v);
            rg_tape_reset(t);
            for (int j = 0; j < N; j++) assert_true(fabs(hand[j] - rg_f64(p)[j]) <= 1e-14 * fmax(1, fabs(hand[j])));
        }
        rg_tape_free(t);
    }
}

/* -------- against finite differences */

/* Loss at the present parameters; `side` tells on which side of 0 every input of a ReLU lies. */
static double loss_by_hand(const pair *p, void *net, uint64_t *side) {
    *side = 14695981039346656037u;
    if (p->sigmoid) return sigmoid_forward(net, p->n, p->x, p->target), ((sigmoid_net *)net)->loss;
    mlp *m = net;
    mlp_forward(m, p->n, p->x, p->label);
    for (int l = 1; l < m->layers; l++)
        for (int64_t i = 0; i < m->n * m->size[l]; i++) *side = (*side ^ (m->Z[l][i] > 0)) * 1099511628211u;
    return m->loss;
}

/* Five points, error O(h^4). True when all lie on the same sides as the middle. */
static bool difference_quotient(const pair *p, void *net, double *at, double *slope) {
    const double was = *at, h = 7.4e-4 * fmax(1, fabs(was)), weight[] = {1, -8, 0, 8, -1};
    uint64_t sides, middle;
    bool same = true;
    loss_by_hand(p, net, &middle);
    *slope = 0;
    for (int k = 0; k < 5; k++) {
        *at = was + h * (k - 2);
        *slope += weight[k] * loss_by_hand(p, net, &sides) / (12 * h);
        same = same && sides == middle;
    }
    *at = was;
    return same;
}

static void compare_with_differences(const twin_net *net) {
    int64_t checked = 0, left_out = 0;
    for (int i = 0; i < NETWORKS; i++) {
        pair p = open_pair(i, net);
        void *hand = p.twin->alone;
        uint64_t side;
        loss_by_hand(&p, hand, &side);
        net->backward(hand);
        for (int k = 0; k < p.twin->params.count; k++) {
            const int l = k / 2 + 1;
            const sigmoid_net *s = hand;
            const mlp *m = hand;
            const double *gradient = p.sigmoid ? (double *const[]){s->dW1, s->db1, s->dW2, s->db2}[k] : k % 2 ? m->db[l] : m->dW[l];
            for (int64_t j = 0; j < rg_numel(p.twin->params.items[k]); j++) {
                double slope;
                if (!difference_quotient(&p, hand, (double *)net->parameter(hand, k) + j, &slope)) {
                    left_out++;
                    continue;
                }
                const double error = fabs(slope - gradient[j]) / fmax(1e-3, fmax(fabs(slope), fabs(gradient[j])));
                if (!(error <= 1e-8))
                    fail_msg("network %d, parameter %d[%lld]: %.12g by hand, %.12g by difference", i, k, (long long)j, gradient[j], slope);
                checked++;
            }
        }
        close_pair(&p);
    }
    assert_true(checked > 20 * NETWORKS && left_out < checked / 50);
}

static void relu_networks_agree_with_differences(void **state) { (void)state, compare_with_differences(&twin_mlp_f64); }
static void sigmoid_networks_agree_with_differences(void **state) { (void)state, compare_with_differences(&twin_sigmoid_f64); }

/* -------- samples as columns */

static void columns_are_the_transpose(void **state) {
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        pair p = open_pair(i, &twin_mlp_f64);
        step(&p);
        const mlp *rows = p.twin->follower;
        mlp *columns = columns_step(rows);
        assert_non_null(columns);
        const char *worst;
        const double apart = columns_differ(rows, columns, &worst);
        if (!(apart <= 1e-12)) fail_msg("network %d: %s differs by %g", i, worst, apart);
        columns->dW[1][0] += 1e-3;
        assert_true(columns_differ(rows, columns, &worst) > 1e-6);
        assert_string_equal(worst, "dW");
        columns->Z[1][0] = NAN;
        assert_true(isnan(columns_differ(rows, columns, &worst)));
        mlp_free(columns);
        close_pair(&p);
    }
}

/* -------- the perceptron's published result: on the exclusive or it has to fail, and fails like this */

static void perceptron_fails_as_published(void **state) {
    (void)state;
    static const double X[] = {0, 0, 0, 1, 1, 0, 1, 1};
    static const int xor[] = {0, 1, 1, 0}, and[] = {0, 0, 0, 1}, published[] = {1, 1, 0, 0};
    perceptron p = {.d = 2};
    assert_int_not_equal(perceptron_train(&p, 4, X, xor, 0.1, 100), 0);
    assert_true(p.w[0] == -0.1 && p.w[1] == 0 && p.b == 0);
    for (int i = 0; i < 4; i++) assert_int_equal(perceptron_output(&p, X + 2 * i), published[i]);

    p = (perceptron){.d = 2}; /* and what a line does divide, it learns */
    assert_int_equal(perceptron_train(&p, 4, X, and, 0.1, 100), 0);
    for (int i = 0; i < 4; i++) assert_int_equal(perceptron_output(&p, X + 2 * i), and[i]);
}

/* -------- faults: one each is planted in a copy of mlp.c, and the first quantity that has to differ is named */

#define DECLARE(name, what, first)                                                                                              \
    void mlp_forward_##name##_f64(mlp *net, int64_t n, const double *X, const int32_t *y);                                     \
    void mlp_backward_##name##_f64(mlp *net);                                                                                   \
    static double forward_##name(void *net, rg_tensor *x, rg_tensor *y) {                                                       \
        mlp_forward_##name##_f64(net, rg_dim(x, 0), rg_f64(x), rg_i32(y));                                                      \
        return ((mlp *)net)->loss;                                                                                              \
    }                                                                                                                           \
    static void backward_##name(void *net) { mlp_backward_##name##_f64(net); }
MLP_FAULTS_FORWARD(DECLARE)
MLP_FAULTS_BACKWARD(DECLARE)

static void faults_are_found(void **state) {
    (void)state;
    static const struct { const char *name,
        *first; double (*forward)(void *, rg_tensor *, rg_tensor *); void (*backward)(void *); } faults[] = {
#define ROW(name, what, first) {#name, first, forward_##name, backward_##name},
        MLP_FAULTS_FORWARD(ROW) MLP_FAULTS_BACKWARD(ROW)
    };
    for (size_t f = 0; f <= sizeof faults / sizeof *faults; f++) { /* the last round is without any */
        const bool clean = f == sizeof faults / sizeof *faults;
        twin_net net = twin_mlp_f64;
        if (!clean) net.forward = faults[f].forward, net.backward = faults[f].backward;
        pair p = {.t = rg_tape_new(11), .layers = 3, .size = {6, 6, 6, 6}, .lambda = 0.1,
            .options = {.path = "both", .optimizer = "sgd", .dtype = "f64", .l2 = 0.1}};
        p.rng = rg_tape_rng(p.t);
        rg_set_default_dtype(p.t, RG_F64);
        make_params(&p);
        p.optim = run_optimizer(p.t, rg_params(p.t), &p.options);
        p.twin = twin_new(&p.options, &net, rg_params(p.t), SAMPLES);
        rg_keep_grads(p.t, true);
        do new_batch(&p);
        while (p.n < 4);
        step(&p);
        const difference *d = differences_beyond(&p.twin->found);
        if (clean) assert_null(d);
        else if (!d || strcmp(d->name, faults[f].first) != 0)
            fail_msg("%s: %s differs first, not %s", faults[f].name, d ? d->name : "nothing", faults[f].first);
        FILE *nowhere = fopen("/dev/null", "w");
        assert_int_equal(twin_report(p.twin, nowhere), clean ? 0 : 1);
        fclose(nowhere);
        close_pair(&p);
    }
}

/* -------- the comparison itself */

static void differences_are_measured(void **state) {
    (void)state;
    differences d = {.f64 = true, .tolerance = 1e-12};
    const double a[] = {3, 4}, b[] = {3, nextafter(4, 5)}, zero[] = {0, -0.0}, nan[] = {3, NAN}, far[] = {3, 5};
    assert_int_equal(differences_add(&d, "a", 1, 2, a, a, 0, 1), 0);
    assert_true(d.items[0].equal == 2 && d.items[0].absolute == 0);
    differences_add(&d, "a", 1, 2, a, b, 0, 2);
    assert_true(d.items[0].equal == 3 && d.items[0].elements == 4 && d.items[0].ulps == 1 && d.items[0].worst == 2);
    assert_null(differences_beyond(&d));
    differences_add(&d, "a", 1, 2, a, far, 0, 3);
    assert_true(d.items[0].absolute == 1 && d.items[0].relative == 0.2 && d.items[0].worst == 3);
    differences_add(&d, "a", 1, 2, a, far, 10, 4); /* smaller than what its terms come to: 1 / 10 */
    assert_true(d.items[0].relative == 0.2);

    d = (differences){.f64 = true, .tolerance = 1e-12};
    differences_add(&d, "nan", 1, 2, nan, nan, 0, 1);
    differences_add(&d, "zero", 1, 1, zero, zero + 1, 0, 1); /* other bits, the same number */
    assert_null(differences_beyond(&d));
    assert_true(d.items[1].equal == 0 && d.items[1].ulps == 0);
    differences_add(&d, "zero", 1, 1, zero, a, 0, 2);
    assert_true(isinf(d.items[1].relative) && differences_beyond(&d) == &d.items[1]);
    differences_add(&d, "nan", 1, 2, a, nan, 0, 2);
    differences_add(&d, "nan", 1, 2, a, b, 0, 3); /* is not forgotten */
    assert_true(differences_beyond(&d) == &d.items[0] && d.items[0].worst == 2);

    d = (differences){.tolerance = 1e-5};
    const float low[] = {-1e-45f}, high[] = {1e-45f};
    differences_add(&d, "f32", 1, 1, low, high, 0, 1);
    assert_int_equal(d.items[0].ulps, 2); /* across 0 */
}

/* An input of a ReLU that rounding puts on the other side of 0 takes the tape's side, and is counted. */
static double forward_rounded_down(void *net, rg_tensor *x, rg_tensor *y) {
    const double loss = twin_mlp_f64.forward(net, x, y);
    ((mlp *)net)->Z[1][0] -= 0x1p-49;
    ((mlp *)net)->A[1][0] = 0;
    return loss;
}

static void kinks_are_settled(void **state) {
    (void)state;
    twin_net net = twin_mlp_f64;
    net.forward = forward_rounded_down;
    pair p = {.t = rg_tape_new(1), .layers = 2, .size = {2, 2, 2}, .n = 1, .x = {1, 1},
        .options = {.path = "both", .optimizer = "sgd", .dtype = "f64"}};
    rg_set_default_dtype(p.t, RG_F64);
    rg_write(rg_param(p.t, "w1", RG_ZEROS, 2, 2), (const double[]){1, 2, -1, 1});
    rg_write(rg_param(p.t, "b1", RG_ZEROS, 2), (const double[]){0x1p-50, 0}); /* Z1 = [2^-50, 3] */
    rg_write(rg_param(p.t, "w2", RG_ZEROS, 2, 2), (const double[]){1, 2, 3, 4});
    rg_param(p.t, "b2", RG_ZEROS, 2);
    p.optim = run_optimizer(p.t, rg_params(p.t), &p.options);
    p.twin = twin_new(&p.options, &net, rg_params(p.t), 1);
    rg_keep_grads(p.t, true);
    step(&p);
    assert_agree(&p, 0);
    assert_int_equal(p.twin->settled, 1);
    assert_true(fabs(((mlp *)p.twin->follower)->dZ[1][0]) > 0.1); /* there is a slope, the tape's */
    close_pair(&p);
}

static void another_network_is_refused(void **state) {
    (void)state;
    pair p = open_pair(1, &twin_mlp_f64);
    rg_tensor *x = rg_input(p.t, p.x, p.n, p.size[0]), *w = rg_params(p.t).items[0];
    rg_tensor *none = rg_sum(rg_mul(w, w)), *other = rg_mean(rg_square(rg_matmul(x, w)));
    freopen("/dev/null", "w", stderr);
    assert_int_equal(twin_compare(p.twin, x, p.y, none), -1);
    assert_int_equal(twin_compare(p.twin, x, p.y, other), -1);
    close_pair(&p);
}

int main(void) {
    const struct CMUnitTest cases[] = {cmocka_unit_test(relu_networks_agree_with_the_tape),
        cmocka_unit_test(sigmoid_networks_agree_with_the_tape),
        cmocka_unit_test(relu_networks_agree_in_f32), cmocka_unit_test(update_rules_are_the_optimisers),
        cmocka_unit_test(relu_networks_agree_with_differences), cmocka_unit_test(sigmoid_networks_agree_with_differences),
        cmocka_unit_test(columns_are_the_transpose), cmocka_unit_test(perceptron_fails_as_published), cmocka_unit_test(faults_are_found),
        cmocka_unit_test(differences_are_measured), cmocka_unit_test(kinks_are_settled), cmocka_unit_test(another_network_is_refused)};
    return cmocka_run_group_tests_name("networks by hand", cases, NULL, NULL);
}
