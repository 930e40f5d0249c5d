"""What the report's page decides: the story of the runs, what is drawn, what a person does next."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from themaads_pipeline.ledger.looks import AboutUpload, Answered, Stage
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.reports.charts import course_of
from themaads_pipeline.reports.next_steps import Step, next_steps
from themaads_pipeline.reports.story import at_work_s, runs_of
from themaads_pipeline.reports.summary import Counts

BEGIN = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
FOLDER = Path("/reports/213 bf")


def about(**changes: Any) -> AboutUpload:
    facts: dict[str, Any] = dict.fromkeys(AboutUpload.__dataclass_fields__)
    return AboutUpload(**facts | {"number": 213, "created_at": BEGIN, "status_at": BEGIN} | changes)


def stage(epoch: int, run_id: str, name: str, since: float, until: float | None, **changes: Any) -> Stage:
    """Times in seconds since the beginning."""
    facts: dict[str, Any] = {
        "epoch": epoch,
        "run_id": run_id,
        "stage": name,
        "host": "a",
        "pid": 4711,
        "started_at": BEGIN + timedelta(seconds=since),
        "progress_at": BEGIN + timedelta(seconds=since),
        "ended_at": None if until is None else BEGIN + timedelta(seconds=until),
        "ended_how": None if until is None else "finished",
        "ended_why": None,
        "final_at_start": 0,
        "stop_asked_by": None,
    }
    return Stage(**facts | changes)


KILLED = [  # the newest first
    stage(5, "second", "checking", 131, 140),
    stage(4, "second", "reporting", 130, 131),
    stage(3, "second", "pushing", 70, 130, final_at_start=21_595),
    stage(2, "first", "pushing", 10, 60, ended_how="died", ended_why="killed by signal 9"),
    stage(1, "first", "reading", 0, 10),
]


def test_a_run_that_died_and_the_one_that_went_on_are_told_in_their_order() -> None:
    first, second = runs_of(KILLED, about())
    assert (first.number, first.ending, first.why) == (1, "died", "killed by signal 9")
    assert (first.began, second.began) == (
        "began with the file",
        "went on by itself, since the run before it died",
    )
    assert first.ended_badly
    assert not second.ended_badly
    assert (second.final_at_start, second.ending) == (21_595, "finished")
    assert at_work_s([first, second]) == 50 + 60  # neither reading nor the gap, nor what only looks


def test_a_run_after_a_persons_resume_says_so() -> None:
    paused = stage(1, "first", "pushing", 0, 10, ended_how="paused", ended_why="paused by anna")
    again = stage(2, "second", "pushing", 100, 110)
    _, second = runs_of([again, paused], about(resumed_at=BEGIN + timedelta(seconds=99)))
    assert second.began == "resumed by a person"


def test_a_run_that_is_replaced_counts_until_it_was_replaced_and_one_at_work_until_it_was_seen() -> None:
    at_work = stage(2, "second", "pushing", 100, None, progress_at=BEGIN + timedelta(seconds=130))
    fenced = stage(1, "first", "pushing", 0, 90, ended_how="fenced")
    first, second = runs_of([at_work, fenced], about())
    assert (first.ended_badly, first.pushing_s) == (True, 90)
    assert (second.is_over, second.ending, second.pushing_s) == (False, "is at it", 30)


def test_a_death_is_drawn_where_it_was_and_no_bar_leaves_the_drawing() -> None:
    runs = runs_of(KILLED, about())
    answered = [
        Answered(at=BEGIN + timedelta(seconds=at), seconds=2.0, ads=ads)
        for at, ads in ((12, 100), (14, 412), (80, 1), (128, 300))
    ]
    course = course_of(answered, runs)
    assert course is not None
    [(x, words)] = course.deaths
    [dead, alive] = course.runs
    assert words == "run 1 died"
    assert x == pytest.approx(dead.x + dead.width, abs=0.1)
    assert alive.x > x
    assert (dead.level, alive.level) == ("bad", "good")
    for bar in (*course.bars, *course.runs):
        assert course.left <= bar.x <= bar.x + bar.width <= course.width + 0.01
        assert 0 <= bar.y <= bar.y + bar.height <= course.height
    heights = [bar.height for bar in course.bars]
    assert heights[1] == max(heights)
    assert heights[2] >= 1  # one ad is seen
    assert course.in_words == "813 ads, at most 206 a second"


def test_nothing_is_drawn_of_an_upload_that_google_answered_nothing_of() -> None:
    assert course_of([], runs_of(KILLED, about())) is None


def an_upload(status: UploadStatus) -> Upload:
    facts: dict[str, Any] = dict.fromkeys(Upload.__dataclass_fields__, "")
    return Upload(**facts | {"number": 213, "status": status})


def counted(
    *, done: int = 0, pending: int = 0, skipped: str = "", failed: str = "", rejected: int = 0
) -> Counts:
    """Two items are skipped for that reason, three failed of that kind."""
    counts = Counts(new_ads=done)
    counts.states += Counter({ItemState.DONE: done, ItemState.PENDING: pending})
    if skipped:
        counts.states[ItemState.SKIPPED] = counts.skipped[skipped] = 2
    if failed:
        counts.states[ItemState.FAILED] = counts.failed[failed, "code"] = 3
    counts.rejected += Counter({"no_theme": rejected})
    return counts


def steps_of(status: UploadStatus, counts: Counts) -> list[Step]:
    return next_steps(an_upload(status), counts, labels=["THEME_BF_2026"], directory=FOLDER)


def commands(status: UploadStatus, counts: Counts) -> list[str]:
    return [command for step in steps_of(status, counts) for command in step.commands]


def test_new_ads_are_enabled_by_their_label_and_looked_at_once_more() -> None:
    enable, review = steps_of(UploadStatus.FINISHED, counted(done=2))
    assert enable.text.startswith("2 new ads are PAUSED: nothing is shown to anybody until you enable them.")
    assert "Filter on Label: THEME_BF_2026, and on Ad status: Paused." in enable.points
    assert review.commands == ("themaads review 213",)


def test_failed_items_are_tried_again_by_kind_or_handed_in_as_the_file_that_has_them() -> None:
    assert commands(UploadStatus.FINISHED, counted(failed="temporary")) == [
        "themaads retry 213",
        "themaads retry 213 --category temporary",
        "themaads submit '/reports/213 bf/failed_items.csv'",
    ]


def test_what_policy_refused_is_not_called_worth_another_try_as_it_is() -> None:
    assert "themaads retry 213 --category policy" not in commands(
        UploadStatus.FINISHED, counted(failed="policy")
    )


def test_an_upload_that_waits_for_a_person_is_resumed_and_one_that_goes_on_is_watched() -> None:
    counts = counted(pending=1)
    assert commands(UploadStatus.PAUSED, counts) == ["themaads resume 213"]
    assert commands(UploadStatus.FAILED, counts) == ["themaads resume 213"]
    assert commands(UploadStatus.INTERRUPTED, counts) == ["themaads status 213 --follow"]
    [step] = steps_of(UploadStatus.PAUSED, counts)
    assert step.text.startswith("1 ad group has no outcome yet. The upload is paused: ")


def test_only_skips_that_somebody_can_change_are_tried_again() -> None:
    assert commands(UploadStatus.FINISHED, counted(skipped="already_present")) == []
    assert commands(UploadStatus.FINISHED, counted(skipped="no_ad_to_copy")) == [
        "themaads retry 213 --skipped --code no_ad_to_copy"
    ]


def test_rejected_rows_are_repaired_in_the_file_that_has_them() -> None:
    [step] = steps_of(UploadStatus.FINISHED, counted(rejected=7))
    assert (step.file, step.title) == ("rejected_rows.csv", "Repair the rows that could not be used: 7 rows")
