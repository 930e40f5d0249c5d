"""Uploads and reports in object storage, against an S3 server on this machine: from the bucket and back."""

import csv
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.request import urlopen

import dagster as dg
import pytest
import s3fs

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.cli import local_probes
from themaads_pipeline.cli.diagnosis import Level
from themaads_pipeline.defs.upload_folder import upload_folder
from themaads_pipeline.exceptions import StorageAwayError, UnusableFileError
from themaads_pipeline.intake.storage import at_hand, put_into
from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.objects import ObjectPath
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.reports.tables import ReportError, table_file
from themaads_pipeline.settings import Settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.integration.test_dagster_runs import Dagster
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import generated
from themaads_pipeline_tests.running_emulator import RunningEmulator
from themaads_pipeline_tests.running_s3 import BUCKET, RunningS3
from themaads_pipeline_tests.running_stack import Running, running
from themaads_pipeline_tests.running_upload import QUICK
from themaads_pipeline_tests.small_disk import small_disk
from themaads_pipeline_tests.ticks import keys, said

UPLOADS, REPORTS = f"s3://{BUCKET}/uploads", f"s3://{BUCKET}/reports"
ROW = "customer_id,ad_group_id\n123-456-7890,5\n"
OTHER_ROW = "customer_id,ad_group_id\n123-456-7890,6\n"
Look = Callable[[], dg.SensorResult]

# The S3 server's state belongs to the process.
pytestmark = pytest.mark.xdist_group("object_storage")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningS3]:
    with RunningS3() as running_s3:
        for name, value in running_s3.environment().items():
            monkeypatch.setenv(name, value)
        yield running_s3
    s3fs.S3FileSystem.clear_instance_cache()  # it would go on asking this server


@pytest.fixture
def settings(settings: Settings, s3: RunningS3) -> Settings:
    """The settings of all tests, with both folders in the bucket."""
    places = {"upload_dir": ObjectPath.at(UPLOADS), "report_dir": ObjectPath.at(REPORTS)}
    return settings.model_copy(update=places)


@pytest.fixture
def look(ledger: Ledger, settings: Settings) -> Look:
    """One tick of the sensor."""

    def tick() -> dg.SensorResult:
        context = dg.build_sensor_context(
            resources={
                "ledger": ledger,
                "themes": lambda: load_catalogue(None),
                "clock": lambda: NOW,
                "settings": settings,
            }
        )
        result = upload_folder(context)
        assert isinstance(result, dg.SensorResult)
        return result

    return tick


@pytest.fixture
def dagster(
    ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator
) -> Iterator[Dagster]:
    resources = {
        "ledger": ledger,
        "google_ads": lambda: gateway,
        "themes": cache(lambda: load_catalogue(None)),
        "clock": lambda: NOW,
        "settings": settings,
    }
    with dg.DagsterInstance.ephemeral() as instance:
        yield Dagster(instance=instance, ledger=ledger, resources=resources, folder=settings.home)


def registered(dagster: Dagster, name: str = "black_friday.csv") -> Upload:
    """An object of the upload folder, registered; its partition exists."""
    upload = register_file(
        ObjectPath.at(UPLOADS) / name, ledger=dagster.ledger, catalogue=load_catalogue(None), today=NOW.date()
    ).upload
    dagster.instance.add_dynamic_partitions("uploads", [upload.key])
    return upload


# From the bucket and back


