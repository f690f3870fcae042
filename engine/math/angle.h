/* angle.h - part of functions.h, for sin, cos and tan: x = q pi/2 + r + low with |r| <= pi/4; of q, only q modulo 4 matters.

   Up to MATH_NEAR, q times each of three parts of pi/2 is exact (Cody and Waite 1980). Above it, only the last two bits of the integer part
   of 2/pi x matter. So some 200 bits of 2/pi are enough; x's exponent chooses them (Payne and Hanek 1983). The product is in integers. */

typedef struct math_angle_f64 { double r, low; uint64_t q; } math_angle_f64;
typedef struct math_angle_f32 { float r, low; uint32_t q; } math_angle_f32;

#define PI_2_FIRST 0x1.921fb5444p+0 /* two parts of 38 bits, and the rest */
#define PI_2_SECOND 0x1.68c234c4cp-39
#define PI_2_THIRD 0x1.98a2e03707345p-77

MATH math_angle_f64 math_angle_near_f64(double x) {
    const double shifted = x * 0x1.45f306dc9c883p-1 + 0x1.8p52, n = shifted - 0x1.8p52;
    const double a = x - n * PI_2_FIRST, b = n * PI_2_SECOND, r = a - b, back = a - r;
    return (math_angle_f64){r, ((a - (r + back)) + (back - b)) - n * PI_2_THIRD, math_bits_f64(shifted)};
}

MATH math_angle_f32 math_angle_near_f32(float x) {
    const double shifted = (double)x * 0x1.45f306dc9c883p-1 + 0x1.8p52, n = shifted - 0x1.8p52;
    const double r = ((double)x - n * PI_2_FIRST) - n * (PI_2_SECOND + PI_2_THIRD);
    const float high = (float)r;
    return (math_angle_f32){high, (float)(r - (double)high), (uint32_t)math_bits_f64(shifted)};
}

/* 2/pi, 32 bits a word, behind 64 zero bits */
static const uint32_t math_two_over_pi[] = {0, 0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab,
    0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41,
    0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66,
    0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab};

enum { MATH_LIMBS = 6 };

/* The fraction of |x| / (2 pi), |x| = m 2^e, in limbs of 32 bits: m times the bits of 2/pi behind those that only add whole turns. */
static inline void math_turns(uint64_t m, int e, uint32_t *limb) {
    const int first = e - 2 + 64;
    const uint32_t *word = math_two_over_pi + first / 32;
    uint32_t part[MATH_LIMBS + 1] = {0};
    for (int i = 0; i < MATH_LIMBS; i++) part[i] = (uint32_t)(((uint64_t)word[i] << 32 | word[i + 1]) >> (32 - first % 32));
    uint64_t low = 0, high = 0;
    for (int i = MATH_LIMBS; i-- > 0;) {
        low = (uint64_t)part[i] * (uint32_t)m + (low >> 32);
        high = (uint64_t)part[i + 1] * (m >> 32) + (high >> 32) + (uint32_t)low;
        limb[i] = (uint32_t)high;
    }
}

/* Any finite x from 2^15 on. */
static inline math_angle_f64 math_angle_far_f64(double x) {
    const uint64_t u = math_bits_f64(x);
    uint32_t limb[MATH_LIMBS];
    math_turns((u & UINT64_C(0xfffffffffffff)) | UINT64_C(1) << 52, (int)(u >> 52 & 0x7ff) - 1075, limb);
    uint64_t q = limb[0] >> 30;
    const bool above = limb[0] >> 29 & 1; /* the next quarter is nearer */
    double f = 0, f_low = 0, unit = 0x1p-30;
    for (int i = 0; i < MATH_LIMBS; i++, unit *= 0x1p-32) {
        const uint32_t bits = above ? ~limb[i] : limb[i];
        const double v = (double)(i ? bits : bits & 0x3fffffff) * unit, sum = f + v;
        f_low += v - (sum - f);
        f = sum;
    }
    const double high = 0x1.921fb54442d18p+0, r = f * high, low = math_rest_f64(f, high, r) + (f * 0x1.1a62633145c07p-54 + f_low * high);
    q += above;
    const bool negative = above != (x < 0);
    return (math_angle_f64){negative ? -r : r, negative ? -low : low, x < 0 ? -q : q};
}

static inline math_angle_f32 math_angle_far_f32(float x) {
    const math_angle_f64 a = math_angle_far_f64((double)x);
    const float high = (float)a.r;
    return (math_angle_f32){high, (float)((a.r - (double)high) + a.low), (uint32_t)a.q};
}
