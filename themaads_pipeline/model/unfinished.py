"""What becomes of an upload that is not finished and has no run at work on it (the net below run retries)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from themaads_pipeline.model.uploads import UploadStatus

__all__ = [
    "MOST_DEATHS",
    "LastRun",
    "NextStep",
    "RecentRun",
    "deaths_in_a_row",
    "failures_in_a_row",
    "next_step",
    "rest_after",
]

MOST_DEATHS = 3
_OPEN = frozenset({UploadStatus.WAITING, UploadStatus.RUNNING, UploadStatus.INTERRUPTED})
_RETRY_DAEMON_S = 20.0  # it looks every 5 s; after that long it has forgotten the run
_FIRST_REST_S, _LONGEST_REST_S = 30.0, 1_800.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RecentRun:
    """A run as the ledger saw it. It died when it never said how it ended."""

    run_id: str
    started_at: datetime
    ended_at: datetime  # or last seen
    ended_how: str | None
    ended_why: str | None
    died: bool
    progressed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LastRun:
    """Of a partition's runs in Dagster the one that is active; where none is, the one that ended last.

    Not the newest: a second run that was refused, or cancelled while queued, says nothing of the first.
    """

    run_id: str
    is_active: bool
    was_canceled: bool
    is_retried: bool  # Dagster's own retry was, or is about to be, launched
    ended_at: datetime | None  # of a cancelled one: when that was asked for
    never_began: int = 0  # how many of the newest died before they took the upload, unseen by the ledger
    why: str = ""  # the newest of those died, as Dagster tells it


class NextStep(StrEnum):
    """What to do about it."""

    NOTHING = "nothing"
    LAUNCH = "launch"
    PAUSE = "pause"  # a person cancelled its run
    GIVE_UP = "give_up"  # it dies again and again


def deaths_in_a_row(runs: Sequence[RecentRun]) -> int:
    """How many of the newest runs died one after the other without any progress."""
    return _in_a_row(runs, lambda run: run.died)


def failures_in_a_row(runs: Sequence[RecentRun]) -> int:
    """How many of the newest runs ended, however, without any progress."""
    return _in_a_row(runs, lambda run: run.ended_how != "finished")


def rest_after(failures: int) -> timedelta:
    """How long to leave an upload alone whose last runs came to nothing: 30 s, 1 min, ... half an hour."""
    if not failures:
        return timedelta()
    return timedelta(seconds=min(_FIRST_REST_S * 2 ** (failures - 1), _LONGEST_REST_S))


def next_step(
    *,
    status: UploadStatus,
    status_at: datetime,
    runs: Sequence[RecentRun],
    last: LastRun | None,
    now: datetime,
    due_at: datetime | None = None,
) -> NextStep:
    """Decide about one upload that is waiting, running by its status, or interrupted.

    Args:
        status: By the ledger.
        status_at: Since when.
        runs: Its last runs by the ledger, the newest first.
        last: Its last run by Dagster; None: there never was one.
        now: The ledger's clock.
        due_at: It waits until then, for the day's quota.
    """
    if status not in _OPEN or (last is not None and last.is_active):
        return NextStep.NOTHING
    if due_at is not None:
        return NextStep.LAUNCH if now >= due_at else NextStep.NOTHING
    ended_at = None if last is None else last.ended_at or status_at
    if last is None or ended_at is None or (status is UploadStatus.WAITING and ended_at < status_at):
        # New, or resumed since: the folder's sensor launches what waits.
        return NextStep.NOTHING if status is UploadStatus.WAITING else NextStep.LAUNCH
    if last.was_canceled:
        return NextStep.PAUSE
    if last.never_began + deaths_in_a_row(runs) >= MOST_DEATHS:
        return NextStep.GIVE_UP
    rest = rest_after(last.never_began + failures_in_a_row(runs))
    if last.is_retried:
        rest = max(rest, timedelta(seconds=_RETRY_DAEMON_S))
    return NextStep.LAUNCH if now - ended_at >= rest else NextStep.NOTHING


def _in_a_row(runs: Sequence[RecentRun], counts: Callable[[RecentRun], bool]) -> int:
    found = 0
    for run in runs:
        if run.progressed or not counts(run):
            break
        found += 1
    return found
