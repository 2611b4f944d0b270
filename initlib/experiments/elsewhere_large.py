"""E4: He's weights against eight times as much, where few images are to be fitted, on many grounds.

Behind C18, C20 and C16. Pilots: seeds 0 to 2.
"""

from initlib.experiments._elsewhere import protocol

PROTOCOL = protocol(
    "elsewhere-large",
    "E4",
    "ReLU nets of four layers that fit 300 samples read new data better from He's weights than from weights "
    "eight times as large.",
    {"He": {"initializer": "he_normal"}, "8 x He": {"initializer": "he_normal", "scale": 8.0}},
    depth=4,
    activation="relu",
    learning_rates=(0.00003, 0.0003, 0.003, 0.03, 0.3),
    seeds=1400,
    samples=300,
    epochs=60,
)
