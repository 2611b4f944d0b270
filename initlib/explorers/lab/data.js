// Knows the data sets as they are shipped (data.py): the digits come as a stream of bits whose chances are learned on the way.

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function* bitsOf(bytes) {
  let at = 4;
  let width = 0xffffffff;
  let code = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
  let chance = yield;
  while (true) {
    const bound = (width >>> 12) * chance[0];
    const bit = code < bound ? 0 : 1;
    if (bit) [code, width] = [code - bound, width - bound];
    else width = bound;
    chance[1] = Math.min(chance[1] + 1, 60);
    chance[0] += Math.trunc(((1 - bit) * 4096 - chance[0]) / (chance[1] + 0.5));
    chance[0] = Math.min(Math.max(chance[0], 24), 4072);
    while (width < 1 << 24) [code, width] = [((code << 8) | bytes[at++]) >>> 0, (width << 8) >>> 0];
    chance = yield bit;
  }
}

function unpackDigits(bytes, samples) {
  const bits = bitsOf(bytes);
  bits.next();
  const chances = Array.from({ length: 64 * 4 * 32 }, () => [2048, 0]);
  const pixels = new Uint8Array(64 * samples);
  for (let i = 0; i < pixels.length; i++) {
    const [above, before] = [i % 64 > 7 && pixels[i - 8] > 6, i % 8 > 0 && pixels[i - 1] > 7];
    let node = 1;
    while (node < 32) node = 2 * node + bits.next(chances[((i % 64) * 4 + 2 * above + before) * 32 + node]).value;
    pixels[i] = node - 32;
  }
  return pixels;
}

// The set as the engine reads it: standardised inputs and labels, training part and test part.
function unpack({ values, labels, training, inputs, classes, mean, sd, scale }) {
  const known = bytesOf(labels);
  const raw = scale === 1 ? unpackDigits(bytesOf(values), known.length) : new Int8Array(bytesOf(values).buffer);
  const all = Float32Array.from(raw, (value) => (value / scale - mean) / sd);
  const part = (from, to) => ({ inputs: all.slice(from * inputs, to * inputs), labels: known.slice(from, to) });
  return { train: part(0, training), test: part(training, known.length), inputs, classes };
}
