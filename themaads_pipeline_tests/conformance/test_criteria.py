"""Criteria other than keywords: of ad groups, campaigns and customers, and bid modifiers."""

from collections.abc import Callable
from typing import Any

import pytest

from themaads_pipeline_tests.conformance.account import MANAGER, SHOES, SHOP, search
from themaads_pipeline_tests.conformance.mutating import create, problems, refused, send

AD_GROUP, CAMPAIGN = f"customers/{SHOP}/adGroups/{SHOES}", f"customers/{SHOP}/campaigns/1"
AMSTERDAM, DUTCH = "geoTargetConstants/1010543", "languageConstants/1010"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _on_campaign(**fields: Any) -> dict[str, Any]:
    return {"campaign": CAMPAIGN, **fields}


def test_demographic_criteria_have_the_ids_that_google_gave_them(client: Any) -> None:
    names = create(
        client,
        "AdGroupCriteria",
        {"ad_group": AD_GROUP, "gender": {"type": "MALE"}},
        {"ad_group": AD_GROUP, "negative": True, "age_range": {"type": "AGE_RANGE_18_24"}},
    )
    assert [name.rpartition("/")[2] for name in names] == [f"{SHOES}~10", f"{SHOES}~503001"]
    rows = search(client, "SELECT ad_group_criterion.type FROM ad_group_criterion")
    types = client.enums.CriterionTypeEnum
    assert [row.ad_group_criterion.type_ for row in rows] == [types.GENDER, types.AGE_RANGE]


@pytest.mark.parametrize(
    ("fields", "error", "path"),
    [
        ({"gender": {}}, "field_error.REQUIRED", "gender.type"),
        (
            {"placement": {"url": "example.nl"}},
            "criterion_error.CANNOT_TARGET_PLACEMENTS_FOR_SEARCH_CAMPAIGNS",
            "placement",
        ),
        (
            {"gender": {"type": "MALE"}, "final_urls": ["https://example.nl"]},
            "ad_group_criterion_error.FINAL_URLS_NOT_SUPPORTED_FOR_CRITERION_TYPE",
            "final_urls",
        ),
        (
            {"webpage": {"criterion_name": "alles", "conditions": [{"operand": "URL", "argument": "x"}]}},
            "criterion_error.WEBPAGE_CRITERION_NOT_SUPPORTED_ON_NON_DSA_AD_GROUP",
            "webpage",
        ),
    ],
)
def test_a_wrong_criterion_of_an_ad_group_is_refused(
    client: Any, fields: dict[str, Any], error: str, path: str
) -> None:
    assert refused(client, "AdGroupCriteria", {"ad_group": AD_GROUP, **fields}) == [(error, path)]


def test_places_languages_devices_and_negative_keywords_hang_on_a_campaign(client: Any) -> None:
    names = create(
        client,
        "CampaignCriteria",
        _on_campaign(location={"geo_target_constant": AMSTERDAM}, bid_modifier=1.2),
        _on_campaign(language={"language_constant": DUTCH}),
        _on_campaign(device={"type": "MOBILE"}, bid_modifier=0),
        _on_campaign(negative=True, keyword={"text": "gratis", "match_type": "BROAD"}),
    )
    assert [name.rpartition("/")[2] for name in names[:3]] == ["1~1010543", "1~1010", "1~30001"]
    rows = search(
        client,
        "SELECT campaign_criterion.type, campaign_criterion.status, campaign_criterion.negative, "
        "campaign_criterion.display_name, campaign_criterion.bid_modifier, campaign.name "
        "FROM campaign_criterion WHERE campaign_criterion.status = 'ENABLED' AND campaign.id = 1 "
        "AND campaign_criterion.criterion_id NOT IN (30000, 30002, 30004)",
    )
    assert [row.campaign_criterion.negative for row in rows] == [False, False, False, True]
    assert rows[0].campaign_criterion.display_name == "Amsterdam,North Holland,Netherlands"
    assert rows[0].campaign_criterion.bid_modifier == pytest.approx(1.2)
    assert {row.campaign.name for row in rows} == {"Zoeken"}


