/* vae.c - a variational autoencoder of drawn digits, with a code of 8 numbers (Kingma & Welling 2014).

   The encoder gives a mean and a log variance; the code is mean + std * noise, so that gradients pass through it; the loss is the
   cross-entropy of the pixels plus the divergence of the code from a standard normal. At the end it draws digits from noise. */
#include <retrograd.h>
#include <stdio.h>

enum { PIXELS = 784, CODE = 8, BATCH = 50, EPOCHS = 12 };
typedef struct vae { rg_nn *encoder, *decoder; } vae;

/* -ELBO per image, in nats; *kl is the divergence in it */
static rg_tensor *loss_of(rg_tape *t, const vae *v, rg_tensor *x, double *kl) {
    const int64_t n = rg_dim(x, 0);
    rg_tensor *part[2];
    rg_split(rg_nn_forward(v->encoder, x), part, 1, CODE, CODE);
    rg_tensor *mean = part[0], *log_var = part[1];
    rg_tensor *code = rg_add(mean, rg_mul(rg_exp(rg_mul(log_var, .5)), rg_normal(t, 0, 1, n, CODE)));
    rg_tensor *pixels = rg_bce_with_logits(rg_nn_forward(v->decoder, code), x, .reduction = RG_SUM);
    /* -1/2 sum (1 + log var - mean^2 - var) */
    rg_tensor *divergence = rg_mul(-.5, rg_sum(rg_sub(rg_add(log_var, 1), rg_add(rg_square(mean), rg_exp(log_var)))));
    *kl = rg_item(divergence) / (double)n;
    return rg_mul(rg_add(pixels, divergence), 1. / (double)n);
}

static void draw(rg_tape *t, const vae *v) {
    enum { SHOWN = 4 };
    static float p[SHOWN][28][28];
    rg_nn_eval(v->decoder);
    rg_copy_out(rg_sigmoid(rg_nn_forward(v->decoder, rg_normal(t, 0, 1, SHOWN, CODE))), p[0], SHOWN * PIXELS);
    rg_nn_eval_end(v->decoder);
    rg_tape_reset(t);
    for (int r = 3; r < 26; r += 2) { /* a character is two rows high */
        for (int k = 0; k < SHOWN; k++)
            for (int c = 4; c < 24; c++) putchar(" .:*#"[(int)(4.99f * (p[k][r][c] + p[k][r + 1][c]) / 2)]);
        putchar('\n');
    }
}

int main(void) {
    rg_tape *t = rg_tape_new(6);
    rg_dataset digits = rg_make_digits(t, 3000);
    rg_loader *batches = rg_loader_new(t, digits.x, NULL, .batch = BATCH, .shuffle = true);
    const vae v = {rg_nn_mlp(t, "relu", RG_HE_NORMAL, PIXELS, 128, 2 * CODE), rg_nn_mlp(t, "relu", RG_HE_NORMAL, CODE, 128, PIXELS)};
    rg_optim *adam = rg_optim_adam(t, rg_params(t), .lr = 2e-3);
    rg_tensor *x;
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        double sum = 0, kls = 0, kl;
        while (rg_loader_next(batches, &x)) {
            rg_tensor *loss = loss_of(t, &v, x, &kl);
            sum += rg_item(loss), kls += kl;
            rg_backward(loss);
            rg_optim_step(adam);
            rg_tape_reset(t);
        }
        const double steps = (double)rg_loader_steps(batches);
        if (epoch % 4 == 0) printf("epoch %2d   -ELBO %.0f   of it divergence %.0f\n", epoch, sum / steps, kls / steps);
    }
    draw(t, &v);
    const int failed = rg_error_code(t) != 0;
    rg_tape_free(t);
    return failed;
}

/* It prints:

epoch  4   -ELBO 215   of it divergence 10
epoch  8   -ELBO 201   of it divergence 11
epoch 12   -ELBO 195   of it divergence 11
                            ..:::::**::.                            .....
          ...               .:::..:::::.         .::::.          ..:***:::..
  ....     ...             .:::.    ...        ..:::...         .:***::::*::.
 .::*                    .::*::...             .**:...         .:**:.  .:**:.
 .**:                   ..:::::::.            .*#*:...         .**::...:***:
.*#*:                   ............          :***::::.       ..::********:.
:***:.     .                 ...:..          .*#*:...:*.      ..:::**::::**:
.***:.   ...           .     .::.           .*#*:.  .:*:.     .....    .:#*:
.:::.. .. .          .:..   .:::.           .:**.. .:*:.    ......    .:*#*.
  ..........        .::::::::::.             ...:::::..     ...:::::.:***:.
                    .:.**:*:::.                  ...         ...::*****:.
                       .......                                   ......
*/
