"""Labels on campaigns, ad groups, ads and criteria: attached and detached, never changed."""

from dataclasses import dataclass, replace
from functools import partial

from themaads_pipeline.emulator.entities import LABEL_REMOVED, REMOVED, Ad, Document, Label
from themaads_pipeline.emulator.failures import ApiError, OperationRefusedError, Path, resource_count_details
from themaads_pipeline.emulator.field_rules import field_rules, resource_message
from themaads_pipeline.emulator.messages import Message, enum_values
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.customer_labels import managers_of
from themaads_pipeline.emulator.resources.labels import (
    Attached,
    Holder,
    find_label,
    give_label,
    labels_on,
    take_label,
)
from themaads_pipeline.emulator.resources.references import existing, is_removed
from themaads_pipeline.emulator.transactions import Transaction, not_found

_MAX_LABELS = 50
_CREATE: Path = (("create", None),)
_REMOVE: Path = (("remove", None),)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledKind:
    """One kind of thing that labels are attached to: `holder` is what GoogleAdsRow calls it."""

    holder: str
    service: str
    method: str
    errors: str  # `Kind.PREFIX` of ..._LABEL_ALREADY_EXISTS and ..._LABEL_DOES_NOT_EXIST
    limit: str  # the ResourceLimitType
    limit_error: str
    parts: int = 2  # how many ids a link's name has

    @property
    def name(self) -> str:
        return f"{self.holder}_label"

    @property
    def collection(self) -> str:
        return field_rules(resource_message(self.name)).collection

    def resource(self) -> Resource:
        return Resource(
            name=self.name,
            service=self.service,
            method=self.method,
            create=partial(_attach, self),
            remove=partial(_detach, self),
            returns_resource=False,
        )


def _attach(kind: LabelledKind, tx: Transaction, operation: Message) -> Attached:
    message = operation.create
    holder, label = _holder(kind, tx, message), _own_label(tx, message.label)
    if label in labels_on(holder):
        code = f"{kind.errors}_LABEL_ALREADY_EXISTS"
        raise OperationRefusedError(ApiError(code=code, path=_CREATE, trigger=label.resource_name))
    present = len(labels_on(holder))
    if present >= _MAX_LABELS:
        details = resource_count_details(
            enclosing_id=int(holder.resource_name.rpartition("/")[2].rpartition("~")[2]),
            limit=_MAX_LABELS,
            limit_type=enum_values("ResourceLimitType")[kind.limit],
            existing=present,
        )
        code = f"ResourceCountLimitExceededError.{kind.limit_error}"
        raise OperationRefusedError(ApiError(code=code, path=_CREATE, details=details))
    give_label(tx, holder, label)
    ids = f"{holder.resource_name.rpartition('/')[2]}~{label.label_id}"
    return Attached(f"customers/{tx.account.customer_id}/{kind.collection}/{ids}")


def _holder(kind: LabelledKind, tx: Transaction, message: Message) -> Holder:
    at: Path = (*_CREATE, (kind.holder, None))
    name = getattr(message, kind.holder)
    holder = existing(tx, name, kind.holder, at)
    code = ""
    if is_removed(holder) or (isinstance(holder, Ad) and holder.ad_group.status == REMOVED):
        code = "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"
        if isinstance(holder, Document):
            code = "LabelError.CANNOT_APPLY_LABEL_TO_DISABLED_AD_GROUP_CRITERION"
    elif isinstance(holder, Document) and holder.body.negative:
        code = "LabelError.CANNOT_APPLY_LABEL_TO_NEGATIVE_AD_GROUP_CRITERION"
    if code:
        raise OperationRefusedError(ApiError(code=code, path=at, trigger=name))
    return holder


def _own_label(tx: Transaction, name: str) -> Label:
    """A label of the account itself: a manager's label says why it cannot be used, any other is not found."""
    kept: Label | None = tx.kept.get(("label", name))
    if kept is not None and kept.status != LABEL_REMOVED:
        return kept
    at: Path = (*_CREATE, ("label", None))
    try:
        found = tx.kept["label", name] = find_label(tx, name, at)
    except OperationRefusedError as refused:
        above = (label for manager in managers_of(tx.account) for label in manager.labels.values())
        if tx.account.manager or not any(label.resource_name == name for label in above):
            raise
        code = "LabelError.INVALID_RESOURCE_FOR_MANAGER_LABEL"
        raise OperationRefusedError(replace(refused.errors[0], code=code, message="")) from refused
    return found


def _detach(kind: LabelledKind, tx: Transaction, operation: Message) -> Attached:
    name = operation.remove
    *parents, number = tx.ids(name, kind.collection, _REMOVE, count=kind.parts)
    collection = field_rules(resource_message(kind.holder)).collection
    start = f"customers/{tx.account.customer_id}/{collection}"
    holder = existing(tx, f"{start}/{'~'.join(map(str, parents))}", kind.holder, _REMOVE)
    label = tx.account.labels.get(number)
    if label is None:
        raise not_found(_REMOVE, name)
    if label not in labels_on(holder):
        code = f"{kind.errors}_LABEL_DOES_NOT_EXIST"
        raise OperationRefusedError(ApiError(code=code, path=_REMOVE, trigger=name))
    take_label(tx, holder, label)
    return Attached(name)


_KINDS = (
    LabelledKind(
        holder="campaign",
        service="CampaignLabelService",
        method="MutateCampaignLabels",
        errors="CampaignError.CAMPAIGN",
        limit="LABELS_PER_CAMPAIGN",
        limit_error="CAMPAIGN_LIMIT",
    ),
    LabelledKind(
        holder="ad_group",
        service="AdGroupLabelService",
        method="MutateAdGroupLabels",
        errors="AdGroupError.ADGROUP",
        limit="LABELS_PER_AD_GROUP",
        limit_error="ADGROUP_LIMIT",
    ),
    LabelledKind(
        holder="ad_group_ad",
        service="AdGroupAdLabelService",
        method="MutateAdGroupAdLabels",
        errors="AdGroupAdError.AD_GROUP_AD",
        limit="LABELS_PER_AD_GROUP_AD",
        limit_error="AD_GROUP_AD_LIMIT",
        parts=3,
    ),
    LabelledKind(
        holder="ad_group_criterion",
        service="AdGroupCriterionLabelService",
        method="MutateAdGroupCriterionLabels",
        errors="AdGroupCriterionError.AD_GROUP_CRITERION",
        limit="LABELS_PER_AD_GROUP_CRITERION",
        limit_error="AD_GROUP_CRITERION_LIMIT",
        parts=3,
    ),
)
ATTACHED_LABELS = tuple(kind.resource() for kind in _KINDS)
