"""The functions of the library, made from the card: they convert arguments and results, and raise the library's errors."""
import array
import ctypes as C
import inspect
import itertools
import math
import operator
import os
import sys

from . import _card
from ._objects import OBJECTS, Handle, Tape, Tensor, expect, fail, functions, tensor
from ._types import ENUMS, FROM_C, NUMBERS, STRUCTS, TO_C, caller, ctype, declare, lib, pending, raise_pending, unknown

libc = C.CDLL(None)
declare(libc, ("open_memstream", C.c_void_p, C.c_void_p, C.c_void_p), ("fclose", C.c_int, C.c_void_p), ("free", None, C.c_void_p))
declare(lib, ("rg_number_at", C.c_void_p, C.c_char_p, C.c_double, C.c_void_p), ("rg_op_find", C.c_void_p, C.c_char_p),
        ("rg_neg_at", C.c_void_p, C.c_char_p, C.c_void_p))
POISON = lib.rg_neg_at(None, None)  # of callbacks that have failed
LISTS = {"rg_dims": "int64_t", "rg_axes": "int", "rg_tensors": "rg_tensor *", "rg_layers": "rg_nn *"}
PAIRS = ("rg_data", "rg_room", "rg_places", *LISTS)
TENSORS = "rg_tensor *const *"
FORMATS = {"f": 0, "d": 1, "i": 2, "B": 3, "?": 3}  # a memoryview's, as rg_dtype
# Arguments that are results, and the argument that says how many.
RESULTS = {("rg_grad", "out"): "x", ("rg_hvp", "out"): "x", ("rg_split", "out"): "sizes", ("rg_chunk", "out"): "n",
           ("rg_channel_stats", "mean"): "channels", ("rg_channel_stats", "std"): "channels",
           ("rg_dataset_split", "a"): None, ("rg_dataset_split", "b"): None}
# Errors are exceptions here, so that there is no handler to set.
LEFT_OUT = ("rg_on_error", "rg_print_error")


class Call:
    """A call while it runs: its arguments, what has to stay until it returns, what it returns besides its result."""

    def __init__(self, what):
        self.what, self.at, self.values, self.kept, self.results, self.after = what, caller(), {}, [], [], []
        self.thunks, self.count = {}, 0

    def keep(self, value):
        self.kept.append(value)
        return value

    def tape(self):
        for value in self.values.values():
            one = value[0] if isinstance(value, (list, tuple)) and value else value
            if isinstance(one, (Handle, Tensor)): return one.tape

    def place(self, kind, n, found):
        """Room for n results; `found` makes Python's of them."""
        room = self.keep((ctype(kind) * n)())
        self.results.append(lambda: found(room))
        return C.addressof(room)


# -------- values to C: (value, call, what) -> what ctypes takes


def _whole(name):
    bits = C.sizeof(NUMBERS[name]) * 8
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if name.startswith("int") else (0, 2**bits)

    def convert(value, call, what):
        value = operator.index(value)
        if not low <= value < high: raise OverflowError(f"{call.what}: {what} = {value} is no {name}")
        return value
    return convert


def _number(value, call, what):
    try:
        if hasattr(value, "__float__"): return float(value)
    except TypeError: pass
    raise TypeError(f"{call.what}: {what} must be a number, not {type(value).__name__}")


def _text(value, call, what):
    return None if value is None else C.cast(C.c_char_p(call.keep(os.fsencode(value))), C.c_void_p).value


def _texts(value, call, what):
    return C.addressof(call.keep((C.c_char_p * (len(value) + 1))(*[call.keep(one.encode()) for one in value])))


def _list(value, call, what):
    items = call.keep((C.c_void_p * len(value))(*[TO_C["rg_tensor *"](x, call, what) for x in value]))
    made = STRUCTS["rg_list"]()
    made._items, made._count = C.addressof(items), len(value)
    return made


