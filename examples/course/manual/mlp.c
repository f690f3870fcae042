/* mlp.c - the k-layer ReLU network with softmax cross-entropy: forward, and backward by the formulas of its derivation. */
#include "mlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

/* -------- memory */

/* Puts every array into `memory`, one after the other; returns how many reals they take. With NULL it only counts. */
static size_t lay_out(mlp *net, real *memory) {
    const size_t room = (size_t)net->room;
    size_t used = room * (size_t)net->size[0];
    net->A[0] = memory;
    for (int l = 1; l <= net->layers; l++) {
        const size_t in = (size_t)net->size[l - 1], out = (size_t)net->size[l];
        real **weights[] = {&net->W[l], &net->dW[l], &net->mW[l], &net->vW[l]},
            **biases[] = {&net->b[l], &net->db[l], &net->mb[l], &net->vb[l]};
        real **units[] = {&net->Z[l], &net->A[l], &net->dZ[l], &net->dA[l]};
        for (int i = 0; i < 4; i++) {
            *weights[i] = memory ? memory + used : NULL, used += in * out;
            *biases[i] = memory ? memory + used : NULL, used += out;
            *units[i] = memory ? memory + used : NULL, used += room * out;
        }
    }
    return used;
}

mlp *mlp_new(int layers, const int64_t *size, int64_t room, double lambda) {
    mlp *net = layers >= 1 && layers <= MLP_LAYERS ? calloc(1, sizeof *net) : NULL;
    if (!net) return NULL;
    net->layers = layers;
    net->room = room;
    net->lambda = lambda;
    memcpy(net->size, size, (size_t)(layers + 1) * sizeof *size);
    net->y = calloc((size_t)room + 1, sizeof *net->y);
    net->memory = calloc(lay_out(net, NULL) + 1, sizeof *net->memory);
    if (!net->y || !net->memory) return mlp_free(net), NULL;
    lay_out(net, net->memory);
    return net;
}

void mlp_free(mlp *net) {
    if (!net) return;
    free(net->y);
    free(net->memory);
    free(net);
}

/* -------- forward */

/* Z = Z + b in every row    [n, m] + [m] */
static void add_to_rows(real *Z, const real *b, int64_t n, int64_t m) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) Z[i * m + j] += b[j];
}

/* A = max(Z, 0) */
static void relu(real *A, const real *Z, int64_t count) {
    for (int64_t i = 0; i < count; i++) A[i] = Z[i] > 0 ? Z[i] : 0;
}

/* A_ij = e^(Z_ij - c_i) / sum_j e^(Z_ij - c_i). The largest of the row as c_i leaves A as it is, and no power can overflow.
   Returns -1/n sum_i log A[i, y_i], as log sum_j e^(Z_ij - c_i) - (Z[i, y_i] - c_i): no logarithm of 0, so nothing to guard. */
static double softmax_cross_entropy(real *A, const real *Z, const int32_t *y, int64_t n, int64_t m) {
    double loss = 0;
    for (int64_t i = 0; i < n; i++, A += m, Z += m) {
        real largest = Z[0], sum = 0;
        for (int64_t j = 1; j < m; j++) largest = Z[j] > largest ? Z[j] : largest;
        for (int64_t j = 0; j < m; j++) sum += A[j] = exp(Z[j] - largest);
        for (int64_t j = 0; j < m; j++) A[j] /= sum;
        loss += log((double)sum) - (double)(Z[y[i]] - largest);
    }
    return loss / (double)n;
}

/* ||W||^2 */
static double squared_norm(const real *W, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)W[i] * (double)W[i];
    return sum;
}

void mlp_forward(mlp *net, int64_t n, const real *X, const int32_t *y) {
    const int k = net->layers;
    net->n = n;
    memcpy(net->A[0], X, (size_t)(n * net->size[0]) * sizeof *X);
    memcpy(net->y, y, (size_t)n * sizeof *y);
    double loss = 0;
    for (int l = 1; l <= k; l++) {
        const int64_t in = net->size[l - 1], out = net->size[l];

        /* Zl = A(l-1) Wl + bl                [n, out] = [n, in] . [in, out] + [out] */
        times(net->Z[l], net->A[l - 1], net->W[l], n, in, out);
        add_to_rows(net->Z[l], net->b[l], n, out);

        /* Al = max(Zl, 0), at the end softmax    [n, out] */
        if (l < k) relu(net->A[l], net->Z[l], n * out);
        else loss += softmax_cross_entropy(net->A[l], net->Z[l], y, n, out);

        if (net->lambda != 0) loss += net->lambda * squared_norm(net->W[l], in * out);
    }
    net->loss = (real)loss;
}

