/* gan.c - a Wasserstein GAN with gradient penalty: points on a ring of eight spots (Gulrajani et al. 2017).

   The penalty depends on the critic's gradient between real and generated points, so the critic's loss contains a derivative:
   .create_graph records the pass that computes it. Each side gets gradients for its own parameters only.                  */
#include <math.h>
#include <retrograd.h>
#include <stdio.h>

enum { BATCH = 64, NOISE = 4, SPOTS = 8, STEPS = 3000, CRITICS = 3 };

static rg_tensor *real_points(rg_tape *t) {
    float p[BATCH][2];
    rg_rng *rng = rg_tape_rng(t);
    for (int i = 0; i < BATCH; i++) {
        const double angle = 2 * 3.141592653589793 * (double)rg_rng_integers(rng, 0, SPOTS) / SPOTS;
        p[i][0] = (float)(2 * cos(angle) + rg_rng_normal(rng, 0, .05));
        p[i][1] = (float)(2 * sin(angle) + rg_rng_normal(rng, 0, .05));
    }
    return rg_input(t, p, BATCH, 2);
}

static rg_tensor *false_points(rg_tape *t, rg_nn *maker) { return rg_nn_forward(maker, rg_normal(t, 0, 1, BATCH, NOISE)); }

/* critic(false) - critic(real) + .3 (|gradient between them| - 1)^2 */
static rg_tensor *critic_loss(rg_tape *t, rg_nn *critic, rg_nn *maker) {
    rg_tensor *real = real_points(t), *made = rg_detach(false_points(t, maker)), *share = rg_uniform(t, 0, 1, BATCH, 1), *g;
    rg_tensor *between = rg_requires_grad(rg_detach(rg_add(rg_mul(share, real), rg_mul(rg_sub(1, share), made))), true);
    if (rg_grad(rg_sum(rg_nn_forward(critic, between)), rg_list_of(between), &g, .create_graph = true)) return g;
    rg_tensor *penalty = rg_mean(rg_square(rg_sub(rg_norm(g, 1), 1)));
    rg_tensor *distance = rg_sub(rg_mean(rg_nn_forward(critic, real)), rg_mean(rg_nn_forward(critic, made)));
    return rg_sub(rg_mul(penalty, .3), distance);
}

/* How many spots have points nearby, and what share of the points is near one. */
static void measure(rg_tape *t, rg_nn *maker, int step) {
    float p[BATCH][2];
    int found[SPOTS] = {0}, near = 0, spots = 0;
    rg_nn_eval(maker);
    for (int k = 0; k < 8; k++) {
        rg_copy_out(false_points(t, maker), p, 2 * BATCH);
        rg_tape_reset(t);
        for (int i = 0; i < BATCH; i++) {
            const double angle = atan2((double)p[i][1], (double)p[i][0]) / (2 * 3.141592653589793) * SPOTS;
            const int spot = ((int)lround(angle) + SPOTS) % SPOTS;
            const double a = 2 * 3.141592653589793 * spot / SPOTS, d = hypot((double)p[i][0] - 2 * cos(a), (double)p[i][1] - 2 * sin(a));
            if (d < .4) near++, found[spot]++;
        }
    }
    rg_nn_eval_end(maker);
    for (int k = 0; k < SPOTS; k++) spots += found[k] > 4;
    printf("step %4d   %d of %d spots, %.0f%% of the points near one\n", step, spots, SPOTS, 100. * near / (8 * BATCH));
}

int main(void) {
    rg_tape *t = rg_tape_new(2);
    rg_nn *maker = rg_nn_mlp(t, "relu", RG_HE_NORMAL, NOISE, 64, 64, 2), *critic = rg_nn_mlp(t, "relu", RG_HE_NORMAL, 2, 64, 64, 1);
    rg_optim *to_make = rg_optim_adam(t, rg_nn_params(maker), .lr = 1e-3, .beta1 = .5, .beta2 = .9);
    rg_optim *to_judge = rg_optim_adam(t, rg_nn_params(critic), .lr = 2e-3, .beta1 = .5, .beta2 = .9);
    for (int step = 1; step <= STEPS && !rg_error(t); step++) {
        for (int k = 0; k < CRITICS; k++) {
            rg_backward(critic_loss(t, critic, maker), .inputs = rg_nn_params(critic));
            rg_optim_step(to_judge);
            rg_tape_reset(t);
        }
        rg_backward(rg_neg(rg_mean(rg_nn_forward(critic, false_points(t, maker)))), .inputs = rg_nn_params(maker));
        rg_optim_step(to_make);
        rg_tape_reset(t);
        if (step % 1000 == 0) measure(t, maker, step);
    }
    const int failed = rg_error_code(t) != 0;
    rg_tape_free(t);
    return failed;
}

/* It prints:

step 1000   8 of 8 spots, 49% of the points near one
step 2000   8 of 8 spots, 71% of the points near one
step 3000   8 of 8 spots, 82% of the points near one
*/
