/* each.h - included by functions.h, once for f32 and once for f64: what both types compute by the same formulas.
   NUM is the type, WORD its bits, PICK(a, b) a for f32 and b for f64. */

typedef WORD FN(word);
#define MANTISSA PICK(23, 52)                              /* bits of the fraction */
#define BIAS PICK(127, 1023)                               /* of the exponent */
#define SIGN_BIT ((WORD)1 << PICK(31, 63))
#define TO_INTEGER PICK(0x1.8p23f, 0x1.8p52)               /* adding it rounds to an integer, which is then in the low bits */
#define SMALLEST PICK(0x1p-126f, 0x1p-1022)                /* normal number */
#define INFINITE ((NUM)INFINITY)
#define LN2 PICK(0x1.62e43p-1f, 0x1.62e42fefa39efp-1)
#define LN2_HIGH PICK(0x1.62e4p-1f, 0x1.62e42fefa38p-1)    /* times an exponent is exact */
#define LN2_LOW PICK(0x1.7f7d1cp-20f, 0x1.ef35793c7673p-45)
#define PI_2_HIGH PICK(0x1.921fb6p+0f, 0x1.921fb54442d18p+0)
#define PI_2_LOW PICK(-0x1.777a5cp-25f, 0x1.1a62633145c07p-54)
#define UPPER_HALF(x) FN(of)(FN(bits)(x) & ((WORD)-1 << PICK(12, 27))) /* its square is exact */

/* c ? a : b, by a mask. gcc turns `?:` into branches, computes what follows once for each, and joins the results by many selections;
   with SSE2 it does not vectorise a comparison of doubles that becomes an integer in another way. */
MATH WORD FN(mask)(bool c) {
    const NUM mask = c ? FN(of)((WORD)-1) : 0;
    return FN(bits)(mask);
}
MATH NUM FN(by_mask)(WORD mask, NUM a, NUM b) { return FN(of)((FN(bits)(a) & mask) | (FN(bits)(b) & ~mask)); }
MATH NUM FN(pick)(bool c, NUM a, NUM b) { return FN(by_mask)(FN(mask)(c), a, b); }
MATH NUM FN(at_most)(NUM x, NUM most) { return FN(pick)(x > most, most, x); } /* NaN of NaN */
MATH NUM FN(at_least)(NUM x, NUM least) { return FN(pick)(x < least, least, x); }
MATH NUM FN(with_sign)(NUM magnitude, NUM sign) { return FN(of)(FN(bits)(magnitude) | (FN(bits)(sign) & SIGN_BIT)); }
MATH NUM FN(magnitude)(NUM x) { return FN(of)(FN(bits)(x) & ~SIGN_BIT); }

/* -------- exponentials. x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite 1980), e^r = 1 + p; e^x = 2^n (1 + p) */

#define SCALE_SHIFT (TO_INTEGER + 2 * BIAS) /* adding it to n leaves in the low bits n with the bias of two factors */

/* v 2^n for the shifted n, rounded once: v and the first factor's product is a normal number. */
MATH NUM FN(scale)(NUM v, NUM shifted) {
    const WORD u = FN(bits)(shifted), half = u >> 1;
    return v * FN(of)(half << MANTISSA) * FN(of)((u - half) << MANTISSA);
}

/* p of x + low, where |low| is far below 1; *shifted: n + SCALE_SHIFT. Where e^x is 0 or infinite, x is clamped: e^x stays the same. */
MATH NUM FN(exp_reduced)(NUM x, NUM low, NUM *shifted) {
    x = FN(at_least)(FN(at_most)(x, PICK(90, 712)), PICK(-105, -747));
    *shifted = x * PICK(0x1.715476p+0f, 0x1.71547652b82fep+0) + SCALE_SHIFT;
    const NUM n = *shifted - SCALE_SHIFT, r = (x - n * LN2_HIGH) - (n * LN2_LOW - low);
    return r + r * r * FN(exp_polynomial)(r);
}

MATH NUM FN(exp)(NUM x) {
    NUM shifted;
    const NUM p = FN(exp_reduced)(x, 0, &shifted);
    return FN(scale)(1 + p, shifted);
}

/* 2^n e^(r ln 2), where x - n = r is exact */
MATH NUM FN(exp2)(NUM x) {
    x = FN(at_least)(FN(at_most)(x, PICK(129, 1025)), PICK(-152, -1077));
    const NUM shifted = x + SCALE_SHIFT, r = (x - (shifted - SCALE_SHIFT)) * LN2;
    return FN(scale)(1 + (r + r * r * FN(exp_polynomial)(r)), shifted);
}

