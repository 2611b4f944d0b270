// Draws an explorer: panels over a table of results, in the browser alone. The controls are ipywidgets beside it.
// `spec` says what the table holds and what to draw; `table` holds the numbers; traits `at_<axis>` follow the controls.

const HEIGHT = 210;
const MARGIN = { left: 52, right: 10, top: 10, bottom: 36 };
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
  const arrays = {};
  let start = 0;
  for (const { name, dims, log, scale } of spec.arrays) {
    const lengths = dims.map((dim) => spec.axes[dim].values.length);
    const strides = lengths.map((_, i) => lengths.slice(i + 1).reduce((a, b) => a * b, 1));
    arrays[name] = { dims, strides, log, scale, codes: codes.subarray(start, (start += lengths[0] * strides[0])) };
  }
  if (start !== codes.length) throw new Error(`${codes.length} numbers came where ${start} were expected`);
  return arrays;
}

// The number at `at` (an index for each axis): NaN where a net diverged.
function read({ dims, strides, log, scale, codes }, at) {
  const code = codes[dims.reduce((sum, dim, i) => sum + at[dim] * strides[i], 0)];
  if (code === MISSING) return NaN;
  if (code === ZERO) return 0;
  const level = scale[0] + scale[1] * code;
  return log ? 10 ** level : level;
}

// ---- words -------------------------------------------------------------------------------------------------------

const round3 = (value) => {
  if (typeof value === "string" || Number.isInteger(value)) return String(value);
  if (Number.isNaN(value)) return "diverged";
  const short = Number(value.toPrecision(3));
  const size = Math.abs(short);
  return size === 0 || (size >= 1e-4 && size < 1e4) ? String(short) : short.toExponential();
};

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

function median(values) {
  if (values.some(Number.isNaN)) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return (sorted[Math.floor(half)] + sorted[Math.ceil(half)]) / 2;
}

// A value of an axis with the names of the marks there: "1.41 (He)".
function nameValue(axis, index) {
  const value = axis.values[index];
  const marks = Object.entries(axis.marks).filter(([, at]) => Math.abs(at - value) < 1e-6 * Math.abs(at));
  return round3(value) + (marks.length ? ` (${marks.map(([name]) => name).join(", ")})` : "");
}

// ---- what a panel of lines shows ---------------------------------------------------------------------------------

function linesData(panel, spec, arrays, at) {
  const limit = panel.until ? spec.axes[panel.until].values[at[panel.until]] : Infinity;
  const x = spec.axes[panel.x].values.filter((value) => value <= limit);
  const along = (name, seed) => x.map((_, i) => read(arrays[name], { ...at, [panel.x]: i, [panel.over]: seed }));
  const seeds = panel.over ? spec.axes[panel.over].values.map((_, i) => i) : [0];
  return {
    x,
    log: arrays[panel.y].log,
    lines: seeds.map((seed) => along(panel.y, seed)),
    theory: panel.theory && along(panel.theory),
    band: panel.band && panel.band.map((name) => along(name)),
  };
}

function reportLines(panel, spec, data) {
  const i = panel.report === "last" ? data.x.length - 1 : 0;
  const measured = round3(median(data.lines.map((line) => line[i])));
  const theory = data.theory ? `, theory ${round3(data.theory[i])}` : "";
  return `${panel.title} at ${spec.axes[panel.x].label} ${data.x[i]}: measured ${measured}${theory}.`;
}

// ---- scales and ticks --------------------------------------------------------------------------------------------

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const superscript = (n) => String(n).replace(/\d/g, (d) => SUPERSCRIPTS[d]).replace("-", "⁻");

function stepFor(span, most, steps) {
  return steps.find((step) => span / step <= most) ?? steps.at(-1);
}

// Ticks outside the data, in coarse steps, so that the axis seldom moves while a slider does.
function verticalScale(values, log) {
  const levels = (log ? values.filter((v) => v > 0).map(Math.log10) : values).filter(Number.isFinite);
  let low = Math.min(...levels, ...(log ? [0] : []));
  let high = Math.max(...levels, ...(log ? [0] : []));
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const step = log ? stepFor(high - low, 5, [1, 2, 5, 10, 20, 50, 100]) : stepFor(high - low, 5, [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10]);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  const place = (level) => MARGIN.top + (HEIGHT - MARGIN.top - MARGIN.bottom) * (1 - (level - ticks[0]) / (ticks.at(-1) - ticks[0]));
  return {
    ticks: ticks.map((t) => ({ at: place(t), text: log ? `10${superscript(t)}` : String(Number(t.toFixed(2))) })),
    y: (value) => place(log ? Math.log10(value) : value),
  };
}

