#!/bin/sh
# test_32_bits.sh: engine and ops on a machine with 32-bit pointers. Sizes that fit 64 bits and not 32 are refused, and what fits is
# computed. Compiled by itself, since the libraries for files are not there in 32 bits. Prints TAP.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/support/tap.sh"
cc=${CC:-gcc}
echo 'int main(void) { return 0; }' >"$tmp/none.c"
echo '#include <stdio.h>' >>"$tmp/none.c"
$cc -m32 "$tmp/none.c" -o "$tmp/none" 2>/dev/null && "$tmp/none" ||
    { skip "32 bits" "$cc -m32 makes no program that runs here (Debian: gcc-multilib)"; done_testing; exit; }

flags="-m32 -std=gnu11 -O1 -msse2 -mfpmath=sse -ffp-contract=off -fno-math-errno -fopenmp-simd"
flags="$flags -Wall -Wextra -Werror -DRG_NO_POOL -I$top -I$tmp"
listed() { # listed KIND: the files of "KIND += files(" of engine and ops
    for folder in engine ops; do
        awk -v kind="$1" -v folder=$folder -v quote="'" '
            $1 == kind && /files\(/ { on = 1; next }
            /^\)/ { on = 0 }
            on { gsub("[ ," quote "]", ""); print folder "/" $0 }' "$top/$folder/meson.build"
    done
}
compile() { # each source once, each kernel once per dtype
    cp "$top/tools/call.h" "$tmp" || return
    for header in engine/engine engine/core_ops ops/elementwise ops/functional ops/gradcheck ops/losses ops/ops; do
        python3 "$top/tools/calls.py" "$top/$header.h" "$tmp/${header#*/}_calls.h" "$tmp/${header#*/}_calls.c" || return
    done
    for f in $(listed sources); do $cc $flags -c "$top/$f" -o "$tmp/$(echo $f | tr / _).o" || return; done
    for f in $(listed kernels); do
        object=$tmp/$(echo $f | tr / _)
        $cc $flags -c "$top/$f" -o "$object.f32.o" && $cc $flags -DRG_KERNEL_F64 -c "$top/$f" -o "$object.f64.o" || return
    done
}
links() { $cc $flags "$top/tests/engine/narrow.c" "$tmp"/*.o -lm -o "$tmp/narrow"; }

ok "engine and ops compile without a warning" compile
ok "and link" links
if [ -x "$tmp/narrow" ]; then
    "$tmp/narrow" >"$tmp/said"
    status=$?
    while IFS= read -r line; do
        n=$((n + 1))
        case $line in "not ok "*) echo "not ok $n - ${line#not ok }" ;; *) echo "ok $n - ${line#ok }" ;; esac
    done <"$tmp/said"
    ok "the program ended with status 0" test $status = 0
fi
done_testing
