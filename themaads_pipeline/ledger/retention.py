"""Retention: items, rows and attempts of uploads of long ago go; uploads, their counts and lessons stay."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from themaads_pipeline.exceptions import GuardError
from themaads_pipeline.ledger.database import Database, Owner, queries, taken_over
from themaads_pipeline.ledger.outages import rides_out
from themaads_pipeline.ledger.uploads import as_upload
from themaads_pipeline.model.uploads import Upload

__all__ = ["Kept", "Retention"]

_AT_ONCE = 5_000  # rows of a transaction: some hundredths of a second
_ATTEMPTS_AT_ONCE = 20  # each with up to thousands of rows of its own


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What the ledger has of an upload that can go: its items; lines of its file; requests that were sent."""

    items: int
    rows: int
    attempts: int


class Retention:
    """Finds what is old enough, and deletes it in transactions that nobody has to wait for."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    @rides_out
    def finished_for(self, days: float) -> list[Upload]:
        """Uploads that have been finished for so many days and were not pruned to the end, oldest first."""
        with self._database.transaction() as connection:
            return [as_upload(row) for row in queries.finished_long_ago(connection, days=days)]

    @rides_out
    def editions_of(self, upload: int) -> list[str]:
        """Every edition that an item of the upload is for, by name."""
        with self._database.transaction() as connection:
            return [row["edition"] for row in queries.editions_of(connection, upload=upload)]

    @rides_out
    def kept_of(self, upload: int) -> Kept:
        """What there is of an upload that can go."""
        with self._database.transaction() as connection:
            return Kept(**queries.kept_of(connection, upload=upload))

    @rides_out
    def begin(self, owner: Owner) -> None:
        """Note that from now on the upload has no items that anybody may count on.

        Raises:
            FencedError: The upload is not ours any more.
            GuardError: It is not finished any more, or a person has just put items of it back to work.
        """
        with self._database.transaction() as connection:
            if queries.lock_upload(connection, upload=owner.upload, epoch=owner.epoch) is None:
                raise taken_over(owner)
            if not queries.begin_pruning(connection, upload=owner.upload, epoch=owner.epoch):
                raise GuardError(f"#{owner.upload} is at work again: it is not pruned")

    def prune(self, owner: Owner, *, tell: Callable[[int], None] = lambda _: None) -> None:
        """Delete what there is of it, a part at a time. Killed in between, it goes on when it is asked again.

        Args:
            owner: The hold on the upload, for which `begin` was called.
            tell: Gets the number of items, lines and attempts that are gone, after each part.

        Raises:
            FencedError: The upload is not ours any more.
        """
        deleted = 0
        for query, first, at_once in (
            # The items last: what an item was sent in is looked up by it.
            ("prune_attempts", {"attempt_id": 0}, _ATTEMPTS_AT_ONCE),
            ("prune_rejected_rows", {"line": -1}, _AT_ONCE),
            ("prune_source_rows", {"line": -1}, _AT_ONCE),
            ("prune_items", {"customer_id": 0, "ad_group_id": 0, "edition": ""}, _AT_ONCE),
        ):
            behind: dict[str, Any] | None = first
            while behind is not None:
                behind, count = self._prune_part(owner, query, behind, at_once)
                deleted += count
                tell(deleted)

    @rides_out
    def _prune_part(
        self, owner: Owner, query: str, behind: dict[str, Any], at_once: int
    ) -> tuple[dict[str, Any] | None, int]:
        """Delete the next ones behind some key; gives the last key, and how many there were."""
        with self._database.owned(owner) as connection:
            last: dict[str, Any] | None = getattr(queries, query)(
                connection, upload=owner.upload, limit=at_once, **behind
            )
            queries.beat(
                connection, upload=owner.upload, epoch=owner.epoch, doing="pruning its items", waits_s=0
            )
        if last is None:
            return None, 0
        return {name: last[name] for name in behind}, last["deleted"]
