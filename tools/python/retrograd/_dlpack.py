"""DLPack, out: PyTorch, NumPy and others take a tensor's values without a copy. https://dmlc.github.io/dlpack/latest/c_api.html"""
import ctypes as C


class Managed(C.Structure):  # DLManagedTensor
    _fields_ = [("data", C.c_void_p), ("device", C.c_int32 * 2), ("ndim", C.c_int32), ("code", C.c_uint8), ("bits", C.c_uint8),
                ("lanes", C.c_uint16), ("shape", C.c_void_p), ("strides", C.c_void_p), ("byte_offset", C.c_uint64),
                ("manager_ctx", C.c_void_p), ("deleter", C.c_void_p)]


NAME = b"dltensor"
api, exported = C.pythonapi, {}
for _name, _result, *_types in [("PyCapsule_New", C.py_object, C.c_void_p, C.c_char_p, C.c_void_p), ("Py_IncRef", None, C.py_object),
                                ("PyCapsule_IsValid", C.c_int, C.c_void_p, C.c_char_p),
                                ("PyCapsule_GetPointer", C.c_void_p, C.c_void_p, C.c_char_p)]:
    getattr(api, _name).restype, getattr(api, _name).argtypes = _result, _types


@C.CFUNCTYPE(None, C.c_void_p)
def deleter(address, exported=exported):
    exported.pop(address, None)


@C.PYFUNCTYPE(None, C.c_void_p)
def destructor(capsule, api=api, name=NAME, exported=exported):  # of a capsule that nobody has taken
    if api.PyCapsule_IsValid(capsule, name): exported.pop(api.PyCapsule_GetPointer(capsule, name), None)


for _function in (deleter, destructor): api.Py_IncRef(_function)  # PyTorch may call them after this module has ended


def capsule(view):
    shape = (C.c_int64 * len(view.shape))(*view.shape)
    code, bits = ((2, 32), (2, 64), (0, 32), (1, 8))[view.dtype]
    managed = Managed(view.address, (1, 0), len(shape), code, bits, 1, C.addressof(shape), None, 0, None, C.cast(deleter, C.c_void_p))
    exported[C.addressof(managed)] = managed, shape, view
    return api.PyCapsule_New(C.addressof(managed), NAME, C.cast(destructor, C.c_void_p))
