"""change_event and change_status: made from what an account's change log keeps, when they are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from themaads_pipeline.emulator.entities import Account, Ad, AdGroup, Campaign, Document
from themaads_pipeline.emulator.gaql.change_rules import change_check
from themaads_pipeline.emulator.gaql.differences import copy_differences
from themaads_pipeline.emulator.gaql.document_sources import ad_group_of, campaign_of
from themaads_pipeline.emulator.gaql.sources import Source
from themaads_pipeline.emulator.messages import Message, enum_values, message_class
from themaads_pipeline.emulator.tokens import IMPERSONATED_USER

_EVENT_DAYS, _STATUS_DAYS = 30, 90
_STATUS_OF = {"create": "ADDED", "update": "CHANGED", "remove": "REMOVED"}


@lru_cache(maxsize=4_096)
def _local(micros: int, time_zone: str) -> str:
    """Kept, since all changes of a request have the same time."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, ZoneInfo(time_zone)):%Y-%m-%d %H:%M:%S}.{rest:06}"


@dataclass(slots=True)
class ChangeEvent:
    """One operation on one resource. `before` is None for a creation, `after` for a removal."""

    account: Account
    micros: int
    index: int  # of the operation in its request
    resource: str
    operation: str
    entity: Any
    before: Any
    after: Any

    def as_of(self, moment: float) -> Self | None:
        return self if self.micros <= moment * 1_000_000 else None

    @property
    def date_time(self) -> str:
        """In the account's time zone, to the microsecond."""
        return _local(self.micros, self.account.time_zone)

    @property
    def campaign(self) -> Campaign | None:
        match self.entity:
            case Campaign():
                return self.entity
            case AdGroup():
                return self.entity.campaign
            case Ad():
                return self.entity.ad_group.campaign
            case Document():
                return campaign_of(self.entity)
        return None

    @property
    def ad_group(self) -> AdGroup | None:
        match self.entity:
            case AdGroup():
                return self.entity
            case Ad():
                return self.entity.ad_group
            case Document():
                return ad_group_of(self.entity)
        return None

    @property
    def resource_type(self) -> int:
        return enum_values("ChangeEventResourceType")[self.resource.upper()]

    @property
    def changed_name(self) -> str:
        if self.resource == "ad":
            return f"customers/{self.account.customer_id}/ads/{self.entity.ad_id}"
        return str(self.entity.resource_name)

    def message(self) -> Message:
        event = message_class("resources.ChangeEvent")(
            resource_name=f"customers/{self.account.customer_id}/changeEvents/{self.micros}~0~{self.index}",
            change_date_time=self.date_time,
            change_resource_type=self.resource_type,
            change_resource_name=self.changed_name,
            client_type=enum_values("ChangeClientType")["GOOGLE_ADS_API"],
            user_email=IMPERSONATED_USER,
            resource_change_operation=enum_values("ResourceChangeOperation")[self.operation.upper()],
        )
        if self.campaign is not None:
            event.campaign = self.campaign.resource_name
        if self.ad_group is not None:
            event.ad_group = self.ad_group.resource_name
        if self.resource == "asset":
            event.asset = self.changed_name
        old, new = self._shown(self.before), self._shown(self.after)
        known = old if new is None else new
        kept_old = getattr(event.old_resource, self.resource)
        kept_new = getattr(event.new_resource, self.resource)
        nothing = type(known)()
        old, new = nothing if old is None else old, nothing if new is None else new
        event.changed_fields.paths.extend(copy_differences(old, new, kept_old, kept_new))
        return event

    def _shown(self, state: Any) -> Message:
        if state is None:
            return None
        return state.ad_message() if self.resource == "ad" else state.message()


@dataclass(slots=True)
class ChangeStatus:
    """The latest change of one resource."""

    event: ChangeEvent

    def as_of(self, moment: float) -> Self | None:
        return self if self.event.as_of(moment) else None

    def message(self) -> Message:
        event = self.event
        resource = "ad_group_ad" if event.resource == "ad" else event.resource
        status = message_class("resources.ChangeStatus")(
            resource_name=f"customers/{event.account.customer_id}/changeStatus/{event.micros}-{event.index}",
            last_change_date_time=event.date_time,
            resource_type=enum_values("ChangeStatusResourceType")[resource.upper()],
            resource_status=enum_values("ChangeStatusOperation")[_STATUS_OF[event.operation]],
        )
        if event.campaign is not None:
            status.campaign = event.campaign.resource_name
        if event.ad_group is not None:
            status.ad_group = event.ad_group.resource_name
        setattr(status, resource, event.entity.resource_name)
        return status


def _events(account: Account) -> Iterator[ChangeEvent]:
    """The latest first: the state after a change is what the next change found."""
    found_by_next: dict[int, Any] = {}
    for commit in reversed(account.changes.commits):
        for index in range(len(commit.entities) - 1, -1, -1):
            resource, _, operation = commit.kind(index).partition(".")
            entity = commit.entities[index]
            before = commit.before.get(index)
            if entity is None or (before is not None and before.state is None):
                continue
            state = None
            if before is not None:
                entity, state = before.entity, before.state
            after = found_by_next.get(id(entity), entity)
            if before is not None:
                found_by_next[id(entity)] = state
            yield ChangeEvent(
                account=account,
                micros=commit.micros,
                index=index,
                resource=resource,
                operation=operation,
                entity=entity,
                before=None if operation == "create" else state,
                after=None if operation == "remove" else after,
            )


def _event_rows(account: Account) -> list[ChangeEvent]:
    known = enum_values("ChangeEventResourceType")
    return [event for event in _events(account) if event.resource.upper() in known][::-1]


def _status_rows(account: Account) -> list[ChangeStatus]:
    known = enum_values("ChangeStatusResourceType")
    latest: dict[int, ChangeStatus] = {}
    for event in _events(account):
        if event.resource.upper() in known or event.resource == "ad":
            latest.setdefault(id(event.entity), ChangeStatus(event))
    return list(latest.values())[::-1]


CHANGE_SOURCES: dict[str, Source] = {
    "change_event": Source(
        rows=_event_rows,
        attributed={
            "customer": lambda event: event.account,
            "campaign": lambda event: event.campaign,
            "ad_group": lambda event: event.ad_group,
        },
        check=change_check("change_event.change_date_time", "ChangeEventError", _EVENT_DAYS),
    ),
    "change_status": Source(
        rows=_status_rows,
        attributed={
            "customer": lambda status: status.event.account,
            "campaign": lambda status: status.event.campaign,
            "ad_group": lambda status: status.event.ad_group,
        },
        check=change_check("change_status.last_change_date_time", "ChangeStatusError", _STATUS_DAYS),
    ),
}
