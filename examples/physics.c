/* physics.c - a network that solves y'' = -y with y(0) = 0 and y'(0) = 1, whose solution is sin x (Lagaris et al. 1998).

   y(x) = x + (x / 2 pi)^2 N(x / pi - 1) satisfies the initial conditions for any N. The loss is mean (y'' + y)^2, where y''
   comes from two passes of the tape; the optimiser's pass through it is the third.                    */
#include <math.h>
#include <retrograd.h>
#include <stdio.h>

enum { POINTS = 48, STEPS = 2500 };
static const double END = 6.283185307179586;

static rg_tensor *solution(rg_nn *net, rg_tensor *x) {
    return rg_add(x, rg_mul(rg_square(rg_mul(x, 1 / END)), rg_nn_forward(net, rg_sub(rg_mul(x, 2 / END), 1))));
}

/* dy/dx at every point: each y depends on its own x alone. */
static rg_tensor *slope(rg_tensor *y, rg_tensor *x) {
    rg_tensor *g;
    rg_grad(rg_sum(y), rg_list_of(x), &g, .create_graph = true);
    return g;
}

int main(void) {
    double at[POINTS], y[POINTS];
    rg_tape *t = rg_tape_new(1);
    rg_set_default_dtype(t, RG_F64);
    for (int i = 0; i < POINTS; i++) at[i] = END * i / (POINTS - 1);
    rg_tensor *x = rg_requires_grad(rg_buffer(t, "x", at, POINTS, 1), true);
    rg_nn *net = rg_nn_mlp(t, "tanh", RG_XAVIER_NORMAL, 1, 32, 32, 1);
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(net), .lr = 1e-2);

    for (int step = 1; step <= STEPS; step++) {
        rg_tensor *now = solution(net, x);
        rg_tensor *loss = rg_mean(rg_square(rg_add(slope(slope(now, x), x), now)));
        rg_optim_set_lr(adam, rg_lr_cosine(1e-2, step, STEPS + 1, 0));
        rg_backward(loss, .inputs = rg_nn_params(net)); /* x requires a gradient too, but not this one */
        rg_optim_step(adam);
        if (step % 500 == 0) printf("step %4d   mean of (y'' + y)^2  %.0e\n", step, rg_item(loss));
        rg_tape_reset(t);
    }
    rg_nn_eval(net);
    rg_copy_out(solution(net, x), y, POINTS);
    rg_nn_eval_end(net);
    double worst = 0;
    for (int i = 0; i < POINTS; i++) worst = fmax(worst, fabs(y[i] - sin(at[i])));
    printf("largest |y - sin x|: %s\n", worst < .01 ? "less than 0.01" : "more than 0.01");
    const int failed = rg_error_code(t) != 0;
    rg_tape_free(t);
    return failed;
}

/* It prints:

step  500   mean of (y'' + y)^2  5e-03
step 1000   mean of (y'' + y)^2  1e-04
step 1500   mean of (y'' + y)^2  9e-05
step 2000   mean of (y'' + y)^2  8e-05
step 2500   mean of (y'' + y)^2  8e-05
largest |y - sin x|: less than 0.01
*/
