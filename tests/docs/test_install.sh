#!/bin/sh
# What docs/install.md says: each of its blocks, against an installed copy. Prints TAP.
#     sh tests/docs/test_install.sh BUILD-FOLDER [full]    full: also builds the library into a folder, and as a subproject
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
full=${2:-}
. "$(dirname "$0")/../support/tap.sh"
cat "$top/README.md" "$top/docs/install.md" >"$tmp/pages"
under "A program" c >"$tmp/xor.c"
under "A program" "" >"$tmp/expected"
learns_xor() { "$@" >"$tmp/printed" && same_numbers "$tmp/expected" "$tmp/printed"; }
has() { command -v "$1" >/dev/null; }
lacks() { grep "$@"; [ $? = 1 ]; }

ok "it installs" installed "$build"
version=$(pkg-config --modversion retrograd)
lib=${PKG_CONFIG_PATH%/pkgconfig} at=${lib#"$tmp/root"}
export HOME="$tmp/home"
mkdir "$HOME" && ln -s "$tmp/root$prefix" "$HOME/retrograd"

# -------- found without being told where; of a prefix that they do not know, nothing is found
pkg_config_looks_into() { pkg-config --variable pc_path pkg-config | tr : '\n' | grep "$@"; }
loader_looks_into() { PATH=$PATH:/sbin ldconfig -N -X -v 2>/dev/null | sed -n 's/^\(\/[^:]*\):.*/\1/p' | grep "$@"; }
for who in pkg_config loader; do
    where=$at
    [ $who = loader ] || where=$at/pkgconfig
    if ${who}_looks_into -q "^$prefix/"; then ok "the $who looks into $where" ${who}_looks_into -x "$where"; else
        skip "the $who looks into $where" "it knows no $prefix"
    fi
done

# -------- pkg-config
words() { pkg-config "$@" --libs retrograd | tr ' ' '\n' | grep .; }
words >"$tmp/libs"
words --static >"$tmp/all"
for word in -lretrograd -lm; do ok "a program links $word" grep -qx -- $word "$tmp/libs"; done
for package in $(sed -n 's/^Requires.*: //p' "$lib/pkgconfig/retrograd.pc" | tr -d ,); do
    ok "a static one $package, too" grep -q "^$(pkg-config --libs-only-l "$package" | cut -d ' ' -f 1)" "$tmp/all"
done
no_word_twice() { sed -n 's/^Libs.*: //p' "$lib/pkgconfig/retrograd.pc" | tr ' ' '\n' | sort | uniq -d | lacks .; }
ok "retrograd.pc has none twice" no_word_twice
cd "$tmp" || exit 1
links() { echo 'int main(void) { return 0; }' | cc -x c - -o none "$@"; }
if [ ! -f "$lib/libretrograd.a" ] || ! links -static $(grep '^-l[^r]' all) 2>/dev/null; then
    skip "a static program" "no static libraries"
else
    statically() { echo "$(under "Static programs" sh | sed 's|\$(pkg-config.*)|$(flags --static)|')" >commands && . ./commands; }
    ok "a static program" statically
    ok "learns without any library" learns_xor env -u LD_LIBRARY_PATH ./xor
fi

# -------- CMake
if ! has cmake; then
    skip "CMake finds it" "no cmake"
else
    unset PKG_CONFIG_PATH
    fits() { # fits VERSION YES-OR-NO: does find_package(retrograd VERSION) find it?
        mkdir -p asked && echo "cmake_minimum_required(VERSION 3.19)
project(mine NONE)
set(CMAKE_SHARED_LIBRARY_PREFIX lib)
set(CMAKE_SHARED_LIBRARY_SUFFIX .so)
find_package(retrograd $1 QUIET)
message(\"found: \${retrograd_FOUND} \${retrograd_VERSION}\")" >asked/CMakeLists.txt
        rm -rf asked/out && cmake -S asked -B asked/out -DCMAKE_PREFIX_PATH="$HOME/retrograd" 2>&1 | grep "found: $2"
    }
    minor=${version#*.} minor=${minor%%.*}
    program() { # program FOLDER OPTION: by the blocks of the page
        mkdir "$1" && cp xor.c "$1" && under CMake cmake >"$1/CMakeLists.txt" && under CMake sh | sed "s/ -S / ${2:-}&/" >"$1/commands" &&
            (cd "$1" && unset LD_LIBRARY_PATH && sh -e commands >said && out/xor >printed && same_numbers ../expected printed)
    }
    for asked in "" "0.$minor" "$version" "0.$((minor - 1))...0.$minor.99"; do
        ok "CMake: $version is a ${asked:-retrograd}" fits "$asked" 1
    done
    for asked in "0.$((minor - 1))" "0.$((minor + 1))" "0.$minor.99" 1 "0.$((minor + 1))...2"; do
        ok "CMake: it is no $asked" fits "$asked" 0
    done
    linked() { readelf -d "$1/out/xor" | grep -c 'NEEDED.*retrograd' | grep -x "$2"; } # linked FOLDER 0-OR-1: with the shared library?
    ok "the page's program, with the shared library" program with_shared
    ok "is linked with it" linked with_shared 1
    ok "with the static library" program with_static -Dretrograd_USE_STATIC_LIBS=ON
    ok "is linked with that" linked with_static 0
    rm "$lib"/libretrograd.so*
    ok "with the only one there is" program with_only
    ok "is linked with that, too" linked with_only 0
    rm "$lib"/libretrograd.a
    ok "without any it says so" both 1 'there is neither' program with_none
fi

# -------- a subproject
tree() { # tree FOLDER: a copy of the sources
    mkdir -p "$1" && (cd "$top" && tar cf - --exclude=__pycache__ engine ops nn examples tests tools docs \
        retrograd.h meson.build meson_options.txt LICENSE README.md) | tar xf - -C "$1"
}
repository() (
    tree "$tmp/origin" && cd "$tmp/origin" && git init -q . && git add . && git -c user.name=me -c user.email=me@here commit -qm all &&
        git tag "$(under Meson ini | sed -n 's/^revision = //p')"
)
host() { # host FOLDER: a project of one program, which also reads a header for authors of operators
    mkdir -p "$1/subprojects" && under Meson meson >"$1/meson.build" && (cat xor.c && echo '#include <retrograd/ops/sample.h>') >"$1/xor.c"
}
if ! has git; then
    skip "a subproject" "no git"
else
    ok "a repository of it" repository
    host mine
    under Meson ini | sed "s|URL of the repository|file://$tmp/origin|" >mine/subprojects/retrograd.wrap
    cd mine || exit 1
    ok "the page's project takes it from there" meson setup out --force-fallback-for=retrograd
    ok "without its tests, tools and examples" lacks -E '/(tests|tools|examples)/meson.build"' out/meson-info/intro-targets.json
    ok "has no test" grep -qx '\[\]' out/meson-info/intro-tests.json
    ok "needs no cmocka" lacks cmocka out/meson-logs/meson-log.txt
    grep -o '"command": ".*-c [./]*xor\.c"' out/compile_commands.json | tr ' ' '\n' >flags
    ok "has flags" grep -q -- -O3 flags
    ok "none is the library's" lacks -E -e '^-(f(fp|no|align|vis)|DRG_|Wshadow|std=|pthread|I/)' flags
    ok "compiles" ninja -C out xor.p/xor.c.o
    if [ -n "$full" ]; then
        ok "links" ninja -C out
        ok "learns" learns_xor out/xor
    fi
    cd ..
fi

# -------- the whole way into a folder
if [ -n "$full" ]; then
    rm "$HOME/retrograd"
    unset LD_LIBRARY_PATH
    ok "a tree to build" tree own
    whole() (cp xor.c own && cd own && under "Another folder" sh >commands && . ./commands >said && "$@")
    ok "the page's way into a folder" whole learns_xor ./xor
    host found
    export PKG_CONFIG_PATH="$HOME/retrograd/lib/pkgconfig"
    ok "Meson finds it there" meson setup found/out found --wrap-mode=nofallback
    ok "and builds a program" ninja -C found/out
    ok "which learns" learns_xor found/out/xor
fi
done_testing
