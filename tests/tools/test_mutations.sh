#!/bin/sh
# Is the gradient check able to fail? Breaks one derivative after another in a copy of the sources: it must exit with 1 each
# time, name the operator, and exit with 0 again on the unbroken copy. Prints TAP.     sh tests/tools/test_mutations.sh
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/support/tap.sh"
copy=$tmp/copy
mkdir "$copy" &&
    (cd "$top" && tar cf - *.md meson.build meson_options.txt retrograd.h engine ops nn examples tools tests docs) |
    (cd "$copy" && tar xf -)
meson setup "$tmp/build" "$copy" --buildtype=plain -Dc_args=-O1 >"$tmp/setup.log" 2>&1 || { cat "$tmp/setup.log"; exit 1; }

check() {
    ninja -C "$tmp/build" tools/gradcheck >"$tmp/ninja.log" 2>&1 || { cat "$tmp/ninja.log"; return 2; }
    "$tmp/build/tools/gradcheck"
}
# mutant OP FILE SED-SCRIPT: the script must change something, the check must fail and name OP
mutant() {
    sed -i.whole "$3" "$copy/$2"
    changed=$(cmp -s "$copy/$2" "$copy/$2.whole" && echo no || echo yes)
    check >"$tmp/said" 2>&1
    status=$?
    mv "$copy/$2.whole" "$copy/$2" && touch "$copy/$2"
    named=$(grep -q "^ *$1: WRONG" "$tmp/said" && echo yes || echo no)
    ok "$1: $3" test "$changed $status $named" = "yes 1 yes"
}

ok "all derivatives are right" check
mutant tanh ops/elementwise.def '/^UNARY (tanh,/s/SUB(C(1)/ADD(C(1)/'
mutant relu ops/elementwise.def '/^UNARY (relu,/s/WHERE(EQ(Y, C(0)), C(0), DY)/DY/'
mutant sqrt ops/elementwise.def '/^UNARY (sqrt,/s/C(\.5)/C(.5025)/'
mutant div ops/elementwise.def '/^BINARY(div,/s/NEG(DIV(MUL(DY, Y), B))/DIV(MUL(DY, Y), B)/'
mutant mul ops/elementwise.def '/^BINARY_I32(mul,/s/MUL(DY, B), MUL(DY, A)/MUL(DY, A), MUL(DY, B)/'
mutant erf ops/elementwise.def '/^UNARY (erf,/s/1\.1283791670955126/1.128379/'
mutant logsumexp ops/softmax.c 's/rg_exp(rg_sub(/rg_exp(rg_add(/'
mutant matmul ops/matmul.c 's/rg_matmul(dy, a, .transpose_a = true, .transpose_b = ta)/rg_neg(&)/'
mutant mean ops/reduce.c 's|1 / n : 0|1.001 / n : 0|'
mutant sum_to engine/core_ops.c 's/dx\[0\] = rg_expand_at(y->at, dy,/dx[0] = rg_expand_at(y->at, rg_full_like_at(y->at, dy, 1),/'
mutant cross_entropy ops/cross_entropy.c 's/rg_sub(/rg_add(/'
done_testing
