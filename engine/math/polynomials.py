"""Prints engine/math/polynomials.h (needs python3-mpmath; half a minute).

    python3 engine/math/polynomials.py >engine/math/polynomials.h

Remez's exchange on a grid (Muller, Elementary Functions, 3rd ed., section 3.5) finds the coefficients with the smallest largest error. They
are rounded to the type: all at once, or the lowest one first and the others after a fit to what it leaves, whichever is better. Errors are
relative to the function's value, so that 2^-24 and 2^-53 are half a unit in the last place of a number just above 1.
"""
import textwrap

import mpmath as m
from mpmath import mp, mpf

mp.dps = 80
TINY = mpf(10) ** -24  # stands for 0, where the formulas below are 0 / 0


def fit(f, weight, lo, hi, n, fixed):
    """Coefficients c of sum c_k x^k, k < n, with the smallest largest weight |f - sum|; the first are `fixed`."""
    free = n - len(fixed)
    grid = [(lo + hi) / 2 - (hi - lo) / 2 * m.cos(m.pi * i / (24 * free)) for i in range(24 * free + 1)]
    rest = [f(x) - sum(c * x**k for k, c in enumerate(fixed)) for x in grid]
    at = [24 * i for i in range(free + 1)]
    for _ in range(30):
        rows = m.matrix(free + 1, free + 1)
        for i, g in enumerate(at):
            for k in range(free):
                rows[i, k] = grid[g] ** (len(fixed) + k)
            rows[i, free] = (-1) ** i / weight(grid[g])
        solution = m.lu_solve(rows, m.matrix([rest[g] for g in at]))
        c = list(solution[:free])
        error = [weight(x) * (r - sum(v * x ** (len(fixed) + k) for k, v in enumerate(c))) for x, r in zip(grid, rest)]
        peaks = []  # the largest of each run of one sign
        for g, e in enumerate(error):
            if peaks and e * error[peaks[-1]] > 0:
                if abs(e) > abs(error[peaks[-1]]):
                    peaks[-1] = g
            else:
                peaks.append(g)
        while len(peaks) > free + 1:
            peaks.pop(0 if abs(error[peaks[0]]) < abs(error[peaks[-1]]) else -1)
        if len(peaks) < free + 1 or max(abs(e) for e in error) < abs(solution[free]) * mpf("1.01"):
            break
        at = peaks
    return fixed + c


def rounded(v, bits):
    fraction, exponent = m.frexp(v)
    return m.ldexp(m.nint(m.ldexp(fraction, bits)), exponent - bits)


def written(c):
    """In C, four coefficients at a time, whose sums do not wait for each other."""
    if len(c) > 4:
        return "%s + x4 * %s" % (written(c[:4]), c[4] if len(c) == 5 else "(%s)" % written(c[4:]))
    if len(c) == 4:
        return "FOUR(%s)" % ", ".join(c)
    return " + ".join([c[0], "x * " + c[1]] + ["x * x * " + v for v in c[2:]])


def polynomial(name, bits, n, what, f, weight, lo, hi, apart=0):
    """One function in C; `apart` coefficients come as constants of their own."""
    lo, hi = mpf(lo), mpf(hi)
    points = [lo + (hi - lo) * i / 500 for i in range(501)]
    free = [rounded(v, bits) for v in fit(f, weight, lo, hi, n, [])]
    again = [rounded(v, bits) for v in fit(f, weight, lo, hi, n, free[:1])]
    error, c = min((max(weight(x) * abs(f(x) - sum(v * x**k for k, v in enumerate(c))) for x in points), c) for c in (free, again))
    kind, suffix, digits = ("float", "f", 9) if name.endswith("f32") else ("double", "", 17)
    c = ["%.*g%s" % (digits, v, suffix) for v in c]
    print("\n/* %s, x in %s .. %s: 2^%.1f */" % (what, m.nstr(lo, 4), m.nstr(hi, 4), m.log(error, 2)))
    for v in c[:apart]:
        print("#define MATH_%s_CENTRE %s" % (name.upper(), v))
    print("MATH %s math_%s_polynomial_%s(%s x) {" % (kind, *name.split("_"), kind))
    if n - apart > 4:
        print("    const %s x4 = (x * x) * (x * x);" % kind)
    print("\n".join(textwrap.wrap("return %s;" % written(c[apart:]), 136, initial_indent=4 * " ", subsequent_indent=8 * " ")))
    print("}", flush=True)


def plain(f):
    return lambda x: f(x if abs(x) > TINY else TINY)


def square(f):
    return lambda x: f(m.sqrt(max(x, TINY)))


