// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows how weights are drawn. A draw is one uniform number an entry, turned into the law asked for, so that nets of one
// seed share their draws wherever their shapes agree, whatever the rule. The rules' numbers come from initlib (`rules`).

const STREAM = { weights: 0, biases: 1, order: 3 };

// Uniform numbers in (0, 1) by seed, stream and layer (generator sfc32 by Doty-Humphrey, seeded by a hash).
function uniforms(...keys) {
  let hash = 0x9e3779b9;
  const word = (key) => {
    hash = Math.imul(hash ^ key, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^= hash >>> 16);
  };
  keys.forEach(word);
  let [a, b, c, count] = [word(1), word(2), word(3), 1];
  const next = () => {
    const sum = (((a + b) | 0) + count++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return ((sum >>> 0) + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

const CUT = normalCdf(-2);
const LAWS = { // from a uniform number to one of variance 1
  normal: normalQuantile,
  uniform: (u) => Math.sqrt(12) * (u - 0.5),
  truncated_normal: (u) => normalQuantile(CUT + u * (1 - 2 * CUT)) / 0.87962566103423978,
};

// A Haar-random matrix with orthonormal columns (tall) or rows (wide): Gram-Schmidt, twice, of normal draws. It makes the
// diagonal of R positive, which is the sign fix that other ways to Q need.
function orthogonal(rows, columns, next) {
  const tall = rows >= columns;
  const [length, count] = tall ? [rows, columns] : [columns, rows];
  const draws = Float64Array.from({ length: rows * columns }, () => normalQuantile(next()));
  const vectors = tall ? new Float64Array(draws.length) : draws; // one after the other
  if (tall) transpose(vectors, 0, draws, 0, rows, columns, rows, columns);
  const dot = (v, w) => {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += vectors[v + i] * vectors[w + i];
    return sum;
  };
  for (let v = 0; v < count * length; v += length) {
    for (let again = 0; again < 2; again++) {
      for (let w = 0; w < v; w += length) {
        const share = dot(v, w);
        for (let i = 0; i < length; i++) vectors[v + i] -= share * vectors[w + i];
      }
    }
    const norm = Math.sqrt(dot(v, v));
    for (let i = 0; i < length; i++) vectors[v + i] /= norm;
  }
  if (tall) transpose(draws, 0, vectors, 0, columns, rows, columns, rows);
  return draws;
}

// The variance of one weight: `rules` hold 1 / variance as a sum of multiples of fan_in and fan_out.
function variance(rules, { init, size, scale, activation }, fanIn, fanOut) {
  if (init === "normal" || init === "constant") return (size * scale) ** 2;
  if (init === "orthogonal") return scale ** 2 / Math.max(fanIn, fanOut);
  if (init === "critical") return (scale * rules.critical[activation]) ** 2 / fanIn;
  const [perIn, perOut] = rules.initializers[init].fans;
  return perIn + perOut ? scale ** 2 / (perIn * fanIn + perOut * fanOut) : 0;
}

// The weights (fanIn, fanOut) of a layer, row by row.
function drawWeights(rules, settings, seed, layer, fanIn, fanOut) {
  const { init, size, scale } = settings;
  const next = uniforms(seed, STREAM.weights, layer);
  if (init === "constant") return new Float64Array(fanIn * fanOut).fill(size * scale);
  if (init === "orthogonal") return orthogonal(fanIn, fanOut, next).map((entry) => scale * entry);
  const law = LAWS[rules.initializers[init]?.law ?? "normal"];
  const std = Math.sqrt(variance(rules, settings, fanIn, fanOut));
  return Float64Array.from({ length: fanIn * fanOut }, () => std && std * law(next()));
}

function drawBiases(rules, { init, bias, biasSize }, seed, layer, fanIn, units) {
  const next = uniforms(seed, STREAM.biases, layer);
  const own = bias === "default" && rules.initializers[init]?.biases; // variance times fan_in, of a uniform law
  const draw = {
    constant: () => biasSize,
    random: () => biasSize * normalQuantile(next()),
    default: () => (own ? Math.sqrt(own / fanIn) * LAWS.uniform(next()) : 0),
    zero: () => 0,
  }[bias];
  return Float64Array.from({ length: units }, draw);
}
