"""Campaigns: created, changed and removed. A removed campaign keeps its ad groups, which serve no more."""

from typing import Any

from themaads_pipeline.emulator.ad_urls import check_parameters, check_url_settings
from themaads_pipeline.emulator.entities import (
    ENABLED,
    PAUSED,
    REMOVED,
    Account,
    Campaign,
    Document,
    usual_campaign,
)
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
from themaads_pipeline.emulator.resources.campaign_budgets import budget_problem, follow_campaign
from themaads_pipeline.emulator.resources.campaign_dates import check_dates
from themaads_pipeline.emulator.resources.entity_names import check_name
from themaads_pipeline.emulator.resources.enums_given import check_enums
from themaads_pipeline.emulator.resources.field_masks import merged
from themaads_pipeline.emulator.resources.references import existing, referenced
from themaads_pipeline.emulator.transactions import Transaction

_CREATE: Path = (("create", None),)
_UPDATE: Path = (("update", None),)
_MAX_CAMPAIGNS = 10_000
_BIDDING = "campaign_bidding_strategy"
# What an attribute of the entity holds, and what follows from elsewhere, is no part of its body.
_NOT_IN_BODY = (
    "resource_name",
    "id",
    "name",
    "status",
    "experiment_type",
    "advertising_channel_type",
    "start_date_time",
    "end_date_time",
    "labels",
    "base_campaign",
    "serving_status",
    "primary_status",
    "primary_status_reasons",
)


def _create(tx: Transaction, operation: Message) -> Campaign:
    body = message_class("resources.Campaign")()
    body.CopyFrom(operation.create)
    for name in field_rules("resources.Campaign").output_only:
        body.ClearField(name)
    errors = Errors()
    check_enums(body, errors, _CREATE)
    _check_given(body, errors)
    errors.raise_any()
    if body.status == REMOVED:
        code = "OperationAccessDeniedError.CREATE_AS_REMOVED_NOT_PERMITTED"
        errors.add(code, (*_CREATE, ("status", None)))
    channel = enum_name("AdvertisingChannelType", body.advertising_channel_type)
    _fill_in(body, channel)
    _check(tx, body, None, errors, _CREATE)
    _check_limit(tx.account, errors)
    errors.raise_any()
    campaign = Campaign(
        account=tx.account,
        campaign_id=tx.world.next_id(),
        name=body.name,
        status=body.status or ENABLED,
        channel_type=channel,
        start_date_time=body.start_date_time,
        end_date_time=body.end_date_time,
        body=_kept(body),
        created_at=tx.now,
    )
    tx.account.campaigns[campaign.campaign_id] = campaign
    tx.on_undo(campaign, tx.account.campaigns.pop, campaign.campaign_id)
    follow_campaign(tx, campaign, "")
    if body.resource_name:
        tx.promise(body.resource_name, campaign, campaign.resource_name)
    return campaign


def _check_given(body: Message, errors: Errors) -> None:
    needed = ("name", "advertising_channel_type", "campaign_budget", "contains_eu_political_advertising")
    missing = [name for name in needed if not getattr(body, name)]
    if body.WhichOneof(_BIDDING) is None:
        missing.append(_BIDDING)
    message = "The required field was not present."
    for name in missing:
        errors.add("FieldError.REQUIRED", (*_CREATE, (name, None)), message=message)


def _fill_in(body: Message, channel: str) -> None:
    """What Google fills in where a creation says nothing."""
    usual = usual_campaign(channel)
    for name in ("ad_serving_optimization_status", "payment_mode"):
        if not getattr(body, name):
            setattr(body, name, getattr(usual, name))
    for name in ("network_settings", "geo_target_type_setting"):
        if not body.HasField(name):
            getattr(body, name).CopyFrom(getattr(usual, name))
    networks = body.network_settings
    for field in networks.DESCRIPTOR.fields:
        if field.name in _NETWORKS and not networks.HasField(field.name):
            setattr(networks, field.name, False)


_NETWORKS = (
    "target_google_search",
    "target_search_network",
    "target_content_network",
    "target_partner_search_network",
)


def _check(tx: Transaction, body: Message, before: Message, errors: Errors, path: Path) -> None:
    """The rules that hold after a creation and after an update; `body` is the whole campaign."""
    account = tx.account
    channel = enum_name("AdvertisingChannelType", body.advertising_channel_type)
    if before is None or body.name != before.name:
        at = (*path, ("name", None))
        check_name(body.name, errors, at, invalid="CampaignError.INVALID_CAMPAIGN_NAME")
        if any(other.name == body.name and other.status != REMOVED for other in account.campaigns.values()):
            code, message = "CampaignError.DUPLICATE_CAMPAIGN_NAME", "Campaign name is already in use."
            errors.add(code, at, message=message, trigger=body.name)
    check_dates(body, before, errors, path, now=tx.now, time_zone=account.time_zone, channel=channel)
    _check_networks(body.network_settings, channel, errors, path)
    check_url_settings(body, errors, path)
    check_parameters(body, errors, path)
    _check_bidding(tx, body, errors, path)
    if before is None or body.campaign_budget != before.campaign_budget:
        _check_budget(tx, body, errors, path)


