"""Who may take an upload that is in a person's hands: a person, and no run that launched itself."""

import dagster as dg
import pytest

from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline_tests.integration.test_dagster_runs import Dagster, dagster
from themaads_pipeline_tests.pushing import generated
from themaads_pipeline_tests.running_emulator import RunningEmulator

__all__ = ["dagster"]  # the fixture

_RETRY = {"dagster/retry_number": "1", "dagster/parent_run_id": "the-run-that-died"}
_BY_SENSOR = {"dagster/sensor_name": "unfinished_uploads"}


@pytest.mark.parametrize("status", [UploadStatus.PAUSED, UploadStatus.FAILED])
@pytest.mark.parametrize("tags", [_RETRY, _BY_SENSOR], ids=["retry", "sensor"])
def test_a_run_that_was_launched_by_itself_leaves_it_and_is_cancelled(
    dagster: Dagster, emulator: RunningEmulator, tags: dict[str, str], status: UploadStatus
) -> None:
    generated(emulator, accounts=1, ad_groups=10)
    upload = dagster.submit(emulator.upload_file())
    dagster.ledger.uploads.set_status(upload.number, status, was=(UploadStatus.WAITING,), message="why")
    assert not dagster.run(upload, tags=tags).success
    [run] = dagster.instance.get_runs()
    assert run.status is dg.DagsterRunStatus.CANCELED
    [asked] = dagster.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_CANCELING)
    assert asked.dagster_event is not None
    told = f"#{upload.number} is {status}, and this run was launched by itself: why"
    assert asked.dagster_event.message == told
    found = dagster.ledger.uploads.find(upload.key)
    assert (found.status, found.message, found.epoch) == (status, "why", upload.epoch)
    assert emulator.stats()["ads_created"] == 0


def test_what_a_person_runs_goes_on_with_a_paused_upload(dagster: Dagster, emulator: RunningEmulator) -> None:
    generated(emulator, accounts=1, ad_groups=10)
    upload = dagster.submit(emulator.upload_file())
    dagster.ledger.uploads.set_status(upload.number, UploadStatus.PAUSED, was=(UploadStatus.WAITING,))
    assert dagster.run(upload).success
    assert dagster.status(upload) == (UploadStatus.FINISHED, "")
