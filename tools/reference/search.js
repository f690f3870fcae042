/* The search box. An entry: name, place, one line about it, whether retrograd.h has it, and the words by which it is found in addition
   to those of its name: of PyTorch's names for it; of its text and options; of its section, and of PyTorch's names for what it is a
   part of. */
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
    if (asked.startsWith(word)) return word.length > 3 ? .6 : 0;
    let same = 0;
    while (same < word.length && asked[same] === word[same]) same++;
    return same >= 5 && same >= Math.max(asked.length, word.length) - 3 ? .4 : 0;
}

/* The first words that a word is made of: cumsum, of cumulative sum; hvp, of Hessian-vector product. 0: of no two. */
function abbreviated(word, asked) {
    let found = 0;
    const from = (rest, i) => {
        if (!rest && i > 1) found = Math.max(found, i);
        const most = i < asked.length && asked[i].length > 2 ? rest.length : 0;
        for (let n = 1; n <= most && asked[i].startsWith(rest.slice(0, n)); n++) from(rest.slice(n), i + 1);
    };
    if (word.length > 1 && !asked[0].startsWith(word)) from(word, 0);
    return found;
}

/* The entries for a query, the best first: those that have all of its words come before those that have some. */
function search(text) {
    const all = split(text), kept = all.filter(word => !COMMON.has(word)), asked = kept.length ? kept : all;
    if (!asked.length) return [];
    const joined = asked.join(""), found = [];
    for (const [name, place, about, common, ...lists] of ENTRIES) {
        const fields = [split(name).filter(word => word !== "rg"), ...lists.map(list => list.split(" "))];
        let sum = 0, missing = 0;
        const short = Math.max(...fields[0].map(word => abbreviated(word, asked)));
        for (const [i, word] of asked.entries()) {
            let best = i < short ? 5 : 0;
            fields.forEach((field, k) => field.forEach(one => { if (one) best = Math.max(best, WEIGHTS[k] * fit(word, one)); }));
            sum += best;
            missing += best === 0;
        }
        if (missing === asked.length) continue;
        const whole = fields[0].join("");
        if (name.toLowerCase() === text.trim().toLowerCase()) sum += 40;
        else if (whole === joined) sum += 20;
        else if (fields[1].includes(joined)) sum += 6;
        else if (whole.endsWith(joined) || whole.startsWith(joined)) sum += 3;
        sum -= fields[0].length / 4 + (/^RG_|_options$/.test(name) ? 1 : 0) + (common ? 0 : 15);
        found.push({name, place, about, missing, sum});
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
            const item = document.createElement("li"), link = document.createElement("a"), name = document.createElement("b"),
                about = document.createElement("small");
            name.textContent = result.name;
            about.textContent = result.about;
            link.href = result.place;
            link.append(name, about);
            item.append(link);
            return item;
        }));
        if (!results.length) {
            const item = document.createElement("li");
            item.className = "none";
            item.textContent = "Nothing has these words.";
            list.append(item);
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
