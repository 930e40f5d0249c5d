"""Connections that break, and commits whose answer never arrives."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from google.api_core import exceptions

from themaads_pipeline_tests.conformance.account import MANAGER, SHOES, SHOP, add_ad, ads_request, search
from themaads_pipeline_tests.running_emulator import EmulatorError, RunningEmulator

_ADS = "SELECT ad_group_ad.ad.id FROM ad_group_ad ORDER BY ad_group_ad.ad.id"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _create(client: Any, count: int = 1, timeout: float | None = 20) -> Any:
    request = ads_request(client)
    for _ in range(count):
        add_ad(client, request, SHOES)
    return client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request, timeout=timeout)


def _created(emulator: RunningEmulator) -> int:
    return sum(not ad["seeded"] for ad in emulator.ads(SHOP))


def _stream(client: Any, query: str = _ADS) -> Iterator[list[int]]:
    """The ids in each message of a stream."""
    service = client.get_service("GoogleAdsService")  # its channel is closed when nobody holds it
    for response in service.search_stream(customer_id=SHOP, query=query):
        yield [row.ad_group_ad.ad.id for row in response.results]


def _read_into(seen: list[int], client: Any) -> None:
    for message in _stream(client):
        seen += message


def _until(condition: Callable[[], bool], seconds: float = 10) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it never came true"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("when", "committed"), [("before_commit", 0), ("after_commit", 1), ("in_response", 1)]
)
def test_a_cut_connection_is_unavailable_to_the_client(
    when: str, committed: int, client: Any, emulator: RunningEmulator
) -> None:
    emulator.faults([{"kind": "cut_connection", "method": "MutateAdGroupAds", "when": when, "count": 1}])
    with pytest.raises(exceptions.ServiceUnavailable) as refused:
        _create(client)
    assert "The service is currently unavailable" not in str(refused.value), "a status was sent after all"
    assert not refused.value.errors[0].trailing_metadata()
    assert _created(emulator) == committed
    _create(client)  # over a new connection
    assert _created(emulator) == committed + 1
    assert emulator.stats()["faults_fired"] == {"cut_connection": 1}


def test_a_cut_takes_the_other_calls_of_its_connection_along(client: Any, emulator: RunningEmulator) -> None:
    service = client.get_service("GoogleAdsService")  # one channel for both calls
    service.search(customer_id=SHOP, query="SELECT customer.id FROM customer")
    emulator.faults(
        [
            {"kind": "slow", "method": "Search", "seconds": 20, "count": 1},
            {"kind": "cut_connection", "method": "SearchStream", "when": "before_commit", "count": 1},
        ]
    )

    def read_slowly() -> None:
        service.search(customer_id=SHOP, query="SELECT customer.id FROM customer")

    def read_and_be_cut() -> None:
        list(service.search_stream(customer_id=SHOP, query=_ADS))

    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(read_slowly)
        _until(lambda: emulator.stats()["faults_fired"].get("slow") == 1)
        assert isinstance(pool.submit(read_and_be_cut).exception(), exceptions.ServiceUnavailable)
        assert isinstance(slow.exception(), exceptions.ServiceUnavailable)
    assert time.monotonic() - started < 10


def test_a_connection_can_be_cut_between_the_messages_of_a_stream(
    client: Any, emulator: RunningEmulator
) -> None:
    whole = [ad for message in _stream(client) for ad in message]
    emulator.faults([{"kind": "cut_connection", "when": "in_response", "messages": 2, "rows": 2, "count": 1}])
    seen: list[int] = []
    with pytest.raises(exceptions.ServiceUnavailable):
        _read_into(seen, client)
    assert seen == whole[:4]
    assert [ad for message in _stream(client) for ad in message] == whole


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({}, exceptions.ServiceUnavailable),
        ({"code": "INTERNAL"}, exceptions.InternalServerError),
        ({"error": "InternalError.INTERNAL_ERROR"}, exceptions.InternalServerError),
    ],
)
def test_a_stream_can_end_with_an_error_after_some_messages(
    setting: dict[str, str], error: type[Exception], client: Any, emulator: RunningEmulator
) -> None:
    whole = [ad for message in _stream(client) for ad in message]
    emulator.faults([{"kind": "partial_stream", "messages": 1, "rows": 3, "count": 1, **setting}])
    assert len(search(client, _ADS)) == len(whole), "not a stream, so not hit"
    seen: list[int] = []
    with pytest.raises(error):
        _read_into(seen, client)
    assert seen == whole[:3]
    assert emulator.stats()["faults_fired"] == {"partial_stream": 1}


def test_a_stream_can_trickle(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "trickle", "seconds": 0.15, "rows": 2}])
    moments = []
    for _ in _stream(client):
        moments.append(time.monotonic())  # noqa: PERF401 - when each one came is the point
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert len(gaps) >= 2
    assert min(gaps) > 0.1


def test_a_commit_lands_so_many_seconds_after_the_client_gave_up(
    client: Any, emulator: RunningEmulator
) -> None:
    emulator.faults([{"kind": "late_commit", "seconds": 1.0, "count": 1}])
    with pytest.raises(exceptions.DeadlineExceeded):
        _create(client, timeout=0.4)
    gave_up = time.time()
    _until(lambda: _created(emulator) == 1)
    (ad,) = [ad for ad in emulator.ads(SHOP) if not ad["seeded"]]
    assert 0.9 < ad["created_at"] - gave_up < 2.5


def test_hundreds_of_waiting_calls_stop_nobody(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "hang", "method": "MutateAdGroupAds", "seconds": 60}])
    gone = threading.Event()

    def wait(_: int) -> None:
        with pytest.raises(exceptions.DeadlineExceeded):
            _create(client, timeout=6)
        gone.set()

    with ThreadPoolExecutor(200) as pool:
        waiting = [pool.submit(wait, number) for number in range(200)]
        _until(lambda: emulator.stats()["faults_fired"].get("hang") == 200, 20)
        assert search(client, "SELECT customer.id FROM customer")
        assert not gone.is_set(), "some had given up by then"
        for job in waiting:
            job.result()
    assert _created(emulator) == 0


def test_tokens_can_expire_in_the_middle_of_a_run(
    client_for: Callable[..., Any], emulator: RunningEmulator
) -> None:
    client = client_for(login_customer_id=MANAGER)
    emulator.faults([{"kind": "expire_tokens", "after": 1, "count": 1}])
    _create(client)
    for _ in range(2):  # the client has no reason to fetch another one
        with pytest.raises(Exception, match=r"(?i)token|authentication"):
            _create(client)
    _create(client_for(login_customer_id=MANAGER))
    assert _created(emulator) == 2


def test_a_moment_that_nobody_knows_is_refused(emulator: RunningEmulator) -> None:
    with pytest.raises(EmulatorError, match="after_commit"):
        emulator.faults([{"kind": "cut_connection", "when": "sometime"}])
