/* random_graphs.c - expressions at random, made of every operator of the registry, up to 30 deep, checked to second derivatives. What is
   wrong is shrunk to the smallest case that still is, and printed as a C program. Status 1 then.

   An operand is fitted to what an operator's sample asks for: flattened, repeated or cut, reshaped; and led into the range of its values
   by c + h tanh(s x) when it lies outside. Thus anything may follow anything, and removing a node leaves an expression.           */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/options.h"
#include "ops/ops.h"
#include "ops/sample.h"

#undef RG_AT
#define RG_AT NULL

static struct { int count, depth; uint64_t seed; double bar; const char *broken; bool verbose; } o = {300, 30, 1, 1e-5, NULL, false};
static const option_row table[] = {
    {"count",   OPT_INT,    &o.count,   "N",    "expressions", 1, 1e8},
    {"depth",   OPT_INT,    &o.depth,   "N",    "operators in one, at most", 1, 30},
    {"seed",    OPT_UINT64, &o.seed,    "N",    "of the first one; the next has N + 1", 0, 0},
    {"bar",     OPT_DOUBLE, &o.bar,     "E",    "largest relative error that passes", 1e-300, 1},
    {"break",   OPT_STRING, &o.broken,  "NAME", "give this operator's gradient a factor of 1.005: it must be found", 0, 0},
    {"verbose", OPT_FLAG,   &o.verbose, NULL,   "a line for each expression", 0, 0},
    {0}};

enum { DEPTH = 30, LEAVES = 3, SMALL = 24, RESULTS = 3, TRIES = 4 };

/* an operand: of which value, and how it is led into the range */
typedef struct fit { bool used; int from; bool led; double c, h, s; } fit;
typedef struct node { const rg_op *op; rg_sample sample; uint64_t seed; fit fit[RG_SAMPLE_OPERANDS]; } node;
typedef struct graph {
    uint64_t seed;
    int leaves, nodes;
    int64_t size[LEAVES];
    node node[DEPTH];
    /* below 1: the variables are z in x = center + zoom z, for functions too steep for the step of differences */
    double zoom;
    rg_tensor *center[LEAVES];
} graph;

/* -------- building: values 0 .. leaves - 1 are the leaves, then come the nodes' results */

static rg_tensor *sized(rg_tensor *x, const rg_sample_operand *to) {
    int64_t numel = 1;
    for (int d = 0; d < to->ndim; d++) numel *= to->shape[d];
    rg_tensor *flat = rg_reshape(x, -1), *many[SMALL] = {flat};
    int copies = 1;
    while (copies * rg_numel(flat) < numel) many[copies++] = flat;
    if (copies > 1) flat = rg_concat_at(NULL, 0, copies, many);
    if (rg_numel(flat) > numel) flat = rg_slice(flat, 0, 0, numel);
    return rg_reshape_at(NULL, flat, to->ndim, to->shape);
}

static rg_tensor *led(rg_tensor *x, const fit *f) {
    return f->led ? rg_add_scalar(rg_mul_scalar(rg_tanh(rg_mul_scalar(x, f->s)), f->h), f->c) : x;
}

static void lead(const rg_op *op, const rg_tensor *x, fit *f) {
    const bool plain = op->range[0] == 0 && op->range[1] == 0;
    const double low = plain ? -2 : op->range[0], high = plain ? 2 : op->range[1], margin = .02 * (high - low);
    double largest = 1;
    f->led = false;
    for (int64_t k = 0; k < x->numel; k++) {
        const double v = ((const double *)x->data)[k];
        f->led |= !(v > low + margin && v < high - margin);
        if (isfinite(v)) largest = fmax(largest, fabs(v));
    }
    f->c = (low + high) / 2, f->h = .45 * (high - low), f->s = 1 / largest;
}

