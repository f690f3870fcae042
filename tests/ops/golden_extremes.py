#!/usr/bin/python3
"""Writes tests/ops/golden_extremes.h: what PyTorch makes of NaN, infinities, zeros, subnormal and largest numbers, and of their gradients.

    /usr/bin/python3 tests/ops/golden_extremes.py > tests/ops/golden_extremes.h

One letter a result: n NaN, i inf, j -inf, z 0, y -0, p positive, m negative. Of two operands there is every pair, the second
one faster.
An elementwise operator that test_extremes finds missing is a word in UNARY or BINARY here, and in torch_counterparts.py."""
import sys

sys.dont_write_bytecode = True
import numpy as np
import torch
from torch_counterparts import TORCH, Attributes

UNARY = """neg exp log sqrt square abs relu sigmoid tanh softplus erf erfc sign floor ceil round isnan isfinite
    log2 sin cos tan asin acos atan sinh cosh expm1 log1p rsqrt reciprocal
    silu mish gelu gelu_tanh log_sigmoid softsign hardtanh hardsigmoid selu logical_not""".split()
PARAMETERS = {"add_scalar": (.75, 0), "mul_scalar": (-1.5, 0), "pow_scalar": (2.5, 0),
              "leaky_relu": (.01, 0), "elu": (.75, 0), "clamp": (-.75, 1.25), "softshrink": (.75, 0)}
BINARY = "add sub mul div pow maximum minimum logaddexp gt lt ge le eq ne logical_and logical_or logical_xor".split()


def letter(v):
    if np.isnan(v): return "n"
    if np.isinf(v): return "i" if v > 0 else "j"
    if v == 0: return "y" if np.signbit(v) else "z"
    return "p" if v > 0 else "m"


def letters(x): return "".join(letter(v) for v in x.detach().numpy())


def results(name, dtype, *operands, p=0, q=0):
    x = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in operands]
    y = TORCH[name](*x, Attributes(p=p, q=q))
    out = [letters(y)]
    if y.requires_grad: out += [letters(g) for g in torch.autograd.grad(y, x, torch.ones_like(y))]
    return out + [""] * (3 - len(out))


def values(dtype):
    tiny = float(np.finfo(np.float32 if dtype == torch.float32 else np.float64).smallest_subnormal)
    largest = torch.finfo(dtype).max
    return [float("nan"), float("inf"), float("-inf"), 0., -0., tiny, -tiny, largest, -largest]


def main():
    print("/* Made by golden_extremes.py with PyTorch " + torch.__version__ + ": "
          "name, operands, parameters, and for f32 and f64 the letters of\n   the result and of its gradients, "
          "at NaN, inf, -inf, 0, -0, the smallest subnormal and its negative, the largest and its negative. */")
    rows = [(n, 1, 0, 0) for n in UNARY] + [(n, 1, *pq) for n, pq in PARAMETERS.items()] + [(n, 2, 0, 0) for n in BINARY]
    for name, arity, p, q in sorted(rows):
        print(f'{{"{name}", {arity}, {p}, {q}, {{', end="")
        for dtype in (torch.float32, torch.float64):
            v = values(dtype)
            operands = [v] if arity == 1 else [[a for a in v for _ in v], [b for _ in v for b in v]]
            r = results(name, dtype, *operands, p=p, q=q)
            print(("\n    " if arity == 2 else "") + "{" + ", ".join(f'"{s}"' for s in r) + "}", end=", " if dtype == torch.float32 else "")
        print("}},")


main()
