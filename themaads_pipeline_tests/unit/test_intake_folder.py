"""The upload folder: complete files count, once each, whatever else lies there."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.folder import (
    FileMark,
    fingerprint_file,
    identify,
    look_into,
    place_in_folder,
    settled_files,
)
from themaads_pipeline_tests.unit.intake_files import workbook, write

NOW = 1_800_000_000.0
EDITIONS = {"bf": "black_friday_2026", "black friday": "black_friday_2026", "kerst": "kerstmis_2026"}


def mark(*, age: float, size: int = 10) -> FileMark:
    return FileMark(size=size, mtime_ns=int((NOW - age) * 1e9), inode=1)


def none(_: str) -> str | None:
    return None


def test_a_file_that_rests_between_two_looks_is_complete() -> None:
    marks = {"new.csv": mark(age=1), "rested.csv": mark(age=1), "grown.csv": mark(age=1, size=11)}
    seen = {"rested.csv": mark(age=1), "grown.csv": mark(age=1)}
    assert settled_files(marks, now=NOW, settle_seconds=5, seen=seen) == ["rested.csv"]


def test_an_old_file_that_was_moved_in_counts_at_the_first_look() -> None:
    marks = {"old.csv": mark(age=5), "young.csv": mark(age=4.9)}
    assert settled_files(marks, now=NOW, settle_seconds=5, seen={}) == ["old.csv"]


def test_a_file_stamped_in_the_future_counts_when_it_rests() -> None:
    marks = {"a.csv": mark(age=-3600)}
    assert settled_files(marks, now=NOW, settle_seconds=5, seen={}) == []
    assert settled_files(marks, now=NOW, settle_seconds=5, seen=marks) == ["a.csv"]


def test_a_look_sees_regular_files_of_the_folder_alone(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside.csv", "secret")
    folder = tmp_path / "uploads"
    folder.mkdir()
    for name in ("a.csv", "b \u00e9\n.xlsx", "c.pdf", "d"):
        (folder / name).write_text("x")
    for name in (".hidden.csv", "~$a.xlsx", "a.csv.part", "a.TMP", "a.crdownload", "a.csv~", "Thumbs.db"):
        (folder / name).write_text("x")
    (folder / "folder.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    (folder / "link.csv").symlink_to(outside)
    (folder / "inside.csv").symlink_to(folder / "a.csv")
    (folder / "broken.csv").symlink_to("nowhere")
    (folder / "odd\udcff.csv").write_text("x")
    look = look_into(folder)
    assert sorted(look.marks) == ["a.csv", "b \u00e9\n.xlsx", "c.pdf", "d"]
    assert look.marks["a.csv"].size == 1
    assert sorted(look.passed_over) == ["broken.csv", "inside.csv", "link.csv", "odd\\udcff.csv", "pipe.csv"]
    assert "link" in look.passed_over["link.csv"]
    assert "UTF-8" in look.passed_over["odd\\udcff.csv"]


def test_a_look_tells_a_file_that_was_moved_in_from_one_that_is_written_in_place(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    (tmp_path / "moved.csv").write_text("a")
    time.sleep(0.1)  # as long as a file system's clock stands still, and longer
    (tmp_path / "moved.csv").rename(folder / "moved.csv")
    (folder / "written.csv").write_text("a")
    assert {name: mark.was_moved for name, mark in look_into(folder).marks.items()} == {
        "moved.csv": True,
        "written.csv": False,
    }
    with (folder / "moved.csv").open("a") as file:
        file.write("b")
    assert not look_into(folder).marks["moved.csv"].was_moved


def test_a_folder_that_is_not_there_is_empty_and_a_file_is_none(tmp_path: Path) -> None:
    assert look_into(tmp_path / "none").marks == {}
    with pytest.raises(UnusableFileError, match="upload folder"):
        look_into(write(tmp_path / "file", "x"))


def test_a_fingerprint_is_the_hash_of_the_content_whatever_it_is(tmp_path: Path) -> None:
    for content in (b"", b"x" * 3_000_000):
        (tmp_path / "a.pdf").write_bytes(content)
        assert fingerprint_file(tmp_path / "a.pdf") == hashlib.sha256(content).hexdigest()
    with pytest.raises(UnusableFileError):
        fingerprint_file(tmp_path / "gone.csv")


def test_the_edition_given_is_the_identity_before_the_names_before_the_columns(tmp_path: Path) -> None:
    path = write(
        tmp_path / "kerst.csv", "customer_id,ad_group_id,theme\n1,2,bf\n1,3,\n1,4,?\n1,5,black friday\n"
    )

    def editions(given: str | None, in_name: Callable[[str], str | None]) -> frozenset[str]:
        return identify(path, edition=given, edition_in_file_name=in_name, resolve_edition=EDITIONS.get)

    by_name = {"kerst.csv": "kerstmis_2026"}.get
    assert editions("singles_day_2026", by_name) == {"singles_day_2026"}
    assert editions(None, by_name) == {"kerstmis_2026"}
    assert editions(None, none) == {"black_friday_2026"}


def test_a_workbook_with_two_themes_has_two_editions(tmp_path: Path) -> None:
    rows: list[list[object]] = [["customer_id", "ad_group_id", "theme"], [1, 2, "bf"], [1, 3, "kerst"]]
    path = workbook(tmp_path / "a.xlsx", rows)
    found = identify(path, edition=None, edition_in_file_name=none, resolve_edition=EDITIONS.get)
    assert found == {"black_friday_2026", "kerstmis_2026"}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_file_without_themes_or_without_sense_has_no_edition(tmp_path: Path, suffix: str) -> None:
    junk = tmp_path / f"junk{suffix}"
    junk.write_bytes(bytes(range(256)))
    plain = tmp_path / f"plain{suffix}"
    rows: list[list[object]] = [["customer_id", "ad_group_id"], [1, 2]]
    if suffix == ".csv":
        write(plain, "customer_id,ad_group_id\n1,2\n")
    else:
        workbook(plain, rows)
    for path in (junk, plain, tmp_path / "gone.csv"):
        assert (
            identify(path, edition=None, edition_in_file_name=none, resolve_edition=EDITIONS.get)
            == frozenset()
        )


def test_a_placed_file_is_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", "content")
    folder = tmp_path / "deep" / "uploads"
    assert place_in_folder(source, folder) == folder / "a.csv"
    assert place_in_folder(source, folder, "b.csv") == folder / "b.csv"
    assert [(path.name, path.read_text()) for path in sorted(folder.iterdir())] == [
        ("a.csv", "content"),
        ("b.csv", "content"),
    ]
    assert source.read_text() == "content"


def test_nothing_in_the_folder_is_ever_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    for content, name in [
        ("one", "a.csv.gz"),
        ("two", "a-2.csv.gz"),
        ("one", "a.csv.gz"),
        ("three", "a-3.csv.gz"),
    ]:
        assert place_in_folder(write(tmp_path / "a.csv.gz", content), folder) == folder / name
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "a.csv.gz": "one",
        "a-2.csv.gz": "two",
        "a-3.csv.gz": "three",
    }


def test_a_link_in_the_folder_is_not_taken_for_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    source = write(tmp_path / "a.csv", "content")
    (folder / "a.csv").symlink_to(source)
    assert place_in_folder(source, folder) == folder / "a-2.csv"


def test_a_file_that_is_in_the_folder_already_stays_where_it_is(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", "content")
    assert place_in_folder(source, tmp_path) == source
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    "name", ["../a.csv", "/a.csv", "", ".", "..", ".a.csv", "~$a.xlsx", "a.part", "a\udcff.csv"]
)
def test_a_name_that_would_leave_the_folder_or_be_ignored_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableFileError, match="cannot have this name"):
        place_in_folder(write(tmp_path / "a.csv", "x"), tmp_path / "uploads", name)


def test_a_source_that_is_gone_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(UnusableFileError, match="cannot be read"):
        place_in_folder(tmp_path / "gone.csv", tmp_path / "uploads")
    assert not (tmp_path / "uploads").exists()
