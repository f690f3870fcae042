#!/usr/bin/env python3
"""calls.py HEADER CALLS.h CALLS.c - from the functions of a header, as they are called, what the compiler needs for such calls.

The header has each function once, with types. A function that can fail has a handle that is not const among its parameters (rg_tensor *,
rg_tape *, rg_nn * ...); its implementation is NAME_at, which takes the caller's file and line first, and NAME becomes a macro that passes
them. RG_PLAIN in front of a function exempts it. CALLS.h has the macros and the prototypes of the functions NAME_at; CALLS.c has a real
function NAME of each, without a line, for other languages and for pointers to functions. Parameters of these types are special:

    rg_operand              a tensor or a number                   NAME_at: rg_tensor *
    rg_data, rg_room        a pointer to numbers, read or written  NAME_at: rg_dtype, const void * or void *;   NAME_of passes these two
    rg_dims, rg_axes,
    rg_tensors, rg_layers,
    rg_places               last: any number of arguments          NAME_at: a count and an array;               NAME_n passes these two
    rg_..._options          last: named arguments, or none         NAME_at: the struct
"""
import re
import sys

HANDLES = re.compile(r"^rg_(operand|tensor|tape|nn|optim|loader|ema|early_stopping|plateau|state|tensors|layers|list)\b")
LISTS = {
    "rg_dims": ("const int64_t *", "RG_SIZES", "0"),
    "rg_axes": ("const int *", "RG_AXES", "0"),
    "rg_tensors": ("rg_tensor *const *", None, None),
    "rg_layers": ("rg_nn *const *", "RG_LAYERS", None),
    "rg_places": ("rg_tensor **const *", "RG_PLACES", None),
}
STRUCTS = ("rg_init", "rg_list")
CPLUSPLUS = re.compile(r"^#ifdef __cplusplus\n(?:(?!#else|#endif).*\n)*", re.M)
DATA = {"rg_data": "const void *", "rg_room": "void *"}


def split(text):
    """At commas that are not within parentheses."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return parts + [text[start:].strip()]


class Parameter:
    def __init__(self, text):
        self.text = text
        pointer = re.search(r"\(\*(\w+)\)", text)
        found = pointer or re.search(r"(\w+)\s*(?:\[[^\]]*\])?$", text)
        self.name = found.group(1)
        self.type = text[: found.start(1)].strip() if not pointer else text
        self.is_handle = bool(HANDLES.match(self.type))
        self.is_options = self.type.endswith("_options")
        self.is_array = "[" in text or text.count("*") > 1
        self.is_literal = self.is_array or self.type in STRUCTS or ("*" in text and not self.is_handle)  # may be one with commas in it

    def passed(self):
        """The parameters of NAME_at for this one."""
        if self.type == "rg_operand":
            return ["rg_tensor *" + self.name]
        if self.type in DATA:
            return ["rg_dtype dtype", DATA[self.type] + self.name]
        if self.type in LISTS:
            return ["int n" + self.name, LISTS[self.type][0] + self.name]
        return [self.text]


class Function:
    def __init__(self, result, name, parameters):
        self.result = result + ("" if result.endswith("*") else " ")
        self.name = name
        self.parameters = [] if parameters == "void" else [Parameter(p) for p in split(parameters)]
        last = self.parameters[-1] if self.parameters else None
        self.list = last.type if last and last.type in LISTS else None
        self.options = last.type if last and last.is_options else None
        self.data = any(p.type in DATA for p in self.parameters)
        self.operands = any(p.type == "rg_operand" for p in self.parameters)
        self.has_line = bool(self.options) or any(p.is_handle for p in self.parameters)

    def explicit(self):
        return [p for one in self.parameters for p in one.passed()]

    def plain_name(self):
        return self.name + ("_of" if self.data else "") + ("_n" if self.list else "")

    def prototypes(self):
        lines = [f"{self.result}{self.name}_at(const char *at, {', '.join(self.explicit())});"]
        if self.plain_name() != self.name:
            lines.append(f"{self.result}{self.plain_name()}({', '.join(self.explicit())});")
        return lines

    def definition(self):
        names = ", ".join(Parameter(p).name for p in self.explicit())
        void = self.result.strip() == "void"
        call = f"{'' if void else 'return '}{self.name}_at(NULL, {names})"
        return f"{self.result}({self.plain_name()})({', '.join(self.explicit())}) {{ {call}; }}"

    def macro(self, of, n):
        """NAME; with `of` NAME_of, with `n` NAME_n."""
        name = self.name + ("_of" if of else "") + ("_n" if n else "")
        taken, given, end = [], [], None
        for p in self.parameters:
            if p.type in LISTS and not n:
                given.append(f"{LISTS[p.type][1]}(__VA_ARGS__)")
                end = LISTS[p.type][2]
            elif p.is_options:
                given.append(f"RG_OPTIONS({p.type}, __VA_ARGS__)")
                end = ".named_ = 0"
            elif p.type in LISTS or (p.type in DATA and of):
                names = [Parameter(q).name for q in p.passed()]
                taken += names
                given += names
            else:
                taken.append(p.name)
                whole = p.type in ("int", "int64_t") and not p.is_array  # ~~ refuses a tensor or a double in its place
                given.append(f"{p.type.upper()}({p.name})" if p.type in DATA else f"~~({p.name})" if whole else p.name)
        if self.operands:
            pair = "RG_PAIR" if len(given) == 2 else "RG_PAIR_AFTER"
            return [f"#define {name}({', '.join(taken)}) {pair}({self.name}_at, {', '.join(given)}, __COUNTER__)"]
        if self.list == "rg_tensors" and not n:
            before = ", ".join(given[:-1])
            return [f"#define {name}({', '.join(taken)}, ...) RG_CALL_WITH(__COUNTER__, {self.name}_at, ({before}), __VA_ARGS__)"]
        if self.list and n:
            taken[-1], given[-1] = "...", "__VA_ARGS__"
        elif not end and not self.list:  # a literal with commas in it needs no parentheses
            first = next((i for i, p in enumerate(self.parameters) if p.is_literal), None)
            last = self.parameters[-1]
            if last.type in DATA and not of:
                taken[-1], given[-1] = "...", f"{last.type.upper()}((__VA_ARGS__))"
            elif first is not None and not self.data:
                taken[first:], given[first:] = ["..."], ["__VA_ARGS__"]
            elif last.is_literal and last.type != "void *":
                taken[-1], given[-1] = "...", "__VA_ARGS__"
        call = f"{self.name}_at(RG_AT, {', '.join(given)})"
        if not end:
            return [f"#define {name}({', '.join(taken + ['...'] if self.list and not n else taken)}) {call}"]
        first = "".join(x + ", " for x in taken[:-1])  # an argument more at the end, or C11 would want one in place of the dots
        return [f"#define {name}({first}...) {name}_call_({first}__VA_ARGS__, {end})",
                f"#define {name}_call_({first}{taken[-1]}, ...) {call}"]

    def macros(self):
        lines = []
        for of in (False, True)[: 1 + self.data]:
            for n in (False, True)[: 1 + bool(self.list)]:
                lines += self.macro(of, n)
        return lines


def blank(found):
    return re.sub(r"[^\n]", " ", found[0])


def plain(text):
    """A header's text without comments and without what is for C++ alone: blanks in their place."""
    return CPLUSPLUS.sub(blank, re.sub(r"/\*.*?\*/", blank, text, flags=re.S))


