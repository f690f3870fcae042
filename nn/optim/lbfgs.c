/* lbfgs.c - limited-memory BFGS as in torch.optim.LBFGS: two-loop recursion, a line search for the strong Wolfe conditions. Everything
   is in doubles, in memory that is allocated with the optimiser. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "update.h"

enum { ITERATIONS, PAIRS, FIRST, SCALE, LENGTH, NUMBERS }; /* iterations so far, pairs kept, row of the oldest, scale of H0, last t */
enum { MAX_SEARCH = 25 };

struct rg_lbfgs {
    rg_lbfgs_options with;
    int64_t n;                                 /* elements of all parameters */
    rg_tensor *y, *s, *rho, *d, *was, *numbers; /* [history, n] twice, [history], [n] twice, [NUMBERS]: from step to step */
    double *start, *x, *g, *free[3], *al;      /* [n] six times, [history]: only within a step */
};

typedef struct point { double t, f, slope, *g; } point; /* x + t d: loss, derivative along d, gradient [n] */

typedef struct search { /* one call of rg_optim_step_closure */
    rg_optim *o;
    rg_lbfgs *l;
    double (*closure)(void *ctx);
    void *ctx;
    int evaluations;
} search;

static double *doubles(rg_tensor *x) { return x->data; }

rg_tensor *rg_lbfgs_state(const rg_lbfgs *l, int i) {
    rg_tensor *const all[] = {l->y, l->s, l->rho, l->d, l->was, l->numbers};
    return i >= 0 && i < 6 ? all[i] : NULL;
}

/* -------- vectors of n doubles */

/* In 8 strands, so that the loop vectorises. */
static double dot(int64_t n, const double *a, const double *b) {
    double s[8] = {0}, rest = 0;
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) s[j] += a[i + j] * b[i + j];
    for (; i < n; i++) rest += a[i] * b[i];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])) + rest;
}

static void add(int64_t n, double *to, double factor, const double *x) {
    for (int64_t i = 0; i < n; i++) to[i] += factor * x[i];
}

/* The largest size; a NaN if there is one, as in PyTorch, so that it is never below a tolerance. */
static double largest(int64_t n, const double *x) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fabs(x[i]) > most || isnan(x[i]) ? fabs(x[i]) : most;
    return most;
}

/* -------- parameters as one vector */

static void read_values(const search *r, double *to) {
    const rg_group *g = r->o->groups;
    for (int k = 0; k < g->count; to += g->slots[k++].p->numel)
        for (int64_t i = 0; i < g->slots[k].p->numel; i++) to[i] = rg_element(g->slots[k].p, i);
}

static void read_gradients(const search *r, double *to) {
    const rg_group *g = r->o->groups;
    for (int k = 0; k < g->count; to += g->slots[k++].p->numel) {
        rg_tensor *p = g->slots[k].p;
        const rg_tensor *dp = rg_needs_grad(p) ? rg_grad_of(p) : NULL;
        for (int64_t i = 0; i < p->numel; i++) to[i] = dp ? rg_element(dp, i) : 0;
    }
}

/* Sets the parameters to x + t d. */
static void write_values(const search *r, const double *x, double t) {
    const rg_group *g = r->o->groups;
    const double *d = doubles(r->l->d);
    for (int k = 0; k < g->count; k++) {
        rg_tensor *p = g->slots[k].p;
        for (int64_t i = 0; i < p->numel; i++)
            if (p->dtype == RG_F64) ((double *)p->data)[i] = t == 0 ? x[i] : x[i] + t * d[i];
            else ((float *)p->data)[i] = (float)(t == 0 ? x[i] : x[i] + t * d[i]);
        x += p->numel, d += p->numel;
        rg_touch(p);
    }
}

static void clear_gradients(const rg_optim *o) {
    for (const rg_group *g = o->groups; g; g = g->next)
        for (int k = 0; k < g->count; k++) rg_clear_grad(g->slots[k].p);
}

/* -------- evaluations; they return -1 after an error */

