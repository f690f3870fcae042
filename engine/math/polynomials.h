/* polynomials.h - the polynomials of each.h and pow.h, printed by polynomials.py: what each is of, where, and its
   largest error relative to the function that is computed with it. */
/* clang-format off */
#define FOUR(a, b, c, d) ((a + x * b) + (x * x) * (c + x * d))

/* (e^x - 1 - x) / x^2, x in -0.3469 .. 0.3469: 2^-26.0 */
MATH float math_exp_polynomial_f32(float x) {
    const float x4 = (x * x) * (x * x);
    return FOUR(0.49999997f, 0.16666539f, 0.041667752f, 0.00836718455f) + x4 * 0.00138361729f;
}

/* (e^x - 1 - x) / x^2, x in -0.3469 .. 0.3469: 2^-54.8 */
MATH double math_exp_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(0.50000000000000056, 0.16666666666666588, 0.041666666666576077, 0.0083333333333899823) + x4 *
        (FOUR(0.0013888888931804465, 0.00019841269718315468, 2.4801504968441782e-05, 2.7557407844972387e-06) + x4 *
        (2.7626165288519556e-07 + x * 2.5053798323610981e-08));
}

/* (sinh r - r) / r^3, x = r^2, x in 0.0 .. 0.2708: 2^-32.2 */
MATH float math_sinh_polynomial_f32(float x) {
    return 0.166666672f + x * 0.00833316147f + x * x * 0.000199716786f;
}

/* (sinh r - r) / r^3, x = r^2, x in 0.0 .. 0.2708: 2^-63.2 */
MATH double math_sinh_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(0.16666666666666666, 0.0083333333333338831, 0.00019841269840185658, 2.755732019659147e-06) + x4 *
        (2.5051673322699565e-08 + x * 1.6152807910003596e-10);
}

/* (cosh r - 1) / r^2, x = r^2, x in 0.0 .. 0.2708: 2^-29.3 */
MATH float math_cosh_polynomial_f32(float x) {
    return 0.50000006f + x * 0.0416649655f + x * x * 0.00140101148f;
}

/* (cosh r - 1) / r^2, x = r^2, x in 0.0 .. 0.2708: 2^-61.2 */
MATH double math_cosh_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(0.49999999999999994, 0.041666666666670425, 0.001388888888804522, 2.4801588170607371e-05) + x4 * (2.7556867536104476e-07
        + x * 2.0992035637868995e-09);
}

/* (tanh r - r) / r^3, x = r^2, x in 0.0 .. 0.3025: 2^-29.4 */
MATH float math_tanh_polynomial_f32(float x) {
    const float x4 = (x * x) * (x * x);
    return FOUR(-0.333333164f, 0.133325443f, -0.0538476259f, 0.0210511312f) + x4 * -0.0062435302f;
}

/* (tanh r - r) / r^3, x = r^2, x in 0.0 .. 0.3025: 2^-55.5 */
MATH double math_tanh_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(-0.33333333333332316, 0.13333333333168954, -0.053968253876177479, 0.021869485976800468) + x4 *
        (FOUR(-0.0088631945275250024, 0.0035917198654582061, -0.0014532175045278207, 0.00057913903491576917) + x4 *
        (-0.00021030542820314272 + x * 5.1023415181096353e-05));
}

/* (ln((1 + s) / (1 - s)) - 2s) / s^3, x = s^2, x in 0.0 .. 0.0295: 2^-30.2 */
MATH float math_log_polynomial_f32(float x) {
    return 0.666667759f + x * 0.399775535f + x * x * 0.298720777f;
}

/* (ln((1 + s) / (1 - s)) - 2s) / s^3, x = s^2, x in 0.0 .. 0.0295: 2^-59.5 */
MATH double math_log_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(0.66666666666667351, 0.39999999999409203, 0.28571428743764232, 0.2222219841634423) + x4 * (0.18183573243954013 + x *
        0.15313803788119146 + x * x * 0.14798595972754361);
}

/* (sin r - r) / r^3, x = r^2, x in 0.0 .. 0.6181: 2^-27.9 */
MATH float math_sin_polynomial_f32(float x) {
    return -0.166666552f + x * 0.00833218731f + x * x * -0.000195179397f;
}

/* (sin r - r) / r^3, x = r^2, x in 0.0 .. 0.6181: 2^-57.9 */
MATH double math_sin_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(-0.1666666666666663, 0.0083333333333218372, -0.00019841269829354552, 2.7557313536918691e-06) + x4 *
        (-2.5050734116056367e-08 + x * 1.5895416369844141e-10);
}

/* (cos r - 1 + r^2 / 2) / r^4, x = r^2, x in 0.0 .. 0.6181: 2^-33.0 */
MATH float math_cos_polynomial_f32(float x) {
    return 0.0416666456f + x * -0.00138873095f + x * x * 2.44323164e-05f;
}

/* (cos r - 1 + r^2 / 2) / r^4, x = r^2, x in 0.0 .. 0.6181: 2^-63.6 */
MATH double math_cos_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(0.041666666666666595, -0.0013888888888873307, 2.4801587288964562e-05, -2.7557314202780506e-07) + x4 *
        (2.0875703087430523e-09 + x * -1.1358613847722723e-11);
}