def declarations(text):
    """(begin, end) of each declaration in plain text, its ; or the body of a function included."""
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)
    depth = start = 0
    for i, c in enumerate(text):
        depth += (c == "{") - (c == "}")
        body = c == "}" and text[start:i].partition("{")[0].rstrip().endswith(")")
        if depth or not (c == ";" or body):
            continue
        yield start + len(text[start:]) - len(text[start:].lstrip()), i + 1
        start = i + 1


def functions(text):
    text, found = plain(text), []
    for begin, end in declarations(text):
        match = re.match(r"^((?:const )?(?:struct )?\w+(?: \w+)?[ *]+)(rg_\w+)\((.*)\);$", " ".join(text[begin:end].split()))
        if match and not re.match(r"typedef|static|RG_PLAIN", match[0]):
            found.append(Function(match[1].strip(), match[2], match[3]))
    return [f for f in found if f.has_line]


def main():
    header, calls_h, calls_c = sys.argv[1:]
    with open(header, encoding="utf-8") as file:
        found = functions(file.read())
    name = re.sub(r".*?((?:engine|ops|nn)/\w+\.h)$", r"\1", header)
    guard = re.sub(r"\W", "_", name.upper()) + "_CALLS"
    with open(calls_h, "w", encoding="utf-8") as out:
        out.write(f"/* Made from {name} by tools/calls.py. */\n#ifndef {guard}\n#define {guard}\n\n")
        out.write("#ifdef __cplusplus\nextern \"C\" {\n#endif\n")
        out.write("\n".join(line for f in found for line in f.prototypes()))
        out.write("\n#ifdef __cplusplus\n}\n#endif\n\n")
        out.write("\n".join(line for f in found for line in f.macros()))
        out.write("\n\n#endif\n")
    with open(calls_c, "w", encoding="utf-8") as out:
        out.write(f'/* Made from {name} by tools/calls.py. */\n#include "{name}"\n\n')
        out.write("\n".join(f.definition() for f in found) + "\n")


if __name__ == "__main__":
    main()
