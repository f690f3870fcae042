#!/bin/sh
# What tools/setup, demo and check do on machines that lack this or that: played with stand-ins for the package
# manager, sudo, meson and the rest, without network and without installing anything. Prints TAP.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

out=$tmp/out calls=$tmp/calls bin=$tmp/bin repo="$tmp/the repo" # the space is there on purpose
real_path=$PATH
unset CC CI RETROGRAD_DATA RETROGRAD_FASHION
export CALLS="$calls" HOME="$tmp/home" RETROGRAD_FASHION="$tmp/fashion"

stub() { # stub NAME COMMANDS: a program that notes its call and does that
    printf '#!/bin/sh\necho "${0##*/} $*" >>"$CALLS"\n%s\n' "$2" >"$bin/$1"
    chmod +x "$bin/$1"
}
fresh() { # a machine with all that is needed and an ordinary user; a copy of the tools
    rm -rf "${tmp:?}"/*
    mkdir -p "$bin" "$repo" "$tmp/fashion"
    touch "$tmp/fashion/train-images-idx3-ubyte.gz"
    for program in sh cat cut date dirname env grep id ls mkdir mktemp rm sed tail touch; do
        ln -s "$(PATH=$real_path command -v $program)" "$bin/$program"
    done
    for program in cc c++ meson ninja pkg-config curl xz true; do stub $program ''; done
    stub apt-get 'exit 100'
    rm "$bin/id" && stub id 'echo 1000'
    cp -r "$top/tools" "$repo/tools"
    : >"$calls" && : >"$out"
}
as_root() { stub id 'echo 0'; }
setup() { PATH=$bin sh "$repo/tools/setup" "$@" >"$out" 2>&1; }
exits() { want=$1; shift; "$@"; [ $? -eq "$want" ]; }
says() { grep -q -- "$1" "$out"; }
silent() { [ ! -s "$out" ]; }
called() { grep -q -- "$1" "$calls"; }

setup_is_silent_when_nothing_is_missing() { setup build data && silent && ! called apt-get; }
setup_tells_an_ordinary_user_the_one_command() {
    rm "$bin/meson" && exits 1 setup build && ! called apt-get && [ "$(grep -c 'sudo apt-get install' "$out")" = 1 ] &&
        grep 'install' "$out" | grep -q 'no-install-recommends meson$'
}
setup_looks_for_libraries_with_pkg_config() { stub pkg-config '[ "$2" != libpng ]' && exits 1 setup && says 'libpng-dev$'; }
setup_uses_a_sudo_without_password() {
    rm "$bin/ninja" && stub apt-get '' && stub sudo '[ "$1" = -n ] && shift && exec "$@"' &&
        setup build && called 'apt-get .*install .*ninja-build$'
}
setup_leaves_a_sudo_with_password_alone() {
    rm "$bin/ninja" && stub sudo 'exit 1' && exits 1 setup build && ! called apt-get && says ninja-build
}
setup_installs_only_what_is_missing() {
    as_root && rm "$bin/ninja" && stub apt-get '' &&
        setup build data check && called 'recommends ninja-build$' && says 'installation took'
}
setup_refreshes_the_lists_when_an_install_fails() {
    as_root && rm "$bin/meson" && stub apt-get 'case $* in *update*) touch "$CALLS.new" ;; *) [ -e "$CALLS.new" ] ;; esac' &&
        setup build && called update
}
setup_fails_when_a_package_cannot_be_had() { as_root && rm "$bin/meson" && exits 1 setup build data && says 'could not install meson'; }
setup_goes_on_without_the_optional_package() { as_root && rm -r "$tmp/fashion" && setup build data && says 'going on without'; }
setup_installs_the_rest_when_the_optional_package_fails() {
    as_root && rm -r "$tmp/fashion" "$bin/meson" && stub apt-get 'case $* in *dataset*) exit 100 ;; esac' &&
        setup build data && called 'recommends meson$' && says 'going on without'
}
setup_does_not_trouble_an_ordinary_user_with_the_optional_package() { rm -r "$tmp/fashion" && setup build data && silent; }
setup_names_fedoras_packages() {
    rm "$bin/apt-get" "$bin/ninja" && stub pkg-config 'exit 1' && stub dnf '' && exits 1 setup build &&
        says 'dnf install ninja-build zlib-devel libpng-devel libcmocka-devel$' && ! called dnf
}
setup_names_things_where_it_knows_no_manager() { rm "$bin/apt-get" "$bin/ninja" && exits 1 setup build data && says 'ninja$'; }
setup_needs_no_manager_when_nothing_is_missing() { rm -r "$bin/apt-get" "$tmp/fashion" && setup build data && silent; }
setup_refuses_an_unknown_group() { exits 2 setup build everything && says "'everything'"; }
setup_prints_help() { setup --help && says 'sh tools/setup'; }

demo() { # with stand-ins that build a program which tells its arguments
    stub meson 'mkdir -p build && touch build/build.ninja'
    stub ninja 'mkdir -p build/tools/train &&
        printf "#!/bin/sh\necho trained with \$*\nexit ${TRAINED:-0}\n" >build/tools/train/mnist &&
        PATH=/usr/bin:/bin chmod +x build/tools/train/mnist'
    printf 'echo "setup $*" >>"$CALLS"\n' >"$repo/tools/setup"
    (cd / && PATH=$bin sh "$repo/tools/demo" "$@") >"$out" 2>&1
}
demo_trains_on_fashion_mnist() {
    demo && says "trained with .*--data $tmp/fashion" && says 'training on Fashion-MNIST' && called 'setup build$'
}
demo_falls_back_to_mnist() {
    rm -r "$tmp/fashion" && mkdir -p "$tmp/data/mnist" && touch "$tmp/data/mnist/train-images-idx3-ubyte.gz" &&
        RETROGRAD_DATA=$tmp/data demo && says "trained with .*--data $tmp/data/mnist" && says 'training on MNIST' &&
        called 'setup build data'
}
demo_falls_back_to_drawn_digits() { rm -r "$tmp/fashion" && demo && says 'trained with .*--data digits' && says 'drawn by the program'; }
demo_tries_only_once_for_the_package() { rm -r "$tmp/fashion" && demo && demo && [ "$(grep -c 'setup build data' "$calls")" = 1 ]; }
demo_passes_options_on() { demo --epochs 2 --seed 3 && says 'trained with .*--epochs 2 --seed 3$'; }
demo_leaves_the_choice_of_data_to_the_user() { demo --data /some/where && says '--data /some/where$' && ! says fashion; }
demo_ends_with_the_programs_status() { TRAINED=7 exits 7 demo; }
demo_stops_when_setup_fails() {
    stub meson '' && printf 'exit 1\n' >"$repo/tools/setup"
    PATH=$bin exits 1 sh "$repo/tools/demo" >"$out" 2>&1 && ! called meson
}
demo_shows_a_build_that_fails() {
    stub ninja 'echo error: semicolon; exit 1' && printf 'exit 0\n' >"$repo/tools/setup"
    PATH=$bin exits 1 sh "$repo/tools/demo" >"$out" 2>&1 && says semicolon && ! says trained
}

check() { # with the real meson; its tests are what $repo/meson.build names
    printf 'exit 0\n' >"$repo/tools/setup"
    PATH=$real_path sh "$repo/tools/check" "$@" >"$out" 2>&1
}
ends_with() { [ "$(tail -n 1 "$out")" = "$1" ]; }
program() { # program NAME COMMANDS: a test
    [ -e "$repo/meson.build" ] || echo "project('stand-in')" >"$repo/meson.build"
    echo "test('$1', find_program('sh'), args: ['-c', '''$2'''], suite: 'quick')" >>"$repo/meson.build"
}
check_counts_single_cases() {
    program a 'echo 1..2; echo ok 1 - x; echo ok 2 - y' && program b 'exit 0' && check && ends_with '3 passed, 0 failed'
}
check_counts_every_failure() {
    program a 'echo 1..3; echo ok 1 - x; echo not ok 2 - y; echo "# here is why"; echo not ok 3 - z; exit 2' && program b 'exit 1' &&
        exits 1 check && ends_with '1 passed, 3 failed' && says 'here is why'
}
check_counts_a_crash_as_a_failure() {
    program a 'echo 1..3; echo ok 1 - x; kill -SEGV $$' && exits 1 check && ends_with '1 passed, 1 failed' && says SIGSEGV
}
check_counts_a_program_that_stops_early() {
    program a 'echo 1..3; echo ok 1 - x; exit 0' && exits 1 check && ends_with '1 passed, 1 failed'
}
check_counts_a_leak_found_at_exit() {
    program a 'echo 1..1; echo ok 1 - x; echo leaked >&2; exit 23' && exits 1 check &&
        ends_with '1 passed, 1 failed' && says leaked
}
check_does_not_fail_for_what_is_skipped() {
    program a 'echo 1..2; echo ok 1 - x; echo not ok 2 "#" SKIP y' && program b 'exit 77' && check &&
        ends_with '1 passed, 0 failed' && says '(2 skipped)'
}
check_fails_when_all_is_skipped() { program a 'exit 77' && exits 1 check && ends_with '0 passed, 1 failed'; }
check_fails_when_no_test_ran() { echo "project('stand-in')" >"$repo/meson.build" && exits 1 check && ends_with '0 passed, 1 failed'; }
check_fails_when_the_build_fails() {
    echo 'nonsense(' >"$repo/meson.build" && exits 1 check && ends_with '0 passed, 1 failed' && says nonsense
}
check_refuses_an_unknown_option() { exits 2 check --fast && says "'--fast'"; }

lines() { # of a tree whose parts have a line each, except for what a case adds
    for part in engine ops ops/check ops/kernels nn nn/kernels examples examples/course examples/course/manual \
        examples/course/manual/faults tests/ops tools tools/bench tools/compare tools/gradcheck \
        tools/common tools/train; do
        mkdir -p "$repo/$part" && echo 'int x;' >"$repo/$part/a.c"
    done
    mkdir -p "$repo/tools/python/retrograd" && touch "$repo/tools/python/a.py" "$repo/tools/python/retrograd/a.py"
    mkdir -p "$repo/engine/random" "$repo/engine/math" && touch "$repo/engine/random/rng.c" "$repo/engine/random/rng.h"
    touch "$repo/engine/math/each.h" "$repo/engine/math/pow.h" "$repo/engine/math/polynomials.py"
    touch "$repo/ops/a.def" "$repo/meson.build" "$repo/README.md" "$repo/CONTRIBUTING.md"
    "$@" && PATH=$real_path sh "$repo/tools/lines" >"$out" 2>&1
}
long() { mkdir -p "$repo/nn" && awk 'BEGIN { for (i = 0; i < 20000; i++) print "int x;" }' >"$repo/nn/long.c"; }
long_comment() {
    mkdir -p "$repo/nn" && awk 'BEGIN { print "/*"; for (i = 0; i < 20000; i++) print "words"; print "*/\n" }' >"$repo/nn/long.c"
}
lines_counts_each_part() { lines true && says '^nn/  *2 of [1-9]' && says '^engine/  *1'; }
lines_fails_for_a_part_beyond_its_ceiling() {
    exits 1 lines long && says '^nn/  *20002 of' && says 'lines: nn/ is longer than its ceiling'
}
wide() { mkdir -p "$repo/nn" && printf '%0121d\n' 0 >"$repo/nn/nn.h"; }
wide_scripts() { # by name, and by the first line; tests/data is none
    mkdir -p "$repo/tests" && printf '%0141d\n' 0 >"$repo/tests/a.sh" && cp "$repo/tests/a.sh" "$repo/tests/data" &&
        printf '#!/bin/sh\n%0141d\n' 0 >"$repo/tools/run"
}
lines_names_a_wide_header() { exits 1 lines wide && says 'lines: nn/nn.h:1 has 121 columns, of at most 120'; }
lines_names_a_wide_script() {
    exits 1 lines wide_scripts && says 'lines: tests/a.sh:1 has 141 columns, of at most 140' &&
        says 'lines: tools/run:2 has 141 columns' && ! says tests/data
}
long_pages() { yes '' | head -n 151 >"$repo/CONTRIBUTING.md" && yes '' | head -n 150 >"$repo/README.md"; }
lines_names_a_long_page() { exits 1 lines long_pages && says 'CONTRIBUTING.md has 151 lines, of at most 150' && ! says README; }
lines_does_not_count_comments() { lines long_comment && says '^nn/  *2 of'; }

cases=$(grep -Eo '^(setup|demo|check|lines)_[a-z0-9_]+' "$0")
echo "1..$(echo "$cases" | wc -l)"
number=0
for case in $cases; do
    number=$((number + 1))
    title=$(echo "$case" | tr _ ' ')
    fresh
    if $case; then echo "ok $number - $title"; else
        echo "not ok $number - $title"
        sed 's/^/# /' "$out" "$calls"
    fi
done
