#!/usr/bin/python3
"""Every operator beside PyTorch's: forward and backward, f32 and f64, on every sample of the registry, through the shared library.

    /usr/bin/python3 tests/ops/torch_parity.py build/libretrograd.so [--op NAME] [--table FILE] [--bar ULPS] [--verbose]

Differences are counted in ulps: of an elementwise result in those of the element itself, of all else in those of the tensor's largest
element (sums are added up in another order, and their terms may cancel: at least of the largest operand, of a quarter of the
upstream). An operator without a counterpart in torch_counterparts.py is an error, unless it is listed there as one that PyTorch
has not got. Exit status 1 then, or when a difference is above the bar; 77 where there is no PyTorch."""
import argparse
import ctypes as C
import sys

sys.dont_write_bytecode = True
try:
    import numpy as np
    import torch
    from torch_counterparts import DTYPES, EMPTY_DIFFERS, NO_COUNTERPART, TORCH, Attributes
except ImportError as e:
    print(f"torch_parity: {e}", file=sys.stderr)
    sys.exit(77)

P = C.c_void_p
NAMES = ["f32", "f64", "i32", "u8"]
NUMPY = [np.float32, np.float64, np.int32, np.uint8]


class Op(C.Structure):  # rg_op in engine/op.h
    _fields_ = [("name", C.c_char_p), ("formula", C.c_char_p), ("arity", C.c_int), ("types", C.c_char_p), ("others", P),
                ("shape", P), ("check", P), ("forward", P * 6), ("backward", P), ("fused", P * 6), ("branch", P * 2), ("compose", P),
                ("range", C.c_double * 2), ("samples", C.c_char_p), ("refuses", C.c_char_p)]


class Entry(C.Structure):
    pass


Entry._fields_ = [("op", C.POINTER(Op)), ("next", C.POINTER(Entry))]


class Sample(C.Structure):  # the beginning of rg_sample in ops/sample.h
    _fields_ = [("text", P), ("length", C.c_int), ("n", C.c_int), ("rest", C.c_char * 8192)]


class TapeOptions(C.Structure):
    _fields_ = [("alloc", P), ("free", P), ("ctx", P), ("no_pool", C.c_bool), ("named", C.c_char)]


class List(C.Structure):
    _fields_ = [("items", P), ("count", C.c_int)]


class GradOptions(C.Structure):
    _fields_ = [("dy", P), ("create_graph", C.c_bool), ("named", C.c_char)]


def load(path):
    lib = C.CDLL(path)
    for name, result, *args in [
            ("rg_op_first", C.POINTER(Entry)), ("rg_tape_new", P, C.c_uint64, TapeOptions), ("rg_tape_free", None, P),
            ("rg_on_error", None, P, P, P), ("rg_set_default_dtype", C.c_int, P, C.c_int),
            ("rg_error", C.c_char_p, P), ("rg_sample_next", C.c_int, P, P), ("rg_sample_operands", C.c_int, C.c_char_p, P, P, P, P, P),
            ("rg_sample_apply", P, C.c_char_p, P, P, P), ("rg_sample_float", C.c_bool, P, C.c_int), ("rg_rng_seed", None, P, C.c_uint64),
            ("rg_ndim", C.c_int, P), ("rg_shape", C.POINTER(C.c_int64), P), ("rg_dtype_of", C.c_int, P),
            ("rg_copy_out_of", C.c_int, P, C.c_int, P, C.c_int64), ("rg_failed", C.c_bool, P),
            ("rg_needs_grad", C.c_bool, P), ("rg_requires_grad", P, P, C.c_bool), ("rg_input_of_n", P, P, C.c_int, P, C.c_int, P),
            ("rg_grad", C.c_int, P, List, P, GradOptions)]:
        fn = getattr(lib, name)
        fn.restype, fn.argtypes = result, args
    return lib


def values(lib, x):
    shape = tuple(lib.rg_shape(x)[d] for d in range(lib.rg_ndim(x)))
    v = np.zeros(shape, NUMPY[lib.rg_dtype_of(x)])
    if lib.rg_copy_out_of(x, lib.rg_dtype_of(x), v.ctypes.data, v.size): raise ValueError("no values")
    return v


def ulps(ours, theirs, each, least=0.0):
    """The largest difference; infinite where one is no number, or the shape is another. least: what terms that cancel were like."""
    theirs = theirs.detach().numpy()
    if ours.shape != theirs.shape: return float("inf")
    if ours.dtype.kind != "f" or ours.size == 0: return float(not np.array_equal(ours, theirs.astype(ours.dtype)))
    finite = np.isfinite(theirs)
    if not np.array_equal(np.where(finite, 0, theirs), np.where(np.isfinite(ours), 0, ours), equal_nan=True): return float("inf")
    a, b = ours[finite].astype(np.float64), theirs[finite].astype(np.float64)
    if a.size == 0: return 0.0
    unit = np.spacing(np.abs(theirs[finite] if each else max(np.abs(b).max(), least)).astype(ours.dtype)).astype(np.float64)
    return float((np.abs(a - b) / unit).max())


