/* graphs.c - computation graphs, values forward and gradients backward. The shapes in them are those of a tape that ran the graph. */
#include "figures.h"

#include "tools/common/diagram.h"

#include <stdio.h>

enum { BOX = 106, TALL = 66 };

/* "[64, 10]", to go into a text at once: there are so many of them that a few may be in use together. */
static const char *shape(rg_tensor *x) {
    static char text[8][40];
    static int next;
    char *to = text[next = (next + 1) % 8];
    size_t n = (size_t)snprintf(to, 40, "[");
    for (int i = 0; i < rg_ndim(x) && n < 36; i++) n += (size_t)snprintf(to + n, 40 - n, "%s%lld", i ? ", " : "", (long long)rg_dim(x, i));
    snprintf(to + n, 40 - n, "]");
    return to;
}

/* The published network of the backpropagation notebook: Z1 = X W1 + b1, A1 = relu Z1, Z2 = A1 W2 + b2, A2 = softmax Z2. */
int draw_backprop(const char *path, const figure_options *o) {
    (void)o;
    enum { M = 64, IN = 784, HIDDEN = 128, OUT = 10 };
    static int32_t labels[M];
    rg_tape *t = rg_tape_new(0);
    rg_tensor *x = rg_full(t, .5, M, IN), *w1 = rg_param(t, "W1", RG_HE_NORMAL, IN, HIDDEN), *b1 = rg_param(t, "b1", RG_ZEROS, HIDDEN);
    rg_tensor *w2 = rg_param(t, "W2", RG_HE_NORMAL, HIDDEN, OUT), *b2 = rg_param(t, "b2", RG_ZEROS, OUT);
    rg_tensor *z1 = rg_add(rg_matmul(x, w1), b1), *a1 = rg_relu(z1), *z2 = rg_add(rg_matmul(a1, w2), b2), *a2 = rg_softmax(z2, -1);
    rg_tensor *loss = rg_cross_entropy(z2, rg_input(t, labels, M)), *g[7];
    rg_grad(loss, rg_list_of(z2, w2, b2, a1, z1, w1, b1), g);
    enum { DZ2, DW2, DB2, DA1, DZ1, DW1, DB1 };

    diagram d = {.title = "Backpropagation through 784-128-10 with softmax and cross-entropy, m samples as rows", .width = 1090,
        .height = 500};
    const double c[] = {80, 270, 460, 650, 840, 1010}, forward = 100, parameters = 205, backward = 315, gradients = 420;
    const int nx = diagram_box(&d, c[0], forward, BOX, TALL, DIAGRAM_INPUT, "X\n%s", shape(x));
    const int nz1 = diagram_box(&d, c[1], forward, BOX, TALL, DIAGRAM_VALUE, "Z1\nX W1 + b1\n%s", shape(z1));
    const int na1 = diagram_box(&d, c[2], forward, BOX, TALL, DIAGRAM_VALUE, "A1\nrelu(Z1)\n%s", shape(a1));
    const int nz2 = diagram_box(&d, c[3], forward, BOX, TALL, DIAGRAM_VALUE, "Z2\nA1 W2 + b2\n%s", shape(z2));
    const int na2 = diagram_box(&d, c[4], forward, BOX, TALL, DIAGRAM_VALUE, "A2\nsoftmax(Z2)\n%s", shape(a2));
    const int nl = diagram_box(&d, c[5], forward, BOX + 8, TALL, DIAGRAM_LOSS, "L\n-sum(Y log A2) / m");
    const int p1 = diagram_box(&d, c[1], parameters, 150, 50, DIAGRAM_PARAMETER, "W1, b1\n%s, %s", shape(w1), shape(b1));
    const int p2 = diagram_box(&d, c[3], parameters, 150, 50, DIAGRAM_PARAMETER, "W2, b2\n%s, %s", shape(w2), shape(b2));
    const int dz2 = diagram_box(&d, c[3], backward, BOX, TALL, DIAGRAM_GRADIENT, "dZ2\n(A2 - Y) / m\n%s", shape(g[DZ2]));
    const int da1 = diagram_box(&d, c[2], backward, BOX, TALL, DIAGRAM_GRADIENT, "dA1\ndZ2 W2^T\n%s", shape(g[DA1]));
    const int dz1 = diagram_box(&d, c[1], backward, BOX, TALL, DIAGRAM_GRADIENT, "dZ1\ndA1 * (Z1 > 0)\n%s", shape(g[DZ1]));
    const int dp2 = diagram_box(&d, c[3], gradients, 180, TALL, DIAGRAM_GRADIENT, "dW2, db2\nA1^T dZ2, sum over rows\n%s, %s",
        shape(g[DW2]), shape(g[DB2]));
    const int dp1 = diagram_box(&d, c[1], gradients, 180, TALL, DIAGRAM_GRADIENT, "dW1, db1\nX^T dZ1, sum over rows\n%s, %s", shape(g[DW1]),
        shape(g[DB1]));

    const int chain[] = {nx, nz1, na1, nz2, na2, nl}, back[] = {nl, dz2, da1, dz1};
    for (int i = 0; i < 5; i++) diagram_edge(&d, chain[i], chain[i + 1], DIAGRAM_FORWARD, 0, NULL);
    for (int i = 0; i < 3; i++) diagram_edge(&d, back[i], back[i + 1], DIAGRAM_BACKWARD, 0, NULL);
    diagram_edge(&d, p1, nz1, DIAGRAM_FORWARD, 0, NULL);
    diagram_edge(&d, p2, nz2, DIAGRAM_FORWARD, 0, NULL);
    diagram_edge(&d, dz1, dp1, DIAGRAM_BACKWARD, 0, NULL);
    diagram_edge(&d, dz2, dp2, DIAGRAM_BACKWARD, 0, NULL);
    return figure_end(t, rg_error_code(t) ? -1 : diagram_save(&d, path));
}

