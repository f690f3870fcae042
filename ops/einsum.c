/* einsum.c - sums of products in Einstein's notation: a string names the axes; reshape, permute, sum, mul and matmul do the work.

   y[output] = sum over the other indices of the product of the operands. Operands are combined from left to right: one (batched)
   product of matrices sums over the indices that both have and that are not needed later. The derivative is that of these ops. */
#include <string.h>

#include "engine/op.h"
#include "ops/ops.h"

#undef RG_AT
#define RG_AT e->at

enum { MOST = 8, LETTERS = 52, LABELS = LETTERS + RG_MAX_DIMS }; /* labels: A..Z a..z, then the axes that "..." means */

/* places in the string; dots: letters before "...", or -1 */
typedef struct term { int n, label[RG_MAX_DIMS], place[RG_MAX_DIMS], dots, start; } term;
typedef struct part { rg_tensor *x; int n, label[RG_MAX_DIMS]; } part;                     /* a tensor, and the labels of its axes */

typedef struct einsum {
    const char *at, *text;
    rg_tape *t;
    int n, width;          /* operands; axes that "..." means */
    term term[MOST], out;
    bool has_out;
    int64_t size[LABELS];  /* -1: no operand has the label */
    part part[MOST], y;
} einsum;

#define BAD(...) SAY(RG_EVALUE, __VA_ARGS__)    /* the string is wrong */
#define MISFIT(...) SAY(RG_ESHAPE, __VA_ARGS__) /* the string and the operands' shapes do not fit */
#define SAY(code, e, i, format, ...) rg_fail((e)->t, code, (e)->at, "einsum: \"%.99s\" at %d: " format, (e)->text, i, __VA_ARGS__)

static uint64_t bit(int label) { return (uint64_t)1 << label; }

static uint64_t labels_of(const part *p) {
    uint64_t set = 0;
    for (int d = 0; d < p->n; d++) set |= bit(p->label[d]);
    return set;
}

/* -------- reading the string */

static int label_of(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1; }
static char letter_of(int label) { return (char)(label >= LETTERS ? '.' : label < 26 ? 'A' + label : 'a' + label - 26); }

/* Reads one term from *i on; *i moves to the comma, arrow or end that follows it. */
static int read_term(const einsum *e, term *w, int *i) {
    *w = (term){.dots = -1, .start = *i};
    for (;; ++*i) {
        const char c = e->text[*i];
        if (c == 0 || c == ',' || c == '-') return 0;
        if (c == ' ') continue;
        if (c == '.') {
            if (strncmp(e->text + *i, "...", 3) != 0 || w->dots >= 0)
                return BAD(e, *i, "%s", w->dots < 0 ? "an ellipsis has three dots" : "a second ellipsis");
            w->dots = w->n;
            *i += 2;
            continue;
        }
        if (label_of(c) < 0) return BAD(e, *i, "'%c' is no letter", c);
        if (w->n == RG_MAX_DIMS) return BAD(e, *i, "more than %d indices", RG_MAX_DIMS);
        w->place[w->n] = *i;
        w->label[w->n++] = label_of(c);
    }
}

static int read(einsum *e, int operands) {
    int i = 0;
    for (bool more = true; more; i += more) {
        if (e->n == operands) return BAD(e, i, "a term more than the %d operands", operands);
        if (read_term(e, &e->term[e->n++], &i)) return -1;
        more = e->text[i] == ',';
    }
    if (e->n < operands) return BAD(e, i, "%d terms for %d operands", e->n, operands);
    e->out.dots = -1;
    if (e->text[i] == 0) return 0;
    if (e->text[i + 1] != '>') return BAD(e, i, "%s", "'-' without '>'");
    e->has_out = true;
    i += 2;
    if (read_term(e, &e->out, &i)) return -1;
    return e->text[i] ? BAD(e, i, "'%c' in the output", e->text[i]) : 0;
}

/* -------- labels and sizes */

