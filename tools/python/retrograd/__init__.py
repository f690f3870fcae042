"""retrograd, a miniature autograd tensor engine: each function of its headers, without rg_ in front. docs/python.md explains it.

    import retrograd as rg

    with rg.Tape(42) as t:
        w = rg.param(t, "w", rg.HE_NORMAL, 3, 1)
        loss = rg.mse(rg.input(t, [[1., 2., 3.]]) @ w, rg.zeros(t, 1, 1))
        rg.backward(loss)
        print(loss.item(), w.grad)"""
import contextlib as _contextlib

from . import _card
from ._call import functions as _functions
from ._objects import Tape, Tensor
from ._types import ENUMS as _ENUMS, STRUCTS as _STRUCTS, Error

__version__ = _card.VERSION


def from_dlpack(tape, x):
    """A copy of another library's tensor, a torch.Tensor say, as an input of the tape."""
    return _functions["input"](tape, x)


@_contextlib.contextmanager
def no_grad(tape):
    """with rg.no_grad(t): .. no gradient goes through what is computed."""
    was = _functions["record"](tape, False)
    try: yield
    finally: _functions["record"](tape, was)


@_contextlib.contextmanager
def evaluation(net):
    """with rg.evaluation(net): .. between rg.nn_eval(net) and rg.nn_eval_end(net)."""
    _functions["nn_eval"](net)
    try: yield
    finally: _functions["nn_eval_end"](net)


def _initialiser(names, kind, arguments, text):
    def made(*values):
        if len(values) != len(names): raise TypeError(f"an initialiser of {', '.join(names)}, not of {len(values)} numbers")
        init, known = _STRUCTS["rg_init"](), dict(zip(names, values))
        for member, one in zip(("_a", "_b", "_low", "_high"), arguments): setattr(init, member, float(known.get(one, one)))
        init._kind = kind
        return init
    made.__doc__ = text
    return made if names else made()


_INNER = ("rg_list", "rg_tensor", "rg_nn", "rg_nn_hooked", "rg_allocator")
globals().update({name[3:]: one for name, one in (_STRUCTS | _ENUMS).items() if not name.endswith("_options") and name not in _INNER})
globals().update({name[3:]: value for name, value in _card.CONSTANTS.items()})
globals().update({one.name: one for kind in _ENUMS.values() for one in kind})
globals().update({name[3:]: _initialiser(*one) for name, one in _card.INITS.items()})
globals().update(_functions)
