"""What the demo tells after it killed a worker, and what it would not let pass."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from themaads_pipeline.cli.aftermath import Aftermath, Death, Fate, Look, fates, is_the_moment
from themaads_pipeline.cli.installation import environment
from themaads_pipeline.cli.job_213 import SHORT_TIMES, shortened
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline.steering.runs import Run

_WHY = "the worker was killed by signal 9 at 2,163 of 5,000 items (43.3%) of #2, worker pid 4711 on host a"
_DEATH = Death(
    at=0.0,
    run_id="11111111-1",
    pid=4711,
    key="black-friday-2026@1f3a9c2e",
    number=2,
    final=2_163,
    total=5_000,
    in_flight={1: 10, 2: 10, 3: 11},
)
_KILLED = Run(run_id="11111111-1", status="FAILURE", why=f"{_WHY}\nThe end of its log: ...")
_RETRY = Run(run_id="22222222-2", status="STARTED", retry_of="11111111-1")
_ALL_FOUND = Counter({Fate.ADOPTED: 2, Fate.ABSENT: 1})


def progress(**changes: Any) -> Progress:
    known = Progress(
        number=2,
        key=_DEATH.key,
        file_name="black_friday_job_213.csv",
        status=UploadStatus.RUNNING,
        message="",
        total=5_000,
        pending=2_834,
        sending=3,
        applied=0,
        done=2_163,
        skipped=0,
        failed=0,
        rejected=0,
        items_per_s=None,
        eta_s=None,
        progress_age_s=0.1,
        run_id=_DEATH.run_id,
        stage="pushing",
        doing="",
        waiting_until=None,
        epoch=3,
        is_read=True,
    )
    return replace(known, **changes)


def look(after_s: float = 1.0, *, runs: tuple[Run, ...] = (), found: Any = None, **changes: Any) -> Look:
    nothing = Counter({Fate.IN_DOUBT: 3})
    return Look(after_s=after_s, progress=progress(**changes), runs=runs, fates=found or nothing)


@pytest.mark.parametrize(
    ("changes", "is_it"),
    [
        ({"done": 2_159}, False),
        ({"done": 2_160}, True),
        ({"done": 2_159, "failed": 1}, True),
        ({"done": 4_000}, True),
        ({"done": 4_000, "sending": 0}, False),
        ({"done": 0, "sending": 0, "total": 0}, False),
    ],
)
def test_a_worker_is_killed_at_job_213s_share_or_later_with_a_request_in_flight(
    changes: dict[str, int], is_it: bool
) -> None:
    assert is_the_moment(progress(**changes)) is is_it


def test_the_kill_is_told_with_its_figures() -> None:
    assert _DEATH.in_words() == (
        "killed the worker, pid 4711 (SIGKILL), at 2,163 of 5,000 items (43.3%), with 2 requests for 3 ads "
        "in flight: this is where job 213 was lost"
    )


def test_what_was_in_flight_is_adopted_when_found_and_sent_again_when_absent() -> None:
    now = [
        {"item_id": 1, "attempt_id": 10, "state": "done"},
        {"item_id": 2, "attempt_id": 10, "state": "sending"},
        {"item_id": 3, "attempt_id": 12, "state": "sending"},
        {"item_id": 4, "attempt_id": 13, "state": "sending"},
    ]
    assert fates(_DEATH.in_flight, now) == {Fate.ADOPTED: 1, Fate.IN_DOUBT: 1, Fate.ABSENT: 1}
    given_back = {"item_id": 1, "attempt_id": 10, "state": "pending"}
    assert fates(_DEATH.in_flight, [given_back]) == {Fate.ABSENT: 1}


def test_each_thing_is_told_once_when_it_is_first_seen() -> None:
    aftermath = Aftermath(_DEATH)
    assert aftermath.news(look(0.3)) == []
    interrupted = aftermath.news(
        look(3.6, runs=(_KILLED,), status=UploadStatus.INTERRUPTED, message=_WHY, run_id=None)
    )
    assert interrupted == [
        f'   3.6 s  Dagster\'s run 11111111 is FAILURE: "{_WHY}"',
        "   3.6 s  upload #2 is interrupted, and says why",
    ]
    assert not aftermath.knows_the_runs()
    assert aftermath.news(look(8.5, runs=(_RETRY, _KILLED))) == [
        "   8.5 s  run 22222222 goes on by itself: Dagster's retry from failure"
    ]
    assert aftermath.knows_the_runs()
    assert aftermath.news(look(12.0, done=2_213, run_id=_RETRY.run_id)) == [
        "  12.0 s  new progress: 2,213 of 5,000 items (44.3%)"
    ]
    [told] = aftermath.news(look(14.2, found=_ALL_FOUND, done=2_300, run_id=_RETRY.run_id))
    assert told == (
        "  14.2 s  what was in flight has been looked up: 2 ads found in the accounts and adopted, 1 proven "
        "absent and free to be sent again"
    )
    ended = progress(status=UploadStatus.FINISHED, done=5_000, pending=0, sending=0)
    assert aftermath.problems(ended, []) == []


def test_a_run_that_the_net_launched_is_told_as_such() -> None:
    [told] = Aftermath(_DEATH).news(look(runs=(replace(_RETRY, retry_of=""),)))
    assert "launched by the sensor unfinished_uploads" in told


def test_a_death_without_its_reason_is_a_problem() -> None:
    aftermath = Aftermath(_DEATH)
    bare = replace(_KILLED, why="run timed out")
    assert len(aftermath.news(look(runs=(_RETRY, bare), found=_ALL_FOUND))) == 2
    ended = progress(status=UploadStatus.FINISHED, done=5_000)
    assert aftermath.problems(ended, []) == ["the death of run 11111111-1 was not told with its reason"]


def test_whatever_else_does_not_go_as_it_has_to_is_a_problem() -> None:
    problems = Aftermath(_DEATH).problems(progress(message="why"), ["lost: ad 1"])
    assert problems[1:] == [
        "no run went on where run 11111111-1 died",
        "3 items were in flight, and not all of them were looked up",
        "#2 is running: why",
        "#2 has 2,163 items done of 5,000",
        "lost: ad 1",
    ]


def test_the_demos_short_times_are_told_and_reach_every_process(tmp_path: Path) -> None:
    ours = Settings(home=tmp_path).model_copy(update=SHORT_TIMES)
    told = shortened(ours)
    passed_on = environment(ours, dagster_home=tmp_path)
    for name, seconds in SHORT_TIMES.items():
        assert f"{seconds:g} s ({Settings.model_fields[name].default:g})" in told
        assert float(passed_on[f"THEMAADS_{name.upper()}"]) == seconds