def _check_networks(networks: Message, channel: str, errors: Errors, path: Path) -> None:
    at = (*path, ("network_settings", None))
    if networks.target_partner_search_network:
        code = "CampaignError.CANNOT_TARGET_PARTNER_SEARCH_NETWORK"
        errors.add(code, (*at, ("target_partner_search_network", None)))
    if channel != "SEARCH":
        return
    if networks.target_search_network and not networks.target_google_search:
        code = "CampaignError.CANNOT_TARGET_SEARCH_NETWORK_WITHOUT_GOOGLE_SEARCH"
        errors.add(code, (*at, ("target_search_network", None)))
    if not any(getattr(networks, name) for name in _NETWORKS):
        errors.add("CampaignError.CAMPAIGN_MUST_TARGET_AT_LEAST_ONE_NETWORK", at)


def _check_bidding(tx: Transaction, body: Message, errors: Errors, path: Path) -> None:
    strategy = body.WhichOneof(_BIDDING)
    if strategy == "bidding_strategy":
        referenced(tx, body.bidding_strategy, "bidding_strategy", (*path, ("bidding_strategy", None)))
    elif strategy is None:
        errors.add("FieldError.REQUIRED", (*path, (_BIDDING, None)))
    else:
        types = enum_values("BiddingStrategyType")
        body.bidding_strategy_type = types.get(strategy.upper(), types["UNKNOWN"])
        statuses = enum_values("BiddingStrategySystemStatus")
        body.bidding_strategy_system_status = statuses["ENABLED"]


def _check_budget(tx: Transaction, body: Message, errors: Errors, path: Path) -> None:
    at = (*path, ("campaign_budget", None))
    if not body.campaign_budget:
        errors.add("FieldError.FIELD_CANNOT_BE_CLEARED", at)
        return
    budget: Document = existing(tx, body.campaign_budget, "campaign_budget", at)
    body.campaign_budget = budget.resource_name
    if problem := budget_problem(budget, tx.account):
        errors.add(problem, at, trigger=budget.resource_name)


def _check_limit(account: Account, errors: Errors) -> None:
    if len(account.campaigns) < _MAX_CAMPAIGNS:
        return
    present = sum(campaign.status != REMOVED for campaign in account.campaigns.values())
    if present >= _MAX_CAMPAIGNS:
        details = resource_count_details(
            enclosing_id=account.customer_id,
            limit=_MAX_CAMPAIGNS,
            limit_type=enum_values("ResourceLimitType")["CAMPAIGNS_PER_CUSTOMER"],
            existing=present,
        )
        errors.add("ResourceCountLimitExceededError.ACCOUNT_LIMIT", _CREATE, details=details)


def _kept(body: Message) -> Message:
    kept = type(body)()
    kept.CopyFrom(body)
    for name in _NOT_IN_BODY:
        kept.ClearField(name)
    return kept


def _update(tx: Transaction, operation: Message) -> Campaign:
    at = (*_UPDATE, ("resource_name", None))
    campaign: Campaign = referenced(tx, operation.update.resource_name, "campaign", at)
    before = campaign.message()
    body = merged(operation, before, field_rules("resources.Campaign"))
    errors = Errors()
    check_enums(operation.update, errors, _UPDATE)
    if body.status not in {ENABLED, PAUSED} and not errors.found:
        errors.add("EnumError.ENUM_VALUE_NOT_PERMITTED", (*_UPDATE, ("status", None)))
    errors.raise_any()
    _check(tx, body, before, errors, _UPDATE)
    errors.raise_any()
    changes: dict[str, Any] = {
        name: getattr(body, name) for name in ("name", "status", "start_date_time", "end_date_time")
    }
    kept = _kept(body)
    if kept != _kept(before):
        changes["body"] = kept
    for name, value in changes.items():
        if getattr(campaign, name) != value:
            tx.change(campaign, name, value)
    follow_campaign(tx, campaign, before.campaign_budget)
    return campaign


def _remove(tx: Transaction, operation: Message) -> Campaign:
    at = (("remove", None),)
    campaign: Campaign = existing(tx, operation.remove, "campaign", at)
    if campaign.status == REMOVED:
        code = "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"
        raise OperationRefusedError(ApiError(code=code, path=at, trigger=operation.remove))
    tx.change(campaign, "status", REMOVED)
    follow_campaign(tx, campaign, campaign.body.campaign_budget if campaign.body is not None else "")
    return campaign


CAMPAIGNS = Resource(
    name="campaign",
    service="CampaignService",
    method="MutateCampaigns",
    create=_create,
    update=_update,
    remove=_remove,
)
