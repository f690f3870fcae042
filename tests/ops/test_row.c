/* test_row.c - rows outside of the library: operators that ops/row.h makes, beside the library's of the same formula, and in all that an
   operator does. Rows of every kind; macros of the same names as words of a row, which have to survive. */
#include "nn/nn.h"
#include "ops/gradcheck.h"
#include "tests/support/values.h"

#include "ops/rule.h" /* RG_REAL; calls here are not of a rule */
#undef RG_AT
#define RG_AT RG_HERE

#define X 12
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define real int
#define NUM 7 /* a name within engine/math */

/* Words for all functions that have no other row here; in C, and as ops. */
#define INVERSE(u) ADD(SUB(ASIN(u), ACOS(u)), ATAN(u))
#define INVERSE_SLOPE(u) ADD(MUL(C(2), RSQRT(SUB(C(1), MUL(u, u)))), DIV(C(1), ADD(C(1), MUL(u, u))))
#define SOME(u) ADD(ADD(EXPM1(u), TAN(u)), ADD(ADD(LOG2(u), LOG1P(u)), ERF(u)))
#define SOME_SLOPE(u)                                                                                      \
    ADD(ADD(EXP(u), ADD(C(1), SQUARE(TAN(u)))), ADD(DIV(C(1.4426950408889634), u),                         \
        ADD(DIV(C(1), ADD(C(1), u)), MUL(C(1.1283791670955126), EXP(NEG(MUL(u, u)))))))

#define RG_ROW                                                                                      \
    UNARY(bell, "e^(-x^2)", R(exp)(-x * x), MUL(DY, MUL(C(-2), MUL(X, Y))), SMOOTH, -2, 2)          \
    UNARY(my_identity, "x", x, DY, SMOOTH, -2, 2)                                                   \
    UNARY(my_relu, "max(x, 0)", x < 0 ? C(0) : x, WHERE(EQ(Y, C(0)), C(0), DY), KINK(x > 0), -2, 2) \
    UNARYP(my_power, "x^p", POWER(x, p_), MUL(DY, MUL(C(p), POWER(X, p_ - 1))), SMOOTH, .3, 2, 2.5) \
    UNARYPQ(my_clamp, "min(max(x, p), q)", x > q ? q : x < p ? p : x, WHERE(OR(LT(X, C(p)), GT(X, C(q))), C(0), DY), \
        KINK((x > p) + (x > q)), \
        -2, 2, -.75, 1.25)                                                                          \
    UNARY_STEP(my_sign, "(x > 0) - (x < 0)", C((x > 0) - (x < 0)), -2, 2)                           \
    UNARY(my_wave, "sin x^2", SIN(x * x), MUL(DY, MUL(MUL(C(2), X), COS(MUL(X, X)))), SMOOTH, -2, 2) \
    UNARY(my_sum, "x times a sum of functions", x * ADD(SOME(x), INVERSE(x)),                       \
        MUL(DY, ADD(ADD(SOME(X), INVERSE(X)), MUL(X, ADD(SOME_SLOPE(X), INVERSE_SLOPE(X))))), SMOOTH, .3, .7)
#include "ops/row.h"

#define RG_ROW BINARY(my_div, "a / b", a / b, DIV(DY, B), NEG(DIV(MUL(DY, Y), B)), CHEAP, SMOOTH, .5, 3)
#include "ops/row.h"
#define RG_ROW \
    BINARY(hypotenuse, "(a^2 + b^2)^(1/2)", R(sqrt)(a * a + b * b), DIV(MUL(DY, A), Y), DIV(MUL(DY, B), Y), COSTLY, SMOOTH, .5, 2) \
    BINARY(my_sub, "a - b", a - b, DY, NEG(DY), CHEAP, SMOOTH, -2, 2) \
    BINARY(my_angle, "cos ab", COS(a * b), NEG(MUL(DY, MUL(B, SIN(MUL(A, B))))), NEG(MUL(DY, MUL(A, SIN(MUL(A, B))))), \
        COSTLY, SMOOTH, .5, 2) \
    BINARY_STEP(my_gt, "a > b", C(a > b), -2, 2)
