// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows the data sets as they are shipped (data.py): the digits come as a stream of bits whose chances are learned on the way.

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// The chance of a 1, in 4096ths, at odds whose logarithm is given in 256ths; and the way back.
const LOGISTIC = Array.from(
  { length: 33 },
  (_, i) => clamp(Math.round(4096 / (1 + Math.exp(8 - i / 2))), 1, 4095),
);
function chanceAt(odds) {
  const at = clamp(odds, -2047, 2047) + 2048;
  const [i, rest] = [at >> 7, at & 127];
  return (LOGISTIC[i] * (128 - rest) + LOGISTIC[i + 1] * rest + 64) >> 7;
}
function oddsTable() {
  let odds = -2047;
  return Int16Array.from({ length: 4096 }, (_, chance) => {
    while (odds < 2047 && chanceAt(odds) < chance) odds++;
    return odds;
  });
}

const levelOf = (value) => (value > 0) + (value > 5) + (value > 11);
const COMPANIES = 5;
const MOST = 160; // different companies of one kind

// What each of a pixel's chances goes by: the label and the neighbours that are known already.
function companyOf(pixels, i, label) {
  const [row, column] = [(i % 64) >> 3, i % 8];
  const near = (up, left) =>
    row < up || column < left || column - left > 7 ? 0 : levelOf(pixels[i - 8 * up - left]);
  const beside = 4 * near(1, 0) + near(0, 1);
  const aslant = 4 * near(1, 1) + near(1, -1);
  return [label, beside, 16 * label + aslant, 16 * label + beside, 4 * near(0, 2) + near(2, 0)];
}

// The pixels of the pictures that `compress` in data.py wrote.
function unpackDigits(bytes, labels) {
  const odds = oddsTable();
  const chances = new Int16Array(COMPANIES * 64 * MOST * 32).fill(2048);
  const counts = new Uint8Array(chances.length);
  const weights = new Int32Array(COMPANIES * 32).fill(19661);
  const pixels = new Uint8Array(64 * labels.length);
  const [cells, hints] = [new Int32Array(COMPANIES), new Int16Array(COMPANIES)];
  let [width, code, next] = [0xffffffff, 0, 0];
  while (next < 4) code = ((code << 8) | bytes[next++]) >>> 0;
  for (let i = 0; i < pixels.length; i++) {
    const company = companyOf(pixels, i, labels[i >> 6]);
    let node = 1;
    while (node < 32) {
      let sum = 0;
      for (let k = 0; k < COMPANIES; k++) {
        cells[k] = ((k * 64 + (i % 64)) * MOST + company[k]) * 32 + node;
        sum += weights[node * COMPANIES + k] * (hints[k] = odds[chances[cells[k]]]);
      }
      const chance = clamp(chanceAt(Math.floor(sum / 65536)), 8, 4088);
      const bound = (width >>> 12) * chance;
      const bit = code < bound ? 1 : 0;
      if (bit) width = bound;
      else [code, width] = [code - bound, width - bound];
      const error = 3 * (4096 * bit - chance);
      for (let k = 0; k < COMPANIES; k++) {
        weights[node * COMPANIES + k] += (hints[k] * error + 8192) >> 14;
        const cell = cells[k];
        if (counts[cell] < 127) counts[cell]++;
        const step = Math.trunc((4095 * bit - chances[cell]) / (counts[cell] + 0.5));
        chances[cell] = clamp(chances[cell] + step, 16, 4080);
      }
      while (width < 1 << 24) [code, width] = [((code << 8) | bytes[next++]) >>> 0, (width << 8) >>> 0];
      node = 2 * node + bit;
    }
    pixels[i] = node - 32;
  }
  return pixels;
}

// The set as the engine reads it: standardised inputs and labels, training part and test part.
function unpack({ values, labels, training, inputs, classes, mean, sd, scale }) {
  const known = Uint8Array.from(labels);
  const raw = scale === 1 ? unpackDigits(bytesOf(values), known) : new Int8Array(bytesOf(values).buffer);
  const all = Float32Array.from(raw, (value) => (value / scale - mean) / sd);
  const part = (from, to) => ({
    inputs: all.slice(from * inputs, to * inputs),
    labels: known.slice(from, to),
  });
  return { train: part(0, training), test: part(training, known.length), inputs, classes };
}
