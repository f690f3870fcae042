/* test_norm.c - normalisations against PyTorch's numbers and loops, running statistics, dropout against NumPy's draws. */
#include "tests/ops/golden_norm.h"
#include "tests/support/numbers.h"

static rg_tensor *sines(rg_tape *t, int start, double scale, double shift, int ndim, const int64_t *shape) {
    rg_tensor *x = rg_empty(t, RG_F64, ndim, shape);
    for (int64_t i = 0; i < x->numel; i++) ((double *)x->data)[i] = shift + scale * sin((double)(start + i));
    return rg_requires_grad(x, true);
}

static const double *check(const char *what, const rg_tensor *x, const double *should, double bar) {
    assert_false(rg_failed(x));
    for (int64_t i = 0; i < x->numel; i++)
        if (!(fabs(element(x, i) - should[i]) <= bar))
            fail_msg("%s: element %lld is %.17g, should be %.17g", what, (long long)i, element(x, i), should[i]);
    return should + x->numel;
}

static void check_gradients(rg_tensor *y, const double *golden, int n, rg_tensor *const *x) {
    rg_tensor *dx[3], *dy = sines(y->tape, 70, 1, 0, y->ndim, y->shape);
    for (int graph = 0; graph < 2; graph++) {
        const double *should = check("y", y, golden, 1e-13);
        rg_grad(y, rg_list_of_n(n, x), dx, .dy = dy, .create_graph = graph);
        for (int i = 0; i < n; i++) should = check("gradient", dx[i], should, 1e-12);
    }
}

static void layer_norm_is_pytorchs(void **state) {
    rg_tape *t = *state;
    rg_tensor *in[] = {sines(t, 1, 1, 0, RG_DIMS(2, 3, 4)), sines(t, 30, .5, 1, RG_DIMS(3, 4)), sines(t, 50, 1, 0, RG_DIMS(3, 4))};
    check_gradients(rg_layer_norm(in[0], in[1], in[2], 2, .eps = 1e-5), LAYER_NORM, 3, in);
}

static void batch_norm_is_pytorchs(void **state) {
    rg_tape *t = *state;
    rg_tensor *mean = rg_buffer_of(t, "mean", RG_F64, NULL, 3), *var = rg_buffer(t, "var", ((double[]){1, 1, 1}), 3), *y = NULL;
    rg_tensor *in[] = {NULL, sines(t, 30, .5, 1, RG_DIMS(3)), sines(t, 50, 1, 0, RG_DIMS(3))};
    for (int step = 0; step < 4; step++) {
        in[0] = sines(t, 1 + 5 * step, 1, .1 * step, RG_DIMS(4, 3, 2, 2));
        y = rg_batch_norm(in[0], mean, var, in[1], in[2], .training = true, .momentum = .1, .eps = 1e-5);
    }
    check_gradients(y, BATCH_NORM, 3, in);
    check("running variance", var, check("running mean", mean, RUNNING, 1e-14), 1e-14);
    rg_tensor *x = sines(t, 90, 1, 0, RG_DIMS(1, 3, 1, 2));
    check("evaluated", rg_batch_norm(x, mean, var, in[1], in[2], .momentum = .1, .eps = 1e-5), EVALUATED, 1e-13);
    check("evaluated, and nothing moved", mean, RUNNING, 1e-14);
    rg_tensor *bare = rg_batch_norm(x, mean, var, NULL, NULL, .momentum = .1, .eps = 1e-5),
              *twin = rg_div(rg_sub(x, rg_reshape(mean, 3, 1, 1)), rg_reshape(rg_sqrt(rg_add_scalar(var, 1e-5)), 3, 1, 1));
    assert_close("without w and b", bare, twin, 1e-13);
}

