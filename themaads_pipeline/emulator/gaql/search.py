"""Answers a query: finds the rows (by index where one fits), filters, orders, and copies the selected
fields.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

from themaads_pipeline.emulator.entities import Account, Ad, AdGroup, Campaign
from themaads_pipeline.emulator.gaql.compatibility import check_fields
from themaads_pipeline.emulator.gaql.conditions import value_test
from themaads_pipeline.emulator.gaql.dates import is_core_segment, range_of, today_in
from themaads_pipeline.emulator.gaql.fields import Field, find_field, resource_names
from themaads_pipeline.emulator.gaql.metrics import metric, segment_of_day
from themaads_pipeline.emulator.gaql.projection import Plan, copy_fields, keep_fields, projection
from themaads_pipeline.emulator.gaql.query import Query
from themaads_pipeline.emulator.gaql.registry import SOURCES
from themaads_pipeline.emulator.gaql.reports import ReportRow, all_days, report
from themaads_pipeline.emulator.gaql.sources import AdGroupLabel, AdLabel, Source
from themaads_pipeline.emulator.gaql.tokens import query_error
from themaads_pipeline.emulator.messages import Message, enum_values, message_class
from themaads_pipeline.emulator.traffic import Traffic

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
    ("change_event", "change_event.change_date_time"): lambda event: event.date_time,
    ("change_event", "change_event.change_resource_type"): lambda event: event.resource_type,
    ("change_status", "change_status.last_change_date_time"): lambda status: status.event.date_time,
    ("label", "label.name"): lambda label: label.name,
    ("label", "label.status"): lambda label: label.status,
}
# Single values that are copied from the entity, where nothing else is selected of its resource.
_PLAIN: dict[str, Callable[[Any], Any]] = {
    "ad_group.resource_name": lambda group: group.resource_name,
    "ad_group.id": lambda group: group.ad_group_id,
    "ad_group.name": lambda group: group.name,
    "ad_group.status": lambda group: group.status,
    "ad_group.type_": lambda group: enum_values("AdGroupType")[group.type],
    "ad_group.campaign": lambda group: group.campaign.resource_name,
    "campaign.resource_name": lambda campaign: campaign.resource_name,
    "campaign.id": lambda campaign: campaign.campaign_id,
    "campaign.name": lambda campaign: campaign.name,
    "campaign.status": lambda campaign: campaign.status,
    "customer.resource_name": lambda account: account.resource_name,
    "customer.id": lambda account: account.customer_id,
}
_STANDING = ("ad_group_ad.primary_status", "ad_group_ad.ad_strength")  # what only some queries ask for
_KEPT_MESSAGES = 1_000
_TIMED = (Ad, AdGroup, Campaign)  # whose messages depend on the hour: reviews, end dates


class Search:
    """One checked query against one account.

    Raises:
        RequestRefusedError: The query is wrong; nothing has been read yet.
    """

    def __init__(
        self,
        query: Query,
        account: Account,
        *,
        now: float,
        lag_s: float = 0.0,
        traffic: Traffic | None = None,
    ) -> None:
        if query.resource not in SOURCES:
            known = query.resource in resource_names()
            name = "PROHIBITED_RESOURCE_TYPE_IN_FROM_CLAUSE" if known else "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"
            about = ": the emulator does not keep it" if known else ""
            raise query_error(
                name, f"invalid resource type '{query.resource}' in FROM{about}", query.resource
            )
        self._query, self._account, self._now, self._lag_s = query, account, now, lag_s
        self._traffic = traffic
        self._source: Source = SOURCES[query.resource]
        self._today: date | None = None
        if self._source.check is not None:
            self._source.check(query, account, now)
        checked = check_fields(query, self._source.attributed, manager=account.manager)
        self.fields, self._segments = checked.selected, checked.segments
        tests = [
            (field, self._reader(field), value_test(condition, field, self._day))
            for condition, field in zip(query.conditions, checked.conditioned, strict=True)
        ]
        self._tests = [(read, test) for field, read, test in tests if field.category == "ATTRIBUTE"]
        self._day_tests = [(field.steps[0], test) for field, _, test in tests if is_core_segment(field.name)]
        self._report_tests = [
            (read, test)
            for field, read, test in tests
            if field.category != "ATTRIBUTE" and not is_core_segment(field.name)
        ]
        self._range = range_of(query.conditions, self._day)
        self._is_report = checked.wants_metrics or bool(self._segments)
        self._order = [
            (self._reader(field), descending)
            for field, (_, descending) in zip(checked.ordered, query.order, strict=True)
        ]
        self._messages: dict[tuple[str, int], tuple[Any, Message]] = {}
        self._parts: dict[tuple[str, int], tuple[Any, Message]] = {}
        names = query.parameters.get("omit_unselected_resource_names") != "true"
        self._plans = projection(query.resource, self.fields, names=names)
        self._direct = {
            resource: [(step, _PLAIN[f"{resource}.{step}"]) for step in plan]
            for resource, plan in self._plans
            if all(f"{resource}.{step}" in _PLAIN for step in plan)
        }
        self._asks_for_standing = any(field.name.startswith(_STANDING) for field in self.fields)
        self.total = 0  # how many rows there are without LIMIT, once they have been found
        self._figures = [field for field in self.fields if field.category == "METRIC"]

    @property
    def selects_metrics(self) -> bool:
        return bool(self._figures)

    def rows(self) -> list[Any]:
        """The rows of the answer, in order. Cheap to keep: nothing is copied before `message`."""
        with self._account.lock:
            found: list[Any] = self._found()
            for read, descending in reversed(self._order):
                found.sort(key=lambda row: _sort_key(read(row)), reverse=descending)
        self.total = len(found)
        return found if self._query.limit is None else found[: self._query.limit]

    def fill(self, message: Message, row: Any) -> None:
        """Puts a row into a GoogleAdsRow: the selected fields, and the names of the resources they are of.

        In place: to put a finished row into an answer would cost as much as to make it.
        """
        if isinstance(row, ReportRow):
            entity = row.entity
            self._add_figures(message, row)
        else:
            entity = row
        for resource, plan in self._plans:
            target = self._entity(resource, entity)
            if target is None:
                continue
            part = getattr(message, resource)
            part.SetInParent()
            if resource in self._direct:
                for step, read in self._direct[resource]:
                    setattr(part, step, read(target))
            elif isinstance(target, Ad) and ("ad_group_ad", id(target)) not in self._messages:
                target.fill(part, self._now, standing=self._asks_for_standing)
                keep_fields(part, plan)
            elif resource == self._query.resource:
                copy_fields(self._resource_message(resource, entity), part, plan)
            else:
                part.CopyFrom(self._shared_part(resource, entity, plan))

    def _shared_part(self, resource: str, entity: Any, plan: Plan) -> Message:
        """What many rows have alike, such as their campaign: put together once."""
        target = self._entity(resource, entity)
        key = (resource, id(target))
        kept = self._parts.get(key)
        if kept is None:
            part = message_class("services.GoogleAdsRow")()
            copy_fields(self._resource_message(resource, entity), getattr(part, resource), plan)
            if len(self._parts) > _KEPT_MESSAGES:
                self._parts.clear()
            # The entity is kept with its message: an id alone could be another object's by now.
            kept = self._parts[key] = target, getattr(part, resource)
        return kept[1]

    def summary(self, row: ReportRow) -> Message:
        """The selected metrics of a row alone."""
        message = message_class("services.GoogleAdsRow")()
        self._add_figures(message, row)
        return message

    def forget_messages(self) -> None:
        """Drop what was built for a page; an answer of a million rows must not hold a million messages."""
        self._messages.clear()
        self._parts.clear()

    def _day(self) -> date:
        if self._today is None:
            self._today = today_in(self._account.time_zone, self._now)
        return self._today

    def _found(self) -> list[Any]:
        entities: Iterable[Any] = self._candidates()
        if self._tests:
            tests = self._tests
            entities = [row for row in entities if all(test(read(row)) for read, test in tests)]
        if not self._is_report:
            return list(entities)
        rows = report(
            self._account,
            self._query.resource,
            entities,
            traffic=self._traffic,
            days=self._reported_days(),
            segments=self._segments,
        )
        return [row for row in rows if self._is_wanted(row)]

    def _is_wanted(self, row: ReportRow) -> bool:
        """With a segment, rows of nothing but zeros are left out, as with Google."""
        if not all(test(read(row)) for read, test in self._report_tests):
            return False
        if not self._segments or not self._figures:
            return True
        return any(_metric(field, row) for field in self._figures)

    def _reported_days(self) -> list[date]:
        if self._traffic is None:
            return []
        first, last = self._range or (self._traffic.since, self._day())
        days = all_days(max(first, self._traffic.since), min(last, self._day()))
        return [day for day in days if all(test(segment_of_day(name, day)) for name, test in self._day_tests)]

    def _add_figures(self, message: Message, row: ReportRow) -> None:
        for name in self._segments:
            if name in row.segments:
                setattr(message.segments, name, row.segments[name])
        if self._figures:
            message.metrics.SetInParent()
        for field in self._figures:
            value = _metric(field, row)
            if value is not None:
                setattr(message.metrics, field.steps[0], value)

    def _candidates(self) -> Iterable[Any]:
        rows = self._source.rows(self._account)
        for condition in self._query.conditions:
            index = self._source.indexes.get(condition.field)
            if index is not None and condition.operator in {"=", "IN"}:
                values = find_field(condition.field).values(condition)
                rows = index(self._account, dict.fromkeys(values))
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
        """Reads a field of a row, which is an entity or one with figures."""
        if field.category == "METRIC":
            return lambda row: _metric(field, row)
        if field.category == "SEGMENT":
            return lambda row: row.segments.get(field.steps[0])
        shortcut = _SHORTCUTS.get((field.resource, field.name))
        get = field.getter()

        def read(row: Any) -> Any:
            entity = row.entity if isinstance(row, ReportRow) else row
            if shortcut is not None:
                return shortcut(self._entity(field.resource, entity))
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
            kept = target, target.message(self._now) if isinstance(target, _TIMED) else target.message()
            if len(self._messages) > _KEPT_MESSAGES:
                self._messages.clear()
            self._messages[key] = kept
        return kept[1]


def _metric(field: Field, row: ReportRow) -> Any:
    number = field.data_type == "INT64" and field.descriptor.has_presence
    return metric(field.steps[0], row.figures, is_number=number)


def _sort_key(value: Any) -> tuple[bool, Any]:
    return value is not None, value if value is not None else 0
