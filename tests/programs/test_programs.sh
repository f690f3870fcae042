#!/bin/sh
# The example programs as a user runs them: help, bad input, what they learn, their files, the same bits for any number of
# threads. Prints TAP.     sh tests/programs/test_programs.sh BUILD-FOLDER
set -u
build=$(cd "$1" && pwd)
train=$build/tools/train
data=${RETROGRAD_DATA:-}
. "$(dirname "$0")/../support/tap.sh"
exits() { want=$1; shift; "$@"; [ $? -eq "$want" ]; }
says() { grep -q -- "$1" "$tmp/out" "$tmp/err"; }
said() { cat "$tmp/out" "$tmp/err" | grep -c -- "$1"; } # by the command before
both() { # both STATUS PATTERN COMMAND...: that exit status, and that text somewhere
    want=$1 pattern=$2
    shift 2
    "$@" >"$tmp/out" 2>"$tmp/err"
    [ $? -eq "$want" ] && says "$pattern"
}

between() { awk -v x="$1" -v low="$2" -v high="$3" 'BEGIN { exit !(x != "" && x >= low && x <= high) }'; }
percent() { sed -n 's/^test accuracy \([0-9.]*\)%.*/\1/p' "$1"; }

for p in xor moons mnist cifar10 lenet autoencoder pinn; do
    ok "$p --help names every option" both 0 '--hidden' "$train/$p" --help
    ok "$p refuses an unknown option and suggests one" both 2 'did you mean --epochs' "$train/$p" --epoch 3
    ok "$p refuses a bad number" both 2 "lr" "$train/$p" --lr fast
done
ok "digits:0 is no number of digits" both 1 'digits:0: there is no train-images' "$train/mnist" --data digits:0
ok "nor is digits:5x" both 1 'digits:5x: there is no train-images' "$train/mnist" --data digits:5x
ok "digits:5 is" both 0 '^generated digits (digits:5): 5 training images, 5 test images' "$train/mnist" --data digits:5 --steps 1 --batch 2
ok "mnist names the missing file" both 1 'train-images-idx3-ubyte.*get-data mnist' "$train/mnist" --data "$tmp/nowhere"
ln -s loop "$tmp/loop"
ok "a folder that is out of reach is no missing file" both 1 'loop/train-images-idx3-ubyte.*cannot be reached: Too many' \
    "$train/mnist" --data "$tmp/loop"
ok "and fetching is no remedy" test "$(said HINT)" = 0
ok "cifar10 names the missing file" both 1 'data_batch_1.bin.*get-data cifar10' "$train/cifar10" --data "$tmp/nowhere"
ok "a picture folder that cannot be made is an error" both 2 '/dev/null' "$train/xor" --out /dev/null/out
ok "a history that cannot be written is an error" both 1 '/dev/null' "$train/xor" --csv /dev/null/x.csv
for words in "examples/course/traps half-sum" "examples/course/traps --help" "examples/course/homework 2" \
    "examples/course/reproduce softmax" "tools/train/mnist --help" "tools/train/xor --epochs 1 --floor 0" "tools/train/lbfgs"; do
    full() { "$build"/$words >/dev/full; }
    ok "$words says that its output is lost" both 1 'cannot write standard output: No space' full
done

# -------- xor and moons
ok "xor solves its problem and shows it" both 0 '4 of 4 right: solved' "$train/xor"
ok "xor in f64" both 0 'solved' "$train/xor" --dtype f64
ok "xor, two hidden layers, adam" both 0 'solved' "$train/xor" --hidden 8,4 --optimizer adam --lr 0.02
ok "xor untrained is below the floor" exits 1 "$train/xor" --epochs 1
learns "--seeds 3 --floor 0" "xor with 8 hidden units solves it for each of 100 seeds" 0 '100 of 100 seeds' \
    "$train/xor" --hidden 8 --seeds 100 --floor 100
learns "--seeds 5 --floor 0" "xor with 2 hidden units prints its success share" 0 'of 1000 seeds solve it: [5-9][0-9]' \
    "$train/xor" --hidden 2 --seeds 1000
ok "xor draws" "$train/xor" --out "$tmp/deep/xor" --csv "$tmp/deep/csv/x.csv"
ok "xor's pictures are there" test -s "$tmp/deep/xor/curves.png" -a -s "$tmp/deep/xor/boundary.png" -a -s "$tmp/deep/csv/x.csv"
ok "xor, tape beside hand" both 0 'tape and hand agree' "$train/xor" --path both
ok "xor, 2-2-1 beside hand in f64" both 0 "of $(few 50 3) seeds" \
    "$train/xor" --path both --dtype f64 --hidden 2 --seeds $(few 50 3) --epochs 200 --floor 0
