# Prints golden_schedules.h: learning rates of PyTorch's schedulers, and its LBFGS's way (Debian's python3-torch, 1.13.1, made it).
import math

import torch
from torch.optim import lr_scheduler as S

STEPS = 101


def rates(make, lr=.1, metric=None):
    optim = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    s = make(optim)
    out = []
    for k in range(STEPS):
        out.append(optim.param_groups[0]["lr"])
        optim.step()
        if metric:
            s.step(metric(k))
        elif k < STEPS - 1:
            s.step()
    return out


def noisy(k):
    return 1 / (1 + k) + .02 * math.sin(k)


SCHEDULES = [
    ("step", rates(lambda o: S.StepLR(o, 30, .1))),
    ("multi_step", rates(lambda o: S.MultiStepLR(o, [5, 30, 31, 80], .3))),
    ("exponential", rates(lambda o: S.ExponentialLR(o, .97))),
    ("cosine", rates(lambda o: S.CosineAnnealingLR(o, 100))),
    ("cosine 40", rates(lambda o: S.CosineAnnealingLR(o, 40, eta_min=.01))),
    ("linear", rates(lambda o: S.LinearLR(o, 1 / 3, 1, 5))),
    ("linear down", rates(lambda o: S.LinearLR(o, 1, .05, 60))),
    ("one_cycle", rates(lambda o: S.OneCycleLR(o, .3, STEPS, cycle_momentum=False))),
    ("one_cycle linear", rates(lambda o: S.OneCycleLR(o, .3, STEPS, pct_start=.2, anneal_strategy="linear",
                                                      div_factor=10, final_div_factor=100, cycle_momentum=False))),
    ("one_cycle three", rates(lambda o: S.OneCycleLR(o, .3, STEPS, pct_start=.4, three_phase=True, cycle_momentum=False))),
    ("plateau", rates(lambda o: S.ReduceLROnPlateau(o), metric=noisy)),
    ("plateau quick", rates(lambda o: S.ReduceLROnPlateau(o, factor=.5, patience=2, cooldown=3, min_lr=.002), metric=noisy)),
    ("plateau max", rates(lambda o: S.ReduceLROnPlateau(o, mode="max", factor=.7, patience=0, threshold=.01, threshold_mode="abs"),
                          metric=lambda k: -noisy(k))),
]


def rosenbrock(p):
    return sum(100 * (p[i + 1] - p[i] ** 2) ** 2 + (1 - p[i]) ** 2 for i in range(len(p) - 1))


def bowl(p):
    return sum((i + 1) * (p[i] - 1) ** 2 for i in range(len(p))) / 2 + torch.cos(p).sum()


def way(f, n, steps, **options):
    p = torch.tensor([-1.2 if i % 2 == 0 else 1. for i in range(n)], dtype=torch.float64, requires_grad=True)
    optim = torch.optim.LBFGS([p], **options)
    calls = [0]

    def closure():
        calls[0] += 1
        optim.zero_grad()
        loss = f(p)
        loss.backward()
        return loss

    rows = []
    for _ in range(steps):
        loss = optim.step(closure)
        rows.append((calls[0], float(loss), p.tolist()[:2]))
    return rows


WOLFE = dict(line_search_fn="strong_wolfe")
WAYS = [
    ("rosenbrock", way(rosenbrock, 2, 6, **WOLFE)),
    ("rosenbrock by 4", way(rosenbrock, 2, 8, max_iter=4, **WOLFE)),
    ("rosenbrock 5", way(rosenbrock, 5, 6, max_iter=5, history_size=3, lr=.5, **WOLFE)),
    ("bowl", way(bowl, 4, 8, max_iter=3, lr=.3)),
]

print("/* golden_schedules.h - learning rates at steps 0 .. %d, and LBFGS after each step: calls so far, loss before, first two\n"
      "   parameters. Printed by golden_schedules.py. */\n/* clang-format off */" % (STEPS - 1))
print("typedef struct golden_schedule { const char *name; double lr[%d]; } golden_schedule;\n"
      "static const golden_schedule SCHEDULES[] = {" % STEPS)
for name, lr in SCHEDULES:
    print("    {\"%s\", {%s}}," % (name, ", ".join("%.17g" % v for v in lr)))
print("};\ntypedef struct golden_way { const char *name; int steps; struct { int calls; double loss, p[2]; } at[8]; } golden_way;\n"
      "static const golden_way WAYS[] = {")
for name, rows in WAYS:
    print("    {\"%s\", %d, {%s}}," % (name, len(rows), ", ".join("{%d, %.17g, {%.17g, %.17g}}" % (c, l, *p) for c, l, p in rows)))
print("};\n/* clang-format on */")
