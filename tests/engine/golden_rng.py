"""Prints the golden values of test_rng.c, made with NumPy 1.24; with --tables it prints engine/random/ziggurat.h instead.

    python3 tests/engine/golden_rng.py             # the block between the "golden" marks in tests/engine/test_rng.c
    python3 tests/engine/golden_rng.py --tables    # read out of NumPy's own libnpyrandom.a (needs nm and objcopy)
"""
import os
import subprocess
import sys
import tempfile
import textwrap

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence, default_rng

SEEDS = [0, 1, 42, 2**32 + 5, 2**64 - 1]
LATE = 100_000  # draws before the "late" values: by then every path of the ziggurat was taken
R = float.fromhex("0x1.d3bb48209ad33p+1")  # the tail begins here
M64 = 2**64 - 1


# ---- writing C ----

def bits(x):
    return [int(b) for b in np.atleast_1d(np.asarray(x, dtype=np.float64)).view(np.uint64)]


def words(x):
    return [int(v) & M64 for v in np.asarray(x).ravel().tolist()]


def checksum(values):
    """FNV-1a over 64-bit words: any one wrong bit changes it."""
    h = 0xCBF29CE484222325
    for v in values:
        h = ((h ^ v) * 0x100000001B3) & M64
    return h


def body(x):
    """Normals outside the tail: those that depend on no libm."""
    return x[np.abs(x) <= R]


def braces(values):
    return "{" + ", ".join(f"0x{v:x}u" for v in values) + "}"


def define(declaration, rows):
    print(f"static const {declaration} = {{")
    for row in rows:
        print(textwrap.fill(row + ",", 140, initial_indent="    ", subsequent_indent="     "))
    print("};\n")


def late(seed, method):
    rng = default_rng(seed)
    x = getattr(rng, method)(LATE)
    scalar = default_rng(seed)
    assert all(getattr(scalar, method)() == v for v in x[:20_000])  # one call and an array agree
    return x, getattr(rng, method)(3)


# ---- what each table holds ----

def seeds():
    rows = []
    for seed in SEEDS:
        rng = PCG64(seed)
        state = rng.state["state"]
        pcg = [state["state"] >> 64, state["state"] & M64, state["inc"] >> 64, state["inc"] & M64]
        raw = PCG64(seed).random_raw(LATE + 1).tolist()
        next32 = rng.ctypes.next_uint32
        halves = [int(next32(rng.ctypes.state)) for _ in range(5)]
        u, u_late = late(seed, "random")
        z, z_late = late(seed, "standard_normal")
        rows.append("{" + f"0x{seed:x}u, {braces(SeedSequence(seed).generate_state(8).tolist())}, {braces(pcg)}, "
                    f"{braces(raw[:3])}, 0x{raw[-1]:x}u, {braces(halves)}, "
                    f"{braces(bits(u[:3]))}, {braces(bits(u_late))}, 0x{checksum(bits(u)):x}u, "
                    f"{braces(bits(z[:3]))}, {braces(bits(z_late))}, 0x{checksum(bits(body(z))):x}u, {z.size - body(z).size}" + "}")
    define("seed_golden SEEDS[]", rows)


def entropies():
    rows = []
    for entropy in ([7], [1, 2, 3], [1, 2, 3, 4], [5, 4, 3, 2, 1], [2**32 - 1 - i for i in range(12)]):
        raw = default_rng(SeedSequence(entropy)).bit_generator.random_raw()
        assert default_rng(entropy).bit_generator.random_raw() == raw
        state = SeedSequence(entropy).generate_state(5).tolist()
        rows.append("{" + f"{len(entropy)}, {braces(entropy)}, {braces(state)}, 0x{raw:x}u" + "}")
    define("entropy_golden ENTROPIES[]", rows)
    children = [default_rng(s).bit_generator.random_raw() for s in SeedSequence(2**32 + 5).spawn(3)]
    print(f"static const uint64_t CHILDREN[] = {braces(children)};\n")


def draw_integers(low, high):
    """1000 of [low, high), once as an array and once by one; what the next 64 bits are, and whether half a draw is left over."""
    rng, scalar = default_rng(42), default_rng(42)
    x = rng.integers(low, high, size=1000)
    assert [int(scalar.integers(low, high)) for _ in range(1000)] == x.tolist()
    if -2**31 <= low and high <= 2**31:
        assert default_rng(42).integers(low, high, size=1000, dtype=np.int32).tolist() == x.tolist()
    state = rng.bit_generator.state
    assert state == scalar.bit_generator.state
    return x, rng.bit_generator.random_raw(), state["has_uint32"], state["uinteger"] if state["has_uint32"] else 0


