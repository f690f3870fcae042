/* step.c - one step in both ways, and every quantity of it gathered. */
#include "compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/op.h" /* to read the record: which operators read a tensor */
#undef RG_AT
#define RG_AT RG_HERE

/* -------- arrays */

const array *arrays_find(const arrays *a, const char *name) {
    for (int i = 0; i < a->count; i++)
        if (strcmp(a->item[i].name, name) == 0) return &a->item[i];
    return NULL;
}

array *arrays_add(arrays *a, const char *name, int64_t rows, int64_t cols) {
    double *v = a->count < ARRAYS_MOST ? calloc((size_t)(rows * cols) + 1, sizeof *v) : NULL;
    if (!v) return fputs("out of memory\n", stderr), NULL;
    array *to = &a->item[a->count++];
    *to = (array){.rows = rows, .cols = cols, .v = v};
    snprintf(to->name, sizeof to->name, "%.15s", name);
    return to;
}

void arrays_free(arrays *a) {
    for (int i = 0; i < a->count; i++) free(a->item[i].v);
    a->count = 0;
}

double norm(const double *v, int64_t n) {
    double squares = 0;
    for (int64_t i = 0; i < n; i++) squares += v[i] * v[i];
    return sqrt(squares);
}

/* -------- gathering */

static int take(arrays *to, const char *name, rg_tensor *x) {
    const int64_t cols = rg_ndim(x) ? rg_dim(x, -1) : 1, all = rg_numel(x);
    const bool labels = rg_dtype_of(x) == RG_I32;
    array *a = arrays_add(to, name, labels ? all : cols ? all / cols : 0, labels ? 1 : cols);
    return a && rg_copy_out(x, a->v, all) == 0 ? 0 : -1;
}

/* All that this step has on the tape: what went in, what was seen, and its gradients. */
static int take_all(arrays *to, const forward *f) {
    if (take(to, "X", f->x) || take(to, "Y", f->y)) return -1;
    for (int i = 0; i < f->count; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%.14s", f->seen[i].name);
        if (take(to, f->seen[i].name, f->seen[i].x)) return -1;
        if (rg_grad_of(f->seen[i].x) && take(to, name, rg_grad_of(f->seen[i].x))) return -1;
    }
    return 0;
}

static int take_by_hand(arrays *to, const twin *w) {
    quantity all[DIFFERENCES_MOST] = {0};
    const int n = w->net->quantities(w->follower, all);
    for (int i = 0; i < n; i++) {
        array *a = arrays_add(to, all[i].name, all[i].rows, all[i].cols);
        if (!a) return -1;
        for (int64_t j = 0; j < a->rows * a->cols; j++)
            a->v[j] = w->found.f64 ? ((const double *)all[i].values)[j] : (double)((const float *)all[i].values)[j];
    }
    return 0;
}

/* -------- who computed it */

/* The build calls the compiler from its own folder: "../tools/compare/nets.c:20" -> "tools/compare/nets.c:20". */
static const char *place(const char *at) {
    while (at && strncmp(at, "../", 3) == 0) at += 3;
    return at ? at : "?";
}

static bool is_seen(const forward *f, const rg_tensor *x) {
    for (int i = 0; i < f->count; i++)
        if (f->seen[i].x == x) return true;
    return x == f->x;
}

/* The operators from the quantity before x up to x, in the order they ran: "matmul, add". */
static void operators(const forward *f, rg_tensor *x, row *r) {
    const char *line = x->at;
    rg_tensor *chain[8];
    int n = 0;
    for (; x->op && n < 8 && (!n || !is_seen(f, x)); x = x->in[0]) {
        chain[n++] = x;
        if (!x->nin) break;
    }
    size_t used = 0;
    for (int i = n - 1; i >= 0 && used < sizeof r->op; i--)
        used += (size_t)snprintf(r->op + used, sizeof r->op - used, "%s%s", chain[i]->op->name, i ? ", " : "");
    snprintf(r->at, sizeof r->at, "%s", place(line));
}

