/* test_functional.c - Jacobians and Hessians against closed forms, products against these, and each of them differentiated. */
#include "tests/support/values.h"

static rg_tensor *leaf(rg_tape *t, int ndim, const int64_t *shape) {
    rg_set_default_dtype(t, RG_F64);
    return rg_requires_grad(numbers(t, RG_F64, ndim, shape), true);
}

/* -------- closed forms */

/* y = A x: J = A.   y_ij = x_i z_j */
static void jacobians(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = param(t, "x", 3), *w = param(t, "w", 2), *a = rg_input(t, six, 2, 3), *z = rg_input(t, ((const float[]){10, 20}), 2);
    rg_tensor *y = rg_squeeze(rg_matmul(a, rg_unsqueeze(x, 1)), 1), *outer = rg_mul(rg_unsqueeze(x, 1), z);
    for (int graph = 0; graph < 2; graph++) {
        rg_tensor *j = rg_jacobian(y, x, .create_graph = graph);
        assert_shape(j, 2, (const int64_t[]){2, 3});
        VALUES(j, 1, 2, 3, 4, 5, 6);
        j = rg_jacobian(outer, x, .create_graph = graph);
        assert_shape(j, 3, (const int64_t[]){3, 2, 3});
        VALUES(j, 10, 0, 0, 20, 0, 0, 0, 10, 0, 0, 20, 0, 0, 0, 10, 0, 0, 20);
        VALUES(rg_jacobian(rg_sum(x), x, .create_graph = graph), 1, 1, 1);
        VALUES(rg_jacobian(x, x, .create_graph = graph), 1, 0, 0, 0, 1, 0, 0, 0, 1);
        VALUES(rg_jacobian(rg_square(w), x, .create_graph = graph), 0, 0, 0, 0, 0, 0); /* of another leaf */
        REFUSED(RG_ESTATE, rg_jacobian(rg_full(t, 4, 2), x, .create_graph = graph), "rg_jacobian: y depends on nothing that requires a "
            "gradient, or was made with recording off or by rg_grad without .create_graph");
        VALUES(rg_jacobian(rg_square(y), y, .create_graph = graph), 28, 0, 0, 64); /* by a result */
        assert_shape(rg_jacobian(rg_slice(x, 0, 1, 1), x, .create_graph = graph), 2, (const int64_t[]){0, 3});
    }
    assert_null(rg_grad_of(x));
}

/* y = x' A x: H = A + A'.   y = sum x^3: H = diag 6 x.   linear: H = 0 */
static void hessians(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = param(t, "x", 2), *a = rg_input(t, ((const float[]){1, 2, 5, 7}), 2, 2), *col = rg_unsqueeze(x, 1);
    rg_tensor *form = rg_sum(rg_mul(col, rg_matmul(a, col))), *cubes = rg_sum(rg_mul(rg_square(x), x));
    for (int graph = 0; graph < 2; graph++) {
        VALUES(rg_hessian(form, x, .create_graph = graph), 2, 7, 7, 14);
        VALUES(rg_hessian(cubes, x, .create_graph = graph), 6, 0, 0, 12);
        VALUES(rg_hessian(rg_sum(x), x, .create_graph = graph), 0, 0, 0, 0);
    }
    rg_tensor *m = rg_requires_grad(rg_input(t, six, 2, 3), true), *h = rg_hessian(rg_sum(rg_square(m)), m);
    assert_shape(h, 4, (const int64_t[]){2, 3, 2, 3});
    for (int64_t i = 0; i < 36; i++) assert_element(h, i, i % 7 == 0 ? 2 : 0);
}

/* Without a graph nothing but the result stays. */
static void what_stays(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = param(t, "x", 3), *v = rg_full(t, 1, 3), *y = rg_exp(x), *s = rg_sum(rg_mul(y, y)), *out;
    const int64_t before = rg_memory(t).tensors;
    rg_jacobian(y, x);
    rg_hessian(s, x);
    rg_hvp(s, rg_list_of(x), rg_list_of(v), &out);
    rg_tensor *jv = rg_jvp(y, rg_list_of(x), rg_list_of(v));
    assert_int_equal(rg_memory(t).tensors, before + 4);
    assert_false(rg_needs_grad(out) || rg_needs_grad(jv));
    rg_tape_reset(t);
    assert_int_equal(rg_memory(t).tensors, 1);
}

/* -------- random networks */

enum { IN = 3, HIDDEN = 5, OUT = 2, ROWS = 4, PARAMS = 4 };
typedef struct net { rg_tensor *w[PARAMS], *x, *y, *loss; } net;

static net make(rg_tape *t) {
    net n = {.x = leaf(t, 2, (const int64_t[]){ROWS, IN})};
    const int64_t shapes[PARAMS][2] = {{IN, HIDDEN}, {HIDDEN}, {HIDDEN, OUT}, {OUT}};
    for (int k = 0; k < PARAMS; k++) n.w[k] = leaf(t, k % 2 ? 1 : 2, shapes[k]);
    n.y = rg_linear(rg_tanh(rg_linear(n.x, n.w[0], n.w[1])), n.w[2], n.w[3]);
    n.loss = rg_mean(rg_softplus(rg_mul(n.y, rg_sigmoid(n.y))));
    return n;
}

