"""E1: He against Xavier in deep plain ReLU nets, on other grounds than SGD, 64 units and digits of 8 x 8.

Behind C1, C12, C19, C23 and R5. Pilots: seeds 0 to 2.
"""

from initlib.experiments._elsewhere import protocol

PROTOCOL = protocol(
    "elsewhere-relu",
    "E1",
    "In ReLU nets of 30 layers He's weights read new data better than Xavier's.",
    {"He": {"initializer": "he_normal"}, "Xavier": {"initializer": "glorot_normal"}},
    depth=30,
    activation="relu",
    learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1),
    seeds=1100,
)
