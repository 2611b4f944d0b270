// The guide: menus and fields ask for a net, the rule that fits answers. Its setting is in the page's address.

const NAME = "guide";
const QUIET = 300; // ms without a change before the answer is announced and written to the address
const SETTINGS = ["net", "activation", "normalisation", "depth", "width", "steps", "framework"];

const option = (value, words) =>
  Object.assign(document.createElement("option"), { value, textContent: words });

const fits = (names, name) => !names || names.includes(name);
const within = ([least, most], value) => value >= least && (most === null || value <= most);

function run(root) {
  root.dataset.alive = "";
  const data = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
  const form = root.querySelector("form");
  const [answer, heard, note] = [".answer", ".heard", ".note"].map((one) => root.querySelector(one));
  const field = form.elements;
  const onSite = root.closest(".bd-article") !== null; // a page's address is ours, a notebook's is not
  let shown = null; // the setting whose answer stands there
  let announcement = 0;

  const netOf = (name) => data.nets.find((net) => net.name === name);
  const hide = (name, hidden) => (field[name].closest("label").hidden = hidden);

  // Offers what the rules for this net know, and keeps what was chosen where that is among it.
  function offer(net, activation, normalisation) {
    const norms = Object.keys(net.activations);
    const norm = norms.includes(normalisation) ? normalisation : norms[0];
    field.normalisation.replaceChildren(...norms.map((one) => option(one, data.norms[one])));
    field.normalisation.value = norm;
    const known = net.activations[norm];
    const active = [activation, net.start.activation, known[0]].find((one) => known.includes(one));
    field.activation.replaceChildren(...known.map((one) => option(one, one)));
    if (active) field.activation.value = active;
    hide("activation", known.length < 2);
    hide("normalisation", norms.length < 2);
    hide("depth", !net.deep);
    hide("steps", !net.remembers);
    field.depth.previousElementSibling.textContent = net.blocks ? "Blocks" : "Layers";
  }

  // Puts fields where a setting says; what it does not say is usual for its net.
  function put(setting) {
    const net = netOf(setting.net);
    field.net.value = net.name;
    offer(net, setting.activation ?? net.start.activation, setting.normalisation);
    for (const name of ["depth", "width"]) field[name].value = setting[name] ?? net.start[name];
    field.steps.value = setting.steps ?? data.start.steps;
    if (setting.framework) field.framework.value = setting.framework;
  }

  const setting = () => {
    const at = Object.fromEntries(SETTINGS.map((name) => [name, field[name].value]));
    for (const name of Object.keys(data.most)) at[name] = Number(at[name]);
    at.activation ||= netOf(at.net).start.activation;
    return at;
  };

  const rulesFor = (net, at) =>
    data.rules.filter((rule) =>
      rule.architecture === net.architecture && fits(rule.activations, at.activation) &&
      fits(rule.normalisations, at.normalisation)
    );

  function textOf(net, at, known, rule) {
    if (!rule) {
      const near = known.map(({ title, reach }) => `${title}, ${reach}`).join("; ");
      return `<p class="rule"><b>No rule for this depth</b></p>${near && `<p>The nearest: ${near}.</p>`}` +
        `<p>${data.fallback}</p>`;
    }
    const { architecture } = net;
    const { head, rank, base } = data.fixed;
    const sizes = {
      ...at,
      architecture,
      rank,
      base,
      blocks: at.depth,
      head: at.width % head ? at.width : head,
    };
    return fillIn(rule.html, sizes);
  }

  function show() {
    const wrong = [...form.querySelectorAll("input[type=number]")].find((one) =>
      !one.closest("label").hidden && !one.checkValidity()
    );
    if (wrong) {
      const what = wrong.previousElementSibling.textContent;
      return tell(
        `${what}: a whole number from 1 to ${wrong.max}, please. The answer below is the last one.`,
      );
    }
    const at = setting();
    const net = netOf(at.net);
    const known = rulesFor(net, at);
    const rule = known.find(({ depths, steps }) => within(depths, at.depth) && within(steps, at.steps));
    const open = [...answer.querySelectorAll("details")].map((one) => one.open);
    answer.innerHTML = textOf(net, at, known, rule);
    answer.querySelectorAll("details").forEach((one, i) => (one.open = open[i] ?? false));
    dress(at);
    clearTimeout(announcement);
    announcement = setTimeout(rest, QUIET, at, rule);
  }

  function dress({ framework }) {
    for (const code of answer.querySelectorAll(".code")) code.hidden = code.dataset.framework !== framework;
    for (const one of answer.querySelectorAll("[data-action=copy]")) one.hidden = !navigator.clipboard;
    if (onSite) return;
    for (const link of answer.querySelectorAll('a[href^="../"]')) {
      const page = link.getAttribute("href").endsWith("sources.html") ? ".md" : ".ipynb";
      link.setAttribute("href", link.getAttribute("href").replace(".html", page));
    }
  }

  function tell(words) {
    note.hidden = !words;
    note.textContent = words;
  }

  const linkTo = (at) => {
    const net = netOf(at.net);
    const asked = SETTINGS.filter((name) => name === "net" || name === "framework" || !hidden(name, net));
    return `#${NAME}?${new URLSearchParams(asked.map((name) => [name, at[name]]))}`;
  };
  const hidden = (name) => field[name].closest("label").hidden;

  function rest(at, rule) {
    const words = rule?.brief ?? "No rule for this depth";
    if (shown) heard.textContent = `Answer: ${words}`;
    const now = JSON.stringify(at);
    if (shown && shown !== now && onSite) history.replaceState(history.state, "", linkTo(at));
    shown = now;
  }

  // What a link says, and what of it is not here.
  function read(query) {
    const found = {};
    const missing = [];
    for (const [key, value] of new URLSearchParams(query)) {
      const name = key === "architecture" ? "net" : key;
      const net = netOf(found.net ?? data.start.net);
      const values = {
        net: data.nets.map((one) => one.name),
        activation: Object.values(net.activations).flat(),
        normalisation: Object.keys(net.activations),
        framework: [...field.framework].map((one) => one.value),
      }[name];
      const number = Number(value);
      if (name === "net" && !netOf(value)) {
        const like = data.nets.find((one) => one.architecture === value);
        like ? (found.net = like.name) : missing.push(`network “${value}”`);
      } else if (
        values ? values.includes(value) : number >= 1 && number <= data.most[name] && number % 1 === 0
      ) {
        found[name] = values ? value : number;
      } else missing.push(`${key} “${value}”`);
    }
    return { setting: { net: data.start.net, ...found }, missing };
  }

  function follow(event) {
    const queryIn = (address) => {
      const [name, query] = new URL(address).hash.slice(1).split("?");
      return name === NAME ? query : undefined;
    };
    const query = queryIn(location.href);
    if (query === undefined) {
      if (event && !location.hash && queryIn(event.oldURL) !== undefined) put(data.start), show();
      return;
    }
    const { setting: wanted, missing } = read(query);
    put(wanted);
    show();
    tell(missing.length ? `In this link, ${missing.join(" and ")} is not known here.` : "");
    shown = JSON.stringify(setting()); // the address says it already
    root.scrollIntoView({ block: "nearest" });
  }

  function copy(pressed, words) {
    const before = pressed.textContent;
    navigator.clipboard.writeText(words).then(() => {
      pressed.textContent = "Copied";
      setTimeout(() => (pressed.textContent = before), 2000);
    });
  }

  form.addEventListener("input", ({ target }) => {
    tell("");
    if (target.name === "net") put({ net: target.value, framework: field.framework.value });
    else offer(netOf(field.net.value), field.activation.value, field.normalisation.value);
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    tell("");
    put(data.start);
    show();
  });
  root.addEventListener("click", ({ target }) => {
    const action = target.dataset.action;
    if (action === "copy") copy(target, target.nextElementSibling.textContent);
    if (action === "link") copy(target, new URL(linkTo(setting()), location.href).href);
  });
  form.querySelector("[data-action=link]").hidden = !onSite || !navigator.clipboard;
  put(data.start);
  dress(data.start);
  shown = JSON.stringify(setting());
  if (onSite) {
    addEventListener("hashchange", follow);
    follow();
  }
}

// A notebook may run this before what it showed is in the page.
function start(tries) {
  const guides = document.querySelectorAll(".initlib-guide:not([data-alive])");
  guides.forEach(run);
  if (!guides.length && tries) setTimeout(start, 100, tries - 1);
}
start(20);
