"""Dates in queries: what DURING's functions mean, how dates are written, and the range that conditions leave.

All ranges include both ends. Today is the day in the account's time zone.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from themaads_pipeline.emulator.gaql.query import Condition
from themaads_pipeline.emulator.gaql.tokens import query_error

CORE_SEGMENTS = ("date", "week", "month", "quarter", "year")
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2037, 12, 31)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)?", re.ASCII)

Range = tuple[date, date]


def _days(count: int) -> timedelta:
    return timedelta(days=count)


def _monday(day: date) -> date:
    return day - _days(day.weekday())


def _sunday(day: date) -> date:
    return day - _days((day.weekday() + 1) % 7)


def _last_month(today: date) -> Range:
    last = today.replace(day=1) - _days(1)
    return last.replace(day=1), last


_FUNCTIONS: dict[str, Callable[[date], Range]] = {
    "TODAY": lambda today: (today, today),
    "YESTERDAY": lambda today: (today - _days(1), today - _days(1)),
    "LAST_7_DAYS": lambda today: (today - _days(7), today - _days(1)),
    "LAST_14_DAYS": lambda today: (today - _days(14), today - _days(1)),
    "LAST_30_DAYS": lambda today: (today - _days(30), today - _days(1)),
    "THIS_MONTH": lambda today: (today.replace(day=1), today),
    "LAST_MONTH": _last_month,
    "THIS_WEEK_MON_TODAY": lambda today: (_monday(today), today),
    "THIS_WEEK_SUN_TODAY": lambda today: (_sunday(today), today),
    "LAST_WEEK_MON_SUN": lambda today: (_monday(today) - _days(7), _monday(today) - _days(1)),
    "LAST_WEEK_SUN_SAT": lambda today: (_sunday(today) - _days(7), _sunday(today) - _days(1)),
    "LAST_BUSINESS_WEEK": lambda today: (_monday(today) - _days(7), _monday(today) - _days(3)),
}


def today_in(time_zone: str, now: float) -> date:
    return datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(time_zone)).date()


def during(function: str, today: date) -> Range:
    """The days of a function such as LAST_30_DAYS; those ranges end yesterday, `THIS_...` end today.

    Raises:
        RequestRefusedError: There is no such function.
    """
    function = function.upper()
    if function not in _FUNCTIONS:
        raise query_error("INVALID_VALUE_WITH_DURING_OPERATOR", f"invalid date range '{function}'", function)
    first, last = _FUNCTIONS[function](today)
    return first, last


def check_moment(text: str, *, with_time: bool, error: str = "INVALID_DATE_FORMAT") -> str:
    """A date of a query as it was written, `YYYY-MM-DD`, with a time where the field has one.

    Raises:
        RequestRefusedError: It is none.
    """
    pattern = _MOMENT if with_time else _DAY
    if pattern.fullmatch(text) is None or not _is_moment(text[:19]):
        raise query_error(error, f"'{text}' is no date, expected YYYY-MM-DD", text)
    return text


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def start_of(segment: str, day: date) -> date:
    """The first day of the week (a Monday), month or quarter that a day belongs to."""
    match segment:
        case "week":
            return _monday(day)
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day


def end_of(segment: str, first: date) -> date:
    """The last day of the period that starts on a day."""
    match segment:
        case "week":
            return first + _days(6)
        case "month":
            return start_of("month", first + _days(31)) - _days(1)
        case "quarter":
            return start_of("quarter", first + _days(95)) - _days(1)
    return first


def is_core_segment(name: str) -> bool:
    """Whether a field is a date that can be filtered on without being selected: `segments.week`."""
    resource, _, segment = name.partition(".")
    return resource == "segments" and segment in CORE_SEGMENTS


def range_of(conditions: Iterable[Condition], today: Callable[[], date]) -> Range | None:
    """The days that the conditions on core date segments leave, None when there are no such conditions.

    Raises:
        RequestRefusedError: A date is wrong, the range has no end, or ends before it begins.
    """
    low, high, found = None, None, False
    for condition in conditions:
        if not is_core_segment(condition.field):
            continue
        found = True
        first, last = _bounds(condition, condition.field.removeprefix("segments."), today)
        low = first if low is None else max(low, first or low)
        high = last if high is None else min(high, last or high)
    if not found:
        return None
    if low is None or high is None:
        raise query_error(
            "EXPECTED_FILTERS_ON_DATE_RANGE",
            "the filters on segments.date and its like must make up a finite date range",
        )
    if low > high:
        raise query_error("DATE_RANGE_TOO_NARROW", f"the range ends on {high}, before it starts on {low}")
    return low, high


def _bounds(condition: Condition, segment: str, today: Callable[[], date]) -> tuple[date | None, date | None]:
    """First and last day of one condition; None where it has no bound."""
    operator = condition.operator
    if operator == "DURING":
        return during(condition.values[0], today())
    if operator in {"!=", "NOT IN", "IS NULL", "IS NOT NULL"}:
        return None, None
    starts = [_period(segment, text, operator) for text in condition.values]
    if operator == "BETWEEN":
        return starts[0], _end(segment, starts[1])
    first, end = min(starts), _end(segment, max(starts))
    if operator in {"<", "<="}:
        return None, first - _days(1) if operator == "<" else end
    if operator in {">", ">="}:
        return end + _days(1) if operator == ">" else first, None
    return first, end


def _end(segment: str, first: date) -> date:
    return date(first.year, 12, 31) if segment == "year" else end_of(segment, first)


def _period(segment: str, text: str, operator: str) -> date:
    if segment == "year":
        if not (text.isdecimal() and text.isascii() and FIRST_DAY.year <= int(text[:5]) <= LAST_DAY.year):
            raise query_error("BAD_NUMBER", f"'{text}' is no year", text)
        return date(int(text), 1, 1)
    error = "INVALID_VALUE_WITH_BETWEEN_OPERATOR" if operator == "BETWEEN" else "INVALID_DATE_FORMAT"
    day = date.fromisoformat(check_moment(text, with_time=False, error=error))
    if start_of(segment, day) != day:
        raise query_error("MISALIGNED_DATE_FOR_FILTER", f"{text} is not the first day of a {segment}", text)
    return min(max(day, FIRST_DAY), LAST_DAY)
