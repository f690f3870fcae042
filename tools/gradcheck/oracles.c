/* oracles.c - four oracles for each operator, in f64; for each oracle the largest error over all samples is kept:

     five-point  gradcheck's, element by element, to order 2
     adjoint     <Jv, w> = <v, J'w>, with J'w the tape's and Jv by differences in a direction v that moves all operands at once; and with
                 Jv = d <J'u, v> / du, the tape's once more: J'u is linear in u, so that this one is exact to rounding
     closed form J'w as a textbook prints it (closed_forms.c)
     PyTorch     forward and backward in f32 and f64, in ulps, as tests/ops/torch_parity.py --table left it */
#include "oracles.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/gradcheck.h"
#include "ops/ops.h"
#include "closed_forms.h"

#undef RG_AT
#define RG_AT NULL

static const double BAR = 1e-8, EXACT = 1e-11, STEP = 1e-3;
enum { TRIES = 12 };

typedef struct answers {
    double first, second, adjoint, tape, closed;
    /* directions taken, and given up because of kinks; samples with a derivative, with a closed form */
    int directions, crossed, samples, forms;
    bool failed;
    char text[240];
} answers;

typedef struct asked { /* one sample on a tape */
    const rg_op *op;
    const rg_sample *s;
    rg_tape *t;
    rg_rng rng;
    rg_tensor *in[RG_SAMPLE_OPERANDS], *x[RG_SAMPLE_OPERANDS], *dx[RG_SAMPLE_OPERANDS], *w;
    double *v[RG_SAMPLE_OPERANDS]; /* a direction, per operand that is differentiated */
    int n, place[RG_SAMPLE_OPERANDS];
} asked;

static double *numbers(int64_t n) {
    double *v = calloc((size_t)n + 1, sizeof *v);
    if (!v) abort();
    return v;
}

static double value(const rg_tensor *x, int64_t k) { return ((const double *)x->data)[k]; }

static double relative(double a, double b, double scale) {
    const double error = fabs(a - b) / fmax(scale, 1e-300);
    return a == b ? 0 : isfinite(error) ? error : INFINITY;
}

static void worst(double *to, double error) { *to = fmax(*to, error); }

/* <f(x + h v), w>, and the branches that were taken there. */
static double moved(asked *a, double h, uint64_t *branches) {
    const int64_t mark = rg_mark(a->t);
    for (int i = 0; i < a->n; i++)
        for (int64_t k = 0; k < a->x[i]->numel; k++) ((double *)a->x[i]->data)[k] += h * a->v[i][k];
    const rg_rng draws = *rg_tape_rng(a->t);
    const rg_tensor *y = rg_sample_apply(NULL, a->s, a->op, a->in);
    *rg_tape_rng(a->t) = draws;
    double sum = 0;
    for (int64_t k = 0; !rg_failed(y) && k < y->numel; k++) sum += value(y, k) * value(a->w, k);
    *branches = rg_branch_hash(a->t, mark);
    rg_rewind(a->t, mark);
    return sum;
}

/* d/dh of it at 0: 0 where the branches differ. The operands' values are put back to the bit. */
static bool slope(asked *a, double *to) {
    static const double moves[] = {0, -2, -1, 1, 2};
    double f[5], *was[RG_SAMPLE_OPERANDS];
    uint64_t branches[5];
    bool same = true;
    for (int i = 0; i < a->n; i++) memcpy(was[i] = numbers(a->x[i]->numel), a->x[i]->data, (size_t)a->x[i]->numel * sizeof(double));
    for (int m = 0; m < 5; m++) {
        f[m] = moved(a, moves[m] * STEP, &branches[m]);
        for (int i = 0; i < a->n; i++)
            if (a->x[i]->numel) memcpy(a->x[i]->data, was[i], (size_t)a->x[i]->numel * sizeof(double));
        same = same && branches[m] == branches[0];
    }
    for (int i = 0; i < a->n; i++) free(was[i]);
    *to = (f[1] - f[4] + 8 * (f[3] - f[2])) / (12 * STEP);
    return same;
}

static void draw_direction(asked *a) {
    for (int i = 0; i < a->n; i++)
        for (int64_t k = 0; k < a->x[i]->numel; k++) a->v[i][k] = rg_rng_uniform(&a->rng, -1, 1);
}

