#!/bin/sh
# test_traps.sh SOURCE BUILD: each block of docs/traps.md prints what the page says, messages among it. Prints TAP.
set -u
. "${0%/*}/../support/tap.sh"
source=$1 build=$2

# Of each section the block of C becomes a function, and the block without a kind the file of what it prints.
awk -v to="$tmp" '
    BEGIN { print "#include <math.h>\n#include <retrograd.h>\n#include <stdio.h>\n#include <stdlib.h>" }
    /^## / { n++; print substr($0, 4) >(to "/titles"); printf "" >(to "/" n); next }
    /^```/ {
        if (on && c) print "}"
        on = !on
        c = on && n && $0 == "```c"
        text = on && n && $0 == "```"
        if (c) printf "static void trap_%d(rg_tape *t) {\n#line 1 \"trap.c\"\n", n
        next
    }
    c
    text { print >(to "/" n) }
    END {
        print "static void (*const traps[])(rg_tape *t) = {"
        for (i = 1; i <= n; i++) printf "    trap_%d,\n", i
        print "};\nint main(int argc, char **argv) {\n    setvbuf(stdout, NULL, _IONBF, 0);\n    rg_tape *t = rg_tape_new(1);"
        print "    traps[argc > 1 ? atoi(argv[1]) - 1 : 0](t);\n    rg_tape_free(t);\n    return 0;\n}"
    }' "$source/docs/traps.md" >"$tmp/trap.c"
ok "the blocks compile" ${CC:-cc} -Wall -Wextra -Werror -I"$source" -I"$build" "$tmp/trap.c" -o "$tmp/trap" -L"$build" -lretrograd \
    -Wl,-rpath,"$build" -lm
prints() { test -s "$tmp/$1" && (cd "$tmp" && ./trap "$1") >"$tmp/printed" 2>&1 && diff "$tmp/$1" "$tmp/printed"; }
while IFS= read -r title; do
    ok "$title" prints "${title%%.*}"
done <"$tmp/titles"
done_testing
