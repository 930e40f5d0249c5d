"""Ads over time as an SVG's coordinates; no script draws it, and no style is in it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from themaads_pipeline.ledger.looks import Answered
from themaads_pipeline.reports.charts import round_above
from themaads_pipeline.reports.words import per_second

__all__ = ["SPANS", "Bar", "Chart", "chart_of"]

SPANS = 96
WIDTH, HEIGHT = 960.0, 200.0
_LEFT, _BOTTOM, _TOP = 0.0, 30.0, 26.0
_GAP = 0.18  # of a bar's room


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One span of time; coordinates of the SVG."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Bars, and the lines and words around them."""

    bars: tuple[Bar, ...]
    lines: tuple[tuple[float, str], ...]  # y, and what it stands for
    times: tuple[tuple[float, str, str], ...]  # x, words, text-anchor
    ads: int
    fastest: float  # ads a second
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    floor: float = HEIGHT - _BOTTOM


def chart_of(answered: Sequence[Answered]) -> Chart | None:
    """Ads a second, as bars; None where there is nothing to show yet."""
    if not answered:
        return None
    seconds = answered[0].seconds
    begin, end = answered[0].at, answered[-1].at
    places = round((end - begin).total_seconds() / seconds) + 1
    room = (WIDTH - _LEFT) / max(places, 24)
    fastest = max(each.ads for each in answered) / seconds
    ceiling = round_above(fastest)
    high = HEIGHT - _BOTTOM - _TOP

    def y_of(rate: float) -> float:
        return round(_TOP + high * (1 - rate / ceiling), 1)

    bars = []
    for each in answered:
        rate, place = each.ads / seconds, round((each.at - begin).total_seconds() / seconds)
        at = f"{each.at.astimezone(UTC):%H:%M:%S} UTC"
        top = min(y_of(rate), HEIGHT - _BOTTOM - 1)
        bars.append(
            Bar(
                x=round(_LEFT + room * (place + _GAP / 2), 2),
                y=top,
                width=round(room * (1 - _GAP), 2),
                height=round(HEIGHT - _BOTTOM - top, 1),
                title=f"{at}: {each.ads:,} ads, {per_second(rate)} a second",
            )
        )
    last = _LEFT + room * places
    return Chart(
        bars=tuple(bars),
        lines=tuple((y_of(rate), per_second(rate)) for rate in (ceiling, ceiling / 2)),
        times=_times(begin, end, last),
        ads=sum(each.ads for each in answered),
        fastest=fastest,
    )


def _times(begin: datetime, end: datetime, last: float) -> tuple[tuple[float, str, str], ...]:
    form = "%H:%M" if begin.date() == end.date() else "%d %b %H:%M"
    if (end - begin).total_seconds() < 600:
        form = "%H:%M:%S"
    words = [f"{at.astimezone(UTC):{form}}" for at in (begin, begin + (end - begin) / 2, end)]
    if last < WIDTH / 2:
        return ((_LEFT, words[0], "start"),)
    return (
        (_LEFT, words[0], "start"),
        (round((_LEFT + last) / 2, 1), words[1], "middle"),
        (round(last, 1), words[2], "end"),
    )
