/* columns.c - the k-layer network with samples as columns; see columns.h for the two derivations side by side. */
#include "columns.h"

#include <string.h>
#include <tgmath.h>

/* to [m, n] = from' of [n, m] */
static void transpose(real *to, const real *from, int64_t n, int64_t m) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) to[j * n + i] = from[i * m + j];
}

/* Z = Z + b in every column    [m, n] + [m, 1] */
static void add_to_columns(real *Z, const real *b, int64_t m, int64_t n) {
    for (int64_t j = 0; j < m; j++)
        for (int64_t i = 0; i < n; i++) Z[j * n + i] += b[j];
}

/* The softmax of each column, and -1/n sum_i log A[y_i, i]    [m, n] */
static double softmax_cross_entropy(real *A, const real *Z, const int32_t *y, int64_t m, int64_t n) {
    double loss = 0;
    for (int64_t i = 0; i < n; i++) {
        real largest = Z[i], sum = 0;
        for (int64_t j = 1; j < m; j++) largest = Z[j * n + i] > largest ? Z[j * n + i] : largest;
        for (int64_t j = 0; j < m; j++) sum += A[j * n + i] = exp(Z[j * n + i] - largest);
        for (int64_t j = 0; j < m; j++) A[j * n + i] /= sum;
        loss += log((double)sum) - (double)(Z[y[i] * n + i] - largest);
    }
    return loss / (double)n;
}

static void forward(mlp *net) {
    const int64_t n = net->n;
    const int k = net->layers;
    double loss = 0;
    for (int l = 1; l <= k; l++) {
        const int64_t in = net->size[l - 1], out = net->size[l];
        real *Z = net->Z[l], *A = net->A[l];

        /* Zl = Wl A(l-1) + bl 1'             [out, n] = [out, in] . [in, n] + [out, 1] . [1, n] */
        times(Z, net->W[l], net->A[l - 1], out, in, n);
        add_to_columns(Z, net->b[l], out, n);

        /* Al = max(Zl, 0), at the end softmax    [out, n] */
        for (int64_t i = 0; l < k && i < out * n; i++) A[i] = Z[i] > 0 ? Z[i] : 0;
        if (l == k) loss += softmax_cross_entropy(A, Z, net->y, out, n);

        for (int64_t i = 0; i < out * in; i++) loss += net->lambda * (double)net->W[l][i] * (double)net->W[l][i];
    }
    net->loss = (real)loss;
}

static void backward(mlp *net) {
    const int64_t n = net->n;
    const int k = net->layers;

    /* dZk = (Ak - Y) / n                     [dk, n] */
    for (int64_t j = 0; j < net->size[k]; j++)
        for (int64_t i = 0; i < n; i++) net->dZ[k][j * n + i] = (net->A[k][j * n + i] - (j == net->y[i])) / (real)n;

    for (int l = k; l >= 1; l--) {
        const int64_t in = net->size[l - 1], out = net->size[l];
        const real *dZ = net->dZ[l];

        /* dWl = dZl A(l-1)' + 2 lambda Wl    [out, in] = [out, n] . [n, in] */
        times_transposed(net->dW[l], dZ, net->A[l - 1], out, n, in);
        for (int64_t i = 0; i < out * in; i++) net->dW[l][i] += (real)(2 * net->lambda) * net->W[l][i];

        /* dbl = dZl 1, the sum over samples  [out, 1] = [out, n] . [n, 1] */
        for (int64_t j = 0; j < out; j++) {
            net->db[l][j] = 0;
            for (int64_t i = 0; i < n; i++) net->db[l][j] += dZ[j * n + i];
        }
        if (l == 1) break;

        /* dA(l-1) = Wl' dZl                  [in, n] = [in, out] . [out, n] */
        transposed_times(net->dA[l - 1], net->W[l], dZ, in, out, n);

        /* dZ(l-1) = dA(l-1) * (Z(l-1) > 0)   [in, n] */
        for (int64_t i = 0; i < in * n; i++) net->dZ[l - 1][i] = net->Z[l - 1][i] > 0 ? net->dA[l - 1][i] : 0;
    }
}

mlp *columns_step(const mlp *rows) {
    mlp *net = mlp_new(rows->layers, rows->size, rows->n, rows->lambda);
    if (!net) return NULL;
    net->n = rows->n;
    memcpy(net->y, rows->y, (size_t)rows->n * sizeof *rows->y);
    transpose(net->A[0], rows->A[0], rows->n, rows->size[0]);
    for (int l = 1; l <= rows->layers; l++) {
        transpose(net->W[l], rows->W[l], rows->size[l - 1], rows->size[l]);
        memcpy(net->b[l], rows->b[l], (size_t)rows->size[l] * sizeof *rows->b[l]);
    }
    forward(net);
    backward(net);
    return net;
}

double columns_differ(const mlp *rows, const mlp *columns, const char **worst) {
    static const char *const kind[] = {"Z", "A", "dZ", "dA", "dW", "db", "loss"};
    double most = 0;
    *worst = "nothing";
    for (int l = 1; l <= rows->layers; l++) {
        const int64_t n = rows->n, in = rows->size[l - 1], out = rows->size[l];
        const real *const a[] = {rows->Z[l], rows->A[l], rows->dZ[l], rows->dA[l], rows->dW[l], rows->db[l], &rows->loss};
        const real *const b[] = {columns->Z[l], columns->A[l], columns->dZ[l], columns->dA[l], columns->dW[l], columns->db[l],
            &columns->loss};
        for (int q = 0; q < 7; q++) {
            const int64_t height = q < 4 ? n : q == 4 ? in : 1, width = q < 6 ? out : 1; /* of the matrix with samples as rows */
            double difference = 0, norm = 0;
            for (int64_t i = 0; i < height * width; i++) {
                const double x = (double)a[q][i], y = (double)b[q][i % width * height + i / width];
                difference += (x - y) * (x - y);
                norm += x * x;
            }
            const double relative = difference == 0 ? 0 : sqrt(difference / norm);
            if (!(relative <= most)) most = relative, *worst = kind[q];
            if (isnan(most)) return most;
        }
    }
    return most;
}
