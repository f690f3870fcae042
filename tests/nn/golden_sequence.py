# Prints golden_sequence.h: recurrent nets, attention and a transformer block, with gradients, by PyTorch (Debian's python3-torch,
# 1.13.1, made it). Every tensor is sines from a running start: parameters in their order, each in the layout of retrograd, [in, out].
import torch


class Sines:
    def __init__(self):
        self.start = 1

    def __call__(self, *shape, scale=1.0):
        n = torch.Size(shape).numel()
        x = scale * torch.sin(torch.arange(self.start, self.start + n, dtype=torch.float64))
        self.start += n
        return x.reshape(shape)


def show(name, tensors, per_line=6):
    values = [v for x in tensors for v in x.detach().flatten().tolist()]
    lines = [", ".join("%.15g" % v for v in values[i:i + per_line]) for i in range(0, len(values), per_line)]
    print("static const double %s[] = {\n    %s};" % (name, ",\n    ".join(lines)))


def fill(net, sines, order):
    """Parameters by name: ours are the transposes of these."""
    for name in order:
        p = dict(net.named_parameters())[name]
        p.data = sines(*reversed(p.shape), scale=0.5).t().contiguous() if p.dim() == 2 else sines(*p.shape, scale=0.5)


def turned(grads):
    return [g.t() if g.dim() == 2 else g for g in grads]


def summary(grads):
    """Of each gradient the sum against cosines of the element's number: as good as all of them, and short."""
    out = []
    for g in grads:
        g = g.contiguous().flatten()
        out.append((g * torch.cos(torch.arange(g.numel(), dtype=torch.float64))).sum())
    return out


print("/* golden_sequence.h - what PyTorch makes of layers for sequences, printed by golden_sequence.py: "
      "results, states, and of each gradient\n   the sum of its elements times cos 0, cos 1, .. */\n/* clang-format off */")
BATCH, TIME, IN, HIDDEN = 2, 4, 3, 5
for name, net in (("RNN_TANH", torch.nn.RNN(IN, HIDDEN, 2, batch_first=True)),
                  ("RNN_RELU", torch.nn.RNN(IN, HIDDEN, 2, nonlinearity="relu", batch_first=True)),
                  ("LSTM", torch.nn.LSTM(IN, HIDDEN, 2, batch_first=True)), ("GRU", torch.nn.GRU(IN, HIDDEN, 2, batch_first=True))):
    sines = Sines()
    net.double()
    order = [n for n, _ in net.named_parameters()]
    fill(net, sines, order)
    x, h = sines(BATCH, TIME, IN).requires_grad_(), sines(2, BATCH, HIDDEN).requires_grad_()
    c = sines(2, BATCH, HIDDEN).requires_grad_()
    lstm = name == "LSTM"
    y, end = net(x, (h, c) if lstm else h)
    end = list(end) if lstm else [end]
    loss = sum((v * sines(*v.shape)).sum() for v in [y] + end)
    wanted = [x, h] + ([c] if lstm else []) + list(net.parameters())
    grads = torch.autograd.grad(loss, wanted)
    known = len(wanted) - len(order)
    show(name, [y] + end + summary(list(grads[:known]) + turned(grads[known:])))

sines = Sines()
net = torch.nn.MultiheadAttention(6, 2, batch_first=True).double()
order = ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]
fill(net, sines, order)
x = sines(2, 3, 6).requires_grad_()
params = [dict(net.named_parameters())[n] for n in order]
causal = torch.full((3, 3), float("-inf"), dtype=torch.float64).triu(1)
y, _ = net(x, x, x, attn_mask=causal)
grads = torch.autograd.grad((y * sines(*y.shape)).sum(), [x] + params)
show("SELF_ATTENTION", [y] + summary([grads[0]] + turned(grads[1:])))
q, k, v, mask = sines(2, 3, 6).requires_grad_(), sines(2, 4, 6).requires_grad_(), sines(2, 4, 6).requires_grad_(), sines(3, 4)
y, _ = net(q, k, v, attn_mask=mask)
grads = torch.autograd.grad((y * sines(*y.shape)).sum(), [q, k, v] + params)
show("CROSS_ATTENTION", [y] + summary(list(grads[:3]) + turned(grads[3:])))

sines = Sines()
net = torch.nn.TransformerEncoderLayer(6, 2, 7, dropout=0, activation="gelu", batch_first=True, norm_first=True).double()
order = ["self_attn." + n for n in order] + [a + b for a in ("linear1.", "linear2.", "norm1.", "norm2.") for b in ("weight", "bias")]
fill(net, sines, order)
x = sines(2, 3, 6).requires_grad_()
y = net(x, src_mask=causal)
grads = torch.autograd.grad((y * sines(*y.shape)).sum(), [x] + [dict(net.named_parameters())[n] for n in order])
show("BLOCK", [y] + summary([grads[0]] + turned(grads[1:])))
print("/* clang-format on */")
