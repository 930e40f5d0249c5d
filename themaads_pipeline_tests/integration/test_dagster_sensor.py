"""The folder's sensor against a real folder and ledger: what becomes an upload, and when."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from themaads_pipeline.defs.upload_folder import upload_folder
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.settings import Settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.ticks import keys, said

ROW = "customer_id,ad_group_id\n123-456-7890,5\n"
Look = Callable[[], dg.SensorResult]


@pytest.fixture
def look(ledger: Ledger, settings: Settings) -> Look:
    """One tick; each hands its cursor to the next, as Dagster does."""
    (settings.home / "uploads").mkdir(parents=True)
    cursors = [""]

    def tick() -> dg.SensorResult:
        context = dg.build_sensor_context(
            cursor=cursors[-1],
            resources={
                "ledger": ledger,
                "themes": lambda: load_catalogue(None),
                "clock": lambda: NOW,
                "settings": settings,
            },
        )
        result = upload_folder(context)
        assert isinstance(result, dg.SensorResult)
        cursors.append(result.cursor or "")
        return result

    return tick


def _rested(path: Path, content: str = ROW) -> Path:
    """A file that was moved in: it was written long ago."""
    path.write_text(content)
    old = time.time() - 3_600
    os.utime(path, (old, old))
    return path


def test_a_file_that_is_being_written_counts_when_it_rests(look: Look, settings: Settings) -> None:
    path = settings.home / "uploads" / "black_friday.csv"
    path.write_text("customer_id,ad_group_id\n")
    writes = threading.Timer(1.0, path.write_text, [ROW])
    writes.start()
    assert keys(look()) == []
    writes.join()
    [key] = keys(look())
    assert key.startswith("black-friday-2026@")


def test_a_file_that_is_moved_in_counts_in_the_tick_that_sees_it(look: Look, settings: Settings) -> None:
    beside = settings.home / "black_friday.csv"
    beside.write_text(ROW)
    beside.rename(settings.home / "uploads" / "black_friday.csv")
    assert len(keys(look())) == 1


def test_a_file_becomes_a_partition_and_one_run(look: Look, settings: Settings, ledger: Ledger) -> None:
    _rested(settings.home / "uploads" / "black_friday.csv")
    result = look()
    [key] = keys(result)
    [added] = result.dynamic_partitions_requests or ()
    assert (added.partitions_def_name, list(added.partition_keys)) == ("uploads", [key])
    upload = ledger.uploads.find(key)
    assert (upload.file_name, upload.edition) == ("black_friday.csv", "black_friday_2026")
    assert [request.run_key for request in look().run_requests or ()] == [
        f"{key}:0"
    ]  # Dagster starts it once


def test_an_upload_that_a_run_has_taken_is_not_asked_for(
    look: Look, settings: Settings, ledger: Ledger
) -> None:
    _rested(settings.home / "uploads" / "black_friday.csv")
    look()
    ledger.uploads.take(1, run_id="run", stage="reading", is_active=lambda _: True)
    assert keys(look()) == []


def test_the_same_list_again_says_which_upload_it_is(look: Look, settings: Settings, ledger: Ledger) -> None:
    _rested(settings.home / "uploads" / "black_friday.csv")
    look()
    ledger.uploads.take(1, run_id="run", stage="reading", is_active=lambda _: True)
    _rested(settings.home / "uploads" / "black friday (copy).csv")
    result = look()
    assert "same as #1" in said(result)
    assert "`themaads retry 1`" in said(result)
    assert "same as" not in said(look())


def test_the_same_list_for_another_theme_is_another_upload(look: Look, settings: Settings) -> None:
    _rested(settings.home / "uploads" / "black_friday.csv")
    _rested(settings.home / "uploads" / "kerst.csv")
    assert len(set(keys(look()))) == 2


def test_what_was_submitted_by_hand_is_pushed_too(look: Look, settings: Settings, ledger: Ledger) -> None:
    path = _rested(settings.home / "uploads" / "lijst.csv")
    upload = register_file(
        path, ledger=ledger, catalogue=load_catalogue(None), today=NOW.date(), theme="sinterklaas"
    ).upload
    assert keys(look()) == [upload.key]
    assert upload.edition == "sinterklaas_2026"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("junk.csv", os.urandom(50_000)),
        ("lijst.xlsx", b"PK\x03\x04 not really"),
        ("bf.csv.gz", b"\x1f\x8b\x08 cut off"),
        ("picture.png", b"\x89PNG\r\n"),
        ("one line.csv", b"x" * 5_000_000),
    ],
)
def test_a_bad_file_becomes_an_upload_and_the_good_one_has_its_turn(
    look: Look, settings: Settings, ledger: Ledger, name: str, content: bytes
) -> None:
    bad = _rested(settings.home / "uploads" / name)
    bad.write_bytes(content)
    os.utime(bad, (0, 0))
    _rested(
        settings.home / "uploads" / "zz_good.csv", ROW.replace("\n", ",bf\n").replace("id,bf", "id,theme")
    )
    asked = keys(look())
    assert len(asked) == 2
    names = {upload.file_name for upload in ledger.uploads.with_status(UploadStatus.WAITING)}
    assert names == {name, "zz_good.csv"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_we_may_not_read_becomes_an_upload(look: Look, settings: Settings) -> None:
    path = _rested(settings.home / "uploads" / "black_friday.csv")
    path.chmod(0)
    assert len(keys(look())) == 1


def test_nothing_new_is_said_so(look: Look, settings: Settings) -> None:
    assert said(look()) == f"nothing new in {settings.uploads}"


def test_a_link_is_passed_over_and_told(look: Look, settings: Settings, tmp_path: Path) -> None:
    target = _rested(tmp_path / "elsewhere.csv")
    (settings.home / "uploads" / "link.csv").symlink_to(target)
    assert "link.csv: It is a link" in said(look())


def test_a_folder_that_is_not_there_is_empty(look: Look, settings: Settings) -> None:
    (settings.home / "uploads").rmdir()
    assert keys(look()) == []