/* 1 / (1 + e^-x), by what neither overflows nor loses digits, e^-|x|; d_low: what rounding took from the denominator */
MATH NUM FN(sigmoid)(NUM x) {
    const NUM z = FN(exp)(-FN(magnitude)(x)), d = 1 + z, d_low = z - (d - 1), y = FN(pick)(x < 0, z, 1) / d;
    return y - y * d_low;
}

/* e^x - 1 = high + *low where 2^(n - 1) does not overflow: 2^(n - 1) (1 + p) - 1/2, doubled, with what each sum's rounding took */
MATH NUM FN(expm1_parts)(NUM x, NUM *low) {
    const NUM shifted = x * PICK(0x1.715476p+0f, 0x1.71547652b82fep+0) + SCALE_SHIFT, n = shifted - SCALE_SHIFT;
    const NUM xh = x - n * LN2_HIGH, xl = n * LN2_LOW, r = xh - xl, q = r * r * FN(exp_polynomial)(r), p = r + q;
    const NUM p_low = (q - (p - r)) + ((xh - r) - xl), half = FN(of)((FN(bits)(shifted) - BIAS - 1) << MANTISSA);
    const NUM whole = half - (NUM).5, part = half * p, sum = whole + part;
    *low = 2 * (((whole - sum) + part) + half * p_low);
    return 2 * sum;
}

MATH NUM FN(expm1)(NUM x) {
    NUM low;
    const NUM most = PICK(88.8f, 709.8); /* where it overflows, but 2^(n - 1) does not */
    const NUM high = FN(expm1_parts)(FN(at_least)(FN(at_most)(x, most), PICK(-20, -40)), &low);
    return FN(pick)(FN(magnitude)(x) < PICK(0x1p-25f, 0x1p-54), x, high + low);
}

/* tanh a = 1 - 2 / (e^2a + 1) where it is above a half */
MATH NUM FN(tanh)(NUM x) {
    const NUM a = FN(magnitude)(x), z = a * a, near = a + a * z * FN(tanh_polynomial)(z), far = 1 - 2 / (1 + FN(exp)(2 * a));
    return FN(with_sign)(FN(pick)(a < (NUM).55, near, far), x);
}

/* (e^a + sign e^-a) / 2, which cancels nothing in the parts (u + sign v) + (u p + sign v q): a = n ln 2 + r with r from -1/4 to 3/4 ln 2,
   p = e^r - 1, q = e^-r - 1, u = 2^n / 2, v = 2^-n / 2. u and v are halved until the end, since 2^n may overflow. */
MATH NUM FN(hyperbolic)(NUM a, NUM sign) {
    a = FN(at_most)(a, PICK(89.5f, 710.6));
    const NUM shifted = (a * PICK(0x1.715476p+0f, 0x1.71547652b82fep+0) - (NUM).25) + SCALE_SHIFT, n = shifted - SCALE_SHIFT;
    const NUM few = FN(at_most)(n, 64) + SCALE_SHIFT; /* what follows 2^-64 in 2^-n is too little to matter */
    const NUM r = (a - n * LN2_HIGH) - n * LN2_LOW, z = r * r, odd = r * z * FN(sinh_polynomial)(z), even = z * FN(cosh_polynomial)(z);
    const NUM u = FN(of)((FN(bits)(shifted) - BIAS - 2) << MANTISSA), v = sign * FN(of)((3 * BIAS - 2 - FN(bits)(few)) << MANTISSA);
    const NUM p = r + (even + odd), q = (even - odd) - r;
    return 2 * ((u + v) + (u * p + v * q));
}

MATH NUM FN(sinh)(NUM x) {
    const NUM a = FN(magnitude)(x), y = FN(hyperbolic)(a, -1);
    return FN(pick)(a < PICK(0x1p-12f, 0x1p-27), x, FN(with_sign)(y, x));
}

MATH NUM FN(cosh)(NUM x) { return FN(hyperbolic)(FN(magnitude)(x), 1); }

/* -------- logarithms. x = 2^k (1 + f) with 1 + f from sqrt(1/2) to sqrt 2, s = f / (2 + f); ln(1 + f) = 2s + s t
   = f - (f^2 / 2 - s (f^2 / 2 + t)), t = 2/3 s^2 + .. (fdlibm's e_log.c, 1993) */

