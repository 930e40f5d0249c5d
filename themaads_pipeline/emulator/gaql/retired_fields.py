"""Fields that older versions of the API have and the newest, by whose messages all are served, has not.

No resource here has a value in one of them, so a query that selects them is answered as if it did not. A
condition on one is still refused as unknown, unlike at Google.
"""

from themaads_pipeline.emulator.gaql.query import Query
from themaads_pipeline.emulator.messages import VERSIONS

# The last version that has the field; of resources that are kept here.
_RETIRED = {
    "ad_group_bid_modifier.hotel_advance_booking_window.max_days": "v25",
    "ad_group_bid_modifier.hotel_advance_booking_window.min_days": "v25",
    "ad_group_bid_modifier.hotel_check_in_date_range.end_date": "v25",
    "ad_group_bid_modifier.hotel_check_in_date_range.start_date": "v25",
    "ad_group_bid_modifier.hotel_check_in_day.day_of_week": "v25",
    "ad_group_bid_modifier.hotel_date_selection_type.type": "v25",
    "ad_group_bid_modifier.hotel_length_of_stay.max_nights": "v25",
    "ad_group_bid_modifier.hotel_length_of_stay.min_nights": "v25",
    "campaign.video_brand_safety_suitability": "v23",
    "customer.conversion_tracking_setting.enhanced_conversions_for_leads_enabled": "v25",
}


def leave_out_retired(query: Query, version: str) -> None:
    """Takes the selected fields out of a query that its version has, and that never have a value."""
    number = VERSIONS.index(version)
    query.fields = [
        name for name in query.fields if name not in _RETIRED or number > VERSIONS.index(_RETIRED[name])
    ]
