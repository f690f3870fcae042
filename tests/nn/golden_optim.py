# Prints golden_optim.h: parameters after steps 1, 2, 3 and 20, by PyTorch (Debian's python3-torch, 1.13.1, made it).
import torch


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, program 1."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.sign(group["betas"][0] * m + (1 - group["betas"][0]) * p.grad))
                m.mul_(group["betas"][1]).add_((1 - group["betas"][1]) * p.grad)


torch.optim.Lion = Lion

CONFIGS = [
    ("sgd", "SGD", dict(lr=0.1)),
    ("sgd weight decay", "SGD", dict(lr=0.1, weight_decay=0.05)),
    ("sgd momentum", "SGD", dict(lr=0.05, momentum=0.9)),
    ("sgd dampening", "SGD", dict(lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.01)),
    ("sgd nesterov", "SGD", dict(lr=0.05, momentum=0.9, nesterov=True)),
    ("sgd nesterov weight decay", "SGD", dict(lr=0.05, momentum=0.8, weight_decay=0.1, nesterov=True)),
    ("adam", "Adam", dict(lr=0.1)),
    ("adam defaults", "Adam", dict()),
    ("adam betas", "Adam", dict(lr=0.02, betas=(0.5, 0.9), eps=0.01, weight_decay=0.1)),
    ("adamw defaults", "AdamW", dict()),
    ("adamw", "AdamW", dict(lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.2)),
    ("rmsprop defaults", "RMSprop", dict()),
    ("rmsprop", "RMSprop", dict(lr=0.05, alpha=0.8, eps=1e-3, weight_decay=0.1)),
    ("rmsprop momentum", "RMSprop", dict(lr=0.02, momentum=0.7)),
    ("rmsprop centered", "RMSprop", dict(lr=0.02, alpha=0.9, centered=True)),
    ("rmsprop centered momentum", "RMSprop", dict(lr=0.02, alpha=0.9, momentum=0.5, weight_decay=0.05, centered=True)),
    ("adagrad defaults", "Adagrad", dict()),
    ("adagrad", "Adagrad", dict(lr=0.3, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-3)),
    ("lion defaults", "Lion", dict()),
    ("lion", "Lion", dict(lr=0.03, betas=(0.8, 0.95), weight_decay=0.2)),
]


def run(kind, options):
    p = torch.tensor([0.5, -1.2, 2.0], dtype=torch.float64, requires_grad=True)
    a = torch.tensor([1.0, 3.0, 0.1], dtype=torch.float64)
    b = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    optim = getattr(torch.optim, kind)([p], **options)
    rows = []
    for step in range(1, 21):
        optim.zero_grad()
        (a * p * p / 2 - torch.tanh(b * p)).sum().backward()
        optim.step()
        if step in (1, 2, 3, 20):
            rows.append("{" + ", ".join("%.17g" % v for v in p.tolist()) + "}")
    return rows


print("""/* golden_optim.h - three parameters after steps 1, 2, 3 and 20 of PyTorch's optimisers, printed by golden_optim.py. */
/* clang-format off */
typedef struct golden { const char *name; double p[4][3]; } golden;
static const golden GOLDEN[] = {""")
for name, kind, options in CONFIGS:
    print("    {\"%s\",\n        {%s,\n         %s}}," % (name, ", ".join(run(kind, options)[:2]), ", ".join(run(kind, options)[2:])))
print("};\n/* clang-format on */")
