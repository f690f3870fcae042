#!/bin/sh
# Does the check of random expressions find a broken operator, and shrink it to a program of that operator? Prints TAP.
#   sh tests/ops/test_random_graphs.sh build/tests/random_graphs
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/support/tap.sh"
graphs=$1

passes() { "$graphs" --count 300; }
finds() { # status 1, and a program of few operators, this one among them
    "$graphs" --break "$1" >"$tmp/$1.c"
    [ $? = 1 ] && grep -q "rg_op_find(\"$1\")" "$tmp/$1.c" && [ "$(grep -c rg_op_find "$tmp/$1.c")" -le 3 ]
}
compiles() { ${CC:-cc} -fsyntax-only -Werror -Wall -I "$top" -I "$(dirname "$graphs")/.." "$tmp/$1.c"; }
ok "300 random expressions" passes
for op in tanh matmul logsumexp slice; do
    ok "finds $op when it is broken" finds $op
    ok "its program compiles" compiles $op
done
done_testing