def _pointer(element, const):
    """To numbers: an array of them; where they are only read, a list too."""
    def convert(value, call, what):
        if value is None: return None
        if const and isinstance(value, (list, tuple)): return C.addressof(call.keep((element * len(value))(*value)))
        view = memoryview(value)
        if view.itemsize != C.sizeof(element) or view.readonly or not view.c_contiguous:
            raise TypeError(f"{call.what}: {what} must be a writable array of {element.__name__[2:]}")
        return C.addressof(call.keep((C.c_char * view.nbytes).from_buffer(view)))
    return convert


def _struct(cls, pointer):
    def convert(value, call, what):
        if value is None and pointer: return None
        return C.addressof(call.keep(expect(cls, value, call, what))) if pointer else expect(cls, value, call, what)
    return convert


def _wanted(value, call, what):
    """An option for a second result: rg.sort(x, 0, index=True) returns both."""
    return call.place("rg_tensor *", 1, lambda room: tensor(room[0], call)) if value else None


def _file(value, call, what):
    """Where a file of Python gets what the library prints; None: sys.stdout."""
    text, size = C.c_void_p(), C.c_size_t()
    file = libc.open_memstream(C.byref(text), C.byref(size))

    def end():
        libc.fclose(file)
        (value or sys.stdout).write(C.string_at(text.value, size.value).decode(errors="replace"))
        libc.free(text)
    call.after.append(end)
    return file


def _callback(kind):
    """A function of Python, which gets the tensors one by one: fn(x, y), or fn(net, x, y). What it raises, the call raises."""
    result, parameters = _card.CALLBACKS[kind]
    shown = [(k, t) for k, (t, name) in enumerate(parameters) if name not in ("ctx", "data", "at")]
    spread = shown and shown[-1][1] == TENSORS
    failed = {"rg_tensor *": POISON, "double": math.nan, "int": 1}.get(result)

    def convert(fn, call, what):
        if fn is None: return None
        key, n = (kind, fn, call.count), call.count

        def run(*raw):
            try:
                given = []
                for k, t in shown:
                    count = given[0].inputs if given and kind.startswith("rg_nn") else n
                    given.append(_tensors(raw[k], count, call) if t == TENSORS else FROM_C[t](raw[k], call) if t in FROM_C else raw[k])
                y = fn(*given[:-1], *given[-1]) if spread else fn(*given)
                return (y or 0) if result == "int" else TO_C[result](y, call, f"what {what} returned")
            except BaseException as error:
                pending.errors.insert(0, error)
                return failed
        if key not in call.thunks: call.thunks[key] = C.CFUNCTYPE(ctype(result), *[ctype(t) for t, _ in parameters])(run)
        return C.cast(call.thunks[key], C.c_void_p).value
    return convert


TO_C.update({name: _whole(name) for name in ("int", "int64_t", "uint64_t", "uint32_t", "size_t")})
TO_C.update({name: _whole("int") for name in ENUMS})
TO_C.update({name: _callback(name) for name in _card.CALLBACKS})
TO_C.update({"bool": lambda value, call, what: bool(value), "char": lambda value, call, what: value.encode(), "double": _number,
             "rg_list": _list, "const char *": _text, "const char *const *": _texts, "rg_tensor **": _wanted, "FILE *": _file,
             "const struct rg_op *": lambda value, call, what: lib.rg_op_find(value.encode()), "void *": _pointer(C.c_char, False)})
for _name in ("int64_t", "uint32_t", "double"):
    TO_C[f"const {_name} *"], TO_C[f"{_name} *"] = _pointer(NUMBERS[_name], True), _pointer(NUMBERS[_name], False)
for _name, _class in STRUCTS.items():
    for _kind in (_name, f"{_name} *", f"const {_name} *"): TO_C.setdefault(_kind, _struct(_class, _kind != _name))

# -------- values from C: (value, call or struct) -> what the caller gets


def _tensors(pointer, count, call):
    return [tensor(x, call) for x in (C.c_void_p * count).from_address(pointer)] if count else []


