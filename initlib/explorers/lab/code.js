// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows how to write a run down: with initlib, and with PyTorch.

const { planOf, unpack, bytesOf, RANGE } = makeEngine();

const epochsOf = (steps, { batch }, samples) => Math.max(1, Math.ceil((steps * batch) / samples));

// How initlib and PyTorch draw the weights and biases of an arm. `law` is scale / fan for a mode.
function lawOf({ init, size, scale, activation }, { initializers, critical }) {
  if (init === "constant") return { family: "constant", value: size * scale };
  if (init === "normal") return { family: "normal", std: size * scale };
  if (init === "orthogonal") return { family: "orthogonal", gain: scale };
  const squared = (factor) => Number((factor * scale ** 2).toPrecision(6));
  if (init === "critical") {
    return { family: "scaled", law: "normal", mode: "fan_in", factor: squared(critical[activation] ** 2) };
  }
  const { law, fans: [perIn, perOut] } = initializers[init];
  if (!perIn) return { family: "constant", value: 0 };
  return {
    family: "scaled",
    law,
    mode: perOut ? "fan_avg" : "fan_in",
    factor: squared(1 / (perIn + perOut)),
  };
}

function initlibWeights(law) {
  return {
    constant: `partial(initializers.constant, value=${law.value})`,
    normal: `partial(initializers.normal, std=${law.std})`,
    orthogonal: `partial(initializers.orthogonal, gain=${law.gain})`,
    scaled:
      `partial(initializers.variance_scaling, scale=${law.factor}, mode="${law.mode}", distribution="${law.law}")`,
  }[law.family];
}

function initlibBiases({ bias, biasSize, init }, { initializers }) {
  if (bias === "constant") return `partial(initializers.constant, value=${biasSize})`;
  if (bias === "random") return `partial(initializers.normal, std=${biasSize})`;
  const own = bias === "default" && initializers[init]?.biases;
  if (!own) return '"zeros"';
  const bound = `(${Number((3 * own).toPrecision(6))} / n) ** 0.5`;
  return `[[partial(initializers.uniform, low=-${bound}, high=${bound}) for n in fans]] * len(seeds)`;
}

function asInitlib({ arms, shared }, rules, { data, steps }) {
  const { inputs, classes, samples } = data;
  const plan = arms.map((arm) => planOf(arm, inputs, classes));
  const source = shared.data === "digits" ? "datasets.digits()" : `data.get("${shared.data}")`;
  const parts = arms.map((arm, i) => {
    const { depth, width, activation, normalisation, shortcut, optimizer, rate } = arm;
    const { widths, blocks } = plan[i];
    const shape = shortcut === "none"
      ? `networks.mlp(\n    (${inputs}, ${`*[${width}] * ${depth - 1}, `}${classes}),\n    "${activation}",`
      : `networks.residual(\n    (${inputs}, ${width}, ${classes}),\n    ${blocks},\n    "${activation}",`;
    return `# ${"AB"[i]}
fans = ${JSON.stringify(widths.slice(0, -1))}
stack = ${shape}
    ${initlibWeights(lawOf(arm, rules))},
    seeds=seeds,
    bias_initializer=${initlibBiases(arm, rules)},${shortcut === "none" ? "" : `\n    variant="${shortcut}",`}
    normalisation=${normalisation === "none" ? "None" : `"${normalisation}"`},
)
fit = training.fit(
    stack, split, optimizer="${optimizer}", learning_rate=${rate}, epochs=${
      epochsOf(steps, shared, samples)
    }, batch_size=${shared.batch}
)
print("${"AB"[i]}", fit.test_accuracy[:, -1])
`;
  });
  return `from functools import partial

from initlib import datasets, initializers, networks, training
${shared.data === "digits" ? "" : "from initlib.explorers.lab import data\n"}
seeds = range(${shared.seeds})
split = ${source}.split(0)

${parts.join("\n")}`;
}

function torchWeights(law) {
  if (law.family === "constant") return `nn.init.constant_(weight, ${law.value})`;
  if (law.family === "normal") return `nn.init.normal_(weight, std=${law.std})`;
  if (law.family === "orthogonal") return `nn.init.orthogonal_(weight, gain=${law.gain})`;
  const std = `(${law.factor} / ${law.mode === "fan_in" ? "fan_in" : "((fan_in + fan_out) / 2)"}) ** 0.5`;
  if (law.law === "uniform") return `nn.init.uniform_(weight, -(3 ** 0.5) * ${std}, 3 ** 0.5 * ${std})`;
  if (law.law === "normal") return `nn.init.normal_(weight, std=${std})`;
  return `wide = ${std} / 0.87962566\n    nn.init.trunc_normal_(weight, std=wide, a=-2 * wide, b=2 * wide)`;
}

