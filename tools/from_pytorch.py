#!/usr/bin/env python3
"""from_pytorch.py [--names] - prints docs/from-pytorch.md: python3 tools/from_pytorch.py >docs/from-pytorch.md

Its text and rows are tools/from_pytorch.txt, a row a line: PyTorch's names | ours | note. A bare rg_NAME becomes a call with the names of
the parameters in the header, "-" becomes "not there". As many calls as names are counterparts in this order; one call is that of all.
A call that contains another one, or has "~ " before it, is a recipe: it is built from its functions, which are not the same as the name.
Operators that PyTorch calls the same get a row from tests/ops/torch_counterparts.py.
It is an error, status 1, when the page names a function, constant or option that no header has, when a name of PyTorch has two rows, when
an operator of the counterparts is not on the page, or when a line has more than 140 columns.

With --names it wants PyTorch, and says instead which of its public names have no row, and which rows name what it has not got."""
import ast
import glob
import os
import re
import sys

sys.dont_write_bytecode = True
import calls

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
HEADERS = ["engine/engine.h", "engine/op.h", "engine/core_ops.h", "engine/random/rng.h", "tools/call.h", "nn/*.h", "ops/*.h"]
PROTOTYPE = re.compile(r"\b(rg_\w+)\(([^;{}]*)\)\s*;")
LISTS = ("rg_dims", "rg_axes", "rg_tensors", "rg_layers")
ARGUMENTS = {"rg_list_of", "rg_params", "rg_nn_params", "rg_nn_state"}  # calls in a call that is no recipe
# Operators that are parts of others, or reached under another name.
INNER = set("bce_each exp_scan batch_norm_given cross_entropy_with add_scalar mul_scalar pow_scalar fill".split())
# Names that are newer than PyTorch 1.13, or attributes of objects.
UNSEEN = set("""F.rms_norm F.scaled_dot_product_attention nn.RMSNorm torch.compile torch.func.grad torch.func.jacrev torch.func.vjp
    torch.func.vmap optim.Optimizer.param_groups""".split())
# Public in PyTorch, and none of a user's names.
HELPERS = re.compile(r"F\.(handle_|has_)torch_function|F\.(assert_int|boolean_dispatch|native_)"
                     r"|_with_indices$|_scheduler\.(Counter|Optimizer)")


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def shown(parameter):
    """A parameter as the page has it in a call."""
    words = re.findall(r"\w+", parameter)
    return ".." if words[0].endswith("_options") else words[-1] + ".." * (words[0] in LISTS)


def card():
    """Of the headers: the call of each function; all names of ours; all words."""
    paths = sorted(path for pattern in HEADERS for path in glob.glob(os.path.join(TOP, pattern)))
    text = re.sub(r"/\*.*?\*/", " ", "\n".join(read(path) for path in paths), flags=re.S)
    made, words = {}, set(re.findall(r"\w+", text))
    for name, parameters in PROTOTYPE.findall(text):
        made[name] = f"{name}({', '.join(shown(p) for p in parameters.split(','))})"
        if parameters.split(",")[-1].split()[0] in LISTS: words.add(name + "_n")
    return made, words


def counterparts():
    """All operators that have one, and those that PyTorch calls the same: torch.exp -> exp, F.silu -> silu."""
    every, same = set(), {}
    for node in ast.walk(ast.parse(read("tests/ops/torch_counterparts.py"))):
        names = re.fullmatch(r"'([\w\\ ]+)'\.split\(\)", ast.unparse(node)) if isinstance(node, ast.Call) else None
        if names:
            every |= set(node.func.value.value.split())
            same.update({"torch." + name: name for name in node.func.value.value.split()})
        for key, value in zip(node.keys, node.values) if isinstance(node, ast.Dict) else ():
            if isinstance(value, ast.Attribute): continue  # of the dtypes
            every.add(key.value)
            plain = re.fullmatch(r"plain\((F\.\w+)\)", ast.unparse(value))
            if plain: same[plain[1]] = key.value
    return every, same


def parts(text):
    """The text as a list of lines and tables, a table a list of rows."""
    found, code = [], False
    for line in text.rstrip("\n").split("\n"):
        code ^= line.startswith("```")
        if code or " | " not in line: found.append(line)
        elif isinstance(found[-1], list): found[-1].append([cell.strip() for cell in line.split("|")])
        else: found.append([[cell.strip() for cell in line.split("|")]])
    return found