def integers():
    t = 2**31
    ranges = [(0, 10), (-5, 5), (0, 2), (-3, 0), (0, 1), (7, 8), (0, 3 * 2**30), (-t, t - 1), (-t, t), (-t, t + 1), (0, t + 1), (0, 2**40),
              (-10**15, 10**15), (0, 3 * 2**61), (0, 2**63 - 1), (-2**62 - 1, 2**62), (-2**63, 2**63 - 1), (-2**63, -2**63 + 6)]
    rows = []
    for low, high in ranges:
        x, after, has, spare = draw_integers(low, high)
        name = "INT64_MIN" if low == -2**63 else str(low)
        rows.append("{" + f"{name}, {high}, {braces(words(x[:4]))}, 0x{checksum(words(x)):x}u, 0x{after:x}u, {has}, 0x{spare:x}u" + "}")
    define("integers_golden INTEGERS[]", rows)
    rows = []
    for top in (0, 1, 2**32 - 2, 2**32 - 1, 2**32, 2**63, M64 - 1, M64):
        rng = default_rng(7)
        x = rng.integers(0, top, size=1000, dtype=np.uint64, endpoint=True)
        rows.append("{" + f"0x{top:x}u, 0x{checksum(words(x)):x}u, 0x{rng.bit_generator.random_raw():x}u" + "}")
    define("bounded_golden BOUNDED[]", rows)


def floats():
    rows = []
    for mean, std in ((0, 1), (1.5, 0.1), (-3, 2.75), (0.3, 0.7), (1e-3, 1 / 3), (-2.2, 0.9), (1e300, 1e290), (0.1, 0)):
        rows.append("{" + f"{mean!r}, {std!r}, {braces(bits(default_rng(3).normal(mean, std, 4)))}" + "}")
    define("affine_golden NORMALS[]", rows)
    rows = []
    for low, high in ((0, 1), (-1, 1), (-0.05, 0.05), (2, 2), (1e-300, 1e300), (1 / 3, 2 / 3)):
        x = default_rng(3).uniform(low, high, 4)
        scalar = default_rng(3)
        assert [scalar.uniform(low, high) for _ in range(4)] == x.tolist()
        rows.append("{" + f"{low!r}, {high!r}, {braces(bits(x))}" + "}")
    define("affine_golden UNIFORMS[]", rows)

    rng = default_rng(42)
    seen = 0
    while abs(z := rng.standard_normal()) <= R:
        seen += 1
    print(f"enum {{ TAIL_AT = {seen} }}; /* draws of seed 42 before its first from the tail */")
    print(f"static const uint64_t TAIL = 0x{bits(z)[0]:x}u, TAIL_NEXT = 0x{rng.bit_generator.random_raw():x}u;")
    z = default_rng(2024).standard_normal(1_000_000)
    tails = z[np.abs(z) > R]
    print(f"static const uint64_t MILLION = 0x{checksum(bits(body(z))):x}u; /* seed 2024 */")
    print(f"enum {{ MILLION_TAILS = {tails.size}, MILLION_POSITIVE_TAILS = {int((tails > 0).sum())} }};")
    print(f"static const double MILLION_TAIL_SUM = {np.abs(tails).sum()!r};\n")


def mixed():
    """Every kind of draw in turn, so that half-used draws are carried over the others."""
    rng = default_rng(42)
    seen = []
    for i in range(200):
        seen += words([rng.integers(0, 10)]) + bits(rng.random()) + words([rng.integers(-1000, 1000)])
        seen += words([rng.integers(0, i + 2)]) + bits(body(rng.standard_normal(1))) + words([rng.integers(0, 2**40)])
        seen += words(rng.permutation(i % 7)) + bits(rng.uniform(-2, i)) + words([rng.integers(0, 2**32)])
    define("uint64_t MIXED_FIRST[]", [", ".join(f"0x{v:x}u" for v in seen[:8])])
    print(f"static const uint64_t MIXED = 0x{checksum(seen):x}u, MIXED_AFTER = 0x{rng.bit_generator.random_raw():x}u;\n")


