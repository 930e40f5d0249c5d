"""Labels of an account, and which labels something bears."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from themaads_pipeline.emulator.entities import LABEL_ENABLED, LABEL_REMOVED, Account, Document, Label
from themaads_pipeline.emulator.failures import Errors, Path
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.field_masks import checked_paths, merge
from themaads_pipeline.emulator.transactions import Transaction, not_found

_MAX_NAME, _MAX_DESCRIPTION = 80, 200
_COLOUR = re.compile(r"#([a-fA-F0-9]{6}|[a-fA-F0-9]{3})")
_MUTABLE = ("name", "text_label.background_color", "text_label.description")
Holder = Any  # a Campaign, AdGroup or Ad, an Account, or the Document of a criterion


def _check(tx: Transaction, label: Message, errors: Errors, path: Path, *, own: Label | None = None) -> None:
    name = label.name
    at = (*path, ("name", None))
    if not name:
        errors.add("LabelError.INVALID_LABEL_NAME", at)
    elif len(name) > _MAX_NAME:
        errors.add("StringLengthError.TOO_LONG", at, message="Too long.", trigger=name)
    elif any(
        other.name == name and other.status == LABEL_ENABLED and other is not own
        for other in tx.account.labels.values()
    ):
        errors.add("LabelError.DUPLICATE_NAME", at, message="Label names must be unique.", trigger=name)
    text = label.text_label
    at = (*path, ("text_label", None))
    if text.background_color and not _COLOUR.fullmatch(text.background_color):
        colour = text.background_color
        errors.add("StringFormatError.INVALID_FORMAT", (*at, ("background_color", None)), trigger=colour)
    if len(text.description) > _MAX_DESCRIPTION:
        errors.add("StringLengthError.TOO_LONG", (*at, ("description", None)), trigger=text.description)


def _create(tx: Transaction, operation: Message) -> Label:
    message = operation.create
    errors = Errors()
    _check(tx, message, errors, (("create", None),))
    errors.raise_any()
    label = Label(account=tx.account, label_id=tx.world.next_id(), name=message.name, created_at=tx.now)
    if message.HasField("text_label"):
        label.text_label = message_class("common.TextLabel")()
        label.text_label.CopyFrom(message.text_label)
    tx.account.labels[label.label_id] = label
    tx.on_undo(label, tx.account.labels.pop, label.label_id)
    if message.resource_name:
        tx.promise(message.resource_name, label, label.resource_name)
    return label


def _update(tx: Transaction, operation: Message) -> Label:
    path: Path = (("update", None),)
    paths = checked_paths(operation, _MUTABLE)
    label = find_label(tx, operation.update.resource_name, (*path, ("resource_name", None)))
    changed = label.message()
    merge(operation.update, changed, [name for name in paths if name != "resource_name"])
    errors = Errors()
    _check(tx, changed, errors, path, own=label)
    errors.raise_any()
    if changed.name != label.name:
        tx.change(label, "name", changed.name)
    if any(name.startswith("text_label") for name in paths):
        text_label = message_class("common.TextLabel")()
        text_label.CopyFrom(changed.text_label)
        tx.change(label, "text_label", text_label)
    return label


def _remove(tx: Transaction, operation: Message) -> Label:
    label = find_label(tx, operation.remove, (("remove", None),))
    tx.change(label, "status", LABEL_REMOVED)
    for holder in _holders(tx.account):
        if label in labels_on(holder):
            take_label(tx, holder, label)
    return label


def _holders(account: Account) -> Iterable[Holder]:
    yield from account.campaigns.values()
    yield from account.ad_groups.values()
    yield from account.ads.values()
    yield from account.documents.get("ad_group_criterion", {}).values()
    if account.manager:
        yield from accounts_below(account)


def accounts_below(account: Account) -> list[Account]:
    """The account itself and all that it manages, at any distance, once each."""
    found = {account.customer_id: account}
    waiting = [account]
    for manager in waiting:
        new = [client for client in manager.clients if client.customer_id not in found]
        found.update((client.customer_id, client) for client in new)
        waiting.extend(new)
    return list(found.values())


def labels_on(holder: Holder) -> tuple[Label, ...]:
    """The labels that something bears."""
    if isinstance(holder, Account):
        return holder.applied_labels
    if isinstance(holder, Document):
        labels = holder.account.labels
        return tuple(labels[int(name.rpartition("/")[2])] for name in holder.body.labels)
    labels_: tuple[Label, ...] = holder.labels
    return labels_


@dataclass(frozen=True, slots=True)
class Attached:
    """The link between a label and what bears it, as an answer names it."""

    resource_name: str


def give_label(tx: Transaction, holder: Holder, label: Label) -> None:
    _set_labels(tx, holder, (*labels_on(holder), label))


def take_label(tx: Transaction, holder: Holder, label: Label) -> None:
    _set_labels(tx, holder, tuple(other for other in labels_on(holder) if other is not label))


def _set_labels(tx: Transaction, holder: Holder, labels: tuple[Label, ...]) -> None:
    if isinstance(holder, Document):
        body = type(holder.body)()
        body.CopyFrom(holder.body)
        del body.labels[:]
        body.labels.extend([label.resource_name for label in labels])
        tx.change(holder, "body", body)
    else:
        tx.change(holder, "applied_labels" if isinstance(holder, Account) else "labels", labels)


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
