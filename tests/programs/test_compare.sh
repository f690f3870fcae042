#!/bin/sh
# One step by tape, by hand and by differences, as a user asks for it; the ten planted faults; the page. Prints TAP.
#     sh tests/programs/test_compare.sh BUILD-FOLDER
set -u
compare=$(cd "$1" && pwd)/tools/compare
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/../support/tap.sh"
batch=$(few '' '--batch 16') # loops by hand take long with a sanitizer
images() { case $1 in 000 | 002) echo --data noise $batch ;; 003 | 004) echo --data digits $batch ;; esac; }

# -------- usage
ok "--help lists the networks and the faults" both 0 '^  wrong-mask  ' "$compare" --help
ok "a network has to be named" both 2 'One of xor 003 004 000 002' "$compare"
ok "an unknown network is an error" both 2 "'mlp' is none of xor" "$compare" mlp
ok "an unknown fault is an error that names those there are" both 2 "'typo' is none of sign mean" "$compare" xor --break typo
ok "an unknown option is an error" both 2 'did you mean --step' "$compare" xor --stp 3
ok "the exclusive or has four samples" both 2 'has four samples' "$compare" xor --batch 5
ok "and no regulariser" both 2 'no regulariser by hand' "$compare" xor --l2 0.1
ok "and no images" both 2 'xor has no images' "$compare" xor --data digits
ok "noise is no digits" both 2 '004 takes digits' "$compare" 004 --data noise
ok "a step too large for any number has the range of steps" both 2 'out of range, 1 to 1000000000' \
    "$compare" xor --step 100000000000000000000
ok "step 0 is out of range" both 2 'out of range' "$compare" xor --step 0
ok "images that RETROGRAD_DATA lacks are told of" \
    both 0 'there is no /nowhere/mnist/train-images\|no MNIST is found (sh tools/get-data mnist)' \
    env RETROGRAD_DATA=/nowhere "$compare" 003
ok "and so are colours" both 0 'no CIFAR-10 is found (sh tools/get-data cifar10)' \
    env RETROGRAD_DATA=/nowhere HOME=/nowhere "$compare" 000 --batch 4
ok "images that are not there are an error" both 1 'train-images' "$compare" 003 --data "$tmp/nowhere"
mkfifo "$tmp/pipe"
ok "a page does not take the place of a pipe or a device" both 1 'pipe: it is a device or a pipe' "$compare" xor --html "$tmp/pipe"
ok "which is still there" test -p "$tmp/pipe"
ok "a page that cannot be written is an error" both 1 '/dev/null' "$compare" xor --html /dev/null/x/page.html

# -------- clean: the three agree
for net in xor 003 004 000 002; do
    ok "$net: tape and hand agree" both 0 'tape and hand agree' "$compare" $net $(images $net)
    ok "$net: the differences say so too" test "$(grep -c 'OTHERWISE\|BEYOND\|at a kink' "$tmp/both")" = 0 \
        -a "$(grep -c '; differences [0-9]e-' "$tmp/both")" -ge 7
done
for net in xor 003 002; do
    ok "$net in f32, after ten steps" both 0 'tape and hand agree' "$compare" $net --dtype f32 --step 10 $(images $net)
done
ok "xor with one sample" both 0 'tape and hand agree' "$compare" xor --batch 1 --seed 3
line=$("$compare" 003 $(images 003) | sed -n 's/^Z2 .*linear  nets.c:\([0-9]*\) .*/\1/p')
ok "a row names the line that recorded it" grep -q 'see(f, "Z2", rg_linear' <<END
$(sed -n "${line}p" "$top/tools/compare/nets.c")
END
ok "samples as columns give the transpose" both 0 'is the transpose of the one by hand, within [0-9.]*e[-+]' \
    "$compare" 000 --data noise --batch 8