def order():
    rows = []
    for n in (0, 1, 2, 3, 10, 1000, 60000):
        rng = default_rng(42)
        x = rng.permutation(n)
        first = words(x[:10]) + [0] * (10 - min(n, 10))
        rows.append("{" + f"{n}, {{{', '.join(map(str, first))}}}, 0x{checksum(words(x)):x}u, 0x{rng.bit_generator.random_raw():x}u" + "}")
    define("permutation_golden PERMUTATIONS[]", rows)
    rows = []
    for n, size in ((0, 4), (1, 4), (2, 1), (10, 3), (1000, 1), (1000, 7), (100, 255), (100, 256), (100, 257), (50, 3072), (60000, 4)):
        items = (np.arange(n * size) * 2654435761 >> 7).astype(np.uint8).reshape(n, size)
        lumps = np.ascontiguousarray(items).view(f"V{size}").reshape(n)  # the same bytes as an array of one axis: NumPy's other path
        lumps = lumps.copy()
        rng, other = default_rng(9), default_rng(9)
        rng.shuffle(items)
        other.shuffle(lumps)
        assert lumps.tobytes() == items.tobytes() and rng.bit_generator.state == other.bit_generator.state
        rows.append("{" + f"{n}, {size}, 0x{checksum(items.ravel().tolist()):x}u, 0x{rng.bit_generator.random_raw():x}u" + "}")
    define("shuffle_golden SHUFFLES[]", rows)


# ---- the ziggurat's tables ----

def ziggurat():
    """The tables as NumPy's library carries them, in its .rodata: 256 doubles or 64-bit integers each."""
    library = os.path.join(os.path.dirname(np.random.__file__), "lib", "libnpyrandom.a")
    symbols = subprocess.run(["nm", library], capture_output=True, text=True, check=True).stdout
    member = next(line.split()[-1][:-1] for line in symbols.splitlines() if line.endswith("distributions.o:") and "/" not in line)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["ar", "x", library, member], cwd=folder, check=True)
        subprocess.run(["objcopy", "-O", "binary", "-j", ".rodata", member, "rodata"], cwd=folder, check=True)
        with open(os.path.join(folder, "rodata"), "rb") as file:
            rodata = file.read()
    at = {line.split()[2]: int(line.split()[0], 16) for line in symbols.splitlines() if line.endswith("i_double")}
    ki, wi, fi = (rodata[at[name]:at[name] + 2048] for name in ("ki_double", "wi_double", "fi_double"))
    return np.frombuffer(ki, np.uint64), np.frombuffer(wi, np.float64), np.frombuffer(fi, np.float64)


def table_checksum():
    ki, wi, fi = ziggurat()
    sums = [checksum(words(ki)), checksum(bits(wi)), checksum(bits(fi))]
    print(f"static const uint64_t TABLES[] = {braces(sums)}; /* ki, wi, fi */")


def hexfloat(x):
    mantissa, exponent = float(x).hex().split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent.replace("+", "")


HEADER = """\
/* ziggurat.h - the tables of the normal distribution's ziggurat: 256 strips of equal area under exp(-x^2/2), strip 0 with the tail.
   ki: a place below this is wholly under the curve; wi: x per place, of 2^52; fi: exp(-x^2/2) at the strip's end; R: where the tail begins.
   Included by rng.c alone. Made by tests/engine/golden_rng.py --tables out of NumPy's library, bit for bit.

   Copyright (c) 2005-2022, NumPy Developers. All rights reserved.

   Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions
   are met: * Redistributions of source code must retain the above copyright notice, this list of conditions and the following disclaimer.
   * Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following disclaimer in the
   documentation and/or other materials provided with the distribution. * Neither the name of the NumPy Developers nor the names of any
   contributors may be used to endorse or promote products derived from this software without specific prior written permission.

   THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT
   LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE
   COPYRIGHT OWNER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING,
   BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED
   AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT
   OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE. */
/* clang-format off */
#ifndef RG_ENGINE_ZIGGURAT_H
#define RG_ENGINE_ZIGGURAT_H

#include <stdint.h>

#define ZIGGURAT_R 0x1.d3bb48209ad33p1
#define ZIGGURAT_INV_R 0x1.183aa6c20e8c1p-2
"""


def tables():
    print(HEADER)
    ki, wi, fi = ziggurat()
    for name, kind, cells in (("ki", "uint64_t", [f"0x{int(k):x}" for k in ki]), ("wi", "double", map(hexfloat, wi)),
                              ("fi", "double", map(hexfloat, fi))):
        print(f"static const {kind} ziggurat_{name}[256] = {{")
        line = "   "
        for cell in cells:
            if len(line) + len(cell) + 2 > 140:
                print(line)
                line = "   "
            line += f" {cell},"
        print(line + "\n};\n")
    print("#endif")


def main():
    if sys.argv[1:] == ["--tables"]:
        tables()
        return
    for section in (seeds, entropies, integers, floats, mixed, order, table_checksum):
        section()


if __name__ == "__main__":
    main()
