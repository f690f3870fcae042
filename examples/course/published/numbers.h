/* numbers.h - the numbers as they were published, system by system; the programs in this folder are held against them. */
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

/* -------- SimpleNN_MNIST (004) and its PyTorch twin: mean loss of each epoch, test accuracy after it */
static const double simple_loss[10] = {.3735, .2000, .1509, .1223, .1034, .0895, .0784, .0700, .0624, .0565};
static const double simple_test[10] = {.9359, .9515, .9600, .9645, .9675, .9693, .9728, .9745, .9752, .9761};
static const double pytorch_loss[10] = {.3656, .1950, .1472, .1205, .1021, .0882, .0776, .0690, .0624, .0562};
static const double pytorch_test[10] = {.9382, .9547, .9615, .9628, .9704, .9725, .9717, .9751, .9755, .9775};

/* -------- modular MLP with Adam (001): mean loss, accuracy on the first 1,000 training images, test accuracy */
static const double modular_loss[10] = {4.3534, .5685, .3147, .2499, .2068, .1970, .1789, .1752, .1574, .1576};
static const double modular_train[10] = {.9215, .9324, .9426, .9480, .9520, .9512, .9579, .9549, .9667, .9638};
static const double modular_test[10] = {.9136, .9170, .9254, .9330, .9374, .9404, .9444, .9429, .9543, .9486};
static const double modular_bar = .85, modular_seconds = 120, modular_gigabytes = 2; /* what the task asks of 784-128-10 */

/* -------- Submission-1 (001): training loss, validation loss, validation score; and the score on hidden images */
static const double submission_loss[8] = {1.8330, 1.0680, .7461, .5896, .5100, .4530, .4111, .3805};
static const double submission_val_loss[8] = {1.3102, .8539, .6484, .5509, .5005, .4547, .4236, .3992};
static const double submission_val[8] = {.7560, .8340, .8840, .8780, .8840, .8860, .8960, .9060};
static const double submission_score = .903;

/* -------- the same with weights drawn from randn / sqrt(2/n) in place of randn * sqrt(2/n) (001) */
static const double bug_score = .843;

/* -------- ScratchNet on CIFAR-10 (000): mean loss of each epoch; no accuracy was published */
static const double scratch_loss[20] = {1.9804, 1.8110, 1.7476, 1.7008, 1.6646, 1.6305, 1.6031, 1.5784, 1.5600, 1.5417, 1.5168, 1.5028,
    1.4864,
    1.4699, 1.4566, 1.4427, 1.4328, 1.4150, 1.4031, 1.3955};

#endif
