"""The push against the emulator: what is sent, what is recorded, and that both agree."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import AdsStoppedError, StopAskedError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.push.pusher import push_upload
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.pushing import EDITION, Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


def test_every_ad_group_gets_one_paused_ad_with_its_labels(pusher: Pusher) -> None:
    refs = generated(pusher.emulator, accounts=3, ad_groups=300)
    upload = pusher.submit(refs)
    summary = pusher.push(upload)
    assert summary.is_finished
    assert summary.progress.status is UploadStatus.FINISHED
    assert (summary.progress.done, summary.progress.failed) == (300, 0)
    ledger_ads = {item["new_ad_id"]: item for item in pusher.ledger.outcomes.items(upload)}
    for customer_id in {customer_id for customer_id, _ in refs}:
        ads = pusher.themed_ads(customer_id)
        assert {ad["ad_group_id"] for ad in ads} == {
            group for account, group in refs if account == customer_id
        }
        for ad in ads:
            assert ad["status"] == "PAUSED"
            assert ad["labels"] == ["THEME_BF_2026"]
            item = ledger_ads[ad["ad_id"]]
            assert (item["ad_group_id"], item["state"], item["edition"]) == (
                ad["ad_group_id"],
                "done",
                EDITION,
            )
            assert item["edition_label_id"] is not None
            assert item["original_label_id"] is not None
        originals = [ad for ad in pusher.emulator.ads(customer_id) if ad not in ads]
        assert all(ad["labels"] == ["THEMA_ORIGINAL"] for ad in originals)


def test_a_finished_upload_run_again_sends_nothing(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=2, ad_groups=100))
    pusher.push(upload)
    summary = pusher.push(upload)
    assert summary.progress.status is UploadStatus.FINISHED
    assert summary.items_settled == 0
    assert pusher.ads_made() == 100
    assert not any("Mutate" in method for method in summary.calls_by_method)


def test_the_same_items_in_another_file_get_no_second_ad(pusher: Pusher) -> None:
    refs = generated(pusher.emulator, accounts=2, ad_groups=100)
    pusher.push(pusher.submit(refs))
    summary = pusher.push(pusher.submit(refs, key="other@2"))
    assert (summary.progress.skipped, summary.progress.done) == (100, 0)
    assert pusher.ads_made() == 100


def test_an_ad_whose_answer_was_lost_is_adopted_and_never_created_again(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=2, ad_groups=200))
    pusher.emulator.faults(
        [{"kind": "commit_then_error", "method": "*MutateAdGroupAds", "code": "UNAVAILABLE", "count": 2}]
    )
    summary = pusher.push(upload)
    assert (summary.progress.done, summary.progress.failed) == (200, 0)
    assert pusher.ads_made() == 200


def test_an_item_is_sent_again_only_after_it_was_proven_absent(
    pusher: Pusher, settings: Settings, ledger: Ledger
) -> None:
    impatient = settings.model_copy(update={"request_deadline_seconds": 3.0})
    pusher.settings = impatient
    pusher.ledger = Ledger(str(settings.database_url), impatient)
    upload = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=50))
    pusher.emulator.faults(
        [{"kind": "error", "method": "*MutateAdGroupAds", "code": "UNAVAILABLE", "count": 1}]
    )
    summary = pusher.push(upload)
    assert summary.progress.done == 50
    assert pusher.ads_made() == 50
    first, second = pusher.mutates()
    assert second["time"] - first["time"] >= impatient.request_deadline_seconds


def test_a_temporary_failure_is_tried_again(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=2, ad_groups=100))
    pusher.emulator.faults(
        [
            {
                "kind": "error",
                "method": "*Mutate*",
                "error": "DatabaseError.CONCURRENT_MODIFICATION",
                "count": 6,
            }
        ]
    )
    summary = pusher.push(upload)
    assert summary.progress.done == 100
    assert pusher.ads_made() == 100


def test_a_suspended_account_fails_once_and_the_others_go_on(pusher: Pusher) -> None:
    refs = generated(pusher.emulator, accounts=2, ad_groups=100)
    upload = pusher.submit(refs)
    suspended = refs[0][0]
    pusher.emulator.faults([{"kind": "suspend_account", "account": suspended}])
    summary = pusher.push(upload)
    counts = pusher.ledger.outcomes.counts_by_account(upload)
    assert set(counts[suspended]) == {"failed"}
    assert summary.progress.done == 50
    assert len({item["message"] for item in pusher.ledger.outcomes.items(upload) if item["message"]}) == 1


def test_a_limit_begins_so_many_items_and_pauses_the_upload(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=3, ad_groups=300))
    summary = pusher.push(upload, item_limit=70)
    assert not summary.is_finished
    assert (summary.progress.done, summary.progress.status) == (70, UploadStatus.PAUSED)
    assert "limit of 70" in summary.reason
    assert pusher.push(upload).progress.done == 300
    assert pusher.ads_made() == 300


def accepted_sizes(pusher: Pusher) -> list[int]:
    """Ads in each request that was not refused as a whole."""
    return [request["operations"] for request in pusher.mutates() if request["operations"]]


def test_a_request_that_is_too_large_is_sent_in_smaller_ones_from_then_on(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=100))
    fault = {"kind": "error", "method": "*MutateAdGroupAds", "error": "DatabaseError.REQUEST_TOO_LARGE"}
    pusher.emulator.faults([fault | {"count": 2}])
    assert pusher.push(upload, batch_size=40).progress.done == 100
    assert accepted_sizes(pusher) == [10] * 10


def test_a_refusal_of_a_whole_request_halves_only_what_may_be_its_cause(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=100))
    fault = {"kind": "error", "method": "*MutateAdGroupAds", "error": "RequestError.BAD_RESOURCE_ID"}
    pusher.emulator.faults([fault | {"count": 3}])
    summary = pusher.push(upload, batch_size=4)
    # 4, 2 and 1 were refused, and the one alone has failed; the others travel together again.
    assert accepted_sizes(pusher)[:4] == [1, 2, 4, 4]
    assert (summary.progress.done, summary.progress.failed) == (99, 1)


def test_an_upload_that_cannot_go_on_says_why_and_keeps_its_items(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=2, ad_groups=100))
    fault = {
        "kind": "error",
        "method": "*MutateAdGroupAds",
        "error": "AuthenticationError.OAUTH_TOKEN_REVOKED",
    }
    pusher.emulator.faults([fault])
    with pytest.raises(AdsStoppedError):
        pusher.push(upload)
    [progress] = pusher.ledger.uploads.progress(upload)
    assert (progress.status, progress.pending) == (UploadStatus.FAILED, 100)
    assert "OAUTH_TOKEN_REVOKED" in progress.message
    assert pusher.ledger.uploads.recent_runs(upload)[0].ended_how == "failed"
    pusher.emulator.clear_faults()
    assert pusher.push(upload).progress.done == 100


def test_a_run_that_is_asked_to_stop_was_interrupted_and_the_next_one_does_the_rest(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=2, ad_groups=100))
    work = pusher.work(upload)

    def ask(_: Progress) -> None:
        pusher.ledger.beats.ask_to_stop(work.owner.run_id, by="machine")

    with pytest.raises(StopAskedError):
        push_upload(work, on_progress=ask)
    assert pusher.ledger.uploads.recent_runs(upload)[0].ended_how == "interrupted"
    assert pusher.push(upload).progress.done == 100
    assert pusher.ads_made() == 100


def test_two_runs_over_the_same_ad_groups_at_once_make_one_ad_each(pusher: Pusher) -> None:
    refs = generated(pusher.emulator, accounts=3, ad_groups=150)
    uploads = [pusher.submit(refs, key=f"upload@{number}") for number in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        done = sum(summary.progress.done for summary in pool.map(pusher.push, uploads))
    assert done == 150
    assert pusher.ads_made() == 150
    assert set(pusher.emulator.stats()["peak_mutates_in_flight_by_account"].values()) == {1}


def test_a_commit_after_our_deadline_is_found_before_anything_is_sent_again(
    pusher: Pusher, settings: Settings
) -> None:
    impatient = settings.model_copy(update={"request_deadline_seconds": 2.5, "absence_margin_seconds": 3.0})
    pusher.settings, pusher.ledger = impatient, Ledger(str(settings.database_url), impatient)
    upload = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=40))
    pusher.emulator.faults([{"kind": "late_commit", "method": "*MutateAdGroupAds", "seconds": 1, "count": 1}])
    summary = pusher.push(upload)
    assert summary.progress.done == 40
    assert pusher.ads_made() == 40
    assert len(pusher.mutates()) == 1, "nothing was sent again"


def test_an_ad_that_comes_back_without_its_identity_is_known_by_what_it_says(pusher: Pusher) -> None:
    refs = generated(pusher.emulator, accounts=1, ad_groups=40)
    before = len(pusher.emulator.ads(refs[0][0]))
    pusher.emulator.faults(
        [
            {"kind": "normalise_texts", "drop_custom_parameters": True},
            {
                "kind": "commit_then_error",
                "method": "*MutateAdGroupAds",
                "code": "UNAVAILABLE",
                "count": 1,
            },
        ]
    )
    assert pusher.push(pusher.submit(refs)).progress.done == 40
    assert len(pusher.emulator.ads(refs[0][0])) == before + 40


def test_a_limit_is_shared_by_accounts_that_are_pushed_at_once(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=12, ad_groups=36))
    for run in range(1, 6):
        assert pusher.push(upload, item_limit=7, accounts_at_once=12).progress.done == 7 * run
    last = pusher.push(upload, item_limit=7, accounts_at_once=12)
    assert (last.progress.done, last.progress.status) == (36, UploadStatus.FINISHED)
