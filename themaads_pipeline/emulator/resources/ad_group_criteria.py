"""Criteria of ad groups: keywords first, and every other kind by the same rules of its fields."""

from themaads_pipeline.emulator.ad_urls import check_urls
from themaads_pipeline.emulator.entities import AdGroup, Document
from themaads_pipeline.emulator.messages import Message, enum_values
from themaads_pipeline.emulator.resources.criteria import (
    check_bid_modifier,
    check_new_criterion,
    check_open,
    complete_criterion,
    own_criterion_id,
    taken_over,
)
from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind
from themaads_pipeline.emulator.resources.keywords import check_keyword_policy
from themaads_pipeline.emulator.transactions import Transaction

_BIDS = ("cpc_bid_micros", "cpm_bid_micros", "cpv_bid_micros", "percent_cpc_bid_micros")
_URL_FIELDS = ("final_mobile_urls", "final_url_suffix", "tracking_url_template", "url_custom_parameters")
_NOT_FOR_NEGATIVE = (*_BIDS, "bid_modifier", "final_urls", *_URL_FIELDS)
_WITH_URLS = frozenset({"keyword", "placement", "webpage", "listing_group"})
_PLACEMENTS = frozenset(
    {"placement", "mobile_app_category", "mobile_application", "youtube_video", "youtube_channel"}
)
_BILLABLE_UNIT = 10_000


def _complete(checking: Checking) -> None:
    body = checking.body
    complete_criterion(checking)
    if not body.HasField("negative"):
        body.negative = False
    statuses = enum_values("AdGroupCriterionStatus")
    body.status = body.status or statuses["ENABLED"]
    if body.negative:
        return
    if not body.approval_status:
        body.approval_status = enum_values("AdGroupCriterionApprovalStatus")["APPROVED"]
    body.system_serving_status = enum_values("CriterionSystemServingStatus")["ELIGIBLE"]
    paused = body.status == statuses["PAUSED"]
    body.primary_status = enum_values("AdGroupCriterionPrimaryStatus")["PAUSED" if paused else "ELIGIBLE"]
    _complete_bid(checking)


def _complete_bid(checking: Checking) -> None:
    """The bid that counts: the criterion's own, or its ad group's."""
    body = checking.body
    sources = enum_values("BiddingSource")
    if body.cpc_bid_micros:
        body.effective_cpc_bid_micros = body.cpc_bid_micros
        body.effective_cpc_bid_source = sources["AD_GROUP_CRITERION"]
        return
    body.ClearField("effective_cpc_bid_micros")
    body.ClearField("effective_cpc_bid_source")
    ad_group = _ad_group(checking)
    if ad_group.body is not None and ad_group.body.cpc_bid_micros:
        body.effective_cpc_bid_micros = ad_group.body.cpc_bid_micros
        body.effective_cpc_bid_source = sources["AD_GROUP"]


def _ad_group(checking: Checking) -> AdGroup:
    return checking.tx.account.ad_groups[int(checking.body.ad_group.rpartition("/")[2])]


def _check(checking: Checking) -> None:
    body = checking.body
    if checking.before is None:
        field = check_new_criterion(checking, missing="AdGroupCriterionError.CONCRETE_TYPE_REQUIRED")
        check_open(checking)
        _check_kind(checking, field)
    elif body.negative:
        checking.add("AdGroupCriterionError.CANT_UPDATE_NEGATIVE")
        return
    if body.status == enum_values("AdGroupCriterionStatus")["REMOVED"]:
        checking.add("AdGroupCriterionError.INVALID_USER_STATUS", "status")
    elif body.status not in enum_values("AdGroupCriterionStatus").values() or body.status == 1:
        checking.add("EnumError.ENUM_VALUE_NOT_PERMITTED", "status")
    if body.negative:
        for name in _NOT_FOR_NEGATIVE:
            if _given(body, name):
                checking.add("CriterionError.FIELD_INCOMPATIBLE_WITH_NEGATIVE_TARGETING", name)
        return
    for name in _BIDS:
        _check_bid(checking, name)
    check_bid_modifier(checking, zero_is_allowed=False)
    _check_urls(checking)


