/* twin_nets.c - the networks by hand as the tape's trainer drives them. Compiled once per dtype, as they are. */
#include "twin.h"

#include <math.h>
#include <string.h>

#include "examples/course/manual/mlp.h"
#include "examples/course/manual/sigmoid.h"

enum { F64 = sizeof(real) == sizeof(double) };

static const real *values_of(rg_tensor *x) { return F64 ? (const void *)rg_f64(x) : (const void *)rg_f32(x); }

/* -------- manual/mlp.c */

static void *make_mlp(rg_list params, int64_t rows, double l2) {
    int64_t size[MLP_LAYERS + 1] = {params.count ? rg_dim(params.items[0], 0) : 0};
    const int layers = params.count / 2;
    for (int l = 1; l <= layers && l <= MLP_LAYERS; l++) size[l] = rg_dim(params.items[2 * l - 2], 1);
    return mlp_new(layers, size, rows, l2);
}

static void *mlp_parameter(const void *of, int i) {
    const mlp *net = of;
    return i % 2 ? net->b[i / 2 + 1] : net->W[i / 2 + 1];
}

static double mlp_loss(void *of, rg_tensor *x, rg_tensor *y) {
    mlp *net = of;
    mlp_forward(net, rg_dim(x, 0), values_of(x), rg_i32(y));
    return (double)net->loss;
}

static void mlp_gradients(void *net) { mlp_backward(net); }
static void mlp_follow(void *net, const rule *r) { mlp_update(net, r); }
static int mlp_list(const void *net, quantity *to) { return mlp_quantities(net, to); }
static void mlp_release(void *net) { mlp_free(net); }

#define twin_mlp BY_HAND(twin_mlp)
const twin_net twin_mlp = {.dtype = F64 ? RG_F64 : RG_F32, .relu = true, .make = make_mlp, .parameter = mlp_parameter, .forward = mlp_loss,
    .backward = mlp_gradients, .update = mlp_follow, .quantities = mlp_list, .free = mlp_release};

/* -------- manual/sigmoid.c */

static void *make_sigmoid(rg_list params, int64_t rows, double l2) {
    return params.count == SIGMOID_PARAMETERS && l2 == 0 ? sigmoid_new(rg_dim(params.items[0], 0), rg_dim(params.items[0], 1), rows) : NULL;
}

static void *sigmoid_parameter(const void *of, int i) {
    const sigmoid_net *net = of;
    return (real *const[]){net->W1, net->b1, net->W2, net->b2}[i];
}

static double sigmoid_mean(void *of, rg_tensor *x, rg_tensor *y) {
    sigmoid_net *net = of;
    sigmoid_forward(net, rg_dim(x, 0), values_of(x), values_of(y));
    return (double)net->mean;
}

static double norm(const real *x, int64_t n) {
    double squares = 0;
    for (int64_t i = 0; i < n; i++) squares += (double)x[i] * (double)x[i];
    return sqrt(squares);
}

/* The size that each quantity would have if its terms did not cancel. The terms of the four points do cancel: on the
   plateau of this network's loss, and when A2 is near Y. Then neither path has digits left to compare. */
static double sigmoid_terms(const void *of, const char *name) {
    const sigmoid_net *net = of;
    const double samples = sqrt((double)net->n), X = norm(net->X, net->n * net->d), A1 = norm(net->A1, net->n * net->h);
    const double Z1 = X * norm(net->W1, net->d * net->h) + samples * norm(net->b1, net->h);
    const double Z2 = A1 * norm(net->W2, net->h) + samples * norm(net->b2, 1);
    const double dA2 = norm(net->A2, net->n) + norm(net->Y, net->n);
    const double dZ2 = dA2 / 4, dA1 = dZ2 * norm(net->W2, net->h), dZ1 = dA1 / 4; /* s' is at most 1/4 */
    const struct { const char *name; double terms; } all[] = {{"Z1", Z1}, {"Z2", Z2}, {"loss", dA2 * norm(net->dA2, net->n)},
        {"dA2", dA2}, {"dZ2", dZ2}, {"dW2", A1 * dZ2}, {"db2", samples * dZ2}, {"dA1", dA1}, {"dZ1", dZ1},
        {"dW1", X * dZ1}, {"db1", samples * dZ1}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(name, all[i].name) == 0) return all[i].terms;
    return 0; /* A1, A2 */
}

static void sigmoid_gradients(void *net) { sigmoid_backward(net); }
static void sigmoid_follow(void *net, const rule *r) { sigmoid_update(net, r); }
static int sigmoid_list(const void *net, quantity *to) { return sigmoid_quantities(net, to); }
static void sigmoid_release(void *net) { sigmoid_free(net); }

#define twin_sigmoid BY_HAND(twin_sigmoid)
const twin_net twin_sigmoid = {.dtype = F64 ? RG_F64 : RG_F32, .make = make_sigmoid, .parameter = sigmoid_parameter,
    .forward = sigmoid_mean,
    .backward = sigmoid_gradients, .update = sigmoid_follow, .quantities = sigmoid_list, .terms = sigmoid_terms, .free = sigmoid_release};
