"""The live state of some ad groups, with all that a plan needs to know beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.ads import Account, Snapshot
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.items import Item
from themaads_pipeline.model.lessons import KnownLesson, LessonBook
from themaads_pipeline.model.planning import Create, LabelBook, Planner, Present, Refuse, Skip

_NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What was seen of the ad groups of some items, and when (the database's clock, before the read)."""

    snapshot: Snapshot
    known_ads: dict[tuple[int, str], frozenset[int]]
    in_doubt: dict[int, datetime]  # ad groups that a request may still be changing
    read_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Plans:
    """What is to be done with some items; `blocked` ones wait for a request in doubt."""

    creates: list[Create]
    presents: list[Present]
    skips: list[Skip]
    refusals: list[Refuse]
    blocked: list[Item]


def local_now(account: Account, now: datetime) -> datetime:
    """The wall clock in the account's time zone (naive), where editions and countdowns live."""
    try:
        zone = ZoneInfo(account.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("Europe/Amsterdam")
    return now.astimezone(zone).replace(tzinfo=None)


def look(ledger: Ledger | None, gateway: Gateway, account: Account, items: Sequence[Item]) -> View:
    """Read the live state of the items' ad groups, and what the ledger, where there is one, knows of them."""
    ad_group_ids = sorted({item.ad_group_id for item in items})
    if ledger is None:
        snapshot = gateway.read_snapshot(account, ad_group_ids)
        return View(snapshot=snapshot, known_ads={}, in_doubt={}, read_at=datetime.now(UTC))
    known = ledger.rows.known_of(account.customer_id, ad_group_ids)
    return View(
        in_doubt=known.in_doubt,
        known_ads=known.ads,
        snapshot=gateway.read_snapshot(account, ad_group_ids),
        read_at=known.at,
    )


def plan_items(
    items: Sequence[Item],
    view: View,
    *,
    catalogue: Catalogue,
    labels: LabelBook,
    local_now: datetime,
    lessons: Sequence[KnownLesson] = (),
) -> Plans:
    """Decide on every item of one account; the same function plans a push, a dry run and a preview."""
    plans = Plans(creates=[], presents=[], skips=[], refusals=[], blocked=[])
    planner = Planner(
        snapshot=view.snapshot,
        labels=labels,
        catalogue=catalogue,
        local_now=local_now,
        lessons=LessonBook(lessons),
    )
    for item in items:
        if item.ad_group_id in view.in_doubt:
            plans.blocked.append(item)
            continue
        plan = planner.plan(item, view.known_ads.get((item.ad_group_id, item.edition), _NONE))
        match plan:
            case Create():
                plans.creates.append(plan)
            case Present():
                plans.presents.append(plan)
            case Skip():
                plans.skips.append(plan)
            case Refuse():
                plans.refusals.append(plan)
    return plans
