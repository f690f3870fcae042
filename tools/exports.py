#!/usr/bin/env python3
"""exports.py NODE MAP HEADER... -- CC... - from the installed headers, the version script with which the linker makes the shared library.

It exports under the version NODE what the headers declare, those that tools/calls.py makes included, and nothing else: no kernels, no
functions of the library's own headers. The compiler's preprocessor reads the headers, so that a declaration may be a macro's. A function
with a parameter that only a macro can pass exists as NAME_at, NAME_n or NAME_of, whose prototypes tools/calls.py makes."""
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import calls


DECLARATION = re.compile(r"(?!typedef\b|static\b)[^({=]*?\b(rg_\w+)\s*\(|extern\b[^(]*?\b(rg_\w+)(?:\[.*)?;$")
FOR_MACROS = re.compile(r"\b(?:" + "|".join([*calls.LISTS, *calls.DATA]) + r")\b")


def declared(text):
    """The functions and variables that preprocessed C declares."""
    names = set()
    for begin, end in calls.declarations(text):
        match = DECLARATION.match(text, begin, end)
        if match and not FOR_MACROS.search(text, begin, end):
            names.add(match[1] or match[2])
    return names


def main():
    node, output, *rest = sys.argv[1:]
    headers, compiler = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    source = "#define RG_ROW\n" + "".join(f'#include "{header}"\n' for header in headers)
    text = subprocess.run([*compiler, "-E", "-P", "-x", "c", "-"], input=source, stdout=subprocess.PIPE, check=True, text=True).stdout
    with open(output, "w", encoding="utf-8") as out:
        out.write(f"{node} {{\n  global:\n" + "".join(f"    {name};\n" for name in sorted(declared(text))) + "  local: *;\n};\n")


if __name__ == "__main__":
    main()