/* -------- backward */

/* dZ = (A - Y) / n. With the loss of one row -log A[y] and dA[y]/dZ[j] = A[y] ((j = y) - A[j]), the A[y] of the softmax and the
   1/A[y] of the logarithm cancel: d loss / dZ[j] = A[j] - (j = y).    [n, m] */
static void softmax_cross_entropy_gradient(real *dZ, const real *A, const int32_t *y, int64_t n, int64_t m) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) dZ[i * m + j] = (A[i * m + j] - (j == y[i])) / (real)n;
}

/* db = the sum of dZ's rows: b went into each of them.    [m] = sum over n of [n, m] */
static void sum_rows(real *db, const real *dZ, int64_t n, int64_t m) {
    for (int64_t j = 0; j < m; j++) db[j] = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) db[j] += dZ[i * m + j];
}

/* dZ = dA * (Z > 0): what max(Z, 0) cut off has no influence. At 0 the slope is 0 by convention.    [n, m] */
static void relu_gradient(real *dZ, const real *dA, const real *Z, int64_t count) {
    for (int64_t i = 0; i < count; i++) dZ[i] = Z[i] > 0 ? dA[i] : 0;
}

/* dW = dW + 2 lambda W, the gradient of lambda ||W||^2.    [in, out] */
static void add_l2_gradient(real *dW, const real *W, double lambda, int64_t count) {
    for (int64_t i = 0; i < count; i++) dW[i] += (real)(2 * lambda) * W[i];
}

void mlp_backward(mlp *net) {
    const int64_t n = net->n;
    const int k = net->layers;

    /* dZk = (Ak - Y) / n                     [n, dk] */
    softmax_cross_entropy_gradient(net->dZ[k], net->A[k], net->y, n, net->size[k]);

    for (int l = k; l >= 1; l--) {
        const int64_t in = net->size[l - 1], out = net->size[l];

        /* dWl = A(l-1)' dZl + 2 lambda Wl    [in, out] = [in, n] . [n, out] */
        transposed_times(net->dW[l], net->A[l - 1], net->dZ[l], in, n, out);
        if (net->lambda != 0) add_l2_gradient(net->dW[l], net->W[l], net->lambda, in * out);

        /* dbl = sum over samples of dZl      [out] */
        sum_rows(net->db[l], net->dZ[l], n, out);

        if (l == 1) break; /* dX is not asked for */

        /* dA(l-1) = dZl Wl'                  [n, in] = [n, out] . [out, in] */
        times_transposed(net->dA[l - 1], net->dZ[l], net->W[l], n, out, in);

        /* dZ(l-1) = dA(l-1) * (Z(l-1) > 0)   [n, in] */
        relu_gradient(net->dZ[l - 1], net->dA[l - 1], net->Z[l - 1], n * in);
    }
}

void mlp_update(mlp *net, const rule *r) {
    net->steps++;
    for (int l = 1; l <= net->layers; l++) {
        const int64_t in = net->size[l - 1], out = net->size[l];
        update(r, net->steps, in * out, net->W[l], net->dW[l], net->mW[l], net->vW[l]);
        update(r, net->steps, out, net->b[l], net->db[l], net->mb[l], net->vb[l]);
    }
}

/* -------- looking */

static void list(quantity **to, const char *name, int l, const real *values, int64_t rows, int64_t cols) {
    quantity *q = (*to)++;
    snprintf(q->name, sizeof q->name, "%s%.0d", name, l); /* no number for l = 0 */
    q->values = (void *)(uintptr_t)values;
    q->rows = rows;
    q->cols = cols;
}

int mlp_quantities(const mlp *net, quantity to[MLP_QUANTITIES]) {
    quantity *q = to;
    for (int l = 1; l <= net->layers; l++) {
        list(&q, "Z", l, net->Z[l], net->n, net->size[l]);
        list(&q, "A", l, net->A[l], net->n, net->size[l]);
    }
    list(&q, "loss", 0, &net->loss, 1, 1);
    for (int l = net->layers; l >= 1; l--) {
        if (l < net->layers) list(&q, "dA", l, net->dA[l], net->n, net->size[l]);
        list(&q, "dZ", l, net->dZ[l], net->n, net->size[l]);
        list(&q, "dW", l, net->dW[l], net->size[l - 1], net->size[l]);
        list(&q, "db", l, net->db[l], 1, net->size[l]);
    }
    return (int)(q - to);
}
