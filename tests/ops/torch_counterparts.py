"""What PyTorch calls each operator of the registry: name -> function(operands..., a), a the attributes of a sample. Used by
torch_parity.py and golden_extremes.py. An operator of PyTorch's name and rules needs a line here; the parity run lists what has none."""
import math

import numpy as np
import torch
import torch.nn.functional as F


class Attributes(dict):
    """The words "axis=1 shape=2x3 p=.5" of a sample; numbers are 0 where they are not given."""

    def int(self, key): return int(self.get(key, 0))
    def num(self, key, default=0.0): return float(self.get(key, default))
    def default(self, key, value):  # of losses: 0 means the default, -0 means 0
        v = self.num(key)
        return value if v == 0 and math.copysign(1, v) > 0 else v
    def axes(self): return [int(v) for v in self["axes"].split(".")] if "axes" in self else []
    def dims(self, key="shape"): return [] if self.get(key, "-") == "-" else [int(v) for v in self[key].split("x")]
    def pair(self, key, default): return tuple(v or d for v, d in zip(self.dims(key) or [0, 0], default))


# Operators that PyTorch has not got, and why nothing can be composed of what it has. None at present.
NO_COUNTERPART = {}
# Where it gives a result of operands without elements that does not follow from the formula: no output channels, 0 * inf.
EMPTY_DIFFERS = {"conv1d", "conv2d", "scaled_dot_product_attention"}


def over(fn, plain=lambda x: x):  # no axes: every element by itself
    return lambda x, a: fn(x, a.axes(), bool(a.int("keepdims"))) if a.axes() else plain(x)


def along(fn):  # reductions of PyTorch over one axis at a time
    def run(x, a):
        keep = a.int("keepdims") and x.dim()
        for axis in sorted(a.axes(), reverse=True):
            x = fn(x, axis)
            if keep: x = x.unsqueeze(axis)
        return x
    return run


def truths(fn):
    def run(x, a):
        return along(lambda v, axis: fn(v, axis))(x != 0, a).to(torch.uint8)
    return run


def exp_scan(u, a, b, with_):  # has a matrix: e^(a_j - b_i) where j <= i
    if not u.dim(): return u * torch.exp(a - b)
    axis, n = with_.int("axis"), u.shape[with_.int("axis")]
    u, a, b = (v.movedim(axis, -1) for v in (u, a, b))
    terms = torch.exp(a.unsqueeze(-2) - b.unsqueeze(-1)) * torch.ones(n, n, dtype=u.dtype).tril()
    y = ((terms.transpose(-1, -2) if with_.int("reverse") else terms) @ u.unsqueeze(-1)).squeeze(-1)
    return y.movedim(-1, axis)


def in_order(x, a): return torch.sort(x, dim=a.int("axis"), descending=bool(a.int("reverse")), stable=True)


def spread(fn):  # p is the correction, which 1.13 takes as a bool; no axes: all of them
    def run(x, a):
        dims, keep = a.axes() or list(range(x.dim())), bool(a.int("keepdims"))
        if not dims: return x - x
        if a.num("p") in (0, 1): return fn(x, dims, unbiased=bool(a.num("p")), keepdim=keep)
        v = ((x - x.mean(dims, keepdim=True)) ** 2).sum(dims, keepdim=keep) / (math.prod(x.shape[d] for d in dims) - a.num("p"))
        return v if fn is torch.var else v.sqrt()
    return run


def windows(a):
    return dict(kernel_size=a.pair("kernel", (1, 1)), stride=a.pair("stride", (1, 1)),
                padding=a.pair("padding", (0, 0)), dilation=a.pair("dilation", (1, 1)))


def pool_windows(a):  # without a stride windows lie side by side
    kernel = a.pair("kernel", (1, 1))
    return dict(kernel_size=kernel, stride=a.pair("stride", kernel), padding=a.pair("padding", (0, 0)))


def conv(fn, n):
    def run(x, w, *rest):
        *b, a = rest
        return fn(x, w, b[0] if b else None, stride=a.pair("stride", (1, 1))[:n], padding=a.pair("padding", (0, 0))[:n],
                  dilation=a.pair("dilation", (1, 1))[:n], groups=a.int("groups") or 1)
    return run


