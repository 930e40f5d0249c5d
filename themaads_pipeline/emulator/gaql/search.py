"""Answers a query: finds the rows (by index where one fits), filters, orders, and copies the selected
fields.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from themaads_pipeline.emulator.entities import Account, Ad
from themaads_pipeline.emulator.gaql.conditions import value_test
from themaads_pipeline.emulator.gaql.fields import Field, find_field, resource_names
from themaads_pipeline.emulator.gaql.query import Query
from themaads_pipeline.emulator.gaql.registry import SOURCES
from themaads_pipeline.emulator.gaql.sources import AdGroupLabel, AdLabel, Source
from themaads_pipeline.emulator.gaql.tokens import query_error
from themaads_pipeline.emulator.messages import Descriptor, Message, message_class

# Read from the entity itself: building a message for each candidate row would cost more than all the rest.
_SHORTCUTS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("ad_group_ad", "ad_group_ad.status"): lambda ad: ad.status,
    ("ad_group_ad", "ad_group_ad.ad.id"): lambda ad: ad.ad_id,
    ("ad_group_ad", "ad_group_ad.ad.type"): lambda ad: ad.type,
    ("ad_group_ad", "ad_group_ad.labels"): lambda ad: [label.resource_name for label in ad.labels],
    ("ad_group", "ad_group.id"): lambda group: group.ad_group_id,
    ("ad_group", "ad_group.name"): lambda group: group.name,
    ("ad_group", "ad_group.status"): lambda group: group.status,
    ("campaign", "campaign.id"): lambda campaign: campaign.campaign_id,
    ("campaign", "campaign.name"): lambda campaign: campaign.name,
    ("campaign", "campaign.status"): lambda campaign: campaign.status,
    ("label", "label.name"): lambda label: label.name,
    ("label", "label.status"): lambda label: label.status,
}


class Search:
    """One checked query against one account.

    Raises:
        RequestRefusedError: The query is wrong; nothing has been read yet.
    """

    def __init__(self, query: Query, account: Account, *, now: float, lag_s: float = 0.0) -> None:
        if query.resource not in SOURCES:
            known = query.resource in resource_names()
            name = "PROHIBITED_RESOURCE_TYPE_IN_FROM_CLAUSE" if known else "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"
            raise query_error(name, f"invalid resource type '{query.resource}' in FROM", query.resource)
        self._query, self._account, self._now, self._lag_s = query, account, now, lag_s
        self._source: Source = SOURCES[query.resource]
        self.fields = [self._field(name, "SELECT") for name in query.fields]
        conditioned = [(condition, self._field(condition.field, "WHERE")) for condition in query.conditions]
        ordered = [(self._field(name, "ORDER_BY"), descending) for name, descending in query.order]
        for field, _ in ordered:
            if field.repeated or field.is_message:
                raise query_error(
                    "PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE", f"cannot order by '{field.name}'", field.name
                )
        self._tests = [
            (self._reader(field), value_test(condition, field)) for condition, field in conditioned
        ]
        self._order = [(self._reader(field), descending) for field, descending in ordered]
        self._messages: dict[tuple[str, int], tuple[Any, Message]] = {}
        self._plans = self._projection()

    def rows(self) -> list[Any]:
        """The entities of the answer, in order. Cheap to keep: nothing is copied before `message`."""
        with self._account.lock:
            found = [
                entity
                for entity in self._candidates()
                if all(test(read(entity)) for read, test in self._tests)
            ]
            for read, descending in reversed(self._order):
                found.sort(key=lambda entity: _sort_key(read(entity)), reverse=descending)
        return found if self._query.limit is None else found[: self._query.limit]

    def message(self, entity: Any) -> Message:
        """One GoogleAdsRow: the selected fields, and the resource names of the resources they belong to."""
        row = message_class("services.GoogleAdsRow")()
        for resource, plan in self._plans:
            source = self._resource_message(resource, entity)
            if source is None:
                continue
            target = getattr(row, resource)
            target.SetInParent()
            _copy(source, target, plan)
        return row

    def forget_messages(self) -> None:
        """Drop what was built for a page; an answer of a million rows must not hold a million messages."""
        self._messages.clear()

    def _field(self, name: str, clause: str) -> Field:
        field = find_field(name)
        if field.resource != self._query.resource and field.resource not in self._source.attributed:
            raise query_error(
                f"PROHIBITED_RESOURCE_TYPE_IN_{'SELECT' if clause == 'ORDER_BY' else clause}_CLAUSE",
                f"'{field.resource}' cannot be used with FROM {self._query.resource}",
                name,
            )
        return field

    def _candidates(self) -> Iterable[Any]:
        rows = self._source.rows(self._account)
        for condition in self._query.conditions:
            index = self._source.indexes.get(condition.field)
            if index is not None and condition.operator in {"=", "IN"}:
                field = find_field(condition.field)
                rows = index(self._account, dict.fromkeys(field.convert(value) for value in condition.values))
                break
        return self._lagging(rows) if self._lag_s else rows

    def _lagging(self, rows: Iterable[Any]) -> Iterator[Any]:
        """The rows as they were some time ago."""
        moment = self._now - self._lag_s
        for row in rows:
            if isinstance(row, AdLabel | AdGroupLabel):
                holder = row.ad if isinstance(row, AdLabel) else row.ad_group
                past = holder.as_of(moment)
                if past is not None and row.label in past.labels:
                    yield row
            elif not hasattr(row, "as_of"):
                yield row
            elif (past := row.as_of(moment)) is not None:
                yield past

    def _entity(self, resource: str, entity: Any) -> Any:
        return entity if resource == self._query.resource else self._source.attributed[resource](entity)

    def _reader(self, field: Field) -> Callable[[Any], Any]:
        shortcut = _SHORTCUTS.get((field.resource, field.name))
        if shortcut is not None:
            return lambda entity: shortcut(self._entity(field.resource, entity))
        get = field.getter()

        def read(entity: Any) -> Any:
            message = self._resource_message(field.resource, entity)
            return None if message is None else get(message)

        return read

    def _resource_message(self, resource: str, entity: Any) -> Message:
        """The message of the row's resource, None where the row has none (a campaign without a budget)."""
        target = self._entity(resource, entity)
        if target is None:
            return None
        key = (resource, id(target))
        kept = self._messages.get(key)
        if kept is None:
            kept = target, target.message(self._now) if isinstance(target, Ad) else target.message()
            if len(self._messages) > 1_000:
                self._messages.clear()
            # The entity is kept with its message: an id alone could be another object's by now.
            self._messages[key] = kept
        return kept[1]

    def _projection(self) -> list[tuple[str, "Plan"]]:
        trees: dict[str, dict[str, Any]] = {}
        if self._query.parameters.get("omit_unselected_resource_names") != "true":
            trees[self._query.resource] = {"resource_name": None}
        for field in self.fields:
            named = self._query.parameters.get("omit_unselected_resource_names") != "true"
            tree = trees.setdefault(field.resource, {"resource_name": None} if named else {})
            for step in field.steps[:-1]:
                tree = tree.setdefault(step, {})
            tree[field.steps[-1]] = None
        row = message_class("services.GoogleAdsRow").DESCRIPTOR.fields_by_name
        return [(name, _compiled(tree, row[name].message_type)) for name, tree in trees.items()]


def _sort_key(value: Any) -> tuple[bool, Any]:
    return value is not None, value if value is not None else 0


Plan = list[tuple[str, str, Any]]  # field, how to copy it, and the plan below


def _compiled(tree: dict[str, Any], descriptor: Descriptor) -> Plan:
    """What to copy, with all questions about descriptors answered once a query instead of once a row."""
    plan: Plan = []
    for name, below in tree.items():
        field = descriptor.fields_by_name[name]
        if field.is_repeated:
            plan.append((name, "repeated", None))
        elif field.message_type is not None:
            plan.append((name, "message", None if below is None else _compiled(below, field.message_type)))
        else:
            plan.append((name, "optional" if field.has_presence else "plain", None))
    return plan


def _copy(source: Message, target: Message, plan: Plan) -> None:
    for name, how, below in plan:
        if how == "repeated":
            getattr(target, name).MergeFrom(getattr(source, name))
        elif how == "plain":
            setattr(target, name, getattr(source, name))
        elif source.HasField(name):
            if how == "optional":
                setattr(target, name, getattr(source, name))
            elif below is None:
                getattr(target, name).CopyFrom(getattr(source, name))
            else:
                _copy(getattr(source, name), getattr(target, name), below)
