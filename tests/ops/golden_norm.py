# Prints golden_norm.h: normalisations and their gradients by PyTorch (Debian's python3-torch, 1.13.1, made it). Inputs are sines.
import torch
import torch.nn.functional as F


def sines(*shape, start=1, scale=1.0, shift=0.0):
    n = torch.Size(shape).numel()
    return (shift + scale * torch.sin(torch.arange(start, start + n, dtype=torch.float64))).reshape(shape).requires_grad_()


def show(name, *tensors):
    values = [v for x in tensors for v in x.detach().flatten().tolist()]
    lines = [", ".join("%.16g" % v for v in values[i:i + 6]) for i in range(0, len(values), 6)]
    print("static const double %s[] = {\n    %s};" % (name, ",\n    ".join(lines)))


print("/* golden_norm.h - what PyTorch makes of normalisations, printed by golden_norm.py: result, gradients, statistics. */\n"
      "/* clang-format off */")
x, w, b = sines(2, 3, 4), sines(3, 4, start=30, shift=1.0, scale=0.5), sines(3, 4, start=50)
y = F.layer_norm(x, (3, 4), w, b, 1e-5)
show("LAYER_NORM", y, *torch.autograd.grad(y, (x, w, b), sines(2, 3, 4, start=70)))

norm = torch.nn.BatchNorm2d(3, dtype=torch.float64)
norm.weight.data = sines(3, start=30, shift=1.0, scale=0.5).detach()
norm.bias.data = sines(3, start=50).detach()
for step in range(4):
    x = sines(4, 3, 2, 2, start=1 + 5 * step, shift=0.1 * step)
    y = norm(x)
show("BATCH_NORM", y, *torch.autograd.grad(y, (x, norm.weight, norm.bias), sines(4, 3, 2, 2, start=70)))
show("RUNNING", norm.running_mean, norm.running_var)
norm.eval()
show("EVALUATED", norm(sines(1, 3, 1, 2, start=90)))
print("/* clang-format on */")
