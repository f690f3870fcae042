#!/bin/sh
# Operators outside of the library: rows of every kind (ops/row.h) and the guide's kernel op, compiled against an installed copy,
# checked by gradcheck --load, called with the caller's line. Prints TAP.     sh tests/ops/test_load.sh BUILD-FOLDER
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
. "$top/tests/support/tap.sh"
ok "it installs" installed "$build"
cd "$tmp" || exit 1
gradcheck=$build/tools/gradcheck

cat >rows.c <<'EOF'
#include <retrograd.h>
#define X 3
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define RG_ROW \
    UNARY(bell, "e^(-x^2)", R(exp)(-x * x), MUL(DY, MUL(C(-2), MUL(X, Y))), SMOOTH, -2, 2) \
    UNARY(my_relu, "max(x, 0)", x < 0 ? C(0) : x, WHERE(EQ(Y, C(0)), C(0), DY), KINK(x > 0), -2, 2) \
    UNARYP(my_power, "x^p", POWER(x, p_), MUL(DY, MUL(C(p), POWER(X, p_ - 1))), SMOOTH, .3, 2, 2.5) \
    UNARYPQ(my_clamp, "min(max(x, p), q)", x > q ? q : x < p ? p : x, WHERE(OR(LT(X, C(p)), GT(X, C(q))), C(0), DY), \
        KINK((x > p) + (x > q)), -2, 2, -.75, 1.25) \
    UNARY_STEP(my_sign, "(x > 0) - (x < 0)", C((x > 0) - (x < 0)), -2, 2)
#include <retrograd/ops/row.h>
#define RG_ROW \
    BINARY(hypotenuse, "(a^2 + b^2)^(1/2)", R(sqrt)(a * a + b * b), DIV(MUL(DY, A), Y), DIV(MUL(DY, B), Y), COSTLY, SMOOTH, .5, 2)
#include <retrograd/ops/row.h>
#define RG_ROW BINARY_STEP(my_gt, "a > b", C(a > b), -2, 2)
#include <retrograd/ops/row.h>
_Static_assert(X == 3 && MAX(X, 2) == 3, "macros are what they were");
EOF
for cc in gcc clang; do
    command -v $cc >/dev/null || { skip "rows with $cc" "no $cc"; continue; }
    for std in c11 gnu17 c2x; do
        ok "$cc -std=$std compiles every kind of row without a warning" \
            $cc -std=$std -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wmissing-prototypes -Werror \
            -shared -fPIC rows.c -o rows-$cc.so $(flags)
    done
done
shared() { cc -shared -fPIC "$1.c" -o "$1.so" $(flags); }
ok "and the command of the README" shared rows

passes() { # passes OP.. -- OPTION..: gradcheck passes, and has these operators alone
    : >wanted
    while [ "$1" != -- ]; do echo "$1" >>wanted && shift; done
    shift
    "$gradcheck" "$@" >printed 2>&1 || { cat printed; return 1; }
    sed -n '/order 1$/,/^order 1:/p' printed | awk '$NF == "passed" || /no derivative$/ { print $1 }' | diff wanted -
}
rows="bell hypotenuse my_clamp my_gt my_power my_relu my_sign"
ok "they pass" passes $rows -- --load ./rows.so
ok "beside what else an operator does: 7 lines of it" test "$(sed -n '/refusals/,$p' printed | grep -c ' passed$')" = 7
ok "a name without a folder is of this one" passes $rows -- --load rows.so
ok "one of them alone" passes bell -- --load rows.so --op bell
for cc in gcc clang; do [ ! -f rows-$cc.so ] || ok "those of $cc" passes $rows -- --load rows-$cc.so; done

