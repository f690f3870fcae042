/* test_attention.c - scaled dot-product attention, which works in tiles of 64 queries and 64 keys, against its formula and against
   rg_attention_weights, which is composed. */
#include "tests/support/numbers.h"

static void attention_is_its_formula(void **state) {
    rg_tape *t = *state;
    enum { B = 2, N = 4, M = 6, D = 3, E = 5 };
    rg_tensor *q = numbers(t, RG_F64, RG_DIMS(B, N, D)), *k = numbers(t, RG_F64, RG_DIMS(B, M, D)),
        *v = numbers(t, RG_F64, RG_DIMS(B, M, E)), *mask = numbers(t, RG_F64, RG_DIMS(N, M));
    ((double *)mask->data)[1] = -INFINITY;
    for (int kind = 0; kind < 4; kind++) {
        rg_tensor *y = rg_scaled_dot_product_attention(q, k, v, .mask = kind & 1 ? mask : NULL, .causal = kind & 2);
        assert_shape(y, 3, (const int64_t[]){B, N, E});
        for (int64_t at = 0; at < y->numel; at++) {
            const int64_t b = at / (N * E), i = at / E % N, e = at % E;
            double sum = 0, total = 0;
            for (int64_t j = 0; j < M; j++) {
                double s = 0;
                for (int64_t d = 0; d < D; d++) s += element(q, (b * N + i) * D + d) * element(k, (b * M + j) * D + d);
                const double p = kind & 2 && j > i ? 0 : exp(s / sqrt(D) + (kind & 1 ? element(mask, i * M + j) : 0));
                sum += p * element(v, (b * M + j) * E + e), total += p;
            }
            if (!(fabs(element(y, at) - sum / total) < 1e-13))
                fail_msg("kind %d: element %lld is %g, should be %g", kind, (long long)at, element(y, at), sum / total);
        }
    }
}

/* -------- tiles: below, at and above their edges, by the kernel and composed */

typedef struct operands { rg_tensor *q, *k, *v, *mask; bool causal; } operands;

static rg_tensor *tiles(const operands *o) {
    return rg_scaled_dot_product_attention(o->q, o->k, o->v, .mask = o->mask, .causal = o->causal);
}
static rg_tensor *composed(const operands *o) {
    return rg_matmul(rg_attention_weights(o->q, o->k, .mask = o->mask, .causal = o->causal), o->v);
}

static rg_tensor *some(rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape) {
    return rg_requires_grad(numbers(t, dtype, ndim, shape), true);
}

/* Both give the same result and gradients, with a graph and without, but for rounding. */
static void agree(const operands *o) {
    rg_tensor *x[] = {o->q, o->k, o->v, o->mask}, *y = tiles(o), *twin = composed(o), *dy = numbers(y->tape, y->dtype, y->ndim, y->shape);
    const int n = o->mask && o->mask->dtype != RG_U8 ? 4 : 3;
    const double bar = y->dtype == RG_F64 ? 1e-10 : 1e-2;
    rg_tensor *dx[3][4];
    assert_close("result", y, twin, bar);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rg_grad(i ? y : twin, rg_list_of_n(n, x), dx[i], .dy = dy, .create_graph = i == 2), 0);
    for (int i = 0; i < n; i++) {
        static const char *const names[] = {"q", "k", "v", "mask"};
        assert_shape(dx[1][i], x[i]->ndim, x[i]->shape);
        assert_close(names[i], dx[1][i], dx[0][i], bar);
        assert_close(names[i], dx[2][i], dx[0][i], bar);
    }
}

static void at_the_edges_of_tiles(void **state) {
    rg_tape *t = *state;
    static const int64_t sizes[][2] = {{1, 1}, {1, 65}, {63, 64}, {64, 63}, {64, 64}, {65, 129}, {130, 66}, {129, 1}, {17, 200}};
    for (size_t k = 0; k < 8 * sizeof sizes / sizeof *sizes; k++) {
        const int64_t n = sizes[k / 8][0], m = sizes[k / 8][1];
        const rg_dtype dtype = dtypes[k / 4 % 2];
        operands o = {some(t, dtype, RG_DIMS(2, n, 5)), some(t, dtype, RG_DIMS(2, m, 5)), some(t, dtype, RG_DIMS(2, m, 3)), NULL, k % 2};
        if (k % 4 > 1) o.mask = some(t, dtype, RG_DIMS(n, m));
        agree(&o);
        rg_tape_reset(t);
    }
}