function torchBiases({ bias, biasSize, init }, { initializers }) {
  if (bias === "constant") return `nn.init.constant_(layer.bias, ${biasSize})`;
  if (bias === "random") return `nn.init.normal_(layer.bias, std=${biasSize})`;
  const own = bias === "default" && initializers[init]?.biases;
  return own
    ? "nn.init.uniform_(layer.bias, -(fan_in ** -0.5), fan_in ** -0.5)"
    : "nn.init.zeros_(layer.bias)";
}

const TORCH = {
  identity: "nn.Identity()",
  relu: "nn.ReLU()",
  leaky_relu: "nn.LeakyReLU()",
  tanh: "nn.Tanh()",
  sigmoid: "nn.Sigmoid()",
  gelu: "nn.GELU()",
  silu: "nn.SiLU()",
  selu: "nn.SELU()",
  elu: "nn.ELU()",
  softplus: "nn.Softplus()",
  softsign: "nn.Softsign()",
  hard_tanh: "nn.Hardtanh()",
};
const TORCH_OPTIMIZERS = {
  sgd: "SGD(P, lr=R)",
  momentum: "SGD(P, lr=R, momentum=0.9)",
  adam: "Adam(P, lr=R)",
};

// The body of build() for an arm: a list of modules, with or without shortcuts.
function torchModules(arm, inputs, classes) {
  const { widths, blocks } = planOf(arm, inputs, classes);
  const { width } = arm;
  const norm =
    { none: "", batch: `nn.BatchNorm1d(${width}), `, layer: `nn.LayerNorm(${width}), ` }[arm.normalisation];
  const phi = `${norm}${TORCH[arm.activation]}`;
  if (!blocks) {
    const hidden = widths.slice(1, -1).map((out, i) => `        nn.Linear(${widths[i]}, ${out}), ${phi},\n`);
    return `    return nn.Sequential(\n${hidden.join("")}        nn.Linear(${
      widths.at(-2)
    }, ${classes}),\n    )`;
  }
  const scale = arm.shortcut === "scaled" ? ` ${blocks} ** -0.5 *` : "";
  return `    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch = nn.Sequential(
                ${phi}, nn.Linear(${width}, ${width}), ${phi}, nn.Linear(${width}, ${width})
            )

        def forward(self, x):
            return x +${scale} self.branch(x)

    blocks = [Block() for _ in range(${blocks})]
    return nn.Sequential(nn.Linear(${inputs}, ${width}), *blocks, ${phi}, nn.Linear(${width}, ${classes}))`;
}

const PLANE_SETS = {
  spirals: `rng = np.random.default_rng(0)
radius = np.sqrt(rng.uniform(0.01, 1, 300))
y = np.arange(300) % 2
angle = 3 * np.pi * radius + np.pi * y
x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.04 * rng.standard_normal((300, 2))`,
  circles: `rng = np.random.default_rng(0)
y = np.arange(300) % 2
radius = np.where(y == 1, 0.9, 0.4) + 0.06 * rng.standard_normal(300)
angle = rng.uniform(0, 2 * np.pi, 300)
x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)`,
  digits: "x, y = load_digits(return_X_y=True)",
};

function asTorch({ arms, shared }, rules, { data, steps }) {
  const parts = arms.map((arm, i) => {
    const zero = arm.shortcut === "zero_last"
      ? '\n    for block in model[1:-2]:\n        if hasattr(block, "branch"):\n            nn.init.zeros_(block.branch[-1].weight)'
      : "";
    return `def init_${"ab"[i]}(layer):
    weight, (fan_out, fan_in) = layer.weight, layer.weight.shape
    ${torchWeights(lawOf(arm, rules))}
    ${torchBiases(arm, rules)}


def build_${"ab"[i]}():
${torchModules(arm, data.inputs, data.classes)}


def start_${"ab"[i]}():
    model = build_${"ab"[i]}()
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            init_${"ab"[i]}(layer)${zero}
    return model, torch.optim.${
      TORCH_OPTIMIZERS[arm.optimizer].replace("P", "model.parameters()").replace("R", arm.rate)
    }
`;
  });
  const digits = shared.data === "digits";
  return `import torch
from torch import nn
${digits ? "from sklearn.datasets import load_digits" : "import numpy as np"}

${PLANE_SETS[shared.data]}
torch.manual_seed(0)
order = torch.randperm(len(y))
x, y = torch.tensor(x, dtype=torch.float32)[order], torch.tensor(y)[order]
cut = len(y) // 5
x = (x - x[cut:].mean()) / x[cut:].std()


${parts.join("\n\n")}

for name, start in (("A", start_a), ("B", start_b)):
    for seed in range(${shared.seeds}):
        torch.manual_seed(seed)
        model, optimizer = start()
        for epoch in range(${epochsOf(steps, shared, data.samples)}):
            for batch in torch.randperm(len(y) - cut).split(${shared.batch}):
                loss = nn.functional.cross_entropy(model(x[cut:][batch]), y[cut:][batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        model.eval()
        print(name, seed, (model(x[:cut]).argmax(1) == y[:cut]).float().mean().item())
`;
}