class Parity:
    def __init__(self, lib, seed): self.lib, self.seed = lib, seed

    def compare(self, op, sample, text, dtype):
        """(forward, backward) in ulps; backward None where there is none."""
        lib = self.lib
        t = lib.rg_tape_new(7, TapeOptions())
        try:
            lib.rg_on_error(t, None, None)
            lib.rg_set_default_dtype(t, dtype)
            rng = C.create_string_buffer(256)
            lib.rg_rng_seed(rng, self.seed)
            operands = (P * 8)()
            n = lib.rg_sample_operands(None, C.byref(sample), op, t, rng, operands)
            if n < 0: raise ValueError(lib.rg_error(t).decode())
            theirs, x, leaves = [], [], []
            for i in range(n):
                if i and operands[i] == operands[0]:
                    theirs.append(theirs[0])
                    continue
                theirs.append(torch.tensor(values(lib, operands[i])))
                if not lib.rg_sample_float(C.byref(sample), i): continue
                lib.rg_requires_grad(operands[i], True)
                x.append(operands[i])
                leaves.append(theirs[-1].requires_grad_(True))
            y = lib.rg_sample_apply(None, C.byref(sample), op, operands)
            if lib.rg_failed(y): raise ValueError(lib.rg_error(t).decode())
            a = Attributes(w.split("=", 1) for w in text.split() if "=" in w and ":" not in w)
            torch.set_default_dtype(DTYPES[NAMES[dtype]])
            z = TORCH[op.contents.name.decode()](*theirs, a)
            each = not op.contents.shape and not op.contents.compose
            forward = ulps(values(lib, y), z, each, max([v.detach().abs().max().item() for v in leaves if v.numel()], default=0))
            if not x or not lib.rg_needs_grad(y) or not z.requires_grad or lib.rg_dtype_of(y) != dtype: return forward, None
            dy = np.random.default_rng(self.seed).standard_normal(z.shape).astype(NUMPY[dtype])
            shape = (C.c_int64 * 6)(*z.shape)
            w = lib.rg_input_of_n(t, dtype, np.ascontiguousarray(dy).ctypes.data, len(z.shape), shape)
            out = (P * len(x))()
            if lib.rg_grad(y, List(C.cast((P * len(x))(*x), P), len(x)), out, GradOptions(w)): raise ValueError(lib.rg_error(t).decode())
            g = torch.autograd.grad(z, leaves, torch.tensor(dy), allow_unused=True)
            zero = [torch.zeros_like(v) if d is None else d for d, v in zip(g, leaves)]
            return forward, max(ulps(values(lib, out[i]), zero[i], False, np.abs(dy).max(initial=0) / 4) for i in range(len(x)))
        finally:
            lib.rg_tape_free(t)


def is_empty(text):
    """Are there operands, or is there a size= asked for, without elements?"""
    return any("0" in w.split("=")[-1].split("x") if w.startswith("size=") else "0" in w.split(":")[0].split(",") for w in text.split())


def each_sample(lib, op):
    text = C.create_string_buffer(op.contents.samples)
    at, sample = P(C.addressof(text)), Sample()
    while True:
        more = lib.rg_sample_next(C.byref(at), C.byref(sample))
        if more < 0: raise ValueError("the samples cannot be read")
        if more == 0: return
        yield sample, C.string_at(sample.text, sample.length).decode().strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library")
    parser.add_argument("--op")
    parser.add_argument("--table", help="write a line an operator, for gradcheck --oracles --torch")
    parser.add_argument("--bar", type=float, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    o = parser.parse_args()
    torch.set_num_threads(1)
    lib = load(o.library)
    parity, rows, missing, failed, cases, empty = Parity(lib, o.seed), [], [], 0, 0, 0
    worst = {"f32": [0.0, ""], "f64": [0.0, ""]}
    entry, registered = lib.rg_op_first(), set()
    while entry:
        op, entry = entry.contents.op, entry.contents.next
        name = op.contents.name.decode()
        if name == "add" and not (op.contents.samples or b"").startswith(b"4,17 4,17;"):
            sys.exit("torch_parity: rg_op is laid out differently")
        registered.add(name)
        if o.op and name != o.op: continue
        if name not in TORCH:
            if name not in NO_COUNTERPART: missing.append(name)
            continue
        row = {"f32": [0.0, 0.0], "f64": [0.0, 0.0]}
        count = 0
        for sample, text in each_sample(lib, op):
            for dtype in (0, 1):
                try:
                    found = parity.compare(op, sample, text, dtype)
                except Exception as e:
                    if is_empty(text):  # PyTorch refuses more of these
                        empty += 1
                        continue
                    print(f"{name}: \"{text}\" {NAMES[dtype]}: {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}")
                    failed += 1
                    continue
                if name in EMPTY_DIFFERS and is_empty(text):
                    empty += 1
                    continue
                count += 1
                for k, ulp in enumerate(found):
                    if ulp is None: continue
                    row[NAMES[dtype]][k] = max(row[NAMES[dtype]][k], ulp)
                    if o.verbose or not ulp <= o.bar:
                        print(f"{name}: \"{text}\" {NAMES[dtype]} {'backward' if k else 'forward'}: {ulp:.3g} ulps")
                    failed += not ulp <= o.bar
        cases += count
        for d in row:
            if max(row[d]) > worst[d][0]: worst[d] = [max(row[d]), name]
        rows.append(f"{name}\t{count} cases, f32 {row['f32'][0]:.2g} {row['f32'][1]:.2g}, f64 {row['f64'][0]:.2g} {row['f64'][1]:.2g}")
    if o.table:
        with open(o.table, "w") as f: f.write("".join(r + "\n" for r in rows))
    for name in missing: print(f"{name}: NO COUNTERPART in tests/ops/torch_counterparts.py")
    for name, why in NO_COUNTERPART.items(): print(f"{name}: not compared, {why}")
    stale = [] if o.op else sorted((set(TORCH) | set(NO_COUNTERPART)) - registered)
    for name in stale: print(f"{name}: stands in tests/ops/torch_counterparts.py, and is no operator")
    print(f"{len(rows)} operators against PyTorch {torch.__version__}: {cases} cases, forward and backward; worst difference "
          + ", ".join(f"{d} {worst[d][0]:.3g} ulps ({worst[d][1]})" for d in worst)
          + f"; {empty} cases of no elements left out, {len(missing)} without a counterpart, {failed} failed")
    return 1 if failed or missing or stale or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