ok "a gradient with two uses is told as their sum" both 0 'dW2 is a sum over 2 uses of W2: square .* + linear' "$compare" 002 --data noise
"$compare" xor >"$tmp/xor"
adds_up() { # the named contributions of each element of dW1, dW2, db1, db2 come to what stands beneath them
    awk '
    /^    d[Wb][12]\[/ { sum = 0 }
    /(0|1) xor (0|1)$/ { sum += $(NF - 3) }
    /in all$/ { n++; if (sum - $2 > 3e-9 || $2 - sum > 3e-9) bad++ }
    END { exit bad || n != 9 }' "$tmp/xor"
}
ok "the numbers of xor add up" adds_up

# -------- each fault is found, at its first quantity and with its cause, by a diagnosis that does not know it
first() { # first NET FAULT QUANTITY CAUSE [OPTION...]
    net=$1 fault=$2 quantity=$3 cause=$4
    shift 4
    "$compare" $net --break $fault $(images $net) "$@" >"$tmp/found" 2>&1
    status=$?
    tail -n 4 "$tmp/found"
    [ $status -eq 1 ] && grep -q "^tape and hand DIFFER, first in $quantity = " "$tmp/found" &&
        grep -q "^likely cause: $cause" "$tmp/found" && grep -q '^finite differences side with the tape' "$tmp/found"
}
dtypes="f64 f32"
[ -z "$short" ] || dtypes=f32 # what a sanitizer finds in one it finds in the other
for dtype in $dtypes; do
    ok "sign, $dtype" first 003 sign dZ2 'the sign: by hand it is -1 times' --dtype $dtype
    ok "mean, $dtype" first 003 mean dZ2 "a constant factor of $(few 128 16), the number of samples: the 1/n" --dtype $dtype
    ok "class, $dtype" first 004 class dZ2 'the wrong class, off by one: .* at y + 1' --dtype $dtype
    ok "l2, $dtype" first 002 l2 dW2 'a missing term: 0.002 W2 = 2 lambda W2, the gradient of the regulariser' --dtype $dtype
    ok "bias-sum, $dtype" first 003 bias-sum db2 'a missing sum over axis 0' --dtype $dtype
    ok "assign, $dtype" first 003 assign db2 'assignment for accumulation' --dtype $dtype
    ok "transposed, $dtype" first 003 transposed dA1 'W2 is not transposed' --dtype $dtype
    ok "mask, $dtype" first 003 mask dZ1 'a missing mask: it is dA1 as it came' --dtype $dtype
    ok "wrong-mask, $dtype" first 000 wrong-mask dZ2 'the mask of the wrong layer: (Z1 > 0) for (Z2 > 0)' --dtype $dtype --batch 16
    ok "stale, $dtype" first 003 stale dW2 'stale activations: .* A1 of the step before' --dtype $dtype
done
ok "l2 in 004, where it was put in" first 004 l2 dW2 'a missing term: 0.02 W2' --l2 0.01
ok "sign in xor" first xor sign dA2 'the sign'
ok "bias-sum in xor" first xor bias-sum db2 'a missing sum over axis 0'
ok "assign in xor" first xor assign db2 'assignment for accumulation'
ok "transposed in xor" first xor transposed dW1 'X is not transposed'
ok "stale in xor" first xor stale dW2 'stale activations'
ok "a factor is told with its value" first 003 mean dZ2 'a constant factor of 5,' --batch 5
for fault in mean class l2 mask wrong-mask; do
    ok "xor has no place for $fault" both 2 "xor has no such place" "$compare" xor --break $fault
done
ok "003 has one mask only" both 2 'one mask; 000 has two' "$compare" 003 --break wrong-mask
ok "003 has no regulariser to lose" both 2 'add --l2' "$compare" 003 --break l2
ok "the first step has none before it" both 2 'no activations of a step before' "$compare" 003 --break stale --step 1

# -------- a fault that cannot be seen is told, and so is what the differences cannot
ok "a symmetric X transposed is X" \
    both 2 'the planted fault is INVISIBLE here: with and without it every quantity by hand has the same numbers' \
    "$compare" xor --batch 2 --break transposed
ok "a regulariser of next to nothing is not missed" \
    both 2 'INVISIBLE here: it moves no quantity by hand beyond that; dW. the most, by [0-9.]*e-1[6-9]' \
    "$compare" 003 --data digits --l2 1e-20 --break l2
ok "a large loss has no digits for its small slopes" both 0 'of a loss of 1.47e+06 rounding leaves up to' \
    "$compare" 003 --data digits --l2 100
ok "which says nothing against the tape" test "$(grep -c OTHERWISE "$tmp/both")" = 0
ok "nor for a fault" both 1 'finite differences side with the tape' "$compare" 003 --data digits --l2 1000 --break l2

# -------- the page
page() { # page FILE: whole, under 1 MB, and without anything from elsewhere
    [ "$(wc -c <"$1")" -lt 1000000 ] && [ "$(tail -n 1 "$1")" = "</html>" ] &&
        ! grep -qi 'http://\|https://\|src=\|url(\|@import\|<script\|<link' "$1" &&
        grep -q '<svg' "$1" && grep -q '<math>' "$1"
}
for net in xor 003 000 002; do
    html=$tmp/pages/$net.html
    ok "$net writes a page into a folder that is not there" both 0 "^page: .*$net.html" \
        "$compare" $net $(images $net) --html "$html"
    ok "it needs nothing else" page "$html"
    ok "its elements are closed" test "$(grep -o '<[a-z][a-z]*' "$html" | grep -cv '<meta\|<br')" = \
        "$(grep -o '</[a-z][a-z]*' "$html" | wc -l)"
done
ok "nothing else is left there" test "$(ls "$tmp/pages" | tr '\n' ' ')" = "000.html 002.html 003.html xor.html "
ok "the loss of 002 takes Z2, and is no mere sum" both 0 '^loss .*  cross_entropy, add, add  nets.c' "$compare" 002 --data noise
ok "and so it is drawn" test "$(grep -c 'class="op"[^>]*>cross_entropy<' "$tmp/pages/002.html")" = 2 \
    -a "$(grep -c 'class="aside"' "$tmp/pages/002.html")" = 1
ok "a broken step has its page too" both 1 '^page:' "$compare" 003 --data digits --break mask --html "$tmp/pages/mask.html"
ok "which says where and why" \
    grep -q 'differ, first in.*Likely cause: a missing mask: it is <math>.*</math> as it came, without <math>' "$tmp/pages/mask.html"
done_testing
