/* test_registry.c - walks the registry: every sample and every refusal of every operator, in both dtypes. */
#include "tests/support/cases.h"

#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/op.h"
#include "ops/ops.h"
#include "ops/sample.h"

/* -------- one sample applied: a tape, operands, a result */

typedef struct setting { rg_dtype dtype; int isa, threads; } setting; /* isa -1: the best there is */
static const setting plain[] = {{RG_F32, -1, 1}, {RG_F64, -1, 1}};

typedef struct trial {
    const rg_op *op;
    rg_sample sample;
    rg_tape *t;
    rg_tensor *in[RG_SAMPLE_OPERANDS], *y;
    rg_tensor *x[RG_SAMPLE_OPERANDS]; /* the operands that have a gradient, each once */
    int nx;
} trial;

#define WHERE(r) "%s: sample \"%.*s\" (%s): ", (r)->op->name, (r)->sample.length, (r)->sample.text, rg_dtype_name(rg_default_dtype((r)->t))
#define CHECK(r, condition, ...)                                    \
    do {                                                            \
        if (!(condition)) {                                         \
            print_error(WHERE(r));                                  \
            print_error(__VA_ARGS__);                               \
            print_error("\n");                                      \
            fail();                                                 \
        }                                                           \
    } while (0)

static rg_tape *new_tape(setting s) {
    rg_tape *t = rg_tape_new(7);
    assert_non_null(t);
    rg_on_error(t, NULL, NULL);
    rg_set_default_dtype(t, s.dtype);
    rg_set_threads(t, s.threads);
    if (s.isa >= 0) rg_set_isa(t, s.isa);
    return t;
}

/* Every dtype gets the very same numbers: those of f32. */
static void round_to_f32(rg_tensor *x) {
    if (rg_dtype_of(x) == RG_F64)
        for (int64_t i = 0; i < rg_numel(x); i++) ((double *)x->data)[i] = (double)(float)((double *)x->data)[i];
}

static void trial_operands(trial *r) {
    rg_rng rng;
    rg_rng_seed(&rng, 11);
    const int n = rg_sample_operands("here.c:7", &r->sample, r->op, r->t, &rng, r->in);
    CHECK(r, n == r->sample.n, "no operands: %s", rg_error(r->t));
    r->nx = 0;
    for (int i = 0; i < n; i++) {
        round_to_f32(r->in[i]);
        if (!rg_sample_float(&r->sample, i) || r->sample.operand[i].same) continue;
        rg_requires_grad(r->in[i], true);
        r->x[r->nx++] = r->in[i];
    }
}

static void trial_begin(trial *r, const rg_op *op, const rg_sample *s, setting with) {
    *r = (trial){.op = op, .sample = *s, .t = new_tape(with)};
    trial_operands(r);
    r->y = rg_sample_apply("here.c:7", &r->sample, op, r->in);
    CHECK(r, !rg_failed(r->y), "refused: %s", rg_error(r->t));
}

static void trial_end(trial *r) { rg_tape_free(r->t); }

static bool has_derivative(const trial *r) { return r->nx > 0 && rg_needs_grad(r->y); }

typedef void each_fn(const rg_op *op, const rg_sample *s);
static void each_sample(const rg_op *op, each_fn *fn) {
    const char *text = op->samples;
    rg_sample s;
    int more;
    while ((more = rg_sample_next(&text, &s)) > 0) fn(op, &s);
    if (more < 0) fail_msg("%s: samples: %s", op->name, s.error);
}

static double *values_of(const trial *r, rg_tensor *x) {
    double *v = malloc((size_t)rg_numel(x) * sizeof *v + 1);
    assert_non_null(v);
    CHECK(r, rg_copy_out(x, v, rg_numel(x)) == 0, "%s", rg_error(r->t));
    return v;
}

/* Equal but for rounding: relative to the largest number of the two tensors. */
static void check_close(const trial *r, const char *what, rg_tensor *a, const trial *q, rg_tensor *b, double tolerance) {
    CHECK(r, rg_numel(a) == rg_numel(b), "%s: %lld and %lld elements", what, (long long)rg_numel(a), (long long)rg_numel(b));
    double *va = values_of(r, a), *vb = values_of(q, b), largest = 1;
    for (int64_t i = 0; i < rg_numel(a); i++)
        if (isfinite(va[i])) largest = fmax(largest, fabs(va[i]));
    for (int64_t i = 0; i < rg_numel(a); i++)
        CHECK(r, va[i] == vb[i] || fabs(va[i] - vb[i]) <= tolerance * largest || (isnan(va[i]) && isnan(vb[i])),
            "%s: element %lld is %.17g and %.17g", what, (long long)i, va[i], vb[i]);
    free(va);
    free(vb);
}

