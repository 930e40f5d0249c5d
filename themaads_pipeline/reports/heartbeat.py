"""Whether an upload is alive, at a glance. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from themaads_pipeline.ledger.looks import AboutUpload
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.reports.words import duration, moment

__all__ = ["Heartbeat", "Level", "heartbeat_of"]

_SLOW = 0.5  # of the threshold


class Level(StrEnum):
    """The colours, by what they mean."""

    ALIVE = "alive"  # green
    SLOW = "slow"  # amber: half of the time after which it counts as stalled is over
    DEAD = "dead"  # red: nobody works on what somebody should be working on
    RESTING = "resting"  # no colour: nobody has to work on it now


@dataclass(frozen=True, kw_only=True, slots=True)
class Heartbeat:
    """The level, and why in a few words. `age_s`: for how long nothing was seen; None: no matter."""

    level: Level
    words: str
    age_s: float | None = None


def heartbeat_of(progress: Progress, about: AboutUpload, *, stall_seconds: float, now: datetime) -> Heartbeat:
    """Of one upload.

    A running upload whose stage has ended is between two stages; that no second one comes is a death, too,
    and so its time counts on.

    Args:
        progress: How far it is.
        about: Since when, and for what it waits.
        stall_seconds: After which a run without progress counts as stalled.
        now: The ledger's clock.
    """
    match progress.status:
        case UploadStatus.RUNNING:
            return _running(progress, about, stall_seconds)
        case UploadStatus.INTERRUPTED if about.due_at is not None and about.due_at > now:
            return Heartbeat(level=Level.RESTING, words=f"goes on by itself at {moment(about.due_at)}")
        case UploadStatus.INTERRUPTED:
            since = (now - about.status_at).total_seconds()
            return Heartbeat(
                level=Level.DEAD,
                words=f"its run ended {duration(since)} ago; another one is started by itself",
                age_s=since,
            )
        case UploadStatus.WAITING if about.due_at is not None and about.due_at > now:
            return Heartbeat(level=Level.RESTING, words=f"begins at {moment(about.due_at)}")
        case UploadStatus.WAITING:
            return _waiting((now - about.status_at).total_seconds(), stall_seconds)
        case _:
            return Heartbeat(level=Level.RESTING, words="")


def _running(progress: Progress, about: AboutUpload, stall_seconds: float) -> Heartbeat:
    age = progress.progress_age_s if progress.progress_age_s is not None else about.quiet_s or 0.0
    is_between = progress.progress_age_s is None
    if age >= stall_seconds:
        return Heartbeat(level=Level.DEAD, words=f"no progress for {duration(age)}", age_s=age)
    words = "between two stages" if is_between else f"progress {duration(age)} ago"
    if age >= _SLOW * stall_seconds:
        return Heartbeat(level=Level.SLOW, words=words, age_s=age)
    return Heartbeat(level=Level.ALIVE, words="progress just now" if age < 2 else words, age_s=age)


def _waiting(since: float, stall_seconds: float) -> Heartbeat:
    words = f"waits for its turn for {duration(since)}"
    return Heartbeat(level=Level.SLOW if since >= stall_seconds else Level.RESTING, words=words, age_s=since)
