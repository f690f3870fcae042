#!/usr/bin/env python3
"""reference.py HTML-FOLDER MAN-FOLDER HEADER... - makes the reference from the headers: a page of HTML and a man page for each of them, and
a man page for each function.

The headers are its only source. Which declaration a comment is about:

    T f(..);    /* a comment behind a declaration is of this one */
    /* one in front is of the next declaration, and of those on the lines after it that have none, until an empty line or a struct */
    f_keep(..); without one, after f: what f's comment says
    /* -------- heading: or heading. Begins a section; the rest is its text. So is a comment that another comment follows. */

Text is wrapped anew. What is indented by four blanks or more is code, in which three blanks begin a comment; otherwise a line with three
blanks in a row is a term and what it means; "- " begins an item. A comment that begins "internal:" is not shown, nor is a macro without
one. PyTorch's names come from tools/from_pytorch.txt, operators' formulas from ops/README.md, the first program from README.md."""
import html
import json
import os
import re
import shutil
import sys
import textwrap
import time

sys.dont_write_bytecode = True
import calls
import from_pytorch

# Pages in this order; all others are for authors of operators.
PROGRAMS = "engine ops elementwise losses core_ops nn sequence optim data save functional gradcheck rng".split()
# In text, calls and options are set as code.
CODE = re.compile(r"\b(?:rg|RG)_\w+\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|(?<![\w.)])\.[a-z]\w*(?: = [\w./]+(?:{\d})?)?")
TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))


class Declaration:
    """A function, a type or a macro: `code` as it is called; its comments; the members of a struct or an enum."""

    def __init__(self, header, begin, end):
        self.begin, self.end, self.comments, self.members, self.parameters = begin, end, [], [], []
        whole = header.plain[begin:end]
        self.code = " ".join(whole.split()).rstrip("; ").replace("( ", "(")
        self.options = self.enum = None
        macro = re.match(r"# ?define (\w+)(\([^)]*\))?(.*)", self.code)
        body = re.match(r"(?:typedef )?(struct|enum) ?(\w*) ?{", self.code)
        bare = re.sub(r"\bRG_PLAIN |\bstatic inline |__attribute__\(\(.*\)\)", "", self.code.partition("{")[0]).strip()
        function = re.match(r"([\w ]+?[ *]+)(\w+)\((.*)\)$", bare)
        if macro:
            self.kind, self.name = "macro", macro[1]
            self.code = "#define " + macro[1] + (macro[2] or "") + ("" if "\\\n" in whole else macro[3].rstrip())
        elif body:
            self.kind, self.name, self.enum = "type", body[2], body[1] == "enum"
            self.code = f"{body[1]} {body[2]}".strip()
            self.members = header.members(self, header.plain.index("{", begin) + 1, header.plain.rindex("}", begin, end))
        elif self.code.startswith(("typedef", "struct")) or not function:
            self.kind, self.name = "type", re.search(r"(?<=\(\*)\w+(?=\)\()|\w+(?=\()|\w+$", self.code)[0]
        else:
            self.kind, self.name, self.code = "function", function[2], bare
            self.result, self.parameters = function[1].strip(), [] if function[3] == "void" else calls.split(function[3])
            self.options = re.match(r"(?:rg_\w+_options)?", (self.parameters or [""])[-1])[0]

    def anchors(self):
        constants = [name for member in self.members for name in member.names] if self.enum else []
        return [name for name in [self.name] + constants if name]


class Member:
    def __init__(self, code, names, comments):
        self.code, self.names, self.comments = code, names, comments


class Entry:
    """Declarations that share their comments, in a section."""

    def __init__(self, section, first, comments):
        self.section, self.declarations, self.comments = section, [first], comments
        section.parts.append(self)

    def is_shown(self):
        return not self.text().startswith("internal:") and bool(self.text() or self.declarations[0].kind != "macro")

    def text(self):
        return "\n\n".join(self.comments + [text for d in self.declarations for text in d.comments])


