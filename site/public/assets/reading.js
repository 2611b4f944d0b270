// What a page does for its reader beside the explorers: one switch for all code, and the filter of the verdicts.
// Without scripts each fold opens by itself and the list of verdicts shows all.

(() => {
  const KEY = "show-code";
  const FOLDS = "details.hide.above-input, details.hide.below-input";

  function remembered() {
    try {
      return localStorage.getItem(KEY) === "yes";
    } catch {
      return false; // storage may be off
    }
  }

  function remember(shown) {
    try {
      localStorage.setItem(KEY, shown ? "yes" : "no");
    } catch {
      // then the switch holds for this page
    }
  }

  function addCodeSwitch() {
    const folds = document.querySelectorAll(FOLDS);
    const place = document.querySelector(".article-header-buttons");
    if (!folds.length || !place) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "code-switch";
    function show(shown) {
      button.setAttribute("aria-pressed", String(shown));
      button.textContent = "Show code";
      for (const fold of folds) fold.open = shown;
    }
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      show(shown);
      remember(shown);
    });
    place.prepend(button);
    show(remembered());
  }

  function addFilter(list) {
    const items = [...list.querySelectorAll(".verdict-item")];
    const bar = document.createElement("div");
    bar.className = "verdict-filter";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Show claims by their verdict as a rule");
    const said = document.createElement("span");
    said.setAttribute("role", "status");
    const counts = new Map([["all", items.length]]);
    for (const { dataset } of items) counts.set(dataset.verdict, (counts.get(dataset.verdict) ?? 0) + 1);
    const buttons = [...counts].map(([verdict, count]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `${verdict} (${count})`;
      button.addEventListener("click", () => choose(verdict));
      button.dataset.verdict = verdict;
      return button;
    });
    function choose(verdict) {
      for (const button of buttons) {
        button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
      }
      for (const item of items) item.hidden = verdict !== "all" && item.dataset.verdict !== verdict;
      said.textContent = `${counts.get(verdict)} of ${items.length} shown`;
    }
    bar.append("Verdict as a rule:", ...buttons, said);
    list.prepend(bar);
    choose("all");
  }

  document.addEventListener("DOMContentLoaded", () => {
    addCodeSwitch();
    document.querySelectorAll(".verdict-list").forEach(addFilter);
  });
})();
