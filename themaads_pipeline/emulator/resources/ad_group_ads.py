"""Ads in ad groups: creation with every rule an RSA has, status changes, removal."""

from functools import cache

from themaads_pipeline.emulator.entities import ENABLED, PAUSED, REMOVED, Ad, AdGroup
from themaads_pipeline.emulator.failures import (
    ApiError,
    Errors,
    OperationRefusedError,
    Path,
    resource_count_details,
)
from themaads_pipeline.emulator.messages import Message, enum_values
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.ad_contents import judged, rsa_rules
from themaads_pipeline.emulator.resources.field_masks import checked_paths
from themaads_pipeline.emulator.transactions import Transaction, not_found

_MAX_ENABLED_RSAS, _MAX_ADS = 3, 50
_CREATE: Path = (("create", None),)
_AD: Path = (*_CREATE, ("ad", None))
_AD_GROUP: Path = (*_CREATE, ("ad_group", None))
# Ads of other types than RSAs: what nobody can create any more, and what no search ad group takes.
_WRONG_TYPE = "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_AD_GROUP_TYPE"
_REFUSED_TYPES = {
    None: "AdGroupAdError.EMPTY_FIELD",
    "text_ad": "AdGroupAdError.CANNOT_CREATE_TEXT_ADS",
    "expanded_text_ad": "AdGroupAdError.CANNOT_CREATE_DEPRECATED_ADS",
    "expanded_dynamic_search_ad": "AdGroupAdError.CANNOT_CREATE_DEPRECATED_ADS",
    "legacy_responsive_display_ad": "AdGroupAdError.CANNOT_CREATE_DEPRECATED_ADS",
    "legacy_app_install_ad": "AdGroupAdError.CANNOT_CREATE_DEPRECATED_ADS",
}
_REFUSED_REMOVED = "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"


@cache
def rsa_type() -> int:
    return enum_values("AdType")["RESPONSIVE_SEARCH_AD"]


def _create(tx: Transaction, operation: Message) -> Ad:
    message = operation.create
    ad_group = _open_ad_group(tx, message.ad_group)
    ad = message.ad
    errors = Errors()
    kind = ad.WhichOneof("ad_data")
    if kind != "responsive_search_ad":
        raise OperationRefusedError(ApiError(code=_REFUSED_TYPES.get(kind, _WRONG_TYPE), path=_AD))
    if ad.resource_name:
        errors.add("AdGroupAdError.AD_SHARING_NOT_ALLOWED", (*_AD, ("resource_name", None)))
    status = message.status or ENABLED
    if status not in {ENABLED, PAUSED}:
        errors.add(_status_problem(status), (*_CREATE, ("status", None)))
    headlines, descriptions = rsa_rules().check(ad, errors, _AD, now=tx.now, time_zone=tx.account.time_zone)
    if not errors.found:
        _check_counts(ad_group, status, errors)
    errors.raise_any()
    ad_id = tx.world.next_id()
    review = judged(tx, operation, ad, _AD, ad_id=ad_id, headlines=headlines, descriptions=descriptions)
    created = Ad(
        ad_group=ad_group,
        ad_id=ad_id,
        body=tx.world.stored_form(tx.account, ad),
        type=rsa_type(),
        status=status,
        request_id=tx.request_id,
        created_at=tx.now,
        review_until=review.until,
        policy_topics=review.topics,
        late_topics=review.late_topics,
    )
    ad_group.ads.append(created)
    tx.account.ads[created.ad_id] = created
    tx.ads_created += 1
    tx.on_undo(created, _forget, tx, created)
    if message.resource_name:
        tx.promise(message.resource_name, created, created.resource_name)
    return created


def _status_problem(status: int) -> str:
    """Why an ad cannot be created with, or set to, a status."""
    if status not in enum_values("AdGroupAdStatus").values():
        return "RequestError.INVALID_ENUM_VALUE"
    if status == REMOVED:
        return "OperationAccessDeniedError.CREATE_AS_REMOVED_NOT_PERMITTED"
    return "EnumError.ENUM_VALUE_NOT_PERMITTED"


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
    if REMOVED in (ad_group.status, ad_group.campaign.status):
        raise OperationRefusedError(ApiError(code=_REFUSED_REMOVED, path=_AD_GROUP, trigger=name))
    if ad_group.type != "SEARCH_STANDARD":
        raise OperationRefusedError(ApiError(code=_WRONG_TYPE, path=_AD_GROUP, trigger=name))
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
    enabled = sum(ad.status == ENABLED and ad.type == rsa_type() for ad in ad_group.ads)
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


def _update(tx: Transaction, operation: Message) -> Ad:
    paths = checked_paths(operation, ["status"])
    at = (("update", None), ("resource_name", None))
    ad = _find(tx, operation.update.resource_name, at)
    if ad.status == REMOVED:
        raise OperationRefusedError(
            ApiError(code="AdGroupAdError.CANNOT_OPERATE_ON_REMOVED_ADGROUPAD", path=at)
        )
    if REMOVED in {ad.ad_group.status, ad.ad_group.campaign.status}:
        raise OperationRefusedError(ApiError(code=_REFUSED_REMOVED, path=at))
    if "status" in paths:
        status = operation.update.status
        errors = Errors()
        if status not in {ENABLED, PAUSED}:
            code = "EnumError.ENUM_VALUE_NOT_PERMITTED" if status == REMOVED else _status_problem(status)
            errors.add(code, (("update", None), ("status", None)))
        elif status == ENABLED and ad.status != ENABLED and ad.type == rsa_type():
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