/* The labels of a term whose ellipsis stands for `width` axes: the last `width` of the labels that ellipses have. */
static void expand(const einsum *e, const term *w, int width, part *p) {
    p->n = 0;
    for (int k = 0; k <= w->n; k++) {
        for (int d = 0; k == w->dots && d < width; d++) p->label[p->n++] = LETTERS + e->width - width + d;
        if (k < w->n) p->label[p->n++] = w->label[k];
    }
}

static int check_ranks(einsum *e, rg_tensor *const *x) {
    for (int k = 0; k < e->n; k++) {
        const term *w = &e->term[k];
        const int width = x[k]->ndim - w->n;
        char text[80];
        if (width < 0 || (width > 0 && w->dots < 0))
            return MISFIT(e, w->start, "operand %d, %s, has %d dimensions, not %d", k + 1, rg_shape_text(x[k], text, sizeof text),
                x[k]->ndim, w->n);
        if (width > e->width) e->width = width;
    }
    return 0;
}

/* All operands have the same size for a label, or 1, which broadcasts. Within one operand equal labels must have equal sizes. */
static int find_sizes(einsum *e, rg_tensor *const *x) {
    for (int l = 0; l < LABELS; l++) e->size[l] = -1;
    for (int k = 0; k < e->n; k++) {
        part *p = &e->part[k];
        expand(e, &e->term[k], x[k]->ndim - e->term[k].n, p);
        p->x = x[k];
        for (int d = 0; d < p->n; d++) {
            const int64_t n = x[k]->shape[d];
            int64_t *size = &e->size[p->label[d]], other = *size;
            for (int b = 0; b < d; b++)
                if (p->label[b] == p->label[d] && n != x[k]->shape[b]) other = x[k]->shape[b], size = NULL;
            if (!size || (n != 1 && other != 1 && other != n && other != -1))
                return MISFIT(e, e->term[k].start, "index '%c' has size %lld in operand %d, but %lld before", letter_of(p->label[d]),
                    (long long)n, k + 1, (long long)other);
            if (other == -1 || other == 1) *size = n;
        }
    }
    return 0;
}

/* If the string has no output: the axes of the ellipsis, then the labels that occur once, in the order of the alphabet. */
static int find_output(einsum *e) {
    int count[LABELS] = {0};
    if (e->has_out) {
        for (int k = 0; k < e->out.n; k++) {
            const int l = e->out.label[k];
            if (e->size[l] == -1) return BAD(e, e->out.place[k], "no operand has index '%c'", letter_of(l));
            if (count[l]++) return BAD(e, e->out.place[k], "index '%c' occurs twice in the output", letter_of(l));
        }
        if (e->out.dots >= 0 && e->out.n + e->width > RG_MAX_DIMS)
            return MISFIT(e, e->out.start, "%d dimensions, at most %d", e->out.n + e->width, RG_MAX_DIMS);
        expand(e, &e->out, e->out.dots < 0 ? 0 : e->width, &e->y);
        return 0;
    }
    for (int k = 0; k < e->n; k++)
        for (int d = 0; d < e->part[k].n; d++) count[e->part[k].label[d]]++;
    for (int l = 0; l < LABELS; l++) {
        const int label = (l + LETTERS) % LABELS;
        if (e->size[label] == -1 || (label < LETTERS && count[label] != 1)) continue;
        if (e->y.n == RG_MAX_DIMS) return MISFIT(e, (int)strlen(e->text), "more than %d dimensions", RG_MAX_DIMS);
        e->y.label[e->y.n++] = label;
    }
    return 0;
}

/* -------- steps */

/* Permutes p's axes to the order of labels that `order` has. */
static void arrange(const einsum *e, part *p, const part *order) {
    int axes[RG_MAX_DIMS];
    bool same = true;
    for (int d = 0; d < p->n; d++) {
        axes[d] = 0;
        while (p->label[axes[d]] != order->label[d]) axes[d]++;
        same &= axes[d] == d;
    }
    if (!same) p->x = rg_permute_at(e->at, p->x, p->n, axes);
    memcpy(p->label, order->label, sizeof p->label);
}

