"""Every stage of a run shows in the ledger how it gets on, so that a slow one is told from a stalled one."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from themaads_pipeline.ads.client import open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ads.wire import ReadPolicy
from themaads_pipeline.definitions import definitions_with
from themaads_pipeline.exceptions import FencedError
from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.push.audit import audit_upload
from themaads_pipeline.push.reading import read_upload
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.push.telling import Telling
from themaads_pipeline.settings import Settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator
from themaads_pipeline_tests.small_disk import small_disk

TODAY = date(2026, 11, 23)
CATALOGUE = load_catalogue(None)


@dataclass(frozen=True, kw_only=True)
class Beat:
    """What the ledger held of a stage after one of its beats."""

    stage: str
    doing: str
    progress_at: datetime
    waits: bool


@pytest.fixture
def beats(database_url: str) -> Iterator[Callable[[], list[Beat]]]:
    """Every beat that was written so far, in order: Postgres keeps them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("""
            create table beat (number serial, stage text, doing text, progress_at timestamptz, waits boolean);
            create function keep_beat() returns trigger language plpgsql as $$
            begin
              insert into beat (stage, doing, progress_at, waits)
              values (new.stage, new.doing, new.progress_at, new.waiting_until is not null);
              return null;
            end $$;
            create trigger keep_beat after update of progress_at on themaads.ownership
              for each row execute function keep_beat();
            alter function keep_beat() set search_path = public;
        """)
        query = "select stage, doing, progress_at, waits from beat order by number"

        def so_far() -> list[Beat]:
            rows = connection.execute(query).fetchall()
            return [Beat(stage=row[0], doing=row[1], progress_at=row[2], waits=row[3]) for row in rows]

        yield so_far


def submit(ledger: Ledger, file: Path) -> Upload:
    return register_file(file, ledger=ledger, catalogue=CATALOGUE, today=TODAY).upload


def take(ledger: Ledger, upload: Upload, *, run_id: str = "run-1", stage: str = "reading") -> Owner:
    return ledger.uploads.take(upload.number, run_id=run_id, stage=stage, is_active=lambda _: False)


def empty_upload(ledger: Ledger, tmp_path: Path) -> Upload:
    file = tmp_path / "black friday.csv"
    file.write_text("customer_id,ad_group_id\n1234567890,5\n")
    return submit(ledger, file)


def doing(ledger: Ledger, upload: Upload) -> tuple[str, bool]:
    [progress] = ledger.uploads.progress(upload.number)
    return progress.doing, progress.waiting_until is not None


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# What a stage tells


def test_what_is_told_often_is_written_seldom(ledger: Ledger, tmp_path: Path) -> None:
    upload = empty_upload(ledger, tmp_path)
    tell = Telling(ledger, take(ledger, upload), every_s=600)
    for row in (1, 2, 3):
        tell(f"reading row {row}")
    assert doing(ledger, upload) == ("reading row 1", False)


def test_a_wait_is_written_at_once_and_so_is_its_end(ledger: Ledger, tmp_path: Path) -> None:
    upload = empty_upload(ledger, tmp_path)
    tell = Telling(ledger, take(ledger, upload), every_s=600)
    tell("reading")
    tell("asking", waits_s=30)
    assert doing(ledger, upload) == ("asking", True)
    tell("answered")
    assert doing(ledger, upload) == ("answered", False)


def test_a_run_that_was_replaced_tells_nothing(
    ledger: Ledger, tmp_path: Path, beats: Callable[[], list[Beat]]
) -> None:
    upload = empty_upload(ledger, tmp_path)
    tell = Telling(ledger, take(ledger, upload), every_s=0)
    tell("reading")
    take(ledger, upload, run_id="successor")
    tell("still reading", waits_s=30)
    assert doing(ledger, upload) == ("", False)
    assert [beat.doing for beat in beats()] == ["reading"]


# Reading


def test_reading_a_large_file_beats_in_parts_of_seconds(
    ledger: Ledger, tmp_path: Path, beats: Callable[[], list[Beat]]
) -> None:
    rows, file = 200_000, tmp_path / "black friday.csv"
    lines = (f"{2000000001 + row % 7},{176256000000 + row},Schoenen maat {row}\n" for row in range(rows))
    file.write_text("customer_id,ad_group_id,ad_group_name\n" + "".join(lines))
    upload = submit(ledger, file)
    owner = take(ledger, upload)
    read_upload(
        upload,
        owner,
        ledger=ledger,
        catalogue=CATALOGUE,
        today=TODAY,
        gateway=lambda: pytest.fail("no name has to be looked up"),
        tell=Telling(ledger, owner, every_s=0),
    )
    told = beats()
    assert len({beat.progress_at for beat in told}) == len(told)
    for what, at_most in (("reading", 130_000), ("checking", 100_000), ("writing", 20_000)):
        found = [re.match(rf"{what} row ([\d,]+) of", beat.doing) for beat in told]
        reached = [0, *(int(match[1].replace(",", "")) for match in found if match)]
        assert reached[-1] == rows
        assert max(after - before for before, after in pairwise(reached)) <= at_most


