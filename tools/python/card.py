#!/usr/bin/env python3
"""card.py OUTPUT VERSION LIBRARY HEADER... - from the headers, all that the Python package knows of the library: a module of tables.

Each function with the symbol to call, its types and its comments; the members of structs and enums; the constants. tools/calls.py knows
how functions are called, tools/reference.py which comment is of which declaration."""
import keyword
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import calls
import reference


def fields(code):
    """Of the declaration of members: (type, name, elements); elements is 0, or the size of an array."""
    pointer = re.search(r"\(\*(\w+)\)", code)
    if pointer: return [("void *", pointer[1], "0")]
    base, rest = re.match(r"((?:const |struct )*\w+)\s*(.*)", code).groups()
    found = [re.match(r"(.*?)(\w+)(?:\[(\w+)\])?$", one).groups() for one in calls.split(rest)]
    return [(typed(base + " " + stars), name, size or "0") for stars, name, size in found]


def typed(text):
    return " ".join(text.split())


def parameter(p):
    name = p.name + "_" * keyword.iskeyword(p.name)
    return p.type + ("*" if "[" in p.text else ""), name


def function_type(code):
    """(result, [(type, name)..]) of a pointer to a function."""
    result, _, parameters = re.match(r"(?:typedef )?(.*?)\(\*(\w+)\)\((.*)\)$", code).groups()
    return typed(result), [parameter(calls.Parameter(p)) for p in calls.split(parameters)]


def value(text, constants):
    text = text.strip("()")
    return constants[text] if text in constants else 2**63 - 1 if text == "INT64_MAX" else float(text) if "." in text else int(text, 0)


class Card:
    def __init__(self):
        self.constants, self.enums, self.inits, self.structs, self.callbacks, self.functions = {}, {}, {}, {}, {}, {}

    def add(self, header, only=None):
        for entry in header.entries():
            for d in entry.declarations:
                if only in (None, d.name): getattr(self, d.kind)(header, entry, d)

    def type(self, header, entry, d):
        if d.enum:
            values = {}
            for one in ",".join(member.code for member in d.members).split(","):
                name, _, given = one.partition("=")
                values[name.strip()] = value(given.strip(), self.constants) if given else max(values.values(), default=-1) + 1
            self.constants.update(values)
            if d.name: self.enums[d.name] = values
        elif d.members:
            members = self.structs[d.name] = []
            for m in d.members:
                text = " ".join(" ".join(m.comments).split())
                members += [(t, name, value(size, self.constants), text) for t, name, size in fields(m.code)]
                if d.name == "rg_tensor" and "seq" in m.names: return  # so far: pointers, then a number that no other tensor has
            if "RG_NAMED" in header.plain[d.begin : d.end]: members.append(("char", "named_", 0, ""))
        elif "(*" in d.code: self.callbacks[d.name] = function_type(d.code)

    def macro(self, header, entry, d):
        made = re.match(r"#define (\w+)(?:\(([^)]*)\))? (?:RG_INIT_OF\(|RG_OPTIONS\(rg_init, )(\w+), (.*)\)$", d.code)
        plain = re.match(r"#define (\w+) (\(?-?[\d.]+\)?|INT64_MAX)$", d.code)
        if made:
            names, numbers = calls.split(made[2]) if made[2] else [], calls.split(made[4])
            self.inits[made[1]] = (names, self.constants[made[3]], numbers, entry.text())
        elif plain: self.constants[plain[1]] = value(plain[2], self.constants)

    def function(self, header, entry, d):
        if header.plain[d.begin :].startswith("static"): return
        f = calls.Function(d.result, d.name, ", ".join(d.parameters) or "void")
        at = f.has_line and not header.plain[d.begin :].startswith("RG_PLAIN")
        parameters = [parameter(p) for p in f.parameters]
        for p in f.parameters:
            if "(*" in p.type: self.callbacks[p.type] = function_type(p.type)
        self.functions[d.name] = (d.name + "_at" if at else f.plain_name(), typed(d.result), parameters, entry.text())


def main():
    output, version, library, *headers = sys.argv[1:]
    card = Card()
    for path in headers:
        name = os.path.basename(path)
        card.add(reference.Header(path), "rg_tensor" if name == "op.h" else None)
    with open(output, "w", encoding="utf-8") as out:
        out.write('"""Made from the headers by tools/python/card.py."""\n')
        out.write(f"VERSION = {version!r}\nLIBRARY = {library!r}\n")
        for name, table in vars(card).items():
            out.write(f"{name.upper()} = {{\n" + "".join(f"    {key!r}: {one!r},\n" for key, one in table.items()) + "}\n")


if __name__ == "__main__":
    main()
