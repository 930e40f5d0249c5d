"""A file before it is submitted: what would become of each ad group, and what that costs.

It plans exactly as a push does, from the live state of the accounts, and sends no mutate.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import ThemeError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.items import Item, RejectedRow
from themaads_pipeline.push.dry_run import PlannedOutcome, PlannedRequests, items_of_rows, plan_upload
from themaads_pipeline.push.registration import edition_named
from themaads_pipeline.push.work import Clock

# Operations a day that Google grants by access level (facts: "Quota"); Standard has no daily limit.
DAILY_OPERATIONS = {"Explorer": 2_880, "Basic": 15_000}


class Sink(Protocol):
    """Takes the outcomes as they are planned, and gives back what it keeps of them."""

    def __call__(self, outcomes: Iterable[PlannedOutcome]) -> list[PlannedOutcome]: ...


@dataclass(kw_only=True)
class Preview:
    """What a file would do."""

    file_name: str
    rows: int  # of the file that select an ad group
    rejected: list[RejectedRow]
    items: int
    accounts: int
    editions: tuple[str, ...]
    looked_up_by_name: int
    requests: PlannedRequests = field(default_factory=PlannedRequests)
    sample: list[PlannedOutcome] = field(default_factory=list)

    @property
    def duplicates(self) -> int:
        """Rows that select what an earlier one selects."""
        return self.rows - self.items

    def planned(self, outcome: str) -> int:
        """How many items would end so: `create`, `skip`, `fail` or `wait`."""
        return sum(items for (kind, _), items in self.requests.outcomes.items() if kind == outcome)

    def days_of_quota(self) -> dict[str, int]:
        """Days that the operations take, by access level; see `days_of_quota`."""
        return days_of_quota(self.requests.operations)


def days_of_quota(operations: int) -> dict[str, int]:
    """How many days' quota the operations are, by access level.

    >>> days_of_quota(30_001)
    {'Explorer': 11, 'Basic': 3}
    """
    return {level: math.ceil(operations / daily) for level, daily in DAILY_OPERATIONS.items()}


def first_creates(count: int) -> Sink:
    """Keep the first `count` outcomes that are new ads, and nothing of the others."""

    def keep(outcomes: Iterable[PlannedOutcome]) -> list[PlannedOutcome]:
        kept: list[PlannedOutcome] = []
        for outcome in outcomes:
            if outcome.outcome == "create" and len(kept) < count:
                kept.append(outcome)
        return kept

    return keep


def edition_for(path: Path, theme: str | None, *, catalogue: Catalogue, now: datetime) -> str | None:
    """The edition for rows that name none: of the theme given, or else of the file's name; None: neither.

    Raises:
        ThemeError: There is no such theme, or the edition is over.
    """
    today = now.date()
    name = edition_named(theme, catalogue=catalogue, today=today)
    if name is None:
        found = catalogue.edition_in_file_name(path.name, today)
        name = found.name if found else None
    if name is not None and (edition := catalogue.edition(name)).ends < today:
        raise ThemeError(
            f"{edition.title} ended on {edition.ends:%Y-%m-%d}: choose an edition that is to come"
        )
    return name


def expect_theme(path: Path, theme: str | None, *, catalogue: Catalogue, now: datetime) -> None:
    """Refuse before a file is handed in what would fail later as a whole.

    Raises:
        ThemeError: The theme is not known or its edition over, or neither a theme, the file's name nor a
            column names one.
        UnusableFileError: Not one row can be read.
    """
    if edition_for(path, theme, catalogue=catalogue, now=now) is not None:
        return
    from themaads_pipeline.intake.readers import read_table  # noqa: PLC0415 - pandas costs half a second

    if "theme" not in read_table(path, only=frozenset({"theme"})).columns:
        known = ", ".join(each.name for each in catalogue.themes)
        raise ThemeError(
            f"{path.name}: neither its name nor a column names a theme: give --theme, one of {known}"
        )


def preview_file(
    path: Path,
    *,
    theme: str | None,
    ledger: Ledger | None,
    gateway: Gateway,
    catalogue: Catalogue,
    clock: Clock,
    sink: Sink,
    limit: int | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _items: None,
) -> Preview:
    """Read a file and plan every item of it; only reads are sent, and nothing is written to the ledger.

    Args:
        path: The file.
        theme: For rows without one; None: the one in the file's name, if any.
        ledger: Knows the ads of other uploads; None: only the accounts are asked.
        gateway: The accounts.
        catalogue: The themes.
        clock: Decides which edition is next, and what countdowns show.
        sink: Gets each planned outcome; what it gives back is the preview's sample.
        limit: Plan so many items and no more.
        on_progress: Called with how many items are planned, of how many.

    Raises:
        UnusableFileError: Not one row can be read.
        ThemeError: There is no such theme, or its edition is over.
        AdsError: The accounts cannot be asked.
    """
    now = clock()
    edition = edition_for(path, theme, catalogue=catalogue, now=now)
    from themaads_pipeline.push.reading import select_rows  # noqa: PLC0415 - pandas costs half a second

    selected = select_rows(
        path, edition=edition, catalogue=catalogue, today=now.date(), gateway=lambda: gateway
    )
    table = selected.rows
    columns = (table[name].tolist() for name in ("line", "customer_id", "ad_group_id", "edition"))
    by_account = items_of_rows(zip(*columns, strict=True))
    items = sum(len(each) for _, each in by_account)
    preview = Preview(
        file_name=path.name,
        rows=len(table),
        rejected=selected.rejected,
        items=items,
        accounts=len(by_account),
        editions=tuple(sorted(map(str, table["edition"].unique()))),
        looked_up_by_name=selected.resolved_by_name,
    )
    outcomes = plan_upload(
        _limited(by_account, limit),
        ledger=ledger,
        gateway=gateway,
        catalogue=catalogue,
        clock=clock,
        requests=preview.requests,
    )
    preview.sample = sink(_counted(outcomes, min(items, limit or items), on_progress))
    return preview


def _limited(by_account: list[tuple[int, list[Item]]], limit: int | None) -> Iterator[tuple[int, list[Item]]]:
    left = limit
    for customer_id, items in by_account:
        chosen = items if left is None else items[:left]
        if left is not None:
            left -= len(chosen)
        if chosen:
            yield customer_id, chosen


def _counted(
    outcomes: Iterable[PlannedOutcome], items: int, on_progress: Callable[[int, int], None]
) -> Iterator[PlannedOutcome]:
    on_progress(0, items)
    for done, outcome in enumerate(outcomes, start=1):
        yield outcome
        if done % 500 == 0 or done == items:
            on_progress(done, items)
