// deno-lint-ignore-file no-unused-vars -- the scripts are joined to one module: what is unused here is used in another
// Draws the panels of an explorer from what is seen where the controls stand.

const HEIGHT = 210;
const LOW = 150; // on a phone
const SHADES = 8;

// ---- what is seen where the controls stand: `see` holds spec, arrays, height, `at`: an index a control ----------

const labelOf = (see, axis) => see.spec.axes[axis].label;

// The values on an axis, up to where the control `until` stands.
function valuesOf({ spec, at }, axis, until) {
  const limit = until ? spec.axes[until].values[at[until]] : Infinity;
  return spec.axes[axis].values.filter((value) => !(value > limit));
}

// An array over some axes, as arrays of arrays; the last axis ends at `until`.
function along(see, name, [axis, ...inner], until) {
  if (!axis) return read(see.arrays[name], see.at);
  const values = valuesOf(see, axis, inner.length ? null : until);
  return values.map((_, i) => along({ ...see, at: { ...see.at, [axis]: i } }, name, inner, until));
}

// Where a value lies on an axis, as an index with a fraction; NaN outside of it.
function placeOn({ values }, value) {
  if (typeof value === "string") return values.indexOf(value);
  const i = values.findIndex((node) => node >= value);
  if (i < 1) return value === values[0] ? 0 : NaN;
  return i - (values[i] - value) / (values[i] - values[i - 1]);
}

// ---- statistics ----------------------------------------------------------------------------------------------------

function median(values) {
  if (values.some(Number.isNaN)) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return (sorted[Math.floor(half)] + sorted[Math.ceil(half)]) / 2;
}

// The bins below which a quarter, a half and three quarters of the shares lie.
function quartiles(bins, shares) {
  const total = shares.reduce((a, b) => a + b, 0);
  let sum = 0;
  const below = shares.map((share) => (sum += share) / total);
  return [0.25, 0.5, 0.75].map((q) => bins[below.findIndex((part) => part >= q - 1e-9)] ?? NaN);
}

// ---- scales: `at` says where a value lies, `ticks` are [where, words] ---------------------------------------------

// Ticks outside the data, in coarse steps.
function outerScale(values, log, from, to, always) {
  const levels = [...(log ? values.filter((v) => v > 0).map(Math.log10) : values), ...always].filter(
    Number.isFinite,
  );
  let [low, high] = levels.length ? [Math.min(...levels), Math.max(...levels)] : [0, 1];
  if (high - low < 1e-9) [low, high] = [low && low - 0.5, high + 0.5];
  const power = 10 ** Math.floor(Math.log10((high - low) / 5));
  const step = Math.max(
    log ? 1 : 0,
    power * (log ? [1, 2, 3, 5, 10] : [1, 2, 5, 10]).find((n) => (high - low) / (power * n) <= 5 + 1e-9),
  );
  const first = Math.floor(low / step + 1e-9);
  const count = Math.max(Math.ceil(high / step - 1e-9) - first, 1);
  const place = (level) => from + ((to - from) * (level / step - first)) / count;
  const ticks = Array.from({ length: count + 1 }, (_, i) => (first + i) * step);
  return {
    at: (value) => place(log ? Math.log10(value) : value),
    ticks: ticks.map((level) => [place(level), log ? `10${superscript(level)}` : told(level)]),
  };
}

// The places of an axis' own values: in `cells` of one size, else by distance. Ticks have `room` pixels each.
function innerScale(values, log, from, to, room, cells) {
  const levels = values.map((value, i) => (cells ? i : log ? Math.log(value) : value));
  const size = (to - from) / (cells ? values.length : levels.at(-1) - levels[0] || 1);
  const at = (level) => from + size * (level - levels[0] + (cells ? 0.5 : 0));
  const places = levels.map(at);
  const ticks = []; // those with room enough behind the one before
  places.forEach((place, i) =>
    Math.abs(place - ticks.at(-1)?.[0]) < room || ticks.push([place, told(values[i])])
  );
  return { at, size, places, ticks };
}

// ---- drawing (SVG as text) ---------------------------------------------------------------------------------------

