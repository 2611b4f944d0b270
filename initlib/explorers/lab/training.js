// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows training: optimizers, the order of batches, an arm of nets that step one after the other, and what is noted.

const ADAM = { second: 0.999, epsilon: 1e-8 };
const FIRST = 0.9; // momentum, and beta1 of Adam
const EVERY = 5; // steps between two points of a curve, at first
const POINTS = 240; // of a curve, at most: then every second is dropped

const OPTIMIZERS = { // step(floats, parameters, gradients, memory, size, rate, number of the step)
  sgd(x, w, g, memory, size, rate) {
    for (let i = 0; i < size; i++) x[w + i] -= rate * x[g + i];
  },
  momentum(x, w, g, [v], size, rate) {
    for (let i = 0; i < size; i++) x[w + i] -= x[v + i] = FIRST * x[v + i] + rate * x[g + i];
  },
  adam(x, w, g, [m, v], size, rate, step) {
    const pace = rate / (1 - FIRST ** step);
    const correction = 1 / (1 - ADAM.second ** step);
    for (let i = 0; i < size; i++) {
      const gradient = x[g + i];
      const first = (x[m + i] = FIRST * x[m + i] + (1 - FIRST) * gradient);
      const second = (x[v + i] = ADAM.second * x[v + i] + (1 - ADAM.second) * gradient * gradient);
      x[w + i] -= (pace * first) / (Math.sqrt(second * correction) + ADAM.epsilon);
    }
  },
};
const MEMORIES = { sgd: 0, momentum: 1, adam: 2 };

// A permutation of 0..count-1 (Fisher and Yates).
function shuffled(count, next) {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// Which samples a net sees: a new order of all of them each epoch, the same in both arms.
class Batches {
  constructor(seed, samples, size) {
    Object.assign(this, { next: uniforms(seed, STREAM.order), samples, size, at: samples });
  }

  take() {
    if (this.at >= this.samples) {
      this.order = shuffled(this.samples, this.next);
      this.at = 0;
    }
    return this.order.subarray(this.at, this.at += this.size);
  }
}

// An arm: nets of the same settings that differ by seed.
class Arm {
  constructor({ kernel, rules }, settings, data) {
    const { train, inputs, classes } = data;
    const memory = new Memory(kernel);
    const batch = Math.min(settings.batch, train.labels.length);
    this.net = new Network(memory, settings, inputs, classes, Math.max(batch, PROBE));
    Object.assign(this, {
      memory,
      settings,
      data,
      rules,
      batch,
      step: 0,
      every: EVERY,
      labels: new Uint8Array(batch),
    });
    this.nets = Array.from({ length: settings.seeds }, (_, seed) => ({
      seed,
      at: memory.take(this.net.size),
      memory: Array.from({ length: MEMORIES[settings.optimizer] }, () => memory.take(this.net.size)),
      batches: new Batches(seed, train.labels.length, batch),
      sum: 0,
      diverged: -1,
      losses: [],
      accuracies: [],
    }));
    this.before = memory.take(this.net.size);
    this.points = [];
  }

  // Draw all nets and note how they begin; pauses often, as `advance` does.
  *begin() {
    for (const { seed, at } of this.nets) yield* this.net.draw(this.rules, seed, at);
    yield* this.noting();
  }

  // Write samples of a part of the data, by number, to the input of the net.
  feed(part, numbers) {
    const { memory: { floats }, net: { input } } = this;
    const { inputs } = this.data;
    for (let i = 0; i < numbers.length; i++) {
      const from = numbers[i] * inputs;
      for (let j = 0; j < inputs; j++) floats[input.at + i * input.columns + j] = part.inputs[from + j];
    }
  }

  // One step of one net on the samples of these numbers; returns the loss before it.
  stepNet(net, numbers) {
    const { memory: { floats }, net: network, settings, data: { train } } = this;
    network.base = net.at;
    this.feed(train, numbers);
    numbers.forEach((number, i) => (this.labels[i] = train.labels[number]));
    network.training = true;
    network.forward(numbers.length);
    network.training = false;
    const { loss } = crossEntropy(floats, network.output, this.labels, 0, numbers.length);
    if (!Number.isFinite(loss)) return loss;
    network.backward(numbers.length);
    const step = OPTIMIZERS[settings.optimizer];
    step(floats, net.at, network.gradients, net.memory, network.size, settings.rate, this.step + 1);
    return loss;
  }

  // Advance all nets; pauses (yields) behind each net's step, for who shares its thread with others.
  *advance(steps) {
    for (let i = 0; i < steps; i++) {
      if (i === steps - 1) this.remember(this.living);
      for (const net of this.nets) {
        if (net.diverged >= 0) continue;
        const loss = this.stepNet(net, net.batches.take());
        net.sum += loss;
        if (!Number.isFinite(loss)) net.diverged = this.step + 1;
        yield;
      }
      this.step++;
      if (this.step === 1 || this.step % this.every === 0) yield* this.noting();
    }
  }

  // The first net that has not diverged; when all have, the first.
  get living() {
    return this.nets.find(({ diverged }) => diverged < 0) ?? this.nets[0];
  }

  remember(net) {
    this.remembered = net;
    this.memory.floats.copyWithin(this.before, net.at, net.at + this.net.size);
  }

  // After the first step, so that there is a curve soon, then at equal distances.
  *noting() {
    const steps = this.step - this.points.at(-1);
    this.points.push(this.step);
    for (const net of this.nets) {
      const { accuracy, loss } = net.diverged >= 0 ? { accuracy: NaN, loss: NaN } : this.evaluate(net);
      net.losses.push(this.step ? net.sum / steps : loss);
      net.accuracies.push(accuracy);
      net.sum = net.diverged >= 0 ? NaN : 0;
      yield;
    }
    if (this.points.length > POINTS) this.thin();
  }

  // Keep step 0, let step 1 go, and join the others two by two.
  thin() {
    if (this.points[1] === 1) {
      for (const all of [this.points, ...this.nets.flatMap((net) => [net.losses, net.accuracies])]) {
        all.splice(1, 1);
      }
      return;
    }
    const odd = (all) => all.filter((_, i) => i % 2 === 0);
    const means = (all) => [all[0], ...odd(all.slice(1)).map((one, i) => (one + all[2 * i + 2]) / 2)];
    this.points = odd(this.points);
    this.every *= 2;
    for (const net of this.nets) [net.losses, net.accuracies] = [means(net.losses), odd(net.accuracies)];
  }

  // Accuracy and loss on the test part, with the statistics of training where there are any.
  evaluate(net) {
    const { data: { test }, net: network } = this;
    const total = test.labels.length;
    network.base = net.at;
    let [right, loss] = [0, 0];
    for (let first = 0; first < total; first += network.batch) {
      const numbers = Array.from({ length: Math.min(network.batch, total - first) }, (_, i) => first + i);
      this.feed(test, numbers);
      network.forward(numbers.length, true);
      const seen = crossEntropy(this.memory.floats, network.output, test.labels, first, numbers.length);
      right += seen.right;
      loss += seen.loss * numbers.length;
    }
    return { accuracy: right / total, loss: loss / total };
  }
}
