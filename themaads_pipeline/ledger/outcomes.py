"""What the ledger tells about the outcomes of an upload: for reports, checks and metadata."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from psycopg_pool import PoolClosed

from themaads_pipeline.ledger.database import Database, queries, sql_of
from themaads_pipeline.ledger.outages import LOST_CONNECTION, rides_out
from themaads_pipeline.model.items import ItemState, RejectedRow

_AT_ONCE = 5_000  # rows of a stream
_BACK_OFF_S = 1.0
_MADE = (ItemState.APPLIED, ItemState.DONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """An ad group that stands for others; without a name where it was never looked up."""

    customer_id: int
    ad_group_id: int
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyPattern:
    """Refusals by policy that have the same topic and the same cause."""

    topic: str  # Google's; its error code where it names none
    type: str  # PROHIBITED, LIMITED ...; empty where Google did not say
    trigger: str  # the text, or the site of the URL; empty where Google names none
    items: int
    accounts: int
    uploads: int
    of_items: int  # all items that were looked through, refused or not
    examples: tuple[Example, ...]  # three at most

    @property
    def share(self) -> float:
        """Of all items, 0 to 1."""
        return self.items / self.of_items if self.of_items else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Which:
    """Some of an upload's items: those that are all of this. None: no matter."""

    state: ItemState | None = None
    category: str | None = None
    code: str | None = None
    customer_id: int | None = None
    edition: str | None = None  # its name, or its theme's for all years

    def parameters(self) -> dict[str, Any]:
        """As the queries have them."""
        return {
            "state": str(self.state) if self.state else None,
            "category": self.category,
            "code": self.code,
            "customer_id": self.customer_id,
            "edition": self.edition,
        }


ALL = Which()


class Outcomes:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def items(
        self, upload: int, *, state: ItemState | None = None, which: Which = ALL
    ) -> Iterator[dict[str, Any]]:
        """Every item with all its columns and its `lines`, in file order, streamed; or some of them.

        Nothing comes before all of them are gathered: some seconds for a million.
        """
        chosen = replace(which, state=state) if state else which
        return self._streamed("outcomes", {"upload": upload, **chosen.parameters()})

    @rides_out
    def first_items(self, upload: int, *, which: Which = ALL, limit: int) -> list[dict[str, Any]]:
        """The first of these items, with all their columns and without `lines`."""
        with self._database.transaction() as connection:
            return list(queries.first_outcomes(connection, upload=upload, limit=limit, **which.parameters()))

    @rides_out
    def rejected_rows(self, upload: int, *, limit: int | None = None) -> list[RejectedRow]:
        """Rows that became no item, by line."""
        with self._database.transaction() as connection:
            return [
                RejectedRow(**row) for row in queries.rejected_rows(connection, upload=upload, limit=limit)
            ]

    def each_rejected_row(self, upload: int) -> Iterator[RejectedRow]:
        """Rows that became no item, by line, streamed: a bad file can have a million."""
        for row in self._streamed("rejected_rows", {"upload": upload, "limit": None}):
            yield RejectedRow(**row)

    def _streamed(self, query: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Row by row. Where the connection is lost, the query is asked again and goes on where it was."""
        given, lost_at = 0, 0.0
        while True:
            try:
                with self._database.transaction() as connection, connection.cursor(query) as cursor:
                    queries.read_whole_tables(connection)
                    cursor.itersize = _AT_ONCE
                    cursor.execute(sql_of(query), parameters)
                    for row in islice(cursor, given, None):
                        given, lost_at = given + 1, 0.0
                        yield row
                    return
            except PoolClosed:
                raise
            except LOST_CONNECTION as error:
                if not lost_at and self._database.patience.is_lost:
                    raise
                lost_at = lost_at or time.monotonic()
                self._database.patience.wait(error, since=lost_at, delay=_BACK_OFF_S)

    @rides_out
    def rejected_by_reason(self, upload: int) -> dict[str, int]:
        """How many rows were rejected, by reason, most first."""
        with self._database.transaction() as connection:
            return {
                row["reason"]: row["rows"] for row in queries.rejected_by_reason(connection, upload=upload)
            }

    @rides_out
    def counts_by_reason(self, upload: int, *, which: Which = ALL) -> list[dict[str, Any]]:
        """Items by `state`, `category` and `code`, most first, with an `example` message."""
        with self._database.transaction() as connection:
            return list(queries.counts_by_reason(connection, upload=upload, **which.parameters()))

    @rides_out
    def failures_by_reason(self, upload: int) -> list[dict[str, Any]]:
        """Failed items by `category` and `code`, most first, with an `example` message.

        Milliseconds, however many there are: `counts_by_reason` goes through all items.
        """
        with self._database.transaction() as connection:
            return list(queries.failures_by_reason(connection, upload=upload))

    @rides_out
    def counts_by_account(self, upload: int) -> dict[int, dict[str, int]]:
        """Items of each account by state."""
        counts: dict[int, dict[str, int]] = {}
        with self._database.transaction() as connection:
            for row in queries.counts_by_account(connection, upload=upload):
                counts.setdefault(row["customer_id"], {})[row["state"]] = row["items"]
        return counts

    @rides_out
    def policy_patterns(self, upload: int | None = None) -> list[PolicyPattern]:
        """What policy refused, by topic and cause, the thousand with most items; of one upload, or of all."""
        with self._database.transaction() as connection:
            return [
                PolicyPattern(**row | {"examples": tuple(Example(**example) for example in row["examples"])})
                for row in queries.policy_patterns(connection, upload=upload)
            ]

    @rides_out
    def made_ads(self, upload: int) -> list[dict[str, Any]]:
        """Ads this upload made: `customer_id`, `ad_group_id`, `new_ad_id`, `edition`."""
        with self._database.transaction() as connection:
            return list(queries.made_ads(connection, upload=upload))

    def made_ads_by_account(
        self, upload: int, *, size: int
    ) -> Iterator[tuple[int, Iterator[list[dict[str, Any]]]]]:
        """The same by account, each one's in parts of at most `size`; a part is read when its turn comes."""
        for customer_id, counts in self.counts_by_account(upload).items():
            if any(counts.get(state) for state in _MADE):
                yield customer_id, self._made_ads_of(upload, customer_id, size)

    def _made_ads_of(self, upload: int, customer_id: int, size: int) -> Iterator[list[dict[str, Any]]]:
        part = self._made_ads_behind(upload, customer_id, 0, "", size)
        while part:
            yield part
            last = part[-1]
            part = self._made_ads_behind(upload, customer_id, last["ad_group_id"], last["edition"], size)

    @rides_out
    def _made_ads_behind(
        self, upload: int, customer_id: int, ad_group_id: int, edition: str, size: int
    ) -> list[dict[str, Any]]:
        with self._database.transaction() as connection:
            return list(
                queries.made_ads_of(
                    connection,
                    upload=upload,
                    customer_id=customer_id,
                    ad_group_id=ad_group_id,
                    edition=edition,
                    limit=size,
                )
            )
