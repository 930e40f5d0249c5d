"""Follows a resource name to what it names, in the account at hand."""

import re
from typing import Any

from themaads_pipeline.emulator.entities import REMOVED, Account, Ad, AdGroup, Campaign
from themaads_pipeline.emulator.failures import ApiError, OperationRefusedError, Path
from themaads_pipeline.emulator.field_rules import field_rules, resource_message
from themaads_pipeline.emulator.resources.labels import find_label
from themaads_pipeline.emulator.transactions import Transaction, not_found

_ENDING = re.compile(r"~[A-Z][A-Z_]*$")
Target = Any  # a Campaign, AdGroup, Ad, Label or Document, by the resource asked for


def referenced(tx: Transaction, name: str, resource: str, path: Path) -> Target:
    """The entity behind a name; `resource` is what GoogleAdsRow calls the kind: campaign, campaign_budget.

    Raises:
        OperationRefusedError: Nothing of that name, malformed, of another account, or removed.
    """
    if resource == "label":
        return find_label(tx, name, path)
    target = existing(tx, name, resource, path)
    if is_removed(target):
        code = "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"
        raise OperationRefusedError(ApiError(code=code, path=path, trigger=name))
    return target


def existing(tx: Transaction, name: str, resource: str, path: Path) -> Target:
    """As `referenced`, removed ones included."""
    real = tx.real_name(name, path)
    found = _entities(tx.account, resource).get(real)
    if found is None:
        collection = field_rules(resource_message(resource)).collection
        numeric = _ENDING.sub("", real)  # a link to an asset is named after its field as well: 1~2~SITELINK
        tx.ids(numeric, collection, path, count=numeric.count("~") + 1)
        raise not_found(path, name)
    return found


def is_removed(target: Target) -> bool:
    if isinstance(target, Ad | AdGroup | Campaign):
        return target.status == REMOVED
    field = target.body.DESCRIPTOR.fields_by_name.get("status")
    if field is None or field.enum_type is None:
        return False
    value = field.enum_type.values_by_number.get(target.body.status)
    return value is not None and value.name == "REMOVED"


class _ByName:
    """Compact entities by resource name: they are kept by id, in their own dictionaries."""

    def __init__(self, entities: dict[int, Any]) -> None:
        self._entities = entities

    def get(self, name: str) -> Any:
        number = name.rpartition("/")[2].rpartition("~")[2]
        found = self._entities.get(int(number)) if number.isdecimal() and len(number) < 20 else None
        return found if found is not None and found.resource_name == name else None


def _entities(account: Account, resource: str) -> Any:
    match resource:
        case "campaign":
            return _ByName(account.campaigns)
        case "ad_group":
            return _ByName(account.ad_groups)
        case "ad_group_ad":
            return _ByName(account.ads)
    return account.documents.get(resource, {})