static void shape_by_labels(const einsum *e, part *p) {
    int64_t shape[RG_MAX_DIMS];
    for (int d = 0; d < p->n; d++) shape[d] = e->size[p->label[d]];
    p->x = rg_reshape_at(e->at, p->x, p->n, shape);
}

/* Drops the dimensions of 1: where the label has another size, the product broadcasts over it. */
static void drop_ones(const einsum *e, part *p) {
    int64_t shape[RG_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < p->n; d++) {
        if (p->x->shape[d] == 1) continue;
        p->label[n] = p->label[d];
        shape[n++] = p->x->shape[d];
    }
    if (n < p->n) p->x = rg_reshape_at(e->at, p->x, n, shape);
    p->n = n;
}

/* For a label that occurs twice, at axes a and b: moves both to the end, joins them to one axis of n * n, and selects every (n + 1)th. */
static int take_diagonal(const einsum *e, part *p, int a, int b) {
    const int label = p->label[a];
    const int64_t n = e->size[label];
    int axes[RG_MAX_DIMS], to = 0;
    int64_t shape[RG_MAX_DIMS];
    if (n > 46340) return MISFIT(e, 0, "the diagonal of %lld x %lld elements is too long", (long long)n, (long long)n); /* n^2 in an i32 */
    for (int d = 0; d < p->n; d++) {
        if (d == a || d == b) continue;
        axes[to] = d;
        p->label[to] = p->label[d];
        shape[to] = e->size[p->label[to]];
        to++;
    }
    axes[to] = a, axes[to + 1] = b;
    p->label[to] = label;
    shape[to] = n * n;
    rg_tensor *index = rg_empty_at(e->at, e->t, RG_I32, 1, &n);
    for (int32_t i = 0; i < n && !rg_failed(index); i++) ((int32_t *)index->data)[i] = i * ((int32_t)n + 1);
    rg_tensor *x = a == p->n - 2 ? p->x : rg_permute_at(e->at, p->x, p->n, axes);
    p->x = rg_index_select(rg_reshape_at(e->at, x, to + 1, shape), index, -1);
    p->n--;
    return 0;
}

static int take_diagonals(const einsum *e, part *p) {
    for (int a = 0; a < p->n; a++)
        for (int b = a + 1; b < p->n; b++) {
            if (p->label[a] != p->label[b]) continue;
            if (take_diagonal(e, p, a, b)) return -1;
            a = -1; /* from the beginning, in the new order */
            break;
        }
    return 0;
}

/* Sums over the axes whose labels neither another operand nor the output has; wanted: the labels that they have. */
static void sum_out(const einsum *e, part *p, uint64_t wanted) {
    int axes[RG_MAX_DIMS], summed = 0, n = 0;
    for (int d = 0; d < p->n; d++) {
        if (wanted & bit(p->label[d])) p->label[n++] = p->label[d];
        else axes[summed++] = d;
    }
    p->n = n;
    if (summed) p->x = rg_sum_at(e->at, p->x, summed, axes);
}

/* -------- two operands to one */

/* Appends p's labels that are in the set to `to`, in p's order. Returns the product of their sizes. */
static int64_t append(const einsum *e, const part *p, uint64_t set, part *to) {
    int64_t size = 1;
    for (int d = 0; d < p->n; d++) {
        if (!(set & bit(p->label[d]))) continue;
        if (to) to->label[to->n++] = p->label[d];
        size *= e->size[p->label[d]];
    }
    return size;
}

/* Makes p the matrices [batch, first, second]; the labels of each part are in the order of `like`, or of p where `like` lacks one. If
   `transposable` and p's labels already are [batch, second, first], leaves that order and returns true: the product transposes. */
