"""Ads that are edited after their creation, and what an ad group ad may be created or changed with."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import (
    BOOTS,
    DESCRIPTIONS,
    HEADLINES,
    MANAGER,
    SEED,
    SHOES,
    SHOP,
    add_ad,
    ads_request,
    codes,
    search,
)
from themaads_pipeline_tests.conformance.account_changes import (
    change,
    create,
    errors_of,
    mutate,
    new_campaign,
    remove,
    send,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator

AD = f"customers/{SHOP}/ads/101"
ETA = f"customers/{SHOP}/ads/103"
REMOVED = "operation_access_denied_error.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _edit(client: Any, edited: str = AD, *, mask: tuple[str, ...] = (), **fields: Any) -> str:
    """Edits an ad: texts by `headlines` and `descriptions`, other fields by their names."""
    request, operation = mutate(client, "Ad")
    ad = operation.update
    ad.resource_name = edited
    paths = list(mask)
    for field, value in fields.items():
        if field in {"headlines", "descriptions"}:
            getattr(ad.responsive_search_ad, field).extend([_asset(client, text) for text in value])
            paths.append(f"responsive_search_ad.{field}")
        elif field == "exempt":
            operation.policy_validation_parameter.ignorable_policy_topics.extend(value)
        elif isinstance(value, list):
            getattr(ad, field).extend(value)
            paths.append(field)
        else:
            setattr(ad, field, value)
            paths.append(field)
    operation.update_mask.paths.extend(paths)
    return str(send(client, "Ad", request).results[0].resource_name)


def _asset(client: Any, text: str) -> Any:
    asset = client.get_type("AdTextAsset")
    asset.text = text
    return asset


def _read(emulator: RunningEmulator, ad_id: int = 101) -> dict[str, Any]:
    return next(ad for ad in emulator.ads(SHOP) if ad["ad_id"] == ad_id)


def test_an_edit_changes_the_fields_of_its_mask_alone(client: Any, emulator: RunningEmulator) -> None:
    before = _read(emulator)
    headlines = ["Laarzen", "Warm de winter door", "Vandaag besteld"]
    urls = ["https://www.example.nl/laarzen"]
    assert _edit(client, headlines=headlines, final_urls=urls, final_url_suffix="c=d") == AD
    after = _read(emulator)
    assert [headline["text"] for headline in after["headlines"]] == headlines
    assert (after["final_urls"], after["final_url_suffix"]) == (urls, "c=d")
    changed = {"headlines", "final_urls", "final_url_suffix"}
    assert {key for key in before if before[key] != after[key]} <= changed | {"policy_topics"}


def test_a_field_of_the_mask_that_is_not_given_is_cleared(client: Any, emulator: RunningEmulator) -> None:
    _edit(client, mask=("tracking_url_template", "url_custom_parameters", "responsive_search_ad.path2"))
    ad = _read(emulator)
    assert (ad["tracking_url_template"], ad["url_custom_parameters"], ad["path2"]) == ("", {}, "")
    assert ad["path1"] == "schoenen"


def test_an_edited_ad_keeps_its_labels_and_its_place(client: Any) -> None:
    _edit(client, final_urls=["https://www.example.nl/laarzen"])
    query = (
        "SELECT ad_group_ad.labels, ad_group_ad.ad.final_urls, ad_group_ad.ad.resource_name, ad_group.id "
        "FROM ad_group_ad WHERE ad_group_ad.ad.id = 101"
    )
    (row,) = search(client, query)
    assert list(row.ad_group_ad.labels) == [f"customers/{SHOP}/labels/1"]
    assert row.ad_group_ad.ad.resource_name == AD
    assert row.ad_group.id == SHOES


@pytest.mark.parametrize(
    ("fields", "error", "path"),
    [
        ({"headlines": HEADLINES[:2]}, "collection_size_error.TOO_FEW", "responsive_search_ad.headlines"),
        (
            {"headlines": [*HEADLINES, "x" * 31]},
            "string_length_error.TOO_LONG",
            "responsive_search_ad.headlines[3].text",
        ),
        (
            {"descriptions": [*DESCRIPTIONS, DESCRIPTIONS[0]]},
            "asset_error.DUPLICATE_ASSET",
            "responsive_search_ad.descriptions[2]",
        ),
        ({"mask": ("final_urls",)}, "field_error.REQUIRED_NONEMPTY_LIST", "final_urls"),
        (
            {"mask": ("responsive_search_ad.path1",)},
            "ad_error.CANNOT_SET_PATH2_WITHOUT_PATH1",
            "responsive_search_ad.path2",
        ),
        ({"name": "Anders"}, "field_error.IMMUTABLE_FIELD", "name"),
        ({"mask": ("type",)}, "field_error.IMMUTABLE_FIELD", "type"),
        (
            {"mask": ("responsive_search_ad",)},
            "field_mask_error.FIELD_HAS_SUBFIELDS",
            "responsive_search_ad",
        ),
        (
            {"mask": ("responsive_search_ad.headlines.text",)},
            "field_mask_error.FIELD_NOT_FOUND",
            "responsive_search_ad.headlines.text",
        ),
        ({"headlines": [*HEADLINES, "Casino"]}, "policy_finding_error.POLICY_FINDING", ""),
    ],
)
def test_an_edit_is_held_to_the_rules_of_creation(
    fields: dict[str, Any], error: str, path: str, client: Any, emulator: RunningEmulator
) -> None:
    before = _read(emulator)
    with pytest.raises(GoogleAdsException) as refused:
        _edit(client, **fields)
    assert errors_of(refused) == [(error, f"operations[0].update{path and '.'}{path}")]
    assert _read(emulator) == before


def test_an_edit_can_be_exempted_as_a_creation_can(client: Any, emulator: RunningEmulator) -> None:
    texts = [*HEADLINES, "Vraag het uw dokter"]
    _edit(client, headlines=texts, exempt=["HEALTH_IN_PERSONALIZED_ADS"])
    assert _read(emulator)["policy_topics"] == ["HEALTH_IN_PERSONALIZED_ADS"]


def test_an_edit_starts_the_review_anew(client: Any, emulator: RunningEmulator) -> None:
    emulator.profile("instant", review_s=60)
    _edit(client, f"customers/{SHOP}/ads/102", headlines=HEADLINES)
    query = "SELECT ad_group_ad.policy_summary.review_status FROM ad_group_ad WHERE ad_group_ad.ad.id = 102"
    (row,) = search(client, query)
    statuses = client.enums.PolicyReviewStatusEnum
    assert row.ad_group_ad.policy_summary.review_status == statuses.REVIEW_IN_PROGRESS


@pytest.mark.parametrize(
    ("ad", "error"),
    [
        (f"customers/{SHOP}/ads/104", "ad_error.UPDATING_AD_WITH_NO_ENABLED_ASSOCIATION"),
        (ETA, "ad_group_ad_error.CANNOT_UPDATE_DEPRECATED_ADS"),
        (f"customers/{SHOP}/ads/999", "mutate_error.RESOURCE_NOT_FOUND"),
        (f"customers/{SHOP}/adGroupAds/11~101", "request_error.RESOURCE_NAME_MALFORMED"),
    ],
)
def test_an_ad_that_cannot_be_edited_is_left_alone(ad: str, error: str, client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        _edit(client, ad, final_urls=["https://www.example.nl/laarzen"])
    assert codes(refused.value.failure) == [error]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("expanded_text_ad.headline_part1", "ad_group_ad_error.CANNOT_CREATE_DEPRECATED_ADS"),
        ("text_ad.headline", "ad_group_ad_error.CANNOT_CREATE_TEXT_ADS"),
        (
            "responsive_display_ad.business_name",
            "operation_access_denied_error.OPERATION_NOT_PERMITTED_FOR_AD_GROUP_TYPE",
        ),
        ("display_url", "ad_group_ad_error.EMPTY_FIELD"),
    ],
)
def test_an_ad_of_another_type_is_not_created(kind: str, error: str, client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        create(
            client,
            "AdGroupAd",
            **{"ad_group": f"customers/{SHOP}/adGroups/{SHOES}", f"ad.{kind}": "Schoenen"},
        )
    assert codes(refused.value.failure) == [error]


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("status", 4, "operation_access_denied_error.CREATE_AS_REMOVED_NOT_PERMITTED"),
        ("status", 1, "enum_error.ENUM_VALUE_NOT_PERMITTED"),
        ("status", 99, "request_error.INVALID_ENUM_VALUE"),
        (
            "resource_name",
            f"customers/{SHOP}/adGroupAds/{SHOES}~5",
            "new_resource_creation_error.CANNOT_SET_ID_FOR_CREATE",
        ),
        ("resource_name", "customers/1/ads/-1", "request_error.RESOURCE_NAME_MALFORMED"),
    ],
)
def test_a_creation_says_nothing_that_is_googles_to_say(
    field: str, value: Any, error: str, client: Any
) -> None:
    request = ads_request(client, partial_failure=False)
    setattr(add_ad(client, request).create, field, value)
    with pytest.raises(GoogleAdsException) as refused:
        send(client, "AdGroupAd", request)
    assert codes(refused.value.failure) == [error]


def test_an_old_ad_is_read_with_its_texts(client: Any, emulator: RunningEmulator) -> None:
    old = {"type": "EXPANDED_TEXT_AD", "expanded_text_ad": {"headline_part1": "Schoenen", "path1": "heren"}}
    shop = {**SEED["accounts"][0], "ads": [{"id": 103, "ad_group_id": BOOTS, **old}]}
    emulator.seed({**SEED, "accounts": [shop]})
    query = "SELECT ad_group_ad.ad.expanded_text_ad.headline_part1, ad_group_ad.ad.type FROM ad_group_ad"
    (row,) = search(client, query)
    assert row.ad_group_ad.ad.expanded_text_ad.headline_part1 == "Schoenen"
    assert row.ad_group_ad.ad.type_ == client.enums.AdTypeEnum.EXPANDED_TEXT_AD


def test_an_existing_ad_is_not_shared_with_another_ad_group(client: Any) -> None:
    request = ads_request(client, partial_failure=False)
    add_ad(client, request, BOOTS).create.ad.resource_name = AD
    with pytest.raises(GoogleAdsException) as refused:
        send(client, "AdGroupAd", request)
    assert codes(refused.value.failure) == ["ad_group_ad_error.AD_SHARING_NOT_ALLOWED"]


def test_an_old_ad_can_still_be_paused_and_removed(client: Any, emulator: RunningEmulator) -> None:
    name = f"customers/{SHOP}/adGroupAds/{BOOTS}~103"
    change(client, "AdGroupAd", name, {"status": client.enums.AdGroupAdStatusEnum.PAUSED})
    assert _read(emulator, 103)["status"] == "PAUSED"
    remove(client, "AdGroupAd", name)
    assert _read(emulator, 103)["status"] == "REMOVED"


def test_an_ad_group_takes_50_ads_that_are_not_removed(client: Any) -> None:
    ad_group = create(client, "AdGroup", name="Vijftig", campaign=new_campaign(client))
    request = ads_request(client, partial_failure=False)
    for number in range(50):
        ad = add_ad(client, request, headlines=[*HEADLINES, f"Kop {number}"]).create
        ad.ad_group = ad_group
    send(client, "AdGroupAd", request)
    del request.operations[1:]
    with pytest.raises(GoogleAdsException) as refused:
        send(client, "AdGroupAd", request)
    assert codes(refused.value.failure) == ["resource_count_limit_exceeded_error.ADGROUP_LIMIT"]