function horizontalScale(x, width) {
  const [low, high] = [x[0], x.at(-1)];
  const span = high - low || 1;
  const at = (value) => MARGIN.left + ((width - MARGIN.left - MARGIN.right) * (value - low)) / span;
  const step = stepFor(span, width / 55, [1, 2, 5, 10, 20, 50, 100, 1000]);
  const ticks = [low];
  for (let t = Math.ceil((low + step / 2) / step) * step; t <= high; t += step) ticks.push(t);
  return { at, ticks: ticks.map((t) => ({ at: at(t), text: String(t) })) };
}

// ---- drawing (SVG as text) ---------------------------------------------------------------------------------------

// Segments of a line between its gaps.
function path(xs, ys) {
  let pen = "M";
  return xs
    .map((x, i) => {
      if (!Number.isFinite(ys[i])) {
        pen = "M";
        return "";
      }
      const point = `${pen}${x.toFixed(1)},${ys[i].toFixed(1)}`;
      pen = "L";
      return point;
    })
    .join("");
}

function frame(panel, spec, width, horizontal, vertical) {
  const bottom = HEIGHT - MARGIN.bottom;
  const middle = (MARGIN.top + bottom) / 2;
  return [
    ...vertical.ticks.map(
      ({ at, text }) =>
        `<path class="grid" d="M${MARGIN.left},${at.toFixed(1)}H${width - MARGIN.right}"/>` +
        `<text class="tick" x="${MARGIN.left - 6}" y="${(at + 4).toFixed(1)}" text-anchor="end">${text}</text>`,
    ),
    ...horizontal.ticks.map(
      ({ at, text }) => `<text class="tick" x="${at.toFixed(1)}" y="${bottom + 15}" text-anchor="middle">${text}</text>`,
    ),
    `<text class="label" x="${(width + MARGIN.left) / 2}" y="${HEIGHT - 5}" text-anchor="middle">${escape(spec.axes[panel.x].label)}</text>`,
    `<text class="label" transform="translate(11,${middle}) rotate(-90)" text-anchor="middle">${escape(panel.label)}</text>`,
  ].join("");
}

// Where lines stop being numbers (diverged) or reach 0 on a logarithmic scale: a cross at the edge, and the word.
function gaps(data, horizontal) {
  const note = (test, y, word) => {
    const first = data.x.findIndex((_, i) => data.lines.some((line) => test(line[i])));
    if (first < 0) return "";
    const x = horizontal.at(data.x[first]);
    const anchor = x > (horizontal.at(data.x.at(-1)) + MARGIN.left) / 2 ? "end" : "start";
    return (
      `<path class="gap" d="M${x - 4},${y - 4}l8,8m0,-8l-8,8"/>` +
      `<text class="gap" x="${anchor === "end" ? x - 8 : x + 8}" y="${y + 4}" text-anchor="${anchor}">${word}</text>`
    );
  };
  const zero = data.log ? note((value) => value === 0, HEIGHT - MARGIN.bottom - 7, "exactly 0") : "";
  return note(Number.isNaN, MARGIN.top + 7, "diverged") + zero;
}

function drawLines(panel, spec, data, width) {
  const band = data.band ?? [];
  const vertical = verticalScale([...data.lines.flat(), ...(data.theory ?? []), ...band.flat()], data.log);
  const horizontal = horizontalScale(data.x, width);
  const xs = data.x.map(horizontal.at);
  const line = (kind, values) => `<path class="${kind}" d="${path(xs, values.map(vertical.y))}"/>`;
  const area = () => {
    const points = xs.map((x, i) => [x, ...band.map((edge) => vertical.y(edge[i]))]).filter((p) => p.every(Number.isFinite));
    if (!points.length) return "";
    const edge = [...points.map(([x, low]) => [x, low]), ...points.reverse().map(([x, , high]) => [x, high])];
    return `<path class="band" d="${path(edge.map((p) => p[0]), edge.map((p) => p[1]))}Z"/>`;
  };
  return (
    frame(panel, spec, width, horizontal, vertical) +
    (band.length ? area() : "") +
    data.lines.map((values) => line("measured", values)).join("") +
    (data.theory ? line("theory", data.theory) : "") +
    gaps(data, horizontal)
  );
}

