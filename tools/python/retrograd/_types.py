"""The library as ctypes sees it: its types by their names in C, structs, errors, the caller's line."""
import ctypes as C
import difflib
import enum
import os
import re
import sys
import threading

from . import _card


def _load():
    """The library of this package: of the build folder it is in, or of the prefix it is installed in."""
    here, name = os.path.dirname(os.path.abspath(__file__)), os.path.basename(_card.LIBRARY)
    near = [os.path.join(here, "../../..", name), os.path.join(here, "../../../..", _card.LIBRARY)]
    path = os.environ.get("RETROGRAD_LIBRARY") or next(filter(os.path.exists, near), name)
    library = C.CDLL(path)
    library.rg_version.restype = C.c_char_p
    if library.rg_version().decode() != _card.VERSION:
        raise ImportError(f"{path} is version {library.rg_version().decode()}, the package is for {_card.VERSION}")
    return library


def declare(library, *prototypes):
    for name, result, *types in prototypes: getattr(library, name).restype, getattr(library, name).argtypes = result, types


lib = _load()
declare(lib, ("rg_error_clear", None, C.c_void_p))
NUMBERS = {"int": C.c_int, "bool": C.c_bool, "char": C.c_char, "float": C.c_float, "double": C.c_double, "int64_t": C.c_int64,
           "uint64_t": C.c_uint64, "int32_t": C.c_int32, "uint32_t": C.c_uint32, "uint8_t": C.c_uint8, "size_t": C.c_size_t}
ENUMS = {name: enum.IntEnum(name[3:], {key[3:]: value for key, value in values.items()}) for name, values in _card.ENUMS.items()}
STRUCTS = {}


def ctype(name):
    """The type of ctypes for a type of C; of every pointer an address."""
    if "*" in name or name in _card.CALLBACKS: return C.c_void_p
    return None if name == "void" else C.c_int if name in ENUMS else NUMBERS.get(name) or STRUCTS[name]


# -------- errors


class Error(RuntimeError):
    """An error of the library. The message ends with the line of the call; .code is its kind: rg.ESHAPE .."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = ENUMS["rg_code"](code)


class _Pending(threading.local):
    """Errors since the last call, of this thread: the library calls on_error, and Python raises when the call has returned."""

    def __init__(self):
        self.errors = []


pending = _Pending()


@C.CFUNCTYPE(None, C.c_void_p, C.c_int, C.c_char_p)
def on_error(tape, code, message):
    pending.errors.append(Error(code, message.decode(errors="replace")))
    lib.rg_error_clear(tape)


def raise_pending():
    first, pending.errors = pending.errors[0], []
    raise first


_lines = {}


def caller():
    """FILE:LINE of the call, outside of this package. The library keeps the pointer, so that it is made once and stays."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__package__") == __package__: frame = frame.f_back
    key = frame.f_code.co_filename, frame.f_lineno
    if key not in _lines: _lines[key] = f"{key[0]}:{key[1]}".encode()
    return _lines[key]


def unknown(function, name, names):
    close = difflib.get_close_matches(name, names, 1, 0)
    return TypeError(f"{function}: there is no {name}" + (f"; did you mean {close[0]}?" if close else ""))


# -------- structs. Their members are properties, which are Python's objects: a Tensor, a str. TO_C and FROM_C convert; _call.py fills them.

TO_C, FROM_C = {}, {}


class Struct(C.Structure):
    def __init__(self, call=None, **members):
        """call: the call whose options they are; it keeps what they point to."""
        super().__init__()
        call = call or self
        for name, value in members.items():
            if name not in self.MEMBERS: raise unknown(call.what, name, self.MEMBERS)
            if value is not None: self.put(name, value, call)

    what = property(lambda self: type(self).__name__)

    def keep(self, value):
        self.__dict__.setdefault("kept", []).append(value)
        return value

    def put(self, name, value, call):
        kind, size, text = self.MEMBERS[name]
        if size:  # a width that is left out is the height, so that a padding of 0 must be said
            pair = [value] if isinstance(value, int) else list(value)
            if name == "padding" and len(pair) == 2 and pair[0] and not pair[1]: pair[1] = _card.CONSTANTS["RG_NO_PADDING"]
            value = (ctype(kind) * size)(*pair)
        elif kind in TO_C: value = TO_C[kind](value, call, name)
        # An explicit 0 means 0, where C would take it for the default.
        if kind == "double" and value == 0 and "default" in text.lower() and set(re.findall(r"[\d.]*\d", text)) != {"0"}: value = -0.0
        setattr(self, "_" + name, value)

    def get(self, name):
        kind, size, _ = self.MEMBERS[name]
        value = getattr(self, "_" + name)
        if size: return value.decode(errors="replace") if kind == "char" else tuple(value)
        return FROM_C[kind](value, self) if kind in FROM_C else value

    def __repr__(self):
        return f"{self.what}({', '.join(f'{name}={self.get(name)!r}' for name in self.MEMBERS)})"


def _struct(name, members):
    names = {n: (kind, size, text) for kind, n, size, text in members}
    fields = [("_" + n, ctype(kind) * size if size else ctype(kind)) for n, (kind, size, _) in names.items()]
    names.pop("named_", None)
    made = type(name[3:], (Struct,), {"_fields_": fields, "MEMBERS": names, "__module__": __package__})
    for n, (_, _, text) in names.items():
        setattr(made, n, property(lambda self, n=n: self.get(n), lambda self, value, n=n: self.put(n, value, self), doc=text))
    return made


for _name, _members in _card.STRUCTS.items(): STRUCTS[_name] = _struct(_name, _members)
