#!/bin/sh
# Each program of examples/, alone in an empty folder: compiled by the README's line, it prints what stands at its end. Prints TAP.
#     sh tests/programs/test_examples.sh BUILD-FOLDER [full]       full: cifar10 too, of $RETROGRAD_DATA
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
. "$top/tests/support/tap.sh"
ok "it installs" installed "$build"

# What is promised: the comment "It prints" at the end. Words are the same; numbers within a tenth, since other instruction sets
# round otherwise; pictures made of characters but for one in twenty.
promised() { awk '/^\/\* It prints/ { on = 1; getline; next } /^\*\/$/ { on = 0 } on' "$1"; }
same() {
    awk '
    function number(w) { sub(/%$/, "", w); return w ~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/ }
    NR == FNR { line[NR] = $0; n = NR; next }
    { m = FNR; sub(/ +$/, "") }
    line[m] !~ /[a-zA-Z][a-zA-Z]/ { # a picture
        for (i = 1; i <= length(line[m]) || i <= length($0); i++) { all++; differ += substr(line[m], i, 1) != substr($0, i, 1) }
        next
    }
    {
        k = split(line[m], w)
        if (k != NF) { print "line " m ": " $0; bad++; next }
        for (i = 1; i <= k; i++) {
            if (w[i] == $i) continue
            a = w[i] + 0; b = $i + 0; d = a > b ? a - b : b - a
            if (number(w[i]) && number($i) && d <= .1 * (a < 0 ? -a : a) + .02) continue
            print "line " m ": " $i " in place of " w[i]; bad++
        }
    }
    END {
        if (m != n) print m " lines, not " n
        if (differ > all / 20) print differ " of " all " characters differ"
        exit m != n || bad || differ > all / 20
    }' "$1" "$2"
}
alone() { # alone PROGRAM ARGUMENT..
    cd "$tmp/$1" && promised "$1.c" >promised && [ -s promised ] || return
    run=$1
    shift
    "./$run" "$@" >printed && same promised printed
}
compiles() {
    mkdir -p "$tmp/$1" && cp "$top/examples/$1.c" "$tmp/$1" &&
        (cd "$tmp/$1" && cc -Wall -Wextra -Werror "$1.c" -o "$1" $(flags))
}
small() { lines=$(sed '/^\/\* It prints/,$d' "$top/examples/$1.c" | wc -l) && [ "$lines" -ge 25 ] && [ "$lines" -le 120 ]; }
own() { ! grep '^#include' "$top/examples/$1.c" | grep -v '<retrograd\|<[a-z]*\.h>'; }

for file in "$top"/examples/*.c; do
    program=${file##*/} program=${program%.c}
    ok "$program compiles in an empty folder" compiles "$program"
    ok "it has at most 120 lines" small "$program"
    ok "and includes nothing but the library and C's" own "$program"
    case $program:${2:-}:${RETROGRAD_DATA:-} in
    cifar10:full:/*) ok "it prints what it says" alone "$program" "$RETROGRAD_DATA/cifar-10-batches-bin" ;;
    cifar10:*) ok "it says what it wants" both 2 'usage: cifar10 FOLDER' "$tmp/cifar10/cifar10" ;;
    *) ok "it prints what it says" alone "$program" ;;
    esac
done
done_testing
