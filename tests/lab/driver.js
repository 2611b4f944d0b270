// What the tests ask of the engine: plain arrays in, plain arrays out.
let shared;
const plain = (array) => Array.from(array, Number);
const part = ({ inputs, labels }) => ({ inputs: Float32Array.from(inputs.flat()), labels: Uint8Array.from(labels) });

function armOf(problem) {
  const arm = plannedArm(problem);
  finish(arm.begin());
  return arm;
}

function plannedArm({ settings, inputs, labels, classes, tests }) {
  const train = part({ inputs, labels });
  const test = tests ? part(tests) : train;
  return new Arm(shared, settings, { train, test, inputs: inputs[0].length, classes });
}

// Run a generator to its end; return its value.
function finish(run) {
  let step = run.next();
  while (!step.done) step = run.next();
  return step.value;
}

// Entries of a slot, without padding.
function read(floats, base, { at, rows, units, columns }) {
  const found = [];
  for (let i = 0; i < rows; i++) for (let j = 0; j < units; j++) found.push(floats[base + at + i * columns + j]);
  return found;
}

function write(floats, base, { at, rows, units, columns }, values) {
  for (let i = 0; i < rows; i++) for (let j = 0; j < units; j++) floats[base + at + i * columns + j] = values[i * units + j];
}

const TRAINED = ["weight", "bias", "gain", "offset"];
const slotsOf = (arm, kinds = TRAINED) => arm.net.slots.filter(({ kind }) => kinds.includes(kind));

return {
  start: ({ kernel, rules }) => (shared = { kernel: bytesOf(kernel), rules }),
  unpack({ shipped }) {
    const { train, test } = unpack(shipped);
    return [train.inputs, train.labels, test.inputs, test.labels].map(plain);
  },
  isFast: () => new Memory(shared.kernel).fast !== null,

  // Outputs, loss and gradients at given parameters; then `steps` steps on given batches of sample numbers.
  run({ parameters, batches, ...problem }) {
    const arm = armOf(problem);
    const { net: network, nets: [net], memory: { floats } } = arm;
    slotsOf(arm).forEach((slot, i) => write(floats, net.at, slot, parameters[i]));
    network.base = net.at;
    const all = problem.labels.map((_, i) => i);
    arm.feed(arm.data.train, all);
    network.forward(all.length);
    const { loss, right } = crossEntropy(floats, network.output, arm.data.train.labels, 0, all.length);
    const output = read(floats, 0, { ...network.output, rows: all.length });
    network.backward(all.length);
    const gradients = slotsOf(arm).map((slot) => read(floats, network.gradients, slot));
    const losses = [];
    for (const batch of batches ?? []) {
      losses.push(arm.stepNet(net, Uint32Array.from(batch)));
      arm.step++;
    }
    const after = slotsOf(arm).map((slot) => read(floats, net.at, slot));
    const statistics = slotsOf(arm, ["mean", "variance"]).map((slot) => read(floats, net.at, slot));
    const { accuracy, loss: evaluated } = arm.evaluate(net);
    return { output, loss, right, gradients, losses, after, statistics, accuracy, evaluated };
  },

  profile({ parameters, ...problem }) {
    const arm = armOf(problem);
    const { nets: [net], memory: { floats } } = arm;
    slotsOf(arm).forEach((slot, i) => write(floats, net.at, slot, parameters[i]));
    return profileOf(arm, net);
  },

  // How often an arm pauses while its nets are drawn, and while they advance.
  pauses({ steps, ...problem }) {
    const arm = plannedArm(problem);
    return [arm.begin(), arm.advance(steps)].map((run) => [...run].length);
  },

  // The chances of class 1 over the grid of a decision picture.
  decisions({ parameters, ...problem }) {
    const arm = armOf(problem);
    const { nets: [net], memory: { floats } } = arm;
    slotsOf(arm).forEach((slot, i) => write(floats, net.at, slot, parameters[i]));
    return plain(finish(decisions(arm, net)));
  },

  // The relative size of the last of some steps, by layer, with the weights before and after it.
  updates({ steps, ...problem }) {
    const arm = armOf(problem);
    const { memory: { floats } } = arm;
    const weights = () => slotsOf(arm, ["weight"]).map((slot) => read(floats, arm.living.at, slot));
    finish(arm.advance(steps - 1));
    const before = weights();
    finish(arm.advance(1));
    return { before, after: weights(), updates: updateSizes(arm) };
  },

  // What every net draws: a list of weights and biases for each seed.
  draws(problem) {
    const arm = armOf(problem);
    const { memory: { floats } } = arm;
    return arm.nets.map((net) => slotsOf(arm, ["weight", "bias"]).map((slot) => read(floats, net.at, slot)));
  },

  theory({ settings, inputs, classes, q, c }) {
    return predict(shared.rules, settings, planOf(settings, inputs, classes), q, c);
  },

  train({ steps, ...problem }) {
    const arm = armOf(problem);
    finish(arm.advance(steps));
    return arm.nets.map(({ losses, accuracies, diverged }) => ({ losses, accuracies, diverged, points: arm.points }));
  },

  activation: ({ name, x }) => {
    const [phi, slope] = ACTIVATIONS[name];
    return { value: x.map(phi), slope: x.map((one) => slope(one, phi(one))) };
  },
  activations: () => Object.keys(ACTIVATIONS),
  haar: ({ rows, columns, seeds }) =>
    Array.from({ length: seeds }, (_, seed) => plain(orthogonal(rows, columns, uniforms(seed)))),
  quantiles: ({ u }) => u.map(normalQuantile),
  orders({ samples, size, seeds, takes }) {
    const batches = seeds.map((seed) => new Batches(seed, samples, size));
    return batches.map((one) => Array.from({ length: takes }, () => plain(one.take())));
  },
  product({ a, b }) {
    const memory = new Memory(shared.kernel);
    const [rows, inner, units] = [a.length, b.length, b[0].length];
    const [along, columns] = [pad(inner, 8), pad(units, 8)];
    const [at, to, c] = [pad(rows, 4) * along, inner * columns, pad(rows, 4) * columns].map((size) => memory.take(size));
    a.forEach((row, i) => memory.floats.set(row, at + i * along));
    b.forEach((row, i) => memory.floats.set(row, to + i * columns));
    memory.multiply(c, at, to, rows, inner, columns, along, 1);
    return a.map((_, i) => plain(memory.floats.subarray(c + i * columns, c + i * columns + units)));
  },
};
