"""What a push waits for: Google's rate, the day's quota, a budget, sites; and whom a denial concerns."""

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from themaads_pipeline.ads.client import open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import AdsStoppedError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.push.pusher import push_upload
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.pushing import Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator

ADS = "*MutateAdGroupAds"


@pytest.fixture
def pusher(ledger: Ledger, emulator: RunningEmulator, settings: Settings) -> Pusher:
    return with_budget(ledger, emulator, settings)


def with_budget(ledger: Ledger, emulator: RunningEmulator, settings: Settings) -> Pusher:
    client = open_client(emulator.google_ads_yaml, trusted_roots=emulator.ca_file)
    gateway = Gateway(client, admit=ledger.quota.admit)
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


def test_a_rate_limit_is_waited_for_as_long_as_google_says_and_not_longer(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=60))
    limit = {"kind": "rate_limit", "method": "*Mutate*", "per_second": 60, "burst": 60, "retry_delay": 1.0}
    pusher.emulator.faults([limit])
    summary = pusher.push(upload, batch_size=20, backoff_seconds=30)  # ours would be far too long
    assert summary.progress.done == 60
    sent = [request for request in pusher.emulator.requests() if "Mutate" in request["method"]]
    times = sorted(request["time"] for request in sent)
    assert max(later - earlier for earlier, later in pairwise(times)) < 3
    for earlier, later in pairwise(sent):
        if earlier["status"] == "RESOURCE_EXHAUSTED":
            assert later["time"] - earlier["time"] >= 1.0


def test_when_the_days_quota_is_gone_the_upload_waits_by_itself_and_so_do_all_others(pusher: Pusher) -> None:
    refs = generated(pusher.emulator, accounts=2, ad_groups=40)
    first, second = pusher.submit(refs[:20]), pusher.submit(refs[20:], key="other@2")
    pusher.emulator.faults([{"kind": "daily_quota", "operations": 5, "retry_delay": 7_200}])
    with pytest.raises(AdsStoppedError):
        pusher.push(first)
    [progress] = pusher.ledger.uploads.progress(first)
    assert progress.status is UploadStatus.INTERRUPTED
    assert progress.message.startswith("waiting until ")
    assert "daily operations used up" in progress.message
    found = pusher.ledger.uploads.by_number(first)
    assert found is not None
    assert found.due_at is not None
    assert timedelta(minutes=110) < found.due_at - datetime.now(UTC) <= timedelta(minutes=120)
    before = len(pusher.emulator.requests())
    with pytest.raises(AdsStoppedError, match="operations"):
        pusher.push(second)
    assert len(pusher.emulator.requests()) == before  # not one request that would cost another operation
    pusher.emulator.clear_faults()
    assert pusher.ledger.uploads.resume(first, was=[UploadStatus.INTERRUPTED])  # a person knows better
    pusher.ledger.quota.is_back()
    assert pusher.push(first).progress.done == 20


def test_a_budget_of_operations_holds_over_uploads(
    settings: Settings, emulator: RunningEmulator, database_url: str
) -> None:
    frugal = settings.model_copy(update={"daily_operations": 150})
    with Ledger(database_url, frugal) as ledger:
        pusher = with_budget(ledger, emulator, frugal)
        refs = generated(emulator, accounts=2, ad_groups=100)
        pusher.gateway.accounts()
        uploads = [pusher.submit(refs[:50]), pusher.submit(refs[50:], key="other@2")]
        for upload in uploads:
            with pytest.raises(AdsStoppedError, match="budget of 150 operations"):
                push_with_known_accounts(pusher, upload)
            [progress] = ledger.uploads.progress(upload)
            assert (progress.status, progress.sending) == (UploadStatus.INTERRUPTED, 0)
        sent = sum(
            request["operations"] if "Mutate" in request["method"] else 1 for request in emulator.requests()
        )
        assert 100 < ledger.quota.used() <= 150
        assert sent <= ledger.quota.used()


def test_two_who_look_at_one_budget_take_no_more_than_there_is(settings: Settings, database_url: str) -> None:
    frugal = settings.model_copy(update={"daily_operations": 1_000})
    refused: list[AdsStoppedError] = []
    with Ledger(database_url, frugal) as ledger:

        def spend() -> None:
            for _ in range(50):
                try:
                    ledger.quota.admit(10)
                except AdsStoppedError as error:
                    refused.append(error)

        threads = [threading.Thread(target=spend) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ledger.quota.used() == 1_000
        assert len(refused) == 100
        assert ledger.quota.left() == 0


def test_one_denied_account_among_others_fails_alone(pusher: Pusher) -> None:
    refs = generated(pusher.emulator, accounts=3, ad_groups=30)
    upload = pusher.submit(refs)
    denied = {"kind": "error", "error": "AuthorizationError.USER_PERMISSION_DENIED", "method": "Search*"}
    pusher.gateway.accounts()
    pusher.emulator.faults([denied | {"account": refs[0][0]}])
    summary = push_with_known_accounts(pusher, upload)
    assert (summary.done, summary.failed) == (20, 10)


def test_when_all_accounts_are_denied_it_is_the_credentials_and_nothing_fails(pusher: Pusher) -> None:
    refs = generated(pusher.emulator, accounts=3, ad_groups=30)
    upload = pusher.submit(refs)
    pusher.gateway.accounts()
    denied = {"kind": "error", "error": "AuthorizationError.USER_PERMISSION_DENIED", "method": "Search*"}
    pusher.emulator.faults([denied | {"account": account} for account in {account for account, _ in refs}])
    with pytest.raises(AdsStoppedError, match="none of the 3 accounts"):
        push_with_known_accounts(pusher, upload)
    [progress] = pusher.ledger.uploads.progress(upload)
    assert (progress.status, progress.pending) == (UploadStatus.FAILED, 30)
    assert "login_customer_id" in progress.message


def push_with_known_accounts(pusher: Pusher, upload: int) -> Progress:
    """The accounts are listed before the fault, as when access is taken away in mid-run."""
    work = pusher.work(upload, batch_size=10, refresh=False)
    return push_upload(work, on_progress=lambda _: None).progress


def test_new_ads_on_one_site_begin_slowly_and_others_are_not_held_back(
    pusher: Pusher, settings: Settings
) -> None:
    pusher.settings = settings.model_copy(update={"site_ads_per_second": 10.0})
    upload = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=40))
    started = time.monotonic()
    assert pusher.push(upload, batch_size=40).progress.done == 40
    assert time.monotonic() - started > 2  # 10 at once, then 10 a second
    assert max(request["operations"] for request in pusher.mutates()) <= 10
