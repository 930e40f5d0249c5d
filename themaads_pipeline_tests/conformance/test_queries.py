"""GAQL, asked through the official client."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import MANAGER, SHOP, codes, search
from themaads_pipeline_tests.running_emulator import RunningEmulator


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def test_an_ad_comes_back_with_all_that_was_asked_for_and_nothing_else(client: Any) -> None:
    (row,) = search(
        client,
        "SELECT ad_group_ad.ad.id, ad_group_ad.ad.type, ad_group_ad.ad.responsive_search_ad.headlines, "
        "ad_group_ad.ad.responsive_search_ad.path2, ad_group_ad.ad.tracking_url_template, "
        "ad_group_ad.ad.final_url_suffix, ad_group_ad.ad.url_custom_parameters, ad_group_ad.labels, "
        "ad_group_ad.policy_summary.approval_status, campaign.name FROM ad_group_ad "
        "WHERE ad_group.id = 11 AND ad_group_ad.status != REMOVED",
    )
    ad = row.ad_group_ad.ad
    assert (ad.id, ad.responsive_search_ad.path2, ad.final_url_suffix) == (101, "heren", "a=b")
    assert ad.type_ == client.enums.AdTypeEnum.RESPONSIVE_SEARCH_AD
    assert ad.tracking_url_template == "{lpurl}?src=ads"
    assert [(item.key, item.value) for item in ad.url_custom_parameters] == [("season", "winter")]
    pinned = client.enums.ServedAssetFieldTypeEnum.HEADLINE_1
    assert [(text.text, text.pinned_field == pinned) for text in ad.responsive_search_ad.headlines] == [
        ("Schoenen", True),
        ("Gratis bezorgd", False),
        ("Ruime keuze", False),
    ]
    assert list(row.ad_group_ad.labels) == ["customers/2000000001/labels/1"]
    assert row.campaign.name == "Zoeken"
    assert row.campaign.resource_name == "customers/2000000001/campaigns/1"
    assert not ad.responsive_search_ad.descriptions
    assert not ad.final_urls
    assert not row.HasField("ad_group")


def test_ads_are_found_by_their_labels(client: Any) -> None:
    rows = search(
        client,
        "SELECT ad_group_ad.ad.id FROM ad_group_ad "
        "WHERE ad_group_ad.labels CONTAINS ANY ('customers/2000000001/labels/1')",
    )
    assert [row.ad_group_ad.ad.id for row in rows] == [101]


def test_labels_of_ads_and_ad_groups_can_be_listed(client: Any) -> None:
    on_ads = search(client, "SELECT ad_group_ad_label.ad_group_ad, label.name FROM ad_group_ad_label")
    assert [(row.ad_group_ad_label.ad_group_ad, row.label.name) for row in on_ads] == [
        ("customers/2000000001/adGroupAds/11~101", "THEMA_ORIGINAL")
    ]
    on_groups = search(client, "SELECT ad_group_label.resource_name FROM ad_group_label")
    assert [row.ad_group_label.resource_name for row in on_groups] == [
        "customers/2000000001/adGroupLabels/11~1"
    ]


def test_a_disapproved_ad_tells_its_topics(client: Any) -> None:
    (row,) = search(
        client,
        "SELECT ad_group_ad.policy_summary.approval_status, ad_group_ad.policy_summary.policy_topic_entries "
        "FROM ad_group_ad WHERE ad_group_ad.policy_summary.approval_status = DISAPPROVED",
    )
    assert [entry.topic for entry in row.ad_group_ad.policy_summary.policy_topic_entries] == ["ALCOHOL"]


def test_rows_come_in_the_order_asked_for(client: Any) -> None:
    query = "SELECT ad_group.id FROM ad_group ORDER BY ad_group.status DESC, ad_group.id DESC LIMIT 4"
    assert [row.ad_group.id for row in search(client, query)] == [13, 12, 16, 15]


def test_unselected_resource_names_can_be_left_out(client: Any) -> None:
    query = "SELECT ad_group.id FROM ad_group LIMIT 1 PARAMETERS omit_unselected_resource_names = true"
    (row,) = search(client, query)
    assert not row.ad_group.resource_name


def test_big_answers_come_in_pages_and_streams_alike(client: Any, emulator: RunningEmulator) -> None:
    emulator.seed({"generate": {"accounts": 1, "ad_groups": 25_000}})
    query = "SELECT ad_group_ad.ad.id FROM ad_group_ad"
    service = client.get_service("GoogleAdsService")
    sizes = [len(page.results) for page in service.search(customer_id=SHOP, query=query).pages]
    assert sizes == [10_000, 10_000, 5_000]
    streamed = [
        row.ad_group_ad.ad.id
        for batch in service.search_stream(customer_id=SHOP, query=query)
        for row in batch.results
    ]
    assert len(set(streamed)) == 25_000
    ids = ",".join(str(150_000_000_000 + number) for number in range(20_000))
    started = time.monotonic()
    assert not search(
        client, f"SELECT ad_group.id FROM ad_group WHERE ad_group.id IN ({ids}) AND campaign.id = 1"
    )
    assert time.monotonic() - started < 2
    assert emulator.upload_file().count("\n") == 25_001


def test_a_page_token_is_good_for_its_own_query_only(client: Any, emulator: RunningEmulator) -> None:
    emulator.seed({"generate": {"accounts": 1, "ad_groups": 10_001}})
    service = client.get_service("GoogleAdsService")
    pages = service.search(customer_id=SHOP, query="SELECT ad_group.id FROM ad_group")
    request = client.get_type("SearchGoogleAdsRequest")
    request.customer_id, request.query = SHOP, "SELECT ad_group.name FROM ad_group"
    request.page_token = next(pages.pages).next_page_token
    with pytest.raises(GoogleAdsException) as refused:
        service.search(request=request)
    assert codes(refused.value.failure) == ["request_error.INVALID_PAGE_TOKEN"]
