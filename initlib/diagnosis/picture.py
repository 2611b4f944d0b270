"""The stream of a record as a picture."""

from typing import Any

from initlib.diagnosis import segments
from initlib.diagnosis.predict import tolerance
from initlib.diagnosis.record import Record
from initlib.extras import hints


@hints()
def draw(record: Record) -> Any:
    """Return a matplotlib figure: rms with its tolerance, gradient, and 1 - cosine by layer of the stream."""
    from matplotlib.figure import Figure

    rows = [o for o in record.stream if o.kind in segments.POINTS and o.rms and o.where != "the loss"]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    signal, other = figure.subplots(1, 2)
    x = range(1, len(rows) + 1)
    signal.semilogy(x, [o.rms for o in rows], "o-", label="signal, rms")
    for segment in segments.segments(record):
        inside = [i for i, o in enumerate(rows, 1) if o in segment.points]
        low, high = tolerance(segment.depth)
        if inside and segment.start.rms:
            limits = [segment.start.rms * 2**low, segment.start.rms * 2**high]
            signal.fill_between([inside[0] - 0.5, inside[-1] + 0.5], *limits, alpha=0.15, label="tolerance")
    signal.set(xlabel="layer of the stream", ylabel="root mean square")
    signal.legend(fontsize="small")
    with_gradient = [(i, o.gradient) for i, o in enumerate(rows, 1) if o.gradient]
    apart = [(i, o.apart) for i, o in enumerate(rows, 1) if o.apart]
    for pairs, label in ((with_gradient, "gradient, norm"), (apart, "1 - cosine between inputs")):
        if pairs:
            other.semilogy(*zip(*pairs, strict=True), "o-", label=label)
    other.set(xlabel="layer of the stream")
    if other.has_data():
        other.legend(fontsize="small")
    return figure
