// Knows networks: layers that run forward and back over signals in one memory. All nets of an arm share the layers and
// their signals; each has its own parameters, one block of numbers that `layers.load` points to.

const EPSILON = 1e-5; // of normalisations, as in initlib
const MEMORY = 0.1; // how fast batch normalisation's running statistics follow

// The plan of a net: its weight layers (fanIn, fanOut) and, with shortcuts, the number of blocks of two layers.
function planOf({ depth, width, shortcut }, inputs, classes) {
  const blocks = shortcut === "none" ? 0 : Math.max(1, Math.floor((depth - 2) / 2));
  const layers = shortcut === "none" ? depth : 2 * blocks + 2;
  const widths = [inputs, ...Array(layers - 1).fill(width), classes];
  return { blocks, widths, shapes: widths.slice(1).map((out, i) => [widths[i], out]) };
}

class Network {
  constructor(memory, settings, inputs, classes, batch) {
    Object.assign(this, { memory, batch, settings, plan: planOf(settings, inputs, classes) });
    this.size = 0; // of a net's block of parameters
    this.slots = [];
    this.layers = [];
    this.pre = []; // the signals that are measured: before each activation, or the stream
    this.base = 0; // where the loaded net's parameters begin
    this.turned = memory.take(
      pad(Math.max(settings.width, inputs), 8) * pad(Math.max(settings.width, classes, inputs), 8),
    );
    this.input = this.signal(inputs);
    this.output = this.build();
    this.gradients = memory.take(this.size);
  }

  signal(units) {
    const columns = pad(units, 8);
    const [at, grad] = [0, 0].map(() => this.memory.take(pad(this.batch, 4) * columns));
    return { at, grad, units, columns };
  }

  slot(kind, rows, units, init = 0) {
    const columns = pad(units, 8);
    const slot = { kind, at: this.size, rows, units, columns, init };
    this.size += pad(rows, 4) * columns;
    this.slots.push(slot);
    return slot;
  }

  build() {
    const { shapes, blocks } = this.plan;
    const { shortcut } = this.settings;
    if (!blocks) {
      return shapes.reduce((x, shape, i) => {
        let y = this.dense(x, shape);
        const last = i === shapes.length - 1;
        if (!last) y = this.normalised(y);
        this.pre.push(y);
        return last ? y : this.activate(y);
      }, this.input);
    }
    let stream = this.dense(this.input, shapes[0]);
    this.pre.push(stream);
    for (let block = 0; block < blocks; block++) {
      const first = this.activate(this.normalised(stream, true), !this.normalises);
      const inside = this.activate(this.normalised(this.dense(first, shapes[1])));
      const branch = this.dense(inside, shapes[1], shortcut === "zero_last");
      stream = this.join(stream, branch, shortcut === "scaled" ? blocks ** -0.5 : 1);
      this.pre.push(stream);
    }
    const output = this.dense(this.activate(this.normalised(stream)), shapes.at(-1));
    this.pre.push(output);
    return output;
  }

  get normalises() {
    return this.settings.normalisation !== "none";
  }

  // Each of these adds a layer behind the signal x and returns its output. With `adds`, x has another reader, and the
  // gradient is added to what that one left.
  dense(x, [fanIn, fanOut], zero = false) {
    const weight = Object.assign(this.slot("weight", fanIn, fanOut), { zero });
    const bias = this.slot("bias", 1, fanOut);
    return this.add(new Dense(this, x, this.signal(fanOut), weight, bias));
  }

  normalised(x, adds = false) {
    if (!this.normalises) return x;
    const batch = this.settings.normalisation === "batch";
    const own = [["gain", 1], ["offset", 0], ...(batch ? [["mean", 0], ["variance", 1]] : [])];
    const slots = own.map(([kind, init]) => this.slot(kind, 1, x.units, init));
    const Kind = batch ? BatchNormalise : LayerNormalise;
    return this.add(new Kind(this, x, this.signal(x.units), slots, adds));
  }

  activate(x, adds = false) {
    return this.add(new Activate(this, x, this.signal(x.units), ACTIVATIONS[this.settings.activation], adds));
  }

  join(stream, branch, scale) {
    return this.add(new Join(this, stream, branch, this.signal(stream.units), scale));
  }

  add(layer) {
    this.layers.push(layer);
    return layer.y;
  }

  forward(count, evaluating = false) {
    for (const layer of this.layers) layer.forward(count, evaluating);
  }