/* <v, J'w>, and the sum of the absolute values of its terms. */
static double against(const asked *a, double *scale) {
    double sum = 0;
    *scale = 0;
    for (int i = 0; i < a->n; i++)
        for (int64_t k = 0; k < a->x[i]->numel; k++) {
            const double term = a->v[i][k] * value(a->dx[i], k);
            sum += term, *scale += fabs(term);
        }
    return sum;
}

static void ask_differences(asked *a, answers *to) {
    double jv, scale, size = 0;
    int64_t numel = 0;
    for (int64_t k = 0; k < a->w->numel; k++) size += fabs(value(a->w, k));
    for (int i = 0; i < a->n; i++) numel += a->x[i]->numel;
    if (numel == 0) return; /* the mean of nothing is no number */
    for (int left = TRIES; left > 0; left--) {
        draw_direction(a);
        if (!slope(a, &jv)) {
            to->crossed++;
            continue;
        }
        const double exact = against(a, &scale);
        worst(&to->adjoint, relative(jv, exact, fmax(scale, 1e-3 * size)));
        to->directions++;
        return;
    }
}

/* J'u as a function of u, contracted with v and differentiated by u, contracted with w. */
static void ask_tape(asked *a, answers *to) {
    rg_tensor *u = rg_requires_grad(rg_empty_at(NULL, a->t, RG_F64, a->w->ndim, a->w->shape), true), *g[RG_SAMPLE_OPERANDS], *ju,
              *sum = rg_full(a->t, 0);
    for (int64_t k = 0; k < u->numel; k++) ((double *)u->data)[k] = rg_rng_uniform(&a->rng, -1, 1);
    const rg_rng draws = *rg_tape_rng(a->t); /* dropout's: the same in each */
    rg_tensor *y = rg_sample_apply(NULL, a->s, a->op, a->in);
    *rg_tape_rng(a->t) = draws;
    if (rg_grad(y, rg_list_of_n(a->n, a->x), g, .dy = u, .create_graph = true)) return;
    for (int i = 0; i < a->n; i++)
        sum = rg_add(sum, rg_sum(rg_mul(g[i], rg_input_at(NULL, a->t, RG_F64, a->v[i], g[i]->ndim, g[i]->shape))));
    double jv = 0, scale, terms = 0;
    if (rg_needs_grad(sum)) {
        if (rg_grad(sum, rg_list_of(u), &ju)) return;
        for (int64_t k = 0; k < u->numel; k++) jv += value(ju, k) * value(a->w, k), terms += fabs(value(ju, k) * value(a->w, k));
    }
    const double exact = against(a, &scale);
    for (int64_t k = 0; k < a->w->numel; k++) terms += 1e-3 * fabs(value(a->w, k)); /* of a gradient that is 0 rounding is left */
    worst(&to->tape, relative(jv, exact, fmax(scale, terms)));
}

static void ask_textbook(asked *a, answers *to) {
    double *form[RG_SAMPLE_OPERANDS] = {NULL};
    for (int i = 0; i < a->s->n; i++) form[i] = a->s->operand[i].same ? form[0] : numbers(a->in[i]->numel);
    const rg_tensor *y = rg_sample_apply(NULL, a->s, a->op, a->in);
    const bool has = closed_form(a->op->name, a->s, a->in, y, a->w->data, form);
    to->samples++, to->forms += has;
    for (int i = 0; has && i < a->n; i++) {
        double scale = 0; /* terms may cancel: a / a */
        for (int64_t k = 0; k < a->w->numel; k++) scale = fmax(scale, 1e-3 * fabs(value(a->w, k)));
        for (int64_t k = 0; k < a->x[i]->numel; k++) scale = fmax(scale, fabs(form[a->place[i]][k]));
        for (int64_t k = 0; k < a->x[i]->numel; k++) worst(&to->closed, relative(value(a->dx[i], k), form[a->place[i]][k], scale));
    }
    for (int i = 0; i < a->s->n; i++)
        if (!a->s->operand[i].same) free(form[i]);
}

