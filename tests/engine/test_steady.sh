#!/bin/sh
# test_steady.sh STEADY COUNT_MALLOC MNIST BENCH: a steady training loop takes nothing from the heap, nor do the epochs of the MNIST
# example after the first, partial batch and evaluation included, nor the workloads of bench after the second step. Prints TAP.
set -u
steady=$1 preload=$2 mnist=$3 bench=$4 n=0
ok() { # ok NAME COMMAND...
    name=$1
    shift
    n=$((n + 1))
    if out=$("$@" 2>&1); then echo "ok $n - $name: $out"; else echo "not ok $n - $name: $out"; fi
}
run() { LD_PRELOAD=$preload "$steady" "$@"; }
notices() { ! run 1 leak; }
# What so many epochs take from the heap in all; epochs beyond the first must add nothing.
epochs() {
    MALLOC_COUNT=$counts LD_PRELOAD=$preload "$mnist" --data digits --batch 1024 --epochs "$1" --threads "$2" --floor 0 \
        >"$counts.out" && cat "$counts"
}
no_more() {
    one=$(epochs 1 "$1") && three=$(epochs 3 "$1") && echo "$one allocations with 1 epoch, $three with 3" &&
        [ "$one" -gt 0 ] && [ "$one" = "$three" ]
}
# The first epoch of W1 has 64 steps: its end, and the next, are among these.
workload() { # workload WORKLOAD BY THREADS
    heap=$(LD_PRELOAD=$preload "$bench" run "$1" "$2" 0 "$3" 80 | grep '^heap ') && echo "$heap" && [ "$heap" = 'heap 0' ]
}
counts=$(mktemp) || exit 1
trap 'rm -f "$counts" "$counts.out"' EXIT
echo 1..23
ok 'nothing with one thread' run 1
ok 'nothing with two threads' run 2
ok 'an allocation in each step is noticed' notices
ok 'the MNIST example after its first epoch, one thread' no_more 1
ok 'the MNIST example after its first epoch, two threads' no_more 2
for w in W1 W2 W3 W4; do
    for by in fused composed played composed-played; do
        case $w:$by in W4:composed*) ;; *) ok "$w, $by" workload $w $by 1 ;; esac
    done
done
ok 'W5, each op' workload W5 fused 1
ok 'W1 with two threads' workload W1 fused 2
ok 'W2 with two threads, played' workload W2 played 2
ok 'W5 with two threads' workload W5 fused 2
