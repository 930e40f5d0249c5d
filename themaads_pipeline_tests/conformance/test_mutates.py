"""Mutates: rules, partial failure, all or nothing, dry runs, labels."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException
from google.api_core.exceptions import GoogleAPICallError

from themaads_pipeline_tests.conformance.account import (
    BOOTS,
    FULL,
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
    search,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _send(client: Any, request: Any) -> Any:
    return client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)


def _failures(client: Any, **fields: Any) -> list[tuple[str, str]]:
    """Errors and their paths for one ad, sent with partial failure."""
    request = ads_request(client)
    add_ad(client, request, **fields)
    response = _send(client, request)
    if not response.partial_failure_error.code:
        return []
    failure = raw(partial_failure(client, response))
    return list(zip(codes(failure), map(path_of, failure.errors), strict=True))


def test_partial_failure_commits_the_valid_and_keeps_the_order(
    client: Any, emulator: RunningEmulator
) -> None:
    request = ads_request(client)
    add_ad(client, request, BOOTS)
    add_ad(client, request, 999)
    add_ad(client, request, SHOES)
    response = _send(client, request)
    names = [result.resource_name for result in response.results]
    assert [name.split("~")[0] for name in names] == [
        "customers/2000000001/adGroupAds/12",
        "",
        "customers/2000000001/adGroupAds/11",
    ]
    failure = raw(partial_failure(client, response))
    assert [path_of(error) for error in failure.errors] == ["operations[1].create.ad_group"]
    assert response.partial_failure_error.code == 3
    created = [ad for ad in emulator.ads(SHOP) if not ad["seeded"]]
    assert [ad["ad_group_id"] for ad in created] == [BOOTS, SHOES]


def test_without_partial_failure_nothing_is_committed(client: Any, emulator: RunningEmulator) -> None:
    request = ads_request(client, partial_failure=False)
    add_ad(client, request, BOOTS)
    add_ad(client, request, 999)
    with pytest.raises(GoogleAdsException) as refused:
        _send(client, request)
    assert codes(refused.value.failure) == ["mutate_error.RESOURCE_NOT_FOUND"]
    assert all(ad["seeded"] for ad in emulator.ads(SHOP))


def test_a_dry_run_tells_errors_and_changes_nothing(client: Any, emulator: RunningEmulator) -> None:
    request = ads_request(client, validate_only=True)
    add_ad(client, request, BOOTS)
    assert not _send(client, request).results
    add_ad(client, request, 999)
    assert codes(partial_failure(client, _send(client, request))) == ["mutate_error.RESOURCE_NOT_FOUND"]
    assert all(ad["seeded"] for ad in emulator.ads(SHOP))


def test_more_than_10000_operations_are_too_many(client: Any) -> None:
    request = ads_request(client)
    for _ in range(10_001):
        request.operations.add().remove = "customers/2000000001/adGroupAds/11~101"
    with pytest.raises(GoogleAdsException) as refused:
        _send(client, request)
    assert codes(refused.value.failure) == ["request_error.TOO_MANY_MUTATE_OPERATIONS"]


def test_a_fourth_enabled_ad_is_one_too_many_and_a_paused_one_is_not(client: Any) -> None:
    request = ads_request(client)
    add_ad(client, request, FULL, status="ENABLED")
    add_ad(client, request, FULL, status="PAUSED")
    response = _send(client, request)
    (error,) = raw(partial_failure(client, response)).errors
    details = error.details.resource_count_details
    assert (details.enclosing_id, details.limit, details.existing_count) == (str(FULL), 3, 3)
    update = ads_request(client)
    operation = update.operations.add()
    operation.update.resource_name = response.results[1].resource_name
    operation.update.status = client.enums.AdGroupAdStatusEnum.ENABLED
    operation.update_mask.paths.append("status")
    failure = partial_failure(client, _send(client, update))
    assert codes(failure) == ["resource_count_limit_exceeded_error.ADGROUP_LIMIT"]


def test_an_ad_group_holds_fifty_ads(client: Any) -> None:
    request = ads_request(client)
    for _ in range(50):
        add_ad(client, request, SHOES)
    response = _send(client, request)
    assert len([result for result in response.results if result.resource_name]) == 49


def test_status_changes_and_removal(client: Any, emulator: RunningEmulator) -> None:
    name = "customers/2000000001/adGroupAds/11~101"
    request = ads_request(client)
    operation = request.operations.add()
    operation.update.resource_name, operation.update.status = name, client.enums.AdGroupAdStatusEnum.PAUSED
    assert codes(partial_failure(client, _send(client, request))) == ["field_mask_error.FIELD_MASK_MISSING"]
    operation.update_mask.paths.append("ad_group")
    assert codes(partial_failure(client, _send(client, request))) == ["field_error.IMMUTABLE_FIELD"]
    operation.update_mask.paths[:] = ["status"]
    assert not _send(client, request).partial_failure_error.code
    removal = ads_request(client)
    removal.operations.add().remove = name
    assert not _send(client, removal).partial_failure_error.code
    failure = partial_failure(client, _send(client, removal))
    assert codes(failure) == ["ad_group_ad_error.CANNOT_OPERATE_ON_REMOVED_ADGROUPAD"]
    assert next(ad for ad in emulator.ads(SHOP) if ad["ad_id"] == 101)["status"] == "REMOVED"


def test_the_changed_resource_comes_back_when_asked_for(client: Any) -> None:
    mutable = client.enums.ResponseContentTypeEnum.MUTABLE_RESOURCE
    request = ads_request(client, response_content_type=mutable)
    add_ad(client, request, parameters={"theme": "bf2026"})
    (result,) = _send(client, request).results
    ad = result.ad_group_ad.ad
    assert ad.id
    assert [(item.key, item.value) for item in ad.url_custom_parameters] == [("theme", "bf2026")]


def test_a_policy_finding_names_topic_and_evidence(client: Any) -> None:
    request = ads_request(client)
    add_ad(client, request, headlines=[*HEADLINES, "Het beste casino"])
    (error,) = raw(partial_failure(client, _send(client, request))).errors
    (entry,) = error.details.policy_finding_details.policy_topic_entries
    prohibited = client.enums.PolicyTopicEntryTypeEnum.PROHIBITED
    assert (entry.topic, entry.type_, list(entry.evidences[0].text_list.texts)) == (
        "GAMBLING",
        prohibited,
        ["casino"],
    )


@pytest.mark.parametrize(
    "fields", [{"headlines": [*HEADLINES, "Koop nu!"]}, {"final_urls": ["https://shop.bad.example/x"]}]
)
def test_exclamation_marks_and_bad_domains_are_policy(fields: dict[str, Any], client: Any) -> None:
    assert _failures(client, **fields) == [("policy_finding_error.POLICY_FINDING", "operations[0].create.ad")]


def test_an_exemptible_topic_passes_when_the_request_says_so(client: Any) -> None:
    for ignored, accepted in (([], False), (["HEALTH_IN_PERSONALIZED_ADS"], True)):
        request = ads_request(client)
        operation = add_ad(client, request, descriptions=["Vraag uw dokter.", "Gratis retour."])
        operation.policy_validation_parameter.ignorable_policy_topics.extend(ignored)
        assert bool(_send(client, request).results[0].resource_name) is accepted
    (row,) = search(
        client,
        "SELECT ad_group_ad.policy_summary.approval_status FROM ad_group_ad "
        "WHERE ad_group.id = 11 AND ad_group_ad.policy_summary.approval_status = DISAPPROVED",
    )
    assert row


def _label(client: Any, name: str) -> str:
    request = client.get_type("MutateLabelsRequest")
    request.customer_id = SHOP
    request.operations.add().create.name = name
    return str(client.get_service("LabelService").mutate_labels(request=request).results[0].resource_name)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("THEMA_ORIGINAL", "label_error.DUPLICATE_NAME"),
        ("", "label_error.INVALID_LABEL_NAME"),
        ("x" * 81, "string_length_error.TOO_LONG"),
    ],
)
def test_a_wrong_label_name_is_refused(name: str, error: str, client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        _label(client, name)
    assert codes(refused.value.failure) == [error]


def test_the_name_of_a_removed_label_is_free(client: Any) -> None:
    request = client.get_type("MutateLabelsRequest")
    request.customer_id = SHOP
    request.operations.add().remove = "customers/2000000001/labels/3"
    client.get_service("LabelService").mutate_labels(request=request)
    assert _label(client, "OLD")


def _attach(client: Any, ad: str, label: str) -> list[str]:
    request = client.get_type("MutateAdGroupAdLabelsRequest")
    request.customer_id, request.partial_failure = SHOP, True
    operation = request.operations.add()
    operation.create.ad_group_ad, operation.create.label = ad, label
    response = client.get_service("AdGroupAdLabelService").mutate_ad_group_ad_labels(request=request)
    return codes(partial_failure(client, response)) if response.partial_failure_error.code else []


def test_a_label_is_attached_once(client: Any, emulator: RunningEmulator) -> None:
    ad, label = "customers/2000000001/adGroupAds/12~102", _label(client, "THEME_BF_2036")
    assert _attach(client, ad, label) == []
    assert _attach(client, ad, label) == ["ad_group_ad_error.AD_GROUP_AD_LABEL_ALREADY_EXISTS"]
    assert next(item for item in emulator.ads(SHOP) if item["ad_id"] == 102)["labels"] == ["THEME_BF_2036"]


@pytest.mark.parametrize(
    ("ad", "label", "error"),
    [
        ("11~104", "1", "operation_access_denied_error.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"),
        ("12~101", "1", "mutate_error.RESOURCE_NOT_FOUND"),
        ("12~102", "2", "mutate_error.RESOURCE_NOT_FOUND"),
        ("12~102", "99", "mutate_error.RESOURCE_NOT_FOUND"),
        ("12~102", "x", "request_error.RESOURCE_NAME_MALFORMED"),
    ],
)
def test_a_label_that_cannot_be_attached_is_refused(ad: str, label: str, error: str, client: Any) -> None:
    start = "customers/2000000001"
    assert _attach(client, f"{start}/adGroupAds/{ad}", f"{start}/labels/{label}") == [error]


def test_a_label_of_another_account_is_not_found(client: Any) -> None:
    found = _attach(client, "customers/2000000001/adGroupAds/12~102", "customers/3000000001/labels/1")
    assert found == ["mutate_error.RESOURCE_NOT_FOUND"]


def test_an_ad_group_gets_a_label_once(client: Any, emulator: RunningEmulator) -> None:
    request = client.get_type("MutateAdGroupLabelsRequest")
    request.customer_id, request.partial_failure = SHOP, True
    for _ in range(2):
        operation = request.operations.add()
        operation.create.ad_group = "customers/2000000001/adGroups/12"
        operation.create.label = "customers/2000000001/labels/1"
    response = client.get_service("AdGroupLabelService").mutate_ad_group_labels(request=request)
    assert response.results[0].resource_name == "customers/2000000001/adGroupLabels/12~1"
    assert codes(partial_failure(client, response)) == ["ad_group_error.ADGROUP_LABEL_ALREADY_EXISTS"]
    assert emulator.ad_groups(SHOP)[1]["labels"] == ["THEMA_ORIGINAL"]


def test_several_kinds_of_operations_go_in_one_request_with_temporary_names(client: Any) -> None:
    request = client.get_type("MutateGoogleAdsRequest")
    request.customer_id = SHOP
    label = request.mutate_operations.add().label_operation.create
    label.resource_name, label.name = "customers/2000000001/labels/-1", "NIEUW"
    ad = request.mutate_operations.add().ad_group_ad_operation.create
    fill_ad(client, ad)
    ad.resource_name = "customers/2000000001/adGroupAds/11~-2"
    link = request.mutate_operations.add().ad_group_ad_label_operation.create
    link.ad_group_ad, link.label = ad.resource_name, label.resource_name
    response = client.get_service("GoogleAdsService").mutate(request=request)
    kinds = [answer.WhichOneof("response") for answer in response.mutate_operation_responses]
    assert kinds == ["label_result", "ad_group_ad_result", "ad_group_ad_label_result"]
    assert "-" not in response.mutate_operation_responses[2].ad_group_ad_label_result.resource_name


def test_a_mixed_request_points_at_its_failed_operation(client: Any) -> None:
    request = client.get_type("MutateGoogleAdsRequest")
    request.customer_id, request.partial_failure = SHOP, True
    request.mutate_operations.add().label_operation.create.name = "NIEUW"
    fill_ad(client, request.mutate_operations.add().ad_group_ad_operation.create, headlines=HEADLINES[:2])
    response = client.get_service("GoogleAdsService").mutate(request=request)
    assert response.mutate_operation_responses[1].WhichOneof("response") is None
    (error,) = raw(partial_failure(client, response)).errors
    start = "mutate_operations[1].ad_group_ad_operation.create.ad"
    assert path_of(error) == f"{start}.responsive_search_ad.headlines"


def test_a_method_nobody_built_is_unimplemented(client: Any) -> None:
    request = client.get_type("MutateUserListsRequest")
    request.customer_id = SHOP
    request.operations.add().remove = "customers/2000000001/userLists/1"
    with pytest.raises(GoogleAPICallError) as refused:
        client.get_service("UserListService").mutate_user_lists(request=request)
    assert refused.value.grpc_status_code.name == "UNIMPLEMENTED"
