"""Rows and items as they come in from a file, and the items a run still has to do."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from psycopg.rows import tuple_row

from themaads_pipeline.exceptions import GuardError, PermanentError
from themaads_pipeline.ledger.database import (
    Connection,
    Database,
    Owner,
    array_of,
    queries,
    sql_of,
    taken_over,
)
from themaads_pipeline.ledger.outages import rides_out
from themaads_pipeline.model.items import Item, ItemState, RejectedRow
from themaads_pipeline.model.telling import PART

if TYPE_CHECKING:
    import pandas as pd

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAccount:
    """An account that still has work, and how many items."""

    customer_id: int
    items: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the ledger knew of some ad groups at one moment, of the database's clock."""

    at: datetime
    ads: dict[tuple[int, str], frozenset[int]]  # that it made, by ad group and edition, for whichever upload
    in_doubt: dict[int, datetime]  # ad groups that a request may still be changing, with its deadline


class Rows:
    """Writes what was read, once; reads what is still to be done."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    @rides_out
    def write(
        self,
        owner: Owner,
        rows: "pd.DataFrame",
        rejected: Iterable[RejectedRow],
        *,
        on_written: Callable[[int], None] = lambda _: None,
    ) -> bool:
        """Write all rows, the items they select and the rejected rows, in one transaction, part by part.

        Args:
            owner: Our hold on the upload; looked at with every part, and guarded at the end.
            rows: With line, customer_id, ad_group_id, edition, ad_group_name, campaign_id, campaign_name; the
                last three may be missing. Rows that select the same ad group for the same edition become one
                item, which has the names of the first. Items are made account by account, in file order.
            rejected: The rows that select nothing. They are gone through again where the connection is lost.
            on_written: Called after each part with how many rows of either kind are written so far.

        Returns:
            False, and nothing is written, when the upload was read before.

        Raises:
            FencedError: The upload is not ours any more; nothing is written.
        """
        # Here and not above: pandas costs a second, and most who use the ledger write no rows.
        from themaads_pipeline.ledger.incoming import parts_of  # noqa: PLC0415

        written = 0
        with self._database.transaction() as connection, connection.cursor() as cursor:
            if not self._is_ours_to_read(connection, owner):
                return False
            for part in parts_of(rows, owner.upload):
                for query, text in (("copy_source_rows", part.source_rows), ("copy_items", part.items)):
                    with cursor.copy(sql_of(query)) as copy:
                        copy.write(text)
                written += part.rows
                self._is_ours_to_read(connection, owner)
                on_written(written)
            for bad in _parts(rejected):
                with cursor.copy(sql_of("copy_rejected_rows")) as copy:
                    for each in bad:
                        copy.write_row(
                            (
                                owner.upload,
                                each.line,
                                each.reason,
                                _storable(each.message),
                                _storable(each.raw),
                            )
                        )
                written += len(bad)
                self._is_ours_to_read(connection, owner)
                on_written(written)
            if not queries.mark_read(connection, upload=owner.upload, epoch=owner.epoch):
                raise taken_over(owner)
            return True

    def _is_ours_to_read(self, connection: Connection, owner: Owner) -> bool:
        upload = queries.owned_unread(connection, upload=owner.upload, epoch=owner.epoch)
        if upload is None or not upload["is_owned"]:
            raise taken_over(owner)
        return bool(upload["is_unread"])

    @rides_out
    def open_accounts(self, upload: int) -> list[OpenAccount]:
        """The accounts with work left, the one with the most first: it decides when the upload ends."""
        with self._database.transaction() as connection:
            return [OpenAccount(**row) for row in queries.accounts_with_open_items(connection, upload=upload)]

    @rides_out
    def open_items(
        self,
        upload: int,
        customer_id: int,
        state: ItemState,
        *,
        after: int = 0,
        limit: int,
        deaths: int | None = None,
    ) -> list[Item]:
        """The next `limit` items of an account in one state, in file order, behind item `after`.

        With `deaths` only those that were in flight in so many attempts whose worker died.
        """
        wanted = {
            "upload": upload,
            "customer_id": customer_id,
            "state": str(state),
            "after": after,
            "limit": limit,
            "deaths": deaths,
        }
        with (
            self._database.transaction() as connection,
            connection.cursor(row_factory=tuple_row) as cursor,
        ):
            rows = cursor.execute(sql_of("open_items"), wanted).fetchall()
            return [
                Item(
                    item_id=item_id,
                    customer_id=customer_id,
                    ad_group_id=ad_group_id,
                    edition=edition,
                    state=state,
                    attempts=attempts,
                    refusals=refusals,
                    deaths=died,
                    new_ad_id=new_ad_id,
                    copied_ad_id=copied_ad_id,
                )
                for item_id, ad_group_id, edition, attempts, refusals, died, new_ad_id, copied_ad_id in rows
            ]

    @rides_out
    def deaths_of_pending(self, upload: int, customer_id: int) -> list[int]:
        """The numbers of deaths among the account's pending items, each once, the fewest first."""
        with self._database.transaction() as connection:
            rows = queries.deaths_of_pending(connection, upload=upload, customer_id=customer_id)
            return [row["deaths"] for row in rows]

    @rides_out
    def next_due(self, upload: int, customer_id: int) -> tuple[datetime | None, int]:
        """When the first of the account's pending items may be sent (None: there is none), and how many of
        them wait for their time.
        """
        with self._database.transaction() as connection:
            row = queries.next_due(connection, upload=upload, customer_id=customer_id)
            return row["due_at"], row["waiting"]

    @rides_out
    def known_of(self, customer_id: int, ad_group_ids: Sequence[int]) -> Known:
        """What the ledger knows of ad groups of an account whose state is about to be read."""
        chosen = {"customer_id": customer_id, "ad_group_ids": array_of(ad_group_ids)}
        with self._database.transaction() as connection:
            at: datetime = queries.now(connection)
            in_doubt = {
                row["ad_group_id"]: row["deadline_at"]
                for row in queries.ad_groups_in_doubt(connection, **chosen)
            }
            ads: dict[tuple[int, str], set[int]] = {}
            for row in queries.known_ads(connection, **chosen):
                ads.setdefault((row["ad_group_id"], row["edition"]), set()).add(row["new_ad_id"])
        return Known(at=at, in_doubt=in_doubt, ads={key: frozenset(ids) for key, ids in ads.items()})

    def retry(
        self,
        upload: int,
        *,
        states: Sequence[ItemState],
        category: str | None,
        customer_id: int | None,
        code: str | None = None,
    ) -> int:
        """By a person: final items back to work; those whose ad is there get their labels only.

        Args:
            upload: Its number.
            states: Failed ones, skipped ones, or both.
            category: Failures of this one only.
            customer_id: Of this account only.
            code: Of this one only: of a failure Google's or ours, of a skip its reason.

        Raises:
            GuardError: A state that is not final for retrying was asked for.
            PermanentError: The upload was pruned.
        """
        if not set(states) <= {ItemState.FAILED, ItemState.SKIPPED}:
            raise GuardError(f"only failed and skipped items can be retried, not {[str(s) for s in states]}")
        chosen = {
            "upload": upload,
            "states": [str(state) for state in states],
            "category": category,
            "customer_id": customer_id,
            "code": code,
        }
        with self._database.transaction() as connection:
            kept = queries.has_items(connection, upload=upload)
            if kept is None or not kept["has_items"]:
                raise PermanentError(f"#{upload}: its items were pruned, and none is left to retry")
            return int(queries.retry_items(connection, **chosen) + queries.retry_labels(connection, **chosen))


def _parts(rows: Iterable[_T]) -> Iterator[list[_T]]:
    """Few enough at a time that each part is written within seconds."""
    left = iter(rows)
    while part := list(islice(left, PART)):
        yield part


def _storable(text: str) -> str:
    """Postgres text holds every character but NUL."""
    return text.replace("\x00", "\N{SYMBOL FOR NULL}")