/* A cotangent for y, the same for every dtype. */
static rg_tensor *cotangent(trial *r, uint64_t seed) {
    rg_tensor *dy = rg_empty_at("here.c:7", r->t, rg_dtype_of(r->y), rg_ndim(r->y), rg_shape(r->y));
    CHECK(r, !rg_failed(dy), "%s", rg_error(r->t));
    rg_rng rng;
    rg_rng_seed(&rng, seed);
    for (int64_t i = 0; i < rg_numel(dy); i++) {
        const float v = (float)rg_rng_normal(&rng, 0, 1);
        if (rg_dtype_of(dy) == RG_F64) ((double *)dy->data)[i] = (double)v;
        else ((float *)dy->data)[i] = v;
    }
    return dy;
}

static void gradients(trial *r, rg_tensor *dy, int graph, rg_tensor **dx) {
    CHECK(r, rg_grad(r->y, rg_list_of_n(r->nx, r->x), dx, .dy = dy, .create_graph = graph) == 0, "rg_grad: %s", rg_error(r->t));
}

static double ulps(rg_dtype d) { return d == RG_F64 ? 1e-13 : 1e-5; }

/* -------- cases, one per operator */

/* op->types says which dtypes an operand may have: composites, too, whose operands rg_apply does not see. */
static void types_cover(const rg_op *op, const rg_sample *s) {
    const char *types = op->others ? op->others->types : op->types ? op->types : "f";
    for (int i = 0; i < s->n; types += types[1] != 0, i++) {
        const int dtype = s->operand[i].dtype;
        const bool integer = dtype == RG_I32 || dtype == RG_U8;
        if (s->operand[i].same) continue;
        if ((*types == 'f' && integer) || (*types == 'i' && dtype != RG_I32))
            fail_msg("%s: sample \"%.*s\": .types does not allow operand %d", op->name, s->length, s->text, i + 1);
    }
}

static void covered_by_types(void **state) { each_sample(*state, types_cover); }

static void described(void **state) {
    const rg_op *op = *state;
    if (!op->name || !op->formula || !op->samples || !op->refuses) fail_msg("an operator without name, formula, samples or refusals");
    assert_true(strlen(op->name) > 0 && strlen(op->name) < 32 && strlen(op->formula) > 0);
    assert_ptr_equal(rg_op_find(op->name), op);
    const char *const texts[] = {op->samples, op->refuses};
    for (int k = 0; k < 2; k++) {
        const char *text = texts[k];
        rg_sample s;
        int n = 0, more;
        for (; (more = rg_sample_next(&text, &s)) > 0; n++)
            if (op->arity >= 0 && k == 0 && s.n != op->arity)
                fail_msg("%s: sample \"%.*s\" has %d operands", op->name, s.length, s.text, s.n);
        if (more < 0) fail_msg("%s: %s", op->name, s.error);
        if (n < (k ? 1 : 5)) fail_msg("%s: only %d %s", op->name, n, k ? "refusals" : "samples");
    }
}

typedef struct coverage { bool zero, one, seventeen, scalar, same, several; } coverage;
static void cover(coverage *c, const rg_sample *s) {
    int floats = 0;
    for (int i = 0; i < s->n; i++) {
        const rg_sample_operand *o = &s->operand[i];
        c->scalar |= o->ndim == 0;
        c->same |= o->same;
        floats += rg_sample_float(s, i);
        for (int d = 0; d < o->ndim; d++) {
            c->zero |= o->shape[d] == 0;
            c->one |= o->shape[d] == 1;
            c->seventeen |= o->shape[d] == 17;
        }
    }
    c->several |= floats > 1;
}

static void covers_the_edges(void **state) {
    const rg_op *op = *state;
    coverage c = {0}, refused = {0};
    rg_sample s;
    for (const char *text = op->samples; rg_sample_next(&text, &s) > 0;) cover(&c, &s);
    for (const char *text = op->refuses; rg_sample_next(&text, &s) > 0;) cover(&refused, &s);
    if (!c.zero) fail_msg("%s: no sample has a dimension of 0", op->name);
    if (!c.one) fail_msg("%s: no sample has a dimension of 1", op->name);
    if (!c.seventeen) fail_msg("%s: no sample has a dimension of 17", op->name);
    if (!c.scalar && !refused.scalar) fail_msg("%s: rank 0 is neither in a sample nor refused", op->name);
    if (c.several && !c.same && !refused.same) fail_msg("%s: no sample has the same tensor twice", op->name);
}

