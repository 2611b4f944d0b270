// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows layers: each runs forward and back over signals in the memory of its net, and cross-entropy above them all.

const EPSILON = 1e-5; // of normalisations, as in initlib
const MEMORY = 0.1; // how fast batch normalisation's running statistics follow

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
    transpose(floats, turned, floats, base + weight.at, x.units, y.units, x.columns, y.columns);
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

// y = gain (x - mean) / sqrt(variance + EPSILON) + offset. The two kinds differ in what a mean is taken over: entry (i, j)
// belongs to the mean of its unit j or of its sample i.
class Normalise {
  constructor(net, x, y, [gain, offset, mean, variance], adds) {
    Object.assign(this, { net, x, y, gain, offset, mean, variance, adds });
    const groups = Math.max(net.batch, x.units);
    [this.means, this.inverses, this.shifts, this.tilts] = [0, 0, 0, 0].map(() => new Float64Array(groups));
    this.normal = new Float32Array(net.batch * x.columns);
  }

  statistics(count) {
    const { net: { memory: { floats } }, x: { at, units, columns }, means, inverses, byUnit } = this;
    const size = byUnit ? count : units;
    means.fill(0);
    inverses.fill(0);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < units; j++) means[byUnit ? j : i] += floats[at + i * columns + j] / size;
    }
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < units; j++) {
        const group = byUnit ? j : i;
        inverses[group] += (floats[at + i * columns + j] - means[group]) ** 2 / size;
      }
    }
  }

  forward(count, evaluating) {
    const { net: { memory: { floats }, base }, x, y, gain, offset, means, inverses, normal, byUnit } = this;
    const { units, columns } = x;
    this.measure(count, evaluating, floats);
    for (let group = 0; group < inverses.length; group++) {
      inverses[group] = 1 / Math.sqrt(inverses[group] + EPSILON);
    }
    for (let i = 0; i < count; i++) {
      for (let j = 0, entry = i * columns; j < units; j++, entry++) {
        const group = byUnit ? j : i;
        normal[entry] = (floats[x.at + entry] - means[group]) * inverses[group];
        floats[y.at + entry] = floats[base + gain.at + j] * normal[entry] + floats[base + offset.at + j];
      }
    }
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
      byUnit,
      adds,
    } = this;
    const { units, columns } = x;
    const size = byUnit ? count : units;
    shifts.fill(0);
    tilts.fill(0);
    floats.fill(0, gradients + gain.at, gradients + gain.at + gain.columns);
    floats.fill(0, gradients + offset.at, gradients + offset.at + offset.columns);
    for (let i = 0; i < count; i++) {
      for (let j = 0, entry = i * columns; j < units; j++, entry++) {
        const group = byUnit ? j : i;
        const back = floats[y.grad + entry];
        const inner = back * floats[base + gain.at + j];
        shifts[group] += inner / size;
        tilts[group] += (inner * normal[entry]) / size;
        floats[gradients + gain.at + j] += back * normal[entry];
        floats[gradients + offset.at + j] += back;
      }
    }
    for (let i = 0; i < count; i++) {
      for (let j = 0, entry = i * columns; j < units; j++, entry++) {
        const group = byUnit ? j : i;
        const inner = floats[y.grad + entry] * floats[base + gain.at + j];
        const back = inverses[group] * (inner - shifts[group] - normal[entry] * tilts[group]);
        floats[x.grad + entry] = adds ? floats[x.grad + entry] + back : back;
      }
    }
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