#define ROOT_HALF PICK(0x3f3504f3u, UINT64_C(0x3fe6a09e667f3bcd))
#define FRACTION (((WORD)1 << MANTISSA) - 1)

/* 1 + f of a positive x that is not subnormal; *k, less `lifted` */
MATH NUM FN(log_reduced)(NUM x, NUM lifted, NUM *k) {
    const WORD u = FN(bits)(x) + (((WORD)BIAS << MANTISSA) - ROOT_HALF);
    *k = FN(of)(u >> MANTISSA | (WORD)(BIAS + MANTISSA) << MANTISSA) - (PICK(0x1p23f, 0x1p52) + BIAS + lifted);
    return FN(of)((u & FRACTION) + ROOT_HALF);
}

/* The same of any positive x. */
MATH NUM FN(log_reduced_any)(NUM x, NUM *k) {
    const WORD small = FN(mask)(x < SMALLEST);
    return FN(log_reduced)(FN(by_mask)(small, x * PICK(0x1p25f, 0x1p54), x), FN(by_mask)(small, PICK(25, 54), 0), k);
}

/* y = the logarithm of x where it has one; x itself if it is infinite or NaN */
MATH NUM FN(log_edges)(NUM x, NUM y) {
    return FN(pick)(x < 0, (NUM)NAN, FN(pick)(x == 0, -INFINITE, FN(pick)(x < INFINITE, y, x)));
}

MATH NUM FN(log)(NUM x) {
    NUM k;
    const NUM f = FN(log_reduced_any)(x, &k) - 1, s = f / (2 + f), z = s * s, t = z * FN(log_polynomial)(z), h = (NUM).5 * f * f;
    return FN(log_edges)(x, k * LN2_HIGH - ((h - (s * (h + t) + k * LN2_LOW)) - f));
}

/* ln(1 + f) / ln 2 with both factors cut, so that the product of their upper parts is exact (FreeBSD's e_log2.c) */
MATH NUM FN(log2)(NUM x) {
    const NUM inverse_high = PICK(0x1.716p+0f, 0x1.71547652p+0), inverse_low = PICK(-0x1.7135a8p-13f, 0x1.705fc2eefa2p-33);
    NUM k;
    const NUM f = FN(log_reduced_any)(x, &k) - 1, s = f / (2 + f), z = s * s, t = z * FN(log_polynomial)(z), h = (NUM).5 * f * f;
    const NUM high = FN(of)(FN(bits)(f - h) & ((WORD)-1 << PICK(12, 32))), low = ((f - high) - h) + s * (h + t);
    const NUM product = high * inverse_high, y = k + product;
    return FN(log_edges)(x, ((k - y) + product) + ((low + high) * inverse_low + low * inverse_high) + y);
}

/* ln(u + c) = ln u + c / u, where u = 1 + x is rounded and c is the rest: to the last digit, for small x too. One division. */
MATH NUM FN(log1p)(NUM x) {
    const NUM big = FN(at_least)(x, 1), small = FN(at_most)(x, 1), u = 1 + x, rest = small - (u - big);
    NUM k;
    const NUM m = FN(log_reduced)(u, 0, &k), f = m - 1, inverse = 1 / ((2 + f) * m);
    const WORD exponent = (FN(bits)(u) + (((WORD)BIAS << MANTISSA) - ROOT_HALF)) & ~FRACTION;
    const NUM down = rest * FN(of)(((WORD)(2 * BIAS) << MANTISSA) - exponent); /* rest / 2^k */
    const NUM c = FN(pick)(x < PICK(0x1p60f, 0x1p60), down * ((2 + f) * inverse), 0);
    const NUM s = f * m * inverse, z = s * s, t = z * FN(log_polynomial)(z), h = (NUM).5 * f * f;
    const NUM y = k * LN2_HIGH - ((h - (s * (h + t) + (k * LN2_LOW + c))) - f);
    return FN(pick)(FN(magnitude)(x) < PICK(0x1p-25f, 0x1p-54), x, FN(log_edges)(u, y));
}

/* -------- sin, cos, tan of an angle as angle.h has it; *rest: what rounding took */

MATH NUM FN(sin_part)(FN(angle) a, NUM *rest) {
    const NUM z = a.r * a.r, t = a.r * z * FN(sin_polynomial)(z) + a.low * (1 - (NUM).5 * z), y = a.r + t;
    *rest = t - (y - a.r);
    return y;
}

