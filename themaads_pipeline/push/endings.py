"""How an error that ends a run leaves its upload: failed, or to go on, and when."""

from datetime import UTC, datetime, timedelta

from themaads_pipeline.exceptions import AdsStoppedError, PermanentError, StopAskedError, ThemaAdsError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.masking import mask
from themaads_pipeline.model.uploads import UploadStatus

__all__ = ["due_in_s", "how_ended", "note_quota", "reason_of", "status_after"]


def status_after(error: BaseException) -> UploadStatus:
    """What an upload is after an error that ended its run: what only a person can mend is not tried again."""
    if due_in_s(error) is not None:
        return UploadStatus.INTERRUPTED
    return UploadStatus.FAILED if isinstance(error, PermanentError) else UploadStatus.INTERRUPTED


def how_ended(error: BaseException) -> str:
    """Whether the run was told to end (`interrupted`), or met an error (`failed`). Dagster's interrupt, like
    Ctrl-C, is no Exception.
    """
    is_told = isinstance(error, StopAskedError) or not isinstance(error, Exception)
    return "interrupted" if is_told else "failed"


def due_in_s(error: BaseException) -> float | None:
    """For how long to leave an upload alone after an error that goes away by itself, and not before then."""
    return error.retry_after_s if isinstance(error, AdsStoppedError) else None


def reason_of(error: BaseException) -> str:
    """The end of a run in one line, `waiting until 2026-11-24 08:00: daily operations used up` among others.
    The time is this machine's. It goes into the ledger, and so has no secret that a library quoted.
    """
    due_s, words = due_in_s(error), mask(str(error))
    if due_s is not None:
        until = (datetime.now(UTC) + timedelta(seconds=due_s)).astimezone()
        return f"waiting until {until:%Y-%m-%d %H:%M}: daily operations used up ({words})"
    if isinstance(error, ThemaAdsError) and words:
        return words  # written for people
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def note_quota(ledger: Ledger, error: BaseException) -> float | None:
    """Tell all other runs when Google says that the day's quota is gone; gives for how long."""
    due_s = due_in_s(error)
    if due_s is not None and isinstance(error, AdsStoppedError) and error.code.startswith("QuotaError."):
        ledger.quota.is_gone(seconds=due_s, message=str(error))
    return due_s
