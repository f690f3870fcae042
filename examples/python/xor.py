"""The program of README.md in Python: the same numbers."""
import retrograd as rg

X, Y = [[0., 0.], [0., 1.], [1., 0.], [1., 1.]], [[0.], [1.], [1.], [0.]]

with rg.Tape(42) as t:
    w1, b1 = rg.param(t, "w1", rg.HE_NORMAL, 2, 8), rg.param(t, "b1", rg.ZEROS, 8)
    w2, b2 = rg.param(t, "w2", rg.HE_NORMAL, 8, 1), rg.param(t, "b2", rg.ZEROS, 1)
    sgd = rg.optim_sgd(t, rg.params(t), lr=0.5)

    for step in range(1000):
        h = rg.tanh(rg.input(t, X) @ w1 + b1)
        p = rg.sigmoid(h @ w2 + b2)
        loss = rg.mse(p, rg.input(t, Y))
        rg.backward(loss)
        rg.optim_step(sgd)                        # uses and clears the gradients
        if step % 100 == 0: print(f"{step:4d}  {loss.item():.4f}")
        rg.tape_reset(t)                          # releases this step's tensors, not parameters
