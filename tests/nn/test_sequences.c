/* test_sequences.c - what the registry cannot hold: functions of several results, of lists and of options, made of many ops. Each is
   gradient-checked to order 2, at the registry's bar. (einsum and checkpoint have files of their own.) */
#include "tests/support/cases.h"

#include "engine/op.h"
#include "ops/ops.h"

/* in[0] [4,3,5], in[1] [3,5], in[2] [5], in[3] [4,3]: values from .2 to .8, so that losses of probabilities take them */
typedef struct sequence { const char *name; rg_fn fn; int operands; } sequence; /* of how many operands it is a function */

static rg_tensor *split_by_sizes(void *ctx, rg_tensor *const *in) {
    rg_tensor *out[3];
    (void)ctx;
    rg_split(in[0], out, -1, 2, 0, 3);
    return rg_add(rg_mul_scalar(rg_sum(rg_square(out[0]), 2), 2), rg_add(rg_sum(out[1], 2), rg_sum(rg_exp(out[2]), 2)));
}
static rg_tensor *split_alike(void *ctx, rg_tensor *const *in) {
    rg_tensor *out[2];
    (void)ctx;
    rg_chunk(in[0], out, 0, 2);
    return rg_mul(rg_square(out[0]), out[1]);
}
static rg_tensor *constant_pad(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_square(rg_constant_pad(in[0], 1.5, 1, 2, 0, 1)); }
static rg_tensor *stack_again(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_square(rg_stack(1, in[1], rg_exp(in[1]), in[1])); }
static rg_tensor *sort_with_index(void *ctx, rg_tensor *const *in) {
    rg_tensor *index, *sorted = rg_sort(in[0], -1, .descending = true, .index = &index);
    (void)ctx;
    return rg_mul(rg_square(sorted), rg_gather(rg_exp(in[0]), index, -1));
}
static rg_tensor *topk_with_index(void *ctx, rg_tensor *const *in) {
    rg_tensor *index, *largest = rg_topk(in[1], 1, 2, .index = &index);
    (void)ctx;
    return rg_mul(largest, rg_take_along_axis(rg_exp(in[1]), index, 1));
}
static rg_tensor *batch_norm_running(void *ctx, rg_tensor *const *in) {
    rg_tensor *const *statistics = ctx;
    return rg_batch_norm(
        rg_permute(in[0], 0, 2, 1), statistics[0], statistics[1], in[2], in[2], .training = true, .momentum = .1, .eps = 1e-2);
}
static rg_tensor *batch_norm_plain(void *ctx, rg_tensor *const *in) {
    return (void)ctx, rg_batch_norm(rg_square(in[0]), NULL, NULL, NULL, NULL, .training = true, .momentum = .1, .eps = 1e-2);
}
static rg_tensor *layer_norm_plain(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_layer_norm(in[0], in[1], NULL, 2, .eps = 1e-2); }
static rg_tensor *attention(void *ctx, rg_tensor *const *in) {
    return (void)ctx, rg_scaled_dot_product_attention(in[0], rg_exp(in[0]), in[0], .causal = true);
}
static rg_tensor *conv1d_without_bias(void *ctx, rg_tensor *const *in) {
    return (void)ctx, rg_conv1d(in[0], rg_reshape(in[1], 1, 3, 5), NULL, .padding = {2}, .stride = {2});
}
static rg_tensor *dropouts(void *ctx, rg_tensor *const *in) {
    return (void)ctx, rg_mul(rg_dropout(in[0], .3), rg_square(rg_dropout(in[1], .6)));
}

/* -------- losses with every option beside those that samples of the registry give */

static rg_tensor *bce_weighted(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_bce(in[0], in[1], .weight = in[2]); }
static rg_tensor *bce_with_logits_both(void *ctx, rg_tensor *const *in) {
    return (void)ctx, rg_bce_with_logits(in[0], in[1], .weight = in[2], .pos_weight = rg_exp(in[2]), .reduction = RG_SUM);
}
static rg_tensor *bce_with_logits_plain(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_bce_with_logits(in[0], in[1]); }
static rg_tensor *labels_of(rg_tensor *const *in) {
    return rg_input(rg_tape_of(in[0]), ((int32_t[]){2, 0, -7, 4, 1, 0, 2, 4, -7, 3, 3, 1}), 4, 3);
}
static rg_tensor *counted(rg_tensor *const *in) { return rg_ne(labels_of(in), -7); }
static rg_tensor *cross_entropy_plain(void *ctx, rg_tensor *const *in) {
    return (void)ctx, rg_cross_entropy(in[0], labels_of(in), .mask = counted(in));
}
static rg_tensor *cross_entropy_all(void *ctx, rg_tensor *const *in) {
    return (void)ctx, rg_cross_entropy(in[0], labels_of(in), .mask = counted(in), .label_smoothing = .2, .weight = in[2]);
}
static rg_tensor *cross_entropy_rows(void *ctx, rg_tensor *const *in) {
    return (void)ctx, rg_cross_entropy(in[0], labels_of(in), .mask = counted(in), .reduction = RG_NONE, .weight = in[2]);
}
static rg_tensor *nll_rows(void *ctx, rg_tensor *const *in) {
    return (void)ctx, rg_mul(rg_nll(rg_log_softmax(in[0], -1), labels_of(in), .mask = counted(in), .reduction = RG_NONE), in[3]);
}

#define ALL(S) S(split_by_sizes, 1) S(split_alike, 1) S(constant_pad, 1) S(stack_again, 2) S(sort_with_index, 1) S(topk_with_index, 2) \
    S(batch_norm_running, 3) \
    S(batch_norm_plain, 1) S(layer_norm_plain, 2) S(attention, 1) S(conv1d_without_bias, 2) S(dropouts, 2) S(bce_weighted, 3) \
    S(bce_with_logits_both, 3) \
    S(bce_with_logits_plain, 2) S(cross_entropy_plain, 1) S(cross_entropy_all, 3) S(cross_entropy_rows, 3) S(nll_rows, 4)
#define S(name, n) {#name, name, n},
static const sequence sequences[] = {ALL(S)};

static void both_orders(void **state) {
    const sequence *s = *state;
    const double zeros[5] = {0};
    rg_tape *t = rg_tape_new(3);
    rg_set_default_dtype(t, RG_F64);
    rg_tensor *in[] = {rg_full(t, 0, 4, 3, 5), rg_full(t, 0, 3, 5), rg_full(t, 0, 5), rg_full(t, 0, 4, 3)};
    rg_tensor *statistics[] = {rg_buffer(t, "mean", zeros, 5), rg_buffer(t, "var", zeros, 5)};
    for (int i = 0; i < 4; i++) {
        for (int64_t k = 0; k < in[i]->numel; k++) ((double *)in[i]->data)[k] = rg_rng_uniform(rg_tape_rng(t), .2, .8);
        rg_requires_grad(in[i], true);
    }
    const rg_check c = rg_gradcheck(s->fn, statistics, rg_list_of_n(s->operands, in), .order = 3, .seed = 5);
    if (c.failed) rg_check_print(&c, s->name, stderr);
    assert_int_equal(c.failed, RG_CHECK_PASSED);
    assert_true(c.checked > 0 && c.error < 1e-8);
    rg_tape_free(t);
}

int main(void) {
    cases c = {0};
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++)
        cases_add(&c, both_orders, &sequences[i], "derivatives of %s", sequences[i].name);
    return cases_run(&c, "sequences");
}
