"""The streams of random numbers that are drawn from one seed: each purpose has its own.

Net i of a stack draws all it needs from `seeds[i]`; a number beside the seed keeps the purposes apart. The
first weights of a net alone are not apart: theirs are the numbers of `np.random.default_rng(seed)` itself,
as numpy takes zeros behind a seed for nothing. Draw the inputs of nets from another seed than theirs.
"""

import numpy as np

__all__ = ["EXPERIMENT", "GRADIENT", "ORDER", "SPLIT", "generator"]

WEIGHTS, BIASES = 0, 1  # of a network; a third number tells the layer
SPLIT = 2  # of a data set into training, validation and test
ORDER = 3  # of the batches
GRADIENT = 4  # dLoss/d(output), where no labels give it
EXPERIMENT = 5  # data that an experiment draws itself
ADAPTERS = 6  # of a trained network; a third number tells the matrix


def generator(seed: int, stream: int, *numbers: int) -> np.random.Generator:
    """Return the generator of a stream of a seed; further `numbers` divide it.

    >>> generator(0, SPLIT).integers(100) == generator(0, SPLIT).integers(100)
    np.True_
    """
    return np.random.default_rng([seed, stream, *numbers])