class Section:
    """Its title; its parts are texts and entries, as in the header."""

    def __init__(self, title="", parts=()):
        self.title, self.parts = title, list(parts)
        self.id = "about-" + re.sub(r"\W+", "-", title.lower()).strip("-")

    def entries(self):
        return [part for part in self.parts if isinstance(part, Entry)]

    def text(self):
        return "\n\n".join(part for part in self.parts if isinstance(part, str))


class Header:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.raw = file.read()
        self.plain = calls.plain(self.raw)
        self.path = os.path.relpath(path, TOP).replace(os.sep, "/")
        self.name = os.path.basename(path)[:-2]
        self.man = "-".join(dict.fromkeys(["retrograd", self.name]))
        self.includes = re.findall(r'^# *include "(?:.*/)?(\w+)\.h"', self.raw, re.M)
        self.sections = [Section()]
        self.parse()
        self.lead, self.about = re.match(r"[\w/.]+ - (.*?(?:[.?](?=\s)|$))(?: |\n)*?((?:    )?\S.*|$)", self.about, re.S).groups()
        self.lead = " ".join(self.lead.split())
        self.title = re.split(r"[:;,]|\.$", self.lead)[0]

    def comment(self, begin, end):
        """Its text, without what its place indents it by."""
        column = begin - self.raw.rfind("\n", 0, begin) - 1
        first, *lines = self.raw[begin + 2 : end - 2].rstrip().split("\n")
        return "\n".join([first.strip()] + [line[min(column + 3, len(line) - len(line.lstrip())) :].rstrip() for line in lines])

    def parts(self, ranges, begin, end, passed=()):
        """The ranges, and the comments that are not in one, in order: (begin, end, text of a comment or None)."""
        found = [(begin + m.start(), begin + m.end()) for m in re.finditer(r"/\*.*?\*/", self.raw[begin:end], re.S)]
        free = [(b, e, self.comment(b, e)) for b, e in found if not any(x < b < y for x, y in [*ranges, *passed])]
        return sorted([(b, e, None) for b, e in ranges] + free, key=lambda part: part[0])

    def members(self, owner, begin, end):
        if owner.enum:
            ranges = [(begin + m.start(), begin + m.end()) for m in re.finditer(r"\w[^,]*\b", self.plain[begin:end])]
        else:
            ranges = [(begin + b, begin + e) for b, e in calls.declarations(self.plain[begin:end])]
        found, last, waiting = [], begin, []
        for b, e, comment in self.parts(ranges, begin, end):
            if comment is None:
                nested = "{" in self.plain[b:e]
                indent = " " * (b - self.raw.rfind("\n", 0, b) - 1)
                code = textwrap.dedent(indent + self.raw[b:e]) if nested else " ".join(self.plain[b:e].split())
                pointer = re.search(r"\(\*(\w+)\)\(", code)
                names = [] if nested else [pointer[1]] if pointer else [
                    re.search(r"\w+(?=[\[;:]| [:=]|$)", one)[0] for one in code.split(",")]
                found.append(Member(code.rstrip(";"), names, waiting))
                last, waiting = e, []
            elif "\n" in self.raw[last:b]:
                waiting.append(comment)
            else:
                (found[-1] if found else owner).comments.append(comment)
        for one, other in zip(found[-2::-1], found[:0:-1]):  # constants without comments: in one line
            if owner.enum and not one.comments + other.comments:
                one.code, one.names = one.code + ", " + other.code, one.names + other.names
                found.remove(other)
        return [member for member in found if member.code != "RG_NAMED"]

    def declarations(self):
        """What is shown, by its place; and the lines of directives that are not."""
        ranges = list(calls.declarations(self.plain))
        passed = [m.span() for m in calls.CPLUSPLUS.finditer(self.raw)]
        macros = {}
        for m in re.finditer(r"^[ \t]*#(?:.*\\\n)*.*", self.plain, re.M):
            name = re.match(r"[ \t]*#[ \t]*define ((?:RG|rg)_\w+)", m[0])
            inner = not name or re.search(r"_H$|_\d*$", name[1]) or re.search(rf"^#undef {name[1]}$", self.plain, re.M)
            if inner or name[1] in macros: passed.append((m.start(), self.raw.find("\n", m.end())))
            else: macros[name[1]] = (m.start(), m.start() + len(m[0].rstrip()))
        found = [Declaration(self, b, e) for b, e in ranges + list(macros.values())]
        bodies = {d.name for d in found if d.members}
        return {d.begin: d for d in found if d.members or d.kind != "type" or d.name not in bodies}, passed

    def parse(self):
        shown, passed = self.declarations()
        ranges = [(d.begin, d.end) for d in shown.values()]
        self.about, entry, last, waiting, shared = None, None, 0, [], False
        for b, e, comment in self.parts(ranges, 0, len(self.raw), passed):
            between, section = self.raw[last:b], self.sections[-1]
            heading = re.match(r"-{4,}\s*(.*?)[ -]*$", comment or "", re.S)
            if comment is None:
                d, before = shown[b], entry and entry.declarations[-1]
                alike = before and not before.members and before.kind == d.kind
                next_line = not re.search(r"\n\s*\n|__cplusplus", between) and (shared or alike and not entry.text())
                if before and not waiting and not d.members and (next_line or alike and d.name.startswith(before.name + "_")):
                    entry.declarations.append(d)
                else:
                    entry, shared = Entry(section, d, waiting), bool(waiting)
                last, waiting = e, []
            elif self.about is None:
                self.about = comment
            elif heading:
                section.parts += waiting
                entry, waiting = None, []
                self.sections.append(Section(*headed(heading[1])))
            elif entry and "\n" not in between:
                if len(entry.declarations) > 1: entry = Entry(section, entry.declarations.pop(), [])
                entry.comments.append(comment)
                shared = False
            else:
                section.parts += waiting
                waiting = [comment]
        for section in self.sections:
            section.parts = [part for part in section.parts if isinstance(part, str) or part.is_shown()]
        self.sections = [section for section in self.sections if section.parts]

    def entries(self):
        return [entry for section in self.sections for entry in section.entries()]