const near = (number) => number.toFixed(1);
const line = (kind, d) => `<path class="${kind}" d="${d}"/>`;
const text = (kind, x, y, anchor, words) =>
  `<text class="${kind}" x="${near(x)}" y="${near(y)}" text-anchor="${anchor}">${
    escape(words).replace(SYMBOL, '$1<tspan dy="3" font-size="9">$2</tspan>')
  }</text>`;
const cross = (x, y) => `M${near(x - 4)},${near(y - 4)}l8,8m0,-8l-8,8`;
const tile = (x, y, width, height) =>
  `M${near(x)},${near(y)}h${near(width)}v${near(height)}h${near(-width)}Z`;
const ring = (x, y) => `M${near(x - 6)},${near(y)}a6,6 0 1 0 12,0a6,6 0 1 0 -12,0Z`;
const SAMPLES = {
  band: tile(0, 0, 24, 12),
  spread: tile(0, 0, 24, 12),
  here: ring(12, 6),
  gap: cross(12, 6),
};
const haloed = (kind, d) => line("halo", d) + line(kind, d);
const sample = (kind) => (/here|inner|overlay/.test(kind) ? haloed : line)(kind, SAMPLES[kind] ?? "M0,6H24");
const named = (label) => (label ? `role="img" aria-label="${escape(label)}"` : 'aria-hidden="true"');
const svg = (html, width, height, label) =>
  `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${named(label)}>${html}</svg>`;

// Segments of a line between its gaps, cut off where it leaves the box.
function path(xs, ys, { top, bottom } = { top: -Infinity, bottom: Infinity }) {
  const kept = (y) => Math.min(Math.max(y, top), bottom);
  let d = "";
  for (let i = 0, pen = "M"; i < xs.length; i++) {
    const [x, y, before] = [xs[i], ys[i], i ? ys[i - 1] : NaN];
    const along = (to) => `${near(x + ((xs[i - 1] - x) * (y - to)) / (y - before))},${near(to)}`;
    if (!Number.isFinite(y)) pen = "M";
    else if (y === kept(y)) {
      if (Number.isFinite(before) && before !== kept(before)) d += `M${along(kept(before))}L`;
      else d += pen;
      d += `${near(x)},${near(y)}`;
      pen = "L";
    } else {
      if (Number.isFinite(before) && kept(before) !== kept(y)) {
        d += (before === kept(before) ? "L" : `M${along(kept(before))}L`) + along(kept(y));
      }
      pen = "M";
    }
  }
  return d;
}

// Around the area between two lines, where both are known.
function around(xs, low, high, { top, bottom }) {
  const kept = (y) => Math.min(Math.max(y, top), bottom);
  const known = xs.map((x, i) => [x, kept(low[i]), kept(high[i])]).filter((point) =>
    point.every(Number.isFinite)
  );
  const [there, back] = [known.map(([x, y]) => [x, y]), known.map(([x, , y]) => [x, y]).reverse()];
  return path(...[0, 1].map((axis) => [...there, ...back].map((point) => point[axis])));
}

// The inside of a panel, with room for the names at its left.
function boxOf(width, height, names = []) {
  const left = Math.max(52, 26 + 6.5 * Math.max(...names.map((name) => round3(name).length)));
  return { left: Math.min(left, width / 2), right: width - 10, top: 10, bottom: height - 36 };
}

const frame = ({ left, right, top, bottom }, x, y, across, up, grid) =>
  [
    ...y.ticks.map(([at]) => (grid ? line("grid", `M${left},${near(at)}H${right}`) : "")),
    ...y.ticks.map(([at, words]) => text("tick", left - 6, at + 4, "end", words)),
    ...x.ticks.map(([at, words]) => text("tick", at, bottom + 15, "middle", words)),
    text("label", (left + right) / 2, bottom + 31, "middle", across),
    `<g transform="translate(11,${(top + bottom) / 2}) rotate(-90)">${text("label", 0, 0, "middle", up)}</g>`,
  ].join("");

// ---- the kinds of panels: each returns its drawing, a sentence, the entries of the legend and a table of numbers --

