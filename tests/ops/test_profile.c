/* test_profile.c - rg_profile: what it counts, recorded and played; its table; and who listens to runs beside it. */
#include "nn/nn.h"
#include "tests/support/values.h"

/* -------- the table, read */

typedef struct line { long long calls[2]; double ms[2], mb[2], share; } line;

enum { ROOM = 8192 };
static char *table(rg_tape *t, char text[ROOM]) {
    FILE *to = fmemopen(text, ROOM, "w");
    assert_int_equal(rg_profile_print(t, to), 0);
    fclose(to);
    return text;
}

static bool read_line(const char *text, const char *name, line *l) {
    char start[40];
    snprintf(start, sizeof start, "\n%.16s ", name);
    const char *at = strstr(text, start);
    return at && sscanf(at + strlen(start), "%lld %lf %lf %lld %lf %lf %lf", &l->calls[0], &l->ms[0], &l->mb[0], &l->calls[1], &l->ms[1],
        &l->mb[1], &l->share) == 7;
}

static void has(rg_tape *t, const char *name, int forward, int backward) {
    char text[ROOM];
    table(t, text);
    line l = {0};
    const bool there = read_line(text, name, &l);
    if (l.calls[0] != forward || l.calls[1] != backward || (!there && forward + backward))
        fail_msg("%s: not %d and %d calls:\n%s", name, forward, backward, text);
}

/* -------- what is counted */

enum { N = 250, IN = 10, OUT = 1000 };
typedef struct step { rg_tensor *w, *x, *loss; } step;

static step record(rg_tape *t) {
    step s = {.w = rg_param(t, "w", RG_HE_NORMAL, IN, OUT), .x = rg_full(t, .5, N, IN)};
    rg_tensor *y = rg_relu(rg_permute(rg_matmul(s.x, s.w), 1, 0)); /* permute: its rule is composed */
    s.loss = rg_mean(rg_square(y));
    return s;
}

static void a_step(void **state) {
    rg_tape *t = *state;
    assert_int_equal(rg_profile(t, true), 0);
    step s = record(t);
    rg_backward(s.loss);
    static const char *const names[] = {"matmul", "permute", "relu", "square", "mean"};
    for (int k = 0; k < 5; k++) has(t, names[k], 1, 1);
    has(t, "fill", 1, 0); /* the gradient that the pass begins with */
    has(t, "all", 6, 5);  /* what rules are composed of is theirs */
    char text[ROOM];
    table(t, text);
    line l;
    assert_true(read_line(text, "matmul", &l));
    assert_true(l.mb[0] == 1 && l.mb[1] == .04 && l.ms[0] > 0 && l.ms[1] > 0); /* x requires no gradient */
    assert_true(read_line(text, "relu", &l) && l.mb[0] == 1 && l.mb[1] == 1);
}

static void a_played_step(void **state) {
    rg_tape *t = *state;
    step s = record(t);
    rg_backward(s.loss);
    assert_int_equal(rg_profile(t, true), 0);
    for (int k = 1; k <= 3; k++) { /* the first writes the plan */
        assert_int_equal(rg_play(t), 0);
        static const char *const names[] = {"matmul", "permute", "relu", "square", "mean"};
        for (int i = 0; i < 5; i++) has(t, names[i], k, k);
        has(t, "all", 6 * k, 5 * k);
    }
    char text[ROOM];
    table(t, text);
    line l;
    assert_true(read_line(text, "matmul", &l) && l.mb[0] == 3 && l.mb[1] == .12);
    rg_profile(t, false);
    assert_int_equal(rg_play(t), 0);
    has(t, "all", 18, 15);
}