# -------- what is wrong is found
row() { printf '#include <retrograd.h>\n#define RG_ROW %s\n#include <retrograd/ops/row.h>\n' "$2" >"$1.c" && shared "$1"; }
wrong() { both 1 "$2" "$gradcheck" --load "./$1.so"; }
ok "a row with a wrong derivative compiles" row slope 'UNARY(slope, "x^2", x * x, MUL(DY, X), SMOOTH, -2, 2)'
ok "and fails" wrong slope '^slope .* WRONG$'
op() { # op NAME FORWARD REFUSALS
    cat >"$1.c" <<EOF && shared "$1"
#include <retrograd.h>
#include <retrograd/ops/rule.h>
RG_REAL(int, forward, (rg_tensor *y), {
    const real *x = y->in[0]->data;
    for (int64_t i = 0; i < y->numel; i++) ((real *)y->data)[i] = $2;
    return 0;
})
static void backward(rg_tensor *y, rg_tensor *dy, rg_tensor **dx) { dx[0] = rg_mul_scalar(dy, 3); (void)y; }
RG_OP($1) = {.name = "$1", .formula = "3 x", .arity = 1, .forward = RG_BY_DTYPE(forward), .backward = backward,
    .samples = "5,20; 17; 1,1; -; 0,3", .refuses = "$3"};
EOF
}
ok "a kernel op" op three "3 * x[i]" "2:i32"
ok "passes" passes three -- --load three.so
ok "beside rows, each from its own object" passes $rows three -- --load rows.so --load three.so
ok "one whose f32 is another" op single "(sizeof(real) == 4 ? 2 : 3) * x[i]" "2:i32"
ok "fails" wrong single 'single: sample "5,20": f32 differs from f64 by'
ok "one that takes what it should refuse" op lax "3 * x[i]" "2:i32; 2"
ok "fails too" wrong lax 'lax: sample "2": f32: it is not refused'

# -------- what cannot be loaded
refused() { both 2 "$2" "$gradcheck" --load "$1"; }
ok "no file" refused ./none.so 'gradcheck: --load ./none.so: .*No such file'
echo "no object" >text.so
ok "no object" refused ./text.so 'gradcheck: --load ./text.so: ./text.so: '
echo 'int nothing;' >empty.c
ok "an object without an operator" shared empty
ok "is refused" refused ./empty.so 'empty.so: it registers no operator'
ok "an operator of a name that is taken" row taken 'UNARY(tanh, "x", x, DY, SMOOTH, -2, 2)'
ok "is refused" refused ./taken.so 'taken.so: it registers no operator: it has none, or their names are taken'
echo '#include <retrograd/ops/row.h>' >none.c
ok "row.h without a row says what is missing" both 1 'define RG_ROW' cc -fsyntax-only none.c $(flags)

# -------- linked into a program
cat >bell.h <<'EOF'
#ifdef __cplusplus
extern "C"
#endif
rg_tensor *rg_bell_at(const char *at, rg_tensor *x);
#define rg_bell(x) rg_bell_at(RG_AT, x)
EOF
cat >main.c <<'EOF'
#include <retrograd.h>
#include "bell.h"
int main(void) {
    rg_tape *t = rg_tape_new(1);
    int32_t labels[2] = {0, 1};
    printf("%.4f ", rg_item(rg_bell(rg_full(t, .5, 1))));
    printf("%.4f\n", rg_item(rg_nn_forward(rg_nn_activation(t, "bell"), rg_full(t, 1, 1))));
    rg_bell(rg_input(t, labels, 2));
    rg_tape_free(t);
    return 0;
}
EOF
program() {
    cc -c rows.c -o rows.o $(flags) && $1 -x $2 -Wall -Werror -c main.c -o main.o $(flags) &&
        $1 main.o rows.o -o main $(flags) -lm && ./main >printed 2>said && cat said >>printed || return
    printf '0.7788 0.3679\nretrograd: bell: [2] i32: operand 1 must be a float, not i32; rg_cast converts (main.c:8)\n' | diff - printed
}
ok "a program calls it, and messages name its line" program cc c
ok "so does one in C++" program c++ c++

# -------- the kernel op of the guide
awk '
    /^## / { here = $0 == "## An operator with a kernel" }
    here && /^```c$/ { on = 1; next }
    /^```/ { on = 0 }
    on' "$top/docs/guide.md" >rope.c
ok "the guide's kernel op compiles" cc -Wall -Wextra -Werror -shared -fPIC rope.c -o rope.so $(flags)
ok "and passes" passes rope -- --load rope.so
done_testing
