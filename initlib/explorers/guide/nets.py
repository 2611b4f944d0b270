"""What the guide asks for: networks by the names that people use, and what can be said of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from initlib import activations
from initlib.recommendation import NORMALISATIONS, RULES
from initlib.recommendation.rule import Rule

COMMON, PICTURES, SEQUENCES = "Most asked for", "Pictures", "Sequences"
SHORTCUTS, TRAINED = "Dense layers with shortcuts", "On top of a trained network"
COORDINATES, SINGLE = "Functions of coordinates", "One layer, or one kind"
TUNED = "Learning rates that carry over to other widths (muP)"
NORMS = {
    "none": "none",
    "batch": "batch norm",
    "layer": "layer norm",
    "pre": "before each sublayer (pre-norm)",
    "post": "after each sublayer (post-norm)",
}
MOST = {"depth": 1000, "width": 65536, "steps": 100_000}


@dataclass(frozen=True)
class Net:
    """An entry of the first menu: group, words, an architecture of `recommend`, where its fields start."""

    name: str
    group: str
    label: str
    architecture: str
    activation: str = "relu"
    normalisations: Sequence[str] = ()
    depth: int = 10
    width: int = 256

    @property
    def rules(self) -> list[Rule]:
        """The rules for nets of this kind."""
        return [rule for rule in RULES if rule.architecture == self.architecture]

    @property
    def norms(self) -> list[str]:
        """The normalisations that the menu offers, the usual one first; none where it does not matter."""
        if self.normalisations:
            return list(self.normalisations)
        if all(rule.normalisations is None for rule in self.rules):
            return ["none"]
        named = {norm for rule in self.rules for norm in rule.normalisations or ("none", "batch")}
        return [norm for norm in NORMALISATIONS if norm in named and norm != "pre"]

    def activations(self, norm: str) -> list[str]:
        """Return the activations that some rule knows; none where it does not matter which."""
        fit = [rule for rule in self.rules if rule.normalisations is None or norm in rule.normalisations]
        if all(rule.activations is None for rule in fit):
            return [] if len(fit) == len(self.rules) else activations.names()
        if any(rule.activations is None for rule in fit):
            return activations.names()
        return [
            name
            for name in [*activations.names(), "swiglu"]
            if any(name in (rule.activations or ()) for rule in fit)
        ]

    @property
    def deep(self) -> bool:
        """Whether the number of layers or blocks matters."""
        return any(rule.depths != (1, None) or _names(rule, "blocks") for rule in self.rules)

    @property
    def steps(self) -> bool:
        """Whether it matters how many steps the net has to remember."""
        return any(rule.steps != (1, None) for rule in self.rules)

    @property
    def blocks(self) -> bool:
        """Whether depth counts blocks rather than layers."""
        return any(_names(rule, "blocks") for rule in self.rules)


def _names(rule: Rule, size: str) -> bool:
    laws = [law for part in rule.parts for law in (part.weights, part.bias, part.recurrent) if law]
    return any(size in law.formula for law in laws)


def _transformer(
    name: str, label: str, activation: str = "gelu", norm: str = "pre", group: str = COMMON
) -> Net:
    return Net(name, group, label, "transformer", activation, (norm,), 12, 768)


NETS = (
    Net("mlp", COMMON, "MLP: plain dense layers", "mlp", depth=4),
    Net("cnn", COMMON, "CNN: plain convolutions, like VGG", "conv", width=64),
    Net("resnet", COMMON, "ResNet: convolutions with shortcuts", "resnet", "relu", ("batch", "none"), 16, 64),
    _transformer("gpt", "Transformer like GPT (pre-norm)"),
    _transformer("llama", "Transformer like Llama (pre-norm, SwiGLU)", "swiglu"),
    Net("gpt-2", COMMON, "GPT-2 as published (std 0.02, tied readout)", "gpt-2", "gelu", ("pre",), 12, 768),
    _transformer("vit", "Vision transformer, ViT (pre-norm)"),
    _transformer("bert", "Transformer like BERT (post-norm)", norm="post"),
    Net("lstm", COMMON, "LSTM", "lstm", "tanh"),
    Net("depthwise", PICTURES, "Depthwise convolutions, as in MobileNet", "depthwise", width=64),
    Net("gan", PICTURES, "GAN of convolutions, DCGAN", "gan", width=64),
    Net("diffusion", PICTURES, "Diffusion: U-Net or DiT", "diffusion", "silu", width=64),
    Net("gru", SEQUENCES, "GRU", "gru", "tanh"),
    Net("rnn", SEQUENCES, "Plain recurrent network", "rnn", "tanh"),
    _transformer("t-fixup", "Transformer without normalization (T-Fixup)", "relu", "none", SEQUENCES),
    Net("residual", SHORTCUTS, "Residual MLP", "residual"),
    Net(
        "mixer",
        SHORTCUTS,
        "MLP-Mixer: layer norm inside the branches",
        "residual",
        "gelu",
        ("layer",),
        12,
        512,
    ),
    Net("rezero", SHORTCUTS, "Residual MLP with ReZero or SkipInit", "rezero"),
    Net("siren", COORDINATES, "SIREN: sine layers", "mlp", "sin", ("none",), 5),
    Net("pinn", COORDINATES, "PINN: a tanh MLP", "mlp", "tanh", ("none",), 5, 64),
    Net("head", TRAINED, "A new head", "head"),
    Net("lora", TRAINED, "LoRA: a low-rank update", "lora", width=768),
    Net("adapter", TRAINED, "An adapter", "adapter", width=768),
    Net("controlnet", TRAINED, "A zero convolution (ControlNet)", "zero convolution", width=64),
    Net("new-tokens", TRAINED, "New tokens of a language model", "new tokens", width=768),
    Net("output", SINGLE, "The output layer", "output"),
    Net("linear", SINGLE, "Linear, logistic or softmax regression", "linear"),
    Net("embedding", SINGLE, "An embedding", "embedding"),
    Net("tied", SINGLE, "An embedding tied to the readout", "tied embedding"),
    Net("policy", SINGLE, "Policy of a reinforcement learner (PPO)", "policy", "tanh"),
    Net("mup", TUNED, "MLP in muP", "mup"),
    Net("mup-gpt", TUNED, "Transformer in muP (pre-norm)", "mup transformer", "gelu", ("pre",), 12, 768),
)
