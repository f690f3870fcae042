/* cifar10.c - the MLP 3072-256-128-10 on the colour images of CIFAR-10, with crops and flips:

       ./cifar10 FOLDER      (sh tools/get-data cifar10 prints the folder)

   The state of the run is in cifar10.state: start the program again to continue an interrupted run.   */
#include <retrograd.h>
#include <stdio.h>

static double accuracy(rg_tape *t, rg_nn *net, rg_loader *batches) {
    double right = 0, rows = 0;
    rg_tensor *x, *y;
    rg_nn_eval(net);
    while (rg_loader_next(batches, &x, &y)) {
        right += rg_accuracy(rg_nn_forward(net, x), y) * (double)rg_numel(y);
        rows += (double)rg_numel(y);
        rg_tape_reset(t);
    }
    rg_nn_eval_end(net);
    return 100 * right / rows;
}

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "usage: cifar10 FOLDER, with data_batch_1.bin .. or cifar-10-batches-bin in it\n"), 2;
    rg_tape *t = rg_tape_new(1);
    rg_dataset train = rg_read_cifar10(t, argv[1], true), test = rg_read_cifar10(t, argv[1], false);
    double mean[3], std[3];
    if (rg_channel_stats(train.x, 3, mean, std)) return 1; /* also if a file could not be read */
    rg_loader *batches = rg_loader_new(t, train.x, train.y, .batch = 128, .shuffle = true, .channels = 3,
        .channel_mean = mean, .channel_std = std, .random_crop = 2, .random_flip = .5);
    rg_loader *tests = rg_loader_new(t, test.x, test.y, .batch = 500, .channels = 3, .channel_mean = mean, .channel_std = std);

    rg_nn *net = rg_nn_mlp(t, "relu", RG_HE_NORMAL, 3072, 256, 128, 10);
    rg_optim *sgd = rg_optim_sgd(t, rg_nn_params(net), .lr = .02, .momentum = .9, .weight_decay = 1e-4);
    rg_state *run = rg_state_new(t);
    rg_state_net(run, NULL, net);
    rg_state_optim(run, "sgd", sgd);
    rg_state_loader(run, "batches", batches);
    FILE *saved = fopen("cifar10.state", "rb");
    if (saved && (fclose(saved), rg_state_load(run, "cifar10.state"))) return 1;

    enum { EPOCHS = 10 };
    rg_tensor *x, *y;
    for (int64_t epoch = rg_loader_epoch(batches) + 1; epoch <= EPOCHS && !rg_error(t); epoch++) {
        double sum = 0;
        rg_optim_set_lr(sgd, rg_lr_cosine(.02, epoch - 1, EPOCHS, 0));
        while (rg_loader_next(batches, &x, &y)) {
            rg_tensor *loss = rg_cross_entropy(rg_nn_forward(net, x), y);
            sum += rg_item(loss);
            rg_backward(loss);
            rg_optim_step(sgd);
            rg_tape_reset(t);
        }
        printf("epoch %2d   loss %.2f   test %.0f%%\n", (int)epoch, sum / (double)rg_loader_steps(batches), accuracy(t, net, tests));
        rg_state_save(run, "cifar10.state");
    }
    const int failed = rg_error_code(t) != 0;
    rg_tape_free(t);
    return failed;
}

/* It prints:

epoch  1   loss 1.80   test 42%
epoch  2   loss 1.62   test 44%
epoch  3   loss 1.55   test 46%
epoch  4   loss 1.49   test 47%
epoch  5   loss 1.44   test 48%
epoch  6   loss 1.40   test 49%
epoch  7   loss 1.35   test 51%
epoch  8   loss 1.32   test 52%
epoch  9   loss 1.29   test 52%
epoch 10   loss 1.27   test 53%
*/
