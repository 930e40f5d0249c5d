"""Scripted misbehaviour, profiles and the log: what the pipeline's tests rely on."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException
from google.api_core import exceptions
from google.rpc import status_pb2

from themaads_pipeline_tests.conformance.account import (
    BOOTS,
    MANAGER,
    SHOES,
    SHOP,
    add_ad,
    ads_request,
    codes,
    partial_failure,
    raw,
    search,
)
from themaads_pipeline_tests.running_emulator import EmulatorError, RunningEmulator


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _create(client: Any, count: int = 1, timeout: float = 20, ad_group_id: int = SHOES) -> Any:
    request = ads_request(client)
    for _ in range(count):
        add_ad(client, request, ad_group_id)
    return client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request, timeout=timeout)


def _created(emulator: RunningEmulator) -> int:
    return sum(not ad["seeded"] for ad in emulator.ads(SHOP))


def test_a_scripted_error_comes_as_often_as_asked(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults(
        [
            {
                "kind": "error",
                "method": "MutateAdGroupAds",
                "error": "DatabaseError.CONCURRENT_MODIFICATION",
                "count": 2,
            }
        ]
    )
    for _ in range(2):
        with pytest.raises(GoogleAdsException) as refused:
            _create(client)
        assert codes(refused.value.failure) == ["database_error.CONCURRENT_MODIFICATION"]
    _create(client)
    assert emulator.stats()["faults_fired"] == {"error": 2}
    assert _created(emulator) == 1


def test_a_share_of_calls_fails_the_same_way_each_time(client: Any, emulator: RunningEmulator) -> None:
    outcomes = []
    for _ in range(2):
        emulator.reset()
        emulator.faults(
            [{"kind": "error", "error": "InternalError.TRANSIENT_ERROR", "share": 0.5, "seed": 7}]
        )
        outcome = []
        for _ in range(20):
            try:
                search(client, "SELECT customer.id FROM customer")
                outcome.append(True)
            except exceptions.InternalServerError:
                outcome.append(False)
        outcomes.append(outcome)
    assert outcomes[0] == outcomes[1]
    assert 3 < sum(outcomes[0]) < 17


def test_a_quota_error_carries_its_delay_although_the_client_does_not_unwrap_it(
    client: Any, emulator: RunningEmulator
) -> None:
    emulator.faults([{"kind": "daily_quota", "operations": 5, "retry_delay": 40_591}])
    _create(client, 5)
    with pytest.raises(exceptions.ResourceExhausted) as refused:
        _create(client)
    status = status_pb2.Status.FromString(
        next(
            value
            for key, value in refused.value.errors[0].trailing_metadata()
            if key == "grpc-status-details-bin"
        )
    )
    failure = client.get_type("GoogleAdsFailure")
    assert status.details[0].Unpack(failure)
    assert codes(failure) == ["quota_error.RESOURCE_EXHAUSTED"]
    assert raw(failure).errors[0].details.quota_error_details.retry_delay.seconds == 40_591
    assert refused.value.details


def test_a_rate_limit_lets_later_requests_through(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "rate_limit", "per_second": 10, "burst": 2, "retry_delay": 0.3}])
    _create(client, 2)
    with pytest.raises(exceptions.ResourceExhausted):
        _create(client)
    time.sleep(0.4)
    _create(client)


def test_an_error_can_hit_single_operations(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults(
        [
            {
                "kind": "error",
                "scope": "operation",
                "error": "InternalError.INTERNAL_ERROR",
                "ad_groups": [BOOTS],
            }
        ]
    )
    request = ads_request(client)
    add_ad(client, request, SHOES)
    add_ad(client, request, BOOTS)
    response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    assert codes(partial_failure(client, response)) == ["internal_error.INTERNAL_ERROR"]
    assert [bool(result.resource_name) for result in response.results] == [True, False]


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL"])
def test_a_lost_answer_leaves_the_ads_behind(code: str, client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "commit_then_error", "method": "MutateAdGroupAds", "code": code, "count": 1}])
    with pytest.raises(exceptions.GoogleAPICallError) as refused:
        _create(client)
    assert refused.value.grpc_status_code.name == code
    assert _created(emulator) == 1


def test_a_lost_answer_can_be_a_deadline(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "commit_then_error", "code": "DEADLINE_EXCEEDED", "count": 1}])
    with pytest.raises(exceptions.DeadlineExceeded):
        _create(client, timeout=0.5)
    assert _created(emulator) == 1


def test_a_hang_commits_nothing_when_the_client_gives_up(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "hang", "seconds": 30, "count": 1}])
    with pytest.raises(exceptions.DeadlineExceeded):
        _create(client, timeout=0.5)
    time.sleep(0.3)
    assert _created(emulator) == 0


def test_a_commit_can_land_after_the_client_gave_up(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "late_commit", "seconds": 1, "count": 1}])
    with pytest.raises(exceptions.DeadlineExceeded):
        _create(client, timeout=0.5)
    assert _created(emulator) == 0
    time.sleep(1.5)
    assert _created(emulator) == 1


def test_reads_can_lag_behind_commits(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "stale_reads", "seconds": 1}])
    _create(client)
    query = "SELECT ad_group_ad.ad.id FROM ad_group_ad WHERE ad_group.id = 11 AND ad_group_ad.status = PAUSED"
    assert search(client, query) == []
    time.sleep(1.1)
    assert len(search(client, query)) == 1


def test_an_account_can_be_suspended_in_the_middle(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "suspend_account", "account": SHOP, "after": 1}])
    _create(client)
    with pytest.raises(GoogleAdsException) as refused:
        _create(client)
    assert codes(refused.value.failure) == ["authorization_error.CUSTOMER_NOT_ENABLED"]


def test_google_may_tidy_texts_up(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "normalise_texts"}])
    request = ads_request(client)
    add_ad(client, request, headlines=[" Schoenen ", "Gratis bezorgd", "Ruime keuze"])
    client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    (ad,) = [ad for ad in emulator.ads(SHOP) if not ad["seeded"]]
    assert [text["text"] for text in ad["headlines"]] == ["Ruime keuze", "Gratis bezorgd", "Schoenen"]


def test_a_site_that_gets_too_many_ads_seems_broken(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "throttled_site", "domain": "example.nl", "per_second": 3}])
    response = _create(client, 10)
    failure = partial_failure(client, response)
    topics = {
        entry.topic
        for error in raw(failure).errors
        for entry in error.details.policy_finding_details.policy_topic_entries
    }
    assert topics == {"DESTINATION_NOT_WORKING"}
    assert 3 <= sum(bool(result.resource_name) for result in response.results) <= 6


def test_a_realistic_request_takes_its_time(client: Any, emulator: RunningEmulator) -> None:
    _create(client)
    emulator.profile("realistic")
    started = time.monotonic()
    _create(client, 40)
    assert 0.67 <= time.monotonic() - started < 0.9


def test_two_mutates_at_once_collide_in_an_account(client: Any, emulator: RunningEmulator) -> None:
    emulator.profile("realistic")
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(_create, client, 10) for _ in range(2)]
        errors = [result.exception() for result in results]
    (error,) = [error for error in errors if error is not None]
    assert isinstance(error, GoogleAdsException)
    assert codes(error.failure) == ["database_error.CONCURRENT_MODIFICATION"]
    assert _created(emulator) == 10


def test_the_log_tells_who_asked_for_what_and_got_what(client: Any, emulator: RunningEmulator) -> None:
    request = ads_request(client)
    add_ad(client, request, SHOES, parameters={"theme": "bf2026"})
    add_ad(client, request, 999)
    client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    (entry,) = emulator.requests(SHOP, "MutateAdGroupAds", full=True)
    assert (entry["login_customer_id"], entry["operations"], entry["status"]) == (MANAGER, 2, "OK")
    first, second = entry["results"]
    assert first["create"]["url_custom_parameters"] == {"theme": "bf2026"}
    assert second["errors"] == ["MutateError.RESOURCE_NOT_FOUND"]
    assert second["create"]["ad_group_id"] == 999
    stats = emulator.stats()
    assert (stats["ads_created"], stats["calls"]["MutateAdGroupAds"]) == (1, 1)


def test_ids_are_never_given_out_twice(client: Any, emulator: RunningEmulator) -> None:
    first = _create(client).results[0].resource_name
    emulator.reset()
    assert _create(client).results[0].resource_name != first


def test_a_fault_with_a_typo_is_refused(emulator: RunningEmulator) -> None:
    with pytest.raises(EmulatorError, match="kind is one of"):
        emulator.faults([{"kind": "eror"}])
    with pytest.raises(EmulatorError, match="unknown settings"):
        emulator.faults([{"kind": "error", "acount": 1}])
    with pytest.raises(EmulatorError, match="expected one of Google's"):
        emulator.faults([{"kind": "error", "error": "DatabaseError.NONSENSE"}])
