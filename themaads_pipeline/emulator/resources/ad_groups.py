"""Ad groups: created, changed and removed."""

from typing import Any

from themaads_pipeline.emulator.ad_urls import check_parameters, check_url_settings
from themaads_pipeline.emulator.entities import ENABLED, PAUSED, REMOVED, AdGroup, Campaign
from themaads_pipeline.emulator.failures import (
    ApiError,
    Errors,
    OperationRefusedError,
    Path,
    resource_count_details,
)
from themaads_pipeline.emulator.field_rules import field_rules
from themaads_pipeline.emulator.messages import Message, enum_name, enum_values, message_class
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.ad_group_names import AdGroupNames
from themaads_pipeline.emulator.resources.campaign_budgets import smallest_unit_micros
from themaads_pipeline.emulator.resources.entity_names import check_name
from themaads_pipeline.emulator.resources.enums_given import check_enums
from themaads_pipeline.emulator.resources.field_masks import merged
from themaads_pipeline.emulator.resources.references import existing, referenced
from themaads_pipeline.emulator.transactions import Transaction

_CREATE: Path = (("create", None),)
_UPDATE: Path = (("update", None),)
_MAX_AD_GROUPS = 20_000
_LARGEST_BID = 10**12
_BIDS = ("cpc_bid_micros", "cpm_bid_micros", "target_cpa_micros", "cpv_bid_micros", "target_cpm_micros")
_REFUSED_REMOVED = "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"
# Which types of ad group a channel's campaigns have, the usual one first.
_TYPES = {
    "SEARCH": ("SEARCH_STANDARD", "SEARCH_DYNAMIC_ADS"),
    "DISPLAY": ("DISPLAY_STANDARD",),
    "SHOPPING": ("SHOPPING_PRODUCT_ADS", "SHOPPING_SMART_ADS", "SHOPPING_COMPARISON_LISTING_ADS"),
    "HOTEL": ("HOTEL_ADS", "PROMOTED_HOTEL_ADS"),
    "VIDEO": (
        "VIDEO_RESPONSIVE",
        "VIDEO_BUMPER",
        "VIDEO_TRUE_VIEW_IN_STREAM",
        "VIDEO_TRUE_VIEW_IN_DISPLAY",
        "VIDEO_NON_SKIPPABLE_IN_STREAM",
        "VIDEO_EFFICIENT_REACH",
        "YOUTUBE_AUDIO",
    ),
    "SMART": ("SMART_CAMPAIGN_ADS",),
    "TRAVEL": ("TRAVEL_ADS",),
}
_WITHOUT_AD_GROUPS = frozenset({"PERFORMANCE_MAX", "LOCAL", "LOCAL_SERVICES"})
# What an attribute of the entity holds, and what follows from elsewhere, is no part of its body.
_NOT_IN_BODY = (
    "resource_name",
    "id",
    "name",
    "status",
    "type_",
    "campaign",
    "labels",
    "base_ad_group",
    "primary_status",
    "primary_status_reasons",
)


def _create(tx: Transaction, operation: Message) -> AdGroup:
    body = message_class("resources.AdGroup")()
    body.CopyFrom(operation.create)
    for name in field_rules("resources.AdGroup").output_only:
        body.ClearField(name)
    errors = Errors()
    check_enums(body, errors, _CREATE)
    if not body.campaign:
        message = "The required field was not present."
        errors.add("FieldError.REQUIRED", (*_CREATE, ("campaign", None)), message=message)
    if body.status == REMOVED:
        code = "OperationAccessDeniedError.CREATE_AS_REMOVED_NOT_PERMITTED"
        errors.add(code, (*_CREATE, ("status", None)))
    if not body.campaign:
        errors.raise_any()
    campaign = _campaign(tx, body.campaign)
    kind = _type(body, campaign, errors)
    names = AdGroupNames.of(tx)
    _check(body, None, errors, _CREATE, campaign=campaign, names=names)
    _check_limit(names.count(campaign), campaign, errors)
    errors.raise_any()
    ad_group = AdGroup(
        campaign=campaign,
        ad_group_id=tx.world.next_id(),
        name=body.name,
        status=body.status or ENABLED,
        type=kind,
        body=_kept(body, campaign),
        created_at=tx.now,
    )
    tx.account.ad_groups[ad_group.ad_group_id] = ad_group
    tx.on_undo(ad_group, tx.account.ad_groups.pop, ad_group.ad_group_id)
    names.take(tx, ad_group)
    if body.resource_name:
        tx.promise(body.resource_name, ad_group, ad_group.resource_name)
    return ad_group


def _campaign(tx: Transaction, name: str) -> Campaign:
    at: Path = (*_CREATE, ("campaign", None))
    if name.rpartition("/")[2] == "0":
        # What Google's sample of partial failures shows for a campaign 0.
        raise OperationRefusedError(ApiError(code="RangeError.TOO_LOW", path=at, message="Too low."))
    campaign: Campaign = referenced(tx, name, "campaign", at)
    return campaign


