/* calls_compile.c - every form of call, as C and as C++ (tests/tools/test_calls.sh compiles it, and appends to it what must not
   compile). */
#include "retrograd.h"

rg_tensor *forms(rg_tape *t, rg_tensor *x, rg_tensor *i, void *untyped, int64_t n);
rg_tensor *forms(rg_tape *t, rg_tensor *x, rg_tensor *i, void *untyped, int64_t n) {
    const float data[] = {1, 2};
    double rows[2][2] = {{1, 2}, {3, 4}}, out[4];
    rg_tensor *two[] = {x, x}, *index = NULL;
    const int64_t shape[] = {2, 2};
    x = rg_add(1, rg_sub(rg_mul(x, .5), rg_div(x, n)));
    x = rg_where(rg_gt(x, 0), x, 0);
    x = rg_sum(rg_add(rg_input(t, data, 2), rg_input(t, rows, 2, 2)), 0, -1);
    x = rg_add(rg_input_of(t, RG_F32, untyped, 2, n), rg_input_n(t, rows, 2, shape));
    x = rg_add(rg_mean(x), rg_sum_keep(x, -1));
    x = rg_concat(0, x, rg_stack(0, x, x), rg_stack_n(0, 2, two));
    x = rg_reshape(rg_reshape_n(x, 2, shape), 2, -1);
    x = rg_matmul(x, x, .transpose_b = true);
    x = rg_conv2d(x, x, NULL, .stride = {2}, .padding = {1, 1});
    x = rg_slice(rg_topk(x, 0, 2, .index = &index), 0, 1, RG_TO_END, .step = 2);
    x = rg_add(rg_cross_entropy(x, i), rg_cross_entropy(x, i, .label_smoothing = .1));
    x = rg_layer_norm(x, NULL, NULL, 1);
    rg_write(x, data);
    rg_copy_out(x, out, 4);
    rg_nn *net = rg_nn_sequential(
        t, rg_nn_conv2d(t, 3, 8, RG_HE_NORMAL, .kernel = {3}), rg_nn_relu(t), rg_nn_linear(t, 8, 2, RG_ONES, .bias = RG_NO_BIAS));
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(net), .lr = 1e-3, .weight_decay = .01), *sgd = rg_optim_sgd(t, rg_params(t));
    rg_loader *batches = rg_loader_new(t, x, i, .batch = 64, .shuffle = true);
    rg_optim_add_group(adam, rg_list_of(x), .lr = .1);
    rg_optim_sgd(t, rg_list_join(rg_list_of(x), rg_params(t)), .lr = .1);
    rg_nn_save(net, "net");
    rg_nn_load(net, "net", .layout = RG_TORCH, .prefix = "model.", .partial = true);
    rg_state *run = rg_state_new(t);
    rg_state_tensors(run, NULL, rg_list_of(x, i));
    rg_state_count(run, "n", &n);
    rg_state_load(run, "run");
    (void)batches, (void)sgd;
    x = rg_nn_forward(net, x, NULL, rg_nn_forward(net, rg_nn_forward_n(net, 2, two)));
    rg_nn_forward(net, NULL);
    return rg_nn_forward(net, rg_full(t, 0, 1, 3, n, n));
}
