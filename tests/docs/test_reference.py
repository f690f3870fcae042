#!/usr/bin/env python3
"""test_reference.py SOURCE BUILD: does the reference have all that the headers have, does each of its links lead somewhere, do formulas and
functions lead to each other, does the search find names of ours and of PyTorch's, and is mandoc content? Prints TAP."""
import glob
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys

source, build = sys.argv[1:]
pages, man = os.path.join(build, "reference"), os.path.join(build, "man3")
count, failed = 0, False


def ok(name, wrong):
    """A case, with what is wrong; nothing should be."""
    global count, failed
    count, failed = count + 1, failed or bool(wrong)
    print(f"{'not ' if wrong else ''}ok {count} - {name}")
    for line in list(wrong)[:20]: print("#  " + str(line))


def skip(name, reason):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {reason}")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loaded, self.words = [], [], [], []
        self.feed(read(path))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if "id" in given: self.ids.append(given["id"])
        if tag == "a": self.links.append(given["href"])
        elif tag in ("script", "link", "img"): self.loaded.append(given.get("src") or given["href"])

    def handle_data(self, data):
        self.words.append(data)


# The headers that a user gets, but those that ops/row.h makes a row of.
headers = ["retrograd.h", "tools/call.h", "engine/random/rng.h"]
for folder in ("engine", "ops", "nn"):
    listed = re.search(r"_headers = files\(([^)]*)\)", read(os.path.join(source, folder, "meson.build")))[1]
    headers += [f"{folder}/{name}" for name in re.findall(r"'(\w+\.h)'", listed)]
functions, comments = {}, {}
for header in headers:
    text, page = read(os.path.join(source, header)), os.path.basename(header)[:-2] + ".html"
    text = re.sub(r"^#ifdef __cplusplus\n(?:(?!#else|#endif).*\n)*", "", text, flags=re.M)
    text = re.sub(r"^(static inline [^;{]*\{).*?^\}$", r"\1}", text, flags=re.S | re.M)
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    functions[page] = set(re.findall(r"^(?!typedef|#)(?:\w+[ *]+)+(rg_\w+)\(", code, re.M))
    # Those that begin a line, and those behind a declaration or a member.
    comments[page] = [one or other for one, other in re.findall(r"^ *(/\*.*?\*/)|^(?! *#)[^\n]*[;,})] *(/\*.*?\*/)", text, re.S | re.M)]
made = {os.path.basename(path): Page(path) for path in glob.glob(os.path.join(pages, "*.html"))}
named = {name: page for page in functions for name in functions[page]}
found = [len(headers), len(named), sum(map(len, comments.values()))]
ok("there are headers, functions, comments", [] if found[0] > 19 and found[1] > 350 and found[2] > 700 else found)
ok("a page for each header", [page for page in functions if page not in made])
ok("an anchor for each function", [f"{page} {name}" for name, page in sorted(named.items()) if name not in made[page].ids])
ok("no anchor twice", [f"{page}#{one}" for page in made for one in set(made[page].ids) if made[page].ids.count(one) > 1])


def plain(text):
    return re.sub(r"[^A-Za-z0-9]+", " ", text).strip().lower()


ok("no comment is lost", [f"{page}: {one}" for page in comments for one in comments[page]
                          if not one.startswith("/* internal:")
                          and plain(re.sub(r"^/\* [\w.]+ - ", "", one)) not in plain(made[page].text)])
dead = []
for page, one in made.items():
    for link in one.links:
        if link.startswith(("http:", "https:")): continue
        to, _, anchor = link.partition("#")
        if (to or page) not in made or anchor and anchor not in made[to or page].ids: dead.append(f"{page}: {link}")
ok("each link leads somewhere", dead)
ok("a page loads its style and its search alone", [page for page in made if made[page].loaded != ["style.css", "search.js"]])

# The options of a function are those that it takes: a loss refuses the others.
taken = {"rg_mse": ["reduction"], "rg_huber": ["reduction", "delta"], "rg_conv2d": ["stride", "padding", "dilation", "groups"],
         "rg_max_pool2d": ["kernel", "stride", "padding"], "rg_argsort": ["descending"], "rg_nll": ["reduction", "weight", "mask"]}
listed = {}
for page, text in ((page, read(os.path.join(pages, page))) for page in ("losses.html", "ops.html")):
    for entry in text.split('<div class="entry">')[1:]:
        name = re.search(r'id="(\w+)"', entry)
        found = re.search(r'<p class="more">Options (.*)</p>', entry)
        if name and found: listed[name[1]] = re.findall(r">\.(\w+)<", found[1])
ok("a function has its own options alone", [f"{name}: {listed.get(name)}" for name in taken if listed.get(name) != taken[name]])
ok("what is for the library alone is not shown", [name for page in made for name in ("RG_PASTE", "RG_BARE", "RG_ROW_PUSH", "RG_ROW_RUNNERS")
                                                  if name in made[page].ids])
ok("comments in examples have their marks", [page for page, line in (
    ("nn.html", "/* [n, c], [n, d] */"), ("functional.html", "/* recorded as usual; x requires a gradient */"),
    ("op.html", "/* for operators of your own */")) if line not in made[page].text])
first = read(os.path.join(source, "README.md")).split("```c\n")[1].partition("```")[0]
home = plain(made["index.html"].text)
ok("the first page has the first program, and how it is compiled",
   [line for line in (*first.split("\n"), "$(pkg-config --cflags --libs retrograd)") if plain(line) not in home])