/* Calls the closure with cleared gradients, and releases what it recorded. */
static int run_closure(const rg_optim *o, double (*closure)(void *ctx), void *ctx, double *loss) {
    const int64_t mark = rg_mark(o->tape), errors = rg_errors(o->tape);
    clear_gradients(o);
    *loss = closure(ctx);
    rg_rewind(o->tape, mark);
    return rg_errors(o->tape) != errors ? -1 : 0;
}

/* The loss and the gradient for the present values of the parameters. */
static int evaluate(search *r, double *loss, double *g) {
    r->evaluations++;
    if (run_closure(r->o, r->closure, r->ctx, loss)) return -1;
    read_gradients(r, g);
    return 0;
}

/* The same for x + p->t d, which the parameters become. */
static int evaluate_at(search *r, point *p) {
    write_values(r, r->l->x, p->t);
    if (evaluate(r, &p->f, p->g)) return -1;
    p->slope = dot(r->l->n, p->g, doubles(r->l->d));
    return 0;
}

/* -------- line search: Nocedal & Wright, algorithms 3.5 and 3.6, with the interpolation of minFunc (M. Schmidt) */

/* The minimum of the cubic through two values and slopes, clamped to low .. high; the middle of these if the cubic has none. */
static double cubic(point a, point b, double low, double high) {
    const double d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t), square = d1 * d1 - a.slope * b.slope;
    if (!(square >= 0)) return (low + high) / 2;
    const double d2 = sqrt(square), at = a.t <= b.t ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
                                                    : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2));
    const double above = low > at ? low : at;
    return high < above ? high : above;
}

static void exchange(double **a, double **b) {
    double *c = *a;
    *a = *b, *b = c;
}

typedef struct bracket { point end[2]; int low, tried; bool found; } bracket;

static bool too_high(point start, point p) { return p.f > start.f + 1e-4 * p.t * start.slope; }
static bool flat_enough(point start, point p) { return fabs(p.slope) <= -.9 * start.slope; }

/* The bracketing phase: makes the step longer until it satisfies the strong Wolfe conditions, or an interval contains such a step. */
static int bracket_step(search *r, point start, double t, bracket *b) {
    double *spare = r->l->free[1];
    point was = start, now = {.t = t, .g = r->l->free[0]};
    if (evaluate_at(r, &now)) return -1;
    for (b->tried = 0; b->tried < MAX_SEARCH; b->tried++) {
        const bool over = too_high(start, now) || (b->tried > 1 && now.f >= was.f);
        b->found = !over && flat_enough(start, now);
        if (over || b->found || now.slope >= 0) {
            b->end[0] = b->found ? now : was, b->end[1] = now;
            return 0;
        }
        point next = {.t = cubic(was, now, now.t + .01 * (now.t - was.t), now.t * 10), .g = was.g == start.g ? spare : was.g};
        was = now, now = next;
        if (evaluate_at(r, &now)) return -1;
    }
    b->end[0] = start, b->end[1] = now;
    return 0;
}

/* A trial within the bracket. If two trials in a row came close to an end, it keeps a tenth of the bracket away from that end. */
static double inside(const bracket *b, bool *close_before) {
    const double low = fmin(b->end[0].t, b->end[1].t), high = fmax(b->end[0].t, b->end[1].t), margin = .1 * (high - low);
    const double t = cubic(b->end[0], b->end[1], low, high);
    const bool close = fmin(high - t, t - low) < margin;
    if (close && (*close_before || t >= high || t <= low)) {
        *close_before = false;
        return fabs(t - high) < fabs(t - low) ? high - margin : low + margin;
    }
    *close_before = close;
    return t;
}