MATH NUM FN(cos_part)(FN(angle) a, NUM *rest) {
    const NUM z = a.r * a.r, h = (NUM).5 * z, w = 1 - h, t = ((1 - w) - h) + (z * z * FN(cos_polynomial)(z) - a.r * a.low), y = w + t;
    *rest = t - (y - w);
    return y;
}

/* All bits set if q is odd: then sine and cosine change places. A mask, since SSE2 does not compare 64-bit integers. */
#define IF_ODD(q) (0 - ((q) & 1))
#define EXCHANGED(u, v, mask) ((FN(bits)(u) ^ FN(bits)(v)) & (mask))

/* sin for quarter = a.q, cos for a.q + 1 */
MATH NUM FN(sin_of)(FN(angle) a, WORD quarter) {
    NUM rest;
    const NUM s = FN(sin_part)(a, &rest), c = FN(cos_part)(a, &rest);
    return FN(of)(FN(bits)(s) ^ EXCHANGED(s, c, IF_ODD(quarter)) ^ (quarter & 2) << PICK(30, 62));
}

/* s / c, or -c / s, by the reciprocal, and then put right by what is missing */
MATH NUM FN(tan_of)(FN(angle) a) {
    NUM s_rest, c_rest;
    const NUM s = FN(sin_part)(a, &s_rest), c = FN(cos_part)(a, &c_rest);
    const WORD odd = IF_ODD(a.q), x = EXCHANGED(s, c, odd), x_rest = EXCHANGED(s_rest, c_rest, odd);
    const NUM top = FN(of)(FN(bits)(s) ^ x), top_rest = FN(of)(FN(bits)(s_rest) ^ x_rest);
    const NUM bottom = FN(of)(FN(bits)(c) ^ x), bottom_rest = FN(of)(FN(bits)(c_rest) ^ x_rest);
    const NUM inverse = 1 / bottom, y = top * inverse, product = y * bottom;
    const NUM missing = ((top - product) - FN(rest)(y, bottom, product)) + (top_rest - y * bottom_rest);
    return FN(of)(FN(bits)(y + missing * inverse) ^ (odd & SIGN_BIT));
}

/* The sine and tangent of a small x are x, -0 among them. */
MATH NUM FN(or_small)(NUM x, NUM y) { return FN(pick)(FN(magnitude)(x) < PICK(0x1p-13f, 0x1p-27), x, y); }

MATH bool FN(is_far)(NUM x) { return FN(magnitude)(x) >= MATH_NEAR && FN(magnitude)(x) < INFINITE; }

#define SIN_OF(a) FN(or_small)(x, FN(sin_of)(a, (a).q))
#define COS_OF(a) FN(sin_of)(a, (a).q + 1)
#define TAN_OF(a) FN(or_small)(x, FN(tan_of)(a))

/* name(x): for any x. name_in_loop(x): also for any x if `any` is set; otherwise for near ones, and *met_far gets a bit if x's exponent
   is that of MATH_NEAR or more */
#define ANGLE_FUNCTION(name, of)                                                      \
    MATH NUM FN(name)(NUM x) {                                                        \
        const FN(angle) a = FN(is_far)(x) ? FN(angle_far)(x) : FN(angle_near)(x);     \
        return of(a);                                                                 \
    }                                                                                 \
    MATH NUM FN(name##_in_loop)(NUM x, bool any, WORD *met_far) {                     \
        if (any) return FN(name)(x);                                                  \
        *met_far |= ((FN(bits)(x) << 1 >> (MANTISSA + 1)) + (BIAS + 2 - MATH_NEAR_EXPONENT)) & (2 * BIAS + 2); \
        const FN(angle) a = FN(angle_near)(x);                                        \
        return of(a);                                                                 \
    }
ANGLE_FUNCTION(sin, SIN_OF)
ANGLE_FUNCTION(cos, COS_OF)
ANGLE_FUNCTION(tan, TAN_OF)

/* -------- inverse trigonometric functions */