#include "ops/row.h"

static const real numbers_of_mine[X] = {MAX(1, 2), NUM};
#undef real

#define rg_bell(x) rg_bell_at(RG_AT, x)
#define rg_my_div(a, b) RG_PAIR(rg_my_div_at, a, b, __COUNTER__)

static const rg_op *const all[] = {&rg_op_bell, &rg_op_my_identity, &rg_op_my_relu, &rg_op_my_power, &rg_op_my_clamp, &rg_op_my_sign,
    &rg_op_my_wave, &rg_op_my_sum, &rg_op_my_div, &rg_op_hypotenuse, &rg_op_my_sub, &rg_op_my_angle, &rg_op_my_gt};
enum { ALL = sizeof all / sizeof *all };

static void macros_survive(void **state) {
    (void)state;
    assert_true(sizeof numbers_of_mine == 12 * sizeof(int) && numbers_of_mine[0] == 2 && numbers_of_mine[1] == 7 && MAX(3, 1) == 3);
}

static void they_are_registered(void **state) {
    (void)state;
    for (int k = 0; k < ALL; k++) assert_ptr_equal(rg_op_find(all[k]->name), all[k]);
    assert_string_equal(rg_op_find("bell")->formula, "e^(-x^2)");
}

static void derivatives_are_right(void **state) {
    (void)state;
    for (int k = 0; k < ALL; k++)
        for (int order = 1; order <= 2 && all[k]->backward; order++) {
            const rg_check c = rg_gradcheck_op(all[k], .order = order);
            if (c.failed) fail_msg("%s, order %d: %s %s", all[k]->name, order, rg_verdict_name(c.failed), c.text);
            assert_true(c.samples >= 6);
        }
    assert_true(!rg_op_my_sign.backward && !rg_op_my_gt.backward);
}

/* -------- beside the library's: the same values and gradients, in both dtypes, small and in pieces for threads */

typedef rg_tensor *one(const char *at, rg_tensor *x);
typedef rg_tensor *two(const char *at, rg_tensor *a, rg_tensor *b);
static rg_tensor *power(const char *at, rg_tensor *x) { return rg_my_power_at(at, x, 1.3); }
static rg_tensor *power_(const char *at, rg_tensor *x) { return rg_pow_scalar_at(at, x, 1.3); }
static rg_tensor *clamp(const char *at, rg_tensor *x) { return rg_my_clamp_at(at, x, .5, 1); }
static rg_tensor *clamp_(const char *at, rg_tensor *x) { return rg_clamp_at(at, x, .5, 1); }

static void compare(rg_tape *t, rg_tensor *y, rg_tensor *z, int n, rg_tensor *const *in) {
    const double bar = rg_default_dtype(t) == RG_F64 ? 1e-13 : 1e-5;
    assert_close("value", y, z, bar);
    assert_int_equal(rg_needs_grad(y), rg_needs_grad(z));
    if (!rg_needs_grad(y)) return;
    rg_tensor *w = rg_uniform_at(RG_HERE, t, -1, 1, y->ndim, y->shape), *g[2], *h[2];
    assert_int_equal(rg_grad(y, rg_list_of_n(n, in), g, .dy = w), 0);
    assert_int_equal(rg_grad(z, rg_list_of_n(n, in), h, .dy = w), 0);
    for (int i = 0; i < n; i++) assert_close("gradient", g[i], h[i], bar);
}

