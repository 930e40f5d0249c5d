"""When a campaign starts and ends."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from themaads_pipeline.emulator.failures import Errors, Path
from themaads_pipeline.emulator.messages import Message
from themaads_pipeline.emulator.serving import DATE_TIME

# The documentation writes dashes; Google's sample programs leave them out, and that works as well.
_WRITTEN = re.compile(r"(\d{4})(-?)(\d\d)\2(\d\d) (\d\d:\d\d:\d\d)")
_LATEST = datetime(2037, 12, 30, 23, 59, 59)  # noqa: DTZ001 - in the account's own zone, as all here
_STARTS, _ENDS = "00:00:00", "23:59:59"
# Channels whose campaigns may start and end within a day.
_TIMED_CHANNELS = frozenset({"DEMAND_GEN", "VIDEO", "PERFORMANCE_MAX"})


def check_dates(
    body: Message, before: Message, errors: Errors, path: Path, *, now: float, time_zone: str, channel: str
) -> None:
    """Checks what changed of both dates, and writes them in Google's form. A campaign without a start starts
    today.
    """
    today = datetime.fromtimestamp(now, ZoneInfo(time_zone)).replace(tzinfo=None)
    if not body.start_date_time:
        body.start_date_time = today.strftime(f"%Y-%m-%d {_STARTS}")
    dates: dict[str, datetime] = {}
    for name in ("start_date_time", "end_date_time"):
        text = getattr(body, name)
        at = (*path, (name, None))
        if not text:
            body.ClearField(name)
        elif not _changed(body, before, name):
            dates[name] = datetime.fromisoformat(text)
        elif date := _date(text, errors, at):
            dates[name] = date
            setattr(body, name, date.strftime(DATE_TIME))
    if errors.found:
        return
    start, end = dates["start_date_time"], dates.get("end_date_time")
    if _changed(body, before, "start_date_time"):
        _check_start(start, before, today, errors, path, timed=channel in _TIMED_CHANNELS)
    if end is not None and _changed(body, before, "end_date_time"):
        _check_end(end, today, errors, (*path, ("end_date_time", None)), timed=channel in _TIMED_CHANNELS)
    if end is not None and end < start:
        errors.add("DateRangeError.START_DATE_AFTER_END_DATE", (*path, ("start_date_time", None)))


def _check_start(
    start: datetime, before: Message, today: datetime, errors: Errors, path: Path, *, timed: bool
) -> None:
    at = (*path, ("start_date_time", None))
    started = before is not None and datetime.fromisoformat(before.start_date_time) <= today
    if started:
        errors.add("DateRangeError.CANNOT_MODIFY_START_DATE_IF_ALREADY_STARTED", at)
    elif start.date() < today.date():
        errors.add("DateRangeError.CANNOT_SET_DATE_TO_PAST", at)
    elif not timed and start.strftime("%H:%M:%S") != _STARTS:
        errors.add("DateError.DATE_RANGE_ERROR_START_TIME_MUST_BE_THE_START_OF_A_DAY", at)


def _check_end(end: datetime, today: datetime, errors: Errors, at: Path, *, timed: bool) -> None:
    if end > _LATEST:
        errors.add("DateRangeError.AFTER_MAXIMUM_ALLOWABLE_DATE", at, trigger=end.strftime(DATE_TIME))
    elif end < today:
        errors.add("DateRangeError.CANNOT_SET_DATE_TO_PAST", at, trigger=end.strftime(DATE_TIME))
    elif not timed and end.strftime("%H:%M:%S") != _ENDS:
        errors.add("DateError.DATE_RANGE_ERROR_END_TIME_MUST_BE_THE_END_OF_A_DAY", at)


def _changed(body: Message, before: Message, name: str) -> bool:
    return before is None or getattr(body, name) != getattr(before, name)


def _date(text: str, errors: Errors, at: Path) -> datetime | None:
    written = _WRITTEN.fullmatch(text)
    if written is None:
        errors.add("DateError.INVALID_STRING_DATE_TIME_SECONDS", at, trigger=text)
        return None
    year, _, month, day, time = written.groups()
    try:
        return datetime.strptime(f"{year}-{month}-{day} {time}", DATE_TIME)  # noqa: DTZ007 - as above
    except ValueError:
        errors.add("DateError.INVALID_FIELD_VALUES_IN_DATE_TIME", at, trigger=text)
        return None
