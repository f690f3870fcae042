/* test_rng.c - the generator against golden values from NumPy 1.24, by bits. golden_rng.py printed the block between the marks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/random/rng.h"
#include "engine/random/ziggurat.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { LATE = 100000 }; /* draws before the "late" values: by then the wedges and the tail have been visited, see .tails */

/* doubles stand as their bits; a sum is the checksum() of all values up to there; after: the 64 bits drawn next */
typedef struct {
    uint64_t seed;
    uint32_t words[8]; /* SeedSequence(seed).generate_state(8) */
    uint64_t pcg[4];   /* state and inc after seeding, high half first */
    uint64_t raw[3], raw_late;
    uint32_t halves[5]; /* next32 */
    uint64_t random[3], random_late[3], random_sum;
    uint64_t normal[3], normal_late[3], normal_sum; /* the sum without the tail */
    int tails;                                      /* how many of the first LATE normals lie in the tail */
} seed_golden;

typedef struct {
    int n;
    uint32_t entropy[12], words[5];
    uint64_t raw;
} entropy_golden;

typedef struct {
    int64_t low, high;
    uint64_t first[4], sum, after; /* of 1000 draws with seed 42 */
    int has_spare;
    uint32_t spare;
} integers_golden;

typedef struct {
    uint64_t max, sum, after; /* of 1000 draws with seed 7 */
} bounded_golden;

typedef struct {
    double a, b; /* mean and std, or low and high */
    uint64_t first[4];
} affine_golden;

typedef struct {
    int64_t n, first[10];
    uint64_t sum, after;
} permutation_golden;

typedef struct {
    int64_t n;
    size_t size;
    uint64_t sum, after;
} shuffle_golden;

/* clang-format off */
/* ---- golden: begin ---- */
static const seed_golden SEEDS[] = {
    {0x0u, {0xb0f478beu, 0xdb2cd7e7u, 0x2c71ba49u, 0xabf4641au, 0x9d7b8d41u, 0x20c6ed6du, 0x223c39d4u, 0x2c4099deu}, {0x1aa1b5345996452du,
     0x9585eb7a69561e3u, 0x418ddadb3af71a82u, 0x588133bc447873a9u}, {0xa30febcfd9c2825fu, 0x4510bdf882d9d721u, 0xa7d3da94ecde8b8u},
     0x9b640c753d556932u, {0xd9c2825fu, 0xa30febcfu, 0x82d9d721u, 0x4510bdf8u, 0x4ecde8b8u}, {0x3fe461fd79fb3850u, 0x3fd1442f7e20b674u,
     0x3fa4fa7b529d9bd0u}, {0x3fe36c818ea7aaadu, 0x3fcb34a46452d5d0u, 0x3fe1ccbe6cbf8c0cu}, 0x150f27fc6ee8c1edu, {0x3fc017ed89db8441u,
     0xbfc0e8cfe9bd45ccu, 0x3fe47e57a468b06du}, {0x3ff2cce9b3dc3409u, 0xbfcb9ab7b0d5719du, 0xbfc3c105383dff3cu}, 0x3d61414e8a8de42u, 34},
    {0x1u, {0x6d6791ffu, 0x672d8ee5u, 0x4eb1072cu, 0x8ae19ca1u, 0x1322fc4au, 0x4915796du, 0xaba049bdu, 0xd0cc2bdcu}, {0x9c5b484bfedb756cu,
     0x2a6e7d6f320fbc7eu, 0x922af2da2645f895u, 0xa19857b95740937bu}, {0x8306bdf37922e4ffu, 0xf35196bbc152a866u, 0x24e7a4f608ec18cdu},
     0x5ddfaa95367c4b5eu, {0x7922e4ffu, 0x8306bdf3u, 0xc152a866u, 0xf35196bbu, 0x8ec18cdu}, {0x3fe060d7be6f245cu, 0x3fee6a32d7782a55u,
     0x3fc273d27b04760cu}, {0x3fd777eaa54d9f12u, 0x3fe6645354a0f539u, 0x3fd9f6f8ce9d10dau}, 0x964941c5caf9b2c2u, {0x3fd61e0d28bbb3a1u,
     0x3fea4ab22204681fu, 0x3fd525e18ce5fc0au}, {0xbffaec94734e0168u, 0x3ffad73d5c9ae2e7u, 0xbfde92a9aa82e357u}, 0x3a3953a08929f216u, 33},
    {0x2au, {0xcd540ab7u, 0x9f1e2e6du, 0x79fb94b6u, 0xd57873dcu, 0x64d420b7u, 0x7d282a1bu, 0x4692d5ffu, 0x33657971u}, {0xcea44f6798798f2au,
     0xacbc7c9d68860ac8u, 0xfa505436c9a8416eu, 0x66caf2e28d25abffu}, {0xc621fbcd16d92688u, 0x705a5661a791ffc1u, 0xdbcd12c26eda1624u},
     0xf059ff10febc52c6u, {0x16d92688u, 0xc621fbcdu, 0xa791ffc1u, 0x705a5661u, 0x6eda1624u}, {0x3fe8c43f79a2db24u, 0x3fdc16959869e47eu,
     0x3feb79a2584ddb42u}, {0x3fee0b3fe21fd78au, 0x3fee52ebf1fed248u, 0x3fe126f7db3c468cu}, 0x861f8d0c5f86e35fu, {0x3fd3807c1104fc6bu,
     0xbff0a3c65fca9a7eu, 0x3fe803b239e77350u}, {0xbff9318f5a4dc3f3u, 0x4003208616757dbau, 0x3ffcbdae0fd44224u}, 0x87bd645ddfd10a95u, 28},
    {0x100000005u, {0xe249d9acu, 0xf9c15bd6u, 0x36320ed7u, 0xb2021b40u, 0xe6dcf739u, 0x9388b47fu, 0xad6439e1u, 0x5eeba8d9u},
     {0x2931d0c6dbee79bfu, 0xece8058fe085a345u, 0x271168ffcdb9ee72u, 0xbdd751b35ac873c3u}, {0xc6323ec321deb8d1u, 0x78814821c73a0583u,
     0xb22536d8e0ec17c0u}, 0x271ed15eb8c0e2fu, {0x21deb8d1u, 0xc6323ec3u, 0xc73a0583u, 0x78814821u, 0xe0ec17c0u}, {0x3fe8c647d8643bd7u,
     0x3fde20520871ce80u, 0x3fe644a6db1c1d82u}, {0x3f838f68af5c6040u, 0x3fdb41b9b6b9f0f8u, 0x3fa0e47528a984b0u}, 0xc450e4f704581bc9u,
     {0x3fdb4441f9f30526u, 0xbff30fc7606e46a8u, 0xbff260f009857707u}, {0x3feab9ac1ac77f79u, 0x3fea2cdf6f8f8c87u, 0x3fef18c0c0b90d34u},
     0xe8b5fab96fc52539u, 23},
    {0xffffffffffffffffu, {0x928cad0du, 0xaebca151u, 0x8638dc7au, 0x119c3044u, 0x59e642a7u, 0x1bbb1556u, 0xe8c4a8f6u, 0xa76b11e3u},
     {0xddc419442aebde79u, 0x4d8b0a3b048acdb0u, 0x37762aacb3cc854fu, 0x4ed623c7d18951edu}, {0xae163a7a8c47568fu, 0xd86659f5f3382359u,
     0x1e52b195bc2d24au}, 0x94f4d2931df97a67u, {0x8c47568fu, 0xae163a7au, 0xf3382359u, 0xd86659f5u, 0x5bc2d24au}, {0x3fe5c2c74f5188eau,
     0x3feb0ccb3ebe6704u, 0x3f7e52b195bc2d00u}, {0x3fe29e9a5263bf2fu, 0x3fc84de7b55f1d68u, 0x3fecde9cda7b3b74u}, 0x82522d908e86f899u,
     {0x3fe715303191d87bu, 0xbfef10c32096a2bdu, 0x3fb1b8d40660f8bfu}, {0xbfea0decc38b9a33u, 0xbff2a43196ab3752u, 0x3fe202796ba792eeu},
     0x181b41d5959c7f5fu, 21},
};

