/* moons.c - two half circles told apart by an MLP, and the boundary that it draws, in characters. */
#include <retrograd.h>
#include <stdio.h>

enum { ROWS = 17, COLUMNS = 58 };

/* The class at every point of a grid over -1.4 .. 2.4 by 1.3 .. -0.8; '.' and 'o' where it is unsure. */
static void draw(rg_tape *t, rg_nn *net) {
    static float points[ROWS * COLUMNS][2], p[ROWS * COLUMNS][2];
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            points[r * COLUMNS + c][0] = -1.4f + 3.8f * (float)c / (COLUMNS - 1);
            points[r * COLUMNS + c][1] = 1.3f - 2.1f * (float)r / (ROWS - 1);
        }
    rg_nn_eval(net);
    rg_copy_out(rg_softmax(rg_nn_forward(net, rg_input(t, points, ROWS * COLUMNS, 2)), 1), p, 2 * ROWS * COLUMNS);
    rg_nn_eval_end(net);
    rg_tape_reset(t);
    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < COLUMNS; c++) {
            const float second = p[r * COLUMNS + c][1];
            putchar(second < .1f ? ' ' : second < .5f ? '.' : second < .9f ? 'o' : '@');
        }
        putchar('\n');
    }
}

int main(void) {
    rg_tape *t = rg_tape_new(3);
    rg_dataset train = rg_make_moons(t, 1000, .15), test = rg_make_moons(t, 1000, .15);
    rg_loader *batches = rg_loader_new(t, train.x, train.y, .batch = 50, .shuffle = true);
    rg_nn *net = rg_nn_mlp(t, "relu", RG_HE_NORMAL, 2, 32, 32, 2);
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(net), .lr = .01);
    rg_tensor *x, *y;

    for (int epoch = 1; epoch <= 20; epoch++) {
        double sum = 0;
        while (rg_loader_next(batches, &x, &y)) {
            rg_tensor *loss = rg_cross_entropy(rg_nn_forward(net, x), y);
            sum += rg_item(loss);
            rg_backward(loss);
            rg_optim_step(adam);
            rg_tape_reset(t);
        }
        if (epoch % 5 == 0) printf("epoch %2d   loss %.3f\n", epoch, sum / (double)rg_loader_steps(batches));
    }
    rg_nn_eval(net);
    printf("%.1f%% of new points right\n\n", 100 * rg_accuracy(rg_nn_forward(net, rg_cast(test.x, RG_F32)), test.y));
    rg_nn_eval_end(net);
    rg_tape_reset(t);
    draw(t, net);
    const int failed = rg_error_code(t) != 0;
    rg_tape_free(t);
    return failed;
}

/* It prints:

epoch  5   loss 0.092
epoch 10   loss 0.036
epoch 15   loss 0.024
epoch 20   loss 0.019
98.5% of new points right

                                               ...oo@@@@@@
                                              ...oo@@@@@@@
                                             ...oo@@@@@@@@
                                            ...oo@@@@@@@@@
                  ..ooo.                    ..oo@@@@@@@@@@
                .oo@@@@oo.                 ..oo@@@@@@@@@@@
              .o@@@@@@@@@o.               ..oo@@@@@@@@@@@@
            .o@@@@@@@@@@@@@o.            ...o@@@@@@@@@@@@@
           .o@@@@@@@@@@@@@@@o.           ..o@@@@@@@@@@@@@@
          .o@@@@@@@@@@@@@@@@@o.        ..oo@@@@@@@@@@@@@@@
          .o@@@@@@@@@@@@@@@@@@@o.    ...oo@@@@@@@@@@@@@@@@
         .o@@@@@@@@@@@@@@@@@@@@@@@oooo@@@@@@@@@@@@@@@@@@@@
        .o@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
      .o@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
     .o@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
   .o@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
  .o@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
*/
