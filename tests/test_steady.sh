#!/bin/sh
# test_steady.sh STEADY COUNT_MALLOC: a steady training loop takes nothing from the heap. Prints TAP.
set -u
steady=$1 preload=$2 n=0
ok() { # ok NAME COMMAND...
    name=$1
    shift
    n=$((n + 1))
    if out=$("$@" 2>&1); then echo "ok $n - $name: $out"; else echo "not ok $n - $name: $out"; fi
}
run() { LD_PRELOAD=$preload "$steady" "$@"; }
notices() { ! run 1 leak; }
echo 1..3
ok 'nothing with one thread' run 1
ok 'nothing with two threads' run 2
ok 'an allocation in each step is noticed' notices
