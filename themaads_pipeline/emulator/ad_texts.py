"""Texts of ads: how wide Google counts them, and the functions in braces they may contain."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

_COUNTDOWN_WIDTH = 8  # "XX dagen", whatever the reader will see
_FUNCTION = re.compile(r"\{([^{}]*)\}")
_COUNTDOWN = re.compile(r"(?i)(GLOBAL_)?COUNTDOWN\((.*)\)")
_DEFAULTED = re.compile(r"(?i)(?:KEYWORD|CUSTOMIZER\.[^:]+|LOCATION\([a-z]+\)):(.*)", re.DOTALL)
_DATE = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What can be said of a text without knowing the time. `countdowns` are the dates it counts down to."""

    width: int
    length: int
    problem: str = ""
    countdowns: tuple[tuple[bool, str], ...] = ()  # global or not, date


@lru_cache(maxsize=100_000)
def text_facts(text: str) -> TextFacts:
    """Facts of a text. Remembered, as a theme's texts come with every ad."""
    if "{" not in text and "}" not in text:
        return TextFacts(width=_width(text), length=len(text))
    width = length = position = 0
    problem = ""
    countdowns: list[tuple[bool, str]] = []
    for match in _FUNCTION.finditer(text):
        plain = text[position : match.start()]
        width, length, position = width + _width(plain), length + len(plain), match.end()
        if "{" in plain or "}" in plain:
            problem = "AdError.UNPAIRED_BRACE_IN_AD_CUSTOMIZER_TAG"
        inner = match[1]
        if countdown := _COUNTDOWN.fullmatch(inner):
            width, length = width + _COUNTDOWN_WIDTH, length + _COUNTDOWN_WIDTH
            date, problem = _countdown_date(countdown[2], problem)
            countdowns.append((countdown[1] is not None, date))
        elif defaulted := _DEFAULTED.fullmatch(inner):
            width, length = width + _width(defaulted[1]), length + len(defaulted[1])
        else:
            name = (
                "UNSUPPORTED_AD_CUSTOMIZER_SYNTAX"
                if inner.startswith("=")
                else "UNRECOGNIZED_AD_CUSTOMIZER_TAG_FOUND"
            )
            problem = problem or f"AdError.{name}"
    plain = text[position:]
    if "{" in plain or "}" in plain:
        problem = problem or "AdError.UNPAIRED_BRACE_IN_AD_CUSTOMIZER_TAG"
    if len({kind for kind, _ in countdowns}) > 1:
        problem = problem or "AdError.MORE_THAN_ONE_COUNTDOWN_TAG_TYPE_EXISTS"
    return TextFacts(
        width=width + _width(plain), length=length + len(plain), problem=problem, countdowns=tuple(countdowns)
    )


def is_past(date: str, now: float, time_zone: str) -> bool:
    """Whether a countdown's date is over in the account's time zone."""
    return _moment(date, time_zone) <= now


@lru_cache(maxsize=1_000)
def _moment(date: str, time_zone: str) -> float:
    return datetime.strptime(date, _DATE).replace(tzinfo=ZoneInfo(time_zone)).timestamp()


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _countdown_date(arguments: str, problem: str) -> tuple[str, str]:
    """The date of `2026-11-27 00:00:00,5`, and the problem with it."""
    date = arguments.split(",", maxsplit=1)[0].strip().strip("'\"")
    try:
        datetime.strptime(date, _DATE)  # noqa: DTZ007 - the zone is the account's, known later
    except ValueError:
        return "9999-12-31 00:00:00", problem or "AdError.DATE_TIME_IN_COUNTDOWN_TAG_IS_INVALID"
    days = arguments.split(",")[1:]
    if any(not part.strip().strip("'\"").replace("-", "").isalnum() for part in days):
        return date, problem or "AdError.INVALID_AD_CUSTOMIZER_FORMAT"
    return date, problem