static void result_is_sane(const rg_op *op, const rg_sample *s) {
    for (int k = 0; k < 2; k++) {
        trial r = {.op = op, .sample = *s, .t = new_tape(plain[k])};
        trial_operands(&r);
        double *before[RG_SAMPLE_OPERANDS];
        for (int i = 0; i < s->n; i++) before[i] = values_of(&r, r.in[i]);
        r.y = rg_sample_apply("here.c:7", s, op, r.in);
        CHECK(&r, !rg_failed(r.y), "refused: %s", rg_error(r.t));
        int64_t numel = 1;
        for (int d = 0; d < rg_ndim(r.y); d++) numel *= rg_shape(r.y)[d];
        CHECK(&r, rg_ndim(r.y) <= RG_MAX_DIMS && numel == rg_numel(r.y), "%lld elements, %lld in the shape", (long long)rg_numel(r.y),
            (long long)numel);
        bool empty = false; /* then a mean is NaN and a logsumexp -inf, as in NumPy */
        for (int i = 0; i < s->n; i++) empty |= rg_numel(r.in[i]) == 0;
        double *v = values_of(&r, r.y);
        for (int64_t i = 0; i < numel; i++) CHECK(&r, empty || isfinite(v[i]), "element %lld is %g", (long long)i, v[i]);
        free(v);
        CHECK(&r, op->compose || !op->backward || r.nx == 0 || rg_needs_grad(r.y), "has a derivative but was not recorded");
        CHECK(&r, op->compose || op->backward || !rg_needs_grad(r.y), "has no derivative but was recorded");
        for (int i = 0; i < s->n; i++) {
            double *after = values_of(&r, r.in[i]);
            CHECK(&r, memcmp(before[i], after, (size_t)rg_numel(r.in[i]) * sizeof *after) == 0, "operand %d was written", i);
            free(after);
            free(before[i]);
        }
        trial_end(&r);
    }
}

static bool starts_with(const char *text, const char *prefix, char then) {
    const size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 && text[n] == then;
}

static bool ends_with(const char *text, const char *suffix) {
    return strlen(text) >= strlen(suffix) && strcmp(text + strlen(text) - strlen(suffix), suffix) == 0;
}

/* A good application must still work after a refused one. */
static void works_again(trial *r) {
    const char *text = r->op->samples;
    rg_sample first;
    assert_int_equal(rg_sample_next(&text, &first), 1);
    rg_rng rng;
    rg_rng_seed(&rng, 3);
    assert_int_equal(rg_sample_operands("here.c:7", &first, r->op, r->t, &rng, r->in), first.n);
    CHECK(r, !rg_failed(rg_sample_apply("here.c:7", &first, r->op, r->in)), "the tape does not work again: %s", rg_error(r->t));
}

static void refusal_is_named(const rg_op *op, const rg_sample *s) {
    for (int k = 0; k < 2; k++) {
        trial r = {.op = op, .sample = *s, .t = new_tape(plain[k])};
        trial_operands(&r);
        const rg_memory_stats before = rg_memory(r.t);
        r.y = rg_sample_apply("far/away/here.c:7", s, op, r.in);
        const rg_memory_stats after = rg_memory(r.t);
        const char *message = rg_error(r.t);
        CHECK(&r, rg_failed(r.y) && message, "was not refused");
        CHECK(&r, rg_error_code(r.t) != RG_OK && rg_error_code(r.t) != RG_ENOMEM, "error code %d: %s", (int)rg_error_code(r.t), message);
        const size_t own = strcspn(message, ":"); /* cross_entropy_with, the one with options, speaks as cross_entropy */
        CHECK(&r, starts_with(message, op->name, ':') || (op->compose && own > 2 && strncmp(message, op->name, own) == 0),
            "the message does not begin with the operator's name: %s", message);
        CHECK(&r, ends_with(message, " (here.c:7)"), "the message does not end with the caller's line: %s", message);
        CHECK(&r, op->compose || before.tensors == after.tensors, "a tensor was left behind: %s", message);
        CHECK(&r, rg_failed(rg_sample_apply("later.c:8", s, op, r.in)) && rg_error(r.t) == message && ends_with(message, " (here.c:7)"),
            "the first error does not stand: %s", rg_error(r.t));
        rg_error_clear(r.t);
        works_again(&r);
        trial_end(&r);
    }
}

static void refuses(void **state) {
    const rg_op *op = *state;
    rg_sample s;
    for (const char *text = op->refuses; rg_sample_next(&text, &s) > 0;) refusal_is_named(op, &s);
}