/* settle: decide anew what has to be led into its range. */
static rg_tensor *apply_node(node *n, rg_tensor *const *value, bool settle) {
    rg_tensor *in[RG_SAMPLE_OPERANDS];
    rg_rng rng;
    rg_rng_seed(&rng, n->seed);
    if (rg_sample_operands(NULL, &n->sample, n->op, rg_tape_of(value[0]), &rng, in) < 0) return NULL;
    for (int i = 0; i < n->sample.n; i++) {
        if (n->sample.operand[i].same) in[i] = in[0];
        if (!n->fit[i].used) continue;
        in[i] = sized(value[n->fit[i].from], &n->sample.operand[i]);
        if (settle && !rg_failed(in[i])) lead(n->op, in[i], &n->fit[i]);
        in[i] = led(in[i], &n->fit[i]);
    }
    return rg_sample_apply(NULL, &n->sample, n->op, in);
}

/* The first two elements of the last value, and the mean of all. */
static rg_tensor *build(graph *g, rg_tensor *const *in, bool settle) {
    rg_tensor *value[LEAVES + DEPTH];
    for (int i = 0; i < g->leaves; i++) value[i] = g->zoom < 1 ? rg_add(g->center[i], rg_mul_scalar(in[i], g->zoom)) : in[i];
    for (int k = 0; k < g->nodes; k++) value[g->leaves + k] = apply_node(&g->node[k], value, settle);
    rg_tensor *y = rg_reshape(value[g->leaves + g->nodes - 1], -1);
    return rg_numel(y) < RESULTS ? y : rg_concat(0, rg_slice(y, 0, 0, RESULTS - 1), rg_reshape(rg_mean(y), 1));
}

static rg_tensor *as_function(void *g, rg_tensor *const *in) { return build(g, in, false); }

/* -------- at random */

static rg_op broken; /* by a factor, for --break */
static void break_backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) {
    rg_op_find(o.broken)->backward(y, dy, dx);
    if (dx[0]) dx[0] = rg_mul_scalar(dx[0], 1.005);
}

static bool usable(const rg_sample *s) {
    int floats = 0;
    for (int i = 0; i < s->n; i++) {
        int64_t numel = 1;
        for (int d = 0; d < s->operand[i].ndim; d++) numel *= s->operand[i].shape[d];
        if (numel < 1 || numel > SMALL || (s->operand[i].dtype >= 0 && s->operand[i].dtype != RG_I32)) return false;
        floats += rg_sample_float(s, i);
    }
    return floats > 0;
}

/* A sample of an operator: the nth of those that are small enough, counted round. */
static bool choose_sample(const rg_op *op, rg_rng *rng, rg_sample *to) {
    int n = 0;
    rg_sample s;
    for (const char *text = op->samples; rg_sample_next(&text, &s) > 0;)
        if (usable(&s) && rg_rng_integers(rng, 0, ++n) == 0) *to = s;
    return n > 0;
}

static const rg_op *choose_op(rg_rng *rng) {
    const rg_op *chosen = NULL;
    int n = 0;
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next)
        if ((e->op->backward || e->op->compose) && rg_rng_integers(rng, 0, ++n) == 0) chosen = e->op;
    return o.broken && chosen == rg_op_find(o.broken) ? &broken : chosen;
}

static void choose_node(graph *g, rg_rng *rng, node *n) {
    do n->op = choose_op(rng);
    while (!choose_sample(n->op, rng, &n->sample));
    n->seed = rg_rng_next64(rng);
    const int values = g->leaves + g->nodes;
    for (int i = 0, floats = 0; i < n->sample.n; i++) {
        n->fit[i] = (fit){.used = rg_sample_float(&n->sample, i) && !n->sample.operand[i].same};
        if (n->fit[i].used) n->fit[i].from = floats++ == 0 && rg_rng_random(rng) < .8 ? values - 1 : (int)rg_rng_integers(rng, 0, values);
    }
}

static void make_leaves(const graph *g, rg_tape *t, uint64_t again, rg_tensor **in) {
    rg_rng rng;
    rg_rng_seed(&rng, g->seed + 1000003 * again);
    for (int i = 0; i < g->leaves; i++) {
        in[i] = rg_requires_grad(rg_empty_at(NULL, t, RG_F64, 1, &g->size[i]), true);
        for (int64_t k = 0; k < g->size[i]; k++) ((double *)in[i]->data)[k] = rg_rng_uniform(&rng, -1.5, 1.5);
    }
}

static rg_tape *new_tape(void) {
    rg_tape *t = rg_tape_new(1);
    rg_on_error(t, NULL, NULL);
    rg_set_default_dtype(t, RG_F64);
    return t;
}