static void like(rg_tape *t, int n, rg_tensor *const *x, rg_tensor **v) {
    for (int k = 0; k < n; k++) v[k] = numbers(t, RG_F64, x[k]->ndim, x[k]->shape);
}

static double dot(const rg_tensor *a, const rg_tensor *b) {
    double sum = 0;
    for (int64_t i = 0; i < a->numel; i++) sum += element(a, i) * element(b, i);
    return sum;
}

#define NEAR(a, b)                                                                                                          \
    do {                                                                                                                    \
        const double a_ = a, b_ = b;                                                                                        \
        if (!(fabs(a_ - b_) <= 1e-11 * fmax(1, fabs(b_)))) fail_msg("%s: %.17g, should be %.17g", #a, a_, b_);              \
    } while (0)

static void a_hessian_times_a_vector(void **state) {
    rg_tape *t = *state;
    const net n = make(t);
    rg_tensor *h = rg_hessian(n.loss, n.w[0]), *v, *hv[2];
    like(t, 1, n.w, &v);
    rg_hvp(n.loss, rg_list_of_n(1, n.w), rg_list_of(v), hv);
    rg_hvp(n.loss, rg_list_of_n(1, n.w), rg_list_of(v), hv + 1, .create_graph = true);
    assert_shape(hv[0], 2, n.w[0]->shape);
    for (int64_t i = 0; i < hv[0]->numel; i++) {
        double sum = 0;
        for (int64_t j = 0; j < v->numel; j++) sum += element(h, i * v->numel + j) * element(v, j);
        NEAR(element(hv[0], i), sum);
        NEAR(element(h, i * v->numel + 1), element(h, v->numel + i)); /* symmetric */
        assert_element(hv[1], i, element(hv[0], i));
    }
}

/* Over all parameters at once H is symmetric: <u, H v> = <v, H u>; and H v is the difference quotient of the gradient. */
static void products_over_all_parameters(void **state) {
    rg_tape *t = *state;
    const net n = make(t);
    rg_tensor *u[PARAMS], *v[PARAMS], *hu[PARAMS], *hv[PARAMS];
    double uhv = 0, vhu = 0;
    like(t, PARAMS, n.w, u);
    like(t, PARAMS, n.w, v);
    assert_int_equal(rg_hvp(n.loss, rg_list_of_n(PARAMS, n.w), rg_list_of_n(PARAMS, u), hu), 0);
    assert_int_equal(rg_hvp(n.loss, rg_list_of_n(PARAMS, n.w), rg_list_of_n(PARAMS, v), hv), 0);
    for (int k = 0; k < PARAMS; k++) uhv += dot(u[k], hv[k]), vhu += dot(v[k], hu[k]);
    NEAR(uhv, vhu);
    assert_true(fabs(uhv) > 1e-3);
}

static void the_adjoint_identity(void **state) {
    rg_tape *t = *state;
    const net n = make(t);
    rg_tensor *v[PARAMS], *w, *jw[PARAMS];
    double sum = 0;
    like(t, PARAMS, n.w, v);
    like(t, 1, &n.y, &w);
    for (int graph = 0; graph < 2; graph++) {
        rg_tensor *jv = rg_jvp(n.y, rg_list_of_n(PARAMS, n.w), rg_list_of_n(PARAMS, v), .create_graph = graph);
        assert_shape(jv, 2, n.y->shape);
        assert_int_equal(rg_grad(n.y, rg_list_of_n(PARAMS, n.w), jw, .dy = w), 0);
        sum = 0;
        for (int k = 0; k < PARAMS; k++) sum += dot(v[k], jw[k]);
        NEAR(dot(jv, w), sum);
        assert_true(fabs(sum) > 1e-3);
    }
    rg_tensor *j = rg_jacobian(n.y, n.x), *jv = rg_jvp(n.y, rg_list_of(n.x), rg_list_of(numbers(t, RG_F64, 2, n.x->shape)));
    assert_int_equal(j->numel, n.y->numel * n.x->numel);
    assert_int_equal(jv->numel, n.y->numel);
}

/* v that depends on x: constant for H v itself, and seen by what comes after. */
static void a_vector_that_depends_on_x(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = param(t, "x", 2), *v = rg_square(x), *s = rg_sum(rg_mul(rg_square(x), x)), *hv, *g;
    rg_hvp(s, rg_list_of(x), rg_list_of(v), &hv, .create_graph = true); /* 6 x v = 6 x^3 */
    VALUES(hv, 6, 48);
    rg_grad(rg_sum(hv), rg_list_of(x), &g); /* 18 x^2 */
    VALUES(g, 18, 72);
    rg_tensor *jv = rg_jvp(rg_square(x), rg_list_of(x), rg_list_of(v), .create_graph = true); /* 2 x v = 2 x^3 */
    VALUES(jv, 2, 16);
    rg_grad(rg_sum(jv), rg_list_of(x), &g);
    VALUES(g, 6, 24);
}

/* More rows than one op takes operands. */
static void many_rows(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_requires_grad(rg_full(t, 2, 600), true), *j = rg_jacobian(rg_square(x), x, .create_graph = true), *g;
    assert_shape(j, 2, (const int64_t[]){600, 600});
    for (int64_t i = 0; i < 600 * 600; i++) assert_element(j, i, i % 601 == 0 ? 4 : 0);
    rg_grad(rg_sum(j), rg_list_of(x), &g);
    for (int64_t i = 0; i < 600; i++) assert_element(g, i, 2);
}

/* -------- differentiated themselves */

static rg_tensor *f(rg_tensor *const *in) { return rg_tanh(rg_matmul(rg_square(in[0]), in[1])); } /* [2,3], [3,2] */
static rg_tensor *jacobian_of(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_jacobian(f(in), in[0], .create_graph = true); }
static rg_tensor *hessian_of(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_hessian(rg_sum(f(in)), in[1], .create_graph = true); }
static rg_tensor *jvp_of(void *ctx, rg_tensor *const *in) {
    return (void)ctx, rg_jvp(f(in), rg_list_of_n(2, in), rg_list_of_n(2, in + 2), .create_graph = true);
}
static rg_tensor *hvp_of(void *ctx, rg_tensor *const *in) {
    rg_tensor *out[2];
    (void)ctx;
    return rg_hvp(rg_sum(f(in)), rg_list_of_n(2, in), rg_list_of_n(2, in + 2), out, .create_graph = true) ? rg_poison(in[0]->tape)
        : rg_mul(out[0], rg_permute(out[1], 1, 0));
}

static void gradcheck(void **state) {
    static const struct { const char *name; rg_fn fn; int n, order; } all[] = {
        {"jacobian", jacobian_of, 2, 3}, {"hessian", hessian_of, 2, 1}, {"jvp", jvp_of, 4, 3}, {"hvp", hvp_of, 4, 1}};
    rg_tape *t = *state;
    rg_tensor *in[4];
    for (int k = 0; k < 4; k++) in[k] = leaf(t, 2, k % 2 ? (const int64_t[]){3, 2} : (const int64_t[]){2, 3});
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        rg_check c = rg_gradcheck(all[k].fn, NULL, rg_list_of_n(all[k].n, in), .order = all[k].order, .tolerance = 1e-7);
        if (c.failed) rg_check_print(&c, all[k].name, stderr);
        assert_int_equal(c.failed, RG_CHECK_PASSED);
    }
}

