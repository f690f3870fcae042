/* api.c - calls of nearly every operator, of passes, steps, replays and derivatives of functions with any operands and numbers. A call that
   fails leaves an error and changes neither parameters nor gradients; nothing hangs, nothing is left at the end. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "nn/nn.h"
#include "nn/optim.h"

enum { SLOTS = 16, PARAMS = 4, LARGE = 1 << 22 };

static rg_tape *t;
static rg_tensor *slot[SLOTS], *params[PARAMS];
static rg_optim *optims[3];
static int used;
static const uint8_t *in, *in_end;
static fuzz_memory memory;
static FILE *nowhere;

static void *limited_alloc(void *ctx, size_t size) { return size > LARGE || memory.out > 16 * LARGE ? NULL : fuzz_alloc(ctx, size); }

static int byte(void) { return in < in_end ? *in++ : 0; }
static bool flag(void) { return byte() & 1; }
static rg_tensor *x(void) { /* mostly one of the latest; now and then none */
    const int b = byte();
    if (b >= 252) return NULL;
    return b < 32 ? params[b % PARAMS] : used ? slot[(used - 1 - b % (used < SLOTS ? used : SLOTS)) % SLOTS] : params[b % PARAMS];
}
static int64_t number(void) {
    static const int64_t all[] = {0, 1, 2, 3, 4, 5, 7, 8, -1, -2, 16, 17, 100, -3, 255, 1000, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN,
        (int64_t)1 << 40, 65536};
    const int b = byte();
    return b < 192 ? b % 6 - (b % 31 == 30) : all[b % (int)(sizeof all / sizeof *all)];
}
static int small(void) { return (int)(number() & 0x7fff) * (flag() && flag() ? -1 : 1); }
static int axis(void) { return byte() % 9 - 4; }
static double real(void) {
    static const double all[] = {0, 1, -1, .5, 2, -3, 1e-8, 1e30, -1e300, 1e-320, .1, 3.5};
    const int b = byte();
    return b == 255 ? NAN : b == 254 ? INFINITY : b == 253 ? -INFINITY : all[b % 12];
}
static int shape(int64_t to[RG_MAX_DIMS + 2]) {
    const int n = byte() % (RG_MAX_DIMS + 2);
    for (int d = 0; d < n; d++) to[d] = number();
    return n > 3 && !flag() ? n - 3 : n;
}
static int axes(int to[8]) {
    const int n = byte() % 8 - 1;
    for (int d = 0; d < n; d++) to[d] = axis();
    return n;
}
static int some(rg_tensor *to[8]) {
    const int n = byte() % 8;
    for (int i = 0; i < n; i++) to[i] = x();
    return n;
}
static rg_window_options window(void) {
    rg_window_options w = {.groups = byte() % 4};
    for (int k = 0; k < 2; k++)
        w.kernel[k] = small() % 9, w.stride[k] = small() % 5, w.padding[k] = small() % 7, w.dilation[k] = small() % 4;
    if (flag() && flag()) w.padding[1] = RG_NO_PADDING;
    return w;
}

typedef rg_tensor *unary(const char *at, rg_tensor *x);
typedef rg_tensor *binary(const char *at, rg_tensor *a, rg_tensor *b);
typedef rg_tensor *with_axis(const char *at, rg_tensor *x, int axis);
typedef rg_tensor *over(const char *at, rg_tensor *x, int naxes, const int *axes);
typedef rg_tensor *loss(const char *at, rg_tensor *p, rg_tensor *y, rg_loss_options with);
static unary *const unaries[] = {rg_neg_at, rg_exp_at, rg_log_at, rg_sqrt_at, rg_square_at, rg_abs_at, rg_relu_at, rg_sigmoid_at,
    rg_tanh_at, rg_softplus_at, rg_erf_at, rg_rsqrt_at,
    rg_reciprocal_at, rg_sin_at, rg_tan_at, rg_acos_at, rg_sinh_at, rg_silu_at, rg_mish_at, rg_gelu_at, rg_log_sigmoid_at, rg_hardtanh_at,
    rg_selu_at, rg_detach_at};
static binary *const binaries[] = {
    rg_add_at, rg_sub_at, rg_mul_at, rg_div_at, rg_pow_at, rg_maximum_at, rg_gt_at, rg_dot_at, rg_outer_at, rg_pick_at, rg_embedding_at};
static with_axis *const axial[] = {
    rg_cumsum_at, rg_softmax_at, rg_log_softmax_at, rg_unsqueeze_at, rg_squeeze_at, rg_flatten_at, rg_tril_at, rg_triu_at};
static over *const overs[] = {rg_sum_at, rg_sum_keep_at, rg_mean_at, rg_mean_keep_at, rg_max_at, rg_max_keep_at, rg_min_at, rg_min_keep_at,
    rg_prod_at, rg_prod_keep_at, rg_argmax_at, rg_argmin_at, rg_logsumexp_at, rg_logsumexp_keep_at, rg_var_at, rg_std_keep_at, rg_norm_at};
