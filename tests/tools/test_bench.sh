#!/bin/sh
# test_bench.sh BENCH [sanitized]: bench prints its tables, writes JSON, takes other programs in, refuses bad names; W1's
# memory. Prints TAP.
set -u
bench=$(cd "$(dirname "$1")" && pwd)/${1##*/}
. "$(dirname "$0")/../support/tap.sh"
has() { grep -q -- "$1" "$tmp/printed"; }
fails_naming() { # fails_naming STATUS TEXT COMMAND...
    want=$1 text=$2
    shift 2
    "$@" >"$tmp/printed" 2>&1
    [ $? = "$want" ] && has "$text" || { cat "$tmp/printed"; return 1; }
}
# The rows of a workload's table: median, spread, ratio to the floor, memory.
rows() { awk -v w="$1" '/^W/ { on = $1 == w ":" } on && / MB$/' "$tmp/printed"; }
row() { rows "$1" | grep -Eq "^$2 +[0-9.e+]+ [num]s +[0-9.]+% +[0-9.]+ +[0-9]+ MB$" || { rows "$1"; return 1; }; }
table() {
    (cd "$tmp" && "$bench" W1 W3 W4 --alone --rounds 1 --seconds .01 --json "$tmp/times.json" --against "$tmp/other") \
        >"$tmp/printed" 2>&1
}
printf '#!/bin/sh\n[ "$1" = W3 ] || exit 3\necho step 1e-6\necho peak 7e6\n' >"$tmp/other"
printf '#!/bin/sh\necho nothing\n' >"$tmp/mute"
printf '#!/bin/sh\nexit 5\n' >"$tmp/broken"
chmod +x "$tmp/other" "$tmp/mute" "$tmp/broken"

ok "one round of W1, W3 and W4" table
for name in floor 'floor, f32 images' fused composed played composed-played; do ok "W1: $name" row W1 "$name"; done
for name in floor fused composed played composed-played; do ok "W3: $name" row W3 "$name"; done
for name in floor fused played; do ok "W4: $name" row W4 "$name"; done
ok "another program, where it runs" row W3 "$tmp/other"
ok "and not where it does not" test -z "$(rows W1 | grep other)"
ok "the machine's peak is named" has '^one thread of this machine: [0-9.]* GFLOP/s in registers, [0-9.]* GB/s in copies$'
ok "and the share of it" has 'fused on one thread runs at [0-9.]* GFLOP/s'
ok "JSON: a list of three workloads" \
    test "$(sed -n '1p;$p' "$tmp/times.json" | tr -d '\n') $(grep -c '"workload": "W[134]"' "$tmp/times.json")" = "[] 3"
ok "with the times of a round" grep -q '"key": "step", "seconds": {"floor": \[[0-9.e-]*\]' "$tmp/times.json"
ok "nothing is left behind" test -z "$(ls "$tmp" | grep -Ev '^(printed|out|err|times.json|other|mute|broken)$')"

threads() { "$bench" W1 --alone --rounds 1 --seconds .01 --threads 2 >"$tmp/printed" 2>&1; }
ok "two threads" threads
ok "one thread beside them" row W1 'fused on 1 thread'
ok "with what two floors at once reach" has '^round by round, throughput of 2 floors at once, in single ones: [0-9.]*$'
ok "what is printed next is a speed" has '^speed relative to fused on 1 thread, round by round:$'
ok "and what they bring" has '^fused on 2 threads  *[0-9.]*'

# W5 is held against whatever is called pytorch: one that is ahead of all, and one that is behind.
printf '#!/bin/sh\n[ "$1" = W5 ] || exit 3\necho neg, forward 1e-9\necho neg, backward 1e3\n' >"$tmp/pytorch"
chmod +x "$tmp/pytorch"
wide() { PATH=$tmp:$PATH "$bench" W5 --only neg,max --alone --rounds 1 --seconds .01 --against pytorch >"$tmp/printed" 2>&1; }
time='[0-9.e+]* [num]s' ratio='[0-9.e+]*'
ok "W5, two of its operators" wide
ok "one that is ahead of us" has "^neg, forward  *$time  *$time  *$ratio  *1 ns  *$ratio\( *slow\)\?  behind$"
ok "one that is behind" has "^neg, backward  *$time  *$time  *$ratio  *1e+06 ms  *0.00\( *slow\)\?$"
ok "one that is not there" has "^max of columns, backward  *$time  *$time  *$ratio\( *slow\)\?$"
ok "and no others" test "$(grep -c ', forward ' "$tmp/printed")" = 2
ok "in sum" has '^4 rows, worst [0-9.]* times the loop ([a-z ,]*), beyond 1.15: [0-4]; behind PyTorch: 1 (neg, forward)$'
ok "an operator without a row" fails_naming 1 'W5 has no row of conv2d' "$bench" W5 --only conv2d --alone --rounds 1 --seconds .01
full() { "$bench" W3 --alone --rounds 1 --seconds .001 >/dev/full; }
[ ! -w /dev/full ] || ok "a disk that is full" fails_naming 1 'cannot write standard output' full
ok "an operator that is not there" fails_naming 2 "no operator 'nag'" "$bench" W5 --only neg,nag

ok "a workload that is not there" fails_naming 2 "'W11' (W1" "$bench" W1 W11
ok "a contestant that is not there" fails_naming 2 "'tape' (floor" "$bench" run W1 tape .01 1
ok "a run without its arguments" fails_naming 2 'usage: bench run' "$bench" run W1
ok "no such option" fails_naming 2 'did you mean --rounds' "$bench" W3 --round 1
ok "a JSON file that cannot be written" fails_naming 1 "$tmp/none/x: No such" "$bench" W3 --json "$tmp/none/x"
ok "a program that prints nothing of use" fails_naming 1 'mute printed no line' \
    "$bench" W3 --alone --rounds 1 --seconds .001 --against "$tmp/mute"
ok "nor with --only" fails_naming 1 'mute printed no line' "$bench" W3 --only relu --alone --rounds 1 --seconds .001 --against "$tmp/mute"
ok "a program that fails" fails_naming 1 'broken on W3 ended with status 5' \
    "$bench" W3 --alone --rounds 1 --seconds .001 --against "$tmp/broken"
ok "a program that is not there" fails_naming 1 'absent on W3 ended with status 127' \
    "$bench" W3 --alone --rounds 1 --seconds .001 --against "$tmp/absent"
ok "help" fails_naming 0 '--against PROGRAM' "$bench" --help

peak() {
    bytes=$("$bench" run W1 "$1" .05 1 | sed -n 's/^peak //p') && echo "$bytes" &&
        [ "$bytes" -gt 47000000 ] && [ "$bytes" -lt 110000000 ]
}
for by in fused played; do [ "${2:-}" = sanitized ] || ok "W1, $by: at most 110 MB, its images 47 of them" peak $by; done
done_testing
