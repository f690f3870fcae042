# tap.sh - for test scripts: ok NAME COMMAND... runs a command and prints a TAP line; skip NAME REASON; both STATUS PATTERN
# COMMAND...; done_testing prints the plan and exits with 1 if a command failed.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0

ok() {
    n=$((n + 1)) name=$1
    shift
    if "$@" >"$tmp/out" 2>"$tmp/err"; then echo "ok $n - $name"; else
        bad=1
        echo "not ok $n - $name"
        sed 's/^/#  /' "$tmp/out" "$tmp/err" | tail -n 20
    fi
}
both() { # both STATUS PATTERN COMMAND...: that exit status, and that text somewhere
    want=$1 pattern=$2
    shift 2
    "$@" >"$tmp/both" 2>&1
    status=$?
    cat "$tmp/both"
    [ $status -eq "$want" ] && grep -q -- "$pattern" "$tmp/both"
}
# RETROGRAD_SHORT (a sanitizer's build): programs that train do some steps only, and need not have learned anything.
short=${RETROGRAD_SHORT:-}
few() { if [ "$short" ]; then echo "$2"; else echo "$1"; fi; } # few MANY SOME
# learns FEW NAME STATUS PATTERN COMMAND...: in short COMMAND has the options FEW behind it, which end it early, and has to
# end with 0
learns() {
    few=$1 name=$2 want=$3 pattern=$4
    shift 4
    if [ "$short" ]; then ok "$name: the first steps" "$@" $few; else ok "$name" both "$want" "$pattern" "$@"; fi
}
# installed BUILD: a copy of that build in $tmp/root; then `cc .. $(flags)` compiles and links against it, and programs find its library.
installed() {
    meson install -C "$1" --no-rebuild --destdir "$tmp/root" || return
    pc=$(find "$tmp/root" -name retrograd.pc)
    prefix=$(sed -n 's/^prefix=//p' "$pc")
    export PKG_CONFIG_PATH="${pc%/*}" LD_LIBRARY_PATH="${pc%/pkgconfig/*}"
}
flags() { pkg-config --define-variable=prefix="$tmp/root$prefix" "$@" --cflags --libs retrograd; }
# under SECTION KIND [N]: the first block of a kind there, or block N; kind "" is a block without one, of the pages in $tmp/pages.
under() {
    awk -v kind="$2" -v section="## $1" -v n="${3:-1}" '
    /^## / { here = $0 == section }
    /^```/ {
        if (on) { on = 0; if (mine && !--n) exit } else { on = 1; mine = here && substr($0, 4) == kind }
        next
    }
    on && mine && n == 1' "$tmp/pages"
}
# same_numbers FILE FILE: both are ten lines of a step and a loss, and the losses differ by .0005 at most
same_numbers() {
    awk '
    NR == FNR { step[NR] = $1; loss[NR] = $2; n = NR; next }
    { bad += $1 != step[FNR] || $2 - loss[FNR] > .0005 || loss[FNR] - $2 > .0005; m = FNR }
    END { exit !(n == 10 && m == n && !bad) }' "$1" "$2"
}
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }
done_testing() { echo "1..$n"; exit $bad; }
