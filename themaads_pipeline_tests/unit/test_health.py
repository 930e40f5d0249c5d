"""Whether a run is alive, decided from its worker and its progress."""

import pytest

from themaads_pipeline.launchers.health import Verdict, ended, exit_of_container, judge, process_worker
from themaads_pipeline.launchers.worker import ProcessState, WorkerMark
from themaads_pipeline.ledger.progress import RunProgress

MARK = WorkerMark(host="a", boot_id="b", pid=4711, created=1.0)


def progress(age_s: float, **changed: object) -> RunProgress:
    facts = {
        "upload": 213,
        "key": "black-friday-2026@1f3a9c2e",
        "epoch": 1,
        "stage": "pushing",
        "customer_id": 2_000_000_001,
        "doing": "a request",
        "final": 21_595,
        "total": 50_000,
    }
    return RunProgress(age_s=age_s, **(facts | changed))  # type: ignore[arg-type] # facts of several types


def verdict(
    state: ProcessState = ProcessState.ALIVE,
    *,
    mark: WorkerMark | None = MARK,
    stopped_for_s: float = 0.0,
    exit_code: int | None = None,
    seen: RunProgress | None = None,
) -> Verdict:
    worker = process_worker(mark, state, stopped_for_s=stopped_for_s, exit_code=exit_code) if mark else None
    return judge(worker, progress=seen, stall_seconds=300)


def test_a_stall_is_told_with_when_where_and_how_far() -> None:
    told = verdict(seen=progress(312.4))
    assert told.why == (
        "no progress for 312 s at 21,595 of 50,000 items (43.2%) of #213; last seen: account 2000000001: "
        "a request, worker pid 4711 on host a"
    )
    assert (told.alive, told.kill) == (False, True)


@pytest.mark.parametrize(
    ("state", "exit_code", "says"),
    [
        (ProcessState.GONE, None, "the worker is gone at 21,595"),
        (ProcessState.GONE, -9, "the worker was killed by signal 9 at 21,595"),
        (ProcessState.ZOMBIE, 1, "the worker ended with exit code 1 at 21,595"),
        (ProcessState.OTHER_BOOT, None, "host a was restarted at 21,595"),
    ],
)
def test_a_worker_that_is_not_there_is_dead_however_fresh_its_progress(
    state: ProcessState, exit_code: int | None, says: str
) -> None:
    told = verdict(state, exit_code=exit_code, seen=progress(0.1))
    assert not told.alive
    assert told.why.startswith(says)


def test_a_stopped_worker_is_dead_after_some_seconds_and_not_at_once() -> None:
    assert verdict(ProcessState.STOPPED, stopped_for_s=1.0, seen=progress(1.0)).alive
    told = verdict(ProcessState.STOPPED, stopped_for_s=6.0, seen=progress(6.0))
    assert (told.alive, told.kill) == (False, True)


@pytest.mark.parametrize("seen", [None, progress(299.0)])
def test_a_living_worker_is_alive_when_it_progresses_and_when_nothing_can_be_asked(
    seen: RunProgress | None,
) -> None:
    assert verdict(seen=seen) == Verdict(alive=True)


def test_a_run_without_a_worker_of_ours_is_judged_by_its_progress_alone() -> None:
    assert verdict(mark=None, seen=progress(299.0)).alive
    told = verdict(mark=None, seen=progress(301.0))
    assert (told.alive, told.kill) == (False, False)
    assert verdict(mark=None).alive


def test_a_run_that_has_not_counted_items_yet_is_told_by_its_stage() -> None:
    told = verdict(ProcessState.GONE, seen=progress(1, stage="reading", total=0, final=0, doing="rows"))
    assert told.why == "the worker is gone while reading #213, worker pid 4711 on host a"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0, "the worker ended with exit code 0"),
        (1, "the worker ended with exit code 1"),
        (128, "the worker ended with exit code 128"),
        (137, "the worker was killed by signal 9"),
        (143, "the worker was killed by signal 15"),
        (255, "the worker ended with exit code 255"),
    ],
)
def test_a_containers_exit_code_is_told_as_the_signal_that_it_stands_for(code: int, says: str) -> None:
    assert ended(exit_of_container(code)) == says