static void on_and_off(void **state) {
    rg_tape *t = *state;
    assert_int_equal(rg_profile(t, false), 0);
    assert_int_equal(rg_profile(t, true), 0);
    rg_tensor *x = rg_full(t, 2, 3);
    rg_exp(x), rg_exp(x), rg_reshape(x, 3, 1);
    rg_add(x, 1), rg_add(rg_input(t, ((int32_t[]){1, 2}), 2), 1); /* of integers another operator, of the same name */
    assert_int_equal(rg_profile(t, false), 0);
    rg_exp(x);
    has(t, "exp", 2, 0), has(t, "reshape", 1, 0), has(t, "add", 2, 0);
    rg_tape_reset(t);
    has(t, "exp", 2, 0); /* it outlives the step */
    assert_int_equal(rg_profile(t, true), 0); /* anew */
    has(t, "exp", 0, 0);
    rg_log(rg_full(t, 2, 3));
    has(t, "all", 1, 0);
    rg_profile(t, true);
    has(t, "all", 0, 0);
}

/* A failed operation is a run too, and ends; more operators than there is room for at first. */
static void failures_and_many_operators(void **state) {
    rg_tape *t = *state;
    rg_profile(t, true);
    rg_tensor *x = rg_full(t, 2, 3), *m = rg_full(t, 1, 2, 2);
    const int64_t mark = rg_mark(t);
    rg_full(t, 1, 1000), rg_full(t, 1, 1000), rg_rewind(t, mark); /* where nodes were whose size was another */
    rg_matmul(x, m);
    assert_int_equal(rg_error_code(t), RG_ESHAPE);
    has(t, "all", 1, 0); /* also while the tape has an error */
    char text[ROOM];
    line l;
    assert_true(read_line(table(t, text), "matmul", &l) && l.mb[0] == 0);
    rg_error_clear(t);
    rg_exp(x), rg_log(x), rg_sin(x), rg_cos(x), rg_tan(x), rg_tanh(x), rg_sinh(x), rg_cosh(x), rg_sqrt(x), rg_square(x), rg_abs(x),
        rg_relu(x), rg_neg(x);
    rg_erf(x), rg_erfc(x), rg_expm1(x), rg_log1p(x), rg_rsqrt(x), rg_reciprocal(x), rg_floor(x), rg_ceil(x), rg_sum(x), rg_mean(x),
        rg_max(x), rg_softmax(x, 0);
    has(t, "matmul", 1, 0), has(t, "exp", 1, 0), has(t, "softmax", 1, 0), has(t, "all", 26, 0);
}

static rg_tensor *layer(void *ctx, rg_tensor *const *in) { return (void)ctx, rg_tanh(rg_exp(in[0])); }

static void a_checkpoint(void **state) {
    rg_tape *t = *state;
    rg_tensor *w = param(t, "w", 3);
    rg_profile(t, true);
    rg_backward(rg_sum(rg_checkpoint(layer, NULL, rg_list_of(w))));
    has(t, "exp", 1, 0), has(t, "tanh", 1, 0), has(t, "checkpoint", 1, 1), has(t, "sum", 1, 1);
}

/* -------- the table */

static void lines_and_order(void **state) {
    rg_tape *t = *state;
    rg_profile(t, true);
    step s = record(t);
    for (int k = 0; k < 3; k++) rg_backward(s.loss);
    rg_scaled_dot_product_attention(rg_full(t, 1, 2, 4), rg_full(t, 1, 3, 4), rg_full(t, 1, 3, 4));
    char text[ROOM], *rest = table(t, text);
    double last = INFINITY, share = 0, ms = 0, all = 0, of = 0;
    int n = 0;
    for (char *row; (row = strtok_r(rest, "\n", &rest)); n++) {
        char name[40];
        line l;
        assert_true(strlen(row) <= 80);
        if (sscanf(row, "%lf ms of %lf ms since it was switched on", &all, &of) == 2) continue;
        if (sscanf(row, "%39s %lld %lf %lf %lld %lf %lf %lf", name, &l.calls[0], &l.ms[0], &l.mb[0], &l.calls[1], &l.ms[1], &l.mb[1],
            &l.share) != 8) continue;
        if (!strcmp(name, "all")) {
            assert_true(fabs(l.share - 100) < 1e-9 && fabs(share - 100) < 1 && fabs(l.ms[0] + l.ms[1] - ms) < .05);
            continue;
        }
        assert_true(l.ms[0] + l.ms[1] <= last + .0011);
        last = l.ms[0] + l.ms[1], ms += last, share += l.share;
    }
    assert_true(n >= 9 && fabs(all - ms) < .05 && of >= all);
}

