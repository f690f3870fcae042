# Prints golden_functions.h: values and derivatives of functions, by mpmath with 50 digits (Debian's python3-mpmath, 1.2.1, made it).
from mpmath import mp, mpf, exp, log, log1p, expm1, sqrt, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, erfc, pi, diff

mp.dps = 60
FAR = [-1e4, -100, -20, -5, -2.5, -1, -.5, -.125, .125, .5, 1, 2.5, 5, 20, 100, 1e4]  # exact in f32
NEAR = [x for x in FAR if abs(x) <= 20]
WITHIN = [-.9375, -.5, -.125, .125, .5, .9375]
ABOVE = [x for x in FAR if x > 0]
sigmoid = lambda x: 1 / (1 + exp(-x))
softplus = lambda x: log1p(exp(x))
alpha, scale = mpf("1.6732632423543772848170429916717"), mpf("1.0507009873554804934193349852946")
UNARY = [
    ("expm1", 0, 0, expm1, [x for x in FAR if x < 1e4]),
    ("log1p", 0, 0, log1p, [-.9375, -.5, -.125] + ABOVE),
    ("rsqrt", 0, 0, lambda x: 1 / sqrt(x), ABOVE),
    ("reciprocal", 0, 0, lambda x: 1 / x, FAR),
    ("sin", 0, 0, sin, FAR),
    ("cos", 0, 0, cos, FAR),
    ("tan", 0, 0, tan, FAR),
    ("asin", 0, 0, asin, WITHIN),
    ("acos", 0, 0, acos, WITHIN),
    ("atan", 0, 0, atan, FAR),
    ("sinh", 0, 0, sinh, NEAR),
    ("cosh", 0, 0, cosh, NEAR),
    ("erfc", 0, 0, erfc, FAR),
    ("silu", 0, 0, lambda x: x * sigmoid(x), FAR),
    ("mish", 0, 0, lambda x: x * tanh(softplus(x)), FAR),
    ("gelu", 0, 0, lambda x: x * erfc(-x / sqrt(mpf(2))) / 2, FAR),
    ("gelu_tanh", 0, 0, lambda x: x * sigmoid(2 * sqrt(2 / pi) * (x + mpf("0.044715") * x**3)), FAR),
    ("log_sigmoid", 0, 0, lambda x: -softplus(-x), FAR),
    ("softsign", 0, 0, lambda x: x / (1 + abs(x)), FAR),
    ("hardtanh", 0, 0, lambda x: max(mpf(-1), min(mpf(1), x)), [x for x in FAR if abs(x) != 1]),
    ("hardsigmoid", 0, 0, lambda x: max(mpf(0), min(mpf(1), x / 6 + mpf(1) / 2)), FAR),
    ("selu", 0, 0, lambda x: scale * (x if x > 0 else alpha * expm1(x)), FAR),
    ("elu", .75, 0, lambda x: x if x > 0 else mpf(".75") * expm1(x), FAR),
    ("leaky_relu", .125, 0, lambda x: x if x > 0 else x / 8, FAR),
    ("clamp", -.75, 1.25, lambda x: max(mpf("-.75"), min(mpf("1.25"), x)), FAR),
]
PAIRS = [(.5, 3), (2, -1.5), (10, .25), (1e4, 2), (.0625, .5), (3, 0), (2, 1), (1, 7)]
APART = [(1, 2), (-1e4, 1e4), (1e4, -1e4), (0, -40), (-40, 0), (700, 705), (-1e4, -1e4), (.5, .5), (1e4, 1e4 - 1)]
BINARY = [("pow", lambda a, b: a**b, PAIRS),
          ("logaddexp", lambda a, b: max(a, b) + log1p(exp(-abs(a - b))) if a != b else a + log(mpf(2)), APART)]


def number(v):
    v = float(v)
    return repr(v) if abs(v) < 1e300 else "-INFINITY" if v < 0 else "INFINITY"


def steps(f, x, n):
    return diff(f, x, n, h=mpf(10) ** -18) if n else f(x)


print("""/* golden_functions.h - values and derivatives of functions to the last digit, printed by golden_functions.py. */
/* clang-format off */
typedef struct golden1 { const char *op; double p, q, x, y, d1, d2; } golden1; /* f, f', f'' at x */
static const golden1 UNARIES[] = {""")
for name, p, q, f, points in UNARY:
    for x in points:
        print("    {\"%s\", %r, %r, %r, %s}," % (name, p, q, x, ", ".join(number(steps(f, mpf(x), n)) for n in range(3))))
print("""};
typedef struct golden2 { const char *op; double a, b, y, da, db, dab; } golden2; /* f, and its derivatives by a, b, and both */
static const golden2 BINARIES[] = {""")
h = mpf(10) ** -18
for name, f, points in BINARY:
    for a, b in points:
        a, b = mpf(a), mpf(b)
        g = f if name == "pow" else lambda u, v: v + log1p(exp(u - v)) if v > u else u + log1p(exp(v - u))
        d = lambda v: (g(a + h, v) - g(a - h, v)) / (2 * h)
        print("    {\"%s\", %r, %r, %s, %s, %s, %s}," % (name, float(a), float(b), number(f(a, b)), number(d(b)),
              number((g(a, b + h) - g(a, b - h)) / (2 * h)), number((d(b + h) - d(b - h)) / (2 * h))))
print("};\n/* clang-format on */")