static loss *const losses[] = {rg_mse_at, rg_l1_at, rg_huber_at, rg_smooth_l1_at, rg_bce_at, rg_bce_with_logits_at, rg_focal_at,
    rg_hinge_at, rg_squared_hinge_at, rg_cross_entropy_at, rg_nll_at, rg_multi_margin_at, rg_kl_div_at};
#define PICK(list) list[byte() % (int)(sizeof(list) / sizeof *(list))]

static rg_tensor *made(void) {
    int64_t s[RG_MAX_DIMS + 2];
    const int n = shape(s);
    static const int32_t ids[64] = {0, 1, 2, 1, 0, 3, 2, 5, -1, 1, 0, 1};
    int64_t all = 1;
    for (int d = 0; d < n; d++) all *= s[d] < 0 || s[d] > 64 ? 65 : s[d];
    switch (byte() % 6) {
    case 0: case 1: return rg_full_n(t, real(), n, s);
    case 2: return all <= 64 ? rg_input_n(t, ids, n, s) : rg_full_n(t, 0, n, s);
    case 3: return rg_normal_n(t, real(), real(), n, s);
    case 4: return rg_arange(t, real(), real(), real());
    default: return rg_requires_grad(rg_uniform_n(t, real(), real(), n, s), true);
    }
}

static const char *const equations[] = {"ij,jk->ik", "ii->i", "i,i", "...i,...i->...", "ij->ji", "bij,bjk", "a,b,c->abc", "->", "i->ii",
    "ij,jk->", "...", ",", "i.j", ""};

static rg_tensor *result(void) {
    int64_t s[RG_MAX_DIMS + 2];
    int a[8];
    rg_tensor *list[8], *one = x(), *index = NULL;
    switch (byte() % 40) {
    case 0: case 1: case 2: case 3: return made();
    case 4: case 5: case 6: return PICK(unaries)(RG_HERE, one);
    case 7: case 8: case 9: return PICK(binaries)(RG_HERE, one, x());
    case 10: case 11: return PICK(axial)(RG_HERE, one, axis());
    case 12: case 13: return PICK(overs)(RG_HERE, one, axes(a), a);
    case 14: return (flag() ? rg_var_corrected_keep_at : rg_var_corrected_at)(RG_HERE, one, real(), axes(a), a);
    case 15: return (flag() ? rg_norm_p_keep_at : rg_norm_p_at)(RG_HERE, one, real(), axes(a), a);
    case 16: return rg_matmul(one, x(), .transpose_a = flag(), .transpose_b = flag());
    case 17: return rg_einsum_n(PICK(equations), some(list), list);
    case 18: return rg_linear(one, x(), x());
    case 19: return (rg_conv2d)(one, x(), x(), window());
    case 20: return (rg_conv1d)(one, x(), flag() ? x() : NULL, window());
    case 21: return flag() ? (rg_unfold)(one, window()) : (rg_fold)(one, number(), number(), window());
    case 22: return flag() ? (rg_max_pool2d)(one, window()) : (rg_avg_pool2d)(one, window());
    case 23: return rg_layer_norm(one, x(), x(), small(), .eps = real());
    case 24: return rg_batch_norm(one, NULL, NULL, flag() ? x() : NULL, NULL, .training = true, .momentum = real(), .eps = real());
    case 25: return rg_dropout(one, real());
    case 26: return rg_scaled_dot_product_attention(one, x(), x(), .mask = flag() ? x() : NULL, .causal = flag());
    case 27: return rg_reshape_n(one, shape(s), s);
    case 28: return rg_permute_n(one, axes(a), a);
    case 29: return rg_slice(one, axis(), number(), number());
    case 30: return rg_pad(one, axis(), number(), number(), .value = real());
    case 31: return flag() ? rg_concat_n(axis(), some(list), list) : rg_stack_n(axis(), some(list), list);
    case 32: return rg_repeat_n(one, shape(s), s);
    case 33: return rg_repeat_interleave(one, axis(), number());
    case 34: return rg_topk(one, axis(), small(), .smallest = !(flag()), .index = flag() ? &index : NULL);
    case 35: return rg_where(one, x(), x());
    case 36: return flag() ? rg_index_select(one, x(), axis()) : rg_gather(one, x(), axis());
    case 37: return flag() ? rg_index_add(one, x(), x(), axis()) : rg_scatter_add(one, x(), x(), axis());
    case 38: return flag() ? rg_cast(one, (rg_dtype)(byte() % 5)) : flag() ? rg_one_hot(one, small()) : rg_scatter(one, x(), small());
    default: return PICK(losses)(RG_HERE, one, x(), (rg_loss_options){.reduction = (rg_reduction)(byte() % 4)});
    }
}

static uint64_t hash_of_params(void) {
    uint64_t h = 14695981039346656037u;
    for (int k = 0; k < PARAMS * 2; k++) {
        rg_tensor *p = k < PARAMS ? params[k] : rg_grad_of(params[k - PARAMS]);
        h = (h ^ (uint64_t)k) * 1099511628211u;
        for (int64_t i = 0; p && i < rg_numel(p); i++) {
            uint32_t bits;
            memcpy(&bits, rg_f32(p) + i, sizeof bits);
            h = (h ^ bits) * 1099511628211u;
        }
    }
    return h;
}

