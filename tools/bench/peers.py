#!/usr/bin/python3
"""peers.py WORKLOAD pytorch|numpy SECONDS THREADS: the workloads of bench by PyTorch (python3-torch) and NumPy, in lines "KEY SECONDS".

W1, W2 are written as the tutorials of each write them, the data as floats in memory; gradients by hand in NumPy.
"""
import re
import statistics
import sys
import time

import numpy as np

workload, by, seconds, threads = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
NETS = {"W1": (60000, 64, (784, 128, 10), .1), "W2": (50000, 128, (3072, 256, 128, 10), .01)}
CHAIN, ELEMENTS, ROW = 1000, 16 << 20, 1024


def measure(key, per_call, step):
    for _ in range(2):
        step()
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) / per_call)
    print("%s %.6g" % (key, statistics.median(times)), flush=True)


def batches(rows, batch):
    while True:
        order = np.random.permutation(rows)
        for i in range(0, rows - batch + 1, batch):
            yield order[i:i + batch]


def numpy_net(rows, batch, sizes, lr):
    rng = np.random.default_rng(0)
    x, y = rng.random((rows, sizes[0]), dtype=np.float32), rng.integers(0, sizes[-1], rows)
    w = [rng.standard_normal(s, dtype=np.float32) * np.float32((2 / s[0]) ** .5) for s in zip(sizes, sizes[1:])]
    b = [np.zeros(n, np.float32) for n in sizes[1:]]
    order = batches(rows, batch)

    def step():
        i = next(order)
        h, labels = [x[i]], y[i]
        for k in range(len(w)):
            z = h[-1] @ w[k] + b[k]
            h.append(np.maximum(z, 0) if k < len(w) - 1 else z)
        e = np.exp(h[-1] - h[-1].max(1, keepdims=True))
        d = e / e.sum(1, keepdims=True)
        loss = -np.log(d[np.arange(batch), labels]).mean()
        d[np.arange(batch), labels] -= 1
        d /= np.float32(batch)
        for k in reversed(range(len(w))):
            dw, db = h[k].T @ d, d.sum(0)
            if k:
                d = (d @ w[k].T) * (h[k] > 0)
            w[k] -= np.float32(lr) * dw
            b[k] -= np.float32(lr) * db
        return loss
    measure("step", 1, step)


def torch_net(rows, batch, sizes, lr):
    x, y = torch.rand(rows, sizes[0]), torch.randint(0, sizes[-1], (rows,))
    layers = [m for s in zip(sizes, sizes[1:]) for m in (torch.nn.Linear(*s), torch.nn.ReLU())][:-1]
    net, criterion = torch.nn.Sequential(*layers), torch.nn.CrossEntropyLoss()
    sgd, order = torch.optim.SGD(net.parameters(), lr=lr), batches(rows, batch)

    def step():
        i = torch.from_numpy(next(order))
        loss = criterion(net(x[i]), y[i])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    measure("step", 1, step)


def torch_xor():
    x, y = torch.tensor([[0., 0], [0, 1], [1, 0], [1, 1]]), torch.tensor([[0.], [1], [1], [0]])
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sigmoid(), torch.nn.Linear(2, 1), torch.nn.Sigmoid())
    sgd, criterion = torch.optim.SGD(net.parameters(), lr=.1), torch.nn.MSELoss()

    def step():
        sgd.zero_grad()
        criterion(net(x), y).backward()
        sgd.step()
    measure("step", 1, step)


def torch_chain():
    a, b = torch.tensor([.999], requires_grad=True), torch.tensor([.001], requires_grad=True)

    def step():
        x = a
        for i in range(CHAIN):
            x = x + b if i % 2 else x * a
        x.backward()
    measure("op", CHAIN, step)


UNARY = "exp log sqrt square abs relu sigmoid tanh erf sin cos tan sinh cosh expm1 log1p rsqrt reciprocal silu mish gelu selu softplus log_sigmoid softsign".split()
BINARY = "sub mul div maximum minimum pow logaddexp".split()


def torch_elementwise():
    x = (torch.rand(ELEMENTS // ROW, ROW) * 1.5 + .3).requires_grad_()
    other, row = (torch.rand_like(x) + .5).detach().requires_grad_(), (torch.rand(ROW) + .5).requires_grad_()

    def both(key, f, *operands):
        y = f(*operands)
        dy = torch.rand_like(y)
        with torch.no_grad():
            measure(key + ", forward", 1, lambda: f(*operands))
        measure(key + ", backward", 1, lambda: torch.autograd.grad(y, operands, dy, retain_graph=True))
    for name in UNARY:
        f = getattr(torch, name, None) or getattr(torch.nn.functional, {"log_sigmoid": "logsigmoid"}.get(name, name))
        both(name, f, x)
    for name in BINARY:
        f = getattr(torch, name)
        both(name, f, x, other)
        both(name + " row", f, x, row)
    both("add row", torch.add, x, row)
    both("sum", torch.sum, x)
    both("sum of rows", lambda u: u.sum(0), x)
    both("mean of columns", lambda u: u.mean(1), x)
    both("max of columns", lambda u: u.amax(1), x)
    both("logsumexp", lambda u: torch.logsumexp(u, 1), x)
    both("softmax", lambda u: torch.softmax(u, 1), x)


if by == "numpy":
    if workload not in NETS:
        sys.exit(3)  # has no such workload
    numpy_net(*NETS[workload])
else:
    import torch
    torch.set_num_threads(threads)
    if workload in NETS:
        torch_net(*NETS[workload])
    else:
        {"W3": torch_xor, "W4": torch_chain, "W5": torch_elementwise}[workload]()
with open("/proc/self/status") as status:  # getrusage's figure would include the process that started this one
    print("peak %d" % (int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) * 1024))
