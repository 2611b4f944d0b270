// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows networks: layers that run forward and back over signals in one memory. All nets of an arm share the layers and
// their signals; each has its own parameters, one block of numbers to which `base` points.

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

  // Draw the parameters of a net by its seed into its block, layer by layer.
  *draw(rules, seed, base) {
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
      yield;
    }
  }
}
