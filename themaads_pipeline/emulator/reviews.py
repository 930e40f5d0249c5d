"""Google's review of an ad, which goes on after the creation: what the ad's policy summary, status and
strength say at a moment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from themaads_pipeline.emulator.messages import Message, enum_name, enum_values
from themaads_pipeline.emulator.serving import state_of_campaign

if TYPE_CHECKING:
    from themaads_pipeline.emulator.entities import Ad

_PAUSED, _REMOVED = 3, 4
# By severity: the first that a topic brings about is the ad's.
_APPROVAL_BY_TYPE = (
    ("PROHIBITED", "DISAPPROVED"),
    ("FULLY_LIMITED", "DISAPPROVED"),
    ("AREA_OF_INTEREST_ONLY", "AREA_OF_INTEREST_ONLY"),
    ("LIMITED", "APPROVED_LIMITED"),
)


@dataclass(frozen=True, slots=True)
class Review:
    """When it is over, the topics that an ad has from the start, and those that come up at later moments."""

    until: float
    topics: tuple[Message, ...] = ()
    late_topics: tuple[tuple[float, Message], ...] = ()


def approval_by(topics: Iterable[Message]) -> str:
    """The approval status that topics lead to."""
    kinds = enum_values("PolicyTopicEntryType")
    types = {topic.type_ for topic in topics}
    return next((status for kind, status in _APPROVAL_BY_TYPE if kinds[kind] in types), "APPROVED")


def topics_at(ad: "Ad", now: float) -> tuple[Message, ...]:
    """What is known of the ad at a moment; everything at moment 0."""
    if not ad.late_topics:
        return ad.policy_topics
    late = (topic for moment, topic in ad.late_topics if not now or moment <= now)
    return (*ad.policy_topics, *late)


def fill_review(ad: "Ad", message: Message, now: float) -> bool:
    """The policy summary of an ad's AdGroupAd message; gives whether it is under review."""
    approvals, reviews = enum_values("PolicyApprovalStatus"), enum_values("PolicyReviewStatus")
    summary = message.policy_summary
    if now and now < ad.review_until:
        summary.review_status = reviews["REVIEW_IN_PROGRESS"]
        summary.approval_status = approvals["UNKNOWN"]
        return True
    topics = topics_at(ad, now)
    summary.review_status = reviews["REVIEWED"]
    seeded = ad.approval_status if len(topics) == len(ad.policy_topics) else 0
    summary.approval_status = seeded or approvals[approval_by(topics) if topics else "APPROVED"]
    if topics:
        summary.policy_topic_entries.extend(topics)
    return False


def fill_standing(ad: "Ad", message: Message, now: float, *, under_review: bool) -> None:
    """The primary status and the strength of an ad's AdGroupAd message, whose review is filled in."""
    approval = enum_name("PolicyApprovalStatus", message.policy_summary.approval_status)
    reasons = _reasons(ad, now, approval, under_review=under_review)
    status = "ELIGIBLE"
    if reasons:
        numbers = enum_values("AdGroupAdPrimaryStatusReason")
        message.primary_status_reasons.extend([numbers[reason] for reason in reasons])
        status = next((name for name, causes in _STATUS_BY_REASON if causes.intersection(reasons)), status)
    message.primary_status = enum_values("AdGroupAdPrimaryStatus")[status]
    if message.ad.WhichOneof("ad_data") == "responsive_search_ad":
        strength = "PENDING" if under_review else _strength(message.ad.responsive_search_ad)
        message.ad_strength = enum_values("AdStrength")[strength]


# Which reason contributes to which status, as AdGroupAdPrimaryStatusReason is documented; the first that has
# a reason is the ad's. ENDED, which is named there too, is no value of the status: NOT_ELIGIBLE here.
_STATUS_BY_REASON = (
    ("REMOVED", {"AD_GROUP_AD_REMOVED", "AD_GROUP_REMOVED", "CAMPAIGN_REMOVED"}),
    ("NOT_ELIGIBLE", {"AD_GROUP_AD_DISAPPROVED"}),
    ("PAUSED", {"AD_GROUP_AD_PAUSED", "AD_GROUP_PAUSED", "CAMPAIGN_PAUSED"}),
    ("NOT_ELIGIBLE", {"CAMPAIGN_ENDED"}),
    ("PENDING", {"CAMPAIGN_PENDING", "AD_GROUP_AD_UNDER_REVIEW"}),
    ("LIMITED", {"AD_GROUP_AD_APPROVED_LABELED", "AD_GROUP_AD_AREA_OF_INTEREST_ONLY"}),
)
_REASON_BY_APPROVAL = {
    "DISAPPROVED": "AD_GROUP_AD_DISAPPROVED",
    "APPROVED_LIMITED": "AD_GROUP_AD_APPROVED_LABELED",
    "AREA_OF_INTEREST_ONLY": "AD_GROUP_AD_AREA_OF_INTEREST_ONLY",
}


def _reasons(ad: "Ad", now: float, approval: str, *, under_review: bool) -> list[str]:
    reasons = []
    if (campaign := state_of_campaign(ad.ad_group.campaign, now)) != "ELIGIBLE":
        reasons.append(f"CAMPAIGN_{campaign}")
    for name, status in (("AD_GROUP", ad.ad_group.status), ("AD_GROUP_AD", ad.status)):
        if status in {_PAUSED, _REMOVED}:
            reasons.append(f"{name}_{'PAUSED' if status == _PAUSED else 'REMOVED'}")
    if under_review:
        reasons.append("AD_GROUP_AD_UNDER_REVIEW")
    elif approval in _REASON_BY_APPROVAL:
        reasons.append(_REASON_BY_APPROVAL[approval])
    return reasons


def _strength(rsa: Message) -> str:
    """More texts and fewer pins make an ad stronger. Google's own figure is a secret."""
    headlines, descriptions = len(rsa.headlines), len(rsa.descriptions)
    pins = sum(bool(asset.pinned_field) for asset in rsa.headlines)
    points = headlines + 2 * descriptions - pins
    return "EXCELLENT" if points >= 20 else "GOOD" if points >= 14 else "AVERAGE" if points >= 9 else "POOR"
