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
  const activation = ACTIVATIONS[arm.settings.activation];
  return {
    rms: network.pre.map((signal) => rms(floats, signal.at, signal, count)),
    gradient: network.pre.map((signal) => rms(floats, signal.grad, signal, count)),
    cosine: network.pre.map((signal) => meanCosine(floats, signal, count)),
    dead: network.pre.slice(0, -1).map((signal) => deadShare(floats, signal, count, activation)),
    histograms: network.pre.map((signal) => histogram(floats, signal, count)),
  };
}

function scaleGradient(floats, { grad, columns }, count) {
  for (let i = 0; i < count * columns; i++) floats[grad + i] *= count;
}

// Calls visit(entry, row) for the entries of a signal, paddings apart.
function entries(at, { units, columns }, count, visit) {
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < units; j++) visit(at + i * columns + j, i, j);
  }
}

function rms(floats, at, signal, count) {
  let sum = 0;
  entries(at, signal, count, (entry) => (sum += floats[entry] * floats[entry]));
  return Math.sqrt(sum / (count * signal.units));
}

// Over all pairs of different samples; two zero vectors count as equal.
function meanCosine(floats, signal, count) {
  const lengths = new Float64Array(count);
  const total = new Float64Array(signal.units);
  entries(signal.at, signal, count, (entry, i) => (lengths[i] += floats[entry] * floats[entry]));
  entries(
    signal.at,
    signal,
    count,
    (entry, i, j) => (total[j] += lengths[i] ? floats[entry] / Math.sqrt(lengths[i]) : 0),
  );
  const zeros = lengths.reduce((sum, one) => sum + (one === 0), 0);
  const pairs = total.reduce((sum, one) => sum + one * one, 0) - (count - zeros) + zeros * (zeros - 1);
  return pairs / (count * (count - 1));
}

function deadShare(floats, signal, count, [phi, slope]) {
  const flat = flatSlope([phi, slope]);
  const alive = new Uint8Array(signal.units);
  entries(signal.at, signal, count, (entry, i, j) => {
    if (!alive[j] && Math.abs(slope(floats[entry], phi(floats[entry]))) > flat) alive[j] = 1;
  });
  return 1 - alive.reduce((sum, one) => sum + one, 0) / signal.units;
}

function histogram(floats, signal, count) {
  const bins = new Array(BINS).fill(0);
  entries(signal.at, signal, count, (entry) => {
    const bin = Math.floor(((floats[entry] + SPAN) / (2 * SPAN)) * BINS);
    bins[Math.max(0, Math.min(bin || 0, BINS - 1))] += 1 / (count * signal.units);
  });
  return bins;
}

// By weight layer: rms of the last step's change over rms of the weights, for the net that `remember` kept.
function updateSizes(arm, net) {
  const { memory: { floats }, net: { slots }, before } = arm;
  return slots.filter(({ kind }) => kind === "weight").map((slot) => {
    let [change, size] = [0, 0];
    entries(slot.at, slot, slot.rows, (entry) => {
      change += (floats[net.at + entry] - floats[before + entry]) ** 2;
      size += floats[before + entry] ** 2;
    });
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
function decisions(arm, net) {
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
  }
  return found;
}
