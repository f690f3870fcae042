#!/bin/sh
# Includes run one way: tests -> tools, examples -> nn -> ops -> engine. Prints TAP.     sh tests/tools/test_includes.sh
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/support/tap.sh"
cd "$top" || exit 1
may() { # may FOLDER PATTERN: each quoted include of its files is beside them, made by the build, or begins so
    find "$1" ! -name installed.h '(' -name '*.[ch]' -o -name '*.def' ')' | xargs grep -n '^ *# *include "' /dev/null |
        sed 's/^\([^:]*\):\([0-9]*\):[^"]*"\([^"]*\)".*/\1 \2 \3/' >"$tmp/includes"
    [ -s "$tmp/includes" ] || return
    while read -r file line included; do
        case $included in
        call.h | *_calls.h) continue ;;
        ../*) path=$(echo "${file%/*}/$included" | sed ':a; s#[^/]*/\.\./##; ta') ;;
        */*) [ -f "${file%/*}/$included" ] && path=${file%/*}/$included || path=$included ;;
        *) path=${file%/*}/$included ;;
        esac
        echo "$path" | grep -Eq "^($2)" && [ -f "$path" ] || echo "$file:$line: $included"
    done <"$tmp/includes" >"$tmp/wrong"
    cat "$tmp/wrong"
    ! [ -s "$tmp/wrong" ]
}
ok "engine includes engine" may engine 'engine/'
ok "ops includes engine and ops" may ops '(engine|ops)/'
ok "nn includes engine, ops and nn" may nn '(engine|ops|nn)/'
ok "the course, and tools, include no tests" may examples '(engine|ops|nn|tools|examples)/'
ok "nor do tools" may tools '(engine|ops|nn|tools|examples)/'
done_testing