static void masks_and_leading_axes_broadcast(void **state) {
    rg_tape *t = *state;
    enum { N = 66, M = 70 };
    static const struct { int ndim; int64_t shape[4]; } masks[] = {
        {0, {0}}, {1, {1}}, {1, {M}}, {2, {N, 1}}, {2, {1, M}}, {2, {N, M}}, {3, {2, 1, M}}, {4, {3, 1, N, M}}, {4, {3, 2, 1, 1}}};
    for (size_t k = 0; k < 4 * sizeof masks / sizeof *masks; k++) {
        rg_tensor *q = some(t, RG_F64, RG_DIMS(2, N, 4)), *one = some(t, RG_F64, RG_DIMS(M, 4)), *v = some(t, RG_F64, RG_DIMS(3, 1, M, 2));
        rg_tensor *mask = numbers(t, k % 2 ? RG_U8 : RG_F64, masks[k / 4].ndim, masks[k / 4].shape);
        if (mask->dtype == RG_F64) rg_requires_grad(mask, true);
        else for (int64_t i = 0; i < mask->numel; i++) /* every row sees something */
            ((uint8_t *)mask->data)[i] = mask->ndim < 1 || rg_dim(mask, -1) == 1 || i % 7 != 3;
        agree(&(operands){q, one, v, mask, k & 2});
        rg_tape_reset(t);
    }
}

/* Keys hidden at the beginning, a whole tile and more; rows that see nothing are NaN, and no others. */
static void whole_tiles_are_hidden(void **state) {
    rg_tape *t = *state;
    enum { N = 70, M = 200, HIDDEN = 130 };
    operands o = {some(t, RG_F64, RG_DIMS(N, 4)), some(t, RG_F64, RG_DIMS(M, 4)), some(t, RG_F64, RG_DIMS(M, 3)),
        numbers(t, RG_U8, RG_DIMS(M)), false};
    for (int64_t i = 0; i < M; i++) ((uint8_t *)o.mask->data)[i] = i >= HIDDEN;
    agree(&o);
    rg_tensor *added = rg_full(t, 0, N, M);
    for (int64_t i = 0; i < N * M; i++) ((float *)added->data)[i] = i / M == 5 || i % M < HIDDEN ? -INFINITY : 0;
    o.mask = rg_cast(added, RG_F64);
    rg_tensor *y = tiles(&o), *twin = composed(&o), *dq[2];
    for (int i = 0; i < 2; i++) assert_int_equal(rg_grad(i ? twin : y, rg_list_of(o.q), &dq[i], .dy = rg_ones_like(y)), 0);
    for (int64_t i = 0; i < N; i++) {
        assert_true(isnan(element(y, 3 * i)) == (i == 5) && isnan(element(twin, 3 * i)) == (i == 5));
        assert_true(isnan(element(dq[0], 4 * i)) == (i == 5) && isnan(element(dq[1], 4 * i)) == (i == 5));
    }
}

/* The weights of a row with one score far above the others are exact: nothing is lost of a large maximum. */
static void large_scores(void **state) {
    rg_tape *t = *state;
    rg_tensor *q = rg_requires_grad(rg_full(t, 1000, 3, 4), true), *k = rg_full(t, 50, 100, 4), *v = rg_ones(t, 100, 2);
    ((float *)k->data)[4 * 99] = 51; /* a score of 100500 after 100000: the maximum is in the second tile */
    for (int i = 0; i < 200; i++) ((float *)v->data)[i] = (float)(i / 2);
    rg_tensor *y = rg_scaled_dot_product_attention(q, k, v), *dq;
    for (int i = 0; i < 6; i++) assert_element(y, i, 99);
    assert_int_equal(rg_grad(y, rg_list_of(q), &dq, .dy = rg_ones_like(y)), 0);
    for (int i = 0; i < 12; i++) assert_element(dq, i, 0);
}

/* -------- bits and memory */

