// The component: draws the panels and follows the controls, which are ipywidgets beside it, and the page's address.
// `spec` says what the table holds and what to draw; `table` holds the numbers; traits `at_<axis>` follow the controls.

const QUIET = 300; // ms without a change before the state is announced and written to the address
const NARROW = matchMedia("(max-width: 600px)"); // there panels are lower, to be seen beneath the controls

// ---- the page ----------------------------------------------------------------------------------------------------

const element = (tag, className, html = "") =>
  Object.assign(document.createElement(tag), { className, innerHTML: html });

function build(el, spec) {
  el.dataset.name = spec.name;
  const panels = el.appendChild(element("div", "panels"));
  const boxes = spec.panels.map(({ kind, title }) => {
    const figure = panels.appendChild(
      element("figure", kind, `<figcaption>${escape(title)}</figcaption><div></div>`),
    );
    return figure.lastChild;
  });
  const words = panels.appendChild(
    element("div", "words", '<p class="legend"></p><p class="state" aria-live="polite"></p>'),
  );
  const details = el.appendChild(
    element("details", "", '<summary>The numbers as a table</summary><div class="numbers"></div>'),
  );
  const numbers = Object.assign(details.lastChild, {
    tabIndex: 0,
    role: "region",
    ariaLabel: `${spec.title}: the numbers`,
  });
  return { boxes, legend: words.firstChild, state: words.lastChild, details, numbers };
}

// One table for all panels of lines along one axis, and one for each other panel.
function tablesHtml(spec, shown) {
  const tables = {};
  shown.forEach(({ table: { x, rows, columns } }, i) => {
    const { kind, title } = spec.panels[i];
    const table = (tables[kind === "lines" ? x + rows.length : `${title} ${i}`] ??= {
      kind,
      x,
      rows,
      titles: [],
      columns: [],
    });
    const known = columns.filter(([, cells]) => cells);
    table.titles.push(title);
    table.columns.push(
      ...known.map(([head, cells]) => [kind === "lines" ? `${title}, ${head}` : head, cells]),
    );
  });
  const cell = (tag, value) => `<${tag}>${typeset(round3(value))}</${tag.split(" ")[0]}>`;
  return Object.values(tables).map(({ kind, x, rows, titles, columns }) => {
    const heads = [x, ...columns.map(([head]) => head)].map((head) => cell('th scope="col"', head));
    const body = rows.map((row, i) =>
      `<tr>${cell('th scope="row"', row)}${columns.map(([, cells]) => cell("td", cells[i])).join("")}</tr>`
    );
    const caption = `${titles.join(", ")}${
      kind === "answer" ? "" : `: medians over repetitions, ${spec.accuracy}`
    }.`;
    return `<table><caption>${escape(caption)}</caption><thead><tr>${heads.join("")}</tr></thead><tbody>${
      body.join("")
    }</tbody></table>`;
  }).join("");
}

// Where each control stands, as an index on its axis.
function position({ controls, axes }, model) {
  const at = {};
  for (const { axis, by } of controls) {
    const value = model.get(`at_${axis}`);
    at[axis] = by === "index" ? value : nearest({ values: axes[axis].values, log: by === "log" }, value);
  }
  return at;
}

// Puts the controls where `at` says: indices for some or all axes.
function moveTo({ controls, axes }, model, at) {
  for (const { axis, by } of controls.filter(({ axis }) => axis in at)) {
    model.set(`at_${axis}`, by === "index" ? at[axis] : axes[axis].values[at[axis]]);
  }
  model.save_changes();
}

// What is heard, once, when the controls rest: the settings only if no control has said its own, the answers, what
// the panels show. On the screen the settings and the answers stand elsewhere.
function stateHtml(spec, at, shown, note, moved) {
  const heard = (words) => `<span class="heard">${typeset(words)} </span>`;
  const sentences = shown.map(({ sentence }, i) =>
    spec.panels[i].kind === "answer" ? heard(sentence) : `${typeset(sentence)} `
  );
  return (note && `<strong>${typeset(note)}</strong> `) + (moved ? heard(`${settings(spec, at)}.`) : "") +
    sentences.join("");
}

// The two outputs before this one hold the still picture and its sentence: hide them while the explorer is alive.
function hideStill(el) {
  let output = el.closest(".widget-subarea, .jp-OutputArea-child, .output_area");
  while ((output = output?.previousElementSibling)) {
    const picture = output.matches("img") || output.querySelector("img");
    if (picture || output.querySelector(".initlib-explorer-note")) {
      output.classList.add("initlib-explorer-still");
    } else if (!output.matches("script")) return;
    if (picture) return;
  }
}