/* Does the result depend on the leaves, by more than what the check would take for rounding? */
static bool alive(graph *g) {
    rg_tape *t = new_tape();
    rg_tensor *in[LEAVES], *dx[LEAVES];
    make_leaves(g, t, 0, in);
    rg_tensor *y = rg_sum(build(g, in, false));
    double largest = 0;
    if (rg_needs_grad(y) && rg_grad(y, rg_list_of_n(g->leaves, in), dx) == 0)
        for (int i = 0; i < g->leaves; i++)
            for (int64_t k = 0; k < dx[i]->numel; k++) largest = fmax(largest, fabs(((const double *)dx[i]->data)[k]));
    rg_tape_free(t);
    return largest > 1e-3;
}

/* Something to go on with: not so large, and not what rounding leaves of 1 - cos(a, a), which a norm would divide by itself. */
static bool is_number(const rg_tensor *y) {
    double largest = 0;
    if (rg_failed(y) || y->dtype != RG_F64 || y->numel > 10 * SMALL) return false;
    for (int64_t k = 0; k < y->numel; k++) largest = fmax(largest, fabs(((const double *)y->data)[k]));
    return largest > 1e-3;
}

static void grow(graph *g, int depth, rg_rng *rng) {
    rg_tape *t = new_tape();
    rg_tensor *value[LEAVES + DEPTH];
    make_leaves(g, t, 0, value);
    for (g->nodes = 0; g->nodes < depth;) {
        node *n = &g->node[g->nodes];
        choose_node(g, rng, n);
        rg_tensor *y = apply_node(n, value, true);
        if (is_number(y)) value[g->leaves + g->nodes++] = y;
        else rg_error_clear(t);
    }
    rg_tape_free(t);
}

static void make_graph(graph *g, uint64_t seed) {
    rg_rng rng;
    rg_rng_seed(&rng, seed);
    *g = (graph){.seed = seed, .zoom = 1, .leaves = 1 + (int)rg_rng_integers(&rng, 0, LEAVES)};
    for (int i = 0; i < g->leaves; i++) g->size[i] = 1 + rg_rng_integers(&rng, 0, 6 / g->leaves);
    const int depth = 1 + (int)rg_rng_integers(&rng, 0, o.depth);
    do grow(g, depth, &rng);
    while (!alive(g));
}

/* -------- checking. Values where branches meet are replaced by others, a few times. What is wrong is looked at more closely: where
   a slope changes within the step of the differences it comes right, a wrong derivative does not.                                */

static int steep;

static rg_check check_at(graph *g, uint64_t again, bool settle, double zoom) {
    rg_tape *t = new_tape();
    rg_tensor *in[LEAVES];
    make_leaves(g, t, again, in);
    if (settle) build(g, in, true);
    for (int i = 0; i < g->leaves && zoom < 1; i++) {
        g->center[i] = rg_requires_grad(in[i], false);
        in[i] = rg_requires_grad(rg_full_at(NULL, t, 0, 1, &g->size[i]), true);
    }
    g->zoom = zoom;
    const rg_check c = rg_gradcheck(as_function, g, rg_list_of_n(g->leaves, in), .order = 3, .tolerance = o.bar, .seed = g->seed);
    g->zoom = 1;
    rg_tape_free(t);
    return c;
}

static rg_check check(graph *g, bool settle) {
    rg_check c = {.failed = RG_CHECK_KINKED};
    for (uint64_t again = 0; again < TRIES && c.failed == RG_CHECK_KINKED; again++) {
        c = check_at(g, again, settle || again, 1);
        for (double zoom = 1. / 8; zoom > 1e-3 && c.failed == RG_CHECK_WRONG; zoom /= 8) {
            const rg_check closer = check_at(g, again, false, zoom);
            steep += closer.failed == RG_CHECK_PASSED;
            if (closer.failed == RG_CHECK_PASSED) c = closer;
        }
    }
    return c;
}

static bool wrong(graph *g) {
    const rg_verdict v = check(g, true).failed;
    return v == RG_CHECK_WRONG || v == RG_CHECK_BROKEN;
}

