#!/bin/sh
# CONTRIBUTING.md's two operators: its diffs are as long as it says, apply to a copy of this tree, build, and pass the
# checks of the registry. Prints TAP.    sh tests/ops/test_adding.sh
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/../support/tap.sh"
diffs() { awk -v k="$1" '/^```diff/ { on = ++seen == k; next } /^```/ { on = 0 } on' "$top/CONTRIBUTING.md"; }
as_long_as_said() { # as_long_as_said K: the number before "line" in the last sentence before the K-th diff
    said=$(awk -v k="$1" '
        /^```diff/ && ++seen == k { print n; exit }
        match($0, /diff, [0-9]+ line/) { n = substr($0, RSTART + 6, RLENGTH - 11) }' "$top/CONTRIBUTING.md")
    [ "$(diffs "$1" | grep -c '^+\([^+]\|$\)')" = "$said" ]
}
copy() {
    mkdir "$tmp/tree" && cd "$top" &&
        tar cf - --exclude=__pycache__ engine ops nn examples tests tools docs \
            retrograd.h meson.build meson_options.txt LICENSE README.md | tar xf - -C "$tmp/tree"
}
builds() {
    cd "$tmp/tree" && meson setup build --buildtype=release -Dwerror=true &&
        ninja -C build tools/gradcheck tests/mutants tests/test_registry
}

ok "the tree can be copied" copy
for k in 1 2; do
    ok "diff $k is as long as it says" as_long_as_said $k
    diffs $k >"$tmp/$k.diff"
    ok "diff $k applies" patch -p1 -d "$tmp/tree" -i "$tmp/$k.diff"
done
ok "the tree builds without a warning" builds
for op in exp2 sqdist; do
    ok "$op passes the gradient check, to order 2" "$tmp/tree/build/tools/gradcheck" --op $op
    ok "$op's mutants do not" "$tmp/tree/build/tests/mutants" --op $op
done
ok "the walk of the registry passes" "$tmp/tree/build/tests/test_registry"
done_testing