def swapped(x, yes): return x.transpose(-1, -2) if yes and x.dim() > 1 else x
def matmul(x, y, a): return torch.matmul(swapped(x, a.int("ta")), swapped(y, a.int("tb")))


def reduced(loss, a):
    kind = a.int("reduction")
    if kind == 2: return loss
    return loss.mean() if kind == 0 else loss.sum() if kind == 1 else loss.sum() / (loss.shape[0] if loss.dim() else 1)


def labelled(each):
    """Losses of rows, labels, class weights and a mask. PyTorch's own have no derivative for the weights: they are asked without, and
    weighted here. Its ignore_index is -100 where the mask is 0."""
    def run(x, label, *rest):
        *given, a = rest
        w, mask = given or (torch.ones(x.shape[-1], dtype=x.dtype), torch.ones(label.shape))
        index = torch.where(mask != 0, label.long(), -100).reshape(-1)
        return reduce_rows(*each(x.reshape(label.numel(), x.shape[-1]), index, w, a), label, a)
    return run


def weight_of(i, w): return torch.where(i == -100, torch.zeros((), dtype=w.dtype), w[i.clamp(min=0)])


def reduce_rows(loss, weight, label, a):
    kind = a.int("reduction")
    return loss.reshape(label.shape) if kind == 2 else loss.sum() if kind == 1 else loss.sum() / weight.sum()


def nll(x, i, w, a):
    return weight_of(i, w) * F.nll_loss(x, i, reduction="none"), weight_of(i, w)


def cross_entropy(x, i, w, a):
    smoothing, log_p = a.num("q"), x.log_softmax(-1)
    loss = (1 - smoothing) * nll(log_p, i, w, a)[0] - smoothing / x.shape[-1] * (i != -100) * (log_p * w).sum(-1)
    return loss, weight_of(i, w)


def multi_margin(x, i, w, a):
    loss = F.multi_margin_loss(x, i.clamp(min=0), int(a.default("p", 1)), a.default("q", 1.0), reduction="none")  # has no ignore_index
    return weight_of(i, w) * loss, (i != -100).to(x.dtype)


def bce_with_logits(z, y, w, a):  # PyTorch's has no derivative for the weight of positives
    return reduced((1 - y) * z + (1 + (w - 1) * y) * torch.logaddexp(-z, torch.zeros((), dtype=z.dtype)), a)


def focal(z, y, a):
    z, y = torch.broadcast_tensors(z, y)
    alpha, gamma = a.default("p", .25), a.default("q", 2.0)
    p = torch.sigmoid(z)
    loss = F.binary_cross_entropy_with_logits(z, y, reduction="none") * (1 - (p * y + (1 - p) * (1 - y))) ** gamma
    return reduced(loss if alpha < 0 else (alpha * y + (1 - alpha) * (1 - y)) * loss, a)


def smooth_l1(p, y, beta):
    return F.smooth_l1_loss(p, y, reduction="none", beta=beta) if beta else (p - y).abs()


def kl_div(x, q, a):
    shape = torch.broadcast_shapes(x.shape, q.shape)
    each = torch.exp(q) * (q - x) if a.num("p") else torch.xlogy(q, q) - q * x
    return reduced(each.expand(shape), a)


def norm(x, axis, w, b, eps):
    dims = list(range(axis if axis >= 0 else axis + x.dim(), x.dim()))
    return F.layer_norm(x, [x.shape[d] for d in dims], w, b, eps)


def rms_norm(x, *rest):
    *w, a = rest
    dims = list(range(a.int("axis") % x.dim(), x.dim()))
    y = x * torch.rsqrt((x * x).mean(dims, keepdim=True) + a.num("p"))
    return y * w[0] if w else y


def layer_norm(x, *rest):
    *wb, a = rest
    return norm(x, a.int("axis"), *(wb + [None] * (2 - len(wb))), a.num("p"))