/* Any poisoned operand poisons the result; the error that stands stays as it was. */
static void passes_poison_on(void **state) {
    const rg_op *op = *state;
    const char *text = op->samples;
    rg_sample s;
    assert_int_equal(rg_sample_next(&text, &s), 1);
    for (int bad = 0; bad < s.n; bad++) {
        trial r = {.op = op, .sample = s, .t = new_tape(plain[0])};
        trial_operands(&r);
        rg_tensor *const good = r.in[bad];
        r.in[bad] = NULL;
        CHECK(&r, rg_failed(rg_sample_apply("here.c:7", &s, op, r.in)), "operand %d NULL gave a result", bad);
        r.in[bad] = good;
        rg_error_clear(r.t);
        rg_fail(r.t, RG_EVALUE, NULL, "on purpose");
        r.in[bad] = rg_poison(r.t);
        CHECK(&r, rg_failed(rg_sample_apply("here.c:7", &s, op, r.in)), "operand %d poisoned gave a result", bad);
        assert_string_equal(rg_error(r.t), "on purpose");
        trial_end(&r);
    }
}

static void agree(const rg_op *op, const rg_sample *s, setting one, setting other, double tolerance) {
    trial r, q;
    trial_begin(&r, op, s, one);
    trial_begin(&q, op, s, other);
    check_close(&r, "result", r.y, &q, q.y, tolerance);
    if (has_derivative(&r)) {
        rg_tensor *dx[RG_SAMPLE_OPERANDS], *dz[RG_SAMPLE_OPERANDS];
        gradients(&r, cotangent(&r, 5), 0, dx);
        gradients(&q, cotangent(&q, 5), 0, dz);
        for (int i = 0; i < r.nx; i++) check_close(&r, "gradient", dx[i], &q, dz[i], tolerance);
    }
    trial_end(&r);
    trial_end(&q);
}

static void dtypes_agree(const rg_op *op, const rg_sample *s) { agree(op, s, plain[1], plain[0], 1e-5); }

static void isas_agree(const rg_op *op, const rg_sample *s) {
    for (int k = 0; k < 2; k++)
        for (int isa = 0; isa < rg_best_isa(); isa++) agree(op, s, plain[k], (setting){plain[k].dtype, isa, 1}, ulps(plain[k].dtype));
}

static void threads_agree(const rg_op *op, const rg_sample *s) {
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 4; i++) agree(op, s, plain[k], (setting){plain[k].dtype, -1, ((const int[]){2, 3, 4, 8})[i]}, 0);
}

/* The kernel of a plain pass against the rule, which alone can be differentiated again; and gradients of the right kind. */
static void passes_agree(const rg_op *op, const rg_sample *s) {
    for (int k = 0; k < 2; k++) {
        trial r;
        trial_begin(&r, op, s, plain[k]);
        if (has_derivative(&r)) {
            rg_tensor *dx[RG_SAMPLE_OPERANDS], *dz[RG_SAMPLE_OPERANDS], *dy = cotangent(&r, 5);
            gradients(&r, dy, 0, dx);
            gradients(&r, dy, true, dz);
            for (int i = 0; i < r.nx; i++) {
                CHECK(&r, rg_dtype_of(dx[i]) == rg_dtype_of(r.x[i]) && rg_ndim(dx[i]) == rg_ndim(r.x[i]) &&
                    !memcmp(rg_shape(dx[i]), rg_shape(r.x[i]), (size_t)rg_ndim(dx[i]) * sizeof(int64_t)),
                    "gradient %d has another type or shape", i);
                CHECK(&r, !rg_needs_grad(dx[i]), "a plain pass was recorded");
                check_close(&r, "plain and recorded gradient", dx[i], &r, dz[i], ulps(plain[k].dtype));
            }
        }
        trial_end(&r);
    }
}

/* vjp(2 u - 3 v) = 2 vjp(u) - 3 vjp(v) */
static void linear_in_cotangent(const rg_op *op, const rg_sample *s) {
    for (int graph = 0; graph < 2; graph++) {
        trial r;
        trial_begin(&r, op, s, plain[1]);
        if (has_derivative(&r) && rg_dtype_of(r.y) == RG_F64) {
            rg_tensor *u = cotangent(&r, 5), *v = cotangent(&r, 6), *du[RG_SAMPLE_OPERANDS], *dv[RG_SAMPLE_OPERANDS],
                *dw[RG_SAMPLE_OPERANDS];
            gradients(&r, u, graph, du);
            gradients(&r, v, graph, dv);
            gradients(&r, rg_sub(rg_mul_scalar(u, 2), rg_mul_scalar(v, 3)), graph, dw);
            for (int i = 0; i < r.nx; i++) {
                rg_tensor *sum = rg_sub(rg_mul_scalar(du[i], 2), rg_mul_scalar(dv[i], 3));
                check_close(&r, "vjp(2 u - 3 v)", dw[i], &r, sum, 1e-13);
            }
        }
        trial_end(&r);
    }
}

