/* The search box. An entry is a name of ours, a section, or a recipe for a name of PyTorch's: name, place, one line about it, how
   far it is put behind others, PyTorch's names for it, and the words by which it is found in addition to those of its name: of PyTorch's
   names; of its text and options; of its section and page. */
"use strict";
const ENTRIES = [
/*ENTRIES*/
];
const COMMON = new Set(("a an and are as at be by do for from how i in into is it my of on one or out rg s so that the to torch what where" +
    " with").split(" "));
const WEIGHTS = [8, 5, 2, 1];

const split = text => text.toLowerCase().match(/[a-z]+[a-z0-9]*|[0-9]+/g) || [];

/* How well a word of the query fits a word: 1 if they are equal, less if one begins as the other does (clipping, clip; gradients, grad). */
function fit(asked, word) {
    if (asked === word) return 1;
    if (word.startsWith(asked)) return asked.length > 2 ? .7 : 0;
    if (asked.startsWith(word)) return word.length > 3 && /^(s|es|e?d|[a-z]?ing|er|ly)$/.test(asked.slice(word.length)) ? .6 : 0;
    let same = 0;
    while (same < word.length && asked[same] === word[same]) same++;
    return same >= 5 && same >= Math.max(asked.length, word.length) - 3 ? .4 : 0;
}

/* The entries for a query, the best first: those that have all of its words come before those that have some. */
function search(text) {
    const all = split(text), kept = all.filter(word => !COMMON.has(word)), asked = kept.length ? kept : all;
    if (!asked.length) return [];
    const joined = asked.join(""), found = [];
    for (const [name, place, about, behind, theirs, ...lists] of ENTRIES) {
        const fields = [split(name).filter(word => word !== "rg" && word !== "torch"), ...lists.map(list => list.split(" "))];
        let sum = 0, missing = 0;
        for (const word of asked) {
            let best = 0;
            fields.forEach((field, k) => field.forEach(one => { if (one) best = Math.max(best, WEIGHTS[k] * fit(word, one)); }));
            sum += best;
            missing += best === 0;
        }
        if (missing === asked.length) continue;
        const whole = fields[0].join("");
        const names = theirs ? theirs.split(", ") : [];
        if (name.toLowerCase() === text.trim().toLowerCase()) sum += 40;
        else if (names.some(one => one.toLowerCase() === text.trim().toLowerCase())) sum += 30;
        else if (whole === joined) sum += 20;
        else if (fields[1].includes(joined)) sum += 6;
        else if (whole.endsWith(joined) || whole.startsWith(joined)) sum += 3;
        if (about.toLowerCase().includes(text.trim().toLowerCase())) sum += 6;
        sum -= fields[0].length / 4 + behind;
        const match = names.filter(one => one !== name && asked.some(word => one.toLowerCase().includes(word))).slice(0, 3);
        found.push({name, place, about, missing, sum, where: [place.replace(/[.]html.*/, ""), ...match].join(" - ")});
    }
    return found.sort((a, b) => a.missing - b.missing || b.sum - a.sum).slice(0, 25);
}

if (typeof document !== "undefined") {
    const query = document.getElementById("query"), list = document.getElementById("found");
    let here = 0;
    const mark = i => [...list.querySelectorAll("a")].forEach((link, k) => {
        link.classList.toggle("here", k === i);
        if (k === i) link.scrollIntoView({block: "nearest"});
    });
    const show = () => {
        const results = query.value.trim() ? search(query.value) : [];
        list.replaceChildren(...results.map(result => {
            const item = document.createElement("li"), link = document.createElement("a");
            for (const [tag, text] of [["b", result.name], ["i", result.where], ["small", result.about]])
                link.appendChild(document.createElement(tag)).textContent = text;
            link.href = result.place;
            item.append(link);
            return item;
        }));
        if (!results.length || results[0].missing) {
            const item = document.createElement("li");
            item.className = "none";
            item.textContent = results.length ? "No entry has all of these words. Some have a part:" : "Nothing has these words.";
            list.prepend(item);
        }
        list.hidden = !query.value.trim();
        mark(here = 0);
    };
    query.addEventListener("input", show);
    query.addEventListener("focus", show);
    list.addEventListener("click", () => { list.hidden = true; });
    document.addEventListener("click", event => { if (!event.target.closest(".search")) list.hidden = true; });
    document.addEventListener("keydown", event => {
        const links = list.querySelectorAll("a");
        if (event.key === "/" && document.activeElement !== query) query.focus();
        else if (event.key === "Escape") { list.hidden = true; query.blur(); }
        else if (document.activeElement !== query || list.hidden || !links.length) return;
        else if (event.key === "ArrowDown") mark(here = Math.min(here + 1, links.length - 1));
        else if (event.key === "ArrowUp") mark(here = Math.max(here - 1, 0));
        else if (event.key === "Enter") { links[here].click(); query.blur(); }
        else return;
        event.preventDefault();
    });
    const asked = new URLSearchParams(location.search).get("q"); /* index.html?q=words */
    if (asked) {
        query.value = asked;
        show();
    }
}
