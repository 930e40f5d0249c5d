"""Labels of a manager on the customers below it."""

from themaads_pipeline.emulator.entities import LABEL_REMOVED, Account, Label
from themaads_pipeline.emulator.failures import ApiError, OperationRefusedError, Path
from themaads_pipeline.emulator.messages import Message
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.labels import Attached, find_label, give_label, take_label
from themaads_pipeline.emulator.transactions import Transaction, not_found

_LABEL: Path = (("create", None), ("label", None))
_REMOVE: Path = (("remove", None),)


def managers_of(account: Account) -> list[Account]:
    """The account itself when it is a manager, and all managers above it, once each."""
    found = {account.customer_id: account} if account.manager else {}
    for above in account.managers:
        found.update({manager.customer_id: manager for manager in managers_of(above)})
    return list(found.values())


def _link(account: Account, label: Label) -> Attached:
    return Attached(f"customers/{account.customer_id}/customerLabels/{label.label_id}")


def _create(tx: Transaction, operation: Message) -> Attached:
    """The label's own customer id is not looked at, as Google says; the link's name may stand for it."""
    message = operation.create
    name = message.label or message.resource_name
    if not name:
        raise OperationRefusedError(ApiError(code="FieldError.REQUIRED", path=_LABEL))
    label = _managers_label(tx, name)
    if label in tx.account.applied_labels:
        code = "MutateError.RESOURCE_ALREADY_EXISTS"
        raise OperationRefusedError(ApiError(code=code, path=(("create", None),), trigger=name))
    give_label(tx, tx.account, label)
    return _link(tx.account, label)


def _managers_label(tx: Transaction, name: str) -> Label:
    number = name.rpartition("/")[2]
    if number.isdecimal() and len(number) < 20:
        for manager in managers_of(tx.account):
            found = manager.labels.get(int(number))
            if found is not None and found.status != LABEL_REMOVED:
                return found
    find_label(tx, name, _LABEL)
    code = "LabelError.CANNOT_ATTACH_NON_MANAGER_LABEL_TO_CUSTOMER"
    raise OperationRefusedError(ApiError(code=code, path=_LABEL, trigger=name))


def _remove(tx: Transaction, operation: Message) -> Attached:
    (number,) = tx.ids(operation.remove, "customerLabels", _REMOVE)
    for label in tx.account.applied_labels:
        if label.label_id == number:
            take_label(tx, tx.account, label)
            return _link(tx.account, label)
    raise not_found(_REMOVE, operation.remove)


CUSTOMER_LABELS = Resource(
    name="customer_label",
    service="CustomerLabelService",
    method="MutateCustomerLabels",
    create=_create,
    remove=_remove,
    returns_resource=False,
)
