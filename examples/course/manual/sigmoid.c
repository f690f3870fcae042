/* sigmoid.c - the 2-2-1 sigmoid network: forward, and backward by the formulas of its derivation. */
#include "sigmoid.h"

#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

/* -------- memory */

typedef struct place { real **array; int64_t size; } place;

sigmoid_net *sigmoid_new(int64_t d, int64_t h, int64_t room) {
    sigmoid_net *net = calloc(1, sizeof *net);
    if (!net) return NULL;
    net->d = d, net->h = h, net->room = room;
    const place places[] = {{&net->X, room * d}, {&net->Y, room},
        {&net->W1, d * h}, {&net->m[0], d * h}, {&net->v[0], d * h}, {&net->dW1, d * h},
        {&net->b1, h}, {&net->m[1], h}, {&net->v[1], h}, {&net->db1, h},
        {&net->W2, h}, {&net->m[2], h}, {&net->v[2], h}, {&net->dW2, h},
        {&net->b2, 1}, {&net->m[3], 1}, {&net->v[3], 1}, {&net->db2, 1},
        {&net->Z1, room * h}, {&net->A1, room * h}, {&net->dA1, room * h}, {&net->dZ1, room * h},
        {&net->Z2, room}, {&net->A2, room}, {&net->dA2, room}, {&net->dZ2, room}};
    enum { PLACES = sizeof places / sizeof *places };
    int64_t size = 0;
    for (int i = 0; i < PLACES; i++) size += places[i].size;
    real *next = net->memory = calloc((size_t)size, sizeof *next);
    if (!next) return sigmoid_free(net), NULL;
    for (int i = 0; i < PLACES; next += places[i++].size) *places[i].array = next;
    return net;
}

void sigmoid_free(sigmoid_net *net) {
    if (!net) return;
    free(net->memory);
    free(net);
}

/* -------- forward */

/* Z = Z + b in every row    [n, m] + [m],    then A = s(Z) = 1 / (1 + e^-Z) */
static void add_bias_and_squash(real *A, real *Z, const real *b, int64_t n, int64_t m) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) {
            Z[i * m + j] += b[j];
            A[i * m + j] = 1 / (1 + exp(-Z[i * m + j]));
        }
}

void sigmoid_forward(sigmoid_net *net, int64_t n, const real *X, const real *Y) {
    net->n = n;
    memcpy(net->X, X, (size_t)(n * net->d) * sizeof *X);
    memcpy(net->Y, Y, (size_t)n * sizeof *Y);

    /* Z1 = X W1 + b1,   A1 = s(Z1)      [n, h] = [n, d] . [d, h] + [h] */
    times(net->Z1, net->X, net->W1, n, net->d, net->h);
    add_bias_and_squash(net->A1, net->Z1, net->b1, n, net->h);

    /* Z2 = A1 W2 + b2,  A2 = s(Z2)      [n, 1] = [n, h] . [h, 1] + [1] */
    times(net->Z2, net->A1, net->W2, n, net->h, 1);
    add_bias_and_squash(net->A2, net->Z2, net->b2, n, 1);

    /* loss = 1/2 sum (A2 - Y)^2 */
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)(net->A2[i] - Y[i]) * (double)(net->A2[i] - Y[i]);
    net->loss = (real)(sum / 2);
    net->mean = (real)(sum / (double)n);
}

/* -------- backward */

/* dZ = dA * A (1 - A). With s = 1 / (1 + e^-z):  ds/dz = e^-z / (1 + e^-z)^2 = s (1 - s), from the OUTPUT of the sigmoid.    [n, m] */
static void sigmoid_gradient(real *dZ, const real *dA, const real *A, int64_t count) {
    for (int64_t i = 0; i < count; i++) dZ[i] = dA[i] * (A[i] * (1 - A[i]));
}

/* db = the sum of dZ's rows: b went into each of them.    [m] = sum over n of [n, m] */
static void sum_rows(real *db, const real *dZ, int64_t n, int64_t m) {
    for (int64_t j = 0; j < m; j++) db[j] = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) db[j] += dZ[i * m + j];
}

void sigmoid_backward(sigmoid_net *net) {
    const int64_t n = net->n, d = net->d, h = net->h;

    /* dA2 = A2 - Y                 [n, 1]    the 2 of the square and the 1/2 cancel */
    for (int64_t i = 0; i < n; i++) net->dA2[i] = net->A2[i] - net->Y[i];

    /* dZ2 = dA2 * A2 (1 - A2)      [n, 1] */
    sigmoid_gradient(net->dZ2, net->dA2, net->A2, n);

    /* dW2 = A1' dZ2                [h, 1] = [h, n] . [n, 1] */
    transposed_times(net->dW2, net->A1, net->dZ2, h, n, 1);

    /* db2 = sum over samples of dZ2    [1] */
    sum_rows(net->db2, net->dZ2, n, 1);

    /* dA1 = dZ2 W2'                [n, h] = [n, 1] . [1, h] */
    times_transposed(net->dA1, net->dZ2, net->W2, n, 1, h);

    /* dZ1 = dA1 * A1 (1 - A1)      [n, h] */
    sigmoid_gradient(net->dZ1, net->dA1, net->A1, n * h);

    /* dW1 = X' dZ1                 [d, h] = [d, n] . [n, h] */
    transposed_times(net->dW1, net->X, net->dZ1, d, n, h);

    /* db1 = sum over samples of dZ1    [h] */
    sum_rows(net->db1, net->dZ1, n, h);
}

void sigmoid_update(sigmoid_net *net, const rule *r) {
    net->steps++;
    update(r, net->steps, net->d * net->h, net->W1, net->dW1, net->m[0], net->v[0]);
    update(r, net->steps, net->h, net->b1, net->db1, net->m[1], net->v[1]);
    update(r, net->steps, net->h, net->W2, net->dW2, net->m[2], net->v[2]);
    update(r, net->steps, 1, net->b2, net->db2, net->m[3], net->v[3]);
}

/* -------- looking */

int sigmoid_quantities(const sigmoid_net *net, quantity to[SIGMOID_QUANTITIES]) {
    const int64_t n = net->n, d = net->d, h = net->h;
    const quantity all[SIGMOID_QUANTITIES] = {{"Z1", net->Z1, n, h}, {"A1", net->A1, n, h}, {"Z2", net->Z2, n, 1}, {"A2", net->A2, n, 1},
        {"loss", (void *)(uintptr_t)&net->loss, 1, 1}, {"dA2", net->dA2, n, 1}, {"dZ2", net->dZ2, n, 1},
        {"dW2", net->dW2, h, 1}, {"db2", net->db2, 1, 1}, {"dA1", net->dA1, n, h}, {"dZ1", net->dZ1, n, h}, {"dW1", net->dW1, d, h},
        {"db1", net->db1, 1, h}};
    memcpy(to, all, sizeof all);
    return SIGMOID_QUANTITIES;
}