def lstm_gates(xg, hg, c, a):
    n, rows = c.shape[-1], max(c.numel() // max(c.shape[-1], 1), 0)
    if not n: return torch.stack((c, c))
    nothing = torch.zeros(4 * n, n, dtype=c.dtype)
    h, c2 = torch.lstm_cell((xg + hg).reshape(rows, 4 * n), (torch.zeros(rows, n, dtype=c.dtype), c.reshape(rows, n)),
                            torch.eye(4 * n, dtype=c.dtype), nothing)
    return torch.stack((c2, h)).reshape(2, *c.shape)


def gru_gates(xg, hg, h, a):
    (xr, xz, xn), (hr, hz, hn) = xg.chunk(3, -1), hg.chunk(3, -1)
    z, n = torch.sigmoid(xz + hz), torch.tanh(xn + torch.sigmoid(xr + hr) * hn)
    return (1 - z) * n + z * h


def batch_norm(x, *rest):
    *wb, a = rest
    dims = [d for d in range(x.dim()) if d != 1]
    shape = [x.shape[1] if d == 1 else 1 for d in range(x.dim())]
    y = (x - x.mean(dims, keepdim=True)) * torch.rsqrt(x.var(dims, unbiased=False, keepdim=True) + a.num("p"))
    for w, op in zip(wb, (torch.mul, torch.add)): y = op(y, w.reshape(shape))
    return y


def batch_norm_given(x, mean, var, w, b, a):  # PyTorch's has no derivative for the statistics
    mean, var, w, b = (v.reshape([-1 if d == 1 else 1 for d in range(x.dim())]) for v in (mean, var, w, b))
    return (x - mean) * torch.rsqrt(var + a.num("p")) * w + b


def attention(q, k, v, *rest):
    *mask, a = rest
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask and mask[0].dtype == torch.uint8: scores = scores.masked_fill(mask[0] == 0, -math.inf)
    elif mask: scores = scores + mask[0]
    if a.num("p"): scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf)
    return torch.softmax(scores, -1) @ v


def dropout(x, a):
    kept = torch.tensor(np.random.default_rng(7).random(tuple(x.shape)) >= a.num("p"))
    return x * kept * (0 if a.num("p") == 1 else 1 / (1 - a.num("p")))


def masked(x, mask, a): return torch.where(mask != 0, torch.tensor(a.num("p"), dtype=x.dtype), x)


def scatter(x, i, a):
    return torch.zeros(*x.shape, a.int("classes"), dtype=x.dtype).scatter(-1, i.long().unsqueeze(-1), x.unsqueeze(-1)) if x.numel() \
        else (x.unsqueeze(-1).expand(*x.shape, a.int("classes")) * 0)


def pad(x, a):  # F.pad refuses what is empty
    axis = a.int("axis") % x.dim()
    sides = [x.new_full([n if d == axis else m for d, m in enumerate(x.shape)], a.num("p")) for n in (a.int("start"), a.int("stop"))]
    return torch.cat([sides[0], x, sides[1]], axis)


def slice_(x, a):
    n = x.shape[a.int("axis")]
    start, stop = (v + n if v < 0 else v for v in (a.int("start"), a.int("stop")))
    return x.narrow(a.int("axis"), start, stop - start)


def taken(x, i, a):
    if x.dim() == 0: return torch.gather(x.reshape(1).expand(i.numel()), 0, i.long().reshape(-1)).reshape(i.shape)
    axis = a.int("axis") % x.dim()
    shape = torch.broadcast_shapes(*([1 if d == axis else n for d, n in enumerate(t.shape)] for t in (x, i)))
    return torch.gather(x.expand([x.shape[d] if d == axis else n for d, n in enumerate(shape)]), axis,
                        i.long().expand([i.shape[d] if d == axis else n for d, n in enumerate(shape)]))


def index_select(x, i, a):
    if x.dim() == 0: return x.index_select(0, i.long().reshape(-1))
    axis = a.int("axis") % x.dim()
    return x.index_select(axis, i.long().reshape(-1)).reshape(*x.shape[:axis], *i.shape, *x.shape[axis + 1:])


def index_add(x, i, src, a):
    if x.dim() == 0: return x.reshape(1).index_add(0, i.long().reshape(-1), src.reshape(-1)).reshape(())
    axis = a.int("axis") % x.dim()
    return x.index_add(axis, i.long().reshape(-1), src.reshape(*x.shape[:axis], -1, *x.shape[axis + 1:]) if src.numel() else
                       src.reshape(*x.shape[:axis], i.numel(), *x.shape[axis + 1:]))


DTYPES = {"f32": torch.float32, "f64": torch.float64, "i32": torch.int32, "u8": torch.uint8}


def cast(x, a):  # C leaves to chance what PyTorch makes of numbers outside an integer's range
    return x.to(DTYPES[a["dtype"]])


