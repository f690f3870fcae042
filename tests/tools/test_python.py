#!/usr/bin/env python3
"""test_python.py SOURCE BUILD: the Python package. Is all of the headers there, are structs as in C, do the program of README.md and the
blocks of docs/python.md print what the pages say; errors, lifetimes, NumPy, PyTorch. Prints TAP; what needs NumPy or PyTorch is skipped
where that is missing."""
import array
import contextlib
import gc
import glob
import inspect
import io
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import weakref

sys.dont_write_bytecode = True
source, build = map(os.path.abspath, sys.argv[1:])
sys.path.insert(0, os.path.join(build, "tools/python"))
sys.path.insert(0, os.path.join(source, "tools"))
import calls
import retrograd as rg

try: import numpy as np
except ImportError: np = None
try: import torch
except ImportError: torch = None
count, bad = 0, False


def case(name, needs=True, reason=""):
    """Decorates a function that is a case: it must not raise."""
    def run(function):
        global count, bad
        count += 1
        if not needs: return print(f"ok {count} - {name} # SKIP {reason}")
        try: function()
        except BaseException as error:
            bad = True
            print(f"not ok {count} - {name}")
            place = error.__traceback__
            while place.tb_next and place.tb_next.tb_frame.f_code.co_filename == __file__: place = place.tb_next
            print(f"#  line {place.tb_lineno}: {type(error).__name__}: {error}".replace("\n", "\n#  "))
        else: print(f"ok {count} - {name}")
    return run


def same(a, b):
    if a != b: raise AssertionError(f"{a!r} is not {b!r}")


def raises(kind, pattern, function):
    """It raises this, with a message that fits; returns it."""
    try: found = function()
    except kind as error:
        if not re.search(pattern, str(error)): raise AssertionError(f"{pattern!r} is not in {str(error)!r}") from None
        return error
    raise AssertionError(f"no {kind.__name__}, but {found!r}")


def read(name):
    with open(os.path.join(source, name), encoding="utf-8") as file: return file.read()