/* A plain pass leaves nothing behind but the gradients asked for; freezing an operand changes no other gradient. */
static void frozen_operands(const rg_op *op, const rg_sample *s) {
    trial r, q;
    trial_begin(&r, op, s, plain[1]);
    rg_tensor *dx[RG_SAMPLE_OPERANDS], *dz[RG_SAMPLE_OPERANDS];
    if (has_derivative(&r)) {
        gradients(&r, cotangent(&r, 5), 0, dx);
        for (int frozen = 0; frozen < r.nx && r.nx > 1; frozen++) {
            q = (trial){.op = op, .sample = *s, .t = new_tape(plain[1])};
            trial_operands(&q);
            rg_requires_grad(q.x[frozen], false);
            q.x[frozen] = q.x[--q.nx];
            q.y = rg_sample_apply("here.c:7", s, op, q.in);
            gradients(&q, cotangent(&q, 5), 0, dz);
            for (int i = 0; i < q.nx; i++)
                check_close(&r, "gradient beside a frozen operand", dx[i == frozen ? r.nx - 1 : i], &q, dz[i], 0);
            trial_end(&q);
        }
    }
    trial_end(&r);
}

static void passes_leave_nothing(const rg_op *op, const rg_sample *s) {
    trial r;
    trial_begin(&r, op, s, plain[0]);
    if (has_derivative(&r)) {
        rg_tensor *dx[RG_SAMPLE_OPERANDS], *dy = cotangent(&r, 5);
        const rg_memory_stats before = rg_memory(r.t); /* a gradient may be a view, with a base */
        gradients(&r, dy, 0, dx);
        const rg_memory_stats after = rg_memory(r.t);
        CHECK(&r, after.tensors <= before.tensors + 2 * r.nx,
            "%lld tensors are left over from a plain pass", (long long)(after.tensors - before.tensors - r.nx));
        CHECK(&r, after.recorded == before.recorded, "a plain pass recorded %lld results", (long long)(after.recorded - before.recorded));
    }
    trial_end(&r);
}

/* -------- kernels called again for the same result: they write what they made the first time, and nothing else */

static size_t bytes_of(const rg_tensor *x) { return (size_t)rg_numel(x) * rg_dtype_size(rg_dtype_of(x)); }
static void *bits_of(const rg_tensor *x) {
    void *bits = malloc(bytes_of(x) + 1);
    assert_non_null(bits);
    if (bytes_of(x)) memcpy(bits, x->data, bytes_of(x));
    return bits;
}

static void forward_again(const trial *r, rg_tensor *y) {
    const rg_forward_fn forward = y->op->forward[rg_dtype_of(y) == RG_F64 || rg_dtype_of(y->in[0]) == RG_F64][rg_isa(r->t)];
    if (!forward || y->base) return;
    const rg_rng draws = *rg_tape_rng(r->t);
    rg_tensor *const saved[] = {y->saved[0], y->saved[1]};
    void *once = NULL;
    for (int k = 0; k < 2; k++) {
        *rg_tape_rng(r->t) = draws;
        if (bytes_of(y)) memset(y->data, 0xff, bytes_of(y));
        CHECK(r, forward(y) == 0 && !rg_error_code(r->t), "%s, again: %s", y->op->name, rg_error(r->t));
        CHECK(r, y->saved[0] == saved[0] && y->saved[1] == saved[1], "%s, again, keeps another tensor", y->op->name);
        if (!once) once = bits_of(y);
    }
    CHECK(r, memcmp(once, y->data, bytes_of(y)) == 0, "%s, again, gives other values", y->op->name);
    free(once);
}

static void fused_again(void *ctx, rg_tensor *y, int i, rg_tensor *g) {
    const trial *r = ctx;
    const rg_fused_fn fused = y->op->fused[rg_dtype_of(y) == RG_F64 || rg_dtype_of(y->in[0]) == RG_F64][rg_isa(r->t)];
    if (!fused) return;
    rg_tensor *dy = y->cotangent, *dx[RG_SAMPLE_OPERANDS] = {NULL};
    void *once = bits_of(g);
    dx[i] = g;
    for (int k = 0; k < 2; k++) {
        rg_tensor *was[RG_SAMPLE_OPERANDS];
        memcpy(was, dx, sizeof was);
        if (g != dy && bytes_of(g)) memset(g->data, 0xff, bytes_of(g));
        CHECK(r, fused(y, dy, dx) == 0 && !rg_error_code(r->t), "%s's derivative, again: %s", y->op->name, rg_error(r->t));
        CHECK(r, dx[i] == g && memcmp(once, g->data, bytes_of(g)) == 0, "%s's derivative, again, gives another gradient", y->op->name);
        for (int j = 0; j < y->nin && k; j++) CHECK(r, dx[j] == was[j], "%s's derivative makes gradient %d again", y->op->name, j);
    }
    free(once);
}