/* The published two-layer network with a regulariser; samples are columns: J = -log(y^T p) + lambda (|w1|^2 + |w2|^2). */
int draw_two_layer(const char *path, const figure_options *o) {
    (void)o;
    enum { IN = 3072, HIDDEN = 50, OUT = 10, N = 100 };
    rg_tape *t = rg_tape_new(0);
    rg_tensor *x = rg_full(t, .5, IN, N), *w1 = rg_param(t, "w1", RG_NORMAL(0, .02), HIDDEN, IN),
        *b1 = rg_param(t, "b1", RG_ZEROS, HIDDEN, 1);
    rg_tensor *w2 = rg_param(t, "w2", RG_NORMAL(0, .02), OUT, HIDDEN), *b2 = rg_param(t, "b2", RG_ZEROS, OUT, 1);
    rg_tensor *s1 = rg_add(rg_matmul(w1, x), b1), *h = rg_relu(s1), *s2 = rg_add(rg_matmul(w2, h), b2), *p = rg_softmax(s2, 0);

    diagram d = {.title = "Two-layer network with L2 regulariser, n samples as columns", .width = 1090, .height = 420};
    const double c[] = {70, 250, 430, 610, 790, 985}, top = 110, middle = 225, low = 335;
    const int nx = diagram_box(&d, c[0], top, 90, TALL, DIAGRAM_INPUT, "x\n%s", shape(x));
    const int n1 = diagram_box(&d, c[1], top, BOX, TALL, DIAGRAM_VALUE, "s1\nw1 x + b1\n%s", shape(s1));
    const int nh = diagram_box(&d, c[2], top, BOX, TALL, DIAGRAM_VALUE, "h\nmax(0, s1)\n%s", shape(h));
    const int n2 = diagram_box(&d, c[3], top, BOX, TALL, DIAGRAM_VALUE, "s2\nw2 h + b2\n%s", shape(s2));
    const int np = diagram_box(&d, c[4], top, BOX, TALL, DIAGRAM_VALUE, "p\nsoftmax(s2)\n%s", shape(p));
    const int nl = diagram_box(&d, c[5], top, 130, TALL, DIAGRAM_LOSS, "l\n-log(y^T p), mean");
    const int p1 = diagram_box(&d, c[1], middle, 150, TALL, DIAGRAM_PARAMETER, "w1, b1\n%s\n%s", shape(w1), shape(b1));
    const int p2 = diagram_box(&d, c[3], middle, 150, TALL, DIAGRAM_PARAMETER, "w2, b2\n%s\n%s", shape(w2), shape(b2));
    const int nr = diagram_box(&d, c[3], low, 150, TALL - 14, DIAGRAM_VALUE, "r\n|w1|^2 + |w2|^2");
    const int nj = diagram_box(&d, c[5], low, 130, TALL - 14, DIAGRAM_LOSS, "J\nl + lambda r");
    const int chain[] = {nx, n1, nh, n2, np, nl};
    static const char *const back[] = {NULL, "ds1", "dh", "ds2", NULL};
    for (int i = 0; i < 5; i++) {
        diagram_edge(&d, chain[i], chain[i + 1], DIAGRAM_FORWARD, i ? -7 : 0, NULL);
        if (i) diagram_edge(&d, chain[i + 1], chain[i], DIAGRAM_BACKWARD, -7, back[i]);
    }
    diagram_note(&d, (c[3] + c[5]) / 2, top - 50, .5, "ds2 = (p - y) / n, through softmax and log at once");
    diagram_note(&d, (c[1] + c[2]) / 2, top - 50, .5, "dh = w2^T ds2,  ds1 = dh * (s1 > 0)");
    diagram_edge(&d, p1, n1, DIAGRAM_FORWARD, -7, NULL);
    diagram_edge(&d, n1, p1, DIAGRAM_BACKWARD, -7, "ds1 x^T, sum ds1");
    diagram_edge(&d, p2, n2, DIAGRAM_FORWARD, -7, NULL);
    diagram_edge(&d, n2, p2, DIAGRAM_BACKWARD, -7, "ds2 h^T, sum ds2");
    diagram_edge(&d, p1, nr, DIAGRAM_FORWARD, -7, NULL);
    diagram_edge(&d, nr, p1, DIAGRAM_BACKWARD, -7, "2 lambda w1");
    diagram_edge(&d, p2, nr, DIAGRAM_FORWARD, -7, NULL);
    diagram_edge(&d, nr, p2, DIAGRAM_BACKWARD, -7, "2 lambda w2");
    diagram_edge(&d, nr, nj, DIAGRAM_FORWARD, -7, NULL);
    diagram_edge(&d, nj, nr, DIAGRAM_BACKWARD, -7, "lambda");
    diagram_edge(&d, nl, nj, DIAGRAM_FORWARD, -7, NULL);
    diagram_edge(&d, nj, nl, DIAGRAM_BACKWARD, -7, "1");
    return figure_end(t, rg_error_code(t) ? -1 : diagram_save(&d, path));
}

