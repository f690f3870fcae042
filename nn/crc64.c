/* crc64.c - the checksum CRC-64/XZ, eight bytes at a time. Every error of up to 64 bits in a row is found.
   Source: ECMA-182, reflected; "123456789" has 995dc9bbdf1939fa. */
#include "file.h"

#include <string.h>

static uint64_t table[8][256]; /* table[k][b]: of the byte b with k zeros behind it */

__attribute__((constructor)) static void fill_table(void) {
    for (uint64_t b = 0; b < 256; b++) {
        uint64_t crc = b;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xc96c5795d7870f42u : 0);
        table[0][b] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++) table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
}

uint64_t rg_crc64(uint64_t crc, const void *from, uint64_t n) {
    const unsigned char *c = from;
    crc = ~crc;
    for (; n >= 8; c += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, c, 8); /* little-endian: npy.h */
        word ^= crc;
        crc = table[7][word & 255] ^ table[6][word >> 8 & 255] ^ table[5][word >> 16 & 255] ^ table[4][word >> 24 & 255] ^ table[3][word >> 32 & 255] ^
            table[2][word >> 40 & 255] ^ table[1][word >> 48 & 255] ^ table[0][word >> 56];
    }
    for (; n > 0; c++, n--) crc = crc >> 8 ^ table[0][(crc ^ *c) & 255];
    return ~crc;
}
