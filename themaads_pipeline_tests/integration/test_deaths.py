"""Workers that die: what the ledger notes of them, and what becomes of the items that they died with."""

import subprocess
import sys

import psycopg
import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import FencedError, StopAskedError, UploadBusyError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.progress import AccountBeat
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.unfinished import deaths_in_a_row
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.integration.test_ledger import ACCOUNT, never, planned, progress, working
from themaads_pipeline_tests.pushing import Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator


def age(database_url: str, table: str, seconds: int) -> None:
    """Make what was noted look older; the database itself has to be older than that."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            f"update themaads.{table} set progress_at = progress_at - make_interval(secs => {seconds}), "
            f"waiting_until = waiting_until - make_interval(secs => {seconds})"
        )
        connection.execute(
            f"select pg_sleep_until(pg_postmaster_start_time() + make_interval(secs => {seconds}))"
        )


def test_a_run_is_as_old_as_its_slowest_account(ledger: Ledger, database_url: str) -> None:
    work = working(ledger)
    beats = [AccountBeat(customer_id=number, doing=f"account {number}") for number in (1, 2)]
    ledger.beats.write(work.owner, beats)
    age(database_url, "account_progress", 4)
    ledger.beats.write(work.owner, beats[:1])
    found = ledger.beats.of_run("run-1")
    assert found is not None
    assert (found.customer_id, found.doing, found.total) == (2, "account 2", 3)
    assert 4 <= found.age_s < 10
    ledger.beats.write(work.owner, [], at_rest=[2])
    found = ledger.beats.of_run("run-1")
    assert found is not None
    assert found.age_s < 2


def test_a_wait_that_has_an_end_is_no_stall_until_then(ledger: Ledger, database_url: str) -> None:
    work = working(ledger)
    ledger.beats.write(work.owner, [AccountBeat(customer_id=1, doing="a request", waits_s=6)])
    age(database_url, "account_progress", 4)
    found = ledger.beats.of_run("run-1")
    assert found is not None
    assert found.age_s == 0
    assert progress(ledger, work.owner.upload).doing == "a request"


def test_a_fenced_run_beats_no_more(ledger: Ledger) -> None:
    work = working(ledger)
    ledger.uploads.take(work.owner.upload, run_id="run-2", stage="pushing", is_active=never)
    ledger.beats.write(work.owner, [AccountBeat(customer_id=1, doing="late")])
    assert ledger.beats.of_run("run-1") is None
    found = ledger.beats.of_run("run-2")
    assert found is not None
    assert found.customer_id is None


def test_a_dead_run_is_told_of_at_once_and_shut_out(ledger: Ledger) -> None:
    work = working(ledger)
    assert ledger.beats.bury("run-1", why="the worker was killed") == work.owner.upload
    told = progress(ledger, work.owner.upload)
    assert (told.status, told.message) == (UploadStatus.INTERRUPTED, "the worker was killed")
    with pytest.raises(FencedError):
        ledger.attempts.claim(work.owner, work.lease, [planned(work.items[0])], read_at=work.read_at)
    with pytest.raises(UploadBusyError, match="declared dead"):
        ledger.uploads.take(work.owner.upload, run_id="run-1", stage="checking", is_active=never)
    assert ledger.beats.bury("run-1", why="again") is None


def test_a_report_that_dies_undoes_no_pause(ledger: Ledger) -> None:
    work = working(ledger)
    number, paused = work.owner.upload, UploadStatus.PAUSED
    assert ledger.uploads.set_status(number, paused, was=[UploadStatus.RUNNING], message="by a person")
    ledger.uploads.take(number, run_id="run-2", stage="reporting", is_active=never, looks_only=True)
    assert ledger.beats.bury("run-2", why="killed") == number
    told = progress(ledger, number)
    assert (told.status, told.message) == (paused, "by a person")


def test_a_run_that_is_asked_to_stop_begins_nothing_and_settles_what_is_in_flight(ledger: Ledger) -> None:
    work = working(ledger)
    first, second, _ = work.items
    attempt = ledger.attempts.claim(work.owner, work.lease, [planned(first)], read_at=work.read_at)
    assert ledger.beats.ask_to_stop("run-1", by="person")
    assert ledger.beats.stop_asked_by(work.owner) == "person"
    with pytest.raises(StopAskedError):
        ledger.attempts.claim(work.owner, work.lease, [planned(second)], read_at=work.read_at)
    ledger.attempts.doubt(work.owner, attempt, error="settled all the same")
    assert progress(ledger, work.owner.upload).status is UploadStatus.PAUSED


def test_deaths_in_a_row_are_counted_until_there_is_progress_or_a_person_resumes(ledger: Ledger) -> None:
    work = working(ledger)
    number = work.owner.upload
    ledger.beats.bury("run-1", why="killed")  # it read the file: that is progress
    for run in ("run-2", "run-3"):
        ledger.uploads.take(number, run_id=run, stage="pushing", is_active=never)
        ledger.beats.bury(run, why="killed")
    assert deaths_in_a_row(ledger.uploads.recent_runs(number)) == 2
    ledger.uploads.take(number, run_id="run-4", stage="pushing", is_active=never)
    ledger.attempts.fail_account(
        ledger.uploads.take(number, run_id="run-4", stage="pushing", is_active=never),
        ACCOUNT,
        code="X",
        message="",
    )
    ledger.beats.bury("run-4", why="killed")
    assert deaths_in_a_row(ledger.uploads.recent_runs(number)) == 0
    ledger.uploads.take(number, run_id="run-5", stage="pushing", is_active=never)
    ledger.beats.bury("run-5", why="killed")
    assert deaths_in_a_row(ledger.uploads.recent_runs(number)) == 1
    assert ledger.uploads.resume(number, was=(UploadStatus.INTERRUPTED,))
    assert ledger.uploads.recent_runs(number) == []


def test_one_item_that_kills_every_worker_fails_alone_and_all_others_get_their_ads(
    ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator
) -> None:
    pusher = Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)
    refs = generated(emulator, accounts=1, ad_groups=60)
    upload, poison = pusher.submit(refs), refs[30][1]
    times = {
        "REQUEST_DEADLINE_SECONDS": "3",
        "MINIMUM_SEND_SECONDS": "0.5",
        "ABSENCE_MARGIN_SECONDS": "0.5",
        "SECOND_READ_SECONDS": "0.1",
        "LEASE_SECONDS": "2",
    }
    environment = emulator.environment() | {f"THEMAADS_{name}": value for name, value in times.items()}
    environment |= {
        "THEMAADS_DATABASE_URL": str(settings.database_url),
        "THEMAADS_GOOGLE_ADS_CONFIG": str(emulator.google_ads_yaml),
    }
    codes: list[int] = []
    while not codes or codes[-1] != 0:
        assert len(codes) < 12, codes
        command = [sys.executable, "-m", "themaads_pipeline_tests.chaos.worker", str(upload)]
        command += [f"worker-{len(codes)}", "--poison", str(poison), "--batch-size", "20"]
        codes.append(subprocess.run(command, env=environment, check=False, timeout=120).returncode)
        assert deaths_in_a_row(ledger.uploads.recent_runs(upload)) < 3
    assert codes == [-9, -9, -9, -9, 0]
    items = ledger.outcomes.items(upload)
    [failed] = [item for item in items if item["state"] != ItemState.DONE]
    assert (failed["ad_group_id"], failed["category"], failed["code"]) == (poison, "technical", "worker_died")
    assert pusher.ads_made() == 59
