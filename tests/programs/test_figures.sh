#!/bin/sh
# The figures are drawn, whole and of a size for a page; the traps and the homework hold; so does every command of
# examples/course/README.md. Prints TAP.     sh tests/programs/test_figures.sh BUILD-FOLDER
set -u
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/../support/tap.sh"
exits() { want=$1; shift; "$@"; [ $? -eq "$want" ]; }
says() { want=$1 pattern=$2; shift 2; "$@" >"$tmp/said" 2>&1; [ $? -eq "$want" ] && grep -q -- "$pattern" "$tmp/said"; }

# -------- figures
figures=$build/examples/course/figures
names="01-perceptron 02-step 03-xor 04-sigmoid 05-mlp-2-2-1 06-relu 07-mlp-784-128-10 08-softmax 09-log 10-cross-entropy 11-backprop
12-two-layer-graph 13-linear-graph 14-initialisation 15-training 16-overlay 17-moons 18-scores"
# A curve of rounding errors (16-overlay) is different in each build, and takes 180 to 206 kB.
whole() { # whole FILE: the signature of a PNG, its last chunk, and more than 2 but less than 300 kB
    size=$(wc -c <"$1")
    [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] &&
        [ "$(tail -c 12 "$1" | od -An -tx1 | tr -d ' \n')" = 0000000049454e44ae426082 ] &&
        [ "$size" -gt 2000 ] && [ "$size" -lt 300000 ]
}
ok "figures --help names its options" says 0 '--out DIR' "$figures" --help
ok "figures needs a folder" says 2 '--out' "$figures"
ok "a folder that cannot be made is an error" says 1 '/dev/null' "$figures" --out /dev/null/out
ok "images that are not there are an error" says 1 'train-images' "$figures" --out "$tmp/none" --data "$tmp/nowhere"
ok "figures draws them all" "$figures" --data digits --epochs $(few 2 1) --out "$tmp/figures"
cp "$tmp/out" "$tmp/list"
for name in $names; do ok "$name.png" whole "$tmp/figures/$name.png"; done
ok "and names each file once, and no other" test "$(sed 's/ .*//; s/.*\///; s/.png$//' "$tmp/list" | tr '\n' ' ')" = "$(echo $names) "

# -------- traps and homework
for program in traps homework; do
    ok "$program --help lists them" says 0 '^usage' "$build/examples/course/$program" --help
    lessons=$(sed -n 's/^  \([a-z0-9-]*\)  .*/\1/p' "$tmp/said")
    ok "there are as many as the source has" test "$(echo "$lessons" | wc -l)" -eq \
        "$(grep -o '{"[a-z0-9-]*", "[^{]*", [a-z_]*}' "$top/examples/course/$program.c" | wc -l)"
    [ $program = homework ] || traps=$lessons
    for lesson in $lessons; do ok "$program $lesson" says 0 '^  = ' "$build/examples/course/$program" "$lesson"; done
    [ "$short" ] || ok "$program, all of them" "$build/examples/course/$program"
    ok "$program refuses an unknown name, and says which there are" says 2 "'unknown' is none of $(echo $lessons)" \
        "$build/examples/course/$program" unknown
done

# -------- every command of examples/course/README.md
run() { # run COMMAND-LINE: as the README has it, from a folder with this build in it
    rm -rf "$tmp/there" && mkdir "$tmp/there" && ln -s "$build" "$tmp/there/build" && (cd "$tmp/there" && sh -c "$1")
}
awk '/^```sh/ { on = 1; next } /^```/ { on = 0 } on && NF' "$top/examples/course/README.md" >"$tmp/commands"
ok "examples/course/README.md has commands" test -s "$tmp/commands"
while IFS= read -r command; do
    case $short:$command in # in short not once more what ran above
    1:build/examples/course/figures* | 1:build/examples/course/traps* | 1:build/examples/course/homework*) continue ;;
    esac
    case $command in
    build/examples/course/figures*) ok "$command" run "$command --data digits --epochs 1" ;;
    build/tools/train/mnist*)
        short_run=$(echo "$command" | sed "s/--epochs [0-9]*/$(few '--epochs 1' '--steps 20')/")
        ok "$command" run "$short_run --data $(few digits digits:2560)"
        ;;
    build/tools/train/lenet*) ok "$command" run "$command --data digits:1000 --steps $(few 40 3)" ;; # all of both: test_models.sh
    build/tools/train/autoencoder*) ok "$command" run "$command --data digits:1000 --steps $(few 20 3) --error 1" ;;
    build/*) ok "$command" run "$command" ;;
    *) ok "$command: a command without a test" false ;;
    esac
done <"$tmp/commands"
for lesson in $traps; do ok "examples/course/README.md shows $lesson" grep -q "^build/examples/course/traps $lesson\$" "$tmp/commands"; done
done_testing
