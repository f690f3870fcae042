#!/bin/sh
# test_symbols.sh LIBRARY SOURCES: what the shared library calls and keeps. It cannot end the process or print, it
# calls no function that has other bits from one libm to another, has no writable state but the registry and the pool of threads, and the
# tests hand NULL to every function of the user's headers. Prints TAP.
set -u
library=$1 sources=$2 n=0
export LC_ALL=C
ok() { # ok NAME LIST: an empty list is what is wanted
    n=$((n + 1))
    if [ -z "$2" ]; then echo "ok $n - $1"; else echo "not ok $n - $1:" $2; fi
}
if nm "$library" | grep -Eq ' (__asan|__tsan|__ubsan|__gcov|__llvm_prof)'; then echo '1..0 # SKIP instrumented'; exit 0; fi
called=$(nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $2); print $2 }')
data=$(nm -f sysv "$library" | awk -F'|' '{ gsub(/ /, "") } $7 ~ /^\.(data|bss|tdata|tbss|ldata|lbss)$/ { print $1 }')
thread_local=$(nm -f sysv "$library" | awk -F'|' '{ gsub(/ /, "") } $4 == "TLS" { print $1 }')
public=$(nm -D --defined-only "$library" | awk '$2 == "T" { print $3 }')
echo 1..7
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
ok 'NULL goes through every function of the headers' "$(for name in $declared; do
    case $name in rg_tape_new|rg_version) continue ;; esac
    echo "$public" | grep -Eqx "$name(_at)?" || continue
    grep -Eq "[ (]N\($name, " "$sources/tests/engine/test_errors.c" || echo "$name"
done)"