static const entropy_golden ENTROPIES[] = {
    {1, {0x7u}, {0x7c326e58u, 0xead0f701u, 0xf97e037au, 0x879c4f0u, 0x6745675fu}, 0xa00641a9f1e54a8bu},
    {3, {0x1u, 0x2u, 0x3u}, {0xe3d1fc80u, 0xb45f843fu, 0x203807c7u, 0x42c16e36u, 0xa344445u}, 0xaba411f8f6c9b990u},
    {4, {0x1u, 0x2u, 0x3u, 0x4u}, {0xfd6dff8bu, 0xd4a801ecu, 0x18a0c9dcu, 0xfc9d615u, 0x6c8e0218u}, 0x7bcebf241ec1bc7u},
    {5, {0x5u, 0x4u, 0x3u, 0x2u, 0x1u}, {0xc72e27ceu, 0x3e380c8u, 0xae0bd072u, 0x9e6c22e9u, 0x83df8acfu}, 0x8f2e03c633d3d53du},
    {12, {0xffffffffu, 0xfffffffeu, 0xfffffffdu, 0xfffffffcu, 0xfffffffbu, 0xfffffffau, 0xfffffff9u, 0xfffffff8u, 0xfffffff7u, 0xfffffff6u,
     0xfffffff5u, 0xfffffff4u}, {0x3ff6184fu, 0x4a7a3a90u, 0x565f252cu, 0x77607ecdu, 0xd07e2087u}, 0x62b4f0eb49f7bcacu},
};

static const uint64_t CHILDREN[] = {0xcd747fb838e9566bu, 0xd0b91e044a8430cdu, 0xae9232f97531a4ceu};