def _names(pointer, owner):
    """Texts; their number if it is known, otherwise up to a NULL."""
    if not pointer: return None
    if isinstance(owner, STRUCTS["rg_dataset"]): most = owner.classes if pointer == owner._class_names else owner.x.shape[1]
    else: most = next(k for k in itertools.count() if not C.c_void_p.from_address(pointer + k * C.sizeof(C.c_void_p)).value)
    return [one.decode() for one in (C.c_char_p * most).from_address(pointer)]


FROM_C.update({"const char *": lambda p, _: C.string_at(p).decode(errors="replace") if p else None, "const char *const *": _names,
               "rg_list": lambda made, call: _tensors(made._items, made._count, call),
               "rg_rng *": lambda p, _: STRUCTS["rg_rng"].from_address(p)})
FROM_C.update({name: lambda value, _, kind=kind: kind(value) for name, kind in ENUMS.items()})
RETURNED = {"rg_tape_reset": lambda call, raw: call.values["t"]._memory.reset(),
            "rg_shape": lambda call, raw: tuple((C.c_int64 * lib.rg_ndim(call.values["x"]._pointer)).from_address(raw)),
            "rg_loader_next": lambda call, raw: call.results[0]() if raw else None,
            **{f"rg_{dtype}": lambda call, raw: call.values["x"].numpy() for dtype in ("f32", "f64", "i32", "u8")}}

# -------- arguments: (call, name) -> those of C


def _nested(value):
    """The numbers of lists in lists, and their shape."""
    if not isinstance(value, (list, tuple)): return [value], ()
    rows = [_nested(one) for one in value]
    if len({shape for _, shape in rows}) > 1: raise ValueError("rows of different lengths")
    return [number for numbers, _ in rows for number in numbers], (len(rows), *(rows[0][1] if rows else ()))


def _view(value, call, what):
    """A memoryview of numbers of the library, and their shape. Integers of other sizes become i32."""
    try: view = memoryview(value)
    except TypeError:
        view = None
        if hasattr(value, "__dlpack__"):
            import numpy
            view = memoryview(numpy.from_dlpack(value))
    if view is not None and view.format in FORMATS: return view, view.shape
    if view is not None and view.format not in "bhHIlLqQ": raise TypeError(f"{call.what}: {what} has numbers of the format {view.format}")
    numbers, shape = _nested(value if view is None else view.tolist())
    return memoryview(array.array("i" if all(hasattr(one, "__index__") for one in numbers) else "d", numbers)), shape


def _data(call, name):
    if call.values[name] is None: return lib.rg_default_dtype(call.tape()._given(call, "t")), None
    view, shape = _view(call.values[name], call, name)
    if "shape" in call.values: asked = call.values["shape"] = call.values["shape"] or shape
    else: asked = call.values["x"].shape
    if math.prod(asked) != math.prod(shape): raise fail(call, "RG_ESHAPE", f"{name} has the shape {list(shape)}, not {list(asked)}")
    usable = view.c_contiguous and not view.readonly  # otherwise a copy, in C's order
    return FORMATS[view.format], (C.c_char * view.nbytes).from_buffer(view) if usable else call.keep(view.tobytes())


def _room(call, name):
    view = memoryview(call.values[name])
    if view.readonly or not view.c_contiguous or view.format not in FORMATS:
        raise TypeError(f"{call.what}: {name} must be a writable array of float32, float64, int32 or uint8")
    call.values["capacity"] = math.prod(view.shape)
    return FORMATS[view.format], (C.c_char * view.nbytes).from_buffer(view)


def _places(call, name):
    """rg.loader_next(loader, 2): how many columns. Returns their tensors, or None at the end of an epoch."""
    n = operator.index(call.values[name])
    at = call.place("rg_tensor *", n, lambda room: [tensor(x, call) for x in room])
    return n, (C.c_void_p * n)(*range(at, at + n * C.sizeof(C.c_void_p), C.sizeof(C.c_void_p)))


