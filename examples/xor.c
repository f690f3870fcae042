/* xor.c - an MLP with one hidden layer learns xor, which a network without a hidden layer cannot learn. */
#include <retrograd.h>
#include <stdio.h>

int main(void) {
    static const float X[] = {0, 0, 0, 1, 1, 0, 1, 1}, Y[] = {0, 1, 1, 0};
    rg_tape *t = rg_tape_new(42); /* the seed: every run has the same numbers */
    rg_tensor *x = rg_buffer(t, "x", X, 4, 2), *y = rg_buffer(t, "y", Y, 4, 1);
    rg_tensor *w1 = rg_param(t, "w1", RG_XAVIER_NORMAL, 2, 8), *b1 = rg_param(t, "b1", RG_ZEROS, 8);
    rg_tensor *w2 = rg_param(t, "w2", RG_XAVIER_NORMAL, 8, 1), *b2 = rg_param(t, "b2", RG_ZEROS, 1);
    rg_optim *sgd = rg_optim_sgd(t, rg_params(t), .lr = 1);

    for (int step = 0; step <= 2000; step++) {
        rg_tensor *h = rg_tanh(rg_linear(x, w1, b1));
        rg_tensor *z = rg_linear(h, w2, b2);
        rg_tensor *loss = rg_bce_with_logits(z, y);
        if (step % 500 == 0) printf("step %4d   loss %.4f\n", step, rg_item(loss));
        rg_backward(loss);
        rg_optim_step(sgd);
        rg_tape_reset(t); /* releases what this step computed; x, y and the parameters stay */
    }
    rg_tensor *p = rg_sigmoid(rg_linear(rg_tanh(rg_linear(x, w1, b1)), w2, b2));
    float out[4] = {0};
    rg_copy_out(p, out, 4);
    for (int i = 0; i < 4; i++) printf("%g xor %g = %.2f\n", (double)X[2 * i], (double)X[2 * i + 1], (double)out[i]);
    const int failed = rg_error_code(t) != 0; /* one check for the whole program */
    rg_tape_free(t);
    return failed;
}

/* It prints:

step    0   loss 0.7202
step  500   loss 0.0037
step 1000   loss 0.0016
step 1500   loss 0.0010
step 2000   loss 0.0007
0 xor 0 = 0.00
0 xor 1 = 1.00
1 xor 0 = 1.00
1 xor 1 = 0.00
*/
