"""What transformers have beside weight layers: embeddings, causal self-attention, a tied head.

A token is a whole number. Behind the embedding, the samples and the positions in them share one axis:
signals are (nets, samples * context, units), so that all other layers take them as they take samples.
"""

import numpy as np

from initlib.networks.layers import Tape, product
from initlib.typing import Array


class Embedding:
    """y = E[token] + P[position], with E: (nets, vocabulary, width) and P: (nets, context, width).

    Takes tokens (nets, samples, context), to which there is no gradient: dLoss/dx is 0.
    """

    def __init__(self, tokens: int, positions: int) -> None:
        self.tokens, self.positions = tokens, positions

    def forward(self, x: Array, tape: Tape) -> Array:
        table, positions = tape.values[self.tokens], tape.values[self.positions]
        tokens = np.rint(x).astype(np.int64)
        if tokens.size and not (tokens.min() >= 0 and tokens.max() < table.shape[1]):
            raise ValueError(
                f"Tokens must lie in 0..{table.shape[1] - 1}. "
                f"Received tokens from {tokens.min()} to {tokens.max()}."
            )
        tape.kept[self] = tokens
        y = table[np.arange(len(table))[:, None, None], tokens]
        y += positions[:, None]
        return y.reshape(len(table), -1, table.shape[2])

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        tokens, table = tape.kept[self], tape.values[self.tokens]
        by_position = gradient.reshape(*tokens.shape, -1)
        hot = np.equal(tokens.reshape(len(table), 1, -1), np.arange(table.shape[1])[:, None])
        change = np.matmul(hot.astype(table.dtype), gradient)
        if (self, "head") in tape.kept:
            change += tape.kept.pop((self, "head"))
        tape.accumulate(self.tokens, change)
        tape.accumulate(self.positions, by_position.sum(axis=1))
        return np.zeros(tokens.shape, table.dtype)


class TiedHead:
    """y = x E^T with the table E of an `Embedding`, which takes the gradient along with its own.

    Source: Press & Wolf 2017, arXiv:1608.05859.
    """

    def __init__(self, embedding: Embedding) -> None:
        self.embedding = embedding

    def forward(self, x: Array, tape: Tape) -> Array:
        tape.kept[self] = x
        turned = tape.values[self.embedding.tokens].swapaxes(1, 2)
        return product(x, turned, tape.buffer(self, "y", (*x.shape[:2], turned.shape[2])))

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        table = tape.values[self.embedding.tokens]
        tape.kept[self.embedding, "head"] = np.matmul(gradient.swapaxes(1, 2), tape.kept[self])
        return product(gradient, table, tape.buffer(self, "dx", (*gradient.shape[:2], table.shape[2])))


class CausalAttention:
    """y_t = sum over s <= t of a_ts v_s, head by head, with a = softmax(q . k / head_width^exponent).

    Takes queries, keys and values side by side, (nets, samples * context, 3 width). It has no parameters;
    the weight layers that make its inputs and take its output stand before and behind it.

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1 (exponent 1/2); Yang et al. 2022, arXiv:2203.03466,
    definition 4.1 (exponent 1).
    """

    def __init__(self, context: int, heads: int, exponent: float = 0.5) -> None:
        self.context, self.heads, self.exponent = context, heads, exponent

    def forward(self, x: Array, tape: Tape) -> Array:
        q, k, v = self._apart(x)
        scores = np.matmul(q, k.swapaxes(-1, -2))
        scores *= q.shape[-1] ** -self.exponent
        future = ~np.tri(self.context, dtype=bool)
        scores[..., future] = -np.inf
        scores -= scores.max(axis=-1, keepdims=True)
        shares = np.exp(scores, out=scores)
        shares /= shares.sum(axis=-1, keepdims=True)
        tape.kept[self] = q, k, v, shares
        return self._together(np.matmul(shares, v))

    def backward(self, gradient: Array, tape: Tape, needed: bool = True) -> Array:
        q, k, v, shares = tape.kept[self]
        (top,) = self._apart(gradient, 1)
        inner = np.matmul(top, v.swapaxes(-1, -2))
        inner -= (inner * shares).sum(axis=-1, keepdims=True)
        inner *= shares
        inner *= q.shape[-1] ** -self.exponent
        parts = (
            np.matmul(inner, k),
            np.matmul(inner.swapaxes(-1, -2), q),
            np.matmul(shares.swapaxes(-1, -2), top),
        )
        return np.concatenate([self._together(part) for part in parts], axis=2)

    def _apart(self, x: Array, parts: int = 3) -> Array:
        """Return (parts, nets, samples, heads, context, head_width)."""
        nets, _, units = x.shape
        apart = x.reshape(nets, -1, self.context, parts, self.heads, units // parts // self.heads)
        return np.ascontiguousarray(apart.transpose(3, 0, 1, 4, 2, 5))

    def _together(self, part: Array) -> Array:
        nets, samples, heads, context, width = part.shape
        return part.transpose(0, 1, 3, 2, 4).reshape(nets, samples * context, heads * width)
