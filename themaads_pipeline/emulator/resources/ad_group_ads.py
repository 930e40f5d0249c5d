"""Ads in ad groups: creation with every rule an RSA has, status changes, removal."""

from functools import cache

from themaads_pipeline.emulator.ad_rules import AdRules
from themaads_pipeline.emulator.entities import ENABLED, PAUSED, REMOVED, Ad, AdGroup
from themaads_pipeline.emulator.failures import (
    ApiError,
    Errors,
    OperationRefusedError,
    Path,
    resource_count_details,
)
from themaads_pipeline.emulator.messages import Message, enum_values
from themaads_pipeline.emulator.policy import Finding, finding_details, topic_entries
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.field_masks import checked_paths
from themaads_pipeline.emulator.transactions import Transaction, not_found

_MAX_ENABLED_RSAS, _MAX_ADS = 3, 50
_CREATE: Path = (("create", None),)
_AD: Path = (*_CREATE, ("ad", None))
_RSA: Path = (*_AD, ("responsive_search_ad", None))
_AD_GROUP: Path = (*_CREATE, ("ad_group", None))
_rules = cache(AdRules)


@cache
def _rsa_type() -> int:
    return enum_values("AdType")["RESPONSIVE_SEARCH_AD"]


def _create(tx: Transaction, operation: Message) -> Ad:
    message = operation.create
    ad_group = _open_ad_group(tx, message.ad_group)
    ad = message.ad
    errors = Errors()
    if ad.WhichOneof("ad_data") != "responsive_search_ad":
        raise OperationRefusedError(
            ApiError(
                code="AdGroupAdError.CANNOT_CREATE_DEPRECATED_ADS",
                path=_AD,
                message="Only RSAs can be created here.",
            )
        )
    status = message.status or ENABLED
    if status not in {ENABLED, PAUSED}:
        errors.add("EnumError.ENUM_VALUE_NOT_PERMITTED", (*_CREATE, ("status", None)))
    headlines, descriptions = _rules().check(ad, errors, _AD, now=tx.now, time_zone=tx.account.time_zone)
    if not errors.found:
        _check_counts(ad_group, status, errors)
    errors.raise_any()
    findings = _policy_findings(tx, ad, headlines, descriptions)
    if findings:
        ignorable = set(operation.policy_validation_parameter.ignorable_policy_topics)
        refused = [found for found in findings if not (found.exemptible and found.topic in ignorable)]
        if refused:
            raise OperationRefusedError(
                ApiError(
                    code="PolicyFindingError.POLICY_FINDING",
                    path=_AD,
                    message="The resource has been disapproved since the policy summary includes policy "
                    "topics of type PROHIBITED.",
                    trigger=refused[0].evidence,
                    details=finding_details(findings),
                )
            )
    created = Ad(
        ad_group=ad_group,
        ad_id=tx.world.next_id(),
        body=tx.world.stored_form(tx.account, ad),
        type=_rsa_type(),
        status=status,
        request_id=tx.request_id,
        created_at=tx.now,
        review_until=tx.now + tx.world.profile.review_s,
        approval_status=enum_values("PolicyApprovalStatus")["DISAPPROVED"] if findings else 0,
        policy_topics=topic_entries(findings) if findings else (),
    )
    ad_group.ads.append(created)
    tx.account.ads[created.ad_id] = created
    tx.ads_created += 1
    tx.on_undo(created, _forget, tx, created)
    if message.resource_name:
        tx.temporary[message.resource_name] = created.resource_name
    return created


def _forget(tx: Transaction, ad: Ad) -> None:
    ad.ad_group.ads.remove(ad)
    del tx.account.ads[ad.ad_id]
    tx.ads_created -= 1


def _open_ad_group(tx: Transaction, name: str) -> AdGroup:
    """The ad group that ads can be added to."""
    (ad_group_id,) = tx.ids(name, "adGroups", _AD_GROUP)
    ad_group = tx.account.ad_groups.get(ad_group_id)
    if ad_group is None:
        raise not_found(_AD_GROUP, name)
    if REMOVED in {ad_group.status, ad_group.campaign.status}:
        raise OperationRefusedError(
            ApiError(
                code="OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE",
                path=_AD_GROUP,
                trigger=name,
            )
        )
    if ad_group.type != "SEARCH_STANDARD":
        raise OperationRefusedError(
            ApiError(
                code="OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_AD_GROUP_TYPE",
                path=_AD_GROUP,
                trigger=name,
            )
        )
    return ad_group


