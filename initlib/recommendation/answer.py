"""What `recommend` answers: the rule, its parts, their numbers, words and code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from initlib import checks, frameworks
from initlib.frameworks import Law, Part
from initlib.recommendation.data import DATA, Advice
from initlib.recommendation.rule import OUTPUT, Rule

DENSE = ("mlp", "linear")
NAMED = {"batch_norm": "gamma", "batch_norm_1d": "gamma", "scalar": "value", "factor": "value"}


@dataclass(frozen=True)
class Recommendation:
    """The rule for a net, the parts with their laws, and code that draws them.

    `sizes` are what formulas may name besides the fans; `width`, `inputs` and `outputs` are those of the net.
    """

    rule: Rule
    parts: Sequence[Part]
    advice: Advice
    width: int
    inputs: int
    outputs: int
    sizes: Mapping[str, float]
    activation: str = ""

    def part(self, name: str = "") -> Part:
        """Return the part of that name, the first one without a name."""
        names = {part.name: part for part in self.parts}
        return names[checks.choice("part", checks.text("name", name) or self.parts[0].name, names)]

    def shape(self, name: str = "") -> tuple[int, int]:
        """Return inputs and outputs of the layer of that part."""
        part = self.part(name)
        sizes = {"width": self.width, "inputs": self.inputs, "outputs": self.outputs, **self.sizes}
        inputs, outputs = (int(wide * sizes[end]) for wide, end in zip(part.widen, part.between, strict=True))
        return inputs, outputs

    def numbers(self, name: str = "") -> dict[str, Any]:
        """Return the number of each law of that part: the variance of its weights, for example.

        Biases that differ by class are a list. "rate" is what the learning rate is multiplied by.
        """
        part = self.part(name)
        sizes = {**part.fans(*self.shape(part.name)), **self.sizes}
        laws = {"weights": part.weights, "bias": part.bias, "recurrent": part.recurrent, "rate": _rate(part)}
        return {what: law.value(sizes) for what, law in laws.items() if law is not None}

    def words(self, name: str = "") -> dict[str, str]:
        """Return each law of that part in words."""
        part = self.part(name)
        sizes = {**part.fans(*self.shape(part.name)), **self.sizes}
        laws = {
            NAMED.get(part.layer, "weights"): part.weights,
            "bias": part.bias,
            "recurrent weights": part.recurrent,
            "learning rate times": _rate(part),
        }
        return {what: law.words(sizes) for what, law in laws.items() if law is not None}

    def code(self, framework: str, name: str = "") -> str:
        """Return lines of PyTorch, Keras or JAX that draw that part; `make peers` runs them."""
        part = self.part(name)
        seed = [one.name for one in self.parts].index(part.name)  # no two layers share their draws
        return frameworks.lines(framework, part, self.sizes, *self.shape(part.name), seed=seed)

    def whole_model(self) -> str | None:
        """Return PyTorch that initializes a whole model, `init_weights`; it needs torch alone.

        None for rules of single layers. `initlib.apply(model, answer)` does the same in one line.

        >>> from initlib import recommend
        >>> "def init_weights(model, blocks):" in recommend(architecture="gpt").whole_model()
        True
        """
        from initlib.recommendation import whole

        biases = {part.name: part.bias for part in self.parts} if self.advice is DATA["imbalanced"] else {}
        return whole.code(self.rule, biases.get(OUTPUT.name), self.sizes)

    @property
    def evidence(self) -> tuple[str, ...]:
        """The experiments of the book on the rule with this activation, and on the data in dense nets.

        None means literature only.
        """
        tested = self.rule.tested is None or self.activation in self.rule.tested
        data = self.advice.evidence if self.rule.architecture in DENSE else ()
        return (*(self.rule.evidence if tested else ()), *data)

    @property
    def sources(self) -> tuple[str, ...]:
        """Keys of the bibliography."""
        return tuple(dict.fromkeys((*self.rule.sources, *self.advice.sources)))

    def __repr__(self) -> str:
        lines = [f"{self.rule.name}: {self.rule.why}"]
        lines += [text for text in (self.rule.also, self.advice.text) if text]
        for part in self.parts:
            lines += [f"{part.name}, {what}: {law}" for what, law in self.words(part.name).items()]
        evidence = ", ".join(self.evidence) or "literature only"
        lines.append(f"Sources: {', '.join(self.sources)}. Evidence: {evidence}.")
        return "\n".join(fill(line, 78, subsequent_indent="    ", break_on_hyphens=False) for line in lines)


def _rate(part: Part) -> Law | None:
    return Law("constant", part.rate) if part.rate else None
