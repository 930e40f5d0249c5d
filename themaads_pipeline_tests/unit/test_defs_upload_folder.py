"""What the folder's sensor decides."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from themaads_pipeline.defs.upload_folder import (
    complete_files,
    marks_from,
    new_files,
    register_all,
    requests_for,
    to_cursor,
)
from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.folder import FileMark
from themaads_pipeline.ledger.uploads import KnownFile
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.objects import AnyPath
from themaads_pipeline.push.registration import Registered

MARK = FileMark(size=10, mtime_ns=5, inode=1)
NOW = 1_800_000_000.0


def upload(number: int = 213, epoch: int = 0) -> Upload:
    return Upload(
        number=number,
        key=f"black-friday-2026@{number}",
        file_path="/in/bf.csv",
        file_name="bf.csv",
        content_sha256="1" * 64,
        edition="black_friday_2026",
        status=UploadStatus.WAITING,
        message="",
        epoch=epoch,
        read_at=None,
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
        status_at=datetime(2026, 11, 1, tzinfo=UTC),
    )


def _known(size: int = 10, mtime_ns: int = 5) -> KnownFile:
    return KnownFile(path="/in/bf.csv", size=size, mtime_ns=mtime_ns, upload=213)


def mark(*, age: float, size: int = 10, was_moved: bool = False) -> FileMark:
    return FileMark(size=size, mtime_ns=int((NOW - age) * 1e9), inode=1, was_moved=was_moved)


def complete(
    marks: Mapping[str, FileMark],
    again: Mapping[str, FileMark] | None = None,
    *,
    seen: Mapping[str, FileMark] | None = None,
) -> tuple[list[str], float]:
    """What is complete, and for how long it was waited."""
    slept: list[float] = []
    names = complete_files(
        marks,
        seen=seen or {},
        look_again=lambda: marks if again is None else again,
        now=lambda: NOW + sum(slept),
        sleep=slept.append,
    )
    return names, sum(slept)


@pytest.mark.parametrize(("age", "waited"), [(0.0, 5.0), (1.0, 4.0), (4.5, 2.0), (14.0, 2.0)])
def test_a_young_file_is_waited_for_until_it_has_rested(age: float, waited: float) -> None:
    assert complete({"bf.csv": mark(age=age)}) == (["bf.csv"], waited)


def test_a_file_that_was_moved_in_has_to_rest_before_our_eyes_alone() -> None:
    assert complete({"bf.csv": mark(age=0, was_moved=True)}) == (["bf.csv"], 2.0)


def test_an_empty_file_may_just_be_begun_whatever_its_stamps_say() -> None:
    assert complete({"bf.csv": mark(age=0, size=0, was_moved=True)}) == (["bf.csv"], 5.0)


@pytest.mark.parametrize("was_moved", [False, True])
def test_a_file_that_is_written_to_meanwhile_is_not_complete(was_moved: bool) -> None:
    before, after = mark(age=4, was_moved=was_moved), mark(age=-1, size=20)
    assert complete({"bf.csv": before}, {"bf.csv": after}) == ([], 2.0)
    assert complete({"bf.csv": before}, {}) == ([], 2.0)


def test_a_complete_file_does_not_wait_for_a_young_one() -> None:
    assert complete({"old.csv": mark(age=20), "young.csv": mark(age=0)}) == (["old.csv"], 0.0)
    rested = {"rested.csv": mark(age=-3600), "young.csv": mark(age=0)}
    assert complete(rested, seen={"rested.csv": mark(age=-3600)}) == (["rested.csv"], 0.0)


def test_a_file_that_is_stamped_in_the_future_is_not_waited_for() -> None:
    assert complete({"bf.csv": mark(age=-3600)}) == ([], 0.0)
    assert complete({}) == ([], 0.0)


def test_a_file_that_was_registered_is_not_looked_at_again() -> None:
    assert new_files({"bf.csv": MARK}, {"bf.csv": _known()}) == {}


@pytest.mark.parametrize("known", [_known(size=11), _known(mtime_ns=6)])
def test_a_file_that_changed_since_is_new(known: KnownFile) -> None:
    assert new_files({"bf.csv": MARK}, {"bf.csv": known}) == {"bf.csv": MARK}


def test_a_file_nobody_knows_is_new() -> None:
    assert new_files({"bf.csv": MARK}, {}) == {"bf.csv": MARK}


def test_the_cursor_keeps_the_marks() -> None:
    marks = {"bf.csv": MARK, "kerst 2026.xlsx": FileMark(size=0, mtime_ns=2**62, inode=9)}
    assert marks_from(to_cursor(marks)) == marks


@pytest.mark.parametrize(
    "cursor", [None, "", "junk", "[]", '"x"', '{"a": 1}', '{"a": [1, 2]}', '{"a": [1, 2, "b"]}']
)
def test_a_cursor_that_is_not_ours_is_as_good_as_none(cursor: str | None) -> None:
    assert marks_from(cursor) == {}


def test_a_file_that_fails_does_not_keep_the_next_from_its_turn() -> None:
    def register(path: AnyPath) -> Registered:
        if path.name == "bad.csv":
            raise UnusableFileError("bad.csv cannot be read")
        return Registered(upload=upload(), is_new=True)

    tick = register_all([Path("bad.csv"), Path("bf.csv")], register=register)
    assert tick.registered == [upload()]
    assert tick.notes == ["bad.csv cannot be read"]


def test_the_same_list_again_is_told_with_what_to_do() -> None:
    tick = register_all([Path("copy.csv")], register=lambda _: Registered(upload=upload(), is_new=False))
    assert tick.registered == []
    [note] = tick.notes
    assert "same as #213" in note
    assert "`themaads retry 213`" in note


def test_when_the_time_is_up_the_rest_waits_for_the_next_tick() -> None:
    clock = count(0, 15)  # each file takes 15 s
    tick = register_all(
        [Path(f"{n}.csv") for n in range(5)],
        register=lambda _: Registered(upload=upload(), is_new=True),
        budget_s=20,
        timer=lambda: float(next(clock)),
    )
    assert len(tick.registered) == 2
    assert tick.notes == ["3 more files are looked at in the next tick"]


def test_one_file_is_looked_at_in_each_tick_however_long_it_takes() -> None:
    clock = count(0, 100)
    tick = register_all(
        [Path("large.csv")],
        register=lambda _: Registered(upload=upload(), is_new=True),
        budget_s=20,
        timer=lambda: float(next(clock)),
    )
    assert tick.registered == [upload()]


def test_an_upload_that_waits_is_requested_once_and_again_after_a_resume() -> None:
    [first], [same], [resumed] = (requests_for([upload(epoch=epoch)]) for epoch in (0, 0, 2))
    assert first.partition_key == "black-friday-2026@213"
    assert first.run_key == same.run_key
    assert first.run_key != resumed.run_key
    assert first.tags["themaads/upload"] == "213"
