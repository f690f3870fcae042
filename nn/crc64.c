/* crc64.c - the checksum CRC-64/XZ. Every error of up to 64 bits in a row is found.
   Source: ECMA-182, reflected; "123456789" has 995dc9bbdf1939fa. */
#include "file.h"

/* A checksum is linear: the table's entry of a byte is the sum of those of its bits. */
#define BIT(b, k, entry) ((b) >> (k) & 1 ? entry : 0)
#define T1(b)                                                                                                      \
    (BIT(b, 0, 0xb32e4cbe03a75f6fu) ^ BIT(b, 1, 0xf4843657a840a05bu) ^ BIT(b, 2, 0x7bd0c384ff8f5e33u) ^ \
        BIT(b, 3, 0xf7a18709ff1ebc66u) ^ BIT(b, 4, 0x7d9ba13851336649u) ^ BIT(b, 5, 0xfb374270a266cc92u) ^ \
        BIT(b, 6, 0x64b62bcaebc387a1u) ^ BIT(b, 7, 0xc96c5795d7870f42u))
#define T4(b) T1(b), T1(b + 1), T1(b + 2), T1(b + 3)
#define T16(b) T4(b), T4(b + 4), T4(b + 8), T4(b + 12)
#define T64(b) T16(b), T16(b + 16), T16(b + 32), T16(b + 48)
static const uint64_t table[256] = {T64(0), T64(64), T64(128), T64(192)};

uint64_t rg_crc64(uint64_t crc, const void *from, uint64_t n) {
    const unsigned char *c = from;
    crc = ~crc;
    for (uint64_t i = 0; i < n; i++) crc = crc >> 8 ^ table[(crc ^ c[i]) & 255];
    return ~crc;
}
