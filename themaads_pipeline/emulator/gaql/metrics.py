"""Metrics and segments of GoogleAdsRow that have invented figures behind them; all other metrics are zero.

Which metrics go with which resource: Google publishes a table for each resource. Here it is a rule by the
names of metrics, so it is right for the usual ones and a guess for the rest.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

from themaads_pipeline.emulator.gaql.dates import start_of
from themaads_pipeline.emulator.messages import enum_values

RESOURCES = frozenset({"campaign", "ad_group", "ad_group_ad", "customer", "keyword_view"})
DEVICES = {"MOBILE": 60, "DESKTOP": 33, "TABLET": 7}  # percent of everything; the last takes the rest

Figures = dict[str, Any]  # of `traffic`: impressions, clicks, cost_micros, conversions, conversions_value


def _ratio(part: str, whole: str, times: float = 1.0) -> Callable[[Figures], float | None]:
    def ratio(figures: Figures) -> float | None:
        return float(figures[part]) * times / float(figures[whole]) if figures[whole] else None

    return ratio


_SUMS = {
    "impressions": "impressions",
    "clicks": "clicks",
    "interactions": "clicks",
    "cost_micros": "cost_micros",
    "conversions": "conversions",
    "conversions_by_conversion_date": "conversions",
    "all_conversions": "conversions",
    "all_conversions_by_conversion_date": "conversions",
    "conversions_value": "conversions_value",
    "conversions_value_by_conversion_date": "conversions_value",
    "all_conversions_value": "conversions_value",
    "all_conversions_value_by_conversion_date": "conversions_value",
}
_RATIOS = {
    "ctr": _ratio("clicks", "impressions"),
    "interaction_rate": _ratio("clicks", "impressions"),
    "average_cpc": _ratio("cost_micros", "clicks"),
    "average_cost": _ratio("cost_micros", "clicks"),
    "average_cpm": _ratio("cost_micros", "impressions", 1000),
    "cost_per_conversion": _ratio("cost_micros", "conversions"),
    "cost_per_all_conversions": _ratio("cost_micros", "conversions"),
    "conversions_from_interactions_rate": _ratio("conversions", "clicks"),
    "all_conversions_from_interactions_rate": _ratio("conversions", "clicks"),
    "value_per_conversion": _ratio("conversions_value", "conversions"),
    "value_per_all_conversions": _ratio("conversions_value", "conversions"),
    "conversions_value_per_cost": _ratio("conversions_value", "cost_micros", 1_000_000),
    "all_conversions_value_per_cost": _ratio("conversions_value", "cost_micros", 1_000_000),
}
_ALL, _NONE = RESOURCES, frozenset[str]()
_ACCOUNTWIDE = frozenset({"campaign", "customer"})
_AUCTIONS = frozenset({"campaign", "ad_group", "customer", "keyword_view"})
# By the beginning of a metric's name, the first that fits. Impression shares are of auctions, not of ads;
# budgets belong to campaigns; the empty ones are metrics of views, studies and experiments.
_BY_PREFIX: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = (
    (("historical_",), frozenset({"keyword_view"})),
    (("search_budget_lost_", "content_budget_lost_", "optimization_score_"), _ACCOUNTWIDE),
    (("search_volume", "search_lift_"), _NONE),
    (("search_", "content_", "auction_insight_"), _AUCTIONS),
    (("sk_ad_network_", "unique_users", "average_impression_frequency_"), frozenset({"campaign"})),
    (("hotel_",), frozenset({"campaign", "ad_group", "customer"})),
    (("phone_", "message_"), frozenset({"campaign", "ad_group"})),
    (
        (
            "absolute_brand_", "asset_pinned_", "brand_lift_", "combined_", "control_", "conversion_last_",
            "conversion_lift_", "conversion_value_", "conversions_absolute_", "cost_per_incremental_",
            "cost_per_lifted_", "fractional_", "headroom_", "incremental_", "linked_", "normalized_",
            "organic_", "relative_", "vertical_ads_", "youtube_",
        ),
        _NONE,
    ),
)  # fmt: skip
_OF_STUDIES = ("_p_value", "_margin_of_error", "_point_estimate", "_unique_query_clusters")


def resources_with(metric: str) -> frozenset[str]:
    """The resources of a FROM clause that a metric goes with."""
    if metric.endswith(_OF_STUDIES):
        return _NONE
    return next((found for prefixes, found in _BY_PREFIX if metric.startswith(prefixes)), _ALL)


def metric(name: str, figures: Figures, *, is_number: bool) -> Any:
    """A metric's value, None where it has none: a rate of nothing is no rate."""
    if name in _SUMS:
        return figures[_SUMS[name]]
    if name in _RATIOS:
        return _RATIOS[name](figures)
    return 0 if is_number else None


_WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_MONTHS = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE",
    "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER",
)  # fmt: skip
_OF_DAYS: dict[str, Callable[[date], Any]] = {
    "date": lambda day: day.isoformat(),
    "week": lambda day: start_of("week", day).isoformat(),
    "month": lambda day: start_of("month", day).isoformat(),
    "quarter": lambda day: start_of("quarter", day).isoformat(),
    "year": lambda day: day.year,
    "day_of_week": lambda day: enum_values("DayOfWeek")[_WEEKDAYS[day.weekday()]],
    "month_of_year": lambda day: enum_values("MonthOfYear")[_MONTHS[day.month - 1]],
    "ad_network_type": lambda _: enum_values("AdNetworkType")["SEARCH"],
}
SEGMENTS = frozenset({*_OF_DAYS, "device"})
# What segments conversions alone, and cannot split impressions or clicks.
CONVERSION_SEGMENTS = frozenset(
    {"conversion_action", "conversion_action_category", "conversion_action_name", "conversion_lag_bucket"}
)
# Segments that Google's documentation wants selected along with another one.
COMPANIONS = {"ad_sub_network_type": "ad_network_type", "ad_sub_format_type": "ad_format_type"}


def segment_of_day(name: str, day: date) -> Any:
    """The value of a segment that follows from the day."""
    return _OF_DAYS[name](day)