def _operand(call, name):
    value = call.values[name]
    if value is None or isinstance(value, Tensor): return (TO_C["rg_tensor *"](value, call, name),)
    number, other = _number(value, call, name), next((one for n, one in call.values.items() if n in "ab" and isinstance(one, Tensor)), None)
    return (lib.rg_number_at(call.at, number, expect(Tensor, other, call, "one operand")._given(call, "the other operand")),)


def _updated(call, name):
    """The tensor of a pointer to it: c of an LSTM cell, which returns h and c."""
    at = call.place("rg_tensor *", 1, lambda room: tensor(room[0], call))
    C.c_void_p.from_address(at).value = TO_C["rg_tensor *"](call.values[name], call, name)
    return (at,)


def _result(kind, count):
    def step(call, name):
        n = call.values.get(count, 1)
        found = {"rg_tensor **": lambda room: [tensor(x, call) for x in room], "double *": list, "rg_dataset *": lambda room: room[0]}[kind]
        return (call.place(kind[:-1].strip(), n if isinstance(n, int) else len(n), found),)
    return step


def _many(element):
    def step(call, name):
        items = [TO_C[element](one, call, name) for one in call.values[name]]
        return len(items), (ctype(element) * len(items))(*items)
    return step


STEPS = {"rg_data": _data, "rg_room": _room, "rg_places": _places, "rg_operand": _operand, "rg_tensor **": _updated,
         **{kind: _many(element) for kind, element in LISTS.items()}}


