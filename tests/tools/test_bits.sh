#!/bin/sh
# test_bits.sh BENCH [full]: the same bits for any number of threads, run after run, eager and played, with fused ops and with
# composed ones. What is compared is the hash of the weights of W1 and W2 after 200 steps (of W2 20, unless
# full; a tenth of it in short). Prints TAP.
set -u
bench=$1 full=${2:-}
. "$(dirname "$0")/../support/tap.sh"
hash_of() { "$bench" run "$1" "$2" 0 "$3" "$4" | sed -n 's/^hash //p'; }
all_equal() { # all_equal WANTED HASH...
    wanted=$1
    for found; do
        case $found in ????????????????) ;; *) echo "no hash: '$found'" && return 1 ;; esac
        [ "$found" = "$wanted" ] || { echo "$found, not $wanted" && return 1; }
    done
}
differ() { [ -n "$1" ] && [ -n "$2" ] && [ "$1" != "$2" ]; }

for net in W1:$(few 200 20) W2:$(if [ "$full" ]; then echo 200; else few 20 2; fi); do
    w=${net%:*} steps=${net#*:}
    for by in fused composed; do
        played=played
        [ $by = fused ] || played=composed-played
        one=$(hash_of $w $by 1 $steps)
        ok "$w, $by: $steps steps, once more" all_equal "$one" "$(hash_of $w $by 1 $steps)"
        ok "$w, $by: 2, 3, 4 and 8 threads" all_equal "$one" $(for n in 2 3 4 8; do hash_of $w $by $n $steps || echo none; done)
        ok "$w, $played: 1 thread" all_equal "$one" "$(hash_of $w $played 1 $steps)"
        ok "$w, $played: 2, 3, 4 and 8 threads" all_equal "$one" $(for n in 2 3 4 8; do hash_of $w $played $n $steps || echo none; done)
        ok "$w, $by: another step has another hash" differ "$one" "$(hash_of $w $by 1 $((steps + 1)))"
    done
done
done_testing