@pytest.mark.parametrize(
    ("fields", "error", "path"),
    [
        ({}, "campaign_criterion_error.CONCRETE_TYPE_REQUIRED", ""),
        (
            {"keyword": {"text": "schoenen", "match_type": "EXACT"}},
            "criterion_error.CANNOT_TARGET_CRITERION",
            "keyword",
        ),
        (
            {"negative": True, "language": {"language_constant": DUTCH}},
            "campaign_criterion_error.CANNOT_EXCLUDE_CRITERIA_TYPE",
            "negative",
        ),
        (
            {"location": {"geo_target_constant": "Amsterdam"}},
            "request_error.RESOURCE_NAME_MALFORMED",
            "location.geo_target_constant",
        ),
        (
            {"negative": True, "location": {"geo_target_constant": AMSTERDAM}, "bid_modifier": 2},
            "criterion_error.CANNOT_BID_MODIFY_NEGATIVE_CRITERION",
            "bid_modifier",
        ),
        (
            {"language": {"language_constant": DUTCH}, "bid_modifier": 2},
            "criterion_error.CANNOT_BID_MODIFY_CRITERION_TYPE",
            "bid_modifier",
        ),
        (
            {"location": {"geo_target_constant": AMSTERDAM}, "bid_modifier": 0},
            "range_error.TOO_LOW",
            "bid_modifier",
        ),
        (
            {"proximity": {"radius": 10}},
            "criterion_error.PROXIMITY_GEOPOINT_AND_ADDRESS_BOTH_CANNOT_BE_NULL",
            "proximity",
        ),
        (
            {"proximity": {"radius": 801, "address": {"country_code": "NL"}}},
            "criterion_error.INVALID_PROXIMITY_RADIUS",
            "proximity.radius",
        ),
        (
            {"proximity": {"radius": 5, "geo_point": {"latitude_in_micro_degrees": 91_000_000}}},
            "criterion_error.INVALID_LATITUDE",
            "proximity.geo_point.latitude_in_micro_degrees",
        ),
        (
            {"negative": True, "ip_block": {"ip_address": "10.0.0.300"}},
            "criterion_error.INVALID_IP_ADDRESS",
            "ip_block.ip_address",
        ),
    ],
)
def test_a_wrong_criterion_of_a_campaign_is_refused(
    client: Any, fields: dict[str, Any], error: str, path: str
) -> None:
    assert refused(client, "CampaignCriteria", _on_campaign(**fields)) == [(error, path)]


def _hours(start: int, end: int) -> dict[str, Any]:
    schedule = {"start_hour": start, "start_minute": "ZERO", "end_hour": end, "end_minute": "ZERO"}
    return _on_campaign(ad_schedule={**schedule, "day_of_week": "MONDAY"})


def test_ad_schedules_of_a_day_do_not_overlap_and_are_six_at_most(client: Any) -> None:
    create(client, "CampaignCriteria", _hours(0, 2), _hours(2, 4))
    overlap = "criterion_error.AD_SCHEDULE_TIME_INTERVALS_OVERLAP"
    assert refused(client, "CampaignCriteria", _hours(3, 5)) == [(overlap, "ad_schedule")]
    backwards = "criterion_error.AD_SCHEDULE_INVALID_TIME_INTERVAL"
    assert refused(client, "CampaignCriteria", _hours(8, 6)) == [(backwards, "ad_schedule")]
    create(client, "CampaignCriteria", *(_hours(hour, hour + 1) for hour in range(4, 8)))
    full = "criterion_error.AD_SCHEDULE_EXCEEDED_INTERVALS_PER_DAY_LIMIT"
    assert refused(client, "CampaignCriteria", _hours(9, 10)) == [(full, "ad_schedule")]


def test_a_bid_modifier_is_updated_and_not_added_a_second_time(client: Any) -> None:
    place = _on_campaign(location={"geo_target_constant": AMSTERDAM})
    (name,) = create(client, "CampaignCriteria", place)
    assert create(client, "CampaignCriteria", place) == [name]
    assert refused(client, "CampaignCriteria", {**place, "bid_modifier": 1.5}) == [
        ("campaign_criterion_error.CANNOT_ADD_EXISTING_FIELD", "bid_modifier")
    ]
    update = {"update": {"resource_name": name, "bid_modifier": 1.5}, "update_mask": "bidModifier"}
    assert problems(client, send(client, "CampaignCriteria", update)) == []
    query = "SELECT campaign_criterion.bid_modifier FROM campaign_criterion"
    (row,) = search(client, f"{query} WHERE campaign_criterion.type = LOCATION")
    assert row.campaign_criterion.bid_modifier == 1.5