def with_same(found):
    """The parts, their tables sorted and with the rows of the operators that PyTorch calls the same."""
    named = {name for part in found if isinstance(part, list) for row in part for name in row[0].split(", ")}
    same = [[name, "rg_" + ours, ""] for name, ours in counterparts()[1].items() if name not in named]
    for i, part in enumerate(found):
        if isinstance(part, list):
            prefix = part[0][0].partition(".")[0] + "."
            found[i] = sorted(part + [row for row in same if row[0].startswith(prefix)], key=lambda row: row[0].lower())
    return found


def same_as(theirs, ours):
    """Of a row: pairs of a function of ours and PyTorch's name for it; none for a recipe. None: the numbers of names and calls differ."""
    names, found = theirs.split(", "), [re.findall(r"\b(?:rg|RG)_\w+", call) for call in calls.split(ours)]
    if ours[0] in "-~" or any(not call or {one for one in call[1:] if one[0] == "r"} - ARGUMENTS for call in found): return []
    if len(names) != len(found) and 1 not in (len(names), len(found)): return None
    most = max(len(names), len(found))
    return list(zip([call[0] for call in found] * (most // len(found)), names * (most // len(names))))


def table(rows, made):
    lines = ["| PyTorch | here | note |", "|---|---|---|"]
    for names, ours, note in rows:
        ours = ours.removeprefix("~ ")
        names = ", ".join(f"`{name}`" for name in names.split(", "))
        ours = "not there" if ours == "-" else f"`{made.get(ours, ours)}`"
        lines.append(f"| {names} | {ours} | {note + ' ' * (note != '')}|")
    return lines


def check(page, rows, every, words):
    text, names = "\n".join(page), [name for row in rows for name in row[0].split(", ")]
    bad = [f"no header has {name}" for name in sorted(set(re.findall(r"\b(?:rg|RG)_\w+", text)) - words)]
    bad += [f"no header has the option .{name}" for name in sorted(set(re.findall(r"[`( ]\.([a-z]\w+)\b", text)) - words)]
    bad += [f"{name} has two rows" for name in sorted(set(names)) if names.count(name) > 1]
    bad += [f"{name} is not on the page" for name in sorted(every - INNER) if not re.search(rf"\brg_{name}\b", text)]
    bad += [f"as many calls as names, or one: {theirs}" for theirs, ours, _ in rows if same_as(theirs, ours) is None]
    return bad + [f"more than 140 columns: {line}" for line in page if len(line) > 140]


def own(space, module, wanted):
    """The public names of a module of PyTorch's for which `wanted` holds."""
    return {f"{space}.{name}" for name, thing in vars(module).items() if name[0] != "_" and callable(thing) and wanted(name, thing)
            and not str(getattr(thing, "__module__", "")).startswith(("typing", "collections"))}


def compare(names):
    try:
        import torch
        import torch.utils.checkpoint
    except ImportError:
        sys.exit(77)  # a test that is skipped
    from torch import autograd, nn, optim
    from torch.optim import lr_scheduler
    spaces = {"torch": torch, "F": nn.functional, "nn": nn, "optim": optim, "lr_scheduler": lr_scheduler, "data": torch.utils.data,
              "autograd": autograd, "Tensor": torch.Tensor}
    public = own("F", nn.functional, lambda name, thing: not isinstance(thing, type) and name[-1] != "_")
    public |= own("nn.init", nn.init, lambda name, thing: name[-1] == "_")
    for space in ("nn", "optim", "lr_scheduler"): public |= own(space, spaces[space], lambda name, thing: isinstance(thing, type))
    bad = [f"{name} has no row" for name in sorted(public - set(names) - {"optim.Optimizer"}) if not HELPERS.search(name)]
    for name in sorted(set(names) - UNSEEN):
        space, *rest = re.match(r"[\w.]+", name)[0].split(".")
        thing = spaces.get(space)
        for part in rest:
            if thing is not None and not hasattr(thing, part): bad.append(f"PyTorch has no {name}")
            thing = getattr(thing, part, None)
    return bad


def main():
    made, words = card()
    found = with_same(parts(read("tools/from_pytorch.txt")))
    rows = [row for part in found if isinstance(part, list) for row in part]
    page = [line for part in found for line in (table(part, made) if isinstance(part, list) else [part])]
    if sys.argv[1:] == ["--names"]:
        bad = compare([name for row in rows for name in row[0].split(", ")])
    else:
        print("\n".join(page))
        bad = check(page, rows, counterparts()[0], words)
    for line in bad: print("from_pytorch.py: " + line, file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
