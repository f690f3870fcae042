#!/bin/sh
# Is ops/README.md what the registry says? Prints TAP.     sh tests/ops/test_op_table.sh build/tools/gradcheck
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/support/tap.sh"
gradcheck=$1

same() { # a stale table shows its first differences
    "$gradcheck" --markdown >"$tmp/table" && diff "$top/ops/README.md" "$tmp/table" >"$tmp/diff" && return
    echo "# stale; build/tools/gradcheck --markdown > ops/README.md"
    sed 's/^/# /' "$tmp/diff" | head -n 20
    return 1
}
rows() { # as many rows as operators that the check walks
    [ "$(grep -c '^| `' "$top/ops/README.md")" = "$("$gradcheck" --order 1 | grep -c '  \(passed\|no derivative\)$')" ]
}
ok "ops/README.md is what the registry says" same
ok "it has a row for every operator" rows
done_testing
