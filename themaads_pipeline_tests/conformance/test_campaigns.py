"""Campaigns: created, changed, removed, and read back."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import (
    MANAGER,
    SHOES,
    SHOP,
    add_ad,
    ads_request,
    codes,
    search,
)
from themaads_pipeline_tests.conformance.account_changes import (
    CAMPAIGN,
    campaign_fields,
    change,
    create,
    errors_of,
    new_budget,
    new_campaign,
    remove,
    set_fields,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator

TODAY = datetime(2036, 11, 3, 12, tzinfo=UTC)


@pytest.fixture
def client(client_for: Callable[..., Any], emulator: RunningEmulator) -> Any:
    emulator.set_now(TODAY)
    return client_for(login_customer_id=MANAGER)


def _read(client: Any, name: str, *fields: str) -> Any:
    query = f"SELECT {', '.join(fields)} FROM campaign WHERE campaign.resource_name = '{name}'"
    (row,) = search(client, query)
    return row


def test_a_campaign_is_read_back_with_what_google_fills_in(client: Any) -> None:
    budget = new_budget(client)
    name = new_campaign(client, campaign_budget=budget)
    fields = (
        "id name status serving_status advertising_channel_type bidding_strategy_type experiment_type "
        "base_campaign campaign_budget start_date_time end_date_time payment_mode "
        "ad_serving_optimization_status network_settings.target_search_network "
        "network_settings.target_content_network primary_status"
    )
    row = _read(
        client, name, *(f"campaign.{field}" for field in fields.split()), "campaign_budget.amount_micros"
    )
    campaign = row.campaign
    enums = client.enums
    assert campaign.name == "Nieuw"
    assert campaign.status == enums.CampaignStatusEnum.ENABLED
    assert campaign.serving_status == enums.CampaignServingStatusEnum.SERVING
    assert campaign.primary_status == enums.CampaignPrimaryStatusEnum.ELIGIBLE
    assert campaign.bidding_strategy_type == enums.BiddingStrategyTypeEnum.MANUAL_CPC
    assert campaign.experiment_type == enums.CampaignExperimentTypeEnum.BASE
    assert campaign.payment_mode == enums.PaymentModeEnum.CLICKS
    assert campaign.base_campaign == name == f"customers/{SHOP}/campaigns/{campaign.id}"
    assert campaign.campaign_budget == budget
    assert row.campaign_budget.amount_micros == 5_000_000
    assert campaign.start_date_time == "2036-11-03 00:00:00"
    assert not campaign.end_date_time
    assert campaign.network_settings.target_search_network
    assert not campaign.network_settings.target_content_network


@pytest.mark.parametrize(
    ("fields", "error", "path"),
    [
        ({"name": None}, "field_error.REQUIRED", "name"),
        ({"advertising_channel_type": None}, "field_error.REQUIRED", "advertising_channel_type"),
        (
            {"contains_eu_political_advertising": None},
            "field_error.REQUIRED",
            "contains_eu_political_advertising",
        ),
        ({"manual_cpc.enhanced_cpc_enabled": None}, "field_error.REQUIRED", "campaign_bidding_strategy"),
        ({"name": "Zoeken"}, "campaign_error.DUPLICATE_CAMPAIGN_NAME", "name"),
        ({"name": "twee\nregels"}, "campaign_error.INVALID_CAMPAIGN_NAME", "name"),
        ({"name": "x" * 256}, "string_length_error.TOO_LONG", "name"),
        ({"status": 4}, "operation_access_denied_error.CREATE_AS_REMOVED_NOT_PERMITTED", "status"),
        ({"status": 99}, "request_error.INVALID_ENUM_VALUE", "status"),
        (
            {"start_date_time": "2036-11-02 00:00:00"},
            "date_range_error.CANNOT_SET_DATE_TO_PAST",
            "start_date_time",
        ),
        ({"start_date_time": "morgen"}, "date_error.INVALID_STRING_DATE_TIME_SECONDS", "start_date_time"),
        (
            {"start_date_time": "2036-13-40 00:00:00"},
            "date_error.INVALID_FIELD_VALUES_IN_DATE_TIME",
            "start_date_time",
        ),
        (
            {"start_date_time": "2036-12-01 09:00:00"},
            "date_error.DATE_RANGE_ERROR_START_TIME_MUST_BE_THE_START_OF_A_DAY",
            "start_date_time",
        ),
        (
            {"end_date_time": "2036-12-01 09:00:00"},
            "date_error.DATE_RANGE_ERROR_END_TIME_MUST_BE_THE_END_OF_A_DAY",
            "end_date_time",
        ),
        (
            {"start_date_time": "2036-12-02 00:00:00", "end_date_time": "2036-12-01 23:59:59"},
            "date_range_error.START_DATE_AFTER_END_DATE",
            "start_date_time",
        ),
        (
            {"end_date_time": "2038-01-01 23:59:59"},
            "date_range_error.AFTER_MAXIMUM_ALLOWABLE_DATE",
            "end_date_time",
        ),
        ({"campaign_budget": "customers/1/x"}, "request_error.RESOURCE_NAME_MALFORMED", "campaign_budget"),
        (
            {"campaign_budget": f"customers/{SHOP}/campaignBudgets/9"},
            "mutate_error.RESOURCE_NOT_FOUND",
            "campaign_budget",
        ),
        (
            {"tracking_url_template": "https://example.nl"},
            "url_field_error.MISSING_TRACKING_URL_TEMPLATE_TAG",
            "tracking_url_template",
        ),
        (
            {"resource_name": f"customers/{SHOP}/campaigns/5"},
            "new_resource_creation_error.CANNOT_SET_ID_FOR_CREATE",
            "resource_name",
        ),
    ],
)
def test_a_campaign_that_breaks_a_rule_is_refused(
    fields: dict[str, Any], error: str, path: str, client: Any
) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        new_campaign(client, **fields)
    assert errors_of(refused) == [(error, f"operations[0].create.{path}")]


def test_a_campaign_without_a_budget_is_refused(client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        create(client, "Campaign", **campaign_fields(client))
    assert errors_of(refused) == [("field_error.REQUIRED", "operations[0].create.campaign_budget")]


def test_a_date_without_dashes_is_read_back_with_them(client: Any) -> None:
    name = new_campaign(client, start_date_time="20361124 00:00:00", end_date_time="20361130 23:59:59")
    campaign = _read(client, name, "campaign.start_date_time", "campaign.end_date_time").campaign
    assert (campaign.start_date_time, campaign.end_date_time) == (
        "2036-11-24 00:00:00",
        "2036-11-30 23:59:59",
    )


def test_a_campaign_serves_between_its_dates(
    client: Any, client_for: Callable[..., Any], emulator: RunningEmulator
) -> None:
    name = new_campaign(client, start_date_time="20361124 00:00:00", end_date_time="20361130 23:59:59")
    statuses = []
    for month, day in ((11, 20), (11, 27), (12, 1)):
        emulator.set_now(datetime(2036, month, day, tzinfo=UTC))
        later = client_for(login_customer_id=MANAGER)  # with a token of that day
        status = _read(later, name, "campaign.serving_status").campaign.serving_status
        statuses.append(client.enums.CampaignServingStatusEnum.CampaignServingStatus.Name(status))
    assert statuses == ["PENDING", "SERVING", "ENDED"]


def test_only_the_fields_of_the_mask_change(client: Any) -> None:
    name = new_campaign(client, final_url_suffix="a=b")
    changed = {
        "status": client.enums.CampaignStatusEnum.PAUSED,
        "network_settings.target_search_network": False,
        "maximize_conversions.target_cpa_micros": 2_000_000,
    }
    change(client, "Campaign", name, changed)
    fields = (
        "name status final_url_suffix bidding_strategy_type network_settings.target_google_search "
        "network_settings.target_search_network maximize_conversions.target_cpa_micros"
    )
    campaign = _read(client, name, *(f"campaign.{field}" for field in fields.split())).campaign
    assert campaign.status == client.enums.CampaignStatusEnum.PAUSED
    assert (campaign.name, campaign.final_url_suffix) == ("Nieuw", "a=b")
    assert campaign.network_settings.target_google_search
    assert not campaign.network_settings.target_search_network
    assert campaign.bidding_strategy_type == client.enums.BiddingStrategyTypeEnum.MAXIMIZE_CONVERSIONS
    assert campaign.maximize_conversions.target_cpa_micros == 2_000_000


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"advertising_channel_type": 3}, "field_error.IMMUTABLE_FIELD"),
        ({"serving_status": 2}, "field_error.IMMUTABLE_FIELD"),
        ({"network_settings": None}, "field_mask_error.FIELD_HAS_SUBFIELDS"),
        ({"status": 4}, "enum_error.ENUM_VALUE_NOT_PERMITTED"),
        ({"name": None}, "field_error.REQUIRED"),
        ({"end_date_time": "2036-11-02 23:59:59"}, "date_range_error.CANNOT_SET_DATE_TO_PAST"),
        (
            {"start_date_time": "2036-11-20 00:00:00"},
            "date_range_error.CANNOT_MODIFY_START_DATE_IF_ALREADY_STARTED",
        ),
        (
            {"network_settings.target_google_search": False},
            "campaign_error.CANNOT_TARGET_SEARCH_NETWORK_WITHOUT_GOOGLE_SEARCH",
        ),
    ],
)
def test_an_update_is_held_to_the_rules(fields: dict[str, Any], error: str, client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        change(client, "Campaign", CAMPAIGN, fields)
    assert error in codes(refused.value.failure)


def test_a_removed_campaign_keeps_its_ad_groups_and_takes_no_more_ads(client: Any) -> None:
    remove(client, "Campaign", CAMPAIGN)
    query = f"SELECT ad_group.status, campaign.status FROM ad_group WHERE ad_group.id = {SHOES}"
    (row,) = search(client, query)
    assert row.campaign.status == client.enums.CampaignStatusEnum.REMOVED
    assert row.ad_group.status == client.enums.AdGroupStatusEnum.ENABLED
    request = ads_request(client, partial_failure=False)
    add_ad(client, request)
    with pytest.raises(GoogleAdsException) as refused:
        client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    error = "operation_access_denied_error.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"
    assert codes(refused.value.failure) == [error]
    with pytest.raises(GoogleAdsException) as refused:
        remove(client, "Campaign", CAMPAIGN)
    assert codes(refused.value.failure) == [error]
    with pytest.raises(GoogleAdsException) as refused:
        change(client, "Campaign", CAMPAIGN, {"name": "Anders"})
    assert codes(refused.value.failure) == [error]


def test_the_name_of_a_removed_campaign_is_free(client: Any) -> None:
    remove(client, "Campaign", CAMPAIGN)
    assert new_campaign(client, name="Zoeken")


def test_a_campaign_its_budget_and_its_ad_group_are_made_in_one_request(client: Any) -> None:
    request = client.get_type("MutateGoogleAdsRequest")
    request.customer_id = SHOP
    start = f"customers/{SHOP}"
    budget = request.mutate_operations.add().campaign_budget_operation.create
    budget.resource_name, budget.name, budget.amount_micros = f"{start}/campaignBudgets/-1", "B", 1_000_000
    campaign = request.mutate_operations.add().campaign_operation.create
    campaign.resource_name = f"{start}/campaigns/-2"
    set_fields(campaign, campaign_fields(client, campaign_budget=f"{start}/campaignBudgets/-1"))
    ad_group = request.mutate_operations.add().ad_group_operation.create
    ad_group.name, ad_group.campaign = "Groep", f"{start}/campaigns/-2"
    answers = client.get_service("GoogleAdsService").mutate(request=request).mutate_operation_responses
    names = [answers[0].campaign_budget_result, answers[1].campaign_result, answers[2].ad_group_result]
    query = (
        "SELECT campaign.campaign_budget, campaign.resource_name FROM ad_group WHERE ad_group.name = 'Groep'"
    )
    (row,) = search(client, query)
    assert row.campaign.campaign_budget == names[0].resource_name
    assert row.campaign.resource_name == names[1].resource_name
    assert row.ad_group.resource_name == names[2].resource_name
