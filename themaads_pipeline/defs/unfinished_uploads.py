"""The sensor `unfinished_uploads`: whatever became of an upload's runs, it goes on."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime

import dagster as dg

from themaads_pipeline.defs import labels, partitions
from themaads_pipeline.defs.dry_run import dry_run
from themaads_pipeline.defs.jobs import push_upload
from themaads_pipeline.defs.review import review_ads
from themaads_pipeline.defs.upload_folder import UPLOAD_TAG
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.unfinished import MOST_DEATHS, LastRun, NextStep, RecentRun, next_step
from themaads_pipeline.model.uploads import Upload, UploadStatus

__all__ = ["last_run", "settle", "unfinished_uploads"]

INTERVAL_S = 4  # as in upload_folder
_OPEN = (UploadStatus.WAITING, UploadStatus.RUNNING, UploadStatus.INTERRUPTED)
_LAST_RUNS = 20  # some of them dry runs, or second ones that were refused
_LOOKERS = frozenset({dry_run.name, review_ads.name})  # their runs do not count


@dg.sensor(
    tags=labels.SENDS,
    job=push_upload,
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Sees to it that every upload goes on by itself: one that is not finished, not paused, and has no "
        "run gets one. After three runs in a row that died without progress it stops and asks for a person."
    ),
)
def unfinished_uploads(
    context: dg.SensorEvaluationContext, ledger: dg.ResourceParam[Ledger]
) -> dg.SensorResult:
    requests, notes = settle(ledger, lambda upload, known: last_run(context.instance, upload, known))
    for note in notes:
        context.log.info(note)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "; ".join(notes) or "every upload is finished, at work or paused",
        dynamic_partitions_requests=[
            partitions.uploads.build_add_request([str(request.partition_key) for request in requests])
        ]
        if requests
        else [],
    )


def settle(
    ledger: Ledger, last_run_of: Callable[[Upload, Collection[str]], LastRun | None]
) -> tuple[list[dg.RunRequest], list[str]]:
    """Decide on every open upload; gives the runs to launch, and what else was done.

    Args:
        ledger: The ledger.
        last_run_of: See `last_run`.
    """
    requests: list[dg.RunRequest] = []
    notes: list[str] = []
    now = ledger.attempts.now()
    for upload in ledger.uploads.with_status(*_OPEN):
        runs = ledger.uploads.recent_runs(upload.number)
        last = last_run_of(upload, {run.run_id for run in runs})
        step = next_step(
            status=upload.status,
            status_at=upload.status_at,
            runs=runs,
            last=last,
            now=now,
            due_at=upload.due_at,
        )
        match step:
            case NextStep.LAUNCH:
                requests.append(_request(upload, last))
            case NextStep.PAUSE:
                why = f"its run was cancelled by a person: `themaads resume {upload.number}` goes on"
                notes += _note(ledger, upload, UploadStatus.PAUSED, why)
            case NextStep.GIVE_UP:
                notes += _note(ledger, upload, UploadStatus.FAILED, _why_given_up(upload, runs, last))
            case NextStep.NOTHING:
                pass
    return requests, notes


def _request(upload: Upload, last: LastRun | None) -> dg.RunRequest:
    after = last.run_id if last else "none"
    return dg.RunRequest(
        run_key=f"{upload.key}:{upload.epoch}:after:{after}",  # never two runs after the same one
        partition_key=upload.key,
        tags={UPLOAD_TAG: str(upload.number)},
    )


def _note(ledger: Ledger, upload: Upload, status: UploadStatus, why: str) -> Iterable[str]:
    changed = ledger.uploads.set_status(upload.number, status, was=(upload.status,), message=why)
    return [f"#{upload.number} is {status}: {why}"] if changed else []


def _why_given_up(upload: Upload, runs: list[RecentRun], last: LastRun | None) -> str:
    known = next((run.ended_why for run in runs if run.ended_why), "") or upload.message
    why = (last.why if last else "") or known or "it was killed"
    return (
        f"{MOST_DEATHS} runs in a row died without progress, the last: {why}. Look at "
        f"its log in Dagster; `themaads resume {upload.number}` tries again"
    )


def last_run(instance: dg.DagsterInstance, upload: Upload, known: Collection[str]) -> LastRun | None:
    """What Dagster knows of the upload's runs; dry runs do not count.

    Args:
        instance: Dagster's.
        upload: The upload.
        known: The ids of the runs that have taken it, by the ledger.
    """
    records = [
        record
        for record in instance.get_run_records(
            dg.RunsFilter(tags={"dagster/partition": upload.key}), limit=_LAST_RUNS
        )
        if record.dagster_run.job_name not in _LOOKERS
    ]
    if not records:
        return None
    active = next((record for record in records if not record.dagster_run.is_finished), None)
    last = active or max(records, key=_ended_at)
    dead = _never_began(records, upload, known)
    run = last.dagster_run
    was_canceled = run.status is dg.DagsterRunStatus.CANCELED
    return LastRun(
        run_id=run.run_id,
        is_active=active is not None,
        was_canceled=was_canceled,
        is_retried=_may_be_retried(run) and "dagster/auto_retry_run_id" not in run.tags,
        ended_at=(_cancel_asked_at(instance, run) if was_canceled else None) or _ended_at(last),
        never_began=len(dead),
        why=_why_failed(instance, dead[0]) if dead else "",
    )


def _ended_at(record: dg.RunRecord) -> datetime:
    """Not `create_timestamp`, which a Postgres that does not live in UTC shifts by hours."""
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp


def _cancel_asked_at(instance: dg.DagsterInstance, run: dg.DagsterRun) -> datetime | None:
    """It may have gone on for a while after that, and its upload was resumed meanwhile."""
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_CANCELING)
    return datetime.fromtimestamp(events[-1].timestamp, UTC) if events else None


def _never_began(
    records: Sequence[dg.RunRecord], upload: Upload, known: Collection[str]
) -> list[dg.DagsterRun]:
    """The newest runs that died before they took the upload, as at an import, one after the other.

    A run that failed by an error of a step says so itself; it may have been refused.
    """
    dead = []
    for record in records:
        run = record.dagster_run
        if run.run_id in known or _ended_at(record) < upload.status_at:
            break
        by_a_step = run.tags.get("dagster/failure_reason") == "STEP_FAILURE"
        if run.status is dg.DagsterRunStatus.FAILURE and not by_a_step:
            dead.append(run)
    return dead


def _why_failed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """The error, as at an import, or else how its end is told."""
    kinds = {dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.ENGINE_EVENT}
    events = [event.dagster_event for event in instance.all_logs(run.run_id, of_type=kinds)]
    said = ""
    for event in filter(None, events):
        error = getattr(event.event_specific_data, "error", None)
        if error is not None:
            return str(error.message).strip().partition("\n")[0]
        if event.event_type is dg.DagsterEventType.RUN_FAILURE:
            said = (event.message or "").partition("\n")[0].strip()
    return said


def _may_be_retried(run: dg.DagsterRun) -> bool:
    """Dagster says so in a tag that it adds a moment after the run has failed: until then it may be."""
    undecided = "true" if run.status is dg.DagsterRunStatus.FAILURE else "false"
    return run.tags.get("dagster/will_retry", undecided) == "true"
