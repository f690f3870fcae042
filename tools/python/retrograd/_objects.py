"""What the library hands out, as Python's objects: tapes, tensors, nets and the like."""
import ctypes as C
import io
import operator
import os
import weakref

from . import _card
from ._types import ENUMS, FROM_C, STRUCTS, TO_C, Error, caller, declare, lib, on_error

declare(lib, ("rg_tape_new_at", C.c_void_p, C.c_char_p, C.c_uint64, STRUCTS["rg_tape_options"]), ("rg_tape_free", None, C.c_void_p),
        ("rg_on_error", None, C.c_void_p, C.c_void_p, C.c_void_p), ("rg_retain", C.c_void_p, C.c_void_p), ("rg_release", None, C.c_void_p),
        *[(f"rg_{dtype.name.lower()}", C.c_void_p, C.c_void_p) for dtype in ENUMS["rg_dtype"]])
TAPES = weakref.WeakValueDictionary()  # by their addresses


def fail(call, code, text):
    at = os.path.basename((getattr(call, "at", None) or caller()).decode())
    return Error(_card.CONSTANTS[code], f"{call.what}: {text} ({at})")


def expect(cls, value, call, what):
    if isinstance(value, cls): return value
    raise TypeError(f"{call.what}: {what} must be a {cls.__name__}, not {type(value).__name__}")


class Memory:
    """A tape of the library. It is freed when the Tape has ended and no view of its values is left."""

    def __init__(self, pointer):
        self.pointer, self.ended, self.kept, self.thunks, self.step_thunks = pointer, [], [], {}, {}

    def __del__(self, free=lib.rg_tape_free):
        free(self.pointer)

    def reset(self):
        """A view may end anywhere, also while the library runs; its tensor is released here."""
        while self.ended: lib.rg_release(self.ended.pop())
        self.step_thunks.clear()


class Handle:
    """Something that a tape owns: a net, an optimiser, a loader, a state. It keeps the tape."""

    _kind = None

    def __init__(self, pointer, tape):
        self._pointer, self.tape = pointer, tape

    def _given(self, call, what):
        if self.tape._memory is None: raise fail(call, "RG_ESTATE", f"{what} is of a tape that was freed")
        return self._pointer

    def __getattr__(self, name):
        struct = STRUCTS.get(self._kind)
        if not struct or name not in struct.MEMBERS: raise AttributeError(f"{type(self).__name__} has no {name}")
        return getattr(struct.from_address(self._given(struct, name)), name)


class Tape(Handle):
    """A recording, and the owner of everything on it. Its generator is NumPy's default_rng(seed).

    It is freed at the end of `with rg.Tape(42) as t:`, by t.free(), or when nothing of it is used any more."""

    _kind, tape = "rg_tape", property(lambda self: self)
    _pointer = property(lambda self: self._memory.pointer)

    def __init__(self, seed=0):
        if not 0 <= operator.index(seed) < 2**64: raise OverflowError(f"Tape: seed = {seed} is no uint64_t")
        pointer = lib.rg_tape_new_at(caller(), operator.index(seed), STRUCTS["rg_tape_options"]())
        if not pointer: raise MemoryError("Tape: out of memory")
        self._memory = Memory(pointer)
        TAPES[pointer] = self
        lib.rg_on_error(pointer, C.cast(on_error, C.c_void_p), pointer)
        if functions["error"](self): raise Error(functions["error_code"](self), functions["error"](self))

    def free(self):
        """Frees the tape and everything that it owns. The memory of a view of values, x.numpy(), stays while the view is used."""
        self._memory = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.free()


class Net(Handle):
    _kind = "rg_nn"

    def __call__(self, *inputs): return self.forward(*inputs)


class Loader(Handle):
    """for x, y in loader: the batches of an epoch."""

    _kind, columns = "rg_loader", 1

    def __iter__(self): return iter(lambda: self.next(self.columns), None)


OBJECTS = {"rg_tape": Tape, "rg_nn": Net, "rg_loader": Loader}
for _name in ("rg_optim", "rg_state", "rg_ema", "rg_early_stopping"):
    OBJECTS[_name] = type(_name[3:].title().replace("_", ""), (Handle,), {"_kind": _name, "__doc__": Handle.__doc__})


class View:
    """The values of a tensor for NumPy and DLPack, without a copy. They stay while this is used: a reset does not release them."""

    what = "numpy"

    def __init__(self, x):
        self.pointer, self.memory, self.shape, self.dtype = x._given(self, "the tensor"), x.tape._memory, x.shape, x.dtype
        self.address = getattr(lib, f"rg_{self.dtype.name.lower()}")(self.pointer) or 0
        lib.rg_retain(self.pointer)
        kind = ("<f4", "<f8", "<i4", "|u1")[self.dtype]
        self.__array_interface__ = {"version": 3, "shape": self.shape, "typestr": kind, "data": (self.address, True)}

    def __del__(self):
        if hasattr(self, "__array_interface__"): self.memory.ended.append(self.pointer)