  // From the gradient in `output.grad` to `gradients`, a block like the parameters'.
  backward(count) {
    for (let i = this.layers.length - 1; i >= 0; i--) this.layers[i].backward(count, i > 0);
  }

  // Draw the parameters of a net by its seed into a new block; return where it begins.
  draw(rules, seed) {
    const base = this.memory.take(this.size);
    const x = this.memory.floats;
    let layer = -1;
    for (const { kind, at, rows, units, columns, init, zero } of this.slots) {
      if (kind === "weight") layer++;
      const [fanIn, fanOut] = this.plan.shapes[Math.max(layer, 0)];
      const drawn = kind === "weight" && !zero
        ? drawWeights(rules, this.settings, seed, layer, fanIn, fanOut)
        : kind === "bias" && drawBiases(rules, this.settings, seed, layer, fanIn, fanOut);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < units; j++) x[base + at + i * columns + j] = drawn ? drawn[i * units + j] : init;
      }
    }
    return base;
  }
}

class Dense { // y = x W + b
  constructor(net, x, y, weight, bias) {
    Object.assign(this, { net, x, y, weight, bias });
  }

  forward(count) {
    const { net: { memory, base }, x, y, weight, bias } = this;
    memory.multiply(y.at, x.at, base + weight.at, count, x.units, y.columns, x.columns, 1);
    const floats = memory.floats;
    const from = base + bias.at;
    for (let i = 0, at = y.at; i < count; i++) {
      for (let j = 0; j < y.columns; j++) floats[at++] += floats[from + j];
    }
  }

  backward(count, needed) {
    const { net: { memory, base, gradients, turned }, x, y, weight, bias } = this;
    const floats = memory.floats;
    memory.multiply(gradients + weight.at, x.at, y.grad, x.units, count, y.columns, 1, x.columns);
    const sums = floats.subarray(gradients + bias.at, gradients + bias.at + y.columns).fill(0);
    for (let i = 0, at = y.grad; i < count; i++) {
      for (let j = 0; j < y.columns; j++) sums[j] += floats[at++];
    }
    if (!needed) return;
    transpose(floats, turned, base + weight.at, x.units, y.units, x.columns, y.columns);
    for (let j = 0; j < y.units; j++) {
      floats.fill(0, turned + j * x.columns + x.units, turned + (j + 1) * x.columns);
    }
    memory.multiply(x.grad, y.grad, turned, count, y.units, x.columns, y.columns, 1);
  }
}

class Activate { // y = phi(x)
  constructor(net, x, y, [phi, slope], adds) {
    Object.assign(this, { net, x, y, phi, slope, adds });
  }

  forward(count) {
    const { net: { memory: { floats } }, x, y, phi } = this;
    const size = count * x.columns;
    for (let i = 0; i < size; i++) floats[y.at + i] = phi(floats[x.at + i]);
  }

  backward(count) {
    const { net: { memory: { floats } }, x, y, slope, adds } = this;
    const size = count * x.columns;
    for (let i = 0; i < size; i++) {
      const back = floats[y.grad + i] * slope(floats[x.at + i], floats[y.at + i]);
      floats[x.grad + i] = adds ? floats[x.grad + i] + back : back;
    }
  }
}

class Join { // y = x + scale branch
  constructor(net, x, branch, y, scale) {
    Object.assign(this, { net, x, branch, y, scale });
  }

  forward(count) {
    const { net: { memory: { floats } }, x, branch, y, scale } = this;
    const size = count * x.columns;
    for (let i = 0; i < size; i++) floats[y.at + i] = floats[x.at + i] + scale * floats[branch.at + i];
  }

  backward(count) {
    const { net: { memory: { floats } }, x, branch, y, scale } = this;
    const size = count * x.columns;
    for (let i = 0; i < size; i++) {
      floats[x.grad + i] = floats[y.grad + i];
      floats[branch.grad + i] = scale * floats[y.grad + i];
    }
  }
}

// y = gain (x - mean) / sqrt(variance + EPSILON) + offset. The two kinds differ in what a mean is taken over: `group` says
// to which mean entry (i, j) belongs.
class Normalise {
  constructor(net, x, y, [gain, offset, mean, variance], adds) {
    Object.assign(this, { net, x, y, gain, offset, mean, variance, adds });
    const groups = Math.max(net.batch, x.units);
    [this.means, this.inverses, this.shifts, this.tilts] = [0, 0, 0, 0].map(() => new Float64Array(groups));
    this.normal = new Float32Array(net.batch * x.units);
  }

