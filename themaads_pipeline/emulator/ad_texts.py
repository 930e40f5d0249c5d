"""Texts of ads: how wide Google counts them, and the functions in braces they may contain."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from unicodedata import category, east_asian_width
from zoneinfo import ZoneInfo

_COUNTDOWN_WIDTH = 8  # "XX dagen", whatever the reader will see
_FUNCTION = re.compile(r"\{([^{}]*)\}")
_COUNTDOWN = re.compile(r"(GLOBAL_)?COUNTDOWN\((.*)\)(:.*)?", re.IGNORECASE | re.DOTALL)
_DEFAULTED = re.compile(r"(KEYWORD|CUSTOMIZER\.[^:]*|LOCATION\([^:]*\))(?::(.*))?", re.IGNORECASE | re.DOTALL)
_ATTRIBUTE = re.compile(r"CUSTOMIZER\.[^\s{}.:][^{}.:]{0,39}", re.IGNORECASE)
_LOCATION = re.compile(r"LOCATION\((?:city|state|country)\)", re.IGNORECASE)
_DATE = "%Y-%m-%d %H:%M:%S"
_UNWRITABLE = frozenset({"Cc", "Zl", "Zp"})
_FOR_EVER = "9999-12-31 00:00:00"


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What can be said of a text without knowing the time. `countdowns` are the dates it counts down to."""

    width: int
    length: int
    problem: str = ""
    countdowns: tuple[tuple[bool, str], ...] = ()  # global or not, date


@dataclass(slots=True)
class _Reading:
    """A text while it is read from left to right. The first problem is the one told."""

    width: int = 0
    length: int = 0
    problem: str = ""

    def plain(self, text: str) -> None:
        self.width += _width(text)
        self.length += len(text)
        if "{" in text or "}" in text:
            self.fail("UNPAIRED_BRACE_IN_AD_CUSTOMIZER_TAG")

    def fail(self, name: str) -> None:
        self.problem = self.problem or f"AdError.{name}"


@lru_cache(maxsize=100_000)
def text_facts(text: str) -> TextFacts:
    """Facts of a text. Remembered, as a theme's texts come with every ad."""
    if "{" not in text and "}" not in text:
        problem = "" if is_writable(text) else "StringFormatError.ILLEGAL_CHARS"
        return TextFacts(width=_width(text), length=len(text), problem=problem)
    reading = _Reading()
    if not is_writable(text):
        reading.problem = "StringFormatError.ILLEGAL_CHARS"
    elif _is_nested(text):
        reading.fail("NESTED_AD_CUSTOMIZER_SYNTAX")
    position = 0
    countdowns: list[tuple[bool, str]] = []
    for match in _FUNCTION.finditer(text):
        if match.start() == position > 0:
            reading.fail("AD_CUSTOMIZERS_MAY_NOT_BE_ADJACENT")
        reading.plain(text[position : match.start()])
        position = match.end()
        if countdown := _COUNTDOWN.fullmatch(match[1]):
            countdowns.append((countdown[1] is not None, _read_countdown(countdown, reading)))
        else:
            _read_function(match[1], reading)
    reading.plain(text[position:])
    if len({kind for kind, _ in countdowns}) > 1:
        reading.fail("MORE_THAN_ONE_COUNTDOWN_TAG_TYPE_EXISTS")
    return TextFacts(
        width=reading.width, length=reading.length, problem=reading.problem, countdowns=tuple(countdowns)
    )


def is_writable(text: str) -> bool:
    """Whether a text has only characters that can be shown: no line breaks, no control characters."""
    return text.isprintable() or not any(category(character) in _UNWRITABLE for character in text)


def is_past(date: str, now: float, time_zone: str) -> bool:
    """Whether a countdown's date is over in the account's time zone."""
    return _moment(date, time_zone) <= now


@lru_cache(maxsize=1_000)
def _moment(date: str, time_zone: str) -> float:
    return datetime.strptime(date, _DATE).replace(tzinfo=ZoneInfo(time_zone)).timestamp()


def _width(text: str) -> int:
    """Each character counts, combining and zero-width ones too; wide ones (emoji among them) count double."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _is_nested(text: str) -> bool:
    """Whether a pair of braces stands in another pair."""
    depth, pairs = 0, 0
    for character in text:
        if character == "{":
            depth += 1
            pairs = max(pairs, depth)
        elif character == "}":
            depth -= 1
            if depth < 0:
                return False
    return depth == 0 and pairs > 1


def _read_function(inner: str, reading: _Reading) -> None:
    """A function other than a countdown: its default text counts, not its name."""
    defaulted = _DEFAULTED.fullmatch(inner)
    if defaulted is None:
        old = inner.startswith("=")
        name = "UNSUPPORTED_AD_CUSTOMIZER_SYNTAX" if old else "UNRECOGNIZED_AD_CUSTOMIZER_TAG_FOUND"
        reading.fail(name)
        return
    name, default = defaulted[1], defaulted[2]
    if name.upper().startswith("CUSTOMIZER.") and not _ATTRIBUTE.fullmatch(name):
        reading.fail("INVALID_CUSTOMIZER_ATTRIBUTE_NAME")
    elif name.upper().startswith("LOCATION(") and not _LOCATION.fullmatch(name):
        reading.fail("UNRECOGNIZED_AD_CUSTOMIZER_TAG_FOUND")
    elif default is None and name.upper() == "KEYWORD":
        reading.fail("PLACEHOLDER_DEFAULT_VALUE_MISSING")
    elif default is not None and not default.strip():
        reading.fail("PLACEHOLDER_CANNOT_HAVE_EMPTY_DEFAULT_VALUE")
    reading.width += _width(default or "")
    reading.length += len(default or "")


def _read_countdown(countdown: re.Match[str], reading: _Reading) -> str:
    """The date of `2026-11-27 00:00:00,5`; the number is the days before it that the countdown starts."""
    reading.width += _COUNTDOWN_WIDTH
    reading.length += _COUNTDOWN_WIDTH
    date, *rest = (part.strip().strip("'\"") for part in countdown[2].split(","))
    try:
        datetime.strptime(date, _DATE)  # noqa: DTZ007 - the zone is the account's, known later
    except ValueError:
        reading.fail("DATE_TIME_IN_COUNTDOWN_TAG_IS_INVALID")
        return _FOR_EVER
    if countdown[3] is not None:
        reading.fail("PLACEHOLDER_COUNTDOWN_FUNCTION_CANNOT_HAVE_DEFAULT_VALUE")
    if len(rest) > 1 or any(not (days.isdecimal() and days.isascii() and int(days) > 0) for days in rest[:1]):
        reading.fail("INVALID_AD_CUSTOMIZER_FORMAT")
    return date