/* Makes the bracket smaller until its better end satisfies the conditions, or it is too small. */
static int zoom(search *r, point start, bracket *b) {
    double *spare = NULL;
    double *const all[] = {r->l->g, r->l->free[0], r->l->free[1], r->l->free[2]};
    for (int i = 0; i < 4; i++)
        if (all[i] != b->end[0].g && all[i] != b->end[1].g) spare = all[i];
    const double size = largest(r->l->n, doubles(r->l->d));
    bool close = false;
    for (b->low = b->end[0].f <= b->end[1].f ? 0 : 1; !b->found && b->tried < MAX_SEARCH; b->tried++) {
        if (fabs(b->end[1].t - b->end[0].t) * size < r->l->with.tolerance_change) break;
        point p = {.t = inside(b, &close), .g = spare}, *low = &b->end[b->low], *high = &b->end[!b->low];
        if (evaluate_at(r, &p)) return -1;
        spare = high->g;
        if (too_high(start, p) || p.f >= low->f) {
            *high = p;
            b->low = b->end[0].f <= b->end[1].f ? 0 : 1;
            continue;
        }
        b->found = flat_enough(start, p);
        if (!b->found && p.slope * (high->t - low->t) >= 0) *high = *low;
        else spare = low->g;
        *low = p;
    }
    return 0;
}

/* Searches from l->x along l->d, and moves the parameters to the point found: *loss and l->g become those of it, *t its step length. */
static int line_search(search *r, double *t, double *loss, double slope) {
    const point start = {.f = *loss, .slope = slope, .g = r->l->g};
    bracket b = {.low = 0};
    if (bracket_step(r, start, *t, &b) || zoom(r, start, &b)) return -1;
    point *low = &b.end[b.low];
    *t = low->t, *loss = low->f;
    for (int i = 0; i < 3; i++)
        if (r->l->free[i] == low->g) exchange(&r->l->free[i], &r->l->g);
    write_values(r, r->l->x, *t);
    return 0;
}

/* -------- direction */

static double *row(const rg_lbfgs *l, rg_tensor *m, int64_t i) {
    return doubles(m) + ((int64_t)doubles(l->numbers)[FIRST] + i) % l->with.history * l->n;
}
static double *rho(const rg_lbfgs *l, int64_t i) { return doubles(l->rho) + ((int64_t)doubles(l->numbers)[FIRST] + i) % l->with.history; }

/* Keeps the pair y = g - the last g and s = t d, if y . s is above 1e-10. */
static void remember(rg_lbfgs *l) {
    double *number = doubles(l->numbers), ys = 0, yy = 0;
    const double t = number[LENGTH], *g = l->g, *was = doubles(l->was), *d = doubles(l->d);
    for (int64_t i = 0; i < l->n; i++) ys += (g[i] - was[i]) * (t * d[i]), yy += (g[i] - was[i]) * (g[i] - was[i]);
    if (!(ys > 1e-10)) return;
    if ((int)number[PAIRS] == l->with.history) number[FIRST] = (double)(((int)number[FIRST] + 1) % l->with.history);
    else number[PAIRS]++;
    const int64_t last = (int64_t)number[PAIRS] - 1;
    double *y = row(l, l->y, last), *s = row(l, l->s, last);
    for (int64_t i = 0; i < l->n; i++) y[i] = g[i] - was[i], s[i] = t * d[i];
    *rho(l, last) = 1 / ys;
    number[SCALE] = ys / yy;
}

/* d = -H g, with H from the pairs: Nocedal & Wright, algorithm 7.4. */
static void set_direction(rg_lbfgs *l) {
    const int64_t n = l->n, pairs = (int64_t)doubles(l->numbers)[PAIRS];
    double *d = doubles(l->d);
    for (int64_t i = 0; i < n; i++) d[i] = -l->g[i];
    for (int64_t k = pairs - 1; k >= 0; k--) {
        l->al[k] = dot(n, row(l, l->s, k), d) * *rho(l, k);
        add(n, d, -l->al[k], row(l, l->y, k));
    }
    for (int64_t i = 0; i < n; i++) d[i] *= doubles(l->numbers)[SCALE];
    for (int64_t k = 0; k < pairs; k++) add(n, d, l->al[k] - dot(n, row(l, l->y, k), d) * *rho(l, k), row(l, l->s, k));
}

static void forget(rg_lbfgs *l) {
    memset(doubles(l->numbers), 0, NUMBERS * sizeof(double));
    doubles(l->numbers)[SCALE] = 1;
}

/* -------- a step */