def headed(text):
    """The title of a section, and its text."""
    title, rest = re.match(r"(.*?)(?:[.:](?= |\n|$)|\n|$)(?: |\n)*?((?:    )?\S.*|$)", text, re.S).groups()
    if len(title) > 60: title, rest = re.split("[,;:]", title)[0], text
    rest = capital(rest) if re.match(r"a |[a-z]{2,}[ ,:]", rest) else rest
    return capital(title), [rest] if rest else []


def blocks(text):
    """A comment's text as paragraphs, items, code and terms: ("p" or "li" or "pre" or "dl", text)."""
    found, inside, after_blank = [], 0, True
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        kind = found[-1][0] if found else ""
        if not line:
            after_blank = True
            continue
        if kind == "dl" and not after_blank and indent >= 4:
            found[-1][1] += " " + line.strip()
        elif indent < 4 and re.search(r"\S {3,}\S", line):
            found.append(["dl", re.sub(" {3,}", "\n", line.strip(), count=1)])
        elif indent >= 4:
            if kind == "pre": found[-1][1] += ("\n\n" if after_blank else "\n") + line
            else: found.append(["pre", line])
        elif line.lstrip().startswith("- "):
            found.append(["li", line.strip()[2:]])
        elif not after_blank and (kind == "li" and indent or kind == "p" and (indent or not inside)):
            found[-1][1] += " " + line.strip()
        else:
            found.append(["p", line.strip()])
        inside, after_blank = indent, False
    return [(kind, textwrap.dedent(text) if kind == "pre" else text) for kind, text in found]


def summary(text, otherwise, most=90):
    """One line: a text's first sentence, or as much of it as there is room for."""
    text = " ".join(text for kind, text in blocks(text) if kind != "pre").replace("`", "") or otherwise
    first = re.match(r".*?\w\w[.?](?= [A-Z]|$)|.*", text)[0].rstrip(".")
    return textwrap.shorten(first, most, placeholder=" ..")


