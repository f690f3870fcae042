/* kernels/sort.c - the order of the elements of each column: a merge sort of indices, from runs sorted by insertion. */
#include "engine/kernel.h"
#include "ops/kernels/extent.h"

enum { RUN = 16 };

/* Elements of x, `step` apart. */
typedef struct column { const real *x; int64_t step; bool descending; } column;

/* Must element i come before element j? Not if they are equal. NaN is the largest. */
static inline bool before(const column *c, int32_t i, int32_t j) {
    const real a = c->x[(c->descending ? j : i) * c->step], b = c->x[(c->descending ? i : j) * c->step];
    return a < b || (b != b && a == a);
}

static void insertion(const column *c, int32_t *order, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const int32_t one = order[i];
        int64_t at = i;
        for (; at > 0 && before(c, one, order[at - 1]); at--) order[at] = order[at - 1];
        order[at] = one;
    }
}

/* Merges two neighbouring sorted runs, from[0 .. half) and from[half .. n); of equal elements those of the left run come first. */
static void merge(const column *c, const int32_t *from, int64_t half, int64_t n, int32_t *to) {
    int64_t l = 0, r = half;
    for (int64_t i = 0; i < n; i++) to[i] = r == n || (l < half && !before(c, from[r], from[l])) ? from[l++] : from[r++];
}

/* Sorts 0 .. n - 1; `order` and `other` are work space, and the result is in one of them. */
static const int32_t *sorted(const column *c, int64_t n, int32_t *order, int32_t *other) {
    for (int64_t i = 0; i < n; i++) order[i] = (int32_t)i;
    for (int64_t i = 0; i < n; i += RUN) insertion(c, order + i, rg_min64(RUN, n - i));
    for (int64_t half = RUN; half < n; half *= 2) {
        for (int64_t i = 0; i < n; i += 2 * half) merge(c, order + i, rg_min64(half, n - i), rg_min64(2 * half, n - i), other + i);
        int32_t *was = order;
        order = other, other = was;
    }
    return order;
}

/* x as [outer, n, inner]; work: twice as many indices as x has elements */
typedef struct sorting { const real *x; int64_t n, inner; bool descending; int32_t *work, *to; } sorting;
static void sort_columns(const void *with, int64_t begin, int64_t end) {
    const sorting *s = with;
    for (int64_t k = begin; k < end; k++) {
        const int64_t at = k / s->inner * s->n * s->inner + k % s->inner;
        const column c = {s->x + at, s->inner, s->descending};
        const int32_t *order = sorted(&c, s->n, s->work + 2 * k * s->n, s->work + (2 * k + 1) * s->n);
        for (int64_t i = 0; i < s->n; i++) s->to[at + i * s->inner] = order[i];
    }
}

int RG_K(argsort)(rg_tensor *y) {
    if (!y->numel) return 0;
    const rg_tensor *x = y->in[0];
    int64_t numel;
    size_t bytes;
    if (rg_size(RG_I32, 2, (int64_t[]){2, y->numel}, &numel, &bytes)) return rg_reject(y, RG_ENOMEM, "too large to be sorted");
    int32_t *work = rg_tape_alloc(y->at, y->tape, bytes);
    if (!work) return -1;
    const sorting s = {x->data, rg_axis_size(x, y->attr.axis), extent(x, y->attr.axis + 1, x->ndim), y->attr.reverse, work, y->data};
    rg_parallel(y->tape, y->numel / RG_CHUNK, x->numel / s.n, sort_columns, &s);
    rg_tape_dealloc(y->tape, work, bytes);
    return 0;
}