/* One iteration. 1: go on, 0: done, -1: the closure failed. */
static int iterate(search *r, int iteration, double *loss) {
    rg_lbfgs *l = r->l;
    const rg_lbfgs_options *w = &l->with;
    double *number = doubles(l->numbers);
    const double before = *loss;
    double t = r->o->groups->lr;
    if (number[ITERATIONS]++ > 0) remember(l);
    else {
        double sum = 0;
        for (int64_t i = 0; i < l->n; i++) sum += fabs(l->g[i]);
        t *= fmin(1, 1 / sum);
    }
    set_direction(l);
    memcpy(doubles(l->was), l->g, (size_t)l->n * sizeof(double));
    const double slope = dot(l->n, l->g, doubles(l->d));
    number[LENGTH] = t;
    if (slope > -w->tolerance_change) return 0;
    read_values(r, l->x);
    if (!w->fixed_step) {
        if (line_search(r, &t, loss, slope)) return -1;
    } else {
        write_values(r, l->x, t);
        if (iteration < w->max_iter && evaluate(r, loss, l->g)) return -1;
    }
    number[LENGTH] = t;
    if (iteration == w->max_iter || r->evaluations >= w->max_eval || largest(l->n, l->g) <= w->tolerance_grad) return 0;
    return !(fabs(t) * largest(l->n, doubles(l->d)) <= w->tolerance_change) && !(fabs(*loss - before) < w->tolerance_change);
}

/* Are the numbers, which may come from a file, within the bounds of what they index? */
static bool is_sound(const rg_lbfgs *l) {
    const double pairs = doubles(l->numbers)[PAIRS], first = doubles(l->numbers)[FIRST], h = (double)l->with.history;
    return doubles(l->numbers)[ITERATIONS] >= 0 && pairs >= 0 && pairs <= h && pairs == floor(pairs) && first >= 0 && first < h &&
        first == floor(first);
}

/* Refuses gradients that are not finite, before an iteration uses them: -1. */
static int want_finite(const search *r) {
    const rg_group *group = r->o->groups;
    const double *g = r->l->g;
    for (int k = 0; r->o->error_if_nonfinite && k < group->count; k++)
        for (int64_t i = 0; i < group->slots[k].p->numel; i++, g++)
            if (!isfinite(*g)) return rg_nonfinite(r->o, group->slots[k].p, i, *g);
    return 0;
}

static double lbfgs_step(rg_optim *o, double (*closure)(void *ctx), void *ctx) {
    search r = {.o = o, .l = o->lbfgs, .closure = closure, .ctx = ctx};
    if (!is_sound(r.l)) return rg_fail(o->tape, RG_EVALUE, o->at, "%s: the history that was loaded is not valid", o->kind), NAN;
    double first, loss;
    read_values(&r, r.l->start);
    const bool failed = evaluate(&r, &first, r.l->g) || rg_gradients_missing(o) || want_finite(&r);
    int more = failed ? -1 : largest(r.l->n, r.l->g) > r.l->with.tolerance_grad && !isnan(first); /* no iteration for a NaN */
    loss = first;
    for (int i = 1; more > 0 && i <= r.l->with.max_iter; i++) more = want_finite(&r) ? -1 : iterate(&r, i, &loss);
    if (more < 0) {
        write_values(&r, r.l->start, 0);
        forget(r.l);
        return NAN;
    }
    clear_gradients(o);
    return first;
}

double rg_optim_step_closure(rg_optim *o, double (*closure)(void *ctx), void *ctx) {
    if (!o || rg_error_code(o->tape)) return NAN;
    if (rg_outside_pass(o->at, o->tape, "rg_optim_step_closure")) return NAN;
    if (!closure) return rg_fail(o->tape, RG_EVALUE, o->at, "rg_optim_step_closure: no closure; the %s was made here", o->kind), NAN;
    if (o->lbfgs) return lbfgs_step(o, closure, ctx);
    double loss;
    return run_closure(o, closure, ctx, &loss) || rg_optim_step(o) ? NAN : loss;
}

/* -------- making one */

