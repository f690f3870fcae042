#!/usr/bin/python3
"""peers.py WORKLOAD pytorch|numpy SECONDS THREADS: the workloads of bench by PyTorch (python3-torch) and NumPy, in lines "KEY SECONDS".

W1, W2 are written as the tutorials of each write them, the data as floats in memory; gradients by hand in NumPy. W5 takes its rows from
elementwise.def. Gradients that PyTorch returns as a view of one number (those of a sum) are written out within the time: a training step
needs them written, and all others write them.
"""
import os
import pathlib
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


SOURCES = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(SOURCES / "tests"))
ROW_OF_DEF = re.compile(r"^(UNARY|UNARYP|UNARYPQ|UNARY_STEP|UNARY_TEST|BINARY|BINARY_I32|BINARY_SAME|BINARY_STEP|BINARY_TEST)"
                        r" *\((\w+), .*?([-\d., ]+)\)$")


def elementwise_rows():
    """kind, name, low, high, parameters p, q"""
    for line in (SOURCES / "ops/elementwise.def").read_text().splitlines():
        found = ROW_OF_DEF.match(line)
        if found:
            numbers = [float(v) for v in found[3].strip(", ").split(",")]
            yield found[1], found[2], numbers[:2], numbers[2:]


def torch_function(name, parameters):
    """PyTorch's own, the fastest it has; what takes parameters, or has no name there, as the parity check has it."""
    if name == "bce_each":
        return lambda p, y: torch.nn.functional.binary_cross_entropy(p, y.expand_as(p), reduction="none")
    own = {"log_sigmoid": "logsigmoid"}.get(name, name)
    f = getattr(torch, own, None) or getattr(torch.nn.functional, own, None)
    if f and not parameters:
        return f
    from torch_counterparts import TORCH, Attributes
    return lambda *operands: TORCH[name](*operands, Attributes(zip("pq", parameters)))


def torch_elementwise():
    x, other, row = (torch.empty(s, requires_grad=True) for s in ((ELEMENTS // ROW, ROW), (ELEMENTS // ROW, ROW), (ROW,)))
    wanted = os.environ.get("BENCH_ONLY", "").split(",")

    def both(name, key, f, low, high, *operands):
        if wanted != [""] and name not in wanted:
            return
        with torch.no_grad():
            for u in operands:
                u.uniform_(low, high)
            measure(key + ", forward", 1, lambda: f(*operands))
        y = f(*operands)
        if not y.requires_grad:
            return
        dy = torch.rand_like(y)

        def backward():
            return [g.contiguous() for g in torch.autograd.grad(y, operands, dy, retain_graph=True)]
        if any(g.data_ptr() != dy.data_ptr() for g in backward()):
            measure(key + ", backward", 1, backward)
    for kind, name, (low, high), parameters in elementwise_rows():
        f = torch_function(name, parameters)
        if kind.startswith("UNARY"):
            both(name, name, f, low, high, x)
        else:
            both(name, name, f, low, high, x, other)
            both(name, name + " row", f, low, high, x, row)
    both("add", "add", torch.add, -2, 2, x, other)
    both("add", "add row", torch.add, -2, 2, x, row)
    for op, key, f in (("sum", "sum", torch.sum), ("sum", "sum of rows", lambda u: u.sum(0)),
                       ("mean", "mean of columns", lambda u: u.mean(1)), ("max", "max of columns", lambda u: u.amax(1)),
                       ("logsumexp", "logsumexp", lambda u: torch.logsumexp(u, 1)),
                       ("softmax", "softmax", lambda u: torch.softmax(u, 1))):
        both(op, key, f, -2, 2, x)


def convolutions():
    """W6, W7"""
    nn, net = torch.nn, None
    if workload == "W6":
        net = nn.Sequential(
            nn.Conv2d(1, 8, 5, padding=2, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 16, 5, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(),
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
        return net, torch.optim.Adam(net.parameters(), lr=.01), torch.rand(128, 1, 28, 28), torch.randint(0, 10, (128,))

    def block(n, m):
        return nn.Conv2d(n, m, 3, padding=1, bias=False), nn.BatchNorm2d(m), nn.ReLU()
    net = nn.Sequential(*block(3, 32), *block(32, 32), nn.MaxPool2d(2), *block(32, 64), *block(64, 64), nn.MaxPool2d(2), nn.Flatten(),
                        nn.Linear(4096, 10))
    return net, torch.optim.SGD(net.parameters(), lr=.01, momentum=.9), torch.rand(64, 3, 32, 32), torch.randint(0, 10, (64,))


def transformers():
    """W8, W9: pre-norm blocks as usually written by hand, with one product for query, key and value"""
    dim, heads, blocks, time_steps, batch, n = (48, 4, 2, 64, 64, 13) if workload == "W8" else (256, 8, 4, 128, 16, 96)
    nn, functional = torch.nn, torch.nn.functional
    hidden = torch.triu(torch.full((time_steps, time_steps), float("-inf")), 1)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
            self.qkv, self.out, self.up, self.down = (nn.Linear(i, o) for i, o in
                                                      ((dim, 3 * dim), (dim, dim), (dim, 4 * dim), (4 * dim, dim)))

        def forward(self, x):
            b, t, _ = x.shape
            q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
            scores = q @ k.transpose(-1, -2) * (dim // heads) ** -.5 + hidden  # scaled_dot_product_attention is PyTorch 2's
            x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, dim))
            return x + self.down(functional.gelu(self.up(self.norm2(x))))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.places = nn.Embedding(n, dim), nn.Parameter(torch.randn(time_steps, dim) * .02)
            self.rest = nn.Sequential(*(Block() for _ in range(blocks)), nn.LayerNorm(dim), nn.Linear(dim, n))

        def forward(self, x):
            return self.rest(self.tokens(x) + self.places).view(-1, n)
    net = Net()
    adam = torch.optim.AdamW(net.parameters(), lr=3e-3, betas=(.9, .98), weight_decay=.1)
    return net, adam, torch.randint(0, n, (batch, time_steps)), torch.randint(0, n, (batch * time_steps,))


def recurrent():
    """W10"""
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.out = torch.nn.Embedding(64, 64), torch.nn.Linear(128, 64)
            self.lstm = torch.nn.LSTM(64, 128, batch_first=True)

        def forward(self, x):
            return self.out(self.lstm(self.tokens(x))[0]).view(-1, 64)
    net = Net()
    return net, torch.optim.Adam(net.parameters()), torch.randint(0, 64, (32, 64)), torch.randint(0, 64, (32 * 64,))


def torch_model(make):
    net, optim, x, y = make()

    def step():
        loss = torch.nn.functional.cross_entropy(net(x), y)
        optim.zero_grad()
        loss.backward()
        if make is transformers:
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.)
        optim.step()
    measure("step", 1, step)


MODELS = {"W6": convolutions, "W7": convolutions, "W8": transformers, "W9": transformers, "W10": recurrent}

if by == "numpy":
    if workload not in NETS:
        sys.exit(3)  # has no such workload
    numpy_net(*NETS[workload])
else:
    import torch
    torch.set_num_threads(threads)
    if workload in NETS:
        torch_net(*NETS[workload])
    elif workload in MODELS:
        torch_model(MODELS[workload])
    else:
        {"W3": torch_xor, "W4": torch_chain, "W5": torch_elementwise}[workload]()
with open("/proc/self/status") as status:  # getrusage's figure would include the process that started this one
    print("peak %d" % (int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) * 1024))