function lines(panel, see, width) {
  const x = valuesOf(see, panel.x, panel.until);
  const one = (name) => along(see, name, [panel.x], panel.until);
  const runs = panel.over ? along(see, panel.y, [panel.over, panel.x], panel.until) : [one(panel.y)];
  const across = (of) => x.map((_, i) => of(runs.map((run) => run[i])));
  const [middle, least, greatest] = [median, (all) => Math.min(...all), (all) => Math.max(...all)].map(
    across,
  );
  const [theory, low, high] = [panel.theory, ...(panel.band ?? [])].map((name) => name && one(name));
  const repeats = runs.length > 1 ? `${runs.length} ${labelOf(see, panel.over)}s` : "";
  const banded = panel.over_as === "band";
  const layers = [
    low && ["band", see.spec.spread, [low, high]],
    banded && ["spread", `least to greatest, ${repeats}`, [least, greatest]],
    banded ? ["middle", "median", [middle]] : ["measured", "measured", runs],
    theory && ["theory", "theory", [theory]],
  ].filter(Boolean);
  const { log } = see.arrays[panel.y];
  const box = boxOf(width, see.height);
  const vertical = outerScale(panel.limits, log, box.bottom, box.top, log ? [0] : []);
  const horizontal = innerScale(x, see.spec.axes[panel.x].log, box.left, box.right, 40);
  const xs = horizontal.places;
  const layer = ([kind, , series]) => {
    const all = series.map((values) => values.map(vertical.at));
    return kind in SAMPLES
      ? line(kind, around(xs, ...all, box))
      : all.map((ys) => line(kind, path(xs, ys, box))).join("");
  };
  // Where lines stop being numbers, or reach 0 on a logarithmic scale: a cross at the edge, and the word.
  const gap = (test, y, word) => {
    const at = xs[x.findIndex((_, i) => runs.some((run) => test(run[i])))];
    const [shift, anchor] = at > (box.left + box.right) / 2 ? [-8, "end"] : [8, "start"];
    return at === undefined ? "" : line("gap", cross(at, y)) + text("gap", at + shift, y + 4, anchor, word);
  };
  const gaps = gap(Number.isNaN, box.top + 7, "diverged") +
    (log ? gap((value) => value === 0, box.bottom - 7, "exactly 0") : "");
  const end = panel.report === "last" ? x.length - 1 : 0;
  // Where the axis ends before the line: an arrow, and what it comes to.
  const height = vertical.at(middle[end]);
  const beyond = height < box.top - 1 ? "↑" : height > box.bottom + 1 && height < Infinity ? "↓" : "";
  const past = beyond &&
    text(
      "gap",
      panel.report === "last" ? box.right - 4 : box.left + 4,
      beyond === "↑" ? box.top + 11 : box.bottom - 5,
      panel.report === "last" ? "end" : "start",
      `${beyond} ${told(middle[end])}`,
    );
  const [value, lower, upper] = [middle, least, greatest].map((values) => told(values[end]));
  const spread = repeats &&
    (lower === upper ? ` in all ${repeats}` : ` (${lower} to ${upper} over ${repeats})`);
  const measured = Number.isNaN(middle[end])
    ? value
    : `${value}${lower === upper && repeats ? "" : " measured"}${spread}`;
  const columns = [["measured", middle], ["least", banded && least], ["greatest", banded && greatest], [
    "theory",
    theory,
  ]];
  return {
    html: frame(box, horizontal, vertical, labelOf(see, panel.x), panel.label, true) +
      layers.map(layer).join("") + gaps + past,
    sentence: `${panel.title} at ${labelOf(see, panel.x)} ${told(x[end])}: ${measured}${
      theory ? `, ${told(theory[end])} in theory` : ""
    }.`,
    legend: layers.map(([kind, words]) => [sample(kind), words]).reverse(),
    table: { x: labelOf(see, panel.x), rows: x, columns },
  };
}

