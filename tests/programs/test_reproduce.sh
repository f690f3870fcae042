#!/bin/sh
# The published systems against their numbers, as a user runs them. Prints TAP.     sh tests/programs/test_reproduce.sh BUILD-FOLDER [full]
set -u
reproduce=$(cd "$1" && pwd)/examples/course/reproduce
full=${2:-}
data=${RETROGRAD_DATA:-}
. "$(dirname "$0")/../support/tap.sh"

ok "--help says where the IDs stand" both 0 '^usage: reproduce \[ID ...\] \[options\]' "$reproduce" --help
ok "options after IDs" both 2 'did you mean --threads' "$reproduce" softmax one-hot --thread 1
ok "--help lists the systems" both 0 '^  003  *HNR499_Model5' "$reproduce" --help
ok "an unknown ID is an error that names those there are" both 2 "no system 'mlp'; these are: .*003" "$reproduce" mlp
ok "an option after the IDs is read" both 2 'did you mean --data' "$reproduce" 003 --date .
ok "a data folder without data is an error that names it" both 2 "$tmp/nowhere" "$reproduce" 003 --data "$tmp/nowhere"
ok "a system named without its data is skipped with a line, and fails" both 1 'skipped: no MNIST in' \
    env RETROGRAD_DATA="$tmp" "$reproduce" 003
mkdir "$tmp/mnist" && echo damaged >"$tmp/mnist/train-images-idx3-ubyte"
ok "damaged data fail, they are not skipped" both 1 'FAILED' env RETROGRAD_DATA="$tmp" "$reproduce" 003

# -------- to the digit, without data
set -- perceptron 8 softmax 6 cross-entropy 15 one-hot 5 init 8 xor 11
while [ $# -gt 0 ]; do
    ok "$1" both 0 "$1: reproduced, $2 of $2 rows" "$reproduce" "$1"
    shift 2
done

# -------- with real images
if [ -d "$data/mnist" ]; then
    ok "003 to the digit with 2 threads" both 0 '003: reproduced, 9 of 9' "$reproduce" 003 --data "$data" --threads 2
    grep accuracy "$tmp/both" >"$tmp/two"
    if [ -z "$short" ]; then
        ok "003 to the digit" both 0 '003: reproduced, 9 of 9' "$reproduce" 003 --data "$data"
        grep accuracy "$tmp/both" >"$tmp/one"
        ok "has the same digits" cmp "$tmp/one" "$tmp/two"
    fi
else
    skip "003 to the digit" "no RETROGRAD_DATA"
fi
if [ "$full" ]; then
    start=$(date +%s)
    ok "everything that the data allow" both 0 '^ID .*verdict' "$reproduce"
    ok "within 15 minutes" test $(($(date +%s) - start)) -lt 900
fi
done_testing
