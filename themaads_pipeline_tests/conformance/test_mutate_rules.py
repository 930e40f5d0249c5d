"""What holds for every mutate: dry runs, temporary names, doubles, sizes, and what comes back."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import (
    BOOTS,
    FOREIGN,
    HEADLINES,
    MANAGER,
    SHOES,
    SHOP,
    add_ad,
    ads_request,
    codes,
    fill_ad,
    partial_failure,
    path_of,
    raw,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator

ADS = f"customers/{SHOP}/adGroupAds"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _send(client: Any, request: Any) -> Any:
    return client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)


def _mutate(client: Any, request: Any) -> Any:
    return client.get_service("GoogleAdsService").mutate(request=request)


def _refused(send: Callable[[Any, Any], Any], client: Any, request: Any) -> list[tuple[str, str]]:
    with pytest.raises(GoogleAdsException) as refused:
        send(client, request)
    errors = raw(refused.value.failure).errors
    return list(zip(codes(refused.value.failure), map(path_of, errors), strict=True))


def _failed(client: Any, response: Any) -> list[tuple[str, str]]:
    errors = raw(partial_failure(client, response)).errors
    return list(zip(codes(partial_failure(client, response)), map(path_of, errors), strict=True))


def _mixed(client: Any, **settings: Any) -> Any:
    request = client.get_type("MutateGoogleAdsRequest")
    request.customer_id = SHOP
    for name, value in settings.items():
        setattr(request, name, value)
    return request


def test_a_dry_run_with_partial_failure_names_the_errors_and_gives_no_results(
    client: Any, emulator: RunningEmulator
) -> None:
    request = ads_request(client, validate_only=True)
    add_ad(client, request)
    add_ad(client, request, 999)
    response = _send(client, request)
    assert not response.results
    assert _failed(client, response) == [("mutate_error.RESOURCE_NOT_FOUND", "operations[1].create.ad_group")]
    assert all(ad["seeded"] for ad in emulator.ads(SHOP))


@pytest.mark.parametrize("partial", [True, False])
def test_a_request_without_operations_is_refused(partial: bool, client: Any) -> None:
    request = ads_request(client, partial_failure=partial)
    assert _refused(_send, client, request) == [("request_error.REQUIRED_FIELD_MISSING", "operations")]
    found = _refused(_mutate, client, _mixed(client, partial_failure=partial))
    assert found == [("request_error.REQUIRED_FIELD_MISSING", "mutate_operations")]


def test_an_operation_that_does_nothing_fails_alone(client: Any) -> None:
    request = ads_request(client)
    request.operations.add()
    add_ad(client, request)
    response = _send(client, request)
    assert bool(response.results[1].resource_name)
    assert _failed(client, response) == [("request_error.OPERATION_REQUIRED", "operations[0]")]
    mixed = _mixed(client, partial_failure=True)
    mixed.mutate_operations.add()
    mixed.mutate_operations.add().ad_group_ad_operation.SetInParent()
    response = _mutate(client, mixed)
    assert _failed(client, response) == [
        ("request_error.OPERATION_REQUIRED", "mutate_operations[0]"),
        ("request_error.OPERATION_REQUIRED", "mutate_operations[1].ad_group_ad_operation"),
    ]


def test_a_resource_is_changed_once_a_request(client: Any) -> None:
    request = ads_request(client)
    for _ in range(2):
        operation = request.operations.add()
        operation.update.resource_name = f"{ADS}/11~101"
        operation.update.status = client.enums.AdGroupAdStatusEnum.PAUSED
        operation.update_mask.paths.append("status")
    request.operations.add().remove = f"{ADS}/11~101"
    response = _send(client, request)
    assert [bool(result.resource_name) for result in response.results] == [True, False, False]
    assert _failed(client, response) == [
        ("mutate_error.ID_EXISTS_IN_MULTIPLE_MUTATES", "operations[1].update.resource_name"),
        ("mutate_error.ID_EXISTS_IN_MULTIPLE_MUTATES", "operations[2].remove"),
    ]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("customers/{other}/adGroupAds/11~101", "mutate_error.RESOURCE_NOT_FOUND"),
        ("customers/{shop}/adGroupAds/11~999", "mutate_error.RESOURCE_NOT_FOUND"),
        ("customers/{shop}/adGroupAds/12~101", "mutate_error.RESOURCE_NOT_FOUND"),
        ("customers/{shop}/ads/101", "request_error.RESOURCE_NAME_MALFORMED"),
        ("customers/{shop}/adGroupAds/11", "request_error.RESOURCE_NAME_MALFORMED"),
        ("customers/{shop}/adGroupAds/11~--1", "request_error.RESOURCE_NAME_MALFORMED"),
        ("customers/{shop}/adGroupAds/11~" + "9" * 5_000, "request_error.RESOURCE_NAME_MALFORMED"),
        ("nonsense", "request_error.RESOURCE_NAME_MALFORMED"),
        ("", "request_error.RESOURCE_NAME_MISSING"),
    ],
)
def test_a_name_has_to_be_one_of_the_accounts_own(name: str, error: str, client: Any) -> None:
    request = ads_request(client)
    request.operations.add().remove = name.format(shop=SHOP, other=FOREIGN)
    assert _failed(client, _send(client, request)) == [(error, "operations[0].remove")]


def _temporary(client: Any, request: Any, *, headlines: list[str] = HEADLINES) -> None:
    """A label, an ad and the link between them, by temporary names."""
    label = request.mutate_operations.add().label_operation.create
    label.resource_name, label.name = f"customers/{SHOP}/labels/-1", "NIEUW"
    ad = request.mutate_operations.add().ad_group_ad_operation.create
    fill_ad(client, ad, headlines=headlines)
    ad.resource_name = f"{ADS}/{SHOES}~-2"
    link = request.mutate_operations.add().ad_group_ad_label_operation.create
    link.ad_group_ad, link.label = ad.resource_name, label.resource_name


def test_what_depends_on_a_failed_temporary_name_fails_with_it(
    client: Any, emulator: RunningEmulator
) -> None:
    request = _mixed(client, partial_failure=True)
    _temporary(client, request, headlines=HEADLINES[:2])
    response = _mutate(client, request)
    kinds = [answer.WhichOneof("response") for answer in response.mutate_operation_responses]
    assert kinds == ["label_result", None, None]
    assert [code for code, _ in _failed(client, response)] == [
        "collection_size_error.TOO_FEW",
        "new_resource_creation_error.TEMP_ID_RESOURCE_HAD_ERRORS",
    ]
    assert "NIEUW" in [label["name"] for label in emulator.labels(SHOP)]


def test_a_temporary_name_stands_for_one_resource_and_no_later_request_knows_it(client: Any) -> None:
    request = _mixed(client, partial_failure=True)
    for name in ("EEN", "TWEE"):
        label = request.mutate_operations.add().label_operation.create
        label.resource_name, label.name = f"customers/{SHOP}/labels/-1", name
    ((code, _),) = _failed(client, _mutate(client, request))
    assert code == "new_resource_creation_error.DUPLICATE_TEMP_IDS"
    later = _mixed(client)
    link = later.mutate_operations.add().ad_group_label_operation.create
    link.ad_group, link.label = f"customers/{SHOP}/adGroups/{BOOTS}", f"customers/{SHOP}/labels/-1"
    ((code, _),) = _refused(_mutate, client, later)
    assert code == "mutate_error.RESOURCE_NOT_FOUND"


def test_a_creation_chooses_no_id_of_its_own(client: Any) -> None:
    request = ads_request(client)
    add_ad(client, request).create.resource_name = f"{ADS}/{SHOES}~5"
    ((code, _),) = _failed(client, _send(client, request))
    assert code == "new_resource_creation_error.CANNOT_SET_ID_FOR_CREATE"


def test_all_or_nothing_undoes_every_kind_and_names_every_error(
    client: Any, emulator: RunningEmulator
) -> None:
    request = _mixed(client)
    _temporary(client, request)
    fill_ad(client, request.mutate_operations.add().ad_group_ad_operation.create, headlines=HEADLINES[:2])
    fill_ad(client, request.mutate_operations.add().ad_group_ad_operation.create, 999)
    found = [code for code, _ in _refused(_mutate, client, request)]
    assert found == ["collection_size_error.TOO_FEW", "mutate_error.RESOURCE_NOT_FOUND"]
    assert "NIEUW" not in [label["name"] for label in emulator.labels(SHOP)]
    assert all(ad["seeded"] for ad in emulator.ads(SHOP))


def test_changed_resources_come_back_from_mixed_requests_too(client: Any) -> None:
    request = _mixed(client)
    request.response_content_type = client.enums.ResponseContentTypeEnum.MUTABLE_RESOURCE
    _temporary(client, request)
    label, ad, link = _mutate(client, request).mutate_operation_responses
    assert label.label_result.label.name == "NIEUW"
    assert ad.ad_group_ad_result.ad_group_ad.ad.responsive_search_ad.headlines[0].text == HEADLINES[0]
    assert link.ad_group_ad_label_result.resource_name


def test_only_the_name_comes_back_unless_more_is_asked_for(client: Any) -> None:
    request = ads_request(client)
    add_ad(client, request)
    (result,) = _send(client, request).results
    assert result.resource_name
    assert not result.HasField("ad_group_ad")


def test_ids_of_failed_requests_are_not_given_out_again(client: Any) -> None:
    created = []
    for validate_only in (False, True, False):
        request = ads_request(client, validate_only=validate_only)
        add_ad(client, request)
        created += [result.resource_name for result in _send(client, request).results]
    first, second = (int(name.rpartition("~")[2]) for name in created)
    assert second > first


@pytest.mark.parametrize(
    "error",
    [
        "DatabaseError.REQUEST_TOO_LARGE",
        "SizeLimitError.REQUEST_SIZE_LIMIT_EXCEEDED",
        "RequestError.RPC_DEADLINE_TOO_SHORT",
    ],
)
def test_requests_over_a_size_can_be_refused_and_smaller_ones_pass(
    error: str, client: Any, emulator: RunningEmulator
) -> None:
    limit = {"over_operations": 3} if "DEADLINE" in error else {"over_bytes": 600}
    emulator.faults([{"kind": "error", "error": error, **limit}])
    request = ads_request(client)
    for _ in range(4):
        add_ad(client, request)
    ((code, _),) = _refused(_send, client, request)
    assert code.endswith(error.partition(".")[2])
    del request.operations[2:]
    assert len(_send(client, request).results) == 2
