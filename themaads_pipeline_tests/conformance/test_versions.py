"""Every version of the API through the official client, with proto-plus messages and with raw protobuf."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import MANAGER, SHOP, codes, raw
from themaads_pipeline_tests.running_emulator import RunningEmulator

ClientFor = Callable[..., Any]
ROWS = 10_500
PAUSED = 3
VERSIONS = ("v23", "v24", "v25", "v26")
EACH_WAY = pytest.mark.parametrize(
    ("version", "proto_plus"), [(version, plus) for version in VERSIONS for plus in (True, False)]
)
QUERY = "SELECT ad_group.id, ad_group.status FROM ad_group"


@pytest.fixture
def client(version: str, proto_plus: bool, client_for: ClientFor) -> Any:
    return client_for(version, login_customer_id=MANAGER, use_proto_plus=proto_plus)


def _mutate_request(client: Any, names: list[str]) -> Any:
    request = client.get_type("MutateGoogleAdsRequest")
    request.customer_id, request.partial_failure = SHOP, True
    for name in names:
        operation = client.get_type("MutateOperation")
        operation.label_operation.create.name = name
        request.mutate_operations.append(operation)
    return request


@EACH_WAY
def test_searches_answer_in_pages_and_as_a_stream(client: Any, proto_plus: bool) -> None:
    service = client.get_service("GoogleAdsService")
    paged = list(service.search(customer_id=SHOP, query=QUERY))
    streamed = [
        row for batch in service.search_stream(customer_id=SHOP, query=QUERY) for row in batch.results
    ]
    assert (
        [row.ad_group.id for row in paged]
        == [row.ad_group.id for row in streamed]
        == [11, 12, 13, 14, 15, 16]
    )
    assert paged[1].ad_group.status == PAUSED
    assert hasattr(paged[1].ad_group.status, "name") is proto_plus


@EACH_WAY
def test_mutates_tell_results_and_partial_failures(client: Any) -> None:
    service = client.get_service("GoogleAdsService")
    response = service.mutate(request=_mutate_request(client, ["Nieuw", "THEMA_ORIGINAL"]))
    made, failed = response.mutate_operation_responses
    assert made.label_result.resource_name.startswith(f"customers/{SHOP}/labels/")
    assert not failed.label_result.resource_name
    (detail,) = response.partial_failure_error.details
    failure = raw(client.get_type("GoogleAdsFailure"))
    assert detail.Unpack(failure), detail.type_url
    assert codes(failure) == ["label_error.DUPLICATE_NAME"]


@EACH_WAY
def test_refusals_are_this_versions_google_ads_exceptions(client: Any, version: str) -> None:
    service = client.get_service("GoogleAdsService")
    wrong = "SELECT ad_group.nonsense FROM ad_group"
    for ask in (service.search, service.search_stream):
        with pytest.raises(GoogleAdsException) as refused:
            list(ask(customer_id=SHOP, query=wrong))
        assert codes(refused.value.failure) == ["query_error.UNRECOGNIZED_FIELD"]
        assert f".{version}." in type(refused.value.failure).__module__
        assert refused.value.request_id


@EACH_WAY
def test_batch_jobs_are_polled_with_this_versions_metadata(client: Any, version: str) -> None:
    service = client.get_service("BatchJobService")
    create = client.get_type("MutateBatchJobRequest")
    create.customer_id = SHOP
    client.copy_from(create.operation.create, client.get_type("BatchJob"))
    job = service.mutate_batch_job(request=create).result.resource_name
    operation = client.get_type("MutateOperation")
    operation.label_operation.create.name = "Nieuw"
    service.add_batch_job_operations(resource_name=job, sequence_token="", mutate_operations=[operation])
    running = service.run_batch_job(resource_name=job)
    running.result(timeout=20)
    assert running.metadata.executed_operation_count == 1
    assert f".{version}." in type(running.metadata).__module__
    (result,) = service.list_batch_job_results(resource_name=job)
    name = result.mutate_operation_response.label_result.resource_name
    assert name.startswith(f"customers/{SHOP}/labels/")


def test_answers_of_more_than_ten_thousand_rows_go_on_in_every_version(
    client_for: ClientFor, emulator: RunningEmulator
) -> None:
    shape = {"accounts": 1, "ad_groups": ROWS, "seed": 1, "first_customer_id": SHOP, "manager": MANAGER}
    emulator.seed({"generate": shape})
    query = "SELECT ad_group.id FROM ad_group PARAMETERS omit_unselected_resource_names = true"
    for version in VERSIONS:
        client = client_for(version, login_customer_id=MANAGER)
        service = client.get_service("GoogleAdsService")
        pages = list(service.search(customer_id=SHOP, query=query).pages)
        assert [len(page.results) for page in pages] == [10_000, ROWS - 10_000], version
        assert pages[0].next_page_token
        assert not pages[1].next_page_token
        batches = [len(batch.results) for batch in service.search_stream(customer_id=SHOP, query=query)]
        assert sum(batches) == ROWS
        ids = {row.ad_group.id for page in pages for row in page.results}
        assert len(ids) == ROWS
