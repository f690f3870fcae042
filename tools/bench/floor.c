/* floor.c - the workloads in plain C: bare GEMM calls, fused loops, no tape. An engine on the same GEMM library can at best be as fast. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef BENCH_OPENBLAS
#include <cblas.h>
#endif

#include "bench.h"

/* c[n, m] = op(a) op(b), row-major. */
static void gemm(bool ta, bool tb, int n, int m, int k, const float *a, const float *b, float *c) {
#ifdef BENCH_OPENBLAS
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, n, m, k, 1, a, ta ? n : k, b, tb ? k : m, 0,
        c, m);
#else
    for (int i = 0; i < n; i++) {
        memset(c + (long)i * m, 0, (size_t)m * sizeof *c);
        for (int l = 0; l < k; l++)
            for (int j = 0; j < m; j++)
                c[(long)i * m + j] += a[ta ? (long)l * n + i : (long)i * k + l] * b[tb ? (long)j * k + l : (long)l * m + j];
    }
#endif
}

typedef struct mlp {
    net_shape s;
    float *w[NET_LAYERS_MAX], *b[NET_LAYERS_MAX], *dw[NET_LAYERS_MAX], *db[NET_LAYERS_MAX]; /* [in, out], [out] */
    float *h[NET_LAYERS_MAX + 1], *dh[NET_LAYERS_MAX + 1];                                  /* [batch, size]; h[0] is the batch */
    uint8_t *images, *labels, *batch_labels;
    float *as_floats; /* [rows, in], or NULL: each batch is converted while it is gathered */
    int *order, at;
} mlp;

static float *floats(int64_t n) {
    const size_t bytes = ((size_t)n * sizeof(float) + 127) / 64 * 64;
    float *p = aligned_alloc(64, bytes);
    if (!p) abort();
    return memset(p, 0, bytes);
}

static uint32_t random_below(uint32_t n) {
    static uint64_t state = 7;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 32) * n >> 32);
}

static void shuffle(mlp *m) {
    for (int i = m->s.rows - 1; i > 0; i--) {
        const int j = (int)random_below((uint32_t)i + 1), was = m->order[i];
        m->order[i] = m->order[j];
        m->order[j] = was;
    }
    m->at = 0;
}

/* The next rows, bytes to floats, and the rows after them on their way into the cache. */
static void gather(mlp *m) {
    const int n = m->s.batch, d = m->s.sizes[0];
    if (m->at + n > m->s.rows) shuffle(m);
    for (int i = 0; i < n; i++) {
        const int row = m->order[m->at + i];
        const uint8_t *restrict from = m->images + (long)row * d;
        float *restrict to = m->h[0] + (long)i * d;
        if (m->as_floats) memcpy(to, m->as_floats + (long)row * d, (size_t)d * sizeof *to);
        else
            for (int j = 0; j < d; j++) to[j] = (float)from[j] * (1.f / 255);
        m->batch_labels[i] = m->labels[row];
    }
    m->at += n;
    const long size = (long)d * (m->as_floats ? (long)sizeof(float) : 1);
    const char *data = m->as_floats ? (const char *)m->as_floats : (const char *)m->images;
    for (int i = 0; m->at + n <= m->s.rows && i < n; i++)
        for (long j = 0; j < size; j += 64) __builtin_prefetch(data + m->order[m->at + i] * size + j, 0, 2);
}

/* h[l + 1] = relu(h[l] w + b), the last without relu; then dh[last] = (softmax - one_hot) / n. Returns the mean loss. */
static float forward(mlp *m) {
    const int n = m->s.batch, last = m->s.layers, classes = m->s.sizes[last];
    for (int l = 0; l < last; l++) {
        const int k = m->s.sizes[l], out = m->s.sizes[l + 1];
        float *restrict z = m->h[l + 1];
        const float *restrict b = m->b[l];
        gemm(false, false, n, out, k, m->h[l], m->w[l], z);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < out; j++) {
                const float v = z[i * out + j] + b[j];
                z[i * out + j] = l == last - 1 || v > 0 ? v : 0;
            }
    }
    const float *restrict z = m->h[last];
    float *restrict d = m->dh[last], loss = 0;
    for (int i = 0; i < n; i++) {
        float max = -INFINITY;
        for (int j = 0; j < classes; j++) max = z[i * classes + j] > max ? z[i * classes + j] : max;
        for (int j = 0; j < classes; j++) d[i * classes + j] = z[i * classes + j] - max;
        loss -= d[i * classes + m->batch_labels[i]];
    }
    for (int i = 0; i < n * classes; i++) d[i] = expf(d[i]);
    for (int i = 0; i < n; i++) {
        float sum = 0;
        for (int j = 0; j < classes; j++) sum += d[i * classes + j];
        loss += logf(sum);
        for (int j = 0; j < classes; j++) d[i * classes + j] /= sum * (float)n;
        d[i * classes + m->batch_labels[i]] -= 1 / (float)n;
    }
    return loss / (float)n;
}

