// Predictions: in a box "Predict first" the lists of choices become radio buttons. What is chosen stays in this browser,
// and is compared where the chapter has shown the answer. Two classes of the box say which that is and where: with
// "answers-2-3" the second choice of the first list and the third of the second are right; "reveal-training" names the
// section at whose end they are compared. Without this script the box is what it looks like in a notebook.

const KEY = "initlib-predictions";

function stored() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // storage is refused: what is chosen lasts as long as the page
  }
}

function store(name, chosen) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...stored(), [name]: chosen }));
  } catch { /* as above */ }
}

const element = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

const codeOf = (box, prefix) =>
  [...box.classList].find((name) => name.startsWith(prefix))?.slice(prefix.length);

// A list as a group of radio buttons, named by the words before it; `choose` is called with an index.
function radios(list, name, chosen, choose) {
  const words = list.previousElementSibling;
  words.id ||= `${name}-question`;
  const labels = [...list.children].map((item, index) => {
    const input = element("input", { type: "radio", name, checked: index === chosen });
    input.addEventListener("change", () => choose(index));
    return element(
      "label",
      {},
      input,
      element("span", { innerHTML: (item.querySelector("p") ?? item).innerHTML }),
    );
  });
  const group = element("div", { className: "choices" }, ...labels);
  group.setAttribute("role", "radiogroup");
  group.setAttribute("aria-labelledby", words.id);
  list.replaceWith(group);
  return labels.map((label) => label.lastChild.innerHTML);
}

function comparison(chosen, right, choices, box) {
  const rows = right.map((answer, i) => {
    if (chosen[i] == null) {
      return element("li", { innerHTML: `No choice. The answer: <strong>${choices[i][answer]}</strong>.` });
    }
    const same = chosen[i] === answer;
    const words = same
      ? `You said <em>${choices[i][answer]}</em>, and so it is.`
      : `You said <em>${choices[i][chosen[i]]}</em>; it is <strong>${choices[i][answer]}</strong>.`;
    return element("li", { className: same ? "same" : "other", innerHTML: words });
  });
  const back = element("a", { href: `#${box.id}`, textContent: "Your prediction" });
  return [
    element("p", { className: "admonition-title" }, back),
    element("ol", {}, ...rows),
  ];
}

function answer(box, number) {
  const lists = [...box.querySelectorAll("ul")];
  const right = (codeOf(box, "answers-") ?? "").split("-").map((place) => Number(place) - 1);
  const section = document.getElementById(codeOf(box, "reveal-"));
  if (lists.length !== right.length || !section) return;
  box.id ||= `prediction-${number}`;
  const name = `${location.pathname.split("/").slice(-2).join("/")}#${box.id}`;
  const chosen = stored()[name] ?? []; // an index for each list; null where none was chosen
  const panel = element("div", { className: "admonition prediction" });
  const forget = element("button", { type: "button", textContent: "Forget" });
  const where = section.querySelector("h1, h2, h3").firstChild.textContent;
  const link = element("a", { href: `#${section.id}`, textContent: where });
  const kept = element(
    "p",
    { className: "kept" },
    "Kept in this browser, and compared at the end of ",
    link,
    ". ",
    forget,
  );
  const choices = lists.map((list, i) =>
    radios(list, `${box.id}-${i + 1}`, chosen[i], (index) => {
      chosen[i] = index;
      store(name, chosen);
      show();
    })
  );
  forget.addEventListener("click", () => {
    chosen.length = 0;
    store(name, []);
    box.querySelectorAll("input").forEach((input) => (input.checked = false));
    box.querySelector("input").focus();
    show();
  });
  const show = () => {
    kept.hidden = panel.hidden = chosen.every((one) => one == null);
    panel.replaceChildren(...comparison(chosen, right, choices, box));
  };
  box.append(kept);
  const inner = section.querySelector(":scope > section");
  if (inner) inner.before(panel);
  else section.append(panel);
  show();
}

document.querySelectorAll(".admonition.predict").forEach((box, i) => answer(box, i + 1));