/* Is y an operator that reads x and was visited by backward? */
static bool passes_back(const rg_tensor *y, const rg_tensor *x) {
    bool reads = false;
    for (int i = 0; i < y->nin; i++) reads = reads || y->in[i] == x;
    return reads && y->op && y->grad;
}

/* All of these, the last one first. */
static void find_uses(const forward *f, rg_tensor *x, row *r) {
    for (rg_tensor *y = seen(f, "loss"); y && r->uses < 4; y = y->prev) {
        if (!passes_back(y, x)) continue;
        use *u = &r->by[r->uses++];
        snprintf(u->op, sizeof u->op, "%s", y->op->name);
        snprintf(u->at, sizeof u->at, "%s", place(y->at));
    }
    size_t used = 0;
    for (int i = 0; i < r->uses && used < sizeof r->op; i++)
        used += (size_t)snprintf(r->op + used, sizeof r->op - used, "%s%s", r->by[i].op, i + 1 < r->uses ? " + " : "");
    if (r->uses) memcpy(r->at, r->by[r->uses - 1].at, sizeof r->at);
}

/* Each use of x alone: the gradient that arrives there, taken back through that one operator. */
static void measure_uses(comparison *c, rg_tensor *x, row *r) {
    int k = 0;
    const int64_t mark = rg_mark(c->t);
    for (rg_tensor *y = seen(&c->f, "loss"); y && k < r->uses; y = y->prev) {
        if (!passes_back(y, x)) continue;
        rg_tensor *g = NULL;
        double *v = calloc((size_t)rg_numel(x) + 1, sizeof *v);
        if (v && rg_grad(y, rg_list_of(x), &g, .dy = y->grad) == 0 && rg_copy_out(g, v, rg_numel(x)) == 0)
            r->by[k].norm = norm(v, rg_numel(x));
        free(v);
        k++;
    }
    rg_rewind(c->t, mark);
}

static int fill_rows(comparison *c) {
    for (int i = 0; i < c->hand.count; i++) {
        row *r = &c->rows[c->count++];
        r->hand = &c->hand.item[i];
        r->tape = arrays_find(&c->tape, r->hand->name);
        for (int k = 0; k < c->twin->found.count; k++)
            if (strcmp(c->twin->found.items[k].name, r->hand->name) == 0) r->apart = &c->twin->found.items[k];
        if (!r->tape || !r->apart || c->count == ROWS_MOST) return fprintf(stderr, "%s is not on the tape\n", r->hand->name), -1;
        r->gradient = r->hand->name[0] == 'd';
        r->beyond = !(r->apart->relative <= c->twin->found.tolerance);
        formula_of(c->net, c->o.l2, r->hand->name, r->formula);
        if (!r->gradient) operators(&c->f, seen(&c->f, r->hand->name), r);
        else {
            find_uses(&c->f, seen(&c->f, r->hand->name + 1), r);
            if (r->uses > 1) measure_uses(c, seen(&c->f, r->hand->name + 1), r);
        }
        if (r->beyond && !c->first) c->first = r;
    }
    return rg_error_code(c->t) ? -1 : 0;
}

/* -------- the step */

static int make_parameters(comparison *c) {
    for (int l = 1; l <= c->net->layers; l++) {
        char name[2][16];
        snprintf(name[0], sizeof name[0], "W%d", l);
        snprintf(name[1], sizeof name[1], "b%d", l);
        c->f.w[l] = rg_param(c->t, name[0], c->net->weight, c->net->size[l - 1], c->net->size[l]);
        c->f.b[l] = rg_param(c->t, name[1], c->net->bias, c->net->size[l]);
    }
    return rg_error_code(c->t) ? -1 : 0;
}

