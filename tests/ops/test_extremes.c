/* test_extremes.c - NaN, infinities, zeros, subnormal and largest numbers through every elementwise operator and its gradient, as PyTorch
   has them; losses of large logits; labels out of range. */
#include "tests/support/cases.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/op.h"
#include "ops/ops.h"
#include "ops/sample.h"

typedef struct golden { const char *op; int arity; double p, q; const char *letters[2][3]; } golden; /* [f32, f64][result, gradients] */
static const golden table[] = {
#include "tests/ops/golden_extremes.h"
};

/* Where ours is another, on purpose. at: 0 the result, 1 2 the gradients. of: any operand is one of these, in the order of values_of. */
typedef struct departure { const char *op; int at; const char *of, *why; } departure;
static const char places[] = "nijzystLM";
static const departure departures[] = {
    {"sign", 0, "n", "NaN goes on, as in NumPy"},
    {"hardtanh", 1, "n", "NaN goes on, as in relu; PyTorch has it so in f32 alone"}, {"hardsigmoid", 1, "n", "as hardtanh"},
    {"clamp", 1, "n", "as hardtanh"},
    {"softshrink", 0, "n", "NaN goes on"}, {"softshrink", 1, "n", "as hardtanh"},
    {"elu", 0, "yt", "expm1 of a small number, where PyTorch has e^x - 1"}, {"elu", 1, "n", "NaN goes on"},
    {"selu", 0, "yt", "as elu"}, {"selu", 1, "n", "as elu"}, {"gelu", 0, "ytM", "PyTorch adds to 0 in f32, and loses the sign"},
    {"log1p", 0, "stL", "PyTorch's vector loop loses subnormal numbers, and overflows"}, {"tan", 0, "st", "so does its tan in f64"},
    {"log_sigmoid", 0, "iL", "-0: from below"}, {"softsign", 1, "ij", "1 / (1 + inf)^2, where PyTorch has inf / inf"},
};

enum { VALUES = 9 };
static void values_of(rg_dtype d, double *v) {
    const double tiny = d == RG_F32 ? (double)0x1p-149f : 0x1p-1074, largest = d == RG_F32 ? (double)FLT_MAX : DBL_MAX;
    const double all[VALUES] = {NAN, INFINITY, -INFINITY, 0, -0., tiny, -tiny, largest, -largest};
    memcpy(v, all, sizeof all);
}

static char letter(double v) {
    if (isnan(v)) return 'n';
    if (isinf(v)) return v > 0 ? 'i' : 'j';
    if (v == 0) return signbit(v) ? 'y' : 'z';
    return v > 0 ? 'p' : 'm';
}

static rg_tape *new_tape(rg_dtype d) {
    rg_tape *t = rg_tape_new(1);
    assert_non_null(t);
    rg_on_error(t, NULL, NULL);
    rg_set_default_dtype(t, d);
    return t;
}

static bool departs(const golden *g, int at, int64_t k) {
    for (size_t i = 0; i < sizeof departures / sizeof *departures; i++) {
        const departure *d = &departures[i];
        const bool first = strchr(d->of, places[g->arity == 2 ? k / VALUES : k]), second = g->arity == 2 &&
            strchr(d->of, places[k % VALUES]);
        if (!strcmp(d->op, g->op) && d->at == at && (first || second)) return true;
    }
    return false;
}

/* The sign of a gradient that is 0 has no meaning. Returns how many letters differ, and names them. */
static int compare(const golden *g, rg_dtype d, int at, rg_tensor *x, const double *const *in) {
    const char *expected = g->letters[d == RG_F64][at];
    double v[VALUES * VALUES];
    int wrong = 0;
    assert_int_equal(strlen(expected), rg_numel(x));
    assert_int_equal(rg_copy_out(x, v, VALUES * VALUES), 0);
    for (int64_t k = 0; k < rg_numel(x); k++) {
        const char is = letter(v[k]), should = expected[k];
        if (is == should || departs(g, at, k) || (at > 0 && strchr("zy", is) && strchr("zy", should))) continue;
        print_error("%s, %s, %s %d: of %g", g->op, rg_dtype_name(d), at ? "gradient" : "result", at, in[0][k]);
        if (g->arity == 2) print_error(" and %g", in[1][k]);
        print_error(": %g, PyTorch has %c\n", v[k], should);
        wrong++;
    }
    return wrong;
}