/* Gradients written out, as any tape must; the input's is not computed. */
static void backward(mlp *m) {
    const int n = m->s.batch;
    for (int l = m->s.layers - 1; l >= 0; l--) {
        const int k = m->s.sizes[l], out = m->s.sizes[l + 1];
        float *restrict d = m->dh[l + 1], *restrict db = m->db[l];
        const float *restrict h = m->h[l + 1];
        memset(db, 0, (size_t)out * sizeof *db);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < out; j++) {
                const float v = l == m->s.layers - 1 || h[i * out + j] > 0 ? d[i * out + j] : 0;
                d[i * out + j] = v;
                db[j] += v;
            }
        if (l) gemm(false, true, n, k, out, d, m->w[l], m->dh[l]);
        gemm(true, false, k, out, n, m->h[l], d, m->dw[l]);
    }
}

static void sgd(mlp *m) {
    for (int l = 0; l < m->s.layers; l++) {
        const long n = (long)m->s.sizes[l] * m->s.sizes[l + 1];
        float *restrict w = m->w[l], *restrict b = m->b[l];
        for (long i = 0; i < n; i++) w[i] -= m->s.lr * m->dw[l][i];
        for (int i = 0; i < m->s.sizes[l + 1]; i++) b[i] -= m->s.lr * m->db[l][i];
    }
}

static void mlp_step(void *ctx) {
    mlp *m = ctx;
    static volatile float loss;
    gather(m);
    loss = forward(m);
    backward(m);
    sgd(m);
    (void)loss;
}

static int mlp_run(const job *j, net_shape s) {
    static mlp m; /* what it holds is never given back */
    m = (mlp){.s = s, .images = malloc((size_t)s.rows * (size_t)s.sizes[0]), .labels = malloc((size_t)s.rows),
        .order = malloc((size_t)s.rows * sizeof *m.order),
        .batch_labels = malloc((size_t)s.batch)};
    if (!m.images || !m.labels || !m.order || !m.batch_labels) return 1;
    fill_random(1, m.images, (int64_t)s.rows * s.sizes[0]);
    fill_random(2, m.labels, s.rows);
    for (int i = 0; i < s.rows; i++) m.labels[i] %= (uint8_t)s.sizes[s.layers], m.order[i] = i;
    shuffle(&m);
    if (!strcmp(j->by, "floor-f32")) {
        m.as_floats = floats((int64_t)s.rows * s.sizes[0]);
        for (int64_t i = 0; i < (int64_t)s.rows * s.sizes[0]; i++) m.as_floats[i] = (float)m.images[i] * (1.f / 255);
        free(m.images);
    }
    for (int l = 0; l <= s.layers; l++) {
        m.h[l] = floats((int64_t)s.batch * s.sizes[l]);
        m.dh[l] = floats((int64_t)s.batch * s.sizes[l]);
        if (l == s.layers) break;
        const int64_t n = (int64_t)s.sizes[l] * s.sizes[l + 1];
        m.w[l] = floats(n), m.dw[l] = floats(n), m.b[l] = floats(s.sizes[l + 1]), m.db[l] = floats(s.sizes[l + 1]);
        const float scale = sqrtf(6.f / (float)s.sizes[l]);
        for (int64_t i = 0; i < n; i++) m.w[l][i] = scale * ((float)random_below(1 << 24) / (1 << 23) - 1);
    }
#ifdef BENCH_OPENBLAS
    openblas_set_num_threads(1);
#endif
    measure(j, "step", 1, mlp_step, &m);
    return 0;
}

/* -------- W3: 2-2-1, sigmoid, mean squared error, the four points of xor */

typedef struct xor_net { float w[2][2], b[2], v[2], c; } xor_net;

static float sigmoid(float x) { return 1 / (1 + expf(-x)); }