/* Without weights, and rows and channels longer than a vector, in f32. */
static void by_their_formulas(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = numbers(t, RG_F32, RG_DIMS(6, 5, 41)), *layer = rg_layer_norm(x, NULL, NULL, 1, .eps = .01),
              *rms = rg_rms_norm(x, NULL, 2, .eps = .01);
    rg_tensor *batch = rg_batch_norm(x, NULL, NULL, NULL, NULL, .training = true, .momentum = .1, .eps = .01);
    for (int64_t i = 0; i < x->numel; i++) {
        double sum = 0, square = 0, all = 0, channel = 0, channels = 0;
        const int64_t row = i / 41 * 41, image = i / 205 * 205, c = i / 41 % 5;
        for (int64_t j = row; j < row + 41; j++) sum += element(x, j), square += element(x, j) * element(x, j);
        for (int64_t j = image; j < image + 205; j++) all += element(x, j) * element(x, j);
        for (int64_t n = 0; n < 6; n++)
            for (int64_t j = 0; j < 41; j++) {
                const double v = element(x, (n * 5 + c) * 41 + j);
                channel += v, channels += v * v;
            }
        const double m = sum / 41, cm = channel / 246, v = element(x, i);
        const double should[] = {(v - m) / sqrt(square / 41 - m * m + .01), v / sqrt(all / 205 + .01),
            (v - cm) / sqrt(channels / 246 - cm * cm + .01)};
        rg_tensor *const y[] = {layer, rms, batch};
        for (int k = 0; k < 3; k++)
            if (!(fabs(element(y[k], i) - should[k]) < 3e-6))
                fail_msg("%s: element %lld is %g, should be %g", y[k]->op->name, (long long)i, element(y[k], i), should[k]);
    }
}

/* A large mean must not eat the variance. */
static void far_from_zero(void **state) {
    rg_tape *t = *state;
    float v[200];
    for (int i = 0; i < 200; i++) v[i] = 4096 + (float)(i % 2);
    rg_tensor *x = rg_input(t, v, 2, 100), *y = rg_layer_norm(x, NULL, NULL, 1, .eps = RG_ZERO),
              *z = rg_batch_norm(rg_reshape(x, 100, 1, 2), NULL, NULL, NULL, NULL, .training = true, .momentum = RG_ZERO, .eps = RG_ZERO);
    for (int i = 0; i < 200; i++) {
        if (!(fabs(element(y, i) - (i % 2 ? 1 : -1)) < 1e-6)) fail_msg("layer_norm: %g", element(y, i));
        if (!(fabs(element(z, i) - (i % 2 ? 1 : -1)) < 1e-6)) fail_msg("batch_norm: %g", element(z, i));
    }
}

/* -------- dropout */

static void dropout_draws_as_numpy(void **state) {
    rg_tape *t = *state;
    rg_rng rng = *rg_tape_rng(t);
    const double p = .3;
    rg_tensor *x = numbers(t, RG_F64, RG_DIMS(400, 250)), *y, *dx;
    rg_requires_grad(x, true);
    rng = *rg_tape_rng(t);
    y = rg_dropout(x, p);
    int64_t kept = 0;
    double mean = 0, of_x = 0;
    for (int64_t i = 0; i < x->numel; i++) {
        const bool keep = rg_rng_random(&rng) >= p;
        assert_element(y, i, keep ? element(x, i) * (1 / (1 - p)) : element(x, i) * 0);
        kept += keep;
        mean += element(y, i) / 1e5, of_x += element(x, i) / 1e5;
    }
    assert_memory_equal(&rng, rg_tape_rng(t), sizeof rng);
    assert_true(fabs((double)kept / 1e5 - .7) < 4 * sqrt(.21 / 1e5));
    assert_true(fabs(mean - of_x) < 4 * sqrt(.3 / .7 * 4. / 3 / 1e5)); /* E x^2 (1 / (1-p) - 1), x uniform in -2 .. 2 */
    rg_tensor *ones = rg_cast(rg_full(t, 1, 400, 250), RG_F64);
    rg_grad(y, rg_list_of(x), &dx, .dy = ones);
    for (int64_t i = 0; i < x->numel; i++) assert_element(dx, i, element(y->saved[0], i));
    assert_element(rg_dropout(rg_full(t, 3, 1), 1), 0, 0);
    assert_element(rg_dropout(rg_full(t, 3, 1), 0), 0, 3);
}

/* -------- messages */

