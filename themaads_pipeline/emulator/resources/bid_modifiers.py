"""Bid modifiers of ad groups, for devices."""

from themaads_pipeline.emulator.entities import Document
from themaads_pipeline.emulator.messages import enum_values
from themaads_pipeline.emulator.resources.criteria import (
    check_bid_modifier,
    check_new_criterion,
    check_open,
    own_criterion_id,
)
from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind


def _complete(checking: Checking) -> None:
    body = checking.body
    body.base_ad_group = body.ad_group
    body.bid_modifier_source = enum_values("BidModifierSource")["AD_GROUP"]


def _check(checking: Checking) -> None:
    if checking.before is None:
        check_open(checking)
        field = check_new_criterion(checking, missing="CriterionError.CONCRETE_TYPE_REQUIRED")
        if field and field != "device":
            checking.add("AdGroupBidModifierError.CRITERION_ID_NOT_SUPPORTED", field)
    check_bid_modifier(checking, zero_is_allowed=True)


def _replaces(checking: Checking, _: Document) -> bool:
    checking.add("CriterionError.BID_MODIFIER_ALREADY_EXISTS")
    return False


AD_GROUP_BID_MODIFIERS = DocumentKind(
    name="ad_group_bid_modifier",
    service="AdGroupBidModifierService",
    method="MutateAdGroupBidModifiers",
    parents={"ad_group": "ad_group"},
    named_after=("ad_group",),
    id_field="criterion_id",
    needed=("ad_group", "bid_modifier"),
    own_id=own_criterion_id,
    complete=_complete,
    check=_check,
    replaces=_replaces,
)
