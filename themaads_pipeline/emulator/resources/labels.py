"""Labels of an account."""

from themaads_pipeline.emulator.entities import LABEL_ENABLED, LABEL_REMOVED, Ad, AdGroup, Label
from themaads_pipeline.emulator.failures import ApiError, OperationRefusedError, Path
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.field_masks import checked_paths
from themaads_pipeline.emulator.transactions import Transaction, not_found

_MAX_NAME = 80


def _check_name(tx: Transaction, name: str, path: Path, *, own: Label | None = None) -> None:
    if not 1 <= len(name) <= _MAX_NAME:
        code = "StringLengthError.TOO_LONG" if name else "LabelError.INVALID_LABEL_NAME"
        raise OperationRefusedError(ApiError(code=code, path=path, trigger=name))
    if any(
        label.name == name and label.status == LABEL_ENABLED and label is not own
        for label in tx.account.labels.values()
    ):
        raise OperationRefusedError(
            ApiError(
                code="LabelError.DUPLICATE_NAME",
                path=path,
                message="Label names must be unique.",
                trigger=name,
            )
        )


def _create(tx: Transaction, operation: Message) -> Label:
    message = operation.create
    _check_name(tx, message.name, (("create", None), ("name", None)))
    label = Label(account=tx.account, label_id=tx.world.next_id(), name=message.name, created_at=tx.now)
    if message.HasField("text_label"):
        label.text_label = message_class("common.TextLabel")()
        label.text_label.CopyFrom(message.text_label)
    tx.account.labels[label.label_id] = label
    tx.on_undo(label, tx.account.labels.pop, label.label_id)
    if message.resource_name:
        tx.temporary[message.resource_name] = label.resource_name
    return label


def _update(tx: Transaction, operation: Message) -> Label:
    paths = checked_paths(
        operation, ["name", "text_label", "text_label.background_color", "text_label.description"]
    )
    label = find_label(tx, operation.update.resource_name, (("update", None), ("resource_name", None)))
    if "name" in paths:
        _check_name(tx, operation.update.name, (("update", None), ("name", None)), own=label)
        tx.change(label, "name", operation.update.name)
    if any(path.startswith("text_label") for path in paths):
        text_label = message_class("common.TextLabel")()
        text_label.CopyFrom(operation.update.text_label)
        tx.change(label, "text_label", text_label)
    return label


def _remove(tx: Transaction, operation: Message) -> Label:
    label = find_label(tx, operation.remove, (("remove", None),))
    tx.change(label, "status", LABEL_REMOVED)
    holders: list[Ad | AdGroup] = [*tx.account.ads.values(), *tx.account.ad_groups.values()]
    for holder in holders:
        if label in holder.labels:
            tx.change(holder, "labels", tuple(other for other in holder.labels if other is not label))
    return label


def find_label(tx: Transaction, name: str, path: Path) -> Label:
    """A label of this account that is not removed.

    Raises:
        OperationRefusedError: There is none of that name; one of another account is not found either.
    """
    (label_id,) = tx.ids(name, "labels", path)
    label = tx.account.labels.get(label_id)
    if label is None or label.status == LABEL_REMOVED:
        raise not_found(path, name)
    return label


LABELS = Resource(
    name="label",
    service="LabelService",
    method="MutateLabels",
    create=_create,
    update=_update,
    remove=_remove,
)