def blocks(text):
    """Of a page: the blocks of Python, each with the plain block behind it, or ""."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S) + [("", "")]
    return [(code, says if not kind else "") for (language, code), (kind, says) in zip(found, found[1:]) if language == "python"]


# -------- the headers


def public():
    """The functions in the headers that programs include."""
    headers = [os.path.relpath(path, source) for folder in ("engine", "nn", "ops") for path in glob.glob(f"{source}/{folder}/*.h")]
    for path in ["engine/random/rng.h"] + headers:
        text, name = read(path), os.path.basename(path)[:-2]
        if name != "rng" and f'include "{name}_calls.h"' not in text: continue
        text = calls.plain(text)
        for begin, end in calls.declarations(text):
            found = re.match(r"(?!typedef|static|struct \w+ {|enum)[\w ]+?[ *]+(rg_\w+)\(", " ".join(text[begin:end].split()))
            if found: yield found[1]


@case("each function of the headers is there, with its comment")
def _():
    names = set(public())
    same(len(names) > 370, True)
    same(sorted(n for n in names if not hasattr(rg, n[3:])), ["rg_on_error", "rg_print_error"])
    same([n for n in names if hasattr(rg, n[3:]) and not getattr(rg, n[3:]).__doc__], [])
    same("the learning rate; default 0.001" in rg.optim_adam.__doc__, True)
    same(str(inspect.signature(rg.matmul)), "(a, b, *, transpose_a=None, transpose_b=None)")


@case("structs are as in C")
def _():
    from retrograd import _types
    import ctypes
    lines = ["#include <stdio.h>", "#include <retrograd.h>", "#include <engine/op.h>", "int main(void) {"]
    for name, struct in _types.STRUCTS.items():
        if name == "rg_tensor": lines.append('printf("%zu\\n", offsetof(rg_tensor, seq));')
        else: lines += [f'printf("%zu\\n", sizeof({name}));'] + [f'printf("%zu\\n", offsetof({name}, {n}));' for n in struct.MEMBERS]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sizes")
        with open(path + ".c", "w", encoding="utf-8") as file: file.write("\n".join(lines + ["return 0; }"]))
        subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-I", source, "-I", build, path + ".c", "-o", path], check=True)
        theirs = list(map(int, subprocess.run([path], check=True, capture_output=True, text=True).stdout.split()))
    ours = []
    for name, struct in _types.STRUCTS.items():
        if name == "rg_tensor": ours.append(struct._seq.offset)
        else: ours += [ctypes.sizeof(struct)] + [getattr(struct, "_" + n).offset for n in struct.MEMBERS]
    same(ours, theirs)


# -------- programs


def printed(code, name):
    out = io.StringIO()
    with contextlib.redirect_stdout(out): exec(compile(code, name, "exec"), {"__name__": "__main__"})
    return out.getvalue()


@case("the program of README.md prints its numbers")
def _():
    same(printed(read("examples/python/xor.py"), "xor.py"), re.search(r"^```\n(   0 .*?)^```", read("README.md"), re.M | re.S)[1])


for _number, (_code, _says) in enumerate(blocks(read("docs/python.md")), 1):
    _needs = next((n for n, m in (("numpy", np), ("torch", torch)) if f"import {n}" in _code and not m), None)

    @case(f"block {_number} of docs/python.md prints what the page says", not _needs, f"no {_needs}")
    def _(code=_code, says=_says):
        same(printed(code, "page.py"), says)


# -------- calls

t = rg.Tape(1)
M = [[1., 2., 3.], [4., 5., 6.]]


def fresh(): return rg.input(t, M)


def flat(x):
    out = array.array("d", [0] * x.numel())
    rg.copy_out(x, out)
    return list(out)


@case("operators, with numbers on either side")
def _():
    x = fresh()
    same(flat(x + 1), [2, 3, 4, 5, 6, 7])
    same(flat(1 - x), [0, -1, -2, -3, -4, -5])
    same(flat(x * 2 / x), [2] * 6)
    same(flat(-x ** 2), [-1, -4, -9, -16, -25, -36])
    same(flat(2 ** x), [2, 4, 8, 16, 32, 64])
    same(flat(x > 3), [0, 0, 0, 1, 1, 1])
    same(flat(x == 2), [0, 1, 0, 0, 0, 0])
    same(flat(x @ x.T), [14, 32, 32, 77])
    same((float(x.sum()), int(x.max()), bool(x.min() > 0), f"{x.mean():.2f}"), (21.0, 6, True, "3.50"))
    raises(TypeError, "add: one operand must be a Tensor", lambda: rg.add(1, 2))
    raises(TypeError, "unsupported operand", lambda: x + "a")


@case("indices")
def _():
    x = fresh()
    for at, shape, numbers in [(0, (3,), [1, 2, 3]), ((-1, -1), (), [6]), ((slice(None), 1), (2,), [2, 5]),
                               (slice(None, None, -1), (2, 3), [4, 5, 6, 1, 2, 3]), ((..., slice(0, 3, 2)), (2, 2), [1, 3, 4, 6]),
                               ((slice(None), slice(2, None, -2)), (2, 2), [3, 1, 6, 4]), (slice(5, 9), (0, 3), []),
                               ((None, 1), (1, 3), [4, 5, 6]), ([1, 1, 0], (3, 3), [4, 5, 6, 4, 5, 6, 1, 2, 3]),
                               ((slice(None), [2, 0], None), (2, 2, 1), [3, 1, 6, 4])]:
        same((at, x[at].shape, flat(x[at])), (at, shape, numbers))
    same([flat(row) for row in x], M)
    raises(IndexError, "index 2 is outside axis 0 of size 2", lambda: x[2])
    raises(IndexError, "3 axes for a tensor of 2", lambda: x[0, 0, 0])
    w = rg.requires_grad(fresh(), True)
    same(flat(rg.grad(w[:, 1].sum(), [w])[0]), [0, 1, 0, 0, 1, 0])


@case("lists, options, second results")
def _():
    x = fresh()
    same(rg.reshape(x, 3, -1).shape, rg.reshape(x, (3, 2)).shape)
    same(flat(rg.sum(x, 0)), flat(rg.sum(x, axes=0)))
    same([part.shape for part in rg.split(x, 1, 1, 2)], [(2, 1), (2, 2)])
    values, index = rg.sort(x, 1, descending=True, index=True)
    same((flat(values), flat(index), index.dtype), ([3, 2, 1, 6, 5, 4], [2, 1, 0, 2, 1, 0], rg.I32))
    same(rg.conv2d(rg.ones(t, 1, 1, 4, 4), rg.ones(t, 1, 1, 3, 3), None, padding=(1, 0)).shape, (1, 1, 4, 2))
    same([round(one, 6) for [one] in rg.channel_stats(x, 1)], [3.5, 1.707825])
    same(rg.lr_multi_step(1, 50, [30, 40], .5), .25)


@case("an explicit 0 is no default")
def _():
    for one in (dict(weight_decay=0), dict(weight_decay=.5)):
        with rg.Tape() as t:
            w = rg.param(t, "w", rg.ONES, 1)
            adam = rg.optim_adamw(t, [w], lr=.5, **one)
            rg.backward((w * 0).sum())
            rg.optim_step(adam)
            same(w.item(), 1 if not one["weight_decay"] else .75)


@case("misspelt options and arguments")
def _():
    x = fresh()
    raises(TypeError, "optim_adam: there is no beta3; did you mean beta[12]", lambda: rg.optim_adam(t, [], beta3=.5))
    raises(TypeError, "matmul: there is no transposeb; did you mean transpose_b", lambda: rg.matmul(x, x, transposeb=True))
    raises(TypeError, "matmul: b is missing", lambda: rg.matmul(x))
    raises(TypeError, "relu takes x", lambda: rg.relu(x, x))
    raises(TypeError, "matmul: b must be a Tensor, not list", lambda: rg.matmul(x, []))
    raises(TypeError, "softmax: axis is given twice", lambda: rg.softmax(x, 1, axis=1))
    raises(TypeError, "str.*int", lambda: rg.npy_load(t, 3))
    raises(OverflowError, "axis = 4294967296 is no int", lambda: rg.softmax(x, 2 ** 32))
    raises(OverflowError, "seed = -1", lambda: rg.Tape(-1))
    raises(rg.Error, r"input: data has the shape \[2\], not \[3\]", lambda: rg.input(t, [1., 2.], 3))


@case("errors have a code, and the file and line of the caller")
def _():
    x, line = fresh(), inspect.currentframe().f_lineno + 1
    error = raises(rg.Error, r"matmul: \[2,3\] \. \[2,3\]: inner dimensions 3 and 2 differ", lambda: x @ x)
    same((error.code, str(error).endswith(f"(test_python.py:{line})"), rg.error(t)), (rg.ESHAPE, True, None))
    same(raises(rg.Error, "cannot be opened", lambda: rg.npy_load(t, "no/such.npy")).code, rg.EIO)
    raises(rg.Error, "relu: no operand is a tensor", lambda: rg.relu(None))
    same(flat(x + 1)[0], 2)


# -------- lifetimes


@case("a tensor after the reset, and after the tape was freed")
def _():
    t = rg.Tape()
    w, x = rg.param(t, "w", rg.ONES, 2), rg.ones(t, 2)
    line = inspect.currentframe().f_lineno + 1
    t.reset()
    raises(rg.Error, rf"add: operand 1 was released by the reset at test_python.py:{line} \(", lambda: x + 1)
    raises(rg.Error, "released", lambda: x.shape)
    younger = [rg.zeros(t, 2) for _ in range(1000)]  # one of them has its memory
    raises(rg.Error, "released", lambda: x + 1)
    same((flat(w + younger[0]), repr(w)), ([1, 1], "Tensor(w, [2] f32,\n[1. 1.])"))
    net = rg.nn_relu(t)
    t.free()
    for use in (lambda: w + 1, lambda: net(w), lambda: t.zeros(1), lambda: t.reset()): raises(rg.Error, "of a tape that was freed", use)


@case("tensors keep their tape, and nothing else does")
def _():
    x = rg.ones(rg.Tape(), 3)
    gc.collect()
    same(flat(x), [1, 1, 1])
    tape = weakref.ref(x.tape)
    x = None
    gc.collect()
    same(tape(), None)


# -------- functions of Python


@case("the gradient check finds a wrong gradient, and passes a right one")
def _():
    with rg.Tape(3) as t:
        rg.set_default_dtype(t, rg.F64)
        x, w = rg.requires_grad(rg.normal(t, 0, 1, 4, 3), True), rg.param(t, "w", rg.HE_NORMAL, 3, 2)
        right = rg.gradcheck(lambda x, w: rg.tanh(x @ w), [x, w], order=3)
        same((right.failed, right.checked > 0), (rg.CHECK_PASSED, True))
        wrong = rg.gradcheck(lambda x: rg.detach(x) * x, [x])
        same((wrong.failed, round(wrong.error, 6)), (rg.CHECK_WRONG, .5))
        out = io.StringIO()
        rg.check_print(wrong, "square", out)
        same(out.getvalue().startswith("square: WRONG: order 1, in[0]"), True)
        raises(ZeroDivisionError, "division", lambda: rg.gradcheck(lambda x: 1 / 0, [x]))
        raises(TypeError, "what fn returned must be a Tensor, not float", lambda: rg.gradcheck(lambda x: 1., [x]))
        raises(rg.Error, "inner dimensions", lambda: rg.gradcheck(lambda x: x @ x, [x]))
        same(rg.gradcheck(lambda x: rg.exp(x), [x]).failed, rg.CHECK_PASSED)


@case("hooks, checkpoints, closures, layers")
def _():
    with rg.Tape(3) as t:
        w = rg.param(t, "w", rg.ONES, 2)
        rg.on_grad(w, lambda x, g: g * 3)
        rg.backward(rg.checkpoint(lambda x: rg.exp(x), [w * 0]).sum() + w.sum())
        same(flat(w.grad), [3, 3])
        rg.on_grad(w, lambda x, g: {}["missing"])
        rg.zero_grad(t)
        raises(KeyError, "missing", lambda: rg.backward(w.sum()))
        same(w.grad, None)
        rg.on_grad(w, None)

        def loss():
            y = ((w - 4) ** 2).sum()
            rg.backward(y)
            return y.item()
        same((rg.optim_step_closure(rg.optim_lbfgs(t, [w]), loss), [round(n, 4) for n in flat(w)]), (18.0, [4, 4]))
        film = rg.nn_new(t, "film", lambda net, x, c: x * net.child("scale")(c) * net.params()[0], inputs=2)
        rg.nn_param(film, "gain", rg.CONSTANT(2), 3)
        rg.nn_add(film, "scale", rg.nn_linear(t, 2, 3, rg.ONES))
        same((flat(film(rg.ones(t, 1, 3), rg.ones(t, 1, 2))), film.kind, film.training), ([4, 4, 4], "film", True))
        seen = []
        hook = lambda net, inputs, y: seen.append((net.kind, len(inputs), y.shape))
        film.on_forward(hook)
        film(rg.ones(t, 1, 3), rg.ones(t, 1, 2))
        film.remove_hook(hook)
        film(rg.ones(t, 1, 3), rg.ones(t, 1, 2))
        same(seen, [("film", 2, (1, 3))])


@case("a loader, its transform, a state")
def _():
    with rg.Tape(3) as t, tempfile.TemporaryDirectory() as folder:
        d = rg.make_moons(t, 10, .1)
        a, b = rg.dataset_split(t, d, .6)
        same((a.x.shape, b.y.shape, a.classes, a.columns), ((6, 2), (4,), 2, None))
        same(rg.make_digits(t, 1).class_names, list("0123456789"))
        batches = rg.loader_new(t, d.x, d.y, batch=4, transform=lambda batch, rng: rg.write(batch[0], [[7., 8.]] * batch[0].shape[0]))
        same([(x.shape, y.shape, flat(x)[:2]) for x, y in batches], [((4, 2), (4,), [7, 8])] * 2 + [((2, 2), (2,), [7, 8])])
        step, run, path = array.array("q", [5]), rg.state_new(t), os.path.join(folder, "run.safetensors")
        net = rg.nn_mlp(t, "relu", rg.HE_NORMAL, 2, 4, 2)
        rg.state_net(run, "net", net)
        rg.state_count(run, "step", step)
        rg.state_save(run, path)
        step[0], there = 0, weakref.ref(step)
        rg.state_load(run, pathlib.Path(path))
        same(step[0], 5)
        del step
        same(there() is not None, True)  # the state still points to it
        report = rg.file_report()
        raises(rg.Error, "0.weight", lambda: rg.nn_load(net, path))
        rg.nn_load(net, path, prefix="net.", report=report)
        same((report.loaded, report.missing_names), (4, []))
        with rg.no_grad(t): same(rg.needs_grad(net(d.x)), False)
        same(rg.needs_grad(net(d.x)), True)


# -------- NumPy and PyTorch


@case("views for NumPy: no copy, read-only, longer than a reset and the tape", np, "no NumPy")
def _():
    t = rg.Tape()
    for dtype, name in ((rg.F32, "float32"), (rg.F64, "float64"), (rg.I32, "int32"), (rg.U8, "uint8")):
        x = rg.cast(rg.input(t, M), dtype)
        a, b = x.numpy(), np.asarray(x)
        same((a.dtype, a.shape, a.tolist(), a.flags.writeable, a.ctypes.data), (np.dtype(name), (2, 3), M, False, b.ctypes.data))
        same(rg.buffer(t, None, a).numpy().tolist(), M)
    total, x = x.sum(), None
    v = total.numpy()
    t.reset()
    rg.zeros(t, 1000)
    same((a.tolist(), v.tolist()), (M, 21))
    a = b = v = None
    t.reset()
    t.reset()
    same(t.memory().tensors, 4)
    w = rg.param(t, "w", rg.ONES, 3).numpy()
    t.free()
    gc.collect()
    same(w.tolist(), [1, 1, 1])


@case("arrays of NumPy in", np, "no NumPy")
def _():
    for a, dtype in ((np.arange(3), rg.I32), (np.array([True, False]), rg.U8), (np.eye(3)[:, ::-2], rg.F32), (np.float32(2), rg.F32),
                     (np.zeros((0, 2), np.uint8), rg.U8), (np.arange(4, dtype=np.float32).reshape(2, 2).T, rg.F32)):
        x = rg.input(t, a)
        same((x.dtype, x.numpy().tolist()), (dtype, a.tolist()))
    raises(TypeError, "data has numbers of the format e", lambda: rg.input(t, np.zeros(2, np.float16)))
    raises(OverflowError, "", lambda: rg.input(t, np.array([2 ** 40])))
    x = fresh()
    same((np.float32(2) * x).numpy().tolist(), (x * 2).numpy().tolist())
    raises(TypeError, "b must be a number, not ndarray|a must be a number, not ndarray", lambda: np.ones(3) * x)
    room = np.zeros((2, 3))
    rg.copy_out(x, room)
    same(room.tolist(), M)
    raises(rg.Error, "6 elements, room for 5", lambda: rg.copy_out(x, np.zeros(5)))


@case("DLPack to NumPy: the same address", np and hasattr(np, "from_dlpack"), "no NumPy with from_dlpack")
def _():
    for dtype, name in ((rg.F64, "float64"), (rg.I32, "int32"), (rg.U8, "uint8"), (rg.F32, "float32")):
        x = rg.cast(fresh(), dtype)
        a = np.from_dlpack(x)
        same((a.ctypes.data, a.dtype, a.tolist(), x.__dlpack_device__()), (x.numpy().ctypes.data, np.dtype(name), M, (1, 0)))
    del x
    t.reset()
    rg.zeros(t, 2, 3)
    same(a.tolist(), M)
    capsule = fresh().__dlpack__()  # that nobody takes
    del capsule


@case("DLPack to PyTorch and from it: the same address, its values", np and torch, "no PyTorch")
def _():
    x = fresh()
    y = torch.from_dlpack(x)
    same((y.data_ptr(), y.tolist(), y.dtype), (x.numpy().ctypes.data, M, torch.float32))
    for one in (torch.arange(6.).reshape(2, 3).T, torch.arange(3), torch.zeros(0, 2)):
        same((rg.from_dlpack(t, one).numpy().tolist(), rg.input(t, one).shape), (one.tolist(), tuple(one.shape)))
    raises(Exception, "require gradient", lambda: rg.input(t, torch.ones(2, requires_grad=True)))
    t.reset()
    rg.zeros(t, 2, 3)
    same(y.tolist(), M)


print(f"1..{count}")
sys.exit(bad)
