// The component: reads the table, draws the panels (panels.js) and follows the controls, which are ipywidgets beside it.
// `spec` says what the table holds and what to draw; `table` holds the numbers; traits `at_<axis>` follow the controls.

const MISSING = -32768; // NaN: a net that diverged
const ZERO = -32767; // an exact 0 on a logarithmic scale
const QUIET = 300; // ms without a change before the state is announced

// ---- the table ---------------------------------------------------------------------------------------------------

async function inflate(view) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// High bytes, then low bytes, of zigzag-coded differences.
function decode(planes) {
  const count = planes.length / 2;
  const codes = new Int16Array(count);
  for (let i = 0, last = 0; i < count; i++) {
    const zigzag = (planes[i] << 8) | planes[count + i];
    codes[i] = last + ((zigzag >>> 1) ^ -(zigzag & 1));
    last = codes[i];
  }
  return codes;
}

async function readTable(spec, bytes) {
  const codes = decode(await inflate(bytes));
  let start = 0;
  const arrays = spec.arrays.map(({ name, dims, log, scale }) => {
    const lengths = dims.map((dim) => spec.axes[dim].values.length);
    const size = (from) => lengths.slice(from).reduce((a, b) => a * b, 1);
    const strides = lengths.map((_, i) => size(i + 1));
    return [name, { dims, strides, log, scale, codes: codes.subarray(start, start += size(0)) }];
  });
  if (start !== codes.length) throw new Error(`${codes.length} numbers came where ${start} were expected`);
  return Object.fromEntries(arrays);
}

// The number at `at` (an index for each axis): NaN where a net diverged.
// deno-lint-ignore no-unused-vars -- used by panels.js, which the browser gets in the same module
function read({ dims, strides, log, scale, codes }, at) {
  const code = codes[dims.reduce((sum, dim, i) => sum + at[dim] * strides[i], 0)];
  if (code === MISSING) return NaN;
  if (code === ZERO) return 0;
  const level = scale[0] + scale[1] * code;
  return log ? 10 ** level : level;
}

// ---- the page ----------------------------------------------------------------------------------------------------

const element = (tag, className, html = "") =>
  Object.assign(document.createElement(tag), { className, innerHTML: html });

function build(el, spec) {
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

function copyCode({ target }) {
  if (!target.matches(".copy")) return;
  navigator.clipboard.writeText(target.nextElementSibling.textContent).then(
    () => (target.textContent = "Copied"),
  );
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
  const cell = (tag, value) => `<${tag}>${escape(round3(value))}</${tag.split(" ")[0]}>`;
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
    const far = axes[axis].values.map((node) =>
      Math.abs(by === "log" ? Math.log(node / value) : node - value)
    );
    at[axis] = by === "index" ? value : far.indexOf(Math.min(...far));
  }
  return at;
}

// ipywidgets gives sliders and groups of buttons no accessible name, and a logarithmic slider its exponent as value.
function finishControls(el, spec, at) {
  const controls = el.closest(".initlib-explorer")?.querySelector(".initlib-explorer-controls")?.children ??
    [];
  spec.controls.forEach(({ axis, by, names, marks }, i) => {
    const { label } = spec.axes[axis];
    const name = (selector, attributes) =>
      controls[i]?.querySelectorAll(selector).forEach((e) =>
        Object.entries(attributes(e)).forEach((pair) => e.setAttribute(...pair))
      );
    name('[role="slider"]', () => ({ "aria-label": label, "aria-valuetext": names[at[axis]] }));
    name(".widget-readout", () => (by === "index" ? { contenteditable: false } : {})); // what is typed there goes nowhere
    name("div:has(> .widget-toggle-button)", () => ({ role: "group", "aria-label": label }));
    name(".widget-toggle-button", (button) => ({ "aria-pressed": button.classList.contains("mod-active") }));
    const track = controls[i]?.querySelector(".noUi-base:not(:has(.marks))");
    const html = marks.map(([words, left, side]) =>
      `<span class="${side}" style="left:${left}%">${escape(words)}</span>`
    );
    if (html.length) track?.append(element("div", "marks", html.join("")));
  });
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
  let [shown, widths, legendShown] = [[], [], ""];
  let frameRequest = 0;
  let announcement = 0;

  const fillTable = () => details.open && (numbers.innerHTML = tablesHtml(spec, shown));
  const draw = () => {
    frameRequest = 0;
    const at = position(spec, model);
    shown = spec.panels.map((panel, i) => KINDS[panel.kind](panel, { spec, arrays, at }, widths[i]));
    shown.forEach(({ prose, html, height = HEIGHT, sentence }, i) => {
      boxes[i].innerHTML = prose?.(sentence) ?? svg(html, widths[i], height, sentence);
    });
    const entries = new Map(shown.flatMap((one) => one.legend.map(([picture, words]) => [words, picture])));
    const key = [...entries].map(([words, picture]) =>
      `<span>${svg(picture, 24, 12)} ${escape(words)}</span>`
    ).join("");
    if (key !== legendShown) legend.innerHTML = legendShown = key;
    fillTable();
    finishControls(el, spec, at);
    clearTimeout(announcement);
    const settings = spec.controls.map(({ axis, names }) => `${spec.axes[axis].label} ${names[at[axis]]}`)
      .join(", ");
    const words = [`${settings}.`, ...shown.map(({ sentence }) => sentence)].join(" ");
    announcement = setTimeout(() => (state.textContent = words), QUIET);
  };
  const measure = () => (widths = boxes.map((box) => Math.max(box.clientWidth, 160))); // not per step: it forces a layout
  const redraw = () => (frameRequest ||= requestAnimationFrame(draw));

  const changes = spec.controls.map(({ axis }) => `change:at_${axis}`);
  changes.forEach((change) => model.on(change, redraw));
  details.addEventListener("toggle", fillTable);
  el.addEventListener("click", copyCode);
  await visible(el);
  measure();
  draw();
  hideStill(el);
  const observer = new ResizeObserver(() => {
    const before = String(widths);
    if (String(measure()) !== before) redraw();
  });
  observer.observe(el);
  return () => {
    observer.disconnect();
    changes.forEach((change) => model.off(change, redraw));
    clearTimeout(announcement);
  };
}

export default { render };
