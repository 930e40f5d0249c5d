"""What a query has to say before Google tells of changes: a finite range of recent times, and a LIMIT."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError
from themaads_pipeline.emulator.gaql.dates import check_moment, during
from themaads_pipeline.emulator.gaql.query import Condition, Query

MAX_ROWS = 10_000
_END_OF_DAY = timedelta(days=1) - timedelta(microseconds=1)
_DAY = len("2026-01-31")

Check = Callable[[Query, Account, float], None]
Bounds = tuple[datetime | None, datetime | None]


def change_check(field: str, error: str, days: int) -> Check:
    """The check of a resource whose time is in `field`; `error` is the kind of error it gives.

    The check raises RequestRefusedError: no LIMIT or one too high, no finite range, a range that ends before
    it begins, or that begins more than `days` ago.
    """

    def check(query: Query, account: Account, now: float) -> None:
        if query.limit is None:
            raise _refusal(
                error, "LIMIT_NOT_SPECIFIED", f"The {query.resource} search request needs a LIMIT."
            )
        if query.limit > MAX_ROWS:
            raise _refusal(error, "INVALID_LIMIT_CLAUSE", f"The LIMIT has to be at most {MAX_ROWS}.")
        today = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(account.time_zone)).replace(tzinfo=None)
        lows, highs = [], []
        for condition in query.conditions:
            if condition.field == field:
                low, high = _bounds(condition, today)
                lows += [low] if low else []
                highs += [high] if high else []
        if not lows or not highs:
            message = f"The request has to filter by a finite range of {field}."
            raise _refusal(error, "CHANGE_DATE_RANGE_INFINITE", message)
        if max(lows) > min(highs):
            raise _refusal(error, "CHANGE_DATE_RANGE_NEGATIVE", "The range ends before it begins.")
        if max(lows).date() < today.date() - timedelta(days):
            message = f"The requested start date cannot be older than {days} days."
            raise _refusal(error, "START_DATE_TOO_OLD", message)

    return check


def _bounds(condition: Condition, now: datetime) -> Bounds:
    """The earliest and the latest moment that a condition leaves; a date alone means the whole day."""
    operator = condition.operator
    if operator == "DURING":
        first, last = during(condition.values[0], now.date())
        start, end = (datetime.fromisoformat(day.isoformat()) for day in (first, last))
        return start, end + _END_OF_DAY
    if operator not in {"=", "<", "<=", ">", ">=", "BETWEEN", "IN"}:
        return None, None
    values = [check_moment(text, with_time=True) for text in condition.values]
    low, high = datetime.fromisoformat(min(values)), datetime.fromisoformat(max(values))
    if len(max(values)) == _DAY and operator != "<":
        high += _END_OF_DAY
    match operator:
        case ">" | ">=":
            return low, None
        case "<" | "<=":
            return None, high
    return low, high


def _refusal(error: str, name: str, message: str) -> RequestRefusedError:
    return RequestRefusedError(ApiError(code=f"{error}.{name}", message=message))