def test_a_look_up_that_hangs_is_one_wait_until_its_last_attempt_is_over(
    ledger: Ledger, tmp_path: Path, emulator: RunningEmulator, beats: Callable[[], list[Beat]]
) -> None:
    account = {
        "customer_id": 1234567890,
        "name": "Winkel",
        "campaigns": [{"id": 1, "name": "Zoeken"}],
        "ad_groups": [{"id": 5, "name": "Schoenen", "campaign_id": 1}],
    }
    emulator.seed({"managers": [{"customer_id": 1000000001, "name": "Bureau"}], "accounts": [account]})
    file = tmp_path / "black friday.csv"
    file.write_text("customer_id,ad_group_name\n1234567890,Schoenen\n")
    upload = submit(ledger, file)
    owner = take(ledger, upload)
    # After the deadline nothing is asked for a while: that belongs to the wait.
    reads = ReadPolicy(timeout_s=2.5, wait_initial_s=2, wait_max_s=2, wait_jitter_s=0)
    client = open_client(emulator.google_ads_yaml, trusted_roots=emulator.ca_file)
    gateway = Gateway(client, reads=reads)
    gateway.accounts()
    emulator.faults([{"kind": "hang", "method": "*SearchStream", "seconds": 60, "count": 1}])

    def read() -> None:
        read_upload(
            upload,
            owner,
            ledger=ledger,
            catalogue=CATALOGUE,
            today=TODAY,
            gateway=lambda: gateway,
            tell=Telling(ledger, owner),
        )

    def age() -> float:
        progress = ledger.beats.of_run("run-1")
        assert progress is not None
        return progress.age_s

    reader = threading.Thread(target=read)
    reader.start()
    asking = "looking up names in account 123-456-7890 (1 of 1)"
    eventually(lambda: any(beat.waits for beat in beats() if beat.doing == asking))
    while reader.is_alive():
        assert age() < 2
        reader.join(timeout=0.5)
    client.close()
    assert [item["ad_group_id"] for item in ledger.outcomes.items(upload.number)] == [5]


def test_a_reader_that_was_replaced_writes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "black friday.csv"
    file.write_text("customer_id,ad_group_id\n" + "".join(f"1234567890,{row}\n" for row in range(1, 45_001)))
    upload = submit(ledger, file)
    owner = take(ledger, upload)

    def tell(doing: str, *, waits_s: float = 0.0) -> None:
        if doing.startswith("writing row 40,000"):
            take(ledger, upload, run_id="successor")

    with pytest.raises(FencedError):
        read_upload(
            upload,
            owner,
            ledger=ledger,
            catalogue=CATALOGUE,
            today=TODAY,
            gateway=lambda: pytest.fail("no name has to be looked up"),
            tell=tell,
        )
    [progress] = ledger.uploads.progress(upload.number)
    assert (progress.total, progress.is_read, progress.run_id) == (0, False, "successor")


# The check that looks all ads up


@pytest.fixture
def pushed(
    ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator
) -> tuple[int, list[tuple[int, int]]]:
    """An upload of 20 ad groups in two accounts, done; its number and its ad groups."""
    pusher = Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)
    ad_groups = generated(emulator, accounts=2, ad_groups=20)
    number = pusher.submit(ad_groups)
    assert pusher.push(number).is_finished
    return number, ad_groups


class Told(list[tuple[str, float]]):
    """What was told, and for how long it was said to wait."""

    def __call__(self, doing: str, *, waits_s: float = 0.0) -> None:
        self.append((doing, waits_s))

    def waits(self, doing: str) -> list[float]:
        return [waits_s for said, waits_s in self if waits_s and said.startswith(doing)]


def test_a_request_of_the_last_look_is_a_wait_until_its_last_attempt_is_over(
    ledger: Ledger, gateway: Gateway, emulator: RunningEmulator, pushed: tuple[int, list[tuple[int, int]]]
) -> None:
    number, ad_groups = pushed
    emulator.faults([{"kind": "slow", "method": "*SearchStream", "seconds": 2.5, "count": 2}])
    told = Told()
    audit = audit_upload(
        number, ledger=ledger, gateway=gateway, catalogue=CATALOGUE, second_read_seconds=0, tell=told
    )
    assert audit.counts == (20, 0, 0, 0)
    first = min(ad_groups)[0]
    waits = told.waits(
        f"looking up ads in account {str(first)[:3]}-{str(first)[3:6]}-{str(first)[6:]}: 0 ads"
    )
    assert len(waits) == 2  # the labels, and then the ads
    assert all(0 < waits_s <= ReadPolicy().total_s + ReadPolicy().timeout_s for waits_s in waits)


