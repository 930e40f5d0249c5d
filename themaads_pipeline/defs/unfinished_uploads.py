"""The sensor `unfinished_uploads`: whatever became of an upload's runs, it goes on."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import dagster as dg

from themaads_pipeline.defs import partitions
from themaads_pipeline.defs.dry_run import dry_run
from themaads_pipeline.defs.jobs import push_upload
from themaads_pipeline.defs.upload_folder import UPLOAD_TAG
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.unfinished import MOST_DEATHS, LastRun, NextStep, RecentRun, next_step
from themaads_pipeline.model.uploads import Upload, UploadStatus

__all__ = ["last_run", "settle", "unfinished_uploads"]

INTERVAL_S = 5
_OPEN = (UploadStatus.WAITING, UploadStatus.RUNNING, UploadStatus.INTERRUPTED)
_LAST_RUNS = 5  # the newest may be dry runs


@dg.sensor(
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
    requests, notes = settle(ledger, lambda key: last_run(context.instance, key))
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
    ledger: Ledger, last_run_of: Callable[[str], LastRun | None]
) -> tuple[list[dg.RunRequest], list[str]]:
    """Decide on every open upload; gives the runs to launch, and what else was done."""
    requests: list[dg.RunRequest] = []
    notes: list[str] = []
    now = ledger.attempts.now()
    for upload in ledger.uploads.with_status(*_OPEN):
        last, runs = last_run_of(upload.key), ledger.uploads.recent_runs(upload.number)
        step = next_step(status=upload.status, status_at=upload.status_at, runs=runs, last=last, now=now)
        match step:
            case NextStep.LAUNCH:
                requests.append(_request(upload, last))
            case NextStep.PAUSE:
                why = f"its run was cancelled by a person: `themaads resume {upload.number}` goes on"
                notes += _note(ledger, upload, UploadStatus.PAUSED, why)
            case NextStep.GIVE_UP:
                notes += _note(ledger, upload, UploadStatus.FAILED, _why_given_up(upload, runs))
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


def _why_given_up(upload: Upload, runs: list[RecentRun]) -> str:
    last = next((run.ended_why for run in runs if run.ended_why), "") or upload.message
    return (
        f"{MOST_DEATHS} runs in a row died without progress, the last: {last or 'it was killed'}. Look at "
        f"its log in Dagster; `themaads resume {upload.number}` tries again"
    )


def last_run(instance: dg.DagsterInstance, key: str) -> LastRun | None:
    """The partition's newest run; dry runs do not count."""
    records = instance.get_run_records(dg.RunsFilter(tags={"dagster/partition": key}), limit=_LAST_RUNS)
    for record in records:
        run = record.dagster_run
        if run.job_name == dry_run.name:
            continue
        tags = run.tags
        return LastRun(
            run_id=run.run_id,
            is_active=not run.is_finished,
            was_canceled=run.status is dg.DagsterRunStatus.CANCELED,
            is_retried=_may_be_retried(run) and "dagster/auto_retry_run_id" not in tags,
            ended_at=datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None,
        )
    return None


def _may_be_retried(run: dg.DagsterRun) -> bool:
    """Dagster says so in a tag that it adds a moment after the run has failed: until then it may be."""
    undecided = "true" if run.status is dg.DagsterRunStatus.FAILURE else "false"
    return run.tags.get("dagster/will_retry", undecided) == "true"
