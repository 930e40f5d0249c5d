"""Mistakes in queries, and the errors that Google has for them."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException
from google.ads.googleads.v26.errors.types.query_error import QueryErrorEnum

from themaads_pipeline_tests.conformance.account import MANAGER, SHOP, codes, search
from themaads_pipeline_tests.running_emulator import RunningEmulator

_GROUPS = "SELECT ad_group.id FROM ad_group"
_ADS = "SELECT ad_group_ad.ad.id FROM ad_group_ad"
_REPORT = "SELECT campaign.id, metrics.clicks FROM campaign WHERE"
MISTAKES: dict[str, list[str]] = {
    "BAD_ENUM_CONSTANT": [
        f"{_GROUPS} WHERE ad_group.status = SLEEPING",
        f"{_GROUPS} WHERE ad_group.status IN ('ENABLED', 'enabled')",
        f"{_GROUPS} WHERE ad_group.status = 2",
    ],
    "BAD_ESCAPE_SEQUENCE": [rf"{_GROUPS} WHERE ad_group.name = 'a\d'"],
    "BAD_FIELD_NAME": [
        "SELECT Ad_group.id FROM ad_group",
        "SELECT ad_group. FROM ad_group",
    ],
    "BAD_LIMIT_VALUE": [f"{_GROUPS} LIMIT many", f"{_GROUPS} LIMIT 1.5", f"{_GROUPS} LIMIT '5'"],
    "BAD_NUMBER": [
        f"{_GROUPS} WHERE ad_group.id = abc",
        f"{_GROUPS} WHERE ad_group.id = 1.5",
        f"{_GROUPS} WHERE ad_group.id IN (1, 99999999999999999999)",
        f"{_GROUPS} WHERE ad_group.id = '1_000'",
    ],
    "BAD_OPERATOR": [
        f"{_GROUPS} WHERE ad_group.id EQUALS 1",
        f"{_GROUPS} WHERE ad_group.labels CONTAINS ('x')",
        f"{_GROUPS} WHERE ad_group.id NOT = 1",
    ],
    "BAD_PARAMETER_NAME": [f"{_GROUPS} PARAMETERS speed = true"],
    "BAD_PARAMETER_VALUE": [f"{_GROUPS} PARAMETERS include_drafts = maybe"],
    "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE": ["SELECT ad_group.id FROM adgroup"],
    "BAD_SYMBOL": [f"{_GROUPS} WHERE ad_group.id = 1 é", f"{_GROUPS}\u00a0LIMIT 1"],
    "BAD_VALUE": ["SELECT customer.id FROM customer WHERE customer.manager = 1"],
    "DATE_RANGE_TOO_NARROW": [f"{_REPORT} segments.date BETWEEN '2026-02-01' AND '2026-01-01'"],
    "EXPECTED_AND": [f"{_GROUPS} WHERE ad_group.id BETWEEN 1, 2"],
    "EXPECTED_BY": [f"{_GROUPS} ORDER ad_group.id"],
    "EXPECTED_FILTERS_ON_DATE_RANGE": [
        "SELECT campaign.id, segments.date, metrics.clicks FROM campaign",
        f"{_REPORT} segments.date >= '2026-01-01'",
        f"{_REPORT} segments.date != '2026-01-01'",
    ],
    "EXPECTED_FROM": ["SELECT ad_group.id", "SELECT ad_group.id WHERE ad_group.id = 1"],
    "EXPECTED_LIST": [f"{_GROUPS} WHERE ad_group.id IN 11"],
    "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE": [
        f"{_REPORT} segments.device = MOBILE",
        "SELECT campaign.id FROM campaign ORDER BY metrics.clicks",
        f"{_REPORT} segments.date DURING TODAY ORDER BY segments.date",
        f"{_GROUPS} ORDER BY campaign.name",
    ],
    "EXPECTED_SELECT": ["ad_group.id FROM ad_group", ""],
    "EXPECTED_SINGLE_VALUE": [f"{_GROUPS} WHERE ad_group.id = (11)"],
    "EXPECTED_VALUE_WITH_BETWEEN_OPERATOR": [
        f"{_GROUPS} WHERE ad_group.id BETWEEN AND 2",
        f"{_GROUPS} WHERE ad_group.id BETWEEN 1 AND",
    ],
    "FILTER_HAS_TOO_MANY_VALUES": [f"{_GROUPS} WHERE ad_group.id IN ({','.join(map(str, range(20_001)))})"],
    "INVALID_DATE_FORMAT": [
        f"{_REPORT} segments.date = '01/02/2026'",
        f"{_REPORT} segments.date = '2026-02-30'",
        f"{_REPORT} segments.date = 20260101",
    ],
    "INVALID_STRING_VALUE": [
        f"{_GROUPS} WHERE ad_group.name = Schoenen",
        f"{_GROUPS} WHERE ad_group.name = 5",
        f"{_GROUPS} WHERE ad_group.name REGEXP_MATCH '('",
        f"{_GROUPS} WHERE ad_group.name REGEXP_MATCH '(?=a)'",
    ],
    "INVALID_VALUE_WITH_BETWEEN_OPERATOR": [f"{_REPORT} segments.date BETWEEN 'soon' AND 'later'"],
    "INVALID_VALUE_WITH_DURING_OPERATOR": [
        f"{_REPORT} segments.date DURING LAST_CENTURY",
        f"{_GROUPS} WHERE ad_group.name DURING TODAY",
    ],
    "INVALID_VALUE_WITH_LIKE_OPERATOR": [f"{_GROUPS} WHERE ad_group.name LIKE 5"],
    "LIMIT_VALUE_TOO_LOW": [f"{_GROUPS} LIMIT 0", f"{_GROUPS} LIMIT -1"],
    "MISALIGNED_DATE_FOR_FILTER": [
        f"{_REPORT} segments.week = '2026-11-24'",
        f"{_REPORT} segments.month = '2026-11-02'",
        f"{_REPORT} segments.quarter = '2026-11-01'",
    ],
    "OPERATOR_FIELD_MISMATCH": [
        f"{_GROUPS} WHERE ad_group.id LIKE '1%'",
        f"{_GROUPS} WHERE ad_group.status > ENABLED",
        f"{_GROUPS} WHERE ad_group.name > 'a'",
        f"{_GROUPS} WHERE ad_group.name CONTAINS ANY ('a')",
        f"{_GROUPS} WHERE ad_group.labels = 'customers/2000000001/labels/1'",
        f"{_GROUPS} WHERE ad_group.labels IN ('customers/2000000001/labels/1')",
        f"{_GROUPS} WHERE ad_group.resource_name LIKE '%1'",
        "SELECT customer.id FROM customer WHERE customer.manager > true",
    ],
    "PROHIBITED_EMPTY_LIST_IN_CONDITION": [f"{_GROUPS} WHERE ad_group.id IN ()"],
    "PROHIBITED_ENUM_CONSTANT": [f"{_GROUPS} WHERE ad_group.status = UNSPECIFIED"],
    "PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE": [
        f"{_GROUPS} ORDER BY ad_group.labels",
        f"{_ADS} ORDER BY ad_group_ad.ad.responsive_search_ad.headlines",
    ],
    "PROHIBITED_FIELD_IN_WHERE_CLAUSE": [
        f"{_ADS} WHERE ad_group_ad.ad.responsive_search_ad.headlines CONTAINS ANY ('a')"
    ],
    "PROHIBITED_METRIC_IN_SELECT_OR_WHERE_CLAUSE": [
        "SELECT label.id, metrics.clicks FROM label",
        "SELECT label.id FROM label WHERE metrics.clicks > 0",
        "SELECT ad_group_ad.ad.id, metrics.search_impression_share FROM ad_group_ad",
    ],
    "PROHIBITED_NEWLINE_IN_STRING": [f"{_GROUPS} WHERE ad_group.name = 'a\nb'"],
    "PROHIBITED_RESOURCE_TYPE_IN_FROM_CLAUSE": ["SELECT video.id FROM video"],
    "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE": [
        "SELECT ad_group_ad.ad.id FROM ad_group",
        "SELECT video.id FROM ad_group",
    ],
    "PROHIBITED_RESOURCE_TYPE_IN_WHERE_CLAUSE": [f"{_GROUPS} WHERE ad_group_ad.ad.id = 1"],
    "PROHIBITED_SEGMENT_IN_SELECT_OR_WHERE_CLAUSE": [
        "SELECT label.id, segments.date FROM label WHERE segments.date DURING TODAY",
        "SELECT campaign.id, segments.hotel_city FROM campaign",
    ],
    "PROHIBITED_SEGMENT_WITH_METRIC_IN_SELECT_OR_WHERE_CLAUSE": [
        "SELECT campaign.id, segments.conversion_action, metrics.clicks FROM campaign"
    ],
    "PROHIBITED_VALUE_COMBINATION_IN_LIST": [f"{_GROUPS} WHERE ad_group.id IN (1, 'two')"],
    "PROHIBITED_VALUE_COMBINATION_WITH_BETWEEN_OPERATOR": [
        f"{_GROUPS} WHERE ad_group.id BETWEEN 1 AND 'two'"
    ],
    "REQUIRED_SEGMENT_FIELD_MISSING": ["SELECT campaign.id, segments.ad_sub_network_type FROM campaign"],
    "STRING_NOT_TERMINATED": [
        f"{_GROUPS} WHERE ad_group.name = 'open",
        f'{_GROUPS} WHERE ad_group.name = "open',
    ],
    "UNEXPECTED_END_OF_QUERY": [f"{_GROUPS} WHERE", f"{_GROUPS} WHERE ad_group.id IN (1", f"{_GROUPS} LIMIT"],
    "UNEXPECTED_INPUT": [
        f"{_GROUPS} WHERE ad_group.id = 1 OR ad_group.id = 2",
        f"{_GROUPS};",
        f"{_GROUPS} # comment",
        f"{_GROUPS} -- comment",
        f"{_GROUPS} /* comment */",
        "SELECT * FROM ad_group",
        f"{_GROUPS} LIMIT 1 WHERE ad_group.id = 1",
        f"{_GROUPS}, campaign",
    ],
    "UNRECOGNIZED_FIELD": [
        "SELECT ad_group.nonsense FROM ad_group",
        "SELECT adgroup.id FROM ad_group",
        "SELECT ad_group FROM ad_group",
        "SELECT ad_group.type_ FROM ad_group",
        "SELECT ad_group_ad.policy_summary FROM ad_group_ad",
        "SELECT metrics.nonsense FROM campaign",
        "SELECT segments.nonsense FROM campaign",
    ],
}
# Tested elsewhere in this module or in `test_fields`.
_ELSEWHERE = {"REQUESTED_METRICS_FOR_MANAGER", "UNEXPECTED_FROM_CLAUSE"}
# Google has them for views, old resources and fields that the emulator does not keep; see docs/emulator.md.
_NEVER = {
    "UNSPECIFIED",
    "UNKNOWN",
    "QUERY_ERROR",
    "DATE_RANGE_TOO_WIDE",
    "EXPECTED_DIMENSION_FIELD_IN_SELECT_CLAUSE",
    "PROHIBITED_FIELD_COMBINATION_IN_SELECT_CLAUSE",
    "PROHIBITED_FIELD_IN_SELECT_CLAUSE",
    "PROHIBITED_FIELD_OR_SEGMENT_WITH_METRIC",
    "TOO_MANY_SEGMENTS",
}


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


@pytest.mark.parametrize("error", MISTAKES)
def test_a_wrong_query_is_refused_as_google_does(error: str, client: Any) -> None:
    for query in MISTAKES[error]:
        with pytest.raises(GoogleAdsException) as refused:
            search(client, query)
        assert codes(refused.value.failure) == [f"query_error.{error}"], query[:200]
        assert refused.value.error.code().name == "INVALID_ARGUMENT"


def test_every_error_of_queries_is_tested_or_known_not_to_happen() -> None:
    known = {error.name for error in QueryErrorEnum.QueryError}
    assert known == {*MISTAKES, *_ELSEWHERE, *_NEVER}


def test_an_error_names_what_is_wrong(client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        search(client, "SELECT ad_group.nonsense FROM ad_group")
    (error,) = refused.value.failure.errors
    assert error.message == "Error in query: unrecognized field in the query: 'ad_group.nonsense'."
    assert error.trigger.string_value == "ad_group.nonsense"


def test_an_endless_mistake_still_comes_back_in_an_error(client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        search(client, f"{_GROUPS} WHERE ad_group.name = {'x' * 100_000}")
    assert codes(refused.value.failure) == ["query_error.INVALID_STRING_VALUE"]


def test_a_manager_account_has_no_metrics(client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        search(client, "SELECT customer.id, metrics.clicks FROM customer", MANAGER)
    assert codes(refused.value.failure) == ["query_error.REQUESTED_METRICS_FOR_MANAGER"]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"page_size": 100}, "PAGE_SIZE_NOT_SUPPORTED"),
        ({"page_token": "nonsense"}, "INVALID_PAGE_TOKEN"),
        ({"page_token": "Zm9yZ290dGVu.10000"}, "EXPIRED_PAGE_TOKEN"),
        ({"page_token": "x", "validate_only": True}, "VALIDATE_ONLY_REQUEST_HAS_PAGE_TOKEN"),
    ],
)
def test_a_wrong_setting_of_a_search_is_refused(settings: dict[str, Any], error: str, client: Any) -> None:
    request = client.get_type("SearchGoogleAdsRequest")
    request.customer_id, request.query = SHOP, _GROUPS
    for name, value in settings.items():
        setattr(request, name, value)
    with pytest.raises(GoogleAdsException) as refused:
        client.get_service("GoogleAdsService").search(request=request)
    assert codes(refused.value.failure) == [f"request_error.{error}"]


def test_a_next_page_must_ask_for_what_the_first_one_asked_for(
    client: Any, emulator: RunningEmulator
) -> None:
    emulator.seed({"generate": {"accounts": 1, "ad_groups": 10_001}})
    service = client.get_service("GoogleAdsService")
    request = client.get_type("SearchGoogleAdsRequest")
    request.customer_id, request.query = SHOP, f"{_GROUPS} LIMIT 10001"
    request.page_token = next(service.search(customer_id=SHOP, query=request.query).pages).next_page_token
    for setting, error in (
        ("return_summary_row", "INCONSISTENT_RETURN_SUMMARY_ROW_VALUE"),
        ("return_total_results_count", "TOTAL_RESULTS_COUNT_NOT_ORIGINALLY_REQUESTED"),
    ):
        request.search_settings.Clear()
        setattr(request.search_settings, setting, True)
        with pytest.raises(GoogleAdsException) as refused:
            service.search(request=request)
        assert codes(refused.value.failure) == [f"request_error.{error}"]


def test_a_query_that_is_only_validated_finds_its_mistakes_and_gives_no_rows(client: Any) -> None:
    service = client.get_service("GoogleAdsService")
    request = client.get_type("SearchGoogleAdsRequest")
    request.customer_id, request.validate_only, request.query = SHOP, True, _GROUPS
    assert not list(service.search(request=request))
    request.query = f"{_GROUPS} WHERE"
    with pytest.raises(GoogleAdsException) as refused:
        service.search(request=request)
    assert codes(refused.value.failure) == ["query_error.UNEXPECTED_END_OF_QUERY"]


def test_the_total_ignores_the_limit(client: Any) -> None:
    request = client.get_type("SearchGoogleAdsRequest")
    request.customer_id, request.query = SHOP, f"{_GROUPS} LIMIT 2"
    request.search_settings.return_total_results_count = True
    page = next(client.get_service("GoogleAdsService").search(request=request).pages)
    assert (len(page.results), page.total_results_count) == (2, 6)
