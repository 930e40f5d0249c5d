"""Postgres is restarted, or away, or a connection is lost in mid-transaction: a push goes on where it was."""

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import LedgerAwayError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.flaky_postgres import FlakyPostgres, flaky_postgres
from themaads_pipeline_tests.pushing import Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator


@pytest.fixture
def postgres(database_url: str) -> Iterator[FlakyPostgres]:
    with flaky_postgres(database_url, seed=7) as flaky:
        yield flaky


@pytest.fixture
def pusher(
    postgres: FlakyPostgres, gateway: Gateway, settings: Settings, emulator: RunningEmulator
) -> Iterator[Pusher]:
    """Its ledger is behind the flaky Postgres."""
    with Ledger(postgres.url, settings) as ledger:
        yield Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


def sent_ads(pusher: Pusher) -> int:
    return sum(request["operations"] for request in pusher.mutates())


def test_lost_commits_and_lost_answers_to_commits_lose_no_outcome_and_send_nothing_twice(
    pusher: Pusher, postgres: FlakyPostgres, emulator: RunningEmulator
) -> None:
    upload = pusher.submit(generated(emulator, accounts=4, ad_groups=400))
    pusher.ledger.patience.have()
    postgres.share_lost = 0.2
    summary = pusher.push(upload, batch_size=10, read_size=40)
    postgres.share_lost = 0
    assert (summary.progress.done, summary.progress.total) == (400, 400)
    assert postgres.commits_lost > 5
    assert postgres.answers_lost > 5
    # Nothing became doubtful: what Google answered was written down once the ledger could be reached.
    assert (pusher.ads_made(), sent_ads(pusher)) == (400, 400)


def test_a_push_rides_out_a_postgres_that_is_away_for_longer_than_the_stall_threshold(
    pusher: Pusher, postgres: FlakyPostgres, emulator: RunningEmulator, settings: Settings
) -> None:
    upload = pusher.submit(generated(emulator, accounts=3, ad_groups=300))
    emulator.profile("realistic", site_checks_per_s=0)
    ended: list[object] = []
    thread = threading.Thread(target=lambda: ended.append(pusher.push(upload, batch_size=20)))
    thread.start()
    deadline = time.monotonic() + 60
    while pusher.ads_made() < 60:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    postgres.go_away()
    time.sleep(settings.stall_seconds + settings.lease_seconds)
    made = pusher.ads_made()
    time.sleep(1)
    assert pusher.ads_made() == made < 300  # nothing is sent that cannot be written down
    assert not ended
    postgres.come_back()
    thread.join(timeout=120)
    [progress] = pusher.ledger.uploads.progress(upload)
    assert (progress.status, progress.done) == (UploadStatus.FINISHED, 300)
    assert (pusher.ads_made(), sent_ads(pusher)) == (300, 300)
    assert len(ended) == 1


def test_a_run_that_is_stopped_while_postgres_is_away_waits_no_longer(
    pusher: Pusher, postgres: FlakyPostgres, emulator: RunningEmulator
) -> None:
    upload = pusher.submit(generated(emulator, accounts=1, ad_groups=40))
    work = pusher.work(upload)
    work.ledger.patience.have()
    postgres.go_away()
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            work.ledger.uploads.progress(upload)
        except (LedgerAwayError, psycopg.OperationalError) as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(1)
    work.ledger.patience.lose()
    thread.join(timeout=30)
    assert len(caught) == 1


def test_a_command_waits_for_no_postgres(settings: Settings, postgres: FlakyPostgres) -> None:
    with Ledger(postgres.url, settings) as ledger:
        postgres.go_away()
        with pytest.raises(psycopg.OperationalError):
            ledger.uploads.progress()


def test_a_command_does_not_notice_a_postgres_that_was_restarted_between_two_of_its_questions(
    settings: Settings, postgres: FlakyPostgres
) -> None:
    with Ledger(postgres.url, settings) as ledger:
        ledger.uploads.progress()
        postgres.go_away()
        postgres.come_back()
        assert ledger.uploads.progress() == []