def _given(body: Message, name: str) -> bool:
    descriptor = body.DESCRIPTOR.fields_by_name[name]
    return bool(getattr(body, name) if descriptor.is_repeated else body.HasField(name))


def _check_kind(checking: Checking, field: str) -> None:
    """Which criteria fit which ad groups."""
    ad_group, negative = _ad_group(checking), checking.body.negative
    search = ad_group.campaign.channel_type == "SEARCH"
    if field == "webpage" and ad_group.type != "SEARCH_DYNAMIC_ADS":
        checking.add("CriterionError.WEBPAGE_CRITERION_NOT_SUPPORTED_ON_NON_DSA_AD_GROUP", field)
    elif field == "keyword" and ad_group.type == "SEARCH_DYNAMIC_ADS" and not negative:
        checking.add("AdGroupCriterionError.CANNOT_ADD_CRITERIA_TYPE", field)
    elif field in _PLACEMENTS and search and not negative:
        checking.add("CriterionError.CANNOT_TARGET_PLACEMENTS_FOR_SEARCH_CAMPAIGNS", field)


def _check_bid(checking: Checking, name: str) -> None:
    if not checking.body.HasField(name):
        return
    bid = getattr(checking.body, name)
    if bid < 0 or (0 < bid < _BILLABLE_UNIT):
        checking.add("BiddingError.BID_TOO_SMALL", name, trigger=str(bid))
    elif bid % _BILLABLE_UNIT:
        checking.add("BiddingError.BID_TOO_MANY_FRACTIONAL_DIGITS", name, trigger=str(bid))


def _check_urls(checking: Checking) -> None:
    body = checking.body
    others = [name for name in _URL_FIELDS if _given(body, name) and getattr(body, name)]
    if not body.final_urls:
        if others:
            changed = checking.before is not None and bool(checking.before.final_urls)
            checking.add(
                _cleared(others[0]) if changed else "AdGroupCriterionError.CANNOT_SET_WITHOUT_FINAL_URLS",
                others[0],
            )
        return
    if body.WhichOneof("criterion") not in _WITH_URLS:
        checking.add("AdGroupCriterionError.FINAL_URLS_NOT_SUPPORTED_FOR_CRITERION_TYPE", "final_urls")
        return
    check_urls(body, checking.errors, checking.path)


def _cleared(name: str) -> str:
    """The error for taking the final URLs away while another field needs them."""
    suffix = {
        "final_mobile_urls": "FINAL_MOBILE_URLS_EXIST",
        "tracking_url_template": "TRACKING_URL_TEMPLATE_EXISTS",
        "url_custom_parameters": "URL_CUSTOM_PARAMETERS_EXIST",
    }.get(name)
    if suffix is None:
        return "AdGroupCriterionError.CANNOT_SET_WITHOUT_FINAL_URLS"
    return f"AdGroupCriterionError.CANNOT_CLEAR_FINAL_URLS_IF_{suffix}"


def _replaces(checking: Checking, document: Document) -> bool:
    """A keyword that the ad group has already is not refused: it gets the new bid and URLs.

    A positive one where there is a negative one, or the other way about, is refused.
    """
    if checking.body.negative != document.body.negative:
        code = "CANNOT_TARGET_AND_EXCLUDE" if checking.body.negative else "CANT_UPDATE_NEGATIVE"
        checking.add(f"AdGroupCriterionError.{code}")
        return False
    checking.body.CopyFrom(taken_over(document, checking.body))
    return True


def _removed(_: Transaction, document: Document) -> None:
    # The body with the status REMOVED is new and nobody else has seen it, so that it may still be changed.
    if document.body.primary_status:
        document.body.primary_status = enum_values("AdGroupCriterionPrimaryStatus")["REMOVED"]


AD_GROUP_CRITERIA = DocumentKind(
    name="ad_group_criterion",
    service="AdGroupCriterionService",
    method="MutateAdGroupCriteria",
    parents={"ad_group": "ad_group"},
    named_after=("ad_group",),
    id_field="criterion_id",
    needed=("ad_group",),
    own_id=own_criterion_id,
    complete=_complete,
    check=_check,
    replaces=_replaces,
    on_removed=_removed,
    policy=check_keyword_policy,
)
