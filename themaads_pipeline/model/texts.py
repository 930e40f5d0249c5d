"""Ad texts as Google counts, compares and shows them, and the placeholders that they may hold."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol

HEADLINE_WIDTH = 30
DESCRIPTION_WIDTH = 90
PATH_WIDTH = 15

# What a countdown counts for ("XX dagen"), whatever it shows on the day.
COUNTDOWN_WIDTH = 8

# `{COUNTDOWN(2026-11-30 00:00:00,5)}`: in the searcher's time zone; `{GLOBAL_COUNTDOWN(...)}`: the account's.
COUNTDOWN = re.compile(
    r"\{(?P<equals>=?)(?P<kind>GLOBAL_COUNTDOWN|COUNTDOWN)\((?P<target>[^,(){}]*)(?P<rest>[^(){}]*)\)\}",
    re.IGNORECASE,
)
# A countdown this near its end would be refused (`DATE_TIME_IN_COUNTDOWN_TAG_IS_PAST`) or over when served.
_COUNTDOWN_MARGIN = timedelta(hours=1)
# The placeholders that show a default when there is nothing to insert; the default is what counts.
DEFAULTED = re.compile(
    r"\{(?:KEYWORD|LOCATION\((?:CITY|STATE|COUNTRY)\)|CUSTOMIZER\.[^:{}]+):(?P<default>[^{}]*)\}",
    re.IGNORECASE,
)


class HasMoments(Protocol):
    """What a countdown can count to: `start`, `event` and `end` (an edition has them)."""

    @property
    def moments(self) -> Mapping[str, datetime]:
        """Wall-clock times by name."""


def display_width(text: str) -> int:
    """How many characters Google counts.

    A double-width character counts 2, `{KeyWord:default}` its default, a countdown 8.

    >>> display_width("{KeyWord:Schoenen} nog {COUNTDOWN(end,5)}"), display_width("黒色")
    (21, 4)
    """
    if "{" in text:
        text = DEFAULTED.sub(r"\g<default>", COUNTDOWN.sub("x" * COUNTDOWN_WIDTH, text))
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def single_spaced(text: str) -> str:
    """The text without outer and doubled white space: Google may return it so, or not."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


@lru_cache(maxsize=8_192)  # a theme's texts come by in every ad
def normalised(text: str) -> str:
    """What two texts of one ad may not have in common: duplicates are an error (`DUPLICATE_ASSET`)."""
    return single_spaced(text).casefold()


def has_countdown(text: str) -> bool:
    """Whether the text stops being shown at some moment."""
    return "{" in text and COUNTDOWN.search(text) is not None


def render_countdown(text: str, edition: HasMoments) -> str:
    """Put the edition's moments where a theme says `start`, `event` or `end`, and change nothing else."""
    if "{" not in text:
        return text
    moments = edition.moments

    def rendered(match: re.Match[str]) -> str:
        moment = moments.get(match["target"].strip().lower())
        if moment is None:
            return match[0]
        return f"{{{match['equals']}{match['kind']}({moment:%Y-%m-%d %H:%M:%S}{match['rest']})}}"

    return COUNTDOWN.sub(rendered, text)


def countdown_targets(text: str) -> tuple[datetime | None, ...]:
    """The moments that the text counts to, on the clock it counts by; None for one that cannot be read."""
    if "{" not in text:
        return ()
    return tuple(_moment(match["target"]) for match in COUNTDOWN.finditer(text))


def is_over(targets: Sequence[datetime | None], now: datetime) -> bool:
    """Whether one of a text's countdowns is past, ends within the hour, or cannot be read."""
    if not targets:
        return False
    soon = now + _COUNTDOWN_MARGIN
    return any(target is None or target <= soon for target in targets)


def rendered_for_people(text: str, now: datetime) -> str:
    """The text as a searcher sees it at `now` (wall clock), in Dutch; for previews.

    >>> rendered_for_people("Nog {COUNTDOWN(2026-11-30 00:00:00,5)}", datetime(2026, 11, 27, 12))
    'Nog 2 dagen'
    """
    clock = now.replace(tzinfo=None)

    def rendered(match: re.Match[str]) -> str:
        target = _moment(match["target"])
        return match[0] if target is None else _remaining(target, clock)

    return DEFAULTED.sub(r"\g<default>", COUNTDOWN.sub(rendered, text))


def _moment(target: str) -> datetime | None:
    try:
        return datetime.fromisoformat(target.strip().strip("\"'").replace("/", "-")).replace(tzinfo=None)
    except ValueError:
        return None


def _remaining(target: datetime, now: datetime) -> str:
    seconds = max(0, int((target - now).total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds // 3_600, seconds // 60
    if days:
        return f"{days} dag" if days == 1 else f"{days} dagen"
    if hours:
        return f"{hours} uur"
    return f"{minutes} minuut" if minutes == 1 else f"{minutes} minuten"
