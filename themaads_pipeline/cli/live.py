"""Uploads in a terminal, live: what `themaads status --follow` draws. Looking and drawing are apart."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.text import Text

from themaads_pipeline.cli.progress import table
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.reports.heartbeat import Heartbeat, Level
from themaads_pipeline.reports.speedometer import Speedometer
from themaads_pipeline.reports.words import STAGES, clean, duration, many, per_second

__all__ = ["Look", "Watch", "bar", "news_of"]

_MOST_PANELS = 4
_MOST_NEWS = 6
_WIDEST = 100

# Told apart without colours, too.
_PARTS = (
    ("done", "█", "blue"),
    ("skipped", "▒", "bright_black"),
    ("failed", "▚", "red"),
    ("in flight", "▓", "cyan"),
    ("to do", "░", "bright_black"),
)
_HEARTS = {Level.ALIVE: "green", Level.SLOW: "yellow", Level.DEAD: "bold red", Level.RESTING: "dim"}
_STATUS_STYLES = {
    UploadStatus.RUNNING: "bold",
    UploadStatus.FINISHED: "green",
    UploadStatus.FAILED: "bold red",
    UploadStatus.INTERRUPTED: "red",
    UploadStatus.PAUSED: "yellow",
}
_STANDS_STILL = frozenset({UploadStatus.FINISHED, UploadStatus.FAILED, UploadStatus.PAUSED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One look at uploads. `at` is of a clock that only goes on, `now` of the one on the wall here."""

    uploads: Sequence[Progress]
    hearts: Mapping[int, Heartbeat]
    at: float
    now: datetime


@dataclass(kw_only=True)
class Watch:
    """Remembers what one look cannot show: how fast it is now, and what happened meanwhile."""

    _speedometer: Speedometer = field(default_factory=Speedometer)
    _before: dict[int, Progress] = field(default_factory=dict)
    _speeds: dict[int, float | None] = field(default_factory=dict)
    _news: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=_MOST_NEWS))

    def take(self, look: Look) -> None:
        """Compare a look with the one before."""
        for upload in look.uploads:
            if upload.status == UploadStatus.RUNNING:
                speed = self._speedometer.look(upload.number, final=upload.final, at=look.at)
                self._speeds[upload.number] = speed
            else:
                self._speedometer.forget(upload.number)
                self._speeds.pop(upload.number, None)
            for words in news_of(self._before.get(upload.number), upload):
                self._news.append((look.now, words))
            self._before[upload.number] = upload

    def view(self, look: Look, *, width: int) -> RenderableType:
        """What is drawn of it: those that go on at length, the others in a table."""
        going_on = [upload for upload in look.uploads if upload.status not in _STANDS_STILL]
        shown = going_on[-_MOST_PANELS:] if len(look.uploads) > 1 else look.uploads
        others = [upload for upload in look.uploads if upload not in shown]
        parts: list[RenderableType] = []
        for upload in shown:
            parts += [*self._panel(upload, look, min(width, _WIDEST)), Text()]
        if others:
            parts += [table(others[-_MOST_PANELS:]), Text()]
        if len(others) > _MOST_PANELS:
            parts.append(Text(f"and {many(len(others) - _MOST_PANELS, 'more upload')}", style="dim"))
        parts += [Text(f"{at:%H:%M:%S}  {words}", style="dim") for at, words in self._news]
        if not look.uploads:
            parts.append(Text("waiting for an upload ...", style="dim"))
        return Group(*parts)

    def _panel(self, upload: Progress, look: Look, width: int) -> list[Text]:
        heart = look.hearts.get(upload.number)
        is_at_work = upload.status == UploadStatus.RUNNING
        return [
            _title(upload, width),
            bar(_counts(upload), width),
            *([_figures(upload)] if upload.total else []),
            *([_speed(upload, self._speeds.get(upload.number), look.now)] if is_at_work else []),
            *([_heartbeat(heart, upload, width)] if heart else []),
        ]


def news_of(before: Progress | None, now: Progress) -> list[str]:
    """What happened to an upload between two looks, for a person."""
    name = f"#{now.number}"
    if before is None:
        return []  # what it is at is drawn
    news = []
    if now.status != before.status:
        why = f": {clean(now.message)}" if now.message else ""
        news.append(f"{name} is {now.status}{why}")
    if now.run_id and now.run_id != before.run_id:
        news.append(f"{name} run {now.run_id[:8]} works on it")
    if now.stage and (now.stage, now.run_id) != (before.stage, before.run_id):
        news.append(f"{name} {STAGES.get(now.stage, now.stage)}")
    if now.failed < before.failed:
        news.append(f"{name} {many(before.failed - now.failed, 'failed ad group')} tried again")
    return news


def bar(counts: Sequence[int], width: int) -> Text:
    """Counts of done, skipped, failed, in flight and to do as one bar; whatever is there is seen.

    >>> bar([50, 0, 1, 0, 49], 10).plain
    '█████▚░░░░'
    """
    total = sum(counts)
    if not total:
        return Text("░" * width, style="bright_black")
    cells = [max(1, count * width // total) if count else 0 for count in counts]
    # What rounding left over or took too much is the largest part's.
    largest = max(range(len(counts)), key=lambda at: counts[at])
    cells[largest] = max(1, cells[largest] + width - sum(cells))
    return Text.assemble(
        *((sign * count, style) for (_, sign, style), count in zip(_PARTS, cells, strict=True))
    )


def _counts(upload: Progress) -> list[int]:
    in_flight = upload.sending + upload.applied
    return [upload.done, upload.skipped, upload.failed, in_flight, upload.pending]


def _title(upload: Progress, width: int) -> Text:
    status = f"{upload.status}  {upload.percent:.1f}%"
    name = clean(f"#{upload.number} {upload.file_name}", max(width - len(status) - 2, 20))
    gap = max(width - len(name) - len(status), 2)
    return Text.assemble((name, "bold"), " " * gap, (status, _STATUS_STYLES.get(upload.status, "")))


def _figures(upload: Progress) -> Text:
    parts: list[tuple[str, str] | str] = []
    for (words, sign, style), count in zip(_PARTS, _counts(upload), strict=True):
        if count or words == "done":
            parts += [(f"{sign} ", style), f"{count:,} ", (f"{words}   ", "dim")]
    if upload.rejected:
        parts.append((f"{many(upload.rejected, 'row')} rejected", "dim"))
    return Text.assemble(*parts)


def _speed(upload: Progress, speed: float | None, now: datetime) -> Text:
    words = [f"{per_second(speed)} a second now", f"{per_second(upload.items_per_s)} on average"]
    if upload.eta_s is not None:
        at = now + timedelta(seconds=upload.eta_s)
        day = "" if at.date() == now.date() else f"{at:%a %d %b} "
        words.append(f"ready in {duration(upload.eta_s)}, at {day}{at:%H:%M}")
    return Text("   ".join(words))


def _heartbeat(heart: Heartbeat, upload: Progress, width: int) -> Text:
    said = upload.doing or upload.message
    if upload.waiting_until is not None:
        said += f" (until {upload.waiting_until.astimezone():%H:%M:%S})"
    room = max(width - len(heart.words) - 6, 20)
    return Text.assemble(
        ("● " if heart.level is not Level.DEAD else "◆ ", _HEARTS[heart.level]),
        (heart.words, _HEARTS[heart.level]),
        ("   " if heart.words else "") + clean(said, room),
    )
