/* compare.h - one training step of a published network: by tape, by hand, by finite differences; and, where two of them part, why.

   nets.c      the networks on the tape, one quantity to a line; their data
   step.c      runs a step in both ways and gathers every quantity
   slopes.c    the same gradients by differences of the loss
   formulas.c  what the derivation says about a quantity
   diagnose.c  the likely cause of the first difference
   report.c    all of it as text;  page.c, graph.c, typeset.c: as a page of HTML                                              */
#ifndef COMPARE_H
#define COMPARE_H

#include <retrograd.h>

#include "tools/common/twin.h"

enum { LAYERS_MOST = 3, ARRAYS_MOST = 48, ROWS_MOST = 24, TEXT = 160 };

/* -------- what was asked for */
typedef struct settings {
    const char *data, *html, *fault, *dtype;
    int64_t step, batch;
    uint64_t seed;
    double l2;
} settings;

/* -------- a network as it was published */
typedef struct forward forward;
typedef struct net {
    const char *name, *title;
    int layers;
    int64_t size[LAYERS_MOST + 1];
    rg_init weight, bias;
    double lr, l2;
    int64_t batch;
    enum { POINTS, DIGITS, COLOURS } data;
    bool sigmoid;       /* and half the sum of squares; else ReLU and softmax cross-entropy */
    bool columns;       /* published with samples as columns */
    bool standardised;  /* each feature shifted and scaled to mean 0 and deviation 1 over the training images */
    rg_tensor *(*loss)(forward *f);
} net;

/* A forward pass on the tape: what goes in, and what was seen on the way. */
struct forward {
    rg_tape *t;
    rg_tensor *x, *y;                                         /* [n, d0]; i32 [n], of a sigmoid network [n, 1] */
    rg_tensor *w[LAYERS_MOST + 1], *b[LAYERS_MOST + 1];       /* counted from 1 */
    double l2;
    int count;
    struct { const char *name; rg_tensor *x; } seen[ARRAYS_MOST];
    const char *moved;                                        /* differences: to the quantity of this name */
    rg_tensor *by;                                            /* this is added */
};

extern const net nets[];                                      /* ends with a name of NULL */
const net *net_find(const char *name);
/* Notes x under its name; returns it, moved when it is the one to be moved. */
rg_tensor *see(forward *f, const char *name, rg_tensor *x);
rg_tensor *seen(const forward *f, const char *name);          /* NULL when there is none */

/* Where batches come from. */
typedef struct source {
    const char *name;                                         /* "MNIST" */
    rg_loader *loader;
    double *mean, *deviation;                                 /* [features], or NULL */
} source;
/* Reads or makes the images; -1 after an error on the tape or one line on stderr. */
int source_open(source *from, rg_tape *t, const net *n, const settings *o, rg_dataset *to);
int source_start(source *from, rg_tape *t, const net *n, const settings *o, const rg_dataset *d); /* begins to hand out batches */
int source_next(source *from, const net *n, const settings *o, forward *f); /* fills f->x, f->y */
void source_close(source *from);

/* -------- numbers, in double whatever they came from */
typedef struct array {
    char name[16];
    int64_t rows, cols;
    double *v;
} array;
typedef struct arrays {
    int count;
    array item[ARRAYS_MOST];
} arrays;
const array *arrays_find(const arrays *a, const char *name);  /* NULL when there is none */
array *arrays_add(arrays *a, const char *name, int64_t rows, int64_t cols); /* zeros; NULL after one line on stderr */
void arrays_free(arrays *a);
double norm(const double *v, int64_t n);

/* -------- one row of the comparison */
typedef struct use {                                          /* of a tensor: an operator that reads it, and passes a gradient back to it */
    char op[32], at[96];
    double norm;                                              /* of what it passes back */
} use;
typedef struct row {
    const array *tape, *hand;
    const difference *apart;
    char formula[TEXT];                                       /* see formulas.c for how it is written */
    /* what computed it on the tape: a forward value's operators, a gradient's uses */
    char op[64], at[96];
    int uses;
    use by[4];
    bool gradient, beyond;
    int64_t slopes, left_out;                                 /* derivatives by differences; of these, not taken as a kink is too near */
    bool each;                                                /* one for each element, else along directions */
    /* what they make of the norm; their distance from the tape's, relative to it */
    double slope_norm, slope_error;
    double slope_noise;                                       /* as large a distance the loss's own rounding may leave */
    bool slope_beyond;
} row;

typedef struct comparison {
    const net *net;
    settings o;
    const char *source;
    int64_t n;                                                /* samples */
    forward f;
    rg_tape *t;
    twin_net by_hand;                                         /* the network by hand, perhaps with a fault in it */
    twin *twin;
    arrays tape, hand, before;                                /* before: the tape's at the step before; empty at the first */
    int count;
    /* forward values, then gradients in the order in which backward visits them */
    row rows[ROWS_MOST];
    const row *first;                                         /* that is beyond the tolerance; NULL */
    const row *first_slope;                                   /* that finite differences contradict; NULL */
    arrays right;                                             /* of a planted fault: the same by hand without it */
    char invisible[400];                                      /* of a planted fault that shows nowhere: why; else empty */
    char cause[400];
    /* of the twin with samples as columns, from the one with rows; -1: not asked */
    double columns_differ;
} comparison;

/* -------- the parts */
int compare_step(comparison *c);                              /* fills all but slopes and cause. -1 after an error */
void compare_free(comparison *c);
int compare_slopes(comparison *c);
void compare_diagnose(comparison *c);
void formula_of(const net *n, double l2, const char *name, char to[TEXT]);
const char *reason_of(const net *n, const char *name);        /* one sentence: why the formula holds */

/* A single number as a sum or product of what the step before left: "00", A1[0,0], dZ2[0] .. */
typedef struct term { char name[40]; double upstream, local; bool alone; } term; /* alone: upstream by itself */
int terms_of(const comparison *c, const array *q, int64_t i, int64_t j, term to[8]); /* 0: not told */

void report_print(const comparison *c, FILE *to);
int page_save(const comparison *c, const char *path);         /* 0, or -1 after one line on stderr */
void graph_put(const comparison *c, FILE *to);
void typeset_put(const char *formula, FILE *to);              /* a formula as MathML */
void prose_put(const char *text, FILE *to);                    /* text as HTML, its quantities as formulas */
void escaped_put(const char *text, FILE *to);                 /* text as HTML */

/* -------- faults (planted.c) */
typedef struct fault { const char *name, *what; } fault;
extern const fault faults[];                                  /* ends with a name of NULL */
/* The network by hand with that fault in it. NULL after one line on stderr: an unknown fault, or the net has no such place. */
int plant(const char *name, const net *n, const settings *o, twin_net *to);
int plant_f32(const char *name, bool sigmoid, twin_net *to);  /* -1 when there is no such copy */
int plant_f64(const char *name, bool sigmoid, twin_net *to);
double columns_apart_f32(const void *mlp);                    /* the step once more with samples as columns: columns_differ */
double columns_apart_f64(const void *mlp);

static inline const char *base_name(const char *at) {
    const char *name = at;
    for (; *at; at++)
        if (*at == '/') name = at + 1;
    return name;
}

#endif