/* A step of n queries in 3 heads: the result and what the leaves got, as one hash, by 1 to 4 threads, recorded and played. */
static void same_bits_for_threads_and_in_a_replay(void **state) {
    (void)state;
    static const int64_t sizes[] = {5, 64, 200};
    for (size_t k = 0; k < 2 * sizeof sizes / sizeof *sizes; k++) {
        uint64_t first = 0;
        for (int threads = 1; threads <= 4; threads++) {
            rg_tape *t = rg_tape_new(5);
            rg_set_isa(t, isa);
            rg_set_threads(t, threads);
            rg_tensor *x = some(t, dtypes[k % 2], RG_DIMS(3, sizes[k / 2], 24)), *mask = some(t, dtypes[k % 2], RG_DIMS(sizes[k / 2], 1));
            rg_tensor *y = rg_scaled_dot_product_attention(x, rg_mul_scalar(x, .5), rg_square(x), .mask = mask, .causal = true);
            rg_tensor *loss = rg_sum(rg_square(y));
            rg_backward(loss);
            for (int played = 0; played < 2; played++) {
                uint64_t h = RG_HASH;
                const rg_tensor *all[] = {y, rg_grad_of(x), rg_grad_of(mask)};
                for (int i = 0; i < 3; i++)
                    for (int64_t e = 0; e < all[i]->numel; e++) {
                        const double v = element(all[i], e);
                        uint64_t bits;
                        memcpy(&bits, &v, sizeof bits);
                        h = rg_hash(h, bits);
                    }
                if (!first) first = h;
                if (h != first)
                    fail_msg("%lld rows, %d threads, %s: other bits", (long long)sizes[k / 2], threads, played ? "played" : "recorded");
                rg_clear_grad(x), rg_clear_grad(mask);
                if (!played) assert_int_equal(rg_play(t), 0);
            }
            rg_tape_free(t);
        }
    }
}

/* Memory grows with the number of tokens, not with its square: a matrix of scores alone would take 16 MB. */
static void memory_is_linear(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = some(t, RG_F32, RG_DIMS(2048, 16));
    rg_backward(rg_sum(rg_scaled_dot_product_attention(x, x, x)));
    assert_true(rg_memory(t).reserved < 8 << 20);
}

/* -------- messages */

static void messages(void **state) {
    rg_tape *t = *state;
    rg_tensor *q = rg_set_name(rg_full(t, 1, 3, 4), "q"), *k = rg_full(t, 1, 5, 4), *v = rg_full(t, 1, 5, 2), *four = rg_full(t, 1, 4);
    REFUSED(RG_ESHAPE, rg_scaled_dot_product_attention(q, v, v),
        "scaled_dot_product_attention: q[3,4], [5,2], [5,2]: q and k must have last axes of one size");
    REFUSED(RG_ESHAPE, rg_scaled_dot_product_attention(q, k, q),
        "scaled_dot_product_attention: q[3,4], [5,4], q[3,4]: k and v must have as many rows");
    REFUSED(RG_ESHAPE, rg_scaled_dot_product_attention(four, k, v),
        "scaled_dot_product_attention: [4], [5,4], [5,2]: q needs at least 2 dimensions: [.., n, d]");
    REFUSED(RG_ESHAPE, rg_scaled_dot_product_attention(q, four, v),
        "scaled_dot_product_attention: q[3,4], [4], [5,2]: k needs at least 2 dimensions: [.., m, d]");
    REFUSED(RG_ESHAPE, rg_scaled_dot_product_attention(q, k, four),
        "scaled_dot_product_attention: q[3,4], [5,4], [4]: v needs at least 2 dimensions: [.., m, e]");
    REFUSED(RG_ESHAPE, rg_scaled_dot_product_attention(q, k, v, .mask = four),
        "scaled_dot_product_attention: q[3,4], [5,4], [5,2], [4]: the mask does not broadcast to [.., 3, 5]");
    REFUSED(RG_EDTYPE, rg_scaled_dot_product_attention(q, k, v, .mask = rg_cast(rg_ones(t, 5), RG_I32)),
        "scaled_dot_product_attention: q[3,4], [5,4], [5,2], [5] i32: the mask is i32, neither u8 nor f32; rg_cast converts");
    REFUSED(RG_ESHAPE, rg_scaled_dot_product_attention(rg_full(t, 1, 2, 3, 4), rg_full(t, 1, 3, 5, 4), v),
        "scaled_dot_product_attention: [2,3,4], [3,5,4], [5,2]: leading dimensions 2 and 3 do not broadcast");
    REFUSED(RG_ESHAPE, rg_attention_weights(q, v), "attention_weights: q[3,4], [5,2]: q and k must have last axes of one size");
    rg_tensor *none = rg_scaled_dot_product_attention(q, rg_full(t, 1, 0, 4), rg_full(t, 1, 0, 2));
    assert_shape(none, 2, (const int64_t[]){3, 2});
    for (int i = 0; i < 6; i++) assert_element(none, i, 0); /* as matmul over no rows */
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(attention_is_its_formula), CASE(at_the_edges_of_tiles),
        CASE(masks_and_leading_axes_broadcast), CASE(whole_tiles_are_hidden), CASE(large_scores),
        CASE(same_bits_for_threads_and_in_a_replay), CASE(memory_is_linear), CASE(messages)};
    return RUN("attention", cases);
}
