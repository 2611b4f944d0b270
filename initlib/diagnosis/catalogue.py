"""All findings: what each means, its cause, how it is checked, where its threshold comes from, what to paste.

One source for the examination, the tests and the page by symptom.
"""

from dataclasses import dataclass

from initlib import checks

SEVERITIES = ("severe", "warning", "note")
ANY = "any optimizer"
HE_NETWORK = 'network = networks.mlp(widths, activation, "he_normal", seeds=[0])  # biases start at zero'
SGD = "SGD; Adam forgives small scales"
LARGE = "SGD; with Adam most such starts learn, though worse"
# Where no layer is known: else `cures` writes the law of each layer.
GAIN_LINES = (
    "for m in model.modules():\n    if isinstance(m, (torch.nn.Linear, torch.nn.Conv2d)):\n"
    "        std = initlib.theory.gain(activation) * m.weight[0].numel() ** -0.5\n"
    "        torch.nn.init.normal_(m.weight, std=std)"
)
SHORTCUTS = "# shortcuts and normalization, x = x + block(norm(x)), or fewer layers"


@dataclass(frozen=True)
class Entry:
    """One row: `symptom` in people's words, cause, check, tolerance with its source, lines of PyTorch, page.

    `holds` says for which optimizer the finding was established. `network` has the lines for a network of
    initlib, where they differ from PyTorch's.
    """

    code: str
    title: str
    symptom: str
    cause: str
    check: str
    tolerance: str
    source: str
    lines: str
    page: str
    holds: str = ANY
    network: str = ""

    def paste(self, framework: str) -> str:
        """Return the lines to paste in that framework.

        >>> CATALOGUE["identical-units"].paste("initlib")[:25]
        'network = networks.mlp(wi'
        """
        checks.text("framework", framework)
        return self.network if self.network and framework == "initlib" else self.lines


