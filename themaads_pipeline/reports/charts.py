"""Charts as the coordinates of an SVG; the template draws them, and no script has to. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from themaads_pipeline.ledger.looks import Answered
from themaads_pipeline.reports.story import RunStory
from themaads_pipeline.reports.words import per_second

__all__ = ["SPANS", "Bar", "Course", "Part", "course_of", "parts_of", "round_above"]

SPANS = 90
WIDTH = 720.0
_LEFT, _TOP, _FLOOR = 36.0, 24.0, 150.0
_RUN_HEIGHT, _RUN_GAP = 8.0, 5.0
_LEAST_WIDTH = 2.0  # of what happened in a moment
_MOST_LANES = 3
_LEAST_SPANS = 3

_Scale = Callable[[datetime], float]
_Rate = Callable[[float], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A stretch of a bar that is 100 wide."""

    name: str
    items: int
    x: float
    width: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A rectangle; `level` is the name of its colour."""

    x: float
    y: float
    width: float
    height: float
    title: str
    level: str = "speed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """Ads a second over time, and below them the runs that made them; a death is a line through both."""

    bars: tuple[Bar, ...]
    runs: tuple[Bar, ...]
    deaths: tuple[tuple[float, str], ...]  # x, and what it was
    lines: tuple[tuple[float, str], ...]  # y, and the rate that it stands for
    times: tuple[tuple[float, str, str], ...]  # x, words, text-anchor
    height: float
    in_words: str
    left: float = _LEFT
    floor: float = _FLOOR
    width: float = WIDTH


def parts_of(counts: Iterable[tuple[str, int]]) -> tuple[Part, ...]:
    """Counts as the stretches of one bar; those of zero are left out.

    >>> [(part.name, part.x, part.width) for part in parts_of([("done", 3), ("skipped", 0), ("failed", 1)])]
    [('done', 0.0, 75.0), ('failed', 75.0, 25.0)]
    """
    known = [(name, items) for name, items in counts if items]
    total = sum(items for _, items in known)
    parts, at = [], 0
    for name, items in known:
        parts.append(
            Part(name=name, items=items, x=round(100 * at / total, 3), width=round(100 * items / total, 3))
        )
        at += items
    return tuple(parts)


def course_of(answered: Sequence[Answered], runs: Sequence[RunStory]) -> Course | None:
    """What is drawn of how it went; None where there is nothing to see: two bars, and no death, say nothing.

    Args:
        answered: By time, spans without any left out.
        runs: The oldest first.
    """
    if not answered or (len(answered) < _LEAST_SPANS and not any(run.ended_badly for run in runs)):
        return None
    seconds = answered[0].seconds
    span = timedelta(seconds=seconds)
    working = [run for run in runs if run.pushing_s]
    begin = min([answered[0].at, *(run.started_at for run in working)])
    end = max([answered[-1].at + span, *(run.ended_at for run in working)])
    whole = (end - begin).total_seconds()

    def x_of(at: datetime) -> float:
        return round(_LEFT + (WIDTH - _LEFT) * (at - begin).total_seconds() / whole, 2)

    fastest = max(each.ads for each in answered) / seconds
    ceiling = round_above(fastest)

    def y_of(rate: float) -> float:
        return round(_TOP + (_FLOOR - _TOP) * (1 - rate / ceiling), 1)

    lanes = min(len(working), _MOST_LANES)
    run_bars = tuple(_run_bar(run, place, x_of) for place, run in enumerate(working))
    return Course(
        bars=tuple(_speed_bar(each, x_of, y_of) for each in answered),
        runs=run_bars,
        deaths=tuple(
            (x_of(run.ended_at), f"run {run.number} {run.ending}") for run in working if run.ended_badly
        ),
        lines=tuple((y_of(rate), per_second(rate)) for rate in (ceiling, ceiling / 2)),
        times=_times(begin, end),
        height=_FLOOR + 10 + lanes * (_RUN_HEIGHT + _RUN_GAP) + 18,
        in_words=f"{sum(each.ads for each in answered):,} ads, at most {per_second(fastest)} a second",
    )


def _speed_bar(each: Answered, x_of: _Scale, y_of: _Rate) -> Bar:
    rate = each.ads / each.seconds
    x, top = x_of(each.at), min(y_of(rate), _FLOOR - 1)
    width = x_of(each.at + timedelta(seconds=each.seconds)) - x
    at = f"{each.at.astimezone(UTC):%H:%M:%S} UTC"
    return Bar(
        x=x,
        y=top,
        width=round(max(width * 0.84, 0.8), 2),
        height=round(_FLOOR - top, 1),
        title=f"{at}: {each.ads:,} ads, {per_second(rate)} a second",
    )


def _run_bar(run: RunStory, place: int, x_of: _Scale) -> Bar:
    x = min(x_of(run.started_at), WIDTH - _LEAST_WIDTH)
    level = "bad" if run.ended_badly else "good" if run.is_over else "open"
    return Bar(
        x=x,
        y=_FLOOR + 8 + (place % _MOST_LANES) * (_RUN_HEIGHT + _RUN_GAP),
        width=round(max(x_of(run.ended_at) - x, _LEAST_WIDTH), 2),
        height=_RUN_HEIGHT,
        title=f"run {run.number} {run.ending}",
        level=level,
    )


def _times(begin: datetime, end: datetime) -> tuple[tuple[float, str, str], ...]:
    whole = (end - begin).total_seconds()
    form = "%H:%M:%S" if whole < 600 else "%H:%M" if begin.date() == end.date() else "%d %b %H:%M"
    begin, middle, end = (at.astimezone(UTC) for at in (begin, begin + (end - begin) / 2, end))
    return (
        (_LEFT, f"{begin:{form}}", "start"),
        ((_LEFT + WIDTH) / 2, f"{middle:{form}}", "middle"),
        (WIDTH, f"{end:{form}} UTC", "end"),
    )


def round_above(rate: float) -> float:
    """The next round figure: where the scale of a chart ends."""
    size = 10.0 ** (len(f"{int(rate)}") - 1) if rate >= 1 else 0.1
    return next((step * size for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * size >= rate), rate or 1.0)
