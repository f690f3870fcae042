#!/bin/sh
# test_glossary.sh SOURCE: docs/glossary.md is in order; each file it names is there, and has the name given with it; each word is used.
# Prints TAP.
set -u
. "${0%/*}/../support/tap.sh"
cd "$1" || exit 1
sed -n '/^|---/,$s/^| \([^|]*\) | [^|]* | \([^|]*\) |$/\1|\2/p' docs/glossary.md >"$tmp/rows"
sed 's/[ *]*|.*//' "$tmp/rows" >"$tmp/words"
ok "there are words" test "$(wc -l <"$tmp/words")" -gt 50
ok "they are in order, each once" env LC_ALL=C sort -f -u -c "$tmp/words"
where() { # where CELL: "`name`, file", or files
    given=$(echo "$1" | sed -n 's/^`\([^`]*\)`.*/\1/p')
    for file in $(echo "$1" | sed 's/`[^`]*`//; s/,/ /g'); do
        [ -e "$file" ] || { echo "there is no $file"; return 1; }
        [ -z "$given" ] || grep -qw "$given" "$file" || { echo "$file has no $given"; return 1; }
    done
}
used() { # used WORD: in one of the sources or of the other pages
    grep -rqiE -e "\b$1s?\b" --include='*.[ch]' --include='*.def' --include='*.md' --exclude=glossary.md \
        README.md CONTRIBUTING.md docs engine ops nn examples tests tools
}
while IFS='|' read -r word cell; do
    ok "$word: $cell" where "$cell"
    word=${word% \*}
    ok "$word is used" used "${word%%,*}"
done <"$tmp/rows"
done_testing
