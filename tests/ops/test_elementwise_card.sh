#!/bin/sh
# Is ops/elementwise.h what the table ops/elementwise.def says? Prints TAP.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/support/tap.sh"
same() { python3 "$top/tests/ops/elementwise_card.py" "$top/ops/elementwise.def" | diff "$top/ops/elementwise.h" -; }
ok "ops/elementwise.h is that of the table: python3 tests/ops/elementwise_card.py ops/elementwise.def >ops/elementwise.h" same
done_testing
