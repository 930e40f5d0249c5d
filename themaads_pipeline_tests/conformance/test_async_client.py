"""The official client's async services: `client.get_service(..., is_async=True)`."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException
from google.api_core import exceptions

from themaads_pipeline_tests.conformance.account import MANAGER, SHOP, add_ad, ads_request, codes, raw
from themaads_pipeline_tests.running_emulator import RunningEmulator

QUERY = "SELECT campaign.id, campaign.name FROM campaign ORDER BY campaign.id"


@pytest.fixture(params=[True, False], ids=["proto-plus", "raw"])
def client(request: pytest.FixtureRequest, client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER, use_proto_plus=request.param)


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """A loop of its own, and its channels with it. The client logs each failed call in a task that nobody
    awaits; the loop's complaints about those are not ours.
    """

    async def quiet() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        return await coroutine

    return asyncio.run(quiet())


async def _names(client: Any) -> list[str]:
    service = client.get_service("GoogleAdsService", is_async=True)
    return [row.campaign.name async for row in await service.search(customer_id=SHOP, query=QUERY)]


def test_search_is_awaited_and_read_row_by_row(client: Any) -> None:
    assert _run(_names(client)) == ["Zoeken", "Weg"]


def test_a_stream_is_read_batch_by_batch(client: Any) -> None:
    async def read() -> list[int]:
        service = client.get_service("GoogleAdsService", is_async=True)
        stream = await service.search_stream(customer_id=SHOP, query=QUERY)
        return [row.campaign.id async for batch in stream for row in batch.results]

    assert _run(read()) == [1, 2]


def test_pages_follow_one_another(client: Any, emulator: RunningEmulator) -> None:
    shape = {"accounts": 1, "ad_groups": 10_001, "seed": 1, "first_customer_id": SHOP, "manager": MANAGER}
    emulator.seed({"generate": shape})

    async def count() -> int:
        service = client.get_service("GoogleAdsService", is_async=True)
        pager = await service.search(customer_id=SHOP, query="SELECT ad_group.id FROM ad_group")
        return sum([1 async for _ in pager])

    assert _run(count()) == 10_001


def test_many_calls_at_once_are_all_answered(client: Any) -> None:
    async def many() -> list[list[str]]:
        return list(await asyncio.gather(*(_names(client) for _ in range(20))))

    assert _run(many()) == [["Zoeken", "Weg"]] * 20


def test_mutates_commit_and_tell_partial_failures(
    client_for: Callable[..., Any], emulator: RunningEmulator
) -> None:
    client = client_for(login_customer_id=MANAGER)

    async def mutate() -> Any:
        request = ads_request(client)
        add_ad(client, request)
        add_ad(client, request, headlines=["Een"])
        service = client.get_service("AdGroupAdService", is_async=True)
        return await service.mutate_ad_group_ads(request=request)

    response = _run(mutate())
    assert [bool(result.resource_name) for result in response.results] == [True, False]
    assert response.partial_failure_error.code == 3
    assert sum(not ad["seeded"] for ad in emulator.ads(SHOP)) == 1


def test_a_refusal_is_a_google_ads_exception(client: Any) -> None:
    async def ask() -> None:
        service = client.get_service("GoogleAdsService", is_async=True)
        await service.search(customer_id=SHOP, query="SELECT campaign.nonsense FROM campaign")

    with pytest.raises(GoogleAdsException) as refused:
        _run(ask())
    assert codes(refused.value.failure) == ["query_error.UNRECOGNIZED_FIELD"]
    assert refused.value.request_id


def test_a_refused_stream_is_an_error_that_the_client_leaves_unwrapped(client: Any) -> None:
    async def ask() -> None:
        service = client.get_service("GoogleAdsService", is_async=True)
        wrong = "SELECT campaign.nonsense FROM campaign"
        async for _ in await service.search_stream(customer_id=SHOP, query=wrong):
            pass

    with pytest.raises(exceptions.InvalidArgument) as refused:
        _run(ask())
    (detail,) = refused.value.details
    failure = raw(client.get_type("GoogleAdsFailure"))
    assert detail.Unpack(failure)
    assert codes(failure) == ["query_error.UNRECOGNIZED_FIELD"]


def test_a_quota_refusal_arrives_as_the_sync_client_has_it(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults(
        [{"kind": "error", "error": "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED", "retry_delay": 5}]
    )
    with pytest.raises(exceptions.ResourceExhausted):
        _run(_names(client))


def test_a_batch_job_is_awaited(client: Any) -> None:
    async def work() -> Any:
        service = client.get_service("BatchJobService", is_async=True)
        request = client.get_type("MutateBatchJobRequest")
        request.customer_id = SHOP
        client.copy_from(request.operation.create, client.get_type("BatchJob"))
        job = (await service.mutate_batch_job(request=request)).result.resource_name
        operation = client.get_type("MutateOperation")
        operation.label_operation.create.name = "Nieuw"
        add = client.get_type("AddBatchJobOperationsRequest")
        add.resource_name = job
        add.mutate_operations.append(operation)
        await service.add_batch_job_operations(request=add)
        running = await service.run_batch_job(resource_name=job)
        await running.result(timeout=20)
        assert running.metadata.executed_operation_count == 1
        return [result async for result in await service.list_batch_job_results(resource_name=job)]

    (result,) = _run(work())
    assert result.mutate_operation_response.label_result.resource_name.startswith(f"customers/{SHOP}/labels/")