static const integers_golden INTEGERS[] = {
    {0, 10, {0x0u, 0x7u, 0x6u, 0x4u}, 0x823e7f9b80a7c3b2u, 0xbc98be76ceecc68au, 0, 0x0u},
    {-5, 5, {0xfffffffffffffffbu, 0x2u, 0x1u, 0xffffffffffffffffu}, 0xbc9640f29da9f6a4u, 0xbc98be76ceecc68au, 0, 0x0u},
    {0, 2, {0x0u, 0x1u, 0x1u, 0x0u}, 0x7f0ae0910b768d3au, 0xbc98be76ceecc68au, 0, 0x0u},
    {-3, 0, {0xfffffffffffffffdu, 0xffffffffffffffffu, 0xfffffffffffffffeu, 0xfffffffffffffffeu}, 0x1aeaa23743f3ce1du, 0xbc98be76ceecc68au,
     0, 0x0u},
    {0, 1, {0x0u, 0x0u, 0x0u, 0x0u}, 0x12633b178b17a745u, 0xc621fbcd16d92688u, 0, 0x0u},
    {7, 8, {0x7u, 0x7u, 0x7u, 0x7u}, 0xd55b06ce89fda1edu, 0xc621fbcd16d92688u, 0, 0x0u},
    {0, 3221225472, {0x94997cd9u, 0x7dad7fd0u, 0x5443c0c8u, 0xa4d9ce11u}, 0xb869c0b9ed9226ccu, 0x4c879234e70c6d38u, 1, 0xda74cbdeu},
    {-2147483648, 2147483647, {0xffffffff96d92687u, 0x4621fbccu, 0x2791ffc0u, 0xfffffffff05a5660u}, 0x460ccf85f32a7fbdu,
     0xbc98be76ceecc68au, 0, 0x0u},
    {-2147483648, 2147483648, {0xffffffff96d92688u, 0x4621fbcdu, 0x2791ffc1u, 0xfffffffff05a5661u}, 0xc85a0964d87ca2d1u,
     0xbc98be76ceecc68au, 0, 0x0u},
    {-2147483648, 2147483649, {0x4621fbcdu, 0xfffffffff05a5662u, 0x5bcd12c3u, 0x3286b60eu}, 0x9f96f13f92f8d243u, 0xfe35e24e0cd297au, 0,
     0x0u},
    {0, 2147483649, {0x382d2b30u, 0x6de68961u, 0xb004446u, 0x59435b07u}, 0x5c66d4ee67bd014du, 0x2034e385422f9007u, 0, 0x0u},
    {0, 1099511627776, {0xc621fbcd16u, 0x705a5661a7u, 0xdbcd12c26eu, 0xb286b60e16u}, 0xaf15c2b2e4391a98u, 0xfe35e24e0cd297au, 0, 0x0u},
    {-1000000000000000, 1000000000000000, {0x1f252b9ea9f76u, 0xffff90d20e3a02e8u, 0x28c492b445badu, 0x16702a6863247u}, 0xfdb6e8043bd204e1u,
     0xfe35e24e0cd297au, 0, 0x0u},
    {0, 6917529027641081856, {0x2a21e0649ed6bfe8u, 0x526ce708e991c84du, 0x42f2844548403334u, 0x5da8e519128abf54u}, 0xfd6704f0761b8a36u,
     0x6ccb72f2e8facafau, 0, 0x0u},
    {0, 9223372036854775807, {0x6310fde68b6c9343u, 0x382d2b30d3c8ffe0u, 0x6de68961376d0b11u, 0x59435b070b004445u}, 0x2edf1382ae629850u,
     0xfe35e24e0cd297au, 0, 0x0u},
    {-4611686018427387905, 4611686018427387904, {0x2310fde68b6c9343u, 0xf82d2b30d3c8ffdfu, 0x2de68961376d0b11u, 0xcc0e00da99c9c0f4u},
     0xc6e851d08e5d94d6u, 0x97f0a34b348d433au, 0, 0x0u},
    {INT64_MIN, 9223372036854775807, {0x4621fbcd16d92687u, 0xf05a5661a791ffc0u, 0x5bcd12c26eda1623u, 0x3286b60e1600888cu},
     0x4549c3f73bc0a366u, 0xfe35e24e0cd297au, 0, 0x0u},
    {INT64_MIN, -9223372036854775802, {0x8000000000000000u, 0x8000000000000004u, 0x8000000000000003u, 0x8000000000000002u},
     0x5d6c1255e3946a83u, 0xbc98be76ceecc68au, 0, 0x0u},
};

static const bounded_golden BOUNDED[] = {
    {0x0u, 0x12633b178b17a745u, 0xa00641a9f1e54a8bu},
    {0x1u, 0x3cd03914501401dfu, 0x6b950540fe8d1ac4u},
    {0xfffffffeu, 0xb06cf446d6a49280u, 0x6b950540fe8d1ac4u},
    {0xffffffffu, 0xeebb3ae01a1ebe96u, 0x6b950540fe8d1ac4u},
    {0x100000000u, 0xee20bfecf0b72ef2u, 0xde7a0b7da1829590u},
    {0x8000000000000000u, 0x17bc5859d1423220u, 0x61707ff6c821b15cu},
    {0xfffffffffffffffeu, 0xaecad21b8a9b9feu, 0xde7a0b7da1829590u},
    {0xffffffffffffffffu, 0x2cb4fbb7b84ada3cu, 0xde7a0b7da1829590u},
};

static const affine_golden NORMALS[] = {
    {0, 1, {0x400053cd67810b16u, 0xc0047200820833aau, 0x3fdac221aa4baeafu, 0xbfe22b2b2a3f6eacu}},
    {1.5, 0.1, {0x3ffb43f5e180356bu, 0x3ff3e93319318f44u, 0x3ff8ab40d7751791u, 0x3ff717710ab00744u}},
    {-3, 2.75, {0x4004e674dca2de7cu, 0xc0240e605965a385u, 0xbffd9a88daebf7e8u, 0xc0123ed6d685ce0bu}},
    {0.3, 0.7, {0x3ffba885f74e42b8u, 0xbff7d2cd82d84854u, 0x3fe2f7256200e38au, 0xbfb8f1be8630055cu}},
    {0.001, 0.3333333333333333, {0x3fe5cd4306403247u, 0xbfeb3a7a312176b8u, 0x3fc1f785b7d857c8u, 0xbfc818ca47595ae6u}},
    {-2.2, 0.9, {0xbfd73e3916c549ccu, 0xc0120019d41d4a73u, 0xbffd2deba0155f1au, 0xc005b01ce98178e7u}},
    {1e+300, 1e+290, {0x7e37e43c881566e8u, 0x7e37e43c87e63c20u, 0x7e37e43c8804bfeau, 0x7e37e43c87faa222u}},
    {0.1, 0, {0x3fb999999999999au, 0x3fb999999999999au, 0x3fb999999999999au, 0x3fb999999999999au}},
};