// Cells in shades; below them the shades and, between them, their numbers. What is drawn over the cells comes later.
function shaded(panel, see, width, up) {
  const { log } = see.arrays[panel.value];
  const [x, y] = [valuesOf(see, panel.x, panel.until), valuesOf(see, up)];
  const cells = along(see, panel.value, [up, panel.x], panel.until);
  const box = boxOf(width, see.height, y);
  const [count, kind] = panel.kind === "histogram"
    ? [SHADES, "share"]
    : panel.center == null
    ? [SHADES, "good"]
    : [SHADES + 1, "turn"];
  const room = 12 + 6 * Math.max(...x.map((value) => round3(value).length));
  const across = innerScale(x, false, box.left, box.right, room, true);
  const upward = innerScale(y, false, box.bottom, box.top, 22, true);
  const [low, high] = panel.limits.map((limit) => (log ? Math.log10(limit) : limit));
  const shadeOf = (value) =>
    Math.floor((count * ((log ? Math.log10(value) : value) - low)) / (high - low || 1));
  const shades = Array(count).fill("");
  let lost = "";
  cells.forEach((row, j) =>
    row.forEach((value, i) => {
      const [left, middle, shade] = [across.places[i], upward.places[j], shadeOf(value)];
      if (Number.isNaN(value)) lost += cross(left, middle);
      else if (panel.kind === "heatmap" || (value && shade >= 0)) {
        shades[Math.max(0, Math.min(shade, count - 1))] += tile(
          left - across.size / 2,
          middle - upward.size / 2,
          across.size,
          upward.size,
        );
      }
    })
  );
  const step = (box.right - box.left - 12) / count;
  const key = [...shades, ""].map((_, i) => {
    const edge = low + ((high - low) * i) / count;
    const words = i % 2
      ? ""
      : text("tick", box.left + step * i, see.height + 24, "middle", told(log ? 10 ** edge : edge));
    return words + (i < count ? line(`${kind}${i}`, tile(box.left + step * i, see.height, step, 11)) : "");
  });
  key.push(text("label", (box.left + box.right) / 2, see.height + 39, "middle", panel.label));
  return {
    ...{
      x,
      y,
      cells,
      across,
      upward,
      height: see.height + 45,
      legend: lost ? [[sample("gap"), "diverged"]] : [],
    },
    html: [...shades.map((d, i) => line(`${kind}${i}`, d)), line("gap", lost), ...key].join("") +
      frame(box, across, upward, labelOf(see, panel.x), labelOf(see, up)),
  };
}

function extent(known) {
  if (!known.length) return "diverged";
  const [least, greatest] = [Math.min(...known), Math.max(...known)].map(told);
  return least === greatest ? `${least} everywhere` : `${least} to ${greatest}`;
}

function heatmap(panel, see, width) {
  const { x, y, cells, across, upward, legend, html, height } = shaded(panel, see, width, panel.y);
  const [xAxis, yAxis] = [panel.x, panel.y].map((axis) => see.spec.axes[axis]);
  const overlays = Object.entries(panel.overlay).map((
    [label, name],
  ) => [label, along(see, name, [panel.x], panel.until)]);
  const before = see.spec.panels.slice(0, see.spec.panels.indexOf(panel));
  const first = before.reduce((sum, { overlay = {} }) => sum + Object.keys(overlay).length, 0);
  const curves = overlays.map(([label, values], i) => {
    legend.push([sample(`theory overlay n${first + i}`), label]);
    return haloed(
      `theory overlay n${first + i}`,
      path(across.places, values.map((value) => upward.at(placeOn(yAxis, value)))),
    );
  });
  // A ring where the controls stand: at the edge if no control sets one of the axes, nowhere if none sets any.
  const stands = (axis, name) =>
    placeOn(axis, see.spec.axes[panel.marker[name]]?.values[see.at[panel.marker[name]]]);
  const [i, j] = [stands(xAxis, panel.x), stands(yAxis, panel.y)];
  const [column, row] = [Math.round(i), Math.round(j)];
  const marked = column < x.length || row >= 0;
  if (marked) legend.push([sample("here"), "where the controls stand"]);
  const marker = marked
    ? haloed("here", ring(across.at(column < x.length ? i : -0.5), upward.at(row >= 0 ? j : -0.5)))
    : "";
  const known = cells.flat().filter(Number.isFinite);
  const crossed = ([label, values]) =>
    `, ${label} ${Number.isFinite(values[column]) ? told(values[column]) : "none"}`;
  const sentence = cells[row]?.[column] !== undefined
    ? ` at ${xAxis.label} ${told(x[column])}, ${yAxis.label} ${told(y[row])}: ${
      quantity(panel.label, cells[row][column])
    }${overlays.map(crossed).join("")}`
    : `: ${panel.label} ${extent(known)}`;
  const columns = y.map((value, at) => [`${yAxis.label} ${round3(value)}`, cells[at]]);
  return {
    html: html + curves.join("") + marker,
    height,
    legend,
    sentence: `${panel.title}${sentence}.`,
    table: { x: xAxis.label, rows: x, columns },
  };
}