def _type(body: Message, campaign: Campaign, errors: Errors) -> str:
    """The ad group's type, the usual one of its channel when none is given."""
    at = (*_CREATE, ("type", None))
    channel = campaign.channel_type
    if channel in _WITHOUT_AD_GROUPS:
        errors.add("AdGroupError.CANNOT_ADD_AD_GROUP_FOR_CAMPAIGN_TYPE", (*_CREATE, ("campaign", None)))
        return ""
    allowed = _TYPES.get(channel, ())
    if not body.type_:
        return allowed[0] if allowed else "UNSPECIFIED"
    kind = enum_name("AdGroupType", body.type_)
    if kind not in allowed:
        errors.add("AdGroupError.AD_GROUP_TYPE_NOT_VALID_FOR_ADVERTISING_CHANNEL_TYPE", at, trigger=kind)
    elif kind == "SEARCH_DYNAMIC_ADS" and not (
        campaign.body is not None and campaign.body.HasField("dynamic_search_ads_setting")
    ):
        errors.add("AdGroupError.CANNOT_ADD_ADGROUP_OF_TYPE_DSA_TO_CAMPAIGN_WITHOUT_DSA_SETTING", at)
    return kind


def _check(
    body: Message, before: Message, errors: Errors, path: Path, *, campaign: Campaign, names: AdGroupNames
) -> None:
    if before is None or body.name != before.name:
        at = (*path, ("name", None))
        check_name(body.name, errors, at, invalid="AdGroupError.INVALID_ADGROUP_NAME")
        if names.taken(campaign, body.name):
            message = "AdGroup with the same name already exists for the campaign."
            errors.add("AdGroupError.DUPLICATE_ADGROUP_NAME", at, message=message, trigger=body.name)
    unit = smallest_unit_micros(campaign.account.currency_code)
    for name in _BIDS:
        bid, code = getattr(body, name), ""
        if bid < 0:
            code = "RangeError.TOO_LOW"
        elif bid > _LARGEST_BID:
            code = "AdGroupError.BID_TOO_BIG"
        elif bid % unit:
            code = "BiddingError.BID_TOO_MANY_FRACTIONAL_DIGITS"
        if code:
            errors.add(code, (*path, (name, None)), trigger=str(bid))
    check_url_settings(body, errors, path)
    check_parameters(body, errors, path)


def _check_limit(present: int, campaign: Campaign, errors: Errors) -> None:
    if present >= _MAX_AD_GROUPS:
        details = resource_count_details(
            enclosing_id=campaign.campaign_id,
            limit=_MAX_AD_GROUPS,
            limit_type=enum_values("ResourceLimitType")["AD_GROUPS_PER_CAMPAIGN"],
            existing=present,
        )
        errors.add("ResourceCountLimitExceededError.CAMPAIGN_LIMIT", _CREATE, details=details)


def _kept(body: Message, campaign: Campaign) -> Message:
    kept = type(body)()
    kept.CopyFrom(body)
    for name in _NOT_IN_BODY:
        kept.ClearField(name)
    if not kept.ad_rotation_mode:
        kept.ad_rotation_mode = enum_values("AdGroupAdRotationMode")["OPTIMIZE"]
    if campaign.body is None or campaign.body.HasField("manual_cpc"):
        if not kept.cpc_bid_micros:
            kept.cpc_bid_micros = smallest_unit_micros(campaign.account.currency_code)
        kept.effective_cpc_bid_micros = kept.cpc_bid_micros
    return kept


def _update(tx: Transaction, operation: Message) -> AdGroup:
    at = (*_UPDATE, ("resource_name", None))
    ad_group: AdGroup = referenced(tx, operation.update.resource_name, "ad_group", at)
    if ad_group.campaign.status == REMOVED:
        raise OperationRefusedError(ApiError(code=_REFUSED_REMOVED, path=at))
    before = ad_group.message()
    body = merged(operation, before, field_rules("resources.AdGroup"))
    errors = Errors()
    check_enums(operation.update, errors, _UPDATE)
    if body.status not in {ENABLED, PAUSED} and not errors.found:
        errors.add("AdGroupError.INVALID_STATUS", (*_UPDATE, ("status", None)))
    names = AdGroupNames.of(tx)
    _check(body, before, errors, _UPDATE, campaign=ad_group.campaign, names=names)
    errors.raise_any()
    changes: dict[str, Any] = {"status": body.status}
    if body.name != ad_group.name:
        tx.change(ad_group, "name", body.name)
        names.leave(tx, ad_group, before.name)
        names.take(tx, ad_group)
    kept = _kept(body, ad_group.campaign)
    if ad_group.body is not None or kept != _kept(before, ad_group.campaign):
        changes["body"] = kept
    for name, value in changes.items():
        if getattr(ad_group, name) != value:
            tx.change(ad_group, name, value)
    return ad_group


def _remove(tx: Transaction, operation: Message) -> AdGroup:
    at = (("remove", None),)
    ad_group: AdGroup = existing(tx, operation.remove, "ad_group", at)
    if ad_group.status == REMOVED:
        raise OperationRefusedError(ApiError(code=_REFUSED_REMOVED, path=at, trigger=operation.remove))
    names = AdGroupNames.of(tx)
    tx.change(ad_group, "status", REMOVED)
    names.leave(tx, ad_group, ad_group.name)
    return ad_group


AD_GROUPS = Resource(
    name="ad_group",
    service="AdGroupService",
    method="MutateAdGroups",
    create=_create,
    update=_update,
    remove=_remove,
)