static const affine_golden UNIFORMS[] = {
    {0, 1, {0x3fb5ed1a93cfbec0u, 0x3fce4fce8296f7e8u, 0x3fe9a40a58e5cdbdu, 0x3fe2a112473bd0c0u}},
    {-1, 1, {0xbfea84b95b0c1050u, 0xbfe0d818beb4840cu, 0x3fe34814b1cb9b7au, 0x3fc5089239de8600u}},
    {-0.05, 0.05, {0xbfa536faaf3cd9dau, 0xbf9af35acaba6ce0u, 0x3f9ed9bab612925cu, 0x3f80d3a82e4b9e68u}},
    {2, 2, {0x4000000000000000u, 0x4000000000000000u, 0x4000000000000000u, 0x4000000000000000u}},
    {1e-300, 1e+300, {0x7e005ecdf15c4ff9u, 0x7e16a18e63b5c7c3u, 0x7e3324c8ba2b821fu, 0x7e2bd148053b3fe0u}},
    {0.3333333333333333, 0.6666666666666666, {0x3fd729178c514fe5u, 0x3fda62a26b192951u, 0x3fe336ae1da1ef3eu, 0x3fe0e05b6d13f040u}},
};

enum { TAIL_AT = 5627 }; /* draws of seed 42 before its first from the tail */
static const uint64_t TAIL = 0xc0118e740dc1907au, TAIL_NEXT = 0x69cd8986af3568d1u;
static const uint64_t MILLION = 0x95a24454e0003315u; /* seed 2024 */
enum { MILLION_TAILS = 259, MILLION_POSITIVE_TAILS = 120 };
static const double MILLION_TAIL_SUM = 1008.5141054542;

static const uint64_t MIXED_FIRST[] = {
    0x0u, 0x3fdc16959869e47eu, 0x223u, 0x0u, 0x3fee191b2d157f36u, 0x181c01b533u, 0xbfa8f67449e4e2c0u, 0xdbcd12c2u,
};

static const uint64_t MIXED = 0x50f0ae10c4dd1505u, MIXED_AFTER = 0xa040da01a8fba342u;

