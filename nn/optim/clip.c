/* clip.c - clipping of gradients, as torch.nn.utils.clip_grad_norm_ and clip_grad_value_; and a table of the gradients of parameters. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "update.h"

static rg_squares_fn *const squares_kernel[2][RG_ISAS] = RG_KERNEL(grad_squares);
static rg_inplace_fn *const scale_kernel[2][RG_ISAS] = RG_KERNEL(grad_scale), *const clamp_kernel[2][RG_ISAS] = RG_KERNEL(grad_clamp);

static double squares_of(const rg_tensor *x) { return squares_kernel[x->dtype == RG_F64][rg_isa(x->tape)](x->tape, x->numel, x->data); }

static int check(const char *at, rg_tape *t, const char *who, rg_list params, const char *what, double bound) {
    if (rg_error_code(t) || rg_outside_pass(at, t, who)) return -1;
    if (!(bound >= 0)) return rg_fail(t, RG_EVALUE, at, "%s: %s is %g, must be at least 0", who, what, bound);
    return rg_list_check(at, t, who, params, RG_OF_PARAMS);
}

static bool is_first(rg_list params, int i) {
    for (int k = 0; k < i; k++)
        if (params.items[k] == params.items[i]) return false;
    return true;
}

/* The gradient of item i; NULL if it has none, or was listed before. */
static rg_tensor *gradient(rg_list params, int i) { return is_first(params, i) ? rg_grad_of(params.items[i]) : NULL; }

static void each(rg_tape *t, rg_list params, rg_inplace_fn *const kernel[2][RG_ISAS], double value) {
    for (int i = 0; i < params.count; i++) {
        rg_tensor *g = gradient(params, i);
        if (!g) continue;
        kernel[g->dtype == RG_F64][rg_isa(t)](t, g->numel, g->data, value);
        rg_touch(g);
    }
}

double rg_clip_grad_norm_at(const char *at, rg_tape *t, rg_list params, double max) {
    if (check(at, t, "rg_clip_grad_norm", params, "the largest norm", max)) return NAN;
    double squares = 0;
    for (int i = 0; i < params.count; i++) {
        const rg_tensor *g = gradient(params, i);
        if (g) squares += squares_of(g);
    }
    const double norm = sqrt(squares), factor = max / (norm + 1e-6);
    if (!(factor >= 1)) each(t, params, scale_kernel, factor);
    return norm;
}

int rg_clip_grad_value_at(const char *at, rg_tape *t, rg_list params, double limit) {
    if (check(at, t, "rg_clip_grad_value", params, "the limit", limit)) return -1;
    each(t, params, clamp_kernel, limit);
    return 0;
}

/* -------- the table */

double rg_grad_norm(rg_tensor *x) {
    const rg_tensor *g = rg_grad_of(x);
    return g ? sqrt(squares_of(g)) : NAN;
}

typedef struct row { double squares, gradient, largest; int64_t bad; bool has; } row; /* squares of the values, and of the gradient */

static row look_at(rg_tensor *x) {
    const rg_tensor *g = rg_grad_of(x);
    row r = {.squares = squares_of(x), .gradient = g ? squares_of(g) : 0, .has = g};
    for (int64_t i = 0; g && i < g->numel; i++) {
        const double size = fabs(rg_element(g, i));
        if (isfinite(size)) r.largest = fmax(r.largest, size);
        else r.bad++;
    }
    return r;
}

typedef struct widths { int name, shape; } widths;

static const char *name_of(const rg_tensor *x) { return x->name ? x->name : "-"; }
static const char *shape_of(const rg_tensor *x, char to[80]) { return strrchr(rg_shape_text(x, to, 80), '['); }
static int wider(int width, const char *text) { return (int)strlen(text) > width ? (int)strlen(text) : width; }

static double norm(double squares) { return isnan(squares) ? (double)NAN : sqrt(squares); } /* a NaN's sign means nothing */

static void print_row(FILE *to, widths w, const char *name, const char *shape, const row *r) {
    fprintf(to, "%-*s %-*s %10.3e", w.name, name, w.shape, shape, norm(r->squares));
    if (r->has) fprintf(to, " %10.3e %10.3e %10" PRId64 "\n", norm(r->gradient), r->largest, r->bad);
    else fprintf(to, " %10s %10s %10s\n", "-", "-", "-");
}

int rg_grad_print_at(const char *at, rg_tape *t, rg_list params, FILE *to) {
    if (!to) return rg_fail(t, RG_EVALUE, at, "rg_grad_print: there is no file");
    if (rg_list_check(at, t, "rg_grad_print", params, RG_OF_PARAMS)) return -1;
    char text[80];
    widths w = {.name = 22, .shape = 13}; /* 80 columns in all, more for longer names and shapes */
    for (int i = 0; i < params.count; i++) {
        w.name = wider(w.name, name_of(params.items[i]));
        w.shape = wider(w.shape, shape_of(params.items[i], text));
    }
    fprintf(to, "%-*s %-*s %10s %10s %10s %10s\n", w.name, "parameter", w.shape, "shape", "norm", "gradient", "largest", "not finite");
    row all = {0};
    for (int i = 0; i < params.count; i++) {
        if (!is_first(params, i)) continue;
        const row r = look_at(params.items[i]);
        print_row(to, w, name_of(params.items[i]), shape_of(params.items[i], text), &r);
        all = (row){all.squares + r.squares, all.gradient + r.gradient, fmax(all.largest, r.largest), all.bad + r.bad, all.has || r.has};
    }
    print_row(to, w, "all", "", &all);
    return fflush(to) || ferror(to) ? rg_fail(t, RG_EIO, at, "rg_grad_print: the file cannot be written") : 0;
}
