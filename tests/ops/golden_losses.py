# Prints golden_losses.h: losses and their gradients, by PyTorch (Debian's python3-torch, 1.13.1, made it).
import math

import torch
import torch.nn.functional as F

N, C = 6, 4


def grid(f):
    return torch.tensor([f(i) for i in range(N * C)], dtype=torch.float64).reshape(N, C)


x = grid(lambda i: 2 * math.sin(1.7 * i + .3))
z = grid(lambda i: 2 * math.sin(2.9 * i + 1))
p = grid(lambda i: .5 + .4 * math.sin(1.1 * i + 1))
q = grid(lambda i: .5 + .4 * math.sin(2.3 * i))
hard = grid(lambda i: float(i * 7 % 3 == 0))
sign = 2 * hard - 1
zeros = q * hard
edge = grid(lambda i: [0., 1., .25, .75][i % 4])
w = torch.tensor([.5, 1.2, 2, .3], dtype=torch.float64)
labels = torch.tensor([0, 3, 1, 2, 3, 0])
holes = torch.tensor([0, -100, 1, 2, -100, 0])
sides = torch.tensor([1., -1, -1, 1, -1, 1], dtype=torch.float64)
log_p = F.log_softmax(x, 1)


def squared_hinge(z, y, margin, reduction):
    v = torch.clamp(margin - y * z, min=0) ** 2
    return v if reduction == "none" else v.mean() if reduction == "mean" else v.sum()


def focal(z, t, alpha, gamma, reduction):  # torchvision.ops.sigmoid_focal_loss
    s = torch.sigmoid(z)
    ce = F.binary_cross_entropy_with_logits(z, t, reduction="none")
    v = ce * (1 - (s * t + (1 - s) * (1 - t))) ** gamma
    if alpha >= 0:
        v = (alpha * t + (1 - alpha) * (1 - t)) * v
    return v if reduction == "none" else v.mean() if reduction == "mean" else v.sum()


BASES = [
    ("mse", x, lambda a, r: F.mse_loss(a, z, reduction=r)),
    ("l1", x, lambda a, r: F.l1_loss(a, z, reduction=r)),
    ("huber", x, lambda a, r: F.huber_loss(a, z, reduction=r)),
    ("huber .4", x, lambda a, r: F.huber_loss(a, z, reduction=r, delta=.4)),
    ("smooth_l1", x, lambda a, r: F.smooth_l1_loss(a, z, reduction=r)),
    ("smooth_l1 2.5", x, lambda a, r: F.smooth_l1_loss(a, z, reduction=r, beta=2.5)),
    ("smooth_l1 0", x, lambda a, r: F.smooth_l1_loss(a, z, reduction=r, beta=0)),
    ("bce", p, lambda a, r: F.binary_cross_entropy(a, q, reduction=r)),
    ("bce weight", p, lambda a, r: F.binary_cross_entropy(a, hard, weight=w, reduction=r)),
    ("bce edges", edge, lambda a, r: F.binary_cross_entropy(a, hard, reduction=r)),
    ("bce_with_logits", x, lambda a, r: F.binary_cross_entropy_with_logits(a, q, reduction=r)),
    ("bce_with_logits both", x, lambda a, r: F.binary_cross_entropy_with_logits(a, hard, weight=w, pos_weight=w + 1, reduction=r)),
    ("focal", x, lambda a, r: focal(a, hard, .25, 2, r)),
    ("focal soft", x, lambda a, r: focal(a, q, .6, 3, r)),
    ("focal plain", x, lambda a, r: focal(a, hard, -1, 0, r)),
    ("hinge", x, lambda a, r: F.hinge_embedding_loss(a * sign, -torch.ones_like(a), margin=1, reduction=r)),
    ("squared_hinge .5", x, lambda a, r: squared_hinge(a, sign, .5, r)),
    ("nll", log_p, lambda a, r: F.nll_loss(a, labels, reduction=r)),
    ("nll weight", log_p, lambda a, r: F.nll_loss(a, labels, weight=w, reduction=r)),
    ("nll weight ignore 0", log_p, lambda a, r: F.nll_loss(a, labels, weight=w, ignore_index=0, reduction=r)),
    ("cross_entropy", x, lambda a, r: F.cross_entropy(a, labels, reduction=r)),
    ("cross_entropy holes", x, lambda a, r: F.cross_entropy(a, holes, reduction=r)),
    ("cross_entropy ignore 3", x, lambda a, r: F.cross_entropy(a, labels, ignore_index=3, reduction=r)),
    ("cross_entropy smooth", x, lambda a, r: F.cross_entropy(a, labels, label_smoothing=.1, reduction=r)),
    ("cross_entropy smooth weight", x, lambda a, r: F.cross_entropy(a, labels, weight=w, label_smoothing=.3, reduction=r)),
    ("cross_entropy smooth holes", x, lambda a, r: F.cross_entropy(a, holes, label_smoothing=.3, reduction=r)),
    ("cross_entropy everything", x, lambda a, r: F.cross_entropy(a, labels, weight=w, ignore_index=0, label_smoothing=.3, reduction=r)),
    ("multi_margin", x, lambda a, r: F.multi_margin_loss(a, labels, reduction=r)),
    ("multi_margin squared", x, lambda a, r: F.multi_margin_loss(a, labels, p=2, margin=.7, weight=w, reduction=r)),
    ("kl_div", log_p, lambda a, r: F.kl_div(a, zeros, reduction=r)),
    ("kl_div log", log_p, lambda a, r: F.kl_div(a, z, log_target=True, reduction=r)),
    ("gaussian_nll", x, lambda a, r: F.gaussian_nll_loss(a, z, p, reduction=r)),
    ("gaussian_nll full", x, lambda a, r: F.gaussian_nll_loss(a, z, p, full=True, eps=.5, reduction=r)),
    ("gaussian_nll of var", p, lambda a, r: F.gaussian_nll_loss(x, z, a, eps=.5, reduction=r)),
    ("cosine_embedding", x, lambda a, r: F.cosine_embedding_loss(a, z, sides, reduction=r)),
    ("cosine_embedding .2", x, lambda a, r: F.cosine_embedding_loss(a, z, sides, margin=.2, reduction=r)),
]
CASES = [(n + (" " + r if r != "mean" else ""), a, lambda a, f=f, r=r: f(a, r)) for n, a, f in BASES for r in ("mean", "sum", "none")]
CASES.append(("kl_div batchmean", log_p, lambda a: F.kl_div(a, zeros, reduction="batchmean")))
CASES.append(("cosine_similarity", x, lambda a: F.cosine_similarity(a, z, 1)))
CASES.append(("cosine_similarity 0", x, lambda a: F.cosine_similarity(a, z, 0)))

print("""/* golden_losses.h - losses y by PyTorch, and the gradient of sum cos(i + 1) y_i for the first operand; \
printed by golden_losses.py. */
/* clang-format off */
typedef struct golden_loss { const char *name; int count; double y[24], dx[24]; } golden_loss;
static const golden_loss GOLDEN_LOSSES[] = {""")
for name, a, f in CASES:
    a = a.detach().clone().requires_grad_(True)
    y = f(a).reshape(-1)
    (y * torch.tensor([math.cos(i + 1) for i in range(len(y))], dtype=torch.float64)).sum().backward()
    numbers = [", ".join("%.16g" % v for v in t.tolist()) for t in (y, a.grad.reshape(-1))]
    print("    {\"%s\", %d, {%s},\n        {%s}}," % (name, len(y), *numbers))
print("};\n/* clang-format on */")
