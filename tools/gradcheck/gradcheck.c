/* gradcheck.c - checks the derivatives of every operator in the registry against finite differences, and what else it does; exit status
   1 if something is wrong. --load takes operators from shared objects, and checks these. */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/op.h"
#include "tools/common/files.h"
#include "tools/common/options.h"
#include "ops/gradcheck.h"
#include "behaviour.h"
#include "op_table.h"
#include "oracles.h"

static struct {
    const char *op, *torch;
    option_strings load;
    int order;
    uint64_t seed;
    double tolerance;
    bool verbose, oracles, markdown;
} o = {.seed = 1, .tolerance = 1e-8};
static const option_row table[] = {
    {"op",      OPT_STRING, &o.op,      "NAME", "check this operator only", 0, 0},
    {"load",    OPT_STRINGS, &o.load,   "FILE", "check the operators that this shared object registers; may be given several times", 0, 0},
    {"order",   OPT_INT,    &o.order,   "1|2",  "first or second derivatives only; 0: both, and dtypes, replays, refusals", 0, 2},
    {"seed",    OPT_UINT64, &o.seed,    "N",    "seed of the operands and of the gradients of results", 0, 0},
    {"tolerance", OPT_DOUBLE, &o.tolerance, "E", "largest relative error that passes", 1e-300, 1},
    {"verbose", OPT_FLAG,   &o.verbose, NULL,   "name the worst element of every operator", 0, 0},
    {"oracles", OPT_FLAG,   &o.oracles, NULL,   "compare with four oracles: differences, adjoint identity, closed forms, PyTorch", 0,
    0},
    {"torch",   OPT_STRING, &o.torch,   "FILE", "file that tests/ops/torch_parity.py --table has written, for --oracles", 0, 0},
    {"markdown", OPT_FLAG,  &o.markdown, NULL,  "print the table of all operators (ops/README.md), and check nothing", 0, 0},
    {0}};

typedef struct totals {
    int ops, plain, failed, samples;
    int64_t checked, left_out;
    double error;
} totals;

static void count(totals *t, const rg_check *c) {
    t->ops++;
    t->failed += c->failed != RG_CHECK_PASSED;
    t->samples += c->samples;
    t->checked += c->checked;
    t->left_out += c->left_out;
    if (c->error > t->error) t->error = c->error;
}

/* -------- operators of shared objects */

static int count_all(void) {
    int n = 0;
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) n++;
    return n;
}

/* A name without a folder is of this one, not of the system's. */
static int load(const char *name) {
    char path[4096];
    const int before = count_all();
    snprintf(path, sizeof path, "%s%s", strchr(name, '/') ? "" : "./", name);
    if (!dlopen(path, RTLD_NOW)) return options_bad("--load %s: %s", name, dlerror());
    if (count_all() > before) return OPTIONS_RUN;
    return options_bad("--load %s: it registers no operator: it has none, or their names are taken, or they lack a formula, samples or "
                       "refusals", name);
}

static const void *object_of(const rg_op *op) {
    Dl_info info;
    return dladdr(op, &info) ? info.dli_fbase : NULL;
}

/* --op; or what is not the library's, where something was loaded; or all. */
static bool is_asked(const rg_op *op) {
    if (o.op) return op == rg_op_find(o.op);
    return !o.load.count || object_of(op) != object_of(rg_op_find("add"));
}

/* -------- the walks. Each returns how many operators failed. */

static int walk(int order) {
    totals t = {0};
    printf("%-16s %8s %9s %12s %9s  order %d\n", "op", "samples", "elements", "worst error", "left out", order);
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) {
        const rg_op *op = e->op;
        if (!is_asked(op)) continue;
        if (!op->backward && !op->compose) {
            printf("%-16s %8s %9s %12s %9s  no derivative\n", op->name, "-", "-", "-", "-");
            t.plain++;
            continue;
        }
        const rg_check c = rg_gradcheck_op(op, .order = order, .seed = o.seed, .tolerance = o.tolerance);
        printf("%-16s %8d %9" PRId64 " %12.1e %9" PRId64 "  %s\n", op->name, c.samples, c.checked, c.error, c.left_out,
            rg_verdict_name(c.failed));
        count(&t, &c);
        if (!c.failed && !o.verbose) continue;
        printf("    ");
        rg_check_print(&c, op->name, stdout);
    }
    printf("order %d: %d ops, %d samples, %" PRId64 " elements, worst error %.1e, %" PRId64 " left out at kinks, %d without derivative, "
        "%d failed\n",
        order, t.ops, t.samples, t.checked, t.error, t.left_out, t.plain, t.failed);
    return t.failed;
}

static int walk_behaviour(void) {
    int ops = 0, failed = 0;
    printf("%-16s %8s %9s %12s  f32 and f64, recorded and played, refused\n", "op", "samples", "refusals", "f32 - f64");
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) {
        if (!is_asked(e->op)) continue;
        const behaviour b = behaviour_of(e->op, o.seed);
        printf("%-16s %8d %9d %12.1e  %s\n", e->op->name, b.samples, b.refusals, b.apart, b.failed ? "WRONG" : "passed");
        if (b.text[0]) printf("    %s: %s\n", e->op->name, b.text);
        ops++, failed += b.failed;
    }
    printf("f32 and f64, recorded and played, refused: %d ops, %d failed\n", ops, failed);
    return failed;
}

int main(int argc, char **argv) {
    int status = options_parse("Checks the derivatives of every operator against five-point differences in f64.", table, argc, argv);
    for (int i = 0; i < o.load.count && status == OPTIONS_RUN; i++) status = load(o.load.value[i]);
    if (status != OPTIONS_RUN) return status;
    if (o.op && !rg_op_find(o.op)) {
        fprintf(stderr, "gradcheck: there is no operator \"%s\"; there are", o.op);
        for (const rg_op_entry *e = rg_op_first(); e; e = e->next) fprintf(stderr, " %s", e->op->name);
        fputc('\n', stderr);
        return OPTIONS_BAD;
    }
    int failed = 0;
    if (o.markdown) op_table(stdout);
    else if (o.oracles) failed = oracles(o.op, o.seed, o.torch);
    else failed = (o.order != 2 ? walk(1) : 0) + (o.order != 1 ? walk(2) : 0) + (o.order == 0 ? walk_behaviour() : 0);
    return files_end_output() || failed > 0;
}