def words(text):
    """In lower case, each once; a name of several words also by its parts: MultiheadAttention, multihead, attention."""
    found = re.findall(r"[A-Za-z]+[A-Za-z0-9]*|\d+", text.replace("_", " "))
    found += [part for word in found for part in re.findall(r"[A-Z]?[a-z]+", word) if part != word]
    return " ".join(dict.fromkeys(word.lower() for word in found if word not in ("rg", "RG", "torch")))


def anchor(names):
    """The id of a row of PyTorch's names."""
    return re.sub(r"[^\w.]+", "-", names)


def capital(text):
    return text[:1].upper() + text[1:]


class Reference:
    """All headers, and where each name is."""

    def __init__(self, paths):
        self.headers = [Header(path) for path in paths]
        self.version = ".".join(re.findall(r"^#define RG_VERSION_[MP][A-Z]* (\d+)", "".join(h.raw for h in self.headers), re.M))
        self.targets, self.types, said = {}, {}, {}
        for h, entry, d in self.declarations():
            says = bool(entry.text() or d.members)
            for name in d.anchors():
                if name not in self.targets or says and not said[name]: self.targets[name], said[name] = f"{h.name}.html#{name}", says
            if d.members and d.name: self.types[d.name] = d
        self.program, waiting = set(), ["retrograd"]  # retrograd.h, and what it includes
        while waiting:
            self.program.add(waiting[-1])
            includes = {h.name: h.includes for h in self.headers}.get(waiting.pop(), [])
            waiting += [name for name in includes if name not in self.program]
        self.operators = {}
        for line in from_pytorch.read("ops/README.md").split("\n"):
            if line.startswith("| `"): self.operators[line.split("`")[1]] = re.split(r" *(?<!\\)\| *", line)[2:-1]
        self.names_of_pytorch()

    def declarations(self):
        return [(h, entry, d) for h in self.headers for entry in h.entries() for d in entry.declarations]

    def names_of_pytorch(self):
        """What PyTorch calls a function, a pair of names and a note for each row; the rows that are recipes, and whom they need."""
        table = from_pytorch.with_same(from_pytorch.parts(from_pytorch.read("tools/from_pytorch.txt")))
        self.pytorch, self.near, self.recipes = {}, {}, []
        for theirs, ours, note in (row for part in table if isinstance(part, list) for row in part):
            same = from_pytorch.same_as(theirs, ours)
            for name in dict(same): self.pytorch.setdefault(name, []).append(([one for own, one in same if own == name], note))
            for name in set(re.findall(r"\brg_\w+", ours)) - set(dict(same)) - from_pytorch.ARGUMENTS:
                self.near.setdefault(name, []).append(theirs)
            if not same: self.recipes.append((theirs, ours.removeprefix("~ "), note))

    def taken(self, d):
        """The options of a function. A comment that begins "rg_bce, rg_focal:" names those that take it; else all do."""
        lead, members = re.compile(r"(?:rg_\w+,\s)*rg_\w+:"), self.types[d.options].members if d.options else []
        return [one for one in members if d.name in re.findall(r"\w+", (lead.match("\n".join(one.comments)) or [d.name])[0])]

    def target(self, name):
        return self.targets.get(name) or self.targets.get(re.sub(r"_(n|of|at)$", "", name))

    def is_at(self, h, name):
        return self.targets.get(name) == f"{h.name}.html#{name}"

    def include(self, h):
        return "retrograd.h" if h.name in self.program else "retrograd/" + h.path