static int of_dtype(const golden *g, const rg_op *op, rg_dtype d) {
    double v[VALUES], a[VALUES * VALUES], b[VALUES * VALUES];
    values_of(d, v);
    const int64_t n = g->arity == 1 ? VALUES : VALUES * VALUES;
    for (int64_t k = 0; k < n; k++) a[k] = v[g->arity == 1 ? k : k / VALUES], b[k] = v[k % VALUES];
    rg_tape *t = new_tape(d);
    rg_tensor *in[2] = {rg_requires_grad(rg_input(t, a, n), true), rg_requires_grad(rg_input(t, b, n), true)}, *dx[2];
    rg_tensor *y = rg_apply(op, RG_AT, (rg_attr){.p = g->p, .q = g->q}, g->arity, in);
    const double *const of[] = {a, b};
    int wrong = compare(g, d, 0, y, of);
    if (rg_needs_grad(y)) {
        for (int graph = 0; graph < 2; graph++) {
            assert_int_equal(rg_grad(y, rg_list_of_n(g->arity, in), dx, .dy = rg_full_like(y, 1), .create_graph = graph), 0);
            for (int i = 0; i < g->arity; i++) wrong += compare(g, d, 1 + i, dx[i], of);
        }
    }
    assert_null(rg_error(t));
    rg_tape_free(t);
    return wrong;
}

static void as_pytorch(void **state) {
    const golden *g = *state;
    const rg_op *op = rg_op_find(g->op);
    assert_non_null(op);
    assert_int_equal(of_dtype(g, op, RG_F32) + of_dtype(g, op, RG_F64), 0);
}

/* Every elementwise operator is in the table; but bce_each, which bce alone applies, to what it found to lie in 0 .. 1. */
static void none_is_missing(void **state) {
    (void)state;
    int missing = 0;
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) {
        bool found = !strcmp(e->op->name, "bce_each") || e->op->compose || e->op->shape || e->op->types || e->op->arity > 2 ||
            e->op->arity < 1;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) found |= !strcmp(table[i].op, e->op->name);
        if (found) continue;
        print_error("%s: add it to tests/ops/golden_extremes.py, and make tests/ops/golden_extremes.h anew\n", e->op->name);
        missing++;
    }
    assert_int_equal(missing, 0);
}

/* -------- large logits */

static const char *const large[] = {"softmax", "log_softmax", "logsumexp", "cross_entropy", "cross_entropy_with", "nll", "bce_with_logits",
    "focal", "hinge",
    "squared_hinge", "multi_margin", "mse", "l1", "huber", "smooth_l1", "kl_div", "sigmoid", "softplus", "log_sigmoid", "logaddexp",
    "cosine_similarity",
    "cosine_embedding", "gaussian_nll", "scaled_dot_product_attention"};

/* What has reductions is a loss; bce takes probabilities, and refuses other numbers. */
static void no_loss_is_missing(void **state) {
    (void)state;
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) {
        bool found = !strstr(e->op->samples, "reduction=") || !strcmp(e->op->name, "bce");
        for (size_t i = 0; i < sizeof large / sizeof *large; i++) found |= !strcmp(large[i], e->op->name);
        if (!found) fail_msg("%s is not tried with large logits", e->op->name);
    }
}

static void set(rg_tensor *x, int64_t k, double v) {
    if (x->dtype == RG_F64) ((double *)x->data)[k] = v;
    else ((float *)x->data)[k] = (float)v;
}