ok "xor learns by hand" both 0 'mean of squares 0.*' "$train/xor" --path manual
ok "xor by hand says that it is another network" test "$(said 'sigmoid for tanh; its loss is half the sum of squares')" = 1
ok "xor learns by hand" both 0 'solved' "$train/xor" --path manual
ok "xor by hand has one hidden layer" both 2 'path both.*one hidden layer' "$train/xor" --path both --hidden 2,2
ok "the twin by hand does not know every update rule" both 2 'xor: --optimizer nesterov.*sgd, momentum or adam' \
    "$train/xor" --path both --optimizer nesterov
for points in moons circles spirals xor; do
    case $points in moons | circles) floor=99 epochs=100 ;; spirals) floor=90 epochs=300 ;; *) floor=95 epochs=100 ;; esac
    learns "--epochs 2 --floor 0" "moons learns $points" 0 "" \
        "$train/moons" --data $points --epochs $epochs --floor $floor --out "$tmp/$points"
    ok "and draws the boundary" test -s "$tmp/$points/boundary.png"
done
ok "moons below its floor exits with 1" exits 1 "$train/moons" --epochs 1 --lr 0.0001

# -------- a differential equation
learns "--epochs 40 --error 100" "pinn finds sin x" 0 'largest error.*reached' "$train/pinn" --out "$tmp/pinn" --csv "$tmp/pinn.csv"
ok "and draws it" test -s "$tmp/pinn/solution.png" -a "$(wc -l <"$tmp/pinn.csv")" -eq 11
ok "pinn untrained is too far off" exits 1 "$train/pinn" --epochs 100
ok "lbfgs has help" both 0 '--error' "$train/lbfgs" --help
learns "--steps 100 --error 10" "lbfgs reaches the minimum and draws its way" 0 'at most 1e-08: reached' "$train/lbfgs" --out "$tmp/valley"
ok "and the picture is there" test -s "$tmp/valley/valley.png"
learns "--steps 100 --error 10" "lbfgs from elsewhere" 0 ': reached' "$train/lbfgs" --x 1.9 --y -1 --error 1e-7
ok "lbfgs above its floor exits with 1" both 1 'NOT reached' "$train/lbfgs" --steps 10

# -------- a transformer, on sums and on a text
gpt() { "$train/chargpt" "$@"; }
ok "chargpt has help" both 0 '--temperature' gpt --help
learns "--steps 20 --floor 0" "chargpt learns to add, and draws" 0 'floor 80%: reached' \
    gpt --steps 500 --floor 80 --out "$tmp/sums" --csv "$tmp/sums.csv"