static void beside_the_library(void **state) {
    rg_tape *t = *state;
    static const struct { one *mine, *other; } ones[] = {{rg_my_relu_at, rg_relu_at}, {power, power_}, {clamp, clamp_},
        {rg_my_sign_at, rg_sign_at}};
    static const struct { two *mine, *other; } twos[] = {{rg_my_div_at, rg_div_at}, {rg_my_sub_at, rg_sub_at}, {rg_my_gt_at, rg_gt_at}};
    static const int64_t shapes[][2] = {{3, 5}, {0, 4}, {300, 211}},
        others[][2] = {{3, 5}, {1, 5}, {3, 1}, {1, 1}, {0, 4}, {1, 4}, {300, 211}, {1, 211}, {300, 1}};
    for (int k = 0; k < 6; k++) {
        rg_set_default_dtype(t, k & 1 ? RG_F64 : RG_F32);
        rg_set_threads(t, 1 + k / 3);
        rg_tensor *in[2];
        in[0] = rg_requires_grad(rg_uniform_at(RG_HERE, t, .1, 2, 2, shapes[k / 2]), true);
        for (int i = 0; i < 4; i++) compare(t, ones[i].mine(RG_HERE, in[0]), ones[i].other(RG_HERE, in[0]), 1, in);
        for (int j = 0; j < 9; j++) {
            if (others[j][1] != 1 && others[j][1] != shapes[k / 2][1]) continue;
            if (others[j][0] != 1 && others[j][0] != shapes[k / 2][0]) continue;
            in[1] = rg_requires_grad(rg_uniform_at(RG_HERE, t, .5, 2, 2, others[j]), true);
            for (int i = 0; i < 3; i++) {
                compare(t, twos[i].mine(RG_HERE, in[0], in[1]), twos[i].other(RG_HERE, in[0], in[1]), 2, in);
                compare(t, twos[i].mine(RG_HERE, in[1], in[0]), twos[i].other(RG_HERE, in[1], in[0]), 2, in);
            }
        }
        rg_tape_reset(t);
    }
}

/* Words are the library's functions, to the bit: of all angles, those that take a loop of their own among them. */
static void words_have_the_bits_of_the_library(void **state) {
    rg_tape *t = *state;
    for (rg_dtype d = RG_F32; d <= RG_F64; d++) {
        rg_set_default_dtype(t, d);
        rg_tensor *x = rg_requires_grad(rg_arange(t, .25, 300, .25), true), *sum = rg_mul(rg_arange(t, .3, .7, .001), 1);
        assert_close("sin", rg_my_wave_at(RG_HERE, x), rg_sin(rg_mul(x, x)), 0);
        assert_close("cos", rg_my_angle_at(RG_HERE, x, rg_full(t, 120, 1)), rg_cos(rg_mul(x, 120)), 0);
        rg_tensor *some = rg_add(rg_add(rg_expm1(sum), rg_tan(sum)), rg_add(rg_add(rg_log2(sum), rg_log1p(sum)), rg_erf(sum)));
        rg_tensor *inverse = rg_add(rg_sub(rg_asin(sum), rg_acos(sum)), rg_atan(sum));
        assert_close("the others", rg_my_sum_at(RG_HERE, sum), rg_mul(sum, rg_add(some, inverse)), 0);
        rg_tensor *y = rg_my_wave_at(RG_HERE, x), *g;
        rg_grad(rg_sum(y), rg_list_of(x), &g);
        assert_close("cos in a gradient", g, rg_mul(rg_mul(2, x), rg_cos(rg_mul(x, x))), 0);
        rg_tape_reset(t);
    }
}

/* -------- in use */

static void messages_name_the_line(void **state) {
    rg_tape *t = *state;
    rg_tensor *labels = rg_input(t, ((int32_t[]){1, 2}), 2), *x = rg_set_name(rg_full(t, 1, 2, 3), "x"), *b = rg_full(t, 1, 2);
    REFUSED(RG_EDTYPE, rg_bell(labels), "bell: [2] i32: operand 1 must be a float, not i32; rg_cast converts");
    REFUSED(RG_ESHAPE, rg_my_div(x, b), "my_div: x[2,3] / [2]: dimensions 3 and 2 do not broadcast");
    REFUSED(RG_EVALUE, rg_my_clamp_at(RG_AT, x, NAN, 1), "my_clamp: x[2,3]: the bounds are nan and 1");
    assert_true(rg_failed(rg_bell(NULL)) && rg_failed(rg_my_div_at(NULL, NULL, NULL)));
}

