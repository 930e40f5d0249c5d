"""Ad groups: created, changed, removed, and read back."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import (
    BOOTS,
    DYNAMIC,
    GONE,
    MANAGER,
    SEED,
    SHOES,
    SHOP,
    codes,
    partial_failure,
    raw,
    search,
)
from themaads_pipeline_tests.conformance.account_changes import (
    CAMPAIGN,
    change,
    create,
    errors_of,
    mutate,
    new_campaign,
    remove,
    send,
    set_fields,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator

REMOVED_CAMPAIGN = f"customers/{SHOP}/campaigns/2"
REMOVED = "operation_access_denied_error.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _name(ad_group_id: int) -> str:
    return f"customers/{SHOP}/adGroups/{ad_group_id}"


def _new(client: Any, **fields: Any) -> str:
    return create(client, "AdGroup", **{"name": "Nieuw", "campaign": CAMPAIGN, **fields})


def _read(client: Any, name: str, *fields: str) -> Any:
    selected = ", ".join(f"ad_group.{field}" for field in fields)
    (row,) = search(client, f"SELECT {selected} FROM ad_group WHERE ad_group.resource_name = '{name}'")
    return row.ad_group


def test_an_ad_group_is_read_back_with_what_google_fills_in(client: Any) -> None:
    name = _new(client, cpc_bid_micros=1_200_000)
    fields = (
        "id name status type campaign base_ad_group cpc_bid_micros effective_cpc_bid_micros primary_status"
    )
    ad_group = _read(client, name, *fields.split())
    assert ad_group.name == "Nieuw"
    assert ad_group.status == client.enums.AdGroupStatusEnum.ENABLED
    assert ad_group.type_ == client.enums.AdGroupTypeEnum.SEARCH_STANDARD
    assert ad_group.campaign == CAMPAIGN
    assert ad_group.base_ad_group == name == _name(ad_group.id)
    assert ad_group.cpc_bid_micros == ad_group.effective_cpc_bid_micros == 1_200_000
    assert ad_group.primary_status == client.enums.AdGroupPrimaryStatusEnum.ELIGIBLE


@pytest.mark.parametrize(
    ("fields", "error", "path"),
    [
        ({"name": None}, "field_error.REQUIRED", "name"),
        ({"name": "laarzen"}, "ad_group_error.DUPLICATE_ADGROUP_NAME", "name"),
        ({"name": "twee\nregels"}, "ad_group_error.INVALID_ADGROUP_NAME", "name"),
        ({"name": "x" * 256}, "string_length_error.TOO_LONG", "name"),
        ({"campaign": None}, "field_error.REQUIRED", "campaign"),
        ({"campaign": f"customers/{SHOP}/campaigns/0"}, "range_error.TOO_LOW", "campaign"),
        ({"campaign": f"customers/{SHOP}/campaigns/99"}, "mutate_error.RESOURCE_NOT_FOUND", "campaign"),
        ({"campaign": REMOVED_CAMPAIGN}, REMOVED, "campaign"),
        ({"cpc_bid_micros": -10_000}, "range_error.TOO_LOW", "cpc_bid_micros"),
        (
            {"cpc_bid_micros": 1_000_001},
            "bidding_error.BID_TOO_MANY_FRACTIONAL_DIGITS",
            "cpc_bid_micros",
        ),
        ({"cpc_bid_micros": 10**15}, "ad_group_error.BID_TOO_BIG", "cpc_bid_micros"),
        (
            {"type_": 3},
            "ad_group_error.AD_GROUP_TYPE_NOT_VALID_FOR_ADVERTISING_CHANNEL_TYPE",
            "type",
        ),
        ({"status": 4}, "operation_access_denied_error.CREATE_AS_REMOVED_NOT_PERMITTED", "status"),
        (
            {"resource_name": _name(5)},
            "new_resource_creation_error.CANNOT_SET_ID_FOR_CREATE",
            "resource_name",
        ),
    ],
)
def test_an_ad_group_that_breaks_a_rule_is_refused(
    fields: dict[str, Any], error: str, path: str, client: Any
) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        _new(client, **fields)
    assert errors_of(refused) == [(error, f"operations[0].create.{path}")]


def test_an_ad_groups_type_follows_its_campaigns_channel(client: Any) -> None:
    channel = client.enums.AdvertisingChannelTypeEnum.DISPLAY
    name = _new(client, campaign=new_campaign(client, advertising_channel_type=channel))
    assert _read(client, name, "type").type_ == client.enums.AdGroupTypeEnum.DISPLAY_STANDARD


def test_two_campaigns_may_have_ad_groups_of_one_name(client: Any) -> None:
    assert _new(client, name="laarzen", campaign=new_campaign(client))


def test_the_name_of_a_removed_ad_group_is_free(client: Any) -> None:
    assert _new(client, name="Sandalen")
    remove(client, "AdGroup", _name(BOOTS))
    assert _new(client, name="laarzen")


def test_names_are_unique_within_a_request_too(client: Any) -> None:
    request, operation = mutate(client, "AdGroup", partial_failure=True)
    set_fields(operation.create, {"name": "Nieuw", "campaign": CAMPAIGN})
    request.operations.add().CopyFrom(operation)
    request.operations.add().remove = _name(BOOTS)
    set_fields(request.operations.add().create, {"name": "laarzen", "campaign": CAMPAIGN})
    response = send(client, "AdGroup", request)
    failure = raw(partial_failure(client, response))
    assert codes(failure) == ["ad_group_error.DUPLICATE_ADGROUP_NAME"]
    assert [bool(result.resource_name) for result in response.results] == [True, False, True, True]


def test_a_refused_request_leaves_its_names_free(client: Any) -> None:
    request, operation = mutate(client, "AdGroup")
    set_fields(operation.create, {"name": "Nieuw", "campaign": CAMPAIGN})
    request.operations.add().remove = _name(GONE)
    with pytest.raises(GoogleAdsException):
        send(client, "AdGroup", request)
    assert _new(client)


def test_only_the_fields_of_the_mask_change(client: Any) -> None:
    fields = {"status": client.enums.AdGroupStatusEnum.PAUSED, "cpc_bid_micros": 2_000_000}
    change(client, "AdGroup", _name(SHOES), fields)
    ad_group = _read(client, _name(SHOES), "name", "status", "cpc_bid_micros", "labels")
    assert ad_group.name == "Schoenen 50% korting"
    assert ad_group.status == client.enums.AdGroupStatusEnum.PAUSED
    assert ad_group.cpc_bid_micros == 2_000_000
    assert list(ad_group.labels) == [f"customers/{SHOP}/labels/1"]


@pytest.mark.parametrize(
    ("ad_group", "fields", "error"),
    [
        (SHOES, {"type": None}, "field_error.IMMUTABLE_FIELD"),
        (SHOES, {"campaign": CAMPAIGN}, "field_error.IMMUTABLE_FIELD"),
        (SHOES, {"effective_cpc_bid_micros": 1}, "field_error.IMMUTABLE_FIELD"),
        (SHOES, {"name": "laarzen"}, "ad_group_error.DUPLICATE_ADGROUP_NAME"),
        (SHOES, {"status": 4}, "ad_group_error.INVALID_STATUS"),
        (GONE, {"name": "Terug"}, REMOVED),
        (16, {"name": "Anders"}, REMOVED),
        (999, {"name": "Anders"}, "mutate_error.RESOURCE_NOT_FOUND"),
    ],
)
def test_an_update_is_held_to_the_rules(
    ad_group: int, fields: dict[str, Any], error: str, client: Any
) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        change(client, "AdGroup", _name(ad_group), fields)
    assert codes(refused.value.failure) == [error]


def test_a_removed_ad_group_keeps_its_ads_and_is_not_removed_again(client: Any) -> None:
    remove(client, "AdGroup", _name(SHOES))
    query = (
        f"SELECT ad_group_ad.status FROM ad_group_ad WHERE ad_group.id = {SHOES} AND ad_group_ad.ad.id = 101"
    )
    (row,) = search(client, query)
    assert row.ad_group_ad.status == client.enums.AdGroupAdStatusEnum.ENABLED
    with pytest.raises(GoogleAdsException) as refused:
        remove(client, "AdGroup", _name(SHOES))
    assert codes(refused.value.failure) == [REMOVED]
    with pytest.raises(GoogleAdsException) as refused:
        change(client, "AdGroupAd", f"customers/{SHOP}/adGroupAds/{SHOES}~101", {"status": 3})
    assert codes(refused.value.failure) == [REMOVED]


def test_a_dynamic_ad_group_needs_a_campaign_with_that_setting(client: Any) -> None:
    kind = client.enums.AdGroupTypeEnum.SEARCH_DYNAMIC_ADS
    with pytest.raises(GoogleAdsException) as refused:
        _new(client, type_=kind)
    assert codes(refused.value.failure) == [
        "ad_group_error.CANNOT_ADD_ADGROUP_OF_TYPE_DSA_TO_CAMPAIGN_WITHOUT_DSA_SETTING"
    ]
    setting = {"dynamic_search_ads_setting.domain_name": "example.nl"}
    setting["dynamic_search_ads_setting.language_code"] = "nl"
    assert _new(client, type_=kind, campaign=new_campaign(client, **setting))
    assert DYNAMIC


def test_a_campaign_has_at_most_20_000_ad_groups(client: Any, emulator: RunningEmulator) -> None:
    shop = SEED["accounts"][0]
    many = [{"id": 100_000 + number, "name": f"Groep {number}", "campaign_id": 1} for number in range(19_996)]
    emulator.seed({**SEED, "accounts": [{**shop, "ad_groups": [*shop["ad_groups"], *many]}]})
    with pytest.raises(GoogleAdsException) as refused:
        _new(client)
    (error,) = raw(refused.value.failure).errors
    assert codes(refused.value.failure) == ["resource_count_limit_exceeded_error.CAMPAIGN_LIMIT"]
    details = error.details.resource_count_details
    assert (details.enclosing_id, details.limit, details.existing_count) == ("1", 20_000, 20_000)