/* (atan t - t) / t^3, x = t^2, x in 0.0 .. 0.25: 2^-30.4 */
MATH float math_atan_polynomial_f32(float x) {
    const float x4 = (x * x) * (x * x);
    return FOUR(-0.333333284f, 0.199995548f, -0.142730922f, 0.10948281f) + x4 * (-0.0800858289f + x * 0.0390353352f);
}

/* (atan t - t) / t^3, x = t^2, x in 0.0 .. 0.25: 2^-60.0 */
MATH double math_atan_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(-0.33333333333333315, 0.19999999999993776, -0.14285714284999632, 0.11111111070131796) + x4 *
        (FOUR(-0.090909077083713805, 0.076922777006458554, -0.066662257739098438, 0.058778224160513343) + x4 *
        (FOUR(-0.052300862530449563, 0.045896928100040979, -0.037124133806094806, 0.023662096943791705) + x4 * -0.0083698641952726464));
}

/* (asin s - s) / s^3, x = s^2, x in 0.0 .. 0.25: 2^-27.6 */
MATH float math_asin_polynomial_f32(float x) {
    const float x4 = (x * x) * (x * x);
    return FOUR(0.166667521f, 0.0749530792f, 0.045469366f, 0.0241836272f) + x4 * 0.0421602912f;
}

/* (asin s - s) / s^3, x = s^2, x in 0.0 .. 0.25: 2^-55.9 */
MATH double math_asin_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(0.16666666666665408, 0.075000000003371925, 0.044642856828155345, 0.030381959144677985) + x4 *
        (FOUR(0.022371757857419603, 0.017359707755176413, 0.013885205316897029, 0.012169412851426056) + x4 *
        (FOUR(0.0065270922357527853, 0.019530715565031893, -0.016228150495236581, 0.031914977636518807)));
}

/* erf a / a - 1, x = a^2, x in 0.0 .. 0.4307: 2^-28.2 */
MATH float math_erf_polynomial_f32(float x) {
    const float x4 = (x * x) * (x * x);
    return FOUR(0.128379166f, -0.37612626f, 0.112834871f, -0.0268408526f) + x4 * (0.00512821088f + x * -0.000685381063f);
}

/* erf a / a - 1, x = a^2, x in 0.0 .. 0.4307: 2^-55.5 */
MATH double math_erf_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(0.12837916709551256, -0.37612638903183115, 0.11283791670911132, -0.026866170633355346) + x4 *
        (FOUR(0.0052239774651766952, -0.00085483144833794393, 0.00012054734980788217, -1.4907963943480622e-05) + x4 *
        (1.6144336231470329e-06 + x * -1.3153414582822589e-07));
}

/* ((1 + 2a) e^(a^2) erfc a - CENTRE) / x, x = (a - 2) / (a + 2), x in -0.5059 .. 0.6721: 2^-26.8 */
#define MATH_ERFC_F32_CENTRE 1.27697837f
MATH float math_erfc_polynomial_f32(float x) {
    const float x4 = (x * x) * (x * x);
    return FOUR(-0.0927637443f, -0.166030034f, 0.164047554f, -0.054226283f) + x4 * (FOUR(-0.00798616931f, 0.00874953344f,
        0.00102994381f, -0.0014342285f));
}

/* ((1 + 2a) e^(a^2) erfc a - CENTRE) / x, x = (a - 3) / (a + 3), x in -0.641 .. 0.802: 2^-54.4 */
#define MATH_ERFC_F64_CENTRE 1.2530080582697296
MATH double math_erfc_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(-0.13562110612458161, -0.047562294353443009, 0.12964515870281956, -0.11927366341585102) + x4 *
        (FOUR(0.068308027341703492, -0.023770514903665656, 0.0025293918551842795, 0.0018886901453391458) + x4 *
        (FOUR(-0.00077983262622289174, -0.00010515801655870799, 0.0001251011459827188, 4.9402855069839191e-06) + x4 *
        (FOUR(-2.010551067896345e-05, -7.0161198207444746e-07, 3.4781222736889008e-06, 2.9658757949985081e-07) + x4 *
        (-6.1275823545055429e-07 + x * -7.0792750240010118e-08 + x * x * 8.4794640423117088e-08))));
}

/* as log, for pow in f32, x in 0.0 .. 0.0295: 2^-37.6 */
MATH double math_powlog_polynomial_f64(double x) {
    return FOUR(0.66666665640509903, 0.40000336571791095, 0.28537207438911016, 0.23584292826453898);
}

/* as exp, for pow in f32, x in -0.3469 .. 0.3469: 2^-28.3 */
MATH double math_powexp_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(0.49999993408101195, 0.16666520138559132, 0.041668396408820411, 0.0083687781718642766) + x4 * 0.0013814317843118288;
}

/* (atanh s / s - 1 - s^2 / 3) / s^4, x = s^2, x in 0.0 .. 0.0295: 2^-66.2 */
MATH double math_atanh_polynomial_f64(double x) {
    const double x4 = (x * x) * (x * x);
    return FOUR(0.20000000000001145, 0.14285714285041318, 0.11111111261553425, 0.090908920379891192) + x4 * (0.076933856331943967 + x *
        0.066282410530802346 + x * x * 0.065997696276900539);
}
