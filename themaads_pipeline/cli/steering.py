"""`themaads pause`, `resume` and `retry`: what a person may do to an upload."""

import time

import click

from themaads_pipeline.cli.account_id import ACCOUNT
from themaads_pipeline.cli.opened import open_ledger
from themaads_pipeline.cli.runs import DagsterUnreachableError, terminate_runs
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.outcomes import Category
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.settings import Settings, settings

_QUIET = (UploadStatus.WAITING, UploadStatus.INTERRUPTED)
_LONGEST_START_S = 90.0  # Dagster gives a worker 60 s to start
_LOOK_EVERY_S = 0.5
_CODES_SHOWN = 6


@click.command()
@click.argument("upload")
def pause(upload: str) -> None:
    """Stop an upload until `themaads resume`; what is done stays, and nothing is lost."""
    ours = settings()
    with open_ledger(ours) as ledger:
        found = ledger.uploads.find(upload)
        if found.status == UploadStatus.PAUSED:
            click.echo(f"#{found.number} is paused already")
            return
        if found.status in {UploadStatus.FINISHED, UploadStatus.FAILED}:
            raise PermanentError(f"#{found.number} is {found.status}: there is nothing to pause")
        _pause(ours, ledger, found)
    click.echo(f"#{found.number} is paused: `themaads resume {found.number}` goes on")


@click.command()
@click.argument("upload")
def resume(upload: str) -> None:
    """Go on with an upload that is paused, interrupted or failed; the limit of a trial is lifted.

    An upload that waits for the day's operations goes on at once: that Google said they are used up is
    forgotten, for all uploads, since you know better. Should they not be back, it waits again. Our own budget
    (THEMAADS_DAILY_OPERATIONS) holds all the same.
    """
    with open_ledger(settings()) as ledger:
        found = ledger.uploads.find(upload)
        was = (UploadStatus.PAUSED, UploadStatus.INTERRUPTED, UploadStatus.FAILED)
        gone = ledger.quota.gone() if found.status in was else None
        if gone is not None:
            ledger.quota.is_back()  # before it is launched: a run that is quick would still see the note
        if not ledger.uploads.resume(found.number, was=was):
            raise PermanentError(_not_resumed(ledger, found))
        [progress] = ledger.uploads.progress(found.number)
    left = f"{progress.total - progress.final:,} items are left" if progress.is_read else "it is read first"
    if gone is not None:
        click.echo("Google is asked again, although it said that the day's operations are used up")
    click.echo(f"#{found.number} goes on ({left}): `themaads status {found.number} --follow`")


@click.command()
@click.argument("upload")
@click.option(
    "--category",
    type=click.Choice([str(category) for category in Category]),
    help="Only failures of this kind.",
)
@click.option(
    "--code",
    help="Only with this code: Google's (ResourceCountLimitExceededError.ADGROUP_LIMIT), ours "
    "(account_not_reachable) or, with --skipped, a reason (no_ad_to_copy). Reports and `outcomes` have them.",
)
@click.option("--account", type=ACCOUNT, help="Only this account: its ten digits, with or without dashes.")
@click.option("--skipped", is_flag=True, help="Also what was skipped: the ad groups may have changed.")
def retry(  # click's names
    upload: str, category: str | None, code: str | None, account: int | None, skipped: bool
) -> None:
    """Try failed ad groups again, all of them or some; none gets a second ad."""
    states = [ItemState.FAILED, *([ItemState.SKIPPED] if skipped and not category else [])]
    with open_ledger(settings()) as ledger:
        found = ledger.uploads.find(upload)
        found.expect_items()
        retried = ledger.rows.retry(
            found.number, states=states, category=category, code=code, customer_id=account
        )
        [progress] = ledger.uploads.progress(found.number)
        if progress.final < progress.total:
            # One that failed or was interrupted goes on only if there was something to retry; one that is
            # finished with open items is what a retry left that was cut off here.
            was = (UploadStatus.FAILED, UploadStatus.INTERRUPTED) if retried else ()
            ledger.uploads.set_status(found.number, UploadStatus.WAITING, was=(UploadStatus.FINISHED, *was))
        there_is = "" if retried else _what_there_is(ledger, found.number)
    if not retried:
        click.echo(f"#{found.number} has nothing of that kind to retry{there_is}")
    elif found.status == UploadStatus.PAUSED:
        click.echo(f"{_items(retried)} of #{found.number} wait until `themaads resume {found.number}`")
    else:
        again = "is tried again" if retried == 1 else "are tried again"
        click.echo(f"{_items(retried)} of #{found.number} {again}: `themaads status {found.number} --follow`")


def _pause(ours: Settings, ledger: Ledger, upload: Upload) -> None:
    by_a_person = f"paused by a person: `themaads resume {upload.number}` goes on"
    was = (*_QUIET, UploadStatus.RUNNING)
    if not ledger.uploads.set_status(upload.number, UploadStatus.PAUSED, was=was, message=by_a_person):
        raise PermanentError(f"#{upload.number} has just ended: `themaads status {upload.number}`")
    try:
        _end_runs(ours, upload)
    except DagsterUnreachableError as error:
        [progress] = ledger.uploads.progress(upload.number)
        if not _is_alive(progress, ours.stall_seconds):
            return  # nobody works on it, and a run that is queued cannot start without Dagster
        # The truth: it still runs, and whoever sees "paused" must be able to believe it.
        ledger.uploads.set_status(upload.number, UploadStatus.RUNNING, was=(UploadStatus.PAUSED,))
        raise PermanentError(
            f"#{upload.number} is being worked on by run {progress.run_id}, which could not be ended "
            f"({error}): terminate that run in Dagster, which pauses the upload"
        ) from error


def _end_runs(ours: Settings, upload: Upload) -> None:
    """Until none is left: Dagster refuses to end a run whose worker is just starting, which then begins.

    Raises:
        DagsterUnreachableError: Dagster cannot be asked, or one is left.
    """
    deadline = time.monotonic() + _LONGEST_START_S
    while left := terminate_runs(ours, upload):
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


def _what_there_is(ledger: Ledger, number: int) -> str:
    """What could be asked for instead: a code that nothing has is most often a misspelt one."""
    found = [
        f"{row['items']:,} {row['state']} by {row['code']}"
        for row in ledger.outcomes.counts_by_reason(number)
        if row["state"] in {ItemState.FAILED, ItemState.SKIPPED}
    ]
    more = [f"{len(found) - _CODES_SHOWN:,} more codes"] if len(found) > _CODES_SHOWN else []
    return f": there are {', '.join(found[:_CODES_SHOWN] + more)}" if found else ""


def _items(count: int) -> str:
    return f"{count:,} item" if count == 1 else f"{count:,} items"