/* -------- refusals */

static void what_is_refused(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_set_name(rg_requires_grad(rg_full(t, 1, 2, 1, 3, 1), true), "x"), *c = rg_full(t, 1, 2), *w = param(t, "w", 2), *out,
              *none = NULL;
    REFUSED(RG_ESHAPE, rg_jacobian(rg_sum_keep(x, 0), x),
        "rg_jacobian: [1,1,3,1] by x[2,1,3,1] takes 8 dimensions, at most 6; rg_reshape one of them");
    REFUSED(RG_ESHAPE, rg_hessian(rg_sum(x), x),
        "rg_hessian: x[2,1,3,1] by x[2,1,3,1] takes 8 dimensions, at most 6; rg_reshape one of them");
    REFUSED(RG_ESTATE, rg_jacobian(x, c), "rg_jacobian: x[0] does not require a gradient");
    REFUSED(RG_ESTATE, rg_jacobian(x, NULL), "rg_jacobian: x[0] is NULL");
    REFUSED(RG_ESHAPE, rg_hessian(rg_square(w), w),
        "rg_hessian: [2] has 2 elements, not one; take its rg_sum or rg_mean");
    REFUSED(RG_ESHAPE, (rg_hvp(rg_square(w), rg_list_of(w), rg_list_of(c), &out), rg_poison(t)),
        "rg_hvp: [2] has 2 elements, not one; take its rg_sum or rg_mean");
    REFUSED(RG_ESHAPE, rg_jvp(w, rg_list_of(w), rg_list_of(x)), "rg_jvp: v[0] x[2,1,3,1] does not fit x[0] w[2]");
    REFUSED(RG_ESTATE, rg_jvp(w, rg_list_of(w), rg_list_of(none)), "rg_jvp: v[0] is NULL");
    REFUSED(RG_EVALUE, rg_jvp(w, rg_list_of(w), rg_list_of_n(1, NULL)), "rg_jvp: no x, or no v");
    REFUSED(RG_EVALUE, (rg_hvp(rg_sum(w), rg_list_of_n(0, &w), rg_list_of_n(0, &c), &out), rg_poison(t)), "rg_hvp: no x, or no v");
    REFUSED(RG_EVALUE, rg_jvp(w, rg_list_of(w), rg_list_of(w, w)), "rg_jvp: 1 x, but 2 v");
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(jacobians), CASE(hessians), CASE(what_stays), CASE(a_hessian_times_a_vector),
        CASE(products_over_all_parameters),
        CASE(the_adjoint_identity), CASE(a_vector_that_depends_on_x), CASE(many_rows), CASE(gradcheck), CASE(what_is_refused)};
    return RUN("functional", cases);
}
