"""E2: four times Xavier against Xavier in sigmoid nets, on other grounds than SGD, 64 units and small digits.

Behind C5, C13 and C19. Pilots: seeds 0 to 2.
"""

from initlib.experiments._elsewhere import protocol

PROTOCOL = protocol(
    "elsewhere-sigmoid",
    "E2",
    "In sigmoid nets with five hidden layers four times Xavier's weights read new data better than Xavier's.",
    {
        "four times Xavier": {"initializer": "glorot_normal", "scale": 4.0},
        "Xavier": {"initializer": "glorot_normal"},
    },
    depth=6,
    activation="sigmoid",
    learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
    seeds=1200,
)