  // Calls visit(entry in x, group, unit, number of the entry) for all entries.
  each(count, visit) {
    const { x: { units, columns } } = this;
    for (let i = 0, at = 0; i < count; i++) {
      for (let j = 0; j < units; j++, at++) visit(i * columns + j, this.byUnit ? j : i, j, at);
    }
  }

  statistics(count) {
    const { net: { memory: { floats } }, x, means, inverses } = this;
    const size = this.byUnit ? count : x.units;
    means.fill(0);
    inverses.fill(0);
    this.each(count, (entry, group) => (means[group] += floats[x.at + entry] / size));
    this.each(
      count,
      (entry, group) => (inverses[group] += (floats[x.at + entry] - means[group]) ** 2 / size),
    );
  }

  forward(count, evaluating) {
    const { net: { memory: { floats }, base }, x, y, gain, offset, means, inverses, normal } = this;
    this.measure(count, evaluating, floats);
    for (let group = 0; group < inverses.length; group++) {
      inverses[group] = 1 / Math.sqrt(inverses[group] + EPSILON);
    }
    this.each(count, (entry, group, unit, at) => {
      normal[at] = (floats[x.at + entry] - means[group]) * inverses[group];
      floats[y.at + entry] = floats[base + gain.at + unit] * normal[at] + floats[base + offset.at + unit];
    });
  }

  backward(count) {
    const {
      net: { memory: { floats }, base, gradients },
      x,
      y,
      gain,
      offset,
      inverses,
      shifts,
      tilts,
      normal,
    } = this;
    const size = this.byUnit ? count : x.units;
    shifts.fill(0);
    tilts.fill(0);
    floats.fill(0, gradients + gain.at, gradients + gain.at + gain.columns);
    floats.fill(0, gradients + offset.at, gradients + offset.at + offset.columns);
    this.each(count, (entry, group, unit, at) => {
      const back = floats[y.grad + entry];
      const inner = back * floats[base + gain.at + unit];
      shifts[group] += inner / size;
      tilts[group] += (inner * normal[at]) / size;
      floats[gradients + gain.at + unit] += back * normal[at];
      floats[gradients + offset.at + unit] += back;
    });
    this.each(count, (entry, group, unit, at) => {
      const inner = floats[y.grad + entry] * floats[base + gain.at + unit];
      const back = inverses[group] * (inner - shifts[group] - normal[at] * tilts[group]);
      floats[x.grad + entry] = this.adds ? floats[x.grad + entry] + back : back;
    });
  }
}

class LayerNormalise extends Normalise {
  byUnit = false;
  measure(count) {
    this.statistics(count);
  }
}

class BatchNormalise extends Normalise {
  byUnit = true;
  measure(count, evaluating, floats) {
    const { net: { base }, means, inverses, mean, variance } = this;
    if (evaluating) {
      for (let j = 0; j < mean.units; j++) {
        [means[j], inverses[j]] = [floats[base + mean.at + j], floats[base + variance.at + j]];
      }
      return;
    }
    this.statistics(count);
    if (!this.net.training) return;
    const follow = (at, value) => (floats[at] += MEMORY * (value - floats[at]));
    for (let j = 0; j < mean.units; j++) {
      follow(base + mean.at + j, means[j]);
      follow(base + variance.at + j, (inverses[j] * count) / Math.max(count - 1, 1));
    }
  }
}

// The mean softmax cross-entropy of `count` outputs, how many are right, and the gradient at the outputs.
function crossEntropy(floats, { at, grad, units, columns }, labels, first, count) {
  let [loss, right] = [0, 0];
  for (let i = 0; i < count; i++) {
    const row = at + i * columns;
    let best = 0;
    for (let j = 1; j < units; j++) if (floats[row + j] > floats[row + best]) best = j;
    const most = floats[row + best];
    let total = 0;
    for (let j = 0; j < units; j++) total += Math.exp(floats[row + j] - most);
    const label = labels[first + i];
    loss += Math.log(total) + most - floats[row + label];
    if (best === label) right++;
    for (let j = 0; j < units; j++) {
      const share = Math.exp(floats[row + j] - most) / total;
      floats[grad + i * columns + j] = (share - (j === label ? 1 : 0)) / count;
    }
  }
  return { loss: loss / count, right };
}
