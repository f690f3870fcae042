#!/bin/sh
# How functions are called: compiles in each dialect without a warning; what would mean something else than it seems does not compile.
#   sh tests/tools/test_calls.sh BUILD-FOLDER        Prints TAP.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/support/tap.sh"
folders="-I $top -I $1"
source=$top/tests/tools/calls_compile.c
accepts() { "$@" -Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only $folders "$source"; }
for cc in gcc clang; do
    command -v $cc >/dev/null || { skip "C with $cc" "no $cc"; continue; }
    for std in c11 c17 c2x; do ok "$cc -std=$std" accepts $cc -std=$std; done
done
for cxx in g++ clang++; do
    command -v $cxx >/dev/null || { skip "C++ with $cxx" "no $cxx"; continue; }
    ok "$cxx -std=c++20" accepts $cxx -std=c++20 -x c++
done
refuses() { # refuses STATEMENT PATTERN: in C and in C++, with the pattern in what C's compiler says
    declared='void wrong(rg_tape *t, rg_tensor *x, void *v, long *l, float **p, rg_tensor **a)'
    used='(void)t, (void)x, (void)v, (void)l, (void)p, (void)a'
    { cat "$source" && printf '%s;\n%s { %s; %s; }\n' "$declared" "$declared" "$used" "$1"; } >"$tmp/wrong.c"
    for language in c c++; do
        case $language in c) cc=${CC:-cc} ;; *) cc=c++ ;; esac
        case $language in c) std=gnu11 ;; *) std=gnu++20 ;; esac
        command -v $cc >/dev/null || continue
        ! $cc -x $language -std=$std -Werror=incompatible-pointer-types -fsyntax-only $folders "$tmp/wrong.c" 2>"$tmp/said" || return
        [ $language = c++ ] || grep -q -- "$2" "$tmp/said" || return
    done
}
ok "two numbers are no operands" refuses 'rg_add(1, 2)' 'one operand must be a tensor'
ok "void * has no dtype" refuses 'rg_input(t, v, 2)' '_Generic\|generic'
ok "long has no dtype" refuses 'rg_input(t, l, 2)' '_Generic\|generic'
ok "pointers to pointers are no numbers" refuses 'rg_input(t, p, 2)' 'rg_pointer_to_pointers'
ok "a size is an integer" refuses 'rg_full(t, 2, 3, .5)' 'bit-complement\|unary expression'
ok "an axis is an integer" refuses 'rg_sum(x, .5)' 'bit-complement\|unary expression'
ok "an axis is no tensor" refuses 'rg_concat(x, x, 1)' 'bit-complement\|unary expression'
ok "an axis is no number with a fraction" refuses 'rg_flatten(x, 1.5)' 'bit-complement\|unary expression'
ok "an option of no such name" refuses 'rg_optim_sgd(t, rg_params(t), .lrr = 1)' 'lrr'
ok "an option of another function" refuses 'rg_matmul(x, x, .padding = {1})' 'padding'
ok "an array in place of tensors" refuses 'rg_stack(0, a)' 'rg_tensor'
ok "an array in place of inputs" refuses 'rg_nn_forward((rg_nn *)0, a)' 'rg_tensor'
ok "a name without quotes" refuses 'rg_nn_activation(t, leaky_relu)' 'leaky_relu'
done_testing
