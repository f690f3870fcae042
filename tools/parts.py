#!/usr/bin/env python3
"""parts.py SOURCE OUT.c FOLDER COMPILER.. - what rg_nn_export may write: the declarations of SOURCE (nn/export/parts.c), as text.

Runs the compiler's preprocessor over SOURCE, for f32 and for f64, without the system's headers, so that their words stay. Cuts the result
into declarations, leaves out attributes and prototypes, and writes them to OUT.c as an array of names and texts for each type."""
import json
import os
import re
import subprocess
import sys
import tempfile

from calls import declarations

SYSTEM = ("limits.h", "math.h", "stdbool.h", "stdint.h", "string.h")
HEAD = re.compile(r"(?:else )?(?:for|if|while|switch) (?=\()")


def preprocessed(source, folder, compiler, f64):
    with tempfile.TemporaryDirectory() as empty:
        for name in SYSTEM:
            open(os.path.join(empty, name), "w", encoding="utf-8").close()
        command = compiler + ["-E", "-P", "-undef", "-nostdinc", "-I", empty, "-I", folder] + ["-DRG_KERNEL_F64"] * f64 + [source]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def closed(text, begin):
    """Where the bracket at `begin` is closed."""
    depth = 0
    for i in range(begin, len(text)):
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if depth == 0:
            return i
    raise ValueError(text)


def is_block(line, depth):
    """Does the { after this begin a block, not the values of an object?"""
    if re.fullmatch(r"(typedef )?(struct|union) \w+ ", line) or line in ("", "else ", "do "):
        return True
    if depth == 0:
        return line.endswith(") ")
    while (head := HEAD.match(line)):
        line = line[closed(line, head.end()) + 1:].lstrip()
    return not line


def pretty(text):
    """One statement a line."""
    lines, line, depth, i = [], "", 0, 0
    while i < len(text):
        if text[i] == "{" and is_block(line, depth):
            lines.append("    " * depth + line + "{")
            line, depth = "", depth + 1
        elif text[i] in "([{":
            end = closed(text, i)
            line += text[i:end + 1]
            i = end
        elif text[i] == "}":
            depth, line = depth - 1, "}"
            if not re.match(r" (\w+;|else|while)|;", text[i + 1:]):
                lines.append("    " * depth + line)
                line = ""
        elif text[i] == ";":
            lines.append("    " * depth + line + ";")
            line = ""
        elif text[i] != " " or line:
            line += text[i]
        i += 1
    return "\n".join(lines) + "\n"


def name_of(text):
    if text.startswith("typedef") and not text.endswith(");"):
        return re.search(r"(\w+);$", text)[1]
    return re.search(r"(\w+) ?[(\[={;]", text)[1]


def parts(text):
    text = re.sub(r"__attribute__ ?\(\((?:[^()]|\([^()]*\))*\)\)", "", text)
    for begin, end in declarations(text):
        one = " ".join(text[begin:end].split())
        if one.startswith("enum {"):
            for item in one[len("enum {"):one.rindex("}")].split(","):
                if item.strip():
                    assert "=" in item, one
                    yield item.split("=")[0].strip(), f"enum {{ {item.strip()} }};\n"
        elif one != ";" and (one.startswith("typedef") or not re.fullmatch(r"[^{=]*\);", one)):
            yield name_of(one), pretty(one)


def main():
    source, out, folder, *compiler = sys.argv[1:]
    with open(out, "w", encoding="utf-8") as file:
        file.write(f'/* Made from nn/export/parts.c by tools/parts.py. */\n#include "nn/export/export.h"\n')
        for i, dtype in enumerate(("f32", "f64")):
            file.write(f"\nstatic const rg_part {dtype}[] = {{\n")
            seen = set()
            for name, text in parts(preprocessed(source, folder, compiler, i)):
                assert len(text) < 4096, name  # what C99 promises for a string
                if text not in seen:
                    file.write(f"    {{{json.dumps(name)}, {json.dumps(text)}}},\n")
                seen.add(text)
            file.write("    {NULL, NULL}};\n")
        file.write("\nconst rg_part *const rg_parts[2] = {f32, f64};\n")


if __name__ == "__main__":
    main()