def test_a_file_dropped_into_a_bucket_is_pushed_and_reported_there_by_a_whole_stack(
    s3: RunningS3, home: Path
) -> None:
    (home / "seed.json").write_text('{"generate": {"accounts": 3, "ad_groups": 90}}')
    places = {"THEMAADS_UPLOAD_DIR": UPLOADS, "THEMAADS_REPORT_DIR": REPORTS}
    with running(home, "--seed", str(home / "seed.json"), **QUICK, **places, **s3.environment()) as stack:
        stack.wait_until(lambda: stack.says("stack is up"))
        assert f"put files into {UPLOADS}" in stack.output.read_text()
        rows = ad_groups_of(stack)
        commas = "," * (rows.splitlines()[0].count(",") - 1)
        s3.put("uploads/black friday.csv", f"{rows}not-an-account,5{commas}\n")
        chosen = Settings(home=home)
        with Ledger(embedded.database_url(chosen), chosen) as ledger:
            stack.wait_until(lambda: has_report(s3), timeout=180)
            [upload] = ledger.uploads.with_status(UploadStatus.FINISHED)
            [progress] = ledger.uploads.progress(upload.number)
        assert upload.file_path == f"{UPLOADS}/black friday.csv"
        assert (progress.done, progress.failed, progress.rejected) == (90, 0, 1)
        folder = f"reports/{upload.number}-{upload.key.replace('@', '-')}"
        files = ("failed_items.csv", "outcomes.csv", "rejected_rows.csv", "report.html", "summary.md")
        assert [key for key in s3.objects() if key.startswith("reports/")] == [
            f"{folder}/{name}" for name in files
        ]
        outcomes = list(csv.DictReader(io.StringIO(s3.get(f"{folder}/outcomes.csv").decode("utf-8-sig"))))
        assert {line["outcome"] for line in outcomes} == {"done"}
        assert len({line["new_ad_id"] for line in outcomes}) == 90
    embedded.stop(home)


def ad_groups_of(stack: Running) -> str:
    facts = json.loads((stack.home / "emulator" / "emulator.json").read_text())
    with urlopen(f"{facts['control_url']}/ad_groups.csv", timeout=60) as response:
        return str(response.read().decode())


def has_report(s3: RunningS3) -> bool:
    return any(key.endswith("summary.md") for key in s3.objects())


def test_metadata_and_ledger_have_urls(
    dagster: Dagster, s3: RunningS3, emulator: RunningEmulator, look: Look
) -> None:
    generated(emulator, accounts=2, ad_groups=20)
    s3.put("uploads/black_friday.csv", emulator.upload_file())
    [key] = keys(look())
    dagster.instance.add_dynamic_partitions("uploads", [key])
    upload = dagster.ledger.uploads.find(key)
    assert upload.file_path == f"{UPLOADS}/black_friday.csv"
    assert dagster.run(upload).success
    shown = dagster.shown("upload_report", upload)
    assert shown["directory"] == f"{REPORTS}/1-{key.replace('@', '-')}"
    assert shown["outcomes"] == f"{shown['directory']}/outcomes.csv"
    assert dagster.run(upload, job="review_ads").success
    assert any(key.endswith("/disapproved.csv") for key in s3.objects())