static void take_out(graph *g, int k) {
    const int gone = g->leaves + k, instead = g->node[k].fit[0].used ? g->node[k].fit[0].from : 0;
    memmove(&g->node[k], &g->node[k + 1], (size_t)(g->nodes - k - 1) * sizeof g->node[0]);
    g->nodes--;
    for (int j = k; j < g->nodes; j++)
        for (int i = 0; i < RG_SAMPLE_OPERANDS; i++) {
            int *from = &g->node[j].fit[i].from;
            *from = *from == gone ? instead : *from - (*from > gone);
        }
}

/* Takes out what can go while the rest is still wrong. */
static void shrink(graph *g) {
    bool smaller = true;
    while (smaller) {
        smaller = false;
        for (int k = g->nodes - 1; k >= 0 && g->nodes > 1; k--) {
            graph less = *g;
            take_out(&less, k);
            if (!wrong(&less)) continue;
            *g = less;
            smaller = true;
        }
        for (int i = 0; i < g->leaves; i++) {
            graph less = *g;
            less.size[i] = 1;
            if (g->size[i] == 1 || !wrong(&less)) continue;
            *g = less;
            smaller = true;
        }
    }
}

/* -------- as a program */

static void print_dims(int ndim, const int64_t *shape) {
    for (int d = 0; d < ndim; d++) printf("%s%" PRId64, d ? ", " : "", shape[d]);
}

static void print_numbers(const rg_tensor *x) {
    for (int64_t k = 0; k < x->numel; k++) {
        printf("%s", k ? ", " : "");
        if (x->dtype == RG_F64) printf("%.17g", ((const double *)x->data)[k]);
        else printf("%d", ((const int32_t *)x->data)[k]);
    }
}

/* x, as the statements above made it, in the shape and range of an operand */
static void print_fit(const fit *f, const rg_sample_operand *to, const char *name) {
    int64_t numel = 1;
    for (int d = 0; d < to->ndim; d++) numel *= to->shape[d];
    printf("    rg_tensor *%s = rg_reshape(v%d, -1), *%s_whole = %s;\n", name, f->from, name, name);
    printf("    while (rg_numel(%s) < %" PRId64 ") %s = rg_concat(0, %s, %s_whole);\n", name, numel, name, name, name);
    printf("    %s = rg_reshape_n(rg_slice(%s, 0, 0, %" PRId64 "), %d, (int64_t[]){", name, name, numel, to->ndim);
    print_dims(to->ndim, to->shape);
    printf("%s});\n", to->ndim ? "" : "0");
    if (f->led)
        printf("    %s = rg_add_scalar(rg_mul_scalar(rg_tanh(rg_mul_scalar(%s, %.17g)), %.17g), %.17g);\n", name, name, f->s, f->h, f->c);
}

static void print_node(const graph *g, int k, rg_tape *t) {
    const node *n = &g->node[k];
    rg_tensor *in[RG_SAMPLE_OPERANDS];
    rg_rng rng;
    rg_rng_seed(&rng, n->seed);
    rg_sample_operands(NULL, &n->sample, n->op, t, &rng, in);
    char name[RG_SAMPLE_OPERANDS][24];
    for (int i = 0; i < n->sample.n; i++) {
        snprintf(name[i], sizeof name[i], "x%d_%d", g->leaves + k, n->sample.operand[i].same ? 0 : i);
        if (n->sample.operand[i].same) continue;
        if (n->fit[i].used) {
            print_fit(&n->fit[i], &n->sample.operand[i], name[i]);
            continue;
        }
        printf("    rg_tensor *%s = rg_input(t, ((%s[]){", name[i], in[i]->dtype == RG_F64 ? "double" : "int32_t");
        print_numbers(in[i]);
        printf("})%s", in[i]->ndim ? ", " : "");
        print_dims(in[i]->ndim, in[i]->shape);
        printf(");\n");
    }
    const rg_attr *a = &n->sample.attr;
    printf("    rg_tensor *v%d = rg_apply(rg_op_find(\"%s\"), RG_AT, (rg_attr){.", g->leaves + k, n->op->name);
    if (n->sample.has_shape) {
        printf("shape = {.ndim = %d, .dims = (int64_t[]){", a->shape.ndim);
        print_dims(a->shape.ndim, n->sample.dims);
        printf("%s}}", a->shape.ndim ? "" : "0");
    } else {
        printf("i = {%d, %d, %d, %d, %d, %d}", a->i[0], a->i[1], a->i[2], a->i[3], a->i[4], a->i[5]);
    }
    printf(", .p = %.17g, .q = %.17g}, %d, (rg_tensor *[]){", a->p, a->q, n->sample.n);
    for (int i = 0; i < n->sample.n; i++) printf("%s%s", i ? ", " : "", name[i]);
    printf("}); /* %.*s */\n", n->sample.length, n->sample.text);
}

