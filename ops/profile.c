/* profile.c - rg_profile: time, calls and bytes of each operator while it is on. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "engine/op.h"
#include "ops/functional.h"

typedef struct part { int64_t calls, bytes; double seconds; } part; /* forward, or backward */
typedef struct row { const rg_op *op; part parts[2]; } row;
typedef struct profile {
    rg_listener listener;
    rg_tape *tape;
    row *rows;
    int64_t nrows, size;
    int depth; /* of runs within runs, of which the outermost counts */
    bool backward, on;
    double began, since, total; /* the run; when it was switched on; how long it was on */
} profile;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Makes room for one more row. Called before a run: after a run that failed the tape gives no memory. */
static void make_room(profile *p, const rg_tensor *y) {
    row *rows = rg_grown_own(y->at, p->tape, p->rows, p->nrows, &p->size, sizeof *rows);
    if (rows) p->rows = rows;
}

/* The row of y's operator, by its name: the operator for integers is another rg_op of the same name. NULL: there is no room. */
static row *row_of(profile *p, const rg_tensor *y) {
    int64_t k = 0;
    while (k < p->nrows && p->rows[k].op != y->op && strcmp(p->rows[k].op->name, y->op->name) != 0) k++;
    if (k == p->size) return NULL;
    if (k == p->nrows) p->rows[p->nrows++] = (row){.op = y->op};
    return &p->rows[k];
}

static int64_t bytes_of(const rg_tensor *x) { return x->numel * (int64_t)rg_dtype_size(x->dtype); }

static int64_t bytes_made(const rg_tensor *y, bool backward) {
    int64_t bytes = 0;
    for (int i = 0; backward && i < y->nin; i++)
        if (rg_needs_grad(y->in[i])) bytes += bytes_of(y->in[i]);
    return backward ? bytes : y->base || !y->data ? 0 : bytes_of(y); /* a view has no bytes of its own; a refused y has no shape */
}

static void watch(void *ctx, rg_tensor *y, int i, rg_tensor *g) {
    profile *p = ctx;
    const double now = i == RG_RUN_ENDS ? seconds() : 0;
    (void)g;
    if (i != RG_RUN_ENDS) {
        if (p->depth++) return;
        make_room(p, y);
        p->backward = i == RG_RUN_BACKWARD;
        p->began = seconds();
    } else if (p->depth && --p->depth == 0) {
        row *r = row_of(p, y);
        if (!r) return;
        part *of = &r->parts[p->backward];
        of->seconds += now - p->began;
        of->bytes += bytes_made(y, p->backward);
        of->calls++;
    }
}

int rg_profile_at(const char *at, rg_tape *t, bool on) {
    profile *p = t ? *rg_profile_of(t) : NULL;
    if (!t) return -1;
    if (p && p->on) {
        p->total = seconds() - p->since;
        p->on = false;
        rg_listen(t, RG_RUNS, &p->listener, false);
    }
    if (!on) return 0;
    if (!p && !(p = rg_tape_own(at, t, sizeof *p))) return -1;
    *rg_profile_of(t) = p;
    *p = (profile){.listener = {.fn = watch, .ctx = p}, .tape = t, .rows = p->rows, .size = p->size, .on = true};
    rg_listen(t, RG_RUNS, &p->listener, true);
    p->since = seconds();
    return 0;
}

/* -------- the table */

static double time_of(const row *r) { return r->parts[0].seconds + r->parts[1].seconds; }

/* The row after `last` (NULL: the first row) in order of time, the slowest first; of equal rows the one that was made first. */
static const row *next_slowest(const profile *p, const row *last) {
    const row *next = NULL;
    for (const row *r = p->rows; r < RG_END(p->rows, p->nrows); r++) {
        const bool comes = !last || time_of(r) < time_of(last) || (time_of(r) == time_of(last) && r > last);
        if (comes && (!next || time_of(r) > time_of(next))) next = r;
    }
    return next;
}

static void print_row(const char *name, const row *r, double all, FILE *to) {
    fprintf(to, "%-16.16s", name);
    for (int k = 0; k < 2; k++)
        fprintf(to, " %8" PRId64 "%10.3f%9.3f", r->parts[k].calls, 1e3 * r->parts[k].seconds, 1e-6 * (double)r->parts[k].bytes);
    fprintf(to, " %6.1f\n", all > 0 ? 100 * time_of(r) / all : 0);
}

int rg_profile_print_at(const char *at, rg_tape *t, FILE *to) {
    const profile *p = t ? *rg_profile_of(t) : NULL;
    row sum = {0};
    if (!t) return -1;
    if (!to) return rg_fail(t, RG_EVALUE, at, "rg_profile_print: there is no file");
    if (!p) return rg_fail(t, RG_ESTATE, at, "rg_profile_print: rg_profile was not switched on");
    const double total = p->on ? seconds() - p->since : p->total;
    for (const row *r = p->rows; r < RG_END(p->rows, p->nrows); r++)
        for (int k = 0; k < 2; k++)
            sum.parts[k].calls += r->parts[k].calls, sum.parts[k].bytes += r->parts[k].bytes, sum.parts[k].seconds += r->parts[k].seconds;
    fprintf(to, "%-16s %27s %27s\n", "", "--------- forward ---------", "--------- backward --------");
    fprintf(to, "%-16s %8s%10s%9s %8s%10s%9s %6s\n", "operator", "calls", "ms", "MB", "calls", "ms", "MB", "%");
    for (const row *r = next_slowest(p, NULL); r; r = next_slowest(p, r)) print_row(r->op->name, r, time_of(&sum), to);
    print_row("all", &sum, time_of(&sum), to);
    fprintf(to, "%.3f ms of %.3f ms since it was switched on\n", 1e3 * time_of(&sum), 1e3 * total);
    return fflush(to) || ferror(to) ? rg_fail(t, RG_EIO, at, "rg_profile_print: the file cannot be written") : 0;
}