/* Linear alone: y = x W + b, and what becomes of the gradient g that arrives at y. */
int draw_linear(const char *path, const figure_options *o) {
    (void)o;
    enum { M = 64, IN = 784, OUT = 128 };
    rg_tape *t = rg_tape_new(0);
    rg_tensor *x = rg_requires_grad(rg_full(t, .5, M, IN), true), *w = rg_param(t, "W", RG_HE_NORMAL, IN, OUT),
        *b = rg_param(t, "b", RG_ZEROS, OUT);
    rg_tensor *product = rg_matmul(x, w), *y = rg_add(product, b), *g[3];
    rg_grad(y, rg_list_of(x, w, b), g, .dy = rg_full_like(y, 1));

    diagram d = {.title = "Linear: forward and backward", .width = 900, .height = 400};
    const int nx = diagram_box(&d, 110, 110, 120, 54, DIAGRAM_INPUT, "x\n%s", shape(x));
    const int nw = diagram_box(&d, 110, 220, 120, 54, DIAGRAM_PARAMETER, "W\n%s", shape(w));
    const int nb = diagram_box(&d, 110, 325, 120, 54, DIAGRAM_PARAMETER, "b\n%s", shape(b));
    const int times = diagram_box(&d, 420, 110, 120, 54, DIAGRAM_VALUE, "matmul\n%s", shape(product));
    const int plus = diagram_box(&d, 620, 110, 110, 54, DIAGRAM_VALUE, "add\n%s", shape(y));
    const int ny = diagram_box(&d, 810, 110, 110, 54, DIAGRAM_LOSS, "y\n%s", shape(y));
    const struct { int from, to; const char *gradient; } edge[] = {{nx, times, "dx = g W^T"}, {nw, times, "dW = x^T g"}, {times, plus, "g"},
        {nb, plus, "db = g summed over the rows"}, {plus, ny, "g = dL/dy"}};
    for (int i = 0; i < 5; i++) {
        diagram_edge(&d, edge[i].from, edge[i].to, DIAGRAM_FORWARD, -7, NULL);
        diagram_edge(&d, edge[i].to, edge[i].from, DIAGRAM_BACKWARD, -7, edge[i].gradient);
    }
    diagram_note(&d, 640, 300, 0, "dx %s, like x", shape(g[0]));
    diagram_note(&d, 640, 322, 0, "dW %s, like W", shape(g[1]));
    diagram_note(&d, 640, 344, 0, "db %s, like b", shape(g[2]));
    return figure_end(t, rg_error_code(t) ? -1 : diagram_save(&d, path));
}
