/* twin.c - trains the network by hand, and compares it with the tape's, quantity by quantity. */
#include "twin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/op.h" /* to read the record: which operator made what of which operands */
#undef RG_AT
#define RG_AT RG_HERE /* there it is an operator's own place */

enum { LAYERS_MOST = 32 };
static const double tolerance_f64 = 1e-12, tolerance_f32 = 1e-5; /* relative to the tensor's norm */

/* -------- a twin */

/* Values of parameter i of the tape -> those of a twin. */
static void take(const twin *w, void *net) {
    for (int i = 0; i < w->params.count; i++)
        rg_copy_out_of(w->params.items[i], w->net->dtype, w->net->parameter(net, i), rg_numel(w->params.items[i]));
}

bool twin_rule(const run_options *o, rule *r) {
    const bool adam = strcmp(o->optimizer, "adam") == 0, momentum = strcmp(o->optimizer, "momentum") == 0;
    *r = (rule){.adam = adam, .lr = o->lr, .momentum = momentum ? 0.9 : 0, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    const bool known = adam || momentum || strcmp(o->optimizer, "sgd") == 0;
    if (!known) options_bad("--optimizer %s: with --path %s it is sgd, momentum or adam", o->optimizer, o->path);
    return known;
}

twin *twin_new(const run_options *o, const twin_net *net, rg_list params, int64_t rows) {
    rule r;
    if (!twin_rule(o, &r)) return NULL;
    twin *w = calloc(1, sizeof *w);
    if (!w) return fputs("out of memory\n", stderr), NULL;
    w->net = net;
    w->params = params;
    w->rule = r;
    w->found.f64 = net->dtype == RG_F64;
    w->found.tolerance = w->found.f64 ? tolerance_f64 : tolerance_f32;
    w->alone = net->make(params, rows, o->l2);
    w->follower = run_by(o, "both") ? net->make(params, rows, o->l2) : NULL;
    if (!w->alone || (run_by(o, "both") && !w->follower))
        return fputs("no twin by hand of so many layers or with such a term, or no memory\n", stderr), twin_free(w), NULL;
    take(w, w->alone);
    return w;
}

void twin_free(twin *w) {
    if (!w) return;
    if (w->alone) w->net->free(w->alone);
    if (w->follower) w->net->free(w->follower);
    free(w);
}

double twin_train(twin *w, rg_tensor *x, rg_tensor *y) {
    const double loss = w->net->forward(w->alone, x, y);
    w->net->backward(w->alone);
    w->net->update(w->alone, &w->rule);
    return loss;
}

rg_tensor *twin_logits(twin *w, rg_tensor *x, rg_tensor *y) {
    quantity all[DIFFERENCES_MOST] = {0}, last = {0};
    w->net->forward(w->alone, x, y);
    const int n = w->net->quantities(w->alone, all);
    for (int i = 0; i < n; i++)
        if (all[i].name[0] == 'Z') last = all[i];
    return rg_input_of(rg_tape_of(x), w->net->dtype, last.values, last.rows, last.cols);
}

void twin_give(const twin *w) {
    for (int i = 0; i < w->params.count; i++) rg_write_of(w->params.items[i], w->net->dtype, w->net->parameter(w->alone, i));
}

/* -------- the tape's quantities, read off its record: from the loss backwards through the layers */

typedef struct layer {
    rg_tensor *z, *a, *w, *b; /* a: what became of z */
} layer;
typedef struct record {
    int layers;
    layer at[LAYERS_MOST]; /* the last one first */
    rg_tensor *loss;
} record;

static bool is(const rg_tensor *x, const char *op) { return x->op && strcmp(x->op->name, op) == 0; }

/* z = x w + b, recorded as one operator or as two. Fills w and b, returns x; NULL when z is something else. */
static rg_tensor *linear(rg_tensor *z, layer *to) {
    const bool one = is(z, "linear"), two = is(z, "add") && is(z->in[0], "matmul");
    if (!one && !two) return NULL;
    const rg_tensor *product = one ? z : z->in[0];
    *to = (layer){.z = z, .w = product->in[1], .b = z->in[one ? 2 : 1]};
    return product->in[0];
}

static int read_record(rg_tensor *loss, record *r) {
    *r = (record){.loss = loss};
    rg_tensor *above = NULL, *x = loss;
    for (layer l; x->op && !linear(x, &l); x = x->in[0]) above = x; /* the loss, and regularisers added to it */
    while (x->op && r->layers < LAYERS_MOST) {
        layer *l = &r->at[r->layers];
        rg_tensor *below = linear(x, l);
        if (!below)
            return fprintf(stderr, "the twin by hand has a linear layer where the tape recorded %s (%s)\n", x->op->name,
                x->at ? x->at : "?"), -1;
        l->a = above;
        r->layers++;
        if (!below->op || !rg_needs_grad(below)) break; /* the batch */
        above = below;
        x = below->in[0];
    }
    if (!r->layers) return fputs("the twin by hand has a linear layer where the tape recorded none\n", stderr), -1;
    if (is(r->at[0].a, "cross_entropy")) { /* softmax is within it */
        const bool recording = rg_record(loss->tape, false);
        r->at[0].a = rg_softmax(r->at[0].z, -1);
        rg_record(loss->tape, recording);
    }
    return 0;
}

/* "dW2" -> the tensor; NULL when the tape has none. */
static rg_tensor *named(const record *r, const char *name) {
    if (strcmp(name, "loss") == 0) return r->loss;
    const bool gradient = name[0] == 'd';
    const int l = atoi(name + 1 + gradient);
    if (l < 1 || l > r->layers) return NULL;
    const layer *at = &r->at[r->layers - l];
    rg_tensor *x = NULL;
    switch (name[gradient]) {
    case 'Z': x = at->z; break;
    case 'A': x = at->a; break;
    case 'W': x = at->w; break;
    case 'b': x = at->b; break;
    }
    return x && gradient ? rg_grad_of(x) : x;
}

/* -------- comparison */

/* The quantities of the forward pass, or the gradients. */
static int compare(twin *w, const record *r, bool gradients) {
    quantity all[DIFFERENCES_MOST] = {0};
    const int n = w->net->quantities(w->follower, all);
    for (int i = 0; i < n; i++) {
        const quantity *q = &all[i];
        if ((q->name[0] == 'd') != gradients) continue;
        rg_tensor *x = named(r, q->name);
        if (!x || rg_numel(x) != q->rows * q->cols || rg_dtype_of(x) != w->net->dtype)
            return fprintf(stderr, "%s [%lld,%lld] of the twin by hand is not on the tape\n", q->name, (long long)q->rows,
                (long long)q->cols), -1;
        const void *values = w->found.f64 ? (const void *)rg_f64(x) : (const void *)rg_f32(x);
        if (differences_add(&w->found, q->name, q->rows, q->cols, values, q->values,
            w->net->terms ? w->net->terms(w->follower, q->name) : 0,
            w->steps))
            return -1;
    }
    return 0;
}

static double element(const twin *w, const void *x, int64_t i) {
    return w->found.f64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

/* Where rounding put an input of a ReLU on the other side of 0, its slope is 1 here and 0 there, and both are right. The twin takes the
   tape's value, and so its side. The values were compared before; the report says how many inputs this concerned. */
static void settle_kinks(twin *w, const record *r) {
    quantity all[DIFFERENCES_MOST] = {0};
    const int n = w->net->relu ? w->net->quantities(w->follower, all) : 0;
    for (int i = 0; i < n; i++) {
        if (all[i].name[0] != 'Z') continue;
        rg_tensor *z = named(r, all[i].name);
        if (z == r->at[0].z) continue; /* no ReLU follows the last */
        const void *values = w->found.f64 ? (const void *)rg_f64(z) : (const void *)rg_f32(z);
        const size_t size = rg_dtype_size(w->net->dtype);
        for (int64_t j = 0; j < rg_numel(z); j++) {
            if ((element(w, values, j) > 0) == (element(w, all[i].values, j) > 0)) continue;
            memcpy((char *)all[i].values + (size_t)j * size, (const char *)values + (size_t)j * size, size);
            w->settled++;
        }
    }
}

int twin_compare(twin *w, rg_tensor *x, rg_tensor *y, rg_tensor *loss) {
    record r;
    if (rg_failed(loss) || read_record(loss, &r)) return -1;
    w->steps++;
    take(w, w->follower);
    w->net->forward(w->follower, x, y);
    if (compare(w, &r, false)) return -1;
    settle_kinks(w, &r);
    w->net->backward(w->follower);
    if (compare(w, &r, true)) return -1;
    twin_train(w, x, y);
    return 0;
}

double twin_drift(const twin *w) {
    double most = 0;
    for (int i = 0; i < w->params.count; i++) {
        rg_tensor *p = w->params.items[i];
        const void *tape = w->found.f64 ? (const void *)rg_f64(p) : (const void *)rg_f32(p), *hand = w->net->parameter(w->alone, i);
        for (int64_t j = 0; j < rg_numel(p); j++) {
            const double d = fabs(element(w, tape, j) - element(w, hand, j));
            if (!(d <= most)) most = d;
            if (isnan(d)) return d;
        }
    }
    return most;
}

int twin_report(const twin *w, FILE *to) {
    const difference *beyond = differences_beyond(&w->found);
    const long long steps = w->steps;
    fprintf(to, "\ntape and hand, from the same parameters and batch at each of %lld steps:\n\n", steps);
    differences_print(&w->found, to);
    fprintf(to, "\nabsolute: the largest |tape - hand| of any element; ulps: numbers between the two there\n"
                "relative: the largest ||tape - hand|| / %s; step: where that was\n",
        w->net->terms ? "the norm of the terms of its sums" : "||tape||");
    if (w->settled)
        fprintf(to, "%lld inputs of a ReLU were rounded to different sides of 0: there the slope is the tape's\n", (long long)w->settled);
    fprintf(to, "each trained freely for %lld steps: max |W_tape - W_hand| = %.2e (not judged)\n", steps, twin_drift(w));
    if (beyond)
        fprintf(to, "tape and hand DIFFER: %s is beyond %g at step %lld\n", beyond->name, w->found.tolerance, (long long)beyond->worst);
    else fprintf(to, "tape and hand agree: every quantity within %g of its norm\n", w->found.tolerance);
    return beyond || !w->steps;
}
