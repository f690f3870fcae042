/* faults.h - faults that meson.build in this folder plants in copies of mlp.c and sigmoid.c, one in each. X(name, what the copy does, the
   first quantity that has to differ in a network of three layers with a regulariser). Include it after manual.h. */
#ifndef MANUAL_FAULTS_H
#define MANUAL_FAULTS_H

#define MLP_FAULTS_FORWARD(X)                                                              \
    X(relu_left_out, "A = Z", "A1")                                                        \
    X(softmax_sum, "divides by the last power, not by their sum", "A3")                    \
    X(loss_mean, "sums the loss over the samples", "loss")                                 \
    X(loss_l2, "takes the regulariser away", "loss")

#define MLP_FAULTS_BACKWARD(X)                                                             \
    X(sign, "dZk = (Y - Ak) / n", "dZ3")                                                   \
    X(mean, "dZk = Ak - Y", "dZ3")                                                         \
    X(class, "the one-hot rows are those of y + 1", "dZ3")                                 \
    X(l2, "dW without 2 lambda W", "dW3")                                                  \
    X(l2_without_2, "lambda W for 2 lambda W", "dW3")                                      \
    X(before_relu, "dWl = Z(l-1)' dZl", "dW3")                                             \
    X(stale, "dWl from the activations of the step before", "dW3")                         \
    X(bias_sum, "db is the first row of dZ", "db3")                                        \
    X(assign, "db = where it should be db +=", "db3")                                      \
    X(transposed, "dA(l-1) = dZl Wl, the numbers of W read as if transposed", "dA2")       \
    X(mask, "dZ = dA", "dZ2")                                                              \
    X(wrong_mask, "dZ2 by the mask of Z1", "dZ2")

#define SIGMOID_FAULTS(X)                                                                  \
    X(sign, "dA2 = Y - A2", "dA2")                                                         \
    X(bias_sum, "db is the first row of dZ", "db2")                                        \
    X(assign, "db = where it should be db +=", "db2")                                      \
    X(transposed, "dW1 = X dZ1, the numbers of X read as if transposed", "dW1")            \
    X(stale, "dW2 from the activations of the step before", "dW2")

#endif
