/* crc.c - the checksums CRC-64/XZ and CRC-32, eight bytes at a time. Every error of up to 64 (32) bits in a row is found.
   Sources: ECMA-182, reflected; "123456789" has 995dc9bbdf1939fa. ISO 3309, zip's; "123456789" has cbf43926. */
#include "file.h"

#include <string.h>

/* table[k][b] is the checksum of the byte b and k zero bytes. Checksums are linear: it is the sum of those of the byte's bits, c0 to c7. */
#define BIT(b, k, c) ((b) >> (k) & 1 ? c : 0)
#define T1(b, c0, c1, c2, c3, c4, c5, c6, c7) \
    (BIT(b, 0, c0) ^ BIT(b, 1, c1) ^ BIT(b, 2, c2) ^ BIT(b, 3, c3) ^ BIT(b, 4, c4) ^ BIT(b, 5, c5) ^ BIT(b, 6, c6) ^ BIT(b, 7, c7))
#define T4(b, ...) T1(b, __VA_ARGS__), T1(b + 1, __VA_ARGS__), T1(b + 2, __VA_ARGS__), T1(b + 3, __VA_ARGS__)
#define T16(b, ...) T4(b, __VA_ARGS__), T4(b + 4, __VA_ARGS__), T4(b + 8, __VA_ARGS__), T4(b + 12, __VA_ARGS__)
#define T64(b, ...) T16(b, __VA_ARGS__), T16(b + 16, __VA_ARGS__), T16(b + 32, __VA_ARGS__), T16(b + 48, __VA_ARGS__)
#define ROW(...) {T64(0, __VA_ARGS__), T64(64, __VA_ARGS__), T64(128, __VA_ARGS__), T64(192, __VA_ARGS__)}
static const uint64_t table64[8][256] = {
    ROW(0xb32e4cbe03a75f6fu, 0xf4843657a840a05bu, 0x7bd0c384ff8f5e33u, 0xf7a18709ff1ebc66u,
        0x7d9ba13851336649u, 0xfb374270a266cc92u, 0x64b62bcaebc387a1u, 0xc96c5795d7870f42u),
    ROW(0x54e979925cd0f10du, 0xa9d2f324b9a1e21au, 0xc17d4962dc4ddab1u, 0x10223dee1795abe7u,
        0x20447bdc2f2b57ceu, 0x4088f7b85e56af9cu, 0x8111ef70bcad5f38u, 0x90fb71cad654a0f5u),
    ROW(0x3f0be14a916a6dcbu, 0x7e17c29522d4db96u, 0xfc2f852a45a9b72cu, 0x6a87a57f245d70ddu,
        0xd50f4afe48bae1bau, 0x38c63ad73e7bddf1u, 0x718c75ae7cf7bbe2u, 0xe318eb5cf9ef77c4u),
    ROW(0x1dee8a5e222ca1dcu, 0x3bdd14bc445943b8u, 0x77ba297888b28770u, 0xef7452f111650ee0u,
        0x4c300ac98dc40345u, 0x986015931b88068au, 0xa218840d981e1391u, 0xd6e9a7309f3239a7u),
    ROW(0x5c2d776033c4205eu, 0xb85aeec0678840bcu, 0xe26d72ab601e9ffdu, 0x56024a7d6f33217fu,
        0xac0494fade6642feu, 0xcad186de13c29b79u, 0x077ba297888b2877u, 0x0ef7452f111650eeu),
    ROW(0x6184d55f721267c6u, 0xc309aabee424cf8cu, 0x14cbfa566747819du, 0x2997f4acce8f033au,
        0x532fe9599d1e0674u, 0xa65fd2b33a3c0ce8u, 0xde670a4ddb760755u, 0x2e16bbb019e2102fu),
    ROW(0x22ef0d5934f964ecu, 0x45de1ab269f2c9d8u, 0x8bbc3564d3e593b0u, 0x85a0c5e208c539e5u,
        0x999924efbe846d4fu, 0xa1eae6f4d206c41bu, 0xd10d62c20b0396b3u, 0x30c26aafb90933e3u),
    ROW(0xdabe95afc7875f40u, 0x27a584742000a005u, 0x4f4b08e84001400au, 0x9e9611d080028014u,
        0xaff48c8aaf0b1eadu, 0xcd31b63ef11823dfu, 0x08bbc3564d3e593bu, 0x117786ac9a7cb276u),
};

static const uint32_t table32[8][256] = {
    ROW(0x77073096u, 0xee0e612cu, 0x076dc419u, 0x0edb8832u, 0x1db71064u, 0x3b6e20c8u, 0x76dc4190u, 0xedb88320u),
    ROW(0x191b3141u, 0x32366282u, 0x646cc504u, 0xc8d98a08u, 0x4ac21251u, 0x958424a2u, 0xf0794f05u, 0x3b83984bu),
    ROW(0x01c26a37u, 0x0384d46eu, 0x0709a8dcu, 0x0e1351b8u, 0x1c26a370u, 0x384d46e0u, 0x709a8dc0u, 0xe1351b80u),
    ROW(0xb8bc6765u, 0xaa09c88bu, 0x8f629757u, 0xc5b428efu, 0x5019579fu, 0xa032af3eu, 0x9b14583du, 0xed59b63bu),
    ROW(0x3d6029b0u, 0x7ac05360u, 0xf580a6c0u, 0x30704bc1u, 0x60e09782u, 0xc1c12f04u, 0x58f35849u, 0xb1e6b092u),
    ROW(0xcb5cd3a5u, 0x4dc8a10bu, 0x9b914216u, 0xec53826du, 0x03d6029bu, 0x07ac0536u, 0x0f580a6cu, 0x1eb014d8u),
    ROW(0xa6770bb4u, 0x979f1129u, 0xf44f2413u, 0x33ef4e67u, 0x67de9cceu, 0xcfbd399cu, 0x440b7579u, 0x8816eaf2u),
    ROW(0xccaa009eu, 0x4225077du, 0x844a0efau, 0xd3e51bb5u, 0x7cbb312bu, 0xf9766256u, 0x299dc2edu, 0x533b85dau),
};

/* The words are little-endian, as npy.h asserts. */
#define CRC(name, type, table)                                                                  \
    type name(type crc, const void *from, uint64_t n) {                                         \
        const unsigned char *c = from;                                                          \
        crc = ~crc;                                                                             \
        for (; n >= 8; c += 8, n -= 8) {                                                        \
            uint64_t word;                                                                      \
            memcpy(&word, c, 8);                                                                \
            word ^= crc;                                                                        \
            crc = 0;                                                                            \
            for (int k = 0; k < 8; k++) crc ^= table[7 - k][word >> 8 * k & 255];               \
        }                                                                                       \
        for (; n > 0; c++, n--) crc = crc >> 8 ^ table[0][(crc ^ *c) & 255];                    \
        return ~crc;                                                                            \
    }
CRC(rg_crc64, uint64_t, table64)
CRC(rg_crc32, uint32_t, table32)