static const permutation_golden PERMUTATIONS[] = {
    {0, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0xcbf29ce484222325u, 0xc621fbcd16d92688u},
    {1, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0xaf63bd4c8601b7dfu, 0xc621fbcd16d92688u},
    {2, {1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0x82f2207b4e88cc4u, 0x705a5661a791ffc1u},
    {3, {2, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 0xea9ca21875dc49e4u, 0x705a5661a791ffc1u},
    {10, {5, 6, 0, 7, 3, 2, 4, 9, 1, 8}, 0xda1cd7d376fc9894u, 0xc2da0d2fbc5a4471u},
    {1000, {978, 933, 859, 916, 127, 608, 856, 260, 147, 810}, 0xfc88430cbbf56cfu, 0x57e203cae176d28du},
    {60000, {3493, 57546, 8815, 19332, 15566, 22963, 21972, 22093, 1818, 46044}, 0x2ba30628a832f163u, 0x1637f542663de9fdu},
};

static const shuffle_golden SHUFFLES[] = {
    {0, 4, 0xcbf29ce484222325u, 0xdec8a6de6bea8721u},
    {1, 4, 0x3c7d3f7c2dc22194u, 0xdec8a6de6bea8721u},
    {2, 1, 0x831d507b4ea3fc4u, 0x496cda44f6070420u},
    {10, 3, 0x4182e98f37f47fecu, 0xea565a00ea4f1b6cu},
    {1000, 1, 0xdc90c6fd387a2f9eu, 0x8a0c15f373a2d3a8u},
    {1000, 7, 0xed20cdf630a23eb3u, 0x8a0c15f373a2d3a8u},
    {100, 255, 0x94fe37d80671bef0u, 0x9a40640950d9e1b9u},
    {100, 256, 0xd333554752f681f5u, 0x9a40640950d9e1b9u},
    {100, 257, 0x5b411251b8c8d896u, 0x9a40640950d9e1b9u},
    {50, 3072, 0x96b47d2630261145u, 0x206382a56ffd4ca3u},
    {60000, 4, 0xd8c528f13bca28f5u, 0xdc033e03932e9053u},
};

static const uint64_t TABLES[] = {0x7ea1a7e349ac15b9u, 0xd986c81d16602f41u, 0xf4029a20099d656u}; /* ki, wi, fi */
/* ---- golden: end ---- */
/* clang-format on */

/* ---- comparing ---- */

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void same(const char *what, size_t i, uint64_t got, uint64_t want) {
    if (got == want) return;
    print_error("%s[%zu] is 0x%016" PRIx64 ", NumPy's is 0x%016" PRIx64 "\n", what, i, got, want);
    fail();
}

static uint64_t bits(double x) {
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

/* The body of the bell needs no libm and must agree in every bit; the tail takes log1p from it: 4 units in the last place. */
static void same_normal(const char *what, size_t i, double got, uint64_t want) {
    double x;
    memcpy(&x, &want, sizeof x);
    if (fabs(x) <= ZIGGURAT_R || bits(got) - want + 4 > 8) same(what, i, bits(got), want);
}

/* FNV-1a over 64-bit words: any one wrong bit changes it. */
static const uint64_t EMPTY = 0xcbf29ce484222325u;

static uint64_t checksum(uint64_t sum, uint64_t value) { return (sum ^ value) * 0x100000001b3u; }

static rg_rng seeded(uint64_t seed) {
    rg_rng r;
    memset(&r, 0xa5, sizeof r); /* seeding must set every field */
    rg_rng_seed(&r, seed);
    return r;
}

/* ---- for each seed ---- */

static void seed_sequence(void **state) {
    const seed_golden *g = *state;
    const uint32_t entropy[2] = {(uint32_t)g->seed, (uint32_t)(g->seed >> 32)};
    uint32_t words[9];
    words[8] = 0xdeadbeefu;
    rg_rng_seed_state(entropy, 2, words, 8);
    for (size_t i = 0; i < 8; i++) same("words", i, words[i], g->words[i]);
    same("beyond the end", 8, words[8], 0xdeadbeefu);
}

static void pcg_state(void **state) {
    const seed_golden *g = *state;
    rg_rng r = seeded(g->seed);
    for (size_t i = 0; i < 2; i++) same("state", i, r.state[i], g->pcg[i]);
    for (size_t i = 0; i < 2; i++) same("inc", i, r.inc[i], g->pcg[2 + i]);
    assert_int_equal(r.has_spare, 0);
    assert_int_equal(r.spare, 0);
}

static void raw_bits(void **state) {
    const seed_golden *g = *state;
    rg_rng r = seeded(g->seed);
    for (size_t i = 0; i < 3; i++) same("next64", i, rg_rng_next64(&r), g->raw[i]);
    for (int i = 3; i < LATE; i++) rg_rng_next64(&r);
    same("next64", LATE, rg_rng_next64(&r), g->raw_late);
    r = seeded(g->seed);
    for (size_t i = 0; i < 5; i++) same("next32", i, rg_rng_next32(&r), g->halves[i]);
}

static void random_draws(void **state) {
    const seed_golden *g = *state;
    rg_rng r = seeded(g->seed);
    uint64_t sum = EMPTY;
    for (size_t i = 0; i < LATE; i++) {
        double u = rg_rng_random(&r);
        if (i < 3) same("random", i, bits(u), g->random[i]);
        sum = checksum(sum, bits(u));
    }
    same("sum of random", LATE, sum, g->random_sum);
    for (size_t i = 0; i < 3; i++) same("late random", i, bits(rg_rng_random(&r)), g->random_late[i]);
}

static void normal_draws(void **state) {
    const seed_golden *g = *state;
    rg_rng r = seeded(g->seed);
    uint64_t sum = EMPTY;
    int tails = 0;
    for (size_t i = 0; i < LATE; i++) {
        double z = rg_rng_standard_normal(&r);
        if (i < 3) same_normal("normal", i, z, g->normal[i]);
        if (fabs(z) > ZIGGURAT_R)
            tails++;
        else
            sum = checksum(sum, bits(z));
    }
    same("sum of normal", LATE, sum, g->normal_sum);
    assert_int_equal(tails, g->tails);
    for (size_t i = 0; i < 3; i++) same_normal("late normal", i, rg_rng_standard_normal(&r), g->normal_late[i]);
}

/* ---- seeding ---- */

static void long_entropy(void **state) {
    (void)state;
    for (size_t k = 0; k < COUNT(ENTROPIES); k++) {
        const entropy_golden *g = &ENTROPIES[k];
        uint32_t words[5];
        rg_rng r;
        rg_rng_seed_state(g->entropy, g->n, words, 5);
        for (size_t i = 0; i < 5; i++) same("words", i, words[i], g->words[i]);
        rg_rng_seed_words(&r, g->entropy, g->n);
        same("next64 of entropy", k, rg_rng_next64(&r), g->raw);
    }
}

static void short_entropy(void **state) {
    (void)state;
    const uint32_t zeros[4] = {0};
    rg_rng want = seeded(0), r;
    for (int n = -1; n <= 4; n++) { /* up to the size of the pool, zeros are what is missing */
        rg_rng_seed_words(&r, n > 0 ? zeros : NULL, n);
        assert_memory_equal(&r, &want, sizeof r);
    }
    const uint32_t five[2] = {5, 1};
    rg_rng_seed_words(&r, five, 2);
    want = seeded(((uint64_t)1 << 32) + 5);
    assert_memory_equal(&r, &want, sizeof r);
    uint32_t untouched = 3;
    rg_rng_seed_state(NULL, 0, &untouched, 0);
    rg_rng_seed_state(NULL, 0, &untouched, -1);
    assert_int_equal(untouched, 3);
}

static void spawned_children(void **state) {
    (void)state;
    for (uint32_t k = 0; k < COUNT(CHILDREN); k++) {
        const uint32_t entropy[5] = {5, 1, 0, 0, k};
        rg_rng r;
        rg_rng_seed_words(&r, entropy, 5);
        same("child", k, rg_rng_next64(&r), CHILDREN[k]);
    }
}

/* ---- integers ---- */

static void integers(void **state) {
    const integers_golden *g = *state;
    rg_rng r = seeded(42);
    uint64_t sum = EMPTY;
    for (size_t i = 0; i < 1000; i++) {
        int64_t x = rg_rng_integers(&r, g->low, g->high);
        assert_true(g->low <= x && x < g->high);
        if (i < 4) same("integers", i, (uint64_t)x, g->first[i]);
        sum = checksum(sum, (uint64_t)x);
    }
    same("sum of integers", 1000, sum, g->sum);
    same("after", 0, rg_rng_next64(&r), g->after);
    assert_int_equal(r.has_spare, g->has_spare);
    if (g->has_spare) same("spare", 0, rg_rng_next32(&r), g->spare);
}

static void bounded(void **state) {
    const bounded_golden *g = *state;
    rg_rng r = seeded(7);
    uint64_t sum = EMPTY;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = rg_rng_bounded(&r, g->max);
        assert_true(x <= g->max);
        sum = checksum(sum, x);
    }
    same("sum of bounded", 1000, sum, g->sum);
    same("after", 0, rg_rng_next64(&r), g->after);
}

static void integers_of_an_empty_range(void **state) {
    (void)state;
    rg_rng r = seeded(1), before = r;
    assert_true(rg_rng_integers(&r, 5, 5) == 5);
    assert_true(rg_rng_integers(&r, 5, -5) == 5);
    assert_true(rg_rng_integers(&r, INT64_MAX, INT64_MIN) == INT64_MAX);
    assert_true(rg_rng_integers(&r, INT64_MIN, INT64_MIN) == INT64_MIN);
    assert_true(rg_rng_integers(&r, INT64_MAX - 1, INT64_MAX) == INT64_MAX - 1);
    assert_memory_equal(&r, &before, sizeof r);
}

/* ---- floating point ---- */

static void normal_with_mean_and_std(void **state) {
    (void)state;
    for (size_t k = 0; k < COUNT(NORMALS); k++) {
        rg_rng r = seeded(3);
        for (size_t i = 0; i < 4; i++) same("normal", k, bits(rg_rng_normal(&r, NORMALS[k].a, NORMALS[k].b)), NORMALS[k].first[i]);
    }
}

static void uniform(void **state) {
    (void)state;
    for (size_t k = 0; k < COUNT(UNIFORMS); k++) {
        rg_rng r = seeded(3);
        for (size_t i = 0; i < 4; i++) same("uniform", k, bits(rg_rng_uniform(&r, UNIFORMS[k].a, UNIFORMS[k].b)), UNIFORMS[k].first[i]);
    }
}

static void bad_parameters_draw_all_the_same(void **state) {
    (void)state;
    rg_rng r = seeded(3), twin = seeded(3);
    double z = rg_rng_standard_normal(&twin), u = rg_rng_random(&twin);
    same("std < 0", 0, bits(rg_rng_normal(&r, 1, -2)), bits(1 - 2 * z));
    same("high < low", 0, bits(rg_rng_uniform(&r, 1, -1)), bits(1 - 2 * u));
    assert_true(isnan(rg_rng_normal(&r, NAN, 1)));
    assert_true(isinf(rg_rng_uniform(&r, 0, INFINITY)));
}

static void first_of_the_tail(void **state) {
    (void)state;
    rg_rng r = seeded(42);
    for (int i = 0; i < TAIL_AT; i++) assert_true(fabs(rg_rng_standard_normal(&r)) <= ZIGGURAT_R);
    double z = rg_rng_standard_normal(&r);
    assert_true(fabs(z) > ZIGGURAT_R);
    same_normal("tail", TAIL_AT, z, TAIL);
    same("after", 0, rg_rng_next64(&r), TAIL_NEXT);
}

static void a_million_normals(void **state) {
    (void)state;
    rg_rng r = seeded(2024);
    uint64_t sum = EMPTY;
    int tails = 0, positive = 0;
    double tail_sum = 0;
    for (int i = 0; i < 1000000; i++) {
        double z = rg_rng_standard_normal(&r);
        if (fabs(z) <= ZIGGURAT_R) {
            sum = checksum(sum, bits(z));
        } else {
            tails++;
            positive += z > 0;
            tail_sum += fabs(z);
        }
    }
    same("sum of normals", 1000000, sum, MILLION);
    assert_int_equal(tails, MILLION_TAILS);
    assert_int_equal(positive, MILLION_POSITIVE_TAILS);
    assert_true(fabs(tail_sum - MILLION_TAIL_SUM) < 1e-9);
}

static void ziggurat_tables(void **state) {
    (void)state;
    uint64_t ki = EMPTY, wi = EMPTY, fi = EMPTY;
    for (int i = 0; i < 256; i++) {
        ki = checksum(ki, ziggurat_ki[i]);
        wi = checksum(wi, bits(ziggurat_wi[i]));
        fi = checksum(fi, bits(ziggurat_fi[i]));
    }
    same("ki, wi, fi", 0, ki, TABLES[0]);
    same("ki, wi, fi", 1, wi, TABLES[1]);
    same("ki, wi, fi", 2, fi, TABLES[2]);
    same("R", 0, bits(ZIGGURAT_R), 0x400d3bb48209ad33u); /* 3.65415288536100879635 */
    same("1/R", 0, bits(ZIGGURAT_INV_R), 0x3fd183aa6c20e8c1u);
}

/* ---- one stream, many kinds of draw ---- */

static void mixed_draws(void **state) {
    (void)state;
    rg_rng r = seeded(42);
    uint64_t sum = EMPTY;
    for (int i = 0, seen = 0; i < 200; i++) {
        uint64_t draws[16];
        int64_t order[6];
        int n = 0, items = i % 7;
        draws[n++] = (uint64_t)rg_rng_integers(&r, 0, 10);
        draws[n++] = bits(rg_rng_random(&r));
        draws[n++] = (uint64_t)rg_rng_integers(&r, -1000, 1000);
        draws[n++] = (uint64_t)rg_rng_integers(&r, 0, i + 2);
        double z = rg_rng_standard_normal(&r);
        if (fabs(z) <= ZIGGURAT_R) draws[n++] = bits(z);
        draws[n++] = (uint64_t)rg_rng_integers(&r, 0, (int64_t)1 << 40);
        rg_rng_permutation(&r, items, order);
        for (int k = 0; k < items; k++) draws[n++] = (uint64_t)order[k];
        draws[n++] = bits(rg_rng_uniform(&r, -2, i));
        draws[n++] = (uint64_t)rg_rng_integers(&r, 0, (int64_t)1 << 32);
        for (int k = 0; k < n; k++, seen++) {
            if ((size_t)seen < COUNT(MIXED_FIRST)) same("mixed", (size_t)seen, draws[k], MIXED_FIRST[seen]);
            sum = checksum(sum, draws[k]);
        }
    }
    same("sum of mixed", 200, sum, MIXED);
    same("after", 0, rg_rng_next64(&r), MIXED_AFTER);
}

static void next64_leaves_the_spare_half(void **state) {
    (void)state;
    const seed_golden *g = &SEEDS[2];
    rg_rng r = seeded(g->seed);
    same("low half", 0, rg_rng_next32(&r), g->raw[0] & UINT32_MAX);
    same("next64", 1, rg_rng_next64(&r), g->raw[1]);
    same("high half", 0, rg_rng_next32(&r), g->raw[0] >> 32);
    same("low half", 2, rg_rng_next32(&r), g->raw[2] & UINT32_MAX);
}

static void a_copy_continues_alike(void **state) {
    (void)state;
    rg_rng r = seeded(42);
    for (int i = 0; i < 5; i++) rg_rng_next32(&r);
    assert_true(r.has_spare); /* a copy in the middle of a 64-bit draw */
    rg_rng copy = r;
    uint64_t first[40];
    for (int i = 0; i < 40; i++) first[i] = i % 2 ? bits(rg_rng_standard_normal(&r)) : rg_rng_next32(&r);
    for (size_t i = 0; i < 40; i++) same("copy", i, i % 2 ? bits(rg_rng_standard_normal(&copy)) : rg_rng_next32(&copy), first[i]);
    assert_memory_equal(&r, &copy, sizeof r);
}

static void seeding_again_starts_again(void **state) {
    (void)state;
    rg_rng r = seeded(0), fresh = seeded(0);
    rg_rng_next32(&r);
    rg_rng_standard_normal(&r);
    assert_memory_not_equal(&r, &fresh, sizeof r);
    rg_rng_seed(&r, 0);
    assert_memory_equal(&r, &fresh, sizeof r);
}

/* ---- order ---- */

static int64_t order[60000];
static unsigned char items[60000 * 4 + 1];

static void permutation(void **state) {
    const permutation_golden *g = *state;
    rg_rng r = seeded(42);
    uint64_t sum = EMPTY;
    rg_rng_permutation(&r, g->n, g->n ? order : NULL);
    for (int64_t i = 0; i < g->n; i++) {
        if (i < 10) same("permutation", (size_t)i, (uint64_t)order[i], (uint64_t)g->first[i]);
        sum = checksum(sum, (uint64_t)order[i]);
    }
    same("sum of permutation", (size_t)g->n, sum, g->sum);
    same("after", 0, rg_rng_next64(&r), g->after);
}

static void shuffle(void **state) {
    const shuffle_golden *g = *state;
    size_t bytes = (size_t)g->n * g->size;
    rg_rng r = seeded(9);
    uint64_t sum = EMPTY;
    assert_true(bytes < sizeof items);
    for (size_t i = 0; i < bytes; i++) items[i] = (unsigned char)((uint64_t)i * 2654435761u >> 7);
    items[bytes] = 0x5a;
    rg_rng_shuffle(&r, g->n ? items : NULL, g->n, g->size);
    for (size_t i = 0; i < bytes; i++) sum = checksum(sum, items[i]);
    same("sum of shuffled bytes", bytes, sum, g->sum);
    same("after", 0, rg_rng_next64(&r), g->after);
    same("beyond the end", bytes, items[bytes], 0x5a);
}

static void nothing_to_order(void **state) {
    (void)state;
    const int64_t counts[] = {0, -1, -60000, INT64_MIN};
    rg_rng r = seeded(1), before = r;
    for (size_t i = 0; i < COUNT(counts); i++) {
        rg_rng_permutation(&r, counts[i], NULL);
        rg_rng_shuffle(&r, NULL, counts[i], 4);
    }
    rg_rng_shuffle(&r, NULL, 10, 0); /* as NumPy: a matrix of 10 rows without columns */
    int one = 7;
    rg_rng_shuffle(&r, &one, 1, sizeof one);
    assert_int_equal(one, 7);
    assert_memory_equal(&r, &before, sizeof r);
}

/* clang-format off */
/* ---- the list: every golden row is a test of its own ---- */

#define ON(name, function, row) {name, function, NULL, NULL, (void *)(row)}
#define FOR_SEED(name, i) \
    ON("seed sequence of " name, seed_sequence, &SEEDS[i]), ON("pcg state of " name, pcg_state, &SEEDS[i]), \
    ON("raw bits of " name, raw_bits, &SEEDS[i]), ON("random of " name, random_draws, &SEEDS[i]), \
    ON("standard normal of " name, normal_draws, &SEEDS[i])

int main(void) {
    const struct CMUnitTest tests[] = {
        FOR_SEED("0", 0), FOR_SEED("1", 1), FOR_SEED("42", 2), FOR_SEED("2^32 + 5", 3), FOR_SEED("2^64 - 1", 4),
        cmocka_unit_test(long_entropy),
        cmocka_unit_test(short_entropy),
        cmocka_unit_test(spawned_children),
        ON("integers [0, 10)", integers, &INTEGERS[0]),
        ON("integers [-5, 5)", integers, &INTEGERS[1]),
        ON("integers [0, 2)", integers, &INTEGERS[2]),
        ON("integers [-3, 0)", integers, &INTEGERS[3]),
        ON("integers [0, 1): one value", integers, &INTEGERS[4]),
        ON("integers [7, 8): one value", integers, &INTEGERS[5]),
        ON("integers [0, 3 2^30): rejects often", integers, &INTEGERS[6]),
        ON("integers [-2^31, 2^31 - 1)", integers, &INTEGERS[7]),
        ON("integers [-2^31, 2^31): all of 32 bits", integers, &INTEGERS[8]),
        ON("integers [-2^31, 2^31 + 1): just beyond", integers, &INTEGERS[9]),
        ON("integers [0, 2^31 + 1): rejects most", integers, &INTEGERS[10]),
        ON("integers [0, 2^40)", integers, &INTEGERS[11]),
        ON("integers [-10^15, 10^15)", integers, &INTEGERS[12]),
        ON("integers [0, 3 2^61)", integers, &INTEGERS[13]),
        ON("integers [0, 2^63 - 1)", integers, &INTEGERS[14]),
        ON("integers [-2^62 - 1, 2^62): rejects most", integers, &INTEGERS[15]),
        ON("integers [-2^63, 2^63 - 1)", integers, &INTEGERS[16]),
        ON("integers [-2^63, -2^63 + 6)", integers, &INTEGERS[17]),
        ON("bounded by 0", bounded, &BOUNDED[0]),
        ON("bounded by 1", bounded, &BOUNDED[1]),
        ON("bounded by 2^32 - 2", bounded, &BOUNDED[2]),
        ON("bounded by 2^32 - 1", bounded, &BOUNDED[3]),
        ON("bounded by 2^32", bounded, &BOUNDED[4]),
        ON("bounded by 2^63", bounded, &BOUNDED[5]),
        ON("bounded by 2^64 - 2", bounded, &BOUNDED[6]),
        ON("bounded by 2^64 - 1", bounded, &BOUNDED[7]),
        cmocka_unit_test(integers_of_an_empty_range),
        cmocka_unit_test(normal_with_mean_and_std),
        cmocka_unit_test(uniform),
        cmocka_unit_test(bad_parameters_draw_all_the_same),
        cmocka_unit_test(first_of_the_tail),
        cmocka_unit_test(a_million_normals),
        cmocka_unit_test(ziggurat_tables),
        cmocka_unit_test(mixed_draws),
        cmocka_unit_test(next64_leaves_the_spare_half),
        cmocka_unit_test(a_copy_continues_alike),
        cmocka_unit_test(seeding_again_starts_again),
        ON("permutation of 0", permutation, &PERMUTATIONS[0]),
        ON("permutation of 1", permutation, &PERMUTATIONS[1]),
        ON("permutation of 2", permutation, &PERMUTATIONS[2]),
        ON("permutation of 3", permutation, &PERMUTATIONS[3]),
        ON("permutation of 10", permutation, &PERMUTATIONS[4]),
        ON("permutation of 1000", permutation, &PERMUTATIONS[5]),
        ON("permutation of 60000", permutation, &PERMUTATIONS[6]),
        ON("shuffle no items", shuffle, &SHUFFLES[0]),
        ON("shuffle 1 item", shuffle, &SHUFFLES[1]),
        ON("shuffle 2 bytes", shuffle, &SHUFFLES[2]),
        ON("shuffle 10 items of 3 bytes", shuffle, &SHUFFLES[3]),
        ON("shuffle 1000 bytes", shuffle, &SHUFFLES[4]),
        ON("shuffle 1000 items of 7 bytes", shuffle, &SHUFFLES[5]),
        ON("shuffle 100 items of 255 bytes", shuffle, &SHUFFLES[6]),
        ON("shuffle 100 items of 256 bytes", shuffle, &SHUFFLES[7]),
        ON("shuffle 100 items of 257 bytes", shuffle, &SHUFFLES[8]),
        ON("shuffle 50 rows of 3072 bytes", shuffle, &SHUFFLES[9]),
        ON("shuffle 60000 items of 4 bytes", shuffle, &SHUFFLES[10]),
        cmocka_unit_test(nothing_to_order),
    };
    /* clang-format on */
    _Static_assert(COUNT(SEEDS) == 5 && COUNT(INTEGERS) == 18 && COUNT(BOUNDED) == 8 && COUNT(PERMUTATIONS) == 7 && COUNT(SHUFFLES) == 11,
        "every golden row has its test");
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
