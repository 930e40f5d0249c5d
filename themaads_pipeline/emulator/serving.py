"""Whether campaigns and ad groups serve: what Google works out from statuses and dates when it is asked."""

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from themaads_pipeline.emulator.messages import Message, enum_values

if TYPE_CHECKING:
    from themaads_pipeline.emulator.entities import AdGroup, Campaign

DATE_TIME = "%Y-%m-%d %H:%M:%S"
_PAUSED, _REMOVED = 3, 4


@lru_cache(maxsize=10_000)
def moment_of(text: str, time_zone: str) -> float:
    """When a campaign's date begins, in the account's time zone; a seed may leave its time out."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(time_zone)).timestamp()


def state_of_campaign(campaign: "Campaign", now: float) -> str:
    """ELIGIBLE, PAUSED, REMOVED, PENDING or ENDED. Without a moment (0) dates are left out of account."""
    if campaign.status == _REMOVED:
        return "REMOVED"
    zone = campaign.account.time_zone
    if now and campaign.end_date_time and moment_of(campaign.end_date_time, zone) < now:
        return "ENDED"
    if campaign.status == _PAUSED:
        return "PAUSED"
    if now and campaign.start_date_time and moment_of(campaign.start_date_time, zone) > now:
        return "PENDING"
    return "ELIGIBLE"


def fill_campaign(campaign: "Campaign", message: Message, now: float) -> None:
    """The output-only statuses of a campaign's message."""
    state = state_of_campaign(campaign, now)
    serving = {"ELIGIBLE": "SERVING", "ENDED": "ENDED", "PENDING": "PENDING"}.get(state, "NONE")
    # A paused campaign is still SERVING for Google: serving_status is about dates, budget and account.
    message.serving_status = _number("CampaignServingStatus", "SERVING" if state == "PAUSED" else serving)
    message.primary_status = _number("CampaignPrimaryStatus", state)
    if state != "ELIGIBLE":
        message.primary_status_reasons.append(_number("CampaignPrimaryStatusReason", f"CAMPAIGN_{state}"))


def fill_ad_group(ad_group: "AdGroup", message: Message, now: float) -> None:
    """The output-only statuses of an ad group's message."""
    campaign = state_of_campaign(ad_group.campaign, now)
    if ad_group.status == _REMOVED:
        state, reason = "REMOVED", "AD_GROUP_REMOVED"
    elif ad_group.status == _PAUSED:
        state, reason = "PAUSED", "AD_GROUP_PAUSED"
    elif campaign != "ELIGIBLE":
        state, reason = "PENDING" if campaign == "PENDING" else "NOT_ELIGIBLE", f"CAMPAIGN_{campaign}"
    else:
        state, reason = "ELIGIBLE", ""
    message.primary_status = _number("AdGroupPrimaryStatus", state)
    if reason:
        message.primary_status_reasons.append(_number("AdGroupPrimaryStatusReason", reason))


def _number(enum: str, name: str) -> int:
    return enum_values(enum)[name]
