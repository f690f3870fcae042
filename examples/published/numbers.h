/* numbers.h - the numbers as they were published, system by system; the programs beside this file are held against them. */
#ifndef RETROGRAD_PUBLISHED_NUMBERS_H
#define RETROGRAD_PUBLISHED_NUMBERS_H

/* -------- HNR499_Model5 (003): share of the first 10,000 training images right after each epoch, and of the test set at the end */
static const double model5_train[8] = {.9092, .9270, .9388, .9466, .9544, .9592, .9628, .9674};
static const double model5_test = .9633;

/* -------- perceptron on XOR (004): what it answers to 00, 01, 10, 11, and what it has become after 100 passes */
static const double perceptron_output[4] = {1, 1, 0, 0};
static const double perceptron_weights[2] = {-0.1, 0}, perceptron_bias = 0; /* the weights from running the published program */
static const double perceptron_accuracy = 50.0;                             /* percent */

/* -------- softmax of five logits (004) */
static const double softmax_logits[5] = {2.0, 1.0, 0.1, 3.0, -1.0};
static const double softmax_output[5] = {.233, .086, .035, .634, .012};
static const double softmax_sum = 1.00;

/* -------- cross-entropy (004): three predictions for class 2 of 4, from sure and right to sure and wrong */
static const double case_probability[3] = {.95, .50, .05}; /* of the right class; the others share the rest equally */
static const double case_output[3][4] = {{.0167, .0167, .95, .0167}, {.1667, .1667, .5, .1667}, {.3167, .3167, .05, .3167}};
static const double case_loss[3] = {0.0513, 0.6931, 2.9957};

/* -------- one-hot vectors of 10 classes (004): one label, then a batch of four */
static const int one_hot_labels[5] = {7, 3, 0, 9, 1};
static const int one_hot_rows[5][10] = {
    {0, 0, 0, 0, 0, 0, 0, 1, 0, 0},
    {0, 0, 0, 1, 0, 0, 0, 0, 0, 0},
    {1, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
    {0, 1, 0, 0, 0, 0, 0, 0, 0, 0},
};

/* -------- initial weights [784, 128] (004): standard deviations; and the one mean that was printed */
static const double init_std_zeros = 0.0000, init_std_normal = 0.0100, init_std_xavier = 0.0358, init_std_he = 0.0505;
static const double init_mean_normal = 0.0000;

/* -------- MLP_XOR (004): mean (y - o)^2 at epochs 0, 1000 .. 9000 of one run */
static const double xor_loss[10] = {.3274, .2498, .2479, .2306, .1784, .0817, .0219, .0104, .0065, .0046};
/* Of 2,000 runs of the published program, this percentage solved it; allowed is twice that share's standard error. */
static const double xor_success = 80.9, xor_success_allowed = 1.7;

#endif
