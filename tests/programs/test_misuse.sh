#!/bin/sh
# test_misuse.sh SOURCE BUILD: calls that must not compile, each beside one like it that does.
. "${0%/*}/../support/tap.sh"
source=$1 build=$2

compiles() { # CODE
    printf '#include "retrograd.h"\nint main(void) { %s; %s; %s; return 0; }\n' \
        'rg_tape *t = rg_tape_new(1)' 'rg_tensor *x = rg_full(t, 1, 2), *list[] = {x, x}; (void)list' "$1" |
        ${CC:-cc} -std=gnu11 -w -fsyntax-only -I"$source" -I"$build" -x c - 2>/dev/null
}
pair() { # NAME GOOD BAD
    ok "$1: $2" compiles "$2"
    ok "$1: not $3" test "$(compiles "$3" && echo yes || echo no)" = no
}

pair stack 'rg_stack(0, x, x)' 'rg_stack(0, list)'
pair concat 'rg_concat(0, x)' 'rg_concat(0, list)'
pair einsum 'rg_einsum("i,i", x, x)' 'rg_einsum("i,i", list)'
pair 'one tensor' 'rg_stack(0, list[0])' 'rg_stack(0, &x)'
done_testing