def test_a_campaign_has_its_devices_from_the_beginning(client: Any) -> None:
    query = (
        "SELECT campaign_criterion.criterion_id, campaign_criterion.bid_modifier, "
        "campaign_criterion.device.type FROM campaign_criterion WHERE campaign.id = 1 "
        "AND campaign_criterion.type = DEVICE ORDER BY campaign_criterion.criterion_id"
    )
    rows = search(client, query)
    assert [row.campaign_criterion.criterion_id for row in rows] == [30000, 30001, 30002, 30004]
    mobile = rows[1].campaign_criterion
    assert mobile.device.type_ == client.enums.DeviceEnum.MOBILE
    update = {
        "update": {"resource_name": mobile.resource_name, "bid_modifier": 0},
        "update_mask": "bidModifier",
    }
    dry = send(client, "CampaignCriteria", update, validate_only=True)
    assert problems(client, dry) == []
    assert not any(row.campaign_criterion.HasField("bid_modifier") for row in search(client, query))
    assert problems(client, send(client, "CampaignCriteria", update)) == []
    changed = [row.campaign_criterion.HasField("bid_modifier") for row in search(client, query)]
    assert changed == [False, True, False, False]


def test_a_place_is_not_both_targeted_and_excluded(client: Any) -> None:
    place = _on_campaign(location={"geo_target_constant": AMSTERDAM})
    create(client, "CampaignCriteria", place)
    assert refused(client, "CampaignCriteria", {**place, "negative": True}) == [
        ("campaign_criterion_error.CANNOT_TARGET_AND_EXCLUDE", "")
    ]


def test_negative_criteria_of_a_campaign_are_not_updated_and_devices_not_removed(client: Any) -> None:
    negative, device = create(
        client,
        "CampaignCriteria",
        _on_campaign(negative=True, keyword={"text": "gratis", "match_type": "BROAD"}),
        _on_campaign(device={"type": "TABLET"}),
    )
    update = {"update": {"resource_name": negative, "status": "PAUSED"}, "update_mask": "status"}
    response = send(client, "CampaignCriteria", update, {"remove": device})
    assert problems(client, response) == [
        ("campaign_criterion_error.CANNOT_UPDATE_NEGATIVE_CRITERION", "operations[0].update"),
        ("criterion_error.CANNOT_REMOVE_CRITERION", "operations[1].remove"),
    ]
    assert problems(client, send(client, "CampaignCriteria", {"remove": negative})) == []


def test_a_customer_excludes_placements_and_content(client: Any) -> None:
    names = create(
        client,
        "CustomerNegativeCriteria",
        {"content_label": {"type": "TRAGEDY"}},
        {"placement": {"url": "http://www.example.com"}},
    )
    assert len(set(names)) == 2
    assert problems(client, send(client, "CustomerNegativeCriteria", {"remove": names[0]})) == []
    (row,) = search(
        client,
        "SELECT customer_negative_criterion.placement.url, customer_negative_criterion.type "
        "FROM customer_negative_criterion",
    )
    assert row.customer_negative_criterion.placement.url == "http://www.example.com"
    assert refused(client, "CustomerNegativeCriteria", {}) == [("criterion_error.CONCRETE_TYPE_REQUIRED", "")]


def test_an_ad_group_has_one_bid_modifier_a_device(client: Any) -> None:
    mobile = {"ad_group": AD_GROUP, "device": {"type": "MOBILE"}, "bid_modifier": 1.5}
    (name,) = create(client, "AdGroupBidModifiers", mobile)
    assert name.endswith(f"/adGroupBidModifiers/{SHOES}~30001")
    assert refused(client, "AdGroupBidModifiers", mobile) == [
        ("criterion_error.BID_MODIFIER_ALREADY_EXISTS", "")
    ]
    update = {"update": {"resource_name": name, "bid_modifier": 20}, "update_mask": "bidModifier"}
    assert problems(client, send(client, "AdGroupBidModifiers", update)) == [
        ("range_error.TOO_HIGH", "operations[0].update.bid_modifier")
    ]
    assert problems(client, send(client, "AdGroupBidModifiers", {"remove": name})) == []
    assert search(client, "SELECT ad_group_bid_modifier.criterion_id FROM ad_group_bid_modifier") == []


def test_older_versions_select_fields_that_the_newest_has_not(client_for: Callable[..., Any]) -> None:
    query = (
        "SELECT ad_group_bid_modifier.bid_modifier, ad_group_bid_modifier.hotel_length_of_stay.min_nights "
        "FROM ad_group_bid_modifier"
    )
    old = client_for("v24", login_customer_id=MANAGER)
    create(
        old, "AdGroupBidModifiers", {"ad_group": AD_GROUP, "device": {"type": "MOBILE"}, "bid_modifier": 2}
    )
    (row,) = search(old, query)
    assert row.ad_group_bid_modifier.bid_modifier == 2
    assert not row.ad_group_bid_modifier.HasField("hotel_length_of_stay")
