"""What the net below the retries takes from Dagster about an upload's runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.utils import make_new_run_id

from themaads_pipeline.defs.unfinished_uploads import last_run
from themaads_pipeline.model.unfinished import LastRun
from themaads_pipeline.model.uploads import Upload, UploadStatus

_BY_A_STEP = {"dagster/failure_reason": "STEP_FAILURE"}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def upload(*, since_s: float = 3_600) -> Upload:
    now = datetime.now(UTC)
    return Upload(
        number=1,
        key="key",
        file_path="f",
        file_name="f",
        content_sha256="0",
        edition=None,
        status=UploadStatus.INTERRUPTED,
        message="",
        epoch=1,
        read_at=None,
        created_at=now,
        status_at=now - timedelta(seconds=since_s),
    )


def add(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, job_name: str = "push_upload", **tags: str
) -> str:
    """A run of the upload, as it is stored; it ends now."""
    given = {"dagster/partition": "key"} | {f"dagster/{name}": tag for name, tag in tags.items()}
    run = dg.DagsterRun(job_name=job_name, run_id=make_new_run_id(), status=status, tags=given)
    instance.add_run(run)
    return run.run_id


def found(instance: dg.DagsterInstance, *known: str, since_s: float = 3_600) -> LastRun:
    last = last_run(instance, upload(since_s=since_s), known)
    assert last is not None
    return last


@pytest.mark.parametrize(
    ("status", "tags", "is_retried"),
    [
        (dg.DagsterRunStatus.FAILURE, {"will_retry": "true"}, True),
        (dg.DagsterRunStatus.FAILURE, {"will_retry": "false"}, False),
        # Once both launched a run: the sensor had looked before Dagster added its tag.
        (dg.DagsterRunStatus.FAILURE, {}, True),
        (dg.DagsterRunStatus.FAILURE, {"will_retry": "true", "auto_retry_run_id": "another run"}, False),
        (dg.DagsterRunStatus.SUCCESS, {}, False),
        (dg.DagsterRunStatus.CANCELED, {}, False),
    ],
)
def test_a_run_that_has_just_failed_may_be_retried_by_dagster(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, tags: dict[str, str], is_retried: bool
) -> None:
    add(instance, status, **tags)
    assert found(instance).is_retried is is_retried


@pytest.mark.parametrize("second", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_a_second_run_that_was_refused_or_cancelled_says_nothing_of_the_first(
    instance: dg.DagsterInstance, second: dg.DagsterRunStatus
) -> None:
    first = add(instance, dg.DagsterRunStatus.STARTED)
    add(instance, second, **_tags(_BY_A_STEP))
    add(instance, dg.DagsterRunStatus.SUCCESS, "dry_run")
    last = found(instance)
    assert (last.run_id, last.is_active, last.was_canceled, last.never_began) == (first, True, False, 0)


def test_runs_that_died_before_the_ledger_heard_of_them_are_counted(instance: dg.DagsterInstance) -> None:
    known = add(instance, dg.DagsterRunStatus.FAILURE)
    assert found(instance, known).never_began == 0
    add(instance, dg.DagsterRunStatus.FAILURE)
    add(instance, dg.DagsterRunStatus.FAILURE, **_tags(_BY_A_STEP))  # it says itself why
    add(instance, dg.DagsterRunStatus.FAILURE)
    assert found(instance, known).never_began == 2
    assert found(instance, known, since_s=-60).never_began == 0  # before a person resumed it


def test_a_cancelled_run_ended_when_that_was_asked_for(instance: dg.DagsterInstance) -> None:
    run_id = add(instance, dg.DagsterRunStatus.STARTED)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_canceling(run)
    resumed_at = datetime.now(UTC)
    instance.report_run_canceled(run)
    last = found(instance)
    assert last.was_canceled
    assert last.ended_at is not None
    assert last.ended_at < resumed_at


def _tags(tags: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix("dagster/"): tag for name, tag in tags.items()}
