#!/bin/sh
# What the README and docs/ promise: their programs against an installed copy; the operator; every command. Prints TAP.
#     sh tests/docs/test_readme.sh BUILD-FOLDER [full]       full: with as many epochs as they say
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
full=${2:-}
. "$(dirname "$0")/../support/tap.sh"
cat "$top/README.md" "$top/docs/tutorial.md" "$top/docs/guide.md" "$top/docs/verification.md" \
    "$top/docs/adding-operators.md" >"$tmp/pages"

# -------- the program, against an installed copy
under "A program" c >"$tmp/xor.c"
under "A program" "" >"$tmp/expected"
ok "it installs" installed "$build"
there() { find "$tmp/root" -path "*/$1" | grep .; }
ok "the reference too" there share/doc/retrograd/reference/index.html
ok "and man pages" there man/man3/rg_matmul.3
for language in c c++; do
    compiler=cc
    [ $language = c ] || compiler=c++
    ok "the program compiles as $language without a warning" $compiler -x $language -Wall -Werror "$tmp/xor.c" -o "$tmp/xor" $(flags)
    "$tmp/xor" >"$tmp/printed" 2>&1
    ok "and prints what the README says" same_numbers "$tmp/expected" "$tmp/printed"
done
in_python() {
    (cd "$tmp" && PYTHONPATH=$tmp/root$prefix/share/retrograd/python python3 "$top/examples/python/xor.py") >"$tmp/printed" &&
        diff "$tmp/expected" "$tmp/printed"
}
ok "the program in Python prints it too" in_python
ok "the program compiles with -pedantic" cc -std=c11 -Wall -Wextra -pedantic -Werror "$tmp/xor.c" -o "$tmp/xor" $(flags)
for header in engine/engine.h engine/op.h engine/walk.h ops/ops.h ops/rule.h ops/functional.h ops/losses.h \
    nn/nn.h nn/optim.h nn/data.h nn/save.h nn/sequence.h; do
    printf '#include <retrograd/%s>\nint main(void) { return 0; }\n' $header >"$tmp/alone.c"
    ok "$header stands alone" cc -Wall -Wextra -Werror "$tmp/alone.c" -o "$tmp/alone" $(flags)
done

taken_by_nothing() {
    mkdir -p "$tmp/mine/ops" && : >"$tmp/mine/ops/ops.h" &&
        echo '#include "ops/ops.h"' | cat - "$tmp/xor.c" >"$tmp/mine/xor.c" &&
        cc -Wall -Werror "$tmp/mine/xor.c" -o "$tmp/xor" -I"$tmp/mine" $(flags)
}
ok "a program may have a folder ops of its own" taken_by_nothing

# -------- the operator of one row, by its two commands
add_op() (
    mkdir "$tmp/op" && ln -s "$build" "$tmp/op/build" && under "Add an operator" c >"$tmp/op/bell.c" && cd "$tmp/op" || exit
    under "Add an operator" sh | sed "s|\$(pkg-config[^)]*)|$(flags)|" >commands
    [ "$(wc -l <commands)" -eq 2 ] && sh -e commands >printed && cat printed && grep -q '^bell .* passed$' printed
)
ok "the guide's operator passes the check" add_op

# -------- the program of a section
section() { # section NAME PROGRAM: its C block prints what its plain block says, errors last
    under "$1" c >"$tmp/$2.c" && under "$1" "" >"$tmp/expected" && cc -Wall -Wextra -Werror "$tmp/$2.c" -o "$tmp/$2" $(flags) || return
    (cd "$tmp" && "./$2") >"$tmp/printed" 2>"$tmp/said"
    test -s "$tmp/expected" && cat "$tmp/said" >>"$tmp/printed" && diff "$tmp/expected" "$tmp/printed"
}
ok "the tutorial's first gradient is printed" section "1. A first gradient" first
ok "the tutorial's mistakes get the messages it says" section "2. Read an error" mistakes
ok "the tutorial's derivative is right" section "3. Check a derivative" swish
ok "the tutorial's moons are told apart" section "4. Train a network" moons
ok "the tutorial's digits are read" section "5. A convnet on images" digits
ok "derivatives of functions print what the README says" section "Derivatives of functions" cubes
ok "the program of a played step prints what the README says" section "Play a step" play
ok "the program that goes on prints what the README says" section "Save and go on" goes_on
ok "the program that exports a net prints what the guide says" section "Export as C" exports
exported() {
    under "Export as C" c 2 >"$tmp/main.c" && (cd "$tmp" && sh -c "$(under "Export as C" sh)" && ./main | diff expected -)
}
ok "and so does the exported net" exported

