"""What the pages say: statuses, reasons and figures in words that a marketer knows. Pure."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from markupsafe import Markup, escape

from themaads_pipeline.model.outcomes import Category
from themaads_pipeline.model.uploads import UploadStatus

__all__ = [
    "CATEGORIES",
    "ENDINGS",
    "STAGES",
    "STATUSES",
    "count",
    "duration",
    "edition_title",
    "many",
    "moment",
    "per_second",
    "prose",
    "share",
]

# What each status means, for somebody who has never read the glossary.
STATUSES: Mapping[str, str] = {
    UploadStatus.WAITING: "handed in; it begins as soon as there is room",
    UploadStatus.RUNNING: "ads are being made",
    UploadStatus.INTERRUPTED: "its run ended too early; another one goes on where it was",
    UploadStatus.PAUSED: "stopped by a person; it goes on when somebody resumes it",
    UploadStatus.FAILED: "it cannot go on without you",
    UploadStatus.FINISHED: "every ad group has an outcome",
}

# Of each kind of failure: who can do something about it, and whether it makes sense to try again.
CATEGORIES: Mapping[str, tuple[str, str]] = {
    Category.POLICY: (
        "Google's policy",
        "Google refused the text or the page. Change it, or ask for an exception: as it is it fails again.",
    ),
    Category.INVALID: (
        "a rule is broken",
        "The ad or ad group breaks a rule or a limit. Repair it as the example says, then try again.",
    ),
    Category.ACCOUNT: (
        "the account",
        "The account is suspended, closed, or not open to us. Repair that in Google Ads, then try again.",
    ),
    Category.TEMPORARY: (
        "passing trouble",
        "It should have passed, and did not in time. Try again: it may go well now.",
    ),
    Category.TECHNICAL: (
        "our side",
        "Something went wrong on our side. Try again once; if it fails again, report it with its code.",
    ),
}

STAGES: Mapping[str, str] = {
    "reading": "read the file",
    "pushing": "made ads",
    "reporting": "wrote the report",
    "checking": "checked the accounts",
}

# How a stage ended, and the level it is shown at.
ENDINGS: Mapping[str, tuple[str, str]] = {
    "finished": ("finished", "alive"),
    "interrupted": ("was interrupted", "slow"),
    "paused": ("was paused", "resting"),
    "failed": ("failed", "dead"),
    "fenced": ("was replaced by another run", "slow"),
    "died": ("died", "dead"),
}

_CODE = re.compile(r"`([^`]+)`")
_CLASS_NAME = re.compile(r"^\w+(Error|Exception): ")


def count(number: float | None) -> str:
    """A whole number for people: `21,595`; a dash where nobody knows it."""
    return "–" if number is None else f"{number:,.0f}"


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

    >>> duration(4.2), duration(312), duration(7_380), duration(200_000)
    ('4 s', '5 min 12 s', '2 h 3 min', '2 d 7 h')
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


def edition_title(edition: str | None) -> str:
    """An edition for people.

    >>> edition_title("black_friday_2026"), edition_title(None)
    ('Black friday 2026', 'by the theme column')
    """
    return "by the theme column" if edition is None else edition.replace("_", " ").capitalize()


def prose(text: str | None) -> Markup:
    """A message of ours or Google's: never markup, but commands in it look like commands; no class names.

    >>> prose("paused: `themaads resume 4` <b>")
    Markup('paused: <code>themaads resume 4</code> &lt;b&gt;')
    """
    safe = str(escape(_CLASS_NAME.sub("", text or "")))
    return Markup(_CODE.sub(r"<code>\1</code>", safe))  # noqa: S704 - escaped the line before
