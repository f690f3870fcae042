# Breaks the rows of ops/elementwise.def: for each row NAME_mutant0, as it stands, and NAME_mutant1, 2 ... with one thing changed in its
# dx. The formula of a broken row says what its dx has become. The added 0 * DY keeps the gradient's shape, whatever was dropped.
function closing(text, at,   depth, quoted, c) { # the ")" for the "(" at `at`
    for (depth = quoted = 0; at <= length(text); at++) {
        c = substr(text, at, 1)
        if (c == "\"") quoted = !quoted
        if (quoted) continue
        if (c == "(") depth++
        if (c == ")" && --depth == 0) return at
    }
    return 0
}
function split_args(text, to,   n, i, c, depth, quoted) { # at the commas of the top level
    n = 1
    to[1] = ""
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "\"") quoted = !quoted
        if (!quoted && c == "(") depth++
        if (!quoted && c == ")") depth--
        if (!quoted && depth == 0 && c == ",") { to[++n] = ""; continue }
        to[n] = to[n] c
    }
    for (i = 1; i <= n; i++) gsub(/^ +| +$/, "", to[i])
    return n
}
function emit(dx, broken,   i, row) { # the row with its field `at` replaced
    row = kind "(" name "_mutant" count++ ", " (broken ? "\"" broken "\"" : field[2])
    for (i = 3; i <= fields; i++) row = row ", " (i == at ? dx : field[i])
    print row ")"
}
function change(text) {
    if (text == field[at] || ((name, at, text) in seen)) return
    seen[name, at, text]
    emit("ADD(" text ", MUL(C(0), DY))", (at == 5 ? "db" : at == 4 && kind ~ /^BINARY/ ? "da" : "dx") " = " text)
}
function break_call(dx, start, word,   open, stop, before, after, inner, n, i, a) { # WORD(...) at start
    open = start + length(word)
    stop = closing(dx, open)
    before = substr(dx, 1, start - 1)
    after = substr(dx, stop + 1)
    inner = substr(dx, open + 1, stop - open - 1)
    n = split_args(inner, a)
    if (word == "C") { change(before "C(1.005 * (" inner "))" after); return }
    for (i = 1; i <= n && !(word in truth); i++) # one argument is left of it
        if (a[i] !~ /^[^A-Z]/ && !(word == "POWER" && i == 2)) change(before "(" a[i] ")" after)
    if (word in other) change(before other[word] "(" inner ")" after)
    if (n == 2 && word ~ /^(SUB|DIV|GT|LT|GE|LE|POW)$/) change(before word "(" a[2] ", " a[1] ")" after)
    if (n == 3) change(before word "(" a[1] ", " a[3] ", " a[2] ")" after)
}
function break_word(dx, start, word,   before, after) { # an operand, the result, the upstream gradient
    before = substr(dx, 1, start - 1)
    after = substr(dx, start + length(word))
    if (word == "DY") { change(before "C(1)" after); return }
    change(before (word == "X" ? "Y" : word == "A" ? "B" : word == "B" ? "A" : kind ~ /^BINARY/ ? "A" : "X") after)
}
function break_field(   dx, i, rest, word) {
    dx = field[at]
    change("NEG(" dx ")")
    change("MUL(C(1.005), " dx ")")
    change("C(0)")
    for (i = 1; i <= length(dx); i++) {
        rest = substr(dx, i)
        if (!match(rest, /^[A-Z][A-Z0-9_]*/)) { if (match(rest, /^[a-z0-9_.]+/)) i += RLENGTH - 1; continue }
        word = substr(rest, 1, RLENGTH)
        if (substr(rest, RLENGTH + 1, 1) == "(") break_call(dx, i, word)
        else if (word ~ /^(X|Y|A|B|DY)$/) break_word(dx, i, word)
        i += RLENGTH - 1 + (length(word) == 0)
    }
}
function row(text,   open) {
    kind = text
    sub(/(_[A-Z0-9]+)? *\(.*/, "", kind) # of floats alone
    open = index(text, "(")
    fields = split_args(substr(text, open + 1, closing(text, open) - open - 1), field)
    name = field[1]
    count = 0
    at = 0
    emit()
    for (at = 4; at <= (kind ~ /^BINARY/ ? 5 : 4); at++) break_field()
}
BEGIN { other["ADD"] = "SUB"; other["SUB"] = "ADD"; other["MUL"] = "DIV"; other["DIV"] = "MUL"; other["GT"] = "EQ"; other["EQ"] = "GT"
        other["LT"] = "GE"; other["GE"] = "LT"; other["LE"] = "GT"; other["MAX"] = "ADD"
        other["SIN"] = "COS"; other["COS"] = "SIN"; other["SINH"] = "COSH"; other["COSH"] = "SINH"
        split("GT LT GE LE EQ NE", words, " "); for (i in words) truth[words[i]] }
/^(UNARY|BINARY)/ || pending != "" {
    pending = pending $0
    if (!closing(pending, index(pending, "("))) next # it goes on
    if (pending !~ /^[A-Z]*_(STEP|TEST)/) row(pending)
    pending = ""
}