static bool as_matrices(const einsum *e, part *p, const part *like, uint64_t batch, uint64_t first, uint64_t second, bool transposable) {
    part straight = {.n = 0}, transposed = {.n = 0};
    const part *of_first = first & ~labels_of(like) ? p : like, *of_second = second & ~labels_of(like) ? p : like;
    const int64_t b = append(e, like, batch, &straight), n = append(e, of_first, first, &straight),
        m = append(e, of_second, second, &straight);
    append(e, like, batch, &transposed), append(e, of_second, second, &transposed), append(e, of_first, first, &transposed);
    transposable = transposable && memcmp(p->label, straight.label, (size_t)p->n * sizeof *p->label) &&
        !memcmp(p->label, transposed.label, (size_t)p->n * sizeof *p->label);
    arrange(e, p, transposable ? &transposed : &straight);
    const int64_t shape[] = {b, transposable ? m : n, transposable ? n : m};
    p->x = rg_reshape_at(e->at, p->x, 3 - !batch, shape + !batch);
    return transposable;
}

static int contract(const einsum *e, part *p, part *q, uint64_t later) {
    const uint64_t has_p = labels_of(p), has_q = labels_of(q), both = has_p & has_q, batch = both & later, summed = both & ~later;
    const uint64_t free_p = has_p & ~both, free_q = has_q & ~both;
    const int n = __builtin_popcountll(batch | free_p | free_q);
    part y = {.n = 0}, like = *p;
    if (n > RG_MAX_DIMS) return MISFIT(e, 0, "an intermediate result of %d dimensions, at most %d; reorder the operands", n, RG_MAX_DIMS);
    append(e, p, batch, &y), append(e, p, free_p, &y), append(e, q, free_q, &y);
    const bool ta = as_matrices(e, p, &like, batch, free_p, summed, summed), tb = as_matrices(e, q, &like, batch, summed, free_q, summed);
    y.x = summed ? rg_matmul(p->x, q->x, .transpose_a = ta, .transpose_b = tb) : rg_mul(p->x, q->x); /* [.., n, 1] * [.., 1, m] */
    shape_by_labels(e, &y);
    *p = y;
    return 0;
}

static int run(einsum *e) {
    uint64_t wanted = labels_of(&e->y);
    for (int k = 0; k < e->n; k++) {
        drop_ones(e, &e->part[k]);
        if (take_diagonals(e, &e->part[k])) return -1;
    }
    for (int k = 0; k < e->n; k++) {
        uint64_t others = wanted;
        for (int j = 0; j < e->n; j++) others |= j == k ? 0 : labels_of(&e->part[j]);
        sum_out(e, &e->part[k], others);
    }
    part *p = &e->part[0];
    for (int k = 1; k < e->n; k++) {
        uint64_t later = wanted;
        for (int j = k + 1; j < e->n; j++) later |= labels_of(&e->part[j]);
        if (contract(e, p, &e->part[k], later)) return -1;
    }
    part order = {.n = 0};
    for (int d = 0; d < e->y.n; d++)
        if (e->size[e->y.label[d]] != 1) order.label[order.n++] = e->y.label[d];
    arrange(e, p, &order);
    e->y.x = p->x;
    if (e->n == 1 || p->n < e->y.n) shape_by_labels(e, &e->y); /* at least a view: never the operand itself */
    return 0;
}

rg_tensor *rg_einsum_at(const char *at, const char *equation, int n, rg_tensor *const *x) {
    RG_SPEAK_AS_LIST("einsum", x ? n : 0, x);
    einsum sum = {.at = at, .text = equation ? equation : ""}, *e = &sum;
    for (int k = 0; x && k < n && !e->t; k++) e->t = rg_tape_of(x[k]);
    int failed = !x || n < 1 || n > MOST || !equation;
    if (!equation) rg_fail(e->t, RG_EVALUE, at, "einsum: the equation is NULL");
    else if (failed) rg_fail(e->t, RG_EVALUE, at, "einsum: %d operands, not 1 to %d", n, MOST);
    for (int k = 0; !failed && k < n; k++) {
        failed = rg_failed(x[k]);
        if (failed) rg_fail(e->t, RG_ESTATE, at, "einsum: operand %d is %s", k + 1, x[k] ? "what a failed operation returned" : "NULL");
    }
    failed = failed || read(e, n) || check_ranks(e, x) || find_sizes(e, x) || find_output(e) || run(e);
    return failed ? rg_poison(e->t) : e->y.x;
}
