/* gradient.c - a first gradient, by the tape and by hand.

   L = sum (tanh(x w) - y)^2 for x [3,2], w [2,1], y [3,1]. By the chain rule, with h = tanh(x w):
   dL/dh = 2 (h - y), dL/d(x w) = 2 (h - y) (1 - h^2), dL/dw = x' 2 (h - y) (1 - h^2).                 */
#include <math.h>
#include <retrograd.h>
#include <stdio.h>

static const float X[3][2] = {{1, 2}, {-1, .5f}, {.5f, -2}}, Y[3] = {.5f, -.25f, .75f}, W[2] = {.3f, -.2f};

static void by_hand(double dw[2]) {
    dw[0] = dw[1] = 0;
    for (int i = 0; i < 3; i++) {
        const double h = tanh((double)X[i][0] * (double)W[0] + (double)X[i][1] * (double)W[1]);
        const double dz = 2 * (h - (double)Y[i]) * (1 - h * h);
        for (int j = 0; j < 2; j++) dw[j] += (double)X[i][j] * dz;
    }
}

int main(void) {
    rg_tape *t = rg_tape_new(1);
    rg_tensor *w = rg_parameter(t, "w", 2, 1); /* a parameter of zeros, */
    rg_write(w, W);                            /* which gets these values */
    rg_tensor *x = rg_input(t, X, 3, 2), *y = rg_input(t, Y, 3, 1);

    rg_tensor *h = rg_tanh(rg_matmul(x, w));             /* recorded on the tape */
    rg_tensor *loss = rg_sum(rg_square(rg_sub(h, y)));
    rg_backward(loss);                                   /* runs the tape backwards */

    double dw[2];
    by_hand(dw);
    printf("loss     %.6f\n", rg_item(loss));
    const float *g = rg_f32(rg_grad_of(w));
    if (g) printf("by tape  %.6f %.6f\nby hand  %.6f %.6f\n", (double)g[0], (double)g[1], dw[0], dw[1]);
    const int failed = rg_error_code(t) != 0;
    rg_tape_free(t);
    return failed;
}

/* It prints:

loss     0.438729
by tape  -1.152023 -1.738114
by hand  -1.152023 -1.738114
*/