static int train_up_to(comparison *c, source *from) {
    rg_optim *sgd = rg_optim_sgd(c->t, rg_params(c->t), .lr = c->net->lr);
    for (int64_t s = 1; s <= c->o.step; s++) {
        const bool last = s == c->o.step, kept = s + 1 >= c->o.step; /* the twin may remember the step before */
        c->f.count = 0;
        if (source_next(from, c->net, &c->o, &c->f)) return -1;
        rg_keep_grads(c->t, kept);
        rg_tensor *loss = c->net->loss(&c->f);
        if (rg_backward(loss)) return -1;
        if (kept) {
            c->twin->found.count = 0;
            c->twin->settled = 0;
            if (twin_compare(c->twin, c->f.x, c->f.y, loss) || take_all(last ? &c->tape : &c->before, &c->f)) return -1;
        }
        if (last) break;
        if (rg_optim_step(sgd)) return -1;
        rg_tape_reset(c->t);
    }
    return 0;
}

/* A planted fault that shows nowhere: what it changes of the numbers by hand. */
static int explain_silence(comparison *c, const run_options *options) {
    const char *most = NULL;
    double distance = 0;
    twin_net clean;
    twin *right = plant(NULL, c->net, &c->o, &clean) ? NULL : twin_new(options, &clean, rg_params(c->t), c->o.batch);
    const int failed = !right || twin_compare(right, c->f.x, c->f.y, seen(&c->f, "loss")) || take_by_hand(&c->right, right);
    for (int i = 0; i < c->hand.count && !failed; i++) {
        const array *a = &c->hand.item[i], *b = &c->right.item[i];
        const int64_t n = a->rows * a->cols;
        double squares = 0;
        for (int64_t j = 0; j < n; j++) squares += (a->v[j] - b->v[j]) * (a->v[j] - b->v[j]);
        const double d = squares > 0 ? sqrt(squares) / norm(b->v, n) : 0;
        if (d > distance) distance = d, most = a->name;
    }
    if (most)
        snprintf(c->invisible, sizeof c->invisible, "it moves no quantity by hand beyond that; %s the most, by %.1e of its norm", most,
            distance);
    else snprintf(c->invisible, sizeof c->invisible, "with and without it every quantity by hand has the same numbers");
    twin_free(right);
    return failed ? -1 : 0;
}

int compare_step(comparison *c) {
    const bool f64 = strcmp(c->o.dtype, "f64") == 0;
    const run_options options = {.path = "both", .optimizer = "sgd", .lr = c->net->lr, .l2 = c->o.l2, .dtype = c->o.dtype};
    if (plant(c->o.fault, c->net, &c->o, &c->by_hand)) return -1;
    c->t = c->f.t = rg_tape_new(c->o.seed);
    rg_set_default_dtype(c->t, f64 ? RG_F64 : RG_F32);
    c->f.l2 = c->o.l2;
    source from;
    rg_dataset data = {0};
    int failed = source_open(&from, c->t, c->net, &c->o, &data);
    c->source = from.name;
    rg_rng_seed(rg_tape_rng(c->t), c->o.seed); /* the published order of draws: weights, then permutations */
    failed = failed || make_parameters(c) || source_start(&from, c->t, c->net, &c->o, &data);
    failed = failed || !(c->twin = twin_new(&options, &c->by_hand, rg_params(c->t), c->o.batch));
    failed = failed || train_up_to(c, &from) || take_by_hand(&c->hand, c->twin);
    if (!failed) c->n = rg_dim(c->f.x, 0);
    failed = failed || fill_rows(c) || (c->o.fault && !c->first && explain_silence(c, &options));
    c->columns_differ = !failed && c->net->columns ? (f64 ? columns_apart_f64 : columns_apart_f32)(c->twin->follower) : -1;
    source_close(&from);
    return failed ? -1 : 0;
}

void compare_free(comparison *c) {
    twin_free(c->twin);
    arrays_free(&c->tape);
    arrays_free(&c->hand);
    arrays_free(&c->before);
    arrays_free(&c->right);
    rg_tape_free(c->t);
}
