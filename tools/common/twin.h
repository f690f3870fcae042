/* twin.h - a network on the tape and its twin written by hand (examples/course/manual/): what --path tape|manual|both does.

   `manual`: the twin trains, the tape only hands out batches. `both`: the tape trains; at every step the twin takes over its
   parameters and its batch, and every quantity that the derivation names is compared with the tape's. A second twin starts
   where the tape starts and takes over nothing but batches: how far it drifts away is rounding, made larger by training.   */
#ifndef RETROGRAD_SUPPORT_TWIN_H
#define RETROGRAD_SUPPORT_TWIN_H

#include "differences.h"
#include "examples/course/manual/manual.h"
#include "run.h"

/* A network by hand, in one dtype. The functions take what `make` returned. Parameter i is w1 b1 w2 b2 .., as on the tape. */
typedef struct twin_net {
    rg_dtype dtype;
    bool relu;                                                /* between layers: its slope jumps at 0 */
    /* For parameters of these shapes and batches of up to `rows`, with l2 ||W||^2 in the loss; NULL when it cannot. */
    void *(*make)(rg_list params, int64_t rows, double l2);
    void *(*parameter)(const void *net, int i);               /* where its values lie */
    double (*forward)(void *net, rg_tensor *x, rg_tensor *y); /* what is printed as the loss */
    void (*backward)(void *net);
    void (*update)(void *net, const rule *r);
    int (*quantities)(const void *net, quantity *to);         /* in the order they are computed; at most DIFFERENCES_MOST */
    double (*terms)(const void *net, const char *name);       /* differences_add; NULL: the norm of the quantity itself */
    void (*free)(void *net);
} twin_net;

extern const twin_net twin_mlp_f32, twin_mlp_f64;         /* manual/mlp.c: ReLU, softmax cross-entropy; y i32 labels */
extern const twin_net twin_sigmoid_f32, twin_sigmoid_f64; /* manual/sigmoid.c: sigmoid, half the sum of squares; y as wide as the output */

typedef struct twin {
    const twin_net *net;
    rg_list params;      /* the tape's */
    rule rule;
    void *follower;        /* both: takes over the tape's parameters at each step */
    void *alone;         /* trains by itself */
    int64_t steps;
    int64_t settled;     /* inputs of a ReLU that lay on different sides of 0, and were given the tape's side */
    differences found;
} twin;

/* The update rule of --optimizer; false after one line on stderr when the twin does not know it. */
bool twin_rule(const run_options *o, rule *r);
/* The twin that --path asks for, with the parameters' present values, for batches of up to `rows`. NULL after one line on stderr. */
twin *twin_new(const run_options *o, const twin_net *net, rg_list params, int64_t rows);
void twin_free(twin *w);

/* manual: one step. Returns the loss before it. */
double twin_train(twin *w, rg_tensor *x, rg_tensor *y);
/* manual: the last layer's Z [n, out], for evaluation, as an input of x's tape. */
rg_tensor *twin_logits(twin *w, rg_tensor *x, rg_tensor *y);
/* manual: the tape's parameters become the twin's. */
void twin_give(const twin *w);

/* both: between rg_backward(loss), with rg_keep_grads on, and the optimiser's step. -1 with a line on stderr when what is recorded is
   not the twin's network. */
int twin_compare(twin *w, rg_tensor *x, rg_tensor *y, rg_tensor *loss);
/* both: the largest difference of a parameter's element between the tape and the twin that trains alone. */
double twin_drift(const twin *w);
/* both: prints the table. Returns 0, or 1 when something is beyond the tolerance. */
int twin_report(const twin *w, FILE *to);

#endif
