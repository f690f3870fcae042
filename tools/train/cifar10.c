/* cifar10.c - a multilayer perceptron on CIFAR-10, built from layers. */
#include <retrograd.h>

#include <stdio.h>
#include <stdlib.h>

#include "tools/common/run.h"

static rg_tensor *logits(void *net, rg_tensor *x) { return rg_nn_forward((rg_nn *)net, x); }

int main(int argc, char **argv) {
    run_options o = {.epochs = 20, .batch = 128, .lr = 0.01, .optimizer = "sgd", .hidden = {2, {256, 128}}, .threads = 1, .dtype = "f32",
        .path = "tape", .floor = 25};
    const option_row own[] = {{"data", OPT_STRING, &o.data, "DIR",
        "folder of the binary batches; else $RETROGRAD_DATA or ~/.cache/retrograd, cifar-10-batches-bin there", 0, 0},
        {"l2", OPT_DOUBLE, &o.l2, "LAMBDA", "adds LAMBDA sum W^2 to the loss, and so 2 LAMBDA W to the gradient", 0, 1e6}, {0}};
    int status = run_parse("Trains a multilayer perceptron on the 32x32 colour images of CIFAR-10.", &o, own, argc, argv);
    if (status != OPTIONS_RUN) return status;

    char folder[4096];
    if (!o.data) {
        const char *data = getenv("RETROGRAD_DATA"), *home = getenv("HOME");
        o.data = run_path(folder, sizeof folder, data ? data : home ? home : ".",
            data ? "cifar-10-batches-bin" : ".cache/retrograd/cifar-10-batches-bin");
    }
    rg_tape *t = run_tape(&o);
    classifier c = {.name = "CIFAR-10", .logits = logits, .train = rg_read_cifar10(t, o.data, true),
        .test = rg_read_cifar10(t, o.data, false)};
    if (rg_error_code(t)) return run_finish(t, 1);

    /* 3072 - 256 - 128 - 10, He's initialisation, relu between */
    int64_t sizes[OPTION_INTS_MAX + 2] = {rg_numel(c.train.x) / rg_dim(c.train.x, 0)};
    for (int i = 0; i < o.hidden.count; i++) sizes[i + 1] = o.hidden.value[i];
    sizes[o.hidden.count + 1] = c.train.classes;
    rg_nn *net = rg_nn_mlp_n(t, "relu", RG_HE_NORMAL, o.hidden.count + 2, sizes);

    c.model = net;
    c.first = rg_params(t).items ? rg_params(t).items[0] : NULL;
    c.channels = 3, c.height = 32, c.width = 32;
    printf("CIFAR-10 (%s): %lld training images, %lld test images\n", o.data, (long long)rg_dim(c.train.x, 0),
        (long long)rg_dim(c.test.x, 0));
    return run_finish(t, classifier_train(t, &c, &o));
}