def test_between_the_two_looks_is_a_wait_that_has_an_end(
    ledger: Ledger, gateway: Gateway, emulator: RunningEmulator, pushed: tuple[int, list[tuple[int, int]]]
) -> None:
    number, _ = pushed
    emulator.reset()  # the ads of the beginning: all that were made are lost
    told = Told()
    audit = audit_upload(
        number, ledger=ledger, gateway=gateway, catalogue=CATALOGUE, second_read_seconds=2.5, tell=told
    )
    assert audit.counts == (20, 0, 20, 0)
    waits = told.waits("before a second look at 10 ads that are not there in account ")
    assert len(waits) == 2  # accounts
    assert all(0 < waits_s <= 2.5 for waits_s in waits)


def test_every_ad_is_looked_up_however_large_the_parts_are(
    ledger: Ledger, pushed: tuple[int, list[tuple[int, int]]]
) -> None:
    number, ad_groups = pushed
    for size in (1, 3, 10, 1_000):
        found = [
            (ad["customer_id"], ad["ad_group_id"])
            for _, parts in ledger.outcomes.made_ads_by_account(number, size=size)
            for part in parts
            for ad in part
        ]
        assert found == sorted(ad_groups)


# In Dagster


@pytest.fixture
def run(
    ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator
) -> Iterator[Callable[[Upload], dg.ExecuteInProcessResult]]:
    """Runs the job of an upload, in this process."""
    resources: dict[str, Any] = {
        "ledger": ledger,
        "google_ads": lambda: gateway,
        "themes": cache(lambda: CATALOGUE),
        "clock": lambda: NOW,
        "settings": settings,
    }
    job = definitions_with(resources).resolve_job_def("push_upload")
    with dg.DagsterInstance.ephemeral() as instance:

        def once(upload: Upload) -> dg.ExecuteInProcessResult:
            instance.add_dynamic_partitions("uploads", [upload.key])
            return job.execute_in_process(instance=instance, partition_key=upload.key, raise_on_error=False)

        yield once


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    [event] = [event for event in result.all_node_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data or event.step_failure_data.error)


def test_each_stage_of_a_run_beats(
    ledger: Ledger,
    run: Callable[[Upload], dg.ExecuteInProcessResult],
    emulator: RunningEmulator,
    tmp_path: Path,
    beats: Callable[[], list[Beat]],
) -> None:
    generated(emulator, accounts=1, ad_groups=3)
    file = tmp_path / "black friday.csv"
    file.write_text(emulator.upload_file())
    upload = submit(ledger, file)
    assert run(upload).success
    told = [(beat.stage, beat.doing, beat.waits) for beat in beats()]
    assert {stage for stage, _, _ in told} == {"reading", "pushing", "reporting", "checking"}
    assert ("checking", "looking the ads up", False) in told
    assert ("reporting", "gathering the outcomes of 3 ad groups", True) in told


def test_a_full_disk_fails_the_report_and_the_next_run_writes_it(
    ledger: Ledger,
    run: Callable[[Upload], dg.ExecuteInProcessResult],
    emulator: RunningEmulator,
    settings: Settings,
    tmp_path: Path,
) -> None:
    generated(emulator, accounts=1, ad_groups=3)
    file = tmp_path / "black friday.csv"
    file.write_text(emulator.upload_file())
    upload = submit(ledger, file)
    with small_disk(settings.home / "reports") as disk:
        disk.fill()
        failed = run(upload)
        assert not failed.success
        said = failure_of(failed)
        assert "No space left on device" in said
        assert f"free space in {settings.reports}" in said
        assert "Every ad that was made is recorded: the next run of #1 writes the report" in said
        assert not list((settings.home / "reports").glob("*/*"))
        [progress] = ledger.uploads.progress(upload.number)
        assert (progress.status, progress.done) == (UploadStatus.FINISHED, 3)
        disk.make_room()
        assert run(upload).success
        [outcomes] = (settings.home / "reports").glob("*/outcomes.csv")
        assert len(outcomes.read_text(encoding="utf-8").splitlines()) == 4
    assert emulator.stats()["ads_created"] == 3


def test_a_full_disk_does_not_hide_why_a_file_cannot_be_used(
    ledger: Ledger, run: Callable[[Upload], dg.ExecuteInProcessResult], settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "black friday.csv"
    file.write_text("name,city\na,b\n")
    upload = submit(ledger, file)
    with small_disk(settings.home / "reports") as disk:
        disk.fill()
        said = failure_of(run(upload))
    assert "black friday.csv" in said
    found = ledger.uploads.find(upload.key)
    assert found.status is UploadStatus.FAILED
    assert found.message in said