// One entry for each kind of panel that Python declares.
const KINDS = { lines: { data: linesData, draw: drawLines, report: reportLines, columns: linesColumns, legend: linesLegend } };

function linesLegend(panel, spec) {
  const count = panel.over ? spec.axes[panel.over].values.length : 1;
  const entries = [["measured", count > 1 ? `measured, ${count} ${spec.axes[panel.over].label}s` : "measured"]];
  if (panel.theory) entries.push(["theory", "theory"]);
  if (panel.band) entries.push(["band", spec.spread]);
  return entries;
}

function linesColumns(panel, spec, data) {
  const columns = [{ head: `${panel.title}, measured`, cells: data.x.map((_, i) => median(data.lines.map((line) => line[i]))) }];
  if (data.theory) columns.push({ head: `${panel.title}, theory`, cells: data.theory });
  return { x: spec.axes[panel.x].label, rows: data.x, columns };
}

// ---- the page ----------------------------------------------------------------------------------------------------

const element = (tag, className, html = "") => Object.assign(document.createElement(tag), { className, innerHTML: html });
const svg = (html, width, height, label) =>
  `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${label ? `role="img" aria-label="${escape(label)}"` : 'aria-hidden="true"'}>${html}</svg>`;

function build(el, spec) {
  const parts = { panels: [] };
  const grid = el.appendChild(element("div", "panels"));
  for (const panel of spec.panels) {
    const figure = grid.appendChild(element("figure", "", `<figcaption>${escape(panel.title)}</figcaption><div></div>`));
    parts.panels.push({ panel, box: figure.lastChild });
  }
  const legend = new Map(spec.panels.flatMap((panel) => KINDS[panel.kind].legend(panel, spec)));
  const sample = { measured: '<path class="measured" d="M0,5H24"/>', theory: '<path class="theory" d="M0,5H24"/>', band: '<path class="band" d="M0,0H24V10H0Z"/>' };
  const words = grid.appendChild(element("div", "words"));
  words.append(element("p", "legend", [...legend].map(([kind, text]) => `<span>${svg(sample[kind], 24, 10)} ${escape(text)}</span>`).join("")));
  parts.state = words.appendChild(element("p", "state"));
  parts.state.setAttribute("aria-live", "polite");
  parts.details = el.appendChild(element("details", "", "<summary>The numbers as a table</summary>"));
  parts.table = parts.details.appendChild(element("div", "numbers"));
  Object.assign(parts.table, { tabIndex: 0, role: "region", ariaLabel: `${spec.title}: the numbers` });
  return parts;
}

function tableHtml(spec, shown) {
  const tables = shown.map(({ panel, data }) => KINDS[panel.kind].columns(panel, spec, data));
  const head = [tables[0].x, ...tables.flatMap((t) => t.columns.map((column) => column.head))];
  const cells = (i) => tables.flatMap((t) => t.columns.map((column) => `<td>${round3(column.cells[i])}</td>`)).join("");
  const rows = tables[0].rows.map((x, i) => `<tr><th scope="row">${x}</th>${cells(i)}</tr>`).join("");
  return (
    `<table><caption>Medians over repetitions, ${escape(spec.accuracy)}.</caption><thead><tr>` +
    `${head.map((text) => `<th scope="col">${escape(text)}</th>`).join("")}</tr></thead><tbody>${rows}</tbody></table>`
  );
}

// Where each control stands, as an index on its axis.
function position(spec, model) {
  const at = {};
  for (const { axis, by } of spec.controls) {
    const value = model.get(`at_${axis}`);
    const distance = (node) => Math.abs(by === "log" ? Math.log(node / value) : node - value);
    const { values } = spec.axes[axis];
    at[axis] = by === "index" ? value : values.reduce((best, node, i) => (distance(node) < distance(values[best]) ? i : best), 0);
  }
  return at;
}

