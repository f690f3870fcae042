#!/bin/sh
# test_symbols.sh LIBRARY SOURCES BUILD: what the shared library calls, keeps and exports. It cannot end the process or print, it
# calls no function that has other bits from one libm to another, has no writable state but the registry and the pool of threads, and the
# tests hand NULL to every function of the user's headers. It exports what the installed headers declare, and all that the last release of
# this soname did: tests/golden/exports-SOVERSION.txt. Prints TAP.
set -u
library=$1 sources=$2 build=$3 n=0
export LC_ALL=C
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
ok() { # ok NAME LIST: an empty list is what is wanted
    n=$((n + 1))
    if [ -z "$2" ]; then echo "ok $n - $1"; else echo "not ok $n - $1:" $2; fi
}
if nm "$library" | grep -Eq ' (__asan|__tsan|__ubsan|__gcov|__llvm_prof)'; then echo '1..0 # SKIP instrumented'; exit 0; fi
called=$(nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $2); print $2 }')
data=$(nm -f sysv "$library" | awk -F'|' '{ gsub(/ /, "") } $7 ~ /^\.(data|bss|tdata|tbss|ldata|lbss)$/ { print $1 }')
thread_local=$(nm -f sysv "$library" | awk -F'|' '{ gsub(/ /, "") } $4 == "TLS" { print $1 }')
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }')
public=$(nm -D --defined-only "$library" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }')
echo 1..12
found() { [ -n "$1" ] && echo "$1" | grep -qx "$2" && return; echo "$2 is missing"; }
ok 'the list of symbols is one' "$(found "$called" malloc; found "$data" head; found "$public" rg_tape_new)"
ok 'nothing ends the process' "$(echo "$called" |
    grep -Ex 'abort|exit|_exit|_Exit|quick_exit|__assert_fail|__assert|raise|kill|longjmp|__longjmp_chk')"
ok 'nothing prints but to a FILE it was given' "$(echo "$called" |
    grep -Ex 'v?printf|__v?printf_chk|puts|putchar|perror|stdout|write|syslog')"
ok 'no function that has other bits from one libm to another' "$(echo "$called" |
    grep -Ex -e '_ZGV.*|((exp|log)(2|10|m1|1p)?|a?(sin|cos|tan)h?|sincos|atan2|pow)f?' -e '(erfc?|cbrt|hypot|[lt]gamma)f?')"
# The rest belongs to the compiler's start files and to its question which processor this is.
ok 'no writable data but the registry and the pool of threads' "$(echo "$data" |
    grep -Evx -e 'head|pool|rg_op_rejected|entry_[a-z0-9_]+' \
        -e 'completed\.[0-9]+|__dso_handle|__TMC_END__|_edata|_end|__bss_start|__cpu_model|__cpu_features2?')"
ok 'nothing thread-local' "$thread_local"
declared=$(cd "$sources" &&
    cat engine/engine.h engine/core_ops.h ops/ops.h ops/functional.h ops/losses.h ops/gradcheck.h ops/elementwise.h |
    grep -Eo '^[A-Za-z][A-Za-z0-9_ *]*rg_[a-z0-9_]+\(' | grep -o 'rg_[a-z0-9_]*($' | tr -d '(' | sort -u)
ok 'NULL goes through every function of the headers: a row N(..) of tests/engine/test_errors.c' "$(for name in $declared; do
    case $name in rg_tape_new|rg_version) continue ;; esac
    echo "$public" | grep -Eqx "$name(_at)?" || continue
    grep -Eq "[ (]N\($name, " "$sources/tests/engine/test_errors.c" || echo "$name"
done)"

# What gcc finds declared in the installed headers; one that is a part of row.h does not compile alone. A function with a parameter of these
# types can only be called through its macro: it exists as NAME_at, NAME_n or NAME_of.
for header in $(tr ',' '\n' <"$build/meson-info/intro-installed.json" | sed -n 's/^[ {]*"\([^"]*\.h\)": .*/\1/p'); do
    echo "#include \"$header\"" | gcc -fsyntax-only -DRG_ROW= -aux-info "$tmp/found" -I"$sources" -I"$build" -x c - && cat "$tmp/found"
done 2>/dev/null | grep -Ev '\<rg_(dims|axes|tensors|layers|places|data|room)\>' |
    sed -n 's/^[^*]*\*[^*]*\*\/ extern [^(]*\<\(rg_[a-z0-9_]*\) (.*/\1/p' | sort -u >"$tmp/declared"
echo "$exported" | sort >"$tmp/exported"
if [ "$(uname)" = Darwin ] || ! command -v gcc >/dev/null; then
    for what in 'what is declared is exported' 'nothing else is exported'; do
        n=$((n + 1))
        echo "ok $n - $what # SKIP no gcc, or no version scripts"
    done
else
    ok 'what is declared is exported' "$(comm -23 "$tmp/declared" "$tmp/exported")"
    ok 'nothing else is exported' "$(comm -13 "$tmp/declared" "$tmp/exported")"
fi
soversion=$(readelf -d "$library" | sed -n 's/.*soname: \[libretrograd\.so\.\(.*\)\]/\1/p')
version=$(sed -n 's/^#define RG_VERSION_[MP][A-Z]* //p' "$sources/ops/ops.h" | paste -sd.)
ok 'the name for the loader has the minor version' "$(case $version in "$soversion".*) ;; *) echo "$soversion of $version" ;; esac)"
ok 'and so has the version of each function' "$(nm -D --defined-only "$library" | grep -v "RETROGRAD_$soversion\$")"
golden=$sources/tests/golden/exports-$soversion.txt
if [ -f "$golden" ]; then
    ok "all that $golden lists is exported" "$(comm -23 "$golden" "$tmp/exported")"
    comm -13 "$golden" "$tmp/exported" | sed 's/^/# added since: /'
else
    echo "ok 12 - the first release of $soversion # SKIP there is no $golden"
fi
