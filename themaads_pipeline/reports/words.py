"""How reports and the command say figures, times and stages, so that a marketer knows what is meant. Pure."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from themaads_pipeline.model.uploads import UploadStatus

__all__ = ["ENDINGS", "STAGES", "STATUSES", "clean", "duration", "many", "moment", "per_second", "share"]

# What each status means, for somebody who has never read the glossary.
STATUSES: Mapping[str, str] = {
    UploadStatus.WAITING: "handed in; it begins as soon as there is room",
    UploadStatus.RUNNING: "ads are being made",
    UploadStatus.INTERRUPTED: "its run ended too early; another one goes on where it was",
    UploadStatus.PAUSED: "stopped by a person; it goes on when somebody resumes it",
    UploadStatus.FAILED: "it cannot go on without you",
    UploadStatus.FINISHED: "every ad group has an outcome",
}

STAGES: Mapping[str, str] = {
    "reading": "reading the file",
    "pushing": "making ads",
    "reporting": "writing the report",
    "checking": "checking the accounts",
}

# How a stage ended, as the ledger has it.
ENDINGS: Mapping[str, str] = {
    "finished": "finished",
    "interrupted": "was interrupted",
    "paused": "was paused",
    "failed": "failed",
    "fenced": "was replaced by another run",
    "died": "died",
}

_SPACES = re.compile(r"\s+")


def many(number: int, noun: str) -> str:
    """How many of something.

    >>> many(1, "ad group"), many(2000, "ad group")
    ('1 ad group', '2,000 ad groups')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def per_second(rate: float | None) -> str:
    """Items a second: decimals only where they say something; a dash where nobody knows.

    >>> per_second(0.42), per_second(31.62), per_second(412.2), per_second(None)
    ('0.42', '31.6', '412', '–')
    """
    if rate is None:
        return "–"
    if rate >= 100:
        return f"{rate:,.0f}"
    return f"{rate:.1f}" if rate >= 10 or rate == 0 else f"{rate:.2g}"


def share(part: float, whole: float) -> str:
    """A share in percent, which is 0% and 100% only when it is so.

    >>> share(1, 100_000), share(99_999, 100_000), share(1, 3), share(0, 0)
    ('<0.1%', '>99.9%', '33.3%', '0%')
    """
    if not part or not whole:
        return "0%"
    if part == whole:
        return "100%"
    percent = 100 * part / whole
    if percent < 0.1:
        return "<0.1%"
    return ">99.9%" if percent > 99.9 else f"{percent:.1f}%"


def duration(seconds: float | None) -> str:
    """How long, in one or two units.

    >>> duration(4.2), duration(312), duration(7_380), duration(200_000), duration(None)
    ('4 s', '5 min 12 s', '2 h 3 min', '2 d 7 h', '–')
    """
    if seconds is None:
        return "–"
    left = max(0, math.floor(seconds))
    units = (("d", left // 86_400), ("h", left // 3_600 % 24), ("min", left // 60 % 60), ("s", left % 60))
    first = next((at for at, (_, value) in enumerate(units) if value), len(units) - 1)
    shown = [f"{value} {unit}" for unit, value in units[first : first + 2] if value]
    return " ".join(shown) or "0 s"


def moment(at: datetime | None) -> str:
    """A moment in UTC, which is what logs and Dagster's files have."""
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def clean(text: object, longest: int = 300) -> str:
    r"""Somebody else's text on one line, cut where it is long: nothing in it turns the line around it.

    >>> clean("a\n\u202eb"), clean("abc", 2)
    ('a b', 'a…')
    """
    shown = "" if text is None else str(text)
    shown = _SPACES.sub(" ", "".join(c if c.isprintable() else " " for c in shown)).strip()
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