static void numbers_are_operands_too(void **state) {
    rg_tape *t = *state;
    VALUES(rg_my_div(1, rg_full(t, 4, 2)), .25, .25);
    VALUES(rg_my_div(rg_full(t, 4, 2), 8), .5, .5);
}

static void in_a_net(void **state) {
    rg_tape *t = *state;
    rg_nn *net = rg_nn_sequential(t, rg_nn_linear(t, 2, 2, RG_ONES), rg_nn_activation(t, "bell"),
        rg_nn_activation(t, "my_clamp", .p = 0, .q = .25));
    rg_tensor *y = rg_nn_forward(net, rg_full(t, .25, 1, 2));
    VALUES(y, .25, .25); /* e^-.25 = .78 */
    assert_int_equal(rg_backward(rg_sum(rg_bell(rg_nn_forward(rg_nn_linear(t, 1, 1, RG_ONES), rg_full(t, .5, 1, 1))))), 0);
    VALUES(rg_grad_of(rg_params(t).items[2]), -.5 * exp(-.25)); /* x times -2 y e^(-y^2) */
}

static void they_are_played(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 3), *y = rg_bell(rg_my_div(w, 2)), *loss = rg_sum(rg_hypotenuse_at(RG_HERE, y, w));
    rg_backward(loss);
    rg_zero_grad(t);
    rg_write(w, ((float[]){3, -1, .5f}));
    assert_int_equal(rg_play(t), 0);
    const double value = rg_item(loss);
    rg_tensor *g = rg_clone(rg_grad_of(w)), *h;
    rg_tensor *again = rg_sum(rg_hypotenuse_at(RG_HERE, rg_bell(rg_my_div(w, 2)), w));
    assert_true(rg_item(again) == value);
    assert_int_equal(rg_grad(again, rg_list_of(w), &h), 0);
    for (int i = 0; i < 3; i++) assert_element(g, i, element(h, i));
}

/* -------- one body for both dtypes: RG_REAL */

RG_REAL(int, halve, (rg_tensor *y), {
    const real *x = y->in[0]->data;
    real *to = y->data;
    for (int64_t i = 0; i < y->numel; i++) to[i] = x[i] / 2, assert_true(sizeof(real) == rg_dtype_size(y->dtype));
    return 0;
})
RG_REAL(int, halve_vjp, (rg_tensor *y, rg_tensor *dy, rg_tensor **dx), {
    if (!rg_make_dx(y, dx, 0)) return -1;
    for (int64_t i = 0; i < y->numel; i++) ((real *)dx[0]->data)[i] = ((const real *)dy->data)[i] / 2;
    return 0;
})
static void halve_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_mul_scalar_at(y->at, dy, .5); }
RG_OP(halve) = {.name = "halve", .formula = "x / 2", .arity = 1, .forward = RG_BY_DTYPE(halve), .fused = RG_BY_DTYPE(halve_vjp),
    .backward = halve_backward,
    .samples = "5,20; 17; -; 1,1; 0,3", .refuses = "2,3:i32"};

static void one_body(void **state) {
    rg_tape *t = *state;
    for (rg_dtype d = RG_F32; d <= RG_F64; d++) {
        rg_set_default_dtype(t, d);
        rg_tensor *x = rg_requires_grad(rg_input(t, six, 3), true), *y = rg_apply(&rg_op_halve, RG_HERE, RG_NO_ATTR, 1, &x), *g;
        VALUES(y, .5, 1, 1.5);
        assert_int_equal(rg_dtype_of(y), d);
        rg_grad(rg_sum(y), rg_list_of(x), &g);
        VALUES(g, .5, .5, .5);
    }
    for (int order = 1; order <= 2; order++) assert_int_equal(rg_gradcheck_op(&rg_op_halve, .order = order).failed, RG_CHECK_PASSED);
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(macros_survive), CASE(they_are_registered), CASE(derivatives_are_right),
        CASE(beside_the_library), CASE(words_have_the_bits_of_the_library),
        CASE(messages_name_the_line), CASE(numbers_are_operands_too), CASE(in_a_net), CASE(they_are_played), CASE(one_body)};
    return RUN("row", cases);
}
