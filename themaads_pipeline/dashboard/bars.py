"""An upload's items as parts of one bar: done, skipped, failed, in flight; what is left is to do. Pure."""

from dataclasses import dataclass

from themaads_pipeline.ledger.uploads import Progress

__all__ = ["Part", "parts_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A stretch of the bar; `start` and `width` in percent of it."""

    name: str
    words: str
    items: int
    start: float
    width: float


def parts_of(progress: Progress) -> tuple[Part, ...]:
    """The stretches that are there; together a hundred percent of an upload that has items."""
    in_flight = progress.sending + progress.applied
    counts = (
        ("done", "ads made", progress.done),
        ("skipped", "skipped", progress.skipped),
        ("failed", "failed", progress.failed),
        ("flight", "in flight", in_flight),
    )
    parts, at = [], 0.0
    for name, words, items in counts:
        if items:
            width = 100 * items / progress.total
            parts.append(Part(name=name, words=words, items=items, start=round(at, 3), width=round(width, 3)))
            at += width
    return tuple(parts)