static void messages(void **state) {
    rg_tape *t = *state, *other = rg_tape_new(1);
    rg_tensor *x = rg_set_name(rg_full(t, 1, 4, 3), "x"), *three = rg_full(t, 1, 3), *four = rg_full(t, 1, 4);
    REFUSED(RG_ESHAPE, rg_layer_norm(x, four, NULL, 1, .eps = .1), "layer_norm: x[4,3], [4]: the weight must be [3]");
    REFUSED(RG_EVALUE, rg_layer_norm(x, NULL, NULL, 0, .eps = .1), "layer_norm: k is 0, must be at least 1");
    REFUSED(RG_EVALUE, rg_layer_norm(x, NULL, three, 1, .eps = .1), "layer_norm: a bias without a weight");
    REFUSED(RG_EVALUE, rg_rms_norm(x, NULL, 1, .eps = -1), "rms_norm: x[4,3]: eps is -1, must be at least 0 and finite");
    REFUSED(RG_EVALUE, rg_batch_norm(rg_full(t, 1, 1, 3), NULL, NULL, NULL, NULL, .training = true, .momentum = .1, .eps = .1),
        "batch_norm: [1,3]: one value per channel has no variance");
    REFUSED(RG_ESHAPE, rg_batch_norm(x, four, three, NULL, NULL, .training = true, .momentum = .1, .eps = .1),
        "batch_norm: the running mean [4] does not fit the channels of x[4,3]");
    REFUSED(RG_ESTATE, rg_batch_norm(x, three, NULL, NULL, NULL, .training = true, .momentum = .1, .eps = .1),
        "batch_norm: the running variance is NULL");
    REFUSED(RG_ESTATE, rg_batch_norm(x, rg_exp(three), three, NULL, NULL, .training = true, .momentum = .1, .eps = .1),
        "batch_norm: the running mean is no leaf");
    REFUSED(RG_ESTATE, rg_batch_norm(x, NULL, three, NULL, NULL, .momentum = .1, .eps = .1), "batch_norm: the mean is NULL");
    REFUSED(RG_ESTATE, rg_batch_norm(x, rg_full(other, 1, 3), three, NULL, NULL, .momentum = .1, .eps = .1),
        "batch_norm: the mean is on another tape");
    REFUSED(RG_EDTYPE, rg_batch_norm(x, rg_cast(three, RG_F64), three, NULL, NULL, .momentum = .1, .eps = .1),
        "batch_norm: the mean is f64, the input f32");
    REFUSED(RG_EVALUE, rg_batch_norm(x, three, rg_full(t, 1, 3), NULL, NULL, .training = true, .momentum = NAN, .eps = .1),
        "batch_norm: momentum is nan, must be from 0 to 1");
    REFUSED(RG_EVALUE, rg_batch_norm(x, three, rg_full(t, 1, 3), NULL, NULL, .training = true, .momentum = 1.5, .eps = .1),
        "batch_norm: momentum is 1.5, must be from 0 to 1");
    REFUSED(RG_EVALUE, rg_batch_norm(x, three, rg_full(t, 1, 3), NULL, NULL, .momentum = .1, .eps = -1),
        "batch_norm: eps is -1, must be at least 0 and finite");
    rg_tensor *one = rg_full(t, 1, 1);
    REFUSED(RG_ESHAPE, rg_batch_norm(x, three, three, one, NULL, .momentum = .1, .eps = .1),
        "batch_norm: the weight [1] does not fit the channels of x[4,3]");
    REFUSED(RG_ESHAPE, rg_batch_norm(x, three, three, rg_full(t, 1), NULL, .momentum = .1, .eps = .1),
        "batch_norm: the weight [] does not fit the channels of x[4,3]");
    REFUSED(RG_ESHAPE, rg_batch_norm(x, three, three, three, one, .momentum = .1, .eps = .1),
        "batch_norm: the bias [1] does not fit the channels of x[4,3]");
    REFUSED(RG_EVALUE, rg_batch_norm(x, three, three, NULL, three, .momentum = .1, .eps = .1), "batch_norm: a bias without a weight");
    REFUSED(RG_EVALUE, rg_batch_norm(x, three, three, NULL, NULL, .training = true, .momentum = .1, .eps = .1),
        "batch_norm: the running mean and the running variance are one tensor");
    rg_tensor *w = rg_set_name(rg_requires_grad(rg_full(t, 1, 3), true), "w");
    REFUSED(RG_ESTATE, rg_batch_norm(x, w, three, NULL, NULL, .training = true, .momentum = .1, .eps = .1),
        "batch_norm: the running mean w[3] requires a gradient; a running statistic is an rg_buffer");
    for (int i = 0; i < 3; i++) assert_true(element(three, i) == 1);
    rg_set_default_dtype(t, RG_F64);
    REFUSED(RG_ESHAPE, rg_layer_norm(rg_full(t, 1, 2, 3), rg_full(t, 1, 1), NULL, 1, .eps = .1),
        "layer_norm: [2,3], [1]: the weight must be [3]");
    rg_set_default_dtype(t, RG_F32);
    REFUSED(RG_EVALUE, rg_dropout(x, 1.5), "dropout: x[4,3]: p = 1.5 is no probability");
    rg_tape_free(other);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(layer_norm_is_pytorchs), CASE(batch_norm_is_pytorchs), CASE(by_their_formulas),
        CASE(far_from_zero),
        CASE(dropout_draws_as_numpy), CASE(messages)};
    return RUN("norm", cases);
}