static void again(const rg_op *op, const rg_sample *s) {
    for (int k = 0; k < 2; k++) {
        trial r;
        trial_begin(&r, op, s, plain[k]);
        for (rg_tensor *y = rg_newest(r.t); y; y = y->prev)
            if (y->op) forward_again(&r, y);
        if (has_derivative(&r)) {
            rg_tensor *dx[RG_SAMPLE_OPERANDS], *dy = cotangent(&r, 5);
            rg_listener listening = {.fn = fused_again, .ctx = &r};
            rg_listen(r.t, RG_GRADIENTS, &listening, true);
            gradients(&r, dy, 0, dx);
        }
        trial_end(&r);
    }
}

#define WALK(name, fn) static void name(void **state) { each_sample(*state, fn); }
WALK(gives_sane_results, result_is_sane)
WALK(same_in_f32_and_f64, dtypes_agree)
WALK(same_in_every_instruction_set, isas_agree)
WALK(same_with_threads, threads_agree)
WALK(same_plain_and_recorded, passes_agree)
WALK(vjp_is_linear, linear_in_cotangent)
WALK(same_beside_frozen_operands, frozen_operands)
WALK(plain_pass_leaves_nothing, passes_leave_nothing)
WALK(kernels_run_again, again)

/* -------- large operands, which are cut into pieces for threads */

typedef struct large { const char *op, *sample; } large;
static const large large_ones[] = {
    {"exp", "101,333"}, {"tanh", "40001"}, {"mul", "101,333 101,333"}, {"add", "101,333 333"}, {"div", "101,1 333"}, {"sub", "40001 -"},
    {"matmul", "300,200 200,310"}, {"matmul", "200,300 310,200 ta=1 tb=1"}, {"matmul", "5,90,80 80,100"}, {"linear", "300,200 200,310 310"},
    {"sum", "40001 axes=0"}, {"sum", "101,333 axes=0"}, {"sum", "101,333 axes=1"}, {"mean", "101,333 axes=0.1"}, {"max", "101,333 axes=1"},
    {"logsumexp", "101,333 axis=1"}, {"softmax", "101,333 axis=0"}, {"log_softmax", "101,333 axis=1"},
    {"cross_entropy", "700,90 700:i32<90"},
    {"permute", "60,40,30 perm=2.0.1"}, {"concat", "101,333 60,333 axis=0"}, {"slice", "101,333 axis=1 start=3 stop=330"},
    {"conv2d", "41,8,15,17 12,8,3,3 12 padding=1x1"}, {"conv2d", "3,6,70,90 6,2,5,5 6 groups=3 stride=2x1"},
    {"unfold", "9,3,30,40 kernel=3x3 padding=1x1"},
    {"fold", "9,27,1200 kernel=3x3 padding=1x1 size=30x40"}, {"max_pool2d", "31,7,20,21 kernel=2x3"},
    {"avg_pool2d", "31,7,20,21 kernel=3x3 stride=2x2 padding=1x1"},
    {"layer_norm", "201,333 333 333 axis=-1 p=.1"}, {"rms_norm", "201,9,37 9,37 axis=1 p=.1"}, {"batch_norm", "21,9,17,18 9 9 p=.1"},
    {"batch_norm", "301,200 200 200 p=.1"}, {"dropout", "201,333 p=.4"},
    {"lstm_gates", "41,400 same 41,100"}, {"gru_gates", "41,3,300 41,3,300 41,3,100"},
    {"pick", "7001,11 7001:i32<11"}, {"where", "101,333:f<2 101,333 333"}, {"sum_to", "101,333 shape=333"}, {"expand", "333 shape=101x333"},
    {"index_select", "70,333 900:i32<70 axis=0"}, {"index_add", "70,333 900:i32<70 900,333 axis=0"},
    {"gather", "101,333 101,400:i32<333 axis=1"},
    {"prod", "40,900 axes=0"}, {"min", "101,333 axes=1"}, {"std", "101,333 axes=0 p=1"}, {"norm", "101,333 axes=0.1 p=2"},
    {"cumsum", "101,333 axis=0"},
    {"logcumsumexp", "101,333 axis=0"}, {"exp_scan", "101,333 101,333 101,333 axis=1 reverse=1"},
    {"cumsum", "40001 axis=0 reverse=1"}, {"argsort", "101,333 axis=0"}, {"sort", "333,101 axis=1 reverse=1"}, {"pow", "101,333 333"},
    {"repeat", "101,333 shape=3x2"}, {"tril", "3,101,333 diagonal=7"}, {"stack", "101,333 101,333 axis=1"},
    {"scatter_add", "333,101 400,101:i32<333 400,101 axis=0"}, {"add", "101,333:i32<9 333:i32<9"}, {"eq", "101,333:u8 101,1:u8"},
    {"where", "101,333:u8<2 101,333 333"}, {"where", "101,1:i32<2 101,333:u8 333:u8"}, {"sum", "101,333:u8 axes=0"},
    {"mean", "40001:i32<9 axes=0"},
    {"max", "101,333:i32<99 axes=1"}, {"any", "101,333:f<2 axes=1"}, {"all", "101,333:u8 axes=0"}, {"argsort", "333,101:i32<99 axis=0"},
    {"sum", "37,50,61 axes=0.1"}, {"sum", "37,50,61 axes=0.2"}, {"sum", "37,50,61 axes=1.2"},
    {"sum", "37,50,61 axes=1"}, {"sum", "3,20000 axes=0"}, {"max", "37,50,61 axes=0.2"}, {"max", "37,50,61 axes=1"},
    {"min", "40001 axes=0"}, {"argmax", "101,333 axis=0"},
    {"argmin", "333,101 axis=1"}, {"triu", "3,101,333 diagonal=-7"}, {"pad", "101,333 axis=1 start=3 stop=5"},
    {"scaled_dot_product_attention", "3,150,40 3,200,40 3,200,50 150,200"}, {"scaled_dot_product_attention", "300,33 300,33 300,33 p=1"},
    {"scaled_dot_product_attention", "20,70,30 20,70,30 20,70,7 20,1,70 p=1"}};

