"""The JavaScript of the lab: readable files, joined into one module without a build step."""

import json
import re
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from initlib.explorers.lab import data, settings
from initlib.explorers.lab.rules import rules

HERE = Path(__file__).parent
# What trains, alone in a worker or on the page: one function, whose source starts the worker too.
ENGINE = (
    "arithmetic",
    "activations",
    "initializers",
    "layers",
    "networks",
    "training",
    "measuring",
    "theory",
    "data",
    "worker",
)
# What the reader sees.
PAGE = ("settings", "code", "story", "drawing", "trainers", "controls", "component")
NESTED = ("code", "controls", "component")  # templates stand inside templates: their blanks stay
# A string, which stays as it is; or a comment; or a sign with blanks around it, or a comma that ends a list.
SIGNS = re.compile(r"""("[^"\n]*"|'[^'\n]*'|`[^`]*`)|//.*| ?([{}()\[\];,=<>?:&|*]+) ?|,(?=\n[})\]])""")


def read(names: tuple[str, ...]) -> str:
    """Return the sources of these files, one after the other, squeezed."""
    return "".join(squeezed((HERE / f"{name}.js").read_text(encoding="utf-8"), name) for name in names)


def squeezed(text: str, name: str = "") -> str:
    """Return a file's text without comments, indents (but of what writes Python), and blanks at signs."""
    text = re.sub(r"^ *//.*\n" if name == "code" else r"^ *//.*\n|^ +", "", text, flags=re.MULTILINE)
    return text if name in NESTED else SIGNS.sub(lambda found: found[1] or found[2] or "", text)


def engine() -> str:
    """Return the engine as one JavaScript function, which returns what others use of it."""
    used = "Trainer, serve, planOf, unpack, bytesOf, RANGE"
    return f"function makeEngine() {{\n{read(ENGINE)}return {{ {used} }};\n}}\n"


@cache
def module() -> str:
    """Return the lab as one module for anywidget, with all that its labs have in common."""
    return f"{engine()}{read(PAGE)}const COMMON = {json.dumps(common(), separators=(',', ':'))};\n"


def common() -> dict[str, Any]:
    """Return what every lab needs, as JSON."""
    return {
        "controls": settings.controls(),
        "presets": [settings.preset(name) for name in settings.PRESETS],
        "rules": rules(),
        "data": data.shipped(),
        "kernel": kernel(),
    }


@cache
def kernel() -> str:
    """Return the product of matrices as WebAssembly, base64; kernel/kernel.ts is its source."""
    return b64encode((HERE / "kernel" / "kernel.wasm").read_bytes()).decode()


@cache
def css() -> str:
    """Return the style of the lab."""
    return re.sub(r"\n+ *", "\n", (HERE / "lab.css").read_text(encoding="utf-8"))
