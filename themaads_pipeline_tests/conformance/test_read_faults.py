"""Faults of reading, of quotas, and of what is kept; and that a run can be replayed."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException
from google.api_core import exceptions
from google.rpc import status_pb2

from themaads_pipeline_tests.conformance.account import MANAGER, SHOP, add_ad, ads_request, codes, raw
from themaads_pipeline_tests.running_emulator import RunningEmulator

_BULK = {"generate": {"accounts": 2, "ad_groups": 21_000, "manager": int(MANAGER)}}
_GROUPS = "SELECT ad_group.id FROM ad_group"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _create(client: Any, count: int = 1, **fields: Any) -> Any:
    request = ads_request(client)
    for _ in range(count):
        add_ad(client, request, **fields)
    return client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request, timeout=20)


def _read_groups(client: Any, customer_id: str = SHOP) -> list[int]:
    service = client.get_service("GoogleAdsService")
    return [row.ad_group.id for row in service.search(customer_id=customer_id, query=_GROUPS)]


@pytest.mark.parametrize("error", ["EXPIRED_PAGE_TOKEN", "INVALID_PAGE_TOKEN"])
def test_a_page_token_can_be_one_that_is_refused(error: str, client: Any, emulator: RunningEmulator) -> None:
    emulator.seed(_BULK)
    emulator.faults([{"kind": "wrong_page_token", "error": f"RequestError.{error}", "count": 1}])
    with pytest.raises(GoogleAdsException) as refused:
        _read_groups(client)
    assert codes(refused.value.failure) == [f"request_error.{error}"]
    assert emulator.stats()["faults_fired"] == {"wrong_page_token": 1}
    assert len(_read_groups(client)) == 10_500


def _retry_delay(client: Any, refused: Any) -> float:
    metadata = refused.errors[0].trailing_metadata()
    details = next(value for key, value in metadata if key == "grpc-status-details-bin")
    failure = client.get_type("GoogleAdsFailure")
    assert status_pb2.Status.FromString(details).details[0].Unpack(failure)
    delay = raw(failure).errors[0].details.quota_error_details.retry_delay
    return float(delay.seconds + delay.nanos / 1e9)


def test_a_daily_quota_comes_back_after_its_hours(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "daily_quota", "operations": 5, "retry_delay": 40_000}])
    _create(client, 5)
    with pytest.raises(exceptions.ResourceExhausted) as refused:
        _create(client)
    assert _retry_delay(client, refused.value) == pytest.approx(40_000, abs=1)
    emulator.clock(offset_s=30_000)
    with pytest.raises(exceptions.ResourceExhausted) as refused:
        _create(client)
    assert _retry_delay(client, refused.value) == pytest.approx(10_000, abs=20)
    emulator.clock(offset_s=40_001)
    _create(client, 5)
    with pytest.raises(exceptions.ResourceExhausted):
        _create(client)


def test_google_may_write_urls_in_its_own_way(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "normalise_urls"}])
    urls = ["HTTPS://WWW.Example.NL", "https://Example.nl/Pad?Kleur=Zwart", "https://example.nl?a=b"]
    for url in urls:
        _create(client, final_urls=[url])
    kept = [ad["final_urls"] for ad in emulator.ads(SHOP) if not ad["seeded"]]
    assert kept == [
        ["https://www.example.nl/"],
        ["https://example.nl/Pad?Kleur=Zwart"],
        ["https://example.nl/?a=b"],
    ]
    assert emulator.stats()["faults_fired"] == {"normalise_urls": 3}


def _outcomes(client: Any, customer_id: str, calls: int) -> list[str]:
    """What became of calls one after another on an account."""
    outcomes = []
    for _ in range(calls):
        try:
            _read_groups(client, customer_id)
            outcomes.append("fine")
        except exceptions.GoogleAPICallError as error:
            outcomes.append(str(error.grpc_status_code))
        except GoogleAdsException as error:
            outcomes.append(codes(error.failure)[0])
    return outcomes


def test_the_same_seed_and_calls_meet_the_same_faults_side_by_side(
    client: Any, emulator: RunningEmulator
) -> None:
    """Two accounts at once: which call comes first is chance, which of an account's calls fail is not."""
    emulator.seed({"generate": {"accounts": 2, "ad_groups": 10, "manager": int(MANAGER)}})
    shops = ["2000000001", "2000000002"]
    faults = [
        {"kind": "error", "code": "UNAVAILABLE", "share": 0.3, "seed": 5},
        {"kind": "error", "error": "DatabaseError.CONCURRENT_MODIFICATION", "share": 0.3, "seed": 6},
    ]
    runs = []
    for _ in range(2):
        emulator.clear_faults()
        emulator.faults(faults)
        with ThreadPoolExecutor(2) as pool:
            runs.append(list(pool.map(lambda shop: _outcomes(client, shop, 30), shops)))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]
    assert {outcome for outcomes in runs[0] for outcome in outcomes} == {
        "fine",
        "StatusCode.UNAVAILABLE",
        "database_error.CONCURRENT_MODIFICATION",
    }


def test_stormy_weather_comes_back_the_same_with_its_seed(client: Any, emulator: RunningEmulator) -> None:
    runs = []
    for seed in (1, 1, 2):
        emulator.reset()
        emulator.profile("stormy", request_s=0, error_share=0.3, seed=seed)
        runs.append(_outcomes(client, SHOP, 30))
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {"fine", "StatusCode.UNAVAILABLE", "StatusCode.INTERNAL"}


def test_half_of_a_storm_hits_after_the_commit(client: Any, emulator: RunningEmulator) -> None:
    before = emulator.stats()["faults_fired"]
    emulator.profile("stormy", request_s=0, site_checks_per_s=0, error_share=0.5)
    created = 0
    for _ in range(24):
        try:
            _create(client)
            created += 1
        except exceptions.GoogleAPICallError:
            time.sleep(0.001)
    fired = emulator.stats()["faults_fired"]
    lost = fired["storm_after_commit"] - before.get("storm_after_commit", 0)
    refused = fired["storm_before_commit"] - before.get("storm_before_commit", 0)
    assert lost > 0
    assert refused > 0
    assert created + lost + refused == 24
    assert sum(not ad["seeded"] for ad in emulator.ads(SHOP)) == created + lost