def test_a_worker_leaves_no_copy_behind(
    dagster: Dagster,
    s3: RunningS3,
    emulator: RunningEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    generated(emulator, accounts=1, ad_groups=5)
    s3.put("uploads/black_friday.csv", emulator.upload_file())
    assert dagster.run(registered(dagster)).success
    assert list((tmp_path / "temporary").glob("themaads-*")) == []  # others have theirs there, too


# The sensor


def test_an_object_counts_in_the_tick_that_sees_it(s3: RunningS3, look: Look) -> None:
    assert said(look()) == f"nothing new in {UPLOADS}"
    s3.put("uploads/black_friday.csv", ROW)
    started = time.monotonic()
    assert len(keys(look())) == 1
    assert time.monotonic() - started < 2  # nothing has to rest


def test_folders_hidden_files_and_what_a_file_cannot_be_called_are_no_uploads(
    s3: RunningS3, look: Look
) -> None:
    for key in ("uploads/", "uploads/older/kerst.csv", "uploads/.hidden.csv", "uploads/bf.csv.part"):
        s3.put(key, ROW)
    s3.put(f"uploads/{'x' * 300}.csv", ROW)
    result = look()
    assert keys(result) == []
    assert "A file cannot have this name" in said(result)


def test_names_with_spaces_and_signs_are_read_and_registered(
    s3: RunningS3, look: Look, ledger: Ledger
) -> None:
    name = "kerst é #1 50% a+b?.csv"
    s3.put(f"uploads/{name}", ROW)
    [key] = keys(look())
    assert ledger.uploads.find(key).file_path == f"{UPLOADS}/{name}"


def test_the_same_list_again_is_the_same_upload_by_its_content(
    s3: RunningS3, look: Look, ledger: Ledger
) -> None:
    s3.put("uploads/black_friday.csv", ROW)
    look()
    ledger.uploads.take(1, run_id="run", stage="reading", is_active=lambda _: True)
    s3.put("uploads/black friday (copy).csv", ROW)
    assert "same as #1" in said(look())
    assert said(look()) == f"nothing new in {UPLOADS}"


def test_an_object_that_is_replaced_within_a_second_by_one_as_long_is_another_upload(
    s3: RunningS3, look: Look
) -> None:
    s3.put("uploads/black_friday.csv", ROW)
    first = keys(look())
    s3.put("uploads/black_friday.csv", OTHER_ROW)
    assert len(ROW) == len(OTHER_ROW)
    assert len(set(keys(look())) - set(first)) == 1


def test_storage_that_is_away_is_told_and_uploads_that_wait_get_their_runs(
    s3: RunningS3, look: Look, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = RunningS3()
    with nobody:
        monkeypatch.setenv("AWS_ENDPOINT_URL", nobody.endpoint)
        s3fs.S3FileSystem.clear_instance_cache()
    started = time.monotonic()
    assert "object storage gave no answer when asked to list it" in said(look())
    assert time.monotonic() - started < 40  # a tick has a minute
    file = tmp_path / "kerst.csv"
    file.write_text(ROW)
    by_hand = register_file(file, ledger=ledger, catalogue=load_catalogue(None), today=NOW.date()).upload
    assert keys(look()) == [by_hand.key]


def test_a_bucket_that_may_not_be_listed_or_is_not_there_is_told(
    s3: RunningS3, look: Look, settings: Settings
) -> None:
    s3.put("uploads/black_friday.csv", ROW)
    s3.check_rights()
    assert f"The upload folder {UPLOADS} cannot be read (" in said(look())


def test_a_bucket_that_is_not_there_is_told(s3: RunningS3, ledger: Ledger) -> None:
    with pytest.raises(OSError, match="There is no bucket no-such-bucket"):
        ObjectPath.at("s3://no-such-bucket/uploads").listed()


# Reading


def test_a_file_that_is_replaced_after_it_was_submitted_is_not_pushed(
    dagster: Dagster, s3: RunningS3, emulator: RunningEmulator
) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    s3.put("uploads/black_friday.csv", emulator.upload_file())
    upload = registered(dagster)
    s3.put("uploads/black_friday.csv", "\n".join(emulator.upload_file().splitlines()[:3]))
    assert not dagster.run(upload).success
    status, why = dagster.status(upload)
    assert status is UploadStatus.FAILED
    assert "black_friday.csv was changed after it was submitted as #1" in why
    assert registered(dagster).number == 2


def test_a_file_that_was_taken_away_is_told_and_found_where_it_is_dropped_again(
    dagster: Dagster, s3: RunningS3, emulator: RunningEmulator
) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    s3.put("uploads/black_friday.csv", emulator.upload_file())
    upload = registered(dagster)
    s3.delete("uploads/black_friday.csv")
    assert not dagster.run(upload).success
    assert "black_friday.csv: cannot be read (There is no such object)" in dagster.status(upload)[1]
    s3.put("uploads/black friday 2.csv", emulator.upload_file())
    again = registered(dagster, "black friday 2.csv")
    assert (again.number, again.file_path) == (upload.number, f"{UPLOADS}/black friday 2.csv")


def test_storage_that_is_away_interrupts_an_upload_and_does_not_fail_it(
    dagster: Dagster, s3: RunningS3, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    s3.put("uploads/black_friday.csv", emulator.upload_file())
    upload = registered(dagster)
    there = s3.endpoint
    with RunningS3() as nobody:
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL", nobody.endpoint)
    s3fs.S3FileSystem.clear_instance_cache()
    assert not dagster.run(upload).success
    status, why = dagster.status(upload)
    assert status is UploadStatus.INTERRUPTED
    assert "object storage gave no answer" in why
    monkeypatch.setenv("AWS_ENDPOINT_URL", there)
    s3fs.S3FileSystem.clear_instance_cache()
    s3.put("uploads/black_friday.csv", emulator.upload_file())  # the other server took all with it
    assert dagster.run(upload).success
    assert dagster.status(upload)[0] is UploadStatus.FINISHED


def test_a_worker_without_room_for_its_copy_says_where_to_free_space(
    s3: RunningS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put("uploads/large.csv", os.urandom(3 * 1024**2))
    with small_disk(tmp_path / "temporary") as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk.path))
        with (
            pytest.raises(StorageAwayError, match=f"no room here for a copy .*: free space in {disk.path}"),
            at_hand(ObjectPath.at(UPLOADS) / "large.csv"),
        ):
            pass


def test_doctor_says_whether_the_folders_can_be_listed(s3: RunningS3) -> None:
    s3.put("uploads/black_friday.csv", ROW)
    [found] = local_probes.folder("uploads", ObjectPath.at(UPLOADS))
    assert (found.level, found.text.partition(";")[0]) == (Level.OK, f"{UPLOADS} can be listed (1 objects)")
    [missing] = local_probes.folder("reports", ObjectPath.at("s3://no-such-bucket/reports"))
    assert missing.level is Level.WRONG
    assert "There is no bucket no-such-bucket" in missing.text


# Writing


def test_what_is_submitted_never_overwrites_an_object(s3: RunningS3, tmp_path: Path) -> None:
    folder, file = ObjectPath.at(UPLOADS), tmp_path / "bf.csv"
    file.write_text(ROW)
    assert put_into(folder, file) == folder / "bf.csv"
    assert put_into(folder, file) == folder / "bf.csv"
    file.write_text(OTHER_ROW)
    assert put_into(folder, file) == folder / "bf-2.csv"
    assert (s3.get("uploads/bf.csv").decode(), s3.get("uploads/bf-2.csv").decode()) == (ROW, OTHER_ROW)


def test_a_folder_that_may_not_be_written_to_is_told_to_who_submits(s3: RunningS3, tmp_path: Path) -> None:
    file = tmp_path / "bf.csv"
    file.write_text(ROW)
    s3.check_rights()
    with pytest.raises(UnusableFileError, match=f"{UPLOADS} cannot be written to"):
        put_into(ObjectPath.at(UPLOADS), file)


def test_a_report_that_breaks_off_leaves_the_earlier_one(s3: RunningS3) -> None:
    s3.put("reports/outcomes.csv", "the earlier one")
    with (
        pytest.raises(ZeroDivisionError),
        table_file(ObjectPath.at(REPORTS) / "outcomes.csv", ["a"]) as write,
    ):
        write([1 / 0])
    assert s3.get("reports/outcomes.csv") == b"the earlier one"


def test_a_report_that_may_not_be_written_says_so(s3: RunningS3) -> None:
    s3.check_rights()
    with (
        pytest.raises(ReportError, match=r"outcomes.csv cannot be written \(.*check s3://.*/reports and its"),
        table_file(ObjectPath.at(REPORTS) / "outcomes.csv", ["a"]),
    ):
        pass


def test_a_report_waits_for_storage_that_is_away_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    with RunningS3() as before:
        for name, value in before.environment().items():
            monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    back: list[RunningS3] = []

    def tell(doing: str, *, waits_s: float = 0.0) -> None:
        """The second try finds it."""
        assert doing.startswith("uploading outcomes.csv")
        assert waits_s > 300
        told.append(doing)
        if len(told) == 2:
            back.append(RunningS3(before.port).__enter__())

    told: list[str] = []
    try:
        with table_file(ObjectPath.at(REPORTS) / "outcomes.csv", ["a"], tell=tell) as write:
            write(["b"])
        assert len(told) == 2
        assert back[0].get("reports/outcomes.csv").decode("utf-8-sig").split() == ["a", "b"]
    finally:
        for server in back:
            server.__exit__()
        s3fs.S3FileSystem.clear_instance_cache()


def test_a_file_of_many_parts_arrives_as_it_was(s3: RunningS3, tmp_path: Path) -> None:
    content = os.urandom(60 * 1024**2)
    (tmp_path / "a").write_bytes(content)
    place = ObjectPath.at(UPLOADS) / "large.csv"
    place.upload(tmp_path / "a", replaces=False)
    sizes: list[int] = []
    place.download(tmp_path / "b", on_bytes=sizes.append)
    assert (tmp_path / "b").read_bytes() == content
    assert len(sizes) > 2
    with pytest.raises(FileExistsError):
        place.upload(tmp_path / "a", replaces=False)


def test_what_gives_no_answer_says_what_to_check(s3: RunningS3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(
        StorageAwayError, match=r"Unable to locate credentials.*Check its address and credentials"
    ):
        ObjectPath.at(UPLOADS).listed()