static void all_finite(const rg_op *op, const rg_sample *s, const char *what, rg_tensor *x) {
    double v[4096];
    assert_int_equal(rg_copy_out(x, v, 4096), 0);
    for (int64_t k = 0; k < rg_numel(x); k++)
        if (!isfinite(v[k]))
            fail_msg("%s, %s, sample \"%.*s\": %s element %lld is %g", op->name, rg_dtype_name(rg_dtype_of(x)), s->length, s->text, what,
                (long long)k, v[k]);
}

static void sample_of_large_logits(const rg_op *op, const rg_sample *s, rg_dtype d, const double logits[3]) {
    rg_tape *t = new_tape(d);
    rg_tensor *in[RG_SAMPLE_OPERANDS], *dx;
    rg_rng rng;
    rg_rng_seed(&rng, 1);
    assert_int_equal(rg_sample_operands(NULL, s, op, t, &rng, in), s->n);
    for (int64_t k = 0; k < in[0]->numel; k++) set(in[0], k, logits[k % 3]);
    rg_requires_grad(in[0], true);
    rg_tensor *y = rg_sample_apply(NULL, s, op, in);
    all_finite(op, s, "result", y);
    assert_int_equal(rg_grad(y, rg_list_of_n(1, in), &dx, .dy = rg_full_like(y, 1)), 0);
    all_finite(op, s, "gradient", dx);
    rg_tape_free(t);
}

static void finite_for_large_logits(void **state) {
    const rg_op *op = rg_op_find(*state);
    static const double logits[][3] = {{1e4, -1e4, 0}, {1e4, 1e4, 1e4}, {-1e4, -1e4, -1e4}};
    rg_sample s;
    int tried = 0;
    assert_non_null(op);
    for (const char *text = op->samples; rg_sample_next(&text, &s) > 0;) {
        bool targets = false, empty = false; /* targets are no logits */
        for (int i = 1; i < s.n; i++) targets |= s.operand[i].same;
        for (int i = 0; i < s.operand[0].ndim; i++) empty |= s.operand[0].shape[i] == 0;
        for (size_t k = 0; k < sizeof logits / sizeof *logits && !targets && !empty; k++, tried++)
            for (rg_dtype d = RG_F32; d <= RG_F64; d++) sample_of_large_logits(op, &s, d, logits[k]);
    }
    assert_true(tried >= 9);
}

/* -------- indices: whatever takes i32 refuses those that are not there */

static char type_of(const rg_op *op, int i) {
    const size_t n = strlen(op->types);
    return op->types[(size_t)i < n ? (size_t)i : n - 1];
}

static void refuses_indices_outside(void **state) {
    const rg_op *op = *state;
    static const int32_t outside[] = {-1, 1 << 20, INT32_MAX, INT32_MIN};
    rg_sample s;
    int tried = 0;
    for (const char *text = op->samples; rg_sample_next(&text, &s) > 0;)
        for (int i = 0; i < s.n; i++)
            for (size_t k = 0; k < sizeof outside / sizeof *outside; k++) {
                rg_tape *t = new_tape(RG_F32);
                rg_tensor *in[RG_SAMPLE_OPERANDS];
                rg_rng rng;
                rg_rng_seed(&rng, 1);
                rg_sample_operands(NULL, &s, op, t, &rng, in);
                for (int m = 0; m < s.n; m++)
                    /* every row counts */
                    if (type_of(op, m) == 'm' && in[m]->numel > 0) rg_write(in[m], rg_f64(rg_full_like(rg_cast(in[m], RG_F64), 1)));
                if (type_of(op, i) == 'i' && in[i]->numel > 0) {
                    ((int32_t *)in[i]->data)[in[i]->numel - 1] = outside[k];
                    if (!rg_failed(rg_sample_apply(NULL, &s, op, in)))
                        fail_msg("%s, sample \"%.*s\": takes the index %d", op->name, s.length, s.text, outside[k]);
                    assert_int_equal(rg_error_code(t), RG_EVALUE);
                    tried++;
                }
                rg_tape_free(t);
            }
    assert_true(tried > 0);
}