function histogram(panel, see, width) {
  const { x, y, cells, across, upward, legend, html, height } = shaded(panel, see, width, panel.bins);
  const quarters = x.map((_, i) => quartiles(y, cells.map((row) => row[i])));
  const columns = ["a quarter lies below", "median", "a quarter lies above"].map((
    head,
    at,
  ) => [head, quarters.map((three) => three[at])]);
  const middle = path(
    across.places,
    columns[1][1].map((value) => upward.at(placeOn(see.spec.axes[panel.bins], value))),
  );
  const end = panel.report === "last" ? x.length - 1 : 0;
  const [low, , high] = quarters[end].map(told);
  const half = low === "diverged" ? low : `the middle half between ${low} and ${high}`;
  const sentence = `${panel.title} at ${labelOf(see, panel.x)} ${told(x[end])}: ${half}.`;
  legend.push([sample("inner"), "median"]);
  return {
    html: html + haloed("inner", middle),
    height,
    legend,
    sentence,
    table: { x: labelOf(see, panel.x), rows: x, columns },
  };
}

function bars(panel, see) {
  const x = valuesOf(see, panel.x);
  const [y, low, high] = [panel.y, ...(panel.band ?? [])].map((name) => along(see, name, [panel.x]));
  const { log } = see.arrays[panel.y];
  const bare = panel.label.replace(/, %$/, "");
  const { at } = outerScale(panel.limits, log, 0, 100, log ? [] : [0]);
  const part = (kind, from, to) =>
    `<i class="${kind}" style="left:${near(Math.min(from, to))}%;width:${near(Math.abs(to - from))}%"></i>`;
  const whisker = (i) => (low ? part("whisker", at(low[i]), at(high[i])) : "");
  const track = (
    value,
    i,
  ) => (Number.isFinite(at(value)) ? part("bar", log ? 0 : at(0), at(value)) + whisker(i) : "");
  const words = (value) => (Number.isNaN(value) ? "<b>✕ diverged</b>" : told(value));
  const rows = y.map((value, i) =>
    `<span>${escape(round3(x[i]))}</span><span class="track">${track(value, i)}</span><span>${
      words(value)
    }</span>`
  );
  return {
    prose: (label) =>
      `<div class="rows" ${named(label)}>${rows.join("")}</div><p class="label">${typeset(panel.label)}</p>`,
    sentence: `${panel.title}, ${bare}: ${
      x.map((value, i) => quantity(round3(value) + panel.label.slice(bare.length), y[i])).join(", ")
    }.`,
    legend: low ? [[sample("whisker"), see.spec.whiskers]] : [],
    table: { x: labelOf(see, panel.x), rows: x, columns: [[panel.label, y], ["from", low], ["to", high]] },
  };
}

// Paragraphs, `code`, and code lines, which are indented by four spaces.
function answer(panel, see) {
  const parts = panel.texts[Math.round(along(see, panel.value, []))].replace(/^\n+|\s+$/g, "").split("\n\n");
  const copy = navigator.clipboard
    ? '<button type="button" class="copy" data-action="code">Copy</button>'
    : "";
  const code = (part) => `${copy}<pre tabindex="0">${escape(part.replace(/^ {4}/gm, ""))}</pre>`;
  const words = (part) => `<p>${escape(part).replace(/`([^`]+)`/g, "<code>$1</code>")}</p>`;
  const first = parts[0].replace(/`/g, "").split(/\s+/).join(" ");
  return {
    prose: () => parts.map((part) => (part.startsWith("    ") ? code(part) : words(part))).join(""),
    sentence: `${panel.title}: ${first}`,
    legend: [],
    table: { x: "panel", rows: [panel.title], columns: [["answer", [first]]] },
  };
}

const KINDS = { lines, heatmap, histogram, bars, answer };