_ROWS = (
    Entry(
        "uninitialized",
        "Uninitialized memory",
        "The loss is nan, or training works on some days only.",
        "A parameter was made by torch.empty or torch.Tensor(n, m), and nothing filled it.",
        "Before anything runs: NaN, infinity, an entry above 1e6, or all entries below 1e-20.",
        "no entry of an initialized parameter is like that",
        "the number format",
        "torch.nn.init.xavier_normal_(parameter)",
        "reference/initializers",
        network="network.weights[0][...] = initializers.glorot_normal(network.weights[0].shape[1:], rng=0)",
    ),
    Entry(
        "identical-units",
        "Identical units",
        "The loss hardly moves; more units do not help.",
        "All units of a layer start with equal weights, get equal gradients, and stay equal.",
        "Equal rows of weights and equal gradients, after a step of gradient descent too (severe); or equal "
        "rows that are not zero (warning).",
        "exact; a zero last layer, or last layer of a branch, gets different gradients and is right",
        "zero-symmetry (C2)",
        "torch.nn.init.kaiming_normal_(layer.weight)",
        "techniques/zero",
        network=HE_NETWORK,
    ),
    Entry(
        "unregistered",
        "Weights that the model does not own",
        "Parameters are missing from model.parameters(); the loss falls little.",
        "Layers kept in a Python list, or made anew inside forward.",
        "A product with a trainable tensor that is not among model.parameters().",
        "exact",
        "the autograd graph",
        "self.layers = torch.nn.ModuleList(layers)",
        "",
    ),
    Entry(
        "unreached",
        "Weights that no gradient reaches",
        "Some layers never change.",
        "The graph is cut (detach, no_grad, .data, rounding), or the layer is never called.",
        "The gradient of the loss for a trainable parameter does not exist.",
        "exact",
        "the autograd graph",
        "# remove .detach(), .item() or no_grad() between the layer and the loss",
        "",
    ),
    Entry(
        "not-optimized",
        "Weights that the optimizer does not have",
        "The loss does not move at all, or a part of the net does not learn.",
        "The optimizer was made from other parameters, or before a layer was replaced; or its rate is 0.",
        "Trainable parameters with a gradient that stand in no group of the optimizer.",
        "exact",
        "optimizer.param_groups",
        "optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)",
        "",
    ),
    Entry(
        "no-gradient",
        "No gradient anywhere",
        "The loss stays where it is to the last digit.",
        "The output does not depend on the weights: a layer is off, or the output is constant.",
        "The gradient of every weight is exactly zero.",
        "exact",
        "the autograd graph",
        "# look at the first layer whose outputs are all equal",
        "why/why-initialization-matters",
    ),
    Entry(
        "one-unit-softmax",
        "Softmax over one unit",
        "The loss is constant, accuracy one half.",
        "Softmax over an axis of length 1 is the constant 1.",
        "A softmax whose output has length 1 along its axis.",
        "exact",
        "definition of softmax",
        "# one unit: torch.nn.BCEWithLogitsLoss() on the plain output, no softmax",
        "",
    ),
    Entry(
        "probabilities-as-logits",
        "Probabilities given to a loss that wants logits",
        "The loss stays near ln K or stops far above zero.",
        "A softmax or sigmoid stands before a loss that has its own.",
        "Rows that sum to 1, or a sigmoid's output, as the input of cross_entropy or of BCE with logits.",
        "exact",
        "the loss's definition",
        "# drop the softmax or sigmoid at the end: the loss has its own",
        "",
    ),
    Entry(
        "logits-as-probabilities",
        "Logits given to a loss that wants log-probabilities",
        "The loss is negative or falls without end.",
        "nll_loss takes log_softmax of the outputs, not the outputs.",
        "The input of nll_loss does not come out of a log_softmax.",
        "exact",
        "the loss's definition",
        "loss = torch.nn.functional.cross_entropy  # has its own log_softmax",
        "",
    ),
    Entry(
        "activation-last",
        "An activation behind the last layer",
        "nan, or the loss stops early; outputs never reach the targets.",
        "The output layer is followed by an activation that cannot give what the loss asks for.",
        "The function right before the loss is an activation whose range lacks targets or logits.",
        "exact, by the range of the activation and of the targets in this batch",
        "the loss's definition",
        "# drop the activation after the last layer",
        "",
    ),
    Entry(
        "softmax-inside",
        "Softmax as a hidden activation",
        "Learning is slow; deeper is worse.",
        "Softmax makes the units of a layer share one unit of signal: about 1 / n each.",
        "A softmax between two weight layers, outside attention.",
        "graph",
        "definition of softmax",
        "# torch.nn.ReLU() between layers; softmax belongs to the output",
        "pitfalls/ignoring-the-activation",
    ),
    Entry(
        "shape-broadcast",
        "Output and target are stretched to each other's shape",
        "The loss falls to the variance of the targets and stops.",
        "(N, 1) minus (N,) is an N x N table: every output is compared with every target.",
        "Shapes of different length whose difference has more entries than either.",
        "exact",
        "broadcasting rules",
        "loss(output.squeeze(-1), target)  # or target.unsqueeze(-1)",
        "",
    ),
    Entry(
        "labels",
        "Labels that cannot be learned from",
        "An index error, or accuracy 1 at once.",
        "Labels outside 0 ... K - 1, or one label only in the batch.",
        "Smallest and largest target of the batch.",
        "exact",
        "the targets",
        "loader = torch.utils.data.DataLoader(dataset, batch_size=64, shuffle=True)",
        "pitfalls/data-characteristics",
        network="order = np.random.default_rng(0).permutation(len(targets))\n"
        "inputs, targets = inputs[order], targets[order]  # of all the data, before batches are cut",
    ),
    Entry(
        "target-scale",
        "Targets far larger than the outputs",
        "The loss is huge and falls very slowly, or explodes.",
        "Outputs start at size 1, targets are orders of magnitude larger.",
        "Root mean square of the targets of a squared or absolute error.",
        "30 (warning), 1000 (severe): at Adam's rate 0.001 an output moves by 0.001 x units a step",
        "Adam's first step is rate x sign; LeCun et al. 1998, section 4.3",
        "targets = (targets - targets.mean()) / targets.std()",
        "pitfalls/data-characteristics",
    ),
    Entry(
        "input-scale",
        "Inputs of the wrong size",
        "The first layer is saturated; training is slow or unstable.",
        "Inputs were not standardized.",
        "Root mean square of the inputs, and what it does behind them.",
        "10, severe only with a consequence; 0.001 (warning)",
        "data-scale (C22)",
        "std = inputs.std(0)\ninputs = (inputs - inputs.mean(0)) / std.clamp_min(1e-8 * float(std.max()))",
        "pitfalls/data-characteristics",
        network="std = inputs.std(0, dtype=float)\n"
        "inputs = (inputs - inputs.mean(0)) / np.maximum(std, 1e-8 * std.max())",
    ),
    Entry(
        "inputs-alike",
        "The inputs themselves are nearly alike",
        "The net gives the same answer for every input.",
        "A large common part, like a fixed background or offset, and the net does not take it away.",
        "1 - cosine between samples, at the input and behind each layer.",
        "0.05 at the input and at the last hidden layer: less than 5 % of the size differs",
        "a choice; natural pictures have 0.1 to 0.3, unrelated inputs 1",
        "inputs = inputs - mean_of_training_inputs",
        "pitfalls/data-characteristics",
    ),
    Entry(
        "no-nonlinearity",
        "Layers with nothing nonlinear between them",
        "Accuracy stops at that of a linear model.",
        "Two weight layers in a row are one linear map.",
        "No activation, normalisation over units, attention or sum between two full-rank weight layers.",
        "graph; low-rank pairs are left alone",
        "linear algebra",
        "torch.nn.Sequential(torch.nn.Linear(a, b), torch.nn.ReLU(), torch.nn.Linear(b, c))",
        "pitfalls/ignoring-the-activation",
        network='network = networks.mlp(widths, "relu", "he_normal", seeds=[0])',
    ),
    Entry(
        "signal-explodes",
        "The signal explodes",
        "The first loss is 300; nan after a few steps.",
        "Every layer multiplies the signal by more than 1.",
        "log2 of the root mean square of a hidden layer over that of the input or the last normalisation.",
        "octaves that plain ReLU nets of this depth bear at their best learning rate",
        "depth-tolerance (C14)",
        GAIN_LINES,
        "pitfalls/large-values",
        LARGE,
        network=SHORTCUTS,
    ),
    Entry(
        "stream-grows",
        "The residual stream grows from block to block",
        "nan after a few steps in a net with shortcuts and without normalisation.",
        "Each branch adds s^2 to a mean square of 1: after L blocks (1 + s^2)^L.",
        "Mean square of the stream behind each sum.",
        "octaves that plain ReLU nets of this depth bear at their best learning rate",
        "rules-prevent (R13), depth-tolerance (C14)",
        "for block in model.blocks:  # or branches times len(model.blocks) ** -0.5\n"
        "    torch.nn.init.zeros_(block.last_layer.weight)",
        "practices/architecture-and-size",
        LARGE,
        network="# branches that start at 0: variant='zero_last'",
    ),
    Entry(
        "signal-vanishes",
        "The signal vanishes",
        "The loss stays at ln K.",
        "Every layer multiplies the signal by less than 1.",
        "log2 of the root mean square of a hidden layer over that of the input or the last normalisation.",
        "octaves that plain ReLU nets of this depth bear at their best learning rate",
        "depth-tolerance (C14)",
        GAIN_LINES,
        "techniques/he",
        SGD,
        network=SHORTCUTS,
    ),
    Entry(
        "gradient-explodes",
        "The gradient explodes on its way back",
        "nan after a few steps.",
        "Every layer multiplies the gradient by more than 1.",
        "log2 of the gradient's norm behind the first layer over that behind the last.",
        "as for the signal",
        "depth-tolerance (C14)",
        GAIN_LINES,
        "pitfalls/large-values",
        LARGE,
        network=SHORTCUTS,
    ),
    Entry(
        "gradient-vanishes",
        "The gradient vanishes on its way back",
        "The first layers have no gradient.",
        "Every layer multiplies the gradient by less than 1.",
        "log2 of the gradient's norm behind the first layer over that behind the last.",
        "as for the signal",
        "depth-tolerance (C14)",
        GAIN_LINES,
        "techniques/xavier",
        SGD,
        network=SHORTCUTS,
    ),
    Entry(
        "gradient-tiny",
        "Gradients too small for the number format or the optimizer",
        "Some layers never change, in float16 or with Adam.",
        "Below 6.1e-5 float16 loses digits, below 6e-8 all; below 1e-8 Adam's epsilon shrinks the step.",
        "Root mean square of the gradient of a weight.",
        "6.1e-5 (float16), 1e-8 (Adam)",
        "the number format; Kingma & Ba 2015, algorithm 1",
        "scaler = torch.amp.GradScaler()  # float16; with Adam: scale the loss or the layers' weights",
        "practices/choose-by-activation",
        "float16, Adam",
        network="# multiply the loss by 1000: Adam's steps do not depend on it",
    ),
    Entry(
        "inputs-merge",
        "Different inputs become alike",
        "The loss stays at ln K although the signal has a good size.",
        "Biases or a contracting activation outweigh what differs between the inputs.",
        "ln of (1 - cosine) behind the last hidden layer over that at the first.",
        "-3.6 (warning), -9.5 (severe): nets train up to 7.2 depth scales, each a factor e",
        "trainable-depth (R8), doctor-severity (D1)",
        GAIN_LINES,
        "practices/biases",
        SGD,
        network=SHORTCUTS,
    ),
    Entry(
        "too-narrow",
        "The right law, but too narrow for its depth",
        "Training works with some seeds only.",
        "Chance: the logarithm of the signal wanders by sum 1/n, n the widths.",
        "Signal outside the tolerance although every layer has the variance it asks for.",
        "as for the signal",
        "width-fluctuations (R11)",
        "# wider layers, or " + SHORTCUTS[2:],
        "practices/architecture-and-size",
    ),
    Entry(
        "sine-first-layer",
        "The first sine layer has the wrong law",
        "It trains, but slowly and without fine detail.",
        "The first layer of a sine net asks for U(-1/fan_in, 1/fan_in), not for the hidden layers' rule.",
        "Variance of the first layer over that of its rule.",
        "a factor 10 in variance",
        "Sitzmann et al. 2020, arXiv:2006.09661, section 3.2",
        "torch.nn.init.uniform_(first.weight, -1 / first.in_features, 1 / first.in_features)",
        "conclusion/which-initialization",
    ),
    Entry(
        "fan-out",
        "Drawn by fan_out",
        "",
        "The variance follows the outputs of the layers: it keeps the gradient, and the signal drifts where "
        "widths change.",
        "Variance, kurtosis and bound of most layers that are not square fit 2 / fan_out, and no rule of "
        "fan_in.",
        "5 standard errors",
        "sampling error of a variance; he2015, section 2.2",
        "torch.nn.init.kaiming_normal_(layer.weight, mode='fan_in')",
        "techniques/he",
    ),
    Entry(
        "odd-layer",
        "One layer differs from its siblings",
        "",
        "One layer was drawn with another scale than the others.",
        "Standard deviation against the law that most layers share.",
        "a factor 1.1, and beyond what chance does in 1 of 1,000 nets",
        "chi^2 law of a sampled variance",
        "torch.nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')",
        "reference/initializers",
    ),
    Entry(
        "dead-units",
        "Units that are off for every input",
        "The loss falls, then stops; part of the net is silent.",
        "Large negative biases or inputs on one side.",
        "Share of units at zero for all samples, minus what chance explains at the measured cosine.",
        "0.5 (warning), 0.9 (severe), and 5 binomial standard errors",
        "orthant probability of equally correlated normals",
        "torch.nn.init.zeros_(layer.bias)",
        "practices/biases",
        network="network.biases[0][...] = 0",
    ),
    Entry(
        "saturation",
        "Saturated units",
        "The loss hardly moves from the first step on.",
        "Pre-activations are so large that the activation is flat.",
        "Share of outputs where the slope is at most 5 % of the steepest.",
        "0.5 (warning), 0.9 (severe)",
        "sigmoid-saturation (R2)",
        "torch.nn.init.xavier_normal_(layer.weight)",
        "pitfalls/ignoring-the-activation",
    ),
    Entry(
        "gate-shut",
        "Gates that are shut at the start",
        "A recurrent net remembers nothing, or nothing gets into it.",
        "Biases of a gate are so large that it starts at 0, where its slope is 0 too.",
        "What half of the units let through, from the biases of each gate and the length of the sequence.",
        "1.3 %: there a sigmoid has 5 % of its steepest slope",
        "forget-bias (R25); a sigmoid's slope",
        "torch.nn.init.zeros_(lstm.bias_hh_l0)\ntorch.nn.init.zeros_(lstm.bias_ih_l0)",
        "beyond/recurrent-nets",
        network="network.biases[0][...] = 0",
    ),
    Entry(
        "first-loss",
        "The first loss is far above chance",
        "The first loss is 300 where ln K was announced.",
        "The logits start large: a large last layer, a tied embedding, or a large signal.",
        "First loss over ln K.",
        "2 ln K (warning), 10 ln K (severe)",
        "a softmax whose logits have variance above 2 ln K sits on one class; doctor-severity (D1)",
        "torch.nn.init.normal_(head.weight, std=0.02)",
        "pitfalls/large-values",
        LARGE,
        network="network.weights[-1][...] = 0  # zero is right for a last layer",
    ),
    Entry(
        "summed-loss",
        "The loss is summed over the batch",
        "The first loss is batch size x ln K.",
        'reduction="sum" makes the gradient, and so the step, batch-size times as large.',
        "A loss with reduction='sum', or of ln K x batch size from outputs of size below 2.",
        "exact",
        "the loss's definition",
        'loss = torch.nn.CrossEntropyLoss(reduction="mean")',
        "",
        "SGD",
    ),
    Entry(
        "attention-one-hot",
        "Attention looks at one place only",
        "Attention layers get no gradient.",
        "The logits q . k start large: 1/sqrt(d) is missing, or queries and keys are too large.",
        "Entropy of the attention weights over ln(positions).",
        "0.3",
        "vaswani2017, section 3.2.1",
        "torch.nn.functional.scaled_dot_product_attention(q, k, v)",
        "conclusion/which-initialization",
    ),
    Entry(
        "learning-rate",
        "The learning rate is too high",
        "The loss rises or jumps from the first step on.",
        "The first step overshoots: it raises the loss that it should lower.",
        "Actual over predicted decrease of the loss after the optimizer's first step.",
        "SGD: 0 (severe), 0.05 (warning); Adam: -2 (severe), 0 (warning)",
        "digits, 4 and 8 ReLU layers: 22 of 24 runs below 0 with SGD, 9 of 9 below -2 with Adam failed",
        "optimizer = torch.optim.SGD(model.parameters(), lr=rate)",
        "pitfalls/large-values",
    ),
    Entry(
        "rate-may-be-higher",
        "The learning rate may be much higher",
        "The loss falls, but very slowly.",
        "The first step changes next to nothing.",
        "Actual over predicted decrease of the loss after the optimizer's first step.",
        "0.98, for SGD",
        "digits, 4 and 8 ReLU layers, SGD: rates with 0.98 and more had barely moved after 5 epochs",
        "optimizer = torch.optim.SGD(model.parameters(), lr=10 * rate)",
        "pitfalls/large-values",
        "SGD",
    ),
    Entry(
        "not-at-start",
        "The model is not at its initialization",
        "",
        "It was trained or loaded: what theory says of random weights need not hold.",
        "The optimizer has state, or the loss is 7 standard deviations off that of shuffled weights.",
        "7 of 12 shuffles' standard deviations",
        "no fresh net of 120 went beyond",
        "",
        "",
    ),
    Entry(
        "not-finite",
        "The output is not finite",
        "The loss is nan at the first step.",
        "Some operation overflows or divides by zero although inputs and weights are finite.",
        "The first operation with a NaN or infinite output.",
        "exact",
        "the number format",
        "",
        "pitfalls/large-values",
    ),
)

CATALOGUE: dict[str, Entry] = {entry.code: entry for entry in _ROWS}
