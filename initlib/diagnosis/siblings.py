"""Findings about single layers whose law is not the one of their place or of the other layers."""

import math
from collections.abc import Iterator
from statistics import median

from initlib.diagnosis import cures, laws
from initlib.diagnosis.findings import Finding, listed
from initlib.diagnosis.record import Operation, Record, Weight

SHARED = 0.6  # of the layers must follow one law before a layer can be odd
ODD = 1.1  # factor of a standard deviation; 64 x 64 weights tell 1.06 from 1
CHANCE = 1e-3  # that draws of one law have a layer called odd, in a whole net


def sine_layer(record: Record) -> Iterator[Finding]:
    """The first layer of a sine net with a law of its hidden layers."""
    for o in record.operations:
        if o.kind != "weight" or record.layers[o.index] != 1 or o.weights[0] not in record.weights:
            continue
        activation, factor = record.activation_of(o.index)
        if activation != "sin" or factor < laws.SINE_FACTOR:
            continue
        weight = record.weights[o.weights[0]]
        rule = laws.wanted(record, o, weight)
        share = weight.rms * weight.rms / rule[0] if rule else 1.0
        if not 0.1 <= share <= 10:
            yield Finding(
                "sine-first-layer",
                "warning",
                record.label(o),
                f"{record.label(o)} has {share:.3g} times (1 / {1 / share:.3g}) the variance of "
                f"U(-1/fan_in, 1/fan_in).",
                share,
                order=o.index,
                lines=cures.redrawn(record, [(weight, o)]),
            )


def odd_layers(record: Record) -> Iterator[Finding]:
    """Single layers that leave the law which most of the others share."""
    rows = []
    for weight in record.weights.values():
        if (
            weight.kind in ("lookup", "recurrent", "conv_transpose")
            or not weight.uses
            or not weight.std
            or weight.derived
        ):
            continue
        o = record.operations[weight.uses[0]]
        if weight.uses[0] not in record.ends and weight.count >= 64:
            rows.append((o, weight, laws.ratio(record, o, weight) or weight.std * weight.fan_in**0.5))
    if len(rows) < 3:
        return
    scales = [
        [(o, weight, value) for (o, weight, _), value in zip(rows, values, strict=True)]
        for values in (
            [ratio for _, _, ratio in rows],
            [w.rms * w.fan_in**0.5 for _, w, _ in rows],
            [w.rms * (w.fan_in + w.fan_out) ** 0.5 for _, w, _ in rows],
            [w.rms * w.fan_out**0.5 for _, w, _ in rows],
            [w.rms for _, w, _ in rows],
        )
    ]
    level = CHANCE / len(rows)
    best = max(scales, key=lambda scale: sum(_agree(one, scale, level) for one in scale))
    strangers = [
        place
        for place, (o, _, ratio) in enumerate(rows)
        if not _agree(best[place], best, level) and not _follows_rule(record, o, ratio)
    ]
    shared = sum(_agree(one, best, level) for one in best)
    if not strangers or len(strangers) > max(1, len(rows) // 5) or shared < SHARED * len(rows):
        return
    for place in strangers:
        o, weight, value = best[place]
        factor = value / median(v for _, _, v in best)
        yield Finding(
            "odd-layer",
            "note",
            record.label(o),
            f"{record.label(o)} is drawn with {factor:.3g} times the standard deviation of the law that "
            f"the other layers share ({laws.words(weight)}).",
            factor,
            order=o.index,
            lines=cures.redrawn(record, [(weight, o)]),
        )


def by_fan_out(record: Record) -> Iterator[Finding]:
    """Layers drawn by their fan_out: told where widths differ and no normalisation follows."""
    rows = []
    for weight in record.weights.values():
        o = record.operations[weight.uses[0]] if weight.uses else None
        if o is None or weight.kind not in ("linear", "io", "conv") or weight.derived:
            continue
        uneven = abs(math.log(weight.fan_in / weight.fan_out)) > math.log(1.5)
        if uneven and o.index not in record.ends and not record.normalised(o.index):
            rows.append((weight, o, laws.matching(weight)))
    places = [(w, o) for w, o, names in rows if names and all("fan_out" in name for name in names)]
    drawn = [o for _, o in places]
    if len(rows) >= 2 and len(drawn) > len(rows) / 2:
        yield Finding(
            "fan-out",
            "note",
            record.label(drawn[0]),
            f"{listed([record.label(o) for o in drawn])} are drawn with variance 2 / fan_out, and not by "
            "fan_in.",
            float(len(drawn)),
            order=drawn[0].index,
            lines=cures.redrawn(record, places),
        )


def _follows_rule(record: Record, operation: Operation, ratio: float) -> bool:
    """Say whether a layer has the scale that it asks for; behind no activation He's will do as LeCun's."""
    rules = (1.0,) if laws.reads_activation(record, operation) else (1.0, 2**0.5)
    return any(abs(math.log((ratio or 1e-9) / rule)) <= math.log(ODD) for rule in rules)


def _agree(
    one: tuple[Operation, Weight, float], scale: list[tuple[Operation, Weight, float]], level: float
) -> bool:
    """Say whether a layer has the scale of the median, within 10 % or what chance does to its variance."""
    ratio = one[2] / median(v for _, _, v in scale)
    low, high = laws.spread(one[1], level)
    return 1 / ODD <= ratio <= ODD or low <= ratio * ratio <= high


CHECKS = (sine_layer, by_fan_out, odd_layers)
