/* test_einsum.c - einsum against the definition: a loop over all values of all indices; its derivatives; what is wrong with a string. */
#include "tests/support/numbers.h"

enum { OPERANDS = 8 };

/* The string, and the same with every index and the output spelt out, which is what the loop reads. Every case agrees with numpy.einsum
   on both, but the one that sums over an ellipsis, which PyTorch does and NumPy refuses. */
typedef struct example { const char *text, *plain; int n; struct { int ndim; int64_t shape[RG_MAX_DIMS]; } x[OPERANDS]; } example;
static const example examples[] = {
    {"ij,jk->ik", "ij,jk->ik", 2, {{2, {3, 4}}, {2, {4, 5}}}},
    {"ij,jk", "ij,jk->ik", 2, {{2, {3, 4}}, {2, {4, 5}}}},
    {"kj,ji", "kj,ji->ik", 2, {{2, {3, 4}}, {2, {4, 5}}}},
    {"bij,bjk->bik", "bij,bjk->bik", 2, {{3, {2, 3, 4}}, {3, {2, 4, 5}}}},
    {"ij->ji", "ij->ji", 1, {{2, {3, 4}}}},
    {"ji", "ji->ij", 1, {{2, {3, 4}}}},
    {"ij->ij", "ij->ij", 1, {{2, {3, 4}}}},
    {"ii->", "ii->", 1, {{2, {4, 4}}}},
    {"ii", "ii->", 1, {{2, {4, 4}}}},
    {"ii->i", "ii->i", 1, {{2, {4, 4}}}},
    {"iii->i", "iii->i", 1, {{3, {3, 3, 3}}}},
    {"iij->ij", "iij->ij", 1, {{3, {3, 3, 2}}}},
    {"iji->j", "iji->j", 1, {{3, {3, 2, 3}}}},
    {"ijij->ji", "ijij->ji", 1, {{4, {3, 2, 3, 2}}}},
    {"ii,ij->j", "ii,ij->j", 2, {{2, {3, 3}}, {2, {3, 4}}}},
    {"i,i->", "i,i->", 2, {{1, {17}}, {1, {17}}}},
    {"i,i", "i,i->", 2, {{1, {17}}, {1, {17}}}},
    {"i,j->ij", "i,j->ij", 2, {{1, {3}}, {1, {5}}}},
    {"i,j->ji", "i,j->ji", 2, {{1, {3}}, {1, {5}}}},
    {"i,i->i", "i,i->i", 2, {{1, {5}}, {1, {5}}}},
    {"ij,ij->", "ij,ij->", 2, {{2, {3, 4}}, {2, {3, 4}}}},
    {"ij,ji->", "ij,ji->", 2, {{2, {3, 4}}, {2, {4, 3}}}},
    {"ij,ij->i", "ij,ij->i", 2, {{2, {3, 4}}, {2, {3, 4}}}},
    {"ij,ji->ij", "ij,ji->ij", 2, {{2, {3, 4}}, {2, {4, 3}}}},
    {"ij->", "ij->", 1, {{2, {3, 4}}}},
    {"ij->j", "ij->j", 1, {{2, {3, 4}}}},
    {"ijk->ki", "ijk->ki", 1, {{3, {3, 4, 2}}}},
    {"ij,kj->ik", "ij,kj->ik", 2, {{2, {3, 4}}, {2, {5, 4}}}},
    {"ji,jk->ik", "ji,jk->ik", 2, {{2, {4, 3}}, {2, {4, 5}}}},
    {"ji,kj->ik", "ji,kj->ik", 2, {{2, {4, 3}}, {2, {5, 4}}}},
    {"ji,kj->ki", "ji,kj->ki", 2, {{2, {4, 3}}, {2, {5, 4}}}},
    {"bhqd,bhkd->bhqk", "bhqd,bhkd->bhqk", 2, {{4, {2, 3, 4, 5}}, {4, {2, 3, 2, 5}}}},
    {"bhqk,bhkd->bhqd", "bhqk,bhkd->bhqd", 2, {{4, {2, 3, 4, 2}}, {4, {2, 3, 2, 5}}}},
    {"bqhd,bkhd->bhqk", "bqhd,bkhd->bhqk", 2, {{4, {2, 4, 3, 5}}, {4, {2, 2, 3, 5}}}},
    {"ijkl,kl->ij", "ijkl,kl->ij", 2, {{4, {2, 3, 4, 5}}, {2, {4, 5}}}},
    {"ijk,jkl->il", "ijk,jkl->il", 2, {{3, {3, 4, 2}}, {3, {4, 2, 5}}}},
    {"ijk,kjl->il", "ijk,kjl->il", 2, {{3, {3, 4, 2}}, {3, {2, 4, 5}}}},
    {"ij,jk,kl->il", "ij,jk,kl->il", 3, {{2, {2, 3}}, {2, {3, 4}}, {2, {4, 5}}}},
    {"ij,jk,ki->", "ij,jk,ki->", 3, {{2, {2, 3}}, {2, {3, 4}}, {2, {4, 2}}}},
    {"i,j,k->kij", "i,j,k->kij", 3, {{1, {2}}, {1, {3}}, {1, {4}}}},
    {"ij,ij,ij->ij", "ij,ij,ij->ij", 3, {{2, {2, 3}}, {2, {2, 3}}, {2, {2, 3}}}},
    {"bi,ijk,bk->bj", "bi,ijk,bk->bj", 3, {{2, {2, 3}}, {3, {3, 4, 2}}, {2, {2, 2}}}},
    {"ijk,ilm,njm,nlk->", "ijk,ilm,njm,nlk->", 4, {{3, {2, 2, 3}}, {3, {2, 2, 2}}, {3, {2, 2, 2}}, {3, {2, 2, 3}}}},
    {"ab,bc,cd,de,ef,fg,gh,hi->ai", "ab,bc,cd,de,ef,fg,gh,hi->ai", 8,
    {{2, {2, 2}}, {2, {2, 2}}, {2, {2, 2}}, {2, {2, 2}}, {2, {2, 2}}, {2, {2, 2}}, {2, {2, 2}}, {2, {2, 2}}}},
    {"...ij,...jk->...ik", "abij,bjk->abik", 2, {{4, {2, 3, 2, 4}}, {3, {3, 4, 2}}}},
    {"...ij,jk", "abij,jk->abik", 2, {{4, {2, 3, 2, 4}}, {2, {4, 2}}}},
    {"i...,i...->...", "iab,ib->ab", 2, {{3, {3, 2, 4}}, {2, {3, 4}}}},
    {"...,...", "ab,b->ab", 2, {{2, {2, 3}}, {1, {3}}}},
    {"i...j->...", "iabj->ab", 1, {{4, {2, 3, 2, 2}}}},
    {"b...i,...i->...b", "bai,ai->ab", 2, {{3, {2, 3, 4}}, {2, {3, 4}}}},
    {"ij...->...ji", "ijab->abji", 1, {{4, {2, 3, 2, 2}}}},
    {"...i,i->...", "i,i->", 2, {{1, {4}}, {1, {4}}}},
    {"...ij->i", "abij->i", 1, {{4, {2, 3, 2, 2}}}},
    {"ij,ij->ij", "ij,ij->ij", 2, {{2, {1, 3}}, {2, {2, 3}}}},
    {"ij,jk->ik", "ij,jk->ik", 2, {{2, {2, 1}}, {2, {4, 3}}}},
    {"ij,ij->j", "ij,ij->j", 2, {{2, {4, 1}}, {2, {1, 3}}}},
    {"...i,...i->...", "abi,abi->ab", 2, {{3, {1, 3, 4}}, {3, {2, 1, 4}}}},
    {"i,->i", "i,->i", 2, {{1, {4}}, {0, {0}}}},
    {",", ",->", 2, {{0, {0}}, {0, {0}}}},
    {" i j , j k -> k i ", "ij,jk->ki", 2, {{2, {3, 4}}, {2, {4, 5}}}},
    {"aB", "aB->Ba", 1, {{2, {3, 4}}}},
    {"Zz,zA->AZ", "Zz,zA->AZ", 2, {{2, {3, 4}}, {2, {4, 5}}}},
    {"ij,jk->ik", "ij,jk->ik", 2, {{2, {3, 0}}, {2, {0, 5}}}},
    {"ij,jk->ik", "ij,jk->ik", 2, {{2, {0, 3}}, {2, {3, 5}}}},
    {"ii->i", "ii->i", 1, {{2, {0, 0}}}},
    {"ijk->kij", "ijk->kij", 1, {{3, {1, 3, 1}}}},
    {"ii,jk->ij", "ii,jk->ij", 2, {{2, {1, 1}}, {2, {3, 2}}}},
    {"abcdef,f->abcde", "abcdef,f->abcde", 2, {{6, {2, 1, 2, 2, 1, 3}}, {1, {3}}}},
    {"a,a,a,a,a,a,a,a->a", "a,a,a,a,a,a,a,a->a", 8, {{1, {3}}, {1, {3}}, {1, {3}}, {1, {3}}, {1, {3}}, {1, {3}}, {1, {3}}, {1, {3}}}},
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

/* -2 .. 2, so that every sum of products is exact. */
static rg_tensor *small_integers(rg_tape *t, rg_dtype dtype, int ndim, const int64_t *shape) {
    rg_tensor *x = numbers(t, dtype, ndim, shape);
    for (int64_t i = 0; i < x->numel; i++) {
        const int v = (int)rg_rng_integers(rg_tape_rng(t), -2, 3);
        if (dtype == RG_F64) ((double *)x->data)[i] = v;
        else ((float *)x->data)[i] = (float)v;
    }
    return x;
}

/* The element of x under the letters of one term, 128 indices in ASCII; a dimension of 1 has only its first. */
static int64_t place(const char *letters, int n, const int64_t *shape, const int64_t *index) {
    int64_t own[RG_MAX_DIMS];
    for (int d = 0; d < n; d++) own[d] = shape[d] == 1 ? 0 : index[(int)letters[d]];
    return element_at(n, shape, own);
}

static void check_values(const example *e, rg_tensor *const *x, const rg_tensor *y) {
    int64_t size[128] = {0}, index[128] = {0}, shape[RG_MAX_DIMS] = {0};
    const char *term[OPERANDS], *p = e->plain;
    char used[128];
    int labels = 0;
    for (int k = 0; k < e->n; k++, p++)
        for (term[k] = p; *p && *p != ',' && *p != '-'; p++) {
            const int64_t n = e->x[k].shape[p - term[k]];
            if (!memchr(used, *p, (size_t)labels)) used[labels++] = *p;
            if (size[(int)*p] == 0 || n != 1) size[(int)*p] = n;
        }
    const char *out = strstr(e->plain, "->") + 2;
    const int ndim = (int)strlen(out);
    for (int d = 0; d < ndim; d++) shape[d] = size[(int)out[d]];
    assert_shape(y, ndim, shape);
    double should[1000] = {0};
    assert_true(y->numel <= 1000);
    int64_t all = 1;
    for (int l = 0; l < labels; l++) all *= size[(int)used[l]];
    for (int64_t i = 0; i < all; i++) {
        int64_t rest = i;
        double product = 1;
        for (int l = 0; l < labels; l++) index[(int)used[l]] = rest % size[(int)used[l]], rest /= size[(int)used[l]];
        for (int k = 0; k < e->n; k++) product *= element(x[k], place(term[k], e->x[k].ndim, e->x[k].shape, index));
        should[place(out, ndim, shape, index)] += product;
    }
    for (int64_t i = 0; i < y->numel; i++)
        if (element(y, i) != should[i]) fail_msg("%s: element %lld is %g, should be %g", e->text, (long long)i, element(y, i), should[i]);
}

static void einsum_by_the_definition(void **state) {
    rg_tape *t = *state;
    for (int c = 0; c < 2 * EXAMPLES; c++) {
        const example *e = &examples[c / 2];
        rg_tensor *x[OPERANDS];
        for (int k = 0; k < e->n; k++) x[k] = small_integers(t, dtypes[c % 2], e->x[k].ndim, e->x[k].shape);
        rg_tensor *y = rg_einsum_n(e->text, e->n, x);
        if (rg_failed(y)) fail_msg("%s: %s", e->text, rg_error(t));
        assert_int_equal(y->dtype, dtypes[c % 2]);
        check_values(e, x, y);
        rg_tape_reset(t);
    }
}

typedef struct application { const char *text; int n; } application;
static rg_tensor *apply(void *ctx, rg_tensor *const *in) {
    const application *a = ctx;
    return rg_einsum_n(a->text, a->n, in);
}

static void derivatives_of_both_orders(void **state) {
    rg_tape *t = *state;
    rg_set_default_dtype(t, RG_F64);
    for (int c = 0; c < EXAMPLES; c++) {
        const example *e = &examples[c];
        rg_tensor *x[OPERANDS];
        int64_t elements = 0;
        for (int k = 0; k < e->n; k++) {
            x[k] = rg_requires_grad(numbers(t, RG_F64, e->x[k].ndim, e->x[k].shape), true);
            elements += x[k]->numel;
        }
        rg_check check = rg_gradcheck(apply, (&(application){e->text, e->n}), rg_list_of_n(e->n, x), .order = 3);
        if (check.failed) rg_check_print(&check, e->text, stderr);
        assert_int_equal(check.failed, RG_CHECK_PASSED);
        assert_true(check.checked >= elements);
        rg_tape_reset(t);
    }
}

/* An operand may stand twice, and large products go through the same kernels as matmul: the same bits. */
static void the_same_tensor_twice_and_matmul(void **state) {
    rg_tape *t = *state;
    rg_tensor *x = rg_requires_grad(small_integers(t, RG_F64, RG_DIMS(3, 4)), true), *dx;
    assert_int_equal(rg_grad(rg_einsum("ij,ij->", x, x), rg_list_of(x), &dx), 0);
    for (int i = 0; i < 12; i++) assert_element(dx, i, 2 * element(x, i));
    rg_tensor *a = numbers(t, RG_F32, RG_DIMS(4, 65, 70)), *b = numbers(t, RG_F32, RG_DIMS(4, 66, 70)),
        *y = rg_einsum("bij,bkj->bik", a, b);
    rg_tensor *z = rg_matmul(a, b, .transpose_b = true);
    assert_shape(y, RG_DIMS(4, 65, 66));
    assert_memory_equal(y->data, z->data, (size_t)y->numel * sizeof(float));
}

/* Neither operand of an attention score is copied: where a transposition will do, nothing is permuted. */
static void no_copies_where_a_flag_will_do(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = numbers(t, RG_F32, RG_DIMS(2, 3, 4, 5)), *v = numbers(t, RG_F32, RG_DIMS(5));
    static const struct { const char *text; int ndim; int64_t shape[4]; } pairs[] = {
        {"bhqd,bhkd->bhqk", 4, {2, 3, 6, 5}}, {"bhdq,bhdk->bhqk", 4, {2, 3, 4, 7}}, {"bhdq,bhkd->bhqk", 4, {2, 3, 6, 4}},
            {"abcd,dk->abck", 2, {5, 3}}};
    for (int k = 0; k < 4; k++) {
        const int64_t before = rg_memory(t).tensors;
        rg_tensor *b = numbers(t, RG_F32, pairs[k].ndim, pairs[k].shape), *y = rg_einsum(pairs[k].text, a, b);
        assert_false(rg_failed(y));
        assert_int_equal(rg_memory(t).tensors - before, 5); /* b, two views, the product, the result's view */
    }
    assert_int_equal(rg_einsum("i->i", v)->data == v->data, true);
}

static void einsum_errors_quote_string_and_place(void **state) {
    rg_tape *t = *state;
    rg_tensor *a = rg_set_name(rg_full(t, 1, 2, 3), "a"), *b = rg_set_name(rg_full(t, 1, 3, 4), "b"), *c = rg_full(t, 1, 2, 3, 4),
              *v = rg_full(t, 1, 3), *six = rg_full(t, 1, 2, 2, 2, 2, 2, 2);
    rg_tensor *i = rg_input(t, ((const int32_t[]){1, 2, 3}), 3), *null = NULL;
    REFUSED(RG_EVALUE, rg_einsum("ij,j!->i", a, b), "einsum: \"ij,j!->i\" at 4: '!' is no letter");
    REFUSED(RG_EVALUE, rg_einsum("ij,jk->iz", a, b), "einsum: \"ij,jk->iz\" at 8: no operand has index 'z'");
    REFUSED(RG_EVALUE, rg_einsum("ij,jk->ii", a, b), "einsum: \"ij,jk->ii\" at 8: index 'i' occurs twice in the output");
    REFUSED(RG_EVALUE, rg_einsum("ij,jk-ik", a, b), "einsum: \"ij,jk-ik\" at 5: '-' without '>'");
    REFUSED(RG_EVALUE, rg_einsum("ij,jk->ik,", a, b), "einsum: \"ij,jk->ik,\" at 9: ',' in the output");
    REFUSED(RG_EVALUE, rg_einsum("ij,jk->i->k", a, b), "einsum: \"ij,jk->i->k\" at 8: '-' in the output");
    REFUSED(RG_EVALUE, rg_einsum("ij->i", a, b), "einsum: \"ij->i\" at 2: 1 terms for 2 operands");
    REFUSED(RG_EVALUE, rg_einsum("ij,jk,k->i", a, b), "einsum: \"ij,jk,k->i\" at 6: a term more than the 2 operands");
    REFUSED(RG_EVALUE, rg_einsum("i..j->i", a), "einsum: \"i..j->i\" at 1: an ellipsis has three dots");
    REFUSED(RG_EVALUE, rg_einsum("...i...->i", a), "einsum: \"...i...->i\" at 4: a second ellipsis");
    REFUSED(RG_EVALUE, rg_einsum("abcdefg->a", a), "einsum: \"abcdefg->a\" at 6: more than 6 indices");
    REFUSED(RG_ESHAPE, rg_einsum("ij,jkl->i", a, b), "einsum: \"ij,jkl->i\" at 3: operand 2, b[3,4], has 2 dimensions, not 3");
    REFUSED(RG_ESHAPE, rg_einsum("ij,j", a, b), "einsum: \"ij,j\" at 3: operand 2, b[3,4], has 2 dimensions, not 1");
    REFUSED(RG_ESHAPE, rg_einsum("ijk...l->i", c), "einsum: \"ijk...l->i\" at 0: operand 1, [2,3,4], has 3 dimensions, not 4");
    REFUSED(RG_ESHAPE, rg_einsum("ij,ik->jk", a, b), "einsum: \"ij,ik->jk\" at 3: index 'i' has size 3 in operand 2, but 2 before");
    REFUSED(RG_ESHAPE, rg_einsum("ii->i", a), "einsum: \"ii->i\" at 0: index 'i' has size 3 in operand 1, but 2 before");
    REFUSED(RG_ESHAPE, rg_einsum("ii->i", rg_full(t, 1, 1, 3)), "einsum: \"ii->i\" at 0: index 'i' has size 3 in operand 1, but 1 before");
    REFUSED(RG_ESHAPE, rg_einsum("...,...", a, rg_full(t, 1, 2)),
        "einsum: \"...,...\" at 4: index '.' has size 2 in operand 2, but 3 before");
    REFUSED(RG_ESHAPE, rg_einsum("abcdef,g", six, v), "einsum: \"abcdef,g\" at 8: more than 6 dimensions");
    REFUSED(RG_ESHAPE, rg_einsum("abcdef,g,g->abcdef", six, v, v),
        "einsum: \"abcdef,g,g->abcdef\" at 0: an intermediate result of 7 dimensions, at most 6; reorder the operands");
    REFUSED(RG_EVALUE, rg_einsum_n(NULL, 1, &a), "einsum: the equation is NULL");
    REFUSED(RG_EVALUE, rg_einsum("a", a, a, a, a, a, a, a, a, a), "einsum: 9 operands, not 1 to 8");
    REFUSED(RG_ESTATE, rg_einsum("ij,jk", a, null), "einsum: operand 2 is NULL");
    REFUSED(RG_EDTYPE, rg_einsum("i,i", i, i),
        "einsum: [3] i32, [3] i32: matmul: [1,3] i32 . [3,1] i32: operand 1 must be a float, not i32; rg_cast converts");
}

int main(void) {
    const struct CMUnitTest cases[] = {
        CASE(einsum_by_the_definition), CASE(derivatives_of_both_orders), CASE(the_same_tensor_twice_and_matmul),
            CASE(no_copies_where_a_flag_will_do),
        CASE(einsum_errors_quote_string_and_place),
    };
    return RUN("einsum", cases);
}
