// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows the data sets as they are shipped (data.py): the digits come as a stream of bits whose chances are learned on the way.

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

const within = (value) => Math.min(Math.max(value, 24), 4072);

// Returns a function that reads the next bit, given three chances of 0 in 4096ths: [chance, count].
function bitsOf(bytes) {
  let at = 4;
  let width = 0xffffffff;
  let code = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
  return (chances) => {
    let [total, all] = [0, 0];
    for (const [chance, count] of chances) {
      const weight = Math.abs(chance - 2048) + 64 * Math.min(count, 8) + 1;
      total += weight * chance;
      all += weight;
    }
    const bound = (width >>> 12) * within(Math.floor(total / all));
    const bit = code < bound ? 0 : 1;
    if (bit) [code, width] = [code - bound, width - bound];
    else width = bound;
    for (const one of chances) {
      one[1] = Math.min(one[1] + 1, 60);
      one[0] = within(one[0] + Math.trunc(((1 - bit) * 4096 - one[0]) / (one[1] + 0.5)));
    }
    while (width < 1 << 24) [code, width] = [((code << 8) | bytes[at++]) >>> 0, (width << 8) >>> 0];
    return bit;
  };
}

const levelOf = (value) => (value > 0) + (value > 5) + (value > 11);

function unpackDigits(bytes, labels) {
  const next = bitsOf(bytes);
  const chances = [];
  const pixels = new Uint8Array(64 * labels.length);
  for (let i = 0; i < pixels.length; i++) {
    const label = labels[Math.floor(i / 64)];
    const [above, before] = [i % 64 > 7 ? pixels[i - 8] : 0, i % 8 ? pixels[i - 1] : 0];
    const company = [label, 4 * levelOf(above) + levelOf(before), 4 * label + 2 * (above > 6) + (before > 7)];
    let node = 1;
    while (node < 32) {
      const keys = company.map((one, at) => (((i % 64) * 32 + node) * 3 + at) * 64 + one);
      node = 2 * node + next(keys.map((key) => (chances[key] ??= [2048, 0])));
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
