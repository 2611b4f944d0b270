"""E6: He's weights against 0.41 times as large, a framework's default, in ten ReLU layers, on many grounds.

Behind C1 and C25. Pilots (seeds 0 to 2): 35 to 89 points in plain nets with SGD, 11 in convolutions, 2 and 4
with Adam and AdamW, none with normalisation or shortcuts.
"""

from initlib.experiments._elsewhere import protocol

PROTOCOL = protocol(
    "elsewhere-small",
    "E6",
    "ReLU nets of ten layers read new data better from He's weights than from weights 0.41 times as large.",
    {"He": {"initializer": "he_normal"}, "0.41 x He": {"initializer": "he_normal", "scale": 6**-0.5}},
    depth=10,
    activation="relu",
    learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1),
    seeds=1600,
)