class Pages:
    """The reference as HTML, of a class Reference."""

    def __init__(self, reference):
        self.all, self.headers = reference, reference.headers

    def files(self):
        made = {h.name + ".html": self.header(h) for h in self.headers}
        return dict(made, **{"index.html": self.index(), "operators.html": self.operators(),
                             "from_pytorch.html": self.page("from_pytorch", "From PyTorch - retrograd", [
                                 self.markdown(from_pytorch.read("docs/from-pytorch.md"))]), "search.js": self.search(),
                             "style.css": from_pytorch.read("tools/reference/style.css")})

    def linked(self, text, own=()):
        """Text as HTML: names, headers and addresses are links; `own` names are those that it declares."""
        def link(word):
            if word in own: return f'<a class="own" href="#{word}">{word}</a>'
            if word.startswith("http"): return f'<a href="{html.escape(word)}">{html.escape(word)}</a>'
            place = next((h.name + ".html" for h in self.headers if ("/" + h.path).endswith("/" + word)), self.all.target(word))
            return f'<a class="name" href="{place}">{word}</a>' if place else word
        parts = re.split(r"(https?://[^\s,;)]*\w|\b(?:rg|RG)_\w+|\b(?:\w+/)*\w+\.h\b)", text)
        return "".join(link(part) if i % 2 else html.escape(part, quote=False) for i, part in enumerate(parts))

    def inline(self, text):
        if "`" not in text: text = CODE.sub(r"`\g<0>`", text)
        text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", re.sub(r"`([^`\n]+)`", r"<code>\1</code>", self.linked(text)))
        return re.sub(r"\[([^]\n]+)\]\(([^)]+)\)", lambda to: f'<a href="{to[2]}">{to[1]}</a>' if ".html" in to[2] else to[1], text)

    def prose(self, text):
        lines = []
        for kind, block in blocks(text):
            term, _, rest = block.partition("\n")
            if kind == "dl": lines.append(f"<dl><dt><code>{self.linked(term)}</code></dt><dd>{self.inline(rest)}</dd></dl>")
            else: lines.append(f"<{kind}>{self.program(block) if kind == 'pre' else self.inline(block)}</{kind}>")
        lines = "\n".join(lines).replace("</dl>\n<dl>", "\n")
        return re.sub(r"<li>.*</li>(?:\n<li>.*</li>)*", r"<ul>\n\g<0>\n</ul>", lines)

    def program(self, text):
        """Code; its comments, with marks if it has none."""
        if "/*" not in text: text = re.sub(r"^(.*\S {3,})(?=\S)(.*)$", r"\1/* \2 */", text, flags=re.M)
        return re.sub(r"/\*.*?\*/", r'<span class="note">\g<0></span>', self.linked(text), flags=re.S)

    def members(self, d):
        lines = ["<dl>"]
        for member in d.members:
            ids = "".join(f'<span id="{name if d.enum else d.name + "." + name}"></span>' for name in member.names)
            tag = "pre" if "{" in member.code else "code"
            about = self.prose("\n\n".join(member.comments))
            code = self.program(member.code) if tag == "pre" else self.linked(member.code, member.names * d.enum)
            lines.append(f"<dt>{ids}<{tag}>{code}</{tag}></dt>" + (about and f"<dd>{about}</dd>"))
        return lines + ["</dl>"]

    def entry(self, entry):
        lines = ['<div class="entry">']
        for d in entry.declarations:
            place = f' id="{d.name}"' if d.name else ""
            lines.append(f'<div class="code"{place}><code>{self.linked(d.code, [d.name])}</code></div>')
        lines.append(self.prose(entry.text()))
        for d in entry.declarations: lines += self.members(d) if d.members else []
        for d in entry.declarations:
            options = [f"{self.all.targets[d.options]}.{name}" for member in self.all.taken(d) for name in member.names]
            rows = [", ".join(f"`{name}`" for name in names) + (note and f" ({note})") for names, note in self.all.pytorch.get(d.name, [])]
            near = [f'<a href="from_pytorch.html#{anchor(name)}">{html.escape(name)}</a>' for name in self.all.near.get(d.name, [])]
            more = {"Options": " ".join(f'<a class="name" href="{place}">.{place.rpartition(".")[2]}</a>' for place in options),
                    "PyTorch:": self.inline(", ".join(rows)), "Used in recipes for": ", ".join(near),
                    "Operator:": f'<a href="operators.html#{d.name[3:]}">{d.name[3:]}</a>' * (d.name[3:] in self.all.operators)}
            of = f"{d.name}: " * (len(entry.declarations) > 1)
            lines += [f'<p class="more">{of}{title} {text}</p>' for title, text in more.items() if text]
        return "\n".join(lines + ["</div>"])

    def page(self, name, title, body, contents=""):
        pages = []
        for group, headers in self.groups():
            pages.append(f'<li class="group">{group}</li>')
            for h in headers:
                here, under = (' class="here"', contents) if h.name == name else ("", "")
                pages.append(f'<li><a{here} href="{h.name}.html">{h.path}</a>{under and "<ul>" + under + "</ul>"}</li>')
        text = from_pytorch.read("tools/reference/page.html")
        parts = {"TITLE": html.escape(title), "VERSION": self.all.version, "PAGES": "\n".join(pages), "BODY": "\n".join(body)}
        for key, value in parts.items(): text = text.replace(f"<!--{key}-->", value)
        return text

    def groups(self):
        first = sorted((h for h in self.headers if h.name in PROGRAMS), key=lambda h: PROGRAMS.index(h.name))
        return ("For programs", first), ("For authors of operators", [h for h in self.headers[1:] if h not in first])

    def names(self, h, section, kind=""):
        names = [name for entry in section.entries() for d in entry.declarations if kind in d.kind for name in d.anchors()]
        return " ".join(f'<a class="name" href="{h.name}.html#{name}">{name}</a>' for name in names if self.all.is_at(h, name))

    def header(self, h):
        """Options come after the functions that take them."""
        body = [f"<h1>{html.escape(capital(h.title))} <small>{h.path}</small></h1>", f"<pre>#include &lt;{self.all.include(h)}&gt;</pre>",
                f'<p class="lead">{self.inline(capital(h.lead))}</p>', self.prose(h.about)]
        contents = ""
        for section in h.sections:
            if section.title:
                body.append(f'<h2 id="{section.id}">{self.linked(section.title)}</h2>')
                contents += f'<li><a href="#{section.id}">{html.escape(section.title)}</a></li>'
            contents += f'<li class="names">{self.names(h, section, "function")}</li>'
            parts = sorted(section.parts, key=lambda part: not isinstance(part, str) and part.declarations[0].name.endswith("_options"))
            body += [self.prose(part) if isinstance(part, str) else self.entry(part) for part in parts]
        return self.page(h.name, f"{h.path} - retrograd", body, contents)

    def index(self):
        readme = re.search(r"^## A program\n.*(?=^## Documentation)", from_pytorch.read("README.md"), re.M | re.S)[0]
        body = [self.markdown("# retrograd: reference\n" + readme + from_pytorch.read("tools/reference/index.md"))]
        for group, headers in self.groups():
            body.append(f"<h2>{group}</h2>")
            for h in headers:
                lines = [f"<dt>{html.escape(section.title or h.title)}</dt><dd class=names>{self.names(h, section)}</dd>"
                         for section in h.sections if section.entries()]
                body += [f'<h3><a href="{h.name}.html">{h.path}</a></h3><p>{self.linked(capital(h.lead))}</p><dl>', *lines, "</dl>"]
        return self.page("index", "retrograd: reference", body)

    def operators(self):
        made, lines = from_pytorch.card()[0], [from_pytorch.read("tools/reference/operators.md")]
        for name, (formula, _, _, *rest) in self.all.operators.items():
            call = f"`{made['rg_' + name]}`" if "rg_" + name in made else ""
            lines.append(" | ".join([f"| `{name}`", call, f"`{formula}`", *rest]) + " |\n")
        return self.page("operators", "The operators - retrograd", [self.markdown("".join(lines))])

    def markdown(self, text):
        """A page of docs/: headings, code, tables with an anchor for each row, and text."""
        found = []
        for part in re.findall(r"^```(?:.*\n)+?```$|^#.*|(?:^\|.*\n)+|(?:^(?!```|#|\|).*\n)+", text, re.M):
            rows = [[cell.replace("\\|", "|") for cell in re.split(r" *(?<!\\)\| *", line)] for line in part.split("\n")]
            if part[0] == "`": found.append(f"<pre>{self.program(part[:-4].partition(chr(10))[2])}</pre>")
            elif part[0] == "|":
                found.append('<div class="scroll"><table>')
                for i, (_, *cells, _) in enumerate(rows[:1] + rows[2:-1]):
                    place, tag = (f' id="{anchor(cells[0].replace("`", ""))}"', "td") if i else ("", "th")
                    found.append(f"<tr{place}>" + "".join(f"<{tag}>{self.inline(cell)}</{tag}>" for cell in cells) + "</tr>")
                found.append("</table></div>")
            elif part[0] == "#":
                level = part.index(" ")
                found.append(f"<h{level}>{self.inline(part[level:].strip())}</h{level}>")
            else: found.append(self.prose(part))
        return "\n".join(found)

    def search(self):
        """search.js: of each name, section and recipe its place, one line about it, PyTorch's names, and what it is found by."""
        found = []
        for h, entry, d in self.all.declarations():
            if not d.members and d.code.startswith("typedef struct") and not entry.text(): continue
            text, taken = (" ".join(part for member in members for part in [member.code] + member.comments)
                           for members in (d.members, self.all.taken(d)))
            text, around = words(f"{entry.text()} {d.code} {text}"), f"{entry.section.title} {h.lead} {taken}"
            behind = 15 * (h.name not in self.all.program) + (d.kind != "function")
            for name in d.anchors():
                theirs = [one for names, _ in self.all.pytorch.get(name, []) for one in names]
                said = [text for member in d.members if d.enum and name in member.names for text in member.comments]
                about = " ".join(" ".join(said).split()) or summary(entry.text(), entry.section.title or d.code)
                if self.all.is_at(h, name): found.append((name, self.all.targets[name], about, behind, theirs, text, around))
        for h in self.headers:
            found.append((h.path, h.name + ".html", h.lead, 8, [], words(h.lead + h.about), ""))
            found += [(section.title, f"{h.name}.html#{section.id}", summary(section.text(), h.lead), 8, [], words(section.text()), h.lead)
                      for section in h.sections if section.title]
        for theirs, ours, note in self.all.recipes:
            about = ". ".join(part for part in ("not there" if ours == "-" else ours, note) if part).replace("`", "")
            found += [(name, "from_pytorch.html#" + anchor(theirs), about, 4, [name], words(about), "") for name in theirs.split(", ")]
        rows = [[name, place, about, behind, ", ".join(theirs), words(" ".join(theirs)), text, words(around)]
                for name, place, about, behind, theirs, text, around in found]
        return from_pytorch.read("tools/reference/search.js").replace("/*ENTRIES*/", ",\n".join(map(json.dumps, rows)))


