/* mnist.c - a multilayer perceptron on handwritten digits, on Fashion-MNIST, or on digits that the program draws.

   The network is the first function; what is around it reads the data and the options.                                     */
#include <retrograd.h>

#include <stdio.h>

#include "tools/common/images.h"
#include "tools/common/run.h"

enum { MOST = OPTION_INTS_MAX + 1 };
typedef struct mlp {
    int layers;
    rg_tensor *w[MOST], *b[MOST]; /* [in, out], [out] */
} mlp;

/* logits = relu(relu(x w1 + b1) w2 + b2) ... wn + bn */
static rg_tensor *logits(void *model, rg_tensor *x) {
    const mlp *net = model;
    for (int i = 0; i < net->layers; i++) {
        x = rg_linear(x, net->w[i], net->b[i]);
        if (i + 1 < net->layers) x = rg_relu(x);
    }
    return x;
}

static mlp make(rg_tape *t, int64_t in, const option_ints *hidden, int64_t classes) {
    mlp net = {.layers = hidden->count + 1};
    for (int i = 0; i < net.layers; i++) {
        const int64_t out = i < hidden->count ? hidden->value[i] : classes;
        char name[16];
        snprintf(name, sizeof name, "w%d", i + 1);
        net.w[i] = rg_param(t, name, RG_HE_NORMAL, in, out);
        name[0] = 'b';
        net.b[i] = rg_param(t, name, RG_ZEROS, out);
        in = out;
    }
    return net;
}

enum { DRAWN_TRAIN = 60000, DRAWN_TEST = 10000 };

int main(int argc, char **argv) {
    run_options o = {.epochs = 10, .batch = 64, .lr = 0.1, .optimizer = "sgd", .hidden = {1, {128}}, .threads = 1, .dtype = "f32",
        .path = "tape", .floor = 80};
    const option_row own[] = {{"data", OPT_STRING, &o.data, "DIR", IMAGES_HELP, 0, 0},
        {"l2", OPT_DOUBLE, &o.l2, "LAMBDA", "adds LAMBDA sum W^2 to the loss, and so 2 LAMBDA W to the gradient", 0, 1e6}, {0}};
    int status = run_parse("Trains a multilayer perceptron on images of digits or clothes.", &o, own, argc, argv);
    if (status != OPTIONS_RUN) return status;

    rg_tape *t = run_tape(&o);
    classifier c = {.logits = logits};
    if (!(c.name = images_open(t, o.data, DRAWN_TRAIN, DRAWN_TEST, &c.train, &c.test))) return run_finish(t, 1);

    const int64_t height = rg_dim(c.train.x, 1), width = rg_dim(c.train.x, 2);
    mlp net = make(t, height * width, &o.hidden, c.train.classes);
    c.model = &net;
    c.first = net.w[0];
    c.channels = 1, c.height = (int)height, c.width = (int)width;
    return run_finish(t, classifier_train(t, &c, &o));
}
