#!/usr/bin/env python3
"""reference.py HTML-FOLDER MAN-FOLDER HEADER... - makes the reference from the headers: a page of HTML and a man page for each of them, and
a man page for each function.

The headers are its only source. Which declaration a comment is about:

    T f(..);    /* a comment behind a declaration is of this one */
    /* one in front is of the next declaration, and of those on the lines after it that have none, until an empty line or a struct */
    f_keep(..); without one, after f: what f's comment says
    /* -------- heading: or heading. Begins a section; the rest is its text. So is a comment that another comment follows. */

Text is wrapped anew. What is indented by four blanks or more is code; a line with three blanks in a row begins a table, which goes on to
the next empty line; "- " begins an item. PyTorch's names come from tools/from_pytorch.txt, operators' formulas from ops/README.md."""
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
        self.title = re.split("[:;]", self.lead)[0].rstrip(".")

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
        self.sections = [section for section in self.sections if section.title or section.parts]

    def entries(self):
        return [entry for section in self.sections for entry in section.entries()]


def headed(text):
    """The title of a section, and its text."""
    title, rest = re.match(r"(.*?)(?:[.:](?= |\n|$)|\n|$)(?: |\n)*?((?:    )?\S.*|$)", text, re.S).groups()
    if len(title) > 60: title, rest = re.split("[,;:]", title)[0], text
    return title[:1].upper() + title[1:], [rest] if rest else []