static rg_tensor *doubled(void *ctx, rg_tensor *y, rg_tensor *g) { return (void)y, ctx ? rg_mul_scalar(g, 2) : NULL; }
static rg_tensor *function(void *ctx, rg_tensor *const *of) { return rg_mul(rg_tanh(of[0]), ctx); }
static double closure(void *ctx) {
    (void)ctx;
    rg_tensor *l = rg_sum(rg_square(params[0]));
    rg_backward(l);
    return rg_item(l);
}

static void keep(rg_tensor *y) {
    if (rg_tape_of(y) != t && rg_failed(y)) return; /* all operands were NULL: no tape can hold the error */
    if (rg_failed(y) != (rg_error(t) != NULL))
        fuzz_fail("%s: %s", rg_failed(y) ? "poison without an error" : "a result, and an error", rg_error(t) ? rg_error(t) : "");
    if (!rg_failed(y) && rg_numel(y) < 1 << 16) slot[used++ % SLOTS] = y;
}

/* Calls that return a status, or nothing. Returns true if a failure of the call must leave everything unchanged. */
static bool act(void) {
    rg_tensor *y = x(), *list[8], *out[8];
    switch (byte() % 16) {
    case 0: case 1: case 2: rg_backward(rg_numel(y) == 1 ? y : rg_sum(y)); return true;
    case 3: case 4: rg_optim_step(optims[byte() % 3]); return true;
    case 5: rg_play(t); return true;
    case 6: rg_grad(y, rg_list_of_n(some(list), list), out, .dy = flag() ? x() : NULL, .create_graph = flag()); return true;
    case 7: keep(rg_numel(y) < 50 ? flag() ? rg_jacobian(y, x(), .create_graph = flag()) : rg_hessian(y, x(), .create_graph = flag())
        : rg_neg(y)); return true;
    case 8: rg_on_grad(y, flag() ? doubled : NULL, flag() ? t : NULL); return true;
    case 9: keep(rg_checkpoint(function, params[byte() % PARAMS], rg_list_of(y))); return true;
    case 10: rg_check_finite(t); return true;
    case 11: rg_clip_grad_norm(t, rg_params(t), real()); break;
    case 12: rg_zero_grad(t); break;
    case 13: rg_optim_step_closure(optims[byte() % 3], closure, NULL); break;
    case 14: rg_print(y, nowhere), rg_tape_print(t, nowhere), rg_tape_dot(t, nowhere); return true;
    case 15: rg_record(t, flag()), rg_keep_grads(t, flag()); break;
    }
    return false;
}

static void reset(void) {
    rg_tape_reset(t);
    used = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int64_t shapes[PARAMS][4] = {{3, 4}, {4}, {2, 3, 5, 5}, {4, 3, 3, 3}};
    static const int ndims[PARAMS] = {2, 1, 4, 4};
    if (size < 2) return 0;
    if (!nowhere) nowhere = fopen("/dev/null", "w");
    in = data + 1, in_end = data + size;
    memory = (fuzz_memory){0};
    t = rg_tape_new(1, .allocator = (rg_allocator){.alloc = limited_alloc, .free = fuzz_free, .ctx = &memory, .no_pool = data[0] & 1});
    rg_on_error(t, NULL, NULL);
    for (int k = 0; k < PARAMS; k++)
        params[k] = rg_param_n(t, (const char *[]){"a", "b", "c", "d"}[k], RG_NORMAL(0, 1), ndims[k], shapes[k]);
    optims[0] = rg_optim_sgd(t, rg_params(t), .lr = .1, .momentum = .9);
    optims[1] = rg_optim_adam(t, rg_params(t), .lr = .1);
    optims[2] = rg_optim_lbfgs(t, rg_params(t), .history = 2, .max_iter = 2);
    if (rg_error(t)) fuzz_fail("nothing can be made: %s", rg_error(t));
    const int64_t tensors = rg_memory(t).tensors;
    for (used = 0; in < in_end;) {
        const int what = byte();
        const uint64_t before = hash_of_params();
        if (data[0] & 2 && what % 16 == 7) memory.fail_in = 1 + byte() % 64;
        if (what < 170) keep(result());
        else if (what < 240) {
            if (act() && rg_error(t) && hash_of_params() != before)
                fuzz_fail("a call failed and changed parameters or gradients: %s", rg_error(t));
        } else reset();
        memory.fail_in = 0;
        rg_error_clear(t);
        if (memory.out > 8 * LARGE || rg_memory(t).tensors > 3000) reset();
    }
    reset();
    rg_zero_grad(t);
    if (rg_memory(t).tensors > tensors) fuzz_fail("%lld tensors are left", (long long)(rg_memory(t).tensors - tensors));
    rg_tape_free(t);
    if (memory.out) fuzz_fail("%lld bytes are left", (long long)memory.out);
    return 0;
}
