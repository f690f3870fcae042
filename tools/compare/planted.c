/* planted.c - the network by hand with one of the planted faults in it. Compiled once per dtype, as the networks are. */
#include "compare.h"

#include <string.h>

#include "examples/course/manual/columns.h"
#include "examples/course/manual/faults/faults.h"
#include "examples/course/manual/sigmoid.h"

enum { F64 = sizeof(real) == sizeof(double) };

static const real *values_of(rg_tensor *x) { return F64 ? (const void *)rg_f64(x) : (const void *)rg_f32(x); }

#ifdef MANUAL_F64
#define COPY(of, fault) of##_##fault##_f64
#else
#define COPY(of, fault) of##_##fault##_f32
#endif

#define MLP(fault, what, first)                                                                    \
    void COPY(mlp_forward, fault)(mlp *m, int64_t n, const real *X, const int32_t *y);           \
    void COPY(mlp_backward, fault)(mlp *m);                                                      \
    static double mlp_##fault##_loss(void *of, rg_tensor *x, rg_tensor *y) {                      \
        COPY(mlp_forward, fault)(of, rg_dim(x, 0), values_of(x), rg_i32(y));                      \
        return (double)((mlp *)of)->loss;                                                         \
    }                                                                                              \
    static void mlp_##fault##_gradients(void *of) { COPY(mlp_backward, fault)(of); }
#define SIGMOID(fault, what, first)                                                                \
    void COPY(sigmoid_forward, fault)(sigmoid_net *s, int64_t n, const real *X, const real *Y);  \
    void COPY(sigmoid_backward, fault)(sigmoid_net *s);                                          \
    static double sigmoid_##fault##_loss(void *of, rg_tensor *x, rg_tensor *y) {                  \
        COPY(sigmoid_forward, fault)(of, rg_dim(x, 0), values_of(x), values_of(y));               \
        return (double)((sigmoid_net *)of)->mean;                                                 \
    }                                                                                              \
    static void sigmoid_##fault##_gradients(void *of) { COPY(sigmoid_backward, fault)(of); }
MLP_FAULTS_BACKWARD(MLP)
SIGMOID_FAULTS(SIGMOID)

#define plant_here BY_HAND(plant)
int plant_here(const char *name, bool sigmoid, twin_net *to) {
    static const struct { const char *name; bool sigmoid; double (*forward)(void *, rg_tensor *,
        rg_tensor *); void (*backward)(void *); } all[] = {
#define MLP_ROW(fault, what, first) {#fault, false, mlp_##fault##_loss, mlp_##fault##_gradients},
#define SIGMOID_ROW(fault, what, first) {#fault, true, sigmoid_##fault##_loss, sigmoid_##fault##_gradients},
        MLP_FAULTS_BACKWARD(MLP_ROW) SIGMOID_FAULTS(SIGMOID_ROW)};
    *to = *(sigmoid ? F64 ? &twin_sigmoid_f64 : &twin_sigmoid_f32 : F64 ? &twin_mlp_f64 : &twin_mlp_f32);
    if (!name) return 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].sigmoid != sigmoid || strcmp(all[i].name, name) != 0) continue;
        to->forward = all[i].forward;
        to->backward = all[i].backward;
        return 0;
    }
    return -1;
}

#define columns_apart BY_HAND(columns_apart)
double columns_apart(const void *of) {
    const char *worst;
    mlp *columns = columns_step(of);
    const double apart = columns ? columns_differ(of, columns, &worst) : -1;
    if (columns) mlp_free(columns);
    return apart;
}