/* atan a = atan t + 0, pi/4 or pi/2, where t = a, (a - 1) / (a + 1) or -1 / a; a - 1 is exact */
MATH NUM FN(atan)(NUM x) {
    const NUM a = FN(magnitude)(x);
    const WORD some = FN(mask)(a > (NUM).5), much = FN(mask)(a > 2);
    const NUM top = FN(by_mask)(much, -1, FN(by_mask)(some, a - 1, a)), bottom = FN(by_mask)(much, a, FN(by_mask)(some, a + 1, 1));
    const NUM high = FN(by_mask)(much, PI_2_HIGH, FN(by_mask)(some, PI_2_HIGH / 2, 0));
    const NUM low = FN(by_mask)(much, PI_2_LOW, FN(by_mask)(some, PI_2_LOW / 2, 0));
    const NUM t = top / bottom, z = t * t, sum = high + t, rest = (high - sum) + t;
    return FN(with_sign)(FN(magnitude)(sum + (t * z * FN(atan_polynomial)(z) + (low + rest))), x);
}

/* asin a = pi/2 - 2 asin s, s = sqrt((1 - a) / 2), where a > 1/2; s is cut, so that pi/2 - 2 s loses nothing (fdlibm's e_asin.c) */
MATH NUM FN(asin)(NUM x) {
    const NUM a = FN(magnitude)(x), half = (NUM).5 * (1 - a), square = a * a, z = a > (NUM).5 ? half : square;
    const NUM s = PICK(sqrtf, sqrt)(half), zp = z * FN(asin_polynomial)(z), s_high = UPPER_HALF(s);
    const NUM far = (PI_2_HIGH - 2 * s_high) - (2 * ((s - s_high) + s * zp) - PI_2_LOW), near = a + a * zp;
    return FN(with_sign)(a > (NUM).5 ? far : near, x);
}

MATH NUM FN(acos)(NUM x) {
    const NUM a = FN(magnitude)(x), half = (NUM).5 * (1 - a), square = x * x, z = a > (NUM).5 ? half : square;
    const NUM s = PICK(sqrtf, sqrt)(half), zp = z * FN(asin_polynomial)(z);
    const NUM near = PI_2_HIGH - (x - (PI_2_LOW - x * zp)), right = 2 * (s + s * zp), left = 2 * (PI_2_HIGH - (s + (s * zp - PI_2_LOW)));
    const NUM far = FN(pick)(x < 0, left, right);
    return a > (NUM).5 ? far : near;
}

/* -------- error functions. erf a = a (1 + E(a^2)) where a is small; else erfc a = e^(-a^2) g / (1 + 2a), where g is nearly constant, a
   polynomial in t = (a - K) / (a + K) (Shepherd and Laframboise 1981). */

#define ERF_SPLIT ((NUM).65625)
#define ERFC_CENTRE PICK(MATH_ERFC_F32_CENTRE, MATH_ERFC_F64_CENTRE)

/* erfc a for a >= ERF_SPLIT: w + w_low = g / (1 + 2a), with what rounding took from g, 1 + 2a, its reciprocal (1 + `over` times too
   large) and the product. What depends on each other is kept short, for loops that do not overlap. */
MATH NUM FN(erfc_tail)(NUM a) {
    a = FN(at_most)(a, PICK(11, 28));
    const NUM d = 1 + 2 * a, inverse = 1 / d, t = (a - PICK(2, 3)) / (a + PICK(2, 3)), square = a * a;
    const NUM over = (2 * a - (d - 1)) * inverse + FN(rest)(inverse, d, 1);
    const NUM slope = t * FN(erfc_polynomial)(t), g = ERFC_CENTRE + slope, g_low = slope - (g - ERFC_CENTRE);
    const NUM w = g * inverse, w_low = FN(rest)(g, inverse, w) + (g_low * inverse - w * over);
    NUM shifted;
    const NUM p = FN(exp_reduced)(-square, -FN(rest)(a, a, square), &shifted);
    return FN(scale)(w + (w * p + w_low * (1 + p)), shifted);
}

MATH NUM FN(erf)(NUM x) {
    const NUM a = FN(magnitude)(x), far = 1 - FN(erfc_tail)(a), near = x + x * FN(erf_polynomial)(x * x);
    return FN(pick)(a < ERF_SPLIT, near, FN(with_sign)(far, x));
}

/* 1 - erf x as 1/2 - (x - 1/2 + ..), where x - 1/2 is exact (fdlibm's s_erf.c) */
MATH NUM FN(erfc)(NUM x) {
    const NUM a = FN(magnitude)(x), tail = FN(erfc_tail)(a), more = x * FN(erf_polynomial)(x * x);
    const NUM near = FN(pick)(x > (NUM).25, (NUM).5 - ((x - (NUM).5) + more), 1 - (x + more));
    return FN(pick)(a < ERF_SPLIT, near, FN(pick)(x < 0, 2 - tail, tail));
}
