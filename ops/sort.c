/* sort.c - argsort along an axis; sort and topk, which gather by it: gradients go back through the permutation. Equal elements keep their
   order. NaN counts as the largest number, as in PyTorch: it is last in ascending, first in descending order. */
#include "ops/index.h"
#include "ops/integers.h"
#include "ops/rule.h"

#undef RG_AT
#define RG_AT at

static int like_x(rg_tensor *y) {
    const rg_tensor *x = y->in[0];
    y->dtype = RG_I32;
    if (rg_axis(y, x, &y->attr.axis)) return -1;
    const int64_t n = rg_axis_size(x, y->attr.axis);
    if (n > INT32_MAX) return rg_reject(y, RG_EVALUE, "an i32 cannot index axis %d of size %lld", y->attr.axis, (long long)n);
    return rg_shape_set(y, x->ndim, x->shape);
}

RG_INTEGERS(argsort, "indices that sort x along an axis", 1, like_x);
RG_KERNELS(argsort);
RG_OP(argsort) = {.name = "argsort", .formula = "indices that sort x along an axis", .arity = 1, .others = &rg_op_argsort_integers,
    .shape = like_x,
    .forward = RG_KERNEL(argsort), .branch = {rg_index_branch, rg_index_branch},
    .samples = "4,17 axis=1; 17,4 axis=0 reverse=1; 2,3,4 axis=1; 300 axis=0; - axis=0; - axis=-1 reverse=1; 3,1 axis=1; 1,1 axis=-1; "
               "0,3 axis=0; 3,0 axis=0; 2,0 axis=1;"
               "4,5:i32<5 axis=1; 5,4:u8 axis=0 reverse=1; -:i32 axis=0; 0,3:u8 axis=0",
    .refuses = "2,3 axis=2; 2,3 axis=-3; - axis=1; 2,3:i32 axis=2"};

rg_tensor *rg_argsort_at(const char *at, rg_tensor *x, int axis, rg_sort_options options) {
    if (options.index)
        return *options.index = rg_refuse(rg_tape_of(x), RG_EVALUE, at, "argsort: .index is for rg_sort; the result is the indices");
    return rg_apply(&rg_op_argsort, at, (rg_attr){.axis = axis, .reverse = options.descending}, 1, &x);
}

/* -------- sort, topk    dx = dy at the places that the elements came from */

rg_tensor *rg_sort_at(const char *at, rg_tensor *x, int axis, rg_sort_options options) {
    RG_SPEAK_AS("sort", x);
    rg_tensor *order = rg_argsort(x, axis, .descending = options.descending);
    if (options.index) *options.index = order;
    return rg_gather(x, order, axis);
}

rg_tensor *rg_topk_at(const char *at, rg_tensor *x, int axis, int64_t k, rg_topk_options options) {
    RG_SPEAK_AS("topk", x);
    rg_tensor *order = rg_argsort(x, axis, .descending = !options.smallest);
    const bool rank_0 = !rg_failed(order) && order->ndim == 0; /* has one element, so k must be 1 */
    const int64_t n = rank_0 ? 1 : rg_dim(order, axis);
    if (!rg_failed(order) && (k < rank_0 || k > n)) {
        rg_fail(rg_tape_of(x), RG_EVALUE, at, "topk: k = %lld is outside %d..%lld, the size of axis %d", (long long)k, (int)rank_0,
            (long long)n, axis);
        order = rg_poison(rg_tape_of(x));
    }
    if (!rank_0) order = rg_slice(order, axis, 0, k);
    if (options.index) *options.index = order;
    return rg_gather(x, order, axis);
}

static rg_tensor *sort(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_sort_at(at, in[0], attr.axis, (rg_sort_options){.descending = attr.reverse});
}
static rg_tensor *topk(const char *at, rg_attr attr, rg_tensor *const *in) {
    return rg_topk_at(at, in[0], attr.axis, (int64_t)attr.p, (rg_topk_options){.smallest = attr.reverse});
}

RG_OP(sort) = {.name = "sort", .formula = "x in ascending (descending) order along an axis, stable, NaN the largest", .arity = 1,
    .types = "a", .compose = sort,
    .samples = "6,7 axis=1; 7,6 axis=0 reverse=1; 2,5,3 axis=1; 2,3,4 axis=-1 reverse=1; 17 axis=0; - axis=0; 3,1 axis=1; 1,1 axis=0; "
               "0,3 axis=0; 3,0 axis=0; 2,0 axis=1;"
               "4,5:i32<5 axis=1; 5,4:u8 axis=0 reverse=1",
    .refuses = "2,3 axis=2; 2,3 axis=-3; - axis=1; 2,3:i32 axis=2"};
RG_OP(topk) = {.name = "topk", .formula = "the p largest (smallest) of x along an axis, in order, NaN the largest", .arity = 1,
    .types = "a", .compose = topk,
    .samples = "6,7 axis=1 p=3; 7,6 axis=0 reverse=1 p=2; 2,5,3 axis=1 p=5; 2,3,4 axis=-1 p=1; 17 axis=0 p=4; - axis=0 p=1; "
               "- axis=-1 reverse=1 p=1; 3,1 axis=1 p=1; 1,1 axis=0 p=0;"
               "0,3 axis=1 p=2; 3,0 axis=1 p=0; 4,5:i32<9 axis=1 p=3; 5,4:u8 axis=0 p=2 reverse=1",
    .refuses = "2,3 axis=2 p=1; 2,3 axis=1 p=4; 2,3 axis=1 p=-1; - axis=0 p=0; - axis=0 p=2; - axis=1 p=1; 2,3:i32 axis=0 p=3"};
