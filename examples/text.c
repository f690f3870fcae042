/* text.c - a small transformer that learns to reverse words: "abcd|dcba". Characters are numbers. The loss ignores the part before
   the bar. The answer is built character by character, each time the most likely one.                  */
#include <retrograd.h>
#include <stdio.h>

enum { LETTERS = 8, BAR = LETTERS, CODES, WORD = 5, LENGTH = 2 * WORD, BATCH = 64 };

/* x: word, bar, and the answer without its last letter; y: the next character of each. The mask is 0 before the bar. */
static void draw(rg_tape *t, int32_t x[][LENGTH], int32_t y[][LENGTH], uint8_t mask[][LENGTH]) {
    for (int i = 0; i < BATCH; i++) {
        int32_t all[LENGTH + 1];
        for (int k = 0; k < WORD; k++) all[k] = all[LENGTH - k] = (int32_t)rg_rng_integers(rg_tape_rng(t), 0, LETTERS);
        all[WORD] = BAR;
        for (int k = 0; k < LENGTH; k++) x[i][k] = all[k], y[i][k] = all[k + 1], mask[i][k] = k >= WORD;
    }
}

/* Whole answers that are right, of BATCH new words, in percent; prints the first. */
static double measure(rg_tape *t, rg_nn *net) {
    static int32_t x[BATCH][LENGTH], y[BATCH][LENGTH], best[BATCH][LENGTH];
    static uint8_t mask[BATCH][LENGTH];
    int right = BATCH;
    draw(t, x, y, mask);
    rg_nn_eval(net);
    for (int k = WORD; k < LENGTH; k++) { /* what it said is what it sees next */
        rg_copy_out(rg_argmax(rg_nn_forward(net, rg_input(t, x, BATCH, LENGTH)), -1), best, BATCH * LENGTH);
        rg_tape_reset(t);
        for (int i = 0; i < BATCH && k + 1 < LENGTH; i++) x[i][k + 1] = best[i][k];
    }
    rg_nn_eval_end(net);
    for (int i = 0; i < BATCH; i++)
        for (int k = WORD; k < LENGTH; k++)
            if (best[i][k] != y[i][k]) { right--; break; }
    for (int k = 0; k < LENGTH + 1; k++) {
        const int32_t c = k <= WORD ? x[0][k] : best[0][k - 1];
        putchar(c == BAR ? '|' : 'a' + c);
    }
    return 100. * right / BATCH;
}

int main(void) {
    static int32_t x[BATCH][LENGTH], y[BATCH][LENGTH];
    static uint8_t mask[BATCH][LENGTH];
    enum { DIM = 32, STEPS = 200 };
    rg_tape *t = rg_tape_new(4);
    rg_nn *net = rg_nn_sequential(t, rg_nn_embedding(t, CODES, DIM, RG_NORMAL(0, .1)),
        rg_nn_positional_embedding(t, LENGTH, DIM, RG_NORMAL(0, .1)),
        rg_nn_transformer_block(t, DIM, 4, 2 * DIM, RG_XAVIER_UNIFORM, .causal = true),
        rg_nn_transformer_block(t, DIM, 4, 2 * DIM, RG_XAVIER_UNIFORM, .causal = true),
        rg_nn_layer_norm(t, DIM), rg_nn_linear(t, DIM, CODES, RG_XAVIER_UNIFORM));
    rg_optim *adam = rg_optim_adamw(t, rg_nn_params(net), .lr = 3e-3);

    for (int step = 1; step <= STEPS; step++) {
        draw(t, x, y, mask);
        rg_tensor *logits = rg_nn_forward(net, rg_input(t, x, BATCH, LENGTH));
        rg_tensor *loss = rg_cross_entropy(logits, rg_input(t, y, BATCH, LENGTH), .mask = rg_input(t, mask, BATCH, LENGTH));
        rg_backward(loss);
        rg_clip_grad_norm(t, rg_nn_params(net), 1);
        rg_optim_set_lr(adam, rg_lr_cosine(3e-3, step, STEPS + 1, 1e-4));
        rg_optim_step(adam);
        const double value = rg_item(loss);
        rg_tape_reset(t);
        if (step % 50 == 0) printf("   step %3d   loss %.3f   %3.0f%% right\n", step, value, measure(t, net));
    }
    const int failed = rg_error_code(t) != 0;
    rg_tape_free(t);
    return failed;
}

/* It prints:

ghhag|gahhg   step  50   loss 0.007   100% right
hahbg|gbhah   step 100   loss 0.003   100% right
gfaeb|beafg   step 150   loss 0.002   100% right
fegha|ahgef   step 200   loss 0.002   100% right
*/
