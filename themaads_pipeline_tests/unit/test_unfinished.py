"""What becomes of an upload that has no run at work on it."""

from datetime import UTC, datetime, timedelta

import pytest

from themaads_pipeline.model.unfinished import (
    LastRun,
    NextStep,
    RecentRun,
    deaths_in_a_row,
    next_step,
    rest_after,
)
from themaads_pipeline.model.uploads import UploadStatus

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def run(*, died: bool = True, progressed: bool = False, how: str | None = "died") -> RecentRun:
    return RecentRun(
        run_id="r",
        started_at=NOW,
        ended_at=NOW,
        ended_how=how,
        ended_why="killed",
        died=died,
        progressed=progressed,
    )


def last(
    *,
    ago_s: float = 60,
    is_active: bool = False,
    was_canceled: bool = False,
    is_retried: bool = False,
    never_began: int = 0,
) -> LastRun:
    return LastRun(
        run_id="r",
        is_active=is_active,
        was_canceled=was_canceled,
        is_retried=is_retried,
        ended_at=NOW - timedelta(seconds=ago_s),
        never_began=never_began,
    )


def step(
    status: UploadStatus = UploadStatus.INTERRUPTED,
    *,
    since_s: float = 60,
    runs: tuple[RecentRun, ...] = (run(progressed=True),),
    newest: LastRun | None = None,
    due_in_s: float | None = None,
) -> NextStep:
    return next_step(
        status=status,
        status_at=NOW - timedelta(seconds=since_s),
        runs=runs,
        last=newest,
        now=NOW,
        due_at=None if due_in_s is None else NOW + timedelta(seconds=due_in_s),
    )


def test_an_upload_that_waits_for_the_days_quota_gets_a_run_when_it_is_due_and_not_before() -> None:
    failed = (run(died=False, how="interrupted"),) * 5
    assert step(newest=last(), runs=failed, due_in_s=1) is NextStep.NOTHING
    assert step(newest=last(), runs=failed, due_in_s=-1) is NextStep.LAUNCH
    assert step(newest=last(is_active=True), due_in_s=-1) is NextStep.NOTHING


@pytest.mark.parametrize("status", [UploadStatus.PAUSED, UploadStatus.FAILED, UploadStatus.FINISHED])
def test_what_is_finished_or_in_a_persons_hands_is_left_alone(status: UploadStatus) -> None:
    assert step(status, newest=last()) is NextStep.NOTHING


def test_an_upload_with_an_active_run_is_left_to_it() -> None:
    assert step(UploadStatus.RUNNING, newest=last(is_active=True)) is NextStep.NOTHING


def test_an_interrupted_upload_gets_a_run() -> None:
    assert step(newest=last()) is NextStep.LAUNCH
    assert step(newest=None) is NextStep.LAUNCH
    assert step(UploadStatus.RUNNING, newest=last()) is NextStep.LAUNCH


def test_a_new_or_resumed_upload_is_left_to_the_sensor_of_the_folder() -> None:
    assert step(UploadStatus.WAITING, newest=None) is NextStep.NOTHING
    assert step(UploadStatus.WAITING, since_s=1, newest=last(ago_s=60)) is NextStep.NOTHING


def test_an_upload_whose_run_failed_before_it_took_it_gets_another() -> None:
    assert step(UploadStatus.WAITING, since_s=90, newest=last(ago_s=60), runs=()) is NextStep.LAUNCH


def test_a_cancelled_run_is_a_pause_also_when_it_was_only_queued() -> None:
    assert step(UploadStatus.WAITING, since_s=90, newest=last(was_canceled=True)) is NextStep.PAUSE
    assert step(UploadStatus.RUNNING, newest=last(was_canceled=True)) is NextStep.PAUSE


def test_a_cancelled_run_of_an_upload_that_was_resumed_since_is_no_pause() -> None:
    newest = last(ago_s=60, was_canceled=True)
    assert step(UploadStatus.WAITING, since_s=5, newest=newest) is NextStep.NOTHING


def test_dagsters_own_retry_is_given_time_and_replaced_when_it_does_not_come() -> None:
    assert step(newest=last(ago_s=10, is_retried=True)) is NextStep.NOTHING
    assert step(newest=last(ago_s=30, is_retried=True)) is NextStep.LAUNCH


def test_three_deaths_in_a_row_without_progress_stop_the_upload() -> None:
    assert step(runs=(run(), run()), newest=last(ago_s=3600)) is NextStep.LAUNCH
    assert step(runs=(run(), run(), run()), newest=last(ago_s=3600)) is NextStep.GIVE_UP
    assert step(runs=(run(), run(), run(progressed=True), run()), newest=last(ago_s=3600)) is NextStep.LAUNCH


def test_runs_that_died_before_they_took_the_upload_count_too() -> None:
    assert step(UploadStatus.WAITING, since_s=90, runs=(), newest=last(never_began=3)) is NextStep.GIVE_UP
    assert step(runs=(run(), run()), newest=last(ago_s=3600, never_began=1)) is NextStep.GIVE_UP
    assert step(runs=(), newest=last(ago_s=50, never_began=2)) is NextStep.NOTHING
    assert step(runs=(), newest=last(ago_s=70, never_began=2)) is NextStep.LAUNCH


def test_runs_that_ended_by_an_error_are_no_deaths_and_are_tried_again_ever_later() -> None:
    failed = run(died=False, how="interrupted")
    assert deaths_in_a_row((failed, failed, failed)) == 0
    assert step(runs=(failed, failed), newest=last(ago_s=50)) is NextStep.NOTHING
    assert step(runs=(failed, failed), newest=last(ago_s=70)) is NextStep.LAUNCH
    assert [rest_after(count).total_seconds() for count in (0, 1, 2, 3, 20)] == [0, 30, 60, 120, 1800]