def floats(x): return x if x.dtype.is_floating_point else x.to(torch.get_default_dtype())
def numbers(fn): return lambda *t: fn(*t[:-1]).to(t[0].dtype if t[0].dtype.is_floating_point else torch.uint8)  # comparisons: 0 and 1
def plain(fn): return lambda *t: fn(*t[:-1])
def exact(fn): return lambda *t: fn(*(x if x.dtype.is_floating_point else x.long() for x in t[:-1]))  # of integers without wrapping


TORCH = {name: plain(getattr(torch, name)) for name in """neg exp log sqrt square abs relu sigmoid tanh erf erfc sign floor
    sin cos tan asin acos atan sinh cosh expm1 log1p rsqrt reciprocal ceil round log2 pow logaddexp maximum minimum div dot""".split()}
TORCH.update({name: exact(getattr(torch, name)) for name in "add sub mul outer".split()})
TORCH.update({name: numbers(getattr(torch, name)) for name in """isnan isfinite gt lt ge le eq ne
    logical_and logical_or logical_xor logical_not""".split()})
TORCH.update({
    # softplus: F.softplus is x itself above 20; hardsigmoid: its f64 derivative is 1/6 in f32
    "softplus": lambda x, a: torch.logaddexp(x, torch.zeros((), dtype=x.dtype)),
    "leaky_relu": lambda x, a: F.leaky_relu(x, a.num("p")), "elu": lambda x, a: F.elu(x, a.num("p")), "selu": plain(F.selu),
    "gelu": plain(F.gelu), "gelu_tanh": lambda x, a: F.gelu(x, approximate="tanh"), "silu": plain(F.silu), "mish": plain(F.mish),
    "hardtanh": plain(F.hardtanh), "hardsigmoid": lambda x, a: (x / 6 + .5).clamp(0, 1),
    "softsign": plain(F.softsign), "log_sigmoid": plain(F.logsigmoid),
    "softshrink": lambda x, a: F.softshrink(x, a.num("p")),
    "clamp": lambda x, a: torch.clamp(x, a.num("p"), a.num("q")),
    "add_scalar": lambda x, a: x + a.num("p"), "mul_scalar": lambda x, a: x * a.num("p"), "pow_scalar": lambda x, a: x ** a.num("p"),
    "where": lambda c, x, y, a: torch.where(c != 0, x, y), "masked_fill": masked, "fill": lambda x, a: torch.full_like(x, a.num("p")),
    # reductions
    "sum": over(lambda x, d, k: x.sum(d, k)), "mean": over(lambda x, d, k: floats(x).mean(d, k), floats),
    "max": over(lambda x, d, k: x.amax(d, k)),
    "any": truths(torch.any), "all": truths(torch.all),
    "min": over(lambda x, d, k: x.amin(d, k)), "prod": along(lambda x, d: x.prod(d)),
    "cumsum": lambda x, a: x.flip(a.int("axis")).cumsum(a.int("axis")).flip(a.int("axis")) if a.int("reverse") else x.cumsum(a.int("axis")),
    "logcumsumexp": lambda x, a: torch.logcumsumexp(x, a.int("axis")), "exp_scan": exp_scan,
    "argmax": lambda x, a: x.argmax(a.int("axis")), "argmin": lambda x, a: x.argmin(a.int("axis")),
    "logsumexp": lambda x, a: x.logsumexp(a.int("axis")), "softmax": lambda x, a: x.softmax(a.int("axis")),
    "log_softmax": lambda x, a: x.log_softmax(a.int("axis")), "sort": lambda x, a: in_order(x, a)[0],
    "argsort": lambda x, a: in_order(x, a)[1], "topk": lambda x, a: x.topk(int(a.num("p")), a.int("axis"), largest=not a.int("reverse"))[0],
    "var": spread(torch.var), "std": spread(torch.std),
    "norm": lambda x, a: torch.linalg.vector_norm(x, a.num("p"), a.axes() or None, bool(a.int("keepdims"))),
    # products
    "matmul": matmul, "linear": lambda x, w, b, a: x @ w + b,
    "conv1d": conv(F.conv1d, 1), "conv2d": conv(F.conv2d, 2), "unfold": lambda x, a: F.unfold(x, **windows(a)),
    "fold": lambda x, a: F.fold(x, a.dims("size"), **windows(a)), "max_pool2d": lambda x, a: F.max_pool2d(x, **pool_windows(a)),
    "avg_pool2d": lambda x, a: F.avg_pool2d(x, **pool_windows(a)), "scaled_dot_product_attention": attention,
    "layer_norm": layer_norm, "rms_norm": rms_norm, "batch_norm": batch_norm, "dropout": dropout,
    "batch_norm_given": batch_norm_given, "lstm_gates": lstm_gates, "gru_gates": gru_gates,
    # shape and index
    "reshape": lambda x, a: x.reshape(a.dims()),
    "unsqueeze": lambda x, a: x.unsqueeze(a.int("axis")), "squeeze": lambda x, a: x.squeeze(a.int("axis")),
    "permute": lambda x, a: x.permute([int(v) for v in a["perm"].split(".")]), "slice": slice_, "pad": pad,
    "transpose": lambda x, a: x.transpose(a.int("ta"), a.int("tb")), "flatten": lambda x, a: x.flatten(a.int("axis")),
    "concat": lambda *t: torch.cat(t[:-1], t[-1].int("axis")), "stack": lambda *t: torch.stack(t[:-1], t[-1].int("axis")),
    "expand": lambda x, a: x.expand(a.dims()), "sum_to": lambda x, a: x.sum_to_size(a.dims()) if a.dims() else x.sum(),
    "tril": lambda x, a: x.tril(a.int("diagonal")), "triu": lambda x, a: x.triu(a.int("diagonal")),
    "repeat": lambda x, a: x.repeat([1] * (x.dim() - len(a.dims())) + a.dims()) if a.dims() or x.dim() else x,
    "repeat_interleave": lambda x, a: x.repeat_interleave(a.int("start"), a.int("axis")),
    "pick": lambda x, i, a: x.gather(-1, i.long().unsqueeze(-1)).squeeze(-1), "scatter": scatter,
    "one_hot": lambda i, a: (i.unsqueeze(-1) == torch.arange(a.int("classes"))), "cast": cast,
    "gather": lambda x, i, a: x.gather(a.int("axis"), i.long()), "take_along_axis": taken,
    "index_select": index_select, "index_add": index_add,
    "scatter_add": lambda x, i, src, a: x.scatter_add(a.int("axis"), i.long(), src),
    "embedding": lambda i, w, a: F.embedding(i.long(), w) if w.dim() == 2 else w[i.long()],
    # losses
    "mse": lambda p, y, a: reduced((p - y) ** 2, a), "l1": lambda p, y, a: reduced((p - y).abs(), a),
    "huber": lambda p, y, a: reduced(F.huber_loss(*torch.broadcast_tensors(p, y), reduction="none", delta=a.default("p", 1.0)), a),
    "smooth_l1": lambda p, y, a: reduced(smooth_l1(*torch.broadcast_tensors(p, y), a.default("p", 1.0)), a),
    "bce": lambda p, y, a: reduced(F.binary_cross_entropy(*torch.broadcast_tensors(p, y), reduction="none"), a),
    "bce_with_logits": bce_with_logits,
    "bce_each": lambda p, y, a: -y * p.log().clamp(min=-100) - (1 - y) * (1 - p).log().clamp(min=-100),
    "focal": focal, "hinge": lambda z, y, a: reduced((a.default("p", 1.0) - y * z).clamp(min=0), a),
    "squared_hinge": lambda z, y, a: reduced((a.default("p", 1.0) - y * z).clamp(min=0) ** 2, a), "kl_div": kl_div,
    "gaussian_nll": lambda x, y, v, a: reduced(F.gaussian_nll_loss(
        x, y.expand_as(x), v.expand_as(x), full=bool(a.num("q")), eps=a.default("p", 1e-6), reduction="none"), a),
    "cross_entropy": labelled(cross_entropy), "nll": labelled(nll), "multi_margin": labelled(multi_margin),
    "cosine_similarity": lambda x, y, a: F.cosine_similarity(x, y, a.int("axis")),
    "cosine_embedding": lambda x, y, t, a: reduced(torch.where(
        t == 1, 1 - F.cosine_similarity(x, y, -1), (F.cosine_similarity(x, y, -1) - a.num("p")).clamp(min=0)), a),
})
TORCH["cross_entropy_with"] = TORCH["cross_entropy"]
