#!/usr/bin/python3
"""Times the MNIST example beside PyTorch, one thread each, in turn: steps/s of 784-128-10, batch 64, SGD, one epoch.

    /usr/bin/python3 tools/versus_torch.py DIR [ROUNDS]      DIR holds (Fashion-)MNIST; needs the package python3-torch
"""
import gzip
import os
import re
import statistics
import subprocess
import sys
import time


def idx(path, skip):
    import numpy as np
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as f:
        return np.frombuffer(f.read(), dtype=np.uint8, offset=skip)


def torch_epoch(folder):
    """One epoch as PyTorch's tutorials write it, the images as floats in memory: its steps/s."""
    import numpy as np
    import torch
    torch.set_num_threads(1)
    x = torch.from_numpy(idx(folder + "/train-images-idx3-ubyte.gz", 16).reshape(-1, 784).astype(np.float32) / 255)
    y = torch.from_numpy(idx(folder + "/train-labels-idx1-ubyte.gz", 8).astype(np.int64))
    net = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    lossf = torch.nn.CrossEntropyLoss()
    for warm in (True, False):
        order = torch.randperm(len(x))
        start, steps, total = time.perf_counter(), 0, 0.0
        for i in range(0, len(x), 64):
            if warm and i >= 6400:
                break
            batch = order[i:i + 64]
            loss = lossf(net(x[batch]), y[batch])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            total += loss.item()
            steps += 1
    print("%.1f steps/s, loss %.4f" % (steps / (time.perf_counter() - start), total / steps))


def rate(command):
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([0-9.]+) steps/s", out).group(1))


def main():
    folder, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    ours = [root + "/build/examples/mnist", "--data", folder, "--epochs", "1", "--batch", "64", "--lr", "0.1", "--hidden", "128",
            "--threads", "1", "--floor", "0"]
    theirs = [sys.executable, os.path.abspath(__file__), "--torch", folder]
    rows = []
    for i in range(rounds):
        rows.append((rate(ours), rate(theirs)))
        print("round %d: retrograd %5.0f steps/s   PyTorch %5.0f steps/s   ratio %.2f" % (i + 1, *rows[-1], rows[-1][0] / rows[-1][1]))
    print("medians: retrograd %.0f steps/s, PyTorch %.0f steps/s, ratio %.2f" % (
        statistics.median(r[0] for r in rows), statistics.median(r[1] for r in rows), statistics.median(r[0] / r[1] for r in rows)))


if __name__ == "__main__":
    torch_epoch(sys.argv[2]) if sys.argv[1:2] == ["--torch"] else main()
