#!/bin/sh
# Does a step of W1, W3 or W4 take more than 2% more instructions than instructions.txt says? Prints TAP.
#     sh tests/engine/test_instructions.sh [--refresh]        --refresh: write what is counted now into that file
#
# Counted by callgrind, in a build of its own: one thread, AVX2, which is the best that valgrind knows, and without
# <valgrind/memcheck.h>, so that the pool does what it does outside of valgrind. A step is what 12 steps take more than 2,
# divided by 10: starting, making data and ending cancel out. glibc is told to use its baseline functions, on every processor.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
file=$top/tests/engine/instructions.txt
. "$top/tests/support/tap.sh"
refresh=${1:-} failed=
CC=${CC:-gcc}
have="$(basename "$CC") $("$CC" -dumpfullversion 2>/dev/null), $(uname -m), $(getconf GNU_LIBC_VERSION 2>/dev/null)"
wanted=$(sed -n 's/^# counted with //p' "$file")
if [ -z "$refresh" ] && [ "$have" != "$wanted" ]; then
    skip "instruction counts" "this is $have, the file was made with $wanted"
    done_testing
    exit
fi
command -v valgrind >/dev/null || { skip "instruction counts" "there is no valgrind"; done_testing; exit; }

export CC GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-FMA,-FMA4,-AVX,-SSE4_2,-SSE4_1,-ERMS
build() {
    meson setup "$tmp/build" "$top" --buildtype=release -Dthreads=false -Dc_args=-URG_HAVE_VALGRIND &&
        ninja -C "$tmp/build" tools/bench
}
total() { # total WORKLOAD BY STEPS: instructions in all
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$tmp/build/tools/bench" run "$1" "$2" 0 1 "$3" >"$tmp/counted" 2>&1 ||
        { cat "$tmp/counted" >&2; return 1; }
    sed -n 's/.*Collected : \([0-9]*\)$/\1/p' "$tmp/counted"
}
step() { few=$(total "$1" "$2" 2) && many=$(total "$1" "$2" 12) && [ -n "$few" ] && [ -n "$many" ] && echo $(((many - few) / 10)); }
not_more() { # not_more KEY COUNT: within 2% of the file's, which less means out of date, not wrong
    limit=$(awk -v key="$1" '$1 " " $2 == key { print $3 }' "$file")
    echo "$2 instructions, $limit in the file"
    [ -n "$2" ] && [ -n "$limit" ] && [ "$2" -gt 0 ] && [ $(($2 * 100)) -le $((limit * 102)) ]
}

ok "it builds" build
[ -x "$tmp/build/tools/bench" ] || { done_testing; exit 1; }
for key in "W1 fused" "W1 composed" "W1 played" "W3 fused" "W3 composed" "W3 played" "W4 fused" "W4 played"; do
    count=$(step $key)
    echo "# $key: $count"
    [ -n "$count" ] || failed=1
    [ -n "$refresh" ] || ok "$key" not_more "$key" "$count"
    printf '%s %s\n' "$key" "$count" >>"$tmp/counts"
done
if [ -n "$refresh" ]; then
    [ -z "$failed" ] || { echo "# not every step could be counted: $file stays as it was" && exit 1; }
    {
        echo "# Instructions of one step (W4: of a chain of 1,000 ops), by tests/engine/test_instructions.sh --refresh"
        echo "# counted with $have"
        cat "$tmp/counts"
    } >"$file"
else
    too_much() { ! not_more "$key" $((count * 103 / 100)); }
    ok "3% more would be noticed" too_much
fi
done_testing