ok "its curves and history are there" test -s "$tmp/sums/loss.png" -a "$(wc -l <"$tmp/sums.csv")" -eq 21
ok "chargpt untrained is below its floor" both 1 'floor 99%: NOT reached' gpt --steps 20
small="--dim 8 --heads 2 --layers 1 --batch 8 --context 8 --steps 20 --length 20"
ok "chargpt learns a text" both 0 '^# chargpt' gpt --text "$0" --prompt '# chargpt' $small
ok "a prompt of other characters is refused" both 1 "prompt: there is no '~'" gpt --prompt '1~1=' $small
ok "a text that is not there is an error" both 1 'nowhere: cannot be read: No such' gpt --text "$tmp/nowhere"
echo short >"$tmp/short"
ok "a text that is too short is an error" both 1 'short: 6 characters; a context of 8 wants 90 at least' gpt --text "$tmp/short" --context 8
ok "heads that do not divide the features are an error" both 1 '5 heads do not divide 48 features' gpt --heads 5
goes_on() { # killed after a while, it goes on from what it kept, and ends as if nothing had been
    rm -f "$tmp"/*.state
    gpt $small --steps $(few 2000 200) --dropout .1 --floor 0 --save "$tmp/straight.state" || return
    # Not gpt: a function's $! is a shell.
    "$train/chargpt" $small --steps $(few 2000 200) --dropout .1 --floor 0 --save "$tmp/killed.state" &
    while ! [ -s "$tmp/killed.state" ] && kill -0 $!; do sleep .02; done
    kill -9 $!
    wait $!
    gpt $small --steps $(few 2000 200) --dropout .1 --floor 0 --resume "$tmp/killed.state" --save "$tmp/killed.state" &&
        cmp "$tmp/straight.state" "$tmp/killed.state"
}
ok "chargpt killed goes on bit for bit" goes_on

# -------- mnist on digits that the program draws
digits() { "$train/mnist" --data $(few digits digits:2560) "$@"; }
some() { "$train/mnist" --data digits:2560 "$@"; } # where nothing has to be learned: to draw all takes longer than the run
hash_of() { some --steps $(few 200 20) "$@" 2>/dev/null | sed -n "s/.*hash //p"; }
learns "--steps 20 --floor 0" "mnist learns drawn digits" 0 "" digits --epochs 1 --floor 90 --out "$tmp/digits" --csv "$tmp/h.csv"
for picture in curves weights confusion; do ok "mnist draws $picture.png" test -s "$tmp/digits/$picture.png"; done
ok "mnist's history has a header and a row" test "$(wc -l <"$tmp/h.csv")" -eq 2
ok "mnist in f64 with adam" digits --dtype f64 --optimizer adam --lr 0.001 --steps $(few 300 10)
for rule in sgd momentum adam; do for dtype in f32 f64; do
    case $rule in adam) lr=0.002 ;; *) lr=0.05 ;; esac
    ok "mnist, tape beside hand, $rule, $dtype" both 0 'tape and hand agree' \
        some --floor 0 --path both --optimizer $rule --lr $lr --dtype $dtype --hidden 64,32 --steps $(few 100 5)
done; done
ok "mnist with a regulariser, tape beside hand" both 0 'tape and hand agree' \
    some --floor 0 --path both --l2 0.01 --dtype f64 --steps $(few 50 5)
learns "--steps 20 --floor 0" "mnist learns by hand" 0 "" digits --path manual --epochs 1 --floor 90 --out "$tmp/by-hand"
one=$(hash_of --threads 1)
for threads in 2 3 4; do
    ok "the same weights after $(few 200 20) steps with $threads threads" test -n "$one" -a "$one" = "$(hash_of --threads $threads)"
done
ok "the same weights in a second run" test "$one" = "$(hash_of --threads 1)"
ok "other weights for another seed" test "$one" != "$(hash_of --seed 1)"

# -------- convolutions, and codes
ok "lenet learns drawn digits" both 0 'test accuracy' \
    "$train/lenet" --data digits:$(few 10000 1000) --steps $(few 60 5) --out "$tmp/lenet" --csv "$tmp/lenet.csv"
[ "$short" ] || ok "well" between "$(percent "$tmp/out")" 75 100
for picture in curves confusion filters maps; do ok "lenet draws $picture.png" test -s "$tmp/lenet/$picture.png"; done
ok "lenet's history has a header and a row" test "$(wc -l <"$tmp/lenet.csv")" -eq 2
ok "lenet without learning is below its floor" both 1 'NOT reached' "$train/lenet" --data digits:1000 --epochs 0
ok "lenet has two convolutions" both 2 'channels: 3 numbers' "$train/lenet" --channels 1,2,3
ok "lenet names the missing file" both 1 'train-images-idx3-ubyte.*get-data mnist' "$train/lenet" --data "$tmp/nowhere"
learns "--steps 10 --error 1" "autoencoder finds codes for drawn digits" 0 'at most 0.041: reached' \
    "$train/autoencoder" --data $(few digits digits:2560) --hidden 64 --epochs 3 --lr 0.01 --error 0.041 \
    --out "$tmp/codes" --csv "$tmp/codes.csv"
for picture in reconstructions walk codes; do ok "autoencoder draws $picture.png" test -s "$tmp/codes/$picture.png"; done
ok "autoencoder's history has a header and its rows" test "$(wc -l <"$tmp/codes.csv")" -eq "$(few 4 2)"
ok "autoencoder untrained is too far off" both 1 'NOT reached' "$train/autoencoder" --data digits:1000 --hidden 8 --steps 5
ok "one image has no variance" both 1 'no variance (autoencoder.c' "$train/autoencoder" --data digits:1000 --batch 1 --steps 2
ok "a code has no accuracy" both 2 'unknown option --floor' "$train/autoencoder" --floor 3
ok "a constant rate is no choice of mnist" both 2 'unknown option --schedule' "$train/mnist" --schedule constant
ok "a schedule is the choice of one" both 2 'schedule' "$train/lenet" --schedule sometimes

# -------- a run that stops and goes on is the run that did not stop: the same bytes in the state of both
resumes() { # resumes PROGRAM LIMIT FIRST ALL OPTION...: stopped at --LIMIT FIRST, gone on to ALL
    program=$train/$1 limit=--$2 first=$3 all=$4
    case $1 in autoencoder) floor= ;; *) floor='--floor 0' ;; esac
    shift 4
    rm -f "$tmp"/*.state
    "$program" "$@" $limit $all $floor --save "$tmp/straight.state" && "$program" "$@" $limit $first $floor --save "$tmp/first.state" &&
        "$program" "$@" --resume "$tmp/first.state" $floor $limit $all --save "$tmp/second.state" &&
        cmp "$tmp/straight.state" "$tmp/second.state" && ! cmp -s "$tmp/straight.state" "$tmp/first.state"
}
ok "mnist resumes" resumes mnist epochs 1 2 --data digits:2560 --optimizer momentum --lr 0.05
ok "mnist resumes within an epoch" resumes mnist steps 4 12 --data digits:2560 --hidden 16 --batch 256 --optimizer adam
ok "which tells whose loss it prints" some --steps 12 --hidden 16 --batch 256 --optimizer adam --resume "$tmp/first.state" --floor 0
ok "in this case of its own" test "$(said "loss: of this run's steps")" = 1
ok "mnist resumes at the end of an epoch" resumes mnist steps 10 13 --data digits:2560 --hidden 16 --batch 256
ok "lenet resumes" resumes lenet steps 6 12 --data digits:1000 --channels 2,4 --hidden 16
ok "autoencoder resumes" resumes autoencoder steps 15 20 --data digits:2560 --hidden 16 --error 1
ok "moons resumes" resumes moons epochs 7 20 --optimizer adam
ok "moons resumes within an epoch" resumes moons steps 33 50
"$train/moons" --epochs 7 --floor 0 --save "$tmp/go" --csv "$tmp/go.csv" >/dev/null
ok "a run that goes on keeps its history" "$train/moons" --floor 0 --epochs 9 --resume "$tmp/go" --csv "$tmp/go.csv"
ok "row by row" test "$(cut -d, -f1 "$tmp/go.csv" | tr '\n' ' ')" = "epoch 1 2 3 4 5 6 7 8 9 "
ok "xor resumes" resumes xor epochs 700 $(few 2000 800)
ok "xor resumes and draws" resumes xor epochs 700 $(few 2000 800) --optimizer adamw --out "$tmp/resumed"
ok "a state of another shape is refused" both 1 'w1 is F32 \[2,8\] in the file, F32 \[2,4\] here' \
    "$train/xor" --hidden 4 --resume "$tmp/first.state"
ok "and then there is no result" test "$(said 'of 4 right')" = 0
ok "nor where a state cannot be written" both 1 "a directory, not a file" "$train/xor" --save "$tmp"
ok "that is a result" test "$(said 'of 4 right')" = 0
ok "a state of another update rule is refused" both 1 '@optim is rg_optim_adamw in the file, rg_optim_sgd here' \
    "$train/xor" --resume "$tmp/first.state"
ok "a state that is not there is an error" both 1 'nowhere: cannot be opened' "$train/moons" --resume "$tmp/nowhere"
ok "a state that cannot be written is an error" both 2 'moons: cannot make folder /dev/null' \
    "$train/moons" --epochs 1 --save /dev/null/x/state
ok "its folder is made" "$train/moons" --epochs 1 --floor 0 --save "$tmp/deep/state/moons"
ok "the twin by hand has no state" both 2 'only with --path tape' "$train/mnist" --path both --save "$tmp/state"
ok "many seeds have no picture" both 2 'xor: .*of one seed, not of 3' "$train/xor" --seeds 3 --out "$tmp/none"
ok "xor has no batch to choose" both 2 'unknown option --batch' "$train/xor" --batch 4
ok "nor have many seeds" both 2 'of one seed, not of 3' "$train/xor" --seeds 3 --save "$tmp/state"

# -------- real images
loss_after() { sed -n "s/^epoch  *$2\/.*loss \([0-9.]*\).*/\1/p" "$1"; }
if [ -d "$data/mnist" ]; then
    ok "mnist on the real digits" "$train/mnist" --data "$data" --epochs 1 --floor 92
    ok "its loss after an epoch is the published one" between "$(loss_after "$tmp/out" 1)" 0.33 0.40
else
    skip "mnist on the real digits" "no RETROGRAD_DATA"
fi
if [ -d "$data/cifar-10-batches-bin" ]; then
    ok "cifar10 on the real images" "$train/cifar10" --data "$data" --epochs 1 --floor 25
    ok "its loss after an epoch is the published one" between "$(loss_after "$tmp/out" 1)" 1.8 2.05
else
    skip "cifar10 on the real images" "no RETROGRAD_DATA"
fi
done_testing