def literal(line):
    """A line of mdoc that is no macro."""
    line = line.replace("\\", "\\e").replace("()", "\\&()")
    return ("\\&" if line[:1] in (".", "'") else "") + line


def roff(text):
    """Text as lines: each sentence begins one; what ends a line, and not a sentence, says so."""
    lines = []
    for sentence in re.split(r"(?<=[^.][.?!]) +(?=[A-Z\"])|(?<=[^.][.?!]\)) +(?=[A-Z\"])", text):
        parts = textwrap.wrap(sentence, 76, break_long_words=False, break_on_hyphens=False)
        lines += [literal(part) + "\\&" * (part[-1] in ".?!)" and part is not parts[-1]) for part in parts]
    return lines


def quoted(text):
    """An argument of a macro."""
    return '"' + text.replace('"', "\\(dq") + '"'


class Manual:
    """The reference as man pages, of a class Reference: one for each header, and one for each entry with a function or a type."""

    def __init__(self, reference):
        self.all, self.pages = reference, {}
        newest = max(os.path.getmtime(os.path.join(TOP, h.path)) for h in reference.headers)
        day = time.gmtime(float(os.environ.get("SOURCE_DATE_EPOCH", newest)))
        self.date = f'{time.strftime("%B", day)} {day.tm_mday}, {day.tm_year}'

    def files(self):
        for h in self.all.headers:
            self.header(h)
            for entry in h.entries(): self.entry(h, entry)
        return self.pages

    def prose(self, text):
        lines, before, lists = [], None, {"li": ".Bl -bullet", "dl": ".Bl -tag -width Ds"}
        for kind, block in blocks(text):
            if before in lists and before != kind: lines.append(".El")
            if kind in lists and before != kind: lines.append(lists[kind])
            if kind == "p" and before: lines.append(".Pp")
            term, _, rest = block.partition("\n")
            lines += {"p": roff(block), "li": [".It", *roff(block)], "dl": [".It Vt " + quoted(term), *roff(rest)],
                      "pre": [".Bd -literal -offset indent", *map(literal, block.split("\n")), ".Ed"]}[kind]
            before = kind
        return lines + [".El"] * (before in lists)

    def members(self, d):
        lines = [".Bl -tag -width Ds"]
        for member in d.members:
            code = re.sub(r"/\*.*?\*/", " ", member.code, flags=re.S)
            lines += [".It Vt " + quoted(" ".join(code.split())), *self.prose("\n\n".join(member.comments))]
        return lines + [".El"]

    def page(self, h, name, about, synopsis, body, see):
        others = [f".Xr {one} 3" + " ," * (one != see[-1]) for one in see]
        about = quoted(about.rstrip(" .?") + "\\&")
        lines = [f".Dd {self.date}", f".Dt {name.upper()} 3", ".Os", ".Sh NAME", f".Nm {name}", ".Nd " + about, ".Sh SYNOPSIS",
                 ".In " + self.all.include(h), *synopsis, ".Sh DESCRIPTION", *body, ".Sh SEE ALSO", *others]
        self.pages[name + ".3"] = "\n".join(lines) + "\n"

    def header(self, h):
        body = self.prose(capital(h.lead) + "\n\n" + h.about)
        for section in h.sections:
            if section.title: body.append(".Ss " + section.title)
            for part in section.parts:
                if isinstance(part, str):
                    body += [".Pp"] * (body[-1][:3] != ".Ss") + self.prose(part)
                    continue
                body.append(".Bl -tag -width Ds")
                for d in part.declarations:
                    function = d.kind == "function"
                    words = ["Ft", quoted(d.result), "Fn", d.name, *map(quoted, d.parameters)] if function else ["Vt", quoted(d.code)]
                    body.append(" ".join([".It", *words]))
                body += self.prose(part.text())
                for d in part.declarations: body += self.members(d) if d.members else []
                body.append(".El")
        others = sorted(one.man for one in self.all.headers if one is not h and (h.name == "retrograd" or one.name in h.includes))
        self.page(h, h.man, h.title, [], body, others or ["retrograd"])

    def entry(self, h, entry):
        """A page under the name of the first; those of the others lead to it."""
        names = list(dict.fromkeys(d.name for d in entry.declarations if d.kind != "macro" and self.all.is_at(h, d.name)))
        if not names: return
        synopsis, options = [], dict.fromkeys(d.options for d in entry.declarations if d.options)
        body = self.prose("\n\n".join(text for text in (entry.text(), entry.section.text()) if text) or capital(h.lead))
        for d in entry.declarations:
            parameters = [".Fa " + quoted(parameter) for parameter in d.parameters]
            if d.kind == "function": synopsis += [".Ft " + quoted(d.result), ".Fo " + d.name, *parameters, ".Fc"]
            else: synopsis.append((".Fd " if d.kind == "macro" else ".Vt ") + quoted(d.code))
            body += self.members(d) if d.members else []
        for name in options: body += [".Pp", "Options:", *self.members(self.all.types[name])]
        self.page(h, names[0], summary(entry.text(), entry.section.title or names[0], 70), synopsis, body, [h.man])
        for name in names[1:]: self.pages[name + ".3"] = f".so man3/{names[0]}.3\n"


def main():
    pages, man, *headers = sys.argv[1:]
    reference = Reference(headers)
    for folder, made in ((pages, Pages(reference)), (man, Manual(reference))):
        shutil.rmtree(folder, ignore_errors=True)  # a new folder has a new time, by which the build sees that it was made
        os.makedirs(folder)
        for name, text in made.files().items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)


if __name__ == "__main__":
    main()