static void large_operands(void **state) {
    const large *l = *state;
    const rg_op *op = rg_op_find(l->op);
    if (!op) fail_msg("there is no operator %s", l->op);
    const char *text = l->sample;
    rg_sample s;
    if (rg_sample_next(&text, &s) != 1) fail_msg("%s: %s", l->sample, s.error);
    threads_agree(op, &s);
    isas_agree(op, &s);
    passes_agree(op, &s);
    agree(op, &s, plain[1], plain[0], 1e-4);
    again(op, &s);
}

/* -------- registration */

static int nothing(rg_tensor *y) { return (void)y, 0; }

static void registration_refuses(void **state) {
    (void)state;
    static const rg_op good = {.name = "whole", .formula = "x", .arity = 1, .shape = nothing, .samples = "2", .refuses = "2:i32"};
    enum { LACKING = 6 };
    rg_op lacking[LACKING];
    for (int i = 0; i < LACKING; i++) lacking[i] = good;
    lacking[0].name = NULL;
    lacking[1].formula = NULL;
    lacking[2].samples = NULL;
    lacking[3].refuses = NULL;
    lacking[4].name = "add"; /* is taken */
    lacking[5].shape = NULL; /* nothing says what it does */
    for (int i = 0; i < LACKING; i++) {
        rg_op_entry e = {&lacking[i], NULL};
        assert_int_equal(rg_op_register(&e), -1);
    }
    assert_int_equal(rg_op_register(NULL), -1);
    assert_int_equal(rg_op_register(&(rg_op_entry){NULL, NULL}), -1);
    assert_null(rg_op_find("whole"));
}

