"""Grounds on which more than one experiment judges its claim: the optimizers that readers use.

They replace what a part says of its optimizer; the other settings stay. Adam's rates are tried as widely as
those of SGD: half a decade apart, further if the best lies on the edge.
"""

from typing import Any

Ground = dict[str, Any]

SGD: Ground = {}
ADAM: Ground = {"optimizer": "adam", "learning_rates": (0.0003, 0.001, 0.003, 0.01, 0.03)}
ADAMW: Ground = {**ADAM, "decay": "decoupled", "weight_decay": 0.01, "schedule": "warmup_cosine"}
