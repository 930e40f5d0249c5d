"""Pause, resume, retry: each guarded by the status that the upload has, and none of them sends anything."""

import time
from dataclasses import dataclass

from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline.steering.runs import DagsterUnreachableError, terminate_runs

__all__ = ["RESUMABLE", "Resumed", "pause", "resume", "retry"]

RESUMABLE = (UploadStatus.PAUSED, UploadStatus.INTERRUPTED, UploadStatus.FAILED)
_QUIET = (UploadStatus.WAITING, UploadStatus.INTERRUPTED)
_LONGEST_START_S = 90.0  # Dagster gives a worker 60 s to start
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumed:
    """An upload that goes on. `left`: items without an outcome; None: its file is not read yet."""

    left: int | None
    asks_google_again: bool  # which had said that the day's operations are used up


def pause(settings: Settings, ledger: Ledger, upload: Upload, *, by: str = "a person") -> bool:
    """Stop an upload until somebody resumes it; what is in flight is settled first.

    Args:
        settings: Where Dagster is.
        ledger: Has the upload.
        upload: As it was a moment ago.
        by: Who wants it, for everybody to see.

    Returns:
        False: it was paused already.

    Raises:
        PermanentError: It has ended, or its run could not be ended, and goes on.
    """
    if upload.status == UploadStatus.PAUSED:
        return False
    if upload.status in {UploadStatus.FINISHED, UploadStatus.FAILED}:
        raise PermanentError(f"#{upload.number} is {upload.status}: there is nothing to pause")
    message = f"paused by {by}: `themaads resume {upload.number}` goes on"
    was = (*_QUIET, UploadStatus.RUNNING)
    if not ledger.uploads.set_status(upload.number, UploadStatus.PAUSED, was=was, message=message):
        raise PermanentError(f"#{upload.number} has just ended: `themaads status {upload.number}`")
    try:
        _end_runs(settings, upload)
    except DagsterUnreachableError as error:
        [progress] = ledger.uploads.progress(upload.number)
        if not _is_alive(progress, settings.stall_seconds):
            return True  # nobody works on it, and a run that is queued cannot start without Dagster
        # The truth: it still runs, and whoever sees "paused" must be able to believe it.
        ledger.uploads.set_status(upload.number, UploadStatus.RUNNING, was=(UploadStatus.PAUSED,))
        raise PermanentError(
            f"#{upload.number} is being worked on by run {progress.run_id}, which could not be ended "
            f"({error}): terminate that run in Dagster, which pauses the upload"
        ) from error
    return True


def resume(ledger: Ledger, upload: Upload) -> Resumed:
    """Go on with an upload that is paused, interrupted or failed; the limit of a trial is lifted.

    That Google said the day's operations are used up is forgotten, for all uploads: a person knows better.

    Raises:
        PermanentError: It is in none of these states any more.
    """
    gone = ledger.quota.gone() if upload.status in RESUMABLE else None
    if gone is not None:
        ledger.quota.is_back()  # before it is launched: a run that is quick would still see the note
    if not ledger.uploads.resume(upload.number, was=RESUMABLE):
        raise PermanentError(_not_resumed(ledger, upload))
    [progress] = ledger.uploads.progress(upload.number)
    left = progress.total - progress.final if progress.is_read else None
    return Resumed(left=left, asks_google_again=gone is not None)


def retry(
    ledger: Ledger,
    upload: Upload,
    *,
    category: str | None = None,
    code: str | None = None,
    customer_id: int | None = None,
    skipped: bool = False,
) -> int:
    """Have failed items tried again, all of them or some; returns how many. None gets a second ad.

    Args:
        ledger: Has the upload.
        upload: It goes on, unless it is paused.
        category: Only failures of this kind.
        code: Only with this code: Google's or ours, or with `skipped` a reason.
        customer_id: Only in this account.
        skipped: Also what was skipped; not with a category, which skips have none of.
    """
    states = [ItemState.FAILED, *([ItemState.SKIPPED] if skipped and not category else [])]
    retried = ledger.rows.retry(
        upload.number, states=states, category=category, code=code, customer_id=customer_id
    )
    [progress] = ledger.uploads.progress(upload.number)
    if progress.final < progress.total:
        # One that failed or was interrupted goes on only if there was something to retry; one that is
        # finished with open items is what a retry left that was cut off here.
        was = (UploadStatus.FAILED, UploadStatus.INTERRUPTED) if retried else ()
        ledger.uploads.set_status(upload.number, UploadStatus.WAITING, was=(UploadStatus.FINISHED, *was))
    return retried


def _end_runs(settings: Settings, upload: Upload) -> None:
    """Until none is left: Dagster refuses to end a run whose worker is just starting, which then begins.

    Raises:
        DagsterUnreachableError: Dagster cannot be asked, or one is left.
    """
    deadline = time.monotonic() + _LONGEST_START_S
    while left := terminate_runs(settings, upload):
        if time.monotonic() > deadline:
            raise DagsterUnreachableError(f"Dagster does not end run {left[0]}")
        time.sleep(_LOOK_EVERY_S)


def _is_alive(progress: Progress, stall_seconds: float) -> bool:
    return progress.progress_age_s is not None and progress.progress_age_s < stall_seconds


def _not_resumed(ledger: Ledger, upload: Upload) -> str:
    [progress] = ledger.uploads.progress(upload.number)
    if progress.status == UploadStatus.FINISHED:
        return (
            f"#{upload.number} is finished: `themaads retry {upload.number}` tries what failed again"
            if progress.failed
            else f"#{upload.number} is finished, and nothing failed"
        )
    return f"#{upload.number} is {progress.status}: it goes on by itself"