class Function:
    """A function of the library: its arguments in Python, and the steps that make C's of them."""

    def __init__(self, name):
        symbol, self.result, parameters, self.text = _card.FUNCTIONS[name]
        self.name, self.short, self.line, kinds = name, name[3:], symbol.endswith("_at"), [kind for kind, _ in parameters]
        self.first = kinds[0].replace("const ", "") if kinds else ""
        # An int that says only whether there was an error.
        self.status = self.result == "int" and (self.line or self.first.endswith("*") and not kinds[0].startswith("const"))
        self.optional = [n for kind, n in parameters if kind == "FILE *"]
        self.options = next((STRUCTS[kind] for kind in kinds if kind.endswith("_options")), None)
        self.many = next((n for kind, n in parameters if kind in LISTS), None)
        self.list = next((n for kind, n in parameters if kind == "rg_list"), None)
        self.stays = bool({"rg_list", "rg_state *", *_card.CALLBACKS} & set(kinds)) or self.result == "rg_loader *"
        hidden = {("rg_nn_new", "size"): lambda call, _: (C.sizeof(STRUCTS["rg_nn"]),),
                  ("rg_copy_out", "capacity"): lambda call, _: (call.values["capacity"],),
                  ("rg_lr_multi_step", "n"): lambda call, _: (len(call.values["milestones"]),),
                  **{key: _result(kind, RESULTS[key]) for kind, n in parameters if (key := (name, n)) in RESULTS}}
        self.shown, self.steps, types = [], [], [C.c_char_p] * self.line
        for before, (kind, n) in zip(["", *kinds], parameters):
            types += [C.c_int, C.c_void_p] if kind in PAIRS else [C.c_void_p if kind == "rg_operand" else ctype(kind)]
            if kind.endswith("_options"): step = lambda call, _: (call.options,)
            elif kind == "void *" and before in _card.CALLBACKS: step = lambda call, _: (None,)
            elif (name, n) in hidden: step = hidden[name, n]
            else:
                step = STEPS.get(kind) or (lambda call, n, kind=kind: (TO_C[kind](call.values.get(n), call, n),))
                if n != self.many: self.shown.append(n)
            self.steps.append((n, step))
        self.function = getattr(lib, symbol)
        self.function.restype, self.function.argtypes = ctype(self.result), types

    def arguments(self, call, given, named):
        """The arguments by their names; what is left of `named` are options."""
        values, rest = call.values, given[len(self.shown) :]
        values.update(zip(self.shown, given))
        if self.many and (rest or self.many not in named):
            values[self.many] = tuple(rest[0]) if len(rest) == 1 and isinstance(rest[0], (list, tuple)) else rest
        elif rest: raise TypeError(f"{self.short} takes {', '.join(self.shown)}" + (", and options by name" if self.options else ""))
        for name in [n for n in named if n in self.shown or n == self.many]:
            if name in values: raise TypeError(f"{self.short}: {name} is given twice")
            one = named.pop(name)
            values[name] = one if name != self.many or isinstance(one, (list, tuple)) else (one,)
        if named and not self.options: raise unknown(self.short, next(iter(named)), self.shown)
        for name in self.shown:
            if name not in values and name not in self.optional: raise TypeError(f"{self.short}: {name} is missing")

    def prepare(self, call, named):
        """How many tensors a function of Python gets, and how long that function has to stay."""
        if self.list: call.count = len(call.values[self.list])
        if self.result == "rg_loader *":
            call.count = 2 if "stream" in call.values else sum(call.values[n] is not None for n in "xy")
            call.count += len(named.get("more") or ()) + (named.get("lengths") is not None)
        memory = getattr(call.tape(), "_memory", None)
        if memory and self.result == "rg_tensor *": call.thunks = memory.step_thunks
        elif memory and self.result not in ("rg_check", "double"): call.thunks = memory.thunks
        if memory and (self.first == "rg_state *" or self.name == "rg_nn_new"): call.kept = memory.kept

    def __call__(self, *given, **named):
        call = Call(self.short)
        self.arguments(call, given, named)
        if self.stays: self.prepare(call, named)
        try:
            if self.options: call.options = self.options(call, **named)
            arguments = [call.at] * self.line
            for name, step in self.steps: arguments += step(call, name)
            raw = self.function(*arguments)
        except BaseException:  # which is raised in place of an error of the library
            pending.errors.clear()
            raise
        finally:
            for end in call.after: end()
        if pending.errors: raise_pending()
        return self.returned(call, raw)

    def returned(self, call, raw):
        if self.name in RETURNED: return RETURNED[self.name](call, raw)
        value = None if self.status else FROM_C[self.result](raw, call) if self.result in FROM_C else raw
        if self.result == "rg_loader *": value.columns = call.count
        if not call.results: return value
        found = [value] * (not self.status) + [one() for one in call.results]
        return found[0] if len(found) == 1 else tuple(found)


def _made(name):
    """A function of Python, also as a method of what it takes first: rg.nn_params(net) is net.params()."""
    made = Function(name)

    def function(*given, **named): return made(*given, **named)

    P, options = inspect.Parameter, made.options.MEMBERS if made.options else {}
    parameters = [P(n, P.POSITIONAL_OR_KEYWORD, default=None if n in made.optional else P.empty) for n in made.shown]
    if made.many: parameters.append(P(made.many, P.VAR_POSITIONAL))
    function.__signature__ = inspect.Signature(parameters + [P(n, P.KEYWORD_ONLY, default=None) for n in options if n not in made.shown])
    function.__doc__ = "\n\n".join([made.text] + [f"{n}: {text}".rstrip(": ") for n, (_, _, text) in options.items()])
    function.__name__, function.__qualname__, function.__module__ = made.short, made.short, __package__
    cls = Tensor if made.first in ("rg_tensor *", "rg_operand") else OBJECTS.get(made.first[:-2])
    prefix = made.first[3:-1].strip() + "_"
    method = made.short[len(prefix) :] if made.short.startswith(prefix) else made.short
    if cls and method not in vars(cls): setattr(cls, method, function)
    return function


functions.update({name[3:]: _made(name) for name in _card.FUNCTIONS if name not in ("rg_tape_new", "rg_tape_free", *LEFT_OUT)})
functions.update(tape_new=Tape, tape_free=Tape.free)
