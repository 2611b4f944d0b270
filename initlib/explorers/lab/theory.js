// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows what wide random nets do on average, and how far single nets stray: initlib.theory in short, by quadrature over the
// same activations. For weights of mean 0, without normalisation.

// Midpoints and weights of a quadrature over a standard normal; kinks at 0 lie between two nodes.
function normalNodes(step) {
  const nodes = Array.from({ length: Math.round(16 / step) }, (_, i) => (i + 0.5) * step - 8);
  return nodes.map((z) => [z, step * normalDensity(z)]);
}

const NODES = normalNodes(0.02);
const COARSE = normalNodes(0.125);

const mean = (f) => NODES.reduce((sum, [z, weight]) => sum + weight * f(z), 0);
const power = (f, q, p) => mean((z) => f(Math.sqrt(q) * z) ** p);
const slopeOf = ([phi, slope]) => (x) => slope(x, phi(x));

// E phi(u) phi(v) for variance q and correlation c.
function pairPower(f, q, c) {
  const [root, rest] = [Math.sqrt(q), Math.sqrt(Math.max(0, 1 - c * c))];
  return COARSE.reduce((sum, [z, weight]) => {
    const inner = f(root * z);
    return inner
      ? sum + weight * inner * COARSE.reduce((all, [w, part]) => all + part * f(root * (c * z + rest * w)), 0)
      : sum;
  }, 0);
}

// Whether theory says anything about nets of these settings.
const hasTheory = ({ init, normalisation }) =>
  normalisation === "none" && init !== "constant" && init !== "zeros";

// By measured signal: rms, gradient (1 at the output), cosine; and bands for plain nets that hold about 95 % of them.
function predict(rules, settings, { widths, shapes, blocks }, q, c) {
  if (!hasTheory(settings)) return null;
  const phi = ACTIVATIONS[settings.activation][0];
  const slope = slopeOf(ACTIVATIONS[settings.activation]);
  const sigma = shapes.map(([fanIn, fanOut]) => variance(rules, settings, fanIn, fanOut) * fanIn);
  const offset = shapes.map(([fanIn]) => biasVariance(rules, settings, fanIn));
  const through = ([q, c], layer) => {
    const power2 = power(phi, q, 2);
    const after = sigma[layer] * power2 + offset[layer];
    const chi = sigma[layer] * power(slope, q, 2);
    return [after, after ? (sigma[layer] * pairPower(phi, q, c) + offset[layer]) / after : 1, chi];
  };
  const first = sigma[0] * q + offset[0];
  const signals = [[first, first ? (sigma[0] * c * q + offset[0]) / first : 1]];
  const factors = []; // of the squared gradient, from each signal to the one before
  if (blocks) {
    const share = { plain: 1, scaled: 1 / blocks, zero_last: 0 }[settings.shortcut];
    for (let block = 0; block < blocks; block++) {
      const [q, c] = signals.at(-1);
      const inside = through([q, c], 2 * block + 1);
      const branch = through(inside, 2 * block + 2);
      const next = q + share * branch[0];
      signals.push([next, (c * q + share * branch[1] * branch[0]) / next]);
      factors.push(1 + share * inside[2] * branch[2]);
    }
    const last = through(signals.at(-1), shapes.length - 1);
    signals.push(last);
    factors.push((last[2] * widths.at(-1)) / widths.at(-2));
  } else {
    for (let layer = 1; layer < shapes.length; layer++) {
      const next = through(signals.at(-1), layer);
      signals.push(next);
      factors.push((next[2] * widths[layer + 1]) / widths[layer]);
    }
  }
  const gradient = [1];
  for (const factor of factors.reverse()) gradient.unshift(gradient[0] * factor);
  return {
    rms: signals.map(([q]) => Math.sqrt(q)),
    cosine: signals.map(([, c]) => c),
    gradient: gradient.map(Math.sqrt),
    bands: blocks ? {} : {
      rms: bandOf(phi, settings, shapes, sigma, offset, signals),
      gradient: gradientBandOf(phi, settings, shapes, offset, gradient),
    },
  };
}

function biasVariance(rules, { bias, biasSize, init }, fanIn) {
  if (bias === "default") return (rules.initializers[init]?.biases ?? 0) / fanIn;
  return bias === "zero" ? 0 : biasSize ** 2;
}

// Two standard deviations of log q to either side, by the delta method to first order in 1 / width.
function bandOf(phi, { init }, shapes, sigma, offset, signals) {
  const free = init !== "orthogonal";
  let [inherited, shift] = [0, 0];
  return signals.map(([q], layer) => {
    const own = free ? 2 / shapes[layer][1] : 0;
    if (layer) {
      const [before] = signals[layer - 1];
      const n = shapes[layer][0];
      const map = (log) => Math.log(sigma[layer] * power(phi, Math.exp(log), 2) + offset[layer]);
      const [log, h] = [Math.log(before), 0.01];
      const [low, middle, high] = [map(log - h), map(log), map(log + h)];
      const [at, bend] = [(high - low) / (2 * h), (high - 2 * middle + low) / (h * h)];
      const excess = (free ? 2 / n : 0) - 2 / n;
      const fresh = (sigma[layer] ** 2 * (power(phi, before, 4) - power(phi, before, 2) ** 2)) / q ** 2 / n;
      const noise = fresh + at * at * excess;
      shift = at * shift + (bend * inherited + (bend - at + at * at) * excess - noise) / 2;
      inherited = at * at * inherited + noise;
    }
    const spread = 2 * Math.sqrt(Math.max(inherited + own, 0));
    const middle = Math.log(q) + shift - own / 2;
    return [Math.exp((middle - spread) / 2), Math.exp((middle + spread) / 2)];
  });
}

// The gradient's band, known for ReLU-type activations without biases: each layer's factor is distributed as the signal's.
function gradientBandOf(phi, { init }, shapes, offset, gradient) {
  const homogeneous = [-1, 1].every((x) => phi(2 * x) === 2 * phi(x));
  if (!homogeneous || init === "orthogonal" || offset.some(Boolean)) return null;
  const [second, fourth, sixth] = [2, 4, 6].map((p) => power(phi, 1, p));
  const spread = fourth / second ** 2 - 1;
  const skew = sixth / second ** 3 - 3 * spread - 1;
  let [middle, noise] = [0, 0];
  return gradient.toReversed().map((square, i) => {
    if (i) {
      const n = shapes.at(-i)[0];
      middle += (skew / 3 - 0.75 * spread ** 2) / n ** 2 - spread / (2 * n);
      noise += spread / n + (2.5 * spread ** 2 - skew) / n ** 2;
    }
    return [-2, 2].map((side) => Math.sqrt(square) * Math.exp((middle + side * Math.sqrt(noise)) / 2));
  }).reverse();
}