def _check_counts(ad_group: AdGroup, status: int, errors: Errors) -> None:
    present = [ad for ad in ad_group.ads if ad.status != REMOVED]
    if len(present) >= _MAX_ADS:
        _count_error(
            errors,
            _CREATE,
            ad_group,
            limit=_MAX_ADS,
            kind="TEXT_AND_OTHER_ADS_PER_AD_GROUP",
            existing=len(present),
        )
    if status == ENABLED:
        _check_enabled(ad_group, errors, _CREATE)


def _check_enabled(ad_group: AdGroup, errors: Errors, path: Path) -> None:
    enabled = sum(ad.status == ENABLED and ad.type == _rsa_type() for ad in ad_group.ads)
    if enabled >= _MAX_ENABLED_RSAS:
        _count_error(
            errors,
            path,
            ad_group,
            limit=_MAX_ENABLED_RSAS,
            kind="RESPONSIVE_SEARCH_ADS_PER_AD_GROUP",
            existing=enabled,
        )


def _count_error(
    errors: Errors, path: Path, ad_group: AdGroup, *, limit: int, kind: str, existing: int
) -> None:
    details = resource_count_details(
        enclosing_id=ad_group.ad_group_id,
        limit=limit,
        limit_type=enum_values("ResourceLimitType")[kind],
        existing=existing,
    )
    errors.add("ResourceCountLimitExceededError.ADGROUP_LIMIT", path, details=details)


def _policy_findings(
    tx: Transaction, ad: Message, headlines: list[str], descriptions: list[str]
) -> list[Finding]:
    rsa = ad.responsive_search_ad
    url = ad.final_urls[0]
    others = [*descriptions, rsa.path1, rsa.path2]
    findings = tx.world.policy.findings(headlines, others, [url, *ad.final_mobile_urls])
    if not findings and (limit := tx.world.site_limit(url)):
        moment = tx.now - tx.spread_s * (1 - tx.position)
        if throttled := tx.world.site_checks.check(url, moment, limit):
            findings.append(throttled)
    return findings


def _update(tx: Transaction, operation: Message) -> Ad:
    paths = checked_paths(operation, ["status"])
    at = (("update", None), ("resource_name", None))
    ad = _find(tx, operation.update.resource_name, at)
    if ad.status == REMOVED:
        raise OperationRefusedError(
            ApiError(code="AdGroupAdError.CANNOT_OPERATE_ON_REMOVED_ADGROUPAD", path=at)
        )
    if "status" in paths:
        status = operation.update.status
        errors = Errors()
        if status not in {ENABLED, PAUSED}:
            errors.add("EnumError.ENUM_VALUE_NOT_PERMITTED", (("update", None), ("status", None)))
        elif status == ENABLED and ad.status != ENABLED and ad.type == _rsa_type():
            _check_enabled(ad.ad_group, errors, (("update", None),))
        errors.raise_any()
        tx.change(ad, "status", status)
    return ad


def _remove(tx: Transaction, operation: Message) -> Ad:
    at = (("remove", None),)
    ad = _find(tx, operation.remove, at)
    if ad.status == REMOVED:
        raise OperationRefusedError(
            ApiError(code="AdGroupAdError.CANNOT_OPERATE_ON_REMOVED_ADGROUPAD", path=at)
        )
    tx.change(ad, "status", REMOVED)
    return ad


def _find(tx: Transaction, name: str, path: Path) -> Ad:
    ad_group_id, ad_id = tx.ids(name, "adGroupAds", path, count=2)
    ad = tx.account.ads.get(ad_id)
    if ad is None or ad.ad_group.ad_group_id != ad_group_id:
        raise not_found(path, name)
    return ad


AD_GROUP_ADS = Resource(
    name="ad_group_ad",
    service="AdGroupAdService",
    method="MutateAdGroupAds",
    create=_create,
    update=_update,
    remove=_remove,
    cost="ad",
)