// Resolves when the element is on the page with a width: at once, or when a folded cell is opened.
const visible = (el) =>
  new Promise((resolve) =>
    new ResizeObserver((_, observer) => {
      if (!el.clientWidth) return;
      observer.disconnect();
      resolve();
    }).observe(el)
  );

async function render({ model, el }) {
  const spec = model.get("spec");
  el.classList.add("initlib-explorer-drawing");
  let arrays;
  try {
    arrays = await readTable(spec, model.get("table"));
  } catch (error) {
    el.append(
      element(
        "p",
        "failed",
        `The interactive picture cannot be shown here (${escape(error.message)}); a still one stands above.`,
      ),
    );
    await visible(el);
    el.closest(".initlib-explorer")?.classList.add("initlib-explorer-failed");
    return;
  }
  const { boxes, legend, state, details, numbers } = build(el, spec);
  let [shown, widths, height, legendShown, note] = [[], [], HEIGHT, "", ""];
  let [frameRequest, announcement] = [0, 0];
  let moved = false; // by something else than a control
  let written = ""; // the setting that the address has, or had at first

  const at = () => position(spec, model);
  const move = (to) => {
    moved = true;
    moveTo(spec, model, to);
  };
  const play = player(el, spec, move, () => redraw());

  const fillTable = () => details.open && (numbers.innerHTML = tablesHtml(spec, shown));
  const draw = () => {
    frameRequest = 0;
    const here = at();
    shown = spec.panels.map((panel, i) =>
      KINDS[panel.kind](panel, { spec, arrays, at: here, height }, widths[i])
    );
    shown.forEach((one, i) => {
      const label = spoken(one.sentence);
      boxes[i].innerHTML = one.prose?.(label) ?? svg(one.html, widths[i], one.height ?? height, label);
    });
    const entries = new Map(shown.flatMap((one) => one.legend.map(([picture, words]) => [words, picture])));
    const key = [...entries].map(([words, picture]) =>
      `<span>${svg(picture, 24, 12)} ${typeset(words)}</span>`
    ).join("");
    if (key !== legendShown) legend.innerHTML = legendShown = key;
    fillTable();
    finishControls(el, spec, here);
    clearTimeout(announcement);
    if (!play.playing()) announcement = setTimeout(rest, QUIET, here);
  };
  const rest = (here) => {
    const setting = JSON.stringify(here);
    state.innerHTML = stateHtml(spec, here, shown, note, moved);
    if (written && setting !== written && onSite(el)) writeAddress(el, spec, here);
    [written, moved, note] = [setting, false, ""];
  };
  const measure = () => { // not per step: it forces a layout
    height = NARROW.matches ? LOW : HEIGHT;
    return widths = boxes.map((box) => Math.max(box.clientWidth, 160));
  };
  const redraw = () => (frameRequest ||= requestAnimationFrame(draw));

  const changes = spec.controls.map(({ axis }) => `change:at_${axis}`);
  changes.forEach((change) => model.on(change, redraw));
  details.addEventListener("toggle", fillTable);
  await visible(el);
  const whole = el.closest(".initlib-explorer") ?? el;
  const actions = {
    play: () => play.press(() => at()[spec.play]),
    reset: () => move(spec.start),
    link: (pressed) => copied(pressed, new URL(linkTo(nameOf(el, spec), spec, at()), location.href).href),
    code: (pressed) => copied(pressed, pressed.nextElementSibling.textContent),
  };
  const leave = ({ target }) => target.closest('[data-action="play"]') || play.stop();
  whole.addEventListener("pointerdown", leave);
  whole.addEventListener("keydown", leave);
  whole.addEventListener("click", ({ target }) => {
    const pressed = target.closest("button");
    const { action, axis, index } = pressed?.dataset ?? {};
    if (axis) move({ [axis]: Number(index) });
    actions[action]?.(pressed);
  });
  measure();
  draw();
  hideStill(el);
  const unfollow = onSite(el) && followAddress(el, spec, (link) => {
    play.stop();
    note = link.note;
    written = JSON.stringify(link.at); // the address says it already
    move(link.at);
    redraw();
    whole.scrollIntoView({ block: "nearest" });
  });
  const observer = new ResizeObserver(() => {
    const before = String(widths);
    if (String(measure()) !== before) redraw();
  });
  observer.observe(el);
  return () => {
    observer.disconnect();
    unfollow && unfollow();
    play.stop();
    changes.forEach((change) => model.off(change, redraw));
    clearTimeout(announcement);
  };
}

export default { render };