static void ask_sample(const rg_op *op, const rg_sample *s, uint64_t seed, answers *to) {
    asked a = {.op = op, .s = s, .t = rg_tape_new(seed)};
    rg_on_error(a.t, NULL, NULL);
    rg_set_default_dtype(a.t, RG_F64);
    rg_rng_seed(&a.rng, seed);
    rg_sample_operands(NULL, s, op, a.t, &a.rng, a.in);
    for (int i = 0; i < s->n && !rg_error_code(a.t); i++)
        if (rg_sample_float(s, i) && !s->operand[i].same) a.place[a.n] = i, a.x[a.n++] = rg_requires_grad(a.in[i], true);
    const rg_rng draws = *rg_tape_rng(a.t);
    rg_tensor *y = rg_sample_apply(NULL, s, op, a.in);
    *rg_tape_rng(a.t) = draws;
    if (!rg_failed(y) && a.n > 0 && y->dtype == RG_F64 && rg_needs_grad(y)) {
        a.w = rg_empty_at(NULL, a.t, RG_F64, y->ndim, y->shape);
        for (int64_t k = 0; k < y->numel; k++) ((double *)a.w->data)[k] = rg_rng_normal(&a.rng, 0, 1);
        for (int i = 0; i < a.n; i++) a.v[i] = numbers(a.x[i]->numel);
        if (rg_grad(y, rg_list_of_n(a.n, a.x), a.dx, .dy = a.w) == 0) ask_differences(&a, to), ask_tape(&a, to), ask_textbook(&a, to);
        for (int i = 0; i < a.n; i++) free(a.v[i]);
    }
    if (rg_error_code(a.t)) {
        to->failed = true;
        snprintf(to->text, sizeof to->text, "%.200s", rg_error(a.t));
    }
    rg_tape_free(a.t);
}

static answers ask(const rg_op *op, uint64_t seed) {
    answers to = {0};
    for (int order = 1; order <= 2; order++) {
        const rg_check c = rg_gradcheck_op(op, .order = order, .seed = seed);
        *(order == 1 ? &to.first : &to.second) = c.error;
        if (c.failed) to.failed = true, snprintf(to.text, sizeof to.text, "%s: %.200s", rg_verdict_name(c.failed), c.text);
    }
    rg_sample s;
    for (const char *text = op->samples; rg_sample_next(&text, &s) > 0;) ask_sample(op, &s, seed, &to);
    to.failed |= to.adjoint > BAR || to.tape > EXACT || to.closed > EXACT || to.directions == 0;
    return to;
}

/* "NAME cases f32 f64 words" in a line of the file: what is behind the name, or "-". */
static const char *torch_says(const char *file, const char *name, char *line, size_t size) {
    FILE *f = file ? fopen(file, "r") : NULL;
    const size_t n = strlen(name);
    bool found = false;
    while (f && !found && fgets(line, (int)size, f)) found = !strncmp(line, name, n) && line[n] == '\t';
    if (f) fclose(f);
    if (!found) return "-";
    line[strcspn(line, "\n")] = 0;
    return line + n + 1;
}

int oracles(const char *name, uint64_t seed, const char *torch) {
    int ops = 0, failed = 0, without = 0, samples = 0, forms = 0;
    printf("%-18s %-19s %-19s %-11s %s\n", "", "five-point", "adjoint identity", "closed form", "PyTorch");
    printf("%-18s %-9s %-9s %-9s %-9s %-11s %s\n", "op", "order 1", "order 2", "differ.", "tape", "", "ulps");
    for (const rg_op_entry *e = rg_op_first(); e; e = e->next) {
        const rg_op *op = e->op;
        if ((name && strcmp(name, op->name) != 0) || (!op->backward && !op->compose)) continue;
        const answers a = ask(op, seed);
        char closed[24] = "-", line[200];
        if (a.forms) snprintf(closed, sizeof closed, "%.1e", a.closed);
        printf("%-18s %-9.1e %-9.1e %-9.1e %-9.1e %-11s %s%s\n", op->name, a.first, a.second, a.adjoint, a.tape, closed,
            torch_says(torch, op->name, line, sizeof line), a.failed ? "  WRONG" : "");
        if (a.text[0]) printf("    %s\n", a.text);
        ops++, failed += a.failed, without += !a.forms, samples += a.samples, forms += a.forms;
    }
    printf("%d ops, %d samples, %d of them against a closed form; bars: differences %.0e, tape and closed form %.0e; "
           "%d ops without a closed form; %d failed\n",
        ops, samples, forms, BAR, EXACT, without, failed);
    if (!torch) printf("PyTorch: python3 tests/ops/torch_parity.py build/libretrograd.so --table FILE, then --torch FILE here\n");
    return failed;
}