static void xor_step(void *ctx) {
    static const float x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, target[4] = {0, 1, 1, 0};
    xor_net *m = ctx, g = {.c = 0};
    for (int i = 0; i < 4; i++) {
        float h[2];
        for (int j = 0; j < 2; j++) h[j] = sigmoid(x[i][0] * m->w[0][j] + x[i][1] * m->w[1][j] + m->b[j]);
        const float p = sigmoid(h[0] * m->v[0] + h[1] * m->v[1] + m->c), d = .5f * (p - target[i]) * p * (1 - p);
        g.c += d;
        for (int j = 0; j < 2; j++) {
            const float u = d * m->v[j] * h[j] * (1 - h[j]);
            g.v[j] += d * h[j];
            g.b[j] += u;
            g.w[0][j] += u * x[i][0];
            g.w[1][j] += u * x[i][1];
        }
    }
    m->c -= .1f * g.c;
    for (int j = 0; j < 2; j++) {
        m->v[j] -= .1f * g.v[j];
        m->b[j] -= .1f * g.b[j];
        for (int i = 0; i < 2; i++) m->w[i][j] -= .1f * g.w[i][j];
    }
}

/* -------- W4: the least a tape of tensors has to do: nodes with shapes from a bump arena, kernels through pointers */

typedef struct node {
    int64_t shape[4], n;
    float *value, *grad;
    struct node *a, *b;
    void (*backward)(struct node *);
} node;
typedef struct arena { char bytes[CHAIN * 512]; size_t used; node *record[CHAIN]; } arena;

static void *bump(arena *t, size_t size) { return t->bytes + ((t->used += (size + 63) & ~(size_t)63) - ((size + 63) & ~(size_t)63)); }
static node *node_new(arena *t, const node *like) {
    node *x = bump(t, sizeof *x);
    memset(x, 0, sizeof *x);
    x->n = like ? like->n : 1;
    for (int d = 0; d < 4; d++) x->shape[d] = like ? like->shape[d] : 1;
    x->value = bump(t, (size_t)x->n * sizeof(float));
    x->grad = bump(t, (size_t)x->n * sizeof(float));
    memset(x->grad, 0, (size_t)x->n * sizeof(float));
    return x;
}
static void add_back(node *y) {
    for (int64_t i = 0; i < y->n; i++) y->a->grad[i] += y->grad[i], y->b->grad[i] += y->grad[i];
}
static void mul_back(node *y) {
    for (int64_t i = 0; i < y->n; i++) y->a->grad[i] += y->grad[i] * y->b->value[i], y->b->grad[i] += y->grad[i] * y->a->value[i];
}
static void add_loop(int64_t n, const float *a, const float *b, float *to) {
    for (int64_t i = 0; i < n; i++) to[i] = a[i] + b[i];
}
static void mul_loop(int64_t n, const float *a, const float *b, float *to) {
    for (int64_t i = 0; i < n; i++) to[i] = a[i] * b[i];
}
static void (*const volatile loops[2])(int64_t, const float *, const float *, float *) = {mul_loop, add_loop};
static void (*const backs[2])(node *) = {mul_back, add_back};

static void chain_step(void *ctx) {
    arena *t = ctx;
    t->used = 0;
    node *x = node_new(t, NULL), *a = node_new(t, NULL), *b = node_new(t, NULL);
    *x->value = 1, *a->value = .999f, *b->value = .001f;
    for (int i = 0; i < CHAIN; i++) {
        node *y = node_new(t, x);
        y->a = x, y->b = i % 2 ? b : a, y->backward = backs[i % 2];
        loops[i % 2](y->n, y->a->value, y->b->value, y->value);
        t->record[i] = x = y;
    }
    *x->grad = 1;
    for (int i = CHAIN - 1; i >= 0; i--) t->record[i]->backward(t->record[i]);
}

int floor_run(const job *j) {
    if (strcmp(j->by, "floor") && strcmp(j->workload, "W1") && strcmp(j->workload, "W2")) return NOT_RUN;
    if (!strcmp(j->workload, "W1")) return mlp_run(j, shape_w1);
    if (!strcmp(j->workload, "W2")) return mlp_run(j, shape_w2);
    if (!strcmp(j->workload, "W3")) {
        xor_net m = {.w = {{.5f, -.4f}, {.3f, .8f}}, .v = {.6f, -.7f}};
        measure(j, "step", 1, xor_step, &m);
    } else if (!strcmp(j->workload, "W4")) {
        static arena t;
        measure(j, "op", CHAIN, chain_step, &t);
    } else {
        elementwise_loops(j);
    }
    return 0;
}
