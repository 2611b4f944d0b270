// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows how to draw on a canvas: curves, statistics by layer, histograms, weights as pictures, decisions in the plane.

const COLOURS = ["a", "b", "text", "quiet", "grid", "surface"];

// A canvas ready to draw on, in CSS pixels, with the theme's colours; `height` in pixels.
function brush(canvas, height) {
  const width = canvas.clientWidth || 280;
  const dots = Math.min(globalThis.devicePixelRatio || 1, 2);
  if (canvas.width !== Math.round(width * dots) || canvas.height !== Math.round(height * dots)) {
    [canvas.width, canvas.height] = [Math.round(width * dots), Math.round(height * dots)];
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(dots, 0, 0, dots, 0, 0);
  pen.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const colours = Object.fromEntries(
    COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
  );
  pen.font = "11px system-ui, sans-serif";
  pen.lineJoin = "round";
  return { pen, width, height, colours };
}

const powers = (n) => String(n).replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).replace("-", "⁻");

// Ticks of an axis from `low` to `high`: [value, words]; on a logarithmic one both are exponents.
function ticksOf(low, high, log) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = Math.max(log ? 1 : 0, power * [1, 2, 5, 10].find((n) => span / (power * n) <= 4 + 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.min(Math.floor(high / step + 1e-9) - first + 1, 9) || 0;
  return Array.from({ length: Math.max(count, 0) }, (_, i) => {
    const at = (first + i) * step;
    return [at, log ? `10${powers(Math.round(at))}` : String(Number(at.toPrecision(6)))];
  });
}

// Lines in a frame. `lines`: {x, y, arm, kind} with kind "thin", "middle", "theory" or "guide"; `bands`: {x, low, high, arm}.
function chart(
  canvas,
  { lines, bands = [], log = false, low, high, across, whole = false, percent: shares = false },
  height = 170,
) {
  const { pen, width, colours } = brush(canvas, height);
  const box = { left: 42, right: width - 8, top: 8, bottom: height - 30 };
  const level = (value) => (log ? Math.log10(value) : value); // of 0: -Infinity, drawn at the bottom
  const known = [...lines.flatMap(({ y }) => y), ...bands.flatMap(({ low: l, high: h }) => [...l, ...h])].map(
    level,
  ).filter(Number.isFinite);
  let [least, most] = [low ?? Math.min(...known, Infinity), high ?? Math.max(...known, -Infinity)];
  if (!Number.isFinite(least + most)) [least, most] = log ? [-1, 1] : [0, 1];
  if (log) [least, most] = [Math.floor(least), Math.max(Math.ceil(most), Math.floor(least) + 1)];
  else if (most - least < 1e-9) most = least + 1;
  const ends = lines.flatMap(({ x }) => [x[0], x.at(-1)]).filter(Number.isFinite);
  const first = ends.length ? Math.min(...ends) : 0;
  const last = Math.max(...ends, first + 1);
  const place = (x) => box.left + ((box.right - box.left) * (x - first)) / (last - first);
  const rise = (y) =>
    box.bottom -
    ((box.bottom - box.top) * (Math.min(Math.max(level(y), least), most) - least)) / (most - least);

  pen.fillStyle = colours.quiet;
  pen.strokeStyle = colours.grid;
  pen.lineWidth = 1;
  pen.textAlign = "right";
  for (const [at, words] of ticksOf(least, most, log)) {
    const y = Math.round(rise(log ? 10 ** at : at)) + 0.5;
    pen.beginPath();
    pen.moveTo(box.left, y);
    pen.lineTo(box.right, y);
    pen.stroke();
    pen.fillText(shares ? `${Math.round(100 * at)}\u202f%` : words, box.left - 6, y + 4);
  }
  pen.textAlign = "center";
  for (const [at, words] of ticksOf(first, last, false)) {
    if (!whole || Number.isInteger(at)) pen.fillText(words, Math.min(place(at), width - 12), box.bottom + 14);
  }
  pen.fillText(across, (box.left + box.right) / 2, box.bottom + 28);

  for (const { x, low: under, high: over, arm } of bands) {
    pen.beginPath();
    x.forEach((one, i) => pen.lineTo(place(one), rise(under[i])));
    x.toReversed().forEach((one, i) => pen.lineTo(place(one), rise(over.at(-1 - i))));
    pen.globalAlpha = 0.14;
    pen.fillStyle = colours[arm];
    pen.fill();
    pen.globalAlpha = 1;
  }
  for (const { x, y, arm, kind } of lines) {
    pen.strokeStyle = kind === "guide" ? colours.quiet : colours[arm];
    pen.lineWidth = { thin: 0.9, middle: 2.2, theory: 1.4, guide: 1 }[kind];
    pen.globalAlpha = kind === "thin" ? 0.45 : 1;
    pen.setLineDash({ theory: [6, 4], guide: [2, 3] }[kind] ?? []);
    pen.beginPath();
    let open = false;
    x.forEach((one, i) => {
      const fine = !Number.isNaN(level(y[i]));
      if (fine) pen[open ? "lineTo" : "moveTo"](place(one), rise(y[i]));
      open = fine;
    });
    pen.stroke();
    const end = y.findIndex((value) => Number.isNaN(value));
    if (kind === "thin" && end > 0) cross(pen, place(x[end - 1]), rise(y[end - 1]));
  }
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}

function cross(pen, x, y) {
  pen.globalAlpha = 1;
  pen.lineWidth = 2;
  pen.beginPath();
  for (const way of [-1, 1]) {
    pen.moveTo(x - 4, y - 4 * way);
    pen.lineTo(x + 4, y + 4 * way);
  }
  pen.stroke();
}

// Histograms of the pre-activations, one column of shares a layer, the dark ones full.
function histograms(canvas, layers, arm) {
  const { pen, width, height, colours } = brush(canvas, 120);
  const [left, bottom] = [24, height - 16];
  const step = (width - left - 6) / layers.length;
  pen.fillStyle = colours.quiet;
  pen.textAlign = "right";
  for (const at of [-4, 0, 4]) {
    pen.fillText(
      at === -4 ? "−4" : String(at),
      left - 5,
      bottom - (bottom - 6) * ((at + 4) / 8) + (at > 0 ? 8 : 4),
    );
  }
  pen.fillStyle = colours[arm];
  layers.forEach((bins, layer) => {
    const most = Math.max(...bins);
    bins.forEach((share, bin) => {
      pen.globalAlpha = Math.sqrt(share / most);
      const size = (bottom - 6) / bins.length;
      pen.fillRect(left + step * layer, bottom - size * (bin + 1), Math.max(step - 1, 1), size);
    });
  });
  pen.globalAlpha = 1;
  pen.fillStyle = colours.quiet;
  pen.textAlign = "left";
  pen.fillText("layer 1", left, height - 2);
  pen.textAlign = "right";
  pen.fillText(String(layers.length), width - 6, height - 2);
}

const mix = (from, to, share) => from.map((one, i) => Math.round(one + (to[i] - one) * share));
const [BLUE, PAPER, RED] = [[33, 102, 172], [247, 247, 247], [178, 24, 43]]; // negative, 0, positive
const shade = (
  value,
) => (value < 0 ? mix(PAPER, BLUE, Math.min(-value, 1)) : mix(PAPER, RED, Math.min(value, 1)));

// Paint `side` x `side` shades in [-1, 1] into a square.
function tiles(pen, values, side, left, top, size) {
  const picture = new OffscreenCanvas(side, side);
  const paint = picture.getContext("2d");
  const image = paint.createImageData(side, side);
  values.forEach((value, i) => image.data.set([...shade(value), 255], 4 * i));
  paint.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = side > 8;
  pen.drawImage(picture, left, top, size, size);
}

// The weights of first-layer units as pictures, from -most to most: red positive, blue negative.
function pictures(canvas, units, most) {
  const columns = 8;
  const gap = 4;
  const size = Math.floor(((canvas.clientWidth || 280) - gap * (columns - 1)) / columns);
  const { pen } = brush(canvas, Math.ceil(units.length / columns) * (size + gap));
  const side = Math.sqrt(units[0].length);
  units.forEach((weights, i) => {
    tiles(
      pen,
      weights.map((one) => one / most),
      side,
      (i % columns) * (size + gap),
      Math.floor(i / columns) * (size + gap),
      size,
    );
  });
}

// What a net decides in the plane, and the samples of the training set.
function plane(canvas, chances, { inputs, labels }, range) {
  const side = Math.sqrt(chances.length);
  const edge = Math.min(canvas.clientWidth || 280, 300);
  const { pen } = brush(canvas, edge);
  tiles(pen, Array.from(chances, (chance) => (2 * chance - 1) * 0.55), side, 0, 0, edge);
  labels.forEach((label, i) => {
    const [x, y] = [0, 1].map((axis) => (inputs[2 * i + axis] / range) * (axis ? -1 : 1));
    pen.fillStyle = `rgb(${label ? RED : BLUE})`;
    pen.strokeStyle = "#fff";
    pen.lineWidth = 0.8;
    pen.beginPath();
    pen.arc((edge * (x + 1)) / 2, (edge * (y + 1)) / 2, 2.4, 0, 7);
    pen.fill();
    pen.stroke();
  });
  boundary(pen, chances, side, edge);
}

// The line where both classes are equally likely: through each cell between four points of the grid, straight.
function boundary(pen, chances, side, edge) {
  const place = (at) => ((at + 0.5) * edge) / side;
  pen.strokeStyle = "#222";
  pen.lineWidth = 1.6;
  pen.beginPath();
  for (let i = 0; i < side - 1; i++) {
    for (let j = 0; j < side - 1; j++) {
      const corners = [[i, j], [i, j + 1], [i + 1, j + 1], [i + 1, j], [i, j]].map(
        ([row, column]) => [row, column, chances[row * side + column] - 0.5],
      );
      let count = 0;
      for (let k = 0; k < 4; k++) {
        const [[row, column, from], [down, right, to]] = [corners[k], corners[k + 1]];
        if (from > 0 === to > 0) continue;
        const share = from / (from - to);
        const point = [place(column + share * (right - column)), place(row + share * (down - row))];
        pen[count++ % 2 ? "lineTo" : "moveTo"](...point);
      }
    }
  }
  pen.stroke();
}