static void errors(void **state) {
    rg_tape *t = *state;
    REFUSED(RG_ESTATE, (rg_profile_print(t, stdout), rg_poison(t)), "rg_profile_print: rg_profile was not switched on");
    rg_profile(t, true);
    REFUSED(RG_EVALUE, (rg_profile_print(t, NULL), rg_poison(t)), "rg_profile_print: there is no file");
    FILE *full = fopen("/dev/full", "w");
    if (!full) return;
    assert_int_equal(rg_profile_print(t, full), -1);
    assert_int_equal(rg_error_code(t), RG_EIO);
    rg_error_clear(t);
    fclose(full);
}

/* -------- other listeners */

typedef struct journal { char text[400]; int depth, within; } journal;

static void note(void *ctx, rg_tensor *y, int i, rg_tensor *g) {
    journal *j = ctx;
    assert_null(g);
    if (i == RG_RUN_ENDS) {
        assert_true(j->depth-- > 0);
        return;
    }
    const size_t n = strlen(j->text);
    if (j->depth++) j->within++;
    else snprintf(j->text + n, sizeof j->text - n, "%s%s ", y->op->name, i == RG_RUN_BACKWARD ? "'" : "");
}

/* In the order in which things happen; what a plan does for one result, or by one rule, is one run. */
static void runs_are_told(void **state) {
    rg_tape *t = *state;
    journal j = {.depth = 0};
    rg_listener l = {.fn = note, .ctx = &j};
    rg_profile(t, true);
    rg_listen(t, RG_RUNS, &l, true);
    rg_tensor *w = param(t, "w", 6);
    rg_backward(rg_sum(rg_exp(rg_permute(rg_expand(w, 2, 6), 1, 0))));
    static const char should[] = "expand permute exp sum fill sum' exp' permute' expand' ";
    assert_string_equal(j.text, should);
    assert_true(j.within >= 2 && j.depth == 0); /* permute and sum_to in the rules */
    for (int k = 0; k < 3; k++) {
        j.text[0] = 0;
        assert_int_equal(rg_play(t), 0);
        assert_string_equal(j.text, should);
        assert_int_equal(j.depth, 0);
    }
    rg_listen(t, RG_RUNS, &l, false);
    has(t, "exp", 4, 4);
    rg_play(t);
    has(t, "exp", 5, 5);
    rg_profile(t, false);
    rg_listen(t, RG_RUNS, &l, true);
    j.text[0] = 0;
    rg_play(t);
    assert_string_equal(j.text, should);
}

/* Of leaves, which a replay draws, or copies a gradient to, nothing is told. A listener without a function is none. */
static void leaves_are_not_told(void **state) {
    rg_tape *t = *state;
    journal j = {.depth = 0};
    rg_listener l = {.fn = note, .ctx = &j}, deaf = {.fn = NULL};
    rg_tensor *v = param(t, "v", 3), *w = param(t, "w", 3);
    rg_backward(rg_sum(rg_mul(rg_add(v, w), rg_uniform(t, 0, 1, 3))));
    rg_listen(t, RG_RUNS, &deaf, true), rg_listen(t, RG_RUNS, &l, true);
    for (int k = 0; k < 2; k++) {
        j.text[0] = 0;
        assert_int_equal(rg_play(t), 0);
        assert_string_equal(j.text, k ? "add mul sum fill sum' mul' " : "add mul sum fill sum' mul' add' "); /* add' computes nothing */
        assert_int_equal(j.depth, 0);
    }
}

int main(void) {
    static const struct CMUnitTest cases[] = {CASE(a_step), CASE(a_played_step), CASE(on_and_off), CASE(failures_and_many_operators),
        CASE(a_checkpoint),
        CASE(lines_and_order), CASE(errors), CASE(runs_are_told), CASE(leaves_are_not_told)};
    return cmocka_run_group_tests_name("profile", cases, NULL, NULL);
}
