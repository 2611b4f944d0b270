// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows the activations: function and slope by name; a slope gets x and the function's value there. Names, kinks and constants are those of initlib.activations, and a
// test holds both to the same values.

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const exponential = (scale, alpha) => [
  (x) => (x > 0 ? scale * x : scale * alpha * Math.expm1(x)),
  (x) => (x > 0 ? scale : scale * alpha * Math.exp(x)),
];
const SELU = { scale: 1.0507009873554805, alpha: 1.6732632423543772 };

const ACTIVATIONS = {
  identity: [(x) => x, () => 1],
  relu: [(x) => (x > 0 ? x : 0), (x) => (x > 0 ? 1 : 0)],
  leaky_relu: [(x) => (x > 0 ? x : 0.01 * x), (x) => (x > 0 ? 1 : 0.01)],
  tanh: [Math.tanh, (x, y) => 1 - y * y],
  sigmoid: [sigmoid, (x, y) => y * (1 - y)],
  gelu: [(x) => x * normalCdf(x), (x, y) => (x ? y / x : 0.5) + x * normalDensity(x)],
  silu: [(x) => x * sigmoid(x), (x) => sigmoid(x) * (1 + x * sigmoid(-x))],
  selu: exponential(SELU.scale, SELU.alpha),
  elu: exponential(1, 1),
  softplus: [softplus, sigmoid],
  softsign: [(x) => x / (1 + Math.abs(x)), (x) => 1 / (1 + Math.abs(x)) ** 2],
  hard_tanh: [(x) => Math.max(-1, Math.min(x, 1)), (x) => (Math.abs(x) < 1 ? 1 : 0)],
};

// What counts as flat: a twentieth of the steepest slope in [-10, 10].
function flatSlope([phi, slope]) {
  let steepest = 0;
  for (let x = -10; x <= 10; x += 0.005) steepest = Math.max(steepest, Math.abs(slope(x, phi(x))));
  return 0.05 * steepest;
}
