"""Reports: invented figures, split by segments and summed over days."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import (
    MANAGER,
    SEED,
    SHOP,
    add_ad,
    ads_request,
    codes,
    raw,
    search,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator

_FIGURES = "metrics.impressions, metrics.clicks, metrics.cost_micros, metrics.conversions"
_NOVEMBER = "segments.date BETWEEN '2025-11-01' AND '2025-11-30'"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


@pytest.fixture
def busy(emulator: RunningEmulator) -> Iterator[RunningEmulator]:
    """The usual accounts, with traffic."""
    emulator.seed({**SEED, "metrics": {"seed": 1}})
    yield emulator
    emulator.seed(SEED)


def _totals(rows: list[Any]) -> tuple[int, int, int, float]:
    return (
        sum(row.metrics.impressions for row in rows),
        sum(row.metrics.clicks for row in rows),
        sum(row.metrics.cost_micros for row in rows),
        sum(row.metrics.conversions for row in rows),
    )


def test_an_account_without_traffic_has_zeros_and_no_rows_by_segment(client: Any) -> None:
    rows = search(client, f"SELECT campaign.id, {_FIGURES} FROM campaign WHERE {_NOVEMBER}")
    assert [row.campaign.id for row in rows] == [1, 2]
    assert _totals(rows) == (0, 0, 0, 0.0)
    assert all(raw(row.metrics).HasField("clicks") for row in rows)
    by_day = f"SELECT campaign.id, segments.date, {_FIGURES} FROM campaign WHERE {_NOVEMBER}"
    assert not search(client, by_day)


@pytest.mark.usefixtures("busy")
def test_figures_are_the_same_every_time_and_add_up_from_ads_to_the_account(client: Any) -> None:
    totals = {
        resource: _totals(search(client, f"SELECT {field}, {_FIGURES} FROM {resource} WHERE {_NOVEMBER}"))
        for resource, field in (
            ("ad_group_ad", "ad_group_ad.ad.id"),
            ("ad_group", "ad_group.id"),
            ("campaign", "campaign.id"),
            ("customer", "customer.id"),
        )
    }
    assert len(set(totals.values())) == 1
    impressions, clicks, cost, conversions = totals["customer"]
    assert impressions > clicks > conversions > 0
    assert cost > 0
    again = _totals(search(client, f"SELECT customer.id, {_FIGURES} FROM customer WHERE {_NOVEMBER}"))
    assert again == totals["customer"]


def test_another_seed_gives_other_figures(client: Any, busy: RunningEmulator) -> None:
    query = f"SELECT customer.id, {_FIGURES} FROM customer WHERE {_NOVEMBER}"
    first = _totals(search(client, query))
    busy.seed({**SEED, "metrics": {"seed": 2}})
    assert _totals(search(client, query)) != first


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(
    "segment", ["date", "week", "month", "quarter", "year", "day_of_week", "month_of_year", "device"]
)
def test_segments_split_figures_without_losing_any(segment: str, client: Any) -> None:
    days = "segments.date BETWEEN '2025-09-15' AND '2025-11-14'"
    whole = _totals(search(client, f"SELECT campaign.id, {_FIGURES} FROM campaign WHERE {days}"))
    rows = search(client, f"SELECT campaign.id, segments.{segment}, {_FIGURES} FROM campaign WHERE {days}")
    values = [getattr(row.segments, segment) for row in rows]
    assert _totals(rows)[:3] == whole[:3]
    expected = {
        "date": 61,
        "week": 9,
        "month": 3,
        "quarter": 2,
        "year": 1,
        "day_of_week": 7,
        "month_of_year": 3,
        "device": 3,
    }
    assert len(values) == len(set(values)) == expected[segment]


@pytest.mark.usefixtures("busy")
def test_periods_are_named_by_their_first_days(client: Any) -> None:
    (row,) = search(
        client,
        "SELECT segments.week, segments.month, segments.quarter, segments.year, segments.day_of_week, "
        "metrics.impressions FROM customer WHERE segments.date = '2025-11-19'",
    )
    found = row.segments
    assert (found.week, found.month, found.quarter, found.year) == (
        "2025-11-17",
        "2025-11-01",
        "2025-10-01",
        2025,
    )
    assert found.day_of_week == client.enums.DayOfWeekEnum.WEDNESDAY


@pytest.mark.usefixtures("busy")
def test_a_week_filtered_on_has_the_figures_of_its_seven_days(client: Any) -> None:
    totals = [
        _totals(search(client, f"SELECT customer.id, {_FIGURES} FROM customer WHERE {where}"))
        for where in (
            "segments.week = '2025-11-17'",
            "segments.date BETWEEN '2025-11-17' AND '2025-11-23'",
            "segments.date >= '2025-11-17' AND segments.date < '2025-11-24'",
        )
    ]
    assert len(set(totals)) == 1


@pytest.mark.usefixtures("busy")
def test_rows_are_filtered_and_ordered_by_metrics(client: Any) -> None:
    rows = search(
        client,
        f"SELECT ad_group_ad.ad.id, metrics.clicks FROM ad_group_ad WHERE {_NOVEMBER} "
        "AND metrics.clicks > 0 ORDER BY metrics.clicks DESC",
    )
    clicks = [row.metrics.clicks for row in rows]
    assert clicks == sorted(clicks, reverse=True)
    assert len(set(clicks)) > 1
    fewer = search(
        client,
        f"SELECT ad_group_ad.ad.id FROM ad_group_ad WHERE {_NOVEMBER} AND metrics.clicks > {clicks[-1]}",
    )
    assert len(fewer) < len(rows)


@pytest.mark.usefixtures("busy")
def test_one_device_can_be_asked_for(client: Any) -> None:
    query = f"SELECT segments.device, {_FIGURES} FROM customer WHERE {_NOVEMBER}"
    (mobile,) = search(client, f"{query} AND segments.device = MOBILE")
    devices = {row.segments.device: row.metrics.impressions for row in search(client, query)}
    assert devices[client.enums.DeviceEnum.MOBILE] == mobile.metrics.impressions
    assert len(devices) == 3


@pytest.mark.usefixtures("busy")
def test_rates_follow_from_the_sums(client: Any) -> None:
    (row,) = search(
        client,
        f"SELECT {_FIGURES}, metrics.ctr, metrics.average_cpc, metrics.average_cpm, "
        f"metrics.cost_per_conversion FROM customer WHERE {_NOVEMBER}",
    )
    found = row.metrics
    assert found.ctr == pytest.approx(found.clicks / found.impressions)
    assert found.average_cpc == pytest.approx(found.cost_micros / found.clicks)
    assert found.average_cpm == pytest.approx(found.cost_micros / found.impressions * 1000)
    assert found.cost_per_conversion == pytest.approx(found.cost_micros / found.conversions)


@pytest.mark.usefixtures("busy")
def test_during_means_whole_days_before_today_in_the_accounts_time_zone(
    client: Any, emulator: RunningEmulator
) -> None:
    at = datetime(2026, 3, 18, 23, 30, tzinfo=UTC)  # the 19th in Amsterdam
    emulator.clock(offset_s=at.timestamp() - time.time())
    expected = {
        "TODAY": ("2026-03-19", 1),
        "YESTERDAY": ("2026-03-18", 1),
        "LAST_7_DAYS": ("2026-03-12", 7),
        "LAST_14_DAYS": ("2026-03-05", 14),
        "LAST_30_DAYS": ("2026-02-17", 30),
        "THIS_MONTH": ("2026-03-01", 19),
        "LAST_MONTH": ("2026-02-01", 28),
        "THIS_WEEK_MON_TODAY": ("2026-03-16", 4),
        "THIS_WEEK_SUN_TODAY": ("2026-03-15", 5),
        "LAST_WEEK_MON_SUN": ("2026-03-09", 7),
        "LAST_WEEK_SUN_SAT": ("2026-03-08", 7),
        "LAST_BUSINESS_WEEK": ("2026-03-09", 5),
    }
    try:
        found = {}
        for function in expected:
            rows = search(
                client,
                "SELECT segments.date, metrics.impressions FROM customer "
                f"WHERE segments.date DURING {function} ORDER BY segments.date",
            )
            found[function] = (rows[0].segments.date, len(rows))
    finally:
        emulator.clock(offset_s=0)
    assert found == expected


@pytest.mark.usefixtures("busy")
def test_nothing_happens_after_today_and_before_the_beginning(client: Any) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()
    for first, last in ((tomorrow, tomorrow + timedelta(30)), ("2020-01-01", "2020-12-31")):
        days = f"segments.date BETWEEN '{first}' AND '{last}'"
        rows = search(client, f"SELECT customer.id, {_FIGURES} FROM customer WHERE {days}")
        assert _totals(rows) == (0, 0, 0, 0.0)


@pytest.mark.usefixtures("busy")
def test_without_dates_a_report_is_about_all_time(client: Any) -> None:
    query = f"SELECT customer.id, {_FIGURES} FROM customer"
    whole, month = (_totals(search(client, text)) for text in (query, f"{query} WHERE {_NOVEMBER}"))
    assert whole[0] > month[0]


@pytest.mark.usefixtures("busy")
def test_an_ad_created_today_did_nothing_before(client: Any) -> None:
    request = ads_request(client)
    add_ad(client, request)
    result = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request).results[0]
    query = (
        f"SELECT {_FIGURES} FROM ad_group_ad WHERE ad_group_ad.resource_name = '{result.resource_name}' "
        "AND segments.date DURING LAST_30_DAYS"
    )
    assert _totals(search(client, query)) == (0, 0, 0, 0.0)


@pytest.mark.usefixtures("busy")
def test_a_summary_row_sums_up_all_rows(client: Any) -> None:
    service = client.get_service("GoogleAdsService")
    query = f"SELECT ad_group_ad.ad.id, {_FIGURES} FROM ad_group_ad WHERE {_NOVEMBER}"
    expected = _totals(search(client, query))
    request = client.get_type("SearchGoogleAdsRequest")
    request.customer_id, request.query = SHOP, query
    request.search_settings.return_summary_row = True
    page = next(service.search(request=request).pages)
    assert _totals([page.summary_row]) == expected
    stream = client.get_type("SearchGoogleAdsStreamRequest")
    stream.customer_id, stream.query = SHOP, query
    stream.summary_row_setting = client.enums.SummaryRowSettingEnum.SUMMARY_ROW_ONLY
    (answer,) = service.search_stream(request=stream)
    assert not answer.results
    assert _totals([answer.summary_row]) == expected


def test_a_summary_row_needs_metrics(client: Any) -> None:
    request = client.get_type("SearchGoogleAdsRequest")
    request.customer_id, request.query = SHOP, "SELECT campaign.id FROM campaign"
    request.search_settings.return_summary_row = True
    with pytest.raises(GoogleAdsException) as refused:
        client.get_service("GoogleAdsService").search(request=request)
    error = "request_error.CANNOT_RETURN_SUMMARY_ROW_FOR_REQUEST_WITHOUT_METRICS"
    assert codes(refused.value.failure) == [error]


@pytest.mark.usefixtures("busy")
def test_streams_carry_reports_as_pages_do(client: Any) -> None:
    query = f"SELECT ad_group.id, segments.date, metrics.clicks FROM ad_group WHERE {_NOVEMBER}"
    paged = search(client, query)
    clicks: dict[int, int] = defaultdict(int)
    streamed = 0
    service = client.get_service("GoogleAdsService")  # its channel ends with it
    for batch in service.search_stream(customer_id=SHOP, query=query):
        for row in batch.results:
            streamed += 1
            clicks[row.ad_group.id] += row.metrics.clicks
    assert streamed == len(paged)
    assert sum(clicks.values()) == sum(row.metrics.clicks for row in paged)