class Tensor:
    """A tensor of a tape. x + y, x @ w, x[1:, 0], x.shape; each function of this package that takes a tensor first is a method too."""

    __slots__ = ("_pointer", "_node", "_seq", "tape", "__weakref__")
    __array_ufunc__ = None  # so that NumPy leaves array + x to this class
    __hash__ = object.__hash__

    def _given(self, call, what):
        if self.tape._memory is None: raise fail(call, "RG_ESTATE", f"{what} is of a tape that was freed")
        if self._node._seq != self._seq: raise fail(call, "RG_ESTATE", f"{what} was released")  # another tensor has its memory
        return self._pointer

    # -------- what it is
    ndim = property(lambda self: functions["ndim"](self), doc="number of dimensions")
    shape = property(lambda self: functions["shape"](self), doc="a tuple: the size of each dimension")
    dtype = property(lambda self: functions["dtype_of"](self), doc="rg.F32, F64, I32 or U8")
    name = property(lambda self: functions["name_of"](self), doc="for messages and files; None: it has none")
    grad = property(lambda self: functions["grad_of"](self), doc="the gradient that backward has added up; None: none")
    T = property(lambda self: functions["permute"](self, *range(self.ndim)[::-1]), doc="its axes in reverse order; a copy")

    def __repr__(self):
        text = io.StringIO()
        functions["print"](self, text)
        name, values = self.name, text.getvalue().rstrip()
        return f"Tensor({name + ', ' if name else ''}{list(self.shape)} {self.dtype.name.lower()},\n{values})"

    def __len__(self):
        if not self.ndim: raise TypeError("a tensor of rank 0 has no len()")
        return self.shape[0]

    def __iter__(self): return (self[i] for i in range(len(self)))
    def __bool__(self): return bool(self.item())
    def __float__(self): return self.item()
    def __int__(self): return int(self.item())
    def __format__(self, form): return format(self.item(), form) if form else str(self)

    # -------- values
    def numpy(self):
        """Its values as an array of NumPy: no copy, read-only. It stays as it is after a reset, and after the tape was freed."""
        import numpy
        return numpy.asarray(View(self))

    def __array__(self, dtype=None, copy=None):
        values = self.numpy()
        return values.astype(dtype or values.dtype, copy=bool(copy))

    def __dlpack_device__(self):
        return 1, 0  # the CPU

    def __dlpack__(self, *, stream=None, copy=None, **_):
        if copy: raise BufferError("__dlpack__ makes no copy; rg.clone does")
        from . import _dlpack
        return _dlpack.capsule(View(self))

    # -------- indexing
    def __getitem__(self, index):
        """Integers, slices, None, ..., and one tensor or list of indices (i32): as NumPy's, recorded."""
        items = list(index) if isinstance(index, tuple) else [index]
        dots = [k for k, i in enumerate(items) if i is ...]
        rest = self.ndim - sum(i is not None and i is not ... for i in items)
        if rest < 0 or len(dots) > 1: raise IndexError(f"an index of {self.ndim - rest} axes for a tensor of {self.ndim}")
        items[slice(dots[0], dots[0] + 1) if dots else slice(len(items), None)] = [slice(None)] * rest
        if sum(isinstance(i, (Tensor, list)) for i in items) > 1: raise IndexError("more than one tensor of indices")
        y, axis = self, 0
        for i in items:
            if i is None: y = y.unsqueeze(axis)
            elif isinstance(i, slice): y = y._sliced(axis, i)
            elif isinstance(i, (Tensor, list)):
                i = i if isinstance(i, Tensor) else functions["input"](self.tape, i)
                y, axis = y.index_select(i, axis), axis + i.ndim - 1
            else:
                at, n = operator.index(i), y.shape[axis]
                if not -n <= at < n: raise IndexError(f"index {at} is outside axis {axis} of size {n}")
                y, axis = functions["slice"](y, axis, at % n, at % n + 1).squeeze(axis), axis - 1
            axis += 1
        return y

    def _sliced(self, axis, i):
        n = self.shape[axis]
        start, stop, step = i.indices(n)
        if range(start, stop, step) == range(n): return self
        if not range(start, stop, step): start, stop, step = 0, 0, 1
        return functions["slice"](self, axis, start, _card.CONSTANTS["RG_TO_END"] if stop < 0 else stop, step=step)


def _operator(name, swapped=False):
    def apply(self, other):
        if not isinstance(other, Tensor) and not hasattr(other, "__float__"): return NotImplemented
        return functions[name](other, self) if swapped else functions[name](self, other)
    return apply


for _name, _function in {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow"}.items():
    setattr(Tensor, f"__{_name}__", _operator(_function))
    setattr(Tensor, f"__r{_name}__", _operator(_function, True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"): setattr(Tensor, f"__{_name}__", _operator(_name))
for _name in ("neg", "abs"): setattr(Tensor, f"__{_name}__", lambda self, f=_name: functions[f](self))
Tensor.__pow__ = lambda self, p: functions["pow" if isinstance(p, Tensor) else "pow_scalar"](self, p)
Tensor.__matmul__ = lambda self, other: functions["matmul"](self, other) if isinstance(other, Tensor) else NotImplemented

functions = {}  # by their names without rg_; _call.py makes them


# -------- to and from C


def tensor(pointer, call):
    if not pointer: return None
    x = Tensor.__new__(Tensor)
    x._pointer, x._node = pointer, STRUCTS["rg_tensor"].from_address(pointer)
    x._seq, x.tape = x._node._seq, TAPES.get(x._node._tape)
    if x.tape is None: raise fail(call, "RG_ESTATE", "no operand is a tensor")
    return x


def handle(cls):
    return lambda value, call, what: None if value is None else expect(cls, value, call, what)._given(call, what)


for _name, _class in {"rg_tensor": Tensor, **OBJECTS}.items():
    for _const in ("", "const "):
        TO_C[f"{_const}{_name} *"] = handle(_class)
        FROM_C[f"{_const}{_name} *"] = lambda pointer, call, c=_class: c(pointer, call.tape()) if pointer else None
FROM_C["rg_tensor *"] = FROM_C["const rg_tensor *"] = tensor
FROM_C["rg_tape *"] = lambda pointer, _: TAPES.get(pointer)
FROM_C["rg_nn *"] = lambda pointer, _: Net(pointer, TAPES[STRUCTS["rg_nn"].from_address(pointer)._tape]) if pointer else None