static void print_program(graph *g) {
    rg_tape *t = new_tape();
    rg_tensor *in[LEAVES];
    make_leaves(g, t, 0, in);
    printf("#include <retrograd.h>\n#include <engine/op.h>\n\nstatic rg_tensor *f(void *ctx, rg_tensor *const *in) {\n    rg_tape *t = "
           "ctx;\n    (void)t;\n");
    for (int i = 0; i < g->leaves; i++) printf("    rg_tensor *v%d = in[%d];\n    (void)v%d;\n", i, i, i);
    for (int k = 0; k < g->nodes; k++) print_node(g, k, t);
    printf("    return rg_reshape(v%d, -1);\n}\n\nint main(void) {\n    rg_tape *t = rg_tape_new(1);\n    rg_set_default_dtype(t, "
           "RG_F64);\n    rg_tensor *in[%d];\n",
        g->leaves + g->nodes - 1, g->leaves);
    for (int i = 0; i < g->leaves; i++) {
        printf("    in[%d] = rg_requires_grad(rg_input(t, ((double[]){", i);
        print_numbers(in[i]);
        printf("}), %" PRId64 "), true);\n", g->size[i]);
    }
    printf("    rg_check c = rg_gradcheck(f, t, rg_list_of_n(%d, in), .order = 3, .tolerance = %g, .seed = %" PRIu64 ");\n"
        "    rg_check_print(&c, \"f\", stdout);\n    rg_tape_free(t);\n    return c.failed;\n}\n", g->leaves, o.bar, g->seed);
    rg_tape_free(t);
}

int main(int argc, char **argv) {
    const int status = options_parse("Gradient-checks expressions made at random of every operator, to second derivatives.", table, argc,
        argv);
    if (status != OPTIONS_RUN) return status;
    if (o.broken && (!rg_op_find(o.broken) || !rg_op_find(o.broken)->backward))
        return fprintf(stderr, "random_graphs: \"%s\" has no derivative\n", o.broken), OPTIONS_BAD;
    if (o.broken) {
        broken = *rg_op_find(o.broken);
        memset(broken.fused, 0, sizeof broken.fused);
        broken.backward = break_backward;
    }
    static graph g;
    int kinked = 0, ops = 0, deepest = 0;
    int64_t elements = 0;
    double largest = 0;
    for (int k = 0; k < o.count; k++) {
        make_graph(&g, o.seed + (uint64_t)k);
        const rg_check c = check(&g, false);
        if (o.verbose) printf("%" PRIu64 ": %d ops, %s, error %.1e\n", g.seed, g.nodes, rg_verdict_name(c.failed), c.error);
        if (c.failed == RG_CHECK_WRONG || c.failed == RG_CHECK_BROKEN) {
            const int nodes = g.nodes;
            if (wrong(&g)) shrink(&g);
            const rg_check now = check(&g, true);
            printf("/* expression %" PRIu64 ", shrunk from %d ops to %d:\n   ", g.seed, nodes, g.nodes);
            rg_check_print(&now, "f", stdout);
            printf("*/\n");
            print_program(&g);
            return 1;
        }
        kinked += c.failed == RG_CHECK_KINKED;
        elements += c.checked, ops += g.nodes;
        if (g.nodes > deepest) deepest = g.nodes;
        if (c.failed == RG_CHECK_PASSED && c.error > largest) largest = c.error;
    }
    printf("%d random expressions, %d ops, up to %d deep: %" PRId64 " derivatives to order 2, worst error %.1e, %d too steep for the "
        "first step, %d given up at kinks\n",
        o.count, ops, deepest, elements, largest, steep, kinked);
    return fflush(stdout) || ferror(stdout) || kinked * 20 > o.count;
}
