// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows what is looked at inside a net: statistics by layer on some training samples, histograms, pictures, decisions.

const PROBE = 64; // training samples that are sent through, from all over the set
const BINS = 24; // of a histogram, over pre-activations from -SPAN to SPAN
const SPAN = 4;
const GRID = 36; // points on a side of a decision picture
const RANGE = 2.3; // of its axes, in the units of the data
const UNITS = 16; // first-layer units that are shown

function probe({ data: { train: { labels } } }) {
  const count = Math.min(PROBE, labels.length);
  return Array.from({ length: count }, (_, i) => Math.floor((i * labels.length) / count));
}

// By layer: rms of the signal and of the gradient (of the summed loss), mean cosine between samples, dead share.
function profileOf(arm, net) {
  const { net: network, data: { train }, memory: { floats } } = arm;
  const numbers = probe(arm);
  const count = numbers.length;
  network.base = net.at;
  arm.feed(train, numbers);
  network.forward(count);
  crossEntropy(floats, network.output, numbers.map((number) => train.labels[number]), 0, count);
  scaleGradient(floats, network.output, count);
  network.backward(count);
  const seen = network.pre.map((signal) => statisticsOf(floats, signal, count, arm));
  return {
    rms: seen.map(({ rms }) => rms),
    gradient: seen.map(({ gradient }) => gradient),
    cosine: seen.map(({ cosine }) => cosine),
    dead: seen.slice(0, -1).map(({ dead }) => dead),
    histograms: seen.map(({ bins }) => bins),
  };
}

function scaleGradient(floats, { grad, columns }, count) {
  for (let i = 0; i < count * columns; i++) floats[grad + i] *= count;
}

// One signal over `count` samples. The cosine is the mean over all pairs; two zero vectors count as equal.
function statisticsOf(floats, { at, grad, units, columns }, count, arm) {
  const [phi, slope] = ACTIVATIONS[arm.settings.activation];
  const flat = (arm.flat ??= flatSlope([phi, slope]));
  const alive = new Uint8Array(units);
  const total = new Float64Array(units);
  const bins = new Array(BINS).fill(0);
  let [squares, back, zeros] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const row = at + i * columns;
    let length = 0;
    for (let j = 0; j < units; j++) length += floats[row + j] * floats[row + j];
    squares += length;
    if (length === 0) zeros++;
    const unit = length === 0 ? 0 : 1 / Math.sqrt(length);
    for (let j = 0; j < units; j++) {
      const value = floats[row + j];
      total[j] += value * unit;
      back += floats[grad + i * columns + j] ** 2;
      const bin = Math.floor(((value + SPAN) / (2 * SPAN)) * BINS);
      bins[Math.max(0, Math.min(bin || 0, BINS - 1))] += 1 / (count * units);
      if (!alive[j] && Math.abs(slope(value, phi(value))) > flat) alive[j] = 1;
    }
  }
  const pairs = total.reduce((sum, one) => sum + one * one, 0) - (count - zeros) + zeros * (zeros - 1);
  return {
    rms: Math.sqrt(squares / (count * units)),
    gradient: Math.sqrt(back / (count * units)),
    cosine: pairs / (count * (count - 1)),
    dead: 1 - alive.reduce((sum, one) => sum + one, 0) / units,
    bins,
  };
}

// By weight layer: rms of the last step's change over rms of the weights before, for the net that is remembered.
function updateSizes({ memory: { floats }, net: { slots }, before, remembered: net }) {
  return slots.filter(({ kind }) => kind === "weight").map((slot) => {
    let [change, size] = [0, 0];
    const { at, rows, columns } = slot; // paddings are 0 before and after
    for (let entry = at; entry < at + rows * columns; entry++) {
      change += (floats[net.at + entry] - floats[before + entry]) ** 2;
      size += floats[before + entry] ** 2;
    }
    return Math.sqrt(change / size);
  });
}

// The weights of the first layer into some units, (units, inputs).
function firstWeights({ memory: { floats }, net: { slots: [slot] }, data: { inputs } }, net) {
  const units = Math.min(UNITS, slot.units);
  return Array.from(
    { length: units },
    (_, j) => Array.from({ length: inputs }, (_, i) => floats[net.at + slot.at + i * slot.columns + j]),
  );
}

// How far apart the units of the first layer are: rms of their weights about the mean unit, over the rms of all.
function spreadOfUnits({ memory: { floats }, net: { slots: [slot] } }, net) {
  let [about, all] = [0, 0];
  for (let i = 0; i < slot.rows; i++) {
    const row = Array.from({ length: slot.units }, (_, j) => floats[net.at + slot.at + i * slot.columns + j]);
    const mean = row.reduce((sum, one) => sum + one, 0) / row.length;
    row.forEach((one) => (about += (one - mean) ** 2, all += one ** 2));
  }
  return all ? Math.sqrt(about / all) : 0;
}

// The probability of class 1 over a grid of points, row by row from the top.
function* decisions(arm, net) {
  const { net: network, memory: { floats } } = arm;
  network.base = net.at;
  const { input, output, batch } = network;
  const found = new Float32Array(GRID * GRID);
  for (let first = 0; first < found.length; first += batch) {
    const count = Math.min(batch, found.length - first);
    for (let i = 0; i < count; i++) {
      const [row, column] = [Math.floor((first + i) / GRID), (first + i) % GRID];
      floats[input.at + i * input.columns] = RANGE * (((column + 0.5) / GRID) * 2 - 1);
      floats[input.at + i * input.columns + 1] = RANGE * (1 - ((row + 0.5) / GRID) * 2);
    }
    network.forward(count, true);
    for (let i = 0; i < count; i++) {
      const at = output.at + i * output.columns;
      found[first + i] = 1 / (1 + Math.exp(floats[at] - floats[at + 1]));
    }
    yield;
  }
  return found;
}
