/* pow.h - part of functions.h: x^y = e^(y ln |x|) with the sign and the edges put right. */

/* r = |x|^y. Applies the other special cases of annex F. An integer y is odd if y / 2 is not an integer; from 2^53 on all are even.
   `part` is 0 for an integer, `sign` negative for an odd one. */
MATH double math_pow_edges(double x, double y, double r) {
    const double a = math_magnitude_f64(y), part = a < 0x1p52 ? (a + 0x1p52) - 0x1p52 - a : 0;
    const double half = a < 0x1p53 ? .5 * a : 0, odd = (half + 0x1p52) - 0x1p52 - half; /* -1/2, 0 or 1/2; of other numbers anything */
    const double sign = part == 0 ? -odd * odd : 0;
    const double negated = math_of_f64(math_bits_f64(r) ^ (math_bits_f64(x) & UINT64_C(1) << 63));
    r = sign < 0 ? negated : r;
    const double none = x > -(double)INFINITY ? (double)NAN : r, of_negative = part < 0 ? none : part > 0 ? none : r;
    r = x < 0 ? of_negative : r;
    r = x != x ? x : r;
    r = x == 1 ? 1 : r;
    return y == 0 ? 1 : r;
}

/* ln a = high + *low, good to 2^-64, of a finite a > 0: k ln 2 + 2 atanh s, s = f / (2 + f). All is in two parts, since y multiplies the
   error by up to 745. atanh s = s (1 + z / 3 + z^2 (1/5 + ..)), z = s^2. */
MATH double math_log_parts_f64(double a, double *low) {
    const double third = 0x1.5555555555555p-2, third_low = 0x1.5555555555555p-56;
    double k;
    const double m = math_log_reduced_any_f64(a, &k), f = m - 1, d = m + 1, d_low = m - (d - 1), inverse = 1 / d;
    const double s = f * inverse, sd = s * d, s_low = (((f - sd) - math_rest_f64(s, d, sd)) - s * d_low) * inverse;
    const double z = s * s, z_low = math_rest_f64(s, s, z) + 2 * s * s_low;
    const double tail = z * z * math_atanh_polynomial_f64(z);
    const double t = z * third, t_low = (math_rest_f64(z, third, t) + (z * third_low + z_low * third)) + tail; /* t + t_low = z / 3 + .. */
    const double p = s * t, p_low = math_rest_f64(s, t, p) + (s * t_low + s_low * t);
    const double sum = s + p, sum_low = (p - (sum - s)) + (p_low + s_low);
    const double whole = k * 0x1.62e42fefa38p-1, high = whole + 2 * sum;
    const double rest = (2 * sum - (high - whole)) + (2 * sum_low + k * 0x1.ef35793c7673p-45), both = high + rest;
    *low = rest - (both - high);
    return both;
}

MATH double math_log_ends(double a, double ln) {
    return math_pick_f64(a == 0, -(double)INFINITY, math_pick_f64(a == (double)INFINITY, a, ln));
}

/* |y| is clamped to 2^65: for it, a^y is 0 or infinite unless a is 1. */
MATH double math_pow_f64(double x, double y) {
    const double a = math_magnitude_f64(x);
    const double held = math_at_least_f64(math_at_most_f64(y, 0x1p65), -0x1p65);
    double low, shifted;
    const double high = math_log_ends(a, math_log_parts_f64(a, &low)), product = held * high;
    const double rest = math_rest_f64(held, high, product) + held * low; /* NaN where the product is infinite */
    const double p = math_exp_reduced_f64(product, math_pick_f64(math_magnitude_f64(product) < 750, rest, 0), &shifted);
    return math_pow_edges(x, y, math_scale_f64(1 + p, shifted));
}

/* A float to a power that need not be a float, in doubles: their logarithm has more digits than are needed. */
MATH float math_power_f32(float x, double y) {
    const double a = math_magnitude_f64((double)x);
    const double held = math_at_least_f64(math_at_most_f64(y, 0x1p200), -0x1p200);
    double k;
    const double f = math_log_reduced_f64(a, 0, &k) - 1, s = f / (2 + f), z = s * s;
    const double ln = k * 0x1.62e42fefa39efp-1 + (2 * s + s * z * math_powlog_polynomial_f64(z));
    const double product = math_at_least_f64(math_at_most_f64(held * math_log_ends(a, ln), 90), -110);
    const double shift = 0x1.8p52 + 1023, shifted = product * 0x1.71547652b82fep+0 + shift;
    const double r = product - (shifted - shift) * 0x1.62e42fefa39efp-1;
    const double e = 1 + (r + r * r * math_powexp_polynomial_f64(r));
    return (float)math_pow_edges((double)x, y, e * math_of_f64(math_bits_f64(shifted) << 52));
}

MATH float math_pow_f32(float x, float y) { return math_power_f32(x, (double)y); }
MATH double math_power_f64(double x, double y) { return math_pow_f64(x, y); }