/* An operator for f64 alone. In a process of its own: what is registered stays. */
static void a_kernel_for_one_dtype_is_enough(void **state) {
    (void)state;
    static const rg_op wide = {.name = "wide", .formula = "x", .arity = 1, .forward = {{NULL}, {nothing, nothing, nothing}},
        .samples = "2:f64", .refuses = "2"};
    static rg_op_entry entry = {&wide, NULL};
    const pid_t child = fork();
    if (!child) _exit(rg_op_register(&entry) || rg_op_find("wide") != &wide);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* In a process of its own: what a constructor left out stays an error of every tape. */
static void a_name_that_is_taken_is_an_error_of_the_tape(void **state) {
    (void)state;
    static rg_op twice = {.name = "add", .formula = "x", .arity = 1, .shape = nothing, .samples = "2", .refuses = "2:i32"};
    static rg_op_entry entry = {&twice, NULL};
    const pid_t child = fork();
    if (!child) {
        rg_op_link(&entry);
        (void)!freopen("/dev/null", "w", stderr);
        const char *is = rg_error(rg_tape_new(0));
        const char *says = "rg_tape_new: operator add has the name of another, perhaps of the library's, or no "
            "formula, samples, refusals or kernel";
        _exit(is && strstr(is, says) ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void sorted_by_name(void **state) {
    (void)state;
    assert_non_null(rg_op_first());
    for (const rg_op_entry *e = rg_op_first(); e->next; e = e->next)
        if (strcmp(e->op->name, e->next->op->name) >= 0) fail_msg("%s stands before %s", e->op->name, e->next->op->name);
}

static void finds_by_name(void **state) {
    (void)state;
    assert_string_equal(rg_op_find("add")->name, "add");
    assert_null(rg_op_find("no such operator"));
    assert_null(rg_op_find(""));
    assert_null(rg_op_find(NULL));
}

static void all_ops_are_there(void **state) {
    (void)state;
    static const char *const names[] = {"gt", "eq", "where", "sign", "erf", "cast", "neg", "exp", "log", "sqrt", "square", "abs", "relu",
        "sigmoid",
        "tanh", "softplus", "add", "sub", "mul", "div", "maximum", "minimum", "add_scalar", "mul_scalar", "pow_scalar", "matmul", "linear",
        "sum", "mean",
        "max", "logsumexp", "softmax", "log_softmax", "reshape", "expand", "sum_to", "permute", "slice", "concat", "unsqueeze", "squeeze",
        "pick",
        "expm1", "log1p", "rsqrt", "reciprocal", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "erfc", "silu", "mish",
        "gelu", "gelu_tanh", "log_sigmoid", "softsign",
        "hardtanh", "hardsigmoid", "selu", "elu", "leaky_relu", "clamp", "floor", "logical_not", "pow", "logaddexp", "lt", "ge", "le", "ne",
        "logical_and", "logical_or", "logical_xor",
        "prod", "min", "any", "all", "var", "std", "norm", "cumsum", "argmin", "argsort", "sort", "topk",
        "cross_entropy", "mse", "argmax", "one_hot", "index_select", "index_add", "gather", "scatter_add", "take_along_axis", "embedding",
        "masked_fill", "stack",
        "tril", "triu", "repeat", "repeat_interleave", "dot", "outer",
        "conv1d", "conv2d", "unfold", "fold", "max_pool2d", "avg_pool2d",
        "layer_norm", "rms_norm", "batch_norm", "dropout", "scaled_dot_product_attention", "lstm_gates", "gru_gates"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!rg_op_find(names[i])) fail_msg("there is no operator %s", names[i]);
}

int main(void) {
    static const struct { const char *name; CMUnitTestFunction fn; } walks[] = {
        {"described", described}, {"samples cover the edges", covers_the_edges}, {"sane results", gives_sane_results},
            {"refusals", refuses}, {"types allow the samples", covered_by_types},
        {"poison passes", passes_poison_on}, {"f32 and f64 agree", same_in_f32_and_f64},
        {"instruction sets agree", same_in_every_instruction_set},
        {"same bits for any number of threads", same_with_threads}, {"plain and recorded gradients agree", same_plain_and_recorded},
        {"linear in the cotangent", vjp_is_linear}, {"frozen operands", same_beside_frozen_operands},
        {"a plain pass leaves nothing", plain_pass_leaves_nothing},
        {"kernels run again", kernels_run_again}};
    cases c = {0};
    cases_add(&c, registration_refuses, NULL, "registration refuses incomplete operators");
    cases_add(&c, a_kernel_for_one_dtype_is_enough, NULL, "a kernel for one dtype is enough");
    cases_add(&c, a_name_that_is_taken_is_an_error_of_the_tape, NULL, "a name that is taken is an error of the tape");
    cases_add(&c, sorted_by_name, NULL, "the registry is sorted, names are unique");
    cases_add(&c, finds_by_name, NULL, "operators are found by name");
    cases_add(&c, all_ops_are_there, NULL, "all operators are there");
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next)
        for (size_t k = 0; k < sizeof walks / sizeof *walks; k++) cases_add(&c, walks[k].fn, e->op, "%s: %s", e->op->name, walks[k].name);
    for (size_t i = 0; i < sizeof large_ones / sizeof *large_ones; i++)
        cases_add(&c, large_operands, &large_ones[i], "large %s %s", large_ones[i].op, large_ones[i].sample);
    return cases_run(&c, "registry");
}