// ipywidgets gives sliders no accessible name, and a logarithmic one its exponent as value. Marks stand under the track.
function finishControls(el, spec, at) {
  const controls = el.closest(".initlib-explorer")?.querySelector(".initlib-explorer-controls")?.children ?? [];
  spec.controls.forEach(({ axis, by }, i) => {
    const handle = controls[i]?.querySelector('[role="slider"]');
    handle?.setAttribute("aria-label", spec.axes[axis].label);
    handle?.setAttribute("aria-valuetext", nameValue(spec.axes[axis], at[axis]));
    const track = controls[i]?.querySelector(".noUi-base");
    if (track && !track.querySelector(".marks") && Object.keys(spec.axes[axis].marks).length)
      track.append(element("div", "marks", marksHtml(spec.axes[axis], by)));
  });
}

function marksHtml({ values, marks }, by) {
  const level = by === "log" ? Math.log : Number;
  const [low, high] = [level(values[0]), level(values.at(-1))];
  const inside = ([, value]) => value >= values[0] && value <= values.at(-1);
  const sorted = Object.entries(marks).filter(inside).sort((a, b) => a[1] - b[1]);
  return sorted
    .map(([name, value], i) => {
      const left = (100 * (level(value) - low)) / (high - low);
      const side = sorted.length > 1 && i < sorted.length / 2 ? "before" : "after";
      return `<span class="${side}" style="left:${left.toFixed(2)}%">${escape(name)}</span>`;
    })
    .join("");
}

// The two outputs before this one hold the still picture and its sentence: hide them while the explorer is alive.
function hideStill(el) {
  let output = el.closest(".widget-subarea, .jp-OutputArea-child, .output_area");
  while ((output = output?.previousElementSibling)) {
    const picture = output.matches("img") || output.querySelector("img");
    if (picture || output.querySelector(".initlib-explorer-note")) output.classList.add("initlib-explorer-still");
    else if (!output.matches("script")) return;
    if (picture) return;
  }
}

// Resolves when the element is on the page with a width: at once, or when a folded cell is opened.
function visible(el) {
  return new Promise((resolve) => {
    const observer = new ResizeObserver(() => {
      if (!el.clientWidth) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(el);
  });
}

async function render({ model, el }) {
  const spec = model.get("spec");
  el.classList.add("initlib-explorer-drawing");
  let arrays;
  try {
    arrays = await readTable(spec, model.get("table"));
  } catch (error) {
    el.append(element("p", "failed", `The interactive picture cannot be shown here (${escape(error.message)}); a still one stands above.`));
    await visible(el);
    el.closest(".initlib-explorer")?.classList.add("initlib-explorer-failed");
    return;
  }
  const parts = build(el, spec);
  let shown = [];
  let frameRequest = 0;
  let announcement = 0;

  const fillTable = () => parts.details.open && (parts.table.innerHTML = tableHtml(spec, shown));
  const draw = () => {
    frameRequest = 0;
    const at = position(spec, model);
    shown = spec.panels.map((panel) => ({ panel, data: KINDS[panel.kind].data(panel, spec, arrays, at) }));
    const reports = shown.map(({ panel, data }) => KINDS[panel.kind].report(panel, spec, data));
    parts.panels.forEach(({ box }, i) => {
      const { panel, data } = shown[i];
      const width = Math.max(box.clientWidth, 160);
      box.innerHTML = svg(KINDS[panel.kind].draw(panel, spec, data, width), width, HEIGHT, reports[i]);
    });
    fillTable();
    finishControls(el, spec, at);
    clearTimeout(announcement);
    const settings = spec.controls.map(({ axis }) => `${spec.axes[axis].label} ${nameValue(spec.axes[axis], at[axis])}`);
    announcement = setTimeout(() => (parts.state.textContent = `${settings.join(", ")}. ${reports.join(" ")}`), QUIET);
  };
  const redraw = () => (frameRequest ||= requestAnimationFrame(draw));

  const changes = spec.controls.map(({ axis }) => `change:at_${axis}`);
  changes.forEach((change) => model.on(change, redraw));
  parts.details.addEventListener("toggle", fillTable);
  await visible(el);
  draw();
  hideStill(el);
  const observer = new ResizeObserver(redraw);
  observer.observe(el);
  return () => {
    observer.disconnect();
    changes.forEach((change) => model.off(change, redraw));
    clearTimeout(announcement);
  };
}

export default { render };
