// The search page: sections of the book, ranked by MiniSearch; the index is searchindex of the site's extension.
import MiniSearch from "minisearch";

const SHOWN = 20;
const STEPS = [["words", 5], ["heading", 4], ["page", 2], ["text", 1]];

const plain = (word) => word.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

// "GPT-2" stays one word beside its parts, and so does "0.02".
const tokenize = (text) =>
  (text.match(/[\p{L}\p{N}]+(?:[-.'_][\p{L}\p{N}]+)*/gu) ?? []).flatMap((word) => {
    const parts = word.split(/[-_']/);
    return parts.length > 1 ? [word, ...parts] : [word];
  });

export function index({ sections, synonyms, stopwords }) {
  const dull = new Set(stopwords);
  const meanings = new Map(Object.entries(synonyms));
  const engine = new MiniSearch({
    fields: STEPS.map(([field]) => field),
    storeFields: ["heading", "page", "url", "text"],
    tokenize,
    processTerm: (term) => (dull.has(plain(term)) ? null : plain(term)),
    searchOptions: {
      boost: Object.fromEntries(STEPS),
      prefix: (term) => term.length > 3,
      fuzzy: (term) => (term.length > 5 ? 0.15 : false),
      weights: { fuzzy: 0.2, prefix: 0.4 },
      processTerm: (
        term,
      ) => (dull.has(plain(term)) ? null : [plain(term), ...(meanings.get(plain(term)) ?? [])]),
    },
  });
  engine.addAll(sections.map((section, id) => ({ id, ...section })));
  return (query) => whole(engine.search(query), query);
}

// A section that has all words of the query, in whatever field, goes before one that has some of them often.
function whole(results, query) {
  const wanted = new Set(tokenize(query).map(plain)).size;
  const share = (result) => Math.min(1, new Set(result.queryTerms).size / wanted);
  return results
    .map((result) => ({ ...result, score: result.score * share(result) ** 2 }))
    .sort((a, b) => b.score - a.score);
}

const LENGTH = 180;

// From the sentence with most of the terms; where they stand late in it, from some words before them.
function excerpt(text, terms) {
  const words = terms.map((term) =>
    new RegExp(`(?<![\\p{L}\\p{N}])${term.replaceAll(".", "\\.")}(?![\\p{L}\\p{N}])`, "iu")
  );
  let [start, most] = [0, 0];
  for (const { 0: sentence, index } of text.matchAll(/.+?(?:[.?!:…] (?=[^\p{Ll}])|$)/gsu)) {
    const places = words.map((word) => sentence.search(word)).filter((at) => at >= 0);
    if (places.length <= most) continue;
    const at = Math.min(...places);
    start = index + (at < LENGTH / 2 ? 0 : sentence.lastIndexOf(" ", at - 50) + 1);
    most = places.length;
  }
  const end = text.length > start + LENGTH ? text.lastIndexOf(" ", start + LENGTH) : text.length;
  const begins = !start || /[.?!:…] $/.test(text.slice(0, start));
  return `${begins ? "" : "… "}${text.slice(start, end)}${end < text.length ? " …" : ""}`;
}

function entry(result, root) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = root + result.url;
  link.textContent = result.heading;
  const page = document.createElement("span");
  page.className = "search-page";
  page.textContent = result.heading === result.page ? "" : ` · ${result.page}`;
  const words = document.createElement("p");
  words.textContent = excerpt(result.text, result.terms);
  item.append(link, page, words);
  return item;
}

function show(list, status, search) {
  const query = new URLSearchParams(location.search).get("q")?.trim() ?? "";
  if (!query) return;
  for (const input of document.querySelectorAll('input[name="q"]')) input.value = query;
  const found = search(query);
  const count = found.length > SHOWN ? `the first ${SHOWN} of ${found.length}` : `${found.length}`;
  status.textContent = found.length
    ? `Sections for “${query}”: ${count}.`
    : `Nothing in the book has “${query}”. The glossary lists its terms.`;
  const root = document.documentElement.dataset.content_root ?? "./";
  list.replaceChildren(...found.slice(0, SHOWN).map((result) => entry(result, root)));
}

const list = globalThis.document?.querySelector("#book-search-results");
globalThis.bookSearch = index;
if (list) show(list, document.querySelector("#book-search-status"), index(globalThis.bookSearchIndex));
