"""Labels on ads and on ad groups: attached and detached, never changed."""

from dataclasses import dataclass

from themaads_pipeline.emulator.entities import REMOVED, Ad, AdGroup, Label
from themaads_pipeline.emulator.failures import ApiError, OperationRefusedError, Path, resource_count_details
from themaads_pipeline.emulator.messages import Message, enum_values
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.labels import find_label
from themaads_pipeline.emulator.transactions import Transaction, not_found

_MAX_LABELS = 50
_LABEL: Path = (("create", None), ("label", None))
_AD: Path = (("create", None), ("ad_group_ad", None))
_AD_GROUP: Path = (("create", None), ("ad_group", None))
_REMOVE: Path = (("remove", None),)


@dataclass(frozen=True, slots=True)
class Attached:
    resource_name: str


def _attach(
    tx: Transaction, holder: Ad | AdGroup, label: Label, *, exists: str, limit: str, holder_id: int
) -> None:
    if label in holder.labels:
        raise OperationRefusedError(
            ApiError(code=exists, path=(("create", None),), trigger=label.resource_name)
        )
    if len(holder.labels) >= _MAX_LABELS:
        details = resource_count_details(
            enclosing_id=holder_id,
            limit=_MAX_LABELS,
            limit_type=enum_values("ResourceLimitType")[limit],
            existing=len(holder.labels),
        )
        kind = "AD_GROUP_AD_LIMIT" if isinstance(holder, Ad) else "ADGROUP_LIMIT"
        raise OperationRefusedError(
            ApiError(
                code=f"ResourceCountLimitExceededError.{kind}", path=(("create", None),), details=details
            )
        )
    tx.change(holder, "labels", (*holder.labels, label))


def _detach(tx: Transaction, holder: Ad | AdGroup, label: Label, *, missing: str, name: str) -> None:
    if label not in holder.labels:
        raise OperationRefusedError(ApiError(code=missing, path=_REMOVE, trigger=name))
    tx.change(holder, "labels", tuple(other for other in holder.labels if other is not label))


def _refuse_removed(path: Path, name: str) -> OperationRefusedError:
    code = "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"
    return OperationRefusedError(ApiError(code=code, path=path, trigger=name))


def _ad(tx: Transaction, name: str, path: Path, ad_group_id: int, ad_id: int) -> Ad:
    ad = tx.account.ads.get(ad_id)
    if ad is None or ad.ad_group.ad_group_id != ad_group_id:
        raise not_found(path, name)
    return ad


def _create_on_ad(tx: Transaction, operation: Message) -> Attached:
    message = operation.create
    ad = _ad(tx, message.ad_group_ad, _AD, *tx.ids(message.ad_group_ad, "adGroupAds", _AD, count=2))
    label = find_label(tx, message.label, _LABEL)
    if REMOVED in {ad.status, ad.ad_group.status}:
        raise _refuse_removed(_AD, message.ad_group_ad)
    _attach(
        tx,
        ad,
        label,
        exists="AdGroupAdError.AD_GROUP_AD_LABEL_ALREADY_EXISTS",
        limit="LABELS_PER_AD_GROUP_AD",
        holder_id=ad.ad_id,
    )
    account, group = tx.account.customer_id, ad.ad_group.ad_group_id
    return Attached(f"customers/{account}/adGroupAdLabels/{group}~{ad.ad_id}~{label.label_id}")


def _remove_from_ad(tx: Transaction, operation: Message) -> Attached:
    name = operation.remove
    ad_group_id, ad_id, label_id = tx.ids(name, "adGroupAdLabels", _REMOVE, count=3)
    ad, label = _ad(tx, name, _REMOVE, ad_group_id, ad_id), tx.account.labels.get(label_id)
    if label is None:
        raise not_found(_REMOVE, name)
    _detach(tx, ad, label, missing="AdGroupAdError.AD_GROUP_AD_LABEL_DOES_NOT_EXIST", name=name)
    return Attached(name)


def _create_on_ad_group(tx: Transaction, operation: Message) -> Attached:
    message = operation.create
    (ad_group_id,) = tx.ids(message.ad_group, "adGroups", _AD_GROUP)
    ad_group = tx.account.ad_groups.get(ad_group_id)
    if ad_group is None:
        raise not_found(_AD_GROUP, message.ad_group)
    label = find_label(tx, message.label, _LABEL)
    if ad_group.status == REMOVED:
        raise _refuse_removed(_AD_GROUP, message.ad_group)
    _attach(
        tx,
        ad_group,
        label,
        exists="AdGroupError.ADGROUP_LABEL_ALREADY_EXISTS",
        limit="LABELS_PER_AD_GROUP",
        holder_id=ad_group_id,
    )
    return Attached(f"customers/{tx.account.customer_id}/adGroupLabels/{ad_group_id}~{label.label_id}")


def _remove_from_ad_group(tx: Transaction, operation: Message) -> Attached:
    name = operation.remove
    ad_group_id, label_id = tx.ids(name, "adGroupLabels", _REMOVE, count=2)
    ad_group, label = tx.account.ad_groups.get(ad_group_id), tx.account.labels.get(label_id)
    if ad_group is None or label is None:
        raise not_found(_REMOVE, name)
    _detach(tx, ad_group, label, missing="AdGroupError.ADGROUP_LABEL_DOES_NOT_EXIST", name=name)
    return Attached(name)


AD_GROUP_AD_LABELS = Resource(
    name="ad_group_ad_label",
    service="AdGroupAdLabelService",
    method="MutateAdGroupAdLabels",
    create=_create_on_ad,
    remove=_remove_from_ad,
    returns_resource=False,
)
AD_GROUP_LABELS = Resource(
    name="ad_group_label",
    service="AdGroupLabelService",
    method="MutateAdGroupLabels",
    create=_create_on_ad_group,
    remove=_remove_from_ad_group,
    returns_resource=False,
)
