#!/bin/sh
# test_golden_nets.sh PROGRAM [full]: the weights of six nets after 200 steps have the bits that golden_nets.txt says, for every
# instruction set of this machine, several numbers of threads, recorded and played. Prints TAP.
set -u
golden_nets=$1
golden=$(cd "$(dirname "$0")" && pwd)/golden_nets.txt
. "$(dirname "$0")/../support/tap.sh"
same() { # same ISA THREADS WAY
    "$golden_nets" "$@" >"$tmp/found"
    status=$?
    [ $status = 3 ] || diff "$golden" "$tmp/found"
}
if [ "${2:-}" = full ]; then configurations="$(for threads in 1 2 3 4 8; do echo $threads eager $threads played; done)"
else configurations="1 eager 3 played"; fi
for isa in 0 1 2; do
    set -- $configurations
    while [ $# -gt 0 ]; do
        ok "instruction set $isa, $1 threads, $2" same $isa $1 $2
        shift 2
        [ "$configurations" = "1 eager 3 played" ] && [ $isa = 0 ] && break # slow: products without the instruction
    done
done
done_testing