static int make_room(const char *at, rg_optim *o) {
    rg_lbfgs *l = o->lbfgs;
    const int64_t h = l->with.history, n = l->n;
    int64_t numel;
    size_t bytes;
    l->y = rg_buffer_at(at, o->tape, "lbfgs.y", RG_F64, NULL, 2, (int64_t[]){h, n});
    l->s = rg_buffer_at(at, o->tape, "lbfgs.s", RG_F64, NULL, 2, (int64_t[]){h, n});
    l->rho = rg_buffer_at(at, o->tape, "lbfgs.rho", RG_F64, NULL, 1, &h);
    l->d = rg_buffer_at(at, o->tape, "lbfgs.d", RG_F64, NULL, 1, &n);
    l->was = rg_buffer_at(at, o->tape, "lbfgs.gradient", RG_F64, NULL, 1, &n);
    l->numbers = rg_buffer_at(at, o->tape, "lbfgs.numbers", RG_F64, NULL, 1, (int64_t[]){NUMBERS});
    if (rg_failed(l->y) || rg_failed(l->s) || rg_failed(l->rho) || rg_failed(l->d) || rg_failed(l->was) || rg_failed(l->numbers)) return -1;
    if (rg_size(RG_F64, 2, (int64_t[]){6, n}, &numel, &bytes))
        return rg_fail(o->tape, RG_ESHAPE, at, "%s: %lld parameters", o->kind, (long long)n);
    double *room = rg_tape_own(at, o->tape, bytes);
    l->al = rg_tape_own(at, o->tape, (size_t)h * sizeof *l->al);
    if (!room || !l->al) return -1;
    double **const parts[] = {&l->start, &l->x, &l->g, &l->free[0], &l->free[1], &l->free[2]};
    for (int i = 0; i < 6; i++) *parts[i] = room + i * n;
    forget(l);
    return 0;
}

/* Removes parameters that are listed twice, and returns the number of elements. */
static int64_t each_once(rg_group *g) {
    int64_t n = 0;
    int kept = 0;
    for (int i = 0; i < g->count; i++) {
        bool twice = false;
        for (int k = 0; k < kept; k++) twice |= g->slots[k].p == g->slots[i].p;
        if (twice) continue;
        n += g->slots[i].p->numel;
        g->slots[kept++] = g->slots[i];
    }
    g->count = kept;
    return n;
}

rg_optim *rg_optim_lbfgs_at(const char *at, rg_tape *t, rg_list params, rg_lbfgs_options with) {
    rg_optim *o = rg_optim_new(at, t, "rg_optim_lbfgs", params);
    rg_lbfgs *l = o ? rg_tape_own(at, t, sizeof *l) : NULL;
    if (!l) return NULL;
    const double lr = rg_option(with.lr, 1);
    if (!with.max_iter) with.max_iter = 20;
    if (!with.max_eval) with.max_eval = with.max_iter <= INT32_MAX / 5 ? with.max_iter * 5 / 4 : INT32_MAX;
    if (!with.history) with.history = 100;
    with.tolerance_grad = rg_option(with.tolerance_grad, 1e-7);
    with.tolerance_change = rg_option(with.tolerance_change, 1e-9);
    if (rg_optim_want_at_least_0(at, o, "lr", lr) || rg_optim_want_at_least_0(at, o, "tolerance_grad", with.tolerance_grad)) return NULL;
    if (rg_optim_want_at_least_0(at, o, "tolerance_change", with.tolerance_change)) return NULL;
    if (rg_optim_want(at, o, "max_iter", with.max_iter, with.max_iter > 0, "above 0")) return NULL;
    if (rg_optim_want(at, o, "max_eval", with.max_eval, with.max_eval > 0, "above 0")) return NULL;
    if (rg_optim_want(at, o, "history", with.history, with.history > 0, "above 0")) return NULL;
    l->with = with;
    o->error_if_nonfinite = with.error_if_nonfinite;
    l->n = each_once(o->groups);
    o->lbfgs = l;
    return make_room(at, o) || rg_optim_begin(at, o, lr, 0) ? NULL : o;
}