def erfc_of(k):
    def f(t):
        x = k * (1 + t) / (1 - t)
        return (1 + 2 * x) * m.exp(x * x) * m.erfc(x)

    return f, lambda x: (mpf(x) - k) / (mpf(x) + k)


SLACK = mpf("1.001")
HALF, HIGH, QUARTER = m.log(2) / 2 * SLACK, m.log(2) * 3 / 4 * SLACK, m.pi / 4 * SLACK
RATIO = (m.sqrt(2) - 1) / (m.sqrt(2) + 1) * SLACK
EXP, LOG = plain(lambda r: (m.expm1(r) - r) / r**2), square(lambda s: (2 * m.atanh(s) - 2 * s) / s**3)
OF_LOG = square(lambda s: s**3 / (2 * m.atanh(s)))
POW = plain(lambda r: r**2 / m.exp(r))  # 1 + p and not p is what counts
ROWS = [  # name, terms in f32 and f64, what, f, weight of its error, interval
    ("exp", 5, 10, "(e^x - 1 - x) / x^2", EXP, plain(lambda r: r**2 / abs(m.expm1(r))), -HALF, HALF),
    ("sinh", 3, 6, "(sinh r - r) / r^3, x = r^2", square(lambda r: (m.sinh(r) - r) / r**3), square(lambda r: r**3 / m.sinh(r)), 0, HIGH**2),
    ("cosh", 3, 6, "(cosh r - 1) / r^2, x = r^2", square(lambda r: (m.cosh(r) - 1) / r**2), square(lambda r: r**2 / m.cosh(r)), 0, HIGH**2),
    ("tanh", 5, 10, "(tanh r - r) / r^3, x = r^2", square(lambda r: (m.tanh(r) - r) / r**3), square(lambda r: r**3 / m.tanh(r)), 0,
        mpf(".55") ** 2),
    ("log", 3, 7, "(ln((1 + s) / (1 - s)) - 2s) / s^3, x = s^2", LOG, OF_LOG, 0, RATIO**2),
    ("sin", 3, 6, "(sin r - r) / r^3, x = r^2", square(lambda r: (m.sin(r) - r) / r**3), square(lambda r: r**3 / m.sin(r)), 0, QUARTER**2),
    ("cos", 3, 6, "(cos r - 1 + r^2 / 2) / r^4, x = r^2", square(lambda r: (m.cos(r) - 1 + r * r / 2) / r**4),
        square(lambda r: r**4 / m.cos(r)), 0, QUARTER**2),
    ("atan", 6, 13, "(atan t - t) / t^3, x = t^2", square(lambda t: (m.atan(t) - t) / t**3), square(lambda t: t**3 / m.atan(t)), 0, ".25"),
    ("asin", 5, 12, "(asin s - s) / s^3, x = s^2", square(lambda s: (m.asin(s) - s) / s**3), square(lambda s: s**3 / m.asin(s)), 0, ".25"),
    ("erf", 6, 10, "erf a / a - 1, x = a^2", square(lambda a: m.erf(a) / a - 1), square(lambda a: a / m.erf(a)), 0, mpf(".65625") ** 2),
]

if __name__ == "__main__":
    print("""/* polynomials.h - the polynomials of each.h and pow.h, printed by polynomials.py: what each is of, where, and its
   largest error relative to the function that is computed with it. */
/* clang-format off */
#define FOUR(a, b, c, d) ((a + x * b) + (x * x) * (c + x * d))""")
    for name, few, many, *row in ROWS:
        polynomial(name + "_f32", 24, few, *row)
        polynomial(name + "_f64", 53, many, *row)
    for name, k, reach, n, bits in ("erfc_f32", 2, "10.2", 9, 24), ("erfc_f64", 3, "27.3", 20, 53):
        f, t = erfc_of(k)
        what = "((1 + 2a) e^(a^2) erfc a - CENTRE) / x, x = (a - %d) / (a + %d)" % (k, k)
        polynomial(name, bits, n, what, f, lambda x: 1 / f(x), t(".65625"), t(reach), 1)
    polynomial("powlog_f64", 53, 4, "as log, for pow in f32", LOG, OF_LOG, 0, RATIO**2)
    polynomial("powexp_f64", 53, 5, "as exp, for pow in f32", EXP, POW, -HALF, HALF)
    rest_of_log = square(lambda s: (m.atanh(s) / s - 1 - s * s / 3) / s**4)
    polynomial("atanh_f64", 53, 7, "(atanh s / s - 1 - s^2 / 3) / s^4, x = s^2", rest_of_log, square(lambda s: s**4), 0, RATIO**2)

