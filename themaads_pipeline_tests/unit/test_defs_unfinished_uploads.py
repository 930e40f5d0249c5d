"""What the net below the retries takes from Dagster about a run."""

import dagster as dg
import pytest
from dagster._core.utils import make_new_run_id

from themaads_pipeline.defs.unfinished_uploads import last_run


@pytest.mark.parametrize(
    ("status", "tags", "is_retried"),
    [
        (dg.DagsterRunStatus.FAILURE, {"dagster/will_retry": "true"}, True),
        (dg.DagsterRunStatus.FAILURE, {"dagster/will_retry": "false"}, False),
        # Once both launched a run: the sensor had looked before Dagster added its tag.
        (dg.DagsterRunStatus.FAILURE, {}, True),
        (
            dg.DagsterRunStatus.FAILURE,
            {"dagster/will_retry": "true", "dagster/auto_retry_run_id": "another run"},
            False,
        ),
        (dg.DagsterRunStatus.SUCCESS, {}, False),
        (dg.DagsterRunStatus.CANCELED, {}, False),
    ],
)
def test_a_run_that_has_just_failed_may_be_retried_by_dagster(
    status: dg.DagsterRunStatus, tags: dict[str, str], is_retried: bool
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"dagster/partition": "key", **tags}
        run = dg.DagsterRun(job_name="push_upload", run_id=make_new_run_id(), status=status, tags=tags)
        instance.add_run(run)
        found = last_run(instance, "key")
    assert found is not None
    assert found.is_retried is is_retried