order = re.findall(r'<h3><a href="(\w+)\.html"', read(os.path.join(pages, "index.html")))
ok("what programs use comes before what operators use", [] if order[:4] == ["engine", "ops", "elementwise", "losses"]
   and order.index("save") < order.index("op") and len(order) == len(headers) - 1 else order)

operators = re.findall(r"^\| `(\w+)`", read(os.path.join(source, "ops/README.md")), re.M)
there, back = made["operators.html"], []
for name in operators:
    page = named.get("rg_" + name)
    if name not in there.ids: back.append(f"{name} has no row")
    elif page and f"{page}#rg_{name}" not in there.links: back.append(f"the row of {name} has no link to {page}")
    elif page and f"operators.html#{name}" not in made[page].links: back.append(f"{page} has no link to the row of {name}")
ok("formulas and functions lead to each other", back if len(operators) > 100 else ["no operators"])

script = read(os.path.join(pages, "search.js"))
entries = {row[0]: row for row in map(json.loads, re.findall(r'^(\["rg_\w+".*?\]),?$', script, re.M | re.I))}
ok("the search has each function", sorted(set(named) - set(entries)))
ok("where it is", [row[1] for row in entries.values() if row[1].partition("#")[2] not in made[row[1].partition("#")[0]].ids])
known = {"nn.Linear": "rg_nn_linear", "torch.cat": "rg_concat", "lr_scheduler.CosineAnnealingLR": "rg_lr_cosine",
         "data.DataLoader": "rg_loader_new", "nn.MSELoss": "rg_mse", "nn.L1Loss": "rg_l1", "F.tanh": "rg_tanh", "torch.lt": "rg_lt"}
ok("it has PyTorch's names", [word for word, name in known.items() if word not in entries[name][4].split(", ")])
ok("those of their own functions alone", [f"{word}: {row[0]}" for word, name in known.items() for row in entries.values()
                                          if word in row[4].split(", ") and row[0] != name])
table = made["from_pytorch.html"]
rows = {row[0]: row for row in map(json.loads, re.findall(r'^(\[".*?\]),?$', script, re.M))}
ok("what is not there is said to be", [name for name in ("torch.cummax", "torch.masked_scatter", "torch.unique")
                                       if not rows[name][2].startswith("not there") or rows[name][1].partition("#")[2] not in table.ids])
node = shutil.which("node")
asked = {"matrix product with a transposed operand": "rg_matmul", "cumulative sum": "rg_cumsum", "cosine schedule": "rg_lr_cosine",
         "clip gradients": "rg_clip_grad_norm", "save a checkpoint": "rg_state_save", "load PyTorch's safetensors": "rg_nn_load",
         "one-hot": "rg_one_hot", "causal attention": "rg_scaled_dot_product_attention", "Hessian-vector product": "rg_hvp",
         "data loader with augmentation": "rg_loader_new", "nn.Linear": "rg_nn_linear", "torch.cat": "rg_concat", "no_grad": "rg_record",
         "backward": "rg_backward", "learning rate": "rg_optim_lr", "rg_save": "rg_save", "masked_select": "torch.masked_select",
         "cumprod": "torch.cumprod", "autograd.Function": "RG_OP", "nn.Module.train": "rg_nn_train", "collate": "data.default_collate",
         "early stopping": "rg_early_stopping_new", "gpu": "torch.cuda", "finite differences": "ops/gradcheck.h", "ema": "rg_ema_new",
         "stop gradient": "rg_detach", "label smoothing": "rg_cross_entropy",
         "print(model)": "rg_nn_print", "custom operator": "engine/op.h", "boolean mask": "Indexing", "resume": "rg_state_load"}
no_part = {"masked_select": "rg_mse", "state_dict": "rg_std", "last error": "rg_le"}  # letters that happen to be in the words
if node:
    code = script + f"\nconsole.log(JSON.stringify({json.dumps([*asked, *no_part])}.map(words => search(words).map(one => one.name))))"
    found = json.loads(subprocess.run([node, "-"], input=code, capture_output=True, text=True, check=True).stdout)
    wrong = [f"{words}: {names[:3]}" for words, names in zip(asked, found) if asked[words] not in names[:3]]
    ok("what is asked for is among the first three", wrong)
    ok("letters of words are no words", [words for words, names in zip(no_part, found[len(asked):]) if no_part[words] in names])
else:
    skip("what is asked for is among the first three", "node is not installed")

files = {os.path.basename(path)[:-2]: read(path) for path in glob.glob(os.path.join(man, "*.3"))}
files = {name: re.sub(r"^\.so man3/(\S+)\.3\n$", lambda found: files.get(found[1], ""), text) for name, text in files.items()}
ok("a man page for each function", [name for name in sorted(named) if f"\n.Fo {name}\n" not in files.get(name, "")])
of_header = {page: files.get("retrograd-" + page[:-5], "") for page in functions}
ok("the page of its header has it", [name for name, page in sorted(named.items()) if not re.search(rf" Fn {name}\b", of_header[page])])
if shutil.which("mandoc"):
    real = [path for path in glob.glob(os.path.join(man, "*.3")) if not read(path).startswith(".so ")]
    said = subprocess.run(["mandoc", "-T", "lint", *real], capture_output=True, text=True, check=False).stdout.split("\n")
    beside = re.compile("|".join(f"referenced manual not found: Xr {name} 3$" for name in files))  # mandoc looks where pages are installed
    ok("mandoc finds nothing", [line for line in said if line and not beside.search(line)])
else:
    skip("mandoc finds nothing", "mandoc is not installed")
print(f"1..{count}")
sys.exit(failed)
