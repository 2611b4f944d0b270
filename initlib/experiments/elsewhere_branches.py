"""E5: residual nets whose branches are scaled by blocks^(-1/2) against unscaled ones, on many grounds.

Behind C14 and C23. Pilots (seeds 0 to 2): 50 points with SGD, 9 to 16 in wider nets and with Adam, 4 or less
on a table and with tanh, none behind a normalisation.
"""

from initlib.experiments._elsewhere import grounds_of_streams, protocol, streams

BLOCKS = 12

PROTOCOL = protocol(
    "elsewhere-branches",
    "E5",
    "Residual ReLU nets of twelve blocks from He's weights read new data better with branches scaled by "
    "blocks^(-1/2) than without.",
    {"scaled": {"scale": BLOCKS**-0.5}, "unscaled": {"scale": 1.0}},
    depth=2 * BLOCKS + 2,
    activation="relu",
    learning_rates=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
    seeds=1500,
    samples=512,
    epochs=16,
    network=streams,
    initializer="he_normal",
    elsewhere=grounds_of_streams(512),
)
