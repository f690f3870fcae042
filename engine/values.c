/* values.c - reads and writes tensors' values as C numbers; checks who may write, marks what was written. Part of hot.c. */
#include <math.h>
#include <string.h>

#include "internal.h"

/* The one tensor without a tape, for programs whose tape could not be made. Never written. */
static const rg_tensor no_tensor = {.flags = RG_POISON};
rg_tensor *rg_poisoned(void) { return (rg_tensor *)(uintptr_t)&no_tensor; }

/* To an integer: toward zero, held to the ends of the range; NaN gives 0. */
static double clamp(double v, double low, double high) { return v != v ? 0 : v < low ? low : v > high ? high : v; }

static void set_element(void *p, rg_dtype d, int64_t i, double v) {
    switch (d) {
    case RG_F32: ((float *)p)[i] = (float)v; break;
    case RG_F64: ((double *)p)[i] = v; break;
    case RG_I32: ((int32_t *)p)[i] = (int32_t)clamp(v, INT32_MIN, INT32_MAX); break;
    default: ((uint8_t *)p)[i] = (uint8_t)clamp(v, 0, UINT8_MAX); break;
    }
}

void rg_convert(void *to, rg_dtype to_dtype, const void *from, rg_dtype from_dtype, int64_t n) {
    if (n <= 0) return;
    if (to_dtype == from_dtype) memmove(to, from, (size_t)n * rg_dtype_size(to_dtype));
    else
        for (int64_t i = 0; i < n; i++) set_element(to, to_dtype, i, rg_value(from, from_dtype, i));
}

bool rg_holds(rg_dtype dtype, double v) {
    if (dtype == RG_F32 || dtype == RG_F64) return true;
    return v == trunc(v) && v >= (dtype == RG_U8 ? 0 : INT32_MIN) && v <= (dtype == RG_U8 ? UINT8_MAX : INT32_MAX);
}

void rg_set_all(rg_tensor *x, double value) { for (int64_t i = 0; i < x->numel; i++) set_element(x->data, x->dtype, i, value); }

void rg_touch(rg_tensor *leaf) {
    if (!rg_usable(leaf)) return;
    rg_tensor *owner = leaf->base ? leaf->base : leaf;
    if (owner->op) return;
    owner->leaf.written = owner->tape->seq;
    if (!(owner->flags & (RG_FILLED | RG_DRAWN))) return;
    /* its values are given from now on: a replay does not draw them */
    if (owner->flags & RG_DRAWN) owner->tape->released = (rg_end){"a write to a drawn input", NULL}, rg_plan_free(owner->tape);
    owner->flags &= (uint16_t)~(RG_FILLED | RG_DRAWN);
}

int rg_may_write(const char *at, rg_tensor *x, const char *who) {
    char text[160];
    if (!rg_usable_in(who, at, x) || x->tape->code) return -1;
    if (x->op) return rg_fail(x->tape, RG_ESTATE, at, "%s: the result of %s is no leaf", who, x->op->name);
    if (x->base) return rg_fail(x->tape, RG_ESTATE, at, "%s: this is a view; write to what it views", who);
    if (x->tape->pass.running && x->seq < x->tape->pass.mark)
        return rg_fail(x->tape, RG_ESTATE, at, "%s: %s cannot be written while a backward pass runs", who,
            rg_shape_text(x, text, sizeof text));
    return 0;
}

int rg_outside_pass(const char *at, rg_tape *t, const char *who) {
    return t && t->pass.running ? rg_fail(t, RG_ESTATE, at, "%s: inside a backward pass", who) : 0;
}

int rg_write_at(const char *at, rg_tensor *x, rg_dtype dtype, const void *data) {
    if (rg_may_write(at, x, "rg_write")) return -1;
    if (!rg_dtype_size(dtype)) return rg_fail(x->tape, RG_EDTYPE, at, "rg_write: there is no dtype %d", (int)dtype);
    if (!data && x->numel) return rg_fail(x->tape, RG_EVALUE, at, "rg_write: data is NULL");
    rg_convert(x->data, x->dtype, data, dtype, x->numel);
    rg_touch(x);
    return 0;
}

/* -------- asking */

int rg_ndim(const rg_tensor *x) { return rg_usable(x) ? x->ndim : 0; }
const int64_t *rg_shape(const rg_tensor *x) { return rg_usable(x) ? x->shape : no_tensor.shape; }
int64_t rg_numel(const rg_tensor *x) { return rg_usable(x) ? x->numel : 0; }
rg_dtype rg_dtype_of(const rg_tensor *x) { return rg_usable(x) ? x->dtype : RG_F32; }
const char *rg_name_of(const rg_tensor *x) { return rg_usable(x) ? x->name : NULL; }
rg_tape *rg_tape_of(const rg_tensor *x) { return x ? x->tape : NULL; }
bool rg_needs_grad(const rg_tensor *x) { return rg_usable(x) && (x->flags & RG_NEEDS); }
rg_tensor *rg_grad_of(rg_tensor *x) { return rg_usable(x) ? x->grad : NULL; }

int64_t rg_dim(const rg_tensor *x, int axis) {
    if (!rg_usable(x) || axis < -x->ndim || axis >= x->ndim) return -1;
    return x->shape[axis < 0 ? axis + x->ndim : axis];
}

/* -------- values. A vjp that reads one here cannot be replayed: pass.reads counts. Reads of ->data, or by rg_element, are not counted. */

static const void *data_as(const char *who, rg_tensor *x, rg_dtype d) {
    if (!rg_usable_in(who, NULL, x)) return NULL;
    x->tape->pass.reads++;
    if (x->dtype == d) return x->data;
    return (void)rg_fail_of(x, RG_EDTYPE, who, "the tensor is %s", rg_dtype_name(x->dtype)), NULL;
}

const float *rg_f32(rg_tensor *x) { return data_as(__func__, x, RG_F32); }
const double *rg_f64(rg_tensor *x) { return data_as(__func__, x, RG_F64); }
const int32_t *rg_i32(rg_tensor *x) { return data_as(__func__, x, RG_I32); }
const uint8_t *rg_u8(rg_tensor *x) { return data_as(__func__, x, RG_U8); }

double rg_item(rg_tensor *x) {
    if (!rg_usable(x)) return NAN;
    x->tape->pass.reads++;
    if (x->numel == 1) return rg_element(x, 0);
    rg_fail_of(x, RG_ESHAPE, "rg_item", "%lld elements, not one", (long long)x->numel);
    return NAN;
}

int rg_copy_out_at(const char *at, rg_tensor *x, rg_dtype dtype, void *to, int64_t capacity) {
    if (!rg_usable_at(x)) return -1;
    x->tape->pass.reads++;
    if (!rg_dtype_size(dtype)) return rg_fail(x->tape, RG_EDTYPE, at, "rg_copy_out: there is no dtype %d", (int)dtype);
    if (capacity < x->numel || (!to && x->numel))
        return rg_fail(
            x->tape, RG_EVALUE, at, "rg_copy_out: %lld elements, room for %lld", (long long)x->numel, (long long)(to ? capacity : 0));
    rg_convert(to, dtype, x->data, x->dtype, x->numel);
    return 0;
}