def blocks(text):
    """A comment's text as paragraphs, items and code: ("p" or "li" or "pre", text)."""
    found, table, inside, after_blank = [], False, 0, True
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if not line:
            table, after_blank = False, True
            continue
        table |= indent < 4 and bool(re.search(r"\S {3,}\S", line))
        kind = found[-1][0] if found else ""
        if table or indent >= 4:
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
        self.targets, self.types, self.users, said = {}, {}, {}, {}
        for h, entry, d in self.declarations():
            says = bool(entry.text() or d.members)
            for name in d.anchors():
                if name not in self.targets or says and not said[name]: self.targets[name], said[name] = f"{h.name}.html#{name}", says
            if d.options: self.users.setdefault(d.options, []).append(d.name)
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
        self.table = from_pytorch.with_same(from_pytorch.parts(from_pytorch.read("tools/from_pytorch.txt")))
        self.pytorch, self.near, self.recipes = {}, {}, []
        for theirs, ours, note in (row for part in self.table if isinstance(part, list) for row in part):
            same = from_pytorch.same_as(theirs, ours)
            for name in dict(same): self.pytorch.setdefault(name, []).append(([one for own, one in same if own == name], note))
            for name in set(re.findall(r"\brg_\w+", ours)) - set(dict(same)) - from_pytorch.ARGUMENTS:
                self.near.setdefault(name, []).append(theirs)
            if not same: self.recipes.append((theirs, ours.removeprefix("~ "), note))

    def theirs(self, name):
        return [one for names, _ in self.pytorch.get(name, []) for one in names]

    def taken(self, d):
        """The options of a function. A comment that begins "rg_bce, rg_focal:" names those that take it; else all do."""
        members = self.types[d.options].members if d.options else []
        return [member for member in members if d.name in (self.only(member) or [d.name])]

    @staticmethod
    def only(member):
        lead = re.match(r"((?:rg_\w+(?:, | and |,\n))*rg_\w+):", "\n".join(member.comments))
        return re.findall(r"rg_\w+", lead[1]) if lead else []

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
                             "from_pytorch.html": self.from_pytorch(), "search.js": self.search(),
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
        text = re.sub(r"\[([^]\n]+)\]\([^)]+\)", r"\1", text)  # a link of Markdown's
        return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", self.linked(text)))

    def prose(self, text):
        lines = "\n".join(f"<{kind}>{self.linked(block) if kind == 'pre' else self.inline(block)}</{kind}>" for kind, block in blocks(text))
        return re.sub(r"<li>.*</li>(?:\n<li>.*</li>)*", r"<ul>\n\g<0>\n</ul>", lines)

    def members(self, d):
        lines = ["<dl>"]
        for member in d.members:
            ids = "".join(f'<span id="{name if d.enum else d.name + "." + name}"></span>' for name in member.names)
            tag = "pre" if "{" in member.code else "code"
            about = self.prose("\n\n".join(member.comments))
            code = self.linked(member.code, member.names * d.enum)
            lines.append(f"<dt>{ids}<{tag}>{code}</{tag}></dt>" + (about and f"<dd>{about}</dd>"))
        return lines + ["</dl>"]

    def entry(self, entry):
        lines, own = ['<div class="entry">'], [d.name for d in entry.declarations]
        for d in entry.declarations:
            place = f' id="{d.name}"' if d.name else ""
            lines.append(f'<div class="code"{place}><code>{self.linked(d.code, [d.name])}</code></div>')
        lines.append(self.prose(entry.text()))
        for d in entry.declarations: lines += self.members(d) if d.members else []
        lists = {}
        for d in entry.declarations:
            names = [f"{d.options}.{name}" for member in self.all.taken(d) for name in member.names]
            if names: lists.setdefault(tuple(names), []).append(d.name)
        for names, of in lists.items():
            place = self.all.targets[names[0].partition(".")[0]].partition("#")[0]
            links = " ".join(f'<a class="name" href="{place}#{name}">.{name.partition(".")[2]}</a>' for name in names)
            lines.append(f'<p class="more">{(", ".join(of) + ": ") * (len(lists) > 1)}Options {links}</p>')
        users = [name for one in own for name in self.all.users.get(one, [])]
        if users: lines.append(f'<p class="more">Options of {self.linked(", ".join(users))}</p>')
        for one in own:
            of = f"{one}: " * (len(own) > 1)
            rows = [", ".join(f"`{name}`" for name in names) + (note and f" ({note})") for names, note in self.all.pytorch.get(one, [])]
            if rows: lines.append(f'<p class="more">{self.inline(f"{of}PyTorch: " + ", ".join(rows))}</p>')
            near = [f'<a href="from_pytorch.html#{anchor(name)}">{html.escape(name)}</a>' for name in self.all.near.get(one, [])]
            if near: lines.append(f'<p class="more">{of}Used in recipes for PyTorch\'s {", ".join(near)}</p>')
        operators = [name[3:] for name in own if name[3:] in self.all.operators]
        links = ", ".join(f'<a class="name" href="operators.html#{name}">{name}</a>' for name in operators)
        if links: lines.append(f'<p class="more">Operator: {links}</p>')
        return "\n".join(lines + ["</div>"])

    def page(self, name, title, body, contents=()):
        pages = []
        for h in self.headers:
            here, under = (' class="here"', "".join(contents)) if h.name == name else ("", "")
            pages.append(f'<li><a{here} href="{h.name}.html">{h.path}</a>{under and "<ul>" + under + "</ul>"}</li>')
        text = from_pytorch.read("tools/reference/page.html")
        parts = {"TITLE": html.escape(title), "VERSION": self.all.version, "PAGES": "\n".join(pages), "BODY": "\n".join(body)}
        for key, value in parts.items():
            text = text.replace(f"<!--{key}-->", value)
        return text

    def header(self, h):
        lead = f'<p class="lead">{self.linked(capital(h.lead))}</p>'
        body, contents = [f"<h1>{h.path}</h1>", f"<pre>#include &lt;{self.all.include(h)}&gt;</pre>", lead, self.prose(h.about)], []
        for section in h.sections:
            if section.title:
                body.append(f'<h2 id="{section.id}">{self.linked(section.title)}</h2>')
                contents.append(f'<li><a href="#{section.id}">{html.escape(section.title)}</a></li>')
            body += [self.prose(part) if isinstance(part, str) else self.entry(part) for part in section.parts]
        return self.page(h.name, f"{h.path} - retrograd", body, contents)

    def index(self):
        body = ["<h1>Reference</h1>", "<p>Made from the headers. Search for a name, for PyTorch's name, or for words. "
                'How functions are called is in <a class="name" href="engine.html#about-how-functions-are-called">engine.h</a>; the '
                'formulas of all operators are in <a href="operators.html">one table</a>.</p>']
        for h in self.headers:
            names = [d.name for entry in h.entries() for d in entry.declarations if self.all.is_at(h, d.name)]
            names = " ".join(name for name in names if not name.endswith("_options"))
            body += [f'<h2><a href="{h.name}.html">{h.path}</a></h2>', f"<p>{self.linked(capital(h.lead))}</p>",
                     f'<p class="names">{self.linked(names)}</p>']
        return self.page("index", "retrograd: reference", body)

    def operators(self):
        made, names = from_pytorch.card()[0], [h for h in self.headers if h.name in ("ops", "elementwise", "losses", "core_ops")]
        about = ("The formulas and derivatives of all operators, as they are registered. Those without a call are parts of other functions. "
                 "\"Any order\": the derivative is a composition of operators. Kinks: the formula has branches, and the gradient check "
                 "leaves out, and counts, elements that are near one. The functions are explained in "
                 + ", ".join(h.name + ".h" for h in names) + ".")
        rows = []
        for name, (formula, _, _, derivative, kinks) in self.all.operators.items():
            call = made.get("rg_" + name, "") and f"`{made['rg_' + name]}`"
            rows.append((name, [name, call, f"`{formula.replace(chr(92), '')}`", derivative, kinks]))
        return self.page("operators", "The operators - retrograd", [
            "<h1>The operators</h1>", self.prose(about), self.rows("operator call formula derivative kinks".split(), rows)])

    def rows(self, titles, rows):
        """A table; of each row its anchor and cells."""
        lines = ['<div class="scroll"><table>', "<tr>" + "".join(f"<th>{title}</th>" for title in titles) + "</tr>"]
        for place, cells in rows:
            lines.append(f'<tr id="{html.escape(place)}">' + "".join(f"<td>{self.inline(cell)}</td>" for cell in cells) + "</tr>")
        return "\n".join(lines + ["</table></div>"])

    def markdown(self, text):
        """Headings, code and text of a page of docs/."""
        code = re.split(r"^```.*\n", text, flags=re.M)
        text = "".join(re.sub("^(?=.)", "    ", part, flags=re.M) if i % 2 else part for i, part in enumerate(code))
        parts = re.split(r"^(#+) (.*)\n", text, flags=re.M)
        found = [self.prose(parts[0])]
        for level, title, rest in zip(parts[1::3], parts[2::3], parts[3::3]):
            found += [f"<h{len(level)}>{self.inline(title)}</h{len(level)}>", self.prose(rest)]
        return "\n".join(found)

    def from_pytorch(self):
        made, body, lines = from_pytorch.card()[0], [], []
        for part in [*self.all.table, []]:
            if isinstance(part, str):
                lines.append(part)
                continue
            body.append(self.markdown("\n".join(lines)))
            rows = [(anchor(theirs), [", ".join(f"`{name}`" for name in theirs.split(", ")), "not there" if ours == "-" else
                                      f"`{made.get(ours, ours).removeprefix('~ ')}`", note]) for theirs, ours, note in part]
            if rows: body.append(self.rows(["PyTorch", "here", "note"], rows))
            lines = []
        return self.page("from_pytorch", "From PyTorch - retrograd", body)

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
                said = [text for member in d.members if d.enum and name in member.names for text in member.comments]
                about = " ".join(" ".join(said).split()) or summary(entry.text(), entry.section.title or d.code)
                if self.all.is_at(h, name): found.append((name, self.all.targets[name], about, behind, self.all.theirs(name), text, around))
        for h in self.headers:
            found.append((h.path, h.name + ".html", h.lead, 8, [], words(h.about), ""))
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
        lines, before = [], None
        for kind, block in blocks(text):
            if before == "li" != kind: lines.append(".El")
            if kind == "p" and before: lines.append(".Pp")
            if kind == "li" != before: lines.append(".Bl -bullet")
            if kind == "li": lines.append(".It")
            lines += roff(block) if kind != "pre" else [".Bd -literal -offset indent", *map(literal, block.split("\n")), ".Ed"]
            before = kind
        return lines + [".El"] * (before == "li")

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
