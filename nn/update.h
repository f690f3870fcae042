/* update.h - what an optimiser hands to the kernel that updates one parameter. */
#ifndef RG_UPDATE_H
#define RG_UPDATE_H

#include "engine/op.h"

typedef struct rg_update {
    rg_tape *tape;
    int64_t n;                   /* elements of p, g, m, v, all of one float dtype */
    void *p;
    const void *g;
    void *m, *v;                 /* sgd without momentum has neither, sgd no v */
    double lr, weight_decay;
    double momentum, take;       /* sgd: m = momentum m + take d */
    bool nesterov;
    double keep;                 /* adam: p is multiplied by this first */
    double beta1, beta2, eps;
    double step, root;           /* adam: lr / (1 - beta1^k), sqrt(1 - beta2^k) */
} rg_update;

typedef void rg_update_fn(const rg_update *u);
#define RG_UPDATES(n) rg_update_fn rg_k_##n##_f32_base, rg_k_##n##_f64_base, rg_k_##n##_f32_avx2, rg_k_##n##_f64_avx2
RG_UPDATES(sgd);
RG_UPDATES(adam);

#endif
