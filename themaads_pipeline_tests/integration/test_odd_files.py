"""What somebody who may write into the upload folder can put there: it is handled, or refused in words."""

import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.cli.main import themaads
from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.folder import look_into, place_in_folder
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.push.reading import read_upload
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.reports.files import write_reports
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as process_settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator

NAMES = (
    "-rf.csv",
    "--theme=kerst.csv",
    "a..csv",
    "two\nlines.csv",
    "carriage\rreturn.csv",
    "\x1b[2J\x1b[31mred\x07.csv",
    "invoice\u202efsc.csv",  # shown as `invoicecsv.csf`
    "zero\u200bwidth\u200f.csv",
    " .csv",
    "a\\..\\b.csv",
    "%2e%2e%2fetc.csv",
    "$(touch me)`id`;&|.csv",
    "{run_id}%s%(x)s.csv",
    "[red]bold[\u2215red].csv",
    "=cmd|' \u2215C calc'!A0.csv",
    "<script>alert(1)<\u2215script>.csv",
    "é" * 125 + ".csv",  # 254 bytes
    "a" * 251 + ".csv",  # 255 bytes
)


@pytest.fixture
def folder(settings: Settings) -> Path:
    here = Path(str(settings.uploads))
    here.mkdir(parents=True)
    return here


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    generated(emulator, accounts=1, ad_groups=3)
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


@pytest.fixture
def status(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """What `themaads status` prints."""
    for variable, value in settings:
        monkeypatch.setenv(f"THEMAADS_{variable.upper()}", "" if value is None else str(value))
    process_settings.cache_clear()
    yield lambda: CliRunner().invoke(themaads, ["status"]).output
    process_settings.cache_clear()


def registered(path: Path, ledger: Ledger) -> Upload:
    return register_file(
        path, ledger=ledger, catalogue=load_catalogue(None), today=NOW.date(), theme="Black Friday 2026"
    ).upload


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_file_with_an_odd_name_is_processed_like_any_other_and_shown_safely(
    name: str, folder: Path, pusher: Pusher, status: Callable[[], str]
) -> None:
    ledger, settings = pusher.ledger, pusher.settings
    (folder / name).write_text(pusher.emulator.upload_file())
    before = {path for path in folder.parent.rglob("*") if path.is_file()}
    assert list(look_into(folder).marks) == [name]

    upload = registered(folder / name, ledger)
    owner = ledger.uploads.take(upload.number, run_id="read", stage="reading", is_active=lambda _: False)
    catalogue = load_catalogue(None)
    read_upload(
        upload, owner, ledger=ledger, catalogue=catalogue, today=NOW.date(), gateway=lambda: pusher.gateway
    )
    ledger.uploads.end(owner, how="finished")
    pusher.push(upload.number)
    finished = ledger.uploads.find(upload.key)
    reports = write_reports(
        finished, ledger=ledger, directory=settings.reports, accounts={}, catalogue=catalogue
    )

    assert finished.status is UploadStatus.FINISHED
    assert ledger.uploads.progress(upload.number)[0].done == 3
    assert upload.file_name.isprintable()
    for written in {path for path in folder.parent.rglob("*") if path.is_file()} - before:
        assert written.resolve().is_relative_to(Path(str(settings.reports)).resolve())
        assert written.name.isprintable()
    title = Path(str(reports.summary)).read_text(encoding="utf-8").partition("\n")[0]
    assert not re.search(r"(?<!\\)(\\\\)*[<>\[\]|`*_]", title), title  # what Markdown would take for markup
    shown = status()
    assert "finished" in shown
    assert shown.replace("\n", "").isprintable(), shown
    assert len(name) > 50 or upload.file_name in shown, shown


def odd(folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is no file, under the name of one, with a word of why it is passed over ("": it is not told)."""
    (folder / "folder.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    (folder / "link.csv").symlink_to(outside)
    (folder / "inside.csv").symlink_to("other.csv")
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "proc.csv").symlink_to("/proc/self/environ")
    (folder / "device.csv").symlink_to("/dev/zero")
    (folder / "up.csv").symlink_to("../../../../../../etc/passwd")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(folder)  # a socket's path is short
        listener.bind("socket.csv")
        monkeypatch.undo()
    words = dict.fromkeys(("link.csv", "inside.csv", "loop.csv", "proc.csv", "device.csv", "up.csv"), "link")
    return {**words, "folder.csv": "", "pipe.csv": "no file", "socket.csv": "no file"}


def test_what_is_no_file_is_passed_over_with_its_reason(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("customer_id,ad_group_id\ncanary,canary\n")
    expected = odd(folder, outside, monkeypatch)
    (folder / "other.csv").write_text("x")
    look = look_into(folder)
    assert list(look.marks) == ["other.csv"]
    assert set(look.passed_over) == {name for name, why in expected.items() if why}
    for name, why in look.passed_over.items():
        assert expected[name] in why


def test_a_device_is_passed_over(folder: Path) -> None:
    try:
        os.mknod(folder / "zero.csv", 0o666 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")
    look = look_into(folder)
    assert look.passed_over == {"zero.csv": "It is no file."}
    with pytest.raises(UnusableFileError, match=r"zero\.csv: is not a file"):
        place_in_folder(folder / "zero.csv", folder.parent / "elsewhere")


def test_a_link_that_takes_a_files_place_after_the_look_is_not_followed(
    folder: Path, tmp_path: Path, ledger: Ledger, gateway: Gateway
) -> None:
    """Who may write into the folder must not read with our rights: rejected rows tell what a line says."""
    secret = tmp_path / "secret.csv"
    secret.write_text("customer_id,ad_group_id\ncanary-1,canary-2\n")
    path = folder / "list.csv"
    path.write_text("customer_id,ad_group_id\n1,2\n")
    assert list(look_into(folder).marks) == ["list.csv"]
    path.unlink()
    path.symlink_to(secret)
    upload = registered(path, ledger)
    owner = ledger.uploads.take(upload.number, run_id="read", stage="reading", is_active=lambda _: False)
    with pytest.raises(UnusableFileError, match="is a link"):
        read_upload(
            upload,
            owner,
            ledger=ledger,
            catalogue=load_catalogue(None),
            today=NOW.date(),
            gateway=lambda: gateway,
        )
    assert ledger.outcomes.rejected_rows(upload.number) == []


@pytest.mark.parametrize("name", ["../up.csv", "/etc/cron.d/x.csv", "a/b.csv", "..", ".", "", ".hidden.csv"])
def test_a_name_cannot_lead_out_of_the_folder(folder: Path, tmp_path: Path, name: str) -> None:
    source = tmp_path / "list.csv"
    source.write_text("customer_id,ad_group_id\n1,2\n")
    with pytest.raises(UnusableFileError, match="an upload cannot have this name"):
        place_in_folder(source, folder, name)
    assert list(folder.iterdir()) == []


def test_the_longest_name_twice_is_told_and_no_trace_is_left(folder: Path, tmp_path: Path) -> None:
    longest = tmp_path / ("a" * 251 + ".csv")
    longest.write_text("one")
    place_in_folder(longest, folder)
    longest.write_text("two")
    with pytest.raises(UnusableFileError, match="File name too long"):
        place_in_folder(longest, folder)
    assert [path.read_text() for path in folder.iterdir()] == ["one"]
