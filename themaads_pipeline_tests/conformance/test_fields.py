"""GoogleAdsFieldService: the catalogue that clients build their queries from."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import codes, search

_ALL = "SELECT name, category, selectable, filterable, sortable, selectable_with, data_type, is_repeated"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for()


def _fields(client: Any, query: str) -> list[Any]:
    service = client.get_service("GoogleAdsFieldService")
    request = client.get_type("SearchGoogleAdsFieldsRequest")
    request.query = query
    return list(service.search_google_ads_fields(request=request))


def _field(client: Any, name: str) -> Any:
    service = client.get_service("GoogleAdsFieldService")
    request = client.get_type("GetGoogleAdsFieldRequest")
    request.resource_name = f"googleAdsFields/{name}"
    return service.get_google_ads_field(request=request)


def test_fields_are_found_by_the_beginning_of_their_names(client: Any) -> None:
    found = _fields(client, f"{_ALL} WHERE name LIKE 'ad_group_ad.ad.responsive_search_ad.%'")
    kinds = client.enums.GoogleAdsFieldDataTypeEnum
    types = {field.name.rpartition(".")[2]: (field.data_type, field.is_repeated) for field in found}
    assert types == {
        "headlines": (kinds.MESSAGE, True),
        "descriptions": (kinds.MESSAGE, True),
        "path1": (kinds.STRING, False),
        "path2": (kinds.STRING, False),
    }
    assert all(field.category == client.enums.GoogleAdsFieldCategoryEnum.ATTRIBUTE for field in found)
    abilities = {field.name.rpartition(".")[2]: (field.filterable, field.sortable) for field in found}
    assert abilities["path1"] == (True, True)
    assert abilities["headlines"] == (False, False)


def test_a_resource_tells_what_goes_with_it(client: Any) -> None:
    found = _field(client, "ad_group_ad")
    assert found.category == client.enums.GoogleAdsFieldCategoryEnum.RESOURCE
    assert [found.selectable, found.filterable, found.sortable] == [False, False, False]
    assert {"ad_group", "campaign", "customer"} <= set(found.attribute_resources)
    assert "metrics.clicks" in found.metrics
    assert "metrics.search_impression_share" not in found.metrics
    assert "segments.date" in found.segments
    assert {*found.attribute_resources, *found.metrics, *found.segments} == set(found.selectable_with)


@pytest.mark.parametrize(
    ("name", "data_type"),
    [
        ("campaign.id", "INT64"),
        ("campaign.name", "STRING"),
        ("campaign.status", "ENUM"),
        ("campaign.start_date_time", "DATE"),
        ("campaign.campaign_budget", "RESOURCE_NAME"),
        ("campaign.network_settings.target_google_search", "BOOLEAN"),
        ("metrics.clicks", "INT64"),
        ("metrics.ctr", "DOUBLE"),
        ("segments.date", "DATE"),
        ("segments.year", "INT32"),
        ("ad_group_ad.ad.type", "ENUM"),
    ],
)
def test_a_field_has_its_data_type(name: str, data_type: str, client: Any) -> None:
    found = _field(client, name)
    assert found.name == name
    assert found.data_type == getattr(client.enums.GoogleAdsFieldDataTypeEnum, data_type)
    assert found.selectable


def test_an_enum_tells_its_constants_and_its_type_in_the_clients_version(
    client_for: Callable[..., Any],
) -> None:
    found = _field(client_for(version="v24"), "campaign.status")
    assert {"ENABLED", "PAUSED", "REMOVED"} <= set(found.enum_values)
    assert found.type_url == "google.ads.googleads.v24.enums.CampaignStatusEnum.CampaignStatus"


def test_a_metric_tells_the_resources_it_goes_with(client: Any) -> None:
    found = _field(client, "metrics.clicks")
    assert found.category == client.enums.GoogleAdsFieldCategoryEnum.METRIC
    assert {"campaign", "ad_group", "ad_group_ad", "customer", "segments.date"} <= set(found.selectable_with)
    assert "label" not in found.selectable_with


def test_queries_for_fields_filter_order_and_limit(client: Any) -> None:
    found = _fields(
        client,
        "SELECT name, data_type WHERE category = 'ATTRIBUTE' AND selectable = true AND data_type = INT64 "
        "AND name LIKE 'campaign.%' ORDER BY name DESC LIMIT 3",
    )
    names = [field.name for field in found]
    assert len(names) == 3
    assert names == sorted(names, reverse=True)
    assert all(name.startswith("campaign.") for name in names)
    assert not any(field.category for field in found)
    (with_clicks,) = _fields(
        client, "SELECT name WHERE name = 'ad_group_ad' AND metrics CONTAINS ANY ('metrics.clicks')"
    )
    assert with_clicks.resource_name == "googleAdsFields/ad_group_ad"


def test_fields_come_page_by_page(client: Any) -> None:
    service = client.get_service("GoogleAdsFieldService")
    request = client.get_type("SearchGoogleAdsFieldsRequest")
    request.query, request.page_size = "SELECT name WHERE name LIKE 'segments.%'", 50
    pages = list(service.search_google_ads_fields(request=request).pages)
    names = [field.name for page in pages for field in page.results]
    assert len(pages) > 2
    assert len(names) == len(set(names)) == pages[0].total_results_count


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("SELECT name FROM google_ads_field", "query_error.UNEXPECTED_FROM_CLAUSE"),
        ("SELECT nonsense", "query_error.UNRECOGNIZED_FIELD"),
        ("SELECT name WHERE nonsense = 1", "query_error.UNRECOGNIZED_FIELD"),
        ("SELECT name WHERE category = LOVELY", "query_error.BAD_ENUM_CONSTANT"),
        ("SELECT name WHERE name >", "query_error.UNEXPECTED_END_OF_QUERY"),
        ("SELECT name ORDER BY metrics", "query_error.PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE"),
        ("", "query_error.EXPECTED_SELECT"),
    ],
)
def test_a_wrong_query_for_fields_is_refused(query: str, error: str, client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        _fields(client, query)
    assert codes(refused.value.failure) == [error]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("googleAdsFields/campaign.nonsense", "RESOURCE_NOT_FOUND"),
        ("campaign.id", "RESOURCE_NAME_MALFORMED"),
        ("", "RESOURCE_NAME_MISSING"),
    ],
)
def test_a_field_that_does_not_exist_is_not_found(name: str, error: str, client: Any) -> None:
    request = client.get_type("GetGoogleAdsFieldRequest")
    request.resource_name = name
    with pytest.raises(GoogleAdsException) as refused:
        client.get_service("GoogleAdsFieldService").get_google_ads_field(request=request)
    assert codes(refused.value.failure) == [f"request_error.{error}"]


def test_what_the_catalogue_lists_for_a_resource_can_be_asked_for(client_for: Callable[..., Any]) -> None:
    client = client_for(login_customer_id="1000000001")
    names = [
        field.name
        for field in _fields(client, "SELECT name WHERE name LIKE 'campaign.%' AND selectable = true")
    ]
    metrics = list(_field(client, "campaign").metrics)
    rows = search(client, f"SELECT {', '.join(names)} FROM campaign")
    assert [row.campaign.id for row in rows] == [1, 2]
    assert len(search(client, f"SELECT {', '.join(metrics)} FROM campaign")) == 2