# -------- every command
run() { # run COMMAND-LINE: as the README has it, from a folder with this build in it
    rm -rf "$tmp/there" && mkdir "$tmp/there" && ln -s "$build" "$tmp/there/build" && ln -s "$top/tests" "$tmp/there/tests" &&
        (cd "$tmp/there" && sh -c "$1")
}
# says COMMAND-LINE: it succeeds, and prints a line of "How the checks are tested", whatever the numbers and names in it.
shape() { sed 's/([a-z_0-9]*)/(op)/g; s/PyTorch [^:]*:/PyTorch:/; s/[0-9][0-9.e+-]*/N/g' | sort; }
has_line() {
    under "How the checks are tested" "" | shape >"$tmp/lines"
    run "$1" >"$tmp/printed" && shape <"$tmp/printed" | comm -12 - "$tmp/lines" | grep .
}
says() { ok "$1 prints what the README says" has_line "$1"; }
reached() { # the same bits on every machine, so the same accuracy
    sh "$top/tools/demo" --out "$tmp/demo" >"$tmp/printed" && grep -qxF "$(grep '^test accuracy' "$top/README.md")" "$tmp/printed"
}
are_tests() {
    meson test -C "$build" --list 2>/dev/null | sed 's/.* \/ //' >"$tmp/tests"
    for test; do grep -qxF "$test" "$tmp/tests" || return; done
}
fewer() { if [ -n "$full" ]; then echo "$1"; else echo "${1%% --*}$2"; fi; }
few() { if [ -n "$full" ]; then echo "$1"; else echo "$1" | sed "s/--epochs [0-9]*/--epochs 1/; s/--steps [0-9]*/--steps 50/"; fi; }
only_the_library() {
    ninja -C "$build" -t commands installed >"$tmp/made" && grep -q ' -c .*engine/' "$tmp/made" &&
        ! grep -E ' -c .*(tests|tools|examples)/' "$tmp/made"
}
awk '/^```sh/ { on = 1; next } /^```/ { on = 0 } on && NF' "$tmp/pages" | sed 's/ *#.*//' >"$tmp/commands"
while IFS= read -r command; do
    case $command in
    "sh tools/check" | "meson install -C build --no-rebuild" | "meson test -C build bits" | \
        "cc xor.c "* | "cc first.c "* | "cc main.c "* | ./xor | "cc -shared "* | *"gradcheck --load "*) ok "$command: this very run" true ;;
    "sh tools/demo")
        if [ "$build" = "$top/build" ] && [ -d "${RETROGRAD_FASHION:-/usr/share/datasets/fashion-mnist}" ]; then
            ok "$command prints README's accuracy" reached
        elif [ "$build" = "$top/build" ]; then
            ok "$command" sh "$top/tools/demo" --epochs 1 --floor 0 --out "$tmp/demo"
        else
            skip "$command" "another build folder"
        fi
        ;;
    "meson compile -C build installed") ok "$command: neither tests nor tools" only_the_library ;;
    "ninja -C build "*) ok "$command" run "$command -n" ;;
    "meson test -C build extremes "*) ok "$command: there are such tests" are_tests ${command#meson test -C build} ;;
    "build/tests/mutants --op "* | build/tests/test_registry) ok "$command" run "$command" ;;
    "sh tools/get-data "*) ok "sh tools/get-data --help" sh "$top/tools/get-data" --help ;;
    build/tools/train/mnist*) ok "$(few "$command")" run "$(few "$command") --data ${RETROGRAD_DATA:-digits}" ;;
    build/tools/train/cifar10*)
        if [ -d "${RETROGRAD_DATA:-}/cifar-10-batches-bin" ]; then
            ok "$(few "$command")" run "$(few "$command")"
        else
            skip "$command" "no RETROGRAD_DATA"
        fi
        ;;
    build/tests/mutants*) says "$(fewer "$command" " --every 40")" ;;
    build/tests/random_graphs*) says "$(fewer "$command" " --count 100")" ;;
    "build/tools/gradcheck --oracles") says "$command" ;;
    */torch_parity.py*)
        if [ -n "$full" ] && /usr/bin/python3 -c 'import torch' 2>/dev/null; then
            says "$command"
        else
            skip "$command" "wants PyTorch, in the long suite"
        fi
        ;;
    # With all of Fashion-MNIST they are in test_models.sh.
    build/tools/train/lenet*) ok "$command --data digits --steps 20" run "$command --data digits --steps 20" ;;
    build/tools/train/autoencoder*) ok "$command --data digits --steps 20" run "$command --data digits --steps 20 --error 1" ;;
    build/tools/train/chargpt*) ok "$(few "$command")" run "$(few "$command") $([ -n "$full" ] || echo --floor 0)" ;;
    build/*) ok "$command" run "$command" ;;
    *) ok "$command: a command without a test" false ;;
    esac
done <"$tmp/commands"

# -------- the commands behind the figures, those that take seconds
sed -n 's/.*| `\([^`]*\)` |$/\1/p' "$tmp/pages" >"$tmp/commands"
while IFS= read -r command; do
    case $command in
    *mnist*DIR* | *cifar10*DIR*) continue ;; # above, with few epochs or many
    build/tests/* | build/tools/* | build/examples/course/*) ok "$command" run "$command" ;;
    "meson test -C build steady") ok "$command: beside this one" true ;;
    *) ok "$command: a command without a test" false ;;
    esac
done <"$tmp/commands"
done_testing