/* -------- tensors without elements, whatever their other sizes, take no time */

static void resize(int ndim, int64_t *shape, int64_t size, int64_t other) {
    for (int d = 0; d < ndim; d++) shape[d] = shape[d] == size ? 0 : shape[d] > 1 ? other : shape[d];
}

static int count_large(int ndim, const int64_t *shape, int64_t but) {
    int n = 0;
    for (int d = 0; d < ndim; d++) n += shape[d] > 1 && shape[d] != but;
    return n;
}

/* Sizes of the operands and of the shape asked for: `size` becomes 0, others but 1 become huge, together at most 2^48. Is every operand
   without elements then? */
static bool enlarge(rg_sample *s, int64_t size) {
    int most = s->has_shape ? count_large(s->attr.shape.ndim, s->dims, size) : 0;
    for (int i = 0; i < s->n; i++) {
        const int n = count_large(s->operand[i].ndim, s->operand[i].shape, size);
        if (n > most) most = n;
    }
    const int64_t huge = most ? INT64_C(1) << 48 / most : 1;
    if (s->has_shape) resize(s->attr.shape.ndim, s->dims, size, huge);
    for (int i = 0; i < s->n; i++) {
        rg_sample_operand *x = &s->operand[i];
        bool empty = x->same;
        resize(x->ndim, x->shape, size, huge);
        for (int d = 0; d < x->ndim; d++) empty |= !x->shape[d];
        if (!empty) return false;
    }
    return true;
}

static void *little(void *ctx, size_t size) { return (void)ctx, size < 1 << 20 ? malloc(size) : NULL; }
static void give_back(void *ctx, void *p, size_t size) { (void)ctx, (void)size, free(p); }

static void empty_tensors_take_no_time(void **state) {
    const rg_op *op = *state;
    rg_rng rng;
    rg_sample read, s;
    rg_tensor *in[RG_SAMPLE_OPERANDS], *x[RG_SAMPLE_OPERANDS], *g[RG_SAMPLE_OPERANDS];
    alarm(20); /* SIGALRM ends the program */
    for (const char *text = op->samples; rg_sample_next(&text, &read) == 1;)
        for (int d = 0; d < 2 * read.operand[0].ndim; d++) { /* each size, with a graph of the gradient and without */
            s = read;
            if (!enlarge(&s, read.operand[0].shape[d / 2])) continue;
            rg_tape *t = rg_tape_new(1, .allocator = (rg_allocator){.alloc = little, .free = give_back});
            rg_on_error(t, NULL, NULL);
            rg_rng_seed(&rng, 1);
            const int n = rg_sample_operands(NULL, &s, op, t, &rng, in);
            int wanted = 0;
            for (int i = 0; i < n; i++)
                if (rg_sample_float(&s, i)) x[wanted++] = rg_requires_grad(in[i], true);
            rg_tensor *y = n < 0 ? NULL : rg_sample_apply(NULL, &s, op, in);
            if (rg_needs_grad(y)) rg_grad(rg_sum(y), rg_list_of_n(wanted, x), g, .create_graph = d % 2);
            rg_tape_free(t);
        }
    alarm(0);
}

int main(void) {
    cases c = {0};
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next)
        cases_add(&c, empty_tensors_take_no_time, e->op, "%s: empty tensors take no time", e->op->name);
    cases_add(&c, none_is_missing, NULL, "every elementwise operator is in the table");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        cases_add(&c, as_pytorch, &table[i], "%s of extremes", table[i].op);
    cases_add(&c, no_loss_is_missing, NULL, "every loss is tried with large logits");
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        cases_add(&c, finite_for_large_logits, large[i], "%s of +-1e4 is finite", large[i]);
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next)
        if (e->op->types && strchr(e->op->types, 'i'))
            cases_add(&c, refuses_indices_outside, e->op, "%s refuses indices outside", e->op->name);
    return cases_run(&c, "extremes");
}
